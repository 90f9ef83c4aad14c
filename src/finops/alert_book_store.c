/* The book in the ledger: read at the start, written as it changes. */
#include <stdio.h>
#include <stdlib.h>

#include "finops/alert_book_impl.h"

#define HOUR_MS (INT64_C(3600) * 1000)

const char *const alert_delivery_states[] = {"waiting", "sent", "failed", "silenced", "unwanted"};

/* --- read -------------------------------------------------------------------------------- */

struct loading {
	struct alert_book *b;
	int64_t now_ms;
	int rc;
};

static int take_alert(void *arg, const struct ledger_alert *a)
{
	struct loading *ld = arg;
	if (a->id.n >= CRYPTO_ID_MAX || alert_item_by_id(ld->b, a->id))
		return 0;
	char id[CRYPTO_ID_MAX];
	snprintf(id, sizeof id, SLICE_FMT, SLICE_ARG(a->id));
	struct item *it = alert_item_new(ld->b, id, a->cause, a->body, a->user);
	if (it == NULL)
		return ld->rc = ERR_FULL;
	it->kind = alert_kind_from_name(a->kind);
	it->severity = alert_severity_from_name(a->severity);
	if (it->kind == ALERT_KINDS || it->severity == ALERT_SEVERITIES) { /* of a later version */
		it->kind = ALERT_TEST;
		it->severity = ALERT_INFO;
		it->foreign = true;
	}
	snprintf(it->silence, sizeof it->silence, SLICE_FMT, SLICE_ARG(a->silence));
	it->level = a->level;
	it->told_level = a->told_level;
	it->since_ms = a->since_ms;
	it->raised_ms = a->raised_ms;
	it->seen_ms = a->seen_ms;
	it->told_ms = a->told_ms;
	it->resolved_ms = a->resolved_ms;
	it->hold_ms = a->hold_ms;
	it->count = a->count;
	it->stored = true;
	alert_item_key(it);
	return 0;
}

static enum alert_event event_of(slice name)
{
	int i = 0;
	while (i < ALERT_EVENTS && !slice_eq(slice_of(alert_event_name((enum alert_event)i)), name))
		i++;
	return (enum alert_event)i;
}

struct orphan {
	char id[CRYPTO_ID_MAX];
};
struct taking {
	struct loading *ld;
	bool second; /* their alerts are there now */
	struct orphan missing[256];
	size_t missing_n;
};

static int take_delivery(void *arg, const struct ledger_delivery *row)
{
	struct taking *t = arg;
	struct alert_book *b = t->ld->b;
	for (size_t i = 0; i < b->waiting_n; i++)
		if (b->waiting[i]->seq == row->seq)
			return 0;
	struct item *it = alert_item_by_id(b, row->alert);
	if (it == NULL && !t->second && row->alert.n < CRYPTO_ID_MAX &&
	    t->missing_n < sizeof t->missing / sizeof *t->missing) {
		struct orphan *o = &t->missing[t->missing_n++];
		snprintf(o->id, sizeof o->id, SLICE_FMT, SLICE_ARG(row->alert));
	}
	enum alert_event ev = event_of(row->event);
	if (it == NULL || ev == ALERT_EVENTS)
		return 0;
	struct delivery *d = alert_delivery_new(b, it, row->target, ev, row->made_ms);
	if (d == NULL)
		return t->ld->rc = ERR_FULL;
	d->seq = row->seq;
	d->due_ms = row->due_ms;
	d->tries = row->tries;
	d->dirty = false;
	snprintf(d->error, sizeof d->error, SLICE_FMT, SLICE_ARG(row->error));
	return 0;
}

