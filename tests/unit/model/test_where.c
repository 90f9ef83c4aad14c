/* `where`: each form of the grammar holds and does not, and what is not known is neither; faults in words. */
#include "model/rules.h"
#include "unit/unit.h"

struct told {
	char text[4096];
};

static void fault(void *arg, const struct yaml_node *at, const char *message)
{
	struct told *t = arg;
	size_t n = strlen(t->text);
	snprintf(t->text + n, sizeof t->text - n, "%d:%d: %s\n", at->line, at->column, message);
}

static void budget(void *arg, const struct yaml_node *at, slice name)
{
	(void)arg;
	(void)at;
	assert_true(name.n > 0);
}

static void no_fault(void *arg, int line, int column, const char *message)
{
	(void)arg;
	fail_msg("%d:%d: %s", line, column, message);
}

static const struct where *compile(struct arena *mem, const char *text, bool rows, struct told *t)
{
	const struct yaml_node *root;
	struct where_source from = {
	    .key = "where", .rows_only = rows, .fault = fault, .budget = rows ? NULL : budget, .arg = t};
	t->text[0] = '\0';
	assert_int_equal(yaml_read(slice_of(text), mem, &root, no_fault, NULL), 0);
	return where_read(&from, root, mem);
}

static int64_t used(void *arg, slice name, const struct facts *f)
{
	(void)arg;
	assert_non_null(f->record);
	return slice_eq(name, SLICE("team-month")) ? 810000 : -1;
}

/* 2026-11-24 22:30 UTC, a Tuesday; in Berlin 23:30 */
#define WHEN INT64_C(1795559400000)

static const slice TOOLS[] = {SLICE("Bash"), SLICE("mcp__git__push")};
static const slice SERVERS[] = {SLICE("approved-git"), SLICE("wild")};
static const struct ci_proof PROOF = {
    .diff_lines = 3500, .author = SLICE("ana"), .paths = SLICE("docs/a.md\ninfra/x.tf\n")};

static void fill(struct record *r)
{
	record_init(r);
	r->time_ms = WHEN;
	r->api = API_ANTHROPIC_MESSAGES;
	r->who.v[ATTR_USER] = SLICE("ana@example.com");
	r->who.v[ATTR_TEAM] = SLICE("payments");
	r->who.v[ATTR_REPO] = SLICE("github.com/acme/pay");
	r->who.v[ATTR_BRANCH] = SLICE("release/7");
	r->who.v[ATTR_ENVIRONMENT] = SLICE("ci");
	r->who.v[ATTR_TRIGGER] = SLICE("push");
	r->who.v[ATTR_PR] = SLICE("118");
	r->who.v[ATTR_TAGS] = SLICE("{\"n\":4,\"customer\":\"acme\",\"odd\":\"a\\u0062\\\"c\"}");
	r->text[TEXT_PROVIDER] = SLICE("anthropic");
	r->text[TEXT_MODEL_REQUESTED] = SLICE("claude-opus-4-5");
	r->text[TEXT_KEY_ID] = SLICE("k_1");
	r->turn = 12;
	r->stream = true;
}

