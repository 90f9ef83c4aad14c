/* OpenAI's Responses (platform.openai.com/docs/api-reference/responses), /responses/compact too.
 *
 * Usage comes with the whole response: in the body, or in the last event of a stream (response.completed,
 * .incomplete or .failed). input_tokens includes what was read from and written to the cache, output_tokens
 * includes reasoning. Hosted tools are billed by call and not in usage: they are counted from the items of
 * the output, a web search only when its action is a search, opening a page being free
 * (platform.openai.com/docs/guides/tools-web-search). */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"
#include "text/jsonw.h"

/* --- usage -----------------------------------------------------------------------------------------------
 */

enum {
	U_INPUT,
	U_OUTPUT,
	U_CACHED,
	U_CACHE_WRITE,
	U_AUDIO_IN,
	U_REASONING,
	U_N,
	U_INPUT_DETAILS,
	U_OUTPUT_DETAILS
};
static const struct wire_word usage_fields[] = {
    WIRE_WORD("input_tokens", U_INPUT),
    WIRE_WORD("output_tokens", U_OUTPUT),
    WIRE_WORD("input_tokens_details", U_INPUT_DETAILS),
    WIRE_WORD("output_tokens_details", U_OUTPUT_DETAILS),
};
/* Inside both details. */
static const struct wire_word detail_fields[] = {
    WIRE_WORD("cached_tokens", U_CACHED),
    WIRE_WORD("cache_write_tokens", U_CACHE_WRITE),
    WIRE_WORD("audio_tokens", U_AUDIO_IN),
    WIRE_WORD("reasoning_tokens", U_REASONING),
};

static void read_usage_field(struct json *j, int id, void *arg)
{
	int64_t *n = arg;
	if (id == U_INPUT_DETAILS || id == U_OUTPUT_DETAILS)
		wire_object(j, WIRE_WORDS(detail_fields), read_usage_field, n);
	else
		wire_count(j, &n[id]);
}

/* Takes up to part off *whole; an absent part takes nothing. */
static void take(int64_t *whole, int64_t part)
{
	int64_t taken = num_min_i64(part, *whole);
	*whole -= taken > 0 ? taken : 0;
}

static void read_usage(struct json *j, struct answer *a)
{
	int64_t n[U_N];
	for (int i = 0; i < U_N; i++)
		n[i] = TOKENS_ABSENT;
	wire_object(j, WIRE_WORDS(usage_fields), read_usage_field, n);
	if (n[U_INPUT] < 0 || n[U_OUTPUT] < 0)
		return;
	struct usage *u = &a->usage;
	u->m[METER_CACHE_READ] = n[U_CACHED];
	u->m[METER_CACHE_WRITE_5M] = n[U_CACHE_WRITE];
	u->m[METER_INPUT_AUDIO] = n[U_AUDIO_IN];
	u->m[METER_OUTPUT] = n[U_OUTPUT];
	u->m[METER_REASONING] = n[U_REASONING];
	take(&n[U_INPUT], n[U_CACHED]);
	take(&n[U_INPUT], n[U_CACHE_WRITE]);
	take(&n[U_INPUT], n[U_AUDIO_IN]);
	u->m[METER_INPUT] = n[U_INPUT];
	a->has_usage = true;
}

/* --- items of the output ---------------------------------------------------------------------------------
 */

enum { IT_CALL, IT_SEARCH, IT_FILES, IT_CODE, IT_HOSTED, IT_FREE, IT_REASONING };
static const struct wire_word item_types[] = {
    WIRE_WORD("function_call", IT_CALL),
    WIRE_WORD("custom_tool_call", IT_CALL),
    WIRE_WORD("local_shell_call", IT_CALL),
    WIRE_WORD("shell_call", IT_CALL),
    WIRE_WORD("apply_patch_call", IT_CALL),
    WIRE_WORD("computer_call", IT_CALL),
    WIRE_WORD("web_search_call", IT_SEARCH),
    WIRE_WORD("file_search_call", IT_FILES),
    WIRE_WORD("code_interpreter_call", IT_CODE),
    WIRE_WORD("image_generation_call", IT_HOSTED),
    WIRE_WORD("mcp_call", IT_FREE),
    WIRE_WORD("tool_search_call", IT_FREE),
    WIRE_WORD("reasoning", IT_REASONING),
};

