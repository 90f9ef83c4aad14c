/* Packed days summed into the groups of a report. */
#include <stdlib.h>
#include <string.h>

#include "store/ledger_sqlite_rollup_ask.h"

int sums_fetch(struct sums *s, unsigned id, size_t n, struct rollup_column *out)
{
	*out = s->head[id];
	if (out->width == 0)
		return 0;
	sqlite3_reset(s->column);
	sqlite3_bind_int64(s->column, 1, s->segment * ROLLUP_DAY_COLUMNS + id);
	int code = sqlite3_step(s->column);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return ledger_fault(s->l, code, "report", s->a->e);
	if (code == SQLITE_DONE || (size_t)sqlite3_column_bytes(s->column, 0) != n * out->width)
		return sums_give_up(s);
	out->body = sqlite3_column_blob(s->column, 0);
	return 0;
}

#define WIDEN(type)                                                                                          \
	for (size_t i = 0; i < n; i++) {                                                                     \
		type code;                                                                                   \
		memcpy(&code, body + i * sizeof code, sizeof code);                                          \
		out[i] = (uint32_t)(base + code);                                                            \
	}

int sums_numbers(struct sums *s, unsigned id, size_t n, uint32_t *out)
{
	struct rollup_column c = {0};
	int rc = s->has[id] ? sums_fetch(s, id, n, &c) : 0;
	const char *body = c.body;
	uint64_t base = (uint64_t)c.base;
	if (rc != 0)
		return rc;
	if (c.absent)
		return sums_give_up(s);
	switch (c.width) {
	case 0:
		for (size_t i = 0; i < n; i++)
			out[i] = (uint32_t)base;
		break;
	case 1:
		WIDEN(uint8_t)
		break;
	case 2:
		WIDEN(uint16_t)
		break;
	case 4:
		WIDEN(uint32_t)
		break;
	default:
		return sums_give_up(s);
	}
	return 0;
}

static int dimension(struct sums *s, size_t dim, uint32_t *out)
{
	return sums_numbers(s, ROLLUP_COLUMN_DIM + (unsigned)dim, s->lines, out);
}

static bool room(uint32_t **p, size_t n)
{
	uint32_t *more = realloc(*p, n * sizeof **p);
	if (more)
		*p = more;
	return more != NULL;
}

static int make_room(struct sums *s)
{
	size_t n = s->lines * 2, cells = s->cells * 2;
	bool has = true;
	if (s->lines > s->room) {
		uint32_t **const all[] = {&s->group, &s->first,   &s->last,   &s->count,
		                          &s->user,  &s->session, &s->scratch};
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			has = has && room(all[i], n);
		for (size_t i = 0; i < s->q->by_n; i++)
			has = has && room(&s->key[i], n);
		s->room = has ? n : s->room;
	}
	if (has && s->cells > s->cell_room) {
		has =
		    room(&s->cell_group, cells) && room(&s->cell_time, cells) && room(&s->cell_calls, cells);
		s->cell_room = has ? cells : s->cell_room;
	}
	return has ? 0 : sums_no_memory(s);
}

/* Buckets and local days of the day's quarters. */
static int set_quarters(struct sums *s)
{
	struct asking *a = s->a;
	for (int64_t i = 0; i < ROLLUP_CELLS; i++) {
		int64_t t = (s->day * ROLLUP_CELLS + i) * ROLLUP_CELL_MS;
		if (t < s->zone_from || t >= s->zone_to) {
			zone_span(a->zone, ZONE_DAY, t, &s->zone_from, &s->zone_to);
			s->date = sums_date_of(s, s->zone_from);
		}
		if (s->q->per && (t < s->bucket_from || t >= s->bucket_to))
			zone_span(a->zone, a->unit, t, &s->bucket_from, &s->bucket_to);
		if (s->zone_from % ROLLUP_CELL_MS || s->zone_to % ROLLUP_CELL_MS ||
		    (s->q->per && (s->bucket_from % ROLLUP_CELL_MS || s->bucket_to % ROLLUP_CELL_MS)))
			return sums_give_up(s);
		s->local_day[i] = s->date;
		s->bucket[i] = s->q->per ? s->bucket_from : 0;
	}
	return 0;
}

/* Which lines pass, in group: 1 or 0. */
static int pick_lines(struct sums *s, bool *any)
{
	int rc = 0;
	for (size_t i = 0; i < s->lines; i++)
		s->group[i] = 1;
	*any = true;
	for (size_t f = 0; rc == 0 && *any && f < s->q->filters_n; f++) {
		const struct sums_pick *p = &s->pick[f];
		uint32_t some = 0;
		rc = dimension(s, p->dim, s->scratch);
		for (size_t i = 0; rc == 0 && i < s->lines; i++) {
			if (s->scratch[i] >= p->n)
				return sums_give_up(s);
			s->group[i] &= p->pass[s->scratch[i]];
			some |= s->group[i];
		}
		*any = some;
	}
	return rc;
}

