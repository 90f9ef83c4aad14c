/* Token ids: the same as OpenAI's tiktoken gives, on every recorded text; the same as plain merging gives, on
 * texts made up to be hard; special tokens; text in parts; bytes that are no text. */
#include "unit/unit.h"

#include <stdlib.h>

#include "bpe_plain.h"
#include "exact.h"

#include "text/bpe_split.h"
#include "text/json.h"
#include "text/uniclass.h"

enum { IDS_MAX = 400000 };

static struct bpe_scratch scratch;
static uint32_t ids[IDS_MAX];

/* --- recorded texts --------------------------------------------------------------------------------------
 */

struct tally {
	const char *file;
	size_t texts[2], tokens[2];
};

/* The ids of `text` against those at the reader. */
static void compare(struct json *j, const struct bpe *b, slice text, struct tally *t, size_t line)
{
	struct exact copy = exact_copy(text);
	size_t n = bpe_encode(b, &scratch, copy.s, BPE_ORDINARY, ids, IDS_MAX), i = 0;
	assert_int_equal(bpe_count(b, &scratch, copy.s, BPE_ORDINARY), n);
	assert_true(json_array(j));
	for (slice number; json_next(j) && json_number(j, &number); i++) {
		long long want;
		assert_true(slice_to_i64(number, &want));
		if (i >= n || ids[i] != want)
			fail_msg("%s:%zu: %s: token %zu is %lld, not %u", t->file, line, bpe_name(b), i, want,
			         i < n ? ids[i] : 0);
	}
	assert_int_equal(i, n);
	size_t k = b == bpe_cl100k_base();
	t->texts[k]++;
	t->tokens[k] += n;
	exact_free(&copy);
}

/* {"text": …, "ids": […]} of one encoding (only), or with the encodings' names for keys. */
static void compare_line(slice line, const struct bpe *only, struct tally *t, size_t number)
{
	static char text[1 << 20];
	struct json j;
	json_key key;
	json_str s;
	size_t n = 0;
	json_init(&j, line);
	assert_true(json_object(&j));
	while (json_next_key(&j, &key)) {
		const struct bpe *b = json_key_is(&key, SLICE("ids")) ? only : bpe_by_name(key.raw);
		if (json_key_is(&key, SLICE("text"))) {
			assert_true(json_string(&j, &s));
			n = json_unescape(&s, text, sizeof text);
			assert_true(n <= sizeof text);
		} else if (b && json_peek(&j) == JSON_ARRAY) {
			compare(&j, b, slice_make(text, n), t, number);
		} else {
			json_skip(&j, NULL);
		}
	}
	assert_true(json_end(&j));
}

static struct tally compare_file(const char *path, const struct bpe *only)
{
	struct tally t = {.file = path};
	char *line = NULL;
	size_t room = 0, number = 0;
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return t;
	for (ssize_t n; (n = getline(&line, &room, f)) > 0;)
		compare_line(slice_trim(slice_make(line, (size_t)n)), only, &t, ++number);
	free(line);
	fclose(f);
	for (size_t k = 0; k < 2; k++)
		if (t.texts[k])
			printf("  %-34s %-12s %5zu texts %7zu tokens, all equal\n", path,
			       bpe_name(k ? bpe_cl100k_base() : bpe_o200k_base()), t.texts[k], t.tokens[k]);
	return t;
}

static void the_ids_are_those_of_tiktoken(void **state)
{
	(void)state;
	struct tally t = compare_file("tests/wire/bpe/vectors.jsonl", NULL);
	assert_true(t.texts[0] > 500 && t.texts[1] == t.texts[0] && t.tokens[0] > 10000);
}

static void the_full_set_as_well(void **state)
{
	(void)state;
	const char *folder = getenv("WEIR_DATA");
	size_t at = 0;
	if (!folder || !folder[0])
		skip();
	for (const struct bpe *b; (b = bpe_each(&at)) != NULL;) {
		char path[512];
		snprintf(path, sizeof path, "%s/bpe/open/%s.jsonl", folder, bpe_name(b));
		struct tally t = compare_file(path, b);
		if (t.texts[0] + t.texts[1] == 0)
			printf("  %s is not there: the full set was not read\n", path);
	}
}

