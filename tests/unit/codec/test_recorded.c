/* Recorded calls (tests/wire/SOURCES.md): what the codec reads out of each answer against the provider's own
 * last usage object, and against what an independent library read. The sample is in the repository; the full
 * set is read when WEIR_DATA names the folder it lies in. Prints a table. */
#include "unit/codec/support.h"

#include <cjson/cJSON.h>

#include "base/base64.h"
#include "codec/registry.h"
#include "text/eventstream.h"

#define SAMPLE "tests/wire/pairs-sample.jsonl"

/* --- a pair -------------------------------------------------------------------------------------------- */

struct pair {
	cJSON *line;
	const char *id, *provider;
	enum api api;
	bool stream;
	const cJSON *usage;       /* the wire's, or NULL */
	char *request, *response; /* owned, NUL-terminated; NULL when not recorded */
	size_t response_n;
	bool frames; /* the response is an AWS event stream */
};

static const struct {
	const char *name;
	enum api api;
} apis[] = {
    {"messages", API_ANTHROPIC_MESSAGES},
    {"count_tokens", API_ANTHROPIC_COUNT_TOKENS},
    {"chat", API_OPENAI_CHAT},
    {"embeddings", API_OPENAI_EMBEDDINGS},
    {"responses", API_OPENAI_RESPONSES},
    {"generateContent", API_GEMINI_GENERATE},
    {"streamGenerateContent", API_GEMINI_GENERATE},
    {"invoke", API_BEDROCK_INVOKE},
    {"invoke-stream", API_BEDROCK_INVOKE},
    {"converse", API_BEDROCK_CONVERSE},
    {"converse-stream", API_BEDROCK_CONVERSE},
    {"completions", API_OPENAI_COMPLETIONS},
    {"cohere-chat", API_COHERE_CHAT},
    {"ollama-chat", API_OLLAMA_CHAT},
    {"ollama-generate", API_OLLAMA_GENERATE},
};

static const char *text_of(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

static char *body_of(const cJSON *line, const char *side, size_t *n)
{
	const cJSON *o = cJSON_GetObjectItemCaseSensitive(line, side);
	const char *body = text_of(o, "body"), *coded = text_of(o, "body_b64");
	*n = body ? strlen(body) : 0;
	if (body || !coded)
		return body ? strdup(body) : NULL;
	char *out = malloc(base64_room(strlen(coded)) + 1);
	assert_non_null(out);
	assert_true(base64_decode(slice_of(coded), out, n));
	out[*n] = '\0';
	return out;
}

/* False for what is no call of a codec's. */
static bool pair_read(const char *text, struct pair *p)
{
	memset(p, 0, sizeof *p);
	p->api = API_N;
	p->line = cJSON_Parse(text);
	assert_non_null(p->line);
	const char *name = text_of(p->line, "api");
	for (size_t i = 0; name && i < COUNT(apis); i++)
		if (strcmp(name, apis[i].name) == 0)
			p->api = apis[i].api;
	p->id = text_of(p->line, "id");
	p->provider = text_of(p->line, "provider");
	if (p->api == API_N || !registry_codec(p->api) || !p->provider)
		return false;
	if (p->api == API_OPENAI_EMBEDDINGS && strcmp(p->provider, "cohere") == 0)
		p->api = API_COHERE_EMBED;
	if (p->api == API_OPENAI_EMBEDDINGS && strcmp(p->provider, "ollama") == 0)
		p->api = API_OLLAMA_EMBED;
	p->stream = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(p->line, "stream"));
	p->usage = cJSON_GetObjectItemCaseSensitive(p->line, "usage_last");
	if (!cJSON_IsObject(p->usage))
		p->usage = NULL;
	size_t unused;
	p->request = body_of(p->line, "request", &unused);
	p->response = body_of(p->line, "response", &p->response_n);
	p->frames = p->stream && api_dialect(p->api) == DIALECT_BEDROCK;
	if (!p->usage && p->frames) /* what AWS counted */
		p->usage = cJSON_GetObjectItemCaseSensitive(p->line, "invocationMetrics");
	return p->response != NULL;
}

