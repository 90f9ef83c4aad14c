/* Of what is spent: budgets' thresholds, forecasts, anomalies. */
#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "finops/alert_source.h"
#include "finops/anomaly.h"
#include "finops/burn.h"

#define LINE     400
#define PPM      INT64_C(1000000)
#define USED_PPM 990000 /* an enforcing budget stops calls before the last cent: that is used up */
#define BURNS    256

/* --- whose ------------------------------------------------------------------------------- */

/* A counter's label has the values of `each`, apart by ", ". */
static void label_values(struct alert_cause *c, const struct budget_rule *rule, slice label)
{
	for (size_t i = 0; i < rule->each_n; i++) {
		ptrdiff_t at = slice_find(label, SLICE(", "));
		bool last = i + 1 == rule->each_n || at < 0;
		slice value = last ? label : slice_sub(label, 0, (size_t)at);
		label = last ? SLICE_NONE : slice_sub(label, (size_t)at + 2, label.n);
		const char *name = field_name(rule->each[i].field);
		if (alert_label_known(slice_of(name)))
			alert_label_add(c, name, value);
	}
}

/* The commands that fit what the labels say, the narrowest first. */
struct commands {
	char look[ALERT_COMMAND], contain[ALERT_COMMAND];
};
static void commands_for(struct alert_cause *c, struct commands *out)
{
	static const struct {
		const char *label, *field, *contain;
	} by[] = {{"session", "session", "weir session pause -- %s"},
	          {"key", "key_id", "weir freeze --key=%s --reason alert"},
	          {"user", "user", "weir freeze --user=%s --reason alert"},
	          {"team", "team", "weir freeze --team=%s --reason alert"},
	          {"provider", "provider", "weir freeze --provider=%s --reason alert"},
	          {"repo", "repo", NULL},
	          {"workflow", "workflow", NULL},
	          {"model", "model", NULL},
	          {"agent", "agent", NULL}};
	char word[ALERT_COMMAND / 2];
	alert_look(out->look, c->since_ms, "", SLICE_NONE);
	out->contain[0] = '\0';
	for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
		slice value = alert_label_get(c, slice_of(by[i].label));
		if (value.n == 0)
			continue;
		alert_look(out->look, c->since_ms, by[i].field, value);
		alert_quote(slice_sub(value, 0, 200), word, sizeof word);
		const char *rest = by[i].contain ? strstr(by[i].contain, "%s") : NULL;
		if (rest)
			snprintf(out->contain, sizeof out->contain, "%.*s%s%s", (int)(rest - by[i].contain),
			         by[i].contain, word, rest + 2);
		break;
	}
	c->look = slice_of(out->look);
	c->contain = slice_of(out->contain);
}

/* --- windows that never end -------------------------------------------------------------- */

#define LEVELS   (1u << 16) /* places; three quarters are used at most */
#define EVENT_MS (INT64_C(24) * 3600 * 1000)

struct alert_levels {
	size_t n;
	struct {
		uint64_t key; /* 0: free */
		int64_t level;
	} at[LEVELS];
};

struct alert_levels *alert_levels_new(void)
{
	return calloc(1, sizeof(struct alert_levels));
}

void alert_levels_free(struct alert_levels *l)
{
	free(l);
}

/* Notes a level; true when it is above the one that was known (none: below all). */
static bool level_rises(struct alert_levels *l, uint64_t key, int64_t level)
{
	size_t i = key % LEVELS;
	key = key ? key : 1;
	while (l->at[i].key && l->at[i].key != key)
		i = (i + 1) % LEVELS;
	if (l->at[i].key == 0) {
		if (l->n >= LEVELS / 4 * 3)
			return false;
		l->at[i].key = key;
		l->at[i].level = INT64_MIN;
		l->n++;
	}
	bool rises = level > l->at[i].level;
	if (rises)
		l->at[i].level = level;
	return rises;
}

/* Is it told only as it happens? */
static bool passes_once(const struct budget_rule *r)
{
	return r->window.kind == WINDOW_TOTAL && r->each_n > 0;
}

/* --- budgets ----------------------------------------------------------------------------- */

struct walking {
	const struct alert_source *s;
	const struct budget_rule *rule;
	bool first; /* time that this rule is walked */
	size_t n;
	int rc;
};

/* The highest threshold that is passed; -1 none. */
static int64_t passed(const struct budget_rule *r, int64_t settled, int64_t limit)
{
	int64_t found = -1;
	for (size_t i = 0; i < r->alerts_n; i++) {
		int64_t ppm = r->alerts[i] == PPM ? USED_PPM : r->alerts[i];
		if (settled > 0 && (__int128)settled * PPM >= (__int128)limit * ppm)
			found = r->alerts[i];
	}
	return found;
}

