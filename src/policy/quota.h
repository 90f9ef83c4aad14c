/* Quotas: how fast calls may be made. Requests and tokens in a time by token buckets with a burst, calls in
 * flight by a count, for each value of the rule's `each`; and for each provider and model what is learnt of
 * the provider's own limits from its answers. A call that does not fit waits, and is asked again.
 *
 * Every counter is a station with a queue, and a call passes its stations one after the other: the rules' in
 * their order, then the provider's. At a station interactive work goes before CI's; between users (within
 * either) a deficit round robin by estimated tokens: while two of them wait, neither gets more than a round
 * and a call ahead. Nobody overtakes who waits: a call that comes while others wait queues.
 *
 * A bucket is one instant, the "theoretical arrival time" of the generic cell rate algorithm (ITU-T I.371):
 * integers only, no refill by timer, and what was admitted in any time t is never more than burst + rate * t.
 * Tokens are taken as estimated and corrected when the call has ended, so that the long run is exact: a
 * bucket may be in debt then.
 *
 * All threads share it: locks by shard, held for a few instructions. */
#ifndef WEIR_POLICY_QUOTA_H
#define WEIR_POLICY_QUOTA_H

#include "base/arena.h"
#include "model/rules.h"

struct quota;
struct quota_station;

#define QUOTA_STATIONS_MAX 65536 /* counters of all quotas together; the idle ones go first */

struct quota *quota_new(size_t max_stations); /* NULL without memory */
void quota_free(struct quota *q);             /* when no ticket is out */

/* Who asks, the same at every turn. */
struct quota_ask {
	const struct quota_rule *rules;
	size_t rules_n;
	const struct facts *facts;
	slice user;              /* fair between these; n 0: all unknown ones are one */
	bool ci;                 /* after interactive work */
	int64_t tokens;          /* of input, as estimated */
	slice provider, model;   /* whose own limits are learnt */
	uint64_t account;        /* of the credential that the client brings; 0: Weir's own */
	bool own;                /* the client's credential: a long block is the provider's to tell */
	void (*wake)(void *arg); /* from any thread, under a lock: ask again soon */
	void *wake_arg;
};

struct quota_take {
	struct quota_station *station; /* owned reference */
	const struct quota_rule *rule; /* NULL: the provider's own limits */
	bool taken;
	bool charged; /* its buckets were; not when it flies in shadow in spite of them */
};

struct quota_user;
struct quota_waiter {
	struct quota_waiter *prev, *next; /* of the user's, in order of arrival */
	struct quota_user *user;          /* NULL: it does not wait */
	struct quota_take *take;
	bool ci;
	int64_t tokens;
	void (*wake)(void *arg);
	void *wake_arg;
};

/* A call's way through its stations. Zeroed to begin; ended by quota_end once, whatever came. */
struct quota_ticket {
	struct quota *q;          /* NULL: not begun */
	struct quota_take *takes; /* in the arena */
	size_t n, at;             /* stations; the one that it stands at */
	int64_t tokens;
	struct quota_waiter waiter;
	slice shadow;  /* what quotas in shadow would have done; n 0: nothing */
	bool answered; /* the provider's head has come */
};

enum quota_next {
	QUOTA_ON,
	QUOTA_WAIT, /* ask again at *until_us at the latest */
};
/* mem must live until quota_end. */
enum quota_next quota_ask(struct quota *q, struct quota_ticket *t, const struct quota_ask *a,
                          struct arena *mem, int64_t now_us, int64_t *until_us);

/* Of a ticket that waits: which limit, in words without a full stop ("Quota \"burst\" of ana@example.com: 120
 * requests a minute"), the rule's name, and when there may be room. */
struct quota_why {
	slice what;
	const char *rule; /* "provider" for the provider's own limits */
	int64_t retry_us; /* from now on; 0: not known */
};
void quota_why(const struct quota_ticket *t, const struct quota_ask *a, struct arena *mem, int64_t now_us,
               struct quota_why *out);

/* The provider's answer: its status and what its headers say of its limits. */
void quota_learn(struct quota_ticket *t, int status, const struct headers *h, int64_t now_us,
                 int64_t wall_ms);

/* The call is over, or never left. tokens: input and output as used; negative when unknown. */
void quota_end(struct quota_ticket *t, bool left, int64_t tokens, int64_t now_us);

/* What is known of a provider's own limits for a model, by Weir's credential. */
struct quota_told {
	int64_t requests,
	    requests_left;           /* of its window, as its answers told; requests 0: nothing is known */
	int64_t tokens, tokens_left; /* likewise */
	int64_t flying, waiting;
	int64_t window;     /* calls in flight that it takes of late, after a 429; 0: any */
	int64_t blocked_us; /* for so long nothing is sent; 0: it is not blocked */
};
/* False: no call went there yet, or it is long ago. */
bool quota_told(struct quota *q, slice provider, slice model, int64_t now_us, struct quota_told *out);

struct quota_stats {
	unsigned long long stations, waiting, refused_full, throttled; /* throttled: answers of a provider's
	                                                                  that said so */
};
void quota_stats_get(struct quota *q, struct quota_stats *out);

#endif
