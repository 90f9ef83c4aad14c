/* `weir price check`: what is wrong, or will soon be, with the prices. The settings' price file was read, and
 * its faults told, before this runs. */
#include "base/clock.h"
#include "cli/price.h"
#include "finops/pricebook.h"
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

/* The newest day that a source names ("litellm 2026-07-24"), in its texts as in its file's name. */
static bool source_day(slice source, int64_t *ms)
{
	bool found = false;
	for (size_t i = 0; i + 10 <= source.n; i++) {
		int64_t day;
		if (source.p[i] != '2' || !clock_parse_rfc3339(slice_sub(source, i, i + 10), &day))
			continue;
		*ms = found && *ms > day ? *ms : day;
		found = true;
	}
	return found;
}

/* A model that is called by a price that nobody has looked at for long. */
static void check_called(struct check *k, slice provider, slice model)
{
	const struct price_query *q = k->q;
	const struct provider *p = settings_provider(q->settings, DIALECT_NONE, provider, SLICE_NONE);
	bool fallback = false;
	int64_t day;
	const struct price *row = p ? settings_price(q->settings, p, model, q->at_ms, &fallback) : NULL;
	if (row && !fallback && source_day(row->source, &day) && q->at_ms - day > q->older_ms)
		tell(k, true, "old",
		     "The price of " SLICE_FMT " at " SLICE_FMT " is %lld days old (" SLICE_FMT
		     "): `weir price import` takes a newer book's.",
		     SLICE_ARG(model), SLICE_ARG(provider), (long long)((q->at_ms - day) / DAY_MS),
		     SLICE_ARG(row->source));
}

static int on_unpriced(void *arg, const struct ledger_group *g)
{
	struct check *k = arg;
	check_called(k, g->key[0], g->key[1]);
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

/* --- held against other books ------------------------------------------------------------------------- */

struct against {
	struct check *k;
	const struct price_book *book;
	size_t same, differ;
};

static void tell_difference(struct against *a, const struct price *ours, const struct price *theirs,
                            const struct price_difference *d)
{
	char mine[MONEY_TEXT_MAX], other[MONEY_TEXT_MAX], when[128];
	slice meter = catalog_meter_key(d->meter);
	bool missing = d->ours == PRICE_ABSENT;
	struct jsonw *w = &a->k->w;
	price_text(d->ours, mine);
	price_text(d->theirs, other);
	pricebook_condition(d->when, when);
	a->k->faults += !missing;
	a->k->notes += missing;
	if (!a->k->q->c->json) {
		fprintf(a->k->q->c->out,
		        "%s" SLICE_FMT "/" SLICE_FMT ": " SLICE_FMT "%s%s is %s here (" SLICE_FMT
		        ") and %s in %s (%s)\n",
		        missing ? "Note: " : "", SLICE_ARG(ours->vendor), SLICE_ARG(theirs->model),
		        SLICE_ARG(meter), when[0] ? " " : "", when, mine, SLICE_ARG(ours->source), other,
		        a->book->file, a->book->format);
		return;
	}
	jsonw_object(w);
	jsonw_put_string(w, SLICE("kind"), SLICE("disagreement"));
	jsonw_put_bool(w, SLICE("fault"), !missing);
	jsonw_put_string(w, SLICE("vendor"), ours->vendor);
	jsonw_put_string(w, SLICE("model"), theirs->model);
	jsonw_put_string(w, SLICE("meter"), meter);
	jsonw_put_string(w, SLICE("when"), when[0] ? slice_of(when) : SLICE_NONE);
	if (missing)
		jsonw_put_null(w, SLICE("nanousd"));
	else
		jsonw_put_i64(w, SLICE("nanousd"), d->ours);
	jsonw_put_string(w, SLICE("price_id"), ours->id);
	jsonw_put_string(w, SLICE("source"), ours->source);
	jsonw_put_i64(w, SLICE("other_nanousd"), d->theirs);
	jsonw_put_string(w, SLICE("other_source"), theirs->source);
	jsonw_put_string(w, SLICE("other_format"), slice_of(a->book->format));
	jsonw_object_end(w);
}

static int hold_against(void *arg, const struct price_book *b)
{
	struct against *a = arg;
	const struct price_query *q = a->k->q;
	size_t at = 0;
	a->book = b;
	for (const struct price *p; (p = catalog_each(b->catalog, &at)) != NULL;) {
		struct price_difference d[PRICE_DIFFERENCES_MAX];
		const struct price *ours =
		    price_listed(q, p) ? catalog_price(q->settings->catalog, p->vendor, p->model, q->at_ms)
		                       : NULL;
		size_t n = ours ? pricebook_compare(ours, p, d) : 0;
		for (size_t i = 0; i < n; i++)
			tell_difference(a, ours, p, &d[i]);
		a->same += ours && n == 0;
		a->differ += n > 0;
	}
	return EXIT_DONE;
}

static int check_against(struct check *k)
{
	struct against a = {.k = k};
	int status = price_books(k->q, hold_against, &a);
	if (status == EXIT_DONE && k->q->files_n && !k->q->c->json)
		fprintf(k->q->c->out, "Other price books: %zu prices are the same, %zu differ.\n", a.same,
		        a.differ);
	return status;
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
	if (status == EXIT_DONE)
		status = check_against(&k);
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
