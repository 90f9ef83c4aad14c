/* Gemini's generateContent, streamed as SSE or as one JSON array, countTokens and models
 * (ai.google.dev/api/generate-content).
 *
 * Usage: usageMetadata is a running sum over the chunks of a stream, the last one counts. promptTokenCount
 * includes cachedContentTokenCount; what tools brought in (toolUsePromptTokenCount) comes on top, and
 * thoughts (thoughtsTokenCount) are output beside candidatesTokenCount. A count that is zero is left out of
 * the JSON of protocol buffers. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"
#include "text/jsonw.h"

/* --- usage -----------------------------------------------------------------------------------------------
 */

enum modality { MOD_OTHER, MOD_IMAGE, MOD_AUDIO, MOD_N };
/* Names, and the numbers of the schema's enumeration, which some clients print. */
static const struct wire_word modalities[] = {WIRE_WORD("IMAGE", MOD_IMAGE), WIRE_WORD("AUDIO", MOD_AUDIO)};
enum { MOD_NUMBER_IMAGE = 2, MOD_NUMBER_AUDIO = 4 };

enum { SIDE_PROMPT, SIDE_TOOLS, SIDE_CACHE, SIDE_CANDIDATES, SIDE_N };
enum {
	U_PROMPT,
	U_CACHED,
	U_CANDIDATES,
	U_THOUGHTS,
	U_TOOLS,
	U_TOTAL,
	U_N,
	U_DETAILS,
	U_TIER = 16,
	U_TRAFFIC
};
static const struct wire_word usage_fields[] = {
    WIRE_WORD("promptTokenCount", U_PROMPT),
    WIRE_WORD("cachedContentTokenCount", U_CACHED),
    WIRE_WORD("candidatesTokenCount", U_CANDIDATES),
    WIRE_WORD("responseTokenCount", U_CANDIDATES),
    WIRE_WORD("thoughtsTokenCount", U_THOUGHTS),
    WIRE_WORD("toolUsePromptTokenCount", U_TOOLS),
    WIRE_WORD("totalTokenCount", U_TOTAL),
    WIRE_WORD("promptTokensDetails", U_DETAILS + SIDE_PROMPT),
    WIRE_WORD("toolUsePromptTokensDetails", U_DETAILS + SIDE_TOOLS),
    WIRE_WORD("cacheTokensDetails", U_DETAILS + SIDE_CACHE),
    WIRE_WORD("candidatesTokensDetails", U_DETAILS + SIDE_CANDIDATES),
    WIRE_WORD("serviceTier", U_TIER),
    WIRE_WORD("trafficType", U_TRAFFIC),
};

struct usage_reading {
	int64_t n[U_N];
	int64_t by[SIDE_N][MOD_N]; /* tokens by modality; TOKENS_ABSENT when not reported */
	int side;                  /* whose details are being read */
	int modality;              /* of the element being read */
	int64_t count;
	struct name tier, traffic;
};

enum { M_MODALITY, M_COUNT };
static const struct wire_word detail_fields[] = {
    WIRE_WORD("modality", M_MODALITY),
    WIRE_WORD("tokenCount", M_COUNT),
};

static void read_detail_field(struct json *j, int id, void *arg)
{
	struct usage_reading *u = arg;
	int64_t number = 0;
	if (id == M_COUNT) {
		wire_count_or_digits(j, &u->count);
	} else if (json_peek(j) == JSON_NUMBER) {
		wire_count(j, &number);
		u->modality = number == MOD_NUMBER_IMAGE   ? MOD_IMAGE
		              : number == MOD_NUMBER_AUDIO ? MOD_AUDIO
		                                           : MOD_OTHER;
	} else {
		int word = wire_read_word(j, WIRE_WORDS(modalities));
		u->modality = word == WIRE_NONE ? MOD_OTHER : word;
	}
}

static void read_detail(struct json *j, int index, void *arg)
{
	struct usage_reading *u = arg;
	(void)index;
	u->modality = MOD_OTHER;
	u->count = 0;
	wire_object(j, WIRE_WORDS(detail_fields), read_detail_field, u);
	int64_t *sum = &u->by[u->side][u->modality];
	*sum = num_sat_add_i64(num_max_i64(*sum, 0), u->count);
}

static void read_usage_field(struct json *j, int id, void *arg)
{
	struct usage_reading *u = arg;
	if (id < U_N) {
		wire_count_or_digits(j, &u->n[id]);
	} else if (id == U_TIER) {
		wire_name(j, &u->tier);
	} else if (id == U_TRAFFIC) {
		wire_name(j, &u->traffic);
	} else {
		u->side = id - U_DETAILS;
		wire_array(j, read_detail, u);
	}
}

