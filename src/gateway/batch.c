/* The table: entries in one array, in the order they came; those that are done are let go when room is
 * needed. A mutex guards it, held for the length of a walk over at most BATCHES_MAX entries. */
#include "gateway/batch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define BATCH_MEM_MAX (64 * 1024)

/* What a `struct batch` is the public part of. */
struct entry {
	struct batch b; /* first */
	atomic_int refs;
	struct arena mem;
	/* guarded by the table's lock */
	enum batch_state state;
	struct name results, errors;
	bool changed;
	struct budget_hold *hold; /* owned, with the reference to the settings its rules are in; or NULL */
	struct settings *settings;
};

struct batches {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool woken, stopping;
	struct entry *at[BATCHES_MAX]; /* references */
	size_t n;
	struct batch_file files[BATCH_FILES]; /* a ring */
	size_t files_n;
};

#define X(id, name) #name,
static const char *const state_names[] = {BATCH_STATE_LIST(X)};
#undef X

const char *batch_state_name(enum batch_state s)
{
	return s < BATCH_STATES ? state_names[s] : "?";
}

enum batch_state batch_state_from_name(slice name)
{
	int i = 0;
	while (i < BATCH_STATES && !slice_eq(name, slice_of(state_names[i])))
		i++;
	return (enum batch_state)i;
}

struct batches *batches_new(void)
{
	struct batches *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->moved, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return t;
}

