/* Power losses, made by hand: random schedules of calls and syncs, then files as a disk may hold them
 * afterwards, torn in sectors between an older and a newer state, under another boot id. What was promised at
 * the last finished sync must come out; nothing that never was may. And slots that are damaged in every way.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "fixture.h"
#include "store/journal.h"
#include "store/journal_impl.h"

#define SLOTS  24
#define SECTOR 512
#define CALLS  160
#define ROUNDS 400

/* --- images ---------------------------------------------------------------------------------- */

struct image {
	size_t n;
	unsigned char bytes[JOURNAL_PAGE + SLOTS * JOURNAL_SLOT_BYTES];
};

static void image_read(struct image *to, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, to->bytes, sizeof to->bytes);
	memset(to, 0, offsetof(struct image, bytes));
	assert_true(n >= 0);
	to->n = (size_t)n;
	if (fd >= 0)
		close(fd);
}

static void image_write(const struct image *from, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, from->bytes, from->n), (ssize_t)from->n);
	close(fd);
}

/* Each sector from one of the two; of a header either whole. */
static void image_tear(struct image *to, const struct image *older, const struct image *newer, unsigned *seed)
{
	*to = *newer;
	for (size_t at = 0; at < newer->n; at += SECTOR)
		if (rand_r(seed) % 2 && at + SECTOR <= older->n)
			memcpy(to->bytes + at, older->bytes + at, SECTOR);
}

static void other_boot(struct image *i)
{
	((struct journal_header *)(void *)i->bytes)->boot[0] = '!';
}

/* --- schedules ------------------------------------------------------------------------------- */

enum at { NEVER, BEGUN, LEFT, SETTLED, DONE, DROPPED };

struct world {
	struct journal *journal;
	unsigned seed, calls;
	struct call {
		enum at at, synced; /* now; at the last finished sync */
		journal_slot slot;
	} call[CALLS];
};

static unsigned roll(struct world *w, unsigned n)
{
	return (unsigned)rand_r(&w->seed) % n;
}

static void take_all(struct world *w)
{
	struct record r;
	journal_slot s;
	while (journal_take(w->journal, &s, &r)) {
		long long n;
		assert_true(slice_to_i64(slice_sub(slice_of(r.id), 6, 26), &n));
		w->call[n].at = DONE; /* committed, to the disk */
		journal_done(w->journal, s);
	}
}

static void step(struct world *w)
{
	struct record r;
	unsigned n = roll(w, CALLS);
	struct call *c = &w->call[n];
	sample_record(&r, n);
	if (c->at == NEVER) {
		c->slot = journal_begin(w->journal, 0, &r);
		c->at = c->slot ? BEGUN : NEVER;
	} else if (c->at == BEGUN && roll(w, 4) == 0) {
		journal_drop(w->journal, 0, c->slot);
		c->at = DROPPED;
	} else if (c->at == BEGUN) {
		journal_left(w->journal, c->slot);
		c->at = LEFT;
	} else if (c->at == LEFT && roll(w, 3)) {
		r.usage.m[METER_INPUT] = 7;
		journal_progress(w->journal, c->slot, &r.usage);
	} else if (c->at == LEFT) {
		sample_settled(&r, n);
		journal_settle(w->journal, c->slot, &r);
		c->at = SETTLED;
	} else if (roll(w, 8) == 0) {
		take_all(w);
	}
}

static void sync_now(struct world *w)
{
	struct error e = {0};
	assert_int_equal(journal_sync(w->journal, &e), 0);
	for (unsigned i = 0; i < CALLS; i++)
		w->call[i].synced = w->call[i].at;
}

/* --- what comes out -------------------------------------------------------------------------- */

static void check_row(const struct record *r, long long n)
{
	struct record expected;
	if (r->ending == ENDING_CRASH) {
		sample_record(&expected, n);
		expected.ending = ENDING_CRASH;
		expected.usage_source = SOURCE_HOLD;
		expected.priced = true;
		expected.cost.part[COST_OTHER] = expected.cost.total = expected.hold_nanousd;
		if (r->usage.m[METER_INPUT] == 7)
			expected.usage.m[METER_INPUT] = expected.context_tokens = 7;
	} else {
		sample_settled(&expected, n);
	}
	assert_record_equal(&expected, r);
}

