/* Of what people and rules hold back: sessions, freezes, limits lifted; and of the ledger itself. */
#include "finops/alert_source.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/money.h"

#define HOUR_MS    (INT64_C(3600) * 1000)
#define HELD_MS    (24 * HOUR_MS) /* nobody came for it: it is told no more */
#define FAILING_MS 10000          /* a lock of another program is no trouble yet */
#define FILLS_PPM  800000
#define FULL_PPM   950000
#define LINE       400

/* --- commands ---------------------------------------------------------------------------- */

void alert_quote(slice word, char *out, size_t cap)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_-+=:,./";
	bool quoted = word.n == 0;
	for (size_t i = 0; i < word.n; i++)
		quoted = quoted || word.p[i] == '\0' || strchr(plain, word.p[i]) == NULL;
	size_t n = 0;
	if (quoted)
		out[n++] = '\'';
	for (size_t i = 0; i < word.n && n + 6 < cap; i++) {
		unsigned char c = (unsigned char)word.p[i];
		if (c == '\'') {
			memcpy(out + n, "'\\''", 4);
			n += 4;
		} else {
			out[n++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
		}
	}
	if (quoted)
		out[n++] = '\'';
	out[n] = '\0';
}

void alert_look(char out[ALERT_COMMAND], int64_t since_ms, const char *field, slice value)
{
	char since[CLOCK_RFC3339_MAX], word[ALERT_COMMAND / 2], where[ALERT_COMMAND / 2 + 16] = "";
	int64_t from = (since_ms - HOUR_MS) / 60000 * 60000;
	clock_format_rfc3339(from > 0 ? from : 0, since);
	if (value.n) {
		char pair[ALERT_COMMAND / 2];
		snprintf(pair, sizeof pair, "%s=" SLICE_FMT, field, SLICE_ARG(slice_sub(value, 0, 200)));
		alert_quote(slice_of(pair), word, sizeof word);
		snprintf(where, sizeof where, " --where %s", word);
	}
	snprintf(out, ALERT_COMMAND, "weir triage --since %.16s:00Z%s", since, where);
}

/* "weir freeze --user=ana@example.com --reason alert": command ends with what stands before the word, '=' or
 * "-- ", so that no word is taken for an option. */
static void act(char out[ALERT_COMMAND], const char *command, slice id, const char *rest)
{
	char word[ALERT_COMMAND / 2];
	alert_quote(slice_sub(id, 0, 200), word, sizeof word);
	snprintf(out, ALERT_COMMAND, "%s%s%s", command, word, rest);
}

/* --- sessions ---------------------------------------------------------------------------- */

struct giving {
	const struct alert_source *s;
	size_t n;
	int64_t *seq;
	int64_t top;
};

static int give(struct giving *g, const struct alert_cause *c)
{
	if (g->n++ == ALERT_SOURCE_MAX)
		return ERR_FULL;
	return g->s->on_cause(g->s->arg, c);
}

/* The storm rule of a name; that of the only one that hands over when the name is not known. */
static const struct storm_rule *rule_named(const struct settings *s, slice name)
{
	const struct storm_rule *found = NULL;
	for (size_t i = 0; i < s->storms_n; i++) {
		if (name.n && slice_eq(s->storms[i].rule.name, name))
			return &s->storms[i];
		if (name.n == 0 && s->storms[i].handoff_to.n)
			found = found ? NULL : &s->storms[i];
	}
	return found;
}

/* "handed to lead: it loops" (weir session escalate) */
static slice handed_to(slice reason)
{
	slice rest = slice_sub(reason, sizeof "handed to " - 1, reason.n), to;
	if (!slice_starts(reason, SLICE("handed to ")))
		return SLICE_NONE;
	slice_split(&rest, ':', &to);
	return to;
}

static void spent_text(const struct ledger_held *h, slice to, char out[LINE])
{
	char cost[MONEY_TEXT_MAX] = "an unknown amount";
	if (h->cost_nanousd != RECORD_ABSENT)
		money_format_human(h->cost_nanousd, cost);
	snprintf(out, LINE, "%lld calls, %s spent so far.%s" SLICE_FMT "%s", (long long)h->calls, cost,
	         to.n ? " It waits for " : " It waits for somebody to resume it",
	         SLICE_ARG(slice_sub(to, 0, 100)), ".");
}

