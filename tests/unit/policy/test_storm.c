/* The storm detector: what a stuck agent does is found by its number of repeats, and what an agent does for
 * good reasons is not. */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "policy/storm.h"

struct run {
	struct storm_state state;
	struct storm_reading reading;
	struct storm_finding finding;
	struct storm_facts facts;
	struct storm_limits limits;
	int64_t at_ms, cost;
	int calls;
};

static struct run fresh(void)
{
	return (struct run){.limits = storm_limits_usual};
}

static json_str text_of(const char *t)
{
	return (json_str){slice_of(t), strchr(t, '\\') != NULL};
}

static void begin(struct run *r)
{
	r->at_ms += 20000;
	r->cost += 50000000;
	storm_begin(&r->reading, &r->state, r->at_ms, r->cost);
}

static bool end(struct run *r)
{
	return storm_end(&r->reading, &r->limits, &r->facts, &r->finding);
}

static void user(struct run *r, const char *text)
{
	struct body_item it = {.kind = ITEM_USER_TEXT, .text = text_of(text)};
	storm_item(&r->reading, &it, true);
}

static void call(struct run *r, const char *tool, const char *args, const char *result, bool error)
{
	char id[32];
	snprintf(id, sizeof id, "call_%d", r->calls++);
	struct body_item use = {.kind = ITEM_TOOL_CALL,
	                        .assistant = true,
	                        .name = text_of(tool),
	                        .call_id = text_of(id),
	                        .json = slice_of(args)};
	struct body_item out = {
	    .kind = ITEM_TOOL_RESULT, .call_id = text_of(id), .text = text_of(result), .is_error = error};
	storm_item(&r->reading, &use, true);
	storm_item(&r->reading, &out, true);
}

/* One request with one call. */
static bool step(struct run *r, const char *tool, const char *args, const char *result, bool error)
{
	begin(r);
	call(r, tool, args, result, error);
	return end(r);
}

#define TEST_RUN "{\"command\":\"npm test\",\"description\":\"Run\"}"
#define FAILS    "Exit code 1\\nFAIL widget in 0.31s"

static void the_same_call_with_the_same_result_is_found_with_its_evidence(void **state)
{
	struct run r = fresh();
	char text[300];
	(void)state;
	assert_false(step(&r, "Bash", TEST_RUN, FAILS, true));
	assert_false(step(&r, "Bash", TEST_RUN, "Exit code 1\\nFAIL widget in 0.29s", true));
	assert_true(step(&r, "Bash", "{\"command\":\"npm test\",\"description\":\"Again\"}", FAILS, true));
	assert_int_equal(r.finding.signal, STORM_REPEAT);
	assert_int_equal(r.finding.count, 3);
	storm_sentence(&r.finding, text, sizeof text);
	assert_string_equal(text, "`npm test` gave the same result 3 times in 40 seconds, $0.10");
}

static void a_round_of_calls_is_found(void **state)
{
	static const char *const files[] = {"{\"file_path\":\"a\"}", "{\"file_path\":\"b\"}",
	                                    "{\"file_path\":\"c\"}"};
	struct run r = fresh();
	bool found = false;
	int steps = 0;
	(void)state;
	while (!found && steps < 30) {
		found = step(&r, "Read", files[steps % 3], steps % 3 ? "text of it" : "other text", false);
		steps++;
	}
	assert_int_equal(steps, 9);
	assert_int_equal(r.finding.signal, STORM_CYCLE);
	assert_int_equal(r.finding.count, 3);
}

static void an_edit_and_its_failure_over_and_over_is_a_round(void **state)
{
	struct run r = fresh();
	bool found = false;
	(void)state;
	for (int i = 0; i < 3; i++) {
		found = step(&r, "Edit", "{\"file_path\":\"a.c\",\"old\":\"x\",\"new\":\"y\"}",
		             "not found in file", true);
		found = step(&r, "Bash", TEST_RUN, FAILS, true) || found;
	}
	assert_true(found);
}

static void tests_between_different_edits_are_work(void **state)
{
	struct run r = fresh();
	char args[64];
	(void)state;
	for (int i = 0; i < 25; i++) {
		snprintf(args, sizeof args, "{\"file_path\":\"a.c\",\"new\":\"%d\"}", i);
		assert_false(step(&r, "Edit", args, "ok", false));
		assert_false(step(&r, "Bash", TEST_RUN, FAILS, true));
	}
}

