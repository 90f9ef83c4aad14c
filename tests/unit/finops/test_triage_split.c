/* The parts of a rise are exactly the rise, whatever changed; the factors multiply to it; a change of one
 * factor alone is that factor's part alone. */
#include "unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "finops/triage_split.h"

#define USD 1000000000.0

static uint64_t seed = 88172645463325252ull;

static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) / 9007199254740992.0;
}

/* Price of a token by kind of input, and of output, in nano-dollars. */
static const double price[TAKINGS_INPUTS] = {3000, 300, 3750, 6000};

static void fill_model(struct split_model *m, double calls, double input, double read, double output,
                       double dearer)
{
	double share[TAKINGS_INPUTS] = {(1 - read) * 0.3, read, (1 - read) * 0.7, 0};
	*m = (struct split_model){.calls = calls, .output = calls * output};
	for (int k = 0; k < TAKINGS_INPUTS; k++) {
		m->tokens[k] = calls * input * share[k];
		m->money[k] = m->tokens[k] * price[k] * dearer;
		m->spent += m->money[k];
	}
	m->output_money = m->output * 15000 * dearer;
	m->spent += m->output_money;
}

static void sum(struct split_side *s)
{
	double spent = 0;
	for (size_t i = 0; i < s->models_n; i++)
		spent += s->models[i].spent;
	s->spent = (int64_t)llround(spent);
}

static struct split_side usual(void)
{
	struct split_side s = {.users = 10, .sessions = 20, .models_n = 2};
	fill_model(&s.models[0], 400, 50000, 0.9, 500, 1);
	fill_model(&s.models[1], 100, 20000, 0.5, 200, 2);
	sum(&s);
	return s;
}

static void check(const struct split_side *before, const struct split_side *after, struct split_result *out)
{
	int64_t parts = 0;
	double times = 1;
	split_rise(before, after, out);
	for (int f = 0; f < SPLIT_N; f++) {
		parts += out->part[f].nanousd;
		times *= out->part[f].times;
	}
	assert_int_equal(parts, after->spent - before->spent);
	if (before->spent > 0 && after->spent > 0) {
		double whole = (double)after->spent / (double)before->spent;
		assert_true(fabs(times / whole - 1) < 1e-6);
	}
}

/* All of the rise is one factor's. */
static void is_only(const struct split_side *after, enum split f)
{
	struct split_side before = usual();
	struct split_result r;
	check(&before, after, &r);
	for (int i = 0; i < SPLIT_N; i++) {
		double share = (double)r.part[i].nanousd / (double)(after->spent - before.spent);
		if (fabs(share - (i == (int)f)) > 1e-6)
			fail_msg("%s has %.3f of a rise by %s", split_name((enum split)i), share,
			         split_name(f));
	}
}

static void one_change_is_one_part(void **state)
{
	struct split_side s;
	(void)state;
	s = usual(); /* three times as many people with as many sessions each */
	s.users *= 3;
	s.sessions *= 3;
	fill_model(&s.models[0], 1200, 50000, 0.9, 500, 1);
	fill_model(&s.models[1], 300, 20000, 0.5, 200, 2);
	sum(&s);
	is_only(&s, SPLIT_USERS);
	s.users = 10;
	is_only(&s, SPLIT_SESSIONS);
	s.sessions = 20;
	is_only(&s, SPLIT_TURNS);
	s.models[0].again = 800; /* the calls beyond the usual ones are retries */
	s.models[1].again = 200;
	is_only(&s, SPLIT_LOOPS);
	s = usual();
	fill_model(&s.models[0], 400, 150000, 0.9, 500, 1);
	sum(&s);
	is_only(&s, SPLIT_CONTEXT);
	s = usual();
	fill_model(&s.models[0], 400, 50000, 0.1, 500, 1);
	sum(&s);
	is_only(&s, SPLIT_CACHE);
	s = usual();
	fill_model(&s.models[0], 400, 50000, 0.9, 5000, 1);
	sum(&s);
	is_only(&s, SPLIT_OUTPUT);
	s = usual();
	fill_model(&s.models[0], 400, 50000, 0.9, 500, 1.5);
	sum(&s);
	is_only(&s, SPLIT_PRICE);
	s = usual();
	s.models[0].spent += 5 * USD; /* searches: from nothing */
	sum(&s);
	is_only(&s, SPLIT_OTHER);
}

/* Half of the calls move to a model that nobody used: the fall of one and the rise of the other are the mix.
 */
static void another_model_is_the_mix(void **state)
{
	struct split_side before = usual(), after = usual();
	struct split_result r;
	(void)state;
	before.models_n = after.models_n = 3;
	memset(&before.models[2], 0, sizeof before.models[2]);
	fill_model(&after.models[0], 200, 50000, 0.9, 500, 1);
	fill_model(&after.models[2], 200, 50000, 0.9, 500, 5);
	sum(&after);
	check(&before, &after, &r);
	assert_int_equal(r.part[SPLIT_MIX].nanousd, after.spent - before.spent);
}

static void nothing_before_is_new_activity(void **state)
{
	struct split_side before = {.models_n = 2}, after = usual();
	struct split_result r;
	(void)state;
	check(&before, &after, &r);
	assert_int_equal(r.part[SPLIT_USERS].nanousd, after.spent);
	check(&after, &before, &r);
	assert_int_equal(r.part[SPLIT_USERS].nanousd, -after.spent);
}

static double maybe(double v)
{
	return uniform() < 0.15 ? 0 : v * uniform();
}

static void random_side(struct split_side *s, size_t models)
{
	*s = (struct split_side){.users = maybe(50), .sessions = maybe(200), .models_n = models};
	for (size_t i = 0; i < models; i++) {
		struct split_model *m = &s->models[i];
		m->calls = maybe(5000);
		m->again = m->calls * maybe(1);
		for (int k = 0; k < TAKINGS_INPUTS; k++) {
			m->tokens[k] = maybe(1e9);
			m->money[k] = maybe(100 * USD);
			m->spent += m->money[k];
		}
		m->output = maybe(1e7);
		m->output_money = maybe(50 * USD);
		m->spent += m->output_money + maybe(10 * USD) - maybe(1 * USD);
	}
	sum(s);
}

static void parts_are_always_the_rise(void **state)
{
	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct split_side before, after;
		struct split_result r;
		size_t models = 1 + (size_t)(uniform() * 5);
		int64_t parts = 0;
		random_side(&before, models);
		random_side(&after, models);
		split_rise(&before, &after, &r);
		for (int f = 0; f < SPLIT_N; f++)
			parts += r.part[f].nanousd;
		assert_int_equal(parts, after.spent - before.spent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_change_is_one_part),
	    cmocka_unit_test(another_model_is_the_mix),
	    cmocka_unit_test(nothing_before_is_new_activity),
	    cmocka_unit_test(parts_are_always_the_rise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
