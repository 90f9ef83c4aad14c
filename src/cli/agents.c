/* Mechanisms, each seen with the real client (docs/attribution.md names the versions):
 *   Claude Code  ANTHROPIC_BASE_URL, ANTHROPIC_CUSTOM_HEADERS (a header a line)
 *   Codex        -c model_providers.weir.{base_url, http_headers, env_http_headers}
 *   Gemini CLI   GOOGLE_GEMINI_BASE_URL, GEMINI_CLI_CUSTOM_HEADERS (comma between)
 *   opencode     OPENCODE_CONFIG_CONTENT: provider.X.options.{baseURL, headers}
 *   others       the variables that the providers' SDKs read */
#include "cli/agents.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1u << 20)

/* --- which agent ------------------------------------------------------------- */

static const struct {
	const char *word, *agent;
} WORDS[] = {
    {"claude", "claude-code"},
    {"claude-code", "claude-code"},
    {"@anthropic-ai/claude-code", "claude-code"},
    {"codex", "codex"},
    {"@openai/codex", "codex"},
    {"gemini", "gemini-cli"},
    {"gemini-cli", "gemini-cli"},
    {"@google/gemini-cli", "gemini-cli"},
    {"opencode", "opencode"},
    {"opencode-ai", "opencode"},
    {"qwen", "qwen-code"},
    {"qwen-code", "qwen-code"},
    {"@qwen-code/qwen-code", "qwen-code"},
};

/* Programs that run a package named behind them. */
static const char *const RUNNERS[] = {"npx", "bunx", "pnpx", "npm", "pnpm", "yarn", "bun"};

static slice basename_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slice_of(slash ? slash + 1 : path);
}

/* Without a version behind an '@' that is not the first character. */
static slice without_version(slice word)
{
	for (size_t i = 1; i < word.n; i++)
		if (word.p[i] == '@')
			return slice_sub(word, 0, i);
	return word;
}

static const char *agent_word(slice word)
{
	for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
		if (slice_eq(word, slice_of(WORDS[i].word)))
			return WORDS[i].agent;
	return NULL;
}

const char *agent_named(const char *word)
{
	return agent_word(slice_of(word));
}

const char *agent_of(size_t argc, const char *const *argv, size_t *at)
{
	*at = 0;
	if (argc == 0)
		return NULL;
	slice command = basename_of(argv[0]);
	const char *agent = agent_word(command);
	bool runner = false;
	for (size_t i = 0; i < sizeof RUNNERS / sizeof *RUNNERS; i++)
		runner = runner || slice_eq(command, slice_of(RUNNERS[i]));
	for (size_t i = 1; i < argc && runner && agent == NULL; i++) {
		agent = agent_word(without_version(slice_of(argv[i])));
		*at = agent ? i : 0;
	}
	return agent;
}

/* --- variables --------------------------------------------------------------- */

/* Sets a base URL; tells when the user had another one. */
static void set_base(struct launch *l, const char *name, const char *value)
{
	const char *before = launch_get(l, name);
	slice old = slice_of(before);
	while (old.n && old.p[old.n - 1] == '/')
		old.n--;
	if (before && !slice_eq(old, slice_of(value)))
		launch_note(l,
		            "%s was %s; for this run it is %s (to reach the former through Weir, make it the "
		            "base_url of a provider)",
		            name, before, value);
	launch_set(l, name, value);
}

/* A value for a list that is split at a comma with "NAME:" behind it. */
static const char *listed(struct launch *l, slice value)
{
	const char *out = "";
	slice part;
	if (slice_find_char(value, ',') < 0 || slice_find_char(value, ':') < 0)
		return value.p;
	for (bool first = true; slice_split(&value, ',', &part); first = false)
		out = launch_text(l, "%s%s" SLICE_FMT, out, first ? "" : "%2C", SLICE_ARG(part));
	return out;
}

/* "NAME: VALUE" of each header with sep between, behind what the variable holds already. */
static void set_headers(struct launch *l, const char *name, const char *sep, const char *key)
{
	const char *all = launch_get(l, name);
	all = all ? all : "";
	for (size_t i = 0; i < l->headers_n; i++)
		all = launch_text(l, "%s%s%s: %s", all, *all ? sep : "", l->headers[i].name,
		                  *sep == ',' ? listed(l, l->headers[i].value) : l->headers[i].value.p);
	if (key)
		all = launch_text(l, "%s%sx-weir-key: %s", all, *all ? sep : "", key);
	if (*all)
		launch_set(l, name, all);
}

