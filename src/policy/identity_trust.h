/* Whose word counts beside that of Weir keys: the issuers of the settings with their keys as last fetched,
 * and the secret that signs the gate's tokens. A snapshot, replaced as a whole when something of it changes.
 */
#ifndef WEIR_POLICY_IDENTITY_TRUST_H
#define WEIR_POLICY_IDENTITY_TRUST_H

#include "model/settings.h"
#include "policy/identity_jwks.h"

#define TRUST_SECRET_BYTES 32
#define TRUST_WHY_MAX      200

struct trust; /* immutable once shared, by reference count */

/* Of a snapshot of settings (a reference is taken). before (may be NULL): keys of issuers that are the same
 * are kept. secret: the gate's, of TRUST_SECRET_BYTES. NULL without memory. */
struct trust *trust_new(struct settings *s, const uint8_t secret[TRUST_SECRET_BYTES],
                        const struct trust *before);
struct trust *trust_ref(struct trust *t);
void trust_unref(struct trust *t);

/* Of one that is not shared yet: what was fetched for issuer number i. keys NULL: those before stay; why, a
 * sentence's part ("its keys could not be fetched: …"), "" when all is well. */
void trust_set(struct trust *t, size_t i, struct jwks *keys, const char *why);

const struct settings *trust_settings(const struct trust *t);
size_t trust_issuers(const struct trust *t);
/* NULL: none yet. */
const struct jwks *trust_keys(const struct trust *t, size_t i);
const char *trust_why(const struct trust *t, size_t i);
/* The number of the issuer with that `iss`; -1 when there is none. */
int trust_find(const struct trust *t, slice issuer);
const uint8_t *trust_secret(const struct trust *t);

#endif
