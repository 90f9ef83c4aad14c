/* Is what threads saw of the budgets what one caller after the other could have seen?
 *
 * Threads take, extend and settle holds of random calls on the same counters, close to their limits. Each
 * operation is logged with a stamp of one sequence before it begins and one after it has ended. The history
 * is then held against the plain sequential model (a sum and a limit for each counter; all or nothing): an
 * order of all operations is looked for that keeps each of them between its two stamps and in which the model
 * gives each the answer that it got: a hold that was taken had room everywhere, one that was refused had none
 * in the budget that it was refused by. That is linearizability (Herlihy and Wing 1990), by the search of
 * Wing and Gong (1993) with the states that were seen left out (Lowe 2017). As each thread's operations are
 * in order, a state is how far each thread has come.
 *
 * One thing more than the model is allowed, since a step is taken for each counter by itself
 * (docs/budgets.md): an attempt that may yet be taken back, and a settlement that has not come to that
 * counter yet, can be in the way of what goes on at the same time. So a refusal may be one too many, never an
 * admission. Histories in which that was needed are counted apart.
 *
 * usage: test_budget_history_threads [HISTORIES [FIRST_SEED]], 100 by default; prints a line of figures. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "unit/policy/budget_fixture.h"

#define THREADS   4
#define OPS       400 /* of a thread, before it settles what it has open */
#define OPEN      8   /* calls of a thread at a time */
#define OPS_MAX   (OPS + OPEN)
#define RULES     4
#define TEAMS     2
#define USERS     3
#define COUNTERS  (1 + TEAMS + USERS + 1)
#define SEEN_ROOM (1u << 20)

static const char SETTINGS[] = "budgets:\n"
                               "  - {name: org, window: total, limit: 0.00004 USD}\n"
                               "  - {name: team, each: team, window: month, limit: 0.00003 USD}\n"
                               "  - {name: turns, each: user, window: day, limit: 9 requests}\n"
                               "  - {name: roll, window: 1h, limit: 0.00004 USD}\n";
static const int64_t limits[RULES] = {40000, 30000, 9, 40000};
static const char *const teams[TEAMS] = {"web", "payments"};
static const char *const users[USERS] = {"ana", "bo", "cy"};

/* One operation. What it adds to the counter of each rule: what was asked for, or, of a settlement, what was
 * used less what was held. */
struct op {
	uint64_t began, ended;
	int64_t add[RULES];
	unsigned char team, user;
	bool settles;
	signed char refused; /* by that rule; -1: not */
};

struct open_call {
	bool is;
	unsigned char team, user;
	int64_t held, extra;
	struct budget_hold hold;
};

struct thread {
	pthread_t id;
	uint64_t seed;
	struct budgets *budgets;
	struct caller caller;
	struct open_call open[OPEN];
	size_t n;
	struct op op[OPS_MAX];
};

static _Atomic uint64_t sequence;
static long long histories = 100, first_seed = 1;

static uint64_t roll(struct thread *t, uint64_t below)
{
	t->seed = t->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (t->seed >> 33) % below;
}

/* --- the threads ------------------------------------------------------------------------------------- */

static struct op *op_begin(struct thread *t, const struct open_call *c)
{
	struct op *o = &t->op[t->n++];
	*o = (struct op){.team = c->team, .user = c->user, .refused = -1};
	if (roll(t, 4) == 0)
		sched_yield();
	o->began = atomic_fetch_add(&sequence, 1);
	return o;
}

static void op_end(struct op *o, enum budget_result r, const struct budget_why *why, const struct settings *s)
{
	o->ended = atomic_fetch_add(&sequence, 1);
	if (r != BUDGET_OK)
		o->refused = (signed char)(why->rule - s->budgets);
}

static void set_add(struct op *o, int64_t usd, int64_t calls)
{
	o->add[0] = o->add[1] = o->add[3] = usd;
	o->add[2] = calls;
}

