/* `weir price`: what calls are costed with. This file holds the command line and `list`. */
#include "base/clock.h"
#include "base/money.h"
#include "cli/price.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static int run_price(struct cli *c, int argc, char **argv);

const struct command command_price = {
    "price", "shows and checks the prices that calls are costed with",
    "weir price list [PATTERN] [options] | show MODEL [options] | check [options]\n"
    "weir price import FILE... [--model M] [--vendor V] [--out FILE] [--replace] [--apply]\n"
    "weir price reprice --since D [--model M] [--apply]\n\n"
    "list     the prices of today, in USD for a million tokens; of models whose name has PATTERN in it\n"
    "         (or matches it, with * and ?)\n"
    "show     what MODEL costs, named as a client names it: every meter, tier, region and change of price\n"
    "check    says when the price book is old, when a provider has no prices, which prices will change "
    "soon,\n"
    "         and which models were called without a price or with an old one; exit status 1 when something "
    "is\n"
    "         to be done; with --against, where other price books say otherwise\n"
    "import   takes what a public price book says otherwise, or what is not known here, into the price file "
    "of "
    "the\n"
    "         settings (prices: {file: …}); without --apply nothing is written. Of several books the first "
    "that\n"
    "         has a model is heard\n"
    "reprice  what the calls since D cost by the prices of now; with --apply, correction rows for the "
    "difference:\n"
    "         no row is changed, each correction names the one it mends\n\n"
    "  --vendor V       anthropic, openai, google, bedrock, azure, vertex, openrouter, …, or all; default "
    "those\n"
    "                   of the providers in the settings\n"
    "  --at DATE        the prices of that day (2026-03-13) instead of today's\n"
    "  --older-than D   check: how old the book, and the price of a called model, may be (default 180d)\n"
    "  --against FILE   check: a price book of others, or a folder of them; again for more\n"
    "  --since D        check, reprice: how far back calls are looked at (check: default 30d)\n"
    "  --model M        check --against, import, reprice: that model alone (* and ? as in file names)\n"
    "  --out FILE       import: the price file to write, instead of the settings' own\n"
    "  --replace        import: also models whose price was written by hand\n"
    "  --apply          import, reprice: writes; without it nothing is written\n"
    "                   (import: from --at on, else from today on, the price before it stays for calls "
    "before)\n",
    run_price};

void price_text(int64_t nano, char out[MONEY_TEXT_MAX])
{
	if (nano == PRICE_ABSENT)
		snprintf(out, MONEY_TEXT_MAX, "-");
	else
		money_format_exact(nano, out);
}

void price_date(int64_t ms, char out[16])
{
	char text[CLOCK_RFC3339_MAX] = "";
	if (ms != INT64_MIN && ms != INT64_MAX)
		clock_format_rfc3339(ms, text);
	snprintf(out, 16, "%.10s", text);
}

bool price_vendor_used(const struct settings *s, slice vendor)
{
	for (size_t i = 0; i < s->providers_n; i++)
		if (slice_eq_nocase(s->providers[i].vendor, vendor))
			return true;
	return false;
}

static void json_prices(struct jsonw *w, const int64_t per_million[METER_N])
{
	for (int m = 0; m < METER_N; m++)
		if (per_million[m] != PRICE_ABSENT)
			jsonw_put_i64(w, catalog_meter_key((enum meter)m), per_million[m]);
}

static void json_modifier(struct jsonw *w, const struct price_modifier *m)
{
	jsonw_object(w);
	if (m->service_tier.n)
		jsonw_put_string(w, SLICE("tier"), m->service_tier);
	if (m->speed.n)
		jsonw_put_string(w, SLICE("speed"), m->speed);
	if (m->region.n)
		jsonw_put_string(w, SLICE("region"), m->region);
	if (m->above_context_tokens)
		jsonw_put_i64(w, SLICE("above_context"), m->above_context_tokens);
	if (m->ppm != PPM_NONE) {
		jsonw_put_i64(w, SLICE("times_ppm"), m->ppm);
		jsonw_key(w, SLICE("meters"));
		jsonw_array(w);
		for (int i = 0; i < METER_N; i++)
			if (m->meters >> i & 1)
				jsonw_string(w, catalog_meter_key((enum meter)i));
		jsonw_array_end(w);
	}
	json_prices(w, m->per_million);
	jsonw_object_end(w);
}

static void put_date(struct jsonw *w, slice key, int64_t ms)
{
	char text[16];
	price_date(ms, text);
	jsonw_put_string(w, key, text[0] ? slice_of(text) : SLICE_NONE);
}

