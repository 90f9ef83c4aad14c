/* What was spent in the last minutes: only what was committed, for as long as it is recent. */
#include "unit/unit.h"

#include <stdlib.h>

#include "gateway/pulse.h"

#define SLOT_US (PULSE_SLOT_MS * INT64_C(1000))
#define USD     INT64_C(1000000000)

struct fixture {
	struct clock clock;
	struct pulse *pulse;
	struct writer_hook hook;
	int inner[4]; /* begins, rows, ends, dones */
	int fail;     /* what the inner row answers */
};

static int inner_begin(void *arg, struct ledger *l, struct error *e)
{
	(void)l, (void)e;
	((struct fixture *)arg)->inner[0]++;
	return 0;
}

static int inner_row(void *arg, struct ledger *l, const struct record *r, struct error *e)
{
	(void)l, (void)r, (void)e;
	((struct fixture *)arg)->inner[1]++;
	return ((struct fixture *)arg)->fail;
}

static int inner_end(void *arg, struct ledger *l, struct error *e)
{
	(void)l, (void)e;
	((struct fixture *)arg)->inner[2]++;
	return 0;
}

static void inner_done(void *arg, bool committed)
{
	(void)committed;
	((struct fixture *)arg)->inner[3]++;
}

static void open_fixture(struct fixture *f)
{
	*f = (struct fixture){.clock = clock_fake(INT64_C(1790000000000), 100 * SLOT_US)};
	f->pulse = pulse_new(&f->clock, 7);
	assert_non_null(f->pulse);
	struct writer_hook inner = {f, inner_begin, inner_row, inner_end, inner_done};
	f->hook = pulse_hook(f->pulse, &inner);
}

static struct record row(const char *session, const char *user, int64_t nanousd)
{
	struct record r;
	record_init(&r);
	r.who.v[ATTR_SESSION] = slice_of(session);
	r.who.v[ATTR_USER] = slice_of(user);
	r.text[TEXT_KEY_ID] = SLICE("k_1");
	r.priced = true;
	r.cost.total = nanousd;
	return r;
}

static void book(struct fixture *f, const struct record *r, bool committed)
{
	assert_int_equal(f->hook.begin(f->hook.arg, NULL, NULL), 0);
	(void)f->hook.row(f->hook.arg, NULL, r, NULL);
	assert_int_equal(f->hook.end(f->hook.arg, NULL, NULL), 0);
	f->hook.done(f->hook.arg, committed);
}

static int64_t total(const struct pulse_rate *r)
{
	int64_t sum = 0;
	for (int i = 0; i < PULSE_SLOTS; i++)
		sum += r->slot_nanousd[i];
	return sum;
}

struct listed {
	int n;
	char ids[8][32];
	int64_t nanousd[8], calls[8], refused[8], five[8];
};

static int list(void *arg, const struct pulse_session *s)
{
	struct listed *l = arg;
	snprintf(l->ids[l->n], sizeof l->ids[0], SLICE_FMT, SLICE_ARG(s->id));
	l->nanousd[l->n] = s->nanousd;
	l->calls[l->n] = s->calls;
	l->five[l->n] = s->five_nanousd;
	l->refused[l->n++] = s->refused;
	return l->n == 8;
}

