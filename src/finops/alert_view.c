#include "finops/alert_view.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "finops/alert_shape.h"

#define SCRATCH ((size_t)64 * 1024)

struct viewing {
	const struct alert_view *v;
	char silence[CRYPTO_ID_MAX]; /* that holds the one shown */
	struct buf *out;
	struct jsonw w; /* into out */
	size_t n;
	int rc;
	bool found;
};

/* --- one alert --------------------------------------------------------------------------- */

static void put_time(struct jsonw *w, slice key, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	size_t n = clock_format_rfc3339(ms, text);
	jsonw_put_string(w, key, ms > 0 ? slice_make(text, n) : SLICE_NONE);
}

static struct alert_told told_of(const struct ledger_alert *a)
{
	return (struct alert_told){.id = a->id,
	                           .severity = a->severity,
	                           .body = a->body,
	                           .kind = alert_kind_from_name(a->kind),
	                           .event = ALERT_EVENTS,
	                           .since_ms = a->since_ms,
	                           .raised_ms = a->raised_ms,
	                           .resolved_ms = a->resolved_ms,
	                           .count = a->count};
}

static void put_alert(struct viewing *x, const struct ledger_alert *a)
{
	struct alert_told t = told_of(a);
	int rc = alert_shape_told(&x->w, &t);
	put_time(&x->w, SLICE("told"), a->told_ms);
	jsonw_put_string(&x->w, SLICE("silence"), a->silence.n ? a->silence : SLICE_NONE);
	jsonw_object_end(&x->w);
	x->rc = x->rc ? x->rc : rc;
}

static const char *state_of(const struct ledger_alert *a)
{
	return a->resolved_ms ? "over" : a->silence.n ? "silenced" : "open";
}

static void print_alert(struct viewing *x, const struct ledger_alert *a)
{
	struct arena mem;
	struct alert_cause c = {0};
	char since[CLOCK_RFC3339_MAX];
	arena_init(&mem, SCRATCH);
	clock_format_rfc3339(a->since_ms, since);
	if (alert_body_read(a->body, &mem, &c))
		c.title = SLICE("(of a later version)");
	if (x->n == 1)
		x->rc = buf_printf(x->out, "%-26s  %-8s %-8s %-9s %-16s  %s\n", "alert", "state", "severity",
		                   "kind", "since (UTC)", "what");
	if (x->rc == 0)
		x->rc = buf_printf(x->out, "%-26.*s  %-8s %-8.*s %-9.*s %.16s  " SLICE_FMT "\n", (int)a->id.n,
		                   a->id.p, state_of(a), (int)a->severity.n, a->severity.p, (int)a->kind.n,
		                   a->kind.p, since, SLICE_ARG(c.title));
	arena_release(&mem);
}

static bool may_see(const struct alert_view *v, const struct ledger_alert *a)
{
	return !v->nobody && (v->user.n == 0 || slice_eq(v->user, a->user));
}

static int on_alert(void *arg, const struct ledger_alert *a)
{
	struct viewing *x = arg;
	if (!may_see(x->v, a))
		return 0;
	x->n++;
	if (x->v->json)
		put_alert(x, a);
	else
		print_alert(x, a);
	return x->rc;
}

/* --- silences ---------------------------------------------------------------------------- */

static int on_silence(void *arg, const struct ledger_silence *s)
{
	struct viewing *x = arg;
	char until[CLOCK_RFC3339_MAX];
	if (x->v->json) {
		jsonw_object(&x->w);
		jsonw_put_string(&x->w, SLICE("id"), s->id);
		jsonw_put_string(&x->w, SLICE("where"), s->matches);
		jsonw_put_string(&x->w, SLICE("by"), s->by);
		jsonw_put_string(&x->w, SLICE("reason"), s->reason);
		put_time(&x->w, SLICE("from"), s->from_ms);
		put_time(&x->w, SLICE("until"), s->until_ms);
		jsonw_object_end(&x->w);
		return 0;
	}
	clock_format_rfc3339(s->until_ms, until);
	return x->rc = buf_printf(
	           x->out, "silence %.*s holds " SLICE_FMT " until %.16sZ, by " SLICE_FMT "%s" SLICE_FMT "\n",
	           (int)s->id.n, s->id.p, SLICE_ARG(s->matches), until, SLICE_ARG(s->by),
	           s->reason.n ? ": " : "", SLICE_ARG(s->reason));
}

/* What was written is whole, or there was no room for it. */
static int finish(struct viewing *x, int rc, struct error *e)
{
	if (rc == 0 && x->v->json) {
		jsonw_object_end(&x->w);
		rc = jsonw_end(&x->w);
		rc = rc ? rc : buf_append(x->out, SLICE("\n"));
	}
	return rc && e->text[0] == '\0' ? error_set(e, rc, "the answer is too large, or memory is spent")
	                                : rc;
}

static void begin(struct viewing *x, const char *list)
{
	if (!x->v->json)
		return;
	jsonw_init(&x->w, x->out);
	jsonw_object(&x->w);
	if (list) {
		jsonw_key(&x->w, slice_of(list));
		jsonw_array(&x->w);
	}
}

