/* A record as bytes, for a journal slot: short enough that the intent and the settlement of one call stand
 *side by side in it.
 *
 *	26 bytes		id
 *	numbers			zigzag LEB128 each, in the order of pack.c's table, then the meters, then the
 *cost texts			attributes, then texts, each: 0 none | 1 the same as in the intent | n+2 and n
 *bytes
 *
 * The numbers of the enumerations are those of this build; the journal's header carries pack_layout() so that
 *a build with other tables notices. */
#ifndef WEIR_STORE_PACK_H
#define WEIR_STORE_PACK_H

#include <stdint.h>

#include "model/types.h"

#define PACK_TEXTS ((size_t)ATTR_N + TEXT_N)
#define PACK_ID    26
/* More than any record takes without its texts: id, numbers at their longest, one byte a text. */
#define PACK_MIN   512

/* Writes r into out, of cap >= PACK_MIN bytes, and returns the bytes used. What does not fit is cut: tags go
 * first, then the explanation, then the longest texts, at a character's border. base (may be NULL): the
 * record as unpacked from the intent; texts equal to it are not written again. */
size_t record_pack(const struct record *r, const struct record *base, unsigned char *out, size_t cap);

/* Reads what record_pack wrote; texts point into bytes (and where base's point). False when the bytes are not
 * a packed record, *r is then not to be used. */
bool record_unpack(slice bytes, const struct record *base, struct record *r);

/* Changes when a list of model/types.h does in a way that makes packed bytes mean something else. */
uint64_t pack_layout(void);

#endif
