/* Records are what RFC 4180 says, and faults are told with the line. */
#include "unit/unit.h"

#include "base/buf.h"
#include "text/csv.h"

/* Fields apart by '|', records by '/', a fault as '!'. */
static void read_all(const char *text, struct buf *out)
{
	static struct csv_record r;
	struct arena mem;
	struct csv c;
	arena_init(&mem, 1 << 16);
	csv_init(&c, slice_of(text));
	while (csv_next(&c, &mem, &r)) {
		assert_int_equal(buf_printf(out, "%zu:", c.line), 0);
		for (size_t i = 0; i < r.n; i++)
			assert_int_equal(buf_printf(out, "%s" SLICE_FMT, i ? "|" : "", SLICE_ARG(r.field[i])),
			                 0);
		assert_int_equal(buf_append(out, r.fault ? SLICE("!/") : SLICE("/")), 0);
	}
	arena_release(&mem);
}

static void records(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"a,b\nc,d", "1:a|b/2:c|d/"},
	    {"a,b\r\nc,d\r\n", "1:a|b/2:c|d/"},
	    {"\xef\xbb\xbf"
	     "a,b\n\n\nc,\n",
	     "1:a|b/4:c|/"},
	    {"\"a,1\",\"b\"\"c\"\n\"two\nlines\",x\ny,z\n", "1:a,1|b\"c/2:two\nlines|x/4:y|z/"},
	    {"a;b,c;d\n1;2,0;3\n", "1:a|b,c|d/2:1|2,0|3/"},
	    {"Invoice 1, of\n\na;b;c\n1;2;3\n", "1:Invoice 1, of/3:a|b|c/4:1|2|3/"},
	    {"a\tb\n1\t2\n", "1:a|b/2:1|2/"},
	    {"a,\"b\nc", "1:a|b\nc!/"},
	    {"a,\"b\"x,c\n1,2,3\n", "1:a|b|c!/2:1|2|3/"},
	    {"\"\"\n,\n", "2:|/"},
	    {"a\rb,c\n", "1:a\rb|c/"},
	    {"", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf out;
		buf_init(&out, 1 << 12);
		read_all(cases[i].text, &out);
		assert_int_equal(buf_append(&out, (slice){"", 1}), 0);
		assert_string_equal(buf_slice(&out).p, cases[i].want);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(records)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
