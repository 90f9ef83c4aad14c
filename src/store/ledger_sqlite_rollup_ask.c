/* A report from rollups: packed days for what the window has of whole cells, rows for the tail and for the
 * ends of a window that cut a cell. What cannot be asked of rollups is left to the rows (ROLLUP_CANNOT): a
 * field that is no dimension, parts, a zone whose days cut a quarter of an hour, rows not taken in for long.
 */
#include "store/ledger_sqlite_rollup_ask.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX ((size_t)1 << 30)

int sums_give_up(struct sums *s)
{
	s->cannot = true;
	return ROLLUP_CANNOT;
}

int sums_no_memory(struct sums *s)
{
	return error_set(s->a->e, ERR_NOMEM, "out of memory");
}

int64_t sums_date_of(const struct sums *s, int64_t day_ms)
{
	int64_t at = day_ms / 1000, local = at + zone_offset(s->a->zone, at);
	return local / 86400 - (local % 86400 < 0);
}

/* --- the question ---------------------------------------------------------------------------- */

/* The dimension a name stands for; ROLLUP_DIMS when it is none. */
static size_t dim_of(slice name)
{
	return column_is_tag(name) ? ROLLUP_TAGS : rollup_dim_find(name);
}

static bool text_room(struct sums_by *b, size_t id)
{
	size_t n = b->texts_n ? b->texts_n : 64;
	while (n <= id)
		n *= 2;
	if (n == b->texts_n)
		return true;
	struct sums_text *more = realloc(b->texts, n * sizeof *more);
	if (more == NULL)
		return false;
	memset(more + b->texts_n, 0, (n - b->texts_n) * sizeof *more);
	b->texts = more;
	b->texts_n = n;
	return true;
}

int sums_set_text(struct sums *s, struct sums_by *b, size_t id, struct value v)
{
	if (!text_room(b, id))
		return sums_no_memory(s);
	if (v.kind == VALUE_TEXT && (v.text = arena_copy(&s->texts, v.text)).p == NULL)
		return sums_no_memory(s);
	b->texts[id].v = v;
	b->texts[id].read = true;
	return 0;
}

int sums_value_number(struct sums *s, struct sums_by *b, struct value v, uint32_t *out)
{
	*out = 0;
	if (v.kind == VALUE_NULL)
		return 0;
	uintptr_t known = (uintptr_t)map_get(&b->values, v.text);
	if (known) {
		*out = (uint32_t)known;
		return 0;
	}
	int rc = sums_set_text(s, b, ++b->values_n, v);
	if (rc == 0 && map_put(&b->values, b->texts[b->values_n].v.text, (void *)b->values_n, NULL) != 0)
		rc = sums_no_memory(s);
	*out = (uint32_t)b->values_n;
	return rc;
}

static int set_value(struct sums *s, struct sums_by *b, size_t word, struct value v)
{
	if (word >= b->of_n) {
		size_t n = word * 2 + 64;
		uint32_t *more = realloc(b->of, n * sizeof *more);
		if (more == NULL)
			return sums_no_memory(s);
		memset(more + b->of_n, 0, (n - b->of_n) * sizeof *more);
		b->of = more;
		b->of_n = n;
	}
	return sums_value_number(s, b, v, &b->of[word]);
}

/* The values of a tag in all words of tags. */
static int read_tag(struct sums *s, struct sums_by *b, slice name)
{
	struct asking w;
	int code = SQLITE_DONE;
	asking_init(&w, s->l, s->q, s->a->e);
	w.of_words = true;
	asking_say(&w, "SELECT id,");
	asking_column(&w, NULL, name);
	asking_say(&w, " FROM rollup_words WHERE dim=%d", ROLLUP_TAGS);
	int rc = asking_prepare(&w);
	while (rc == 0 && (code = sqlite3_step(w.stmt)) == SQLITE_ROW)
		rc = set_value(s, b, (size_t)sqlite3_column_int64(w.stmt, 0), ledger_column_value(w.stmt, 1));
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(s->l, code, "report", s->a->e);
	asking_release(&w);
	return rc;
}

