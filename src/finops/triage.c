#include "finops/triage.h"

#include <stdlib.h>

#include "finops/triage_impl.h"

#define TEXTS ((size_t)4 << 20)

/* --- what is compared ------------------------------------------------------------------------ */

struct sides {
	struct split_side before, after;
	size_t *place; /* owned: of each model in the sides, plus 1; 0 none yet */
	size_t n;
};

static void add_model(struct split_model *m, const struct takings_sums *s, double spans)
{
	m->calls += (double)s->calls / spans;
	m->again += (double)s->again / spans;
	for (int k = 0; k < TAKINGS_INPUTS; k++) {
		m->tokens[k] += (double)s->tokens[k] / spans;
		m->money[k] += (double)s->money[k] / spans;
	}
	m->output += (double)s->output / spans;
	m->output_money += (double)s->output_money / spans;
	m->spent += (double)s->spent / spans;
}

/* Distinct values of a dimension in the window, and as a mean of the baseline's spans. A call of which it is
 * not known is one's that is not known. */
static int count_distinct(const struct triage *t, const struct triage_cause *c, enum triage_dim d,
                          double *before, double *after)
{
	const struct takings *f = &t->takings;
	struct seen {
		uint32_t spans;
		bool now;
	} *seen = calloc(f->values_n[d], sizeof *seen);
	int64_t bits = 0, now = 0;
	if (seen == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < f->cells_n; i++) {
		const struct takings_cell *cell = f->cells[i];
		if (c && !triage_is_of(t, c, cell))
			continue;
		seen[cell->id[d]].spans |= cell->before.calls ? cell->spans : 0;
		seen[cell->id[d]].now |= cell->after.calls > 0;
	}
	for (size_t i = 0; i < f->values_n[d]; i++) {
		bits += __builtin_popcount(seen[i].spans);
		now += seen[i].now;
	}
	free(seen);
	*before = (double)bits / (t->spans_n ? (double)t->spans_n : 1);
	*after = (double)now;
	return 0;
}

/* The split of a cause's rise; c NULL: of all. */
static int split(const struct triage *t, const struct triage_cause *c, struct split_result *out)
{
	const struct takings *f = &t->takings;
	double spans = t->spans_n ? (double)t->spans_n : 1;
	struct sides *s = calloc(1, sizeof *s);
	int64_t before = 0;
	int rc = ERR_NOMEM;
	if (s == NULL || (s->place = calloc(f->values_n[TRIAGE_MODEL], sizeof *s->place)) == NULL)
		goto done;
	for (size_t i = 0; i < f->cells_n; i++) {
		const struct takings_cell *cell = f->cells[i];
		if (c && !triage_is_of(t, c, cell))
			continue;
		size_t *place = &s->place[cell->id[TRIAGE_MODEL]];
		if (*place == 0)
			*place = s->n < SPLIT_MODELS ? ++s->n : SPLIT_MODELS;
		add_model(&s->before.models[*place - 1], &cell->before, spans);
		add_model(&s->after.models[*place - 1], &cell->after, 1);
		s->after.spent += cell->after.spent;
		before += cell->before.spent;
	}
	s->before.spent = triage_mean(t, before);
	s->before.models_n = s->after.models_n = s->n;
	rc = count_distinct(t, c, TRIAGE_USER, &s->before.users, &s->after.users);
	if (rc == 0)
		rc = count_distinct(t, c, TRIAGE_SESSION, &s->before.sessions, &s->after.sessions);
	if (rc == 0)
		split_rise(&s->before, &s->after, out);
done:
	if (s)
		free(s->place);
	free(s);
	return rc;
}

/* --- sessions -------------------------------------------------------------------------------- */

static void name_session(const struct triage *t, uint32_t id, struct triage_session *out)
{
	const struct takings *f = &t->takings;
	const struct takings_session *s = f->sessions[id];
	*out = (struct triage_session){.id = takings_text(f, TRIAGE_SESSION, id),
	                               .user = takings_text(f, TRIAGE_USER, s->id[TRIAGE_USER]),
	                               .team = takings_text(f, TRIAGE_TEAM, s->id[TRIAGE_TEAM]),
	                               .agent = takings_text(f, TRIAGE_AGENT, s->id[TRIAGE_AGENT]),
	                               .model = takings_text(f, TRIAGE_MODEL, s->id[TRIAGE_MODEL]),
	                               .key = takings_text(f, TRIAGE_KEY, s->id[TRIAGE_KEY]),
	                               .repo = takings_text(f, TRIAGE_REPO, s->id[TRIAGE_REPO]),
	                               .workflow = takings_text(f, TRIAGE_WORKFLOW, s->id[TRIAGE_WORKFLOW]),
	                               .f = *s};
}

