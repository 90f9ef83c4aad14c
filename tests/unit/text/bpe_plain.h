/* Byte pair encoding as it is told: start from the bytes, merge the pair that makes the lowest id, again and
 * again. Slow, and shares nothing with the library but the list of tokens. */
#ifndef WEIR_TESTS_BPE_PLAIN_H
#define WEIR_TESTS_BPE_PLAIN_H

#include <stdlib.h>

#include "base/slice.h"
#include "text/bpe.h"

struct bpe_plain {
	const struct bpe *b;
	size_t tokens, slots;
	uint32_t *by_bytes; /* owned; id + 1 by the hash of the bytes */
};

static inline uint32_t *bpe_plain_slot(const struct bpe_plain *t, slice s)
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
	for (h ^= h >> 29;; h++) {
		uint32_t *slot = &t->by_bytes[h % t->slots];
		if (!*slot || slice_eq(bpe_token_bytes(t->b, *slot - 1), s))
			return slot;
	}
}

static inline void bpe_plain_init(struct bpe_plain *t, const struct bpe *b)
{
	*t = (struct bpe_plain){.b = b, .slots = 1 << 20};
	while (bpe_token_bytes(b, (uint32_t)t->tokens).n)
		t->tokens++;
	t->by_bytes = calloc(t->slots, sizeof *t->by_bytes);
	if (!t->by_bytes)
		abort();
	for (uint32_t id = 0; id < t->tokens; id++)
		*bpe_plain_slot(t, bpe_token_bytes(b, id)) = id + 1;
}

static inline void bpe_plain_release(struct bpe_plain *t)
{
	free(t->by_bytes);
}

/* The ids of one piece of at most max bytes; returns how many. */
static inline size_t bpe_plain_piece(const struct bpe_plain *t, slice piece, uint32_t *ids, size_t max)
{
	size_t *cut = calloc(piece.n + 1, sizeof *cut), parts = piece.n;
	if (!cut || piece.n > max)
		abort();
	for (size_t i = 0; i <= piece.n; i++)
		cut[i] = i;
	for (;;) {
		uint32_t best = UINT32_MAX;
		size_t at = 0;
		for (size_t i = 0; i + 2 <= parts; i++) {
			uint32_t id = *bpe_plain_slot(t, slice_sub(piece, cut[i], cut[i + 2])) - 1;
			if (id < best) {
				best = id;
				at = i;
			}
		}
		if (best == UINT32_MAX)
			break;
		memmove(&cut[at + 1], &cut[at + 2], (parts - at - 1) * sizeof *cut);
		parts--;
	}
	for (size_t i = 0; i < parts; i++)
		ids[i] = *bpe_plain_slot(t, slice_sub(piece, cut[i], cut[i + 1])) - 1;
	free(cut);
	return parts;
}

#endif