static int on_held(void *arg, const struct ledger_held *h)
{
	struct giving *g = arg;
	bool storm = h->actor.n == 0;
	const struct storm_rule *rule = storm ? rule_named(g->s->settings, h->rule) : NULL;
	slice to = rule ? rule->handoff_to : storm ? SLICE_NONE : handed_to(h->reason);
	char key[ALERT_CAUSE_MAX], title[LINE * 2], text[LINE], look[ALERT_COMMAND], contain[ALERT_COMMAND];
	slice id = slice_sub(h->id, 0, 200), who = h->user.n ? h->user : SLICE("somebody unknown");
	snprintf(key, sizeof key, "%s/" SLICE_FMT "/%lld", storm ? "storm" : "pause", SLICE_ARG(id),
	         (long long)h->state_ms);
	if (storm)
		snprintf(title, sizeof title,
		         "Storm: session " SLICE_FMT " of " SLICE_FMT " is paused: " SLICE_FMT,
		         SLICE_ARG(slice_sub(id, 0, 60)), SLICE_ARG(slice_sub(who, 0, 80)),
		         SLICE_ARG(slice_sub(h->reason, 0, 200)));
	else
		snprintf(title, sizeof title,
		         "Session " SLICE_FMT " of " SLICE_FMT " was paused by " SLICE_FMT "%s" SLICE_FMT,
		         SLICE_ARG(slice_sub(id, 0, 60)), SLICE_ARG(slice_sub(who, 0, 80)),
		         SLICE_ARG(slice_sub(h->actor, 0, 80)), h->reason.n ? ": " : "",
		         SLICE_ARG(slice_sub(h->reason, 0, 200)));
	spent_text(h, to, text);
	alert_look(look, h->state_ms, "session", id);
	act(contain, "weir session stop -- ", id, "");
	struct alert_cause c = {.key = slice_of(key),
	                        .kind = storm ? ALERT_STORM : ALERT_PAUSE,
	                        .severity = storm || to.n ? ALERT_WARNING : ALERT_INFO,
	                        .since_ms = h->state_ms,
	                        .title = slice_of(title),
	                        .text = slice_of(text),
	                        .evidence = h->reason,
	                        .look = slice_of(look),
	                        .contain = slice_of(contain),
	                        .target = to};
	alert_label_add(&c, "session", h->id);
	alert_label_add(&c, "user", h->user);
	alert_label_add(&c, "team", h->team);
	alert_label_add(&c, "agent", h->agent);
	alert_label_add(&c, "repo", h->repo);
	alert_label_add(&c, "workflow", h->workflow);
	alert_label_add(&c, "rule", rule ? rule->rule.name : SLICE_NONE);
	return give(g, &c);
}

int alert_source_sessions(const struct alert_source *s, struct error *e)
{
	struct giving g = {.s = s};
	return s->ops->alerts->held(s->ledger, s->now_ms - HELD_MS, ALERT_SOURCE_MAX + 1, on_held, &g, e);
}

/* --- the kill switch, limits lifted ------------------------------------------------------ */

static int on_freeze(void *arg, const struct ledger_freeze *f)
{
	struct giving *g = arg;
	bool org = f->value.n == 0;
	char key[ALERT_CAUSE_MAX], title[LINE * 2], text[LINE], contain[ALERT_COMMAND], command[64];
	snprintf(key, sizeof key, "freeze/" SLICE_FMT "/" SLICE_FMT, SLICE_ARG(slice_sub(f->scope, 0, 20)),
	         SLICE_ARG(slice_sub(f->value, 0, 300)));
	snprintf(title, sizeof title, "Frozen: %s" SLICE_FMT "%s" SLICE_FMT ", by " SLICE_FMT "%s" SLICE_FMT,
	         org ? "all calls" : "", SLICE_ARG(org ? SLICE_NONE : f->scope), org ? "" : " ",
	         SLICE_ARG(slice_sub(f->value, 0, 100)), SLICE_ARG(slice_sub(f->by, 0, 80)),
	         f->reason.n ? ": " : "", SLICE_ARG(slice_sub(f->reason, 0, 200)));
	snprintf(text, sizeof text, "Every call of it is refused until the freeze is lifted.");
	snprintf(command, sizeof command, "weir unfreeze --" SLICE_FMT "%s",
	         SLICE_ARG(slice_sub(f->scope, 0, 20)), org ? "" : "=");
	if (org)
		snprintf(contain, sizeof contain, "%s", command);
	else
		act(contain, command, f->value, "");
	struct alert_cause c = {.key = slice_of(key),
	                        .kind = ALERT_FREEZE,
	                        .severity = org ? ALERT_CRITICAL : ALERT_WARNING,
	                        .since_ms = f->at_ms,
	                        .title = slice_of(title),
	                        .text = slice_of(text),
	                        .evidence = f->reason,
	                        .look = SLICE("weir freeze list"),
	                        .contain = slice_of(contain)};
	if (!org && alert_label_known(f->scope)) {
		c.labels[c.labels_n++] = (struct alert_label){f->scope, f->value};
	}
	alert_label_add(&c, "scope", f->scope);
	return give(g, &c);
}

