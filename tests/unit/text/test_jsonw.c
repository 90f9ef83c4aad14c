/* The writer: what it writes, what it makes of bytes that are not text, caps and misuse. */
#include "unit/unit.h"

#include "base/buf.h"
#include "text/json.h"
#include "text/jsonw.h"

static void writes(void **state)
{
	(void)state;
	struct buf b;
	struct jsonw w;
	json_str str = {SLICE("a\\n\\u00e9"), true};
	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("model"), SLICE("m\"1\""));
	jsonw_put_string(&w, SLICE("unknown"), SLICE_NONE);
	jsonw_put_string(&w, SLICE("empty"), SLICE(""));
	jsonw_put_i64(&w, SLICE("min"), INT64_MIN);
	jsonw_put_i64(&w, SLICE("max"), INT64_MAX);
	jsonw_put_bool(&w, SLICE("yes"), true);
	jsonw_put_bool(&w, SLICE("no"), false);
	jsonw_put_null(&w, SLICE("null"));
	jsonw_put_raw(&w, SLICE("raw"), SLICE("{\"a\": 1}"));
	jsonw_key(&w, SLICE("list"));
	jsonw_array(&w);
	jsonw_i64(&w, 0);
	jsonw_array(&w);
	jsonw_array_end(&w);
	jsonw_object(&w);
	jsonw_object_end(&w);
	jsonw_str(&w, &str);
	jsonw_null(&w);
	jsonw_bool(&w, true);
	jsonw_array_end(&w);
	jsonw_key(&w, SLICE("k\n"));
	jsonw_string(&w, SLICE("end"));
	jsonw_object_end(&w);
	assert_int_equal(jsonw_end(&w), 0);
	slice want =
	    SLICE("{\"model\":\"m\\\"1\\\"\",\"unknown\":null,\"empty\":\"\",\"min\":-9223372036854775808,"
	          "\"max\":9223372036854775807,\"yes\":true,\"no\":false,\"null\":null,\"raw\":{\"a\": 1},"
	          "\"list\":[0,[],{},\"a\\n\\u00e9\",null,true],\"k\\n\":\"end\"}");
	if (!slice_eq(buf_slice(&b), want))
		fail_msg(SLICE_FMT, SLICE_ARG(buf_slice(&b)));
	buf_release(&b);
}

static slice written(struct buf *b, slice text)
{
	struct jsonw w;
	buf_clear(b);
	jsonw_init(&w, b);
	jsonw_string(&w, text);
	assert_int_equal(jsonw_end(&w), 0);
	return buf_slice(b);
}

