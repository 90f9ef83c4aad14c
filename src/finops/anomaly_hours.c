/* An hour's usual is its base times the level.
 *
 * The base: the median of the same hour of earlier weeks, and that of the same hour of days alike in the last
 * four weeks, which is of more values; where the two are near each other the latter counts more, where they
 * are apart (the job of every Monday) the former. Days are alike when those of their weekday usually come to
 * about as much.
 *
 * The level: the spend of late over the bases of late; each hour back counts less, and hours out of the usual
 * are cut. Two of them, one of hours and one of days, are taken together by how much was spent in each, so
 * that a quiet weekend says little about Monday.
 *
 * The room: of the last four weeks' hours, ordered by their usual and cut into bins, how far the upper tenth
 * lies above; and by how many of these a few of the four weeks' hours were above, so that a series has as few
 * alarms as it has had. */
#include "finops/anomaly_hours.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define LEARN        672 /* hours that the room is learnt of */
#define DAYS_ALIKE   28
#define ALIKE        1.6  /* times */
#define NEAR         0.35 /* logarithm between two medians that are near each other */
#define FAST_HOURS   4.0
#define SLOW_HOURS   72.0
#define SLOW_WEIGHT  0.1
#define LEVEL_LEAST  0.4
#define LEVEL_MOST   2.5
#define CUT          1.8 /* times the usual: an hour counts no more in the level */
#define BINS         12
#define BIN_LEAST    24 /* hours of a bin, else there are fewer bins */
#define SPREAD_LEAST 0.08
#define SPREAD_GUESS 0.5 /* of a series of less than two days */
#define SMALL        0.1 /* of the least rise: added to what is compared, so that next to nothing has no ratio */
#define ABOVE_LEAST  2.0 /* deviations */
#define ABOVE_MOST   4.5
#define ABOVE_RATE   0.8 /* alarms a week that a series would have had */
#define WAY_DAYS     4   /* of the four weeks */
#define RISE_LEAST   1.4 /* times */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Sorts. */
static double median(double *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct judging {
	const int64_t *x;
	size_t n;
	int hour_of_week;
	double small;
	double *expected, *off; /* of each hour: the usual, and the logarithm by which it was above */
	double *day;            /* what each day came to */
	bool alike[7];          /* the weekdays that are like the day at hand */
	size_t day_at;          /* whose that is; SIZE_MAX none */
	double fast_x, fast_base, slow_x, slow_base;
};

/* --- days --------------------------------------------------------------------------------------------------
 */

static size_t day_of(const struct judging *j, size_t at)
{
	return (at + (size_t)j->hour_of_week % 24) / 24;
}

static int weekday_of(const struct judging *j, size_t day)
{
	return (int)(((size_t)j->hour_of_week / 24 + day) % 7);
}

/* Of the last four days of a weekday before a day. */
static double usual_day(const struct judging *j, size_t day, int weekday)
{
	double v[4];
	size_t n = 0;
	for (size_t back = 1; back <= day && back <= 28 && n < 4; back++)
		if (weekday_of(j, day - back) == weekday)
			v[n++] = j->day[day - back];
	return n ? median(v, n) : -1;
}

static void find_alike(struct judging *j, size_t day)
{
	double usual[7];
	int own = weekday_of(j, day);
	if (j->day_at == day)
		return;
	j->day_at = day;
	for (int w = 0; w < 7; w++)
		usual[w] = usual_day(j, day, w);
	for (int w = 0; w < 7; w++)
		j->alike[w] = usual[own] < 0 || usual[w] < 0 ||
		              (usual[w] <= usual[own] * ALIKE && usual[own] <= usual[w] * ALIKE);
}

/* --- the usual ---------------------------------------------------------------------------------------------
 */

static double base_at(struct judging *j, size_t at)
{
	double weeks[ANOMALY_WEEKS], days[DAYS_ALIKE];
	size_t weeks_n = 0, days_n = 0, day = day_of(j, at);
	find_alike(j, day);
	for (size_t back = 168; back <= at && weeks_n < ANOMALY_WEEKS; back += 168)
		weeks[weeks_n++] = (double)j->x[at - back];
	for (size_t back = 1; back <= DAYS_ALIKE && back * 24 <= at; back++)
		if (j->alike[weekday_of(j, day - back)])
			days[days_n++] = (double)j->x[at - back * 24];
	double of_weeks = median(weeks, weeks_n), of_days = median(days, days_n);
	if (weeks_n == 0 || days_n == 0)
		return weeks_n ? of_weeks : days_n ? of_days : -1;
	double apart = log((of_weeks + j->small) / (of_days + j->small)) / NEAR;
	double share = apart * apart / (apart * apart + 1) * (weeks_n < 3 ? (double)weeks_n / 3 : 1);
	return of_weeks * share + of_days * (1 - share);
}

/* Where nothing is known but the last hours. */
static double last_hours(const struct judging *j, size_t at)
{
	double sum = 0;
	for (size_t back = 1; back <= at && back <= 24; back++)
		sum += (double)j->x[at - back] / (double)(at < 24 ? at : 24);
	return sum;
}

static double level(const struct judging *j)
{
	double x = j->fast_x + SLOW_WEIGHT * j->slow_x, base = j->fast_base + SLOW_WEIGHT * j->slow_base;
	double is = base > 0 ? x / base : 1;
	return is < LEVEL_LEAST ? LEVEL_LEAST : is > LEVEL_MOST ? LEVEL_MOST : is;
}

static void learn_level(struct judging *j, double x, double base, double expected)
{
	double cut = expected * CUT + j->small;
	x = x < cut ? x : cut;
	j->fast_x = j->fast_x * exp2(-1 / FAST_HOURS) + x;
	j->fast_base = j->fast_base * exp2(-1 / FAST_HOURS) + base;
	j->slow_x = j->slow_x * exp2(-1 / SLOW_HOURS) + x;
	j->slow_base = j->slow_base * exp2(-1 / SLOW_HOURS) + base;
}

static void find_usual(struct judging *j, size_t from)
{
	for (size_t at = from; at < j->n; at++) {
		double base = base_at(j, at), x = (double)j->x[at];
		bool known = base >= 0;
		j->expected[at] = known ? base * level(j) : last_hours(j, at);
		j->off[at] = log((x + j->small) / (j->expected[at] + j->small));
		if (known)
			learn_level(j, x, base, j->expected[at]);
	}
}

/* --- the room ----------------------------------------------------------------------------------------------
 */

struct hour {
	double expected, off;
	size_t day; /* of those learnt of */
};

static int by_expected(const void *a, const void *b)
{
	return by_value(&((const struct hour *)a)->expected, &((const struct hour *)b)->expected);
}

static double spread_of(const struct hour *hours, size_t n)
{
	double v[LEARN];
	for (size_t i = 0; i < n; i++)
		v[i] = hours[i].off;
	double middle = median(v, n), upper = v[n * 9 / 10] / 1.2816;
	for (size_t i = 0; i < n; i++)
		v[i] = fabs(v[i] - middle);
	double spread = fmax(1.4826 * median(v, n), upper);
	return spread > SPREAD_LEAST ? spread : SPREAD_LEAST;
}

/* The spread of hours like this one, and how many of them it has to be above. */
static double room_at(const struct judging *j, size_t at, size_t begin, double *above)
{
	struct hour hours[LEARN];
	double scores[LEARN], of_day[LEARN / 24 + 1] = {0}, mine = 0;
	size_t from = at > begin + LEARN ? at - LEARN : begin, n = 0;
	for (size_t i = from; i < at; i++)
		hours[n++] = (struct hour){j->expected[i], j->off[i], (i - from) / 24};
	*above = ABOVE_MOST;
	if (n < BIN_LEAST)
		return SPREAD_GUESS;
	qsort(hours, n, sizeof *hours, by_expected);
	size_t bins = n / BIN_LEAST < BINS ? n / BIN_LEAST : BINS;
	for (size_t b = 0; b < bins; b++) {
		size_t first = n * b / bins, end = n * (b + 1) / bins;
		double spread = spread_of(hours + first, end - first);
		if (b == 0 || hours[first].expected <= j->expected[at])
			mine = spread;
		for (size_t i = first; i < end; i++) {
			scores[i] = hours[i].off / spread;
			if (scores[i] > of_day[hours[i].day])
				of_day[hours[i].day] = scores[i];
		}
	}
	qsort(scores, n, sizeof *scores, by_value);
	size_t allowed = (size_t)((double)n / 168 * ABOVE_RATE);
	double seen = scores[n - 1 - allowed];
	*above = seen < ABOVE_LEAST ? ABOVE_LEAST : seen > ABOVE_MOST ? ABOVE_MOST : seen;
	/* What comes on a day of every week, and is no incident of one or two days, is this series' way. */
	size_t days = (n + 23) / 24;
	qsort(of_day, days, sizeof *of_day, by_value);
	if (days >= (size_t)WAY_DAYS * 2 && of_day[days - WAY_DAYS] > ABOVE_MOST)
		*above = of_day[days - WAY_DAYS];
	return mine;
}

void anomaly_again(struct anomaly *a, int64_t value, int64_t least)
{
	double x = (double)value, expected = (double)a->expected;
	a->is = value > a->usual_high && x > expected * RISE_LEAST && x - expected >= (double)least;
}

static void judge(const struct judging *j, size_t at, size_t begin, int64_t least, struct anomaly *out)
{
	double above, spread = room_at(j, at, begin, &above), expected = j->expected[at];
	double high = (expected + j->small) * exp(above * spread) - j->small;
	out->expected = (int64_t)expected;
	out->usual_high = high < 9e18 ? (int64_t)high : INT64_MAX;
	out->score = j->off[at] / spread;
	anomaly_again(out, j->x[at], least);
}

/* The first hours of a series, of which little was known when they came: they say nothing of the room. */
static size_t unsure(size_t at)
{
	size_t most = 2 * 168, half = at / 2;
	return half < 24 ? 24 : half < most ? half : most;
}

int anomaly_hours(const struct anomaly_in *in, size_t from, struct anomaly *out)
{
	struct judging j = {in->hours, in->hours_n, in->hour_of_week, .day_at = SIZE_MAX};
	size_t begin = 0, days = in->hours_n / 24 + 2;
	j.small = SMALL * (double)(in->least > 0 ? in->least : 1);
	j.expected = calloc(in->hours_n * 2 + days, sizeof *j.expected);
	if (j.expected == NULL)
		return ERR_NOMEM;
	j.off = j.expected + in->hours_n;
	j.day = j.off + in->hours_n;
	for (size_t i = 0; i < j.n; i++)
		j.day[day_of(&j, i)] += (double)j.x[i];
	/* What the room is learnt of, and three days before it for the level. */
	if (from > LEARN + 72)
		begin = from - LEARN - 72;
	find_usual(&j, begin);
	for (size_t at = from; at < j.n; at++) {
		size_t sure = unsure(at);
		judge(&j, at, begin + 72 > sure && begin ? begin + 72 : sure, in->least, &out[at - from]);
	}
	free(j.expected);
	return 0;
}
