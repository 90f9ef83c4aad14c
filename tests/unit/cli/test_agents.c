/* What each agent is started with. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/agents.h"
#include "unit/unit.h"

struct stand {
	char home[64], home_env[80];
	struct launch l;
	const char *agent;
};

static int set_up(void **state)
{
	struct stand *t = calloc(1, sizeof *t);
	snprintf(t->home, sizeof t->home, "/tmp/weir-agents-XXXXXX");
	if (mkdtemp(t->home) == NULL || chdir(t->home) != 0)
		return -1;
	snprintf(t->home_env, sizeof t->home_env, "HOME=%s", t->home);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct stand *t = *state;
	static const char *const names[] = {".codex/auth.json",
	                                    ".codex",
	                                    ".claude/settings.json",
	                                    ".claude/.credentials.json",
	                                    ".claude",
	                                    ".gemini/settings.json",
	                                    ".gemini"};
	char path[128];
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", t->home, names[i]);
		remove(path);
	}
	if (chdir("/") == 0)
		rmdir(t->home);
	free(t);
	return 0;
}

static void put(struct stand *t, const char *folder, const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", t->home, folder);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/%s/%s", t->home, folder, name);
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

/* Starts words (parted by spaces) with the environment of env and prepares it. */
static void prepare(struct stand *t, const char *line, const char *key, char **env)
{
	static char store[512], *argv[32], *environ_[16];
	int argc = 0, n = 0;
	size_t at;
	struct agent_gateway g = {.base = "http://127.0.0.1:8787", .key = key};
	snprintf(store, sizeof store, "%s", line);
	for (char *p = store; p; argc++) {
		argv[argc] = p;
		p = strchr(p, ' ');
		if (p)
			*p++ = '\0';
	}
	argv[argc] = NULL;
	environ_[n++] = t->home_env;
	for (; env && *env; env++)
		environ_[n++] = *env;
	environ_[n] = NULL;
	assert_int_equal(launch_init(&t->l, argc, argv, environ_), 0);
	launch_header(&t->l, "x-weir-repo", SLICE("h/o/n"));
	launch_header(&t->l, "x-weir-tags", SLICE("a=1,b=\"2\""));
	t->agent = agent_of(t->l.argc, t->l.argv, &at);
	agent_prepare(&t->l, t->agent, at, &g);
	assert_false(t->l.failed);
}

#define ENV(...)        ((char *[]){__VA_ARGS__, NULL})
#define E(text)         ((char *)(text))
#define IS(name, value) assert_string_equal(launch_get(&t->l, name), value)
#define NONE(name)      assert_null(launch_get(&t->l, name))

static bool noted(struct stand *t, const char *part)
{
	for (size_t i = 0; i < t->l.notes_n; i++)
		if (strstr(t->l.notes[i], part))
			return true;
	return false;
}

static bool has_word(struct stand *t, const char *word)
{
	for (size_t i = 0; i < t->l.argc; i++)
		if (strcmp(t->l.argv[i], word) == 0)
			return true;
	return false;
}

static void names(void **state)
{
	static const struct {
		const char *words[4], *agent;
		size_t at;
	} cases[] = {
	    {{"claude"}, "claude-code", 0},
	    {{"/opt/bin/codex", "exec"}, "codex", 0},
	    {{"npx", "-y", "@openai/codex@1.2.3", "exec"}, "codex", 2},
	    {{"bunx", "opencode-ai"}, "opencode", 1},
	    {{"npx", "@google/gemini-cli"}, "gemini-cli", 1},
	    {{"qwen"}, "qwen-code", 0},
	    {{"python3", "claude"}, NULL, 0},
	    {{"npx", "vite"}, NULL, 0},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = 0, at;
		while (n < 4 && cases[i].words[n])
			n++;
		const char *agent = agent_of(n, cases[i].words, &at);
		assert_int_equal(at, cases[i].at);
		if (cases[i].agent)
			assert_string_equal(agent, cases[i].agent);
		else
			assert_null(agent);
	}
}

