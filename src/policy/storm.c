#include "policy/storm.h"

#include <string.h>
#include <xxhash.h>

#include "model/types.h"

#define PERIOD_MAX    8
#define POLL_FACTOR   5 /* what waits by asking again may ask so much longer */
#define ALIKE_BINS    15
#define MARK_FILLED   13
#define REMINDERS_MAX 8      /* of one result */
#define COST_UNIT     100000 /* nano-dollars */

/* --- what kind of call it is ---------------------------------------------------------------- */

static bool has_any(slice text, const slice *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_find(text, words[i]) >= 0)
			return true;
	return false;
}
#define HAS_ANY(text, words) has_any(text, words, sizeof(words) / sizeof(words)[0])

static bool name_has(slice name, slice part)
{
	for (size_t i = 0; i + part.n <= name.n; i++)
		if (slice_eq_nocase(slice_sub(name, i, i + part.n), part))
			return true;
	return false;
}

static bool names_any(slice name, const slice *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name_has(name, words[i]))
			return true;
	return false;
}
#define NAMES_ANY(name, words) names_any(name, words, sizeof(words) / sizeof(words)[0])

/* By the names that agents give their tools, and for a shell by what the command does. */
static uint8_t kind_of(slice name, slice args)
{
	static const slice edits[] = {SLICE("edit"),   SLICE("write_file"), SLICE("patch"), SLICE("replace"),
	                              SLICE("create"), SLICE("insert"),     SLICE("update")};
	static const slice reads[] = {SLICE("read"), SLICE("grep"), SLICE("glob"),  SLICE("search"),
	                              SLICE("view"), SLICE("list"), SLICE("fetch"), SLICE("cat")};
	static const slice polls[] = {SLICE("wait"), SLICE("output"), SLICE("stdin"),
	                              SLICE("poll"), SLICE("status"), SLICE("monitor")};
	static const slice agents[] = {SLICE("agent"), SLICE("task"), SLICE("todo"), SLICE("plan")};
	static const slice shells[] = {SLICE("bash"), SLICE("shell"), SLICE("exec"), SLICE("run"),
	                               SLICE("terminal")};
	static const slice changes[] = {SLICE("*** Begin Patch"),
	                                SLICE("sed -i"),
	                                SLICE("git commit"),
	                                SLICE("git apply"),
	                                SLICE("git checkout"),
	                                SLICE(" > "),
	                                SLICE(">> "),
	                                SLICE("tee "),
	                                SLICE("rm "),
	                                SLICE("mv "),
	                                SLICE("cp "),
	                                SLICE("mkdir "),
	                                SLICE("install "),
	                                SLICE("apply_patch")};
	static const slice waits[] = {SLICE("sleep "),       SLICE("watch "), SLICE("wait"),
	                              SLICE("gh pr checks"), SLICE("gh run"), SLICE("tail -f"),
	                              SLICE("curl -s")};
	if (NAMES_ANY(name, agents)) /* a subagent's start, a list of what is to be done */
		return STEP_POLL;
	if (NAMES_ANY(name, shells))
		return HAS_ANY(args, changes) ? STEP_EDIT : HAS_ANY(args, waits) ? STEP_POLL : 0;
	if (NAMES_ANY(name, edits) || slice_eq_nocase(name, SLICE("write")))
		return STEP_EDIT;
	if (NAMES_ANY(name, polls))
		return STEP_POLL;
	return NAMES_ANY(name, reads) ? STEP_READ : 0;
}

/* --- arguments ------------------------------------------------------------------------------- */

/* Told of a call in words; not part of what is done. */
static bool is_prose(const json_key *k)
{
	static const slice keys[] = {SLICE("description"), SLICE("justification"), SLICE("explanation")};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (json_str_is(k, keys[i]))
			return true;
	return false;
}

static int telling(const json_key *k)
{
	static const slice keys[] = {SLICE("command"),  SLICE("cmd"),     SLICE("file_path"), SLICE("path"),
	                             SLICE("filePath"), SLICE("pattern"), SLICE("query"),     SLICE("url")};
	for (int i = 0; i < (int)(sizeof keys / sizeof keys[0]); i++)
		if (json_str_is(k, keys[i]))
			return i;
	return 100;
}

