/* The framer of AWS event streams: the same messages, byte for byte, however a stream is cut; sums, caps, and
 * the recorded streams of tests/wire/bedrock. */
#include "unit/unit.h"

#include "exact.h"

#include "base/crc32.h"
#include "text/eventstream.h"

#define MAX (1 << 20)

/* What came, as one text: [message type|type|payload] for each message. */
struct log {
	char text[65536];
	size_t n, messages, raw, stop_at;
};

static void put(struct log *l, slice s)
{
	assert_true(l->n + s.n < sizeof l->text);
	if (s.n)
		memcpy(l->text + l->n, s.p, s.n);
	l->n += s.n;
}

static int on_message(void *arg, const struct eventstream_message *m)
{
	struct log *l = arg;
	put(l, SLICE("["));
	put(l, m->message_type);
	put(l, SLICE("|"));
	put(l, m->type);
	put(l, SLICE("|"));
	put(l, m->payload);
	put(l, SLICE("]"));
	l->raw += m->raw.n;
	l->messages++;
	return l->stop_at == l->messages ? 42 : 0;
}

/* --- messages made here -----------------------------------------------------------------------------------
 */

static char *be32(char *p, uint32_t v)
{
	for (int i = 3; i >= 0; i--)
		*p++ = (char)(v >> (8 * i));
	return p;
}

static char *header(char *p, const char *name, const char *value)
{
	size_t n = strlen(name), m = strlen(value);
	*p++ = (char)n;
	memcpy(p, name, n);
	p += n;
	*p++ = EVENTSTREAM_STRING;
	*p++ = (char)(m >> 8);
	*p++ = (char)m;
	memcpy(p, value, m);
	return p + m;
}

/* A message with raw header bytes; returns its size. */
static size_t message_of(char *out, slice headers, slice payload)
{
	size_t n = 12 + headers.n + payload.n + 4;
	char *p = be32(be32(out, (uint32_t)n), (uint32_t)headers.n);
	p = be32(p, crc32_of(0, slice_make(out, 8)));
	if (headers.n)
		memcpy(p, headers.p, headers.n);
	if (payload.n)
		memcpy(p + headers.n, payload.p, payload.n);
	be32(out + n - 4, crc32_of(0, slice_make(out, n - 4)));
	return n;
}

static size_t event(char *out, const char *kind, const char *type, const char *payload)
{
	char headers[256], *p = header(headers, kind, type);
	p = header(p, ":message-type", strcmp(kind, ":event-type") ? "exception" : "event");
	return message_of(out, slice_make(headers, (size_t)(p - headers)), slice_of(payload));
}

static size_t three(char *out)
{
	size_t n = event(out, ":event-type", "chunk", "{\"bytes\":\"e30=\"}");
	n += event(out + n, ":event-type", "metadata", "");
	return n + event(out + n, ":exception-type", "throttlingException", "{\"message\":\"slow\"}");
}
#define THREE                                                                                                \
	"[event|chunk|{\"bytes\":\"e30=\"}][event|metadata|][exception|throttlingException|{\"message\":"    \
	"\"slow\"}]"

static void feed(struct eventstream *s, slice all, size_t cut, struct log *l)
{
	for (size_t at = 0; at < all.n; at += cut) {
		struct exact e = exact_copy(slice_sub(all, at, at + cut));
		assert_int_equal(eventstream_feed(s, e.s, on_message, l), 0);
		exact_free(&e);
	}
}

/* --- tests ------------------------------------------------------------------------------------------------
 */

static void the_sum_is_the_known_one(void **state)
{
	(void)state;
	assert_int_equal(crc32_of(0, SLICE("123456789")), 0xCBF43926);
	assert_int_equal(crc32_of(crc32_of(0, SLICE("1234")), SLICE("56789")), 0xCBF43926);
	assert_int_equal(crc32_of(0, SLICE("")), 0);
}