static void claude(void **state)
{
	struct stand *t = *state;
	prepare(t, "claude -p hi", NULL,
	        ENV(E("ANTHROPIC_CUSTOM_HEADERS=x-mine: 1"), E("ANTHROPIC_API_KEY=sk")));
	IS("ANTHROPIC_BASE_URL", "http://127.0.0.1:8787");
	IS("ANTHROPIC_CUSTOM_HEADERS", "x-mine: 1\nx-weir-repo: h/o/n\nx-weir-tags: a=1,b=\"2\"");
	IS("ANTHROPIC_API_KEY", "sk");
	IS("CLAUDE_CODE_GATEWAY_HINT_HEADERS", "1");
	NONE("ANTHROPIC_AUTH_TOKEN");
	assert_int_equal(t->l.notes_n, 0);
	assert_int_equal(t->l.argc, 3);
	launch_release(&t->l);

	/* a key: beside the login when there is one, in its place when there is none */
	prepare(t, "claude", "wk_k", NULL);
	IS("ANTHROPIC_AUTH_TOKEN", "wk_k");
	assert_non_null(strstr(launch_get(&t->l, "ANTHROPIC_CUSTOM_HEADERS"), "\nx-weir-key: wk_k"));
	launch_release(&t->l);
	put(t, ".claude", ".credentials.json", "{}");
	prepare(t, "claude", "wk_k", NULL);
	NONE("ANTHROPIC_AUTH_TOKEN");
	launch_release(&t->l);
}

static void claude_obstacles(void **state)
{
	struct stand *t = *state;
	put(t, ".claude", "settings.json", "{\"env\":{\"ANTHROPIC_BASE_URL\":\"https://corp.example.com\"}}");
	prepare(t, "claude", NULL,
	        ENV(E("ANTHROPIC_BASE_URL=https://other.example.com/"), E("CLAUDE_CODE_USE_BEDROCK=1"),
	            E("HTTPS_PROXY=http://proxy:3128"), E("NO_PROXY=corp")));
	assert_true(noted(t, "ANTHROPIC_BASE_URL was https://other.example.com/; for this run it is "
	                     "http://127.0.0.1:8787"));
	assert_true(noted(t, "CLAUDE_CODE_USE_BEDROCK is set"));
	assert_true(noted(t, ".claude/settings.json sets ANTHROPIC_BASE_URL to https://corp.example.com"));
	IS("NO_PROXY", "corp,127.0.0.1,localhost,::1");
	launch_release(&t->l);
	put(t, ".claude", "settings.json", "{\"env\":{\"ANTHROPIC_BASE_URL\":\"http://127.0.0.1:8787\"}}");
	prepare(t, "claude", NULL,
	        ENV(E("ANTHROPIC_BASE_URL=http://127.0.0.1:8787/"), E("CLAUDE_CODE_USE_VERTEX=0")));
	assert_int_equal(t->l.notes_n, 0);
	NONE("NO_PROXY");
	launch_release(&t->l);
}

static void codex(void **state)
{
	struct stand *t = *state;
	prepare(t, "codex exec hi", NULL, ENV(E("OPENAI_API_KEY=sk")));
	assert_string_equal(t->l.argv[0], "codex");
	assert_string_equal(t->l.argv[t->l.argc - 2], "exec");
	assert_true(has_word(t, "model_provider=\"weir\""));
	assert_true(has_word(t, "model_providers.weir.base_url=\"http://127.0.0.1:8787/v1\""));
	assert_true(
	    has_word(t, "model_providers.weir.http_headers={\"x-weir-repo\" = \"h/o/n\", \"x-weir-tags\" = "
	                "\"a=1,b=\\\"2\\\"\"}"));
	assert_true(has_word(t, "model_providers.weir.env_key=\"OPENAI_API_KEY\""));
	launch_release(&t->l);

	/* the key is in no word */
	prepare(t, "codex", "wk_k", NULL);
	assert_true(has_word(t, "model_providers.weir.env_http_headers={\"x-weir-key\" = \"WEIR_KEY\"}"));
	assert_true(has_word(t, "model_providers.weir.env_key=\"WEIR_KEY\""));
	IS("WEIR_KEY", "wk_k");
	for (size_t i = 0; i < t->l.argc; i++)
		assert_null(strstr(t->l.argv[i], "wk_k"));
	launch_release(&t->l);

	put(t, ".codex", "auth.json", "{\"OPENAI_API_KEY\":\"sk\"}");
	prepare(t, "codex", NULL, NULL);
	assert_true(has_word(t, "model_providers.weir.requires_openai_auth=true"));
	assert_true(has_word(t, "model_providers.weir.base_url=\"http://127.0.0.1:8787/v1\""));
	launch_release(&t->l);

	put(t, ".codex", "auth.json", "{\"OPENAI_API_KEY\":null,\"tokens\":{\"access_token\":\"x\"}}");
	prepare(t, "npx @openai/codex exec", NULL, NULL);
	assert_string_equal(t->l.argv[1], "@openai/codex");
	assert_string_equal(t->l.argv[2], "-c");
	assert_true(has_word(t, "model_providers.weir.requires_openai_auth=true"));
	assert_true(has_word(t, "model_providers.weir.base_url=\"http://127.0.0.1:8787/p/chatgpt\""));
	launch_release(&t->l);
}

