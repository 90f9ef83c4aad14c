#include "policy/attribution_agent.h"

#include "model/wire.h"
#include "text/json.h"

/* --- which program ---------------------------------------------------------------------------------- */

/* A pattern of the first product of User-Agent (RFC 9110 section 10.1.5), the ledger's name (n 0: none). */
static const struct {
	slice product, agent;
	bool tells_in_body;
} agents[] = {
    {SLICE("claude-cli"), SLICE("claude-code"), true},
    {SLICE("claude-code"), SLICE("claude-code"), true},
    {SLICE("codex*"), SLICE("codex"), true},
    {SLICE("GeminiCLI*"), SLICE("gemini-cli"), true},
    {SLICE("opencode*"), SLICE("opencode"), true},
    {SLICE("QwenCode*"), SLICE("qwen-code"), true},
    {SLICE("*OpenAI"), SLICE("sdk:openai"), false}, /* OpenAI, AsyncOpenAI, AzureOpenAI, AsyncAzureOpenAI */
    {SLICE("*Anthropic*"), SLICE("sdk:anthropic"), false}, /* and AnthropicBedrock, AsyncAnthropicVertex */
    {SLICE("google-genai-sdk"), SLICE("sdk:google-genai"), false},
    {SLICE("ai-sdk"), SLICE("sdk:ai"), false},
    {SLICE("Mozilla"), SLICE(""), false},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* s up to the first of the stops. */
static slice until(slice s, const char *stops)
{
	size_t n = 0;
	while (n < s.n && s.p[n] && !strchr(stops, s.p[n]))
		n++;
	return slice_sub(s, 0, n);
}

/* "1.2", "v1.2", or nothing. */
static slice as_version(slice s)
{
	s = until(s, " /;(),");
	if (s.n > 1 && s.p[0] == 'v' && is_digit(s.p[1]))
		s = slice_sub(s, 1, s.n);
	return s.n && is_digit(s.p[0]) ? s : SLICE_NONE;
}

/* "claude-cli/2.1.330 (external, cli)", "OpenAI/Python 1.99.7", "Faraday v2.14.3" */
static void read_user_agent(slice text, struct agent_facts *out)
{
	text = slice_trim(text);
	slice product = until(text, " /"), rest = slice_sub(text, product.n + 1, text.n);
	if (product.n == 0)
		return;
	out->version = as_version(rest);
	if (out->version.n == 0) {
		slice language = until(rest, " ");
		out->version = as_version(slice_sub(rest, language.n + 1, rest.n));
	}
	out->agent = product;
	for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++)
		if (slice_glob(product, agents[i].product)) {
			out->agent = agents[i].agent;
			out->tells_in_body = agents[i].tells_in_body;
			break;
		}
	if (out->agent.n == 0)
		out->version = SLICE_NONE;
}

/* --- Codex's turn metadata ---------------------------------------------------------------------------- */

enum { M_SESSION, M_THREAD, M_SOURCE, M_WORKSPACES };

struct turn {
	struct arena *mem;
	struct agent_facts *out;
	slice session, thread, source;
};

static void set(slice *to, slice value)
{
	if (to->n == 0)
		*to = value;
}

/* associated_remote_urls: {"origin": URL, …}: origin, else the first. */
static slice read_remotes(struct json *j, struct arena *mem)
{
	slice first = SLICE_NONE, origin = SLICE_NONE;
	json_key k;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return first;
	}
	json_object(j);
	while (json_next_key(j, &k)) {
		slice url = SLICE_NONE;
		bool is_origin = json_key_is(&k, SLICE("origin"));
		wire_text(j, mem, &url);
		set(is_origin ? &origin : &first, url);
	}
	return origin.n ? origin : first;
}

static void read_workspace(struct json *j, struct turn *t)
{
	slice remote = SLICE_NONE, commit = SLICE_NONE;
	json_key k;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return;
	}
	json_object(j);
	while (json_next_key(j, &k)) {
		if (json_key_is(&k, SLICE("associated_remote_urls")))
			remote = read_remotes(j, t->mem);
		else if (json_key_is(&k, SLICE("latest_git_commit_hash")))
			wire_text(j, t->mem, &commit);
		else
			json_skip(j, NULL);
	}
	if (t->out->remote.n == 0 && remote.n) { /* the first workspace that has a remote, and its commit */
		t->out->remote = remote;
		t->out->commit = commit;
	}
}

