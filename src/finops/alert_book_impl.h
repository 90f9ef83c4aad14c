/* Inside of finops/alert_book*.c. */
#ifndef WEIR_FINOPS_ALERT_BOOK_IMPL_H
#define WEIR_FINOPS_ALERT_BOOK_IMPL_H

#include "finops/alert_book.h"

#define TARGET_NAME_MAX 64
#define ERROR_MAX       200
#define RENEW_MS        60000 /* the figures of one that is open are at most so old */
#define GROUPS_MAX      512   /* of which it is known when they were told last */
#define PAST_TARGETS    (ALERT_TARGETS_MAX * 2)

struct item {
	char id[CRYPTO_ID_MAX], silence[CRYPTO_ID_MAX];
	char *cause, *body, *user; /* owned */
	uint64_t hash, group;      /* of the cause; of what is told together */
	enum alert_kind kind;
	enum alert_severity severity;
	int64_t body_ms; /* when what it says was renewed */
	int64_t level, told_level, since_ms, raised_ms, seen_ms, told_ms, resolved_ms, hold_ms, count;
	bool here; /* raised again in this turn */
	bool dirty, storing, stored;
	bool foreign;  /* another process has it open */
	unsigned refs; /* deliveries of it that are kept */
};

enum delivery_state {
	DELIVERY_WAITING,
	DELIVERY_SENT,
	DELIVERY_FAILED,
	DELIVERY_SILENCED,
	DELIVERY_UNWANTED
};

struct delivery {
	struct item *alert;
	int64_t seq, made_ms, due_ms, done_ms, tries, message;
	char target[TARGET_NAME_MAX], error[ERROR_MAX];
	enum alert_event event;
	enum delivery_state state;
	bool dirty, storing, fresh; /* fresh: its seq is of the transaction under way */
	bool busy;                  /* in a message under way */
};

struct silence {
	char id[CRYPTO_ID_MAX];
	char *matches; /* owned */
	int64_t from_ms, until_ms;
};
#define GONE_MS (INT64_C(3600) * 1000) /* a target that is in no settings is waited for that long */

/* What is kept of a target by its name, so that a reload changes nothing. */
struct past {
	char name[TARGET_NAME_MAX];
	int64_t spare_ms; /* room for messages: each takes an hour / rate of it, and time gives it back */
	int64_t at_ms;    /* when that was so */
	int64_t retry_ms; /* it failed: not before */
	int64_t failures; /* in a row */
};

struct alert_book {
	struct item *items[ALERT_OPEN_MAX];          /* owned; also those that are over and not told yet */
	struct delivery *waiting[ALERT_WAITING_MAX]; /* owned, by seq; also those done and not stored */
	struct silence silences[ALERT_SILENCES_MAX];
	struct past past[PAST_TARGETS];
	struct group {
		uint64_t key; /* of a target and what is told together */
		int64_t at_ms;
	} groups[GROUPS_MAX];
	const struct alert_target *targets; /* not owned */
	size_t items_n, waiting_n, silences_n, targets_n, past_n;
	bool silences_moved;     /* they are to be looked at anew, … */
	int64_t silence_next_ms; /* … and then, when the next begins or ends */
	void (*on_news)(void *arg, const struct alert_news *n);
	void *news_arg;
	struct crypto_ids ids;
	struct alert_stats stats;
};

/* alert_book.c */
struct item *alert_item_new(struct alert_book *b, const char *id, slice cause, slice body, slice user);
struct item *alert_item_by_id(struct alert_book *b, slice id);
struct past *alert_past_of(struct alert_book *b, const struct alert_target *t, int64_t now_ms);
/* Adds one that waits; NULL when there is no room. */
struct delivery *alert_delivery_new(struct alert_book *b, struct item *it, slice target, enum alert_event ev,
                                    int64_t now_ms);
void alert_delivery_end(struct delivery *d, enum delivery_state state, int64_t now_ms);
/* Is it silenced now, and by which? Sets it->silence; true when that changed. */
bool alert_item_silence(struct alert_book *b, struct item *it, int64_t now_ms);
void alert_book_sweep(struct alert_book *b);
void alert_item_key(struct item *it);

extern const char *const alert_delivery_states[];

#endif
