/* `weir price show MODEL`: everything that is known of what a model costs. */
#include "base/clock.h"
#include "base/money.h"
#include "cli/price.h"
#include "model/usage.h"
#include "text/nearest.h"

#define COLUMNS_MAX (PRICE_MODS + 1)
#define VENDORS_MAX 64
#define MEMORY_MAX  65536

/* --- one row, every way of being billed ------------------------------------------------------------------
 */

struct column {
	char head[48];
	int64_t rates[METER_N];
};

/* The first of "priority|fast". */
static slice first_of(slice condition)
{
	slice rest = condition, one = SLICE_NONE;
	if (condition.n)
		slice_split(&rest, '|', &one);
	return one;
}

/* "batch", "us|eu", "flex, over 272k" */
static void name_column(struct column *k, const struct price_modifier *m)
{
	char over[32] = "";
	slice parts[] = {first_of(m->service_tier), first_of(m->speed), m->region, SLICE_NONE};
	size_t n = 0;
	if (m->above_context_tokens)
		parts[3] = slice_make(over, (size_t)snprintf(over, sizeof over, "over %lldk",
		                                             (long long)(m->above_context_tokens / 1000)));
	k->head[0] = '\0';
	for (size_t i = 0; i < sizeof parts / sizeof parts[0] && n < sizeof k->head; i++)
		if (parts[i].n)
			n += (size_t)snprintf(k->head + n, sizeof k->head - n, "%s" SLICE_FMT, n ? ", " : "",
			                      SLICE_ARG(parts[i]));
}

static size_t make_columns(const struct price *p, struct column at[COLUMNS_MAX])
{
	size_t n = 1;
	at[0] = (struct column){.head = "standard"};
	memcpy(at[0].rates, p->per_million, sizeof at[0].rates);
	for (size_t i = 0; i < p->modifiers_n; i++) {
		const struct price_modifier *m = &p->modifiers[i];
		struct billed_as as = {first_of(m->service_tier), first_of(m->speed), first_of(m->region)};
		int64_t context = m->above_context_tokens ? m->above_context_tokens + 1 : 0;
		name_column(&at[n], m);
		bool twice = false;
		for (size_t k = 0; k < n; k++)
			twice = twice || strcmp(at[k].head, at[n].head) == 0;
		if (!twice && price_rates(p, &as, context, at[n].rates) == 0)
			n++;
	}
	return n;
}

static const struct {
	enum meter meter;
	const char *name;
	int64_t parts; /* of a million: 1000 for what is priced by the thousand */
} lines[] = {
    {METER_INPUT, "input", 1},
    {METER_CACHE_READ, "cache read", 1},
    {METER_CACHE_WRITE_5M, "cache write 5 m", 1},
    {METER_CACHE_WRITE_1H, "cache write 1 h", 1},
    {METER_OUTPUT, "output", 1},
    {METER_REASONING, "reasoning", 1},
    {METER_INPUT_AUDIO, "audio in", 1},
    {METER_CACHE_READ_AUDIO, "audio cache read", 1},
    {METER_OUTPUT_AUDIO, "audio out", 1},
    {METER_INPUT_IMAGE, "image in", 1},
    {METER_OUTPUT_IMAGE, "image out", 1},
    {METER_WEB_SEARCHES, "1,000 web searches", 1000},
    {METER_HOSTED_TOOL_CALLS, "1,000 tool calls", 1000},
    {METER_FILE_SEARCHES, "1,000 file search", 1000},
    {METER_CODE_SESSIONS, "1,000 containers", 1000},
    {METER_CACHE_STORAGE, "cache storage, 1 h", 1},
};

