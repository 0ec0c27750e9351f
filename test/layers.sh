#!/bin/sh
# Who may include whom.  A file of src/ that is not in the table fails, and so does an include that its row does not
# grant, or a library's header outside the one module that knows the library.
#
#	layers.sh ROOT
set -u
root=${1:-.}

# What everything may stand on: no state, no libraries.
words='compiler error events seq segment isn ports'
# One connection, as the tracker and the rules see it.
connection="$words conn view zeek holes aside rules names"

# One module a line: the files (a pattern without suffix), a colon, and the modules whose headers it may include
# besides its own and compiler.h.
table="
compiler|events|seq|isn|ports|cursor|load|siphash|pipe_clock|community_id|signals|segment|error|bell:
pages:
slab: error pages
ignore|sandbox: error
rotation:
savefile:
history: error siphash slab
evidence: error segment decode history siphash
metrics: error report names
packets: error capture output evidence savefile
destinations: error capture options output packets signals
interpret: error names options report rules
output: error rotation
unpack*: error unpack unpack_codec
oracle: seq
wheel: slab
names:
checksum: load
multilinear: siphash
distance: load
decode*|reassemble: $words cursor load checksum siphash slab reassemble decode decode_private drops
zeek|conn|holes|aside|quiet_cell: $words rules zeek conn slab
time_wait|vantage: $connection oracle time_wait vantage
view|rules|tracker*|states|classify|gets|sends|prove|in_order: $connection view time_wait tracker tracker_private arrows
hosts: $words rules multilinear siphash slab
twins: $words rules
draft|predicates|rules_*: $connection oracle time_wait vantage draft predicates hosts twins
message: $connection draft
cells: rules slab
rule_index: rules precedence
flow_key: load conn segment multilinear
flow: $connection flow_key quiet_cell multilinear slab
recent: load $connection
batch: rules
clock|stir: view
told: $connection hosts batch
finding: $connection cells told message
incarnation|engine|lifetime|drain|quiet*|record*|resolve*|tell: $connection batch cells distance draft finding flow hosts slab wheel rule_index incarnation engine lifetime oracle quiet quiet_cell quiet_private quiet_zeek recent record record_private resolve stir tell time_wait told vantage tracker twins
stage*|findings|released|aggregate|judge*|host_record|watch: $words view hosts cells rules rule_index slab batch told stage finding findings released aggregate judge watch stir
ahead: $words flow hosts wheel
waiting: ahead decode engine
relay: bell engine
shards|stretch: error ahead waiting relay stage shards stretch
tcplint: $words ahead clock decode waiting engine shards twins stage aggregate
report*: compiler error names community_id rules report report_private report_line
catalogue: names report rules
capture*: error load capture capture_source unpack
options*: error capture options rotation
threads: options
main|run*: error catalogue capture decode destinations ignore interpret metrics names options output packets pipe_clock report rules run run_private sandbox signals threads rotation
rulegen: names rules drops metrics
completion: names options rules
"

# What is known to one module only: `owners`.
private_to() {
	case $1 in
	pcap/dlt.h) owners='decode* capture*' ;;
	pcap/pcap.h | pcap.h) owners='capture*' ;;
	jansson.h) owners='report_json' ;;
	zlib.h) owners='unpack_gzip' ;;
	zstd.h) owners='unpack_zstd' ;;
	lz4frame.h) owners='unpack_lz4' ;;
	lzma.h) owners='unpack_xz' ;;
	pthread.h) owners='unpack shards' ;;
	semaphore.h) owners='bell' ;;
	seccomp.h | cap-ng.h) owners='sandbox*' ;;
	getopt.h) owners='options' ;;
	signal.h) owners='shards signals unpack' ;;
	time.h) owners='capture* pages report* rotation output sandbox' ;;
	sys/random.h) owners='flow reassemble history evidence' ;;
	sys/socket.h | netinet/* | sys/ioctl.h | net/if* | linux/*) owners='sandbox* capture_interface capture_rings' ;; # nothing here talks to the network
	tcplint/frame.h) owners='*' ;;
	tcplint/tcplint.h) owners='conn view vantage rule* message names catalogue resolve flow hosts twins engine finding aggregate judge* stir told stage host_record watch incarnation lifetime quiet* record* ignore community_id tcplint report* options* evidence metrics packets destinations interpret main run*' ;;
	*) owners='*' ;; # the C library
	esac
}

matches() { # NAME PATTERN...
	name=$1
	shift
	for pattern; do
		# shellcheck disable=SC2254
		case $name in $pattern) return 0 ;; esac
	done
	return 1
}

# `may`: the words of the first row whose pattern fits, after a "yes".
granted() {
	may=
	while IFS=: read -r pattern rest; do
		[ -n "$pattern" ] || continue
		IFS='|'
		# shellcheck disable=SC2086
		set -- "$1" $pattern
		unset IFS
		matches "$@" || continue
		may="yes $rest"
		break
	done <<-rows
		$table
	rows
}

set -f
bad=$(
	find "$root/src" \( -name '*.[ch]' -o -name '*.def' \) | sort | while read -r file; do
		module=${file##*/}
		module=${module%.*}
		granted "$module"
		case $file in
		*.def) ;;
		*) [ -n "$may" ] || echo "$file: no row in the table of test/layers.sh" ;;
		esac
		sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*\)[>"].*/\1/p' "$file" | while read -r included; do
			header=${included#?}
			case $included in
			\<*)
				private_to "$header"
				# shellcheck disable=SC2086
				matches "$module" $owners || echo "$file: <$header> is not its business"
				;;
			*)
				other=${header%.*}
				# shellcheck disable=SC2086
				matches "$other" "$module" compiler ${may#yes} || echo "$file: may not include \"$header\""
				;;
			esac
		done
	done
)
[ -z "$bad" ] || { printf '%s\n' "$bad"; exit 1; }
