/* Readers of the rules: budgets, quotas, gates, and what all rules have. */
#include <stdio.h>

#include "base/clock.h"
#include "base/money.h"
#include "base/num.h"
#include "model/settings_read.h"
#include "text/nearest.h"

#define TIERS_MAX       64
#define TIER_MODELS_MAX 64
#define TIER_MODEL_MAX  128 /* bytes: what a row of the ledger keeps */

#define ROLLING_LEAST   INT64_C(60000)                /* a minute */
#define ROLLING_MOST    (INT64_C(366) * 24 * 3600000) /* a year */
#define ALERT_MOST      1000                          /* per cent of a limit */

const char *const settings_mode_names[] = {"enforce", "shadow", "off", NULL};

static bool is_text(struct reader *r, const struct option *o, const struct yaml_node *n)
{
	if (n->kind == YAML_SCALAR && n->text.n)
		return true;
	settings_fault(r, n, "%s: write %s", o->key, o->type);
	return false;
}

static slice shown(const struct yaml_node *n)
{
	return slice_sub(n->text, 0, 60);
}

/* --- lists of mappings -------------------------------------------------------- */

void settings_read_list(struct reader *r, const struct yaml_node *node, const struct settings_list *list,
                        void **all, size_t *n)
{
	slice prefix = slice_of(list->prefix);
	int key_n = (int)prefix.n - 3; /* without "[]." */
	if (node->kind != YAML_LIST || node->n == 0) {
		settings_fault(r, node, "%.*s: a list is wanted, an entry a line: - {name: …}", key_n,
		               list->prefix);
		return;
	}
	char *made = *n + node->n <= list->most ? settings_alloc(r, (*n + node->n) * list->size) : NULL;
	if (made == NULL) {
		settings_fault(r, node, "%.*s: more than %zu are not taken", key_n, list->prefix, list->most);
		return;
	}
	if (*n)
		memcpy(made, *all, *n * list->size);
	*all = made;
	for (size_t i = 0; i < node->n; i++) {
		void *element = made + *n * list->size;
		memset(element, 0, list->size);
		if (node->at[i].kind != YAML_MAP) {
			settings_fault(r, &node->at[i], "%.*s[]: a mapping is wanted: {name: …}", key_n,
			               list->prefix);
			continue;
		}
		if (list->start)
			list->start(element);
		settings_read_map(r, &node->at[i], prefix, element);
		list->finish(r, &node->at[i], element, made, *n);
		++*n;
	}
}

static void read_one(struct reader *r, const struct yaml_node *node, const char *key,
                     const struct settings_list *list, void **all, size_t *n)
{
	char *made = *n < list->most ? settings_alloc(r, (*n + 1) * list->size) : NULL;
	if (made == NULL) {
		settings_fault(r, node, "%s: more than %zu are not taken", key, list->most);
		return;
	}
	if (*n)
		memcpy(made, *all, *n * list->size);
	*all = made;
	void *element = made + *n * list->size;
	memset(element, 0, list->size);
	if (list->start)
		list->start(element);
	if (yaml_get(node, SLICE("name")) == NULL)
		((struct rule *)element)->name = slice_of(key);
	settings_read_map(r, node, slice_of(list->prefix), element);
	list->finish(r, node, element, made, *n);
	++*n;
}

void settings_read_rules(struct reader *r, const struct yaml_node *node, const char *key,
                         const struct settings_list *list, void **all, size_t *n)
{
	if (node->kind == YAML_MAP)
		read_one(r, node, key, list, all, n);
	else
		settings_read_list(r, node, list, all, n);
}

