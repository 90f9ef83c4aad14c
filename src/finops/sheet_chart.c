/* Charts over time: stacked columns and sparklines for a terminal, stacked areas as SVG. */
#include <stdio.h>

#include "base/num.h"
#include "finops/sheet.h"

#define HEIGHT      8  /* lines of a terminal's chart */
#define WIDTH_USUAL 80 /* where the terminal does not say */
#define COLUMN_MOST 6
#define NAME_MOST   28
#define SPARK_MOST  40
#define COLUMNS_MAX 400

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

/* No blanks at a line's end. */
static void trim(struct writing *w, size_t least)
{
	slice s = buf_slice(w->out);
	size_t n = s.n;
	while (w->rc == 0 && n > least && s.p[n - 1] == ' ')
		n--;
	buf_drop_end(w->out, s.n - n);
}

static int64_t sum_at(const struct chart *c, size_t bucket)
{
	int64_t sum = 0;
	for (size_t i = 0; i < c->series_n; i++)
		sum = num_sat_add_i64(sum, num_max_i64(c->series[i].value[bucket], 0));
	return sum;
}

static void figure(const struct chart *c, int64_t v, struct cell *out)
{
	struct measure m = {.kind = c->kind};
	cell_measure(out, &m, v);
}

/* --- a terminal ------------------------------------------------------------------------------ */

/* Where there are more buckets than columns of the terminal, some are drawn as one: their mean. */
struct drawing {
	size_t n, each; /* columns; buckets in one */
	size_t wide;    /* characters of a column, the blank after it included */
	int64_t most;
};

static int64_t column_value(const struct chart *c, const struct drawing *d, const struct chart_series *s,
                            size_t column)
{
	size_t from = column * d->each, to = from + d->each < c->buckets_n ? from + d->each : c->buckets_n;
	__int128 sum = 0;
	for (size_t b = from; b < to; b++)
		sum += s ? num_max_i64(s->value[b], 0) : sum_at(c, b);
	return to > from ? (int64_t)(sum / (int64_t)(to - from)) : 0;
}

static void lay_out(const struct chart *c, size_t room, struct drawing *d)
{
	room = room < 10 ? 10 : room > COLUMNS_MAX ? COLUMNS_MAX : room;
	d->each = (c->buckets_n + room - 1) / room;
	d->n = (c->buckets_n + d->each - 1) / d->each;
	d->wide = room / d->n < COLUMN_MOST ? room / d->n : COLUMN_MOST;
	d->most = 0;
	for (size_t i = 0; i < d->n; i++)
		d->most = num_max_i64(d->most, column_value(c, d, NULL, i));
}

static const char *const colours[] = {"\033[36m", "\033[33m", "\033[35m", "\033[32m",
                                      "\033[34m", "\033[31m", "\033[37m"};
static const char *const shades[] = {"\xe2\x96\x88", "\xe2\x96\x93", "\xe2\x96\x92", "\xe2\x96\x91",
                                     "\xe2\x96\x9a", "\xe2\x96\x9e", "\xe2\x96\xa4"};
static const char *const letters[] = {"#", "=", "+", "-", "o", ":", "."};

static void put_fill(struct writing *w, size_t series, size_t n)
{
	if (w->style->colour)
		put(w, slice_of(colours[series]));
	const char *with = !w->style->utf8 ? letters[series] : w->style->colour ? shades[0] : shades[series];
	put_times(w, slice_of(with), n);
	if (w->style->colour)
		put(w, SLICE("\033[0m"));
}

/* The series that lies at a height of a column, in steps of HEIGHT * 8; -1: above all. */
static int series_at(const struct chart *c, const struct drawing *d, size_t column, int64_t step)
{
	__int128 sum = 0;
	for (size_t i = 0; i < c->series_n; i++) {
		sum += column_value(c, d, &c->series[i], column);
		if (sum * HEIGHT * 8 > (__int128)step * d->most)
			return (int)i;
	}
	return -1;
}

