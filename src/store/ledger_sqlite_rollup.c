/* Rollups in the file: rows up to a *mark* are in them, the rows behind it are the tail, which reports read
 * as rows. Nothing is written with a row; when the tail has grown, the transaction that does it takes the
 * tail in: its cells are packed, a *segment* for each day they are of. Segments of a day are merged eight at
 * a time, and all into one when a day has come to rest. */
#include "store/ledger_sqlite_rollup.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define TAIL_ROWS    4096  /* that a commit leaves behind at most */
#define CHUNK_ROWS   16384 /* taken in at a time */
#define TIDY_ROWS    4096  /* the same when others may wait */
#define PENDING_ROWS 65536 /* of one transaction, before its end */
#define LOOK_ROWS    256   /* added between two looks at the tail */
#define CELLS_MAX    ((size_t)1 << 22)
#define FAN_IN       8
#define REST_LINES   100000 /* a day of more lines is left in parts */

struct ledger_rollup {
	struct rollup_words words;
	struct rollup_set set;
	struct rollup_row row;
	sqlite3_stmt *scan, *corrected, *again, *dirty; /* owned; NULL until first used */
	bool dims_made;
	bool off; /* it failed once: rows go on without */
	bool looked;
	int64_t added;     /* rows since the tail was looked at */
	int32_t day[4096]; /* that were touched, each once while there is room */
	size_t days_n;
};

/* --- statements ------------------------------------------------------------------------------ */

static int prepare_rows(struct ledger *l, struct ledger_rollup *r, sqlite3_stmt **out, const char *unpriced,
                        const char *where, struct error *e)
{
	struct buf sql;
	if (*out)
		return 0;
	buf_init(&sql, 1 << 14);
	int rc = buf_printf(&sql, "SELECT rowid,%s,", unpriced);
	if (rc == 0)
		rc = rollup_row_names(&r->row, &sql);
	if (rc == 0)
		rc = buf_printf(&sql, " FROM calls WHERE %s", where);
	rc = rc ? error_set(e, rc, "out of memory") : ledger_prepare(l, buf_slice(&sql), out, e);
	buf_release(&sql);
	return rc;
}

/* ?1: the mark, ?2: the one to come. */
static int prepare_all(struct ledger *l, struct ledger_rollup *r, struct error *e)
{
	int rc =
	    prepare_rows(l, r, &r->scan,
	                 ROLLUP_UNPRICED
	                 " AND NOT EXISTS(SELECT 1 FROM calls c WHERE c.corrects=calls.id AND c.rowid<=?2)",
	                 "rowid>?1 AND rowid<=?2", e);
	if (rc == 0)
		rc =
		    prepare_rows(l, r, &r->corrected, "1",
		                 "id IN(SELECT corrects FROM calls WHERE rowid>?1 AND rowid<=?2 AND corrects "
		                 "IS NOT NULL)AND rowid<=?1 AND " ROLLUP_UNPRICED
		                 " AND NOT EXISTS(SELECT 1 FROM calls c WHERE c.corrects=calls.id AND "
		                 "c.rowid<=?1)",
		                 e);
	if (rc == 0)
		rc = prepare_rows(
		    l, r, &r->again,
		    ROLLUP_UNPRICED
		    " AND NOT EXISTS(SELECT 1 FROM calls c WHERE c.corrects=calls.id AND c.rowid<=?2)",
		    "time_ms>=?1 AND time_ms<?1+86400000 AND +rowid<=?2", e);
	return rc;
}

static int run_with(struct ledger *l, const char *sql, int64_t a, int64_t b, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l, slice_of(sql), &s, e);
	if (rc == 0) {
		sqlite3_bind_int64(s, 1, a);
		if (sqlite3_bind_parameter_count(s) > 1)
			sqlite3_bind_int64(s, 2, b);
		int code = sqlite3_step(s);
		if (code != SQLITE_DONE && code != SQLITE_ROW)
			rc = ledger_fault(l, code, "rollups", e);
	}
	sqlite3_finalize(s);
	return rc;
}

