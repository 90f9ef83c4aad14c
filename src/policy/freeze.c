#include "policy/freeze.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"

#define MEMORY_MAX ((size_t)FREEZES_MAX * 2048)
#define KEY_MAX    (ATTR_TEXT_MAX + 1)

static const char *const names[FREEZE_SCOPE_N] = {
#define X(id, name) [id] = #name,
    FREEZE_SCOPE_LIST(X)
#undef X
};

struct freeze_set {
	atomic_int refs;
	struct arena mem;
	struct map map; /* by scope and value */
	size_t n, cap;
	struct freeze **at; /* owned; the entries in mem, in their order */
};

const char *freeze_scope_name(enum freeze_scope s)
{
	return s < FREEZE_SCOPE_N ? names[s] : "?";
}

enum freeze_scope freeze_scope_from_name(slice name)
{
	for (int i = 0; i < FREEZE_SCOPE_N; i++)
		if (slice_eq(name, slice_of(names[i])))
			return (enum freeze_scope)i;
	return FREEZE_SCOPE_N;
}

struct freeze_set *freeze_set_new(uint64_t seed)
{
	struct freeze_set *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	atomic_init(&s->refs, 1);
	arena_init(&s->mem, MEMORY_MAX);
	map_init(&s->map, FREEZES_MAX, seed);
	return s;
}

struct freeze_set *freeze_set_ref(struct freeze_set *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void freeze_set_unref(struct freeze_set *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	map_release(&s->map);
	arena_release(&s->mem);
	free(s->at);
	free(s);
}

/* Where an entry stands in the map, in room. */
static slice key_of(enum freeze_scope scope, slice value, char room[KEY_MAX])
{
	if (scope == FREEZE_ORG)
		value = SLICE_NONE;
	if (value.n > ATTR_TEXT_MAX)
		value.n = ATTR_TEXT_MAX;
	room[0] = (char)('a' + scope);
	if (value.n)
		memcpy(room + 1, value.p, value.n);
	return slice_make(room, value.n + 1);
}

static bool fits(const struct freeze *f)
{
	return f->scope < FREEZE_SCOPE_N && (f->scope == FREEZE_ORG || f->value.n) &&
	       f->value.n <= ATTR_TEXT_MAX && f->by.n <= ATTR_TEXT_MAX && f->reason.n <= ATTR_TEXT_MAX;
}

static bool make_room(struct freeze_set *s)
{
	if (s->n < s->cap)
		return true;
	size_t cap = s->cap ? s->cap * 2 : 16;
	struct freeze **at = realloc(s->at, cap * sizeof(struct freeze *));
	if (at == NULL)
		return false;
	s->at = at;
	s->cap = cap;
	return true;
}

int freeze_set_add(struct freeze_set *s, const struct freeze *f)
{
	char room[KEY_MAX];
	if (!fits(f))
		return ERR_INVALID;
	struct freeze *old = map_get(&s->map, key_of(f->scope, f->value, room));
	struct freeze *to = old ? old : arena_alloc(&s->mem, sizeof *to);
	slice key = arena_copy(&s->mem, key_of(f->scope, f->value, room));
	struct freeze copy = {f->scope, slice_sub(key, 1, key.n), arena_copy(&s->mem, f->by),
	                      arena_copy(&s->mem, f->reason), f->at_ms};
	if (to == NULL || key.p == NULL || copy.by.p == NULL || copy.reason.p == NULL || !make_room(s))
		return ERR_NOMEM;
	*to = copy;
	int r = map_put(&s->map, key, to, NULL);
	if (r == 0 && old == NULL)
		s->at[s->n++] = to;
	return r;
}

size_t freeze_set_count(const struct freeze_set *s)
{
	return s->n;
}

const struct freeze *freeze_set_find(const struct freeze_set *s, enum freeze_scope scope, slice value)
{
	char room[KEY_MAX];
	return map_get(&s->map, key_of(scope, value, room));
}

int freeze_set_each(const struct freeze_set *s, int (*on_freeze)(void *arg, const struct freeze *f),
                    void *arg)
{
	int r = 0;
	for (size_t i = 0; i < s->n && r == 0; i++)
		r = on_freeze(arg, s->at[i]);
	return r;
}

const struct freeze *freeze_set_match(const struct freeze_set *s, const struct freeze_call *c)
{
	const struct freeze *f = NULL;
	for (int i = 0; s->n && i < FREEZE_SCOPE_N && f == NULL; i++)
		if (i == FREEZE_ORG || c->value[i].n)
			f = freeze_set_find(s, (enum freeze_scope)i, c->value[i]);
	return f;
}

slice freeze_message(const struct freeze *f, struct arena *mem)
{
	const char *scope = freeze_scope_name(f->scope);
	struct buf b;
	buf_init(&b, 8 * ATTR_TEXT_MAX);
	int r = f->scope == FREEZE_ORG ? buf_append(&b, SLICE("Frozen: all calls"))
	                               : buf_printf(&b, "Frozen: %s " SLICE_FMT, scope, SLICE_ARG(f->value));
	if (f->by.n)
		r |= buf_printf(&b, ", by " SLICE_FMT, SLICE_ARG(f->by));
	if (f->reason.n)
		r |= buf_printf(&b, " (" SLICE_FMT ")", SLICE_ARG(f->reason));
	r |= buf_printf(&b, ". To go on, an operator runs: weir unfreeze --%s", scope);
	if (f->scope != FREEZE_ORG)
		r |= buf_printf(&b, slice_find_char(f->value, ' ') < 0 ? " " SLICE_FMT : " '" SLICE_FMT "'",
		                SLICE_ARG(f->value));
	slice text = r ? SLICE_NONE : arena_copy(mem, buf_slice(&b));
	buf_release(&b);
	return text;
}
