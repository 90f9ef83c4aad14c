/* What a provider's headers say of its limits, whatever they say: nothing is learnt that holds a call back
 * for longer than a limit's reset may be believed, and what passed ends. Input: a status (2 bytes), then
 * lines of "name: value". */
#include <stdint.h>
#include <stdlib.h>

#include "policy/quota.h"
#include "policy/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECOND INT64_C(1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header at[32];
	struct headers h = {at, 0};
	struct record r;
	struct facts f = {.record = &r};
	struct arena mem;
	int64_t now = 1000 * SECOND, until;
	if (size < 2)
		return 0;
	slice rest = slice_make(data + 2, size - 2), line, name;
	while (h.n < 32 && slice_split(&rest, '\n', &line)) {
		slice value = line;
		if (slice_split(&value, ':', &name) && value.p)
			at[h.n++] = (struct header){name, slice_trim(value)};
	}
	struct quota *q = quota_new(64);
	if (q == NULL)
		return 0;
	record_init(&r);
	arena_init(&mem, 1 << 16);
	struct quota_ask a = {.facts = &f, .provider = SLICE("p"), .model = SLICE("m"), .tokens = 1000};
	for (int i = 0; i < 4; i++) {
		struct quota_ticket t = {0};
		/* a Retry-After is believed for 10 minutes, a reset for 5 and what was taken since */
		while (quota_ask(q, &t, &a, &mem, now, &until) != QUOTA_ON) {
			if (until <= now || now > 100000 * SECOND)
				abort();
			now += 100 * SECOND;
		}
		quota_learn(&t, (data[0] << 8 | data[1]) % 600, &h, now, INT64_C(1795559400000));
		quota_end(&t, true, 1000, now);
	}
	struct request_view v = {.user_id = slice_make(data + 2, size - 2)};
	device_of(&v, &h, 1, 1);
	quota_free(q);
	arena_release(&mem);
	return 0;
}
