#!/bin/sh
# Every header compiles alone, with each compiler that is there.
#
#	header.sh ROOT
set -u
root=$(cd "${1:-.}" && pwd) || exit 1
bad=0 seen=0
unit=$(mktemp -d) || exit 1
trap 'rm -rf "$unit"' EXIT

for cc in ${CC:-} gcc clang; do
	command -v "$cc" >/dev/null 2>&1 || continue
	for header in "$root"/src/*.h "$root"/include/tcplint/*.h; do
		seen=$((seen + 1))
		# A file of its own: a header given to the compiler itself warns of `#pragma once' and the like.
		printf '#include "%s"\nextern int nothing;\n' "$header" >"$unit/alone.c"
		"$cc" -std=c11 -D_DEFAULT_SOURCE -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
			-I"$root/include" -I"$root/src" "$unit/alone.c" || {
			echo "$header does not compile alone with $cc"
			bad=$((bad + 1))
		}
	done
done
[ "$seen" -gt 0 ] || { echo "no compiler, or no headers"; exit 1; }
exit $((bad > 0))
