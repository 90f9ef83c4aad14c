/* What people decide while Weir runs: limits lifted, rules made by the API; and the record of every such
 * change, which is written in the transaction of the change itself. */
#include <stdio.h>
#include <unistd.h>

#include "store/ledger_sqlite.h"

/* Steps a statement that gives no rows, and ends it. */
static int finish(struct ledger *l, sqlite3_stmt *s, int code, struct error *e)
{
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	int rc = code == SQLITE_DONE ? 0 : ledger_fault(l, code, "ledger", e);
	sqlite3_finalize(s);
	return rc;
}

/* A statement with texts and numbers in its places: 's' binds a slice *, 'i' an int64_t *. */
static int bind_all(sqlite3_stmt *s, const char *kinds, const void *const *values)
{
	int code = SQLITE_OK;
	for (int i = 0; code == SQLITE_OK && kinds[i]; i++)
		code = kinds[i] == 's' ? ledger_bind_text(s, i + 1, *(const slice *)values[i])
		                       : sqlite3_bind_int64(s, i + 1, *(const int64_t *)values[i]);
	return code;
}

static int change(struct ledger *l, const char *sql, const char *kinds, const void *const *values,
                  struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l, slice_of(sql), &s, e);
	return rc ? rc : finish(l, s, bind_all(s, kinds, values), e);
}

/* --- the record of changes ------------------------------------------------------------------------- */

void ledger_sqlite_act_as(struct ledger *l, slice actor)
{
	size_t n = actor.n < sizeof l->actor ? actor.n : sizeof l->actor;
	memcpy(l->actor, actor.n ? actor.p : "", n);
	l->actor_n = n;
}

int ledger_sqlite_audit(struct ledger *l, const struct ledger_change *c, struct error *e)
{
	char uid[32];
	snprintf(uid, sizeof uid, "uid:%u", (unsigned)getuid());
	slice actor = l->actor_n ? slice_make(l->actor, l->actor_n) : slice_of(uid);
	const void *const values[] = {&c->at_ms,  &actor,     &c->action, &c->subject,
	                              &c->detail, &c->before, &c->after,  &c->reason};
	return change(l,
	              "INSERT INTO audit(time_ms,actor,action,subject,detail,before,after,reason)"
	              "VALUES(?,?,?,?,?,?,?,?)",
	              "isssssss", values, e);
}

int ledger_sqlite_changes(struct ledger *l, int64_t before_seq, size_t limit,
                          int (*on_change)(void *arg, const struct ledger_change *c), void *arg,
                          struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc =
	    ledger_prepare(l,
	                   SLICE("SELECT seq,time_ms,actor,action,subject,detail,before,after,reason FROM "
	                         "audit WHERE ?1=0 OR seq<?1 ORDER BY seq DESC LIMIT ?2"),
	                   &s, e);
	int code = SQLITE_DONE;
	if (rc == 0) {
		sqlite3_bind_int64(s, 1, before_seq);
		sqlite3_bind_int64(s, 2, (int64_t)limit);
	}
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct ledger_change c = {.seq = sqlite3_column_int64(s, 0),
		                          .at_ms = sqlite3_column_int64(s, 1),
		                          .actor = ledger_column_text(s, 2),
		                          .action = ledger_column_text(s, 3),
		                          .subject = ledger_column_text(s, 4),
		                          .detail = ledger_column_text(s, 5),
		                          .before = ledger_column_text(s, 6),
		                          .after = ledger_column_text(s, 7),
		                          .reason = ledger_column_text(s, 8)};
		rc = on_change(arg, &c);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "audit", e);
	sqlite3_finalize(s);
	return rc;
}

/* Ends the transaction of a change: recorded and counted, or as if nothing had been. */
static int close_change(struct ledger *l, int rc, const char *counter, const struct ledger_change *c,
                        struct error *e)
{
	slice name = slice_of(counter);
	const void *const values[] = {&name};
	if (rc == 0)
		rc = ledger_sqlite_audit(l, c, e);
	if (rc == 0)
		rc = change(l, "UPDATE counters SET value=value+1 WHERE name=?", "s", values, e);
	if (rc == 0)
		rc = ledger_sqlite_commit(l, e);
	if (rc != 0)
		ledger_sqlite_rollback(l);
	return rc;
}

