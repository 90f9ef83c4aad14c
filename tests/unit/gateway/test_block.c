#include "unit/unit.h"

#include "gateway/block.h"

static void bytes_survive_growth_and_blocks_come_again(void **state)
{
	(void)state;
	struct blocks kept = {0};
	struct block_buf b = {NULL, 0, 0};
	assert_true(block_reserve(&kept, &b, 100 * 1024));
	memset(b.p, 'x', 100 * 1024);
	b.n = 100 * 1024;
	char *first = b.p;
	assert_true(block_reserve(&kept, &b, 50));
	assert_ptr_equal(b.p, first); /* large enough as it is */
	assert_true(block_reserve(&kept, &b, 200 * 1024));
	assert_int_equal(b.n, 100 * 1024);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.p[i], 'x');
	assert_int_equal(kept.n, 1); /* the smaller one waits for the next call */
	struct block_buf c = {NULL, 0, 0};
	assert_true(block_reserve(&kept, &c, 90 * 1024));
	assert_ptr_equal(c.p, first);
	block_release(&kept, &b);
	block_release(&kept, &c);
	assert_int_equal(kept.n, 2);
	assert_null(c.p);
	blocks_free(&kept);
	assert_int_equal(kept.n, 0);
}

static void what_is_kept_has_a_cap(void **state)
{
	(void)state;
	struct blocks kept = {0};
	struct block_buf b[BLOCKS_KEPT + 2] = {{NULL, 0, 0}};
	struct block_buf large = {NULL, 0, 0}, small = {NULL, 0, 0};
	for (size_t i = 0; i < BLOCKS_KEPT + 2; i++)
		assert_true(block_reserve(&kept, &b[i], 64 * 1024));
	for (size_t i = 0; i < BLOCKS_KEPT + 2; i++)
		block_release(&kept, &b[i]);
	assert_int_equal(kept.n, BLOCKS_KEPT);
	blocks_free(&kept);
	assert_true(block_reserve(&kept, &large, BLOCK_KEPT_BYTES + 1));
	assert_true(block_reserve(&kept, &small, 100));
	block_release(&kept, &large);
	block_release(&kept, &small);
	assert_int_equal(kept.n, 0);
	assert_false(block_reserve(&kept, &large, SIZE_MAX));
	block_release(&kept, &large); /* empty: nothing happens */
}

static void what_nobody_needs_goes_back(void **state)
{
	(void)state;
	struct blocks kept = {0};
	struct block_buf b[3] = {{NULL, 0, 0}};
	for (size_t i = 0; i < 3; i++)
		assert_true(block_reserve(&kept, &b[i], 64 * 1024));
	for (size_t i = 0; i < 3; i++)
		block_release(&kept, &b[i]);
	blocks_trim(&kept); /* all three were in use since */
	assert_int_equal(kept.n, 3);
	assert_true(block_reserve(&kept, &b[0], 64 * 1024));
	block_release(&kept, &b[0]);
	blocks_trim(&kept);
	assert_int_equal(kept.n, 1);
	blocks_trim(&kept);
	assert_int_equal(kept.n, 0);
	blocks_trim(&kept);
	blocks_free(&kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_survive_growth_and_blocks_come_again),
	                                   cmocka_unit_test(what_is_kept_has_a_cap),
	                                   cmocka_unit_test(what_nobody_needs_goes_back)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
