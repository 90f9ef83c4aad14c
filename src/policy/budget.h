/* Budgets: what may be spent, decided before each call by a hold and settled after it.
 *
 * A budget has one counter for each value of its `each` in each of its windows. A counter is one number,
 * committed = settled + held, moved by compare-and-swap: it is never moved above the limit, so that
 * settled + held <= limit at every instant and under any concurrency. A call that several budgets match takes
 * its hold from all of them or from none; no lock is held but for the few instructions of a look-up.
 *
 *	budget_match	finds the counters of a call and pins them
 *	budget_take	the hold, all or nothing
 *	budget_extend	more of it, all or nothing, while the call runs
 *	budget_settle	the true cost in place of the hold, in one step for each counter; unpins
 *
 * docs/budgets.md says what is promised, why it holds, and what happens in each failure. */
#ifndef WEIR_POLICY_BUDGET_H
#define WEIR_POLICY_BUDGET_H

#include "base/err.h"
#include "model/settings.h"

struct budgets;        /* the table of counters; shared by all threads */
struct budget_counter; /* one of them */

/* counters: the most there can be at a time (memory is taken as they are used). seed: random, so that nobody
 * can choose colliding keys; fixed in tests. NULL without memory. */
struct budgets *budgets_new(size_t counters, uint64_t seed);
void budgets_free(struct budgets *b);

/* What a call may use or has used, in every unit a limit can have. Bounds before the call, figures after it;
 * nothing here is negative. */
struct budget_need {
	int64_t usd;           /* nano-dollars; 0 for what a subscription pays */
	int64_t input, output; /* tokens */
	int64_t credits;       /* billionths */
	int64_t calls;         /* 1, or 0 when no provider was reached */
	/* What each meter used, when that is known (after a call); else NULL: bounds by input and output. */
	const struct usage *meters;
};

#define BUDGET_PARTS_MAX 24 /* budgets that can match one call */

struct budget_part {
	struct budget_counter *counter; /* pinned */
	const struct budget_rule *rule; /* in the settings the call was matched by */
	int64_t held;                   /* in the rule's unit */
	bool enforced;                  /* else only counted: alert, shadow, a downgrade that was made */
	bool exceeded;                  /* not enforced, and it would have refused */
	bool early;                     /* taken before the budget's counters were made */
	bool late;                      /* what it used waits for them (budget_charge): it settles nothing */
};

/* A call's hold; lies in the exchange, zeroed to begin. Owned by one thread. */
struct budget_hold {
	unsigned n;
	bool taken;
	int64_t rolling_ms; /* when it counts in rolling windows */
	struct budget_part part[BUDGET_PARTS_MAX];
};

enum budget_result {
	BUDGET_OK,
	BUDGET_REFUSED, /* a budget has no room: why->rule */
	BUDGET_UNKNOWN, /* a counter cannot be had (not loaded, table full, window forgotten) and its budget
	                   is on_failure: closed; or more than BUDGET_PARTS_MAX match */
};

/* Of a refusal, for words. */
struct budget_why {
	const struct budget_rule *rule;
	slice label;                        /* whose counter: the values of `each`; n 0: everybody's. While h
	                                       is pinned */
	int64_t settled, held, limit, need; /* in the rule's unit */
	int64_t resets_ms;                  /* when the window ends; INT64_MAX: never, or it rolls */
	const char *fault;                  /* of BUDGET_UNKNOWN: what is the matter */
	bool soon;                          /* and it will be over in a moment */
};

/* The windows that hold now: asked once and kept, one for each thread. Zeroed to begin.
 *
 * Calendar windows go by the wall clock of the call's arrival, which stands in its row. Rolling windows go by
 * a clock that is never set: steady_ms, the wall clock of the start and the monotonic time since, to be set
 * before each use. */
struct budget_clock {
	const struct zone *zone;
	int64_t steady_ms;
	struct budget_span {
		int64_t from_ms, to_ms; /* [from, to) */
	} at[WINDOW_ROLLING + 1];
};

enum { BUDGET_DOWNGRADED = 1 }; /* the call was re-routed by a budget: those only count now */

/* Fills h with the counters of all budgets that apply, pinned until budget_settle or budget_release.
 * f->record says who, what and when. */
enum budget_result budget_match(struct budgets *b, const struct settings *s, const struct facts *f,
                                unsigned flags, struct budget_clock *clock, struct budget_hold *h,
                                struct budget_why *why);