static int read_keys(struct sums *s)
{
	int rc = dimension(s, ROLLUP_USER, s->user);
	if (rc == 0)
		rc = dimension(s, ROLLUP_SESSION, s->session);
	for (size_t k = 0; rc == 0 && k < s->q->by_n; k++) {
		const struct sums_by *b = &s->by[k];
		uint32_t other = 0;
		rc = dimension(s, b->dim, s->key[k]);
		for (size_t i = 0; rc == 0 && i < s->lines; i++) {
			other |= s->key[k][i] == ROLLUP_OTHER;
			if (b->tag)
				s->key[k][i] = s->key[k][i] < b->of_n ? b->of[s->key[k][i]] : 0;
		}
		if (other)
			return sums_give_up(s);
	}
	return rc;
}

static int read_places(struct sums *s)
{
	int rc = sums_numbers(s, ROLLUP_COLUMN_CELLS, s->lines, s->count);
	if (rc == 0)
		rc = sums_numbers(s, ROLLUP_COLUMN_FIRST, s->lines, s->first);
	if (rc == 0)
		rc = sums_numbers(s, ROLLUP_COLUMN_LAST, s->lines, s->last);
	uint64_t cells = 0;
	for (size_t i = 0; rc == 0 && i < s->lines; i++) {
		cells += s->count[i];
		if (s->first[i] > s->last[i] || s->last[i] >= ROLLUP_CELLS || s->user[i] > ROLLUP_WORDS_MAX ||
		    s->session[i] > ROLLUP_SESSIONS_MAX)
			return sums_give_up(s);
	}
	return rc == 0 && cells != s->cells ? sums_give_up(s) : rc;
}

static uint32_t group_of(struct sums *s, size_t line, int64_t bucket)
{
	uint32_t key[ROLLUP_BY_MAX] = {0};
	for (size_t k = 0; k < s->q->by_n; k++)
		key[k] = s->key[k][line];
	return rollup_group_of(&s->groups, bucket, key);
}

#define IN_CELLS UINT32_MAX /* a line whose cells are taken one by one */

static int sum_columns(struct sums *s, unsigned first, const uint32_t *group, size_t n)
{
	int rc = 0;
	uint64_t known = 0;
	for (int m = 0; rc == 0 && m < RM_N; m++) {
		struct rollup_column c;
		unsigned id = first + rollup_column_of((enum rollup_measure)m);
		if (!s->has[id] || (rc = sums_fetch(s, id, n, &c)) != 0)
			continue;
		known |= (uint64_t)!c.absent << m;
		rollup_sum_column(&s->groups, (enum rollup_measure)m, &c, group, n);
	}
	rollup_sum_known(&s->groups, known, group, n);
	return rc;
}

/* Gives each line its group: 0 when it is not asked for, IN_CELLS when its cells are of several. */
static void place_lines(struct sums *s, bool *in_cells)
{
	for (size_t i = 0; i < s->lines; i++) {
		int64_t f = s->day * ROLLUP_CELLS + s->first[i], l = s->day * ROLLUP_CELLS + s->last[i];
		if (s->group[i] == 0)
			continue;
		if (l < s->from || f >= s->to) {
			s->group[i] = 0;
		} else if (f >= s->from && l < s->to && s->bucket[s->first[i]] == s->bucket[s->last[i]]) {
			s->group[i] = group_of(s, i, s->bucket[s->first[i]]);
		} else {
			s->group[i] = IN_CELLS;
			*in_cells = true;
		}
	}
}

/* Sessions and days of whole lines; a line of two local days has them in its cells. */
static int count_lines(struct sums *s, bool *in_cells)
{
	int rc = sums_numbers(s, ROLLUP_COLUMN_LINE + rollup_column_of(RM_CALLS), s->lines, s->scratch);
	for (size_t i = 0; rc == 0 && i < s->lines; i++) {
		if (s->group[i] == 0 || s->group[i] == IN_CELLS || s->scratch[i] == 0)
			continue;
		rollup_saw_session(&s->groups, s->group[i], s->session[i]);
		if (s->local_day[s->first[i]] != s->local_day[s->last[i]])
			*in_cells = true;
		else
			rollup_saw_day(&s->groups, s->group[i], s->user[i], s->local_day[s->first[i]]);
	}
	return rc;
}

