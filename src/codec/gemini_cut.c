/* The early end of a Gemini stream (ai.google.dev/api/generate-content): a last chunk in which each candidate
 * that runs has its finishReason MAX_TOKENS, with the usage so far. Function calls come whole, so none stays
 * open. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"
#include "text/jsonw.h"

#define CHUNK_MAX 8192

/* --- what is open ------------------------------------------------------------------------------------- */

enum { F_CANDIDATES, F_INDEX, F_CONTENT, F_FINISH, F_PARTS, F_TEXT, F_THOUGHT };
static const struct wire_word chunk_fields[] = {WIRE_WORD("candidates", F_CANDIDATES)};
static const struct wire_word candidate_fields[] = {
    WIRE_WORD("index", F_INDEX),
    WIRE_WORD("content", F_CONTENT),
    WIRE_WORD("finishReason", F_FINISH),
};
static const struct wire_word content_fields[] = {WIRE_WORD("parts", F_PARTS)};
static const struct wire_word part_fields[] = {
    WIRE_WORD("text", F_TEXT),
    WIRE_WORD("thought", F_THOUGHT),
};

struct following {
	struct stream_open *o;
	int64_t index, text;
	bool parts, thought, finished;
};

static void read_part_field(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	if (id == F_TEXT)
		wire_add_bytes(j, &f->text);
	else
		json_opt_bool(j, &f->thought);
}

/* The last part decides. */
static void read_part(struct json *j, int index, void *arg)
{
	struct following *f = arg;
	(void)index;
	f->parts = true;
	f->text = 0;
	f->thought = false;
	wire_object(j, WIRE_WORDS(part_fields), read_part_field, f);
}

static void read_candidate_field(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	switch (id) {
	case F_INDEX:
		wire_count(j, &f->index);
		break;
	case F_CONTENT:
		wire_object(j, WIRE_WORDS(content_fields), read_candidate_field, f);
		break;
	case F_PARTS:
		wire_array(j, read_part, f);
		break;
	default:
		f->finished = json_peek(j) == JSON_STRING;
		json_skip(j, NULL);
	}
}

static void read_candidate(struct json *j, int index, void *arg)
{
	struct following *chunk = arg, f = {.o = chunk->o};
	(void)index;
	wire_object(j, WIRE_WORDS(candidate_fields), read_candidate_field, &f);
	if (f.index >= STREAM_CHOICES_MAX)
		return;
	uint64_t bit = UINT64_C(1) << f.index;
	f.o->begun = true;
	f.o->seen |= bit;
	if (f.parts)
		f.o->text = f.text > 0 && !f.thought ? f.o->text | bit : f.o->text & ~bit;
	if (f.finished)
		f.o->finished |= bit;
}

static void read_chunk_field(struct json *j, int id, void *arg)
{
	(void)id;
	wire_array(j, read_candidate, arg);
}

void codec_gemini_follow(const struct sse_event *e, struct stream_open *o)
{
	struct following f = {.o = o};
	struct json j;
	if (!e->has_data)
		return;
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(chunk_fields), read_chunk_field, &f);
	o->ended = o->begun && (o->finished & o->seen) == o->seen;
}

/* --- the end ------------------------------------------------------------------------------------------ */

static void put_candidate(struct jsonw *w, const struct stream_open *o, const struct stream_cut *c,
                          int64_t index)
{
	char text[CUT_TEXT_MAX];
	uint64_t bit = UINT64_C(1) << index;
	bool begun = o->seen & bit, says = c->message.n && (o->text & bit || !begun);
	jsonw_object(w);
	jsonw_key(w, SLICE("content"));
	jsonw_object(w);
	jsonw_key(w, SLICE("parts"));
	jsonw_array(w);
	jsonw_object(w);
	jsonw_put_string(w, SLICE("text"), says ? codec_cut_text(c->message, begun, text) : SLICE(""));
	jsonw_object_end(w);
	jsonw_array_end(w);
	jsonw_put_string(w, SLICE("role"), SLICE("model"));
	jsonw_object_end(w);
	jsonw_put_string(w, SLICE("finishReason"), SLICE("MAX_TOKENS"));
	jsonw_put_i64(w, SLICE("index"), index);
	jsonw_object_end(w);
}

static void put_usage(struct jsonw *w, const struct usage *u)
{
	int64_t input = codec_cut_input(u), output = codec_cut_output(u);
	int64_t thoughts = num_min_i64(num_max_i64(u->m[METER_REASONING], 0), output);
	jsonw_key(w, SLICE("usageMetadata"));
	jsonw_object(w);
	jsonw_put_i64(w, SLICE("promptTokenCount"), input);
	if (u->m[METER_CACHE_READ] > 0)
		jsonw_put_i64(w, SLICE("cachedContentTokenCount"), u->m[METER_CACHE_READ]);
	jsonw_put_i64(w, SLICE("candidatesTokenCount"), output - thoughts);
	if (thoughts)
		jsonw_put_i64(w, SLICE("thoughtsTokenCount"), thoughts);
	jsonw_put_i64(w, SLICE("totalTokenCount"), num_sat_add_i64(input, output));
	jsonw_object_end(w);
}

int codec_gemini_cut(const struct stream_open *o, const struct stream_cut *c, struct buf *out)
{
	const struct answer *a = c->answer;
	int64_t choices = num_min_i64(num_max_i64(c->view->choices, 1), STREAM_CHOICES_MAX);
	struct buf json;
	struct jsonw w;
	if (o->ended)
		return 0;
	buf_init(&json, CHUNK_MAX + (size_t)choices * CUT_TEXT_MAX * 6);
	jsonw_init(&w, &json);
	jsonw_object(&w);
	jsonw_key(&w, SLICE("candidates"));
	jsonw_array(&w);
	for (int64_t i = 0; i < choices; i++)
		if (!(o->finished >> i & 1))
			put_candidate(&w, o, c, i);
	jsonw_array_end(&w);
	put_usage(&w, c->usage);
	jsonw_put_string(&w, SLICE("modelVersion"), a->model.n ? name_get(&a->model) : c->view->model);
	jsonw_put_string(&w, SLICE("responseId"), a->id.n ? name_get(&a->id) : slice_of(c->id));
	jsonw_object_end(&w);
	int r = jsonw_end(&w);
	r = r ? r : codec_cut_sse(out, SLICE_NONE, buf_slice(&json));
	buf_release(&json);
	return r;
}
