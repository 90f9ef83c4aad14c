/* Who I am, and the record of changes. */
#include "gateway/admin.h"

#define CHANGES_USUAL 100
#define CHANGES_MOST  1000

int admin_me(struct admin *a)
{
	slice user = name_get(&a->who->user), key = name_get(&a->who->key_id), team = name_get(&a->who->team);
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("user"), user.n ? user : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("team"), team.n ? team : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("key"), key.n ? key : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("role"), slice_of(role_name(a->who->role)));
	jsonw_put_bool(&a->w, SLICE("sees_all"), a->who->all);
	jsonw_put_string(&a->w, SLICE("timezone"), a->c->timezone.n ? a->c->timezone : SLICE("UTC"));
	jsonw_put_bool(&a->w, SLICE("simulated"), a->c->simulated);
	jsonw_put_string(&a->w, SLICE("gateway"), slice_of(a->c->shared->url));
	jsonw_object_end(&a->w);
	return admin_end(a);
}

/* JSON as it was stored; a text otherwise. */
static void put_json(struct admin *a, slice key, slice text)
{
	size_t at;
	if (text.n == 0)
		jsonw_put_null(&a->w, key);
	else if (json_validate(text, &at) == NULL)
		jsonw_put_raw(&a->w, key, text);
	else
		jsonw_put_string(&a->w, key, text);
}

static int put_change(void *arg, const struct ledger_change *c)
{
	struct admin *a = arg;
	jsonw_object(&a->w);
	jsonw_put_i64(&a->w, SLICE("seq"), c->seq);
	admin_put_time(a, SLICE("time"), c->at_ms);
	jsonw_put_string(&a->w, SLICE("actor"), c->actor);
	jsonw_put_string(&a->w, SLICE("action"), c->action);
	jsonw_put_string(&a->w, SLICE("subject"), c->subject.n ? c->subject : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("detail"), c->detail.n ? c->detail : SLICE_NONE);
	put_json(a, SLICE("before"), c->before);
	put_json(a, SLICE("after"), c->after);
	jsonw_put_string(&a->w, SLICE("reason"), c->reason.n ? c->reason : SLICE_NONE);
	jsonw_object_end(&a->w);
	return 0;
}

int admin_audit(struct admin *a)
{
	long long limit = CHANGES_USUAL, before = 0;
	struct error e = {0};
	slice limit_text = admin_query(a, SLICE("limit")), before_text = admin_query(a, SLICE("before"));
	if ((limit_text.p && !slice_to_i64(limit_text, &limit)) || limit < 1 || limit > CHANGES_MOST)
		return admin_refuse(a, 400, "limit is a number from 1 to %d", CHANGES_MOST);
	if (before_text.p && (!slice_to_i64(before_text, &before) || before < 1))
		return admin_refuse(a, 400, "before is the seq of a change: those before it are shown");
	jsonw_object(&a->w);
	jsonw_key(&a->w, SLICE("changes"));
	jsonw_array(&a->w);
	if (a->c->ops->changes(a->c->ledger, before, (size_t)limit, put_change, a, &e) < 0)
		return admin_fault(a, &e);
	jsonw_array_end(&a->w);
	jsonw_object_end(&a->w);
	return admin_end(a);
}
