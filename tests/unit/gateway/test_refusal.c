/* Each kind of refusal in each dialect, to Codex, and its words. */
#include "unit/unit.h"

#include <cjson/cJSON.h>

#include "codec/registry.h"
#include "gateway/refusal.h"
#include "gateway/refusal_text.h"

/* docs/refusals.md's table. */
static const struct {
	enum refusal_kind kind;
	const char *name;
	int status, codex;
	bool wait;
} kinds[] = {
    {REFUSAL_BUDGET, "budget", 402, 400, false},     {REFUSAL_GATE, "gate", 402, 400, false},
    {REFUSAL_STORM, "storm", 402, 400, false},       {REFUSAL_FROZEN, "frozen", 402, 400, false},
    {REFUSAL_UNPRICED, "unpriced", 402, 400, false}, {REFUSAL_UNMETERED, "unmetered", 402, 400, false},
    {REFUSAL_CONTEXT, "context", 402, 400, false},   {REFUSAL_IDENTITY, "identity", 401, 400, false},
    {REFUSAL_QUOTA, "quota", 429, 429, true},        {REFUSAL_OVERLOAD, "overload", 503, 503, true},
    {REFUSAL_SIZE, "size", 413, 400, false},
};

static const char message[] = "Budget \"dev-day\" of ana is spent: $25.00 of $25.00";

static bool says(const cJSON *body, enum api api)
{
	enum dialect d = api_dialect(api);
	const cJSON *error = cJSON_GetObjectItem(body, "error");
	const cJSON *at = d == DIALECT_BEDROCK || d == DIALECT_COHERE ? body : error;
	const cJSON *text = d == DIALECT_OLLAMA ? error : cJSON_GetObjectItem(at, "message");
	return cJSON_IsString(text) && strcmp(text->valuestring, message) == 0;
}

static void every_kind_in_every_dialect(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (int api = 0; api < API_N; api++) {
			const struct codec_ops *codec = registry_codec((enum api)api);
			struct refusal_answer a;
			struct buf out;
			if (codec == NULL)
				continue;
			buf_init(&out, 4096);
			assert_int_equal(refusal_write(kinds[i].kind, 0, slice_of(message), codec,
			                               REFUSAL_FOR_ALL, &a, &out),
			                 0);
			assert_string_equal(refusal_name(kinds[i].kind), kinds[i].name);
			assert_int_equal(a.status, kinds[i].status);
			assert_int_equal(a.retry_after > 0, kinds[i].wait);
			assert_true(a.retry_after <= REFUSAL_RETRY_AFTER_MAX);
			assert_false(a.fault);
			assert_string_equal(a.content_type, "application/json");
			cJSON *body = cJSON_ParseWithLength(buf_slice(&out).p, out.n);
			assert_true(says(body, (enum api)api));
			cJSON_Delete(body);
			buf_release(&out);
		}
}

static void codex_gets_the_words_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct refusal_answer a;
		struct buf out;
		buf_init(&out, 4096);
		assert_int_equal(refusal_write(kinds[i].kind, 0, slice_of(message),
		                               registry_codec(API_OPENAI_RESPONSES), REFUSAL_FOR_CODEX, &a,
		                               &out),
		                 0);
		assert_int_equal(a.status, kinds[i].codex);
		if (kinds[i].codex == 400) {
			assert_string_equal(a.content_type, "text/plain; charset=utf-8");
			assert_true(slice_eq(buf_slice(&out), slice_of(message)));
		}
		buf_release(&out);
	}
}

