/* One call's life: from a request's head to its settlement. The stages are sequenced here; a state changes in
 * exchange_set_state only, a hold is settled in settle_call only. The server side (libmicrohttpd) drives it
 * through the functions below. */
#ifndef WEIR_GATEWAY_EXCHANGE_H
#define WEIR_GATEWAY_EXCHANGE_H

#include "gateway/batch_tap.h"
#include "gateway/context.h"
#include "gateway/meter.h"
#include "gateway/refusal.h"
#include "gateway/strict.h"
#include "gateway/upstream.h"
#include "gateway/warn.h"
#include "policy/session.h"
#include "policy/budget.h"

enum exchange_state {
	EX_NEW,       /* the request line is read */
	EX_READING,   /* the head is admitted; the body is coming in */
	EX_HELD,      /* held back: a stage of admission will be asked again */
	EX_CALLING,   /* the intent is in the journal; the provider has not answered yet */
	EX_ANSWERING, /* the provider's head is here, its body is coming */
	EX_ANSWERED,  /* nothing more comes from the provider; the client may still be reading */
	EX_REFUSED,   /* the answer is Weir's own */
	EX_CLOSED,    /* the client's side is over */
	EX_STATES
};

#define EXCHANGE_HEADERS_MAX 100

struct exchange {
	struct worker *w;
	struct exchange *prev, *next; /* in w->active */
	enum exchange_state state;
	struct arena mem;
	struct settings *settings; /* owned reference, from the head on */
	struct keyring *keys;      /* owned reference */
	struct trust *trust;       /* owned reference */

	/* the request; header texts belong to the server's connection and live until the exchange is closed
	 */
	slice method, target_raw, version;
	struct headers headers; /* in mem */
	struct strict_out framing;
	struct target target;
	const struct codec_ops *codec;   /* of the target's API; NULL when it is not metered */
	const struct codec_ops *refuser; /* to refuse with; never NULL once the head is read */
	unsigned char stage;             /* of the admission after the body */
	struct held_wait wait;           /* while EX_HELD; since_us stays */
	int retry_after_s;               /* of a refusal, in place of its kind's; 0: that */
	uint64_t peer;                   /* a hash of the client's address; 0: not known */
	bool loopback;                   /* the listener's */
	bool no_certificate;   /* the listener wants a client certificate, and there is no good one */
	bool discarding;       /* the body is read and thrown away before a refusal is sent */
	struct block_buf body; /* of w->blocks */
	size_t body_n;         /* bytes read; kept after body is freed */
	int64_t held_bytes;    /* of the shared cap on bodies */

	/* decisions */
	struct principal who;
	struct request_view view;
	const struct provider *provider; /* in settings */
	struct prediction predicted;     /* valid when foreseen */
	bool foreseen, sampled;
	const struct price *price; /* in settings; NULL for what is not metered */
	bool price_fallback;
	/* the tightest budget it is paid from, as of its admission; the name in mem or settings */
	struct budget_left budget;
	struct quota_ticket quota;
	struct facts facts;       /* of the record and the request, from admit_gates on */
	struct session_turn turn; /* its thread 0: of no session */
	struct body_item *fresh;  /* what is new of it, until it leaves: the latest, in order; in mem */
	size_t fresh_n, fresh_room;
	slice advice;         /* a note to the model, put at the end of the request; n 0: none */
	bool storm_known;     /* the storm's stage has looked at it */
	struct record record; /* texts in mem */
	journal_slot slot;    /* 0: none, or settled */
	bool left;            /* the provider was reached */
	struct call_hold {
		struct budget_hold budget;
		struct budget_need need;    /* held now */
		int64_t input;              /* bound, of all input together */
		struct budget_output cover; /* of one choice's output */
		bool sliced;                /* the output is seen, and held slice by slice */
		int64_t limit;              /* of output, that Weir sends; 0: the client's own */
		int64_t searches, hosted;   /* calls of the provider's own tools: web searches, others */
		bool tools_limited;         /* the request is sent with a limit of so many */
	} hold;
	int64_t arrived_us, asked_us, first_byte_us, last_byte_us, ended_us; /* monotonic; 0: not yet */

	struct batch_call batch;

