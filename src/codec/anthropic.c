/* Anthropic's Messages API (platform.claude.com/docs/en/api/messages), count_tokens and models.
 *
 * Usage: input_tokens excludes what was read from or written to the cache. message_start carries the input
 * side and the split of cache writes by time to live; message_delta's usage is cumulative, so each field it
 * has replaces the former one. usage.iterations lists the samplings of one call. The top-level counts are the
 * sum of those that produced the message; compaction, the advisor's and the declined attempts of a fallback
 * are not in it and are given as parts. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"
#include "text/jsonw.h"

/* --- usage ------------------------------------------------------------------------------------------- */

enum {
	U_INPUT,
	U_OUTPUT,
	U_CACHE_READ,
	U_CACHE_WRITE,
	U_SPLIT,
	U_5M,
	U_1H,
	U_OUTPUT_DETAILS,
	U_THINKING,
	U_SERVER_TOOLS,
	U_SEARCHES,
	U_TIER,
	U_SPEED,
	U_REGION,
	U_ITERATIONS,
	U_TYPE,
	U_MODEL,
};

static const struct wire_word usage_fields[] = {
    WIRE_WORD("input_tokens", U_INPUT),
    WIRE_WORD("output_tokens", U_OUTPUT),
    WIRE_WORD("cache_read_input_tokens", U_CACHE_READ),
    WIRE_WORD("cache_creation_input_tokens", U_CACHE_WRITE),
    WIRE_WORD("cache_creation", U_SPLIT),
    WIRE_WORD("output_tokens_details", U_OUTPUT_DETAILS),
    WIRE_WORD("server_tool_use", U_SERVER_TOOLS),
    WIRE_WORD("service_tier", U_TIER),
    WIRE_WORD("speed", U_SPEED),
    WIRE_WORD("inference_geo", U_REGION),
    WIRE_WORD("iterations", U_ITERATIONS),
    WIRE_WORD("type", U_TYPE),
    WIRE_WORD("model", U_MODEL),
};
/* Inside cache_creation, output_tokens_details and server_tool_use. */
static const struct wire_word usage_detail_fields[] = {
    WIRE_WORD("ephemeral_5m_input_tokens", U_5M),
    WIRE_WORD("ephemeral_1h_input_tokens", U_1H),
    WIRE_WORD("thinking_tokens", U_THINKING),
    WIRE_WORD("web_search_requests", U_SEARCHES),
};

enum { IT_MESSAGE, IT_FALLBACK, IT_COMPACTION, IT_ADVISOR };
static const struct wire_word iteration_types[] = {
    WIRE_WORD("message", IT_MESSAGE),
    WIRE_WORD("fallback_message", IT_FALLBACK),
    WIRE_WORD("compaction", IT_COMPACTION),
    WIRE_WORD("advisor_message", IT_ADVISOR),
};

/* One usage object: the answer's own, or that of one iteration. */
struct usage_reading {
	struct usage *u;
	struct answer *a;          /* whose tier, speed and region are set; NULL in an iteration */
	int64_t written, w5m, w1h; /* tokens; TOKENS_ABSENT when not in this object */
	bool output;               /* it has output_tokens */
	slice iterations;
	int type; /* of an iteration; WIRE_NONE when unknown */
	struct name model;
};

static void read_usage_field(struct json *j, int id, void *arg)
{
	struct usage_reading *r = arg;
	struct name unused;
	int64_t output = TOKENS_ABSENT;
	switch (id) {
	case U_INPUT:
		wire_count(j, &r->u->m[METER_INPUT]);
		break;
	case U_OUTPUT:
		wire_count(j, &output);
		r->output = output >= 0;
		if (r->output)
			r->u->m[METER_OUTPUT] = output;
		break;
	case U_CACHE_READ:
		wire_count(j, &r->u->m[METER_CACHE_READ]);
		break;
	case U_CACHE_WRITE:
		wire_count(j, &r->written);
		break;
	case U_5M:
		wire_count(j, &r->w5m);
		break;
	case U_1H:
		wire_count(j, &r->w1h);
		break;
	case U_THINKING:
		wire_count(j, &r->u->m[METER_REASONING]);
		break;
	case U_SEARCHES:
		wire_count(j, &r->u->m[METER_WEB_SEARCHES]);
		break;
	case U_SPLIT:
	case U_OUTPUT_DETAILS:
	case U_SERVER_TOOLS:
		wire_object(j, WIRE_WORDS(usage_detail_fields), read_usage_field, r);
		break;
	case U_TIER:
		wire_name(j, r->a ? &r->a->service_tier : &unused);
		break;
	case U_SPEED:
		wire_name(j, r->a ? &r->a->speed : &unused);
		break;
	case U_REGION:
		wire_name(j, r->a ? &r->a->region : &unused);
		break;
	case U_TYPE:
		r->type = wire_read_word(j, WIRE_WORDS(iteration_types));
		break;
	case U_MODEL:
		wire_name(j, &r->model);
		break;
	default:
		json_skip(j, r->a ? &r->iterations : NULL);
	}
}