/* The agents that misread 413 get what they stop at; all else stays as it is. */
static void agents_stop_at_size(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value;
		enum refusal_reader want;
	} cases[] = {
	    {"user-agent", "claude-cli/2.1.330 (external, cli)", REFUSAL_FOR_AGENT},
	    {"User-Agent", "opencode/1.18.33 ai-sdk/provider-utils/3.0.17", REFUSAL_FOR_AGENT},
	    {"user-agent", "GeminiCLI/0.61.0", REFUSAL_FOR_ALL},
	    {"user-agent", "my-claude-cli/1", REFUSAL_FOR_ALL},
	    {"originator", "codex_cli_rs", REFUSAL_FOR_CODEX},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct header one = {slice_of(cases[i].name), slice_of(cases[i].value)};
		struct headers h = {&one, 1};
		assert_int_equal(refusal_reader(&h), cases[i].want);
	}
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct refusal_answer a;
		struct buf out;
		buf_init(&out, 4096);
		assert_int_equal(refusal_write(kinds[i].kind, 0, slice_of(message),
		                               registry_codec(API_ANTHROPIC_MESSAGES), REFUSAL_FOR_AGENT, &a,
		                               &out),
		                 0);
		assert_int_equal(a.status, kinds[i].kind == REFUSAL_SIZE ? 402 : kinds[i].status);
		buf_release(&out);
	}
}

static void spans(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *want;
	} cases[] = {
	    {0, "0 s"},
	    {-5, "0 s"},
	    {1, "1 s"},
	    {59000, "59 s"},
	    {59001, "1 min"},
	    {3540001, "1 h"},
	    {15120000, "4 h 12 min"},
	    {172800000, "2 d"},
	    {176400000, "2 d 1 h"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[REFUSAL_SPAN_MAX];
		assert_int_equal(refusal_span(cases[i].ms, text), strlen(cases[i].want));
		assert_string_equal(text, cases[i].want);
	}
}

static void assert_words(const struct refusal_words *w, const char *want)
{
	struct arena mem;
	arena_init(&mem, 4096);
	slice text = refusal_compose(w, &mem);
	assert_true(text.p != NULL);
	if (!slice_eq(text, slice_of(want)))
		fail_msg("got  " SLICE_FMT "\nwant %s", SLICE_ARG(text), want);
	arena_release(&mem);
}

static void words(void **state)
{
	(void)state;
	struct zone *berlin = zone_load(SLICE("Europe/Berlin"), &(struct error){0});
	struct refusal_words w = refusal_words(SLICE("Budget \"dev-day\" of ana is spent"));
	assert_words(&w, "Budget \"dev-day\" of ana is spent.");
	w.spent = 24900000000;
	w.limit = 25000000000;
	w.need = 300000000;
	w.held = 0;
	assert_words(&w,
	             "Budget \"dev-day\" of ana is spent: $24.90 of $25.00 spent, this call may cost $0.30.");
	w.held = 50000000;
	w.now_ms = INT64_C(1795535280000);    /* 2026-11-24T18:48:00Z */
	w.resets_ms = INT64_C(1795561200000); /* 2026-11-25T00:00 in Berlin, a time of its own in UTC */
	w.lift = SLICE("weir budget override dev-day --add \"10 USD\" --reason WHY");
	assert_words(
	    &w, "Budget \"dev-day\" of ana is spent: $24.90 of $25.00 spent, $0.05 held by running calls, "
	        "this call may cost $0.30. Resets 2026-11-24 23:00 UTC (in 7 h 12 min). To go on now: "
	        "weir budget override dev-day --add \"10 USD\" --reason WHY");
	if (berlin) {
		struct refusal_words b = refusal_words(SLICE("Quota \"burst\" of ana is used up"));
		b.figures = SLICE("120 of 120 requests in this minute");
		b.resets_ms = w.resets_ms;
		b.now_ms = w.resets_ms - 30000;
		b.zone = berlin;
		b.zone_name = SLICE("Europe/Berlin");
		assert_words(&b, "Quota \"burst\" of ana is used up: 120 of 120 requests in this minute. "
		                 "Resets 2026-11-25 00:00 Europe/Berlin (in 30 s).");
	}
	struct refusal_words frozen = refusal_words(SLICE("Frozen by kim: team payments"));
	frozen.who = SLICE("an operator");
	assert_words(&frozen, "Frozen by kim: team payments. To go on now, ask an operator.");
	zone_free(berlin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_in_every_dialect),
	    cmocka_unit_test(codex_gets_the_words_alone),
	    cmocka_unit_test(agents_stop_at_size),
	    cmocka_unit_test(spans),
	    cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
