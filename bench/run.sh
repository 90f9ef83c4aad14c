#!/bin/sh
# `make bench`: every benchmark, each against its baseline in the same run. A table to the terminal, a line of JSON each to
# build/bench/results.jsonl, and docs/benchmarks.md's tables from that with BENCH_DOCS=1.
#
# BENCH=PATTERN takes those whose name matches. Besides the programs of bench/bench_*.c, every bench/*.py is one: it reads
# BENCH_RESULTS and appends its lines there by itself (tools/bench-report -h tells their shape).
set -u
cd "$(dirname "$0")/.."
mkdir -p build/bench
BENCH_RESULTS=$PWD/build/bench/results.jsonl
export BENCH_RESULTS
: >"$BENCH_RESULTS"
failed=0
for program in bench/bench_*.c bench/*.py; do
	[ -f "$program" ] || continue
	name=$(basename "$program")
	name=${name%.*}
	case $name in *"${BENCH:-}"*) ;; *) continue ;; esac
	case $program in
	*.py) python3 "$program" ;;
	*) "build/bench/${name#bench_}" ;;
	esac || {
		echo "bench: $name failed" >&2
		failed=1
	}
done
[ -z "${BENCH_DOCS:-}" ] || tools/bench-report "$BENCH_RESULTS" docs/benchmarks.md
exit $failed
