/* The pull reader as a caller uses it: walking, scalars, soft forms, escapes resolved, misuse. */
#include "unit/unit.h"

#include "exact.h"

#include "text/json.h"

#define assert_slice(s, lit) assert_true(slice_eq((s), SLICE(lit)))

static void walks(void **state)
{
	(void)state;
	const char *text =
	    " { \"model\" : \"m\" , \"n\":[1, 2 ,3], \"deep\":{\"a\":[{\"b\":null}]},\"stream\":true } ";
	struct json j;
	json_key k;
	json_str model = {0};
	int64_t v, sum = 0;
	bool stream = false;
	slice deep = {0};
	json_init(&j, slice_of(text));
	assert_int_equal(json_peek(&j), JSON_OBJECT);
	assert_true(json_object(&j));
	while (json_next_key(&j, &k)) {
		if (json_key_is(&k, SLICE("model")))
			assert_true(json_string(&j, &model));
		else if (json_key_is(&k, SLICE("n"))) {
			assert_true(json_array(&j));
			while (json_next(&j)) {
				assert_int_equal(json_peek(&j), JSON_NUMBER);
				assert_true(json_i64(&j, &v));
				sum += v;
			}
		} else if (json_key_is(&k, SLICE("stream")))
			assert_true(json_bool(&j, &stream));
		else
			assert_true(json_skip(&j, &deep));
	}
	assert_true(json_end(&j));
	assert_slice(model.raw, "m");
	assert_false(model.escaped);
	assert_int_equal(sum, 6);
	assert_slice(deep, "{\"a\":[{\"b\":null}]}");
	assert_true(stream);
}

/* Both members of the same name are given, in order: which one counts is for the caller to say. */
static void gives_duplicates(void **state)
{
	(void)state;
	struct json j;
	json_key k;
	int64_t v, seen[3], n = 0;
	json_init(&j, SLICE("{\"a\":1,\"\\u0061\":2,\"A\":9,\"a\":3}"));
	assert_true(json_object(&j));
	while (json_next_key(&j, &k)) {
		assert_true(json_i64(&j, &v));
		if (json_key_is(&k, SLICE("a")))
			seen[n++] = v;
	}
	assert_true(json_end(&j));
	assert_int_equal(n, 3);
	assert_true(seen[0] == 1 && seen[1] == 2 && seen[2] == 3);
}

static void peeks(void **state)
{
	(void)state;
	static const struct {
		slice text;
		json_type type;
	} cases[] = {
	    {SLICE("null"), JSON_NULL}, {SLICE(" false"), JSON_FALSE}, {SLICE("true"), JSON_TRUE},
	    {SLICE("-1"), JSON_NUMBER}, {SLICE("0"), JSON_NUMBER},     {SLICE("\n\"\""), JSON_STRING},
	    {SLICE("[]"), JSON_ARRAY},  {SLICE("{}"), JSON_OBJECT},    {SLICE(""), JSON_NONE},
	    {SLICE("?"), JSON_NONE},    {SLICE("]"), JSON_NONE},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json j;
		json_init(&j, cases[i].text);
		assert_int_equal(json_peek(&j), cases[i].type);
		assert_int_equal(json_peek(&j), cases[i].type);
		assert_true((j.error != NULL) == (cases[i].type == JSON_NONE));
		assert_true(json_skip(&j, NULL) == (cases[i].type != JSON_NONE));
		assert_int_equal(json_peek(&j), JSON_NONE); /* nothing is due any more */
	}
}

static void numbers(void **state)
{
	(void)state;
	static const struct {
		slice text;
		bool fits;
		int64_t v;
	} cases[] = {
	    {SLICE("0"), true, 0},
	    {SLICE("-0"), true, 0},
	    {SLICE("1"), true, 1},
	    {SLICE("-3"), true, -3},
	    {SLICE("9223372036854775807"), true, INT64_MAX},
	    {SLICE("9223372036854775808"), false, 0},
	    {SLICE("-9223372036854775808"), true, INT64_MIN},
	    {SLICE("-9223372036854775809"), false, 0},
	    {SLICE("18446744073709551616"), false, 0},
	    {SLICE("99999999999999999999999"), false, 0},
	    {SLICE("1e2"), true, 100},
	    {SLICE("1E+2"), true, 100},
	    {SLICE("1.0"), true, 1},
	    {SLICE("1.50e1"), true, 15},
	    {SLICE("1.5"), false, 0},
	    {SLICE("1.5e0"), false, 0},
	    {SLICE("100e-2"), true, 1},
	    {SLICE("10e-2"), false, 0},
	    {SLICE("1e18"), true, 1000000000000000000},
	    {SLICE("9e18"), true, 9000000000000000000},
	    {SLICE("1e19"), false, 0},
	    {SLICE("0e99999999999999999999"), true, 0},
	    {SLICE("0.0e-5"), true, 0},
	    {SLICE("1e99999999999999999999"), false, 0},
	    {SLICE("1e-99999999999999999999"), false, 0},
	    {SLICE("0.000001e6"), true, 1},
	    {SLICE("0.000001e5"), false, 0},
	    {SLICE("9.223372036854775807e18"), true, INT64_MAX},
	    {SLICE("9.223372036854775808e18"), false, 0},
	    {SLICE("-9.223372036854775808e18"), true, INT64_MIN},
	    {SLICE("922337203685477580700e-2"), true, INT64_MAX},
	    {SLICE("1000000000000000000000e-21"), true, 1},
	    {SLICE("1.000000000000000000000"), true, 1},
	    {SLICE("120.0"), true, 120},
	    {SLICE("0.1"), false, 0},
	    {SLICE("-1e0"), true, -1},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json j;
		int64_t v = 77;
		slice raw = {0};
		struct exact e = exact_copy(cases[i].text);
		json_init(&j, e.s);
		bool ok = json_i64(&j, &v);
		if (ok != cases[i].fits || v != (ok ? cases[i].v : 77) ||
		    (ok ? j.error != NULL : j.error_at != 0))
			fail_msg(SLICE_FMT ": %d %lld", SLICE_ARG(cases[i].text), ok, (long long)v);
		json_init(&j, e.s);
		assert_true(json_number(&j, &raw) && slice_eq(raw, cases[i].text) && json_end(&j));
		json_init(&j, e.s);
		v = 77;
		assert_true(json_opt_i64(&j, &v) == cases[i].fits && v == (cases[i].fits ? cases[i].v : 77));
		assert_true(json_end(&j));
		exact_free(&e);
	}
}

