/* A call's input shared out over its parts. The runs stand in the order in which the provider has them before
 * the model, and so in that of its cache: what was read from it is the beginning, what was written to it
 * comes next, the rest is fresh. Positions are in tokens: a run's end is at (weight up to it) / (all weight)
 * of the reported context, rounded down, so that the runs' tokens make the whole exactly; the money of each
 * stretch is shared out over its tokens in the same way. */
#include "base/num.h"
#include "model/usage.h"
#include "policy/session.h"

#define STRETCHES 4

/* Tokens [from, to) and what they cost. */
struct stretch {
	int64_t from, to, nanousd;
};

static int64_t known(int64_t v)
{
	return v == TOKENS_ABSENT ? 0 : v;
}

/* Read, written for an hour, written for five minutes (providers want the marks in that order), fresh. */
static void stretches_of(const struct record *r, struct stretch s[STRETCHES])
{
	const int64_t *m = r->usage.m;
	const int64_t n[STRETCHES - 1] = {known(m[METER_CACHE_READ]) + known(m[METER_CACHE_READ_AUDIO]),
	                                  known(m[METER_CACHE_WRITE_1H]), known(m[METER_CACHE_WRITE_5M])};
	static const enum cost_part costs[STRETCHES] = {COST_CACHE_READ, COST_CACHE_WRITE_1H,
	                                                COST_CACHE_WRITE_5M, COST_INPUT};
	int64_t at = 0;
	for (int i = 0; i < STRETCHES; i++) {
		int64_t end = i < STRETCHES - 1 ? num_sat_add_i64(at, n[i]) : r->context_tokens;
		s[i].from = at;
		s[i].to = at = end < r->context_tokens ? end : r->context_tokens;
		s[i].nanousd = r->cost.part[costs[i]];
	}
	/* Money without tokens (a figure that the provider gave inconsistently) goes with the rest. */
	for (int i = 0; i < STRETCHES; i++)
		if (s[i].from == s[i].to && s[i].nanousd) {
			struct stretch *to = &s[0];
			for (int k = 1; k < STRETCHES; k++)
				if (s[k].to - s[k].from > to->to - to->from)
					to = &s[k];
			if (to == &s[i])
				continue;
			to->nanousd = num_sat_add_i64(to->nanousd, s[i].nanousd);
			s[i].nanousd = 0;
		}
}

/* Money of the stretch's first n tokens. */
static int64_t money_up_to(const struct stretch *s, int64_t n)
{
	return (int64_t)((__int128)s->nanousd * n / (s->to - s->from));
}

static int64_t money_of(const struct stretch s[STRETCHES], int64_t from, int64_t to)
{
	int64_t sum = 0;
	for (int i = 0; i < STRETCHES; i++) {
		int64_t a = num_max_i64(from, s[i].from), b = to < s[i].to ? to : s[i].to;
		if (a < b)
			sum += money_up_to(&s[i], b - s[i].from) - money_up_to(&s[i], a - s[i].from);
	}
	return sum;
}

/* --- parts -----------------------------------------------------------------------------------------------
 */

static const struct {
	enum call_part part;
	enum sent_as sent;
} kinds[] = {
    [RUN_DEFINITION] = {CALL_PART_TOOL, SENT_DEFINITION},
    [RUN_ARGUMENT] = {CALL_PART_TOOL, SENT_ARGUMENT},
    [RUN_RESULT] = {CALL_PART_TOOL, SENT_RESULT},
    [RUN_SYSTEM] = {CALL_PART_SYSTEM, SENT_TEXT},
    [RUN_USER] = {CALL_PART_USER, SENT_TEXT},
    [RUN_ASSISTANT] = {CALL_PART_ASSISTANT, SENT_TEXT},
    [RUN_THINKING] = {CALL_PART_THINKING, SENT_TEXT},
    [RUN_OTHER] = {CALL_PART_OTHER, SENT_TEXT},
};

