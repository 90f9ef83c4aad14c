#include "policy/context.h"

int64_t context_least(const struct context_rule *rules, size_t n, const struct facts *f)
{
	int64_t least = INT64_MAX;
	for (size_t i = 0; i < n; i++)
		if (rules[i].tokens < least && rule_applies(&rules[i].rule, f))
			least = rules[i].tokens;
	return least;
}

void context_decide(const struct context_rule *rules, size_t n, const struct facts *f, int64_t tokens,
                    struct context_verdict *out)
{
	*out = (struct context_verdict){0};
	for (size_t i = 0; i < n && out->rule == NULL; i++) {
		const struct context_rule *c = &rules[i];
		if (tokens <= c->tokens || !rule_applies(&c->rule, f))
			continue;
		if (c->rule.mode == MODE_ENFORCE)
			out->rule = c;
		else if (out->shadow == NULL)
			out->shadow = c;
	}
}

slice context_shadow_text(const struct context_rule *c, int64_t tokens, struct arena *mem)
{
	return arena_printf(mem, "context \"" SLICE_FMT "\" would refuse: %lld tokens, the limit is %lld",
	                    SLICE_ARG(c->rule.name), (long long)tokens, (long long)c->tokens);
}

slice context_deny_text(const struct context_rule *c, int64_t tokens, struct arena *mem)
{
	return arena_printf(mem, "Context too large: %lld tokens, the limit \"" SLICE_FMT "\" is %lld",
	                    (long long)tokens, SLICE_ARG(c->rule.name), (long long)c->tokens);
}

bool context_is_summary_asked(slice text)
{
	static const slice phrases[] = {
	    SLICE("detailed summary of"),           /* Claude Code */
	    SLICE("context checkpoint compaction"), /* Codex */
	    SLICE("<state_snapshot>"),              /* Gemini CLI, Qwen Code */
	    SLICE("anchored summary"),              /* opencode */
	    SLICE("summary of the conversation"),
	    SLICE("summarize the conversation"),
	    SLICE("summarize this conversation"),
	    SLICE("compact the conversation"),
	};
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		for (size_t at = 0; at + phrases[i].n <= text.n; at++)
			if (slice_starts_nocase(slice_sub(text, at, text.n), phrases[i]))
				return true;
	return false;
}