void settings_finish_rule(struct reader *r, const struct yaml_node *node, const char *prefix,
                          struct rule *rule, const void *before, size_t before_n, size_t size)
{
	const struct yaml_node *name = yaml_get(node, SLICE("name"));
	rule->place = (struct rule_place){node->line, node->column, r->files[r->file]};
	if (name == NULL && rule->name.n == 0)
		settings_fault(r, node,
		               "%sname is missing: refusals, the ledger and alerts call the rule by it",
		               prefix);
	for (size_t i = 0; i < before_n && rule->name.n; i++) {
		const struct rule *other =
		    (const struct rule *)(const void *)((const char *)before + i * size);
		if (!slice_eq(other->name, rule->name))
			continue;
		settings_fault(
		    r, name ? name : node,
		    "%sname: there are two called \"" SLICE_FMT "\": the other is at " SLICE_FMT ":%d",
		    prefix, SLICE_ARG(rule->name), SLICE_ARG(other->place.file), other->place.line);
		return;
	}
}

/* --- what all rules have ------------------------------------------------------ */

static void where_fault(void *arg, const struct yaml_node *at, const char *message)
{
	settings_fault(arg, at, "%s", message);
}

static struct rule_ref *named_at(struct reader *r, const struct yaml_node *at, slice name,
                                 struct rule_ref *before)
{
	struct rule_ref *ref = settings_alloc(r, sizeof *ref);
	if (ref == NULL)
		return before;
	*ref = (struct rule_ref){before, {r->file, at->line, at->column}, name};
	return ref;
}

static void budget_named(void *arg, const struct yaml_node *at, slice name)
{
	struct reader *r = arg;
	r->budget_refs = named_at(r, at, name, r->budget_refs);
}

void read_where(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct where_source from = {.key = o->key, .fault = where_fault, .budget = budget_named, .arg = r};
	const struct where *w = where_read(&from, n, &r->snap->mem);
	r->snap->s.where_fields |= where_fields(w);
	*(const struct where **)field = w;
}

void read_row_where(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct where_source from = {.key = o->key, .rows_only = true, .fault = where_fault, .arg = r};
	const struct where *w = where_read(&from, n, &r->snap->mem);
	r->snap->s.where_fields |= where_fields(w);
	*(const struct where **)field = w;
}

void read_cohort(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct cohort *c = field;
	if (!is_text(r, o, n))
		return;
	if (slice_ends(n->text, SLICE("%"))) {
		c->kind = COHORT_SHARE;
		if (!units_percent(n->text, 100, &c->ppm))
			settings_fault(r, n,
			               "%s: \"" SLICE_FMT "\" is no share of the users: write 0%% to 100%%",
			               o->key, SLICE_ARG(shown(n)));
		return;
	}
	c->kind = COHORT_NAMED;
	read_name(r, o, n, &c->name);
}

/* The n and the array stand side by side. */
_Static_assert(offsetof(struct budget_rule, each) == offsetof(struct budget_rule, each_n) + sizeof(size_t) &&
                   offsetof(struct quota_rule, each) ==
                       offsetof(struct quota_rule, each_n) + sizeof(size_t) &&
                   offsetof(struct budget_rule, approvers) ==
                       offsetof(struct budget_rule, approvers_n) + sizeof(size_t) &&
                   offsetof(struct budget_rule, rule) == 0 && offsetof(struct quota_rule, rule) == 0 &&
                   offsetof(struct gate_rule, rule) == 0,
               "lists, and rules first");

void read_each(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct each {
		size_t n;
		struct field_ref *at;
	} each = {0};
	struct where_source from = {.key = o->key, .rows_only = true, .fault = where_fault, .arg = r};
	const struct yaml_node *at = n->kind == YAML_LIST ? n->at : n;
	size_t names = n->kind == YAML_LIST ? n->n : 1;
	if (names == 0 || names > EACH_MAX) {
		settings_fault(r, n, "%s: one field is wanted, or a list of at most %d", o->key, EACH_MAX);
		return;
	}
	each.at = settings_alloc(r, names * sizeof *each.at);
	for (size_t i = 0; i < names && each.at; i++) {
		if (!where_read_field(&from, &at[i], &r->snap->mem, &each.at[each.n]))
			continue;
		for (size_t k = 0; k < each.n; k++)
			if (each.at[k].field == each.at[each.n].field &&
			    slice_eq(each.at[k].tag, each.at[each.n].tag))
				settings_fault(r, &at[i], "%s: " SLICE_FMT " stands twice", o->key,
				               SLICE_ARG(shown(&at[i])));
		each.n++;
	}
	memcpy(field, &each, sizeof each);
}

