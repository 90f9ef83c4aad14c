/* Edits: what is asked for changes, every other byte stays, and members go with exactly one comma. */
#include "unit/unit.h"

#include "exact.h"

#include "text/json.h"

static slice apply(const struct json_edits *e, slice source, char *out, size_t cap)
{
	size_t n = json_edits_size(e, source);
	assert_true(n < cap);
	out[n] = '~';
	json_edits_apply(e, source, out);
	assert_int_equal(out[n], '~');
	return slice_make(out, n);
}

static void check(const struct json_edits *e, slice source, const char *want)
{
	char out[512];
	slice got = apply(e, source, out, sizeof out);
	if (!slice_eq(got, slice_of(want)))
		fail_msg("got " SLICE_FMT ", not %s", SLICE_ARG(got), want);
}

static void replaces_in_order_of_place(void **state)
{
	(void)state;
	slice source = SLICE("0123456789");
	struct json_edits e;
	json_edits_init(&e);
	check(&e, source, "0123456789");
	assert_true(json_edit_replace(&e, 8, 10, SLICE("end")));
	assert_true(json_edit_replace(&e, 2, 4, SLICE("")));
	assert_true(json_edit_insert(&e, 0, SLICE("<")));
	assert_true(json_edit_insert(&e, 10, SLICE(">")));
	assert_true(json_edit_insert(&e, 8, SLICE("[")));
	assert_true(json_edit_insert(&e, 8, SLICE("(")));
	assert_true(json_edit_insert(&e, 4, SLICE("four")));
	check(&e, source, "<01four4567[(end>");
}

static void refuses_overlaps(void **state)
{
	(void)state;
	struct json_edits e;
	json_edits_init(&e);
	assert_true(json_edit_replace(&e, 4, 8, SLICE("x")));
	static const size_t clash[][2] = {{4, 8}, {0, 5}, {7, 9}, {5, 6}, {0, 10}, {5, 5}, {7, 7}, {3, 2}};
	for (size_t i = 0; i < COUNT(clash); i++)
		assert_false(json_edit_replace(&e, clash[i][0], clash[i][1], SLICE("y")));
	assert_true(json_edit_replace(&e, 8, 9, SLICE("a")));
	assert_true(json_edit_replace(&e, 3, 4, SLICE("b")));
	assert_int_equal(e.n, 3);
	check(&e, SLICE("0123456789"), "012bxa9");
	json_edits_init(&e);
	for (size_t i = 0; i < JSON_EDITS_MAX; i++)
		assert_true(json_edit_insert(&e, i, SLICE("-")));
	assert_false(json_edit_insert(&e, 99, SLICE("-")));
}

/* Removes from source the members whose keys stand in which, in that order. */
static void remove_members(slice source, const char *which, const char *want)
{
	struct json_edits e;
	json_edits_init(&e);
	for (; *which; which++) {
		struct json j;
		json_key k;
		json_init(&j, source);
		assert_true(json_object(&j));
		while (json_next_key(&j, &k)) {
			assert_true(json_skip(&j, NULL));
			if (json_key_is(&k, slice_make(which, 1)))
				assert_true(json_edit_remove_member(
				    &e, source, (size_t)(k.raw.p - 1 - source.p), json_offset(&j)));
		}
		assert_true(json_end(&j));
	}
	check(&e, source, want);
}