/* --- plain merging -----------------------------------------------------------------------------------------
 */

static void compare_plain(const struct bpe_plain *t, slice text)
{
	static uint32_t plain[8192];
	bpe_split *split = t->b == bpe_o200k_base() ? bpe_split_o200k : bpe_split_cl100k;
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n;
	size_t n = bpe_encode(t->b, &scratch, text, BPE_ORDINARY, ids, IDS_MAX), at = 0;
	for (const uint8_t *next; p < end; p = next) {
		next = split(p, end);
		assert_true(next > p && next <= end);
		size_t k = bpe_plain_piece(t, slice_make(p, (size_t)(next - p)), plain, COUNT(plain));
		assert_true(at + k <= n);
		assert_memory_equal(plain, ids + at, k * sizeof plain[0]);
		at += k;
	}
	assert_int_equal(at, n);
}

static void merging_gives_the_same(void **state)
{
	(void)state;
	static const char *const alphabets[] = {"ab",           "aA",
	                                        "=-",           "_.",
	                                        "  \n",         "abcdefghijklmnopqrstuvwxyz",
	                                        "\xe4\xb8\xad", "\xd0\xb0\xd0\xb1",
	                                        "\x80\xff",     "0aA =\n'"};
	uint64_t x = 7;
	size_t at = 0;
	for (const struct bpe *b; (b = bpe_each(&at)) != NULL;) {
		struct bpe_plain plain;
		bpe_plain_init(&plain, b);
		assert_true(plain.tokens > 100000);
		for (size_t i = 0; i < 400; i++) {
			char text[600];
			slice from = slice_of(alphabets[i % COUNT(alphabets)]);
			size_t n = next_random(&x) % (i % 8 ? 40 : sizeof text);
			for (size_t k = 0; k < n; k++)
				text[k] = from.p[next_random(&x) % from.n];
			compare_plain(&plain, slice_make(text, n));
		}
		bpe_plain_release(&plain);
	}
}

static void every_token_is_itself(void **state)
{
	(void)state;
	static const size_t ordinary[] = {199998, 100256};
	size_t at = 0;
	for (const struct bpe *b; (b = bpe_each(&at)) != NULL;) {
		bpe_split *split = at == 1 ? bpe_split_o200k : bpe_split_cl100k;
		uint32_t id = 0;
		for (slice s; (s = bpe_token_bytes(b, id)).n; id++) {
			const uint8_t *p = (const uint8_t *)s.p;
			size_t n = bpe_encode(b, &scratch, s, BPE_ORDINARY, ids, IDS_MAX);
			if (split(p, p + s.n) == p + s.n)
				assert_true(n == 1 && ids[0] == id);
		}
		assert_int_equal(id, ordinary[at - 1]);
	}
}

static void a_byte_alone_has_its_token(void **state)
{
	(void)state;
	size_t at = 0;
	for (const struct bpe *b; (b = bpe_each(&at)) != NULL;)
		for (int c = 0; c < 256; c++) {
			char byte = (char)c;
			assert_int_equal(bpe_encode(b, &scratch, slice_make(&byte, 1), BPE_ORDINARY, ids, 1),
			                 1);
			slice s = bpe_token_bytes(b, ids[0]);
			assert_true(s.n == 1 && s.p[0] == byte);
		}
}

/* Pieces longer than the window: what the tokens stand for is the text again. */
static void long_pieces_lose_nothing(void **state)
{
	(void)state;
	static char text[100000];
	static const char *const alphabets[] = {"a", " ",  "ab",  "abcdefghijklmnopqrstuvwxyz",
	                                        "=", "aB", "\x80"};
	uint64_t x = 99;
	for (size_t i = 0; i < 2 * COUNT(alphabets); i++) {
		const struct bpe *b = i % 2 ? bpe_o200k_base() : bpe_cl100k_base();
		slice from = slice_of(alphabets[i / 2]);
		for (size_t k = 0; k < sizeof text; k++)
			text[k] = from.p[next_random(&x) % from.n];
		size_t n = bpe_encode(b, &scratch, slice_make(text, sizeof text), BPE_ORDINARY, ids, IDS_MAX),
		       at = 0;
		for (size_t k = 0; k < n; k++) {
			slice s = bpe_token_bytes(b, ids[k]);
			assert_true(s.n && at + s.n <= sizeof text && !memcmp(text + at, s.p, s.n));
			at += s.n;
		}
		assert_int_equal(at, sizeof text);
	}
}

