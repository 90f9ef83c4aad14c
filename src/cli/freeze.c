/* `weir freeze` and `weir unfreeze`: the kill switch. They write to the store, which a running gateway
 * watches. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/ledger_open.h"
#include "cli/remote.h"
#include "gateway/gateway.h"
#include "policy/freeze.h"
#include "store/journal.h"

#define JSON_MAX (16u << 20)

#define SCOPES                                                                                               \
	"  --org          all calls\n"                                                                       \
	"  --team TEAM, --user USER, --session ID, --provider NAME\n"                                        \
	"                 those of a team, a user, a session, or to a provider\n"                            \
	"  --key ID       those with a key (its ID, as `weir key list` shows it)\n"

static int run_freeze(struct cli *c, int argc, char **argv);
static int run_unfreeze(struct cli *c, int argc, char **argv);

const struct command command_freeze = {
    "freeze", "stops calls at once, running ones too",
    "weir freeze [list] | --org | --team TEAM | --user USER | --key ID | --session ID | --provider NAME\n\n"
    "Shows what is frozen, or freezes one thing more. Each new call of it is refused; a stream that runs "
    "ends as\n"
    "an answer that was cut short. In force within 100 ms, and until it is lifted by `weir "
    "unfreeze`.\n" SCOPES "  --reason WHY   said to whoever is stopped, and in the audit\n",
    run_freeze};

const struct command command_unfreeze = {
    "unfreeze", "lifts what `weir freeze` stopped",
    "weir unfreeze --org | --team TEAM | --user USER | --key ID | --session ID | --provider NAME\n" SCOPES
    "  --reason WHY   for the audit\n",
    run_unfreeze};

/* --- what is asked ------------------------------------------------------------ */

struct wish {
	struct freeze f;
	bool list, given;
	char actor[300];
};

static bool take_scope(struct cli *c, const struct command *cmd, struct wish *w, const char *name,
                       const char *value)
{
	if (w->given) {
		cli_usage_error(c, cmd,
		                "one of --org, --team, --user, --key, --session, --provider at a time");
		return false;
	}
	w->given = true;
	w->f.scope = freeze_scope_from_name(slice_of(name));
	w->f.value = slice_of(value ? value : "");
	if (value && (*value == '\0' || w->f.value.n > ATTR_TEXT_MAX)) {
		cli_usage_error(c, cmd, "--%s wants a value of at most %d bytes", name, ATTR_TEXT_MAX);
		return false;
	}
	if (w->f.scope == FREEZE_KEY && !slice_starts(w->f.value, SLICE("k_"))) {
		cli_usage_error(c, cmd, "--key wants the key's ID (k_...), which `weir key list` shows");
		return false;
	}
	return true;
}

/* EXIT_DONE, or another exit status; -1 after --help. */
static int read_wish(struct cli *c, const struct command *cmd, int argc, char **argv, struct wish *w)
{
	const char *name, *value;
	int at = 1, r;
	*w = (struct wish){.f.at_ms = clock_wall_ms(clock_real())};
	while ((r = cli_next(c, cmd, argc, argv, &at,
	                     "org:team=:user=:key=:session=:provider=:reason=", &name, &value)) != 0) {
		if (r < 0)
			return r == -2 ? -1 : EXIT_USAGE;
		if (r == 2 && cmd == &command_freeze && strcmp(value, "list") == 0)
			w->list = true;
		else if (r == 2)
			return cli_usage_error(c, cmd, "%s: what is this? A user stands behind --user",
			                       value);
		else if (strcmp(name, "reason") == 0)
			w->f.reason = slice_of(value);
		else if (!take_scope(c, cmd, w, name, value))
			return EXIT_USAGE;
	}
	if (w->f.reason.n > ATTR_TEXT_MAX)
		return cli_usage_error(c, cmd, "--reason: at most %d bytes", ATTR_TEXT_MAX);
	if (w->list && w->given)
		return cli_usage_error(c, cmd, "list stands alone");
	if (cmd == &command_unfreeze && !w->given)
		return cli_usage_error(c, cmd, "what is to go on? `weir freeze list` shows what is frozen");
	const char *user = cli_env(c, "USER");
	if (user)
		snprintf(w->actor, sizeof w->actor, "%.*s", ATTR_TEXT_MAX, user);
	else
		snprintf(w->actor, sizeof w->actor, "uid:%u", (unsigned)getuid());
	w->f.by = slice_of(w->actor);
	return EXIT_DONE;
}

/* --- list --------------------------------------------------------------------- */

struct listing {
	struct cli *c;
	struct jsonw w;
	size_t n;
};

static int show(void *arg, const struct ledger_freeze *f)
{
	struct listing *l = arg;
	char when[CLOCK_RFC3339_MAX];
	size_t n = clock_format_rfc3339(f->at_ms, when);
	l->n++;
	if (!l->c->json) {
		fprintf(l->c->out, "%-9.*s %-32.*s since %.16s by " SLICE_FMT "%s" SLICE_FMT "\n",
		        (int)f->scope.n, f->scope.p, (int)f->value.n, f->value.n ? f->value.p : "", when,
		        SLICE_ARG(f->by), f->reason.n ? ": " : "", SLICE_ARG(f->reason));
		return 0;
	}
	jsonw_object(&l->w);
	jsonw_put_string(&l->w, SLICE("scope"), f->scope);
	jsonw_put_string(&l->w, SLICE("value"), f->value.n ? f->value : SLICE_NONE);
	jsonw_put_string(&l->w, SLICE("by"), f->by);
	jsonw_put_string(&l->w, SLICE("reason"), f->reason);
	jsonw_put_string(&l->w, SLICE("time"), slice_make(when, n));
	jsonw_object_end(&l->w);
	return 0;
}

