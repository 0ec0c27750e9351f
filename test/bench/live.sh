#!/bin/bash
# What watching an interface costs, and how fast it may be: an empty libpcap loop, `tcpdump -w /dev/null` and tcplint, all
# with the same ring and snapshot length, in turns.  Root; about two minutes.
#
#	live.sh BUILD-DIRECTORY [ROUNDS [RATE]]
#
# The blaster has processor 0 and the program processor 1.  First, at RATE frames a second (100000), medians over the
# rounds (3), in nanoseconds for a frame, of
#
#	program   the processor time that the program takes
#	kernel    what receiving takes before that, on processor 1, where packet steering puts it
#	full at   frames a second at which a core that does both, and nothing else, would have nothing left
#
# and then the highest rate that each takes without a drop when processor 1 does both; the blaster's own when that is less.
set -u
build=$(realpath "${1:?}") rounds=${2:-3} rate=${3:-100000}
buffer=16384 snaplen=256 first='chrt --rr 1'
a=tcplint-bench-a-$$ b=tcplint-bench-b-$$
dir=$(mktemp -d) || exit 1
trap 'ip netns delete "$a"; ip netns delete "$b"; rm -rf "$dir"' EXIT
ip netns add "$a" && ip netns add "$b" || exit 1
ip -n "$a" link add va type veth peer name vb netns "$b" || exit 1
ip -n "$a" link set va up && ip -n "$b" link set vb up || exit 1
sleep 1

steer() { # 0: the kernel receives where the blaster sends; 2: on processor 1
	ip netns exec "$a" sh -c "echo $1 >/sys/class/net/va/queues/rx-0/rps_cpus" || echo "packets cannot be steered"
}

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

# Hundredths of a second that processor 1 spent in interrupts.
interrupted() {
	awk '$1 == "cpu1" { print $7 + $8 }' /proc/stat
}

# Whether a program loses nothing of COUNT frames at a rate; sets what the blaster came to, and the two costs.
trial() { # PROGRAM RATE COUNT
	local frames drops before
	start "$1" &
	local pid=$!
	sleep 1
	before=$(interrupted)
	achieved=$(timeout 60 ip netns exec "$b" $first taskset -c 0 "$build/test/bench-blast" vb "$2" "$3" | cut -d' ' -f2)
	sleep 1.2 # tcpdump looks once a second
	kernel=$((($(interrupted) - before) * 10000000 / $3))
	own=$((($(cut -d' ' -f14,15 /proc/$pid/stat | tr ' ' '+')) * 10000000 / $3))
	kill -INT $pid
	wait $pid
	read -r frames drops <<<"$(answer "$1")"
	[ "${drops:-1}" -eq 0 ] && [ "${frames:-0}" -ge "$3" ]
}

median() { # FILE
	sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"
}

steer 0
for ((i = 0; i < rounds; i++)); do
	for program in empty tcpdump tcplint; do
		trial $program "$rate" $((rate * 3)) || echo "$program: frames were lost at $rate a second"
		echo $own >>"$dir/own-$program"
	done
done
steer 2
for ((i = 0; i < rounds; i++)); do
	trial empty "$rate" $((rate * 3)) || echo "empty: frames were lost at $rate a second"
	echo $kernel >>"$dir/kernel"
done
kernel=$(median "$dir/kernel") floor=$(median "$dir/own-empty")
printf '%-8s %10s %10s %10s %16s\n' '' program kernel 'full at' 'of empty loop'
for program in empty tcpdump tcplint; do
	own=$(median "$dir/own-$program")
	printf '%-8s %7s ns %7s ns %10s %16s\n' $program "$own" "$kernel" $((1000000000 / (own + kernel))) \
		"$(awk "BEGIN { printf \"%.2f\", ($floor + $kernel) / ($own + $kernel) }")"
done

echo "frames a second without a drop:"
for program in empty tcpdump tcplint; do
	low=0 high=0 best=0
	for rate in 100000 150000 200000 250000 300000 350000 400000 500000 600000 800000 1000000; do
		trial $program $rate $((rate * 2)) || break
		best=$achieved
		[ "$((achieved * 100))" -ge "$((rate * 95))" ] || { best="$best (all that the blaster can)"; break; }
	done
	echo "$program: $best"
done
