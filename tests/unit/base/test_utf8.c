/* UTF-8 against a plain reference over all characters and all short byte strings. */
#include "unit/unit.h"

#include "base/utf8.h"

static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xC0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xE0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xF0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static void every_character(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x110000; c++) {
		char text[6] = "..";
		uint32_t got = 0;
		size_t n = encode(c, text + 1);
		bool surrogate = c >= 0xD800 && c < 0xE000;
		if (utf8_next(slice_make(text, n + 1), 1, &got) != (surrogate ? 0 : n) ||
		    (!surrogate && got != c))
			fail_msg("U+%04X", c);
		for (size_t cut = 1; cut < n; cut++)
			assert_int_equal(utf8_next(slice_make(text, cut + 1), 1, &got), 0);
	}
}

/* Whatever is taken encodes back to the same bytes. */
static void every_short_string(void **state)
{
	(void)state;
	for (uint32_t bytes = 0; bytes < 1 << 24; bytes += bytes < 0x10000 ? 1 : 37) {
		char text[4] = {(char)(bytes & 0xFF), (char)(bytes >> 8 & 0xFF), (char)(bytes >> 16), '\x80'};
		char back[4];
		uint32_t c;
		size_t n = utf8_next(slice_make(text, 4), 0, &c);
		if (n && (encode(c, back) != n || memcmp(text, back, n) != 0))
			fail_msg("%06x", bytes);
	}
}

static void cutting(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t max, n;
	} cases[] = {
	    {"abc", 3, 3},
	    {"abc", 2, 2},
	    {"abc", 0, 0},
	    {"", 0, 0},
	    {"", 5, 0},
	    {"a\xC3\xA4", 3, 3},
	    {"a\xC3\xA4", 2, 1},
	    {"a\xC3\xA4", 1, 1},
	    {"\xE2\x82\xAC", 2, 0},
	    {"\xE2\x82\xAC", 1, 0},
	    {"\xE2\x82\xAC.", 3, 3},
	    {"a\xF0\x9F\x98\x80", 4, 1},
	    {"a\xF0\x9F\x98\x80", 2, 1},
	    {"a\xF0\x9F\x98\x80", 5, 5},
	    {"\x80\x80\x80\x80\x80\x80", 5, 5},
	    {"\x80\x80", 1, 1}, /* no characters: cut anywhere */
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (utf8_cut(slice_of(cases[i].text), cases[i].max) != cases[i].n)
			fail_msg("case %zu: %zu", i, utf8_cut(slice_of(cases[i].text), cases[i].max));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_character),
	    cmocka_unit_test(every_short_string),
	    cmocka_unit_test(cutting),
	};
	return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