/* Takes up to part off *whole and returns what was taken; an absent part stays absent. */
static int64_t take(int64_t *whole, int64_t part)
{
	int64_t taken = num_min_i64(part, *whole);
	*whole -= taken > 0 ? taken : 0;
	return taken;
}

static int64_t or_zero(int64_t n)
{
	return num_max_i64(n, 0);
}

/* Input of one modality that is not cached: of the prompt and of what tools brought. */
static int64_t fresh_of(const struct usage_reading *r, enum modality m)
{
	int64_t prompt = r->by[SIDE_PROMPT][m], tools = r->by[SIDE_TOOLS][m];
	if (prompt < 0 && tools < 0)
		return TOKENS_ABSENT;
	int64_t sum = num_sat_add_i64(or_zero(prompt), or_zero(tools));
	return num_max_i64(sum - or_zero(r->by[SIDE_CACHE][m]), 0);
}

static void book_input(struct usage *u, const struct usage_reading *r)
{
	int64_t fresh = r->n[U_PROMPT], cached = r->n[U_CACHED];
	if (fresh < 0)
		return;
	take(&fresh, cached);
	u->m[METER_CACHE_READ_AUDIO] = take(&cached, r->by[SIDE_CACHE][MOD_AUDIO]);
	u->m[METER_CACHE_READ] = cached;
	fresh = num_sat_add_i64(fresh, or_zero(r->n[U_TOOLS]));
	u->m[METER_INPUT_AUDIO] = take(&fresh, fresh_of(r, MOD_AUDIO));
	u->m[METER_INPUT_IMAGE] = take(&fresh, fresh_of(r, MOD_IMAGE));
	u->m[METER_INPUT] = fresh;
}

/* Candidates that are left out are what the total has beyond the rest, if there is a total. */
static void book_output(struct usage *u, const struct usage_reading *r)
{
	int64_t output = r->n[U_CANDIDATES];
	if (output < 0 && r->n[U_TOTAL] >= 0)
		output = num_max_i64(r->n[U_TOTAL] - or_zero(r->n[U_PROMPT]) - or_zero(r->n[U_TOOLS]) -
		                         or_zero(r->n[U_THOUGHTS]),
		                     0);
	if (output < 0)
		return;
	u->m[METER_OUTPUT_AUDIO] = take(&output, r->by[SIDE_CANDIDATES][MOD_AUDIO]);
	u->m[METER_OUTPUT_IMAGE] = take(&output, r->by[SIDE_CANDIDATES][MOD_IMAGE]);
	u->m[METER_REASONING] = r->n[U_THOUGHTS];
	u->m[METER_OUTPUT] = num_sat_add_i64(output, or_zero(r->n[U_THOUGHTS]));
}

/* Vertex says in trafficType what the Gemini API says in serviceTier. */
static void book_tier(struct answer *a, const struct usage_reading *r)
{
	static const struct {
		slice traffic, tier;
	} tiers[] = {
	    {{"ON_DEMAND", 9}, {"standard", 8}},
	    {{"ON_DEMAND_PRIORITY", 18}, {"priority", 8}},
	    {{"ON_DEMAND_FLEX", 14}, {"flex", 4}},
	    {{"PROVISIONED_THROUGHPUT", 22}, {"provisioned", 11}},
	};
	if (r->tier.n) {
		a->service_tier = r->tier;
		return;
	}
	for (size_t i = 0; i < sizeof tiers / sizeof tiers[0]; i++)
		if (slice_eq(name_get(&r->traffic), tiers[i].traffic))
			name_set(&a->service_tier, tiers[i].tier);
}

/* --- candidates ------------------------------------------------------------------------------------------
 */

enum { P_TEXT, P_THOUGHT, P_CALL, P_CODE, P_CODE_RESULT, P_NAME, P_ARGUMENTS };
static const struct wire_word part_fields[] = {
    WIRE_WORD("text", P_TEXT),
    WIRE_WORD("thought", P_THOUGHT),
    WIRE_WORD("functionCall", P_CALL),
    WIRE_WORD("executableCode", P_CODE),
    WIRE_WORD("codeExecutionResult", P_CODE_RESULT),
};
/* A call that is streamed in pieces has its name in the first one only. */
static const struct wire_word call_fields[] = {
    WIRE_WORD("name", P_NAME),
    WIRE_WORD("args", P_ARGUMENTS),
    WIRE_WORD("partialArgs", P_ARGUMENTS),
    WIRE_WORD("code", P_ARGUMENTS),
};

struct part_reading {
	struct answer *a;
	json_str text;
	bool thought;
};

