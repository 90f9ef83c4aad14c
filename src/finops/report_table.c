/* The answer for people: an aligned table with totals and bars. */
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "finops/report.h"
#include "finops/report_cell.h"

#define ROWS_MAX_BYTES  ((size_t)64 << 20)
#define COLUMNS_MAX     (1 + LEDGER_BY_MAX + REPORT_MEASURES_MAX)
#define BAR_WIDTH       24
#define BAR_LEAST       6
#define DIMENSION_LEAST 8  /* a column of texts is not made narrower for want of room */
#define DIMENSION_KEPT  18 /* nor narrower than this as long as a lesser column of figures can go */

struct row {
	struct row *next;
	struct ledger_group g; /* texts in the arena */
};

struct table {
	const struct report *r;
	const struct report_style *style; /* r's */
	struct arena mem;
	struct row *first, **last;
	size_t rows, shown, in_bucket;
	int64_t bucket_ms;
	struct ledger_measures total;
	size_t columns_n;
	struct table_column {
		const struct measure *measure; /* NULL: bucket or dimension */
		int dimension;                 /* -1: the bucket */
		slice head;
		size_t width;
	} columns[COLUMNS_MAX];
	const struct measure *bar; /* what bars show; NULL: no bars */
	size_t bar_width;
	int64_t most; /* the longest bar's */
	struct buf *out;
	int rc;
};

/* --- collecting ------------------------------------------------------------------------------ */

static int keep_row(void *arg, const struct ledger_group *g)
{
	struct table *t = arg;
	t->in_bucket = t->rows && g->bucket_ms == t->bucket_ms ? t->in_bucket + 1 : 1;
	t->bucket_ms = g->bucket_ms;
	t->rows++;
	if (t->style->top && t->in_bucket > t->style->top)
		return 0;
	struct row *row = arena_alloc(&t->mem, sizeof *row);
	if (row == NULL)
		return ERR_FULL;
	row->next = NULL;
	row->g = *g;
	row->g.bucket = arena_copy(&t->mem, g->bucket);
	for (size_t i = 0; i < t->r->q.by_n; i++)
		if (g->key[i].p && (row->g.key[i] = arena_copy(&t->mem, g->key[i])).p == NULL)
			return ERR_FULL;
	*t->last = row;
	t->last = &row->next;
	t->shown++;
	return 0;
}

/* --- columns --------------------------------------------------------------------------------- */

