/* The words of a question about what is ahead or out of the usual; and the answer to the latter. */
#include "finops/outlook.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/money.h"
#include "finops/anomaly.h"
#include "finops/burn.h"
#include "finops/sheet.h"

#define DAY_MS     INT64_C(86400000)
#define USUAL_DAYS 7 /* that anomalies are looked for in */

int outlook_init(struct outlook *o, enum outlook_kind kind, slice timezone, int64_t now_ms, struct error *e)
{
	memset(o, 0, sizeof *o);
	o->kind = kind;
	return report_init(&o->r, timezone, now_ms, e);
}

void outlook_release(struct outlook *o)
{
	report_release(&o->r);
}

/* --- words ----------------------------------------------------------------------------------- */

static int set_count(slice value, int64_t *out, const char *word, struct error *e)
{
	if (units_count(value, out) && *out > 0)
		return 0;
	return error_set(e, ERR_INVALID, "%s is a number like 40000 or 40k", word);
}

static int set_own(struct outlook *o, slice word, slice value, struct error *e)
{
	struct outlook_query *q = &o->query;
	if (slice_eq(word, SLICE("tokens")))
		return set_count(value, &q->tokens, "tokens", e);
	if (slice_eq(word, SLICE("output")))
		return set_count(value, &q->output, "output", e);
	if (slice_eq(word, SLICE("calls")))
		return set_count(value, &q->calls, "calls", e);
	if (slice_eq(word, SLICE("cached")))
		return units_percent(value, 100, &q->cached_ppm)
		           ? 0
		           : error_set(e, ERR_INVALID, "cached is a share of the input like 80%%");
	if (slice_eq(word, SLICE("model")))
		q->model = value;
	else
		o->budget = value;
	return 0;
}

int outlook_set(struct outlook *o, slice word, slice value, struct error *e)
{
	static const slice both[] = {SLICE("by"),  SLICE("where"), SLICE("format"), SLICE("width"),
	                             SLICE("top"), SLICE("bars"),  SLICE("colour")};
	static const slice forecast[] = {SLICE("budget"), SLICE("tokens"), SLICE("output"),
	                                 SLICE("calls"),  SLICE("cached"), SLICE("model")};
	bool anomaly = o->kind == OUTLOOK_ANOMALY;
	value = slice_trim(value);
	for (size_t i = 0; i < sizeof both / sizeof *both; i++)
		if (slice_eq(word, both[i]))
			return report_set(&o->r, word, value, e);
	if (anomaly && (slice_eq(word, SLICE("since")) || slice_eq(word, SLICE("until"))))
		return report_set(&o->r, word, value, e);
	if (anomaly && slice_eq(word, SLICE("least")))
		return money_parse(value, &o->least) == 0 && o->least > 0
		           ? 0
		           : error_set(e, ERR_INVALID, "least is money above nothing, like \"5 USD\"");
	for (size_t i = 0; !anomaly && i < sizeof forecast / sizeof *forecast; i++)
		if (slice_eq(word, forecast[i]))
			return set_own(o, word, value, e);
	return error_set(e, ERR_NOT_FOUND, "no parameter \"" SLICE_FMT "\": there are by, where, %s, format",
	                 SLICE_ARG(slice_sub(word, 0, 60)),
	                 anomaly ? "since, until, least" : "budget, tokens, output, cached, calls, model");
}

int outlook_set_query(struct outlook *o, slice query, struct arena *mem, struct error *e)
{
	slice word, value;
	while (report_next_word(&query, mem, &word, &value, e)) {
		int rc = word.p ? outlook_set(o, word, value, e) : ERR_NOMEM;
		if (rc != 0)
			return rc;
	}
	return 0;
}

int outlook_only(struct outlook *o, slice user, struct error *e)
{
	o->user = user;
	return report_only(&o->r, SLICE("user"), user, e);
}

/* --- anomalies ------------------------------------------------------------------------------- */

static void put_time(struct doc *d, struct sheet_row *row, size_t column, const struct zone *zone, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX], label[ZONE_LABEL_MAX];
	int64_t from, to;
	zone_span(zone, ZONE_HOUR, ms, &from, &to);
	sheet_text(d, row, column, slice_make(label, zone_label(zone, ZONE_HOUR, from, label)));
	sheet_text(d, row, column + 1, slice_make(text, clock_format_rfc3339(ms, text)));
}

static void put_found(struct doc *d, struct sheet *s, const struct zone *zone, const struct anomaly_found *a)
{
	struct sheet_row *row = sheet_row(d, s, false);
	char times[16];
	put_time(d, row, 0, zone, a->from_ms);
	sheet_value(row, 2, a->hours);
	sheet_text(d, row, 3, a->dimension[0] ? slice_of(a->dimension) : SLICE("all"));
	if (a->dimension[0] == '\0' || a->value[0])
		sheet_text(d, row, 4, slice_of(a->value));
	sheet_value(row, 5, a->spent);
	sheet_value(row, 6, a->expected);
	sheet_value(row, 7, a->spent - a->expected);
	sheet_value(row, 8, a->high);
	/* New spend has no times. */
	if (a->expected > 0 && a->spent / a->expected < 1000) {
		snprintf(times, sizeof times, "%.1fx", (double)a->spent / (double)a->expected);
		sheet_text(d, row, 9, slice_of(times));
	}
	sheet_text(d, row, 10, a->running ? SLICE("runs") : SLICE("over"));
	sheet_value(row, 11, a->weeks);
}

