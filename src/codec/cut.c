/* What the early ends of all dialects share. */
#include "codec/codec.h"

#include "base/num.h"
#include "base/utf8.h"

slice codec_cut_text(slice message, bool behind_text, char out[CUT_TEXT_MAX])
{
	slice lead = behind_text ? SLICE("\n[weir] ") : SLICE("[weir] ");
	size_t n = lead.n, room = CUT_TEXT_MAX - lead.n;
	memcpy(out, lead.p, lead.n);
	size_t take = message.n <= room ? message.n : utf8_cut(message, room);
	memcpy(out + n, message.p, take);
	return slice_make(out, n + take);
}

int codec_cut_sse(struct buf *out, slice name, slice data)
{
	int r = name.n ? buf_printf(out, "event: " SLICE_FMT "\n", SLICE_ARG(name)) : 0;
	if (r == 0)
		r = buf_append(out, SLICE("data: "));
	if (r == 0)
		r = buf_append(out, data);
	return r ? r : buf_append(out, SLICE("\n\n"));
}

static int64_t sum_of(const struct usage *u, const enum meter *meters, size_t n)
{
	int64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum = num_sat_add_i64(sum, num_max_i64(u->m[meters[i]], 0));
	return sum;
}

int64_t codec_cut_input(const struct usage *u)
{
	static const enum meter meters[] = {
	    METER_INPUT,       METER_CACHE_READ,  METER_CACHE_WRITE_5M,   METER_CACHE_WRITE_1H,
	    METER_INPUT_AUDIO, METER_INPUT_IMAGE, METER_CACHE_READ_AUDIO,
	};
	return sum_of(u, meters, sizeof meters / sizeof *meters);
}

int64_t codec_cut_output(const struct usage *u)
{
	static const enum meter meters[] = {METER_OUTPUT, METER_OUTPUT_AUDIO, METER_OUTPUT_IMAGE};
	return sum_of(u, meters, sizeof meters / sizeof *meters);
}