static void check_world(const struct world *w, const char *path, unsigned round)
{
	unsigned char rows[CALLS] = {0};
	struct error e = {0};
	struct record r;
	journal_slot s;
	struct journal *j = journal_open(path, SLOTS, 1, &e);
	if (j == NULL)
		fail_msg("round %u: %s", round, e.text);
	while (journal_take(j, &s, &r)) {
		long long n;
		assert_true(slice_to_i64(slice_sub(slice_of(r.id), 6, 26), &n));
		assert_true(n >= 0 && n < CALLS);
		check_row(&r, n);
		rows[n]++;
	}
	for (unsigned i = 0; i < CALLS; i++) {
		const struct call *c = &w->call[i];
		bool promised = (c->synced == LEFT || c->synced == SETTLED) && c->at != DONE;
		bool never = c->at == NEVER || c->synced == DROPPED;
		if (rows[i] > 1 || (promised && !rows[i]) || (never && rows[i]))
			fail_msg("round %u, call %u: %d rows; synced at state %d, lost at %d", round, i,
			         rows[i], c->synced, c->at);
	}
	journal_close(j);
}

/* One schedule. At its end FILE holds any mixture of its states (the kernel writes it back as it likes),
 * FILE.disk what the last sync left, or a mixture of that and the next one. */
static void play(unsigned round, struct folder *f)
{
	static struct image old_main, main, old_disk, disk, torn;
	const char *path = folder_file(f, "weir.journal"), *copy = folder_file(f, "weir.journal.disk");
	struct world w = {.seed = round + 1};
	struct error e = {0};
	w.journal = journal_open(path, SLOTS, 1, &e);
	assert_non_null(w.journal);
	sync_now(&w);
	image_read(&old_main, path);
	unsigned steps = 1 + roll(&w, 600);
	for (unsigned i = 0; i < steps; i++) {
		step(&w);
		if (roll(&w, 20) == 0)
			sync_now(&w);
		if (roll(&w, 60) == 0)
			image_read(&old_main, path);
	}
	image_read(&old_disk, copy);
	image_read(&main, path);
	if (roll(&w, 2)) /* the power goes in the middle of a sync, whose promise is then not given */
		assert_int_equal(journal_sync(w.journal, &e), 0);
	image_read(&disk, copy);
	journal_close(w.journal);
	image_tear(&torn, &old_main, &main, &w.seed);
	other_boot(&torn);
	if (roll(&w, 8) == 0) /* never written back at all */
		memset(torn.bytes, 0, torn.n);
	image_write(&torn, path);
	image_tear(&torn, &old_disk, &disk, &w.seed);
	image_write(&torn, copy);
	check_world(&w, path, round);
}

static void what_was_synced_survives(void **state)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct folder f;
		folder_make(&f);
		play(round, &f);
		folder_remove(&f);
	}
	(void)state;
}

/* The machine was restarted: a call that had its intent may have left, and is booked. */
static void an_intent_may_have_left_before_a_power_loss(void **state)
{
	struct folder f;
	struct error e = {0};
	struct record r;
	struct journal_stats s;
	static struct image main;
	folder_make(&f);
	const char *path = folder_file(&f, "weir.journal");
	struct journal *j = journal_open(path, SLOTS, 1, &e);
	sample_record(&r, 1);
	assert_int_not_equal(journal_begin(j, 0, &r), 0);
	journal_close(j);
	image_read(&main, path);
	other_boot(&main);
	image_write(&main, path);
	for (int start = 0; start < 2; start++) { /* and stays so when the next process crashes too */
		j = journal_open(path, SLOTS, 1, &e);
		journal_stats_get(j, &s);
		assert_int_equal(s.recovered_crash, 1);
		assert_int_equal(s.recovered_unsent, 0);
		journal_close(j);
	}
	folder_remove(&f);
	(void)state;
}

/* --- damage ---------------------------------------------------------------------------------- */

/* Both files with one call, in a given state. */
static void make_slot(struct folder *f, enum at until)
{
	struct error e = {0};
	struct record r;
	struct journal *j = journal_open(folder_file(f, "weir.journal"), SLOTS, 1, &e);
	assert_non_null(j);
	sample_record(&r, 3);
	journal_slot s = journal_begin(j, 0, &r);
	journal_left(j, s);
	for (int i = 1; i <= 2; i++) {
		r.usage.m[METER_INPUT] = i * 10;
		journal_progress(j, s, &r.usage);
	}
	if (until == SETTLED) {
		sample_settled(&r, 3);
		journal_settle(j, s, &r);
	}
	journal_close(j);
}

