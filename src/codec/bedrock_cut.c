/* The early end of a ConverseStream
 * (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html): the open block is
 * closed, then messageStop with max_tokens, then metadata with the usage so far. Text blocks begin with their
 * first delta. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"
#include "text/eventstream.h"
#include "text/jsonw.h"

#define EVENT_MAX 4096

/* --- what is open ------------------------------------------------------------------------------------- */

enum { E_START, E_BLOCK, E_DELTA, E_BLOCK_STOP, E_STOP, E_METADATA };
static const struct wire_word event_types[] = {
    WIRE_WORD("messageStart", E_START),      WIRE_WORD("contentBlockStart", E_BLOCK),
    WIRE_WORD("contentBlockDelta", E_DELTA), WIRE_WORD("contentBlockStop", E_BLOCK_STOP),
    WIRE_WORD("messageStop", E_STOP),        WIRE_WORD("metadata", E_METADATA),
};

enum { F_INDEX, F_START, F_TEXT, F_TOOL, F_REASONING };
static const struct wire_word event_fields[] = {
    WIRE_WORD("contentBlockIndex", F_INDEX),
    WIRE_WORD("start", F_START),
    WIRE_WORD("delta", F_START),
};
static const struct wire_word block_fields[] = {
    WIRE_WORD("text", F_TEXT),
    WIRE_WORD("toolUse", F_TOOL),
    WIRE_WORD("reasoningContent", F_REASONING),
};

struct following {
	int64_t index;
	enum open_kind kind;
};

static void read_field(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	switch (id) {
	case F_INDEX:
		wire_count(j, &f->index);
		return;
	case F_START:
		wire_object(j, WIRE_WORDS(block_fields), read_field, f);
		return;
	case F_TEXT:
		f->kind = OPEN_TEXT;
		break;
	case F_TOOL:
		f->kind = OPEN_TOOL;
		break;
	default:
		f->kind = OPEN_THINKING;
	}
	json_skip(j, NULL);
}

void codec_bedrock_converse_follow(const struct sse_event *e, struct stream_open *o)
{
	json_str name = {.raw = e->name};
	int type = wire_word(&name, WIRE_WORDS(event_types));
	struct following f = {.kind = OPEN_OTHER};
	struct json j;
	o->begun = o->begun || type != WIRE_NONE;
	switch (type) {
	case E_BLOCK:
	case E_DELTA:
		json_init(&j, e->data);
		wire_object(&j, WIRE_WORDS(event_fields), read_field, &f);
		o->empty = type == E_BLOCK;
		o->kind = f.kind;
		o->block = f.index;
		break;
	case E_BLOCK_STOP:
		o->kind = OPEN_NONE;
		break;
	case E_STOP:
		o->stopped = true;
		break;
	case E_METADATA:
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

static struct jsonw *begin(struct ending_stream *s)
{
	buf_clear(&s->json);
	jsonw_init(&s->w, &s->json);
	jsonw_object(&s->w);
	return &s->w;
}

static int end(struct ending_stream *s, slice type)
{
	jsonw_object_end(&s->w);
	int r = jsonw_end(&s->w);
	return r ? r : s->emit(s->arg, type, buf_slice(&s->json));
}

static int say_text(struct ending_stream *s, int64_t index, bool behind)
{
	char text[CUT_TEXT_MAX];
	struct jsonw *w = begin(s);
	jsonw_put_i64(w, SLICE("contentBlockIndex"), index);
	jsonw_key(w, SLICE("delta"));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("text"), codec_cut_text(s->c->message, behind, text));
	jsonw_object_end(w);
	return end(s, SLICE("contentBlockDelta"));
}

/* A call of which nothing has passed must not look like one without arguments. */
static int say_torso(struct ending_stream *s, int64_t index)
{
	struct jsonw *w = begin(s);
	jsonw_put_i64(w, SLICE("contentBlockIndex"), index);
	jsonw_put_raw(w, SLICE("delta"), SLICE("{\"toolUse\":{\"input\":\"{\\\"\"}}"));
	return end(s, SLICE("contentBlockDelta"));
}

static int close_block(struct ending_stream *s, int64_t index)
{
	jsonw_put_i64(begin(s), SLICE("contentBlockIndex"), index);
	return end(s, SLICE("contentBlockStop"));
}

static int say_start(struct ending_stream *s)
{
	jsonw_put_string(begin(s), SLICE("role"), SLICE("assistant"));
	int r = end(s, SLICE("messageStart"));
	if (r || s->c->message.n == 0)
		return r;
	r = say_text(s, 0, false);
	return r ? r : close_block(s, 0);
}

static int say_metadata(struct ending_stream *s)
{
	const struct usage *u = s->c->usage;
	int64_t input = num_max_i64(u->m[METER_INPUT], 0), output = codec_cut_output(u);
	struct jsonw *w = begin(s);
	jsonw_key(w, SLICE("usage"));
	jsonw_object(w);
	jsonw_put_i64(w, SLICE("inputTokens"), input);
	jsonw_put_i64(w, SLICE("outputTokens"), output);
	jsonw_put_i64(w, SLICE("totalTokens"), num_sat_add_i64(codec_cut_input(u), output));
	if (u->m[METER_CACHE_READ] >= 0)
		jsonw_put_i64(w, SLICE("cacheReadInputTokens"), u->m[METER_CACHE_READ]);
	if (u->m[METER_CACHE_WRITE_5M] >= 0 || u->m[METER_CACHE_WRITE_1H] >= 0)
		jsonw_put_i64(w, SLICE("cacheWriteInputTokens"),
		              num_sat_add_i64(num_max_i64(u->m[METER_CACHE_WRITE_5M], 0),
		                              num_max_i64(u->m[METER_CACHE_WRITE_1H], 0)));
	jsonw_object_end(w);
	jsonw_key(w, SLICE("metrics"));
	jsonw_object(w);
	jsonw_put_i64(w, SLICE("latencyMs"), s->c->latency_ms);
	jsonw_object_end(w);
	return end(s, SLICE("metadata"));
}

static int say_end(struct ending_stream *s, const struct stream_open *o)
{
	int r = 0;
	if (!o->begun) {
		r = say_start(s);
	} else if (o->kind != OPEN_NONE) {
		if (o->kind == OPEN_TEXT && s->c->message.n)
			r = say_text(s, o->block, true);
		else if (o->kind == OPEN_TOOL && o->empty)
			r = say_torso(s, o->block);
		r = r ? r : close_block(s, o->block);
	}
	if (r == 0 && !o->stopped) {
		jsonw_put_string(begin(s), SLICE("stopReason"), SLICE("max_tokens"));
		r = end(s, SLICE("messageStop"));
	}
	return r ? r : say_metadata(s);
}

int codec_bedrock_cut_events(const struct stream_open *o, const struct stream_cut *c, codec_cut_event *emit,
                             void *arg)
{
	struct ending_stream s = {.c = c, .emit = emit, .arg = arg};
	if (o->ended)
		return 0;
	buf_init(&s.json, EVENT_MAX + CUT_TEXT_MAX * 6);
	int r = say_end(&s, o);
	buf_release(&s.json);
	return r;
}

static int to_frame(void *arg, slice type, slice json)
{
	return eventstream_write(arg, type, json);
}

int codec_bedrock_converse_cut(const struct stream_open *o, const struct stream_cut *c, struct buf *out)
{
	return codec_bedrock_cut_events(o, c, to_frame, out);
}