static void pair_release(struct pair *p)
{
	cJSON_Delete(p->line);
	free(p->request);
	free(p->response);
}

/* --- what the wire's usage object means, read with another reader and by another hand
 * ------------------------- */

/* A whole number at a path like "a.b", -1 when it is not there. */
static int64_t at(const cJSON *o, const char *path)
{
	slice rest = slice_of(path), part;
	while (o && slice_split(&rest, '.', &part)) {
		char key[64];
		snprintf(key, sizeof key, SLICE_FMT, SLICE_ARG(part));
		o = cJSON_GetObjectItemCaseSensitive(o, key);
	}
	return cJSON_IsNumber(o) ? (int64_t)o->valuedouble : -1;
}

static int64_t or_zero(int64_t v)
{
	return v > 0 ? v : 0;
}

struct sums {
	int64_t input, cached, written, output, reasoning; /* all input; -1 unknown */
};

static int64_t sum_of(const struct usage *u, const enum meter *meters, size_t n)
{
	int64_t sum = -1;
	for (size_t i = 0; i < n; i++)
		if (u->m[meters[i]] >= 0)
			sum = or_zero(sum) + u->m[meters[i]];
	return sum;
}

static struct sums sums_of_codec(const struct usage *u)
{
	static const enum meter in[] = {METER_INPUT,          METER_CACHE_READ,     METER_CACHE_READ_AUDIO,
	                                METER_CACHE_WRITE_5M, METER_CACHE_WRITE_1H, METER_INPUT_AUDIO,
	                                METER_INPUT_IMAGE};
	static const enum meter cached[] = {METER_CACHE_READ, METER_CACHE_READ_AUDIO};
	static const enum meter written[] = {METER_CACHE_WRITE_5M, METER_CACHE_WRITE_1H};
	static const enum meter out[] = {METER_OUTPUT, METER_OUTPUT_AUDIO, METER_OUTPUT_IMAGE};
	return (struct sums){sum_of(u, in, COUNT(in)), sum_of(u, cached, COUNT(cached)),
	                     sum_of(u, written, COUNT(written)), sum_of(u, out, COUNT(out)),
	                     u->m[METER_REASONING]};
}

static struct sums sums_of_anthropic(const cJSON *u)
{
	int64_t read = at(u, "cache_read_input_tokens"), written = at(u, "cache_creation_input_tokens");
	return (struct sums){at(u, "input_tokens") + or_zero(read) + or_zero(written), read, written,
	                     at(u, "output_tokens"), at(u, "output_tokens_details.thinking_tokens")};
}

static int64_t first(int64_t a, int64_t b)
{
	return a >= 0 ? a : b;
}

static struct sums sums_of_chat(const cJSON *u)
{
	int64_t cached = first(at(u, "prompt_tokens_details.cached_tokens"),
	                       first(at(u, "cached_tokens"),
	                             first(at(u, "num_cached_tokens"), at(u, "cache_read_input_tokens"))));
	int64_t written =
	    first(at(u, "prompt_tokens_details.cache_write_tokens"), at(u, "cache_creation_input_tokens"));
	return (struct sums){at(u, "prompt_tokens"), cached, written, at(u, "completion_tokens"),
	                     at(u, "completion_tokens_details.reasoning_tokens")};
}

static struct sums sums_of_responses(const cJSON *u)
{
	return (struct sums){at(u, "input_tokens"), at(u, "input_tokens_details.cached_tokens"),
	                     at(u, "input_tokens_details.cache_write_tokens"), at(u, "output_tokens"),
	                     at(u, "output_tokens_details.reasoning_tokens")};
}

