#include "finops/triage_split.h"

#include <math.h>

#define X(id, name, text) #name,
static const char *const names[] = {SPLIT_LIST(X)};
#undef X
#define X(id, name, text) text,
static const char *const texts[] = {SPLIT_LIST(X)};
#undef X

const char *split_name(enum split s)
{
	return s < SPLIT_N ? names[s] : "";
}

const char *split_text(enum split s)
{
	return s < SPLIT_N ? texts[s] : "";
}

/* A side with what all its models share. */
struct whole {
	const struct split_side *side;
	double calls, good;    /* good: not again */
	double level[SPLIT_N]; /* of users, sessions, turns, loops */
};

static void sum_up(struct whole *w, const struct split_side *side)
{
	double again = 0;
	*w = (struct whole){.side = side};
	for (size_t i = 0; i < side->models_n; i++) {
		w->calls += side->models[i].calls;
		again += side->models[i].again;
	}
	w->good = w->calls - again > 0 ? w->calls - again : w->calls;
	double users = side->users > 0 ? side->users : 1;
	double sessions = side->sessions > 0 ? side->sessions : users;
	w->level[SPLIT_USERS] = users;
	w->level[SPLIT_SESSIONS] = sessions / users;
	w->level[SPLIT_TURNS] = w->good / sessions;
	w->level[SPLIT_LOOPS] = w->good > 0 ? w->calls / w->good : 1;
}

/* The logarithmic mean of two positive numbers. */
static double log_mean(double a, double b)
{
	double ratio = a / b;
	return fabs(ratio - 1) < 1e-9 ? (a + b) / 2 : (a - b) / log(ratio);
}

struct splitting {
	struct whole w[2]; /* before, after */
	double part[SPLIT_N];
};

/* A term of the sum: what it cost on both sides, and its own factors, of which there are n; a factor that is
 * 0 where the term is 0 is why it is. */
struct term {
	double money[2];
	int n;
	struct {
		enum split of;
		double level[2];
	} own[4];
};

static void own(struct term *t, enum split of, double before, double after)
{
	t->own[t->n].of = of;
	t->own[t->n].level[0] = before;
	t->own[t->n].level[1] = after;
	t->n++;
}

static void take_term(struct splitting *s, const struct term *t)
{
	double rise = t->money[1] - t->money[0];
	if (t->money[0] < 0 || t->money[1] < 0) { /* corrections: nothing multiplies to less than nothing */
		s->part[SPLIT_OTHER] += rise;
		return;
	}
	if (t->money[0] <= 0 && t->money[1] <= 0)
		return;
	for (int i = 0; i < t->n; i++)
		if (t->own[i].level[0] <= 0 || t->own[i].level[1] <= 0) {
			s->part[t->own[i].of] += rise;
			return;
		}
	if (t->money[0] <= 0 || t->money[1] <= 0) {
		s->part[SPLIT_PRICE] += rise;
		return;
	}
	double mean = log_mean(t->money[1], t->money[0]);
	for (int i = SPLIT_USERS; i <= SPLIT_LOOPS; i++)
		s->part[i] += mean * log(s->w[1].level[i] / s->w[0].level[i]);
	for (int i = 0; i < t->n; i++)
		s->part[t->own[i].of] += mean * log(t->own[i].level[1] / t->own[i].level[0]);
}

static double input_of(const struct split_model *m)
{
	double sum = 0;
	for (int k = 0; k < TAKINGS_INPUTS; k++)
		sum += m->tokens[k];
	return sum;
}

static double over(double a, double b)
{
	return b > 0 ? a / b : 0;
}

/* A term of a model: its share of the calls, and where the term is not 0 on both sides, nothing. */
static void begin_term(struct term *t, const struct splitting *s, const struct split_model *m[2],
                       const double money[2])
{
	*t = (struct term){.money = {money[0], money[1]}};
	own(t, SPLIT_MIX, over(m[0]->calls, s->w[0].calls), over(m[1]->calls, s->w[1].calls));
}

