/* What a stream's model said so far, kept so that it can be counted when the provider does not report it. The
 * texts are kept as they stand in the events (escapes not resolved), by kind, up to SAID_KEPT bytes each; of
 * a longer one every second, fourth… piece is kept, evenly spread, and the count is that of the sample in
 * proportion to its bytes. Keeping costs a copy of at most that much; nothing is read or counted before it is
 * asked for. */
#ifndef WEIR_MODEL_SAID_H
#define WEIR_MODEL_SAID_H

#include "model/predict.h"

#define SAID_KEPT   (64 * 1024)
#define SAID_BLOCKS 128

struct said_text {
	char *p; /* owned; NULL while nothing was said */
	size_t n, cap;
	uint64_t all;   /* bytes that were said */
	uint32_t every; /* one block of so many is kept; a power of two; 0: all is, in one */
	uint32_t blocks;
	uint64_t begun;                  /* the block that the last piece is of, from 1 */
	uint32_t start[SAID_BLOCKS + 1]; /* of kept blocks, in p */
};

struct said {
	struct said_text text[SAID_KINDS];
};

void said_release(struct said *s); /* a zeroed one is empty */
/* A piece: whole escapes. Without memory it is only measured. */
void said_add(struct said *s, enum said_kind kind, slice raw);
/* Tokens of the encoding for the model, all kinds together. */
int64_t said_count(const struct said *s, struct predict_scratch *scratch, slice model);

#endif
