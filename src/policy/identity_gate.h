/* The token that `weir gate` gets for a CI job: what the gate was told of the job, and by whom, signed with
 * the gateway's own secret. "wg_", the claims as JSON in base64url, '.', an HMAC-SHA256 over the text before
 * it. It opens as long as it says, and no longer than the key it was asked with. */
#ifndef WEIR_POLICY_IDENTITY_GATE_H
#define WEIR_POLICY_IDENTITY_GATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/types.h"
#include "policy/identity_trust.h"

#define GATE_TOKEN_PREFIX "wg_"
#define GATE_TOKEN_MAX    12288
/* Paths beyond that many bytes are left out of a token, which then says nothing of paths: it must fit into a
 * header. */
#define GATE_PATHS_MAX    4096

struct gate_token {
	slice id; /* its own */
	slice by; /* id of the key it was asked with: "k_…", "issuer:NAME", "uid:N" */
	enum role role;
	struct attribution fixed;
	struct ci_proof ci;
	int64_t issued_s, expires_s; /* seconds since 1970 */
};

/* Appends the token's text; ERR_FULL when it would be too long, ERR_NOMEM. */
int gate_token_make(const struct gate_token *t, const uint8_t secret[TRUST_SECRET_BYTES],
                    struct buf *out) WARN_UNUSED;
/* Reads a token whose signature holds; texts in mem. ERR_REFUSED with a sentence for a human. */
int gate_token_read(slice text, const uint8_t secret[TRUST_SECRET_BYTES], int64_t now_ms, struct arena *mem,
                    struct gate_token *out, struct error *e) WARN_UNUSED;

#endif