static struct sums sums_of_gemini(const cJSON *u)
{
	int64_t prompt = at(u, "promptTokenCount") + or_zero(at(u, "toolUsePromptTokenCount"));
	int64_t thoughts = at(u, "thoughtsTokenCount"), candidates = at(u, "candidatesTokenCount");
	if (candidates < 0)
		candidates = at(u, "totalTokenCount") - prompt - or_zero(thoughts);
	return (struct sums){prompt, at(u, "cachedContentTokenCount"), -1, candidates + or_zero(thoughts),
	                     thoughts};
}

static struct sums sums_of_embeddings(const cJSON *u)
{
	return (struct sums){first(at(u, "prompt_tokens"), at(u, "total_tokens")), -1, -1, 0, -1};
}

static struct sums sums_of_bedrock(const cJSON *u)
{
	if (at(u, "input_tokens") >= 0)
		return sums_of_anthropic(u);
	int64_t input = first(at(u, "inputTokens"), first(at(u, "inputTokenCount"), at(u, "prompt_tokens")));
	int64_t output =
	    first(at(u, "outputTokens"), first(at(u, "outputTokenCount"), at(u, "completion_tokens")));
	int64_t read = first(at(u, "cacheReadInputTokens"), at(u, "cacheReadInputTokenCount"));
	int64_t written = first(at(u, "cacheWriteInputTokens"), at(u, "cacheWriteInputTokenCount"));
	return (struct sums){input + or_zero(read) + or_zero(written), read, written, output, -1};
}

/* What is billed; Writer, under a path of Cohere's, has OpenAI's counts. */
static struct sums sums_of_cohere(const cJSON *u)
{
	if (at(u, "prompt_tokens") >= 0)
		return sums_of_chat(u);
	if (at(u, "input_tokens") >= 0)
		return (struct sums){at(u, "input_tokens"), -1, -1, or_zero(at(u, "output_tokens")), -1};
	return (struct sums){at(u, "billed_units.input_tokens"), -1, -1, at(u, "billed_units.output_tokens"),
	                     at(u, "tokens.reasoning_tokens")};
}

static struct sums sums_of_wire(enum api api, const cJSON *u)
{
	switch (api_dialect(api)) {
	case DIALECT_BEDROCK:
		return sums_of_bedrock(u);
	case DIALECT_AZURE:
	case DIALECT_ANTHROPIC:
		return sums_of_anthropic(u);
	case DIALECT_GEMINI:
		return sums_of_gemini(u);
	case DIALECT_COHERE:
		return sums_of_cohere(u);
	case DIALECT_OLLAMA:
		return (struct sums){at(u, "prompt_eval_count"), -1, -1, at(u, "eval_count"), -1};
	case DIALECT_NONE:
	case DIALECT_N:
	case DIALECT_OPENAI:
	case DIALECT_VERTEX:
		break;
	}
	return api == API_OPENAI_RESPONSES    ? sums_of_responses(u)
	       : api == API_OPENAI_EMBEDDINGS ? sums_of_embeddings(u)
	                                      : sums_of_chat(u);
}

/* --- what the codec reads
 * ------------------------------------------------------------------------------------- */

struct replay {
	const struct codec_ops *codec;
	const struct request_view *v; /* NULL: none */
	struct answer *a;
	struct buf *raw; /* the bytes of all events, one behind the other */
	cJSON *out;      /* the events that were passed, as JSON; NULL: not wanted */
};

static void pass(struct replay *r, enum event_action act, slice data, const struct json_edits *edits)
{
	if (!r->out || act == EVENT_DROP)
		return;
	size_t n = act == EVENT_EDIT ? json_edits_size(edits, data) : data.n;
	char *text = malloc(n + 1);
	assert_non_null(text);
	if (act == EVENT_EDIT)
		json_edits_apply(edits, data, text);
	else
		memcpy(text, data.p, n);
	cJSON *chunk = cJSON_ParseWithLength(text, n);
	if (chunk)
		cJSON_AddItemToArray(r->out, chunk);
	free(text);
}

