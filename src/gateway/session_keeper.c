#include "gateway/session_keeper.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/pulse.h"
#include "policy/session.h"

#define SESSIONS_MAX 100000 /* kept in memory */
#define RESTORED_MAX 20000  /* taken over at the start */
#define RESTORE_MS   (INT64_C(7) * 24 * 3600 * 1000)
#define BATCH        128 /* written in one transaction, between which others get the ledger */
#define EVERY_US     1000000
#define BATCH_MEM    ((size_t)BATCH * 8192)

struct session_keeper {
	struct shared *s;
	const struct ledger_ops *ops;
	struct ledger *ledger; /* owned; writable; NULL until it can be opened */
	char path[4096];
	int64_t version, next_us;
	bool failing;
};

static bool opened(struct session_keeper *k)
{
	struct error e = {0};
	if (k->ledger == NULL && k->ops->open(k->path, true, &k->ledger, &e))
		k->ledger = NULL;
	return k->ledger != NULL;
}

/* --- taking over ----------------------------------------------------------------------------- */

static int find_seed(void *arg, const struct ledger_session *r)
{
	return session_image_seed(r->image, arg) ? 1 : 0; /* the newest one's */
}

static int restore(void *arg, const struct ledger_session *r)
{
	struct session_row row = {.id = r->id,
	                          .scope = r->scope,
	                          .parent = r->parent,
	                          .agent = r->agent,
	                          .directory = r->directory,
	                          .started_ms = r->started_ms,
	                          .seen_ms = r->seen_ms,
	                          .state = session_state_from_name(r->state),
	                          .reason = r->reason,
	                          .state_ms = r->state_ms,
	                          .calls = r->calls,
	                          .retries = r->retries,
	                          .compactions = r->compactions,
	                          .active_ms = r->active_ms,
	                          .image = r->image};
	int rc = session_restore(arg, &row);
	return rc == ERR_NOMEM ? rc : 0; /* one of another seed or build is begun anew */
}

struct session_keeper *session_keeper_new(struct shared *s, const struct ledger_ops *ops, slice store)
{
	struct session_keeper *k = calloc(1, sizeof *k);
	struct error e = {0};
	uint64_t seed = 0;
	if (k == NULL || crypto_random(&seed, sizeof seed)) {
		free(k);
		return NULL;
	}
	k->s = s;
	k->ops = ops;
	snprintf(k->path, sizeof k->path, SLICE_FMT, SLICE_ARG(store));
	int64_t since = clock_wall_ms(s->clock) - RESTORE_MS;
	if (opened(k)) {
		int rc = ops->sessions(k->ledger, since, 1, find_seed, &seed, &e);
		s->sessions = session_table_new(SESSIONS_MAX, seed);
		if (rc >= 0 && s->sessions)
			rc = ops->sessions(k->ledger, since, RESTORED_MAX, restore, s->sessions, &e);
		if (rc == 0)
			rc = ops->sessions_version(k->ledger, &k->version, &e);
		if (rc < 0)
			log_event(s->log, LOG_WARN, "sessions.restore", LOG_Z("why", e.text));
	} else {
		s->sessions = session_table_new(SESSIONS_MAX, seed);
	}
	return k;
}

/* --- writing --------------------------------------------------------------------------------- */

static int put(struct session_keeper *k, const struct session_row *row, struct error *e)
{
	struct ledger_session r = {.id = row->id,
	                           .scope = row->scope,
	                           .parent = row->parent,
	                           .agent = row->agent,
	                           .directory = row->directory,
	                           .reason = row->reason,
	                           .state = slice_of(session_state_name(row->state)),
	                           .started_ms = row->started_ms,
	                           .seen_ms = row->seen_ms,
	                           .state_ms = row->state_ms,
	                           .calls = row->calls,
	                           .retries = row->retries,
	                           .compactions = row->compactions,
	                           .active_ms = row->active_ms,
	                           .image = row->image};
	return k->ops->session_put(k->ledger, &r, e);
}

/* One transaction of those that changed; how many. What a failed one took is written when it changes again.
 */
static size_t write_batch(struct session_keeper *k)
{
	struct session_row row;
	struct error e = {0};
	struct arena mem;
	size_t n = 0;
	if (!opened(k) || k->ops->begin(k->ledger, &e))
		return 0;
	int rc = 0;
	arena_init(&mem, BATCH_MEM);
	for (; rc == 0 && n < BATCH && session_take_changed(k->s->sessions, &mem, &row); n++)
		rc = put(k, &row, &e);
	if (rc == 0)
		rc = k->ops->commit(k->ledger, &e);
	else
		k->ops->rollback(k->ledger);
	arena_release(&mem);
	if (rc && !k->failing)
		log_event(k->s->log, LOG_WARN, "sessions.unwritten", LOG_Z("why", e.text));
	k->failing = rc != 0;
	return rc ? 0 : n;
}

/* --- states that others wrote ---------------------------------------------------------------- */

static int take_state(void *arg, const struct ledger_session *r)
{
	static const enum session_action to[SESSION_STATES] = {[SESSION_RUNNING] = SESSION_RESUME,
	                                                       [SESSION_PAUSED] = SESSION_PAUSE,
	                                                       [SESSION_STOPPED] = SESSION_STOP};
	struct session_keeper *k = arg;
	enum session_state state = session_state_from_name(r->state);
	/* of one that is not here there is nothing to change */
	if (state < SESSION_STATES && r->state_ms &&
	    session_act(k->s->sessions, r->id, to[state], r->reason, r->state_ms) == ERR_REFUSED)
		log_event(k->s->log, LOG_WARN, "sessions.refused", LOG_S("id", r->id));
	if (r->state_ms)
		pulse_touch(k->s->pulse, r->id, r->scope);
	return 0;
}

static void read_states(struct session_keeper *k)
{
	struct error e = {0};
	int64_t version;
	if (!opened(k) || k->ops->sessions_version(k->ledger, &version, &e) || version == k->version)
		return;
	if (k->ops->sessions(k->ledger, clock_wall_ms(k->s->clock) - RESTORE_MS, RESTORED_MAX, take_state, k,
	                     &e) == 0)
		k->version = version;
}

void session_keeper_turn(struct session_keeper *k)
{
	if (k == NULL || k->s->sessions == NULL)
		return;
	read_states(k);
	int64_t now = clock_mono_us(k->s->clock);
	if (now < k->next_us)
		return;
	if (write_batch(k) < BATCH) /* else the rest at the next look */
		k->next_us = now + EVERY_US;
}

void session_keeper_free(struct session_keeper *k)
{
	if (k == NULL)
		return;
	while (k->s->sessions && write_batch(k) == BATCH)
		;
	if (k->ledger)
		k->ops->close(k->ledger);
	session_table_free(k->s->sessions);
	k->s->sessions = NULL;
	free(k);
}
