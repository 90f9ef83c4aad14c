/* Hashes, HMAC and randomness on OpenSSL's EVP. */
#ifndef WEIR_BASE_CRYPTO_H
#define WEIR_BASE_CRYPTO_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define CRYPTO_SHA256_BYTES 32

int crypto_sha256(slice data, uint8_t out[CRYPTO_SHA256_BYTES]) WARN_UNUSED;
int crypto_hmac_sha256(slice key, slice data, uint8_t out[CRYPTO_SHA256_BYTES]) WARN_UNUSED;
/* From the operating system's generator; ERR_IO when it fails. */
int crypto_random(void *out, size_t n) WARN_UNUSED;
/* Time does not depend on where the difference is; false at once when lengths differ. */
bool crypto_equal(slice a, slice b);
void crypto_zero(void *p, size_t n); /* not optimised away */
/* Lower-case hex, 2n characters and NUL. */
void crypto_hex(const uint8_t *in, size_t n, char *out);
/* Base64url without padding (RFC 4648 section 5); out has (n*4+2)/3 characters and NUL. */
size_t crypto_base64url(const uint8_t *in, size_t n, char *out);

/* A sortable id: 48 bits of milliseconds, 80 random bits, Crockford base32, 26 characters and NUL (ULID). The
 * same millisecond in one generator gives increasing ids. */
#define CRYPTO_ID_RANDOM 10 /* bytes */
#define CRYPTO_ID_MAX    27
struct crypto_ids {
	int64_t last_ms;
	uint8_t random[CRYPTO_ID_RANDOM];
	uint8_t pool[256]; /* random bytes bought in bulk */
	size_t pool_left;
};
int crypto_id(struct crypto_ids *g, int64_t wall_ms, char out[CRYPTO_ID_MAX]) WARN_UNUSED;
/* The id of that time and random part: of what must get the same id each time it is seen. */
void crypto_id_of(int64_t wall_ms, const uint8_t random[CRYPTO_ID_RANDOM], char out[CRYPTO_ID_MAX]);

#endif
