#include "text/bpe.h"

#include <stdbool.h>
#include <string.h>

#include "text/bpe_split.h"
#include "text/bpe_table.h"
#include "text/bpe_tables.h"

struct special {
	slice text;
	uint32_t id;
};

struct bpe {
	const char *name;
	bpe_split *split;
	const uint64_t *table;         /* a struct bpe_header and the rest */
	const struct special *special; /* ended by id 0 */
};

static const struct special o200k_special[] = {
    {SLICE("<|endoftext|>"), 199999}, {SLICE("<|endofprompt|>"), 200018}, {SLICE_NONE, 0}};

static const struct special cl100k_special[] = {
    {SLICE("<|endoftext|>"), 100257},  {SLICE("<|fim_prefix|>"), 100258},  {SLICE("<|fim_middle|>"), 100259},
    {SLICE("<|fim_suffix|>"), 100260}, {SLICE("<|endofprompt|>"), 100276}, {SLICE_NONE, 0}};

static const struct bpe encodings[] = {
    {"o200k_base", bpe_split_o200k, weir_bpe_o200k_base, o200k_special},
    {"cl100k_base", bpe_split_cl100k, weir_bpe_cl100k_base, cl100k_special},
};

enum { ENCODINGS = sizeof encodings / sizeof encodings[0] };

const struct bpe *bpe_o200k_base(void)
{
	return &encodings[0];
}

const struct bpe *bpe_cl100k_base(void)
{
	return &encodings[1];
}

const struct bpe *bpe_each(size_t *at)
{
	return *at < ENCODINGS ? &encodings[(*at)++] : NULL;
}

const struct bpe *bpe_by_name(slice name)
{
	for (size_t i = 0; i < ENCODINGS; i++)
		if (slice_eq(name, slice_of(encodings[i].name)))
			return &encodings[i];
	return NULL;
}

const char *bpe_name(const struct bpe *b)
{
	return b->name;
}

/* --- the tables ------------------------------------------------------------------------------------------
 */

struct tables {
	const uint64_t *unit, *token, *maybe, *pair;
	uint32_t pairs;
};

static const struct bpe_header *header(const struct bpe *b)
{
	return (const struct bpe_header *)b->table;
}

static struct tables tables_of(const struct bpe *b)
{
	const struct bpe_header *h = header(b);
	struct tables t = {.unit = b->table + sizeof *h / sizeof *b->table, .pairs = h->pairs};
	t.token = t.unit + h->units;
	t.maybe = t.token + h->tokens;
	t.pair = t.maybe + BPE_MAYBE / 64;
	return t;
}

/* The longest token that p[0, n) begins with; n > 0, and every single byte is a token. */
static inline uint32_t longest(const struct tables *t, const uint8_t *p, size_t n)
{
	uint64_t unit = t->unit[0];
	uint32_t found = BPE_NONE;
	for (size_t i = 0; i < n; i++) {
		unit = t->unit[bpe_unit_base(unit) + p[i]];
		if ((unit & 0x1ff) != p[i] + 1u)
			break;
		if (bpe_unit_token(unit) != BPE_NONE)
			found = bpe_unit_token(unit);
	}
	return found;
}

/* The token that left and right are merged to, or BPE_NONE. */
static uint32_t merged(const struct tables *t, uint32_t left, uint32_t right)
{
	uint64_t key = bpe_pair_key(left, right), hash = bpe_pair_hash(key);
	uint32_t bit = bpe_pair_maybe(hash);
	if (!(t->maybe[bit / 64] >> bit % 64 & 1))
		return BPE_NONE;
	for (uint32_t slot = bpe_pair_slot(hash, t->pairs);; slot = slot + 1 == t->pairs ? 0 : slot + 1) {
		uint64_t pair = t->pair[slot];
		if (pair >> BPE_ID_BITS == key)
			return (uint32_t)pair & BPE_NONE;
		if (pair == BPE_PAIR_FREE)
			return BPE_NONE;
	}
}

/* Whether merging leaves left and right side by side: takes their merges back, the latest (highest) first,
 * and asks at each step whether the two parts that then meet would have been merged sooner than that. */
static bool side_by_side(const struct tables *t, uint32_t left, uint32_t right)
{
	uint32_t limit = UINT32_MAX; /* merges from here on have been taken back */
	for (;;) {
		uint32_t across = merged(t, left, right);
		if (across != BPE_NONE && across < limit)
			return false;
		bool first = left > right; /* the one that was merged later */
		for (int i = 0; i < 2; i++, first = !first) {
			uint32_t whole = first ? left : right;
			uint64_t token = t->token[whole];
			uint32_t part = first ? bpe_token_right(token) : bpe_token_left(token);
			if (part != whole) {
				limit = first ? whole
				              : whole + 1; /* of equals, the one on the left comes first */
				if (first)
					left = part;
				else
					right = part;
				break;
			}
			if (i == 1)
				return true; /* single bytes, both */
		}
	}
}

/* --- one piece -------------------------------------------------------------------------------------------
 */

struct out {
	uint32_t *ids; /* NULL: only counted */
	size_t max, n;
};

static inline void put(struct out *out, uint32_t id)
{
	if (out->n < out->max)
		out->ids[out->n] = id;
	out->n++;
}

