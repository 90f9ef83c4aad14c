/* JSON Web Tokens of an issuer's (RFC 7519, RFC 8725): read, then checked, then turned into a principal. */
#ifndef WEIR_POLICY_IDENTITY_JWT_H
#define WEIR_POLICY_IDENTITY_JWT_H

#include "base/arena.h"
#include "base/err.h"
#include "model/settings.h"
#include "policy/identity_jwks.h"

#define JWT_BYTES_MAX 16384
#define JWT_NO_TIME   INT64_MIN

/* What a token says; nothing of it is true before jwt_check. Texts live in the arena. */
struct jwt {
	slice alg, kid;              /* of the header; n 0: not said */
	slice issuer;                /* iss */
	slice claims;                /* the payload, a valid JSON object */
	slice input, signature;      /* what is signed, and the signature's bytes */
	int64_t exp_s, nbf_s, iat_s; /* seconds since 1970; JWT_NO_TIME: not said */
};

/* Has it the shape of a token (three parts of base64url, the first a JSON object's)? */
bool jwt_looks_like(slice text);
/* ERR_INVALID with a sentence when it is none; ERR_FULL, ERR_NOMEM. */
int jwt_read(slice token, struct arena *mem, struct jwt *out, struct error *e) WARN_UNUSED;

/* Signature, algorithm, issuer, audience and times. keys NULL: none are there, and without says why.
 * ERR_REFUSED with a sentence for a human; ERR_NOT_FOUND when the token names a key that the issuer's set
 * does not have, and the set may be old. */
int jwt_check(const struct jwt *t, const struct issuer *i, const struct jwks *keys, const char *without,
              int64_t now_ms, struct error *e) WARN_UNUSED;

/* A claim as a text: a string, or a number, true or false as it stands. n 0 when there is none. */
slice jwt_claim(const struct jwt *t, slice name, struct arena *mem);

/* Is that one of the claim's texts? Of a list any, else the claim itself. */
bool jwt_claim_has(const struct jwt *t, slice name, slice value);

/* The attributes that the claims and the issuer's settings give. */
void jwt_attributes(const struct jwt *t, const struct issuer *i, struct arena *mem, struct attribution *out);
/* Who set the job off, for gates; n 0: it does not say. */
slice jwt_author(const struct jwt *t, struct arena *mem);

#endif
