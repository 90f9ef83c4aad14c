#include "text/nearest.h"

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned nearest_distance(slice a, slice b)
{
	unsigned rows[3][NEAREST_WORD_MAX + 1];
	if (a.n > NEAREST_WORD_MAX || b.n > NEAREST_WORD_MAX)
		return NEAREST_WORD_MAX;
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= b.n; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			bool same = fold(a.p[i - 1]) == fold(b.p[j - 1]);
			now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + !same);
			if (i > 1 && j > 1 && fold(a.p[i - 1]) == fold(b.p[j - 2]) &&
			    fold(a.p[i - 2]) == fold(b.p[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b.n];
}

void nearest_init(struct nearest *n, slice word)
{
	*n = (struct nearest){.word = word, .distance = (unsigned)(word.n / 3 ? word.n / 3 : 1) + 1};
}

void nearest_offer(struct nearest *n, slice known)
{
	if (n->word.n == 0 || known.n == 0)
		return;
	unsigned d = nearest_distance(n->word, known);
	if (d < n->distance) {
		n->distance = d;
		n->best = known;
	}
}
