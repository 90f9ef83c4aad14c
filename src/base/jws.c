#include "base/jws.h"

#include <stdint.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define P256_BYTES 32

struct jws_key {
	enum jws_alg alg;
	EVP_PKEY *key; /* owned */
};

const char *jws_alg_name(enum jws_alg a)
{
	return a == JWS_RS256 ? "RS256" : "ES256";
}

enum jws_alg jws_key_alg(const struct jws_key *k)
{
	return k->alg;
}

void jws_key_free(struct jws_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

/* The key of a type ("RSA", "EC") and its numbers; OpenSSL checks that a point lies on its curve. */
static struct jws_key *make_key(enum jws_alg alg, const char *type, OSSL_PARAM_BLD *numbers)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL), *check = NULL;
	OSSL_PARAM *params = numbers ? OSSL_PARAM_BLD_to_param(numbers) : NULL;
	struct jws_key *k = calloc(1, sizeof *k);
	bool good = k && ctx && params && EVP_PKEY_fromdata_init(ctx) == 1 &&
	            EVP_PKEY_fromdata(ctx, &k->key, EVP_PKEY_PUBLIC_KEY, params) == 1;
	if (good) {
		check = EVP_PKEY_CTX_new(k->key, NULL);
		good = check && EVP_PKEY_public_check(check) == 1;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	if (good) {
		k->alg = alg;
		return k;
	}
	jws_key_free(k);
	return NULL;
}

struct jws_key *jws_key_rsa(slice modulus, slice exponent, struct error *e)
{
	while (modulus.n && modulus.p[0] == '\0')
		modulus = slice_sub(modulus, 1, modulus.n);
	if (modulus.n * 8 < JWS_RSA_BITS_LEAST || modulus.n * 8 > JWS_RSA_BITS_MOST || exponent.n == 0 ||
	    exponent.n > 8) {
		error_set(e, ERR_INVALID, "an RSA key of %d to %d bits is wanted", JWS_RSA_BITS_LEAST,
		          JWS_RSA_BITS_MOST);
		return NULL;
	}
	OSSL_PARAM_BLD *numbers = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.p, (int)modulus.n, NULL);
	BIGNUM *x = BN_bin2bn((const unsigned char *)exponent.p, (int)exponent.n, NULL);
	struct jws_key *k = NULL;
	if (numbers && n && x && BN_num_bits(n) >= JWS_RSA_BITS_LEAST &&
	    OSSL_PARAM_BLD_push_BN(numbers, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(numbers, OSSL_PKEY_PARAM_RSA_E, x))
		k = make_key(JWS_RS256, "RSA", numbers);
	OSSL_PARAM_BLD_free(numbers);
	BN_free(n);
	BN_free(x);
	if (k == NULL)
		error_set(e, ERR_INVALID, "these numbers are no RSA key");
	return k;
}

struct jws_key *jws_key_p256(slice x, slice y, struct error *e)
{
	unsigned char point[1 + 2 * P256_BYTES] = {4}; /* uncompressed (SEC 1 section 2.3.3) */
	if (x.n != P256_BYTES || y.n != P256_BYTES) {
		error_set(e, ERR_INVALID, "the numbers of a P-256 key have 32 bytes each");
		return NULL;
	}
	memcpy(point + 1, x.p, P256_BYTES);
	memcpy(point + 1 + P256_BYTES, y.p, P256_BYTES);
	OSSL_PARAM_BLD *numbers = OSSL_PARAM_BLD_new();
	struct jws_key *k = NULL;
	if (numbers && OSSL_PARAM_BLD_push_utf8_string(numbers, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(numbers, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point))
		k = make_key(JWS_ES256, "EC", numbers);
	OSSL_PARAM_BLD_free(numbers);
	if (k == NULL)
		error_set(e, ERR_INVALID, "these numbers are no point of P-256");
	return k;
}

static bool verify(EVP_PKEY *key, slice input, const unsigned char *signature, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	            EVP_DigestVerify(ctx, signature, n, (const unsigned char *)input.p, input.n) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

/* RFC 7518 section 3.4: R and S of 32 bytes each, where OpenSSL wants them in DER. */
static bool verify_es256(EVP_PKEY *key, slice input, slice signature)
{
	if (signature.n != 2 * P256_BYTES)
		return false;
	const unsigned char *bytes = (const unsigned char *)signature.p;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(bytes, P256_BYTES, NULL), *s = BN_bin2bn(bytes + P256_BYTES, P256_BYTES, NULL);
	unsigned char *der = NULL;
	int n = -1;
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s))
		n = i2d_ECDSA_SIG(sig, &der);
	else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	bool good = n > 0 && verify(key, input, der, (size_t)n);
	OPENSSL_free(der);
	return good;
}

bool jws_verify(const struct jws_key *k, slice input, slice signature)
{
	if (input.n == 0 || signature.n == 0)
		return false;
	if (k->alg == JWS_ES256)
		return verify_es256(k->key, input, signature);
	return signature.n == (size_t)EVP_PKEY_get_size(k->key) &&
	       verify(k->key, input, (const unsigned char *)signature.p, signature.n);
}

static int bits_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool jws_base64url_decode(slice in, char *out, size_t *n)
{
	uint32_t sum = 0;
	unsigned have = 0;
	size_t at = 0;
	for (size_t i = 0; i < in.n; i++) {
		int bits = bits_of(in.p[i]);
		if (bits < 0)
			return false;
		sum = (sum << 6 | (uint32_t)bits) & 0xFFFFFF;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[at++] = (char)(sum >> have);
		}
	}
	*n = at;
	return in.n % 4 != 1 && (sum & ((1u << have) - 1)) == 0;
}
