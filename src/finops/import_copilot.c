/* GitHub Copilot CLI: session-state/SESSION/events.jsonl. An answer tells its output only; what a session
 * used in all, by model, stands in session.shutdown. So a session that has ended is one row for each model
 * and segment (from a start to a shutdown), and one that has not is a row for each answer, with its input
 * unknown. */
#include "base/clock.h"
#include "finops/import.h"
#include "model/wire.h"
#include "model/usage.h"

struct event {
	json_str type, time, id;
	slice data; /* raw */
};

struct reading {
	const struct import_options *o;
	const struct import_file *f;
	struct import_counts *n;
	slice session, version, cwd, branch, commit, host, repo;
	slice segment; /* what of the file is not told of yet: from here to a shutdown */
	int64_t turn;
};

enum { E_TYPE, E_TIME, E_ID, E_DATA };
static const struct wire_word event_fields[] = {
    WIRE_WORD("type", E_TYPE),
    WIRE_WORD("timestamp", E_TIME),
    WIRE_WORD("id", E_ID),
    WIRE_WORD("data", E_DATA),
};

static void read_event_field(struct json *j, int id, void *arg)
{
	struct event *e = arg;
	json_str *const texts[] = {&e->type, &e->time, &e->id};
	if (id == E_DATA)
		json_skip(j, &e->data);
	else
		json_opt_string(j, texts[id]);
}

static bool read_event(slice text, struct event *e)
{
	struct json j;
	*e = (struct event){0};
	json_init(&j, text);
	wire_object(&j, WIRE_WORDS(event_fields), read_event_field, e);
	return json_end(&j);
}

/* --- session.start ----------------------------------------------------------------------------------------
 */

enum { C_CWD, C_BRANCH, C_COMMIT, C_REPO, C_HOST, C_SESSION, C_VERSION, C_CONTEXT };
static const struct wire_word start_fields[] = {
    WIRE_WORD("cwd", C_CWD),
    WIRE_WORD("branch", C_BRANCH),
    WIRE_WORD("headCommit", C_COMMIT),
    WIRE_WORD("repository", C_REPO),
    WIRE_WORD("repositoryHost", C_HOST),
    WIRE_WORD("sessionId", C_SESSION),
    WIRE_WORD("copilotVersion", C_VERSION),
    WIRE_WORD("context", C_CONTEXT),
};

static void read_start_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	slice *const texts[] = {&r->cwd,  &r->branch,  &r->commit, &r->repo,
	                        &r->host, &r->session, &r->version};
	json_str s = {0};
	if (id == C_CONTEXT)
		wire_object(j, WIRE_WORDS(start_fields), read_start_field, r);
	else if (json_opt_string(j, &s))
		*texts[id] = wire_unescape(j, &s, r->f->mem);
}

/* --- rows -------------------------------------------------------------------------------------------------
 */

static bool begin(struct reading *r, const struct event *e, slice key, struct record *rec)
{
	int64_t time_ms;
	struct arena *mem = r->f->mem;
	if (key.p == NULL || !clock_parse_rfc3339(e->time.raw, &time_ms))
		return false;
	import_record(rec, &import_copilot_cli, r->o, time_ms, key);
	rec->api = API_OPENAI_CHAT;
	rec->stream = true;
	rec->billing =
	    BILLING_SUBSCRIPTION; /* Copilot is a plan: what it would cost by the token is not paid */
	rec->text[TEXT_CALL_KEY] = key;
	rec->text[TEXT_PROVIDER] = SLICE("copilot");
	import_attr(rec, r->o, ATTR_SESSION, r->session);
	import_attr(rec, r->o, ATTR_AGENT_VERSION, r->version);
	import_attr(rec, r->o, ATTR_BRANCH, r->branch);
	import_attr(rec, r->o, ATTR_COMMIT, r->commit);
	if (r->repo.n && r->host.n)
		import_attr(
		    rec, r->o, ATTR_REPO,
		    arena_printf(mem, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(r->host), SLICE_ARG(r->repo)));
	import_folder(rec, r->o, r->cwd, mem);
	return true;
}

/* --- session.shutdown: modelMetrics.MODEL.usage ------------------------------------------------------------
 */

enum { U_INPUT, U_OUTPUT, U_READ, U_WRITE, U_REASONING, U_N };
static const struct wire_word usage_fields[] = {
    WIRE_WORD("inputTokens", U_INPUT),         WIRE_WORD("outputTokens", U_OUTPUT),
    WIRE_WORD("cacheReadTokens", U_READ),      WIRE_WORD("cacheWriteTokens", U_WRITE),
    WIRE_WORD("reasoningTokens", U_REASONING),
};

struct metrics {
	int64_t m[U_N], requests;
};

static void read_usage_field(struct json *j, int id, void *arg)
{
	wire_count(j, &((struct metrics *)arg)->m[id]);
}

static const struct wire_word request_fields[] = {WIRE_WORD("count", 0)};

static void read_request_field(struct json *j, int id, void *arg)
{
	(void)id;
	wire_count(j, &((struct metrics *)arg)->requests);
}

enum { M_USAGE, M_REQUESTS };
static const struct wire_word metric_fields[] = {WIRE_WORD("usage", M_USAGE),
                                                 WIRE_WORD("requests", M_REQUESTS)};

