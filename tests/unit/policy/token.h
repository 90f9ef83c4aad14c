/* Makes keys and signs tokens for tests, by OpenSSL, as an issuer does. */
#ifndef WEIR_TESTS_TOKEN_H
#define WEIR_TESTS_TOKEN_H

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "base/crypto.h"
#include "unit/unit.h"

static inline EVP_PKEY *token_rsa(unsigned bits)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
}

static inline EVP_PKEY *token_p256(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

static inline size_t token_number(const EVP_PKEY *key, const char *name, size_t width, char *out)
{
	BIGNUM *n = NULL;
	unsigned char bytes[1200];
	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	if (width == 0)
		width = (size_t)BN_num_bytes(n);
	assert_true(BN_bn2binpad(n, bytes, (int)width) == (int)width);
	BN_free(n);
	return crypto_base64url(bytes, width, out);
}

/* The public half as a JSON Web Key. */
static inline void token_jwk(const EVP_PKEY *key, const char *kid, char *out, size_t cap)
{
	char a[2000], b[2000];
	if (EVP_PKEY_is_a(key, "RSA")) {
		token_number(key, OSSL_PKEY_PARAM_RSA_N, 0, a);
		token_number(key, OSSL_PKEY_PARAM_RSA_E, 0, b);
		snprintf(out, cap,
		         "{\"kty\":\"RSA\",\"kid\":\"%s\",\"use\":\"sig\",\"alg\":\"RS256\",\"n\":\"%s\","
		         "\"e\":\"%s\"}",
		         kid, a, b);
		return;
	}
	token_number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32, a);
	token_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32, b);
	snprintf(out, cap, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}", kid,
	         a, b);
}

/* The signature as JWS has it; its length. */
static inline size_t token_signature(EVP_PKEY *key, const char *input, unsigned char *out, size_t cap)
{
	unsigned char der[1200];
	size_t n = sizeof der;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, der, &n, (const unsigned char *)input, strlen(input)), 1);
	EVP_MD_CTX_free(ctx);
	if (EVP_PKEY_is_a(key, "RSA")) {
		assert_true(n <= cap);
		memcpy(out, der, n);
		return n;
	}
	const unsigned char *p = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	assert_non_null(sig);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
	ECDSA_SIG_free(sig);
	return 64;
}

/* header.claims.signature; key NULL: an empty signature. */
static inline void token_make(EVP_PKEY *key, const char *header, const char *claims, char *out, size_t cap)
{
	unsigned char signature[1200];
	char part[8192];
	size_t n = 0;
	assert_true(strlen(claims) * 4 / 3 + 4 < sizeof part);
	crypto_base64url((const uint8_t *)header, strlen(header), part);
	n += (size_t)snprintf(out, cap, "%s.", part);
	crypto_base64url((const uint8_t *)claims, strlen(claims), part);
	n += (size_t)snprintf(out + n, cap - n, "%s", part);
	size_t signed_n = key ? token_signature(key, out, signature, sizeof signature) : 0;
	crypto_base64url(signature, signed_n, part);
	snprintf(out + n, cap - n, ".%s", part);
}

#endif
