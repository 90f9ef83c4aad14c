/* Time limits of a call. */
#include "gateway/exchange_impl.h"

static void time_out(struct exchange *ex, const char *limit, int64_t limit_ms)
{
	slice text = arena_printf(
	    &ex->mem, "the provider \"" SLICE_FMT "\" took too long: over %lld s (%s in Weir's settings)",
	    SLICE_ARG(ex->provider->name), (long long)(limit_ms / 1000), limit);
	exchange_cut_short(ex, ENDING_TIMEOUT, REFUSAL_TIMEOUT, text);
}

void exchange_tick(struct exchange *ex, int64_t now_us)
{
	if (ex->state != EX_CALLING && ex->state != EX_ANSWERING)
		return;
	if (ex->draining) {
		if (ex->drain_left < 0 || now_us > ex->drain_until_us)
			exchange_drained(ex, false);
		return;
	}
	batch_tap_tick(ex);
	const struct provider *p = ex->provider;
	bool waits_for_client = exchange_out_ready(ex) >= ex->settings->limits.stream_buffer / 2;
	if (now_us - ex->arrived_us > p->total_ms * 1000)
		time_out(ex, "total", p->total_ms);
	else if (ex->state == EX_CALLING && now_us - ex->asked_us > p->first_byte_ms * 1000)
		time_out(ex, "first_byte", p->first_byte_ms);
	else if (ex->state == EX_ANSWERING && !waits_for_client &&
	         now_us - ex->last_byte_us > p->idle_ms * 1000)
		time_out(ex, "idle", p->idle_ms);
}