/* A stranger's field of another type is stepped over; broken text stays an error. */
static void soft_forms(void **state)
{
	(void)state;
	static const slice others[] = {SLICE("null"),  SLICE("[1,{\"a\":\"b\"}]"),
	                               SLICE("{}"),    SLICE("1.5"),
	                               SLICE("\"s\""), SLICE("true")};
	for (size_t i = 0; i < COUNT(others); i++) {
		struct json j;
		json_str s = {.escaped = true};
		int64_t v = 7;
		bool b = false;
		json_init(&j, others[i]);
		assert_true(json_opt_string(&j, &s) == (i == 4) && s.escaped == (i != 4) && json_end(&j));
		json_init(&j, others[i]);
		assert_false(json_opt_i64(&j, &v));
		assert_true(v == 7 && json_end(&j));
		json_init(&j, others[i]);
		assert_true(json_opt_bool(&j, &b) == (i == 5) && b == (i == 5) && json_end(&j));
	}
	struct json j;
	bool b = true;
	json_init(&j, SLICE("false"));
	assert_true(json_opt_bool(&j, &b) && !b && json_end(&j));
	json_init(&j, SLICE("[1,]"));
	assert_false(json_opt_bool(&j, &b));
	assert_non_null(j.error);
	assert_false(json_end(&j));
}

/* A strict form on another type: an error at the value, and it stays. */
static void strict_forms(void **state)
{
	(void)state;
	struct json j;
	json_str s;
	bool b;
	int64_t v;
	json_key k;
	json_init(&j, SLICE(" 1"));
	assert_false(json_string(&j, &s));
	assert_int_equal(j.error_at, 1);
	const char *first = j.error;
	assert_false(json_i64(&j, &v));
	assert_false(json_skip(&j, NULL));
	assert_false(json_end(&j));
	assert_ptr_equal(j.error, first);
	json_init(&j, SLICE("{}"));
	assert_false(json_array(&j));
	json_init(&j, SLICE("[]"));
	assert_false(json_object(&j));
	assert_false(json_next_key(&j, &k));
	json_init(&j, SLICE("null"));
	assert_false(json_bool(&j, &b));
	json_init(&j, SLICE("null"));
	assert_true(json_null(&j) && json_end(&j));
	json_init(&j, SLICE("true"));
	assert_false(json_null(&j));
	json_init(&j, SLICE("\"1\""));
	assert_false(json_i64(&j, &v));
}

/* A caller that loses its way gets an error, not nonsense. */
static void misuse(void **state)
{
	(void)state;
	struct json j;
	json_key k;
	int64_t v;
	json_init(&j, SLICE("[1 2]"));
	assert_true(json_array(&j) && json_next(&j) && json_i64(&j, &v));
	assert_false(json_i64(&j, &v)); /* no json_next between */
	assert_non_null(j.error);
	json_init(&j, SLICE("[1,2]"));
	assert_true(json_array(&j) && json_next(&j));
	assert_false(json_next(&j)); /* the element was not read */
	assert_non_null(j.error);
	json_init(&j, SLICE("[1]"));
	assert_true(json_array(&j));
	assert_false(json_next_key(&j, &k)); /* not an object */
	assert_non_null(j.error);
	json_init(&j, SLICE("{\"a\":1}"));
	assert_true(json_object(&j));
	assert_false(json_next(&j));
	assert_non_null(j.error);
	json_init(&j, SLICE("1 1"));
	assert_true(json_skip(&j, NULL));
	assert_false(json_skip(&j, NULL)); /* one value is all there is */
	assert_non_null(j.error);
	json_init(&j, SLICE("[1]"));
	assert_true(json_array(&j));
	assert_false(json_end(&j)); /* half read */
	json_init(&j, SLICE("[]"));
	assert_false(json_next(&j)); /* not entered */
	assert_non_null(j.error);
}

