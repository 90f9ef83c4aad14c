/* Alerts, what is to be told of them to whom, silences, and the writer's events (store/ledger_alerts.h). */
#include <stdarg.h>
#include <stdio.h>

#include "store/ledger_sqlite.h"

int ledger_sqlite_alerts_create(struct ledger *l, struct error *e)
{
	return ledger_exec(
	    l,
	    "CREATE TABLE alerts(id TEXT NOT NULL PRIMARY KEY,cause TEXT NOT NULL,kind TEXT NOT "
	    "NULL,severity "
	    "TEXT NOT NULL,user TEXT,body TEXT NOT NULL,silence TEXT,level INTEGER NOT NULL,told_level "
	    "INTEGER "
	    "NOT NULL,since_ms INTEGER NOT NULL,raised_ms INTEGER NOT NULL,seen_ms INTEGER NOT NULL,told_ms "
	    "INTEGER NOT NULL,resolved_ms INTEGER NOT NULL,hold_ms INTEGER NOT NULL,count INTEGER NOT "
	    "NULL)STRICT;"
	    "CREATE UNIQUE INDEX alerts_open ON alerts(cause)WHERE resolved_ms=0;"
	    "CREATE INDEX alerts_raised ON alerts(raised_ms);"
	    "CREATE TABLE deliveries(seq INTEGER PRIMARY KEY AUTOINCREMENT,alert TEXT NOT NULL,target TEXT "
	    "NOT "
	    "NULL,event TEXT NOT NULL,state TEXT NOT NULL,message TEXT,error TEXT,made_ms INTEGER NOT "
	    "NULL,due_ms INTEGER NOT NULL,done_ms INTEGER NOT NULL,tries INTEGER NOT NULL)STRICT;"
	    "CREATE INDEX deliveries_waiting ON deliveries(seq)WHERE state='waiting';"
	    "CREATE INDEX deliveries_alert ON deliveries(alert);"
	    "CREATE INDEX deliveries_done ON deliveries(done_ms)WHERE state='sent';"
	    "CREATE TABLE silences(id TEXT NOT NULL PRIMARY KEY,matches TEXT NOT NULL,by TEXT,reason "
	    "TEXT,from_ms INTEGER NOT NULL,until_ms INTEGER NOT NULL)STRICT;"
	    "CREATE INDEX silences_until ON silences(until_ms);"
	    "CREATE TABLE alert_events(seq INTEGER PRIMARY KEY AUTOINCREMENT,time_ms INTEGER NOT NULL,kind "
	    "TEXT "
	    "NOT NULL,body TEXT NOT NULL)STRICT;"
	    "CREATE INDEX sessions_held ON sessions(state_ms)WHERE state='paused';"
	    "CREATE INDEX audit_subject ON audit(subject)WHERE subject IS NOT NULL;"
	    "INSERT INTO counters VALUES('alerts',1);",
	    e);
}

/* --- statements -------------------------------------------------------------------------- */

/* Binds what follows: 's' a slice, 'i' an int64_t. */
static int bind(sqlite3_stmt *s, const char *kinds, va_list ap)
{
	int code = SQLITE_OK;
	for (int i = 0; code == SQLITE_OK && kinds[i]; i++)
		code = kinds[i] == 's' ? ledger_bind_text(s, i + 1, va_arg(ap, slice))
		                       : sqlite3_bind_int64(s, i + 1, va_arg(ap, int64_t));
	return code;
}

static int prepare(struct ledger *l, const char *sql, sqlite3_stmt **s, struct error *e, const char *kinds,
                   ...)
{
	va_list ap;
	*s = NULL;
	int rc = ledger_prepare(l, slice_of(sql), s, e);
	if (rc)
		return rc;
	va_start(ap, kinds);
	int code = bind(*s, kinds, ap);
	va_end(ap);
	if (code == SQLITE_OK)
		return 0;
	sqlite3_finalize(*s);
	*s = NULL;
	return ledger_fault(l, code, "alerts", e);
}