int alert_source_freezes(const struct alert_source *s, struct error *e)
{
	struct giving g = {.s = s};
	return s->ops->freezes(s->ledger, on_freeze, &g, e);
}

static int on_override(void *arg, const struct ledger_override *o)
{
	struct giving *g = arg;
	const struct budget_rule *rule = settings_budget(g->s->settings, o->budget);
	bool waits = o->state == OVERRIDE_WAITING;
	char key[ALERT_CAUSE_MAX], title[LINE * 2], amount[MONEY_TEXT_MAX + 16], look[ALERT_COMMAND],
	    contain[ALERT_COMMAND];
	if (o->state == OVERRIDE_REFUSED)
		return 0;
	if (rule && rule->limit.unit == LIMIT_USD)
		money_format_human(o->amount, amount);
	else
		snprintf(amount, sizeof amount, "%lld", (long long)o->amount);
	slice by = slice_sub(o->requested_by, 0, 80), name = slice_sub(o->budget, 0, 80);
	snprintf(key, sizeof key, "override/" SLICE_FMT "/%s", SLICE_ARG(slice_sub(o->id, 0, 60)),
	         waits ? "waiting" : "active");
	snprintf(title, sizeof title, "%s" SLICE_FMT "%s %s more of budget " SLICE_FMT "%s" SLICE_FMT,
	         waits ? "An override waits: " : "", SLICE_ARG(by), waits ? " asks for" : " took", amount,
	         SLICE_ARG(name), o->reason.n ? ": " : "", SLICE_ARG(slice_sub(o->reason, 0, 200)));
	act(look, "weir budget show ", name, "");
	act(contain, "weir budget approve ", o->id, "");
	struct alert_cause c = {
	    .key = slice_of(key),
	    .kind = ALERT_OVERRIDE,
	    .severity = waits ? ALERT_WARNING : ALERT_INFO,
	    .since_ms = waits || !o->decided_ms ? o->requested_ms : o->decided_ms,
	    .title = slice_of(title),
	    .text = waits ? SLICE("It is in force when an approver says so; refused by the API "
	                          "(overrides/{id}/refuse).")
	                  : SLICE("It holds until the budget's window ends."),
	    .evidence = o->reason,
	    .look = slice_of(look),
	    .contain = waits ? slice_of(contain) : SLICE_NONE};
	slice user = o->requested_by, rest;
	slice_split(&user, ' ', &rest); /* "ana@example.com (k_...)" */
	alert_label_add(&c, "budget", o->budget);
	alert_label_add(&c, "user", rest);
	return give(g, &c);
}

int alert_source_overrides(const struct alert_source *s, struct error *e)
{
	struct giving g = {.s = s};
	return s->ops->overrides(s->ledger, s->now_ms, on_override, &g, e);
}

/* --- the record of changes --------------------------------------------------------------- */

