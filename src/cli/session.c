/* `weir session`: which sessions there are, what one did and what its context is made of, and its states. A
 * state is written to the store, which a running gateway watches. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/money.h"
#include "cli/ledger_open.h"
#include "finops/report.h"
#include "gateway/gateway.h"
#include "policy/session.h"
#include "store/journal.h"

#define JSON_MAX   (16u << 20)
#define LIST_MAX   1000
#define WEEK_MS    (INT64_C(7) * 24 * 3600 * 1000)
#define BAR        40
#define REASON_ARG 160

static int run_session(struct cli *c, int argc, char **argv);

const struct command command_session = {
    "session", "what agents' sessions did, and pausing, resuming, stopping them",
    "weir session list | show ID | pause ID | resume ID | stop ID [options]\n\n"
    "list shows the sessions of the last week, the latest first; show draws how the context of one grew and\n"
    "tells what it is made of and what each part has cost, again on every turn. pause refuses the session's\n"
    "next calls until it is resumed; stop refuses them for good.\n\n"
    "  --reason WHY   said to whoever is stopped, and in the audit; resume asks for one\n",
    run_session};

struct wish {
	const char *what, *id, *reason;
	char actor[300];
};

/* EXIT_DONE, or another exit status; -1 after --help. */
static int read_wish(struct cli *c, int argc, char **argv, struct wish *w)
{
	const char *name, *value;
	int at = 1, r;
	*w = (struct wish){0};
	while ((r = cli_next(c, &command_session, argc, argv, &at, "reason=", &name, &value)) != 0) {
		if (r < 0)
			return r == -2 ? -1 : EXIT_USAGE;
		if (r == 2 && w->what == NULL)
			w->what = value;
		else if (r == 2 && w->id == NULL)
			w->id = value;
		else if (r == 2)
			return cli_usage_error(c, &command_session, "%s: one session at a time", value);
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

/* --- list ------------------------------------------------------------------------------------ */

struct listing {
	struct cli *c;
	struct jsonw w;
	slice only; /* an id; n 0: all */
	size_t n;
};

static void put_time(struct jsonw *w, slice key, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	size_t n = clock_format_rfc3339(ms, text);
	jsonw_put_string(w, key, ms ? slice_make(text, n) : SLICE_NONE);
}

static void put_known(struct jsonw *w, slice key, int64_t v)
{
	if (v == RECORD_ABSENT) {
		jsonw_key(w, key);
		jsonw_null(w);
	} else {
		jsonw_put_i64(w, key, v);
	}
}

static void put_session(struct jsonw *w, const struct ledger_session *s)
{
	jsonw_object(w);
	jsonw_put_string(w, SLICE("id"), s->id);
	jsonw_put_string(w, SLICE("key_id"), s->scope);
	jsonw_put_string(w, SLICE("state"), s->state);
	jsonw_put_string(w, SLICE("reason"), s->reason);
	jsonw_put_string(w, SLICE("agent"), s->agent);
	jsonw_put_string(w, SLICE("directory"), s->directory);
	jsonw_put_string(w, SLICE("parent"), s->parent);
	put_time(w, SLICE("started"), s->started_ms);
	put_time(w, SLICE("seen"), s->seen_ms);
	put_known(w, SLICE("turns"), s->turns);
	jsonw_put_i64(w, SLICE("calls"), s->calls);
	jsonw_put_i64(w, SLICE("retries"), s->retries);
	jsonw_put_i64(w, SLICE("compactions"), s->compactions);
	jsonw_put_i64(w, SLICE("elapsed_s"), (s->seen_ms - s->started_ms) / 1000);
	jsonw_put_i64(w, SLICE("active_s"), s->active_ms / 1000);
	put_known(w, SLICE("cost_nanousd"), s->cost_nanousd);
	jsonw_put_string(w, SLICE("outcome"), SLICE_NONE);
	jsonw_object_end(w);
}

static int list_one(void *arg, const struct ledger_session *s)
{
	struct listing *l = arg;
	char seen[CLOCK_RFC3339_MAX], cost[MONEY_TEXT_MAX] = "-";
	if (l->only.n && !slice_eq(l->only, s->id) && !slice_eq(l->only, s->parent))
		return 0;
	l->n++;
	if (l->c->json) {
		put_session(&l->w, s);
		return 0;
	}
	if (l->n == 1)
		fprintf(l->c->out, "%-36s  %-8s %-12s %16s %6s %7s %9s\n", "session", "state", "agent",
		        "seen (UTC)", "calls", "retries", "cost");
	clock_format_rfc3339(s->seen_ms, seen);
	if (s->cost_nanousd != RECORD_ABSENT)
		money_format_human(s->cost_nanousd, cost);
	fprintf(l->c->out, "%-36.*s  %-8.*s %-12.*s %.16s %6lld %7lld %9s%s" SLICE_FMT "\n", (int)s->id.n,
	        s->id.p, (int)s->state.n, s->state.p, (int)s->agent.n, s->agent.n ? s->agent.p : "", seen,
	        (long long)s->calls, (long long)s->retries, cost, s->parent.n ? "  started by " : "",
	        SLICE_ARG(s->parent));
	return 0;
}

static int ask_sessions(struct cli *c, struct cli_ledger *l, struct listing *x, slice only)
{
	struct error e = {0};
	*x = (struct listing){.c = c, .w = x->w, .only = only};
	int64_t since = only.n ? 0 : clock_wall_ms(clock_real()) - WEEK_MS;
	if (l->ledger && l->ops->sessions(l->ledger, since, LIST_MAX, list_one, x, &e) < 0)
		return cli_fail(c, "%s", e.text);
	return EXIT_DONE;
}

static int list(struct cli *c, struct cli_ledger *l)
{
	struct listing x = {0};
	struct buf b;
	buf_init(&b, JSON_MAX);
	jsonw_init(&x.w, &b);
	jsonw_object(&x.w);
	jsonw_key(&x.w, SLICE("sessions"));
	jsonw_array(&x.w);
	int status = ask_sessions(c, l, &x, SLICE_NONE);
	jsonw_array_end(&x.w);
	jsonw_object_end(&x.w);
	if (status == EXIT_DONE && c->json)
		status = cli_print_json(c, &x.w, &b);
	else if (status == EXIT_DONE && x.n == 0)
		fprintf(
		    c->err,
		    "No sessions in the last week. Run an agent through weir, like `weir run -- claude`.\n");
	buf_release(&b);
	return status;
}

/* --- show ------------------------------------------------------------------------------------ */

struct turns {
	struct cli *c;
	struct jsonw *w;
	int64_t most; /* context tokens of the largest */
	bool draw;    /* the second time */
};

static void draw_turn(struct turns *t, const struct record *r)
{
	char bar[BAR + 1], cost[MONEY_TEXT_MAX] = "-", turn[24] = "-";
	int64_t read = r->usage.m[METER_CACHE_READ];
	int n = t->most > 0 ? (int)(r->context_tokens * BAR / t->most) : 0;
	int cached = t->most > 0 && read > 0 ? (int)(read * BAR / t->most) : 0;
	for (int i = 0; i < BAR; i++)
		bar[i] = i < cached && i < n ? '=' : i < n ? '#' : ' ';
	bar[BAR] = '\0';
	if (r->priced)
		money_format_human(r->cost.total, cost);
	if (r->turn != RECORD_ABSENT)
		snprintf(turn, sizeof turn, "%lld", (long long)r->turn);
	fprintf(t->c->out, "%-10.*s %5s %9lld |%s| %9s%s%s" SLICE_FMT "\n", (int)r->who.v[ATTR_SUBAGENT].n,
	        r->who.v[ATTR_SUBAGENT].n ? r->who.v[ATTR_SUBAGENT].p : "", turn,
	        (long long)r->context_tokens, bar, cost, r->attempt > 1 ? "  again" : "",
	        r->text[TEXT_RULE].n ? "  refused by " : "", SLICE_ARG(r->text[TEXT_RULE]));
}

static void put_turn(struct jsonw *w, const struct record *r)
{
	jsonw_object(w);
	jsonw_put_string(w, SLICE("call"), slice_of(r->id));
	put_time(w, SLICE("time"), r->time_ms);
	jsonw_put_string(w, SLICE("subagent"), r->who.v[ATTR_SUBAGENT]);
	jsonw_put_string(w, SLICE("model"),
	                 r->text[TEXT_MODEL_SERVED].n ? r->text[TEXT_MODEL_SERVED]
	                                              : r->text[TEXT_MODEL_REQUESTED]);
	put_known(w, SLICE("turn"), r->turn);
	put_known(w, SLICE("attempt"), r->attempt);
	put_known(w, SLICE("context_tokens"), r->context_tokens);
	put_known(w, SLICE("cache_read_tokens"), r->usage.m[METER_CACHE_READ]);
	put_known(w, SLICE("cost_nanousd"), r->priced ? r->cost.total : RECORD_ABSENT);
	jsonw_put_string(w, SLICE("ending"), slice_of(ending_name(r->ending)));
	jsonw_put_string(w, SLICE("rule"), r->text[TEXT_RULE]);
	jsonw_object_end(w);
}

static int on_turn(void *arg, const struct record *r)
{
	struct turns *t = arg;
	if (t->c->json)
		put_turn(t->w, r);
	else if (!t->draw && r->context_tokens > t->most)
		t->most = r->context_tokens;
	else if (t->draw && (r->context_tokens != RECORD_ABSENT || r->text[TEXT_RULE].n))
		draw_turn(t, r);
	return 0;
}

/* A question about the session alone, of all times. */
static int open_report(struct cli *c, struct cli_ledger *l, struct report *r, const char *id, const char *by,
                       const char *measures)
{
	struct error e = {0};
	if (report_init(r, l->settings->timezone, clock_wall_ms(clock_real()), &e) != 0)
		return cli_fail(c, "`timezone:` of the settings: %s", e.text);
	r->since_given = true;
	r->format = c->json ? REPORT_JSON : REPORT_TABLE;
	if (report_only(r, SLICE("session"), slice_of(id), &e) ||
	    report_set(r, SLICE("by"), slice_of(by), &e) ||
	    report_set(r, SLICE("measures"), slice_of(measures), &e) || report_ready(r, &e)) {
		report_release(r);
		return cli_fail(c, "%s", e.text);
	}
	return EXIT_DONE;
}

/* What the context was made of; into w as JSON, or printed. */
static int anatomy(struct cli *c, struct cli_ledger *l, const char *id, struct jsonw *w)
{
	struct report r;
	struct error e = {0};
	struct buf out;
	int status =
	    open_report(c, l, &r, id, "part,tool",
	                "calls,tool_calls,tool_failures,definition_tokens,argument_tokens,result_tokens,"
	                "text_tokens,resent_tokens,resent_nanousd,cost_nanousd");
	if (status != EXIT_DONE)
		return status;
	buf_init(&out, JSON_MAX);
	int rc = c->json ? report_json(l->ops, l->ledger, &r, &out, &e)
	                 : report_table(l->ops, l->ledger, &r, &out, NULL, &e);
	if (rc)
		status = cli_fail(c, "%s", e.text);
	else if (c->json) {
		jsonw_key(w, SLICE("anatomy"));
		jsonw_raw(w, slice_trim(buf_slice(&out)));
	} else
		fprintf(c->out, "\n" SLICE_FMT, SLICE_ARG(buf_slice(&out)));
	buf_release(&out);
	report_release(&r);
	return status;
}

static int turns(struct cli *c, struct cli_ledger *l, const char *id, struct jsonw *w)
{
	struct report r;
	struct error e = {0};
	struct turns t = {.c = c, .w = w};
	int status = open_report(c, l, &r, id, "session", "calls");
	if (status != EXIT_DONE)
		return status;
	if (c->json) {
		jsonw_key(w, SLICE("turns"));
		jsonw_array(w);
	}
	int rc = l->ops->rows(l->ledger, &r.q, on_turn, &t, &e);
	t.draw = true;
	if (rc == 0 && !c->json) {
		fprintf(c->out, "\n%-10s %5s %9s  %-*s  %9s\n", "subagent", "turn", "context", BAR,
		        "= cached, # not", "cost");
		rc = l->ops->rows(l->ledger, &r.q, on_turn, &t, &e);
	}
	if (c->json)
		jsonw_array_end(w);
	report_release(&r);
	return rc ? cli_fail(c, "%s", e.text) : EXIT_DONE;
}

/* The session and those its agent started, its turns, its anatomy. */
static int show(struct cli *c, struct cli_ledger *l, const char *id)
{
	struct listing x = {0};
	struct buf b;
	buf_init(&b, JSON_MAX);
	jsonw_init(&x.w, &b);
	jsonw_object(&x.w);
	jsonw_key(&x.w, SLICE("sessions"));
	jsonw_array(&x.w);
	int status = ask_sessions(c, l, &x, slice_of(id));
	jsonw_array_end(&x.w);
	if (status == EXIT_DONE && x.n == 0)
		status = cli_fail(c, "no session \"%s\": `weir session list` shows them", id);
	if (status == EXIT_DONE)
		status = turns(c, l, id, &x.w);
	if (status == EXIT_DONE)
		status = anatomy(c, l, id, &x.w);
	jsonw_object_end(&x.w);
	if (status == EXIT_DONE && c->json)
		status = cli_print_json(c, &x.w, &b);
	buf_release(&b);
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

static int act(struct cli *c, struct cli_ledger *l, const struct wish *w, enum session_action a)
{
	struct error e = {0};
	slice state = slice_of(session_state_name(session_after(SESSION_RUNNING, a)));
	if (a == SESSION_RESUME && (w->reason == NULL || w->reason[0] == '\0'))
		return cli_usage_error(c, &command_session, "resume wants a --reason, for the audit");
	int rc = l->ops->session_act(l->ledger, slice_of(w->id), state, slice_of(w->reason),
	                             slice_of(w->actor), clock_wall_ms(clock_real()), &e);
	if (rc)
		return cli_fail(c, "%s", e.text);
	bool running = await_gateway(l);
	fprintf(c->err, "Session %s is %s%s\n", w->id, session_state_name(session_after(SESSION_RUNNING, a)),
	        running ? "." : "; no gateway runs on this store now, the next one will know.");
	return EXIT_DONE;
}

static int run_session(struct cli *c, int argc, char **argv)
{
	static const char *const actions[SESSION_ACTIONS] = {"pause", "resume", "stop"};
	struct wish w;
	struct cli_ledger l;
	int status = read_wish(c, argc, argv, &w), a = 0;
	if (status != EXIT_DONE)
		return status < 0 ? EXIT_DONE : status;
	while (a < SESSION_ACTIONS && strcmp(w.what, actions[a]) != 0)
		a++;
	bool reads = strcmp(w.what, "list") == 0 || strcmp(w.what, "show") == 0;
	if (!reads && a == SESSION_ACTIONS)
		return cli_usage_error(c, &command_session,
		                       "\"%s\": there are list, show, pause, resume and stop", w.what);
	if (c->server)
		return cli_fail(
		    c,
		    "sessions are kept where the gateway is: run this there, without --server and WEIR_URL");
	status = cli_ledger_open(c, !reads, &l);
	if (status != EXIT_DONE)
		return status;
	if (!reads)
		status = act(c, &l, &w, (enum session_action)a);
	else
		status = w.id ? show(c, &l, w.id) : list(c, &l);
	cli_ledger_close(&l);
	return status;
}
