/* Gates: which calls may be made at all. The first that matches decides; what none matches may be made.
 *
 * Gates in shadow decide nothing: the first of them that matches, before the one that decides, says what it
 * would have done when that is something else. */
#ifndef WEIR_POLICY_GATE_H
#define WEIR_POLICY_GATE_H

#include "base/arena.h"
#include "model/rules.h"

struct gate_verdict {
	const struct gate_rule *gate; /* that decided; NULL: none matched */
	bool deny;
	const struct gate_rule *shadow; /* would have decided otherwise; NULL: none */
};
void gate_decide(const struct gate_rule *gates, size_t n, const struct facts *f, struct gate_verdict *out);

/* For the ledger's `shadow`: `gate "ci-push" would refuse: agents run on pull requests only`. */
slice gate_shadow_text(const struct gate_rule *g, struct arena *mem);
/* `Gate "ci-push" refuses this call: agents run on pull requests only`, no full stop. */
slice gate_deny_text(const struct gate_rule *g, struct arena *mem);

#endif
