/* Codex: sessions/YYYY/MM/DD/rollout-….jsonl. Token counts are cumulative over the session, so a call is the
 * difference of two; the same count is often written twice. A session that was forked or resumed begins with
 * a copy of the other's lines, whose session_meta says whose they are: calls are known by that and their
 * count. */
#include <stdio.h>

#include "base/clock.h"
#include "codec/codec.h"
#include "finops/import.h"
#include "model/wire.h"
#include "policy/attribution.h"

enum { T_INPUT, T_CACHED, T_OUTPUT, T_REASONING, T_TOTAL, T_N };

struct tokens {
	bool given;
	int64_t m[T_N];
};

struct line {
	json_str type, time, kind; /* kind: payload.type */
	json_str id, cwd, version, branch, commit, url, provider, model, effort, thread_source, plan;
	struct tokens total, last;
	slice payload;
};

struct reading {
	const struct import_options *o;
	const struct import_file *f;
	struct import_counts *n;
	slice session; /* of the file: its first session_meta's */
	slice origin;  /* of the lines: the last session_meta's */
	slice cwd, version, branch, commit, url, provider, model, effort;
	bool subagent;
	bool subscription; /* a plan's limits came with a count */
	struct tokens before;
	int64_t turn, tools;
	struct import_moment moment;
	int rc;
};

/* --- one line --------------------------------------------------------------------------------------------
 */

static const struct wire_word token_fields[] = {
    WIRE_WORD("input_tokens", T_INPUT),   WIRE_WORD("cached_input_tokens", T_CACHED),
    WIRE_WORD("output_tokens", T_OUTPUT), WIRE_WORD("reasoning_output_tokens", T_REASONING),
    WIRE_WORD("total_tokens", T_TOTAL),
};

static void read_tokens_field(struct json *j, int id, void *arg)
{
	struct tokens *t = arg;
	wire_count(j, &t->m[id]);
	t->given = true;
}

enum { I_TOTAL, I_LAST };
static const struct wire_word info_fields[] = {
    WIRE_WORD("total_token_usage", I_TOTAL),
    WIRE_WORD("last_token_usage", I_LAST),
};

static void read_info_field(struct json *j, int id, void *arg)
{
	struct line *l = arg;
	wire_object(j, WIRE_WORDS(token_fields), read_tokens_field, id == I_TOTAL ? &l->total : &l->last);
}

enum { G_COMMIT, G_BRANCH, G_URL };
static const struct wire_word git_fields[] = {
    WIRE_WORD("commit_hash", G_COMMIT),
    WIRE_WORD("branch", G_BRANCH),
    WIRE_WORD("repository_url", G_URL),
};

static void read_git_field(struct json *j, int id, void *arg)
{
	struct line *l = arg;
	json_opt_string(j, id == G_COMMIT ? &l->commit : id == G_BRANCH ? &l->branch : &l->url);
}

static const struct wire_word limit_fields[] = {WIRE_WORD("plan_type", 0)};

static void read_limit_field(struct json *j, int id, void *arg)
{
	(void)id;
	json_opt_string(j, arg);
}

enum {
	P_TYPE,
	P_ID,
	P_CWD,
	P_VERSION,
	P_PROVIDER,
	P_MODEL,
	P_EFFORT,
	P_SOURCE,
	P_GIT,
	P_INFO,
	P_LIMITS,
};
static const struct wire_word payload_fields[] = {
    WIRE_WORD("type", P_TYPE),
    WIRE_WORD("id", P_ID),
    WIRE_WORD("cwd", P_CWD),
    WIRE_WORD("cli_version", P_VERSION),
    WIRE_WORD("model_provider", P_PROVIDER),
    WIRE_WORD("model", P_MODEL),
    WIRE_WORD("effort", P_EFFORT),
    WIRE_WORD("thread_source", P_SOURCE),
    WIRE_WORD("git", P_GIT),
    WIRE_WORD("info", P_INFO),
    WIRE_WORD("rate_limits", P_LIMITS),
};

