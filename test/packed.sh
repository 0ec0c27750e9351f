#!/bin/sh
# Compressed captures: the same records as from the capture itself, from a file, a pipe, and among other files;
# cut off anywhere, damaged anywhere.  The packed files of test/packed hold pcaps/data-after-fin.pcap.
#
#	TCPLINT=build/tcplint TCPLINT_SOURCE=. FORMATS='gz zst lz4 xz' test/packed.sh
set -u
tcplint=${TCPLINT:?} source=${TCPLINT_SOURCE:-$(dirname "$0")/..} formats=${FORMATS?}
plain=$source/pcaps/data-after-fin.pcap
other=$source/pcaps/half-close.pcap

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0

complain() {
	echo "FAILED: $1"
	failures=$((failures + 1))
}

# What it says, but for the name of the source.
records() {
	"$tcplint" "$@" 2>"$dir/err" | sed 's/"source":\[[^]]*\],//; s/"source":"[^"]*",//; s/"files":\[[^]]*\]//'
}

same() { # WHAT
	cmp -s "$dir/want" "$dir/got" || complain "$1: other records than from the capture itself"
	[ ! -s "$dir/err" ] || complain "$1: $(cat "$dir/err")"
}

[ -n "$formats" ] || { echo "skipped: built without any library that unpacks"; exit 77; }
for format in $formats; do
	packed=$source/test/packed/data-after-fin.pcap.$format
	records -r "$plain" >"$dir/want"
	records -r "$packed" >"$dir/got"
	same "$format"
	records -r - <"$packed" >"$dir/got"
	same "$format on standard input"
	# shellcheck disable=SC2002 # a pipe is the point
	cat "$packed" | records -r - >"$dir/got"
	same "$format from a pipe"
	cat "$packed" "$packed" >"$dir/twice"
	{ cat "$plain" "$plain"; } >"$dir/plain-twice"
	"$tcplint" -r "$dir/plain-twice" 2>&1 | sed "s,$dir/[a-z-]*,FILE,g; s/.*after frame/after frame/" >"$dir/want"
	"$tcplint" -r "$dir/twice" 2>&1 | sed "s,$dir/[a-z-]*,FILE,g; s/.*after frame/after frame/" >"$dir/got"
	cmp -s "$dir/want" "$dir/got" || complain "$format: of two streams in one file the second is not read"
	{ cat "$packed"; head -c 512 /dev/zero; } >"$dir/padded"
	records -r "$plain" >"$dir/want"
	records -r "$dir/padded" >"$dir/got"
	same "$format with padding"
	records -r "$plain" -r "$other" -r "$plain" >"$dir/want"
	records -r "$packed" -r "$other" -r "$packed" >"$dir/got"
	same "$format among others"

	size=$(wc -c <"$packed")
	at=0
	while [ "$at" -lt "$size" ]; do
		head -c "$at" "$packed" >"$dir/cut"
		"$tcplint" -r "$dir/cut" >"$dir/got" 2>"$dir/err"
		[ $? -eq 1 ] || complain "$format cut at $at: the status is not 1"
		[ "$(grep -c '^tcplint: ' "$dir/err")" -eq 1 ] || complain "$format cut at $at: $(cat "$dir/err")"
		{ head -c "$at" "$packed"; printf 'Zz'; tail -c "+$((at + 3))" "$packed"; } >"$dir/damaged"
		"$tcplint" -r "$dir/damaged" >"$dir/got" 2>"$dir/err"
		status=$?
		[ "$status" -le 1 ] || complain "$format damaged at $at: status $status, $(cat "$dir/err")"
		[ "$status" -eq 0 ] || grep -q '^tcplint: ' "$dir/err" || complain "$format damaged at $at: not a word about it"
		at=$((at + 17))
	done
done
# What came before the damage is reported.
case " $formats " in
*" gz "*)
	head -c 200 "$source/test/packed/data-after-fin.pcap.gz" >"$dir/cut"
	"$tcplint" -r "$dir/cut" 2>"$dir/err" | tail -n 1 | grep -q '"complete":false' || complain "no summary of what could be unpacked"
	grep -q 'cannot be unpacked after frame [1-9]' "$dir/err" || complain "it does not say where the unpacking ended: $(cat "$dir/err")"
	;;
esac
[ "$failures" -eq 0 ]
