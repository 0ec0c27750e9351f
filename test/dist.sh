#!/bin/bash
# What is in src/dist: completions answer what the program takes, and the unit is one that systemd takes.
#
#	dist.sh TCPLINT SERVICE BASH ZSH FISH
set -u
program=$(realpath "$1") service=$(realpath "$2")
bash_file=$(realpath "$3") zsh_file=$(realpath "$4") fish_file=$(realpath "$5")
failures=0

complain() {
	echo "FAILED: $1"
	failures=$((failures + 1))
}

# complete WORD...: what bash offers for the last one, between blanks
complete_words() {
	COMP_WORDS=(tcplint "$@")
	COMP_CWORD=$#
	_tcplint
	echo " ${COMPREPLY[*]-} "
}

# offers WHAT WORD...
offers() {
	local what=$1
	shift
	[[ $(complete_words "$@") == *" $what "* ]] || complain "bash: '$what' is not offered for: tcplint $*"
}

# shellcheck disable=SC1090
source "$bash_file" || complain "bash does not take its completion"
dir=$(mktemp -d) && cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT
touch "one file.pcap"
while read -r option; do
	offers "$option" "${option%?}"
done < <("$program" --help | grep -oE '^  (-[a-zA-Z]|    )(, )?(--[a-z-]+)?' | grep -oE -- '--[a-z-]+')
while read -r rule; do
	offers "$rule" --explain "${rule%?}"
	offers "data_after_fin,$rule" --only "data_after_fin,${rule%?}"
done < <("$program" --rules | sed -n 's/.*"rule": *"\([a-z0-9_]*\)".*/\1/p')
offers lo -i l
offers textbook --profile t
offers attack_suspect --verdict a
offers finding --emit = fin
offers stats --emit =
offers drop --on-write-error ''
offers "one file.pcap" -r one
offers "one file.pcap" -w o
[[ $(complete_words --msl '') == "  " ]] || complain "bash: something is offered as --msl"
[[ $(complete_words -r x tcp po) == "  " ]] || complain "bash: something is offered as a filter"

if command -v zsh >/dev/null; then
	zsh -n "$zsh_file" || complain "zsh does not take its completion"
	# shellcheck disable=SC2016 # zsh expands it
	found=$(zsh -f -c 'fpath=("$1" $fpath); autoload -Uz compinit; compinit -u -D; autoload -Uz +X _tcplint && echo $_comps[tcplint]' \
		zsh "$(dirname "$zsh_file")" 2>&1)
	[ "$found" = _tcplint ] || complain "zsh does not load its completion: $found"
else
	echo "skipped: zsh"
fi
if command -v fish >/dev/null; then
	fish -n "$fish_file" || complain "fish does not take its completion"
	export fish_file
	for words in '--profile te|textbook' '--only data_after|data_after_fin' '--on-write-error d|drop' '--metr|--metrics-file'; do
		found=$(HOME=$dir fish -c "source \$fish_file; complete -C 'tcplint ${words%|*}'" 2>&1)
		[[ $found == *"${words#*|}"* ]] || complain "fish: '${words#*|}' is not offered for: tcplint ${words%|*}: $found"
	done
else
	echo "skipped: fish"
fi
for file in "$zsh_file" "$fish_file"; do
	for word in metrics-file data_after_fin attack_suspect textbook; do
		grep -q -- "$word" "$file" || complain "$word is not in $file"
	done
done

if command -v systemd-analyze >/dev/null; then
	# where the program is, before it is installed
	sed "s|^ExecStart=[^ ]*|ExecStart=$program|" "$service" >tcplint@.service
	said=$(systemd-analyze verify --man=no "$dir/tcplint@.service" 2>&1 | grep -F tcplint@)
	[ -z "$said" ] || complain "systemd: $said"
	if systemd-analyze --help | grep -q -- --offline; then
		systemd-analyze security --no-pager --offline=yes --threshold=20 "$dir/tcplint@.service" >exposed 2>&1 ||
			complain "the unit is exposed: $(tail -n 1 exposed)"
		tail -n 1 exposed
	fi
else
	echo "skipped: systemd-analyze"
fi
[ "$failures" -eq 0 ]
