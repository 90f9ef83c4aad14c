/* The storm detector over a session that is past: what it would have stopped, when, and what went on being
 * spent. */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "finops/hindsight.h"

#define CENT INT64_C(10000000)

static struct hindsight h;
static struct import_moment m;
static struct hindsight_loop told[8];
static char told_of[8][32]; /* texts live during the call */
static size_t told_n;
static int calls;

static int on_loop(void *arg, const struct hindsight_loop *l)
{
	(void)arg;
	assert_true(told_n < sizeof told / sizeof told[0]);
	snprintf(told_of[told_n], sizeof told_of[0], SLICE_FMT "/" SLICE_FMT, SLICE_ARG(l->session),
	         SLICE_ARG(l->subagent));
	told[told_n++] = *l;
	return 0;
}

static void begin(void)
{
	hindsight_init(&h, &storm_limits_usual);
	h.on_loop = on_loop;
	m = (struct import_moment){.session = SLICE("s1"), .time_ms = 1000000};
	told_n = 0;
	calls = 0;
}

static json_str text(const char *t)
{
	return (json_str){slice_of(t), strchr(t, '\\') != NULL};
}

/* What the model did at the price of a cent, and what came of it. */
static void step(const char *command, const char *result, bool error)
{
	char id[32];
	snprintf(id, sizeof id, "call_%d", calls++);
	struct body_item use = {.kind = ITEM_TOOL_CALL,
	                        .assistant = true,
	                        .name = text("Bash"),
	                        .call_id = text(id),
	                        .json = slice_of(command)};
	struct body_item out = {
	    .kind = ITEM_TOOL_RESULT, .call_id = text(id), .text = text(result), .is_error = error};
	m.time_ms += 20000;
	m.cost_nanousd += CENT;
	assert_int_equal(hindsight_item(&h, &m, &use), 0);
	assert_int_equal(hindsight_item(&h, &m, &out), 0);
}

static void says(const char *words)
{
	struct body_item it = {.kind = ITEM_USER_TEXT, .text = text(words)};
	m.time_ms += 20000;
	assert_int_equal(hindsight_item(&h, &m, &it), 0);
}

#define TEST "{\"command\":\"npm test\"}"

static void a_loop_and_what_it_cost_afterwards(void **state)
{
	(void)state;
	begin();
	says("make the tests pass");
	for (int i = 0; i < 10; i++)
		step(TEST, "Exit code 1\\nFAIL widget in 0.31s", true);
	hindsight_end_file(&h);
	assert_true(told_n >= 1);
	assert_string_equal(told_of[0], "s1/");
	assert_true(told[0].turn >= 3 && told[0].turn <= 6); /* within six repeats */
	assert_int_equal(told[0].cost_nanousd, (told[0].turn - 1) * CENT);
	assert_int_equal(h.sessions, 1);
	assert_int_equal(h.stopped, 1);
	assert_int_equal(h.loops, told_n);
	assert_int_equal(h.after_nanousd, 10 * CENT - told[0].cost_nanousd);
}

static void work_that_gets_on_is_none(void **state)
{
	char edit[64], result[64];
	(void)state;
	begin();
	says("make the tests pass");
	for (int i = 0; i < 10; i++) {
		snprintf(edit, sizeof edit, "{\"command\":\"sed -i s/a%d/b/ src/f%d.c\"}", i, i);
		snprintf(result, sizeof result, "Exit code 1\\n%d failed, %d passed", 20 - i, 30 + 7 * i);
		step(edit, "", false);
		step(TEST, result, true);
	}
	hindsight_end_file(&h);
	assert_int_equal(told_n, 0);
	assert_int_equal(h.stopped, 0);
	assert_int_equal(h.after_nanousd, 0);
	assert_true(h.turns >= 19);
}

/* A loop is of one session, or of one of its subagents: not of what several did together. */
static void sessions_are_apart(void **state)
{
	static const char *const subagents[] = {"", "a", "b", "c"};
	(void)state;
	begin();
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < sizeof subagents / sizeof subagents[0]; k++) {
			m.subagent = slice_of(subagents[k]);
			step(TEST, "Exit code 1\\nFAIL widget in 0.31s", true);
		}
	assert_int_equal(h.sessions, 4);
	assert_int_equal(told_n, 0);
	m.subagent = SLICE("b");
	for (int i = 0; i < 5; i++)
		step(TEST, "Exit code 1\\nFAIL widget in 0.31s", true);
	assert_true(told_n >= 1);
	assert_string_equal(told_of[0], "s1/b");
	hindsight_end_file(&h);
	assert_int_equal(h.stopped, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_loop_and_what_it_cost_afterwards),
	    cmocka_unit_test(work_that_gets_on_is_none),
	    cmocka_unit_test(sessions_are_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
