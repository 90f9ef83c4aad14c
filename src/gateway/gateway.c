#include "gateway/gateway.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <curl/curl.h>
#include <malloc.h>

#include "gateway/alerts.h"
#include "gateway/batch_follow.h"
#include "gateway/books.h"
#include "gateway/console.h"
#include "gateway/gate_secret.h"
#include "gateway/oidc.h"
#include "gateway/otlp_intake.h"
#include "gateway/pulse.h"
#include "gateway/overrides.h"
#include "gateway/freeze.h"
#include "gateway/learnt.h"
#include "gateway/notices.h"
#include "gateway/reload.h"
#include "gateway/server.h"
#include "gateway/session_keeper.h"
#include "gateway/trim.h"
#include "gateway/worker.h"
#include "policy/storm_table.h"
#include "store/ledger.h"
#include "store/writer.h"

#define LEDGER_FLUSH_MS  10000
#define RETAIN_EVERY_US  INT64_C(3600000000)
#define BOOKS_WAIT_US    INT64_C(60000000) /* for what was spent to be counted at the start */
#define ISSUERS_WAIT_MS  3000              /* at the start, for their keys */
#define HOUSE_NICE       5                 /* of the thread that keeps house */
/* Counts of some 8,000 messages and reports of as many contexts; touched as it fills. */
#define PREDICTOR_MEMORY ((size_t)2 * 1024 * 1024)

/* Conversations that are looked at for loops; 2 KB each. */
#define STORMS_MAX       50000

struct gateway {
	struct session_keeper *sessions; /* owned */
	struct shared shared;
	struct gateway_options o;
	struct worker *workers; /* owned */
	pthread_t *threads;     /* owned */
	int workers_n, started;
	atomic_int awake_n;        /* workers that may be woken */
	struct writer *writer;     /* owned */
	struct books *books;       /* owned */
	struct follower *follower; /* owned */
	struct console *console;   /* owned */
	struct reload *reload;     /* owned */
	struct learnt_file learnt;
	const struct ledger_ops *ops;
	slice store;
	int port;
	bool overrides_failed;
	int64_t retained_us; /* when old rows were asked to go last */
};

static void on_key_error(struct gateway *g, const struct error *e)
{
	log_event(g->o.log, LOG_ERROR, "keys.unreadable", LOG_Z("message", e->text));
}

static void on_threshold(void *arg, const struct budget_alert *a)
{
	struct gateway *g = arg;
	log_event(g->o.log, LOG_WARN, "budget.threshold", LOG_S("budget", a->rule->rule.name),
	          LOG_S("of", a->label), LOG_I("percent", a->ppm / 10000), LOG_I("settled", a->settled),
	          LOG_I("limit", a->limit));
	if (g->shared.alerts)
		alerts_budget_moved(g->shared.alerts);
}

/* The counters of budgets, as the ledger and the journal have them, before any call is let in. A ledger that
 * cannot be read now is waited for by housekeeping; what is held back meanwhile is the budgets' to say. */
