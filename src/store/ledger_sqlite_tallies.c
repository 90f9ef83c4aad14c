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

/* The index finds the same call told of by another source (ledger_sqlite_import.c). */
int ledger_sqlite_series_create(struct ledger *l, struct error *e)
{
	return ledger_exec(l,
	                   "CREATE TABLE series(key INTEGER NOT NULL PRIMARY KEY,start_ns INTEGER NOT NULL,"
	                   "time_ns INTEGER NOT NULL,value INTEGER NOT NULL)STRICT;"
	                   "CREATE INDEX calls_usage ON calls(output_tokens,time_ms)WHERE output_tokens>0;",
	                   e);
}

/* Whether another import told of a span is asked for each tally of it. */
int ledger_sqlite_tallies_index(struct ledger *l, struct error *e)
{
	return ledger_exec(l,
	                   "DROP INDEX tallies_span;"
	                   "CREATE INDEX tallies_span ON tallies(from_ms,source,kind,told_ms);",
	                   e);
}

static int prepare_once(struct ledger *l, sqlite3_stmt **s, slice sql, struct error *e)
{
	return *s ? 0 : ledger_prepare(l, sql, s, e);
}

static int run_once(struct ledger *l, sqlite3_stmt *s, int code, const char *what, struct error *e)
{
	int rc = 0;
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code != SQLITE_DONE)
		rc = ledger_fault(l, code, what, e);
	sqlite3_reset(s);
	return rc;
}

/* Two ranges of the index: a telling has many rows, and each of them asks. */
#define SPAN "from_ms=?5 AND source=?1 AND kind=?2 AND provider=?3 AND account IS ?4 AND until_ms=?6"

/* What another import told of that span goes: a telling of a span is whole. */
static int forget(struct ledger *l, const struct ledger_tally *t, struct error *e)
{
	const slice texts[] = {t->source, t->kind, t->provider, t->account};
	int rc = prepare_once(l, &l->tally_forget,
	                      SLICE("DELETE FROM tallies WHERE rowid IN(SELECT rowid FROM tallies WHERE " SPAN
	                            " AND told_ms<?7 UNION ALL SELECT rowid FROM tallies WHERE " SPAN
	                            " AND told_ms>?7)"),
	                      e);
	sqlite3_stmt *s = l->tally_forget;
	if (rc != 0)
		return rc;
	int code = sqlite3_bind_int64(s, 5, t->from_ms);
	for (int i = 0; code == SQLITE_OK && i < 4; i++)
		code = ledger_bind_text(s, i + 1, texts[i]);
	sqlite3_bind_int64(s, 6, t->until_ms);
	sqlite3_bind_int64(s, 7, t->told_ms);
	return run_once(l, s, code, "tallies", e);
}

int ledger_sqlite_tally_put(struct ledger *l, const struct ledger_tally *t, struct error *e)
{
	const slice texts[] = {t->key, t->source, t->provider, t->kind, t->account, t->body};
	int rc = t->told_ms ? forget(l, t, e) : 0;
	if (rc == 0)
		rc = prepare_once(
		    l, &l->tally_put,
		    SLICE(
		        "INSERT INTO tallies(key,source,provider,kind,account,body,from_ms,until_ms,told_ms)"
		        "VALUES(?,?,?,?,?,?,?,?,?)ON CONFLICT(key)DO UPDATE SET body=excluded.body,"
		        "from_ms=excluded.from_ms,until_ms=excluded.until_ms,told_ms=excluded.told_ms"),
		    e);
	sqlite3_stmt *s = l->tally_put;
	if (rc != 0)
		return rc;
	int code = sqlite3_bind_int64(s, 7, t->from_ms);
	for (int i = 0; code == SQLITE_OK && i < 6; i++)
		code = ledger_bind_text(s, i + 1, texts[i]);
	sqlite3_bind_int64(s, 8, t->until_ms);
	sqlite3_bind_int64(s, 9, t->told_ms);
	return run_once(l, s, code, "tallies", e);
}

#define COLUMNS "key,source,provider,kind,account,body,from_ms,until_ms,told_ms"

