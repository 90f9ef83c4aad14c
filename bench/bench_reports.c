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

/* --- questions ------------------------------------------------------------------------------- */

struct question {
	const char *title;
	const char *by[3];
	enum ledger_per per;
	const char *column, *value, *timezone;
};

static const struct question questions[] = {
    {"team, model", {"team", "model"}, PER_NONE, NULL, NULL, NULL},
    {"user, repo", {"user", "repo"}, PER_NONE, NULL, NULL, NULL},
    {"repo, workflow", {"repo", "workflow"}, PER_NONE, NULL, NULL, NULL},
    {"agent, model per day", {"agent", "model"}, PER_DAY, NULL, NULL, NULL},
    {"user, team per week", {"user", "team"}, PER_WEEK, NULL, NULL, NULL},
    {"team, tags.ticket", {"team", "tags.ticket"}, PER_NONE, NULL, NULL, NULL},
    {"team, model, Kolkata days", {"team", "model"}, PER_DAY, NULL, NULL, "Asia/Kolkata"},
    {"team per hour", {"team"}, PER_HOUR, NULL, NULL, NULL},
    {"one user: repo, model", {"repo", "model"}, PER_NONE, "user", "ana.0@example.com", NULL},
    {"no dimension, per day", {NULL}, PER_DAY, NULL, NULL, NULL},
    {"session", {"session"}, PER_NONE, NULL, NULL, NULL},
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

struct counted {
	size_t groups;
	int64_t cost;
};

static int on_group(void *arg, const struct ledger_group *g)
{
	struct counted *c = arg;
	c->groups++;
	if (g->m.cost_nanousd != RECORD_ABSENT)
		c->cost += g->m.cost_nanousd;
	return 0;
}

struct asked {
	const struct ledger_ops *ops;
	struct ledger *ledger;
	struct ledger_query q;
	struct ledger_measures total;
	struct counted counted;
};

static void ask(void *arg)
{
	struct asked *a = arg;
	struct error e = {0};
	a->counted = (struct counted){0};
	if (a->ops->report(a->ledger, &a->q, on_group, &a->counted, &a->total, &e) != 0) {
		fprintf(stderr, "bench: %s\n", e.text);
		exit(1);
	}
}

static void set_question(struct asked *a, const struct question *q, int64_t end_ms)
{
	memset(&a->q, 0, sizeof a->q);
	a->q.since_ms = end_ms - 90 * BIG_DAY_MS;
	a->q.until_ms = end_ms;
	a->q.per = q->per;
	a->q.timezone = q->timezone ? slice_of(q->timezone) : SLICE_NONE;
	while (a->q.by_n < 3 && q->by[a->q.by_n]) {
		a->q.by[a->q.by_n] = slice_of(q->by[a->q.by_n]);
		a->q.by_n++;
	}
	if (q->column) {
		a->q.filters[0] = (struct ledger_filter){slice_of(q->column), slice_of(q->value), true};
		a->q.filters_n = 1;
	}
}

static double cpu_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds, and of them those of the processor, of the best of some runs. */
static double best_of(struct asked *a, double *cpu)
{
	double best = 1e9;
	*cpu = 1e9;
	for (int i = 0; i < 5; i++) {
		double start = bench_now(), of = cpu_now();
		ask(a);
		double took = bench_now() - start;
		of = cpu_now() - of;
		best = took < best ? took : best;
		*cpu = of < *cpu ? of : *cpu;
	}
	return best;
}

/* The same question both ways; they must tell the same. */
static void measure(struct bench *b, struct asked *a, const struct question *q, bool rows)
{
	double first = bench_now();
	ask(a);
	first = bench_now() - first;
	double cpu, best = best_of(a, &cpu);
	struct counted counted = a->counted;
	struct ledger_measures total = a->total;
	bench_cell(b, 0, "%s", q->title);
	bench_cell(b, 1, "%zu", counted.groups);
	bench_cell(b, 2, "%.0f", first * 1e3);
	bench_cell(b, 3, "%.0f", best * 1e3);
	bench_cell(b, 4, "%.0f%s", cpu * 1e3, a->ledger->by_rollup ? "" : " (rows)");
	if (rows) {
		a->ledger->by_rows = true;
		double slow = bench_best(1, ask, a);
		a->ledger->by_rows = false;
		bench_cell(b, 5, "%.0f", slow * 1e3);
		bench_cell(b, 6, "%.0f", slow / best);
		if (counted.groups != a->counted.groups || counted.cost != a->counted.cost ||
		    memcmp(&total, &a->total, sizeof total) != 0) {
			fprintf(stderr, "bench: %s: rollups tell something else than the rows\n", q->title);
			exit(1);
		}
	} else {
		bench_cell(b, 5, "-");
		bench_cell(b, 6, "-");
	}
	bench_row(b);
}

static int64_t end_of(struct asked *a)
{
	int64_t last = 0;
	struct error e = {0};
	if (ledger_number(a->ledger, "SELECT max(time_ms)FROM calls", &last, &e) != 0)
		exit(1);
	return last - last % BIG_DAY_MS + BIG_DAY_MS;
}

static void tidy(const struct ledger_ops *ops, const char *path)
{
	struct ledger *l;
	struct error e = {0};
	bool more = true;
	double start = bench_now();
	if (ops->open(path, true, &l, &e) != 0) {
		fprintf(stderr, "bench: %s\n", e.text);
		exit(1);
	}
	size_t steps = 0;
	for (; more; steps++)
		if (ops->tidy(l, &more, &e) != 0) {
			fprintf(stderr, "bench: %s\n", e.text);
			exit(1);
		}
	ops->close(l);
	if (steps > 1)
		printf("%s: rows of before taken into rollups in %.0f s\n", path, bench_now() - start);
}

static int report(const struct ledger_ops *ops, const char *path, int64_t rows)
{
	struct bench b;
	struct error e = {0};
	struct asked a = {.ops = ops};
	char title[96];
	tidy(ops, path);
	if (ops->open(path, false, &a.ledger, &e) != 0) {
		fprintf(stderr, "bench: %s\n", e.text);
		return 1;
	}
	snprintf(title, sizeof title, "Reports of 90 days over %lld rows", (long long)rows);
	bench_begin(&b, "reports", title, "ms", "report", "groups", "first", "again", "processor", "by rows",
	            "times", (char *)NULL);
	int64_t end = end_of(&a);
	const char *every = getenv("REPORTS_ROWS_TOO");
	for (size_t i = 0; i < QUESTIONS; i++) {
		set_question(&a, &questions[i], end);
		measure(&b, &a, &questions[i], every || rows <= 1000000);
	}
	ops->close(a.ledger);
	return bench_end(&b);
}

/* --- a start --------------------------------------------------------------------------------- */

struct spent {
	int64_t rows, usd;
};

static int on_sum(void *arg, const struct record *r, int64_t rows, int64_t to_ms)
{
	struct spent *s = arg;
	(void)to_ms;
	s->rows += rows;
	if (r->priced && r->billing == BILLING_METERED && r->cost.total > 0)
		s->usd += r->cost.total;
	return 0;
}

static int on_row(void *arg, const struct record *r)
{
	return on_sum(arg, r, 1, 0);
}

/* All rows, as a budget that is new asks for them at a start: user and team, in USD, since ever. */
static int start(const struct ledger_ops *ops, const char *path, bool rows_too)
{
	static const char *const columns[] = {"time_ms",      "source",       "ending",      "billing",
	                                      "usage_source", "cost_nanousd", "hold_tokens", "credits_nano",
	                                      "user",         "cohort",       "claimed",     "team"};
	struct bench b;
	struct error e = {0};
	struct ledger *l;
	struct spent sums = {0}, rows = {0};
	struct ledger_query q = {.any_order = true, .only_n = sizeof columns / sizeof *columns};
	memcpy(q.only, columns, sizeof columns);
	if (ops->open(path, false, &l, &e) != 0) {
		fprintf(stderr, "bench: %s\n", e.text);
		return 1;
	}
	bench_begin(&b, "new-budget", "The ledger read for a budget that is new at a start", "", "way",
	            "rows", "s", (char *)NULL);
	double began = bench_now();
	int rc = ops->cells(l, &q, on_sum, &sums, &e);
	bench_cell(&b, 0, "rollups");
	bench_cell(&b, 1, "%lld", (long long)sums.rows);
	bench_cell(&b, 2, "%.2f", bench_now() - began);
	bench_row(&b);
	if (rc == 0 && rows_too) {
		began = bench_now();
		rc = ops->rows(l, &q, on_row, &rows, &e);
		bench_cell(&b, 0, "rows");
		bench_cell(&b, 1, "%lld", (long long)rows.rows);
		bench_cell(&b, 2, "%.2f", bench_now() - began);
		bench_row(&b);
		rc = rc == 0 && memcmp(&sums, &rows, sizeof rows) != 0;
	}
	ops->close(l);
	if (rc)
		fprintf(stderr, "bench: the sums are not those of the rows (%d) %s\n", rc, e.text);
	return bench_end(&b) | (rc != 0);
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
	if (argc > 1 && strcmp(argv[1], "make") == 0)
		return 0;
	return report(ops, path, rows) | start(ops, path, rows <= 1000000 || getenv("REPORTS_ROWS_TOO"));
}
