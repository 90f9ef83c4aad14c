#include "gateway/oidc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "gateway/gate_secret.h"
#include "gateway/oidc_fetch.h"
#include "store/waker.h"

#define IDLE_MS 60000

struct oidc {
	struct shared *s; /* not owned */
	uint8_t secret[TRUST_SECRET_BYTES];
	void (*on_change)(void *arg);
	void *arg;
	pthread_t thread;
	struct waker waker;
	atomic_bool stop, changed;
	atomic_bool wanted[SETTINGS_ISSUERS_MAX];
	struct source {
		int64_t next_us, asked_us; /* monotonic; next_us 0: at once */
		unsigned failures;
		int64_t mark;       /* of the file as last read */
	} at[SETTINGS_ISSUERS_MAX]; /* the thread's alone */
	pthread_mutex_t lock;       /* guards rounds */
	pthread_cond_t round;
	unsigned rounds; /* times that all issuers were seen to */
};

static void publish(struct oidc *o, struct trust *t)
{
	pthread_mutex_lock(&o->s->lock);
	struct trust *old = o->s->trust;
	o->s->trust = t;
	pthread_mutex_unlock(&o->s->lock);
	atomic_fetch_add_explicit(&o->s->generation, 1, memory_order_release);
	trust_unref(old);
	o->on_change(o->arg);
}

/* What signs the tokens of `weir gate` may have changed with the settings; one that cannot be had leaves the
 * one before in force. */
static void take_secret(struct oidc *o, const struct settings *s)
{
	uint8_t secret[TRUST_SECRET_BYTES];
	struct error e = {0};
	if (gate_secret_read(s, secret, &e)) {
		log_event(o->s->log, LOG_ERROR, "gate.secret", LOG_Z("message", e.text),
		          LOG_Z("then", "the secret before stays in force"));
	} else if (memcmp(secret, o->secret, sizeof secret) != 0) {
		memcpy(o->secret, secret, sizeof secret);
		log_event(
		    o->s->log, LOG_WARN, "gate.secret_changed",
		    LOG_Z("message", "tokens of `weir gate` that were made before are refused from now on"));
	}
	crypto_zero(secret, sizeof secret);
}

/* A new trust of the settings in force, with the keys there are. */
static struct trust *renewed(struct oidc *o, bool fresh)
{
	pthread_mutex_lock(&o->s->lock);
	struct settings *settings = settings_ref(o->s->settings);
	struct trust *before = trust_ref(o->s->trust);
	pthread_mutex_unlock(&o->s->lock);
	if (fresh)
		take_secret(o, settings);
	struct trust *t = trust_new(settings, o->secret, before);
	trust_unref(before);
	settings_unref(settings);
	return t;
}

static int64_t file_mark(slice path)
{
	struct stat st;
	char name[4096];
	snprintf(name, sizeof name, SLICE_FMT, SLICE_ARG(path));
	if (stat(name, &st) != 0)
		return -1;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec + (int64_t)st.st_size;
}

/* When it is asked again: after a failure sooner, but ever less often. */
static int64_t wait_us(const struct issuer *i, unsigned failures)
{
	if (failures == 0)
		return i->refresh_ms * 1000;
	int64_t wait = i->retry_ms << (failures < 8 ? failures - 1 : 7);
	return (wait < i->refresh_ms ? wait : i->refresh_ms) * 1000;
}

static bool is_due(struct oidc *o, const struct issuer *i, size_t k, int64_t now)
{
	struct source *at = &o->at[k];
	if (i->keys_file.n)
		return file_mark(i->keys_file) != at->mark || at->next_us == 0;
	if (atomic_load(&o->wanted[k]) && now >= at->asked_us + i->retry_ms * 1000)
		return true;
	return now >= at->next_us;
}

static void ask(struct oidc *o, const struct issuer *i, size_t k, struct trust *t)
{
	struct source *at = &o->at[k];
	struct error e = {0};
	char why[TRUST_WHY_MAX];
	atomic_store(&o->wanted[k], false);
	if (i->keys_file.n)
		at->mark = file_mark(i->keys_file);
	struct jwks *keys = oidc_fetch(i, &o->stop, &e);
	at->asked_us = clock_mono_us(o->s->clock);
	if (keys) {
		if (at->failures)
			log_event(o->s->log, LOG_INFO, "issuer.back", LOG_S("issuer", i->name));
		at->failures = 0;
		trust_set(t, k, keys, "");
		jwks_unref(keys);
	} else if (!atomic_load(&o->stop)) {
		if (at->failures++ == 0)
			log_event(o->s->log, LOG_ERROR, "issuer.keys", LOG_S("issuer", i->name),
			          LOG_Z("message", e.text),
			          LOG_Z("then", trust_keys(t, k) ? "the keys before stay in force"
			                                         : "its tokens are refused until then"));
		snprintf(why, sizeof why, "its keys could not be fetched: %.150s", e.text);
		trust_set(t, k, NULL, why);
	}
	at->next_us = at->asked_us + wait_us(i, at->failures);
}

