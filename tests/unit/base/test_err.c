/* Faults' sentences: wrapped, cut at a character's border, with errno's text. */
#include "unit/unit.h"

#include <errno.h>

#include "base/err.h"

static void setting(void **state)
{
	(void)state;
	struct error e = {.line = 3, .column = 9, .offset = 7};
	assert_int_equal(error_set(&e, ERR_INVALID, "bad %s at %d", "name", 5), ERR_INVALID);
	assert_int_equal(e.code, ERR_INVALID);
	assert_string_equal(e.text, "bad name at 5");
	assert_true(e.line == 3 && e.column == 9 && e.offset == 7); /* the place is whose it was */
	assert_int_equal(error_set(&e, ERR_IO, "reading weir.yaml: %s", e.text), ERR_IO);
	assert_string_equal(e.text, "reading weir.yaml: bad name at 5");
	assert_int_equal(error_set(NULL, ERR_FULL, "nobody %d", 1), ERR_FULL);
}

static void with_errno(void **state)
{
	(void)state;
	struct error e = {0};
	assert_int_equal(error_errno(&e, ERR_IO, ENOENT, "cannot open %s", "x"), ERR_IO);
	assert_string_equal(e.text, "cannot open x: No such file or directory");
	assert_int_equal(error_errno(NULL, ERR_IO, ENOENT, "x"), ERR_IO);
	char longer[2 * ERR_TEXT_MAX];
	memset(longer, 'x', sizeof longer);
	for (int n = ERR_TEXT_MAX - 60; n < ERR_TEXT_MAX + 5; n++) {
		error_errno(&e, ERR_IO, ENOENT, "%.*s", n, longer);
		size_t whole = (size_t)n + strlen(": No such file or directory");
		assert_int_equal(strlen(e.text), whole < ERR_TEXT_MAX ? whole : ERR_TEXT_MAX - 1);
	}
}

static void cut_between_characters(void **state)
{
	(void)state;
	static const char *const characters[] = {"x", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	for (size_t c = 0; c < COUNT(characters); c++) {
		size_t size = strlen(characters[c]);
		for (int pad = 0; pad < 5; pad++) {
			char text[2 * ERR_TEXT_MAX + 8];
			size_t n = (size_t)pad;
			memset(text, '.', n);
			for (; n < ERR_TEXT_MAX + 4; n += size)
				memcpy(text + n, characters[c], size);
			text[n] = '\0';
			struct error e;
			error_set(&e, ERR_FULL, "%s", text);
			size_t want = (size_t)pad + (ERR_TEXT_MAX - 1 - (size_t)pad) / size * size;
			assert_int_equal(strlen(e.text), want);
			assert_memory_equal(e.text, text, want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(setting),
	    cmocka_unit_test(with_errno),
	    cmocka_unit_test(cut_between_characters),
	};
	return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
