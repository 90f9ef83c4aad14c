/* What is new in a request. The messages' bytes are hashed once, in one stream: up to the mark left by the
 * request before, they are the same bytes, and nothing of them is read again; what stands behind is read span
 * by span. The mark lies a few spans before the end, since clients change the form of the last ones once more
 * (cache marks, texts that become blocks). */
#include <stdlib.h>

#include "policy/session_impl.h"

#define TAIL          3     /* spans behind the mark */
#define RUNS_READ_MAX 16384 /* of one request; then the last one takes all */
#define SPANS_MAX     65536 /* of one reading; what stands behind is not told apart */
#define IMAGE_WEIGHT  6000  /* 1,500 tokens: about what providers count for a usual one */
#define MEDIA_WEIGHT  60000
#define ITEM_WEIGHT   8
#define WEIGHT_MAX    ((1u << 22) - 1)
#define TEXT_KEY_READ ((size_t)4096)
#define TEXT_KEY_MAX  ((size_t)1024)
#define TEXT_KEY_MIN  8

static uint64_t mix(uint64_t chain, uint64_t a)
{
	return XXH3_64bits_withSeed(&a, sizeof a, chain);
}

static uint64_t hash(slice s, uint64_t seed)
{
	return XXH3_64bits_withSeed(s.n ? s.p : "", s.n, seed);
}

void opening_init(struct opening *o, struct session_table *t, const struct session_in *in, struct arena *mem)
{
	memset(o, 0, offsetof(struct opening, stream));
	memset((char *)o + offsetof(struct opening, stream_n), 0,
	       sizeof *o - offsetof(struct opening, stream_n));
	o->table = t;
	o->in = in;
	o->mem = mem;
	XXH3_64bits_reset(&o->stream);
	o->tools_hash = hash(in->view->tools, 1);
	o->system_hash = hash(in->view->system, 1);
}

/* Of the messages' first n bytes. */
static uint64_t stream_to(struct opening *o, size_t n)
{
	slice m = o->in->view->messages;
	if (n < o->stream_n) {
		XXH3_64bits_reset(&o->stream);
		o->stream_n = 0;
	}
	if (n > o->stream_n)
		XXH3_64bits_update(&o->stream, m.p + o->stream_n, n - o->stream_n);
	o->stream_n = n;
	return XXH3_64bits_digest(&o->stream);
}

bool opening_fits(struct opening *o, const struct context *c)
{
	return c->at.bytes > 0 && c->at.bytes < o->in->view->messages.n &&
	       stream_to(o, c->at.bytes) == c->at_hash;
}

/* --- words -----------------------------------------------------------------------------------------------
 */

/* The first kilobyte of a text without its escapes, quotes and blanks around it: the same for a text that an
 * agent hands to a tool and for that text where it comes back as a prompt. 0: too short to tell anything. */
static uint64_t text_key(const json_str *s)
{
	char text[TEXT_KEY_READ];
	json_str part = *s;
	if (part.raw.n > TEXT_KEY_READ) {
		part.raw.n = TEXT_KEY_READ;
		for (size_t i = 0; i < 12 && s->escaped; i++) /* not within an escape, or a pair of them */
			if (part.raw.p[part.raw.n - 1 - i] == '\\')
				part.raw.n -= i + 1;
	}
	size_t n = json_unescape(&part, text, sizeof text);
	if (n > sizeof text)
		return 0;
	slice t = slice_trim(slice_make(text, n));
	if (t.n > 2 && t.p[0] == '"' && t.p[t.n - 1] == '"')
		t = slice_trim(slice_sub(t, 1, t.n - 1));
	return t.n < TEXT_KEY_MIN ? 0 : hash(slice_sub(t, 0, TEXT_KEY_MAX), 2) | 1;
}

/* Put in by the agent: it comes and goes, and says nothing of who speaks. */
static bool is_reminder(slice raw)
{
	return slice_starts(raw, SLICE("<system-reminder>"));
}

/* How agents begin the summary that takes the place of a conversation: Claude Code, Codex, Gemini CLI. */
static const slice summaries[] = {SLICE("This session is being continued from a previous conversation"),
                                  SLICE("Another language model started to solve this problem"),
                                  SLICE("<state_snapshot>")};

