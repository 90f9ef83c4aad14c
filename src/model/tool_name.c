#include "model/tool_name.h"

slice tool_mcp_server(slice name)
{
	slice rest, server;
	if (slice_starts(name, SLICE("mcp__"))) {
		rest = slice_sub(name, 5, name.n);
		ptrdiff_t end = slice_find(rest, SLICE("__"));
		return end > 0 ? slice_sub(rest, 0, (size_t)end) : rest;
	}
	if (!slice_starts(name, SLICE("mcp_")))
		return SLICE_NONE;
	rest = slice_sub(name, 4, name.n);
	return slice_split(&rest, '_', &server) && rest.n ? server : SLICE_NONE;
}

/* What opencode's own tools with an underscore are called; a server's tool is SERVER_TOOL there. */
static const slice opencode_own[] = {SLICE("apply_patch"), SLICE("plan_enter"), SLICE("plan_exit"),
                                     SLICE("todo_read"),   SLICE("todo_write"), SLICE("invalid_tool")};

static slice before(slice s, slice mark)
{
	ptrdiff_t at = slice_find(s, mark);
	return at > 0 && (size_t)at + mark.n < s.n ? slice_sub(s, 0, (size_t)at) : SLICE_NONE;
}

/* "mcp__server" and "mcp__server__" are a namespace of a server; others group the agent's own tools. */
static slice of_space(slice space)
{
	if (!slice_starts(space, SLICE("mcp__")))
		return SLICE_NONE;
	slice server = slice_sub(space, 5, space.n);
	while (slice_ends(server, SLICE("_")))
		server.n--;
	return server;
}

slice tool_server(slice agent, slice name, slice space)
{
	bool codex = slice_eq(agent, SLICE("codex"));
	if (space.n)
		return codex || slice_starts(space, SLICE("mcp__")) ? of_space(space) : space;
	slice server = tool_mcp_server(name);
	if (server.n)
		return server;
	if (slice_eq(agent, SLICE("gemini-cli")))
		return before(name, SLICE("__"));
	if (codex)
		return before(name, SLICE("__"));
	if (!slice_eq(agent, SLICE("opencode")))
		return SLICE_NONE;
	for (size_t i = 0; i < sizeof opencode_own / sizeof opencode_own[0]; i++)
		if (slice_eq(name, opencode_own[i]))
			return SLICE_NONE;
	return before(name, SLICE("_"));
}