void price_json(struct jsonw *w, const struct price *p)
{
	jsonw_object(w);
	jsonw_put_string(w, SLICE("id"), p->id);
	jsonw_put_string(w, SLICE("vendor"), p->vendor);
	jsonw_put_string(w, SLICE("model"), p->model);
	put_date(w, SLICE("from"), p->from_ms);
	put_date(w, SLICE("until"), p->until_ms);
	jsonw_put_string(w, SLICE("source"), p->source);
	if (p->context_window)
		jsonw_put_i64(w, SLICE("context_window"), p->context_window);
	if (p->max_output)
		jsonw_put_i64(w, SLICE("max_output"), p->max_output);
	jsonw_key(w, SLICE("nanousd_per_million"));
	jsonw_object(w);
	json_prices(w, p->per_million);
	jsonw_object_end(w);
	jsonw_key(w, SLICE("modifiers"));
	jsonw_array(w);
	for (size_t i = 0; i < p->modifiers_n; i++)
		json_modifier(w, &p->modifiers[i]);
	jsonw_array_end(w);
	jsonw_object_end(w);
}

/* --- list ------------------------------------------------------------------------------------------------
 */

/* "opus" is part of a name, "claude-*-5" a pattern of it. */
static bool named(const struct price *p, slice pattern)
{
	char low[256], shape[256];
	if (pattern.n == 0)
		return true;
	if (pattern.n + 2 >= sizeof shape || p->model.n >= sizeof low)
		return false;
	bool glob = slice_find_char(pattern, '*') >= 0 || slice_find_char(pattern, '?') >= 0;
	int n = snprintf(shape, sizeof shape, "%s" SLICE_FMT "%s", glob ? "" : "*", SLICE_ARG(pattern),
	                 glob ? "" : "*");
	for (int i = 0; i < n; i++)
		shape[i] = (char)(shape[i] >= 'A' && shape[i] <= 'Z' ? shape[i] + 32 : shape[i]);
	for (size_t i = 0; i < p->model.n; i++)
		low[i] =
		    (char)(p->model.p[i] >= 'A' && p->model.p[i] <= 'Z' ? p->model.p[i] + 32 : p->model.p[i]);
	return slice_glob(slice_make(low, p->model.n), slice_make(shape, (size_t)n));
}

bool price_listed(const struct price_query *q, const struct price *p)
{
	if (q->at_ms < p->from_ms || q->at_ms >= p->until_ms || !named(p, q->pattern))
		return false;
	if (q->vendor.n == 0)
		return price_vendor_used(q->settings, p->vendor);
	return slice_eq_nocase(q->vendor, SLICE("all")) || slice_eq_nocase(q->vendor, p->vendor);
}

static void list_row(FILE *out, int width, const struct price *p)
{
	static const enum meter meters[] = {METER_INPUT, METER_CACHE_READ, METER_CACHE_WRITE_5M,
	                                    METER_CACHE_WRITE_1H, METER_OUTPUT};
	fprintf(out, "  %-*.*s", width, (int)p->model.n, p->model.p);
	for (size_t i = 0; i < sizeof meters / sizeof meters[0]; i++) {
		char text[MONEY_TEXT_MAX];
		price_text(p->per_million[meters[i]], text);
		fprintf(out, " %10s", text);
	}
	if (p->context_window)
		fprintf(out, " %9lld\n", (long long)p->context_window);
	else
		fprintf(out, " %9s\n", "-");
}

/* Rows come in order of id, so that a vendor's stand together. */
static void list_table(const struct price_query *q, size_t *shown)
{
	int width = 10;
	slice vendor = SLICE_NONE;
	size_t at = 0;
	for (const struct price *p; (p = catalog_each(q->settings->catalog, &at)) != NULL;)
		if (price_listed(q, p) && (int)p->model.n > width)
			width = (int)p->model.n;
	at = 0;
	for (const struct price *p; (p = catalog_each(q->settings->catalog, &at)) != NULL;) {
		if (!price_listed(q, p))
			continue;
		if (!slice_eq(vendor, p->vendor)) {
			fprintf(q->c->out, "%s%-*.*s %10s %10s %10s %10s %10s %9s\n", *shown ? "\n" : "",
			        width + 2, (int)p->vendor.n, p->vendor.p, "input", "cache read", "write 5 m",
			        "write 1 h", "output", "context");
			vendor = p->vendor;
		}
		list_row(q->c->out, width, p);
		(*shown)++;
	}
}

static void list_others(const struct price_query *q)
{
	slice last = SLICE_NONE;
	size_t at = 0, n = 0;
	for (const struct price *p; (p = catalog_each(q->settings->catalog, &at)) != NULL; last = p->vendor)
		if (!slice_eq(last, p->vendor) && !price_vendor_used(q->settings, p->vendor))
			fprintf(q->c->out, "%s" SLICE_FMT,
			        n++ ? ", " : "Others, with --vendor: ", SLICE_ARG(p->vendor));
	if (n)
		fputs(".\n", q->c->out);
}

static int list_json(const struct price_query *q)
{
	struct buf b;
	struct jsonw w;
	size_t at = 0;
	buf_init(&b, PRICE_JSON_MAX);
	jsonw_init(&w, &b);
	jsonw_array(&w);
	for (const struct price *p; (p = catalog_each(q->settings->catalog, &at)) != NULL;)
		if (price_listed(q, p))
			price_json(&w, p);
	jsonw_array_end(&w);
	return cli_print_json(q->c, &w, &b);
}

