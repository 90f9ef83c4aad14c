/* The early end of an Anthropic stream (platform.claude.com/docs/en/build-with-claude/streaming): the open
 * block is closed as at a limit of output, then message_delta with stop_reason max_tokens, then message_stop.
 */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"
#include "text/jsonw.h"

#define EVENT_MAX 4096 /* of an event written here */

/* --- what is open ------------------------------------------------------------------------------------- */

enum { E_START, E_BLOCK, E_BLOCK_DELTA, E_BLOCK_STOP, E_DELTA, E_STOP };
static const struct wire_word event_types[] = {
    WIRE_WORD("message_start", E_START),
    WIRE_WORD("content_block_start", E_BLOCK),
    WIRE_WORD("content_block_delta", E_BLOCK_DELTA),
    WIRE_WORD("content_block_stop", E_BLOCK_STOP),
    WIRE_WORD("message_delta", E_DELTA),
    WIRE_WORD("message_stop", E_STOP),
};
static const struct wire_word block_types[] = {
    WIRE_WORD("text", OPEN_TEXT),
    WIRE_WORD("thinking", OPEN_THINKING),
    WIRE_WORD("redacted_thinking", OPEN_THINKING),
    WIRE_WORD("tool_use", OPEN_TOOL),
    WIRE_WORD("server_tool_use", OPEN_TOOL),
    WIRE_WORD("mcp_tool_use", OPEN_TOOL),
};

enum { F_TYPE, F_INDEX, F_BLOCK, F_BLOCK_TYPE, F_BLOCK_TEXT };
static const struct wire_word event_fields[] = {
    WIRE_WORD("type", F_TYPE),
    WIRE_WORD("index", F_INDEX),
    WIRE_WORD("content_block", F_BLOCK),
};
static const struct wire_word block_fields[] = {
    WIRE_WORD("type", F_BLOCK_TYPE),
    WIRE_WORD("text", F_BLOCK_TEXT),
};

struct following {
	int type, block;
	int64_t index, text;
};

static void read_field(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	switch (id) {
	case F_TYPE:
		f->type = wire_read_word(j, WIRE_WORDS(event_types));
		break;
	case F_INDEX:
		wire_count(j, &f->index);
		break;
	case F_BLOCK:
		wire_object(j, WIRE_WORDS(block_fields), read_field, f);
		break;
	case F_BLOCK_TYPE:
		f->block = wire_read_word(j, WIRE_WORDS(block_types));
		break;
	default:
		wire_add_bytes(j, &f->text);
	}
}

static void open_block(struct stream_open *o, const struct following *f)
{
	o->kind = f->block == WIRE_NONE ? OPEN_OTHER : (enum open_kind)f->block;
	o->block = f->index;
	o->blocks = num_max_i64(o->blocks, f->index + 1);
	o->empty = f->text == 0;
}

void codec_anthropic_follow(const struct sse_event *e, struct stream_open *o)
{
	struct following f = {.type = WIRE_NONE, .block = WIRE_NONE};
	struct json j;
	if (!e->has_data)
		return;
	if (slice_eq(e->name, SLICE("content_block_delta"))) { /* nearly all of a stream */
		o->empty = false;
		return;
	}
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(event_fields), read_field, &f);
	if (!json_end(&j))
		return;
	switch (f.type) {
	case E_START:
		o->begun = true;
		break;
	case E_BLOCK:
		open_block(o, &f);
		break;
	case E_BLOCK_DELTA:
		o->empty = false;
		break;
	case E_BLOCK_STOP:
		o->kind = OPEN_NONE;
		break;
	case E_DELTA:
		o->stopped = true;
		break;
	case E_STOP:
		o->ended = true;
		break;
	default:
		break;
	}
}

/* --- the end ------------------------------------------------------------------------------------------ */

struct ending_stream {
	const struct stream_cut *c;
	codec_cut_event *emit;
	void *arg;
	struct buf json;
	struct jsonw w;
};

static struct jsonw *begin(struct ending_stream *s, slice type)
{
	buf_clear(&s->json);
	jsonw_init(&s->w, &s->json);
	jsonw_object(&s->w);
	jsonw_put_string(&s->w, SLICE("type"), type);
	return &s->w;
}

static int end(struct ending_stream *s, slice type)
{
	jsonw_object_end(&s->w);
	int r = jsonw_end(&s->w);
	return r ? r : s->emit(s->arg, type, buf_slice(&s->json));
}

