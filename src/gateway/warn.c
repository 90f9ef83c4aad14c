/* Claude Code reads anthropic-ratelimit-unified-* from answers. The form is the one that the client's own
 * guide for gateways gives (in its program, 2.1.330): the claim "overage", since the others mean rolling
 * windows that the client does sums on; the share spent, below 1; above 75 % and 95 % the threshold that was
 * passed, at which it warns its user. A refusal is not told this way: the words of the refusal itself are
 * shown. */
#include "gateway/warn.h"

#include "base/money.h"
#include "base/num.h"

#define HUNDRED 100

/* Hundredths of the limit that are spent, rounded; at most 99, since at 100 the client takes the limit for
 * reached. */
static int64_t spent_hundredths(const struct budget_left *b)
{
	int64_t limit = b->limit, spent = limit - num_min_i64(num_max_i64(b->left, 0), limit), scaled;
	while (
	    !num_mul_i64(spent, HUNDRED, &scaled)) { /* beyond 92 million dollars a thousandth is no matter */
		spent /= HUNDRED;
		limit /= HUNDRED;
	}
	return limit > 0 ? num_min_i64((scaled + limit / 2) / limit, HUNDRED - 1) : HUNDRED - 1;
}

static slice share(int64_t hundredths, struct arena *mem)
{
	return arena_printf(mem, "0.%02lld", (long long)hundredths);
}

static bool has_own_word(const struct headers *provider)
{
	return headers_get(provider, SLICE("anthropic-ratelimit-unified-status")).p != NULL;
}

static size_t unified(const struct budget_left *b, struct arena *mem, struct header *at)
{
	int64_t spent = spent_hundredths(b);
	const char *passed = spent > 95 ? "0.95" : spent > 75 ? "0.75" : NULL;
	slice status = passed ? SLICE("allowed_warning") : SLICE("allowed");
	slice reset = arena_printf(mem, "%lld", (long long)(b->resets_ms / 1000));
	size_t n = 0;
	at[n++] = (struct header){SLICE("anthropic-ratelimit-unified-status"), status};
	at[n++] =
	    (struct header){SLICE("anthropic-ratelimit-unified-representative-claim"), SLICE("overage")};
	at[n++] = (struct header){SLICE("anthropic-ratelimit-unified-overage-status"), status};
	at[n++] =
	    (struct header){SLICE("anthropic-ratelimit-unified-overage-utilization"), share(spent, mem)};
	if (b->resets_ms > 0) {
		at[n++] = (struct header){SLICE("anthropic-ratelimit-unified-reset"), reset};
		at[n++] = (struct header){SLICE("anthropic-ratelimit-unified-overage-reset"), reset};
	}
	if (passed)
		at[n++] = (struct header){SLICE("anthropic-ratelimit-unified-overage-surpassed-threshold"),
		                          slice_of(passed)};
	return n;
}

size_t warn_headers(const struct budget_left *b, const struct headers *provider, bool claude_code,
                    struct arena *mem, struct header *at)
{
	char usd[MONEY_TEXT_MAX];
	if (b->name.n == 0 || b->limit <= 0)
		return 0;
	size_t n = money_format_exact(num_max_i64(b->left, 0), usd);
	at[0] = (struct header){SLICE("x-weir-budget-remaining"),
	                        arena_printf(mem, SLICE_FMT "=%.*s", SLICE_ARG(b->name), (int)n, usd)};
	return 1 + (claude_code && !has_own_word(provider) ? unified(b, mem, at + 1) : 0);
}
