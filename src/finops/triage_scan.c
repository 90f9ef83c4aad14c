/* Which calls carry a rise. Each value of each dimension, and pairs of them, is weighed by an
 *expectation-based scan statistic (D. B. Neill, "Expectation-based scan statistics for monitoring spatial
 *time series data", International Journal of Forecasting 25, 2009): spend comes in lumps (sessions), so that
 *a set of calls with the mean b that comes to a is as unlikely as
 *
 *	(a ln(a / b) - (a - b)) / lump		in nats
 *
 * A parent of the cause adds what did not rise to both a and b, a child of it lacks a part of the rise: both
 * weigh less. One lump is added to b (nothing is less usual than one session), the logarithm of how many
 *there were to choose from is taken off, and the result is scaled by the share of the rise that is explained.
 *What is named is taken out, and the rest is weighed again. */
#include <math.h>
#include <stdlib.h>

#include "finops/triage_impl.h"

#define CANDIDATES 64
#define EACH       12   /* of a dimension at most */
#define SHARE_MIN  0.10 /* of the rise: less is no cause */
#define REST_MIN   0.20 /* of the rise unexplained: what is less is not looked into */
#define PAIR_GAIN  1.25 /* by how much two names must be better than either alone */
#define ALIKE      0.02 /* sets of calls that differ by less are the same */

struct candidate {
	enum triage_dim dim;
	uint32_t id;
	double a, b; /* in the window, usual */
};

struct scan {
	struct triage *t;
	const struct takings *f;
	bool *gone; /* owned: cells that are explained */
	double spans, lump;
	double rise, first_rise; /* of what is left; of all */
	double all_a, all_b;
	struct value_sum {
		double a, b;
	} * sums[TRIAGE_DIMS];     /* owned; by id */
	size_t known[TRIAGE_DIMS]; /* values that were seen */
	size_t n;
	struct candidate at[CANDIDATES];
	double pair_a[CANDIDATES][CANDIDATES], pair_b[CANDIDATES][CANDIDATES];
};

static double cell_before(const struct scan *s, const struct takings_cell *c)
{
	return (double)c->before.spent / s->spans;
}

/* The size of a usual lump: of sessions weighed by what they cost. */
static double lump_of(const struct scan *s)
{
	double sum = 0, square = 0, all = 0;
	size_t n = s->f->values_n[TRIAGE_SESSION], seen = 0;
	double *by_session = calloc(n ? n : 1, sizeof *by_session);
	for (size_t i = 0; by_session && i < s->f->cells_n; i++) {
		const struct takings_cell *c = s->f->cells[i];
		by_session[c->id[TRIAGE_SESSION]] += (double)c->before.spent;
		all += (double)c->after.spent;
	}
	for (size_t i = 1; by_session && i < n; i++) {
		sum += by_session[i];
		square += by_session[i] * by_session[i];
		seen += by_session[i] > 0;
	}
	free(by_session);
	/* Nothing is known of sessions: a twentieth of what there is. */
	return seen >= 3 && sum > 0 ? square / sum : fmax(all / 20, 1);
}

/* --- sums and candidates --------------------------------------------------------------------- */

static void sum_values(struct scan *s)
{
	s->all_a = s->all_b = 0;
	for (int d = 0; d < TRIAGE_DIMS; d++)
		memset(s->sums[d], 0, s->f->values_n[d] * sizeof *s->sums[d]);
	for (size_t i = 0; i < s->f->cells_n; i++) {
		const struct takings_cell *c = s->f->cells[i];
		double a = (double)c->after.spent, b = cell_before(s, c);
		if (s->gone[i])
			continue;
		s->all_a += a;
		s->all_b += b;
		for (int d = 0; d < TRIAGE_DIMS; d++) {
			s->sums[d][c->id[d]].a += a;
			s->sums[d][c->id[d]].b += b;
		}
	}
	s->rise = s->all_a - s->all_b;
}

/* The values of a dimension whose spend rose most, at most EACH. */
static void take_candidates(struct scan *s, enum triage_dim d)
{
	size_t from = s->n;
	s->known[d] = 0;
	for (uint32_t id = 1; id < s->f->values_n[d]; id++) {
		struct candidate c = {d, id, s->sums[d][id].a, s->sums[d][id].b};
		s->known[d] += c.a > 0 || c.b > 0;
		if (c.a - c.b < s->rise * SHARE_MIN)
			continue;
		size_t at = s->n;
		while (at > from && s->at[at - 1].a - s->at[at - 1].b < c.a - c.b)
			at--;
		if (at - from >= EACH || at >= CANDIDATES)
			continue;
		size_t end = s->n - from < EACH && s->n < CANDIDATES ? s->n++ : s->n - 1;
		memmove(&s->at[at + 1], &s->at[at], (end - at) * sizeof *s->at);
		s->at[at] = c;
	}
}