/* U+2581 to 2587: one eighth to seven; a line that ASCII has too. */
static void put_top(struct writing *w, int eighths, size_t series, size_t n)
{
	char block[4] = {'\xe2', '\x96', (char)(0x80 + eighths), 0};
	if (!w->style->utf8 || eighths >= 8 || (!w->style->colour && series > 0)) {
		put_fill(w, series, eighths >= 4 ? n : 0);
		put_times(w, SLICE(" "), eighths >= 4 ? 0 : n);
		return;
	}
	if (w->style->colour)
		put(w, slice_of(colours[series]));
	put_times(w, slice_of(block), n);
	if (w->style->colour)
		put(w, SLICE("\033[0m"));
}

static void put_line_of(struct writing *w, const struct chart *c, const struct drawing *d, int line)
{
	size_t fill = d->wide > 1 ? d->wide - 1 : 1, blank = d->wide - fill;
	for (size_t i = 0; i < d->n; i++) {
		int64_t low = line * 8;
		__int128 height = d->most ? (__int128)column_value(c, d, NULL, i) * HEIGHT * 8 / d->most : 0;
		int eighths = height - low >= 8 ? 8 : height > low ? (int)(height - low) : 0;
		/* Something is not nothing. */
		if (line == 0 && eighths == 0 && column_value(c, d, NULL, i) > 0)
			eighths = 1;
		int series = eighths ? series_at(c, d, i, low + eighths / 2) : -1;
		if (series >= 0)
			put_top(w, eighths, (size_t)series, fill);
		else
			put_times(w, SLICE(" "), fill);
		put_times(w, SLICE(" "), blank);
	}
}

static void put_axis_label(struct writing *w, const struct chart *c, int64_t v, bool shown, size_t width)
{
	struct cell cell;
	figure(c, v, &cell);
	if (!shown)
		cell.n = cell.width = 0;
	put_times(w, SLICE(" "), width > cell.width ? width - cell.width : 0);
	put(w, (slice){cell.s, cell.n});
	put(w, w->style->utf8 ? SLICE(" \xe2\x94\x82") : SLICE(" |"));
}

static void put_time_axis(struct writing *w, const struct chart *c, const struct drawing *d, size_t margin)
{
	size_t wide = d->n * d->wide;
	slice first = c->label[0], last = c->label[c->buckets_n - 1];
	put_times(w, SLICE(" "), margin + 1);
	put(w, w->style->utf8 ? SLICE("\xe2\x94\x94") : SLICE("+"));
	put_times(w, w->style->utf8 ? SLICE("\xe2\x94\x80") : SLICE("-"), wide);
	put(w, SLICE("\n"));
	put_times(w, SLICE(" "), margin + 2);
	put(w, first);
	if (c->buckets_n > 1) {
		size_t used = first.n + last.n;
		put_times(w, SLICE(" "), wide > used + 2 ? wide - used : 2);
		put(w, last);
	}
	put(w, SLICE("\n"));
}

static void put_spark(struct writing *w, const struct chart *c, const struct chart_series *s, size_t room)
{
	struct drawing d;
	int64_t most = 0;
	lay_out(c, room, &d);
	for (size_t i = 0; i < d.n; i++)
		most = num_max_i64(most, column_value(c, &d, s, i));
	for (size_t i = 0; i < d.n; i++) {
		static const char low[] = " .:-=+*#";
		int64_t v = column_value(c, &d, s, i);
		int level = most ? (int)((__int128)v * 7 / most) : 0;
		char block[3] = {'\xe2', '\x96', (char)(0x81 + level)};
		if (v == 0)
			put(w, SLICE(" "));
		else if (w->style->utf8)
			put(w, slice_make(block, 3));
		else
			put(w, slice_make(&low[level ? level : 1], 1));
	}
}