/* The tokens of the piece so far; positions are from `base`, before which all is settled. */
struct tail {
	const struct tables *t;
	struct bpe_scratch *s;
	size_t base, at, n; /* at: from the piece's beginning; n tokens between the two */
};

static unsigned length_of(const struct tables *t, uint32_t id)
{
	return bpe_token_length(t->token[id]);
}

static inline bool is_dead(const struct tail *l, size_t at)
{
	return l->s->dead[(at - l->base) / 64] >> (at - l->base) % 64 & 1;
}

static void settle(struct tail *l, size_t upto, struct out *out)
{
	size_t k = 0;
	while (k < l->n && l->base + length_of(l->t, l->s->token[k]) <= upto) {
		l->base += length_of(l->t, l->s->token[k]);
		put(out, l->s->token[k++]);
	}
	l->n -= k;
	memmove(l->s->token, l->s->token + k, l->n * sizeof l->s->token[0]);
	memset(l->s->dead, 0, sizeof l->s->dead);
}

/* Takes `token` as the next one, with room made for it when that is needed. */
static void push(struct tail *l, uint32_t token, struct out *out)
{
	l->s->token[l->n++] = token;
	l->at += length_of(l->t, token);
	if (l->at - l->base > BPE_WINDOW - 1)
		settle(l, l->at - BPE_WINDOW / 2, out);
}

/* The tokens of a piece of more than one token; `token` is the longest that it begins with. */
static void merge(const struct tables *t, struct bpe_scratch *s, const uint8_t *p, size_t n, uint32_t token,
                  struct out *out)
{
	struct tail l = {.t = t, .s = s};
	size_t words = (n < BPE_WINDOW ? n : BPE_WINDOW) / 64 + 4;
	memset(s->dead, 0, (words < sizeof s->dead / 8 ? words : sizeof s->dead / 8) * 8);
	for (;;) {
		size_t end = l.at + length_of(t, token);
		uint32_t shorter = bpe_token_prefix(t->token[token]);
		if (!is_dead(&l, end) && (l.n == 0 || side_by_side(t, s->token[l.n - 1], token))) {
			push(&l, token, out);
			if (l.at == n)
				break;
			token = longest(t, p + l.at, n - l.at);
		} else if (shorter != BPE_NONE) {
			token = shorter;
		} else if (l.n > 0) {
			s->dead[(l.at - l.base) / 64] |= 1ull << (l.at - l.base) % 64;
			token = s->token[--l.n];
			l.at -= length_of(t, token);
		} else { /* what would have to change is settled already */
			push(&l, token, out);
			settle(&l, l.at, out);
			if (l.at == n)
				break;
			token = longest(t, p + l.at, n - l.at);
		}
	}
	for (size_t i = 0; i < l.n; i++)
		put(out, s->token[i]);
}

static void ordinary(const struct bpe *b, struct bpe_scratch *s, slice text, struct out *out)
{
	if (text.n == 0)
		return; /* there may be no pointer to add to */
	struct tables t = tables_of(b);
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n;
	while (p < end) {
		const uint8_t *next = b->split(p, end);
		uint32_t token = longest(&t, p, (size_t)(next - p));
		if (length_of(&t, token) == next - p)
			put(out, token);
		else
			merge(&t, s, p, (size_t)(next - p), token, out);
		p = next;
	}
}

/* --- whole texts -----------------------------------------------------------------------------------------
 */

static const struct special *special_at(const struct bpe *b, slice text)
{
	for (const struct special *k = b->special; k->id; k++)
		if (slice_starts(text, k->text))
			return k;
	return NULL;
}

size_t bpe_encode(const struct bpe *b, struct bpe_scratch *s, slice text, unsigned flags, uint32_t *ids,
                  size_t max)
{
	struct out out = {ids, max, 0};
	size_t from = 0;
	for (size_t at = 0; flags & BPE_SPECIAL && at < text.n; at++) {
		const char *mark = memchr(text.p + at, '<', text.n - at);
		if (!mark)
			break;
		at = (size_t)(mark - text.p);
		const struct special *k = special_at(b, slice_sub(text, at, text.n));
		if (!k)
			continue;
		ordinary(b, s, slice_sub(text, from, at), &out);
		put(&out, k->id);
		from = at + k->text.n;
		at = from - 1;
	}
	ordinary(b, s, slice_sub(text, from, text.n), &out);
	return out.n;
}

size_t bpe_count(const struct bpe *b, struct bpe_scratch *s, slice text, unsigned flags)
{
	return bpe_encode(b, s, text, flags, NULL, 0);
}

slice bpe_token_bytes(const struct bpe *b, uint32_t id)
{
	const struct bpe_header *h = header(b);
	struct tables t = tables_of(b);
	const uint32_t *start = (const uint32_t *)(t.pair + t.pairs);
	const char *bytes = (const char *)(start + h->tokens + 1);
	if (id < h->tokens)
		return slice_make(bytes + start[id], start[id + 1] - start[id]);
	for (const struct special *k = b->special; k->id; k++)
		if (k->id == id)
			return k->text;
	return SLICE_NONE;
}

size_t bpe_settled(slice text)
{
	const uint8_t *p = (const uint8_t *)text.p, *at = text.n ? bpe_split_settled(p, p + text.n) : NULL;
	return at ? (size_t)(at - p) : 0;
}
