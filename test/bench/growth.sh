#!/bin/bash
# Whether the cost of a frame grows with the number of what a capture has many of: ten times as many must cost at most
# 1.5 times as much a frame.
#
#	growth.sh [-d DIRECTORY] [-n COUNT] TCPLINT [KIND...]
#
# For each kind of made.c, and for those of ../shared/bench/gen_pcap.c where that is there, a capture of COUNT and one of ten
# times as many.  CPU time less that of an empty capture, the least of three runs; a run has at most two minutes.
# SIZE=full adds ten million half-open connections and a million established ones.  It is no test: machines differ.
set -u
here=$(cd "$(dirname "$0")" && pwd)
generator=$here/../../../shared/bench/gen_pcap.c
count=30000 directory=${TMPDIR:-/tmp}/tcplint-bench
while getopts d:n: option; do
	case $option in
	d) directory=$OPTARG ;;
	n) count=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "usage: growth.sh [-d DIRECTORY] [-n COUNT] TCPLINT [KIND...]" >&2; exit 2; }
tcplint=$1
shift
mkdir -p "$directory"
cc -O2 -o "$directory/made" "$here/made.c"
[ -f "$generator" ] && cc -O2 -o "$directory/gen_pcap" "$generator"
if [ $# -eq 0 ]; then
	set -- clean faulty bad violations holes copies zero-windows sacks resets incarnations syns scan ports hosts noise fragments \
		together clocks
	[ -f "$generator" ] && set -- "$@" half-open established adversarial collide-port collide-low
fi
capture=$directory/growth.pcap
trap 'rm -f "$capture"' EXIT

make() { # KIND COUNT
	case $1 in
	half-open) "$directory/gen_pcap" synflood -n "$2" -o "$capture" ;;
	established) "$directory/gen_pcap" hold -n "$2" --rounds 4 -o "$capture" ;;
	adversarial) "$directory/gen_pcap" adversarial -n "$2" -o "$capture" ;;
	collide-*) "$directory/gen_pcap" adversarial -n "$2" --collide "${1#collide-}" -o "$capture" ;;
	*) "$directory/made" "$1" "$2" >"$capture" ;;
	esac 2>/dev/null >&2
}

# CPU seconds of one run, and kilobytes; nothing where it did not end well.
run() {
	local TIMEFORMAT='%3U %3S' used memory
	used=$({ time /usr/bin/time -q -o "$directory/growth.memory" -f %M \
		timeout 120 "$tcplint" -r "$capture" --max-connections 10000000 >"$directory/growth.out" 2>&1; } 2>&1)
	memory=$(cat "$directory/growth.memory")
	tail -1 "$directory/growth.out" | grep -q '"type":"summary"' && awk -v m="$memory" '{ print $1 + $2, m }' <<<"$used"
}

least() {
	for _ in 1 2 3; do run; done | sort -n | head -1
}

frames() {
	tail -1 "$directory/growth.out" | sed 's/.*"frames":\([0-9]*\).*/\1/'
}

"$directory/made" clean 0 >"$capture"
read -r idle _ <<<"$(least)"
row() { # KIND COUNT
	local small small_memory large large_memory small_frames large_frames
	make "$1" "$2"
	read -r small small_memory <<<"$(least)"
	small_frames=$(frames)
	make "$1" "$((10 * $2))"
	read -r large large_memory <<<"$(least)"
	large_frames=$(frames)
	[ -n "$small" ] && [ -n "$large" ] || { printf '%-14s %9d  did not end in time\n' "$1" "$2"; return; }
	awk -v kind="$1" -v n="$2" -v a="$small" -v b="$large" -v fa="$small_frames" -v fb="$large_frames" -v idle="$idle" \
		-v ma="$small_memory" -v mb="$large_memory" 'BEGIN {
		a = (a - idle) * 1e9 / fa
		b = (b - idle) * 1e9 / fb
		printf "%-14s %9d  %6.0f ns a frame, ten times as many %6.0f: x %.2f   %5.0f MB, %5.0f MB\n",
			kind, n, a, b, b / a, ma / 1024, mb / 1024
	}'
}

for kind; do
	row "$kind" "$count"
done
if [ "${SIZE:-}" = full ] && [ -f "$generator" ]; then
	row half-open 1000000
	row established 100000
fi
