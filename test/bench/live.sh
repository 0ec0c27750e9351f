#!/bin/bash
# The highest rate that each of three programs takes from an interface without a drop, in one run: an empty libpcap
# loop, `tcpdump -w /dev/null` and tcplint, all with the same ring and snapshot length.  Root; about two minutes.
# The blaster has one processor and the program another, both before whatever else runs here.
#
#	live.sh BUILD-DIRECTORY [SECONDS-A-TRIAL]
set -u
build=$(realpath "${1:?}") seconds=${2:-2}
buffer=16384 snaplen=256 first='chrt --rr 1'
a=tcplint-bench-a-$$ b=tcplint-bench-b-$$
dir=$(mktemp -d) || exit 1
trap 'ip netns delete "$a"; ip netns delete "$b"; rm -rf "$dir"' EXIT
ip netns add "$a" && ip netns add "$b" || exit 1
ip -n "$a" link add va type veth peer name vb netns "$b" || exit 1
ip -n "$a" link set va up && ip -n "$b" link set vb up || exit 1
sleep 1

# Each prints "FRAMES DROPS" of the run that has ended.
start() { # PROGRAM
	case $1 in
	empty) exec ip netns exec "$a" $first taskset -c 1 "$build/test/bench-empty" va $snaplen $buffer >"$dir/out" 2>"$dir/err" ;;
	tcpdump) exec ip netns exec "$a" $first taskset -c 1 tcpdump -Z root -i va -n -s $snaplen -B $buffer -w /dev/null tcp >"$dir/out" 2>"$dir/err" ;;
	tcplint) exec ip netns exec "$a" $first taskset -c 1 "$build/tcplint" -i va -B $buffer --emit summary >"$dir/out" 2>"$dir/err" ;;
	esac
}
answer() { # PROGRAM
	case $1 in
	empty) cat "$dir/out" ;;
	tcpdump) echo "$(sed -n 's/ packets captured//p' "$dir/err") $(sed -n 's/ packets dropped by kernel//p' "$dir/err")" ;;
	tcplint) jq -r '"\(.source.read) \(.source.kernel_drops)"' "$dir/out" ;;
	esac
}

# Whether a program loses nothing at a rate; $achieved is what the blaster came to.
trial() { # PROGRAM RATE
	local count=$(($2 * seconds)) frames drops
	start "$1" &
	local pid=$!
	sleep 1
	achieved=$(timeout 60 ip netns exec "$b" $first taskset -c 0 "$build/test/bench-blast" vb "$2" $count | cut -d' ' -f2)
	sleep 0.5
	ticks=$(cut -d' ' -f14,15 /proc/$pid/stat | tr ' ' '+')
	kill -INT $pid
	wait $pid
	read -r frames drops <<<"$(answer "$1")"
	[ "${drops:-1}" -eq 0 ] && [ "${frames:-0}" -ge "$count" ]
}

for program in empty tcpdump tcplint; do
	low=0 cost=unknown high=$((3 * 1000 * 1000)) best=0
	for step in 1 2 3 4 5 6 7 8; do
		rate=$((step == 1 ? 200000 : low == 0 ? high / 2 : high == 3000000 ? low * 2 : (low + high) / 2))
		if trial "$program" $rate; then
			best=${achieved:-0} low=$rate cost=$((($ticks) * 10000 / (rate * seconds / 1000)))
			# The blaster itself can do no more.
			[ "$((${achieved:-0} * 100))" -lt "$((rate * 90))" ] && { best="$best (all that the blaster can)"; break; }
		else
			high=$rate
		fi
	done
	echo "$program: $best frames a second without a drop, $cost ns of processor time each"
done
