/* Alerts by the API: what is open, what was told to whom, silences, and a test. A developer sees and silences
 * alerts about their own user. */
#include "finops/alert_view.h"
#include "gateway/admin.h"

#define WEEK_MS (INT64_C(7) * 24 * 3600 * 1000)

static bool own_only(const struct admin *a)
{
	return !a->who->all && !a->who->anonymous;
}

static struct alert_view view_of(struct admin *a)
{
	slice user = own_only(a) ? name_get(&a->who->user) : SLICE_NONE;
	return (struct alert_view){.ops = a->c->ops,
	                           .ledger = a->c->ledger,
	                           .now_ms = a->now_ms,
	                           .json = true,
	                           .user = user,
	                           .nobody = own_only(a) && user.n == 0};
}

/* A table is wrapped, so that every answer of this API is JSON: {"text": "..."}. */
static int answer(struct admin *a, bool json, int rc, struct buf *text, const struct error *e)
{
	int r;
	if (rc) {
		r = admin_fault(a, e);
	} else if (json) {
		r = buf_append(a->out, buf_slice(text));
	} else {
		jsonw_object(&a->w);
		jsonw_put_string(&a->w, SLICE("text"), buf_slice(text));
		jsonw_object_end(&a->w);
		r = admin_end(a);
	}
	buf_release(text);
	return r;
}

static bool read_format(struct admin *a, struct alert_view *v, int *r)
{
	slice format = admin_query(a, SLICE("format"));
	if (format.n && !slice_eq(format, SLICE("json")) && !slice_eq(format, SLICE("table"))) {
		*r = admin_refuse(a, 400, "format is json or table");
		return false;
	}
	v->json = !slice_eq(format, SLICE("table"));
	return true;
}

int admin_alerts_list(struct admin *a)
{
	struct alert_view v = view_of(a);
	struct error e = {0};
	struct buf text;
	size_t n;
	long long limit = ALERT_VIEW_MOST;
	int64_t since = WEEK_MS;
	int r;
	slice limit_text = admin_query(a, SLICE("limit")), since_text = admin_query(a, SLICE("since"));
	if ((limit_text.p && !slice_to_i64(limit_text, &limit)) || limit < 1 || limit > ALERT_VIEW_MOST)
		return admin_refuse(a, 400, "limit is a number from 1 to %d", ALERT_VIEW_MOST);
	if (since_text.n && !clock_parse_duration(since_text, &since))
		return admin_refuse(a, 400, "since is a time back from now, such as 12h or 7d");
	if (!read_format(a, &v, &r))
		return r;
	v.all = slice_eq(admin_query(a, SLICE("all")), SLICE("true"));
	v.since_ms = a->now_ms - since;
	v.limit = (size_t)limit;
	buf_init(&text, a->out->max);
	int rc = alert_view_list(&v, &text, &n, &e);
	return answer(a, v.json, rc, &text, &e);
}

int admin_alerts_show(struct admin *a)
{
	struct alert_view v = view_of(a);
	struct error e = {0};
	struct buf text;
	int r;
	if (!read_format(a, &v, &r))
		return r;
	buf_init(&text, a->out->max);
	int rc = alert_view_show(&v, a->param, &text, &e);
	return answer(a, v.json, rc, &text, &e);
}

static struct alert_wish wish_of(struct admin *a)
{
	struct alert_view v = view_of(a);
	return (struct alert_wish){
	    .by = admin_actor(a), .user = v.user, .nobody = v.nobody, .now_ms = a->now_ms};
}

static int fault(struct admin *a, int rc, const struct error *e)
{
	return rc == ERR_REFUSED ? admin_refuse(a, 403, "%s", e->text) : admin_fault(a, e);
}

int admin_alerts_silence(struct admin *a)
{
	struct alert_wish w = wish_of(a);
	slice span;
	struct admin_field fields[] = {{"alert", &w.alert, false},
	                               {"where", &w.matches, false},
	                               {"for", &span, false},
	                               {"reason", &w.reason, false}};
	char id[CRYPTO_ID_MAX];
	struct error e = {0};
	int r;
	if (!admin_body(a, fields, sizeof fields / sizeof *fields, &r))
		return r;
	if ((w.alert.n > 0) == (w.matches.n > 0))
		return admin_refuse(a, 400, "name one \"alert\", or say \"where\": budget=dev-day");
	if (span.n && (!clock_parse_duration(span, &w.for_ms) || w.for_ms <= 0))
		return admin_refuse(a, 400, "\"for\" is a duration, such as 2h");
	int rc = alert_silence(a->c->ops, a->c->writable, &w, id, &e);
	if (rc)
		return fault(a, rc, &e);
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("id"), slice_of(id));
	admin_put_time(a, SLICE("until"), a->now_ms + (w.for_ms ? w.for_ms : ALERT_SILENCE_MS));
	jsonw_object_end(&a->w);
	return admin_end(a);
}

int admin_alerts_unsilence(struct admin *a)
{
	struct alert_wish w = wish_of(a);
	slice id;
	struct admin_field fields[] = {{"id", &id, false}, {"reason", &w.reason, false}};
	struct error e = {0};
	int r;
	if (!admin_body(a, fields, sizeof fields / sizeof *fields, &r))
		return r;
	int rc = alert_unsilence(a->c->ops, a->c->writable, id, &w, &e);
	if (rc)
		return fault(a, rc, &e);
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("id"), id);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

int admin_alerts_test(struct admin *a)
{
	slice target = SLICE_NONE;
	struct admin_field fields[] = {{"target", &target, false}};
	char id[CRYPTO_ID_MAX];
	struct error e = {0};
	int r;
	if (a->body.n && !admin_body(a, fields, 1, &r))
		return r;
	int rc = alert_test(a->c->ops, a->c->writable, a->settings->alerts, a->settings->alerts_n, target,
	                    admin_actor(a), a->now_ms, id, &e);
	if (rc)
		return admin_fault(a, &e);
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("id"), slice_of(id));
	jsonw_object_end(&a->w);
	return admin_end(a);
}
