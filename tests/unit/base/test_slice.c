/* Slices: comparing, finding, splitting, numbers, patterns. */
#include "unit/unit.h"

#include "base/slice.h"

static void comparing(void **state)
{
	(void)state;
	assert_true(slice_eq(SLICE_NONE, SLICE("")));
	assert_true(slice_eq(SLICE("a\0b"), SLICE("a\0b")));
	assert_false(slice_eq(SLICE("a\0b"), SLICE("a\0c")));
	assert_true(slice_eq_nocase(SLICE("X-Api-Key"), SLICE("x-aPI-kEY")));
	assert_false(slice_eq_nocase(SLICE("ab"), SLICE("abc")));
	assert_false(slice_eq_nocase(SLICE("@["), SLICE("`{"))); /* beside the letters, 32 apart too */
	assert_false(slice_eq_nocase(SLICE("\xC3\x84"), SLICE("\xC3\xA4")));
	assert_true(slice_starts_nocase(SLICE("Bearer x"), SLICE("bearer ")));
	assert_false(slice_starts_nocase(SLICE("Bear"), SLICE("bearer ")));
	assert_true(slice_starts(SLICE("abc"), SLICE("")) && slice_starts(SLICE("abc"), SLICE("abc")));
	assert_false(slice_starts(SLICE("ab"), SLICE("abc")) || slice_starts(SLICE("abc"), SLICE("b")));
	assert_true(slice_ends(SLICE("abc"), SLICE("bc")) && slice_ends(SLICE("abc"), SLICE_NONE));
	assert_false(slice_ends(SLICE("bc"), SLICE("abc")) || slice_ends(SLICE("abc"), SLICE("ab")));
	assert_true(slice_cmp(SLICE("a"), SLICE("ab")) < 0 && slice_cmp(SLICE("ab"), SLICE("a")) > 0);
	assert_true(slice_cmp(SLICE("\xFF"), SLICE("a")) > 0);
	assert_int_equal(slice_cmp(SLICE_NONE, SLICE("")), 0);
	assert_int_equal(slice_of(NULL).n, 0);
}

static void finding(void **state)
{
	(void)state;
	static const struct {
		const char *s, *needle;
		ptrdiff_t at;
	} cases[] = {
	    {"", "", 0},   {"abc", "", 0},   {"abc", "c", 2},         {"abc", "abc", 0}, {"abc", "abcd", -1},
	    {"", "a", -1}, {"aab", "ab", 1}, {"abababc", "ababc", 2}, {"aaaa", "b", -1}, {"abcab", "abd", -1},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (slice_find(slice_of(cases[i].s), slice_of(cases[i].needle)) != cases[i].at)
			fail_msg("\"%s\" in \"%s\"", cases[i].needle, cases[i].s);
	assert_int_equal(slice_find_char(SLICE("abcb"), 'b'), 1);
	assert_int_equal(slice_find_char(SLICE("abc"), 'x'), -1);
	assert_int_equal(slice_find_char(SLICE_NONE, 'x'), -1);
	assert_true(slice_eq(slice_sub(SLICE("abcd"), 1, 3), SLICE("bc")));
	assert_true(slice_eq(slice_sub(SLICE("abcd"), 2, 99), SLICE("cd")));
	assert_int_equal(slice_sub(SLICE("abcd"), 9, 99).n, 0);
	assert_int_equal(slice_sub(SLICE("abcd"), 3, 1).n, 0);
	assert_int_equal(slice_sub(SLICE_NONE, 0, 1).n, 0);
	assert_true(slice_eq(slice_trim(SLICE(" \t\r\na b\n ")), SLICE("a b")));
	assert_int_equal(slice_trim(SLICE(" \r\n\t")).n, 0);
	assert_int_equal(slice_trim(SLICE_NONE).n, 0);
}

static void splitting(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t n;
		const char *parts[4];
	} cases[] = {
	    {"", 1, {""}},          {"a", 1, {"a"}},
	    {"a,b", 2, {"a", "b"}}, {"a,b,", 3, {"a", "b", ""}},
	    {",", 2, {"", ""}},     {",,x", 3, {"", "", "x"}},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		slice rest = slice_of(cases[i].text), part;
		size_t n = 0;
		while (slice_split(&rest, ',', &part)) {
			assert_true(n < cases[i].n);
			assert_true(slice_eq(part, slice_of(cases[i].parts[n++])));
		}
		assert_int_equal(n, cases[i].n);
		assert_null(rest.p);
	}
}

static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool fine;
		long long value;
	} cases[] = {
	    {"0", true, 0},
	    {"-0", true, 0},
	    {"42", true, 42},
	    {"-42", true, -42},
	    {"007", true, 7},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"-9223372036854775809", false, 0},
	    {"99999999999999999999", false, 0},
	    {"", false, 0},
	    {"-", false, 0},
	    {"+1", false, 0},
	    {" 1", false, 0},
	    {"1 ", false, 0},
	    {"1.0", false, 0},
	    {"0x1", false, 0},
	    {"--1", false, 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		long long got = 0;
		bool fine = slice_to_i64(slice_of(cases[i].text), &got);
		if (fine != cases[i].fine || (fine && got != cases[i].value))
			fail_msg("\"%s\": %d, %lld", cases[i].text, fine, got);
	}
}

static void patterns(void **state)
{
	(void)state;
	static const struct {
		const char *text, *pattern;
		bool match;
	} cases[] = {
	    {"", "", true},
	    {"", "*", true},
	    {"", "?", false},
	    {"a", "", false},
	    {"a", "?", true},
	    {"ab", "?", false},
	    {"gpt-5", "gpt-*", true},
	    {"gpt-", "gpt-*", true},
	    {"xgpt-5", "gpt-*", false},
	    {"o3", "o*", true},
	    {"abc", "a*c", true},
	    {"ac", "a*c", true},
	    {"abcd", "a*c", false},
	    {"abcbc", "a*bc", true},
	    {"aXbXc", "a*X?", true},
	    {"mississippi", "m*si*pi", true},
	    {"mississippi", "m*sx*pi", false},
	    {"a*c", "a*c", true},
	    {"abc", "***", true},
	    {"abc", "*b*", true},
	    {"abc", "*d*", false},
	    {"abc", "???", true},
	    {"abc", "??", false},
	    {"abc", "a?c*", true},
	    {"A", "a", false},
	    {"[a]", "[a]", true},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (slice_glob(slice_of(cases[i].text), slice_of(cases[i].pattern)) != cases[i].match)
			fail_msg("\"%s\" against \"%s\"", cases[i].text, cases[i].pattern);
	char text[4001], pattern[401]; /* would take ages if '*' were tried in every combination */
	memset(text, 'a', sizeof text);
	for (size_t i = 0; i < sizeof pattern - 1; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[sizeof pattern - 1] = 'b';
	assert_false(slice_glob(slice_make(text, sizeof text), slice_make(pattern, sizeof pattern)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comparing), cmocka_unit_test(finding),  cmocka_unit_test(splitting),
	    cmocka_unit_test(numbers),   cmocka_unit_test(patterns),
	};
	return cmocka_run_group_tests_name("base/slice", tests, NULL, NULL);
}
