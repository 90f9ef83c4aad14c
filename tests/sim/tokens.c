/*
 * The simulated tokenizer and prompt cache. A token is four bytes, rounded up, of the strings, keys
 * and numbers of the request; every figure is a plain function of the bytes received and, for the
 * cache, of the prompts seen before. The cache remembers hashes of prompt prefixes by scope
 * (credential, session named by the client, model) and forgets them when their time is up.
 */
#include "call.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_SLOTS   65536u
#define CACHE_PROBES  8u
#define CACHE_MINIMUM 1024 /* tokens; shorter prefixes are not cached */

static struct {
	pthread_mutex_t lock;
	struct {
		uint64_t key;
		int64_t until_ms;
	} slots[CACHE_SLOTS];
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

int64_t tokens_of(int64_t bytes)
{
	return (bytes + 3) / 4;
}

/* Hashes a JSON value without its cache markers, which move from turn to turn; counts its bytes. */
static uint64_t walk(uint64_t h, const cJSON *v, int64_t *bytes, int depth)
{
	const cJSON *child;

	if (depth > 64)
		return h;
	if (v->string) {
		if (strcmp(v->string, "cache_control") == 0)
			return h;
		*bytes += (int64_t)strlen(v->string);
		h = hash_bytes(h, v->string, strlen(v->string));
	}
	if (cJSON_IsString(v)) {
		*bytes += (int64_t)strlen(v->valuestring);
		return hash_bytes(h, v->valuestring, strlen(v->valuestring));
	}
	if (cJSON_IsNumber(v)) {
		*bytes += 2;
		return hash_bytes(h, &v->valuedouble, sizeof v->valuedouble);
	}
	cJSON_ArrayForEach(child, v) h = walk(h, child, bytes, depth + 1);
	return mix64(h ^ (uint64_t)(v->type & 0xff));
}

void ask_segment(struct ask *a, const cJSON *part, int ttl)
{
	struct segment *last = a->nsegments ? &a->segments[a->nsegments - 1] : NULL, *s;
	uint64_t h = last ? last->hash : 1;
	int64_t before = last ? last->tokens : 0, bytes = 0;

	if (a->nsegments == a->segments_cap) {
		a->segments_cap = a->segments_cap ? a->segments_cap * 2 : 64;
		a->segments = realloc(a->segments, a->segments_cap * sizeof *a->segments);
		if (!a->segments)
			sim_die("out of memory");
	}
	h = walk(h, part, &bytes, 0);
	s = &a->segments[a->nsegments++];
	*s = (struct segment){.hash = h, .tokens = before + tokens_of(bytes), .ttl = ttl};
	a->input_tokens = s->tokens;
}

static bool cache_known(uint64_t key, int64_t now)
{
	for (uint64_t i = 0; i < CACHE_PROBES; i++) {
		size_t slot = (size_t)((key + i) % CACHE_SLOTS);

		if (cache.slots[slot].key == key)
			return cache.slots[slot].until_ms > now;
	}
	return false;
}

static void cache_learn(uint64_t key, int64_t now, int minutes)
{
	size_t pick = (size_t)(key % CACHE_SLOTS);
	int64_t until = now + (int64_t)minutes * 60000;

	for (uint64_t i = 0; i < CACHE_PROBES; i++) {
		size_t slot = (size_t)((key + i) % CACHE_SLOTS);

		if (cache.slots[slot].key == key) {
			if (cache.slots[slot].until_ms < until)
				cache.slots[slot].until_ms = until;
			return;
		}
		if (cache.slots[slot].until_ms < cache.slots[pick].until_ms)
			pick = slot;
	}
	cache.slots[pick].key = key;
	cache.slots[pick].until_ms = until;
}

static uint64_t prefix_key(const struct call *c, const struct segment *s)
{
	return mix64(c->scope ^ s->hash ^ hash_bytes(3, c->model, strlen(c->model)));
}

/* Anthropic: only what ends at a breakpoint is written; what is known before the last one is read. */
void cache_explicit(struct call *c)
{
	const struct ask *a = &c->ask;
	int64_t now = wall_ms(), hit = 0, done, end_1h = 0, end_5m = 0;

	pthread_mutex_lock(&cache.lock);
	for (size_t i = 0; i < a->nsegments; i++) {
		const struct segment *s = &a->segments[i];

		if (s->tokens < CACHE_MINIMUM)
			continue;
		if (s->ttl == 60)
			end_1h = s->tokens;
		else if (s->ttl)
			end_5m = s->tokens;
	}
	for (size_t i = 0; i < a->nsegments; i++) {
		const struct segment *s = &a->segments[i];

		if (s->tokens > (end_1h > end_5m ? end_1h : end_5m))
			break;
		if (cache_known(prefix_key(c, s), now))
			hit = s->tokens;
	}
	for (size_t i = 0; i < a->nsegments; i++)
		if (a->segments[i].ttl && a->segments[i].tokens >= CACHE_MINIMUM)
			cache_learn(prefix_key(c, &a->segments[i]), now, a->segments[i].ttl);
	pthread_mutex_unlock(&cache.lock);
	done = hit;
	c->usage.cache_read = hit;
	c->usage.write_1h = end_1h > done ? end_1h - done : 0;
	done += c->usage.write_1h;
	c->usage.write_5m = end_5m > done ? end_5m - done : 0;
	done += c->usage.write_5m;
	c->usage.input = a->input_tokens - done;
}

/* OpenAI and Gemini: whatever prefix was seen before is read, in steps; nothing is charged to write. */
void cache_automatic(struct call *c, int64_t minimum, int64_t step)
{
	const struct ask *a = &c->ask;
	int64_t now = wall_ms(), hit = 0;

	pthread_mutex_lock(&cache.lock);
	for (size_t i = 0; i + 1 < a->nsegments; i++)
		if (cache_known(prefix_key(c, &a->segments[i]), now))
			hit = a->segments[i].tokens;
	for (size_t i = 0; i < a->nsegments; i++)
		if (a->segments[i].tokens >= minimum)
			cache_learn(prefix_key(c, &a->segments[i]), now, 10);
	pthread_mutex_unlock(&cache.lock);
	hit -= hit % step;
	c->usage.cache_read = hit >= minimum ? hit : 0;
	c->usage.input = a->input_tokens - c->usage.cache_read;
}

struct usage usage_none(void)
{
	return (struct usage){-1, -1, -1, -1, -1, -1};
}

/* The output side of the whole answer; the input side is the dialect's. */
void usage_whole(struct call *c)
{
	int64_t out = 0;

	for (size_t i = 0; i < c->plan.n; i++) {
		const struct block *b = &c->plan.blocks[i];

		if (b->kind != BLOCK_THINKING)
			out += tokens_of((int64_t)b->len) + (b->kind == BLOCK_TOOL ? 12 : 0);
	}
	if (c->d.fault == FAULT_HUGE && c->ask.stream)
		out += tokens_of(c->d.huge);
	if (c->usage.reasoning > 0)
		out += c->usage.reasoning;
	c->usage.output = out;
}

struct usage usage_so_far(const struct call *c, bool complete)
{
	struct usage u = c->usage;

	if (complete || !c->ask.stream)
		return u; /* a whole answer is made before any of it is sent */
	u.output = tokens_of(c->bytes_sent);
	if (u.reasoning > 0) {
		int64_t seen = tokens_of(c->thinking_sent);

		if (!c->bytes_sent && seen < u.reasoning)
			u.reasoning = seen;
		u.output += u.reasoning;
	}
	return u;
}
