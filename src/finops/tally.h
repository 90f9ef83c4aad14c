/* Tallies: what a provider tells of usage or money in sum, for a span of time, a model and whatever else it
 * tells apart (key, workspace, person). docs/imports.md says how they become rows: for each span and model,
 * what the tallies have beyond the calls that the ledger knows one by one, so that nothing is counted twice
 * and the sum is the provider's. */
#ifndef WEIR_FINOPS_TALLY_H
#define WEIR_FINOPS_TALLY_H

#include "base/arena.h"
#include "base/err.h"
#include "model/catalog.h"
#include "model/types.h"
#include "store/ledger.h"

/* Finer ones first: a level counts as known what those before it have booked. */
#define TALLY_KIND_LIST(X)                                                                                   \
	X(TALLY_METRICS, metrics, 0) /* by session: an agent's own counters (finops/otlp_meter.h) */         \
	X(TALLY_PEOPLE, people, 1)   /* by person: Claude Code's analytics */                                \
	X(TALLY_USAGE, usage, 2)                                                                             \
	X(TALLY_COST, cost, 2)                                                                               \
	X(TALLY_INVOICE, invoice, 3)
#define X(id, name, level) id,
enum tally_kind { TALLY_KIND_LIST(X) TALLY_KINDS };
#undef X
#define TALLY_LEVELS 4

struct tally {
	slice source; /* of the rows, without import: (but metrics' own, otlp:metrics) */
	enum tally_kind kind;
	slice provider, account;   /* account n 0: there is one only */
	int64_t from_ms, until_ms; /* the bucket, as told */
	slice model;               /* as told; n 0: of none */
	bool all_models;           /* models were not told apart */
	bool tools;                /* fees of the provider's own tools: searches, containers */
	slice service_tier, region, speed;
	bool long_context; /* of calls that are priced as such */
	enum billing billing;
	struct attribution who;
	slice what;         /* the provider's own word for it; n 0: none */
	struct usage usage; /* all absent: only money is told */
	int64_t calls;      /* RECORD_ABSENT when not told */
	bool costed;        /* cost is told */
	struct cost cost;
	int64_t credits_nano; /* RECORD_ABSENT when not told */
};

void tally_init(struct tally *t);
int tally_level(enum tally_kind k);
/* Is it of a session, from its first point to its last? */
bool tally_of_session(const struct tally *t);
/* The span that it is compared over: the UTC day of a bucket within one, else the bucket. */
void tally_span(const struct tally *t, int64_t *from_ms, int64_t *until_ms);
bool tally_has_usage(const struct tally *t);
/* Adds what is told of the same once more. False on overflow: *to is as it was. */
bool tally_add(struct tally *to, const struct tally *t) WARN_UNUSED;

/* As the ledger keeps it; texts in mem. ERR_NOMEM. */
int tally_write(const struct tally *t, int64_t told_ms, struct arena *mem,
                struct ledger_tally *out) WARN_UNUSED;
/* Back; texts in the ledger_tally or mem. ERR_INVALID, ERR_NOMEM. */
int tally_read(const struct ledger_tally *l, struct arena *mem, struct tally *out) WARN_UNUSED;

/* A model's name without what sources spell differently: case, dots and blanks, the date of a snapshot. */
#define TALLY_MODEL_MAX 96
slice tally_model_key(slice model, char out[TALLY_MODEL_MAX]);

/* --- rows ------------------------------------------------------------------------------------------------
 */

struct tally_counts {
	uint64_t tallies;
	uint64_t booked, removed; /* rows put into the ledger; taken out of it */
	uint64_t unpriced;        /* of the booked ones */
	int64_t cost_nanousd;     /* of the booked ones, less that of those taken out */
	int64_t known_tokens;     /* told of by finer rows already */
	int64_t tokens;           /* told in all */
};

struct tally_book {
	const struct ledger_ops *ops;
	struct ledger *ledger;         /* not owned; writable; in no transaction */
	const struct catalog *catalog; /* not owned; NULL: what has no told cost stays without a price */
	/* The ledger's providers whose calls a tally's provider tells of, apart by commas; NULL: that one
	 * alone. */
	slice (*providers_of)(void *arg, slice provider, struct arena *mem);
	/* Only these tallies; NULL: all of them, and rows whose tally is no more go. */
	bool (*wants)(void *arg, const struct tally *t);
	void *arg; /* of both */
};

/* Makes the rows of the tallies of spans that begin in [since, until) what they should be, level by level,
 * each in a transaction of its own. Doing it again changes nothing. */
int tally_settle(const struct tally_book *b, int64_t since_ms, int64_t until_ms, struct tally_counts *n,
                 struct error *e) WARN_UNUSED;

#endif