static void sum_pairs(struct scan *s)
{
	memset(s->pair_a, 0, sizeof s->pair_a);
	memset(s->pair_b, 0, sizeof s->pair_b);
	for (size_t i = 0; i < s->f->cells_n; i++) {
		const struct takings_cell *c = s->f->cells[i];
		size_t has[CANDIDATES], n = 0;
		if (s->gone[i])
			continue;
		for (size_t k = 0; k < s->n; k++)
			if (c->id[s->at[k].dim] == s->at[k].id)
				has[n++] = k;
		double a = (double)c->after.spent, b = cell_before(s, c);
		for (size_t x = 0; x < n; x++)
			for (size_t y = x + 1; y < n; y++) {
				s->pair_a[has[x]][has[y]] += a;
				s->pair_b[has[x]][has[y]] += b;
			}
	}
}

/* --- weighing -------------------------------------------------------------------------------- */

static double weigh(const struct scan *s, double a, double b, double choices)
{
	double usual = b + s->lump, share = (a - b) / s->rise;
	if (a <= usual || share <= 0)
		return 0;
	double nats = (a * log(a / usual) - (a - usual)) / s->lump - log(choices > 1 ? choices : 1);
	share = share > 1 ? 1 : share;
	return nats > 0 ? nats * share * share : 0;
}

static bool alike(double a1, double b1, double a2, double b2)
{
	double most = fmax(fmax(a1, a2), fmax(b1, b2));
	return fabs(a1 - a2) <= ALIKE * most && fabs(b1 - b2) <= ALIKE * most;
}

struct choice {
	size_t n; /* of names; 0: all alike */
	size_t at[TRIAGE_WHAT];
	double score, a, b;
};

/* The best single one. Of those that are the same calls, the one whose dimension is named first. */
static void best_single(const struct scan *s, struct choice *best)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct candidate *c = &s->at[i];
		double score = weigh(s, c->a, c->b, (double)s->known[c->dim]);
		bool same = best->n && alike(c->a, c->b, best->a, best->b);
		bool better = same ? c->dim < s->at[best->at[0]].dim : score > best->score;
		if (score > 0 && better)
			*best =
			    (struct choice){1, {i, 0}, same ? fmax(score, best->score) : score, c->a, c->b};
	}
}

static void best_pair(const struct scan *s, struct choice *best)
{
	double alone = best->score;
	for (size_t i = 0; i < s->n; i++)
		for (size_t j = i + 1; j < s->n; j++) {
			double a = s->pair_a[i][j], b = s->pair_b[i][j];
			double choices = (double)s->known[s->at[i].dim] * (double)s->known[s->at[j].dim];
			double score = weigh(s, a, b, choices);
			if (score > alone * PAIR_GAIN && score > best->score)
				*best = (struct choice){2, {i, j}, score, a, b};
		}
}

/* --- a cause --------------------------------------------------------------------------------- */

static uint32_t id_of(const struct takings *f, const struct triage_value *v)
{
	return (uint32_t)(uintptr_t)map_get(&f->by_text[v->dim], v->text);
}

bool triage_is_of(const struct triage *t, const struct triage_cause *c, const struct takings_cell *cell)
{
	for (size_t i = 0; i < c->what_n; i++)
		if (cell->id[c->what[i].dim] != id_of(&t->takings, &c->what[i]))
			return false;
	return true;
}

static struct triage_value value_at(const struct scan *s, size_t at)
{
	return (struct triage_value){s->at[at].dim, takings_text(s->f, s->at[at].dim, s->at[at].id)};
}

/* Distinct values of a dimension among a cause's calls in the window. */
static int64_t count_values(const struct scan *s, const struct triage_cause *c, enum triage_dim d)
{
	bool *seen = calloc(s->f->values_n[d], sizeof *seen);
	int64_t n = 0;
	for (size_t i = 0; seen && i < s->f->cells_n; i++) {
		const struct takings_cell *cell = s->f->cells[i];
		if (!cell->now || seen[cell->id[d]] || !triage_is_of(s->t, c, cell))
			continue;
		seen[cell->id[d]] = true;
		n += cell->id[d] != 0;
	}
	free(seen);
	return n;
}

