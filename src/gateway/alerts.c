#include "gateway/alerts.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "finops/alert_source.h"
#include "gateway/alert_hook.h"
#include "gateway/alert_send.h"
#include "gateway/alert_slow.h"

#define IDLE_MS      250
#define BUSY_MS      50
#define UNSTORED_MS  5000 /* a ledger that takes nothing for so long is not waited for any more */
#define KEEP_MS      (INT64_C(90) * 24 * 3600 * 1000)
#define TRIM_MS      (INT64_C(6) * 3600 * 1000)
#define END_MS       2000
#define PROVIDERS_MS ((int64_t)ALERT_PROVIDER_MINUTES * 60 * 1000)
#define EVENTS       512
#define LOG_EACH     60 /* failed attempts to send to one target */
#define SHARE        20 /* a source that takes long is asked less often: a twentieth of the time */

/* What is looked at, how often at most, and which kinds it is of. */
enum look { LOOK_MEMORY, LOOK_BUDGETS, LOOK_STATES, LOOK_CHANGES, LOOK_PROVIDERS, LOOK_SLOW, LOOKS };
static const int64_t every_ms[LOOKS] = {1000, 10000, 2000, 5000, 5000, 1000};

struct alerts {
	struct shared *shared; /* not owned */
	const struct ledger_ops *ops;
	char store[4096];
	struct writer *writer;   /* not owned */
	struct alert_hook *hook; /* owned */
	struct alert_slow *slow; /* owned; there while the thread is */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* guards stopping, stats */
	pthread_cond_t wake;
	bool stopping;
	struct alert_stats stats;
	atomic_bool budget_moved;

	/* the thread's own */
	struct alert_book *book;     /* owned */
	struct alert_sender *sender; /* owned */
	struct alert_levels *levels; /* owned */
	struct ledger *ledger;       /* owned; NULL while it cannot be opened */
	struct settings *settings;   /* owned reference */
	bool loaded;
	int64_t version, changes_seq, events_seq, stored_upto;
	int64_t next_ms[LOOKS], started_ms, unstored_since_ms, failing_since_ms, next_trim_ms;
	struct alert_provider providers[ALERT_PROVIDERS];
	size_t providers_n;
	bool ledger_told;
};

static int64_t wall_ms(const struct alerts *a)
{
	return clock_wall_ms(a->shared->clock);
}

static int64_t mono_ms(const struct alerts *a)
{
	return clock_mono_us(a->shared->clock) / 1000;
}

/* --- sources ----------------------------------------------------------------------------- */

static int on_cause(void *arg, const struct alert_cause *c)
{
	struct alerts *a = arg;
	int rc = alert_book_raise(a->book, c, wall_ms(a));
	return rc == ERR_FULL || rc == ERR_INVALID ? 0 : rc; /* counted; the others all the same */
}

static uint64_t bit(enum alert_kind k)
{
	return UINT64_C(1) << k;
}

static int look_memory(struct alerts *a, const struct alert_source *s, uint64_t *kinds)
{
	struct alert_ledger l = {0};
	struct writer_stats w;
	journal_stats_get(a->shared->journal, &l.journal);
	writer_stats_get(a->writer, &w);
	if (!w.failing)
		a->failing_since_ms = 0;
	else if (a->failing_since_ms == 0)
		a->failing_since_ms = s->now_ms;
	l.failing_since_ms = a->failing_since_ms;
	l.rejected = w.rejected;
	*kinds = bit(ALERT_LEDGER);
	return alert_source_ledger(s, &l);
}

static int look_states(const struct alert_source *s, uint64_t *kinds, struct error *e)
{
	int rc = alert_source_sessions(s, e);
	if (rc == 0)
		*kinds |= bit(ALERT_STORM) | bit(ALERT_PAUSE);
	int r = alert_source_freezes(s, e);
	if (r == 0)
		*kinds |= bit(ALERT_FREEZE);
	rc = rc ? rc : r;
	r = alert_source_overrides(s, e);
	if (r == 0)
		*kinds |= bit(ALERT_OVERRIDE);
	return rc ? rc : r;
}

