/* Thin wrappers over OpenSSL's EVP, the operating system's random numbers, and ULIDs (github.com/ulid/spec).
 */
/* SHA-256 is wanted once for each call, and EVP looks the algorithm up each time, which costs ten times the
 * hash itself: the functions below EVP are there for good (libcrypto.so.3), only no longer advertised. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <limits.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/crypto.h"

int crypto_sha256(slice data, uint8_t out[CRYPTO_SHA256_BYTES])
{
	SHA256_CTX c;
	bool done =
	    SHA256_Init(&c) && SHA256_Update(&c, data.n ? data.p : "", data.n) && SHA256_Final(out, &c);
	OPENSSL_cleanse(&c, sizeof c);
	return done ? 0 : ERR_IO;
}

int crypto_hmac_sha256(slice key, slice data, uint8_t out[CRYPTO_SHA256_BYTES])
{
	unsigned n = 0;
	if (key.n > INT_MAX)
		return ERR_RANGE;
	const unsigned char *text = (const unsigned char *)(data.n ? data.p : "");
	if (!HMAC(EVP_sha256(), key.n ? key.p : "", (int)key.n, text, data.n, out, &n) ||
	    n != CRYPTO_SHA256_BYTES)
		return ERR_IO;
	return 0;
}

int crypto_random(void *out, size_t n)
{
	for (uint8_t *p = out; n > 0;) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ERR_IO;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

bool crypto_equal(slice a, slice b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

void crypto_zero(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

void crypto_hex(const uint8_t *in, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
}

size_t crypto_base64url(const uint8_t *in, size_t n, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *o = out;
	unsigned bits = 0, have = 0;
	for (size_t i = 0; i < n; i++) {
		bits = (bits << 8 | in[i]) & 0xFFFF;
		for (have += 8; have >= 6; have -= 6)
			*o++ = digits[bits >> (have - 6) & 63];
	}
	if (have)
		*o++ = digits[bits << (6 - have) & 63];
	*o = '\0';
	return (size_t)(o - out);
}

#define ID_LAST_MS ((INT64_C(1) << 48) - 1)

static int id_fresh(struct crypto_ids *g)
{
	if (g->pool_left < sizeof g->random) {
		int err = crypto_random(g->pool, sizeof g->pool);
		if (err)
			return err;
		g->pool_left = sizeof g->pool;
	}
	g->pool_left -= sizeof g->random;
	memcpy(g->random, g->pool + g->pool_left, sizeof g->random);
	return 0;
}

/* The next larger random part; false when it was the largest. */
static bool id_increment(struct crypto_ids *g)
{
	for (size_t i = sizeof g->random; i-- > 0;)
		if (++g->random[i] != 0)
			return true;
	return false;
}

void crypto_id_of(int64_t wall_ms, const uint8_t random[CRYPTO_ID_RANDOM], char out[CRYPTO_ID_MAX])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t ms = wall_ms < 0 ? 0 : wall_ms > ID_LAST_MS ? (uint64_t)ID_LAST_MS : (uint64_t)wall_ms;
	for (int i = 9; i >= 0; i--, ms >>= 5)
		out[i] = digits[ms & 31];
	uint32_t bits = 0, have = 0;
	char *o = out + 10;
	for (size_t i = 0; i < CRYPTO_ID_RANDOM; i++) {
		bits = bits << 8 | random[i];
		for (have += 8; have >= 5; have -= 5)
			*o++ = digits[bits >> (have - 5) & 31];
	}
	*o = '\0';
}

/* A generator that starts as zeros has no random part yet, even when the clock stands at 0. */
static bool id_unused(const struct crypto_ids *g)
{
	static const uint8_t zeros[sizeof g->random];
	return g->last_ms == 0 && memcmp(g->random, zeros, sizeof zeros) == 0;
}

/* A clock that goes back does not make the ids go back: they stay in the last millisecond until it has passed
 * again. */
int crypto_id(struct crypto_ids *g, int64_t wall_ms, char out[CRYPTO_ID_MAX])
{
	out[0] = '\0';
	if (wall_ms < 0 || wall_ms > ID_LAST_MS)
		return ERR_RANGE;
	if (wall_ms > g->last_ms || id_unused(g)) {
		int err = id_fresh(g);
		if (err)
			return err;
		g->last_ms = wall_ms;
	} else if (!id_increment(g)) {
		if (g->last_ms == ID_LAST_MS)
			return ERR_RANGE;
		int err = id_fresh(g);
		if (err)
			return err;
		g->last_ms++;
	}
	crypto_id_of(g->last_ms, g->random, out);
	return 0;
}