static int plan_by(struct sums *s, size_t i)
{
	struct sums_by *b = &s->by[i];
	b->dim = dim_of(s->q->by[i]);
	b->tag = column_is_tag(s->q->by[i]);
	map_init(&b->values, ROLLUP_WORDS_MAX * 2, 0);
	if (b->dim == ROLLUP_DIMS)
		return sums_give_up(s);
	return b->tag ? read_tag(s, b, s->q->by[i]) : 0;
}

static int read_pick(struct sums *s, struct sums_pick *p, const struct ledger_filter *f)
{
	struct asking w;
	int code = SQLITE_DONE;
	asking_init(&w, s->l, s->q, s->a->e);
	w.of_words = true;
	asking_say(&w, "SELECT id FROM rollup_words WHERE dim=%zu", p->dim);
	asking_filter(&w, f);
	int rc = asking_prepare(&w);
	while (rc == 0 && (code = sqlite3_step(w.stmt)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(w.stmt, 0);
		if (id >= 0 && id < (int64_t)p->n)
			p->pass[id] = 1;
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = ledger_fault(s->l, code, "report", s->a->e);
	asking_release(&w);
	return rc;
}

static int plan_filter(struct sums *s, size_t i)
{
	const struct ledger_filter *f = &s->q->filters[i];
	const struct column *c = column_find(f->column);
	struct sums_pick *p = &s->pick[i];
	uint32_t most;
	p->dim = dim_of(f->column);
	/* SQL compares a text with a column of numbers in a way of its own. */
	if (p->dim == ROLLUP_DIMS || (f->exact && c && !column_is_text(c)))
		return sums_give_up(s);
	int rc = rollup_words_most(s->l, &s->words, p->dim, &most, s->a->e);
	if (rc != 0)
		return rc;
	p->n = (size_t)most + 1;
	p->pass = calloc(p->n, 1);
	return p->pass ? read_pick(s, p, f) : sums_no_memory(s);
}

int sums_window(struct sums *s)
{
	int64_t last, until = s->q->until_ms;
	s->from = rollup_time(s->q->since_ms);
	s->from += s->from * ROLLUP_CELL_MS < s->q->since_ms;
	s->to = until ? rollup_time(until) : INT64_MAX / ROLLUP_CELL_MS - 1;
	int rc = rollup_mark_read(s->l, &s->mark, s->a->e);
	if (rc == 0)
		rc = ledger_number(s->l, "SELECT max(rowid)FROM calls", &last, s->a->e);
	if (rc == 0)
		rc = ledger_prepare(s->l, SLICE("SELECT data FROM rollup_columns WHERE id=?"), &s->column,
		                    s->a->e);
	if (rc == 0)
		rc = ledger_number(s->l, "SELECT kept_ms FROM rollup_mark", &s->kept_ms, s->a->e);
	/* An end that cuts a cell takes that from the rows. */
	bool cut = (s->q->since_ms < s->kept_ms && (s->q->since_ms % ROLLUP_CELL_MS || s->from >= s->to)) ||
	           (until < s->kept_ms && until % ROLLUP_CELL_MS);
	if (rc == 0 && cut)
		return sums_give_up(s);
	if (rc == 0 && (!s->mark.whole || last - s->mark.row > SUMS_TAIL_MOST))
		return sums_give_up(s);
	return rc;
}

static int plan(struct sums *s)
{
	if (s->q->parts || s->l->by_rows)
		return sums_give_up(s);
	int rc = sums_window(s);
	for (size_t i = 0; rc == 0 && i < s->q->by_n; i++)
		rc = plan_by(s, i);
	for (size_t i = 0; rc == 0 && i < s->q->filters_n; i++)
		rc = plan_filter(s, i);
	if (rc == 0)
		rc = ledger_prepare(s->l, SLICE("SELECT value FROM rollup_words WHERE dim=? AND id=?"),
		                    &s->word, s->a->e);
	return rc;
}

/* --- the answer ------------------------------------------------------------------------------ */

static int64_t known(const struct rollup_sums *s, int m, int64_t otherwise)
{
	return s->known >> m & 1 ? s->v[m] : otherwise;
}

static void measures_of(const struct rollup_group *g, struct ledger_measures *m)
{
	const struct rollup_sums *s = &g->sums;
	ledger_measures_none(m);
	m->calls = s->v[RM_CALLS];
	m->refused = s->v[RM_REFUSED];
	m->sessions = g->sessions;
	m->active_days = g->active_days;
	int64_t ms = known(s, RM_RUNTIME_MS, RECORD_ABSENT);
	m->runtime_s = ms == RECORD_ABSENT ? RECORD_ABSENT : ms / 1000 + (ms % 1000 >= 500);
	m->retries = s->v[RM_RETRIES];
	m->tool_calls = known(s, RM_TOOL_CALLS, RECORD_ABSENT);
	m->unpriced = s->v[RM_UNPRICED] + s->v[RM_UNPRICED_SUBSCRIPTION];
	m->context_tokens = known(s, RM_CONTEXT, TOKENS_ABSENT);
	m->credits_nano = known(s, RM_CREDITS, RECORD_ABSENT);
	m->cost_nanousd = known(s, RM_COST, s->v[RM_UNPRICED] ? RECORD_ABSENT : 0);
	m->subscription_nanousd =
	    known(s, RM_SUBSCRIPTION, s->v[RM_UNPRICED_SUBSCRIPTION] ? RECORD_ABSENT : 0);
	for (int i = 0; i < METER_N; i++)
		m->meters[i] = known(s, RM_METER + i, TOKENS_ABSENT);
	for (int i = 0; i < COST_N; i++)
		m->cost_part[i] = known(s, RM_COST_PART + i, m->cost_nanousd == 0 ? 0 : RECORD_ABSENT);
}

static int read_text(struct sums *s, struct sums_by *b, uint32_t id)
{
	if (id < b->texts_n && b->texts[id].read)
		return 0;
	if (id == 0)
		return sums_set_text(s, b, 0, (struct value){VALUE_NULL, SLICE_NONE, 0});
	sqlite3_bind_int64(s->word, 1, (int64_t)b->dim);
	sqlite3_bind_int64(s->word, 2, id);
	int code = sqlite3_step(s->word), rc = 0;
	if (code == SQLITE_ROW)
		rc = sums_set_text(s, b, id, ledger_column_value(s->word, 0));
	else
		rc = code == SQLITE_DONE ? sums_give_up(s) : ledger_fault(s->l, code, "report", s->a->e);
	sqlite3_reset(s->word);
	return rc;
}

static int compare_values(struct value x, struct value y)
{
	int kx = x.kind == VALUE_NULL ? 0 : x.kind == VALUE_INT ? 1 : 2;
	int ky = y.kind == VALUE_NULL ? 0 : y.kind == VALUE_INT ? 1 : 2;
	if (kx != ky || kx == 0)
		return kx - ky;
	if (kx == 1)
		return (x.number > y.number) - (x.number < y.number);
	size_t n = x.text.n < y.text.n ? x.text.n : y.text.n;
	int c = n ? memcmp(x.text.p, y.text.p, n) : 0;
	return c ? c : (x.text.n > y.text.n) - (x.text.n < y.text.n);
}

static int descending(int64_t a, int64_t b)
{
	return (a < b) - (a > b);
}

/* As SQL orders them: by bucket, money spent, value of subscriptions, rows; then by name. */
static int by_money(const void *a, const void *b, void *arg)
{
	const struct sums *s = arg;
	const struct rollup_group *x = &s->groups.groups[*(const uint32_t *)a];
	const struct rollup_group *y = &s->groups.groups[*(const uint32_t *)b];
	int c = descending(y->bucket_ms, x->bucket_ms);
	if (c == 0)
		c = descending(x->sums.v[RM_COST], y->sums.v[RM_COST]);
	if (c == 0)
		c = descending(x->sums.v[RM_SUBSCRIPTION], y->sums.v[RM_SUBSCRIPTION]);
	if (c == 0)
		c = descending(x->sums.v[RM_ROWS], y->sums.v[RM_ROWS]);
	for (size_t k = 0; c == 0 && k < s->q->by_n; k++)
		c = compare_values(s->by[k].texts[x->key[k]].v, s->by[k].texts[y->key[k]].v);
	return c;
}

static slice key_text(struct sums *s, struct value v)
{
	if (v.kind == VALUE_TEXT)
		return v.text;
	return v.kind == VALUE_INT ? arena_printf(&s->texts, "%lld", (long long)v.number) : SLICE_NONE;
}

static int give_group(struct sums *s, const struct rollup_group *g,
                      int (*on_group)(void *arg, const struct ledger_group *g), void *arg)
{
	char label[ZONE_LABEL_MAX];
	struct ledger_group out = {.bucket_ms = g->bucket_ms};
	measures_of(g, &out.m);
	if (!out.m.calls && !out.m.refused && !out.m.cost_nanousd && !out.m.subscription_nanousd)
		return 0;
	if (s->q->per)
		out.bucket = slice_make(label, zone_label(s->a->zone, s->a->unit, g->bucket_ms, label));
	for (size_t k = 0; k < s->q->by_n; k++)
		out.key[k] = key_text(s, s->by[k].texts[g->key[k]].v);
	return on_group(arg, &out);
}

static int give_total(struct sums *s, struct ledger_measures *total)
{
	struct rollup_group sum = {0};
	for (size_t i = 1; i < s->groups.n; i++)
		if (!rollup_sums_add(&sum.sums, &s->groups.groups[i].sums))
			return sums_give_up(s);
	if (s->groups.n) {
		sum.sessions = s->groups.groups[0].sessions;
		sum.active_days = s->groups.groups[0].active_days;
	}
	measures_of(&sum, total);
	return 0;
}

static int give(struct sums *s, int (*on_group)(void *arg, const struct ledger_group *g), void *arg,
                struct ledger_measures *total)
{
	size_t n = s->groups.n ? s->groups.n - 1 : 0;
	uint32_t *order = malloc((n + 1) * sizeof *order);
	int rc = order ? 0 : sums_no_memory(s);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		order[i] = (uint32_t)i + 1;
		for (size_t k = 0; rc == 0 && k < s->q->by_n; k++)
			rc = read_text(s, &s->by[k], s->groups.groups[i + 1].key[k]);
	}
	if (rc == 0 && total)
		rc = give_total(s, total);
	if (rc == 0)
		qsort_r(order, n, sizeof *order, by_money, s);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = give_group(s, &s->groups.groups[order[i]], on_group, arg);
	free(order);
	return rc;
}

void sums_release(struct sums *s)
{
	uint32_t *const arrays[] = {s->group,   s->first,   s->last,       s->count,     s->user,
	                            s->session, s->scratch, s->cell_group, s->cell_time, s->cell_calls};
	for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
		free(arrays[i]);
	for (size_t k = 0; k < LEDGER_BY_MAX; k++) {
		free(s->key[k]);
		free(s->by[k].of);
		free(s->by[k].texts);
		map_release(&s->by[k].values);
	}
	for (size_t i = 0; i < LEDGER_FILTERS_MAX; i++)
		free(s->pick[i].pass);
	sqlite3_finalize(s->column);
	sqlite3_finalize(s->word);
	rollup_words_release(&s->words);
	rollup_groups_release(&s->groups);
	map_release(&s->fresh);
	arena_release(&s->texts);
	free(s);
}

struct sums *sums_new(struct asking *a)
{
	struct sums *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->a = a;
	s->l = a->l;
	s->q = a->q;
	s->zone_from = s->bucket_from = INT64_MAX;
	arena_init(&s->texts, TEXTS_MAX);
	rollup_words_init(&s->words);
	map_init(&s->fresh, SUMS_TAIL_MOST * ROLLUP_BY_MAX, 0);
	rollup_groups_init(&s->groups, a->q->by_n);
	return s;
}

int ledger_sqlite_rollup_report(struct asking *a, int (*on_group)(void *arg, const struct ledger_group *g),
                                void *arg, struct ledger_measures *total)
{
	struct sums *s = sums_new(a);
	if (s == NULL)
		return error_set(a->e, ERR_NOMEM, "out of memory");
	int rc = plan(s);
	if (rc == 0)
		rc = sums_days(s);
	if (rc == 0 && s->groups.rc == 0)
		rc = sums_rows(s);
	if (rc == 0 && s->groups.rc)
		rc = s->groups.rc == ERR_NOMEM ? sums_no_memory(s) : sums_give_up(s);
	if (rc == 0)
		rc = give(s, on_group, arg, total);
	if (s->cannot)
		rc = ROLLUP_CANNOT;
	a->l->by_rollup = rc != ROLLUP_CANNOT;
	sums_release(s);
	return rc;
}