static int look_providers(struct alerts *a, const struct alert_source *s, uint64_t *kinds, struct error *e)
{
	a->providers_n = alert_hook_providers(a->hook, a->providers, a->providers_n);
	int rc = alert_source_providers(s, a->providers, a->providers_n, e);
	/* after a start there are no minutes yet to say that it is over by */
	if (rc == 0 && mono_ms(a) - a->started_ms >= PROVIDERS_MS)
		*kinds = bit(ALERT_PROVIDER);
	return rc;
}

static int look(struct alerts *a, enum look what, const struct alert_source *s, uint64_t *kinds,
                struct error *e)
{
	int rc = 0;
	switch (what) {
	case LOOK_MEMORY:
		return look_memory(a, s, kinds);
	case LOOK_BUDGETS:
		rc = alert_source_budgets(s);
		*kinds = rc ? 0 : bit(ALERT_BUDGET);
		return rc;
	case LOOK_STATES:
		return look_states(s, kinds, e);
	case LOOK_CHANGES:
		return alert_source_changes(s, &a->changes_seq, e);
	case LOOK_PROVIDERS:
		return look_providers(a, s, kinds, e);
	case LOOK_SLOW:
		return alert_slow_take(a->slow, on_cause, a, kinds);
	case LOOKS:
		break;
	}
	return 0;
}

static int on_event(void *arg, const struct ledger_alert_event *ev)
{
	struct alerts *a = arg;
	struct alert_source s = {
	    .settings = a->settings, .now_ms = wall_ms(a), .on_cause = on_cause, .arg = a};
	int rc = alert_source_event(&s, ev);
	if (rc == 0)
		a->events_seq = ev->seq;
	return rc;
}

static bool is_due(struct alerts *a, enum look what, int64_t now)
{
	if (what == LOOK_BUDGETS && atomic_exchange(&a->budget_moved, false))
		return true;
	if (what != LOOK_MEMORY && what != LOOK_BUDGETS && a->ledger == NULL)
		return false;
	return now >= a->next_ms[what];
}

static void look_around(struct alerts *a)
{
	struct error e = {0};
	uint64_t kinds = 0;
	struct alert_source s = {.ops = a->ops,
	                         .ledger = a->ledger,
	                         .settings = a->settings,
	                         .budgets = a->shared->budgets,
	                         .levels = a->levels,
	                         .now_ms = wall_ms(a),
	                         .on_cause = on_cause,
	                         .arg = a};
	alert_book_begin(a->book);
	int rc = a->ledger ? a->ops->alerts->events(a->ledger, a->events_seq, EVENTS, on_event, a, &e) : 0;
	for (int i = 0; i < LOOKS; i++) {
		int64_t began = mono_ms(a);
		uint64_t of = 0;
		if (!is_due(a, (enum look)i, began))
			continue;
		int r = look(a, (enum look)i, &s, &of, &e);
		kinds |= of;
		rc = rc ? rc : r;
		int64_t now = mono_ms(a), rest = (now - began) * SHARE;
		a->next_ms[i] = now + (rest > every_ms[i] ? rest : every_ms[i]);
	}
	alert_book_end(a->book, kinds, wall_ms(a));
	if (rc < 0 && rc != ERR_FULL && !a->ledger_told)
		log_event(a->shared->log, LOG_WARN, "alerts.unreadable", LOG_Z("why", e.text));
	a->ledger_told = rc < 0 && rc != ERR_FULL;
}

/* --- the ledger -------------------------------------------------------------------------- */

static void drop_ledger(struct alerts *a, const struct error *e, const char *event)
{
	if (a->unstored_since_ms == 0) {
		a->unstored_since_ms = mono_ms(a);
		log_event(a->shared->log, LOG_WARN, event, LOG_Z("why", e->text));
	}
	if (a->ledger && e->code != ERR_BUSY) {
		a->ops->close(a->ledger);
		a->ledger = NULL;
	}
}

