/* The kill switch's entries. */
#include "store/ledger_sqlite.h"

static int finish(struct ledger *l, sqlite3_stmt *s, int code, struct error *e)
{
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	int rc = code == SQLITE_DONE ? 0 : ledger_fault(l, code, "freezes", e);
	sqlite3_finalize(s);
	return rc;
}

/* Before the change is made: what stands there goes with it. */
static int audit(struct ledger *l, const char *action, const struct ledger_freeze *f, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l,
	                        SLICE("INSERT INTO audit(time_ms,actor,action,subject,detail,before,after)"
	                              "VALUES(?1,?2,?3,?4||coalesce(':'||?5,''),?6,"
	                              "(SELECT json_object('by',by,'reason',reason,'since_ms',time_ms) FROM "
	                              "freezes WHERE scope=?4 AND value=coalesce(?5,'')),"
	                              "CASE ?3 WHEN 'freeze' THEN "
	                              "json_object('by',?2,'reason',?6,'since_ms',?1)END)"),
	                        &s, e);
	if (rc != 0)
		return rc;
	const slice texts[] = {f->by, slice_of(action), f->scope, f->value, f->reason};
	int code = sqlite3_bind_int64(s, 1, f->at_ms);
	for (int i = 0; code == SQLITE_OK && i < 5; i++)
		code = ledger_bind_text(s, 2 + i, texts[i]);
	return finish(l, s, code, e);
}

static int close_change(struct ledger *l, int rc, struct error *e)
{
	if (rc == 0)
		rc = ledger_exec(l,
		                 "INSERT INTO counters VALUES('freezes',1)"
		                 "ON CONFLICT(name)DO UPDATE SET value=value+1",
		                 e);
	if (rc == 0)
		rc = ledger_sqlite_commit(l, e);
	if (rc != 0)
		ledger_sqlite_rollback(l);
	return rc;
}

static int put(struct ledger *l, const struct ledger_freeze *f, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l,
	                        SLICE("INSERT INTO freezes(scope,value,by,reason,time_ms)"
	                              "VALUES(?1,coalesce(?2,''),?3,?4,?5)"
	                              "ON CONFLICT(scope,value)DO UPDATE SET "
	                              "by=excluded.by,reason=excluded.reason,time_ms=excluded.time_ms"),
	                        &s, e);
	if (rc != 0)
		return rc;
	const slice texts[] = {f->scope, f->value, f->by, f->reason};
	int code = sqlite3_bind_int64(s, 5, f->at_ms);
	for (int i = 0; code == SQLITE_OK && i < 4; i++)
		code = ledger_bind_text(s, 1 + i, texts[i]);
	return finish(l, s, code, e);
}

int ledger_sqlite_freeze_put(struct ledger *l, const struct ledger_freeze *f, struct error *e)
{
	int rc = ledger_sqlite_begin(l, e);
	if (rc != 0)
		return rc;
	rc = audit(l, "freeze", f, e);
	if (rc == 0)
		rc = put(l, f, e);
	return close_change(l, rc, e);
}

int ledger_sqlite_freeze_drop(struct ledger *l, const struct ledger_freeze *f, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_sqlite_begin(l, e);
	if (rc != 0)
		return rc;
	rc = audit(l, "unfreeze", f, e);
	if (rc == 0)
		rc = ledger_prepare(l, SLICE("DELETE FROM freezes WHERE scope=?1 AND value=coalesce(?2,'')"),
		                    &s, e);
	if (rc == 0) {
		int code = ledger_bind_text(s, 1, f->scope);
		if (code == SQLITE_OK)
			code = ledger_bind_text(s, 2, f->value);
		rc = finish(l, s, code, e);
	}
	if (rc == 0 && sqlite3_changes(l->db) == 0)
		rc = error_set(e, ERR_NOT_FOUND, "not frozen: " SLICE_FMT " " SLICE_FMT, SLICE_ARG(f->scope),
		               SLICE_ARG(f->value));
	return close_change(l, rc, e);
}

int ledger_sqlite_freezes(struct ledger *l, int (*on_freeze)(void *arg, const struct ledger_freeze *f),
                          void *arg, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(
	    l, SLICE("SELECT scope,value,by,reason,time_ms FROM freezes ORDER BY time_ms,scope,value"), &s,
	    e);
	int code = SQLITE_DONE;
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct ledger_freeze f = {ledger_column_text(s, 0), ledger_column_text(s, 1),
		                          ledger_column_text(s, 2), ledger_column_text(s, 3),
		                          sqlite3_column_int64(s, 4)};
		rc = on_freeze(arg, &f);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "freezes", e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_freezes_version(struct ledger *l, int64_t *out, struct error *e)
{
	return ledger_number(l, "SELECT value FROM counters WHERE name='freezes'", out, e);
}
