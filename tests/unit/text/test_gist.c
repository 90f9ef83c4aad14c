/* Fingerprints: what differs from run to run is alike, what says something else is not. */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "text/gist.h"

static uint64_t gist_of(const char *text, struct gist_mark *mark, bool *failed)
{
	struct gist g;
	struct gist_mark m;
	gist_init(&g);
	gist_add(&g, slice_of(text));
	gist_end(&g, mark ? mark : &m);
	if (failed)
		*failed = g.failed;
	return g.hash;
}

static void what_changes_each_time_is_alike(void **state)
{
	static const char *const pairs[][2] = {
	    {"Chunk ID: c659ac\nWall time: 0.0000 seconds\nFAIL",
	     "Chunk ID: 917f93\nWall time: 0.0213 seconds\nFAIL"},
	    {"Chunk ID: c659ac FAIL", "Chunk ID: facade FAIL"},
	    {"Process Group PGID: 32418", "Process Group PGID: 77"},
	    {"3 passed in 0.31s", "3 passed in 12.04s"},
	    {"took 12 ms", "took 4001 ms"},
	    {"[12:01:59] build failed", "[12:02:07.123] build failed"},
	    {"2026-11-24T12:01:59Z error", "2026-11-25T03:11:00Z error"},
	    {"segfault at 0x7ffe3a10 ip", "segfault at 0x7ffd0044 ip"},
	    {"commit 3f786850e387550f done", "commit 89e6c98d92887913 done"},
	    {"job 550e8400-e29b-41d4-a716-446655440000", "job 6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
	    {"toolu_9052bee299baa89daabac782 failed", "toolu_4e7624afc12ac18608f47fcb failed"},
	    {"done.  next", "done next"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		if (gist_of(pairs[i][0], NULL, NULL) != gist_of(pairs[i][1], NULL, NULL))
			fail_msg("not alike: %s | %s", pairs[i][0], pairs[i][1]);
}

static void what_says_something_else_is_not(void **state)
{
	static const char *const pairs[][2] = {
	    {"3 failed, 9 passed", "2 failed, 10 passed"},
	    {"expected 3 got 4", "expected 3 got 5"},
	    {"src/a.c:10: error", "src/a.c:11: error"},
	    {"main", "master"},
	    {"version 1.2.3", "version 1.2.4"},
	    {"a b", "b a"},
	    {"", "x"},
	    {"port 8787", "port 8788"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		if (gist_of(pairs[i][0], NULL, NULL) == gist_of(pairs[i][1], NULL, NULL))
			fail_msg("alike: %s | %s", pairs[i][0], pairs[i][1]);
}

static void an_exit_code_tells_of_failure(void **state)
{
	static const struct {
		const char *text;
		bool failed;
	} cases[] = {{"Exit code 2\nFAIL", true},
	             {"Process exited with code 1", true},
	             {"Exit Code: 127", true},
	             {"Process exited with code 0\n", false},
	             {"exit status 3", true},
	             {"we exit the code here 5 times", false},
	             {"error", false}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool failed;
		gist_of(cases[i].text, NULL, &failed);
		if (failed != cases[i].failed)
			fail_msg("%s", cases[i].text);
	}
}

static void escapes_of_a_json_string_part_words(void **state)
{
	struct gist a, b;
	struct gist_mark m;
	(void)state;
	gist_init(&a);
	gist_add(&a, SLICE("one two\nthree \"four\""));
	gist_end(&a, &m);
	gist_init(&b);
	gist_add_json(&b, SLICE("one two\\nthree \\\"four\\\" \\u"));
	gist_end(&b, &m);
	assert_true(a.hash == b.hash);
}

static void of_a_long_text_both_ends_and_the_length_count(void **state)
{
	static char text[5 * GIST_READ], other[5 * GIST_READ];
	struct gist_mark m;
	struct gist a, b;
	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < sizeof text; i += 7)
		text[i] = ' ';
	memcpy(other, text, sizeof text);
	other[sizeof other - 3] = 'y';
	gist_init(&a);
	gist_add_json(&a, slice_make(text, sizeof text));
	gist_end(&a, &m);
	gist_init(&b);
	gist_add_json(&b, slice_make(other, sizeof other));
	gist_end(&b, &m);
	assert_true(a.hash != b.hash);
	gist_init(&b);
	gist_add_json(&b, slice_make(text, sizeof text - 7));
	gist_end(&b, &m);
	assert_true(a.hash != b.hash);
	assert_true(a.words < 2 * GIST_READ);
}

static void texts_that_differ_in_a_word_have_like_marks(void **state)
{
	struct gist_mark a, b, c;
	static const char *const text =
	    "the quick brown fox jumps over a lazy dog while seven wizards juggle twelve bright lamps beside "
	    "an old stone "
	    "bridge near some quiet village where children sing about rivers mountains clouds %s";
	char one[512], two[512];
	(void)state;
	snprintf(one, sizeof one, text, "alpha");
	snprintf(two, sizeof two, text, "omega");
	gist_of(one, &a, NULL);
	gist_of(two, &b, NULL);
	gist_of("nothing here has any word in common with what was said before by anyone else today", &c,
	        NULL);
	assert_true(gist_alike(&a, &b) >= 15);
	assert_true(gist_alike(&a, &c) <= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_changes_each_time_is_alike),
	    cmocka_unit_test(what_says_something_else_is_not),
	    cmocka_unit_test(an_exit_code_tells_of_failure),
	    cmocka_unit_test(escapes_of_a_json_string_part_words),
	    cmocka_unit_test(of_a_long_text_both_ends_and_the_length_count),
	    cmocka_unit_test(texts_that_differ_in_a_word_have_like_marks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