/* Opened, the book loaded once, and what others changed taken in. */
static void ready_ledger(struct alerts *a)
{
	struct error e = {0};
	int64_t version = 0;
	int rc = a->ledger ? 0 : a->ops->open(a->store, true, &a->ledger, &e);
	if (rc) {
		a->ledger = NULL;
		drop_ledger(a, &e, "alerts.no_ledger");
		return;
	}
	rc = a->ops->version(a->ledger, SLICE("alerts"), &version, &e);
	if (rc == 0 && !a->loaded)
		rc = alert_book_load(a->book, a->ops, a->ledger, wall_ms(a), &e);
	else if (rc == 0 && version != a->version)
		rc = alert_book_refresh(a->book, a->ops, a->ledger, wall_ms(a), &e);
	if (rc) {
		drop_ledger(a, &e, "alerts.no_ledger");
		return;
	}
	a->loaded = true;
	a->version = version;
}

static int write_all(struct alerts *a, struct error *e)
{
	int rc = a->ops->begin(a->ledger, e);
	if (rc)
		return rc;
	rc = alert_book_store(a->book, a->ops, a->ledger, e);
	if (rc == 0 && a->events_seq > a->stored_upto)
		rc = a->ops->alerts->events_drop(a->ledger, a->events_seq, e);
	if (rc == 0 && mono_ms(a) >= a->next_trim_ms)
		rc = a->ops->alerts->trim(a->ledger, wall_ms(a) - KEEP_MS, e);
	if (rc == 0)
		rc = a->ops->commit(a->ledger, e);
	if (rc)
		a->ops->rollback(a->ledger);
	return rc;
}

static void store(struct alerts *a)
{
	struct error e = {0};
	bool trims = mono_ms(a) >= a->next_trim_ms;
	if (!trims && a->events_seq == a->stored_upto && !alert_book_dirty(a->book)) {
		if (a->ledger)
			a->unstored_since_ms = 0;
		return;
	}
	if (a->ledger == NULL)
		return;
	int rc = write_all(a, &e);
	alert_book_stored(a->book, rc == 0);
	if (rc) {
		drop_ledger(a, &e, "alerts.unwritten");
		return;
	}
	a->unstored_since_ms = 0;
	a->stored_upto = a->events_seq;
	if (trims)
		a->next_trim_ms = mono_ms(a) + TRIM_MS;
}

/* --- sending ----------------------------------------------------------------------------- */

static void on_done(void *arg, const struct alert_message *m, const struct alert_outcome *o)
{
	struct alerts *a = arg;
	int64_t before = alert_book_failures(a->book, m->target);
	alert_book_done(a->book, m, o, wall_ms(a));
	if (!o->sent && before % LOG_EACH != 0)
		return; /* told when it began, and now and then */
	if (o->sent)
		log_event(a->shared->log, LOG_INFO, "alert.sent", LOG_S("target", m->target->name),
		          LOG_I("alerts", (long long)m->n));
	else
		log_event(a->shared->log, LOG_WARN, "alert.unsent", LOG_S("target", m->target->name),
		          LOG_S("why", o->why));
}

static void send_due(struct alerts *a)
{
	struct alert_message *m = malloc(sizeof *m);
	bool unstored = a->unstored_since_ms && mono_ms(a) - a->unstored_since_ms >= UNSTORED_MS;
	for (size_t i = 0; m && i < a->settings->alerts_n; i++)
		if (alert_book_due(a->book, &a->settings->alerts[i], wall_ms(a), unstored, m))
			alert_sender_start(a->sender, m, slice_of(a->shared->node), wall_ms(a));
	free(m);
}

static void on_news(void *arg, const struct alert_news *n)
{
	struct alerts *a = arg;
	log_event(a->shared->log, n->event == ALERT_RAISED ? LOG_WARN : LOG_INFO,
	          n->event == ALERT_RAISED ? "alert.raised" : "alert.resolved", LOG_S("id", n->id),
	          LOG_Z("severity", alert_severity_name(n->severity)), LOG_S("cause", n->cause),
	          LOG_Z("silenced", n->silenced ? "yes" : "no"));
}

/* --- the thread -------------------------------------------------------------------------- */

/* New settings are taken when nothing is under way to a target of the old ones. */
static void take_settings(struct alerts *a)
{
	struct shared *s = a->shared;
	pthread_mutex_lock(&s->lock);
	bool same = a->settings == s->settings;
	struct settings *now = same ? NULL : settings_ref(s->settings);
	pthread_mutex_unlock(&s->lock);
	if (same)
		return;
	if (a->settings)
		settings_unref(a->settings);
	a->settings = now;
	alert_book_targets(a->book, now->alerts, now->alerts_n);
}

