/* Limits lifted: by a developer within the budget's bounds and at once, beyond them by an approver. */
#include <stdio.h>

#include "base/money.h"
#include "gateway/admin.h"
#include "gateway/overrides.h"

#define REASON_MAX 500

static const struct budget_rule *find_rule(const struct admin *a, slice name)
{
	for (size_t i = 0; i < a->settings->budgets_n; i++)
		if (slice_eq(a->settings->budgets[i].rule.name, name))
			return &a->settings->budgets[i];
	return NULL;
}

static bool keeps(const struct admin *a)
{
	return a->who->anonymous || admin_is(a, ROLE_OPERATOR) || admin_is(a, ROLE_OWNER);
}

/* May the caller say yes to what goes beyond the bounds? */
static bool approves(const struct admin *a, const struct budget_rule *rule)
{
	if (rule->approvers_n == 0)
		return keeps(a);
	for (size_t i = 0; i < rule->approvers_n; i++)
		if (admin_is_self(a, rule->approvers[i]))
			return true;
	return admin_is(a, ROLE_OWNER) || a->who->anonymous;
}

slice admin_amount(struct admin *a, const struct amount *like, int64_t n)
{
	char money[MONEY_TEXT_MAX];
	switch (like->unit) {
	case LIMIT_USD:
		money_format_exact(n, money);
		return arena_printf(&a->mem, "%s USD", money);
	case LIMIT_CREDITS:
		money_format_exact(n, money);
		return arena_printf(&a->mem, "%s credits", money);
	case LIMIT_METER:
		return arena_printf(&a->mem, "%lld %s", (long long)n, meter_name(like->meter));
	case LIMIT_TOKENS:
	case LIMIT_CALLS:
		break;
	}
	return arena_printf(&a->mem, "%lld %s", (long long)n,
	                    like->unit == LIMIT_TOKENS ? "tokens" : "requests");
}

slice admin_unit(const struct amount *a)
{
	static const char *const names[] = {[LIMIT_USD] = "nanousd",
	                                    [LIMIT_TOKENS] = "tokens",
	                                    [LIMIT_CALLS] = "requests",
	                                    [LIMIT_CREDITS] = "nanocredits"};
	return slice_of(a->unit == LIMIT_METER ? meter_name(a->meter) : names[a->unit]);
}

/* --- which counter ---------------------------------------------------------------------------------------
 */

/* The value of a field of `each`: what the body's "for" says, else the caller's own. */
static slice value_of(struct admin *a, enum field f, slice wanted)
{
	struct json j;
	json_key k;
	json_str s;
	slice found = SLICE_NONE;
	json_init(&j, wanted.n ? wanted : SLICE("{}"));
	json_object(&j);
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, slice_of(field_name(f))) || json_peek(&j) != JSON_STRING ||
		    !json_string(&j, &s)) {
			json_skip(&j, NULL);
			continue;
		}
		char *text = arena_alloc(&a->mem, s.raw.n + 1);
		found = text ? slice_make(text, json_unescape(&s, text, s.raw.n + 1)) : SLICE_NONE;
	}
	if (found.n)
		return found;
	if (f == FIELD_USER)
		return name_get(&a->who->user);
	if (f == FIELD_TEAM)
		return name_get(&a->who->team);
	if (f == FIELD_KEY)
		return name_get(&a->who->key_id);
	return (int)f < ATTR_N && a->who->principal ? a->who->principal->fixed.v[f] : SLICE_NONE;
}

/* Is the value one that the caller may lift a limit for? A developer's own user, team and key only. */
static bool may_lift(const struct admin *a, enum field f, slice value)
{
	if (keeps(a))
		return true;
	if (f == FIELD_USER)
		return admin_is_self(a, value);
	if (f == FIELD_TEAM)
		return slice_eq(value, name_get(&a->who->team));
	return f != FIELD_KEY || slice_eq(value, name_get(&a->who->key_id));
}

/* The scope as JSON; false after a refusal, in *r. */
static bool read_scope(struct admin *a, const struct budget_rule *rule, slice wanted, slice *out, int *r)
{
	struct buf b;
	struct jsonw w;
	buf_init(&b, 1 << 14);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	*r = -1;
	for (size_t i = 0; i < rule->each_n && *r < 0; i++) {
		enum field f = rule->each[i].field;
		slice value = value_of(a, f, wanted);
		if (value.n == 0)
			*r = admin_refuse(
			    a, 400,
			    "the budget counts for each %s: say which, {\"for\": {\"%s\": …}} (weir "
			    "budget override --for %s=…)",
			    field_name(f), field_name(f), field_name(f));
		else if (!may_lift(a, f, value))
			*r = admin_refuse(a, 403,
			                  "the %s \"" SLICE_FMT "\" is not yours: an operator or owner may",
			                  field_name(f), SLICE_ARG(value));
		else
			jsonw_put_string(&w, slice_of(field_name(f)), value);
	}
	jsonw_object_end(&w);
	if (*r < 0 && jsonw_end(&w) == 0)
		*out = arena_copy(&a->mem, buf_slice(&b));
	buf_release(&b);
	return *r < 0;
}

