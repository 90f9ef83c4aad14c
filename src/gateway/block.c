#include "gateway/block.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Stands before the bytes. */
struct block {
	struct block *next;
	size_t cap;
};

static char *bytes_of(struct block *b)
{
	return (char *)(b + 1);
}

/* The smallest kept block that is large enough, unless it is far too large. */
static struct block *take_kept(struct blocks *from, size_t want)
{
	struct block **best = NULL;
	for (struct block **at = &from->idle; *at; at = &(*at)->next)
		if ((*at)->cap >= want && (best == NULL || (*at)->cap < (*best)->cap))
			best = at;
	if (best == NULL)
		return NULL;
	struct block *b = *best;
	*best = b->next;
	from->n--;
	if (from->n < from->least)
		from->least = from->n;
	return b;
}

static void give(struct blocks *to, struct block *b)
{
	if (to->n >= BLOCKS_KEPT || b->cap > BLOCK_KEPT_BYTES || b->cap < BLOCK_KEPT_BYTES / 64) {
		free(b);
		return;
	}
	b->next = to->idle;
	to->idle = b;
	to->n++;
}

bool block_reserve(struct blocks *from, struct block_buf *b, size_t want)
{
	if (want <= b->cap)
		return true;
	if (want > SIZE_MAX / 2)
		return false;
	struct block *got = take_kept(from, want);
	if (got == NULL) {
		got = malloc(sizeof *got + want);
		if (got == NULL)
			return false;
		got->cap = want;
	}
	struct block_buf bigger = {bytes_of(got), b->n, got->cap};
	if (b->n)
		memcpy(bigger.p, b->p, b->n);
	block_release(from, b);
	*b = bigger;
	return true;
}

void block_release(struct blocks *to, struct block_buf *b)
{
	if (b->p)
		give(to, (struct block *)(void *)b->p - 1);
	*b = (struct block_buf){NULL, 0, 0};
}

static void free_some(struct blocks *b, unsigned n)
{
	for (; n && b->idle; n--, b->n--) {
		struct block *next = b->idle->next;
		free(b->idle);
		b->idle = next;
	}
}

void blocks_trim(struct blocks *b)
{
	free_some(b, b->least);
	b->least = b->n;
}

void blocks_free(struct blocks *b)
{
	free_some(b, b->n);
	b->least = 0;
}
