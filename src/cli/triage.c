/* `weir triage`: why spend rose, and what stops it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "cli/ledger_open.h"
#include "cli/remote.h"
#include "cli/style.h"
#include "finops/triage_answer.h"

#define OUT_MAX     ((size_t)64 << 20)
#define OPTIONS_MAX 32
#define WATCH_S     10

static int run_triage(struct cli *c, int argc, char **argv);

const struct command command_triage = {
    .name = "triage",
    .summary = "why spend rose: who carries it, what changed, since when, what stops it",
    .usage =
        "weir triage [options]\n"
        "\n"
        "With no window the rise of the last two days that is least usual is looked for. It is held against\n"
        "the same hours of earlier weeks.\n"
        "\n"
        "  --since WHEN     from when on: 2h, 2026-11-24T14:00:00Z, today, yesterday\n"
        "  --until WHEN     the same; not included (else now)\n"
        "  --where F=V      only calls whose field F is V, as in `weir report`; may be given again\n"
        "  --alert ID       of an alert (`weir alert list`): from an hour before it on, until it was over\n"
        "  --watch          again every 10 seconds, for as long as an incident lasts\n"
        "  --markdown       a draft for the post-mortem\n",
    .run = run_triage,
};

struct ask {
	struct cli *c;
	enum triage_format format;
	struct report_style style;
	bool watch;
	size_t given_n;
	struct {
		char name[16];
		const char *value;
	} given[OPTIONS_MAX];
};

/* --- here ------------------------------------------------------------------------------------ */

static int answer(struct ask *a, const struct cli_ledger *l, struct triage_words *w, struct buf *out)
{
	struct error e = {0};
	uint64_t seed;
	w->format = a->format;
	w->style = a->style;
	for (size_t i = 0; i < a->given_n; i++)
		if (triage_set(w, slice_of(a->given[i].name), slice_of(a->given[i].value), &e) != 0)
			return cli_usage_error(a->c, &command_triage, "--%s: %s", a->given[i].name, e.text);
	if (crypto_random(&seed, sizeof seed) != 0)
		return cli_fail(a->c, "no random numbers to be had");
	int rc = triage_answer(w, l->ops, l->ledger, true, seed, out, NULL, &e);
	if (rc == ERR_INVALID)
		return cli_usage_error(a->c, &command_triage, "%s", e.text);
	return rc ? cli_fail(a->c, "%s", e.text) : EXIT_DONE;
}

static int ask_here(struct ask *a, struct buf *out)
{
	struct error e = {0};
	struct cli_ledger l;
	struct triage_words w;
	int status = cli_ledger_open(a->c, false, &l);
	if (status != EXIT_DONE)
		return status;
	if (l.ledger == NULL) {
		cli_ledger_empty(a->c, &l);
		status = EXIT_FAILED;
	} else if (triage_words_init(&w, l.settings->timezone, clock_wall_ms(clock_real()), &e) != 0) {
		status = cli_fail(a->c, "`timezone:` of the settings: %s", e.text);
	} else {
		status = answer(a, &l, &w, out);
		triage_words_release(&w);
	}
	cli_ledger_close(&l);
	return status;
}

/* --- there ----------------------------------------------------------------------------------- */

static int ask_there(struct ask *a, struct buf *out)
{
	static const char *const formats[] = {"table", "json", "markdown"};
	struct buf query, path;
	buf_init(&query, 1 << 15);
	buf_init(&path, 1 << 15);
	int rc = remote_word(&query, SLICE("format"), slice_of(formats[a->format]));
	if (rc == 0 && a->format == TRIAGE_TABLE)
		rc = remote_word(&query, SLICE("bars"), a->style.utf8 ? SLICE("utf8") : SLICE("ascii"));
	if (rc == 0 && a->format == TRIAGE_TABLE)
		rc = remote_word(&query, SLICE("colour"), a->style.colour ? SLICE("yes") : SLICE("no"));
	for (size_t i = 0; rc == 0 && i < a->given_n; i++)
		rc = remote_word(&query, slice_of(a->given[i].name), slice_of(a->given[i].value));
	if (rc == 0)
		rc = buf_printf(&path, "/api/v1/triage" SLICE_FMT, SLICE_ARG(buf_slice(&query)));
	int status =
	    rc ? cli_fail(a->c, "the question is too long") : remote_get(a->c, buf_slice(&path), out);
	buf_release(&query);
	buf_release(&path);
	return status;
}

/* --- the command ----------------------------------------------------------------------------- */

static int once(struct ask *a)
{
	struct buf out;
	buf_init(&out, OUT_MAX);
	int status = a->c->server ? ask_there(a, &out) : ask_here(a, &out);
	if (status == EXIT_DONE && a->watch && a->style.colour)
		fputs("\033[H\033[2J", a->c->out);
	if (status == EXIT_DONE)
		fprintf(a->c->out, SLICE_FMT, SLICE_ARG(buf_slice(&out)));
	fflush(a->c->out);
	buf_release(&out);
	return status;
}

/* 0; EXIT_USAGE after a message, -1 after the help. */
static int note_options(struct ask *a, int argc, char **argv)
{
	const char *name, *value;
	int at = 1, r;
	while ((r = cli_next(a->c, &command_triage, argc, argv, &at,
	                     "since=:until=:where=:alert=:watch:markdown", &name, &value)) > 0) {
		if (r == 2)
			return cli_usage_error(a->c, &command_triage, "\"%s\": a time stands behind --since",
			                       value);
		if (strcmp(name, "watch") == 0) {
			a->watch = true;
		} else if (strcmp(name, "markdown") == 0) {
			a->format = TRIAGE_MARKDOWN;
		} else if (a->given_n == OPTIONS_MAX) {
			return cli_usage_error(a->c, &command_triage, "too many options");
		} else {
			snprintf(a->given[a->given_n].name, sizeof a->given[0].name, "%s", name);
			a->given[a->given_n++].value = value;
		}
	}
	return r == -2 ? -1 : r == -1 ? EXIT_USAGE : 0;
}

static int run_triage(struct cli *c, int argc, char **argv)
{
	struct ask a = {.c = c, .style = cli_style(c, 0)};
	struct timespec wait = {WATCH_S, 0};
	int status = note_options(&a, argc, argv);
	if (status != 0)
		return status < 0 ? EXIT_DONE : status;
	if (c->json && a.format == TRIAGE_MARKDOWN)
		return cli_usage_error(c, &command_triage, "--json or --markdown, not both");
	if (c->json)
		a.format = TRIAGE_JSON;
	status = once(&a);
	while (a.watch && status == EXIT_DONE && nanosleep(&wait, NULL) == 0)
		status = once(&a);
	return status;
}