/* The dearest of the first cause's, else of all. */
static int rank_sessions(struct triage *t)
{
	const struct takings *f = &t->takings;
	const struct triage_cause *c = t->causes_n ? &t->causes[0] : NULL;
	bool *of_cause = calloc(f->values_n[TRIAGE_SESSION], sizeof *of_cause);
	uint32_t best[TRIAGE_SESSIONS];
	if (of_cause == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < f->cells_n; i++)
		if (f->cells[i]->now && (c == NULL || triage_is_of(t, c, f->cells[i])))
			of_cause[f->cells[i]->id[TRIAGE_SESSION]] = true;
	for (uint32_t id = 1; id < f->values_n[TRIAGE_SESSION] && id < f->sessions_room; id++) {
		size_t at = t->sessions_n;
		if (!of_cause[id] || f->sessions[id] == NULL)
			continue;
		while (at > 0 && f->sessions[best[at - 1]]->spent < f->sessions[id]->spent)
			at--;
		if (at == TRIAGE_SESSIONS)
			continue;
		size_t end = t->sessions_n < TRIAGE_SESSIONS ? t->sessions_n++ : TRIAGE_SESSIONS - 1;
		memmove(&best[at + 1], &best[at], (end - at) * sizeof best[0]);
		best[at] = id;
	}
	for (size_t i = 0; i < t->sessions_n; i++)
		name_session(t, best[i], &t->sessions[i]);
	free(of_cause);
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int read_takings(struct triage *t, struct error *e)
{
	struct takings *f = &t->takings;
	int64_t length = t->until_ms - t->since_ms, lead = num_min_i64(length, 6 * HOUR_MS);
	f->plan = t->plan;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < t->spans_n; i++)
		rc = takings_read(f, TAKINGS_BASE, t->spans[i].since_ms, t->spans[i].since_ms + length, e);
	if (rc == 0)
		rc = takings_read(f, TAKINGS_LEAD, t->since_ms - lead, t->since_ms, e);
	if (rc == 0)
		rc = takings_read(f, TAKINGS_WINDOW, t->since_ms, t->until_ms, e);
	return rc;
}

static void add_up(struct triage *t)
{
	int64_t before = 0;
	for (size_t i = 0; i < t->takings.cells_n; i++) {
		t->after += t->takings.cells[i]->after.spent;
		before += t->takings.cells[i]->before.spent;
	}
	t->before = triage_mean(t, before);
	for (size_t i = 0; i < t->spans_n; i++)
		t->spans[i].spent = t->takings.span_spent[i];
}

static int explain(struct triage *t, const struct triage_ask *ask, struct error *e)
{
	int rc = triage_scan(t);
	if (rc == 0)
		rc = split(t, NULL, &t->whole);
	if (rc == 0)
		rc = split(t, t->causes_n ? &t->causes[0] : NULL, &t->of_cause);
	if (rc == 0)
		rc = rank_sessions(t);
	if (rc == 0)
		rc = triage_time(t, ask, e);
	if (rc == 0)
		rc = triage_contain(t);
	return rc;
}

int triage_run(struct triage *t, const struct triage_ask *ask, struct error *e)
{
	memset(t, 0, sizeof *t);
	arena_init(&t->mem, TEXTS);
	takings_init(&t->takings, ask->ops, ask->ledger, ask->seed);
	t->timezone = ask->timezone;
	t->now_ms = ask->now_ms;
	if (ask->filters_n > LEDGER_FILTERS_MAX)
		return error_set(e, ERR_FULL, "at most %d filters", LEDGER_FILTERS_MAX);
	for (size_t i = 0; i < ask->filters_n; i++)
		t->takings.q.filters[t->takings.q.filters_n++] = ask->filters[i];
	t->until_ms = t->since_ms = ask->now_ms;
	if (ask->ledger == NULL)
		return 0;
	int rc = triage_window(t, ask, e);
	if (rc == 0)
		rc = read_takings(t, e);
	if (rc == 0) {
		add_up(t);
		rc = explain(t, ask, e);
	}
	return rc && e->text[0] == '\0' ? error_set(e, rc, "out of memory") : rc;
}

void triage_release(struct triage *t)
{
	takings_release(&t->takings);
	arena_release(&t->mem);
}
