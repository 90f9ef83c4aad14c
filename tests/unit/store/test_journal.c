#include <fcntl.h>
#include <sys/stat.h>

#include "fixture.h"
#include "store/journal.h"
#include "store/journal_impl.h"

#define SLOTS 64

static struct journal *opened(struct folder *f)
{
	struct error e = {0};
	struct journal *j = journal_open(folder_file(f, "weir.journal"), SLOTS, 2, &e);
	if (j == NULL)
		print_error("%s\n", e.text);
	assert_non_null(j);
	return j;
}

static void a_call_goes_through_its_states(void **state)
{
	struct folder f;
	struct record r, out;
	struct journal_stats s;
	journal_slot slot, taken;
	folder_make(&f);
	struct journal *j = opened(&f);
	sample_record(&r, 1);
	slot = journal_begin(j, 0, &r);
	assert_int_not_equal(slot, 0);
	assert_false(journal_take(j, &taken, &out));
	journal_left(j, slot);
	journal_stats_get(j, &s);
	assert_int_equal(s.in_flight, 1);
	sample_settled(&r, 1);
	journal_settle(j, slot, &r);
	journal_stats_get(j, &s);
	assert_int_equal(s.in_flight, 0);
	assert_int_equal(s.settled, 1);
	assert_true(journal_take(j, &taken, &out));
	assert_int_equal(taken, slot);
	assert_record_equal(&r, &out);
	assert_false(journal_take(j, &taken, &out));
	journal_untake(j, slot);
	assert_true(journal_take(j, &taken, &out));
	journal_done(j, taken);
	journal_stats_get(j, &s);
	assert_int_equal(s.settled, 0);
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

/* Parts are the settlement's own: those that an earlier call left in the slot are not taken for it. */
static void parts_come_with_their_settlement(void **state)
{
	struct folder f;
	struct record r, out;
	journal_slot slot, taken;
	struct record_part parts[2] = {{.part = CALL_PART_TOOL, .tool = SLICE("Bash"), .calls = 3},
	                               {.part = CALL_PART_USER}};
	folder_make(&f);
	struct journal *j = opened(&f);
	for (int with = 1; with >= 0; with--) {
		sample_settled(&r, 1);
		r.parts = parts;
		r.parts_n = with ? 2 : 0;
		slot = journal_begin(j, 0, &r);
		journal_settle(j, slot, &r);
		assert_true(journal_take(j, &taken, &out));
		assert_int_equal(out.parts_n, with ? 2 : 0);
		if (with) {
			assert_true(slice_eq(out.parts[0].tool, SLICE("Bash")));
			assert_int_equal(out.parts[0].calls, 3);
			journal_untake(j, taken);
			slot_parts(journal_at(j, slot))[1] ^= 1;
			assert_true(journal_take(j, &taken, &out));
			assert_int_equal(out.parts_n, 0);
			assert_record_equal(&r, &out);
		}
		journal_done(j, taken);
	}
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

static void rows_come_oldest_first_and_go_back_in_order(void **state)
{
	struct folder f;
	struct record r;
	journal_slot at[5];
	folder_make(&f);
	struct journal *j = opened(&f);
	for (int i = 0; i < 3; i++) {
		sample_settled(&r, i);
		assert_int_equal(journal_refusal(j, 0, &r), 0);
	}
	for (int i = 0; i < 3; i++)
		assert_true(journal_take(j, &at[i], &r));
	for (int i = 3; i-- > 0;)
		journal_untake(j, at[i]);
	for (int i = 3; i < 5; i++) {
		sample_settled(&r, i);
		assert_int_equal(journal_refusal(j, 1, &r), 0);
	}
	for (int i = 0; i < 5; i++) {
		struct record want;
		sample_settled(&want, i);
		assert_true(journal_take(j, &at[i], &r));
		assert_string_equal(r.id, want.id);
	}
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

static void a_full_journal_turns_calls_away(void **state)
{
	struct folder f;
	struct record r;
	struct journal_stats s;
	journal_slot slots[SLOTS];
	folder_make(&f);
	struct journal *j = opened(&f);
	sample_record(&r, 1);
	for (int i = 0; i < SLOTS; i++)
		assert_int_not_equal(slots[i] = journal_begin(j, 0, &r), 0);
	assert_int_equal(journal_begin(j, 1, &r), 0);
	assert_int_equal(journal_refusal(j, 0, &r), ERR_FULL);
	journal_stats_get(j, &s);
	assert_int_equal(s.full, 2);
	assert_int_equal(s.in_flight, SLOTS);
	journal_drop(j, 0, slots[7]);
	assert_int_equal(journal_begin(j, 1, &r), slots[7]);
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

static void few_slots_are_touched(void **state)
{
	struct folder f;
	struct record r;
	folder_make(&f);
	struct journal *j = opened(&f);
	sample_record(&r, 1);
	for (int i = 0; i < 100; i++) {
		journal_slot a = journal_begin(j, 0, &r), b = journal_begin(j, 1, &r);
		assert_in_range(a, 1, 2);
		assert_in_range(b, 1, 2);
		journal_drop(j, 0, a);
		journal_drop(j, 1, b);
	}
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

/* The states that a process may die in, and what the next one makes of each. */
static void opening_again_finds_what_was_there(void **state)
{
	struct folder f;
	struct record r, out;
	struct journal_stats s;
	struct usage known;
	journal_slot slot;
	folder_make(&f);
	struct journal *j = opened(&f);
	sample_record(&r, 1); /* not sent */
	assert_int_not_equal(journal_begin(j, 0, &r), 0);
	sample_record(&r, 2); /* sent, with some usage */
	slot = journal_begin(j, 0, &r);
	journal_left(j, slot);
	memcpy(&known, &r.usage, sizeof known);
	for (int i = 1; i <= 5; i++) {
		known.m[METER_INPUT] = i * 10;
		known.m[METER_OUTPUT] = i; /* and more to come */
		journal_progress(j, slot, &known);
	}
	sample_record(&r, 3); /* ended */
	slot = journal_begin(j, 0, &r);
	journal_left(j, slot);
	sample_settled(&r, 3);
	journal_settle(j, slot, &r);
	journal_close(j);

	j = opened(&f);
	journal_stats_get(j, &s);
	assert_int_equal(s.recovered_unsent, 1);
	assert_int_equal(s.recovered_crash, 1);
	assert_int_equal(s.recovered_settled, 1);
	assert_int_equal(s.damaged, 0);
	assert_int_equal(s.settled, 2);
	assert_true(journal_take(j, &slot, &out));
	sample_record(&r, 2);
	r.ending = ENDING_CRASH;
	r.usage_source = SOURCE_HOLD;
	r.usage.m[METER_INPUT] = r.context_tokens = 50;
	r.priced = true;
	r.cost.part[COST_OTHER] = r.cost.total = r.hold_nanousd;
	assert_record_equal(&r, &out);
	journal_done(j, slot);
	assert_true(journal_take(j, &slot, &out));
	sample_settled(&r, 3);
	assert_record_equal(&r, &out);
	journal_done(j, slot);
	assert_false(journal_take(j, &slot, &out));
	journal_close(j);

	j = opened(&f);
	journal_stats_get(j, &s);
	assert_int_equal(s.recovered_unsent + s.recovered_crash + s.recovered_settled, 0);
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

static void a_crash_books_the_hold_as_extended(void **state)
{
	struct folder f;
	struct record r;
	journal_slot slot;
	folder_make(&f);
	for (int again = 0; again < 2; again++) {
		struct journal *j = opened(&f);
		sample_record(&r, again);
		r.hold_tokens = 100;
		slot = journal_begin(j, 0, &r);
		journal_left(j, slot);
		if (again == 0) { /* the next call in that slot begins with its own */
			journal_extend(j, slot, r.hold_nanousd + 1, 101);
			journal_extend(j, slot, r.hold_nanousd + 2, 102);
		}
		journal_close(j);
		j = opened(&f);
		assert_true(journal_take(j, &slot, &r));
		assert_int_equal(r.hold_nanousd, again ? 200000000 : 200000002);
		assert_int_equal(r.cost.total, r.hold_nanousd);
		assert_int_equal(r.hold_tokens, again ? 100 : 102);
		journal_done(j, slot);
		journal_close(j);
	}
	folder_remove(&f);
	(void)state;
}

struct seen {
	size_t n;
	int64_t held[8];
};

static int see(void *arg, const struct record *r)
{
	struct seen *s = arg;
	assert_true(s->n < sizeof s->held / sizeof s->held[0]);
	s->held[s->n++] = r->hold_nanousd;
	return s->n == 3 ? 7 : 0;
}

/* Refusals, settled and dropped calls are not under way. */
static void what_is_under_way(void **state)
{
	struct folder f;
	struct record r;
	journal_slot slot[4];
	struct seen seen = {0};
	folder_make(&f);
	struct journal *j = opened(&f);
	for (int i = 0; i < 4; i++) {
		sample_record(&r, i);
		r.hold_nanousd = 100 + i;
		slot[i] = journal_begin(j, 0, &r);
	}
	sample_settled(&r, 9);
	assert_int_equal(journal_refusal(j, 0, &r), 0);
	journal_left(j, slot[1]);
	journal_extend(j, slot[1], 500, 5);
	journal_left(j, slot[2]);
	journal_settle(j, slot[2], &r);
	journal_drop(j, 0, slot[3]);
	assert_int_equal(journal_each_open(j, see, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.held[0] + seen.held[1], 100 + 500);
	slot[3] = journal_begin(j, 0, &r);
	seen.n = 0;
	assert_int_equal(journal_each_open(j, see, &seen), 7);
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

static void price_crash(void *arg, struct record *r)
{
	assert_int_equal(r->ending, ENDING_CRASH);
	assert_int_equal(r->usage.m[METER_OUTPUT], 9);
	r->usage_source = SOURCE_COUNTED;
	memset(&r->cost, 0, sizeof r->cost);
	r->cost.part[COST_OUTPUT] = r->cost.total = *(const int64_t *)arg;
}

static void a_crash_may_be_priced_better(void **state)
{
	struct folder f;
	struct record r;
	journal_slot slot;
	int64_t price = 4711;
	folder_make(&f);
	struct journal *j = opened(&f);
	sample_record(&r, 1);
	slot = journal_begin(j, 0, &r);
	journal_left(j, slot);
	r.usage.m[METER_OUTPUT] = 9;
	journal_progress(j, slot, &r.usage);
	journal_close(j);
	j = opened(&f);
	journal_on_crash(j, price_crash, &price);
	assert_true(journal_take(j, &slot, &r));
	assert_int_equal(r.usage_source, SOURCE_COUNTED);
	assert_int_equal(r.cost.total, 4711);
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

static void it_has_one_owner(void **state)
{
	struct folder f;
	struct error e = {0};
	folder_make(&f);
	struct journal *j = opened(&f);
	char pid[32];
	assert_null(journal_open(folder_file(&f, "weir.journal"), SLOTS, 1, &e));
	assert_int_equal(e.code, ERR_BUSY);
	snprintf(pid, sizeof pid, "process %d", (int)getpid());
	assert_non_null(strstr(e.text, pid));
	assert_true(journal_is_open(folder_file(&f, "weir.journal")));
	assert_false(journal_is_open(folder_file(&f, "another.journal")));
	journal_close(j);
	assert_false(journal_is_open(folder_file(&f, "weir.journal")));
	j = opened(&f);
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

static void it_grows_and_never_shrinks(void **state)
{
	struct folder f;
	struct error e = {0};
	struct journal_stats s;
	struct record r;
	journal_slot slot;
	folder_make(&f);
	struct journal *j = opened(&f);
	sample_settled(&r, 1);
	assert_int_equal(journal_refusal(j, 0, &r), 0);
	journal_close(j);
	j = journal_open(folder_file(&f, "weir.journal"), 2 * SLOTS, 1, &e);
	assert_non_null(j);
	journal_stats_get(j, &s);
	assert_int_equal(s.slots, 2 * SLOTS);
	journal_close(j);
	j = opened(&f);
	journal_stats_get(j, &s);
	assert_int_equal(s.slots, 2 * SLOTS);
	assert_true(journal_take(j, &slot, &r));
	journal_close(j);
	folder_remove(&f);
	(void)state;
}

static void another_file_is_refused(void **state)
{
	static const char text[] = "this is a diary, not a journal of weir, and it stays as it is";
	struct folder f;
	struct error e = {0};
	char back[sizeof text] = {0};
	folder_make(&f);
	int fd = open(folder_file(&f, "weir.journal"), O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, text, sizeof text), sizeof text);
	assert_null(journal_open(folder_file(&f, "weir.journal"), SLOTS, 1, &e));
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(pread(fd, back, sizeof back, 0), sizeof back);
	assert_memory_equal(text, back, sizeof text);
	close(fd);
	folder_remove(&f);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_call_goes_through_its_states),
	    cmocka_unit_test(parts_come_with_their_settlement),
	    cmocka_unit_test(what_is_under_way),
	    cmocka_unit_test(rows_come_oldest_first_and_go_back_in_order),
	    cmocka_unit_test(a_full_journal_turns_calls_away),
	    cmocka_unit_test(few_slots_are_touched),
	    cmocka_unit_test(opening_again_finds_what_was_there),
	    cmocka_unit_test(a_crash_books_the_hold_as_extended),
	    cmocka_unit_test(a_crash_may_be_priced_better),
	    cmocka_unit_test(it_has_one_owner),
	    cmocka_unit_test(it_grows_and_never_shrinks),
	    cmocka_unit_test(another_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