static void escapes(void **state)
{
	(void)state;
	static const struct {
		slice text, want;
	} cases[] = {
	    {SLICE("\"\\/\b\f\n\r\t"), SLICE("\"\\\"\\\\/\\b\\f\\n\\r\\t\"")},
	    {SLICE("\0\x01\x1f\x7f"), SLICE("\"\\u0000\\u0001\\u001f\x7f\"")},
	    {SLICE("\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80"),
	     SLICE("\"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\"")},
	    {SLICE("a\xffz"), SLICE("\"a\xef\xbf\xbdz\"")},
	    {SLICE("\xc3"), SLICE("\"\xef\xbf\xbd\"")},
	    {SLICE("\xed\xa0\x80"), SLICE("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"")},
	    {SLICE("\xc0\xaf\""), SLICE("\"\xef\xbf\xbd\xef\xbf\xbd\\\"\"")},
	    {SLICE("\xf0\x9f\x98x"), SLICE("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"")},
	};
	struct buf b;
	buf_init(&b, 4096);
	for (size_t i = 0; i < COUNT(cases); i++)
		if (!slice_eq(written(&b, cases[i].text), cases[i].want))
			fail_msg("case %zu: " SLICE_FMT, i, SLICE_ARG(buf_slice(&b)));
	buf_release(&b);
}

/* Whatever the bytes: what is written is JSON, and reads back as the same bytes when they were UTF-8. */
static void reads_back(void **state)
{
	(void)state;
	static const char *const pieces[] = {
	    "a", "\n", "\"", "\\", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\x01", "bc", "\xff"};
	uint64_t x = 7;
	struct buf b;
	buf_init(&b, 65536);
	for (int round = 0; round < 5000; round++) {
		char text[200], out[1400];
		size_t n = 0, at = 0, kinds = COUNT(pieces) - (round % 2);
		for (int i = 0; i < round % 40; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			const char *piece = pieces[(x >> 33) % kinds];
			memcpy(text + n, piece, strlen(piece));
			n += strlen(piece);
		}
		slice s = written(&b, slice_make(text, n));
		assert_null(json_validate(s, &at));
		struct json j;
		json_str str;
		json_init(&j, s);
		assert_true(json_string(&j, &str));
		if (round % 2) {
			assert_int_equal(json_unescape(&str, out, sizeof out), n);
			assert_memory_equal(out, text, n);
		}
	}
	buf_release(&b);
}

/* A cap anywhere: an error, never more than the cap. */
static void respects_the_cap(void **state)
{
	(void)state;
	slice whole = SLICE("{\"a\":[1,\"b\\n\"]}");
	for (size_t max = 0; max <= whole.n; max++) {
		struct buf b;
		struct jsonw w;
		buf_init(&b, max);
		jsonw_init(&w, &b);
		jsonw_object(&w);
		jsonw_key(&w, SLICE("a"));
		jsonw_array(&w);
		jsonw_i64(&w, 1);
		jsonw_string(&w, SLICE("b\n"));
		jsonw_array_end(&w);
		jsonw_object_end(&w);
		assert_int_equal(jsonw_end(&w), max < whole.n ? ERR_FULL : 0);
		assert_true(buf_slice(&b).n <= max);
		assert_true(slice_starts(whole, buf_slice(&b)));
		buf_release(&b);
	}
}

/* o and a open an object and an array, O and A close them, k is a key, v a value. */
static int play(const char *calls)
{
	struct buf b;
	struct jsonw w;
	buf_init(&b, 65536);
	jsonw_init(&w, &b);
	for (; *calls; calls++)
		switch (*calls) {
		case 'o':
			jsonw_object(&w);
			break;
		case 'O':
			jsonw_object_end(&w);
			break;
		case 'a':
			jsonw_array(&w);
			break;
		case 'A':
			jsonw_array_end(&w);
			break;
		case 'k':
			jsonw_key(&w, SLICE("k"));
			break;
		default:
			jsonw_null(&w);
		}
	int error = jsonw_end(&w);
	size_t at = 0;
	if (!error)
		assert_null(json_validate(buf_slice(&b), &at));
	buf_release(&b);
	return error;
}

static void finds_misuse(void **state)
{
	(void)state;
	static const char *const good[] = {"v",    "oO",     "aA",    "okvO",   "okvkvO",
	                                   "avvA", "aoOaAA", "okaAO", "okoOkvO"};
	static const char *const bad[] = {"",    "vv",    "o",    "a", "O",  "A",   "oA",  "aO",   "ovO",
	                                  "okO", "okkvO", "akvA", "k", "kv", "oOv", "aAA", "okvvO"};
	for (size_t i = 0; i < COUNT(good); i++)
		if (play(good[i]) != 0)
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (play(bad[i]) != ERR_INVALID)
			fail_msg("%s", bad[i]);
	char deep[2 * (JSONW_MAX_DEPTH + 1) + 1] = {0};
	for (size_t n = JSONW_MAX_DEPTH; n <= JSONW_MAX_DEPTH + 1; n++) {
		memset(deep, 'a', n);
		memset(deep + n, 'A', n);
		assert_int_equal(play(deep), n > JSONW_MAX_DEPTH ? ERR_INVALID : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes),           cmocka_unit_test(escapes),      cmocka_unit_test(reads_back),
	    cmocka_unit_test(respects_the_cap), cmocka_unit_test(finds_misuse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