static void take(struct thread *t, struct open_call *c)
{
	struct caller *who = &t->caller;
	struct budget_why why;
	c->team = (unsigned char)roll(t, TEAMS);
	c->user = (unsigned char)roll(t, USERS);
	c->held = (int64_t)roll(t, 5000);
	c->extra = 0;
	who->r.who.v[ATTR_TEAM] = slice_of(teams[c->team]);
	who->r.who.v[ATTR_USER] = slice_of(users[c->user]);
	memset(&c->hold, 0, sizeof c->hold);
	if (budget_match(t->budgets, who->s, &who->f, 0, &who->clock, &c->hold, &why) != BUDGET_OK)
		abort();
	struct op *o = op_begin(t, c);
	set_add(o, c->held, 1);
	enum budget_result r =
	    budget_take(t->budgets, &c->hold, &(struct budget_need){.usd = c->held, .calls = 1}, &why);
	op_end(o, r, &why, who->s);
	c->is = r == BUDGET_OK;
	if (!c->is)
		budget_release(t->budgets, &c->hold);
}

static void extend(struct thread *t, struct open_call *c)
{
	struct budget_why why;
	int64_t more = (int64_t)roll(t, 2000);
	struct op *o = op_begin(t, c);
	set_add(o, more, 0);
	enum budget_result r = budget_extend(t->budgets, &c->hold, &(struct budget_need){.usd = more}, &why);
	op_end(o, r, &why, t->caller.s);
	if (r == BUDGET_OK)
		c->held += more;
}

/* Little is used, and a settled call counts: so the budgets stay near their limits. */
static void settle(struct thread *t, struct open_call *c)
{
	int64_t used = (int64_t)roll(t, (uint64_t)(c->held / 200 + 1)), calls = roll(t, 40) == 0;
	struct op *o = op_begin(t, c);
	set_add(o, used - c->held, calls - 1);
	o->settles = true;
	budget_settle(t->budgets, &c->hold, &(struct budget_need){.usd = used, .calls = calls});
	op_end(o, BUDGET_OK, NULL, NULL);
	c->is = false;
}

static void *run(void *arg)
{
	struct thread *t = arg;
	while (t->n < OPS) {
		struct open_call *c = &t->open[roll(t, OPEN)];
		if (!c->is)
			take(t, c);
		else if (roll(t, 3) == 0)
			extend(t, c);
		else
			settle(t, c);
	}
	for (size_t i = 0; i < OPEN; i++)
		if (t->open[i].is)
			settle(t, &t->open[i]);
	return NULL;
}

/* --- the sequential model ---------------------------------------------------------------------------- */

static size_t counter_of(const struct op *o, int rule)
{
	switch (rule) {
	case 0:
		return 0;
	case 1:
		return 1 + o->team;
	case 2:
		return 1 + TEAMS + o->user;
	default:
		return COUNTERS - 1;
	}
}

static bool has_room(const int64_t *state, const struct op *o, int rule, int64_t besides)
{
	return o->add[rule] == 0 || state[counter_of(o, rule)] + besides + o->add[rule] <= limits[rule];
}

static bool answers_so(const int64_t *state, const struct op *o, int64_t in_the_way)
{
	if (o->settles)
		return true;
	if (o->refused >= 0)
		return !has_room(state, o, o->refused, in_the_way);
	for (int rule = 0; rule < RULES; rule++)
		if (!has_room(state, o, rule, 0))
			return false;
	return true;
}

static void apply(int64_t *state, const struct op *o, int sign)
{
	for (int rule = 0; rule < RULES && o->refused < 0; rule++)
		state[counter_of(o, rule)] += sign * o->add[rule];
}

/* --- the search -------------------------------------------------------------------------------------- */