struct arguments {
	uint64_t hash;
	slice told; /* the value that tells a human most, as it stands; n 0: none */
	bool valid;
	bool command;
};

/* Members in their order, but for prose. */
static struct arguments read_object(slice json)
{
	struct arguments a = {.hash = 0x2545f4914f6cdd1du};
	struct json j;
	json_key k;
	slice value;
	int best = 99;
	json_init(&j, json);
	if (!json_object(&j))
		return a;
	while (json_next_key(&j, &k)) {
		if (!json_skip(&j, &value))
			break;
		if (is_prose(&k))
			continue;
		a.hash = (a.hash ^ XXH3_64bits(k.raw.p, k.raw.n)) * 0x9e3779b97f4a7c15u;
		a.hash = (a.hash ^ XXH3_64bits(value.p, value.n)) * 0xff51afd7ed558ccdu;
		if (telling(&k) < best) {
			best = telling(&k);
			a.told = value;
			a.command = best < 2;
		}
	}
	a.valid = json_end(&j);
	return a;
}

/* Arguments are an object, or a string that holds one as JSON, or the tool's own text. */
static struct arguments arguments_of(const struct body_item *it, char *scratch, size_t cap)
{
	if (it->text.raw.p == NULL)
		return it->json.n ? read_object(it->json) : (struct arguments){.hash = 7, .valid = true};
	slice raw = it->text.raw;
	struct arguments plain = {.hash = XXH3_64bits(raw.p, raw.n), .told = raw, .valid = true};
	if (raw.n == 0 || raw.n > cap || raw.p[0] != '{')
		return plain;
	size_t n = json_unescape(&it->text, scratch, cap);
	struct arguments a = read_object(slice_make(scratch, n));
	a.hash = a.valid ? a.hash : plain.hash;
	return a;
}

/* "`npm test`", "Read src/a.c"; a line, without control characters. */
static void tell(char out[STORM_WHAT_MAX + 1], slice name, const struct arguments *a)
{
	size_t n = 0, room = STORM_WHAT_MAX - 1;
	if (a->command)
		out[n++] = '`';
	for (size_t i = 0; !a->command && i < name.n && n < room; i++)
		out[n++] = name.p[i];
	if (!a->command && a->told.n && n < room)
		out[n++] = ' ';
	slice told = a->told;
	if (told.n >= 2 && told.p[0] == '"')
		told = slice_sub(told, 1, told.n - 1);
	for (size_t i = 0; i < told.n && n < room; i++) {
		unsigned char c = (unsigned char)told.p[i];
		if (c == '\\') {
			if (i + 1 < told.n && told.p[i + 1] != 'n' && told.p[i + 1] != 't')
				continue;
			out[n++] = ' ';
			i++;
		} else if (c >= 0x20 && c != 0x7f) {
			out[n++] = (char)c;
		}
	}
	while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80 && n >= room) /* not half a character */
		n--;
	if (a->command)
		out[n++] = '`';
	out[n] = '\0';
}

/* --- steps ----------------------------------------------------------------------------------- */

void storm_begin(struct storm_reading *r, struct storm_state *s, int64_t since_start_ms, int64_t cost_nanousd)
{
	int64_t seconds = since_start_ms / 1000, cost = cost_nanousd / COST_UNIT;
	memset(r, 0, sizeof *r);
	r->state = s;
	r->at_s = seconds < 0 ? 0 : seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
	r->cost = cost < 0 ? 0 : cost > UINT32_MAX ? UINT32_MAX : (uint32_t)cost;
}

static struct storm_step *step_at(struct storm_state *s, uint32_t i)
{
	return &s->steps[i % STORM_STEPS];
}

static uint32_t first_step(const struct storm_state *s)
{
	uint32_t kept = s->n > STORM_STEPS ? s->n - STORM_STEPS : 0;
	return kept > s->from ? kept : s->from;
}

static bool same(const struct storm_step *a, const struct storm_step *b)
{
	return a->call == b->call && a->outcome == b->outcome;
}

/* An edit that was not made before just like that: something has changed. */
static bool gets_on(struct storm_state *s, uint32_t at)
{
	const struct storm_step *e = step_at(s, at);
	if (!(e->flags & STEP_EDIT) || (e->flags & STEP_FAILED))
		return false;
	for (uint32_t i = first_step(s); i < at; i++)
		if (same(step_at(s, i), e))
			return false;
	return true;
}

