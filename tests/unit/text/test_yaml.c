#include <stdlib.h>

#include "unit/unit.h"

#include "text/yaml.h"

struct told {
	size_t n;
	char text[4096]; /* "LINE:COLUMN message\n" for each */
};

static void tell(void *arg, int line, int column, const char *message)
{
	struct told *t = arg;
	size_t at = strlen(t->text);
	t->n++;
	snprintf(t->text + at, sizeof t->text - at, "%d:%d %s\n", line, column, message);
}

/* --- the tree ---------------------------------------------------------------- */

static void dump(const struct yaml_node *n, char *out, size_t cap)
{
	size_t at = strlen(out);
	switch (n->kind) {
	case YAML_NULL:
		snprintf(out + at, cap - at, "null@%d:%d", n->line, n->column);
		return;
	case YAML_SCALAR:
		snprintf(out + at, cap - at, "%s" SLICE_FMT "@%d:%d", n->quoted ? "q:" : "",
		         SLICE_ARG(n->text), n->line, n->column);
		return;
	case YAML_LIST:
	case YAML_MAP:
		break;
	}
	snprintf(out + at, cap - at, n->kind == YAML_LIST ? "[" : "{");
	for (size_t i = 0; i < (n->kind == YAML_MAP ? 2 : 1) * n->n; i++) {
		dump(&n->at[i], out, cap);
		at = strlen(out);
		snprintf(out + at, cap - at, n->kind == YAML_MAP && i % 2 == 0 ? "=" : " ");
	}
	at = strlen(out);
	snprintf(out + at, cap - at, n->kind == YAML_LIST ? "]" : "}");
}