/* Steps a statement that gives no rows, and ends it. */
static int run(struct ledger *l, sqlite3_stmt *s, struct error *e)
{
	int code = sqlite3_step(s);
	int rc = code == SQLITE_DONE ? 0 : ledger_fault(l, code, "alerts", e);
	sqlite3_finalize(s);
	return rc;
}

/* Gives each row to on_row until it answers with something else than 0; ends the statement. */
static int each(struct ledger *l, sqlite3_stmt *s, int (*on_row)(void *arg, sqlite3_stmt *s), void *arg,
                struct error *e)
{
	int rc = 0, code = SQLITE_DONE;
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW)
		rc = on_row(arg, s);
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "alerts", e);
	sqlite3_finalize(s);
	return rc;
}

static int64_t most(size_t limit)
{
	return limit && limit < INT32_MAX ? (int64_t)limit : INT32_MAX;
}

/* --- written ----------------------------------------------------------------------------- */

static int put(struct ledger *l, const struct ledger_alert *a, struct error *e)
{
	sqlite3_stmt *s;
	int rc = prepare(
	    l,
	    "INSERT INTO alerts(id,cause,kind,severity,user,body,silence,level,told_level,since_ms,raised_ms,"
	    "seen_ms,told_ms,resolved_ms,hold_ms,count)VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)ON "
	    "CONFLICT(id)DO "
	    "UPDATE SET severity=excluded.severity,body=excluded.body,silence=excluded.silence,"
	    "level=excluded.level,told_level=excluded.told_level,seen_ms=excluded.seen_ms,"
	    "told_ms=excluded.told_ms,resolved_ms=excluded.resolved_ms,count=excluded.count",
	    &s, e, "sssssssiiiiiiiii", a->id, a->cause, a->kind, a->severity, a->user, a->body, a->silence,
	    a->level, a->told_level, a->since_ms, a->raised_ms, a->seen_ms, a->told_ms, a->resolved_ms,
	    a->hold_ms, a->count);
	if (rc)
		return rc;
	int code = sqlite3_step(s);
	sqlite3_finalize(s);
	if (code == SQLITE_CONSTRAINT_UNIQUE)
		return error_set(e, ERR_BUSY, "an alert of \"" SLICE_FMT "\" is open already",
		                 SLICE_ARG(a->cause));
	return code == SQLITE_DONE ? 0 : ledger_fault(l, code, "alerts", e);
}

static int delivery_put(struct ledger *l, struct ledger_delivery *d, struct error *e)
{
	sqlite3_stmt *s;
	int rc =
	    d->seq
	        ? prepare(l,
	                  "UPDATE deliveries SET state=?,message=?,error=?,due_ms=?,done_ms=?,tries=? WHERE "
	                  "seq=?",
	                  &s, e, "sssiiii", d->state, d->message, d->error, d->due_ms, d->done_ms, d->tries,
	                  d->seq)
	        : prepare(
	              l,
	              "INSERT INTO deliveries(alert,target,event,state,message,error,made_ms,due_ms,done_ms,"
	              "tries)VALUES(?,?,?,?,?,?,?,?,?,?)",
	              &s, e, "ssssssiiii", d->alert, d->target, d->event, d->state, d->message, d->error,
	              d->made_ms, d->due_ms, d->done_ms, d->tries);
	if (rc == 0)
		rc = run(l, s, e);
	if (rc == 0 && d->seq == 0)
		d->seq = sqlite3_last_insert_rowid(l->db);
	return rc;
}

static int changed(struct ledger *l, struct error *e)
{
	return ledger_exec(l, "UPDATE counters SET value=value+1 WHERE name='alerts'", e);
}

