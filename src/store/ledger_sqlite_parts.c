/* What the input of each call was made of: a row for each tool and each kind of words, written with the
 * call's row in one transaction. */
#include "store/ledger_sqlite.h"

#define COLUMNS 6 /* before the sums */

static int prepare_insert(struct ledger *l, struct error *e)
{
	struct buf sql;
	buf_init(&sql, 1 << 12);
	int rc =
	    buf_append(&sql, SLICE("INSERT INTO call_parts(call_id,part,tool,mcp_server,calls,failures"));
#define X(id, name) "," #name "_tokens," #name "_nanousd"
	if (rc == 0)
		rc = buf_append(&sql, SLICE(SENT_LIST(X) ")VALUES(?"));
#undef X
	for (int i = 1; rc == 0 && i < COLUMNS + 2 * SENT_N; i++)
		rc = buf_append(&sql, SLICE(",?"));
	/* Two tools whose long names were cut to the same one */
	if (rc == 0)
		rc = buf_append(&sql, SLICE(")ON CONFLICT DO UPDATE SET calls=calls+excluded.calls,"
		                            "failures=failures+excluded.failures"));
#define X(id, name)                                                                                          \
	"," #name "_tokens=coalesce(" #name "_tokens+excluded." #name "_tokens," #name                       \
	"_tokens,excluded." #name "_tokens)," #name "_nanousd=coalesce(" #name "_nanousd+excluded." #name    \
	"_nanousd," #name "_nanousd,excluded." #name "_nanousd)"
	if (rc == 0)
		rc = buf_append(&sql, SLICE(SENT_LIST(X)));
#undef X
	rc = rc ? error_set(e, rc, "out of memory") : ledger_prepare(l, buf_slice(&sql), &l->insert_part, e);
	buf_release(&sql);
	return rc;
}

/* A name that is a part of the key: never null. */
static int bind_key(sqlite3_stmt *s, int at, slice text)
{
	return text.n ? ledger_bind_text(s, at, text) : sqlite3_bind_text(s, at, "", 0, SQLITE_STATIC);
}

static int bind_sum(sqlite3_stmt *s, int at, int64_t v)
{
	return v == RECORD_ABSENT ? sqlite3_bind_null(s, at) : sqlite3_bind_int64(s, at, v);
}

static int add_part(struct ledger *l, const struct record *r, const struct record_part *p, struct error *e)
{
	sqlite3_stmt *s = l->insert_part;
	int code = ledger_bind_text(s, 1, slice_of(r->id));
	if (code == SQLITE_OK)
		code = ledger_bind_text(s, 2, slice_of(call_part_name(p->part)));
	if (code == SQLITE_OK)
		code = bind_key(s, 3, p->tool);
	if (code == SQLITE_OK)
		code = bind_key(s, 4, p->mcp_server);
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(s, 5, p->calls);
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(s, 6, p->failures);
	for (int i = 0; code == SQLITE_OK && i < SENT_N; i++) {
		code = bind_sum(s, COLUMNS + 2 * i + 1, p->tokens[i]);
		if (code == SQLITE_OK)
			code = bind_sum(s, COLUMNS + 2 * i + 2, p->nanousd[i]);
	}
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	int rc = code == SQLITE_DONE ? 0 : ledger_fault(l, code, "insert", e);
	sqlite3_reset(s);
	return rc;
}

int ledger_sqlite_parts_add(struct ledger *l, const struct record *r, struct error *e)
{
	int rc = l->insert_part ? 0 : prepare_insert(l, e);
	for (size_t i = 0; rc == 0 && i < r->parts_n; i++)
		rc = add_part(l, r, &r->parts[i], e);
	return rc;
}

/* Clustered by call: its parts are read together, and no second index is needed. */
int ledger_sqlite_parts_create(struct ledger *l, struct error *e)
{
#define X(id, name) "," #name "_tokens INTEGER," #name "_nanousd INTEGER"
	return ledger_exec(
	    l,
	    "CREATE TABLE call_parts(call_id TEXT NOT NULL,part TEXT NOT NULL,tool TEXT NOT NULL,"
	    "mcp_server TEXT NOT NULL,calls INTEGER NOT NULL,failures INTEGER NOT NULL" SENT_LIST(
	        X) ",PRIMARY KEY(call_id,part,mcp_server,tool))STRICT,WITHOUT ROWID;",
	    e);
#undef X
}
