/* Rows wait GATHER_MS after the first one, so that a busy gateway commits batches, each one flush of the
 * disk. A batch that the ledger does not take is rolled back and its rows go back to the journal's list: they
 * are tried again, later and later, at most PAUSE_MAX_MS apart. */
#include "store/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "store/waker.h"

#define BATCH_MAX    1024
#define GATHER_MS    10
#define PAUSE_MIN_MS 20
#define PAUSE_MAX_MS 1000
#define TIDY_MS      20 /* between two steps of work that can wait */
#define LOG_EVERY_US INT64_C(60000000)

struct writer {
	struct journal *journal;
	const struct ledger_ops *ops;
	struct writer_hook hook; /* functions NULL: none */
	atomic_bool poked;
	char *url; /* owned */
	struct log *log;
	pthread_t thread, sync_thread;
	bool started, sync_started;
	struct waker pause, sync_pause; /* what the threads sleep on when they wait for time alone */
	atomic_bool stopping, sync_stopping;
	atomic_llong deadline_us; /* of stopping; monotonic */

	/* the writer thread's */
	struct ledger *ledger; /* owned; NULL while it cannot be opened */
	journal_slot batch[BATCH_MAX];
	int pause_ms;
	bool tidy;                         /* the ledger has no work left that can wait */
	int64_t logged_us, sync_logged_us; /* when the trouble was told last; 0: not yet */

	atomic_llong rows_before_ms, sums_before_ms; /* what is older goes; 0: nothing */
	atomic_bool trim;                            /* there may be some */
	atomic_ullong rows, transactions, failures, rejected;
	atomic_int failing;
};

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool is_stopping(void *arg)
{
	return atomic_load((atomic_bool *)arg);
}

static size_t waiting(const struct writer *w)
{
	struct journal_stats s;
	journal_stats_get(w->journal, &s);
	return s.settled;
}

/* --- moving rows ----------------------------------------------------------------------------- */

static int reject(struct writer *w, const struct record *r, const struct error *why, struct error *e)
{
	int64_t at = clock_wall_ms(w->log->clock);
	int rc = w->ops->reject(w->ledger, r, why->text, at, e);
	if (rc != 0 && rc != ERR_INVALID)
		return rc;
	atomic_fetch_add(&w->rejected, 1);
	log_event(w->log, LOG_ERROR, "ledger.row_rejected", LOG_Z("id", r->id), LOG_Z("why", why->text),
	          LOG_Z("kept", rc == 0 ? "table rejected" : "nowhere"));
	return 0;
}

static int add_rows(struct writer *w, size_t *n, struct error *e)
{
	struct record r;
	int rc = 0;
	while (rc == 0 && *n < BATCH_MAX && journal_take(w->journal, &w->batch[*n], &r)) {
		++*n;
		rc = w->ops->add(w->ledger, &r, e);
		if (rc == ERR_INVALID) {
			struct error why = *e;
			rc = reject(w, &r, &why, e);
		} else if (rc == 0 && w->hook.row && w->ops->added(w->ledger)) {
			rc = w->hook.row(w->hook.arg, w->ledger, &r, e);
		}
	}
	return rc;
}

/* One transaction; *n rows of the journal are in the ledger when it returns 0. */
static int move_batch(struct writer *w, size_t *n, struct error *e)
{
	*n = 0;
	int rc = w->ledger ? 0 : w->ops->open(w->url, true, &w->ledger, e);
	bool poked = w->hook.begin && atomic_load(&w->poked);
	if (rc != 0 || (waiting(w) == 0 && !poked))
		return rc;
	rc = w->ops->begin(w->ledger, e);
	if (rc == 0 && w->hook.begin)
		rc = w->hook.begin(w->hook.arg, w->ledger, e);
	if (rc == 0)
		rc = add_rows(w, n, e);
	if (rc == 0 && w->hook.end)
		rc = w->hook.end(w->hook.arg, w->ledger, e);
	if (rc == 0)
		rc = w->ops->commit(w->ledger, e);
	if (w->hook.done)
		w->hook.done(w->hook.arg, rc == 0);
	if (rc == 0) {
		if (poked)
			atomic_store(&w->poked, false);
		for (size_t i = 0; i < *n; i++)
			journal_done(w->journal, w->batch[i]);
		atomic_fetch_add(&w->rows, *n);
		atomic_fetch_add(&w->transactions, 1);
		return 0;
	}
	w->ops->rollback(w->ledger);
	while (*n > 0)
		journal_untake(w->journal, w->batch[--*n]);
	if (rc != ERR_BUSY) { /* a file that moved, a disk that came back: begin from the name again */
		w->ops->close(w->ledger);
		w->ledger = NULL;
	}
	return rc;
}