/* Each dimension has a word that is unknown: number 0, null. */
static int make_dims(struct ledger *l, struct ledger_rollup *r, struct error *e)
{
	int rc = 0;
	for (int64_t d = 0; rc == 0 && !r->dims_made && d < ROLLUP_DIMS; d++)
		rc = run_with(l, "INSERT OR IGNORE INTO rollup_words(dim,id,value)VALUES(?,0,NULL)", d, 0, e);
	r->dims_made |= rc == 0;
	return rc;
}

/* --- the mark -------------------------------------------------------------------------------- */

/* SQLite may number rows anew when the file is vacuumed, in the same order: the row is known by its id too.
 */
int rollup_mark_read(struct ledger *l, struct rollup_mark *out, struct error *e)
{
	sqlite3_stmt *s = NULL;
	*out = (struct rollup_mark){0};
	int rc = ledger_prepare(l,
	                        SLICE("SELECT m.row,m.broken,m.id IS NULL OR c.id IS m.id,"
	                              "(SELECT o.rowid FROM calls o WHERE o.id=m.id)"
	                              "FROM rollup_mark m LEFT JOIN calls c ON c.rowid=m.row"),
	                        &s, e);
	if (rc != 0)
		return rc;
	int code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		bool same = sqlite3_column_int(s, 2);
		out->row = sqlite3_column_int64(s, same ? 0 : 3);
		out->whole = !sqlite3_column_int(s, 1) && (same || out->row > 0);
	} else if (code != SQLITE_DONE) {
		rc = ledger_fault(l, code, "rollups", e);
	}
	sqlite3_finalize(s);
	return rc;
}

static int mark_write(struct ledger *l, int64_t row, struct error *e)
{
	return run_with(l, "UPDATE rollup_mark SET row=?1,id=(SELECT id FROM calls WHERE rowid=?1)", row, 0,
	                e);
}

static int start_anew(struct ledger *l, struct error *e)
{
	int64_t kept;
	int rc = ledger_number(l, "SELECT kept_ms FROM rollup_mark", &kept, e);
	if (rc != 0)
		return rc;
	if (kept) /* sums of rows that are no more stay: all other days are summed again */
		return ledger_exec(
		    l,
		    "INSERT OR IGNORE INTO rollup_dirty SELECT DISTINCT time_ms/86400000 FROM "
		    "calls WHERE time_ms>=(SELECT kept_ms FROM rollup_mark);"
		    "INSERT OR IGNORE INTO rollup_dirty SELECT day FROM rollup_segments "
		    "WHERE day>=(SELECT kept_ms/86400000 FROM rollup_mark);"
		    "UPDATE rollup_mark SET broken=0,row=coalesce((SELECT max(rowid)FROM calls),0),"
		    "id=(SELECT id FROM calls ORDER BY rowid DESC LIMIT 1)",
		    e);
	return ledger_exec(l,
	                   "DELETE FROM rollup_columns;DELETE FROM rollup_segments;"
	                   "DELETE FROM rollup_dirty;UPDATE rollup_mark SET row=0,id=NULL,broken=0",
	                   e);
}

/* --- segments written ------------------------------------------------------------------------ */

struct writing {
	struct ledger *l;
	struct ledger_rollup *r;
	struct error *e;
	sqlite3_stmt *column, *segment; /* owned */
	int64_t id;                     /* of the segment whose columns are being written */
	int level;
};

static int on_column(void *arg, const struct rollup_column *c, size_t n)
{
	struct writing *w = arg;
	sqlite3_bind_int64(w->column, 1, w->id * ROLLUP_DAY_COLUMNS + c->id);
	sqlite3_bind_blob(w->column, 2, c->body, (int)(n * c->width), SQLITE_STATIC);
	int code = sqlite3_step(w->column);
	sqlite3_reset(w->column);
	return code == SQLITE_DONE ? 0 : ledger_fault(w->l, code, "rollups", w->e);
}

static void touch(struct ledger_rollup *r, int32_t day)
{
	for (size_t i = 0; i < r->days_n; i++)
		if (r->day[i] == day)
			return;
	if (r->days_n < sizeof r->day / sizeof *r->day)
		r->day[r->days_n++] = day;
}

