/* Admission by budgets, and their counters at a start.
 *
 * admission: one call that ten budgets match, among 100,000 counters: what applies is found, the hold taken
 * and settled. Each is timed by itself; the callers' values change from call to call, so that counters are
 * not in the cache because the call before had them.
 *
 * start: counters loaded of the sums that 10 million settlements left, as the ledger keeps them; and, for a
 * budget that is new and has no sums, how many rows a second are added up once they are read. */
#include <unistd.h>

#include "bench.h"
#include "policy/budget.h"

#define BUDGETS 10
#define PEOPLE  11200 /* each with a counter in nine of the budgets */
#define CALLS   400000
#define ROWS    10000000

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

static bool bench_start(struct caller *c, struct bench *t)
{
	struct budget_entry e;
	struct budget_stats stats;
	budgets_stats(c->b, &stats);
	double start = bench_now();
	for (unsigned i = 0; i < PEOPLE; i++) {
		call_of(c, i);
		c->r.priced = true;
		c->r.cost.total = 1;
		for (size_t k = 0; k < c->s->budgets_n; k++)
			if (budget_entry_of(&c->s->budgets[k], &c->f, &c->clock, &e) &&
			    budget_load(c->b, &c->s->budgets[k], &e, &c->clock))
				return false;
	}
	bench_cell(t, 0, "counters from their sums");
	bench_cell(t, 1, "%zu counters", stats.used);
	bench_cell(t, 2, "%.3f", bench_now() - start);
	bench_row(t);
	start = bench_now();
	for (unsigned i = 0; i < ROWS; i++) {
		if (i % 8 == 0)
			call_of(c, i);
		if (!budget_entry_of(&c->s->budgets[3], &c->f, &c->clock, &e) ||
		    budget_load(c->b, &c->s->budgets[3], &e, &c->clock))
			return false;
	}
	bench_cell(t, 0, "settlements replayed one by one");
	bench_cell(t, 1, "%d settlements", ROWS);
	bench_cell(t, 2, "%.3f", bench_now() - start);
	bench_row(t);
	return true;
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
