/* Anomalies and forecasts on real traffic: how many hours that were doubled are found, how many alarms there
 * are without one, and how often a forecast's interval holds what came.
 *
 * The calls (their times and tokens, at $3 and $15 a million) are those of the traces below
 * WEIR_DATA/traces/open; without them, bursts of calls made here. Such a trace is half an hour long, so weeks
 * are made of it: each hour of a series is a stretch of the trace that begins at a random moment of it and is
 * as long as the hour is busy, so that bursts and sizes of calls are the real ones. How busy an hour is
 * follows one of several customs (an office's weekdays; round the clock; a night's job beside an office), a
 * growth, and days that are busier than others. Settings of the detector were chosen on the traces marked
 * "tuned on"; the others decide.
 *
 * An hour is doubled by as much again as it usually has. In hours of a few calls a double is chance; those of
 * 100 calls and more are told apart, and count.
 *
 * Exit status 1 when on those fewer than 95 % of the doubled hours are found, there is more than one false
 * alarm a week for each series, or intervals that say 80 % hold less than 70 %. */
#include "bench.h"

#include <math.h>

#include "finops/anomaly_hours.h"
#include "finops/forecast.h"

enum { MANY = 100, CALLS_MAX = 200000, WEEKS = 12, HOURS = WEEKS * 168, SERIES = 12, FIRST = 4 * 168 };
#define SECONDS 300 /* of the trace, in the busiest hour */
#define LEAST   1e9 /* nano-dollars: the smallest rise that is one, and the smallest hour that is doubled */

struct trace {
	const char *name, *path;
	bool tuned_on;
	size_t n;
	double length;       /* seconds */
	double *at, *before; /* when each call came; what those before it cost, in nano-dollars */
};

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * UINT64_C(0x2545F4914F6CDD1D);
}

static double uniform(uint64_t *seed)
{
	return (double)(next(seed) >> 11) / 9007199254740992.0;
}

static double normal(uint64_t *seed)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += uniform(seed);
	return sum;
}

/* --- traces ------------------------------------------------------------------------------------------------
 */

static void add_call(struct trace *t, double at, double input, double output)
{
	if (t->n == CALLS_MAX)
		return;
	t->at[t->n] = at;
	t->before[t->n + 1] = t->before[t->n] + input * 3000 + output * 15000;
	t->n++;
	t->length = at;
}

/* The numbers of a line in their order, whatever stands between them. */
static size_t numbers(const char *line, double *out, size_t most)
{
	size_t n = 0;
	while (*line && n < most) {
		char *end;
		if (*line < '0' || *line > '9') {
			line++;
			continue;
		}
		out[n++] = strtod(line, &end);
		line = end;
	}
	return n;
}

/* 2023-11-16 18:17:03.9799600,4808,10 */
static bool read_azure(const char *line, double *at, double *input, double *output)
{
	double n[8];
	if (numbers(line, n, 8) != 8 || line[4] != '-')
		return false;
	*at = ((n[2] * 24 + n[3]) * 60 + n[4]) * 60 + n[5];
	*input = n[6];
	*output = n[7];
	return true;
}

/* {"timestamp": 27482, "input_length": 6955, "output_length": 52, ... */
static bool read_mooncake(const char *line, double *at, double *input, double *output)
{
	double n[3];
	if (line[0] != '{' || numbers(line, n, 3) != 3)
		return false;
	*at = n[0] / 1000;
	*input = n[1];
	*output = n[2];
	return true;
}

static bool read_trace(struct trace *t)
{
	char path[1024], *line = NULL;
	const char *folder = getenv("WEIR_DATA");
	size_t cap = 0;
	double at, input, output, first = -1;
	snprintf(path, sizeof path, "%s/traces/open/%s", folder ? folder : "", t->path);
	FILE *f = folder ? fopen(path, "r") : NULL;
	if (f == NULL)
		return false;
	while (getline(&line, &cap, f) > 0)
		if (read_azure(line, &at, &input, &output) || read_mooncake(line, &at, &input, &output)) {
			first = first < 0 ? at : first;
			add_call(t, at - first, input, output);
		}
	free(line);
	fclose(f);
	return t->n > 100;
}

