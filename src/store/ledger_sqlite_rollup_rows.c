/* Single rows summed into the groups of a report: the tail, and the ends of a window that cut a cell. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "store/ledger_sqlite_rollup_ask.h"

#define WORD_KEY_MAX 1100

struct row_reading {
	struct sums *s;
	struct rollup_row row;
	sqlite3_stmt *tag[LEDGER_BY_MAX]; /* owned; NULL: no tag */
};

/* Dimension, kind and bytes. */
static bool fresh_key(size_t dim, struct value v, char out[WORD_KEY_MAX], slice *key)
{
	const void *p = v.kind == VALUE_INT ? (const void *)&v.number : v.text.p;
	size_t n = v.kind == VALUE_INT ? sizeof v.number : v.text.n;
	if (n + 2 > WORD_KEY_MAX)
		return false;
	out[0] = (char)dim;
	out[1] = (char)v.kind;
	memcpy(out + 2, p, n);
	*key = slice_make(out, n + 2);
	return true;
}

static int make_fresh(struct sums *s, size_t dim, slice key, uint32_t *out)
{
	uint32_t most;
	int rc = s->next_word[dim] ? 0 : rollup_words_most(s->l, &s->words, dim, &most, s->a->e);
	if (rc == 0 && s->next_word[dim] == 0)
		s->next_word[dim] = s->first_fresh[dim] = most + 1;
	if (rc == 0 && (key = arena_copy(&s->texts, key)).p == NULL)
		rc = sums_no_memory(s);
	*out = s->next_word[dim]++;
	if (rc == 0 && map_put(&s->fresh, key, (void *)(uintptr_t)*out, NULL) != 0)
		rc = sums_no_memory(s);
	return rc;
}

/* The number of a row's word. */
static int row_word(struct sums *s, size_t dim, struct value v, uint32_t *out)
{
	char text[WORD_KEY_MAX];
	slice key;
	*out = 0;
	if (v.kind == VALUE_NULL)
		return 0;
	if (!fresh_key(dim, v, text, &key))
		return sums_give_up(s);
	if (s->first_fresh[dim] && (*out = (uint32_t)(uintptr_t)map_get(&s->fresh, key)) != 0)
		return 0;
	int rc = rollup_word(s->l, &s->words, dim, v, false, out, s->a->e);
	if (rc == 0 && *out == ROLLUP_OTHER)
		return sums_give_up(s);
	return rc == 0 && *out == ROLLUP_UNKNOWN_WORD ? make_fresh(s, dim, key, out) : rc;
}

