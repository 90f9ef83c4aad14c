/* Message batches that are followed, and how far. Rows of calls hold everything else about them. */
#include "store/ledger_sqlite.h"

int ledger_sqlite_batch_put(struct ledger *l, const struct ledger_batch *b, struct error *e)
{
	sqlite3_stmt *s = NULL;
	const slice texts[] = {b->id, b->provider, b->call, b->state, b->results, b->errors};
	int rc =
	    ledger_prepare(l,
	                   SLICE("INSERT INTO batches(id,provider,call,state,results,errors,created_ms)"
	                         "VALUES(?,?,?,?,?,?,?)ON CONFLICT(id)DO UPDATE SET state=excluded.state,"
	                         "results=excluded.results,errors=excluded.errors"),
	                   &s, e);
	if (rc != 0)
		return rc;
	int code = sqlite3_bind_int64(s, 7, b->created_ms);
	for (int i = 0; code == SQLITE_OK && i < 6; i++)
		code = ledger_bind_text(s, i + 1, texts[i]);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code != SQLITE_DONE)
		rc = ledger_fault(l, code, "batches", e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_batches(struct ledger *l, int64_t since_ms,
                          int (*on_batch)(void *arg, const struct ledger_batch *b), void *arg,
                          struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l,
	                        SLICE("SELECT id,provider,call,state,results,errors,created_ms FROM batches "
	                              "WHERE created_ms>=? ORDER BY created_ms,id"),
	                        &s, e);
	if (rc == 0 && sqlite3_bind_int64(s, 1, since_ms) != SQLITE_OK)
		rc = error_set(e, ERR_IO, "batches: a time cannot be bound");
	int code = SQLITE_DONE;
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct ledger_batch b = {.id = ledger_column_text(s, 0),
		                         .provider = ledger_column_text(s, 1),
		                         .call = ledger_column_text(s, 2),
		                         .state = ledger_column_text(s, 3),
		                         .results = ledger_column_text(s, 4),
		                         .errors = ledger_column_text(s, 5),
		                         .created_ms = sqlite3_column_int64(s, 6)};
		rc = on_batch(arg, &b);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "batches", e);
	sqlite3_finalize(s);
	return rc;
}