static void read_metric_field(struct json *j, int id, void *arg)
{
	if (id == M_USAGE)
		wire_object(j, WIRE_WORDS(usage_fields), read_usage_field, arg);
	else
		wire_object(j, WIRE_WORDS(request_fields), read_request_field, arg);
}

/* Input includes what was read from a cache and written to one. */
static void set_usage(struct usage *u, const struct metrics *m)
{
	int64_t input = m->m[U_INPUT] - m->m[U_READ] - m->m[U_WRITE];
	u->m[METER_INPUT] = input > 0 ? input : 0;
	u->m[METER_CACHE_READ] = m->m[U_READ];
	u->m[METER_CACHE_WRITE_5M] = m->m[U_WRITE];
	u->m[METER_OUTPUT] = m->m[U_OUTPUT];
	u->m[METER_REASONING] = m->m[U_REASONING];
}

static int give_models(struct reading *r, const struct event *e, struct json *j)
{
	json_key k;
	int rc = 0;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return 0;
	}
	json_object(j);
	while (json_next_key(j, &k)) {
		struct metrics m = {0};
		struct record rec;
		slice model = wire_unescape(j, &k, r->f->mem);
		wire_object(j, WIRE_WORDS(metric_fields), read_metric_field, &m);
		bool used = m.m[U_INPUT] || m.m[U_OUTPUT];
		if (rc || !used ||
		    !begin(r, e,
		           arena_printf(r->f->mem, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(e->id.raw),
		                        SLICE_ARG(model)),
		           &rec))
			continue;
		set_usage(&rec.usage, &m);
		rec.text[TEXT_MODEL_SERVED] = model;
		rec.text[TEXT_EXPLANATION] =
		    arena_printf(r->f->mem, "%lld calls, as the session's end reports them together",
		                 (long long)m.requests);
		rc = import_give(r->o, &rec, NULL, r->n);
	}
	return rc;
}

static int note_shutdown(struct reading *r, const struct event *e)
{
	struct json j;
	json_key k;
	int rc = 0;
	json_init(&j, e->data);
	if (json_object(&j))
		while (json_next_key(&j, &k)) {
			if (json_str_is(&k, SLICE("modelMetrics")))
				rc = give_models(r, e, &j);
			else
				json_skip(&j, NULL);
		}
	return rc;
}

/* --- assistant.message, of a session without an end --------------------------------------------------------
 */

struct answered {
	json_str model, call;
	int64_t output;
};

enum { A_MODEL, A_CALL, A_OUTPUT };
static const struct wire_word answer_fields[] = {
    WIRE_WORD("model", A_MODEL),
    WIRE_WORD("apiCallId", A_CALL),
    WIRE_WORD("outputTokens", A_OUTPUT),
};

static void read_answer_field(struct json *j, int id, void *arg)
{
	struct answered *a = arg;
	if (id == A_OUTPUT)
		wire_count(j, &a->output);
	else
		json_opt_string(j, id == A_MODEL ? &a->model : &a->call);
}

static int give_answer(struct reading *r, const struct event *e)
{
	struct answered a = {.output = TOKENS_ABSENT};
	struct record rec;
	struct json j;
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(answer_fields), read_answer_field, &a);
	if (!json_end(&j) || a.output <= 0 || a.model.raw.n == 0)
		return 0;
	slice key = a.call.raw.n ? wire_unescape(&j, &a.call, r->f->mem) : e->id.raw;
	if (!begin(r, e, key, &rec))
		return 0;
	rec.turn = ++r->turn;
	rec.usage.m[METER_OUTPUT] = a.output;
	rec.text[TEXT_MODEL_SERVED] = wire_unescape(&j, &a.model, r->f->mem);
	rec.text[TEXT_EXPLANATION] = SLICE("output only: the session has not told its input yet");
	return import_give(r->o, &rec, NULL, r->n);
}

/* The last segment has no end: its answers are told one by one. Not while it is being written, since its end
 * would tell them again. */
static int give_open(struct reading *r)
{
	struct event e;
	slice text;
	int rc = 0;
	while (rc == 0 && import_line(&r->segment, &text)) {
		if (!read_event(text, &e) || !json_str_is(&e.type, SLICE("assistant.message")))
			continue;
		if (r->f->growing)
			r->n->open++;
		else
			rc = give_answer(r, &e);
	}
	return rc;
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct reading r = {.o = o, .f = f, .n = n, .segment = f->text};
	struct event e;
	slice rest = f->text, text;
	int rc = 0;
	while (rc == 0 && import_line(&rest, &text)) {
		if (slice_trim(text).n == 0)
			continue;
		if (!read_event(text, &e)) {
			n->bad_lines++;
			continue;
		}
		struct json j;
		json_init(&j, e.data);
		if (json_str_is(&e.type, SLICE("session.start"))) {
			wire_object(&j, WIRE_WORDS(start_fields), read_start_field, &r);
		} else if (json_str_is(&e.type, SLICE("session.shutdown"))) {
			rc = note_shutdown(&r, &e);
			r.segment = rest;
		}
	}
	return rc ? rc : give_open(&r);
}

const struct import_source import_copilot_cli = {
    .name = "copilot-cli",
    .agent = "copilot-cli",
    .title = "GitHub Copilot CLI",
    .endings = {".jsonl"},
    .places = {{NULL, ".copilot", "session-state"}, {NULL, ".copilot", "history-session-state"}},
    .read = read_file,
};