static void budget_words(const struct budget_rule *r, const struct budget_view *v, int64_t limit,
                         char title[LINE], char text[LINE])
{
	static const char *const actions[] = {"refuses calls", "pauses calls", "calls a smaller model",
	                                      "slows calls", "is only counted"};
	char settled[BURN_AMOUNT_MAX], of[BURN_AMOUNT_MAX], held[BURN_AMOUNT_MAX], until[CLOCK_RFC3339_MAX];
	long long percent = limit > 0 ? (long long)((__int128)v->settled * 100 / limit) : 0;
	bool shadow = r->rule.mode == MODE_SHADOW;
	burn_amount(&r->limit, v->settled, settled);
	burn_amount(&r->limit, limit, of);
	burn_amount(&r->limit, v->held, held);
	clock_format_rfc3339(v->to_ms, until);
	snprintf(title, LINE, "Budget " SLICE_FMT "%s" SLICE_FMT ": %lld%% used, %s of %s",
	         SLICE_ARG(r->rule.name), v->label.n ? " of " : "", SLICE_ARG(slice_sub(v->label, 0, 150)),
	         percent, settled, of);
	snprintf(text, LINE, "Calls under way hold %s more. At the limit it %s%s%.16s%s.", held,
	         shadow ? "does nothing (mode: shadow)" : actions[r->action],
	         v->to_ms == INT64_MAX ? "" : "; it begins anew at ", v->to_ms == INT64_MAX ? "" : until,
	         v->to_ms == INT64_MAX ? "" : "Z");
}

static int on_counter(void *arg, const struct budget_view *v)
{
	struct walking *w = arg;
	const struct budget_rule *r = w->rule;
	int64_t now = w->s->now_ms, limit = r->limit.n + v->lifted;
	bool other = r->window.kind != WINDOW_ROLLING && (now < v->from_ms || now >= v->to_ms);
	int64_t level = other ? -1 : passed(r, v->settled, limit);
	bool once = passes_once(r);
	if (level < 0)
		return 0;
	if (once &&
	    (!level_rises(w->s->levels, XXH3_64bits_withSeed(v->label.p, v->label.n, r->shape), level) ||
	     w->first))
		return 0;
	if (w->n++ == ALERT_SOURCE_MAX)
		return w->rc = ERR_FULL;
	char key[ALERT_CAUSE_MAX], title[LINE], text[LINE];
	struct commands commands;
	bool enforced = r->rule.mode == MODE_ENFORCE && r->action != ACTION_ALERT;
	snprintf(key, sizeof key, "budget/" SLICE_FMT "/" SLICE_FMT "/%lld", SLICE_ARG(r->rule.name),
	         SLICE_ARG(slice_sub(v->label, 0, 360)),
	         r->window.kind == WINDOW_ROLLING ? 0LL : (long long)v->from_ms);
	budget_words(r, v, limit, title, text);
	struct alert_cause c = {.key = slice_of(key),
	                        .kind = ALERT_BUDGET,
	                        .severity = level >= PPM && enforced ? ALERT_CRITICAL : ALERT_WARNING,
	                        .level = level,
	                        .since_ms = now,
	                        .hold_ms = once ? EVENT_MS : 0,
	                        .title = slice_of(title),
	                        .text = slice_of(text)};
	alert_label_add(&c, "budget", r->rule.name);
	label_values(&c, r, v->label);
	alert_label_add(&c, "scope", v->label);
	commands_for(&c, &commands);
	w->rc = w->s->on_cause(w->s->arg, &c);
	return w->rc != 0;
}

int alert_source_budgets(const struct alert_source *s)
{
	struct walking w = {.s = s};
	for (size_t i = 0; w.rc == 0 && s->budgets && i < s->settings->budgets_n; i++) {
		w.rule = &s->settings->budgets[i];
		if (w.rule->alerts_n == 0 || w.rule->rule.mode == MODE_OFF ||
		    !budget_is_loaded(s->budgets, w.rule))
			continue;
		w.first = passes_once(w.rule) && level_rises(s->levels, w.rule->shape, 0);
		budgets_each(s->budgets, w.rule, on_counter, &w);
	}
	return w.rc;
}

/* --- forecasts --------------------------------------------------------------------------- */

static int give_burn(const struct alert_source *s, const struct burn *b)
{
	char key[ALERT_CAUSE_MAX], title[LINE];
	struct commands commands;
	slice label = slice_of(b->label);
	size_t n = (size_t)snprintf(title, sizeof title, "Budget ");
	burn_sentence(b, s->settings->zone, title + n, sizeof title - n);
	snprintf(key, sizeof key, "forecast/" SLICE_FMT "/" SLICE_FMT "/%lld", SLICE_ARG(b->rule->rule.name),
	         SLICE_ARG(slice_sub(label, 0, 360)), (long long)b->from_ms);
	struct alert_cause c = {
	    .key = slice_of(key),
	    .kind = ALERT_FORECAST,
	    .severity = ALERT_WARNING,
	    .since_ms = s->now_ms,
	    .title = slice_of(title),
	    .text = SLICE("By what was spent on the days before; `weir forecast` shows how.")};
	alert_label_add(&c, "budget", b->rule->rule.name);
	label_values(&c, b->rule, label);
	alert_label_add(&c, "scope", label);
	commands_for(&c, &commands);
	return s->on_cause(s->arg, &c);
}