static void removes_members(void **state)
{
	(void)state;
	slice three = SLICE("{\"a\":1,\"b\":[2],\"c\":\"}\"}");
	remove_members(three, "a", "{\"b\":[2],\"c\":\"}\"}");
	remove_members(three, "b", "{\"a\":1,\"c\":\"}\"}");
	remove_members(three, "c", "{\"a\":1,\"b\":[2]}");
	/* Two or three at a time, in every order. */
	static const char *const pairs[][2] = {
	    {"ab", "{\"c\":\"}\"}"}, {"ac", "{\"b\":[2]}"}, {"bc", "{\"a\":1}"}};
	for (size_t i = 0; i < COUNT(pairs); i++) {
		char turned[] = {pairs[i][0][1], pairs[i][0][0], 0};
		remove_members(three, pairs[i][0], pairs[i][1]);
		remove_members(three, turned, pairs[i][1]);
	}
	static const char *const orders[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
	for (size_t i = 0; i < COUNT(orders); i++)
		remove_members(three, orders[i], "{}");
	remove_members(SLICE("{\"a\":1}"), "a", "{}");
	remove_members(SLICE("{ \"a\" : 1 }"), "a", "{  }");
	remove_members(SLICE("{ \"a\" : 1 , \"b\" : 2 }"), "a", "{ \"b\" : 2 }");
	remove_members(SLICE("{ \"a\" : 1 , \"b\" : 2 }"), "b", "{ \"a\" : 1  }");
	remove_members(SLICE("{ \"a\" : 1 , \"b\" : 2 }"), "ba", "{   }");
	remove_members(SLICE("{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}"), "cb", "{\n  \"a\": 1\n}");
}

/* Any set of members, removed in any order, with a value replaced besides: still JSON, and the rest as it
 * was. */
static void stays_json(void **state)
{
	(void)state;
	uint64_t x = 42;
	for (int round = 0; round < 20000; round++) {
		char text[256] = "{", want[256] = "{", out[300];
		size_t n = 1, w = 1, from[8], to[8], count = 1 + next_random(&x) % 7;
		unsigned gone = (unsigned)next_random(&x) & 0x7f;
		bool any = false;
		for (size_t i = 0; i < count; i++) {
			n += (size_t)snprintf(text + n, sizeof text - n, "%s",
			                      i ? (round % 2 ? ", " : ",") : "");
			from[i] = n;
			n += (size_t)snprintf(text + n, sizeof text - n, "\"%c\":%zu", (char)('a' + i), i);
			to[i] = n;
			if (gone >> i & 1)
				continue;
			w += (size_t)snprintf(want + w, sizeof want - w, "%s\"%c\":%zu", any ? "," : "",
			                      (char)('a' + i), i);
			any = true;
		}
		text[n++] = '}';
		want[w++] = '}';
		struct json_edits e;
		json_edits_init(&e);
		size_t start = next_random(&x) % count, step = next_random(&x) % 2 ? 1 : count - 1;
		if (step == 0)
			step = 1;
		for (size_t i = 0, m = start; i < count; i++, m = (m + step) % count)
			if (gone >> m & 1)
				assert_true(json_edit_remove_member(&e, slice_make(text, n), from[m], to[m]));
		slice got = apply(&e, slice_make(text, n), out, sizeof out);
		size_t at = 0, plain = 0;
		assert_null(json_validate(got, &at));
		for (size_t i = 0; i < got.n; i++)
			if (out[i] != ' ')
				out[plain++] = out[i];
		if (!slice_eq(slice_make(out, plain), slice_make(want, w)))
			fail_msg(SLICE_FMT " less %x: " SLICE_FMT, (int)n, text, gone, (int)plain, out);
	}
}

static void removal_meets_other_edits(void **state)
{
	(void)state;
	slice source = SLICE("{\"a\":1,\"b\":2,\"c\":3}");
	struct json_edits e;
	json_edits_init(&e);
	assert_true(json_edit_replace(&e, 11, 12, SLICE("22")));
	assert_false(json_edit_remove_member(&e, source, 7, 12)); /* its value is being replaced */
	assert_true(json_edit_remove_member(&e, source, 1, 6));
	assert_true(json_edit_insert(&e, 18, SLICE(",\"d\":4")));
	check(&e, source, "{\"b\":22,\"c\":3,\"d\":4}");
	assert_false(json_edit_remove_member(&e, source, 5, 5));
	assert_false(json_edit_remove_member(&e, source, 1, 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replaces_in_order_of_place),
	    cmocka_unit_test(refuses_overlaps),
	    cmocka_unit_test(removes_members),
	    cmocka_unit_test(stays_json),
	    cmocka_unit_test(removal_meets_other_edits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
