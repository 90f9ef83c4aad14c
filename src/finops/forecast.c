/* A day's spend is its level times its weekday's factor, and chance. The level is the spend of the days of
 * late over their factors, the newest weighing most and outliers cut; factors are medians, drawn towards 1
 * while there are few weeks; chance is the spread of what the days were about what they were expected to be,
 * which grows as the root of the factor. */
#include "finops/forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HALF_LIFE     7.0    /* days */
#define SPREAD_LEAST  0.10   /* no series is surer than that */
#define SPREAD_GUESS  0.50   /* of one that is not known yet */
#define FACTOR_PRIOR  0.5    /* weeks that say a weekday is like another */
#define FACTOR_TELLS  0.25   /* weekdays with less than this of a usual day say nothing of level and spread */
#define TEN_TO_NINETY 1.2816 /* deviations on either side that hold 80 % */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Sorts the values. */
static double median(double *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct series {
	double x[FORECAST_DAYS];
	int weekday[FORECAST_DAYS];
	size_t n;
	double factor[7], level, spread;
};

static void read_days(struct series *s, const struct forecast_in *in)
{
	size_t skip = in->days_n > FORECAST_DAYS ? in->days_n - FORECAST_DAYS : 0;
	while (skip < in->days_n &&
	       in->days[skip] == 0) /* before the first spend nothing was there to be spent */
		skip++;
	s->n = in->days_n - skip;
	for (size_t i = 0; i < s->n; i++) {
		s->x[i] = (double)in->days[skip + i];
		s->weekday[i] = (int)((in->today_weekday + 7 * FORECAST_DAYS - (int)(s->n - i)) % 7);
	}
}

static void find_factors(struct series *s)
{
	double of_weekday[7], one[FORECAST_DAYS], middle = 0;
	size_t weeks[7] = {0};
	for (int w = 0; w < 7; w++) {
		for (size_t i = 0; i < s->n; i++)
			if (s->weekday[i] == w)
				one[weeks[w]++] = s->x[i];
		of_weekday[w] = median(one, weeks[w]);
		middle += of_weekday[w] / 7;
	}
	for (int w = 0; w < 7; w++) {
		double seen = middle > 0 && weeks[w] ? of_weekday[w] / middle : 1, n = (double)weeks[w];
		/* A week alone may have been a strange one. */
		s->factor[w] = s->n < 7 ? 1 : (n * seen + FACTOR_PRIOR) / (n + FACTOR_PRIOR);
		if (s->factor[w] < 0.02)
			s->factor[w] = 0.02;
	}
}

static double factor_at(const struct series *s, size_t i)
{
	return s->factor[s->weekday[i]];
}

static void find_level(struct series *s)
{
	double flat[FORECAST_DAYS], off[FORECAST_DAYS];
	double sum = 0, weights = 0;
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (factor_at(s, i) >= FACTOR_TELLS)
			flat[n++] = s->x[i] / factor_at(s, i);
	double middle = median(flat, n);
	for (size_t i = 0; i < n; i++)
		off[i] = fabs(flat[i] - middle);
	double most = middle + 4 * 1.4826 * median(off, n) + middle * 0.5;
	for (size_t i = 0; i < s->n; i++) {
		double weight = pow(0.5, (double)(s->n - i) / HALF_LIFE), factor = factor_at(s, i);
		double cut = most * (factor > FACTOR_TELLS ? factor : FACTOR_TELLS);
		/* Of spend on few days only there is no usual day to cut by. */
		sum += weight * (middle <= 0 || s->x[i] < cut ? s->x[i] : cut);
		weights += weight * factor;
	}
	s->level = weights > 0 ? sum / weights : 0;
	n = 0;
	for (size_t i = s->n > 28 ? s->n - 28 : 0; i < s->n && s->level > 0; i++)
		if (factor_at(s, i) >= FACTOR_TELLS)
			off[n++] = fabs(s->x[i] / (s->level * factor_at(s, i)) - 1) * sqrt(factor_at(s, i));
	double spread = 1.4826 * median(off, n);
	/* Few days say little of it. */
	s->spread = ((double)n * spread + 3 * SPREAD_GUESS) / ((double)n + 3);
	if (s->spread < SPREAD_LEAST)
		s->spread = SPREAD_LEAST;
}

void forecast_period(const struct forecast_in *in, struct forecast *out)
{
	struct series s = {.n = 0};
	*out = (struct forecast){.passes_in_days = -1};
	read_days(&s, in);
	if (s.n) {
		find_factors(&s);
		find_level(&s);
	} else { /* nothing but today is known */
		for (int w = 0; w < 7; w++)
			s.factor[w] = 1;
		double done = (double)in->today_done_ppm / 1e6;
		s.level = (double)in->today_nanousd / (done > 0.1 ? done : 0.1);
		s.spread = SPREAD_GUESS;
	}
	double rest = 1 - (double)in->today_done_ppm / 1e6, sum = (double)in->so_far_nanousd, variance = 0,
	       days = 0;
	for (size_t i = 0; i <= in->days_left; i++) {
		double share = i == 0 ? (rest > 0 ? rest : 0) : 1;
		double factor = s.factor[((size_t)in->today_weekday + i) % 7] * share, day = s.level * factor;
		sum += day;
		days += day;
		variance += s.level * s.level * factor * s.spread * s.spread;
		if (in->limit_nanousd && out->passes_in_days < 0 && sum > (double)in->limit_nanousd) {
			double over = (sum - (double)in->limit_nanousd) / (day > 0 ? day : 1);
			out->passes_in_days = (int)i;
			out->passes_ppm = over >= 1 ? 0 : (int)((1 - over) * 1e6);
		}
	}
	memcpy(out->weekday, s.factor, sizeof out->weekday);
	/* The level itself is not known better than the days it comes from tell. */
	double known = s.n ? sqrt((double)(s.n < 10 ? s.n : 10)) : 1;
	double wide = TEN_TO_NINETY * sqrt(variance + days * days * s.spread * s.spread / known / known);
	out->expected = (int64_t)sum;
	out->low =
	    (int64_t)(sum - wide > (double)in->so_far_nanousd ? sum - wide : (double)in->so_far_nanousd);
	out->high = (int64_t)(sum + wide);
	out->day_nanousd = (int64_t)s.level;
	out->enough = s.n >= 7;
}
