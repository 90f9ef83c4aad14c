/* Who waits on a worker: calls held back before they leave, each until an instant of its own. A binary heap
 * by instant, so that the loop knows when to wake, and nobody is looked at before. */
#ifndef WEIR_GATEWAY_HELD_H
#define WEIR_GATEWAY_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lies in what waits; zeroed to begin. */
struct held_wait {
	int64_t until_us, since_us; /* since: when it began to wait, first come first served */
	size_t at;                  /* its place in the heap + 1; 0: it does not wait */
	void *owner;                /* not owned */
};

struct held {
	struct held_wait **heap;  /* owned */
	struct held_wait **round; /* owned; of the same size: those that are being looked at */
	size_t n, cap;
};

void held_free(struct held *h);
/* False without memory: it does not wait then. */
bool held_add(struct held *h, struct held_wait *w, int64_t until_us);
/* Nothing happens when it does not wait. */
void held_remove(struct held *h, struct held_wait *w);
/* The next instant; -1 when nobody waits. */
int64_t held_next_us(const struct held *h);
/* Takes out those whose instant has come (all of them: everyone), in the order in which they began to wait,
 * and gives each to `retry`, which may add it again. The owners must live until this returns. */
void held_turn(struct held *h, int64_t now_us, bool all, void (*retry)(void *owner));

#endif
