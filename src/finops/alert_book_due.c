/* Which message goes next, and how it went: grouping, rates, and trying again. */
#include <stdio.h>

#include "finops/alert_book_impl.h"

#define HOUR_MS   (INT64_C(3600) * 1000)
#define SCARCE    4  /* messages: with less room than that everything goes in one */
#define DOUBLINGS 10 /* of the pause between attempts; more would pass the cap anyway */

struct past *alert_past_of(struct alert_book *b, const struct alert_target *t, int64_t now_ms)
{
	struct past *p = NULL;
	for (size_t i = 0; i < b->past_n && p == NULL; i++)
		if (slice_eq(slice_of(b->past[i].name), t->name))
			p = &b->past[i];
	if (p == NULL) {
		p = &b->past[b->past_n < PAST_TARGETS ? b->past_n++ : PAST_TARGETS - 1];
		*p = (struct past){.spare_ms = HOUR_MS, .at_ms = now_ms};
		snprintf(p->name, sizeof p->name, SLICE_FMT, SLICE_ARG(t->name));
	}
	if (now_ms > p->at_ms) {
		p->spare_ms += now_ms - p->at_ms;
		p->spare_ms = p->spare_ms > HOUR_MS ? HOUR_MS : p->spare_ms;
	}
	p->at_ms = now_ms;
	return p;
}

/* --- groups ------------------------------------------------------------------------------ */

static uint64_t group_key(const struct alert_target *t, const struct item *it)
{
	uint64_t h = it->group;
	for (size_t i = 0; i < t->name.n; i++)
		h = (h ^ (unsigned char)t->name.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static bool group_waits(const struct alert_book *b, const struct alert_target *t, const struct item *it,
                        int64_t now_ms)
{
	uint64_t key = group_key(t, it);
	for (size_t i = 0; i < GROUPS_MAX; i++)
		if (b->groups[i].key == key)
			return now_ms >= b->groups[i].at_ms && now_ms - b->groups[i].at_ms < t->group_ms;
	return false;
}

static void group_told(struct alert_book *b, const struct alert_target *t, const struct item *it,
                       int64_t now_ms)
{
	uint64_t key = group_key(t, it);
	size_t oldest = 0;
	for (size_t i = 0; i < GROUPS_MAX; i++) {
		if (b->groups[i].key == key) {
			oldest = i;
			break;
		}
		if (b->groups[i].at_ms < b->groups[oldest].at_ms)
			oldest = i;
	}
	b->groups[oldest] = (struct group){key, now_ms};
}

/* --- what is due ------------------------------------------------------------------------- */

static bool is_of(const struct delivery *d, const struct alert_target *t)
{
	return d->state == DELIVERY_WAITING && slice_eq(slice_of(d->target), t->name);
}

/* What is held back now, or can never go, does not wait here. */
static void drop_unwanted(struct alert_book *b, const struct alert_target *t, int64_t now_ms)
{
	for (size_t i = 0; i < b->waiting_n; i++) {
		struct delivery *d = b->waiting[i];
		bool spoken = d->event >= ALERT_RESOLVED;
		if (!is_of(d, t) || d->busy || spoken || d->alert->silence[0] == '\0')
			continue;
		if (d->event == ALERT_RAISED)
			d->alert->told_level = -1; /* nobody was told: it is when the silence ends */
		d->alert->dirty = true;
		alert_delivery_end(d, DELIVERY_SILENCED, now_ms);
	}
}

static void give(const struct delivery *d, struct alert_told *out)
{
	const struct item *it = d->alert;
	/* To whom it is new it is raised, as it is now, however it has grown since. */
	if (out->id.n && out->event == ALERT_RAISED && d->event != ALERT_RESOLVED)
		return;
	*out = (struct alert_told){.id = slice_of(it->id),
	                           .severity = slice_of(alert_severity_name(it->severity)),
	                           .body = slice_of(it->body),
	                           .kind = it->kind,
	                           .event = d->event,
	                           .seq = d->seq,
	                           .since_ms = it->since_ms,
	                           .raised_ms = it->raised_ms,
	                           .resolved_ms = it->resolved_ms,
	                           .count = it->count};
}

/* The place of an alert in the message: several deliveries of one are told once. */
static struct alert_told *place_of(struct alert_message *m, const struct item *it)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->told[i].id.p == it->id)
			return &m->told[i];
	if (m->n == ALERT_JOINED_MAX)
		return NULL;
	m->told[m->n].id = SLICE_NONE;
	return &m->told[m->n++];
}