/* All possible parts of a call: the tools, then the kinds of words. */
struct parts {
	struct record_part at[SESSION_TOOLS_MAX + CALL_PART_N];
	bool used[SESSION_TOOLS_MAX + CALL_PART_N];
	size_t n;
};

static size_t part_of(const struct session_turn *turn, const struct session_run *run)
{
	enum call_part part = kinds[run->kind].part;
	return part == CALL_PART_TOOL && run->tool < turn->tools_n ? run->tool : turn->tools_n + (size_t)part;
}

static void start(const struct session_turn *turn, const struct record *r, struct parts *p)
{
	p->n = turn->tools_n + CALL_PART_N;
	for (size_t i = 0; i < p->n; i++) {
		const struct session_tool *t = i < turn->tools_n ? &turn->tools[i] : NULL;
		p->at[i] =
		    (struct record_part){.part = t ? CALL_PART_TOOL : (enum call_part)(i - turn->tools_n)};
		if (t) {
			p->at[i].tool = t->name;
			p->at[i].mcp_server = t->server;
			p->at[i].calls = t->calls;
			p->at[i].failures = t->failures;
		}
		for (int k = 0; k < SENT_N; k++) {
			p->at[i].tokens[k] = r->context_tokens == TOKENS_ABSENT ? RECORD_ABSENT : 0;
			p->at[i].nanousd[k] = RECORD_ABSENT;
		}
		p->used[i] = t && (t->calls || t->failures);
	}
}

static bool sent_before(const struct session_turn *turn, size_t i)
{
	const struct session_run *run = &turn->runs[i];
	if (run->kind == RUN_DEFINITION && run->tool < turn->tools_n)
		return turn->tools[run->tool].defined_before;
	return i < turn->runs_old;
}

static void share_out(const struct session_turn *turn, const struct record *r, struct parts *p)
{
	struct stretch s[STRETCHES];
	int64_t all = 0, weight = 0, at = 0;
	/* A hold and a fallback of unknown parts are one sum: what of it is input nobody knows. */
	bool priced = r->priced && r->usage_source != SOURCE_HOLD;
	stretches_of(r, s);
	for (size_t i = 0; i < turn->runs_n; i++)
		all += turn->runs[i].weight;
	for (size_t i = 0; i < turn->runs_n; i++) {
		const struct session_run *run = &turn->runs[i];
		weight += run->weight;
		int64_t end = (int64_t)((__int128)r->context_tokens * weight / all);
		size_t to = part_of(turn, run);
		enum sent_as as = sent_before(turn, i) ? SENT_AGAIN : kinds[run->kind].sent;
		p->used[to] = true;
		p->at[to].tokens[as] += end - at;
		if (priced)
			p->at[to].nanousd[as] = num_max_i64(p->at[to].nanousd[as], 0) + money_of(s, at, end);
		at = end;
	}
}

/* Those of most weight first: what has no room in the journal is what matters least. */
static int64_t rank(const struct record_part *p)
{
	int64_t sum = p->part == CALL_PART_TOOL ? 0 : INT64_MAX / 4;
	sum += (p->calls + p->failures) * 1000000;
	for (int k = 0; k < SENT_N; k++)
		sum = num_sat_add_i64(sum, num_max_i64(p->tokens[k], 0));
	return sum;
}

size_t session_parts(const struct session_turn *turn, const struct record *r, struct arena *mem,
                     const struct record_part **out)
{
	struct parts *p = arena_alloc(mem, sizeof *p);
	*out = NULL;
	if (p == NULL || turn->thread == 0)
		return 0;
	start(turn, r, p);
	if (r->context_tokens != TOKENS_ABSENT && turn->runs_n)
		share_out(turn, r, p);
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->used[i])
			continue;
		struct record_part one = p->at[i];
		size_t k = n++;
		int64_t mine = rank(&one);
		for (; k > 0 && rank(&p->at[k - 1]) < mine; k--)
			p->at[k] = p->at[k - 1];
		p->at[k] = one;
	}
	*out = p->at;
	return n;
}
