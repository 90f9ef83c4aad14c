/* The first run: how each agent is pointed here, and whether its first call has come. */
#include "gateway/admin_ask.h"

#define MONTH_MS (INT64_C(30) * 24 * 3600 * 1000)

/* In `lines` {url} stands for the gateway's address, {key} for the Weir key. */
static const struct guide {
	const char *agent, *name; /* the ledger's name; for people */
	const char *run;          /* the one command on this machine; NULL: none */
	const char *lines;
} guides[] = {
    {"claude-code", "Claude Code", "weir run -- claude",
     "export ANTHROPIC_BASE_URL={url}\nexport ANTHROPIC_API_KEY={key}"},
    {"codex", "Codex", "weir run -- codex",
     "# ~/.codex/config.toml\nmodel_provider = \"weir\"\n\n[model_providers.weir]\nname = \"Weir\"\n"
     "base_url = \"{url}/v1\"\nenv_key = \"WEIR_KEY\"\nwire_api = \"responses\"\n\n# and in the shell\n"
     "export WEIR_KEY={key}"},
    {"gemini-cli", "Gemini CLI", "weir run -- gemini",
     "export GOOGLE_GEMINI_BASE_URL={url}\nexport GEMINI_API_KEY={key}"},
    {"opencode", "opencode", "weir run -- opencode",
     "// opencode.json\n{\n  \"provider\": {\n    \"anthropic\": {\n      \"options\": {\"baseURL\": "
     "\"{url}/v1\", \"apiKey\": \"{key}\"}\n    }\n  }\n}"},
    {"sdk:anthropic", "Anthropic SDK", NULL,
     "export ANTHROPIC_BASE_URL={url}\nexport ANTHROPIC_API_KEY={key}"},
    {"sdk:openai", "OpenAI SDK", NULL, "export OPENAI_BASE_URL={url}/v1\nexport OPENAI_API_KEY={key}"},
    {"sdk:google-genai", "Google Gen AI SDK", NULL,
     "export GOOGLE_GEMINI_BASE_URL={url}\nexport GEMINI_API_KEY={key}"},
};
#define GUIDES (sizeof guides / sizeof *guides)

struct seen {
	struct admin *a;
	int64_t calls[GUIDES];
	int64_t others;
};

/* "sdk:anthropic" counts "sdk:anthropic-ts" too. */
static int take_agent(void *arg, const struct ledger_group *g)
{
	struct seen *s = arg;
	for (size_t i = 0; i < GUIDES; i++)
		if (slice_starts(g->key[0], slice_of(guides[i].agent))) {
			s->calls[i] += g->m.calls;
			return 0;
		}
	s->others += g->m.calls;
	return 0;
}

/* The lines with the address and the key's place filled in. */
static void put_lines(struct admin *a, const char *lines)
{
	static const char key_place[] = "wk_…";
	struct buf text;
	int rc = 0;
	buf_init(&text, 4096);
	for (slice rest = slice_of(lines); rest.n && rc == 0;) {
		bool url = slice_starts(rest, SLICE("{url}")), key = slice_starts(rest, SLICE("{key}"));
		rc = url   ? buf_append(&text, slice_of(a->c->shared->url))
		     : key ? buf_append(&text, slice_of(key_place))
		           : buf_append(&text, slice_sub(rest, 0, 1));
		rest = slice_sub(rest, url || key ? 5 : 1, rest.n);
	}
	jsonw_put_string(&a->w, SLICE("lines"), rc == 0 ? buf_slice(&text) : SLICE_NONE);
	buf_release(&text);
}

int admin_setup(struct admin *a)
{
	struct seen s = {.a = a};
	struct ledger_query q;
	struct ledger_measures total;
	struct error e = {0};
	int r;
	if (!admin_ask_begin(a, a->now_ms - MONTH_MS, a->now_ms + 1, &q, &r))
		return r;
	admin_ask_by(&q, "agent");
	if (a->c->ops->report(a->c->ledger, &q, take_agent, &s, &total, &e))
		return admin_fault(a, &e);
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("gateway"), slice_of(a->c->shared->url));
	jsonw_put_bool(&a->w, SLICE("loopback"), a->settings->listen.loopback);
	jsonw_put_i64(&a->w, SLICE("calls"), total.calls);
	jsonw_put_i64(&a->w, SLICE("other_calls"), s.others);
	jsonw_key(&a->w, SLICE("agents"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < GUIDES; i++) {
		jsonw_object(&a->w);
		jsonw_put_string(&a->w, SLICE("agent"), slice_of(guides[i].agent));
		jsonw_put_string(&a->w, SLICE("name"), slice_of(guides[i].name));
		jsonw_put_string(&a->w, SLICE("run"), slice_of(guides[i].run));
		put_lines(a, guides[i].lines);
		jsonw_put_i64(&a->w, SLICE("calls"), s.calls[i]);
		jsonw_object_end(&a->w);
	}
	jsonw_array_end(&a->w);
	jsonw_object_end(&a->w);
	return admin_end(a);
}