/* --- amounts, windows, rates -------------------------------------------------- */

bool amount_parse(slice text, struct amount *out)
{
	static const struct {
		const char *unit;
		enum limit_unit is;
	} units[] = {{"tokens", LIMIT_TOKENS},
	             {"requests", LIMIT_CALLS},
	             {"calls", LIMIT_CALLS},
	             {"credits", LIMIT_CREDITS}};
	slice unit = text, number;
	slice_split(&unit, ' ', &number);
	unit = slice_trim(unit);
	if (slice_eq(unit, SLICE("USD"))) {
		out->unit = LIMIT_USD;
		return money_parse(text, &out->n) == 0 && out->n >= 0;
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (!slice_eq(unit, slice_of(units[i].unit)))
			continue;
		out->unit = units[i].is;
		if (out->unit == LIMIT_CREDITS)
			return money_parse(number, &out->n) == 0 && out->n >= 0;
		return units_count(number, &out->n);
	}
	out->unit = LIMIT_METER;
	out->meter = unit.n ? meter_from_name(unit) : METER_N;
	return out->meter != METER_N && units_count(number, &out->n);
}

void read_amount(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	if (!is_text(r, o, n) || amount_parse(n->text, field))
		return;
	settings_fault(r, n,
	               "%s: \"" SLICE_FMT "\" is no amount: write 25 USD, 2M tokens, 500k output_tokens, "
	               "100 requests or 50 credits",
	               o->key, SLICE_ARG(shown(n)));
}

void read_window(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	static const char *const names[] = {"hour", "day", "week", "month", "quarter", "total", NULL};
	struct window *w = field;
	struct nearest near;
	if (!is_text(r, o, n))
		return;
	nearest_init(&near, n->text);
	for (int i = 0; names[i]; i++) {
		nearest_offer(&near, slice_of(names[i]));
		if (!slice_eq(n->text, slice_of(names[i])))
			continue;
		*w = (struct window){(enum window_kind)(WINDOW_HOUR + i), 0};
		return;
	}
	slice length = slice_starts(n->text, SLICE("rolling ")) ? slice_sub(n->text, 8, n->text.n) : n->text;
	w->kind = WINDOW_ROLLING;
	if (!clock_parse_duration(slice_trim(length), &w->rolling_ms))
		settings_fault(r, n, "%s: \"" SLICE_FMT "\" is no window: write %s%s" SLICE_FMT "%s", o->key,
		               SLICE_ARG(shown(n)), o->type, near.best.n ? " (did you mean " : "",
		               SLICE_ARG(near.best), near.best.n ? "?)" : "");
	else if (w->rolling_ms < ROLLING_LEAST || w->rolling_ms > ROLLING_MOST)
		settings_fault(r, n, "%s: " SLICE_FMT " is not between 1m and 366d", o->key,
		               SLICE_ARG(length));
}

void read_rate(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	if (is_text(r, o, n) && !units_rate(n->text, field))
		settings_fault(r, n,
		               "%s: \"" SLICE_FMT
		               "\" is no rate: write 120/minute, 2M/minute, 10/second or 5000/hour",
		               o->key, SLICE_ARG(shown(n)));
}

void read_count(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	int64_t v;
	if (!is_text(r, o, n))
		return;
	if (!units_count(n->text, &v))
		settings_fault(r, n, "%s: \"" SLICE_FMT "\" is no number: write 16, 2000000, 250k or 2M",
		               o->key, SLICE_ARG(shown(n)));
	else if (v < o->least || v > o->most)
		settings_fault(r, n, "%s: " SLICE_FMT " is not between %lld and %lld", o->key,
		               SLICE_ARG(shown(n)), (long long)o->least, (long long)o->most);
	else
		*(int64_t *)field = v;
}

