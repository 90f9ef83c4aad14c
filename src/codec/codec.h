/* What a codec does: reads a request of its API into a view, reads the usage out of an answer, whole or event
 * by event, and writes a refusal in the dialect's own error shape. Codecs hold no state of their own;
 * registry.h gives them by API. */
#ifndef WEIR_CODEC_CODEC_H
#define WEIR_CODEC_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/body.h"
#include "model/types.h"
#include "text/json.h"
#include "text/sse.h"

/* Where a request came to: what the path says. */
struct target {
	enum api api;
	enum dialect dialect; /* whose providers take it: the API's own, or Azure for OpenAI's APIs */
	slice path;           /* raw, without the query */
	slice query;          /* raw, without '?' */
	slice provider;       /* of /p/{provider}/…; n 0 otherwise */
	slice rest;           /* raw path to send on, /p/{provider} removed */
	slice model; /* the path's model, percent-decoded (Gemini, Bedrock, Vertex; Azure: its deployment);
	                n 0 when the body names it */
	size_t model_n, model_behind; /* where that stands in rest: its raw bytes, and those behind it */
	slice region;                 /* of Vertex, as prices go: "global" or "regional"; n 0 otherwise */
	bool stream;                  /* the path says that the answer streams (Gemini, Bedrock) */
};

enum event_action {
	EVENT_PASS, /* the event's bytes go on as they are */
	EVENT_DROP, /* kept from the client */
	EVENT_EDIT, /* passed on with edits applied to its data */
};

/* What is open in a streamed answer: what its client has been given and not been told the end of. Followed
 * event by event by `follow`, used by `cut`; zeroed to begin. */
enum open_kind { OPEN_NONE, OPEN_TEXT, OPEN_THINKING, OPEN_TOOL, OPEN_OTHER };
#define STREAM_CHOICES_MAX 64
struct stream_open {
	bool begun;          /* an event of the answer has passed */
	bool stopped;        /* why it stops has been said: only the last word is missing */
	bool ended;          /* the last word has passed */
	enum open_kind kind; /* of the open block, or the last one where blocks do not end by themselves */
	int64_t block;       /* its index */
	int64_t blocks;      /* how many there were */
	int64_t part;        /* Responses: of the open item's content */
	int64_t created;     /* chat, Responses: Unix seconds; 0 not said */
	int64_t sequence;    /* Responses: the last event's number */
	bool empty;          /* nothing of the open block has passed yet */
	struct name item;    /* Responses: the open item's id */
	uint64_t seen, finished, text; /* chat, Gemini: bits of the choices by index */
	struct buf kept;     /* Responses: the items that are done, as JSON, commas between; owned */
	struct buf parts;    /* Responses: the open item's parts that are done, likewise; owned */
	struct buf said;     /* Responses: the open part's text so far, as in a JSON string; owned */
	bool lost;           /* these three are not whole: over their cap */
	unsigned char shape; /* InvokeModel: whose events they are */
};
#define STREAM_KEPT_MAX (512 * 1024)

/* The early end of a stream. */
struct stream_cut {
	slice message;             /* for the human who reads the answer; n 0: none */
	const struct usage *usage; /* so far */
	const struct answer *answer;
	const struct request_view *view;
	const char *id; /* for an answer that has not begun: Weir's id of the call */
	int64_t time_s; /* now */
	int64_t latency_ms;
};

struct refusal_text {
	const char *kind; /* budget, identity, … (PRODUCT's kinds) */
	int status;       /* HTTP */
	slice message;    /* UTF-8, for a human */
};

