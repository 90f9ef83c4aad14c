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
		t->start[b / 2] = (uint32_t)n;
		n += size;
	}
	t->blocks = (t->blocks + 1) / 2;
	t->n = n;
	t->start[t->blocks] = (uint32_t)n;
	t->every *= 2;
}

static bool room(struct said_text *t, size_t n)
{
	if (t->n + n <= t->cap)
		return true;
	size_t cap = t->cap ? t->cap * 8 : 1024; /* most answers fit the first, then 8 and 64 KB */
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
	uint64_t block = t->all / BLOCK;
	bool first = t->begun != block + 1;
	t->all += raw.n;
	t->begun = block + 1;
	if (first && block % t->every == 0 && t->blocks == SAID_BLOCKS)
		thin(t);
	if (block % t->every != 0 || !room(t, raw.n))
		return;
	t->blocks += first;
	memcpy(t->p + t->n, raw.p, raw.n);
	t->n += raw.n;
	t->start[t->blocks] = (uint32_t)t->n;
}

/* Bytes of raw, standing in block t->all / BLOCK, up to the next block that is kept: they are not read. */
static size_t passed_over(const struct said_text *t, slice raw)
{
	uint64_t block = t->all / BLOCK, ahead = t->every - block % t->every;
	if (ahead == t->every)
		return 0;
	uint64_t n = (block + ahead) * BLOCK - t->all;
	return n < raw.n ? predict_cut(raw, (size_t)n) : raw.n;
}

static void sample(struct said_text *t, slice raw)
{
	while (raw.n) {
		size_t n = passed_over(t, raw);
		t->all += n;
		raw = slice_sub(raw, n, raw.n);
		n = predict_cut(raw, BLOCK);
		if (n)
			add(t, slice_sub(raw, 0, n));
		raw = slice_sub(raw, n, raw.n);
	}
}

/* It has become too long: what is there is cut into blocks, and sampled from now on. */
static void begin_to_sample(struct said_text *t)
{
	size_t n;
	t->every = 1;
	for (size_t at = 0; at < t->n; at += n) {
		n = t->blocks + 1 < SAID_BLOCKS ? predict_cut(slice_make(t->p + at, t->n - at), BLOCK)
		                                : t->n - at;
		t->blocks++;
		t->start[t->blocks] = (uint32_t)(at + n);
	}
	t->begun = t->all / BLOCK;
}

void said_add(struct said *s, enum said_kind kind, slice raw)
{
	struct said_text *t = &s->text[kind];
	if (t->every == 0 && t->n == t->all && t->n + raw.n <= SAID_KEPT && room(t, raw.n)) {
		memcpy(t->p + t->n, raw.p, raw.n);
		t->n += raw.n;
		t->all += raw.n;
		return;
	}
	if (t->every == 0)
		begin_to_sample(t);
	sample(t, raw);
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
		else /* there was no memory */
			tokens += (double)t->all / 4;
	}
	return (int64_t)(tokens + 0.5);
}