/* The Weir key in the place of the API key, for a client that has none of its own. */
static void lend_key(struct launch *l, const char *key, const char *into, const char *const *own)
{
	for (size_t i = 0; own[i]; i++)
		if (launch_get(l, own[i]))
			return;
	if (key)
		launch_set(l, into, key);
}

static bool is_on(const char *value)
{
	return value && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

/* --- files of the agents ----------------------------------------------------- */

const char *agent_folder(struct launch *l, const char *variable, const char *below)
{
	const char *given = variable ? launch_get(l, variable) : NULL, *home = launch_get(l, "HOME");
	if (given)
		return given;
	return home ? launch_text(l, "%s/%s", home, below) : "";
}

static cJSON *read_json(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)FILE_MAX)
		return NULL;
	FILE *f = fopen(path, "re");
	char *text = f ? malloc((size_t)st.st_size + 1) : NULL;
	size_t n = text ? fread(text, 1, (size_t)st.st_size, f) : 0;
	cJSON *json = text ? cJSON_ParseWithLength(text, n) : NULL;
	free(text);
	if (f)
		fclose(f);
	return json;
}

static const char *text_at(const cJSON *json, const char *const *path)
{
	for (; json && *path; path++)
		json = cJSON_GetObjectItemCaseSensitive(json, *path);
	return cJSON_IsString(json) ? json->valuestring : NULL;
}

/* --- Claude Code ------------------------------------------------------------- */

static bool claude_has_login(struct launch *l)
{
	const char *folder = agent_folder(l, "CLAUDE_CONFIG_DIR", ".claude");
	return access(launch_text(l, "%s/.credentials.json", folder), F_OK) == 0;
}

static void claude(struct launch *l, size_t at, const struct agent_gateway *g)
{
	static const char *const own[] = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN",
	                                  "CLAUDE_CODE_OAUTH_TOKEN", NULL};
	(void)at;
	set_base(l, "ANTHROPIC_BASE_URL", g->base);
	set_headers(l, "ANTHROPIC_CUSTOM_HEADERS", "\n", g->key);
	if (!claude_has_login(l))
		lend_key(l, g->key, "ANTHROPIC_AUTH_TOKEN", own);
	if (launch_get(l, "CLAUDE_CODE_GATEWAY_HINT_HEADERS") == NULL)
		launch_set(l, "CLAUDE_CODE_GATEWAY_HINT_HEADERS",
		           "1"); /* main or subagent, prompt, agent's type */
}

static void claude_obstacles(struct launch *l)
{
	static const char *const clouds[] = {"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX",
	                                     "CLAUDE_CODE_USE_FOUNDRY", NULL};
	static const char *const path[] = {"env", "ANTHROPIC_BASE_URL", NULL};
	const char *const files[] = {
	    launch_text(l, "%s/settings.json", agent_folder(l, "CLAUDE_CONFIG_DIR", ".claude")),
	    ".claude/settings.json", ".claude/settings.local.json", "/etc/claude-code/managed-settings.json"};
	for (size_t i = 0; clouds[i]; i++)
		if (is_on(launch_get(l, clouds[i])))
			launch_note(
			    l,
			    "%s is set, so Claude Code calls that cloud and not Weir: unset it to have its "
			    "calls metered",
			    clouds[i]);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		cJSON *json = read_json(files[i]);
		const char *url = text_at(json, path);
		const char *base = launch_get(l, "ANTHROPIC_BASE_URL");
		if (url && (base == NULL || strcmp(url, base) != 0))
			launch_note(l,
			            "%s sets ANTHROPIC_BASE_URL to %s, which Claude Code puts above the "
			            "environment: take it out of there",
			            files[i], url);
		cJSON_Delete(json);
	}
}

/* --- Codex ------------------------------------------------------------------- */

enum codex_login { CODEX_NO_LOGIN, CODEX_KEY_LOGIN, CODEX_CHATGPT_LOGIN };

static enum codex_login codex_login(struct launch *l)
{
	static const char *const mode[] = {"auth_mode", NULL}, *const key[] = {"OPENAI_API_KEY", NULL};
	static const char *const token[] = {"tokens", "access_token", NULL};
	cJSON *json = read_json(launch_text(l, "%s/auth.json", agent_folder(l, "CODEX_HOME", ".codex")));
	const char *said = text_at(json, mode);
	enum codex_login found = CODEX_NO_LOGIN;
	if (text_at(json, key) && !(said && strcmp(said, "chatgpt") == 0))
		found = CODEX_KEY_LOGIN;
	else if (text_at(json, token))
		found = CODEX_CHATGPT_LOGIN;
	cJSON_Delete(json);
	return found;
}

