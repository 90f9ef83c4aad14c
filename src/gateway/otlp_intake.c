#include "gateway/otlp_intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "finops/otlp_meter.h"
#include "base/crypto.h"
#include "base/map.h"
#include "base/num.h"
#include "store/pack.h"
#include "text/gunzip.h"

#define ROWS_MAX    16384
#define BYTES_MAX   ((size_t)16 << 20)
#define ROW_MAX     4096
#define READ_MEM    ((size_t)32 << 20)
#define BATCH       64               /* rows in a transaction: the gateway's own writer waits as long */
#define BATCH_FULL  512              /* while so many and more wait: about 20 ms */
#define SETTLE_US   INT64_C(2000000) /* what metrics tell is compared with what calls came in within */
#define SETTLE_EASE 20 /* no more than one part in so many of the thread's time goes into settling */
#define CHANGED_MAX 4096
#define SWEEPS_MAX  64
#define SERIES_NS   (INT64_C(45) * 24 * 3600 * 1000000000) /* a series that long without a point is over */
#define WAIT_US     INT64_C(2000000)                       /* the gateway's own row comes within */
#define PAUSE_MS    200                                    /* after a ledger that did not take them */
#define END_TRIES   10
#define LOG_EACH_US INT64_C(60000000)

struct row {
	struct row *next;
	int64_t due_us;
	bool is_point;
	struct otlp_point point;
	size_t n;
	unsigned char bytes[];
};

struct rows {
	struct row *first, **end;
	size_t n, bytes;
};

struct otlp_intake {
	struct shared *shared; /* not owned */
	const struct ledger_ops *ops;
	slice store;                /* not owned */
	struct ledger *ledger;      /* the thread's; NULL until it could be opened */
	struct otlp_meters *meters; /* owned; the thread's */
	int64_t settle_us;          /* when what they tell is settled; 0: there is nothing to */
	int64_t settle_not_before_us;
	uint64_t changed[CHANGED_MAX]; /* hashes of sessions that were told of since */
	size_t changed_n;              /* above CHANGED_MAX: all of them */
	int64_t told_us;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t wake;
	bool stopping;
	struct rows queue;
	struct otlp_stats stats;
};

/* --- rows ------------------------------------------------------------------------------------------------
 */

static void rows_init(struct rows *q)
{
	*q = (struct rows){.end = &q->first};
}

static void rows_push(struct rows *q, struct row *r)
{
	r->next = NULL;
	*q->end = r;
	q->end = &r->next;
	q->n++;
	q->bytes += r->n;
}

static struct row *rows_pop(struct rows *q)
{
	struct row *r = q->first;
	if (r == NULL)
		return NULL;
	q->first = r->next;
	if (q->first == NULL)
		q->end = &q->first;
	q->n--;
	q->bytes -= r->n;
	return r;
}

static void rows_free(struct rows *q)
{
	for (struct row *r; (r = rows_pop(q)) != NULL;)
		free(r);
}

static void rows_move(struct rows *to, struct rows *from)
{
	for (struct row *r; (r = rows_pop(from)) != NULL;)
		rows_push(to, r);
}

struct gathering {
	struct rows rows;
	int64_t due_us;
};

static int gather_row(struct gathering *g, const struct record *r, const struct otlp_point *p)
{
	unsigned char bytes[ROW_MAX];
	size_t n = record_pack(r, NULL, bytes, sizeof bytes);
	if (g->rows.n == ROWS_MAX || g->rows.bytes + n > BYTES_MAX)
		return ERR_FULL;
	struct row *row = malloc(sizeof *row + n);
	if (row == NULL)
		return ERR_NOMEM;
	row->due_us = g->due_us;
	row->is_point = p != NULL;
	if (p)
		row->point = *p;
	row->n = n;
	memcpy(row->bytes, bytes, n);
	rows_push(&g->rows, row);
	return 0;
}

static int gather(void *arg, const struct record *r)
{
	return gather_row(arg, r, NULL);
}

static int gather_point(void *arg, const struct record *r, const struct otlp_point *p)
{
	return gather_row(arg, r, p);
}

/* --- the thread ------------------------------------------------------------------------------------------
 */

/* What a transaction did; it counts once it is committed. */
struct done {
	unsigned added, known, rejected, counted, repeated;
};

