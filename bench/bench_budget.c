/* Admission by budgets, and their counters at a start.
 *
 * admission: one call that ten budgets match, among 100,000 counters: what applies is found, the hold taken
 * and settled. Each is timed by itself; the callers' values change from call to call, so that counters are
 * not in the cache because the call before had them.
 *
 * start: counters loaded of the sums that the ledger keeps of all settlements there were, however many (here
 * of 10 million: what a start reads is a line for each counter); settlements replayed into counters one by
 * one; and a budget that is new, and has no sums, counted from the rows of a ledger.
 */
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "policy/budget.h"
#include "store/ledger.h"

#define BUDGETS     10
#define PEOPLE      11200 /* each with a counter in nine of the budgets */
#define CALLS       400000
#define SETTLEMENTS 10000000
#define LEDGER_ROWS 100000 /* BENCH_BUDGET_ROWS: another number */

static void tell(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static struct settings *settings_of(void)
{
	static const char *const each[BUDGETS] = {"user",           "team",         "repo",
	                                          "[user, repo]",   "session",      "[user, session]",
	                                          "workflow",       "[team, repo]", "[user, workflow]",
	                                          "[repo, session]"};
	static const char *const windows[] = {"hour", "day", "week", "month", "quarter", "total"};
	char path[] = "/tmp/weir-bench-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (f == NULL)
		return NULL;
	fprintf(f, "budgets:\n");
	for (int i = 0; i < BUDGETS; i++)
		fprintf(f,
		        "  - {name: b%d, each: %s, window: %s, limit: 1000000 USD, where: {user: \"u*\"}}\n",
		        i, each[i], windows[i % 6]);
	fclose(f);
	struct settings *s =
	    settings_load_with(slice_of(path), SETTINGS_NO_PRICES | SETTINGS_NO_FOLDER, tell, NULL);
	unlink(path);
	return s;
}

struct caller {
	struct budgets *b;
	struct settings *s;
	struct budget_clock clock;
	struct record r;
	struct facts f;
	char text[4][32];
};

/* Whose call the i-th is: so many people that ten budgets have more than 100,000 counters. */
static void call_of(struct caller *c, unsigned i)
{
	unsigned n = i % PEOPLE;
	snprintf(c->text[0], sizeof c->text[0], "u%u@example.com", n);
	snprintf(c->text[1], sizeof c->text[1], "host/acme/repo-%u", n);
	snprintf(c->text[2], sizeof c->text[2], "session-%u-5f0c5b7b", n);
	snprintf(c->text[3], sizeof c->text[3], "wf-%u", n);
	c->r.who.v[ATTR_USER] = slice_of(c->text[0]);
	c->r.who.v[ATTR_REPO] = slice_of(c->text[1]);
	c->r.who.v[ATTR_SESSION] = slice_of(c->text[2]);
	c->r.who.v[ATTR_WORKFLOW] = slice_of(c->text[3]);
	c->r.who.v[ATTR_TEAM] = SLICE("payments");
}

static bool begin(struct caller *c)
{
	memset(c, 0, sizeof *c);
	c->s = settings_of();
	c->b = budgets_new(1 << 18, 42);
	if (c->s == NULL || c->b == NULL)
		return false;
	for (size_t i = 0; i < c->s->budgets_n; i++)
		budget_set_loaded(c->b, &c->s->budgets[i]);
	record_init(&c->r);
	c->r.text[TEXT_SOURCE] = SLICE("gateway");
	c->r.time_ms = c->clock.steady_ms = INT64_C(1795308465000);
	c->f = (struct facts){.record = &c->r, .zone = c->s->zone};
	return true;
}

static int by_size(const void *a, const void *b)
{
	const unsigned *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static unsigned ns_since(const struct timespec *from)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned)((now.tv_sec - from->tv_sec) * 1000000000L + now.tv_nsec - from->tv_nsec);
}