static void put_legend(struct writing *w, const struct chart *c, size_t width)
{
	size_t names = 0, figures = 0;
	struct cell cell;
	for (size_t i = 0; i < c->series_n; i++) {
		cell_text(&cell, c->series[i].name);
		names = cell.width > names ? cell.width : names;
		figure(c, c->series[i].total, &cell);
		figures = cell.width > figures ? cell.width : figures;
	}
	names = names < NAME_MOST ? names : NAME_MOST;
	size_t used = 2 + names + 2 + figures + 2, spark = width > used + 10 ? width - used : 0;
	for (size_t i = 0; i < c->series_n; i++) {
		put_fill(w, i, 1);
		put(w, SLICE(" "));
		cell_text(&cell, c->series[i].name);
		cell_cut(&cell, names, w->style->utf8);
		put(w, (slice){cell.s, cell.n});
		put_times(w, SLICE(" "), names - cell.width + 2);
		figure(c, c->series[i].total, &cell);
		put_times(w, SLICE(" "), figures - cell.width);
		put(w, (slice){cell.s, cell.n});
		if (spark && c->buckets_n > 1) {
			put(w, SLICE("  "));
			put_spark(w, c, &c->series[i], spark < SPARK_MOST ? spark : SPARK_MOST);
			trim(w, 0);
		}
		put(w, SLICE("\n"));
	}
}

int doc_chart_text(const struct chart *c, const struct report_style *style, struct buf *out)
{
	struct writing w = {.style = style, .out = out};
	struct drawing d;
	struct cell top, half;
	if (c->buckets_n == 0 || c->series_n == 0)
		return 0;
	size_t width = style->width > 0 ? (size_t)style->width : WIDTH_USUAL;
	lay_out(c, 40, &d); /* for the figure at the top */
	figure(c, d.most, &top);
	figure(c, d.most / 2, &half);
	size_t margin = (top.width > half.width ? top.width : half.width) + 1;
	lay_out(c, width > margin + 3 ? width - margin - 3 : 10, &d);
	put(&w, SLICE("\n"));
	put(&w, slice_of(c->title));
	put(&w, SLICE("\n\n"));
	for (int line = HEIGHT - 1; line >= 0; line--) {
		int64_t v = line == HEIGHT - 1 ? d.most : d.most / 2;
		put_axis_label(&w, c, v, line == HEIGHT - 1 || line == HEIGHT / 2 - 1, margin - 1 + 1);
		size_t before = buf_slice(out).n;
		put_line_of(&w, c, &d, line);
		while (w.rc == 0 && buf_slice(out).n > before &&
		       buf_slice(out).p[buf_slice(out).n - 1] == ' ')
			buf_drop_end(out, 1);
		put(&w, SLICE("\n"));
	}
	put_time_axis(&w, c, &d, margin);
	put(&w, SLICE("\n"));
	put_legend(&w, c, width);
	return w.rc;
}

/* --- SVG ------------------------------------------------------------------------------------- */

#define SVG_WIDTH  760
#define SVG_HEIGHT 220
#define LEFT       70
#define BOTTOM     24
#define TOP        10

static long long x_of(const struct chart *c, size_t bucket)
{
	long long room = SVG_WIDTH - LEFT - 10;
	return LEFT +
	       (c->buckets_n > 1 ? room * (long long)bucket / (long long)(c->buckets_n - 1) : room / 2);
}

/* Tenths of a point. */
static long long y_of(__int128 v, int64_t most)
{
	long long room = (SVG_HEIGHT - TOP - BOTTOM) * 10;
	return (SVG_HEIGHT - BOTTOM) * 10 - (most ? (long long)(v * room / most) : 0);
}

static void put_point(struct writing *w, const struct chart *c, size_t bucket, __int128 v, int64_t most)
{
	long long y = y_of(v, most);
	if (w->rc == 0)
		w->rc = buf_printf(w->out, "%lld,%lld.%lld ", x_of(c, bucket), y / 10, y % 10);
}

static __int128 below(const struct chart *c, size_t series, size_t bucket)
{
	__int128 sum = 0;
	for (size_t i = 0; i < series; i++)
		sum += num_max_i64(c->series[i].value[bucket], 0);
	return sum;
}

