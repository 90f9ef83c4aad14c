/* Transcripts are files that anyone may have written: whatever stands in them, a source gives whole records
 * or none. The first byte chooses the source. */
#include <stdint.h>
#include <stdlib.h>

#include "finops/import.h"
#include "finops/tally.h"

static int on_call(void *arg, const struct record *r)
{
	size_t *calls = arg;
	if (r->id[0] == '\0' || r->text[TEXT_SOURCE].n == 0)
		abort();
	for (int m = 0; m < METER_N; m++)
		if (r->usage.m[m] < 0 && r->usage.m[m] != TOKENS_ABSENT)
			abort();
	++*calls;
	return 0;
}

/* What is kept of a tally reads back as it was. */
static int on_tally(void *arg, const struct tally *t)
{
	struct arena mem;
	struct ledger_tally kept, again;
	struct tally back;
	size_t *tallies = arg;
	arena_init(&mem, (size_t)1 << 20);
	if (t->provider.n == 0 || t->until_ms <= t->from_ms)
		abort();
	if (tally_write(t, 1, &mem, &kept) == 0 &&
	    (tally_read(&kept, &mem, &back) || tally_write(&back, 1, &mem, &again) ||
	     !slice_eq(kept.key, again.key) || !slice_eq(kept.body, again.body)))
		abort();
	arena_release(&mem);
	++*tallies;
	return 0;
}

static unsigned sum_of(slice s)
{
	unsigned sum = 0;
	for (size_t i = 0; i < s.n; i++)
		sum += (unsigned char)s.p[i];
	return sum;
}

/* All that it points at is there to be read. */
static int on_item(void *arg, const struct import_moment *m, const struct body_item *it)
{
	volatile unsigned sum = sum_of(m->session) + sum_of(m->subagent);
	(void)arg;
	if (it)
		sum += sum_of(it->raw) + sum_of(it->text.raw) + sum_of(it->json) + sum_of(it->name.raw) +
		       sum_of(it->call_id.raw);
	else if (!m->compacted)
		abort();
	(void)sum;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t calls = 0;
	struct import_counts n = {0};
	struct arena mem;
	if (size == 0)
		return 0;
	const struct import_source *s = import_source_at(data[0] % 16);
	if (s == NULL)
		return 0;
	struct import_options o = {.on_call = on_call,
	                           .on_item = on_item,
	                           .on_tally = on_tally,
	                           .arg = &calls,
	                           .provider = SLICE("p")};
	arena_init(&mem, (size_t)64 << 20);
	struct import_file f = {.text = slice_make(data + 1, size - 1),
	                        .path = SLICE("x.jsonl"),
	                        .growing = data[0] & 0x80,
	                        .mem = &mem};
	if (s->read(&o, &f, &n) == 0 && n.calls + n.tallies != calls)
		abort();
	if (data[0] & 0x40) { /* the one-object form of a source that has two */
		f.path = SLICE("x.json");
		(void)s->read(&o, &f, &n);
	}
	arena_release(&mem);
	return 0;
}
