#!/bin/sh
# PREFETCH keeps what a function asks for ahead in the program although that does nothing else, with each compiler that is there.
#
#	prefetch.sh ROOT
set -u
root=$(cd "${1:-.}" && pwd) || exit 1
bad=0 seen=0
unit=$(mktemp -d) || exit 1
trap 'rm -rf "$unit"' EXIT

case $(uname -m) in
x86_64) instruction=prefetch ;;
aarch64) instruction=prfm ;;
*) exit 77 ;;
esac

# Out of line, as compilers have functions that are long.
cat >"$unit/ask.c" <<'unit'
#include "compiler.h"

extern void look(const char *at);

static __attribute__((noinline)) void ask(const char *at)
{
	PREFETCH(at);
	PREFETCH(at + 64);
}

void look(const char *at)
{
	ask(at);
}
unit

for cc in ${CC:-} gcc clang; do
	command -v "$cc" >/dev/null 2>&1 || continue
	for level in 1 2 3; do
		seen=$((seen + 1))
		"$cc" -std=c11 "-O$level" -I"$root/src" -S -o "$unit/ask.s" "$unit/ask.c" || exit 1
		n=$(grep -c "$instruction" "$unit/ask.s")
		[ "$n" -eq 2 ] || {
			echo "$cc -O$level: $n prefetches of 2"
			bad=$((bad + 1))
		}
	done
done
[ "$seen" -gt 0 ] || { echo "no compiler"; exit 1; }
exit $((bad > 0))
