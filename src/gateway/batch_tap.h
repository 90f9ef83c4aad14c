/* What an exchange does about message batches: it knows the calls that make them, bounds their cost before
 * they leave, and reads results as they pass to a client. Called by exchange.c and admit.c at the places
 * named. */
#ifndef WEIR_GATEWAY_BATCH_TAP_H
#define WEIR_GATEWAY_BATCH_TAP_H

#include "gateway/batch.h"
#include "gateway/batch_budget.h"
#include "text/lines.h"

struct exchange;

enum batch_kind {
	BATCH_CALL_NONE, /* no batch, or a call that changes nothing that is followed */
	BATCH_CALL_CREATE,
	BATCH_CALL_UPLOAD, /* a file of requests for a batch */
	BATCH_CALL_STATUS,
	BATCH_CALL_RESULTS,
	BATCH_CALL_DELETE,
	BATCH_CALL_CACHE, /* of Gemini: cache_tap.h */
	BATCH_CALL_CACHE_CHANGE,
	BATCH_CALL_CACHE_END,
};

/* Within an exchange. */
struct batch_call {
	enum batch_kind kind;
	struct batch *of;       /* a reference; NULL: not one of ours */
	int64_t file_hold;      /* of an upload */
	int64_t worst;          /* of a cache or a batch: what it can cost */
	int64_t tokens;         /* of a cache, when its creation has been answered */
	struct lines lines;     /* while results pass */
	struct batch_used used; /* by the results that passed */
	bool reading, lost;     /* lost: a line was not booked */
	bool waits;             /* the provider is slowed until the journal has room */
};

/* After the view: what kind of call it is, whose batch, which provider. False when refused. */
bool batch_tap_admit(struct exchange *ex);
/* Once the provider is known: the most it can cost. False when refused. */
bool batch_tap_hold(struct exchange *ex);
/* The answer's head. */
void batch_tap_head(struct exchange *ex, int status);
/* A piece of results; false: the journal has no room for more rows now, give it again later. */
bool batch_tap_piece(struct exchange *ex, slice piece);
/* The answer is whole, the call not yet settled. body: what was gathered. */
void batch_tap_end(struct exchange *ex, slice body);
/* The answer is whole and settled, and nothing of it sent: what must be changed in it is. */
void batch_tap_edit(struct exchange *ex);
/* A few times a second: lets a provider go on that was slowed. */
void batch_tap_tick(struct exchange *ex);
void batch_tap_release(struct exchange *ex);

#endif