static void bump(uint16_t *count)
{
	*count = (uint16_t)(*count + (*count < UINT16_MAX));
}

static void add_step(struct storm_reading *r, const struct storm_waiting *w)
{
	struct storm_state *s = r->state;
	struct storm_step *e = step_at(s, s->n);
	*e = (struct storm_step){
	    .call = w->call, .outcome = r->gist.hash, .at_s = r->at_s, .cost = r->cost, .tool = w->tool};
	gist_end(&r->gist, &e->mark);
	e->outcome = r->gist.hash;
	e->flags = w->flags;
	if (r->failed || r->gist.failed)
		e->flags |= STEP_FAILED;
	if (s->human)
		e->flags |= STEP_HUMAN;
	s->human = false;
	s->n++;
	if (gets_on(s, s->n - 1))
		s->reads = s->invalid = s->compactions = 0;
	else if (e->flags & STEP_READ)
		bump(&s->reads);
	if (e->flags & STEP_INVALID)
		bump(&s->invalid);
}

static void end_result(struct storm_reading *r)
{
	struct storm_state *s = r->state;
	if (!r->in_result)
		return;
	r->in_result = false;
	size_t i = 0;
	while (r->id && i < s->waiting_n && s->waiting[i].id != r->id)
		i++;
	if (i >= s->waiting_n)
		return; /* a result of a call that was not seen */
	struct storm_waiting w = s->waiting[i];
	memmove(&s->waiting[i], &s->waiting[i + 1], sizeof w * (s->waiting_n - i - 1));
	s->waiting_n--;
	add_step(r, &w);
}

static void take_call(struct storm_reading *r, const struct body_item *it, bool offered)
{
	char scratch[8192];
	struct storm_state *s = r->state;
	slice name = it->name.raw;
	struct arguments a = arguments_of(it, scratch, sizeof scratch);
	uint64_t tool = XXH3_64bits(name.p, name.n);
	struct storm_waiting w = {
	    .id = it->call_id.raw.n ? XXH3_64bits(it->call_id.raw.p, it->call_id.raw.n) | 1 : 0,
	    .call = (a.hash ^ tool) | 1,
	    .tool = (uint16_t)tool,
	    .flags = kind_of(name, it->text.raw.p ? it->text.raw : it->json)};
	if (!offered || !a.valid)
		w.flags = STEP_INVALID;
	tell(r->what, name, &a);
	if (s->waiting_n == STORM_WAITING) {
		memmove(&s->waiting[0], &s->waiting[1], sizeof w * (STORM_WAITING - 1));
		s->waiting_n--;
	}
	s->waiting[s->waiting_n++] = w;
}

/* A result without what the agent itself puts into it: Claude Code tells the model there, with another figure
 * each time, how much of its context is left. raw: the bytes of a JSON string. */
static void take_words(struct gist *g, slice raw)
{
	static const slice begin = SLICE("<system-reminder>"), end = SLICE("</system-reminder>");
	for (unsigned n = 0; n < REMINDERS_MAX; n++) {
		ptrdiff_t from = slice_find(raw, begin);
		if (from < 0)
			break;
		if (from > 0)
			gist_add_json(g, slice_sub(raw, 0, (size_t)from));
		raw = slice_sub(raw, (size_t)from + begin.n, raw.n);
		ptrdiff_t to = slice_find(raw, end);
		if (to < 0)
			return;
		raw = slice_sub(raw, (size_t)to + end.n, raw.n);
	}
	gist_add_json(g, raw);
}

static void take_result(struct storm_reading *r, const struct body_item *it)
{
	uint64_t id = it->call_id.raw.n ? XXH3_64bits(it->call_id.raw.p, it->call_id.raw.n) | 1 : 0;
	if (!it->more || !r->in_result || id != r->id) {
		end_result(r);
		r->in_result = true;
		r->id = id;
		r->failed = false;
		gist_init(&r->gist);
	}
	r->failed = r->failed || it->is_error;
	take_words(&r->gist, it->text.raw.p ? it->text.raw : it->json);
}

