/* The demo's comparison: it must be able to fail. */
#include <stdlib.h>

#include "cli/demo_books.h"
#include "unit/unit.h"

static const char two_calls[] =
    "{\"seq\":1,\"finished\":\"complete\",\"reported\":{\"input_tokens\":10,\"cache_read_tokens\":null,"
    "\"output_tokens\":1234,\"reasoning_tokens\":4},\"served\":{\"input_tokens\":99}}\n"
    "{\"seq\":2,\"finished\":\"client_gone\",\"reported\":{\"input_tokens\":500}}\n";

static void provider(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t calls, whole, input, output;
	} cases[] = {
	    {"", 0, 0, 0, 0, 0},
	    {two_calls, 0, 2, 1, 10, 1234},
	    {"{\"finished\":\"open\"}\n", ERR_BUSY, 1, 0, 0, 0},
	    {"{\"seq\":1}\n", ERR_INVALID, 0, 0, 0, 0},
	    {"{\"finished\":\"complete\"", ERR_INVALID, 0, 0, 0, 0},
	    {"not found\n", ERR_INVALID, 0, 0, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct demo_book b;
		struct error e = {0};
		assert_int_equal(demo_book_provider(slice_of(cases[i].text), &b, &e), cases[i].rc);
		assert_int_equal(b.calls, cases[i].calls);
		assert_int_equal(b.whole, cases[i].whole);
		assert_int_equal(b.tokens[METER_INPUT], cases[i].input);
		assert_int_equal(b.tokens[METER_OUTPUT], cases[i].output);
	}
}

static char *printed(const struct demo_book *a, const struct demo_book *b)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	demo_books_print(out, a, b);
	fclose(out);
	return text;
}

static void differences(void **state)
{
	struct demo_book a, b;
	struct error e = {0};
	(void)state;
	assert_int_equal(demo_book_provider(slice_of(two_calls), &a, &e), 0);
	b = a;
	char *same = printed(&a, &b);
	assert_string_equal(same,
	                    "Two books agree, the provider's own and Weir's ledger: 2 calls, 1 answered to "
	                    "the end; tokens: fresh input 10, output 1,234, of it reasoning 4.\n");
	free(same);
	int64_t *const fields[] = {&b.calls, &b.whole, &b.tokens[METER_INPUT], &b.tokens[METER_REASONING]};
	for (size_t i = 0; i < COUNT(fields); i++) {
		*fields[i] += 1;
		assert_false(demo_books_agree(&a, &b));
		char *text = printed(&a, &b);
		assert_non_null(strstr(text, "DIFFER"));
		assert_non_null(strstr(text, " against "));
		free(text);
		*fields[i] -= 1;
	}
	assert_true(demo_books_agree(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(provider), cmocka_unit_test(differences)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
