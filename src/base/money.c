/* Money: the one rounding, parsing and printing. Sums of money are integers in nano-dollars everywhere. */
#include <stdio.h>

#include "base/money.h"

__extension__ typedef unsigned __int128 u128;

#define NANO_DECIMALS 9

/* units and ppm are both counted in millionths, hence 1e12. When the product does not fit in 128 bits the
 * quotient would be above 2^128 / 1e12, which is above INT64_MAX: overflow of the product and of the result
 * are the same refusal. */
#define COST_DIVISOR  ((u128)1000000 * 1000000)

int money_cost(int64_t units, int64_t price_per_million, int64_t multiplier_ppm, int64_t *out)
{
	*out = 0;
	if (units < 0 || price_per_million < 0 || multiplier_ppm < 0)
		return ERR_RANGE;
	u128 product = (u128)units * (u128)price_per_million; /* 126 bits at most */
	if (__builtin_mul_overflow(product, (u128)multiplier_ppm, &product))
		return ERR_RANGE;
	u128 quotient = product / COST_DIVISOR, twice_rest = product % COST_DIVISOR * 2;
	if (twice_rest > COST_DIVISOR || (twice_rest == COST_DIVISOR && (quotient & 1)))
		quotient++;
	if (quotient > (u128)MONEY_MAX)
		return ERR_RANGE;
	*out = (int64_t)quotient;
	return 0;
}