static void read_part_field(struct json *j, int id, void *arg)
{
	struct part_reading *p = arg;
	slice raw = SLICE_NONE;
	int64_t n = 0;
	switch (id) {
	case P_TEXT:
		json_opt_string(j, &p->text);
		break;
	case P_THOUGHT:
		json_opt_bool(j, &p->thought);
		break;
	case P_CALL:
	case P_CODE:
		p->a->server_tool_calls += id == P_CODE;
		wire_object(j, WIRE_WORDS(call_fields), read_part_field, p);
		break;
	case P_NAME:
		wire_add_bytes(j, &n);
		p->a->tool_calls += n > 0;
		break;
	case P_ARGUMENTS:
		json_skip(j, &raw);
		answer_said(p->a, SAID_ARGUMENTS, raw);
		break;
	default:
		json_skip(j, NULL);
	}
}

static void read_part(struct json *j, int index, void *arg)
{
	struct part_reading p = {.a = arg};
	(void)index;
	wire_object(j, WIRE_WORDS(part_fields), read_part_field, &p);
	answer_said(p.a, p.thought ? SAID_THINKING : SAID_TEXT, p.text.raw);
}

enum { C_CONTENT, C_FINISH, C_GROUNDING, C_PARTS, C_QUERIES };
static const struct wire_word candidate_fields[] = {
    WIRE_WORD("content", C_CONTENT),
    WIRE_WORD("finishReason", C_FINISH),
    WIRE_WORD("groundingMetadata", C_GROUNDING),
};
static const struct wire_word content_fields[] = {WIRE_WORD("parts", C_PARTS)};
static const struct wire_word grounding_fields[] = {WIRE_WORD("webSearchQueries", C_QUERIES)};

struct chunk_reading {
	struct answer *a;
	int64_t queries; /* of searches, in one candidate's grounding */
	bool usage, finished;
};

static void read_query(struct json *j, int index, void *arg)
{
	int64_t *n = arg, bytes = 0;
	(void)index;
	wire_add_bytes(j, &bytes);
	*n += bytes > 0;
}

static void read_candidate_field(struct json *j, int id, void *arg)
{
	struct chunk_reading *c = arg;
	int64_t queries = 0;
	switch (id) {
	case C_CONTENT:
		wire_object(j, WIRE_WORDS(content_fields), read_candidate_field, c);
		break;
	case C_PARTS:
		wire_array(j, read_part, c->a);
		break;
	case C_FINISH:
		c->finished = c->finished || json_peek(j) != JSON_NULL;
		wire_name(j, &c->a->stop_reason);
		break;
	case C_GROUNDING:
		wire_object(j, WIRE_WORDS(grounding_fields), read_candidate_field, c);
		break;
	default:
		wire_array(j, read_query, &queries);
		c->queries = num_max_i64(c->queries, queries);
	}
}

static void read_candidate(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(candidate_fields), read_candidate_field, arg);
}

/* Grounding is billed by prompt up to Gemini 2.5 and by query from Gemini 3 on
 * (ai.google.dev/gemini-api/docs/pricing). */
static void book_searches(struct answer *a, int64_t queries)
{
	slice model = name_get(&a->model);
	if (queries == 0)
		return;
	if (slice_starts(model, SLICE("gemini-2")) || slice_starts(model, SLICE("gemini-1")))
		queries = 1;
	a->usage.m[METER_WEB_SEARCHES] = num_max_i64(a->usage.m[METER_WEB_SEARCHES], queries);
}

/* --- answers and chunks ----------------------------------------------------------------------------------
 */

enum { F_CANDIDATES, F_USAGE, F_MODEL, F_ID, F_FEEDBACK, F_BLOCK, F_ERROR, F_STATUS };
static const struct wire_word chunk_fields[] = {
    WIRE_WORD("candidates", F_CANDIDATES), WIRE_WORD("usageMetadata", F_USAGE),
    WIRE_WORD("modelVersion", F_MODEL),    WIRE_WORD("responseId", F_ID),
    WIRE_WORD("error", F_ERROR),           WIRE_WORD("promptFeedback", F_FEEDBACK),
};
static const struct wire_word feedback_fields[] = {WIRE_WORD("blockReason", F_BLOCK)};
static const struct wire_word error_fields[] = {WIRE_WORD("status", F_STATUS)};

static void read_usage(struct json *j, struct chunk_reading *c)
{
	struct usage_reading r;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return;
	}
	memset(&r, 0, sizeof r);
	for (int i = 0; i < U_N; i++)
		r.n[i] = TOKENS_ABSENT;
	for (int i = 0; i < SIDE_N * MOD_N; i++)
		r.by[i / MOD_N][i % MOD_N] = TOKENS_ABSENT;
	wire_object(j, WIRE_WORDS(usage_fields), read_usage_field, &r);
	book_input(&c->a->usage, &r);
	book_output(&c->a->usage, &r);
	book_tier(c->a, &r);
	c->usage = r.n[U_PROMPT] >= 0;
}