static int silence_put(struct ledger *l, const struct ledger_silence *w, int64_t at_ms, struct error *e)
{
	sqlite3_stmt *s;
	bool ends = w->until_ms <= at_ms;
	struct ledger_change c = {.at_ms = at_ms,
	                          .action = ends ? SLICE("alert.unsilence") : SLICE("alert.silence"),
	                          .subject = w->id,
	                          .detail = w->matches,
	                          .reason = w->reason};
	int rc = ledger_sqlite_begin(l, e);
	if (rc)
		return rc;
	rc = prepare(l,
	             "INSERT INTO silences(id,matches,by,reason,from_ms,until_ms)VALUES(?,?,?,?,?,?)ON "
	             "CONFLICT(id)DO UPDATE SET until_ms=excluded.until_ms",
	             &s, e, "ssssii", w->id, w->matches, w->by, w->reason, w->from_ms, w->until_ms);
	if (rc == 0)
		rc = run(l, s, e);
	if (rc == 0)
		rc = ledger_sqlite_audit(l, &c, e);
	if (rc == 0)
		rc = changed(l, e);
	if (rc == 0)
		rc = ledger_sqlite_commit(l, e);
	if (rc)
		ledger_sqlite_rollback(l);
	return rc;
}

static int event_add(struct ledger *l, const struct ledger_alert_event *ev, struct error *e)
{
	sqlite3_stmt *s;
	int rc = prepare(l, "INSERT INTO alert_events(time_ms,kind,body)VALUES(?,?,?)", &s, e, "iss",
	                 ev->at_ms, ev->kind, ev->body);
	return rc ? rc : run(l, s, e);
}

static int events_drop(struct ledger *l, int64_t upto_seq, struct error *e)
{
	sqlite3_stmt *s;
	int rc = prepare(l, "DELETE FROM alert_events WHERE seq<=?", &s, e, "i", upto_seq);
	return rc ? rc : run(l, s, e);
}

static int trim(struct ledger *l, int64_t before_ms, struct error *e)
{
	static const char *const sql[] = {
	    "DELETE FROM deliveries WHERE alert IN(SELECT id FROM alerts WHERE resolved_ms>0 AND "
	    "resolved_ms<?)AND state<>'waiting'",
	    "DELETE FROM alerts WHERE resolved_ms>0 AND resolved_ms<? AND NOT EXISTS(SELECT 1 FROM "
	    "deliveries d "
	    "WHERE d.alert=alerts.id)",
	    "DELETE FROM silences WHERE until_ms<?",
	};
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof sql / sizeof *sql; i++) {
		sqlite3_stmt *s;
		rc = prepare(l, sql[i], &s, e, "i", before_ms);
		if (rc == 0)
			rc = run(l, s, e);
	}
	return rc;
}

/* --- read -------------------------------------------------------------------------------- */

struct reading {
	int (*on_alert)(void *arg, const struct ledger_alert *a);
	int (*on_delivery)(void *arg, const struct ledger_delivery *d);
	int (*on_silence)(void *arg, const struct ledger_silence *s);
	int (*on_event)(void *arg, const struct ledger_alert_event *ev);
	int (*on_held)(void *arg, const struct ledger_held *h);
	void *arg;
};

static int give_alert(void *arg, sqlite3_stmt *s)
{
	const struct reading *r = arg;
	struct ledger_alert a = {.id = ledger_column_text(s, 0),
	                         .cause = ledger_column_text(s, 1),
	                         .kind = ledger_column_text(s, 2),
	                         .severity = ledger_column_text(s, 3),
	                         .user = ledger_column_text(s, 4),
	                         .body = ledger_column_text(s, 5),
	                         .silence = ledger_column_text(s, 6),
	                         .level = sqlite3_column_int64(s, 7),
	                         .told_level = sqlite3_column_int64(s, 8),
	                         .since_ms = sqlite3_column_int64(s, 9),
	                         .raised_ms = sqlite3_column_int64(s, 10),
	                         .seen_ms = sqlite3_column_int64(s, 11),
	                         .told_ms = sqlite3_column_int64(s, 12),
	                         .resolved_ms = sqlite3_column_int64(s, 13),
	                         .hold_ms = sqlite3_column_int64(s, 14),
	                         .count = sqlite3_column_int64(s, 15)};
	return r->on_alert(r->arg, &a);
}