static uint64_t session_hash(const struct record *r)
{
	return map_hash(r->who.v[ATTR_SESSION], 0);
}

static bool has_changed(const struct otlp_intake *t, uint64_t session)
{
	for (size_t i = 0; i < t->changed_n && i < CHANGED_MAX; i++)
		if (t->changed[i] == session)
			return true;
	return t->changed_n > CHANGED_MAX;
}

static void note_changed(struct otlp_intake *t, const struct record *r)
{
	uint64_t session = session_hash(r);
	if (has_changed(t, session))
		return;
	if (t->changed_n < CHANGED_MAX)
		t->changed[t->changed_n] = session;
	t->changed_n++;
}

static int put(struct otlp_intake *t, const struct record *r, struct done *d, struct error *e)
{
	note_changed(t, r);
	char source[64];
	int rc = t->ops->same_call(t->ledger, r, source, sizeof source, e);
	if (rc == 0 && source[0]) {
		d->known++;
		return 0;
	}
	if (rc == 0)
		rc = t->ops->add(t->ledger, r, e);
	if (rc == ERR_INVALID) {
		struct error why = *e;
		rc = t->ops->reject(t->ledger, r, why.text, clock_wall_ms(t->shared->clock), e);
		d->rejected++;
		return rc == ERR_INVALID ? 0 : rc;
	}
	if (rc == 0 && t->ops->added(t->ledger))
		d->added++;
	else if (rc == 0)
		d->known++;
	return rc;
}

static int put_point(struct otlp_intake *t, const struct record *r, const struct otlp_point *p,
                     struct done *d, struct error *e)
{
	bool added;
	int rc = otlp_meters_take(t->meters, t->ops, t->ledger, r, p, &added, e);
	if (rc == 0 && added)
		note_changed(t, r);
	if (rc == 0 && added)
		d->counted++;
	else if (rc == 0)
		d->repeated++;
	return rc;
}

static int put_row(struct otlp_intake *t, const struct row *row, struct done *d, struct error *e)
{
	struct record r;
	if (!record_unpack(slice_make(row->bytes, row->n), NULL, &r)) {
		d->rejected++;
		return 0;
	}
	return row->is_point ? put_point(t, &r, &row->point, d, e) : put(t, &r, d, e);
}

static int open_ledger(struct otlp_intake *t, struct error *e)
{
	int64_t now_ns = clock_wall_ms(t->shared->clock) * 1000000;
	int rc = t->ops->open(t->store.p, true, &t->ledger, e);
	if (rc == 0)
		rc = t->ops->series_trim(t->ledger, now_ns - SERIES_NS, e);
	if (rc && t->ledger) {
		t->ops->close(t->ledger);
		t->ledger = NULL;
	}
	return rc;
}

/* One transaction. The rows stay with the caller. */
static int put_all(struct otlp_intake *t, const struct rows *rows, struct done *d, struct error *e)
{
	int rc = t->ledger ? 0 : open_ledger(t, e);
	if (rc == 0)
		rc = t->ops->begin(t->ledger, e);
	if (rc)
		return rc;
	for (const struct row *row = rows->first; row && rc == 0; row = row->next)
		rc = put_row(t, row, d, e);
	if (rc == 0)
		rc = otlp_meters_flush(t->meters, t->ops, t->ledger, e);
	if (rc == 0)
		rc = t->ops->commit(t->ledger, e);
	if (rc) {
		t->ops->rollback(t->ledger);
		otlp_meters_forget(t->meters);
	}
	return rc;
}

/* --- what metrics tell beyond the calls ------------------------------------------------------------------
 */

/* After rows: they are looked at together with what comes within a while. */
static void settle_later(struct otlp_intake *t, const struct done *d)
{
	if (t->settle_us == 0 && (d->counted || d->added))
		t->settle_us =
		    num_max_i64(clock_mono_us(t->shared->clock) + SETTLE_US, t->settle_not_before_us);
}

static bool wants(void *arg, const struct tally *t)
{
	struct otlp_intake *intake = arg;
	return t->kind == TALLY_METRICS && has_changed(intake, map_hash(t->who.v[ATTR_SESSION], 0));
}

