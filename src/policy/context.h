/* Limits of a context: how large a request may be before it is refused. What it would cost is a budget's
 * matter; this is for contexts that only grow, and do worse and cost more with each turn. */
#ifndef WEIR_POLICY_CONTEXT_H
#define WEIR_POLICY_CONTEXT_H

#include "base/arena.h"
#include "model/rules.h"

/* The least limit of the rules that apply, in shadow or not; INT64_MAX: none does. A request that cannot be
 * above it need not be counted. */
int64_t context_least(const struct context_rule *rules, size_t n, const struct facts *f);

struct context_verdict {
	const struct context_rule *rule;   /* the first that refuses; NULL: none */
	const struct context_rule *shadow; /* the first that would; NULL: none */
};
/* tokens: of the request's input, as foreseen. */
void context_decide(const struct context_rule *rules, size_t n, const struct facts *f, int64_t tokens,
                    struct context_verdict *out);

/* For the ledger's `shadow`, and for people (no full stop). */
slice context_shadow_text(const struct context_rule *c, int64_t tokens, struct arena *mem);
slice context_deny_text(const struct context_rule *c, int64_t tokens, struct arena *mem);

/* A text with which agents ask their model to sum the conversation up, so that it becomes shorter: the whole
 * of it goes along once more, and to refuse that would leave no way out. Escapes as they stand. */
bool context_is_summary_asked(slice text);

#endif