/* --- budgets ------------------------------------------------------------------ */

static void add_alert(struct reader *r, const struct option *o, const struct yaml_node *n,
                      struct budget_rule *b)
{
	int64_t ppm;
	size_t at = b->alerts_n;
	if (n->kind == YAML_SCALAR && slice_eq(n->text, SLICE("forecast"))) {
		b->alert_forecast = true;
		return;
	}
	if (n->kind != YAML_SCALAR || !units_percent(n->text, ALERT_MOST, &ppm) || ppm == 0) {
		settings_fault(r, n,
		               "%s: \"" SLICE_FMT "\" is none: write a share of the limit, such as 80%%, "
		               "or forecast",
		               o->key, SLICE_ARG(shown(n)));
		return;
	}
	for (; at > 0 && b->alerts[at - 1] > ppm; at--)
		b->alerts[at] = b->alerts[at - 1];
	b->alerts[at] = ppm;
	b->alerts_n++;
	if (at > 0 && b->alerts[at - 1] == ppm)
		settings_fault(r, n, "%s: " SLICE_FMT " stands twice", o->key, SLICE_ARG(shown(n)));
}

void read_alerts(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct budget_rule *b = field;
	const struct yaml_node *at = n->kind == YAML_LIST ? n->at : n;
	size_t all = n->kind == YAML_LIST ? n->n : 1;
	if (all > BUDGET_ALERTS_MAX) {
		settings_fault(r, n, "%s: more than %d are not taken", o->key, BUDGET_ALERTS_MAX);
		return;
	}
	b->alerts = settings_alloc(r, (all + 1) * sizeof *b->alerts);
	for (size_t i = 0; i < all && b->alerts; i++)
		add_alert(r, o, &at[i], b);
}

void read_include(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct budget_rule *b = field;
	const struct yaml_node *one = n->kind == YAML_LIST && n->n == 1 ? n->at : n;
	if (one->kind == YAML_SCALAR && slice_eq(one->text, SLICE("all")))
		b->include = true;
	else
		settings_fault(r, n,
		               "%s: write [all], or take the key out: only calls that pass the gateway "
		               "count then",
		               o->key);
}

static bool same_unit(const struct amount *a, const struct amount *b)
{
	return a->unit == b->unit && (a->unit != LIMIT_METER || a->meter == b->meter);
}

static void finish_override(struct reader *r, const struct yaml_node *node, struct budget_rule *b)
{
	static const char *const keys[] = {"up_to", "approved_up_to"};
	const struct amount *amounts[] = {&b->override_up_to, &b->approve_up_to};
	b->has_override = true;
	for (size_t i = 0; i < 2; i++) {
		const struct yaml_node *at = yaml_get(node, slice_of(keys[i]));
		if (at && yaml_get(node, SLICE("up_to")) && !same_unit(amounts[i], &b->limit))
			settings_fault(r, at, "budgets[].override.%s: its unit is not that of the limit",
			               keys[i]);
	}
	if (yaml_get(node, SLICE("up_to")) == NULL)
		settings_fault(r, node,
		               "budgets[].override.up_to is missing: what a developer may add without "
		               "asking, such as 25 USD; 0 USD when an approver is always asked");
	if (b->approvers_n > BUDGET_APPROVERS_MAX)
		settings_fault(r, node, "budgets[].override.approvers: more than %d are not taken",
		               BUDGET_APPROVERS_MAX);
}