static void only_what_was_committed(void **state)
{
	struct fixture f;
	struct pulse_rate rate;
	struct record r = row("a", "ana", USD);
	(void)state;
	open_fixture(&f);
	book(&f, &r, false);
	pulse_rate_of(f.pulse, SLICE_NONE, &rate);
	assert_int_equal(total(&rate), 0);
	book(&f, &r, true);
	f.fail = ERR_IO; /* the books could not take it: neither does the pulse */
	book(&f, &r, true);
	pulse_rate_of(f.pulse, SLICE_NONE, &rate);
	assert_int_equal(total(&rate), USD);
	assert_int_equal(rate.slot_nanousd[PULSE_SLOTS - 1], USD);
	assert_int_equal(rate.minute_calls, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(f.inner[i], 3);
	pulse_free(f.pulse);
}

static void the_past_goes(void **state)
{
	struct fixture f;
	struct pulse_rate rate;
	struct record r = row("a", "ana", USD);
	(void)state;
	open_fixture(&f);
	book(&f, &r, true);
	f.clock.fake_mono_us += 5 * SLOT_US;
	book(&f, &r, true);
	pulse_rate_of(f.pulse, SLICE_NONE, &rate);
	assert_int_equal(rate.slot_nanousd[PULSE_SLOTS - 6], USD);
	assert_int_equal(rate.slot_nanousd[PULSE_SLOTS - 1], USD);
	/* both are of the last minute, of which 50 s and a moment have passed */
	assert_in_range(rate.minute_nanousd, 2 * USD * 60 / 51, 2 * USD * 60 / 50);
	f.clock.fake_mono_us += 6 * SLOT_US;
	pulse_rate_of(f.pulse, SLICE_NONE, &rate);
	assert_int_equal(rate.minute_nanousd, 0);
	assert_int_equal(total(&rate), 2 * USD);
	f.clock.fake_mono_us += (PULSE_SLOTS - 8) * SLOT_US;
	pulse_rate_of(f.pulse, SLICE_NONE, &rate);
	assert_int_equal(total(&rate), USD);
	f.clock.fake_mono_us += 1000 * SLOT_US;
	book(&f, &r, true);
	pulse_rate_of(f.pulse, SLICE("ana"), &rate);
	assert_int_equal(total(&rate), USD);
	pulse_free(f.pulse);
}

static void sessions_in_order(void **state)
{
	struct fixture f;
	struct listed l = {0};
	struct pulse_rate rate;
	struct record a = row("a", "ana", 1), b = row("b", "bo", 2), refused = row("a", "ana", 0),
	              none = row("", "bo", 4);
	(void)state;
	open_fixture(&f);
	refused.ending = ENDING_REFUSED;
	book(&f, &a, true);
	uint64_t first = pulse_sessions(f.pulse, 0, list, &l);
	assert_int_equal(l.n, 1);
	l.n = 0;
	assert_true(pulse_sessions(f.pulse, first, list, &l) == first);
	assert_int_equal(l.n, 0);
	book(&f, &b, true);
	book(&f, &refused, true);
	book(&f, &none, true);
	pulse_sessions(f.pulse, first, list, &l);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.ids[0], "a");
	assert_int_equal(l.refused[0], 1);
	assert_int_equal(l.calls[0], 1);
	assert_string_equal(l.ids[1], "b");
	pulse_rate_of(f.pulse, SLICE("bo"), &rate);
	assert_int_equal(total(&rate), 2); /* by its sessions */
	pulse_rate_of(f.pulse, SLICE_NONE, &rate);
	assert_int_equal(total(&rate), 7);
	l.n = 0;
	uint64_t before = pulse_sessions(f.pulse, 0, list, &l);
	pulse_touch(f.pulse, SLICE("b"), SLICE("k_1"));
	pulse_touch(f.pulse, SLICE("b"), SLICE("k_2")); /* another's */
	l.n = 0;
	pulse_sessions(f.pulse, before, list, &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.ids[0], "b");
	pulse_free(f.pulse);
}

static void the_quiet_ones_go(void **state)
{
	struct fixture f;
	struct listed l = {0};
	char id[32];
	(void)state;
	open_fixture(&f);
	for (int i = 0; i < PULSE_SESSIONS + 3; i++) {
		snprintf(id, sizeof id, "s%d", i);
		struct record r = row(id, "ana", 1), keep = row("s0", "ana", 1);
		book(&f, &r, true);
		book(&f, &keep, true);
	}
	pulse_sessions(f.pulse, 0, list, &l);
	assert_string_equal(l.ids[0], "s0");
	assert_int_equal(l.nanousd[0], PULSE_SESSIONS + 4);
	struct pulse_rate rate;
	pulse_rate_of(f.pulse, SLICE_NONE, &rate);
	assert_int_equal(total(&rate), 2 * (PULSE_SESSIONS + 3));
	pulse_free(f.pulse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_was_committed),
	    cmocka_unit_test(the_past_goes),
	    cmocka_unit_test(sessions_in_order),
	    cmocka_unit_test(the_quiet_ones_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
