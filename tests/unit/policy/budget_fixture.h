/* Budgets of a settings text, calls against them, and what the counters say. */
#ifndef WEIR_TESTS_BUDGET_FIXTURE_H
#define WEIR_TESTS_BUDGET_FIXTURE_H

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy/budget.h"
#include "unit/unit.h"

#define USD  INT64_C(1000000000)
#define MIN  INT64_C(60000)
#define HOUR (60 * MIN)
#define DAY  (24 * HOUR)

static inline void fixture_tell(void *arg, const char *line)
{
	(void)arg;
	print_error("%s\n", line);
}

static inline struct settings *fixture_settings(const char *text)
{
	char path[] = "/tmp/weir-budget-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	struct settings *s =
	    settings_load_with(slice_of(path), SETTINGS_NO_PRICES | SETTINGS_NO_FOLDER, fixture_tell, NULL);
	unlink(path);
	assert_non_null(s);
	return s;
}

static inline void fixture_loaded(struct budgets *b, const struct settings *s)
{
	for (size_t i = 0; i < s->budgets_n; i++)
		budget_set_loaded(b, &s->budgets[i]);
}

static inline int64_t at(const char *rfc3339)
{
	int64_t ms;
	assert_true(clock_parse_rfc3339(slice_of(rfc3339), &ms));
	return ms;
}

/* One caller: a thread's own things. */
struct caller {
	struct budgets *b;
	struct settings *s;
	struct budget_clock clock;
	struct record r;
	struct facts f;
};

static inline void caller_init(struct caller *c, struct budgets *b, struct settings *s, int64_t now)
{
	memset(c, 0, sizeof *c);
	c->b = b;
	c->s = s;
	record_init(&c->r);
	c->r.text[TEXT_SOURCE] = SLICE("gateway");
	c->r.text[TEXT_MODEL_REQUESTED] = SLICE("m");
	c->r.time_ms = c->clock.steady_ms = now;
	c->r.billing = BILLING_METERED;
	c->f = (struct facts){.record = &c->r, .zone = s->zone};
}

static inline void caller_at(struct caller *c, int64_t now)
{
	c->r.time_ms = c->clock.steady_ms = now;
}

static inline enum budget_result take_need(struct caller *c, struct budget_need need, struct budget_hold *h,
                                           struct budget_why *why)
{
	memset(h, 0, sizeof *h);
	enum budget_result r = budget_match(c->b, c->s, &c->f, 0, &c->clock, h, why);
	return r == BUDGET_OK ? budget_take(c->b, h, &need, why) : r;
}

static inline enum budget_result take_usd(struct caller *c, int64_t usd, struct budget_hold *h)
{
	struct budget_why why;
	return take_need(c, (struct budget_need){.usd = usd, .calls = 1}, h, &why);
}

static inline void settle_usd(struct caller *c, struct budget_hold *h, int64_t usd)
{
	budget_settle(c->b, h, &(struct budget_need){.usd = usd, .calls = 1});
}

/* A whole call. */
static inline bool spend(struct caller *c, int64_t usd)
{
	struct budget_hold h;
	bool ok = take_usd(c, usd, &h) == BUDGET_OK;
	if (ok)
		settle_usd(c, &h, usd);
	else
		budget_release(c->b, &h);
	return ok;
}

struct sums {
	const char *budget;
	int64_t settled, held;
	size_t n;
};
static inline int fixture_sum(void *arg, const struct budget_view *v)
{
	struct sums *s = arg;
	if (s->budget && !slice_eq(v->budget, slice_of(s->budget)))
		return 0;
	s->settled += v->settled;
	s->held += v->held;
	s->n++;
	return 0;
}
static inline struct sums sums_of(struct budgets *b, const char *budget)
{
	struct sums s = {.budget = budget};
	budgets_each(b, NULL, fixture_sum, &s);
	return s;
}

#endif
