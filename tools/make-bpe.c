/* Makes the tables of an encoding (src/text/bpe_table.h) of its tokens (data/bpe/NAME.ranks).
 *
 * usage: make-bpe NAME.ranks NAME.bpe
 *
 * Each token is merged as the encoding says, lowest id first, to see which two tokens it is made of last; a
 * token that cannot be made so would be told apart wrongly later, and is refused here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/bpe_table.h"

enum { UNITS_MAX = 1 << 22, SLOTS = 1 << 20, IDS_MAX = BPE_NONE };

struct maker {
	uint32_t tokens, units, pairs;
	uint32_t begin[2]; /* where free units are looked for: for one child, for several */
	uint32_t *start;
	uint8_t *bytes, *base_taken;
	uint32_t *by_bytes; /* id + 1 by the hash of its bytes */
	uint32_t *order;    /* ids in the order of their bytes */
	uint64_t *unit, *token, *maybe, *pair;
};

static void die(const char *what, const char *about)
{
	fprintf(stderr, "make-bpe: %s: %s\n", about, what);
	exit(1);
}

static void *make(size_t n, size_t size)
{
	void *p = calloc(n, size);
	if (!p)
		die("out of memory", "tables");
	return p;
}

static void read_ranks(struct maker *m, const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		die("cannot be read", path);
	m->start = make(IDS_MAX + 1, sizeof *m->start);
	m->bytes = make(8 << 20, 1);
	for (int n; (n = fgetc(f)) != EOF; m->tokens++) {
		uint32_t at = m->start[m->tokens];
		if (n == 0 || n > BPE_TOKEN_BYTES_MAX || m->tokens == IDS_MAX || at > (8 << 20) - 256)
			die("not a file of ranks", path);
		if (fread(m->bytes + at, 1, (size_t)n, f) != (size_t)n)
			die("ends within a token", path);
		m->start[m->tokens + 1] = at + (uint32_t)n;
	}
	fclose(f);
	if (m->tokens < 256)
		die("fewer than 256 tokens", path);
}

/* --- tokens by their bytes -------------------------------------------------------------------------------
 */

static uint32_t *slot_of(const struct maker *m, const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	for (h ^= h >> 15;; h++) {
		uint32_t *slot = &m->by_bytes[h % SLOTS], id = *slot - 1;
		if (!*slot ||
		    (m->start[id + 1] - m->start[id] == n && !memcmp(m->bytes + m->start[id], p, n)))
			return slot;
	}
}

static uint32_t find(const struct maker *m, const uint8_t *p, size_t n)
{
	return *slot_of(m, p, n) - 1; /* UINT32_MAX: there is none */
}

static void index_tokens(struct maker *m)
{
	m->by_bytes = make(SLOTS, sizeof *m->by_bytes);
	for (uint32_t id = 0; id < m->tokens; id++) {
		uint32_t *slot = slot_of(m, m->bytes + m->start[id], m->start[id + 1] - m->start[id]);
		if (*slot)
			die("a token is there twice", "ranks");
		*slot = id + 1;
	}
}

/* --- what each is made of --------------------------------------------------------------------------------
 */

/* Merges the bytes at p, always the pair that makes the lowest id, until two parts are left; returns where
 * the second begins, 0 when it comes to a stop before. */
static size_t last_cut(const struct maker *m, const uint8_t *p, size_t n)
{
	size_t cut[BPE_TOKEN_BYTES_MAX + 1], parts = n;
	for (size_t i = 0; i <= n; i++)
		cut[i] = i;
	while (parts > 2) {
		uint32_t best = UINT32_MAX;
		size_t at = 0;
		for (size_t i = 0; i + 2 <= parts; i++) {
			uint32_t id = find(m, p + cut[i], cut[i + 2] - cut[i]);
			if (id < best) {
				best = id;
				at = i;
			}
		}
		if (best == UINT32_MAX)
			return 0;
		memmove(&cut[at + 1], &cut[at + 2], (parts - at - 1) * sizeof *cut);
		parts--;
	}
	return cut[1];
}

static void put_pair(struct maker *m, uint32_t left, uint32_t right, uint32_t id)
{
	uint64_t key = bpe_pair_key(left, right);
	uint64_t hash = bpe_pair_hash(key);
	uint32_t slot = bpe_pair_slot(hash, m->pairs), bit = bpe_pair_maybe(hash);
	m->maybe[bit / 64] |= 1ull << bit % 64;
	while (m->pair[slot] != BPE_PAIR_FREE)
		slot = slot + 1 == m->pairs ? 0 : slot + 1;
	m->pair[slot] = key << BPE_ID_BITS | id;
}

