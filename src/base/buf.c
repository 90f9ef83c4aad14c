/* A byte queue. Bytes read are dead room at the front; it is won back by moving the unread ones when that
 * pays, else the block grows by doubling, never above max. One byte more than `cap` is allocated, for
 * vsnprintf's NUL. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

#define BUF_MIN   255   /* the smallest block */
#define BUF_LARGE 16384 /* a block above this is given back when it runs empty */

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

static int buf_grow(struct buf *b, size_t want)
{
	size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
	if (cap < BUF_MIN)
		cap = BUF_MIN < b->max ? BUF_MIN : b->max;
	if (cap < want)
		cap = want;
	if (cap == SIZE_MAX)
		return ERR_NOMEM;
	if (b->at == 0) {
		char *grown = realloc(b->data, cap + 1);
		if (!grown)
			return ERR_NOMEM;
		b->data = grown;
	} else { /* only the unread bytes are worth copying */
		char *fresh = malloc(cap + 1);
		if (!fresh)
			return ERR_NOMEM;
		memcpy(fresh, b->data + b->at, b->n);
		free(b->data);
		b->data = fresh;
		b->at = 0;
	}
	b->cap = cap;
	return 0;
}

/* Room for n bytes behind the unread ones. */
static int buf_make_room(struct buf *b, size_t n)
{
	if (n > b->max - b->n)
		return ERR_FULL;
	if (b->data && n <= b->cap - b->at - b->n)
		return 0;
	size_t want = b->n + n;
	/* Moving costs n bytes and wins `at`: worth it when that is no less, or when the block cannot grow
	 * any more. */
	if (b->data && want <= b->cap && (b->at >= b->n || b->cap == b->max)) {
		memmove(b->data, b->data + b->at, b->n);
		b->at = 0;
		return 0;
	}
	return buf_grow(b, want);
}

char *buf_reserve(struct buf *b, size_t n)
{
	return buf_make_room(b, n) ? NULL : b->data + b->at + b->n;
}

void buf_commit(struct buf *b, size_t n)
{
	b->n += n;
}

int buf_append(struct buf *b, slice s)
{
	if (s.n == 0)
		return 0;
	int err = buf_make_room(b, s.n);
	if (err)
		return err;
	memcpy(b->data + b->at + b->n, s.p, s.n);
	b->n += s.n;
	return 0;
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;
	size_t room = b->data ? b->cap - b->at - b->n + 1 : 0;
	va_start(ap, format);
	int n = vsnprintf(room ? b->data + b->at + b->n : NULL, room, format, ap);
	va_end(ap);
	if (n < 0)
		return ERR_INVALID;
	if ((size_t)n > buf_room(b))
		return ERR_FULL;
	if ((size_t)n >= room) {
		int err = buf_make_room(b, (size_t)n);
		if (err)
			return err;
		va_start(ap, format);
		vsnprintf(b->data + b->at + b->n, (size_t)n + 1, format, ap);
		va_end(ap);
	}
	b->n += (size_t)n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n < b->n) {
		b->at += n;
		b->n -= n;
		return;
	}
	buf_clear(b);
}

void buf_drop_end(struct buf *b, size_t n)
{
	b->n -= n < b->n ? n : b->n;
}

void buf_clear(struct buf *b)
{
	b->at = b->n = 0;
	if (b->cap > BUF_LARGE)
		buf_release(b);
}