static int on_event(void *arg, const struct sse_event *e)
{
	struct replay *r = arg;
	struct json_edits edits;
	json_edits_init(&edits);
	if (r->raw && buf_append(r->raw, e->raw))
		fail_msg("no memory");
	enum event_action act = r->codec->event(e, r->v, r->a, &edits);
	if (e->has_data)
		pass(r, act, e->data, &edits);
	return 0;
}

static int on_message(void *arg, const struct eventstream_message *m)
{
	struct sse_event e = {.raw = m->raw,
	                      .name = m->type,
	                      .data = m->payload,
	                      .has_data = m->payload.n > 0,
	                      .fault = !slice_eq(m->message_type, SLICE("event"))};
	return on_event(arg, &e);
}

static void replay_frames(struct replay *r, slice rest)
{
	struct eventstream s;
	answer_init(r->a);
	eventstream_init(&s, 16 << 20);
	for (; rest.n; rest = slice_sub(rest, 1000, rest.n))
		assert_int_equal(eventstream_feed(&s, slice_sub(rest, 0, 1000), on_message, r), 0);
	assert_false(s.broken || s.skipped);
	eventstream_release(&s);
}

static void replay(struct replay *r, const char *body, bool sse)
{
	answer_init(r->a);
	if (!sse) {
		r->codec->answer(slice_of(body), r->a);
		return;
	}
	struct sse s;
	slice rest = slice_of(body);
	sse_init(&s, 16 << 20);
	while (rest.n) {
		size_t n = rest.n < 1000 ? rest.n : 1000;
		sse_feed(&s, slice_sub(rest, 0, n), on_event, r);
		rest = slice_sub(rest, n, rest.n);
	}
	sse_finish(&s, on_event, r);
	sse_release(&s);
}

/* A recorded stream that is not SSE is Gemini's array. */
static bool is_sse(const struct pair *p)
{
	slice body = slice_trim(slice_of(p->response));
	return p->stream && !p->frames && !slice_starts(body, SLICE("[")) && !slice_starts(body, SLICE("{"));
}

/* --- the comparison
 * -------------------------------------------------------------------------------------------- */

struct tally {
	int pairs, exact, differ, unexpected, oracle, oracle_differ;
};

/* What is known to differ, and why: a provider's own contradictions. */
static const struct {
	const char *id, *why;
} expected[] = {
    {"77b4254a135f", "more tokens cached than the prompt has"},
    {"1e3190471ac6", "the same"},
    {"b49e5fbfcf06", "the same"},
    {"ae20912eb274", "the same"},
    {"e360c75ce550", "the same"},
    {"ccfe1b376509", "the same"},
    {"41df0aaf4300", "the same"},
    {"a5666466deea", "the same"},
    {"aba1b89e1c9d", "the same tokens as read from and as written to the cache"},
};

static bool is_expected(const char *id)
{
	for (size_t i = 0; i < COUNT(expected); i++)
		if (strcmp(expected[i].id, id) == 0)
			return true;
	return false;
}

static bool sums_equal(const struct sums *a, const struct sums *b)
{
	return a->input == b->input && a->cached == b->cached && a->written == b->written &&
	       a->output == b->output && a->reasoning == b->reasoning;
}

static const char *sums_text(const struct sums *s, char out[160])
{
	snprintf(out, 160, "input %lld, cached %lld, written %lld, output %lld, reasoning %lld",
	         (long long)s->input, (long long)s->cached, (long long)s->written, (long long)s->output,
	         (long long)s->reasoning);
	return out;
}

static void check_usage(const struct pair *p, const struct answer *a, struct tally *t)
{
	struct sums got = sums_of_codec(&a->usage), want = sums_of_wire(p->api, p->usage);
	bool known = want.input >= 0 && want.output >= 0; /* else there is something to count */
	bool same = a->has_usage == known && sums_equal(&got, &want);
	t->pairs++;
	t->exact += same;
	if (same)
		return;
	t->differ++;
	char g[160], w[160];
	printf("  %s %s %s%s: has_usage %d\n    codec %s\n    wire  %s\n", p->id, p->provider,
	       api_name(p->api), p->stream ? " stream" : "", a->has_usage, sums_text(&got, g),
	       sums_text(&want, w));
	t->unexpected += !is_expected(p->id);
}