static void matches(void **state)
{
	static const struct {
		const char *where;
		bool holds;
	} cases[] = {
	    {"team: payments", true},
	    {"team: Payments", false},
	    {"team: pay", false},
	    {"team: payments\nuser: bo", false}, /* all must hold */
	    {"team: [web, payments]", true},
	    {"team: [web, search]", false},
	    {"branch: release/*", true},
	    {"branch: main*", false},
	    {"branch: '*/7'", true},
	    {"branch: 'release/?'", true},
	    {"branch: 'release/7?'", false},
	    {"repo: '*/acme/*'", true},
	    {"branch: '!main'", true},
	    {"branch: '!release/*'", false},
	    {"branch: '! main'", true},
	    {"branch: ['!main', '!release/*']", false}, /* none of them */
	    {"branch: ['!main', '!develop']", true},
	    {"branch: [release/*, '!release/7']", false},
	    {"branch: [release/*, '!release/8']", true},
	    {"task: '!x'", true}, /* unknown is not x, */
	    {"task: x", false},   /* nor x, */
	    {"task: '*'", false}, /* nor anything */
	    {"task: null", true},
	    {"task: ~", true},
	    {"team: null", false},
	    {"team: '*'", true},
	    {"team: [null, payments]", true},
	    {"task: [x, null]", true},
	    {"task: '>1'", false},
	    {"pr: '>100'", true},
	    {"pr: '<100'", false},
	    {"branch: '>1'", false},
	    {"diff_lines: '>3000'", true},
	    {"diff_lines: '>3500'", false},
	    {"diff_lines: '>=3500'", true},
	    {"diff_lines: '<3500'", false},
	    {"diff_lines: '<=3500'", true},
	    {"diff_lines: '> 3000'", true},
	    {"diff_lines: 3500", true},
	    {"diff_lines: '!3500'", false},
	    {"diff_lines: '!>4000'", true},
	    {"diff_lines: ['<10', '>1000']", true},
	    {"turn: '>=12'", true},
	    {"attempt: '>0'", false},
	    {"attempt: null", true},
	    {"hour: 23", true},
	    {"hour: ['>=22', '<6']", true},
	    {"hour: '<23'", false},
	    {"weekday: tue", true},
	    {"weekday: [sat, sun]", false},
	    {"weekday: '!tue'", false},
	    {"model: claude-opus-*", true},
	    {"model: gpt-*", false},
	    {"model_requested: claude-opus-4-5", true},
	    {"provider: anthropic", true},
	    {"api: anthropic.messages", true},
	    {"api: anthropic.*", true},
	    {"api: openai.chat", false},
	    {"key: k_1", true},
	    {"key_id: k_2", false},
	    {"stream: true", true},
	    {"stream: false", false},
	    {"billing: metered", true},
	    {"tags.customer: acme", true},
	    {"tags.customer: '!acme'", false},
	    {"tags.other: '!acme'", true},
	    {"tags.n: '4'", false}, /* no text */
	    {"tags.odd: 'ab\"c'", true},
	    {"tags: {customer: ac*, odd: 'a*'}", true},
	    {"tags: {customer: ac*, odd: 'b*'}", false},
	    {"tool: Bash", true},
	    {"tool: mcp__*", true},
	    {"tool: Write", false},
	    {"mcp_server: wild", true},
	    {"mcp_server: '!approved-*'", true}, /* one of them is not */
	    {"mcp_server: ['!approved-*', '!wild']", false},
	    {"mcp_server: null", false},
	    {"path: infra/*", true},
	    {"path: '!docs/*'", true},
	    {"path: ['!docs/*', '!infra/*']", false},
	    {"author: ana", true},
	    {"budget: {team-month: '>80%'}", true},
	    {"budget: {team-month: '>81%'}", false},
	    {"budget: {team-month: '>80.5%'}", true},
	    {"budget: {other: '<50%'}", false},
	    {"budget: {other: null}", true},
	    {"any: [{team: web}, {branch: release/*}]", true},
	    {"any: [{team: web}, {branch: main}]", false},
	    {"team: web\nany: [{branch: release/*}]", false},
	    {"any: [{team: payments, any: [{branch: x}, {pr: '118'}]}]", true},
	    {"any: [{team: payments, any: [{branch: x}, {pr: '119'}]}]", false},
	};
	struct record r;
	struct error e;
	struct zone *berlin = zone_load(SLICE("Europe/Berlin"), &e);
	(void)state;
	fill(&r);
	assert_non_null(berlin);
	struct facts f = {.record = &r,
	                  .zone = berlin,
	                  .ci = &PROOF,
	                  .tools = TOOLS,
	                  .tools_n = 2,
	                  .mcp_servers = SERVERS,
	                  .mcp_servers_n = 2,
	                  .budget_used = used};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena mem;
		struct told t;
		arena_init(&mem, 1 << 20);
		const struct where *w = compile(&mem, cases[i].where, false, &t);
		if (w == NULL)
			fail_msg("%s: %s", cases[i].where, t.text);
		if (where_match(w, &f) != cases[i].holds)
			fail_msg("%s: %s", cases[i].where, cases[i].holds ? "does not hold" : "holds");
		arena_release(&mem);
	}
	assert_true(where_match(NULL, &f));
	zone_free(berlin);
}

