/* What other sources than the gateway tell: which files were read, and which of their calls are known. */
#include <stdio.h>
#include <string.h>

#include "store/ledger_sqlite.h"

static int prepare_once(struct ledger *l, sqlite3_stmt **s, const char *sql, struct error *e)
{
	return *s ? 0 : ledger_prepare(l, slice_of(sql), s, e);
}

int ledger_sqlite_import_seen(struct ledger *l, slice path, int64_t size, int64_t changed_ns, bool *seen,
                              struct error *e)
{
	*seen = false;
	int rc = prepare_once(l, &l->import_seen,
	                      "SELECT 1 FROM imports WHERE path=? AND size=? AND changed_ns=?", e);
	if (rc != 0)
		return rc;
	int code = ledger_bind_text(l->import_seen, 1, path);
	sqlite3_bind_int64(l->import_seen, 2, size);
	sqlite3_bind_int64(l->import_seen, 3, changed_ns);
	if (code == SQLITE_OK)
		code = sqlite3_step(l->import_seen);
	*seen = code == SQLITE_ROW;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "imports", e);
	sqlite3_reset(l->import_seen);
	return rc;
}

int ledger_sqlite_import_note(struct ledger *l, slice path, int64_t size, int64_t changed_ns, int64_t at_ms,
                              struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l,
	                        SLICE("INSERT INTO imports(path,size,changed_ns,time_ms)VALUES(?,?,?,?)"
	                              "ON CONFLICT(path)DO UPDATE SET size=excluded.size,"
	                              "changed_ns=excluded.changed_ns,time_ms=excluded.time_ms"),
	                        &s, e);
	if (rc != 0)
		return rc;
	int code = ledger_bind_text(s, 1, path);
	sqlite3_bind_int64(s, 2, size);
	sqlite3_bind_int64(s, 3, changed_ns);
	sqlite3_bind_int64(s, 4, at_ms);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code != SQLITE_DONE)
		rc = ledger_fault(l, code, "imports", e);
	sqlite3_finalize(s);
	return rc;
}

/* The one row's text, or "". */
static int take_source(struct ledger *l, sqlite3_stmt *s, char *source, size_t cap, struct error *e)
{
	int code = sqlite3_step(s), rc = 0;
	source[0] = '\0';
	if (code == SQLITE_ROW) {
		slice text = ledger_column_text(s, 0);
		snprintf(source, cap, SLICE_FMT, SLICE_ARG(text.n ? text : SLICE("?")));
	} else if (code != SQLITE_DONE) {
		rc = ledger_fault(l, code, "calls", e);
	}
	sqlite3_reset(s);
	return rc;
}

/* What is told in sum is no call, even when it is of one. */
#define A_CALL "(call_key IS NULL OR call_key NOT GLOB 'tally:*')"

static int find_by_key(struct ledger *l, const struct record *r, char *source, size_t cap, struct error *e)
{
	int rc = prepare_once(l, &l->by_key, "SELECT source FROM calls WHERE call_key=? LIMIT 1", e);
	if (rc != 0)
		return rc;
	int code = ledger_bind_text(l->by_key, 1, r->text[TEXT_CALL_KEY]);
	return code == SQLITE_OK ? take_source(l, l->by_key, source, cap, e)
	                         : ledger_fault(l, code, "calls", e);
}

static void bind_count(sqlite3_stmt *s, int at, int64_t v)
{
	if (v == TOKENS_ABSENT)
		sqlite3_bind_null(s, at);
	else
		sqlite3_bind_int64(s, at, v);
}

/* A session that the gateway made up is known to no other source. */
#define SAME_SESSION "(session IS NULL OR ?5 IS NULL OR session=?5 OR session GLOB 'ws_*' OR ?5 GLOB 'ws_*')"
/* ?1, ?2: between these times; ?4: by this agent; ?6, ?7, ?8: output, context, of it cached. */
#define SAME_USAGE                                                                                           \
	A_CALL " AND time_ms BETWEEN ?1 AND ?2 AND agent IS ?4 AND " SAME_SESSION                            \
	       " AND output_tokens=?6 AND output_tokens>0 AND context_tokens IS ?7"                          \
	       " AND coalesce(cache_read_tokens,0)=coalesce(?8,0)"

