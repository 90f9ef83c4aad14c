/* on_abort: drain. A provider that bills a cancelled call whole, or bills what it made until it noticed,
 * tells its usage only to who reads on. The exchange then outlives its client. */
#include "gateway/exchange_impl.h"
#include "gateway/settle.h"

bool exchange_drain(struct exchange *ex)
{
	const struct limits *l = &ex->settings->limits;
	bool under_way = ex->call && (ex->state == EX_CALLING || ex->state == EX_ANSWERING);
	if (ex->draining)
		return under_way;
	if (!under_way || !ex->left || !ex->price || ex->provider->on_abort != ABORT_DRAIN ||
	    atomic_load_explicit(&ex->w->stop, memory_order_relaxed))
		return false;
	ex->draining = true;
	ex->drain_until_us = clock_mono_us(ex->w->shared->clock) + l->abort_ms * 1000;
	ex->drain_left = l->abort_bytes;
	ex->end.wanted = false;
	ex->broken = true;
	upstream_resume(ex->call);
	return true;
}

static void not_woken(struct exchange *ex)
{
	(void)ex; /* there is nobody any more */
}

void exchange_detach(struct exchange *ex)
{
	ex->detached = true;
	ex->wake = not_woken;
	ex->connection = ex->client = NULL;
	/* These texts are the connection's. */
	ex->method = arena_copy(&ex->mem, ex->method);
	ex->headers = (struct headers){NULL, 0};
	ex->target_raw = ex->version = SLICE_NONE;
	ex->target = (struct target){.api = ex->target.api};
}

void exchange_drained(struct exchange *ex, bool whole)
{
	if (whole && ex->gather) {
		meter_whole(&ex->meter, slice_make(ex->whole.p, ex->whole.n));
		ex->gather = false;
	}
	buf_clear(&ex->out);
	if (whole && meter_finish(&ex->meter, &ex->out))
		whole = false;
	exchange_stop_provider(ex);
	if (whole)
		COUNT(ex->w, drained);
	else
		COUNT(ex->w, drain_cut);
	settle_call(ex, ENDING_CLIENT_GONE,
	            whole ? "the client closed its connection; the answer was read to its end for its usage"
	                  : "the client closed its connection; what was read of the answer afterwards did "
	                    "not come to its end");
	exchange_set_state(ex, EX_ANSWERED);
	if (ex->detached) {
		exchange_set_state(ex, EX_CLOSED);
		exchange_free(ex);
	}
}
