#include "finops/session_view.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/money.h"
#include "finops/report.h"
#include "text/jsonw.h"

#define BAR 40

struct viewing {
	const struct session_view *v;
	struct buf *out;
	struct jsonw w; /* into out */
	slice only;     /* the id that must be there; n 0: any */
	size_t n;
	bool found;
	int rc;

	bool draw;                                          /* the second time */
	int64_t most;                                       /* context tokens of the largest */
	int64_t first_turn, first, last_turn, last, window; /* of the main thread */
};

/* --- list ------------------------------------------------------------------------------------ */

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

void session_view_put(struct jsonw *w, const struct ledger_session *s)
{
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
	jsonw_put_string(w, SLICE("user"), s->user);
	jsonw_put_string(w, SLICE("team"), s->team);
	jsonw_put_string(w, SLICE("repo"), s->repo);
	jsonw_put_string(w, SLICE("branch"), s->branch);
	jsonw_put_string(w, SLICE("model"), s->model);
}

static void print_session(struct viewing *x, const struct ledger_session *s)
{
	char seen[CLOCK_RFC3339_MAX], cost[MONEY_TEXT_MAX] = "-";
	if (x->n == 1)
		x->rc = buf_printf(x->out, "%-36s  %-8s %-12s %16s %6s %7s %9s\n", "session", "state",
		                   "agent", "seen (UTC)", "calls", "retries", "cost");
	clock_format_rfc3339(s->seen_ms, seen);
	if (s->cost_nanousd != RECORD_ABSENT)
		money_format_human(s->cost_nanousd, cost);
	if (x->rc == 0)
		x->rc =
		    buf_printf(x->out, "%-36.*s  %-8.*s %-12.*s %.16s %6lld %7lld %9s%s" SLICE_FMT "\n",
		               (int)s->id.n, s->id.p, (int)s->state.n, s->state.p, (int)s->agent.n,
		               s->agent.n ? s->agent.p : "", seen, (long long)s->calls, (long long)s->retries,
		               cost, s->parent.n ? "  started by " : "", SLICE_ARG(s->parent));
}

static int on_session(void *arg, const struct ledger_session *s)
{
	struct viewing *x = arg;
	if (x->v->may_see && !x->v->may_see(x->v->arg, s->scope))
		return 0;
	x->n++;
	x->found = x->found || slice_eq(s->id, x->only);
	if (x->v->json) {
		jsonw_object(&x->w);
		session_view_put(&x->w, s);
		jsonw_object_end(&x->w);
	} else {
		print_session(x, s);
	}
	return x->rc;
}

/* What was written is whole, or there was no room for it. */
static int finish(struct viewing *x, int rc, struct error *e)
{
	if (rc == 0 && x->v->json) {
		jsonw_object_end(&x->w);
		rc = jsonw_end(&x->w);
		if (rc == 0)
			rc = buf_append(x->out, SLICE("\n"));
	}
	return rc && e->text[0] == '\0' ? error_set(e, rc, "the answer is too large, or memory is spent")
	                                : rc;
}

static void begin(struct viewing *x)
{
	jsonw_init(&x->w, x->out);
	if (!x->v->json)
		return;
	jsonw_object(&x->w);
	jsonw_key(&x->w, SLICE("sessions"));
	jsonw_array(&x->w);
}

int session_view_list(const struct session_view *v, int64_t since_ms, size_t limit, struct buf *out,
                      size_t *n, struct error *e)
{
	struct viewing x = {.v = v, .out = out};
	*e = (struct error){0};
	begin(&x);
	int rc = v->ledger ? v->ops->sessions(v->ledger, since_ms, limit, on_session, &x, e) : 0;
	*n = x.n;
	if (v->json)
		jsonw_array_end(&x.w);
	return finish(&x, rc, e);
}

/* --- show ------------------------------------------------------------------------------------ */

