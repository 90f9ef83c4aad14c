/* Whole schedules of simulated agents against the real counters: 256 of them, of mixed models and sizes,
 *spend one $100 budget down to refusal; streamed and not, with visible and hidden reasoning; clients abort,
 *providers fail, and the process is killed and counts again from ledger and journal. After every step
 *
 *	settled + held <= limit, of every budget, by the counters and by plain books kept beside them;
 *	what each provider has really run up <= what is held for its call in the journal;
 *	each admission and each settlement came out as the plain books say.
 *
 * Next to it the same agents with a gateway that checks before the call and charges after it.
 *
 * usage: test_budget_sim [SCHEDULES [FIRST_SEED]], 100 by default; prints a line of figures. */
#include "unit/policy/budget_fixture.h"

#include "base/num.h"

#define AGENTS      256
#define LIMIT_USD   (100 * USD)
#define FLOOR       1024 /* tokens of output below which a clamped call is refused */
#define KILL_ONE_IN 30000

static const char SETTINGS[] = "budgets:\n"
                               "  - {name: all, window: total, limit: 100 USD}\n"
                               "  - {name: team, each: team, window: month, limit: 60 USD}\n"
                               "  - {name: calls, each: user, window: day, limit: 100000 requests}\n";
static const char *const teams[] = {"web", "payments"};

/* Nano-dollars for a token. A hold takes all input as written to a cache for an hour. */
static const struct {
	int64_t fresh, written, read, output, most;
} models[] = {
    {1000, 2000, 100, 5000, 8192},
    {3000, 6000, 300, 15000, 64000},
    {5000, 10000, 500, 25000, 32000},
};

#define SEARCH_USD (USD / 100)
#define SEARCHES   6

enum phase { ASKS, RUNS, STOPPED };

struct agent {
	enum phase phase;
	size_t model;
	bool streams, visible;
	int64_t input, cached, output; /* what the call will really use */
	int64_t made, passed;          /* tokens of output: generated, seen by the gateway */
	int64_t offered, searched; /* web searches of the provider's: the most there can be, made so far */
	struct budget_output cover;
	int64_t journal_usd; /* the hold as the journal has it */
	struct budget_hold hold;
};

struct world {
	uint64_t seed;
	struct settings *settings;
	struct budgets *budgets;
	struct caller caller;
	struct agent agent[AGENTS];
	struct budget_sizes sizes;
	/* the plain books */
	int64_t settled, held, team_settled[2], team_held[2];
	int64_t real; /* by the providers' own books */
	int running;
	unsigned kills, aborts, cut, clamped, refused, calls;
};

static uint64_t roll(struct world *w, uint64_t below)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (w->seed >> 33) % below;
}

/* About exponential: sizes of answers are mostly small and sometimes not. */
static int64_t size_about(struct world *w, int64_t mean)
{
	int64_t n = 0;
	for (int i = 0; i < 6 && (i == 0 || roll(w, 3) == 0); i++)
		n += (int64_t)roll(w, (uint64_t)mean * 4 / 3) + 1;
	return n;
}

static int64_t real_usd(const struct agent *a)
{
	return (a->input - a->cached) * models[a->model].fresh + a->cached * models[a->model].read +
	       a->made * models[a->model].output + a->searched * SEARCH_USD;
}

static struct budget_need need_of(const struct agent *a, int64_t output)
{
	int64_t bound = a->input + a->input / 8 + 500;
	return (struct budget_need){.usd = bound * models[a->model].written +
	                                   output * models[a->model].output + a->offered * SEARCH_USD,
	                            .input = bound,
	                            .output = output,
	                            .calls = 1};
}

static size_t team_of(const struct world *w, const struct agent *a)
{
	return (size_t)(a - w->agent) % COUNT(teams);
}

static void ask_as(struct world *w, const struct agent *a)
{
	static char users[AGENTS][8];
	size_t i = (size_t)(a - w->agent);
	snprintf(users[i], sizeof users[i], "u%zu", i % 40);
	w->caller.r.who.v[ATTR_USER] = slice_of(users[i]);
	w->caller.r.who.v[ATTR_TEAM] = slice_of(teams[team_of(w, a)]);
}

