/* The ledger: rows for good, keys, and the questions asked of them. One store behind an ops table (SQLite
 * today). */
#ifndef WEIR_STORE_LEDGER_H
#define WEIR_STORE_LEDGER_H

#include "base/arena.h"
#include "base/err.h"
#include "model/types.h"
#include "store/ledger_alerts.h"

struct ledger; /* one connection; used by one thread at a time */

#define LEDGER_SAME_MS     (INT64_C(15) * 60 * 1000)

/* --- questions ------------------------------------------------------------------------------- */

#define LEDGER_BY_MAX      8
#define LEDGER_FILTERS_MAX 16

enum ledger_per { PER_NONE, PER_HOUR, PER_DAY, PER_WEEK, PER_MONTH };

/* A dimension is a column's name of the export (user, team, repo, model_served, provider, api, ending,
 * status, …: store/columns.h), model (served, else requested), or tags.NAME. */
#define LEDGER_ONLY_MAX 72
struct ledger_query {
	size_t by_n;
	slice by[LEDGER_BY_MAX];
	enum ledger_per per;
	slice timezone;             /* IANA name for buckets; n 0: UTC */
	int64_t since_ms, until_ms; /* [since, until); until 0: no end */
	size_t filters_n;
	struct ledger_filter {
		/* Any column, or tags.NAME. value: one or several apart by commas (any of them), each a text,
		 * a glob
		 * ('*', '?'), or nothing (unknown); a leading '!' negates the whole. Of a number also ">n",
		 * "<n",
		 * ">=n", "<=n". */
		slice column, value;
		bool exact; /* value is one text, letter for letter: nothing in it has a meaning */
	} filters[LEDGER_FILTERS_MAX];
	/* of `report` alone: of the parts of the calls' input (tool, mcp_server, part in `by` or a filter, or
	 * their measures) */
	bool parts;
	/* of `rows` alone */
	bool newest_first;
	bool any_order; /* as they come, which is faster: nearly by time */
	size_t limit;   /* 0: all */
	/* Only these columns are read, which is faster; other fields are as of record_init. n 0: all. */
	size_t only_n;
	const char *only[LEDGER_ONLY_MAX];
};

/* Refusals count in `refused` alone, corrections in the money alone. */
struct ledger_measures {
	int64_t calls, refused;
	int64_t sessions;        /* distinct, known ones */
	int64_t active_days;     /* distinct pairs of user and day of the query's time zone; calls of unknown
	                            users are     one user's */
	int64_t runtime_s;       /* sum of the calls' durations; RECORD_ABSENT when no row knew it */
	int64_t retries;         /* calls that are another attempt */
	int64_t tool_calls;      /* RECORD_ABSENT when no row knew it */
	int64_t unpriced;        /* calls that used something whose cost is not known */
	int64_t meters[METER_N]; /* sums of known values; TOKENS_ABSENT when no row knew it */
	int64_t context_tokens;
	int64_t cost_nanousd;         /* metered, spent; RECORD_ABSENT when there are only unpriced calls */
	int64_t subscription_nanousd; /* list value of calls on a subscription, not spent; RECORD_ABSENT
	                                 likewise */
	int64_t cost_part[COST_N];    /* of cost_nanousd */
	int64_t credits_nano;         /* RECORD_ABSENT when no row was billed in credits */
	/* of a question about parts; RECORD_ABSENT in any other, and where no row knew it. There calls,
	 * sessions and active_days count the calls that have such a part, tool_calls the tools' calls,
	 * cost_nanousd is the money of the parts, and every other measure above is unknown. */
	int64_t tool_failures;
	int64_t part_tokens[SENT_N];
	int64_t part_nanousd[SENT_N];
};

/* Those of no rows. */
void ledger_measures_none(struct ledger_measures *m);

struct ledger_group {
	slice bucket;      /* "2026-11-22", "2026-11-22T03:00", "2026-W47", "2026-11"; n 0 when per is none */
	int64_t bucket_ms; /* when it begins */
	slice key[LEDGER_BY_MAX]; /* p NULL: unknown */
	struct ledger_measures m;
};

struct ledger_key {
	slice id, user, team, attributes; /* attributes: JSON object of attr names to texts */
	uint8_t hash[32];                 /* SHA-256 of the key's text */
	enum role role;
	int64_t created_ms, expires_ms, revoked_ms; /* 0: never */
};

/* An entry of the kill switch. In a change `by` and `at_ms` are who changed it and when, for the audit. */
struct ledger_freeze {
	slice scope, value, by, reason; /* value n 0: of the whole organisation */
	int64_t at_ms;
};

/* --- what people decide ---------------------------------------------------------------------- */

