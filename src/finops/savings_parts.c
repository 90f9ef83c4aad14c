/* What the parts of the calls' input show, tool by tool, and who hardly uses a seat. */
#include <stdlib.h>

#include "finops/savings_impl.h"

#define CARRIED_LEAST 20 /* calls that carried a definition: fewer say nothing of it */
#define LARGE         8000
#define ENOUGH        4000 /* tokens of a result */
#define CALLED_LEAST  5

struct tools {
	struct search *x;
	int64_t groups;
};

static int64_t known(int64_t v)
{
	return v > 0 ? v : 0;
}

/* What its results cost when they were sent again: what is sent again beyond the definition, by their share.
 */
static int64_t results_again(const struct ledger_measures *m)
{
	int64_t resent = known(m->part_tokens[SENT_AGAIN]), sessions = m->sessions > 0 ? m->sessions : 1;
	int64_t definition =
	    known(m->part_tokens[SENT_DEFINITION]) / sessions * known(m->calls - m->sessions);
	int64_t results = known(m->part_tokens[SENT_RESULT]),
	        arguments = known(m->part_tokens[SENT_ARGUMENT]);
	if (resent <= definition || results == 0)
		return 0;
	double share =
	    (double)(resent - definition) / (double)resent * (double)results / (double)(results + arguments);
	return (int64_t)((double)known(m->part_nanousd[SENT_AGAIN]) * share);
}

static int on_tool(void *arg, const struct ledger_group *g)
{
	struct tools *t = arg;
	const struct ledger_measures *m = &g->m;
	slice server = g->key[0], tool = g->key[1];
	if (tool.n == 0 || slice_eq(tool, SLICE(PART_OTHER_TOOLS)))
		return 0;
	t->groups++;
	if (m->tool_calls == 0 && m->calls >= CARRIED_LEAST && m->cost_nanousd > 0)
		finding_add(t->x, SAVING_TOOLS, server.n ? server : tool, m->cost_nanousd, m->calls);
	int64_t results = known(m->part_tokens[SENT_RESULT]);
	if (m->tool_calls >= CALLED_LEAST && results / m->tool_calls > LARGE) {
		double cut = 1 - (double)ENOUGH * (double)m->tool_calls / (double)results;
		double cost = (double)known(m->part_nanousd[SENT_RESULT]) + (double)results_again(m);
		if (cut * cost >= 1)
			finding_add(t->x, SAVING_RESULTS, tool, (int64_t)(cut * cost), m->tool_calls);
	}
	return t->x->rc;
}

static void fill(const struct savings_ask *ask, struct ledger_query *q)
{
	*q = (struct ledger_query){.since_ms = ask->since_ms, .until_ms = ask->until_ms};
	for (size_t i = 0; i < ask->filters_n; i++)
		q->filters[q->filters_n++] = ask->filters[i];
}

static int look_at_tools(struct search *x, struct error *e)
{
	struct ledger_query q;
	struct tools t = {x, 0};
	fill(x->ask, &q);
	q.parts = true;
	q.by_n = 2;
	q.by[0] = SLICE("mcp_server");
	q.by[1] = SLICE("tool");
	int rc = x->ask->ops->report(x->ask->ledger, &q, on_tool, &t, NULL, e);
	if (rc == 0 && t.groups == 0)
		savings_missing(
		    x, "no tools are known of these calls: only the gateway tells what input is made "
		       "of, so unused tools and large results were not looked at");
	return rc;
}

/* --- seats ----------------------------------------------------------------------------------- */

struct seats {
	struct search *x;
	int64_t users, price; /* of the window */
};

static int on_seat(void *arg, const struct ledger_group *g)
{
	struct seats *s = arg;
	int64_t value = g->m.subscription_nanousd;
	if (g->key[0].n == 0 || g->m.calls == 0)
		return 0;
	s->users++;
	if (s->price > 0 && value != RECORD_ABSENT && value < s->price / 2)
		finding_add(s->x, SAVING_SEATS, g->key[0], s->price - value, g->m.calls);
	return s->x->rc;
}

static int look_at_seats(struct search *x, struct error *e)
{
	struct ledger_query q;
	struct seats s = {.x = x};
	double months = (double)(x->ask->until_ms - x->ask->since_ms) / (30.0 * 24 * 3600 * 1000);
	fill(x->ask, &q);
	if (q.filters_n == LEDGER_FILTERS_MAX)
		return 0;
	q.filters[q.filters_n++] = (struct ledger_filter){SLICE("billing"), SLICE("subscription"), true};
	q.by_n = 1;
	q.by[0] = SLICE("user");
	s.price = (int64_t)((double)x->ask->seat_nanousd * months);
	int rc = x->ask->ops->report(x->ask->ledger, &q, on_seat, &s, NULL, e);
	if (rc == 0 && s.users && s.price == 0)
		savings_missing(x,
		                "%lld people work on a plan, but what a seat costs is not known: --seat USD "
		                "tells whose are hardly used",
		                (long long)s.users);
	return rc;
}

int savings_parts(struct search *x, struct error *e)
{
	int rc = look_at_tools(x, e);
	return rc ? rc : look_at_seats(x, e);
}
