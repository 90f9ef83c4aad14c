#include "unit/unit.h"

#include "text/nearest.h"

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned d;
	} cases[] = {
	    {"", "", 0},
	    {"", "abc", 3},
	    {"listen", "listen", 0},
	    {"Listen", "listen", 0},
	    {"lisetn", "listen", 1}, /* swapped neighbours */
	    {"lsten", "listen", 1},
	    {"llisten", "listen", 1},
	    {"kitten", "sitting", 3},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(nearest_distance(slice_of(cases[i].a), slice_of(cases[i].b)), cases[i].d);
		assert_int_equal(nearest_distance(slice_of(cases[i].b), slice_of(cases[i].a)), cases[i].d);
	}
	char lengthy[NEAREST_WORD_MAX + 2];
	slice word = {memset(lengthy, 'x', sizeof lengthy), NEAREST_WORD_MAX + 1};
	assert_int_equal(nearest_distance(word, word), NEAREST_WORD_MAX);
}

static void suggestions(void **state)
{
	static const char *const known[] = {"listen", "console", "store", "providers", "teams"};
	static const struct {
		const char *word, *best;
	} cases[] = {
	    {"lisen", "listen"},
	    {"provider", "providers"},
	    {"stor", "store"},
	    {"team", "teams"},
	    {"budgets", ""},
	    {"x", ""},
	    {"", ""},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct nearest n;
		nearest_init(&n, slice_of(cases[i].word));
		for (size_t k = 0; k < COUNT(known); k++)
			nearest_offer(&n, slice_of(known[k]));
		assert_true(slice_eq(n.best, slice_of(cases[i].best)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(distances), cmocka_unit_test(suggestions)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
