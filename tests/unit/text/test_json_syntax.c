/* What is JSON and what is not (RFC 8259), what is said of it and where; texts cut anywhere. */
#include "unit/unit.h"

#include "exact.h"

#include "text/json.h"

/* The error, or NULL; every text is read in a block of exactly its size. */
static const char *error_of(slice text, size_t *at)
{
	struct exact e = exact_copy(text);
	const char *error = json_validate(e.s, at);
	exact_free(&e);
	return error;
}

#define T(lit) SLICE(lit)

static const slice yes[] = {
    /* one value of each kind, alone */
    T("null"),
    T("true"),
    T("false"),
    T("0"),
    T("\"\""),
    T("[]"),
    T("{}"),
    T("-0"),
    T("\"a\""),
    T(" [] "),
    T("\t\n\r [\t\n\r ]\t\n\r "),
    /* arrays and objects */
    T("[1]"),
    T("[1,2]"),
    T("[ 1 , 2 ]"),
    T("[[]]"),
    T("[[],[[]],{}]"),
    T("[null,1,\"1\",{}]"),
    T("[\"\"]"),
    T("[1\n]"),
    T("{\"a\":1}"),
    T("{ \"a\" : 1 }"),
    T("{\"\":0}"),
    T("{\"a\":[],\"b\":{}}"),
    T("{\"a\":{\"a\":{\"a\":{}}}}"),
    T("{\"a\":1,\"a\":2}"),
    T("{\"a\":1,\"a\":1}"),
    T("{\"\\u0000\":0}"),
    T("{\n\"a\"\n:\n1\n,\n\"b\"\n:\n2\n}"),
    /* numbers */
    T("[123]"),
    T("[-1]"),
    T("[0.5]"),
    T("[-0.5]"),
    T("[1e1]"),
    T("[1E1]"),
    T("[1e+1]"),
    T("[1e-1]"),
    T("[0e1]"),
    T("[0e+1]"),
    T("[0.0]"),
    T("[1.5e10]"),
    T("[123.456e78]"),
    T("[1E+2]"),
    T("[1E-2]"),
    T("[20e1]"),
    T("[1e00]"),
    T("[0.00000000000000000000000000000000000000000000000000000000000000000000000000001]"),
    T("[1e99999]"),
    T("[123456789012345678901234567890]"),
    T("[-0.0]"),
    T("[100]"),
    T("[0,1]"),
    T("-1.0e-0"),
    /* strings */
    T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    T("\"\\u0060\\u012a\\u12AB\\uabcd\\uABCD\\uefEF\""),
    T("\"/\""),
    T("\"\\\\u12\""),
    T("\"\x7f\""),
    T("\"'\""),
    T("\"\\u0000\""),
    T("\"\\\\\""),
    T("\"\\\\\\\"\""),
    T("\"a\\\\\\\\\""),
    T("\"\\ud83d\\ude00\""),
    T("\"\\ud800\""),
    T("\"\\udc00\""),
    T("\"\\ud800\\ud800\""),
    T("\"\\udc00\\ud800\""),
    T("\"\\uD800\\n\""),
    T("\"\\uFFFF\""),
    T("\"\\u2028\\u2029\""),
    T("\"\xc2\x80\""),
    T("\"\xdf\xbf\""),
    T("\"\xe0\xa0\x80\""),
    T("\"\xed\x9f\xbf\""),
    T("\"\xee\x80\x80\""),
    T("\"\xef\xbf\xbf\""),
    T("\"\xf0\x90\x80\x80\""),
    T("\"\xf4\x8f\xbf\xbf\""),
    T("\"\xe2\x80\xa8\""),
    T("\"\xf0\x9f\x98\x80 \xe4\xb8\xad\xe6\x96\x87 \xc3\xa9\""),
    T("{\"\xc3\xa9\":\"\xc3\xa9\"}"),
};

static void accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++) {
		size_t at = 0;
		const char *error = error_of(yes[i], &at);
		if (error)
			fail_msg(SLICE_FMT ": %s at %zu", SLICE_ARG(yes[i]), error, at);
	}
}

struct no {
	slice text;
	size_t at;         /* the byte at fault */
	const char *about; /* part of the sentence; NULL any */
};

#define EARLY   "ends too early"
#define INSIDE  "ends inside a string"
#define MISSING "missing or malformed"
#define UTF8    "not valid UTF-8"