struct search {
	const struct thread *threads; /* THREADS */
	bool steps;                   /* half done operations of others count */
	size_t at[THREADS];
	int64_t state[COUNTERS];
	size_t depth, furthest;
	unsigned char by[THREADS * OPS_MAX];        /* whose operation came then */
	unsigned char tried[THREADS * OPS_MAX + 1]; /* a bit for each thread */
	uint64_t *seen;                             /* owned; SEEN_ROOM; 0: free */
	size_t seen_n;
};

static bool first_seen(struct search *s)
{
	uint64_t key = 1;
	for (size_t i = 0; i < THREADS; i++)
		key = key << 15 | s->at[i];
	for (size_t h = key * UINT64_C(0x9E3779B97F4A7C15) >> 44;; h = (h + 1) % SEEN_ROOM) {
		if (s->seen[h] == key)
			return false;
		if (s->seen[h])
			continue;
		assert_true(++s->seen_n < SEEN_ROOM / 2);
		s->seen[h] = key;
		return true;
	}
}

/* The most that others' operations, under way at the same time, can have had in the counter besides. */
static int64_t in_the_way(const struct search *s, size_t mine, const struct op *o)
{
	int64_t sum = 0;
	for (size_t i = 0; i < THREADS && s->steps && o->refused >= 0; i++) {
		int64_t most = 0;
		size_t k = s->at[i];
		while (k > 0 && s->threads[i].op[k - 1].ended > o->began)
			k--;
		for (; i != mine && k < s->threads[i].n && s->threads[i].op[k].began < o->ended; k++) {
			const struct op *other = &s->threads[i].op[k];
			bool same = counter_of(other, o->refused) == counter_of(o, o->refused);
			int64_t add = other->add[o->refused], has = other->settles ? -add : add;
			if (same && has > most)
				most = has;
		}
		sum += most;
	}
	return sum;
}

/* A thread whose next operation may come now: it began before any that is left had ended, and the model
 * answers as it was answered. THREADS: none that was not tried. */
static size_t next_of(struct search *s)
{
	uint64_t first_end = UINT64_MAX;
	for (size_t i = 0; i < THREADS; i++)
		if (s->at[i] < s->threads[i].n && s->threads[i].op[s->at[i]].ended < first_end)
			first_end = s->threads[i].op[s->at[i]].ended;
	for (size_t i = 0; i < THREADS; i++) {
		const struct op *o = &s->threads[i].op[s->at[i]];
		if (s->at[i] == s->threads[i].n || s->tried[s->depth] >> i & 1u || o->began > first_end)
			continue;
		s->tried[s->depth] |= (unsigned char)(1u << i);
		if (answers_so(s->state, o, in_the_way(s, i, o)))
			return i;
	}
	return THREADS;
}

static bool find_order(struct search *s, size_t all)
{
	while (s->depth < all) {
		size_t i = next_of(s);
		if (i < THREADS) {
			apply(s->state, &s->threads[i].op[s->at[i]++], 1);
			s->by[s->depth++] = (unsigned char)i;
			s->tried[s->depth] = (unsigned char)(first_seen(s) ? 0 : (1u << THREADS) - 1);
			s->furthest = s->depth > s->furthest ? s->depth : s->furthest;
			continue;
		}
		if (s->depth == 0)
			return false;
		i = s->by[--s->depth];
		apply(s->state, &s->threads[i].op[--s->at[i]], -1);
	}
	return true;
}

/* Whether there is an order; the sums after it in *state. */
static bool is_linearizable(const struct thread *threads, bool steps, int64_t state[COUNTERS],
                            size_t *furthest)
{
	struct search s = {.threads = threads, .steps = steps};
	size_t all = 0;
	for (size_t i = 0; i < THREADS; i++)
		all += threads[i].n;
	s.seen = calloc(SEEN_ROOM, sizeof *s.seen);
	assert_non_null(s.seen);
	bool found = find_order(&s, all);
	free(s.seen);
	memcpy(state, s.state, sizeof s.state);
	*furthest = s.furthest;
	return found;
}

/* --- histories --------------------------------------------------------------------------------------- */

struct figures {
	unsigned long long ops, refused, in_the_way;
};