/* Takes the hold: BUDGET_OK, or BUDGET_REFUSED with nothing taken. */
enum budget_result budget_take(struct budgets *b, struct budget_hold *h, const struct budget_need *need,
                               struct budget_why *why);
/* Adds to a hold that was taken (calls in more: 0). */
enum budget_result budget_extend(struct budgets *b, struct budget_hold *h, const struct budget_need *more,
                                 struct budget_why *why);
/* What was used in place of what was held, and nothing held any more. Once for each hold taken. */
void budget_settle(struct budgets *b, struct budget_hold *h, const struct budget_need *used);
/* A call has ended: once, before its row can be in the ledger, and before budget_settle. f->record is that
 * row. In budgets whose counters are being made of the ledger it waits for budget_load_late. s: the settings
 * were replaced while it was under way: it counts in those budgets of the new ones that are not among its
 * own, which may pass their limit by it; else NULL. */
void budget_charge(struct budgets *b, const struct settings *s, const struct facts *f,
                   struct budget_clock *clock, struct budget_hold *h, const struct budget_need *used);
/* A hold that outlasts the settings it was taken under, or the process (then h is empty): it goes on in those
 * settings. In budgets that count the same (shape) it stays as it is; in those that are new it is taken,
 * whatever room there is; in those that are gone it is given up. counted: what of need the sums of the new
 * ones have already. rule pointers are then those of s. */
void budget_carry(struct budgets *b, struct budget_hold *h, const struct settings *s, const struct facts *f,
                  struct budget_clock *clock, const struct budget_need *need,
                  const struct budget_need *counted);
/* Nothing was used. Also after a refusal, and harmless on a hold that is empty. */
void budget_release(struct budgets *b, struct budget_hold *h);

/* How many tokens of output all enforcing budgets of h can pay just now beyond base, which counts none, at so
 * many nano-dollars for a million. INT64_MAX: no budget says. */
int64_t budget_output_room(const struct budget_hold *h, const struct budget_need *base,
                           int64_t nano_per_million);

/* The tightest enforcing budget in USD of a hold, in *out (need: what is left, after all holds). False: none.
 */
bool budget_tightest(const struct budget_hold *h, struct budget_why *out);
/* --- output, slice by slice --------------------------------------------------------------------- */

/* What a hold pays for of an answer's output that is seen as it streams: always BUDGET_SLICE_ROOM tokens more
 * than have passed, for what the provider has on the way by when it is told to stop; never more than it can
 * make. */
#define BUDGET_SLICE_ROOM  512
#define BUDGET_SLICE_LEAST 1024
struct budget_output {
	int64_t most;  /* tokens that the provider can make */
	int64_t held;  /* that the hold pays for */
	int64_t slice; /* by which it is extended, at least; 0: BUDGET_SLICE_LEAST */
};
/* How much to hold at first; usual: of the model's answers (budget_sizes_usual), 0 unknown. */
int64_t budget_output_first(const struct budget_output *o, int64_t usual);
/* How much of what is left (room) an answer gets that is held whole and has less room than it may use: what
 * hardly any answer of the model is above, so that the rest is there for others; all when nothing is known.
 */
int64_t budget_output_share(int64_t room, int64_t usual);
/* How much must be held when so much has passed: o->held when that is enough. */
int64_t budget_output_next(const struct budget_output *o, int64_t passed);

/* Sizes of answers by model, learnt: one for each thread, zeroed to begin. */
#define BUDGET_SIZES 64
struct budget_sizes {
	struct {
		uint64_t model;
		int64_t mean,
		    spread; /* of its output, tokens in 256ths; spread: mean distance from the mean */
	} at[BUDGET_SIZES];
};
/* What nine of ten answers of the model stay below, about; 0: nothing is known. model: any hash of it. */
int64_t budget_sizes_usual(const struct budget_sizes *s, uint64_t model);
void budget_sizes_learn(struct budget_sizes *s, uint64_t model, int64_t output);

/* --- the books ---------------------------------------------------------------------------------- */

/* Where a row stands in a budget: the counter's values as they are kept (apart by US, 0x1f), its window, and
 * what it adds. False: not at all. For rebuilding counters from rows, and for keeping their sums beside
 * them. */
#define BUDGET_KEY_MAX 1600
struct budget_entry {
	int64_t from_ms; /* of the window; of a rolling one the beginning of a step of it */
	int64_t amount;
	size_t key_n;
	char key[BUDGET_KEY_MAX];
};
bool budget_entry_of(const struct budget_rule *rule, const struct facts *row, struct budget_clock *clock,
                     struct budget_entry *out);