void batches_free(struct batches *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		batch_unref(&t->at[i]->b);
	pthread_cond_destroy(&t->moved);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct entry *entry_of(const struct batch *b)
{
	return (struct entry *)(uintptr_t)b;
}

void batch_unref(struct batch *b)
{
	if (b == NULL || atomic_fetch_sub_explicit(&entry_of(b)->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena_release(&entry_of(b)->mem);
	settings_unref(entry_of(b)->settings);
	free(entry_of(b)->hold);
	free(b);
}

static struct batch *with_ref(struct entry *x)
{
	if (x == NULL)
		return NULL;
	atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
	return &x->b;
}

static struct entry *entry_new(const struct record *made)
{
	struct entry *x = calloc(1, sizeof *x);
	if (x == NULL)
		return NULL;
	atomic_init(&x->refs, 1);
	arena_init(&x->mem, BATCH_MEM_MAX);
	struct record *r = &x->b.made;
	*r = *made;
	for (int i = 0; i < ATTR_N; i++)
		r->who.v[i] = arena_copy(&x->mem, made->who.v[i]);
	for (int i = 0; i < TEXT_N; i++)
		r->text[i] = arena_copy(&x->mem, made->text[i]);
	x->b.id = r->text[TEXT_BATCH];
	x->b.provider = r->text[TEXT_PROVIDER];
	x->changed = true;
	return x;
}

static struct entry *find(struct batches *t, slice id)
{
	for (size_t i = t->n; i-- > 0;)
		if (slice_eq(t->at[i]->b.id, id))
			return t->at[i];
	return NULL;
}

/* Lets the oldest go that is done and saved. */
static bool make_room(struct batches *t)
{
	for (size_t i = 0; t->n == BATCHES_MAX && i < t->n; i++)
		if (t->at[i]->state != BATCH_OPEN && !t->at[i]->changed) {
			batch_unref(&t->at[i]->b);
			memmove(&t->at[i], &t->at[i + 1], sizeof t->at[0] * (t->n - i - 1));
			t->n--;
		}
	return t->n < BATCHES_MAX;
}

static void wake(struct batches *t)
{
	t->woken = true;
	pthread_cond_signal(&t->moved);
}

int batches_add(struct batches *t, const struct record *made)
{
	int rc = 0;
	pthread_mutex_lock(&t->lock);
	if (find(t, made->text[TEXT_BATCH]) == NULL) {
		struct entry *x = make_room(t) ? entry_new(made) : NULL;
		if (x)
			t->at[t->n++] = x;
		else
			rc = t->n == BATCHES_MAX ? ERR_FULL : ERR_NOMEM;
		wake(t);
	}
	pthread_mutex_unlock(&t->lock);
	return rc;
}

bool batches_full(struct batches *t)
{
	pthread_mutex_lock(&t->lock);
	bool full = !make_room(t);
	pthread_mutex_unlock(&t->lock);
	return full;
}

struct batch *batches_find(struct batches *t, slice id)
{
	pthread_mutex_lock(&t->lock);
	struct batch *b = with_ref(find(t, id));
	pthread_mutex_unlock(&t->lock);
	return b;
}

struct batch *batches_by_file(struct batches *t, slice file)
{
	struct batch *b = NULL;
	pthread_mutex_lock(&t->lock);
	for (size_t i = t->n; file.n && b == NULL && i-- > 0;)
		if (slice_eq(name_get(&t->at[i]->results), file) ||
		    slice_eq(name_get(&t->at[i]->errors), file))
			b = with_ref(t->at[i]);
	pthread_mutex_unlock(&t->lock);
	return b;
}

struct batch *batches_each(struct batches *t, size_t *cursor)
{
	pthread_mutex_lock(&t->lock);
	struct batch *b = *cursor < t->n ? with_ref(t->at[(*cursor)++]) : NULL;
	pthread_mutex_unlock(&t->lock);
	return b;
}

enum batch_state batch_state(struct batches *t, const struct batch *b)
{
	pthread_mutex_lock(&t->lock);
	enum batch_state s = entry_of(b)->state;
	pthread_mutex_unlock(&t->lock);
	return s;
}

void batch_leave(struct batches *t, struct batch *b, enum batch_state to, struct budget_hold **h,
                 struct settings **s)
{
	struct entry *x = entry_of(b);
	*h = NULL;
	*s = NULL;
	pthread_mutex_lock(&t->lock);
	if (x->state == BATCH_OPEN && to != BATCH_OPEN) {
		x->state = to;
		x->changed = true;
		*h = x->hold;
		*s = x->settings;
		x->hold = NULL;
		x->settings = NULL;
		wake(t);
	}
	pthread_mutex_unlock(&t->lock);
}

void batch_set_state(struct batches *t, struct batch *b, enum batch_state to)
{
	struct budget_hold *h;
	struct settings *s;
	batch_leave(t, b, to, &h, &s);
	free(h); /* one that is held for ends by batch_close, which settles */
	settings_unref(s);
}

bool batch_keep_hold(struct batches *t, struct batch *b, struct budget_hold *h, struct settings *s)
{
	struct entry *x = entry_of(b);
	pthread_mutex_lock(&t->lock);
	bool kept = x->state == BATCH_OPEN && x->hold == NULL;
	if (kept) {
		x->hold = h;
		x->settings = s;
	}
	pthread_mutex_unlock(&t->lock);
	return kept;
}

void batch_with_hold(struct batches *t, struct batch *b,
                     void (*fn)(void *arg, struct budget_hold **h, struct settings **s), void *arg)
{
	struct entry *x = entry_of(b);
	pthread_mutex_lock(&t->lock);
	if (x->state == BATCH_OPEN)
		fn(arg, &x->hold, &x->settings);
	pthread_mutex_unlock(&t->lock);
}

void batch_set_files(struct batches *t, struct batch *b, slice results, slice errors)
{
	struct entry *x = entry_of(b);
	pthread_mutex_lock(&t->lock);
	bool same = slice_eq(name_get(&x->results), results) && slice_eq(name_get(&x->errors), errors);
	if (!same) {
		name_set(&x->results, results);
		name_set(&x->errors, errors);
		x->changed = true;
		wake(t);
	}
	pthread_mutex_unlock(&t->lock);
}

void batch_files(struct batches *t, const struct batch *b, struct name *results, struct name *errors)
{
	pthread_mutex_lock(&t->lock);
	*results = entry_of(b)->results;
	*errors = entry_of(b)->errors;
	pthread_mutex_unlock(&t->lock);
}

bool batch_take_changed(struct batches *t, struct batch *b)
{
	pthread_mutex_lock(&t->lock);
	bool changed = entry_of(b)->changed;
	entry_of(b)->changed = false;
	pthread_mutex_unlock(&t->lock);
	return changed;
}

void batches_file_add(struct batches *t, const struct batch_file *f)
{
	pthread_mutex_lock(&t->lock);
	t->files[t->files_n++ % BATCH_FILES] = *f;
	pthread_mutex_unlock(&t->lock);
}

bool batches_file(struct batches *t, slice id, struct batch_file *out)
{
	bool found = false;
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; id.n && i < BATCH_FILES && i < t->files_n && !found; i++)
		if (slice_eq(name_get(&t->files[i].id), id)) {
			*out = t->files[i];
			found = true;
		}
	pthread_mutex_unlock(&t->lock);
	return found;
}

bool batches_wait(struct batches *t, int64_t timeout_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / 1000);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&t->lock);
	while (!t->woken && !t->stopping && pthread_cond_timedwait(&t->moved, &t->lock, &until) == 0)
		;
	t->woken = false;
	bool on = !t->stopping;
	pthread_mutex_unlock(&t->lock);
	return on;
}

bool batches_stopping(struct batches *t)
{
	pthread_mutex_lock(&t->lock);
	bool stopping = t->stopping;
	pthread_mutex_unlock(&t->lock);
	return stopping;
}

void batches_stop(struct batches *t)
{
	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	pthread_cond_signal(&t->moved);
	pthread_mutex_unlock(&t->lock);
}
