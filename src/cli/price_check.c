/* `weir price check`: what is wrong, or will soon be, with the prices. The settings' price file was read, and
 * its faults told, before this runs. */
#include "base/clock.h"
#include "cli/price.h"
#include "store/ledger.h"

#define DAY_MS  (INT64_C(24) * 3600 * 1000)
#define SOON_MS (45 * DAY_MS)

struct check {
	const struct price_query *q;
	struct jsonw w; /* with --json: an array of findings is open */
	struct buf b;
	size_t faults, notes;
};

/* A line for a human, an object for a program. A fault is something to be done; a note is not. */
__attribute__((format(printf, 4, 5))) static void tell(struct check *k, bool fault, const char *kind,
                                                       const char *format, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	k->faults += fault;
	k->notes += !fault;
	if (!k->q->c->json) {
		fprintf(k->q->c->out, "%s%s\n", fault ? "" : "Note: ", text);
		return;
	}
	jsonw_object(&k->w);
	jsonw_put_string(&k->w, SLICE("kind"), slice_of(kind));
	jsonw_put_bool(&k->w, SLICE("fault"), fault);
	jsonw_put_string(&k->w, SLICE("text"), slice_of(text));
	jsonw_object_end(&k->w);
}

static void check_age(struct check *k)
{
	const struct price_query *q = k->q;
	slice date = catalog_date(q->settings->catalog);
	int64_t made;
	if (date.n == 0 || !clock_parse_rfc3339(date, &made))
		tell(k, false, "age", "the price book does not say its date: its age is not known");
	else if (q->at_ms - made > q->older_ms)
		tell(k, true, "age",
		     "The price book is of " SLICE_FMT
		     ", %lld days old: a newer Weir, or a price file of your own "
		     "(prices: {file: …}), has newer ones.",
		     SLICE_ARG(date), (long long)((q->at_ms - made) / DAY_MS));
}

static bool has_vendor(const struct catalog *c, slice vendor)
{
	size_t at = 0;
	for (const struct price *p; (p = catalog_each(c, &at)) != NULL;)
		if (slice_eq_nocase(p->vendor, vendor))
			return true;
	return false;
}

static void check_providers(struct check *k)
{
	const struct settings *s = k->q->settings;
	for (size_t i = 0; i < s->providers_n; i++) {
		const struct provider *p = &s->providers[i];
		if (p->has_price || has_vendor(s->catalog, p->vendor))
			continue;
		bool fallback = s->unknown_price == UNKNOWN_PRICE_FALLBACK;
		tell(k, !fallback, "provider",
		     "The provider " SLICE_FMT " is billed as " SLICE_FMT
		     ", of which the book has no price: %s",
		     SLICE_ARG(p->name), SLICE_ARG(p->vendor),
		     fallback ? "its calls cost what `prices: {unknown: …}` says."
		              : "its calls are refused. Write `prices: {input: …, output: …}` under it.");
	}
}

static void check_changes(struct check *k)
{
	const struct price_query *q = k->q;
	size_t at = 0;
	for (const struct price *p; (p = catalog_each(q->settings->catalog, &at)) != NULL;) {
		char from[16], input[MONEY_TEXT_MAX], output[MONEY_TEXT_MAX];
		if (p->from_ms <= q->at_ms || p->from_ms > q->at_ms + SOON_MS ||
		    !price_vendor_used(q->settings, p->vendor))
			continue;
		price_date(p->from_ms, from);
		price_text(p->per_million[METER_INPUT], input);
		price_text(p->per_million[METER_OUTPUT], output);
		tell(k, false, "change", SLICE_FMT " of " SLICE_FMT " costs input %s, output %s from %s on",
		     SLICE_ARG(p->model), SLICE_ARG(p->vendor), input, output, from);
	}
}

static int on_unpriced(void *arg, const struct ledger_group *g)
{
	struct check *k = arg;
	if (g->m.unpriced > 0)
		tell(k, true, "unpriced",
		     "%lld calls of " SLICE_FMT " at " SLICE_FMT " have no price: `weir price show " SLICE_FMT
		     "` says how to add one.",
		     (long long)g->m.unpriced, SLICE_ARG(g->key[1]), SLICE_ARG(g->key[0]),
		     SLICE_ARG(g->key[1]));
	return 0;
}

/* Models that were called and whose cost is not known. No ledger yet is no fault. */
static int check_ledger(struct check *k)
{
	const struct price_query *q = k->q;
	struct error e = {0};
	struct ledger *ledger = NULL;
	struct ledger_measures total;
	slice path;
	const struct ledger_ops *ops = ledger_for(q->settings->store, &path, &e);
	int status = ops ? ops->open(path.p, false, &ledger, &e) : ERR_INVALID;
	if (status == ERR_NOT_FOUND)
		return EXIT_DONE;
	struct ledger_query ask = {.by_n = 2,
	                           .by = {SLICE("provider"), SLICE("model_requested")},
	                           .since_ms = q->at_ms - q->since_ms};
	if (status == 0)
		status = ops->report(ledger, &ask, on_unpriced, k, &total, &e);
	if (ledger)
		ops->close(ledger);
	return status == 0 ? EXIT_DONE
	                   : cli_fail(q->c, "the ledger " SLICE_FMT " cannot be read: %s",
	                              SLICE_ARG(q->settings->store), e.text);
}

int price_check(struct price_query *q)
{
	struct check k = {.q = q};
	buf_init(&k.b, PRICE_JSON_MAX);
	jsonw_init(&k.w, &k.b);
	if (q->c->json) {
		jsonw_object(&k.w);
		jsonw_key(&k.w, SLICE("findings"));
		jsonw_array(&k.w);
	}
	check_age(&k);
	check_providers(&k);
	check_changes(&k);
	int status = check_ledger(&k);
	slice date = catalog_date(q->settings->catalog);
	if (q->c->json) {
		jsonw_array_end(&k.w);
		jsonw_put_string(&k.w, SLICE("date"), date.n ? date : SLICE_NONE);
		jsonw_put_bool(&k.w, SLICE("ok"), k.faults == 0 && status == EXIT_DONE);
		jsonw_object_end(&k.w);
		int printed = cli_print_json(q->c, &k.w, &k.b);
		status = status == EXIT_DONE ? printed : status;
	} else {
		buf_release(&k.b);
		if (k.faults == 0 && status == EXIT_DONE)
			fprintf(q->c->out, "The prices are good (price book of " SLICE_FMT ").\n",
			        SLICE_ARG(date));
	}
	return status != EXIT_DONE || k.faults ? EXIT_FAILED : EXIT_DONE;
}
