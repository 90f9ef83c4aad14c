/* The ledger: rows for good, keys, and the questions asked of them. One store behind an ops table (SQLite
 * today). */
#ifndef WEIR_STORE_LEDGER_H
#define WEIR_STORE_LEDGER_H

#include "base/arena.h"
#include "base/err.h"
#include "model/types.h"

struct ledger; /* one connection; used by one thread at a time */

/* --- questions
 * ---------------------------------------------------------------------------------------------------------------
 */

#define LEDGER_BY_MAX      8
#define LEDGER_FILTERS_MAX 16

enum ledger_per { PER_NONE, PER_HOUR, PER_DAY, PER_WEEK, PER_MONTH };

/* A dimension is a column's name of the export (user, team, repo, model_served, provider, api, ending,
 * status, …). */
struct ledger_query {
	size_t by_n;
	slice by[LEDGER_BY_MAX];
	enum ledger_per per;
	slice timezone;             /* IANA name for buckets; n 0: UTC */
	int64_t since_ms, until_ms; /* [since, until) */
	size_t filters_n;
	struct ledger_filter {
		slice column, value; /* value may be a glob; a leading '!' negates; empty matches unknown */
	} filters[LEDGER_FILTERS_MAX];
};

struct ledger_measures {
	int64_t calls, refused, sessions, active_days, runtime_s, retries, tool_calls, unpriced;
	int64_t meters[METER_N]; /* sums of known values; TOKENS_ABSENT when no row knew it */
	int64_t context_tokens;
	int64_t cost_nanousd;         /* metered, spent */
	int64_t subscription_nanousd; /* list value of calls on a subscription, not spent */
	int64_t cost_part[COST_N];
};

struct ledger_group {
	slice bucket; /* "2026-11-22", "2026-11-22T03:00", "2026-W47", "2026-11"; n 0 when per is none */
	slice key[LEDGER_BY_MAX]; /* p NULL: unknown */
	struct ledger_measures m;
};

struct ledger_key {
	slice id, user, team, attributes; /* attributes: JSON object of attr names to texts */
	uint8_t hash[32];                 /* SHA-256 of the key's text */
	enum role role;
	int64_t created_ms, expires_ms, revoked_ms; /* 0: never */
};

struct ledger_ops {
	const char *name;
	/* Opens (creating and migrating when writable); url is what stands behind "sqlite:". */
	int (*open)(const char *url, bool writable, struct ledger **out, struct error *e);
	void (*close)(struct ledger *l);
	/* Rows in one transaction: begin, add…, commit. ERR_BUSY (locked) and ERR_IO (disk full) leave
	 * nothing of it behind; an id that is there already is left as it is. */
	int (*begin)(struct ledger *l, struct error *e);
	int (*add)(struct ledger *l, const struct record *r, struct error *e);
	int (*commit)(struct ledger *l, struct error *e);
	void (*rollback)(struct ledger *l);
	/* Groups and the total, by descending cost within each bucket. on_group nonzero stops. */
	int (*report)(struct ledger *l, const struct ledger_query *q,
	              int (*on_group)(void *arg, const struct ledger_group *g), void *arg,
	              struct ledger_measures *total, struct error *e);
	/* Rows in order of id with all their columns; by, per unused. */
	int (*rows)(struct ledger *l, const struct ledger_query *q,
	            int (*on_row)(void *arg, const struct record *r), void *arg, struct error *e);
	int (*key_add)(struct ledger *l, const struct ledger_key *k, struct error *e);
	int (*key_revoke)(struct ledger *l, slice id, int64_t at_ms, struct error *e); /* ERR_NOT_FOUND */
	int (*keys)(struct ledger *l, int (*on_key)(void *arg, const struct ledger_key *k), void *arg,
	            struct error *e);
	/* A number that changes when another connection wrote keys. */
	int (*keys_version)(struct ledger *l, int64_t *out, struct error *e);
};

/* By the settings' `store`: "sqlite:PATH"; NULL and a message when the scheme is unknown. *rest is what
 * stands behind the colon. */
const struct ledger_ops *ledger_for(slice store, slice *rest, struct error *e);

#endif