enum { I_TYPE, I_ACTION, I_PARTS, I_TEXT, I_ARGUMENTS, I_CONTAINER };
static const struct wire_word item_fields[] = {
    WIRE_WORD("type", I_TYPE),       WIRE_WORD("action", I_ACTION),
    WIRE_WORD("content", I_PARTS),   WIRE_WORD("summary", I_PARTS),
    WIRE_WORD("code", I_ARGUMENTS),  WIRE_WORD("arguments", I_ARGUMENTS),
    WIRE_WORD("input", I_ARGUMENTS), WIRE_WORD("container_id", I_CONTAINER),
};
static const struct wire_word part_fields[] = {
    WIRE_WORD("text", I_TEXT),
    WIRE_WORD("refusal", I_TEXT),
};

struct item_reading {
	int type;
	bool searched;  /* the action is a search, or not told */
	slice parts[2]; /* content and summary, arrays */
	json_str arguments;
	uint64_t container; /* hash of the container's id; 0: not told */
};

static void read_action(struct json *j, int id, void *arg)
{
	static const struct wire_word actions[] = {WIRE_WORD("search", 1)};
	struct item_reading *it = arg;
	(void)id;
	it->searched = wire_read_word(j, WIRE_WORDS(actions)) == 1;
}

/* FNV-1a of a string's characters as they stand; 0 when it is none. */
static uint64_t read_hash(struct json *j)
{
	json_str s;
	uint64_t h = UINT64_C(14695981039346656037);
	if (!json_opt_string(j, &s) || s.raw.n == 0)
		return 0;
	for (size_t i = 0; i < s.raw.n; i++)
		h = (h ^ (unsigned char)s.raw.p[i]) * UINT64_C(1099511628211);
	return h ? h : 1;
}

static void read_item_field(struct json *j, int id, void *arg)
{
	static const struct wire_word type[] = {WIRE_WORD("type", 0)};
	struct item_reading *it = arg;
	switch (id) {
	case I_TYPE:
		it->type = wire_read_word(j, WIRE_WORDS(item_types));
		break;
	case I_ACTION:
		wire_object(j, WIRE_WORDS(type), read_action, it);
		break;
	case I_PARTS:
		json_skip(j, it->parts[0].n ? &it->parts[1] : &it->parts[0]);
		break;
	case I_CONTAINER:
		it->container = read_hash(j);
		break;
	default:
		json_opt_string(j, &it->arguments);
	}
}

static void add_call(struct usage *u, enum meter m)
{
	u->m[m] = u->m[m] < 0 ? 1 : u->m[m] + 1;
}

/* A container is billed once, however often it is used. */
static void count_container(struct answer *a, uint64_t hash)
{
	for (size_t i = 0; hash && i < ANSWER_CONTAINERS; i++) {
		if (a->containers[i] == hash)
			return;
		if (a->containers[i] == 0) {
			a->containers[i] = hash;
			break;
		}
	}
	add_call(&a->usage, METER_CODE_SESSIONS);
}

static bool is_hosted(int type)
{
	return type == IT_SEARCH || type == IT_FILES || type == IT_CODE || type == IT_HOSTED ||
	       type == IT_FREE;
}

struct part_reading {
	struct answer *a;
	enum said_kind kind;
};

static void read_text(struct json *j, int id, void *arg)
{
	struct part_reading *p = arg;
	(void)id;
	wire_said(j, p->a, p->kind);
}

static void read_part(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(part_fields), read_text, arg);
}

/* An item's own words, its type being known. */
static void hear_item(struct answer *a, const struct item_reading *it)
{
	struct part_reading p = {a, it->type == IT_REASONING ? SAID_THINKING : SAID_TEXT};
	for (int i = 0; i < 2; i++) {
		struct json j;
		json_init(&j, it->parts[i]);
		if (it->parts[i].n)
			wire_array(&j, read_part, &p);
	}
	answer_said(a, SAID_ARGUMENTS, it->arguments.raw);
}

static void count_item(struct answer *a, const struct item_reading *it)
{
	a->tool_calls += it->type == IT_CALL;
	a->server_tool_calls += is_hosted(it->type);
	if (it->type == IT_SEARCH && it->searched)
		add_call(&a->usage, METER_WEB_SEARCHES);
	if (it->type == IT_FILES)
		add_call(&a->usage, METER_FILE_SEARCHES);
	if (it->type == IT_CODE)
		count_container(a, it->container);
	if (it->type == IT_HOSTED)
		add_call(&a->usage, METER_HOSTED_TOOL_CALLS);
}

