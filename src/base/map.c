/* Open addressing with linear probing over a power of two of slots, at most three quarters taken (removed
 * ones counted). A slot's hash says what it is: 0 empty, 1 removed, anything else an entry. The table is
 * never rehashed by a removal, so that a walk may remove the entry it was given. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/map.h"

#define MAP_MIN 16

enum { SLOT_EMPTY = 0, SLOT_TOMB = 1 };

struct map_slot {
	slice key; /* not owned */
	void *value;
	uint64_t hash;
};

uint64_t map_hash(slice key, uint64_t seed)
{
	return XXH3_64bits_withSeed(key.n ? key.p : "", key.n, seed);
}

static uint64_t slot_hash(const struct map *m, slice key)
{
	uint64_t h = map_hash(key, m->seed);
	return h > SLOT_TOMB ? h : h + 2;
}

void map_init(struct map *m, size_t max, uint64_t seed)
{
	*m = (struct map){.max = max, .seed = seed};
}

void map_release(struct map *m)
{
	free(m->slots);
	map_init(m, m->max, m->seed);
}

static struct map_slot *map_find(const struct map *m, slice key, uint64_t hash)
{
	if (!m->cap)
		return NULL;
	for (size_t mask = m->cap - 1, i = hash & mask;; i = (i + 1) & mask) {
		struct map_slot *s = &m->slots[i];
		if (s->hash == SLOT_EMPTY)
			return NULL;
		if (s->hash == hash && slice_eq(s->key, key))
			return s;
	}
}

/* The first slot without an entry on the key's way; the key is known to be absent. */
static struct map_slot *map_free_slot(const struct map *m, uint64_t hash)
{
	size_t mask = m->cap - 1, i = hash & mask;
	while (m->slots[i].hash > SLOT_TOMB)
		i = (i + 1) & mask;
	return &m->slots[i];
}

/* Room for one more entry: twice the slots when half of them are entries, else the same number without the
 * removed ones. */
static int map_rehash(struct map *m)
{
	size_t cap = m->cap ? m->cap : MAP_MIN;
	if (m->n + 1 > cap / 2) {
		if (cap > SIZE_MAX / 2)
			return ERR_NOMEM;
		cap *= 2;
	}
	struct map grown = *m;
	grown.slots = calloc(cap, sizeof *grown.slots);
	if (!grown.slots)
		return ERR_NOMEM;
	grown.cap = cap;
	grown.tombs = 0;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].hash > SLOT_TOMB)
			*map_free_slot(&grown, m->slots[i].hash) = m->slots[i];
	free(m->slots);
	*m = grown;
	return 0;
}

void *map_get(const struct map *m, slice key)
{
	const struct map_slot *s = map_find(m, key, slot_hash(m, key));
	return s ? s->value : NULL;
}

int map_put(struct map *m, slice key, void *value, void **old)
{
	uint64_t hash = slot_hash(m, key);
	struct map_slot *s = map_find(m, key, hash);
	if (old)
		*old = s ? s->value : NULL;
	if (s) { /* the key too: the former one may die with the former value */
		s->key = key;
		s->value = value;
		return 0;
	}
	if (m->n >= m->max)
		return ERR_FULL;
	if (m->n + m->tombs + 1 > m->cap - m->cap / 4) {
		int err = map_rehash(m);
		if (err)
			return err;
	}
	s = map_free_slot(m, hash);
	if (s->hash == SLOT_TOMB)
		m->tombs--;
	*s = (struct map_slot){key, value, hash};
	m->n++;
	return 0;
}

void *map_remove(struct map *m, slice key)
{
	struct map_slot *s = map_find(m, key, slot_hash(m, key));
	if (!s)
		return NULL;
	void *value = s->value;
	*s = (struct map_slot){.hash = SLOT_TOMB};
	m->n--;
	m->tombs++;
	/* Removed slots before an empty one lead nowhere: they become empty again. */
	size_t mask = m->cap - 1, i = (size_t)(s - m->slots);
	if (m->slots[(i + 1) & mask].hash == SLOT_EMPTY)
		for (; m->slots[i].hash == SLOT_TOMB; i = (i - 1) & mask, m->tombs--)
			m->slots[i].hash = SLOT_EMPTY;
	return value;
}

bool map_each(const struct map *m, size_t *at, slice *key, void **value)
{
	while (*at < m->cap) {
		const struct map_slot *s = &m->slots[(*at)++];
		if (s->hash > SLOT_TOMB) {
			*key = s->key;
			*value = s->value;
			return true;
		}
	}
	return false;
}
