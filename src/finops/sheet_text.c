/* Documents for people who read text: a terminal, and Markdown. */
#include <stdio.h>

#include "finops/sheet.h"

#define BAR_MOST   24
#define BAR_LEAST  6
#define TEXT_LEAST 8 /* a column of texts is not made narrower for want of room */

struct writing {
	const struct report_style *style;
	struct buf *out;
	int rc;
};

static void put(struct writing *w, slice s)
{
	if (w->rc == 0)
		w->rc = buf_append(w->out, s);
}

static void put_times(struct writing *w, slice what, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(w, what);
}

static void colour(struct writing *w, const char *code)
{
	if (w->style->colour)
		put(w, slice_of(code));
}

static void put_cell(struct writing *w, const struct cell *c)
{
	put(w, (slice){c->s, c->n});
}

/* --- a terminal ------------------------------------------------------------------------------ */

struct layout {
	size_t width[SHEET_COLUMNS], bar_width;
	int64_t most;
};

static size_t sum_of(const struct layout *l, size_t n)
{
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += l->width[i] ? l->width[i] + (sum ? 2 : 0) : 0;
	return sum;
}

static void widen(const struct sheet *s, const struct sheet_row *r, struct layout *l)
{
	struct cell c;
	for (size_t i = 0; r && i < s->columns_n; i++) {
		if (s->column[i].head == NULL)
			continue;
		sheet_cell_text(&c, s->column[i].kind, &r->cell[i]);
		if (r != s->total || !sheet_is_text(s->column[i].kind))
			l->width[i] = c.width > l->width[i] ? c.width : l->width[i];
	}
}

/* Texts give way, the longest first, then the bars. */
static void lay_out(const struct sheet *s, const struct report_style *style, struct layout *l)
{
	size_t most = style->width > 0 ? (size_t)style->width : SIZE_MAX;
	*l = (struct layout){.most = 0};
	for (size_t i = 0; i < s->columns_n; i++)
		l->width[i] = s->column[i].head ? strlen(s->column[i].head) : 0;
	if (s->total && l->width[0] < 5)
		l->width[0] = 5;
	for (const struct sheet_row *r = s->first; r; r = r->next) {
		widen(s, r, l);
		if (s->bar >= 0 && r->cell[s->bar].v > l->most)
			l->most = r->cell[s->bar].v;
	}
	widen(s, s->total, l);
	while (sum_of(l, s->columns_n) > most) {
		size_t widest = SHEET_COLUMNS;
		for (size_t i = 0; i < s->columns_n; i++)
			if (sheet_is_text(s->column[i].kind) && l->width[i] > TEXT_LEAST &&
			    (widest == SHEET_COLUMNS || l->width[i] > l->width[widest]))
				widest = i;
		if (widest == SHEET_COLUMNS)
			break;
		l->width[widest]--;
	}
	size_t used = sum_of(l, s->columns_n) + 2, room = used < most ? most - used : 0;
	l->bar_width = room < BAR_MOST ? room : BAR_MOST;
	if (l->bar_width < BAR_LEAST || l->most <= 0 || s->rows_n < 2)
		l->bar_width = 0;
}

/* Texts to the left, figures to the right; no blanks at a line's end. */
static void put_padded(struct writing *w, const struct sheet *s, const struct layout *l, size_t i,
                       struct cell *c)
{
	bool text = sheet_is_text(s->column[i].kind);
	cell_cut(c, l->width[i], w->style->utf8);
	size_t pad = l->width[i] > c->width ? l->width[i] - c->width : 0;
	put_times(w, SLICE(" "), (i ? 2 : 0) + (text ? 0 : pad));
	put_cell(w, c);
	if (text && i + 1 < s->columns_n)
		put_times(w, SLICE(" "), pad);
}

static void put_line(struct writing *w, const struct sheet *s, const struct layout *l,
                     const struct sheet_row *r)
{
	struct cell c;
	for (size_t i = 0; i < s->columns_n; i++) {
		bool text = sheet_is_text(s->column[i].kind);
		if (s->column[i].head == NULL)
			continue;
		if (r == NULL)
			cell_text(&c, slice_of(s->column[i].head));
		else if (r == s->total && text)
			cell_text(&c, i == 0 ? SLICE("total") : SLICE(""));
		else
			sheet_cell_text(&c, s->column[i].kind, &r->cell[i]);
		put_padded(w, s, l, i, &c);
	}
	if (r && r != s->total && l->bar_width) {
		cell_bar(&c, r->cell[s->bar].v, l->most, l->bar_width, w->style->utf8);
		if (c.n) {
			put(w, SLICE("  "));
			colour(w, "\033[36m");
			put_cell(w, &c);
			colour(w, "\033[0m");
		}
	}
	put(w, SLICE("\n"));
}

static void put_rule(struct writing *w, const struct sheet *s, const struct layout *l)
{
	for (size_t i = 0; i < s->columns_n; i++) {
		if (s->column[i].head == NULL)
			continue;
		put(w, i ? SLICE("  ") : SLICE(""));
		put_times(w, w->style->utf8 ? SLICE("\xe2\x94\x80") : SLICE("-"), l->width[i]);
	}
	put(w, SLICE("\n"));
}