static void print_table(FILE *out, const struct price *p)
{
	struct column at[COLUMNS_MAX];
	int width[COLUMNS_MAX];
	size_t n = make_columns(p, at);
	fprintf(out, "  %-18s", "USD for a million");
	for (size_t k = 0; k < n; k++) {
		width[k] = (int)strlen(at[k].head) > 9 ? (int)strlen(at[k].head) : 9;
		fprintf(out, "  %*s", width[k], at[k].head);
	}
	fputc('\n', out);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		enum meter m = lines[i].meter;
		char text[MONEY_TEXT_MAX];
		if (p->per_million[m] == PRICE_ABSENT)
			continue;
		fprintf(out, "  %-18s", lines[i].name);
		for (size_t k = 0; k < n; k++) {
			price_text(at[k].rates[m] / lines[i].parts, text);
			fprintf(out, "  %*s", width[k], text);
		}
		fputc('\n', out);
	}
}

static bool same_model(const struct price *a, const struct price *b)
{
	return slice_eq(a->vendor, b->vendor) && slice_eq(a->model, b->model);
}

/* The model's other prices, when they changed or will. */
static void print_history(const struct price_query *q, const struct price *p)
{
	size_t at = 0, n = 0;
	for (const struct price *o; (o = catalog_each(q->settings->catalog, &at)) != NULL;) {
		char from[16], until[16], input[MONEY_TEXT_MAX], output[MONEY_TEXT_MAX];
		if (!same_model(o, p) || o == p)
			continue;
		price_date(o->from_ms, from);
		price_date(o->until_ms, until);
		price_text(o->per_million[METER_INPUT], input);
		price_text(o->per_million[METER_OUTPUT], output);
		fprintf(q->c->out, "  %-18s  input %s, output %s, %s%s%s%s%s\n", n++ ? "" : "other times",
		        input, output, from[0] ? "from " : "", from, from[0] && until[0] ? " " : "",
		        until[0] ? "until " : "", until);
	}
}

/* "1,048,576 tokens"; nothing for an unknown size. */
static void print_tokens(FILE *out, const char *name, int64_t tokens)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%lld", (long long)tokens);
	if (tokens <= 0)
		return;
	fprintf(out, "  %-18s  ", name);
	for (int i = 0; i < n; i++)
		fprintf(out, "%s%c", i > 0 && (n - i) % 3 == 0 ? "," : "", digits[i]);
	fputs(" tokens\n", out);
}

static void print_price(const struct price_query *q, const struct price *p)
{
	FILE *out = q->c->out;
	char from[16], until[16];
	price_date(p->from_ms, from);
	price_date(p->until_ms, until);
	fprintf(out, SLICE_FMT " of " SLICE_FMT, SLICE_ARG(p->model), SLICE_ARG(p->vendor));
	if (!slice_eq_nocase(q->pattern, p->model))
		fprintf(out, ", which prices " SLICE_FMT, SLICE_ARG(q->pattern));
	fprintf(out, "%s%s%s%s\n", from[0] ? ", from " : "", from, until[0] ? ", until " : "", until);
	print_table(out, p);
	print_history(q, p);
	print_tokens(out, "context window", p->context_window);
	print_tokens(out, "largest output", p->max_output);
	fprintf(out, "  %-18s  " SLICE_FMT "\n", "source", SLICE_ARG(p->source));
	fprintf(out, "  %-18s  " SLICE_FMT "\n", "price id", SLICE_ARG(p->id));
}

/* --- which rows ------------------------------------------------------------------------------------------
 */

struct found {
	size_t n;
	const struct price *at[VENDORS_MAX];
};

/* The row of every vendor that has the model; those of the settings' providers first. */
static void find(const struct price_query *q, slice vendor, slice model, struct found *f)
{
	const struct catalog *c = q->settings->catalog;
	for (int used = 1; used >= 0; used--) {
		slice last = SLICE_NONE;
		size_t at = 0;
		for (const struct price *p; (p = catalog_each(c, &at)) != NULL && f->n < VENDORS_MAX;
		     last = p->vendor) {
			if (slice_eq(last, p->vendor) ||
			    price_vendor_used(q->settings, p->vendor) != (used == 1))
				continue;
			if (vendor.n && !slice_eq_nocase(vendor, p->vendor))
				continue;
			const struct price *row = catalog_price(c, p->vendor, model, q->at_ms);
			if (row)
				f->at[f->n++] = row;
		}
	}
}