/* The specification's own example of an empty message. */
static void the_empty_message(void **state)
{
	(void)state;
	static const char bytes[] = "\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff";
	struct eventstream s;
	struct log l = {0};
	eventstream_init(&s, MAX);
	feed(&s, slice_make(bytes, 16), 16, &l);
	assert_int_equal(l.messages, 1);
	assert_int_equal(l.raw, 16);
	assert_false(s.broken || s.skipped);
	eventstream_release(&s);
}

static void however_it_is_cut(void **state)
{
	(void)state;
	char all[1024];
	size_t n = three(all);
	for (size_t cut = 1; cut <= n; cut++) {
		struct eventstream s;
		struct log l = {0};
		eventstream_init(&s, MAX);
		feed(&s, slice_make(all, n), cut, &l);
		assert_true(slice_eq(slice_make(l.text, l.n), SLICE(THREE)));
		assert_int_equal(l.raw, n);
		assert_int_equal(eventstream_pending(&s), 0);
		assert_false(s.broken || s.skipped);
		eventstream_release(&s);
	}
}

static void stops_when_told(void **state)
{
	(void)state;
	char all[1024];
	struct log l = {.stop_at = 2};
	struct eventstream s;
	eventstream_init(&s, MAX);
	assert_int_equal(eventstream_feed(&s, slice_make(all, three(all)), on_message, &l), 42);
	assert_int_equal(l.messages, 2);
	eventstream_release(&s);
}

/* Each byte changed once: what is wrong is never given, and never more than what came. */
static void no_wrong_byte_passes(void **state)
{
	(void)state;
	char all[1024], bad[1024];
	size_t n = three(all), first = (size_t)(unsigned char)all[3];
	for (size_t i = 0; i < n; i++) {
		for (size_t cut = 1; cut <= n; cut += 90) {
			struct eventstream s;
			struct log l = {0};
			memcpy(bad, all, n);
			bad[i] = (char)(bad[i] ^ 0x20);
			eventstream_init(&s, MAX);
			feed(&s, slice_make(bad, n), cut, &l);
			assert_true(l.messages < 3);
			assert_true(s.broken || s.skipped == 1);
			/* a wrong prelude gives up, a wrong body costs its message alone */
			if (i < 12)
				assert_true(s.broken && l.messages == 0);
			else if (i < first)
				assert_true(!s.broken && l.messages == 2);
			eventstream_release(&s);
		}
	}
}

static void a_large_message_is_passed_over(void **state)
{
	(void)state;
	char all[1024], payload[300];
	memset(payload, 'x', sizeof payload - 1);
	payload[sizeof payload - 1] = '\0';
	size_t n = event(all, ":event-type", "chunk", payload);
	size_t small = event(all + n, ":event-type", "metadata", "{}");
	n += small;
	for (size_t cut = 1; cut <= n; cut++) {
		struct eventstream s;
		struct log l = {0};
		eventstream_init(&s, small);
		feed(&s, slice_make(all, n), cut, &l);
		assert_true(slice_eq(slice_make(l.text, l.n), SLICE("[event|metadata|{}]")));
		assert_int_equal(s.skipped, 1);
		assert_false(s.broken);
		assert_true(s.cap <= small);
		eventstream_release(&s);
	}
}

/* Lengths that cannot be, with a good sum. */
static void impossible_lengths(void **state)
{
	(void)state;
	static const uint32_t cases[][2] = {{0, 0},   {15, 0},           {16, 1},
	                                    {40, 25}, {1 << 20, 200000}, {20, 0xffffffff}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char bytes[64] = {0};
		struct eventstream s;
		struct log l = {0};
		be32(be32(bytes, cases[i][0]), cases[i][1]);
		be32(bytes + 8, crc32_of(0, slice_make(bytes, 8)));
		eventstream_init(&s, MAX);
		feed(&s, slice_make(bytes, sizeof bytes), 7, &l);
		assert_true(s.broken);
		assert_int_equal(l.messages, 0);
		eventstream_release(&s);
	}
}

