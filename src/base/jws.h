/* Signatures of JSON Web Signature (RFC 7515) on OpenSSL: RS256 and ES256 of RFC 7518, nothing else. A key
 * knows the one algorithm it is for; what a token says of its algorithm is compared with that and never
 * followed, so that neither "none" nor an HMAC made with a public key opens anything. */
#ifndef WEIR_BASE_JWS_H
#define WEIR_BASE_JWS_H

#include "base/err.h"
#include "base/slice.h"

enum jws_alg { JWS_RS256, JWS_ES256 };
const char *jws_alg_name(enum jws_alg a);

struct jws_key; /* a public key; immutable, may be used by several threads at once */

#define JWS_RSA_BITS_LEAST 2048 /* RFC 7518 section 3.3 */
#define JWS_RSA_BITS_MOST  8192

/* Of big-endian numbers (RFC 7518 section 6); NULL and a sentence when they are no such key. */
struct jws_key *jws_key_rsa(slice modulus, slice exponent, struct error *e);
struct jws_key *jws_key_p256(slice x, slice y, struct error *e);
void jws_key_free(struct jws_key *k);
enum jws_alg jws_key_alg(const struct jws_key *k);

/* Is signature the key's over input, by the key's algorithm? */
bool jws_verify(const struct jws_key *k, slice input, slice signature);

/* Base64url without padding, strictly: no other character, no bits left over (RFC 7515 appendix C). out has
 * in.n * 3 / 4 bytes. */
bool jws_base64url_decode(slice in, char *out, size_t *n);

#endif
