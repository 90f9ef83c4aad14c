#include "policy/device.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "text/json.h"

#define DAY_MS INT64_C(86400000)
#define SHARDS 16
#define WAYS   8 /* places where a key may stand */

/* --- which device ------------------------------------------------------------- */

/* Claude Code's metadata.user_id: a JSON text with device_id, or user_<hex>_account_…, where the hex is the
 * device's. */
static slice told_id(slice user_id)
{
	struct json j;
	json_key k;
	json_str s;
	if (slice_starts(user_id, SLICE("user_"))) {
		ptrdiff_t end = slice_find(user_id, SLICE("_account_"));
		return end > 5 ? slice_sub(user_id, 5, (size_t)end) : SLICE_NONE;
	}
	json_init(&j, user_id);
	if (user_id.n == 0 || json_peek(&j) != JSON_OBJECT || !json_object(&j))
		return SLICE_NONE;
	while (json_next_key(&j, &k)) {
		if (json_key_is(&k, SLICE("device_id")))
			return json_opt_string(&j, &s) ? s.raw : SLICE_NONE;
		json_skip(&j, NULL);
	}
	return SLICE_NONE;
}

/* "codex_cli_rs/0.46.0 (Mac OS 15.5.0; arm64) iTerm": what is in parentheses stays when the version changes.
 */
static slice platform(slice agent)
{
	ptrdiff_t from = slice_find_char(agent, '(');
	slice rest = slice_sub(agent, (size_t)(from < 0 ? (ptrdiff_t)agent.n : from), agent.n);
	ptrdiff_t to = slice_find_char(rest, ')');
	return to < 0 ? SLICE_NONE : slice_sub(rest, 1, (size_t)to);
}

uint64_t device_of(const struct request_view *v, const struct headers *h, uint64_t peer, uint64_t seed)
{
	slice told = v ? told_id(v->user_id) : SLICE_NONE;
	if (told.n)
		return map_hash(told, seed) | 1;
	if (peer == 0)
		return 0;
	uint64_t hash = map_hash(slice_make(&peer, sizeof peer), seed);
	hash = map_hash(platform(headers_get(h, SLICE("user-agent"))), hash);
	hash = map_hash(headers_get(h, SLICE("x-stainless-os")), hash);
	return map_hash(headers_get(h, SLICE("x-stainless-arch")), hash) | 1;
}

/* --- how many ----------------------------------------------------------------- */

struct seen {
	uint64_t key; /* 0: nobody's */
	int64_t last_ms, told_ms;
	uint64_t device[DEVICES_OF_KEY];
	int64_t when_ms[DEVICES_OF_KEY]; /* 0: empty */
};

struct devices {
	uint64_t seed;
	struct shard {
		pthread_mutex_t lock;
		struct seen *at[DEVICES_KEYS / SHARDS]; /* owned, made when needed */
	} shards[SHARDS];
};

struct devices *devices_new(uint64_t seed)
{
	struct devices *d = calloc(1, sizeof *d);
	for (size_t i = 0; d && i < SHARDS; i++)
		pthread_mutex_init(&d->shards[i].lock, NULL);
	if (d)
		d->seed = seed;
	return d;
}

void devices_free(struct devices *d)
{
	for (size_t i = 0; d && i < SHARDS; i++) {
		for (size_t k = 0; k < DEVICES_KEYS / SHARDS; k++)
			free(d->shards[i].at[k]);
		pthread_mutex_destroy(&d->shards[i].lock);
	}
	free(d);
}

/* The key's place, or the one that is given up for it; NULL without memory. */
static struct seen *place_of(struct shard *s, uint64_t key)
{
	struct seen **oldest = NULL;
	size_t first = (key / SHARDS) % (DEVICES_KEYS / SHARDS / WAYS) * WAYS;
	for (size_t i = first; i < first + WAYS; i++) {
		if (s->at[i] && s->at[i]->key == key)
			return s->at[i];
		if (oldest == NULL || (*oldest && (!s->at[i] || s->at[i]->last_ms < (*oldest)->last_ms)))
			oldest = &s->at[i];
	}
	if (*oldest == NULL)
		*oldest = malloc(sizeof **oldest);
	if (*oldest)
		**oldest = (struct seen){.key = key};
	return *oldest;
}

/* Notes the device; how many there were in the day before. */
static int64_t note(struct seen *k, uint64_t device, int64_t wall_ms)
{
	size_t at = 0;
	int64_t n = 0;
	for (size_t i = 0; i < DEVICES_OF_KEY; i++)
		if (k->device[i] == device || k->when_ms[i] < k->when_ms[at]) {
			at = i;
			if (k->device[i] == device)
				break;
		}
	k->device[at] = device;
	k->when_ms[at] = wall_ms;
	for (size_t i = 0; i < DEVICES_OF_KEY; i++)
		n += k->when_ms[i] && k->when_ms[i] > wall_ms - DAY_MS;
	return n;
}

bool devices_seen(struct devices *d, slice key_id, uint64_t device, int64_t wall_ms, int64_t most, int64_t *n)
{
	uint64_t key = map_hash(key_id, d->seed) | 1;
	struct shard *s = &d->shards[key / 2 % SHARDS];
	*n = 0;
	if (device == 0 || key_id.n == 0 || most <= 0)
		return false;
	pthread_mutex_lock(&s->lock);
	struct seen *k = place_of(s, key);
	bool tell = false;
	if (k) {
		*n = note(k, device, wall_ms);
		k->last_ms = wall_ms;
		tell = *n > most && (k->told_ms == 0 || wall_ms - k->told_ms >= DAY_MS);
		if (tell)
			k->told_ms = wall_ms;
	}
	pthread_mutex_unlock(&s->lock);
	return tell;
}
