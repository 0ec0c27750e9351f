#!/bin/sh
# Make the scripted captures of pcaps/ again, byte for byte.
#
#	make-pcaps.sh MKPCAP ROOT	write pcaps/NAME.pcap for every line of pcaps/scripted.list
#	make-pcaps.sh --check MKPCAP ROOT	compare only; 1 and the names when one differs
set -eu

check=
if [ "$1" = --check ]; then
	check=yes
	shift
fi
mkpcap=$1
root=$2
tab=$(printf '\t')
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
status=0

while IFS="$tab" read -r name script options; do
	case $name in
	'' | '#'*) continue ;;
	esac
	# The options are a list of words without blanks of their own.
	# shellcheck disable=SC2086
	"$mkpcap" $options -o "$new/$name.pcap" "$root/test/script/$script.tcp"
	if cmp -s "$new/$name.pcap" "$root/pcaps/$name.pcap"; then
		continue
	elif [ "$check" ]; then
		echo "pcaps/$name.pcap is not what test/script/$script.tcp makes" >&2
		status=1
	else
		cp "$new/$name.pcap" "$root/pcaps/$name.pcap"
		echo "pcaps/$name.pcap"
	fi
done < "$root/pcaps/scripted.list"
exit $status
