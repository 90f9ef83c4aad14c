/* Which items of telemetry are calls, what is made of their tokens, and that what is refused gave nothing. */
#include "unit/unit.h"

#include <string.h>

#include "finops/otlp.h"
#include "text/gunzip.h"
#include "text/protobuf.h"

struct seen {
	size_t n;
	struct record last;
};

static int on_call(void *arg, const struct record *r)
{
	struct seen *s = arg;
	s->n++;
	s->last = *r;
	return 0;
}

struct reading {
	struct arena mem;
	struct otlp_counts n;
	struct seen seen;
	int rc;
};

/* One log record, or span, of these attributes. */
static void read_one(struct reading *r, enum otlp_signal signal, const char *attributes)
{
	static const char *const names[] = {"resourceLogs", "resourceSpans"};
	static const char *const scopes[] = {"scopeLogs", "scopeSpans"};
	static const char *const items[] = {"logRecords", "spans"};
	memset(r, 0, sizeof *r);
	arena_init(&r->mem, 1 << 20);
	struct import_options o = {.on_call = on_call, .arg = &r->seen};
	slice body = arena_printf(&r->mem,
	                          "{\"%s\":[{\"%s\":[{\"%s\":[{\"timeUnixNano\":\"1790000000000000000\","
	                          "\"startTimeUnixNano\":1790000000000000000,\"attributes\":[%s]}]}]}]}",
	                          names[signal], scopes[signal], items[signal], attributes);
	r->rc = otlp_read(signal, false, body, &o, &r->mem, &r->n);
}

#define TEXT(k, v)   "{\"key\":\"" k "\",\"value\":{\"stringValue\":\"" v "\"}}"
#define NUMBER(k, v) "{\"key\":\"" k "\",\"value\":{\"intValue\":" v "}}"
#define CHAT         TEXT("gen_ai.operation.name", "chat") ","

static void cached_input_is_within_or_beside(void **state)
{
	struct reading r;
	(void)state;
	read_one(&r, OTLP_TRACES,
	         CHAT NUMBER("gen_ai.usage.input_tokens",
	                     "\"100\"") "," NUMBER("gen_ai.usage.cache_read.input_tokens", "60"));
	assert_int_equal(r.seen.n, 1);
	assert_int_equal(r.seen.last.usage.m[METER_INPUT], 40);
	assert_int_equal(r.seen.last.context_tokens, 100);
	assert_int_equal(r.seen.last.usage.m[METER_OUTPUT], TOKENS_ABSENT);
	arena_release(&r.mem);
	read_one(&r, OTLP_TRACES,
	         CHAT NUMBER("gen_ai.usage.input_tokens",
	                     "10") "," NUMBER("gen_ai.usage.cache_read.input_tokens", "60"));
	assert_int_equal(r.seen.last.usage.m[METER_INPUT], 10);
	assert_int_equal(r.seen.last.context_tokens, 70);
	arena_release(&r.mem);
}

static void numbers_come_in_any_type(void **state)
{
	struct reading r;
	(void)state;
	read_one(
	    &r, OTLP_LOGS,
	    TEXT("event.name", "claude_code.api_request") "," TEXT(
	        "input_tokens", "12") ","
	                              "{\"key\":\"output_tokens\",\"value\":{\"doubleValue\":7.9}}," NUMBER(
	                                  "cache_read_tokens", "-4") "," NUMBER("duration_ms", "1000"));
	assert_int_equal(r.seen.n, 1);
	assert_int_equal(r.seen.last.usage.m[METER_INPUT], 12);
	assert_int_equal(r.seen.last.usage.m[METER_OUTPUT], 7);
	assert_int_equal(r.seen.last.usage.m[METER_CACHE_READ], TOKENS_ABSENT);
	assert_int_equal(r.seen.last.time_ms, INT64_C(1789999999000));
	assert_false(r.seen.last.priced);
	arena_release(&r.mem);
}