/* A tag's value in a word that is not in the file. */
static int row_tag(struct row_reading *r, size_t k, struct value word, uint32_t *out)
{
	struct sums *s = r->s;
	sqlite3_stmt *t = r->tag[k];
	int code = sqlite3_bind_text(t, 2, word.text.p, (int)word.text.n, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(t);
	int rc = code == SQLITE_ROW ? sums_value_number(s, &s->by[k], ledger_column_value(t, 0), out)
	                            : ledger_fault(s->l, code, "report", s->a->e);
	sqlite3_reset(t);
	return rc;
}

static int row_key(struct row_reading *r, sqlite3_stmt *stmt, size_t k, uint32_t *out)
{
	struct sums *s = r->s;
	struct sums_by *b = &s->by[k];
	struct value v = rollup_row_dim(&r->row, stmt, 2, b->dim);
	if (b->tag)
		return v.kind == VALUE_TEXT ? row_tag(r, k, v, out) : sums_value_number(s, b, v, out);
	int rc = row_word(s, b->dim, v, out);
	bool fresh = s->first_fresh[b->dim] && *out >= s->first_fresh[b->dim];
	if (rc != 0 || !fresh || (*out < b->texts_n && b->texts[*out].read))
		return rc;
	return sums_set_text(s, b, *out, v);
}

static void row_places(struct sums *s, int64_t time_ms, int64_t *bucket, int64_t *date)
{
	struct asking *a = s->a;
	if (time_ms < s->zone_from || time_ms >= s->zone_to) {
		zone_span(a->zone, ZONE_DAY, time_ms, &s->zone_from, &s->zone_to);
		s->date = sums_date_of(s, s->zone_from);
	}
	if (s->q->per && (time_ms < s->bucket_from || time_ms >= s->bucket_to))
		zone_span(a->zone, a->unit, time_ms, &s->bucket_from, &s->bucket_to);
	*bucket = s->q->per ? s->bucket_from : 0;
	*date = s->date;
}

/* sign -1: the row counts as unpriced in a packed day, and a row of the tail gave it a price. */
static int sum_row(struct row_reading *r, sqlite3_stmt *stmt, int sign)
{
	struct sums *s = r->s;
	struct record row;
	struct rollup_sums sums;
	uint32_t key[ROLLUP_BY_MAX] = {0}, user = 0, session = 0;
	int64_t bucket, date;
	int rc = 0;
	rollup_row_record(&r->row, stmt, 2, &row);
	rollup_sums_of(&row, sqlite3_column_int(stmt, 1), &sums);
	for (size_t k = 0; rc == 0 && k < s->q->by_n; k++)
		rc = row_key(r, stmt, k, &key[k]);
	if (rc == 0)
		rc = row_word(s, ROLLUP_USER, rollup_row_dim(&r->row, stmt, 2, ROLLUP_USER), &user);
	if (rc == 0)
		rc = row_word(s, ROLLUP_SESSION, rollup_row_dim(&r->row, stmt, 2, ROLLUP_SESSION), &session);
	if (rc != 0)
		return rc;
	row_places(s, row.time_ms, &bucket, &date);
	uint32_t group = rollup_group_of(&s->groups, bucket, key);
	if (sign > 0 && sums.v[RM_CALLS]) {
		rollup_saw_session(&s->groups, group, session);
		rollup_saw_day(&s->groups, group, user, date);
	}
	if (sign < 0) {
		struct rollup_sums off = {0};
		off.v[RM_UNPRICED] = -sums.v[RM_UNPRICED];
		off.v[RM_UNPRICED_SUBSCRIPTION] = -sums.v[RM_UNPRICED_SUBSCRIPTION];
		sums = off;
	}
	rollup_sum_row(&s->groups, group, &sums);
	return 0;
}

/* The rows for which `where` holds, besides the filters; its ? are numbers. */
static int sum_rows(struct row_reading *r, int sign, const char *const *where, const int64_t *number)
{
	struct sums *s = r->s;
	struct asking rows;
	int code = SQLITE_DONE;
	asking_init(&rows, s->l, s->q, s->a->e);
	asking_say(&rows, "SELECT rowid," ROLLUP_UNPRICED);
	if (sign > 0)
		asking_say(&rows, " AND NOT EXISTS(SELECT 1 FROM calls c WHERE c.corrects=calls.id)");
	asking_say(&rows, ",");
	if (rows.rc == 0 && rollup_row_names(&r->row, &rows.sql) != 0)
		rows.rc = sums_no_memory(s);
	asking_say(&rows, " FROM calls WHERE ");
	for (; *where; where++, number++) {
		asking_say(&rows, "%s", *where);
		if (where[1])
			asking_number(&rows, *number);
	}
	asking_filters(&rows);
	int rc = asking_prepare(&rows);
	while (rc == 0 && s->groups.rc == 0 && (code = sqlite3_step(rows.stmt)) == SQLITE_ROW)
		rc = sum_row(r, rows.stmt, sign);
	if (rc == 0 && s->groups.rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(s->l, code, "report", s->a->e);
	asking_release(&rows);
	return rc;
}

static int64_t end_of(const struct sums *s)
{
	return s->q->until_ms ? s->q->until_ms : INT64_MAX;
}

/* The tail: written since the mark. */
static int sum_tail(struct row_reading *r)
{
	static const char *const tail[] = {"rowid>", " AND +time_ms>=", " AND +time_ms<", "", NULL};
	static const char *const corrected[] = {
	    "id IN(SELECT corrects FROM calls WHERE rowid>",
	    " AND corrects IS NOT NULL)AND +rowid<=",
	    " AND NOT EXISTS(SELECT 1 FROM calls c WHERE c.corrects=calls.id AND c.rowid<=",
	    ")AND time_ms/86400000-(time_ms%86400000<0)NOT IN(SELECT day FROM rollup_dirty)"
	    "AND " ROLLUP_UNPRICED " AND +time_ms>=",
	    " AND +time_ms<",
	    "",
	    NULL};
	struct sums *s = r->s;
	const int64_t mark = s->mark.row;
	int rc = sum_rows(r, 1, tail, (const int64_t[]){mark, s->q->since_ms, end_of(s)});
	return rc ? rc
	          : sum_rows(r, -1, corrected,
	                     (const int64_t[]){mark, mark, mark, s->from * ROLLUP_CELL_MS,
	                                       s->to * ROLLUP_CELL_MS});
}

/* Rows that the mark covers, where the window cuts a cell. */
static int sum_edge(struct row_reading *r, int64_t from_ms, int64_t to_ms)
{
	static const char *const edge[] = {"+rowid<=", " AND time_ms>=", " AND time_ms<", "", NULL};
	return from_ms >= to_ms ? 0 : sum_rows(r, 1, edge, (const int64_t[]){r->s->mark.row, from_ms, to_ms});
}

/* Days whose rows were changed since they were packed. */
static int sum_dirty(struct row_reading *r)
{
	struct sums *s = r->s;
	sqlite3_stmt *days = NULL;
	int code = SQLITE_DONE;
	int rc = ledger_prepare(s->l, SLICE("SELECT day FROM rollup_dirty"), &days, s->a->e);
	while (rc == 0 && (code = sqlite3_step(days)) == SQLITE_ROW) {
		int64_t first = sqlite3_column_int64(days, 0) * ROLLUP_CELLS;
		rc = sum_edge(r, num_max_i64(first, s->from) * ROLLUP_CELL_MS,
		              num_min_i64(first + ROLLUP_CELLS, s->to) * ROLLUP_CELL_MS);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(s->l, code, "report", s->a->e);
	sqlite3_finalize(days);
	return rc;
}

static int prepare_tag(struct row_reading *r, size_t k)
{
	struct asking w;
	struct sums *s = r->s;
	asking_init(&w, s->l, s->q, s->a->e);
	w.of_words = true;
	asking_say(&w, "SELECT ");
	asking_column(&w, NULL, s->q->by[k]);
	asking_say(&w, " FROM(SELECT ?2 AS value)");
	int rc = asking_prepare(&w);
	if (rc == 0) { /* the path is bound, and must outlive the asking */
		sqlite3_bind_text(w.stmt, 1, w.words[0].text.p, (int)w.words[0].text.n, SQLITE_TRANSIENT);
		r->tag[k] = w.stmt;
		w.stmt = NULL;
	}
	asking_release(&w);
	return rc;
}

int sums_rows(struct sums *s)
{
	struct row_reading r = {.s = s};
	uint64_t wanted = UINT64_C(1) << ROLLUP_USER | UINT64_C(1) << ROLLUP_SESSION;
	int rc = 0;
	int64_t since = s->q->since_ms, end = end_of(s), from = s->from * ROLLUP_CELL_MS,
	        to = s->to * ROLLUP_CELL_MS;
	for (size_t k = 0; rc == 0 && k < s->q->by_n; k++) {
		wanted |= UINT64_C(1) << s->by[k].dim;
		rc = s->by[k].tag ? prepare_tag(&r, k) : 0;
	}
	rollup_row_columns(&r.row, wanted);
	if (rc == 0)
		rc = sum_tail(&r);
	if (rc == 0 && s->from >= s->to) {
		rc = sum_edge(&r, since, end);
	} else if (rc == 0) {
		rc = sum_edge(&r, since, from);
		if (rc == 0 && s->q->until_ms)
			rc = sum_edge(&r, to, end);
		if (rc == 0)
			rc = sum_dirty(&r);
	}
	for (size_t k = 0; k < s->q->by_n; k++)
		sqlite3_finalize(r.tag[k]);
	return rc;
}
