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

static int find_by_usage(struct ledger *l, const struct record *r, char *source, size_t cap, struct error *e)
{
	int rc = prepare_once(l, &l->by_usage,
	                      "SELECT source FROM calls INDEXED BY calls_usage WHERE " A_CALL
	                      " AND time_ms BETWEEN ?1 AND "
	                      "?2 AND source IS NOT ?3"
	                      " AND agent IS ?4 AND(session IS NULL OR ?5 IS NULL OR session=?5)"
	                      " AND output_tokens=?6 AND output_tokens>0 AND context_tokens IS ?7"
	                      " AND coalesce(cache_read_tokens,0)=coalesce(?8,0)LIMIT 1",
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
