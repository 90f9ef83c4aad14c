#include "gateway/pulse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/num.h"

#define MINUTE_SLOTS (60000 / PULSE_SLOT_MS)
#define BATCH_MAX    4096 /* rows of one transaction */
#define RULE_MAX     96
#define EXPLAIN_MAX  200
#define ID_MAX       ATTR_TEXT_MAX
#define KEY_BYTES    (ID_MAX + 1 + ID_MAX + 1)

/* A ring of slots; `newest` is the number of the latest one that was written. */
struct ring {
	int64_t newest;
	int64_t at[PULSE_SLOTS];
};

struct part {
	unsigned short n;
	char s[ATTR_TEXT_MAX];
};
enum { USER, TEAM, AGENT, REPO, BRANCH, MODEL, PARTS };

struct entry {
	struct entry *newer, *older; /* in order of their last change */
	int64_t slot;                /* of the last change */
	uint64_t user_hash; /* of part[USER]; first, so that a walk over all of them touches one line each */
	size_t id_n, key_n;
	char key[KEY_BYTES]; /* id, 0x1f, the Weir key's id */
	struct part part[PARTS];
	struct part rule, explanation;
	int64_t rule_ms, first_ms, last_ms, nanousd, subscription, calls, refused, context, turn;
	struct ring ring;
	uint64_t changed;
};

/* A row of the transaction that is not committed yet. */
struct waiting {
	struct entry *entry; /* NULL: of no session */
	int64_t nanousd, subscription;
	bool refused;
};

struct pulse {
	const struct clock *clock;
	struct writer_hook inner;
	pthread_mutex_t lock; /* guards what follows, but for waiting */
	struct map sessions;
	struct entry *newest, *oldest;
	struct ring money, calls;
	struct pulse_total total;
	uint64_t changes;
	struct waiting *waiting; /* owned; the writer's */
	size_t waiting_n;
};

struct pulse *pulse_new(const struct clock *clock, uint64_t seed)
{
	struct pulse *p = calloc(1, sizeof *p);
	if (p == NULL)
		return NULL;
	p->clock = clock;
	p->waiting = calloc(BATCH_MAX, sizeof *p->waiting);
	pthread_mutex_init(&p->lock, NULL);
	map_init(&p->sessions, PULSE_SESSIONS, seed);
	if (p->waiting)
		return p;
	pulse_free(p);
	return NULL;
}

void pulse_free(struct pulse *p)
{
	if (p == NULL)
		return;
	for (struct entry *e = p->newest, *next; e; e = next) {
		next = e->older;
		free(e);
	}
	map_release(&p->sessions);
	pthread_mutex_destroy(&p->lock);
	free(p->waiting);
	free(p);
}

/* --- rings -----------------------------------------------------------------------------------------------
 */

static int64_t slot_now(const struct pulse *p)
{
	return clock_mono_us(p->clock) / (PULSE_SLOT_MS * INT64_C(1000));
}

static void ring_add(struct ring *r, int64_t slot, int64_t n)
{
	if (slot - r->newest >= PULSE_SLOTS)
		memset(r->at, 0, sizeof r->at);
	else
		for (int64_t s = r->newest + 1; s <= slot; s++)
			r->at[s % PULSE_SLOTS] = 0;
	r->newest = num_max_i64(r->newest, slot);
	int64_t *at = &r->at[slot % PULSE_SLOTS];
	*at = num_sat_add_i64(*at, n);
}

static int64_t ring_get(const struct ring *r, int64_t slot)
{
	return slot <= r->newest && slot > r->newest - PULSE_SLOTS && slot >= 0 ? r->at[slot % PULSE_SLOTS]
	                                                                        : 0;
}

static int64_t ring_sum(const struct ring *r, int64_t now, int slots)
{
	int64_t sum = 0;
	for (int i = 0; i < slots; i++)
		sum = num_sat_add_i64(sum, ring_get(r, now - i));
	return sum;
}

/* For a minute: the slot that goes on counts for what has passed of it. */
static int64_t per_minute(const struct pulse *p, int64_t sum, int slots)
{
	int64_t past = clock_mono_us(p->clock) / 1000 % PULSE_SLOT_MS;
	return (int64_t)((__int128)sum * 60000 / ((slots - 1) * (int64_t)PULSE_SLOT_MS + past + 1));
}

