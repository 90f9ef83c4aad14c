/* Gates: the first that matches decides; shadow gates only say what they would have done. */
#include "policy/gate.h"
#include "text/yaml.h"
#include "unit/unit.h"

static struct arena mem;

static void bad_yaml(void *arg, int line, int column, const char *message)
{
	(void)arg;
	fail_msg("%d:%d: %s", line, column, message);
}

static void bad_where(void *arg, const struct yaml_node *at, const char *message)
{
	(void)arg;
	fail_msg("%d:%d: %s", at->line, at->column, message);
}

static struct gate_rule gate(const char *name, const char *where, const char *deny, int mode)
{
	const struct yaml_node *root;
	struct where_source from = {.key = "where", .fault = bad_where};
	struct gate_rule g = {.rule = {.name = slice_of(name), .mode = mode}};
	if (where) {
		assert_int_equal(yaml_read(slice_of(where), &mem, &root, bad_yaml, NULL), 0);
		g.rule.where = where_read(&from, root, &mem);
	}
	g.allow = deny == NULL;
	g.deny = slice_of(deny);
	return g;
}

static const char *name_of(const struct gate_rule *g)
{
	return g ? g->rule.name.p : "";
}

static void first_match(void **state)
{
	static const struct {
		const char *branch, *gate, *shadow;
		bool deny;
	} cases[] = {
	    {"hotfix/1", "hotfix", "watch", false}, /* allowed past the freeze; the watcher would not have */
	    {"main", "freeze", "", true},           /* watched: refused either way */
	    {"dev", "", "watch", false},            /* none decides */
	    {"free", "", "", false},
	    {"quiet", "freeze", "pass", true}, /* a shadow gate would have let it through */
	};
	struct record r;
	struct facts f = {.record = &r};
	(void)state;
	arena_init(&mem, 1 << 20);
	const struct gate_rule gates[] = {
	    gate("off", NULL, "never", MODE_OFF),
	    gate("pass", "branch: quiet", NULL, MODE_SHADOW),
	    gate("watch", "branch: '!free'", "watched.", MODE_SHADOW),
	    gate("hotfix", "branch: hotfix/*", NULL, MODE_ENFORCE),
	    gate("freeze", "branch: [main, hotfix/*, quiet]", "the branch is frozen.", MODE_ENFORCE),
	    gate("late", "branch: main", "too late", MODE_ENFORCE),
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct gate_verdict v;
		record_init(&r);
		r.who.v[ATTR_BRANCH] = slice_of(cases[i].branch);
		gate_decide(gates, COUNT(gates), &f, &v);
		assert_string_equal(name_of(v.gate), cases[i].gate);
		assert_string_equal(name_of(v.shadow), cases[i].shadow);
		assert_int_equal(v.deny, cases[i].deny);
	}
	assert_true(slice_eq(gate_deny_text(&gates[4], &mem),
	                     SLICE("Gate \"freeze\" refuses this call: the branch is frozen")));
	assert_true(
	    slice_eq(gate_shadow_text(&gates[2], &mem), SLICE("gate \"watch\" would refuse: watched")));
	assert_true(slice_eq(gate_shadow_text(&gates[1], &mem), SLICE("gate \"pass\" would let it through")));
	arena_release(&mem);
}

static void cohorts(void **state)
{
	struct gate_verdict v;
	struct record r;
	struct facts f = {.record = &r};
	struct gate_rule g = {.rule = {.name = SLICE("g"), .cohort = {COHORT_NAMED, SLICE("pilot"), 0}},
	                      .deny = SLICE("no")};
	(void)state;
	record_init(&r);
	gate_decide(&g, 1, &f, &v);
	assert_false(v.deny);
	r.who.v[ATTR_COHORT] = SLICE("pilot");
	gate_decide(&g, 1, &f, &v);
	assert_true(v.deny);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(first_match), cmocka_unit_test(cohorts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