/* A line of the record of changes: it is written with the change, and nothing alters or deletes it. */
struct ledger_change {
	int64_t seq; /* given by the ledger */
	int64_t at_ms;
	slice actor;           /* who: "ana@example.com (k_…)", "uid:1000"; given by the ledger (act_as) */
	slice action, subject; /* "key.create", the key's id */
	slice detail;          /* a word more; n 0 none */
	slice before, after;   /* JSON; n 0: nothing was, or is, there */
	slice reason;          /* n 0: none was given */
};

#define OVERRIDE_STATE_LIST(X)                                                                               \
	X(OVERRIDE_ACTIVE, active) X(OVERRIDE_WAITING, waiting) X(OVERRIDE_REFUSED, refused)
#define X(id, name) id,
enum override_state { OVERRIDE_STATE_LIST(X) OVERRIDE_STATES };
#undef X
const char *ledger_override_state_name(enum override_state s);

/* A limit lifted, for one counter of a budget and as long as its window lasts. */
struct ledger_override {
	slice id, budget;
	slice scope;               /* JSON object: the counter's values of the budget's `each` */
	int64_t amount;            /* in the unit of the budget's limit (struct amount) */
	int64_t from_ms, until_ms; /* the window: [from, until); until INT64_MAX: it never ends */
	enum override_state state;
	slice requested_by, decided_by, reason; /* decided_by n 0: within the bounds, nobody was asked */
	int64_t requested_ms, decided_ms;       /* decided 0: not yet */
};

/* A team or a budget that the API made: the settings file wins where both speak. */
struct ledger_rule {
	slice kind, name; /* "team", "budget" */
	slice body;       /* a JSON object as the settings have it, name included */
	slice by;
	int64_t at_ms;
};

/* A message batch that is followed, and how far. */
struct ledger_batch {
	slice id, provider, call; /* the provider's id; the row of the call that created it */
	slice state;              /* open, booked, lost */
	slice results, errors;    /* OpenAI's files; n 0: not known */
	int64_t created_ms;
};

/* What one budget's counter has in one window (or step of a rolling one). */
struct ledger_sum {
	uint64_t shape; /* the budget's: model/rules.h */
	int64_t from_ms;
	slice key;      /* any bytes */
	int64_t amount; /* in the budget's unit */
};

/* What is kept of a session (policy/session.h), and what its calls cost. */
struct ledger_session {
	slice id, scope, parent, agent, directory, reason, state;
	int64_t started_ms, seen_ms, state_ms, calls, retries, compactions, active_ms;
	slice image;
	int64_t cost_nanousd, turns; /* read only; RECORD_ABSENT: unknown. turns: of the main thread */
	slice user, team, repo, branch, model; /* read only: of its newest row */
};

/* What a provider tells of a span of time in sum (finops/tally.h). */
struct ledger_tally {
	slice key;              /* what it is of: its source, span and all that it is told apart by */
	slice source, provider; /* "anthropic-usage"; whose calls these were */
	slice kind, account;    /* "usage", "cost"; n 0: there is one account only */
	int64_t from_ms, until_ms;
	int64_t told_ms; /* when the import that told it began */
	slice body;      /* JSON */
};

/* How far a series of metric points was counted. */
struct ledger_series {
	int64_t key;               /* a hash of all that makes it one */
	int64_t start_ns, time_ns; /* of its last point */
	int64_t value;             /* of its last point, when it is cumulative */
};

#define LEDGER_NO_CELLS 1

