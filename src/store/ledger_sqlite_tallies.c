/* What providers tell of spans of time in sum. Rows of calls are made of them for what no finer row tells of:
 * these alone are ever taken out of the ledger again, when that changes. */
#include "store/ledger_sqlite.h"

int ledger_sqlite_tallies_create(struct ledger *l, struct error *e)
{
	return ledger_exec(l,
	                   "CREATE TABLE tallies(key TEXT NOT NULL PRIMARY KEY,source TEXT NOT NULL,provider "
	                   "TEXT NOT NULL,kind TEXT NOT NULL,account TEXT,from_ms INTEGER NOT NULL,until_ms "
	                   "INTEGER NOT NULL,told_ms INTEGER NOT NULL,body TEXT NOT NULL)STRICT;"
	                   "CREATE INDEX tallies_span ON tallies(from_ms,source,kind);",
	                   e);
}

static int run(struct ledger *l, sqlite3_stmt *s, int code, struct error *e)
{
	int rc = 0;
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code != SQLITE_DONE)
		rc = ledger_fault(l, code, "tallies", e);
	sqlite3_finalize(s);
	return rc;
}

/* What another import told of that span goes: a telling of a span is whole. */
static int forget(struct ledger *l, const struct ledger_tally *t, struct error *e)
{
	sqlite3_stmt *s = NULL;
	const slice texts[] = {t->source, t->kind, t->provider, t->account};
	int rc = ledger_prepare(l,
	                        SLICE("DELETE FROM tallies WHERE from_ms=?5 AND source=?1 AND kind=?2 AND "
	                              "provider=?3 AND account IS ?4 AND until_ms=?6 AND told_ms<>?7"),
	                        &s, e);
	if (rc != 0)
		return rc;
	int code = sqlite3_bind_int64(s, 5, t->from_ms);
	for (int i = 0; code == SQLITE_OK && i < 4; i++)
		code = ledger_bind_text(s, i + 1, texts[i]);
	sqlite3_bind_int64(s, 6, t->until_ms);
	sqlite3_bind_int64(s, 7, t->told_ms);
	return run(l, s, code, e);
}

int ledger_sqlite_tally_put(struct ledger *l, const struct ledger_tally *t, struct error *e)
{
	sqlite3_stmt *s = NULL;
	const slice texts[] = {t->key, t->source, t->provider, t->kind, t->account, t->body};
	int rc = forget(l, t, e);
	if (rc == 0)
		rc = ledger_prepare(
		    l,
		    SLICE(
		        "INSERT INTO tallies(key,source,provider,kind,account,body,from_ms,until_ms,told_ms)"
		        "VALUES(?,?,?,?,?,?,?,?,?)ON CONFLICT(key)DO UPDATE SET body=excluded.body,"
		        "told_ms=excluded.told_ms"),
		    &s, e);
	if (rc != 0)
		return rc;
	int code = sqlite3_bind_int64(s, 7, t->from_ms);
	for (int i = 0; code == SQLITE_OK && i < 6; i++)
		code = ledger_bind_text(s, i + 1, texts[i]);
	sqlite3_bind_int64(s, 8, t->until_ms);
	sqlite3_bind_int64(s, 9, t->told_ms);
	return run(l, s, code, e);
}

int ledger_sqlite_tallies(struct ledger *l, int64_t since_ms, int64_t until_ms,
                          int (*on_tally)(void *arg, const struct ledger_tally *t), void *arg,
                          struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(
	    l,
	    SLICE("SELECT key,source,provider,kind,account,body,from_ms,until_ms,told_ms FROM tallies WHERE "
	          "from_ms>=? AND from_ms<? ORDER BY provider,from_ms,until_ms,source,key"),
	    &s, e);
	if (rc != 0)
		return rc;
	sqlite3_bind_int64(s, 1, since_ms);
	sqlite3_bind_int64(s, 2, until_ms);
	int code = SQLITE_DONE;
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct ledger_tally t = {.key = ledger_column_text(s, 0),
		                         .source = ledger_column_text(s, 1),
		                         .provider = ledger_column_text(s, 2),
		                         .kind = ledger_column_text(s, 3),
		                         .account = ledger_column_text(s, 4),
		                         .body = ledger_column_text(s, 5),
		                         .from_ms = sqlite3_column_int64(s, 6),
		                         .until_ms = sqlite3_column_int64(s, 7),
		                         .told_ms = sqlite3_column_int64(s, 8)};
		rc = on_tally(arg, &t);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "tallies", e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_tally_unbook(struct ledger *l, slice key, int64_t time_ms, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(
	    l, SLICE("DELETE FROM calls WHERE call_key=? AND time_ms=? AND source GLOB 'import:*'"), &s, e);
	if (rc != 0)
		return rc;
	int code = ledger_bind_text(s, 1, key);
	sqlite3_bind_int64(s, 2, time_ms);
	return run(l, s, code, e);
}
