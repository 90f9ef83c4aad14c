#include "finops/triage_takings.h"

#include <stdlib.h>

#include "finops/storm_text.h"
#include "store/columns.h"

#define MEMORY      ((size_t)512 << 20)
#define CELLS_MAX   ((size_t)400000)
#define VALUES_MAX  ((size_t)400000)
#define EVENTS_MAX  ((size_t)2 << 20)

#define X(id, name) #name,
static const char *const dim_names[] = {TRIAGE_DIM_LIST(X)};
#undef X

const char *triage_dim_name(enum triage_dim d)
{
	return d < TRIAGE_DIMS ? dim_names[d] : "";
}

void takings_sums_add(struct takings_sums *to, const struct takings_sums *more)
{
	to->calls += more->calls;
	to->again += more->again;
	for (int k = 0; k < TAKINGS_INPUTS; k++) {
		to->tokens[k] += more->tokens[k];
		to->money[k] += more->money[k];
	}
	to->output += more->output;
	to->output_money += more->output_money;
	to->spent += more->spent;
}

/* --- room ------------------------------------------------------------------------------------ */

/* Room for one more in *at, of n used; false when memory is spent. */
static bool more_room(void *at, size_t n, size_t *room, size_t size, size_t most)
{
	void **p = at;
	if (n < *room)
		return true;
	size_t want = *room ? *room * 2 : 64;
	void *grown = n < most ? realloc(*p, want * size) : NULL;
	if (grown == NULL)
		return false;
	memset((char *)grown + *room * size, 0, (want - *room) * size);
	*p = grown;
	*room = want;
	return true;
}

void takings_init(struct takings *f, const struct ledger_ops *ops, struct ledger *l, uint64_t seed)
{
	memset(f, 0, sizeof *f);
	f->ops = ops;
	f->ledger = l;
	arena_init(&f->mem, MEMORY);
	map_init(&f->by_ids, CELLS_MAX + 1, seed);
	for (int d = 0; d < TRIAGE_DIMS; d++) {
		map_init(&f->by_text[d], VALUES_MAX + 1, seed);
		if (more_room(&f->values[d], 0, &f->values_room[d], sizeof *f->values[d], VALUES_MAX))
			f->values_n[d] = 1; /* the unknown one */
		else
			f->rc = ERR_NOMEM;
	}
}

void takings_release(struct takings *f)
{
	map_release(&f->by_ids);
	for (int d = 0; d < TRIAGE_DIMS; d++) {
		map_release(&f->by_text[d]);
		free(f->values[d]);
	}
	free(f->cells);
	free(f->sessions);
	free(f->events);
	arena_release(&f->mem);
}

/* --- a row ----------------------------------------------------------------------------------- */

/* The number of a value; past the cap the unknown one's. */
static uint32_t value_id(struct takings *f, enum triage_dim d, slice text)
{
	if (text.n == 0)
		return 0;
	uintptr_t known = (uintptr_t)map_get(&f->by_text[d], text);
	if (known == 0 &&
	    more_room(&f->values[d], f->values_n[d], &f->values_room[d], sizeof *f->values[d], VALUES_MAX)) {
		slice copy = arena_copy(&f->mem, text);
		known = f->values_n[d];
		/* NOLINTNEXTLINE: a number, kept as the pointer it is not */
		if (copy.p == NULL || map_put(&f->by_text[d], copy, (void *)known, NULL) != 0) {
			f->rc = ERR_NOMEM;
			return 0;
		}
		f->values[d][f->values_n[d]++] = (struct takings_value){copy, false};
	}
	return (uint32_t)known;
}

static bool is_retry(const struct record *r)
{
	return r->attempt > 1 || r->text[TEXT_RETRY_OF].n > 0;
}

static slice value_of(const struct record *r, enum triage_dim d)
{
	static const enum attr attrs[TRIAGE_DIMS] = {[TRIAGE_SESSION] = ATTR_SESSION,
	                                             [TRIAGE_WORKFLOW] = ATTR_WORKFLOW,
	                                             [TRIAGE_TASK] = ATTR_TASK,
	                                             [TRIAGE_VERSION] = ATTR_AGENT_VERSION,
	                                             [TRIAGE_USER] = ATTR_USER,
	                                             [TRIAGE_REPO] = ATTR_REPO,
	                                             [TRIAGE_BRANCH] = ATTR_BRANCH,
	                                             [TRIAGE_TEAM] = ATTR_TEAM,
	                                             [TRIAGE_AGENT] = ATTR_AGENT,
	                                             [TRIAGE_TRIGGER] = ATTR_TRIGGER,
	                                             [TRIAGE_ENVIRONMENT] = ATTR_ENVIRONMENT};
	if (d == TRIAGE_MODEL)
		return r->text[TEXT_MODEL_SERVED].n ? r->text[TEXT_MODEL_SERVED]
		                                    : r->text[TEXT_MODEL_REQUESTED];
	if (d == TRIAGE_KEY)
		return r->text[TEXT_KEY_ID];
	if (d == TRIAGE_PROVIDER)
		return r->text[TEXT_PROVIDER];
	if (d == TRIAGE_ATTEMPT)
		return is_retry(r) ? SLICE(">1") : SLICE_NONE;
	return r->who.v[attrs[d]];
}