/* --- how much ------------------------------------------------------------------------------------------- */

struct sum {
	slice budget, scope;
	int64_t since_ms, total;
};

static int add_up(void *arg, const struct ledger_override *o)
{
	struct sum *s = arg;
	if (o->state != OVERRIDE_REFUSED && o->requested_ms >= s->since_ms &&
	    slice_eq(o->budget, s->budget) && slice_eq(o->scope, s->scope))
		s->total += o->amount < INT64_MAX - s->total ? o->amount : INT64_MAX - s->total;
	return 0;
}

static int answer_override(struct admin *a, const struct ledger_override *o, const struct budget_rule *rule)
{
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("id"), o->id);
	jsonw_put_string(&a->w, SLICE("budget"), o->budget);
	jsonw_put_raw(&a->w, SLICE("for"), o->scope.n ? o->scope : SLICE("{}"));
	if (rule)
		jsonw_put_string(&a->w, SLICE("add"), admin_amount(a, &rule->limit, o->amount));
	else
		jsonw_put_null(&a->w, SLICE("add"));
	jsonw_put_string(&a->w, SLICE("state"), slice_of(ledger_override_state_name(o->state)));
	admin_put_time(a, SLICE("until"), o->until_ms);
	jsonw_put_string(&a->w, SLICE("requested_by"), o->requested_by.n ? o->requested_by : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("decided_by"), o->decided_by.n ? o->decided_by : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("reason"), o->reason.n ? o->reason : SLICE_NONE);
	jsonw_object_end(&a->w);
	return 0;
}

static int apply_now(struct admin *a, const char *event, const struct ledger_override *o)
{
	struct error e = {0};
	struct overrides *all = a->c->shared->overrides;
	int r = all ? overrides_turn(all, &e) : 0;
	log_event(a->c->shared->log, LOG_WARN, event, LOG_S("id", o->id), LOG_S("budget", o->budget),
	          LOG_S("for", o->scope), LOG_Z("state", ledger_override_state_name(o->state)),
	          LOG_S("by", admin_actor(a)), LOG_S("reason", o->reason));
	return r;
}

/* Stores it, puts it in force when it is to be, and answers. */
static int store(struct admin *a, const struct budget_rule *rule, struct ledger_override *o)
{
	struct crypto_ids ids = {0};
	char id[CRYPTO_ID_MAX];
	struct error e = {0};
	if (crypto_id(&ids, a->now_ms, id))
		return admin_refuse(a, 503, "the machine gives no random numbers");
	o->id = slice_of(id);
	slice after = arena_printf(
	    &a->mem,
	    "{\"budget\":\"" SLICE_FMT "\",\"for\":" SLICE_FMT ",\"add\":\"" SLICE_FMT "\",\"state\":\"%s\"}",
	    SLICE_ARG(o->budget), SLICE_ARG(o->scope), SLICE_ARG(admin_amount(a, &rule->limit, o->amount)),
	    ledger_override_state_name(o->state));
	if (a->c->ops->override_add(a->c->writable, o, after, &e) < 0)
		return admin_fault(a, &e);
	if (apply_now(a, "budget.override", o))
		return admin_refuse(a, 503,
		                    "it is stored, and could not be put in force: see the gateway's log");
	*a->status = o->state == OVERRIDE_ACTIVE ? 201 : 202;
	answer_override(a, o, rule);
	return admin_end(a);
}

