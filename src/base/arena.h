/* A bump allocator: one for each exchange, freed as a whole. */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct arena_block;
struct arena {
	struct arena_block *blocks; /* owned */
	char *p, *end;              /* free room in the newest block */
	size_t used, max;           /* bytes handed out; the cap */
};

void arena_init(struct arena *a, size_t max);
void arena_release(struct arena *a);
/* Gives everything back but keeps the first block, for the next use. */
void arena_reset(struct arena *a);
/* Aligned to 16, not zeroed; NULL when the cap or memory is spent. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
/* A copy, NUL-terminated beyond n; p NULL on failure (an empty slice copies to a non-NULL p). */
slice arena_copy(struct arena *a, slice s);
/* printf into the arena; p NULL on failure. */
slice arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
