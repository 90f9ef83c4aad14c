#include "finops/report_cell.h"

#include <stdio.h>

#include "base/money.h"

static void set(struct cell *c, const char *text)
{
	c->n = c->width = strlen(text);
	if (c->n >= sizeof c->s)
		c->n = c->width = sizeof c->s - 1;
	memcpy(c->s, text, c->n);
}

/* --- figures --------------------------------------------------------------------------------- */

static void count_text(int64_t v, char out[40])
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%lld", (long long)v), at = 0;
	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0 && digits[i - 1] != '-')
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
}

/* Three figures and a unit; exact below 10,000. */
static void tokens_text(int64_t v, char out[40])
{
	static const char units[] = "kMBT";
	int64_t unit = 1000;
	int u = 0;
	if (v < 10000) {
		count_text(v, out);
		return;
	}
	/* 999,500 and more would be rounded to 1000k */
	while (u < 3 && v >= unit * 1000 - unit / 2) {
		unit *= 1000;
		u++;
	}
	int decimals = v < unit * 10 - unit / 200 ? 2 : v < unit * 100 - unit / 20 ? 1 : 0;
	int64_t scale = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
	int64_t step = unit / scale, scaled = v / step + (v % step >= (step + 1) / 2);
	if (decimals)
		snprintf(out, 40, "%lld.%0*lld%c", (long long)(scaled / scale), decimals,
		         (long long)(scaled % scale), units[u]);
	else
		snprintf(out, 40, "%lld%c", (long long)scaled, units[u]);
}

static void seconds_text(int64_t v, char out[40])
{
	long long s = v;
	if (s < 60)
		snprintf(out, 40, "%llds", s);
	else if (s < 3600)
		snprintf(out, 40, "%lldm %02llds", s / 60, s % 60);
	else if (s < 48 * 3600)
		snprintf(out, 40, "%lldh %02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(out, 40, "%lldd %02lldh", s / 86400, s / 3600 % 24);
}

void cell_measure(struct cell *c, const struct measure *m, int64_t v)
{
	char text[40];
	_Static_assert(MONEY_TEXT_MAX <= sizeof text, "money fits");
	if (v == RECORD_ABSENT) {
		set(c, "-");
		return;
	}
	switch (m->kind) {
	case MEASURE_COUNT:
		count_text(v, text);
		break;
	case MEASURE_TOKENS:
		tokens_text(v, text);
		break;
	case MEASURE_SECONDS:
		seconds_text(v, text);
		break;
	case MEASURE_RATIO:
		snprintf(text, sizeof text, "%lld%%", (long long)(v + 50) / 100);
		break;
	case MEASURE_CREDITS:
		money_format_exact(v, text);
		break;
	case MEASURE_MONEY:
		money_format_human(v, text);
		break;
	}
	set(c, text);
}

/* --- texts ----------------------------------------------------------------------------------- */

static size_t char_bytes(unsigned char first)
{
	return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* A terminal would obey it: C0, DEL, C1, and the marks that turn the direction of what follows (U+202A to
 * 202E, U+2066 to 2069). */
static bool is_command(const unsigned char *p, size_t n)
{
	if (n == 1)
		return p[0] < 0x20 || p[0] >= 0x7f;
	if (n == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	return n == 3 && p[0] == 0xe2 &&
	       ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) ||
	        (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

void cell_text(struct cell *c, slice s)
{
	c->n = c->width = 0;
	if (s.p == NULL) {
		set(c, "-");
		return;
	}
	for (size_t i = 0, n; i < s.n; i += n) {
		n = char_bytes((unsigned char)s.p[i]);
		if (n > s.n - i)
			n = s.n - i;
		bool bad = is_command((const unsigned char *)s.p + i, n);
		if (c->n + n > sizeof c->s)
			break;
		memcpy(c->s + c->n, bad ? "?" : s.p + i, bad ? 1 : n);
		c->n += bad ? 1 : n;
		c->width++;
	}
}

void cell_cut(struct cell *c, size_t width, bool utf8)
{
	if (c->width <= width || width == 0)
		return;
	size_t n = 0;
	for (size_t i = 0; i + 1 < width && n < c->n; i++)
		n += char_bytes((unsigned char)c->s[n]);
	slice mark = utf8 ? SLICE("\xe2\x80\xa6") : SLICE("~");
	if (n + mark.n > sizeof c->s)
		return;
	memcpy(c->s + n, mark.p, mark.n);
	c->n = n + mark.n;
	c->width = width;
}

void cell_bar(struct cell *c, int64_t v, int64_t most, size_t width, bool utf8)
{
	c->n = c->width = 0;
	if (v <= 0 || most <= 0)
		return;
	if (width > 40)
		width = 40; /* three bytes each */
	size_t steps = (size_t)((__int128)v * (int64_t)width * 8 / most);
	if (steps == 0)
		steps = 1;
	for (; steps > 0; steps -= steps < 8 ? steps : 8) {
		if (!utf8) {
			c->s[c->n++] = '#';
		} else { /* U+2588 is the full block, U+2589 to 258F are seven eighths to one */
			c->s[c->n++] = '\xe2';
			c->s[c->n++] = '\x96';
			c->s[c->n++] = (char)(steps >= 8 ? 0x88 : 0x90 - steps);
		}
		c->width++;
	}
}