static int on_day(void *arg, int32_t day, const struct rollup_packed *p)
{
	struct writing *w = arg;
	slice head = buf_slice(&p->head);
	sqlite3_bind_int64(w->segment, 1, w->id);
	sqlite3_bind_int64(w->segment, 2, day);
	sqlite3_bind_int64(w->segment, 3, w->level);
	sqlite3_bind_int64(w->segment, 4, p->lines);
	sqlite3_bind_int64(w->segment, 5, p->cells);
	sqlite3_bind_int64(w->segment, 6, p->rows);
	sqlite3_bind_blob(w->segment, 7, head.p, (int)head.n, SQLITE_STATIC);
	int code = sqlite3_step(w->segment);
	sqlite3_reset(w->segment);
	w->id++;
	touch(w->r, day);
	return code == SQLITE_DONE ? 0 : ledger_fault(w->l, code, "rollups", w->e);
}

/* What is in the set, as segments of that level; the set is empty then. */
static int write_set(struct ledger *l, struct ledger_rollup *r, int level, struct error *e)
{
	struct writing w = {.l = l, .r = r, .e = e, .level = level};
	const struct rollup_sink sink = {&w, on_column, on_day};
	int rc = ledger_number(l, "SELECT seq FROM sqlite_sequence WHERE name='rollup_segments'", &w.id, e);
	w.id++;
	if (rc == 0)
		rc = ledger_prepare(l, SLICE("INSERT INTO rollup_columns(id,data)VALUES(?,?)"), &w.column, e);
	if (rc == 0)
		rc = ledger_prepare(l,
		                    SLICE("INSERT INTO rollup_segments(id,day,level,lines,cells,rows,head)"
		                          "VALUES(?,?,?,?,?,?,?)"),
		                    &w.segment, e);
	if (rc == 0 && (rc = rollup_pack(&r->set, &sink)) != 0 && (e == NULL || e->code == 0))
		error_set(e, rc, "%s: rollups: %s", l->path,
		          rc == ERR_NOMEM ? "out of memory" : "a sum that is too large");
	sqlite3_finalize(w.column);
	sqlite3_finalize(w.segment);
	rollup_set_clear(&r->set);
	return rc;
}

/* --- segments merged ------------------------------------------------------------------------- */

/* One segment's cells into the set. */
struct unpacking {
	struct ledger *l;
	struct error *e;
	int64_t id;
	uint32_t lines, cells;
	struct rollup_column column[ROLLUP_COLUMNS];
	bool has[ROLLUP_COLUMNS];
	char *bodies; /* owned; all of them, copied */
	size_t bodies_n, bodies_cap;
};

static int take_bodies(struct unpacking *u, sqlite3_stmt *s)
{
	int code;
	size_t at[ROLLUP_COLUMNS];
	u->bodies_n = 0;
	sqlite3_bind_int64(s, 1, u->id * ROLLUP_DAY_COLUMNS);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		size_t id = (size_t)(sqlite3_column_int64(s, 0) % ROLLUP_DAY_COLUMNS);
		const void *p = sqlite3_column_blob(s, 1);
		size_t n = (size_t)sqlite3_column_bytes(s, 1);
		if (id >= ROLLUP_COLUMNS || !u->has[id])
			continue;
		if (n != (size_t)u->column[id].width *
		             (id == ROLLUP_COLUMN_TIME || id >= ROLLUP_COLUMN_CELL ? u->cells : u->lines))
			return SQLITE_CORRUPT;
		if (u->bodies_n + n > u->bodies_cap) {
			size_t cap = (u->bodies_n + n) * 2;
			char *more = realloc(u->bodies, cap);
			if (more == NULL)
				return SQLITE_NOMEM;
			u->bodies = more;
			u->bodies_cap = cap;
		}
		memcpy(u->bodies + u->bodies_n, p, n);
		at[id] = u->bodies_n + 1;
		u->column[id].body = u; /* there is one */
		u->bodies_n += n;
	}
	for (size_t id = 0; id < ROLLUP_COLUMNS; id++) {
		if (u->has[id] && u->column[id].width && u->column[id].body == NULL)
			return SQLITE_CORRUPT;
		if (u->has[id] && u->column[id].width)
			u->column[id].body = u->bodies + at[id] - 1;
	}
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int64_t value_at(const struct unpacking *u, unsigned id, size_t i)
{
	int64_t v = 0;
	return u->has[id] && rollup_value(&u->column[id], i, &v) ? v : 0;
}

