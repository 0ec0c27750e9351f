#!/bin/sh
# README says what is so: its packages are those of .ci/run, its map has every file of src/, its links lead somewhere.
#
#	readme.sh ROOT
set -u
cd "${1:-.}" || exit 1
bad=0
complain() {
	echo "README.md: $1"
	bad=1
}

# The words between "--no-install-recommends" and "&&" of an installing line.
packages() { # LINE
	sed -n 's/^    apt-get update .* --no-install-recommends \([^&]*\)&&.*/\1/p' README.md | sed -n "$1p" | tr ' ' '\n' |
		sed '/^$/d' | sort
}

tests=$(packages 2)
ci=$(sed -n '/^packages=(/,/^)/p' .ci/run | sed '1d;$d' | tr -s ' \t' '\n\n' | sed '/^$/d' | sort)
[ -n "$tests" ] || complain "there is no line that installs what the tests need"
[ "$tests" = "$ci" ] || complain "packages for the tests: '$(echo $tests)', in .ci/run '$(echo $ci)'"
for package in $(packages 1); do
	echo "$ci" | grep -qx "$package" || complain "$package is in the first line and not in .ci/run"
done
grep -q '^    apt-get update .* && test/check\.sh$' README.md || complain "no line ends in test/check.sh"
grep -q '^exec test/check\.sh' .ci/run || complain ".ci/run does not end in test/check.sh"

# A file is on the map with its suffix, or its module is; a private header is its module's.
for file in src/*.[ch] src/*.def src/*.in src/*.map; do
	name=${file#src/}
	module=${name%%.*}
	grep -q "^|.*\`\(${module%_private}\|$name\)\`" README.md || complain "$file is not on the map"
done

for link in $(grep -o '](\([^)]*\))' README.md | sed 's/^](//; s/)$//'); do
	case $link in
	http*) ;;
	*) [ -e "$link" ] || complain "there is no $link" ;;
	esac
done
exit $bad
