/* weir report: who spent what. */
#include <string.h>

#include "base/clock.h"
#include "cli/import.h"
#include "cli/ledger_open.h"
#include "cli/remote.h"
#include "cli/style.h"
#include "finops/report.h"

#define OUT_MAX   ((size_t)256 << 20)
#define TOP_USUAL 50 /* on a terminal */

static int run_report(struct cli *c, int argc, char **argv);

const struct command command_report = {
    .name = "report",
    .summary = "who spent what, by any dimensions",
    .usage =
        "weir report [options]\n"
        "\n"
        "  --by A,B         dimensions: user, team, repo, branch, agent, session, model, provider, api, "
        "status,\n"
        "                   ending, tags.NAME and the other fields of the ledger (else agent,model)\n"
        "  --per PERIOD     hour, day, week or month, in the configured time zone\n"
        "  --since WHEN     7d, 12h, 2026-11-01, 2026-11-01T08:00:00Z, today, yesterday, week or month (else "
        "30d)\n"
        "  --until WHEN     the same; not included (else now)\n"
        "  --where F=V      only calls whose field F is V: several by commas, * and ? in texts, ! in front "
        "for \"not\",\n"
        "                   nothing for \"unknown\", \">n\" and the like for numbers; may be given again\n"
        "  --view NAME      a named report: summary, models, cache, context, distribution, waste, ci, "
        "subscription,\n"
        "                   allocation, cohorts\n"
        "  --compare        beside the period of the same length before it\n"
        "  --chart          over time\n"
        "  --measures A,B   calls, cost_nanousd, output_tokens, cache_hit_ratio, ... (else the usual ones)\n"
        "  --top N          rows of a table, the dearest of each period first (on a terminal 50; 0: all)\n"
        "  --format F       table, json, csv, markdown (for a comment) or html (one file, for a mail)\n"
        "  --csv            as --format csv\n",
    .run = run_report,
};

#define OPTIONS_MAX 64

struct ask {
	struct cli *c;
	struct report report;
	enum report_format format;
	struct report_style style;
	/* As they were given: a date is read in the settings' time zone, and the options name the settings.
	 */
	size_t given_n;
	struct {
		char name[16];
		const char *value;
	} given[OPTIONS_MAX];
};

static void print(const struct ask *a, slice text)
{
	if (text.n)
		fwrite(text.p, 1, text.n, a->c->out);
	if (a->format == REPORT_JSON)
		fputc('\n', a->c->out);
}

/* --- the ledger of this machine -------------------------------------------------------------- */

static int note_newest(void *arg, const struct record *r)
{
	*(int64_t *)arg = r->time_ms;
	return 0;
}

/* Nothing to show: why, and what to do. */
static void tell_nothing(struct ask *a, struct cli_ledger *l)
{
	struct ledger_query q = {.newest_first = true, .limit = 1};
	char text[CLOCK_RFC3339_MAX];
	int64_t newest = 0;
	if (l->ledger == NULL || l->ops->rows(l->ledger, &q, note_newest, &newest, NULL) != 0 ||
	    newest == 0) {
		cli_ledger_empty(a->c, l);
		return;
	}
	clock_format_rfc3339(newest, text);
	fprintf(a->c->err,
	        "weir: no call matches. The newest in the ledger is of %s: a longer --since, or %s.\n", text,
	        a->report.q.filters_n ? "fewer --where" : "a later --until");
}

static int print_report(struct ask *a, struct cli_ledger *l)
{
	struct error e = {0};
	struct buf out;
	size_t rows = 1;
	buf_init(&out, OUT_MAX);
	bool plain = a->format == REPORT_TABLE && !a->report.view.n && !a->report.compare && !a->report.chart;
	int rc = plain ? report_table(l->ops, l->ledger, &a->report, &out, &rows, &e)
	               : report_answer(l->ops, l->ledger, &a->report, &out, NULL, &e);
	if (rc == 0 && (rows == 0 || l->ledger == NULL))
		tell_nothing(a, l);
	if (rc == 0 && rows > 0)
		print(a, buf_slice(&out));
	buf_release(&out);
	return rc == 0 ? EXIT_DONE : cli_fail(a->c, "%s", e.text[0] ? e.text : "out of memory");
}

static int apply_options(struct ask *a)
{
	struct error e = {0};
	a->report.format = a->format;
	a->report.style = a->style;
	for (size_t i = 0; i < a->given_n; i++)
		if (report_set(&a->report, slice_of(a->given[i].name), slice_of(a->given[i].value), &e) != 0)
			return cli_usage_error(a->c, &command_report, "--%s: %s", a->given[i].name, e.text);
	if (report_ready(&a->report, &e) != 0)
		return cli_usage_error(a->c, &command_report, "%s", e.text);
	return EXIT_DONE;
}