static void take_model(struct splitting *s, const struct split_model *before, const struct split_model *after)
{
	const struct split_model *m[2] = {before, after};
	struct term t;
	double rest[2], all[2] = {input_of(before), input_of(after)};
	for (int i = 0; i < 2; i++)
		rest[i] = m[i]->spent - m[i]->output_money;
	for (int k = 0; k < TAKINGS_INPUTS; k++) {
		double money[2] = {before->money[k], after->money[k]};
		rest[0] -= money[0];
		rest[1] -= money[1];
		begin_term(&t, s, m, money);
		own(&t, SPLIT_CONTEXT, over(all[0], m[0]->calls), over(all[1], m[1]->calls));
		own(&t, SPLIT_CACHE, over(m[0]->tokens[k], all[0]), over(m[1]->tokens[k], all[1]));
		own(&t, SPLIT_PRICE, over(money[0], m[0]->tokens[k]), over(money[1], m[1]->tokens[k]));
		take_term(s, &t);
	}
	double money[2] = {before->output_money, after->output_money};
	begin_term(&t, s, m, money);
	own(&t, SPLIT_OUTPUT, over(m[0]->output, m[0]->calls), over(m[1]->output, m[1]->calls));
	own(&t, SPLIT_PRICE, over(money[0], m[0]->output), over(money[1], m[1]->output));
	take_term(s, &t);
	begin_term(&t, s, m, rest);
	own(&t, SPLIT_OTHER, over(rest[0], m[0]->calls), over(rest[1], m[1]->calls));
	take_term(s, &t);
}

static void show_levels(const struct splitting *s, struct split_result *out)
{
	double sum[2][3] = {{0}}; /* input, read, output */
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < s->w[i].side->models_n; k++) {
			const struct split_model *m = &s->w[i].side->models[k];
			sum[i][0] += input_of(m);
			sum[i][1] += m->tokens[INPUT_READ];
			sum[i][2] += m->output;
		}
	for (int i = 0; i < 2; i++) {
		const struct whole *w = &s->w[i];
		double levels[SPLIT_N] = {[SPLIT_CONTEXT] = over(sum[i][0], w->calls),
		                          [SPLIT_CACHE] = over(sum[i][1], sum[i][0]),
		                          [SPLIT_OUTPUT] = over(sum[i][2], w->calls)};
		for (int f = SPLIT_USERS; f <= SPLIT_LOOPS; f++)
			levels[f] = w->calls > 0 ? w->level[f] : 0;
		for (int f = SPLIT_USERS; f <= SPLIT_OUTPUT; f++) {
			*(i ? &out->part[f].after : &out->part[f].before) = levels[f];
			out->part[f].known = true;
		}
	}
}

/* Whole nano-dollars; together exactly the rise. */
static void round_parts(const struct splitting *s, int64_t rise, struct split_result *out)
{
	int64_t sum = 0;
	int most = 0;
	for (int f = 0; f < SPLIT_N; f++) {
		out->part[f].nanousd = (int64_t)llround(s->part[f]);
		sum += out->part[f].nanousd;
		if (fabs(s->part[f]) > fabs(s->part[most]))
			most = f;
	}
	out->part[most].nanousd += rise - sum;
}

void split_rise(const struct split_side *before, const struct split_side *after, struct split_result *out)
{
	struct splitting s = {.part = {0}};
	memset(out, 0, sizeof *out);
	sum_up(&s.w[0], before);
	sum_up(&s.w[1], after);
	if (s.w[0].calls <= 0 || s.w[1].calls <= 0) {
		s.part[SPLIT_USERS] = (double)(after->spent - before->spent);
	} else {
		for (size_t i = 0; i < after->models_n; i++)
			take_model(&s, &before->models[i], &after->models[i]);
	}
	show_levels(&s, out);
	round_parts(&s, after->spent - before->spent, out);
	double a = (double)after->spent, b = (double)before->spent;
	double mean = a > 0 && b > 0 ? log_mean(a, b) : 0;
	for (int f = 0; f < SPLIT_N; f++)
		out->part[f].times = mean > 0 ? exp((double)out->part[f].nanousd / mean) : 1;
}
