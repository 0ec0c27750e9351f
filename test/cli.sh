#!/bin/sh
# The program as a user meets it: usage, exit statuses, pipes, full disks, inputs that are none.
#
#	TCPLINT=build/src/tcplint TCPLINT_SOURCE=. test/cli.sh
set -u
tcplint=${TCPLINT:?} source=${TCPLINT_SOURCE:-$(dirname "$0")/..}
case $tcplint in /*) ;; *) tcplint=$PWD/$tcplint ;; esac
case $source in /*) ;; *) source=$PWD/$source ;; esac

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir" || exit 1
failures=0

complain() {
	echo "FAILED: $1"
	sed 's/^/    stdout: /; 5q' out
	sed 's/^/    stderr: /; 5q' err
	failures=$((failures + 1))
}

# expect STATUS WHAT-STDERR-SAYS ARGUMENT...: an empty second word wants silence on stderr.
expect() {
	status=$1 says=$2
	shift 2
	"$tcplint" "$@" >out 2>err </dev/null
	got=$?
	[ "$got" -eq "$status" ] || complain "status $got, not $status: tcplint $*"
	judge "$says" "tcplint $*"
}

# What stands in err: nothing, or one sentence (two lines with the hint about --help) that has the words.
judge() {
	if [ -z "$1" ]; then
		[ ! -s err ] || complain "something on stderr: $2"
		return
	fi
	grep -q '^tcplint: ' err || complain "no sentence on stderr: $2"
	grep -qF -- "$1" err || complain "stderr does not say '$1': $2"
	[ "$(wc -l <err)" -le 2 ] || complain "more than a sentence on stderr: $2"
}

skip() { echo "skipped: $1"; }

bytes() { # BYTE...: each as two hexadecimal digits
	for byte; do
		# shellcheck disable=SC2059
		printf "\\$(printf %03o "0x$byte")"
	done
}

# One frame: Ethernet, IPv4 10.0.0.1 > 10.0.0.2, TCP SYN; FLAGS is byte 13 of the TCP header.
frame() { # SECONDS FLAGS
	bytes 00 00 "$1" 65 00 00 00 00 36 00 00 00 36 00 00 00
	bytes 02 00 00 00 00 02 02 00 00 00 00 01 08 00
	bytes 45 00 00 28 00 00 40 00 40 06 00 00 0a 00 00 01 0a 00 00 02
	bytes 30 39 00 50 00 00 03 e8 00 00 00 00 50 "$2" 20 00 00 00 00 00
}

{
	bytes d4 c3 b2 a1 02 00 04 00 00 00 00 00 00 00 00 00 00 00 01 00 01 00 00 00
	frame 01 02
	frame 02 03
} >good.pcap

# --- usage ---
expect 2 "nothing to read"
grep -q "^Try 'tcplint --help'.$" err || complain "no hint to --help"
expect 2 "unknown option" -X
expect 2 "unknown" --frobnicate
expect 2 "needs an argument" -r
expect 2 "exclude" -r good.pcap -i lo
expect 2 "needs a number" -r good.pcap -c many
expect 2 "out of range" -r good.pcap --min-confidence 2
expect 2 "must be one of" -r good.pcap --format xml
expect 2 "out of range" -r good.pcap --threads 17
expect 2 "unknown name 'no_such_rule'" -r good.pcap --disable no_such_rule
expect 2 "unknown name 'no_such_rule'" -r good.pcap --only no_such_rule
expect 2 "unknown name 'no_such_rule'" -r good.pcap --severity no_such_rule=info
expect 2 "is not info" -r good.pcap --severity data_after_fin=loud
expect 2 "is not RULE=NAME" -r good.pcap --severity data_after_fin
expect 2 "unknown name 'poem'" -r good.pcap --emit poem
expect 2 "unknown name 'guilty'" -r good.pcap --verdict guilty
expect 2 "syntax error" -r good.pcap 'tcp nonsense('
expect 2 "options come before" -r good.pcap tcp -c 1
expect 2 "overwrite" -r good.pcap -o good.pcap
expect 2 "overwrite" -r good.pcap -w good.pcap
expect 2 "mix packets with the records" -r good.pcap -w -
expect 2 "same file" -r good.pcap -w one -o one
expect 2 "--direction" -r good.pcap -Q in

expect 2 "-G needs a file" -r good.pcap -G 60
expect 2 "-C needs a file" -r good.pcap -C 1 -o -
expect 2 "-G needs a time" -r good.pcap -G 60 -o file
expect 2 "-W counts files" -r good.pcap -W 3 -o file
expect 2 "needs a size" -r good.pcap -C 1t -o file
expect 2 "out of range" -r good.pcap -C 99999999999g -o file
expect 2 "--append needs a file" -r good.pcap --append

# --- what answers without a capture ---
expect 0 "" --version
grep -q '^tcplint [0-9]' out || complain "--version does not begin with name and version"
grep -q 'libpcap' out || complain "--version does not name libpcap"
expect 0 "" --help
[ "$(awk 'length > 80' out | wc -l)" -eq 0 ] || complain "--help is wider than 80 columns"
[ "$(wc -l <out)" -le 60 ] || complain "--help is longer than a screen"
expect 0 "" -h
expect 0 "" --rules
[ -s out ] || complain "--rules says nothing"
expect 0 "" -D

# Every option is in --help and in the manual.
"$tcplint" --help >help
manual=$source/man/tcplint.1
[ -f "$manual" ] || skip "options against tcplint(1): there is none yet"
sed -n "s/^OPTION(\\('\\(.\\)'\\|0\\), \\(\"\\([^\"]*\\)\"\\|NULL\\), .*/\\2 \\4/p" "$source/src/options.def" | sed 's/^ /- /' >options
[ "$(wc -l <options)" -eq "$(grep -c '^OPTION(' "$source/src/options.def")" ] || complain "options.def cannot be read"
while read -r letter name; do
	if [ "$letter" != - ]; then
		grep -q -- "^  -${letter}[, ]" help || complain "-$letter is not in --help"
		[ ! -f "$manual" ] || grep -q "Fl $letter\\b" "$manual" || complain "-$letter is not in tcplint(1)"
	fi
	if [ -n "$name" ]; then
		grep -q -- "--$name\\b" help || complain "--$name is not in --help"
		[ ! -f "$manual" ] || grep -q "Fl \\(-\\|Fl \\)$(echo "$name" | sed 's/-/[\\\\]*-/g')\\b" "$manual" ||
			complain "--$name is not in tcplint(1)"
	fi