/* Books cache writes. The split is used when it was given; what the total has beyond it, and a total alone,
 * goes to the five minute meter. A total that comes after the split (message_delta) leaves the hour's share
 * known from before. */
static void book_cache_writes(const struct usage_reading *r)
{
	int64_t *w5m = &r->u->m[METER_CACHE_WRITE_5M], *w1h = &r->u->m[METER_CACHE_WRITE_1H];
	if (r->w1h >= 0)
		*w1h = r->w1h;
	if (r->w5m >= 0)
		*w5m = r->w5m;
	if (r->written < 0)
		return;
	if (r->w5m < 0 && r->w1h < 0 && *w1h > r->written)
		*w1h = r->written;
	int64_t rest = r->written - (*w1h > 0 ? *w1h : 0);
	if (r->w5m < rest)
		*w5m = rest > 0 ? rest : 0;
}

static struct usage_reading usage_reading(struct usage *u, struct answer *a)
{
	return (struct usage_reading){.u = u,
	                              .a = a,
	                              .written = TOKENS_ABSENT,
	                              .w5m = TOKENS_ABSENT,
	                              .w1h = TOKENS_ABSENT,
	                              .type = WIRE_NONE};
}

/* --- iterations -------------------------------------------------------------------------------------- */

struct iterations {
	struct answer *a;
	bool classify;     /* second walk */
	bool served_named; /* an iteration is known to be of the model that served */
	int64_t w5m, w1h;  /* cache writes of the iterations the top-level usage covers */
};

static bool same_name(const struct name *a, const struct name *b)
{
	return slice_eq(name_get(a), name_get(b));
}

/* The top-level usage holds this iteration. */
static bool is_covered(const struct iterations *its, const struct usage_reading *it)
{
	if (it->type == IT_COMPACTION || it->type == IT_ADVISOR)
		return false;
	return it->type == IT_FALLBACK || !it->model.n || !its->served_named ||
	       same_name(&it->model, &its->a->model);
}

static void add_part(struct answer *a, const struct usage_reading *it)
{
	if (a->parts_n == USAGE_PARTS_MAX) {
		a->parts_lost = true;
		return;
	}
	struct usage_part *p = &a->parts[a->parts_n++];
	p->model = it->model.n ? it->model : a->model;
	p->usage = *it->u;
}

static void read_iteration(struct json *j, int index, void *arg)
{
	struct iterations *its = arg;
	struct usage u;
	usage_clear(&u);
	struct usage_reading it = usage_reading(&u, NULL);
	(void)index;
	wire_object(j, WIRE_WORDS(usage_fields), read_usage_field, &it);
	book_cache_writes(&it);
	if (!its->classify) {
		if (it.type == IT_FALLBACK && it.model.n)
			its->a->model = it.model;
		if (it.type == IT_FALLBACK || (it.type == IT_MESSAGE && same_name(&it.model, &its->a->model)))
			its->served_named = true;
	} else if (is_covered(its, &it)) {
		its->w5m = num_sat_add_i64(its->w5m, num_max_i64(it.w5m, 0));
		its->w1h = num_sat_add_i64(its->w1h, num_max_i64(it.w1h, 0));
	} else {
		add_part(its->a, &it);
	}
}

/* The list is cumulative too: what an earlier one said is replaced. */
static void read_iterations(struct answer *a, const struct usage_reading *top)
{
	struct iterations its = {.a = a};
	struct json j;
	a->parts_n = 0;
	a->parts_lost = false;
	json_init(&j, top->iterations);
	wire_array(&j, read_iteration, &its);
	its.classify = true;
	json_init(&j, top->iterations);
	wire_array(&j, read_iteration, &its);
	/* message_delta has no split of its own; message_start's may be of an attempt that was declined later
	 */
	if (top->w5m < 0 && top->w1h < 0 && top->written >= 0 &&
	    num_sat_add_i64(its.w5m, its.w1h) == top->written) {
		a->usage.m[METER_CACHE_WRITE_5M] = its.w5m;
		a->usage.m[METER_CACHE_WRITE_1H] = its.w1h;
	}
}

