/* Documents: made, and written for programs. */
#include "finops/sheet.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/money.h"
#include "text/jsonw.h"

#define DOC_MEM ((size_t)64 << 20)

void doc_init(struct doc *d, const char *view)
{
	memset(d, 0, sizeof *d);
	d->view = view;
	arena_init(&d->mem, DOC_MEM);
}

void doc_release(struct doc *d)
{
	arena_release(&d->mem);
}

struct sheet *doc_sheet(struct doc *d, const char *name, const char *title)
{
	struct sheet *s = d->sheets_n < SHEETS_MAX ? arena_zalloc(&d->mem, sizeof *s) : NULL;
	if (s == NULL) {
		d->full = true;
		return NULL;
	}
	s->name = name;
	s->title = title;
	s->none = "Nothing.";
	s->bar = -1;
	s->last = &s->first;
	d->sheet[d->sheets_n++] = s;
	return s;
}

void sheet_column(struct sheet *s, const char *name, const char *head, int kind)
{
	if (s && s->columns_n < SHEET_COLUMNS)
		s->column[s->columns_n++] = (struct sheet_column){name, head, kind};
}

struct sheet_row *sheet_row(struct doc *d, struct sheet *s, bool total)
{
	struct sheet_row *r = s ? arena_zalloc(&d->mem, sizeof *r + SHEET_COLUMNS * sizeof r->cell[0]) : NULL;
	if (r == NULL) {
		d->full = true;
		return NULL;
	}
	for (size_t i = 0; i < SHEET_COLUMNS; i++)
		r->cell[i].v = RECORD_ABSENT;
	if (total) {
		s->total = r;
		return r;
	}
	*s->last = r;
	s->last = &r->next;
	s->rows_n++;
	return r;
}

void sheet_text(struct doc *d, struct sheet_row *r, size_t column, slice text)
{
	if (r == NULL || column >= SHEET_COLUMNS || text.p == NULL)
		return;
	r->cell[column].text = arena_copy(&d->mem, text);
	d->full = d->full || r->cell[column].text.p == NULL;
}

void sheet_value(struct sheet_row *r, size_t column, int64_t v)
{
	if (r && column < SHEET_COLUMNS)
		r->cell[column].v = v;
}

