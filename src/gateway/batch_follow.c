#include "gateway/batch_follow.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/batch_ask.h"
#include "gateway/batch_budget.h"
#include "gateway/batch_text.h"
#include "gateway/books.h"
#include "gateway/cache_tap.h"
#include "text/lines.h"

#define KEPT_MS    (INT64_C(31) * 24 * 3600 * 1000) /* providers keep results for 29 or 30 days */
#define PAUSE_MAX  INT64_C(600000)
#define IDLE_MS    INT64_C(3600000)
#define STATUS_MAX (1u << 20)
#define LINE_MAX   (32u << 20)
#define GROUP      256 /* rows of one transaction */
#define DUE_MAX    BATCHES_MAX
/* The ledger is looked through twice: a row that the writer had in its hands the first time is there then. */
#define LOADS      2
#define LOAD_MS    1000

struct follower {
	struct shared *shared;
	const struct ledger_ops *ops;
	char *store; /* owned */
	pthread_t thread;
	bool started;
	struct ledger *ledger; /* owned; NULL while it cannot be opened */
	/* when each open batch is asked about next, by a hash of its id: a collision asks sooner */
	struct due {
		uint64_t key;
		int64_t at_ms, pause_ms;
	} due[DUE_MAX];
};

static int64_t now_ms(const struct follower *f)
{
	return clock_wall_ms(f->shared->clock);
}

/* --- out of the ledger ------------------------------------------------------------------------ */

static int on_creation(void *arg, const struct record *r)
{
	struct follower *f = arg;
	if (slice_eq(r->text[TEXT_SOURCE], SLICE("correction")))
		return 0;
	if (r->text[TEXT_BATCH].n && r->status != RECORD_ABSENT && r->status < 300 &&
	    batches_add(f->shared->batches, r))
		log_event(f->shared->log, LOG_ERROR, "batch.unfollowed", LOG_S("batch", r->text[TEXT_BATCH]));
	if (r->api == API_GEMINI_CACHES)
		cache_tap_load(f->shared->batches, r);
	return 0;
}

static int on_saved(void *arg, const struct ledger_batch *saved)
{
	struct follower *f = arg;
	struct batches *t = f->shared->batches;
	struct batch *b = batches_find(t, saved->id);
	if (b) {
		batch_set_files(t, b, saved->results, saved->errors);
		enum batch_state state = batch_state_from_name(saved->state);
		if (state < BATCH_STATES)
			batch_set_state(t, b, state);
		batch_take_changed(t, b);
	}
	batch_unref(b);
	return 0;
}

static bool open_ledger(struct follower *f, struct error *e)
{
	return f->ledger || f->ops->open(f->store, true, &f->ledger, e) == 0;
}

/* Batches that were created before this process was: their rows, and how far each had come. */
static bool load(struct follower *f, struct error *e)
{
	struct ledger_query q = {
	    .since_ms = now_ms(f) - KEPT_MS,
	    .filters_n = 3,
	    .filters = {{SLICE("api"), SLICE("anthropic.batch,openai.batch,gemini.caches"), false},
	                {SLICE("batch"), SLICE("!"), false},
	                {SLICE("service_tier"), SLICE(""), false}}};
	/* a store that keeps no states knows the batches by their rows: they are read once more */
	return open_ledger(f, e) && f->ops->rows(f->ledger, &q, on_creation, f, e) == 0 &&
	       (f->ops->batches == NULL || f->ops->batches(f->ledger, q.since_ms, on_saved, f, e) == 0);
}

struct restoring {
	struct shared *shared;
	const struct ledger_ops *ops;
	struct ledger *ledger;
	struct error *e;
};

static int on_open_row(void *arg, const struct record *r)
{
	struct restoring *o = arg;
	return batches_add(o->shared->batches, r);
}

static int on_open(void *arg, const struct ledger_batch *saved)
{
	struct restoring *o = arg;
	if (batch_state_from_name(saved->state) != BATCH_OPEN)
		return 0;
	struct ledger_query q = {.since_ms = saved->created_ms,
	                         .until_ms = saved->created_ms + 1,
	                         .filters_n = 3,
	                         .filters = {{SLICE("api"), SLICE("anthropic.batch,openai.batch"), false},
	                                     {SLICE("batch"), saved->id, true},
	                                     {SLICE("service_tier"), SLICE(""), false}}};
	return o->ops->rows(o->ledger, &q, on_open_row, o, o->e);
}