static void read_turn_field(struct json *j, int id, void *arg)
{
	struct turn *t = arg;
	json_key k;
	if (id == M_SESSION) {
		wire_text(j, t->mem, &t->session);
	} else if (id == M_THREAD) {
		wire_text(j, t->mem, &t->thread);
	} else if (id == M_SOURCE) {
		wire_text(j, t->mem, &t->source);
	} else if (json_peek(j) == JSON_OBJECT) {
		json_object(j);
		while (json_next_key(j, &k)) {
			set(&t->out->directory, wire_unescape(j, &k, t->mem));
			read_workspace(j, t);
		}
	} else {
		json_skip(j, NULL);
	}
}

static void read_turn(slice text, struct arena *mem, struct agent_facts *out)
{
	static const struct wire_word fields[] = {
	    WIRE_WORD("session_id", M_SESSION), WIRE_WORD("thread_id", M_THREAD),
	    WIRE_WORD("thread_source", M_SOURCE), WIRE_WORD("workspaces", M_WORKSPACES)};
	struct turn t = {.mem = mem, .out = out};
	struct json j;
	json_init(&j, text);
	wire_object(&j, WIRE_WORDS(fields), read_turn_field, &t);
	set(&out->session, t.session);
	if (slice_eq(t.source, SLICE("subagent")))
		set(&out->subagent, t.thread);
}

struct in_body {
	struct arena *mem;
	slice turn;
};

static void read_client_metadata(struct json *j, int id, void *arg)
{
	struct in_body *b = arg;
	(void)id;
	wire_text(j, b->mem, &b->turn);
}

/* The header x-codex-turn-metadata, or the body's client_metadata with the same text under the same name. */
static void read_codex(const struct headers *h, const struct request_view *v, struct arena *mem,
                       struct agent_facts *out)
{
	static const struct wire_word field[] = {WIRE_WORD("x-codex-turn-metadata", 0)};
	slice turn = headers_get(h, SLICE("x-codex-turn-metadata"));
	if (turn.n == 0 && v && v->client_metadata.n) {
		struct in_body b = {.mem = mem};
		struct json j;
		json_init(&j, v->client_metadata);
		wire_object(&j, WIRE_WORDS(field), read_client_metadata, &b);
		turn = b.turn;
	}
	if (turn.n)
		read_turn(turn, mem, out);
}

/* --- session and subagent ------------------------------------------------------------------------------ */

static void read_session(const struct headers *h, struct agent_facts *out)
{
	static const slice names[] = {
	    SLICE("x-claude-code-session-id"),
	    SLICE("session-id"),
	    SLICE("session_id"), /* Codex, older Codex */
	    SLICE("x-session-id"),
	    SLICE("x-session-affinity"), /* opencode */
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0] && out->session.n == 0; i++)
		out->session = headers_get(h, names[i]);
	/* opencode's subagents have a session of their own and name the one they work for */
	slice parent = headers_get(h, SLICE("x-parent-session-id"));
	if (parent.n) {
		out->subagent = out->session;
		out->session = parent;
	}
	set(&out->subagent, headers_get(h, SLICE("x-claude-code-agent-id")));
	if (headers_get(h, SLICE("x-codex-parent-thread-id")).n)
		set(&out->subagent, headers_get(h, SLICE("thread-id")));
}

void attribution_agent(const struct headers *h, const struct request_view *v, struct arena *mem,
                       struct agent_facts *out)
{
	*out = (struct agent_facts){0};
	read_user_agent(headers_get(h, SLICE("user-agent")), out);
	if (slice_starts(headers_get(h, SLICE("originator")), SLICE("codex"))) {
		out->agent = SLICE("codex");
		out->tells_in_body = true;
	}
	read_session(h, out);
	if (slice_eq(out->agent, SLICE("codex"))) {
		read_codex(h, v, mem, out);
		set(&out->subagent,
		    headers_get(h, SLICE("x-openai-subagent"))); /* its kind, better than nothing */
	}
	if (v)
		set(&out->session, v->session_hint);
	if (v && out->tells_in_body)
		attribution_body(v, mem, out);
}