/* --- the rest ----------------------------------------------------------------------------------------------
 */

static const struct {
	const char *encoding;
	slice text;
	size_t ordinary, special; /* tokens, by tiktoken */
	uint32_t last;            /* id of the last one, special tokens read */
} specials[] = {
    {"o200k_base", SLICE("<|endoftext|>"), 7, 1, 199999},
    {"o200k_base", SLICE("<|endofprompt|>"), 7, 1, 200018},
    {"o200k_base", SLICE("a<|endoftext|><|endoftext|>"), 14, 3, 199999},
    {"o200k_base", SLICE("<<|endoftext|>"), 7, 2, 199999},
    {"o200k_base", SLICE("<|fim_prefix|>"), 6, 6, 29},
    {"o200k_base", SLICE("<|endoftext|"), 6, 6, 91},
    {"cl100k_base", SLICE("<|endoftext|>"), 7, 1, 100257},
    {"cl100k_base", SLICE("<|fim_prefix|>x<|fim_suffix|>y<|fim_middle|>"), 23, 5, 100259},
    {"cl100k_base", SLICE("<|endofprompt|>"), 7, 1, 100276},
};

static void special_tokens_on_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(specials); i++) {
		const struct bpe *b = bpe_by_name(slice_of(specials[i].encoding));
		slice text = specials[i].text;
		assert_int_equal(bpe_count(b, &scratch, text, BPE_ORDINARY), specials[i].ordinary);
		assert_int_equal(bpe_count(b, &scratch, text, BPE_SPECIAL), specials[i].special);
		size_t n = bpe_encode(b, &scratch, text, BPE_SPECIAL, ids, IDS_MAX);
		assert_int_equal(n, specials[i].special);
		assert_int_equal(ids[n - 1], specials[i].last);
		assert_true(slice_ends(text, bpe_token_bytes(b, ids[n - 1])));
	}
}

static void names_and_limits(void **state)
{
	(void)state;
	assert_null(bpe_by_name(SLICE("p50k_base")));
	assert_null(bpe_by_name(SLICE("o200k_bas")));
	assert_null(bpe_by_name(SLICE_NONE));
	assert_string_equal(bpe_name(bpe_by_name(SLICE("cl100k_base"))), "cl100k_base");
	assert_int_equal(bpe_token_bytes(bpe_o200k_base(), 199998).n, 0);
	assert_int_equal(bpe_token_bytes(bpe_o200k_base(), UINT32_MAX).n, 0);
	assert_int_equal(bpe_count(bpe_o200k_base(), &scratch, SLICE_NONE, BPE_SPECIAL), 0);
	uint32_t two[3] = {0, 0, 7};
	assert_int_equal(bpe_encode(bpe_o200k_base(), &scratch, SLICE("one two three"), 0, two, 2), 3);
	assert_true(two[0] && two[1] && two[2] == 7);
}

static const struct {
	slice text;
	size_t settled;
} parts[] = {
    {SLICE(""), 0},
    {SLICE("word"), 0},
    {SLICE("two words"), 3},
    {SLICE("two words "), 9},
    {SLICE("it'"), 0},
    {SLICE("it's so"), 4},
    {SLICE("a\n\n\n"), 1},
    {SLICE(" \n ..."), 0},
    {SLICE("123 4"), 3},
    {SLICE("1234"), 0},
    {SLICE("12ab"), 2},
    {SLICE("ab12"), 2},
    {SLICE("e\xcc\x81"), 0},                /* a mark may go on with the word */
    {SLICE("e\xcc"), 0},                    /* and so may half a character */
    {SLICE("\xe4\xb8\xad\xe3\x80\x82"), 3}, /* a full stop after it */
    {SLICE("\xe4\xb8\xad\xe3\x80"), 0},
};

