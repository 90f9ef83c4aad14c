/* What the ledger shows could be saved, in dollars a month, with what does it. docs/savings.md tells how each
 * is estimated. A call's money is claimed once: what is looked at first takes first. */
#ifndef WEIR_FINOPS_SAVINGS_H
#define WEIR_FINOPS_SAVINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/catalog.h"
#include "store/ledger.h"

/* id, name, title, how sure, how it was estimated. In the order in which they claim a call's money. */
#define SAVING_LIST(X)                                                                                       \
	X(SAVING_LOOPS, loops, "agents that went round in circles", "high",                                  \
	  "all that sessions spent after a storm was found in them")                                         \
	X(SAVING_LOST, lost_answers, "answers that nobody got, and retries", "medium",                       \
	  "the cost of calls that ended without an answer, and of further attempts")                         \
	X(SAVING_CACHE, cache_breaks, "prompt caches that broke", "medium",                                  \
	  "input that was in the cache minutes before and was paid in full again, less what reading it "     \
	  "would "                                                                                           \
	  "have cost")                                                                                       \
	X(SAVING_SUBAGENTS, subagents, "subagents on a large model", "low",                                  \
	  "the same tokens at what a smaller model of the provider cost here")                               \
	X(SAVING_ROUTINE, routine_work, "short, small sessions on a large model", "low",                     \
	  "sessions of at most 8 calls, 3,000 tokens of output and 60,000 of context: the same tokens at "   \
	  "what a "                                                                                          \
	  "smaller model of the provider cost here")                                                         \
	X(SAVING_HOUR, hour_cache, "pauses longer than the cache's five minutes", "medium",                  \
	  "writes again after 5 to 60 minutes, less the dearer writes that keep a cache for an hour")        \
	X(SAVING_TOOLS, unused_tools, "tools that are sent and never called", "high",                        \
	  "all that their definitions cost, in every call that carried them")                                \
	X(SAVING_RESULTS, large_results, "tool results larger than they need be", "low",                     \
	  "results of more than 8,000 tokens on average cut to 4,000, on that turn and when sent again")     \
	X(SAVING_SEATS, idle_seats, "seats that are hardly used", "medium",                                  \
	  "the seat's price less the list value of what its user did")
#define X(id, name, title, sure, how) id,
enum saving_kind { SAVING_LIST(X) SAVINGS };
#undef X
const char *saving_name(enum saving_kind k);
const char *saving_title(enum saving_kind k);
const char *saving_sure(enum saving_kind k);
const char *saving_how(enum saving_kind k);

#define SAVING_WHO     5
#define SAVING_MISSING 8

struct savings_ask {
	const struct ledger_ops *ops;
	struct ledger *ledger; /* NULL: one that does not exist yet */
	int64_t since_ms, until_ms;
	const struct ledger_filter *filters;
	size_t filters_n;
	const struct catalog *catalog; /* NULL: prices are those seen in the ledger alone */
	int64_t seat_nanousd;          /* of a month; 0 not known */
	uint64_t seed;
};

/* One saving: of a kind, for one agent, model, server or tool. */
struct saving {
	enum saving_kind kind;
	int64_t nanousd; /* in the window */
	int64_t month_nanousd;
	int64_t calls, sessions;
	size_t who_n; /* where most of it is */
	struct saving_who {
		const char *dimension;
		slice value, instead; /* instead: the smaller model; n 0 none */
		int64_t nanousd;
	} who[SAVING_WHO];
	slice session; /* the one with most of it; n 0 none */
	slice instead; /* of the first of those */
	slice command; /* to copy; n 0 none */
	slice settings;
	slice does; /* what the command or the lines do, or what is to be done by hand */
};

struct savings {
	struct arena mem; /* owned */
	int64_t since_ms, until_ms;
	int64_t span_ms;        /* from the first call of the window on */
	int64_t spent, claimed; /* of the window's calls; claimed by those that look at single calls */
	size_t n;
	struct saving at[SAVINGS]; /* the greatest first */
	int64_t month_nanousd;     /* all together, overlaps taken off */
	size_t missing_n;
	slice missing[SAVING_MISSING]; /* what was not looked at, and why */
};

int savings_run(struct savings *s, const struct savings_ask *ask, struct error *e) WARN_UNUSED;
void savings_release(struct savings *s);
int savings_json(const struct savings *s, struct buf *out) WARN_UNUSED;
int savings_text(const struct savings *s, struct buf *out) WARN_UNUSED;

#endif
