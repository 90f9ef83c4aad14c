/* Providers as they did of late, and what they told of their own limits; the price book. */
#include <stdlib.h>

#include "gateway/admin_ask.h"
#include "policy/quota.h"

#define HOUR_MS       (INT64_C(3600) * 1000)
#define DAY_MS        (24 * HOUR_MS)
#define SAMPLE        4000 /* newest calls whose times are looked at */
#define PROVIDERS_MAX 64
#define MODELS_MAX    256
#define PRICES_MAX    5000

/* --- how providers did -----------------------------------------------------------------------------------
 */

struct provider_health {
	slice name;
	int64_t calls, failed, throttled, refused_here; /* of the last hour */
	int64_t day_calls, day_failed;
	int64_t last_ms;
	int64_t *ttft, *duration; /* of the sample, in the question's memory */
	size_t ttft_n, duration_n;
};
struct healths {
	struct admin *a;
	struct provider_health at[PROVIDERS_MAX];
	size_t n, rows;
	bool day;
};

static struct provider_health *health_of(struct healths *h, slice name)
{
	for (size_t i = 0; i < h->n; i++)
		if (slice_eq(h->at[i].name, name))
			return &h->at[i];
	if (h->n == PROVIDERS_MAX || name.n == 0)
		return NULL;
	struct provider_health *p = &h->at[h->n];
	*p = (struct provider_health){.name = arena_copy(&h->a->mem, name)};
	p->ttft = arena_alloc(&h->a->mem, SAMPLE * sizeof *p->ttft);
	p->duration = arena_alloc(&h->a->mem, SAMPLE * sizeof *p->duration);
	if (p->name.p == NULL || p->ttft == NULL || p->duration == NULL)
		return NULL;
	h->n++;
	return p;
}

static bool is_failure(slice ending)
{
	return slice_eq(ending, SLICE("provider_gone")) || slice_eq(ending, SLICE("provider_error")) ||
	       slice_eq(ending, SLICE("timeout"));
}

/* By provider, ending, status. */
static int take_group(void *arg, const struct ledger_group *g)
{
	struct healths *h = arg;
	struct provider_health *p = health_of(h, g->key[0]);
	if (p == NULL)
		return 0;
	bool failed = is_failure(g->key[1]), throttled = slice_eq(g->key[2], SLICE("429"));
	if (h->day) {
		p->day_calls += g->m.calls;
		p->day_failed += failed ? g->m.calls : 0;
		return 0;
	}
	p->calls += g->m.calls;
	p->refused_here += g->m.refused;
	p->failed += failed ? g->m.calls : 0;
	p->throttled += throttled ? g->m.calls : 0;
	return 0;
}

static int take_times(void *arg, const struct record *r)
{
	struct healths *h = arg;
	struct provider_health *p = health_of(h, r->text[TEXT_PROVIDER]);
	if (p == NULL || r->ending == ENDING_REFUSED)
		return 0;
	p->last_ms = p->last_ms < r->time_ms ? r->time_ms : p->last_ms;
	if (r->ttft_ms != RECORD_ABSENT && p->ttft_n < SAMPLE)
		p->ttft[p->ttft_n++] = r->ttft_ms;
	if (r->duration_ms != RECORD_ABSENT && p->duration_n < SAMPLE && r->ending == ENDING_COMPLETE)
		p->duration[p->duration_n++] = r->duration_ms;
	return 0;
}

static int ask_counts(struct admin *a, struct healths *h, int64_t since, int *r, struct error *e)
{
	struct ledger_query q;
	struct ledger_measures total;
	if (!admin_ask_begin(a, since, a->now_ms + 1, &q, r))
		return ERR_REFUSED;
	admin_ask_by(&q, "provider");
	admin_ask_by(&q, "ending");
	admin_ask_by(&q, "status");
	return a->c->ops->report(a->c->ledger, &q, take_group, h, &total, e);
}