/* What the gateway wrote behind what telemetry told of the same calls. */
static int sweep(struct otlp_intake *t, struct error *e)
{
	uint64_t removed;
	bool more = true;
	int rc = 0;
	for (int i = 0; more && rc == 0 && i < SWEEPS_MAX; i++)
		rc = t->ops->same_sweep(t->ledger, &removed, &more, e);
	return rc;
}

/* Without the lock. Only sessions that something came of since the last time. */
static int settle(struct otlp_intake *t, struct tally_counts *n, struct error *e)
{
	int64_t since, until;
	t->settle_us = 0;
	int rc = t->ledger ? sweep(t, e) : 0;
	if (rc || t->ledger == NULL || !otlp_meters_spans(t->meters, &since, &until))
		return rc;
	pthread_mutex_lock(&t->shared->lock);
	struct settings *settings = settings_ref(t->shared->settings);
	pthread_mutex_unlock(&t->shared->lock);
	const struct tally_book b = {
	    .ops = t->ops, .ledger = t->ledger, .catalog = settings->catalog, .wants = wants, .arg = t};
	int64_t from_us = clock_mono_us(t->shared->clock);
	rc = tally_settle(&b, since, until, n, e);
	settings_unref(settings);
	int64_t now_us = clock_mono_us(t->shared->clock);
	t->settle_not_before_us = now_us + (now_us - from_us) * SETTLE_EASE;
	if (rc == 0)
		t->changed_n = 0;
	if (rc)
		t->settle_us = clock_mono_us(t->shared->clock) + SETTLE_US;
	return rc;
}

static void tell_trouble(struct otlp_intake *t, const struct error *e)
{
	int64_t now = clock_mono_us(t->shared->clock);
	if (t->told_us && now - t->told_us < LOG_EACH_US)
		return;
	t->told_us = now;
	log_event(t->shared->log, LOG_ERROR, "otlp.not_booked", LOG_Z("message", e->text),
	          LOG_Z("effect", "calls that telemetry told of wait in memory"));
}

/* Microseconds until the first row is due; INT64_MAX: none waits. */
static int64_t due_in(const struct otlp_intake *t)
{
	if (t->queue.first == NULL)
		return INT64_MAX;
	return t->stopping ? 0 : t->queue.first->due_us - clock_mono_us(t->shared->clock);
}

/* The same of settling. */
static int64_t settle_in(const struct otlp_intake *t)
{
	if (t->settle_us == 0)
		return INT64_MAX;
	int64_t in = t->settle_us - clock_mono_us(t->shared->clock);
	return t->stopping || in < 0 ? 0 : in;
}

/* With the lock, which is let go meanwhile. */
static void settle_now(struct otlp_intake *t)
{
	struct tally_counts n = {0};
	struct error e = {0};
	pthread_mutex_unlock(&t->lock);
	int rc = settle(t, &n, &e);
	if (rc)
		tell_trouble(t, &e);
	pthread_mutex_lock(&t->lock);
	t->stats.settled += n.booked;
	t->stats.failures += rc != 0;
	if (rc && t->stopping)
		t->settle_us = 0; /* the tallies stand in the ledger: the next import settles them */
}

