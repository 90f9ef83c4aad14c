/* Gemini's Interactions (ai.google.dev/gemini-api/docs/interactions): whole, or streamed as SSE whose last
 * event has the interaction with its usage.
 *
 * total_input_tokens includes total_cached_tokens; what tools brought in (total_tool_use_tokens) comes on
 * top, and thoughts (total_thought_tokens) are output beside total_output_tokens. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"

/* --- requests ------------------------------------------------------------------------------------------ */

enum { R_MODEL, R_INPUT, R_SYSTEM, R_TOOLS, R_CONFIG, R_STREAM, R_PREVIOUS, R_TIER, C_LIMIT, C_LEVEL };
static const struct wire_word request_fields[] = {
    WIRE_WORD("model", R_MODEL),
    WIRE_WORD("input", R_INPUT),
    WIRE_WORD("system_instruction", R_SYSTEM),
    WIRE_WORD("tools", R_TOOLS),
    WIRE_WORD("generation_config", R_CONFIG),
    WIRE_WORD("stream", R_STREAM),
    WIRE_WORD("previous_interaction_id", R_PREVIOUS),
    WIRE_WORD("service_tier", R_TIER),
};
static const struct wire_word config_fields[] = {
    WIRE_WORD("max_output_tokens", C_LIMIT),
    WIRE_WORD("thinking_level", C_LEVEL),
};

struct reading {
	struct request_view *v;
	struct arena *mem;
};

static void read_element(struct json *j, int index, void *arg)
{
	(void)index;
	(void)arg;
	json_skip(j, NULL);
}

/* Anything but a function runs at the provider, and what it finds is billed as input. */
static void read_tool_type(struct json *j, int id, void *arg)
{
	static const struct wire_word clients[] = {WIRE_WORD("function", 1), WIRE_WORD("computer_use", 1)};
	struct request_view *v = arg;
	(void)id;
	if (wire_read_word(j, WIRE_WORDS(clients)) != 1)
		v->hidden_input = true;
}

static void read_tool(struct json *j, int index, void *arg)
{
	static const struct wire_word type[] = {WIRE_WORD("type", 0)};
	(void)index;
	wire_object(j, WIRE_WORDS(type), read_tool_type, arg);
}

static void read_request_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	struct request_view *v = r->v;
	switch (id) {
	case R_MODEL:
		wire_model(j, v, r->mem);
		break;
	case R_INPUT:
		if (json_peek(j) == JSON_ARRAY) {
			v->message_count = wire_elements(j, &v->messages, read_element, NULL);
		} else {
			wire_range(j, &v->messages);
			v->message_count = 1;
		}
		break;
	case R_SYSTEM:
		wire_range(j, &v->system);
		break;
	case R_TOOLS:
		v->tool_count = wire_elements(j, &v->tools, read_tool, v);
		break;
	case R_CONFIG:
		wire_object_once(j, WIRE_WORDS(config_fields), read_request_field, r);
		break;
	case R_STREAM:
		json_opt_bool(j, &v->stream);
		break;
	case R_PREVIOUS:
		v->hidden_input = v->hidden_input || json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
		break;
	case R_TIER:
		wire_text(j, r->mem, &v->service_tier);
		break;
	case C_LIMIT:
		wire_limit(j, v);
		break;
	default:
		wire_text(j, r->mem, &v->effort);
	}
}

static int request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                   struct error *e)
{
	struct reading r = {.v = out, .mem = mem};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc)
		return rc;
	/* a file or a page that is named, not sent */
	out->hidden_input = out->hidden_input || slice_find(out->messages, SLICE("\"uri\"")) >= 0;
	return out->model.n ? 0 : wire_no_model(e);
}

/* --- usage --------------------------------------------------------------------------------------------- */