static int find_by_usage(struct ledger *l, const struct record *r, char *source, size_t cap, struct error *e)
{
	int rc = prepare_once(l, &l->by_usage,
	                      "SELECT source FROM calls INDEXED BY calls_usage WHERE " SAME_USAGE
	                      " AND source IS NOT ?3 LIMIT 1",
	                      e);
	if (rc != 0)
		return rc;
	sqlite3_stmt *s = l->by_usage;
	sqlite3_bind_int64(s, 1, r->time_ms - LEDGER_SAME_MS);
	sqlite3_bind_int64(s, 2, r->time_ms + LEDGER_SAME_MS);
	int code = ledger_bind_text(s, 3, r->text[TEXT_SOURCE]);
	if (code == SQLITE_OK)
		code = ledger_bind_text(s, 4, r->who.v[ATTR_AGENT]);
	if (code == SQLITE_OK)
		code = ledger_bind_text(s, 5, r->who.v[ATTR_SESSION]);
	bind_count(s, 6, r->usage.m[METER_OUTPUT]);
	bind_count(s, 7, r->context_tokens);
	bind_count(s, 8, r->usage.m[METER_CACHE_READ]);
	return code == SQLITE_OK ? take_source(l, s, source, cap, e) : ledger_fault(l, code, "calls", e);
}

int ledger_sqlite_same_call(struct ledger *l, const struct record *r, char *source, size_t cap,
                            struct error *e)
{
	int rc = 0;
	source[0] = '\0';
	if (r->text[TEXT_CALL_KEY].n)
		rc = find_by_key(l, r, source, cap, e);
	/* Nothing to compare by: two calls of unknown size are not the same one. */
	if (rc == 0 && source[0] == '\0' && r->usage.m[METER_OUTPUT] > 0 && r->context_tokens > 0)
		rc = find_by_usage(l, r, source, cap, e);
	return rc;
}

/* --- calls that the gateway wrote late ------------------------------------------------------- */

#define SWEEP_ROWS 4096
#define SWEPT_KEY  "swept"

struct sweep {
	struct ledger *l;
	sqlite3_stmt *rows, *by_key, *by_usage, *drop; /* owned */
	uint64_t removed;
	int64_t row;
};

