/* Gemini CLI: tmp/PROJECT/chats/session-….json, one object with a list of messages; or, newer, .jsonl with a
 * message a line. `input` includes what was cached; thoughts are billed as output. What tools were asked and
 * what they answered stands in the model's message, results as they are sent on. */
#include "base/clock.h"
#include "base/num.h"
#include "codec/codec.h"
#include "finops/import.h"
#include "model/wire.h"

enum { T_INPUT, T_OUTPUT, T_CACHED, T_THOUGHTS, T_TOOL, T_N };

struct message {
	json_str id, time, type, model;
	slice content, tools; /* JSON values */
	int64_t tokens[T_N];
	bool has_tokens;
};

struct reading {
	const struct import_options *o;
	const struct import_file *f;
	struct import_counts *n;
	slice session;
	struct message last; /* not given yet */
	bool waiting;
	int64_t turn;
	struct import_moment moment; /* cost: of the session so far */
	int rc;
};

static const struct wire_word token_fields[] = {
    WIRE_WORD("input", T_INPUT),       WIRE_WORD("output", T_OUTPUT), WIRE_WORD("cached", T_CACHED),
    WIRE_WORD("thoughts", T_THOUGHTS), WIRE_WORD("tool", T_TOOL),
};

static void read_token_field(struct json *j, int id, void *arg)
{
	struct message *m = arg;
	wire_count(j, &m->tokens[id]);
	m->has_tokens = true;
}

static void skip_element(struct json *j, int id, void *arg)
{
	(void)id;
	(void)arg;
	json_skip(j, NULL);
}

enum { M_ID, M_TIME, M_TYPE, M_MODEL, M_TOKENS, M_TOOLS, M_CONTENT };
static const struct wire_word message_fields[] = {
    WIRE_WORD("id", M_ID),           WIRE_WORD("timestamp", M_TIME), WIRE_WORD("type", M_TYPE),
    WIRE_WORD("model", M_MODEL),     WIRE_WORD("tokens", M_TOKENS),  WIRE_WORD("toolCalls", M_TOOLS),
    WIRE_WORD("content", M_CONTENT),
};

static void read_message_field(struct json *j, int id, void *arg)
{
	struct message *m = arg;
	json_str *const texts[] = {&m->id, &m->time, &m->type, &m->model};
	if (id <= M_MODEL)
		json_opt_string(j, texts[id]);
	else if (id == M_TOKENS)
		wire_object(j, WIRE_WORDS(token_fields), read_token_field, m);
	else
		json_skip(j, id == M_TOOLS ? &m->tools : &m->content);
}

/* --- what was said and done --------------------------------------------------------------------------- */

enum { T_ID, T_NAME, T_ARGS, T_RESULT, T_FIELDS };
static const struct wire_word tool_fields[] = {WIRE_WORD("id", T_ID), WIRE_WORD("name", T_NAME),
                                               WIRE_WORD("args", T_ARGS), WIRE_WORD("result", T_RESULT)};

static int tell_item(void *arg, const struct body_item *it)
{
	struct reading *r = arg;
	return r->rc = r->o->on_item(r->o->arg, &r->moment, it);
}

/* As it is sent to the model: a message with these parts. */
static void tell_parts(struct reading *r, const char *role, slice parts)
{
	slice raw =
	    arena_printf(r->f->mem, "{\"role\":\"%s\",\"parts\":" SLICE_FMT "}", role, SLICE_ARG(parts));
	struct request_view v = {.body = raw};
	struct body_span span = {BODY_MESSAGES, 0, raw};
	if (raw.p == NULL)
		r->rc = ERR_NOMEM;
	else if (r->rc == 0)
		(void)codec_gemini_items(&v, &span, tell_item, r);
}

static void tell_tool(struct json *j, int results, void *arg)
{
	struct reading *r = arg;
	slice f[T_FIELDS] = {{0}}, raw;
	if (!json_skip(j, &raw) || !body_fields(raw, WIRE_WORDS(tool_fields), f) || f[T_NAME].n == 0)
		return;
	if (results) {
		if (f[T_RESULT].n && f[T_RESULT].p[0] == '[')
			tell_parts(r, "user", f[T_RESULT]);
		return;
	}
	slice parts = arena_printf(r->f->mem,
	                           "[{\"functionCall\":{\"id\":" SLICE_FMT ",\"name\":" SLICE_FMT
	                           ",\"args\":" SLICE_FMT "}}]",
	                           SLICE_ARG(f[T_ID].n ? f[T_ID] : SLICE("\"\"")), SLICE_ARG(f[T_NAME]),
	                           SLICE_ARG(f[T_ARGS].n ? f[T_ARGS] : SLICE("{}")));
	tell_parts(r, "model", parts.p ? parts : SLICE("[]"));
}

/* A text, or a list of parts. */
static void tell_content(struct reading *r, const char *role, slice content)
{
	if (content.n > 2 && content.p[0] == '"')
		content = arena_printf(r->f->mem, "[{\"text\":" SLICE_FMT "}]", SLICE_ARG(content));
	if (content.n > 2 && content.p[0] == '[')
		tell_parts(r, role, content);
}

