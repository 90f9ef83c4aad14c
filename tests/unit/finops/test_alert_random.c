/* Random days: causes come, grow and go, receivers fail, the ledger fails, the process is killed. Whatever
 * the order: of each cause the receiver hears that it was raised before it hears more, nothing twice, and in
 * the end everything. */
#include "finops/alert_book.h"
#include "unit/store/fixture.h"

#define T0     INT64_C(1764000000000)
#define CAUSES 12
#define STEPS  600

static uint64_t state;

static unsigned pick(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

/* What the receiver knows of an alert. */
struct heard {
	char id[CRYPTO_ID_MAX];
	int raised, resolved;
};
static struct heard heard[4096];
static size_t heard_n;

static struct heard *heard_of(slice id)
{
	for (size_t i = 0; i < heard_n; i++)
		if (slice_eq(slice_of(heard[i].id), id))
			return &heard[i];
	assert_true(heard_n < sizeof heard / sizeof *heard);
	struct heard *h = &heard[heard_n++];
	memset(h, 0, sizeof *h);
	snprintf(h->id, sizeof h->id, SLICE_FMT, SLICE_ARG(id));
	return h;
}

struct world {
	const struct ledger_ops *ops;
	struct folder folder;
	struct ledger *l;
	struct alert_book *b;
	struct alert_target target;
	int64_t now;
	int64_t level[CAUSES]; /* 0: not so */
	int told_of[CAUSES];
};

static void start(struct world *w)
{
	struct error e = {0};
	w->b = alert_book_new();
	assert_non_null(w->b);
	alert_book_targets(w->b, &w->target, 1);
	assert_int_equal(alert_book_load(w->b, w->ops, w->l, w->now, &e), 0);
}

static bool store(struct world *w, bool works)
{
	struct error e = {0};
	assert_int_equal(w->ops->begin(w->l, &e), 0);
	assert_int_equal(alert_book_store(w->b, w->ops, w->l, &e), 0);
	if (works)
		assert_int_equal(w->ops->commit(w->l, &e), 0);
	else
		w->ops->rollback(w->l);
	alert_book_stored(w->b, works);
	return works;
}

static void turn(struct world *w)
{
	alert_book_begin(w->b);
	for (int i = 0; i < CAUSES; i++) {
		char key[16];
		struct alert_cause c = {.key = SLICE_NONE,
		                        .kind = ALERT_BUDGET,
		                        .severity = ALERT_WARNING,
		                        .level = w->level[i],
		                        .title = SLICE("x")};
		snprintf(key, sizeof key, "c%d", i);
		c.key = slice_of(key);
		if (w->level[i])
			assert_int_equal(alert_book_raise(w->b, &c, w->now), 0);
	}
	alert_book_end(w->b, UINT64_C(1) << ALERT_BUDGET, w->now);
}

/* The receiver takes it; it is stored unless the process dies just then (then it may come once more). */
static void hear(const struct alert_message *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct heard *h = heard_of(m->told[i].id);
		bool over = m->told[i].resolved_ms > 0;
		assert_true(m->told[i].event != ALERT_RISEN || h->raised || over);
		assert_false(h->resolved); /* nothing after its end */
		if (over)
			h->resolved++;
		else
			h->raised += m->told[i].event == ALERT_RAISED;
		assert_true(h->raised <= 1);
	}
}

static void send(struct world *w, bool works)
{
	struct alert_message m;
	struct alert_outcome o = {.sent = works, .why = SLICE("down")};
	if (!alert_book_due(w->b, &w->target, w->now, false, &m))
		return;
	if (works)
		hear(&m);
	alert_book_done(w->b, &m, &o, w->now);
	if (works)
		store(w, true);
}

static void step(struct world *w)
{
	int i = (int)pick(CAUSES);
	w->now += pick(20000);
	switch (pick(8)) {
	case 0:
		w->level[i] = 0;
		break;
	case 1:
	case 2:
		w->level[i] += 1 + pick(2);
		break;
	case 3: /* killed: what was not stored is lost, and raised anew if it is still so */
		alert_book_free(w->b);
		start(w);
		break;
	default:
		break;
	}
	turn(w);
	if (store(w, pick(6) != 0))
		send(w, pick(3) != 0);
}

static int count_open(void *arg, const struct ledger_alert *a)
{
	struct world *w = arg;
	long long i;
	assert_true(slice_to_i64(slice_sub(a->cause, 1, a->cause.n), &i) && i >= 0 && i < CAUSES);
	w->told_of[i]++;
	struct heard *h = heard_of(a->id);
	assert_int_equal(h->raised, 1);
	return 0;
}

static void whatever_the_order(void **unused)
{
	(void)unused;
	for (unsigned seed = 1; seed <= 2; seed++) {
		struct world w = {.now = T0};
		struct error e = {0};
		slice rest;
		state = seed * UINT64_C(0x9e3779b97f4a7c15);
		heard_n = 0;
		folder_make(&w.folder);
		w.ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
		assert_int_equal(w.ops->open(folder_file(&w.folder, "weir.db"), true, &w.l, &e), 0);
		w.target = (struct alert_target){
		    .name = SLICE("t"), .severity = ALERT_WARNING, .group_ms = 30000, .rate = 100000};
		start(&w);
		for (int i = 0; i < STEPS; i++)
			step(&w);
		for (int i = 0; i < 20; i++) { /* all is well again */
			w.now += 61000;
			turn(&w);
			store(&w, true);
			send(&w, true);
		}
		struct ledger_alert_query open = {.open = true};
		struct alert_stats st;
		assert_int_equal(w.ops->alerts->list(w.l, &open, count_open, &w, &e), 0);
		for (int i = 0; i < CAUSES; i++)
			assert_int_equal(w.told_of[i], w.level[i] != 0);
		alert_book_stats(w.b, &st);
		assert_int_equal(st.waiting, 0);
		alert_book_free(w.b);
		w.ops->close(w.l);
		folder_remove(&w.folder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_the_order)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