/* genai-prices: input_tokens holds all input, output_tokens all output. */
static void check_oracle(const struct pair *p, const struct answer *a, struct tally *t)
{
	const cJSON *o = cJSON_GetObjectItemCaseSensitive(
	    cJSON_GetObjectItemCaseSensitive(p->line, "oracle_genai_prices"), "usage");
	if (!cJSON_IsObject(o) || at(o, "input_tokens") < 0)
		return;
	struct sums got = sums_of_codec(&a->usage);
	struct sums want = {at(o, "input_tokens"), at(o, "cache_read_tokens"), at(o, "cache_write_tokens"),
	                    at(o, "output_tokens"), at(o, "output_reasoning_tokens")};
	/* it leaves out what is zero */
	got.cached = or_zero(got.cached), want.cached = or_zero(want.cached);
	got.written = or_zero(got.written), want.written = or_zero(want.written);
	got.output = or_zero(got.output), want.output = or_zero(want.output);
	got.reasoning = or_zero(got.reasoning), want.reasoning = or_zero(want.reasoning);
	t->oracle++;
	if (sums_equal(&got, &want))
		return;
	t->oracle_differ++;
	char g[160], w[160];
	printf("  %s %s %s%s: oracle\n    codec   %s\n    library %s\n", p->id, p->provider, api_name(p->api),
	       p->stream ? " stream" : "", sums_text(&got, g), sums_text(&want, w));
}

/* Ollama streams unless it is told not to. */
static bool streams(enum api api, const cJSON *body)
{
	const cJSON *stream = cJSON_GetObjectItemCaseSensitive(body, "stream");
	bool unasked = api == API_OLLAMA_CHAT || api == API_OLLAMA_GENERATE;
	return stream && !cJSON_IsNull(stream) ? cJSON_IsTrue(stream) : unasked;
}

/* The request as a view: the model and the stream flag are those of the body. */
static void check_request(const struct pair *p, struct arena *mem)
{
	if (!p->request || !*p->request)
		return;
	cJSON *body = cJSON_Parse(p->request);
	struct request_view v;
	struct error e = {0};
	bool in_path = api_dialect(p->api) == DIALECT_GEMINI || api_dialect(p->api) == DIALECT_BEDROCK;
	struct target t = {.api = p->api, .stream = p->stream};
	if (in_path)
		t.model = SLICE("path-model");
	int rc = registry_codec(p->api)->request(&t, slice_of(p->request), mem, &v, &e);
	const char *model = text_of(body, "model");
	if (body && (model || in_path)) {
		if (rc)
			fail_msg("%s: %s", p->id, e.text);
		assert_slice(p->id, v.model, in_path ? "path-model" : model);
		if (!in_path)
			assert_int_equal(v.stream, streams(p->api, body));
	} else {
		assert_int_not_equal(rc, 0);
	}
	cJSON_Delete(body);
}

/* A chat stream that was asked for its usage, seen by a client that did not ask: no chunk but the one with
 * the usage is missing, and no chunk has a usage of null. */
