/* A report: the question as people ask it (command line, console's query string: the same words), and the
 * answer as JSON, CSV or a table. */
#ifndef WEIR_FINOPS_REPORT_H
#define WEIR_FINOPS_REPORT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/zone.h"
#include "model/catalog.h"
#include "store/ledger.h"

#define REPORT_MEASURES_MAX 64
#define REPORT_CALLS_MAX    1000 /* rows of report_calls_json */

enum report_format { REPORT_TABLE, REPORT_JSON, REPORT_CSV, REPORT_MARKDOWN, REPORT_HTML };

/* Of a table. */
struct report_style {
	bool utf8;   /* bars and dashes beyond ASCII */
	bool colour; /* ANSI */
	int width;   /* of the terminal; 0: as wide as it gets */
	size_t top;  /* rows shown of each period, the dearest; 0: all */
};

struct report {
	struct ledger_query q; /* slices are borrowed from what report_set was given */
	size_t measures_n;
	unsigned char measures[REPORT_MEASURES_MAX]; /* of report_measure_at */
	bool since_given, until_given, by_given, measures_given;
	enum report_format format;
	struct report_style style;
	slice view;                   /* a named report (finops/report_view.h); n 0: the plain one */
	bool compare, chart;          /* beside the period before; over time */
	const struct catalog *prices; /* not owned; NULL: nothing that needs the price book is told */
	int64_t now_ms;
	struct zone *zone; /* owned */
};

/* timezone: the settings' (n 0: UTC), borrowed; calendar words and buckets follow it. ERR_NOT_FOUND when it
 * is not known here. */
int report_init(struct report *r, slice timezone, int64_t now_ms, struct error *e) WARN_UNUSED;
void report_release(struct report *r);

/* One word of the question. Values are borrowed until report_release.
 *
 *	by		team,model		dimensions (store/columns.h)
 *	per		hour|day|week|month
 *	since		7d, 12h, 2026-11-01, 2026-11-01T08:00:00Z, today, yesterday, week, month
 *			days and weeks count back to the beginning of a local day; week and month: the running
 *one's beginning until		the same; not included. By default now
 *	where		field=value; again for more; the grammar of struct ledger_filter
 *	measures	calls,cost_nanousd,...
 *	limit		of report_calls_json
 *	view		summary|models|cache|…: a named report
 *	compare, chart	yes|no
 *	format		table|json|csv|markdown|html; and of a table: width=N, top=N, bars=utf8|ascii,
 *colour=yes|no
 *
 * ERR_INVALID with a sentence that names what there is to choose from, and the nearest. ERR_NOT_FOUND: no
 *such word. */
int report_set(struct report *r, slice word, slice value, struct error *e) WARN_UNUSED;
/* All the words of a query string ("by=team,model&since=7d"), percent-decoded into mem, which must live as
 * long as r. */
int report_set_query(struct report *r, slice query, struct arena *mem, struct error *e) WARN_UNUSED;
/* Takes the next word of a query string off its front, percent-decoded into mem; false at the end. ERR_NOMEM:
 * in *e, and the word is empty. */
bool report_next_word(slice *query, struct arena *mem, slice *word, slice *value, struct error *e);
/* One more filter that no value of a user's can widen: the field is that text, letter for letter. */
int report_only(struct report *r, slice field, slice value, struct error *e) WARN_UNUSED;
/* After the last word: fills in what was not said (the last 30 days, by agent and model); ERR_INVALID when
 * since is not before until. */
int report_ready(struct report *r, struct error *e) WARN_UNUSED;

enum measure_kind {
	MEASURE_COUNT,
	MEASURE_TOKENS,
	MEASURE_SECONDS,
	MEASURE_MONEY,
	MEASURE_RATIO,
	MEASURE_CREDITS
};
struct measure {
	const char *name;
	enum measure_kind kind;
	const char *head;   /* of a table's column */
	unsigned short at;  /* in struct ledger_measures; not of MEASURE_RATIO */
	bool usual;         /* given when no measures were asked for */
	unsigned short per; /* what it is divided by, in the same; 0: nothing, a sum */
};
/* NULL past the end. */
const struct measure *report_measure_at(size_t i);
/* The value; RECORD_ABSENT when unknown. A ratio is in units of 1/10000, credits of 1e-9. */
int64_t report_measure(const struct measure *m, const struct ledger_measures *of);

/* The answers. l may be NULL: a ledger that does not exist yet, and has no rows.
 *
 * {"by": [...], "per": ..., "since", "until", "rows": [{dimensions, "bucket", measures}], "total":
 * {measures}} */
int report_json(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                struct error *e) WARN_UNUSED;
/* A line of heads, then a line for each row (RFC 4180); what is unknown is empty. */
int report_csv(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
               struct error *e) WARN_UNUSED;
/* {"rows": [...]}: the newest calls that the question's window and filters leave, `limit` of them (100). */
int report_calls_json(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                      struct error *e) WARN_UNUSED;

/* For people, as r->style says. *rows (may be NULL) gets how many groups there are. */
int report_table(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                 size_t *rows, struct error *e) WARN_UNUSED;
/* The named reports; NULL past the end. */
const char *report_view_name(size_t i);
/* As a document: a named report, or the plain one compared, over time, or in a format that only documents
 * have. */
int report_document(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                    const char **type, struct error *e) WARN_UNUSED;
/* "team=payments, user unknown" of the filters, for people; n 0: there are none. */
slice report_where_text(const struct report *r, struct arena *mem);
const char *report_content_type(enum report_format f);
/* In r->format; *type (may be NULL) gets its content type. */
int report_answer(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                  const char **type, struct error *e) WARN_UNUSED;

#endif
