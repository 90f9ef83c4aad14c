/* `weir session`: which sessions there are, what one did and what its context is made of, and its states. A
 * state is written to the store, which a running gateway watches. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/money.h"
#include "cli/ledger_open.h"
#include "cli/remote.h"
#include "finops/session_view.h"
#include "gateway/gateway.h"
#include "policy/session.h"
#include "store/journal.h"
#include "text/json.h"
#include "text/jsonw.h"

#define JSON_MAX   (16u << 20)
#define WEEK_MS    (INT64_C(7) * 24 * 3600 * 1000)
#define REASON_ARG 160
#define TO_ARG     60

static int run_session(struct cli *c, int argc, char **argv);

const struct command command_session = {
    "session", "what agents' sessions did, and pausing, resuming, stopping them",
    "weir session list | show ID | pause ID | resume ID | stop ID |\n"
    "                    escalate ID --to WHO [options]\n\n"
    "list shows the sessions of the last week, the latest first; show draws how the context of one grew and\n"
    "tells what it is made of and what each part has cost, again on every turn. pause refuses the session's\n"
    "next calls until it is resumed; stop refuses them for good; escalate pauses it and hands it to "
    "somebody,\n"
    "whom the refusals name.\n\n"
    "  --to WHO       whom escalate hands it to\n"
    "  --reason WHY   said to whoever is stopped, and in the audit; resume asks for one\n",
    run_session};

struct wish {
	const char *what, *id, *reason, *to;
	char actor[300];
};

/* EXIT_DONE, or another exit status; -1 after --help. */
static int read_wish(struct cli *c, int argc, char **argv, struct wish *w)
{
	const char *name, *value;
	int at = 1, r;
	*w = (struct wish){0};
	while ((r = cli_next(c, &command_session, argc, argv, &at, "reason=:to=", &name, &value)) != 0) {
		if (r < 0)
			return r == -2 ? -1 : EXIT_USAGE;
		if (r == 2 && w->what == NULL)
			w->what = value;
		else if (r == 2 && w->id == NULL)
			w->id = value;
		else if (r == 2)
			return cli_usage_error(c, &command_session, "%s: one session at a time", value);
		else if (strcmp(name, "to") == 0)
			w->to = value;
		else
			w->reason = value;
	}
	if (w->what == NULL)
		w->what = "list";
	bool list = strcmp(w->what, "list") == 0;
	if (list == (w->id != NULL))
		return cli_usage_error(c, &command_session,
		                       list ? "list stands alone: `weir session show %s` tells of one"
		                            : "which session? `weir session list` shows them%s",
		                       list ? w->id : "");
	if (w->reason && strlen(w->reason) > REASON_ARG)
		return cli_usage_error(c, &command_session, "--reason: at most %d bytes", REASON_ARG);
	const char *user = cli_env(c, "USER");
	if (user)
		snprintf(w->actor, sizeof w->actor, "%.*s", ATTR_TEXT_MAX, user);
	else
		snprintf(w->actor, sizeof w->actor, "uid:%u", (unsigned)getuid());
	return EXIT_DONE;
}

/* --- list, show ------------------------------------------------------------------------------ */

static int view(struct cli *c, struct cli_ledger *l, const char *id)
{
	struct buf out;
	struct error e = {0};
	size_t n = 1;
	int64_t now = clock_wall_ms(clock_real());
	struct session_view v = {.ops = l->ops,
	                         .ledger = l->ledger,
	                         .timezone = l->settings->timezone,
	                         .now_ms = now,
	                         .json = c->json,
	                         .catalog = l->settings->catalog};
	buf_init(&out, JSON_MAX);
	int rc = id ? session_view_show(&v, slice_of(id), &out, &e)
	            : session_view_list(&v, now - WEEK_MS, SESSION_VIEW_MOST, &out, &n, &e);
	int status = rc ? cli_fail(c, "%s", e.text) : EXIT_DONE;
	if (rc == 0 && (n || c->json))
		fprintf(c->out, SLICE_FMT, SLICE_ARG(buf_slice(&out)));
	else if (rc == 0)
		fprintf(
		    c->err,
		    "No sessions in the last week. Run an agent through weir, like `weir run -- claude`.\n");
	buf_release(&out);
	return status;
}

/* --- states ---------------------------------------------------------------------------------- */

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

static enum session_action action_of(const char *what)
{
	static const char *const names[] = {"pause", "resume", "stop", "escalate"};
	static const enum session_action to[] = {SESSION_PAUSE, SESSION_RESUME, SESSION_STOP, SESSION_PAUSE};
	for (int i = 0; i < 4; i++)
		if (strcmp(what, names[i]) == 0)
			return to[i];
	return SESSION_ACTIONS;
}

static const char *state_after(const char *what)
{
	return session_state_name(session_after(SESSION_RUNNING, action_of(what)));
}

