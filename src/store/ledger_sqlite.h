/* Inside of store/ledger_sqlite*.c: the ledger in one SQLite file. docs/ledger.md describes the schema. */
#ifndef WEIR_STORE_LEDGER_SQLITE_H
#define WEIR_STORE_LEDGER_SQLITE_H

#include <sqlite3.h>
#include <sys/types.h>

#include "base/buf.h"
#include "store/ledger.h"

#define LEDGER_SCHEMA         17
#define LEDGER_APPLICATION_ID 0x57656972 /* "Weir" */
#define LEDGER_BUSY_MS        1000       /* waits that long for another connection's lock */

struct ledger {
	sqlite3 *db; /* owned */
	char *path;  /* owned */
	bool writable;
	dev_t device; /* of the file opened: another one at its path means it was moved or deleted */
	ino_t inode;
	bool added;                                                   /* the last add put a row */
	sqlite3_stmt *budget_add, *session_put;                       /* owned; NULL until first used */
	sqlite3_stmt *insert;                                         /* owned */
	sqlite3_stmt *by_key, *by_usage, *import_seen;                /* owned; NULL until first used */
	sqlite3_stmt *series, *series_put, *tally_put, *tally_forget; /* owned; NULL until first used */
	sqlite3_stmt *insert_part;                                    /* owned */
	struct ledger_rollup *rollup;                                 /* owned; NULL until first used */
	int64_t tail_rows; /* that commits leave out of rollups; 0: the usual number */
	bool by_rows;      /* of tests and measurements: no report takes rollups */
	bool by_rollup;    /* likewise: the last report took them */
	char actor[160];   /* of changes to come; actor_n 0: the process's user */
	size_t actor_n;
};

/* SQLite's result code as an enum err, with its text and the file in e. what: "insert", … */
int ledger_fault(struct ledger *l, int code, const char *what, struct error *e);
/* Statements without parameters. */
int ledger_exec(struct ledger *l, const char *sql, struct error *e) WARN_UNUSED;
int ledger_prepare(struct ledger *l, slice sql, sqlite3_stmt **out, struct error *e) WARN_UNUSED;
/* The one number that a query gives; 0 when it gives none. */
int ledger_number(struct ledger *l, const char *sql, int64_t *out, struct error *e) WARN_UNUSED;

/* Binds a text (n 0: null); bytes that are not UTF-8, and NUL, become U+FFFD. */
int ledger_bind_text(sqlite3_stmt *s, int at, slice text);
slice ledger_column_text(sqlite3_stmt *s, int at);

/* ledger_sqlite_schema.c: creates what is missing, migrates what is older, refuses what is newer. */
int ledger_schema_write(struct ledger *l, struct error *e) WARN_UNUSED;
/* SCHEMA_OLDER when it must be migrated first, by a connection that may write. */
#define SCHEMA_OLDER 1
int ledger_schema_check(struct ledger *l, struct error *e) WARN_UNUSED;

