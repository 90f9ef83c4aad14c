/* A provider's invoice or cost export as CSV, whatever it calls its columns: those that are known by their
 * header (FOCUS's names too), others by --columns. A line is an amount for a day, a month or what it says it
 * is from and until; lines of a model are compared with that model's calls, lines of none with all of them.
 */
#include <stdio.h>

#include "base/clock.h"
#include "finops/import_export.h"
#include "model/attr_text.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum {
	C_AMOUNT,
	C_DATE,
	C_FROM,
	C_UNTIL,
	C_MODEL,
	C_WHAT,
	C_CURRENCY,
	C_PROVIDER,
	C_USER,
	C_PROJECT,
	C_COST_CENTRE,
	C_PART
};
static const struct import_column columns[] = {
    {C_AMOUNT, "amount billedcost netamount cost totalcost costusd amountusd linetotal total unblendedcost"},
    {C_DATE, "date day usagedate month invoicedate lineitemusagestartdate usagestartdate"},
    {C_FROM, "from chargeperiodstart periodstart startdate starttime servicestart billingperiodstart"},
    {C_UNTIL, "until chargeperiodend periodend enddate endtime serviceend billingperiodend"},
    {C_MODEL, "model modelname modelid"},
    {C_WHAT, "description chargedescription item lineitem service servicename product sku"},
    {C_CURRENCY, "currency billingcurrency currencycode"},
    {C_PROVIDER, "provider providername invoiceissuername vendor"},
    {C_USER, "user useremail username"},
    {C_PROJECT, "project projectid workspace workspaceid"},
    {C_COST_CENTRE, "costcentre costcenter costcentername"},
    {C_PART, "part tokentype skumeter metername"},
};

struct invoice {
	struct import_export x;
	struct import_table t;
};

/* The day or the month that a date names. */
static bool span_of(slice text, int64_t *from, int64_t *until)
{
	char month[48];
	if (text.n == 7 && text.p[4] == '-') {
		long long y, m;
		if (!slice_to_i64(slice_sub(text, 0, 4), &y) || !slice_to_i64(slice_sub(text, 5, 7), &m) ||
		    m < 1 || m > 12)
			return false;
		snprintf(month, sizeof month, "%04lld-%02lld-01", y, m);
		if (!clock_parse_rfc3339(slice_of(month), from))
			return false;
		snprintf(month, sizeof month, "%04lld-%02lld-01", m == 12 ? y + 1 : y, m == 12 ? 1 : m + 1);
		return clock_parse_rfc3339(slice_of(month), until);
	}
	if (!import_time(text, from))
		return false;
	*from -= ((*from % DAY_MS) + DAY_MS) % DAY_MS;
	*until = *from + DAY_MS;
	return true;
}

/* What is wrong with the record's times; NULL: nothing. */
static const char *read_span(const struct import_table *t, struct tally *out)
{
	slice from = import_table_text(t, C_FROM), until = import_table_text(t, C_UNTIL);
	slice day = import_table_text(t, C_DATE);
	int64_t end, ignored;
	if (day.n)
		return span_of(day, &out->from_ms, &out->until_ms) ? NULL : "a date that cannot be read";
	if (from.n == 0)
		return "no date";
	if (!span_of(from, &out->from_ms, &out->until_ms))
		return "a beginning that cannot be read";
	if (until.n == 0)
		return NULL;
	if (!import_time(until, &end) && !span_of(until, &ignored, &end))
		return "an end that cannot be read";
	/* A day is within what it ends; a time is not. */
	bool exclusive = slice_find_char(until, 'T') >= 0 || slice_find_char(until, ':') >= 0;
	if (!exclusive)
		end += DAY_MS;
	if (end > out->from_ms)
		out->until_ms = end;
	return NULL;
}

