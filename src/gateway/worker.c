#include "gateway/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/exchange.h"
#include "gateway/freeze.h"
#include "gateway/server.h"
#include "gateway/upstream.h"

#define EVENTS_MAX  32
#define TICK_US     (INT64_C(100) * 1000)
#define TRIM_US     (INT64_C(2000) * 1000)
#define LAST_WAY_US (INT64_C(1000) * 1000) /* for answers cut off by worker_stop to go out */

static void take_snapshot(struct worker *w)
{
	struct shared *s = w->shared;
	unsigned generation = atomic_load_explicit(&s->generation, memory_order_acquire);
	if (generation == w->generation && w->settings)
		return;
	pthread_mutex_lock(&s->lock);
	struct settings *settings = settings_ref(s->settings);
	struct keyring *keys = keyring_ref(s->keys);
	struct trust *trust = trust_ref(s->trust);
	struct freeze_set *freezes = s->freezes ? freeze_set_ref(s->freezes) : NULL;
	pthread_mutex_unlock(&s->lock);
	bool frozen = freezes != w->freezes;
	if (w->settings)
		settings_unref(w->settings);
	if (w->keys)
		keyring_unref(w->keys);
	trust_unref(w->trust);
	w->settings = settings;
	freeze_set_unref(w->freezes);
	w->keys = keys;
	w->trust = trust;
	w->freezes = freezes;
	w->generation = generation;
	atomic_store_explicit(&w->seen_generation, generation, memory_order_release);
	if (frozen)
		freeze_running(w);
}

int worker_init(struct worker *w, struct shared *shared, unsigned index, int listen_fd, struct error *e)
{
	memset(w, 0, sizeof *w);
	w->index = index;
	w->shared = shared;
	w->now_us = clock_mono_us(shared->clock);
	w->answer_us = AWAKE_US;
	take_snapshot(w);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->epoll < 0 || w->wake_fd < 0)
		return error_errno(e, ERR_IO, errno, "cannot make an event loop");
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = event_tag(EVENT_WAKE, 0, 0)};
	epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake_fd, &ev);
	w->counting = predict_scratch_new();
	w->upstream = upstream_new(w);
	if (w->upstream == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	w->server = server_new(w, listen_fd, e);
	return w->server ? 0 : e->code;
}

void worker_release(struct worker *w)
{
	if (w->server)
		server_free(w->server);
	upstream_free(w->upstream);
	held_free(&w->held);
	blocks_free(&w->blocks);
	predict_scratch_free(w->counting);
	if (w->settings)
		settings_unref(w->settings);
	if (w->keys)
		keyring_unref(w->keys);
	trust_unref(w->trust);
	freeze_set_unref(w->freezes);
	close(w->epoll);
	close(w->wake_fd);
}

void worker_wake(struct worker *w)
{
	uint64_t one = 1;
	ssize_t n = write(w->wake_fd, &one, sizeof one);
	(void)n; /* a full counter wakes as well */
}

void worker_stop(struct worker *w)
{
	atomic_store(&w->stop, true);
	worker_wake(w);
}

static int timeout_ms(struct worker *w)
{
	int server = server_timeout_ms(w->server);
	int64_t due = upstream_timeout_us(w->upstream), held = held_next_us(&w->held), wait = -1;
	if (held >= 0 && (due < 0 || held < due))
		due = held;
	if (due >= 0)
		wait = due <= w->now_us ? 0 : (due - w->now_us + 999) / 1000;
	if (server >= 0 && (wait < 0 || server < wait))
		wait = server;
	/* Time limits are looked at while there is someone to be late. */
	bool someone =
	    w->active_n || atomic_load_explicit(&w->counters.connections_opened, memory_order_relaxed) !=
	                       atomic_load_explicit(&w->counters.connections_closed, memory_order_relaxed);
	if (someone && (wait < 0 || wait > TICK_US / 1000))
		wait = TICK_US / 1000;
	return (int)(wait > 60000 ? 60000 : wait);
}

static void dispatch(struct worker *w, const struct epoll_event *ev)
{
	uint64_t tag = ev->data.u64, count;
	switch (event_kind_of(tag)) {
	case EVENT_WAKE: {
		ssize_t n = read(w->wake_fd, &count, sizeof count);
		(void)n;
		break;
	}
	case EVENT_SERVER:
		server_event(w->server);
		break;
	case EVENT_CLIENT:
		server_client_event(w->server, event_index(tag), event_generation(tag));
		break;
	case EVENT_UPSTREAM:
		upstream_event(w->upstream, (int)event_index(tag), ev->events);
		break;
	}
}

/* Calls held back: those whose time has come, or all of them, when someone says that there may be room or
 * when they would wait in vain. */
static void turn_held(struct worker *w)
{
	if (w->held.n == 0)
		return;
	bool all = atomic_exchange_explicit(&w->retry_held, false, memory_order_acquire) ||
	           atomic_load_explicit(&w->shared->draining, memory_order_relaxed);
	held_turn(&w->held, w->now_us, all, exchange_retry);
}

static void tick(struct worker *w)
{
	if (w->now_us >= w->trim_us) {
		blocks_trim(&w->blocks);
		w->trim_us = w->now_us + TRIM_US;
	}
	server_tick(w->server, w->now_us);
	for (struct exchange *ex = w->active, *next; ex; ex = next) {
		next = ex->next;
		exchange_tick(ex, w->now_us);
	}
}

static void abort_all(struct worker *w)
{
	for (struct exchange *ex = w->active, *next; ex; ex = next) {
		next = ex->next;
		exchange_abort(ex);
	}
}

/* True when the loop is over. */
static bool ending(struct worker *w, int64_t *stop_since)
{
	struct shared *s = w->shared;
	if (atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		if (*stop_since == 0) {
			*stop_since = w->now_us;
			abort_all(w);
		}
		return w->active_n == 0 || w->now_us - *stop_since > LAST_WAY_US;
	}
	if (!atomic_load_explicit(&s->draining, memory_order_relaxed))
		return false;
	server_quiesce(w->server);
	return w->active_n == 0;
}

/* A provider on this machine or in the next rack answers sooner than a core that went to sleep is awake
 * again. Where the answers of late came that soon, the next one is waited for awake, for as long at most. */
static int wait_events(struct worker *w, struct epoll_event *events)
{
	int n = 0, wait = timeout_ms(w);
	if (wait != 0 && w->awake_until_us > w->now_us) {
		do
			n = epoll_wait(w->epoll, events, EVENTS_MAX, 0);
		while (n == 0 && clock_mono_us(w->shared->clock) < w->awake_until_us);
		w->awake_until_us = 0;
	}
	return n ? n : epoll_wait(w->epoll, events, EVENTS_MAX, wait);
}

void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct epoll_event events[EVENTS_MAX];
	int64_t next_tick = 0, stop_since = 0;
	while (!ending(w, &stop_since)) {
		int n = wait_events(w, events);
		w->now_us = clock_mono_us(w->shared->clock);
		take_snapshot(w);
		for (int i = 0; i < n; i++)
			dispatch(w, &events[i]);
		upstream_turn(w->upstream);
		turn_held(w);
		server_turn(w->server);
		upstream_turn(w->upstream);
		if (w->now_us >= next_tick) {
			tick(w);
			next_tick = w->now_us + TICK_US;
		}
	}
	abort_all(w);
	server_turn(w->server);
	server_free(w->server);
	w->server = NULL;
	return NULL;
}