static void tells_where_it_stands(void **state)
{
	(void)state;
	const char *text = "{ \"a\" :  1 , \"b\":\t[2 ] }";
	struct json j;
	json_key k;
	json_init(&j, slice_of(text));
	assert_int_equal(json_offset(&j), 0);
	assert_true(json_object(&j) && json_next_key(&j, &k));
	assert_int_equal(k.raw.p - text, 3);
	assert_int_equal(json_offset(&j), 9);
	assert_true(json_skip(&j, NULL));
	assert_int_equal(json_offset(&j), 10);
	assert_true(json_next_key(&j, &k));
	assert_int_equal(json_offset(&j), 18);
	assert_true(json_skip(&j, NULL));
	assert_int_equal(json_offset(&j), 22);
	assert_false(json_next_key(&j, &k));
	assert_true(json_end(&j));
	json_init(&j, SLICE("  7"));
	assert_int_equal(json_offset(&j), 2);
}

static const struct {
	slice raw, is; /* what stands between the quotes, what it means */
} escapes[] = {
    {SLICE("plain"), SLICE("plain")},
    {SLICE(""), SLICE("")},
    {SLICE("\\\"\\\\\\/\\b\\f\\n\\r\\t"), SLICE("\"\\/\b\f\n\r\t")},
    {SLICE("a\\u0041\\u00e9\\u4e2d"), SLICE("aA\xc3\xa9\xe4\xb8\xad")},
    {SLICE("\\u0000"), SLICE("\0")},
    {SLICE("\\u007F\\u0080\\u07ff\\u0800\\uFFFF"), SLICE("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf")},
    {SLICE("\\ud83d\\ude00"), SLICE("\xf0\x9f\x98\x80")},
    {SLICE("\\uD800\\uDC00\\uDBFF\\uDFFF"), SLICE("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
    {SLICE("\\ud800"), SLICE("\xef\xbf\xbd")},
    {SLICE("\\udfff!"), SLICE("\xef\xbf\xbd!")},
    {SLICE("\\ud800\\ud83d\\ude00"), SLICE("\xef\xbf\xbd\xf0\x9f\x98\x80")},
    {SLICE("\\ud800\\ue000"), SLICE("\xef\xbf\xbd\xee\x80\x80")},
    {SLICE("\\ud800\\n"), SLICE("\xef\xbf\xbd\n")},
    {SLICE("\\ud800\\u0041"), SLICE("\xef\xbf\xbd"
                                    "A")},
    {SLICE("\\ude00\\ud83d"), SLICE("\xef\xbf\xbd\xef\xbf\xbd")},
    {SLICE("\xc3\xa9\\\\\xc3\xa9"), SLICE("\xc3\xa9\\\xc3\xa9")},
    {SLICE("\\\\n"), SLICE("\\n")},
    {SLICE("\\\\\\n"), SLICE("\\\n")},
};

static void resolves_escapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(escapes); i++) {
		slice want = escapes[i].is;
		struct exact e = exact_copy(escapes[i].raw);
		json_str s = {e.s, memchr(e.s.p, '\\', e.s.n) != NULL};
		char out[64];
		for (size_t cap = 0; cap <= e.s.n; cap++) {
			memset(out, '~', sizeof out);
			size_t n = json_unescape(&s, out, cap);
			assert_int_equal(n, want.n);
			assert_true(n <= e.s.n);
			assert_true(cap < n || n == 0 || memcmp(out, want.p, n) == 0);
			assert_int_equal(out[cap], '~');
		}
		assert_true(json_str_is(&s, want));
		assert_false(json_str_is(&s, SLICE("something else")));
		for (size_t n = 0; n < want.n; n++) /* neither a part of it nor with more behind */
			assert_false(json_str_is(&s, slice_sub(want, 0, n)));
		memcpy(out, want.p, want.n);
		out[want.n] = '+';
		assert_false(json_str_is(&s, slice_make(out, want.n + 1)));
		exact_free(&e);
	}
}

/* A json_str that no reader made: nothing is read outside of it, and no more is written than it has bytes. */
static void endures_broken_escapes(void **state)
{
	(void)state;
	static const slice broken[] = {SLICE("\\"),   SLICE("\\u"),       SLICE("\\u12"),
	                               SLICE("\\x"),  SLICE("\\ud800\\"), SLICE("\\ud800\\u1"),
	                               SLICE("\\\0"), SLICE("a\\uzzzz")};
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct exact e = exact_copy(broken[i]);
		json_str s = {e.s, true};
		char out[32];
		assert_true(json_unescape(&s, out, sizeof out) <= e.s.n);
		assert_false(json_str_is(&s, SLICE("?")));
		exact_free(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(walks),
	    cmocka_unit_test(gives_duplicates),
	    cmocka_unit_test(peeks),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(soft_forms),
	    cmocka_unit_test(strict_forms),
	    cmocka_unit_test(misuse),
	    cmocka_unit_test(tells_where_it_stands),
	    cmocka_unit_test(resolves_escapes),
	    cmocka_unit_test(endures_broken_escapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
