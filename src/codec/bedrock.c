/* Bedrock's Converse and ConverseStream, one dialect for all models
 * (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html), and count-tokens: inputTokens
 * excludes what was read from or written to the cache; cacheDetails splits the writes by time to live. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"
#include "text/jsonw.h"

/* --- usage ------------------------------------------------------------------------------------------- */

enum { U_INPUT, U_OUTPUT, U_CACHE_READ, U_CACHE_WRITE, U_DETAILS, U_TTL };
static const struct wire_word usage_fields[] = {
    WIRE_WORD("inputTokens", U_INPUT),
    WIRE_WORD("outputTokens", U_OUTPUT),
    WIRE_WORD("cacheReadInputTokens", U_CACHE_READ),
    WIRE_WORD("cacheWriteInputTokens", U_CACHE_WRITE),
    WIRE_WORD("cacheDetails", U_DETAILS),
    /* Nova by InvokeModel */
    WIRE_WORD("cacheReadInputTokenCount", U_CACHE_READ),
    WIRE_WORD("cacheWriteInputTokenCount", U_CACHE_WRITE),
};

/* One object of counts; each TOKENS_ABSENT when it is not there. */
struct counts {
	int64_t input, output, read, written, w5m, w1h;
	bool hour;    /* of the cacheDetails entry being read */
	int64_t some; /* its tokens */
};
#define COUNTS_NONE                                                                                          \
	(struct counts)                                                                                      \
	{                                                                                                    \
		TOKENS_ABSENT, TOKENS_ABSENT, TOKENS_ABSENT, TOKENS_ABSENT, TOKENS_ABSENT, TOKENS_ABSENT,    \
		    false, TOKENS_ABSENT                                                                     \
	}

static void read_detail_field(struct json *j, int id, void *arg)
{
	static const struct wire_word hours[] = {WIRE_WORD("1h", 1)};
	struct counts *c = arg;
	if (id == U_TTL)
		c->hour = wire_read_word(j, WIRE_WORDS(hours)) == 1;
	else
		wire_count(j, &c->some);
}

static void read_detail(struct json *j, int index, void *arg)
{
	static const struct wire_word fields[] = {WIRE_WORD("ttl", U_TTL), WIRE_WORD("inputTokens", U_INPUT)};
	struct counts *c = arg;
	(void)index;
	c->hour = false;
	c->some = TOKENS_ABSENT;
	wire_object(j, WIRE_WORDS(fields), read_detail_field, c);
	if (c->some < 0)
		return;
	int64_t *to = c->hour ? &c->w1h : &c->w5m;
	*to = num_sat_add_i64(num_max_i64(*to, 0), c->some);
}

static void read_usage_field(struct json *j, int id, void *arg)
{
	struct counts *c = arg;
	switch (id) {
	case U_INPUT:
		wire_count(j, &c->input);
		break;
	case U_OUTPUT:
		wire_count(j, &c->output);
		break;
	case U_CACHE_READ:
		wire_count(j, &c->read);
		break;
	case U_CACHE_WRITE:
		wire_count(j, &c->written);
		break;
	default:
		wire_array(j, read_detail, c);
	}
}

static void put(int64_t *meter, int64_t n)
{
	if (n >= 0)
		*meter = n;
}

/* What was written beyond the split, or without one, goes to the five minute meter. */
static void book(const struct counts *c, struct answer *a)
{
	int64_t *m = a->usage.m, w5m = c->w5m;
	int64_t split = num_sat_add_i64(num_max_i64(c->w5m, 0), num_max_i64(c->w1h, 0));
	if (c->written > split)
		w5m = num_max_i64(w5m, 0) + (c->written - split);
	else if (c->written >= 0 && split == 0)
		w5m = 0;
	put(&m[METER_INPUT], c->input);
	put(&m[METER_OUTPUT], c->output);
	put(&m[METER_CACHE_READ], c->read);
	put(&m[METER_CACHE_WRITE_5M], w5m);
	put(&m[METER_CACHE_WRITE_1H], c->w1h);
}

static bool counted(const struct answer *a)
{
	return a->usage.m[METER_INPUT] >= 0 && a->usage.m[METER_OUTPUT] >= 0;
}

/* --- answers and events of Converse ------------------------------------------------------------------ */

