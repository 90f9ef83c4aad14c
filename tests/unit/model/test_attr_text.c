/* Attribution's texts: cleaning, cutting, tags. */
#include "unit/unit.h"

#include "model/attr_text.h"
#include "text/json.h"

static void cleaning(void **state)
{
	(void)state;
	static const struct {
		slice in;
		const char *out;
	} cases[] = {
	    {SLICE(""), ""},
	    {SLICE("plain"), "plain"},
	    {SLICE("  two  words \t\r\n"), "two  words"},
	    {SLICE("\x01 \x7F\x1B"), ""},
	    {SLICE("a\nb\0c\x1B[31md"), "abc[31md"},
	    {SLICE("a\xC2\x9B\x62"), "ab"}, /* C1 controls */
	    {SLICE(" \x01 a \x02 "), "a"},
	    {SLICE("\xC3\xA4\xF0\x9F\x98\x80"), "\xC3\xA4\xF0\x9F\x98\x80"},
	    {SLICE("\x80x\xE2\x82"), "\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD"},
	};
	struct arena mem;
	arena_init(&mem, 1 << 16);
	for (size_t i = 0; i < COUNT(cases); i++) {
		slice got = attr_clean(cases[i].in, &mem);
		if (!slice_eq(got, slice_of(cases[i].out)))
			fail_msg("case %zu: \"" SLICE_FMT "\"", i, SLICE_ARG(got));
	}
	char text[2 * ATTR_TEXT_MAX];
	memset(text, 'x', sizeof text);
	assert_int_equal(attr_clean(slice_make(text, sizeof text), &mem).n, ATTR_TEXT_MAX);
	memcpy(text + ATTR_TEXT_MAX - 1, "\xE2\x82\xAC", 3);
	assert_int_equal(attr_clean(slice_make(text, sizeof text), &mem).n, ATTR_TEXT_MAX - 1);
	arena_release(&mem);
	arena_init(&mem, 0);
	assert_int_equal(attr_clean(SLICE("x"), &mem).n, 0);
	arena_release(&mem);
}

static void tags(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		bool fine;
		const char *out;
	} cases[] = {
	    {"a=1,b=2", true, "{\"a\":\"1\",\"b\":\"2\"}"},
	    {" a = 1 , b=2 ,", true, "{\"a\":\"1\",\"b\":\"2\"}"},
	    {"a=", true, "{\"a\":\"\"}"},
	    {"a=b=c", true, "{\"a\":\"b=c\"}"},
	    {"a=1,a=2", true, "{\"a\":\"1\"}"},
	    {"q\"=b\\,c=\"", true, "{\"q\\\"\":\"b\\\\\",\"c\":\"\\\"\"}"},
	    {"q\"=1,q\"=2", true, "{\"q\\\"\":\"1\"}"},
	    {"a=x\ny", true, "{\"a\":\"xy\"}"},
	    {"", true, ""},
	    {",,", true, ""},
	    {"=1", true, ""},
	    {"alone,b=2", false, "{\"b\":\"2\"}"},
	    {"{\"a\":\"1\",\"b\":\"x\\u00e4\\n\"}", true, "{\"a\":\"1\",\"b\":\"x\xC3\xA4\"}"},
	    {"{}", true, ""},
	    {"{\"a\":1,\"b\":\"2\"}", false, "{\"b\":\"2\"}"},
	    {"{\"a\":\"1\"", false, "{\"a\":\"1\"}"},
	    {"{\"a\":\"1\",\"b\":\"\x01\"}", false, "{\"a\":\"1\"}"},
	    {"{\"a\":\"1\"} x", false, "{\"a\":\"1\"}"},
	};
	struct arena mem;
	arena_init(&mem, 1 << 16);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attr_tags t;
		attr_tags_init(&t);
		bool fine = attr_tags_read(&t, slice_of(cases[i].in));
		slice got = attr_tags_json(&t, &mem);
		if (fine != cases[i].fine || !slice_eq(got, slice_of(cases[i].out)))
			fail_msg("%s: %d, " SLICE_FMT, cases[i].in, fine, SLICE_ARG(got));
	}
	arena_release(&mem);
}

/* Names and values of every length: always valid JSON within the cap. */
static void tags_that_do_not_fit(void **state)
{
	(void)state;
	static char text[600];
	struct arena mem;
	arena_init(&mem, 1 << 24);
	for (size_t fill = 0; fill < 2; fill++)
		for (size_t n = 1; n < 300; n++)
			for (size_t m = 0; m < 300; m += 1 + m / 8) {
				struct attr_tags t;
				memset(text, fill ? '"' : 'x', sizeof text);
				attr_tags_init(&t);
				attr_tags_add(&t, slice_make(text, n), slice_make(text, m));
				attr_tags_add(&t, SLICE("b"), slice_make(text, m));
				attr_tags_add(&t, SLICE("c"), SLICE("d"));
				slice got = attr_tags_json(&t, &mem);
				size_t at;
				assert_true(got.n <= ATTR_TEXT_MAX);
				if (got.n)
					assert_null(json_validate(got, &at));
				if (fill == 0 && n < 100 && m < 50)
					assert_true(slice_find(got, SLICE("\"c\":\"d\"")) > 0);
			}
	arena_release(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cleaning),
	    cmocka_unit_test(tags),
	    cmocka_unit_test(tags_that_do_not_fit),
	};
	return cmocka_run_group_tests_name("model/attr_text", tests, NULL, NULL);
}
