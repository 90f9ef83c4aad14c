#include "finops/session_list.h"

#include <stdlib.h>

#include "base/arena.h"

#define MEMORY_MAX ((size_t)64 << 20)

enum session_sort session_sort_from_name(slice name)
{
#define X(id, text) #text,
	static const char *const names[] = {SESSION_SORT_LIST(X)};
#undef X
	int i = 0;
	while (i < SESSION_SORTS && !slice_eq(name, slice_of(names[i])))
		i++;
	return (enum session_sort)i;
}

struct item {
	struct ledger_session s; /* texts in the list's memory */
	int64_t burn, key;       /* key: what it is sorted by */
};

struct listing {
	const struct session_view *v;
	const struct session_list *ask;
	struct arena mem;
	struct item *at;
	size_t n, seen;
	bool spent;
};

static char folded(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool contains(slice text, slice word)
{
	for (size_t i = 0; i + word.n <= text.n; i++) {
		size_t k = 0;
		while (k < word.n && folded(text.p[i + k]) == folded(word.p[k]))
			k++;
		if (k == word.n)
			return true;
	}
	return false;
}

static bool matches(const struct session_list *ask, const struct ledger_session *s)
{
	const slice texts[] = {s->id, s->user, s->team, s->agent, s->repo, s->branch, s->model, s->directory};
	if (ask->state.n && !slice_eq(ask->state, s->state))
		return false;
	if (ask->search.n == 0)
		return true;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (contains(texts[i], ask->search))
			return true;
	return false;
}

static int64_t key_of(const struct item *it, enum session_sort sort)
{
	switch (sort) {
	case SORT_BURN:
		return it->burn;
	case SORT_COST:
		return it->s.cost_nanousd;
	case SORT_CALLS:
		return it->s.calls;
	case SORT_TURNS:
		return it->s.turns;
	case SORT_STARTED:
		return it->s.started_ms;
	case SORT_SEEN:
	case SESSION_SORTS:
		break;
	}
	return it->s.seen_ms;
}

static int take(void *arg, const struct ledger_session *s)
{
	struct listing *l = arg;
	l->seen++;
	if ((l->v->may_see && !l->v->may_see(l->v->arg, s->scope)) || !matches(l->ask, s))
		return 0;
	struct item *to = &l->at[l->n];
	to->s = *s;
	slice *const texts[] = {&to->s.id,        &to->s.scope,  &to->s.parent, &to->s.agent,
	                        &to->s.directory, &to->s.reason, &to->s.state,  &to->s.user,
	                        &to->s.team,      &to->s.repo,   &to->s.branch, &to->s.model};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		slice copy = texts[i]->p ? arena_copy(&l->mem, *texts[i]) : SLICE_NONE;
		l->spent = l->spent || (texts[i]->p && copy.p == NULL);
		*texts[i] = copy;
	}
	to->burn = l->ask->burn ? l->ask->burn(l->ask->burn_arg, to->s.id, to->s.scope) : RECORD_ABSENT;
	to->key = key_of(to, l->ask->sort);
	l->n++;
	return l->spent;
}

static int by_key(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	if (x->s.seen_ms != y->s.seen_ms)
		return x->s.seen_ms < y->s.seen_ms ? 1 : -1;
	return slice_cmp(x->s.id, y->s.id);
}

static void put_item(struct jsonw *w, const struct item *it)
{
	jsonw_object(w);
	session_view_put(w, &it->s);
	if (it->burn == RECORD_ABSENT)
		jsonw_put_null(w, SLICE("burn_nanousd"));
	else
		jsonw_put_i64(w, SLICE("burn_nanousd"), it->burn);
	jsonw_object_end(w);
}

static int write_page(const struct listing *l, struct buf *out)
{
	struct jsonw w;
	size_t from = l->ask->offset < l->n ? l->ask->offset : l->n;
	size_t to = l->n - from < l->ask->limit ? l->n : from + l->ask->limit;
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_key(&w, SLICE("sessions"));
	jsonw_array(&w);
	for (size_t i = from; i < to; i++)
		put_item(&w, &l->at[i]);
	jsonw_array_end(&w);
	jsonw_put_i64(&w, SLICE("total"), (int64_t)l->n);
	jsonw_put_i64(&w, SLICE("offset"), (int64_t)from);
	jsonw_put_bool(&w, SLICE("more"), l->seen >= SESSION_LIST_MOST);
	jsonw_object_end(&w);
	int rc = jsonw_end(&w);
	return rc ? rc : buf_append(out, SLICE("\n"));
}

int session_list_json(const struct session_view *v, const struct session_list *ask, struct buf *out,
                      struct error *e)
{
	struct listing l = {.v = v, .ask = ask};
	int rc = 0;
	*e = (struct error){0};
	arena_init(&l.mem, MEMORY_MAX);
	l.at = calloc(SESSION_LIST_MOST, sizeof *l.at);
	if (l.at == NULL)
		rc = error_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0 && v->ledger)
		rc = v->ops->sessions(v->ledger, ask->since_ms, SESSION_LIST_MOST, take, &l, e);
	if (l.spent)
		rc = error_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0) {
		qsort(l.at, l.n, sizeof *l.at, by_key);
		rc = write_page(&l, out);
		if (rc)
			error_set(e, rc, "the answer is too large: ask for fewer at a time");
	}
	free(l.at);
	arena_release(&l.mem);
	return rc;
}