int64_t money_in_credits(int64_t nano, int64_t credit_nanousd)
{
	u128 product = (u128)(nano < 0 ? -(u128)nano : (u128)nano) * (u128)MONEY_NANO_PER_USD;
	u128 credit = (u128)credit_nanousd, quotient = product / credit, twice_rest = product % credit * 2;
	if (twice_rest > credit || (twice_rest == credit && (quotient & 1)))
		quotient++;
	int64_t most = quotient > (u128)MONEY_MAX ? MONEY_MAX : (int64_t)quotient;
	return nano < 0 ? -most : most;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Appends a digit to *magnitude; false above 2^63, the magnitude of INT64_MIN. */
static bool push_digit(uint64_t *magnitude, unsigned digit)
{
	const uint64_t most = (uint64_t)1 << 63;
	if (*magnitude > (most - digit) / 10)
		return false;
	*magnitude = *magnitude * 10 + digit;
	return true;
}

int money_parse(slice text, int64_t *out)
{
	size_t i = 0, digits = 0, decimals = 0;
	uint64_t magnitude = 0;
	*out = 0;
	bool negative = text.n > 0 && text.p[0] == '-';
	for (i = negative; i < text.n && is_digit(text.p[i]); i++, digits++)
		if (!push_digit(&magnitude, (unsigned)(text.p[i] - '0')))
			return ERR_INVALID;
	if (digits == 0)
		return ERR_INVALID;
	if (i < text.n && text.p[i] == '.') {
		for (i++; i < text.n && is_digit(text.p[i]); i++, decimals++)
			if (decimals == NANO_DECIMALS || !push_digit(&magnitude, (unsigned)(text.p[i] - '0')))
				return ERR_INVALID;
		if (decimals == 0)
			return ERR_INVALID;
	}
	for (; decimals < NANO_DECIMALS; decimals++)
		if (!push_digit(&magnitude, 0))
			return ERR_INVALID;
	if (i < text.n) {
		while (i < text.n && text.p[i] == ' ')
			i++;
		if (!slice_eq(slice_sub(text, i, text.n), SLICE("USD")))
			return ERR_INVALID;
	}
	if (!negative && magnitude > (uint64_t)INT64_MAX)
		return ERR_INVALID;
	*out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return 0;
}

#define EXPONENT_MAX 400

/* "e-07" behind a number: its value, 0 for none; false when malformed or past all reason. */
static bool read_exponent(slice text, int *out)
{
	long long v = 0;
	*out = 0;
	if (text.n == 0)
		return true;
	if (text.p[0] != 'e' && text.p[0] != 'E')
		return false;
	text = slice_sub(text, text.n > 1 && text.p[1] == '+' ? 2 : 1, text.n);
	if (!slice_to_i64(text, &v) || v < -EXPONENT_MAX || v > EXPONENT_MAX)
		return false;
	*out = (int)v;
	return true;
}

/* The digits of a decimal, its dot and its end. */
struct decimal {
	slice digits;    /* with at most one dot */
	size_t whole, n; /* digits before the dot, and all */
	int exponent;
	bool negative;
};

static bool read_decimal(slice text, struct decimal *d)
{
	size_t i = 0, dots = 0;
	*d = (struct decimal){.negative = text.n && text.p[0] == '-'};
	text = slice_sub(text, d->negative, text.n);
	for (; i < text.n && (is_digit(text.p[i]) || (text.p[i] == '.' && dots == 0)); i++) {
		dots += text.p[i] == '.';
		d->n += text.p[i] != '.';
		d->whole += text.p[i] != '.' && dots == 0;
	}
	d->digits = slice_sub(text, 0, i);
	return d->n && read_exponent(slice_sub(text, i, text.n), &d->exponent);
}

int money_decimal(slice text, int shift, int64_t *out)
{
	struct decimal d;
	uint64_t magnitude = 0;
	unsigned next = 0; /* the first digit below a unit */
	bool more = false; /* there is something behind that one */
	*out = 0;
	if (!read_decimal(text, &d))
		return ERR_INVALID;
	int64_t keep = (int64_t)d.whole + d.exponent + shift, at = 0; /* digits of the whole part */
	for (size_t i = 0; i < d.digits.n; i++) {
		if (d.digits.p[i] == '.')
			continue;
		unsigned digit = (unsigned)(d.digits.p[i] - '0');
		if (at < keep && !push_digit(&magnitude, digit))
			return ERR_RANGE;
		next = at == keep ? digit : next;
		more = more || (at > keep && digit);
		at++;
	}
	for (; at < keep && magnitude; at++)
		if (!push_digit(&magnitude, 0))
			return ERR_RANGE;
	magnitude += next > 5 || (next == 5 && (more || (magnitude & 1)));
	if (magnitude > (uint64_t)INT64_MAX)
		return ERR_RANGE;
	*out = d.negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return 0;
}

static uint64_t magnitude_of(int64_t nano)
{
	return nano < 0 ? 0 - (uint64_t)nano : (uint64_t)nano;
}

/* Takes trailing zeros away until `keep` decimals are left. */
static size_t trim_zeros(char *out, size_t n, unsigned decimals, unsigned keep)
{
	for (; decimals > keep && out[n - 1] == '0'; decimals--)
		n--;
	out[n] = '\0';
	return n;
}

size_t money_format_exact(int64_t nano, char out[MONEY_TEXT_MAX])
{
	uint64_t m = magnitude_of(nano);
	int n = snprintf(out, MONEY_TEXT_MAX, "%s%llu.%09llu", nano < 0 ? "-" : "",
	                 (unsigned long long)(m / MONEY_NANO_PER_USD),
	                 (unsigned long long)(m % MONEY_NANO_PER_USD));
	return trim_zeros(out, (size_t)n, NANO_DECIMALS, 2);
}

static uint64_t round_half_even(uint64_t value, uint64_t unit)
{
	uint64_t quotient = value / unit, rest = value % unit;
	if (rest > unit - rest || (rest == unit - rest && (quotient & 1)))
		quotient++;
	return quotient;
}

/* Two decimals from a dollar on, four below, and below a hundredth of a cent the first two digits that are
 * not 0. */
static unsigned human_decimals(uint64_t m)
{
	if (m >= (uint64_t)MONEY_NANO_PER_USD || m == 0)
		return 2;
	if (m >= 100000)
		return 4;
	return m >= 10000 ? 6 : m >= 1000 ? 7 : m >= 100 ? 8 : 9;
}

size_t money_format_human(int64_t nano, char out[MONEY_TEXT_MAX])
{
	static const uint64_t power[] = {1,      10,      100,      1000,      10000,
	                                 100000, 1000000, 10000000, 100000000, 1000000000};
	uint64_t m = magnitude_of(nano);
	unsigned decimals = human_decimals(m);
	uint64_t scaled = round_half_even(m, power[NANO_DECIMALS - decimals]);
	uint64_t dollars = scaled / power[decimals], rest = scaled % power[decimals];
	char digits[24];
	int nd = snprintf(digits, sizeof digits, "%llu", (unsigned long long)dollars);
	size_t n = 0;
	if (nano < 0)
		out[n++] = '-';
	out[n++] = '$';
	for (int i = 0; i < nd; i++) {
		if (i > 0 && (nd - i) % 3 == 0)
			out[n++] = ',';
		out[n++] = digits[i];
	}
	n +=
	    (size_t)snprintf(out + n, MONEY_TEXT_MAX - n, ".%0*llu", (int)decimals, (unsigned long long)rest);
	return trim_zeros(out, n, decimals, 2);
}

#define PRICE_DIGITS 9 /* more are noise */
#define PRICE_KEPT   7
#define READ_DIGITS  18 /* of a number; those behind only count as places */

/* The digits of a number without the zeros before them, and the power of ten that they stand at. */
static bool number_digits(slice s, uint64_t *digits, int *count, int *power)
{
	size_t i = 0, seen = 0;
	bool point = false;
	*digits = 0;
	*count = *power = 0;
	for (; i < s.n && (is_digit(s.p[i]) || (s.p[i] == '.' && !point)); i++) {
		if (s.p[i] == '.') {
			point = true;
			continue;
		}
		seen++;
		if (*count < READ_DIGITS) {
			*digits = *digits * 10 + (unsigned)(s.p[i] - '0');
			*count += *digits > 0;
			*power -= point;
		} else {
			*power += !point;
		}
		if (seen > 400)
			return false;
	}
	if (seen && i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		long long e;
		size_t from = i + 1 + (i + 1 < s.n && s.p[i + 1] == '+');
		if (!slice_to_i64(slice_sub(s, from, s.n), &e) || e < -400 || e > 400)
			return false;
		*power += (int)e;
		i = s.n;
	}
	return seen > 0 && i == s.n;
}

/* n / 10^places, half to even. */
static uint64_t cut_places(uint64_t n, int places)
{
	uint64_t by = 1;
	if (places > READ_DIGITS)
		return 0;
	for (int i = 0; i < places; i++)
		by *= 10;
	uint64_t q = n / by, twice = n % by * 2;
	return q + (twice > by || (twice == by && (q & 1)));
}

int money_price(slice number, int shift, int64_t *out)
{
	uint64_t digits;
	int count, power;
	*out = 0;
	if (!number_digits(number, &digits, &count, &power))
		return ERR_INVALID;
	if (count > PRICE_DIGITS) {
		digits = cut_places(digits, count - PRICE_KEPT);
		power += count - PRICE_KEPT;
	}
	power += shift;
	if (power < 0)
		digits = cut_places(digits, -power);
	for (; power > 0 && digits; power--)
		if (__builtin_mul_overflow(digits, UINT64_C(10), &digits))
			return ERR_RANGE;
	if (digits > (uint64_t)MONEY_MAX)
		return ERR_RANGE;
	*out = (int64_t)digits;
	return 0;
}
