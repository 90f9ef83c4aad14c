/* The alerts that are open, and what is to be told of them: brings what is so now together with what was
 * told.
 *
 * A turn: alert_book_begin, then alert_book_raise for everything that is so, then alert_book_end with the
 * kinds that could be looked at. What was not raised again is over. Nothing is told twice: an open alert is
 * told when it is raised, when its level rises, after its target's `repeat`, and when it is over. A silence
 * holds back what it matches; what is still so when it ends is told then.
 *
 * Everything that changed is written by alert_book_store, within a transaction of the caller's; until that
 * has been committed (alert_book_stored) it stays to be written. Deliveries are given out by alert_book_due
 * once they are stored, or at once while the ledger fails (`unstored`), so that trouble with the ledger
 * itself is told. One thread. Time comes in as a parameter. */
#ifndef WEIR_FINOPS_ALERT_BOOK_H
#define WEIR_FINOPS_ALERT_BOOK_H

#include "base/crypto.h"
#include "finops/alert.h"
#include "store/ledger.h"

#define ALERT_OPEN_MAX     4096
#define ALERT_WAITING_MAX  8192
#define ALERT_SILENCES_MAX 256
#define ALERT_JOINED_MAX   50 /* alerts in one message */
#define ALERT_GIVE_UP_MS   (INT64_C(24) * 3600 * 1000)
#define ALERT_GIVE_UP_4XX  (INT64_C(3600) * 1000) /* of what the receiver itself turns down */
#define ALERT_RETRY_MS     5000
#define ALERT_RETRY_MOST   (INT64_C(60) * 1000)

struct alert_book;

/* acknowledged: of incidents alone, when somebody has silenced it */
enum alert_event {
	ALERT_RAISED,
	ALERT_RISEN,
	ALERT_REPEATED,
	ALERT_RESOLVED,
	ALERT_TESTED,
	ALERT_ACKNOWLEDGED,
	ALERT_EVENTS
};
const char *alert_event_name(enum alert_event e);

/* One alert of a message, as it is now. Slices live until the next call of the book. */
struct alert_told {
	slice id, severity, body;
	enum alert_kind kind;
	enum alert_event event; /* the last of those that are told here */
	int64_t seq;            /* of that: with the alert's id it makes the event known */
	int64_t since_ms, raised_ms, resolved_ms, count;
};
/* A message that is due: what is to be told to one target at once. */
struct alert_message {
	int64_t id; /* of its oldest delivery: the same when it is sent again after a crash */
	const struct alert_target *target;
	size_t n;
	struct alert_told told[ALERT_JOINED_MAX];
};

struct alert_outcome {
	bool sent;
	bool turned_down;       /* by the receiver: 4xx but 408 and 429 */
	int64_t retry_after_ms; /* that it asks for; 0 none */
	slice why;
};

struct alert_stats {
	size_t open[ALERT_SEVERITIES];
	size_t waiting, silenced;
	int64_t oldest_ms; /* since when the oldest delivery waits; 0: none does */
	unsigned long long raised, resolved, sent, attempts_failed, given_up, overflow;
};

struct alert_book *alert_book_new(void); /* NULL without memory */
void alert_book_free(struct alert_book *b);

/* At the start: what is open, what waits, what was sent of late. */
int alert_book_load(struct alert_book *b, const struct ledger_ops *ops, struct ledger *l, int64_t now_ms,
                    struct error *e) WARN_UNUSED;
/* Silences anew, and alerts and deliveries that another process put (tests). */
int alert_book_refresh(struct alert_book *b, const struct ledger_ops *ops, struct ledger *l, int64_t now_ms,
                       struct error *e) WARN_UNUSED;

/* Told of each alert that is raised (event ALERT_RAISED) and that is over (ALERT_RESOLVED); for the log. */
struct alert_news {
	slice id, cause;
	enum alert_kind kind;
	enum alert_severity severity;
	enum alert_event event;
	bool silenced;
};
void alert_book_on_news(struct alert_book *b, void (*fn)(void *arg, const struct alert_news *n), void *arg);

/* The targets, until the next call; not owned. */
void alert_book_targets(struct alert_book *b, const struct alert_target *targets, size_t n);
void alert_book_begin(struct alert_book *b);
/* ERR_FULL: no room for another one (counted; it is raised again later if it is still so). */
int alert_book_raise(struct alert_book *b, const struct alert_cause *c, int64_t now_ms) WARN_UNUSED;
/* kinds: a bit for each that was looked at: of the others nothing is over. */
void alert_book_end(struct alert_book *b, uint64_t kinds, int64_t now_ms);

bool alert_book_dirty(const struct alert_book *b);
int alert_book_store(struct alert_book *b, const struct ledger_ops *ops, struct ledger *l,
                     struct error *e) WARN_UNUSED;
/* It was committed; else all of it is written again. */
void alert_book_stored(struct alert_book *b, bool committed);

/* The next message for a target that has none under way; false: none is due. */
bool alert_book_due(struct alert_book *b, const struct alert_target *t, int64_t now_ms, bool unstored,
                    struct alert_message *out);
/* How it went. */
void alert_book_done(struct alert_book *b, const struct alert_message *m, const struct alert_outcome *o,
                     int64_t now_ms);

/* How many attempts to send to it have failed in a row. */
int64_t alert_book_failures(const struct alert_book *b, const struct alert_target *t);

void alert_book_stats(const struct alert_book *b, struct alert_stats *out);

#endif