/* The ChatGPT subscription has an address of its own, reached by a provider of this name. */
static const char *codex_base(struct launch *l, const struct agent_gateway *g, bool chatgpt)
{
	if (!chatgpt)
		return launch_text(l, "%s/v1", g->base);
	if (g->settings &&
	    settings_provider(g->settings, DIALECT_OPENAI, SLICE("chatgpt"), SLICE_NONE) == NULL)
		launch_note(
		    l,
		    "Codex is logged in with ChatGPT, and the settings have no provider for it: add {name: "
		    "chatgpt, api: openai, base_url: https://chatgpt.com/backend-api/codex, credential: "
		    "passthrough, billing: subscription}");
	return launch_text(l, "%s/p/chatgpt", g->base);
}

static void codex(struct launch *l, size_t at, const struct agent_gateway *g)
{
	enum codex_login login = codex_login(l);
	bool chatgpt = login == CODEX_CHATGPT_LOGIN && launch_get(l, "CODEX_API_KEY") == NULL;
	const char *headers = "", *words[16];
	size_t n = 0;
	for (size_t i = 0; i < l->headers_n; i++)
		headers = launch_text(l, "%s%s\"%s\" = \"%s\"", headers, i ? ", " : "", l->headers[i].name,
		                      launch_quoted(l, l->headers[i].value));
	words[n++] = "-c";
	words[n++] = "model_provider=\"weir\"";
	words[n++] = "-c";
	words[n++] = "model_providers.weir.name=\"Weir\"";
	words[n++] = "-c";
	words[n++] = launch_text(l, "model_providers.weir.base_url=\"%s\"",
	                         launch_quoted(l, slice_of(codex_base(l, g, chatgpt))));
	words[n++] = "-c";
	words[n++] = "model_providers.weir.wire_api=\"responses\"";
	words[n++] = "-c";
	words[n++] = launch_text(l, "model_providers.weir.http_headers={%s}", headers);
	if (g->key) { /* by a variable: a command line is for everyone to see */
		launch_set(l, "WEIR_KEY", g->key);
		words[n++] = "-c";
		words[n++] = "model_providers.weir.env_http_headers={\"x-weir-key\" = \"WEIR_KEY\"}";
	}
	words[n++] = "-c";
	if (login == CODEX_NO_LOGIN && launch_get(l, "OPENAI_API_KEY"))
		words[n++] = "model_providers.weir.env_key=\"OPENAI_API_KEY\"";
	else if (login == CODEX_NO_LOGIN && g->key && launch_get(l, "CODEX_API_KEY") == NULL)
		words[n++] = "model_providers.weir.env_key=\"WEIR_KEY\"";
	else
		words[n++] = "model_providers.weir.requires_openai_auth=true"; /* its own login */
	launch_words(l, at, words, n);
}

/* --- Gemini CLI -------------------------------------------------------------- */

static const char *const GEMINI_TYPE[] = {"security", "auth", "selectedType", NULL};
#define GEMINI_CHOICE "{\"security\": {\"auth\": {\"selectedType\": \"gemini-api-key\"}}}"

/* With a base URL the CLI takes no authentication by itself: its settings must have chosen one. A user who
 * has no settings yet gets the choice that an API key amounts to. */
static void gemini_choose(struct launch *l, bool dry)
{
	const char *folder = agent_folder(l, NULL, ".gemini");
	const char *path = launch_text(l, "%s/settings.json", folder);
	if (launch_get(l, "GEMINI_API_KEY") == NULL || access(path, F_OK) == 0 ||
	    access(".gemini/settings.json", F_OK) == 0 || dry)
		return;
	mkdir(folder, 0700);
	FILE *f = fopen(path, "wxe");
	bool written = f && fputs(GEMINI_CHOICE "\n", f) >= 0;
	written = f && fclose(f) == 0 && written;
	if (written)
		launch_note(l, "Gemini CLI had no settings; %s now says that it uses GEMINI_API_KEY", path);
}