static void check_unasked(const struct pair *p)
{
	struct answer a;
	struct request_view v = {.api = p->api, .stream = true};
	struct replay whole = {.codec = registry_codec(p->api), .a = &a, .out = cJSON_CreateArray()};
	struct replay less = {.codec = whole.codec, .v = &v, .a = &a, .out = cJSON_CreateArray()};
	replay(&whole, p->response, true);
	replay(&less, p->response, true);
	const cJSON *chunk, *seen = less.out->child;
	cJSON_ArrayForEach(chunk, whole.out)
	{
		const cJSON *usage = cJSON_GetObjectItemCaseSensitive(chunk, "usage");
		const cJSON *choices = cJSON_GetObjectItemCaseSensitive(chunk, "choices");
		if (cJSON_IsObject(usage) && cJSON_IsArray(choices) && cJSON_GetArraySize(choices) == 0)
			continue;
		cJSON *want = cJSON_Duplicate(chunk, true);
		if (cJSON_IsNull(usage))
			cJSON_DeleteItemFromObjectCaseSensitive(want, "usage");
		if (!seen || !cJSON_Compare(want, seen, true))
			fail_msg("%s: a chunk is not as it would be unasked", p->id);
		seen = seen->next;
		cJSON_Delete(want);
	}
	assert_null(seen);
	cJSON_Delete(whole.out);
	cJSON_Delete(less.out);
}

static void check_pair(const struct pair *p, struct tally tallies[2 * API_N])
{
	struct answer a;
	struct buf raw;
	struct arena mem;
	struct replay r = {.codec = registry_codec(p->api), .a = &a, .raw = &raw};
	buf_init(&raw, 64 << 20);
	arena_init(&mem, 16 << 20);
	if (p->frames)
		replay_frames(&r, slice_make(p->response, p->response_n));
	else
		replay(&r, p->response, is_sse(p));
	if (is_sse(p) || p->frames)
		assert_true(slice_eq(buf_slice(&raw), slice_make(p->response, p->response_n)));
	if (p->frames)
		assert_true(a.ended && !a.error);
	struct tally *t = &tallies[2 * p->api + p->stream];
	if (p->usage && api_is_metered(p->api)) {
		check_usage(p, &a, t);
		check_oracle(p, &a, t);
	} else if (a.has_usage && p->api != API_BEDROCK_INVOKE) {
		fail_msg("%s: usage where the wire has none", p->id);
	}
	check_request(p, &mem);
	if (p->api == API_OPENAI_CHAT && is_sse(p))
		check_unasked(p);
	buf_release(&raw);
	arena_release(&mem);
}

static void print_table(const char *path, const struct tally tallies[2 * API_N])
{
	printf("%s\n  %-28s %6s %6s %6s   %s\n", path, "api", "pairs", "exact", "differ",
	       "as the library reads it");
	for (int i = 0; i < 2 * API_N; i++)
		if (tallies[i].pairs)
			printf("  %-19s %-8s %6d %6d %6d   %d of %d\n", api_name((enum api)(i / 2)),
			       i % 2 ? "stream" : "", tallies[i].pairs, tallies[i].exact, tallies[i].differ,
			       tallies[i].oracle - tallies[i].oracle_differ, tallies[i].oracle);
}

/* False when there is no such file. */
static bool check_file(const char *path)
{
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	struct tally tallies[2 * API_N] = {{0}};
	char *line = NULL;
	size_t cap = 0;
	while (getline(&line, &cap, f) > 0) {
		struct pair p;
		if (pair_read(line, &p))
			check_pair(&p, tallies);
		pair_release(&p);
	}
	free(line);
	fclose(f);
	print_table(path, tallies);
	int unexpected = 0;
	for (int i = 0; i < 2 * API_N; i++)
		unexpected += tallies[i].unexpected;
	if (unexpected)
		fail_msg("%d answers are not read as the wire says", unexpected);
	return true;
}

static void the_sample(void **state)
{
	(void)state;
	if (!check_file(SAMPLE))
		fail_msg("%s is missing: run from the repository's root", SAMPLE);
}

static void the_full_set(void **state)
{
	(void)state;
	const char *folder = getenv("WEIR_DATA");
	char path[4096];
	snprintf(path, sizeof path, "%s/http/open/pairs.jsonl", folder ? folder : "../weir-data");
	if (check_file(path))
		return;
	printf("  %s is not there: the full set was not read (set WEIR_DATA)\n", path);
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sample),
	    cmocka_unit_test(the_full_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