enum { U_INPUT, U_CACHED, U_OUTPUT, U_THOUGHT, U_TOOLS, U_N, U_IN_BY, U_OUT_BY, U_MODALITY, U_TOKENS };
static const struct wire_word usage_fields[] = {
    WIRE_WORD("total_input_tokens", U_INPUT),       WIRE_WORD("total_cached_tokens", U_CACHED),
    WIRE_WORD("total_output_tokens", U_OUTPUT),     WIRE_WORD("total_thought_tokens", U_THOUGHT),
    WIRE_WORD("total_reasoning_tokens", U_THOUGHT), WIRE_WORD("total_tool_use_tokens", U_TOOLS),
    WIRE_WORD("input_tokens_by_modality", U_IN_BY), WIRE_WORD("output_tokens_by_modality", U_OUT_BY),
};
static const struct wire_word modality_fields[] = {
    WIRE_WORD("modality", U_MODALITY),
    WIRE_WORD("tokens", U_TOKENS),
};
enum { MOD_OTHER, MOD_IMAGE, MOD_AUDIO, MOD_N };
static const struct wire_word modalities[] = {WIRE_WORD("image", MOD_IMAGE), WIRE_WORD("audio", MOD_AUDIO)};

struct usage_reading {
	int64_t n[U_N];
	int64_t by[2][MOD_N]; /* input, output; TOKENS_ABSENT when not reported */
	int side, modality;
	int64_t tokens;
};

static void read_modality_field(struct json *j, int id, void *arg)
{
	struct usage_reading *u = arg;
	if (id == U_TOKENS) {
		wire_count(j, &u->tokens);
		return;
	}
	int word = wire_read_word(j, WIRE_WORDS(modalities));
	u->modality = word == WIRE_NONE ? MOD_OTHER : word;
}

static void read_modality(struct json *j, int index, void *arg)
{
	struct usage_reading *u = arg;
	(void)index;
	u->modality = MOD_OTHER;
	u->tokens = 0;
	wire_object(j, WIRE_WORDS(modality_fields), read_modality_field, u);
	int64_t *sum = &u->by[u->side][u->modality];
	*sum = num_sat_add_i64(num_max_i64(*sum, 0), u->tokens);
}

static void read_usage_field(struct json *j, int id, void *arg)
{
	struct usage_reading *u = arg;
	if (id < U_N) {
		wire_count(j, &u->n[id]);
		return;
	}
	u->side = id == U_OUT_BY;
	wire_array(j, read_modality, u);
}

/* Takes up to part off *whole and returns what was taken; an absent part stays absent. */
static int64_t take(int64_t *whole, int64_t part)
{
	int64_t taken = num_min_i64(part, *whole);
	*whole -= taken > 0 ? taken : 0;
	return taken;
}

static void read_usage(struct json *j, struct answer *a)
{
	struct usage_reading u;
	int64_t *m = a->usage.m;
	for (int i = 0; i < U_N; i++)
		u.n[i] = TOKENS_ABSENT;
	for (int i = 0; i < 2 * MOD_N; i++)
		u.by[i / MOD_N][i % MOD_N] = TOKENS_ABSENT;
	wire_object(j, WIRE_WORDS(usage_fields), read_usage_field, &u);
	if (u.n[U_INPUT] < 0 || u.n[U_OUTPUT] < 0)
		return;
	int64_t fresh = u.n[U_INPUT], output = u.n[U_OUTPUT];
	m[METER_CACHE_READ] = take(&fresh, u.n[U_CACHED]);
	fresh = num_sat_add_i64(fresh, num_max_i64(u.n[U_TOOLS], 0));
	m[METER_INPUT_AUDIO] = take(&fresh, u.by[0][MOD_AUDIO]);
	m[METER_INPUT_IMAGE] = take(&fresh, u.by[0][MOD_IMAGE]);
	m[METER_INPUT] = fresh;
	m[METER_OUTPUT_AUDIO] = take(&output, u.by[1][MOD_AUDIO]);
	m[METER_OUTPUT_IMAGE] = take(&output, u.by[1][MOD_IMAGE]);
	m[METER_REASONING] = u.n[U_THOUGHT];
	m[METER_OUTPUT] = num_sat_add_i64(output, num_max_i64(u.n[U_THOUGHT], 0));
	a->has_usage = true;
}

/* --- answers and events -------------------------------------------------------------------------------- */