/* Those that wait, with their alerts, also such as are over. */
static int take_waiting(struct loading *ld, const struct ledger_ops *ops, struct ledger *l, struct error *e)
{
	struct taking *t = calloc(1, sizeof *t);
	struct ledger_delivery_query q = {.waiting = true, .after_seq = 0};
	if (t == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	t->ld = ld;
	int rc = ops->alerts->deliveries(l, &q, take_delivery, t, e);
	for (size_t i = 0; rc == 0 && i < t->missing_n; i++) {
		struct ledger_alert_query one = {.id = slice_of(t->missing[i].id)};
		rc = ops->alerts->list(l, &one, take_alert, ld, e);
	}
	t->second = true;
	if (rc == 0 && t->missing_n)
		rc = ops->alerts->deliveries(l, &q, take_delivery, t, e);
	free(t);
	return rc == ERR_FULL ? 0 : rc; /* the rest is taken when there is room */
}

static int take_silence(void *arg, const struct ledger_silence *row)
{
	struct loading *ld = arg;
	struct alert_book *b = ld->b;
	if (b->silences_n == ALERT_SILENCES_MAX || row->id.n >= CRYPTO_ID_MAX)
		return 0;
	struct silence *s = &b->silences[b->silences_n];
	*s = (struct silence){.from_ms = row->from_ms, .until_ms = row->until_ms};
	snprintf(s->id, sizeof s->id, SLICE_FMT, SLICE_ARG(row->id));
	s->matches = strndup(row->matches.n ? row->matches.p : "", row->matches.n);
	if (s->matches == NULL)
		return ERR_NOMEM;
	b->silences_n++;
	return 0;
}

int alert_book_refresh(struct alert_book *b, const struct ledger_ops *ops, struct ledger *l, int64_t now_ms,
                       struct error *e)
{
	struct loading ld = {.b = b, .now_ms = now_ms};
	for (size_t i = 0; i < b->silences_n; i++)
		free(b->silences[i].matches);
	b->silences_n = 0;
	b->silences_moved = true;
	int rc = ops->alerts->silences(l, now_ms, take_silence, &ld, e);
	return rc ? rc : take_waiting(&ld, ops, l, e);
}

/* How many messages went to each target in the last hour. */
static int take_sent(void *arg, const struct ledger_delivery *row)
{
	struct loading *ld = arg;
	struct alert_book *b = ld->b;
	long long message = 0;
	for (size_t i = 0; i < b->targets_n; i++) {
		struct past *p;
		if (!slice_eq(b->targets[i].name, row->target) || !slice_to_i64(row->message, &message) ||
		    message != row->seq || (p = alert_past_of(b, &b->targets[i], ld->now_ms)) == NULL)
			continue; /* a message is known by its oldest delivery */
		p->spare_ms -= HOUR_MS / b->targets[i].rate;
	}
	return 0;
}

int alert_book_load(struct alert_book *b, const struct ledger_ops *ops, struct ledger *l, int64_t now_ms,
                    struct error *e)
{
	struct loading ld = {.b = b, .now_ms = now_ms};
	struct ledger_alert_query open = {.open = true, .limit = ALERT_OPEN_MAX};
	struct ledger_delivery_query sent = {.done_since_ms = now_ms - HOUR_MS};
	int rc = ops->alerts->list(l, &open, take_alert, &ld, e);
	for (size_t i = 0; i < b->items_n / 2; i++) { /* the oldest is told first */
		struct item *newer = b->items[i];
		b->items[i] = b->items[b->items_n - 1 - i];
		b->items[b->items_n - 1 - i] = newer;
	}
	if (rc == 0)
		rc = alert_book_refresh(b, ops, l, now_ms, e);
	if (rc == 0)
		rc = ops->alerts->deliveries(l, &sent, take_sent, &ld, e);
	return rc;
}

/* --- written ----------------------------------------------------------------------------- */

bool alert_book_dirty(const struct alert_book *b)
{
	for (size_t i = 0; i < b->items_n; i++)
		if (b->items[i]->dirty)
			return true;
	for (size_t i = 0; i < b->waiting_n; i++)
		if (b->waiting[i]->dirty)
			return true;
	return false;
}

static int store_item(struct alert_book *b, struct item *it, const struct ledger_ops *ops, struct ledger *l,
                      struct error *e)
{
	struct ledger_alert row = {.id = slice_of(it->id),
	                           .cause = slice_of(it->cause),
	                           .kind = slice_of(alert_kind_name(it->kind)),
	                           .severity = slice_of(alert_severity_name(it->severity)),
	                           .user = slice_of(it->user),
	                           .body = slice_of(it->body),
	                           .silence = slice_of(it->silence),
	                           .level = it->level,
	                           .told_level = it->told_level,
	                           .since_ms = it->since_ms,
	                           .raised_ms = it->raised_ms,
	                           .seen_ms = it->seen_ms,
	                           .told_ms = it->told_ms,
	                           .resolved_ms = it->resolved_ms,
	                           .hold_ms = it->hold_ms,
	                           .count = it->count};
	int rc = ops->alerts->put(l, &row, e);
	it->storing = rc == 0;
	if (rc != ERR_BUSY || it->stored || e->text[0] == '\0' ||
	    slice_find(slice_of(e->text), SLICE("is open already")) < 0)
		return rc;
	/* Another process has told of it. */
	it->foreign = true;
	it->dirty = false;
	for (size_t i = 0; i < b->waiting_n; i++)
		if (b->waiting[i]->alert == it) {
			alert_delivery_end(b->waiting[i], DELIVERY_UNWANTED, it->seen_ms);
			b->waiting[i]->dirty = false;
		}
	return 0;
}

static int store_delivery(struct delivery *d, const struct ledger_ops *ops, struct ledger *l, struct error *e)
{
	char message[24] = "";
	if (d->message)
		snprintf(message, sizeof message, "%lld", (long long)d->message);
	struct ledger_delivery row = {.seq = d->seq,
	                              .alert = slice_of(d->alert->id),
	                              .target = slice_of(d->target),
	                              .event = slice_of(alert_event_name(d->event)),
	                              .state = slice_of(alert_delivery_states[d->state]),
	                              .message = slice_of(message),
	                              .error = slice_of(d->error),
	                              .made_ms = d->made_ms,
	                              .due_ms = d->due_ms,
	                              .done_ms = d->done_ms,
	                              .tries = d->tries};
	int rc = ops->alerts->delivery_put(l, &row, e);
	if (rc)
		return rc;
	d->fresh = d->seq == 0;
	d->seq = row.seq;
	d->storing = true;
	return 0;
}

int alert_book_store(struct alert_book *b, const struct ledger_ops *ops, struct ledger *l, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < b->items_n; i++)
		if (b->items[i]->dirty)
			rc = store_item(b, b->items[i], ops, l, e);
	for (size_t i = 0; rc == 0 && i < b->waiting_n; i++)
		if (b->waiting[i]->dirty)
			rc = store_delivery(b->waiting[i], ops, l, e);
	return rc;
}

void alert_book_stored(struct alert_book *b, bool committed)
{
	for (size_t i = 0; i < b->items_n; i++) {
		struct item *it = b->items[i];
		if (it->storing && committed) {
			it->dirty = false;
			it->stored = true;
		}
		it->storing = false;
	}
	for (size_t i = 0; i < b->waiting_n; i++) {
		struct delivery *d = b->waiting[i];
		if (d->storing && committed)
			d->dirty = false;
		else if (d->storing && d->fresh)
			d->seq = 0;
		d->storing = d->fresh = false;
	}
	alert_book_sweep(b);
}