enum {
	F_OUTPUT,
	F_MESSAGE,
	F_CONTENT,
	F_TEXT,
	F_TOOL,
	F_TOOL_ID,
	F_TOOL_TYPE,
	F_INPUT,
	F_REASONING,
	F_STOP_REASON,
	F_USAGE,
	F_TIER,
	F_PERFORMANCE,
	F_TRACE,
	F_MODEL,
	F_FAULT,
	F_FAULT_TYPE,
};
static const struct wire_word converse_fields[] = {
    WIRE_WORD("output", F_OUTPUT),
    WIRE_WORD("start", F_CONTENT), /* contentBlockStart */
    WIRE_WORD("delta", F_CONTENT), /* contentBlockDelta */
    WIRE_WORD("stopReason", F_STOP_REASON),
    WIRE_WORD("usage", F_USAGE),
    WIRE_WORD("serviceTier", F_TIER),
    WIRE_WORD("performanceConfig", F_PERFORMANCE),
    WIRE_WORD("trace", F_TRACE),
    WIRE_WORD("message", F_FAULT),
    WIRE_WORD("__type", F_FAULT_TYPE),
};
static const struct wire_word output_fields[] = {WIRE_WORD("message", F_MESSAGE)};
static const struct wire_word message_fields[] = {WIRE_WORD("content", F_MESSAGE)};
static const struct wire_word content_fields[] = {
    WIRE_WORD("text", F_TEXT), WIRE_WORD("toolUse", F_TOOL), WIRE_WORD("reasoningContent", F_REASONING),
    WIRE_WORD("citationsContent", F_OUTPUT), /* {content: [{text}]} */
};
static const struct wire_word tool_fields[] = {
    WIRE_WORD("toolUseId", F_TOOL_ID),
    WIRE_WORD("type", F_TOOL_TYPE),
    WIRE_WORD("input", F_INPUT),
};
static const struct wire_word reasoning_fields[] = {
    WIRE_WORD("text", F_TEXT),
    WIRE_WORD("redactedContent", F_TEXT),
    WIRE_WORD("reasoningText", F_REASONING),
};
static const struct wire_word tier_fields[] = {WIRE_WORD("type", F_TIER)};
static const struct wire_word performance_fields[] = {WIRE_WORD("latency", F_PERFORMANCE)};
static const struct wire_word trace_fields[] = {WIRE_WORD("promptRouter", F_TRACE)};
static const struct wire_word router_fields[] = {WIRE_WORD("invokedModelId", F_MODEL)};

struct converse {
	struct answer *a;
	struct counts usage;
	bool has_output, fault, server_tool;
};

static void read_reasoning(struct json *j, int id, void *arg)
{
	struct converse *c = arg;
	if (id == F_TEXT)
		wire_said(j, c->a, SAID_THINKING);
	else
		wire_object(j, WIRE_WORDS(reasoning_fields), read_reasoning, c);
}

static void read_tool_field(struct json *j, int id, void *arg)
{
	static const struct wire_word types[] = {WIRE_WORD("server_tool_use", 1)};
	struct converse *c = arg;
	slice raw = SLICE_NONE;
	if (id == F_TOOL_ID) {
		c->a->tool_calls++;
		json_skip(j, NULL);
	} else if (id == F_TOOL_TYPE) {
		c->server_tool = wire_read_word(j, WIRE_WORDS(types)) == 1;
	} else if (json_peek(j) == JSON_STRING) { /* a piece of it */
		wire_said(j, c->a, SAID_ARGUMENTS);
	} else if (json_skip(j, &raw)) {
		answer_said(c->a, SAID_ARGUMENTS, raw);
	}
}

static void read_block(struct json *j, int index, void *arg);

static void read_content_field(struct json *j, int id, void *arg)
{
	struct converse *c = arg;
	switch (id) {
	case F_TEXT:
		wire_said(j, c->a, SAID_TEXT);
		break;
	case F_TOOL:
		c->server_tool = false;
		wire_object(j, WIRE_WORDS(tool_fields), read_tool_field, c);
		if (c->server_tool && c->a->tool_calls > 0) { /* it ran there */
			c->a->tool_calls--;
			c->a->server_tool_calls++;
		}
		break;
	case F_REASONING:
		wire_object(j, WIRE_WORDS(reasoning_fields), read_reasoning, c);
		break;
	case F_MESSAGE:
		wire_array(j, read_block, c);
		break;
	default:
		wire_object(j, WIRE_WORDS(message_fields), read_content_field, c);
	}
}

static void read_block(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(content_fields), read_content_field, arg);
}

static void read_message(struct json *j, int id, void *arg)
{
	(void)id;
	wire_object(j, WIRE_WORDS(message_fields), read_content_field, arg);
}

static void read_name(struct json *j, int id, void *arg)
{
	struct converse *c = arg;
	struct answer *a = c->a;
	if (id == F_TRACE)
		wire_object(j, WIRE_WORDS(router_fields), read_name, c);
	else
		wire_name(j, id == F_TIER ? &a->service_tier : id == F_MODEL ? &a->model : &a->speed);
}

