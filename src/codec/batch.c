/* The calls around message batches: they cost nothing by themselves, and what their bodies and answers hold
 * is read by gateway/batch*.c. What is left here is the dialect's own way of refusing. */
#include "codec/codec.h"

#include "model/wire.h"

/* Bodies may be multipart, JSON or none. */
static int read_nothing(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                        struct error *e)
{
	(void)t, (void)body, (void)mem, (void)out, (void)e;
	return 0;
}

static void answer_nothing(slice body, struct answer *a)
{
	(void)body, (void)a;
}

static enum event_action pass_event(const struct sse_event *e, const struct request_view *v, struct answer *a,
                                    struct json_edits *edits)
{
	(void)e, (void)v, (void)a, (void)edits;
	return EVENT_PASS;
}

static int refuse_anthropic(const struct refusal_text *r, struct buf *out)
{
	return codec_anthropic.refusal(r, out);
}

static int refuse_openai(const struct refusal_text *r, struct buf *out)
{
	return codec_openai_chat.refusal(r, out);
}

const struct codec_ops codec_anthropic_batch = {
    .name = "anthropic.batch",
    .request = read_nothing,
    .answer = answer_nothing,
    .event = pass_event,
    .edits_stream = wire_edits_nothing,
    .refusal = refuse_anthropic,
};

const struct codec_ops codec_openai_batch = {
    .name = "openai.batch",
    .request = read_nothing,
    .answer = answer_nothing,
    .event = pass_event,
    .edits_stream = wire_edits_nothing,
    .refusal = refuse_openai,
};
