/* Limits of the context: who is above one, what is said, and how an agent asks to make it shorter. */
#include "policy/context.h"
#include "unit/unit.h"

#define RULE(name_, tokens_, mode_)                                                                          \
	{                                                                                                    \
		.rule = {.name = SLICE(name_), .mode = (mode_)}, .tokens = (tokens_)                         \
	}

static const struct context_rule rules[] = {
    RULE("off", 1, MODE_OFF),
    RULE("soon", 100, MODE_SHADOW),
    RULE("wide", 200, MODE_ENFORCE),
    RULE("wider", 300, MODE_ENFORCE),
};

static void above_the_limit(void **state)
{
	static const struct {
		int64_t tokens;
		const char *rule, *shadow;
	} cases[] = {
	    {0, NULL, NULL},     {100, NULL, NULL},     {101, NULL, "soon"},
	    {200, NULL, "soon"}, {201, "wide", "soon"}, {INT64_MAX, "wide", "soon"},
	};
	struct record r;
	struct facts f = {.record = &r};
	(void)state;
	record_init(&r);
	assert_int_equal(context_least(rules, COUNT(rules), &f), 100);
	assert_int_equal(context_least(rules, 1, &f), INT64_MAX);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct context_verdict v;
		context_decide(rules, COUNT(rules), &f, cases[i].tokens, &v);
		assert_string_equal(v.rule ? v.rule->rule.name.p : "-", cases[i].rule ? cases[i].rule : "-");
		assert_string_equal(v.shadow ? v.shadow->rule.name.p : "-",
		                    cases[i].shadow ? cases[i].shadow : "-");
	}
}

static void words(void **state)
{
	struct arena mem;
	(void)state;
	arena_init(&mem, 4096);
	slice deny = context_deny_text(&rules[2], 12345, &mem);
	slice shadow = context_shadow_text(&rules[1], 12345, &mem);
	assert_true(slice_eq(deny, SLICE("Context too large: 12345 tokens, the limit \"wide\" is 200")));
	assert_true(slice_eq(shadow, SLICE("context \"soon\" would refuse: 12345 tokens, the limit is 100")));
	arena_release(&mem);
}

/* As the agents write it. */
static void asked_for_a_summary(void **state)
{
	static const struct {
		const char *text;
		bool asks;
	} cases[] = {
	    {"Your task is to create a detailed summary of the conversation so far, paying close", true},
	    {"You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff summary", true},
	    {"First, reason in your scratchpad. Then, generate the updated <state_snapshot>.", true},
	    {"<conversation>…</conversation> Create a new anchored summary from the", true},
	    {"Please summarize the conversation.", true},
	    {"Summarize this file for me", false},
	    {"detailed summary o", false},
	    {"", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(context_is_summary_asked(slice_of(cases[i].text)), cases[i].asks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(above_the_limit),
	    cmocka_unit_test(words),
	    cmocka_unit_test(asked_for_a_summary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
