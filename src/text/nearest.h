/* The nearest known word to one that is not known: for "did you mean". */
#ifndef WEIR_TEXT_NEAREST_H
#define WEIR_TEXT_NEAREST_H

#include "base/slice.h"

#define NEAREST_WORD_MAX 48 /* bytes; longer words are near to nothing */

struct nearest {
	slice word;        /* what was written */
	slice best;        /* n 0: nothing is near enough */
	unsigned distance; /* of best */
};

/* A word is near when at most a third of its letters (1 at least) were changed, left out, added, or swapped
 * with their neighbour; case does not count. */
void nearest_init(struct nearest *n, slice word);
void nearest_offer(struct nearest *n, slice known);

/* Edits between two words (optimal string alignment), letters compared without case; NEAREST_WORD_MAX when
 * one is longer than that. */
unsigned nearest_distance(slice a, slice b);

#endif