int alert_view_list(const struct alert_view *v, struct buf *out, size_t *n, struct error *e)
{
	struct viewing x = {.v = v, .out = out};
	struct ledger_alert_query q = {.open = !v->all,
	                               .user = v->user,
	                               .since_ms = v->since_ms,
	                               .limit = v->limit ? v->limit : ALERT_VIEW_MOST};
	*e = (struct error){0};
	begin(&x, "alerts");
	int rc = v->ledger ? v->ops->alerts->list(v->ledger, &q, on_alert, &x, e) : 0;
	*n = x.n;
	if (v->json) {
		jsonw_array_end(&x.w);
		jsonw_key(&x.w, SLICE("silences"));
		jsonw_array(&x.w);
	}
	/* a silence names users and budgets: for those who see all */
	if (rc == 0 && v->ledger && v->user.n == 0 && !v->nobody)
		rc = v->ops->alerts->silences(v->ledger, v->now_ms, on_silence, &x, e);
	if (v->json)
		jsonw_array_end(&x.w);
	return finish(&x, rc, e);
}

/* --- show -------------------------------------------------------------------------------- */

static void print_one(struct viewing *x, const struct ledger_alert *a)
{
	struct alert_told t = told_of(a);
	struct alert_message *m = calloc(1, sizeof *m);
	if (m == NULL) {
		x->rc = ERR_NOMEM;
		return;
	}
	m->n = 1;
	m->told[0] = t;
	struct alert_shape shape = {m, SLICE_NONE, x->v->now_ms};
	x->rc = alert_shape_text(&shape, x->out);
	if (x->rc == 0)
		x->rc = buf_printf(x->out, "state     %s\n", state_of(a));
	free(m);
}

static int on_one(void *arg, const struct ledger_alert *a)
{
	struct viewing *x = arg;
	if (!may_see(x->v, a))
		return 0;
	x->found = true;
	snprintf(x->silence, sizeof x->silence, SLICE_FMT, SLICE_ARG(a->silence));
	if (x->v->json) {
		jsonw_key(&x->w, SLICE("alert"));
		put_alert(x, a);
	} else {
		print_one(x, a);
	}
	return x->rc;
}

/* Who holds it back: whoever silenced it has seen it. */
static int on_holder(void *arg, const struct ledger_silence *s)
{
	struct viewing *x = arg;
	if (!slice_eq(s->id, slice_of(x->silence)))
		return 0;
	if (x->v->json)
		jsonw_key(&x->w, SLICE("acknowledged"));
	x->rc = on_silence(x, s);
	return x->rc ? x->rc : 1;
}

static int on_delivery(void *arg, const struct ledger_delivery *d)
{
	struct viewing *x = arg;
	char at[CLOCK_RFC3339_MAX];
	int64_t ms = d->done_ms ? d->done_ms : d->made_ms;
	clock_format_rfc3339(ms, at);
	if (!x->v->json)
		return x->rc = buf_printf(
		           x->out, "%-9.*s to " SLICE_FMT ": " SLICE_FMT " %.19sZ%s" SLICE_FMT "\n",
		           (int)d->event.n, d->event.p, SLICE_ARG(d->target), SLICE_ARG(d->state), at,
		           d->error.n ? ", " : "", SLICE_ARG(d->error));
	jsonw_object(&x->w);
	jsonw_put_string(&x->w, SLICE("target"), d->target);
	jsonw_put_string(&x->w, SLICE("event"), d->event);
	jsonw_put_string(&x->w, SLICE("state"), d->state);
	put_time(&x->w, SLICE("queued"), d->made_ms);
	put_time(&x->w, SLICE("done"), d->done_ms);
	jsonw_put_i64(&x->w, SLICE("tries"), d->tries);
	jsonw_put_string(&x->w, SLICE("error"), d->error.n ? d->error : SLICE_NONE);
	jsonw_object_end(&x->w);
	return 0;
}

int alert_view_show(const struct alert_view *v, slice id, struct buf *out, struct error *e)
{
	struct viewing x = {.v = v, .out = out};
	struct ledger_alert_query q = {.id = id, .limit = 1};
	struct ledger_delivery_query dq = {.alert = id};
	*e = (struct error){0};
	begin(&x, NULL);
	int rc = v->ledger && id.n ? v->ops->alerts->list(v->ledger, &q, on_one, &x, e) : 0;
	if (rc == 0 && !x.found)
		return error_set(e, ERR_NOT_FOUND,
		                 "no alert \"" SLICE_FMT "\": `weir alert list --all` shows them",
		                 SLICE_ARG(slice_sub(id, 0, 60)));
	if (rc == 0 && x.silence[0]) {
		rc = v->ops->alerts->silences(v->ledger, v->now_ms, on_holder, &x, e);
		rc = rc > 0 ? 0 : rc;
	}
	if (rc == 0 && v->json) {
		jsonw_key(&x.w, SLICE("deliveries"));
		jsonw_array(&x.w);
	}
	if (rc == 0)
		rc = v->ops->alerts->deliveries(v->ledger, &dq, on_delivery, &x, e);
	if (v->json)
		jsonw_array_end(&x.w);
	return finish(&x, rc, e);
}
