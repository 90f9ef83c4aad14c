/* Sums of budgets, kept in the transaction that adds the rows they are of, so that a start needs to read a
 * line for each counter and not every row. A sum is filed under its budget's shape (model/rules.h): of a
 * budget that counts something else now, the old sums are thrown away and made anew from the rows. */
#include "store/ledger_sqlite.h"

static int finish(struct ledger *l, sqlite3_stmt *s, int code, struct error *e)
{
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	int rc = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : ledger_fault(l, code, "budgets", e);
	sqlite3_reset(s);
	return rc;
}

int ledger_sqlite_budget_add(struct ledger *l, const struct ledger_sum *sum, struct error *e)
{
	int rc = l->budget_add
	             ? 0
	             : ledger_prepare(l,
	                              SLICE("INSERT INTO budget_sums(shape,from_ms,key,amount)VALUES(?,?,?,?)"
	                                    "ON CONFLICT DO UPDATE SET amount=amount+excluded.amount"),
	                              &l->budget_add, e);
	if (rc != 0)
		return rc;
	sqlite3_stmt *s = l->budget_add;
	int code = sqlite3_bind_int64(s, 1, (int64_t)sum->shape);
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(s, 2, sum->from_ms);
	if (code == SQLITE_OK) /* any bytes: they are only compared */
		code = sqlite3_bind_blob(s, 3, sum->key.n ? sum->key.p : "", (int)sum->key.n, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(s, 4, sum->amount);
	return finish(l, s, code, e);
}

static int with_shape(struct ledger *l, slice sql, uint64_t shape, int64_t second, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l, sql, &s, e);
	if (rc != 0)
		return rc;
	int code = sqlite3_bind_int64(s, 1, (int64_t)shape);
	if (code == SQLITE_OK && sqlite3_bind_parameter_count(s) > 1)
		code = sqlite3_bind_int64(s, 2, second);
	rc = finish(l, s, code, e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_budget_keep(struct ledger *l, uint64_t shape, int64_t at_ms, struct error *e)
{
	return with_shape(l, SLICE("INSERT OR REPLACE INTO budget_shapes(shape,time_ms)VALUES(?,?)"), shape,
	                  at_ms, e);
}

int ledger_sqlite_budget_drop(struct ledger *l, uint64_t shape, struct error *e)
{
	int rc = with_shape(l, SLICE("DELETE FROM budget_sums WHERE shape=?"), shape, 0, e);
	return rc ? rc : with_shape(l, SLICE("DELETE FROM budget_shapes WHERE shape=?"), shape, 0, e);
}

int ledger_sqlite_budget_trim(struct ledger *l, uint64_t shape, int64_t before_ms, struct error *e)
{
	return with_shape(l, SLICE("DELETE FROM budget_sums WHERE shape=? AND from_ms<?"), shape, before_ms,
	                  e);
}

int ledger_sqlite_budget_shapes(struct ledger *l, int (*on_shape)(void *arg, uint64_t shape), void *arg,
                                struct error *e)
{
	sqlite3_stmt *s = NULL;
	int code = SQLITE_DONE, rc = ledger_prepare(l, SLICE("SELECT shape FROM budget_shapes"), &s, e);
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW)
		rc = on_shape(arg, (uint64_t)sqlite3_column_int64(s, 0));
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "budgets", e);
	sqlite3_finalize(s);
	return rc;
}

int ledger_sqlite_budget_sums(struct ledger *l, uint64_t shape, int64_t from_ms,
                              int (*on_sum)(void *arg, const struct ledger_sum *sum), void *arg,
                              struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(
	    l, SLICE("SELECT from_ms,key,amount FROM budget_sums WHERE shape=? AND from_ms>=?"), &s, e);
	int code = rc ? SQLITE_DONE : sqlite3_bind_int64(s, 1, (int64_t)shape);
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(s, 2, from_ms);
	while (rc == 0 && (code == SQLITE_OK || code == SQLITE_ROW) &&
	       (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct ledger_sum sum = {.shape = shape,
		                         .from_ms = sqlite3_column_int64(s, 0),
		                         .amount = sqlite3_column_int64(s, 2)};
		sum.key = slice_make(sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));
		rc = on_sum(arg, &sum);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "budgets", e);
	sqlite3_finalize(s);
	return rc;
}