int ledger_sqlite_version(struct ledger *l, slice what, int64_t *out, struct error *e)
{
	sqlite3_stmt *s = NULL;
	*out = 0;
	int rc = ledger_prepare(l, SLICE("SELECT value FROM counters WHERE name=?"), &s, e);
	if (rc)
		return rc;
	int code = ledger_bind_text(s, 1, what);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(s, 0);
	else if (code != SQLITE_DONE)
		rc = ledger_fault(l, code, "ledger", e);
	sqlite3_finalize(s);
	return rc;
}

/* --- limits lifted --------------------------------------------------------------------------------- */

static const char *const states[] = {
#define X(id, name) [id] = #name,
    OVERRIDE_STATE_LIST(X)
#undef X
};

const char *ledger_override_state_name(enum override_state s)
{
	return s < OVERRIDE_STATES ? states[s] : "?";
}

static enum override_state state_of(slice name)
{
	int i = 0;
	while (i < OVERRIDE_STATES && !slice_eq(name, slice_of(states[i])))
		i++;
	return (enum override_state)i;
}

int ledger_sqlite_override_add(struct ledger *l, const struct ledger_override *o, slice after,
                               struct error *e)
{
	slice state = slice_of(ledger_override_state_name(o->state));
	const void *const values[] = {&o->id,           &o->budget,   &o->scope, &o->amount,
	                              &o->from_ms,      &o->until_ms, &state,    &o->requested_by,
	                              &o->requested_ms, &o->reason};
	struct ledger_change c = {.at_ms = o->requested_ms,
	                          .action = SLICE("budget.override"),
	                          .subject = o->id,
	                          .after = after,
	                          .reason = o->reason};
	int rc = ledger_sqlite_begin(l, e);
	if (rc)
		return rc;
	rc = change(l,
	            "INSERT INTO overrides(id,budget,scope,amount,from_ms,until_ms,state,requested_by,"
	            "requested_ms,reason)VALUES(?,?,?,?,?,?,?,?,?,?)",
	            "sssiiissis", values, e);
	return close_change(l, rc, "overrides", &c, e);
}

int ledger_sqlite_override_decide(struct ledger *l, slice id, enum override_state state, slice by,
                                  int64_t at_ms, slice reason, struct error *e)
{
	slice name = slice_of(ledger_override_state_name(state));
	const void *const values[] = {&name, &by, &at_ms, &id};
	struct ledger_change c = {.at_ms = at_ms,
	                          .action = state == OVERRIDE_ACTIVE ? SLICE("override.approve")
	                                                             : SLICE("override.refuse"),
	                          .subject = id,
	                          .before = SLICE("{\"state\":\"waiting\"}"),
	                          .after = state == OVERRIDE_ACTIVE ? SLICE("{\"state\":\"active\"}")
	                                                            : SLICE("{\"state\":\"refused\"}"),
	                          .reason = reason};
	int rc = ledger_sqlite_begin(l, e);
	if (rc)
		return rc;
	rc =
	    change(l, "UPDATE overrides SET state=?,decided_by=?,decided_ms=? WHERE id=? AND state='waiting'",
	           "ssis", values, e);
	if (rc == 0 && sqlite3_changes(l->db) == 0)
		rc = error_set(e, ERR_NOT_FOUND, "no override \"" SLICE_FMT "\" waits for a decision",
		               SLICE_ARG(id));
	return close_change(l, rc, "overrides", &c, e);
}

int ledger_sqlite_overrides(struct ledger *l, int64_t live_ms,
                            int (*on_override)(void *arg, const struct ledger_override *o), void *arg,
                            struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l,
	                        SLICE("SELECT id,budget,scope,amount,from_ms,until_ms,state,requested_by,"
	                              "requested_ms,decided_by,decided_ms,reason FROM overrides WHERE "
	                              "until_ms>? ORDER BY requested_ms,id"),
	                        &s, e);
	int code = SQLITE_DONE;
	if (rc == 0)
		sqlite3_bind_int64(s, 1, live_ms);
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct ledger_override o = {.id = ledger_column_text(s, 0),
		                            .budget = ledger_column_text(s, 1),
		                            .scope = ledger_column_text(s, 2),
		                            .amount = sqlite3_column_int64(s, 3),
		                            .from_ms = sqlite3_column_int64(s, 4),
		                            .until_ms = sqlite3_column_int64(s, 5),
		                            .state = state_of(ledger_column_text(s, 6)),
		                            .requested_by = ledger_column_text(s, 7),
		                            .requested_ms = sqlite3_column_int64(s, 8),
		                            .decided_by = ledger_column_text(s, 9),
		                            .decided_ms = sqlite3_column_int64(s, 10),
		                            .reason = ledger_column_text(s, 11)};
		if (o.state != OVERRIDE_STATES)
			rc = on_override(arg, &o);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "overrides", e);
	sqlite3_finalize(s);
	return rc;
}

