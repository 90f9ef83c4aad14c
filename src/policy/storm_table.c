#include "policy/storm_table.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/map.h"
#include "base/num.h"
#include "policy/storm.h"

#define SHARDS    16
#define MINUTE_MS (INT64_C(60) * 1000)
#define MINUTES   60 /* that are looked back */

/* What was spent of late, by the minute. */
struct spending {
	int64_t minute;      /* since 1970, counted last */
	int64_t now, before; /* in it and in the one before it */
	int64_t all;
};

/* Memory is there for the kind's own part alone. */
struct entry {
	struct entry *newer, *older; /* of its shard, by use */
	uint64_t key;
	bool opening;
	struct spending spent;
	union {
		struct {
			struct storm_state state;
			uint64_t opening; /* key of its entry; 0: none */
			enum storm_signal found;
			int64_t first_ms, asked_ms, active_ms, turns, retries, retry_cost, cost_before;
		} thread;
		struct {
			int64_t minute;
			uint16_t count[MINUTES];
			uint32_t lifted;
		} opened;
	} of;
};

struct shard {
	pthread_mutex_t lock;
	struct map map; /* key -> struct entry, owned */
	struct entry *newest, *oldest;
	size_t n, threads;
	unsigned long long evicted;
};

struct storm_table {
	size_t most; /* of a shard */
	uint64_t seed;
	struct shard shards[SHARDS];
};

uint64_t storm_tool_hash(slice name)
{
	return XXH3_64bits(name.p, name.n);
}

struct storm_table *storm_table_new(size_t threads, uint64_t seed)
{
	struct storm_table *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->most = threads / SHARDS + 1;
	t->seed = seed;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&t->shards[i].lock, NULL);
		map_init(&t->shards[i].map, t->most + 1, seed + i);
	}
	return t;
}

void storm_table_free(struct storm_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		for (struct entry *e = t->shards[i].newest, *next; e; e = next) {
			next = e->older;
			free(e);
		}
		map_release(&t->shards[i].map);
		pthread_mutex_destroy(&t->shards[i].lock);
	}
	free(t);
}

/* --- entries of a shard, under its lock ------------------------------------------------------ */

static slice key_of(const struct entry *e)
{
	return slice_make(&e->key, sizeof e->key);
}