/* --- answers and events ------------------------------------------------------------------------------ */

enum { T_MESSAGE, T_ERROR, T_DELTA, T_STOP };
static const struct wire_word body_types[] = {
    WIRE_WORD("message", T_MESSAGE),
    WIRE_WORD("error", T_ERROR),
    WIRE_WORD("message_delta", T_DELTA),
    WIRE_WORD("message_stop", T_STOP),
};

enum { F_TYPE, F_ID, F_MODEL, F_STOP_REASON, F_USAGE, F_CONTENT, F_ERROR, F_MESSAGE, F_FIELD_DELTA, F_BLOCK };
/* Of a message. */
static const struct wire_word message_answer_fields[] = {
    WIRE_WORD("type", F_TYPE),   WIRE_WORD("id", F_ID),           WIRE_WORD("model", F_MODEL),
    WIRE_WORD("error", F_ERROR), WIRE_WORD("content", F_CONTENT), WIRE_WORD("stop_reason", F_STOP_REASON),
    WIRE_WORD("usage", F_USAGE),
};
/* Of an event's data. */
static const struct wire_word event_fields[] = {
    WIRE_WORD("type", F_TYPE),   WIRE_WORD("delta", F_FIELD_DELTA), WIRE_WORD("content_block", F_BLOCK),
    WIRE_WORD("usage", F_USAGE), WIRE_WORD("message", F_MESSAGE),   WIRE_WORD("error", F_ERROR),
};

struct answer_reading {
	struct answer *a;
	int type; /* of body_types */
	struct usage_reading usage;
};

enum { D_TEXT, D_THINKING, D_TOOL, D_INPUT, D_STOP_REASON, D_TYPE, D_TO, D_MODEL };
static const struct wire_word delta_fields[] = {
    WIRE_WORD("text", D_TEXT),
    WIRE_WORD("thinking", D_THINKING),
    WIRE_WORD("partial_json", D_TOOL),
    WIRE_WORD("content", D_TEXT), /* compaction_delta */
    WIRE_WORD("stop_reason", D_STOP_REASON),
};
static const struct wire_word content_fields[] = {
    WIRE_WORD("type", D_TYPE),     WIRE_WORD("text", D_TEXT),    WIRE_WORD("thinking", D_THINKING),
    WIRE_WORD("data", D_THINKING),                               /* redacted_thinking */
    WIRE_WORD("input", D_INPUT),   WIRE_WORD("content", D_TEXT), /* compaction; results are no strings */
    WIRE_WORD("to", D_TO),                                       /* fallback */
};
enum { BLOCK_TOOL, BLOCK_SERVER_TOOL };
static const struct wire_word block_types[] = {
    WIRE_WORD("tool_use", BLOCK_TOOL),
    WIRE_WORD("server_tool_use", BLOCK_SERVER_TOOL),
    WIRE_WORD("mcp_tool_use", BLOCK_SERVER_TOOL),
};

static void read_content_field(struct json *j, int id, void *arg)
{
	static const struct wire_word to_fields[] = {WIRE_WORD("model", D_MODEL)};
	struct answer *a = arg;
	slice raw = SLICE_NONE;
	int type;
	switch (id) {
	case D_TEXT:
		wire_said(j, a, SAID_TEXT);
		break;
	case D_THINKING:
		wire_said(j, a, SAID_THINKING);
		break;
	case D_TOOL:
		wire_said(j, a, SAID_ARGUMENTS);
		break;
	case D_INPUT: /* {} when it comes in deltas */
		if (json_skip(j, &raw) && raw.n > 2)
			answer_said(a, SAID_ARGUMENTS, raw);
		break;
	case D_STOP_REASON:
		wire_name(j, &a->stop_reason);
		break;
	case D_TYPE:
		type = wire_read_word(j, WIRE_WORDS(block_types));
		a->tool_calls += type == BLOCK_TOOL;
		a->server_tool_calls += type == BLOCK_SERVER_TOOL;
		break;
	case D_TO:
		wire_object(j, WIRE_WORDS(to_fields), read_content_field, a);
		break;
	default:
		wire_name(j, &a->model);
	}
}

static void read_content(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(content_fields), read_content_field, arg);
}

static void read_error_type(struct json *j, int id, void *arg)
{
	struct answer *a = arg;
	(void)id;
	wire_name(j, &a->error_type);
}