static const struct no no[] = {
    /* cut, empty, or more than one value */
    {T(""), 0, EARLY},
    {T(" "), 1, EARLY},
    {T("["), 1, EARLY},
    {T("{"), 1, EARLY},
    {T("[1"), 2, EARLY},
    {T("[1,"), 3, EARLY},
    {T("{\"a\""), 4, EARLY},
    {T("{\"a\":"), 5, EARLY},
    {T("{\"a\":1"), 6, EARLY},
    {T("{\"a\":1,"), 7, EARLY},
    {T("{\"a"), 3, INSIDE},
    {T("\""), 1, INSIDE},
    {T("\"\\"), 2, INSIDE},
    {T("\"\\u"), 3, INSIDE},
    {T("\"\\u00"), 5, INSIDE},
    {T("\"\\\""), 3, INSIDE},
    {T("[\"a"), 3, INSIDE},
    {T("tru"), 3, EARLY},
    {T("n"), 1, EARLY},
    {T("[fals"), 5, EARLY},
    {T("-"), 1, EARLY},
    {T("1."), 2, EARLY},
    {T("1e"), 2, EARLY},
    {T("1e+"), 3, EARLY},
    {T("1 2"), 2, "follows the end"},
    {T("[]]"), 2, "follows the end"},
    {T("{}x"), 2, "follows the end"},
    {T("\"\"\"\""), 2, "follows the end"},
    {T("null\f"), 4, "follows the end"},
    {T("[]\0"), 2, "follows the end"},
    /* commas, colons, brackets */
    {T("[1,]"), 3, "nothing follows"},
    {T("[,1]"), 1, MISSING},
    {T("[1,,2]"), 3, MISSING},
    {T("[1 2]"), 3, "comma or ]"},
    {T("[1;2]"), 2, "comma or ]"},
    {T("[1}"), 2, "comma or ]"},
    {T("[}"), 1, MISSING},
    {T("{]"), 1, "key in quotes"},
    {T("{\"a\":1]"), 6, "comma or }"},
    {T("{\"a\":1,}"), 7, "nothing follows"},
    {T("{,}"), 1, "key in quotes"},
    {T("{a:1}"), 1, "key in quotes"},
    {T("{'a':1}"), 1, "key in quotes"},
    {T("{1:1}"), 1, "key in quotes"},
    {T("{\"a\" 1}"), 5, "colon"},
    {T("{\"a\"}"), 4, "colon"},
    {T("{\"a\"::1}"), 5, MISSING},
    {T("{\"a\":}"), 5, MISSING},
    {T("{\"a\":1 \"b\":2}"), 7, "comma or }"},
    {T("{\"a\":1,,\"b\":2}"), 7, "key in quotes"},
    {T("{\"a\",1}"), 4, "colon"},
    {T("]"), 0, MISSING},
    {T("}"), 0, MISSING},
    {T(","), 0, MISSING},
    {T(":"), 0, MISSING},
    {T("[\"a\":1]"), 4, "comma or ]"},
    {T("{\"a\":1,\"b\"}"), 10, "colon"},
    {T("{null:1}"), 1, "key in quotes"},
    {T("[][]"), 2, "follows the end"},
    /* words */
    {T("True"), 0, MISSING},
    {T("nul1"), 0, MISSING},
    {T("nulll"), 4, "follows"},
    {T("NaN"), 0, MISSING},
    {T("nan"), 0, MISSING},
    {T("Infinity"), 0, MISSING},
    {T("-Infinity"), 1, "digit"},
    {T("undefined"), 0, MISSING},
    {T("'a'"), 0, MISSING},
    {T("[truefalse]"), 5, "comma or ]"},
    {T("TRUE"), 0, MISSING},
    {T("fa1se"), 0, MISSING},
    /* numbers */
    {T("01"), 1, "needless zero"},
    {T("-01"), 2, "needless zero"},
    {T("00"), 1, "needless zero"},
    {T("+1"), 0, MISSING},
    {T(".5"), 0, MISSING},
    {T("-.5"), 1, "digit"},
    {T("[1.]"), 3, "digit"},
    {T("1.e1"), 2, "digit"},
    {T("[1e]"), 3, "digit"},
    {T("[1e+]"), 4, "digit"},
    {T("1e1.5"), 3, "follows"},
    {T("0x10"), 1, "follows"},
    {T("[--1]"), 2, "digit"},
    {T("1_000"), 1, "follows"},
    {T("[-]"), 2, "digit"},
    {T("[1-2]"), 2, "comma"},
    {T("[1.2.3]"), 4, "comma"},
    {T("[1eE2]"), 3, "digit"},
    {T("[- 1]"), 2, "digit"},
    {T("[1 .5]"), 3, "comma"},
    {T("\xef\xbc\x91"), 0, MISSING},
    {T("[1a]"), 2, "comma"},
    {T("0.e1"), 2, "digit"},
    {T("[012]"), 2, "zero"},
    /* escapes */
    {T("\"\\a\""), 1, "escape"},
    {T("\"\\'\""), 1, "escape"},
    {T("\"\\0\""), 1, "escape"},
    {T("\"\\x41\""), 1, "escape"},
    {T("\"\\U0041\""), 1, "escape"},
    {T("\"\\ \""), 1, "escape"},
    {T("\"\\\n\""), 1, "escape"},
    {T("\"\\\xc3\xa9\""), 1, "escape"},
    {T("\"\\\0\""), 1, "escape"},
    {T("\"\\u\""), 1, "hexadecimal"},
    {T("\"\\u1\""), 1, "hexadecimal"},
    {T("\"\\u12\""), 1, "hexadecimal"},
    {T("\"\\u123\""), 1, "hexadecimal"},
    {T("\"\\u123g\""), 1, "hexadecimal"},
    {T("\"\\u-123\""), 1, "hexadecimal"},
    {T("\"\\u 123\""), 1, "hexadecimal"},
    {T("\"\\u123:\""), 1, "hexadecimal"},
    {T("\"\\u123@\""), 1, "hexadecimal"},
    {T("\"\\u123`\""), 1, "hexadecimal"},
    {T("\"\\u123/\""), 1, "hexadecimal"},
    {T("\"\\\\\\\""), 5, INSIDE},
    {T("\"\\ud800\\u\""), 7, "hexadecimal"},
    /* control characters */
    {T("\"\n\""), 1, "control"},
    {T("\"\t\""), 1, "control"},
    {T("\"\0\""), 1, "control"},
    {T("\"\x1f\""), 1, "control"},
    {T("\"a\rb\""), 2, "control"},
    {T("{\"\n\":1}"), 2, "control"},
    /* white space that is not */
    {T("\f[]"), 0, MISSING},
    {T("\v1"), 0, MISSING},
    {T("\xc2\xa0[]"), 0, MISSING},
    {T("\xef\xbb\xbf{}"), 0, MISSING},
    {T("[1,\0]"), 3, MISSING},
    {T("[\f1]"), 1, MISSING},
    {T("/**/1"), 0, MISSING},
    {T("1//"), 1, "follows"},
    {T("[1,#\n2]"), 3, MISSING},
    /* UTF-8: stray and missing continuations, overlong forms, surrogates, too large */
    {T("\"\x80\""), 1, UTF8},
    {T("\"\xbf\""), 1, UTF8},
    {T("\"\xc2\""), 1, UTF8},
    {T("\"\xc3(\""), 1, UTF8},
    {T("\"\xc0\xaf\""), 1, UTF8},
    {T("\"\xc1\xbf\""), 1, UTF8},
    {T("\"\xe0\x80\xaf\""), 1, UTF8},
    {T("\"\xe0\x9f\xbf\""), 1, UTF8},
    {T("\"\xed\xa0\x80\""), 1, UTF8},
    {T("\"\xed\xbf\xbf\""), 1, UTF8},
    {T("\"\xe4\xb8\""), 1, UTF8},
    {T("\"\xe4\""), 1, UTF8},
    {T("\"\xf0\x80\x80\xaf\""), 1, UTF8},
    {T("\"\xf0\x8f\xbf\xbf\""), 1, UTF8},
    {T("\"\xf4\x90\x80\x80\""), 1, UTF8},
    {T("\"\xf5\x80\x80\x80\""), 1, UTF8},
    {T("\"\xf0\x9f\x98\""), 1, UTF8},
    {T("\"\xff\""), 1, UTF8},
    {T("\"\xfe\""), 1, UTF8},
    {T("\"\xc3\xa9\xa9\""), 3, UTF8},
    {T("\"\xf8\x88\x80\x80\x80\""), 1, UTF8},
    {T("\"\xe4\xb8\xad\x80\""), 4, UTF8},
    {T("{\"\xff\":1}"), 2, UTF8},
    {T("\xff"), 0, MISSING},
    {T("\"\xe4\xb8\\n\""), 1, UTF8},
    {T("\"\xc3\\u00e9\""), 1, UTF8},
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(no); i++) {
		size_t at = 999;
		const char *error = error_of(no[i].text, &at);
		if (!error)
			fail_msg("accepted: " SLICE_FMT, SLICE_ARG(no[i].text));
		else if (at != no[i].at || !strstr(error, no[i].about))
			fail_msg(SLICE_FMT ": %s at %zu", SLICE_ARG(no[i].text), error, at);
	}
}