static int sweep_prepare(struct sweep *s, int64_t from, struct error *e)
{
	static const char other[] = " AND source IS NOT 'gateway' AND source IS NOT 'correction' LIMIT 1";
	struct {
		sqlite3_stmt **to;
		const char *sql, *more;
	} const rows[] = {
	    {&s->rows,
	     "SELECT rowid,call_key,time_ms,agent,session,output_tokens,context_tokens,cache_read_tokens "
	     "FROM calls WHERE rowid>?1 AND source='gateway' ORDER BY rowid LIMIT ?2",
	     ""},
	    {&s->by_key, "SELECT rowid FROM calls WHERE call_key=?1 AND " A_CALL, other},
	    {&s->by_usage, "SELECT rowid FROM calls INDEXED BY calls_usage WHERE " SAME_USAGE, other},
	    {&s->drop, "DELETE FROM calls WHERE rowid=?1", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char sql[1024];
		int n = snprintf(sql, sizeof sql, "%s%s", rows[i].sql, rows[i].more);
		int rc = n > 0 && (size_t)n < sizeof sql
		             ? ledger_prepare(s->l, slice_make(sql, (size_t)n), rows[i].to, e)
		             : error_set(e, ERR_FULL, "the question is too long");
		if (rc)
			return rc;
	}
	sqlite3_bind_int64(s->rows, 1, from);
	sqlite3_bind_int64(s->rows, 2, SWEEP_ROWS);
	return 0;
}

/* The row that a statement finds; 0: there is none. */
static int sweep_find(struct sweep *s, sqlite3_stmt *find, int64_t *row, struct error *e)
{
	int code = sqlite3_step(find), rc = 0;
	*row = code == SQLITE_ROW ? sqlite3_column_int64(find, 0) : 0;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		rc = ledger_fault(s->l, code, "calls", e);
	sqlite3_reset(find);
	return rc;
}

static void bind_same(sqlite3_stmt *to, sqlite3_stmt *row)
{
	int64_t time_ms = sqlite3_column_int64(row, 2);
	sqlite3_bind_int64(to, 1, time_ms - LEDGER_SAME_MS);
	sqlite3_bind_int64(to, 2, time_ms + LEDGER_SAME_MS);
	for (int i = 3; i < 8; i++) /* agent, session, output, context, cache read: ?4 to ?8 */
		sqlite3_bind_value(to, i + 1, sqlite3_column_value(row, i));
}

/* The other row of the gateway's row that the statement stands at goes. */
static int sweep_one(struct sweep *s, struct error *e)
{
	int64_t other = 0;
	int rc = 0;
	s->row = sqlite3_column_int64(s->rows, 0);
	if (sqlite3_column_type(s->rows, 1) != SQLITE_NULL) {
		sqlite3_bind_value(s->by_key, 1, sqlite3_column_value(s->rows, 1));
		rc = sweep_find(s, s->by_key, &other, e);
	}
	if (rc == 0 && other == 0 && sqlite3_column_int64(s->rows, 5) > 0 &&
	    sqlite3_column_int64(s->rows, 6) > 0) {
		bind_same(s->by_usage, s->rows);
		rc = sweep_find(s, s->by_usage, &other, e);
	}
	if (rc || other == 0)
		return rc;
	sqlite3_bind_int64(s->drop, 1, other);
	int code = sqlite3_step(s->drop);
	sqlite3_reset(s->drop);
	s->removed++;
	return code == SQLITE_DONE ? 0 : ledger_fault(s->l, code, "calls", e);
}

static int sweep_rows(struct sweep *s, bool *more, struct error *e)
{
	int code, rc = 0, n = 0;
	while (rc == 0 && (code = sqlite3_step(s->rows)) == SQLITE_ROW) {
		n++;
		rc = sweep_one(s, e);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(s->l, code, "calls", e);
	*more = n == SWEEP_ROWS;
	return rc;
}

static void sweep_release(struct sweep *s)
{
	sqlite3_finalize(s->rows);
	sqlite3_finalize(s->by_key);
	sqlite3_finalize(s->by_usage);
	sqlite3_finalize(s->drop);
}

int ledger_sqlite_same_sweep(struct ledger *l, uint64_t *removed, bool *more, struct error *e)
{
	struct sweep s = {.l = l};
	int64_t from = 0;
	char sql[160];
	*more = false;
	*removed = 0;
	int rc = ledger_sqlite_begin(l, e);
	if (rc)
		return rc;
	/* Never yet: rows that are there were looked at when the other sources' came. */
	rc = ledger_exec(l,
	                 "INSERT OR IGNORE INTO counters VALUES('" SWEPT_KEY
	                 "',coalesce((SELECT max(rowid)FROM calls),0))",
	                 e);
	if (rc == 0)
		rc = ledger_number(l, "SELECT value FROM counters WHERE name='" SWEPT_KEY "'", &from, e);
	s.row = from;
	if (rc == 0)
		rc = sweep_prepare(&s, from, e);
	if (rc == 0)
		rc = sweep_rows(&s, more, e);
	sweep_release(&s);
	if (rc == 0 && s.row != from) {
		snprintf(sql, sizeof sql, "UPDATE counters SET value=%lld WHERE name='" SWEPT_KEY "'",
		         (long long)s.row);
		rc = ledger_exec(l, sql, e);
	}
	if (rc == 0)
		rc = ledger_sqlite_commit(l, e);
	if (rc)
		ledger_sqlite_rollback(l);
	else
		*removed = s.removed;
	return rc;
}