static void tell_trouble(struct writer *w, const struct error *e)
{
	struct journal_stats s;
	int64_t now = now_us();
	if (w->logged_us && now - w->logged_us < LOG_EVERY_US)
		return;
	w->logged_us = now;
	journal_stats_get(w->journal, &s);
	log_event(w->log, LOG_ERROR, "ledger.unavailable", LOG_Z("why", e->text),
	          LOG_I("rows_waiting", s.settled), LOG_I("journal_slots", s.slots),
	          LOG_Z("effect", "calls go on until the journal is full; nothing is lost"));
}

static void tell_recovery(struct writer *w, size_t rows)
{
	if (w->logged_us)
		log_event(w->log, LOG_WARN, "ledger.available", LOG_I("rows", rows),
		          LOG_I("rows_waiting", waiting(w)));
	w->logged_us = 0;
}

/* One batch, and what follows from how it went; the rows it moved. */
static size_t step(struct writer *w)
{
	struct error e = {0};
	size_t n;
	int rc = move_batch(w, &n, &e);
	if (rc == 0) {
		tell_recovery(w, n);
		atomic_store(&w->failing, 0);
		w->pause_ms = 0;
		return n;
	}
	atomic_fetch_add(&w->failures, 1);
	atomic_store(&w->failing, 1);
	tell_trouble(w, &e);
	w->pause_ms = w->pause_ms ? w->pause_ms * 2 : PAUSE_MIN_MS;
	if (w->pause_ms > PAUSE_MAX_MS)
		w->pause_ms = PAUSE_MAX_MS;
	return 0;
}

/* Milliseconds that stopping leaves, at most ms. */
static int time_left(struct writer *w, int ms)
{
	if (!atomic_load(&w->stopping))
		return ms;
	int64_t left = (atomic_load(&w->deadline_us) - now_us()) / 1000;
	return left < 0 ? 0 : left < ms ? (int)left : ms;
}

/* What is older than is kept. */
static void trim(struct writer *w)
{
	struct error e = {0};
	bool more = false;
	if (!w->tidy || w->ledger == NULL || w->ops->trim == NULL || !atomic_load(&w->trim))
		return;
	int rc = w->ops->trim(w->ledger, atomic_load(&w->rows_before_ms), atomic_load(&w->sums_before_ms),
	                      &more, &e);
	if (rc != ERR_BUSY && !more) /* a fault is met again by the rows, and told then */
		atomic_store(&w->trim, false);
}

/* When no rows wait. */
static void tidy_up(struct writer *w)
{
	struct error e = {0};
	bool more = false;
	trim(w);
	if (w->tidy || w->ledger == NULL || w->ops->tidy == NULL)
		return;
	int rc = w->ops->tidy(w->ledger, &more, &e);
	w->tidy = rc != ERR_BUSY && !(rc == 0 && more);
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	size_t moved = step(w); /* opens the ledger, so that trouble is told before the first call */
	for (;;) {
		bool stopping = atomic_load(&w->stopping);
		if (stopping && (waiting(w) == 0 || time_left(w, 1) == 0))
			break;
		if (w->pause_ms) {
			/* Once stopping, the pause must not be cut short by being so. */
			waker_sleep(&w->pause, time_left(w, w->pause_ms), stopping ? NULL : is_stopping,
			            &w->stopping);
		} else if (!stopping && moved < BATCH_MAX) {
			tidy_up(w);
			if (!atomic_load(&w->poked))
				journal_wait(w->journal,
				             (w->tidy || w->ops->tidy == NULL) && !atomic_load(&w->trim)
				                 ? -1
				                 : TIDY_MS);
			waker_sleep(&w->pause, GATHER_MS, is_stopping, &w->stopping);
		}
		moved = step(w);
	}
	if (w->ledger)
		w->ops->close(w->ledger);
	w->ledger = NULL;
	return NULL;
}

/* --- the sync thread ------------------------------------------------------------------------- */

