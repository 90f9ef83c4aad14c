#include "store/ledger.h"

#include "store/ledger_sqlite.h"

const struct ledger_ops *ledger_for(slice store, slice *rest, struct error *e)
{
	slice scheme;
	*rest = store;
	if (slice_find_char(store, ':') >= 0 && slice_split(rest, ':', &scheme) &&
	    slice_eq(scheme, SLICE("sqlite")))
		return &ledger_sqlite_ops;
	error_set(e, ERR_UNSUPPORTED, "store \"" SLICE_FMT "\": this weir knows sqlite:PATH",
	          SLICE_ARG(store));
	return NULL;
}

void ledger_measures_none(struct ledger_measures *m)
{
	memset(m, 0, sizeof *m);
	m->runtime_s = m->tool_calls = RECORD_ABSENT;
	m->context_tokens = TOKENS_ABSENT;
	m->credits_nano = RECORD_ABSENT;
	for (int i = 0; i < METER_N; i++)
		m->meters[i] = TOKENS_ABSENT;
	m->tool_failures = RECORD_ABSENT;
	for (int i = 0; i < SENT_N; i++)
		m->part_tokens[i] = m->part_nanousd[i] = RECORD_ABSENT;
}
