#!/bin/bash
# What an analysis costs beside the reading: tcplint and whatever peers are installed, against an empty libpcap loop.
#
#	run.sh [-n ROUNDS] [-p ROUNDS] [-d DIRECTORY] TCPLINT [WORKLOAD...]
#
# Every round runs every program once, so that what disturbs the machine disturbs them alike; figures are medians of the
# ratios within a round.  CPU time is that of the whole process tree, memory that of its largest process.  `tcplint` has one
# thread, `threads` two, and the last column compares their wall clocks.  They take turns in being the first, since who
# runs behind a program that has just given back much memory finds it at hand.  The captures are made by
# ../shared/bench/gen_pcap.c beside the tree; KEEP=1 keeps them.
#
# SIZE=full makes those that the targets speak of (about 1 GB each).  PEERS names the peers (none: PEERS=); they run in the
# first rounds only (-p), for TIMEOUT seconds at most, in MEMORY kilobytes of address space; what was killed is shown as a
# lower bound, and does not run again.  Each run is written to DIRECTORY/runs-SIZE.tsv at once, and is not made again when
# the script is called again: to measure anew, remove that file.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
generator=$here/../../../shared/bench/gen_pcap.c
size=${SIZE:-small}
rounds=5 peer_rounds=$([ "$size" = full ] && echo 1 || echo 3) directory=${TMPDIR:-/tmp}/tcplint-bench
usage="usage: run.sh [-n ROUNDS] [-p ROUNDS] [-d DIRECTORY] TCPLINT [WORKLOAD...]"
while getopts n:p:d: option; do
	case $option in
	n) rounds=$OPTARG ;;
	p) peer_rounds=$OPTARG ;;
	d) directory=$OPTARG ;;
	*) echo "$usage" >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "$usage" >&2; exit 2; }
tcplint=$1
shift
[ $# -gt 0 ] || set -- bulk short mixed churn shorthdr synflood
[ -f "$generator" ] || { echo "run.sh: $generator is not there, and makes the captures" >&2; exit 2; }
mkdir -p "$directory"
runs=$directory/runs-$size.tsv
touch "$runs"
cc -O2 -o "$directory/floor" "$here/floor.c" -lpcap
cc -O2 -o "$directory/gen_pcap" "$generator"

arguments() { # WORKLOAD: what it consists of, small and full
	case $1-$size in
	bulk-small) echo bulk -S 200M -c 8 ;;                    bulk-full) echo bulk -S 1G -c 8 ;;
	short-small) echo short -n 27k -c 1000 -6 0.1 ;;         short-full) echo short -n 135k -c 1000 -6 0.1 ;;
	mixed-small) echo mixed -n 40k -6 0.1 ;;                 mixed-full) echo mixed -n 200k -6 0.1 ;;
	churn-small) echo churn -n 150k -c 1000 ;;               churn-full) echo churn -n 700k -c 1000 ;;
	shorthdr-small) echo short -n 130k -c 10k -s 96 -6 0.1 ;; shorthdr-full) echo short -n 650k -c 10k -s 96 -6 0.1 ;;
	synflood-small) echo synflood -n 1M --synack 0.5 ;;      synflood-full) echo synflood -n 3M --synack 0.5 ;;
	flood10M-*) echo synflood -n 10M ;;
	hold1M-*) echo hold -n 1M --rounds 4 ;;
	*) return 1 ;;
	esac
}

peers=
for peer in ${PEERS-argus softflowd tcptrace tshark}; do
	command -v $peer >/dev/null && peers="$peers $peer"
done

run() { # PROGRAM CAPTURE
	case $1 in
	floor) exec "$directory/floor" "$2" ;;
	tcplint) exec "$tcplint" -r "$2" --max-connections 10000000 --threads 1 ;;
	threads) exec "$tcplint" -r "$2" --max-connections 10000000 --threads 2 ;;
	argus) exec argus -r "$2" -w - ;;
	softflowd) exec softflowd -r "$2" -d -6 -m 20000000 -T full -n 127.0.0.1:9 ;;
	tcptrace) exec tcptrace -n -b "$2" ;;
	tshark) exec tshark -n -r "$2" -q -z conv,tcp ;;
	esac
}
export -f run
export directory tcplint

