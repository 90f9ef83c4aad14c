/* Reports and rows: what is asked of the rows themselves. */
#include <stdio.h>
#include <stdlib.h>

#include "base/zone.h"
#include "store/columns.h"
#include "store/ledger_sqlite_ask.h"

#define WORD_MAX     512 /* bytes of a user and day */
#define A_CALL       "ending IS NOT 'refused' AND source IS NOT 'correction'"
/* A row without a price that a later correction gave one. */
#define STILL_SO     " AND NOT EXISTS(SELECT 1 FROM calls c WHERE c.corrects=calls.id)"
#define METERED      "billing IS 'metered'"
#define SUBSCRIPTION "billing IS 'subscription'"

/* --- the calendar ---------------------------------------------------------------------------- */

static void sql_bucket(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct asking *a = sqlite3_user_data(ctx);
	int64_t t = sqlite3_value_int64(v[0]);
	if (n != 1)
		return;
	if (t < a->unit_from || t >= a->unit_to)
		zone_span(a->zone, a->unit, t, &a->unit_from, &a->unit_to);
	sqlite3_result_int64(ctx, a->unit_from);
}

/* user and day as one text */
static void sql_user_day(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct asking *a = sqlite3_user_data(ctx);
	int64_t t = sqlite3_value_int64(v[1]);
	if (n != 2)
		return;
	if (t < a->day_from || t >= a->day_to)
		zone_span(a->zone, ZONE_DAY, t, &a->day_from, &a->day_to);
	char text[WORD_MAX];
	slice user = slice_make(sqlite3_value_text(v[0]), (size_t)sqlite3_value_bytes(v[0]));
	int len =
	    snprintf(text, sizeof text, "%lld " SLICE_FMT, (long long)(a->day_from / 1000), SLICE_ARG(user));
	if (len > 0)
		sqlite3_result_text(ctx, text, len < (int)sizeof text ? len : (int)sizeof text - 1,
		                    SQLITE_TRANSIENT);
}

