#include "model/said.h"

#include <stdlib.h>

#include "model/predict_impl.h"

enum { BLOCK = SAID_KEPT / SAID_BLOCKS };

void said_release(struct said *s)
{
	for (int k = 0; k < SAID_KINDS; k++)
		free(s->text[k].p);
	memset(s, 0, sizeof *s);
}

/* Every second block goes. */
static void thin(struct said_text *t)
{
	size_t n = 0;
	for (uint32_t b = 0; b < t->blocks; b += 2) {
		size_t size = t->start[b + 1] - t->start[b];
		memmove(t->p + n, t->p + t->start[b], size);
		t->start[b / 2] = n;
		n += size;
	}
	t->blocks = (t->blocks + 1) / 2;
	t->start[t->blocks] = t->n = n;
	t->every *= 2;
}

static bool room(struct said_text *t, size_t n)
{
	if (t->n + n <= t->cap)
		return true;
	size_t cap = t->cap ? t->cap * 2 : 1024;
	while (cap < t->n + n)
		cap *= 2;
	char *p = realloc(t->p, cap);
	if (!p)
		return false;
	t->p = p;
	t->cap = cap;
	return true;
}

/* A piece of at most a block. */
static void add(struct said_text *t, slice raw)
{
	uint64_t block = t->all / BLOCK, before = t->all ? (t->all - 1) / BLOCK : 0;
	t->all += raw.n;
	if (t->every == 0)
		t->every = 1;
	bool first = t->blocks == 0 || block != before;
	if (first && block % t->every == 0 && t->blocks == SAID_BLOCKS)
		thin(t);
	if (block % t->every != 0 || !room(t, raw.n))
		return;
	t->blocks += first;
	memcpy(t->p + t->n, raw.p, raw.n);
	t->n += raw.n;
	t->start[t->blocks] = t->n;
}

void said_add(struct said *s, enum said_kind kind, slice raw)
{
	while (raw.n) {
		size_t n = predict_cut(raw, BLOCK);
		add(&s->text[kind], slice_sub(raw, 0, n));
		raw = slice_sub(raw, n, raw.n);
	}
}

int64_t said_count(const struct said *s, struct predict_scratch *scratch, slice model)
{
	double tokens = 0;
	scratch->encoding = predict_encoding(model);
	for (int k = 0; k < SAID_KINDS; k++) {
		const struct said_text *t = &s->text[k];
		json_str text = {slice_make(t->p, t->n), true};
		if (t->n)
			tokens += (double)predict_count_text(scratch, text) * (double)t->all / (double)t->n;
		else
			tokens += (double)(t->all + 3) / 4;
	}
	return (int64_t)(tokens + 0.5);
}