static void read_answer_field(struct json *j, int id, void *arg)
{
	static const struct wire_word error_fields[] = {WIRE_WORD("type", 0)};
	struct answer_reading *r = arg;
	switch (id) {
	case F_TYPE:
		r->type = wire_read_word(j, WIRE_WORDS(body_types));
		break;
	case F_ID:
		wire_name(j, &r->a->id);
		break;
	case F_MODEL:
		wire_name(j, &r->a->model);
		break;
	case F_STOP_REASON:
		wire_name(j, &r->a->stop_reason);
		break;
	case F_USAGE:
		wire_object(j, WIRE_WORDS(usage_fields), read_usage_field, &r->usage);
		break;
	case F_CONTENT:
		wire_array(j, read_content, r->a);
		break;
	case F_MESSAGE:
		wire_object(j, WIRE_WORDS(message_answer_fields), read_answer_field, r);
		break;
	case F_FIELD_DELTA:
		wire_object(j, WIRE_WORDS(delta_fields), read_content_field, r->a);
		break;
	case F_BLOCK:
		wire_object(j, WIRE_WORDS(content_fields), read_content_field, r->a);
		break;
	default:
		wire_object(j, WIRE_WORDS(error_fields), read_error_type, r->a);
	}
}

/* True when data was one whole JSON object. */
static bool read_answer(slice data, struct wire_words fields, struct answer_reading *r)
{
	struct json j;
	json_init(&j, data);
	wire_object(&j, fields, read_answer_field, r);
	book_cache_writes(&r->usage);
	if (r->usage.iterations.n)
		read_iterations(r->a, &r->usage);
	return json_end(&j);
}

static struct answer_reading answer_reading(struct answer *a)
{
	return (struct answer_reading){.a = a, .type = WIRE_NONE, .usage = usage_reading(&a->usage, a)};
}

static void answer(slice body, struct answer *a)
{
	struct answer_reading r = answer_reading(a);
	if (!read_answer(body, WIRE_WORDS(message_answer_fields), &r))
		return;
	a->error = r.type == T_ERROR;
	a->ended = r.type == T_MESSAGE;
	a->has_usage = r.usage.output && a->usage.m[METER_INPUT] >= 0;
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
	(void)v;
	(void)edits;
	if (!e->has_data)
		return EVENT_PASS;
	/* message_start's own type, message, is read last into r.type unless the event's stands behind it:
	 * neither is one that is asked for below */
	struct answer_reading r = answer_reading(a);
	read_answer(e->data, WIRE_WORDS(event_fields), &r);
	if (r.type == T_DELTA && r.usage.output)
		a->has_usage = true;
	if (r.type == T_STOP)
		a->ended = true;
	if (r.type == T_ERROR)
		a->error = true;
	return EVENT_PASS;
}

/* --- refusals ---------------------------------------------------------------------------------------- */

/* platform.claude.com/docs/en/api/errors */
static const struct wire_status error_types[] = {
    {400, {"invalid_request_error", 21}}, {401, {"authentication_error", 20}},
    {402, {"billing_error", 13}},         {403, {"permission_error", 16}},
    {404, {"not_found_error", 15}},       {413, {"request_too_large", 17}},
    {429, {"rate_limit_error", 16}},      {503, {"overloaded_error", 16}},
    {504, {"timeout_error", 13}},         {529, {"overloaded_error", 16}},
};

static slice error_type(int status)
{
	return wire_status_text(error_types, sizeof error_types / sizeof error_types[0], status,
	                        status < 500 ? SLICE("invalid_request_error") : SLICE("api_error"));
}

static int refusal(const struct refusal_text *r, struct buf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("type"), SLICE("error"));
	jsonw_key(&w, SLICE("error"));
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("type"), error_type(r->status));
	jsonw_put_string(&w, SLICE("message"), r->message);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

const struct codec_ops codec_anthropic = {
    .name = "anthropic",
    .advise = codec_advise_anthropic,
    .request = codec_anthropic_request,
    .items = codec_anthropic_items,
    .answer = answer,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .follow = codec_anthropic_follow,
    .cut = codec_anthropic_cut,
    .refusal = refusal,
};

const struct codec_ops codec_anthropic_count = {
    .name = "anthropic count_tokens",
    .request = codec_anthropic_request,
    .items = codec_anthropic_items,
    .answer = answer_unmetered,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};

const struct codec_ops codec_anthropic_models = {
    .name = "anthropic models",
    .request = codec_request_nothing,
    .answer = answer_unmetered,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};