int batches_restore(struct shared *shared, const struct ledger_ops *ops, struct ledger *l, struct error *e)
{
	struct restoring o = {shared, ops, l, e};
	if (shared->batches == NULL || ops->batches == NULL)
		return 0;
	return ops->batches(l, clock_wall_ms(shared->clock) - KEPT_MS, on_open, &o, e);
}

static void tell(struct follower *f, const char *event, const struct batch *b, const char *why)
{
	log_event(f->shared->log, LOG_WARN, event, LOG_S("batch", b->id), LOG_S("provider", b->provider),
	          LOG_Z("why", why));
}

static void save(struct follower *f)
{
	struct batches *t = f->shared->batches;
	struct error e = {0};
	struct batch *b;
	for (size_t at = 0; f->ops->batch_put && (b = batches_each(t, &at)) != NULL; batch_unref(b)) {
		struct name results, errors;
		if (!batch_take_changed(t, b))
			continue;
		batch_files(t, b, &results, &errors);
		struct ledger_batch row = {.id = b->id,
		                           .provider = b->provider,
		                           .call = slice_of(b->made.id),
		                           .state = slice_of(batch_state_name(batch_state(t, b))),
		                           .results = name_get(&results),
		                           .errors = name_get(&errors),
		                           .created_ms = b->made.time_ms};
		/* not saved is not lost: after a restart it is open, and is read once more */
		if (!open_ledger(f, &e) || f->ops->batch_put(f->ledger, &row, &e))
			tell(f, "batch.unsaved", b, e.text);
	}
}

/* --- results ---------------------------------------------------------------------------------- */

struct reading {
	struct follower *f;
	const struct batch *b;
	struct settings *s;
	struct lines lines;
	struct batch_used *used;
	size_t rows, group;
	bool open, failed; /* a transaction is open; something was not booked */
	struct error e;
};

static bool end_group(struct reading *r)
{
	if (!r->open)
		return !r->failed;
	r->open = false;
	r->group = 0;
	if (!r->failed && r->f->ops->commit(r->f->ledger, &r->e))
		r->failed = true;
	if (r->failed)
		r->f->ops->rollback(r->f->ledger);
	return !r->failed;
}

static void add_row(struct reading *r, const struct record *row)
{
	if (!r->open && !r->failed) {
		r->failed = r->f->ops->begin(r->f->ledger, &r->e) != 0;
		r->open = !r->failed;
	}
	if (r->failed)
		return;
	if (r->f->ops->add(r->f->ledger, row, &r->e) ||
	    (r->f->ops->added(r->f->ledger) && books_row(r->f->ops, r->f->ledger, r->s, row, &r->e)))
		r->failed = true;
	r->rows++;
	if (++r->group == GROUP || r->failed)
		end_group(r);
}

static void on_line(void *arg, slice line)
{
	struct reading *r = arg;
	struct record row;
	struct arena mem;
	arena_init(&mem, 64 * 1024 + line.n);
	if (batch_line(r->b, r->s, line, &mem, &row) == 0) {
		batch_used_add(r->used, &row);
		add_row(r, &row);
	} else {
		r->failed = true;
		error_set(&r->e, ERR_INVALID, "a line of the results cannot be read");
	}
	arena_release(&mem);
}

static bool on_results(void *arg, slice piece)
{
	struct reading *r = arg;
	lines_feed(&r->lines, piece, on_line, r);
	return !r->failed;
}

