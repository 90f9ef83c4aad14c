/* Of single calls: storms that were only told, models without a price, providers that err. */
#include <stdio.h>

#include "base/money.h"
#include "finops/alert_source.h"

#define LINE         400
#define MIN_MS       INT64_C(60000)
#define HOUR_MS      (60 * MIN_MS)
#define ERRS_CALLS   20 /* in the window, or there is nothing to tell by */
#define ERRS_LEAST   10
#define ERRS_PPM     200000 /* begins at this share of errors, … */
#define ERRS_END_PPM 100000 /* … ends below this, … */
#define ERRS_TIMES   3      /* … and is so many times what it is on the day before */
#define ERRS_MUCH    500000
#define PPM          INT64_C(1000000)

/* --- noted in the row's transaction ------------------------------------------------------ */

static const struct storm_rule *storm_named(const struct settings *s, slice name)
{
	for (size_t i = 0; name.n && i < s->storms_n; i++)
		if (slice_eq(s->storms[i].rule.name, name))
			return &s->storms[i];
	return NULL;
}

/* Storms that pause are read off the sessions' states. The rule of a refusal by a budget may have the name of
 * a storm rule: only what was let through, or stopped for good, is a storm here. */
static slice kind_of(const struct settings *s, const struct record *r)
{
	const struct storm_rule *storm = storm_named(s, r->text[TEXT_RULE]);
	bool told = storm && storm->action != STORM_PAUSE && r->text[TEXT_EXPLANATION].n &&
	            (r->decision == DECISION_ADMITTED || storm->action == STORM_STOP);
	if (told)
		return SLICE("storm");
	bool refused = r->decision == DECISION_REFUSED && slice_eq(r->text[TEXT_RULE], SLICE("unpriced"));
	bool unpriced = r->decision == DECISION_ADMITTED && !r->priced && r->usage_source != SOURCE_NONE &&
	                api_is_metered(r->api);
	return refused || unpriced ? SLICE("unpriced") : SLICE_NONE;
}

slice alert_event_of(const struct settings *s, const struct record *r, struct buf *body)
{
	slice kind = kind_of(s, r);
	struct jsonw w;
	if (kind.n == 0)
		return kind;
	const struct {
		const char *name;
		slice value;
	} texts[] = {{"call", slice_of(r->id)},
	             {"session", r->who.v[ATTR_SESSION]},
	             {"user", r->who.v[ATTR_USER]},
	             {"team", r->who.v[ATTR_TEAM]},
	             {"agent", r->who.v[ATTR_AGENT]},
	             {"repo", r->who.v[ATTR_REPO]},
	             {"workflow", r->who.v[ATTR_WORKFLOW]},
	             {"provider", r->text[TEXT_PROVIDER]},
	             {"model", r->text[TEXT_MODEL_SERVED].n ? r->text[TEXT_MODEL_SERVED]
	                                                    : r->text[TEXT_MODEL_REQUESTED]},
	             {"rule", r->text[TEXT_RULE]},
	             {"evidence", r->text[TEXT_EXPLANATION]},
	             {"decision", slice_of(decision_name(r->decision))}};
	jsonw_init(&w, body);
	jsonw_object(&w);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].value.n)
			jsonw_put_string(&w, slice_of(texts[i].name), texts[i].value);
	jsonw_object_end(&w);
	return jsonw_end(&w) ? SLICE_NONE : kind;
}

bool alert_provider_erred(const struct record *r)
{
	if (r->ending == ENDING_PROVIDER_GONE || r->ending == ENDING_TIMEOUT)
		return true;
	return r->ending == ENDING_PROVIDER_ERROR &&
	       (r->status >= 429 || r->status == 401 || r->status == 403 || r->status == RECORD_ABSENT);
}

/* --- read again -------------------------------------------------------------------------- */

struct event {
	slice call, session, user, team, agent, repo, workflow, provider, model, rule, evidence, decision;
};

static bool read_event(slice body, struct arena *mem, struct event *out)
{
	const struct {
		const char *name;
		slice *to;
	} texts[] = {
	    {"call", &out->call},         {"session", &out->session},   {"user", &out->user},
	    {"team", &out->team},         {"agent", &out->agent},       {"repo", &out->repo},
	    {"workflow", &out->workflow}, {"provider", &out->provider}, {"model", &out->model},
	    {"rule", &out->rule},         {"evidence", &out->evidence}, {"decision", &out->decision}};
	struct json j;
	json_key k;
	json_str v;
	json_init(&j, body);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		size_t i = 0;
		while (i < sizeof texts / sizeof *texts && !json_key_is(&k, slice_of(texts[i].name)))
			i++;
		if (i == sizeof texts / sizeof *texts || json_peek(&j) != JSON_STRING) {
			json_skip(&j, NULL);
			continue;
		}
		json_string(&j, &v);
		char *text = arena_alloc(mem, v.raw.n + 1);
		if (text == NULL)
			return false;
		*texts[i].to = slice_make(text, json_unescape(&v, text, v.raw.n + 1));
	}
	return json_end(&j);
}

