/* Who asks: Weir keys, from a snapshot of the ledger's keys that is replaced as a whole when they change. */
#ifndef WEIR_POLICY_IDENTITY_H
#define WEIR_POLICY_IDENTITY_H

#include "base/arena.h"
#include "base/err.h"
#include "model/types.h"

#define IDENTITY_KEY_PREFIX "wk_"
#define IDENTITY_KEY_MAX    64 /* characters of a key's text, NUL included */

/* A new key: "wk_" and 256 random bits in base64url; id: "k_" and 12 characters. out_hash is what is stored.
 */
int identity_new_key(char key[IDENTITY_KEY_MAX], char id[32], uint8_t out_hash[32]) WARN_UNUSED;

struct keyring; /* immutable once built, shared by reference count */
struct keyring *keyring_new(void);
/* Copies all. attributes: JSON object of attr names to texts; an unknown name is ERR_INVALID. */
int keyring_add(struct keyring *k, slice id, const uint8_t hash[32], enum role role, slice user, slice team,
                slice attributes, int64_t expires_ms, int64_t revoked_ms) WARN_UNUSED;
struct keyring *keyring_ref(struct keyring *k);
void keyring_unref(struct keyring *k);
size_t keyring_count(const struct keyring *k); /* keys not revoked */

enum identity_result {
	IDENTITY_OK,
	IDENTITY_ANONYMOUS, /* no Weir key given, on loopback: only the client's own credential may go on
	                       (own_credential says whether there is one), never the provider's */
	IDENTITY_MISSING,   /* no Weir key given where one is needed */
	IDENTITY_UNKNOWN,   /* a wk_ key that is not known */
	IDENTITY_EXPIRED,
	IDENTITY_REVOKED,
	IDENTITY_ROLE, /* a key whose role may not call models */
};

/* Reads x-weir-key, x-api-key, Authorization: Bearer, x-goog-api-key, api-key and the query's key=, in this
 * order, for a text with the wk_ prefix. Texts of *out point into the keyring (hold a reference). loopback:
 * the listener's. One text for a human goes to *why ("" when nothing is wrong). Of a known key that is
 * refused *out tells whose it is, for the record. */
enum identity_result identity_check(const struct keyring *k, const struct headers *h, slice query,
                                    bool loopback, int64_t now_ms, struct principal *out, const char **why);

/* True for a header that carries a credential: never passed on when Weir holds the provider's own; all of
 * them when its value is a Weir key. */
bool identity_is_credential_header(slice name);
bool identity_is_weir_key(slice value); /* also behind "Bearer " */

#endif