static int list(struct ledger *l, const struct ledger_alert_query *q,
                int (*on_alert)(void *arg, const struct ledger_alert *a), void *arg, struct error *e)
{
	struct reading r = {.on_alert = on_alert, .arg = arg};
	sqlite3_stmt *s;
	int rc = prepare(
	    l,
	    "SELECT id,cause,kind,severity,user,body,silence,level,told_level,since_ms,raised_ms,seen_ms,"
	    "told_ms,resolved_ms,hold_ms,count FROM alerts WHERE(?1 IS NULL OR id=?1)AND(?2 IS NULL OR "
	    "cause=?2)"
	    "AND(?3 IS NULL OR user=?3)AND(?4=0 OR resolved_ms=0)AND(resolved_ms=0 OR raised_ms>=?5 OR "
	    "resolved_ms>=?5)ORDER BY raised_ms DESC,id DESC LIMIT ?6",
	    &s, e, "sssiii", q->id, q->cause, q->user, (int64_t)q->open, q->since_ms, most(q->limit));
	return rc ? rc : each(l, s, give_alert, &r, e);
}

static int give_delivery(void *arg, sqlite3_stmt *s)
{
	const struct reading *r = arg;
	struct ledger_delivery d = {.seq = sqlite3_column_int64(s, 0),
	                            .alert = ledger_column_text(s, 1),
	                            .target = ledger_column_text(s, 2),
	                            .event = ledger_column_text(s, 3),
	                            .state = ledger_column_text(s, 4),
	                            .message = ledger_column_text(s, 5),
	                            .error = ledger_column_text(s, 6),
	                            .made_ms = sqlite3_column_int64(s, 7),
	                            .due_ms = sqlite3_column_int64(s, 8),
	                            .done_ms = sqlite3_column_int64(s, 9),
	                            .tries = sqlite3_column_int64(s, 10)};
	return r->on_delivery(r->arg, &d);
}

static int deliveries(struct ledger *l, const struct ledger_delivery_query *q,
                      int (*on_delivery)(void *arg, const struct ledger_delivery *d), void *arg,
                      struct error *e)
{
	struct reading r = {.on_delivery = on_delivery, .arg = arg};
	sqlite3_stmt *s;
	/* a statement for each, so that each has its index */
	const char *sql = q->alert.n   ? "alert=?1 AND seq>?2"
	                  : q->waiting ? "state='waiting' AND ?1 IS NULL AND seq>?2"
	                               : "state='sent' AND ?1 IS NULL AND done_ms>=?2";
	char text[320];
	snprintf(
	    text, sizeof text,
	    "SELECT seq,alert,target,event,state,message,error,made_ms,due_ms,done_ms,tries FROM deliveries "
	    "WHERE %s ORDER BY seq",
	    sql);
	int rc = prepare(l, text, &s, e, "si", q->alert,
	                 q->alert.n || q->waiting ? q->after_seq : q->done_since_ms);
	return rc ? rc : each(l, s, give_delivery, &r, e);
}

static int give_silence(void *arg, sqlite3_stmt *s)
{
	const struct reading *r = arg;
	struct ledger_silence w = {ledger_column_text(s, 0),   ledger_column_text(s, 1),
	                           ledger_column_text(s, 2),   ledger_column_text(s, 3),
	                           sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5)};
	return r->on_silence(r->arg, &w);
}

static int silences(struct ledger *l, int64_t live_ms,
                    int (*on_silence)(void *arg, const struct ledger_silence *s), void *arg, struct error *e)
{
	struct reading r = {.on_silence = on_silence, .arg = arg};
	sqlite3_stmt *s;
	int rc =
	    prepare(l,
	            "SELECT id,matches,by,reason,from_ms,until_ms FROM silences WHERE until_ms>? ORDER BY "
	            "from_ms,id",
	            &s, e, "i", live_ms);
	return rc ? rc : each(l, s, give_silence, &r, e);
}