static void what_is_no_call_is_counted(void **state)
{
	static const struct {
		const char *attributes;
		enum otlp_signal signal;
		unsigned others, unknown;
	} rows[] = {
	    {TEXT("service.name", "claude-code") "," CHAT NUMBER("gen_ai.usage.input_tokens", "5"),
	     OTLP_TRACES, 1, 0},
	    {TEXT("event.name", "codex.sse_event") "," NUMBER("input_token_count", "5"), OTLP_LOGS, 1, 0},
	    {TEXT("gen_ai.operation.name", "invoke_agent") "," NUMBER("gen_ai.usage.input_tokens", "5"),
	     OTLP_TRACES, 1, 0},
	    {CHAT TEXT("gen_ai.request.model", "m"), OTLP_TRACES, 1, 0},
	    {NUMBER("input_tokens", "5"), OTLP_LOGS, 0, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reading r;
		read_one(&r, rows[i].signal, rows[i].attributes);
		assert_int_equal(r.rc, 0);
		assert_int_equal(r.seen.n, 0);
		assert_int_equal(r.n.others, rows[i].others);
		assert_int_equal(r.n.not_understood, rows[i].unknown);
		arena_release(&r.mem);
	}
}

/* A good record, then a cut one: nothing of either. */
static void a_refused_message_gave_nothing(void **state)
{
	static const char good[] = "\x0a\x2c\x12\x2a\x12\x28\x32\x19\x0a\x0a"
	                           "event.name"
	                           "\x12\x0b\x0a\x09"
	                           "api_reque"
	                           "\x09\x01\x02\x03\x04\x05\x06\x07\x08\x4a\x02\x01\x02";
	struct seen seen = {0};
	struct otlp_counts n = {0};
	struct arena mem;
	struct import_options o = {.on_call = on_call, .arg = &seen};
	(void)state;
	arena_init(&mem, 1 << 20);
	slice body = slice_make(good, sizeof good - 1);
	for (size_t cut = 1; cut < body.n; cut++)
		assert_int_equal(otlp_read(OTLP_LOGS, true, slice_sub(body, 0, cut), &o, &mem, &n),
		                 ERR_INVALID);
	assert_int_equal(n.logs, 0);
	assert_int_equal(otlp_read(OTLP_LOGS, true, body, &o, &mem, &n), 0);
	assert_int_equal(n.logs, 1);
	assert_int_equal(seen.n, 0);
	arena_release(&mem);
}

static void protobuf_is_bounded(void **state)
{
	static const struct {
		slice bytes;
		bool bad;
	} rows[] = {
	    {SLICE("\x08\x96\x01"), false},
	    {SLICE("\x08\x96"), true}, /* a number that is cut */
	    {SLICE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false},
	    {SLICE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), true}, /* 65 bits */
	    {SLICE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true}, /* longer than all memory */
	    {SLICE("\x0a\x02x"), true},
	    {SLICE("\x0b\x0c"), true}, /* a group */
	    {SLICE("\x00\x01"), true}, /* field 0 */
	    {SLICE("\x09\x01\x02\x03"), true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct protobuf r;
		struct protobuf_field f;
		protobuf_init(&r, rows[i].bytes);
		while (protobuf_next(&r, &f))
			;
		assert_int_equal(r.bad, rows[i].bad);
	}
}

static void a_gzip_is_whole_and_bounded(void **state)
{
	/* "weir weir weir weir\n" */
	static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0,    0,    0,    0,    0,    0x02, 0x03,
	                                       0x2b, 0x4f, 0xcd, 0x2c, 0x52, 0x28, 0x47, 0x21, 0xb8, 0x00,
	                                       0xa9, 0xec, 0xcc, 0xd2, 0x14, 0x00, 0x00, 0x00};
	struct buf out;
	slice all = slice_make(packed, sizeof packed);
	(void)state;
	buf_init(&out, 64);
	assert_int_equal(gunzip(all, &out), 0);
	assert_true(slice_eq(buf_slice(&out), SLICE("weir weir weir weir\n")));
	for (size_t n = 0; n < all.n; n++) {
		buf_clear(&out);
		assert_int_equal(gunzip(slice_sub(all, 0, n), &out), ERR_INVALID);
	}
	buf_release(&out);
	buf_init(&out, 8);
	assert_int_equal(gunzip(all, &out), ERR_FULL);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cached_input_is_within_or_beside),
	    cmocka_unit_test(numbers_come_in_any_type),
	    cmocka_unit_test(what_is_no_call_is_counted),
	    cmocka_unit_test(a_refused_message_gave_nothing),
	    cmocka_unit_test(protobuf_is_bounded),
	    cmocka_unit_test(a_gzip_is_whole_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