/* The counts that are known. message_start has them too, before any output. */
static void put_usage(struct jsonw *w, const struct usage *u, bool output)
{
	const int64_t *m = u->m;
	jsonw_key(w, SLICE("usage"));
	jsonw_object(w);
	if (m[METER_INPUT] >= 0)
		jsonw_put_i64(w, SLICE("input_tokens"), m[METER_INPUT]);
	if (m[METER_CACHE_WRITE_5M] >= 0 || m[METER_CACHE_WRITE_1H] >= 0)
		jsonw_put_i64(w, SLICE("cache_creation_input_tokens"),
		              num_sat_add_i64(num_max_i64(m[METER_CACHE_WRITE_5M], 0),
		                              num_max_i64(m[METER_CACHE_WRITE_1H], 0)));
	if (m[METER_CACHE_READ] >= 0)
		jsonw_put_i64(w, SLICE("cache_read_input_tokens"), m[METER_CACHE_READ]);
	jsonw_put_i64(w, SLICE("output_tokens"), output ? codec_cut_output(u) : 0);
	jsonw_object_end(w);
}

static int say_start(struct ending_stream *s)
{
	const struct stream_cut *c = s->c;
	slice model = c->answer->model.n ? name_get(&c->answer->model) : c->view->model;
	struct jsonw *w = begin(s, SLICE("message_start"));
	jsonw_key(w, SLICE("message"));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("id"), slice_of(c->id));
	jsonw_put_string(w, SLICE("type"), SLICE("message"));
	jsonw_put_string(w, SLICE("role"), SLICE("assistant"));
	jsonw_put_string(w, SLICE("model"), model);
	jsonw_put_raw(w, SLICE("content"), SLICE("[]"));
	jsonw_put_null(w, SLICE("stop_reason"));
	jsonw_put_null(w, SLICE("stop_sequence"));
	put_usage(w, c->usage, false);
	jsonw_object_end(w);
	return end(s, SLICE("message_start"));
}

static int say_block(struct ending_stream *s, int64_t index)
{
	struct jsonw *w = begin(s, SLICE("content_block_start"));
	jsonw_put_i64(w, SLICE("index"), index);
	jsonw_put_raw(w, SLICE("content_block"), SLICE("{\"type\":\"text\",\"text\":\"\"}"));
	return end(s, SLICE("content_block_start"));
}

static int say_delta(struct ending_stream *s, int64_t index, slice type, slice field, slice text)
{
	struct jsonw *w = begin(s, SLICE("content_block_delta"));
	jsonw_put_i64(w, SLICE("index"), index);
	jsonw_key(w, SLICE("delta"));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("type"), type);
	jsonw_put_string(w, field, text);
	jsonw_object_end(w);
	return end(s, SLICE("content_block_delta"));
}

/* What the open block still gets, and its end. */
static int close_block(struct ending_stream *s, enum open_kind kind, int64_t index, bool empty)
{
	char text[CUT_TEXT_MAX];
	int r = 0;
	if (kind == OPEN_TEXT && s->c->message.n)
		r = say_delta(s, index, SLICE("text_delta"), SLICE("text"),
		              codec_cut_text(s->c->message, !empty, text));
	else if (kind == OPEN_TOOL &&
	         empty) /* a call without input must not look like one without arguments */
		r = say_delta(s, index, SLICE("input_json_delta"), SLICE("partial_json"), SLICE("{\""));
	if (r)
		return r;
	jsonw_put_i64(begin(s, SLICE("content_block_stop")), SLICE("index"), index);
	return end(s, SLICE("content_block_stop"));
}

static int say_stop(struct ending_stream *s)
{
	struct jsonw *w = begin(s, SLICE("message_delta"));
	jsonw_put_raw(w, SLICE("delta"), SLICE("{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null}"));
	put_usage(w, s->c->usage, true);
	return end(s, SLICE("message_delta"));
}

static int say_end(struct ending_stream *s, const struct stream_open *o)
{
	int r = 0;
	if (!o->begun) {
		r = say_start(s);
		if (r == 0 && s->c->message.n) {
			r = say_block(s, 0);
			r = r ? r : close_block(s, OPEN_TEXT, 0, true);
		}
	} else if (o->kind != OPEN_NONE) {
		r = close_block(s, o->kind, o->block, o->empty);
	}
	if (r == 0 && !o->stopped)
		r = say_stop(s);
	if (r)
		return r;
	begin(s, SLICE("message_stop"));
	return end(s, SLICE("message_stop"));
}

int codec_anthropic_cut_events(const struct stream_open *o, const struct stream_cut *c, codec_cut_event *emit,
                               void *arg)
{
	struct ending_stream s = {.c = c, .emit = emit, .arg = arg};
	if (o->ended)
		return 0;
	buf_init(&s.json, EVENT_MAX + CUT_TEXT_MAX * 6); /* a character may take six bytes escaped */
	int r = say_end(&s, o);
	buf_release(&s.json);
	return r;
}

static int to_sse(void *arg, slice type, slice json)
{
	return codec_cut_sse(arg, type, json);
}

int codec_anthropic_cut(const struct stream_open *o, const struct stream_cut *c, struct buf *out)
{
	return codec_anthropic_cut_events(o, c, to_sse, out);
}
