#include "gateway/books.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/num.h"
#include "gateway/batch_budget.h"
#include "gateway/batch_follow.h"

#define SUMS_MAX      4096 /* different ones of a batch, before they are written */
#define TURN_EVERY_US INT64_C(1000000)

struct sum {
	uint64_t shape;
	int64_t from_ms, amount;
	size_t key_n;
	char key[BUDGET_KEY_MAX];
};

struct books {
	struct shared *s; /* not owned */
	const struct ledger_ops *ops;
	slice store;

	/* the writer's thread */
	struct settings *settings; /* owned reference: of the generation below */
	unsigned generation;
	bool made;     /* the sums of all its budgets are in the ledger, when the batch is committed */
	bool made_now; /* by this batch */
	struct budget_clock clock;
	struct map at;    /* of sums, by shape, window and key */
	struct sum *sums; /* owned; SUMS_MAX */
	size_t sums_n;
	char (*keys)[BUDGET_KEY_MAX + 16]; /* owned; the map's */

	atomic_uint made_generation; /* whose sums are all in the ledger */

	/* housekeeping's */
	struct ledger *ledger; /* owned; read-only */
	unsigned loaded_generation;
	bool loaded;
	bool restored;                /* the batches that were open */
	unsigned waiting_for;         /* the generation below was taken for */
	unsigned long long settled_n; /* rows that must be in the ledger first */
	int64_t next_us, turned_us;
	bool told;
};

struct books *books_new(struct shared *s, const struct ledger_ops *ops, slice store)
{
	struct books *b = calloc(1, sizeof *b);
	if (b == NULL)
		return NULL;
	b->s = s;
	b->ops = ops;
	b->store = store;
	b->generation = b->waiting_for = UINT32_MAX;
	atomic_store(&b->made_generation, UINT32_MAX);
	map_init(&b->at, SUMS_MAX, 0);
	b->sums = calloc(SUMS_MAX, sizeof *b->sums);
	b->keys = calloc(SUMS_MAX, sizeof *b->keys);
	if (b->sums && b->keys)
		return b;
	books_free(b);
	return NULL;
}

void books_free(struct books *b)
{
	if (b == NULL)
		return;
	if (b->settings)
		settings_unref(b->settings);
	if (b->ledger)
		b->ops->close(b->ledger);
	map_release(&b->at);
	free(b->sums);
	free(b->keys);
	free(b);
}

static struct settings *newest(struct books *b, unsigned *generation)
{
	struct shared *s = b->s;
	pthread_mutex_lock(&s->lock);
	*generation = atomic_load_explicit(&s->generation, memory_order_acquire);
	struct settings *settings = settings_ref(s->settings);
	pthread_mutex_unlock(&s->lock);
	return settings;
}

/* --- the writer's side: sums of rows ------------------------------------------------------------------ */

static int write_sums(struct books *b, struct ledger *l, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < b->sums_n; i++) {
		const struct sum *s = &b->sums[i];
		struct ledger_sum sum = {s->shape, s->from_ms, slice_make(s->key, s->key_n), s->amount};
		rc = b->ops->budget_add(l, &sum, e);
	}
	b->sums_n = 0;
	map_release(&b->at);
	map_init(&b->at, SUMS_MAX, 0);
	return rc;
}

static int add_sum(struct books *b, struct ledger *l, uint64_t shape, const struct budget_entry *entry,
                   struct error *e)
{
	int rc = b->sums_n == SUMS_MAX ? write_sums(b, l, e) : 0;
	if (rc != 0)
		return rc;
	char *key = b->keys[b->sums_n];
	memcpy(key, &shape, 8);
	memcpy(key + 8, &entry->from_ms, 8);
	memcpy(key + 16, entry->key, entry->key_n);
	struct sum *s = map_get(&b->at, slice_make(key, 16 + entry->key_n));
	if (s) {
		s->amount = num_sat_add_i64(s->amount, entry->amount);
		return 0;
	}
	s = &b->sums[b->sums_n];
	s->shape = shape;
	s->from_ms = entry->from_ms;
	s->amount = entry->amount;
	s->key_n = entry->key_n;
	memcpy(s->key, entry->key, entry->key_n);
	if (map_put(&b->at, slice_make(key, 16 + entry->key_n), s, NULL))
		return error_set(e, ERR_NOMEM, "out of memory");
	b->sums_n++;
	return 0;
}