static bool ready(const struct delivery *d, const struct alert_target *t, int64_t now_ms, bool unstored)
{
	return is_of(d, t) && !d->busy && d->due_ms <= now_ms && (unstored || (d->seq && !d->dirty));
}

static const struct delivery *first_due(struct alert_book *b, const struct alert_target *t, int64_t now_ms,
                                        bool unstored)
{
	for (size_t i = 0; i < b->waiting_n; i++) {
		struct delivery *d = b->waiting[i];
		if (ready(d, t, now_ms, unstored) && !group_waits(b, t, d->alert, now_ms))
			return d;
	}
	return NULL;
}

static bool target_busy(const struct alert_book *b, const struct alert_target *t)
{
	for (size_t i = 0; i < b->waiting_n; i++)
		if (b->waiting[i]->busy && is_of(b->waiting[i], t))
			return true;
	return false;
}

bool alert_book_due(struct alert_book *b, const struct alert_target *t, int64_t now_ms, bool unstored,
                    struct alert_message *out)
{
	struct past *p = alert_past_of(b, t, now_ms);
	int64_t cost = HOUR_MS / t->rate;
	drop_unwanted(b, t, now_ms);
	if (target_busy(b, t) || now_ms < p->retry_ms || p->spare_ms < cost)
		return false;
	const struct delivery *first = first_due(b, t, now_ms, unstored);
	if (first == NULL)
		return false;
	bool all = p->spare_ms < SCARCE * cost && t->rate > SCARCE;
	*out = (struct alert_message){.target = t, .id = first->seq};
	for (size_t i = 0; i < b->waiting_n; i++) {
		struct delivery *d = b->waiting[i];
		bool joins = t->format == ALERT_PAGERDUTY ? d->alert == first->alert
		                                          : all || d->alert->group == first->alert->group;
		struct alert_told *place =
		    ready(d, t, now_ms, unstored) && joins ? place_of(out, d->alert) : NULL;
		if (place == NULL)
			continue;
		give(d, place);
		d->busy = true;
	}
	p->spare_ms -= cost;
	return true;
}

/* --- how it went ------------------------------------------------------------------------- */

static int64_t pause_after(int64_t failures)
{
	int64_t doublings = failures - 1 < DOUBLINGS ? failures - 1 : DOUBLINGS;
	int64_t pause = ALERT_RETRY_MS << doublings;
	return pause < ALERT_RETRY_MOST ? pause : ALERT_RETRY_MOST;
}

static void failed(struct alert_book *b, struct delivery *d, const struct alert_outcome *o, int64_t now_ms)
{
	int64_t most = o->turned_down ? ALERT_GIVE_UP_4XX : ALERT_GIVE_UP_MS;
	snprintf(d->error, sizeof d->error, SLICE_FMT, SLICE_ARG(o->why));
	d->dirty = true;
	if (now_ms - d->made_ms >= most) {
		alert_delivery_end(d, DELIVERY_FAILED, now_ms);
		b->stats.given_up++;
	} else if (o->turned_down) {
		d->due_ms = now_ms + pause_after(d->tries);
	}
}

int64_t alert_book_failures(const struct alert_book *b, const struct alert_target *t)
{
	for (size_t i = 0; i < b->past_n; i++)
		if (slice_eq(slice_of(b->past[i].name), t->name))
			return b->past[i].failures;
	return 0;
}

void alert_book_done(struct alert_book *b, const struct alert_message *m, const struct alert_outcome *o,
                     int64_t now_ms)
{
	struct past *p = alert_past_of(b, m->target, now_ms);
	bool down = !o->sent && !o->turned_down;
	p->failures = down ? p->failures + 1 : 0;
	p->retry_ms = 0;
	if (down) {
		int64_t asked =
		    o->retry_after_ms < ALERT_RETRY_MOST * 10 ? o->retry_after_ms : ALERT_RETRY_MOST * 10;
		int64_t pause = pause_after(p->failures);
		p->retry_ms = now_ms + (asked > pause ? asked : pause);
	}
	b->stats.sent += o->sent;
	b->stats.attempts_failed += !o->sent;
	for (size_t i = 0; i < b->waiting_n; i++) {
		struct delivery *d = b->waiting[i];
		if (!d->busy || !is_of(d, m->target))
			continue;
		d->busy = false;
		d->tries++;
		if (o->sent) {
			d->error[0] = '\0';
			d->message = m->id;
			group_told(b, m->target, d->alert, now_ms);
			alert_delivery_end(d, DELIVERY_SENT, now_ms);
		} else {
			failed(b, d, o, now_ms);
		}
	}
}
