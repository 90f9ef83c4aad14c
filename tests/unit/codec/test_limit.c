/* The limit of output put into a request: one number changes, all other bytes stay. */
#include "codec/codec.h"
#include "codec/registry.h"
#include "unit/unit.h"

static const struct {
	enum api api;
	const char *before, *after; /* after NULL: it cannot be */
} cases[] = {
    {API_ANTHROPIC_MESSAGES, "{\"model\":\"m\", \"max_tokens\": 64000,\"messages\":[]}",
     "{\"model\":\"m\", \"max_tokens\": 2000,\"messages\":[]}"},
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"max_tokens\":64000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":32000},"
     "\"messages\":[]}",
     "{\"model\":\"m\",\"max_tokens\":2000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1999},"
     "\"messages\":[]}"},
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"max_tokens\":64000,\"thinking\":{\"budget_tokens\":1500,\"type\":\"enabled\"},"
     "\"messages\":[]}",
     "{\"model\":\"m\",\"max_tokens\":2000,\"thinking\":{\"budget_tokens\":1500,\"type\":\"enabled\"},"
     "\"messages\":[]}"},
    {API_OPENAI_CHAT, "{\"model\":\"m\",\"messages\":[]}",
     "{\"max_completion_tokens\":2000,\"model\":\"m\",\"messages\":[]}"},
    {API_OPENAI_CHAT, "{\"model\":\"m\",\"max_tokens\":9000,\"messages\":[]}",
     "{\"model\":\"m\",\"max_tokens\":2000,\"messages\":[]}"},
    {API_OPENAI_RESPONSES, "{ \"model\":\"m\",\"input\":\"hi\"}",
     "{\"max_output_tokens\":2000, \"model\":\"m\",\"input\":\"hi\"}"},
    {API_GEMINI_GENERATE, "{\"contents\":[]}",
     "{\"generationConfig\":{\"maxOutputTokens\":2000},\"contents\":[]}"},
    {API_GEMINI_GENERATE, "{\"contents\":[],\"generationConfig\":{ }}",
     "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":2000 }}"},
    {API_GEMINI_GENERATE, "{\"contents\":[],\"generationConfig\":{\"temperature\":0.5}}",
     "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":2000,\"temperature\":0.5}}"},
    {API_GEMINI_GENERATE, "{\"contents\":[],\"generationConfig\":null}",
     "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":2000}}"},
    {API_GEMINI_GENERATE, "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":9999}}",
     "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":2000}}"},
    {API_BEDROCK_CONVERSE, "{\"messages\":[]}", "{\"inferenceConfig\":{\"maxTokens\":2000},\"messages\":[]}"},
    {API_OPENAI_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"hi\"}", NULL},
};

static struct arena mem;

/* The request with the limit in it; p NULL: not. */
static slice limited(enum api api, slice body, int64_t limit)
{
	struct request_view v = {.api = api, .body = body, .max_output = TOKENS_ABSENT};
	struct target t = {.api = api, .model = SLICE("m")};
	struct json_edits e;
	struct error err = {0};
	json_edits_init(&e);
	assert_int_equal(registry_codec(api)->request(&t, body, &mem, &v, &err), 0);
	if (codec_limit(&v, limit, &e, &mem))
		return SLICE_NONE;
	size_t n = json_edits_size(&e, body);
	char *out = arena_alloc(&mem, n);
	json_edits_apply(&e, body, out);
	return slice_make(out, n);
}

static void one_number_changes(void **state)
{
	(void)state;
	arena_init(&mem, 1 << 20);
	for (size_t i = 0; i < COUNT(cases); i++) {
		slice is = limited(cases[i].api, slice_of(cases[i].before), 2000);
		if (cases[i].after == NULL) {
			assert_null(is.p);
			continue;
		}
		if (!slice_eq(is, slice_of(cases[i].after)))
			fail_msg("case %zu: " SLICE_FMT, i, SLICE_ARG(is));
		assert_true(codec_can_limit(cases[i].api));
		/* and a reader finds it there */
		struct request_view v = {.api = cases[i].api, .max_output = TOKENS_ABSENT};
		struct target t = {.api = cases[i].api, .model = SLICE("m")};
		struct error err = {0};
		assert_int_equal(registry_codec(cases[i].api)->request(&t, is, &mem, &v, &err), 0);
		assert_int_equal(v.max_output, 2000);
	}
	/* below what thinking asks for at least */
	assert_null(limited(API_ANTHROPIC_MESSAGES, slice_of(cases[1].before), 1024).p);
	arena_release(&mem);
}

/* --- the provider's own tools --------------------------------------------------------------------------- */

