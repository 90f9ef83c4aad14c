/* The storm detectors of many conversations: each thread for itself, fresh sessions of a scope together,
 * and bounded. */
#include <stdio.h>
#include <string.h>

#include "policy/storm_table.h"
#include "unit/unit.h"

#define DOLLAR INT64_C(1000000000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define START  (INT64_C(1700000000000) / MINUTE * MINUTE)

static const struct storm_limits none;

struct turn {
	struct body_item items[2];
	char id[32];
};

static void call_of(struct turn *t, int n, const char *command, const char *result)
{
	snprintf(t->id, sizeof t->id, "call_%d", n);
	t->items[0] = (struct body_item){.kind = ITEM_TOOL_CALL,
	                                 .assistant = true,
	                                 .name = body_literal(SLICE("bash")),
	                                 .call_id = body_literal(slice_of(t->id)),
	                                 .json = slice_of(command)};
	t->items[1] = (struct body_item){
	    .kind = ITEM_TOOL_RESULT, .call_id = t->items[0].call_id, .text = body_literal(slice_of(result))};
}

static bool turn(struct storm_table *t, uint64_t thread, int n, const char *result, int64_t now_ms,
                 const struct storm_limits *l, struct storm_finding *f)
{
	struct turn one;
	call_of(&one, n, "{\"command\":\"make\"}", result);
	struct storm_request r = {.thread = thread, .items = one.items, .items_n = 2, .now_ms = now_ms};
	return storm_watch(t, &r, l, 0, 5, f);
}

/* The first request of a session of its own. */
static bool opens(struct storm_table *t, uint64_t thread, const char *words, const char *scope,
                  int64_t now_ms, int64_t fresh, const struct storm_limits *l, struct storm_finding *f)
{
	struct body_item said = {.kind = ITEM_USER_TEXT, .text = body_literal(slice_of(words))};
	struct storm_request r = {.thread = thread,
	                          .items = &said,
	                          .items_n = 1,
	                          .begins = true,
	                          .scope = slice_of(scope),
	                          .now_ms = now_ms};
	return storm_watch(t, &r, l, fresh, 5, f);
}

static void a_thread_is_held_against_itself_alone(void **state)
{
	struct storm_table *t = storm_table_new(1000, 1);
	struct storm_finding f;
	(void)state;
	for (int i = 0; i < 2; i++)
		for (uint64_t thread = 1; thread <= 20; thread++)
			assert_false(turn(t, thread, i, "failed", START + i, &storm_limits_usual, &f));
	assert_true(turn(t, 7, 2, "failed", START + 9, &storm_limits_usual, &f));
	assert_int_equal(f.signal, STORM_REPEAT);
	assert_int_equal(f.count, 3);
	assert_false(turn(t, 8, 2, "passed", START + 9, &storm_limits_usual, &f));
	storm_table_free(t);
}

static void what_was_found_is_lifted_by_the_allowance(void **state)
{
	struct storm_table *t = storm_table_new(1000, 1);
	struct storm_finding f;
	int n = 0;
	(void)state;
	while (!turn(t, 1, n, "failed", START + n, &storm_limits_usual, &f))
		n++;
	assert_int_equal(n, 2);
	for (int more = 1; more < 3 + 5; more++)
		assert_false(turn(t, 1, n + more, "failed", START + n + more, &storm_limits_usual, &f));
	assert_true(turn(t, 1, n + 8, "failed", START + n + 8, &storm_limits_usual, &f));
	assert_int_equal(f.count, 8);
	storm_table_free(t);
}