static void trees(void **state)
{
	static const struct {
		const char *text, *tree;
	} cases[] = {
	    {"", "null@1:1"},
	    {"# nothing\n", "null@1:1"},
	    {"a: 1\nb: [x, 'y z', ~]\n", "{a@1:1=1@1:4 b@2:1=[x@2:5 q:y z@2:8 null@2:15 ] }"},
	    {"a: {b: null, c: 'null'}\n", "{a@1:1={b@1:5=null@1:8 c@1:14=q:null@1:17 } }"},
	    {"listen: 127.0.0.1:8787\n", "{listen@1:1=127.0.0.1:8787@1:9 }"},
	    {"a: &x {b: 1}\nc: *x\n", "{a@1:1={b@1:8=1@1:11 } c@2:1={b@1:8=1@1:11 } }"},
	    {"\xC3\xA4: \xC3\xB6\xC3\xB6 # columns are characters\nb: 1\n",
	     "{\xC3\xA4@1:1=\xC3\xB6\xC3\xB6@1:4 b@2:1=1@2:4 }"},
	    {"a:\n  - b: 1\n    c: |\n      two\n      lines\n",
	     "{a@1:1=[{b@2:5=1@2:8 c@3:5=q:two\nlines\n@3:8 } ] }"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena mem;
		struct told told = {0};
		const struct yaml_node *root;
		char out[1024] = "";
		arena_init(&mem, 1 << 20);
		assert_int_equal(yaml_read(slice_of(cases[i].text), &mem, &root, tell, &told), 0);
		assert_string_equal(told.text, "");
		dump(root, out, sizeof out);
		assert_string_equal(out, cases[i].tree);
		arena_release(&mem);
	}
}

static void get(void **state)
{
	struct arena mem;
	struct told told = {0};
	const struct yaml_node *root;
	(void)state;
	arena_init(&mem, 1 << 20);
	assert_int_equal(yaml_read(SLICE("a: 1\nbc: 2\n"), &mem, &root, tell, &told), 0);
	assert_true(slice_eq(yaml_get(root, SLICE("bc"))->text, SLICE("2")));
	assert_null(yaml_get(root, SLICE("b")));
	assert_null(yaml_get(yaml_get(root, SLICE("a")), SLICE("a")));
	assert_null(yaml_get(NULL, SLICE("a")));
	arena_release(&mem);
}

/* --- faults ------------------------------------------------------------------ */

static void faults(void **state)
{
	static const struct {
		const char *text, *told;
	} cases[] = {
	    {"a: 1\na: 2\nb: {c: 1, c: 2}\na: 3\n",
	     "3:11 \"c\" stands here twice (before on line 3): keep one\n"
	     "2:1 \"a\" stands here twice (before on line 1): keep one\n"
	     "4:1 \"a\" stands here twice (before on line 2): keep one\n"},
	    {"a: &x [1, *x]\n", "1:4 an alias stands within what it names\n"},
	    {"a: &x {b: {c: *x}}\n", "1:4 an alias stands within what it names\n"},
	    {"a: *nope\n", "1:4 found undefined alias\n"},
	    {"a: !!int 3\nb: !x {}\n",
	     "1:4 tags (!…) are not read: leave it out\n2:4 tags (!…) are not read: leave it out\n"},
	    {"[a, b]: 1\n? {c: 1}\n: 2\n",
	     "1:1 a key must be a plain word\n2:3 a key must be a plain word\n"},
	    {"a: &x {b: 1}\nc: {<<: *x}\n", "2:5 merge keys (<<) are not read: write the keys out\n"},
	    {"a: 1\n---\nb: 2\n", "2:1 a second document begins here (---): write one only\n"},
	    {"a: 1\n...\n[\n", "3:1 did not find expected <document start>\n"},
	    {"a: 1\n\tb: 2\n",
	     "2:1 found a tab character that violates indentation, while scanning a plain scalar that "
	     "begins on line 1 (a tab: indent by spaces)\n"},
	    {"a: @x\n", "1:4 found character that cannot start any token, while scanning for the next token "
	                "(put the text "
	                "in quotes)\n"},
	    {"\xC3\xA4: @x\n",
	     "1:4 found character that cannot start any token, while scanning for the next token (put the "
	     "text in quotes)\n"},
	    {"a: 1\nb: \xFF\n", "2:4 this is not UTF-8 text: invalid leading UTF-8 octet\n"},
	    {"a: \"x\\0y\"\n", "1:4 a text must not have a NUL character in it\n"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena mem;
		struct told told = {0};
		const struct yaml_node *root;
		arena_init(&mem, 1 << 20);
		assert_int_equal(yaml_read(slice_of(cases[i].text), &mem, &root, tell, &told), ERR_INVALID);
		assert_string_equal(told.text, cases[i].told);
		arena_release(&mem);
	}
}

/* --- caps -------------------------------------------------------------------- */

static int read_capped(const char *text, size_t n, size_t memory, struct told *told)
{
	struct arena mem;
	const struct yaml_node *root;
	arena_init(&mem, memory);
	int status = yaml_read(slice_make(text, n), &mem, &root, tell, told);
	arena_release(&mem);
	return status;
}

static void aliases_do_not_multiply(void **state)
{
	char text[2048] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
	(void)state;
	for (int i = 1; i < 9; i++) {
		size_t at = strlen(text);
		snprintf(text + at, sizeof text - at,
		         "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
		         i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	}
	struct told told = {0};
	assert_int_equal(read_capped(text, strlen(text), 64 << 20, &told), ERR_INVALID);
	assert_int_equal(told.n, 1);
	assert_non_null(strstr(told.text, "too large, with its aliases written out"));
}

static void caps(void **state)
{
	char *text = malloc(YAML_BYTES_MAX + 2);
	(void)state;
	struct told deep = {0}, large = {0}, full = {0};
	memset(text, '[', YAML_DEPTH_MAX + 2);
	memset(text + YAML_DEPTH_MAX + 2, ']', YAML_DEPTH_MAX + 2);
	assert_int_equal(read_capped(text + 1, 2 * (YAML_DEPTH_MAX + 1), 1 << 20, &deep), 0);
	assert_int_equal(read_capped(text, 2 * (YAML_DEPTH_MAX + 2), 1 << 20, &deep), ERR_INVALID);
	assert_non_null(strstr(deep.text, "nested too deeply"));

	memset(text, ' ', YAML_BYTES_MAX + 1);
	assert_int_equal(read_capped(text, YAML_BYTES_MAX, 1 << 20, &large), 0);
	assert_int_equal(read_capped(text, YAML_BYTES_MAX + 1, 1 << 20, &large), ERR_INVALID);
	assert_string_equal(large.text, "1:1 the text is larger than 1 MB\n");

	assert_int_equal(read_capped("a: [1, 2, 3]\n", 13, 64, &full), ERR_INVALID);
	assert_non_null(strstr(full.text, "memory is spent"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(trees), cmocka_unit_test(get),
	                                   cmocka_unit_test(faults),
	                                   cmocka_unit_test(aliases_do_not_multiply), cmocka_unit_test(caps)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
