/* Counting what passes: however a text is cut, the count is that of the whole. */
#include "unit/unit.h"

#include <stdlib.h>

#include "model/count.h"

static struct bpe_scratch scratch;
static char all[1 << 16], again[1 << 16];

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static slice sentences(void)
{
	FILE *f = fopen("tests/wire/bpe/sentences.txt", "rb");
	assert_non_null(f);
	size_t n = fread(all, 1, sizeof all / 2, f);
	fclose(f);
	f = fopen("src/model/count.c", "rb");
	assert_non_null(f);
	n += fread(all + n, 1, sizeof all / 2, f);
	fclose(f);
	return slice_make(all, n);
}

static void cuts_do_not_show(void **state)
{
	(void)state;
	slice text = sentences();
	uint64_t x = 11;
	for (size_t i = 0; i < 60; i++) {
		const struct bpe *b = i % 2 ? bpe_cl100k_base() : bpe_o200k_base();
		size_t most = 1 + i * i, end = i < 2 ? text.n : next_random(&x) % text.n, at = 0;
		struct token_count c;
		token_count_init(&c, b);
		while (at < end) {
			size_t n = 1 + next_random(&x) % most;
			slice piece = slice_sub(text, at, at + n < end ? at + n : end);
			token_count_add(&c, &scratch, COUNT_THINKING, piece);
			at += piece.n;
		}
		int64_t whole = (int64_t)bpe_count(b, &scratch, slice_sub(text, 0, end), BPE_ORDINARY);
		assert_int_equal(token_count_of(&c, &scratch, COUNT_THINKING), whole);
		assert_int_equal(token_count_of(&c, &scratch, COUNT_TEXT), 0);
		assert_int_equal(token_count_all(&c, &scratch), whole);
	}
}

static const struct {
	const char *raw; /* of a JSON string */
	slice text;
} escapes[] = {
    {"plain", SLICE("plain")},
    {"a\\nb\\t\\\"c\\\"\\\\ \\/", SLICE("a\nb\t\"c\"\\ /")},
    {"\\u00e9t\\u00E9", SLICE("\xc3\xa9t\xc3\xa9")},
    {"\\ud83d\\ude80 \\uD83D\\uDE80", SLICE("\xf0\x9f\x9a\x80 \xf0\x9f\x9a\x80")},
    {"\\ud83d", SLICE("\xef\xbf\xbd")},
    {"\\ud83dx", SLICE("\xef\xbf\xbdx")},
    {"\\ud7ff\\uffff", SLICE("\xed\x9f\xbf\xef\xbf\xbf")},
    {"\\\\", SLICE("\\")},
    {"", SLICE("")},
};

static void json_strings_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(escapes); i++) {
		struct token_count c;
		json_str s = {slice_of(escapes[i].raw), strchr(escapes[i].raw, '\\') != NULL};
		token_count_init(&c, bpe_o200k_base());
		token_count_add_json(&c, &scratch, COUNT_TEXT, &s);
		if (!slice_eq(slice_make(c.tail[COUNT_TEXT].bytes, c.tail[COUNT_TEXT].n), escapes[i].text))
			fail_msg("%s is read as %.*s", escapes[i].raw, (int)c.tail[COUNT_TEXT].n,
			         c.tail[COUNT_TEXT].bytes);
	}
}

static void texts_are_apart(void **state)
{
	(void)state;
	struct token_count c;
	token_count_init(&c, bpe_o200k_base());
	token_count_add(&c, &scratch, COUNT_TOOL_ARGUMENTS, SLICE("{\"a\":1"));
	token_count_add(&c, &scratch, COUNT_TEXT, SLICE("Hello, wor"));
	token_count_add(&c, &scratch, COUNT_TOOL_ARGUMENTS, SLICE("}"));
	token_count_add(&c, &scratch, COUNT_TEXT, SLICE("ld!"));
	assert_int_equal(token_count_of(&c, &scratch, COUNT_TEXT), 4);
	assert_int_equal(token_count_of(&c, &scratch, COUNT_TOOL_ARGUMENTS),
	                 bpe_count(bpe_o200k_base(), &scratch, SLICE("{\"a\":1}"), BPE_ORDINARY));
	/* one more of the same kind does not go on where the one before it ended */
	token_count_break(&c, &scratch, COUNT_TEXT);
	token_count_add(&c, &scratch, COUNT_TEXT, SLICE("!"));
	assert_int_equal(token_count_of(&c, &scratch, COUNT_TEXT), 5);
}

/* A word without end: memory stays what it is, and the count is near. */
static void long_words_are_near(void **state)
{
	(void)state;
	struct token_count c;
	uint64_t x = 23;
	for (size_t i = 0; i < sizeof again; i++)
		again[i] = (char)('a' + next_random(&x) % 26);
	token_count_init(&c, bpe_o200k_base());
	for (size_t at = 0; at < sizeof again; at += 7)
		token_count_add(&c, &scratch, COUNT_TEXT,
		                slice_sub(slice_make(again, sizeof again), at, at + 7));
	int64_t whole =
	    (int64_t)bpe_count(bpe_o200k_base(), &scratch, slice_make(again, sizeof again), BPE_ORDINARY);
	int64_t off = token_count_all(&c, &scratch) - whole;
	assert_true(off >= 0 && off * 100 <= whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cuts_do_not_show),
	    cmocka_unit_test(json_strings_are_read),
	    cmocka_unit_test(texts_are_apart),
	    cmocka_unit_test(long_words_are_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
