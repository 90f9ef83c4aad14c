/* Sessions of people, tries, sign-ins under way, cookies, and the paths that are gone to. */
#include "unit/unit.h"

#include <stdlib.h>

#include "gateway/signin.h"

struct fixture {
	struct clock clock;
	struct signin *s;
};

static void open_fixture(struct fixture *f)
{
	*f = (struct fixture){.clock = clock_fake(INT64_C(1790000000000), INT64_C(3600000000))};
	f->s = signin_new(&f->clock);
	assert_non_null(f->s);
}

static void pass(struct fixture *f, int64_t ms)
{
	f->clock.fake_mono_us += ms * 1000;
}

static struct signed_in person(const char *user)
{
	struct signed_in who = {.by_key = true, .role = ROLE_OPERATOR};
	name_set(&who.user, slice_of(user));
	name_set(&who.by, SLICE("k_1"));
	return who;
}

static bool is_in(struct fixture *f, const char *token, const char *user)
{
	struct signed_in out;
	return signin_find(f->s, slice_of(token), &out) && slice_eq(name_get(&out.user), slice_of(user));
}

static void a_session_ends(void **state)
{
	struct fixture f;
	char token[SIGNIN_TOKEN_MAX], other[SIGNIN_TOKEN_MAX];
	struct signed_in who = person("ana");
	(void)state;
	open_fixture(&f);
	assert_int_equal(signin_begin(f.s, &who, token), 0);
	assert_int_equal(signin_begin(f.s, &who, other), 0);
	assert_string_not_equal(token, other);
	assert_int_equal(strlen(token), 43);
	assert_true(is_in(&f, token, "ana"));
	assert_false(is_in(&f, "", "ana"));
	assert_false(is_in(&f, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "ana"));
	/* used now and then it lasts, but not for ever; unused it does not */
	for (int64_t t = 0; t + SIGNIN_IDLE_MS - 1 < SIGNIN_MOST_MS; t += SIGNIN_IDLE_MS - 1) {
		pass(&f, SIGNIN_IDLE_MS - 1);
		assert_true(is_in(&f, token, "ana"));
	}
	assert_false(is_in(&f, other, "ana"));
	pass(&f, SIGNIN_IDLE_MS - 1);
	assert_false(is_in(&f, token, "ana"));
	assert_int_equal(signin_begin(f.s, &who, token), 0);
	signin_end(f.s, slice_of(other));
	assert_true(is_in(&f, token, "ana"));
	signin_end(f.s, slice_of(token));
	assert_false(is_in(&f, token, "ana"));
	assert_int_equal(signin_count(f.s), 0);
	signin_free(f.s);
}

static void the_one_not_used_for_longest_goes(void **state)
{
	struct fixture f;
	char first[SIGNIN_TOKEN_MAX], second[SIGNIN_TOKEN_MAX], token[SIGNIN_TOKEN_MAX];
	struct signed_in who = person("ana");
	(void)state;
	open_fixture(&f);
	assert_int_equal(signin_begin(f.s, &who, first), 0);
	pass(&f, 1);
	assert_int_equal(signin_begin(f.s, &who, second), 0);
	for (int i = 2; i < SIGNIN_SESSIONS; i++) {
		pass(&f, 1);
		assert_int_equal(signin_begin(f.s, &who, token), 0);
	}
	assert_int_equal(signin_count(f.s), SIGNIN_SESSIONS);
	assert_true(is_in(&f, first, "ana")); /* used: the second is the oldest now */
	pass(&f, 1);
	assert_int_equal(signin_begin(f.s, &who, token), 0);
	assert_true(is_in(&f, first, "ana"));
	assert_false(is_in(&f, second, "ana"));
	assert_int_equal(signin_count(f.s), SIGNIN_SESSIONS);
	signin_free(f.s);
}

static void tries_are_counted(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f);
	for (int i = 0; i < SIGNIN_TRIES; i++) {
		assert_true(signin_may_try(f.s, SIGNIN_KEY, 1));
		signin_count_try(f.s, SIGNIN_KEY, 1);
	}
	assert_false(signin_may_try(f.s, SIGNIN_KEY, 1));
	assert_true(signin_may_try(f.s, SIGNIN_WAY, 1)); /* counted by themselves */
	assert_true(signin_may_try(f.s, SIGNIN_KEY, 2));
	pass(&f, 59999);
	assert_false(signin_may_try(f.s, SIGNIN_KEY, 1));
	pass(&f, 1);
	assert_true(signin_may_try(f.s, SIGNIN_KEY, 1));
	/* from many addresses: the sum of all */
	for (uint64_t peer = 100; peer < 100 + 10 * SIGNIN_TRIES; peer++)
		signin_count_try(f.s, SIGNIN_KEY, peer);
	assert_false(signin_may_try(f.s, SIGNIN_KEY, 7));
	pass(&f, 60000);
	assert_true(signin_may_try(f.s, SIGNIN_KEY, 7));
	signin_free(f.s);
}