struct ledger_ops {
	const char *name;
	/* Opens; url is what stands behind "sqlite:". A ledger that is not there is created when writable,
	 * else ERR_NOT_FOUND; one of an older schema is migrated; one of a newer schema is ERR_UNSUPPORTED.
	 */
	int (*open)(const char *url, bool writable, struct ledger **out, struct error *e);
	void (*close)(struct ledger *l);
	/* Rows in one transaction: begin, add…, commit. ERR_BUSY (locked) and ERR_IO (disk full) leave
	 * nothing of it behind; an id that is there already is left as it is. What commit has answered with 0
	 * is on the disk. */
	int (*begin)(struct ledger *l, struct error *e);
	int (*add)(struct ledger *l, const struct record *r, struct error *e);
	int (*commit)(struct ledger *l, struct error *e);
	void (*rollback)(struct ledger *l);
	/* Within begin and commit: keeps a row that add answered with ERR_INVALID (it can never be a row of
	 * the ledger) aside, in the table `rejected`, as text. */
	int (*reject)(struct ledger *l, const struct record *r, const char *why, int64_t at_ms,
	              struct error *e);
	/* Groups and the total, by descending cost within each bucket. on_group nonzero stops. */
	int (*report)(struct ledger *l, const struct ledger_query *q,
	              int (*on_group)(void *arg, const struct ledger_group *g), void *arg,
	              struct ledger_measures *total, struct error *e);
	/* Rows in order of id (their time) with all their columns; by, per unused. */
	int (*rows)(struct ledger *l, const struct ledger_query *q,
	            int (*on_row)(void *arg, const struct record *r), void *arg, struct error *e);
	int (*key_add)(struct ledger *l, const struct ledger_key *k, struct error *e);
	int (*key_revoke)(struct ledger *l, slice id, int64_t at_ms, struct error *e); /* ERR_NOT_FOUND */
	int (*keys)(struct ledger *l, int (*on_key)(void *arg, const struct ledger_key *k), void *arg,
	            struct error *e);
	/* A file that was imported as it is now (size, time of its last change): *seen. Within begin and
	 * commit import_note keeps that it was. */
	int (*import_seen)(struct ledger *l, slice path, int64_t size, int64_t changed_ns, bool *seen,
	                   struct error *e);
	int (*import_note)(struct ledger *l, slice path, int64_t size, int64_t changed_ns, int64_t at_ms,
	                   struct error *e);
	/* Is this call, told of by another source than the gateway, in the ledger already? *source (of cap
	 * bytes) gets the source of the row that is: "" when there is none. Known by its call_key; where the
	 * other source could not know that (another kind of key), by agent, session (when both know it) and
	 * the same input, cache and output within LEDGER_SAME_MS. */
	int (*same_call)(struct ledger *l, const struct record *r, char *source, size_t cap, struct error *e);
	/* The other way round: rows of the gateway that came behind another source's row of the same call.
	 * That other row is taken out. A step of it, in a transaction of its own; *more: there is more of it.
	 */
	int (*same_sweep)(struct ledger *l, uint64_t *removed, bool *more, struct error *e);
	/* Until view_end all questions see the ledger of one moment: of the first one after this. Not for who
	 * writes. */
	int (*view_begin)(struct ledger *l, struct error *e);
	void (*view_end)(struct ledger *l);
	/* Keeps a batch, or what has changed of it; those created since a time, oldest first. */
	int (*batch_put)(struct ledger *l, const struct ledger_batch *b, struct error *e);
	int (*batches)(struct ledger *l, int64_t since_ms,
	               int (*on_batch)(void *arg, const struct ledger_batch *b), void *arg, struct error *e);
	/* A number that changes when another connection wrote keys. */
	int (*keys_version)(struct ledger *l, int64_t *out, struct error *e);
	/* Puts an entry, or replaces the one of its scope and value; takes one out (ERR_NOT_FOUND); each with
	 * an audit row. All of them by time. The version changes with each change. */
	int (*freeze_put)(struct ledger *l, const struct ledger_freeze *f, struct error *e);
	int (*freeze_drop)(struct ledger *l, const struct ledger_freeze *f, struct error *e);
	int (*freezes)(struct ledger *l, int (*on_freeze)(void *arg, const struct ledger_freeze *f),
	               void *arg, struct error *e);
	int (*freezes_version)(struct ledger *l, int64_t *out, struct error *e);
	/* Within begin and commit. A state written by session_act later than the row's stays. */
	int (*session_put)(struct ledger *l, const struct ledger_session *s, struct error *e);
	/* Another state, with an audit row: ERR_NOT_FOUND, ERR_REFUSED (it was stopped). */
	int (*session_act)(struct ledger *l, slice id, slice state, slice reason, slice by, int64_t at_ms,
	                   struct error *e);
	/* Those seen since, the newest first. */
	int (*sessions)(struct ledger *l, int64_t since_ms, size_t limit,
	                int (*on_session)(void *arg, const struct ledger_session *s), void *arg,
	                struct error *e);
	/* The one of that id (of each key that has it), and those that it started. */
	int (*session)(struct ledger *l, slice id, size_t limit,
	               int (*on_session)(void *arg, const struct ledger_session *s), void *arg,
	               struct error *e);
	/* A number that changes when a state was written. */
	int (*sessions_version)(struct ledger *l, int64_t *out, struct error *e);
	/* Who makes the changes to come, for the record of them; at the start "uid:N" of this process. */
	void (*act_as)(struct ledger *l, slice actor);
	/* The newest first, those before a seq (0: all); at most limit of them. */
	int (*changes)(struct ledger *l, int64_t before_seq, size_t limit,
	               int (*on_change)(void *arg, const struct ledger_change *c), void *arg,
	               struct error *e);
	/* after: what stands in the record of changes. */
	int (*override_add)(struct ledger *l, const struct ledger_override *o, slice after, struct error *e);
	/* Only one that waits can be decided: ERR_NOT_FOUND. */
	int (*override_decide)(struct ledger *l, slice id, enum override_state state, slice by, int64_t at_ms,
	                       slice reason, struct error *e);
	/* Those whose window ends after live_ms, in order of their time. */
	int (*overrides)(struct ledger *l, int64_t live_ms,
	                 int (*on_override)(void *arg, const struct ledger_override *o), void *arg,
	                 struct error *e);
	int (*rule_put)(struct ledger *l, const struct ledger_rule *r, struct error *e);
	int (*rule_delete)(struct ledger *l, const struct ledger_rule *r,
	                   struct error *e); /* ERR_NOT_FOUND */
	int (*rules)(struct ledger *l, int (*on_rule)(void *arg, const struct ledger_rule *r), void *arg,
	             struct error *e);
	/* A number that changes when one of "keys", "overrides", "rules" does. */
	int (*version)(struct ledger *l, slice what, int64_t *out, struct error *e);
	/* Did the last add put a row (true), or was its id there already? */
	bool (*added)(const struct ledger *l);
	/* Sums of budgets, within begin and commit: adds to one; notes that a shape's sums are whole; throws
	 * a shape's away; those of windows before an instant. */
	int (*budget_add)(struct ledger *l, const struct ledger_sum *sum, struct error *e);
	int (*budget_keep)(struct ledger *l, uint64_t shape, int64_t at_ms, struct error *e);
	int (*budget_drop)(struct ledger *l, uint64_t shape, struct error *e);
	int (*budget_trim)(struct ledger *l, uint64_t shape, int64_t before_ms, struct error *e);
	/* The shapes whose sums are whole; the sums of one, from a window on. */
	int (*budget_shapes)(struct ledger *l, int (*on_shape)(void *arg, uint64_t shape), void *arg,
	                     struct error *e);
	int (*budget_sums)(struct ledger *l, uint64_t shape, int64_t from_ms,
	                   int (*on_sum)(void *arg, const struct ledger_sum *sum), void *arg,
	                   struct error *e);
	/* A row in the record of changes for what nobody changed but should be known. */
	int (*record)(struct ledger *l, const struct ledger_change *c, struct error *e);
	const struct ledger_alert_ops *alerts; /* store/ledger_alerts.h */
	/* A step of work that can wait (rollups of rows that were there before), in a transaction of its own;
	 * *more: there is more of it. To be called when there is time. */
	int (*tidy)(struct ledger *l, bool *more, struct error *e);
	/* Within begin and commit: keeps a tally, in place of what an earlier import told of the same source,
	 * kind, account and span. */
	int (*tally_put)(struct ledger *l, const struct ledger_tally *t, struct error *e);
	/* Those whose span begins in [since, until), by provider, span, source and key. */
	int (*tallies)(struct ledger *l, int64_t since_ms, int64_t until_ms,
	               int (*on_tally)(void *arg, const struct ledger_tally *t), void *arg, struct error *e);
	/* Within begin and commit: takes out the rows that were made of a tally: those with its key as
	 * call_key. */
	int (*tally_unbook)(struct ledger *l, slice key, struct error *e);
	/* The one of a key; ERR_NOT_FOUND without a message. */
	int (*tally)(struct ledger *l, slice key, int (*on_tally)(void *arg, const struct ledger_tally *t),
	             void *arg, struct error *e);
	/* ERR_NOT_FOUND without a message; within begin and commit; those without a point since. */
	int (*series)(struct ledger *l, int64_t key, struct ledger_series *out, struct error *e);
	int (*series_put)(struct ledger *l, const struct ledger_series *s, struct error *e);
	int (*series_trim)(struct ledger *l, int64_t before_ns, struct error *e);
	/* A step of deleting what is too old, in a transaction of its own: rows before an instant, whose sums
	 * stay, and sums of deleted rows before another (0: none). Only whole UTC days go. From then on rows
	 * of before are not taken: add leaves them out. */
	int (*trim)(struct ledger *l, int64_t rows_before_ms, int64_t sums_before_ms, bool *more,
	            struct error *e);
	/* The rows since q->since_ms as sums, for who only adds them up: some that are alike in q->only come
	 * as one (rows: how many; its time_ms: none is before, to_ms: all are before). Of numbers only the
	 * meters, cost_nanousd and credits_nano (rows below 0 left out) and hold_tokens (of calls whose usage
	 * is not known: no less than their tokens) may be asked for; fields that are not in q->only are
	 * anything. LEDGER_NO_CELLS: it cannot be told so, and what was given is not all; then ask for rows.
	 */
	int (*cells)(struct ledger *l, const struct ledger_query *q,
	             int (*on_cell)(void *arg, const struct record *sum, int64_t rows, int64_t to_ms),
	             void *arg, struct error *e);
};

/* By the settings' `store`: "sqlite:PATH"; NULL and a message when the scheme is unknown. *rest is what
 * stands behind the colon. */
const struct ledger_ops *ledger_for(slice store, slice *rest, struct error *e);

#endif