static void take_out(struct shard *s, struct entry *e)
{
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void put_newest(struct shard *s, struct entry *e)
{
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
}

static void forget(struct shard *s, struct entry *e)
{
	take_out(s, e);
	map_remove(&s->map, key_of(e));
	s->n--;
	s->threads -= !e->opening;
	free(e);
}

/* The entry of a key, made when it is not there; NULL without memory. */
static struct entry *entry_of(struct storm_table *t, struct shard *s, uint64_t key, bool opening)
{
	struct entry *e = map_get(&s->map, slice_make(&key, sizeof key));
	if (e && e->opening != opening) { /* of another kind and size */
		forget(s, e);
		e = NULL;
	}
	if (e) {
		take_out(s, e);
		put_newest(s, e);
		return e;
	}
	size_t size = opening ? sizeof e->of.opened : sizeof e->of.thread;
	e = calloc(1, offsetof(struct entry, of) + size);
	if (e == NULL)
		return NULL;
	if (s->n >= t->most) {
		forget(s, s->oldest);
		s->evicted++;
	}
	e->key = key;
	e->opening = opening;
	if (map_put(&s->map, key_of(e), e, NULL)) {
		free(e);
		return NULL;
	}
	put_newest(s, e);
	s->n++;
	s->threads += !opening;
	return e;
}

static struct shard *lock_shard(struct storm_table *t, uint64_t key)
{
	struct shard *s = &t->shards[(key ^ key >> 32) % SHARDS];
	pthread_mutex_lock(&s->lock);
	return s;
}

/* --- threads --------------------------------------------------------------------------------- */

static bool offers(const struct storm_request *r, slice name)
{
	uint64_t hash = storm_tool_hash(name);
	size_t low = 0, high = r->tools_n;
	if (r->tools_n == 0)
		return true;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (r->tools[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->tools_n && r->tools[low] == hash;
}

static void turn_minute(struct spending *s, int64_t now_ms)
{
	int64_t minute = now_ms / MINUTE_MS;
	if (minute <= s->minute)
		return;
	s->before = minute == s->minute + 1 ? s->now : 0;
	s->now = 0;
	s->minute = minute;
}

static void spend(struct entry *e, int64_t nanousd, int64_t now_ms)
{
	turn_minute(&e->spent, now_ms);
	e->spent.now = num_sat_add_i64(e->spent.now, nanousd);
	e->spent.all = num_sat_add_i64(e->spent.all, nanousd);
}

/* Of the last 60 s: of the minute before as much as is not yet past that long, were it spent evenly. */
static int64_t rate_of(struct entry *e, int64_t now_ms)
{
	turn_minute(&e->spent, now_ms);
	int64_t into = num_max_i64(now_ms - e->spent.minute * MINUTE_MS, 0);
	into = into < MINUTE_MS ? into : MINUTE_MS;
	return num_sat_add_i64(e->spent.now, e->spent.before - e->spent.before / MINUTE_MS * into);
}

static void count_request(struct entry *e, const struct storm_request *r)
{
	int64_t gap = e->of.thread.asked_ms ? r->now_ms - e->of.thread.asked_ms : 0;
	if (e->of.thread.first_ms == 0)
		e->of.thread.first_ms = r->now_ms;
	if (e->of.thread.state.human) {
		e->of.thread.turns = e->of.thread.active_ms = 0;
		e->of.thread.retries = e->of.thread.retry_cost = 0;
	} else {
		e->of.thread.active_ms += gap < 0 ? 0 : gap < STORM_IDLE_MS ? gap : STORM_IDLE_MS;
	}
	e->of.thread.asked_ms = r->now_ms;
	if (!r->retry) {
		e->of.thread.turns++;
	} else {
		e->of.thread.retries++;
		e->of.thread.retry_cost += e->spent.all - e->of.thread.cost_before;
	}
	e->of.thread.cost_before = e->spent.all;
}

/* The session goes on by a human's word, or the finding was only told of. True when it was its opening's. */
static bool lift(struct entry *e, unsigned allowance)
{
	enum storm_signal was = e->of.thread.found;
	if (was == STORM_NONE)
		return false;
	storm_lift(&e->of.thread.state, e->of.thread.found, allowance);
	e->of.thread.turns = e->of.thread.active_ms = 0;
	e->of.thread.retries = e->of.thread.retry_cost = 0;
	e->of.thread.found = STORM_NONE;
	return was == STORM_FRESH;
}

static uint64_t thread_key(const struct storm_table *t, uint64_t thread)
{
	return XXH3_64bits_withSeed(&thread, sizeof thread, t->seed) | 1;
}

static void lift_opening(struct storm_table *t, uint64_t key, unsigned allowance)
{
	struct shard *s = lock_shard(t, key);
	struct entry *e = map_get(&s->map, slice_make(&key, sizeof key));
	if (e)
		e->of.opened.lifted += allowance;
	pthread_mutex_unlock(&s->lock);
}

/* What the opening found is the thread's too, so that it is known when it goes on. */
static void note_found(struct storm_table *t, uint64_t thread, enum storm_signal signal)
{
	uint64_t key = thread_key(t, thread);
	struct shard *s = lock_shard(t, key);
	struct entry *e = map_get(&s->map, slice_make(&key, sizeof key));
	if (e)
		e->of.thread.found = signal;
	pthread_mutex_unlock(&s->lock);
}

static bool watch_thread(struct storm_table *t, const struct storm_request *r, const struct storm_limits *l,
                         unsigned allowance, uint64_t opening, struct storm_finding *out)
{
	bool found = false;
	uint64_t lifted = 0;
	uint64_t key = thread_key(t, r->thread);
	struct shard *s = lock_shard(t, key);
	struct entry *e = entry_of(t, s, key, false);
	if (e) {
		struct storm_reading reading;
		int64_t first = e->of.thread.first_ms ? e->of.thread.first_ms : r->now_ms;
		if (lift(e, allowance))
			lifted = e->of.thread.opening;
		if (opening)
			e->of.thread.opening = opening;
		storm_begin(&reading, &e->of.thread.state, r->now_ms - first, e->spent.all);
		if (r->compacted)
			storm_compacted(&reading);
		for (size_t i = 0; i < r->items_n; i++)
			storm_item(&reading, &r->items[i],
			           r->items[i].kind != ITEM_TOOL_CALL || offers(r, r->items[i].name.raw));
		count_request(e, r);
		struct storm_facts f = {.turns = e->of.thread.turns,
		                        .runtime_ms = e->of.thread.active_ms,
		                        .fan_out = r->fan_out,
		                        .depth = r->depth,
		                        .retries = e->of.thread.retries,
		                        .retries_nanousd = e->of.thread.retry_cost,
		                        .burn_nanousd = rate_of(e, r->now_ms),
		                        .burn_minutes = 1};
		found = storm_end(&reading, l, &f, out);
		e->of.thread.found = found ? out->signal : STORM_NONE;
	}
	pthread_mutex_unlock(&s->lock);
	if (lifted)
		lift_opening(t, lifted, allowance);
	return found;
}

/* --- openings -------------------------------------------------------------------------------- */

/* The first words that a human, or a script in the place of one, has said. */
static uint64_t words_of(const struct storm_request *r)
{
	for (size_t i = 0; i < r->items_n; i++) {
		struct gist g;
		struct gist_mark mark;
		if (r->items[i].kind != ITEM_USER_TEXT || storm_is_by_agent(r->items[i].text.raw))
			continue;
		gist_init(&g);
		gist_add_json(&g, r->items[i].text.raw);
		gist_end(&g, &mark);
		return g.words ? g.hash : 0;
	}
	return 0;
}

/* Minutes that have passed since are empty. */
static void turn_to(struct entry *e, int64_t minute)
{
	int64_t from = e->of.opened.minute;
	for (int64_t i = from + 1; i <= minute && i <= from + MINUTES; i++)
		e->of.opened.count[i % MINUTES] = 0;
	if (minute > from)
		e->of.opened.minute = minute;
	if (minute > from + MINUTES) /* an hour of silence */
		e->of.opened.lifted = 0;
}

static uint64_t opening_key(const struct storm_table *t, slice scope, uint64_t words)
{
	return ((XXH3_64bits_withSeed(scope.p ? scope.p : "", scope.n, t->seed) ^
	         words * 0x9e3779b97f4a7c15u) &
	        ~(uint64_t)1) |
	       2;
}

/* One more session of the scope that begins so. */
static bool watch_opening(struct storm_table *t, const struct storm_request *r, uint64_t key, int64_t fresh,
                          int64_t burn, struct storm_finding *out)
{
	bool found = false;
	struct shard *s = lock_shard(t, key);
	struct entry *e = entry_of(t, s, key, true);
	if (e) {
		uint32_t count = 0;
		turn_to(e, r->now_ms / MINUTE_MS);
		uint16_t *now = &e->of.opened.count[e->of.opened.minute % MINUTES];
		*now = (uint16_t)(*now + (*now < UINT16_MAX));
		for (size_t i = 0; i < MINUTES; i++)
			count += e->of.opened.count[i];
		bool often = fresh > 0 && count >= fresh + e->of.opened.lifted;
		bool fast = burn > 0 && count > 2 + e->of.opened.lifted && rate_of(e, r->now_ms) >= burn;
		found = often || fast;
		if (found && r->only_told)
			e->of.opened.lifted = 2 * count - (uint32_t)num_min_i64(fresh, count);
		if (found)
			*out = (struct storm_finding){.signal = often ? STORM_FRESH : STORM_BURN,
			                              .count = often ? count : 1,
			                              .cost_nanousd = e->spent.all};
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

bool storm_watch(struct storm_table *t, const struct storm_request *r, const struct storm_limits *l,
                 int64_t fresh, unsigned allowance, struct storm_finding *out)
{
	uint64_t words = r->begins ? words_of(r) : 0, opening = words ? opening_key(t, r->scope, words) : 0;
	*out = (struct storm_finding){.signal = STORM_NONE};
	if (watch_thread(t, r, l, allowance, opening, out))
		return true;
	if (!opening || !watch_opening(t, r, opening, fresh, l->opening_burn_nanousd, out))
		return false;
	note_found(t, r->thread, STORM_FRESH);
	return true;
}

void storm_spent(struct storm_table *t, uint64_t thread, int64_t nanousd, int64_t now_ms)
{
	uint64_t key = thread_key(t, thread), opening = 0;
	struct shard *s = lock_shard(t, key);
	struct entry *e = map_get(&s->map, slice_make(&key, sizeof key));
	if (e) {
		spend(e, nanousd, now_ms);
		opening = e->of.thread.opening;
	}
	pthread_mutex_unlock(&s->lock);
	if (opening == 0)
		return;
	s = lock_shard(t, opening);
	e = map_get(&s->map, slice_make(&opening, sizeof opening));
	if (e)
		spend(e, nanousd, now_ms);
	pthread_mutex_unlock(&s->lock);
}

void storm_stats_get(struct storm_table *t, struct storm_stats *out)
{
	*out = (struct storm_stats){0};
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &t->shards[i];
		pthread_mutex_lock(&s->lock);
		out->threads += s->threads;
		out->openings += s->n - s->threads;
		out->evicted += s->evicted;
		pthread_mutex_unlock(&s->lock);
	}
}
