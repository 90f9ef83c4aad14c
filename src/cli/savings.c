/* `weir savings`: what could be saved, and how. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "cli/ledger_open.h"
#include "cli/remote.h"
#include "finops/savings_answer.h"

#define OUT_MAX     ((size_t)16 << 20)
#define OPTIONS_MAX 32

static int run_savings(struct cli *c, int argc, char **argv);

const struct command command_savings = {
    .name = "savings",
    .summary = "what could be saved, in dollars a month, and what does it",
    .usage = "weir savings [options]\n"
             "\n"
             "Looks for loops, lost answers, caches that break, large models on small work, tools that are "
             "never called,\n"
             "results that are too large, idle seats; the greatest saving first.\n"
             "\n"
             "  --since WHEN     7d, 2026-11-01, month (else 30d)\n"
             "  --until WHEN     the same; not included (else now)\n"
             "  --where F=V      only calls whose field F is V, as in `weir report`; may be given again\n"
             "  --seat USD       what a seat of the subscription costs a month, to find those hardly used\n",
    .run = run_savings,
};

struct ask {
	struct cli *c;
	size_t given_n;
	struct {
		char name[16];
		const char *value;
	} given[OPTIONS_MAX];
};

static int answer(struct ask *a, const struct cli_ledger *l, struct savings_words *w, struct buf *out)
{
	struct error e = {0};
	uint64_t seed;
	w->json = a->c->json;
	for (size_t i = 0; i < a->given_n; i++)
		if (savings_set(w, slice_of(a->given[i].name), slice_of(a->given[i].value), &e) != 0)
			return cli_usage_error(a->c, &command_savings, "--%s: %s", a->given[i].name, e.text);
	if (crypto_random(&seed, sizeof seed) != 0)
		return cli_fail(a->c, "no random numbers to be had");
	struct settings *s = cli_settings_with(a->c, SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER);
	if (s == NULL)
		return EXIT_FAILED;
	int rc = savings_answer(w, l->ops, l->ledger, s->catalog, seed, out, NULL, &e);
	settings_unref(s);
	if (rc == ERR_INVALID)
		return cli_usage_error(a->c, &command_savings, "%s", e.text);
	return rc ? cli_fail(a->c, "%s", e.text) : EXIT_DONE;
}

static int ask_here(struct ask *a, struct buf *out)
{
	struct error e = {0};
	struct cli_ledger l;
	struct savings_words w;
	int status = cli_ledger_open(a->c, false, &l);
	if (status != EXIT_DONE)
		return status;
	if (l.ledger == NULL) {
		cli_ledger_empty(a->c, &l);
		status = EXIT_FAILED;
	} else if (savings_words_init(&w, l.settings->timezone, clock_wall_ms(clock_real()), &e) != 0) {
		status = cli_fail(a->c, "`timezone:` of the settings: %s", e.text);
	} else {
		status = answer(a, &l, &w, out);
		savings_words_release(&w);
	}
	cli_ledger_close(&l);
	return status;
}

static int ask_there(struct ask *a, struct buf *out)
{
	struct buf query, path;
	buf_init(&query, 1 << 15);
	buf_init(&path, 1 << 15);
	int rc = remote_word(&query, SLICE("format"), a->c->json ? SLICE("json") : SLICE("table"));
	for (size_t i = 0; rc == 0 && i < a->given_n; i++)
		rc = remote_word(&query, slice_of(a->given[i].name), slice_of(a->given[i].value));
	if (rc == 0)
		rc = buf_printf(&path, "/api/v1/savings" SLICE_FMT, SLICE_ARG(buf_slice(&query)));
	int status =
	    rc ? cli_fail(a->c, "the question is too long") : remote_get(a->c, buf_slice(&path), out);
	buf_release(&query);
	buf_release(&path);
	return status;
}

static int run_savings(struct cli *c, int argc, char **argv)
{
	struct ask a = {.c = c};
	struct buf out;
	const char *name, *value;
	int at = 1, r;
	while ((r = cli_next(c, &command_savings, argc, argv, &at, "since=:until=:where=:seat=", &name,
	                     &value)) > 0) {
		if (r == 2)
			return cli_usage_error(c, &command_savings, "\"%s\": a time stands behind --since",
			                       value);
		if (a.given_n == OPTIONS_MAX)
			return cli_usage_error(c, &command_savings, "too many options");
		snprintf(a.given[a.given_n].name, sizeof a.given[0].name, "%s", name);
		a.given[a.given_n++].value = value;
	}
	if (r < 0)
		return r == -2 ? EXIT_DONE : EXIT_USAGE;
	buf_init(&out, OUT_MAX);
	int status = c->server ? ask_there(&a, &out) : ask_here(&a, &out);
	if (status == EXIT_DONE)
		fprintf(c->out, SLICE_FMT, SLICE_ARG(buf_slice(&out)));
	buf_release(&out);
	return status;
}
