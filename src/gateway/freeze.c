#include "gateway/freeze.h"

#include <stdlib.h>

#include "gateway/admit.h"

/* --- changing it --------------------------------------------------------------------------------------- */

struct freezer {
	struct shared *s;
	const struct ledger_ops *ops;
	slice store;
	void (*on_change)(void *arg);
	void *arg;
	pthread_mutex_t lock;  /* guards what follows, and orders changes */
	struct ledger *ledger; /* owned; writable */
	int64_t version;       /* of the ledger's entries, as they were read */
	bool unsaved;          /* what is in force is not all in the ledger */
	bool failed;           /* the last look at the ledger went wrong: said once */
};

static struct freeze_set *new_set(struct error *e)
{
	uint64_t seed = 0;
	struct freeze_set *set = crypto_random(&seed, sizeof seed) ? NULL : freeze_set_new(seed);
	if (set == NULL)
		error_set(e, ERR_NOMEM, "out of memory");
	return set;
}

/* Takes over the reference. */
static void publish(struct freezer *f, struct freeze_set *set)
{
	struct shared *s = f->s;
	pthread_mutex_lock(&s->lock);
	struct freeze_set *old = s->freezes;
	s->freezes = set;
	pthread_mutex_unlock(&s->lock);
	atomic_fetch_add_explicit(&s->generation, 1, memory_order_release);
	freeze_set_unref(old);
	f->on_change(f->arg);
}

static int take(void *arg, const struct ledger_freeze *row)
{
	struct freeze f = {freeze_scope_from_name(row->scope), row->value, row->by, row->reason, row->at_ms};
	int r = f.scope == FREEZE_SCOPE_N
	            ? 0
	            : freeze_set_add(arg, &f); /* a later weir's scope freezes nothing here */
	return r == ERR_INVALID ? 0 : r;
}

/* Reads the ledger's entries when they have changed; the lock is held. */
static int read_ledger(struct freezer *f, struct error *e)
{
	int64_t version = 0;
	if (f->ledger == NULL && f->ops->open(f->store.p, true, &f->ledger, e))
		return e->code;
	int r = f->ops->freezes_version(f->ledger, &version, e);
	if (r || (version == f->version && f->s->freezes))
		return r;
	struct freeze_set *set = new_set(e);
	if (set == NULL)
		return e->code;
	r = f->ops->freezes(f->ledger, take, set, e);
	if (r) {
		freeze_set_unref(set);
		return r;
	}
	f->version = version;
	publish(f, set);
	return 0;
}

static struct ledger_freeze row_of(const struct freeze *f)
{
	return (struct ledger_freeze){slice_of(freeze_scope_name(f->scope)),
	                              f->scope == FREEZE_ORG ? SLICE_NONE : f->value, f->by, f->reason,
	                              f->at_ms};
}

struct saving {
	struct freezer *f;
	struct error *e;
};

static int save_one(void *arg, const struct freeze *what)
{
	struct saving *s = arg;
	struct ledger_freeze row = row_of(what);
	return s->f->ops->freeze_put(s->f->ledger, &row, s->e);
}

/* Writes all that is in force; the lock is held. */
static int save_all(struct freezer *f, struct error *e)
{
	struct saving s = {f, e};
	if (f->ledger == NULL && f->ops->open(f->store.p, true, &f->ledger, e))
		return e->code;
	int r = freeze_set_each(f->s->freezes, save_one, &s);
	f->unsaved = r != 0;
	return r;
}