static void note_user(struct opening *o, const json_str *s)
{
	for (size_t i = 0; i < sizeof summaries / sizeof summaries[0]; i++)
		o->summary = o->summary || slice_starts(s->raw, summaries[i]);
	uint64_t key = is_reminder(s->raw) ? 0 : text_key(s);
	if (key)
		o->user[o->users_n++ % USERS_MAX] = key;
}

static bool longer_text(struct json *j, json_str *longest)
{
	json_str s;
	if (json_peek(j) != JSON_STRING)
		return json_skip(j, NULL);
	if (json_string(j, &s) && s.raw.n > longest->raw.n)
		*longest = s;
	return true;
}

/* The longest text among a call's arguments: a prompt, when it starts an agent. */
static void note_launch(struct opening *o, const struct body_item *it)
{
	struct json j;
	json_key k;
	json_str longest = {SLICE_NONE, false};
	slice args = it->json;
	if (it->text.raw.p) { /* arguments as a text of JSON */
		char *room = arena_alloc(o->mem, it->text.raw.n + 1);
		if (room == NULL)
			return;
		args = slice_make(room, json_unescape(&it->text, room, it->text.raw.n));
	}
	json_init(&j, args);
	if (args.n == 0 || json_peek(&j) != JSON_OBJECT)
		return;
	json_object(&j);
	while (json_next_key(&j, &k))
		longer_text(&j, &longest);
	uint64_t key = text_key(&longest);
	if (key)
		o->launch[o->launches_n++ % LAUNCHES] = key;
}

/* --- tools -----------------------------------------------------------------------------------------------
 */

static unsigned tool_at(struct opening *o, const struct body_item *it)
{
	struct context *c = o->c;
	uint64_t h = hash(it->space.raw, hash(it->name.raw, 3));
	for (unsigned i = 0; i < c->tools_n; i++)
		if (c->tools[i].hash == h)
			return i;
	if (c->tools_n == SESSION_TOOLS_MAX)
		return SESSION_TOOLS_MAX - 1;
	if (c->tools_n == c->tools_room) {
		unsigned room = c->tools_room ? c->tools_room * 2u : 16;
		room = room > SESSION_TOOLS_MAX ? SESSION_TOOLS_MAX : room;
		struct tool_seen *more = realloc(c->tools, room * sizeof *more);
		if (more == NULL) {
			o->failed = true;
			return 0;
		}
		c->tools = more;
		c->tools_room = (uint8_t)room;
	}
	bool last = c->tools_n == SESSION_TOOLS_MAX - 1;
	c->tools[c->tools_n] =
	    (struct tool_seen){.hash = h,
	                       .text = session_tool_text(o->table, o->in->agent,
	                                                 last ? SLICE_NONE : it->name.raw, it->space.raw)};
	return c->tools_n++;
}

static uint32_t call_hash(slice id)
{
	uint32_t h = (uint32_t)hash(id, 4);
	return h ? h : 1;
}

static void note_call(struct context *c, slice id, unsigned tool)
{
	uint32_t h = call_hash(id);
	if (id.n == 0)
		return;
	for (unsigned i = 0; i < CALLS_KEPT; i++)
		if (c->calls[i].id == h) {
			c->calls[i].tool = (uint8_t)tool;
			return;
		}
	c->calls[c->calls_at++ % CALLS_KEPT] = (struct call_seen){h, (uint8_t)tool};
}

/* The tool of a result: by the call that it answers, else by the name that it bears. */
static unsigned tool_of_result(struct opening *o, const struct body_item *it)
{
	uint32_t h = it->call_id.raw.n ? call_hash(it->call_id.raw) : 0;
	for (unsigned i = 0; h && i < CALLS_KEPT; i++)
		if (o->c->calls[i].id == h)
			return o->c->calls[i].tool;
	return tool_at(o, it);
}

/* --- runs ------------------------------------------------------------------------------------------------
 */