int price_list(struct price_query *q)
{
	size_t shown = 0;
	if (q->c->json)
		return list_json(q);
	list_table(q, &shown);
	if (shown == 0)
		return cli_fail(q->c, "no price fits: `weir price list --vendor all` shows every one");
	fprintf(q->c->out, "\n%zu prices in USD for a million tokens, of the price book of " SLICE_FMT ".\n",
	        shown, SLICE_ARG(catalog_date(q->settings->catalog)));
	if (q->vendor.n == 0 && q->pattern.n == 0)
		list_others(q);
	return EXIT_DONE;
}

/* --- the command line ------------------------------------------------------------------------------------
 */

static bool take_file(struct price_query *q, const char *path)
{
	if (q->files_n == PRICE_FILES_MAX) {
		cli_usage_error(q->c, &command_price, "more than %d files", PRICE_FILES_MAX);
		return false;
	}
	q->files[q->files_n++] = path;
	return true;
}

/* One option; false after a message. */
static bool take_option(struct price_query *q, slice name, const char *value)
{
	slice text = slice_of(value);
	int64_t *ms = slice_eq(name, SLICE("older-than")) ? &q->older_ms : &q->since_ms;
	if (slice_eq(name, SLICE("apply")))
		return q->apply = true;
	if (slice_eq(name, SLICE("replace")))
		return q->replace = true;
	if (slice_eq(name, SLICE("out"))) {
		q->out = value;
		return true;
	}
	if (slice_eq(name, SLICE("against")))
		return take_file(q, value);
	if (slice_eq(name, SLICE("model"))) {
		q->pattern = text;
		return true;
	}
	if (slice_eq(name, SLICE("since")))
		q->since_given = true;
	if (slice_eq(name, SLICE("vendor"))) {
		q->vendor = text;
		return true;
	}
	if (slice_eq(name, SLICE("at"))) {
		q->dated = clock_parse_rfc3339(text, &q->at_ms);
		if (!q->dated)
			cli_usage_error(q->c, &command_price, "--at %s: write a date (2026-03-13)", value);
		return q->dated;
	}
	if (clock_parse_duration(text, ms))
		return true;
	cli_usage_error(q->c, &command_price, "--" SLICE_FMT " %s: write a duration (90d)", SLICE_ARG(name),
	                value);
	return false;
}

static const struct {
	const char *name;
	int (*run)(struct price_query *q);
	int words_min, words_max; /* behind the name */
} actions[] = {{"list", price_list, 0, 1},
               {"show", price_show, 1, 1},
               {"check", price_check, 0, 0},
               {"reprice", price_reprice, 0, 0},
               {"import", price_import, 1, PRICE_FILES_MAX}};

#define ACTIONS (sizeof actions / sizeof actions[0])

static int run_action(struct price_query *q, const char *name, int words)
{
	size_t i = 0;
	while (i < ACTIONS && strcmp(actions[i].name, name) != 0)
		i++;
	if (i == ACTIONS)
		return cli_usage_error(q->c, &command_price, "there is no `weir price %s`", name);
	if (words < actions[i].words_min)
		return cli_usage_error(q->c, &command_price, "`weir price %s` asks for a %s", name,
		                       actions[i].run == price_import ? "file" : "model");
	if (words > actions[i].words_max)
		return cli_usage_error(q->c, &command_price, "`weir price %s` takes fewer words", name);
	if (q->c->server)
		return cli_fail(
		    q->c, "prices are those of this machine's settings: leave out --server and WEIR_URL");
	q->settings = cli_settings_with(q->c, SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER);
	int status = q->settings ? actions[i].run(q) : EXIT_FAILED;
	settings_unref(q->settings);
	return status;
}

static int run_price(struct cli *c, int argc, char **argv)
{
	struct price_query q = {
	    .c = c, .at_ms = clock_wall_ms(clock_real()), .older_ms = 180 * DAY_MS, .since_ms = 30 * DAY_MS};
	const char *name, *value, *action = NULL;
	int at = 1, r, words = 0;
	while ((r = cli_next(c, &command_price, argc, argv, &at,
	                     "vendor=:at=:older-than=:since=:model=:against=:out=:replace:apply", &name,
	                     &value)) > 0) {
		if (r == 1 && !take_option(&q, slice_of(name), value))
			return EXIT_USAGE;
		if (r == 1)
			continue;
		if (!action)
			action = value;
		else if (strcmp(action, "import") == 0 ? words++, !take_file(&q, value) : false)
			return EXIT_USAGE;
		else if (strcmp(action, "import") != 0 && words++ == 0)
			q.pattern = slice_of(value);
	}
	if (r < 0)
		return r == -2 ? EXIT_DONE : EXIT_USAGE;
	if (!action)
		return cli_usage_error(c, &command_price,
		                       "what to do is missing: list, show, check, import or reprice");
	return run_action(&q, action, words);
}
