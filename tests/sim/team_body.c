/* The agents' requests: Claude Code, Codex, Gemini CLI and opencode, as they look on the wire. */
#include "team.h"

#include <stdio.h>
#include <string.h>

#define SYSTEM_BYTES 24000

/* What a turn did: a command and what came back; the one that is stuck does the same again and again. */
static uint64_t turn_seed(const struct job *j, struct job_call at, int turn)
{
	if (j->stuck && turn > 2)
		turn = 3;
	return mix64(j->seed ^ (uint64_t)(turn + 1) * 7919 ^ (at.sub ? 1u << 20 : 0));
}

static void add_text(struct buf *out, void (*make)(struct buf *, uint64_t, size_t), uint64_t seed,
                     size_t bytes)
{
	struct buf t = {0};

	make(&t, seed, bytes);
	buf_json(out, (struct str){t.p, t.len});
	buf_free(&t);
}

static void add_result(struct buf *out, uint64_t seed)
{
	size_t bytes = 200 + (size_t)team_pick(&seed, 10) * (size_t)team_pick(&seed, 900);

	add_text(out, team_pick(&seed, 2) ? text_code : text_output, seed, bytes);
}

static void command_of(uint64_t seed, struct buf *b)
{
	text_command(b, seed);
}

static void add_command(struct buf *out, uint64_t seed)
{
	struct buf t = {0};

	command_of(seed, &t);
	buf_json(out, (struct str){t.p, t.len});
	buf_free(&t);
}

/* The command inside JSON inside a string, as OpenAI's arguments are. */
static void add_arguments(struct buf *out, const char *key, uint64_t seed)
{
	struct buf t = {0};

	buf_fmt(&t, "{\"%s\":", key);
	add_command(&t, seed);
	BUF_LIT(&t, "}");
	buf_json(out, (struct str){t.p, t.len});
	buf_free(&t);
}

static void call_name(const struct job *j, struct job_call at, int turn, char out[32])
{
	snprintf(out, 32, "%016llx", (unsigned long long)mix64(j->seed + (uint64_t)turn * 3 + at.sub));
}

static int turns_of(struct job_call at)
{
	return at.turn > 0 ? at.turn : 0;
}

static const char *what_to_do(const struct job *j, struct job_call at)
{
	return at.sub ? "Look at the tests of this change and report what they miss." : j->task;
}

/* A tool as agents describe them: a long text and a schema. */
static void add_tool(struct buf *out, const char *name, const char *schema_key, const char *property,
                     bool function)
{
	uint64_t seed = hash_bytes(9, name, strlen(name));

	buf_fmt(out, "{%s\"name\":\"%s\",\"description\":", function ? "\"type\":\"function\"," : "", name);
	add_text(out, text_prose, seed, 1800);
	buf_fmt(out,
	        ",\"%s\":{\"type\":\"object\",\"properties\":{\"%s\":{\"type\":\"string\",\"description\":"
	        "\"what to work "
	        "on\"}},\"required\":[\"%s\"]}}",
	        schema_key, property, property);
}

static void add_tools(struct buf *out, const char *const (*tools)[2], size_t n, const char *schema_key,
                      bool function)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			BUF_LIT(out, ",");
		add_tool(out, tools[i][0], schema_key, tools[i][1], function);
	}
}

static const char *const claude_tools[][2] = {{"Agent", "prompt"},    {"Bash", "command"},
                                              {"Edit", "file_path"},  {"Read", "file_path"},
                                              {"Write", "file_path"}, {"Grep", "pattern"}};
static const char *const codex_tools[][2] = {
    {"exec_command", "cmd"}, {"write_stdin", "session_id"}, {"view_image", "path"}};
static const char *const gemini_tools[][2] = {{"list_directory", "dir_path"},
                                              {"read_file", "file_path"},
                                              {"replace", "file_path"},
                                              {"run_shell_command", "command"}};
static const char *const opencode_tools[][2] = {{"bash", "command"},
                                                {"edit", "filePath"},
                                                {"read", "filePath"},
                                                {"task", "prompt"},
                                                {"write", "filePath"}};

#define TOOLS(list) list, sizeof(list) / sizeof *(list)

/* Anthropic's messages: the person's, then a tool call and its result for each turn. */
static void anthropic_messages(const struct job *j, struct job_call at, const char *tool, struct buf *out)
{
	char id[32];

	for (int t = 0; t < turns_of(at); t++) {
		uint64_t seed = turn_seed(j, at, t);

		call_name(j, at, t, id);
		BUF_LIT(out, ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":");
		add_text(out, text_prose, seed, 120);
		buf_fmt(
		    out,
		    "},{\"type\":\"tool_use\",\"id\":\"toolu_%s\",\"name\":\"%s\",\"input\":{\"command\":",
		    id, tool);
		add_command(out, seed);
		buf_fmt(out,
		        "}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
		        "\"toolu_%s\","
		        "\"content\":",
		        id);
		add_result(out, seed);
		if (t + 1 == turns_of(at))
			BUF_LIT(out, ",\"cache_control\":{\"type\":\"ephemeral\"}");
		BUF_LIT(out, "}]}");
	}
}