static void finish_budget(struct reader *r, const struct yaml_node *n, void *element, const void *before,
                          size_t before_n)
{
	struct budget_rule *b = element;
	const struct yaml_node *override = yaml_get(n, SLICE("override")), *to = yaml_get(n, SLICE("to"));
	settings_finish_rule(r, n, "budgets[].", &b->rule, before, before_n, sizeof *b);
	if (yaml_get(n, SLICE("limit")) == NULL)
		settings_fault(r, n, "budgets[].limit is missing: such as 25 USD");
	if (yaml_get(n, SLICE("window")) == NULL)
		settings_fault(r, n,
		               "budgets[].window is missing: hour, day, week, month, quarter, total, or "
		               "rolling 24h");
	if (b->action == ACTION_DOWNGRADE && to == NULL)
		settings_fault(r, n, "budgets[].to is missing: the tier that action: downgrade goes to");
	if (b->action != ACTION_DOWNGRADE && to) {
		settings_fault(r, to, "budgets[].to: only action: downgrade goes to a tier");
		if (b->downgrade.n && r->tier_refs) /* the newest is its own; one fault is enough */
			r->tier_refs = r->tier_refs->next;
	}
	if (override && override->kind == YAML_MAP)
		finish_override(r, override, b);
}

void read_budgets(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	static const struct settings_list list = {"budgets[].", sizeof(struct budget_rule),
	                                          SETTINGS_RULES_MAX, NULL, finish_budget};
	struct settings *s = field;
	void *all = s->budgets;
	(void)o;
	settings_read_list(r, n, &list, &all, &s->budgets_n);
	s->budgets = all;
}

/* --- tiers of models ---------------------------------------------------------- */

void read_tier(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	slice *name = field;
	read_name(r, o, n, name);
	if (name->n)
		r->tier_refs = named_at(r, n, *name, r->tier_refs);
}

/* A model's name stands between quotes in a request and is a part of a path. */
static bool is_model(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7F || s.p[i] == '"' ||
		    s.p[i] == '\\' || s.p[i] == '*' || s.p[i] == '?')
			return false;
	return s.n > 0 && s.n <= TIER_MODEL_MAX;
}

static void read_models(struct reader *r, const struct yaml_node *n, struct tier *t)
{
	if (n->kind != YAML_LIST || n->n == 0 || n->n > TIER_MODELS_MAX) {
		settings_fault(
		    r, n, "routes.tiers: a list of 1 to %d models is wanted: {small: [claude-haiku-4-5]}",
		    TIER_MODELS_MAX);
		return;
	}
	t->models = settings_alloc(r, n->n * sizeof *t->models);
	for (size_t i = 0; i < n->n && t->models; i++) {
		const struct yaml_node *m = &n->at[i];
		if (m->kind != YAML_SCALAR || !is_model(m->text))
			settings_fault(
			    r, m,
			    "routes.tiers: a model's whole name is wanted, as its provider writes it: "
			    "claude-haiku-4-5");
		else
			t->models[t->models_n++] = settings_copy(r, m->text);
	}
}

void read_tiers(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct settings *s = field;
	if (n->kind != YAML_MAP || n->n == 0 || n->n > TIERS_MAX) {
		settings_fault(r, n,
		               "%s: a mapping of at most %d names to lists of models is wanted: {small: "
		               "[claude-haiku-4-5]}",
		               o->key, TIERS_MAX);
		return;
	}
	s->tiers = settings_alloc(r, n->n * sizeof *s->tiers);
	for (size_t i = 0; i < n->n && s->tiers; i++) {
		struct tier *t = &s->tiers[s->tiers_n++];
		*t = (struct tier){0};
		read_name(r, o, &n->at[2 * i], &t->name);
		read_models(r, &n->at[2 * i + 1], t);
	}
}

/* --- quotas and gates --------------------------------------------------------- */

static void finish_quota(struct reader *r, const struct yaml_node *n, void *element, const void *before,
                         size_t before_n)
{
	struct quota_rule *q = element;
	settings_finish_rule(r, n, "quotas[].", &q->rule, before, before_n, sizeof *q);
	if (!yaml_get(n, SLICE("requests")) && !yaml_get(n, SLICE("tokens")) &&
	    !yaml_get(n, SLICE("concurrent")))
		settings_fault(r, n,
		               "quotas[]: nothing is limited: write requests: 120/minute, tokens: "
		               "2M/minute or concurrent: 16");
}

