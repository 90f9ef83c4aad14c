/* Quotas by a clock of their own: what is admitted when, in whose turn, and what a provider's headers teach.
 */
#include <stdlib.h>

#include "policy/quota_impl.h"
#include "unit/unit.h"

#define SECOND INT64_C(1000000)
#define WALL   INT64_C(1795559400000) /* 2026-11-24 22:30 UTC */

/* --- buckets ------------------------------------------------------------------ */

static void rates(void **state)
{
	struct rate minute = {120, 60000}, odd = {7, 1000}, vast = {INT64_C(1) << 40, 1000},
	            day = {1, 86400000};
	(void)state;
	assert_int_equal(quota_rate_ns(&minute, 1), 500000000);
	assert_int_equal(quota_rate_ns(&odd, 1), 142857143); /* up, so that never more are admitted */
	assert_int_equal(quota_rate_ns(&vast, 1), 1);
	assert_int_equal(quota_rate_ns(&day, INT64_MAX), INT64_MAX / 4);
	assert_int_equal(quota_bucket_ready(0, 10, 5, 100), 100);
	assert_int_equal(quota_bucket_ready(104, 10, 5, 100), 100);
	assert_int_equal(quota_bucket_ready(106, 10, 5, 100), 101);
	assert_int_equal(quota_bucket_ready(106, 10, 50, 100),
	                 106); /* more than the burst: when all is there */
}

/* --- calls -------------------------------------------------------------------- */

struct caller {
	struct quota_ticket t;
	struct quota_ask a;
	struct record r;
	struct facts f;
	int woken;
};

static struct arena mem;
static struct quota *q;
static int64_t now;

static void woken(void *arg)
{
	((struct caller *)arg)->woken++;
}

static void caller(struct caller *c, const struct quota_rule *rules, size_t n, const char *user)
{
	*c = (struct caller){0};
	record_init(&c->r);
	c->r.who.v[ATTR_USER] = slice_of(user);
	c->f.record = &c->r;
	c->a = (struct quota_ask){.rules = rules,
	                          .rules_n = n,
	                          .facts = &c->f,
	                          .user = slice_of(user),
	                          .tokens = 100,
	                          .wake = woken,
	                          .wake_arg = c};
}

static bool ask(struct caller *c, int64_t *until)
{
	int64_t u;
	return quota_ask(q, &c->t, &c->a, &mem, now, until ? until : &u) == QUOTA_ON;
}

static void end(struct caller *c, int64_t tokens)
{
	quota_end(&c->t, true, tokens, now);
}

static int set_up(void **state)
{
	(void)state;
	arena_init(&mem, 1 << 22);
	q = quota_new(1024);
	now = 1000 * SECOND;
	return q ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	quota_free(q);
	arena_release(&mem);
	return 0;
}

static struct field_ref EACH_USER[] = {{FIELD_USER, {NULL, 0}}};

/* Whatever the order of asking, in any time t no more than burst + rate * t, and no less when it is wanted.
 */
static void exact(void **state)
{
	struct quota_rule rule = {.rule = {.name = SLICE("r")}, .requests = {10, 1000}, .burst_ms = 2000};
	struct caller c;
	int admitted = 0;
	(void)state;
	for (int64_t from = now; now < from + 30 * SECOND; now += SECOND / 100) {
		for (int i = 0; i < 3; i++) {
			caller(&c, &rule, 1, "ana");
			if (ask(&c, NULL)) {
				admitted++;
				end(&c, -1);
			} else {
				quota_end(&c.t, false, -1, now);
			}
		}
		assert_true(admitted <= 20 + (now - from) * 10 / SECOND);
	}
	assert_in_range(admitted, 319, 320);
}

