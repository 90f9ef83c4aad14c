/* Clocks, RFC 3339 and durations. Days are counted in the proleptic Gregorian calendar without tables or
 * libc's time zone. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"

#define DAY_MS           INT64_C(86400000)
/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what four digits of a year can say. */
#define RFC3339_FIRST_MS INT64_C(-62167219200000)
#define RFC3339_LAST_MS  INT64_C(253402300799999)

static int64_t real_wall_ms(const struct clock *c)
{
	(void)c;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_mono_us(const struct clock *c)
{
	(void)c;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t fake_wall(const struct clock *c)
{
	return c->fake_wall_ms;
}

static int64_t fake_mono(const struct clock *c)
{
	return c->fake_mono_us;
}

const struct clock *clock_real(void)
{
	static const struct clock real = {.wall_ms = real_wall_ms, .mono_us = real_mono_us};
	return &real;
}

struct clock clock_fake(int64_t wall_ms, int64_t mono_us)
{
	return (struct clock){
	    .wall_ms = fake_wall, .mono_us = fake_mono, .fake_wall_ms = wall_ms, .fake_mono_us = mono_us};
}

/* Days since 1970-01-01 of a civil date and back: years are taken from March on, in eras of 400 years (146097
 * days), so that the leap day is a year's last day. Source: H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms". */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400, year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t z, int *y, int *m, int *d)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

static void put_digits(char *out, int width, int value)
{
	for (int i = width - 1; i >= 0; i--, value /= 10)
		out[i] = (char)('0' + value % 10);
}

size_t clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_MAX])
{
	wall_ms = num_max_i64(RFC3339_FIRST_MS, num_min_i64(wall_ms, RFC3339_LAST_MS));
	int64_t days = wall_ms / DAY_MS, rest = wall_ms % DAY_MS;
	if (rest < 0) {
		rest += DAY_MS;
		days--;
	}
	int y, m, d, ms = (int)rest;
	civil_from_days(days, &y, &m, &d);
	memcpy(out, "0000-00-00T00:00:00.000Z", 25);
	put_digits(out, 4, y);
	put_digits(out + 5, 2, m);
	put_digits(out + 8, 2, d);
	put_digits(out + 11, 2, ms / 3600000);
	put_digits(out + 14, 2, ms / 60000 % 60);
	put_digits(out + 17, 2, ms / 1000 % 60);
	put_digits(out + 20, 3, ms % 1000);
	return 24;
}

/* Takes `width` digits off *s. */
static bool take_number(slice *s, size_t width, int *value)
{
	if (s->n < width)
		return false;
	*value = 0;
	for (size_t i = 0; i < width; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*value = *value * 10 + (s->p[i] - '0');
	}
	*s = slice_sub(*s, width, s->n);
	return true;
}

/* Takes one character of `set` off *s. */
static bool take_char(slice *s, const char *set)
{
	if (s->n == 0 || s->p[0] == '\0' || !strchr(set, s->p[0]))
		return false;
	*s = slice_sub(*s, 1, s->n);
	return true;
}

static int days_in_month(int y, int m)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return m == 2 && leap ? 29 : days[m - 1];
}

static bool take_date(slice *s, int64_t *days)
{
	int y, m, d;
	if (!take_number(s, 4, &y) || !take_char(s, "-") || !take_number(s, 2, &m) || !take_char(s, "-") ||
	    !take_number(s, 2, &d))
		return false;
	if (m < 1 || m > 12 || d < 1 || d > days_in_month(y, m))
		return false;
	*days = days_from_civil(y, m, d);
	return true;
}

/* ".123456" -> 123; digits past the third are dropped. */
static bool take_fraction(slice *s, int *ms)
{
	*ms = 0;
	if (!take_char(s, "."))
		return true;
	int digit, n = 0;
	for (; s->n > 0 && take_number(s, 1, &digit); n++)
		if (n < 3)
			*ms = *ms * 10 + digit;
	for (int i = n; i < 3; i++)
		*ms *= 10;
	return n > 0;
}

static bool take_offset(slice *s, int *minutes)
{
	*minutes = 0;
	if (take_char(s, "Zz"))
		return true;
	bool west = s->n > 0 && s->p[0] == '-';
	int h, m;
	if (!take_char(s, "+-") || !take_number(s, 2, &h) || !take_char(s, ":") || !take_number(s, 2, &m))
		return false;
	if (h > 23 || m > 59)
		return false;
	*minutes = (h * 60 + m) * (west ? -1 : 1);
	return true;
}

bool clock_parse_rfc3339(slice text, int64_t *wall_ms)
{
	int64_t days, t;
	int h = 0, m = 0, sec = 0, ms = 0, offset = 0;
	if (!take_date(&text, &days))
		return false;
	if (text.n > 0) {
		if (!take_char(&text, "Tt ") || !take_number(&text, 2, &h) || !take_char(&text, ":") ||
		    !take_number(&text, 2, &m) || !take_char(&text, ":") || !take_number(&text, 2, &sec) ||
		    !take_fraction(&text, &ms) || !take_offset(&text, &offset) || text.n > 0)
			return false;
		if (h > 23 || m > 59 || sec > 60)
			return false;
	}
	t = days * DAY_MS + ((h * 60 + m - offset) * INT64_C(60) + sec) * 1000;
	/* A leap second stands only before midnight UTC (RFC 3339 section 5.7); it counts as the second after
	 * it. */
	if (sec == 60 && t % DAY_MS != 0)
		return false;
	t += ms;
	if (t < RFC3339_FIRST_MS || t > RFC3339_LAST_MS)
		return false;
	*wall_ms = t;
	return true;
}

bool clock_parse_duration(slice text, int64_t *ms)
{
	static const struct {
		slice unit;
		int64_t ms;
	} units[] = {
	    {SLICE("ms"), 1},      {SLICE("s"), 1000},   {SLICE("m"), 60000},
	    {SLICE("h"), 3600000}, {SLICE("d"), DAY_MS}, {SLICE("w"), 7 * DAY_MS},
	};
	size_t digits = 0;
	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	long long value;
	if (digits == 0 || !slice_to_i64(slice_sub(text, 0, digits), &value))
		return false;
	slice unit = slice_sub(text, digits, text.n);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (slice_eq(unit, units[i].unit))
			return num_mul_i64(value, units[i].ms, ms);
	return false;
}