static void sums_at(const struct unpacking *u, size_t line, size_t cell, struct rollup_sums *out)
{
	bool own = u->cells > u->lines;
	memset(out, 0, sizeof *out);
	for (int m = 0; m < RM_N; m++) {
		unsigned id = (own ? ROLLUP_COLUMN_CELL : ROLLUP_COLUMN_LINE) +
		              rollup_column_of((enum rollup_measure)m);
		if (u->has[id] && rollup_value(&u->column[id], own ? cell : line, &out->v[m]))
			out->known |= UINT64_C(1) << m;
		else
			out->v[m] = 0;
	}
}

static int unpack(struct unpacking *u, int32_t day, struct rollup_set *set)
{
	size_t cell = 0;
	for (size_t line = 0; line < u->lines; line++) {
		uint32_t dim[ROLLUP_DIMS];
		int64_t n = value_at(u, ROLLUP_COLUMN_CELLS, line);
		for (unsigned d = 0; d < ROLLUP_DIMS; d++)
			dim[d] = (uint32_t)value_at(u, ROLLUP_COLUMN_DIM + d, line);
		for (; n > 0 && cell < u->cells; n--, cell++) {
			struct rollup_sums sums;
			sums_at(u, line, cell, &sums);
			int rc = rollup_set_add(
			    set, dim, (int64_t)day * ROLLUP_CELLS + value_at(u, ROLLUP_COLUMN_TIME, cell),
			    &sums);
			if (rc != 0)
				return error_set(u->e, rc, "%s: rollups cannot be merged", u->l->path);
		}
	}
	return 0;
}

static int unpack_segments(struct ledger *l, struct ledger_rollup *r, int32_t day, int level, struct error *e)
{
	sqlite3_stmt *s = NULL, *bodies = NULL;
	struct unpacking *u = calloc(1, sizeof *u);
	int code = SQLITE_DONE, rc = u ? 0 : error_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = ledger_prepare(
		    l, SLICE("SELECT id,lines,cells,head FROM rollup_segments WHERE day=?1 AND level<=?2"),
		    &s, e);
	if (rc == 0)
		rc = ledger_prepare(l, SLICE("SELECT id,data FROM rollup_columns WHERE id>=?1 AND id<?1+512"),
		                    &bodies, e);
	if (rc == 0) {
		sqlite3_bind_int64(s, 1, day);
		sqlite3_bind_int64(s, 2, level);
	}
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		slice head = slice_make(sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3));
		u->l = l;
		u->e = e;
		u->id = sqlite3_column_int64(s, 0);
		u->lines = (uint32_t)sqlite3_column_int64(s, 1);
		u->cells = (uint32_t)sqlite3_column_int64(s, 2);
		for (unsigned id = 0; id < ROLLUP_COLUMNS; id++)
			u->has[id] = rollup_head_find(head, id, &u->column[id]);
		int fault = take_bodies(u, bodies);
		sqlite3_reset(bodies);
		rc = fault ? ledger_fault(l, fault, "rollups", e) : unpack(u, day, &r->set);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "rollups", e);
	sqlite3_finalize(s);
	sqlite3_finalize(bodies);
	if (u)
		free(u->bodies);
	free(u);
	return rc;
}

static int drop(struct ledger *l, int32_t day, int level, struct error *e)
{
	int rc = run_with(l,
	                  "DELETE FROM rollup_columns WHERE id IN(SELECT c.id FROM rollup_segments s JOIN "
	                  "rollup_columns c ON c.id>=s.id*512 AND c.id<s.id*512+512 WHERE s.day=?1 AND "
	                  "s.level<=?2)",
	                  day, level, e);
	return rc ? rc : run_with(l, "DELETE FROM rollup_segments WHERE day=?1 AND level<=?2", day, level, e);
}