/* --- sessions --------------------------------------------------------------------------------------------
 */

static void unlink_entry(struct pulse *p, struct entry *e)
{
	*(e->newer ? &e->newer->older : &p->newest) = e->older;
	*(e->older ? &e->older->newer : &p->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void link_newest(struct pulse *p, struct entry *e)
{
	e->older = p->newest;
	if (p->newest)
		p->newest->newer = e;
	else
		p->oldest = e;
	p->newest = e;
	e->changed = ++p->changes;
	e->slot = slot_now(p);
}

static void touch(struct pulse *p, struct entry *e)
{
	unlink_entry(p, e);
	link_newest(p, e);
}

static slice key_of(struct entry *e)
{
	return slice_make(e->key, e->key_n);
}

static void part_set(struct part *to, slice text, size_t most)
{
	to->n = (unsigned short)(text.n < most ? text.n : most);
	if (to->n)
		memcpy(to->s, text.p, to->n);
}

static slice part_get(const struct part *p)
{
	return slice_make(p->s, p->n);
}

/* Returns the key's length. */
static size_t make_key(char out[KEY_BYTES], slice id, slice scope)
{
	int n = snprintf(out, KEY_BYTES, SLICE_FMT "\x1f" SLICE_FMT, SLICE_ARG(id), SLICE_ARG(scope));
	return n < KEY_BYTES ? (size_t)n : KEY_BYTES - 1;
}

static struct entry *find(struct pulse *p, slice id, slice scope)
{
	char key[KEY_BYTES];
	size_t n = make_key(key, slice_sub(id, 0, ID_MAX), slice_sub(scope, 0, ID_MAX));
	return map_get(&p->sessions, slice_make(key, n));
}

static struct entry *entry_of(struct pulse *p, const struct record *r)
{
	char key[KEY_BYTES];
	slice id = slice_sub(r->who.v[ATTR_SESSION], 0, ID_MAX),
	      scope = slice_sub(r->text[TEXT_KEY_ID], 0, ID_MAX);
	if (id.n == 0)
		return NULL;
	size_t n = make_key(key, id, scope);
	struct entry *e = map_get(&p->sessions, slice_make(key, n));
	if (e)
		return e;
	if (p->sessions.n >= PULSE_SESSIONS) {
		e = p->oldest;
		map_remove(&p->sessions, key_of(e));
		unlink_entry(p, e);
	} else {
		e = malloc(sizeof *e);
	}
	if (e == NULL)
		return NULL;
	*e = (struct entry){.id_n = id.n, .key_n = n, .first_ms = r->time_ms};
	memcpy(e->key, key, n);
	if (map_put(&p->sessions, key_of(e), e, NULL)) {
		free(e);
		return NULL;
	}
	link_newest(p, e);
	return e;
}

static void learn(struct entry *e, const struct record *r)
{
	static const enum attr from[] = {ATTR_USER, ATTR_TEAM, ATTR_AGENT, ATTR_REPO, ATTR_BRANCH};
	slice model =
	    r->text[TEXT_MODEL_SERVED].n ? r->text[TEXT_MODEL_SERVED] : r->text[TEXT_MODEL_REQUESTED];
	for (int i = USER; i <= BRANCH; i++)
		if (r->who.v[from[i]].n)
			part_set(&e->part[i], r->who.v[from[i]], ATTR_TEXT_MAX);
	e->user_hash = map_hash(part_get(&e->part[USER]), 0);
	if (model.n)
		part_set(&e->part[MODEL], model, ATTR_TEXT_MAX);
	/* a refusal because it is held does not say why it is */
	if (r->text[TEXT_RULE].n && !slice_starts(r->text[TEXT_RULE], SLICE("session."))) {
		part_set(&e->rule, r->text[TEXT_RULE], RULE_MAX);
		part_set(&e->explanation, r->text[TEXT_EXPLANATION], EXPLAIN_MAX);
		e->rule_ms = r->time_ms;
	}
	e->last_ms = num_max_i64(e->last_ms, r->time_ms);
	if (r->who.v[ATTR_SUBAGENT].n == 0 && r->context_tokens != RECORD_ABSENT)
		e->context = r->context_tokens;
	if (r->who.v[ATTR_SUBAGENT].n == 0 && r->turn != RECORD_ABSENT)
		e->turn = r->turn;
}

/* --- the writer's thread ---------------------------------------------------------------------------------
 */

static int on_begin(void *arg, struct ledger *l, struct error *e)
{
	struct pulse *p = arg;
	p->waiting_n = 0;
	return p->inner.begin ? p->inner.begin(p->inner.arg, l, e) : 0;
}

static int on_row(void *arg, struct ledger *l, const struct record *r, struct error *e)
{
	struct pulse *p = arg;
	int rc = p->inner.row ? p->inner.row(p->inner.arg, l, r, e) : 0;
	if (rc != 0 || p->waiting_n == BATCH_MAX)
		return rc;
	int64_t spent = r->priced ? r->cost.total : 0;
	pthread_mutex_lock(&p->lock);
	struct entry *of = entry_of(p, r);
	if (of) {
		learn(of, r);
		touch(p, of); /* so that another row of this transaction does not push it out */
	}
	pthread_mutex_unlock(&p->lock);
	p->waiting[p->waiting_n++] =
	    (struct waiting){.entry = of,
	                     .nanousd = r->billing == BILLING_METERED ? spent : 0,
	                     .subscription = r->billing == BILLING_METERED ? 0 : spent,
	                     .refused = r->ending == ENDING_REFUSED};
	return 0;
}

static int on_end(void *arg, struct ledger *l, struct error *e)
{
	struct pulse *p = arg;
	return p->inner.end ? p->inner.end(p->inner.arg, l, e) : 0;
}

static void apply(struct pulse *p, const struct waiting *w, int64_t slot)
{
	ring_add(&p->money, slot, w->nanousd);
	ring_add(&p->calls, slot, !w->refused);
	p->total.nanousd = num_sat_add_i64(p->total.nanousd, w->nanousd);
	p->total.subscription_nanousd = num_sat_add_i64(p->total.subscription_nanousd, w->subscription);
	p->total.calls += !w->refused;
	p->total.refused += w->refused;
	struct entry *e = w->entry;
	if (e == NULL)
		return;
	ring_add(&e->ring, slot, w->nanousd);
	e->nanousd = num_sat_add_i64(e->nanousd, w->nanousd);
	e->subscription = num_sat_add_i64(e->subscription, w->subscription);
	e->calls += !w->refused;
	e->refused += w->refused;
	touch(p, e);
}

static void on_done(void *arg, bool committed)
{
	struct pulse *p = arg;
	if (p->inner.done)
		p->inner.done(p->inner.arg, committed);
	int64_t slot = slot_now(p);
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; committed && i < p->waiting_n; i++)
		apply(p, &p->waiting[i], slot);
	pthread_mutex_unlock(&p->lock);
	p->waiting_n = 0;
}

struct writer_hook pulse_hook(struct pulse *p, const struct writer_hook *inner)
{
	p->inner = *inner;
	return (struct writer_hook){p, on_begin, on_row, on_end, on_done};
}

/* --- who watches -----------------------------------------------------------------------------------------
 */

static void view_of(const struct pulse *p, struct entry *e, int64_t slot, struct pulse_session *out)
{
	*out = (struct pulse_session){
	    .id = slice_make(e->key, e->id_n),
	    .key_id = slice_make(e->key + e->id_n + 1, e->key_n - e->id_n - 1),
	    .user = part_get(&e->part[USER]),
	    .team = part_get(&e->part[TEAM]),
	    .agent = part_get(&e->part[AGENT]),
	    .repo = part_get(&e->part[REPO]),
	    .branch = part_get(&e->part[BRANCH]),
	    .model = part_get(&e->part[MODEL]),
	    .first_ms = e->first_ms,
	    .last_ms = e->last_ms,
	    .nanousd = e->nanousd,
	    .subscription_nanousd = e->subscription,
	    .calls = e->calls,
	    .refused = e->refused,
	    .context_tokens = e->context ? e->context : RECORD_ABSENT,
	    .turn = e->turn ? e->turn : RECORD_ABSENT,
	    .minute_nanousd = per_minute(p, ring_sum(&e->ring, slot, MINUTE_SLOTS), MINUTE_SLOTS),
	    .five_nanousd = per_minute(p, ring_sum(&e->ring, slot, PULSE_SLOTS), PULSE_SLOTS),
	    .rule = part_get(&e->rule),
	    .explanation = part_get(&e->explanation),
	    .rule_ms = e->rule_ms,
	    .changed = e->changed,
	};
}

/* A user's sessions of the last five minutes, added up; those that did not change since are behind them. */
static void ring_of_user(const struct pulse *p, slice user, int64_t slot, struct ring *out)
{
	uint64_t hash = map_hash(user, 0);
	*out = (struct ring){.newest = slot};
	for (const struct entry *e = p->newest; e && e->slot > slot - PULSE_SLOTS; e = e->older) {
		if (e->user_hash != hash || !slice_eq(part_get(&e->part[USER]), user))
			continue;
		for (int64_t s = e->ring.newest;
		     s >= 0 && s > slot - PULSE_SLOTS && s > e->ring.newest - PULSE_SLOTS; s--)
			out->at[s % PULSE_SLOTS] =
			    num_sat_add_i64(out->at[s % PULSE_SLOTS], e->ring.at[s % PULSE_SLOTS]);
	}
}

void pulse_rate_of(struct pulse *p, slice user, struct pulse_rate *out)
{
	struct ring own;
	pthread_mutex_lock(&p->lock);
	int64_t slot = slot_now(p);
	if (user.n)
		ring_of_user(p, user, slot, &own);
	const struct ring *money = user.n ? &own : &p->money;
	out->minute_nanousd = per_minute(p, ring_sum(money, slot, MINUTE_SLOTS), MINUTE_SLOTS);
	out->five_nanousd = per_minute(p, ring_sum(money, slot, PULSE_SLOTS), PULSE_SLOTS);
	out->minute_calls = user.n ? RECORD_ABSENT : ring_sum(&p->calls, slot, MINUTE_SLOTS);
	for (int i = 0; i < PULSE_SLOTS; i++)
		out->slot_nanousd[i] = ring_get(money, slot - (PULSE_SLOTS - 1 - i));
	pthread_mutex_unlock(&p->lock);
}

void pulse_total_of(struct pulse *p, struct pulse_total *out)
{
	pthread_mutex_lock(&p->lock);
	*out = p->total;
	pthread_mutex_unlock(&p->lock);
}

uint64_t pulse_sessions(struct pulse *p, uint64_t since,
                        int (*on_session)(void *arg, const struct pulse_session *s), void *arg)
{
	struct pulse_session view;
	pthread_mutex_lock(&p->lock);
	int64_t slot = slot_now(p);
	uint64_t newest = p->changes;
	for (struct entry *e = p->newest; e && e->changed > since; e = e->older) {
		view_of(p, e, slot, &view);
		if (on_session(arg, &view))
			break;
	}
	pthread_mutex_unlock(&p->lock);
	return newest;
}

int64_t pulse_burn_of(struct pulse *p, slice id, slice key_id)
{
	pthread_mutex_lock(&p->lock);
	const struct entry *e = find(p, id, key_id);
	int64_t burn = e ? per_minute(p, ring_sum(&e->ring, slot_now(p), PULSE_SLOTS), PULSE_SLOTS) : 0;
	pthread_mutex_unlock(&p->lock);
	return burn;
}

void pulse_touch(struct pulse *p, slice id, slice key_id)
{
	struct entry *e;
	pthread_mutex_lock(&p->lock);
	if (key_id.n) {
		e = find(p, id, key_id);
		if (e)
			touch(p, e);
	} else {
		for (struct entry *next = p->newest; (e = next) != NULL;) {
			next = e->older;
			if (slice_eq(slice_make(e->key, e->id_n), id))
				touch(p, e);
		}
	}
	pthread_mutex_unlock(&p->lock);
}
