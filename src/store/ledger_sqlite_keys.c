/* Keys, hashed, and the record of who changed them. */
#include "store/ledger_sqlite.h"
#include "text/jsonw.h"

static int bind_time(sqlite3_stmt *s, int at, int64_t ms)
{
	return ms ? sqlite3_bind_int64(s, at, ms) : sqlite3_bind_null(s, at);
}

/* Steps a statement that gives no rows, and ends it. */
static int finish(struct ledger *l, sqlite3_stmt *s, int code, struct error *e)
{
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	int rc = code == SQLITE_DONE ? 0 : ledger_fault(l, code, "keys", e);
	sqlite3_finalize(s);
	return rc;
}

/* What the record of changes says of a key: all but its hash. */
static int key_text(const struct ledger_key *k, struct buf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("user"), k->user.n ? k->user : SLICE_NONE);
	jsonw_put_string(&w, SLICE("team"), k->team.n ? k->team : SLICE_NONE);
	jsonw_put_string(&w, SLICE("role"), slice_of(role_name(k->role)));
	if (k->attributes.n)
		jsonw_put_raw(&w, SLICE("attributes"), k->attributes);
	if (k->expires_ms)
		jsonw_put_i64(&w, SLICE("expires_ms"), k->expires_ms);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

static int audit_new(struct ledger *l, const struct ledger_key *k, struct error *e)
{
	struct buf after;
	buf_init(&after, 1 << 16);
	int rc = key_text(k, &after);
	struct ledger_change c = {.at_ms = k->created_ms,
	                          .action = SLICE("key.create"),
	                          .subject = k->id,
	                          .detail = k->user,
	                          .after = buf_slice(&after)};
	rc = rc ? error_set(e, rc, "the key's attributes are too long") : ledger_sqlite_audit(l, &c, e);
	buf_release(&after);
	return rc;
}

/* Ends the transaction that changed a key: with its version counted up, or as if nothing had been. */
static int close_change(struct ledger *l, int rc, struct error *e)
{
	if (rc == 0)
		rc = ledger_exec(l, "UPDATE counters SET value=value+1 WHERE name='keys'", e);
	if (rc == 0)
		rc = ledger_sqlite_commit(l, e);
	if (rc != 0)
		ledger_sqlite_rollback(l);
	return rc;
}

static int insert_key(struct ledger *l, const struct ledger_key *k, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(
	    l,
	    SLICE("INSERT INTO keys(id,hash,user,team,attributes,role,created_ms,expires_ms,revoked_ms)"
	          "VALUES(?,?,?,?,?,?,?,?,?)"),
	    &s, e);
	if (rc != 0)
		return rc;
	const slice texts[] = {k->id,   SLICE_NONE,    k->user,
	                       k->team, k->attributes, slice_of(role_name(k->role))};
	const int64_t times[] = {k->created_ms, k->expires_ms, k->revoked_ms};
	int code = sqlite3_bind_blob(s, 2, k->hash, sizeof k->hash, SQLITE_STATIC);
	for (int i = 0; code == SQLITE_OK && i < 6; i++)
		if (i != 1)
			code = ledger_bind_text(s, i + 1, texts[i]);
	for (int i = 0; code == SQLITE_OK && i < 3; i++)
		code = i == 0 ? sqlite3_bind_int64(s, 7, times[0]) : bind_time(s, 7 + i, times[i]);
	return finish(l, s, code, e);
}

int ledger_sqlite_key_add(struct ledger *l, const struct ledger_key *k, struct error *e)
{
	int rc = ledger_sqlite_begin(l, e);
	if (rc != 0)
		return rc;
	rc = insert_key(l, k, e);
	if (rc == 0)
		rc = audit_new(l, k, e);
	return close_change(l, rc, e);
}

int ledger_sqlite_key_revoke(struct ledger *l, slice id, int64_t at_ms, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_sqlite_begin(l, e);
	if (rc != 0)
		return rc;
	/* A key that is revoked stays so from the first time on. */
	rc = ledger_prepare(l, SLICE("UPDATE keys SET revoked_ms=coalesce(revoked_ms,?)WHERE id=?"), &s, e);
	if (rc == 0) {
		int code = sqlite3_bind_int64(s, 1, at_ms);
		if (code == SQLITE_OK)
			code = ledger_bind_text(s, 2, id);
		rc = finish(l, s, code, e);
	}
	if (rc == 0 && sqlite3_changes(l->db) == 0)
		rc = error_set(e, ERR_NOT_FOUND, "no key \"" SLICE_FMT "\": `weir key list` shows them",
		               SLICE_ARG(id));
	struct ledger_change c = {.at_ms = at_ms,
	                          .action = SLICE("key.revoke"),
	                          .subject = id,
	                          .before = SLICE("{\"revoked\":false}"),
	                          .after = SLICE("{\"revoked\":true}")};
	if (rc == 0)
		rc = ledger_sqlite_audit(l, &c, e);
	return close_change(l, rc, e);
}

static bool read_key(sqlite3_stmt *s, struct ledger_key *k)
{
	*k = (struct ledger_key){.id = ledger_column_text(s, 0),
	                         .user = ledger_column_text(s, 2),
	                         .team = ledger_column_text(s, 3),
	                         .attributes = ledger_column_text(s, 4),
	                         .role = role_from_name(ledger_column_text(s, 5)),
	                         .created_ms = sqlite3_column_int64(s, 6),
	                         .expires_ms = sqlite3_column_int64(s, 7),
	                         .revoked_ms = sqlite3_column_int64(s, 8)};
	const void *hash = sqlite3_column_blob(s, 1);
	if (hash == NULL || sqlite3_column_bytes(s, 1) != sizeof k->hash || k->role == ROLE_N)
		return false;
	memcpy(k->hash, hash, sizeof k->hash);
	return true;
}

int ledger_sqlite_keys(struct ledger *l, int (*on_key)(void *arg, const struct ledger_key *k), void *arg,
                       struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(
	    l,
	    SLICE("SELECT id,hash,user,team,attributes,role,created_ms,expires_ms,revoked_ms FROM keys "
	          "ORDER BY created_ms,id"),
	    &s, e);
	int code = SQLITE_DONE;
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct ledger_key k;
		if (read_key(s, &k)) /* a key of a role that this weir does not know opens nothing */
			rc = on_key(arg, &k);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "keys", e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_keys_version(struct ledger *l, int64_t *out, struct error *e)
{
	return ledger_number(l, "SELECT value FROM counters WHERE name='keys'", out, e);
}
