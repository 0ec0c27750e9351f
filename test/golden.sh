#!/bin/sh
# Golden records: pcaps/NAME.pcap -> pcaps/NAME.ndjson, byte for byte.
#
#	golden.sh [NAME...]	compare (all of them when none is named)
#	golden.sh --update NAME...	write what the program says now; `git diff` shows what changed
#
# TCPLINT is the program, TCPLINT_SOURCE the tree, TCPLINT_SCHEMA the JSON Schema (not checked when it is unset
# or python3-jsonschema is missing); the paths are absolute.
# One line of TAP for each capture.
set -eu

: "${TCPLINT:?the program to test}"
root=${TCPLINT_SOURCE:-.}
update=
if [ "${1-}" = --update ]; then
	update=yes
	shift
	[ $# -gt 0 ] || { echo 'usage: golden.sh --update NAME...' >&2; exit 2; }
fi
cd "$root/pcaps"
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046
	set -- $(for f in *.pcap; do echo "${f%.pcap}"; done)
fi
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
failed=0
n=0

# The records of one capture into $new; complaints to $new/why.
look() {
	: > "$new/why"
	"$TCPLINT" -r "$1.pcap" --all --min-severity info > "$new/$1.ndjson" 2> "$new/why" ||
		{ echo "exit status $?" >> "$new/why"; return 1; }
	[ ! -s "$new/why" ] || return 1
	[ -z "${TCPLINT_SCHEMA-}" ] ||
		python3 ../test/validate.py "$TCPLINT_SCHEMA" "$new/$1.ndjson" > "$new/why" 2>&1 ||
		[ $? -eq 77 ] || return 1
	[ -z "$update" ] || cp "$new/$1.ndjson" "$1.ndjson"
	[ -e "$1.ndjson" ] || { echo "there is no $1.ndjson; golden.sh --update $1 writes it" > "$new/why"; return 1; }
	diff -u "$1.ndjson" "$new/$1.ndjson" > "$new/why"
}

echo "1..$#"
for name; do
	n=$((n + 1))
	if look "$name"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$new/why" | head -n 40
		failed=1
	fi
done
exit $failed
