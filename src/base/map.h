/* A hash map from byte strings to pointers, seeded (hash flooding), open addressing; keys are not copied
 * unless asked. */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct map_slot;
struct map {
	struct map_slot *slots; /* owned */
	size_t n, cap, max;     /* entries, slots, the cap on entries */
	size_t tombs;           /* slots of removed entries */
	uint64_t seed;
};

/* seed: random for outside data (crypto_random), fixed in tests. */
void map_init(struct map *m, size_t max, uint64_t seed);
void map_release(struct map *m); /* keys and values are the caller's */
/* The value, or NULL. */
void *map_get(const struct map *m, slice key);
/* The key's bytes must live as long as the entry. Replaces; *old (may be NULL) gets the former value.
 * ERR_FULL, ERR_NOMEM. */
int map_put(struct map *m, slice key, void *value, void **old) WARN_UNUSED;
/* The removed value, or NULL. */
void *map_remove(struct map *m, slice key);
/* Walks all entries: *at starts at 0; false at the end. The map must not change meanwhile (but for map_remove
 * of the one given). */
bool map_each(const struct map *m, size_t *at, slice *key, void **value);

uint64_t map_hash(slice key, uint64_t seed); /* XXH3, 64 bits */

#endif
