/* Known answers: FIPS 180-4 examples, RFC 4231, RFC 4648; properties of ids. */
#include "unit/unit.h"

#include "base/crypto.h"

static void sha256(void **state)
{
	(void)state;
	static const struct {
		const char *text, *hex;
	} cases[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[CRYPTO_SHA256_BYTES];
		char hex[2 * CRYPTO_SHA256_BYTES + 1];
		assert_int_equal(crypto_sha256(slice_of(cases[i].text), out), 0);
		crypto_hex(out, sizeof out, hex);
		assert_string_equal(hex, cases[i].hex);
	}
	uint8_t out[CRYPTO_SHA256_BYTES];
	assert_int_equal(crypto_sha256(SLICE_NONE, out), 0);
	assert_int_equal(out[0], 0xE3);
}

static void hmac(void **state)
{
	(void)state;
	char aa[131];
	memset(aa, 0xAA, sizeof aa);
	const struct {
		slice key, data;
		const char *hex;
	} cases[] = {
	    /* RFC 4231, cases 2 and 6; the empty key and text */
	    {SLICE("Jefe"), SLICE("what do ya want for nothing?"),
	     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	    {slice_make(aa, sizeof aa), SLICE("Test Using Larger Than Block-Size Key - Hash Key First"),
	     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	    {SLICE_NONE, SLICE_NONE, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[CRYPTO_SHA256_BYTES];
		char hex[2 * CRYPTO_SHA256_BYTES + 1];
		assert_int_equal(crypto_hmac_sha256(cases[i].key, cases[i].data, out), 0);
		crypto_hex(out, sizeof out, hex);
		assert_string_equal(hex, cases[i].hex);
	}
	uint8_t out[CRYPTO_SHA256_BYTES];
	assert_int_equal(crypto_hmac_sha256((slice){"", SIZE_MAX}, SLICE("x"), out), ERR_RANGE);
}

static void base64url(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		size_t n;
		const char *out;
	} cases[] = {
	    {"", 0, ""},
	    {"f", 1, "Zg"},
	    {"fo", 2, "Zm8"},
	    {"foo", 3, "Zm9v"},
	    {"foob", 4, "Zm9vYg"},
	    {"fooba", 5, "Zm9vYmE"},
	    {"foobar", 6, "Zm9vYmFy"},
	    {"\xFB\xFF\xBF", 3, "-_-_"},
	    {"\xFF\xFF\xFF\xFF", 4, "_____w"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[16];
		memset(out, '#', sizeof out);
		assert_int_equal(crypto_base64url((const uint8_t *)cases[i].in, cases[i].n, out),
		                 strlen(cases[i].out));
		assert_string_equal(out, cases[i].out);
		assert_int_equal(strlen(out), (cases[i].n * 4 + 2) / 3);
	}
}

static void comparing_and_wiping(void **state)
{
	(void)state;
	assert_true(crypto_equal(SLICE("same"), SLICE("same")));
	assert_true(crypto_equal(SLICE_NONE, SLICE("")));
	assert_false(crypto_equal(SLICE("same"), SLICE("samf")));
	assert_false(crypto_equal(SLICE("same"), SLICE("sam")));
	char secret[8] = "secret!";
	crypto_zero(secret, sizeof secret);
	for (size_t i = 0; i < sizeof secret; i++)
		assert_int_equal(secret[i], 0);
	crypto_zero(NULL, 0);
}

static void randomness(void **state)
{
	(void)state;
	static uint8_t a[1000], b[1000];
	int bits = 0;
	assert_int_equal(crypto_random(a, sizeof a), 0);
	assert_int_equal(crypto_random(b, sizeof b), 0);
	assert_memory_not_equal(a, b, sizeof a);
	for (size_t i = 0; i < sizeof a; i++)
		bits += __builtin_popcount(a[i]);
	assert_in_range(bits, 3500, 4500); /* 11 standard deviations */
	assert_int_equal(crypto_random(NULL, 0), 0);
}

static void ids_are_ordered(void **state)
{
	(void)state;
	struct crypto_ids g = {0};
	char last[CRYPTO_ID_MAX] = "", id[CRYPTO_ID_MAX];
	int64_t ms = 1795308465123;
	for (int i = 0; i < 5000; i++) {
		ms += i % 7 == 0; /* several in a millisecond */
		assert_int_equal(crypto_id(&g, i % 1000 == 999 ? ms - 100000 : ms, id),
		                 0); /* the clock jumps back */
		assert_int_equal(strlen(id), CRYPTO_ID_MAX - 1);
		assert_int_equal(strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), CRYPTO_ID_MAX - 1);
		assert_true(strcmp(last, id) < 0);
		memcpy(last, id, sizeof last);
	}
}

static void ids_follow_the_specification(void **state)
{
	(void)state;
	struct crypto_ids g = {.last_ms = 1469918176385};
	char id[CRYPTO_ID_MAX];
	memset(g.random, 0xFF, sizeof g.random);
	g.random[9] = 0xFD;
	assert_int_equal(crypto_id(&g, 1469918176385, id), 0); /* the ULID specification's timestamp */
	assert_string_equal(id, "01ARYZ6S41ZZZZZZZZZZZZZZZY");
	assert_int_equal(crypto_id(&g, 1469918176385, id), 0);
	assert_string_equal(id, "01ARYZ6S41ZZZZZZZZZZZZZZZZ");
	assert_int_equal(crypto_id(&g, 1469918176385, id),
	                 0); /* the random part is spent: the next millisecond */
	assert_memory_equal(id, "01ARYZ6S42", 10);
	assert_int_equal(crypto_id(&g, (INT64_C(1) << 48) - 1, id), 0);
	assert_memory_equal(id, "7ZZZZZZZZZ", 10);
	memset(g.random, 0xFF, sizeof g.random);
	assert_int_equal(crypto_id(&g, 5, id), ERR_RANGE); /* no id is left */
	assert_int_equal(crypto_id(&g, INT64_C(1) << 48, id), ERR_RANGE);
	assert_int_equal(crypto_id(&g, -1, id), ERR_RANGE);
	assert_string_equal(id, "");
}

static void generators_differ(void **state)
{
	(void)state;
	static const int64_t times[] = {0, 1795308465123};
	for (size_t i = 0; i < COUNT(times); i++) {
		struct crypto_ids a = {0}, b = {0};
		char x[CRYPTO_ID_MAX], y[CRYPTO_ID_MAX];
		assert_int_equal(crypto_id(&a, times[i], x), 0);
		assert_int_equal(crypto_id(&b, times[i], y), 0);
		assert_memory_equal(x, y, 10);
		assert_string_not_equal(x, y);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sha256),
	    cmocka_unit_test(hmac),
	    cmocka_unit_test(base64url),
	    cmocka_unit_test(comparing_and_wiping),
	    cmocka_unit_test(randomness),
	    cmocka_unit_test(ids_are_ordered),
	    cmocka_unit_test(ids_follow_the_specification),
	    cmocka_unit_test(generators_differ),
	};
	return cmocka_run_group_tests_name("base/crypto", tests, NULL, NULL);
}