static void told_when(void **state)
{
	struct quota_rule rule = {.rule = {.name = SLICE("burst")},
	                          .each = EACH_USER,
	                          .each_n = 1,
	                          .requests = {2, 60000},
	                          .burst_ms = 60000};
	struct caller c[3], bo;
	struct quota_why why;
	int64_t until;
	(void)state;
	for (int i = 0; i < 3; i++) {
		caller(&c[i], &rule, 1, "ana");
		assert_int_equal(ask(&c[i], &until), i < 2);
	}
	assert_in_range(until, now + 2000, now + SECOND); /* looked at again soon, in case a call ends */
	quota_why(&c[2].t, &c[2].a, &mem, now, &why);
	assert_true(slice_eq(why.what, SLICE("Quota \"burst\" of ana is used up: 2 requests a minute")));
	assert_string_equal(why.rule, "burst");
	assert_int_equal(why.retry_us, 30 * SECOND);
	caller(&bo, &rule, 1, "bo");
	assert_true(ask(&bo, NULL)); /* a bucket for each */
	now += 30 * SECOND - 1;
	assert_false(ask(&c[2], NULL));
	now += 1;
	assert_true(ask(&c[2], NULL));
	/* a call that never left gives back what it took */
	quota_end(&c[2].t, false, -1, now);
	caller(&c[2], &rule, 1, "ana");
	assert_true(ask(&c[2], NULL));
	for (int i = 0; i < 3; i++)
		end(&c[i], -1);
	end(&bo, -1);
}

static void tokens_in_debt(void **state)
{
	struct quota_rule rule = {.rule = {.name = SLICE("t")}, .tokens = {1000, 1000}, .burst_ms = 1000};
	struct caller a, b;
	(void)state;
	caller(&a, &rule, 1, "ana");
	assert_true(ask(&a, NULL)); /* 100 as estimated */
	caller(&b, &rule, 1, "ana");
	assert_true(ask(&b, NULL));
	end(&b, 0);    /* it used none */
	end(&a, 5000); /* 5 s worth */
	caller(&b, &rule, 1, "ana");
	assert_false(ask(&b, NULL));
	now += 4100 * SECOND / 1000 - 1;
	assert_false(ask(&b, NULL));
	now += 1;
	assert_true(ask(&b, NULL));
	end(&b, -1); /* unknown: as estimated */
	/* one call larger than the burst passes when all of it is there, or it never would */
	now += 10 * SECOND;
	caller(&b, &rule, 1, "ana");
	b.a.tokens = 50000;
	assert_true(ask(&b, NULL));
	end(&b, 50000);
	caller(&b, &rule, 1, "ana");
	now += 49 * SECOND;
	assert_false(ask(&b, NULL));
	now += SECOND;
	assert_true(ask(&b, NULL));
	end(&b, 0);
}

static void in_flight(void **state)
{
	struct quota_rule rule = {.rule = {.name = SLICE("c")}, .concurrent = 2};
	struct caller c[4];
	(void)state;
	for (int i = 0; i < 4; i++) {
		caller(&c[i], &rule, 1, i == 3 ? "bo" : "ana");
		assert_int_equal(ask(&c[i], NULL), i < 2);
	}
	end(&c[0], -1);
	assert_int_equal(c[2].woken, 1); /* whose turn it is */
	assert_int_equal(c[3].woken, 0);
	assert_false(ask(&c[3], NULL));
	assert_true(ask(&c[2], NULL));
	quota_end(&c[2].t, false, -1, now); /* the client left: the place is free again */
	assert_int_equal(c[3].woken, 1);
	assert_true(ask(&c[3], NULL));
	end(&c[1], -1);
	end(&c[3], -1);
}

/* One that was let through and gave up before it knew takes nothing with it. */
static void gone_when_let_through(void **state)
{
	struct quota_rule rule = {.rule = {.name = SLICE("c")}, .concurrent = 1};
	struct caller a, b, c;
	(void)state;
	caller(&a, &rule, 1, "ana");
	caller(&b, &rule, 1, "bo");
	caller(&c, &rule, 1, "cy");
	assert_true(ask(&a, NULL));
	assert_false(ask(&b, NULL));
	assert_false(ask(&c, NULL));
	end(&a, -1);
	assert_int_equal(b.woken, 1);
	quota_end(&b.t, false, -1, now);
	assert_int_equal(c.woken, 1);
	assert_true(ask(&c, NULL));
	end(&c, -1);
}