static bool admit(struct caller *c, struct budget_hold *h)
{
	struct budget_why why;
	struct budget_need need = {.usd = 1000000, .input = 20000, .output = 1000, .calls = 1};
	return budget_match(c->b, c->s, &c->f, 0, &c->clock, h, &why) == BUDGET_OK && h->n == BUDGETS &&
	       budget_take(c->b, h, &need, &why) == BUDGET_OK;
}

static bool bench_admission(struct caller *c, struct bench *t)
{
	static unsigned took[CALLS], settled[CALLS];
	static struct budget_hold h;
	struct budget_need used = {.usd = 400000, .input = 18000, .output = 300, .calls = 1};
	for (unsigned i = 0; i < PEOPLE; i++) {
		call_of(c, i);
		if (!admit(c, &h))
			return false;
		budget_settle(c->b, &h, &used);
	}
	struct budget_stats stats;
	budgets_stats(c->b, &stats);
	for (unsigned i = 0; i < CALLS; i++) {
		struct timespec from;
		call_of(c, i * 7919);
		clock_gettime(CLOCK_MONOTONIC, &from);
		bool ok = admit(c, &h);
		took[i] = ns_since(&from);
		if (!ok)
			return false;
		clock_gettime(CLOCK_MONOTONIC, &from);
		budget_settle(c->b, &h, &used);
		settled[i] = ns_since(&from);
	}
	qsort(took, CALLS, sizeof *took, by_size);
	qsort(settled, CALLS, sizeof *settled, by_size);
	for (int k = 0; k < 2; k++) {
		unsigned *x = k ? settled : took;
		bench_cell(t, 0, k ? "settlement" : "admission");
		bench_cell(t, 1, "%d", BUDGETS);
		bench_cell(t, 2, "%zu", stats.used);
		bench_cell(t, 3, "%.2f", x[CALLS / 2] / 1e3);
		bench_cell(t, 4, "%.2f", x[CALLS / 100 * 99] / 1e3);
		bench_cell(t, 5, "%.2f", x[CALLS / 1000 * 999] / 1e3);
		bench_row(t);
	}
	return true;
}

/* --- a start ------------------------------------------------------------------------------------------ */

struct start {
	struct caller *c;
	const struct ledger_ops *ops;
	struct ledger *l;
	const struct budget_rule *rule;
	struct error e;
};

static int load_sum(void *arg, const struct ledger_sum *sum)
{
	struct start *s = arg;
	struct budget_entry e = {.from_ms = sum->from_ms, .amount = sum->amount, .key_n = sum->key.n};
	memcpy(e.key, sum->key.p, sum->key.n);
	return budget_load(s->c->b, s->rule, &e, &s->c->clock);
}

static int count_row(void *arg, const struct record *r)
{
	struct start *s = arg;
	struct budget_entry e;
	struct facts f = {.record = r, .zone = s->c->s->zone};
	if (!budget_entry_of(s->rule, &f, &s->c->clock, &e))
		return 0;
	return budget_load(s->c->b, s->rule, &e, &s->c->clock);
}

static unsigned ledger_rows(void)
{
	const char *asked = getenv("BENCH_BUDGET_ROWS");
	long long n;
	return asked && slice_to_i64(slice_of(asked), &n) && n > 0 && n < 100000000 ? (unsigned)n
	                                                                            : LEDGER_ROWS;
}

/* What the writer leaves: a sum for each counter. And rows, of which a budget that is new is counted. */
static int write_ledger(struct start *s)
{
	struct caller *c = s->c;
	struct budget_entry e;
	int rc = s->ops->begin(s->l, &s->e);
	for (unsigned i = 0; rc == 0 && i < PEOPLE; i++) {
		call_of(c, i);
		for (size_t k = 0; rc == 0 && k < c->s->budgets_n; k++) {
			if (!budget_entry_of(&c->s->budgets[k], &c->f, &c->clock, &e))
				continue;
			struct ledger_sum sum = {c->s->budgets[k].shape, e.from_ms,
			                         slice_make(e.key, e.key_n), 1};
			rc = s->ops->budget_add(s->l, &sum, &s->e);
		}
	}
	for (unsigned i = 0; rc == 0 && i < ledger_rows(); i++) {
		call_of(c, i);
		snprintf(c->r.id, sizeof c->r.id, "01BENCH%019u", i);
		rc = s->ops->add(s->l, &c->r, &s->e);
	}
	return rc ? rc : s->ops->commit(s->l, &s->e);
}