/* The same faults behind many plain bytes, so that every way of scanning meets them at every place of its
 * blocks. */
static void refuses_behind_padding(void **state)
{
	(void)state;
	char text[256];
	for (size_t i = 0; i < COUNT(no); i++) {
		slice t = no[i].text;
		bool in_string = t.n > 2 && t.p[0] == '"' && no[i].at > 0 && no[i].at < t.n;
		for (size_t pad = 0; in_string && pad < 140; pad++) {
			memset(text, 'x', sizeof text);
			text[0] = '"';
			memcpy(text + 1 + pad, t.p + 1, t.n - 1);
			size_t at = 999;
			const char *error = error_of(slice_make(text, t.n + pad), &at);
			if (!error || at != no[i].at + pad)
				fail_msg(SLICE_FMT " behind %zu: %s at %zu", SLICE_ARG(t), pad,
				         error ? error : "accepted", at);
		}
	}
}

static void caps_depth(void **state)
{
	(void)state;
	char text[2 * (JSON_MAX_DEPTH + 1)];
	for (size_t n = JSON_MAX_DEPTH - 1; n <= JSON_MAX_DEPTH + 1; n++) {
		memset(text, '[', n);
		memset(text + n, ']', n);
		size_t at = 0;
		const char *error = error_of(slice_make(text, 2 * n), &at);
		assert_true((error != NULL) == (n > JSON_MAX_DEPTH));
		if (error) {
			assert_non_null(strstr(error, "inside one another"));
			assert_int_equal(at, JSON_MAX_DEPTH);
		}
	}
	/* Width is not depth. */
	char wide[4 * 1000 + 1];
	for (size_t i = 0; i < 1000; i++)
		memcpy(wide + 4 * i, i ? ",[0]" : "[[0]", 4);
	wide[sizeof wide - 1] = ']';
	size_t at = 0;
	assert_null(error_of(slice_make(wide, sizeof wide), &at));
}