static void add_labels(struct alert_cause *c, const struct event *v)
{
	alert_label_add(c, "session", v->session);
	alert_label_add(c, "user", v->user);
	alert_label_add(c, "team", v->team);
	alert_label_add(c, "agent", v->agent);
	alert_label_add(c, "repo", v->repo);
	alert_label_add(c, "workflow", v->workflow);
}

static int give_storm(const struct alert_source *s, const struct event *v, int64_t at_ms)
{
	char key[ALERT_CAUSE_MAX], title[LINE * 2], look[ALERT_COMMAND], contain[ALERT_COMMAND], word[300];
	bool ended = !slice_eq(v->decision, SLICE("admitted"));
	slice id = slice_sub(v->session, 0, 200), who = v->user.n ? v->user : SLICE("somebody unknown");
	snprintf(key, sizeof key, "storm/" SLICE_FMT, SLICE_ARG(id));
	snprintf(title, sizeof title, "Storm: session " SLICE_FMT " of " SLICE_FMT "%s: " SLICE_FMT,
	         SLICE_ARG(slice_sub(id, 0, 60)), SLICE_ARG(slice_sub(who, 0, 80)),
	         ended ? " was stopped" : " goes round in circles",
	         SLICE_ARG(slice_sub(v->evidence, 0, 200)));
	alert_look(look, at_ms, "session", id);
	alert_quote(id, word, sizeof word);
	snprintf(contain, sizeof contain, "weir session pause -- %s", word);
	struct alert_cause c = {.key = slice_of(key),
	                        .kind = ALERT_STORM,
	                        .severity = ended ? ALERT_WARNING : ALERT_CRITICAL,
	                        .since_ms = at_ms,
	                        .hold_ms = 30 * MIN_MS,
	                        .title = slice_of(title),
	                        .text = ended ? SLICE("Its calls are refused for good.")
	                                      : SLICE("It is not held: its calls go on (the rule's action)."),
	                        .evidence = v->evidence,
	                        .look = slice_of(look),
	                        .contain = ended ? SLICE_NONE : slice_of(contain)};
	add_labels(&c, v);
	alert_label_add(&c, "rule", v->rule);
	return s->on_cause(s->arg, &c);
}

static int give_unpriced(const struct alert_source *s, const struct event *v, int64_t at_ms)
{
	char key[ALERT_CAUSE_MAX], title[LINE], contain[ALERT_COMMAND], word[300];
	bool refused = slice_eq(v->decision, SLICE("refused"));
	slice model = slice_sub(v->model, 0, 150);
	snprintf(key, sizeof key, "unpriced/" SLICE_FMT "/" SLICE_FMT,
	         SLICE_ARG(slice_sub(v->provider, 0, 63)), SLICE_ARG(model));
	snprintf(title, sizeof title,
	         "No price is known for model " SLICE_FMT " at " SLICE_FMT ": its calls are %s",
	         SLICE_ARG(model), SLICE_ARG(slice_sub(v->provider, 0, 63)),
	         refused ? "refused" : "booked without a cost");
	alert_quote(model, word, sizeof word);
	snprintf(contain, sizeof contain, "weir price show -- %s", word);
	struct alert_cause c = {
	    .key = slice_of(key),
	    .kind = ALERT_UNPRICED,
	    .severity = ALERT_WARNING,
	    .since_ms = at_ms,
	    .hold_ms = HOUR_MS,
	    .title = slice_of(title),
	    .text = SLICE(
	        "A row in the file of `prices: {file: ...}` prices it (docs/prices.md); `prices: {unknown: "
	        "...}` is a fallback for all such models."),
	    .evidence = v->evidence,
	    .look = SLICE("weir report --by user,model_requested --where rule=unpriced --since 1d"),
	    .contain = slice_of(contain)};
	alert_label_add(&c, "model", v->model);
	alert_label_add(&c, "provider", v->provider);
	add_labels(&c, v);
	return s->on_cause(s->arg, &c);
}

