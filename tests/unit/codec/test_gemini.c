/* Gemini's generateContent: views, usage of whole answers, of SSE chunks and of the array form, refusals. */
#include "unit/codec/support.h"

#include "base/clock.h"

static const struct target generate = {
    .api = API_GEMINI_GENERATE, .model = {"gemini-2.5-pro", 14}, .stream = true};

static struct arena mem;

static int read_request(const char *body, struct request_view *v, struct error *e)
{
	memset(e, 0, sizeof *e);
	return codec_gemini.request(&generate, slice_of(body), &mem, v, e);
}

static void the_view_of_a_request(void **state)
{
	(void)state;
	static const char body[] =
	    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"},{"
	    "\"inlineData\":{\"data\":\"AA\"}},{\"functionResponse\":"
	    "{\"response\":{\"fileData\":1}}}]},{}],\"systemInstruction\":{\"parts\":["
	    "]},\"tools\":[{\"functionDeclarations\":[{"
	    "\"name\":\"a\"},{\"name\":\"b\"}]},{\"functionDeclarations\":[{}]}],\"generationConfig\":{"
	    "\"maxOutputTokens\":\"64\",\"candidateCount\":2,"
	    "\"thinkingConfig\":{\"thinkingBudget\":-1,\"includeThoughts\":true}},"
	    "\"labels\":{\"team\":\"x\"},\"serviceTier\":"
	    "\"flex\"}";
	struct request_view v;
	struct error e;
	assert_int_equal(read_request(body, &v, &e), 0);
	assert_slice("model", v.model, "gemini-2.5-pro");
	assert_int_equal(v.model_raw.n, 0);
	assert_true(v.stream && !v.hidden_input);
	assert_slice("system", v.system, "{\"parts\":[]}");
	assert_int_equal(v.message_count, 2);
	assert_int_equal(v.tool_count, 3);
	assert_int_equal(v.max_output, 64);
	assert_slice("limit", v.max_output_raw, "\"64\"");
	assert_int_equal(v.choices, 2);
	assert_slice("effort", v.effort, "budget:-1");
	assert_slice("tier", v.service_tier, "flex");
	assert_slice("labels", v.client_metadata, "{\"team\":\"x\"}");
}

static const struct {
	const char *body;
	int rc;
	bool hidden;
	const char *effort;
} view_cases[] = {
    {"{\"contents\":{\"parts\":[{\"text\":\"x\"}]}}", 0, false, ""},
    {"{}", 0, false, ""},
    {"{\"generation_config\":{\"thinking_config\":{\"thinking_level\":\"LOW\"}}}", 0, false, "LOW"},
    {"{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":\"128\"}}}", 0, false, "budget:128"},
    {"{\"cachedContent\":\"cachedContents/1\"}", 0, true, ""},
    {"{\"cached_content\":null}", 0, false, ""},
    {"{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\"u\"}}]}]}", 0, true, ""},
    {"{\"contents\":[{\"parts\":[{\"file_data\":{\"file_uri\":\"u\"}}]}]}", 0, true, ""},
    {"{\"contents\":[{\"parts\":[{\"functionResponse\":{\"parts\":[{\"fileData\":{}}]}}]}]}", 0, true, ""},
    {"{\"tools\":[{\"googleSearch\":{}}]}", 0, true, ""},
    {"{\"tools\":[{\"functionDeclarations\":[]},{\"code_execution\":{}}]}", 0, true, ""},
    {"{\"generationConfig\":{\"maxOutputTokens\":1,\"max_output_tokens\":2}}", ERR_INVALID, false, ""},
    {"{\"generationConfig\":{},\"generation_config\":{}}", ERR_INVALID, false, ""},
    {"{\"generationConfig\":{\"candidateCount\":\"x\"}}", ERR_INVALID, false, ""},
    {"[]", ERR_INVALID, false, ""},
};

static void what_a_request_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(view_cases); i++) {
		struct request_view v;
		struct error e;
		int rc = read_request(view_cases[i].body, &v, &e);
		if (rc != view_cases[i].rc)
			fail_msg("%s: %d: %s", view_cases[i].body, rc, e.text);
		if (rc)
			continue;
		if (v.hidden_input != view_cases[i].hidden)
			fail_msg("%s: hidden %d", view_cases[i].body, v.hidden_input);
		assert_slice(view_cases[i].body, v.effort, view_cases[i].effort);
	}
}