/* Reads one document of results; true when all of it is in the ledger. */
static bool read_results(struct follower *f, const struct batch *b, const struct provider *p,
                         struct settings *s, const char *path, struct batch_used *used, struct ask_answer *a)
{
	struct reading r = {.f = f, .b = b, .s = s, .used = used};
	if (!open_ledger(f, &r.e)) {
		snprintf(a->error, sizeof a->error, "%s", r.e.text);
		return false;
	}
	lines_init(&r.lines, LINE_MAX);
	batch_ask(p, slice_of(path), f->shared->batches, on_results, &r, a);
	if (a->status == 200)
		lines_finish(&r.lines, on_line, &r);
	bool booked = end_group(&r) && a->status == 200 && r.lines.skipped == 0;
	if (r.failed)
		snprintf(a->error, sizeof a->error, "%s", r.e.text);
	lines_release(&r.lines);
	if (booked)
		log_event(f->shared->log, LOG_INFO, "batch.results", LOG_S("batch", b->id),
		          LOG_I("rows", r.rows));
	return booked;
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool on_status(void *arg, slice piece)
{
	return buf_append(arg, piece) == 0;
}

static void book_lost(struct follower *f, struct batch *b, struct settings *s, const char *why)
{
	struct record row;
	struct arena mem;
	struct reading r = {.f = f, .b = b, .s = s};
	struct batch_used used = {.any = false};
	arena_init(&mem, 64 * 1024);
	batch_lost_row(b, why, &mem, &row);
	if (open_ledger(f, &r.e)) {
		add_row(&r, &row);
		batch_used_add(&used, &row);
		if (end_group(&r))
			batch_close(f->shared, b, BATCH_LOST, &used);
	}
	arena_release(&mem);
	tell(f, "batch.lost", b, why);
}

/* An id goes into a path: what it may be made of. */
static bool sound(slice id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return id.n > 0;
}

static bool read_file(struct follower *f, const struct batch *b, const struct provider *p, struct settings *s,
                      const struct name *file, struct batch_used *used, struct ask_answer *a)
{
	char path[256];
	if (file->n == 0)
		return true;
	if (!sound(name_get(file)))
		return false;
	snprintf(path, sizeof path, "/v1/files/" SLICE_FMT "/content", SLICE_ARG(name_get(file)));
	return read_results(f, b, p, s, path, used, a);
}

/* One look at a batch; a says how it went. */
static void look(struct follower *f, struct batch *b, const struct provider *p, struct settings *s,
                 struct ask_answer *a)
{
	struct batches *t = f->shared->batches;
	bool anthropic = b->made.api == API_ANTHROPIC_BATCH, booked = false;
	struct batch_used used = {.any = false};
	struct batch_status st;
	struct buf body;
	char path[256];
	buf_init(&body, STATUS_MAX);
	snprintf(path, sizeof path, "%s/" SLICE_FMT, anthropic ? "/v1/messages/batches" : "/v1/batches",
	         SLICE_ARG(b->id));
	batch_ask(p, slice_of(path), t, on_status, &body, a);
	batch_read_status(buf_slice(&body), &st);
	buf_release(&body);
	if (a->status == 404 || a->status == 410) {
		book_lost(f, b, s, "the provider does not know the batch any more: booked at its worst case");
		return;
	}
	if (a->status != 200 || !batch_has_ended(&st))
		return;
	if (anthropic) {
		snprintf(path, sizeof path, "/v1/messages/batches/" SLICE_FMT "/results", SLICE_ARG(b->id));
		booked = read_results(f, b, p, s, path, &used, a);
	} else {
		batch_set_files(t, b, name_get(&st.results), name_get(&st.errors));
		booked = read_file(f, b, p, s, &st.results, &used, a) &&
		         read_file(f, b, p, s, &st.errors, &used, a);
	}
	if (booked)
		batch_close(f->shared, b, BATCH_BOOKED, &used);
}

static struct due *due_of(struct follower *f, slice id)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * UINT64_C(1099511628211);
	struct due *d = &f->due[h % DUE_MAX];
	if (d->key != h)
		*d = (struct due){.key = h};
	return d;
}