static int act(struct cli *c, struct cli_ledger *l, const struct wish *w)
{
	struct error e = {0};
	char why[REASON_ARG * 2 + 32];
	const char *reason = w->reason ? w->reason : "";
	if (w->to) {
		snprintf(why, sizeof why, "handed to %s%s%s", w->to, reason[0] ? ": " : "", reason);
		reason = why;
	}
	int rc = l->ops->session_act(l->ledger, slice_of(w->id), slice_of(state_after(w->what)),
	                             slice_of(reason), slice_of(w->actor), clock_wall_ms(clock_real()), &e);
	if (rc)
		return cli_fail(c, "%s", e.text);
	bool running = await_gateway(l);
	fprintf(c->err, "Session %s is %s%s\n", w->id, state_after(w->what),
	        running ? "." : "; no gateway runs on this store now, the next one will know.");
	return EXIT_DONE;
}

/* --- the same by a running gateway's API ------------------------------------------------------ */

/* The text of {"text": "..."}. */
static int print_text(struct cli *c, slice answer)
{
	struct json j;
	json_key k;
	json_str s;
	json_init(&j, answer);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, SLICE("text")) || json_peek(&j) != JSON_STRING || !json_string(&j, &s)) {
			json_skip(&j, NULL);
			continue;
		}
		char *text = malloc(s.raw.n + 1);
		if (text == NULL)
			return cli_fail(c, "memory is spent");
		size_t n = json_unescape(&s, text, s.raw.n + 1);
		if (n)
			fwrite(text, 1, n, c->out);
		else
			fprintf(c->err, "No sessions in the last week.\n");
		free(text);
	}
	return EXIT_DONE;
}

static int put_question(const struct wish *w, struct buf *path, struct buf *body)
{
	struct buf id;
	struct jsonw j;
	buf_init(&id, 4096);
	int rc = remote_word(&id, SLICE("id"), slice_of(w->id ? w->id : ""));
	slice escaped = slice_sub(buf_slice(&id), sizeof "?id=" - 1, buf_slice(&id).n);
	bool act = w->id && strcmp(w->what, "show") != 0;
	if (rc == 0)
		rc = buf_printf(path, "/api/v1/sessions%s" SLICE_FMT "%s%s", w->id ? "/" : "",
		                SLICE_ARG(escaped), act ? "/" : "", act ? w->what : "");
	buf_release(&id);
	if (rc || !act)
		return rc;
	jsonw_init(&j, body);
	jsonw_object(&j);
	if (w->to)
		jsonw_put_string(&j, SLICE("to"), slice_of(w->to));
	if (w->reason)
		jsonw_put_string(&j, SLICE("reason"), slice_of(w->reason));
	jsonw_object_end(&j);
	return jsonw_end(&j);
}

static int ask_server(struct cli *c, const struct wish *w)
{
	struct buf path, body, answer;
	buf_init(&path, 8192);
	buf_init(&body, 8192);
	buf_init(&answer, JSON_MAX);
	int rc = put_question(w, &path, &body), status;
	bool act = rc == 0 && buf_slice(&body).n > 0;
	if (rc == 0 && !act && !c->json)
		rc = buf_append(&path, SLICE("?format=table"));
	if (rc)
		status = cli_fail(c, "memory is spent, or the id is too long");
	else
		status = remote_call(c, act ? "POST" : "GET", buf_slice(&path), buf_slice(&body), &answer);
	if (status == EXIT_DONE && c->json)
		fprintf(c->out, SLICE_FMT "\n", SLICE_ARG(slice_trim(buf_slice(&answer))));
	else if (status == EXIT_DONE && !act)
		status = print_text(c, buf_slice(&answer));
	else if (status == EXIT_DONE)
		fprintf(c->err, "Session %s is %s.\n", w->id, state_after(w->what));
	buf_release(&path);
	buf_release(&body);
	buf_release(&answer);
	return status;
}

/* What the command's words must be, wherever it is done. */
static int check_wish(struct cli *c, const struct wish *w, bool reads)
{
	bool escalates = strcmp(w->what, "escalate") == 0;
	if (!reads && action_of(w->what) == SESSION_ACTIONS)
		return cli_usage_error(c, &command_session,
		                       "\"%s\": there are list, show, pause, resume, stop and escalate",
		                       w->what);
	if (strcmp(w->what, "resume") == 0 && (w->reason == NULL || w->reason[0] == '\0'))
		return cli_usage_error(c, &command_session, "resume wants a --reason, for the audit");
	if (escalates != (w->to != NULL) || (w->to && (w->to[0] == '\0' || strlen(w->to) > TO_ARG)))
		return cli_usage_error(c, &command_session,
		                       escalates ? "escalate wants --to WHO, in at most %d bytes"
		                                 : "--to goes with escalate alone, in at most %d bytes",
		                       TO_ARG);
	return EXIT_DONE;
}

static int run_session(struct cli *c, int argc, char **argv)
{
	struct wish w;
	struct cli_ledger l;
	int status = read_wish(c, argc, argv, &w);
	if (status != EXIT_DONE)
		return status < 0 ? EXIT_DONE : status;
	bool reads = strcmp(w.what, "list") == 0 || strcmp(w.what, "show") == 0;
	status = check_wish(c, &w, reads);
	if (status != EXIT_DONE)
		return status;
	if (c->server)
		return ask_server(c, &w);
	status = cli_ledger_open(c, !reads, &l);
	if (status != EXIT_DONE)
		return status;
	status = reads ? view(c, &l, w.id) : act(c, &l, &w);
	cli_ledger_close(&l);
	return status;
}