static void put_area(struct writing *w, const struct chart *c, size_t i, int64_t most)
{
	const struct chart_series *s = &c->series[i];
	if (w->rc == 0)
		w->rc = buf_printf(w->out, "<polygon class=\"f%zu\" points=\"", i);
	for (size_t b = 0; b < c->buckets_n; b++)
		put_point(w, c, b, below(c, i + 1, b), most);
	for (size_t b = c->buckets_n; b-- > 0;)
		put_point(w, c, b, below(c, i, b), most);
	put(w, SLICE("\"><title>"));
	if (w->rc == 0)
		w->rc = doc_html_escape(w->out, s->name.p ? s->name : SLICE("unknown"));
	put(w, SLICE("</title></polygon>\n"));
}

static void put_bars(struct writing *w, const struct chart *c, int64_t most)
{
	for (size_t b = 0; b < c->buckets_n; b++)
		for (size_t i = 0; i < c->series_n && w->rc == 0; i++) {
			long long y = y_of(below(c, i + 1, b), most), to = y_of(below(c, i, b), most);
			w->rc = buf_printf(w->out,
			                   "<rect class=\"f%zu\" x=\"%lld\" y=\"%lld.%lld\" width=\"48\" "
			                   "height=\"%lld.%lld\"/>\n",
			                   i, x_of(c, b) - 24, y / 10, y % 10, (to - y) / 10, (to - y) % 10);
		}
}

static void put_grid(struct writing *w, const struct chart *c, int64_t most)
{
	for (int k = 0; k <= 2 && w->rc == 0; k++) {
		struct cell cell;
		long long y = y_of((__int128)most * k / 2, most) / 10;
		figure(c, most / 2 * k, &cell);
		w->rc = buf_printf(w->out,
		                   "<line class=\"g\" x1=\"%d\" x2=\"%d\" y1=\"%lld\" y2=\"%lld\"/><text "
		                   "x=\"%d\" y=\"%lld\" "
		                   "text-anchor=\"end\">%.*s</text>\n",
		                   LEFT, SVG_WIDTH - 10, y, y, LEFT - 6, y + 4, (int)cell.n, cell.s);
	}
}

int doc_chart_svg(const struct chart *c, struct buf *out)
{
	struct writing w = {.out = out};
	int64_t most = 0;
	if (c->buckets_n == 0 || c->series_n == 0)
		return 0;
	for (size_t b = 0; b < c->buckets_n; b++)
		most = num_max_i64(most, sum_at(c, b));
	w.rc = buf_printf(out, "<h2>%s</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
	                  c->title, SVG_WIDTH, SVG_HEIGHT, c->title);
	put_grid(&w, c, most);
	for (size_t i = 0; c->buckets_n > 2 && i < c->series_n; i++)
		put_area(&w, c, i, most);
	if (c->buckets_n <= 2)
		put_bars(&w, c, most);
	slice first = c->label[0], last = c->label[c->buckets_n - 1];
	if (w.rc == 0)
		w.rc = buf_printf(out,
		                  "<text x=\"%d\" y=\"%d\">" SLICE_FMT "</text><text x=\"%d\" y=\"%d\" "
		                  "text-anchor=\"end\">" SLICE_FMT "</text>\n</svg>\n<p class=\"soft\">",
		                  LEFT, SVG_HEIGHT - 6, SLICE_ARG(first), SVG_WIDTH - 10, SVG_HEIGHT - 6,
		                  SLICE_ARG(last));
	for (size_t i = 0; i < c->series_n && w.rc == 0; i++) {
		w.rc = buf_printf(
		    out,
		    "%s<svg viewBox=\"0 0 10 10\" style=\"width:.7rem;height:.7rem\"><rect class=\"f%zu\" "
		    "width=\"10\" height=\"10\"/></svg> ",
		    i ? " &#160; " : "", i);
		if (w.rc == 0)
			w.rc =
			    doc_html_escape(out, c->series[i].name.p ? c->series[i].name : SLICE("unknown"));
	}
	put(&w, SLICE("</p>\n"));
	return w.rc;
}
