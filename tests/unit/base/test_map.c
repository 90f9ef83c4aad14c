/* The map against an array, under collisions and removals, and its cap. */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/map.h"

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

#define KEYS 600

/* Keys whose home is one of the four last slots of any table up to 4096: chains that are long and wrap round.
 */
static void make_colliding_keys(char keys[KEYS][16], uint64_t seed)
{
	uint64_t x = 42;
	for (size_t n = 0; n < KEYS;) {
		snprintf(keys[n], sizeof keys[n], "%012llx",
		         (unsigned long long)(next_random(&x) & 0xFFFFFFFFFFFF));
		n += (map_hash(slice_of(keys[n]), seed) & 4095) >= 4092;
	}
}

static void check_whole(const struct map *m, char keys[KEYS][16], const uintptr_t want[KEYS], size_t n)
{
	assert_int_equal(m->n, n);
	for (size_t i = 0; i < KEYS; i++)
		assert_int_equal((uintptr_t)map_get(m, slice_of(keys[i])), want[i]);
	size_t at = 0, seen = 0;
	slice key;
	void *value;
	for (; map_each(m, &at, &key, &value); seen++)
		assert_ptr_equal(map_get(m, key), value);
	assert_int_equal(seen, n);
	assert_false(map_each(m, &at, &key, &value));
	assert_true(m->n + m->tombs <= m->cap - m->cap / 4);
}

static void behaves_as_an_array(uint64_t seed, char keys[KEYS][16])
{
	uintptr_t want[KEYS] = {0};
	size_t n = 0;
	uint64_t x = 99;
	struct map m;
	map_init(&m, KEYS, seed);
	for (int step = 1; step < 20000; step++) {
		size_t i = next_random(&x) % KEYS;
		bool fill = step / 2000 % 2 == 0; /* grows and shrinks in turns */
		if (next_random(&x) % 4 < (fill ? 3 : 1)) {
			void *old = &m;
			assert_int_equal(map_put(&m, slice_of(keys[i]), (void *)(uintptr_t)step, &old), 0);
			assert_int_equal((uintptr_t)old, want[i]);
			n += want[i] == 0;
			want[i] = (uintptr_t)step;
		} else {
			assert_int_equal((uintptr_t)map_remove(&m, slice_of(keys[i])), want[i]);
			n -= want[i] != 0;
			want[i] = 0;
		}
		if (step % 500 == 0)
			check_whole(&m, keys, want, n);
	}
	assert_true(m.cap <= 2048); /* removed entries do not make it grow for ever */
	map_release(&m);
	assert_null(map_get(&m, slice_of(keys[0])));
}

static void ordinary_keys(void **state)
{
	(void)state;
	static char keys[KEYS][16];
	for (size_t i = 0; i < KEYS; i++)
		snprintf(keys[i], sizeof keys[i], "k%zu", i);
	behaves_as_an_array(7, keys);
}

static void colliding_keys(void **state)
{
	(void)state;
	static char keys[KEYS][16];
	make_colliding_keys(keys, 7);
	behaves_as_an_array(7, keys);
}

static void the_cap(void **state)
{
	(void)state;
	struct map m;
	int a, b;
	void *old;
	map_init(&m, 2, 1);
	assert_int_equal(map_put(&m, SLICE("a"), &a, NULL), 0);
	assert_int_equal(map_put(&m, SLICE(""), &b, NULL), 0);
	assert_ptr_equal(map_get(&m, SLICE_NONE), &b);
	assert_int_equal(map_put(&m, SLICE("c"), &a, &old), ERR_FULL);
	assert_null(map_get(&m, SLICE("c")));
	assert_int_equal(map_put(&m, SLICE("a"), &b, &old), 0); /* replacing is no growth */
	assert_ptr_equal(old, &a);
	assert_ptr_equal(map_remove(&m, SLICE("")), &b);
	assert_null(map_remove(&m, SLICE("")));
	assert_int_equal(map_put(&m, SLICE("c"), &a, NULL), 0);
	map_release(&m);
	map_init(&m, 0, 1);
	assert_int_equal(map_put(&m, SLICE("a"), &a, NULL), ERR_FULL);
	assert_null(map_remove(&m, SLICE("a")));
	map_release(&m);
}

static void the_key_is_replaced_with_the_value(void **state)
{
	(void)state;
	struct map m;
	map_init(&m, 8, 1);
	char *first = strdup("same"), *second = strdup("same");
	assert_int_equal(map_put(&m, slice_of(first), first, NULL), 0);
	assert_int_equal(map_put(&m, slice_of(second), second, NULL), 0);
	free(first); /* the former value is the caller's again, and its key with it */
	assert_ptr_equal(map_get(&m, SLICE("same")), second);
	map_release(&m);
	free(second);
}

static void a_walk_may_remove_what_it_was_given(void **state)
{
	(void)state;
	static char keys[KEYS][16];
	struct map m;
	make_colliding_keys(keys, 3);
	map_init(&m, KEYS, 3);
	for (size_t i = 0; i < KEYS; i++)
		assert_int_equal(map_put(&m, slice_of(keys[i]), keys[i], NULL), 0);
	size_t at = 0, seen = 0;
	slice key;
	void *value;
	for (; map_each(&m, &at, &key, &value); seen++)
		if (seen % 3)
			assert_ptr_equal(map_remove(&m, key), value);
	assert_int_equal(seen, KEYS);
	assert_int_equal(m.n, KEYS / 3);
	for (at = 0; map_each(&m, &at, &key, &value);)
		map_remove(&m, key);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.tombs, 0); /* none is left before an empty slot */
	map_release(&m);
}

static void the_seed_matters(void **state)
{
	(void)state;
	assert_true(map_hash(SLICE("abc"), 1) != map_hash(SLICE("abc"), 2));
	assert_true(map_hash(SLICE("abc"), 1) == map_hash(SLICE("abc"), 1));
	assert_true(map_hash(SLICE_NONE, 1) == map_hash(SLICE(""), 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ordinary_keys),
	    cmocka_unit_test(colliding_keys),
	    cmocka_unit_test(the_cap),
	    cmocka_unit_test(the_key_is_replaced_with_the_value),
	    cmocka_unit_test(a_walk_may_remove_what_it_was_given),
	    cmocka_unit_test(the_seed_matters),
	};
	return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
