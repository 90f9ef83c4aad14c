/* Claude Code: projects/FOLDER/SESSION.jsonl, one JSON object a line. An answer stands in several lines, one
 * for each of its blocks, all with the same message.id and with an output that grows from line to line: the
 * largest is the answer's. A resumed session repeats lines of the one before in a file of its own. */
#include "base/clock.h"
#include "base/map.h"
#include "codec/codec.h"
#include "finops/import.h"
#include "model/wire.h"

#define ENTRIES_MAX (1 << 20) /* answers of one file */

struct line {
	json_str type, session, cwd, branch, version, agent, time, uuid;
	bool sidechain, api_error;
	bool meta, summary; /* written by Claude Code itself; in place of what was compacted */
	slice message;
};

struct entry {
	struct entry *next; /* in order of their first lines */
	struct line line;   /* the first */
	int64_t time_ms;
	struct answer a;
	int64_t cost_nanousd; /* 0: not known */
	bool told;            /* its cost is in the moment's */
};

struct reading {
	const struct import_options *o;
	const struct import_file *f;
	struct import_counts *n;
	struct map answers, lines; /* by message.id; uuids of lines that were read */
	struct entry *first, **last;
};

enum {
	L_TYPE,
	L_SESSION,
	L_CWD,
	L_BRANCH,
	L_VERSION,
	L_AGENT,
	L_TIME,
	L_UUID,
	L_SIDECHAIN,
	L_ERROR,
	L_META,
	L_SUMMARY,
	L_MESSAGE
};
static const struct wire_word line_fields[] = {
    WIRE_WORD("type", L_TYPE),
    WIRE_WORD("sessionId", L_SESSION),
    WIRE_WORD("cwd", L_CWD),
    WIRE_WORD("gitBranch", L_BRANCH),
    WIRE_WORD("version", L_VERSION),
    WIRE_WORD("agentId", L_AGENT),
    WIRE_WORD("timestamp", L_TIME),
    WIRE_WORD("uuid", L_UUID),
    WIRE_WORD("isSidechain", L_SIDECHAIN),
    WIRE_WORD("isApiErrorMessage", L_ERROR),
    WIRE_WORD("isMeta", L_META),
    WIRE_WORD("isCompactSummary", L_SUMMARY),
    WIRE_WORD("message", L_MESSAGE),
};

static void read_line_field(struct json *j, int id, void *arg)
{
	struct line *l = arg;
	json_str *const texts[] = {&l->type,    &l->session, &l->cwd,  &l->branch,
	                           &l->version, &l->agent,   &l->time, &l->uuid};
	bool *const flags[] = {&l->sidechain, &l->api_error, &l->meta, &l->summary};
	if (id <= L_UUID)
		json_opt_string(j, texts[id]);
	else if (id < L_MESSAGE)
		json_opt_bool(j, flags[id - L_SIDECHAIN]);
	else
		json_skip(j, &l->message);
}

/* True when the line is one of an answer. Most lines are not, and are told by a word they lack. */
static bool read_line(struct reading *r, slice text, struct line *l)
{
	struct json j;
	if (slice_find(text, SLICE("\"assistant\"")) < 0)
		return false;
	*l = (struct line){0};
	json_init(&j, text);
	wire_object(&j, WIRE_WORDS(line_fields), read_line_field, l);
	if (!json_end(&j)) {
		r->n->bad_lines++;
		return false;
	}
	return json_str_is(&l->type, SLICE("assistant")) && l->message.n && !l->api_error && l->session.raw.n;
}

static int note_line(struct reading *r, const struct line *l)
{
	int64_t time_ms;
	struct answer a;
	answer_init(&a);
	codec_anthropic.answer(l->message, &a);
	slice id = name_get(&a.id);
	if (!a.has_usage || id.n == 0 || slice_eq(name_get(&a.model), SLICE("<synthetic>")) ||
	    !clock_parse_rfc3339(l->time.raw, &time_ms))
		return 0;
	void *before = NULL;
	if (l->uuid.raw.n) {
		if (map_get(&r->lines, l->uuid.raw))
			return 0;
		int rc = map_put(&r->lines, l->uuid.raw, r, &before);
		if (rc)
			return rc;
	}
	struct entry *e = map_get(&r->answers, id);
	if (e == NULL) {
		e = arena_alloc(r->f->mem, sizeof *e);
		slice key = arena_copy(r->f->mem, id);
		if (e == NULL || key.p == NULL)
			return ERR_NOMEM;
		*e = (struct entry){.line = *l, .time_ms = time_ms, .a = a};
		*r->last = e;
		r->last = &e->next;
		return map_put(&r->answers, key, e, &before);
	}
	int64_t tools = e->a.tool_calls + a.tool_calls;
	struct name stop = a.stop_reason.n ? a.stop_reason : e->a.stop_reason;
	if (a.usage.m[METER_OUTPUT] >= e->a.usage.m[METER_OUTPUT])
		e->a = a;
	e->a.tool_calls = tools;
	e->a.stop_reason = stop;
	return 0;
}

static slice provider_of(const struct answer *a)
{
	slice id = name_get(&a->id);
	if (slice_starts(id, SLICE("msg_bdrk_")))
		return SLICE("bedrock");
	if (slice_starts(id, SLICE("msg_vrtx_")))
		return SLICE("vertex");
	return import_vendor(name_get(&a->model));
}

