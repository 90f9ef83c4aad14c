/* Who asks: Weir keys, from a snapshot of the ledger's keys that is replaced as a whole when they change; and
 * tokens of trusted issuers. */
#ifndef WEIR_POLICY_IDENTITY_H
#define WEIR_POLICY_IDENTITY_H

#include "base/arena.h"
#include "base/err.h"
#include "model/types.h"
#include "policy/identity_trust.h"

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

/* The key of that id, when it is good now: its id, role and what it fixes, which point into the keyring.
 * False: there is none, or it was revoked or has expired. */
bool keyring_find(const struct keyring *k, slice id, int64_t now_ms, struct principal *out);

enum identity_result {
	IDENTITY_OK,
	IDENTITY_ANONYMOUS, /* no Weir key given, on loopback: only the client's own credential may go on
	                       (own_credential says whether there is one), never the provider's */
	IDENTITY_MISSING,   /* no Weir key given where one is needed */
	IDENTITY_UNKNOWN,   /* a wk_ key that is not known */
	IDENTITY_EXPIRED,
	IDENTITY_REVOKED,
	IDENTITY_ROLE,  /* a key whose role may not call models */
	IDENTITY_TOKEN, /* a token that does not hold */
};

struct identity_in {
	const struct keyring *keys;
	const struct trust *trust; /* NULL: no tokens are taken */
	const struct headers *headers;
	slice query;
	bool loopback; /* the listener's */
	int64_t now_ms;
};

struct identity {
	enum identity_result result;
	struct principal who;
	const char *why; /* one text for a human; "" when nothing is wrong */
	int stale;       /* number of an issuer whose keys ought to be fetched again; -1 */
};

/* Reads x-weir-key, x-api-key, Authorization: Bearer, x-goog-api-key, api-key and the query's key=, in this
 * order, for a Weir key (wk_…), or a token of an issuer that is trusted. Another issuer's token is the
 * client's own credential, as are other texts. Texts of *out point into the keyring, the trust (hold
 * references) or mem. Of a known key that is refused out->who tells whose it is, for the record. */
void identity_check(const struct identity_in *in, struct arena *mem, struct identity *out);

/* True for a header that carries a credential: never passed on when Weir holds the provider's own; all of
 * them when its value is Weir's to take. */
bool identity_is_credential_header(slice name);
bool identity_is_weir_key(slice value); /* also behind "Bearer " */
/* A Weir key, or a token of a trusted issuer, also behind "Bearer ". */
bool identity_is_ours(const struct trust *t, slice value, struct arena *mem);

#endif
