/* Sessions: what outlives the process of each, and who paused, resumed and stopped it. */
#include "store/ledger_sqlite.h"

#define COLUMNS                                                                                              \
	"id,scope,parent,agent,directory,reason,state,started_ms,seen_ms,state_ms,calls,retries,"            \
	"compactions,active_ms,image"

static int finish(struct ledger *l, sqlite3_stmt *s, int code, struct error *e)
{
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	int rc = code == SQLITE_DONE ? 0 : ledger_fault(l, code, "sessions", e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_sessions_create(struct ledger *l, struct error *e)
{
	return ledger_exec(
	    l,
	    "CREATE TABLE sessions(id TEXT NOT NULL,scope TEXT NOT NULL,parent TEXT,agent TEXT,"
	    "directory TEXT,reason TEXT,state TEXT NOT NULL,started_ms INTEGER NOT NULL,"
	    "seen_ms INTEGER NOT NULL,state_ms INTEGER NOT NULL,calls INTEGER NOT NULL,"
	    "retries INTEGER NOT NULL,compactions INTEGER NOT NULL,active_ms INTEGER NOT NULL,"
	    "image BLOB,PRIMARY KEY(id,scope))STRICT;"
	    "CREATE INDEX sessions_seen ON sessions(seen_ms);"
	    "CREATE INDEX calls_session ON calls(session)WHERE session IS NOT NULL;"
	    "INSERT INTO counters VALUES('sessions',1);",
	    e);
}

/* A state that people wrote after the row was made is not put back. */
int ledger_sqlite_session_put(struct ledger *l, const struct ledger_session *r, struct error *e)
{
	static const char put[] =
	    "INSERT INTO sessions(" COLUMNS
	    ")VALUES(?1,coalesce(?2,''),?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)"
	    "ON CONFLICT(id,scope)DO UPDATE SET "
	    "seen_ms=max(seen_ms,excluded.seen_ms),calls=excluded.calls,"
	    "retries=excluded.retries,compactions=excluded.compactions,active_ms=excluded.active_ms,"
	    "image=excluded.image,parent=excluded.parent,"
	    "reason=iif(excluded.state_ms>=state_ms,excluded.reason,reason),"
	    "state=iif(excluded.state_ms>=state_ms,excluded.state,state),"
	    "state_ms=max(state_ms,excluded.state_ms)";
	int rc = l->session_put ? 0 : ledger_prepare(l, slice_of(put), &l->session_put, e);
	if (rc != 0)
		return rc;
	sqlite3_stmt *s = l->session_put;
	const slice texts[] = {r->id, r->scope, r->parent, r->agent, r->directory, r->reason, r->state};
	const int64_t numbers[] = {r->started_ms, r->seen_ms,     r->state_ms, r->calls,
	                           r->retries,    r->compactions, r->active_ms};
	int code = SQLITE_OK;
	for (int i = 0; code == SQLITE_OK && i < 7; i++)
		code = ledger_bind_text(s, 1 + i, texts[i]);
	for (int i = 0; code == SQLITE_OK && i < 7; i++)
		code = sqlite3_bind_int64(s, 8 + i, numbers[i]);
	if (code == SQLITE_OK && r->image.n)
		code = sqlite3_bind_blob(s, 15, r->image.p, (int)r->image.n, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	rc = code == SQLITE_DONE ? 0 : ledger_fault(l, code, "sessions", e);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc;
}

static int audit(struct ledger *l, slice id, slice state, slice reason, slice by, int64_t at_ms,
                 struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(
	    l,
	    SLICE("INSERT INTO audit(time_ms,actor,action,subject,detail)VALUES(?1,?2,'session.'||?3,?4,?5)"),
	    &s, e);
	if (rc != 0)
		return rc;
	const slice texts[] = {by, state, id, reason};
	int code = sqlite3_bind_int64(s, 1, at_ms);
	for (int i = 0; code == SQLITE_OK && i < 4; i++)
		code = ledger_bind_text(s, 2 + i, texts[i]);
	return finish(l, s, code, e);
}

static int change(struct ledger *l, slice id, slice state, slice reason, int64_t at_ms, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int64_t n = 0;
	int rc =
	    ledger_prepare(l,
	                   SLICE("UPDATE sessions SET state=?2,reason=?3,state_ms=?4 WHERE id=?1 AND(state<>"
	                         "'stopped' OR ?2='stopped')"),
	                   &s, e);
	if (rc == 0) {
		int code = ledger_bind_text(s, 1, id);
		if (code == SQLITE_OK)
			code = ledger_bind_text(s, 2, state);
		if (code == SQLITE_OK)
			code = ledger_bind_text(s, 3, reason);
		if (code == SQLITE_OK)
			code = sqlite3_bind_int64(s, 4, at_ms);
		rc = finish(l, s, code, e);
	}
	if (rc != 0 || sqlite3_changes(l->db) > 0)
		return rc;
	s = NULL;
	rc = ledger_prepare(l, SLICE("SELECT count(*)FROM sessions WHERE id=?1"), &s, e);
	if (rc == 0 && ledger_bind_text(s, 1, id) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	if (rc != 0)
		return rc;
	if (n)
		return error_set(e, ERR_REFUSED, "session " SLICE_FMT " was stopped, and does not go on",
		                 SLICE_ARG(id));
	return error_set(e, ERR_NOT_FOUND, "no session \"" SLICE_FMT "\": `weir session list` shows them",
	                 SLICE_ARG(id));
}

int ledger_sqlite_session_act(struct ledger *l, slice id, slice state, slice reason, slice by, int64_t at_ms,
                              struct error *e)
{
	int rc = ledger_sqlite_begin(l, e);
	if (rc != 0)
		return rc;
	rc = change(l, id, state, reason, at_ms, e);
	if (rc == 0)
		rc = audit(l, id, state, reason, by, at_ms, e);
	if (rc == 0)
		rc = ledger_exec(l, "UPDATE counters SET value=value+1 WHERE name='sessions'", e);
	if (rc == 0)
		rc = ledger_sqlite_commit(l, e);
	if (rc != 0)
		ledger_sqlite_rollback(l);
	return rc;
}

#define SELECT                                                                                               \
	"SELECT s.id,s.scope,s.parent,s.agent,s.directory,s.reason,s.state,s.started_ms,s.seen_ms,"          \
	"s.state_ms,s.calls,s.retries,s.compactions,s.active_ms,s.image,"                                    \
	"(SELECT sum(cost_nanousd)FROM calls c WHERE c.session=s.id)"                                        \
	",(SELECT max(turn)FROM calls c WHERE c.session=s.id AND c.subagent IS NULL)"                        \
	",l.user,l.team,l.repo,l.branch,coalesce(l.model_served,l.model_requested)FROM sessions s "          \
	"LEFT JOIN calls l ON l.rowid=(SELECT max(c.rowid)FROM calls c WHERE c.session=s.id)WHERE "

static int each(struct ledger *l, sqlite3_stmt *s, size_t limit,
                int (*on_session)(void *arg, const struct ledger_session *s), void *arg, struct error *e)
{
	int rc = 0, code = sqlite3_bind_int64(s, 2, limit < INT32_MAX ? (int64_t)limit : INT32_MAX);
	if (code != SQLITE_OK)
		rc = ledger_fault(l, code, "sessions", e);
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct ledger_session r = {.id = ledger_column_text(s, 0),
		                           .scope = ledger_column_text(s, 1),
		                           .parent = ledger_column_text(s, 2),
		                           .agent = ledger_column_text(s, 3),
		                           .directory = ledger_column_text(s, 4),
		                           .reason = ledger_column_text(s, 5),
		                           .state = ledger_column_text(s, 6),
		                           .started_ms = sqlite3_column_int64(s, 7),
		                           .seen_ms = sqlite3_column_int64(s, 8),
		                           .state_ms = sqlite3_column_int64(s, 9),
		                           .calls = sqlite3_column_int64(s, 10),
		                           .retries = sqlite3_column_int64(s, 11),
		                           .compactions = sqlite3_column_int64(s, 12),
		                           .active_ms = sqlite3_column_int64(s, 13)};
		const void *image = sqlite3_column_blob(s, 14);
		r.image = image ? slice_make(image, (size_t)sqlite3_column_bytes(s, 14)) : SLICE_NONE;
		r.cost_nanousd =
		    sqlite3_column_type(s, 15) == SQLITE_NULL ? RECORD_ABSENT : sqlite3_column_int64(s, 15);
		r.turns =
		    sqlite3_column_type(s, 16) == SQLITE_NULL ? RECORD_ABSENT : sqlite3_column_int64(s, 16);
		slice *const last[] = {&r.user, &r.team, &r.repo, &r.branch, &r.model};
		for (int i = 0; i < 5; i++)
			*last[i] = ledger_column_text(s, 17 + i);
		rc = on_session(arg, &r);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "sessions", e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_sessions(struct ledger *l, int64_t since_ms, size_t limit,
                           int (*on_session)(void *arg, const struct ledger_session *s), void *arg,
                           struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l, SLICE(SELECT "s.seen_ms>=?1 ORDER BY s.seen_ms DESC LIMIT ?2"), &s, e);
	if (rc != 0)
		return rc;
	sqlite3_bind_int64(s, 1, since_ms);
	return each(l, s, limit, on_session, arg, e);
}

int ledger_sqlite_session(struct ledger *l, slice id, size_t limit,
                          int (*on_session)(void *arg, const struct ledger_session *s), void *arg,
                          struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(
	    l, SLICE(SELECT "s.id=?1 OR s.parent=?1 ORDER BY s.id<>?1,s.seen_ms DESC LIMIT ?2"), &s, e);
	if (rc != 0)
		return rc;
	int code = ledger_bind_text(s, 1, id);
	if (code == SQLITE_OK)
		return each(l, s, limit, on_session, arg, e);
	sqlite3_finalize(s);
	return ledger_fault(l, code, "sessions", e);
}

int ledger_sqlite_sessions_version(struct ledger *l, int64_t *out, struct error *e)
{
	return ledger_number(l, "SELECT value FROM counters WHERE name='sessions'", out, e);
}