/* --- rules made by the API ------------------------------------------------------------------------- */

/* The body of a rule in *out (free it with sqlite3_free); NULL when there is none. */
static int read_body(struct ledger *l, slice kind, slice name, char **out, struct error *e)
{
	sqlite3_stmt *s = NULL;
	const void *const values[] = {&kind, &name};
	*out = NULL;
	int rc = ledger_prepare(l, SLICE("SELECT body FROM rules WHERE kind=? AND name=?"), &s, e);
	if (rc)
		return rc;
	int code = bind_all(s, "ss", values);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*out = sqlite3_mprintf("%s", (const char *)sqlite3_column_text(s, 0));
	else if (code != SQLITE_DONE)
		rc = ledger_fault(l, code, "rules", e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_rule_put(struct ledger *l, const struct ledger_rule *r, struct error *e)
{
	const void *const values[] = {&r->kind, &r->name, &r->body, &r->by, &r->at_ms};
	char action[64], *before = NULL;
	snprintf(action, sizeof action, SLICE_FMT ".put", SLICE_ARG(r->kind));
	struct ledger_change c = {
	    .at_ms = r->at_ms, .action = slice_of(action), .subject = r->name, .after = r->body};
	int rc = ledger_sqlite_begin(l, e);
	if (rc)
		return rc;
	rc = read_body(l, r->kind, r->name, &before, e);
	c.before = slice_of(before);
	if (rc == 0)
		rc = change(
		    l,
		    "INSERT INTO rules(kind,name,body,by,time_ms)VALUES(?,?,?,?,?)ON CONFLICT(kind,name)"
		    "DO UPDATE SET body=excluded.body,by=excluded.by,time_ms=excluded.time_ms",
		    "ssssi", values, e);
	rc = close_change(l, rc, "rules", &c, e);
	sqlite3_free(before);
	return rc;
}

int ledger_sqlite_rule_delete(struct ledger *l, const struct ledger_rule *r, struct error *e)
{
	const void *const values[] = {&r->kind, &r->name};
	char action[64], *before = NULL;
	snprintf(action, sizeof action, SLICE_FMT ".delete", SLICE_ARG(r->kind));
	struct ledger_change c = {.at_ms = r->at_ms, .action = slice_of(action), .subject = r->name};
	int rc = ledger_sqlite_begin(l, e);
	if (rc)
		return rc;
	rc = read_body(l, r->kind, r->name, &before, e);
	c.before = slice_of(before);
	if (rc == 0 && before == NULL)
		rc = error_set(e, ERR_NOT_FOUND, "no " SLICE_FMT " \"" SLICE_FMT "\" was made by the API",
		               SLICE_ARG(r->kind), SLICE_ARG(r->name));
	if (rc == 0)
		rc = change(l, "DELETE FROM rules WHERE kind=? AND name=?", "ss", values, e);
	rc = close_change(l, rc, "rules", &c, e);
	sqlite3_free(before);
	return rc;
}

int ledger_sqlite_rules(struct ledger *l, int (*on_rule)(void *arg, const struct ledger_rule *r), void *arg,
                        struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc =
	    ledger_prepare(l, SLICE("SELECT kind,name,body,by,time_ms FROM rules ORDER BY kind,name"), &s, e);
	int code = SQLITE_DONE;
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct ledger_rule r = {.kind = ledger_column_text(s, 0),
		                        .name = ledger_column_text(s, 1),
		                        .body = ledger_column_text(s, 2),
		                        .by = ledger_column_text(s, 3),
		                        .at_ms = sqlite3_column_int64(s, 4)};
		rc = on_rule(arg, &r);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "rules", e);
	sqlite3_finalize(s);
	return rc;
}