static void read_item(struct json *j, int index, void *arg)
{
	struct item_reading it = {.type = WIRE_NONE, .searched = true};
	(void)index;
	wire_object(j, WIRE_WORDS(item_fields), read_item_field, &it);
	count_item(arg, &it);
	hear_item(arg, &it);
}

/* The output of a whole response. In a stream's last event it repeats what passed, and its word on calls
 * holds; some servers leave it empty there, and then what was counted stays. */
static void read_output(struct json *j, struct answer *a)
{
	struct answer seen;
	bool heard = a->text_bytes || a->thinking_bytes || a->tool_bytes;
	answer_init(&seen);
	seen.said = heard ? NULL : a->said;
	seen.said_arg = a->said_arg;
	if (wire_array(j, read_item, &seen) == 0)
		return;
	a->tool_calls = seen.tool_calls;
	a->server_tool_calls = seen.server_tool_calls;
	static const enum meter calls[] = {METER_WEB_SEARCHES, METER_FILE_SEARCHES, METER_CODE_SESSIONS,
	                                   METER_HOSTED_TOOL_CALLS};
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		a->usage.m[calls[i]] = seen.usage.m[calls[i]];
	if (!heard) {
		a->text_bytes = seen.text_bytes;
		a->thinking_bytes = seen.thinking_bytes;
		a->tool_bytes = seen.tool_bytes;
	}
}

/* --- the response and its events -------------------------------------------------------------------------
 */

enum {
	F_ID,
	F_MODEL,
	F_STATUS,
	F_TIER,
	F_USAGE,
	F_OUTPUT,
	F_INCOMPLETE,
	F_REASON,
	F_ERROR,
	F_CODE,
	F_ERROR_TYPE
};
static const struct wire_word response_fields[] = {
    WIRE_WORD("id", F_ID),
    WIRE_WORD("model", F_MODEL),
    WIRE_WORD("status", F_STATUS),
    WIRE_WORD("service_tier", F_TIER),
    WIRE_WORD("usage", F_USAGE),
    WIRE_WORD("output", F_OUTPUT),
    WIRE_WORD("incomplete_details", F_INCOMPLETE),
    WIRE_WORD("error", F_ERROR),
};
static const struct wire_word reason_fields[] = {WIRE_WORD("reason", F_REASON)};
static const struct wire_word error_fields[] = {
    WIRE_WORD("code", F_CODE),
    WIRE_WORD("type", F_ERROR_TYPE),
};

struct response_reading {
	struct answer *a;
	struct name status;
	struct name reason; /* why it is incomplete */
	bool output;        /* it has one */
};

static void read_response_field(struct json *j, int id, void *arg)
{
	struct response_reading *r = arg;
	struct answer *a = r->a;
	switch (id) {
	case F_ID:
		wire_name(j, &a->id);
		break;
	case F_MODEL:
		wire_name(j, &a->model);
		break;
	case F_STATUS:
		wire_name(j, &r->status);
		break;
	case F_TIER:
		wire_name(j, &a->service_tier);
		break;
	case F_USAGE:
		read_usage(j, a);
		break;
	case F_OUTPUT:
		r->output = json_peek(j) == JSON_ARRAY;
		read_output(j, a);
		break;
	case F_INCOMPLETE:
		wire_object(j, WIRE_WORDS(reason_fields), read_response_field, r);
		break;
	case F_REASON:
		wire_name(j, &r->reason);
		break;
	case F_ERROR:
		a->error = a->error || json_peek(j) != JSON_NULL;
		wire_object(j, WIRE_WORDS(error_fields), read_response_field, r);
		break;
	case F_CODE:
		wire_name(j, &a->error_type);
		break;
	default: /* the code says more than the type */
		if (a->error_type.n)
			json_skip(j, NULL);
		else
			wire_name(j, &a->error_type);
	}
}

static void read_response(struct json *j, struct response_reading *r)
{
	wire_object(j, WIRE_WORDS(response_fields), read_response_field, r);
	bool running = slice_eq(name_get(&r->status), SLICE("in_progress")) ||
	               slice_eq(name_get(&r->status), SLICE("queued"));
	if (r->reason.n)
		r->a->stop_reason = r->reason;
	else if (r->status.n && !running)
		r->a->stop_reason = r->status;
}