static const struct {
	const char *name, *usage, *want, *tier;
} usage_cases[] = {
    {"plain", "\"promptTokenCount\":10,\"candidatesTokenCount\":5,\"totalTokenCount\":15",
     "input_tokens=10 output_tokens=5", ""},
    {"thoughts, tools and cache",
     "\"promptTokenCount\":100,\"cachedContentTokenCount\":40,\"candidatesTokenCount\":5,"
     "\"thoughtsTokenCount\":7,"
     "\"toolUsePromptTokenCount\":30,\"totalTokenCount\":142,\"serviceTier\":\"standard\"",
     "input_tokens=90 cache_read_tokens=40 output_tokens=12 reasoning_tokens=7", "standard"},
    {"no candidates: the total tells",
     "\"promptTokenCount\":5,\"thoughtsTokenCount\":4,\"totalTokenCount\":9",
     "input_tokens=5 output_tokens=4 reasoning_tokens=4", ""},
    {"no candidates, no total", "\"promptTokenCount\":5", "input_tokens=5", ""},
    {"modalities",
     "\"promptTokenCount\":1000,\"cachedContentTokenCount\":300,\"candidatesTokenCount\":1300,"
     "\"promptTokensDetails\":[{"
     "\"modality\":\"TEXT\",\"tokenCount\":500},{\"modality\":\"AUDIO\",\"tokenCount\":300},{\"modality\":"
     "\"IMAGE\","
     "\"tokenCount\":200}],\"cacheTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":100},{\"modality\":"
     "\"TEXT\","
     "\"tokenCount\":200}],\"candidatesTokensDetails\":[{\"modality\":\"IMAGE\",\"tokenCount\":1290}]",
     "input_tokens=300 cache_read_tokens=200 output_tokens=10 input_audio_tokens=200 "
     "cache_read_audio_tokens=100 "
     "input_image_tokens=200 output_image_tokens=1290",
     ""},
    {"modalities as numbers",
     "\"promptTokenCount\":10,\"candidatesTokenCount\":1,\"trafficType\":1,\"promptTokensDetails\":[{"
     "\"modality\":1,"
     "\"tokenCount\":6},{\"modality\":4,\"tokenCount\":4}]",
     "input_tokens=6 output_tokens=1 input_audio_tokens=4", ""},
    {"Vertex", "\"promptTokenCount\":1,\"candidatesTokenCount\":1,\"trafficType\":\"ON_DEMAND_FLEX\"",
     "input_tokens=1 output_tokens=1", "flex"},
};

static void usage_of_whole_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usage_cases); i++) {
		char body[1024], text[512];
		struct answer a;
		answer_init(&a);
		snprintf(body, sizeof body,
		         "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{%s}}",
		         usage_cases[i].usage);
		codec_gemini.answer(slice_of(body), &a);
		assert_text(usage_cases[i].name, usage_text(&a.usage, text), usage_cases[i].want);
		assert_slice(usage_cases[i].name, name_get(&a.service_tier), usage_cases[i].tier);
		assert_int_equal(a.has_usage, a.usage.m[METER_OUTPUT] >= 0);
	}
}

#define CHUNK_1                                                                                              \
	"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true},{\"text\":\"hello\"}]" \
	"}}],"                                                                                               \
	"\"usageMetadata\":{\"promptTokenCount\":9,\"totalTokenCount\":9},\"modelVersion\":\"gemini-3-"      \
	"flash\",\"responseId\":\"r1\"}"
#define CHUNK_2                                                                                              \
	"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}}},{" \
	"\"executableCode\":{"                                                                               \
	"\"code\":\"1\"}}]},\"finishReason\":\"STOP\",\"groundingMetadata\":{\"webSearchQueries\":[\"\","    \
	"\"a\",\"b\"]}}],"                                                                                   \
	"\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":4,\"thoughtsTokenCount\":3,"     \
	"\"totalTokenCount\":16},"                                                                           \
	"\"modelVersion\":\"gemini-3-flash\"}"