static void place_cell(struct sums *s, size_t line, size_t cell)
{
	int64_t t = s->day * ROLLUP_CELLS + s->cell_time[cell];
	uint32_t group = s->group[line];
	if (group == IN_CELLS) {
		group = t >= s->from && t < s->to ? group_of(s, line, s->bucket[s->cell_time[cell]]) : 0;
		s->cell_group[cell] = group;
		if (group && s->cell_calls[cell])
			rollup_saw_session(&s->groups, group, s->session[line]);
	}
	if (group && s->cell_calls[cell])
		rollup_saw_day(&s->groups, group, s->user[line], s->local_day[s->cell_time[cell]]);
}

static int sum_cells(struct sums *s)
{
	unsigned first = s->cells > s->lines ? ROLLUP_COLUMN_CELL : ROLLUP_COLUMN_LINE;
	int rc = sums_numbers(s, ROLLUP_COLUMN_TIME, s->cells, s->cell_time);
	if (rc == 0)
		rc = sums_numbers(s, first + rollup_column_of(RM_CALLS), s->cells, s->cell_calls);
	if (rc != 0)
		return rc;
	memset(s->cell_group, 0, s->cells * sizeof *s->cell_group);
	for (size_t line = 0, cell = 0; line < s->lines; cell += s->count[line++]) {
		bool apart = s->group[line] == IN_CELLS ||
		             (s->group[line] && s->local_day[s->first[line]] != s->local_day[s->last[line]]);
		for (size_t i = cell; apart && i < cell + s->count[line]; i++) {
			if (s->cell_time[i] >= ROLLUP_CELLS)
				return sums_give_up(s);
			place_cell(s, line, i);
		}
	}
	return sum_columns(s, first, s->cell_group, s->cells);
}

static int sum_day(struct sums *s)
{
	bool any, in_cells = false, cut = false;
	int rc = make_room(s);
	if (rc == 0)
		rc = set_quarters(s);
	if (rc == 0)
		rc = pick_lines(s, &any);
	if (rc != 0 || !any)
		return rc;
	rc = read_keys(s);
	if (rc == 0)
		rc = read_places(s);
	if (rc != 0)
		return rc;
	place_lines(s, &cut);
	in_cells = cut;
	rc = count_lines(s, &in_cells);
	if (rc == 0 && in_cells)
		rc = sum_cells(s);
	for (size_t i = 0; cut && i < s->lines; i++)
		s->group[i] = s->group[i] == IN_CELLS ? 0 : s->group[i];
	return rc ? rc : sum_columns(s, ROLLUP_COLUMN_LINE, s->group, s->lines);
}

void sums_read_head(struct sums *s, slice head)
{
	memset(s->has, 0, sizeof s->has);
	for (size_t at = 0; at + ROLLUP_HEAD_BYTES <= head.n; at += ROLLUP_HEAD_BYTES) {
		uint16_t id;
		memcpy(&id, head.p + at, 2);
		if (id < ROLLUP_COLUMNS)
			s->has[id] =
			    rollup_head_find(slice_make(head.p + at, ROLLUP_HEAD_BYTES), id, &s->head[id]);
	}
}

int sums_days(struct sums *s)
{
	sqlite3_stmt *days = NULL;
	int code = SQLITE_DONE;
	if (s->from >= s->to)
		return 0;
	int rc = ledger_prepare(s->l,
	                        SLICE("SELECT id,day,lines,cells,head FROM rollup_segments WHERE day>=?1 AND "
	                              "day<=?2 AND day NOT IN(SELECT day FROM rollup_dirty)ORDER BY day"),
	                        &days, s->a->e);
	if (rc == 0) {
		sqlite3_bind_int64(days, 1, rollup_day(s->from));
		sqlite3_bind_int64(days, 2, rollup_day(s->to - 1));
	}
	while (rc == 0 && s->groups.rc == 0 && (code = sqlite3_step(days)) == SQLITE_ROW) {
		s->segment = sqlite3_column_int64(days, 0);
		s->day = sqlite3_column_int64(days, 1);
		s->lines = (size_t)sqlite3_column_int64(days, 2);
		s->cells = (size_t)sqlite3_column_int64(days, 3);
		sums_read_head(
		    s, slice_make(sqlite3_column_blob(days, 4), (size_t)sqlite3_column_bytes(days, 4)));
		rc = sum_day(s);
	}
	if (rc == 0 && s->groups.rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(s->l, code, "report", s->a->e);
	sqlite3_finalize(days);
	return rc;
}