enum {
	F_ID,
	F_MODEL,
	F_STATUS,
	F_TIER,
	F_USAGE,
	F_STEPS,
	F_INTERACTION,
	F_DELTA,
	F_ERROR,
	F_CODE,
	F_TEXT,
	F_TYPE,
	F_ARGUMENTS,
};
static const struct wire_word answer_fields[] = {
    WIRE_WORD("id", F_ID),         WIRE_WORD("model", F_MODEL),
    WIRE_WORD("status", F_STATUS), WIRE_WORD("service_tier", F_TIER),
    WIRE_WORD("usage", F_USAGE),   WIRE_WORD("steps", F_STEPS),
    WIRE_WORD("outputs", F_STEPS), WIRE_WORD("interaction", F_INTERACTION),
    WIRE_WORD("delta", F_DELTA), /* of step.delta, content.delta */
    WIRE_WORD("error", F_ERROR),
};
static const struct wire_word step_fields[] = {
    WIRE_WORD("type", F_TYPE),
    WIRE_WORD("text", F_TEXT),
    WIRE_WORD("content", F_STEPS),
    WIRE_WORD("arguments", F_ARGUMENTS),
};
static const struct wire_word error_fields[] = {WIRE_WORD("code", F_CODE)};
enum { S_RUNNING, S_FAILED };
static const struct wire_word statuses[] = {
    WIRE_WORD("in_progress", S_RUNNING),
    WIRE_WORD("queued", S_RUNNING),
    WIRE_WORD("failed", S_FAILED),
};
enum { STEP_CALL };
static const struct wire_word step_types[] = {WIRE_WORD("function_call", STEP_CALL)};

static void read_step(struct json *j, int index, void *arg);

static void read_step_field(struct json *j, int id, void *arg)
{
	struct answer *a = arg;
	slice raw = SLICE_NONE;
	switch (id) {
	case F_TYPE:
		a->tool_calls += wire_read_word(j, WIRE_WORDS(step_types)) == STEP_CALL;
		break;
	case F_TEXT:
		wire_add_bytes(j, &a->text_bytes);
		break;
	case F_STEPS:
		if (json_peek(j) == JSON_OBJECT)
			read_step(j, 0, a);
		else
			wire_array(j, read_step, a);
		break;
	case F_ARGUMENTS:
		if (json_skip(j, &raw))
			a->tool_bytes += (int64_t)raw.n;
		break;
	default:
		json_skip(j, NULL);
	}
}

static void read_step(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(step_fields), read_step_field, arg);
}

static void read_status(struct json *j, struct answer *a)
{
	json_str s;
	if (!json_opt_string(j, &s))
		return;
	int word = wire_word(&s, WIRE_WORDS(statuses));
	a->ended = word != S_RUNNING;
	a->error = a->error || word == S_FAILED;
	if (a->ended)
		name_set(&a->stop_reason, s.raw);
}

static void read_answer_field(struct json *j, int id, void *arg)
{
	struct answer *a = arg;
	switch (id) {
	case F_ID:
		wire_name(j, &a->id);
		break;
	case F_MODEL:
		wire_name(j, &a->model);
		break;
	case F_STATUS:
		read_status(j, a);
		break;
	case F_TIER:
		wire_name(j, &a->service_tier);
		break;
	case F_USAGE:
		read_usage(j, a);
		break;
	case F_STEPS:
		wire_array(j, read_step, a);
		break;
	case F_INTERACTION:
		wire_object(j, WIRE_WORDS(answer_fields), read_answer_field, a);
		break;
	case F_DELTA:
		read_step(j, 0, a);
		break;
	case F_ERROR:
		a->error = a->error || json_peek(j) != JSON_NULL;
		wire_object(j, WIRE_WORDS(error_fields), read_answer_field, a);
		break;
	default:
		wire_name(j, &a->error_type);
	}
}

/* True when data was one whole JSON object. */
static bool read_object(slice data, struct answer *a)
{
	struct json j;
	json_init(&j, data);
	wire_object(&j, WIRE_WORDS(answer_fields), read_answer_field, a);
	return json_end(&j);
}

static void answer(slice body, struct answer *a)
{
	bool whole = read_object(body, a);
	a->ended = a->ended && whole;
	a->has_usage = a->has_usage && whole;
}

static enum event_action event(const struct sse_event *e, const struct request_view *v, struct answer *a,
                               struct json_edits *edits)
{
	(void)v;
	(void)edits;
	if (e->has_data)
		read_object(e->data, a);
	return EVENT_PASS;
}

static int refusal(const struct refusal_text *r, struct buf *out)
{
	return codec_gemini.refusal(r, out);
}

const struct codec_ops codec_gemini_interactions = {
    .name = "gemini interactions",
    .request = request,
    .answer = answer,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};