static void play(uint64_t seed, struct settings *settings, struct thread *threads, struct figures *f)
{
	struct budgets *b = budgets_new(1024, seed);
	fixture_loaded(b, settings);
	for (size_t i = 0; i < THREADS; i++) {
		threads[i].n = 0;
		threads[i].seed = seed * THREADS + i;
		threads[i].budgets = b;
		caller_init(&threads[i].caller, b, settings, at("2026-11-24T12:00:00Z"));
		assert_int_equal(pthread_create(&threads[i].id, NULL, run, &threads[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i].id, NULL);
	int64_t state[COUNTERS];
	size_t furthest;
	bool plain = is_linearizable(threads, false, state, &furthest);
	if (!plain && !is_linearizable(threads, true, state, &furthest))
		fail_msg("history %llu: no order of its operations is one of the model; %zu of them fit",
		         (unsigned long long)seed, furthest);
	f->in_the_way += !plain;
	for (size_t i = 0; i < THREADS; i++)
		for (size_t k = 0; k < threads[i].n; k++)
			f->refused += threads[i].op[k].refused >= 0;
	for (size_t i = 0; i < THREADS; i++)
		f->ops += threads[i].n;
	assert_int_equal(sums_of(b, "org").settled, state[0]);
	assert_int_equal(sums_of(b, "roll").settled, state[COUNTERS - 1]);
	assert_int_equal(sums_of(b, NULL).held, 0);
	budgets_free(b);
}

static void threads_as_one_after_the_other(void **state)
{
	struct figures f = {0};
	struct settings *s = fixture_settings(SETTINGS);
	struct thread *threads = calloc(THREADS, sizeof *threads);
	(void)state;
	assert_non_null(threads);
	for (long long i = 0; i < histories; i++)
		play((uint64_t)(first_seed + i), s, threads, &f);
	free(threads);
	settings_unref(s);
	print_message("%lld histories of %d threads: %llu operations, %llu refused, no difference to the "
	              "model; in %llu "
	              "histories what another had half done was in the way\n",
	              histories, THREADS, f.ops, f.refused, f.in_the_way);
	assert_true(f.refused > f.ops / 100);
}

/* The checker itself: histories that no order explains. */
static void what_cannot_be(void **state)
{
	struct thread *t = calloc(THREADS, sizeof *t);
	int64_t sums[COUNTERS];
	size_t furthest;
	(void)state;
	/* one after the other: 30,000 taken, then 20,000 more than there is */
	t[0].op[0] = (struct op){.began = 0, .ended = 1, .add = {30000, 1, 1, 1}, .refused = -1};
	t[1].op[0] = (struct op){.began = 2, .ended = 3, .add = {20000, 1, 1, 1}, .refused = -1};
	t[0].n = t[1].n = 1;
	assert_false(is_linearizable(t, true, sums, &furthest));
	assert_int_equal(furthest, 1);
	t[1].op[0].refused = 0; /* as it must be */
	assert_true(is_linearizable(t, false, sums, &furthest));
	/* refused though all of it had been given back before */
	t[0].op[1] =
	    (struct op){.began = 4, .ended = 5, .add = {-30000, -1, -1, -1}, .settles = true, .refused = -1};
	t[1].op[1] = (struct op){.began = 6, .ended = 7, .add = {20000, 1, 1, 1}, .refused = 0};
	t[0].n = t[1].n = 2;
	assert_false(is_linearizable(t, true, sums, &furthest));
	t[0].op[1].ended = 8; /* while it was given back: either may have come first */
	assert_true(is_linearizable(t, false, sums, &furthest));
	free(t);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(what_cannot_be),
	                                          cmocka_unit_test(threads_as_one_after_the_other)};
	if (argc > 1 && (!slice_to_i64(slice_of(argv[1]), &histories) || histories < 1))
		return 2;
	if (argc > 2 && !slice_to_i64(slice_of(argv[2]), &first_seed))
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
