/* A document of tables and charts over time, made once and written as people or programs want it: text for a
 * terminal, Markdown for a comment, one HTML file for a mail, CSV, JSON. Every text in it comes from outside
 * and is escaped as the format asks. */
#ifndef WEIR_FINOPS_SHEET_H
#define WEIR_FINOPS_SHEET_H

#include "base/arena.h"
#include "base/buf.h"
#include "finops/report_cell.h"

#define SHEET_COLUMNS 20
#define SHEETS_MAX    12
#define SHEET_NOTES   8
#define CHART_SERIES  6 /* those beyond are one more, "others" */
#define CHART_BUCKETS 400

/* Beside the kinds of a measure. */
enum { SHEET_TEXT = 100, SHEET_CHANGE, SHEET_MONEY_CHANGE }; /* CHANGE: a ratio's units, with its sign */

struct sheet_column {
	const char *name; /* of programs: a member, a head of CSV; NULL: not for them */
	const char *head; /* for people; NULL: not for them */
	int kind;         /* enum measure_kind, or one of the above */
};

struct sheet_cell {
	slice text; /* of SHEET_TEXT; p NULL: unknown */
	int64_t v;  /* RECORD_ABSENT: unknown */
};

struct sheet_row {
	struct sheet_row *next;
	struct sheet_cell cell[]; /* a column each */
};

struct sheet {
	const char *name;  /* of programs */
	const char *title; /* for people; "" none */
	const char *none;  /* what is said of no rows */
	size_t columns_n;
	struct sheet_column column[SHEET_COLUMNS];
	int bar; /* the column whose figures have bars; -1: none */
	struct sheet_row *first, **last;
	size_t rows_n;
	struct sheet_row *total; /* NULL: none */
	size_t hidden;           /* rows that are left out, but counted in the total */
};

struct chart {
	const char *title;
	enum measure_kind kind;
	size_t buckets_n;
	slice label[CHART_BUCKETS]; /* in the document's arena */
	size_t series_n;
	struct chart_series {
		slice name;
		int64_t total;
		int64_t value[CHART_BUCKETS]; /* not below 0 */
	} series[CHART_SERIES + 1];
};

struct doc {
	struct arena mem;           /* owned: what is in it */
	const char *view;           /* "models" */
	slice title, period, where; /* for people; where n 0: no filter */
	int64_t since_ms, until_ms;
	size_t sheets_n;
	struct sheet *sheet[SHEETS_MAX];
	struct chart *chart; /* NULL: none */
	size_t notes_n;
	slice note[SHEET_NOTES];
	bool full; /* something had no room: the document is not to be used */
};

void doc_init(struct doc *d, const char *view);
void doc_release(struct doc *d);
/* A new table; columns come by sheet_column. NULL without room (and d->full). */
struct sheet *doc_sheet(struct doc *d, const char *name, const char *title);
void sheet_column(struct sheet *s, const char *name, const char *head, int kind);
/* A new row, all of it unknown; total: the sheet's last line. NULL without room (and d->full). */
struct sheet_row *sheet_row(struct doc *d, struct sheet *s, bool total);
/* Copied; p NULL: unknown. */
void sheet_text(struct doc *d, struct sheet_row *r, size_t column, slice text);
void sheet_value(struct sheet_row *r, size_t column, int64_t v);
void doc_note(struct doc *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* In a format; *type (may be NULL) gets its content type. Faults of it as sentences. */
int doc_write(const struct doc *d, enum report_format format, const struct report_style *style,
              struct buf *out, const char **type, struct error *e) WARN_UNUSED;
/* ERR_FULL when out has no more room, or the document had none. */
int doc_text(const struct doc *d, const struct report_style *style, struct buf *out) WARN_UNUSED;
int doc_markdown(const struct doc *d, struct buf *out) WARN_UNUSED;
/* Without a script and without anything from elsewhere. */
int doc_html(const struct doc *d, struct buf *out) WARN_UNUSED;
/* The first table, then the others behind an empty line each. */
int doc_csv(const struct doc *d, struct buf *out) WARN_UNUSED;
/* {"view", "since", "until", "tables": {NAME: {"rows": [...], "total": {...}}}, "notes": [...]} */
int doc_json(const struct doc *d, struct buf *out) WARN_UNUSED;

/* For the files of this module: a cell as people read it. */
void sheet_cell_text(struct cell *c, int kind, const struct sheet_cell *of);
bool sheet_is_text(int kind);
int doc_chart_text(const struct chart *c, const struct report_style *style, struct buf *out) WARN_UNUSED;
int doc_chart_svg(const struct chart *c, struct buf *out) WARN_UNUSED;
int doc_html_escape(struct buf *out, slice text) WARN_UNUSED;

/* One text as a field of CSV (RFC 4180); one that a spreadsheet would take for a formula gets a ' in front.
 */
int sheet_csv_field(struct buf *out, slice text) WARN_UNUSED;

#endif