int alert_source_event(const struct alert_source *s, const struct ledger_alert_event *ev)
{
	struct arena mem;
	struct event v = {0};
	int rc = 0;
	arena_init(&mem, 65536);
	if (!read_event(ev->body, &mem, &v))
		rc = 0; /* of another version */
	else if (slice_eq(ev->kind, SLICE("storm")))
		rc = give_storm(s, &v, ev->at_ms);
	else if (slice_eq(ev->kind, SLICE("unpriced")))
		rc = give_unpriced(s, &v, ev->at_ms);
	arena_release(&mem);
	return rc;
}

/* --- providers --------------------------------------------------------------------------- */

static int no_group(void *arg, const struct ledger_group *g)
{
	(void)arg, (void)g;
	return 0;
}

/* Calls of the provider on the day before the window. filter: of an ending, or a status; column n 0 none. */
static int count_day(const struct alert_source *s, slice provider, struct ledger_filter filter, int64_t *out,
                     struct error *e)
{
	struct ledger_query q = {
	    .since_ms = s->now_ms - 24 * HOUR_MS,
	    .until_ms = s->now_ms - ALERT_PROVIDER_MINUTES * MIN_MS,
	    .filters_n = 2,
	    .filters = {{SLICE("provider"), provider, true}, {SLICE("source"), SLICE("gateway"), true}}};
	struct ledger_measures total;
	if (filter.column.n)
		q.filters[q.filters_n++] = filter;
	int rc = s->ops->report(s->ledger, &q, no_group, NULL, &total, e);
	*out += rc ? 0 : total.calls;
	return rc;
}

/* Is the share of errors so many times what it was on the day before? */
static int above_usual(const struct alert_source *s, const struct alert_provider *p, int64_t *usual_ppm,
                       struct error *e)
{
	int64_t calls = 0, errors = 0;
	slice name = slice_of(p->name);
	struct ledger_filter gone = {SLICE("ending"), SLICE("provider_gone,timeout"), false};
	struct ledger_filter status = {SLICE("status"), SLICE(">=429"), false};
	int rc = count_day(s, name, (struct ledger_filter){0}, &calls, e);
	if (rc == 0)
		rc = count_day(s, name, gone, &errors, e);
	if (rc == 0)
		rc = count_day(s, name, status, &errors, e);
	errors = errors < calls ? errors : calls; /* one that was gone also has a status */
	*usual_ppm = calls ? errors * PPM / calls : 0;
	return rc;
}

static int give_provider(const struct alert_source *s, const struct alert_provider *p, int64_t ppm,
                         int64_t usual)
{
	char key[ALERT_CAUSE_MAX], title[LINE], text[LINE], contain[ALERT_COMMAND], look[ALERT_COMMAND];
	slice name = slice_of(p->name);
	bool much = ppm >= ERRS_MUCH;
	snprintf(key, sizeof key, "provider/%s", p->name);
	snprintf(title, sizeof title,
	         "Provider %s errs: %lld%% of its calls in the last %d minutes (%lld of %lld)", p->name,
	         (long long)(ppm / 10000), ALERT_PROVIDER_MINUTES, (long long)p->errors, (long long)p->calls);
	snprintf(text, sizeof text,
	         "On the day before it was %lld.%lld%%. Counted are answers of 429 and from 500 on, refused "
	         "credentials, calls that were not answered or took too long.",
	         (long long)(usual / 10000), (long long)(usual / 1000 % 10));
	snprintf(look, sizeof look, "weir report --by status,ending,model --where provider=%s --since 1h",
	         p->name);
	snprintf(contain, sizeof contain, "weir freeze --provider=%s --reason 'it errs'", p->name);
	struct alert_cause c = {.key = slice_of(key),
	                        .kind = ALERT_PROVIDER,
	                        .severity = much ? ALERT_CRITICAL : ALERT_WARNING,
	                        .level = much ? 2 : 1,
	                        .title = slice_of(title),
	                        .text = slice_of(text),
	                        .look = slice_of(look),
	                        .contain = slice_of(contain)};
	alert_label_add(&c, "provider", name);
	return s->on_cause(s->arg, &c);
}

int alert_source_providers(const struct alert_source *s, struct alert_provider *at, size_t n, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct alert_provider *p = &at[i];
		int64_t ppm = p->calls ? p->errors * PPM / p->calls : 0, usual = 0;
		if (p->told && p->calls && ppm < ERRS_END_PPM)
			p->told = false;
		bool begins = p->calls >= ERRS_CALLS && p->errors >= ERRS_LEAST && ppm >= ERRS_PPM;
		if (!p->told && !begins)
			continue;
		rc = above_usual(s, p, &usual, e);
		if (rc || (!p->told && ppm < ERRS_TIMES * usual))
			continue;
		p->told = true;
		rc = give_provider(s, p, ppm, usual);
	}
	return rc;
}