static void requests_sent_again_have_a_number_and_a_price(void **state)
{
	struct storm_table *t = storm_table_new(1000, 1);
	struct storm_limits l = {.retry_calls = 3}, by_cost = {.retry_nanousd = 5 * DOLLAR};
	struct storm_request r = {.thread = 1, .now_ms = START};
	struct storm_finding f;
	(void)state;
	assert_false(storm_watch(t, &r, &l, 0, 5, &f));
	r.retry = true;
	for (int i = 0; i < 3; i++)
		assert_int_equal(storm_watch(t, &r, &l, 0, 5, &f), i == 2);
	assert_int_equal(f.signal, STORM_RETRIES);
	r = (struct storm_request){.thread = 2, .now_ms = START};
	assert_false(storm_watch(t, &r, &by_cost, 0, 5, &f));
	r.retry = true;
	for (int i = 0; i < 3; i++) {
		storm_spent(t, 2, 2 * DOLLAR, START);
		assert_int_equal(storm_watch(t, &r, &by_cost, 0, 5, &f), i == 2);
	}
	assert_int_equal(f.count, 3);
	storm_table_free(t);
}

static void the_tree_has_a_breadth_and_a_depth(void **state)
{
	struct storm_table *t = storm_table_new(1000, 1);
	struct storm_limits l = {.fan_out = 20, .depth = 4};
	struct storm_request r = {.thread = 1, .now_ms = START, .fan_out = 19, .depth = 3};
	struct storm_finding f;
	(void)state;
	assert_false(storm_watch(t, &r, &l, 0, 5, &f));
	r.fan_out = 20;
	assert_true(storm_watch(t, &r, &l, 0, 5, &f));
	assert_int_equal(f.signal, STORM_FAN_OUT);
	r = (struct storm_request){.thread = 2, .now_ms = START, .depth = 4};
	assert_true(storm_watch(t, &r, &l, 0, 5, &f));
	assert_int_equal(f.signal, STORM_DEPTH);
	storm_table_free(t);
}

static void compactions_without_an_edit_are_counted(void **state)
{
	struct storm_table *t = storm_table_new(1000, 1);
	struct storm_request r = {.thread = 1, .now_ms = START, .compacted = true};
	struct storm_finding f;
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(storm_watch(t, &r, &storm_limits_usual, 0, 5, &f), i == 3);
	assert_int_equal(f.signal, STORM_COMPACTING);
	storm_table_free(t);
}

static void runtime_counts_a_long_pause_as_a_short_one(void **state)
{
	struct storm_table *t = storm_table_new(1000, 1);
	struct storm_limits l = {.runtime_ms = 11 * MINUTE};
	struct storm_request r = {.thread = 1, .now_ms = START};
	struct storm_finding f;
	(void)state;
	assert_false(storm_watch(t, &r, &l, 0, 5, &f));
	r.now_ms += 600 * MINUTE;
	assert_false(storm_watch(t, &r, &l, 0, 5, &f));
	r.now_ms += 600 * MINUTE;
	assert_false(storm_watch(t, &r, &l, 0, 5, &f));
	r.now_ms += MINUTE;
	assert_true(storm_watch(t, &r, &l, 0, 5, &f));
	assert_int_equal(f.signal, STORM_RUNTIME);
	storm_table_free(t);
}

static void money_of_a_minute_is_forgotten_when_two_have_passed(void **state)
{
	struct storm_table *t = storm_table_new(1000, 1);
	struct storm_limits l = {.burn_nanousd = 2 * DOLLAR};
	struct storm_request r = {.thread = 1, .now_ms = START};
	struct storm_finding f;
	(void)state;
	assert_false(storm_watch(t, &r, &l, 0, 5, &f));
	storm_spent(t, 1, 2 * DOLLAR - 1, START);
	assert_false(storm_watch(t, &r, &l, 0, 5, &f));
	storm_spent(t, 1, 1, START + MINUTE - 1);
	r.now_ms = START + MINUTE;
	assert_true(storm_watch(t, &r, &l, 0, 5, &f));
	assert_int_equal(f.signal, STORM_BURN);
	r.thread = 2;
	assert_false(storm_watch(t, &r, &l, 0, 5, &f));
	storm_spent(t, 2, 9 * DOLLAR, r.now_ms);
	r.now_ms += 2 * MINUTE;
	assert_false(storm_watch(t, &r, &l, 0, 5, &f));
	storm_table_free(t);
}

