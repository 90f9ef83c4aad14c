/* The table of counters: look-up, making, giving back. */
#include "policy/budget_impl.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/num.h"

/* Windows that are over are kept this long, so that a call that arrived before their end, or a clock that was
 * set back a little, still finds them; less when the table fills up. */
#define KEEP_MS      INT64_C(7200000)
#define KEEP_FULL_MS INT64_C(60000)

struct budgets *budgets_new(size_t counters, uint64_t seed)
{
	struct budgets *b = aligned_alloc(64, (sizeof *b + 63) & ~(size_t)63);
	if (b == NULL)
		return NULL;
	memset(b, 0, sizeof *b);
	b->cap = counters;
	b->seed = seed;
	b->fresh = 1;
	pthread_mutex_init(&b->late_lock, NULL);
	for (b->buckets = BUDGET_LOCKS; b->buckets < counters; b->buckets *= 2)
		;
	/* calloc takes such sizes from the kernel page by page, as they are used */
	size_t room = (counters + 1) * sizeof *b->counters;
	b->counters = aligned_alloc(4096, (room + 4095) & ~(size_t)4095);
	b->steps = calloc(counters + 1, sizeof *b->steps);
	b->heads = calloc(b->buckets, sizeof *b->heads);
	if (b->counters && b->steps && b->heads)
		return b;
	budgets_free(b);
	return NULL;
}

void budgets_free(struct budgets *b)
{
	if (b == NULL)
		return;
	budget_late_free(b);
	free(b->counters);
	free(b->steps);
	free(b->heads);
	free(b);
}

/* --- keys ----------------------------------------------------------------------------------------- */

void budget_key_hash(const struct budgets *b, struct budget_key *k)
{
	uint64_t seed = b->seed ^ k->rule->shape ^ (uint64_t)k->span.from_ms * UINT64_C(0x9e3779b97f4a7c15);
	XXH128_hash_t h = XXH3_128bits_withSeed(k->values.p ? k->values.p : "", k->values.n, seed);
	k->hash[0] = h.low64;
	k->hash[1] = h.high64 ^ k->rule->shape;
}

static size_t bucket_of(const struct budgets *b, const uint64_t key[2])
{
	return key[0] & (b->buckets - 1);
}

static atomic_flag *lock_of(struct budgets *b, size_t bucket)
{
	return &b->locks[bucket & (BUDGET_LOCKS - 1)].flag;
}

void budget_prefetch_bucket(const struct budgets *b, const struct budget_key *k)
{
	__builtin_prefetch(&b->heads[bucket_of(b, k->hash)]);
}

void budget_prefetch(const struct budgets *b, const struct budget_key *k)
{
	uint32_t at = atomic_load_explicit(&b->heads[bucket_of(b, k->hash)], memory_order_relaxed);
	__builtin_prefetch(&b->counters[at]);
}

/* --- look-up -------------------------------------------------------------------------------------- */

static uint32_t pop_free(struct budgets *b)
{
	budget_lock(&b->free_lock);
	uint32_t at = b->free;
	if (at)
		b->free = b->counters[at].next;
	else if (b->fresh <= b->cap)
		at = b->fresh++;
	budget_unlock(&b->free_lock);
	return at;
}

static void set_texts(struct budget_counter *c, const struct budget_key *k)
{
	slice name = k->rule->rule.name;
	c->name_n = (uint8_t)(name.n < sizeof c->name ? name.n : sizeof c->name);
	memcpy(c->name, name.p, c->name_n);
	size_t n = 0;
	for (size_t i = 0; i < k->values.n && n + 2 < sizeof c->label; i++) {
		if (k->values.p[i] != '\x1f') {
			c->label[n++] = k->values.p[i];
			continue;
		}
		c->label[n++] = ',';
		c->label[n++] = ' ';
	}
	c->label_n = (uint8_t)n;
}

/* Under the lock of its bucket. */
static struct budget_counter *make_counter(struct budgets *b, const struct budget_key *k, size_t bucket)
{
	if (k->span.to_ms <= atomic_load_explicit(&b->forgotten_ms, memory_order_relaxed))
		return NULL;
	uint32_t at = pop_free(b);
	if (at == 0)
		return NULL;
	struct budget_counter *c = &b->counters[at];
	memset(c, 0, sizeof *c);
	c->key[0] = k->hash[0];
	c->key[1] = k->hash[1];
	c->from_ms = k->span.from_ms;
	c->to_ms = k->span.to_ms;
	c->shape = k->rule->shape;
	c->in_use = true;
	c->rolls = k->rule->window.kind == WINDOW_ROLLING;
	set_texts(c, k);
	if (c->rolls)
		budget_steps_begin(budget_steps_of(b, c), &k->rule->window, 0);
	c->next = atomic_load_explicit(&b->heads[bucket], memory_order_relaxed);
	atomic_store_explicit(&b->heads[bucket], at, memory_order_relaxed);
	atomic_fetch_add_explicit(&b->used, 1, memory_order_relaxed);
	return c;
}

struct budget_counter *budget_find(struct budgets *b, const struct budget_key *k, bool make)
{
	size_t bucket = bucket_of(b, k->hash);
	atomic_flag *lock = lock_of(b, bucket);
	struct budget_counter *c = NULL;
	budget_lock(lock);
	uint32_t at = atomic_load_explicit(&b->heads[bucket], memory_order_relaxed);
	for (; at; at = b->counters[at].next)
		if (b->counters[at].key[0] == k->hash[0] && b->counters[at].key[1] == k->hash[1])
			break;
	if (at)
		c = &b->counters[at];
	else if (make)
		c = make_counter(b, k, bucket);
	if (c)
		atomic_fetch_add_explicit(&c->pins, 1, memory_order_relaxed);
	budget_unlock(lock);
	return c;
}