/* All segments of a day up to a level become one of `to`. */
static int merge(struct ledger *l, struct ledger_rollup *r, int32_t day, int level, int to, struct error *e)
{
	rollup_set_clear(&r->set);
	int rc = unpack_segments(l, r, day, level, e);
	if (rc == 0)
		rc = drop(l, day, level, e);
	if (rc == 0)
		rc = write_set(l, r, to, e);
	rollup_set_clear(&r->set);
	return rc;
}

static int merge_full(struct ledger *l, struct ledger_rollup *r, int32_t day, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int level = -1;
	int rc = ledger_prepare(l,
	                        SLICE("SELECT level FROM rollup_segments WHERE day=?1 GROUP BY level "
	                              "HAVING count(*)>=?2 ORDER BY level DESC LIMIT 1"),
	                        &s, e);
	if (rc != 0)
		return rc;
	sqlite3_bind_int64(s, 1, day);
	sqlite3_bind_int64(s, 2, FAN_IN);
	if (sqlite3_step(s) == SQLITE_ROW)
		level = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return level < 0 ? 0 : merge(l, r, day, level, level + 1, e);
}

/* One day that nothing was added to by this transaction, and that is in several segments. */
static int merge_rested(struct ledger *l, struct ledger_rollup *r, int64_t newer, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int level = -1;
	int32_t day = 0;
	int rc =
	    ledger_prepare(l,
	                   SLICE("SELECT day,max(level)FROM rollup_segments GROUP BY day HAVING count(*)>1 "
	                         "AND max(id)<?1 AND sum(lines)<?2 ORDER BY day LIMIT 1"),
	                   &s, e);
	if (rc != 0)
		return rc;
	sqlite3_bind_int64(s, 1, newer);
	sqlite3_bind_int64(s, 2, REST_LINES);
	if (sqlite3_step(s) == SQLITE_ROW) {
		day = sqlite3_column_int(s, 0);
		level = sqlite3_column_int(s, 1);
	}
	sqlite3_finalize(s);
	return level < 0 ? 0 : merge(l, r, day, level, level + 1, e);
}

/* --- taking rows in -------------------------------------------------------------------------- */

static int take_row(struct ledger *l, struct ledger_rollup *r, sqlite3_stmt *s, bool correction,
                    bool *corrections, struct error *e)
{
	struct record row;
	struct rollup_sums sums = {0};
	uint32_t dim[ROLLUP_DIMS];
	int rc = 0;
	rollup_row_record(&r->row, s, 2, &row);
	rollup_sums_of(&row, sqlite3_column_int(s, 1), &sums);
	*corrections |= row.text[TEXT_CORRECTS].n > 0;
	if (correction) { /* it has a price now: no more */
		int64_t metered = -sums.v[RM_UNPRICED], other = -sums.v[RM_UNPRICED_SUBSCRIPTION];
		memset(&sums, 0, sizeof sums);
		sums.v[RM_UNPRICED] = metered;
		sums.v[RM_UNPRICED_SUBSCRIPTION] = other;
		sums.known = ROLLUP_COUNTS;
	}
	for (size_t d = 0; rc == 0 && d < ROLLUP_DIMS; d++)
		rc = rollup_word(l, &r->words, d, rollup_row_dim(&r->row, s, 2, d), true, &dim[d], e);
	if (rc == 0 && (rc = rollup_set_add(&r->set, dim, rollup_time(row.time_ms), &sums)) != 0)
		error_set(e, rc, "%s: rollups: rows cannot be summed", l->path);
	return rc;
}

static int take_rows(struct ledger *l, struct ledger_rollup *r, sqlite3_stmt *s, int64_t from, int64_t to,
                     bool correction, bool *corrections, struct error *e)
{
	int rc = 0, code = SQLITE_DONE;
	sqlite3_bind_int64(s, 1, from);
	sqlite3_bind_int64(s, 2, to);
	while (rc == 0 && (code = sqlite3_step(s)) == SQLITE_ROW)
		rc = take_row(l, r, s, correction, corrections, e);
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "rollups", e);
	sqlite3_reset(s);
	return rc;
}

