/* The tap on an answer: what goes on, and what a cut stream is booked as. */
#include "unit/unit.h"

#include "codec/registry.h"
#include "gateway/meter.h"

static const char chunked[] =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}],\"usage\":null}\n\n"
    "data: "
    "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n"
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,"
    "\"total_tokens\":12}}\n\n"
    "data: [DONE]\n\n";
static const char as_unasked[] =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n"
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n";

static void feed(struct stream_meter *m, struct buf *out, slice text, size_t step)
{
	for (size_t at = 0; at < text.n; at += step)
		assert_int_equal(meter_feed(m, slice_sub(text, at, at + step), out), 0);
	assert_int_equal(meter_finish(m, out), 0);
}

/* Whatever the pieces, a client that did not ask for usage sees the stream it would have seen, and Weir has
 * the usage. */
static void added_usage_is_kept_back(void **state)
{
	(void)state;
	for (size_t step = 1; step < sizeof chunked; step += 7) {
		struct request_view v = {.api = API_OPENAI_CHAT, .stream = true};
		struct stream_meter m;
		struct buf out;
		struct usage u;
		buf_init(&out, 1 << 16);
		meter_init(&m, registry_codec(API_OPENAI_CHAT), &v);
		meter_begin(&m, METER_EVENTS, 1 << 16);
		feed(&m, &out, slice_of(chunked), step);
		assert_int_equal(out.n, sizeof as_unasked - 1);
		assert_memory_equal(buf_slice(&out).p, as_unasked, out.n);
		assert_int_equal(meter_usage(&m, 100, false, &u), SOURCE_REPORTED);
		assert_int_equal(u.m[METER_INPUT], 9);
		assert_int_equal(u.m[METER_OUTPUT], 3);
		meter_release(&m);
		buf_release(&out);
	}
}

/* A recorded ConverseStream, whole, cut off, and with a wrong byte: it passes as it came, and what is not
 * reported is counted. */
static void event_streams_pass_byte_for_byte(void **state)
{
	(void)state;
	static char file[4096];
	FILE *f = fopen("tests/wire/bedrock/converse-basic.bin", "rb");
	assert_non_null(f);
	size_t n = fread(file, 1, sizeof file, f);
	fclose(f);
	for (int kind = 0; kind < 4; kind++) {
		struct request_view v = {.api = API_BEDROCK_CONVERSE, .stream = true};
		struct stream_meter m;
		struct buf out;
		struct usage u;
		size_t len = kind == 1 ? 1200 : n;
		file[700] = (char)(file[700] ^ (kind == 2)); /* in a payload */
		file[4] = (char)(file[4] ^ (kind == 3));     /* in the first prelude */
		buf_init(&out, 1 << 16);
		meter_init(&m, registry_codec(v.api), &v);
		meter_begin(&m, METER_FRAMES, 1 << 16);
		feed(&m, &out, slice_make(file, len), 100);
		assert_int_equal(out.n, len);
		assert_memory_equal(buf_slice(&out).p, file, len);
		assert_int_equal(m.lost, kind >= 2);
		assert_int_equal(meter_skipped(&m), kind >= 2);
		enum usage_source from = meter_usage(&m, 400, kind == 1, &u);
		assert_int_equal(from, kind == 1 || kind == 3 ? SOURCE_COUNTED : SOURCE_REPORTED);
		if (from == SOURCE_REPORTED)
			assert_true(u.m[METER_INPUT] == 15 && u.m[METER_OUTPUT] == 142);
		else
			assert_true(u.m[METER_INPUT] == 100 && u.m[METER_OUTPUT] > 100);
		file[700] = (char)(file[700] ^ (kind == 2));
		file[4] = (char)(file[4] ^ (kind == 3));
		meter_release(&m);
		buf_release(&out);
	}
}

static void asked_usage_passes_byte_for_byte(void **state)
{
	(void)state;
	struct request_view v = {.api = API_OPENAI_CHAT, .stream = true, .wants_usage = true};
	struct stream_meter m;
	struct buf out;
	buf_init(&out, 1 << 16);
	meter_init(&m, registry_codec(API_OPENAI_CHAT), &v);
	meter_begin(&m, METER_EVENTS, 1 << 16);
	feed(&m, &out, slice_of(chunked), 11);
	assert_int_equal(out.n, sizeof chunked - 1);
	assert_memory_equal(buf_slice(&out).p, chunked, out.n);
	meter_release(&m);
	buf_release(&out);
}

/* A stream cut anywhere is never free: input is counted from the request, output from what passed. */
static void a_cut_stream_is_counted(void **state)
{
	(void)state;
	struct request_view v = {.api = API_OPENAI_CHAT, .stream = true};
	struct stream_meter m;
	struct buf out;
	struct usage u;
	buf_init(&out, 1 << 16);
	meter_init(&m, registry_codec(API_OPENAI_CHAT), &v);
	meter_begin(&m, METER_EVENTS, 1 << 16);
	feed(&m, &out, slice_sub(slice_of(chunked), 0, 90), 90);
	assert_int_equal(meter_usage(&m, 401, true, &u), SOURCE_COUNTED);
	assert_int_equal(u.m[METER_INPUT], 101);
	assert_int_equal(u.m[METER_OUTPUT], 2); /* "hello" */
	meter_release(&m);
	buf_release(&out);
}

/* What could not be read at all counts as output, whole. */
static void what_cannot_be_read_is_counted_whole(void **state)
{
	(void)state;
	struct stream_meter m;
	struct usage u;
	meter_init(&m, registry_codec(API_ANTHROPIC_MESSAGES), NULL);
	meter_begin(&m, METER_WHOLE, 0);
	m.lost = true;
	m.passed = 4000;
	assert_int_equal(meter_usage(&m, 0, false, &u), SOURCE_COUNTED);
	assert_int_equal(u.m[METER_OUTPUT], 1000);
	assert_int_equal(meter_estimate(0), 0);
	assert_int_equal(meter_estimate(1), 1);
	assert_int_equal(meter_estimate(8), 2);
	meter_release(&m);
}

/* A usage that leaves one side out is no report of that side: it is counted, not free. */
static void half_a_usage_is_counted(void **state)
{
	(void)state;
	struct request_view v = {.api = API_OPENAI_CHAT};
	struct stream_meter m;
	struct usage u;
	meter_init(&m, registry_codec(API_OPENAI_CHAT), &v);
	meter_begin(&m, METER_WHOLE, 0);
	meter_whole(&m, SLICE("{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
	                      "\"content\":\"hello "
	                      "you\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9}}"));
	assert_int_equal(meter_usage(&m, 400, false, &u), SOURCE_COUNTED);
	assert_int_equal(u.m[METER_INPUT], 9);
	assert_int_equal(u.m[METER_OUTPUT], 3); /* "hello you" */
	meter_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(event_streams_pass_byte_for_byte),
	                                   cmocka_unit_test(added_usage_is_kept_back),
	                                   cmocka_unit_test(asked_usage_passes_byte_for_byte),
	                                   cmocka_unit_test(a_cut_stream_is_counted),
	                                   cmocka_unit_test(what_cannot_be_read_is_counted_whole),
	                                   cmocka_unit_test(half_a_usage_is_counted)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
