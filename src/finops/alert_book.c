#include "finops/alert_book.h"

#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "finops/alert_book_impl.h"

#define SCRATCH ((size_t)64 * 1024)

static const char *const events[] = {"raised", "risen", "repeated", "resolved", "test", "acknowledged"};

const char *alert_event_name(enum alert_event e)
{
	return e < ALERT_EVENTS ? events[e] : "?";
}

/* --- made and freed ---------------------------------------------------------------------- */

struct alert_book *alert_book_new(void)
{
	return calloc(1, sizeof(struct alert_book));
}

static void item_free(struct item *it)
{
	free(it->cause);
	free(it->body);
	free(it->user);
	free(it);
}

void alert_book_free(struct alert_book *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->items_n; i++)
		item_free(b->items[i]);
	for (size_t i = 0; i < b->waiting_n; i++)
		free(b->waiting[i]);
	for (size_t i = 0; i < b->silences_n; i++)
		free(b->silences[i].matches);
	free(b);
}

static char *copy(slice s)
{
	char *p = malloc(s.n + 1);
	if (p) {
		memcpy(p, s.n ? s.p : "", s.n);
		p[s.n] = '\0';
	}
	return p;
}

struct item *alert_item_new(struct alert_book *b, const char *id, slice cause, slice body, slice user)
{
	struct item *it = b->items_n < ALERT_OPEN_MAX ? calloc(1, sizeof *it) : NULL;
	if (it == NULL)
		return NULL;
	it->cause = copy(cause);
	it->body = copy(body);
	it->user = copy(user);
	if (it->cause == NULL || it->body == NULL || it->user == NULL) {
		item_free(it);
		return NULL;
	}
	snprintf(it->id, sizeof it->id, "%s", id);
	it->hash = XXH3_64bits(cause.p, cause.n);
	it->told_level = -1;
	b->items[b->items_n++] = it;
	return it;
}

struct item *alert_item_by_id(struct alert_book *b, slice id)
{
	for (size_t i = 0; i < b->items_n; i++)
		if (slice_eq(slice_of(b->items[i]->id), id))
			return b->items[i];
	return NULL;
}

static struct item *open_of(struct alert_book *b, slice cause)
{
	uint64_t hash = XXH3_64bits(cause.p, cause.n);
	for (size_t i = 0; i < b->items_n; i++)
		if (b->items[i]->hash == hash && b->items[i]->resolved_ms == 0 &&
		    slice_eq(slice_of(b->items[i]->cause), cause))
			return b->items[i];
	return NULL;
}

void alert_book_targets(struct alert_book *b, const struct alert_target *targets, size_t n)
{
	b->targets = targets;
	b->targets_n = n;
}

void alert_book_on_news(struct alert_book *b, void (*fn)(void *arg, const struct alert_news *n), void *arg)
{
	b->on_news = fn;
	b->news_arg = arg;
}

static void news(const struct alert_book *b, const struct item *it, enum alert_event ev)
{
	struct alert_news n = {slice_of(it->id),      slice_of(it->cause), it->kind, it->severity, ev,
	                       it->silence[0] != '\0'};
	if (b->on_news && !it->foreign)
		b->on_news(b->news_arg, &n);
}

/* --- labels and silences ----------------------------------------------------------------- */

static bool labels_of(const struct item *it, struct arena *mem, struct alert_cause *c)
{
	*c = (struct alert_cause){.kind = it->kind, .severity = it->severity};
	return alert_body_read(slice_of(it->body), mem, c) == 0;
}

/* What is told together: of one kind, and one rule, model, provider. */
void alert_item_key(struct item *it)
{
	static const char *const parts[] = {"budget", "rule", "model", "provider"};
	struct arena mem;
	struct alert_cause c;
	uint64_t h = (uint64_t)it->kind + 1;
	arena_init(&mem, SCRATCH);
	if (labels_of(it, &mem, &c))
		for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
			slice v = alert_label_get(&c, slice_of(parts[i]));
			h = XXH3_64bits_withSeed(v.n ? v.p : "", v.n, h + i);
		}
	it->group = h;
	arena_release(&mem);
}

