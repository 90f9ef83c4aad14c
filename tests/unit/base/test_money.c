/* Money: costs against a 192-bit reference, parsing, printing, and the edges of int64_t. */
#include "unit/unit.h"

#include "base/money.h"

#define MAX INT64_MAX
#define MIN INT64_MIN

/* The reference shares nothing with the code: a product in 32-bit limbs, divided bit by bit. Returns false
 * over INT64_MAX. */
static bool reference_cost(const uint64_t factor[3], int64_t *out)
{
	uint32_t limb[6] = {1};
	for (int f = 0; f < 3; f++) {
		uint32_t result[8] = {0};
		for (int half = 0; half < 2; half++) {
			uint64_t carry = 0, by = half ? factor[f] >> 32 : factor[f] & 0xFFFFFFFF;
			for (int i = 0; i < 6; i++) {
				carry += result[i + half] + limb[i] * by;
				result[i + half] = (uint32_t)carry;
				carry >>= 32;
			}
		}
		memcpy(limb, result, sizeof limb);
	}
	uint64_t rest = 0, quotient = 0;
	for (int bit = 191; bit >= 0; bit--) {
		rest = rest << 1 | (limb[bit / 32] >> (bit % 32) & 1);
		if (quotient >> 63)
			return false;
		quotient <<= 1;
		if (rest >= UINT64_C(1000000000000)) {
			rest -= UINT64_C(1000000000000);
			quotient |= 1;
		}
	}
	bool up = rest > UINT64_C(500000000000) || (rest == UINT64_C(500000000000) && quotient % 2 == 1);
	if (quotient > (uint64_t)MAX - up)
		return false;
	*out = (int64_t)(quotient + up);
	return true;
}

