/* Named reports of how figures are spread: context sizes, what a session, a task and a call costs, and how
 * far runs of the same work lie apart. */
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/num.h"
#include "finops/report_view.h"
#include "store/columns.h"

#define TOP         50
#define VALUES_MOST ((size_t)2 << 20) /* of calls that are kept; of more, each has the same chance to be */
#define SERIES_MOST 1000
#define LARGE       100000 /* tokens of a context */

/* Values in a growing array; beyond VALUES_MOST a sample of them. */
struct values {
	int64_t *at; /* owned, by malloc */
	size_t n, cap, seen, large;
	uint64_t seed;
	int64_t most;
};

static bool add_value(struct values *s, int64_t v)
{
	s->seen++;
	s->large += v >= LARGE;
	s->most = s->seen == 1 || v > s->most ? v : s->most;
	if (s->n == VALUES_MOST) { /* algorithm R */
		s->seed = s->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		size_t to = (size_t)((s->seed >> 20) % s->seen);
		if (to < s->n)
			s->at[to] = v;
		return true;
	}
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 256;
		int64_t *more = realloc(s->at, cap * sizeof *more);
		if (more == NULL)
			return false;
		s->at = more;
		s->cap = cap;
	}
	s->at[s->n++] = v;
	return true;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* The nearest rank; the values are in order. */
static int64_t percentile(const struct values *s, unsigned percent)
{
	size_t rank = (s->n * percent + 99) / 100;
	return s->n ? s->at[rank ? rank - 1 : 0] : RECORD_ABSENT;
}

static int64_t mean(const struct values *s)
{
	__int128 sum = 0;
	for (size_t i = 0; i < s->n; i++)
		sum += s->at[i];
	return s->n ? (int64_t)(sum / (__int128)s->n) : RECORD_ABSENT;
}

/* The deviation over the mean, in a ratio's units. */
static int64_t spread(const struct values *s)
{
	double sum = 0, middle = (double)mean(s);
	for (size_t i = 0; i < s->n; i++)
		sum += ((double)s->at[i] - middle) * ((double)s->at[i] - middle);
	return s->n > 1 && middle > 0 ? (int64_t)(sqrt(sum / (double)(s->n - 1)) / middle * 10000)
	                              : RECORD_ABSENT;
}

static void spread_columns(struct sheet *s, int kind)
{
	sheet_column(s, "mean", "mean", kind);
	sheet_column(s, "p50", "p50", kind);
	sheet_column(s, "p90", "p90", kind);
	sheet_column(s, "p95", "p95", kind);
	sheet_column(s, "p99", "p99", kind);
	sheet_column(s, "max", "most", kind);
}

/* Sorts the values. */
static void put_spread(struct sheet_row *row, size_t at, struct values *v)
{
	static const unsigned percents[] = {50, 90, 95, 99};
	if (v->n)
		qsort(v->at, v->n, sizeof *v->at, by_value);
	sheet_value(row, at, mean(v));
	for (size_t i = 0; i < 4; i++)
		sheet_value(row, at + 1 + i, percentile(v, percents[i]));
	sheet_value(row, at + 5, v->n ? v->most : RECORD_ABSENT);
}

/* --- context sizes --------------------------------------------------------------------------- */

struct sizes {
	struct view *v;
	slice by[2];
	size_t by_n;
	struct map at;
	struct size {
		slice key[2]; /* in the document's arena */
		struct values values;
	} list[SERIES_MOST];
	size_t n, unkept;
	struct values all;
};

static slice value_in(const struct record *r, slice name)
{
	if (slice_eq(name, SLICE(COLUMN_MODEL)))
		return r->text[TEXT_MODEL_SERVED].n ? r->text[TEXT_MODEL_SERVED]
		                                    : r->text[TEXT_MODEL_REQUESTED];
	const struct column *c = column_find(name);
	struct value v = c ? column_get(c, r) : (struct value){VALUE_NULL, SLICE_NONE, 0};
	return v.kind == VALUE_TEXT ? v.text : SLICE_NONE;
}

static int on_size(void *arg, const struct record *r)
{
	struct sizes *s = arg;
	struct arena *mem = &s->v->d->mem;
	char key[1024];
	slice of[2] = {SLICE_NONE, SLICE_NONE};
	size_t n = 0;
	if (r->context_tokens == RECORD_ABSENT || r->ending == ENDING_REFUSED)
		return 0;
	for (size_t i = 0; i < s->by_n; i++) {
		of[i] = slice_sub(value_in(r, s->by[i]), 0, 500);
		if (of[i].n)
			memcpy(key + n, of[i].p, of[i].n);
		n += of[i].n;
		key[n++] = '\x1f';
	}
	struct size *z = map_get(&s->at, slice_make(key, n));
	if (z == NULL && s->n < SERIES_MOST) {
		z = &s->list[s->n];
		slice kept = arena_copy(mem, slice_make(key, n));
		if (kept.p == NULL || map_put(&s->at, kept, z, NULL) != 0)
			return ERR_FULL;
		for (size_t i = 0; i < s->by_n; i++)
			z->key[i] = of[i].n ? arena_copy(mem, of[i]) : SLICE_NONE;
		s->n++;
	}
	s->unkept += z == NULL;
	return (z == NULL || add_value(&z->values, r->context_tokens)) &&
	               add_value(&s->all, r->context_tokens)
	           ? 0
	           : ERR_NOMEM;
}

