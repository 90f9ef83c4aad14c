#include "gateway/held.h"

#include <stdlib.h>

void held_free(struct held *h)
{
	free(h->heap);
	free(h->round);
	*h = (struct held){0};
}

static void put(struct held *h, size_t i, struct held_wait *w)
{
	h->heap[i] = w;
	w->at = i + 1;
}

static void up(struct held *h, size_t i, struct held_wait *w)
{
	for (; i > 0 && h->heap[(i - 1) / 2]->until_us > w->until_us; i = (i - 1) / 2)
		put(h, i, h->heap[(i - 1) / 2]);
	put(h, i, w);
}

static void down(struct held *h, size_t i, struct held_wait *w)
{
	for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
		if (child + 1 < h->n && h->heap[child + 1]->until_us < h->heap[child]->until_us)
			child++;
		if (h->heap[child]->until_us >= w->until_us)
			break;
		put(h, i, h->heap[child]);
	}
	put(h, i, w);
}

static bool grow(struct held *h)
{
	size_t cap = h->cap ? h->cap * 2 : 16;
	struct held_wait **heap = realloc(h->heap, cap * sizeof(struct held_wait *));
	if (heap == NULL)
		return false;
	h->heap = heap;
	struct held_wait **round = realloc(h->round, cap * sizeof(struct held_wait *));
	if (round == NULL)
		return false;
	h->round = round;
	h->cap = cap;
	return true;
}

bool held_add(struct held *h, struct held_wait *w, int64_t until_us)
{
	held_remove(h, w);
	if (h->n == h->cap && !grow(h))
		return false;
	w->until_us = until_us;
	up(h, h->n++, w);
	return true;
}

void held_remove(struct held *h, struct held_wait *w)
{
	if (w->at == 0)
		return;
	size_t i = w->at - 1;
	struct held_wait *last = h->heap[--h->n];
	w->at = 0;
	if (last == w)
		return;
	if (i > 0 && h->heap[(i - 1) / 2]->until_us > last->until_us)
		up(h, i, last);
	else
		down(h, i, last);
}

int64_t held_next_us(const struct held *h)
{
	return h->n ? h->heap[0]->until_us : -1;
}

static int by_arrival(const void *a, const void *b)
{
	const struct held_wait *x = *(struct held_wait *const *)a, *y = *(struct held_wait *const *)b;
	return (x->since_us > y->since_us) - (x->since_us < y->since_us);
}

void held_turn(struct held *h, int64_t now_us, bool all, void (*retry)(void *owner))
{
	size_t n = 0;
	while (h->n && (all || h->heap[0]->until_us <= now_us)) {
		h->round[n++] = h->heap[0];
		held_remove(h, h->heap[0]);
	}
	if (n > 1)
		qsort(h->round, n, sizeof(struct held_wait *), by_arrival);
	/* One that waits again lands in the heap, which may move round when it grows: so by index. */
	for (size_t i = 0; i < n; i++)
		retry(h->round[i]->owner);
}