void read_quotas(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	static const struct settings_list list = {"quotas[].", sizeof(struct quota_rule), SETTINGS_RULES_MAX,
	                                          NULL, finish_quota};
	struct settings *s = field;
	void *all = s->quotas;
	(void)o;
	settings_read_list(r, n, &list, &all, &s->quotas_n);
	s->quotas = all;
}

static void finish_gate(struct reader *r, const struct yaml_node *n, void *element, const void *before,
                        size_t before_n)
{
	struct gate_rule *g = element;
	const struct yaml_node *deny = yaml_get(n, SLICE("deny")), *allow = yaml_get(n, SLICE("allow"));
	settings_finish_rule(r, n, "gates[].", &g->rule, before, before_n, sizeof *g);
	if (deny && allow)
		settings_fault(r, allow, "gates[]: deny and allow stand together: keep one");
	else if (deny == NULL && allow == NULL)
		settings_fault(r, n,
		               "gates[].deny is missing: the reason that people are told (or allow: true, "
		               "to let such calls past the gates behind)");
	else if (allow && allow->kind == YAML_SCALAR && slice_eq(allow->text, SLICE("false")))
		settings_fault(r, allow, "gates[].allow: false says nothing: write deny: \"the reason\"");
}

void read_gates(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	static const struct settings_list list = {"gates[].", sizeof(struct gate_rule), SETTINGS_RULES_MAX,
	                                          NULL, finish_gate};
	struct settings *s = field;
	void *all = s->gates;
	(void)o;
	settings_read_list(r, n, &list, &all, &s->gates_n);
	s->gates = all;
}

/* --- contexts ----------------------------------------------------------------- */

static void finish_context(struct reader *r, const struct yaml_node *n, void *element, const void *before,
                           size_t before_n)
{
	struct context_rule *c = element;
	settings_finish_rule(r, n, "context[].", &c->rule, before, before_n, sizeof *c);
	if (c->tokens == 0)
		settings_fault(r, n, "context[]: nothing is limited: write limits: {tokens: 180000}");
}

void read_context(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	static const struct settings_list list = {"context[].", sizeof(struct context_rule),
	                                          SETTINGS_RULES_MAX, NULL, finish_context};
	struct settings *s = field;
	void *all = s->contexts;
	(void)o;
	settings_read_rules(r, n, "context", &list, &all, &s->contexts_n);
	s->contexts = all;
}

/* --- what needs all of them --------------------------------------------------- */

static void unknown_ref(struct reader *r, const struct rule_ref *ref, const char *none, slice near)
{
	settings_fault_at(r, ref->at, "%s \"" SLICE_FMT "\"%s" SLICE_FMT "%s", none, SLICE_ARG(ref->name),
	                  near.n ? "; did you mean " : "", SLICE_ARG(near), near.n ? "?" : "");
}

void settings_check_rules(struct reader *r)
{
	const struct settings *s = &r->snap->s;
	for (const struct rule_ref *ref = r->budget_refs; ref; ref = ref->next) {
		struct nearest near;
		if (settings_budget(s, ref->name))
			continue;
		nearest_init(&near, ref->name);
		for (size_t i = 0; i < s->budgets_n; i++)
			nearest_offer(&near, s->budgets[i].rule.name);
		unknown_ref(r, ref, "budget: there is no budget", near.best);
	}
	for (const struct rule_ref *ref = r->tier_refs; ref; ref = ref->next) {
		struct nearest near;
		if (settings_tier(s, ref->name))
			continue;
		nearest_init(&near, ref->name);
		for (size_t i = 0; i < s->tiers_n; i++)
			nearest_offer(&near, s->tiers[i].name);
		unknown_ref(r, ref,
		            s->tiers_n ? "budgets[].to: routes.tiers has no tier"
		                       : "budgets[].to: write routes: {tiers: {NAME: [MODEL, …]}} too; there "
		                         "is no tier",
		            near.best);
	}
}