/* --- the invariant -------------------------------------------------------------------------------- */

static int64_t committed_of(struct budgets *b, const char *name)
{
	struct sums s = sums_of(b, name);
	return s.settled + s.held;
}

static void check_world(struct world *w, bool whole)
{
	assert_true(w->settled + w->held <= LIMIT_USD);
	for (size_t t = 0; t < COUNT(teams); t++)
		assert_true(w->team_settled[t] + w->team_held[t] <= 60 * USD);
	if (!whole)
		return;
	assert_int_equal(committed_of(w->budgets, "all"), w->settled + w->held);
	assert_int_equal(committed_of(w->budgets, "team"), w->settled + w->held);
}

static bool books_say(const struct world *w, const struct agent *a, int64_t usd)
{
	size_t t = team_of(w, a);
	return w->settled + w->held + usd <= LIMIT_USD &&
	       w->team_settled[t] + w->team_held[t] + usd <= 60 * USD;
}

static void books_hold(struct world *w, const struct agent *a, int64_t usd)
{
	w->held += usd;
	w->team_held[team_of(w, a)] += usd;
}

static void books_settle(struct world *w, const struct agent *a, int64_t held, int64_t used)
{
	books_hold(w, a, -held);
	w->settled += used;
	w->team_settled[team_of(w, a)] += used;
}

/* --- a call --------------------------------------------------------------------------------------- */

static bool try_take(struct world *w, struct agent *a, int64_t output)
{
	struct budget_why why;
	struct budget_need need = need_of(a, output);
	bool ok = budget_take(w->budgets, &a->hold, &need, &why) == BUDGET_OK;
	assert_int_equal(ok, books_say(w, a, need.usd)); /* as a sequential model says */
	if (ok) {
		books_hold(w, a, need.usd);
		a->journal_usd = need.usd;
		a->cover.held = output;
	}
	return ok;
}

/* What the gateway does when it is asked: whole answers are held whole or clamped, streams by a slice. */
static bool admit(struct world *w, struct agent *a)
{
	struct budget_why why;
	struct budget_need base = need_of(a, 0);
	bool sliced = a->streams && a->visible;
	ask_as(w, a);
	assert_int_equal(
	    budget_match(w->budgets, w->settings, &w->caller.f, 0, &w->caller.clock, &a->hold, &why),
	    BUDGET_OK);
	a->cover = (struct budget_output){.most = models[a->model].most};
	int64_t usual = budget_sizes_usual(&w->sizes, a->model);
	int64_t first = sliced ? budget_output_first(&a->cover, usual) : a->cover.most;
	if (try_take(w, a, first))
		return true;
	int64_t room = budget_output_room(&a->hold, &base, models[a->model].output * 1000000);
	if (room >= FLOOR && room < first) {
		w->clamped++;
		if (!sliced)
			a->cover.most = room = budget_output_share(room, usual);
		if (try_take(w, a, room))
			return true;
	}
	budget_release(w->budgets, &a->hold);
	return false;
}

static void begin_call(struct world *w, struct agent *a)
{
	a->streams = roll(w, 4) != 0;
	a->visible = roll(w, 3) != 0;
	a->input = 2000 + size_about(w, 20000);
	a->cached = (int64_t)roll(w, (uint64_t)a->input);
	a->output = size_about(w, 900);
	a->made = a->passed = a->searched = 0;
	a->offered = roll(w, 4) == 0 ? 1 + (int64_t)roll(w, SEARCHES) : 0;
	if (!admit(w, a)) {
		a->phase = STOPPED;
		w->refused++;
		return;
	}
	a->output = num_min_i64(a->output, a->cover.most);
	a->phase = RUNS;
	w->running++;
	w->calls++;
}

/* The end on every path: the record is final first, then the counters follow. */
static void end_call(struct world *w, struct agent *a, enum phase next)
{
	int64_t used = real_usd(a), held = a->journal_usd;
	struct budget_need need = {.usd = used, .input = a->input, .output = a->made, .calls = 1};
	assert_true(used <= held);
	budget_settle(w->budgets, &a->hold, &need);
	books_settle(w, a, held, used);
	w->real += used;
	w->running--;
	budget_sizes_learn(&w->sizes, a->model, a->made);
	a->phase = next;
}

