/* Who waits on a worker: the heap against a plain list, and the order of a round. */
#include "unit/unit.h"

#include <stdlib.h>

#include "gateway/held.h"

#define WAITERS 200

struct waiter {
	struct held_wait wait;
	struct crowd *crowd;
	bool waits;
	int64_t again_us; /* waits again until then when it is asked; 0: not */
};

struct crowd {
	struct held held;
	struct waiter all[WAITERS];
	struct waiter *asked[WAITERS];
	size_t asked_n;
};

static void ask(void *owner)
{
	struct waiter *w = owner;
	struct crowd *c = w->crowd;
	w->waits = false;
	assert_true(c->asked_n < WAITERS);
	c->asked[c->asked_n++] = w;
	if (w->again_us) {
		assert_true(held_add(&c->held, &w->wait, w->again_us));
		w->waits = true;
	}
}

static struct crowd *gather(void)
{
	struct crowd *c = calloc(1, sizeof *c);
	assert_non_null(c);
	for (size_t i = 0; i < WAITERS; i++) {
		c->all[i].crowd = c;
		c->all[i].wait.owner = &c->all[i];
	}
	return c;
}

static void disperse(struct crowd *c)
{
	held_free(&c->held);
	free(c);
}

static int64_t soonest(const struct crowd *c)
{
	int64_t due = -1;
	for (size_t i = 0; i < WAITERS; i++)
		if (c->all[i].waits && (due < 0 || c->all[i].wait.until_us < due))
			due = c->all[i].wait.until_us;
	return due;
}

static void heap_is_a_list(void **state)
{
	(void)state;
	struct crowd *c = gather();
	uint64_t seed = 7;
	for (int step = 0; step < 20000; step++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		struct waiter *w = &c->all[seed >> 33 & 127];
		int64_t at = (int64_t)(seed >> 40 & 1023);
		if (seed >> 60 < 9) {
			assert_true(held_add(&c->held, &w->wait, at));
			w->waits = true;
		} else if (seed >> 60 < 14) {
			held_remove(&c->held, &w->wait);
			w->waits = false;
		} else {
			c->asked_n = 0;
			held_turn(&c->held, at, false, ask);
			for (size_t i = 0; i < c->asked_n; i++)
				assert_true(c->asked[i]->wait.until_us <= at);
			assert_true(soonest(c) < 0 || soonest(c) > at);
		}
		assert_int_equal(held_next_us(&c->held), soonest(c));
	}
	disperse(c);
}

/* Those that are due are asked first come first served, also when they wait again, once each. */
static void first_come_first_served(void **state)
{
	(void)state;
	struct crowd *c = gather();
	for (size_t i = 0; i < WAITERS; i++) {
		c->all[i].wait.since_us = (int64_t)(i * 37 % WAITERS);
		c->all[i].again_us = i % 3 ? 5 : 0;
		c->all[i].waits = held_add(&c->held, &c->all[i].wait, 1000 - (int64_t)i);
	}
	held_turn(&c->held, 800, false, ask);
	assert_int_equal(c->asked_n, 0);
	held_turn(&c->held, 0, true, ask);
	assert_int_equal(c->asked_n, WAITERS);
	for (size_t i = 0; i < WAITERS; i++)
		assert_int_equal(c->asked[i]->wait.since_us, i);
	assert_int_equal(held_next_us(&c->held), 5);
	assert_int_equal(c->held.n, WAITERS - (WAITERS + 2) / 3);
	disperse(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heap_is_a_list),
	    cmocka_unit_test(first_come_first_served),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
