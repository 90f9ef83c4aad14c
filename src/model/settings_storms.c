/* Readers of storms: one rule for all, as a mapping, or a list of rules. */
#include "base/money.h"
#include "model/settings_storms.h"

_Static_assert(offsetof(struct storm_rule, rule) == 0, "the rule first");

#define X(id, name) #name,
const char *const settings_storm_actions[] = {STORM_ACTION_LIST(X) NULL};
#undef X

static void start_storm(void *element)
{
	struct storm_rule *s = element;
	s->limits = storm_limits_usual;
	s->fresh_sessions = 20;
	s->action = STORM_PAUSE;
	s->allowance = 5;
}

static void check_handoff(struct reader *r, const struct yaml_node *n, const struct storm_rule *s)
{
	const struct yaml_node *handoff = yaml_get(n, SLICE("handoff"));
	if (handoff && s->action != STORM_PAUSE)
		settings_fault(r, handoff, "storms[].handoff: only action: pause waits for someone");
}

static void finish_storm(struct reader *r, const struct yaml_node *n, void *element, const void *before,
                         size_t before_n)
{
	struct storm_rule *s = element;
	settings_finish_rule(r, n, "storms[].", &s->rule, before, before_n, sizeof *s);
	check_handoff(r, n, s);
}

void settings_default_storms(struct reader *r)
{
	struct settings *s = &r->snap->s;
	struct storm_rule *one = settings_alloc(r, sizeof *one);
	if (one == NULL)
		return;
	memset(one, 0, sizeof *one);
	start_storm(one);
	one->rule.name = SLICE("storms");
	one->action = STORM_ALERT;
	s->storms = one;
	s->storms_n = 1;
}

void read_storms(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	static const struct settings_list list = {"storms[].", sizeof(struct storm_rule), SETTINGS_RULES_MAX,
	                                          start_storm, finish_storm};
	struct settings *s = field;
	void *all = s->storms;
	(void)o;
	settings_read_rules(r, n, "storms", &list, &all, &s->storms_n);
	s->storms = all;
}

void read_dollars(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	int64_t *v = field;
	if (n->kind != YAML_SCALAR || money_parse(n->text, v) || *v < 0)
		settings_fault(r, n, "%s: \"" SLICE_FMT "\" is no amount of money: write 5, or 0.50 USD",
		               o->key, SLICE_ARG(slice_sub(n->text, 0, 60)));
}

/* One key for both: a conversation's rate, and that of sessions that began with the same words. */
void read_money_rate(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	slice unit = n->text, amount;
	int64_t v = -1;
	struct storm_limits *l = field;
	slice_split(&unit, '/', &amount);
	bool minute = slice_eq(unit, SLICE("minute")) || slice_eq(unit, SLICE("min")),
	     hour = slice_eq(unit, SLICE("hour")), off = unit.n == 0 && slice_eq(n->text, SLICE("0"));
	if (n->kind != YAML_SCALAR || money_parse(slice_trim(amount), &v) || v < 0 ||
	    (!minute && !hour && !off)) {
		settings_fault(r, n,
		               "%s: \"" SLICE_FMT
		               "\" is no rate of spending: write 2 USD/minute or 60 USD/hour; 0: any",
		               o->key, SLICE_ARG(slice_sub(n->text, 0, 60)));
		return;
	}
	l->burn_nanousd = l->opening_burn_nanousd = hour ? v / 60 : v;
}
