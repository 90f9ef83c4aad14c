/* Quotas under many threads: a bucket never admits more than burst + rate * time, a window never more at
 * once, and every call that waits is woken or passes in the end. */
#include <stdatomic.h>

#include "policy/quota_impl.h"
#include "unit/unit.h"

#define THREADS 6
#define CALLS   1500
#define LIMIT   4
#define SECOND  INT64_C(1000000)

static struct quota *q;
static _Atomic int64_t now_us, asks;
static atomic_int flying, most, admitted;

static const struct quota_rule rules[] = {
    {.rule = {.name = SLICE("rate")}, .requests = {1000, 1000}, .burst_ms = 50, .tokens = {1000000, 1000}},
    {.rule = {.name = SLICE("window")}, .concurrent = LIMIT},
};

static void wake(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void one_call(struct arena *mem, const struct quota_ask *a)
{
	struct quota_ticket t = {0};
	int64_t until;
	/* each look moves the clock a little, for all of them */
	while (quota_ask(q, &t, a, mem, atomic_fetch_add(&now_us, 7), &until) != QUOTA_ON)
		atomic_fetch_add(&asks, 1);
	int n = atomic_fetch_add(&flying, 1) + 1, seen = atomic_load(&most);
	while (n > seen && !atomic_compare_exchange_weak(&most, &seen, n))
		;
	atomic_fetch_add(&admitted, 1);
	atomic_fetch_sub(&flying, 1);
	quota_end(&t, true, a->tokens, atomic_load(&now_us));
}

static void *run(void *arg)
{
	unsigned n = *(unsigned *)arg;
	struct record r;
	struct facts f = {.record = &r};
	struct arena mem;
	atomic_int woken = 0;
	char user[8];
	record_init(&r);
	snprintf(user, sizeof user, "u%u", n);
	arena_init(&mem, 1 << 20);
	struct quota_ask a = {.rules = rules,
	                      .rules_n = COUNT(rules),
	                      .facts = &f,
	                      .user = slice_of(user),
	                      .ci = n % 2,
	                      .tokens = 10,
	                      .provider = SLICE("p"),
	                      .model = SLICE("m"),
	                      .wake = wake,
	                      .wake_arg = &woken};
	for (int i = 0; i < CALLS; i++) {
		one_call(&mem, &a);
		arena_reset(&mem);
	}
	arena_release(&mem);
	return NULL;
}

static void never_too_many(void **state)
{
	pthread_t threads[THREADS];
	unsigned numbers[THREADS];
	struct quota_stats s;
	(void)state;
	q = quota_new(1024);
	assert_non_null(q);
	int64_t from = 1000 * SECOND;
	atomic_store(&now_us, from);
	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, run, &numbers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	int64_t passed = atomic_load(&now_us) - from;
	assert_int_equal(atomic_load(&admitted), THREADS * CALLS);
	assert_in_range(atomic_load(&most), 1, LIMIT);
	assert_true(THREADS * CALLS <= 50 + passed / 1000 + 1);
	assert_true(atomic_load(&asks) > 0); /* they did have to wait */
	quota_stats_get(q, &s);
	assert_int_equal(s.waiting, 0);
	quota_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(never_too_many)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