static int give(struct reading *r, struct entry *e, int64_t *turn)
{
	struct record rec;
	struct json j = {0};
	struct arena *mem = r->f->mem;
	const struct line *l = &e->line;
	import_record(&rec, &import_claude_code, r->o, e->time_ms, name_get(&e->a.id));
	rec.api = API_ANTHROPIC_MESSAGES;
	rec.stream = true;
	rec.usage = e->a.usage;
	rec.tool_calls = e->a.tool_calls;
	rec.server_tool_calls = e->a.server_tool_calls;
	rec.text[TEXT_PROVIDER] = provider_of(&e->a);
	rec.text[TEXT_MODEL_SERVED] = name_get(&e->a.model);
	rec.text[TEXT_STOP_REASON] = name_get(&e->a.stop_reason);
	rec.text[TEXT_SERVICE_TIER] = name_get(&e->a.service_tier);
	rec.text[TEXT_SPEED] = name_get(&e->a.speed);
	rec.text[TEXT_CALL_KEY] = name_get(&e->a.id);
	import_attr(&rec, r->o, ATTR_SESSION, wire_unescape(&j, &l->session, mem));
	import_attr(&rec, r->o, ATTR_BRANCH, wire_unescape(&j, &l->branch, mem));
	import_attr(&rec, r->o, ATTR_AGENT_VERSION, wire_unescape(&j, &l->version, mem));
	if (l->sidechain)
		import_attr(&rec, r->o, ATTR_SUBAGENT,
		            l->agent.raw.n ? wire_unescape(&j, &l->agent, mem) : SLICE("sidechain"));
	else
		rec.turn = ++*turn;
	import_folder(&rec, r->o, wire_unescape(&j, &l->cwd, mem), mem);
	int rc = import_give(r->o, &rec, &e->a, r->n);
	e->cost_nanousd = rec.priced ? rec.cost.total : 0;
	return rc;
}

static int give_all(struct reading *r)
{
	int64_t turn = 0;
	int rc = 0;
	const struct entry *before = NULL;
	for (struct entry *e = r->first; e && rc == 0; before = e, e = e->next) {
		if (e->next == NULL && r->f->growing) {
			r->n->open++;
			break;
		}
		if (before && !slice_eq(before->line.session.raw, e->line.session.raw))
			turn = 0;
		rc = give(r, e, &turn);
	}
	return rc;
}

/* --- what was said and done ------------------------------------------------------------------------------
 */

struct telling {
	struct reading *r;
	struct import_moment m;
	int rc;
};

static int tell_item(void *arg, const struct body_item *it)
{
	struct telling *t = arg;
	return t->rc = t->r->o->on_item(t->r->o->arg, &t->m, it);
}

/* The cost of an answer counts from its first line on. */
static void add_cost(struct telling *t, const struct line *l)
{
	struct answer a;
	answer_init(&a);
	codec_anthropic.answer(l->message, &a);
	struct entry *e = a.id.n ? map_get(&t->r->answers, name_get(&a.id)) : NULL;
	if (e && !e->told)
		t->m.cost_nanousd += e->cost_nanousd;
	if (e)
		e->told = true;
}

static int tell_line(struct telling *t, slice text)
{
	struct line l = {0};
	struct json j;
	json_init(&j, text);
	wire_object(&j, WIRE_WORDS(line_fields), read_line_field, &l);
	bool user = json_str_is(&l.type, SLICE("user"));
	if (!json_end(&j) || !l.message.n || l.api_error || l.meta ||
	    !(user || json_str_is(&l.type, SLICE("assistant"))) ||
	    !clock_parse_rfc3339(l.time.raw, &t->m.time_ms))
		return 0;
	t->m.session = l.session.raw;
	t->m.subagent = !l.sidechain ? SLICE_NONE : l.agent.raw.n ? l.agent.raw : SLICE("sidechain");
	t->m.compacted = l.summary;
	if (l.summary)
		return t->r->o->on_item(t->r->o->arg, &t->m, NULL);
	if (!user)
		add_cost(t, &l);
	struct request_view v = {.body = l.message};
	struct body_span span = {BODY_MESSAGES, 0, l.message};
	(void)codec_anthropic_items(&v, &span, tell_item, t);
	return t->rc;
}

static int tell_all(struct reading *r)
{
	struct telling t = {.r = r};
	slice rest = r->f->text, text;
	while (t.rc == 0 && import_line(&rest, &text))
		if (slice_find(text, SLICE("\"message\"")) >= 0)
			t.rc = tell_line(&t, text);
	return t.rc;
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct reading r = {.o = o, .f = f, .n = n};
	struct line l;
	slice rest = f->text, text;
	int rc = 0;
	r.last = &r.first;
	map_init(&r.answers, ENTRIES_MAX, 1);
	map_init(&r.lines, 4 * ENTRIES_MAX, 2);
	while (rc == 0 && import_line(&rest, &text))
		if (read_line(&r, text, &l))
			rc = note_line(&r, &l);
	if (rc == 0)
		rc = give_all(&r);
	if (rc == 0 && o->on_item)
		rc = tell_all(&r);
	map_release(&r.answers);
	map_release(&r.lines);
	return rc;
}

const struct import_source import_claude_code = {
    .name = "claude-code",
    .agent = "claude-code",
    .title = "Claude Code",
    .endings = {".jsonl"},
    .places = {{"CLAUDE_CONFIG_DIR", ".claude", "projects"}, {NULL, ".config/claude", "projects"}},
    .read = read_file,
    .tells_items = true,
};