static int ask_times(struct admin *a, struct healths *h, int *r, struct error *e)
{
	static const char *const only[] = {"id", "time_ms", "provider", "ending", "ttft_ms", "duration_ms"};
	struct ledger_query q;
	if (!admin_ask_begin(a, a->now_ms - HOUR_MS, a->now_ms + 1, &q, r))
		return ERR_REFUSED;
	q.newest_first = true;
	q.limit = SAMPLE;
	q.only_n = sizeof only / sizeof *only;
	for (size_t i = 0; i < q.only_n; i++)
		q.only[i] = only[i];
	return a->c->ops->rows(a->c->ledger, &q, take_times, h, e);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The nearest rank. */
static void put_quantiles(struct admin *a, const char *name, int64_t *v, size_t n)
{
	qsort(v, n, sizeof *v, by_size);
	jsonw_key(&a->w, slice_of(name));
	jsonw_object(&a->w);
	admin_put_known(a, SLICE("p50"), n ? v[(n - 1) / 2] : RECORD_ABSENT);
	admin_put_known(a, SLICE("p95"), n ? v[(n - 1) * 95 / 100] : RECORD_ABSENT);
	jsonw_put_i64(&a->w, SLICE("calls"), (int64_t)n);
	jsonw_object_end(&a->w);
}

static void put_health(struct admin *a, struct provider_health *p)
{
	const struct provider *of = NULL;
	for (size_t i = 0; i < a->settings->providers_n; i++)
		if (slice_eq(a->settings->providers[i].name, p->name))
			of = &a->settings->providers[i];
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("name"), p->name);
	jsonw_put_string(&a->w, SLICE("host"), of ? of->host : SLICE_NONE);
	jsonw_put_bool(&a->w, SLICE("configured"), of != NULL);
	jsonw_put_i64(&a->w, SLICE("calls"), p->calls);
	jsonw_put_i64(&a->w, SLICE("failed"), p->failed);
	jsonw_put_i64(&a->w, SLICE("throttled"), p->throttled);
	jsonw_put_i64(&a->w, SLICE("refused"), p->refused_here);
	jsonw_put_i64(&a->w, SLICE("day_calls"), p->day_calls);
	jsonw_put_i64(&a->w, SLICE("day_failed"), p->day_failed);
	admin_put_time(a, SLICE("last"), p->last_ms);
	put_quantiles(a, "ttft_ms", p->ttft, p->ttft_n);
	put_quantiles(a, "duration_ms", p->duration, p->duration_n);
	jsonw_object_end(&a->w);
}

/* --- their limits ----------------------------------------------------------------------------------------
 */

struct models {
	struct admin *a;
	size_t n;
};

static void put_left(struct admin *a, slice key, int64_t limit, int64_t left)
{
	admin_put_known(a, key, limit ? left : RECORD_ABSENT);
}

/* By provider, model. */
static int put_told(void *arg, const struct ledger_group *g)
{
	struct models *m = arg;
	struct admin *a = m->a;
	struct quota_told t;
	int64_t now = clock_mono_us(a->c->shared->clock);
	if (g->key[0].n == 0 || g->key[1].n == 0 || m->n == MODELS_MAX ||
	    !quota_told(a->c->shared->quota, g->key[0], g->key[1], now, &t))
		return 0;
	m->n++;
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("provider"), g->key[0]);
	jsonw_put_string(&a->w, SLICE("model"), g->key[1]);
	admin_put_known(a, SLICE("requests"), t.requests ? t.requests : RECORD_ABSENT);
	put_left(a, SLICE("requests_left"), t.requests, t.requests_left);
	admin_put_known(a, SLICE("tokens"), t.tokens ? t.tokens : RECORD_ABSENT);
	put_left(a, SLICE("tokens_left"), t.tokens, t.tokens_left);
	jsonw_put_i64(&a->w, SLICE("in_flight"), t.flying);
	jsonw_put_i64(&a->w, SLICE("waiting"), t.waiting);
	admin_put_known(a, SLICE("window"), t.window ? t.window : RECORD_ABSENT);
	jsonw_put_i64(&a->w, SLICE("blocked_ms"), t.blocked_us / 1000);
	jsonw_object_end(&a->w);
	return 0;
}

static int put_limits(struct admin *a, int *r, struct error *e)
{
	struct models m = {.a = a};
	struct ledger_query q;
	struct ledger_measures total;
	if (!admin_ask_begin(a, a->now_ms - DAY_MS, a->now_ms + 1, &q, r))
		return ERR_REFUSED;
	admin_ask_by(&q, "provider");
	admin_ask_by(&q, "model_requested");
	jsonw_key(&a->w, SLICE("limits"));
	jsonw_array(&a->w);
	int rc = a->c->ops->report(a->c->ledger, &q, put_told, &m, &total, e);
	jsonw_array_end(&a->w);
	return rc;
}