/* Nothing is offered, nothing is proven: neither that it is, nor that it is not. */
static void nothing_known(void **state)
{
	static const struct {
		const char *where;
		bool holds;
	} cases[] = {
	    {"mcp_server: '!approved-*'", false}, {"mcp_server: null", true}, {"tool: '*'", false},
	    {"path: '!docs/*'", false},           {"path: null", true},       {"diff_lines: '>0'", false},
	    {"diff_lines: '<=0'", false},         {"diff_lines: null", true}, {"author: '!ana'", true},
	    {"budget: {x: '>=0%'}", false},       {"user: null", true},       {"hour: 22", true},
	};
	struct record r;
	(void)state;
	record_init(&r);
	r.time_ms = WHEN;
	r.who.v[ATTR_ENVIRONMENT] = SLICE("ci");
	struct facts f = {.record = &r};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena mem;
		struct told t;
		arena_init(&mem, 1 << 20);
		const struct where *w = compile(&mem, cases[i].where, false, &t);
		if (where_match(w, &f) != cases[i].holds)
			fail_msg("%s", cases[i].where);
		arena_release(&mem);
	}
}

/* What a header claims of CI is in the row and counts for no rule. */
static void claims(void **state)
{
	static const struct {
		const char *where, *claimed;
		bool holds;
	} cases[] = {
	    {"trigger: push", "", true},           {"trigger: push", "pr", true},
	    {"trigger: push", "trigger", false},   {"trigger: push", "trigger,pr", false},
	    {"trigger: null", "trigger,pr", true}, {"pr: '118'", "trigger", true},
	    {"pr: '118'", "trigger,pr", false},    {"branch: release/*", "trigger,pr", true},
	};
	struct record r;
	struct arena mem;
	struct told t;
	char buf[ATTR_TEXT_MAX];
	struct field_ref ref = {FIELD_PR, SLICE_NONE};
	struct facts f = {.record = &r};
	(void)state;
	fill(&r);
	arena_init(&mem, 1 << 20);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct where *w = compile(&mem, cases[i].where, true, &t);
		r.text[TEXT_CLAIMED] = slice_of(cases[i].claimed);
		assert_int_equal(where_match(w, &f), cases[i].holds);
	}
	r.text[TEXT_CLAIMED] = SLICE("pr");
	assert_int_equal(facts_text(&f, &ref, buf).n, 0); /* nor as a counter's name */
	arena_release(&mem);
}

static void model_called(void **state)
{
	struct record r;
	struct arena mem;
	struct told t;
	char buf[ATTR_TEXT_MAX];
	struct field_ref ref = {FIELD_MODEL, SLICE_NONE};
	(void)state;
	fill(&r);
	arena_init(&mem, 1 << 20);
	struct facts f = {.record = &r, .model = SLICE("claude-haiku-4-5")};
	const struct where *w = compile(&mem, "model: claude-haiku-*", true, &t);
	assert_true(where_match(w, &f));
	assert_true(slice_eq(facts_text(&f, &ref, buf), SLICE("claude-haiku-4-5")));
	assert_true(where_uses(w, FIELD_MODEL));
	assert_false(where_uses(w, FIELD_TOOL));
	w = compile(&mem, "any: [{team: x}, {any: [{tool: Bash}]}]", false, &t);
	assert_true(where_uses(w, FIELD_TOOL));
	arena_release(&mem);
}