static int set_calendar(struct asking *a)
{
	static const enum zone_unit units[] = {[PER_NONE] = ZONE_DAY,
	                                       [PER_HOUR] = ZONE_HOUR,
	                                       [PER_DAY] = ZONE_DAY,
	                                       [PER_WEEK] = ZONE_WEEK,
	                                       [PER_MONTH] = ZONE_MONTH};
	a->unit = units[a->q->per];
	a->zone = zone_load(a->q->timezone, a->e);
	if (a->zone == NULL)
		return a->e ? a->e->code : ERR_NOT_FOUND;
	int code =
	    sqlite3_create_function(a->l->db, "weir_bucket", 1, SQLITE_UTF8, a, sql_bucket, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_create_function(a->l->db, "weir_user_day", 2, SQLITE_UTF8, a, sql_user_day,
		                               NULL, NULL);
	return code == SQLITE_OK ? 0 : ledger_fault(a->l, code, "report", a->e);
}

/* --- measures -------------------------------------------------------------------------------- */

/* All the money of a part. */
#define X(id, name) "coalesce(" #name "_nanousd,0)+"
static const char part_money[] = SENT_LIST(X) "0";
#undef X

/* Of a question about parts: in the order that read_part_measures takes them in. */
static void say_part_measures(struct asking *a)
{
	asking_say(a,
	           "count(DISTINCT id),count(DISTINCT session),count(DISTINCT weir_user_day(user,time_ms)),"
	           "sum(p.calls),sum(p.failures),sum(%s)FILTER(WHERE " METERED
	           "),sum(%s)FILTER(WHERE " SUBSCRIPTION ")",
	           part_money, part_money);
#define X(id, name) asking_say(a, ",sum(" #name "_tokens),sum(" #name "_nanousd)FILTER(WHERE " METERED ")");
	SENT_LIST(X)
#undef X
}

/* In the order that read_measures takes them in. */
static void say_measures(struct asking *a)
{
	if (a->q->parts) {
		say_part_measures(a);
		return;
	}
	asking_say(a, "count(*)FILTER(WHERE " A_CALL "),count(*)FILTER(WHERE ending='refused'),");
	asking_say(a, "count(DISTINCT session)FILTER(WHERE " A_CALL "),");
	asking_say(a, "count(DISTINCT weir_user_day(user,time_ms))FILTER(WHERE " A_CALL "),");
	asking_say(a, "sum(duration_ms)FILTER(WHERE " A_CALL "),");
	asking_say(a, "count(*)FILTER(WHERE " A_CALL
	              " AND(attempt>1 OR retry_of IS NOT NULL)),sum(tool_calls),");
	for (int i = 0; i < 2; i++)
		asking_say(
		    a,
		    "count(*)FILTER(WHERE cost_nanousd IS NULL AND usage_source IS NOT NULL AND %s" STILL_SO
		    "),",
		    i == 0 ? METERED : SUBSCRIPTION);
	asking_say(a, "sum(context_tokens),sum(credits_nano),sum(cost_nanousd)FILTER(WHERE " METERED "),");
	asking_say(a, "sum(coalesce(list_cost_nanousd,cost_nanousd))FILTER(WHERE " SUBSCRIPTION ")");
	for (int i = 0; i < METER_N; i++)
		asking_say(a, ",sum(%s)", meter_name((enum meter)i));
	for (int i = 0; i < COST_N; i++)
		asking_say(a, ",sum(cost_%s)FILTER(WHERE " METERED ")", cost_part_name((enum cost_part)i));
}

static int64_t number_or(sqlite3_stmt *s, int *at, int64_t otherwise)
{
	int i = (*at)++;
	return sqlite3_column_type(s, i) == SQLITE_NULL ? otherwise : sqlite3_column_int64(s, i);
}

static void read_part_measures(sqlite3_stmt *s, int at, struct ledger_measures *m)
{
	ledger_measures_none(m);
	m->calls = number_or(s, &at, 0);
	m->sessions = number_or(s, &at, 0);
	m->active_days = number_or(s, &at, 0);
	m->tool_calls = number_or(s, &at, 0);
	m->tool_failures = number_or(s, &at, 0);
	m->cost_nanousd = number_or(s, &at, 0);
	m->subscription_nanousd = number_or(s, &at, 0);
	m->retries = m->unpriced = RECORD_ABSENT;
	for (int i = 0; i < COST_N; i++)
		m->cost_part[i] = RECORD_ABSENT;
	for (int i = 0; i < SENT_N; i++) {
		m->part_tokens[i] = number_or(s, &at, RECORD_ABSENT);
		m->part_nanousd[i] = number_or(s, &at, RECORD_ABSENT);
	}
}

static void read_measures(sqlite3_stmt *s, int at, bool parts, struct ledger_measures *m)
{
	if (parts) {
		read_part_measures(s, at, m);
		return;
	}
	ledger_measures_none(m);
	m->calls = number_or(s, &at, 0);
	m->refused = number_or(s, &at, 0);
	m->sessions = number_or(s, &at, 0);
	m->active_days = number_or(s, &at, 0);
	int64_t ms = number_or(s, &at, RECORD_ABSENT);
	m->runtime_s = ms == RECORD_ABSENT ? RECORD_ABSENT : ms / 1000 + (ms % 1000 >= 500);
	m->retries = number_or(s, &at, 0);
	m->tool_calls = number_or(s, &at, RECORD_ABSENT);
	int64_t metered_unpriced = number_or(s, &at, 0), subscription_unpriced = number_or(s, &at, 0);
	m->unpriced = metered_unpriced + subscription_unpriced;
	m->context_tokens = number_or(s, &at, TOKENS_ABSENT);
	m->credits_nano = number_or(s, &at, RECORD_ABSENT);
	m->cost_nanousd = number_or(s, &at, metered_unpriced ? RECORD_ABSENT : 0);
	m->subscription_nanousd = number_or(s, &at, subscription_unpriced ? RECORD_ABSENT : 0);
	for (int i = 0; i < METER_N; i++)
		m->meters[i] = number_or(s, &at, TOKENS_ABSENT);
	for (int i = 0; i < COST_N; i++)
		m->cost_part[i] = number_or(s, &at, m->cost_nanousd == 0 ? 0 : RECORD_ABSENT);
}

/* --- asking ---------------------------------------------------------------------------------- */

static void say_groups(struct asking *a)
{
	const struct ledger_query *q = a->q;
	asking_say(a, "SELECT %s", q->per ? "weir_bucket(time_ms)" : "0");
	for (size_t i = 0; a->rc == 0 && i < q->by_n; i++) {
		if (!column_may_group(q->by[i]))
			asking_no_column(a, q->by[i], "dimension");
		asking_say(a, ",");
		asking_column(a, column_find(q->by[i]), q->by[i]);
	}
	asking_say(a, ",");
	say_measures(a);
	asking_where(a);
	asking_say(a, " GROUP BY 1");
	for (size_t i = 0; i < q->by_n; i++)
		asking_say(a, ",%zu", i + 2);
	/* By money spent, then by the value of what a subscription paid; the order of equal ones is that of
	 * their names. */
	if (q->parts)
		asking_say(a,
		           " ORDER BY 1,coalesce(sum(%s)FILTER(WHERE " METERED
		           "),0)DESC,sum(%s)DESC,sum(p.calls)DESC",
		           part_money, part_money);
	else
		asking_say(a,
		           " ORDER BY 1,coalesce(sum(cost_nanousd)FILTER(WHERE " METERED "),0)DESC,"
		           "coalesce(sum(coalesce(list_cost_nanousd,cost_nanousd))FILTER(WHERE " SUBSCRIPTION
		           "),0)DESC,count(*)DESC");
	for (size_t i = 0; i < q->by_n; i++)
		asking_say(a, ",%zu", i + 2);
}

static bool has_rows(const struct ledger_measures *m)
{
	return m->calls || m->refused || m->cost_nanousd || m->subscription_nanousd;
}

static int give_groups(struct asking *a, int (*on_group)(void *arg, const struct ledger_group *g), void *arg)
{
	int code = SQLITE_DONE;
	while (a->rc == 0 && (code = sqlite3_step(a->stmt)) == SQLITE_ROW) {
		char label[ZONE_LABEL_MAX];
		struct ledger_group g = {.bucket_ms = sqlite3_column_int64(a->stmt, 0)};
		if (a->q->per)
			g.bucket = slice_make(label, zone_label(a->zone, a->unit, g.bucket_ms, label));
		for (size_t i = 0; i < a->q->by_n; i++)
			g.key[i] = ledger_column_text(a->stmt, (int)i + 1);
		read_measures(a->stmt, (int)a->q->by_n + 1, a->q->parts, &g.m);
		/* Without GROUP BY's columns there is one group even of no rows. */
		if (has_rows(&g.m))
			a->rc = on_group(arg, &g);
	}
	if (a->rc == 0 && code != SQLITE_DONE)
		a->rc = ledger_fault(a->l, code, "report", a->e);
	return a->rc;
}

static int give_total(struct asking *a, struct ledger_measures *total)
{
	asking_reset(a);
	asking_say(a, "SELECT ");
	say_measures(a);
	asking_where(a);
	if (asking_prepare(a) != 0)
		return a->rc;
	int code = sqlite3_step(a->stmt);
	if (code == SQLITE_ROW)
		read_measures(a->stmt, 0, a->q->parts, total);
	else
		a->rc = ledger_fault(a->l, code, "report", a->e);
	return a->rc;
}

/* Rows that are no more cannot be asked. */
static int check_kept(struct asking *a)
{
	int64_t kept, year;
	int month, day;
	int rc = ledger_number(a->l, "SELECT kept_ms FROM rollup_mark", &kept, a->e);
	if (rc != 0 || kept <= a->q->since_ms)
		return rc;
	zone_date_of(kept / 86400000, &year, &month, &day);
	return error_set(
	    a->e, ERR_NOT_FOUND,
	    "rows before %04lld-%02d-%02d are no longer kept (retention.rows), and their sums do not "
	    "tell this: ask since then, or for whole days by other dimensions",
	    (long long)year, month, day);
}

static int report_rows(struct asking *a, int (*on_group)(void *arg, const struct ledger_group *g), void *arg,
                       struct ledger_measures *total)
{
	int rc = check_kept(a);
	if (rc != 0)
		return rc;
	say_groups(a);
	rc = asking_prepare(a);
	if (rc == 0)
		rc = give_groups(a, on_group, arg);
	return rc == 0 && total ? give_total(a, total) : rc;
}

int ledger_sqlite_report(struct ledger *l, const struct ledger_query *q,
                         int (*on_group)(void *arg, const struct ledger_group *g), void *arg,
                         struct ledger_measures *total, struct error *e)
{
	struct asking a;
	asking_init(&a, l, q, e);
	if (q->by_n > LEDGER_BY_MAX || q->filters_n > LEDGER_FILTERS_MAX)
		return error_set(e, ERR_FULL, "a report has at most %d dimensions and %d filters",
		                 LEDGER_BY_MAX, LEDGER_FILTERS_MAX);
	int rc = set_calendar(&a);
	if (rc == 0)
		rc = ledger_exec(l, "BEGIN", e); /* groups and total see the same rows */
	if (rc == 0) {
		rc = ledger_sqlite_rollup_report(&a, on_group, arg, total);
		if (rc == ROLLUP_CANNOT)
			rc = report_rows(&a, on_group, arg, total);
		asking_reset(&a);
		ledger_sqlite_rollback(l);
	}
	asking_release(&a);
	return rc;
}

#define ROW_COLUMNS_MAX 128

/* Those that a question about rows reads; 0 when there is none of a name. */
static size_t row_columns(const struct ledger_query *q, const struct column *out[ROW_COLUMNS_MAX])
{
	size_t n = q->only_n ? q->only_n : columns_n();
	for (size_t i = 0; i < n && i < ROW_COLUMNS_MAX; i++) {
		out[i] = q->only_n ? column_find(slice_of(q->only[i])) : column_at(i);
		if (out[i] == NULL)
			return 0;
	}
	return n <= ROW_COLUMNS_MAX ? n : 0;
}

int ledger_sqlite_rows(struct ledger *l, const struct ledger_query *q,
                       int (*on_row)(void *arg, const struct record *r), void *arg, struct error *e)
{
	struct asking a;
	asking_init(&a, l, q, e);
	asking_say(&a, "SELECT ");
	const struct column *column[ROW_COLUMNS_MAX];
	size_t n = row_columns(q, column);
	if (n == 0)
		return error_set(e, ERR_INVALID, "a column that the ledger does not have");
	for (size_t i = 0; i < n; i++)
		asking_say(&a, "%s\"%s\"", i ? "," : "", column[i]->name);
	asking_where(&a);
	if (!q->any_order)
		asking_say(&a, q->newest_first ? " ORDER BY id DESC" : " ORDER BY id");
	if (q->limit) {
		asking_say(&a, " LIMIT ");
		asking_number(&a, q->limit < INT64_MAX ? (int64_t)q->limit : INT64_MAX);
	}
	int code = asking_prepare(&a) == 0 ? SQLITE_ROW : SQLITE_DONE;
	while (a.rc == 0 && (code = sqlite3_step(a.stmt)) == SQLITE_ROW) {
		struct record r;
		record_init(&r);
		for (size_t i = 0; i < n; i++) {
			struct value v = {VALUE_NULL, SLICE_NONE, 0};
			if (sqlite3_column_type(a.stmt, (int)i) == SQLITE_INTEGER)
				v = (struct value){VALUE_INT, SLICE_NONE,
				                   sqlite3_column_int64(a.stmt, (int)i)};
			else if (sqlite3_column_type(a.stmt, (int)i) == SQLITE_TEXT)
				v = (struct value){VALUE_TEXT, ledger_column_text(a.stmt, (int)i), 0};
			column_set(column[i], &r, v);
		}
		a.rc = on_row(arg, &r);
	}
	if (a.rc == 0 && code != SQLITE_DONE)
		a.rc = ledger_fault(l, code, "rows", e);
	int rc = a.rc;
	asking_release(&a);
	return rc;
}