static void read_chunk_field(struct json *j, int id, void *arg)
{
	struct chunk_reading *c = arg;
	struct answer *a = c->a;
	switch (id) {
	case F_CANDIDATES:
		wire_array(j, read_candidate, c);
		break;
	case F_USAGE:
		read_usage(j, c);
		break;
	case F_MODEL:
		wire_name(j, &a->model);
		break;
	case F_ID:
		wire_name(j, &a->id);
		break;
	case F_FEEDBACK:
		wire_object(j, WIRE_WORDS(feedback_fields), read_chunk_field, c);
		break;
	case F_BLOCK: /* the prompt was refused: there will be no candidate */
		c->finished = c->finished || json_peek(j) != JSON_NULL;
		wire_name(j, &a->stop_reason);
		break;
	case F_ERROR:
		a->error = a->error || json_peek(j) != JSON_NULL;
		wire_object(j, WIRE_WORDS(error_fields), read_chunk_field, c);
		break;
	default:
		wire_name(j, &a->error_type);
	}
}

/* A chunk of a stream: its usage is final once the answer is finished. */
static void read_chunk(struct json *j, int index, void *arg)
{
	struct answer *a = arg;
	struct chunk_reading c = {.a = a};
	(void)index;
	wire_object(j, WIRE_WORDS(chunk_fields), read_chunk_field, &c);
	book_searches(a, c.queries);
	a->ended = a->ended || c.finished;
	a->has_usage = a->has_usage || (a->ended && c.usage && a->usage.m[METER_OUTPUT] >= 0);
	a->output_told = a->ended && a->usage.m[METER_OUTPUT] >= 0;
}

/* An object, or the array that a stream is without alt=sse. What is whole is final even without a reason to
 * finish. */
static void answer(slice body, struct answer *a)
{
	struct json j;
	json_init(&j, body);
	bool array = json_peek(&j) == JSON_ARRAY;
	if (array)
		wire_array(&j, read_chunk, a);
	else
		read_chunk(&j, 0, a);
	if (!json_end(&j) || a->error)
		return;
	a->ended = true;
	a->has_usage = a->usage.m[METER_INPUT] >= 0 && a->usage.m[METER_OUTPUT] >= 0;
	a->output_told = a->usage.m[METER_OUTPUT] >= 0;
}

/* Where usage is not billed: only a fault is read. */
static void answer_unmetered(slice body, struct answer *a)
{
	struct answer seen;
	answer_init(&seen);
	answer(body, &seen);
	a->error = seen.error;
	a->error_type = seen.error_type;
	a->ended = true;
}

static enum event_action event(const struct sse_event *e, const struct request_view *v, struct answer *a,
                               struct json_edits *edits)
{
	struct json j;
	(void)v;
	(void)edits;
	if (!e->has_data)
		return EVENT_PASS;
	json_init(&j, e->data);
	read_chunk(&j, 0, a);
	return EVENT_PASS;
}

/* --- refusals --------------------------------------------------------------------------------------------
 */

/* google.rpc.Code by HTTP status (cloud.google.com/apis/design/errors); 402 has none of its own, and billing
 * that is not in order is FAILED_PRECONDITION (ai.google.dev/gemini-api/docs/troubleshooting). */
static const struct wire_status statuses[] = {
    {400, {"INVALID_ARGUMENT", 16}},   {401, {"UNAUTHENTICATED", 15}}, {402, {"FAILED_PRECONDITION", 19}},
    {403, {"PERMISSION_DENIED", 17}},  {404, {"NOT_FOUND", 9}},        {413, {"INVALID_ARGUMENT", 16}},
    {429, {"RESOURCE_EXHAUSTED", 18}}, {503, {"UNAVAILABLE", 11}},     {504, {"DEADLINE_EXCEEDED", 17}},
};

static int refusal(const struct refusal_text *r, struct buf *out)
{
	struct jsonw w;
	slice otherwise = r->status < 500 ? SLICE("INVALID_ARGUMENT") : SLICE("INTERNAL");
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_key(&w, SLICE("error"));
	jsonw_object(&w);
	jsonw_put_i64(&w, SLICE("code"), r->status);
	jsonw_put_string(&w, SLICE("message"), r->message);
	jsonw_put_string(
	    &w, SLICE("status"),
	    wire_status_text(statuses, sizeof statuses / sizeof statuses[0], r->status, otherwise));
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

const struct codec_ops codec_gemini = {
    .name = "gemini",
    .advise = codec_advise_gemini,
    .request = codec_gemini_request,
    .items = codec_gemini_items,
    .answer = answer,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .follow = codec_gemini_follow,
    .cut = codec_gemini_cut,
    .refusal = refusal,
};

const struct codec_ops codec_gemini_count = {
    .name = "gemini countTokens",
    .request = codec_gemini_request,
    .items = codec_gemini_items,
    .answer = answer_unmetered,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};

const struct codec_ops codec_gemini_models = {
    .name = "gemini models",
    .request = codec_request_nothing,
    .answer = answer_unmetered,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};
