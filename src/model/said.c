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

/* How much a text is as tokens go, without counting: its bytes, and thrice what is not a letter, which is
 * what tells code and numbers from prose. A sample stands for the whole in proportion to this. */
__attribute__((optimize("O3"))) static uint64_t weigh(slice raw)
{
	uint64_t others = 0;
	for (size_t from = 0; from < raw.n;
	     from += 128) { /* in bytes at first, so that it is done many at once */
		unsigned char n = 0;
		size_t to = from + 128 < raw.n ? from + 128 : raw.n;
		for (size_t i = from; i < to; i++)
			n = (unsigned char)(n + ((unsigned char)((raw.p[i] | 0x20) - 'a') > 25));
		others += n;
	}
	return raw.n + 3 * others;
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
	t->weight_kept = weigh(slice_make(t->p, n));
	t->blocks = (t->blocks + 1) / 2;
	t->n = n;
	t->start[t->blocks] = (uint32_t)n;
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
	uint64_t block = t->all / BLOCK;
	bool first = t->begun != block + 1;
	t->all += raw.n;
	if (t->every == 0)
		t->every = 1;
	t->begun = block + 1;
	uint64_t weight = weigh(raw);
	t->weight_all += weight;
	if (first && block % t->every == 0 && t->blocks == SAID_BLOCKS)
		thin(t);
	if (block % t->every != 0 || !room(t, raw.n))
		return;
	t->blocks += first;
	memcpy(t->p + t->n, raw.p, raw.n);
	t->weight_kept += weight;
	t->n += raw.n;
	t->start[t->blocks] = (uint32_t)t->n;
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
			tokens += (double)predict_count_text(scratch, text) * (double)t->weight_all /
			          (double)t->weight_kept;
		else /* there was no memory */
			tokens += (double)t->all / 4;
	}
	return (int64_t)(tokens + 0.5);
}
