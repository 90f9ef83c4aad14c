/* The columns that a budget names are the ledger's own. */
#include "policy/budget.h"
#include "store/columns.h"
#include "unit/unit.h"

/* Whatever a budget looks at in a row is a column of the ledger. */
static void columns_are_the_ledgers(void **state)
{
	(void)state;
	for (int f = 0; f < FIELD_N; f++) {
		struct field_ref each = {.field = (enum field)f};
		struct budget_rule r = {.each = &each, .each_n = 1, .limit = {.unit = LIMIT_TOKENS}};
		const char *names[BUDGET_COLUMNS_MAX];
		size_t n = budget_row_columns(&r, names);
		assert_int_equal(n > 0, field_in_row((enum field)f));
		for (size_t i = 0; i < n; i++)
			if (column_find(slice_of(names[i])) == NULL)
				fail_msg("%s: no column %s", field_name((enum field)f), names[i]);
	}
	/* and what is not read is not there */
	struct budget_rule money = {.limit = {.unit = LIMIT_USD}};
	const char *few[BUDGET_COLUMNS_MAX];
	assert_true(budget_row_columns(&money, few) < 16);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(columns_are_the_ledgers)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
