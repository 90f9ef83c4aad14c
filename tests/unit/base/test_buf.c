/* The byte queue against a plain model, its cap, and when it gives memory back. */
#include "unit/unit.h"

#include "base/buf.h"

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* The queue holds the bytes `read`..`written` of the sequence 0, 1, 2, …, 250, 0, … */
static char byte_at(size_t i)
{
	return (char)(i % 251);
}

static void check_model(const struct buf *b, size_t read, size_t written)
{
	slice s = buf_slice(b);
	assert_int_equal(s.n, written - read);
	assert_true(b->n <= b->max && b->at + b->n <= b->cap && b->cap <= b->max);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != byte_at(read + i))
			fail_msg("byte %zu of %zu", read + i, written);
}

static void behaves_as_a_queue(void **state)
{
	(void)state;
	static const size_t caps[] = {1, 7, 255, 256, 1000, 5000, 40000};
	for (size_t c = 0; c < COUNT(caps); c++) {
		struct buf b;
		size_t read = 0, written = 0, max = caps[c];
		uint64_t x = 1234567 + c;
		char piece[40001];
		buf_init(&b, max);
		for (int step = 0; step < 3000; step++) {
			size_t n = next_random(&x) % (max + 2);
			if (next_random(&x) % 3)
				n %= 64;
			if (next_random(&x) % 2) {
				buf_consume(&b, n);
				read += n < written - read ? n : written - read;
			} else {
				bool fits = n <= max - (written - read);
				for (size_t i = 0; i < n; i++)
					piece[i] = byte_at(written + i);
				assert_int_equal(buf_append(&b, slice_make(piece, n)), fits ? 0 : ERR_FULL);
				written += fits ? n : 0;
			}
			if (step % 16 == 0 || max < 300)
				check_model(&b, read, written);
			assert_int_equal(buf_room(&b), max - (written - read));
		}
		check_model(&b, read, written);
		buf_release(&b);
	}
}

static void reserving(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 10);
	assert_null(buf_reserve(&b, 11));
	assert_null(buf_reserve(&b, SIZE_MAX));
	char *p = buf_reserve(&b, 10);
	assert_non_null(p);
	assert_int_equal(b.n, 0); /* nothing is there before the commit */
	memcpy(p, "abcde", 5);
	buf_commit(&b, 5);
	assert_true(slice_eq(buf_slice(&b), SLICE("abcde")));
	assert_null(buf_reserve(&b, 6));
	buf_consume(&b, 4);
	p = buf_reserve(&b, 9); /* dead room at the front is used */
	assert_non_null(p);
	memcpy(p, "123456789", 9);
	buf_commit(&b, 9);
	assert_true(slice_eq(buf_slice(&b), SLICE("e123456789")));
	assert_int_equal(buf_append(&b, SLICE_NONE), 0);
	assert_int_equal(buf_append(&b, SLICE("x")), ERR_FULL);
	buf_release(&b);
	buf_init(&b, 0);
	assert_int_equal(buf_append(&b, SLICE("x")), ERR_FULL);
	assert_int_equal(buf_slice(&b).n, 0);
	buf_release(&b);
}

static void printing(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 300);
	assert_int_equal(buf_printf(&b, "%s", ""), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_printf(&b, "%03d", i), 0); /* up to exactly the cap */
	assert_int_equal(buf_slice(&b).n, 300);
	assert_true(slice_starts(buf_slice(&b), SLICE("000001002")) &&
	            slice_ends(buf_slice(&b), SLICE("098099")));
	assert_int_equal(buf_printf(&b, "x"), ERR_FULL);
	buf_consume(&b, 2);
	assert_int_equal(buf_printf(&b, "xyz"), ERR_FULL); /* all or nothing */
	assert_int_equal(buf_slice(&b).n, 298);
	assert_int_equal(buf_printf(&b, "yz"), 0);
	assert_true(slice_ends(buf_slice(&b), SLICE("099yz")));
	buf_release(&b);
}

static void memory_goes_back(void **state)
{
	(void)state;
	static char large[100000];
	struct buf b;
	buf_init(&b, sizeof large);
	assert_int_equal(buf_append(&b, SLICE("small")), 0);
	buf_consume(&b, 5);
	assert_true(b.cap > 0); /* kept: it will be needed again */
	assert_int_equal(buf_append(&b, slice_make(large, sizeof large)), 0);
	buf_consume(&b, sizeof large - 1);
	assert_true(b.cap >= 1);
	buf_consume(&b, 99); /* more than there is: all */
	assert_int_equal(b.cap, 0);
	assert_int_equal(b.max, sizeof large);
	assert_int_equal(buf_append(&b, slice_make(large, sizeof large)), 0);
	buf_clear(&b);
	assert_int_equal(b.cap, 0);
	assert_int_equal(buf_append(&b, SLICE("again")), 0);
	buf_release(&b);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(behaves_as_a_queue),
	    cmocka_unit_test(reserving),
	    cmocka_unit_test(printing),
	    cmocka_unit_test(memory_goes_back),
	};
	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
