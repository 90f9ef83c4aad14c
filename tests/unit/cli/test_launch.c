#include <stdlib.h>

#include "cli/launch.h"
#include "unit/unit.h"

static int set_up(void **state)
{
	static char *argv[] = {(char *)"claude", (char *)"-p", (char *)"hi", NULL};
	static char *env[] = {(char *)"A=1", (char *)"AB=2", (char *)"E=", NULL};
	*state = malloc(sizeof(struct launch));
	return launch_init(*state, 3, argv, env);
}

static int tear_down(void **state)
{
	launch_release(*state);
	free(*state);
	return 0;
}

static void variables(void **state)
{
	struct launch *l = *state;
	assert_string_equal(launch_get(l, "A"), "1");
	assert_string_equal(launch_get(l, "AB"), "2");
	assert_null(launch_get(l, "E"));
	launch_set(l, "A", "3");
	launch_set(l, "NEW", "4");
	launch_set(l, "E", "5");
	assert_int_equal(l->envc, 4);
	assert_string_equal(l->env[0], "A=3");
	assert_string_equal(l->env[2], "E=5");
	assert_string_equal(l->env[3], "NEW=4");
	assert_null(l->env[4]);
}

static void words(void **state)
{
	struct launch *l = *state;
	static const char *const more[] = {"-c", "x"};
	launch_words(l, 0, more, 2);
	launch_words(l, 4, more, 1);
	static const char *const wanted[] = {"claude", "-c", "x", "-p", "hi", "-c"};
	assert_int_equal(l->argc, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_string_equal(l->argv[i], wanted[i]);
	assert_null(l->argv[l->argc]);
	assert_false(l->failed);
	launch_words(l, 6, more, 1);
	assert_true(l->failed);
}

static void cleaned(void **state)
{
	struct launch *l = *state;
	static const struct {
		const char *from, *to;
	} cases[] = {
	    {"feature/x", "feature/x"},
	    {"  a b\t", "a b"},
	    {"a\r\nx-weir-key: wk_stolen", "ax-weir-key: wk_stolen"},
	    {"fix/\xC3\xBC", "fix/%C3%BC"},
	    {"100%", "100%25"},
	    {"\x01\x7F", ""},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(slice_eq(launch_clean(l, slice_of(cases[i].from)), slice_of(cases[i].to)));
	char lengthy[ATTR_TEXT_MAX + 10];
	memset(lengthy, 'x', sizeof lengthy);
	assert_int_equal(launch_clean(l, slice_make(lengthy, sizeof lengthy)).n, ATTR_TEXT_MAX);
	lengthy[ATTR_TEXT_MAX - 2] = '\xC3'; /* its three characters do not fit: no half of them is sent */
	assert_int_equal(launch_clean(l, slice_make(lengthy, sizeof lengthy)).n, ATTR_TEXT_MAX - 2);
}

static void headers(void **state)
{
	struct launch *l = *state;
	launch_header(l, "x-weir-repo", SLICE("a"));
	launch_header(l, "x-weir-repo", SLICE("b"));
	launch_header(l, "x-weir-branch", SLICE(" "));
	assert_int_equal(l->headers_n, 1);
	assert_true(slice_eq(launch_header_get(l, "x-weir-repo"), SLICE("a")));
	assert_int_equal(launch_header_get(l, "x-weir-branch").n, 0);
}

static void quoted(void **state)
{
	struct launch *l = *state;
	assert_string_equal(launch_quoted(l, SLICE("a\"b\\c\n")), "a\\\"b\\\\c\\u000a");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {T(variables), T(words), T(cleaned), T(headers), T(quoted)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