static bool rests(struct alerts *a, int ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&a->lock);
	alert_book_stats(a->book, &a->stats);
	if (!a->stopping && ms > 0)
		pthread_cond_timedwait(&a->wake, &a->lock, &until);
	bool stops = a->stopping;
	pthread_mutex_unlock(&a->lock);
	return !stops;
}

static void *alerts_main(void *arg)
{
	struct alerts *a = arg;
	a->started_ms = mono_ms(a);
	for (int i = 0; i < LOOKS; i++)
		a->next_ms[i] = a->started_ms;
	a->next_trim_ms = a->started_ms + TRIM_MS / 6;
	do {
		bool busy = alert_sender_busy(a->sender) > 0;
		if (!busy)
			take_settings(a);
		ready_ledger(a);
		if (a->loaded || (a->unstored_since_ms && mono_ms(a) - a->unstored_since_ms >= UNSTORED_MS))
			look_around(a);
		store(a);
		send_due(a);
		alert_sender_turn(a->sender, BUSY_MS, wall_ms(a), on_done, a);
		store(a);
	} while (rests(a, alert_sender_busy(a->sender) ? 0 : IDLE_MS));
	int64_t until = mono_ms(a) + END_MS;
	while (alert_sender_busy(a->sender) && mono_ms(a) < until)
		alert_sender_turn(a->sender, BUSY_MS, wall_ms(a), on_done, a);
	store(a);
	return NULL;
}

/* --- started and stopped ----------------------------------------------------------------- */

struct alerts *alerts_new(struct shared *s, const struct ledger_ops *ops, slice store_path)
{
	struct alerts *a = calloc(1, sizeof *a);
	if (a == NULL)
		return NULL;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&a->lock, NULL);
	a->shared = s;
	a->ops = ops;
	snprintf(a->store, sizeof a->store, SLICE_FMT, SLICE_ARG(store_path));
	a->hook = alert_hook_new(s, ops);
	a->book = alert_book_new();
	a->sender = alert_sender_new();
	a->levels = alert_levels_new();
	if (a->hook && a->book && a->sender && a->levels) {
		alert_book_on_news(a->book, on_news, a);
		return a;
	}
	alerts_free(a);
	return NULL;
}

struct writer_hook alerts_hook(struct alerts *a, const struct writer_hook *inner)
{
	return alert_hook_of(a->hook, inner);
}

int alerts_start(struct alerts *a, struct writer *w, struct error *e)
{
	sigset_t all, old;
	a->writer = w;
	a->slow = alert_slow_start(a->shared, a->ops, slice_of(a->store));
	if (a->slow == NULL)
		return error_set(e, ERR_NOMEM, "cannot start a thread");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	a->started = pthread_create(&a->thread, NULL, alerts_main, a) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!a->started)
		return error_set(e, ERR_NOMEM, "cannot start a thread");
	pthread_setname_np(a->thread, "weir-alerts");
	return 0;
}

void alerts_stop(struct alerts *a)
{
	if (a == NULL)
		return;
	if (a->started) {
		pthread_mutex_lock(&a->lock);
		a->stopping = true;
		pthread_cond_signal(&a->wake);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->thread, NULL);
	}
	a->started = false;
	alert_slow_stop(a->slow);
	a->slow = NULL;
}

void alerts_free(struct alerts *a)
{
	if (a == NULL)
		return;
	alerts_stop(a);
	alert_sender_free(a->sender);
	alert_book_free(a->book);
	alert_levels_free(a->levels);
	alert_hook_free(a->hook);
	if (a->ledger)
		a->ops->close(a->ledger);
	if (a->settings)
		settings_unref(a->settings);
	pthread_cond_destroy(&a->wake);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void alerts_budget_moved(struct alerts *a)
{
	atomic_store(&a->budget_moved, true);
}

void alerts_stats_get(struct alerts *a, struct alert_stats *out)
{
	pthread_mutex_lock(&a->lock);
	*out = a->stats;
	pthread_mutex_unlock(&a->lock);
}