static void check_cost(uint64_t units, uint64_t price, uint64_t ppm)
{
	int64_t got = -7, want = 0;
	bool fits = reference_cost((const uint64_t[]){units, price, ppm}, &want);
	int err = money_cost((int64_t)units, (int64_t)price, (int64_t)ppm, &got);
	if (err != (fits ? 0 : ERR_RANGE) || got != (fits ? want : 0))
		fail_msg("money_cost(%llu, %llu, %llu): %d, %lld; want %lld", (unsigned long long)units,
		         (unsigned long long)price, (unsigned long long)ppm, err, (long long)got,
		         (long long)want);
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void cost_equals_the_reference(void **state)
{
	(void)state;
	uint64_t x = 88172645463325252u;
	for (int i = 0; i < 50000; i++) {
		uint64_t units = next_random(&x) >> (1 + next_random(&x) % 63);
		uint64_t price = next_random(&x) >> (1 + next_random(&x) % 63);
		uint64_t ppm = next_random(&x) >> (1 + next_random(&x) % 63);
		check_cost(units, price, ppm);
		check_cost(units >> 30, price >> 24, 1000000);
	}
}

/* k * 1e12 + 5e11 is exactly half: 5e11 = 2^11 * 5^12 goes into the factors. */
static void halves_go_to_the_even_side(void **state)
{
	(void)state;
	for (uint64_t k = 0; k < 2000; k++) {
		check_cost(2 * k + 1, 500000, 1000000);
		check_cost(2 * k + 1, 1000000, 500000);
		check_cost((2 * k + 1) * 500000, 1000000, 1);
	}
}

static void cost_of_known_calls(void **state)
{
	(void)state;
	static const struct {
		int64_t units, price, ppm;
		int err;
		int64_t cost;
	} cases[] = {
	    {0, 3000000000, 1000000, 0, 0},
	    {1, 3000000000, 1000000, 0, 3000}, /* $3 for a million: 3000 nano-dollars a token */
	    {1234567, 3000000000, 1000000, 0, 3703701000},
	    {1000000, 15000000000, 500000, 0, 7500000000}, /* batch */
	    {1000000, 15000000000, 1100000, 0, 16500000000},
	    {1, 500000, 1000000, 0, 0}, /* 0.5 -> 0 */
	    {3, 500000, 1000000, 0, 2}, /* 1.5 -> 2 */
	    {5, 500000, 1000000, 0, 2}, /* 2.5 -> 2 */
	    {1, 500001, 1000000, 0, 1},
	    {1, 499999, 1000000, 0, 0},
	    {MAX, 1000000, 1000000, 0, MAX},
	    {MAX, 1000001, 1000000, ERR_RANGE, 0},
	    {INT64_C(1) << 32, 2147483648000000, 1000000, ERR_RANGE, 0}, /* 2^63 */
	    {(INT64_C(1) << 32) - 1, 2147483648000000, 1000000, 0, INT64_C(9223372034707292160)},
	    {MAX, 1000000, 1000001, ERR_RANGE, 0},
	    {MAX, MAX, MAX, ERR_RANGE, 0},
	    {MAX, MAX, 0, 0, 0},
	    {-1, 1, 1, ERR_RANGE, 0},
	    {1, -1, 1, ERR_RANGE, 0},
	    {1, 1, -1, ERR_RANGE, 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t got = -7;
		int err = money_cost(cases[i].units, cases[i].price, cases[i].ppm, &got);
		if (err != cases[i].err || got != cases[i].cost)
			fail_msg("case %zu: %d, %lld", i, err, (long long)got);
	}
}

static void parsing(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int err;
		int64_t nano;
	} cases[] = {
	    {"0", 0, 0},
	    {"12.5", 0, 12500000000},
	    {"12.50 USD", 0, 12500000000},
	    {"25 USD", 0, 25000000000},
	    {"25USD", 0, 25000000000},
	    {"0.000000001", 0, 1},
	    {"-0.10", 0, -100000000},
	    {"-0", 0, 0},
	    {"007", 0, 7000000000},
	    {"9223372036.854775807", 0, MAX},
	    {"-9223372036.854775808", 0, MIN},
	    {"9223372036.854775808", ERR_INVALID, 0},
	    {"-9223372036.854775809", ERR_INVALID, 0},
	    {"9223372037", ERR_INVALID, 0},
	    {"18446744073.709551616", ERR_INVALID, 0},
	    {"99999999999999999999999999", ERR_INVALID, 0},
	    {"0.0000000001", ERR_INVALID, 0},
	    {"0.1000000000", ERR_INVALID, 0},
	    {"", ERR_INVALID, 0},
	    {"-", ERR_INVALID, 0},
	    {"--1", ERR_INVALID, 0},
	    {"+1", ERR_INVALID, 0},
	    {".5", ERR_INVALID, 0},
	    {"5.", ERR_INVALID, 0},
	    {"1.2.3", ERR_INVALID, 0},
	    {" 1", ERR_INVALID, 0},
	    {"1 ", ERR_INVALID, 0},
	    {"1 EUR", ERR_INVALID, 0},
	    {"1 usd", ERR_INVALID, 0},
	    {"1 USD ", ERR_INVALID, 0},
	    {"1,000", ERR_INVALID, 0},
	    {"1e3", ERR_INVALID, 0},
	    {"$1", ERR_INVALID, 0},
	    {"USD", ERR_INVALID, 0},
	    {"0x10", ERR_INVALID, 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t got = -7;
		int err = money_parse(slice_of(cases[i].text), &got);
		if (err != cases[i].err || got != cases[i].nano)
			fail_msg("\"%s\": %d, %lld", cases[i].text, err, (long long)got);
	}
	int64_t got;
	assert_int_equal(money_parse(SLICE("1\0"), &got), ERR_INVALID);
	assert_int_equal(money_parse(SLICE_NONE, &got), ERR_INVALID);
}

static void printing(void **state)
{
	(void)state;
	static const struct {
		int64_t nano;
		const char *exact, *human;
	} cases[] = {
	    {0, "0.00", "$0.00"},
	    {1, "0.000000001", "$0.000000001"},
	    {12, "0.000000012", "$0.000000012"},
	    {123, "0.000000123", "$0.00000012"},
	    {125, "0.000000125", "$0.00000012"}, /* half to even */
	    {135, "0.000000135", "$0.00000014"},
	    {12345, "0.000012345", "$0.000012"},
	    {99999, "0.000099999", "$0.0001"},
	    {100000, "0.0001", "$0.0001"},
	    {1200000, "0.0012", "$0.0012"},
	    {1250000, "0.00125", "$0.0012"},
	    {1350000, "0.00135", "$0.0014"},
	    {100000000, "0.10", "$0.10"},
	    {123456789, "0.123456789", "$0.1235"},
	    {999949999, "0.999949999", "$0.9999"},
	    {999950000, "0.99995", "$1.00"},
	    {999999999, "0.999999999", "$1.00"},
	    {1000000000, "1.00", "$1.00"},
	    {1004999999, "1.004999999", "$1.00"},
	    {1005000000, "1.005", "$1.00"},
	    {1015000000, "1.015", "$1.02"},
	    {4100000000, "4.10", "$4.10"},
	    {999994999999, "999.994999999", "$999.99"},
	    {999995000000, "999.995", "$1,000.00"},
	    {1234567891000, "1234.567891", "$1,234.57"},
	    {1234567000000000, "1234567.00", "$1,234,567.00"},
	    {-4100000000, "-4.10", "-$4.10"},
	    {-1200000, "-0.0012", "-$0.0012"},
	    {MAX, "9223372036.854775807", "$9,223,372,036.85"},
	    {MIN, "-9223372036.854775808", "-$9,223,372,036.85"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[MONEY_TEXT_MAX];
		assert_int_equal(money_format_exact(cases[i].nano, out), strlen(cases[i].exact));
		assert_string_equal(out, cases[i].exact);
		int64_t back = -7;
		assert_int_equal(money_parse(slice_of(out), &back), 0);
		assert_int_equal(back, cases[i].nano);
		assert_int_equal(money_format_human(cases[i].nano, out), strlen(cases[i].human));
		assert_string_equal(out, cases[i].human);
	}
}

static void in_credits(void **state)
{
	(void)state;
	/* a credit of one cent: 0.34 credits are 3.4 thousandths of a dollar */
	assert_int_equal(money_in_credits(3400000, 10000000), 340000000);
	assert_int_equal(money_in_credits(0, 10000000), 0);
	assert_int_equal(money_in_credits(-3400000, 10000000), -340000000);
	/* halves go to the even neighbour: 1.5 and 2.5 thousand millionths */
	assert_int_equal(money_in_credits(3, INT64_C(2000000000)), 2);
	assert_int_equal(money_in_credits(5, INT64_C(2000000000)), 2);
	assert_int_equal(money_in_credits(INT64_MAX, 1), INT64_MAX);
}

/* Numbers as price books write them, for one token and for a million. */
static void a_number_becomes_a_price(void **state)
{
	(void)state;
	static const struct {
		const char *number;
		int shift;
		int64_t price; /* -1: refused */
	} cases[] = {
	    {"3.75", 9, 3750000000},
	    {"3", 9, 3000000000},
	    {"3.00", 9, 3000000000},
	    {"3.75e-06", 15, 3750000000},
	    {"1.9999999999999999e-07", 15, 200000000},
	    {"6.000000000000001E-7", 15, 600000000},
	    {"0.0000025", 15, 2500000000},
	    {"0.01", 15, 10000000000000},
	    {"1e+1", 9, 10000000000},
	    {"0", 9, 0},
	    {"0.000000000e-300", 15, 0},
	    {"5e-10", 9, 0},
	    {"15e-10", 9, 2},
	    {"0.0000000000000000000000000001", 9, 0},
	    {"123456789", 9, 123456789000000000},
	    {"1234567890123", 9, -1},
	    {"9e300", 9, -1},
	    {"1e500", 9, -1},
	    {"-1", 9, -1},
	    {"", 9, -1},
	    {".", 9, -1},
	    {"e5", 9, -1},
	    {"1.2.3", 9, -1},
	    {"1 ", 9, -1},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t price;
		int rc = money_price(slice_of(cases[i].number), cases[i].shift, &price);
		if (rc != 0 ? cases[i].price != -1 : price != cases[i].price)
			fail_msg("%s: %d, %lld", cases[i].number, rc, (long long)price);
	}
}

static void decimals_of_any_length(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int shift, rc;
		int64_t want;
	} cases[] = {
	    {"123.78912", 7, 0, 1237891200},
	    {"0.4272621300000001", 9, 0, 427262130},
	    {"1e2", 0, 0, 100},
	    {"4.2E-1", 9, 0, 420000000},
	    {"-12.5", 9, 0, -12500000000},
	    {"0.0000000005", 9, 0, 0},
	    {"0.0000000015", 9, 0, 2},
	    {"0.00000000051", 9, 0, 1},
	    {"0.00000000009", 9, 0, 0},
	    {"0.0000000000999", 9, 0, 0},
	    {"5e-10", 9, 0, 0},
	    {"9e-11", 9, 0, 0},
	    {"1.5", 0, 0, 2},
	    {"2.5", 0, 0, 2},
	    {".5", 1, 0, 5},
	    {"7.", 0, 0, 7},
	    {"00012", 0, 0, 12},
	    {"0", 400, 0, 0},
	    {"9223372036854775807", 0, 0, INT64_MAX},
	    {"9223372036854775808", 0, ERR_RANGE, 0},
	    {"1e300", 0, ERR_RANGE, 0},
	    {"1e9999", 0, ERR_INVALID, 0},
	    {"", 0, ERR_INVALID, 0},
	    {".", 0, ERR_INVALID, 0},
	    {"1.2.3", 0, ERR_INVALID, 0},
	    {"12x", 0, ERR_INVALID, 0},
	    {"--1", 0, ERR_INVALID, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t got;
		if (money_decimal(slice_of(cases[i].text), cases[i].shift, &got) != cases[i].rc ||
		    got != cases[i].want)
			fail_msg("%s: %lld", cases[i].text, (long long)got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decimals_of_any_length),
	    cmocka_unit_test(cost_equals_the_reference),
	    cmocka_unit_test(halves_go_to_the_even_side),
	    cmocka_unit_test(cost_of_known_calls),
	    cmocka_unit_test(parsing),
	    cmocka_unit_test(in_credits),
	    cmocka_unit_test(printing),
	    cmocka_unit_test(a_number_becomes_a_price),
	};
	return cmocka_run_group_tests_name("base/money", tests, NULL, NULL);
}
