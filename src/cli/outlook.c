/* weir forecast: what is ahead. weir anomaly: what is out of the usual. */
#include <string.h>

#include "base/clock.h"
#include "cli/import.h"
#include "cli/ledger_open.h"
#include "cli/remote.h"
#include "cli/style.h"
#include "finops/outlook.h"
#include "gateway/rules_more.h"

#define OUT_MAX     ((size_t)64 << 20)
#define TOP_USUAL   40 /* on a terminal */
#define OPTIONS_MAX 32

static int run_forecast(struct cli *c, int argc, char **argv);
static int run_anomaly(struct cli *c, int argc, char **argv);

const struct command command_forecast = {
    .name = "forecast",
    .summary = "what spend will come to, and when budgets are spent",
    .usage = "weir forecast [options]\n"
             "\n"
             "Today, this week and this month as they will end, the usual week, workflows, and every budget: "
             "what it\n"
             "will have spent at its window's end, and when its limit is passed at this rate.\n"
             "\n"
             "  --by A,B         the month by dimensions, as in `weir report` (else the known workflows)\n"
             "  --where F=V      only calls whose field F is V, as in `weir report`; may be given again; no "
             "budgets then\n"
             "  --budget NAME    this budget alone, with all its counters\n"
             "  --top N          rows of a table (on a terminal 40; 0: all)\n"
             "  --tokens N       what a query of so many tokens would cost in a month, by the price book:\n"
             "    --model M        that it goes to\n"
             "    --calls N        of it a day (else 1)\n"
             "    --output N       tokens of its answer (else none)\n"
             "    --cached P       share of its input that is read from the cache, like 80%\n"
             "  --format F       table, json, csv, markdown or html\n",
    .run = run_forecast,
};

const struct command command_anomaly = {
    .name = "anomaly",
    .summary = "hours of spend that are out of the usual",
    .usage = "weir anomaly [options]\n"
             "\n"
             "Of all spend, and of each user, team, repository, workflow, model and agent, the hours that "
             "are above\n"
             "what the same hour usually is. The hour that is running counts as soon as it is above that.\n"
             "\n"
             "  --by A,B         these dimensions, as in `weir report`\n"
             "  --since WHEN     as in `weir report`, at most 35 days back (else 7d)\n"
             "  --until WHEN     the same; not included (else now)\n"
             "  --where F=V      only calls whose field F is V, as in `weir report`; may be given again\n"
             "  --least MONEY    a smaller rise is none, like \"5 USD\" (else 1 USD)\n"
             "  --top N          rows of a table (on a terminal 40; 0: all)\n"
             "  --format F       table, json, csv, markdown or html\n",
    .run = run_anomaly,
};

