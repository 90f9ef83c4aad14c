#include "fixture.h"
#include "store/journal.h"
#include "store/pack.h"

#define ROOM 1744

static slice bytes_of(const unsigned char *p, size_t n)
{
	return (slice){(const char *)p, n};
}

static void a_record_comes_back(void **state)
{
	unsigned char out[ROOM];
	struct record r, back;
	for (int n = 0; n < 3; n++) {
		if (n == 0)
			record_init(&r), memset(r.id, '0', 26);
		else if (n == 1)
			sample_record(&r, 7);
		else
			sample_settled(&r, 8);
		size_t used = record_pack(&r, NULL, out, sizeof out);
		assert_true(record_unpack(bytes_of(out, used), NULL, &back));
		assert_record_equal(&r, &back);
	}
	(void)state;
}

static void every_number_comes_back(void **state)
{
	static const int64_t values[] = {0, 1, -1, 127, 128, -128, INT64_C(1) << 35, INT64_MAX, INT64_MIN};
	for (size_t v = 0; v < sizeof values / sizeof values[0]; v++)
		for (size_t i = 0; i < columns_n(); i++) {
			const struct column *c = column_at(i);
			unsigned char out[ROOM];
			struct record r, back;
			int64_t x = 0;
			if (c->kind != COLUMN_INT && c->kind != COLUMN_COST && c->kind != COLUMN_TIME)
				continue;
			sample_settled(&r, 1);
			memcpy((char *)&r + c->at, &values[v], sizeof x);
			size_t used = record_pack(&r, NULL, out, sizeof out);
			assert_true(record_unpack(bytes_of(out, used), NULL, &back));
			memcpy(&x, (const char *)&back + c->at, sizeof x);
			if (x != values[v])
				fail_msg("%s: %lld became %lld", c->name, (long long)values[v], (long long)x);
		}
	(void)state;
}

static void a_settlement_borrows_from_its_intent(void **state)
{
	unsigned char first[ROOM], second[ROOM];
	struct record intent, settled, base, back;
	sample_record(&intent, 5);
	sample_settled(&settled, 5);
	settled.who.v[ATTR_BRANCH] = SLICE_NONE; /* taken away */
	size_t n = record_pack(&intent, NULL, first, sizeof first);
	assert_true(record_unpack(bytes_of(first, n), NULL, &base));
	size_t alone = record_pack(&settled, NULL, second, sizeof second);
	size_t with = record_pack(&settled, &base, second, sizeof second);
	assert_true(with + 150 < alone);
	assert_true(record_unpack(bytes_of(second, with), &base, &back));
	assert_record_equal(&settled, &back);
	assert_false(record_unpack(bytes_of(second, with), NULL, &back)); /* nothing to borrow from */
	(void)state;
}

static void what_does_not_fit_is_cut(void **state)
{
	static char text[ATTR_TEXT_MAX + 1];
	unsigned char first[ROOM], second[ROOM];
	struct record r, base, back;
	for (size_t i = 0; i < sizeof text; i += 2)
		memcpy(text + i, "\xc3\xa4", i + 1 < sizeof text ? 2 : 1); /* two bytes a character */
	sample_settled(&r, 1);
	for (int i = 0; i < ATTR_N; i++)
		r.who.v[i] = slice_make(text, ATTR_TEXT_MAX);
	r.text[TEXT_EXPLANATION] = slice_make(text, ATTR_TEXT_MAX);
	r.text[TEXT_STOP_REASON] = SLICE("end_turn");
	size_t n = record_pack(&r, NULL, first, 1000);
	assert_true(n <= 1000 && n > 900);
	assert_true(record_unpack(bytes_of(first, n), NULL, &base));
	assert_int_equal(base.who.v[ATTR_TAGS].n, 0);
	assert_int_equal(base.text[TEXT_EXPLANATION].n, 0);
	assert_slice_equal(base.text[TEXT_STOP_REASON], SLICE("end_turn"));
	assert_int_equal(base.usage.m[METER_OUTPUT], 420);
	for (int i = 0; i < ATTR_N; i++) {
		assert_int_equal(base.who.v[i].n % 2, 0); /* at a character's border */
		assert_true(i == ATTR_TAGS || base.who.v[i].n >= 16);
	}
	/* What the intent has of a text that was cut is not written again when room is short. */
	size_t with = record_pack(&r, &base, second, PACK_MIN);
	assert_true(with <= PACK_MIN);
	assert_true(record_unpack(bytes_of(second, with), &base, &back));
	assert_slice_equal(back.who.v[ATTR_REPO], base.who.v[ATTR_REPO]);
	(void)state;
}

static void no_record_is_too_long_for_the_least_room(void **state)
{
	static char text[400];
	unsigned char out[PACK_MIN];
	struct record r, back;
	memset(text, 'x', sizeof text);
	record_init(&r);
	memset(r.id, 'Z', 26);
	for (int i = 0; i < ATTR_N; i++)
		r.who.v[i] = slice_make(text, sizeof text);
	for (int i = 0; i < TEXT_N; i++)
		r.text[i] = slice_make(text, sizeof text);
	for (size_t i = 0; i < columns_n(); i++) {
		const struct column *c = column_at(i);
		int64_t least = INT64_MIN; /* ten bytes */
		if (c->kind == COLUMN_INT || c->kind == COLUMN_COST || c->kind == COLUMN_TIME)
			memcpy((char *)&r + c->at, &least, sizeof least);
	}
	size_t n = record_pack(&r, NULL, out, sizeof out);
	assert_true(n <= sizeof out);
	assert_true(record_unpack(bytes_of(out, n), NULL, &back));
	assert_string_equal(back.id, r.id);
	(void)state;
}

static void other_bytes_are_refused(void **state)
{
	unsigned char out[ROOM], bad[ROOM];
	struct record r, back;
	sample_settled(&r, 1);
	size_t n = record_pack(&r, NULL, out, sizeof out);
	for (size_t cut = 0; cut < n; cut++)
		assert_false(record_unpack(bytes_of(out, cut), NULL, &back));
	memcpy(bad, out, n);
	bad[n] = 0;
	assert_false(record_unpack(bytes_of(bad, n + 1), NULL, &back));
	for (int i = 0; i < 6; i++) { /* enumerations and flags */
		memcpy(bad, out, n);
		bad[PACK_ID + i] = 200;
		assert_false(record_unpack(bytes_of(bad, n), NULL, &back));
	}
	(void)state;
}

static void each_field_of_a_record_is_a_column(void **state)
{
	int attrs[ATTR_N] = {0}, texts[TEXT_N] = {0};
	for (size_t i = 0; i < columns_n(); i++) {
		const struct column *c = column_at(i);
		assert_ptr_equal(column_find(slice_of(c->name)), c);
		if (c->kind == COLUMN_ATTR)
			attrs[c->at]++;
		if (c->kind == COLUMN_TEXT)
			texts[c->at]++;
	}
	for (int i = 0; i < ATTR_N; i++)
		assert_int_equal(attrs[i], 1);
	for (int i = 0; i < TEXT_N; i++)
		assert_int_equal(texts[i], 1);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_record_comes_back),
	    cmocka_unit_test(every_number_comes_back),
	    cmocka_unit_test(a_settlement_borrows_from_its_intent),
	    cmocka_unit_test(what_does_not_fit_is_cut),
	    cmocka_unit_test(no_record_is_too_long_for_the_least_room),
	    cmocka_unit_test(other_bytes_are_refused),
	    cmocka_unit_test(each_field_of_a_record_is_a_column),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
