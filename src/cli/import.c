/* weir import: what agents and providers have written down, into the ledger. */
#include "cli/import.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/money.h"
#include "cli/ledger_open.h"
#include "model/attr_text.h"

#define PATHS_MAX   256
#define WATCH_EVERY 15 /* seconds */

static int run_import(struct cli *c, int argc, char **argv);

const struct command command_import = {
    .name = "import",
    .summary = "agents' transcripts and providers' exports into the ledger",
    .usage =
        "weir import [SOURCE [PATH...]] [options]\n"
        "\n"
        "  SOURCE           an agent's transcripts: claude-code, codex, gemini-cli, opencode or copilot-cli\n"
        "                   (else all of these); or an export: anthropic-usage, openai-usage, cursor, "
        "copilot,\n"
        "                   invoice\n"
        "  PATH             folders or files to read, - for standard input (else where the agent keeps them\n"
        "                   for this user; exports have to be named)\n"
        "  --user U         whose calls they are\n"
        "  --set K=V        any other attribute: team, repo, environment, ...; may be given again\n"
        "  --billing B      metered, or subscription: what a plan paid, valued at list price (else as the\n"
        "                   transcript tells, metered when it does not)\n"
        "  --provider P     of an export: whose calls it tells of, as the ledger names them (else as the "
        "file\n"
        "                   tells: anthropic, openai, copilot)\n"
        "  --account A      of an export: one of several accounts with the same provider\n"
        "  --columns C      of an invoice: its names of columns, amount=Total,date=Day (from=, until=, "
        "model=,\n"
        "                   description=, currency=, user=, project=, cost_centre=)\n"
        "  --all            also files that have not changed since they were read\n"
        "  --loops          instead: where an agent went round in circles, and what was spent after that\n"
        "  --watch          goes on, and reads what is new every 15 s, until Ctrl-C\n",
    .run = run_import,
};

struct ask {
	struct cli *c;
	const struct import_source *source; /* NULL: all */
	size_t paths_n;
	const char *paths[PATHS_MAX];
	struct attribution fixed;
	struct attr_tags tags;
	enum billing billing;
	bool all, watch, loops;
	slice provider, account, columns;
	struct arena mem;
};

/* --- the command line -------------------------------------------------------------------------------------
 */

static int set_attribute(struct ask *a, const char *word)
{
	slice rest = slice_of(word), name;
	slice_split(&rest, '=', &name);
	enum attr at = attr_from_name(name);
	if (rest.p == NULL || rest.n == 0)
		return cli_usage_error(a->c, &command_import, "--set %s: write NAME=VALUE", word);
	if (slice_starts(name, SLICE("tags.")) && attr_tags_add(&a->tags, slice_sub(name, 5, name.n), rest))
		return EXIT_DONE;
	if (at >= ATTR_N || at == ATTR_TAGS || at == ATTR_SESSION)
		return cli_usage_error(
		    a->c, &command_import,
		    "--set " SLICE_FMT
		    ": no such attribute; there are user, team, cost_centre, repo, branch, "
		    "workflow, environment, task, cohort, tags.NAME",
		    SLICE_ARG(name));
	a->fixed.v[at] = attr_clean(rest, &a->mem);
	return EXIT_DONE;
}

static int take_option(struct ask *a, const char *name, const char *value)
{
	if (strcmp(name, "all") == 0)
		a->all = true;
	else if (strcmp(name, "watch") == 0)
		a->watch = true;
	else if (strcmp(name, "loops") == 0)
		a->loops = true;
	else if (strcmp(name, "provider") == 0)
		a->provider = slice_of(value);
	else if (strcmp(name, "account") == 0)
		a->account = slice_of(value);
	else if (strcmp(name, "columns") == 0)
		a->columns = slice_of(value);
	else if (strcmp(name, "user") == 0)
		a->fixed.v[ATTR_USER] = attr_clean(slice_of(value), &a->mem);
	else if (strcmp(name, "set") == 0)
		return set_attribute(a, value);
	else if (strcmp(value, "subscription") == 0)
		a->billing = BILLING_SUBSCRIPTION;
	else if (strcmp(value, "metered") != 0)
		return cli_usage_error(a->c, &command_import, "--billing %s: write metered or subscription",
		                       value);
	return EXIT_DONE;
}

static int take_word(struct ask *a, const char *word)
{
	if (a->source == NULL) {
		a->source = import_source_named(slice_of(word));
		return a->source ? EXIT_DONE
		                 : cli_usage_error(a->c, &command_import,
		                                   "\"%s\" is no source: claude-code, codex, gemini-cli, "
		                                   "opencode, copilot-cli, anthropic-usage, openai-usage, "
		                                   "cursor, copilot or invoice, then a path",
		                                   word);
	}
	if (a->paths_n == PATHS_MAX)
		return cli_usage_error(a->c, &command_import, "too many paths: name their folder");
	a->paths[a->paths_n++] = word;
	return EXIT_DONE;
}

