/* Which calls carry a rise. Each value of each dimension, and pairs of them, is weighed by a scan statistic
 *(M. Kulldorff, "A spatial scan statistic", Communications in Statistics 26, 1997): spend comes in lumps
 *(sessions), so that a set of calls which is usually b of B in all and came to a of A is as unlikely as
 *
 *	(a ln((a/b) / (A/B)) + (A-a) ln(((A-a)/(B-b)) / (A/B))) / lump		in nats
 *
 * A parent of the cause adds what did not rise, a child of it lacks a part of the rise: both weigh less. One
 *lump is added to b and to B-b (nothing is less usual than one session), the logarithm of how many there were
 *to choose from is taken off, and the result is scaled by the share of the rise that is explained. When
 *nothing stands out beside how unlikely all of it together is (a ln(a/b) - (a-b)), all of it is the cause,
 *unless one narrower set has most of it. What is named is taken out, and the rest is weighed again. */
#include <math.h>
#include <stdlib.h>

#include "finops/triage_impl.h"

#define CANDIDATES  64
#define EACH        12   /* of a dimension at most */
#define SHARE_MIN   0.10 /* of the rise: less is no cause */
#define REST_MIN    0.20 /* of the rise unexplained: what is less is not looked into */
#define PAIR_GAIN   2.0  /* by how much two names must be better than either alone */
#define LUMPS_LEAST 20   /* a rise is of so many lumps at least: else nothing could be told of it */
#define MOSTLY      0.65 /* of a rise */
#define FAR_MORE    0.5  /* of a rise, beyond its usual share */
#define STANDS_OUT  0.3  /* of how unlikely all of it is: what is less is no cause beside the whole */
#define ALIKE       0.04 /* sets of calls that differ by less are the same */

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

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* The size of a usual lump: of sessions weighed by what they cost, the dearest cut to what 19 of 20 stay
 * under. Nothing is known of sessions: a twentieth of what there is. */
static double lump_of(const struct scan *s)
{
	double sum = 0, square = 0, all = 0;
	size_t n = s->f->values_n[TRIAGE_SESSION], seen = 0;
	double *by_session = calloc(n, sizeof *by_session);
	for (size_t i = 0; by_session && i < s->f->cells_n; i++) {
		const struct takings_cell *c = s->f->cells[i];
		by_session[c->id[TRIAGE_SESSION]] += (double)c->before.spent;
		all += (double)c->after.spent;
	}
	for (size_t i = 1; by_session && i < n; i++)
		if (by_session[i] > 0)
			by_session[seen++] = by_session[i];
	if (seen)
		qsort(by_session, seen, sizeof *by_session, by_size);
	for (size_t i = 0; i < seen; i++) {
		double v = fmin(by_session[i], by_session[seen - 1 - seen / 20]);
		sum += v;
		square += v * v;
	}
	free(by_session);
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

/* How unlikely a set is beside all the rest, times the share of the rise that it explains. */
static double weigh(const struct scan *s, double a, double b, double choices)
{
	double in = b + s->lump, out = fmax(s->all_b - b, 0) + s->lump, rest = fmax(s->all_a - a, 0);
	double rate = s->all_a / (in + out), share = (a - b) / s->rise;
	if (a <= in * rate || share <= 0)
		return 0;
	double nats = a * log(a / (in * rate)) + (rest > 0 ? rest * log(rest / (out * rate)) : 0);
	nats = nats / s->lump - log(choices > 1 ? choices : 1);
	return nats > 0 ? nats * fmin(share, 1) : 0;
}

/* How unlikely it is that all of it is as usual. */
static double weigh_whole(const struct scan *s)
{
	double usual = s->all_b + s->lump, a = s->all_a;
	return a > usual ? (a * log(a / usual) - (a - usual)) / s->lump : 0;
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

static struct choice single(const struct scan *s, size_t i)
{
	const struct candidate *c = &s->at[i];
	return (struct choice){1, {i, 0}, weigh(s, c->a, c->b, (double)s->known[c->dim]), c->a, c->b};
}

static void best_single(const struct scan *s, struct choice *best)
{
	for (size_t i = 0; i < s->n; i++) {
		struct choice c = single(s, i);
		if (c.score > best->score)
			*best = c;
	}
}

/* How wide a dimension's values are: a cause is stepped down only to what is narrower by its nature. By night
 * all calls of a model may be those of one workflow, and the workflow is the cause all the same. */
static int width_of(enum triage_dim d)
{
	static const signed char width[TRIAGE_DIMS] = {
	    [TRIAGE_SESSION] = 0, [TRIAGE_TASK] = 1,     [TRIAGE_BRANCH] = 2,      [TRIAGE_KEY] = 2,
	    [TRIAGE_USER] = 2,    [TRIAGE_WORKFLOW] = 3, [TRIAGE_REPO] = 4,        [TRIAGE_VERSION] = 5,
	    [TRIAGE_TEAM] = 6,    [TRIAGE_ATTEMPT] = 6,  [TRIAGE_AGENT] = 7,       [TRIAGE_MODEL] = 8,
	    [TRIAGE_TRIGGER] = 9, [TRIAGE_PROVIDER] = 9, [TRIAGE_ENVIRONMENT] = 10};
	return width[d];
}

/* Is the rise of the chosen in truth that of one of its parts? One that has most of it, and far more than its
 * usual share. */
static bool step_down(const struct scan *s, struct choice *best)
{
	struct choice part = {0};
	for (size_t i = 0; i < s->n && best->n < 2; i++) {
		size_t p = best->n ? best->at[0] : i, low = i < p ? i : p, high = i < p ? p : i;
		const struct candidate *c = &s->at[i];
		bool within = best->n == 0 || (i != p && s->pair_a[low][high] >= c->a * (1 - ALIKE));
		bool narrower = best->n == 0 || width_of(c->dim) < width_of(s->at[p].dim);
		double share = (c->a - c->b) / (best->a - best->b), usual = c->b / fmax(best->b, s->lump);
		if (!within || !narrower || share < MOSTLY || share - usual < FAR_MORE)
			continue;
		if (part.n == 0 || c->a - c->b > part.a - part.b)
			part = (struct choice){1, {i, 0}, best->score, c->a, c->b};
	}
	if (part.n)
		*best = part;
	return part.n > 0;
}

/* Of those that are the same calls, the one whose dimension is named first. */
static void prefer(const struct scan *s, struct choice *best)
{
	double a = best->a, b = best->b;
	for (size_t i = 0; i < s->n && best->n == 1; i++)
		if (alike(s->at[i].a, s->at[i].b, a, b) && s->at[i].dim < s->at[best->at[0]].dim) {
			double score = best->score;
			*best = single(s, i);
			best->score = fmax(score, best->score);
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
	if (t->causes_n == 0) {
		s->first_rise = s->rise;
		s->lump = fmax(fmin(s->lump, s->rise / LUMPS_LEAST), 1);
	}
	if (s->rise <= 0 || s->rise < s->first_rise * REST_MIN || t->causes_n == TRIAGE_CAUSES)
		return false;
	s->n = 0;
	for (int d = 0; d < TRIAGE_DIMS; d++)
		take_candidates(s, (enum triage_dim)d);
	sum_pairs(s);
	struct choice whole = {0, {0, 0}, weigh_whole(s), s->all_a, s->all_b};
	best_single(s, &best);
	if (best.n == 0 || best.score < whole.score * STANDS_OUT)
		best = whole;
	while (step_down(s, &best))
		;
	if (best.n)
		best_pair(s, &best);
	prefer(s, &best);
	if (best.n == 0 && t->causes_n)
		return false; /* what is left rose a little everywhere */
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