static void read_payload_field(struct json *j, int id, void *arg)
{
	struct line *l = arg;
	json_str *const texts[] = {&l->kind,     &l->id,    &l->cwd,    &l->version,
	                           &l->provider, &l->model, &l->effort, &l->thread_source};
	if (id <= P_SOURCE)
		json_opt_string(j, texts[id]);
	else if (id == P_GIT)
		wire_object(j, WIRE_WORDS(git_fields), read_git_field, l);
	else if (id == P_INFO)
		wire_object(j, WIRE_WORDS(info_fields), read_info_field, l);
	else
		wire_object(j, WIRE_WORDS(limit_fields), read_limit_field, &l->plan);
}

enum { L_TIME, L_TYPE, L_PAYLOAD };
static const struct wire_word line_fields[] = {
    WIRE_WORD("timestamp", L_TIME),
    WIRE_WORD("type", L_TYPE),
    WIRE_WORD("payload", L_PAYLOAD),
};

static void read_line_field(struct json *j, int id, void *arg)
{
	struct line *l = arg;
	if (id == L_PAYLOAD) {
		struct json payload;
		if (json_skip(j, &l->payload)) {
			json_init(&payload, l->payload);
			wire_object(&payload, WIRE_WORDS(payload_fields), read_payload_field, l);
		}
	} else
		json_opt_string(j, id == L_TIME ? &l->time : &l->type);
}

/* --- the session -----------------------------------------------------------------------------------------
 */

static void keep(struct reading *r, slice *to, const json_str *s)
{
	struct json j = {0};
	if (s->raw.n)
		*to = wire_unescape(&j, s, r->f->mem);
}

static void note_meta(struct reading *r, const struct line *l)
{
	keep(r, &r->origin, &l->id);
	if (r->session.n)
		return;
	r->session = r->origin;
	keep(r, &r->cwd, &l->cwd);
	keep(r, &r->version, &l->version);
	keep(r, &r->branch, &l->branch);
	keep(r, &r->commit, &l->commit);
	keep(r, &r->url, &l->url);
	keep(r, &r->provider, &l->provider);
	r->subagent = json_str_is(&l->thread_source, SLICE("subagent"));
}

/* What the count has over the one before. A session that starts from another's end has had more than it says
 * of the last call: then that is what is new. False when nothing is. */
static bool difference(struct reading *r, const struct line *l, struct tokens *d)
{
	*d = l->last;
	if (!l->total.given)
		return l->last.given && l->last.m[T_TOTAL] > 0;
	bool grown = r->before.given;
	bool same = r->before.given;
	for (int i = 0; i < T_N; i++) {
		grown = grown && l->total.m[i] >= r->before.m[i];
		same = same && l->total.m[i] == r->before.m[i];
	}
	if (same)
		return false;
	for (int i = 0; i < T_N && (grown || !l->last.given); i++)
		d->m[i] = l->total.m[i] - (grown ? r->before.m[i] : 0);
	r->before = l->total;
	return d->m[T_INPUT] > 0 || d->m[T_OUTPUT] > 0;
}

static void set_usage(struct record *rec, const struct tokens *d)
{
	int64_t cached = d->m[T_CACHED] <= d->m[T_INPUT] ? d->m[T_CACHED] : d->m[T_INPUT];
	rec->usage.m[METER_INPUT] = d->m[T_INPUT] - cached;
	rec->usage.m[METER_CACHE_READ] = cached;
	rec->usage.m[METER_OUTPUT] = d->m[T_OUTPUT];
	rec->usage.m[METER_REASONING] = d->m[T_REASONING];
}

