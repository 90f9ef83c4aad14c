/* Token counts and token ids of OpenAI's public encodings, o200k_base and cl100k_base: byte pair encoding,
 * the same ids as OpenAI's own tiktoken gives.
 *
 * A text is first cut into pieces by the encoding's pattern (bpe_split.c has a scanner for each), then each
 * piece into tokens. Most pieces are one token: the trie knows. The others are what merging the lowest pair
 * first would give, found without merging: from the left, the longest token that may stand after the one
 * before it, and back when none may. Two tokens may stand side by side when merging would not have joined
 * across the place where they meet; what each token was merged of last tells that.
 *
 * The tables lie in the program and are read where they lie (bpe_table.h); nothing is parsed, allocated or
 * locked, and any number of threads may count at once, each with its own scratch. Time is linear in the text
 * but for made-up runs without end, where going back costs more, within a window.
 *
 * A byte that is not part of well-formed UTF-8 is a character of its own, neither letter nor space. */
#ifndef WEIR_TEXT_BPE_H
#define WEIR_TEXT_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct bpe; /* an encoding */

const struct bpe *bpe_o200k_base(void);
const struct bpe *bpe_cl100k_base(void);
const struct bpe *bpe_by_name(slice name); /* NULL: none of that name */
const struct bpe *bpe_each(size_t *at);    /* from *at = 0; NULL after the last */
const char *bpe_name(const struct bpe *b);

/* How far back tokens of one piece can still change, in bytes. A longer piece (thousands of letters without a
 * space) is settled behind that. */
#define BPE_WINDOW 8192

/* The caller's memory for bpe_count and bpe_encode; needs no setting up, holds nothing between calls. */
struct bpe_scratch {
	uint32_t token[BPE_WINDOW];
	uint64_t dead[BPE_WINDOW / 64 + 4]; /* a bit for each byte where the tokens so far led to nothing */
};

enum bpe_flags {
	BPE_ORDINARY = 0,
	BPE_SPECIAL = 1 /* "<|endoftext|>" and the like are one token, not text */
};

/* How many tokens text is. */
size_t bpe_count(const struct bpe *b, struct bpe_scratch *s, slice text, unsigned flags);

/* The ids of text's tokens, the first max of them in ids; returns how many there are (may be more than max).
 */
size_t bpe_encode(const struct bpe *b, struct bpe_scratch *s, slice text, unsigned flags, uint32_t *ids,
                  size_t max);

/* The bytes of a token, special ones too; nothing for an id that the encoding has not. */
slice bpe_token_bytes(const struct bpe *b, uint32_t id);

/* The largest n such that text[0, n) and the rest can be counted apart, whatever comes after text; 0 when
 * there is no such place. For text that arrives in parts. */
size_t bpe_settled(slice text);

#endif
