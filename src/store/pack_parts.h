/* The parts of a call's input as bytes, for the journal's slot, beside the record itself (store/pack.h):
 *
 *	number of parts		one byte
 *	each part		part, calls, failures, tokens, money, tool, server
 *
 * Numbers are zigzag LEB128 (what is unknown is -1), texts a byte of length and the bytes. */
#ifndef WEIR_STORE_PACK_PARTS_H
#define WEIR_STORE_PACK_PARTS_H

#include "model/types.h"

/* Writes the parts into out, of cap >= PACK_PARTS_MIN bytes, and returns the bytes used. Tools that do not
 * fit are added up in one called PART_OTHER_TOOLS, so that the sums stay. */
#define PACK_PARTS_MIN 1024
size_t parts_pack(const struct record_part *parts, size_t n, unsigned char *out, size_t cap);

/* Reads what parts_pack wrote into out, of RECORD_PARTS_MAX + 1; texts point into bytes. False when it is not
 * that. */
bool parts_unpack(slice bytes, struct record_part *out, size_t *n);

#endif