done <options

# --- a run ---
expect 0 "" -r good.pcap
head -n 1 out | grep -q '^{"type": *"capture"' || complain "the first record is not the capture"
tail -n 1 out | grep -q '^{"type": *"summary"' || complain "the last record is not the summary"
cp out reference
head -n 1 reference >reference.capture
tail -n +2 reference >reference.rest
expect 0 "" -r good.pcap
cmp -s out reference || complain "two runs differ"
for threads in 2 3 16; do
	expect 0 "" -r good.pcap --threads $threads
	cmp -s out reference || complain "$threads threads make a difference"
done
expect 0 "" -r good.pcap -o written
cmp -s written reference || complain "-o differs from standard output"
[ ! -s out ] || complain "-o leaves something on standard output"
expect 0 "" -r good.pcap -o written --append
[ "$(wc -l <written)" -eq $((2 * $(wc -l <reference))) ] || complain "--append does not add"
# Every record is in one file, after the capture's, which is in each.
expect 0 "" -r good.pcap -o part -C 1k
[ -f part ] && [ -f part1 ] || complain "-C does not begin another file"
cat part part[0-9]* | grep -v '^{"type": *"capture"' | cmp -s - reference.rest ||
	complain "the files of -C have other records"
for file in part part[0-9]*; do
	head -n 1 "$file" | cmp -s - reference.capture || complain "$file does not begin with the capture"
