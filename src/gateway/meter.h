/* The tap on an answer: what passes is read for its usage and goes on byte for byte, but for the events a
 * codec keeps back or edits because Weir asked the provider for more than the client did. */
#ifndef WEIR_GATEWAY_METER_H
#define WEIR_GATEWAY_METER_H

#include "base/buf.h"
#include "codec/codec.h"
#include "model/said.h"
#include "model/types.h"
#include "text/eventstream.h"
#include "text/lines.h"

enum meter_mode {
	METER_PASS,   /* not read: unmetered, or an error of the transport */
	METER_WHOLE,  /* one JSON body, gathered and read at its end */
	METER_EVENTS, /* server-sent events, read as they pass */
	METER_FRAMES, /* messages of an AWS event stream, likewise */
	METER_LINES,  /* JSON Lines (Ollama, Cohere's v1), likewise */
};

struct stream_meter {
	enum meter_mode mode;
	const struct codec_ops *codec;   /* not owned; NULL when mode is METER_PASS */
	const struct request_view *view; /* not owned */
	struct answer answer;
	struct stream_open open; /* of a stream whose codec can cut it */
	union {                  /* of METER_EVENTS, METER_FRAMES, METER_LINES */
		struct sse sse;
		struct eventstream frames;
		struct lines lines;
	};
	struct said said;                /* of a stream, until its usage is known */
	struct predictor *predictor;     /* not owned; NULL: bytes are counted */
	struct predict_scratch *scratch; /* not owned */
	int64_t input;   /* tokens of the request when it is not reported; TOKENS_ABSENT: not known */
	bool edits;      /* events go on only when whole */
	bool lost;       /* something could not be read: what is known is not all */
	size_t passed;   /* bytes of answer that came from the provider */
	struct buf *out; /* during meter_feed */
};

void meter_init(struct stream_meter *m, const struct codec_ops *codec, const struct request_view *view);
void meter_release(struct stream_meter *m);
/* What is not reported will be counted with these, not by its bytes alone. */
void meter_count_with(struct stream_meter *m, struct predictor *p, struct predict_scratch *s);
/* The answer's head is known: how it is read. */
void meter_begin(struct stream_meter *m, enum meter_mode mode, size_t max_event);
/* What the head of an answer says of usage. */
void meter_head(struct stream_meter *m, const struct headers *h);
static inline bool meter_is_stream(const struct stream_meter *m)
{
	return m->mode == METER_EVENTS || m->mode == METER_FRAMES || m->mode == METER_LINES;
}
/* Events of the stream that were not read. */
unsigned long long meter_skipped(const struct stream_meter *m);
/* A piece of a stream: bytes for the client go to out. ERR_FULL, ERR_NOMEM from out. */
int meter_feed(struct stream_meter *m, slice piece, struct buf *out) WARN_UNUSED;
/* Bytes at the end of out that are the beginning of an event: not to be given to the client yet, so that the
 * stream can still be ended between two events. */
size_t meter_tail(const struct stream_meter *m);
/* The stream stands between two events but for that tail, and its codec can end it here. */
bool meter_can_cut(const struct stream_meter *m);
/* Ends the stream as a truncated answer: the tail is taken out of out, the dialect's end goes there. c's
 * answer and view are set here. */
int meter_cut(struct stream_meter *m, struct stream_cut *c, struct buf *out) WARN_UNUSED;
/* The stream's end: what was held back goes to out. */
int meter_finish(struct stream_meter *m, struct buf *out) WARN_UNUSED;
/* A whole body. */
void meter_whole(struct stream_meter *m, slice body);

/* What the call used, from the answer and, where the provider did not say, by counting what passed; thinking
 * that an abandoned call was not shown is taken to be what the model's is on average. body_bytes: of the
 * request. abandoned: the call ended before the answer did. Returns where the figures are from. */
enum usage_source meter_usage(const struct stream_meter *m, size_t body_bytes, bool abandoned,
                              struct usage *out);

/* Tokens of what passed, in the base encoding. */
int64_t meter_count(const struct stream_meter *m);
/* What is known of the usage so far, roughly where it must be counted: true when it has changed enough from
 * *noted, which is then it. */
bool meter_progress(const struct stream_meter *m, struct usage *noted);

/* Tokens of n bytes of text where nothing better is known: one for every four bytes, rounded up. */
int64_t meter_estimate(int64_t bytes);

#endif
