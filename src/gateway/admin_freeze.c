/* The kill switch by the API: operators and owners freeze anything, a developer what is their own. */
#include "gateway/admin.h"
#include "gateway/freeze.h"

static int put_freeze(void *arg, const struct freeze *f)
{
	struct admin *a = arg;
	bool own = f->scope == FREEZE_ORG || (f->scope == FREEZE_USER && admin_is_self(a, f->value)) ||
	           (f->scope == FREEZE_TEAM && slice_eq(f->value, name_get(&a->who->team)));
	if (!a->who->all && !own)
		return 0;
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("scope"), slice_of(freeze_scope_name(f->scope)));
	jsonw_put_string(&a->w, SLICE("value"), f->value.n ? f->value : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("by"), f->by.n ? f->by : SLICE_NONE);
	admin_put_time(a, SLICE("since"), f->at_ms);
	jsonw_put_string(&a->w, SLICE("reason"), f->reason.n ? f->reason : SLICE_NONE);
	jsonw_object_end(&a->w);
	return 0;
}

void admin_put_freezes(struct admin *a)
{
	struct freeze_set *set = freezer_get(a->c->shared->freezer);
	jsonw_array(&a->w);
	freeze_set_each(set, put_freeze, a);
	jsonw_array_end(&a->w);
	freeze_set_unref(set);
}

int admin_freezes(struct admin *a)
{
	jsonw_object(&a->w);
	jsonw_key(&a->w, SLICE("freezes"));
	admin_put_freezes(a);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

static bool may_freeze(const struct admin *a, const struct freeze *f)
{
	if (a->who->anonymous || admin_is(a, ROLE_OPERATOR) || admin_is(a, ROLE_OWNER))
		return true;
	return f->scope == FREEZE_USER && admin_is_self(a, f->value);
}

/* The one thing that the body names; false after a refusal, in *r. */
static bool read_freeze(struct admin *a, struct freeze *f, int *r)
{
	slice values[FREEZE_SCOPE_N], reason;
	struct admin_field fields[FREEZE_SCOPE_N + 1];
	int named = 0;
	for (int i = 0; i < FREEZE_SCOPE_N; i++)
		fields[i] = (struct admin_field){freeze_scope_name((enum freeze_scope)i), &values[i],
		                                 i == FREEZE_ORG};
	fields[FREEZE_SCOPE_N] = (struct admin_field){"reason", &reason, false};
	if (!admin_body(a, fields, FREEZE_SCOPE_N + 1, r))
		return false;
	*f = (struct freeze){.by = admin_actor(a), .reason = reason, .at_ms = a->now_ms};
	for (int i = 0; i < FREEZE_SCOPE_N; i++) {
		bool org = i == FREEZE_ORG;
		if (org ? !slice_eq(values[i], SLICE("true")) : values[i].n == 0)
			continue;
		named++;
		f->scope = (enum freeze_scope)i;
		f->value = org ? SLICE_NONE : values[i];
	}
	if (named != 1)
		*r = admin_refuse(
		    a, 400,
		    "name one thing: {\"org\": true}, or a \"team\", \"user\", \"key\", \"session\" or "
		    "\"provider\"");
	else if (!may_freeze(a, f))
		*r = admin_refuse(
		    a, 403,
		    "a key of the role %s freezes and frees its own user only; anything else is an "
		    "operator's or an owner's to do",
		    role_name(a->who->role));
	else
		return true;
	return false;
}

static int answer_freeze(struct admin *a, const struct freeze *f, bool frozen)
{
	log_event(a->c->shared->log, LOG_WARN, frozen ? "freeze" : "unfreeze",
	          LOG_Z("scope", freeze_scope_name(f->scope)), LOG_S("value", f->value), LOG_S("by", f->by),
	          LOG_S("reason", f->reason));
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("scope"), slice_of(freeze_scope_name(f->scope)));
	jsonw_put_string(&a->w, SLICE("value"), f->value.n ? f->value : SLICE_NONE);
	jsonw_put_bool(&a->w, SLICE("frozen"), frozen);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

int admin_freeze(struct admin *a)
{
	struct freeze f;
	struct error e = {0};
	int r;
	if (!read_freeze(a, &f, &r))
		return r;
	if (freezer_add(a->c->shared->freezer, &f, &e) < 0)
		return admin_fault(a, &e);
	return answer_freeze(a, &f, true);
}

/* A developer frees what they froze themselves, not what an operator froze. */
int admin_unfreeze(struct admin *a)
{
	struct freeze f;
	struct error e = {0};
	int r;
	if (!read_freeze(a, &f, &r))
		return r;
	struct freeze_set *set = freezer_get(a->c->shared->freezer);
	const struct freeze *there = freeze_set_find(set, f.scope, f.value);
	bool others = there && admin_is(a, ROLE_DEVELOPER) && !slice_eq(there->by, f.by);
	if (others)
		r = admin_refuse(a, 403, "it was frozen by " SLICE_FMT ": ask them, or an operator",
		                 SLICE_ARG(there->by));
	freeze_set_unref(set);
	if (others)
		return r;
	if (freezer_remove(a->c->shared->freezer, &f, &e) < 0)
		return admin_fault(a, &e);
	return answer_freeze(a, &f, false);
}
