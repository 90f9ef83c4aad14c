/* The framer of AWS event streams over any bytes: the messages are the same whole and cut, and what is given
 * lies within what came. The first byte chooses the largest message, the second how the rest is cut. Sums are
 * made good first when the top bit of the second byte is set, else hardly any input would get past them. */
#include <stdint.h>
#include <stdlib.h>

#include "base/crc32.h"
#include "text/eventstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

struct seen {
	uint64_t digest;
	size_t messages, raw;
};

static void mix(struct seen *seen, slice s)
{
	for (size_t i = 0; i < s.n; i++)
		seen->digest = (seen->digest ^ (unsigned char)s.p[i]) * 1099511628211u;
	seen->digest = (seen->digest ^ (s.n + 257)) * 1099511628211u;
}

static void within(slice part, slice whole)
{
	must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static int on_message(void *arg, const struct eventstream_message *m)
{
	struct seen *seen = arg;
	must(m->raw.n >= 16 && m->raw.n == 16 + m->headers.n + m->payload.n);
	within(m->headers, m->raw);
	within(m->payload, m->raw);
	within(m->type, m->headers);
	within(m->message_type, m->headers);
	mix(seen, m->raw);
	mix(seen, m->type);
	seen->messages++;
	seen->raw += m->raw.n;
	return 0;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void make_sums_good(uint8_t *p, size_t n)
{
	while (n >= 16) {
		size_t total = (size_t)p[2] << 8 | p[3];
		p[0] = p[1] = 0;
		put32(p + 8, crc32_of(0, slice_make(p, 8)));
		if (total < 16 || total > n)
			return;
		put32(p + total - 4, crc32_of(0, slice_make(p, total - 4)));
		p += total;
		n -= total;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t max = data[0] < 128 ? data[0] : 1 << 20, cut = 1 + data[1] % 64;
	uint8_t *copy = malloc(size);
	must(copy != NULL);
	memcpy(copy, data, size);
	if (data[1] & 0x80)
		make_sums_good(copy + 2, size - 2);
	slice all = slice_make(copy + 2, size - 2);
	struct seen whole = {0}, pieces = {0};
	struct eventstream s;
	eventstream_init(&s, max);
	must(eventstream_feed(&s, all, on_message, &whole) == 0);
	unsigned long long skipped = s.skipped;
	bool broken = s.broken;
	must(skipped || broken || whole.raw + eventstream_pending(&s) == all.n);
	eventstream_release(&s);
	eventstream_init(&s, max);
	for (size_t from = 0; from < all.n; from += cut, cut = 1 + (cut * 5 + 3) % 64)
		must(eventstream_feed(&s, slice_sub(all, from, from + cut), on_message, &pieces) == 0);
	must(pieces.messages == whole.messages && pieces.digest == whole.digest);
	must(s.skipped == skipped && s.broken == broken);
	eventstream_release(&s);
	free(copy);
	return 0;
}