make() { # CAPTURE WORKLOAD
	[ -s "$1" ] && return
	[ "$(df -Pk "$directory" | awk 'NR == 2 { print $4 }')" -gt 4000000 ] ||
		{ echo "run.sh: less than 4 GB are free in $directory" >&2; exit 1; }
	# shellcheck disable=SC2046
	"$directory/gen_pcap" $(arguments "$2") -o "$1.new" >/dev/null 2>&1
	mv "$1.new" "$1"
}

# A line of the table: workload, round, program, "ok" or "killed", CPU and wall in seconds, kilobytes.
measure() { # WORKLOAD ROUND PROGRAM CAPTURE
	local TIMEFORMAT='%3U %3S %3R' seconds=600 memory=unlimited status=ok used
	grep -q "^$1	$2	$3	" "$runs" && return
	case " $peers " in
	*" $3 "*)
		[ "$2" -le "$peer_rounds" ] && ! grep -q "^$1	[0-9]*	$3	killed" "$runs" || return 0
		seconds=${TIMEOUT:-40} memory=${MEMORY:-10000000}
		;;
	esac
	make "$4" "$1"
	cat "$4" >/dev/null
	used=$({ time (
		ulimit -v "$memory"
		# a peer's exit status means what it likes: 124 is timeout's, from 128 on a signal's
		/usr/bin/time -q -o "$directory/memory" -f %M timeout -k 5 "$seconds" \
			bash -c 'run "$0" "$1"' "$3" "$4" >/dev/null 2>&1 </dev/null && code=0 || code=$?
		echo "$code" >"$directory/code"
	); } 2>&1)
	code=$(cat "$directory/code")
	[ "$code" -ne 124 ] && [ "$code" -lt 128 ] || status=killed
	awk -v OFS='\t' -v w="$1" -v n="$2" -v p="$3" -v s=$status -v m="$(tail -1 "$directory/memory")" \
		'{ print w, n, p, s, $1 + $2, $3, m }' <<<"$used" >>"$runs"
}

for workload; do
	arguments "$workload" >/dev/null || { echo "run.sh: no workload is called $workload" >&2; exit 2; }
done
ours=(floor tcplint threads)
for workload; do
	capture=$directory/$workload-$size.pcap
	for ((i = 1; i <= rounds; i++)); do
		for program in "${ours[@]:i % 3}" "${ours[@]:0:i % 3}" $peers; do
			measure "$workload" $i "$program" "$capture"
		done
	done
	[ -n "${KEEP:-}" ] || rm -f "$capture"
	awk -F '\t' -v workload="$workload" -v ours="${ours[*]}" '
		BEGIN { programs = split(ours, order, " "); for (i in order) placed[order[i]] = 1 }
		function median(list, n,  i, j, x, v) {
			split(list, v, " ")
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) { x = v[j]; v[j] = v[j - 1]; v[j - 1] = x }
			return v[int((n + 1) / 2)]
		}
		$1 != workload { next }
		FNR == NR && $3 == "floor" { cpu[$2] = $5 > 0 ? $5 : 0.001; wall[$2] = $6 > 0 ? $6 : 0.001 }
		FNR == NR && $3 == "tcplint" { one[$2] = $6 > 0 ? $6 : 0.001 }
		FNR == NR { next }
		!($3 in placed) { placed[$3] = 1; order[++programs] = $3 }
		$3 == "threads" && $2 in one { two = two " " $6 / one[$2] }
		{ n[$3]++; c[$3] = c[$3] " " $5 / cpu[$2]; w[$3] = w[$3] " " $6 / wall[$2]; m[$3] = m[$3] " " $7 }
		$4 == "killed" { killed[$3] = 1 }
		END {
			for (i = 1; i <= programs; i++) {
				p = order[i]
				printf "%-10s %-10s cpu %s%7.2f  wall %s%7.2f  memory %5.0f MB  %d %s%s\n", workload, p,
					killed[p] ? ">" : " ", median(c[p], n[p]), killed[p] ? ">" : " ", median(w[p], n[p]),
					median(m[p], n[p]) / 1024, n[p], n[p] == 1 ? "round" : "rounds",
					p == "threads" ? sprintf("  %.2f of one thread", median(two, n[p])) : ""
			}
		}' "$runs" "$runs"
done
