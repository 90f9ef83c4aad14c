/* Gemini's embeddings, :embedContent and :batchEmbedContents (ai.google.dev/api/embeddings): input alone is
 * paid. Newer models report it in usageMetadata; where they do not it is counted. */
#include "codec/codec.h"

#include "model/wire.h"

enum { R_CONTENT, R_REQUESTS };
static const struct wire_word request_fields[] = {WIRE_WORD("content", R_CONTENT),
                                                  WIRE_WORD("requests", R_REQUESTS)};

static void read_element(struct json *j, int index, void *arg)
{
	(void)index;
	(void)arg;
	json_skip(j, NULL);
}

static void read_request_field(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	if (id == R_REQUESTS) {
		v->message_count = wire_elements(j, &v->messages, read_element, NULL);
	} else {
		wire_range(j, &v->messages);
		v->message_count = 1;
	}
}

static int request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                   struct error *e)
{
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, out, e);
	(void)mem;
	if (rc)
		return rc;
	out->max_output = 0; /* there is no output to pay */
	/* a file that is named, not sent */
	out->hidden_input = slice_find(out->messages, SLICE("\"fileData\"")) >= 0 ||
	                    slice_find(out->messages, SLICE("\"file_data\"")) >= 0;
	codec_path_model(t, out);
	return out->model.n ? 0 : wire_no_model(e);
}

static void answer(slice body, struct answer *a)
{
	codec_gemini.answer(body, a);
	if (!a->ended || a->error)
		return;
	a->usage.m[METER_OUTPUT] = 0;
	a->has_usage = a->usage.m[METER_INPUT] >= 0;
	a->output_told = true;
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
	return codec_gemini.refusal(r, out);
}

const struct codec_ops codec_gemini_embed = {
    .name = "gemini embed",
    .request = request,
    .answer = answer,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};