static void each_way_is_gone_once(void **state)
{
	struct fixture f;
	struct signin_pending a = {.to = "/a"}, b = {.to = "/b"}, out;
	(void)state;
	open_fixture(&f);
	assert_int_equal(signin_pend(f.s, &a), 0);
	assert_int_equal(signin_pend(f.s, &b), 0);
	assert_string_not_equal(a.state, b.state);
	assert_string_not_equal(a.verifier, a.nonce);
	assert_false(signin_take_pending(f.s, SLICE(""), &out));
	assert_true(signin_take_pending(f.s, slice_of(a.state), &out));
	assert_string_equal(out.to, "/a");
	assert_string_equal(out.verifier, a.verifier);
	assert_false(signin_take_pending(f.s, slice_of(a.state), &out));
	pass(&f, SIGNIN_PENDING_MS);
	assert_false(signin_take_pending(f.s, slice_of(b.state), &out));
	for (int i = 0; i < SIGNIN_PENDING + 1; i++) {
		pass(&f, 1);
		assert_int_equal(signin_pend(f.s, i ? &b : &a), 0);
	}
	assert_false(signin_take_pending(f.s, slice_of(a.state), &out)); /* the oldest went */
	assert_true(signin_take_pending(f.s, slice_of(b.state), &out));
	signin_free(f.s);
}

static void cookies(void **state)
{
	static const struct {
		const char *header, *value;
	} cases[] = {
	    {"weir_session_8788=abc", "abc"},
	    {"a=b; weir_session_8788=abc; c=d", "abc"},
	    {"a=b;weir_session_8788 = abc ", "abc"},
	    {"weir_session_87880=no; weir_session_8788=yes", "yes"},
	    {"xweir_session_8788=no", ""},
	    {"weir_session_8788", ""},
	    {"weir_session_8788=", ""},
	    {";;;=;", ""},
	    {"", ""},
	};
	char name[64], line[SIGNIN_COOKIE_MAX];
	(void)state;
	signin_cookie_name(false, 8788, "session", name);
	assert_string_equal(name, "weir_session_8788");
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(
		    slice_eq(signin_cookie(slice_of(cases[i].header), name), slice_of(cases[i].value)));
	signin_set_cookie(false, name, SLICE("t"), false, 60, line);
	assert_string_equal(line, "weir_session_8788=t; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
	signin_cookie_name(true, 443, "session", name);
	signin_set_cookie(true, name, SLICE_NONE, true, 60, line);
	assert_string_equal(line,
	                    "__Host-weir_session_443=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
}

static void paths(void **state)
{
	static const char *const good[] = {"/", "/sessions?state=paused&x=%20", "/a/b,c:d~e"};
	static const char *const bad[] = {"",
	                                  "//evil.example",
	                                  "/\\evil.example",
	                                  "https://evil.example",
	                                  "x",
	                                  "/a\"b",
	                                  "/<script>",
	                                  "/a b",
	                                  "/a\r\nSet-Cookie: x",
	                                  "/a#b",
	                                  "/a'b"};
	char longest[SIGNIN_TO_MAX + 2];
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(slice_eq(signin_path(slice_of(good[i])), slice_of(good[i])));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_true(slice_eq(signin_path(slice_of(bad[i])), SLICE("/")));
	memset(longest, '/', sizeof longest);
	longest[1] = 'a';
	assert_true(slice_eq(signin_path(slice_make(longest, SIGNIN_TO_MAX)), SLICE("/")));
	assert_int_equal(signin_path(slice_make(longest, SIGNIN_TO_MAX - 1)).n, SIGNIN_TO_MAX - 1);
	assert_true(slice_eq(signin_path(slice_make("/a\0b", 4)), SLICE("/")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_ends),    cmocka_unit_test(the_one_not_used_for_longest_goes),
	    cmocka_unit_test(tries_are_counted), cmocka_unit_test(each_way_is_gone_once),
	    cmocka_unit_test(cookies),           cmocka_unit_test(paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
