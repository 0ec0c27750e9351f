#!/bin/bash
# Build and test every configuration: both compilers with the sanitizers, and what users get.  The last line is
# "N passed, N failed, N skipped", over all of them; the status is 1 if anything failed or did not build.
#
#	test/check.sh [CONFIGURATION...]
set -u
exec </dev/null
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C.UTF-8
export ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

passed=0 failed=0 skipped=0

# How many tests of a log had one of the results.  A quote inside a test's output is escaped there, so this cannot
# mistake it for a result.
count() { # LOG RESULT...
	local log=$1 result sum=0
	shift
	for result; do
		sum=$((sum + $(grep -c "\"result\": \"$result\"" "$log")))
	done
	echo $sum
}

broken() { # CONFIGURATION STEP
	echo "$1: $2 failed"
	failed=$((failed + 1))
}

check() { # CONFIGURATION COMPILER [meson options]
	local name=$1 compiler=$2
	local build=build-check-$name
	local log=$build/meson-logs/testlog.json
	shift 2

	echo "== $name"
	if ! command -v "$compiler" >/dev/null; then
		echo "$name: there is no $compiler; skipped"
		skipped=$((skipped + 1))
		return
	fi
	if [ ! -f "$build/build.ninja" ]; then
		rm -rf "$build"
		CC=$compiler meson setup --werror -Dtests=enabled "$@" "$build" || { broken "$name" setup; return; }
	fi
	ninja -C "$build" || { broken "$name" build; return; }
	rm -f "$log"
	meson test -C "$build" --no-rebuild --print-errorlogs
	[ -s "$log" ] || { broken "$name" "running the tests"; return; }
	passed=$((passed + $(count "$log" OK EXPECTEDFAIL)))
	failed=$((failed + $(count "$log" FAIL ERROR TIMEOUT INTERRUPT UNEXPECTEDPASS)))
	skipped=$((skipped + $(count "$log" SKIP)))
}

# Assertions are on wherever the buildtype is not release.
# shellcheck disable=SC2054 # the comma is meson's
sanitized=(--buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false)
configuration() {
	case $1 in
	gcc) check gcc gcc "${sanitized[@]}" ;;
	clang) check clang clang "${sanitized[@]}" ;;
	release) check release gcc ;;
	*) broken "$1" "finding the configuration" ;;
	esac
}

[ $# -gt 0 ] || set -- gcc clang release
for name; do
	configuration "$name"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