bool alert_item_silence(struct alert_book *b, struct item *it, int64_t now_ms)
{
	struct arena mem;
	struct alert_cause c;
	const char *by = "";
	if (b->silences_n == 0 && it->silence[0] == '\0')
		return false;
	arena_init(&mem, SCRATCH);
	if (labels_of(it, &mem, &c)) {
		struct alert_label have[ALERT_LABELS_MAX + 3], want[ALERT_WHERE_MAX];
		struct error e;
		size_t have_n = alert_labels_all(&c, slice_of(it->id), have), want_n;
		for (size_t i = 0; i < b->silences_n && by[0] == '\0'; i++) {
			const struct silence *s = &b->silences[i];
			if (s->from_ms <= now_ms && now_ms < s->until_ms &&
			    alert_matches_read(slice_of(s->matches), want, &want_n, &e) == 0 &&
			    alert_labels_match(have, have_n, want, want_n))
				by = s->id;
		}
	}
	arena_release(&mem);
	bool other = strcmp(by, it->silence) != 0;
	if (other) {
		snprintf(it->silence, sizeof it->silence, "%s", by);
		it->dirty = true;
	}
	return other;
}

/* Whether silences are to be looked at: they changed, or one has begun or ended. */
static bool silences_due(struct alert_book *b, int64_t now_ms)
{
	bool due = b->silences_moved || (b->silence_next_ms && now_ms >= b->silence_next_ms);
	if (!due)
		return false;
	b->silences_moved = false;
	b->silence_next_ms = 0;
	for (size_t i = 0; i < b->silences_n; i++) {
		const int64_t at[] = {b->silences[i].from_ms, b->silences[i].until_ms};
		for (size_t k = 0; k < 2; k++)
			if (at[k] > now_ms && (b->silence_next_ms == 0 || at[k] < b->silence_next_ms))
				b->silence_next_ms = at[k];
	}
	return true;
}

/* --- what is to be told ------------------------------------------------------------------ */

struct delivery *alert_delivery_new(struct alert_book *b, struct item *it, slice target, enum alert_event ev,
                                    int64_t now_ms)
{
	struct delivery *d = b->waiting_n < ALERT_WAITING_MAX ? calloc(1, sizeof *d) : NULL;
	if (d == NULL)
		return NULL;
	*d = (struct delivery){.alert = it,
	                       .event = ev,
	                       .made_ms = now_ms,
	                       .due_ms = now_ms,
	                       .state = DELIVERY_WAITING,
	                       .dirty = true};
	snprintf(d->target, sizeof d->target, SLICE_FMT, SLICE_ARG(target));
	b->waiting[b->waiting_n++] = d;
	it->refs++;
	return d;
}

void alert_delivery_end(struct delivery *d, enum delivery_state state, int64_t now_ms)
{
	d->state = state;
	d->done_ms = now_ms;
	d->dirty = true;
}

/* One for each target that wants it; false when there was no room for all. */
static bool tell(struct alert_book *b, struct item *it, enum alert_event ev, const struct alert_target *only,
                 int64_t now_ms)
{
	struct arena mem;
	struct alert_cause c;
	struct alert_label have[ALERT_LABELS_MAX + 3];
	bool room = true;
	arena_init(&mem, SCRATCH);
	if (labels_of(it, &mem, &c)) {
		size_t have_n = alert_labels_all(&c, slice_of(it->id), have);
		room = b->waiting_n + b->targets_n <= ALERT_WAITING_MAX;
		for (size_t i = 0; room && i < b->targets_n; i++) {
			const struct alert_target *t = &b->targets[i];
			bool wants = alert_target_wants(t, it->kind, it->severity, have, have_n) ||
			             (c.target.n && slice_eq(c.target, t->name));
			/* an event ends by nothing more being heard of it: only an incident is closed for
			 * that */
			bool incident =
			    t->format == ALERT_PAGERDUTY && t->mail.url.n == 0 && t->command_n == 0;
			bool unsaid = ev == ALERT_RESOLVED       ? t->quiet || (it->hold_ms && !incident)
			              : ev == ALERT_ACKNOWLEDGED ? !incident
			                                         : false;
			if (!wants || (only && only != t) || unsaid)
				continue;
			room = alert_delivery_new(b, it, t->name, ev, now_ms) != NULL;
		}
	}
	arena_release(&mem);
	return room;
}

