/* Many threads on few budgets: nobody ever sees more committed than the limit, nothing is lost, and an
 * attempt that fails leaves nothing behind. */
#include <pthread.h>
#include <stdatomic.h>

#include "unit/policy/budget_fixture.h"

#define THREADS 4
#define CALLS   20000

static struct settings *settings;
static struct budgets *budgets;
static atomic_bool over;
static atomic_int lost;
static _Atomic int64_t spent;
static const char *const teams[] = {"web", "payments", "infra"};

struct work {
	pthread_t thread;
	uint64_t seed;
	uint64_t refused;
};

static uint64_t next(uint64_t *s)
{
	*s = *s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *s >> 33;
}

static void *call(void *arg)
{
	struct work *w = arg;
	struct caller c;
	struct budget_why why;
	caller_init(&c, budgets, settings, at("2026-11-24T12:00:00Z"));
	for (int i = 0; i < CALLS; i++) {
		struct budget_hold h;
		int64_t hold = (int64_t)(next(&w->seed) % 4000), used;
		c.r.who.v[ATTR_TEAM] = slice_of(teams[next(&w->seed) % COUNT(teams)]);
		if (take_usd(&c, hold, &h) != BUDGET_OK) {
			budget_release(budgets, &h);
			w->refused++;
			continue;
		}
		struct budget_need more = {.usd = (int64_t)(next(&w->seed) % 500)};
		if (budget_extend(budgets, &h, &more, &why) == BUDGET_OK)
			hold += more.usd;
		used = (int64_t)(next(&w->seed) % (uint64_t)(hold + 1)) / 8;
		settle_usd(&c, &h, used);
		atomic_fetch_add(&spent, used);
	}
	return NULL;
}

static int look(void *arg, const struct budget_view *v)
{
	const struct budget_rule *r = settings_budget(arg, v->budget);
	if (v->settled + v->held > r->limit.n)
		atomic_fetch_add(&lost, 1);
	return 0;
}

/* settled and held of a view are not of one instant, but settled is committed - held, and committed is one
 * number: their sum is what it was. */
static void *watch(void *arg)
{
	while (!atomic_load(&over))
		budgets_each(budgets, NULL, look, arg);
	return NULL;
}

static void never_past_the_limit(void **state)
{
	struct work work[THREADS] = {0};
	pthread_t watcher;
	(void)state;
	settings = fixture_settings("budgets:\n"
	                            "  - {name: org, window: month, limit: 0.005 USD}\n"
	                            "  - {name: team, each: team, window: month, limit: 0.004 USD}\n"
	                            "  - {name: roll, window: 1h, limit: 0.005 USD}\n");
	budgets = budgets_new(1024, 3);
	fixture_loaded(budgets, settings);
	assert_int_equal(pthread_create(&watcher, NULL, watch, settings), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		work[i].seed = i + 1;
		assert_int_equal(pthread_create(&work[i].thread, NULL, call, &work[i]), 0);
	}
	uint64_t refused = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(work[i].thread, NULL);
		refused += work[i].refused;
	}
	atomic_store(&over, true);
	pthread_join(watcher, NULL);
	assert_int_equal(atomic_load(&lost), 0);
	assert_true(refused > 0);
	assert_int_equal(sums_of(budgets, NULL).held, 0);
	assert_int_equal(sums_of(budgets, "org").settled, atomic_load(&spent));
	assert_int_equal(sums_of(budgets, "team").settled, atomic_load(&spent));
	assert_int_equal(sums_of(budgets, "roll").settled, atomic_load(&spent));
	assert_true(atomic_load(&spent) > 4500000); /* and the budget can be used */
	struct budget_stats stats;
	budgets_stats(budgets, &stats);
	print_message("%llu taken, %llu refused, %llu taken back, %llu looked again\n", stats.taken,
	              stats.refused, stats.rolled_back, stats.waited);
	budgets_free(budgets);
	settings_unref(settings);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(never_past_the_limit)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