static void gemini(void **state)
{
	struct stand *t = *state;
	char text[256] = "";
	prepare(t, "gemini -p hi", NULL, ENV(E("GEMINI_API_KEY=g")));
	IS("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:8787");
	IS("GEMINI_CLI_CUSTOM_HEADERS", "x-weir-repo: h/o/n, x-weir-tags: a=1,b=\"2\"");
	assert_true(noted(t, "Gemini CLI had no settings"));
	FILE *f = fopen(".gemini/settings.json", "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	fclose(f);
	assert_string_equal(text, "{\"security\": {\"auth\": {\"selectedType\": \"gemini-api-key\"}}}\n");
	launch_release(&t->l);
	prepare(t, "gemini", NULL, ENV(E("GEMINI_API_KEY=g")));
	assert_int_equal(t->l.notes_n, 0);
	launch_release(&t->l);
	put(t, ".gemini", "settings.json", "{\"security\":{\"auth\":{\"selectedType\":\"oauth-personal\"}}}");
	prepare(t, "gemini", NULL, NULL);
	assert_true(noted(t, "logs in by \"oauth-personal\", so Gemini CLI calls Google directly"));
	launch_release(&t->l);
	put(t, ".gemini", "settings.json", "{\"theme\":\"x\"}");
	prepare(t, "gemini", "wk_k", NULL);
	assert_true(noted(t, "chooses no authentication"));
	IS("GEMINI_API_KEY", "wk_k");
	launch_release(&t->l);
}

static void opencode(void **state)
{
	struct stand *t = *state;
	prepare(t, "opencode run hi", NULL,
	        ENV(E("ANTHROPIC_API_KEY=sk"),
	            E("OPENCODE_CONFIG_CONTENT={\"model\":\"m\",\"provider\":{\"anthropic\":{\"options\":{"
	              "\"timeout\":5,\"baseURL\":\"https://old\"}}}}")));
	IS("OPENCODE_CONFIG_CONTENT",
	   "{\"model\":\"m\",\"provider\":{\"anthropic\":{\"options\":{\"timeout\":5,\"headers\":{\"x-weir-"
	   "repo\":\"h/o/n\","
	   "\"x-weir-tags\":\"a=1,b=\\\"2\\\"\"},\"baseURL\":\"http://127.0.0.1:8787/v1\"}}}}");
	launch_release(&t->l);
	prepare(t, "opencode", "wk_k", ENV(E("OPENCODE_CONFIG_CONTENT=nonsense")));
	assert_true(noted(t, "is no JSON object"));
	const char *all = launch_get(&t->l, "OPENCODE_CONFIG_CONTENT");
	assert_non_null(strstr(all, "\"google\":{\"options\":{\"headers\":{"));
	assert_non_null(strstr(all, "http://127.0.0.1:8787/v1beta"));
	assert_non_null(strstr(all, "\"apiKey\":\"wk_k\""));
	launch_release(&t->l);
}

static void others(void **state)
{
	struct stand *t = *state;
	prepare(t, "python3 agent.py", "wk_k", ENV(E("OPENAI_API_KEY=sk")));
	assert_null(t->agent);
	IS("ANTHROPIC_BASE_URL", "http://127.0.0.1:8787");
	IS("OPENAI_BASE_URL", "http://127.0.0.1:8787/v1");
	IS("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:8787");
	IS("OPENAI_API_KEY", "sk");
	IS("ANTHROPIC_API_KEY", "wk_k");
	IS("GEMINI_API_KEY", "wk_k");
	launch_release(&t->l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {T(names),    T(claude), T(claude_obstacles), T(codex), T(gemini),
	                                   T(opencode), T(others)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