void budget_unpin(struct budget_counter *c)
{
	atomic_fetch_sub_explicit(&c->pins, 1, memory_order_release);
}

/* --- giving back ---------------------------------------------------------------------------------- */

static bool is_over(const struct budget_counter *c, int64_t before_ms)
{
	return c->to_ms <= before_ms && atomic_load_explicit(&c->pins, memory_order_acquire) == 0;
}

/* The chain of one bucket, under its lock. */
static void sweep(struct budgets *b, size_t bucket, int64_t before_ms)
{
	uint32_t at = atomic_load_explicit(&b->heads[bucket], memory_order_relaxed), kept = 0, next;
	for (; at; at = next) {
		struct budget_counter *c = &b->counters[at];
		next = c->next;
		if (!is_over(c, before_ms)) {
			c->next = kept;
			kept = at;
			continue;
		}
		c->in_use = false;
		atomic_fetch_sub_explicit(&b->used, 1, memory_order_relaxed);
		budget_lock(&b->free_lock);
		c->next = b->free;
		b->free = at;
		budget_unlock(&b->free_lock);
	}
	atomic_store_explicit(&b->heads[bucket], kept, memory_order_relaxed);
}

void budgets_turn(struct budgets *b, int64_t now_ms)
{
	size_t used = atomic_load(&b->used);
	int64_t before = now_ms - (used > b->cap / 4 * 3 ? KEEP_FULL_MS : KEEP_MS);
	/* First said, then done: nobody makes anew what is being given back. */
	int64_t forgotten = atomic_load(&b->forgotten_ms);
	if (before > forgotten)
		atomic_store(&b->forgotten_ms, before);
	for (size_t i = 0; i < b->buckets; i++) {
		if (atomic_load_explicit(&b->heads[i], memory_order_relaxed) == 0)
			continue;
		budget_lock(lock_of(b, i));
		sweep(b, i, before);
		budget_unlock(lock_of(b, i));
	}
}

/* --- walking -------------------------------------------------------------------------------------- */

static void view_of(struct budgets *b, struct budget_counter *c, struct budget_view *v)
{
	*v = (struct budget_view){.budget = slice_make(c->name, c->name_n),
	                          .label = slice_make(c->label, c->label_n),
	                          .held = atomic_load(&c->held),
	                          .lifted = atomic_load(&c->lifted),
	                          .from_ms = c->from_ms,
	                          .to_ms = c->to_ms,
	                          .calls = atomic_load(&c->pins) - 1,
	                          .held_since_ms = atomic_load(&c->held_since_ms)};
	int64_t committed = atomic_load(&c->committed);
	v->settled = num_max_i64(committed - v->held, 0);
	if (v->held <= 0)
		v->held_since_ms = 0;
	(void)b;
}

int budgets_each(struct budgets *b, const struct budget_rule *rule,
                 int (*on_counter)(void *arg, const struct budget_view *v), void *arg)
{
	for (size_t i = 0; i < b->buckets; i++) {
		uint32_t at = atomic_load_explicit(&b->heads[i], memory_order_relaxed);
		for (; at;) {
			struct budget_view v;
			struct budget_counter *c = &b->counters[at];
			budget_lock(lock_of(b, i));
			bool is = c->in_use && (rule == NULL || c->shape == rule->shape) &&
			          bucket_of(b, c->key) == i;
			if (is)
				atomic_fetch_add(&c->pins, 1);
			at = c->in_use ? c->next : 0;
			budget_unlock(lock_of(b, i));
			if (!is)
				continue;
			view_of(b, c, &v);
			int r = on_counter(arg, &v);
			budget_unpin(c);
			if (r)
				return r;
		}
	}
	return 0;
}

/* --- what is loaded ------------------------------------------------------------------------------- */

void budget_set_loaded(struct budgets *b, const struct budget_rule *rule)
{
	for (size_t i = 0, at = rule->shape; i < SHAPES_MAX; i++, at++) {
		uint64_t empty = 0;
		_Atomic uint64_t *p = &b->loaded[at & (SHAPES_MAX - 1)];
		if (atomic_compare_exchange_strong(p, &empty, rule->shape) || empty == rule->shape)
			return;
	}
}

bool budget_is_loaded(const struct budgets *b, const struct budget_rule *rule)
{
	for (size_t i = 0, at = rule->shape; i < SHAPES_MAX; i++, at++) {
		uint64_t is = atomic_load_explicit(&b->loaded[at & (SHAPES_MAX - 1)], memory_order_acquire);
		if (is == rule->shape)
			return true;
		if (is == 0)
			return false;
	}
	return false;
}

void budgets_stats(const struct budgets *b, struct budget_stats *out)
{
	*out = (struct budget_stats){.counters = b->cap,
	                             .used = atomic_load(&b->used),
	                             .taken = atomic_load(&b->taken),
	                             .refused = atomic_load(&b->refused),
	                             .extended = atomic_load(&b->extended),
	                             .settled = atomic_load(&b->settled),
	                             .unknown = atomic_load(&b->unknown),
	                             .overruns = atomic_load(&b->overruns),
	                             .rolled_back = atomic_load(&b->rolled_back),
	                             .waited = atomic_load(&b->waited)};
}
