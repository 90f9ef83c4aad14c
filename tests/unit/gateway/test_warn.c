/* What an answer says of its budget. */
#include "unit/unit.h"

#include <stdio.h>

#include "gateway/warn.h"

/* name=value of each header, a line each. */
static const char *said(const struct budget_left *b, const struct headers *provider, bool claude,
                        char out[2048])
{
	struct arena mem;
	struct header at[WARN_HEADERS_MAX];
	size_t n = 0;
	arena_init(&mem, 8192);
	size_t headers = warn_headers(b, provider, claude, &mem, at);
	assert_true(headers <= WARN_HEADERS_MAX);
	out[0] = '\0';
	for (size_t i = 0; i < headers; i++)
		n += (size_t)snprintf(out + n, 2048 - n, SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(at[i].name),
		                      SLICE_ARG(at[i].value));
	arena_release(&mem);
	return out;
}

#define USD INT64_C(1000000000)
#define P   "anthropic-ratelimit-unified-"

static void shares(void **state)
{
	(void)state;
	static const struct {
		int64_t limit, left;
		const char *status, *share, *passed; /* NULL: no header */
	} cases[] = {
	    {100 * USD, 100 * USD, "allowed", "0.00", NULL},
	    {100 * USD, 25 * USD, "allowed", "0.75", NULL},
	    {100 * USD, 24 * USD, "allowed_warning", "0.76", "0.75"},
	    {100 * USD, 4 * USD, "allowed_warning", "0.96", "0.95"},
	    {100 * USD, 0, "allowed_warning", "0.99", "0.95"},
	    {100 * USD, -USD, "allowed_warning", "0.99", "0.95"},
	    {INT64_MAX, INT64_MAX / 2, "allowed", "0.50", NULL},
	    {3, 1, "allowed", "0.67", NULL},
	};
	struct headers none = {NULL, 0};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct budget_left b = {SLICE("dev-day"), cases[i].limit, cases[i].left, 1700000000500};
		char got[2048], want[256];
		said(&b, &none, true, got);
		snprintf(want, sizeof want, P "status: %s\n", cases[i].status);
		assert_non_null(strstr(got, want));
		snprintf(want, sizeof want, P "overage-utilization: %s\n", cases[i].share);
		if (!strstr(got, want))
			fail_msg("case %zu: %s", i, got);
		assert_non_null(strstr(got, P "reset: 1700000000\n"));
		assert_int_equal(strstr(got, "surpassed-threshold") != NULL, cases[i].passed != NULL);
		if (cases[i].passed)
			assert_non_null(strstr(got, cases[i].passed));
	}
}

static void who_is_told_what(void **state)
{
	(void)state;
	struct budget_left b = {SLICE("dev-day"), 25 * USD, 12300000000, 0}, none = {.limit = USD};
	struct header own = {SLICE("anthropic-ratelimit-unified-status"), SLICE("allowed")};
	struct headers without = {NULL, 0}, with = {&own, 1};
	char got[2048];
	assert_string_equal(said(&none, &without, true, got), "");
	assert_string_equal(said(&b, &without, false, got), "x-weir-budget-remaining: dev-day=12.30\n");
	/* A plan's own word stands. */
	assert_string_equal(said(&b, &with, true, got), "x-weir-budget-remaining: dev-day=12.30\n");
	assert_null(strstr(said(&b, &without, true, got), "reset"));
	assert_non_null(strstr(got, P "overage-utilization: 0.51\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shares),
	    cmocka_unit_test(who_is_told_what),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