static void claude_body(const struct job *j, struct job_call at, struct buf *out)
{
	buf_fmt(
	    out,
	    "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":",
	    j->model);
	buf_fmt(out,
	        "\"<system-reminder>\\n# gitStatus\\nCurrent branch: %s\\n\\nMain branch (you will usually "
	        "use this for "
	        "PRs): main\\n</system-reminder>\"},{\"type\":\"text\",\"text\":\"<system-reminder>\\n# "
	        "Environment\\n - "
	        "Primary working directory: /home/dev/src/%s\\n - Is a git repository: "
	        "true\\n</system-reminder>\"},",
	        j->branch, j->repo->name);
	BUF_LIT(out, "{\"type\":\"text\",\"text\":");
	buf_json(out, str_of(what_to_do(j, at)));
	if (!turns_of(at))
		BUF_LIT(out, ",\"cache_control\":{\"type\":\"ephemeral\"}");
	BUF_LIT(out, "}]}");
	anthropic_messages(j, at, "Bash", out);
	buf_fmt(out,
	        "],\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cc_version=2.1.330; "
	        "cc_entrypoint=%s;%s\"},{\"type\":\"text\",\"text\":\"You work with a team on its code. This "
	        "is a "
	        "simulated agent.\",\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":",
	        j->ci ? "sdk-cli" : "cli", at.sub ? " cc_is_subagent=true;" : "");
	add_text(out, text_prose, at.sub ? 12 : 11, SYSTEM_BYTES);
	BUF_LIT(out, ",\"cache_control\":{\"type\":\"ephemeral\"}}],\"tools\":[");
	add_tools(out, TOOLS(claude_tools), "input_schema", false);
	buf_fmt(out,
	        "],\"metadata\":{\"user_id\":\"{\\\"device_id\\\":\\\"%016llx\\\",\\\"account_uuid\\\":"
	        "\\\"\\\",\\\"session_id\\\":"
	        "\\\"%s\\\"}\"},\"max_tokens\":32000,\"stream\":true}",
	        (unsigned long long)hash_bytes(4, j->session, 8), j->session);
}

/* The small call that gives the session its title. */
static void title_body(const struct job *j, struct buf *out)
{
	buf_fmt(out,
	        "{\"model\":\"%s\",\"max_tokens\":200,\"stream\":true,\"system\":[{\"type\":\"text\","
	        "\"text\":\"You give a "
	        "conversation a title of three "
	        "words.\"}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
	        "\"text\":",
	        j->small_model);
	buf_json(out, str_of(j->task));
	BUF_LIT(out, "}]}]}");
}

static void codex_body(const struct job *j, struct job_call at, struct buf *out)
{
	char id[32];

	buf_fmt(out, "{\"model\":\"%s\",\"stream\":true,\"instructions\":", j->model);
	add_text(out, text_prose, 21, SYSTEM_BYTES * 2 / 3);
	BUF_LIT(out, ",\"tools\":[");
	add_tools(out, TOOLS(codex_tools), "parameters", true);
	buf_fmt(out,
	        "],\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
	        "\"text\":"
	        "\"<environment_context>\\n  <cwd>/home/dev/src/%s</cwd>\\n  "
	        "<shell>bash</shell>\\n</environment_context>\"}]},"
	        "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":",
	        j->repo->name);
	buf_json(out, str_of(what_to_do(j, at)));
	BUF_LIT(out, "}]}");
	for (int t = 0; t < turns_of(at); t++) {
		uint64_t seed = turn_seed(j, at, t);

		call_name(j, at, t, id);
		BUF_LIT(out, ",{\"type\":\"function_call\",\"name\":\"exec_command\",\"arguments\":");
		add_arguments(out, "cmd", seed);
		buf_fmt(out,
		        ",\"call_id\":\"call_%s\"},{\"type\":\"function_call_output\",\"call_id\":\"call_%"
		        "s\",\"output\":",
		        id, id);
		add_result(out, seed);
		BUF_LIT(out, "}");
	}
	buf_fmt(out,
	        "],\"tool_choice\":\"auto\",\"parallel_tool_calls\":true,\"reasoning\":{\"effort\":"
	        "\"medium\"},\"store\":false,"
	        "\"include\":[\"reasoning.encrypted_content\"],\"prompt_cache_key\":\"%s\"}",
	        j->session);
}

