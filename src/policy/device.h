/* From how many devices a key is used: one that is on many is shared, or stolen. Flagged, never refused.
 *
 * A device is what the agent says it is (Claude Code's device id), else the platform that its headers tell
 * and the address that it comes from. None of it is authenticated or kept: hashes only, for a day. */
#ifndef WEIR_POLICY_DEVICE_H
#define WEIR_POLICY_DEVICE_H

#include "model/types.h"

/* peer: a hash of the client's address; 0: not known. 0 when nothing is known. */
uint64_t device_of(const struct request_view *v, const struct headers *h, uint64_t peer, uint64_t seed);

#define DEVICES_OF_KEY 32    /* told apart at most; more are not counted */
#define DEVICES_KEYS   65536 /* remembered at most; the one not seen for longest goes */

struct devices;                             /* shared by all threads */
struct devices *devices_new(uint64_t seed); /* NULL without memory */
void devices_free(struct devices *d);
/* A call by that key from that device. True when it makes more than `most` of them within 24 hours, once a
 * day for each key; *n is how many there were. */
bool devices_seen(struct devices *d, slice key_id, uint64_t device, int64_t wall_ms, int64_t most,
                  int64_t *n);

#endif
