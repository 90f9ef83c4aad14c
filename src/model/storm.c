#include "model/storm.h"

#include <stdio.h>

#include "base/money.h"

const struct storm_limits storm_limits_usual = {
    .repeat_calls = 6,
    .cycles = 3,
    .same_error = 4,
    .invalid_calls = 5,
    .near_duplicates = 12,
    .reads = 80,
    .compactions = 4,
    .turns = 200,
    .runtime_ms = INT64_C(2) * 3600 * 1000,
    .fan_out = 20,
    .depth = 4,
    .retry_calls = 20,
    .retry_nanousd = INT64_C(5000000000),
    .opening_burn_nanousd = INT64_C(5000000000), /* three people with one prompt do not spend so much */
};

static const struct {
	const char *name, *text;
} signals[STORM_N] = {
#define X(id, name, text) [id] = {#name, text},
    STORM_LIST(X)
#undef X
};

const char *storm_name(enum storm_signal s)
{
	return s < STORM_N ? signals[s].name : "?";
}

const char *storm_action_name(enum storm_action a)
{
	static const char *const names[] = {
#define X(id, name) #name,
	    STORM_ACTION_LIST(X)
#undef X
	};
	return a < STORM_ACTIONS ? names[a] : "?";
}

enum storm_signal storm_from_name(slice name)
{
	int i = 0;
	while (i < STORM_N && !slice_eq(name, slice_of(signals[i].name)))
		i++;
	return (enum storm_signal)i;
}

/* The text with its %s and %u filled in, in whatever order they stand. */
static size_t fill(const char *text, const struct storm_finding *f, char *out, size_t cap)
{
	size_t n = 0;
	for (; *text && n + 1 < cap; text++) {
		if (text[0] == '%' && (text[1] == 's' || text[1] == 'u')) {
			int added = text[1] == 's' ? snprintf(out + n, cap - n, "%s", f->what)
			                           : snprintf(out + n, cap - n, "%u", f->count);
			n += added > 0 ? (size_t)added : 0;
			text++;
		} else {
			out[n++] = *text;
		}
	}
	n = n < cap ? n : cap - 1;
	out[n] = '\0';
	return n;
}

void storm_sentence(const struct storm_finding *f, char *out, size_t cap)
{
	char usd[MONEY_TEXT_MAX];
	if (cap == 0)
		return;
	size_t n = fill(signals[f->signal].text, f, out, cap);
	long long s = (long long)f->for_s;
	int added = 0;
	if (s >= 7200)
		added = snprintf(out + n, cap - n, " in %lld hours", s / 3600);
	else if (s >= 120)
		added = snprintf(out + n, cap - n, " in %lld minutes", s / 60);
	else if (s > 0)
		added = snprintf(out + n, cap - n, " in %lld seconds", s);
	n += added > 0 ? (size_t)added : 0;
	if (f->cost_nanousd > 0 && n < cap) {
		money_format_human(f->cost_nanousd, usd);
		snprintf(out + n, cap - n, ", %s", usd);
	}
}