static bool room_for_run(struct context *c)
{
	if (c->runs_n < c->runs_room)
		return true;
	uint32_t room = c->runs_room ? c->runs_room + c->runs_room / 2 : 32;
	struct session_run *more = realloc(c->runs, room * sizeof *more);
	if (more == NULL)
		return false;
	c->runs = more;
	c->runs_room = room;
	return true;
}

static void add_run(struct opening *o, enum session_run_kind kind, unsigned tool, size_t weight)
{
	struct context *c = o->c;
	uint32_t w = weight > WEIGHT_MAX ? WEIGHT_MAX : (uint32_t)weight;
	if (c->runs_n >= RUNS_READ_MAX) {
		struct session_run *last = &c->runs[c->runs_n - 1];
		last->weight = last->weight + w > WEIGHT_MAX ? WEIGHT_MAX : (last->weight + w) & WEIGHT_MAX;
		return;
	}
	if (!room_for_run(c)) {
		o->failed = true;
		return;
	}
	c->runs[c->runs_n++] = (struct session_run){(uint32_t)kind & 7, tool & 127, w & WEIGHT_MAX};
}

static size_t words_of(const struct body_item *it)
{
	return it->text.raw.p ? it->text.raw.n : it->json.n;
}

static size_t weight_of(const struct body_item *it)
{
	size_t n = words_of(it);
	if (it->kind == ITEM_IMAGE)
		n = IMAGE_WEIGHT;
	else if (it->kind == ITEM_FILE || it->kind == ITEM_AUDIO)
		n = it->raw.n < MEDIA_WEIGHT ? it->raw.n : MEDIA_WEIGHT;
	else if (it->kind == ITEM_TOOL_DEFINITION || it->kind == ITEM_OTHER || n == 0)
		n = it->raw.n;
	return n + ITEM_WEIGHT;
}

static void add_item(struct opening *o, const struct body_item *it)
{
	static const enum session_run_kind kinds[ITEM_KINDS] = {
	    [ITEM_SYSTEM] = RUN_SYSTEM,      [ITEM_TOOL_DEFINITION] = RUN_DEFINITION,
	    [ITEM_USER_TEXT] = RUN_USER,     [ITEM_ASSISTANT_TEXT] = RUN_ASSISTANT,
	    [ITEM_THINKING] = RUN_THINKING,  [ITEM_TOOL_CALL] = RUN_ARGUMENT,
	    [ITEM_TOOL_RESULT] = RUN_RESULT, [ITEM_IMAGE] = RUN_USER,
	    [ITEM_FILE] = RUN_USER,          [ITEM_AUDIO] = RUN_USER,
	    [ITEM_OTHER] = RUN_OTHER};
	enum session_run_kind kind = it->in_result ? RUN_RESULT : kinds[it->kind];
	unsigned tool = 0;
	if (kind == RUN_DEFINITION || kind == RUN_ARGUMENT)
		tool = tool_at(o, it);
	else if (kind == RUN_RESULT)
		tool = tool_of_result(o, it);
	if (kind == RUN_ARGUMENT)
		note_call(o->c, it->call_id.raw, tool);
	add_run(o, kind, tool, weight_of(it));
}

/* --- spans -----------------------------------------------------------------------------------------------
 */

/* Who said what, whatever form it has: what clients drop or rewrite on the way is left out. */
static void chain_item(struct opening *o, const struct body_item *it)
{
	if (it->kind == ITEM_THINKING || it->kind == ITEM_SYSTEM || is_reminder(it->text.raw))
		return;
	uint64_t h = mix((uint64_t)it->kind + 5, hash(it->name.raw, 0));
	h = hash(it->call_id.raw, h);
	h = hash(it->text.raw.p ? it->text.raw : it->json, h);
	if (it->data.raw.n || it->url.raw.n)
		h = hash(it->data.raw.n ? it->data.raw : it->url.raw, h);
	o->chain = mix(o->chain, h);
}

static int on_item(void *arg, const struct body_item *it)
{
	struct opening *o = arg;
	struct span_mark *m = &o->span[o->spans_n];
	m->assistant = m->assistant || it->assistant;
	o->spoke = o->spoke || it->assistant;
	chain_item(o, it);
	add_item(o, it);
	if (it->kind == ITEM_USER_TEXT && it->text.raw.p)
		note_user(o, &it->text);
	return 0;
}

