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
