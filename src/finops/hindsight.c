#include "finops/hindsight.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/storm.h"

#define STREAMS_MAX 4096 /* sessions and subagents of one file */

struct hindsight_session {
	struct hindsight_session *next;
	char session[128], subagent[128];
	struct storm_state state;
	struct storm_reading reading;
	bool reading_open; /* items of a request have been given since its begin */
	bool by_model;     /* the last item was the model's */
	int64_t first_ms, turn, cost_nanousd, found_cost;
	int64_t asked_ms, active_ms, turns; /* the last request; since a human last spoke */
	uint32_t found;                     /* bits of signals */
};

void hindsight_init(struct hindsight *h, const struct storm_limits *limits)
{
	*h = (struct hindsight){.limits = limits};
}

static bool is_of(const struct hindsight_session *s, const struct import_moment *m)
{
	return slice_eq(slice_sub(m->session, 0, 127), slice_of(s->session)) &&
	       slice_eq(slice_sub(m->subagent, 0, 127), slice_of(s->subagent));
}

static struct hindsight_session *session_of(struct hindsight *h, const struct import_moment *m)
{
	size_t n = 0;
	for (struct hindsight_session *s = h->head; s; s = s->next, n++)
		if (is_of(s, m))
			return s;
	struct hindsight_session *s = n < STREAMS_MAX ? calloc(1, sizeof *s) : NULL;
	if (s == NULL)
		return NULL;
	snprintf(s->session, sizeof s->session, SLICE_FMT, SLICE_ARG(slice_sub(m->session, 0, 127)));
	snprintf(s->subagent, sizeof s->subagent, SLICE_FMT, SLICE_ARG(slice_sub(m->subagent, 0, 127)));
	s->first_ms = m->time_ms;
	s->next = h->head;
	h->head = s;
	h->sessions++;
	return s;
}

/* What a gateway would have seen as a request ends here. */
static int end_request(struct hindsight *h, struct hindsight_session *s, int64_t time_ms)
{
	int64_t gap = s->asked_ms ? time_ms - s->asked_ms : 0;
	if (s->state.human)
		s->turns = s->active_ms = 0;
	else
		s->active_ms += gap < 0 ? 0 : gap < STORM_IDLE_MS ? gap : STORM_IDLE_MS;
	s->asked_ms = time_ms;
	s->turn++;
	struct storm_facts facts = {.turns = ++s->turns, .runtime_ms = s->active_ms};
	struct hindsight_loop loop = {.session = slice_of(s->session),
	                              .subagent = slice_of(s->subagent),
	                              .time_ms = time_ms,
	                              .turn = s->turn,
	                              .cost_nanousd = s->cost_nanousd};
	s->reading_open = false;
	h->turns++;
	if (!storm_end(&s->reading, h->limits, &facts, &loop.finding))
		return 0;
	uint32_t bit = (uint32_t)1 << loop.finding.signal;
	if (s->found & bit) /* each signal once */
		return 0;
	h->loops++;
	if (!s->found) {
		h->stopped++;
		s->found_cost = s->cost_nanousd;
	}
	s->found |= bit;
	return h->on_loop ? h->on_loop(h->arg, &loop) : 0;
}

int hindsight_item(struct hindsight *h, const struct import_moment *m, const struct body_item *it)
{
	int rc = 0;
	struct hindsight_session *s = session_of(h, m);
	if (s == NULL)
		return 0;
	/* The model's answer follows on a request; what it says is of the next one. */
	if (it && it->assistant && !s->by_model && s->reading_open)
		rc = end_request(h, s, m->time_ms);
	s->by_model = it && it->assistant;
	s->cost_nanousd = m->cost_nanousd;
	if (!s->reading_open)
		storm_begin(&s->reading, &s->state, m->time_ms - s->first_ms, m->cost_nanousd);
	s->reading_open = true;
	if (it)
		storm_item(&s->reading, it, true);
	else
		storm_compacted(&s->reading);
	return rc;
}

void hindsight_end_file(struct hindsight *h)
{
	while (h->head) {
		struct hindsight_session *s = h->head;
		h->head = s->next;
		if (s->found)
			h->after_nanousd += s->cost_nanousd - s->found_cost;
		free(s);
	}
}
