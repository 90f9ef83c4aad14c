/* Large buffers for bodies, kept for the next call: memory fresh from the system costs a page fault for every
 * 4 KB, more than reading the body itself. One cache a worker, used by its thread only. */
#ifndef WEIR_GATEWAY_BLOCK_H
#define WEIR_GATEWAY_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#define BLOCKS_KEPT      32           /* while they are used; see blocks_trim */
#define BLOCK_KEPT_BYTES (512 * 1024) /* larger ones go back to the system at once */

struct blocks {
	struct block *idle; /* owned */
	unsigned n, least;  /* idle now; the fewest since the last trim */
};

/* A growing run of bytes. */
struct block_buf {
	char *p;       /* owned; NULL when empty */
	size_t n, cap; /* bytes used, bytes there are */
};

/* Makes room for want bytes in all, keeping the first b->n; false when out of memory (b is as it was). */
bool block_reserve(struct blocks *from, struct block_buf *b, size_t want);
/* Gives the memory back and empties b. */
void block_release(struct blocks *to, struct block_buf *b);
/* Now and then: frees as many as nobody has needed since the last time. */
void blocks_trim(struct blocks *b);
/* Frees what is kept. */
void blocks_free(struct blocks *b);

#endif