static void answer(slice body, struct answer *a)
{
	struct response_reading r = {.a = a};
	struct json j;
	json_init(&j, body);
	read_response(&j, &r);
	a->ended = json_end(&j) && r.output;
}

enum { E_FINAL, E_ITEM, E_TEXT, E_THINKING, E_TOOL, E_ERROR };
static const struct wire_word event_types[] = {
    WIRE_WORD("response.output_text.delta", E_TEXT),
    WIRE_WORD("response.refusal.delta", E_TEXT),
    WIRE_WORD("response.reasoning_text.delta", E_THINKING),
    WIRE_WORD("response.reasoning_summary_text.delta", E_THINKING),
    WIRE_WORD("response.function_call_arguments.delta", E_TOOL),
    WIRE_WORD("response.custom_tool_call_input.delta", E_TOOL),
    WIRE_WORD("response.mcp_call_arguments.delta", E_TOOL),
    WIRE_WORD("response.code_interpreter_call_code.delta", E_TOOL),
    WIRE_WORD("response.output_item.done", E_ITEM),
    WIRE_WORD("response.completed", E_FINAL),
    WIRE_WORD("response.incomplete", E_FINAL),
    WIRE_WORD("response.failed", E_FINAL),
    WIRE_WORD("error", E_ERROR),
};

enum { V_TYPE, V_RESPONSE, V_ITEM, V_DELTA, V_ERROR, V_CODE };
static const struct wire_word event_fields[] = {
    WIRE_WORD("type", V_TYPE),   WIRE_WORD("response", V_RESPONSE), WIRE_WORD("item", V_ITEM),
    WIRE_WORD("delta", V_DELTA), WIRE_WORD("error", V_ERROR),       WIRE_WORD("code", V_CODE),
};

struct event_reading {
	struct response_reading response;
	int type;
	json_str delta;
	struct item_reading item;
	struct name code;
};

static void read_event_field(struct json *j, int id, void *arg)
{
	struct event_reading *e = arg;
	switch (id) {
	case V_TYPE:
		e->type = wire_read_word(j, WIRE_WORDS(event_types));
		break;
	case V_RESPONSE:
		read_response(j, &e->response);
		break;
	case V_ITEM:
		wire_object(j, WIRE_WORDS(item_fields), read_item_field, &e->item);
		break;
	case V_DELTA:
		json_opt_string(j, &e->delta);
		break;
	case V_ERROR:
		wire_object(j, WIRE_WORDS(error_fields), read_response_field, &e->response);
		break;
	default:
		wire_name(j, &e->code);
	}
}

static void apply_event(struct answer *a, struct event_reading *e)
{
	switch (e->type) {
	case E_TEXT:
		answer_said(a, SAID_TEXT, e->delta.raw);
		break;
	case E_THINKING:
		answer_said(a, SAID_THINKING, e->delta.raw);
		break;
	case E_TOOL:
		answer_said(a, SAID_ARGUMENTS, e->delta.raw);
		break;
	case E_ITEM: /* its text passed as deltas */
		count_item(a, &e->item);
		break;
	case E_FINAL:
		a->ended = true;
		break;
	case E_ERROR:
		a->error = true;
		if (e->code.n)
			a->error_type = e->code;
		break;
	default:
		break;
	}
}

static enum event_action event(const struct sse_event *e, const struct request_view *v, struct answer *a,
                               struct json_edits *edits)
{
	struct event_reading r = {
	    .response = {.a = a}, .type = WIRE_NONE, .item = {.type = WIRE_NONE, .searched = true}};
	struct json j;
	(void)v;
	(void)edits;
	if (!e->has_data)
		return EVENT_PASS;
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(event_fields), read_event_field, &r);
	if (json_end(&j))
		apply_event(a, &r);
	return EVENT_PASS;
}

/* --- refusals --------------------------------------------------------------------------------------------
 */

static int refusal(const struct refusal_text *r, struct buf *out)
{
	return wire_openai_error(r->status, r->kind, r->message, out);
}

const struct codec_ops codec_openai_responses = {
    .name = "openai responses",
    .advise = codec_advise_responses,
    .request = codec_openai_responses_request,
    .items = codec_openai_responses_items,
    .answer = answer,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .follow = codec_openai_responses_follow,
    .cut = codec_openai_responses_cut,
    .refusal = refusal,
};