/* Rows from here on can still count. */
static int64_t counts_from(struct books *b, const struct settings *s, const struct budget_rule *r,
                           struct budget_clock *clock)
{
	int64_t now = num_min_i64(clock_wall_ms(b->s->clock), shared_steady_ms(b->s));
	return budget_counts_from(r, s->zone, now, clock);
}

struct making {
	struct books *b;
	struct ledger *l;
	const struct budget_rule *rule;
	const struct settings *settings;
	struct error *e;
};

static int on_row(void *arg, const struct record *r)
{
	struct making *m = arg;
	struct budget_entry entry;
	struct facts f = {.record = r, .zone = m->settings->zone};
	if (!budget_entry_of(m->rule, &f, &m->b->clock, &entry))
		return 0;
	return add_sum(m->b, m->l, m->rule->shape, &entry, m->e);
}

#define QUARTER_S 900

/* Rows alike, of one quarter of an hour. */
static int on_cell(void *arg, const struct record *sum, int64_t rows, int64_t to_ms)
{
	struct making *m = arg;
	struct budget_entry entry;
	struct facts f = {.record = sum, .zone = m->settings->zone};
	bool whole = f.zone == NULL || zone_offset(f.zone, sum->time_ms / 1000) % QUARTER_S == 0;
	if (!whole)
		return LEDGER_NO_CELLS;
	if (!budget_entry_of_sum(m->rule, &f, rows, to_ms, &m->b->clock, &entry, &whole))
		return 0;
	return whole ? add_sum(m->b, m->l, m->rule->shape, &entry, m->e) : LEDGER_NO_CELLS;
}

static void forget_sums(struct books *b)
{
	b->sums_n = 0;
	map_release(&b->at);
	map_init(&b->at, SUMS_MAX, 0);
}

/* The sums of one budget, from the ledger's own sums where they tell it, else from the rows. */
static int make_sums(struct books *b, struct ledger *l, const struct settings *s, const struct budget_rule *r,
                     struct error *e)
{
	struct making m = {b, l, r, s, e};
	struct ledger_query q = {.since_ms = counts_from(b, s, r, &b->clock), .any_order = true};
	int rc = b->ops->budget_drop(l, r->shape, e);
	_Static_assert(BUDGET_COLUMNS_MAX <= LEDGER_ONLY_MAX, "they fit");
	q.only_n = budget_row_columns(r, q.only);
	if (rc == 0)
		rc = q.only_n && b->ops->cells ? b->ops->cells(l, &q, on_cell, &m, e) : LEDGER_NO_CELLS;
	if (rc == LEDGER_NO_CELLS) {
		forget_sums(b);
		rc = b->ops->budget_drop(l, r->shape, e);
		if (rc == 0)
			rc = b->ops->rows(l, &q, on_row, &m, e);
	}
	if (rc == 0)
		rc = write_sums(b, l, e);
	return rc ? rc : b->ops->budget_keep(l, r->shape, clock_wall_ms(b->s->clock), e);
}

struct shapes {
	const struct settings *s;
	size_t gone_n;
	uint64_t gone[256];
	uint64_t *have; /* one for each budget of s: 1 when its sums are there */
};

static int on_shape(void *arg, uint64_t shape)
{
	struct shapes *h = arg;
	bool known = false;
	for (size_t i = 0; i < h->s->budgets_n; i++) {
		if (h->s->budgets[i].shape != shape)
			continue;
		h->have[i] = 1;
		known = true;
	}
	if (!known && h->gone_n < sizeof h->gone / sizeof *h->gone)
		h->gone[h->gone_n++] = shape;
	return 0;
}

/* Budgets of imported rows are made anew at each start: those rows do not come by this writer. */
static bool has_sums(const struct shapes *h, size_t i, bool first)
{
	return h->have[i] && !(first && h->s->budgets[i].include);
}