/* The same of several rows at once that are alike, their sum in row (struct ledger_ops' cells): its time is
 * that of the first, and none is at to_ms or later. *whole false: what they add cannot be told of the sum. */
bool budget_entry_of_sum(const struct budget_rule *rule, const struct facts *row, int64_t rows, int64_t to_ms,
                         struct budget_clock *clock, struct budget_entry *out, bool *whole);
/* The columns of the ledger that budget_entry_of looks at, by name; 0: any. */
#define BUDGET_COLUMNS_MAX 72
size_t budget_row_columns(const struct budget_rule *rule, const char *out[BUDGET_COLUMNS_MAX]);
/* Rows before this instant (of their arrival) count no more. */
int64_t budget_counts_from(const struct budget_rule *rule, const struct zone *zone, int64_t now_ms,
                           struct budget_clock *clock);
/* What a row used, in every unit; false when it used nothing (refusals). Meters point into the row. */
bool budget_used_by(const struct record *row, struct budget_need *out);
/* Adds what was settled before: from the books at the start, or a call that was under way when the budget was
 * made. ERR_FULL when the table is, or its window was forgotten. Steps that have rolled out by
 * clock->steady_ms are left out. */
int budget_load(struct budgets *b, const struct budget_rule *rule, const struct budget_entry *e,
                struct budget_clock *clock) WARN_UNUSED;
/* After all sums were loaded: counts each call that ended meanwhile and whose row has_row (1: yes, 0: no,
 * else it is not known) does not find among the rows they are of; then the budget is loaded
 * (budget_set_loaded). ERR_FULL: not all have a counter. */
int budget_load_late(struct budgets *b, const struct budget_rule *rule, struct budget_clock *clock,
                     int (*has_row)(void *arg, const char *id, int64_t time_ms), void *arg) WARN_UNUSED;
/* Whether all counters of the budget's shape are there (rule.shape: model/rules.h). Until they are, calls get
 * BUDGET_UNKNOWN, or by on_failure: open pass and are counted. */
void budget_set_loaded(struct budgets *b, const struct budget_rule *rule);
bool budget_is_loaded(const struct budgets *b, const struct budget_rule *rule);

/* Lifts (or, negative, lowers) the limit of one counter by so much, for as long as its window lasts. The
 * counter is the one that the facts fall into. ERR_FULL when it cannot be had. */
int budget_lift(struct budgets *b, const struct budget_rule *rule, const struct facts *f,
                struct budget_clock *clock, int64_t by) WARN_UNUSED;

/* How much of its limit the budget's counter for this call is used, in millionths (committed, not settled);
 * negative when it has none. */
int64_t budget_share(struct budgets *b, const struct budget_rule *rule, const struct facts *f,
                     struct budget_clock *clock);

/* A threshold of a budget (alerts: [80%]) that a settlement has just passed; told once for each counter. On
 * the thread that settles. Rolling windows have none, since what they have spent also falls. */
struct budget_alert {
	const struct budget_rule *rule;
	slice label;
	int64_t ppm, settled, limit; /* the threshold in millionths; the others in the rule's unit */
};
typedef void budget_alert_fn(void *arg, const struct budget_alert *a);
/* Before calls are let in. */
void budgets_on_alert(struct budgets *b, budget_alert_fn *fn, void *arg);

struct budget_view {
	slice budget; /* the rule's name */
	slice label;
	int64_t settled, held, lifted; /* in the rule's unit; just now, not of one instant */
	int64_t from_ms, to_ms;        /* the window; to INT64_MAX: it never ends, or rolls */
	int64_t calls;                 /* that hold on it */
	int64_t held_since_ms;         /* when the first of those began to; 0: none */
};
/* Every counter of a budget (rule NULL: of all); on_counter nonzero stops, and is returned. Not for a loop.
 */
int budgets_each(struct budgets *b, const struct budget_rule *rule,
                 int (*on_counter)(void *arg, const struct budget_view *v), void *arg);

struct budget_stats {
	size_t counters, used;
	unsigned long long taken, refused, extended, settled;
	unsigned long long unknown;  /* BUDGET_UNKNOWN, and calls that passed by on_failure: open */
	unsigned long long overruns; /* settlements above their hold: there should be none */
	unsigned long long rolled_back, waited; /* attempts that met another one */
};
void budgets_stats(const struct budgets *b, struct budget_stats *out);

/* Housekeeping, once a second or so: forgets windows that are over, so that there is room for new ones. */
void budgets_turn(struct budgets *b, int64_t now_ms);

#endif
