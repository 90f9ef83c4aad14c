#include "store/rollup_sum.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/num.h"

/* --- distinct numbers ------------------------------------------------------------------------ */

static uint64_t mix(uint64_t v)
{
	v *= UINT64_C(0x9e3779b97f4a7c15);
	return v ^ v >> 29;
}

static bool seen_grow(struct rollup_seen *s)
{
	size_t cap = s->cap ? s->cap * 2 : 4096;
	uint64_t *slots = calloc(cap, sizeof *slots);
	if (slots == NULL)
		return false;
	for (size_t i = 0; i < s->cap; i++) {
		if (s->slots[i] == 0)
			continue;
		size_t at = mix(s->slots[i]) & (cap - 1);
		while (slots[at])
			at = (at + 1) & (cap - 1);
		slots[at] = s->slots[i];
	}
	free(s->slots);
	s->slots = slots;
	s->cap = cap;
	return true;
}

/* 1: it is new; 0; ERR_NOMEM. v is not 0. */
static int seen_add(struct rollup_seen *s, uint64_t v)
{
	if (s->n * 2 >= s->cap && !seen_grow(s))
		return ERR_NOMEM;
	size_t at = mix(v) & (s->cap - 1);
	for (; s->slots[at]; at = (at + 1) & (s->cap - 1))
		if (s->slots[at] == v)
			return 0;
	s->slots[at] = v;
	s->n++;
	return 1;
}

/* The groups of a session, the first two beside it. */
static struct rollup_pair *pair_of(struct rollup_groups *g, uint32_t session)
{
	if (session >= g->pairs_n) {
		size_t n = (size_t)session + session / 2 + 1024;
		struct rollup_pair *more = realloc(g->pairs, n * sizeof *more);
		if (more == NULL) {
			g->rc = ERR_NOMEM;
			return NULL;
		}
		memset(more + g->pairs_n, 0, (n - g->pairs_n) * sizeof *more);
		g->pairs = more;
		g->pairs_n = n;
	}
	return &g->pairs[session];
}

/* Whether it is new; false after a fault. */
static bool is_new(struct rollup_groups *g, struct rollup_seen *s, uint64_t v)
{
	int rc = seen_add(s, v);
	if (rc < 0)
		g->rc = rc;
	return rc > 0;
}

void rollup_saw_session(struct rollup_groups *g, uint32_t group, uint32_t session)
{
	struct rollup_pair *p = session && group ? pair_of(g, session) : NULL;
	if (p == NULL || p->first == group || p->second == group)
		return;
	if (p->first == 0) {
		p->first = group;
		g->groups[0].sessions++;
	} else if (p->second == 0) {
		p->second = group;
	} else if (!is_new(g, &g->sessions, (uint64_t)group << 32 | session)) {
		return;
	}
	g->groups[group].sessions++;
}

/* 23 bits of the group, 20 of the day, 20 of the user. */
void rollup_saw_day(struct rollup_groups *g, uint32_t group, uint32_t user, int64_t day)
{
	_Static_assert(ROLLUP_GROUPS_MAX <= 1 << 23 && ROLLUP_WORDS_MAX < 1 << 19, "they fit");
	uint64_t of = UINT64_C(1) << 63 | ((uint64_t)day & 0xfffff) << 20 | user,
	         v = of | (uint64_t)group << 40;
	uint64_t *last = &g->last_days[mix(v) >> 32 & (ROLLUP_LAST_DAYS - 1)];
	if (group == 0 || *last == v)
		return;
	*last = v;
	if (!is_new(g, &g->days, v))
		return;
	g->groups[group].active_days++;
	if (is_new(g, &g->days, of))
		g->groups[0].active_days++;
}

/* --- groups ---------------------------------------------------------------------------------- */

void rollup_groups_init(struct rollup_groups *g, size_t by_n)
{
	memset(g, 0, sizeof *g);
	g->by_n = by_n;
}

void rollup_groups_release(struct rollup_groups *g)
{
	free(g->groups);
	free(g->slots);
	free(g->sessions.slots);
	free(g->days.slots);
	free(g->pairs);
	memset(g, 0, sizeof *g);
}

static bool is_group(const struct rollup_groups *g, size_t i, int64_t bucket_ms,
                     const uint32_t key[ROLLUP_BY_MAX])
{
	bool same = g->groups[i].bucket_ms == bucket_ms;
	for (size_t k = 0; k < g->by_n; k++)
		same &= g->groups[i].key[k] == key[k];
	return same;
}

static size_t slot_of(const struct rollup_groups *g, int64_t bucket_ms, const uint32_t key[ROLLUP_BY_MAX])
{
	size_t at = XXH3_64bits_withSeed(key, g->by_n * sizeof *key, (uint64_t)bucket_ms) & (g->slots_n - 1);
	while (g->slots[at] && !is_group(g, g->slots[at], bucket_ms, key))
		at = (at + 1) & (g->slots_n - 1);
	return at;
}