static void gemini(struct launch *l, size_t at, const struct agent_gateway *g)
{
	static const char *const own[] = {"GEMINI_API_KEY", NULL};
	(void)at;
	set_base(l, "GOOGLE_GEMINI_BASE_URL", g->base);
	set_headers(l, "GEMINI_CLI_CUSTOM_HEADERS", ", ", g->key);
	lend_key(l, g->key, "GEMINI_API_KEY", own);
	gemini_choose(l, g->dry);
}

static void gemini_obstacles(struct launch *l)
{
	const char *const files[] = {launch_text(l, "%s/settings.json", agent_folder(l, NULL, ".gemini")),
	                             ".gemini/settings.json"};
	bool chosen = false;
	for (size_t i = 0; i < 2; i++) {
		cJSON *json = read_json(files[i]);
		const char *type = text_at(json, GEMINI_TYPE);
		chosen = chosen || type;
		if (type && strcmp(type, "gemini-api-key") != 0 && strcmp(type, "gateway") != 0)
			launch_note(
			    l,
			    "%s logs in by \"%s\", so Gemini CLI calls Google directly and not Weir: choose "
			    "the Gemini API key there (/auth), with GEMINI_API_KEY",
			    files[i], type);
		cJSON_Delete(json);
	}
	if (!chosen && access(files[0], F_OK) == 0)
		launch_note(l,
		            "%s chooses no authentication, and with a base URL Gemini CLI wants one: "
		            "add " GEMINI_CHOICE,
		            files[0]);
	if (is_on(launch_get(l, "GOOGLE_GENAI_USE_VERTEXAI")) || is_on(launch_get(l, "GOOGLE_GENAI_USE_GCA")))
		launch_note(
		    l, "GOOGLE_GENAI_USE_VERTEXAI or GOOGLE_GENAI_USE_GCA is set, so Gemini CLI calls Google "
		       "directly and not Weir: unset it to have its calls metered");
}

/* --- opencode ---------------------------------------------------------------- */

static const struct opencode_provider {
	const char *name, *path;
	const char *keys[4];
} OPENCODE[] = {
    {"anthropic", "/v1", {"ANTHROPIC_API_KEY", NULL}},
    {"openai", "/v1", {"OPENAI_API_KEY", NULL}},
    {"google", "/v1beta", {"GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", NULL}},
};
#define OPENCODE_N (sizeof OPENCODE / sizeof *OPENCODE)

/* The object of that name in json, made when it is not there; NULL without memory or when it is no object. */
static cJSON *object_in(cJSON *json, const char *name)
{
	cJSON *found = json ? cJSON_GetObjectItemCaseSensitive(json, name) : NULL;
	if (json && found == NULL)
		found = cJSON_AddObjectToObject(json, name);
	return cJSON_IsObject(found) ? found : NULL;
}

static void put_text(cJSON *json, const char *name, const char *value)
{
	if (json == NULL)
		return;
	cJSON_DeleteItemFromObjectCaseSensitive(json, name);
	cJSON_AddStringToObject(json, name, value);
}

static bool opencode_has(const struct launch *l, const cJSON *auth, const struct opencode_provider *p)
{
	for (size_t i = 0; p->keys[i]; i++)
		if (launch_get(l, p->keys[i]))
			return true;
	return auth && cJSON_GetObjectItemCaseSensitive(auth, p->name);
}

static void opencode_provider(struct launch *l, cJSON *config, const struct opencode_provider *p, bool own,
                              const struct agent_gateway *g)
{
	cJSON *options = object_in(object_in(object_in(config, "provider"), p->name), "options");
	cJSON *headers = object_in(options, "headers");
	put_text(options, "baseURL", launch_text(l, "%s%s", g->base, p->path));
	for (size_t i = 0; i < l->headers_n; i++)
		put_text(headers, l->headers[i].name, l->headers[i].value.p);
	if (g->key)
		put_text(headers, "x-weir-key", g->key);
	if (g->key && !own)
		put_text(options, "apiKey", g->key);
}