static int open_books(struct gateway *g, struct settings *s, struct error *e)
{
	uint64_t seed;
	if (crypto_random(&seed, sizeof seed))
		return error_set(e, ERR_IO, "the machine gives no random numbers");
	g->shared.budgets = budgets_new((size_t)s->limits.budget_counters, seed);
	if (g->shared.budgets)
		budgets_on_alert(g->shared.budgets, on_threshold, g);
	g->books = books_new(&g->shared, g->ops, g->store);
	if (g->shared.budgets == NULL || g->books == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	g->shared.pulse = pulse_new(g->shared.clock, seed);
	if (g->shared.pulse == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	g->shared.alerts = alerts_new(&g->shared, g->ops, g->store);
	if (g->shared.alerts == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	struct writer_hook books = books_hook(g->books), pulse = pulse_hook(g->shared.pulse, &books),
	                   hook = alerts_hook(g->shared.alerts, &pulse);
	g->writer = writer_start_with(g->shared.journal, g->ops, g->store, &hook, g->o.log, e);
	if (g->writer == NULL)
		return e->code;
	int64_t until = clock_mono_us(g->shared.clock) + BOOKS_WAIT_US;
	struct timespec pause = {0, 5 * 1000000L};
	struct writer_stats rows = {0};
	while (!books_turn(g->books, g->writer, NULL, 0) && clock_mono_us(g->shared.clock) < until) {
		nanosleep(&pause, NULL);
		writer_stats_get(g->writer, &rows);
		if (rows.failing && rows.failures > 3)
			break;
	}
	return 0;
}

static int open_store(struct gateway *g, struct settings *s, struct error *e)
{
	struct ledger *l = NULL;
	g->ops = ledger_for(s->store, &g->store, e);
	if (g->ops == NULL)
		return ERR_INVALID;
	/* Made and migrated here, so that a store that cannot work is said at the start and not at the first
	 * call. */
	if (g->ops->open((const char *)g->store.p, true, &l, e))
		return ERR_IO;
	g->ops->close(l);
	char path[4096];
	snprintf(path, sizeof path, SLICE_FMT, SLICE_ARG(s->journal));
	g->shared.journal = journal_open(path, (size_t)s->journal_slots, (unsigned)s->workers, e);
	if (g->shared.journal == NULL)
		return e->code;
	int rc = open_books(g, s, e);
	if (rc)
		return rc;
	g->follower = follower_start(&g->shared, g->ops, g->store, e);
	return g->follower ? 0 : e->code;
}

static int start_workers(struct gateway *g, struct settings *s, struct error *e)
{
	g->workers = calloc((size_t)s->workers, sizeof *g->workers);
	g->threads = calloc((size_t)s->workers, sizeof *g->threads);
	if (g->workers == NULL || g->threads == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	g->port = s->listen.port;
	if (server_port_free(s->listen.host, g->port, e))
		return e->code;
	for (int i = 0; i < s->workers; i++) {
		int fd = server_listen(s->listen.host, g->port, &g->port, e);
		if (fd < 0)
			return ERR_IO;
		int r = worker_init(&g->workers[i], &g->shared, (unsigned)i, fd, e);
		g->workers_n = i + 1;
		if (r)
			return r;
	}
	for (int i = 0; i < s->workers; i++) {
		if (pthread_create(&g->threads[i], NULL, worker_main, &g->workers[i]))
			return error_set(e, ERR_NOMEM, "cannot start a thread");
		g->started = i + 1;
		char name[16];
		snprintf(name, sizeof name, "weir-worker-%u", (unsigned)i % 1000);
		pthread_setname_np(g->threads[i], name);
	}
	return 0;
}

static void write_url(struct gateway *g, const struct settings *s)
{
	bool v6 = slice_find_char(s->listen.host, ':') >= 0;
	snprintf(g->shared.url, sizeof g->shared.url, "%s://%s" SLICE_FMT "%s:%d",
	         s->listen.certificate.n ? "https" : "http", v6 ? "[" : "", SLICE_ARG(s->listen.host),
	         v6 ? "]" : "", g->port);
}

static void say_ready(struct gateway *g, const struct settings *s)
{
	char console_url[320];
	console_url_get(g->console, console_url, sizeof console_url);
	log_event(g->o.log, LOG_INFO, "serve.listening", LOG_Z("gateway", g->shared.url),
	          LOG_Z("console", console_url), LOG_I("workers", s->workers), LOG_S("store", s->store));
	if (g->o.on_ready)
		g->o.on_ready(g->o.arg, g->shared.url, console_url);
}

/* From any thread; before the workers are all there it wakes none, and `start` does once they are. */
static void wake_all(void *arg)
{
	struct gateway *g = arg;
	int n = atomic_load(&g->awake_n);
	for (int i = 0; i < n; i++)
		worker_wake(&g->workers[i]);
}

static void on_reload(void *arg)
{
	struct gateway *g = arg;
	wake_all(g);
	if (g->shared.oidc)
		oidc_settings_changed(g->shared.oidc);
}

static void turn_overrides(struct gateway *g)
{
	struct error e = {0};
	bool failed = overrides_turn(g->shared.overrides, &e) != 0;
	if (failed && !g->overrides_failed)
		log_event(g->o.log, LOG_ERROR, "overrides.unreadable", LOG_Z("message", e.text));
	g->overrides_failed = failed;
}

/* Once an hour what has become too old goes. */
static void turn_retention(struct gateway *g)
{
	int64_t now = clock_mono_us(g->shared.clock);
	if (g->retained_us && now - g->retained_us < RETAIN_EVERY_US)
		return;
	g->retained_us = now;
	pthread_mutex_lock(&g->shared.lock);
	int64_t rows = g->shared.settings->retention_rows_ms, sums = g->shared.settings->retention_sums_ms;
	pthread_mutex_unlock(&g->shared.lock);
	int64_t wall = clock_wall_ms(g->shared.clock);
	if (rows)
		writer_retain(g->writer, wall - rows, sums ? wall - sums : 0);
}

static int start_trust(struct gateway *g, struct settings *s, struct error *e)
{
	uint8_t secret[TRUST_SECRET_BYTES];
	int r = gate_secret_read(s, secret, e);
	if (r == 0)
		g->shared.oidc = oidc_start(&g->shared, secret, ISSUERS_WAIT_MS, wake_all, g, e);
	crypto_zero(secret, sizeof secret);
	return r ? r : g->shared.oidc ? 0 : e->code;
}

static int start(struct gateway *g, struct settings *s, struct error *e)
{
	g->shared.steady_wall_ms = clock_wall_ms(g->shared.clock);
	g->shared.steady_mono_us = clock_mono_us(g->shared.clock);
	gethostname(g->shared.node, sizeof g->shared.node - 1);
	int r = open_store(g, s, e);
	if (r)
		return r;
	g->reload = reload_new(&g->shared, g->o.config, g->ops, g->store, on_reload, g, e);
	if (g->reload == NULL)
		return e->code;
	if (crypto_random(&g->shared.device_seed, sizeof g->shared.device_seed))
		return error_set(e, ERR_IO, "the machine gives no random numbers");
	g->shared.quota = quota_new(QUOTA_STATIONS_MAX);
	g->shared.devices = devices_new(g->shared.device_seed);
	g->shared.notices = notices_new();
	if (g->shared.quota == NULL || g->shared.devices == NULL || g->shared.notices == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	g->shared.freezer = freezer_new(&g->shared, g->ops, g->store, wake_all, g, e);
	if (g->shared.freezer == NULL)
		return e->code;
	g->sessions = session_keeper_new(&g->shared, g->ops, g->store);
	struct error keys = {0};
	g->shared.reload = g->reload;
	if (reload_stored(g->reload, &keys))
		on_key_error(g, &keys);
	g->shared.predictor = predictor_new(PREDICTOR_MEMORY);
	if (g->shared.predictor)
		learnt_open(&g->learnt, g->shared.predictor, s->journal, g->o.log);
	g->shared.overrides = overrides_new(&g->shared, g->ops, g->store, e);
	if (g->shared.overrides == NULL)
		return e->code;
	turn_overrides(g);
	r = start_trust(g, s, e);
	if (r == 0)
		r = start_workers(g, s, e);
	if (r)
		return r;
	atomic_store(&g->awake_n, g->workers_n);
	wake_all(g);
	g->shared.otlp = otlp_intake_start(&g->shared, g->ops, g->store, e);
	if (g->shared.otlp == NULL)
		return e->code;
	if (alerts_start(g->shared.alerts, g->writer, e))
		return e->code;
	write_url(g, s);
	g->console = console_start(&g->shared, g->workers, g->workers_n, g->writer, g->ops, g->store, e);
	return g->console ? 0 : e->code;
}

/* Until a signal asks to end. */
static void keep_house(struct gateway *g)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	setpriority(PRIO_PROCESS, 0, HOUSE_NICE); /* of this thread: calls come first */
	for (;;) {
		struct timespec wait = {0, GATEWAY_LOOK_MS * 1000000L};
		int sig = sigtimedwait(&set, NULL, &wait);
		if (sig == SIGTERM || sig == SIGINT) {
			log_event(g->o.log, LOG_INFO, "serve.draining",
			          LOG_Z("signal", sig == SIGTERM ? "SIGTERM" : "SIGINT"),
			          LOG_I("calls", atomic_load(&g->shared.calls)));
			return;
		}
		reload_turn(g->reload, sig == SIGHUP);
		books_turn(g->books, g->writer, g->workers, g->workers_n);
		freezer_turn(g->shared.freezer);
		session_keeper_turn(g->sessions);
		notices_turn(g->shared.notices, g->ops, g->store, g->shared.clock, g->o.log);
		turn_overrides(g);
		turn_retention(g);
		learnt_turn(&g->learnt, clock_mono_us(g->shared.clock));
	}
}

static void drain(struct gateway *g)
{
	const struct clock *c = g->shared.clock;
	int64_t until = clock_mono_us(c) + g->shared.settings->limits.drain_ms * 1000;
	atomic_store(&g->shared.draining, true);
	wake_all(g);
	while (atomic_load(&g->shared.calls) > 0 && clock_mono_us(c) < until) {
		struct timespec wait = {0, 10 * 1000000L};
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGTERM);
		sigaddset(&set, SIGINT);
		if (sigtimedwait(&set, NULL, &wait) > 0)
			break; /* asked twice: at once */
	}
	for (int i = 0; i < g->started; i++)
		worker_stop(&g->workers[i]);
}

static void stop(struct gateway *g)
{
	if (g->console)
		console_stop(g->console);
	for (int i = 0; i < g->started; i++)
		pthread_join(g->threads[i], NULL);
	oidc_stop(g->shared.oidc);
	for (int i = 0; i < g->workers_n; i++)
		worker_release(&g->workers[i]);
	follower_stop(g->follower);
	alerts_stop(g->shared.alerts);
	batches_free(g->shared.batches);
	if (g->writer && !writer_stop(g->writer, LEDGER_FLUSH_MS))
		log_event(g->o.log, LOG_ERROR, "serve.rows_left",
		          LOG_Z("message", "the ledger did not take all rows; they are in the journal and "
		                           "will be booked at the next start"));
	alerts_free(g->shared.alerts);
	otlp_intake_stop(g->shared.otlp); /* after the gateway's own rows */
	learnt_close(&g->learnt);
	predictor_free(g->shared.predictor);
	if (g->shared.journal)
		journal_close(g->shared.journal);
	books_free(g->books);
	pulse_free(g->shared.pulse);
	budgets_free(g->shared.budgets);
	reload_free(g->reload);
	freezer_free(g->shared.freezer);
	overrides_free(g->shared.overrides);
	quota_free(g->shared.quota);
	devices_free(g->shared.devices);
	if (g->shared.notices)
		notices_turn(g->shared.notices, g->ops, g->store, g->shared.clock, g->o.log);
	notices_free(g->shared.notices);
	session_keeper_free(g->sessions);
	storm_table_free(g->shared.storms);
	if (g->shared.keys)
		keyring_unref(g->shared.keys);
	trust_unref(g->shared.trust);
	settings_unref(g->shared.settings);
	pthread_mutex_destroy(&g->shared.lock);
	free(g->workers);
	free(g->threads);
}

/* Each call holds two descriptors; the usual soft limit of 1,024 is for programs that use select(). */
static void raise_descriptor_limit(struct log *log, const struct settings *s)
{
	struct rlimit l;
	rlim_t want = (rlim_t)s->limits.connections * 2 + 256;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= want)
		return;
	l.rlim_cur = l.rlim_max < want ? l.rlim_max : want;
	if (setrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur < want)
		log_event(log, LOG_WARN, "serve.descriptors", LOG_I("allowed", l.rlim_cur),
		          LOG_I("wanted", want),
		          LOG_Z("message", "fewer open files are allowed than limits.connections may need; "
		                           "raise the hard limit (ulimit -n)"));
}

static struct storm_table *new_storms(struct log *log)
{
	uint64_t seed = 0;
	struct storm_table *t =
	    crypto_random(&seed, sizeof seed) == 0 ? storm_table_new(STORMS_MAX, seed) : NULL;
	if (t == NULL)
		log_event(log, LOG_ERROR, "serve.no_storms",
		          LOG_Z("message", "no memory to look for storms"));
	return t;
}

int gateway_run(struct settings *settings, const struct gateway_options *o, struct error *e)
{
	struct gateway *g = calloc(1, sizeof *g);
	sigset_t set;
	if (g == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	mallopt(M_MMAP_THRESHOLD, 64 * 1024); /* large bodies go back to the system when they are freed */
	mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	raise_descriptor_limit(o->log, settings);
	g->o = *o;
	g->shared.log = o->log;
	g->shared.clock = clock_real();
	g->shared.settings = settings_ref(settings); /* may be replaced while this one is used below */
	g->shared.keys = keyring_new();
	g->shared.batches = batches_new();
	g->shared.storms = new_storms(o->log);
	pthread_mutex_init(&g->shared.lock, NULL);
	int r = g->shared.batches ? start(g, settings, e) : error_set(e, ERR_NOMEM, "out of memory");
	if (r == 0) {
		say_ready(g, settings);
		trim_startup_memory();
		keep_house(g);
		drain(g);
	} else {
		atomic_store(&g->shared.draining, true);
		for (int i = 0; i < g->started; i++)
			worker_stop(&g->workers[i]);
	}
	stop(g);
	if (r == 0)
		log_event(o->log, LOG_INFO, "serve.stopped", LOG_Z("message", "all calls are booked"));
	settings_unref(settings);
	free(g);
	curl_global_cleanup();
	return r;
}
