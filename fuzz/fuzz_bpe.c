/* Token ids of any bytes: what they stand for is the input again, a text settled in parts counts the same,
 * and short pieces come out as plain merging has them. The first byte chooses the encoding and special
 * tokens. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../tests/unit/text/bpe_plain.h"
#include "text/bpe.h"
#include "text/bpe_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 16, PLAIN_MAX = 512 };

static struct bpe_scratch scratch;
static uint32_t ids[INPUT_MAX], plain_ids[PLAIN_MAX];

static void must(bool ok)
{
	if (!ok)
		abort();
}

static const struct bpe_plain *plain_of(const struct bpe *b)
{
	static struct bpe_plain plain[2];
	struct bpe_plain *t = &plain[b == bpe_cl100k_base()];
	if (!t->b)
		bpe_plain_init(t, b);
	return t;
}

static void the_same_bytes(const struct bpe *b, slice text, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		slice s = bpe_token_bytes(b, ids[i]);
		must(s.n > 0 && at + s.n <= text.n && memcmp(text.p + at, s.p, s.n) == 0);
		at += s.n;
	}
	must(at == text.n);
}

static void the_same_as_plain(const struct bpe *b, slice text)
{
	bpe_split *split = b == bpe_o200k_base() ? bpe_split_o200k : bpe_split_cl100k;
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n;
	size_t at = 0;
	for (const uint8_t *next; p < end; p = next) {
		next = split(p, end);
		must(next > p && next <= end);
		size_t n = (size_t)(next - p), k = 0;
		if (n > PLAIN_MAX)
			return;
		k = bpe_plain_piece(plain_of(b), slice_make(p, n), plain_ids, PLAIN_MAX);
		must(memcmp(plain_ids, ids + at, k * sizeof ids[0]) == 0);
		at += k;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > INPUT_MAX)
		return 0;
	const struct bpe *b = data[0] & 1 ? bpe_cl100k_base() : bpe_o200k_base();
	slice text = slice_make(data + 1, size - 1);
	size_t n = bpe_encode(b, &scratch, text, BPE_SPECIAL, ids, INPUT_MAX);
	must(n <= text.n && bpe_count(b, &scratch, text, BPE_SPECIAL) == n);
	the_same_bytes(b, text, n);
	n = bpe_encode(b, &scratch, text, BPE_ORDINARY, ids, INPUT_MAX);
	the_same_bytes(b, text, n);
	the_same_as_plain(b, text);
	size_t cut = bpe_settled(slice_sub(text, 0, text.n / 2));
	must(cut <= text.n / 2);
	must(bpe_count(b, &scratch, slice_sub(text, 0, cut), BPE_ORDINARY) +
	         bpe_count(b, &scratch, slice_sub(text, cut, text.n), BPE_ORDINARY) ==
	     n);
	return 0;
}
