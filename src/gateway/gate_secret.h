/* The secret that signs `weir gate` tokens: the settings' own, or one that is made for this store once and
 * kept in a file beside it, readable by its owner only. */
#ifndef WEIR_GATEWAY_GATE_SECRET_H
#define WEIR_GATEWAY_GATE_SECRET_H

#include "model/settings.h"
#include "policy/identity_trust.h"

/* ERR_IO and a sentence when the file cannot be read or made, ERR_REFUSED when others can read it. */
int gate_secret_read(const struct settings *s, uint8_t out[TRUST_SECRET_BYTES], struct error *e) WARN_UNUSED;

#endif