static enum cost_part part_of(slice text)
{
	static const struct {
		slice word;
		enum cost_part part;
	} rows[] = {
	    {SLICE("ache read"), COST_CACHE_READ}, {SLICE("ached"), COST_CACHE_READ},
	    {SLICE("ache hit"), COST_CACHE_READ},  {SLICE("ache write"), COST_CACHE_WRITE_5M},
	    {SLICE("utput"), COST_OUTPUT},         {SLICE("nput"), COST_INPUT},
	    {SLICE("earch"), COST_TOOLS},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_find(text, rows[i].word) >= 0)
			return rows[i].part;
	return COST_OTHER;
}

static const char *set_money(const struct import_table *t, struct tally *out)
{
	slice currency = import_table_text(t, C_CURRENCY), part = import_table_text(t, C_PART);
	int64_t nano;
	if (currency.n && !slice_eq_nocase(currency, SLICE("USD")) && !slice_eq(currency, SLICE("$")))
		return "an amount that is not in USD: nothing is converted";
	if (!import_amount(import_table_text(t, C_AMOUNT), &nano))
		return "an amount that is no number";
	out->costed = true;
	out->cost.part[part_of(part.n ? part : out->what)] = out->cost.total = nano;
	return NULL;
}

static void set_who(const struct invoice *i, struct tally *t)
{
	struct attr_tags tags;
	slice user = import_table_text(&i->t, C_USER), centre = import_table_text(&i->t, C_COST_CENTRE);
	slice project = import_table_text(&i->t, C_PROJECT);
	attr_tags_init(&tags);
	if (project.n && attr_tags_add(&tags, SLICE("project"), project))
		import_tally_attr(&i->x, t, ATTR_TAGS, attr_tags_json(&tags, i->x.f->mem));
	if (user.n)
		import_tally_attr(&i->x, t, ATTR_USER, user);
	if (centre.n)
		import_tally_attr(&i->x, t, ATTR_COST_CENTRE, centre);
}

/* The ledger's names of providers are. */
static slice lower_case(slice text, struct arena *mem)
{
	char *to = arena_alloc(mem, text.n + 1);
	for (size_t i = 0; to && i < text.n; i++)
		to[i] = text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] - 'A' + 'a') : text.p[i];
	return slice_make(to, to ? text.n : 0);
}

static void read_line(struct invoice *i)
{
	struct import_export *x = &i->x;
	struct tally t;
	import_tally(x, &t, lower_case(import_table_text(&i->t, C_PROVIDER), x->f->mem));
	t.kind = TALLY_INVOICE;
	t.model = import_table_text(&i->t, C_MODEL);
	t.what = import_table_text(&i->t, C_WHAT);
	t.all_models = !import_table_has(&i->t, C_MODEL);
	t.tools = !t.all_models && t.model.n == 0;
	const char *wrong =
	    t.provider.n ? read_span(&i->t, &t) : "no provider: say whose it is by --provider NAME";
	if (wrong == NULL)
		wrong = set_money(&i->t, &t);
	set_who(i, &t);
	if (wrong)
		import_bad(x, i->t.csv.line, wrong);
	else if (t.cost.total == 0)
		x->n->others++;
	else
		import_give_tally(x, &t);
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct invoice *i = arena_zalloc(f->mem, sizeof *i);
	size_t columns_n = sizeof columns / sizeof columns[0];
	if (i == NULL)
		return ERR_NOMEM;
	i->x = (struct import_export){&import_invoice, o, f, n, 0};
	if (!import_table_open(&i->t, &i->x, columns, columns_n, 1u << C_AMOUNT | 1u << C_DATE, o->columns) &&
	    !import_table_open(&i->t, &i->x, columns, columns_n, 1u << C_AMOUNT | 1u << C_FROM, o->columns)) {
		import_bad(&i->x, 1,
		           "no header with a column of amounts and one of dates: name them by --columns "
		           "amount=NAME,date=NAME (or from=, until=)");
		return 0;
	}
	while (import_table_next(&i->t, &i->x))
		read_line(i);
	return i->x.rc;
}

const struct import_source import_invoice = {
    .name = "invoice",
    .title = "an invoice",
    .endings = {".csv"},
    .read = read_file,
    .named_only = true,
};
