/* Paths to APIs: PRODUCT's table of paths, and what must not pass as one of them. */
#include "unit/codec/support.h"

#include "codec/registry.h"

#define VERTEX "/v1/projects/p-1/locations/us-central1/publishers/"

static const struct route_case {
	const char *method, *target;
	enum route_result want;
	enum api api;
	const char *provider, *rest, *model;
	bool stream;
} cases[] = {
    {"POST", "/v1/messages", ROUTE_OK, API_ANTHROPIC_MESSAGES, "", "/v1/messages", "", false},
    {"POST", "/v1/messages?beta=true", ROUTE_OK, API_ANTHROPIC_MESSAGES, "", "/v1/messages", "", false},
    {"POST", "/v1/messages/count_tokens", ROUTE_OK, API_ANTHROPIC_COUNT_TOKENS, "",
     "/v1/messages/count_tokens", "", false},
    {"POST", "/v1/chat/completions", ROUTE_OK, API_OPENAI_CHAT, "", "/v1/chat/completions", "", false},
    {"POST", "/v1/responses", ROUTE_OK, API_OPENAI_RESPONSES, "", "/v1/responses", "", false},
    {"POST", "/v1/responses/compact", ROUTE_OK, API_OPENAI_RESPONSES, "", "/v1/responses/compact", "", false},
    {"POST", "/v1/embeddings", ROUTE_OK, API_OPENAI_EMBEDDINGS, "", "/v1/embeddings", "", false},
    {"GET", "/v1/models", ROUTE_OK, API_OPENAI_MODELS, "", "/v1/models", "", false},
    {"GET", "/v1/models/Qwen/Qwen3-Coder", ROUTE_OK, API_OPENAI_MODELS, "", "/v1/models/Qwen/Qwen3-Coder", "",
     false},
    {"HEAD", "/v1/models", ROUTE_OK, API_OPENAI_MODELS, "", "/v1/models", "", false},
    {"GET", "/v1beta/models", ROUTE_OK, API_GEMINI_MODELS, "", "/v1beta/models", "", false},
    {"GET", "/v1beta/models/gemini-2.5-pro", ROUTE_OK, API_GEMINI_MODELS, "", "/v1beta/models/gemini-2.5-pro",
     "", false},
    {"POST", "/v1beta/models/gemini-2.5-pro:generateContent", ROUTE_OK, API_GEMINI_GENERATE, "",
     "/v1beta/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro", false},
    {"POST", "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", ROUTE_OK, API_GEMINI_GENERATE, "",
     "/v1beta/models/gemini-2.5-pro:streamGenerateContent", "gemini-2.5-pro", true},
    {"POST", "/v1/models/gemini%2d2.5:streamGenerateContent", ROUTE_OK, API_GEMINI_GENERATE, "",
     "/v1/models/gemini%2d2.5:streamGenerateContent", "gemini-2.5", true},
    {"POST", "/v1/models/g:countTokens", ROUTE_OK, API_GEMINI_COUNT_TOKENS, "", "/v1/models/g:countTokens",
     "g", false},
    {"POST", "/v1beta/cachedContents", ROUTE_OK, API_GEMINI_CACHES, "", "/v1beta/cachedContents", "", false},
    {"PATCH", "/v1beta/cachedContents/x", ROUTE_OK, API_GEMINI_CACHES, "", "/v1beta/cachedContents/x", "",
     false},
    {"DELETE", "/v1beta/cachedContents/x", ROUTE_OK, API_GEMINI_CACHES, "", "/v1beta/cachedContents/x", "",
     false},
    {"POST", "/v1beta/models/g:embedContent", ROUTE_OK, API_GEMINI_EMBED, "", "/v1beta/models/g:embedContent",
     "g", false},
    {"POST", "/v1beta/models/g:batchEmbedContents", ROUTE_OK, API_GEMINI_EMBED, "",
     "/v1beta/models/g:batchEmbedContents", "g", false},
    {"POST", "/v1beta/models/g:batchGenerateContent", ROUTE_OK, API_UNMETERED, "",
     "/v1beta/models/g:batchGenerateContent", "", false},
    {"POST", "/v1beta/interactions", ROUTE_OK, API_GEMINI_INTERACTIONS, "", "/v1beta/interactions", "",
     false},
    {"POST", "/v1/completions", ROUTE_OK, API_OPENAI_COMPLETIONS, "", "/v1/completions", "", false},
    {"POST", "/v2/chat", ROUTE_OK, API_COHERE_CHAT, "", "/v2/chat", "", false},
    {"POST", "/v2/embed", ROUTE_OK, API_COHERE_EMBED, "", "/v2/embed", "", false},
    {"POST", "/v2/rerank", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/p/cohere/v2/rerank", ROUTE_OK, API_UNMETERED, "cohere", "/v2/rerank", "", false},
    {"POST", "/api/chat", ROUTE_OK, API_OLLAMA_CHAT, "", "/api/chat", "", false},
    {"POST", "/api/generate", ROUTE_OK, API_OLLAMA_GENERATE, "", "/api/generate", "", false},
    {"POST", "/p/o/api/embed", ROUTE_OK, API_OLLAMA_EMBED, "o", "/api/embed", "", false},
    {"GET", "/api/tags", ROUTE_OK, API_OLLAMA_MODELS, "", "/api/tags", "", false},
    {"POST", "/api/pull", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"GET", "/v1beta/models/g:generateContent", ROUTE_BAD_METHOD, 0, "", "", "", false},

    {"POST", "/p/llama/v1/chat/completions", ROUTE_OK, API_OPENAI_CHAT, "llama", "/v1/chat/completions", "",
     false},
    {"POST", "/p/zai/api/paas/v4/chat/completions?x=1", ROUTE_OK, API_OPENAI_CHAT, "zai",
     "/api/paas/v4/chat/completions", "", false},
    {"POST", "/p/g/v1beta/models/m:generateContent", ROUTE_OK, API_GEMINI_GENERATE, "g",
     "/v1beta/models/m:generateContent", "m", false},
    {"POST", "/p/a/v1/messages", ROUTE_OK, API_ANTHROPIC_MESSAGES, "a", "/v1/messages", "", false},
    {"POST", "/p/a/anthropic/v1/messages", ROUTE_OK, API_ANTHROPIC_MESSAGES, "a", "/anthropic/v1/messages",
     "", false},
    {"POST", "/p/g/router/v1beta/models/m:streamGenerateContent", ROUTE_OK, API_GEMINI_GENERATE, "g",
     "/router/v1beta/models/m:streamGenerateContent", "m", true},
    {"POST", "/router/v1beta/models/m:generateContent", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/p/x/beta/completions", ROUTE_OK, API_OPENAI_COMPLETIONS, "x", "/beta/completions", "", false},
    {"GET", "/p/x/models", ROUTE_OK, API_OPENAI_MODELS, "x", "/models", "", false},
    {"POST", "/p/a/v1/threads/t/messages", ROUTE_OK, API_UNMETERED, "a", "/v1/threads/t/messages", "", false},
    {"GET", "/p/a/anything", ROUTE_OK, API_UNMETERED, "a", "/anything", "", false},
    {"POST", "/api/paas/v4/chat/completions", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"GET", "/p/a", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"GET", "/p//v1/models", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"GET", "/p/%61/v1/models", ROUTE_UNKNOWN, 0, "", "", "", false},

    {"GET", "/v1/messages", ROUTE_BAD_METHOD, 0, "", "", "", false},
    {"POST", "/v1/models", ROUTE_BAD_METHOD, 0, "", "", "", false},
    {"GET", "/v1/responses", ROUTE_BAD_METHOD, 0, "", "", "", false},
    {"GET", "/v1/responses/resp_1", ROUTE_OK, API_UNMETERED, "", "/v1/responses/resp_1", "", false},
    {"POST", "/v1/messages/batches", ROUTE_OK, API_ANTHROPIC_BATCH, "", "/v1/messages/batches", "", false},
    {"DELETE", "/v1/messages/batches/b", ROUTE_OK, API_ANTHROPIC_BATCH, "", "/v1/messages/batches/b", "",
     false},
    {"GET", "/v1/messages/batches/b/results", ROUTE_OK, API_ANTHROPIC_BATCH, "",
     "/v1/messages/batches/b/results", "", false},
    {"DELETE", "/v1/messages/batches", ROUTE_BAD_METHOD, 0, "", "", "", false},
    {"POST", "/v1/batches", ROUTE_OK, API_OPENAI_BATCH, "", "/v1/batches", "", false},
    {"POST", "/v1/batches/b/cancel", ROUTE_OK, API_OPENAI_BATCH, "", "/v1/batches/b/cancel", "", false},
    {"POST", "/v1/files", ROUTE_OK, API_OPENAI_FILES, "", "/v1/files", "", false},
    {"GET", "/v1/files/f/content", ROUTE_OK, API_OPENAI_FILES, "", "/v1/files/f/content", "", false},
    {"POST", "/v1/audio/speech", ROUTE_OK, API_UNMETERED, "", "/v1/audio/speech", "", false},
    {"HEAD", "/api/hello", ROUTE_LOCAL_HELLO, 0, "", "", "", false},
    {"GET", "/api/hello?x", ROUTE_LOCAL_HELLO, 0, "", "", "", false},
    {"POST", "/api/hello", ROUTE_BAD_METHOD, 0, "", "", "", false},

    {"GET", "/", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"GET", "", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"OPTIONS", "*", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"GET", "/favicon.ico", ROUTE_UNKNOWN, 0, "", "", "", false},

    {"POST", "/model/us.anthropic.claude-haiku-4-5-20251001-v1:0/invoke", ROUTE_OK, API_BEDROCK_INVOKE, "",
     "/model/us.anthropic.claude-haiku-4-5-20251001-v1:0/invoke",
     "us.anthropic.claude-haiku-4-5-20251001-v1:0", false},
    {"POST", "/model/anthropic.claude-v2%3A1/invoke-with-response-stream", ROUTE_OK, API_BEDROCK_INVOKE, "",
     "/model/anthropic.claude-v2%3A1/invoke-with-response-stream", "anthropic.claude-v2:1", true},
    {"POST", "/model/amazon.nova-pro-v1%3a0/converse", ROUTE_OK, API_BEDROCK_CONVERSE, "",
     "/model/amazon.nova-pro-v1%3a0/converse", "amazon.nova-pro-v1:0", false},
    {"POST", "/p/aws/model/x/converse-stream", ROUTE_OK, API_BEDROCK_CONVERSE, "aws",
     "/model/x/converse-stream", "x", true},
    {"POST",
     "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x-v1%3A0/converse",
     ROUTE_OK, API_BEDROCK_CONVERSE, "",
     "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x-v1%3A0/converse",
     "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x-v1:0", false},
    {"POST", "/model/x/count-tokens", ROUTE_OK, API_BEDROCK_COUNT_TOKENS, "", "/model/x/count-tokens", "x",
     false},
    {"GET", "/model/x/invoke", ROUTE_BAD_METHOD, 0, "", "", "", false},
    {"POST", "/model/x/invoke/y", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model//invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model/../invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model/%2e%2e/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model/a%2Fb/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model/arn:a%2F..%2Fb/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model/arn:a%2F%2Fb/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model/a%00b/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model/a%3Fb/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model/a%253A0/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/model/a%zz/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/p/x/model/a%3Fb/invoke", ROUTE_OK, API_UNMETERED, "x", "/model/a%3Fb/invoke", "", false},
    {"POST", "/p/x/model/a%2F..%2Fb/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/p/../model/x/invoke", ROUTE_UNKNOWN, 0, "", "", "", false},

    {"POST", "/openai/deployments/prod%2Dgpt/chat/completions?api-version=2024-10-21", ROUTE_OK,
     API_OPENAI_CHAT, "", "/openai/deployments/prod%2Dgpt/chat/completions", "prod-gpt", false},
    {"POST", "/openai/deployments/e/embeddings", ROUTE_OK, API_OPENAI_EMBEDDINGS, "",
     "/openai/deployments/e/embeddings", "e", false},
    {"POST", "/openai/v1/responses", ROUTE_OK, API_OPENAI_RESPONSES, "", "/openai/v1/responses", "", false},
    {"POST", "/openai/v1/chat/completions", ROUTE_OK, API_OPENAI_CHAT, "", "/openai/v1/chat/completions", "",
     false},
    {"POST", "/openai/responses?api-version=preview", ROUTE_OK, API_OPENAI_RESPONSES, "", "/openai/responses",
     "", false},
    {"GET", "/openai/v1/models", ROUTE_OK, API_OPENAI_MODELS, "", "/openai/v1/models", "", false},
    {"POST", "/p/groq/openai/v1/chat/completions", ROUTE_OK, API_OPENAI_CHAT, "groq",
     "/openai/v1/chat/completions", "", false},
    {"POST", "/openai/deployments/d/images/generations", ROUTE_OK, API_UNMETERED, "",
     "/openai/deployments/d/images/generations", "", false},
    {"POST", "/openai/deployments//chat/completions", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/openai/deployments/a%2Fb/chat/completions", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"GET", "/openai/v1/embeddings", ROUTE_BAD_METHOD, 0, "", "", "", false},

    {"POST", VERTEX "google/models/gemini-2.5-pro:generateContent", ROUTE_OK, API_GEMINI_GENERATE, "",
     VERTEX "google/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro", false},
    {"POST", "/v1beta1/projects/p/locations/global/publishers/google/models/g:streamGenerateContent?alt=sse",
     ROUTE_OK, API_GEMINI_GENERATE, "",
     "/v1beta1/projects/p/locations/global/publishers/google/models/g:streamGenerateContent", "g", true},
    {"POST", VERTEX "google/models/g:countTokens", ROUTE_OK, API_GEMINI_COUNT_TOKENS, "",
     VERTEX "google/models/g:countTokens", "g", false},
    {"POST", VERTEX "anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict", ROUTE_OK,
     API_ANTHROPIC_MESSAGES, "", VERTEX "anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict",
     "claude-sonnet-4-5@20250929", true},
    {"POST", VERTEX "anthropic/models/count-tokens:rawPredict", ROUTE_OK, API_ANTHROPIC_COUNT_TOKENS, "",
     VERTEX "anthropic/models/count-tokens:rawPredict", "", false},
    {"POST", VERTEX "mistralai/models/mistral-small-2503:rawPredict", ROUTE_OK, API_OPENAI_CHAT, "",
     VERTEX "mistralai/models/mistral-small-2503:rawPredict", "mistral-small-2503", false},
    {"POST", "/v1/projects/p/locations/l/endpoints/openapi/chat/completions", ROUTE_OK, API_OPENAI_CHAT, "",
     "/v1/projects/p/locations/l/endpoints/openapi/chat/completions", "", false},
    {"POST", "/projects/p/locations/us-east5/publishers/anthropic/models/c:rawPredict", ROUTE_OK,
     API_ANTHROPIC_MESSAGES, "", "/v1/projects/p/locations/us-east5/publishers/anthropic/models/c:rawPredict",
     "c", false},
    {"POST", "/v1beta1/publishers/google/models/g:generateContent", ROUTE_OK, API_GEMINI_GENERATE, "",
     "/v1beta1/publishers/google/models/g:generateContent", "g", false},
    {"POST", "/p/v" VERTEX "google/models/g:predict", ROUTE_OK, API_UNMETERED, "v",
     VERTEX "google/models/g:predict", "", false},
    {"POST", VERTEX "google/models/g:predict", ROUTE_OK, API_UNMETERED, "", VERTEX "google/models/g:predict",
     "", false},
    {"GET", VERTEX "google/models/g:generateContent", ROUTE_BAD_METHOD, 0, "", "", "", false},
    {"POST", VERTEX "google/models/a%2Fb:generateContent", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/projects/p/other", ROUTE_UNKNOWN, 0, "", "", "", false},

    /* paths a provider might read as another one than we do */
    {"POST", "/v1//messages", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/messages/", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/x/../messages", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/./messages", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/%2e%2E/messages", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/x%2fmessages", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/x%5Cmessages", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/x\\messages", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/mess%00ages", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/messages%zz", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/messages%4", ROUTE_UNKNOWN, 0, "", "", "", false},
    {"POST", "/v1/%6dessages", ROUTE_OK, API_UNMETERED, "", "/v1/%6dessages", "", false},
    {"POST", "/v1beta/models/..:generateContent", ROUTE_OK, API_GEMINI_GENERATE, "",
     "/v1beta/models/..:generateContent", "..", false},
};

static const struct headers no_headers;

static void routes_by_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct route_case *c = &cases[i];
		struct arena mem;
		struct target t;
		arena_init(&mem, 4096);
		enum route_result r =
		    registry_route(slice_of(c->method), slice_of(c->target), &no_headers, &mem, &t);
		if (r != c->want)
			fail_msg("%s %s: result %d, want %d", c->method, c->target, r, c->want);
		if (r == ROUTE_OK) {
			assert_text(c->target, api_name(t.api), api_name(c->api));
			assert_slice(c->target, t.provider, c->provider);
			assert_slice(c->target, t.rest, c->rest);
			assert_slice(c->target, t.model, c->model);
			assert_int_equal(t.stream, c->stream);
			enum dialect want = slice_find(t.rest, SLICE("/openai/")) == 0 ? DIALECT_AZURE
			                    : slice_find(t.rest, SLICE("/publishers/")) >= 0 ||
			                            slice_find(t.rest, SLICE("/projects/")) >= 0
			                        ? DIALECT_VERTEX
			                        : api_dialect(t.api);
			if (t.api != API_UNMETERED)
				assert_int_equal(t.dialect, want);
		}
		arena_release(&mem);
	}
}

static void models_are_shared_by_a_header(void **state)
{
	(void)state;
	const struct header version = {SLICE("Anthropic-Version"), SLICE("2023-06-01")};
	const struct headers h = {&version, 1};
	struct arena mem;
	struct target t;
	arena_init(&mem, 4096);
	assert_int_equal(registry_route(SLICE("GET"), SLICE("/v1/models"), &h, &mem, &t), ROUTE_OK);
	assert_int_equal(t.api, API_ANTHROPIC_MODELS);
	assert_int_equal(registry_route(SLICE("GET"), SLICE("/p/x/v1/models/claude-x"), &h, &mem, &t),
	                 ROUTE_OK);
	assert_int_equal(t.api, API_ANTHROPIC_MODELS);
	arena_release(&mem);
}

static void a_websocket_is_told_apart(void **state)
{
	(void)state;
	const struct header upgrade = {SLICE("Upgrade"), SLICE("websocket")};
	const struct headers h = {&upgrade, 1};
	struct arena mem;
	struct target t;
	arena_init(&mem, 4096);
	assert_int_equal(registry_route(SLICE("GET"), SLICE("/v1/responses"), &h, &mem, &t), ROUTE_WEBSOCKET);
	assert_int_equal(registry_route(SLICE("GET"), SLICE("/p/x/v1/responses"), &h, &mem, &t),
	                 ROUTE_WEBSOCKET);
	assert_int_equal(registry_route(SLICE("GET"), SLICE("/v1/messages"), &h, &mem, &t), ROUTE_BAD_METHOD);
	arena_release(&mem);
}

static void every_api_has_a_whole_codec(void **state)
{
	(void)state;
	for (int i = 0; i < API_N; i++) {
		const struct codec_ops *c = registry_codec((enum api)i);
		assert_int_equal(c == NULL, i == API_UNMETERED);
		if (c)
			assert_true(c->request && c->answer && c->event && c->edits_stream && c->refusal);
	}
	assert_null(registry_codec(API_N));
}

static void refusals_are_in_the_callers_dialect(void **state)
{
	(void)state;
	const struct header google = {SLICE("X-Goog-Api-Key"), SLICE("k")};
	const struct header version = {SLICE("anthropic-version"), SLICE("2023-06-01")};
	const struct headers from_google = {&google, 1}, from_anthropic = {&version, 1};
	assert_ptr_equal(registry_refuser(SLICE("/v1/messages?beta=true"), &no_headers), &codec_anthropic);
	assert_ptr_equal(registry_refuser(SLICE("/v1/files"), &from_anthropic), &codec_anthropic);
	assert_ptr_equal(registry_refuser(SLICE("/v1beta/x"), &no_headers), &codec_gemini);
	assert_ptr_equal(registry_refuser(SLICE("/model/x/invoke"), &no_headers), &codec_bedrock_converse);
	assert_ptr_equal(registry_refuser(SLICE("/p/b/model/x/y"), &no_headers), &codec_bedrock_converse);
	assert_ptr_equal(registry_refuser(SLICE("/p/g/v1/models/m:generateContent"), &no_headers),
	                 &codec_gemini);
	assert_ptr_equal(registry_refuser(SLICE("/x"), &from_google), &codec_gemini);
	assert_ptr_equal(registry_refuser(SLICE("/v1/chat/completions"), &no_headers), &codec_openai_chat);
	assert_ptr_equal(registry_refuser(SLICE(""), &no_headers), &codec_openai_chat);
}

/* Another model in the place of the path's own, and nothing else of the path changed. */
static void path_with_model(void **state)
{
	static const struct {
		const char *target, *model, *path;
	} moved[] = {
	    {"/v1beta/models/gemini-2.5-pro:generateContent?alt=sse", "gemini-2.5-flash",
	     "/v1beta/models/gemini-2.5-flash:generateContent"},
	    {"/p/g/v1beta/models/gemini%2D2.5-pro:generateContent", "x/../y:z",
	     "/v1beta/models/x%2F..%2Fy%3Az:generateContent"},
	    {"/model/us.anthropic.claude-opus-4-5-v1%3A0/converse", "us.anthropic.claude-haiku-4-5-v1:0",
	     "/model/us.anthropic.claude-haiku-4-5-v1%3A0/converse"},
	    {"/openai/deployments/prod/chat/completions", "cheap",
	     "/openai/deployments/cheap/chat/completions"},
	    {"/projects/a/locations/global/publishers/anthropic/models/claude-opus-4-5@1:rawPredict",
	     "claude@2", "/v1/projects/a/locations/global/publishers/anthropic/models/claude@2:rawPredict"},
	    {"/v1/messages", "claude", "/v1/messages"},
	};
	struct headers none = {0};
	(void)state;
	for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
		struct arena mem;
		struct target t;
		arena_init(&mem, 1 << 16);
		assert_int_equal(registry_route(SLICE("POST"), slice_of(moved[i].target), &none, &mem, &t),
		                 ROUTE_OK);
		slice path = registry_path_with(&t, slice_of(moved[i].model), &mem);
		assert_int_equal(path.n, strlen(moved[i].path));
		assert_memory_equal(path.p, moved[i].path, path.n);
		arena_release(&mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(path_with_model),
	    cmocka_unit_test(routes_by_path),
	    cmocka_unit_test(models_are_shared_by_a_header),
	    cmocka_unit_test(a_websocket_is_told_apart),
	    cmocka_unit_test(every_api_has_a_whole_codec),
	    cmocka_unit_test(refusals_are_in_the_callers_dialect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