int alert_source_forecasts(const struct alert_source *s, struct error *e)
{
	int rc = 0;
	struct burns list = {.cap = BURNS, .at = calloc(BURNS, sizeof *list.at)};
	if (list.at == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < s->settings->budgets_n; i++) {
		const struct budget_rule *r = &s->settings->budgets[i];
		struct burn_question q = {.ops = s->ops,
		                          .ledger = s->ledger,
		                          .settings = s->settings,
		                          .now_ms = s->now_ms,
		                          .budget = r->rule.name};
		if (!r->alert_forecast || r->rule.mode == MODE_OFF)
			continue;
		list.n = 0;
		rc = burn_budgets(&q, &list, e);
		for (size_t k = 0; rc == 0 && k < list.n; k++)
			if (burn_will_be_over(&list.at[k]) && !burn_is_over(&list.at[k]))
				rc = give_burn(s, &list.at[k]);
	}
	free(list.at);
	return rc;
}

/* --- anomalies --------------------------------------------------------------------------- */

/* One spike stands in several series: of a user, of their team, of the model, and of the whole. Told is the
 * one that names most; this is their order. */
static size_t rank_of(const struct anomaly_found *a)
{
	static const char *const dimensions[] = {"user", "key",   "workflow", "repo",
	                                         "team", "agent", "model",    "provider"};
	size_t i = 0;
	if (a->dimension[0] && a->value[0] == '\0')
		return 100; /* of whom nothing is known */
	while (i < sizeof dimensions / sizeof *dimensions && strcmp(dimensions[i], a->dimension) != 0)
		i++;
	return a->dimension[0] ? i : 50;
}

/* The same rise, but for a tenth, in the same hours. */
static bool same_spike(const struct anomaly_found *a, const struct anomaly_found *b)
{
	int64_t x = a->spent - a->expected, y = b->spent - b->expected;
	int64_t more = x > y ? x : y, less = x > y ? y : x;
	return a->from_ms == b->from_ms && less >= more - more / 10;
}

/* Is another one told for it? */
static bool is_told_by(const struct anomalies *all, size_t i)
{
	size_t rank = rank_of(&all->at[i]);
	for (size_t k = 0; k < all->n; k++) {
		size_t other = rank_of(&all->at[k]);
		if (k != i && same_spike(&all->at[k], &all->at[i]) &&
		    (other < rank || (other == rank && k < i)))
			return true;
	}
	return rank == 100;
}

static void series_of(const struct anomaly_found *a, char *out, size_t cap)
{
	snprintf(out, cap, "%s%s%s", a->dimension, a->dimension[0] ? "=" : "all", a->value);
}

static int give_anomaly(const struct alert_source *s, const struct anomalies *all, size_t i)
{
	const struct anomaly_found *a = &all->at[i];
	char key[ALERT_CAUSE_MAX], title[LINE], series[300], also[600] = "";
	struct commands commands;
	size_t n = (size_t)snprintf(title, sizeof title, "Spend is out of the usual: "), m = 0;
	anomaly_sentence(a, s->settings->zone, title + n, sizeof title - n);
	series_of(a, series, sizeof series);
	snprintf(key, sizeof key, "anomaly/%s", series);
	for (size_t k = 0; k < all->n && m + 320 < sizeof also; k++) {
		char other[300];
		if (k == i || rank_of(&all->at[k]) == 100 || !same_spike(&all->at[k], a))
			continue;
		series_of(&all->at[k], other, sizeof other);
		m += (size_t)snprintf(also + m, sizeof also - m, "%s%s",
		                      m ? ", " : "the same rise stands in ", other);
	}
	struct alert_cause c = {.key = slice_of(key),
	                        .kind = ALERT_ANOMALY,
	                        .severity = ALERT_WARNING,
	                        .since_ms = a->from_ms,
	                        .title = slice_of(title),
	                        .text =
	                            SLICE("By the same hour of earlier weeks and the level of late; `weir "
	                                  "anomaly` shows all series."),
	                        .evidence = slice_of(also)};
	alert_label_add(&c, "series", slice_of(series));
	if (a->value[0] && alert_label_known(slice_of(a->dimension)))
		alert_label_add(&c, a->dimension, slice_of(a->value));
	commands_for(&c, &commands);
	return s->on_cause(s->arg, &c);
}

int alert_source_anomalies(const struct alert_source *s, struct error *e)
{
	struct anomaly_scan scan = {.ops = s->ops,
	                            .ledger = s->ledger,
	                            .timezone = s->settings->timezone,
	                            .zone = s->settings->zone,
	                            .now_ms = s->now_ms};
	struct anomalies *found = calloc(1, sizeof *found);
	if (found == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	int rc = anomalies_find(&scan, found, e);
	for (size_t i = 0; rc == 0 && i < found->n; i++)
		if (!is_told_by(found, i))
			rc = give_anomaly(s, found, i);
	free(found);
	return rc;
}
