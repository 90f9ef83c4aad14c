/* The early end of a stream of Ollama's (docs.ollama.com/api/streaming): one more object, which is done for
 * the reason length, with the counts so far. Its text, if any, is the last of the answer. */
#include "codec/codec.h"

#include "base/clock.h"
#include "model/wire.h"
#include "text/jsonw.h"

#define LINE_ROOM 4096

enum { F_DONE, F_TEXT, F_MESSAGE };
static const struct wire_word line_fields[] = {WIRE_WORD("done", F_DONE), WIRE_WORD("response", F_TEXT),
                                               WIRE_WORD("message", F_MESSAGE)};
static const struct wire_word message_fields[] = {WIRE_WORD("content", F_TEXT)};

struct following {
	struct stream_open *o;
	int64_t text;
	bool done;
};

static void read_field(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	if (id == F_DONE)
		json_opt_bool(j, &f->done);
	else if (id == F_TEXT)
		wire_add_bytes(j, &f->text);
	else
		wire_object(j, WIRE_WORDS(message_fields), read_field, f);
}

void codec_ollama_follow(const struct sse_event *e, struct stream_open *o)
{
	struct following f = {.o = o};
	struct json j;
	if (!e->has_data)
		return;
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(line_fields), read_field, &f);
	if (j.error)
		return;
	o->begun = true;
	if (f.text > 0)
		o->kind = OPEN_TEXT;
	o->ended = o->ended || f.done;
}

int codec_ollama_cut(const struct stream_open *o, const struct stream_cut *c, struct buf *out)
{
	const struct answer *a = c->answer;
	char text[CUT_TEXT_MAX], at[CLOCK_RFC3339_MAX];
	struct buf json;
	struct jsonw w;
	if (o->ended)
		return 0;
	slice said = c->message.n ? codec_cut_text(c->message, o->kind == OPEN_TEXT, text) : SLICE("");
	buf_init(&json, LINE_ROOM + CUT_TEXT_MAX * 6);
	jsonw_init(&w, &json);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("model"), a->model.n ? name_get(&a->model) : c->view->model);
	jsonw_put_string(&w, SLICE("created_at"), slice_make(at, clock_format_rfc3339(c->time_s * 1000, at)));
	if (c->view->api == API_OLLAMA_GENERATE) {
		jsonw_put_string(&w, SLICE("response"), said);
	} else {
		jsonw_key(&w, SLICE("message"));
		jsonw_object(&w);
		jsonw_put_string(&w, SLICE("role"), SLICE("assistant"));
		jsonw_put_string(&w, SLICE("content"), said);
		jsonw_object_end(&w);
	}
	jsonw_put_bool(&w, SLICE("done"), true);
	jsonw_put_string(&w, SLICE("done_reason"), SLICE("length"));
	jsonw_put_i64(&w, SLICE("total_duration"), c->latency_ms * 1000000);
	jsonw_put_i64(&w, SLICE("prompt_eval_count"), codec_cut_input(c->usage));
	jsonw_put_i64(&w, SLICE("eval_count"), codec_cut_output(c->usage));
	jsonw_object_end(&w);
	int r = jsonw_end(&w);
	r = r ? r : buf_append(out, buf_slice(&json));
	buf_release(&json);
	return r ? r : buf_append(out, SLICE("\n"));
}