static int make_all(struct books *b, struct ledger *l, struct settings *s, bool first, struct error *e)
{
	struct shapes h = {.s = s, .have = calloc(s->budgets_n + 1, sizeof *h.have)};
	if (h.have == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	int rc = b->ops->budget_shapes(l, on_shape, &h, e);
	for (size_t i = 0; rc == 0 && i < h.gone_n; i++)
		rc = b->ops->budget_drop(l, h.gone[i], e);
	for (size_t i = 0; rc == 0 && i < s->budgets_n; i++)
		if (s->budgets[i].rule.mode != MODE_OFF && !has_sums(&h, i, first))
			rc = make_sums(b, l, s, &s->budgets[i], e);
	free(h.have);
	return rc;
}

static int on_begin(void *arg, struct ledger *l, struct error *e)
{
	struct books *b = arg;
	unsigned generation = atomic_load_explicit(&b->s->generation, memory_order_acquire);
	b->made_now = false;
	if (b->settings && generation == b->generation && b->made)
		return 0;
	bool first = b->settings == NULL;
	if (b->settings)
		settings_unref(b->settings);
	b->settings = newest(b, &b->generation);
	b->made = false;
	int rc = make_all(b, l, b->settings, first, e);
	b->made_now = rc == 0;
	return rc;
}

static int on_new_row(void *arg, struct ledger *l, const struct record *r, struct error *e)
{
	struct books *b = arg;
	const struct settings *s = b->settings;
	struct facts f = {.record = r, .zone = s->zone};
	struct budget_entry entry;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < s->budgets_n; i++)
		if (budget_entry_of(&s->budgets[i], &f, &b->clock, &entry))
			rc = add_sum(b, l, s->budgets[i].shape, &entry, e);
	return rc;
}

int books_row(const struct ledger_ops *ops, struct ledger *l, const struct settings *s,
              const struct record *r, struct error *e)
{
	struct facts f = {.record = r, .zone = s->zone};
	struct budget_clock clock = {.zone = s->zone, .steady_ms = r->time_ms};
	struct budget_entry entry;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < s->budgets_n; i++) {
		if (!budget_entry_of(&s->budgets[i], &f, &clock, &entry))
			continue;
		struct ledger_sum sum = {s->budgets[i].shape, entry.from_ms,
		                         slice_make(entry.key, entry.key_n), entry.amount};
		rc = ops->budget_add(l, &sum, e);
	}
	return rc;
}

static int on_end(void *arg, struct ledger *l, struct error *e)
{
	return write_sums(arg, l, e);
}

static void on_done(void *arg, bool committed)
{
	struct books *b = arg;
	forget_sums(b);
	if (!b->made_now)
		return;
	b->made = committed;
	if (committed)
		atomic_store_explicit(&b->made_generation, b->generation, memory_order_release);
}

struct writer_hook books_hook(struct books *b)
{
	return (struct writer_hook){b, on_begin, on_new_row, on_end, on_done};
}

/* --- housekeeping's side: counters of sums ------------------------------------------------------------ */

struct loading {
	struct books *b;
	const struct budget_rule *rule;
	struct budget_clock clock;
	bool full;
};

static int on_sum(void *arg, const struct ledger_sum *sum)
{
	struct loading *l = arg;
	struct budget_entry e = {.from_ms = sum->from_ms, .amount = sum->amount, .key_n = sum->key.n};
	if (sum->key.n > sizeof e.key)
		return 0;
	if (sum->key.n)
		memcpy(e.key, sum->key.p, sum->key.n);
	if (budget_load(l->b->s->budgets, l->rule, &e, &l->clock))
		l->full = true;
	return 0;
}

static int on_found(void *arg, const struct record *r)
{
	(void)r;
	*(int *)arg = 1;
	return 0;
}

/* In the view that the sums were read from. */
static int has_row(void *arg, const char *id, int64_t time_ms)
{
	struct books *b = arg;
	struct error e = {0};
	int found = 0;
	struct ledger_query q = {.since_ms = time_ms,
	                         .until_ms = time_ms + 1,
	                         .filters_n = 1,
	                         .filters = {{SLICE("id"), slice_of(id), true}}};
	int rc = b->ops->rows(b->ledger, &q, on_found, &found, &e);
	return rc ? rc : found;
}