static void a_loop_of_fresh_sessions_is_stopped_within_a_minute(void **state)
{
	static const int64_t gaps[] = {1, 2, 3, 6, 12, 20}; /* seconds; $10 a minute all the same */
	(void)state;
	for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
		struct storm_table *t = storm_table_new(1000, 1);
		struct storm_finding f;
		int64_t s = 0;
		uint64_t thread = 1;
		for (; s <= 60; s += gaps[i], thread++) {
			int64_t now = START + 41 * SECOND + s * SECOND; /* over the end of a minute */
			if (opens(t, thread, "mend the build", "key\nrepo", now, 20, &storm_limits_usual, &f))
				break;
			storm_spent(t, thread, 10 * DOLLAR * gaps[i] / 60, now);
		}
		assert_true(s > 60 || thread >= 3);
		if (s > 60)
			fail_msg("a session each %lld s went on", (long long)gaps[i]);
		storm_table_free(t);
	}
}

static void openings_count_by_scope_and_words_for_an_hour(void **state)
{
	struct storm_table *t = storm_table_new(1000, 1);
	struct storm_finding f;
	uint64_t thread = 1;
	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_false(opens(t, thread++, "mend it", "one", START, 5, &none, &f));
		assert_false(opens(t, thread++, "mend it", "two", START, 5, &none, &f));
	}
	assert_false(opens(t, thread++, "write it", "one", START, 5, &none, &f));
	assert_true(opens(t, thread, "mend it", "one", START + 59 * MINUTE, 5, &none, &f));
	assert_int_equal(f.signal, STORM_FRESH);
	assert_int_equal(f.count, 5);
	assert_false(opens(t, ++thread, "mend it", "two", START + 60 * MINUTE, 5, &none, &f));
	storm_table_free(t);
}

static void a_resumed_session_raises_its_openings_limit(void **state)
{
	struct storm_table *t = storm_table_new(1000, 1);
	struct storm_request on = {.thread = 3, .now_ms = START};
	struct storm_finding f;
	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(opens(t, i, "mend it", "one", START, 3, &none, &f), i == 3);
	assert_false(storm_watch(t, &on, &none, 3, 5, &f));
	for (uint64_t i = 4; i <= 8; i++)
		assert_int_equal(opens(t, i, "mend it", "one", START, 3, &none, &f), i == 8);
	storm_table_free(t);
}

static void a_full_table_lets_go_of_the_quietest(void **state)
{
	struct storm_table *t = storm_table_new(64, 1);
	struct storm_finding f;
	struct storm_stats s;
	(void)state;
	for (uint64_t i = 1; i <= 1000; i++) {
		(void)turn(t, i, 0, "failed", START, &none, &f);
		(void)turn(t, 5000, 0, "fine", START, &none, &f);
	}
	storm_stats_get(t, &s);
	assert_true(s.threads <= 64 + 16);
	assert_true(s.evicted >= 900);
	assert_int_equal(s.threads + s.evicted, 1001);
	/* the one in use all the time was kept: it is seen to repeat itself */
	assert_true(turn(t, 5000, 1, "fine", START, &storm_limits_usual, &f));
	storm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_thread_is_held_against_itself_alone),
	    cmocka_unit_test(what_was_found_is_lifted_by_the_allowance),
	    cmocka_unit_test(requests_sent_again_have_a_number_and_a_price),
	    cmocka_unit_test(the_tree_has_a_breadth_and_a_depth),
	    cmocka_unit_test(compactions_without_an_edit_are_counted),
	    cmocka_unit_test(runtime_counts_a_long_pause_as_a_short_one),
	    cmocka_unit_test(money_of_a_minute_is_forgotten_when_two_have_passed),
	    cmocka_unit_test(a_loop_of_fresh_sessions_is_stopped_within_a_minute),
	    cmocka_unit_test(openings_count_by_scope_and_words_for_an_hour),
	    cmocka_unit_test(a_resumed_session_raises_its_openings_limit),
	    cmocka_unit_test(a_full_table_lets_go_of_the_quietest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
