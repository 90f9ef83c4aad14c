/* Lines are the same however the stream is cut. */
#include "unit/unit.h"

#include "base/buf.h"
#include "text/lines.h"

static void on_line(void *arg, slice line)
{
	struct buf *out = arg;
	assert_int_equal(buf_append(out, line), 0);
	assert_int_equal(buf_append(out, SLICE("|")), 0);
}

static unsigned long long read_in(const char *text, size_t step, size_t max, struct buf *out)
{
	struct lines l;
	slice rest = slice_of(text);
	lines_init(&l, max);
	for (; rest.n; rest = slice_sub(rest, step, rest.n))
		lines_feed(&l, slice_sub(rest, 0, step), on_line, out);
	lines_finish(&l, on_line, out);
	unsigned long long skipped = l.skipped;
	lines_release(&l);
	return skipped;
}

static void however_it_is_cut(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
		size_t max;
		unsigned long long skipped;
	} cases[] = {
	    {"{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}|{\"b\":2}|", 100, 0},
	    {"a\r\nb\r\n\r\n\nc", "a|b|c|", 100, 0},
	    {"", "", 100, 0},
	    {"toolong\nok\ntoolong", "ok|", 3, 2},
	    {"abc\nabcd\nabc\n", "abc|abc|", 3, 1},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t step = 1; step < 20; step++) {
			struct buf out;
			buf_init(&out, 1000);
			unsigned long long skipped = read_in(cases[i].text, step, cases[i].max, &out);
			if (!slice_eq(buf_slice(&out), slice_of(cases[i].want)) ||
			    skipped != cases[i].skipped)
				fail_msg("%s by %zu: " SLICE_FMT ", %llu skipped", cases[i].text, step,
				         SLICE_ARG(buf_slice(&out)), skipped);
			buf_release(&out);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(however_it_is_cut)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
