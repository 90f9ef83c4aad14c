/* Which MCP server a tool is of, by the names that agents give to such tools. */
#ifndef WEIR_MODEL_TOOL_NAME_H
#define WEIR_MODEL_TOOL_NAME_H

#include "base/slice.h"

/* The server in a tool's name; n 0 when it names none:
 *	mcp__SERVER__TOOL   Claude Code, Codex, Qwen Code
 *	mcp_SERVER_TOOL     Gemini CLI (a server's own underscores cannot be told from the one behind it: the
 *	                    first ends it)
 * opencode writes SERVER_TOOL, which looks like any other name: it is none. */
slice tool_mcp_server(slice name);

/* The same when it is known whose tool it is (the ledger's name of the agent) and what stands beside its name
 * in the request (space: a namespace, or the server's label): docs/tools.md, "Names". A part of name or
 * space. */
slice tool_server(slice agent, slice name, slice space);

#endif
