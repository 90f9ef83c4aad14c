#include "gateway/call_session.h"

#include "gateway/call_storm.h"

#include "policy/attribution.h"
#include "policy/session.h"

static bool has_turns(const struct exchange *ex)
{
	return ex->codec && ex->codec->items && api_is_metered(ex->target.api) && ex->view.messages.n &&
	       ex->w->shared->sessions;
}

static void fill_record(struct exchange *ex)
{
	struct record *r = &ex->record;
	const struct session_turn *t = &ex->turn;
	r->who.v[ATTR_SESSION] = t->session;
	if (t->subagent.n)
		r->who.v[ATTR_SUBAGENT] = t->subagent;
	r->turn = t->turn;
	if (r->attempt == RECORD_ABSENT || r->attempt < t->attempt)
		r->attempt = t->attempt;
	r->text[TEXT_RETRY_OF] = t->retry_of;
}

static enum admit_next refuse_state(struct exchange *ex)
{
	const struct session_turn *t = &ex->turn;
	bool paused = t->state == SESSION_PAUSED;
	slice text = arena_printf(
	    &ex->mem,
	    paused ? "session " SLICE_FMT " is paused%s" SLICE_FMT ". `weir session resume " SLICE_FMT
	             " --reason ...` lets it go on; `weir session show " SLICE_FMT "` tells what it did"
	           : "session " SLICE_FMT " was stopped%s" SLICE_FMT
	             ". It does not go on: start a new one (`weir "
	             "session show " SLICE_FMT "` tells what it did)" SLICE_FMT,
	    SLICE_ARG(t->state_of), t->reason.n ? ": " : "", SLICE_ARG(t->reason), SLICE_ARG(t->state_of),
	    SLICE_ARG(paused ? t->state_of : SLICE_NONE));
	if (paused)
		ex->record.decision = DECISION_PAUSED;
	exchange_refuse(ex, REFUSAL_STORM, paused ? "session.paused" : "session.stopped", text);
	return ADMIT_REFUSED;
}

/* Nobody came for a session that was handed over: it is stopped, when it asks next. */
static void end_wait(struct exchange *ex)
{
	struct session_turn *t = &ex->turn;
	int64_t wait_ms = 0;
	for (size_t i = 0; i < ex->settings->storms_n; i++)
		if (wait_ms == 0 || ex->settings->storms[i].handoff_ms < wait_ms)
			wait_ms = ex->settings->storms[i].handoff_ms;
	if (t->state != SESSION_PAUSED || wait_ms == 0 || ex->record.time_ms - t->state_ms < wait_ms)
		return;
	slice why = arena_printf(&ex->mem, "nobody resumed it in time; " SLICE_FMT, SLICE_ARG(t->reason));
	if (why.p && session_act_on(ex->w->shared->sessions, t, t->state_of, SESSION_STOP, why,
	                            ex->record.time_ms) == 0) {
		t->state = SESSION_STOPPED;
		t->reason = why;
	}
}

enum admit_next admit_session(struct exchange *ex)
{
	struct session_turn *t = &ex->turn;
	struct record *r = &ex->record;
	if (!has_turns(ex))
		return ADMIT_ON;
	struct session_in in = {.view = &ex->view,
	                        .items = ex->codec->items,
	                        .scope = ex->who.key_id,
	                        .session = r->who.v[ATTR_SESSION],
	                        .subagent = r->who.v[ATTR_SUBAGENT],
	                        .agent = r->who.v[ATTR_AGENT],
	                        .directory = attribution_directory(&r->who, &ex->mem),
	                        .call = r->id,
	                        .now_ms = r->time_ms,
	                        .on_new = ex->settings->storms_n ? call_storm_item : NULL,
	                        .on_new_arg = ex};
	if (session_open(ex->w->shared->sessions, &in, &ex->mem, t)) {
		COUNT(ex->w, sessions_unread); /* without memory the call goes on, its turn unknown */
		return ADMIT_ON;
	}
	fill_record(ex);
	if (t->state == SESSION_RUNNING)
		return ADMIT_ON;
	end_wait(ex);
	return refuse_state(ex);
}

void call_session_close(struct exchange *ex)
{
	struct record *r = &ex->record;
	if (ex->turn.thread == 0)
		return;
	struct session_end end = {.answered = r->ending == ENDING_COMPLETE && r->status < 400,
	                          .tool_calls = r->tool_calls,
	                          .cost_nanousd = r->priced ? r->cost.total : RECORD_ABSENT,
	                          .now_ms = r->time_ms + (r->duration_ms > 0 ? r->duration_ms : 0),
	                          .duration_ms = r->duration_ms};
	r->parts_n = session_parts(&ex->turn, r, &ex->mem, &r->parts);
	session_close(ex->w->shared->sessions, &ex->turn, &end);
}
