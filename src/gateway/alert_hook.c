#include "gateway/alert_hook.h"

#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SEEN      1024  /* events of which it is known when they were noted last */
#define AGAIN_MS  10000 /* the same event is noted at most so often */
#define BUCKETS   (ALERT_PROVIDER_MINUTES + 1)
#define EVENT_MAX 8192

struct alert_hook {
	struct shared *shared; /* not owned */
	const struct ledger_ops *ops;
	struct writer_hook inner;
	struct settings *settings; /* owned reference; of the transaction */
	struct {
		uint64_t key;
		int64_t at_ms;
	} seen[SEEN];
	pthread_mutex_t lock; /* guards the rest */
	struct provider_of {
		char name[64];
		struct {
			int64_t minute, calls, errors;
		} at[BUCKETS];
	} providers[ALERT_PROVIDERS];
	size_t providers_n;
};

struct alert_hook *alert_hook_new(struct shared *s, const struct ledger_ops *ops)
{
	struct alert_hook *h = calloc(1, sizeof *h);
	if (h == NULL)
		return NULL;
	h->shared = s;
	h->ops = ops;
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void alert_hook_free(struct alert_hook *h)
{
	if (h == NULL)
		return;
	if (h->settings)
		settings_unref(h->settings);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static int64_t now_ms(const struct alert_hook *h)
{
	return clock_wall_ms(h->shared->clock);
}

/* --- how providers do -------------------------------------------------------------------- */

static struct provider_of *provider_named(struct alert_hook *h, slice name)
{
	for (size_t i = 0; i < h->providers_n; i++)
		if (slice_eq(slice_of(h->providers[i].name), name))
			return &h->providers[i];
	if (h->providers_n == ALERT_PROVIDERS || name.n >= sizeof h->providers->name)
		return NULL;
	struct provider_of *p = &h->providers[h->providers_n++];
	snprintf(p->name, sizeof p->name, SLICE_FMT, SLICE_ARG(name));
	return p;
}

static void count_provider(struct alert_hook *h, const struct record *r)
{
	int64_t minute = now_ms(h) / 60000;
	if (r->text[TEXT_PROVIDER].n == 0 || r->ending == ENDING_REFUSED || r->ending == ENDING_CRASH)
		return;
	pthread_mutex_lock(&h->lock);
	struct provider_of *p = provider_named(h, r->text[TEXT_PROVIDER]);
	if (p) {
		size_t at = (size_t)(minute % BUCKETS);
		if (p->at[at].minute != minute)
			p->at[at].calls = p->at[at].errors = 0;
		p->at[at].minute = minute;
		p->at[at].calls++;
		p->at[at].errors += alert_provider_erred(r);
	}
	pthread_mutex_unlock(&h->lock);
}

size_t alert_hook_providers(struct alert_hook *h, struct alert_provider out[ALERT_PROVIDERS], size_t n)
{
	int64_t minute = now_ms(h) / 60000;
	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->providers_n; i++) {
		const struct provider_of *p = &h->providers[i];
		size_t k = 0;
		while (k < n && strcmp(out[k].name, p->name) != 0)
			k++;
		if (k == ALERT_PROVIDERS)
			continue;
		if (k == n) {
			out[n] = (struct alert_provider){0};
			memcpy(out[n++].name, p->name, sizeof p->name);
		}
		out[k].calls = out[k].errors = 0;
		for (size_t b = 0; b < BUCKETS; b++)
			if (minute - p->at[b].minute < ALERT_PROVIDER_MINUTES && p->at[b].minute <= minute) {
				out[k].calls += p->at[b].calls;
				out[k].errors += p->at[b].errors;
			}
	}
	pthread_mutex_unlock(&h->lock);
	return n;
}

/* --- events ------------------------------------------------------------------------------ */

/* The same one is not written with every call. */
static bool is_new(struct alert_hook *h, slice kind, const struct record *r)
{
	slice of = slice_eq(kind, SLICE("storm")) ? r->who.v[ATTR_SESSION] : r->text[TEXT_MODEL_REQUESTED];
	uint64_t key = XXH3_64bits_withSeed(of.n ? of.p : "", of.n, XXH3_64bits(kind.p, kind.n));
	int64_t now = now_ms(h), since = now - h->seen[key % SEEN].at_ms;
	if (h->seen[key % SEEN].key == key && since >= 0 && since < AGAIN_MS)
		return false;
	h->seen[key % SEEN].key = key;
	h->seen[key % SEEN].at_ms = now;
	return true;
}

static int note(struct alert_hook *h, struct ledger *l, const struct record *r, struct error *e)
{
	struct buf body;
	int rc = 0;
	buf_init(&body, EVENT_MAX);
	slice kind = alert_event_of(h->settings, r, &body);
	if (kind.n && is_new(h, kind, r)) {
		struct ledger_alert_event ev = {0, r->time_ms, kind, buf_slice(&body)};
		rc = h->ops->alerts->event_add(l, &ev, e);
	}
	buf_release(&body);
	return rc == ERR_INVALID ? 0 : rc; /* what can never be noted holds up no row */
}

/* --- of the writer ----------------------------------------------------------------------- */

static int on_begin(void *arg, struct ledger *l, struct error *e)
{
	struct alert_hook *h = arg;
	pthread_mutex_lock(&h->shared->lock);
	struct settings *now = settings_ref(h->shared->settings);
	pthread_mutex_unlock(&h->shared->lock);
	if (h->settings)
		settings_unref(h->settings);
	h->settings = now;
	return h->inner.begin ? h->inner.begin(h->inner.arg, l, e) : 0;
}

static int on_row(void *arg, struct ledger *l, const struct record *r, struct error *e)
{
	struct alert_hook *h = arg;
	int rc = h->inner.row ? h->inner.row(h->inner.arg, l, r, e) : 0;
	if (rc || slice_eq(r->text[TEXT_SOURCE], SLICE("correction")))
		return rc;
	count_provider(h, r);
	return note(h, l, r, e);
}

static int on_end(void *arg, struct ledger *l, struct error *e)
{
	struct alert_hook *h = arg;
	return h->inner.end ? h->inner.end(h->inner.arg, l, e) : 0;
}

static void on_done(void *arg, bool committed)
{
	struct alert_hook *h = arg;
	if (!committed) /* what was noted is undone, and will come again */
		memset(h->seen, 0, sizeof h->seen);
	if (h->inner.done)
		h->inner.done(h->inner.arg, committed);
}

struct writer_hook alert_hook_of(struct alert_hook *h, const struct writer_hook *inner)
{
	h->inner = *inner;
	return (struct writer_hook){h, on_begin, on_row, on_end, on_done};
}