done
expect 0 "" -r good.pcap -o 'at-%s' -G 1
[ -f at-1694564352 ] && [ -f at-1694629888 ] || complain "-G does not go by the capture's clock"
# Where a file ends the next one may begin earlier; within a file nothing may.
later=$source/pcaps/keepalive.pcap earlier=$source/pcaps/port-reuse.pcap
{ cat "$later" && tail -c +25 "$earlier"; } >joined.pcap
expect 0 "" -r joined.pcap
grep -q capture_time_regression out || complain "a clock that goes back within a file is not seen"
expect 0 "" -r "$later" -r "$earlier"
grep -q capture_time_regression out && complain "a clock that stands earlier in the next file is reported"
grep -v '^{"type": *"capture"' out >in-stretches
expect 0 "" -r "$later" -r "$earlier" 'greater 0'
grep -v '^{"type": *"capture"' out | cmp -s - in-stretches || complain "frame by frame there is something else than in stretches"
expect 0 "" -r good.pcap -o 'once-%s' -G 1 -W 1 --emit summary
grep -q '"frames": *1,' once-1694564352 && [ ! -f once-1694629888 ] || complain "-G with -W does not end"
cp good.pcap mine1
expect 1 "cannot write mine1" -r mine1 -o mine -C 1k
cmp -s mine1 good.pcap || complain "-C overwrites the input"
mkdir empty.d && expect 1 "empty.d" -r good.pcap -w empty.d
expect 0 "" -r good.pcap --on-write-error drop
grep -q '"output": *{"lost": *0}' out || complain "the summary does not say that nothing was lost"
expect 0 "" -r good.pcap -r good.pcap
expect 0 "" -r good.pcap 'tcp[tcpflags] & tcp-fin != 0'
echo 'tcp port 80 # the web' >filter
expect 0 "" -r good.pcap -F filter
expect 0 "" -r good.pcap --emit summary
[ "$(wc -l <out)" -eq 1 ] || complain "--emit summary writes other records"
expect 0 "" -r good.pcap --format text
expect 3 "" -r good.pcap --exit-code # SYN and FIN together
expect 0 "" -r good.pcap --exit-code -c 1

# shellcheck disable=SC2002 # a pipe is the point
cat good.pcap | "$tcplint" -r - >out 2>err || complain "-r - of a pipe"
[ "$(grep -c . out)" -eq "$(grep -c . reference)" ] || complain "-r - of a pipe differs"
"$tcplint" -r - <good.pcap >out 2>err || complain "-r - of a file"
"$tcplint" -r good.pcap <&- >out 2>err || complain "standard input closed"

# --- severities by rule ---
expect 0 "" -r "$source/pcaps/clean-close.pcap"
! grep -q '"finding"' out || complain "a clean close has findings"
expect 0 "" -r "$source/pcaps/clean-close.pcap" --severity close_normal_4way=error
grep -q '"rule":"close_normal_4way".*"severity":"error"' out || complain "--severity does not raise"
expect 0 "" -r "$source/pcaps/data-after-fin.pcap" --severity data_after_fin=info,teardown_incomplete=off
! grep -q '"finding",.*"rule":"data_after_fin"' out || complain "--severity does not lower"
expect 0 "" -r "$source/pcaps/data-after-fin.pcap" --severity data_after_fin=off
! grep -q '"finding",.*"rule":"data_after_fin"' out || complain "--severity off does not silence"

