/* What an answer says of the budget it was paid from: a header for everybody, and the warning that Claude
 * Code shows its user by itself. */
#ifndef WEIR_GATEWAY_WARN_H
#define WEIR_GATEWAY_WARN_H

#include <stdint.h>

#include "base/arena.h"
#include "model/types.h"

/* The tightest of the budgets that a call is paid from; name n 0: none. */
struct budget_left {
	slice name;
	int64_t limit, left; /* nano-dollars; left: of the limit, after what is spent and held */
	int64_t resets_ms;   /* wall clock; 0: not by itself */
};

#define WARN_HEADERS_MAX 8
/* The headers, in mem, into at (of WARN_HEADERS_MAX); how many. provider: those of the provider's answer,
 * whose own word of a plan's limits stands. claude_code: the client is Claude Code. */
size_t warn_headers(const struct budget_left *b, const struct headers *provider, bool claude_code,
                    struct arena *mem, struct header *at);

#endif
