/* The SSE framer over any bytes: the events are the same whole and cut, and with what is pending or skipped
 * no byte is lost. The first byte chooses the largest event, the second how the rest is cut. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "text/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

struct seen {
	uint64_t digest; /* of all events, field by field */
	size_t events, raw;
};

static void mix(struct seen *seen, slice s)
{
	for (size_t i = 0; i < s.n; i++)
		seen->digest = (seen->digest ^ (unsigned char)s.p[i]) * 1099511628211u;
	seen->digest = (seen->digest ^ (s.n + 257)) * 1099511628211u;
}

static int on_event(void *arg, const struct sse_event *e)
{
	struct seen *seen = arg;
	must(e->raw.n > 0 && (e->has_data || e->data.n == 0));
	must(e->name.n == 0 || (e->name.p >= e->raw.p && e->name.p + e->name.n <= e->raw.p + e->raw.n));
	mix(seen, e->raw);
	mix(seen, e->name);
	mix(seen, e->data);
	seen->events++;
	seen->raw += e->raw.n;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t max = data[0] < 128 ? data[0] : 1 << 20, cut = 1 + data[1] % 64;
	slice all = slice_make(data + 2, size - 2);
	struct seen whole = {0}, pieces = {0};
	struct sse s;
	sse_init(&s, max);
	must(sse_feed(&s, all, on_event, &whole) == 0 && sse_finish(&s, on_event, &whole) == 0);
	unsigned long long skipped = s.skipped;
	must(skipped > 0 || whole.raw == all.n);
	sse_init(&s, max);
	for (size_t from = 0; from < all.n; from += cut, cut = 1 + (cut * 5 + 3) % 64) {
		must(sse_feed(&s, slice_sub(all, from, from + cut), on_event, &pieces) == 0);
		must(sse_pending(&s).n <= max);
	}
	must(sse_finish(&s, on_event, &pieces) == 0);
	must(pieces.events == whole.events && pieces.digest == whole.digest && s.skipped == skipped);
	return 0;
}