static void sync_once(struct writer *w)
{
	struct error e = {0};
	int64_t now = now_us();
	if (journal_sync(w->journal, &e) == 0) {
		w->sync_logged_us = 0;
	} else if (w->sync_logged_us == 0 || now - w->sync_logged_us >= LOG_EVERY_US) {
		w->sync_logged_us = now;
		log_event(w->log, LOG_ERROR, "journal.sync_failed", LOG_Z("why", e.text),
		          LOG_Z("effect", "a power loss now would lose calls; a crash of weir would not"));
	}
}

/* A sync begins JOURNAL_SYNC_MS after the first change it takes; after the last sync began, when it is one
 * that came during that. */
static void *sync_main(void *arg)
{
	struct writer *w = arg;
	int64_t from = now_us();
	while (!atomic_load(&w->sync_stopping)) {
		if (!journal_sync_wait(w->journal, 0)) {
			journal_sync_wait(w->journal, -1);
			from = now_us();
		}
		int64_t left_ms = JOURNAL_SYNC_MS - (now_us() - from) / 1000;
		if (left_ms > 0)
			waker_sleep(&w->sync_pause, (int)left_ms, is_stopping, &w->sync_stopping);
		from = now_us();
		sync_once(w);
	}
	return NULL;
}

/* --- starting and stopping ------------------------------------------------------------------- */

static int start_threads(struct writer *w, struct error *e)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the main thread's */
	int why = pthread_create(&w->thread, NULL, writer_main, w);
	w->started = why == 0;
	if (why == 0) {
		pthread_setname_np(w->thread, "weir-ledger");
		why = pthread_create(&w->sync_thread, NULL, sync_main, w);
		w->sync_started = why == 0;
	}
	if (w->sync_started)
		pthread_setname_np(w->sync_thread, "weir-sync");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return why ? error_errno(e, ERR_IO, why, "the ledger's threads cannot be started") : 0;
}

struct writer *writer_start_with(struct journal *j, const struct ledger_ops *ops, slice url,
                                 const struct writer_hook *hook, struct log *log, struct error *e)
{
	struct writer *w = calloc(1, sizeof *w);
	if (w == NULL) {
		error_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	w->journal = j;
	w->ops = ops;
	w->log = log;
	if (hook)
		w->hook = *hook;
	w->pause.fd = w->sync_pause.fd = -1;
	w->url = strndup(url.n ? url.p : "", url.n);
	if (w->url == NULL)
		error_set(e, ERR_NOMEM, "out of memory");
	else if (waker_init(&w->pause, e) == 0 && waker_init(&w->sync_pause, e) == 0 &&
	         start_threads(w, e) == 0)
		return w;
	writer_stop(w, 0);
	return NULL;
}

struct writer *writer_start(struct journal *j, const struct ledger_ops *ops, slice url, struct log *log,
                            struct error *e)
{
	return writer_start_with(j, ops, url, NULL, log, e);
}

void writer_poke(struct writer *w)
{
	atomic_store(&w->poked, true);
	journal_wake(w->journal);
}

void writer_retain(struct writer *w, int64_t rows_before_ms, int64_t sums_before_ms)
{
	atomic_store(&w->rows_before_ms, rows_before_ms);
	atomic_store(&w->sums_before_ms, sums_before_ms);
	atomic_store(&w->trim, true);
	journal_wake(w->journal);
}

bool writer_stop(struct writer *w, int timeout_ms)
{
	atomic_store(&w->deadline_us, now_us() + (int64_t)timeout_ms * 1000);
	atomic_store(&w->stopping, true);
	if (w->started) {
		journal_wake(w->journal);
		waker_kick(&w->pause);
		pthread_join(w->thread, NULL);
	}
	atomic_store(&w->sync_stopping, true);
	if (w->sync_started) {
		journal_sync_wake(w->journal);
		waker_kick(&w->sync_pause);
		pthread_join(w->sync_thread, NULL);
		sync_once(w);
	}
	bool all = w->started && waiting(w) == 0;
	waker_release(&w->pause);
	waker_release(&w->sync_pause);
	free(w->url);
	free(w);
	return all;
}

void writer_stats_get(const struct writer *w, struct writer_stats *out)
{
	clockid_t clock;
	struct timespec t = {0};
	*out = (struct writer_stats){.rows = atomic_load(&w->rows),
	                             .transactions = atomic_load(&w->transactions),
	                             .failures = atomic_load(&w->failures),
	                             .rejected = atomic_load(&w->rejected),
	                             .failing = atomic_load(&w->failing)};
	if (pthread_getcpuclockid(w->thread, &clock) == 0 && clock_gettime(clock, &t) == 0)
		out->cpu_us = (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