struct codec_ops {
	const char *name;
	/* Reads the body (whole JSON). ERR_INVALID with offset when it is not valid JSON, not an object, a
	 * field Weir reads stands twice, or a needed field (model) is missing. Unescaped texts are put into
	 * the arena. */
	int (*request)(const struct target *t, slice body, struct arena *mem, struct request_view *out,
	               struct error *e);
	/* Gives the items of one span (body_spans) of a view that `request` made; NULL when the API's
	 * requests have no content. Returns what on_item returned to end the walk, else 0. */
	int (*items)(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
	             void *arg);
	/* Edits the body needs before it is sent (chat: stream_options.include_usage); may be NULL. */
	int (*prepare)(const struct request_view *v, struct json_edits *edits, struct arena *mem);
	/* Puts a note to the model at the end of the request (advise.c). False when the request does not end
	 * so that one may stand there, or without memory: nothing is edited then. May be NULL. */
	bool (*advise)(const struct request_view *v, slice note, struct json_edits *edits, struct arena *mem);
	/* A whole JSON answer (success or error). Never fails: what cannot be read leaves fields absent. */
	void (*answer)(slice body, struct answer *a);
	/* The head of a successful answer, for what it says of usage; before answer and event. May be NULL.
	 */
	void (*head)(const struct headers *h, struct answer *a);
	/* One event of a streamed answer (a message of an AWS event stream is given as one, its type as name,
	 * its payload as data); v is the request's view (NULL allowed). When EVENT_EDIT is returned
	 * edits hold the change to e->data; EVENT_EDIT is only returned for events with a single data line.
	 */
	enum event_action (*event)(const struct sse_event *e, const struct request_view *v, struct answer *a,
	                           struct json_edits *edits);
	/* True when `event` may return DROP or EDIT for this request, so that events must be held back until
	 * they are whole. */
	bool (*edits_stream)(const struct request_view *v);
	/* Follows what is open as an event passes, before or after `event`. NULL where nothing streams. */
	void (*follow)(const struct sse_event *e, struct stream_open *o);
	/* Ends a stream between two events as a truncated answer of its dialect: what is open is closed, with
	 * "[weir] " and the message as a last text where text is open; the reason is the dialect's for a
	 * limit of output; the usage so far is said. What it appends is framed as the stream is. ERR_FULL,
	 * ERR_NOMEM of out. */
	int (*cut)(const struct stream_open *o, const struct stream_cut *c, struct buf *out);
	/* The error body, JSON, appended to out. */
	int (*refusal)(const struct refusal_text *r, struct buf *out);
};

/* The codecs there are; registry_codec gives them by API. Those of the *_count and *_models APIs meter
 * nothing: their answers carry no usage that is billed. */
extern const struct codec_ops codec_anthropic, codec_anthropic_count, codec_anthropic_models;
extern const struct codec_ops codec_anthropic_batch, codec_openai_batch;
extern const struct codec_ops codec_openai_chat, codec_openai_models;
extern const struct codec_ops codec_openai_embeddings;
extern const struct codec_ops codec_openai_responses;
extern const struct codec_ops codec_gemini, codec_gemini_count, codec_gemini_models;
extern const struct codec_ops codec_bedrock_invoke, codec_bedrock_converse, codec_bedrock_count;
extern const struct codec_ops codec_openai_completions;
extern const struct codec_ops codec_gemini_embed, codec_gemini_interactions, codec_gemini_caches;
extern const struct codec_ops codec_cohere, codec_cohere_models;
extern const struct codec_ops codec_ollama, codec_ollama_models;

/* What a body says of one of Gemini's caches: its creation, a change, an answer. Absent is TOKENS_ABSENT. */
struct codec_cache {
	struct name name, model;
	int64_t tokens;
	int64_t lifetime_ms; /* from its creation to its end */
	int64_t left_ms;     /* from now to its end */
	bool error;
};
void codec_cache_read(slice body, int64_t now_ms, struct codec_cache *out);
/* How long it is kept; an hour when nothing is said. */
int64_t codec_cache_lifetime(const struct codec_cache *c);
/* Token-hours, rounded up. */
int64_t codec_cache_hours(int64_t tokens, int64_t lifetime_ms);

/* Readers of requests that stand in a file of their own: the `request` of their codec. */
int codec_anthropic_request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                            struct error *e);
int codec_openai_chat_request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                              struct error *e);
int codec_openai_responses_request(const struct target *t, slice body, struct arena *mem,
                                   struct request_view *out, struct error *e);
int codec_gemini_request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                         struct error *e);
int codec_bedrock_converse_request(const struct target *t, slice body, struct arena *mem,
                                   struct request_view *out, struct error *e);
/* Likewise the `items` of theirs. */
int codec_anthropic_items(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                          void *arg);
int codec_openai_chat_items(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                            void *arg);
int codec_openai_responses_items(const struct request_view *v, const struct body_span *s,
                                 body_item_fn *on_item, void *arg);
int codec_gemini_items(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                       void *arg);
int codec_bedrock_converse_items(const struct request_view *v, const struct body_span *s,
                                 body_item_fn *on_item, void *arg);
