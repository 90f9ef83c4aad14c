#include "gateway/alert_slow.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define EVERY_MS  60000
#define FIRST_MS  5000
#define SHARE     20 /* what takes long is asked less often: a twentieth of the time */
#define CAUSES    1000
#define CAUSE_MEM ((size_t)8 << 20)
#define STEP_MS   50

enum question { FORECASTS, ANOMALIES, QUESTIONS };
static const struct {
	enum alert_kind kind;
	int (*ask)(const struct alert_source *s, struct error *e);
	const char *name;
} questions[QUESTIONS] = {{ALERT_FORECAST, alert_source_forecasts, "forecasts"},
                          {ALERT_ANOMALY, alert_source_anomalies, "anomalies"}};

/* The causes of a question, texts in mem. */
struct found {
	struct arena mem;
	struct alert_cause *at; /* owned; CAUSES of them */
	size_t n;
	bool fresh;
};

struct alert_slow {
	struct shared *shared; /* not owned */
	const struct ledger_ops *ops;
	char store[4096];
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t wake;
	bool stopping, ended;
	struct ledger
	    *ledger; /* owned by the thread, closed under the lock: it may be interrupted meanwhile */
	struct found done[QUESTIONS];
	bool told[QUESTIONS]; /* of a fault; the thread's own */
};

static int64_t mono_ms(const struct alert_slow *a)
{
	return clock_mono_us(a->shared->clock) / 1000;
}

/* --- asked ------------------------------------------------------------------------------- */

static int keep(void *arg, const struct alert_cause *c)
{
	struct found *f = arg;
	if (f->n == CAUSES)
		return ERR_FULL;
	return alert_cause_copy(&f->mem, c, &f->at[f->n]) ? ERR_NOMEM : (f->n++, 0);
}

static bool open_ledger(struct alert_slow *a, struct error *e)
{
	struct ledger *l = NULL;
	if (a->ledger)
		return true;
	if (a->ops->open(a->store, false, &l, e))
		return false;
	pthread_mutex_lock(&a->lock);
	a->ledger = l;
	pthread_mutex_unlock(&a->lock);
	return true;
}

static void close_ledger(struct alert_slow *a)
{
	pthread_mutex_lock(&a->lock);
	if (a->ledger)
		a->ops->close(a->ledger);
	a->ledger = NULL;
	pthread_mutex_unlock(&a->lock);
}

static void found_init(struct found *f)
{
	*f = (struct found){.at = calloc(CAUSES, sizeof *f->at)};
	arena_init(&f->mem, CAUSE_MEM);
}

static void found_release(struct found *f)
{
	free(f->at);
	arena_release(&f->mem);
	*f = (struct found){0};
}

static bool stops(struct alert_slow *a)
{
	pthread_mutex_lock(&a->lock);
	bool is = a->stopping;
	pthread_mutex_unlock(&a->lock);
	return is;
}

static void ask(struct alert_slow *a, enum question q)
{
	struct error e = {0};
	struct found f;
	found_init(&f);
	pthread_mutex_lock(&a->shared->lock);
	struct settings *settings = settings_ref(a->shared->settings);
	pthread_mutex_unlock(&a->shared->lock);
	struct alert_source s = {.ops = a->ops,
	                         .settings = settings,
	                         .now_ms = clock_wall_ms(a->shared->clock),
	                         .on_cause = keep,
	                         .arg = &f};
	int rc = f.at == NULL ? ERR_NOMEM : open_ledger(a, &e) ? 0 : ERR_IO;
	s.ledger = a->ledger;
	if (rc == 0)
		rc = questions[q].ask(&s, &e);
	settings_unref(settings);
	if (rc && !a->told[q] && !stops(a))
		log_event(a->shared->log, LOG_WARN, "alerts.unreadable", LOG_Z("of", questions[q].name),
		          LOG_Z("why", e.text));
	a->told[q] = rc != 0;
	if (rc == 0) {
		pthread_mutex_lock(&a->lock);
		struct found old = a->done[q];
		a->done[q] = f;
		a->done[q].fresh = true;
		pthread_mutex_unlock(&a->lock);
		f = old;
	}
	found_release(&f);
}

/* --- the thread -------------------------------------------------------------------------- */

static bool rest(struct alert_slow *a, int64_t until_ms)
{
	struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
	pthread_mutex_lock(&a->lock);
	while (!a->stopping && mono_ms(a) < until_ms)
		pthread_cond_timedwait(&a->wake, &a->lock, &until);
	bool goes_on = !a->stopping;
	pthread_mutex_unlock(&a->lock);
	return goes_on;
}

static void *slow_main(void *arg)
{
	struct alert_slow *a = arg;
	int64_t next = mono_ms(a) + FIRST_MS;
	while (rest(a, next)) {
		int64_t began = mono_ms(a);
		for (int q = 0; q < QUESTIONS && !stops(a); q++)
			ask(a, (enum question)q);
		close_ledger(a); /* its pages are wanted once a minute */
		int64_t now = mono_ms(a), pause = (now - began) * SHARE;
		next = now + (pause > EVERY_MS ? pause : EVERY_MS);
	}
	pthread_mutex_lock(&a->lock);
	a->ended = true;
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

int alert_slow_take(struct alert_slow *a, int (*on_cause)(void *arg, const struct alert_cause *c), void *arg,
                    uint64_t *kinds)
{
	int rc = 0;
	pthread_mutex_lock(&a->lock);
	for (int q = 0; q < QUESTIONS; q++) {
		struct found *f = &a->done[q];
		if (!f->fresh)
			continue;
		for (size_t i = 0; rc == 0 && i < f->n; i++)
			rc = on_cause(arg, &f->at[i]);
		if (rc == 0)
			*kinds |= UINT64_C(1) << questions[q].kind;
		f->fresh = false;
	}
	pthread_mutex_unlock(&a->lock);
	return rc;
}

/* --- started and stopped ----------------------------------------------------------------- */

struct alert_slow *alert_slow_start(struct shared *s, const struct ledger_ops *ops, slice store)
{
	struct alert_slow *a = calloc(1, sizeof *a);
	pthread_condattr_t attr;
	sigset_t all, old;
	if (a == NULL)
		return NULL;
	a->shared = s;
	a->ops = ops;
	snprintf(a->store, sizeof a->store, SLICE_FMT, SLICE_ARG(store));
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&a->lock, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	a->started = pthread_create(&a->thread, NULL, slow_main, a) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (a->started) {
		pthread_setname_np(a->thread, "weir-foresight");
		return a;
	}
	alert_slow_stop(a);
	return NULL;
}

void alert_slow_stop(struct alert_slow *a)
{
	if (a == NULL)
		return;
	bool ended = !a->started;
	while (!ended) { /* each statement that it may begin meanwhile is broken off too */
		struct timespec step = {0, STEP_MS * 1000000L};
		pthread_mutex_lock(&a->lock);
		a->stopping = true;
		if (a->ledger)
			a->ops->alerts->interrupt(a->ledger);
		pthread_cond_signal(&a->wake);
		ended = a->ended;
		pthread_mutex_unlock(&a->lock);
		if (!ended)
			nanosleep(&step, NULL);
	}
	if (a->started)
		pthread_join(a->thread, NULL);
	for (int q = 0; q < QUESTIONS; q++)
		found_release(&a->done[q]);
	pthread_cond_destroy(&a->wake);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
