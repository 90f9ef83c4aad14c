/* Stages of admission that rules decide: gates, and limits of the context. */
#include "gateway/admit.h"
#include "gateway/facts.h"
#include "gateway/foresee.h"
#include "gateway/notices.h"
#include "gateway/refusal_text.h"
#include "model/usage.h"
#include "policy/context.h"
#include "policy/gate.h"

#define SUMMARY_LOOKED                                                                                       \
	(8 * 1024) /* bytes at either end of a text: some agents put the conversation between */

void admit_shadow(struct exchange *ex, slice text)
{
	slice *shadow = &ex->record.text[TEXT_SHADOW];
	slice both = shadow->n == 0 ? text
	                            : arena_printf(&ex->mem, SLICE_FMT "; " SLICE_FMT, SLICE_ARG(*shadow),
	                                           SLICE_ARG(text));
	if (both.p)
		*shadow = both;
}

/* CI runs a key on a new machine for each job: that says nothing. */
static void watch_devices(struct exchange *ex)
{
	struct shared *s = ex->w->shared;
	int64_t n, most = ex->settings->limits.devices;
	if (ex->who.anonymous || most == 0 || slice_eq(ex->record.who.v[ATTR_ENVIRONMENT], SLICE("ci")))
		return;
	uint64_t device = device_of(&ex->view, &ex->headers, ex->peer, s->device_seed);
	if (!devices_seen(s->devices, ex->who.key_id, device, ex->record.time_ms, most, &n))
		return;
	COUNT(ex->w, many_devices);
	log_event(s->log, LOG_WARN, "key.many_devices", LOG_S("key", ex->who.key_id),
	          LOG_S("user", ex->record.who.v[ATTR_USER]), LOG_I("devices", n), LOG_I("limit", most),
	          LOG_Z("message",
	                "this key was used from many devices within a day: is it shared, or stolen? "
	                "`weir key rotate` replaces it"));
	notices_add(s->notices, "key.many_devices", ex->who.key_id,
	            arena_printf(&ex->mem,
	                         "used from %lld devices within a day (limit %lld), last by " SLICE_FMT,
	                         (long long)n, (long long)most, SLICE_ARG(ex->record.who.v[ATTR_USER])),
	            ex->record.time_ms);
}

enum admit_next admit_gates(struct exchange *ex)
{
	struct gate_verdict v;
	const struct settings *s = ex->settings;
	if (!facts_read(ex)) {
		exchange_refuse(
		    ex, REFUSAL_OVERLOAD, "memory",
		    SLICE("the tools that this request offers could not be read; try again in a few "
		          "seconds, or offer fewer"));
		return ADMIT_REFUSED;
	}
	if (ex->body_n == 0)
		return ADMIT_ON; /* lists of models: nothing is asked of one */
	watch_devices(ex);
	gate_decide(s->gates, s->gates_n, &ex->facts, &v);
	if (v.shadow)
		admit_shadow(ex, gate_shadow_text(v.shadow, &ex->mem));
	if (!v.deny)
		return ADMIT_ON;
	struct refusal_words words = refusal_words(gate_deny_text(v.gate, &ex->mem));
	words.who = SLICE("whoever keeps Weir's settings (gates)");
	exchange_refuse(ex, REFUSAL_GATE, v.gate->rule.name.p, refusal_compose(&words, &ex->mem));
	return ADMIT_REFUSED;
}

/* --- the context ------------------------------------------------------------------------------------ */

static int last_message(void *arg, const struct body_span *s)
{
	struct body_span *last = arg;
	if (s->section == BODY_MESSAGES)
		*last = *s;
	return 0;
}

static int asks_for_summary(void *arg, const struct body_item *it)
{
	(void)arg;
	slice text = it->text.raw;
	if (it->kind != ITEM_USER_TEXT)
		return 0;
	size_t tail = text.n > SUMMARY_LOOKED ? text.n - SUMMARY_LOOKED : 0;
	return context_is_summary_asked(slice_sub(text, 0, SUMMARY_LOOKED)) ||
	       (tail && context_is_summary_asked(slice_sub(text, tail, text.n)));
}

static bool is_compaction(const struct exchange *ex)
{
	struct body_span last = {.raw = SLICE_NONE};
	(void)body_spans(&ex->view, last_message, &last);
	return last.raw.n && ex->codec->items(&ex->view, &last, asks_for_summary, NULL) != 0;
}

enum admit_next admit_context(struct exchange *ex)
{
	const struct settings *s = ex->settings;
	struct context_verdict v;
	if (s->contexts_n == 0 || !ex->codec || !ex->codec->items || ex->body_n == 0)
		return ADMIT_ON;
	if (tokens_upper_bound(ex->body_n) <= context_least(s->contexts, s->contexts_n, &ex->facts))
		return ADMIT_ON;
	(void)foresee(ex);
	int64_t tokens = foresee_input(ex);
	context_decide(s->contexts, s->contexts_n, &ex->facts, tokens, &v);
	if ((v.rule || v.shadow) && is_compaction(ex))
		return ADMIT_ON;
	if (v.shadow)
		admit_shadow(ex, context_shadow_text(v.shadow, tokens, &ex->mem));
	if (v.rule == NULL)
		return ADMIT_ON;
	struct refusal_words words = refusal_words(context_deny_text(v.rule, tokens, &ex->mem));
	words.lift = SLICE("compact the conversation (/compact in most agents), or start a new one");
	exchange_refuse(ex, REFUSAL_CONTEXT, v.rule->rule.name.p, refusal_compose(&words, &ex->mem));
	return ADMIT_REFUSED;
}
