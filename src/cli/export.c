/* weir export: the ledger, row by row, for other programs. */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/ledger_open.h"
#include "finops/report.h"
#include "store/record_json.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)
#define OPTIONS_MAX    64

static int run_export(struct cli *c, int argc, char **argv);

const struct command command_export = {
    .name = "export",
    .summary = "the ledger, row by row",
    .usage = "weir export ledger [options]\n"
             "\n"
             "  --since WHEN     7d, 12h, 2026-11-01, 2026-11-01T08:00:00Z, today, yesterday, week or month "
             "(else all)\n"
             "  --until WHEN     the same; not included (else now)\n"
             "  --where F=V      only calls whose field F is V, as in `weir report`; may be given again\n",
    .run = run_export,
};

struct given {
	size_t n;
	struct {
		char name[16];
		const char *value;
	} at[OPTIONS_MAX];
	const char *what; /* ledger */
};

/* 0, EXIT_USAGE after a message, -1 after the help. */
static int note_options(struct cli *c, int argc, char **argv, struct given *g)
{
	const char *name, *value;
	int at = 1, r;
	while ((r = cli_next(c, &command_export, argc, argv, &at, "since=:until=:where=", &name, &value)) >
	       0) {
		if (r == 2 && g->what)
			return cli_usage_error(c, &command_export, "one thing at a time, not also %s", value);
		if (r == 2) {
			g->what = value;
			continue;
		}
		if (g->n == OPTIONS_MAX)
			return cli_usage_error(c, &command_export, "too many options");
		snprintf(g->at[g->n].name, sizeof g->at[0].name, "%s", name);
		g->at[g->n++].value = value;
	}
	if (r < 0)
		return r == -2 ? -1 : EXIT_USAGE;
	if (g->what == NULL)
		return cli_usage_error(c, &command_export,
		                       "export what? `weir export ledger` prints every call");
	if (strcmp(g->what, "ledger") != 0)
		return cli_usage_error(c, &command_export,
		                       "\"%s\" cannot be exported: `weir export ledger` prints every call",
		                       g->what);
	return 0;
}

struct printer {
	FILE *out;
	struct buf line;
};

static int print_row(void *arg, const struct record *r)
{
	struct printer *p = arg;
	buf_clear(&p->line);
	int rc = record_json(&p->line, r);
	if (rc == 0)
		rc = buf_append(&p->line, SLICE("\n"));
	slice text = buf_slice(&p->line);
	/* A reader that has gone (`| head`) ends it. */
	if (rc == 0 && fwrite(text.p, 1, text.n, p->out) != text.n)
		rc = ERR_IO;
	return rc;
}

static int print_rows(struct cli *c, struct cli_ledger *l, struct report *r)
{
	struct error e = {0};
	struct printer p = {.out = c->out};
	buf_init(&p.line, LINE_MAX_BYTES);
	int rc = l->ops->rows(l->ledger, &r->q, print_row, &p, &e);
	buf_release(&p.line);
	if (rc == 0)
		return EXIT_DONE;
	return cli_fail(c, "%s", e.text[0] ? e.text : "the export could not be written");
}

static int export_ledger(struct cli *c, struct cli_ledger *l, const struct given *g)
{
	struct error e = {0};
	struct report r;
	int status = EXIT_DONE;
	if (report_init(&r, l->settings->timezone, clock_wall_ms(clock_real()), &e) != 0)
		return cli_fail(c, "`timezone:` of the settings: %s", e.text);
	r.since_given = true; /* all of it, unless --since says otherwise */
	for (size_t i = 0; status == EXIT_DONE && i < g->n; i++)
		if (report_set(&r, slice_of(g->at[i].name), slice_of(g->at[i].value), &e) != 0)
			status = cli_usage_error(c, &command_export, "--%s: %s", g->at[i].name, e.text);
	if (status == EXIT_DONE && report_ready(&r, &e) != 0)
		status = cli_usage_error(c, &command_export, "%s", e.text);
	if (status == EXIT_DONE && l->ledger == NULL)
		cli_ledger_empty(c, l);
	else if (status == EXIT_DONE)
		status = print_rows(c, l, &r);
	report_release(&r);
	return status;
}

static int run_export(struct cli *c, int argc, char **argv)
{
	struct given g = {0};
	struct cli_ledger l;
	int status = note_options(c, argc, argv, &g);
	if (status != 0)
		return status < 0 ? EXIT_DONE : status;
	if (c->server)
		return cli_fail(
		    c, "the ledger is exported where it is: run this there, without --server and WEIR_URL");
	status = cli_ledger_open(c, false, &l);
	if (status != EXIT_DONE)
		return status;
	status = export_ledger(c, &l, &g);
	cli_ledger_close(&l);
	return status;
}
