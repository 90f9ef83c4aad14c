/* The answer for programs: JSON and CSV. */
#include <stdio.h>

#include "base/money.h"
#include "base/clock.h"
#include "finops/sheet.h"
#include "store/columns.h"
#include "store/record_json.h"

#define CALLS_USUAL 100

struct out {
	const struct report *r;
	struct buf *buf;
	struct jsonw w;
};

static int too_large(int rc, struct error *e)
{
	if (rc == ERR_FULL)
		return error_set(
		    e, rc, "the report is too large: name fewer dimensions, a shorter window or a filter");
	return rc;
}

static int ask(const struct ledger_ops *ops, struct ledger *l, const struct report *r,
               int (*on_group)(void *arg, const struct ledger_group *g), struct out *o,
               struct ledger_measures *total, struct error *e)
{
	if (l)
		return ops->report(l, &r->q, on_group, o, total, e);
	if (total)
		ledger_measures_none(total);
	return 0;
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void put_measure(struct jsonw *w, const struct measure *m, int64_t v)
{
	char text[32];
	jsonw_key(w, slice_of(m->name));
	if (v == RECORD_ABSENT) {
		jsonw_null(w);
	} else if (m->kind == MEASURE_RATIO) {
		int n =
		    snprintf(text, sizeof text, "%lld.%04lld", (long long)v / 10000, (long long)v % 10000);
		jsonw_raw(w, slice_make(text, n > 0 ? (size_t)n : 0));
	} else if (m->kind == MEASURE_CREDITS) {
		jsonw_raw(w, slice_make(text, money_format_exact(v, text)));
	} else {
		jsonw_i64(w, v);
	}
}

static void put_measures(struct jsonw *w, const struct report *r, const struct ledger_measures *of)
{
	for (size_t i = 0; i < r->measures_n; i++) {
		const struct measure *m = report_measure_at(r->measures[i]);
		put_measure(w, m, report_measure(m, of));
	}
}

/* As the export writes it: numbers and booleans without quotes. */
static void put_dimension(struct jsonw *w, slice name, slice value)
{
	const struct column *c = column_find(name);
	long long number;
	if (value.p == NULL || c == NULL || column_is_text(c) || !slice_to_i64(value, &number))
		jsonw_put_string(w, name, value);
	else if (c->kind == COLUMN_BOOL)
		jsonw_put_bool(w, name, number != 0);
	else
		jsonw_put_i64(w, name, number);
}

static int put_row(void *arg, const struct ledger_group *g)
{
	struct out *o = arg;
	const struct ledger_query *q = &o->r->q;
	jsonw_object(&o->w);
	for (size_t i = 0; i < q->by_n; i++)
		put_dimension(&o->w, q->by[i], g->key[i]);
	jsonw_put_string(&o->w, SLICE("bucket"), g->bucket);
	put_measures(&o->w, o->r, &g->m);
	jsonw_object_end(&o->w);
	return o->w.error;
}

static void put_time(struct jsonw *w, slice key, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	jsonw_put_string(w, key, slice_make(text, clock_format_rfc3339(ms, text)));
}

int report_json(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                struct error *e)
{
	static const char *const pers[] = {NULL, "hour", "day", "week", "month"};
	struct out o = {.r = r, .buf = out};
	struct ledger_measures total;
	jsonw_init(&o.w, out);
	jsonw_object(&o.w);
	jsonw_key(&o.w, SLICE("by"));
	jsonw_array(&o.w);
	for (size_t i = 0; i < r->q.by_n; i++)
		jsonw_string(&o.w, r->q.by[i]);
	jsonw_array_end(&o.w);
	jsonw_put_string(&o.w, SLICE("per"), slice_of(pers[r->q.per]));
	put_time(&o.w, SLICE("since"), r->q.since_ms);
	put_time(&o.w, SLICE("until"), r->until_given ? r->q.until_ms : r->now_ms);
	jsonw_key(&o.w, SLICE("rows"));
	jsonw_array(&o.w);
	int rc = ask(ops, l, r, put_row, &o, &total, e);
	if (rc != 0)
		return too_large(rc, e);
	jsonw_array_end(&o.w);
	jsonw_key(&o.w, SLICE("total"));
	jsonw_object(&o.w);
	put_measures(&o.w, r, &total);
	jsonw_object_end(&o.w);
	jsonw_object_end(&o.w);
	return too_large(jsonw_end(&o.w), e);
}

static int put_call(void *arg, const struct record *rec)
{
	struct out *o = arg;
	record_jsonw(&o->w, rec);
	return o->w.error;
}

int report_calls_json(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                      struct error *e)
{
	struct out o = {.r = r, .buf = out};
	struct ledger_query q = r->q;
	q.newest_first = true;
	q.limit = q.limit ? q.limit : CALLS_USUAL;
	jsonw_init(&o.w, out);
	jsonw_object(&o.w);
	jsonw_key(&o.w, SLICE("rows"));
	jsonw_array(&o.w);
	int rc = l ? ops->rows(l, &q, put_call, &o, e) : 0;
	if (rc != 0)
		return too_large(rc, e);
	jsonw_array_end(&o.w);
	jsonw_object_end(&o.w);
	return too_large(jsonw_end(&o.w), e);
}

/* --- CSV (RFC 4180) -------------------------------------------------------------------------- */

static int put_number(struct buf *out, const struct measure *m, int64_t v)
{
	if (v == RECORD_ABSENT)
		return 0;
	if (m->kind == MEASURE_RATIO)
		return buf_printf(out, "%lld.%04lld", (long long)v / 10000, (long long)v % 10000);
	if (m->kind == MEASURE_CREDITS) {
		char text[MONEY_TEXT_MAX];
		return buf_append(out, slice_make(text, money_format_exact(v, text)));
	}
	return buf_printf(out, "%lld", (long long)v);
}

/* The line of heads when g is NULL, else a row. */
static int put_line(struct out *o, const struct ledger_group *g)
{
	const struct report *r = o->r;
	bool first = true;
	int rc = 0;
	if (r->q.per) {
		rc = sheet_csv_field(o->buf, g ? g->bucket : SLICE("bucket"));
		first = false;
	}
	for (size_t i = 0; rc == 0 && i < r->q.by_n; i++, first = false) {
		rc = buf_append(o->buf, first ? SLICE("") : SLICE(","));
		if (rc == 0)
			rc = sheet_csv_field(o->buf, g ? g->key[i] : r->q.by[i]);
	}
	for (size_t i = 0; rc == 0 && i < r->measures_n; i++, first = false) {
		const struct measure *m = report_measure_at(r->measures[i]);
		rc = buf_append(o->buf, first ? SLICE("") : SLICE(","));
		if (rc == 0)
			rc = g ? put_number(o->buf, m, report_measure(m, &g->m))
			       : buf_append(o->buf, slice_of(m->name));
	}
	return rc ? rc : buf_append(o->buf, SLICE("\r\n"));
}

static int put_csv_row(void *arg, const struct ledger_group *g)
{
	return put_line(arg, g);
}

int report_csv(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
               struct error *e)
{
	struct out o = {.r = r, .buf = out};
	int rc = put_line(&o, NULL);
	if (rc == 0)
		rc = ask(ops, l, r, put_csv_row, &o, NULL, e);
	return too_large(rc, e);
}