static void a_changed_result_is_progress(void **state)
{
	struct run r = fresh();
	char result[64];
	(void)state;
	for (int i = 0; i < 30; i++) {
		snprintf(result, sizeof result, "Exit code 1\\n%d tests failed", 90 - i);
		assert_false(step(&r, "Bash", TEST_RUN, result, true));
	}
}

static void waiting_for_a_build_may_ask_again(void **state)
{
	struct run r = fresh();
	int asked = 0;
	(void)state;
	while (!step(&r, "Bash", "{\"command\":\"sleep 30; gh pr checks 7\"}", "pending", false))
		asked++;
	assert_int_equal(asked, 14); /* five times as long as anything else */
}

static void what_the_agent_puts_into_a_result_is_not_the_result(void **state)
{
	struct run r = fresh();
	char text[256];
	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text,
		         "Exit code 2\\nFAIL\\n\\n<system-reminder>\\n%d tokens left</system-reminder>%s",
		         14978605 - 134 * i, i == 1 ? "<system-reminder>use the task tools" : "");
		assert_int_equal(step(&r, "Bash", TEST_RUN, text, true), i == 2);
	}
	assert_int_equal(r.finding.signal, STORM_REPEAT);
}

static void a_human_word_begins_anew(void **state)
{
	struct run r = fresh();
	(void)state;
	for (int i = 0; i < 12; i++) {
		begin(&r);
		if (i % 2 == 0)
			user(&r, "run it once more, please");
		call(&r, "Bash", TEST_RUN, FAILS, true);
		assert_false(end(&r));
	}
	for (int i = 0; i < 4 && r.finding.signal == STORM_NONE; i++) {
		begin(&r);
		user(&r, "<system-reminder>the agent's own words</system-reminder>");
		call(&r, "Bash", TEST_RUN, FAILS, true);
		end(&r);
	}
	assert_int_equal(r.finding.signal, STORM_REPEAT);
}

static void the_same_error_of_different_calls_is_found(void **state)
{
	struct run r = fresh();
	char args[64];
	bool found = false;
	int n = 0;
	(void)state;
	while (!found && n < 10) {
		snprintf(args, sizeof args, "{\"command\":\"make -j%d\"}", n++);
		found = step(&r, "Bash", args, "Exit code 2\\nno rule to make target", true);
	}
	assert_int_equal(n, 4);
	assert_int_equal(r.finding.signal, STORM_SAME_ERROR);
}

static void calls_that_cannot_be_are_found(void **state)
{
	struct run r = fresh();
	(void)state;
	for (int i = 0; i < 5; i++) {
		char args[40], id[16];
		snprintf(args, sizeof args, "{\"n\":%d}", i);
		snprintf(id, sizeof id, "i%d", i);
		struct body_item use = {.kind = ITEM_TOOL_CALL,
		                        .name = text_of("Frobnicate"),
		                        .call_id = text_of(id),
		                        .json = slice_of(args)};
		struct body_item out = {
		    .kind = ITEM_TOOL_RESULT, .call_id = text_of(id), .text = text_of(args)};
		begin(&r);
		storm_item(&r.reading, &use, false);
		storm_item(&r.reading, &out, true);
		assert_int_equal(end(&r), i == 4);
	}
	assert_int_equal(r.finding.signal, STORM_INVALID);
}

static void reading_without_end_is_found(void **state)
{
	struct run r = fresh();
	char args[64], text[64];
	bool found = false;
	int n = 0;
	(void)state;
	while (!found && n < 200) {
		snprintf(args, sizeof args, "{\"file_path\":\"f%d\"}", n);
		snprintf(text, sizeof text, "text %d of a file", n++);
		found = step(&r, "Read", args, text, false);
	}
	assert_int_equal(n, 80);
	assert_int_equal(r.finding.signal, STORM_READING);
}

static void facts_have_limits(void **state)
{
	static const struct {
		struct storm_facts facts;
		enum storm_signal signal;
	} cases[] = {
	    {{.turns = 200}, STORM_TURNS},
	    {{.turns = 199}, STORM_NONE},
	    {{.runtime_ms = 7200000}, STORM_RUNTIME},
	    {{.fan_out = 20}, STORM_FAN_OUT},
	    {{.depth = 4}, STORM_DEPTH},
	    {{.retries = 20}, STORM_RETRIES},
	    {{.retries_nanousd = INT64_C(5000000000)}, STORM_RETRIES},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct run r = fresh();
		r.facts = cases[i].facts;
		begin(&r);
		end(&r);
		assert_int_equal(r.finding.signal, cases[i].signal);
	}
}

