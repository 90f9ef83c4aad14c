/* The tables of an encoding: one file, made by tools/make-bpe.c when Weir is built, put into the program as
 *it is and read where it lies, so that only the pages that a text needs are ever in memory.
 *
 *	struct bpe_header
 *	uint64_t unit[units]        the tokens as a trie, in a double array
 *	uint64_t token[tokens]      what each token is made of
 *	uint64_t maybe[]            a bit for each of BPE_MAYBE: unset where no pair can be
 *	uint64_t pair[pairs]        which two tokens make which: a hash table, open addressing, linear
 *	uint32_t start[tokens + 1]  where each token's bytes begin in
 *	uint8_t  bytes[]
 *
 * Byte order and sizes are those of the machine that builds. */
#ifndef WEIR_TEXT_BPE_TABLE_H
#define WEIR_TEXT_BPE_TABLE_H

#include <stdint.h>

struct bpe_header {
	char magic[8]; /* BPE_MAGIC, 8 bytes */
	uint32_t tokens, units, pairs, bytes;
};

#define BPE_MAGIC "weirbpe2"

enum { BPE_TOKEN_BYTES_MAX = 128, BPE_ID_BITS = 18 };

#define BPE_NONE ((1u << BPE_ID_BITS) - 1) /* no token */

/* unit: bits 0 to 8 the byte that leads here, plus one (0: not in use); 9 to 31 base; from 32 the token that
 * ends here, or BPE_NONE. The node after byte c is unit[base + c], when that says c. unit[0] is the root; a
 * base belongs to one node only, and 0 to none: it is the base of those without children. */
static inline uint64_t bpe_unit(unsigned c, uint32_t base, uint32_t token)
{
	return (c + 1) | (uint64_t)base << 9 | (uint64_t)token << 32;
}

static inline uint32_t bpe_unit_base(uint64_t unit)
{
	return (uint32_t)unit >> 9;
}

static inline uint32_t bpe_unit_token(uint64_t unit)
{
	return (uint32_t)(unit >> 32);
}

/* token: the two that it is merged of (itself twice when it is a single byte), the longest other token that
 * it begins with (or BPE_NONE), its length in bytes less one. */
static inline uint64_t bpe_token(uint32_t left, uint32_t right, uint32_t prefix, unsigned length)
{
	return left | (uint64_t)right << 18 | (uint64_t)prefix << 36 | (uint64_t)(length - 1) << 54;
}

static inline uint32_t bpe_token_left(uint64_t t)
{
	return (uint32_t)t & BPE_NONE;
}

static inline uint32_t bpe_token_right(uint64_t t)
{
	return (uint32_t)(t >> 18) & BPE_NONE;
}

static inline uint32_t bpe_token_prefix(uint64_t t)
{
	return (uint32_t)(t >> 36) & BPE_NONE;
}

static inline unsigned bpe_token_length(uint64_t t)
{
	return (unsigned)(t >> 54) + 1;
}

/* pair: the two tokens and the one they make; BPE_PAIR_FREE where there is none. */
#define BPE_PAIR_FREE UINT64_MAX

static inline uint64_t bpe_pair_key(uint32_t left, uint32_t right)
{
	return (uint64_t)left << BPE_ID_BITS | right;
}

/* The key's hash: its upper half chooses the slot; its upper BPE_MAYBE_BITS the bit of a small table that is
 * asked first, since most pairs that are asked for make no token. */
static inline uint64_t bpe_pair_hash(uint64_t key)
{
	return key * 0x9e3779b97f4a7c15u;
}

static inline uint32_t bpe_pair_slot(uint64_t hash, uint32_t pairs)
{
	return (uint32_t)((hash >> 32) * pairs >> 32);
}

enum { BPE_MAYBE_BITS = 21, BPE_MAYBE = 1 << BPE_MAYBE_BITS };

static inline uint32_t bpe_pair_maybe(uint64_t hash)
{
	return (uint32_t)(hash >> (64 - BPE_MAYBE_BITS));
}

#endif
