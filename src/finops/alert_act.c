/* What people do about alerts: silencing them, and asking for a test. */
#include <stdio.h>

#include "finops/alert_view.h"

#define OWN_MAX_MS (INT64_C(24) * 3600 * 1000) /* what a stolen key hides is seen the next day */
#define TEST_MS    60000                       /* a test is over after so long */

/* --- silences ---------------------------------------------------------------------------- */

struct finding {
	slice user;
	bool found, own;
};

static int on_alert(void *arg, const struct ledger_alert *a)
{
	struct finding *f = arg;
	f->found = true;
	f->own = f->user.n == 0 || slice_eq(f->user, a->user);
	return 0;
}

/* Of those who see their own alone: that alert is theirs, or their user is among what must match. */
static int check_own(const struct ledger_ops *ops, struct ledger *l, const struct alert_wish *w,
                     struct error *e)
{
	struct finding f = {.user = w->user};
	if (w->alert.n) {
		struct ledger_alert_query q = {.id = w->alert, .limit = 1};
		int rc = ops->alerts->list(l, &q, on_alert, &f, e);
		if (rc == 0 && (!f.found || !f.own || w->nobody))
			rc = error_set(e, ERR_NOT_FOUND,
			               "no alert \"" SLICE_FMT "\": `weir alert list` shows them",
			               SLICE_ARG(slice_sub(w->alert, 0, 60)));
		return rc;
	}
	struct alert_label want[ALERT_WHERE_MAX];
	size_t n;
	int rc = alert_matches_read(w->matches, want, &n, e);
	if (rc || (w->user.n == 0 && !w->nobody))
		return rc;
	for (size_t i = 0; i < n; i++)
		if (w->user.n && slice_eq(want[i].name, SLICE("user")) && slice_eq(want[i].value, w->user))
			return 0;
	return error_set(e, ERR_REFUSED,
	                 "a developer silences alerts of their own: add user=" SLICE_FMT
	                 ", or name one alert",
	                 SLICE_ARG(w->user));
}

int alert_silence(const struct ledger_ops *ops, struct ledger *l, const struct alert_wish *w,
                  char id[CRYPTO_ID_MAX], struct error *e)
{
	char matches[ALERT_MATCHES_MAX];
	struct crypto_ids ids = {0};
	int64_t span = w->for_ms ? w->for_ms : ALERT_SILENCE_MS;
	if (span < 0 || span > ALERT_SILENCE_MAX)
		return error_set(e, ERR_INVALID,
		                 "a silence lasts at most 30 days: say for how long, such as 2h");
	if (w->matches.n >= sizeof matches || w->alert.n >= CRYPTO_ID_MAX || w->reason.n > ALERT_REASON_MAX)
		return error_set(e, ERR_INVALID, "what it holds, or its reason, is too long");
	if ((w->user.n || w->nobody) && span > OWN_MAX_MS)
		return error_set(e, ERR_REFUSED,
		                 "a developer silences for a day at most: an operator may for longer");
	int rc = check_own(ops, l, w, e);
	if (rc)
		return rc;
	if (crypto_id(&ids, w->now_ms, id))
		return error_set(e, ERR_IO, "the machine gives no random numbers");
	if (w->alert.n)
		snprintf(matches, sizeof matches, "alert=" SLICE_FMT, SLICE_ARG(w->alert));
	else
		snprintf(matches, sizeof matches, SLICE_FMT, SLICE_ARG(w->matches));
	struct ledger_silence s = {slice_of(id), slice_of(matches), w->by,
	                           w->reason,    w->now_ms,         w->now_ms + span};
	return ops->alerts->silence_put(l, &s, w->now_ms, e);
}

struct lifting {
	slice id;
	const struct alert_wish *w;
	bool found, may;
	char matches[ALERT_MATCHES_MAX];
	int64_t from_ms;
};

static int on_silence(void *arg, const struct ledger_silence *s)
{
	struct lifting *d = arg;
	if (!slice_eq(s->id, d->id))
		return 0;
	d->found = true;
	d->may = (d->w->user.n == 0 && !d->w->nobody) || slice_eq(s->by, d->w->by);
	d->from_ms = s->from_ms;
	snprintf(d->matches, sizeof d->matches, SLICE_FMT, SLICE_ARG(s->matches));
	return 1;
}

