/* Money in nano-dollars (1e-9 USD) as int64_t, prices in nano-dollars for a million units; no floating point.
 */
#ifndef WEIR_BASE_MONEY_H
#define WEIR_BASE_MONEY_H

#include "base/err.h"
#include "base/slice.h"

#define MONEY_NANO_PER_USD INT64_C(1000000000)
#define MONEY_MAX          INT64_MAX
#define MONEY_TEXT_MAX     32

/* units * price_per_million / 1e6, in 128 bits, rounded half to even; ERR_RANGE when it does not fit or an
 * input is negative. multiplier is in ppm (1_000_000 = 1): price modifiers (batch 500000, US-only inference
 * 1100000), applied before the one rounding. */
int money_cost(int64_t units, int64_t price_per_million, int64_t multiplier_ppm, int64_t *out) WARN_UNUSED;

/* An amount in credits of so many nano-dollars each, in thousand millionths of a credit: rounded half to
 * even, sticks at INT64_MAX. The credit is above 0. */
int64_t money_in_credits(int64_t nano, int64_t credit_nanousd);

/* "12.5", "12.50 USD", "-3", "0.000000001" -> nano-dollars; at most 9 decimals; ERR_INVALID otherwise. */
int money_parse(slice text, int64_t *out) WARN_UNUSED;

/* A JSON number times 10^shift as a price in nano-dollars: "1.5e-05" for one unit has shift 15, "3.75" for a
 * million of them 9. A number of more than 9 digits carries the noise of binary fractions and is rounded to 7
 * (1.9999999999999999e-07), what is then below a nano-dollar half to even. ERR_INVALID when it is no number
 * or below 0, ERR_RANGE. */
int money_price(slice number, int shift, int64_t *out) WARN_UNUSED;

/* A decimal times 10^shift in whole units, however many digits it has: "-12.5", "123.78912" cents with shift
 * 7 in nano-dollars, "4.2e-1". What is below a unit is rounded half to even. ERR_INVALID when it is no
 * number, ERR_RANGE when it does not fit. */
int money_decimal(slice text, int shift, int64_t *out) WARN_UNUSED;

/* A decimal in USD, exact, no trailing zeros beyond two decimals: "0.10", "1234.567891". Returns the length.
 */
size_t money_format_exact(int64_t nano, char out[MONEY_TEXT_MAX]);

/* For people: "$0.0012", "$4.10", "$1,234.57"; rounded half to even. Returns the length. */
size_t money_format_human(int64_t nano, char out[MONEY_TEXT_MAX]);

#endif