static void draw_turn(struct viewing *t, const struct record *r)
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
	t->rc = buf_printf(t->out, "%-10.*s %5s %9lld |%s| %9s%s%s" SLICE_FMT "\n",
	                   (int)r->who.v[ATTR_SUBAGENT].n,
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
	put_known(w, SLICE("input_tokens"), r->usage.m[METER_INPUT]);
	put_known(w, SLICE("cache_read_tokens"), r->usage.m[METER_CACHE_READ]);
	put_known(w, SLICE("cache_write_5m_tokens"), r->usage.m[METER_CACHE_WRITE_5M]);
	put_known(w, SLICE("cache_write_1h_tokens"), r->usage.m[METER_CACHE_WRITE_1H]);
	put_known(w, SLICE("output_tokens"), r->usage.m[METER_OUTPUT]);
	put_known(w, SLICE("reasoning_tokens"), r->usage.m[METER_REASONING]);
	put_known(w, SLICE("tool_calls"), r->tool_calls);
	put_known(w, SLICE("cost_nanousd"), r->priced ? r->cost.total : RECORD_ABSENT);
	put_known(w, SLICE("duration_ms"), r->duration_ms);
	put_known(w, SLICE("ttft_ms"), r->ttft_ms);
	put_known(w, SLICE("status"), r->status);
	jsonw_put_string(w, SLICE("ending"), slice_of(ending_name(r->ending)));
	jsonw_put_string(w, SLICE("stop_reason"), r->text[TEXT_STOP_REASON]);
	jsonw_put_string(w, SLICE("decision"), slice_of(decision_name(r->decision)));
	jsonw_put_string(w, SLICE("rule"), r->text[TEXT_RULE]);
	jsonw_put_string(w, SLICE("explanation"), r->text[TEXT_EXPLANATION]);
	jsonw_put_string(w, SLICE("shadow"), r->text[TEXT_SHADOW]);
	jsonw_object_end(w);
}

/* The model's window, as the price book has it. */
static int64_t window_of(const struct catalog *c, slice price_id)
{
	size_t at = 0;
	const struct price *p;
	while (c && price_id.n && (p = catalog_each(c, &at)) != NULL)
		if (slice_eq(p->id, price_id))
			return p->context_window;
	return 0;
}

/* Of the main thread: where its context began and where it is. */
static void measure(struct viewing *t, const struct record *r)
{
	if (r->context_tokens > t->most)
		t->most = r->context_tokens;
	if (r->context_tokens == RECORD_ABSENT || r->turn == RECORD_ABSENT || r->who.v[ATTR_SUBAGENT].n)
		return;
	if (t->first_turn == 0) {
		t->first_turn = r->turn;
		t->first = r->context_tokens;
	}
	t->last_turn = r->turn;
	t->last = r->context_tokens;
	int64_t window = window_of(t->v->catalog, r->text[TEXT_PRICE_ID]);
	t->window = window ? window : t->window;
}

static int on_turn(void *arg, const struct record *r)
{
	struct viewing *t = arg;
	if (!t->draw)
		measure(t, r);
	else if (t->v->json)
		put_turn(&t->w, r);
	else if (r->context_tokens != RECORD_ABSENT || r->text[TEXT_RULE].n)
		draw_turn(t, r);
	return t->rc;
}

static int64_t growth(const struct viewing *t)
{
	int64_t turns = t->last_turn - t->first_turn;
	return t->first_turn && turns > 0 ? (t->last - t->first) / turns : RECORD_ABSENT;
}

static void put_growth(struct viewing *t)
{
	jsonw_key(&t->w, SLICE("growth"));
	jsonw_object(&t->w);
	put_known(&t->w, SLICE("tokens_per_turn"), growth(t));
	put_known(&t->w, SLICE("context_tokens"), t->first_turn ? t->last : RECORD_ABSENT);
	put_known(&t->w, SLICE("context_window"), t->window ? t->window : RECORD_ABSENT);
	jsonw_object_end(&t->w);
}