static const slice samples[] = {
    T(" {\"model\":\"claude-opus-4-5\",\"max_tokens\":32000,\"stream\":true,\"temperature\":-1.5e-3,\"stop\":"
      "null,"
      "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"one\\n\\ttwo "
      "\\\"three\\\" \\\\ \\u00e9 "
      "\\ud83d\\ude00 \xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80 and enough plain text to fill more "
      "than one block of "
      "the scanner, whichever it is\"}]}],\"empty\":{},\"none\":[],\"no\":false} "),
    T("[[[[[[[[1,2],3],4],5],6],7],8],9]"),
    T("\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0"
      "\x9f\x98\x80"
      "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0"
      "\x9f\x98\x80"
      "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\""),
    T("\"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"
      "\\\\\\\\\\\\\\\\\\\\\\\\\\\\"
      "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"
      "\\\\\\\\\\\\\\\\\\\\\\\""),
};

static void refuses_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		size_t at = 0, whole = slice_trim(samples[i]).n + (samples[i].p[0] == ' ');
		assert_null(error_of(samples[i], &at));
		for (size_t n = 0; n < whole; n++) {
			const char *error = error_of(slice_sub(samples[i], 0, n), &at);
			if (!error || at > n)
				fail_msg("sample %zu cut at %zu: %s at %zu", i, n, error ? error : "accepted",
				         at);
		}
	}
}

/* Any byte put in any place: never a read out of bounds, and a fault, when there is one, lies within the
 * text. */
static void survives_any_byte_anywhere(void **state)
{
	(void)state;
	struct exact e = exact_copy(samples[0]);
	char *text = e.block + 1;
	for (size_t i = 0; i < e.s.n; i++)
		for (int c = 0; c < 256; c++) {
			char was = text[i];
			size_t at = 0;
			text[i] = (char)c;
			if (json_validate(e.s, &at))
				assert_true(at <= e.s.n);
			text[i] = was;
		}
	exact_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accepts),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(refuses_behind_padding),
	    cmocka_unit_test(caps_depth),
	    cmocka_unit_test(refuses_every_cut),
	    cmocka_unit_test(survives_any_byte_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