#define ANY INT64_MAX
static const struct {
	enum api api;
	const char *before;
	bool searches, others;
	int64_t most;
	const char *after; /* with a limit of 5; NULL: it cannot be */
} offers[] = {
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"tools\":[{\"name\":\"web_search\",\"input_schema\":{}},{\"type\":\"bash_20250124\"}]"
     "}",
     false, false, 0,
     "{\"model\":\"m\",\"tools\":[{\"name\":\"web_search\",\"input_schema\":{}},{\"type\":\"bash_20250124\"}]"
     "}"},
    {API_ANTHROPIC_MESSAGES, "{\"model\":\"m\",\"tools\":[{\"type\":\"web_fetch_20250910\"}]}", false, false,
     0, "{\"model\":\"m\",\"tools\":[{\"type\":\"web_fetch_20250910\"}]}"},
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]}", true, false,
     ANY,
     "{\"model\":\"m\",\"tools\":[{\"max_uses\":5,\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]"
     "}"},
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"tools\":[{\"type\":\"web_search_20250305\",\"max_uses\":3}]}", true, false, 3,
     "{\"model\":\"m\",\"tools\":[{\"type\":\"web_search_20250305\",\"max_uses\":3}]}"},
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"tools\":[{\"type\":\"web_search_20250305\",\"max_uses\":null}]}", true, false, ANY,
     "{\"model\":\"m\",\"tools\":[{\"type\":\"web_search_20250305\",\"max_uses\":5}]}"},
    /* what stands twice allows the more */
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"tools\":[{\"max_uses\":2,\"type\":\"custom\",\"type\":\"web\\u005fsearch\",\"max_"
     "uses\":900}]}",
     true, false, 900,
     "{\"model\":\"m\",\"tools\":[{\"max_uses\":2,\"type\":\"custom\",\"type\":\"web\\u005fsearch\",\"max_"
     "uses\":5}]}"},
    {API_OPENAI_RESPONSES, "{\"model\":\"m\",\"input\":\"hi\",\"tools\":[{\"type\":\"web_search_preview\"}]}",
     true, false, ANY,
     "{\"max_tool_calls\":5,\"model\":\"m\",\"input\":\"hi\",\"tools\":[{\"type\":\"web_search_preview\"}]}"},
    {API_OPENAI_RESPONSES,
     "{\"model\":\"m\",\"max_tool_calls\":7,\"input\":\"hi\",\"tools\":[{\"type\":\"file_search\"},{\"type\":"
     "\"function\"}]}",
     false, true, 7,
     "{\"model\":\"m\",\"max_tool_calls\":5,\"input\":\"hi\",\"tools\":[{\"type\":\"file_search\"},{\"type\":"
     "\"function\"}]}"},
    {API_OPENAI_RESPONSES, "{\"model\":\"m\",\"input\":\"hi\",\"prompt\":{\"id\":\"p\"}}", true, true, ANY,
     "{\"max_tool_calls\":5,\"model\":\"m\",\"input\":\"hi\",\"prompt\":{\"id\":\"p\"}}"},
    {API_OPENAI_CHAT, "{\"model\":\"m\",\"messages\":[],\"web_search_options\":{}}", true, false, ANY, NULL},
    {API_OPENAI_CHAT, "{\"model\":\"m\",\"messages\":[],\"tools\":[{\"type\":\"function\"}]}", false, false,
     0, NULL},
    {API_GEMINI_GENERATE, "{\"contents\":[],\"tools\":[{\"google_search\":{}}]}", true, false, ANY, NULL},
    {API_GEMINI_GENERATE,
     "{\"contents\":[],\"tools\":[{\"functionDeclarations\":[]},{\"codeExecution\":{}}]}", false, false, 0,
     NULL},
};

static void tools_of_the_provider_are_bounded(void **state)
{
	(void)state;
	arena_init(&mem, 1 << 20);
	for (size_t i = 0; i < COUNT(offers); i++) {
		slice body = slice_of(offers[i].before);
		struct request_view v = {.api = offers[i].api, .body = body, .max_output = TOKENS_ABSENT};
		struct target t = {.api = offers[i].api, .model = SLICE("m")};
		struct codec_hosted is;
		struct json_edits e;
		struct error err = {0};
		json_edits_init(&e);
		assert_int_equal(registry_codec(offers[i].api)->request(&t, body, &mem, &v, &err), 0);
		codec_hosted(&v, &is);
		if (is.searches != offers[i].searches || is.others != offers[i].others ||
		    is.most != offers[i].most)
			fail_msg("offer %zu: %d %d %lld", i, is.searches, is.others, (long long)is.most);
		assert_int_equal(is.can_limit, offers[i].after != NULL);
		int rc = codec_hosted_limit(&v, 5, &e, &mem);
		assert_int_equal(rc, offers[i].after ? 0 : ERR_UNSUPPORTED);
		if (rc)
			continue;
		size_t n = json_edits_size(&e, body);
		char *out = arena_alloc(&mem, n);
		json_edits_apply(&e, body, out);
		if (!slice_eq(slice_make(out, n), slice_of(offers[i].after)))
			fail_msg("offer %zu: %.*s", i, (int)n, out);
	}
	arena_release(&mem);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(one_number_changes),
	                                          cmocka_unit_test(tools_of_the_provider_are_bounded)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
