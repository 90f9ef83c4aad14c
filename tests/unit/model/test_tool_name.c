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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(servers)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