/* Interactive work first; between users by tokens, whoever has more calls waiting. */
static void whose_turn(void **state)
{
	enum { N = 40 };
	struct quota_rule rule = {.rule = {.name = SLICE("c")}, .concurrent = 1};
	static struct caller first, busy[N], other[N], ci;
	int64_t got[2] = {0, 0};
	(void)state;
	caller(&first, &rule, 1, "x");
	assert_true(ask(&first, NULL));
	caller(&ci, &rule, 1, "robot");
	ci.a.ci = true;
	assert_false(ask(&ci, NULL));
	for (int i = 0; i < N; i++) {
		caller(&busy[i], &rule, 1, "busy");
		busy[i].a.tokens = 30000;
		assert_false(ask(&busy[i], NULL));
	}
	for (int i = 0; i < N; i++) {
		caller(&other[i], &rule, 1, "other");
		other[i].a.tokens = 5000;
		assert_false(ask(&other[i], NULL));
	}
	struct caller *running = &first;
	for (int served = 0; served < 2 * N; served++) {
		struct caller *next = NULL;
		end(running, -1);
		for (int i = 0; i < N; i++) {
			next = busy[i].woken == 1 ? &busy[i] : other[i].woken == 1 ? &other[i] : next;
			if (next)
				break;
		}
		assert_non_null(next);
		assert_int_equal(ci.woken, 0);
		assert_true(ask(next, NULL));
		next->woken = 2;
		got[next >= other && next < other + N] += next->a.tokens;
		if (got[1] < (N - 1) * 5000) /* while both wait: a round and a call ahead at most */
			assert_true(llabs(got[0] - got[1]) <= QUANTUM + 30000);
		running = next;
	}
	end(running, -1);
	assert_int_equal(ci.woken, 1);
	assert_true(ask(&ci, NULL));
	end(&ci, -1);
}

/* Nobody overtakes who waits. */
static void in_order(void **state)
{
	struct quota_rule rule = {.rule = {.name = SLICE("r")}, .requests = {1, 1000}, .burst_ms = 1000};
	struct caller a, b, c;
	(void)state;
	caller(&a, &rule, 1, "ana");
	caller(&b, &rule, 1, "ana");
	caller(&c, &rule, 1, "ana");
	assert_true(ask(&a, NULL));
	assert_false(ask(&b, NULL));
	now += SECOND;
	assert_false(ask(&c, NULL)); /* there is room for one, and b was first */
	assert_int_equal(b.woken, 1);
	assert_true(ask(&b, NULL));
	now += SECOND;
	assert_true(ask(&c, NULL));
	end(&a, -1);
	end(&b, -1);
	end(&c, -1);
}

static void in_shadow(void **state)
{
	struct quota_rule rule = {
	    .rule = {.name = SLICE("w"), .mode = MODE_SHADOW}, .requests = {1, 60000}, .concurrent = 5};
	struct caller a, b;
	(void)state;
	caller(&a, &rule, 1, "ana");
	assert_true(ask(&a, NULL));
	assert_int_equal(a.t.shadow.n, 0);
	caller(&b, &rule, 1, "ana");
	assert_true(ask(&b, NULL));
	assert_true(
	    slice_eq(b.t.shadow, SLICE("quota \"w\" would hold it back: 1 requests a minute, 5 at once")));
	end(&a, -1);
	end(&b, -1);
	now += 60 * SECOND; /* what was over the rate did not count */
	caller(&a, &rule, 1, "ana");
	assert_true(ask(&a, NULL));
	assert_int_equal(a.t.shadow.n, 0);
	end(&a, -1);
}