struct ask {
	struct cli *c;
	const struct command *command;
	enum outlook_kind kind;
	const char *path;
	enum report_format format;
	struct report_style style;
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

static int apply(struct ask *a, struct outlook *o)
{
	struct error e = {0};
	o->r.format = a->format;
	o->r.style = a->style;
	for (size_t i = 0; i < a->given_n; i++)
		if (outlook_set(o, slice_of(a->given[i].name), slice_of(a->given[i].value), &e) != 0)
			return cli_usage_error(a->c, a->command, "--%s: %s", a->given[i].name, e.text);
	return EXIT_DONE;
}

static void no_fault(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

/* With the budgets that the API made; where these cannot be read, those of the file. */
static struct settings *with_rules(const struct cli_ledger *l, struct settings *s)
{
	struct settings *more =
	    l->ledger ? rules_load(s->source, l->ops, l->ledger, NULL, no_fault, NULL) : NULL;
	if (more == NULL)
		return s;
	settings_unref(s);
	return more;
}

/* Where no gateway has run there are still the transcripts that agents leave. */
static int from_transcripts(struct ask *a, struct cli_ledger *l, const struct settings *s)
{
	char agents[256];
	int status = import_scratch(a->c, l->ops, s->catalog, &l->ledger, agents, sizeof agents);
	if (status == EXIT_DONE && l->ledger)
		fprintf(a->c->err,
		        "weir: no ledger here yet: this is told by the transcripts of %s on this machine "
		        "(`weir import` "
		        "keeps them).\n",
		        agents);
	return status;
}

static int answer_here(struct ask *a, const struct cli_ledger *l, const struct settings *s)
{
	struct error e = {0};
	struct outlook o;
	struct buf out;
	buf_init(&out, OUT_MAX);
	if (outlook_init(&o, a->kind, s->timezone, clock_wall_ms(clock_real()), &e) != 0)
		return cli_fail(a->c, "`timezone:` of the settings: %s", e.text);
	int status = apply(a, &o);
	if (status == EXIT_DONE && l->ledger == NULL && o.query.tokens == 0) {
		cli_ledger_empty(a->c, l);
	} else if (status == EXIT_DONE) {
		int rc = outlook_answer(&o, s, l->ops, l->ledger, &out, NULL, &e);
		if (rc == 0)
			print(a, buf_slice(&out));
		else
			status = cli_fail(a->c, "%s", e.text[0] ? e.text : "out of memory");
	}
	outlook_release(&o);
	buf_release(&out);
	return status;
}

static int ask_here(struct ask *a)
{
	struct cli_ledger l;
	int status = cli_ledger_open(a->c, false, &l);
	if (status != EXIT_DONE)
		return status;
	struct settings *s = cli_settings_with(a->c, SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER);
	if (s) {
		s = with_rules(&l, s);
		status = l.ledger ? EXIT_DONE : from_transcripts(a, &l, s);
		if (status == EXIT_DONE)
			status = answer_here(a, &l, s);
		settings_unref(s);
	}
	cli_ledger_close(&l);
	return s ? status : EXIT_FAILED;
}

static int ask_there(struct ask *a)
{
	struct buf query, path, out;
	buf_init(&query, 1 << 15);
	buf_init(&path, 1 << 15);
	buf_init(&out, OUT_MAX);
	int status = EXIT_FAILED, rc = cli_style_words(&query, a->format, &a->style);
	for (size_t i = 0; rc == 0 && i < a->given_n; i++)
		rc = remote_word(&query, slice_of(a->given[i].name), slice_of(a->given[i].value));
	if (rc != 0 || buf_printf(&path, "/api/v1/%s" SLICE_FMT, a->path, SLICE_ARG(buf_slice(&query))) != 0)
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

static int run(struct ask *a, const char *options, int argc, char **argv)
{
	const char *name, *value;
	int at = 1, r;
	a->style = cli_style(a->c, TOP_USUAL);
	while ((r = cli_next(a->c, a->command, argc, argv, &at, options, &name, &value)) > 0) {
		if (r == 2)
			return cli_usage_error(a->c, a->command, "\"%s\": dimensions are named by --by %s",
			                       value, value);
		if (strcmp(name, "format") == 0) {
			if (!cli_format(a->c, a->command, value, &a->format))
				return EXIT_USAGE;
			continue;
		}
		if (a->given_n == OPTIONS_MAX)
			return cli_usage_error(a->c, a->command, "too many options");
		snprintf(a->given[a->given_n].name, sizeof a->given[0].name, "%s", name);
		a->given[a->given_n++].value = value;
	}
	if (r < 0)
		return r == -2 ? EXIT_DONE : EXIT_USAGE;
	if (a->c->json)
		a->format = REPORT_JSON;
	return a->c->server ? ask_there(a) : ask_here(a);
}

static int run_forecast(struct cli *c, int argc, char **argv)
{
	struct ask a = {.c = c, .command = &command_forecast, .kind = OUTLOOK_FORECAST, .path = "forecast"};
	return run(&a, "by=:where=:budget=:top=:tokens=:model=:calls=:output=:cached=:format=", argc, argv);
}

static int run_anomaly(struct cli *c, int argc, char **argv)
{
	struct ask a = {.c = c, .command = &command_anomaly, .kind = OUTLOOK_ANOMALY, .path = "anomalies"};
	return run(&a, "by=:since=:until=:where=:least=:top=:format=", argc, argv);
}
