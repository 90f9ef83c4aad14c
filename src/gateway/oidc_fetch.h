/* One question to an issuer: its keys. */
#ifndef WEIR_GATEWAY_OIDC_FETCH_H
#define WEIR_GATEWAY_OIDC_FETCH_H

#include <stdatomic.h>

#include "model/settings.h"
#include "policy/identity_jwks.h"

/* From the file, the URL, or the URL that the issuer's own discovery document names (OpenID Connect Discovery
 * 1.0 section 4). Takes 10 seconds at most, less when *stop becomes true. NULL and a sentence on failure. */
struct jwks *oidc_fetch(const struct issuer *i, atomic_bool *stop, struct error *e);

#endif
