/* What keeping the text of a streamed answer costs, which is counted when its provider does not report: the
 * meter over the same stream with it and without. */
#include "bench.h"

#include <stdlib.h>

#include "codec/registry.h"
#include "gateway/meter.h"

#define PIECE  (16 * 1024) /* as it comes from a socket */
#define ROUNDS 400

static size_t make_stream(char *out, size_t max, int events, size_t text)
{
	static const char words[] =
	    "static int open_ledger(struct ledger *l, const char *path) \\\"of the day\\\", and "
	    "then it is written down for 17.25 dollars in all; ";
	size_t n = 0, w = 0;
	for (int i = 0; i < events; i++) {
		n += (size_t)snprintf(
		    out + n, max - n,
		    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
		    "\"delta\":{\"type\":\"text_delta\",\"text\":\"");
		for (size_t k = 0; k < text || (k && out[n - 1] == '\\'); k++, w++)
			out[n++] = words[w % (sizeof words - 1)];
		n += (size_t)snprintf(out + n, max - n, "\"}}\n\n");
	}
	return n;
}

static double once(slice stream, struct predictor *p, struct predict_scratch *s, struct buf *out)
{
	struct request_view v = {.api = API_ANTHROPIC_MESSAGES,
	                         .model = SLICE("claude-sonnet-4-5"),
	                         .stream = true,
	                         .max_output = TOKENS_ABSENT};
	struct stream_meter m;
	double from = bench_now();
	meter_init(&m, registry_codec(v.api), &v);
	if (p)
		meter_count_with(&m, p, s);
	meter_begin(&m, METER_EVENTS, 1 << 20);
	while (stream.n) {
		buf_clear(out);
		if (meter_feed(&m, slice_sub(stream, 0, PIECE), out))
			exit(1);
		stream = slice_sub(stream, PIECE < stream.n ? PIECE : stream.n, stream.n);
	}
	meter_release(&m);
	return bench_now() - from;
}

static void row(struct bench *b, const char *name, int events, size_t text, struct predictor *p,
                struct predict_scratch *s)
{
	size_t max = (size_t)events * (text + 300);
	char *stream = malloc(max);
	struct buf out;
	double with = 1, without = 1;
	if (!stream)
		exit(1);
	buf_init(&out, 1 << 20);
	size_t n = make_stream(stream, max, events, text);
	for (int i = 0; i < ROUNDS; i++) {
		double a = once(slice_make(stream, n), NULL, NULL, &out),
		       c = once(slice_make(stream, n), p, s, &out);
		without = a < without ? a : without;
		with = c < with ? c : with;
	}
	bench_cell(b, 0, "%s", name);
	bench_cell(b, 1, "%zu", n / 1000);
	bench_cell(b, 2, "%.1f", without * 1e6);
	bench_cell(b, 3, "%.1f", with * 1e6);
	bench_cell(b, 4, "%.1f %%", 100 * (with / without - 1));
	bench_row(b);
	buf_release(&out);
	free(stream);
}

int main(void)
{
	struct bench b;
	struct predictor *p = predictor_new(1 << 16);
	struct predict_scratch *s = predict_scratch_new();
	if (!p || !s)
		return 1;
	bench_begin(&b, "said", "A streamed answer read, its text kept", "", "stream", "KB",
	            "\xc2\xb5s read only", "\xc2\xb5s and kept", "more", NULL);
	row(&b, "40 large events", 40, 5000, p, s);
	row(&b, "1,200 events of a sentence", 1200, 60, p, s);
	row(&b, "5,000 events of a token", 5000, 5, p, s);
	predictor_free(p);
	predict_scratch_free(s);
	return bench_end(&b);
}
