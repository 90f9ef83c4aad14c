#include "gateway/call_storm.h"

#include <stdlib.h>

#include "policy/storm_table.h"

#define ITEMS_FIRST 8
#define ITEMS_KEPT  128 /* of one request; the latest: 8 * 4 * 4 */
#define TOOLS_MAX   256
#define SLOW_US     (INT64_C(10) * 1000000)
#define TEXT_MAX    512

/* --- what is new ------------------------------------------------------------------------------------------
 */

/* Room for more items: a few at first, since most requests bring a few. False when it has to do with what
 * there is. */
static bool grow(struct exchange *ex)
{
	size_t room = ex->fresh_room ? ex->fresh_room * 4 : ITEMS_FIRST;
	struct body_item *more = room <= ITEMS_KEPT ? arena_alloc(&ex->mem, room * sizeof *more) : NULL;
	if (more == NULL)
		return false;
	if (ex->fresh_n)
		memcpy(more, ex->fresh, ex->fresh_n * sizeof *more);
	ex->fresh = more;
	ex->fresh_room = room;
	return true;
}

int call_storm_item(void *arg, const struct body_item *it)
{
	struct exchange *ex = arg;
	if (it->kind != ITEM_TOOL_CALL && it->kind != ITEM_TOOL_RESULT && it->kind != ITEM_USER_TEXT)
		return 0;
	if (ex->fresh_n == ex->fresh_room && !grow(ex)) {
		if (ex->fresh_room == 0)
			return 0;
		/* A long conversation that is new to Weir: its end says most. */
		size_t half = ex->fresh_room / 2;
		memmove(ex->fresh, ex->fresh + half, half * sizeof *ex->fresh);
		ex->fresh_n = half;
	}
	ex->fresh[ex->fresh_n] = *it;
	ex->fresh[ex->fresh_n++].span = NULL;
	return 0;
}

struct tools {
	const struct exchange *ex;
	uint64_t at[TOOLS_MAX];
	size_t n;
	bool more; /* than are kept: any name may be one of them */
};

static int take_definition(void *arg, const struct body_item *it)
{
	struct tools *t = arg;
	if (it->kind != ITEM_TOOL_DEFINITION)
		return 0;
	if (t->n < TOOLS_MAX)
		t->at[t->n++] = storm_tool_hash(it->name.raw);
	else
		t->more = true;
	return 0;
}

