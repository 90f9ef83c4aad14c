/* Bump allocation in a chain of blocks, newest first. A large request gets a block of its own, and the one
 * that was bumped in stays in use. The first block of all is BLOCK_MIN, and is what a reset keeps. Under
 * AddressSanitizer everything not handed out is poisoned, with a gap behind each allocation. */
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define GAP 16
#else
#define GAP                               0
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define ALIGN     16
#define BLOCK_MIN 4096  /* with its header */
#define BLOCK_MAX 16384 /* blocks grow up to this size */

struct arena_block {
	struct arena_block *next; /* owned; the one before this one in time */
	size_t size;              /* bytes of data */
	alignas(ALIGN) char data[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

static void block_free(struct arena_block *b)
{
	ASAN_UNPOISON_MEMORY_REGION(b->data, b->size);
	free(b);
}

void arena_release(struct arena *a)
{
	for (struct arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		block_free(b);
	}
	arena_init(a, a->max);
}

static struct arena_block *block_push(struct arena *a, size_t size)
{
	struct arena_block *b = malloc(sizeof *b + size);
	if (!b)
		return NULL;
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	ASAN_POISON_MEMORY_REGION(b->data, b->size);
	return b;
}

static void arena_use(struct arena *a, struct arena_block *b)
{
	a->p = b->data;
	a->end = b->data + b->size;
}

void arena_reset(struct arena *a)
{
	struct arena_block *b = a->blocks;
	while (b && b->next) {
		struct arena_block *next = b->next;
		block_free(b);
		b = next;
	}
	arena_init(a, a->max);
	if (b) {
		ASAN_POISON_MEMORY_REGION(b->data, b->size);
		a->blocks = b;
		arena_use(a, b);
	}
}

/* A new block to bump in, with room for at least `need` bytes (at most BLOCK_MAX / 4) unless it is the first,
 * and about as large as all that was handed out before. */
static bool arena_grow(struct arena *a, size_t need)
{
	size_t total = BLOCK_MIN;
	while (a->blocks && total < BLOCK_MAX &&
	       (total < a->used || total - sizeof(struct arena_block) < need))
		total *= 2;
	struct arena_block *b = block_push(a, total - sizeof *b);
	if (b)
		arena_use(a, b);
	return b != NULL;
}

/* A block for one large allocation. */
static char *arena_large(struct arena *a, size_t need)
{
	if (!a->blocks && !arena_grow(a, 0))
		return NULL;
	struct arena_block *b = block_push(a, need);
	return b ? b->data : NULL;
}

/* The first block is small: a request that it cannot hold takes a second one. */
static char *arena_bump(struct arena *a, size_t need)
{
	while (need > (size_t)(a->end - a->p))
		if (!arena_grow(a, need))
			return NULL;
	char *p = a->p;
	a->p += need;
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	if (n > a->max || n > SIZE_MAX - sizeof(struct arena_block) - ALIGN - GAP)
		return NULL;
	size_t rounded = n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	if (rounded > a->max - a->used)
		return NULL;
	size_t need = rounded + GAP;
	bool large = need > BLOCK_MAX / 4 && need > (size_t)(a->end - a->p);
	char *p = large ? arena_large(a, need) : arena_bump(a, need);
	if (!p)
		return NULL;
	a->used += rounded;
	ASAN_UNPOISON_MEMORY_REGION(p, n);
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);
	if (p)
		memset(p, 0, n);
	return p;
}

slice arena_copy(struct arena *a, slice s)
{
	char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;
	if (!p)
		return SLICE_NONE;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return slice_make(p, s.n);
}

slice arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (!p)
		return SLICE_NONE;
	va_start(ap, format);
	vsnprintf(p, (size_t)n + 1, format, ap);
	va_end(ap);
	return slice_make(p, (size_t)n);
}