static int by_calls(const void *a, const void *b)
{
	const struct size *x = a, *y = b;
	return x->values.seen > y->values.seen ? -1 : x->values.seen < y->values.seen;
}

static void put_sizes(struct sizes *k, struct sheet *s)
{
	struct view *v = k->v;
	view_dimensions(v, s, k->by, k->by_n);
	sheet_column(s, "calls", "calls", MEASURE_COUNT);
	spread_columns(s, MEASURE_TOKENS);
	sheet_column(s, "large_share", "above 100k", MEASURE_RATIO);
	s->bar = (int)k->by_n + 3;
	qsort(k->list, k->n, sizeof k->list[0], by_calls);
	for (size_t i = 0; i <= k->n && k->n; i++) {
		struct values *values = i < k->n ? &k->list[i].values : &k->all;
		if (i >= view_top(v, TOP) && i < k->n)
			continue;
		struct sheet_row *row = sheet_row(v->d, s, i == k->n);
		for (size_t c = 0; i < k->n && c < k->by_n; c++)
			sheet_text(v->d, row, c, k->list[i].key[c]);
		sheet_value(row, k->by_n, (int64_t)values->seen);
		put_spread(row, k->by_n + 1, values);
		sheet_value(row, k->by_n + 7, view_share((int64_t)values->large, (int64_t)values->seen));
	}
	s->hidden = k->n - s->rows_n;
	if (k->all.seen > VALUES_MOST)
		doc_note(v->d, "Percentiles are of a sample of %zu calls.", VALUES_MOST);
}

/* Dimensions of rows: columns alone, at most two. */
static int row_dimensions(struct view *v, struct sizes *k)
{
	k->by[0] = SLICE("agent");
	k->by[1] = SLICE("model");
	k->by_n = v->r->by_given ? v->r->q.by_n : 2;
	for (size_t i = 0; v->r->by_given && i < v->r->q.by_n && i < 2; i++)
		k->by[i] = v->r->q.by[i];
	bool good = k->by_n <= 2;
	for (size_t i = 0; good && i < k->by_n; i++)
		good = slice_eq(k->by[i], SLICE(COLUMN_MODEL)) ||
		       (column_find(k->by[i]) && column_is_text(column_find(k->by[i])));
	return good
	           ? 0
	           : error_set(
	                 v->e, ERR_INVALID,
	                 "this view is by at most two fields of the ledger that are texts, like agent,model");
}

int view_context(struct view *v)
{
	struct sizes *k = calloc(1, sizeof *k);
	struct ledger_query q = view_query(v);
	if (k == NULL)
		return error_set(v->e, ERR_NOMEM, "out of memory");
	k->v = v;
	map_init(&k->at, SERIES_MOST, (uint64_t)v->r->now_ms);
	int rc = row_dimensions(v, k);
	static const char *const always[] = {"context_tokens", "ending", "model_served", "model_requested"};
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		q.only[q.only_n++] = always[i];
	for (size_t i = 0; i < k->by_n && rc == 0; i++)
		if (column_find(k->by[i]))
			q.only[q.only_n++] = column_find(k->by[i])->name;
	q.any_order = true;
	q.limit = 0;
	if (rc == 0 && v->l)
		rc = v->ops->rows(v->l, &q, on_size, k, v->e);
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "context", "") : NULL;
	if (s)
		put_sizes(k, s);
	if (k->unkept)
		doc_note(v->d, "%zu calls of further values are in the total alone.", k->unkept);
	for (size_t i = 0; i < k->n; i++)
		free(k->list[i].values.at);
	free(k->all.at);
	map_release(&k->at);
	free(k);
	return rc && v->e->text[0] == '\0' ? error_set(v->e, rc, "out of memory") : rc;
}

/* --- what a session, a task, a call costs ---------------------------------------------------- */

static int on_cost(void *arg, const struct record *r)
{
	struct values *values = arg;
	bool call = r->ending != ENDING_REFUSED && r->priced && r->billing == BILLING_METERED &&
	            !slice_eq(r->text[TEXT_SOURCE], SLICE("correction"));
	return !call || add_value(values, r->cost.total) ? 0 : ERR_NOMEM;
}

static int on_plan_value(void *arg, const struct record *r)
{
	struct values *values = arg;
	bool call = r->ending != ENDING_REFUSED && r->billing == BILLING_SUBSCRIPTION &&
	            !slice_eq(r->text[TEXT_SOURCE], SLICE("correction"));
	int64_t value = r->list_cost_nanousd != RECORD_ABSENT ? r->list_cost_nanousd
	                : r->priced                           ? r->cost.total
	                                                      : RECORD_ABSENT;
	return !call || value == RECORD_ABSENT || add_value(values, value) ? 0 : ERR_NOMEM;
}