static void put_sheet(struct writing *w, const struct sheet *s)
{
	struct layout l;
	lay_out(s, w->style, &l);
	put(w, SLICE("\n"));
	if (s->title[0]) {
		put(w, slice_of(s->title));
		put(w, SLICE("\n\n"));
	}
	if (s->rows_n == 0) {
		put(w, slice_of(s->none));
		put(w, SLICE("\n"));
		return;
	}
	colour(w, "\033[1m");
	put_line(w, s, &l, NULL);
	colour(w, "\033[0m");
	put_rule(w, s, &l);
	for (const struct sheet_row *r = s->first; r; r = r->next)
		put_line(w, s, &l, r);
	if (s->total) {
		put_rule(w, s, &l);
		colour(w, "\033[1m");
		put_line(w, s, &l, s->total);
		colour(w, "\033[0m");
	}
	if (s->hidden && w->rc == 0)
		w->rc = buf_printf(
		    w->out, "\n%zu more row%s not shown, but counted in the total: --top 0 shows all.\n",
		    s->hidden, s->hidden == 1 ? " is" : "s are");
}

static void put_clean(struct writing *w, slice text)
{
	for (size_t i = 0; i < text.n; i += CELL_MAX / 2) { /* cells cut what is long */
		struct cell c;
		cell_text(&c, slice_sub(text, i, i + CELL_MAX / 2));
		put_cell(w, &c);
	}
}

int doc_text(const struct doc *d, const struct report_style *style, struct buf *out)
{
	struct writing w = {style, out, d->full ? ERR_FULL : 0};
	colour(&w, "\033[1m");
	put_clean(&w, d->title);
	colour(&w, "\033[0m");
	put(&w, SLICE(", "));
	put_clean(&w, d->period);
	if (d->where.n) {
		put(&w, SLICE(", where "));
		put_clean(&w, d->where);
	}
	put(&w, SLICE("\n"));
	if (d->chart && w.rc == 0)
		w.rc = doc_chart_text(d->chart, style, out);
	for (size_t i = 0; i < d->sheets_n; i++)
		put_sheet(&w, d->sheet[i]);
	for (size_t i = 0; i < d->notes_n; i++) {
		put(&w, SLICE("\n"));
		put_clean(&w, d->note[i]);
		put(&w, SLICE("\n"));
	}
	return w.rc;
}

/* --- Markdown -------------------------------------------------------------------------------- */

/* Nothing in a text from outside is markup: what could be is escaped, and no line ends within it. */
static void put_escaped(struct writing *w, slice text)
{
	/* Emphasis, code, links, HTML, tables, mentions, and what links by itself. */
	static const char special[] = "\\`*_[]<>#|~&@:";
	for (size_t i = 0; i < text.n; i++) {
		bool bad = (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f;
		if (!bad && memchr(special, text.p[i], sizeof special - 1))
			put(w, SLICE("\\"));
		put(w, bad ? SLICE(" ") : slice_sub(text, i, i + 1));
	}
}

static void markdown_row(struct writing *w, const struct sheet *s, const struct sheet_row *r)
{
	struct cell c;
	put(w, SLICE("|"));
	for (size_t i = 0; i < s->columns_n; i++) {
		bool text = sheet_is_text(s->column[i].kind);
		if (s->column[i].head == NULL)
			continue;
		put(w, SLICE(" "));
		if (r == NULL) {
			put(w, slice_of(s->column[i].head));
		} else if (r == s->total && text) {
			put(w, i == 0 ? SLICE("**total**") : SLICE(""));
		} else {
			sheet_cell_text(&c, s->column[i].kind, &r->cell[i]);
			if (text && r->cell[i].text.p)
				put_escaped(w, (slice){c.s, c.n});
			else
				put_cell(w, &c);
		}
		put(w, SLICE(" |"));
	}
	put(w, SLICE("\n"));
}

int doc_markdown(const struct doc *d, struct buf *out)
{
	static const struct report_style plain = {.utf8 = true};
	struct writing w = {&plain, out, d->full ? ERR_FULL : 0};
	put(&w, SLICE("### "));
	put_escaped(&w, d->title);
	put(&w, SLICE("\n\n"));
	put_escaped(&w, d->period);
	if (d->where.n) {
		put(&w, SLICE(", where "));
		put_escaped(&w, d->where);
	}
	put(&w, SLICE("\n"));
	for (size_t i = 0; i < d->sheets_n; i++) {
		const struct sheet *s = d->sheet[i];
		put(&w, SLICE("\n"));
		if (s->title[0]) {
			put(&w, SLICE("**"));
			put(&w, slice_of(s->title));
			put(&w, SLICE("**\n\n"));
		}
		if (s->rows_n == 0) {
			put(&w, slice_of(s->none));
			put(&w, SLICE("\n"));
			continue;
		}
		markdown_row(&w, s, NULL);
		put(&w, SLICE("|"));
		for (size_t c = 0; c < s->columns_n; c++)
			put(&w, s->column[c].head == NULL          ? SLICE("")
			        : sheet_is_text(s->column[c].kind) ? SLICE(" --- |")
			                                           : SLICE(" ---: |"));
		put(&w, SLICE("\n"));
		for (const struct sheet_row *r = s->first; r; r = r->next)
			markdown_row(&w, s, r);
		if (s->total)
			markdown_row(&w, s, s->total);
		if (s->hidden && w.rc == 0)
			w.rc = buf_printf(out, "\n%zu more are not shown, but counted in the total.\n",
			                  s->hidden);
	}
	for (size_t i = 0; i < d->notes_n; i++) {
		put(&w, SLICE("\n"));
		put_escaped(&w, d->note[i]);
		put(&w, SLICE("\n"));
	}
	return w.rc;
}
