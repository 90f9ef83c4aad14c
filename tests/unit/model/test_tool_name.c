/* The MCP server in a tool's name. */
#include "model/tool_name.h"
#include "unit/unit.h"

static void servers(void **state)
{
	static const struct {
		const char *name, *server;
	} cases[] = {
	    {"mcp__github__create_issue", "github"},
	    {"mcp__my_server__a__b", "my_server"},
	    {"mcp__alone", "alone"},
	    {"mcp_files_read_text", "files"},
	    {"mcp_files", ""},
	    {"mcp____x", "__x"},
	    {"mcp__", ""},
	    {"mcp_", ""},
	    {"Bash", ""},
	    {"github_create_issue", ""},
	    {"", ""},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		slice s = tool_mcp_server(slice_of(cases[i].name));
		assert_true(slice_eq(s, slice_of(cases[i].server)));
	}
}

static void servers_by_agent(void **state)
{
	static const struct {
		const char *agent, *name, *space, *server;
	} cases[] = {
	    {"claude-code", "mcp__jira__get_issue", "", "jira"},
	    {"claude-code", "list_directory", "", ""},
	    {"codex", "jira__get_issue", "", "jira"},
	    {"codex", "get_issue", "mcp__jira__", "jira"},
	    {"codex", "spawn_agent", "multi_agent_v1", ""},
	    {"gemini-cli", "mcp_jira_get", "", "jira"},
	    {"gemini-cli", "jira__get", "", "jira"},
	    {"gemini-cli", "run_shell_command", "", ""},
	    {"opencode", "jira_get_issue", "", "jira"},
	    {"opencode", "apply_patch", "", ""},
	    {"opencode", "webfetch", "", ""},
	    {"", "search", "deepwiki", "deepwiki"},
	    {"", "jira_get_issue", "", ""},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		slice s =
		    tool_server(slice_of(cases[i].agent), slice_of(cases[i].name), slice_of(cases[i].space));
		if (!slice_eq(s, slice_of(cases[i].server)))
			fail_msg("%s: %s: " SLICE_FMT, cases[i].agent, cases[i].name, SLICE_ARG(s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(servers), cmocka_unit_test(servers_by_agent)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