/* Those that the statement gives; it is finalized. */
static int give(struct ledger *l, sqlite3_stmt *s, int (*on_tally)(void *arg, const struct ledger_tally *t),
                void *arg, struct error *e)
{
	int code = SQLITE_DONE, rc = 0;
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

int ledger_sqlite_tallies(struct ledger *l, int64_t since_ms, int64_t until_ms,
                          int (*on_tally)(void *arg, const struct ledger_tally *t), void *arg,
                          struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc =
	    ledger_prepare(l,
	                   SLICE("SELECT " COLUMNS " FROM tallies WHERE from_ms>=? AND from_ms<? ORDER BY "
	                         "provider,from_ms,until_ms,source,key"),
	                   &s, e);
	if (rc != 0)
		return rc;
	sqlite3_bind_int64(s, 1, since_ms);
	sqlite3_bind_int64(s, 2, until_ms);
	return give(l, s, on_tally, arg, e);
}

struct one {
	int (*on_tally)(void *arg, const struct ledger_tally *t);
	void *arg;
	bool found;
};

static int on_one(void *arg, const struct ledger_tally *t)
{
	struct one *o = arg;
	o->found = true;
	return o->on_tally(o->arg, t);
}

int ledger_sqlite_tally(struct ledger *l, slice key, int (*on_tally)(void *arg, const struct ledger_tally *t),
                        void *arg, struct error *e)
{
	sqlite3_stmt *s = NULL;
	struct one o = {on_tally, arg, false};
	int rc = ledger_prepare(l, SLICE("SELECT " COLUMNS " FROM tallies WHERE key=?"), &s, e);
	if (rc != 0)
		return rc;
	int code = ledger_bind_text(s, 1, key);
	if (code != SQLITE_OK) {
		sqlite3_finalize(s);
		return ledger_fault(l, code, "tallies", e);
	}
	rc = give(l, s, on_one, &o, e);
	return rc == 0 && !o.found ? ERR_NOT_FOUND : rc;
}

/* --- series of metric points ----------------------------------------------------------------- */

int ledger_sqlite_series(struct ledger *l, int64_t key, struct ledger_series *out, struct error *e)
{
	int rc =
	    prepare_once(l, &l->series, SLICE("SELECT start_ns,time_ns,value FROM series WHERE key=?"), e);
	if (rc != 0)
		return rc;
	sqlite3_bind_int64(l->series, 1, key);
	int code = sqlite3_step(l->series);
	if (code == SQLITE_ROW)
		*out = (struct ledger_series){key, sqlite3_column_int64(l->series, 0),
		                              sqlite3_column_int64(l->series, 1),
		                              sqlite3_column_int64(l->series, 2)};
	else
		rc = code == SQLITE_DONE ? ERR_NOT_FOUND : ledger_fault(l, code, "series", e);
	sqlite3_reset(l->series);
	return rc;
}

int ledger_sqlite_series_put(struct ledger *l, const struct ledger_series *s, struct error *e)
{
	int rc = prepare_once(l, &l->series_put,
	                      SLICE("INSERT INTO series(key,start_ns,time_ns,value)VALUES(?,?,?,?)ON "
	                            "CONFLICT(key)DO UPDATE SET start_ns=excluded.start_ns,"
	                            "time_ns=excluded.time_ns,value=excluded.value"),
	                      e);
	if (rc != 0)
		return rc;
	const int64_t numbers[] = {s->key, s->start_ns, s->time_ns, s->value};
	int code = SQLITE_OK;
	for (int i = 0; code == SQLITE_OK && i < 4; i++)
		code = sqlite3_bind_int64(l->series_put, i + 1, numbers[i]);
	return run_once(l, l->series_put, code, "series", e);
}

int ledger_sqlite_series_trim(struct ledger *l, int64_t before_ns, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l, SLICE("DELETE FROM series WHERE time_ns<?"), &s, e);
	if (rc != 0)
		return rc;
	rc = run_once(l, s, sqlite3_bind_int64(s, 1, before_ns), "series", e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_tally_unbook(struct ledger *l, slice key, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l, SLICE("DELETE FROM calls WHERE call_key=?"), &s, e);
	if (rc != 0)
		return rc;
	int code = ledger_bind_text(s, 1, key);
	rc = run_once(l, s, code, "calls", e);
	sqlite3_finalize(s);
	return rc;
}