static int load_budget(struct books *b, const struct settings *s, const struct budget_rule *r,
                       struct error *e)
{
	struct loading l = {
	    .b = b, .rule = r, .clock = {.zone = s->zone, .steady_ms = shared_steady_ms(b->s)}};
	if (r->rule.mode == MODE_OFF || budget_is_loaded(b->s->budgets, r))
		return 0;
	int rc = b->ops->view_begin(b->ledger, e);
	if (rc == 0)
		rc = b->ops->budget_sums(b->ledger, r->shape, counts_from(b, s, r, &l.clock), on_sum, &l, e);
	if (rc == 0 && budget_load_late(b->s->budgets, r, &l.clock, has_row, b))
		l.full = true;
	b->ops->view_end(b->ledger);
	if (rc)
		return rc;
	if (l.full)
		log_event(b->s->log, LOG_ERROR, "budget.counters_full", LOG_S("budget", r->rule.name),
		          LOG_Z("message",
		                "not all of its counters have room: raise limits.budget_counters and "
		                "start again; calls of the others are decided by on_failure"));
	return 0;
}

static int load_all(struct books *b, struct settings *s, struct error *e)
{
	int rc = b->ledger ? 0 : b->ops->open(b->store.p, false, &b->ledger, e);
	if (rc == 0 && !b->restored)
		rc = batches_restore(b->s, b->ops, b->ledger, e);
	if (rc)
		return rc;
	b->restored = true;
	batch_budget_carry(b->s, s, false); /* before calls are let in */
	for (size_t i = 0; rc == 0 && i < s->budgets_n; i++)
		rc = load_budget(b, s, &s->budgets[i], e);
	return rc;
}

/* Everything settled before the workers knew the budgets is written. */
static bool is_written(struct books *b, struct writer *w, unsigned generation)
{
	struct journal_stats j;
	journal_stats_get(b->s->journal, &j);
	if (b->waiting_for != generation) {
		struct writer_stats rows;
		writer_stats_get(w, &rows);
		b->settled_n = rows.rows + rows.rejected + j.settled;
		b->waiting_for = generation;
	}
	struct writer_stats now;
	writer_stats_get(w, &now);
	return j.settled == 0 || now.rows + now.rejected >= b->settled_n;
}

static bool all_have(const struct worker *workers, int n, unsigned generation)
{
	for (int i = 0; i < n; i++)
		if (atomic_load_explicit(&workers[i].seen_generation, memory_order_acquire) != generation)
			return false;
	return true;
}

static bool load_turn(struct books *b, struct writer *w, const struct worker *workers, int workers_n)
{
	unsigned generation = atomic_load_explicit(&b->s->generation, memory_order_acquire);
	if (b->loaded && b->loaded_generation == generation)
		return true;
	if (!all_have(workers, workers_n, generation) || !is_written(b, w, generation))
		return false;
	if (atomic_load_explicit(&b->made_generation, memory_order_acquire) != generation) {
		writer_poke(w);
		return false;
	}
	struct error e = {0};
	unsigned of;
	struct settings *s = newest(b, &of);
	int rc = of == generation ? load_all(b, s, &e) : 0;
	settings_unref(s);
	if (rc && !b->told)
		log_event(b->s->log, LOG_ERROR, "budget.not_loaded", LOG_Z("why", e.text),
		          LOG_Z("message",
		                "budgets that say on_failure: closed hold calls back until the ledger "
		                "can be read"));
	b->told = rc != 0;
	b->loaded = rc == 0 && of == generation;
	b->loaded_generation = generation;
	return b->loaded;
}

bool books_turn(struct books *b, struct writer *w, const struct worker *workers, int workers_n)
{
	int64_t now = clock_mono_us(b->s->clock);
	if (now - b->turned_us >= TURN_EVERY_US) {
		b->turned_us = now;
		budgets_turn(b->s->budgets, num_min_i64(clock_wall_ms(b->s->clock), shared_steady_ms(b->s)));
	}
	return load_turn(b, w, workers, workers_n);
}
