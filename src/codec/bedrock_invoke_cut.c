/* The early end of an InvokeModelWithResponseStream: the model's own last events, each in a chunk,
 * base64-coded in its member `bytes`; the last has AWS's counts, amazon-bedrock-invocationMetrics. */
#include "codec/codec.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/num.h"
#include "model/wire.h"
#include "text/eventstream.h"
#include "text/jsonw.h"

#define EVENT_MAX 4096

enum shape { SHAPE_UNKNOWN, SHAPE_ANTHROPIC, SHAPE_CONVERSE, SHAPE_PLAIN };

/* Models whose events are one flat object each: the member that holds their text, and the end of one that
 * stops at its limit, the text between before and after. */
#define TEXT(lit)                                                                                            \
	{                                                                                                    \
		lit, sizeof(lit) - 1                                                                         \
	}
static const struct plain {
	slice key, before, after;
} plains[] = {
    /* Llama, Titan, Mistral, Claude 2, and those that speak OpenAI's */
    {TEXT("generation"), TEXT("{\"generation\":"), TEXT(",\"stop_reason\":\"length\"")},
    {TEXT("outputText"), TEXT("{\"outputText\":"), TEXT(",\"completionReason\":\"LENGTH\"")},
    {TEXT("outputs"), TEXT("{\"outputs\":[{\"text\":"), TEXT(",\"stop_reason\":\"length\"}]")},
    {TEXT("completion"), TEXT("{\"completion\":"), TEXT(",\"stop_reason\":\"max_tokens\"")},
    {TEXT("choices"), TEXT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":"),
     TEXT("},\"finish_reason\":\"length\"}]")},
};
#define PLAINS (sizeof plains / sizeof *plains)

/* --- what is open ------------------------------------------------------------------------------------- */

/* The model's own event. Converse's are objects of one member, which is its type. */
static void follow_model(slice data, struct stream_open *o)
{
	struct sse_event e = {.raw = data, .data = data, .has_data = true};
	struct json j;
	json_key k;
	slice value;
	json_init(&j, data);
	if (!json_object(&j))
		return;
	while (json_next_key(&j, &k)) {
		if (!json_skip(&j, &value))
			return;
		if (json_key_is(&k, SLICE("type"))) {
			o->shape = SHAPE_ANTHROPIC;
			codec_anthropic_follow(&e, o);
			return;
		}
		e.name = k.raw;
		e.data = value;
		codec_bedrock_converse_follow(&e, o);
		if (o->begun && o->shape == SHAPE_UNKNOWN)
			o->shape = SHAPE_CONVERSE;
		for (size_t i = 0; i < PLAINS && o->shape == SHAPE_UNKNOWN; i++)
			if (slice_eq(k.raw, plains[i].key)) {
				o->shape = (unsigned char)(SHAPE_PLAIN + i);
				o->begun = true;
			}
		e.data = data;
	}
}

static void read_bytes(struct json *j, int id, void *arg)
{
	slice *out = arg;
	json_str s;
	(void)id;
	if (json_opt_string(j, &s) && !s.escaped)
		*out = s.raw;
}

void codec_bedrock_invoke_follow(const struct sse_event *e, struct stream_open *o)
{
	static const struct wire_word fields[] = {WIRE_WORD("bytes", 0)};
	char small[4096];
	struct json j;
	slice coded = SLICE_NONE;
	size_t n;
	if (e->fault || !e->has_data)
		return;
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(fields), read_bytes, &coded);
	size_t room = base64_room(coded.n);
	char *text = room <= sizeof small ? small : malloc(room);
	if (coded.n && text && base64_decode(coded, text, &n))
		follow_model(slice_make(text, n), o);
	if (text != small)
		free(text);
}

/* --- the end ------------------------------------------------------------------------------------------ */

struct ending_stream {
	const struct stream_cut *c;
	struct buf *out;
	bool wrap; /* an event is an object whose one member is its type */
};

static int write_chunk(struct buf *out, slice json)
{
	size_t n = base64_coded(json.n);
	struct buf b;
	buf_init(&b, n + 64);
	int r = buf_append(&b, SLICE("{\"bytes\":\""));
	char *room = r ? NULL : buf_reserve(&b, n);
	if (room) {
		base64_encode(json, room);
		buf_commit(&b, n);
		r = buf_append(&b, SLICE("\"}"));
	} else if (r == 0) {
		r = ERR_NOMEM;
	}
	r = r ? r : eventstream_write(out, SLICE("chunk"), buf_slice(&b));
	buf_release(&b);
	return r;
}