/* Rows behind `from` up to `to`, and what they correct before. */
static int take_in(struct ledger *l, struct ledger_rollup *r, int64_t from, int64_t to, struct error *e)
{
	bool corrections = false;
	int64_t newer;
	rollup_set_clear(&r->set);
	r->days_n = 0;
	int rc = make_dims(l, r, e);
	if (rc == 0)
		rc = prepare_all(l, r, e);
	if (rc == 0)
		rc = take_rows(l, r, r->scan, from, to, false, &corrections, e);
	if (rc == 0 && corrections)
		rc = take_rows(l, r, r->corrected, from, to, true, &corrections, e);
	if (rc == 0)
		rc = ledger_number(l, "SELECT seq FROM sqlite_sequence WHERE name='rollup_segments'", &newer,
		                   e);
	if (rc == 0)
		rc = write_set(l, r, 0, e);
	if (rc == 0)
		rc = mark_write(l, to, e);
	for (size_t i = r->days_n; rc == 0 && i-- > 0;)
		rc = merge_full(l, r, r->day[i], e);
	return rc ? rc : merge_rested(l, r, newer + 1, e);
}

static int new_rollup(struct ledger *l, struct error *e)
{
	if (l->rollup)
		return 0;
	struct ledger_rollup *r = calloc(1, sizeof *r);
	if (r == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	rollup_words_init(&r->words);
	rollup_set_init(&r->set, CELLS_MAX);
	rollup_row_columns(&r->row, ROLLUP_ALL_DIMS);
	l->rollup = r;
	return 0;
}

void ledger_sqlite_rollup_free(struct ledger *l)
{
	if (l->rollup == NULL)
		return;
	sqlite3_finalize(l->rollup->scan);
	sqlite3_finalize(l->rollup->corrected);
	sqlite3_finalize(l->rollup->again);
	sqlite3_finalize(l->rollup->dirty);
	rollup_words_release(&l->rollup->words);
	rollup_set_release(&l->rollup->set);
	free(l->rollup);
	l->rollup = NULL;
}

/* A later weir has columns that this one does not know: rows with them are left to it. */
static int knows_all(struct ledger *l, bool *out, struct error *e)
{
	int64_t n;
	int rc = ledger_number(l, "SELECT count(*)FROM pragma_table_info('calls')", &n, e);
	*out = n == (int64_t)columns_n();
	return rc;
}

static int is_dirty(struct ledger *l, struct ledger_rollup *r, bool *out, struct error *e)
{
	int rc = r->dirty ? 0 : ledger_prepare(l, SLICE("SELECT 1 FROM rollup_dirty LIMIT 1"), &r->dirty, e);
	int code = rc ? SQLITE_DONE : sqlite3_step(r->dirty);
	*out = code == SQLITE_ROW;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "rollups", e);
	sqlite3_reset(r->dirty);
	return rc;
}

/* A day from the rows up to the mark. */
static int sum_day_again(struct ledger *l, struct ledger_rollup *r, int32_t day, int64_t mark,
                         struct error *e)
{
	bool corrections = false; /* nobody asks */
	rollup_set_clear(&r->set);
	r->days_n = 0;
	int rc = make_dims(l, r, e);
	if (rc == 0)
		rc = prepare_all(l, r, e);
	if (rc == 0)
		rc = take_rows(l, r, r->again, day * INT64_C(86400000), mark, false, &corrections, e);
	if (rc == 0)
		rc = drop(l, day, INT32_MAX, e);
	if (rc == 0)
		rc = write_set(l, r, 0, e);
	return rc ? rc : run_with(l, "DELETE FROM rollup_dirty WHERE day=?", day, 0, e);
}

/* Days whose rows were changed, until `most` is used up. */
static int sum_again(struct ledger *l, struct ledger_rollup *r, int64_t mark, int64_t *most, bool *more,
                     struct error *e)
{
	bool dirty = false;
	/* Of days whose rows are no more, the sums are all there is. */
	int rc = ledger_exec(
	    l,
	    "DELETE FROM rollup_dirty WHERE day<(SELECT kept_ms/86400000 FROM rollup_mark WHERE kept_ms>0)",
	    e);
	if (rc == 0)
		rc = is_dirty(l, r, &dirty, e);
	while (rc == 0 && dirty && *most > 0) {
		int64_t day, rows;
		rc = ledger_number(l, "SELECT min(day)FROM rollup_dirty", &day, e);
		if (rc == 0)
			rc = sum_day_again(l, r, (int32_t)day, mark, e);
		if (rc == 0)
			rc = ledger_number(l, "SELECT rows FROM rollup_segments ORDER BY id DESC LIMIT 1",
			                   &rows, e);
		if (rc == 0)
			rc = is_dirty(l, r, &dirty, e);
		*most -= rows + 1;
	}
	*more |= dirty;
	return rc;
}

