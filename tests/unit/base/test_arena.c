/* Arena: alignment, caps, reset, large blocks; under ASan, that what is not handed out is poisoned. */
#include "unit/unit.h"

#include "base/arena.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POISONED(p) __asan_address_is_poisoned(p)
#else
#define POISONED(p) true
#endif

static void allocations_do_not_overlap(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 4000, 5000, 16384, 16385, 70000, 3, 200000, 31};
	struct arena a;
	unsigned char *got[3 * COUNT(sizes)];
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < COUNT(got); i++) {
		got[i] = arena_alloc(&a, sizes[i % COUNT(sizes)]);
		assert_non_null(got[i]);
		assert_int_equal((uintptr_t)got[i] % 16, 0);
		memset(got[i], (int)i, sizes[i % COUNT(sizes)]);
	}
	for (size_t i = 0; i < COUNT(got); i++)
		for (size_t k = 0; k < sizes[i % COUNT(sizes)]; k++)
			assert_int_equal(got[i][k], i);
	arena_release(&a);
	assert_int_equal(a.used, 0);
}

static void the_cap_counts_what_is_handed_out(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 100);
	assert_null(arena_alloc(&a, 101));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 15));
	assert_non_null(arena_alloc(&a, 80)); /* 80 of 100, in steps of 16 */
	assert_null(arena_alloc(&a, 17));
	assert_non_null(arena_alloc(&a, 16));
	assert_int_equal(a.used, 96);
	assert_null(arena_alloc(&a, 0));
	arena_reset(&a);
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 96));
	arena_release(&a);
	arena_init(&a, 0);
	assert_null(arena_alloc(&a, 0));
	arena_init(&a, SIZE_MAX);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_copy(&a, (slice){"", SIZE_MAX}).p);
	arena_release(&a);
}

static void a_reset_keeps_the_first_block(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 20);
	arena_reset(&a); /* nothing there yet */
	char *first = arena_alloc(&a, 10);
	arena_alloc(&a, 100000);
	char *second = arena_alloc(&a, 10);
	assert_in_range(second - first, 16, 32); /* the large one did not end the block */
	for (int i = 0; i < 100; i++)
		arena_alloc(&a, 1000);
	arena_reset(&a);
	assert_ptr_equal(arena_alloc(&a, 10), first);
	arena_release(&a);
	assert_non_null(arena_alloc(&a, 10)); /* usable again, with the same cap */
	assert_null(arena_alloc(&a, 1 << 20));
	arena_release(&a);
}

static void texts(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 64);
	slice s = arena_copy(&a, SLICE("ab\0c"));
	assert_true(slice_eq(s, SLICE("ab\0c")) && s.p[4] == '\0');
	s = arena_copy(&a, SLICE_NONE);
	assert_true(s.p != NULL && s.n == 0 && s.p[0] == '\0');
	s = arena_printf(&a, "%d-%s", 42, "x");
	assert_true(slice_eq(s, SLICE("42-x")) && s.p[4] == '\0');
	assert_null(arena_printf(&a, "%100d", 1).p);
	assert_null(arena_copy(&a, SLICE("0123456789abcdef")).p); /* 17 bytes with its NUL, 16 left */
	char *zeros = arena_zalloc(&a, 16);
	assert_non_null(zeros);
	for (int i = 0; i < 16; i++)
		assert_int_equal(zeros[i], 0);
	assert_null(arena_zalloc(&a, 1));
	arena_release(&a);
}

static void what_is_not_handed_out_is_poisoned(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 20);
	char *p = arena_alloc(&a, 16), *large = arena_alloc(&a, 50000);
	assert_true(POISONED(p + 16));
	assert_true(POISONED(large + 50000));
	arena_alloc(&a, 16);
	assert_true(POISONED(p + 16));
	arena_reset(&a);
	assert_true(POISONED(p));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(allocations_do_not_overlap),
	    cmocka_unit_test(the_cap_counts_what_is_handed_out),
	    cmocka_unit_test(a_reset_keeps_the_first_block),
	    cmocka_unit_test(texts),
	    cmocka_unit_test(what_is_not_handed_out_is_poisoned),
	};
	return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
