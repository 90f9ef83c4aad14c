/* Rows as sums, for who only adds them up: cells of packed days, and single rows for the tail and the
 * beginning of the window. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "store/ledger_sqlite_rollup_ask.h"

#define GIVEN_MAX LEDGER_ONLY_MAX

/* A dimension among the columns asked for. */
struct given {
	size_t dim;
	const struct column *column;
	uint32_t *id;       /* owned; of each line of the day */
	struct value *word; /* owned; by number */
	size_t words_n;
};

struct cells {
	struct sums *s;
	struct asking *a;
	int (*on_cell)(void *arg, const struct record *sum, int64_t rows, int64_t to_ms);
	void *arg;
	struct given given[GIVEN_MAX];
	size_t given_n;
	size_t lines_room, cells_room;
	uint32_t *count, *time; /* owned */
	int64_t *sum[RM_N];     /* owned; of each cell, absent: INT64_MIN */
};

/* Numbers that add up, or are told by when a cell is. */
static bool is_summed(const struct column *c)
{
	static const char *const names[] = {"time_ms", "cost_nanousd", "hold_tokens", "credits_nano"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(c->name, names[i]) == 0)
			return true;
	return meter_from_name(slice_of(c->name)) != METER_N;
}

static int read_words(struct cells *x, struct given *g)
{
	sqlite3_stmt *t = NULL;
	struct sums *s = x->s;
	uint32_t most;
	int code = SQLITE_DONE, rc = rollup_words_most(s->l, &s->words, g->dim, &most, x->a->e);
	if (rc == 0)
		rc =
		    ledger_prepare(s->l, SLICE("SELECT id,value FROM rollup_words WHERE dim=?"), &t, x->a->e);
	if (rc != 0)
		return rc;
	g->words_n = (size_t)most + 1;
	g->word = calloc(g->words_n, sizeof *g->word);
	rc = g->word ? 0 : sums_no_memory(s);
	sqlite3_bind_int64(t, 1, (int64_t)g->dim);
	while (rc == 0 && (code = sqlite3_step(t)) == SQLITE_ROW) {
		size_t id = (size_t)sqlite3_column_int64(t, 0);
		struct value v = ledger_column_value(t, 1);
		if (v.kind == VALUE_TEXT && (v.text = arena_copy(&s->texts, v.text)).p == NULL)
			rc = sums_no_memory(s);
		else if (id < g->words_n)
			g->word[id] = v;
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(s->l, code, "cells", x->a->e);
	sqlite3_finalize(t);
	return rc;
}

static int plan(struct cells *x)
{
	const struct ledger_query *q = x->s->q;
	if (q->only_n == 0 || q->filters_n || q->until_ms || q->parts || x->s->l->by_rows)
		return sums_give_up(x->s);
	int64_t dirty = 0;
	int rc = sums_window(x->s);
	if (rc == 0)
		rc = ledger_number(x->s->l, "SELECT count(*)FROM rollup_dirty", &dirty, x->a->e);
	if (rc == 0 && dirty)
		return sums_give_up(x->s);
	for (size_t i = 0; rc == 0 && i < q->only_n; i++) {
		const struct column *c = column_find(slice_of(q->only[i]));
		size_t dim = c ? rollup_dim_find(slice_of(c->name)) : ROLLUP_DIMS;
		if (c == NULL || (dim == ROLLUP_DIMS && !is_summed(c)))
			return sums_give_up(x->s);
		if (dim == ROLLUP_DIMS)
			continue;
		struct given *g = &x->given[x->given_n++];
		g->dim = dim;
		g->column = c;
		rc = read_words(x, g);
	}
	return rc;
}

/* --- packed days ----------------------------------------------------------------------------- */

static bool room(void *at, size_t n, size_t size)
{
	void **p = at, *more = realloc(*p, n * size);
	if (more)
		*p = more;
	return more != NULL;
}

static int make_room(struct cells *x)
{
	struct sums *s = x->s;
	bool has = true;
	if (s->lines > x->lines_room) {
		has = room(&x->count, s->lines, sizeof *x->count);
		for (size_t i = 0; has && i < x->given_n; i++)
			has = room(&x->given[i].id, s->lines, sizeof *x->given[i].id);
		x->lines_room = has ? s->lines : x->lines_room;
	}
	if (has && s->cells > x->cells_room) {
		has = room(&x->time, s->cells, sizeof *x->time);
		for (int m = 0; has && m < RM_N; m++)
			has = room(&x->sum[m], s->cells, sizeof *x->sum[m]);
		x->cells_room = has ? s->cells : x->cells_room;
	}
	return has ? 0 : sums_no_memory(s);
}

static int read_sum(struct cells *x, int m)
{
	struct sums *s = x->s;
	struct rollup_column c;
	unsigned id = (s->cells > s->lines ? ROLLUP_COLUMN_CELL : ROLLUP_COLUMN_LINE) +
	              rollup_column_of((enum rollup_measure)m);
	int rc = s->has[id] ? sums_fetch(s, id, s->cells, &c) : 0;
	for (size_t i = 0; rc == 0 && i < s->cells; i++)
		if (!s->has[id] || !rollup_value(&c, i, &x->sum[m][i]))
			x->sum[m][i] = INT64_MIN;
	return rc;
}

static bool is_needed(int m)
{
	return m == RM_ROWS || m == RM_COST || m == RM_BACK || m == RM_CREDITS || m == RM_CREDITS_BACK ||
	       m == RM_HOLD || m >= RM_METER;
}

static int read_day(struct cells *x)
{
	struct sums *s = x->s;
	uint64_t cells = 0;
	int rc = make_room(x);
	if (rc == 0)
		rc = sums_numbers(s, ROLLUP_COLUMN_CELLS, s->lines, x->count);
	if (rc == 0)
		rc = sums_numbers(s, ROLLUP_COLUMN_TIME, s->cells, x->time);
	for (size_t i = 0; rc == 0 && i < x->given_n; i++)
		rc = sums_numbers(s, ROLLUP_COLUMN_DIM + (unsigned)x->given[i].dim, s->lines, x->given[i].id);
	for (int m = 0; rc == 0 && m < RM_N; m++)
		rc = is_needed(m) ? read_sum(x, m) : 0;
	for (size_t i = 0; rc == 0 && i < s->lines; i++)
		cells += x->count[i];
	return rc == 0 && cells != s->cells ? sums_give_up(s) : rc;
}

static int64_t known(const struct cells *x, int m, size_t cell, int64_t otherwise)
{
	return x->sum[m][cell] == INT64_MIN ? otherwise : x->sum[m][cell];
}

static int give_cell(struct cells *x, struct record *r, size_t cell)
{
	int64_t time = x->s->day * ROLLUP_CELLS + x->time[cell], rows = known(x, RM_ROWS, cell, 0);
	if (time < x->s->from || rows <= 0)
		return 0;
	r->time_ms = time * ROLLUP_CELL_MS;
	for (int m = 0; m < METER_N; m++)
		r->usage.m[m] = known(x, RM_METER + m, cell, TOKENS_ABSENT);
	r->priced = x->sum[RM_COST][cell] != INT64_MIN;
	r->cost.total = known(x, RM_COST, cell, 0) - known(x, RM_BACK, cell, 0);
	r->credits_nano = known(x, RM_CREDITS, cell, RECORD_ABSENT);
	if (r->credits_nano != RECORD_ABSENT)
		r->credits_nano -= known(x, RM_CREDITS_BACK, cell, 0);
	r->hold_tokens = known(x, RM_HOLD, cell, RECORD_ABSENT);
	return x->on_cell(x->arg, r, rows, r->time_ms + ROLLUP_CELL_MS);
}

static int give_day(struct cells *x)
{
	int rc = read_day(x);
	for (size_t line = 0, cell = 0; rc == 0 && line < x->s->lines; line++) {
		struct record r;
		record_init(&r);
		for (size_t i = 0; i < x->given_n; i++) {
			const struct given *g = &x->given[i];
			if (g->id[line] >= g->words_n)
				return sums_give_up(x->s);
			column_set(g->column, &r, g->word[g->id[line]]);
		}
		for (uint32_t n = x->count[line]; rc == 0 && n > 0; n--, cell++)
			rc = give_cell(x, &r, cell);
	}
	return rc;
}

static int give_days(struct cells *x)
{
	struct sums *s = x->s;
	sqlite3_stmt *days = NULL;
	int code = SQLITE_DONE;
	int rc = ledger_prepare(
	    s->l, SLICE("SELECT id,day,lines,cells,head FROM rollup_segments WHERE day>=?1 ORDER BY day"),
	    &days, x->a->e);
	if (rc == 0)
		sqlite3_bind_int64(days, 1, rollup_day(s->from));
	while (rc == 0 && (code = sqlite3_step(days)) == SQLITE_ROW) {
		s->segment = sqlite3_column_int64(days, 0);
		s->day = sqlite3_column_int64(days, 1);
		s->lines = (size_t)sqlite3_column_int64(days, 2);
		s->cells = (size_t)sqlite3_column_int64(days, 3);
		sums_read_head(
		    s, slice_make(sqlite3_column_blob(days, 4), (size_t)sqlite3_column_bytes(days, 4)));
		rc = give_day(x);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(s->l, code, "cells", x->a->e);
	sqlite3_finalize(days);
	return rc;
}

/* --- rows ------------------------------------------------------------------------------------ */

static int give_rows(struct cells *x, const char *where, int64_t a, int64_t b, int64_t c)
{
	struct asking rows;
	const struct ledger_query *q = x->s->q;
	int code = SQLITE_DONE;
	asking_init(&rows, x->s->l, q, x->a->e);
	asking_say(&rows, "SELECT time_ms");
	for (size_t i = 0; i < q->only_n; i++)
		asking_say(&rows, ",\"%s\"", q->only[i]);
	asking_say(&rows, " FROM calls WHERE %s", where);
	int rc = asking_prepare(&rows);
	if (rc == 0) {
		sqlite3_bind_int64(rows.stmt, 1, a);
		sqlite3_bind_int64(rows.stmt, 2, b);
		if (sqlite3_bind_parameter_count(rows.stmt) > 2)
			sqlite3_bind_int64(rows.stmt, 3, c);
	}
	while (rc == 0 && (code = sqlite3_step(rows.stmt)) == SQLITE_ROW) {
		struct record r;
		record_init(&r);
		for (size_t i = 0; i < q->only_n; i++)
			column_set(column_find(slice_of(q->only[i])), &r,
			           ledger_column_value(rows.stmt, (int)i + 1));
		r.time_ms = sqlite3_column_int64(rows.stmt, 0);
		rc = x->on_cell(x->arg, &r, 1, r.time_ms + 1);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(x->s->l, code, "cells", x->a->e);
	asking_release(&rows);
	return rc;
}

static void cells_release(struct cells *x)
{
	free(x->count);
	free(x->time);
	for (int m = 0; m < RM_N; m++)
		free(x->sum[m]);
	for (size_t i = 0; i < x->given_n; i++) {
		free(x->given[i].id);
		free(x->given[i].word);
	}
	sums_release(x->s);
	free(x);
}

int ledger_sqlite_cells(struct ledger *l, const struct ledger_query *q,
                        int (*on_cell)(void *arg, const struct record *sum, int64_t rows, int64_t to_ms),
                        void *arg, struct error *e)
{
	struct asking a;
	struct cells *x = calloc(1, sizeof *x);
	asking_init(&a, l, q, e);
	if (x == NULL || (x->s = sums_new(&a)) == NULL) {
		free(x);
		return error_set(e, ERR_NOMEM, "out of memory");
	}
	x->a = &a;
	x->on_cell = on_cell;
	x->arg = arg;
	bool own = sqlite3_get_autocommit(l->db);
	int rc = own ? ledger_exec(l, "BEGIN", e) : 0; /* cells and rows of one moment */
	if (rc == 0)
		rc = plan(x);
	int64_t mark = x->s->mark.row, from = x->s->from * ROLLUP_CELL_MS;
	if (rc == 0)
		rc = give_days(x);
	if (rc == 0)
		rc = give_rows(x, "rowid>?1 AND +time_ms>=?2", mark, q->since_ms, 0);
	if (rc == 0 && q->since_ms < from)
		rc = give_rows(x, "+rowid<=?1 AND time_ms>=?2 AND time_ms<?3", mark, q->since_ms, from);
	if (x->s->cannot)
		rc = LEDGER_NO_CELLS;
	if (own)
		ledger_sqlite_rollback(l);
	cells_release(x);
	asking_release(&a);
	return rc;
}