/* EXIT_DONE; EXIT_USAGE after a message; -1 after the help. */
static int read_options(struct ask *a, int argc, char **argv)
{
	const char *name, *value;
	int at = 1, r, status = EXIT_DONE;
	while (status == EXIT_DONE &&
	       (r = cli_next(a->c, &command_import, argc, argv, &at,
	                     "user=:set=:billing=:provider=:account=:columns=:all:watch:loops", &name,
	                     &value)) != 0) {
		if (r < 0)
			return r == -2 ? -1 : EXIT_USAGE;
		status = r == 2 ? take_word(a, value) : take_option(a, name, value);
	}
	if (status == EXIT_DONE && a->source && a->source->named_only && a->paths_n == 0)
		return cli_usage_error(a->c, &command_import, "%s: name the file, or - for standard input",
		                       a->source->name);
	if (a->tags.n)
		a->fixed.v[ATTR_TAGS] = attr_tags_json(&a->tags, &a->mem);
	return status;
}

/* --- the run ----------------------------------------------------------------------------------------------
 */

static int import_source_of(struct ask *a, struct import_run *r, const struct import_source *s,
                            uint64_t *found)
{
	int status = EXIT_DONE;
	if (a->paths_n == 0)
		return import_run_places(r, s, found);
	for (size_t i = 0; i < a->paths_n && status == EXIT_DONE; i++)
		if (strcmp(a->paths[i], "-") == 0) {
			status = import_run_stream(r, s, STDIN_FILENO);
			++*found;
		} else {
			status = import_run_path(r, s, a->paths[i], found);
		}
	return status;
}

static int import_all(struct ask *a, struct import_run *r, uint64_t *found)
{
	int status = EXIT_DONE;
	if (a->source)
		return import_source_of(a, r, a->source, found);
	for (size_t i = 0; import_source_at(i) && status == EXIT_DONE; i++)
		if (!import_source_at(i)->named_only)
			status = import_source_of(a, r, import_source_at(i), found);
	return status;
}

static int print_json(const struct cli *c, const struct import_totals *t)
{
	struct buf out;
	struct jsonw w;
	buf_init(&out, 4096);
	jsonw_init(&w, &out);
	jsonw_object(&w);
	jsonw_put_i64(&w, SLICE("files"), (int64_t)t->files);
	jsonw_put_i64(&w, SLICE("unchanged"), (int64_t)t->unchanged);
	jsonw_put_i64(&w, SLICE("unreadable"), (int64_t)t->unreadable);
	jsonw_put_i64(&w, SLICE("calls"), (int64_t)t->counts.calls);
	jsonw_put_i64(&w, SLICE("added"), (int64_t)t->added);
	jsonw_put_i64(&w, SLICE("known"), (int64_t)t->known);
	jsonw_put_i64(&w, SLICE("open"), (int64_t)t->counts.open);
	jsonw_put_i64(&w, SLICE("unpriced"), (int64_t)t->counts.unpriced);
	jsonw_put_i64(&w, SLICE("bad_lines"), (int64_t)t->counts.bad_lines);
	jsonw_put_i64(&w, SLICE("cost_nanousd"), t->cost_nanousd);
	jsonw_put_i64(&w, SLICE("told_in_sum"), (int64_t)t->counts.tallies);
	jsonw_put_i64(&w, SLICE("passed_over"), (int64_t)t->counts.others);
	jsonw_key(&w, SLICE("sums"));
	jsonw_object(&w);
	jsonw_put_i64(&w, SLICE("booked"), (int64_t)t->tallies.booked);
	jsonw_put_i64(&w, SLICE("removed"), (int64_t)t->tallies.removed);
	jsonw_put_i64(&w, SLICE("unpriced"), (int64_t)t->tallies.unpriced);
	jsonw_put_i64(&w, SLICE("cost_nanousd"), t->tallies.cost_nanousd);
	jsonw_put_i64(&w, SLICE("tokens"), t->tallies.tokens);
	jsonw_put_i64(&w, SLICE("known_tokens"), t->tallies.known_tokens);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	return cli_print_json(c, &w, &out);
}

/* "118 sums of 12 days told; 30 rows booked ($81.20): 40 % of the tokens were known call by call" */
static void print_tallies(const struct cli *c, const struct import_totals *t)
{
	const struct tally_counts *s = &t->tallies;
	char usd[MONEY_TEXT_MAX];
	if (t->counts.tallies)
		fprintf(c->out, "%llu sums that the provider tells; ", (unsigned long long)t->counts.tallies);
	else if (s->booked + s->removed == 0)
		return;
	money_format_human(s->cost_nanousd, usd);
	fprintf(c->out, "%llu rows booked for what they have beyond the calls known one by one (%s)",
	        (unsigned long long)s->booked, usd);
	if (s->removed)
		fprintf(c->out, ", in place of %llu", (unsigned long long)s->removed);
	if (s->tokens > 0)
		fprintf(c->out, "; of their tokens %lld %% were known",
		        (long long)(s->known_tokens / (s->tokens / 100 + 1)));
	if (s->unpriced)
		fprintf(c->out, "; %llu rows have no price", (unsigned long long)s->unpriced);
	fputs(".\n", c->out);
}

