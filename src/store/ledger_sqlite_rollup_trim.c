/* Retention: rows that are too old go, some at a time, once rollups tell of them; their sums stay. */
#include "base/num.h"
#include "store/ledger_sqlite_rollup.h"

#define STEP_ROWS 2000
#define DAY_MS    INT64_C(86400000)

static int run(struct ledger *l, const char *sql, int64_t a, int64_t b, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l, slice_of(sql), &s, e);
	if (rc == 0) {
		sqlite3_bind_int64(s, 1, a);
		if (sqlite3_bind_parameter_count(s) > 1)
			sqlite3_bind_int64(s, 2, b);
		int code = sqlite3_step(s);
		rc = code == SQLITE_DONE ? 0 : ledger_fault(l, code, "retention", e);
	}
	sqlite3_finalize(s);
	return rc;
}

/* From now on no row of before is taken: one that comes a second time would be told twice. */
static int move_border(struct ledger *l, int64_t border_ms, struct error *e)
{
	int rc = ledger_exec(
	    l,
	    "CREATE TRIGGER IF NOT EXISTS calls_too_old BEFORE INSERT ON calls WHEN NEW.time_ms<(SELECT "
	    "kept_ms FROM rollup_mark)BEGIN SELECT RAISE(IGNORE);END",
	    e);
	return rc ? rc : run(l, "UPDATE rollup_mark SET kept_ms=?1", border_ms, 0, e);
}

#define OLD_ROWS "FROM calls WHERE time_ms<?1 AND +rowid<?2 ORDER BY time_ms,rowid LIMIT 2000)"

/* Nothing is dirty for it: meanwhile the mark says that no row is in rollups. */
static int drop_rows(struct ledger *l, int64_t border_ms, int64_t mark, bool *more, struct error *e)
{
	_Static_assert(STEP_ROWS == 2000, "as the statements say");
	int rc = ledger_exec(l, "UPDATE rollup_mark SET row=0", e);
	if (rc == 0)
		rc =
		    run(l, "DELETE FROM call_parts WHERE call_id IN(SELECT id " OLD_ROWS, border_ms, mark, e);
	if (rc == 0)
		rc = run(l, "DELETE FROM calls WHERE rowid IN(SELECT rowid " OLD_ROWS, border_ms, mark, e);
	*more = rc == 0 && sqlite3_changes(l->db) == STEP_ROWS;
	return rc ? rc : run(l, "UPDATE rollup_mark SET row=?1", mark, 0, e);
}

static int drop_sums(struct ledger *l, int64_t day, struct error *e)
{
	int rc = run(l,
	             "DELETE FROM rollup_columns WHERE id IN(SELECT c.id FROM rollup_segments s JOIN "
	             "rollup_columns c ON c.id>=s.id*512 AND c.id<s.id*512+512 WHERE s.day<?1)",
	             day, 0, e);
	return rc ? rc : run(l, "DELETE FROM rollup_segments WHERE day<?1", day, 0, e);
}

static int trim(struct ledger *l, int64_t rows_before_ms, int64_t sums_before_ms, bool *more, struct error *e)
{
	struct rollup_mark mark;
	int64_t kept = 0, dirty = 0;
	int64_t border = rows_before_ms > 0 ? rows_before_ms - rows_before_ms % DAY_MS : 0;
	int rc = rollup_mark_read(l, &mark, e);
	if (rc == 0)
		rc = ledger_number(l, "SELECT kept_ms FROM rollup_mark", &kept, e);
	if (rc == 0)
		rc = ledger_number(l, "SELECT count(*)FROM rollup_dirty", &dirty, e);
	/* What is to be summed again needs its rows. */
	if (rc != 0 || !mark.whole || dirty)
		return rc;
	if (border > kept) {
		rc = move_border(l, border, e);
		kept = border;
	}
	if (rc == 0 && kept > 0)
		rc = drop_rows(l, kept, mark.row, more, e);
	sums_before_ms = num_min_i64(sums_before_ms, kept);
	return rc == 0 && sums_before_ms > 0 && !*more ? drop_sums(l, sums_before_ms / DAY_MS, e) : rc;
}

int ledger_sqlite_trim(struct ledger *l, int64_t rows_before_ms, int64_t sums_before_ms, bool *more,
                       struct error *e)
{
	*more = false;
	int rc = ledger_sqlite_begin(l, e);
	if (rc != 0)
		return rc;
	rc = trim(l, rows_before_ms, sums_before_ms, more, e);
	if (rc == 0)
		rc = ledger_sqlite_commit(l, e);
	if (rc != 0) {
		*more = false;
		ledger_sqlite_rollback(l);
	}
	return rc;
}
