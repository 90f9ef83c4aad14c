/* Making a Weir key. */
#ifndef WEIR_GATEWAY_KEY_MAKE_H
#define WEIR_GATEWAY_KEY_MAKE_H

#include "policy/identity.h"
#include "store/ledger.h"

/* A new key's text into key, its id into id; *k has the rest, and gets id (in the caller's id) and hash.
 * Tried on a keyring first, so that what is stored is what a gateway takes. A negative enum err with a
 * sentence. */
int key_make(const struct ledger_ops *ops, struct ledger *l, struct ledger_key *k, char key[IDENTITY_KEY_MAX],
             char id[32], struct error *e) WARN_UNUSED;

#endif
