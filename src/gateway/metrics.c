#include "gateway/metrics.h"

#include "gateway/events.h"
#include "gateway/alerts.h"
#include "gateway/otlp_intake.h"
#include "gateway/pulse.h"
#include "policy/budget.h"

static int line(struct buf *out, const char *name, const char *help, const char *type,
                unsigned long long value)
{
	return buf_printf(out, "# HELP weir_%s %s\n# TYPE weir_%s %s\nweir_%s %llu\n", name, help, name, type,
	                  name, value);
}

static int worker_counters(const struct console_context *c, struct buf *out)
{
#define X(name, help)                                                                                        \
	{                                                                                                    \
		unsigned long long sum = 0;                                                                  \
		for (int i = 0; i < c->workers_n; i++)                                                       \
			sum += atomic_load_explicit(&c->workers[i].counters.name, memory_order_relaxed);     \
		if (line(out, #name "_total", help, "counter", sum))                                         \
			return ERR_FULL;                                                                     \
	}
	COUNTER_LIST(X)
#undef X
	return 0;
}

static int otlp_counters(const struct console_context *c, struct buf *out)
{
	struct otlp_stats t;
	otlp_intake_stats(c->shared->otlp, &t);
#define X(name, help)                                                                                        \
	if (line(out, "otlp_" #name "_total", help, "counter", t.name))                                      \
		return ERR_FULL;
	OTLP_COUNTER_LIST(X)
#undef X
	return line(out, "otlp_waiting", "Calls of telemetry on their way to the ledger", "gauge", t.waiting);
}

/* What was booked, and how fast. */
static int money_counters(const struct console_context *c, struct buf *out)
{
	struct pulse_total total;
	struct pulse_rate rate;
	pulse_total_of(c->shared->pulse, &total);
	pulse_rate_of(c->shared->pulse, SLICE_NONE, &rate);
	return line(out, "spent_nanousd_total", "Metered money of the calls booked since the start",
	            "counter", (unsigned long long)total.nanousd) ||
	       line(out, "subscription_nanousd_total", "List value of calls on subscriptions, not spent",
	            "counter", (unsigned long long)total.subscription_nanousd) ||
	       line(out, "burn_nanousd_minute", "Metered money booked in the last minute", "gauge",
	            (unsigned long long)rate.minute_nanousd);
}

struct fullest {
	const struct budget_rule *rule;
	long long ppm, counters;
};

static int look_at_counter(void *arg, const struct budget_view *v)
{
	struct fullest *f = arg;
	__int128 limit = (__int128)f->rule->limit.n + v->lifted, used = (__int128)v->settled + v->held;
	__int128 ppm = limit > 0 ? used * 1000000 / limit : used > 0 ? 1000000 : 0;
	f->ppm = ppm > f->ppm ? ppm > 1000000000 ? 1000000000 : (long long)ppm : f->ppm;
	f->counters++;
	return 0;
}

/* Of each budget the fullest counter: names of rules have no character that would want an escape. */
static int budget_levels(const struct console_context *c, struct buf *out)
{
	struct settings *s;
	pthread_mutex_lock(&c->shared->lock);
	s = settings_ref(c->shared->settings);
	pthread_mutex_unlock(&c->shared->lock);
	int rc = buf_printf(
	    out,
	    "# HELP weir_budget_fullest_ratio How much of its limit the fullest counter of the budget has "
	    "used, held included\n# TYPE weir_budget_fullest_ratio gauge\n");
	for (size_t i = 0; rc == 0 && c->shared->budgets && i < s->budgets_n; i++) {
		struct fullest f = {.rule = &s->budgets[i]};
		budgets_each(c->shared->budgets, f.rule, look_at_counter, &f);
		rc = buf_printf(out, "weir_budget_fullest_ratio{budget=\"" SLICE_FMT "\"} %lld.%06lld\n",
		                SLICE_ARG(f.rule->rule.name), f.ppm / 1000000, f.ppm % 1000000);
	}
	settings_unref(s);
	return rc;
}

static int event_counters(const struct console_context *c, struct buf *out)
{
	unsigned clients = 0;
	unsigned long long dropped = 0;
	if (c->events)
		events_stats(c->events, &clients, &dropped);
	return line(out, "event_clients", "Consoles that listen to events", "gauge", clients) ||
	       line(out, "event_clients_dropped_total", "Streams of events ended because nobody read them",
	            "counter", dropped);
}

static int alert_counters(const struct console_context *c, struct buf *out)
{
	struct alert_stats a;
	int64_t now = clock_wall_ms(c->shared->clock);
	alerts_stats_get(c->shared->alerts, &a);
	if (buf_printf(out, "# HELP weir_alerts_open Alerts that are open\n# TYPE weir_alerts_open gauge\n"))
		return ERR_FULL;
	for (int i = 0; i < ALERT_SEVERITIES; i++)
		if (buf_printf(out, "weir_alerts_open{severity=\"%s\"} %zu\n",
		               alert_severity_name((enum alert_severity)i), a.open[i]))
			return ERR_FULL;
	const struct {
		const char *name, *help, *type;
		unsigned long long value;
	} rows[] = {
	    {"alerts_silenced", "Alerts that are open and silenced", "gauge", a.silenced},
	    {"alerts_waiting", "Tellings of alerts that wait to be sent", "gauge", a.waiting},
	    {"alerts_oldest_seconds", "How long the oldest of them has waited", "gauge",
	     a.oldest_ms && now > a.oldest_ms ? (unsigned long long)(now - a.oldest_ms) / 1000 : 0},
	    {"alerts_raised_total", "Alerts raised", "counter", a.raised},
	    {"alerts_resolved_total", "Alerts that were over", "counter", a.resolved},
	    {"alerts_messages_sent_total", "Messages of alerts that their target took", "counter", a.sent},
	    {"alerts_attempts_failed_total", "Attempts to send one that failed", "counter",
	     a.attempts_failed},
	    {"alerts_given_up_total", "Tellings that were tried for too long", "counter", a.given_up},
	    {"alerts_overflow_total", "Times there was no room for one more alert or telling", "counter",
	     a.overflow},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (line(out, rows[i].name, rows[i].help, rows[i].type, rows[i].value))
			return ERR_FULL;
	return 0;
}

int metrics_write(const struct console_context *c, struct buf *out)
{
	struct journal_stats j;
	struct writer_stats w;
	struct predictor_stats p = {0};
	journal_stats_get(c->shared->journal, &j);
	writer_stats_get(c->writer, &w);
	if (c->shared->predictor)
		predictor_stats(c->shared->predictor, &p);
	struct quota_stats q;
	quota_stats_get(c->shared->quota, &q);
	const struct {
		const char *name, *help, *type;
		unsigned long long value;
	} rows[] = {
	    {"calls_in_flight", "Requests being worked on", "gauge",
	     (unsigned long long)atomic_load(&c->shared->calls)},
	    {"connections_open", "Open client connections", "gauge",
	     (unsigned long long)atomic_load(&c->shared->connections)},
	    {"bodies_bytes", "Bytes of request bodies held", "gauge",
	     (unsigned long long)atomic_load(&c->shared->bodies)},
	    {"journal_slots", "Room for calls in the journal", "gauge", j.slots},
	    {"journal_in_flight", "Calls with an intent and no settlement", "gauge", j.in_flight},
	    {"journal_settled", "Rows waiting for the ledger", "gauge", j.settled},
	    {"journal_full_total", "Calls turned away because the journal was full", "counter", j.full},
	    {"journal_syncs_total", "Flushes of the journal to disk", "counter", j.syncs},
	    {"journal_damaged", "Slots found damaged at the start", "gauge", j.damaged},
	    {"journal_recovered_crash", "Calls booked at the start for a process that died", "gauge",
	     j.recovered_crash},
	    {"ledger_rows_total", "Rows written", "counter", w.rows},
	    {"ledger_transactions_total", "Transactions committed", "counter", w.transactions},
	    {"ledger_failures_total", "Transactions that failed and were tried again", "counter", w.failures},
	    {"ledger_failing", "1 while the ledger takes no rows", "gauge", (unsigned long long)w.failing},
	    {"predict_spans_total", "Messages and definitions asked for their tokens", "counter", p.spans},
	    {"predict_spans_known_total", "Of them, those that were counted before", "counter",
	     p.spans_known},
	    {"predict_learnt_total", "Reported calls that predictions were learnt from", "counter", p.learnt},
	    {"predict_models", "Models that something was learnt of", "gauge", p.models},
	    {"quota_counters", "Counters of quotas and of providers' limits", "gauge", q.stations},
	    {"quota_waiting", "Calls that wait at a quota or a provider's limit", "gauge", q.waiting},
	    {"quota_full_total", "Times there was no room for another counter of a quota", "counter",
	     q.refused_full},
	    {"quota_throttled_total", "Answers of providers that said it is too much", "counter",
	     q.throttled},
	    {"log_dropped_total", "Log lines that could not be written", "counter", c->shared->log->dropped},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (line(out, rows[i].name, rows[i].help, rows[i].type, rows[i].value))
			return ERR_FULL;
	int (*const more[])(const struct console_context *c, struct buf *out) = {
	    otlp_counters, event_counters, alert_counters, money_counters, budget_levels, worker_counters};
	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		if (more[i](c, out))
			return ERR_FULL;
	return 0;
}