static void check_both_chunks(const struct answer *a)
{
	char text[512];
	assert_true(a->has_usage && a->ended && !a->error);
	assert_text("usage", usage_text(&a->usage, text),
	            "input_tokens=9 output_tokens=7 reasoning_tokens=3 web_searches=2");
	assert_slice("model", name_get(&a->model), "gemini-3-flash");
	assert_slice("id", name_get(&a->id), "r1");
	assert_slice("stop", name_get(&a->stop_reason), "STOP");
	assert_int_equal(a->tool_calls, 1);
	assert_int_equal(a->server_tool_calls, 1);
	assert_int_equal(a->text_bytes, 5);
	assert_int_equal(a->thinking_bytes, 2);
	assert_int_equal(a->tool_bytes, 10);
}

static void streams_in_both_forms(void **state)
{
	(void)state;
	struct answer a;
	answer_init(&a);
	feed_lines(&codec_gemini, CHUNK_1, NULL, &a, NULL);
	assert_false(a.has_usage || a.ended);
	assert_int_equal(a.usage.m[METER_INPUT], 9);
	feed_lines(&codec_gemini, CHUNK_2, NULL, &a, NULL);
	check_both_chunks(&a);
	answer_init(&a);
	codec_gemini.answer(SLICE("[" CHUNK_1 ",\r\n" CHUNK_2 "]"), &a);
	check_both_chunks(&a);
	/* cut */
	answer_init(&a);
	codec_gemini.answer(SLICE("[" CHUNK_1 ",\r\n"), &a);
	assert_false(a.has_usage || a.ended);
}

static void endings(void **state)
{
	(void)state;
	struct answer a;
	char text[512];
	answer_init(&a);
	feed_lines(&codec_gemini,
	           "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":"
	           "9,\"totalTokenCount\":9}}",
	           NULL, &a, NULL);
	assert_true(a.ended && a.has_usage);
	assert_text("blocked", usage_text(&a.usage, text), "input_tokens=9 output_tokens=0");
	/* usage behind the chunk that finishes */
	answer_init(&a);
	feed_lines(&codec_gemini,
	           "{\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}\n"
	           "{\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":1}}",
	           NULL, &a, NULL);
	assert_true(a.ended && a.has_usage);
	/* a call streamed in pieces */
	answer_init(&a);
	feed_lines(&codec_gemini,
	           "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\","
	           "\"willContinue\":true}}]}}]}\n"
	           "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{}],"
	           "\"willContinue\":true}}]}}]}\n"
	           "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}}]}}]}",
	           NULL, &a, NULL);
	assert_int_equal(a.tool_calls, 1);
	assert_int_equal(a.tool_bytes, 4);
	/* by prompt up to Gemini 2.5 */
	answer_init(&a);
	feed_lines(&codec_gemini,
	           "{\"candidates\":[{\"groundingMetadata\":{\"webSearchQueries\":[\"a\",\"b\"]}}],"
	           "\"modelVersion\":\"gemini-2.5-pro\"}",
	           NULL, &a, NULL);
	assert_int_equal(a.usage.m[METER_WEB_SEARCHES], 1);
	answer_init(&a);
	codec_gemini.answer(
	    SLICE("[{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\"}}]"), &a);
	assert_true(a.error && !a.ended && !a.has_usage);
	assert_slice("status", name_get(&a.error_type), "RESOURCE_EXHAUSTED");
	answer_init(&a);
	codec_gemini_count.answer(SLICE("{\"totalTokens\":31}"), &a);
	assert_text("countTokens", usage_text(&a.usage, text), "");
}

static void refusals_have_the_dialects_shape(void **state)
{
	(void)state;
	struct buf out;
	struct refusal_text r = {"budget", 402, SLICE("spent")};
	buf_init(&out, 4096);
	assert_int_equal(codec_gemini.refusal(&r, &out), 0);
	assert_slice("402", buf_slice(&out),
	             "{\"error\":{\"code\":402,\"message\":\"spent\",\"status\":\"FAILED_PRECONDITION\"}}");
	buf_clear(&out);
	r.status = 503;
	assert_int_equal(codec_gemini.refusal(&r, &out), 0);
	assert_slice("503", buf_slice(&out),
	             "{\"error\":{\"code\":503,\"message\":\"spent\",\"status\":\"UNAVAILABLE\"}}");
	buf_release(&out);
}