/* Told when nobody was, or when it has grown since. */
static void tell_news(struct alert_book *b, struct item *it, int64_t now_ms)
{
	if (it->level <= it->told_level || it->silence[0] || it->foreign || it->resolved_ms)
		return;
	if (!tell(b, it, it->told_level < 0 ? ALERT_RAISED : ALERT_RISEN, NULL, now_ms)) {
		b->stats.overflow++;
		return;
	}
	it->told_level = it->level;
	it->told_ms = now_ms;
	it->dirty = true;
}

/* Again, at each multiple of the target's `repeat` since it was raised. */
static void tell_again(struct alert_book *b, struct item *it, int64_t now_ms)
{
	if (it->told_level < 0 || it->silence[0] || it->foreign || it->hold_ms || it->severity == ALERT_INFO)
		return;
	for (size_t i = 0; i < b->targets_n; i++) {
		const struct alert_target *t = &b->targets[i];
		int64_t every = t->repeat_ms;
		if (every <= 0 || (now_ms - it->raised_ms) / every <= (it->told_ms - it->raised_ms) / every)
			continue;
		if (!tell(b, it, ALERT_REPEATED, t, now_ms))
			return;
		it->dirty = true;
	}
	if (it->dirty)
		it->told_ms = now_ms;
}

/* Silenced now: an incident is somebody's. Not any more, and still so: told again. */
static void silence_moved(struct alert_book *b, struct item *it, int64_t now_ms)
{
	if (!alert_item_silence(b, it, now_ms) || it->told_level < 0 || it->foreign)
		return;
	if (it->silence[0])
		tell(b, it, ALERT_ACKNOWLEDGED, NULL, now_ms);
	else if (it->level <= it->told_level && !it->hold_ms && tell(b, it, ALERT_REPEATED, NULL, now_ms))
		it->told_ms = now_ms;
}

/* --- a turn ------------------------------------------------------------------------------ */

void alert_book_begin(struct alert_book *b)
{
	for (size_t i = 0; i < b->items_n; i++)
		b->items[i]->here = false;
}

/* It is still so: what it says now, when that matters. */
static int update(struct alert_book *b, struct item *it, const struct alert_cause *c, struct buf *body,
                  int64_t now_ms)
{
	bool grown = c->level > it->level, event = c->hold_ms > 0;
	it->here = true;
	it->seen_ms = now_ms;
	if (event) {
		it->count++;
		it->dirty = !it->foreign;
	}
	bool renews = now_ms - it->body_ms >= RENEW_MS && !slice_eq(buf_slice(body), slice_of(it->body));
	if (!grown && !event && !renews)
		return 0;
	char *fresh = copy(buf_slice(body));
	if (fresh == NULL)
		return ERR_NOMEM;
	free(it->body);
	it->body = fresh;
	it->body_ms = now_ms;
	it->dirty = it->dirty || (renews && !it->foreign);
	if (grown) {
		it->level = c->level;
		it->severity = c->severity;
		it->dirty = !it->foreign;
		alert_item_silence(b, it, now_ms);
		tell_news(b, it, now_ms);
	}
	return 0;
}

static int open_new(struct alert_book *b, const struct alert_cause *c, struct buf *body, int64_t now_ms)
{
	char id[CRYPTO_ID_MAX];
	if (crypto_id(&b->ids, now_ms, id))
		return ERR_IO;
	struct item *it = alert_item_new(b, id, c->key, buf_slice(body), alert_label_get(c, SLICE("user")));
	if (it == NULL) {
		b->stats.overflow++;
		return ERR_FULL;
	}
	it->kind = c->kind;
	it->severity = c->severity;
	it->level = c->level;
	it->since_ms = c->since_ms ? c->since_ms : now_ms;
	it->raised_ms = it->seen_ms = it->body_ms = now_ms;
	it->hold_ms = c->hold_ms;
	it->count = 1;
	it->here = it->dirty = true;
	alert_item_key(it);
	alert_item_silence(b, it, now_ms);
	b->stats.raised++;
	news(b, it, ALERT_RAISED);
	tell_news(b, it, now_ms);
	return 0;
}

