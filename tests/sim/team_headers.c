/* The headers of each agent, and those that `weir run` or a CI job adds. */
#include <stdio.h>
#include <string.h>

#include "team.h"

struct sink {
	void (*add)(void *to, const char *line);
	void *to;
};

static void put(const struct sink *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(const struct sink *s, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	s->add(s->to, line);
}

static void claude_headers(const struct job *j, struct job_call at, const char *key, const struct sink *s)
{
	put(s, "User-Agent: claude-cli/2.1.330 (external, %s)", j->ci ? "sdk-cli" : "cli");
	put(s, "X-Claude-Code-Session-Id: %s", j->session);
	if (at.sub)
		put(s, "x-claude-code-agent-id: %s", j->sub_session);
	put(s, "X-Stainless-Retry-Count: 0");
	put(s, "anthropic-beta: "
	       "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27");
	put(s, "anthropic-version: 2023-06-01");
	put(s, "x-app: cli");
	if (key)
		put(s, "x-api-key: %s", key);
}

static void codex_headers(const struct job *j, struct job_call at, const char *key, const struct sink *s)
{
	const char *thread = at.sub ? j->sub_session : j->session;

	put(s, "originator: codex_exec");
	put(s, "User-Agent: codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm-256color (codex_exec; 0.169.0)");
	put(s, "session-id: %s", j->session);
	put(s, "thread-id: %s", thread);
	if (at.sub) {
		put(s, "x-openai-subagent: collab_spawn");
		put(s, "x-codex-parent-thread-id: %s", j->session);
	}
	put(s,
	    "x-codex-turn-metadata: "
	    "{\"session_id\":\"%s\",\"thread_id\":\"%s\",\"turn_id\":\"%s-%d\",\"request_kind\":\"turn\","
	    "\"sandbox\":\"none\",\"workspaces\":{\"/home/dev/src/"
	    "%s\":{\"associated_remote_urls\":{\"origin\":\"https://%s.git\"},"
	    "\"latest_git_commit_hash\":\"%040llx\",\"has_changes\":true}},\"model\":\"%s\"}",
	    j->session, thread, thread, at.turn, j->repo->name, j->repo->host_path,
	    (unsigned long long)mix64(j->seed), j->model);
	if (key)
		put(s, "Authorization: Bearer %s", key);
}

static void gemini_headers(const struct job *j, struct job_call at, const char *key, const struct sink *s)
{
	put(s, "User-Agent: GeminiCLI-tui/0.61.0/%s (linux; x64; terminal)", j->model);
	put(s, "x-goog-api-client: google-genai-sdk/1.30.0 gl-node/v22.23.3");
	if (key)
		put(s, "x-goog-api-key: %s", key);
	(void)at;
}

static void opencode_headers(const struct job *j, struct job_call at, const char *key, const struct sink *s)
{
	put(s, "User-Agent: opencode/1.18.33 ai-sdk/provider-utils/4.0.46 runtime/bun/1.3.14");
	put(s, "anthropic-version: 2023-06-01");
	put(s, "x-session-id: ses_%s", at.sub ? j->sub_session : j->session);
	put(s, "x-session-affinity: ses_%s", at.sub ? j->sub_session : j->session);
	if (at.sub)
		put(s, "x-parent-session-id: ses_%s", j->session);
	if (key)
		put(s, "x-api-key: %s", key);
}

/* The answer that suits the turn: a tool call while there is work, then a text; of some size. */
static void sim_headers(const struct job *j, struct job_call at, const struct sink *s)
{
	uint64_t seed = mix64(j->seed + (uint64_t)(at.turn + 2));

	if (at.turn < 0) {
		put(s, "x-sim: reply_tokens=8");
		return;
	}
	put(s, "x-sim-script: %s:%d", j->stuck ? "stuck" : "task", at.sub ? TEAM_SUB_TURNS : j->turns);
	put(s, "x-sim: reply_tokens=%llu%s",
	    (unsigned long long)(30 + team_pick(&seed, 20) * team_pick(&seed, 40)),
	    at.leaves ? ";rate=40" : "");
}

void team_headers(const struct job *j, struct job_call at, const char *person, const char *key,
                  void (*add)(void *to, const char *line), void *to)
{
	static void (*const agents[])(const struct job *, struct job_call, const char *,
	                              const struct sink *) = {
	    [AGENT_CLAUDE] = claude_headers,
	    [AGENT_CODEX] = codex_headers,
	    [AGENT_GEMINI] = gemini_headers,
	    [AGENT_OPENCODE] = opencode_headers,
	};
	struct sink s = {add, to};

	agents[j->agent](j, at, key, &s);
	put(&s, "Content-Type: application/json");
	put(&s, "Expect:");
	put(&s, "x-weir-repo: %s", j->repo->host_path);
	put(&s, "x-weir-branch: %s", j->branch);
	put(&s, "x-weir-commit: %040llx", (unsigned long long)mix64(j->seed));
	if (j->workflow)
		put(&s, "x-weir-workflow: %s", j->workflow);
	if (j->ci) {
		put(&s, "x-weir-environment: ci");
		put(&s, "x-weir-trigger: pull_request");
		put(&s, "x-weir-pr: %d", j->pr);
	}
	if (!key)
		put(&s, "x-weir-tags: person=%s", person);
	sim_headers(j, at, &s);
}