/* Milliseconds until this batch wants to be looked at again. */
static int64_t follow_one(struct follower *f, struct batch *b, struct settings *s)
{
	const struct provider *p = settings_provider(s, DIALECT_NONE, b->provider, SLICE_NONE);
	struct due *d = due_of(f, b->id);
	struct ask_answer a;
	int64_t now = now_ms(f);
	if (b->made.api == API_GEMINI_CACHES) { /* nobody is asked: it ends by itself */
		int64_t left = cache_tap_left(f->shared->batches, b, now);
		if (left == 0)
			batch_set_state(f->shared->batches, b, BATCH_BOOKED);
		return left > 0 && left < IDLE_MS ? left : IDLE_MS;
	}
	if (now - b->made.time_ms > KEPT_MS) {
		book_lost(f, b, s, "its results were not had within 31 days: booked at its worst case");
		return IDLE_MS;
	}
	if (p == NULL || p->credential != CREDENTIAL_SECRET || !sound(b->id))
		return IDLE_MS;
	if (d->at_ms == 0)
		d->at_ms = now + (d->pause_ms = s->batches_poll_ms);
	if (now < d->at_ms)
		return d->at_ms - now;
	look(f, b, p, s, &a);
	if (a.error[0] && batch_state(f->shared->batches, b) == BATCH_OPEN &&
	    !batches_stopping(f->shared->batches))
		tell(f, "batch.unread", b, a.error);
	d->pause_ms = d->pause_ms + d->pause_ms / 2;
	if (d->pause_ms > PAUSE_MAX)
		d->pause_ms = PAUSE_MAX > s->batches_poll_ms ? PAUSE_MAX : s->batches_poll_ms;
	int64_t wait = a.retry_after_ms > d->pause_ms ? a.retry_after_ms : d->pause_ms;
	d->at_ms = now_ms(f) + wait;
	return wait;
}

static int64_t follow_all(struct follower *f)
{
	struct batches *t = f->shared->batches;
	struct batch *b;
	int64_t next = IDLE_MS;
	pthread_mutex_lock(&f->shared->lock);
	struct settings *s = settings_ref(f->shared->settings);
	pthread_mutex_unlock(&f->shared->lock);
	for (size_t at = 0; !batches_stopping(t) && (b = batches_each(t, &at)) != NULL; batch_unref(b))
		if (batch_state(t, b) == BATCH_OPEN) {
			int64_t wait = follow_one(f, b, s);
			next = wait < next ? wait : next;
		}
	settings_unref(s);
	return next;
}

/* Rows of the last run are still on their way from the journal to the ledger. */
static bool journal_is_busy(const struct follower *f)
{
	struct journal_stats s;
	journal_stats_get(f->shared->journal, &s);
	return s.settled > 0;
}

/* Those that only their rows tell of are held from now on. */
static void carry_holds(struct follower *f)
{
	pthread_mutex_lock(&f->shared->lock);
	struct settings *s = settings_ref(f->shared->settings);
	pthread_mutex_unlock(&f->shared->lock);
	batch_budget_carry(f->shared, s, true);
	settings_unref(s);
}

static void *follower_main(void *arg)
{
	struct follower *f = arg;
	struct error e = {0};
	int64_t wait = 0;
	int loads = 0;
	while (batches_wait(f->shared->batches, wait)) {
		if (loads < LOADS && !journal_is_busy(f)) {
			if (load(f, &e)) {
				loads++;
				carry_holds(f);
			} else
				log_event(f->shared->log, LOG_ERROR, "batch.unloaded", LOG_Z("why", e.text));
			e = (struct error){0};
		}
		wait = follow_all(f);
		save(f);
		if (loads < LOADS && wait > LOAD_MS)
			wait = LOAD_MS;
	}
	save(f);
	if (f->ledger)
		f->ops->close(f->ledger);
	return NULL;
}

struct follower *follower_start(struct shared *shared, const struct ledger_ops *ops, slice store,
                                struct error *e)
{
	struct follower *f = calloc(1, sizeof *f);
	if (f)
		f->store = strndup(store.p ? store.p : "", store.n);
	if (f == NULL || f->store == NULL) {
		free(f);
		error_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	f->shared = shared;
	f->ops = ops;
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the main thread's */
	f->started = pthread_create(&f->thread, NULL, follower_main, f) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (f->started) {
		pthread_setname_np(f->thread, "weir-batches");
		return f;
	}
	error_set(e, ERR_NOMEM, "cannot start a thread");
	follower_stop(f);
	return NULL;
}

void follower_stop(struct follower *f)
{
	if (f == NULL)
		return;
	batches_stop(f->shared->batches);
	if (f->started)
		pthread_join(f->thread, NULL);
	free(f->store);
	free(f);
}
