/* How the encodings cut a text into pieces: part of bpe. */
#ifndef WEIR_TEXT_BPE_SPLIT_H
#define WEIR_TEXT_BPE_SPLIT_H

#include <stdint.h>

/* Where the piece that begins at p ends; p < end. */
typedef const uint8_t *bpe_split(const uint8_t *p, const uint8_t *end);

bpe_split bpe_split_o200k, bpe_split_cl100k;

/* The last place in [from, end) that begins a piece whatever stands after end; NULL when there is none. */
const uint8_t *bpe_split_settled(const uint8_t *from, const uint8_t *end);

#endif
