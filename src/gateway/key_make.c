#include "gateway/key_make.h"

int key_make(const struct ledger_ops *ops, struct ledger *l, struct ledger_key *k, char key[IDENTITY_KEY_MAX],
             char id[32], struct error *e)
{
	struct error inner = {0};
	if (identity_new_key(key, id, k->hash) < 0)
		return error_set(e, ERR_IO, "the operating system gives no random numbers");
	k->id = slice_of(id);
	struct keyring *ring = keyring_new();
	int status = ring ? keyring_add(ring, k->id, k->hash, k->role, k->user, k->team, k->attributes,
	                                k->expires_ms, 0)
	                  : ERR_NOMEM;
	keyring_unref(ring);
	if (status == ERR_INVALID)
		return error_set(e, status, "the user, team or an attribute is no text that a key can carry");
	if (status < 0)
		return error_set(e, status, "memory is spent");
	status = ops->key_add(l, k, &inner);
	return status < 0 ? error_set(e, status, "the key was not stored: %s", inner.text) : 0;
}