/* More output comes: it is paid for before it passes on, or the stream ends here. */
static void more_output(struct world *w, struct agent *a)
{
	if (a->searched < a->offered && roll(w, 2) == 0)
		a->searched++;
	/* what is on its way is not seen yet, and never more than a slice leaves room for */
	int64_t left = a->output - a->made;
	a->made += num_min_i64(left, 1 + (int64_t)roll(w, 400));
	if (!a->streams || !a->visible)
		return;
	a->passed = a->made - num_min_i64(a->made, (int64_t)roll(w, BUDGET_SLICE_ROOM));
	int64_t more = budget_output_next(&a->cover, a->passed) - a->cover.held;
	if (more == 0)
		return;
	struct budget_why why;
	struct budget_need need = {.usd = more * models[a->model].output, .output = more};
	bool ok = budget_extend(w->budgets, &a->hold, &need, &why) == BUDGET_OK;
	assert_int_equal(ok, books_say(w, a, need.usd));
	if (!ok) {
		w->cut++;
		end_call(w, a, ASKS);
		return;
	}
	books_hold(w, a, need.usd);
	a->journal_usd += need.usd;
	a->cover.held += more;
}

static void step_agent(struct world *w, struct agent *a)
{
	if (a->phase == STOPPED)
		return;
	if (a->phase == ASKS) {
		begin_call(w, a);
		return;
	}
	more_output(w, a);
	if (a->phase != RUNS)
		return;
	assert_true(real_usd(a) <= a->journal_usd); /* a crash now would book enough */
	if (a->made >= a->output) {
		end_call(w, a, ASKS);
	} else if (roll(w, 60) == 0) { /* the client left, or the provider broke off */
		w->aborts++;
		end_call(w, a, ASKS);
	}
}

/* --- a kill, and the next start ------------------------------------------------------------------- */

static void load(struct world *w, const struct budget_rule *r, slice key, int64_t amount)
{
	struct budget_entry e = {.amount = amount, .key_n = key.n, .from_ms = w->caller.r.time_ms};
	memcpy(e.key, key.p ? key.p : "", key.n);
	assert_int_equal(budget_load(w->budgets, r, &e, &w->caller.clock), 0);
}

static void kill_process(struct world *w)
{
	w->kills++;
	for (size_t i = 0; i < AGENTS; i++) {
		struct agent *a = &w->agent[i];
		if (a->phase != RUNS)
			continue;
		/* the journal's: what was held is booked */
		w->real += real_usd(a);
		books_settle(w, a, a->journal_usd, a->journal_usd);
		a->phase = ASKS;
		a->hold = (struct budget_hold){0};
		w->running--;
	}
	budgets_free(w->budgets);
	w->budgets = budgets_new(4096, w->seed);
	assert_non_null(w->budgets);
	w->caller.b = w->budgets;
	load(w, &w->settings->budgets[0], SLICE_NONE, w->settled);
	for (size_t t = 0; t < COUNT(teams); t++)
		load(w, &w->settings->budgets[1], slice_of(teams[t]), w->team_settled[t]);
	fixture_loaded(w->budgets, w->settings);
	check_world(w, true);
}

/* --- schedules ------------------------------------------------------------------------------------ */

static void world_begin(struct world *w, uint64_t seed, struct settings *s)
{
	memset(w, 0, sizeof *w);
	w->seed = seed * 2 + 1;
	w->settings = s;
	w->budgets = budgets_new(4096, seed);
	assert_non_null(w->budgets);
	fixture_loaded(w->budgets, s);
	caller_init(&w->caller, w->budgets, s, at("2026-11-24T12:00:00Z"));
	for (size_t i = 0; i < AGENTS; i++)
		w->agent[i].model = roll(w, COUNT(models));
}

static bool any_left(const struct world *w)
{
	for (size_t i = 0; i < AGENTS; i++)
		if (w->agent[i].phase != STOPPED)
			return true;
	return false;
}

struct figures {
	int64_t least, most, overshoot_most, overshoot_sum; /* used; what the other gateway overspends */
	uint64_t calls, aborts, kills, cut, clamped;
};