/* Within a transaction: takes in what there is beyond `leave` rows, at most `most` of it. */
static int catch_up(struct ledger *l, int64_t leave, int64_t most, bool *more, struct error *e)
{
	struct rollup_mark mark;
	int64_t last = 0;
	bool known = false;
	*more = false;
	int rc = rollup_mark_read(l, &mark, e);
	if (rc == 0 && !mark.whole) {
		rc = start_anew(l, e);
		if (rc == 0)
			rc = rollup_mark_read(l, &mark, e);
	}
	if (rc == 0)
		rc = sum_again(l, l->rollup, mark.row, &most, more, e);
	if (rc == 0)
		rc = ledger_number(l, "SELECT max(rowid)FROM calls", &last, e);
	if (rc != 0 || last - mark.row <= leave)
		return rc;
	rc = knows_all(l, &known, e);
	while (rc == 0 && known && mark.row < last && most > 0) {
		int64_t step = num_min_i64(CHUNK_ROWS, most), to = num_min_i64(mark.row + step, last);
		rc = take_in(l, l->rollup, mark.row, to, e);
		most -= to - mark.row;
		mark.row = to;
	}
	*more |= known && mark.row < last;
	return rc;
}

static int64_t tail_rows(const struct ledger *l)
{
	return l->tail_rows ? l->tail_rows : TAIL_ROWS;
}

/* The rows come first: when rollups cannot be written, this connection goes on without them, and reports read
 * the rows. */
static int catch_up_safely(struct ledger *l, int64_t most, bool *more, struct error *e)
{
	struct error why = {0};
	*more = false;
	if (l->rollup->off)
		return 0;
	l->rollup->added = 0;
	int rc = ledger_exec(l, "SAVEPOINT rollup", e);
	if (rc != 0 || (rc = catch_up(l, tail_rows(l), most, more, &why)) == 0)
		return rc ? rc : ledger_exec(l, "RELEASE rollup", e);
	l->rollup->off = true;
	*more = false;
	rollup_words_forget(&l->rollup->words);
	return ledger_exec(l, "ROLLBACK TO rollup;RELEASE rollup", e);
}

int ledger_sqlite_rollup_added(struct ledger *l, struct error *e)
{
	bool more;
	int rc = new_rollup(l, e);
	return rc || ++l->rollup->added < PENDING_ROWS ? rc : catch_up_safely(l, PENDING_ROWS, &more, e);
}

int ledger_sqlite_rollup_commit(struct ledger *l, struct error *e)
{
	bool more;
	bool dirty = false;
	int rc = new_rollup(l, e);
	struct ledger_rollup *r = l->rollup;
	if (rc == 0)
		rc = is_dirty(l, r, &dirty, e);
	if (rc != 0 || (r->looked && !dirty && r->added < LOOK_ROWS && r->added < tail_rows(l)))
		return rc;
	r->looked = true;
	return catch_up_safely(l, CHUNK_ROWS, &more, e);
}

void ledger_sqlite_rollup_rolled_back(struct ledger *l)
{
	if (l->rollup == NULL)
		return;
	rollup_words_forget(&l->rollup->words);
	l->rollup->dims_made = false;
}

int ledger_sqlite_tidy(struct ledger *l, bool *more, struct error *e)
{
	*more = false;
	int rc = ledger_sqlite_begin(l, e);
	if (rc != 0)
		return rc;
	rc = new_rollup(l, e);
	if (rc == 0)
		rc = catch_up_safely(l, TIDY_ROWS, more, e);
	if (rc == 0)
		rc = ledger_sqlite_commit(l, e);
	if (rc != 0)
		ledger_sqlite_rollback(l);
	return rc;
}
