/* The gate's token: what goes in comes out, and any change of it makes it nobody's. */
#include "unit/unit.h"

#include "policy/identity_gate.h"

#define NOW INT64_C(1795308465000)

static const uint8_t secret[TRUST_SECRET_BYTES] = {1, 2, 3}, other[TRUST_SECRET_BYTES] = {1, 2, 4};

static struct gate_token sample(void)
{
	struct gate_token t = {
	    .id = SLICE("01"),
	    .by = SLICE("k_abc"),
	    .role = ROLE_AGENT,
	    .ci = {.diff_lines = 12, .author = SLICE("ana \"x\""), .paths = SLICE("a\nb c")},
	    .issued_s = NOW / 1000,
	    .expires_s = NOW / 1000 + 60};
	t.fixed.v[ATTR_REPO] = SLICE("github.com/a/b");
	t.fixed.v[ATTR_TAGS] = SLICE("{\"a\":\"1\"}");
	return t;
}

static size_t make(const struct gate_token *t, char out[GATE_TOKEN_MAX + 1])
{
	struct buf b;
	buf_init(&b, GATE_TOKEN_MAX);
	assert_int_equal(gate_token_make(t, secret, &b), 0);
	slice s = buf_slice(&b);
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	buf_release(&b);
	return s.n;
}

static void there_and_back(void **state)
{
	(void)state;
	char text[GATE_TOKEN_MAX + 1];
	struct arena mem;
	struct error e = {0};
	struct gate_token in = sample(), t;
	arena_init(&mem, 1 << 16);
	make(&in, text);
	assert_int_equal(gate_token_read(slice_of(text), secret, NOW, &mem, &t, &e), 0);
	assert_true(slice_eq(t.by, in.by) && slice_eq(t.id, in.id) && t.role == ROLE_AGENT);
	assert_true(slice_eq(t.ci.author, in.ci.author) && slice_eq(t.ci.paths, in.ci.paths));
	assert_int_equal(t.ci.diff_lines, 12);
	for (int i = 0; i < ATTR_N; i++)
		assert_true(slice_eq(t.fixed.v[i], in.fixed.v[i]));
	assert_int_equal(gate_token_read(slice_of(text), secret, NOW + 59999, &mem, &t, &e), 0);
	assert_int_equal(gate_token_read(slice_of(text), secret, NOW + 60000, &mem, &t, &e), ERR_REFUSED);
	assert_non_null(strstr(e.text, "expired 0 s ago"));
	assert_int_equal(gate_token_read(slice_of(text), other, NOW, &mem, &t, &e), ERR_REFUSED);
	arena_release(&mem);
}

static void any_change(void **state)
{
	(void)state;
	char text[GATE_TOKEN_MAX + 1];
	struct gate_token in = sample(), t;
	struct arena mem;
	struct error e;
	size_t n = make(&in, text);
	arena_init(&mem, 1 << 16);
	for (size_t i = 0; i < n; i++) {
		char was = text[i];
		text[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(gate_token_read(slice_make(text, n), secret, NOW, &mem, &t, &e),
		                 ERR_REFUSED);
		text[i] = was;
		assert_int_equal(gate_token_read(slice_make(text, i), secret, NOW, &mem, &t, &e),
		                 ERR_REFUSED);
		arena_reset(&mem);
	}
	arena_release(&mem);
}

/* What does not fit: paths are left out whole, nothing is cut in half. */
static void long_paths(void **state)
{
	(void)state;
	static char paths[GATE_PATHS_MAX + 1], text[GATE_TOKEN_MAX + 1];
	struct gate_token in = sample(), t;
	struct arena mem;
	arena_init(&mem, 1 << 17);
	memset(paths, 'a', sizeof paths);
	in.ci.paths = slice_make(paths, GATE_PATHS_MAX);
	make(&in, text);
	assert_int_equal(gate_token_read(slice_of(text), secret, NOW, &mem, &t, NULL), 0);
	assert_int_equal(t.ci.paths.n, GATE_PATHS_MAX);
	in.ci.paths = slice_make(paths, GATE_PATHS_MAX + 1);
	make(&in, text);
	assert_int_equal(gate_token_read(slice_of(text), secret, NOW, &mem, &t, NULL), 0);
	assert_int_equal(t.ci.paths.n, 0);
	arena_release(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(any_change),
	                                   cmocka_unit_test(long_paths)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
