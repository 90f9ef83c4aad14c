/* What people decide: limits lifted, rules of the API, and the record of changes, which only grows. */
#include <sqlite3.h>

#include "store/ledger.h"
#include "unit/store/fixture.h"

static const struct ledger_ops *ops;
static struct folder folder;
static struct ledger *l;

static int set_up(void **state)
{
	(void)state;
	struct error e = {0};
	slice rest;
	folder_make(&folder);
	ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	return ops->open(folder_file(&folder, "weir.db"), true, &l, &e);
}

static int tear_down(void **state)
{
	(void)state;
	ops->close(l);
	folder_remove(&folder);
	return 0;
}

struct seen {
	size_t n;
	char text[10][256];
};

static int see_change(void *arg, const struct ledger_change *c)
{
	struct seen *s = arg;
	snprintf(s->text[s->n++], 256, SLICE_FMT "|" SLICE_FMT "|" SLICE_FMT "|" SLICE_FMT "|" SLICE_FMT,
	         SLICE_ARG(c->actor), SLICE_ARG(c->action), SLICE_ARG(c->subject), SLICE_ARG(c->before),
	         SLICE_ARG(c->after));
	return 0;
}

static int see_override(void *arg, const struct ledger_override *o)
{
	struct seen *s = arg;
	snprintf(s->text[s->n++], 256, SLICE_FMT " %s %lld " SLICE_FMT, SLICE_ARG(o->id),
	         ledger_override_state_name(o->state), (long long)o->amount, SLICE_ARG(o->decided_by));
	return 0;
}

static int see_rule(void *arg, const struct ledger_rule *r)
{
	struct seen *s = arg;
	snprintf(s->text[s->n++], 256, SLICE_FMT ":" SLICE_FMT "=" SLICE_FMT, SLICE_ARG(r->kind),
	         SLICE_ARG(r->name), SLICE_ARG(r->body));
	return 0;
}

static int64_t version(slice what)
{
	int64_t v = 0;
	assert_int_equal(ops->version(l, what, &v, NULL), 0);
	return v;
}

static void rules_and_their_record(void **state)
{
	(void)state;
	struct seen s = {0};
	struct error e = {0};
	int64_t before = version(SLICE("rules"));
	struct ledger_rule r = {
	    .kind = SLICE("team"), .name = SLICE("web"), .body = SLICE("{\"a\":1}"), .at_ms = 5};
	ops->act_as(l, SLICE("kim (k_1)"));
	assert_int_equal(ops->rule_put(l, &r, &e), 0);
	r.body = SLICE("{\"a\":2}");
	assert_int_equal(ops->rule_put(l, &r, &e), 0);
	assert_int_equal(ops->rules(l, see_rule, &s, &e), 0);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.text[0], "team:web={\"a\":2}");
	assert_int_equal(version(SLICE("rules")), before + 2);
	assert_int_equal(ops->rule_delete(l, &r, &e), 0);
	assert_int_equal(ops->rule_delete(l, &r, &e), ERR_NOT_FOUND);
	assert_int_equal(version(SLICE("rules")), before + 3);
	s.n = 0;
	assert_int_equal(ops->changes(l, 0, 10, see_change, &s, &e), 0);
	assert_int_equal(s.n, 3); /* what failed has no line */
	assert_string_equal(s.text[0], "kim (k_1)|team.delete|web|{\"a\":2}|");
	assert_string_equal(s.text[1], "kim (k_1)|team.put|web|{\"a\":1}|{\"a\":2}");
	assert_string_equal(s.text[2], "kim (k_1)|team.put|web||{\"a\":1}");
	s.n = 0;
	assert_int_equal(ops->changes(l, 3, 1, see_change, &s, &e), 0);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.text[0], "kim (k_1)|team.put|web|{\"a\":1}|{\"a\":2}");
}

static void overrides(void **state)
{
	(void)state;
	struct seen s = {0};
	struct error e = {0};
	struct ledger_override o = {.id = SLICE("o_1"),
	                            .budget = SLICE("day"),
	                            .amount = 7,
	                            .from_ms = 10,
	                            .until_ms = 20,
	                            .state = OVERRIDE_WAITING,
	                            .requested_by = SLICE("ana"),
	                            .requested_ms = 11};
	assert_int_equal(ops->override_add(l, &o, SLICE("{\"add\":7}"), &e), 0);
	assert_int_equal(ops->override_add(l, &o, SLICE("{}"), &e), ERR_INVALID); /* the id is there */
	assert_int_equal(
	    ops->override_decide(l, SLICE("o_2"), OVERRIDE_ACTIVE, SLICE("kim"), 12, SLICE_NONE, &e),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    ops->override_decide(l, SLICE("o_1"), OVERRIDE_ACTIVE, SLICE("kim"), 12, SLICE_NONE, &e), 0);
	assert_int_equal(
	    ops->override_decide(l, SLICE("o_1"), OVERRIDE_REFUSED, SLICE("kim"), 13, SLICE_NONE, &e),
	    ERR_NOT_FOUND); /* decided once */
	assert_int_equal(ops->overrides(l, 19, see_override, &s, &e), 0);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.text[0], "o_1 active 7 kim");
	assert_int_equal(ops->overrides(l, 20, see_override, &s, &e), 0);
	assert_int_equal(s.n, 1); /* its window is over */
}

/* Not by this program's ops, not by hand. */
static void the_record_only_grows(void **state)
{
	(void)state;
	sqlite3 *db;
	struct error e = {0};
	struct ledger_rule r = {.kind = SLICE("team"), .name = SLICE("x"), .body = SLICE("{}"), .at_ms = 1};
	assert_int_equal(ops->rule_put(l, &r, &e), 0);
	assert_int_equal(sqlite3_open(folder_file(&folder, "weir.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE audit SET actor='nobody'", NULL, NULL, NULL),
	                 SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM audit", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(rules_and_their_record, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(overrides, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_record_only_grows, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