# --- inputs that are none ---
expect 1 "No such file" -r missing.pcap
: >empty
expect 1 "is empty" -r empty
expect 1 "is empty" -r /dev/null
expect 1 "is empty" -r -
echo 'this is no capture' >text
expect 1 "text file" -r text
expect 1 "is a directory" -r .
printf 'BZh91AY&SY' >packed.bz2
expect 1 "bzip2 -dc" -r packed.bz2
head -c 100 good.pcap >cut.pcap # in the second frame
expect 1 "cut off after frame 1" -r cut.pcap
tail -n 1 out | grep -q '"summary"' || complain "what precedes the damage is not reported"
head -c 10 good.pcap >header.pcap
expect 1 "cut off in its header" -r good.pcap -r header.pcap
{ bytes d4 c3 b2 a1 02 00 04 00 00 00 00 00 00 00 00 00 00 00 01 00 e9 00 00 00; } >strange.pcap
expect 1 "not supported" -r strange.pcap
expect 1 "No such file" -r good.pcap -F missing
expect 1 "No such file" -r good.pcap --ignore missing
expect 1 "No such file" -r good.pcap -o missing/file
expect 1 "no interface 'nosuch0'" -i nosuch0

# --- outputs that take no more ---
if [ -w /dev/full ]; then
	for arguments in '-r good.pcap' '-r good.pcap --format text' --help --version --rules; do
		# shellcheck disable=SC2086
		"$tcplint" $arguments >/dev/full 2>err
		got=$?
		: >out
		[ $got -eq 1 ] || complain "status $got, not 1, on a full disk: $arguments"
		judge "cannot write" "$arguments >/dev/full"
	done
	expect 1 "No space left" -r good.pcap -o /dev/full
else
	skip "a full disk: there is no /dev/full"
fi

: >out
{ "$tcplint" -r good.pcap 2>err; echo $? >status; } | :
case $(cat status) in 0 | 141) ;; *) complain "status $(cat status) when the reader has gone" ;; esac
judge "" "a reader that has gone"
# Where the parent ignores SIGPIPE the write fails, and the end is as quiet.
(trap '' PIPE; { "$tcplint" -r good.pcap 2>err; echo $? >status; } | :)
case $(cat status) in 0 | 1) ;; *) complain "status $(cat status) when SIGPIPE is ignored" ;; esac
judge "" "a reader that has gone, SIGPIPE ignored"

# --- without permission ---
# A copy, because nobody need not be able to reach the build directory.
cp "$tcplint" ./copy && chmod 755 copy
if [ "$(id -u)" -ne 0 ]; then
	expect 1 "permission" -i lo
elif command -v setpriv >/dev/null && setpriv --reuid=65534 --regid=65534 --clear-groups ./copy --version >out 2>err; then
	setpriv --reuid=65534 --regid=65534 --clear-groups ./copy -i lo >out 2>err
	got=$?
	[ $got -eq 1 ] || complain "status $got, not 1, without permission"
	judge "setcap" "-i lo as nobody"
	chmod 600 good.pcap
	setpriv --reuid=65534 --regid=65534 --clear-groups ./copy -r good.pcap >out 2>err
	[ $? -eq 1 ] || complain "an unreadable file is read"
	judge "Permission denied" "an unreadable file"
else
	skip "capturing without permission: cannot become nobody"
fi

# --- signals ---
if [ "$(id -u)" -eq 0 ] && "$tcplint" -i lo -c 1 --help >/dev/null; then
	"$tcplint" -i lo 'tcp port 1 and tcp port 2' >out 2>err &
	pid=$!
	sleep 1
	if kill -0 "$pid" 2>/dev/null; then
		kill -USR1 "$pid"
		sleep 0.5
		kill -INT "$pid"
		wait "$pid"
		got=$?
		[ $got -eq 0 ] || complain "status $got, not 0, after SIGINT"
		grep -q '"stats"' out || complain "no stats after SIGUSR1"
		tail -n 1 out | grep -q '"summary"' || complain "no summary after SIGINT"
	else
		skip "watching an interface: $(cat err)"
	fi
else
	skip "watching an interface: not root"
fi

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