static int list(struct cli *c)
{
	struct cli_ledger l;
	struct error e = {0};
	struct buf b;
	struct listing listing = {.c = c};
	int status = cli_ledger_open(c, false, &l);
	if (status != EXIT_DONE)
		return status;
	buf_init(&b, JSON_MAX);
	jsonw_init(&listing.w, &b);
	jsonw_object(&listing.w);
	jsonw_key(&listing.w, SLICE("frozen"));
	jsonw_array(&listing.w);
	if (l.ledger && l.ops->freezes(l.ledger, show, &listing, &e) < 0)
		status = cli_fail(c, "%s", e.text);
	jsonw_array_end(&listing.w);
	jsonw_object_end(&listing.w);
	if (status == EXIT_DONE && c->json)
		status = cli_print_json(c, &listing.w, &b);
	else if (status == EXIT_DONE && listing.n == 0)
		fprintf(c->err, "Nothing is frozen.\n");
	buf_release(&b);
	cli_ledger_close(&l);
	return status;
}

/* --- change ------------------------------------------------------------------- */

/* What is said is to be true when the command ends: a gateway that runs on this store has looked by then. */
static bool await_gateway(const struct cli_ledger *l)
{
	char path[4096];
	struct timespec wait = {0, 2 * GATEWAY_LOOK_MS * 1000000L};
	int n = snprintf(path, sizeof path, SLICE_FMT, SLICE_ARG(l->settings->journal));
	if (n <= 0 || (size_t)n >= sizeof path || !journal_is_open(path))
		return false;
	nanosleep(&wait, NULL);
	return true;
}

static int change(struct cli *c, const struct freeze *f, bool on)
{
	struct cli_ledger l;
	struct error e = {0};
	struct ledger_freeze row = {slice_of(freeze_scope_name(f->scope)), f->value, f->by, f->reason,
	                            f->at_ms};
	int status = cli_ledger_open(c, true, &l);
	if (status != EXIT_DONE)
		return status;
	int r = (on ? l.ops->freeze_put : l.ops->freeze_drop)(l.ledger, &row, &e);
	if (r == ERR_NOT_FOUND)
		status = cli_fail(c, "%s is not frozen: `weir freeze list` shows what is",
		                  freeze_scope_name(f->scope));
	else if (r < 0)
		status = cli_fail(c, "%s", e.text);
	bool running = status == EXIT_DONE && await_gateway(&l);
	cli_ledger_close(&l);
	if (status != EXIT_DONE)
		return status;
	fprintf(c->err, "%s %s%s" SLICE_FMT "%s\n", on ? "Frozen:" : "Goes on:",
	        f->scope == FREEZE_ORG ? "all calls" : freeze_scope_name(f->scope), f->value.n ? " " : "",
	        SLICE_ARG(f->value),
	        running ? "." : "; no gateway runs on this store now, the next one will know.");
	return EXIT_DONE;
}

/* The same by a running gateway's API: what is frozen, or one thing more or less. */
static int ask_server(struct cli *c, const struct wish *w, bool on)
{
	struct buf question, answer;
	struct jsonw j;
	buf_init(&question, 1 << 14);
	buf_init(&answer, JSON_MAX);
	jsonw_init(&j, &question);
	jsonw_object(&j);
	if (w->f.scope == FREEZE_ORG)
		jsonw_put_bool(&j, SLICE("org"), true);
	else
		jsonw_put_string(&j, slice_of(freeze_scope_name(w->f.scope)), w->f.value);
	if (w->f.reason.n)
		jsonw_put_string(&j, SLICE("reason"), w->f.reason);
	jsonw_object_end(&j);
	int status;
	if (!w->given)
		status = remote_get(c, SLICE("/api/v1/freezes"), &answer);
	else if (jsonw_end(&j))
		status = cli_fail(c, "memory is spent");
	else
		status = remote_call(c, "POST", on ? SLICE("/api/v1/freeze") : SLICE("/api/v1/unfreeze"),
		                     buf_slice(&question), &answer);
	if (status == EXIT_DONE && (c->json || !w->given))
		fprintf(c->out, SLICE_FMT "\n", SLICE_ARG(slice_trim(buf_slice(&answer))));
	if (status == EXIT_DONE && w->given)
		fprintf(c->err, "%s %s%s" SLICE_FMT ".\n", on ? "Frozen:" : "Goes on:",
		        w->f.scope == FREEZE_ORG ? "all calls" : freeze_scope_name(w->f.scope),
		        w->f.value.n ? " " : "", SLICE_ARG(w->f.value));
	buf_release(&question);
	buf_release(&answer);
	return status;
}

static int run(struct cli *c, const struct command *cmd, int argc, char **argv)
{
	struct wish w;
	int status = read_wish(c, cmd, argc, argv, &w);
	if (status != EXIT_DONE)
		return status == -1 ? EXIT_DONE : status;
	if (c->server)
		return ask_server(c, &w, cmd == &command_freeze);
	return w.given ? change(c, &w.f, cmd == &command_freeze) : list(c);
}

static int run_freeze(struct cli *c, int argc, char **argv)
{
	return run(c, &command_freeze, argc, argv);
}

static int run_unfreeze(struct cli *c, int argc, char **argv)
{
	return run(c, &command_unfreeze, argc, argv);
}