static const struct measure *measure_named(const char *name)
{
	const struct measure *m;
	for (size_t i = 0; (m = report_measure_at(i)) != NULL; i++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

static void add_measure(struct table *t, const struct measure *m)
{
	if (m && t->columns_n < COLUMNS_MAX)
		t->columns[t->columns_n++] = (struct table_column){.measure = m, .head = slice_of(m->head)};
}

/* What most people look for; columns in which nothing stands are left out. */
static void add_usual_measures(struct table *t)
{
	static const struct {
		const char *name;
		bool always;
	} usual[] = {{"calls", true},          {"refused", false},
	             {"unpriced", false},      {"sessions", false},
	             {"context_tokens", true}, {"cache_hit_ratio", true},
	             {"output_tokens", true},  {"subscription_nanousd", false},
	             {"cost_nanousd", true}};
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
		const struct measure *m = measure_named(usual[i].name);
		if (usual[i].always || report_measure(m, &t->total) != 0)
			add_measure(t, m);
	}
}

static void choose_columns(struct table *t)
{
	const struct report *r = t->r;
	static const char *const pers[] = {"", "hour", "day", "week", "month"};
	if (r->q.per)
		t->columns[t->columns_n++] =
		    (struct table_column){.dimension = -1, .head = slice_of(pers[r->q.per])};
	for (size_t i = 0; i < r->q.by_n; i++)
		t->columns[t->columns_n++] = (struct table_column){.dimension = (int)i, .head = r->q.by[i]};
	if (!r->measures_given)
		add_usual_measures(t);
	for (size_t i = 0; r->measures_given && i < r->measures_n; i++)
		add_measure(t, report_measure_at(r->measures[i]));
	/* Bars show money where there is some: spent, else of value; else the first figure. */
	for (size_t i = t->columns_n; i-- > 0;) {
		const struct measure *m = t->columns[i].measure;
		if (m && m->kind != MEASURE_RATIO &&
		    (t->bar == NULL || t->bar->kind != MEASURE_MONEY ||
		     report_measure(t->bar, &t->total) <= 0))
			t->bar = m;
	}
	if (t->shown < 2)
		t->bar = NULL; /* nothing to compare */
}

static void make_cell(const struct table *t, const struct table_column *c, const struct ledger_group *g,
                      struct cell *cell)
{
	if (c->measure)
		cell_measure(cell, c->measure, report_measure(c->measure, &g->m));
	else
		cell_text(cell, c->dimension < 0 ? g->bucket : g->key[c->dimension]);
	if (!c->measure && c->width)
		cell_cut(cell, c->width, t->style->utf8);
}

static void measure_widths(struct table *t)
{
	struct cell cell;
	struct ledger_group total = {.m = t->total};
	for (size_t i = 0; i < t->columns_n; i++) {
		struct table_column *c = &t->columns[i];
		size_t widest = c->head.n;
		c->width = 0; /* cells are made whole */
		for (const struct row *row = t->first; row; row = row->next) {
			make_cell(t, c, &row->g, &cell);
			widest = cell.width > widest ? cell.width : widest;
		}
		if (c->measure) {
			make_cell(t, c, &total, &cell);
			widest = cell.width > widest ? cell.width : widest;
		} else if (i == 0 && widest < 5) {
			widest = 5; /* "total" */
		}
		c->width = widest;
	}
	for (const struct row *row = t->first; t->bar && row; row = row->next) {
		int64_t v = report_measure(t->bar, &row->g.m);
		t->most = v > t->most ? v : t->most;
	}
}

static size_t table_width(const struct table *t)
{
	size_t width = 0;
	for (size_t i = 0; i < t->columns_n; i++)
		width += t->columns[i].width + (i ? 2 : 0);
	return width;
}

static void drop_column(struct table *t, const struct measure *m)
{
	size_t at = 0;
	while (at < t->columns_n && t->columns[at].measure != m)
		at++;
	if (m == NULL || at == t->columns_n)
		return;
	t->columns_n--;
	memmove(&t->columns[at], &t->columns[at + 1], (t->columns_n - at) * sizeof t->columns[0]);
}

/* Figures that nobody asked for go before names become unreadable. */
static void drop_lesser(struct table *t, size_t most)
{
	static const char *const lesser[] = {"sessions", "cache_hit_ratio", "output_tokens",
	                                     "context_tokens"};
	for (size_t k = 0; k < sizeof lesser / sizeof lesser[0] && !t->r->measures_given; k++) {
		size_t least = table_width(t);
		for (size_t i = 0; i < t->columns_n; i++)
			if (!t->columns[i].measure && t->columns[i].dimension >= 0 &&
			    t->columns[i].width > DIMENSION_KEPT)
				least -= t->columns[i].width - DIMENSION_KEPT;
		if (least <= most)
			return;
		drop_column(t, measure_named(lesser[k]));
	}
}

/* Into the terminal: lesser figures go, texts give way, the longest first, then the bars. */
static void fit_width(struct table *t)
{
	size_t most = t->style->width > 0 ? (size_t)t->style->width : SIZE_MAX;
	drop_lesser(t, most);
	while (table_width(t) > most) {
		struct table_column *widest = NULL;
		for (size_t i = 0; i < t->columns_n; i++)
			if (!t->columns[i].measure && t->columns[i].dimension >= 0 &&
			    t->columns[i].width > DIMENSION_LEAST &&
			    (widest == NULL || t->columns[i].width > widest->width))
				widest = &t->columns[i];
		if (widest == NULL)
			break;
		widest->width--;
	}
	size_t used = table_width(t) + 2;
	size_t room = used < most ? most - used : 0;
	t->bar_width = room < BAR_WIDTH ? room : BAR_WIDTH;
	if (t->bar_width < BAR_LEAST || t->most <= 0)
		t->bar = NULL;
}

/* --- writing --------------------------------------------------------------------------------- */

static void put(struct table *t, slice s)
{
	if (t->rc == 0)
		t->rc = buf_append(t->out, s);
}

static void put_colour(struct table *t, const char *code)
{
	if (t->style->colour)
		put(t, slice_of(code));
}

static void put_spaces(struct table *t, size_t n)
{
	static const char spaces[] = "                                ";
	for (; n > 0; n -= n < sizeof spaces - 1 ? n : sizeof spaces - 1)
		put(t, (slice){spaces, n < sizeof spaces - 1 ? n : sizeof spaces - 1});
}

/* Texts to the left, figures to the right; no blanks at a line's end. */
static void put_cell(struct table *t, size_t i, slice text, size_t width)
{
	const struct table_column *c = &t->columns[i];
	size_t pad = c->width > width ? c->width - width : 0;
	if (i)
		put_spaces(t, 2);
	if (c->measure)
		put_spaces(t, pad);
	put(t, text);
	if (!c->measure && (i + 1 < t->columns_n))
		put_spaces(t, pad);
}

static void put_rule(struct table *t)
{
	for (size_t i = 0; i < t->columns_n; i++) {
		if (i)
			put_spaces(t, 2);
		for (size_t k = 0; k < t->columns[i].width; k++)
			put(t, t->style->utf8 ? SLICE("\xe2\x94\x80") : SLICE("-"));
	}
	put(t, SLICE("\n"));
}

static void put_heads(struct table *t)
{
	put_colour(t, "\033[1m");
	for (size_t i = 0; i < t->columns_n; i++) {
		struct cell cell;
		cell_text(&cell, t->columns[i].head);
		cell_cut(&cell, t->columns[i].width, t->style->utf8);
		put_cell(t, i, (slice){cell.s, cell.n}, cell.width);
	}
	put_colour(t, "\033[0m");
	put(t, SLICE("\n"));
	put_rule(t);
}

static void put_row(struct table *t, const struct row *row, bool new_bucket)
{
	struct cell cell;
	for (size_t i = 0; i < t->columns_n; i++) {
		make_cell(t, &t->columns[i], &row->g, &cell);
		bool again = t->columns[i].measure == NULL && t->columns[i].dimension < 0 && !new_bucket;
		put_cell(t, i, again ? SLICE("") : (slice){cell.s, cell.n}, again ? 0 : cell.width);
	}
	if (t->bar) {
		cell_bar(&cell, report_measure(t->bar, &row->g.m), t->most, t->bar_width, t->style->utf8);
		if (cell.n) {
			put_spaces(t, 2);
			put_colour(t, "\033[36m");
			put(t, (slice){cell.s, cell.n});
			put_colour(t, "\033[0m");
		}
	}
	put(t, SLICE("\n"));
}

static void put_total(struct table *t)
{
	struct cell cell;
	put_rule(t);
	put_colour(t, "\033[1m");
	for (size_t i = 0; i < t->columns_n; i++) {
		const struct table_column *c = &t->columns[i];
		if (c->measure)
			cell_measure(&cell, c->measure, report_measure(c->measure, &t->total));
		else
			cell_text(&cell, i == 0 ? SLICE("total") : SLICE(""));
		put_cell(t, i, (slice){cell.s, cell.n}, cell.width);
	}
	put_colour(t, "\033[0m");
	put(t, SLICE("\n"));
}

/* "2026-10-23", with the time of day when it is not midnight. */
static void put_instant(struct table *t, int64_t ms)
{
	char label[ZONE_LABEL_MAX], text[ZONE_LABEL_MAX + 8];
	int64_t from, to;
	zone_span(t->r->zone, ZONE_DAY, ms, &from, &to);
	zone_label(t->r->zone, ZONE_DAY, from, label);
	int64_t local = ms / 1000 + zone_offset(t->r->zone, ms / 1000);
	int minutes = (int)(local / 60 % 1440);
	if (ms == from)
		snprintf(text, sizeof text, "%s", label);
	else
		snprintf(text, sizeof text, "%s %02d:%02d", label, minutes / 60, minutes % 60);
	put(t, slice_of(text));
}

static void put_title(struct table *t)
{
	const struct ledger_query *q = &t->r->q;
	put(t, SLICE("Spend"));
	for (size_t i = 0; i < q->by_n; i++) {
		put(t, i == 0 ? SLICE(" by ") : i + 1 < q->by_n ? SLICE(", ") : SLICE(" and "));
		put(t, q->by[i]);
	}
	put(t, SLICE(", "));
	put_instant(t, q->since_ms);
	put(t, SLICE(" to "));
	if (t->r->until_given)
		put_instant(t, q->until_ms);
	else
		put(t, SLICE("now"));
	put(t, SLICE(" ("));
	put(t, q->timezone.n ? q->timezone : SLICE("UTC"));
	put(t, SLICE(")"));
	for (size_t i = 0; i < q->filters_n; i++) {
		struct cell cell;
		put(t, i ? SLICE(", ") : SLICE(", where "));
		put(t, q->filters[i].column);
		put(t, q->filters[i].value.n ? SLICE("=") : SLICE(" "));
		cell_text(&cell, q->filters[i].value.n ? q->filters[i].value : SLICE("unknown"));
		put(t, (slice){cell.s, cell.n});
	}
	put(t, SLICE("\n"));
}

__attribute__((format(printf, 2, 3))) static void put_note(struct table *t, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	put(t, (slice){text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1});
}

static bool shows(const struct table *t, const char *measure)
{
	for (size_t i = 0; i < t->columns_n; i++)
		if (t->columns[i].measure == measure_named(measure))
			return true;
	return false;
}

static void put_notes(struct table *t)
{
	size_t hidden = t->rows - t->shown;
	if (hidden)
		put_note(t, "\n%zu more row%s not shown, but counted in the total: --top 0 shows all.\n",
		         hidden, hidden == 1 ? " is" : "s are");
	if (t->total.unpriced > 0 && shows(t, "cost_nanousd"))
		put_note(t,
		         "\nThe cost of %lld call%s is not known and not in the total: `weir price check` "
		         "names the models.\n",
		         (long long)t->total.unpriced, t->total.unpriced == 1 ? "" : "s");
	if (t->total.subscription_nanousd > 0 && shows(t, "subscription_nanousd"))
		put_note(t, "\nPlan value: what calls on a subscription would cost at list price. It was not "
		            "spent, and is not "
		            "in the cost.\n");
}

int report_table(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                 size_t *rows, struct error *e)
{
	struct table t = {.r = r, .style = &r->style, .out = out};
	t.last = &t.first;
	arena_init(&t.mem, ROWS_MAX_BYTES);
	int rc = l ? ops->report(l, &r->q, keep_row, &t, &t.total, e) : 0;
	if (rc == 0) {
		put_title(&t);
		if (t.rows) {
			choose_columns(&t);
			measure_widths(&t);
			fit_width(&t);
			put(&t, SLICE("\n"));
			put_heads(&t);
			int64_t bucket = 0;
			for (const struct row *row = t.first; row; row = row->next) {
				put_row(&t, row, row == t.first || row->g.bucket_ms != bucket);
				bucket = row->g.bucket_ms;
			}
			put_total(&t);
			put_notes(&t);
		} else {
			put(&t, SLICE("\nNo calls.\n"));
		}
		rc = t.rc;
	}
	if (rows)
		*rows = t.rows;
	arena_release(&t.mem);
	if (rc == ERR_FULL)
		return error_set(
		    e, rc, "the report is too large: name fewer dimensions, a shorter window or a filter");
	return rc;
}