/* Bursts of calls whose sizes differ much, for want of a trace. */
static void make_trace(struct trace *t)
{
	uint64_t seed = t->tuned_on ? 4711 : 20011;
	double at = 0;
	t->n = 0;
	while (at < 1700 && t->n < CALLS_MAX) {
		at += -log(1 - uniform(&seed)) * (uniform(&seed) < 0.1 ? 1.5 : 0.12);
		add_call(t, at, 2000 * exp(normal(&seed)), 200 * exp(0.8 * normal(&seed)));
	}
}

/* What a stretch of the trace cost, which goes on at its beginning when it is past its end. */
static double stretch(const struct trace *t, double from, double seconds)
{
	double sum = 0;
	while (seconds > 0) {
		double to = from + seconds < t->length ? from + seconds : t->length;
		size_t low = 0, high = t->n;
		while (low < high) { /* the first call not before `from` */
			size_t middle = (low + high) / 2;
			if (t->at[middle] < from)
				low = middle + 1;
			else
				high = middle;
		}
		size_t end = low;
		while (end < t->n && t->at[end] < to)
			end++;
		sum += t->before[end] - t->before[low];
		seconds -= to - from > 0 ? to - from : seconds;
		from = 0;
	}
	return sum;
}

/* --- series ------------------------------------------------------------------------------------------------
 */

enum custom { OFFICE, ROUND_THE_CLOCK, NIGHT_JOB, CUSTOMS };

static double busy(enum custom c, int hour, int weekday)
{
	static const double office[24] = {.02, .01, .01, .01, .01, .02, .05, .2,  .6, .9,  1,   .95,
	                                  .7,  .85, 1,   .95, .8,  .6,  .3,  .15, .1, .06, .04, .03};
	double now = office[hour] * (weekday < 5 ? 1 : 0.12);
	if (c == ROUND_THE_CLOCK)
		return 0.5 + 0.5 * now;
	if (c == NIGHT_JOB && weekday == 0 && hour == 3)
		return 2.5; /* Mondays */
	if (c == NIGHT_JOB && hour == 2)
		return 1.2;
	return now;
}

struct made {
	double length[HOURS]; /* seconds of the trace */
	int64_t hours[HOURS];
};

static void make_series(const struct trace *t, enum custom c, uint64_t seed, struct made *m)
{
	double growth = 0.04 * uniform(&seed), day = 1;
	for (int h = 0; h < HOURS; h++) {
		if (h % 24 == 0)
			day = exp(0.1 * normal(&seed));
		m->length[h] = SECONDS * busy(c, h % 24, h / 24 % 7) * day * (1 + growth * h / 168);
		m->hours[h] = (int64_t)stretch(t, uniform(&seed) * t->length, m->length[h]);
	}
}

struct tally {
	int spikes, found, many, many_found, alarms, weeks, forecasts, inside, skipped;
	double error;
};

static void judge_series(const struct trace *t, const struct made *m, uint64_t *seed, struct tally *out)
{
	static struct anomaly judged[HOURS - FIRST];
	struct anomaly_in in = {m->hours, HOURS, 0, (int64_t)LEAST};
	if (anomaly_hours(&in, FIRST, judged) != 0)
		exit(2);
	for (size_t h = FIRST; h < HOURS; h++) {
		struct anomaly *a = &judged[h - FIRST];
		out->alarms += a->is;
		if (uniform(seed) > 0.05 || (double)m->hours[h] < LEAST)
			continue;
		anomaly_again(a, m->hours[h] + (int64_t)(m->length[h] * t->before[t->n] / t->length),
		              (int64_t)LEAST);
		out->spikes++;
		out->found += a->is;
		if (m->length[h] * (double)t->n / t->length < MANY)
			continue;
		out->many++;
		out->many_found += a->is;
	}
	out->weeks += WEEKS - FIRST / 168;
}

