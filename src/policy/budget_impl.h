/* What the files of the budgets share: the table of counters.
 *
 * Counters lie in one array that never moves. Their keys hang in buckets, each a chain of counters, and a
 * few buckets share a spin lock: it is held for a look-up (some tens of instructions), never while money is
 * counted. A counter that a call has pinned stays; one whose window is over, and that nobody has pinned, is
 * given back by budgets_turn. */
#ifndef WEIR_POLICY_BUDGET_IMPL_H
#define WEIR_POLICY_BUDGET_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "policy/budget.h"

#define ROLLING_STEPS                                                                                        \
	64                 /* a rolling window moves in steps of a 63rd of it, so that it is never too short \
	                    */
#define BUDGET_LOCKS  256  /* a power of two */
#define SHAPES_MAX    4096 /* a power of two */
#define COUNTER_LABEL 96

struct budget_counter {
	/* what calls move; a cache line */
	_Alignas(64) _Atomic int64_t committed; /* settled + held */
	_Atomic int64_t held;
	_Atomic int64_t lifted; /* added to the rule's limit */
	_Atomic uint32_t pins;
	_Atomic uint32_t trying; /* attempts that have added here and may yet take it back */
	uint64_t key[2];
	int64_t from_ms, to_ms;

	/* the rest */
	_Atomic int64_t held_since_ms; /* about: of the oldest hold since there was none */
	_Atomic int64_t settled;       /* all there was, for thresholds; not of rolling ones */
	uint64_t shape;
	uint32_t next; /* in its chain, or among the free; under the lock */
	bool in_use;   /* under the lock */
	uint8_t rolls; /* it has steps */
	uint8_t name_n, label_n;
	char name[32]; /* of the rule, cut */
	char label[COUNTER_LABEL];
};

_Static_assert(sizeof(struct budget_counter) == 256, "four cache lines");

/* The steps of a rolling window, beside the counter of the same index. */
struct budget_steps {
	atomic_flag lock;
	int64_t width_ms;
	int64_t last; /* the step that is open: time / width */
	int64_t settled[ROLLING_STEPS];
};

struct budget_lock {
	_Alignas(64) atomic_flag flag;
};

struct budgets {
	size_t cap, buckets;             /* buckets: a power of two */
	struct budget_counter *counters; /* owned; index 0 is not used */
	struct budget_steps *steps;      /* owned; likewise */
	_Atomic uint32_t *heads;         /* owned; of the chains; 0: empty */
	uint64_t seed;
	struct budget_lock locks[BUDGET_LOCKS];
	atomic_flag free_lock;
	uint32_t free;  /* first of the free ones that were used before */
	uint32_t fresh; /* first that never was */
	_Atomic size_t used;
	_Atomic int64_t forgotten_ms; /* windows that ended by then may have been given back */
	_Atomic uint64_t loaded[SHAPES_MAX];
	struct budget_late *late; /* owned; under late_lock */
	size_t late_n;
	pthread_mutex_t late_lock;
	budget_alert_fn *on_alert; /* NULL: nobody is told */
	void *on_alert_arg;

	_Alignas(64) atomic_ullong taken;
	atomic_ullong refused, extended, settled, unknown, overruns, rolled_back, waited;
};

static inline void budget_lock(atomic_flag *f)
{
	while (atomic_flag_test_and_set_explicit(f, memory_order_acquire))
		__builtin_ia32_pause();
}
static inline void budget_unlock(atomic_flag *f)
{
	atomic_flag_clear_explicit(f, memory_order_release);
}

static inline struct budget_steps *budget_steps_of(const struct budgets *b, const struct budget_counter *c)
{
	return &b->steps[c - b->counters];
}

/* A key to look up. */
struct budget_key {
	const struct budget_rule *rule;
	struct budget_span span; /* what the counter is for; of a rolling window {0, INT64_MAX} */
	slice values;            /* apart by US */
	uint64_t hash[2];
};

/* Hashes shape, span.from_ms and values. */
void budget_key_hash(const struct budgets *b, struct budget_key *k);
/* First the bucket, then (when that has come) the first counter in it. */
void budget_prefetch_bucket(const struct budgets *b, const struct budget_key *k);
void budget_prefetch(const struct budgets *b, const struct budget_key *k);
/* The counter, pinned; made when it is not there. NULL: the table is full, or the window was forgotten. */
struct budget_counter *budget_find(struct budgets *b, const struct budget_key *k, bool make);
void budget_unpin(struct budget_counter *c);

/* budget_window.c: of another zone, the windows kept are thrown away. */
void budget_clock_in(struct budget_clock *clock, const struct zone *zone);
struct budget_span budget_span_at(struct budget_clock *clock, const struct window *w, int64_t ms);
void budget_steps_begin(struct budget_steps *s, const struct window *w, int64_t now_ms);
/* Opens the steps up to now and takes out of the counter what has rolled out. */
void budget_steps_turn(struct budget_counter *c, struct budget_steps *s, int64_t now_ms);
/* Settles so much at a time: true when that still counts. Under the lock of the steps. */
bool budget_steps_add(struct budget_counter *c, struct budget_steps *s, int64_t ms, int64_t amount);

/* budget_late.c: the call ends while the budget's counters are being made: then it waits, and is not to be
 * counted here. f->record is the final row, before it can be in the ledger. */
bool budget_late_add(struct budgets *b, const struct budget_rule *rule, const struct facts *f,
                     struct budget_clock *clock);
void budget_late_free(struct budgets *b);

/* budget_books.c: the values of `each`, apart by US; their length. */
size_t budget_values(const struct budget_rule *rule, const struct facts *f, char out[BUDGET_KEY_MAX]);
int64_t budget_amount(const struct amount *limit, const struct budget_need *n);

#endif