void doc_note(struct doc *d, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (d->notes_n == SHEET_NOTES || n < 0)
		return;
	slice note =
	    arena_copy(&d->mem, slice_make(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
	if (note.p)
		d->note[d->notes_n++] = note;
}

bool sheet_is_text(int kind)
{
	return kind == SHEET_TEXT;
}

static void put_change(struct cell *c, int64_t v)
{
	char text[40];
	int n = v == RECORD_ABSENT ? snprintf(text, sizeof text, "-")
	                           : snprintf(text, sizeof text, "%s%lld%%", v > 0 ? "+" : "",
	                                      (long long)((v + (v < 0 ? -50 : 50)) / 100));
	cell_text(c, slice_make(text, n > 0 ? (size_t)n : 0));
}

static void put_money_change(struct cell *c, int64_t v)
{
	char money[MONEY_TEXT_MAX], text[MONEY_TEXT_MAX + 2];
	if (v == RECORD_ABSENT) {
		cell_text(c, SLICE_NONE);
		return;
	}
	money_format_human(v, money);
	snprintf(text, sizeof text, "%s%s", v > 0 ? "+" : "", money);
	cell_text(c, slice_of(text));
}

void sheet_cell_text(struct cell *c, int kind, const struct sheet_cell *of)
{
	struct measure m = {.kind = kind < SHEET_TEXT ? (enum measure_kind)kind : MEASURE_COUNT};
	if (kind == SHEET_TEXT)
		cell_text(c, of->text);
	else if (kind == SHEET_CHANGE)
		put_change(c, of->v);
	else if (kind == SHEET_MONEY_CHANGE)
		put_money_change(c, of->v);
	else
		cell_measure(c, &m, of->v);
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* A figure as programs read it; nothing when it is unknown. */
static size_t number_text(int kind, int64_t v, char out[MONEY_TEXT_MAX])
{
	if (v == RECORD_ABSENT)
		return 0;
	if (kind == MEASURE_CREDITS)
		return money_format_exact(v, out);
	int n = kind == MEASURE_RATIO || kind == SHEET_CHANGE
	            ? snprintf(out, MONEY_TEXT_MAX, "%s%lld.%04lld", v < 0 ? "-" : "",
	                       (long long)(v < 0 ? -v : v) / 10000, (long long)(v < 0 ? -v : v) % 10000)
	            : snprintf(out, MONEY_TEXT_MAX, "%lld", (long long)v);
	return n > 0 ? (size_t)n : 0;
}

static void put_members(struct jsonw *w, const struct sheet *s, const struct sheet_row *r, bool total)
{
	char text[MONEY_TEXT_MAX];
	jsonw_object(w);
	for (size_t i = 0; i < s->columns_n; i++) {
		const struct sheet_column *c = &s->column[i];
		if (c->name == NULL)
			continue;
		if (sheet_is_text(c->kind)) {
			if (!total)
				jsonw_put_string(w, slice_of(c->name), r->cell[i].text);
			continue;
		}
		size_t n = number_text(c->kind, r->cell[i].v, text);
		jsonw_key(w, slice_of(c->name));
		if (n)
			jsonw_raw(w, slice_make(text, n));
		else
			jsonw_null(w);
	}
	jsonw_object_end(w);
}

static void put_sheet(struct jsonw *w, const struct sheet *s)
{
	jsonw_key(w, slice_of(s->name));
	jsonw_object(w);
	jsonw_key(w, SLICE("rows"));
	jsonw_array(w);
	for (const struct sheet_row *r = s->first; r; r = r->next)
		put_members(w, s, r, false);
	jsonw_array_end(w);
	if (s->hidden)
		jsonw_put_i64(w, SLICE("not_shown"), (int64_t)s->hidden);
	if (s->total) {
		jsonw_key(w, SLICE("total"));
		put_members(w, s, s->total, true);
	}
	jsonw_object_end(w);
}

static void put_time(struct jsonw *w, slice key, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	jsonw_put_string(w, key, slice_make(text, clock_format_rfc3339(ms, text)));
}

static void put_chart(struct jsonw *w, const struct chart *c)
{
	jsonw_key(w, SLICE("chart"));
	jsonw_object(w);
	jsonw_key(w, SLICE("buckets"));
	jsonw_array(w);
	for (size_t b = 0; b < c->buckets_n; b++)
		jsonw_string(w, c->label[b]);
	jsonw_array_end(w);
	jsonw_key(w, SLICE("series"));
	jsonw_array(w);
	for (size_t i = 0; i < c->series_n; i++) {
		jsonw_object(w);
		jsonw_put_string(w, SLICE("name"), c->series[i].name);
		jsonw_key(w, SLICE("values"));
		jsonw_array(w);
		for (size_t b = 0; b < c->buckets_n; b++)
			jsonw_i64(w, c->series[i].value[b]);
		jsonw_array_end(w);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	jsonw_object_end(w);
}

int doc_json(const struct doc *d, struct buf *out)
{
	struct jsonw w;
	if (d->full)
		return ERR_FULL;
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("view"), slice_of(d->view));
	put_time(&w, SLICE("since"), d->since_ms);
	put_time(&w, SLICE("until"), d->until_ms);
	jsonw_key(&w, SLICE("tables"));
	jsonw_object(&w);
	for (size_t i = 0; i < d->sheets_n; i++)
		put_sheet(&w, d->sheet[i]);
	jsonw_object_end(&w);
	if (d->chart)
		put_chart(&w, d->chart);
	jsonw_key(&w, SLICE("notes"));
	jsonw_array(&w);
	for (size_t i = 0; i < d->notes_n; i++)
		jsonw_string(&w, d->note[i]);
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

/* --- CSV (RFC 4180) -------------------------------------------------------------------------- */

int sheet_csv_field(struct buf *out, slice s)
{
	slice part;
	bool formula = s.n && memchr("=+-@\t\r", s.p[0], 6) != NULL;
	if (!formula && slice_find_char(s, '"') < 0 && slice_find_char(s, ',') < 0 &&
	    slice_find_char(s, '\n') < 0 && slice_find_char(s, '\r') < 0)
		return buf_append(out, s);
	int rc = buf_append(out, formula ? SLICE("\"'") : SLICE("\""));
	while (rc == 0 && slice_split(&s, '"', &part)) {
		rc = buf_append(out, part);
		if (rc == 0 && s.p)
			rc = buf_append(out, SLICE("\"\""));
	}
	return rc ? rc : buf_append(out, SLICE("\""));
}

static int csv_row(const struct sheet *s, const struct sheet_row *r, struct buf *out)
{
	char text[MONEY_TEXT_MAX];
	int rc = 0;
	bool first = true;
	for (size_t i = 0; rc == 0 && i < s->columns_n; i++) {
		const struct sheet_column *c = &s->column[i];
		if (c->name == NULL)
			continue;
		rc = buf_append(out, first ? SLICE("") : SLICE(","));
		first = false;
		if (rc == 0 && r == NULL)
			rc = buf_append(out, slice_of(c->name));
		else if (rc == 0 && sheet_is_text(c->kind))
			rc = sheet_csv_field(out, r->cell[i].text);
		else if (rc == 0)
			rc = buf_append(out, slice_make(text, number_text(c->kind, r->cell[i].v, text)));
	}
	return rc ? rc : buf_append(out, SLICE("\r\n"));
}

int doc_csv(const struct doc *d, struct buf *out)
{
	int rc = d->full ? ERR_FULL : 0;
	for (size_t i = 0; rc == 0 && i < d->sheets_n; i++) {
		rc = buf_append(out, i ? SLICE("\r\n") : SLICE(""));
		if (rc == 0)
			rc = csv_row(d->sheet[i], NULL, out);
		for (const struct sheet_row *r = d->sheet[i]->first; rc == 0 && r; r = r->next)
			rc = csv_row(d->sheet[i], r, out);
	}
	return rc;
}

int doc_write(const struct doc *d, enum report_format format, const struct report_style *style,
              struct buf *out, const char **type, struct error *e)
{
	int rc = ERR_INVALID;
	if (type)
		*type = report_content_type(format);
	switch (format) {
	case REPORT_TABLE:
		rc = doc_text(d, style, out);
		break;
	case REPORT_JSON:
		rc = doc_json(d, out);
		break;
	case REPORT_CSV:
		rc = doc_csv(d, out);
		break;
	case REPORT_MARKDOWN:
		rc = doc_markdown(d, out);
		break;
	case REPORT_HTML:
		rc = doc_html(d, out);
		break;
	}
	if (rc == ERR_FULL || rc == ERR_NOMEM)
		return error_set(
		    e, rc, "the report is too large: name fewer dimensions, a shorter window or a filter");
	return rc;
}
