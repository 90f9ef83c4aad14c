/* Telemetry is sent by anyone who reaches the console: whatever stands in it, a body gives whole records or
 * none, and one that is refused gave none. The first byte chooses the signal and the encoding. */
#include <stdint.h>
#include <stdlib.h>

#include "finops/otlp.h"

static int on_call(void *arg, const struct record *r)
{
	size_t *calls = arg;
	if (r->id[0] == '\0' || r->time_ms <= 0 || !slice_eq(r->text[TEXT_SOURCE], SLICE("otlp")))
		abort();
	if (r->text[TEXT_CALL_KEY].n == 0 || r->text[TEXT_CALL_KEY].n > 95)
		abort();
	for (int m = 0; m < METER_N; m++)
		if (r->usage.m[m] < 0 && r->usage.m[m] != TOKENS_ABSENT)
			abort();
	++*calls;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t calls = 0;
	struct otlp_counts n = {0};
	struct import_options o = {.on_call = on_call, .arg = &calls};
	struct arena mem;
	if (size == 0)
		return 0;
	arena_init(&mem, (size_t)32 << 20);
	int rc = otlp_read((enum otlp_signal)(data[0] % 3), data[0] & 0x80, slice_make(data + 1, size - 1),
	                   &o, &mem, &n);
	if ((rc == 0 && n.calls != calls) || (rc == ERR_INVALID && calls))
		abort();
	arena_release(&mem);
	return 0;
}
