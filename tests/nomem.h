/* Allocations that fail on demand, for tests whose file name ends in _nomem.c: those are linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc. Include it in one file of a program only. */
#ifndef WEIR_TESTS_NOMEM_H
#define WEIR_TESTS_NOMEM_H

#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

/* -1: nothing fails. n: n allocations go through, the next one fails, and all behind it work again. */
static long nomem_in = -1;
static long nomem_failed; /* allocations refused so far */

static int nomem_hit(void)
{
	if (nomem_in < 0 || nomem_in-- > 0)
		return 0;
	nomem_failed++;
	return 1;
}

void *__wrap_malloc(size_t n)
{
	return nomem_hit() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return nomem_hit() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return nomem_hit() ? NULL : __real_realloc(p, n);
}

#endif