static struct takings_cell *cell_of(struct takings *f, const uint32_t id[TRIAGE_DIMS], uint32_t *at)
{
	slice key = slice_make(id, sizeof(uint32_t) * TRIAGE_DIMS);
	uintptr_t known = (uintptr_t)map_get(&f->by_ids, key);
	if (known) {
		*at = (uint32_t)known - 1;
		return f->cells[known - 1];
	}
	struct takings_cell *c = arena_zalloc(&f->mem, sizeof *c);
	if (c == NULL || !more_room(&f->cells, f->cells_n, &f->cells_room, sizeof *f->cells, CELLS_MAX + 1)) {
		f->rc = ERR_NOMEM;
		return NULL;
	}
	memcpy(c->id, id, sizeof c->id);
	*at = (uint32_t)f->cells_n;
	f->cells[f->cells_n++] = c;
	if (map_put(&f->by_ids, slice_make(c->id, sizeof c->id), (void *)(uintptr_t)f->cells_n, NULL) != 0)
		f->rc = ERR_NOMEM;
	return c;
}

static int64_t known(int64_t v)
{
	return v > 0 ? v : 0;
}

/* What the row cost by the measure that is looked at. A correction may be negative. */
static int64_t money_of(const struct takings *f, const struct record *r)
{
	if ((r->billing == BILLING_SUBSCRIPTION) != f->plan)
		return 0;
	if (f->plan && r->list_cost_nanousd != RECORD_ABSENT)
		return r->list_cost_nanousd;
	return r->priced ? r->cost.total : 0;
}

static bool is_correction(const struct record *r)
{
	return slice_eq(r->text[TEXT_SOURCE], SLICE("correction"));
}

static void sums_of(const struct takings *f, const struct record *r, struct takings_sums *s)
{
	static const enum meter meters[TAKINGS_INPUTS] = {METER_INPUT, METER_CACHE_READ, METER_CACHE_WRITE_5M,
	                                                  METER_CACHE_WRITE_1H};
	static const enum cost_part parts[TAKINGS_INPUTS] = {COST_INPUT, COST_CACHE_READ, COST_CACHE_WRITE_5M,
	                                                     COST_CACHE_WRITE_1H};
	memset(s, 0, sizeof *s);
	s->spent = money_of(f, r);
	if (is_correction(r))
		return;
	s->calls = 1;
	s->again = is_retry(r);
	bool parted = s->spent != 0 && r->priced && r->cost.total == s->spent;
	for (int k = 0; k < TAKINGS_INPUTS; k++) {
		s->tokens[k] = known(r->usage.m[meters[k]]);
		s->money[k] = parted ? r->cost.part[parts[k]] : 0;
	}
	s->output = known(r->usage.m[METER_OUTPUT]);
	s->output_money = parted ? r->cost.part[COST_OUTPUT] : 0;
}

/* --- sessions of the window ------------------------------------------------------------------ */

static struct takings_session *session_of(struct takings *f, uint32_t id)
{
	if (id == 0)
		return NULL;
	while (id >= f->sessions_room)
		if (!more_room(&f->sessions, f->sessions_room, &f->sessions_room, sizeof(void *),
		               VALUES_MAX * 2)) {
			f->rc = ERR_NOMEM;
			return NULL;
		}
	if (f->sessions[id] == NULL) {
		struct takings_session *s = f->sessions[id] = arena_zalloc(&f->mem, sizeof *s);
		if (s == NULL) {
			f->rc = ERR_NOMEM;
			return NULL;
		}
		s->first_context = s->last_context = s->most_context = RECORD_ABSENT;
		s->dearest = -1;
	}
	return f->sessions[id];
}

static void note_storm(struct takings *f, struct takings_session *s, const struct record *r)
{
	if (!storm_is_told(r->text[TEXT_EXPLANATION]))
		return;
	s->storms++;
	if (s->storm_ms == 0)
		s->storm_ms = r->time_ms;
	s->rule = arena_copy(&f->mem, r->text[TEXT_RULE]);
	s->evidence = arena_copy(&f->mem, r->text[TEXT_EXPLANATION]);
	if (s->rule.p == NULL || s->evidence.p == NULL)
		f->rc = ERR_NOMEM;
}

static void note_session(struct takings *f, struct takings_session *s, const struct record *r,
                         const uint32_t id[TRIAGE_DIMS], struct takings_sums *sums)
{
	if (s->first_ms == 0)
		s->first_ms = r->time_ms;
	s->last_ms = r->time_ms;
	if (s->storm_ms && sums->calls)
		sums->again = 1; /* it goes on after a storm was found */
	s->calls += sums->calls;
	s->retries += is_retry(r);
	s->spent += sums->spent;
	for (int k = 0; k < TAKINGS_INPUTS; k++)
		s->input += sums->tokens[k];
	s->read += sums->tokens[INPUT_READ];
	if (sums->spent > s->dearest) {
		s->dearest = sums->spent;
		memcpy(s->id, id, sizeof s->id);
	}
	if (r->context_tokens != RECORD_ABSENT && r->who.v[ATTR_SUBAGENT].n == 0) {
		if (s->first_context == RECORD_ABSENT)
			s->first_context = r->context_tokens;
		s->last_context = r->context_tokens;
		if (r->context_tokens > s->most_context)
			s->most_context = r->context_tokens;
	}
	note_storm(f, s, r);
}

