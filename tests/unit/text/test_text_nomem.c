/* Memory that runs out: the framer gives the event up, counts it and goes on; the writer says so. */
#include "unit/unit.h"

#include "nomem.h"

#include "base/buf.h"
#include "text/jsonw.h"
#include "text/sse.h"

static int count(void *arg, const struct sse_event *e)
{
	if (slice_eq(e->data, SLICE("ok")))
		++*(int *)arg;
	return 0;
}

/* What an event that has to be carried over asks memory for, refused at the first, second, ... time. */
static void framer(void **state)
{
	(void)state;
	static char large[3000];
	memset(large, 'x', sizeof large);
	for (long n = 0; n < 8; n++) {
		struct sse s;
		int seen = 0;
		sse_init(&s, 1 << 20);
		nomem_in = n;
		sse_feed(&s, SLICE("data: 1\ndata: "), count, &seen);
		for (int i = 0; i < 3; i++)
			sse_feed(&s, slice_make(large, sizeof large), count, &seen);
		sse_feed(&s, SLICE("\n\ndata: ok\n\ndata: "), count, &seen);
		bool hit = nomem_in < 0;
		nomem_in = -1;
		sse_feed(&s, SLICE("ok\n\n"), count, &seen);
		assert_int_equal(s.skipped, hit);
		assert_int_equal(seen, hit && n == 4 ? 1 : 2); /* the fifth is that of the last, cut event */
		assert_true(hit == (n < 5) || n >= 5);
		sse_release(&s);
	}
}

static void writer(void **state)
{
	(void)state;
	struct buf b;
	struct jsonw w;
	buf_init(&b, 1000);
	jsonw_init(&w, &b);
	nomem_in = 0;
	jsonw_array(&w);
	nomem_in = -1;
	jsonw_array_end(&w);
	assert_int_equal(jsonw_end(&w), ERR_NOMEM);
	assert_int_equal(buf_slice(&b).n, 0); /* nothing after the fault */
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(framer),
	    cmocka_unit_test(writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