/* The providers that the user has a credential for; all of them when there is none to be seen. */
static void opencode(struct launch *l, size_t at, const struct agent_gateway *g)
{
	const char *before = launch_get(l, "OPENCODE_CONFIG_CONTENT");
	cJSON *config = before ? cJSON_Parse(before) : cJSON_CreateObject();
	const char *data = launch_get(l, "XDG_DATA_HOME"), *home = launch_get(l, "HOME");
	const char *folder = data ? data : launch_text(l, "%s/.local/share", home ? home : "");
	cJSON *auth = read_json(launch_text(l, "%s/opencode/auth.json", folder));
	bool any = false;
	(void)at;
	if (!cJSON_IsObject(config)) {
		launch_note(l, "OPENCODE_CONFIG_CONTENT is no JSON object: for this run it is replaced");
		cJSON_Delete(config);
		config = cJSON_CreateObject();
	}
	for (size_t i = 0; i < OPENCODE_N; i++)
		any = any || opencode_has(l, auth, &OPENCODE[i]);
	for (size_t i = 0; i < OPENCODE_N; i++) {
		bool own = opencode_has(l, auth, &OPENCODE[i]);
		if (own || !any)
			opencode_provider(l, config, &OPENCODE[i], own, g);
	}
	char *text = cJSON_PrintUnformatted(config);
	if (text)
		launch_set(l, "OPENCODE_CONFIG_CONTENT", text);
	l->failed = l->failed || text == NULL;
	cJSON_free(text);
	cJSON_Delete(config);
	cJSON_Delete(auth);
}

/* --- any other --------------------------------------------------------------- */

static void other(struct launch *l, size_t at, const struct agent_gateway *g)
{
	static const char *const anthropic[] = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", NULL};
	static const char *const openai[] = {"OPENAI_API_KEY", NULL};
	static const char *const gemini_keys[] = {"GEMINI_API_KEY", "GOOGLE_API_KEY", NULL};
	const char *v1 = launch_text(l, "%s/v1", g->base);
	(void)at;
	set_base(l, "ANTHROPIC_BASE_URL", g->base);
	set_base(l, "OPENAI_BASE_URL", v1);
	set_base(l, "OPENAI_API_BASE", v1);
	set_base(l, "GOOGLE_GEMINI_BASE_URL", g->base);
	set_headers(l, "ANTHROPIC_CUSTOM_HEADERS", "\n", g->key);
	set_headers(l, "GEMINI_CLI_CUSTOM_HEADERS", ", ", g->key);
	lend_key(l, g->key, "ANTHROPIC_API_KEY", anthropic);
	lend_key(l, g->key, "OPENAI_API_KEY", openai);
	lend_key(l, g->key, "GEMINI_API_KEY", gemini_keys);
}

static const struct {
	const char *agent;
	void (*prepare)(struct launch *l, size_t at, const struct agent_gateway *g);
	void (*obstacles)(struct launch *l);
} AGENTS[] = {
    {"claude-code", claude, claude_obstacles},
    {"codex", codex, NULL},
    {"gemini-cli", gemini, gemini_obstacles},
    {"opencode", opencode, NULL},
};

/* A client that goes by a proxy must not send what is for this machine there. */
static void spare_proxy(struct launch *l, const char *base)
{
	static const char *const proxies[] = {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY",
	                                      "https_proxy", "http_proxy", "all_proxy"};
	static const char *const spared[] = {"NO_PROXY", "no_proxy"};
	const char *host = strstr(base, "://") ? strstr(base, "://") + 3 : base;
	bool any = false;
	if (strncmp(host, "127.", 4) != 0 && strncmp(host, "localhost", 9) != 0 &&
	    strncmp(host, "[::1]", 5) != 0)
		return;
	for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
		any = any || launch_get(l, proxies[i]);
	for (size_t i = 0; i < 2 && any; i++) {
		const char *before = launch_get(l, spared[i]);
		launch_set(
		    l, spared[i],
		    launch_text(l, "%s%s127.0.0.1,localhost,::1", before ? before : "", before ? "," : ""));
	}
}

void agent_prepare(struct launch *l, const char *agent, size_t at, const struct agent_gateway *g)
{
	void (*prepare)(struct launch *, size_t, const struct agent_gateway *) = other;
	for (size_t i = 0; i < sizeof AGENTS / sizeof *AGENTS && agent; i++)
		if (strcmp(AGENTS[i].agent, agent) == 0)
			prepare = AGENTS[i].prepare;
	prepare(l, at, g);
	spare_proxy(l, g->base);
	agent_obstacles(l, agent);
}

void agent_obstacles(struct launch *l, const char *agent)
{
	for (size_t i = 0; i < sizeof AGENTS / sizeof *AGENTS && agent; i++)
		if (strcmp(AGENTS[i].agent, agent) == 0 && AGENTS[i].obstacles)
			AGENTS[i].obstacles(l);
}
