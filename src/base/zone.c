#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S          INT64_C(86400)
#define FILE_MAX_BYTES (1 << 20)
#define OFFSET_MAX_S   (26 * 3600) /* RFC 8536 section 3.2: between -25 and +26 hours */

/* A change of the POSIX rule: which day, and when on it (seconds after local midnight; may be negative). */
struct rule_day {
	enum { RULE_JULIAN, RULE_DAY0, RULE_MONTH } kind; /* Jn, n, Mm.w.d */
	int n, month, week, weekday;
	int32_t time_s;
};

struct zone {
	size_t n;        /* transitions */
	int64_t *at;     /* owned; instants, rising */
	int32_t *offset; /* owned; offset from at[i] on */
	int32_t first;   /* before at[0] */
	bool has_rule;   /* after at[n - 1] */
	int32_t standard, daylight;
	bool has_daylight;
	struct rule_day start, end; /* of daylight saving */
};

/* --- the calendar (Gregorian, proleptic) ----------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Years begin in March here. */
int64_t zone_days_of(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = floor_div(year, 400);
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void zone_date_of(int64_t days, int64_t *year, int *month, int *day)
{
	days += 719468;
	int64_t era = floor_div(days, 146097);
	int64_t of_era = days - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;
	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

/* 0 is Monday. */
static int weekday_of(int64_t days)
{
	return (int)(((days + 3) % 7 + 7) % 7);
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* --- the rule for the years to come ---------------------------------------------------------- */

static int64_t rule_days(const struct rule_day *d, int64_t year)
{
	if (d->kind == RULE_JULIAN)
		return zone_days_of(year, 1, 1) + d->n - 1 + (is_leap(year) && d->n >= 60);
	if (d->kind == RULE_DAY0)
		return zone_days_of(year, 1, 1) + d->n;
	int64_t first = zone_days_of(year, d->month, 1);
	int64_t next = d->month == 12 ? zone_days_of(year + 1, 1, 1) : zone_days_of(year, d->month + 1, 1);
	int sunday_first = (d->weekday + 6) % 7; /* POSIX counts from Sunday, we from Monday */
	int64_t days = first + (sunday_first - weekday_of(first) + 7) % 7 + (int64_t)(d->week - 1) * 7;
	while (days >= next)
		days -= 7;
	return days;
}

static int32_t rule_offset(const struct zone *z, int64_t t)
{
	int64_t year;
	int month, day;
	if (!z->has_daylight)
		return z->standard;
	zone_date_of(floor_div(t + z->standard, DAY_S), &year, &month, &day);
	int64_t start = rule_days(&z->start, year) * DAY_S + z->start.time_s - z->standard;
	int64_t end = rule_days(&z->end, year) * DAY_S + z->end.time_s - z->daylight;
	bool daylight = start < end ? t >= start && t < end : t >= start || t < end;
	return daylight ? z->daylight : z->standard;
}

static bool take_char(slice *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = slice_sub(*s, 1, s->n);
	return true;
}

static bool take_int(slice *s, int least, int most, int *out)
{
	int v = 0;
	size_t i = 0;
	for (; i < s->n && i < 4 && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		v = v * 10 + (s->p[i] - '0');
	*s = slice_sub(*s, i, s->n);
	*out = v;
	return i > 0 && v >= least && v <= most;
}

/* [+-]hh[:mm[:ss]], hours up to 167 (RFC 8536 section 3.3.1) */
static bool take_time(slice *s, int32_t *out)
{
	int h, m = 0, sec = 0, sign = take_char(s, '-') ? -1 : 1;
	if (sign > 0)
		take_char(s, '+');
	if (!take_int(s, 0, 167, &h))
		return false;
	if (take_char(s, ':') && !take_int(s, 0, 59, &m))
		return false;
	if (m >= 0 && take_char(s, ':') && !take_int(s, 0, 59, &sec))
		return false;
	*out = sign * (h * 3600 + m * 60 + sec);
	return true;
}

/* CET, <+03> */
static bool take_name(slice *s)
{
	bool quoted = take_char(s, '<');
	size_t i = 0;
	while (i < s->n &&
	       (quoted ? s->p[i] != '>'
	               : (s->p[i] >= 'A' && s->p[i] <= 'Z') || (s->p[i] >= 'a' && s->p[i] <= 'z')))
		i++;
	*s = slice_sub(*s, i, s->n);
	return i >= 3 && (!quoted || take_char(s, '>'));
}

static bool take_rule_day(slice *s, struct rule_day *d)
{
	bool ok;
	*d = (struct rule_day){.kind = RULE_DAY0, .time_s = 2 * 3600};
	if (take_char(s, 'M')) {
		d->kind = RULE_MONTH;
		ok = take_int(s, 1, 12, &d->month) && take_char(s, '.') && take_int(s, 1, 5, &d->week) &&
		     take_char(s, '.') && take_int(s, 0, 6, &d->weekday);
	} else if (take_char(s, 'J')) {
		d->kind = RULE_JULIAN;
		ok = take_int(s, 1, 365, &d->n);
	} else {
		ok = take_int(s, 0, 365, &d->n);
	}
	return ok && (!take_char(s, '/') || take_time(s, &d->time_s));
}

/* std offset [dst [offset] , start [/time] , end [/time]]; offsets count west of Greenwich */
static bool parse_rule(struct zone *z, slice s)
{
	int32_t west;
	if (!take_name(&s) || !take_time(&s, &west))
		return false;
	z->standard = -west;
	if (s.n == 0)
		return true;
	z->has_daylight = true;
	z->daylight = z->standard + 3600;
	if (!take_name(&s))
		return false;
	if (s.n && s.p[0] != ',') {
		if (!take_time(&s, &west))
			return false;
		z->daylight = -west;
	}
	return take_char(&s, ',') && take_rule_day(&s, &z->start) && take_char(&s, ',') &&
	       take_rule_day(&s, &z->end) && s.n == 0;
}

/* --- TZif ------------------------------------------------------------------------------------ */

static int64_t big_endian(const char *p, int n)
{
	uint64_t v = (unsigned char)p[0] & 0x80 ? UINT64_MAX : 0;
	for (int i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

struct tzif {
	size_t isut, isstd, leap, times, types, chars;
	size_t body; /* bytes behind the header */
};

static bool read_head(slice s, size_t time_size, struct tzif *h)
{
	if (s.n < 44 || memcmp(s.p, "TZif", 4) != 0)
		return false;
	size_t *const to[] = {&h->isut, &h->isstd, &h->leap, &h->times, &h->types, &h->chars};
	for (size_t i = 0; i < 6; i++) {
		int64_t v = big_endian(s.p + 20 + 4 * i, 4);
		if (v < 0 || v > FILE_MAX_BYTES)
			return false;
		*to[i] = (size_t)v;
	}
	h->body = h->times * (time_size + 1) + h->types * 6 + h->chars + h->leap * (time_size + 4) +
	          h->isstd + h->isut;
	return h->types > 0 && h->body <= s.n - 44;
}

static bool read_body(struct zone *z, slice s, const struct tzif *h, size_t time_size)
{
	const char *times = s.p + 44, *index = times + h->times * time_size, *types = index + h->times;
	z->n = h->times;
	z->at = malloc((h->times + 1) * sizeof *z->at);
	z->offset = malloc((h->times + 1) * sizeof *z->offset);
	if (z->at == NULL || z->offset == NULL)
		return false;
	z->first = (int32_t)big_endian(types, 4);
	bool ok = z->first > -OFFSET_MAX_S && z->first < OFFSET_MAX_S;
	for (size_t i = 0; i < h->times && ok; i++) {
		size_t type = (unsigned char)index[i];
		z->at[i] = big_endian(times + i * time_size, (int)time_size);
		ok = type < h->types && (i == 0 || z->at[i] > z->at[i - 1]);
		if (ok)
			z->offset[i] = (int32_t)big_endian(types + type * 6, 4);
		ok = ok && z->offset[i] > -OFFSET_MAX_S && z->offset[i] < OFFSET_MAX_S;
	}
	return ok;
}

static bool read_tzif(struct zone *z, slice s)
{
	struct tzif h;
	size_t time_size = 4;
	if (!read_head(s, 4, &h))
		return false;
	if (s.p[4] >= '2') { /* the same again behind it, with 64-bit times, and a footer */
		s = slice_sub(s, 44 + h.body, s.n);
		time_size = 8;
		if (!read_head(s, 8, &h))
			return false;
	}
	if (!read_body(z, s, &h, time_size))
		return false;
	s = slice_sub(s, 44 + h.body, s.n);
	if (time_size == 4 || s.n <= 2)
		return true;
	if (s.p[0] != '\n' || s.p[s.n - 1] != '\n')
		return false;
	z->has_rule = true;
	return parse_rule(z, slice_sub(s, 1, s.n - 1));
}

struct zone *zone_parse(slice tzif, struct error *e)
{
	struct zone *z = calloc(1, sizeof *z);
	if (z == NULL) {
		error_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (read_tzif(z, tzif))
		return z;
	zone_free(z);
	error_set(e, ERR_INVALID, "not a time zone file (TZif)");
	return NULL;
}

static bool is_name(slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		            c == '_' || c == '-' || c == '+' || (c == '/' && i > 0);
		if (!good)
			return false;
	}
	return name.n > 0 && name.n < 64;
}

/* The file's bytes, malloc'ed; n 0 when it is not there. */
static slice read_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return SLICE_NONE;
	char *p = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < FILE_MAX_BYTES
	              ? malloc(FILE_MAX_BYTES)
	              : NULL;
	ssize_t n = p ? read(fd, p, FILE_MAX_BYTES) : -1;
	close(fd);
	if (n > 0)
		return slice_make(p, (size_t)n);
	free(p);
	return SLICE_NONE;
}

struct zone *zone_load(slice name, struct error *e)
{
	static const char *const folders[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"};
	if (name.n == 0 || slice_eq(name, SLICE("UTC"))) {
		struct zone *utc = calloc(1, sizeof *utc);
		if (utc == NULL)
			error_set(e, ERR_NOMEM, "out of memory");
		return utc;
	}
	if (!is_name(name)) {
		error_set(e, ERR_INVALID,
		          "\"" SLICE_FMT "\" is not the name of a time zone (like Europe/Berlin)",
		          SLICE_ARG(name));
		return NULL;
	}
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/" SLICE_FMT, folders[i], SLICE_ARG(name));
		slice file = read_file(path);
		if (file.n == 0)
			continue;
		struct zone *z = zone_parse(file, e);
		free((char *)file.p);
		return z;
	}
	error_set(e, ERR_NOT_FOUND, "no time zone \"" SLICE_FMT "\" in %s (is the package tzdata installed?)",
	          SLICE_ARG(name), folders[0]);
	return NULL;
}

void zone_free(struct zone *z)
{
	if (z) {
		free(z->at);
		free(z->offset);
		free(z);
	}
}

/* --- instants and local times ---------------------------------------------------------------- */

int32_t zone_offset(const struct zone *z, int64_t t)
{
	if (z->n == 0 || t < z->at[0])
		return z->n == 0 && z->has_rule ? rule_offset(z, t) : z->first;
	if (t >= z->at[z->n - 1])
		return z->has_rule ? rule_offset(z, t) : z->offset[z->n - 1];
	size_t low = 0, high = z->n - 1; /* at[low] <= t < at[high] */
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (z->at[mid] <= t)
			low = mid;
		else
			high = mid;
	}
	return z->offset[low];
}

/* The first instant after low, up to high, with another offset than low's; high when there is none. */
static int64_t next_change(const struct zone *z, int64_t low, int64_t high)
{
	int32_t was = zone_offset(z, low);
	if (zone_offset(z, high) == was)
		return high;
	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;
		if (zone_offset(z, mid) == was)
			low = mid;
		else
			high = mid;
	}
	return high;
}

/* The first instant whose local time is not before local (seconds, as if it were UTC). */
static int64_t instant_of(const struct zone *z, int64_t local)
{
	int32_t before = zone_offset(z, local - OFFSET_MAX_S), after = zone_offset(z, local + OFFSET_MAX_S);
	if (zone_offset(z, local - before) == before)
		return local - before;
	if (zone_offset(z, local - after) == after)
		return local - after;
	return next_change(z, local - after, local - before); /* clocks were put forward over it */
}

static int64_t unit_begins(enum zone_unit unit, int64_t days)
{
	int64_t year;
	int month, day;
	if (unit == ZONE_WEEK)
		return days - weekday_of(days);
	if (unit != ZONE_MONTH)
		return days;
	zone_date_of(days, &year, &month, &day);
	return days - (day - 1);
}

static void hour_span(const struct zone *z, int64_t t, int64_t *from, int64_t *to)
{
	int32_t offset = zone_offset(z, t);
	*from = floor_div(t + offset, 3600) * 3600 - offset;
	*to = *from + 3600;
	if (zone_offset(z, *from) != offset)
		*from = next_change(z, *from, t);
	if (zone_offset(z, *to - 1) != offset)
		*to = next_change(z, t, *to);
}

void zone_span(const struct zone *z, enum zone_unit unit, int64_t wall_ms, int64_t *from_ms, int64_t *to_ms)
{
	static const int longest[] = {[ZONE_DAY] = 1, [ZONE_WEEK] = 7, [ZONE_MONTH] = 31};
	int64_t t = floor_div(wall_ms, 1000), from, to;
	if (unit == ZONE_HOUR) {
		hour_span(z, t, &from, &to);
	} else {
		int64_t days = unit_begins(unit, floor_div(t + zone_offset(z, t), DAY_S));
		int64_t next = unit_begins(unit, days + longest[unit]);
		from = instant_of(z, days * DAY_S);
		to = instant_of(z, next * DAY_S);
		while (t >= to) { /* put back over midnight: the evening that comes again is the new day's */
			from = to;
			next = unit_begins(unit, next + longest[unit]);
			to = instant_of(z, next * DAY_S);
		}
	}
	*from_ms = from * 1000;
	*to_ms = to * 1000;
}

int64_t zone_day_begins(const struct zone *z, int64_t year, int month, int day)
{
	return instant_of(z, zone_days_of(year, month, day) * DAY_S) * 1000;
}

/* The hour's local time is also that of another instant. */
static bool comes_twice(const struct zone *z, int64_t local)
{
	int32_t before = zone_offset(z, local - OFFSET_MAX_S), after = zone_offset(z, local + OFFSET_MAX_S);
	return before > after && zone_offset(z, local + 3599 - before) == before &&
	       zone_offset(z, local + 3599 - after) == after;
}

size_t zone_label(const struct zone *z, enum zone_unit unit, int64_t from_ms, char out[ZONE_LABEL_MAX])
{
	int64_t t = floor_div(from_ms, 1000), year;
	int month, day, n = 0;
	int32_t offset = zone_offset(z, t);
	int64_t local = t + offset, days = floor_div(local, DAY_S);
	/* A day whose midnight was skipped begins later, and one whose eve came again may begin on it. */
	if (unit == ZONE_WEEK) {
		int64_t thursday =
		    days - weekday_of(days) + 3; /* ISO 8601: the year that has the week's Thursday */
		zone_date_of(thursday, &year, &month, &day);
		n = snprintf(out, ZONE_LABEL_MAX, "%04lld-W%02lld", (long long)year,
		             (long long)(thursday - zone_days_of(year, 1, 1)) / 7 + 1);
		return n < 0 ? 0 : (size_t)n;
	}
	zone_date_of(days, &year, &month, &day);
	if (unit == ZONE_MONTH)
		n = snprintf(out, ZONE_LABEL_MAX, "%04lld-%02d", (long long)year, month);
	else if (unit == ZONE_DAY)
		n = snprintf(out, ZONE_LABEL_MAX, "%04lld-%02d-%02d", (long long)year, month, day);
	else {
		int hour = (int)(floor_div(local, 3600) - days * 24);
		n = snprintf(out, ZONE_LABEL_MAX, "%04lld-%02d-%02dT%02d:00", (long long)year, month, day,
		             hour);
		int32_t abs = offset < 0 ? -offset : offset;
		if (n > 0 && comes_twice(z, floor_div(local, 3600) * 3600))
			n += snprintf(out + n, ZONE_LABEL_MAX - (size_t)n, "%c%02d:%02d",
			              offset < 0 ? '-' : '+', abs / 3600, abs / 60 % 60);
	}
	return n < 0 ? 0 : (size_t)n;
}
