/* Signatures of AWS's published examples: the test suite of Signature Version 4 (its key, day and requests)
 * and the one of the IAM user guide. What is not among them is checked for what must not change a signature.
 */
#include "unit/unit.h"

#include "gateway/sigv4.h"

#define DAY INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define SUITE                                                                                                \
	{                                                                                                    \
		SLICE("us-east-1"), SLICE("service"), SLICE("AKIDEXAMPLE"),                                  \
		    SLICE("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), SLICE_NONE                            \
	}

#define HEADERS 4
static const struct vector {
	const char *name, *method, *path, *query, *body;
	struct {
		const char *name, *value;
	} headers[HEADERS];
	const char *token, *signed_names, *signature;
} vectors[] = {
    {"get-vanilla",
     "GET",
     "/",
     "",
     "",
     {{0}},
     "",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-empty-query-key",
     "GET",
     "/",
     "Param1=value1",
     "",
     {{0}},
     "",
     "host;x-amz-date",
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     "Param2=value2&Param1=value1",
     "",
     {{0}},
     "",
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-utf8",
     "GET",
     "/\xe1\x88\xb4",
     "",
     "",
     {{0}},
     "",
     "host;x-amz-date",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"post-vanilla",
     "POST",
     "/",
     "",
     "",
     {{0}},
     "",
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     "",
     "Param1=value1",
     {{"Content-Type", "application/x-www-form-urlencoded"}},
     "",
     "content-type;host;x-amz-date",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"post-sts-header-before",
     "POST",
     "/",
     "",
     "",
     {{0}},
     "AQoDYXdzEPT//////////"
     "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflf"
     "KD8YUuwthAx7mSEI/qkPpKPi/"
     "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd"
     "8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"
     "scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3i"
     "SIlTJabIQwj2ICCR/oLxBA==",
     "host;x-amz-date;x-amz-security-token",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
};

static int sign_as(const struct sigv4_key *key, const struct vector *v, const char *host, struct arena *mem,
                   struct sigv4 *out)
{
	struct header at[HEADERS];
	struct headers headers = {at, 0};
	for (size_t i = 0; i < HEADERS && v->headers[i].name; i++)
		at[headers.n++] =
		    (struct header){slice_of(v->headers[i].name), slice_of(v->headers[i].value)};
	struct sigv4_request r = {.method = slice_of(v->method),
	                          .host = slice_of(host),
	                          .path = slice_of(v->path),
	                          .query = slice_of(v->query),
	                          .headers = &headers,
	                          .body = slice_of(v->body),
	                          .wall_ms = DAY};
	return sigv4_sign(key, &r, mem, out);
}

static void check(const char *name, const struct sigv4 *got, const char *scope, const char *names,
                  const char *signature)
{
	char want[1024];
	snprintf(want, sizeof want, "AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=%s, Signature=%s", scope,
	         names, signature);
	if (!slice_eq(got->authorization, slice_of(want)))
		fail_msg("%s:\n got  " SLICE_FMT "\n want %s", name, SLICE_ARG(got->authorization), want);
}

static void the_suite(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct sigv4_key key = SUITE;
		struct arena mem;
		struct sigv4 out;
		key.token = slice_of(v->token);
		arena_init(&mem, 1 << 20);
		assert_int_equal(sign_as(&key, v, "example.amazonaws.com", &mem, &out), 0);
		check(v->name, &out, "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request", v->signed_names,
		      v->signature);
		assert_true(slice_eq(out.date, SLICE("20150830T123600Z")));
		arena_release(&mem);
	}
}

static void the_user_guide(void **state)
{
	(void)state;
	static const struct vector v = {
	    "ListUsers", "GET",
	    "/",         "Action=ListUsers&Version=2010-05-08",
	    "",          {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
	    "",          "",
	    ""};
	struct sigv4_key key = SUITE;
	struct arena mem;
	struct sigv4 out;
	key.service = SLICE("iam");
	arena_init(&mem, 1 << 20);
	assert_int_equal(sign_as(&key, &v, "iam.amazonaws.com", &mem, &out), 0);
	check(v.name, &out, "AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request", "content-type;host;x-amz-date",
	      "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
	arena_release(&mem);
}

/* Two requests: do they get one signature? */
static bool alike(const struct vector *a, const struct vector *b)
{
	struct sigv4_key key = SUITE;
	struct arena mem;
	struct sigv4 x, y;
	arena_init(&mem, 1 << 20);
	assert_int_equal(sign_as(&key, a, "h", &mem, &x), 0);
	assert_int_equal(sign_as(&key, b, "h", &mem, &y), 0);
	bool same = slice_eq(x.authorization, y.authorization);
	arena_release(&mem);
	return same;
}

static void what_changes_a_signature(void **state)
{
	(void)state;
	static const struct vector base = {
	    "", "POST", "/model/a:0/invoke", "", "{}", {{"x-amzn-a", "1 2"}}, "", "", ""};
	struct vector v = base;
	assert_true(alike(&base, &v));
	v.headers[0].value = "  1   2 ";
	assert_true(alike(&base, &v)); /* spaces */
	v.headers[0].name = "X-Amzn-A";
	assert_true(alike(&base, &v)); /* case of a name */
	v.headers[1].name = "user-agent", v.headers[1].value = "x";
	assert_true(alike(&base, &v)); /* not signed */
	v.headers[1].name = "authorization", v.headers[2].name = "X-Amz-Date", v.headers[2].value = "1";
	assert_true(alike(&base, &v)); /* another signature's */
	v = base, v.headers[0].value = "1 3";
	assert_false(alike(&base, &v));
	v = base, v.body = "{ }";
	assert_false(alike(&base, &v));
	v = base, v.path = "/model/a%3A0/invoke";
	assert_false(alike(&base, &v)); /* encoded once more: %253A */
	v = base, v.query = "a";
	struct vector w = v;
	assert_false(alike(&base, &v));
	w.query = "a=";
	assert_true(alike(&v, &w));
	v.query = "b=%2f&a=1", w.query = "a=1&b=%2F";
	assert_true(alike(&v, &w));
}

static void too_much_is_refused(void **state)
{
	(void)state;
	struct header at[SIGV4_HEADERS_MAX];
	struct headers headers = {at, SIGV4_HEADERS_MAX};
	struct sigv4_key key = SUITE;
	struct arena mem;
	struct sigv4 out;
	for (size_t i = 0; i < SIGV4_HEADERS_MAX; i++)
		at[i] = (struct header){SLICE("x-amzn-x"), SLICE("1")};
	struct sigv4_request r = {.method = SLICE("GET"),
	                          .host = SLICE("h"),
	                          .path = SLICE("/"),
	                          .headers = &headers,
	                          .wall_ms = DAY};
	arena_init(&mem, 1 << 20);
	assert_int_equal(sigv4_sign(&key, &r, &mem, &out), ERR_FULL);
	headers.n = 1;
	arena_release(&mem);
	arena_init(&mem, 64);
	assert_int_equal(sigv4_sign(&key, &r, &mem, &out), ERR_NOMEM);
	arena_release(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_suite),
	    cmocka_unit_test(the_user_guide),
	    cmocka_unit_test(what_changes_a_signature),
	    cmocka_unit_test(too_much_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