	/* the answer */
	struct upstream_call *call; /* NULL when none is under way */
	struct stream_meter meter;
	struct usage noted;            /* what the journal has of the usage so far */
	int status;                    /* of the answer to the client; 0: not known yet */
	struct headers answer_headers; /* in mem */
	size_t answer_headers_room;    /* headers that fit */
	int64_t answer_length;         /* of the body; -1: not known */
	bool draining;                 /* the client has gone, and the rest is read for its usage */
	bool detached;                 /* the server's side is over too: ex is freed when the provider's is */
	int64_t drain_until_us;        /* monotonic */
	int64_t drain_left;            /* bytes; below 0: too much came */
	bool gather;                   /* the body is kept in whole, for the meter */
	struct block_buf whole;
	int64_t held_whole; /* of the shared cap on bodies */
	size_t whole_at;    /* bytes of it given to the client */
	struct buf out;     /* what waits for the client */
	bool streaming;     /* the answer to the client has begun before its body is complete */
	bool ready;         /* status and headers may be sent */
	bool broken;        /* the provider's body ended too early: the client must see that */
	bool refused_close; /* the connection must close after the refusal */
	struct cost cost;   /* when known before the body goes out */
	bool cost_known;
	struct exchange_end { /* the stream must end as soon as it stands between two events */
		bool wanted;
		enum refusal_kind kind;
		slice rule, message; /* in mem */
	} end;

	/* the server's side */
	void (*wake)(struct exchange *ex); /* the client's side may go on; safe to call at any time */
	void *connection;                  /* not owned */
	void *client;                      /* not owned */
	bool suspended;
};

struct exchange *exchange_new(struct worker *w, slice target_raw);

enum exchange_next {
	NEXT_BODY,   /* give the body's pieces, then exchange_body_end */
	NEXT_WAIT,   /* wake will be called */
	NEXT_ANSWER, /* exchange_answer has it */
};

/* The head is complete: headers are in ex->headers, ex->method, ex->version set. */
enum exchange_next exchange_head(struct exchange *ex, size_t head_bytes);
void exchange_body(struct exchange *ex, slice piece);
enum exchange_next exchange_body_end(struct exchange *ex);
/* May the answer's status and headers be sent? */
static inline bool exchange_ready(const struct exchange *ex)
{
	return ex->ready;
}
/* Bytes of the answer: > 0 written, 0 none now (wake will be called), -1 the end, -2 the end, too early. */
long exchange_read(struct exchange *ex, char *out, size_t max);
/* The client has closed its connection while the call is under way. */
void exchange_client_gone(struct exchange *ex);
/* The server is through with the request (delivered: all of it was sent); ex is freed. */
void exchange_close(struct exchange *ex, bool delivered);
/* Time limits; called a few times a second. */
void exchange_tick(struct exchange *ex, int64_t now_us);
/* The gateway must stop: the provider is cut off and the client sees an early end. */
void exchange_abort(struct exchange *ex);

/* For a stage of admission that would let the call on a little later: true when the call waits (the stage
 * returns ADMIT_HELD and is asked again at until_us at the latest, monotonic microseconds); false when it may
 * wait no longer: its time is spent, the gateway drains, or there is no memory. The stage refuses it then. */
bool exchange_hold_back(struct exchange *ex, int64_t until_us) WARN_UNUSED;
/* Asks the stages of a held call again; by the worker's loop. */
void exchange_retry(void *ex);

/* Ends a running call for a reason of Weir's own: the provider is cancelled at once, the call is booked as
 * truncated by the rule, with what was used so far. A stream ends as a truncated answer of its dialect, at
 * once or at the end of the event that is passing; a client that has seen nothing yet gets a refusal of that
 * kind. rule, message: copied. False when there is nothing to end: no call is under way, or its last word has
 * passed, or its answer is no stream and has begun to go out, whole as the provider made it: it goes on. */
bool exchange_end_stream(struct exchange *ex, enum refusal_kind kind, slice rule, slice message);

void exchange_set_state(struct exchange *ex, enum exchange_state to);
const char *exchange_state_name(enum exchange_state s);

/* Answers with a refusal, booked as a row when the call has been recognised (record.id set). */
void exchange_refuse(struct exchange *ex, enum refusal_kind kind, const char *rule, slice message);

#endif
