/* Reports over a big ledger: made once under build/bench, kept, and asked by two dimensions at a time.
 *
 *	build/bench/reports                      the figures, of REPORTS_ROWS rows (300,000 unless set)
 *	build/bench/reports make [PATH]          only makes the ledger; REPORTS_END=MS or "now": when its rows
 *end
 *
 * 10 million rows (REPORTS_ROWS=10000000) take some minutes to make and 8 GB.
 */
#include "base/clock.h"
#include "big_ledger.h"

#define ROWS_USUAL 300000

static int64_t env_number(const char *name, int64_t otherwise)
{
	long long n;
	const char *v = getenv(name);
	if (v && strcmp(v, "now") == 0)
		return clock_wall_ms(clock_real());
	return v && slice_to_i64(slice_of(v), &n) && n > 0 ? n : otherwise;
}

static void path_of(char out[256], int64_t rows)
{
	snprintf(out, 256, "build/bench/ledger-%lld.db", (long long)rows);
}

/* Made under another name, so that one half made is never taken for a whole one. */
static double make(const struct ledger_ops *ops, const char *path, int64_t rows)
{
	char draft[280];
	snprintf(draft, sizeof draft, "%s.new", path);
	unlink(draft);
	double start = bench_now();
	int64_t made = big_ledger_make(ops, draft, rows, env_number("REPORTS_END", BIG_END_MS));
	double took = bench_now() - start;
	if (rename(draft, path) != 0) {
		perror(path);
		exit(1);
	}
	printf("%s: %lld rows made in %.0f s\n", path, (long long)made, took);
	return took;
}

int main(int argc, char **argv)
{
	char path[256];
	slice rest;
	struct error e = {0};
	struct stat st;
	const struct ledger_ops *ops = ledger_for(SLICE("sqlite:"), &rest, &e);
	int64_t rows = env_number("REPORTS_ROWS", ROWS_USUAL);
	path_of(path, rows);
	if (argc > 2)
		snprintf(path, sizeof path, "%s", argv[2]);
	if (stat(path, &st) != 0)
		make(ops, path, rows);
	return 0;
}