static void pause_for(struct otlp_intake *t, int64_t us)
{
	struct timespec at;
	if (us == INT64_MAX) {
		pthread_cond_wait(&t->wake, &t->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &at);
	int64_t ns = at.tv_nsec + us % 1000000 * 1000;
	at.tv_sec += (time_t)(us / 1000000 + ns / 1000000000);
	at.tv_nsec = (long)(ns % 1000000000);
	pthread_cond_timedwait(&t->wake, &t->lock, &at);
}

/* With the lock, which is let go meanwhile. False when the ledger did not take them. */
static bool step(struct otlp_intake *t, struct rows *batch)
{
	struct done d = {0};
	struct error e = {0};
	size_t most = t->queue.n >= BATCH_FULL ? BATCH_FULL : BATCH;
	while (batch->n < most && due_in(t) <= 0)
		rows_push(batch, rows_pop(&t->queue));
	pthread_mutex_unlock(&t->lock);
	int rc = put_all(t, batch, &d, &e);
	if (rc)
		tell_trouble(t, &e);
	else
		settle_later(t, &d);
	pthread_mutex_lock(&t->lock);
	if (rc) {
		t->stats.failures++;
		return false;
	}
	t->stats.added += d.added;
	t->stats.known += d.known;
	t->stats.rejected += d.rejected;
	t->stats.counted += d.counted;
	t->stats.repeated += d.repeated;
	rows_free(batch);
	return true;
}

static void *intake_main(void *arg)
{
	struct otlp_intake *t = arg;
	struct rows batch;
	int tries = 0;
	rows_init(&batch);
	pthread_mutex_lock(&t->lock);
	for (;;) {
		int64_t wait = batch.n ? 0 : due_in(t), settle = settle_in(t);
		if (wait > 0 && settle == 0) {
			settle_now(t);
			continue;
		}
		wait = settle < wait ? settle : wait;
		if (wait > 0 && t->stopping)
			break;
		if (wait > 0) {
			pause_for(t, wait);
			continue;
		}
		if (step(t, &batch))
			continue;
		if (t->stopping && ++tries == END_TRIES)
			break;
		pause_for(t, PAUSE_MS * 1000);
	}
	t->stats.lost += batch.n + t->queue.n;
	pthread_mutex_unlock(&t->lock);
	rows_free(&batch);
	if (t->ledger)
		t->ops->close(t->ledger);
	return NULL;
}

struct otlp_intake *otlp_intake_start(struct shared *s, const struct ledger_ops *ops, slice store,
                                      struct error *e)
{
	struct otlp_intake *t = calloc(1, sizeof *t);
	pthread_condattr_t attr;
	if (t == NULL)
		return error_set(e, ERR_NOMEM, "out of memory"), NULL;
	t->shared = s;
	t->ops = ops;
	t->store = store;
	uint64_t seed = 0;
	if (crypto_random(&seed, sizeof seed) || (t->meters = otlp_meters_new(seed)) == NULL) {
		free(t);
		return error_set(e, ERR_NOMEM, "out of memory"), NULL;
	}
	rows_init(&t->queue);
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &attr);
	pthread_condattr_destroy(&attr);
	int code = pthread_create(&t->thread, NULL, intake_main, t);
	if (code == 0)
		return t;
	error_errno(e, ERR_IO, code, "no thread for telemetry could be started");
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	otlp_meters_free(t->meters);
	free(t);
	return NULL;
}

void otlp_intake_stop(struct otlp_intake *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	if (t->stats.lost)
		log_event(t->shared->log, LOG_ERROR, "otlp.lost", LOG_I("calls", t->stats.lost),
		          LOG_Z("message", "the ledger did not take these calls of telemetry; the agents' "
		                           "transcripts have them: weir import"));
	rows_free(&t->queue);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	otlp_meters_free(t->meters);
	free(t);
}

void otlp_intake_stats(struct otlp_intake *t, struct otlp_stats *out)
{
	pthread_mutex_lock(&t->lock);
	*out = t->stats;
	out->waiting = t->queue.n;
	pthread_mutex_unlock(&t->lock);
}

/* --- requests --------------------------------------------------------------------------------------------
 */

static const slice paths[] = {
    [OTLP_LOGS] = {"/v1/logs", 8}, [OTLP_TRACES] = {"/v1/traces", 10}, [OTLP_METRICS] = {"/v1/metrics", 11}};
#define PATHS (sizeof paths / sizeof paths[0])

static size_t path_at(slice path)
{
	size_t i = 0;
	while (i < PATHS && !slice_eq(path, paths[i]))
		i++;
	return i;
}

bool otlp_intake_path(slice path)
{
	return path_at(path) < PATHS;
}

struct request {
	struct otlp_intake *t;
	enum otlp_signal signal;
	bool protobuf;
	int *status;
	const char **type;
	struct buf *out;
};

/* google.rpc.Status, in the encoding of the request: its message is field 2. */
static int answer(const struct request *r, int status, const char *message)
{
	size_t n = strlen(message);
	*r->status = status;
	*r->type = r->protobuf ? "application/x-protobuf" : "application/json";
	if (status == 200)
		return r->protobuf ? 0 : buf_append(r->out, SLICE("{}"));
	if (!r->protobuf)
		return buf_printf(r->out, "{\"message\":\"%s\"}\n", message);
	const char head[3] = {0x12, (char)((n & 0x7f) | 0x80), (char)(n >> 7)};
	int rc = buf_append(r->out, slice_make(head, sizeof head));
	return rc ? rc : buf_append(r->out, slice_make(message, n));
}

