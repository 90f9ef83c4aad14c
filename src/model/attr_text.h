/* Attribution's texts as they go into the ledger: cleaned, capped, tags as JSON. They come from headers,
 * bodies and keys, that is from anyone. */
#ifndef WEIR_MODEL_ATTR_TEXT_H
#define WEIR_MODEL_ATTR_TEXT_H

#include "base/arena.h"
#include "model/types.h"

/* A copy in mem: trimmed, control characters left out, malformed UTF-8 replaced by U+FFFD, at most
 * ATTR_TEXT_MAX bytes, cut between characters. n 0 when nothing is left or mem is full. */
slice attr_clean(slice text, struct arena *mem);

/* Tags, a JSON object of texts of at most ATTR_TEXT_MAX bytes; pairs that do not fit are left out, the first
 * of a name counts. */
struct attr_tags {
	char json[ATTR_TEXT_MAX];
	size_t n; /* bytes, without the closing brace; 0 while there is no pair */
};

void attr_tags_init(struct attr_tags *t);
/* False when it was left out: name empty, there already, or no room. */
bool attr_tags_add(struct attr_tags *t, slice name, slice value);
/* "a=1,b=2" or a JSON object of texts. False when it is neither (what could be read is added). */
bool attr_tags_read(struct attr_tags *t, slice text);
/* The object in mem; n 0 when there is no pair. */
slice attr_tags_json(const struct attr_tags *t, struct arena *mem);

#endif