static bool room_for_span(struct opening *o)
{
	if (o->spans_n < o->spans_room)
		return true;
	size_t room = o->spans_room ? o->spans_room * 2 : 32;
	struct span_mark *more = room <= SPANS_MAX ? arena_alloc(o->mem, room * sizeof *more) : NULL;
	if (more == NULL)
		return false;
	if (o->spans_n)
		memcpy(more, o->span, o->spans_n * sizeof *more);
	o->span = more;
	o->spans_room = room;
	return true;
}

static bool next_span(struct opening *o, slice *raw)
{
	slice m = o->in->view->messages;
	if (m.n && m.p[0] == '[')
		return json_next(&o->j) && json_skip(&o->j, raw);
	*raw = m;
	return m.n > 0 && o->spans_n == 0;
}

bool opening_step(struct opening *o)
{
	slice raw;
	if (o->failed || !next_span(o, &raw))
		return false;
	if (!room_for_span(o)) {
		o->failed = true;
		return false;
	}
	struct span_mark *m = &o->span[o->spans_n];
	*m = (struct span_mark){.runs = o->c->runs_n, .raw = raw};
	struct body_span s = {BODY_MESSAGES, o->first + (int64_t)o->spans_n, raw};
	o->in->items(o->in->view, &s, on_item, o);
	m->chain = o->chain;
	o->spans_n++;
	return !o->failed;
}

void opening_begin(struct opening *o, struct context *c, bool fits)
{
	slice m = o->in->view->messages;
	o->c = c;
	o->spans_n = 0;
	o->users_n = 0;
	if (!fits)
		c->at = (struct mark){.runs = c->head, .chain = o->table->seed};
	o->spoke = c->at.spans > 0;
	c->runs_n = c->at.runs;
	o->first = c->at.spans;
	o->chain = o->start = c->at.chain;
	if (c->at.bytes)
		json_init_within(&o->j, slice_sub(m, c->at.bytes, m.n));
	else
		json_init_known(&o->j, m);
	if (c->at.bytes == 0 && m.n && m.p[0] == '[')
		json_array(&o->j);
}

uint64_t opening_chain(const struct opening *o, int64_t spans)
{
	int64_t i = spans - o->first;
	if (i < 0 || i > (int64_t)o->spans_n)
		return 0;
	return i == 0 ? o->start : o->span[i - 1].chain;
}

uint32_t opening_runs(const struct opening *o, int64_t spans)
{
	int64_t i = spans - o->first;
	if (i < 0)
		return o->c->head;
	return i < (int64_t)o->spans_n ? o->span[i].runs : o->c->runs_n;
}

int64_t opening_last_answer(const struct opening *o)
{
	size_t i = o->spans_n;
	while (i > 0 && !o->span[i - 1].assistant)
		i--;
	while (i > 0 && o->span[i - 1].assistant)
		i--;
	return o->first + (int64_t)i;
}

/* --- definitions and the system prompt -------------------------------------------------------------------
 */

static int on_definition(void *arg, const struct body_item *it)
{
	struct opening *o = arg;
	add_item(o, it);
	if (it->kind == ITEM_TOOL_DEFINITION)
		o->c->tools[o->c->runs[o->c->runs_n - 1].tool].defined = true;
	return 0;
}

static int on_head_span(void *arg, const struct body_span *s)
{
	struct opening *o = arg;
	if (s->section == BODY_MESSAGES)
		return 1;
	return o->in->items(o->in->view, s, on_definition, o) || o->failed;
}

/* The head is read behind the messages' runs and then turned to the front. */
static void read_head(struct opening *o)
{
	struct context *c = o->c;
	struct request_view head = *o->in->view;
	uint32_t old_head = c->head, messages = c->runs_n - c->head, from = c->runs_n;
	head.messages = SLICE_NONE;
	for (unsigned i = 0; i < c->tools_n; i++)
		c->tools[i].defined = false;
	body_spans(&head, on_head_span, o);
	uint32_t n = c->runs_n - from;
	struct session_run *old = arena_alloc(o->mem, (size_t)(messages + 1) * sizeof *old);
	if (o->failed || old == NULL) {
		o->failed = true;
		return;
	}
	memcpy(old, c->runs + old_head, messages * sizeof *old);
	memmove(c->runs, c->runs + from, n * sizeof *old);
	memcpy(c->runs + n, old, messages * sizeof *old);
	c->head = n;
	c->runs_n = n + messages;
	c->at.runs = c->at.runs - old_head + n;
	for (size_t i = 0; i < o->spans_n; i++)
		o->span[i].runs = o->span[i].runs - old_head + n;
}