struct freezer *freezer_new(struct shared *s, const struct ledger_ops *ops, slice store,
                            void (*on_change)(void *arg), void *arg, struct error *e)
{
	struct freezer *f = calloc(1, sizeof *f);
	if (f == NULL) {
		error_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	*f = (struct freezer){
	    .s = s, .ops = ops, .store = store, .on_change = on_change, .arg = arg, .version = -1};
	pthread_mutex_init(&f->lock, NULL);
	if (read_ledger(f, e)) { /* a gateway that cannot know what is frozen does not start */
		freezer_free(f);
		return NULL;
	}
	return f;
}

void freezer_free(struct freezer *f)
{
	if (f == NULL)
		return;
	if (f->ledger)
		f->ops->close(f->ledger);
	freeze_set_unref(f->s->freezes);
	f->s->freezes = NULL;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static int copy_one(void *arg, const struct freeze *what)
{
	return freeze_set_add(arg, what);
}

static int add_now(struct freezer *f, const struct freeze *what, struct error *e)
{
	struct freeze_set *set = new_set(e);
	if (set == NULL)
		return e->code;
	int r = freeze_set_each(f->s->freezes, copy_one, set);
	r = r ? r : freeze_set_add(set, what);
	if (r) {
		freeze_set_unref(set);
		return error_set(e, r,
		                 r == ERR_INVALID ? "what is to be frozen needs a value of at most %d bytes"
		                 : r == ERR_FULL  ? "more than %d bytes"
		                                  : "out of memory (%d)",
		                 ATTR_TEXT_MAX);
	}
	publish(f, set);
	return 0;
}

int freezer_add(struct freezer *f, const struct freeze *what, struct error *e)
{
	pthread_mutex_lock(&f->lock);
	int r = add_now(f, what, e);
	if (r == 0) {
		struct saving s = {f, e};
		if (f->ledger == NULL && f->ops->open(f->store.p, true, &f->ledger, e))
			r = e->code;
		else
			r = save_one(&s, what);
		f->unsaved = f->unsaved || r != 0;
	}
	pthread_mutex_unlock(&f->lock);
	log_event(f->s->log, r ? LOG_ERROR : LOG_INFO, "freeze",
	          LOG_Z("scope", freeze_scope_name(what->scope)), LOG_S("value", what->value),
	          LOG_S("by", what->by),
	          LOG_Z("message", r ? "in force, but not written to the ledger" : "in force"));
	return r;
}

int freezer_remove(struct freezer *f, const struct freeze *what, struct error *e)
{
	struct ledger_freeze row = row_of(what);
	pthread_mutex_lock(&f->lock);
	int r = f->unsaved ? save_all(f, e) : 0;
	if (r == 0)
		r = f->ops->freeze_drop(f->ledger, &row, e);
	if (r == 0)
		r = read_ledger(f, e);
	pthread_mutex_unlock(&f->lock);
	if (r == 0)
		log_event(f->s->log, LOG_INFO, "unfreeze", LOG_Z("scope", freeze_scope_name(what->scope)),
		          LOG_S("value", what->value), LOG_S("by", what->by));
	return r;
}

struct freeze_set *freezer_get(struct freezer *f)
{
	pthread_mutex_lock(&f->s->lock);
	struct freeze_set *set = freeze_set_ref(f->s->freezes);
	pthread_mutex_unlock(&f->s->lock);
	return set;
}

void freezer_turn(struct freezer *f)
{
	struct error e = {0};
	pthread_mutex_lock(&f->lock);
	int r = f->unsaved ? save_all(f, &e) : read_ledger(f, &e);
	if (r && !f->failed)
		log_event(f->s->log, LOG_ERROR, "freezes.unreadable", LOG_Z("message", e.text));
	f->failed = r != 0;
	pthread_mutex_unlock(&f->lock);
}

/* --- what it does -------------------------------------------------------------------------------------- */

static const struct freeze *match(const struct exchange *ex)
{
	const struct attribution *who = &ex->record.who;
	struct freeze_call c = {.value = {[FREEZE_TEAM] = who->v[ATTR_TEAM],
	                                  [FREEZE_USER] = who->v[ATTR_USER],
	                                  [FREEZE_KEY] = ex->who.key_id,
	                                  [FREEZE_SESSION] = who->v[ATTR_SESSION],
	                                  [FREEZE_PROVIDER] = ex->record.text[TEXT_PROVIDER]}};
	return ex->w->freezes && api_is_metered(ex->target.api) ? freeze_set_match(ex->w->freezes, &c) : NULL;
}

enum admit_next admit_frozen(struct exchange *ex)
{
	const struct freeze *f = match(ex);
	if (f == NULL)
		return ADMIT_ON;
	exchange_refuse(ex, REFUSAL_FROZEN, "frozen", freeze_message(f, &ex->mem));
	return ADMIT_REFUSED;
}

void freeze_running(struct worker *w)
{
	if (w->freezes == NULL || freeze_set_count(w->freezes) == 0)
		return;
	for (struct exchange *ex = w->active, *next; ex; ex = next) {
		next = ex->next;
		bool runs = ex->state == EX_HELD || ex->state == EX_CALLING || ex->state == EX_ANSWERING;
		const struct freeze *f = runs ? match(ex) : NULL;
		if (f == NULL)
			continue;
		if (ex->state == EX_HELD)
			exchange_retry(ex);
		else
			exchange_end_stream(ex, REFUSAL_FROZEN, SLICE("frozen"), freeze_message(f, &ex->mem));
	}
}
