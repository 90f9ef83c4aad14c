#include "policy/gate.h"

void gate_decide(const struct gate_rule *gates, size_t n, const struct facts *f, struct gate_verdict *out)
{
	const struct gate_rule *shadow = NULL;
	*out = (struct gate_verdict){0};
	for (size_t i = 0; i < n && out->gate == NULL; i++) {
		const struct gate_rule *g = &gates[i];
		bool in_shadow = g->rule.mode == MODE_SHADOW;
		if ((in_shadow && shadow) || !rule_applies(&g->rule, f))
			continue;
		if (in_shadow)
			shadow = g;
		else
			out->gate = g;
	}
	out->deny = out->gate && !out->gate->allow;
	if (shadow && shadow->allow == out->deny)
		out->shadow = shadow;
}

/* Without the full stop that the sentence gets later. */
static slice reason(const struct gate_rule *g)
{
	slice deny = slice_trim(g->deny);
	while (slice_ends(deny, SLICE(".")))
		deny.n--;
	return deny;
}

slice gate_shadow_text(const struct gate_rule *g, struct arena *mem)
{
	if (g->allow)
		return arena_printf(mem, "gate \"" SLICE_FMT "\" would let it through",
		                    SLICE_ARG(g->rule.name));
	return arena_printf(mem, "gate \"" SLICE_FMT "\" would refuse: " SLICE_FMT, SLICE_ARG(g->rule.name),
	                    SLICE_ARG(reason(g)));
}

slice gate_deny_text(const struct gate_rule *g, struct arena *mem)
{
	return arena_printf(mem, "Gate \"" SLICE_FMT "\" refuses this call: " SLICE_FMT,
	                    SLICE_ARG(g->rule.name), SLICE_ARG(reason(g)));
}
