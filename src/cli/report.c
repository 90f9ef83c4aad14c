/* weir report: who spent what. */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/ledger_open.h"
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
        "  --measures A,B   calls, cost_nanousd, output_tokens, cache_hit_ratio, ... (else the usual ones)\n"
        "  --top N          rows of a table, the dearest of each period first (on a terminal 50; 0: all)\n"
        "  --csv            a table for programs\n",
    .run = run_report,
};

#define OPTIONS_MAX 64

struct ask {
	struct cli *c;
	struct report report;
	bool csv;
	long long top; /* -1: not given */
	/* As they were given: a date is read in the settings' time zone, and the options name the settings.
	 */
	size_t given_n;
	struct {
		char name[16];
		const char *value;
	} given[OPTIONS_MAX];
};

/* --- the terminal ---------------------------------------------------------------------------- */

static bool says_utf8(const struct cli *c)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *v = cli_env(c, names[i]);
		if (v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

static struct report_style style_of(const struct ask *a)
{
	struct report_style s = {.utf8 = says_utf8(a->c)};
	struct winsize size;
	int fd = fileno(a->c->out);
	bool terminal = fd >= 0 && isatty(fd);
	const char *term = cli_env(a->c, "TERM"), *columns = cli_env(a->c, "COLUMNS");
	long long n;
	s.colour = terminal && !cli_env(a->c, "NO_COLOR") && term && strcmp(term, "dumb") != 0;
	if (columns && slice_to_i64(slice_of(columns), &n) && n > 0 && n < 10000)
		s.width = (int)n;
	else if (terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		s.width = size.ws_col;
	if (a->top >= 0)
		s.top = (size_t)a->top;
	else if (terminal)
		s.top = TOP_USUAL;
	return s;
}

/* --- printing -------------------------------------------------------------------------------- */

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
	if (l->ops->rows(l->ledger, &q, note_newest, &newest, NULL) != 0 || newest == 0) {
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
	struct report_style style = style_of(a);
	size_t rows = 1;
	int rc;
	buf_init(&out, OUT_MAX);
	if (a->csv)
		rc = report_csv(l->ops, l->ledger, &a->report, &out, &e);
	else if (a->c->json)
		rc = report_json(l->ops, l->ledger, &a->report, &out, &e);
	else
		rc = report_table(l->ops, l->ledger, &a->report, &style, &out, &rows, &e);
	if (rc == 0 && rows == 0) {
		tell_nothing(a, l);
	} else if (rc == 0) {
		slice text = buf_slice(&out);
		fwrite(text.p, 1, text.n, a->c->out);
		if (a->c->json && !a->csv)
			fputc('\n', a->c->out);
	}
	buf_release(&out);
	return rc == 0 ? EXIT_DONE : cli_fail(a->c, "%s", e.text[0] ? e.text : "out of memory");
}

/* --- the command ----------------------------------------------------------------------------- */

/* 0, or an exit status beneath it: EXIT_USAGE after a message, -1 after the help. */
static int note_options(struct ask *a, int argc, char **argv)
{
	static const char options[] = "by=:per=:since=:until=:where=:measures=:top=:csv";
	const char *name, *value;
	int at = 1, r;
	while ((r = cli_next(a->c, &command_report, argc, argv, &at, options, &name, &value)) > 0) {
		if (r == 2)
			return cli_usage_error(a->c, &command_report,
			                       "\"%s\": dimensions are named by --by %s", value, value);
		if (a->given_n == OPTIONS_MAX)
			return cli_usage_error(a->c, &command_report, "too many options");
		if (strcmp(name, "csv") == 0) {
			a->csv = true;
		} else if (strcmp(name, "top") == 0) {
			if (!slice_to_i64(slice_of(value), &a->top) || a->top < 0)
				return cli_usage_error(a->c, &command_report,
				                       "--top is a number of rows, 0 for all");
		} else {
			snprintf(a->given[a->given_n].name, sizeof a->given[0].name, "%s", name);
			a->given[a->given_n++].value = value;
		}
	}
	return r == -2 ? -1 : r == -1 ? EXIT_USAGE : 0;
}

static int apply_options(struct ask *a)
{
	struct error e = {0};
	for (size_t i = 0; i < a->given_n; i++)
		if (report_set(&a->report, slice_of(a->given[i].name), slice_of(a->given[i].value), &e) != 0)
			return cli_usage_error(a->c, &command_report, "--%s: %s", a->given[i].name, e.text);
	if (report_ready(&a->report, &e) != 0)
		return cli_usage_error(a->c, &command_report, "%s", e.text);
	return EXIT_DONE;
}

static int answer(struct ask *a, struct cli_ledger *l)
{
	struct error e = {0};
	if (report_init(&a->report, l->settings->timezone, clock_wall_ms(clock_real()), &e) != 0)
		return cli_fail(a->c, "`timezone:` of the settings: %s", e.text);
	int status = apply_options(a);
	if (status == EXIT_DONE && l->ledger == NULL)
		cli_ledger_empty(a->c, l);
	if (status == EXIT_DONE && (l->ledger || a->c->json || a->csv))
		status = print_report(a, l);
	report_release(&a->report);
	return status;
}

static int run_report(struct cli *c, int argc, char **argv)
{
	struct ask a = {.c = c, .top = -1};
	struct cli_ledger l;
	int status = note_options(&a, argc, argv);
	if (status != 0)
		return status < 0 ? EXIT_DONE : status;
	status = cli_ledger_open(c, false, &l);
	if (status != EXIT_DONE)
		return status;
	status = answer(&a, &l);
	cli_ledger_close(&l);
	return status;
}