/* The object but for its closing bracket, with AWS's counts behind. */
static int write_last(const struct ending_stream *s, slice object)
{
	const struct usage *u = s->c->usage;
	struct buf b;
	buf_init(&b, EVENT_MAX + object.n);
	int r = buf_append(&b, object);
	r = r ? r
	      : buf_printf(
	            &b,
	            "%s\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":%lld,\"outputTokenCount\":"
	            "%lld,\"invocationLatency\":%lld,\"firstByteLatency\":%lld}}",
	            object.n > 1 ? "," : "", (long long)codec_cut_input(u), (long long)codec_cut_output(u),
	            (long long)s->c->latency_ms, (long long)s->c->latency_ms);
	r = r ? r : write_chunk(s->out, buf_slice(&b));
	buf_release(&b);
	return r;
}

static int to_chunk(void *arg, slice type, slice json)
{
	struct ending_stream *s = arg;
	struct buf b;
	int r;
	if (!s->wrap)
		return slice_eq(type, SLICE("message_stop")) ? write_last(s, slice_sub(json, 0, json.n - 1))
		                                             : write_chunk(s->out, json);
	buf_init(&b, EVENT_MAX + json.n);
	r = buf_printf(&b, "{\"" SLICE_FMT "\":" SLICE_FMT, SLICE_ARG(type), SLICE_ARG(json));
	if (r == 0 && slice_eq(type, SLICE("metadata")))
		r = write_last(s, buf_slice(&b));
	else if (r == 0 && (r = buf_append(&b, SLICE("}"))) == 0)
		r = write_chunk(s->out, buf_slice(&b));
	buf_release(&b);
	return r;
}

static int cut_plain(const struct ending_stream *s, const struct plain *p, bool begun)
{
	char text[CUT_TEXT_MAX];
	struct buf b, quoted;
	struct jsonw w;
	buf_init(&quoted, CUT_TEXT_MAX * 6 + 2);
	buf_init(&b, EVENT_MAX + CUT_TEXT_MAX * 6);
	jsonw_init(&w, &quoted);
	jsonw_string(&w, s->c->message.n ? codec_cut_text(s->c->message, begun, text) : SLICE(""));
	int r = jsonw_end(&w);
	r = r ? r : buf_append(&b, p->before);
	r = r ? r : buf_append(&b, buf_slice(&quoted));
	r = r ? r : buf_append(&b, p->after);
	r = r ? r : write_last(s, buf_slice(&b));
	buf_release(&b);
	buf_release(&quoted);
	return r;
}

/* Before the first event the model's id tells whose they would have been. */
static unsigned shape_of(const struct stream_open *o, slice model)
{
	if (o->shape != SHAPE_UNKNOWN)
		return o->shape;
	if (slice_find(model, SLICE("anthropic.claude")) >= 0)
		return SHAPE_ANTHROPIC;
	if (slice_find(model, SLICE("amazon.nova")) >= 0)
		return SHAPE_CONVERSE;
	static const struct {
		slice part;
		unsigned plain;
	} makers[] = {
	    {TEXT("meta.llama"), 0}, {TEXT("amazon.titan"), 1}, {TEXT("mistral."), 2}, {TEXT("openai."), 4}};
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
		if (slice_find(model, makers[i].part) >= 0)
			return SHAPE_PLAIN + makers[i].plain;
	return SHAPE_UNKNOWN;
}

int codec_bedrock_invoke_cut(const struct stream_open *o, const struct stream_cut *c, struct buf *out)
{
	struct ending_stream s = {.c = c, .out = out};
	unsigned shape = shape_of(o, c->view->model);
	switch (shape) {
	case SHAPE_UNKNOWN: /* of no known shape: its last chunk has the counts alone */
		return write_last(&s, SLICE("{"));
	case SHAPE_ANTHROPIC:
		return codec_anthropic_cut_events(o, c, to_chunk, &s);
	case SHAPE_CONVERSE:
		s.wrap = true;
		return codec_bedrock_cut_events(o, c, to_chunk, &s);
	default:
		return cut_plain(&s, &plains[shape - SHAPE_PLAIN], o->begun);
	}
}