/* The calls first, then their results, as they go over the wire. */
static void tell(struct reading *r, const struct message *m)
{
	bool model = json_str_is(&m->type, SLICE("gemini"));
	if (r->o->on_item == NULL || r->rc || !clock_parse_rfc3339(m->time.raw, &r->moment.time_ms))
		return;
	r->moment.session = r->session;
	tell_content(r, model ? "model" : "user", m->content);
	for (int results = 0; model && results < 2 && m->tools.n; results++) {
		struct json j;
		json_init(&j, m->tools);
		if (json_array(&j))
			while (json_next(&j))
				tell_tool(&j, results, r);
	}
}

static int64_t count_tools(slice tools)
{
	struct json j;
	if (tools.n == 0)
		return 0;
	json_init(&j, tools);
	return num_max_i64(wire_array(&j, skip_element, NULL), 0);
}

/* --- calls -------------------------------------------------------------------------------------------- */

static void give(struct reading *r)
{
	struct record rec;
	struct json j = {0};
	const struct message *m = &r->last;
	struct arena *mem = r->f->mem;
	int64_t time_ms;
	if (!r->waiting || !clock_parse_rfc3339(m->time.raw, &time_ms))
		return;
	slice id = wire_unescape(&j, &m->id, mem);
	slice key = arena_printf(mem, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(r->session), SLICE_ARG(id));
	if (key.p == NULL) {
		r->rc = ERR_NOMEM;
		return;
	}
	import_record(&rec, &import_gemini_cli, r->o, time_ms, key);
	int64_t cached = m->tokens[T_CACHED] < m->tokens[T_INPUT] ? m->tokens[T_CACHED] : m->tokens[T_INPUT];
	rec.api = API_GEMINI_GENERATE;
	rec.stream = true;
	rec.usage.m[METER_INPUT] = m->tokens[T_INPUT] - cached + m->tokens[T_TOOL];
	rec.usage.m[METER_CACHE_READ] = cached;
	rec.usage.m[METER_OUTPUT] = m->tokens[T_OUTPUT] + m->tokens[T_THOUGHTS];
	rec.usage.m[METER_REASONING] = m->tokens[T_THOUGHTS];
	rec.tool_calls = count_tools(m->tools);
	rec.turn = ++r->turn;
	rec.text[TEXT_PROVIDER] = SLICE("google");
	rec.text[TEXT_MODEL_SERVED] = wire_unescape(&j, &m->model, mem);
	rec.text[TEXT_CALL_KEY] = key;
	import_attr(&rec, r->o, ATTR_SESSION, r->session);
	r->rc = import_give(r->o, &rec, NULL, r->n);
	r->waiting = false;
	if (rec.priced)
		r->moment.cost_nanousd = num_sat_add_i64(r->moment.cost_nanousd, rec.cost.total);
	tell(r, m);
}

/* A message may be written again, whole, under the same id: the last counts. */
static void take(struct reading *r, const struct message *m)
{
	if (r->rc == 0 && json_str_is(&m->type, SLICE("user"))) {
		give(r);
		tell(r, m);
	}
	if (r->rc || !json_str_is(&m->type, SLICE("gemini")) || !m->has_tokens || m->id.raw.n == 0)
		return;
	if (!r->waiting || !slice_eq(r->last.id.raw, m->id.raw))
		give(r);
	r->last = *m;
	r->waiting = true;
}

static void read_message(struct json *j, int id, void *arg)
{
	struct message m = {0};
	(void)id;
	wire_object(j, WIRE_WORDS(message_fields), read_message_field, &m);
	take(arg, &m);
}

/* The session's id stands before its messages. */
enum { S_ID, S_MESSAGES };
static const struct wire_word session_fields[] = {WIRE_WORD("sessionId", S_ID),
                                                  WIRE_WORD("messages", S_MESSAGES)};

static void read_session_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	json_str s = {0};
	if (id == S_MESSAGES)
		wire_array(j, read_message, r);
	else if (json_opt_string(j, &s) && r->session.n == 0)
		r->session = wire_unescape(j, &s, r->f->mem);
}

static int read_lines(struct reading *r)
{
	slice rest = r->f->text, text;
	while (r->rc == 0 && import_line(&rest, &text)) {
		struct json j;
		struct message m = {0};
		if (slice_trim(text).n == 0)
			continue;
		json_init(&j, text);
		wire_object(&j, WIRE_WORDS(message_fields), read_message_field, &m);
		if (!json_end(&j)) {
			r->n->bad_lines++;
			continue;
		}
		if (m.type.raw.n == 0) { /* the head of the file */
			json_init(&j, text);
			wire_object(&j, WIRE_WORDS(session_fields), read_session_field, r);
		}
		take(r, &m);
	}
	return r->rc;
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct reading r = {.o = o, .f = f, .n = n};
	struct json j;
	if (slice_ends(f->path, SLICE(".jsonl"))) {
		read_lines(&r);
	} else {
		json_init(&j, f->text);
		wire_object(&j, WIRE_WORDS(session_fields), read_session_field, &r);
		if (!json_end(&j))
			n->bad_lines++;
	}
	if (r.rc == 0 && r.waiting && f->growing)
		n->open++;
	else if (r.rc == 0)
		give(&r);
	return r.rc;
}

const struct import_source import_gemini_cli = {
    .name = "gemini-cli",
    .agent = "gemini-cli",
    .title = "Gemini CLI",
    .endings = {".json", ".jsonl"},
    .places = {{NULL, ".gemini", "tmp"}},
    .read = read_file,
    .tells_items = true,
};