int ledger_sqlite_begin(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_commit(struct ledger *l, struct error *e) WARN_UNUSED;
void ledger_sqlite_rollback(struct ledger *l);

/* ledger_sqlite_parts.c: the table of parts, and its rows of a call that was just added. */
int ledger_sqlite_parts_create(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_parts_add(struct ledger *l, const struct record *r, struct error *e) WARN_UNUSED;

/* ledger_sqlite_sessions.c */
int ledger_sqlite_sessions_create(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_session_put(struct ledger *l, const struct ledger_session *s, struct error *e);
int ledger_sqlite_session_act(struct ledger *l, slice id, slice state, slice reason, slice by, int64_t at_ms,
                              struct error *e);
int ledger_sqlite_sessions(struct ledger *l, int64_t since_ms, size_t limit,
                           int (*on_session)(void *arg, const struct ledger_session *s), void *arg,
                           struct error *e);
int ledger_sqlite_session(struct ledger *l, slice id, size_t limit,
                          int (*on_session)(void *arg, const struct ledger_session *s), void *arg,
                          struct error *e);
int ledger_sqlite_sessions_version(struct ledger *l, int64_t *out, struct error *e);

/* ledger_sqlite_rollup.c: what is behind the mark is taken in by the transactions that write it. added: a row
 * was; commit: the transaction is about to end; rolled_back: it ended without. */
int ledger_sqlite_rollup_create(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_rollup_watch(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_rollup_keep(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_trim(struct ledger *l, int64_t rows_before_ms, int64_t sums_before_ms, bool *more,
                       struct error *e);
int ledger_sqlite_rollup_added(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_rollup_commit(struct ledger *l, struct error *e) WARN_UNUSED;
void ledger_sqlite_rollup_rolled_back(struct ledger *l);
void ledger_sqlite_rollup_free(struct ledger *l);
int ledger_sqlite_cells(struct ledger *l, const struct ledger_query *q,
                        int (*on_cell)(void *arg, const struct record *sum, int64_t rows, int64_t to_ms),
                        void *arg, struct error *e);
/* A transaction of its own. */
int ledger_sqlite_tidy(struct ledger *l, bool *more, struct error *e);

/* ledger_sqlite_query.c */
int ledger_sqlite_report(struct ledger *l, const struct ledger_query *q,
                         int (*on_group)(void *arg, const struct ledger_group *g), void *arg,
                         struct ledger_measures *total, struct error *e);
int ledger_sqlite_rows(struct ledger *l, const struct ledger_query *q,
                       int (*on_row)(void *arg, const struct record *r), void *arg, struct error *e);

/* ledger_sqlite_keys.c */
int ledger_sqlite_key_add(struct ledger *l, const struct ledger_key *k, struct error *e);
int ledger_sqlite_key_revoke(struct ledger *l, slice id, int64_t at_ms, struct error *e);
int ledger_sqlite_keys(struct ledger *l, int (*on_key)(void *arg, const struct ledger_key *k), void *arg,
                       struct error *e);
int ledger_sqlite_keys_version(struct ledger *l, int64_t *out, struct error *e);

/* ledger_sqlite_import.c */
int ledger_sqlite_import_seen(struct ledger *l, slice path, int64_t size, int64_t changed_ns, bool *seen,
                              struct error *e);
int ledger_sqlite_import_note(struct ledger *l, slice path, int64_t size, int64_t changed_ns, int64_t at_ms,
                              struct error *e);
int ledger_sqlite_same_call(struct ledger *l, const struct record *r, char *source, size_t cap,
                            struct error *e);

int ledger_sqlite_same_sweep(struct ledger *l, uint64_t *removed, bool *more, struct error *e);

/* ledger_sqlite_freeze.c */
int ledger_sqlite_freeze_put(struct ledger *l, const struct ledger_freeze *f, struct error *e);
int ledger_sqlite_freeze_drop(struct ledger *l, const struct ledger_freeze *f, struct error *e);
int ledger_sqlite_freezes(struct ledger *l, int (*on_freeze)(void *arg, const struct ledger_freeze *f),
                          void *arg, struct error *e);
int ledger_sqlite_freezes_version(struct ledger *l, int64_t *out, struct error *e);

/* ledger_sqlite_admin.c */
void ledger_sqlite_act_as(struct ledger *l, slice actor);
/* Within a transaction. */
int ledger_sqlite_audit(struct ledger *l, const struct ledger_change *c, struct error *e) WARN_UNUSED;
int ledger_sqlite_changes(struct ledger *l, int64_t before_seq, size_t limit,
                          int (*on_change)(void *arg, const struct ledger_change *c), void *arg,
                          struct error *e);
int ledger_sqlite_override_add(struct ledger *l, const struct ledger_override *o, slice after,
                               struct error *e);
int ledger_sqlite_override_decide(struct ledger *l, slice id, enum override_state state, slice by,
                                  int64_t at_ms, slice reason, struct error *e);
int ledger_sqlite_overrides(struct ledger *l, int64_t live_ms,
                            int (*on_override)(void *arg, const struct ledger_override *o), void *arg,
                            struct error *e);
int ledger_sqlite_rule_put(struct ledger *l, const struct ledger_rule *r, struct error *e);
int ledger_sqlite_rule_delete(struct ledger *l, const struct ledger_rule *r, struct error *e);
int ledger_sqlite_rules(struct ledger *l, int (*on_rule)(void *arg, const struct ledger_rule *r), void *arg,
                        struct error *e);
int ledger_sqlite_version(struct ledger *l, slice what, int64_t *out, struct error *e);

/* ledger_sqlite_batches.c */
int ledger_sqlite_batch_put(struct ledger *l, const struct ledger_batch *b, struct error *e);
int ledger_sqlite_batches(struct ledger *l, int64_t since_ms,
                          int (*on_batch)(void *arg, const struct ledger_batch *b), void *arg,
                          struct error *e);

/* ledger_sqlite_budgets.c */
int ledger_sqlite_budget_add(struct ledger *l, const struct ledger_sum *sum, struct error *e);
int ledger_sqlite_budget_keep(struct ledger *l, uint64_t shape, int64_t at_ms, struct error *e);
int ledger_sqlite_budget_drop(struct ledger *l, uint64_t shape, struct error *e);
int ledger_sqlite_budget_trim(struct ledger *l, uint64_t shape, int64_t before_ms, struct error *e);
int ledger_sqlite_budget_shapes(struct ledger *l, int (*on_shape)(void *arg, uint64_t shape), void *arg,
                                struct error *e);
int ledger_sqlite_budget_sums(struct ledger *l, uint64_t shape, int64_t from_ms,
                              int (*on_sum)(void *arg, const struct ledger_sum *sum), void *arg,
                              struct error *e);

/* ledger_sqlite_tallies.c */
int ledger_sqlite_tallies_create(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_tally_put(struct ledger *l, const struct ledger_tally *t, struct error *e);
int ledger_sqlite_tallies(struct ledger *l, int64_t since_ms, int64_t until_ms,
                          int (*on_tally)(void *arg, const struct ledger_tally *t), void *arg,
                          struct error *e);
int ledger_sqlite_tally_unbook(struct ledger *l, slice key, struct error *e);
int ledger_sqlite_tally(struct ledger *l, slice key, int (*on_tally)(void *arg, const struct ledger_tally *t),
                        void *arg, struct error *e);
int ledger_sqlite_tallies_index(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_series_create(struct ledger *l, struct error *e) WARN_UNUSED;
int ledger_sqlite_series(struct ledger *l, int64_t key, struct ledger_series *out, struct error *e);
int ledger_sqlite_series_put(struct ledger *l, const struct ledger_series *s, struct error *e);
int ledger_sqlite_series_trim(struct ledger *l, int64_t before_ns, struct error *e);

/* ledger_sqlite_alerts.c */
int ledger_sqlite_alerts_create(struct ledger *l, struct error *e) WARN_UNUSED;
extern const struct ledger_alert_ops ledger_sqlite_alert_ops;

extern const struct ledger_ops ledger_sqlite_ops;

#endif