static int give_event(void *arg, sqlite3_stmt *s)
{
	const struct reading *r = arg;
	struct ledger_alert_event ev = {sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
	                                ledger_column_text(s, 2), ledger_column_text(s, 3)};
	return r->on_event(r->arg, &ev);
}

static int events(struct ledger *l, int64_t after_seq, size_t limit,
                  int (*on_event)(void *arg, const struct ledger_alert_event *ev), void *arg, struct error *e)
{
	struct reading r = {.on_event = on_event, .arg = arg};
	sqlite3_stmt *s;
	int rc = prepare(l, "SELECT seq,time_ms,kind,body FROM alert_events WHERE seq>? ORDER BY seq LIMIT ?",
	                 &s, e, "ii", after_seq, most(limit));
	return rc ? rc : each(l, s, give_event, &r, e);
}

static int give_held(void *arg, sqlite3_stmt *s)
{
	const struct reading *r = arg;
	struct ledger_held h = {.id = ledger_column_text(s, 0),
	                        .agent = ledger_column_text(s, 1),
	                        .reason = ledger_column_text(s, 2),
	                        .state_ms = sqlite3_column_int64(s, 3),
	                        .calls = sqlite3_column_int64(s, 4),
	                        .actor = ledger_column_text(s, 5),
	                        .rule = ledger_column_text(s, 6),
	                        .user = ledger_column_text(s, 7),
	                        .team = ledger_column_text(s, 8),
	                        .repo = ledger_column_text(s, 9),
	                        .workflow = ledger_column_text(s, 10),
	                        .cost_nanousd = sqlite3_column_type(s, 11) == SQLITE_NULL
	                                            ? RECORD_ABSENT
	                                            : sqlite3_column_int64(s, 11)};
	return r->on_held(r->arg, &h);
}

/* The newest call of the session says whose it is, and the newest that a rule paused by which. */
static int held(struct ledger *l, int64_t since_ms, size_t limit,
                int (*on_held)(void *arg, const struct ledger_held *h), void *arg, struct error *e)
{
	struct reading r = {.on_held = on_held, .arg = arg};
	sqlite3_stmt *s;
	int rc = prepare(
	    l,
	    "SELECT s.id,s.agent,s.reason,s.state_ms,s.calls,"
	    "(SELECT actor FROM audit a WHERE a.subject=s.id AND a.action='session.paused' AND "
	    "a.time_ms=s.state_ms ORDER BY seq DESC LIMIT 1),"
	    "(SELECT rule FROM calls p WHERE p.session=s.id AND p.decision='paused' AND p.rule NOT LIKE "
	    "'session.%' ORDER BY p.id DESC LIMIT 1),"
	    "c.user,c.team,c.repo,c.workflow,(SELECT sum(cost_nanousd)FROM calls m WHERE m.session=s.id)"
	    "FROM sessions s LEFT JOIN calls c ON c.id=(SELECT max(id)FROM calls n WHERE n.session=s.id)"
	    "WHERE s.state='paused' AND s.state_ms>=? ORDER BY s.state_ms DESC LIMIT ?",
	    &s, e, "ii", since_ms, most(limit));
	return rc ? rc : each(l, s, give_held, &r, e);
}

static void interrupt(struct ledger *l)
{
	sqlite3_interrupt(l->db);
}

const struct ledger_alert_ops ledger_sqlite_alert_ops = {
    .interrupt = interrupt,
    .put = put,
    .delivery_put = delivery_put,
    .silence_put = silence_put,
    .event_add = event_add,
    .events_drop = events_drop,
    .trim = trim,
    .changed = changed,
    .list = list,
    .deliveries = deliveries,
    .silences = silences,
    .events = events,
    .held = held,
};