/* What a cache costs is told by tokens and times; a part of an hour counts, rounded up. */
static void caches(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		int64_t tokens, lifetime, left, hours; /* hours: of the answer's usage; -1: not told */
	} cases[] = {
	    {"{\"name\":\"cachedContents/a\",\"model\":\"models/g\",\"createTime\":\"2026-01-01T00:00:00Z\","
	     "\"expireTime\":\"2026-01-01T01:30:00Z\",\"usageMetadata\":{\"totalTokenCount\":1001}}",
	     1001, 5400000, 5400000, 1502},
	    {"{\"create_time\":\"2026-01-01T00:00:00Z\",\"expire_time\":\"2026-01-01T00:00:00.001Z\","
	     "\"usage_metadata\":{\"total_token_count\":\"7\"}}",
	     7, 1, 1, 1},
	    {"{\"ttl\":\"300s\"}", -1, -1, 300000, -1},
	    {"{\"ttl\":\"3.0001s\"}", -1, -1, 3001, -1},
	    {"{\"ttl\":\"-3s\"}", -1, -1, -1, -1},
	    {"{\"ttl\":\"3\"}", -1, -1, -1, -1},
	    {"{\"expireTime\":\"2026-01-01T00:01:00Z\",\"usageMetadata\":{\"totalTokenCount\":5}}", 5, -1,
	     60000, -1},
	    {"{\"createTime\":\"2026-01-02T00:00:00Z\",\"expireTime\":\"2026-01-01T00:00:00Z\"}", -1, -1, 0,
	     -1},
	    {"{\"error\":{\"code\":404}}", -1, -1, -1, -1},
	    {"[]", -1, -1, -1, -1},
	    {"", -1, -1, -1, -1},
	};
	int64_t now;
	assert_true(clock_parse_rfc3339(SLICE("2026-01-01T00:00:00Z"), &now));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct codec_cache c;
		struct answer a;
		codec_cache_read(slice_of(cases[i].body), now, &c);
		answer_init(&a);
		codec_gemini_caches.answer(slice_of(cases[i].body), &a);
		if (c.tokens != cases[i].tokens || c.lifetime_ms != cases[i].lifetime ||
		    c.left_ms != cases[i].left || a.usage.m[METER_CACHE_STORAGE] != cases[i].hours ||
		    a.has_usage != (cases[i].hours >= 0))
			fail_msg("%s: %lld %lld %lld %lld", cases[i].body, (long long)c.tokens,
			         (long long)c.lifetime_ms, (long long)c.left_ms,
			         (long long)a.usage.m[METER_CACHE_STORAGE]);
	}
	assert_int_equal(codec_cache_hours(INT64_MAX, INT64_MAX), INT64_MAX);
	assert_int_equal(codec_cache_lifetime(&(struct codec_cache){.lifetime_ms = -1, .left_ms = -1}),
	                 3600000);
	struct request_view v = {0};
	struct error e = {0};
	struct target t = {.api = API_GEMINI_CACHES, .path = SLICE("/v1beta/cachedContents")};
	assert_int_equal(codec_gemini_caches.request(&t, SLICE("{\"model\":\"models/g-1\",\"contents\":[]}"),
	                                             &mem, &v, &e),
	                 0);
	assert_slice("model", v.model, "g-1");
	assert_int_equal(codec_gemini_caches.request(&t, SLICE("{\"contents\":[]}"), &mem, &v, &e),
	                 ERR_INVALID);
	t.path = SLICE("/v1beta/cachedContents/x");
	assert_int_equal(codec_gemini_caches.request(&t, SLICE("{\"ttl\":\"1s\"}"), &mem, &v, &e), 0);
}

static int set_up(void **state)
{
	(void)state;
	arena_init(&mem, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&mem);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_view_of_a_request),
	    cmocka_unit_test(what_a_request_says),
	    cmocka_unit_test(usage_of_whole_answers),
	    cmocka_unit_test(streams_in_both_forms),
	    cmocka_unit_test(endings),
	    cmocka_unit_test(refusals_have_the_dialects_shape),
	    cmocka_unit_test(caches),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