static void read_converse_field(struct json *j, int id, void *arg)
{
	struct converse *c = arg;
	switch (id) {
	case F_OUTPUT:
		c->has_output = true;
		wire_object(j, WIRE_WORDS(output_fields), read_message, c);
		break;
	case F_CONTENT:
		wire_object(j, WIRE_WORDS(content_fields), read_content_field, c);
		break;
	case F_STOP_REASON:
		wire_name(j, &c->a->stop_reason);
		break;
	case F_USAGE:
		wire_object(j, WIRE_WORDS(usage_fields), read_usage_field, &c->usage);
		break;
	case F_TIER:
		wire_object(j, WIRE_WORDS(tier_fields), read_name, c);
		break;
	case F_PERFORMANCE:
		wire_object(j, WIRE_WORDS(performance_fields), read_name, c);
		break;
	case F_TRACE:
		wire_object(j, WIRE_WORDS(trace_fields), read_name, c);
		break;
	case F_FAULT_TYPE:
		wire_name(j, &c->a->error_type);
		break;
	default:
		c->fault = json_peek(j) == JSON_STRING;
		json_skip(j, NULL);
	}
}

static bool read_converse(slice data, struct converse *c)
{
	struct json j;
	json_init(&j, data);
	wire_object(&j, WIRE_WORDS(converse_fields), read_converse_field, c);
	book(&c->usage, c->a);
	return json_end(&j);
}

static void converse_answer(slice body, struct answer *a)
{
	struct converse c = {.a = a, .usage = COUNTS_NONE};
	if (!read_converse(body, &c))
		return;
	a->ended = c.has_output;
	a->error = c.fault && !c.has_output;
	a->has_usage = c.usage.output >= 0 && counted(a);
}

static enum event_action converse_event(const struct sse_event *e, const struct request_view *v,
                                        struct answer *a, struct json_edits *edits)
{
	(void)v;
	(void)edits;
	struct converse c = {.a = a, .usage = COUNTS_NONE};
	if (e->fault) { /* it ends the stream; its name is the type of the exception */
		a->error = true;
		name_set(&a->error_type, e->name);
	}
	if (e->fault || !e->has_data)
		return EVENT_PASS;
	read_converse(e->data, &c);
	if (c.usage.output >= 0 && counted(a))
		a->has_usage = true;
	if (slice_eq(e->name, SLICE("metadata"))) /* the last one */
		a->ended = true;
	return EVENT_PASS;
}

/* --- count-tokens ------------------------------------------------------------------------------------- */

static void skip_field(struct json *j, int id, void *arg)
{
	(void)id;
	(void)arg;
	json_skip(j, NULL);
}

static int count_request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                         struct error *e)
{
	static const struct wire_word none[] = {WIRE_WORD("input", 0)};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(none), skip_field, NULL, e);
	(void)mem;
	if (rc)
		return rc;
	codec_path_model(t, out);
	return out->model.n ? 0 : wire_no_model(e);
}

static void count_answer(slice body, struct answer *a)
{
	struct answer seen;
	answer_init(&seen);
	converse_answer(body, &seen);
	a->error = seen.error;
	a->error_type = seen.error_type;
	a->ended = true;
}

/* --- refusals ---------------------------------------------------------------------------------------- */

/* docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html; the SDKs take the type from the body
 * when no header has it. None that they would retry stands for a refusal that is meant. */
static const struct wire_status error_types[] = {
    {400, {"ValidationException", 19}},           {401, {"UnrecognizedClientException", 27}},
    {402, {"ServiceQuotaExceededException", 29}}, {403, {"AccessDeniedException", 21}},
    {404, {"ResourceNotFoundException", 25}},     {413, {"ValidationException", 19}},
    {429, {"ThrottlingException", 19}},           {503, {"ServiceUnavailableException", 27}},
    {504, {"ModelTimeoutException", 21}},
};

int codec_bedrock_refusal(const struct refusal_text *r, struct buf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("__type"),
	                 wire_status_text(error_types, sizeof error_types / sizeof error_types[0], r->status,
	                                  r->status < 500 ? SLICE("ValidationException")
	                                                  : SLICE("InternalServerException")));
	jsonw_put_string(&w, SLICE("message"), r->message);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

const struct codec_ops codec_bedrock_converse = {
    .name = "bedrock converse",
    .advise = codec_advise_converse,
    .request = codec_bedrock_converse_request,
    .items = codec_bedrock_converse_items,
    .answer = converse_answer,
    .event = converse_event,
    .edits_stream = wire_edits_nothing,
    .follow = codec_bedrock_converse_follow,
    .cut = codec_bedrock_converse_cut,
    .refusal = codec_bedrock_refusal,
};

const struct codec_ops codec_bedrock_count = {
    .name = "bedrock count_tokens",
    .request = count_request,
    .answer = count_answer,
    .event = converse_event,
    .edits_stream = wire_edits_nothing,
    .refusal = codec_bedrock_refusal,
};