bool storm_is_by_agent(slice text)
{
	static const slice starts[] = {SLICE("<system-reminder>"),  SLICE("<environment_context>"),
	                               SLICE("<session_context>"),  SLICE("System:"),
	                               SLICE("<task-notification"), SLICE("[Request interrupted"),
	                               SLICE("<local-command"),     SLICE("Caveat:")};
	text = slice_trim(text);
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (slice_starts(text, starts[i]))
			return true;
	return text.n == 0;
}

void storm_item(struct storm_reading *r, const struct body_item *it, bool offered)
{
	struct storm_state *s = r->state;
	if (it->kind == ITEM_TOOL_RESULT) {
		take_result(r, it);
		return;
	}
	if (it->in_result)
		return;
	end_result(r);
	if (it->kind == ITEM_TOOL_CALL && !it->by_provider) {
		take_call(r, it, offered);
	} else if (it->kind == ITEM_USER_TEXT && !storm_is_by_agent(it->text.raw)) {
		s->human = true;
		s->reads = s->invalid = s->compactions = 0;
	}
}

void storm_compacted(struct storm_reading *r)
{
	bump(&r->state->compactions);
}

static void raise_limit(struct storm_state *s, enum storm_signal signal, unsigned allowance)
{
	unsigned raised = s->lifted[signal] + allowance;
	s->lifted[signal] = (uint16_t)(raised > UINT16_MAX ? UINT16_MAX : raised);
}

void storm_lift(struct storm_state *s, enum storm_signal signal, unsigned allowance)
{
	s->from = s->n;
	s->reads = s->invalid = s->compactions = 0;
	static const enum storm_signal loops[] = {STORM_REPEAT, STORM_CYCLE, STORM_SAME_ERROR, STORM_ALIKE};
	bool loop = false;
	for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++)
		loop = loop || loops[i] == signal;
	if (!loop)
		raise_limit(s, signal, allowance);
	for (size_t i = 0; loop && i < sizeof loops / sizeof loops[0]; i++)
		raise_limit(s, loops[i], allowance); /* one loop is seen by several */
}

/* --- what is found --------------------------------------------------------------------------- */

struct look {
	struct storm_state *s;
	uint32_t human; /* steps from here on are without a human's word */
	uint32_t since; /* … and without progress */
	const struct storm_step *last;
	struct storm_finding *out;
};

/* The signal's limit for this session; false when it is not looked for or not reached. */
static bool reached(const struct look *k, enum storm_signal signal, int64_t limit, int64_t count)
{
	return limit > 0 && count >= limit + k->s->lifted[signal];
}

static bool found(struct look *k, enum storm_signal signal, int64_t count, const struct storm_step *first)
{
	k->out->signal = signal;
	k->out->count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
	if (first && k->last) {
		k->out->for_s = (int64_t)k->last->at_s - first->at_s;
		k->out->cost_nanousd = ((int64_t)k->last->cost - first->cost) * COST_UNIT;
	}
	return true;
}

/* Steps like the last one, since progress. dense: other steps between them are no more than they are; further
 * back it does not count. */
static int64_t count_like(const struct look *k, bool dense,
                          bool (*like)(const struct storm_step *, const struct storm_step *),
                          const struct storm_step **first)
{
	int64_t count = 0, others = 0;
	for (uint32_t i = k->s->n; i-- > k->since;) {
		const struct storm_step *e = step_at(k->s, i);
		if (like(e, k->last)) {
			count++;
			*first = e;
		} else if (dense && ++others > count) {
			break;
		}
	}
	return count;
}

static bool same_failure(const struct storm_step *a, const struct storm_step *b)
{
	return (a->flags & STEP_FAILED) && a->outcome == b->outcome;
}

static bool alike(const struct storm_step *a, const struct storm_step *b)
{
	return a->tool == b->tool && gist_alike(&a->mark, &b->mark) >= ALIKE_BINS;
}

/* Texts of a few words are alike too easily. */
static bool telling_mark(const struct gist_mark *m)
{
	unsigned filled = 0;
	for (size_t i = 0; i < GIST_BINS; i++)
		filled += m->at[i] != 0;
	return filled >= MARK_FILLED;
}

/* How often the last `period` steps stand one behind the other at the end. That the same edit is made with
 * the same result each round shows by itself that nothing gets on. */