static void play(uint64_t seed, struct settings *s, struct figures *f)
{
	static struct world w;
	world_begin(&w, seed, s);
	for (uint64_t step = 1; step % 1024 || any_left(&w); step++) {
		if (roll(&w, KILL_ONE_IN) == 0)
			kill_process(&w);
		step_agent(&w, &w.agent[roll(&w, AGENTS)]);
		check_world(&w, step % 64 == 0);
	}
	assert_int_equal(w.held, 0);
	assert_true(w.real <= w.settled);
	f->least = num_min_i64(f->least, w.settled);
	f->most = num_max_i64(f->most, w.settled);
	f->calls += w.calls;
	f->aborts += w.aborts;
	f->kills += w.kills;
	f->cut += w.cut;
	f->clamped += w.clamped;
	budgets_free(w.budgets);
}

/* The same agents where a call may go while less than the limit is spent, and is charged when it ends. */
static void play_check_then_charge(uint64_t seed, struct settings *s, struct figures *f)
{
	static struct world w;
	int64_t spent = 0;
	size_t stopped = 0;
	world_begin(&w, seed, s);
	while (stopped < AGENTS || w.running) {
		struct agent *a = &w.agent[roll(&w, AGENTS)];
		if (a->phase == STOPPED)
			continue;
		if (a->phase == ASKS && spent >= LIMIT_USD) {
			a->phase = STOPPED;
			stopped++;
		} else if (a->phase == ASKS) {
			a->input = 2000 + size_about(&w, 20000);
			a->cached = (int64_t)roll(&w, (uint64_t)a->input);
			a->output = num_min_i64(size_about(&w, 900), models[a->model].most);
			a->made = 0;
			a->phase = RUNS;
			w.running++;
		} else {
			a->made += num_min_i64(a->output - a->made, 1 + (int64_t)roll(&w, 400));
			if (a->made >= a->output || roll(&w, 60) == 0) {
				spent += real_usd(a);
				a->phase = ASKS;
				w.running--;
			}
		}
	}
	budgets_free(w.budgets);
	f->overshoot_most = num_max_i64(f->overshoot_most, spent - LIMIT_USD);
	f->overshoot_sum += spent - LIMIT_USD;
}

static long long schedules = 100, first_seed = 1;

static void spend_down(void **state)
{
	struct figures f = {.least = INT64_MAX};
	(void)state;
	struct settings *s = fixture_settings(SETTINGS);
	for (long long i = 0; i < schedules; i++) {
		play((uint64_t)(first_seed + i), s, &f);
		play_check_then_charge((uint64_t)(first_seed + i), s, &f);
	}
	settings_unref(s);
	print_message(
	    "%lld schedules of %d agents: overshoot $0, used %lld.%02lld %% to %lld.%02lld %% of $100; "
	    "%llu calls, %llu aborted, %llu streams cut, %llu clamped, %llu kills; check-then-charge "
	    "overshoots by $%lld.%02lld (mean), $%lld.%02lld (most)\n",
	    schedules, AGENTS, (long long)(f.least / USD), (long long)(f.least % USD / (USD / 100)),
	    (long long)(f.most / USD), (long long)(f.most % USD / (USD / 100)), (unsigned long long)f.calls,
	    (unsigned long long)f.aborts, (unsigned long long)f.cut, (unsigned long long)f.clamped,
	    (unsigned long long)f.kills, (long long)(f.overshoot_sum / schedules / USD),
	    (long long)(f.overshoot_sum / schedules % USD / (USD / 100)), (long long)(f.overshoot_most / USD),
	    (long long)(f.overshoot_most % USD / (USD / 100)));
	assert_true(f.least >= 97 * USD);
	assert_true(f.overshoot_most > 0); /* the other gateway shows what is avoided */
	assert_true(schedules < 10 || (f.kills && f.cut && f.clamped && f.aborts));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(spend_down)};
	if (argc > 1 && (!slice_to_i64(slice_of(argv[1]), &schedules) || schedules < 1))
		return 2;
	if (argc > 2 && !slice_to_i64(slice_of(argv[2]), &first_seed))
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