static void make_anomalies(struct doc *d, const struct zone *zone, const struct anomalies *list, size_t top)
{
	struct sheet *s = doc_sheet(d, "anomalies", "");
	if (s == NULL)
		return;
	sheet_column(s, NULL, "from", SHEET_TEXT);
	sheet_column(s, "from", NULL, SHEET_TEXT);
	sheet_column(s, "hours", "hours", MEASURE_COUNT);
	sheet_column(s, "dimension", "series", SHEET_TEXT);
	sheet_column(s, "value", "", SHEET_TEXT);
	sheet_column(s, "spent_nanousd", "spent", MEASURE_MONEY);
	sheet_column(s, "expected_nanousd", "usually", MEASURE_MONEY);
	sheet_column(s, "rise_nanousd", "rise", SHEET_MONEY_CHANGE);
	sheet_column(s, "usual_high_nanousd", NULL, MEASURE_MONEY);
	sheet_column(s, NULL, "times", SHEET_TEXT);
	sheet_column(s, "state", "state", SHEET_TEXT);
	sheet_column(s, "weeks", NULL, MEASURE_COUNT);
	s->bar = 7;
	s->none = "No hour is out of the usual.";
	for (size_t i = 0; i < list->n && (top == 0 || i < top); i++)
		put_found(d, s, zone, &list->at[i]);
	s->hidden = list->n - s->rows_n + list->more;
	doc_note(d,
	         "%zu series were looked at: the same hour of earlier weeks and the level of late tell what "
	         "is usual.",
	         list->series);
	if (list->n)
		doc_note(d, "weir triage --since says what carries a rise, and what stops it.");
}

static slice period_text(const struct outlook *o, struct arena *mem, int64_t since, int64_t until)
{
	char zone_from[ZONE_LABEL_MAX], zone_to[ZONE_LABEL_MAX];
	int64_t a, b;
	zone_span(o->r.zone, ZONE_HOUR, since, &a, &b);
	size_t n = zone_label(o->r.zone, ZONE_HOUR, a, zone_from);
	zone_span(o->r.zone, ZONE_HOUR, until, &a, &b);
	size_t m = zone_label(o->r.zone, ZONE_HOUR, a, zone_to);
	return arena_printf(mem, "%.*s to %.*s (" SLICE_FMT ")", (int)n, zone_from, (int)m, zone_to,
	                    SLICE_ARG(o->r.q.timezone.n ? o->r.q.timezone : SLICE("UTC")));
}

static int answer_anomalies(const struct outlook *o, const struct ledger_ops *ops, struct ledger *l,
                            struct doc *d, struct error *e)
{
	const struct ledger_query *q = &o->r.q;
	int64_t until = o->r.until_given && q->until_ms < o->r.now_ms ? q->until_ms : o->r.now_ms;
	struct anomaly_scan scan = {.ops = ops,
	                            .ledger = l,
	                            .timezone = q->timezone,
	                            .zone = o->r.zone,
	                            .now_ms = o->r.now_ms,
	                            .since_ms = o->r.since_given ? q->since_ms : until - USUAL_DAYS * DAY_MS,
	                            .until_ms = until,
	                            .least = o->least,
	                            .dimensions_n = q->by_n,
	                            .filters_n = q->filters_n};
	memcpy(scan.dimensions, q->by, q->by_n * sizeof *q->by);
	memcpy(scan.filters, q->filters, q->filters_n * sizeof *q->filters);
	struct anomalies *list = calloc(1, sizeof *list);
	if (list == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	int rc = anomalies_find(&scan, list, e);
	if (rc == 0) {
		d->title = SLICE("Spend out of the usual");
		d->period = period_text(o, &d->mem, scan.since_ms, until);
		d->since_ms = scan.since_ms;
		d->until_ms = until;
		make_anomalies(d, o->r.zone, list, o->r.style.top);
	}
	free(list);
	return rc;
}

int outlook_answer(const struct outlook *o, const struct settings *s, const struct ledger_ops *ops,
                   struct ledger *l, struct buf *out, const char **type, struct error *e)
{
	struct doc d;
	doc_init(&d, o->kind == OUTLOOK_ANOMALY ? "anomalies" : "forecast");
	d.where = report_where_text(&o->r, &d.mem);
	int rc = o->kind == OUTLOOK_ANOMALY ? answer_anomalies(o, ops, l, &d, e)
	                                    : outlook_forecast(o, s, ops, l, &d, e);
	if (rc == 0)
		rc = doc_write(&d, o->r.format, &o->r.style, out, type, e);
	doc_release(&d);
	return rc;
}