static int64_t rounds(const struct look *k, uint32_t period)
{
	uint32_t kept = k->s->n - k->human, same_steps = period;
	if (kept < 2 * period)
		return 1;
	while (same_steps < kept && same(step_at(k->s, k->s->n - 1 - same_steps),
	                                 step_at(k->s, k->s->n - 1 - same_steps + period)))
		same_steps++;
	return same_steps / period;
}

/* Waiting by asking again: every step of the round does. */
static bool all_polls(const struct look *k, uint32_t period)
{
	for (uint32_t i = 1; i <= period && i <= k->s->n; i++)
		if (!(step_at(k->s, k->s->n - i)->flags & STEP_POLL))
			return false;
	return true;
}

static bool find_cycle(struct look *k, const struct storm_limits *l)
{
	int64_t in_a_row = rounds(k, 1);
	for (uint32_t p = 1; p <= PERIOD_MAX; p++) {
		int64_t n = p == 1 ? in_a_row : rounds(k, p);
		int64_t limit = all_polls(k, p) ? l->cycles * POLL_FACTOR : l->cycles;
		enum storm_signal signal = p == 1 ? STORM_REPEAT : STORM_CYCLE;
		if (p > 1 && in_a_row >= p) /* one call again and again is no round of several */
			continue;
		if (reached(k, signal, limit, n))
			return found(k, signal, n, step_at(k->s, k->s->n - (uint32_t)n * p));
	}
	return false;
}

static bool find_steps(struct look *k, const struct storm_limits *l)
{
	const struct storm_step *first = NULL;
	struct storm_state *s = k->s;
	k->last = step_at(s, s->n - 1);
	k->human = s->n - 1;
	while (k->human > first_step(s) && !(step_at(s, k->human)->flags & STEP_HUMAN))
		k->human--;
	k->since = s->n;
	while (k->since > k->human && !gets_on(s, k->since - 1))
		k->since--;
	int64_t polls = k->last->flags & STEP_POLL ? POLL_FACTOR : 1;
	if (find_cycle(k, l))
		return true;
	if (k->since == s->n)
		return false;
	int64_t n = count_like(k, false, same, &first);
	if (reached(k, STORM_REPEAT, l->repeat_calls * polls, n))
		return found(k, STORM_REPEAT, n, first);
	if (k->last->flags & STEP_FAILED) {
		n = count_like(k, true, same_failure, &first);
		if (reached(k, STORM_SAME_ERROR, l->same_error * polls, n))
			return found(k, STORM_SAME_ERROR, n, first);
	}
	n = telling_mark(&k->last->mark) ? count_like(k, true, alike, &first) : 0;
	return reached(k, STORM_ALIKE, l->near_duplicates * polls, n) && found(k, STORM_ALIKE, n, first);
}

static bool find_counts(struct look *k, const struct storm_limits *l, const struct storm_facts *f)
{
	const struct {
		enum storm_signal signal;
		int64_t limit, count, told;
	} rows[] = {
	    {STORM_INVALID, l->invalid_calls, k->s->invalid, k->s->invalid},
	    {STORM_READING, l->reads, k->s->reads, k->s->reads},
	    {STORM_COMPACTING, l->compactions, k->s->compactions, k->s->compactions},
	    {STORM_TURNS, l->turns, f->turns, f->turns},
	    {STORM_RUNTIME, l->runtime_ms, f->runtime_ms, f->runtime_ms / 60000},
	    {STORM_FAN_OUT, l->fan_out, f->fan_out, f->fan_out},
	    {STORM_DEPTH, l->depth, f->depth, f->depth},
	    {STORM_RETRIES, l->retry_calls, f->retries, f->retries},
	    {STORM_RETRIES, l->retry_nanousd, f->retries_nanousd, f->retries},
	    {STORM_BURN, l->burn_nanousd, f->burn_nanousd, f->burn_minutes},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (reached(k, rows[i].signal, rows[i].limit, rows[i].count))
			return found(k, rows[i].signal, rows[i].told, NULL);
	return false;
}

bool storm_end(struct storm_reading *r, const struct storm_limits *l, const struct storm_facts *f,
               struct storm_finding *out)
{
	end_result(r);
	struct look k = {.s = r->state, .out = out};
	*out = (struct storm_finding){.signal = STORM_NONE};
	memcpy(out->what, r->what, sizeof out->what);
	if (r->state->n > r->state->from && find_steps(&k, l))
		return true;
	return find_counts(&k, l, f);
}
