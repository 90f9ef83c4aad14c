/* A slot as it may lie on a disk: whatever its bytes are, judging and reading it stays inside it, and what is
 * read can be written and read again. The first byte tells whether the sums are made to fit, so that the
 * decoder is reached. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "store/columns.h"
#include "store/journal_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fit_sums(struct slot *s)
{
	s->intent_n %= SLOT_BODY;
	s->settle_n = (uint16_t)(s->settle_n % (SLOT_BODY - s->intent_n));
	s->intent_sum = s->intent_n ? XXH3_64bits(s->body, s->intent_n) : 0;
	s->settle_sum = XXH3_64bits(s->body + s->intent_n, s->settle_n) ^ s->intent_sum;
	for (int i = 0; i < 2; i++)
		s->progress[i].sum =
		    XXH3_64bits(&s->progress[i].seq, sizeof s->progress[i] - sizeof s->progress[i].sum) ^
		    s->intent_sum;
}

/* Texts that are as long as fit come back; so does every number. */
static void check_again(const struct record *r)
{
	static unsigned char out[1 << 14];
	struct record back;
	size_t n = record_pack(r, NULL, out, sizeof out);
	if (!record_unpack((slice){(const char *)out, n}, NULL, &back))
		abort();
	for (size_t i = 0; i < columns_n(); i++) {
		const struct column *c = column_at(i);
		struct value x = column_get(c, r), y = column_get(c, &back);
		/* A text longer than its column is cut. */
		if (x.kind == VALUE_TEXT && y.kind == VALUE_TEXT ? !slice_starts(x.text, y.text)
		                                                 : x.number != y.number)
			abort();
	}
}

static void look(const struct slot *s)
{
	struct record r;
	struct usage u;
	for (int lost = 0; lost < 2; lost++) {
		enum slot_fate fate = slot_judge(s, lost);
		if (fate == FATE_SETTLED) {
			if (!slot_settlement(s, &r))
				abort();
			check_again(&r);
		}
		if (fate == FATE_CRASHED || fate == FATE_UNSENT) {
			if (!slot_intent(s, &r))
				abort();
			check_again(&r);
			slot_progress(s, &u);
		}
	}
	if (slot_settlement(s, &r))
		check_again(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A block of its own, so that a read past its end is seen. */
	struct slot *s = calloc(1, JOURNAL_SLOT_BYTES);
	if (s == NULL || size == 0) {
		free(s);
		return 0;
	}
	memcpy(s, data + 1, size - 1 < JOURNAL_SLOT_BYTES ? size - 1 : JOURNAL_SLOT_BYTES);
	if (data[0] & 1)
		fit_sums(s);
	look(s);
	free(s);
	return 0;
}
