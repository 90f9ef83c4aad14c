/* The keys of the issuers whose tokens are taken: fetched by a thread of its own, so that no event loop waits
 * for an issuer, and published as the shared trust.
 *
 * An issuer is asked at the start, whenever `refresh` has passed, and when a token names a key that is not
 * there (then `retry` apart at least: a stranger who makes up key ids must not make us storm it). While it
 * does not answer the keys before stay in force. A file of keys is read when it has changed. */
#ifndef WEIR_GATEWAY_OIDC_H
#define WEIR_GATEWAY_OIDC_H

#include "gateway/context.h"

#define OIDC_LOOK_MS 1000 /* how often files of keys are looked at */

struct oidc;

/* Makes shared->trust and starts the thread; waits, up to wait_ms, for the first answers. on_change is called
 * after shared->generation has moved, from that thread. NULL on failure. */
struct oidc *oidc_start(struct shared *s, const uint8_t secret[TRUST_SECRET_BYTES], int64_t wait_ms,
                        void (*on_change)(void *arg), void *arg, struct error *e);
void oidc_stop(struct oidc *o);
/* From any thread: the settings were replaced. */
void oidc_settings_changed(struct oidc *o);
/* From any thread, at no cost: keys of issuer number i are missing. */
void oidc_refetch(struct oidc *o, int i);

#endif