static void a_damaged_slot_is_noticed(void **state)
{
	static const size_t body = offsetof(struct slot, body);
	static const struct {
		const char *what;
		enum at at;
		size_t byte; /* of the slot */
		int rows, damaged;
		enum ending ending;
		int64_t input;
	} cases[] = {
	    {"nothing", SETTLED, 0, 1, 0, ENDING_COMPLETE, 12},
	    {"state", SETTLED, offsetof(struct slot, state) + 1, 0, 1, ENDING_CRASH, 0},
	    {"settlement's sum", SETTLED, offsetof(struct slot, settle_sum), 1, 0, ENDING_CRASH, 20},
	    {"settlement's length", SETTLED, offsetof(struct slot, settle_n), 1, 0, ENDING_CRASH, 20},
	    {"intent of a settled call", SETTLED, body + 5, 0, 1, ENDING_CRASH, 0},
	    {"intent", LEFT, body + 5, 0, 1, ENDING_CRASH, 0},
	    {"intent's sum", LEFT, offsetof(struct slot, intent_sum), 0, 1, ENDING_CRASH, 0},
	    {"intent's length", LEFT, offsetof(struct slot, intent_n) + 1, 0, 1, ENDING_CRASH, 0},
	    {"later progress", LEFT, offsetof(struct slot, progress[1].m), 1, 0, ENDING_CRASH, 10},
	    {"earlier progress", LEFT, offsetof(struct slot, progress[0].m), 1, 0, ENDING_CRASH, 20},
	    {"behind the texts", LEFT, JOURNAL_SLOT_BYTES - 1, 1, 0, ENDING_CRASH, 20},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		static struct image main;
		struct folder f;
		struct error e = {0};
		struct journal_stats s;
		struct record r;
		journal_slot slot;
		struct stat st;
		folder_make(&f);
		const char *path = folder_file(&f, "weir.journal");
		make_slot(&f, cases[i].at);
		image_read(&main, path);
		if (cases[i].byte)
			main.bytes[JOURNAL_PAGE + cases[i].byte] ^= 0x40;
		image_write(&main, path);
		unlink(folder_file(&f, "weir.journal.disk"));
		struct journal *j = journal_open(path, SLOTS, 1, &e);
		assert_non_null(j);
		journal_stats_get(j, &s);
		int rows = journal_take(j, &slot, &r);
		if (rows != cases[i].rows || (int)s.damaged != cases[i].damaged ||
		    (rows && (r.ending != cases[i].ending || r.usage.m[METER_INPUT] != cases[i].input)))
			fail_msg("%s: %d rows, %d damaged, ending %d, input %lld", cases[i].what, rows,
			         (int)s.damaged, r.ending, (long long)r.usage.m[METER_INPUT]);
		assert_int_equal(stat(folder_file(&f, "weir.journal.damaged"), &st),
		                 cases[i].damaged ? 0 : -1);
		if (cases[i].damaged)
			assert_int_equal(st.st_size, JOURNAL_SLOT_BYTES);
		journal_close(j);
		folder_remove(&f);
	}
	(void)state;
}

static void a_header_of_another_version_is_refused_while_calls_are_in_it(void **state)
{
	for (int live = 0; live < 2; live++) {
		static struct image main;
		struct folder f;
		struct error e = {0};
		folder_make(&f);
		const char *path = folder_file(&f, "weir.journal");
		if (live)
			make_slot(&f, LEFT);
		else
			journal_close(journal_open(path, SLOTS, 1, &e));
		image_read(&main, path);
		((struct journal_header *)(void *)main.bytes)->layout ^= 1;
		image_write(&main, path);
		struct journal *j = journal_open(path, SLOTS, 1, &e);
		if (live) {
			assert_null(j);
			assert_int_equal(e.code, ERR_UNSUPPORTED);
			assert_non_null(strstr(e.text, "1 calls"));
		} else {
			assert_non_null(j);
			journal_close(j);
		}
		folder_remove(&f);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_synced_survives),
	    cmocka_unit_test(an_intent_may_have_left_before_a_power_loss),
	    cmocka_unit_test(a_damaged_slot_is_noticed),
	    cmocka_unit_test(a_header_of_another_version_is_refused_while_calls_are_in_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