/* Idle counters go when there is no room, those in debt stay, and a full table holds back. */
static void table_full(void **state)
{
	struct quota_rule rule = {.rule = {.name = SLICE("r")},
	                          .each = EACH_USER,
	                          .each_n = 1,
	                          .requests = {1, 3600000},
	                          .burst_ms = 3600000};
	struct quota_stats s;
	struct caller c;
	char user[32];
	int admitted = 0;
	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(user, sizeof user, "u%d", i);
		caller(&c, &rule, 1, user);
		admitted += ask(&c, NULL);
		end(&c, -1);
	}
	quota_stats_get(q, &s);
	assert_int_equal(s.stations, 1024);
	assert_true(admitted >= 1024 && admitted < 1200);
	assert_true(s.refused_full > 3000);
	now += 3601 * SECOND;
	caller(&c, &rule, 1, "new");
	assert_true(ask(&c, NULL));
	end(&c, -1);
}

/* --- a provider's own limits -------------------------------------------------- */

static void provider_caller(struct caller *c, const char *user)
{
	caller(c, NULL, 0, user);
	c->a.provider = SLICE("openai");
	c->a.model = SLICE("gpt-5");
}

static void learn(struct caller *c, int status, const struct header *h, size_t n)
{
	struct headers all = {h, n};
	quota_learn(&c->t, status, &all, now, WALL);
}

static void told_to_wait(void **state)
{
	static const struct header wait[] = {{SLICE("retry-after"), SLICE("20")}};
	struct caller c[9], other;
	struct quota_stats s;
	(void)state;
	for (int i = 0; i < 4; i++) {
		provider_caller(&c[i], "ana");
		assert_true(ask(&c[i], NULL)); /* nothing is known */
	}
	learn(&c[0], 429, wait, 1);
	learn(&c[0], 429, wait, 1); /* said once */
	quota_stats_get(q, &s);
	assert_int_equal(s.throttled, 1);
	for (int i = 4; i < 9; i++) {
		provider_caller(&c[i], "ana");
		assert_false(ask(&c[i], NULL));
	}
	provider_caller(&other, "ana");
	other.a.model = SLICE("gpt-5-mini");
	assert_true(ask(&other, NULL)); /* another limit */
	end(&other, -1);
	for (int i = 0; i < 4; i++)
		end(&c[i], -1);
	now += 20 * SECOND - 1;
	assert_false(ask(&c[4], NULL));
	now += 1;
	/* half of the four that flew, not all that wait */
	assert_true(ask(&c[4], NULL));
	assert_int_equal(c[5].woken, 1);
	assert_true(ask(&c[5], NULL));
	assert_false(ask(&c[6], NULL));
	learn(&c[4], 200, NULL, 0); /* it goes well: one more */
	assert_true(ask(&c[6], NULL));
	assert_false(ask(&c[7], NULL));
	for (int i = 4; i < 9; i++)
		end(&c[i], -1);
}

static void backs_off(void **state)
{
	struct caller c;
	static const int64_t waits[] = {1, 2, 4, 8, 16, 32, 64, 64};
	(void)state;
	for (size_t i = 0; i < COUNT(waits); i++) {
		provider_caller(&c, "ana");
		assert_true(ask(&c, NULL));
		learn(&c, 429, NULL, 0);
		end(&c, -1);
		provider_caller(&c, "ana");
		now += waits[i] * SECOND - 1;
		assert_false(ask(&c, NULL));
		quota_end(&c.t, false, -1, now);
		now += 1;
	}
	provider_caller(&c, "ana");
	assert_true(ask(&c, NULL));
	learn(&c, 503, NULL, 0); /* says nothing of a limit */
	end(&c, -1);
	provider_caller(&c, "ana");
	assert_true(ask(&c, NULL));
	end(&c, -1);
}

