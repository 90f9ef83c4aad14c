/* OpenAI's embeddings (platform.openai.com/docs/api-reference/embeddings): input alone is paid. */
#include "codec/codec.h"

#include "model/wire.h"

struct reading {
	struct request_view *v;
	struct arena *mem;
};

enum { R_MODEL, R_INPUT, R_USER };
static const struct wire_word request_fields[] = {
    WIRE_WORD("model", R_MODEL),
    WIRE_WORD("input", R_INPUT),
    WIRE_WORD("user", R_USER),
};

static void read_element(struct json *j, int index, void *arg)
{
	(void)index;
	(void)arg;
	json_skip(j, NULL);
}

static void read_request_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	switch (id) {
	case R_MODEL:
		wire_model(j, r->v, r->mem);
		break;
	case R_INPUT:
		if (json_peek(j) == JSON_ARRAY) {
			r->v->message_count = wire_elements(j, &r->v->messages, read_element, NULL);
		} else {
			wire_range(j, &r->v->messages);
			r->v->message_count = 1;
		}
		break;
	default:
		wire_text(j, r->mem, &r->v->user_id);
	}
}

static int request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                   struct error *e)
{
	struct reading r = {.v = out, .mem = mem};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc)
		return rc;
	out->max_output = 0; /* there is no output to pay */
	codec_path_model(t, out);
	return out->model.n ? 0 : wire_no_model(e);
}

enum { F_MODEL, F_USAGE, F_DATA, F_ERROR, F_TYPE, F_CODE, U_PROMPT, U_TOTAL };
static const struct wire_word answer_fields[] = {
    WIRE_WORD("model", F_MODEL),
    WIRE_WORD("usage", F_USAGE),
    WIRE_WORD("data", F_DATA),
    WIRE_WORD("error", F_ERROR),
};
static const struct wire_word error_fields[] = {
    WIRE_WORD("type", F_TYPE),
    WIRE_WORD("code", F_CODE),
};
static const struct wire_word usage_fields[] = {
    WIRE_WORD("prompt_tokens", U_PROMPT),
    WIRE_WORD("total_tokens", U_TOTAL),
};

struct answer_reading {
	struct answer *a;
	int64_t prompt, total;
	bool data;
};

static void read_answer_field(struct json *j, int id, void *arg)
{
	struct answer_reading *r = arg;
	switch (id) {
	case F_MODEL:
		wire_name(j, &r->a->model);
		break;
	case F_USAGE:
		wire_object(j, WIRE_WORDS(usage_fields), read_answer_field, r);
		break;
	case F_DATA:
		r->data = json_peek(j) == JSON_ARRAY;
		json_skip(j, NULL);
		break;
	case F_ERROR:
		r->a->error = r->a->error || json_peek(j) != JSON_NULL;
		wire_object(j, WIRE_WORDS(error_fields), read_answer_field, r);
		break;
	case U_PROMPT:
		wire_count(j, &r->prompt);
		break;
	case U_TOTAL:
		wire_count(j, &r->total);
		break;
	case F_TYPE:
		wire_name(j, &r->a->error_type);
		break;
	default:
		if (!r->a->error_type.n)
			wire_name(j, &r->a->error_type);
		else
			json_skip(j, NULL);
	}
}

/* Output is known to be nothing; some vendors give the total alone. */
static void answer(slice body, struct answer *a)
{
	struct answer_reading r = {.a = a, .prompt = TOKENS_ABSENT, .total = TOKENS_ABSENT};
	struct json j;
	json_init(&j, body);
	wire_object(&j, WIRE_WORDS(answer_fields), read_answer_field, &r);
	bool whole = json_end(&j);
	int64_t input = r.prompt >= 0 ? r.prompt : r.total;
	if (input >= 0) {
		a->usage.m[METER_INPUT] = input;
		a->usage.m[METER_OUTPUT] = 0;
	}
	a->has_usage = whole && input >= 0;
	a->ended = whole && r.data;
}

static enum event_action event(const struct sse_event *e, const struct request_view *v, struct answer *a,
                               struct json_edits *edits)
{
	(void)e;
	(void)v;
	(void)a;
	(void)edits;
	return EVENT_PASS; /* embeddings are not streamed */
}

static int refusal(const struct refusal_text *r, struct buf *out)
{
	return wire_openai_error(r->status, r->kind, r->message, out);
}

const struct codec_ops codec_openai_embeddings = {
    .name = "openai embeddings",
    .request = request,
    .items = codec_openai_chat_items, /* each input is a text */
    .answer = answer,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};