static void gemini_contents(const struct job *j, struct job_call at, struct buf *out)
{
	buf_fmt(out,
	        "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"<session_context>\\nMy operating "
	        "system is: linux\\n- "
	        "**Workspace Directories:**\\n  - "
	        "/home/dev/src/%s\\n</session_context>\"}]},{\"role\":\"user\",\"parts\":[{\"text\":",
	        j->repo->name);
	buf_json(out, str_of(what_to_do(j, at)));
	BUF_LIT(out, "}]}");
	for (int t = 0; t < turns_of(at); t++) {
		uint64_t seed = turn_seed(j, at, t);

		BUF_LIT(out, ",{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"run_shell_"
		             "command\",\"args\":{\"command\":");
		add_command(out, seed);
		BUF_LIT(out, "}},\"thoughtSignature\":\"c2ltdWxhdGVk\"}]},{\"role\":\"user\",\"parts\":[{"
		             "\"functionResponse\":{\"name\":"
		             "\"run_shell_command\",\"response\":{\"output\":");
		add_result(out, seed);
		BUF_LIT(out, "}}}]}");
	}
	BUF_LIT(out, "]");
}

static void gemini_body(const struct job *j, struct job_call at, struct buf *out)
{
	BUF_LIT(out, "{");
	gemini_contents(j, at, out);
	BUF_LIT(out, ",\"systemInstruction\":{\"parts\":[{\"text\":");
	if (at.turn < 0) {
		BUF_LIT(out, "\"You say how hard a task "
		             "is.\"}]},\"generationConfig\":{\"responseMimeType\":\"application/json\","
		             "\"responseJsonSchema\":{\"type\":\"OBJECT\",\"properties\":{\"complexity_"
		             "score\":{\"type\":\"INTEGER\"}},"
		             "\"required\":[\"complexity_score\"]}}}");
		return;
	}
	add_text(out, text_prose, 31, SYSTEM_BYTES);
	BUF_LIT(out, "}],\"role\":\"user\"},\"tools\":[{\"functionDeclarations\":[");
	add_tools(out, TOOLS(gemini_tools), "parametersJsonSchema", false);
	BUF_LIT(out, "]}],\"generationConfig\":{\"temperature\":1,\"topP\":0.95,\"topK\":64,"
	             "\"thinkingConfig\":{\"includeThoughts\":true}}}");
}

static void opencode_body(const struct job *j, struct job_call at, struct buf *out)
{
	buf_fmt(out,
	        "{\"model\":\"%s\",\"max_tokens\":32000,\"system\":[{\"type\":\"text\",\"text\":", j->model);
	struct buf t = {0};

	text_prose(&t, 41, SYSTEM_BYTES / 2);
	buf_fmt(&t,
	        "\n<env>\n  Working directory: /home/dev/src/%s\n  Is directory a git repo: yes\n</env>\n",
	        j->repo->name);
	buf_json(out, (struct str){t.p, t.len});
	buf_free(&t);
	BUF_LIT(out, ",\"cache_control\":{\"type\":\"ephemeral\"}}],\"messages\":[{\"role\":\"user\","
	             "\"content\":[{\"type\":"
	             "\"text\",\"text\":");
	buf_json(out, str_of(what_to_do(j, at)));
	BUF_LIT(out, "}]}");
	anthropic_messages(j, at, "bash", out);
	BUF_LIT(out, "],\"tools\":[");
	add_tools(out, TOOLS(opencode_tools), "input_schema", false);
	BUF_LIT(out, "],\"tool_choice\":{\"type\":\"auto\"},\"stream\":true}");
}

void team_body(const struct job *j, struct job_call at, struct buf *out)
{
	static void (*const bodies[])(const struct job *, struct job_call, struct buf *) = {
	    [AGENT_CLAUDE] = claude_body,
	    [AGENT_CODEX] = codex_body,
	    [AGENT_GEMINI] = gemini_body,
	    [AGENT_OPENCODE] = opencode_body,
	};

	if (at.turn < 0 && j->agent != AGENT_GEMINI)
		title_body(j, out);
	else
		bodies[j->agent](j, at, out);
}

void team_path(const struct job *j, struct job_call at, struct buf *out)
{
	if (j->agent == AGENT_CLAUDE)
		BUF_LIT(out, "/v1/messages?beta=true");
	else if (j->agent == AGENT_OPENCODE)
		BUF_LIT(out, "/v1/messages");
	else if (j->agent == AGENT_CODEX)
		BUF_LIT(out, "/v1/responses");
	else if (at.turn < 0)
		buf_fmt(out, "/v1beta/models/%s:generateContent", j->small_model);
	else
		buf_fmt(out, "/v1beta/models/%s:streamGenerateContent?alt=sse", j->model);
}