void opening_head(struct opening *o)
{
	struct context *c = o->c;
	o->before = arena_zalloc(o->mem, SESSION_TOOLS_MAX);
	if (o->before == NULL) {
		o->failed = true;
		return;
	}
	for (unsigned i = 0; i < c->tools_n; i++)
		o->before[i] = c->tools[i].defined;
	if (c->tools_hash == o->tools_hash && c->system_hash == o->system_hash)
		return;
	read_head(o);
	c->tools_hash = o->failed ? 0 : o->tools_hash;
	c->system_hash = o->failed ? 0 : o->system_hash;
}

/* --- what counts once ------------------------------------------------------------------------------------
 */

static int on_new_item(void *arg, const struct body_item *it)
{
	struct opening *o = arg;
	if (it->kind == ITEM_TOOL_CALL) {
		o->calls[tool_at(o, it)]++;
		note_launch(o, it);
	} else if (it->kind == ITEM_TOOL_RESULT && it->is_error && !it->more) {
		o->failures[tool_of_result(o, it)]++;
	}
	if (o->in->on_new)
		o->in->on_new(o->in->on_new_arg, it);
	return 0;
}

void opening_count(struct opening *o, int64_t from)
{
	o->calls = arena_zalloc(o->mem, SESSION_TOOLS_MAX * sizeof *o->calls);
	o->failures = arena_zalloc(o->mem, SESSION_TOOLS_MAX * sizeof *o->failures);
	if (o->calls == NULL || o->failures == NULL) {
		o->failed = true;
		return;
	}
	for (int64_t i = from < o->first ? 0 : from - o->first; i < (int64_t)o->spans_n; i++) {
		struct body_span s = {BODY_MESSAGES, o->first + i, o->span[i].raw};
		o->in->items(o->in->view, &s, on_new_item, o);
	}
}

/* --- the mark --------------------------------------------------------------------------------------------
 */

/* The older half of what is before the mark, added up by part: the order within it is given up. */
static void fold(struct context *c)
{
	uint32_t sum[8][SESSION_TOOLS_MAX + 1] = {{0}}, end = c->head + (c->runs_n - c->head) / 2,
	                                    n = c->head;
	for (uint32_t i = c->head; i < end; i++) {
		uint32_t *s = &sum[c->runs[i].kind][c->runs[i].tool], more = *s + c->runs[i].weight;
		*s = more > WEIGHT_MAX ? WEIGHT_MAX : more;
	}
	for (uint32_t k = 0; k < 8; k++)
		for (uint32_t t = 0; t <= SESSION_TOOLS_MAX; t++)
			if (sum[k][t] && n < end)
				c->runs[n++] = (struct session_run){k & 7, t & 127, sum[k][t] & WEIGHT_MAX};
	memmove(c->runs + n, c->runs + end, (c->runs_n - end) * sizeof *c->runs);
	c->runs_n -= end - n;
	c->at.runs = c->runs_n;
}

uint64_t opening_keep(struct opening *o)
{
	struct context *c = o->c;
	slice m = o->in->view->messages;
	int64_t to = opening_spans(o) - TAIL, i = to - o->first;
	if (i > 0 && m.p[0] == '[') {
		const struct span_mark *s = &o->span[i - 1];
		c->at = (struct mark){.bytes = (size_t)(s->raw.p + s->raw.n - m.p),
		                      .spans = to,
		                      .chain = s->chain,
		                      .runs = o->span[i].runs};
		c->at_hash = stream_to(o, c->at.bytes);
	}
	c->runs_n = c->at.runs;
	if (c->runs_n > c->head + RUNS_MAX)
		fold(c);
	return stream_to(o, m.n);
}