/* "anthropic/claude-sonnet-4-5": a row's id without its date. */
static void find_by_id(struct price_query *q, struct found *f)
{
	slice rest = q->pattern, vendor;
	if (slice_find_char(q->pattern, '/') <= 0 || !slice_split(&rest, '/', &vendor))
		return;
	find(q, vendor, rest, f);
	if (f->n)
		q->pattern = rest;
}

static bool serves(const struct provider *p, slice model)
{
	for (size_t i = 0; i < p->models_n; i++)
		if (slice_glob(model, p->models[i]))
			return true;
	return p->models_n == 0;
}

static size_t print_own_prices(const struct price_query *q)
{
	size_t n = 0;
	for (size_t i = 0; i < q->settings->providers_n; i++) {
		const struct provider *p = &q->settings->providers[i];
		char input[MONEY_TEXT_MAX], output[MONEY_TEXT_MAX];
		if (!p->has_price || !serves(p, q->pattern))
			continue;
		price_text(p->price.per_million[METER_INPUT], input);
		price_text(p->price.per_million[METER_OUTPUT], output);
		fprintf(q->c->out,
		        "At the provider " SLICE_FMT
		        " it costs what the settings say: input %s, output %s.\n",
		        SLICE_ARG(p->name), input, output);
		n++;
	}
	return n;
}

static int unknown(const struct price_query *q)
{
	struct arena mem;
	struct nearest near;
	size_t at = 0;
	arena_init(&mem, MEMORY_MAX);
	nearest_init(&near, q->pattern);
	for (const struct price *p; (p = catalog_each(q->settings->catalog, &at)) != NULL;)
		if (q->vendor.n ? slice_eq_nocase(q->vendor, p->vendor)
		                : price_vendor_used(q->settings, p->vendor))
			nearest_offer(&near, p->model);
	slice m = catalog_unknown_message(&mem, q->vendor, q->pattern);
	if (near.best.n)
		cli_fail(q->c, "did you mean " SLICE_FMT "?", SLICE_ARG(near.best));
	if (q->settings->unknown_price == UNKNOWN_PRICE_FALLBACK)
		cli_fail(q->c,
		         "no price is known for \"" SLICE_FMT
		         "\": a call would cost what `prices: {unknown: …}` of the settings says",
		         SLICE_ARG(q->pattern));
	else
		cli_fail(q->c, SLICE_FMT, SLICE_ARG(m));
	arena_release(&mem);
	return EXIT_FAILED;
}

static int show_json(const struct price_query *q, const struct found *f)
{
	struct buf b;
	struct jsonw w;
	buf_init(&b, PRICE_JSON_MAX);
	jsonw_init(&w, &b);
	jsonw_array(&w);
	for (size_t i = 0; i < f->n; i++)
		price_json(&w, f->at[i]);
	jsonw_array_end(&w);
	return cli_print_json(q->c, &w, &b);
}

int price_show(struct price_query *q)
{
	struct found f = {0};
	slice vendor = slice_eq_nocase(q->vendor, SLICE("all")) ? SLICE_NONE : q->vendor;
	size_t shown = 0;
	find(q, vendor, q->pattern, &f);
	if (f.n == 0 && vendor.n == 0)
		find_by_id(q, &f);
	if (q->c->json)
		return f.n ? show_json(q, &f) : unknown(q);
	size_t own = print_own_prices(q);
	if (f.n == 0)
		return own ? EXIT_DONE : unknown(q);
	/* Without a vendor: those of the settings' providers, or the first, and the names of the others. */
	for (size_t i = 0; i < f.n; i++) {
		if (q->vendor.n == 0 && i > 0 && !price_vendor_used(q->settings, f.at[i]->vendor))
			break;
		if (i > 0)
			fputc('\n', q->c->out);
		print_price(q, f.at[i]);
		shown++;
	}
	for (size_t i = shown; i < f.n; i++)
		fprintf(q->c->out, "%s" SLICE_FMT "%s", i == shown ? "\nAlso priced at (--vendor): " : ", ",
		        SLICE_ARG(f.at[i]->vendor), i + 1 == f.n ? "\n" : "");
	return EXIT_DONE;
}