static void faults(void **state)
{
	static const struct {
		const char *where;
		bool rows;
		const char *told;
	} cases[] = {
	    {"teem: x", false, "1:1: where: there is no field teem; did you mean team?\n"},
	    {"teem: x\nbranche: y", false,
	     "1:1: where: there is no field teem; did you mean team?\n"
	     "2:1: where: there is no field branche; did you mean branch?\n"},
	    {"xyzzy: 1", false,
	     "1:1: where: there is no field xyzzy; fields are those of the ledger (user, team, repo, branch, "
	     "environment, model, …) and those that docs/rules.md lists\n"},
	    {"model_served: x", false,
	     "1:1: where: model_served is known only after the call: write model, the one that will be "
	     "called\n"},
	    {"output_tokens: '>5'", false,
	     "1:1: where: output_tokens is known only after the call, and rules are decided before it\n"},
	    {"diff_lines: '>x'", false,
	     "1:13: where: diff_lines: \">x\": a whole number is wanted behind >, <, >= or <=, or alone\n"},
	    {"branch: '>x'", false,
	     "1:9: where: branch: \">x\": a whole number is wanted behind >, <, >= or <=\n"},
	    {"diff_lines: many", false,
	     "1:13: where: diff_lines: \"many\": a whole number is wanted behind >, <, >= or <=, or alone\n"},
	    {"branch: '!'", false,
	     "1:9: where: branch: behind ! stands what it must not be, such as \"!main\"\n"},
	    {"branch: {a: b}", false,
	     "1:9: where: branch: a value is wanted, such as main, \"release/*\", \"!main\", or null for "
	     "what "
	     "is not known\n"},
	    {"branch: []", false,
	     "1:9: where: branch: an empty list holds never: write a value, or take the key out\n"},
	    {"weekday: monday", false,
	     "1:10: where: weekday: \"monday\" is none of mon, tue, wed, thu, fri, sat, sun\n"},
	    {"hour: 24", false, "1:7: where: hour: 24 is none: hours go from 0 to 23\n"},
	    {"stream: yes", false, "1:9: where: stream: \"yes\" is none of true, false\n"},
	    {"api: openai.chats", false,
	     "1:6: where: api: there is no \"openai.chats\"; did you mean openai.chat?\n"},
	    {"budget: {b: '>80'}", false,
	     "1:13: where: \">80\" is no share of a budget: write such as \">80%\", with the per cent "
	     "sign\n"},
	    {"budget: x", false,
	     "1:9: where: budget: a mapping of names is wanted: {team-month: \">80%\"}\n"},
	    {"tags: x", false,
	     "1:7: where: tags: a mapping of names is wanted: {customer: acme}, or the key tags.customer\n"},
	    {"any: {a: b}", false,
	     "1:6: where: any: a list of mappings is wanted: any: [{branch: main}, {pr: \"*\"}]\n"},
	    {"any: [{a: b}, {team: x}]", false,
	     "1:8: where: there is no field a; fields are those of the ledger (user, team, repo, branch, "
	     "environment, model, …) and those that docs/rules.md lists\n"},
	    {"[team]", false,
	     "1:1: where: a mapping of fields to values is wanted, such as {team: payments}; a rule for "
	     "every "
	     "call has no where\n"},
	    {"diff_lines: '>1'", true,
	     "1:1: where: diff_lines does not stand in the ledger, from which what was spent is counted "
	     "again "
	     "at each start: a gate can ask for it, this rule cannot\n"},
	    {"budget: {b: '>80%'}", true,
	     "1:1: where: there is no field budget; fields are those of the ledger (user, team, repo, "
	     "branch, "
	     "environment, model, …) and those that docs/rules.md lists\n"},
	    {"any: [{any: [{any: [{any: [{any: [{any: [{any: [{any: [{any: [{a: b}]}]}]}]}]}]}]}]}]", false,
	     "1:62: where: any within any goes 8 deep at most\n"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena mem;
		struct told t;
		arena_init(&mem, 1 << 20);
		assert_null(compile(&mem, cases[i].where, cases[i].rows, &t));
		assert_string_equal(t.text, cases[i].told);
		arena_release(&mem);
	}
}

static void cohorts(void **state)
{
	struct record r;
	char user[32];
	int in10 = 0, in20 = 0, both = 0, other = 0;
	struct facts f = {.record = &r};
	struct rule ten = {.name = SLICE("rule"), .cohort = {COHORT_SHARE, SLICE_NONE, 100000}}, twenty = ten,
	            another = ten, named = {.cohort = {COHORT_NAMED, SLICE("pilot"), 0}};
	(void)state;
	twenty.cohort.ppm = 200000;
	another.name = SLICE("another");
	record_init(&r);
	assert_false(rule_applies(&ten, &f)); /* nobody is in no share */
	assert_false(rule_applies(&named, &f));
	r.who.v[ATTR_COHORT] = SLICE("pilot");
	assert_true(rule_applies(&named, &f));
	named.mode = MODE_OFF;
	assert_false(rule_applies(&named, &f));
	for (int i = 0; i < 10000; i++) {
		snprintf(user, sizeof user, "user%d", i);
		r.who.v[ATTR_USER] = slice_of(user);
		bool a = rule_applies(&ten, &f), b = rule_applies(&twenty, &f);
		assert_true(!a || b); /* raising the share keeps those who are in */
		in10 += a;
		in20 += b;
		both += a && rule_applies(&another, &f);
		other += rule_applies(&another, &f);
	}
	assert_in_range(in10, 900, 1100);
	assert_in_range(in20, 1850, 2150);
	assert_in_range(other, 900, 1100);
	assert_in_range(both, 60, 140); /* each rule draws its own */
	ten.cohort.ppm = PPM;
	r.who.v[ATTR_USER] = SLICE_NONE;
	assert_true(rule_applies(&ten, &f));
	ten.cohort.ppm = 0;
	r.who.v[ATTR_USER] = SLICE("x");
	assert_false(rule_applies(&ten, &f));
}

static void units(void **state)
{
	int64_t n;
	struct rate rate;
	(void)state;
	assert_true(units_percent(SLICE("80%"), 100, &n) && n == 800000);
	assert_true(units_percent(SLICE("0.0001%"), 100, &n) && n == 1);
	assert_true(units_percent(SLICE("100%"), 100, &n) && n == PPM);
	assert_false(units_percent(SLICE("100.1%"), 100, &n));
	assert_false(units_percent(SLICE("0.00001%"), 100, &n));
	assert_false(units_percent(SLICE("80"), 100, &n));
	assert_false(units_percent(SLICE("-1%"), 100, &n));
	assert_false(units_percent(SLICE("%"), 100, &n));
	assert_false(units_percent(SLICE("8 USD%"), 100, &n));
	assert_true(units_count(SLICE("2M"), &n) && n == 2000000);
	assert_true(units_count(SLICE("250k"), &n) && n == 250000);
	assert_false(units_count(SLICE("M"), &n));
	assert_false(units_count(SLICE("-2"), &n));
	assert_false(units_count(SLICE("99999999999999999M"), &n));
	assert_true(units_rate(SLICE("120/minute"), &rate) && rate.n == 120 && rate.period_ms == 60000);
	assert_true(units_rate(SLICE("2M / h"), &rate) && rate.n == 2000000 && rate.period_ms == 3600000);
	assert_false(units_rate(SLICE("0/minute"), &rate));
	assert_false(units_rate(SLICE("120"), &rate));
	assert_false(units_rate(SLICE("120/fortnight"), &rate));
	assert_false(units_rate(SLICE("120/"), &rate));
}

/* What the ledger can be asked with, and what it cannot. */
static void filters(void **state)
{
	static const struct {
		const char *where, *says; /* NULL: it cannot be said */
	} cases[] = {
	    {"team: payments", "team=payments;"},
	    {"team: [web, payments]\nbranch: release/*", "team=web,payments;branch=release/*;"},
	    {"branch: ['!main', '!develop']", "branch=!main,develop;"},
	    {"branch: [release/*, '!release/7']", "branch=release/*;branch=!release/7;"},
	    {"task: null", "task=;"},
	    {"turn: '>=9'", "turn=>=9;"},
	    {"turn: 12", "turn=12;"},
	    {"key: k_1", "key_id=k_1;"},
	    {"team: 'a,b'", NULL},
	    {"pr: 118", NULL},                /* it may only be claimed */
	    {"model: claude-opus-4-5", NULL}, /* the one that was called */
	    {"weekday: mon", NULL},
	    {"tags.customer: acme", NULL},
	    {"any: [{team: web}, {user: bo}]", NULL},
	    {"task: '>1'", NULL}, /* a text that is compared as a number */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena mem;
		struct told t = {0};
		struct where_filter out[8];
		char text[256] = "";
		size_t n, at = 0;
		arena_init(&mem, 1 << 16);
		const struct where *w = compile(&mem, cases[i].where, true, &t);
		assert_non_null(w);
		bool can = where_filters(w, &mem, out, 8, &n);
		for (size_t k = 0; can && k < n; k++)
			at += (size_t)snprintf(text + at, sizeof text - at, SLICE_FMT "=" SLICE_FMT ";",
			                       SLICE_ARG(out[k].column), SLICE_ARG(out[k].value));
		if (can != (cases[i].says != NULL) || (can && strcmp(text, cases[i].says) != 0))
			fail_msg("%s: %s", cases[i].where, can ? text : "cannot be said");
		if (can && n)
			assert_false(where_filters(w, &mem, out, n - 1, &n)); /* no room */
		arena_release(&mem);
	}
	struct where_filter none[1];
	size_t n = 1;
	assert_true(where_filters(NULL, NULL, none, 1, &n));
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(matches),      cmocka_unit_test(nothing_known), cmocka_unit_test(claims),
	    cmocka_unit_test(model_called), cmocka_unit_test(faults),        cmocka_unit_test(cohorts),
	    cmocka_unit_test(units),        cmocka_unit_test(filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