int codec_bedrock_invoke_items(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                               void *arg);
/* The notes of the dialects. */
bool codec_advise_anthropic(const struct request_view *v, slice note, struct json_edits *edits,
                            struct arena *mem);
bool codec_advise_converse(const struct request_view *v, slice note, struct json_edits *edits,
                           struct arena *mem);
bool codec_advise_invoke(const struct request_view *v, slice note, struct json_edits *edits,
                         struct arena *mem);
bool codec_advise_chat(const struct request_view *v, slice note, struct json_edits *edits, struct arena *mem);
bool codec_advise_responses(const struct request_view *v, slice note, struct json_edits *edits,
                            struct arena *mem);
bool codec_advise_gemini(const struct request_view *v, slice note, struct json_edits *edits,
                         struct arena *mem);
int codec_bedrock_refusal(const struct refusal_text *r, struct buf *out);
/* The model that the path names, when it does, in place of the body's. */
static inline void codec_path_model(const struct target *t, struct request_view *v)
{
	if (t->model.n == 0)
		return;
	v->model = t->model;
	v->model_raw = SLICE_NONE;
}
int codec_openai_chat_prepare(const struct request_view *v, struct json_edits *edits, struct arena *mem);
bool codec_openai_chat_edits_stream(const struct request_view *v);

/* Whether a request of this API can be sent with a limit of output of Weir's (limit.c), and the edits that do
 * it: in place of the client's, or put in. A thinking budget that would not fit below it is lowered.
 * ERR_INVALID when the limit is too small for the request's own terms, ERR_UNSUPPORTED when it has no place
 * for one. */
bool codec_can_limit(enum api api);
/* All that the model makes is seen as it streams: nothing of it is thought in secret. Of what is not known to
 * be so, no. */
bool codec_shows_output(const struct request_view *v);
int codec_limit(const struct request_view *v, int64_t limit, struct json_edits *edits, struct arena *mem);

/* The provider's own tools that are billed by call, as a request offers them to the model. */
struct codec_hosted {
	bool searches, others; /* web searches; any other */
	int64_t most;   /* calls that the request itself allows, of all together; INT64_MAX: any number */
	bool can_limit; /* codec_hosted_limit has a place for a limit */
};
void codec_hosted(const struct request_view *v, struct codec_hosted *out);
/* The edits after which the request allows no more than so many (Anthropic: max_uses of its search tool;
 * Responses: max_tool_calls). ERR_UNSUPPORTED where it has no place for it. */
int codec_hosted_limit(const struct request_view *v, int64_t limit, struct json_edits *edits,
                       struct arena *mem);

/* `request` of an API whose body is not read: of lists of models. */
int codec_request_nothing(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                          struct error *e);

/* `follow` and `cut` of each dialect, in files of their own (*_cut.c). */
#define CODEC_CUT(name)                                                                                      \
	void codec_##name##_follow(const struct sse_event *e, struct stream_open *o);                        \
	int codec_##name##_cut(const struct stream_open *o, const struct stream_cut *c, struct buf *out)
CODEC_CUT(anthropic);
CODEC_CUT(openai_chat);
CODEC_CUT(openai_responses);
CODEC_CUT(gemini);
CODEC_CUT(bedrock_converse);
CODEC_CUT(bedrock_invoke);
CODEC_CUT(cohere);
CODEC_CUT(ollama);
#undef CODEC_CUT
/* What a person reads at the end of a cut answer: "[weir] " and the message, on a line of its own behind
 * other text. In out, cut to fit. */
#define CUT_TEXT_MAX 1536
slice codec_cut_text(slice message, bool behind_text, char out[CUT_TEXT_MAX]);
/* One event: "event: name" (n 0: none), "data: data". */
int codec_cut_sse(struct buf *out, slice name, slice data);
/* All input tokens together, as the dialects whose prompt includes the cache count them; and all output. 0
 * when unknown. */
int64_t codec_cut_input(const struct usage *u);
int64_t codec_cut_output(const struct usage *u);
/* Anthropic's and Converse's events of an early end, each given as its JSON with its type: other framings
 * wrap them. */
typedef int codec_cut_event(void *arg, slice type, slice json);
int codec_anthropic_cut_events(const struct stream_open *o, const struct stream_cut *c, codec_cut_event *emit,
                               void *arg);
int codec_bedrock_cut_events(const struct stream_open *o, const struct stream_cut *c, codec_cut_event *emit,
                             void *arg);

#endif