/* Two weeks from a day on, foretold at noon of it. */
static void foretell(const struct made *m, struct tally *out)
{
	int64_t days[HOURS / 24] = {0};
	for (size_t h = 0; h < HOURS; h++)
		days[h / 24] += m->hours[h];
	double done[2][25] = {{0}};
	for (size_t h = 0; h < HOURS; h++)
		done[h / 24 % 7 >= 5][h % 24 + 1] += (double)m->hours[h];
	for (int k = 0; k < 2; k++)
		for (int h = 0; h < 24; h++)
			done[k][h + 1] += done[k][h];
	for (size_t today = 14; today + 14 <= HOURS / 24; today += 5) {
		struct forecast f;
		struct forecast_in in = {
		    .days = days, .days_n = today, .today_weekday = (int)(today % 7), .days_left = 13};
		int weekend = today % 7 >= 5;
		int64_t came = 0;
		for (size_t h = today * 24; h < today * 24 + 12; h++)
			in.today_nanousd += m->hours[h];
		in.so_far_nanousd = in.today_nanousd;
		in.today_done_ppm =
		    done[weekend][24] > 0 ? (int64_t)(done[weekend][12] / done[weekend][24] * 1e6) : 0;
		for (size_t d = today; d < today + 14; d++)
			came += days[d];
		if (came < (int64_t)LEAST)
			continue;
		forecast_period(&in, &f);
		out->forecasts++;
		out->inside += came >= f.low && came <= f.high;
		out->error += fabs((double)f.expected / (double)came - 1);
	}
}

static bool row(struct bench *b, const struct trace *t, enum custom c, const char *name)
{
	struct tally all = {0};
	static struct made m;
	uint64_t seed = 88172645463325252 + (uint64_t)c;
	for (int s = 0; s < SERIES; s++) {
		make_series(t, c, next(&seed), &m);
		judge_series(t, &m, &seed, &all);
		foretell(&m, &all);
	}
	double found = (double)all.found / (double)(all.spikes ? all.spikes : 1);
	double recall = (double)all.many_found / (double)(all.many ? all.many : 1);
	double alarms = (double)all.alarms / (double)all.weeks;
	double inside = (double)all.inside / (double)(all.forecasts ? all.forecasts : 1);
	bench_cell(b, 0, "%s, %s%s", t->name, name, t->tuned_on ? " (tuned on)" : "");
	bench_cell(b, 1, "%.0f", (double)t->n / t->length * SECONDS);
	bench_cell(b, 2, "%d", all.spikes);
	bench_cell(b, 3, "%.3f", found);
	bench_cell(b, 4, "%d", all.many);
	bench_cell(b, 5, "%.3f", recall);
	bench_cell(b, 6, "%.2f", alarms);
	bench_cell(b, 7, "%.2f", inside);
	bench_cell(b, 8, "%.1f %%", 100 * all.error / (double)(all.forecasts ? all.forecasts : 1));
	bench_row(b);
	return t->tuned_on || (recall >= 0.95 && alarms <= 1 && inside >= 0.70);
}

int main(void)
{
	static struct trace traces[] = {
	    {.name = "Azure code", .path = "azure-2023/AzureLLMInferenceTrace_code.csv", .tuned_on = true},
	    {.name = "Mooncake synthetic", .path = "mooncake/synthetic_trace.jsonl", .tuned_on = true},
	    {.name = "Azure chat", .path = "azure-2023/AzureLLMInferenceTrace_conv.csv"},
	    {.name = "Mooncake chat", .path = "mooncake/conversation_trace.jsonl"},
	};
	static const char *const customs[CUSTOMS] = {"office", "round the clock", "night job"};
	struct bench b;
	bool good = true, real = true;
	for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
		struct trace *t = &traces[i];
		t->at = malloc(CALLS_MAX * sizeof *t->at);
		t->before = calloc(CALLS_MAX + 1, sizeof *t->before);
		if (t->at == NULL || t->before == NULL)
			return 2;
		if (!read_trace(t)) {
			real = false;
			make_trace(t);
		}
	}
	bench_begin(&b, "anomaly",
	            real ? "Hours doubled in series made of real traces"
	                 : "Hours doubled in series made of bursts (no traces here)",
	            "", "series", "calls in a busy hour", "hours doubled", "found", "of 100 calls", "found",
	            "false alarms a week", "80 % intervals hold", "forecast off by", (char *)NULL);
	for (size_t i = 0; i < sizeof traces / sizeof *traces; i++)
		for (int c = 0; c < CUSTOMS; c++)
			good = row(&b, &traces[i], (enum custom)c, customs[c]) && good;
	for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
		free(traces[i].at);
		free(traces[i].before);
	}
	return bench_end(&b) || !good;
}