static void headers_of_limits(void **state)
{
	static const struct header openai[] = {{SLICE("X-RateLimit-Limit-Requests"), SLICE("60")},
	                                       {SLICE("x-ratelimit-remaining-requests"), SLICE("1")},
	                                       {SLICE("x-ratelimit-reset-requests"), SLICE("59s")}};
	static const struct header anthropic[] = {
	    {SLICE("anthropic-ratelimit-tokens-limit"), SLICE("10000")},
	    {SLICE("anthropic-ratelimit-tokens-remaining"), SLICE("0")},
	    {SLICE("anthropic-ratelimit-tokens-reset"), SLICE("2026-11-24T22:30:50Z")}};
	struct caller c, d;
	(void)state;
	provider_caller(&c, "ana");
	assert_true(ask(&c, NULL));
	learn(&c, 200, openai, 3);
	end(&c, -1);
	provider_caller(&c, "ana");
	assert_true(ask(&c, NULL)); /* the one that is left */
	provider_caller(&d, "ana");
	assert_false(ask(&d, NULL));
	now += SECOND - 2000;
	assert_false(ask(&d, NULL));
	now += 4000; /* one comes back each second */
	assert_true(ask(&d, NULL));
	end(&c, -1);
	end(&d, -1);
	/* tokens: none left, 10,000 in 50 s, so 100 after half a second */
	provider_caller(&c, "ana");
	c.a.model = SLICE("opus");
	assert_true(ask(&c, NULL));
	learn(&c, 200, anthropic, 3);
	end(&c, -1);
	provider_caller(&c, "ana");
	c.a.model = SLICE("opus");
	now += SECOND / 2 - 1;
	assert_false(ask(&c, NULL));
	now += 1;
	assert_true(ask(&c, NULL));
	end(&c, -1);
	now += 51 * SECOND; /* what comes after the reset is not known */
	for (int i = 0; i < 50; i++) {
		provider_caller(&c, "ana");
		c.a.model = SLICE("opus");
		c.a.tokens = 9000;
		assert_true(ask(&c, NULL));
		end(&c, -1);
	}
}

/* What is no figure teaches nothing. */
static void nonsense(void **state)
{
	static const struct header bad[][3] = {
	    {{SLICE("x-ratelimit-limit-requests"), SLICE("-5")},
	     {SLICE("x-ratelimit-remaining-requests"), SLICE("0")},
	     {SLICE("x-ratelimit-reset-requests"), SLICE("1s")}},
	    {{SLICE("x-ratelimit-limit-requests"), SLICE("5")},
	     {SLICE("x-ratelimit-remaining-requests"), SLICE("0")},
	     {SLICE("x-ratelimit-reset-requests"), SLICE("soon")}},
	    {{SLICE("x-ratelimit-limit-requests"), SLICE("5")},
	     {SLICE("x-ratelimit-remaining-requests"), SLICE("7")},
	     {SLICE("x-ratelimit-reset-requests"), SLICE("1h2m3.5s")}},
	    {{SLICE("x-ratelimit-limit-requests"), SLICE("99999999999999999999")},
	     {SLICE("x-ratelimit-remaining-requests"), SLICE("0")},
	     {SLICE("x-ratelimit-reset-requests"), SLICE("999999999999h")}},
	};
	struct caller c;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		provider_caller(&c, "ana");
		assert_true(ask(&c, NULL));
		learn(&c, 200, bad[i], 3);
		end(&c, -1);
	}
	provider_caller(&c, "ana");
	assert_true(ask(&c, NULL));
	end(&c, -1);
}

/* A block longer than a call may wait, of the client's own account: the provider says so itself. */
static void own_account(void **state)
{
	static const struct header hours[] = {{SLICE("retry-after"), SLICE("500")}};
	struct caller c;
	(void)state;
	for (int own = 0; own < 2; own++) {
		provider_caller(&c, "ana");
		c.a.own = own;
		c.a.account = (uint64_t)own * 7;
		assert_true(ask(&c, NULL));
		learn(&c, 429, hours, 1);
		end(&c, -1);
		provider_caller(&c, "ana");
		c.a.own = own;
		c.a.account = (uint64_t)own * 7;
		assert_int_equal(ask(&c, NULL), own);
		end(&c, -1);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rates),
	    T(exact),
	    T(told_when),
	    T(tokens_in_debt),
	    T(in_flight),
	    T(whose_turn),
	    T(in_order),
	    T(gone_when_let_through),
	    T(in_shadow),
	    T(table_full),
	    T(told_to_wait),
	    T(backs_off),
	    T(headers_of_limits),
	    T(nonsense),
	    T(own_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