static int counted(const struct request *r, unsigned long long *counter, int status, const char *message)
{
	pthread_mutex_lock(&r->t->lock);
	++*counter;
	pthread_mutex_unlock(&r->t->lock);
	return answer(r, status, message);
}

/* All rows or none. */
static bool queue_all(struct otlp_intake *t, struct rows *rows, const struct otlp_counts *n)
{
	pthread_mutex_lock(&t->lock);
	bool room = t->queue.n + rows->n <= ROWS_MAX && t->queue.bytes + rows->bytes <= BYTES_MAX;
	if (room) {
		rows_move(&t->queue, rows);
		t->stats.requests++;
		t->stats.logs += n->logs;
		t->stats.spans += n->spans;
		t->stats.points += n->points;
		t->stats.others += n->others;
		t->stats.not_understood += n->not_understood;
		t->stats.calls += n->calls;
		t->stats.unpriced += n->unpriced;
		pthread_cond_signal(&t->wake);
	}
	pthread_mutex_unlock(&t->lock);
	return room;
}

static int take_plain(const struct request *r, slice body, const struct attribution *fixed)
{
	struct shared *s = r->t->shared;
	struct gathering g = {.due_us = clock_mono_us(s->clock) + WAIT_US};
	struct otlp_counts n = {0};
	struct arena mem;
	pthread_mutex_lock(&s->lock);
	struct settings *settings = settings_ref(s->settings);
	pthread_mutex_unlock(&s->lock);
	struct import_options o = {.catalog = settings->catalog,
	                           .fixed = *fixed,
	                           .on_call = gather,
	                           .on_point = gather_point,
	                           .arg = &g};
	rows_init(&g.rows);
	arena_init(&mem, READ_MEM);
	int rc = otlp_read(r->signal, r->protobuf, body, &o, &mem, &n), result;
	struct otlp_stats *stats = &r->t->stats;
	if (rc == ERR_INVALID)
		result = counted(r, &stats->malformed, 400, "the body is no OTLP of its content-type");
	else if (rc == ERR_FULL)
		result = counted(r, &stats->full, 413, "too many calls at once: send smaller batches");
	else if (rc || !queue_all(r->t, &g.rows, &n))
		result = counted(r, &stats->full, 503, "no room for more just now: send it again");
	else
		result = answer(r, 200, "");
	rows_free(&g.rows);
	arena_release(&mem);
	settings_unref(settings);
	return result;
}

int otlp_intake_take(struct otlp_intake *t, slice path, const struct headers *headers, slice body,
                     const struct attribution *fixed, int *status, const char **type, struct buf *out)
{
	slice kind, content = headers_get(headers, SLICE("content-type"));
	slice coding = slice_trim(headers_get(headers, SLICE("content-encoding")));
	slice_split(&content, ';', &kind);
	kind = slice_trim(kind);
	struct request r = {t, (enum otlp_signal)path_at(path), false, status, type, out};
	r.protobuf = slice_eq_nocase(kind, SLICE("application/x-protobuf"));
	if (!r.protobuf && !slice_eq_nocase(kind, SLICE("application/json")))
		return counted(&r, &t->stats.malformed, 415,
		               "content-type application/json or application/x-protobuf is wanted");
	if (coding.n == 0 || slice_eq_nocase(coding, SLICE("identity")))
		return take_plain(&r, body, fixed);
	if (!slice_eq_nocase(coding, SLICE("gzip")))
		return counted(&r, &t->stats.malformed, 415, "content-encoding is gzip or none");
	struct buf plain;
	buf_init(&plain, OTLP_PLAIN_MAX);
	int rc = gunzip(body, &plain);
	if (rc == ERR_FULL)
		rc = counted(&r, &t->stats.malformed, 413, "unpacked it is too large: send smaller batches");
	else if (rc == ERR_INVALID)
		rc = counted(&r, &t->stats.malformed, 400, "the body is no gzip");
	else if (rc == 0)
		rc = take_plain(&r, buf_slice(&plain), fixed);
	buf_release(&plain);
	return rc;
}