static void text_in_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(parts); i++) {
		struct exact copy = exact_copy(parts[i].text);
		if (bpe_settled(copy.s) != parts[i].settled)
			fail_msg("part %zu: %zu, not %zu", i, bpe_settled(copy.s), parts[i].settled);
		exact_free(&copy);
	}
}

/* What the ids alone would not show: the first piece. */
static const struct {
	slice text;
	size_t o200k, cl100k; /* bytes */
} pieces[] = {
    {SLICE("\xe4\xb8\xad"
           "AB"),
     3, 5}, /* a caseless letter ends a word before capitals that no small letter follows */
    {SLICE("\xe4\xb8\xad"
           "ABc"),
     6, 6},
    {SLICE("\xcc\x81"
           "AB"),
     2, 4}, /* so does a mark; for cl100k it stands before the word */
    {SLICE("\xcc\x81\xcc\x81"), 4, 4},
    {SLICE("fooBar"), 3, 6},
    {SLICE("HTTPServer x"), 10, 10},
    {SLICE("don't"), 5, 3},
    {SLICE("'tis"), 4, 2},
    {SLICE("12345"), 3, 3},
    {SLICE(" 1"), 1, 1},
    {SLICE(" +/\n/ "), 5, 4},
    {SLICE("   x"), 2, 2},
    {SLICE(" \n \n  x"), 4, 4},
    {SLICE("  "), 2, 2},
    {SLICE("\t{"), 1, 1},
    {SLICE(" {"), 2, 2},
};

static void where_pieces_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct exact copy = exact_copy(pieces[i].text);
		const uint8_t *p = (const uint8_t *)copy.s.p;
		size_t o200k = (size_t)(bpe_split_o200k(p, p + copy.s.n) - p);
		size_t cl100k = (size_t)(bpe_split_cl100k(p, p + copy.s.n) - p);
		if (o200k != pieces[i].o200k || cl100k != pieces[i].cl100k)
			fail_msg("piece %zu: %zu and %zu", i, o200k, cl100k);
		exact_free(&copy);
	}
}

static const struct {
	uint32_t c;
	enum uniclass class;
} classes[] = {
    {'a', UNI_LOWER},        {'Z', UNI_UPPER},       {'_', UNI_OTHER},        {'7', UNI_DIGIT},
    {' ', UNI_SPACE},        {'\n', UNI_NEWLINE},    {'\r', UNI_NEWLINE},     {'\t', UNI_SPACE},
    {0x85, UNI_SPACE},       {0xa0, UNI_SPACE},      {0x200b, UNI_OTHER},     {0x2028, UNI_SPACE},
    {0x1c5, UNI_UPPER},      {0x17f, UNI_LOWER},     {0x2b0, UNI_CASELESS},   {0x301, UNI_MARK},
    {0x4e00, UNI_CASELESS},  {0x9fff, UNI_CASELESS}, {0xac00, UNI_CASELESS},  {0xd7a4, UNI_OTHER},
    {0xbd, UNI_DIGIT},       {0x2167, UNI_DIGIT},    {0x1d400, UNI_UPPER},    {0x20000, UNI_CASELESS},
    {0x323af, UNI_CASELESS}, {0x323b0, UNI_OTHER},   {0xe0100, UNI_MARK},     {0xe01ef, UNI_MARK},
    {0xe01f0, UNI_OTHER},    {0x10ffff, UNI_OTHER},  {0xffffffff, UNI_OTHER},
};

static void classes_of_characters(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(classes); i++)
		if (uniclass(classes[i].c) != classes[i].class)
			fail_msg("U+%04X is of class %d", (unsigned)classes[i].c, uniclass(classes[i].c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ids_are_those_of_tiktoken),
	    cmocka_unit_test(the_full_set_as_well),
	    cmocka_unit_test(merging_gives_the_same),
	    cmocka_unit_test(every_token_is_itself),
	    cmocka_unit_test(a_byte_alone_has_its_token),
	    cmocka_unit_test(long_pieces_lose_nothing),
	    cmocka_unit_test(special_tokens_on_request),
	    cmocka_unit_test(names_and_limits),
	    cmocka_unit_test(text_in_parts),
	    cmocka_unit_test(classes_of_characters),
	    cmocka_unit_test(where_pieces_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