static void say(struct bench *t, const char *what, double started, const char *format, long long n)
{
	double took = bench_now() - started;
	bench_cell(t, 0, "%s", what);
	if (strcmp(format, "rows") == 0)
		bench_cell(t, 1, "%lld rows", n);
	else
		bench_cell(t, 1, "%lld %s", n, format);
	bench_cell(t, 2, "%.3f", took);
	bench_row(t);
}

static int from_ledger(struct start *s, struct bench *t)
{
	struct budget_stats stats;
	const struct settings *set = s->c->s;
	double started = bench_now();
	int rc = 0;
	for (size_t k = 0; rc == 0 && k < set->budgets_n; k++) {
		s->rule = &set->budgets[k];
		rc = s->ops->budget_sums(s->l, s->rule->shape, 0, load_sum, s, &s->e);
	}
	budgets_stats(s->c->b, &stats);
	say(t, "counters from the ledger's sums", started, "counters", (long long)stats.used);
	struct ledger_query q = {.since_ms = 0};
	s->rule = &set->budgets[3];
	q.only_n = budget_row_columns(s->rule, q.only);
	started = bench_now();
	rc = rc ? rc : s->ops->rows(s->l, &q, count_row, s, &s->e);
	say(t, "a new budget counted from the ledger", started, "rows", ledger_rows());
	return rc;
}

static bool bench_start(struct caller *c, struct bench *t)
{
	char path[64], url[80];
	slice rest;
	struct start s = {.c = c};
	struct budget_entry e;
	c->r.priced = true;
	c->r.cost.total = 1;
	c->r.ending = ENDING_COMPLETE;
	snprintf(path, sizeof path, "/tmp/weir-bench-%ld.db", (long)getpid());
	snprintf(url, sizeof url, "sqlite:%s", path);
	s.ops = ledger_for(slice_of(url), &rest, &s.e);
	int rc = s.ops ? s.ops->open(path, true, &s.l, &s.e) : -1;
	if (rc == 0)
		rc = write_ledger(&s);
	if (rc == 0)
		rc = from_ledger(&s, t);
	if (s.l)
		s.ops->close(s.l);
	unlink(path);
	for (int k = 0; k < 2; k++) {
		snprintf(url, sizeof url, "%s-%s", path, k ? "wal" : "shm");
		unlink(url);
	}
	if (rc)
		fprintf(stderr, "bench: %s\n", s.e.text);
	double started = bench_now();
	for (unsigned i = 0; rc == 0 && i < SETTLEMENTS; i++) {
		if (i % 8 == 0)
			call_of(c, i);
		rc = budget_entry_of(&c->s->budgets[3], &c->f, &c->clock, &e)
		         ? budget_load(c->b, &c->s->budgets[3], &e, &c->clock)
		         : -1;
	}
	say(t, "settlements replayed into counters", started, "settlements", SETTLEMENTS);
	return rc == 0;
}

int main(void)
{
	static struct bench t;
	static struct caller c;
	if (!begin(&c))
		return 1;
	bench_begin(&t, "budget_admission", "Budgets: one call's hold, one core", "microseconds", "",
	            "budgets matched", "counters", "p50", "p99", "p99.9", NULL);
	if (!bench_admission(&c, &t) || bench_end(&t))
		return 1;
	bench_begin(&t, "budget_start", "Budgets: counters at a start", "seconds", "", "of", "took", NULL);
	if (!bench_start(&c, &t) || bench_end(&t))
		return 1;
	budgets_free(c.b);
	settings_unref(c.s);
	return 0;
}