static void headers_of_all_types(void **state)
{
	(void)state;
	static const char headers[] = "\1a\0"
	                              "\1b\1"
	                              "\1c\2x"
	                              "\1d\3xy"
	                              "\1e\4wxyz"
	                              "\1f\5"
	                              "12345678"
	                              "\1g\6\0\2ab"
	                              "\1h\7\0\0"
	                              "\1i\10"
	                              "12345678"
	                              "\1j\11"
	                              "1234567812345678";
	static const size_t sizes[] = {0, 0, 1, 2, 4, 8, 2, 0, 8, 16};
	slice all = slice_make(headers, sizeof headers - 1), name, value;
	enum eventstream_type type;
	size_t at = 0, n = 0;
	for (; eventstream_header(all, &at, &name, &type, &value); n++) {
		assert_int_equal(type, n);
		assert_int_equal(name.p[0], 'a' + (int)n);
		assert_int_equal(value.n, sizes[n]);
	}
	assert_int_equal(n, COUNT(sizes));
	assert_int_equal(at, all.n);
	/* cut anywhere they are no headers, but where one ends */
	for (size_t cut = 1; cut < all.n; cut++) {
		struct exact e = exact_copy(slice_sub(all, 0, cut));
		at = 0;
		while (eventstream_header(e.s, &at, &name, &type, &value))
			assert_true(at <= cut);
		exact_free(&e);
	}
}

static void bad_headers_cost_their_message(void **state)
{
	(void)state;
	static const slice cases[] = {SLICE("\0"), SLICE("\1a\12"), SLICE("\1a\7\0\5abcd"), SLICE("\5ab")};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char all[256];
		size_t n = message_of(all, cases[i], SLICE("{}"));
		n += event(all + n, ":event-type", "metadata", "{}");
		struct eventstream s;
		struct log l = {0};
		eventstream_init(&s, MAX);
		feed(&s, slice_make(all, n), 5, &l);
		assert_true(slice_eq(slice_make(l.text, l.n), SLICE("[event|metadata|{}]")));
		assert_int_equal(s.skipped, 1);
		eventstream_release(&s);
	}
}

static void recorded(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		size_t messages;
		const char *last;
	} files[] = {
	    {"tests/wire/bedrock/converse-basic.bin", 7,
	     "\"usage\":{\"inputTokens\":15,\"outputTokens\":142,\"totalTokens\":157}}]"},
	    {"tests/wire/bedrock/converse-reasoning.bin", 6,
	     "\"usage\":{\"inputTokens\":18,\"outputTokens\":46,\"totalTokens\":64}}]"},
	};
	for (size_t i = 0; i < COUNT(files); i++) {
		char bytes[8192];
		FILE *f = fopen(files[i].file, "rb");
		assert_non_null(f);
		size_t n = fread(bytes, 1, sizeof bytes, f);
		fclose(f);
		for (size_t cut = 1; cut <= n; cut += 61) {
			struct eventstream s;
			struct log l = {0};
			eventstream_init(&s, MAX);
			feed(&s, slice_make(bytes, n), cut, &l);
			assert_int_equal(l.messages, files[i].messages);
			assert_int_equal(l.raw, n);
			assert_true(slice_ends(slice_make(l.text, l.n), slice_of(files[i].last)));
			eventstream_release(&s);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sum_is_the_known_one),
	    cmocka_unit_test(the_empty_message),
	    cmocka_unit_test(however_it_is_cut),
	    cmocka_unit_test(stops_when_told),
	    cmocka_unit_test(no_wrong_byte_passes),
	    cmocka_unit_test(a_large_message_is_passed_over),
	    cmocka_unit_test(impossible_lengths),
	    cmocka_unit_test(headers_of_all_types),
	    cmocka_unit_test(bad_headers_cost_their_message),
	    cmocka_unit_test(recorded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
