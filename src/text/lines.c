#include "text/lines.h"

#include <stdlib.h>

void lines_init(struct lines *l, size_t max_line)
{
	*l = (struct lines){.max = max_line};
}

void lines_release(struct lines *l)
{
	free(l->tail);
	l->tail = NULL;
	l->n = l->cap = 0;
}

static void skip(struct lines *l)
{
	l->skipped += !l->skipping;
	l->skipping = true;
	l->n = 0;
}

static void keep(struct lines *l, slice part)
{
	if (l->skipping || part.n == 0)
		return;
	if (part.n > l->max - l->n) {
		skip(l);
		return;
	}
	if (l->n + part.n > l->cap) {
		size_t cap = l->cap * 2 > l->n + part.n ? l->cap * 2 : l->n + part.n;
		char *more = realloc(l->tail, cap);
		if (more == NULL) {
			skip(l);
			return;
		}
		l->tail = more;
		l->cap = cap;
	}
	memcpy(l->tail + l->n, part.p, part.n);
	l->n += part.n;
}

static void give(struct lines *l, slice line, void (*on_line)(void *arg, slice line), void *arg)
{
	if (line.n > l->max) {
		skip(l);
		return;
	}
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n)
		on_line(arg, line);
}

/* The line that stands in the tail is complete. */
static void end_line(struct lines *l, void (*on_line)(void *arg, slice line), void *arg)
{
	if (!l->skipping)
		give(l, slice_make(l->tail, l->n), on_line, arg);
	l->skipping = false;
	l->n = 0;
}

void lines_feed(struct lines *l, slice piece, void (*on_line)(void *arg, slice line), void *arg)
{
	for (ptrdiff_t at; (at = slice_find_char(piece, '\n')) >= 0;
	     piece = slice_sub(piece, (size_t)at + 1, piece.n)) {
		slice part = slice_sub(piece, 0, (size_t)at);
		if (l->n || l->skipping) {
			keep(l, part);
			end_line(l, on_line, arg);
		} else {
			give(l, part, on_line, arg);
			l->skipping = false;
		}
	}
	keep(l, piece);
}

void lines_finish(struct lines *l, void (*on_line)(void *arg, slice line), void *arg)
{
	end_line(l, on_line, arg);
	lines_release(l);
}