/* Sees to all issuers once. Returns the milliseconds until it has to be done again. */
static int turn(struct oidc *o)
{
	bool fresh = atomic_exchange(&o->changed, false), asked = false;
	if (fresh)
		memset(o->at, 0, sizeof o->at);
	struct trust *t = renewed(o, fresh);
	if (t == NULL)
		return OIDC_LOOK_MS;
	const struct settings *s = trust_settings(t);
	int64_t wait = IDLE_MS * INT64_C(1000), now = clock_mono_us(o->s->clock);
	for (size_t k = 0; k < trust_issuers(t) && !atomic_load(&o->stop); k++) {
		const struct issuer *i = &s->issuers[k];
		if (is_due(o, i, k, clock_mono_us(o->s->clock))) {
			ask(o, i, k, t);
			asked = true;
		}
		now = clock_mono_us(o->s->clock);
		int64_t next = o->at[k].next_us - now;
		if (i->keys_file.n && next > OIDC_LOOK_MS * 1000)
			next = OIDC_LOOK_MS * 1000;
		if (atomic_load(&o->wanted[k]) && next > o->at[k].asked_us + i->retry_ms * 1000 - now)
			next = o->at[k].asked_us + i->retry_ms * 1000 - now;
		wait = next < wait ? next : wait;
	}
	if (asked || fresh)
		publish(o, t);
	else
		trust_unref(t);
	return wait <= 0 ? 0 : (int)(wait / 1000) + 1;
}

static bool has_work(void *arg)
{
	struct oidc *o = arg;
	return atomic_load(&o->stop) || atomic_load(&o->changed);
}

static void *oidc_main(void *arg)
{
	struct oidc *o = arg;
	while (!atomic_load(&o->stop)) {
		int wait = turn(o);
		pthread_mutex_lock(&o->lock);
		o->rounds++;
		pthread_cond_broadcast(&o->round);
		pthread_mutex_unlock(&o->lock);
		if (wait)
			waker_sleep(&o->waker, wait, has_work, o);
	}
	return NULL;
}

/* A restart must not refuse the tokens of the first second. */
static void await_first(struct oidc *o, int64_t wait_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	int64_t ns = until.tv_nsec + wait_ms % 1000 * 1000000;
	until.tv_sec += wait_ms / 1000 + ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	int r = 0;
	pthread_mutex_lock(&o->lock);
	while (o->rounds == 0 && r == 0)
		r = pthread_cond_timedwait(&o->round, &o->lock, &until);
	pthread_mutex_unlock(&o->lock);
}

struct oidc *oidc_start(struct shared *s, const uint8_t secret[TRUST_SECRET_BYTES], int64_t wait_ms,
                        void (*on_change)(void *arg), void *arg, struct error *e)
{
	struct oidc *o = calloc(1, sizeof *o);
	if (o == NULL || waker_init(&o->waker, e)) {
		free(o);
		error_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	o->s = s;
	o->on_change = on_change;
	o->arg = arg;
	memcpy(o->secret, secret, sizeof o->secret);
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->round, NULL);
	atomic_store(&o->changed, true);
	s->trust = trust_new(s->settings, secret, NULL);
	bool issuers = s->trust && trust_issuers(s->trust) > 0; /* the thread replaces it */
	if (s->trust && pthread_create(&o->thread, NULL, oidc_main, o) == 0) {
		pthread_setname_np(o->thread, "weir-issuers");
		if (issuers)
			await_first(o, wait_ms);
		return o;
	}
	error_set(e, ERR_NOMEM, "cannot start a thread");
	trust_unref(s->trust);
	s->trust = NULL;
	waker_release(&o->waker);
	free(o);
	return NULL;
}

void oidc_stop(struct oidc *o)
{
	if (o == NULL)
		return;
	atomic_store(&o->stop, true);
	waker_kick(&o->waker);
	pthread_join(o->thread, NULL);
	waker_release(&o->waker);
	pthread_mutex_destroy(&o->lock);
	pthread_cond_destroy(&o->round);
	crypto_zero(o->secret, sizeof o->secret);
	free(o);
}

void oidc_settings_changed(struct oidc *o)
{
	atomic_store(&o->changed, true);
	waker_wake(&o->waker);
}

void oidc_refetch(struct oidc *o, int i)
{
	if (i >= 0 && i < SETTINGS_ISSUERS_MAX && !atomic_exchange(&o->wanted[i], true))
		waker_kick(&o->waker);
}