static bool grow(struct rollup_groups *g)
{
	size_t cap = g->cap ? g->cap * 2 : 256;
	struct rollup_group *groups =
	    cap <= ROLLUP_GROUPS_MAX ? realloc(g->groups, cap * sizeof *groups) : NULL;
	if (groups)
		g->groups = groups;
	uint32_t *slots = groups ? calloc(cap * 2, sizeof *slots) : NULL;
	if (slots == NULL) {
		g->rc = cap > ROLLUP_GROUPS_MAX ? ERR_FULL : ERR_NOMEM;
		return false;
	}
	free(g->slots);
	g->slots = slots;
	g->slots_n = cap * 2;
	g->cap = cap;
	if (g->n == 0)
		memset(&groups[g->n++], 0, sizeof *groups);
	for (size_t i = 1; i < g->n; i++)
		slots[slot_of(g, groups[i].bucket_ms, groups[i].key)] = (uint32_t)i;
	return true;
}

uint32_t rollup_group_of(struct rollup_groups *g, int64_t bucket_ms, const uint32_t key[ROLLUP_BY_MAX])
{
	if (g->rc != 0 || (g->n == g->cap && !grow(g)))
		return 0;
	if (g->last && is_group(g, g->last, bucket_ms, key))
		return (uint32_t)g->last;
	size_t slot = slot_of(g, bucket_ms, key);
	if (g->slots[slot] == 0) {
		struct rollup_group *new = &g->groups[g->n];
		memset(new, 0, sizeof *new);
		new->bucket_ms = bucket_ms;
		memcpy(new->key, key, g->by_n * sizeof *key);
		g->slots[slot] = (uint32_t)g->n++;
	}
	g->last = g->slots[slot];
	return (uint32_t)g->last;
}

/* --- sums ------------------------------------------------------------------------------------ */

void rollup_sum_row(struct rollup_groups *g, uint32_t group, const struct rollup_sums *sums)
{
	if (g->rc == 0 && group && !rollup_sums_add(&g->groups[group].sums, sums))
		g->rc = ERR_RANGE;
}

void rollup_sum_known(struct rollup_groups *g, uint64_t measures, const uint32_t *group, size_t n)
{
	if (g->rc != 0 || g->groups == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		g->groups[group[i]].sums.known |= measures;
	g->groups[0].sums.known = 0;
}

/* One loop for each width. */
#define SUM(type)                                                                                            \
	for (size_t i = 0; i < n; i++) {                                                                     \
		type code;                                                                                   \
		memcpy(&code, body + i * sizeof code, sizeof code);                                          \
		int64_t *to = &groups[group[i]].sums.v[m];                                                   \
		over |= __builtin_add_overflow(*to, (int64_t)((uint64_t)base + code), to);                   \
	}

/* Where some are absent: those have the code 0, others are one more. */
#define SUM_SOME(type)                                                                                       \
	for (size_t i = 0; i < n; i++) {                                                                     \
		type code;                                                                                   \
		memcpy(&code, body + i * sizeof code, sizeof code);                                          \
		int64_t v = (int64_t)((uint64_t)base - 1 + code) & -(int64_t)(code > 0);                     \
		struct rollup_sums *s = &groups[group[i]].sums;                                              \
		over |= __builtin_add_overflow(s->v[m], v, &s->v[m]);                                        \
		s->known |= (uint64_t)(code > 0) << m;                                                       \
	}

static bool sum_all(struct rollup_group *groups, int m, const struct rollup_column *c, const uint32_t *group,
                    size_t n)
{
	const char *body = c->body;
	int64_t base = c->base;
	bool over = false;
	switch (c->width) {
	case 0:
		for (size_t i = 0; base && i < n; i++) {
			int64_t *to = &groups[group[i]].sums.v[m];
			over |= __builtin_add_overflow(*to, base, to);
		}
		break;
	case 1:
		SUM(uint8_t)
		break;
	case 2:
		SUM(uint16_t)
		break;
	case 4:
		SUM(uint32_t)
		break;
	default:
		SUM(uint64_t)
	}
	return over;
}

static bool sum_some(struct rollup_group *groups, int m, const struct rollup_column *c, const uint32_t *group,
                     size_t n)
{
	const char *body = c->body;
	int64_t base = c->base;
	bool over = false;
	switch (c->width) {
	case 1:
		SUM_SOME(uint8_t)
		break;
	case 2:
		SUM_SOME(uint16_t)
		break;
	case 4:
		SUM_SOME(uint32_t)
		break;
	default:
		SUM_SOME(uint64_t)
	}
	return over;
}

void rollup_sum_column(struct rollup_groups *g, enum rollup_measure m, const struct rollup_column *c,
                       const uint32_t *group, size_t n)
{
	struct rollup_group *groups = g->groups;
	if (g->rc != 0 || groups == NULL)
		return;
	/* absent with width 0 is not made */
	bool some = c->absent && c->width;
	if (some ? sum_some(groups, (int)m, c, group, n) : sum_all(groups, (int)m, c, group, n))
		g->rc = ERR_RANGE;
	/* group 0 is nobody's, and may hold anything */
	groups[0].sums = (struct rollup_sums){0};
}