static void split_tokens(struct maker *m)
{
	m->pairs = m->tokens * 2;
	m->token = make(m->tokens, sizeof *m->token);
	m->maybe = make(BPE_MAYBE / 64, sizeof *m->maybe);
	m->pair = make(m->pairs, sizeof *m->pair);
	memset(m->pair, 0xff, m->pairs * sizeof *m->pair);
	for (uint32_t id = 0; id < m->tokens; id++) {
		const uint8_t *p = m->bytes + m->start[id];
		uint32_t n = m->start[id + 1] - m->start[id], left = id, right = id, prefix = UINT32_MAX;
		if (n > 1) {
			size_t cut = last_cut(m, p, n);
			left = cut ? find(m, p, cut) : UINT32_MAX;
			right = cut ? find(m, p + cut, n - cut) : UINT32_MAX;
			if (left >= id || right >= id)
				die("a token is not made of lower ones", "ranks");
			put_pair(m, left, right, id);
		}
		for (uint32_t k = n - 1; k > 0 && prefix == UINT32_MAX; k--)
			prefix = find(m, p, k);
		m->token[id] = bpe_token(left, right, prefix == UINT32_MAX ? BPE_NONE : prefix, n);
	}
}

/* --- the trie --------------------------------------------------------------------------------------------
 */

static const struct maker *sorting; /* qsort hands nothing on */

static int by_bytes(const void *a, const void *b)
{
	const uint32_t *start = sorting->start;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint32_t nx = start[x + 1] - start[x], ny = start[y + 1] - start[y];
	int order = memcmp(sorting->bytes + start[x], sorting->bytes + start[y], nx < ny ? nx : ny);
	return order ? order : (nx > ny) - (nx < ny);
}

static uint32_t free_base(struct maker *m, const uint8_t *c, size_t n)
{
	uint32_t *begin = &m->begin[n > 1], tries = 0;
	while (m->unit[*begin])
		++*begin;
	for (uint32_t at = *begin > c[0] ? *begin : c[0] + 1u;; at++) {
		uint32_t base = at - c[0];
		size_t i = 0;
		if (base + 256 >= UNITS_MAX)
			die("too many nodes", "trie");
		if (++tries % 64 == 0) /* what is too full is left behind */
			*begin += 32;
		if (m->unit[at] || m->base_taken[base])
			continue;
		while (i < n && !m->unit[base + c[i]])
			i++;
		if (i == n)
			return base;
	}
}

/* The node `at` is what order[from, to) have in common: their first `depth` bytes. */
static void grow(struct maker *m, uint32_t at, uint32_t from, uint32_t to, uint32_t depth)
{
	uint8_t c[256];
	uint32_t first[257];
	size_t n = 0;
	for (uint32_t i = from; i < to; i++) {
		uint8_t byte = m->bytes[m->start[m->order[i]] + depth];
		if (n == 0 || c[n - 1] != byte) {
			c[n] = byte;
			first[n++] = i;
		}
	}
	first[n] = to;
	uint32_t base = free_base(m, c, n);
	m->base_taken[base] = 1;
	m->unit[at] |= (uint64_t)base << 9;
	for (size_t i = 0; i < n; i++) {
		uint32_t id = m->order[first[i]], length = m->start[id + 1] - m->start[id];
		m->unit[base + c[i]] = bpe_unit(c[i], 0, length == depth + 1 ? id : BPE_NONE);
		m->units = base + 256 > m->units ? base + 256 : m->units;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t id = m->order[first[i]], length = m->start[id + 1] - m->start[id];
		uint32_t begin = first[i] + (length == depth + 1);
		if (begin < first[i + 1])
			grow(m, base + c[i], begin, first[i + 1], depth + 1);
	}
}

static void make_trie(struct maker *m)
{
	m->unit = make(UNITS_MAX + 256, sizeof *m->unit);
	m->base_taken = make(UNITS_MAX, 1);
	m->order = make(m->tokens, sizeof *m->order);
	for (uint32_t id = 0; id < m->tokens; id++)
		m->order[id] = id;
	sorting = m;
	qsort(m->order, m->tokens, sizeof *m->order, by_bytes);
	m->unit[0] = bpe_unit(511 - 1, 0, BPE_NONE);
	grow(m, 0, 0, m->tokens, 0);
}

/* ---------------------------------------------------------------------------------------------------------
 */

static void write_tables(const struct maker *m, const char *path)
{
	struct bpe_header head = {.tokens = m->tokens, .units = m->units, .pairs = m->pairs};
	memcpy(head.magic, BPE_MAGIC, sizeof head.magic);
	head.bytes = m->start[m->tokens];
	FILE *f = fopen(path, "wb");
	if (!f)
		die("cannot be written", path);
	fwrite(&head, sizeof head, 1, f);
	fwrite(m->unit, sizeof *m->unit, m->units, f);
	fwrite(m->token, sizeof *m->token, m->tokens, f);
	fwrite(m->maybe, sizeof *m->maybe, BPE_MAYBE / 64, f);
	fwrite(m->pair, sizeof *m->pair, m->pairs, f);
	fwrite(m->start, sizeof *m->start, m->tokens + 1, f);
	fwrite(m->bytes, 1, head.bytes, f);
	if (ferror(f) | fclose(f))
		die("cannot be written", path);
}

int main(int argc, char **argv)
{
	struct maker m = {0};
	if (argc != 3) {
		fprintf(stderr, "usage: make-bpe NAME.ranks NAME.bpe\n");
		return 2;
	}
	read_ranks(&m, argv[1]);
	index_tokens(&m);
	split_tokens(&m);
	make_trie(&m);
	write_tables(&m, argv[2]);
	return 0;
}