/* Where no gateway has run there are still the transcripts that agents leave. */
static int report_transcripts(struct ask *a, struct cli_ledger *l)
{
	char agents[256];
	struct settings *s = cli_settings_with(a->c, SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER);
	if (s == NULL)
		return EXIT_FAILED;
	int status = import_scratch(a->c, l->ops, s->catalog, &l->ledger, agents, sizeof agents);
	settings_unref(s);
	if (status == EXIT_DONE && l->ledger)
		fprintf(
		    a->c->err,
		    "weir: no ledger here yet: this is told by the transcripts of %s on this machine, priced "
		    "by the token whatever plan paid (`weir import` keeps them).\n",
		    agents);
	return status;
}

static bool names_view(const struct ask *a)
{
	for (size_t i = 0; i < a->given_n; i++)
		if (strcmp(a->given[i].name, "view") == 0)
			return true;
	return false;
}

static int ask_here(struct ask *a)
{
	struct error e = {0};
	struct cli_ledger l;
	int status = cli_ledger_open(a->c, false, &l);
	if (status != EXIT_DONE)
		return status;
	if (l.ledger == NULL)
		status = report_transcripts(a, &l);
	if (status != EXIT_DONE) {
		cli_ledger_close(&l);
		return status;
	}
	if (report_init(&a->report, l.settings->timezone, clock_wall_ms(clock_real()), &e) != 0) {
		status = cli_fail(a->c, "`timezone:` of the settings: %s", e.text);
	} else {
		/* Only documents ask the price book. */
		struct settings *s =
		    names_view(a) ? cli_settings_with(a->c, SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER) : NULL;
		a->report.prices = s ? s->catalog : NULL;
		status = apply_options(a);
		if (status == EXIT_DONE)
			status = print_report(a, &l);
		report_release(&a->report);
		settings_unref(s);
	}
	cli_ledger_close(&l);
	return status;
}

/* --- another machine's ----------------------------------------------------------------------- */

/* The same words as a query string; the table is made there. */
static int make_query(const struct ask *a, struct buf *query)
{
	int rc = cli_style_words(query, a->format, &a->style);
	for (size_t i = 0; rc == 0 && i < a->given_n; i++)
		rc = remote_word(query, slice_of(a->given[i].name), slice_of(a->given[i].value));
	return rc;
}

static int ask_there(struct ask *a)
{
	struct buf query, path, out;
	buf_init(&query, 1 << 15);
	buf_init(&path, 1 << 15);
	buf_init(&out, OUT_MAX);
	int status = EXIT_FAILED;
	if (make_query(a, &query) != 0 ||
	    buf_printf(&path, "/api/v1/report" SLICE_FMT, SLICE_ARG(buf_slice(&query))) != 0)
		cli_fail(a->c, "the question is too long");
	else
		status = remote_get(a->c, buf_slice(&path), &out);
	if (status == EXIT_DONE)
		print(a, buf_slice(&out));
	buf_release(&query);
	buf_release(&path);
	buf_release(&out);
	return status;
}

/* --- the command ----------------------------------------------------------------------------- */

/* 0; EXIT_USAGE after a message, -1 after the help. */
static int note_options(struct ask *a, int argc, char **argv)
{
	static const char options[] =
	    "view=:by=:per=:since=:until=:where=:measures=:top=:format=:csv:compare:chart";
	const char *name, *value;
	int at = 1, r;
	while ((r = cli_next(a->c, &command_report, argc, argv, &at, options, &name, &value)) > 0) {
		if (r == 2)
			return cli_usage_error(a->c, &command_report,
			                       "\"%s\": dimensions are named by --by %s", value, value);
		if (a->given_n == OPTIONS_MAX)
			return cli_usage_error(a->c, &command_report, "too many options");
		if (strcmp(name, "csv") == 0) {
			a->format = REPORT_CSV;
			continue;
		}
		if (strcmp(name, "format") == 0) {
			if (!cli_format(a->c, &command_report, value, &a->format))
				return EXIT_USAGE;
			continue;
		}
		snprintf(a->given[a->given_n].name, sizeof a->given[0].name, "%s", name);
		a->given[a->given_n++].value = value ? value : "yes"; /* of a flag */
	}
	return r == -2 ? -1 : r == -1 ? EXIT_USAGE : 0;
}

static int run_report(struct cli *c, int argc, char **argv)
{
	struct ask a = {.c = c, .style = cli_style(c, TOP_USUAL)};
	int status = note_options(&a, argc, argv);
	if (status != 0)
		return status < 0 ? EXIT_DONE : status;
	if (c->json && a.format != REPORT_TABLE && a.format != REPORT_JSON)
		return cli_usage_error(c, &command_report, "--json or another format, not both");
	if (c->json)
		a.format = REPORT_JSON;
	return c->server ? ask_there(&a) : ask_here(&a);
}
