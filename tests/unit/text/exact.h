/* A copy of some bytes in a block of exactly their size, so that the sanitizer sees a read past the end. */
#ifndef WEIR_TESTS_EXACT_H
#define WEIR_TESTS_EXACT_H

#include <stdlib.h>

#include "base/slice.h"

struct exact {
	char *block; /* owned */
	slice s;
};

static inline struct exact exact_copy(slice s)
{
	struct exact e = {.block = malloc(s.n + 1)};
	if (!e.block)
		abort();
	/* The bytes stand at the end of the block; malloc(0) would be allowed to be NULL. */
	if (s.n)
		memcpy(e.block + 1, s.p, s.n);
	e.s = slice_make(e.block + 1, s.n);
	return e;
}

static inline void exact_free(struct exact *e)
{
	free(e->block);
}

/* xorshift64: the tests' own random numbers, the same in every run. */
static inline uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

#endif
