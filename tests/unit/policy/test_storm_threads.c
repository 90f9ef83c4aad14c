/* The storm detectors under many threads: a conversation's calls at the same time, and one opening of all. */
#include <pthread.h>
#include <stdio.h>

#include "policy/storm_table.h"
#include "unit/unit.h"

#define THREADS 4
#define CALLS   400

static struct storm_table *shared;

static void call(uint64_t thread, int n)
{
	char id[32];
	struct storm_finding f;
	snprintf(id, sizeof id, "call_%d", n);
	struct body_item items[] = {{.kind = ITEM_TOOL_CALL,
	                             .assistant = true,
	                             .name = body_literal(SLICE("bash")),
	                             .call_id = body_literal(slice_of(id)),
	                             .json = SLICE("{\"command\":\"make\"}")},
	                            {.kind = ITEM_TOOL_RESULT,
	                             .call_id = body_literal(slice_of(id)),
	                             .text = body_literal(SLICE("failed"))}};
	struct storm_request r = {.thread = thread, .items = items, .items_n = 2, .now_ms = 1000 + n};
	(void)storm_watch(shared, &r, &storm_limits_usual, 0, 5, &f);
	storm_spent(shared, thread, 10000000, 1000 + n);
}

static void opening(uint64_t thread, int n)
{
	struct storm_finding f;
	struct body_item said = {.kind = ITEM_USER_TEXT, .text = body_literal(SLICE("mend it"))};
	struct storm_request r = {
	    .thread = thread, .items = &said, .items_n = 1, .begins = true, .now_ms = 1000 + n};
	(void)storm_watch(shared, &r, &storm_limits_usual, 20, 5, &f);
	storm_spent(shared, thread, 1, 1000 + n);
}

static void *many(void *arg)
{
	uint64_t of = *(uint64_t *)arg;
	for (int i = 0; i < CALLS; i++) {
		call(1 + (of * 7 + (uint64_t)i) % 50, i);
		opening(1000 + of * CALLS + (uint64_t)i, i);
	}
	return NULL;
}

static void many_threads_at_once(void **state)
{
	pthread_t threads[THREADS];
	uint64_t of[THREADS];
	struct storm_stats s;
	(void)state;
	shared = storm_table_new(200, 1);
	for (uint64_t i = 0; i < THREADS; i++) {
		of[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, many, &of[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	storm_stats_get(shared, &s);
	assert_true(s.threads + s.openings <= 200 + 16);
	assert_true(s.evicted >= THREADS * CALLS - 216);
	storm_table_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_threads_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