int admin_health(struct admin *a)
{
	struct healths *h = arena_zalloc(&a->mem, sizeof *h);
	struct error e = {0};
	struct writer_stats w;
	int r = 0;
	if (h == NULL)
		return admin_refuse(a, 503, "out of memory");
	h->a = a;
	for (size_t i = 0; i < a->settings->providers_n; i++)
		(void)health_of(h, a->settings->providers[i].name);
	int rc = ask_counts(a, h, a->now_ms - HOUR_MS, &r, &e);
	h->day = true;
	if (rc == 0)
		rc = ask_counts(a, h, a->now_ms - DAY_MS, &r, &e);
	if (rc == 0)
		rc = ask_times(a, h, &r, &e);
	writer_stats_get(a->c->writer, &w);
	jsonw_object(&a->w);
	jsonw_put_bool(&a->w, SLICE("draining"), atomic_load(&a->c->shared->draining));
	jsonw_put_bool(&a->w, SLICE("ledger_failing"), w.failing);
	jsonw_key(&a->w, SLICE("providers"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < h->n; i++)
		put_health(a, &h->at[i]);
	jsonw_array_end(&a->w);
	if (rc == 0)
		rc = put_limits(a, &r, &e);
	jsonw_object_end(&a->w);
	return rc == ERR_REFUSED ? r : rc ? admin_fault(a, &e) : admin_end(a);
}

/* --- the price book --------------------------------------------------------------------------------------
 */

struct used {
	struct admin *a;
	slice at[MODELS_MAX * 4]; /* price ids of the last 30 days */
	size_t n;
};

static int take_used(void *arg, const struct ledger_group *g)
{
	struct used *u = arg;
	if (g->key[0].n && u->n < sizeof u->at / sizeof *u->at)
		u->at[u->n++] = arena_copy(&u->a->mem, g->key[0]);
	return 0;
}

static bool is_used(const struct used *u, slice id)
{
	for (size_t i = 0; i < u->n; i++)
		if (slice_eq(u->at[i], id))
			return true;
	return false;
}

static void put_price(struct admin *a, const struct price *p, bool used)
{
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("id"), p->id);
	jsonw_put_string(&a->w, SLICE("vendor"), p->vendor);
	jsonw_put_string(&a->w, SLICE("model"), p->model);
	admin_put_text(a, SLICE("source"), p->source);
	admin_put_time(a, SLICE("from"), p->from_ms == INT64_MIN ? 0 : p->from_ms);
	admin_put_time(a, SLICE("until"), p->until_ms);
	jsonw_put_bool(&a->w, SLICE("used"), used);
	admin_put_known(a, SLICE("context_window"), p->context_window ? p->context_window : RECORD_ABSENT);
	admin_put_known(a, SLICE("max_output"), p->max_output ? p->max_output : RECORD_ABSENT);
	jsonw_key(&a->w, SLICE("nanousd_per_million"));
	jsonw_object(&a->w);
	for (int m = 0; m < METER_N; m++)
		if (p->per_million[m] != PRICE_ABSENT)
			jsonw_put_i64(&a->w, catalog_meter_key((enum meter)m), p->per_million[m]);
	jsonw_object_end(&a->w);
	jsonw_object_end(&a->w);
}

int admin_prices(struct admin *a)
{
	struct used *u = arena_zalloc(&a->mem, sizeof *u);
	struct ledger_query q;
	struct ledger_measures total;
	struct error e = {0};
	int r;
	slice all = admin_query(a, SLICE("all"));
	if (u == NULL)
		return admin_refuse(a, 503, "out of memory");
	u->a = a;
	if (!admin_ask_begin(a, a->now_ms - 30 * DAY_MS, a->now_ms + 1, &q, &r))
		return r;
	admin_ask_by(&q, "price_id");
	if (a->c->ops->report(a->c->ledger, &q, take_used, u, &total, &e))
		return admin_fault(a, &e);
	jsonw_object(&a->w);
	admin_put_text(a, SLICE("date"), catalog_date(a->settings->catalog));
	admin_put_text(a, SLICE("file"), a->settings->price_file);
	jsonw_key(&a->w, SLICE("prices"));
	jsonw_array(&a->w);
	size_t at = 0, n = 0;
	const struct price *p;
	while (n < PRICES_MAX && (p = catalog_each(a->settings->catalog, &at)) != NULL) {
		bool used = is_used(u, p->id);
		if (!used && !slice_eq(all, SLICE("true")))
			continue;
		put_price(a, p, used);
		n++;
	}
	jsonw_array_end(&a->w);
	jsonw_object_end(&a->w);
	return admin_end(a);
}