static void a_resumed_session_gets_its_allowance(void **state)
{
	struct run r = fresh();
	int n = 0;
	(void)state;
	while (!step(&r, "Bash", TEST_RUN, FAILS, true))
		;
	storm_lift(&r.state, STORM_REPEAT, 2);
	while (!step(&r, "Bash", TEST_RUN, FAILS, true))
		n++;
	assert_int_equal(n, 4); /* three and the allowance; the same error would be seen with the fourth */
	assert_int_equal(r.finding.signal, STORM_REPEAT);
}

static void results_without_an_id_or_a_call_are_passed_over(void **state)
{
	struct run r = fresh();
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct body_item out = {
		    .kind = ITEM_TOOL_RESULT, .call_id = text_of("nobody"), .text = text_of("x")};
		begin(&r);
		storm_item(&r.reading, &out, true);
		assert_false(end(&r));
	}
	assert_int_equal(r.state.n, 0);
}

static void arguments_in_a_string_are_read_like_an_object(void **state)
{
	struct run r = fresh();
	char text[300];
	(void)state;
	for (int i = 0; i < 3; i++) {
		char id[16];
		snprintf(id, sizeof id, "c%d", i);
		struct body_item use = {
		    .kind = ITEM_TOOL_CALL,
		    .name = text_of("exec_command"),
		    .call_id = text_of(id),
		    .text = text_of(i ? "{\\\"cmd\\\":\\\"make\\\",\\\"justification\\\":\\\"b\\\"}"
		                      : "{\\\"cmd\\\":\\\"make\\\",\\\"justification\\\":\\\"a\\\"}")};
		struct body_item out = {.kind = ITEM_TOOL_RESULT,
		                        .call_id = text_of(id),
		                        .text = text_of("Chunk ID: 1a2b3c\\nno")};
		begin(&r);
		storm_item(&r.reading, &use, true);
		storm_item(&r.reading, &out, true);
		assert_int_equal(end(&r), i == 2);
	}
	storm_sentence(&r.finding, text, sizeof text);
	assert_true(slice_starts(slice_of(text), SLICE("`make` gave the same result 3 times")));
}

static void results_that_hardly_differ_are_found(void **state)
{
	static const char *const page =
	    "page %d of the search for widgets in the whole repository: the quick brown fox jumps over a "
	    "lazy dog while "
	    "seven wizards juggle bright lamps beside an old stone bridge near some quiet village where "
	    "children sing "
	    "about rivers mountains clouds winter summer harvest markets bakers smiths weavers sailors "
	    "harbours islands "
	    "lighthouses storms thunder rainbows meadows orchards vineyards shepherds lanterns violins";
	struct run r = fresh();
	char args[64], result[640];
	bool found = false;
	int n = 0;
	(void)state;
	while (!found && n < 40) {
		snprintf(args, sizeof args, "{\"query\":\"widgets\",\"page\":%d}", n);
		snprintf(result, sizeof result, page, n++);
		found = step(&r, "Find", args, result, false);
	}
	assert_in_range(n, 12, 14); /* a number may be one of the words that a mark keeps */
	assert_int_equal(r.finding.signal, STORM_ALIKE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_call_with_the_same_result_is_found_with_its_evidence),
	    cmocka_unit_test(a_round_of_calls_is_found),
	    cmocka_unit_test(an_edit_and_its_failure_over_and_over_is_a_round),
	    cmocka_unit_test(tests_between_different_edits_are_work),
	    cmocka_unit_test(a_changed_result_is_progress),
	    cmocka_unit_test(waiting_for_a_build_may_ask_again),
	    cmocka_unit_test(what_the_agent_puts_into_a_result_is_not_the_result),
	    cmocka_unit_test(a_human_word_begins_anew),
	    cmocka_unit_test(the_same_error_of_different_calls_is_found),
	    cmocka_unit_test(calls_that_cannot_be_are_found),
	    cmocka_unit_test(reading_without_end_is_found),
	    cmocka_unit_test(facts_have_limits),
	    cmocka_unit_test(results_that_hardly_differ_are_found),
	    cmocka_unit_test(a_resumed_session_gets_its_allowance),
	    cmocka_unit_test(results_without_an_id_or_a_call_are_passed_over),
	    cmocka_unit_test(arguments_in_a_string_are_read_like_an_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