static int give(struct reading *r, const struct line *l, const struct tokens *d)
{
	struct record rec;
	char key[256];
	int64_t time_ms;
	if (!clock_parse_rfc3339(l->time.raw, &time_ms))
		return 0;
	const struct tokens *t = l->total.given ? &l->total : &l->last;
	snprintf(key, sizeof key, SLICE_FMT " %lld %lld %lld %lld",
	         (int)(r->origin.n < 100 ? r->origin.n : 100), r->origin.p ? r->origin.p : "",
	         (long long)t->m[T_INPUT], (long long)t->m[T_CACHED], (long long)t->m[T_OUTPUT],
	         (long long)t->m[T_REASONING]);
	import_record(&rec, &import_codex, r->o, time_ms, slice_of(key));
	rec.api = API_OPENAI_RESPONSES;
	rec.stream = true;
	if (r->subscription)
		rec.billing = BILLING_SUBSCRIPTION;
	set_usage(&rec, d);
	rec.turn = ++r->turn;
	rec.tool_calls = r->tools;
	rec.text[TEXT_PROVIDER] = r->provider.n ? r->provider : SLICE("openai");
	rec.text[TEXT_MODEL_SERVED] = r->model;
	rec.text[TEXT_EFFORT] = r->effort;
	rec.text[TEXT_CALL_KEY] = slice_of(key); /* a copy in another file has another time, but this key */
	import_attr(&rec, r->o, ATTR_SESSION, r->session);
	import_attr(&rec, r->o, ATTR_AGENT_VERSION, r->version);
	import_attr(&rec, r->o, ATTR_BRANCH, r->branch);
	import_attr(&rec, r->o, ATTR_COMMIT, r->commit);
	if (r->subagent)
		import_attr(&rec, r->o, ATTR_SUBAGENT, r->session);
	import_attr(&rec, r->o, ATTR_REPO, attribution_repo(r->url, r->f->mem));
	import_folder(&rec, r->o, r->cwd, r->f->mem);
	int rc = import_give(r->o, &rec, NULL, r->n);
	if (rec.priced)
		r->moment.cost_nanousd += rec.cost.total;
	return rc;
}

static int note_count(struct reading *r, const struct line *l)
{
	struct tokens d;
	r->subscription = r->subscription || l->plan.raw.n > 0;
	if (!l->total.given && !l->last.given)
		return 0;
	if (!difference(r, l, &d))
		return 0;
	int rc = give(r, l, &d);
	r->tools = 0;
	return rc;
}

static int tell_item(void *arg, const struct body_item *it)
{
	struct reading *r = arg;
	return r->rc = r->o->on_item(r->o->arg, &r->moment, it);
}

/* An item of the conversation stands in the rollout as it is sent. */
static int tell(struct reading *r, const struct line *l, bool compacted)
{
	struct request_view v = {.body = l->payload};
	struct body_span span = {BODY_MESSAGES, 0, l->payload};
	if (r->o->on_item == NULL || !clock_parse_rfc3339(l->time.raw, &r->moment.time_ms))
		return 0;
	r->moment.session = r->session;
	r->moment.subagent = r->subagent ? r->session : SLICE_NONE;
	r->moment.compacted = compacted;
	if (compacted)
		return r->o->on_item(r->o->arg, &r->moment, NULL);
	(void)codec_openai_responses_items(&v, &span, tell_item, r);
	return r->rc;
}

static int note_line(struct reading *r, slice text)
{
	struct line l = {0};
	struct json j;
	json_init(&j, text);
	wire_object(&j, WIRE_WORDS(line_fields), read_line_field, &l);
	if (!json_end(&j)) {
		r->n->bad_lines++;
		return 0;
	}
	if (json_str_is(&l.type, SLICE("session_meta")))
		note_meta(r, &l);
	else if (json_str_is(&l.type, SLICE("turn_context"))) {
		keep(r, &r->model, &l.model);
		keep(r, &r->effort, &l.effort);
		keep(r, &r->cwd, &l.cwd);
	} else if (json_str_is(&l.kind, SLICE("token_count")))
		return note_count(r, &l);
	else if (json_str_is(&l.type, SLICE("compacted")))
		return tell(r, &l, true);
	if (json_str_is(&l.kind, SLICE("function_call")) || json_str_is(&l.kind, SLICE("custom_tool_call")) ||
	    json_str_is(&l.kind, SLICE("local_shell_call")))
		r->tools++;
	return json_str_is(&l.type, SLICE("response_item")) ? tell(r, &l, false) : 0;
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct reading r = {.o = o, .f = f, .n = n};
	slice rest = f->text, text;
	int rc = 0;
	while (rc == 0 && import_line(&rest, &text))
		if (slice_trim(text).n)
			rc = note_line(&r, text);
	return rc;
}

const struct import_source import_codex = {
    .name = "codex",
    .agent = "codex",
    .title = "Codex",
    .endings = {".jsonl"},
    .places = {{"CODEX_HOME", ".codex", "sessions"}, {"CODEX_HOME", ".codex", "archived_sessions"}},
    .read = read_file,
    .tells_items = true,
};
