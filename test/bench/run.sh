#!/bin/bash
# What an analysis costs beside the reading: tcplint and whatever peers are installed, against an empty libpcap loop.
#
#	run.sh [-n ROUNDS] [-d DIRECTORY] TCPLINT [WORKLOAD...]
#
# Every round runs every program once, so that what disturbs the machine disturbs them alike; figures are medians of the
# ratios within a round.  CPU time is that of the whole process tree.  The captures are made by ../shared/bench/gen_pcap.c
# beside the tree, and are kept in DIRECTORY.  PEERS names the peers (none: PEERS=).  SIZE=full makes those that the
# targets speak of (about 1 GB each).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
generator=$here/../../../shared/bench/gen_pcap.c
rounds=5 directory=${TMPDIR:-/tmp}/tcplint-bench
while getopts n:d: option; do
	case $option in
	n) rounds=$OPTARG ;;
	d) directory=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "usage: run.sh [-n ROUNDS] [-d DIRECTORY] TCPLINT [WORKLOAD...]" >&2; exit 2; }
tcplint=$1
shift
[ $# -gt 0 ] || set -- bulk short mixed churn shorthdr synflood
[ -f "$generator" ] || { echo "run.sh: $generator is not there, and makes the captures" >&2; exit 2; }
mkdir -p "$directory"
cc -O2 -o "$directory/floor" "$here/floor.c" -lpcap
cc -O2 -o "$directory/gen_pcap" "$generator"

arguments() { # WORKLOAD: what it consists of, small and full
	case $1-${SIZE:-small} in
	bulk-small) echo bulk -S 200M -c 8 ;;                    bulk-full) echo bulk -S 1G -c 8 ;;
	short-small) echo short -n 27k -c 1000 -6 0.1 ;;         short-full) echo short -n 135k -c 1000 -6 0.1 ;;
	mixed-small) echo mixed -n 40k -6 0.1 ;;                 mixed-full) echo mixed -n 200k -6 0.1 ;;
	churn-small) echo churn -n 150k -c 1000 ;;               churn-full) echo churn -n 700k -c 1000 ;;
	shorthdr-small) echo short -n 130k -c 10k -s 96 -6 0.1 ;; shorthdr-full) echo short -n 650k -c 10k -s 96 -6 0.1 ;;
	synflood-small) echo synflood -n 1M --synack 0.5 ;;      synflood-full) echo synflood -n 3M --synack 0.5 ;;
	flood10M-*) echo synflood -n 10M ;;
	hold1M-*) echo hold -n 1M --rounds 4 ;;
	*) echo "run.sh: no workload is called $1" >&2; exit 2 ;;
	esac
}

programs="floor tcplint"
for peer in ${PEERS-argus softflowd tcptrace tshark}; do
	command -v $peer >/dev/null && programs="$programs $peer"
done

run() { # PROGRAM CAPTURE
	case $1 in
	floor) "$directory/floor" "$2" ;;
	tcplint) "$tcplint" -r "$2" --max-connections 10000000 ;;
	argus) argus -r "$2" -w - ;;
	softflowd) softflowd -r "$2" -d -6 -m 20000000 -T full -n 127.0.0.1:9 ;;
	tcptrace) tcptrace -n -b "$2" ;;
	tshark) tshark -n -r "$2" -q -z conv,tcp ;;
	esac
}

# Program, CPU and wall in seconds, kilobytes of its largest process: a line each, of the floor first.
round() { # CAPTURE
	for program in $programs; do
		export -f run
		export directory tcplint
		/usr/bin/time -q -o "$directory/time" -f "$program %U %S %e %M" \
			bash -c 'run "$0" "$1"' "$program" "$1" >/dev/null 2>&1 || true
		awk '{ print $1, $2 + $3, $4, $5 }' "$directory/time"
	done
}

for workload; do
	capture=$directory/$workload-${SIZE:-small}.pcap
	# shellcheck disable=SC2046
	[ -s "$capture" ] || "$directory/gen_pcap" $(arguments "$workload") -o "$capture" >/dev/null
	cat "$capture" >/dev/null
	for ((i = 0; i < rounds; i++)); do round "$capture"; done | awk -v workload="$workload" '
		function median(list, n,  i, j, x, v) {
			split(list, v, " ")
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) { x = v[j]; v[j] = v[j - 1]; v[j - 1] = x }
			return v[int((n + 1) / 2)]
		}
		$1 == "floor" { cpu = $2 > 0 ? $2 : 0.01; wall = $3 > 0 ? $3 : 0.01 }
		!($1 in n) { order[++programs] = $1 }
		{ n[$1]++; c[$1] = c[$1] " " $2 / cpu; w[$1] = w[$1] " " $3 / wall; m[$1] = m[$1] " " $4 }
		END {
			for (i = 1; i <= programs; i++) {
				p = order[i]
				printf "%-10s %-10s cpu %6.2f  wall %6.2f  memory %5.0f MB\n", workload, p,
					median(c[p], n[p]), median(w[p], n[p]), median(m[p], n[p]) / 1024
			}
		}'
done