static int take_span(void *arg, const struct body_span *s)
{
	struct tools *t = arg;
	return s->section == BODY_TOOLS ? t->ex->codec->items(&t->ex->view, s, take_definition, t) : 1;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The names of the tools on offer, read only when a call failed: a tool that is not there does. */
static void read_tools(const struct exchange *ex, struct tools *t)
{
	bool wanted = false, called = false;
	for (size_t i = 0; i < ex->fresh_n; i++) {
		called = called || ex->fresh[i].kind == ITEM_TOOL_CALL;
		wanted = wanted || (ex->fresh[i].kind == ITEM_TOOL_RESULT && ex->fresh[i].is_error);
	}
	t->ex = ex;
	t->n = 0;
	t->more = false;
	if (!called || !wanted || ex->view.tools.n == 0)
		return;
	(void)body_spans(&ex->view, take_span, t);
	if (t->more)
		t->n = 0;
	qsort(t->at, t->n, sizeof t->at[0], by_value);
}

/* Whose sessions are held against one another: those of a key, at one place of work. */
static slice scope_of(struct exchange *ex)
{
	const struct attribution *who = &ex->record.who;
	slice s = arena_printf(
	    &ex->mem, SLICE_FMT "\n" SLICE_FMT "\n" SLICE_FMT "\n" SLICE_FMT "\n" SLICE_FMT,
	    SLICE_ARG(ex->who.key_id), SLICE_ARG(who->v[ATTR_REPO]), SLICE_ARG(who->v[ATTR_BRANCH]),
	    SLICE_ARG(who->v[ATTR_WORKFLOW]), SLICE_ARG(who->v[ATTR_PR]));
	return s.p ? s : ex->who.key_id;
}

/* --- what is done -----------------------------------------------------------------------------------------
 */

static const struct storm_rule *rule_of(const struct exchange *ex)
{
	const struct settings *s = ex->settings;
	for (size_t i = 0; i < s->storms_n; i++)
		if (rule_applies(&s->storms[i].rule, &ex->facts))
			return &s->storms[i];
	return NULL;
}

static void tell(struct exchange *ex, const struct storm_rule *rule, const struct storm_finding *f,
                 slice text)
{
	COUNT(ex->w, storms);
	log_event(
	    ex->w->shared->log, LOG_WARN, "storm", LOG_S("session", ex->turn.session),
	    LOG_S("root", ex->turn.root), LOG_Z("signal", storm_name(f->signal)), LOG_S("evidence", text),
	    LOG_Z("action", rule->rule.mode == MODE_SHADOW
	                        ? "shadow"
	                        : storm_action_name((enum storm_action)rule->action)),
	    LOG_S("rule", rule->rule.name), LOG_S("handoff", rule->handoff_to), LOG_Z("id", ex->record.id));
}

static enum admit_next end_session(struct exchange *ex, const struct storm_rule *rule, slice text)
{
	bool stop = rule->action == STORM_STOP;
	struct session_turn *t = &ex->turn;
	if (session_act_on(ex->w->shared->sessions, t, t->root, stop ? SESSION_STOP : SESSION_PAUSE, text,
	                   ex->record.time_ms))
		log_event(
		    ex->w->shared->log, LOG_ERROR, "storm.not_held", LOG_S("session", t->root),
		    LOG_Z("message", "the session could not be held; this call is refused all the same"));
	slice words =
	    stop ? arena_printf(
	               &ex->mem,
	               SLICE_FMT ": session " SLICE_FMT " is stopped (" SLICE_FMT
	                         "). Start a new one; `weir session show " SLICE_FMT "` tells what it did",
	               SLICE_ARG(text), SLICE_ARG(t->root), SLICE_ARG(rule->rule.name), SLICE_ARG(t->root))
	         : arena_printf(&ex->mem,
	                        SLICE_FMT ": session " SLICE_FMT " is paused (" SLICE_FMT "%s" SLICE_FMT
	                                  "). `weir session resume " SLICE_FMT
	                                  " --reason ...` lets it go on; `weir session show " SLICE_FMT
	                                  "` tells what it did",
	                        SLICE_ARG(text), SLICE_ARG(t->root), SLICE_ARG(rule->rule.name),
	                        rule->handoff_to.n ? ", waits for " : "", SLICE_ARG(rule->handoff_to),
	                        SLICE_ARG(t->root), SLICE_ARG(t->root));
	if (!stop)
		ex->record.decision = DECISION_PAUSED;
	exchange_refuse(ex, REFUSAL_STORM, rule->rule.name.p, words);
	return ADMIT_REFUSED;
}

static enum admit_next act(struct exchange *ex, const struct storm_rule *rule, const struct storm_finding *f)
{
	char sentence[TEXT_MAX];
	storm_sentence(f, sentence, sizeof sentence);
	slice text = arena_copy(&ex->mem, slice_of(sentence));
	tell(ex, rule, f, slice_of(sentence));
	if (text.p == NULL)
		return ADMIT_ON;
	if (rule->rule.mode == MODE_SHADOW) {
		admit_shadow(ex, arena_printf(&ex->mem, "storm " SLICE_FMT " would %s: " SLICE_FMT,
		                              SLICE_ARG(rule->rule.name),
		                              storm_action_name((enum storm_action)rule->action),
		                              SLICE_ARG(text)));
		return ADMIT_ON;
	}
	if (rule->action == STORM_PAUSE || rule->action == STORM_STOP)
		return end_session(ex, rule, text);
	ex->record.text[TEXT_RULE] = rule->rule.name;
	ex->record.text[TEXT_EXPLANATION] = text;
	if (rule->action == STORM_ADVISE)
		ex->advice = arena_printf(&ex->mem,
		                          "[weir] You may be going round in circles: " SLICE_FMT
		                          ". Do something else, or stop and say what you need.",
		                          SLICE_ARG(text));
	if (rule->action == STORM_SLOW &&
	    exchange_hold_back(ex, clock_mono_us(ex->w->shared->clock) + SLOW_US))
		return ADMIT_HELD;
	return ADMIT_ON;
}

enum admit_next admit_storm(struct exchange *ex)
{
	struct tools tools;
	struct storm_finding f;
	struct session_turn *t = &ex->turn;
	if (t->thread == 0 || ex->storm_known || ex->w->shared->storms == NULL)
		return ADMIT_ON;
	ex->storm_known = true;
	const struct storm_rule *rule = rule_of(ex);
	if (rule == NULL)
		return ADMIT_ON;
	read_tools(ex, &tools);
	struct storm_request r = {.thread = t->thread,
	                          .items = ex->fresh,
	                          .items_n = ex->fresh_n,
	                          .tools = tools.at,
	                          .tools_n = tools.n,
	                          .compacted = t->how == SESSION_COMPACTED,
	                          .retry = t->how == SESSION_RETRY,
	                          .begins = t->how == SESSION_NEW,
	                          .only_told = rule->rule.mode == MODE_SHADOW ||
	                                       (rule->action != STORM_PAUSE && rule->action != STORM_STOP),
	                          .scope = scope_of(ex),
	                          .now_ms = ex->record.time_ms,
	                          .fan_out = t->tree,
	                          .depth = t->depth};
	bool found = storm_watch(ex->w->shared->storms, &r, &rule->limits, rule->fresh_sessions,
	                         (unsigned)rule->allowance, &f);
	ex->fresh = NULL;
	ex->fresh_n = ex->fresh_room = 0;
	return found ? act(ex, rule, &f) : ADMIT_ON;
}

void call_storm_close(struct exchange *ex)
{
	const struct record *r = &ex->record;
	if (ex->turn.thread && ex->w->shared->storms && r->priced && r->cost.total > 0)
		storm_spent(ex->w->shared->storms, ex->turn.thread, r->cost.total, r->time_ms);
}