static int calls_cost(struct view *v, struct values *out)
{
	static const char *const only[] = {"cost_nanousd", "list_cost_nanousd", "billing", "ending",
	                                   "source"};
	struct ledger_query q = view_query(v);
	for (size_t i = 0; i < sizeof only / sizeof *only; i++)
		q.only[q.only_n++] = only[i];
	q.any_order = true;
	q.limit = 0;
	return v->l ? v->ops->rows(v->l, &q, v->plan ? on_plan_value : on_cost, out, v->e) : 0;
}

/* What each value of a dimension that is known costs. */
static int groups_cost(struct view *v, const char *dimension, struct values *out)
{
	struct ledger_query q = view_query(v);
	struct groups all;
	view_by(&q, dimension);
	int rc = view_ask(v, &q, &all);
	for (size_t i = 0; rc == 0 && i < all.n; i++) {
		int64_t cost = view_money(v, &all.at[i].m);
		if (all.at[i].key[0].p && all.at[i].m.calls && cost != RECORD_ABSENT && !add_value(out, cost))
			rc = error_set(v->e, ERR_NOMEM, "out of memory");
	}
	return rc;
}

struct run {
	slice work;
	int64_t cost;
};

static int by_work(const void *a, const void *b)
{
	const struct run *x = a, *y = b;
	return slice_cmp(x->work, y->work);
}

/* Sessions of the same work, as runs of it: how far they lie apart. */
static int put_runs(struct view *v, const char *work, const char *title)
{
	struct ledger_query q = view_query(v);
	struct groups all;
	size_t n = 0, shown = 0;
	view_by(&q, work);
	view_by(&q, "session");
	int rc = view_ask(v, &q, &all);
	struct run *runs = rc == 0 ? arena_alloc(&v->d->mem, (all.n + 1) * sizeof *runs) : NULL;
	for (size_t i = 0; runs && i < all.n; i++)
		if (all.at[i].key[0].p && all.at[i].key[1].p && view_money(v, &all.at[i].m) != RECORD_ABSENT)
			runs[n++] = (struct run){all.at[i].key[0], view_money(v, &all.at[i].m)};
	if (n == 0)
		return rc;
	qsort(runs, n, sizeof *runs, by_work);
	struct sheet *s = NULL;
	for (size_t i = 0, end; i < n; i = end) {
		struct values values = {.n = 0};
		for (end = i; end < n && slice_eq(runs[end].work, runs[i].work); end++)
			if (!add_value(&values, runs[end].cost))
				rc = ERR_NOMEM;
		if (values.n >= 3 && s == NULL && (s = doc_sheet(v->d, work, title)) != NULL) {
			sheet_column(s, work, work, SHEET_TEXT);
			sheet_column(s, "runs", "runs", MEASURE_COUNT);
			spread_columns(s, MEASURE_MONEY);
			sheet_column(s, "spread", "spread", MEASURE_RATIO);
			s->bar = 8;
		}
		if (s && values.n >= 3 && shown++ < view_top(v, TOP)) {
			struct sheet_row *row = sheet_row(v->d, s, false);
			sheet_text(v->d, row, 0, runs[i].work);
			sheet_value(row, 1, (int64_t)values.n);
			put_spread(row, 2, &values);
			sheet_value(row, 8, spread(&values));
		}
		free(values.at);
	}
	return rc;
}

int view_distribution(struct view *v)
{
	static const char *const names[] = {"session", "task", "call"};
	struct sheet *s = doc_sheet(v->d, "distribution", "");
	int rc = s ? 0 : ERR_FULL;
	sheet_column(s, "of", "of a", SHEET_TEXT);
	sheet_column(s, "n", "how many", MEASURE_COUNT);
	spread_columns(s, MEASURE_MONEY);
	for (size_t i = 0; rc == 0 && i < 3; i++) {
		struct values values = {.seed = (uint64_t)v->r->now_ms};
		rc = i < 2 ? groups_cost(v, names[i], &values) : calls_cost(v, &values);
		struct sheet_row *row = rc == 0 && values.n ? sheet_row(v->d, s, false) : NULL;
		sheet_text(v->d, row, 0, slice_of(names[i]));
		sheet_value(row, 1, (int64_t)values.seen);
		if (row)
			put_spread(row, 2, &values);
		if (values.seen > VALUES_MOST)
			doc_note(v->d, "Percentiles of calls are of a sample of %zu.", VALUES_MOST);
		free(values.at);
	}
	if (rc == 0)
		rc = put_runs(v, "workflow", "Runs of the same workflow (a session each)");
	if (rc == 0)
		rc = put_runs(v, "task", "Runs of the same task (a session each)");
	doc_note(v->d,
	         "Spread: the deviation of runs over their mean. Named tasks and sessions alone are told.");
	return rc && v->e->text[0] == '\0' ? error_set(v->e, rc, "out of memory") : rc;
}