/* A file that tells in sum alone. */
static int print_export(const struct cli *c, const struct import_totals *t)
{
	print_tallies(c, t);
	if (t->counts.bad_lines)
		fprintf(c->out, "%llu lines could not be read.\n", (unsigned long long)t->counts.bad_lines);
	fflush(c->out);
	return EXIT_DONE;
}

static int print_totals(const struct cli *c, const struct import_totals *t)
{
	char usd[MONEY_TEXT_MAX];
	if (c->json)
		return print_json(c, t);
	if (t->counts.tallies && t->counts.calls == 0)
		return print_export(c, t);
	money_format_human(t->cost_nanousd, usd);
	fprintf(c->out, "%llu calls added (%s) of %llu files", (unsigned long long)t->added, usd,
	        (unsigned long long)t->files);
	if (t->unchanged)
		fprintf(c->out, "; %llu files unchanged", (unsigned long long)t->unchanged);
	if (t->known)
		fprintf(c->out, "; %llu calls were known", (unsigned long long)t->known);
	if (t->counts.open)
		fprintf(c->out, "; %llu not complete yet", (unsigned long long)t->counts.open);
	if (t->counts.unpriced)
		fprintf(c->out, "; %llu have no price (`weir price check` names their models)",
		        (unsigned long long)t->counts.unpriced);
	if (t->counts.bad_lines)
		fprintf(c->out, "; %llu lines could not be read", (unsigned long long)t->counts.bad_lines);
	fputs(".\n", c->out);
	print_tallies(c, t);
	fflush(c->out);
	return EXIT_DONE;
}

static int tell_nothing(const struct ask *a)
{
	if (a->paths_n)
		return cli_fail(a->c,
		                "no transcripts of %s are there: name the folder that the agent writes to",
		                a->source->title);
	return cli_fail(a->c,
	                "no transcripts are where %s keep%s them for this user: name the folder, as in `weir "
	                "import claude-code ~/.claude/projects`",
	                a->source ? a->source->title : "the agents", a->source ? "s" : "");
}

static int import_once(struct ask *a, struct cli_ledger *l, const struct settings *settings)
{
	struct import_run r;
	uint64_t found = 0;
	import_run_init(&r, a->c, l->ops, l->ledger);
	r.options.catalog = settings->catalog;
	r.options.fixed = a->fixed;
	r.options.billing = a->billing;
	r.options.provider = a->provider;
	r.options.account = a->account;
	r.options.columns = a->columns;
	r.settings = settings;
	r.all = a->all;
	r.progress = isatty(fileno(a->c->err)) && !a->watch;
	int status = import_all(a, &r, &found);
	if (status == EXIT_DONE)
		status = import_tallies_end(&r);
	import_tallies_free(&r);
	if (r.progress)
		fputs("\r\033[K", a->c->err);
	if (status != EXIT_DONE)
		return status;
	if (found == 0 && !a->watch)
		return tell_nothing(a);
	if (a->source && a->source->named_only && r.totals.counts.bad_lines &&
	    r.totals.counts.calls + r.totals.counts.tallies == 0)
		return EXIT_FAILED; /* each line was told of */
	if (a->watch && r.totals.added + r.totals.tallies.booked + r.totals.tallies.removed == 0)
		return EXIT_DONE;
	return print_totals(a->c, &r.totals);
}

static int import_here(struct ask *a)
{
	struct cli_ledger l;
	struct settings *s = cli_settings_with(a->c, SETTINGS_NO_SECRETS);
	if (s == NULL)
		return EXIT_FAILED;
	if (a->loops) {
		int done = import_loops(a->c, a->source, a->paths, a->paths_n, s->catalog);
		settings_unref(s);
		return done;
	}
	int status = cli_ledger_open(a->c, true, &l);
	if (status == EXIT_DONE) {
		const struct timespec wait = {WATCH_EVERY, 0};
		do
			status = import_once(a, &l, s);
		while (a->watch && status == EXIT_DONE && nanosleep(&wait, NULL) == 0);
		cli_ledger_close(&l);
	}
	settings_unref(s);
	return status;
}

static int run_import(struct cli *c, int argc, char **argv)
{
	struct ask a = {.c = c};
	arena_init(&a.mem, 1 << 20);
	attr_tags_init(&a.tags);
	int status = read_options(&a, argc, argv);
	if (status == EXIT_DONE && c->server)
		status = cli_fail(c, "transcripts are imported where the ledger is: run this there, without "
		                     "--server and WEIR_URL");
	else if (status == EXIT_DONE)
		status = import_here(&a);
	arena_release(&a.mem);
	return status < 0 ? EXIT_DONE : status;
}
