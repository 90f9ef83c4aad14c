/* Inside of the quotas. Files of policy/quota* only. */
#ifndef WEIR_POLICY_QUOTA_IMPL_H
#define WEIR_POLICY_QUOTA_IMPL_H

#include <pthread.h>

#include "base/map.h"
#include "policy/quota.h"

/* --- buckets: nanoseconds of monotonic time ------------------------------------ */

/* What n units take of the rate's time, rounded up. */
int64_t quota_rate_ns(const struct rate *rate, int64_t n);
/* When n units conform, at the earliest; now_ns when they do now. More than the burst conform when all of it
 * is there. */
int64_t quota_bucket_ready(int64_t tat_ns, int64_t burst_ns, int64_t cost_ns, int64_t now_ns);

/* --- what a provider tells of a limit of its own ------------------------------- */

struct learnt {
	int64_t limit, left; /* limit 0: nothing is known */
	int64_t at_us, full_us;
};
/* What is left now: linear from left to limit. */
int64_t learnt_left(const struct learnt *l, int64_t now_us);
int64_t learnt_ready_us(const struct learnt *l, int64_t n, int64_t now_us);
void learnt_take(struct learnt *l, int64_t n, int64_t now_us);

/* --- stations ------------------------------------------------------------------ */

/* A user's turn in the round, while one of theirs waits. */
struct quota_user {
	struct quota_user *prev, *next; /* the round */
	uint64_t id;
	int64_t deficit; /* tokens that they may still use in this round */
	struct quota_waiter *first, *last;
};

enum { CLASS_INTERACTIVE, CLASS_CI, CLASSES };

struct quota_station {
	uint64_t key[2];
	unsigned refs;                       /* tickets */
	struct quota_station *older, *newer; /* among the idle, when refs is 0 */
	int64_t requests_tat_ns, tokens_tat_ns;
	int64_t flying;                    /* calls that passed and have not ended */
	struct quota_user *round[CLASSES]; /* whose turn it is; owned */
	size_t waiting;
	/* of a provider's */
	int64_t blocked_until_us;
	int64_t window;       /* calls in flight that it takes of late; 0: any */
	int64_t throttled_us; /* when it last said that it is too much; 0: never */
	unsigned failures;    /* in a row */
	int64_t unanswered;   /* calls that passed and have no answer yet */
	struct learnt requests, tokens;
};

/* All under the shard's lock. A call that waits for none: true when it passed. */
bool station_pass(struct quota_station *s, struct quota_take *take, int64_t tokens, int64_t now_us);
/* Queues; false without memory. */
bool station_queue(struct quota_station *s, struct quota_waiter *w, uint64_t user);
void station_unqueue(struct quota_station *s, struct quota_waiter *w);
/* Lets those through whose turn it is, as long as there is room, and wakes them (but for `but`). Returns when
 * there may be room next. */
int64_t station_serve(struct quota_station *s, int64_t now_us, const struct quota_waiter *but);
/* When it may pass, if nobody were before it; now_us: now. */
int64_t station_ready_us(const struct quota_station *s, const struct quota_rule *rule, int64_t tokens,
                         int64_t now_us);
/* In shadow: counted, never refused; false when it would have waited. */
bool station_note(struct quota_station *s, struct quota_take *take, int64_t tokens, int64_t now_us);
void station_leave(struct quota_station *s, struct quota_take *take, int64_t estimated, bool left,
                   int64_t used, bool answered, int64_t now_us);

#define SHARDS 64
struct quota {
	uint64_t seed;
	size_t max; /* stations of a shard */
	struct quota_shard {
		pthread_mutex_t lock;
		struct map stations;                   /* key -> struct quota_station, owned */
		struct quota_station *oldest, *newest; /* idle */
		unsigned long long waiting, refused_full, throttled;
	} shards[SHARDS];
};
struct quota_shard *quota_shard_of(struct quota *q, const struct quota_station *s);

#define QUANTUM      INT64_C(32768)   /* tokens of a user in one round */
#define COST_MAX     (8 * QUANTUM)    /* what one call counts at most in the round */
#define ASK_AGAIN_US INT64_C(1000000) /* when only the end of another call makes room, and as a safeguard */

#endif
