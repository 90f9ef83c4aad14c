/* What a text says, apart from what changes each time it is said: a fingerprint of its words in which times,
 * durations, addresses, process numbers and ids are all alike. Two runs of a command that ended the same way
 * have the same gist, though one took 0.31 s and the other 0.29 s.
 *
 * Numbers count as they stand: "3 failed" and "2 failed" are not the same. What is taken for volatile: a
 * clock time or a date; a number with a unit of time; 0x… and other hexadecimal words of 8 and more with a
 * digit in them; UUIDs; words of letters and digits mixed, 16 and longer (ids); and the word behind a label
 * that names such a thing ("Chunk ID:", "Wall time:", "PGID:", "pid"). */
#ifndef WEIR_TEXT_GIST_H
#define WEIR_TEXT_GIST_H

#include "base/slice.h"
#include "text/json.h"

#define GIST_BINS 16

/* Which words were in it, for telling texts that differ in a few: one of the bins' marks for each sixteenth.
 */
struct gist_mark {
	uint8_t at[GIST_BINS];
};

struct gist {
	uint64_t hash; /* of the words in their order */
	uint32_t words;
	bool failed; /* it tells of an exit code that is not 0 */
	uint32_t least[GIST_BINS];
	/* what the next word's meaning hangs on */
	uint64_t number; /* hash of a number that waits to see whether a unit follows; 0: none */
	uint8_t label;   /* words behind a label that are still to be left out */
	uint8_t exit;    /* how far "exit code" or "exited with code" was read */
};

void gist_init(struct gist *g);
/* More of the text; a piece ends a word. */
void gist_add(struct gist *g, slice text);
/* The same of a JSON string's or a JSON value's bytes: escapes part words. At most GIST_READ bytes from the
 * front and as many from the end are read, with the length between. */
#define GIST_READ 8192
void gist_add_json(struct gist *g, slice raw);
void gist_end(struct gist *g, struct gist_mark *mark);

/* Bins that are the same, 0 to GIST_BINS; texts without words are alike. */
unsigned gist_alike(const struct gist_mark *a, const struct gist_mark *b);

#endif
