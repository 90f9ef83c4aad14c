/* A byte queue with a mandatory maximum: written at the end, read at the front. */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct buf {
	char *data;      /* owned */
	size_t at, n;    /* first unread byte, unread bytes */
	size_t cap, max; /* bytes allocated, the cap on unread bytes */
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees; b can be used again with the same max */
/* All or nothing: ERR_FULL over max, ERR_NOMEM. */
int buf_append(struct buf *b, slice s) WARN_UNUSED;
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3))) WARN_UNUSED;
/* Room for n more bytes at the end, to be written by the caller and then committed; NULL when over max or no
 * memory. */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
static inline slice buf_slice(const struct buf *b)
{
	return (slice){b->data ? b->data + b->at : NULL, b->n};
}
/* Drops n (at most b->n) bytes at the front; memory is given back when a large buffer runs empty. */
void buf_consume(struct buf *b, size_t n);
/* Drops n (at most b->n) bytes at the end. */
void buf_drop_end(struct buf *b, size_t n);
void buf_clear(struct buf *b);
static inline size_t buf_room(const struct buf *b)
{
	return b->max - b->n;
}

#endif