static void fill_cause(struct scan *s, const struct choice *best, struct triage_cause *c)
{
	int64_t before = 0, calls_before = 0;
	*c = (struct triage_cause){.what_n = best->n, .score = best->score};
	for (size_t i = 0; i < best->n; i++)
		c->what[i] = value_at(s, best->at[i]);
	for (size_t i = 0; i < s->n && best->n && c->same_n < TRIAGE_SAME; i++) {
		bool named = i == best->at[0] || (best->n > 1 && i == best->at[1]);
		if (!named && alike(s->at[i].a, s->at[i].b, best->a, best->b))
			c->same[c->same_n++] = value_at(s, i);
	}
	for (size_t i = 0; i < s->f->cells_n; i++) {
		const struct takings_cell *cell = s->f->cells[i];
		if (s->gone[i] || !triage_is_of(s->t, c, cell))
			continue;
		s->gone[i] = true;
		c->after += cell->after.spent;
		c->calls += cell->after.calls;
		before += cell->before.spent;
		calls_before += cell->before.calls;
	}
	c->before = triage_mean(s->t, before);
	c->new_here = calls_before == 0;
	c->users = count_values(s, c, TRIAGE_USER);
	c->sessions = count_values(s, c, TRIAGE_SESSION);
}

/* One more cause; false when nothing is left that is worth a name. */
static bool find_cause(struct scan *s)
{
	struct triage *t = s->t;
	struct choice best = {0};
	sum_values(s);
	if (t->causes_n == 0)
		s->first_rise = s->rise;
	if (s->rise <= 0 || s->rise < s->first_rise * REST_MIN || t->causes_n == TRIAGE_CAUSES)
		return false;
	s->n = 0;
	for (int d = 0; d < TRIAGE_DIMS; d++)
		take_candidates(s, (enum triage_dim)d);
	best_single(s, &best);
	sum_pairs(s);
	best_pair(s, &best);
	double whole = weigh(s, s->all_a, s->all_b, 1);
	if (best.n == 0 || whole > best.score) {
		if (t->causes_n)
			return false; /* what is left rose a little everywhere */
		best = (struct choice){.score = whole};
	}
	fill_cause(s, &best, &t->causes[t->causes_n++]);
	return best.n > 0;
}

/* --- the dimensions' values ------------------------------------------------------------------ */

static void rank_values(struct scan *s, enum triage_dim d)
{
	struct triage *t = s->t;
	for (uint32_t id = 0; id < s->f->values_n[d]; id++) {
		int64_t a = (int64_t)s->sums[d][id].a, b = (int64_t)llround(s->sums[d][id].b);
		int64_t by = llabs(a - b);
		size_t n = t->top[d].n, at = n;
		while (at > 0 && llabs(t->top[d].at[at - 1].after - t->top[d].at[at - 1].before) < by)
			at--;
		if (by == 0 || at == TRIAGE_TOP)
			continue;
		size_t end = n < TRIAGE_TOP ? t->top[d].n++ : TRIAGE_TOP - 1;
		memmove(&t->top[d].at[at + 1], &t->top[d].at[at], (end - at) * sizeof t->top[d].at[0]);
		t->top[d].at[at] = (struct triage_top){takings_text(s->f, d, id), a, b};
	}
}

int triage_scan(struct triage *t)
{
	const struct takings *f = &t->takings;
	struct scan *s = calloc(1, sizeof *s);
	int rc = s ? 0 : ERR_NOMEM;
	if (rc)
		return rc;
	s->t = t;
	s->f = f;
	s->spans = t->spans_n ? (double)t->spans_n : 1;
	s->gone = calloc(f->cells_n ? f->cells_n : 1, sizeof *s->gone);
	rc = s->gone ? 0 : ERR_NOMEM;
	for (int d = 0; d < TRIAGE_DIMS && rc == 0; d++) {
		s->sums[d] = calloc(f->values_n[d], sizeof *s->sums[d]);
		rc = s->sums[d] ? 0 : ERR_NOMEM;
	}
	if (rc == 0) {
		s->lump = fmax(lump_of(s), 1);
		sum_values(s);
		for (int d = 0; d < TRIAGE_DIMS; d++)
			rank_values(s, (enum triage_dim)d);
		while (find_cause(s))
			;
	}
	for (int d = 0; d < TRIAGE_DIMS; d++)
		free(s->sums[d]);
	free(s->gone);
	free(s);
	return rc;
}
