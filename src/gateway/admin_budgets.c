/* Budgets as they stand: rules, counters, holds. A developer sees the counters that are theirs. */
#include "gateway/admin.h"
#include "policy/budget.h"

static const char *const windows[] = {"none", "hour", "day", "week", "month", "quarter", "total", "rolling"};
static const char *const modes[] = {"enforce", "shadow", "off"};
static const char *const actions[] = {"block", "pause", "downgrade", "throttle", "alert"};

/* A label is the values apart by ", ", in order of `each`: is the caller's own user or team among them? */
bool admin_owns_counter(const struct admin *a, const struct budget_rule *rule, slice label)
{
	bool user = false, other = false;
	for (size_t i = 0; i < rule->each_n; i++) {
		ptrdiff_t at = slice_find(label, SLICE(", "));
		slice value = i + 1 == rule->each_n || at < 0 ? label : slice_sub(label, 0, (size_t)at);
		label = at < 0 ? SLICE_NONE : slice_sub(label, (size_t)at + 2, label.n);
		if (rule->each[i].field == FIELD_USER)
			user = admin_is_self(a, value) || user;
		if (rule->each[i].field == FIELD_TEAM)
			other = slice_eq(value, name_get(&a->who->team)) || other;
	}
	return user || other;
}

struct counters_of {
	struct admin *a;
	const struct budget_rule *rule;
	bool holds; /* only those with calls under way */
};

static int put_counter(void *arg, const struct budget_view *v)
{
	struct counters_of *c = arg;
	struct admin *a = c->a;
	const struct amount *unit = &c->rule->limit;
	if ((!a->who->all && !admin_owns_counter(a, c->rule, v->label)) || (c->holds && v->calls == 0))
		return 0;
	jsonw_object(&a->w);
	if (c->holds)
		jsonw_put_string(&a->w, SLICE("budget"), c->rule->rule.name);
	jsonw_put_string(&a->w, SLICE("for"), v->label.n ? v->label : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("settled"), admin_amount(a, unit, v->settled));
	jsonw_put_string(&a->w, SLICE("held"), admin_amount(a, unit, v->held));
	jsonw_put_string(&a->w, SLICE("lifted"), admin_amount(a, unit, v->lifted));
	jsonw_put_string(&a->w, SLICE("left"),
	                 admin_amount(a, unit, unit->n + v->lifted - v->settled - v->held));
	jsonw_key(&a->w, SLICE("amounts"));
	jsonw_object(&a->w);
	jsonw_put_i64(&a->w, SLICE("settled"), v->settled);
	jsonw_put_i64(&a->w, SLICE("held"), v->held);
	jsonw_put_i64(&a->w, SLICE("lifted"), v->lifted);
	jsonw_put_i64(&a->w, SLICE("left"), unit->n + v->lifted - v->settled - v->held);
	jsonw_object_end(&a->w);
	jsonw_put_i64(&a->w, SLICE("calls"), v->calls);
	admin_put_time(a, SLICE("held_since"), v->held_since_ms);
	admin_put_time(a, SLICE("from"), v->from_ms);
	admin_put_time(a, SLICE("until"), v->to_ms);
	jsonw_object_end(&a->w);
	return 0;
}

static void put_counters(struct admin *a, const struct budget_rule *rule, bool holds)
{
	struct counters_of c = {a, rule, holds};
	if (a->c->shared->budgets)
		budgets_each(a->c->shared->budgets, rule, put_counter, &c);
}

static void put_each(struct admin *a, const struct budget_rule *b)
{
	jsonw_key(&a->w, SLICE("each"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < b->each_n; i++) {
		slice name = slice_of(field_name(b->each[i].field));
		jsonw_string(&a->w, b->each[i].tag.n
		                        ? arena_printf(&a->mem, "tags." SLICE_FMT, SLICE_ARG(b->each[i].tag))
		                        : name);
	}
	jsonw_array_end(&a->w);
}

/* The tests of its `where` as a report takes them, so that one can ask what it counts; null when a report
 * cannot say them. */
static void put_where(struct admin *a, const struct budget_rule *b)
{
	struct where_filter tests[LEDGER_FILTERS_MAX];
	size_t n = 0;
	jsonw_key(&a->w, SLICE("where"));
	if (b->rule.where && !where_filters(b->rule.where, &a->mem, tests, LEDGER_FILTERS_MAX, &n)) {
		jsonw_null(&a->w);
		return;
	}
	jsonw_array(&a->w);
	for (size_t i = 0; i < n; i++)
		jsonw_string(&a->w, arena_printf(&a->mem, SLICE_FMT "=" SLICE_FMT, SLICE_ARG(tests[i].column),
		                                 SLICE_ARG(tests[i].value)));
	jsonw_array_end(&a->w);
}

static void put_budget(struct admin *a, const struct budget_rule *b, bool holders)
{
	bool api = slice_eq(b->rule.place.file, SLICE(SETTINGS_MORE_NAME));
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("name"), b->rule.name);
	jsonw_put_string(&a->w, SLICE("window"), slice_of(windows[b->window.kind]));
	jsonw_put_string(&a->w, SLICE("limit"), admin_amount(a, &b->limit, b->limit.n));
	jsonw_put_string(&a->w, SLICE("unit"), admin_unit(&b->limit));
	jsonw_put_i64(&a->w, SLICE("limit_amount"), b->limit.n);
	put_each(a, b);
	put_where(a, b);
	jsonw_put_string(&a->w, SLICE("action"), slice_of(actions[b->action]));
	jsonw_put_string(&a->w, SLICE("mode"), slice_of(modes[b->rule.mode]));
	jsonw_put_string(&a->w, SLICE("override"),
	                 b->has_override ? admin_amount(a, &b->limit, b->override_up_to.n) : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("source"), api ? SLICE("api") : SLICE("file"));
	jsonw_key(&a->w, SLICE("counters"));
	jsonw_array(&a->w);
	put_counters(a, b, false);
	jsonw_array_end(&a->w);
	if (holders)
		admin_put_holders(a, b);
	jsonw_object_end(&a->w);
}

int admin_budgets_list(struct admin *a)
{
	jsonw_object(&a->w);
	jsonw_key(&a->w, SLICE("budgets"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < a->settings->budgets_n; i++)
		put_budget(a, &a->settings->budgets[i], false);
	jsonw_array_end(&a->w);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

int admin_budgets_show(struct admin *a)
{
	for (size_t i = 0; i < a->settings->budgets_n; i++)
		if (slice_eq(a->settings->budgets[i].rule.name, a->param)) {
			put_budget(a, &a->settings->budgets[i], true);
			return admin_end(a);
		}
	return admin_refuse(a, 404, "there is no budget \"" SLICE_FMT "\"", SLICE_ARG(a->param));
}

int admin_holds(struct admin *a)
{
	jsonw_object(&a->w);
	jsonw_key(&a->w, SLICE("holds"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < a->settings->budgets_n; i++)
		put_counters(a, &a->settings->budgets[i], true);
	jsonw_array_end(&a->w);
	admin_put_holders(a, NULL);
	jsonw_object_end(&a->w);
	return admin_end(a);
}