int admin_override(struct admin *a)
{
	slice add, reason, wanted, scope = SLICE_NONE;
	const struct admin_field fields[] = {
	    {"add", &add, false}, {"reason", &reason, false}, {"for", &wanted, true}};
	const struct budget_rule *rule = find_rule(a, a->param);
	struct amount amount;
	struct error e = {0};
	int64_t from_ms, until_ms;
	int r;
	if (rule == NULL)
		return admin_refuse(a, 404, "there is no budget \"" SLICE_FMT "\"", SLICE_ARG(a->param));
	if (!admin_body(a, fields, 3, &r))
		return r;
	if (!amount_parse(add, &amount) || amount.n <= 0 || amount.unit != rule->limit.unit ||
	    (amount.unit == LIMIT_METER && amount.meter != rule->limit.meter))
		return admin_refuse(
		    a, 400, "\"add\" is an amount in the budget's own unit, such as \"" SLICE_FMT "\"",
		    SLICE_ARG(admin_amount(a, &rule->limit, rule->limit.n)));
	if (reason.n == 0 || reason.n > REASON_MAX)
		return admin_refuse(
		    a, 400, "\"reason\" is missing (or longer than %d bytes): it stands in the record",
		    REASON_MAX);
	if (!rule->has_override && !approves(a, rule))
		return admin_refuse(
		    a, 403,
		    "the budget \"" SLICE_FMT
		    "\" has no `override:`, so nobody lifts it by themselves: ask an operator or owner",
		    SLICE_ARG(a->param));
	if (!read_scope(a, rule, wanted, &scope, &r))
		return r;
	struct window per = rule->override_per.kind != WINDOW_NONE ? rule->override_per : rule->window;
	overrides_window(&per, a->settings->zone, a->now_ms, &from_ms, &until_ms);
	struct sum sum = {a->param, scope, per.kind == WINDOW_ROLLING ? a->now_ms - per.rolling_ms : from_ms,
	                  0};
	/* those whose window is over count as well while `per` is longer than it */
	if (a->c->ops->overrides(a->c->writable, sum.since_ms - 1, add_up, &sum, &e) < 0)
		return admin_fault(a, &e);
	bool within = rule->has_override && amount.n <= rule->override_up_to.n - sum.total;
	if (rule->approve_up_to.n && amount.n > rule->approve_up_to.n - sum.total)
		return admin_refuse(a, 403,
		                    "at most " SLICE_FMT " may be added in all, and " SLICE_FMT " was",
		                    SLICE_ARG(admin_amount(a, &rule->limit, rule->approve_up_to.n)),
		                    SLICE_ARG(admin_amount(a, &rule->limit, sum.total)));
	overrides_window(&rule->window, a->settings->zone, a->now_ms, &from_ms, &until_ms);
	struct ledger_override o = {.budget = a->param,
	                            .scope = scope,
	                            .amount = amount.n,
	                            .from_ms = from_ms,
	                            .until_ms = until_ms,
	                            .state = within || approves(a, rule) ? OVERRIDE_ACTIVE : OVERRIDE_WAITING,
	                            .requested_by = admin_actor(a),
	                            .reason = reason,
	                            .requested_ms = a->now_ms};
	return store(a, rule, &o);
}

/* --- those that wait ------------------------------------------------------------------------------------ */

static int list_one(void *arg, const struct ledger_override *o)
{
	struct admin *a = arg;
	if (a->who->all || slice_eq(o->requested_by, admin_actor(a)))
		return answer_override(a, o, find_rule(a, o->budget));
	return 0;
}

int admin_overrides(struct admin *a)
{
	struct error e = {0};
	jsonw_object(&a->w);
	jsonw_key(&a->w, SLICE("overrides"));
	jsonw_array(&a->w);
	if (a->c->ops->overrides(a->c->ledger, a->now_ms, list_one, a, &e) < 0)
		return admin_fault(a, &e);
	jsonw_array_end(&a->w);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

struct search {
	struct admin *a;
	bool found;
	struct ledger_override o; /* texts in the question's memory */
};

static int find_one(void *arg, const struct ledger_override *o)
{
	struct search *s = arg;
	if (!slice_eq(o->id, s->a->param))
		return 0;
	struct arena *mem = &s->a->mem;
	s->o = *o;
	s->o.id = arena_copy(mem, o->id);
	s->o.budget = arena_copy(mem, o->budget);
	s->o.scope = arena_copy(mem, o->scope);
	s->o.requested_by = arena_copy(mem, o->requested_by);
	s->o.reason = arena_copy(mem, o->reason);
	s->found = s->o.id.p && s->o.budget.p && s->o.scope.p && s->o.requested_by.p && s->o.reason.p;
	return 0;
}

static int decide(struct admin *a, enum override_state state)
{
	struct search s = {.a = a};
	struct error e = {0};
	if (a->c->ops->overrides(a->c->writable, a->now_ms, find_one, &s, &e) < 0)
		return admin_fault(a, &e);
	const struct budget_rule *rule = s.found ? find_rule(a, s.o.budget) : NULL;
	if (!s.found || rule == NULL || s.o.state != OVERRIDE_WAITING)
		return admin_refuse(a, 404, "no override \"" SLICE_FMT "\" waits for a decision",
		                    SLICE_ARG(a->param));
	if (!approves(a, rule))
		return admin_refuse(a, 403, "you are none of the approvers of the budget \"" SLICE_FMT "\"",
		                    SLICE_ARG(s.o.budget));
	if (slice_eq(s.o.requested_by, admin_actor(a)))
		return admin_refuse(a, 403, "nobody approves what they asked for themselves");
	slice by = admin_actor(a);
	if (a->c->ops->override_decide(a->c->writable, s.o.id, state, by, a->now_ms, SLICE_NONE, &e) < 0)
		return admin_fault(a, &e);
	s.o.state = state;
	s.o.decided_by = by;
	if (apply_now(a, state == OVERRIDE_ACTIVE ? "override.approve" : "override.refuse", &s.o))
		return admin_refuse(a, 503,
		                    "it is stored, and could not be put in force: see the gateway's log");
	answer_override(a, &s.o, rule);
	return admin_end(a);
}

int admin_override_approve(struct admin *a)
{
	return decide(a, OVERRIDE_ACTIVE);
}

int admin_override_refuse(struct admin *a)
{
	return decide(a, OVERRIDE_REFUSED);
}
