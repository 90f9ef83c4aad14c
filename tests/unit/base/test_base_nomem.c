/* Every allocation of the ground floor failed in turn: an error is reported, nothing that was there is lost,
 * nothing leaks. */
#include "unit/unit.h"

#include "nomem.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

static void buffers(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1 << 20);
	size_t refused = 0, want = 0;
	for (int i = 0; i < 4000; i++) {
		nomem_in = 0;
		int err = i % 2 ? buf_append(&b, SLICE("0123456789")) : buf_printf(&b, "%s", "0123456789");
		bool hit = nomem_in < 0;
		nomem_in = -1;
		assert_int_equal(err, hit ? ERR_NOMEM : 0);
		refused += hit;
		want += hit ? 0 : 10;
		if (hit) {
			assert_int_equal(buf_append(&b, SLICE("0123456789")), 0);
			want += 10;
		}
		if (i % 5 == 0) { /* so that growing also starts from a queue that was read */
			buf_consume(&b, 10);
			want -= 10;
		}
		assert_int_equal(b.n, want);
		assert_true(slice_starts(buf_slice(&b), SLICE("0123456789")) || b.n == 0);
		assert_true(slice_ends(buf_slice(&b), SLICE("0123456789")) || b.n == 0);
	}
	assert_true(refused >= 5);
	nomem_in = 0;
	assert_null(buf_reserve(&b, 1 << 19));
	assert_int_equal(b.n, want);
	buf_release(&b);
	nomem_in = -1;
}

static void arenas(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 5000, 100000};
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct arena a;
		arena_init(&a, 1 << 20);
		nomem_failed = 0;
		for (long n = 0; n < 3; n++) { /* the first block, the second, none */
			nomem_in = n;
			size_t used = a.used;
			void *p = arena_alloc(&a, sizes[i]);
			bool hit = nomem_in < 0;
			nomem_in = -1;
			assert_true((p == NULL) == hit);
			assert_int_equal(a.used, hit ? used : used + ((sizes[i] + 15) & ~(size_t)15));
			arena_release(&a);
		}
		assert_true(nomem_failed >= 1);
		nomem_in = 0;
		assert_null(arena_copy(&a, SLICE("x")).p);
		nomem_in = 0;
		assert_null(arena_printf(&a, "%d", 1).p);
		nomem_in = 0;
		assert_null(arena_zalloc(&a, sizes[i]));
		nomem_in = -1;
		assert_int_equal(a.used, 0);
		arena_release(&a);
	}
}

static void maps(void **state)
{
	(void)state;
	static char keys[500][8];
	struct map m;
	size_t refused = 0;
	map_init(&m, 500, 1);
	for (size_t i = 0; i < 500; i++) {
		snprintf(keys[i], sizeof keys[i], "%zu", i);
		nomem_in = 0;
		int err = map_put(&m, slice_of(keys[i]), keys[i], NULL);
		bool hit = nomem_in < 0;
		nomem_in = -1;
		assert_int_equal(err, hit ? ERR_NOMEM : 0);
		assert_int_equal(m.n, hit ? i : i + 1);
		refused += hit;
		if (hit)
			assert_int_equal(map_put(&m, slice_of(keys[i]), keys[i], NULL), 0);
		for (size_t k = 0; k <= i; k++)
			assert_ptr_equal(map_get(&m, slice_of(keys[k])), keys[k]);
	}
	assert_true(refused >= 5);
	map_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buffers),
	    cmocka_unit_test(arenas),
	    cmocka_unit_test(maps),
	};
	return cmocka_run_group_tests_name("base/nomem", tests, NULL, NULL);
}