static int print_growth(struct viewing *t)
{
	if (t->first_turn == 0)
		return 0;
	int rc = buf_printf(t->out, "\nThe context is %lld tokens", (long long)t->last);
	if (rc == 0 && t->window)
		rc = buf_printf(t->out, ", %lld %% of the model's window of %lld",
		                (long long)(t->last * 100 / t->window), (long long)t->window);
	if (rc == 0 && growth(t) != RECORD_ABSENT)
		rc = buf_printf(t->out, "; it grew by %lld a turn", (long long)growth(t));
	return rc ? rc : buf_append(t->out, SLICE(".\n"));
}

/* A question about the session alone, of all times. */
static int open_report(const struct session_view *v, struct report *r, slice id, const char *by,
                       const char *measures, struct error *e)
{
	int rc = report_init(r, v->timezone, v->now_ms, e);
	if (rc)
		return rc;
	r->since_given = true;
	r->format = v->json ? REPORT_JSON : REPORT_TABLE;
	rc = report_only(r, SLICE("session"), id, e);
	if (rc == 0 && v->user.n)
		rc = report_only(r, SLICE("user"), v->user, e);
	if (rc == 0)
		rc = report_set(r, SLICE("by"), slice_of(by), e);
	if (rc == 0)
		rc = report_set(r, SLICE("measures"), slice_of(measures), e);
	if (rc == 0)
		rc = report_ready(r, e);
	if (rc)
		report_release(r);
	return rc;
}

static int turns(struct viewing *t, slice id, struct error *e)
{
	struct report r;
	int rc = open_report(t->v, &r, id, "session", "calls", e);
	if (rc)
		return rc;
	rc = t->v->ops->rows(t->v->ledger, &r.q, on_turn, t, e);
	t->draw = true;
	if (t->v->json) {
		put_growth(t);
		jsonw_key(&t->w, SLICE("turns"));
		jsonw_array(&t->w);
	} else if (rc == 0) {
		rc = buf_printf(t->out, "\n%-10s %5s %9s  %-*s  %9s\n", "subagent", "turn", "context", BAR,
		                "= cached, # not", "cost");
	}
	if (rc == 0)
		rc = t->v->ops->rows(t->v->ledger, &r.q, on_turn, t, e);
	if (t->v->json)
		jsonw_array_end(&t->w);
	else if (rc == 0)
		rc = print_growth(t);
	report_release(&r);
	return rc;
}

/* What the context was made of. */
static int anatomy(struct viewing *t, slice id, struct error *e)
{
	struct report r;
	struct buf out;
	int rc = open_report(t->v, &r, id, "part,tool",
	                     "calls,tool_calls,tool_failures,definition_tokens,argument_tokens,result_tokens,"
	                     "text_tokens,resent_tokens,resent_nanousd,cost_nanousd",
	                     e);
	if (rc)
		return rc;
	buf_init(&out, t->out->max);
	rc = t->v->json ? report_json(t->v->ops, t->v->ledger, &r, &out, e)
	                : report_table(t->v->ops, t->v->ledger, &r, &out, NULL, e);
	if (rc == 0 && t->v->json) {
		jsonw_key(&t->w, SLICE("anatomy"));
		jsonw_raw(&t->w, slice_trim(buf_slice(&out)));
	} else if (rc == 0) {
		rc = buf_printf(t->out, "\n" SLICE_FMT, SLICE_ARG(buf_slice(&out)));
	}
	buf_release(&out);
	report_release(&r);
	return rc;
}

int session_view_show(const struct session_view *v, slice id, struct buf *out, struct error *e)
{
	struct viewing x = {.v = v, .out = out, .only = id};
	*e = (struct error){0};
	begin(&x);
	int rc = v->ledger ? v->ops->session(v->ledger, id, SESSION_VIEW_MOST, on_session, &x, e) : 0;
	if (v->json)
		jsonw_array_end(&x.w);
	if (rc == 0 && !x.found)
		rc = error_set(e, ERR_NOT_FOUND,
		               "no session \"" SLICE_FMT "\": `weir session list` shows them", SLICE_ARG(id));
	if (rc == 0)
		rc = turns(&x, id, e);
	if (rc == 0)
		rc = anatomy(&x, id, e);
	return finish(&x, rc, e);
}