int alert_unsilence(const struct ledger_ops *ops, struct ledger *l, slice id, const struct alert_wish *w,
                    struct error *e)
{
	struct lifting d = {.id = id, .w = w};
	int rc = ops->alerts->silences(l, w->now_ms, on_silence, &d, e);
	if (rc < 0)
		return rc;
	if (!d.found)
		return error_set(e, ERR_NOT_FOUND,
		                 "no silence \"" SLICE_FMT "\" holds: `weir alert list` shows them",
		                 SLICE_ARG(slice_sub(id, 0, 60)));
	if (!d.may)
		return error_set(e, ERR_REFUSED, "it was made by somebody else: ask them, or an operator");
	struct ledger_silence s = {id, slice_of(d.matches), w->by, w->reason, d.from_ms, w->now_ms};
	return ops->alerts->silence_put(l, &s, w->now_ms, e);
}

/* --- a test ------------------------------------------------------------------------------ */

void alert_test_cause(struct alert_cause *c, slice by)
{
	*c = (struct alert_cause){
	    .kind = ALERT_TEST,
	    .severity = ALERT_INFO,
	    .hold_ms = TEST_MS,
	    .title = SLICE("Weir's alerts come to this place"),
	    .text = SLICE("Somebody asked for this with `weir alert test`. Nothing is the matter."),
	    .evidence = by,
	    .look = SLICE("weir alert list --all")};
	alert_label_add(c, "scope", SLICE("test"));
}

static int put_test(const struct ledger_ops *ops, struct ledger *l, const struct alert_target *targets,
                    size_t n, slice target, const char *id, slice body, int64_t now_ms, struct error *e)
{
	struct ledger_alert a = {.id = slice_of(id),
	                         .cause = slice_of(id),
	                         .kind = slice_of(alert_kind_name(ALERT_TEST)),
	                         .severity = slice_of(alert_severity_name(ALERT_INFO)),
	                         .body = body,
	                         .since_ms = now_ms,
	                         .raised_ms = now_ms,
	                         .seen_ms = now_ms,
	                         .told_ms = now_ms,
	                         .hold_ms = TEST_MS,
	                         .count = 1};
	int rc = ops->alerts->put(l, &a, e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct ledger_delivery d = {.alert = slice_of(id),
		                            .target = targets[i].name,
		                            .event = slice_of(alert_event_name(ALERT_TESTED)),
		                            .state = SLICE("waiting"),
		                            .made_ms = now_ms,
		                            .due_ms = now_ms};
		if (target.n == 0 || slice_eq(target, targets[i].name))
			rc = ops->alerts->delivery_put(l, &d, e);
	}
	struct ledger_change c = {
	    .at_ms = now_ms, .action = SLICE("alert.test"), .subject = slice_of(id), .detail = target};
	if (rc == 0)
		rc = ops->record(l, &c, e);
	return rc ? rc : ops->alerts->changed(l, e);
}

int alert_test(const struct ledger_ops *ops, struct ledger *l, const struct alert_target *targets, size_t n,
               slice target, slice by, int64_t now_ms, char id[CRYPTO_ID_MAX], struct error *e)
{
	struct alert_cause c;
	struct crypto_ids ids = {0};
	struct buf body;
	bool there = target.n == 0 && n > 0;
	for (size_t i = 0; i < n; i++)
		there = there || slice_eq(targets[i].name, target);
	if (n == 0)
		return error_set(e, ERR_NOT_FOUND,
		                 "the settings name no target: write alerts: [{name: chat, url: ...}], as "
		                 "docs/alerts.md shows");
	if (!there)
		return error_set(e, ERR_NOT_FOUND,
		                 "there is no target \"" SLICE_FMT "\" in alerts: of the settings",
		                 SLICE_ARG(slice_sub(target, 0, 60)));
	if (crypto_id(&ids, now_ms, id))
		return error_set(e, ERR_IO, "the machine gives no random numbers");
	alert_test_cause(&c, by);
	buf_init(&body, ALERT_BODY_MAX);
	int rc = alert_body_write(&c, &body);
	if (rc == 0)
		rc = ops->begin(l, e);
	if (rc == 0) {
		rc = put_test(ops, l, targets, n, target, id, buf_slice(&body), now_ms, e);
		if (rc == 0)
			rc = ops->commit(l, e);
		if (rc)
			ops->rollback(l);
	}
	buf_release(&body);
	return rc;
}
