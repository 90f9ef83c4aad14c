/* The public keys of an issuer, a JSON Web Key Set (RFC 7517): those that verify RS256 and ES256. */
#ifndef WEIR_POLICY_IDENTITY_JWKS_H
#define WEIR_POLICY_IDENTITY_JWKS_H

#include "base/err.h"
#include "base/jws.h"
#include "base/slice.h"

#define JWKS_BYTES_MAX (256 * 1024)
#define JWKS_KEYS_MAX  64

struct jwks; /* immutable, shared by reference count */

/* Keys of another type, use or algorithm are passed over; NULL and a sentence when none is left, or the text
 * is no key set. */
struct jwks *jwks_read(slice text, struct error *e);
struct jwks *jwks_ref(struct jwks *k);
void jwks_unref(struct jwks *k);
size_t jwks_count(const struct jwks *k);
/* The key of an id; kid n 0: the only one there is. NULL when there is none. */
const struct jws_key *jwks_find(const struct jwks *k, slice kid);

#endif
