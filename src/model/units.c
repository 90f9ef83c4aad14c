#include "model/units.h"

#include "base/money.h"
#include "base/num.h"

#define NANO_OF_PPM INT64_C(100000) /* a per cent is 1e9 nano and 1e4 millionths */

bool units_percent(slice text, int64_t most_percent, int64_t *ppm)
{
	int64_t nano, most;
	if (!slice_ends(text, SLICE("%")) || text.n < 2)
		return false;
	for (size_t i = 0; i < text.n - 1; i++)
		if ((text.p[i] < '0' || text.p[i] > '9') && text.p[i] != '.')
			return false;
	if (money_parse(slice_sub(text, 0, text.n - 1), &nano) || nano < 0 || nano % NANO_OF_PPM ||
	    !num_mul_i64(most_percent, MONEY_NANO_PER_USD, &most) || nano > most)
		return false;
	*ppm = nano / NANO_OF_PPM;
	return true;
}

bool units_count(slice text, int64_t *out)
{
	long long n;
	int64_t times = 1;
	if (text.n && (text.p[text.n - 1] == 'k' || text.p[text.n - 1] == 'K'))
		times = 1000;
	else if (text.n && text.p[text.n - 1] == 'M')
		times = 1000000;
	text.n -= times > 1;
	return slice_to_i64(text, &n) && n >= 0 && num_mul_i64(n, times, out);
}

bool units_rate(slice text, struct rate *out)
{
	static const struct {
		const char *names[3];
		int64_t ms;
	} periods[] = {{{"second", "s", "sec"}, 1000},
	               {{"minute", "m", "min"}, 60000},
	               {{"hour", "h", "hour"}, 3600000},
	               {{"day", "d", "day"}, 86400000}};
	slice number, period = text;
	if (!slice_split(&period, '/', &number) || !units_count(slice_trim(number), &out->n) || out->n < 1)
		return false;
	period = slice_trim(period);
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 3; k++)
			if (slice_eq(period, slice_of(periods[i].names[k]))) {
				out->period_ms = periods[i].ms;
				return true;
			}
	return false;
}