/* --- reading --------------------------------------------------------------------------------- */

static void note_event(struct takings *f, const struct record *r, uint32_t cell, int64_t spent)
{
	if (!more_room(&f->events, f->events_n, &f->events_room, sizeof *f->events, EVENTS_MAX)) {
		f->events_lost = true;
		return;
	}
	f->events[f->events_n++] = (struct takings_event){r->time_ms, spent, cell};
}

static void note_values(struct takings *f, const uint32_t id[TRIAGE_DIMS])
{
	for (int d = 0; d < TRIAGE_DIMS; d++)
		f->values[d][id[d]].early = true;
}

static int on_row(void *arg, const struct record *r)
{
	struct takings *f = arg;
	struct takings_sums sums;
	uint32_t id[TRIAGE_DIMS], at = 0;
	bool refused = r->ending == ENDING_REFUSED;
	for (int d = 0; d < TRIAGE_DIMS; d++)
		id[d] = value_id(f, (enum triage_dim)d, value_of(r, (enum triage_dim)d));
	if (f->cells_n >= CELLS_MAX) {
		f->lumped = true;
		id[TRIAGE_SESSION] = id[TRIAGE_TASK] = id[TRIAGE_BRANCH] = 0;
	}
	sums_of(f, r, &sums);
	if (f->part == TAKINGS_WINDOW) {
		struct takings_session *s = session_of(f, id[TRIAGE_SESSION]);
		f->refused += refused;
		f->unpriced += !refused && !r->priced && r->usage_source != SOURCE_NONE;
		if (refused)
			memset(&sums, 0, sizeof sums);
		if (s)
			note_session(f, s, r, id, &sums);
	} else {
		note_values(f, id);
	}
	struct takings_cell *c = refused || f->rc ? NULL : cell_of(f, id, &at);
	if (c == NULL)
		return f->rc;
	if (f->part != TAKINGS_BASE)
		note_event(f, r, at, sums.spent);
	if (f->part == TAKINGS_WINDOW)
		c->now = true;
	if (f->part == TAKINGS_BASE) {
		c->spans |= 1u << f->spans_n;
		f->span_spent[f->spans_n] += sums.spent;
	}
	if (f->part != TAKINGS_LEAD)
		takings_sums_add(f->part == TAKINGS_WINDOW ? &c->after : &c->before, &sums);
	return f->rc;
}

int takings_read(struct takings *f, int part, int64_t since_ms, int64_t until_ms, struct error *e)
{
	/* The last few are of the window alone. */
	static const char *const only[] = {"time_ms",
	                                   "source",
	                                   "provider",
	                                   "model_requested",
	                                   "model_served",
	                                   "user",
	                                   "team",
	                                   "repo",
	                                   "branch",
	                                   "workflow",
	                                   "environment",
	                                   "trigger",
	                                   "task",
	                                   "agent",
	                                   "agent_version",
	                                   "session",
	                                   "attempt",
	                                   "retry_of",
	                                   "key_id",
	                                   "ending",
	                                   "input_tokens",
	                                   "cache_read_tokens",
	                                   "cache_write_5m_tokens",
	                                   "cache_write_1h_tokens",
	                                   "output_tokens",
	                                   "cost_nanousd",
	                                   "cost_input",
	                                   "cost_cache_read",
	                                   "cost_cache_write_5m",
	                                   "cost_cache_write_1h",
	                                   "cost_output",
	                                   "list_cost_nanousd",
	                                   "billing",
	                                   "subagent",
	                                   "context_tokens",
	                                   "usage_source",
	                                   "rule",
	                                   "explanation"};
	size_t n = sizeof only / sizeof only[0];
	struct ledger_query q = f->q;
	if (part == TAKINGS_BASE && f->spans_n == TAKINGS_SPANS)
		return error_set(e, ERR_FULL, "a baseline has at most %d spans", TAKINGS_SPANS);
	f->part = part == TAKINGS_BASE     ? TAKINGS_BASE
	          : part == TAKINGS_WINDOW ? TAKINGS_WINDOW
	                                   : TAKINGS_LEAD;
	q.by_n = 0;
	q.per = PER_NONE;
	q.limit = 0;
	q.newest_first = false;
	q.any_order = true;
	q.since_ms = since_ms;
	q.until_ms = until_ms;
	q.only_n = part == TAKINGS_WINDOW ? n : n - 5;
	memcpy(q.only, only, q.only_n * sizeof only[0]);
	int rc = f->rc ? f->rc : f->ops->rows(f->ledger, &q, on_row, f, e);
	if (part == TAKINGS_BASE)
		f->spans_n++;
	return rc == ERR_NOMEM ? error_set(e, rc, "out of memory") : rc;
}