static int on_change(void *arg, const struct ledger_change *ch)
{
	struct giving *g = arg;
	char key[ALERT_CAUSE_MAX], title[LINE * 2], look[ALERT_COMMAND], contain[ALERT_COMMAND];
	if (ch->seq <= *g->seq || (*g->seq == 0 && ch->at_ms < g->s->now_ms - HOUR_MS))
		return 1;
	if (ch->seq > g->top)
		g->top = ch->seq;
	if (!slice_eq(ch->action, SLICE("key.many_devices")))
		return 0;
	snprintf(key, sizeof key, "key/" SLICE_FMT, SLICE_ARG(slice_sub(ch->subject, 0, 60)));
	snprintf(title, sizeof title, "Key " SLICE_FMT " is used from many devices: is it shared, or stolen?",
	         SLICE_ARG(slice_sub(ch->subject, 0, 60)));
	alert_look(look, ch->at_ms, "key_id", ch->subject);
	act(contain, "weir freeze --key=", ch->subject, " --reason 'many devices'");
	struct alert_cause c = {.key = slice_of(key),
	                        .kind = ALERT_KEY,
	                        .severity = ALERT_WARNING,
	                        .since_ms = ch->at_ms,
	                        .hold_ms = 24 * HOUR_MS,
	                        .title = slice_of(title),
	                        .evidence = ch->detail,
	                        .look = slice_of(look),
	                        .contain = slice_of(contain)};
	alert_label_add(&c, "key", ch->subject);
	return give(g, &c);
}

int alert_source_changes(const struct alert_source *s, int64_t *seq, struct error *e)
{
	struct giving g = {.s = s, .seq = seq, .top = *seq};
	int rc = s->ops->changes(s->ledger, 0, ALERT_SOURCE_MAX, on_change, &g, e);
	if (rc >= 0)
		*seq = g.top;
	return rc > 0 ? 0 : rc;
}

/* --- the ledger -------------------------------------------------------------------------- */

static int journal_fills(struct giving *g, const struct journal_stats *j)
{
	size_t used = j->in_flight + j->settled;
	int64_t ppm = j->slots ? (int64_t)(used * 1000000 / j->slots) : 0;
	char title[LINE], text[LINE];
	if (ppm < FILLS_PPM)
		return 0;
	snprintf(title, sizeof title, "The journal is %lld%% full: %zu of %zu calls",
	         (long long)(ppm / 10000), used, j->slots);
	snprintf(
	    text, sizeof text,
	    "%zu rows wait for the ledger, %zu calls are under way. When it is full, calls are answered 503.",
	    j->settled, j->in_flight);
	struct alert_cause c = {.key = SLICE("ledger/journal"),
	                        .kind = ALERT_LEDGER,
	                        .severity = ALERT_CRITICAL,
	                        .level = ppm >= FULL_PPM ? 2 : 1,
	                        .title = slice_of(title),
	                        .text = slice_of(text),
	                        .look = SLICE("weir doctor")};
	return give(g, &c);
}

int alert_source_ledger(const struct alert_source *s, const struct alert_ledger *l)
{
	struct giving g = {.s = s};
	char text[LINE];
	int rc = journal_fills(&g, &l->journal);
	if (rc == 0 && l->failing_since_ms && s->now_ms - l->failing_since_ms >= FAILING_MS) {
		snprintf(
		    text, sizeof text,
		    "%zu rows wait in the journal, which has room for %zu calls; they are written as soon as "
		    "that is possible. When it is full, calls are answered 503.",
		    l->journal.settled, l->journal.slots);
		struct alert_cause c = {.key = SLICE("ledger/rows"),
		                        .kind = ALERT_LEDGER,
		                        .severity = ALERT_CRITICAL,
		                        .since_ms = l->failing_since_ms,
		                        .title = SLICE("The ledger takes no rows"),
		                        .text = slice_of(text),
		                        .evidence =
		                            SLICE("ledger.unavailable in the log of weir serve says why"),
		                        .look = SLICE("weir doctor")};
		rc = give(&g, &c);
	}
	if (rc == 0 && l->rejected) {
		snprintf(text, sizeof text, "%llu rows were put aside since the start", l->rejected);
		struct alert_cause c = {
		    .key = SLICE("ledger/rejected"),
		    .kind = ALERT_LEDGER,
		    .severity = ALERT_WARNING,
		    .title = SLICE("The ledger cannot take some rows: they are kept in its table rejected"),
		    .text = slice_of(text),
		    .look = SLICE("weir doctor")};
		rc = give(&g, &c);
	}
	return rc;
}