int alert_book_raise(struct alert_book *b, const struct alert_cause *c, int64_t now_ms)
{
	struct buf body;
	if (c->key.n == 0 || c->key.n > ALERT_CAUSE_MAX || c->kind >= ALERT_KINDS)
		return ERR_INVALID;
	struct item *it = open_of(b, c->key);
	buf_init(&body, ALERT_BODY_MAX);
	int rc = alert_body_write(c, &body);
	if (rc == 0)
		rc = it ? update(b, it, c, &body, now_ms) : open_new(b, c, &body, now_ms);
	buf_release(&body);
	return rc;
}

static void resolve(struct alert_book *b, struct item *it, int64_t now_ms)
{
	it->resolved_ms = now_ms;
	it->dirty = !it->foreign;
	b->stats.resolved++;
	news(b, it, ALERT_RESOLVED);
	if (it->told_level >= 0 && !it->foreign)
		tell(b, it, ALERT_RESOLVED, NULL, now_ms);
}

/* What waits for a target that the settings do not have any more. */
static void drop_gone(struct alert_book *b, int64_t now_ms)
{
	for (size_t i = 0; i < b->waiting_n; i++) {
		struct delivery *d = b->waiting[i];
		bool there = d->state != DELIVERY_WAITING || d->busy || now_ms - d->made_ms < GONE_MS;
		for (size_t t = 0; !there && t < b->targets_n; t++)
			there = slice_eq(b->targets[t].name, slice_of(d->target));
		if (!there)
			alert_delivery_end(d, DELIVERY_UNWANTED, now_ms);
	}
}

void alert_book_end(struct alert_book *b, uint64_t kinds, int64_t now_ms)
{
	bool silences = silences_due(b, now_ms);
	for (size_t i = 0; i < b->items_n; i++) {
		struct item *it = b->items[i];
		if (it->resolved_ms)
			continue;
		bool looked = it->hold_ms || (kinds >> it->kind & 1);
		bool over = it->hold_ms ? now_ms - it->seen_ms >= it->hold_ms : !it->here;
		if (looked && over) {
			resolve(b, it, now_ms);
			continue;
		}
		if (silences)
			silence_moved(b, it, now_ms);
		tell_news(b, it, now_ms);
		tell_again(b, it, now_ms);
	}
	drop_gone(b, now_ms);
	alert_book_sweep(b);
}

/* Lets go of what is over, told and written. */
void alert_book_sweep(struct alert_book *b)
{
	size_t kept = 0;
	for (size_t i = 0; i < b->waiting_n; i++) {
		struct delivery *d = b->waiting[i];
		if (d->state == DELIVERY_WAITING || d->dirty || d->busy) {
			b->waiting[kept++] = d;
		} else {
			d->alert->refs--;
			free(d);
		}
	}
	b->waiting_n = kept;
	kept = 0;
	for (size_t i = 0; i < b->items_n; i++) {
		struct item *it = b->items[i];
		if (it->resolved_ms == 0 || it->dirty || it->refs)
			b->items[kept++] = it;
		else
			item_free(it);
	}
	b->items_n = kept;
}

void alert_book_stats(const struct alert_book *b, struct alert_stats *out)
{
	*out = b->stats;
	for (size_t i = 0; i < b->items_n; i++) {
		const struct item *it = b->items[i];
		if (it->resolved_ms == 0) {
			out->open[it->severity]++;
			out->silenced += it->silence[0] != '\0';
		}
	}
	for (size_t i = 0; i < b->waiting_n; i++) {
		const struct delivery *d = b->waiting[i];
		if (d->state != DELIVERY_WAITING)
			continue;
		out->waiting++;
		if (out->oldest_ms == 0 || d->made_ms < out->oldest_ms)
			out->oldest_ms = d->made_ms;
	}
}
