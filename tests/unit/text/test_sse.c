/* The framer: the same events, byte for byte, however a stream is cut; caps; memory given back. */
#include "unit/unit.h"

#include <glob.h>

#include "exact.h"

#include "text/json.h"
#include "text/sse.h"

/* What came, as one text: for each event [name|data|raw], data "-" when there is none. */
struct log {
	char text[65536];
	size_t n, events, stop_at;
	slice piece;   /* the piece being fed */
	size_t inside; /* events whose raw lies in it: not copied */
};

static void put(struct log *l, slice s)
{
	assert_true(l->n + s.n < sizeof l->text);
	if (s.n)
		memcpy(l->text + l->n, s.p, s.n);
	l->n += s.n;
}

static int on_event(void *arg, const struct sse_event *e)
{
	struct log *l = arg;
	put(l, SLICE("["));
	put(l, e->name);
	put(l, SLICE("|"));
	put(l, e->has_data ? e->data : SLICE("-"));
	assert_true(e->has_data || e->data.n == 0);
	put(l, SLICE("|"));
	put(l, e->raw);
	put(l, SLICE("]"));
	l->events++;
	l->inside += e->raw.p >= l->piece.p && e->raw.p + e->raw.n <= l->piece.p + l->piece.n;
	return l->stop_at && l->events == l->stop_at ? 42 : 0;
}

static int feed(struct sse *s, slice piece, struct log *l)
{
	struct exact e = exact_copy(piece);
	l->piece = e.s;
	int rc = sse_feed(s, e.s, on_event, l);
	exact_free(&e);
	l->piece = SLICE_NONE;
	return rc;
}

static const struct {
	slice stream;
	const char *want; /* all events, the one that sse_finish gives included */
} streams[] = {
    {SLICE(""), ""},
    {SLICE("data: a\n\n"), "[|a|data: a\n\n]"},
    {SLICE("data:a\n\ndata:b\n\n"), "[|a|data:a\n\n][|b|data:b\n\n]"},
    {SLICE("event: x\ndata: {\"a\":1}\n\n"), "[x|{\"a\":1}|event: x\ndata: {\"a\":1}\n\n]"},
    {SLICE("data: 1\ndata: 2\ndata:\ndata:  3\n\n"), "[|1\n2\n\n 3|data: 1\ndata: 2\ndata:\ndata:  3\n\n]"},
    {SLICE("data\n\n"), "[||data\n\n]"},
    {SLICE("data\ndata\n\n"), "[|\n|data\ndata\n\n]"},
    {SLICE("data:\n\n"), "[||data:\n\n]"},
    {SLICE(": ping\n\n"), "[|-|: ping\n\n]"},
    {SLICE("event: ping\n\n"), "[ping|-|event: ping\n\n]"},
    {SLICE("event: a\nevent: b\nevent\n\n"), "[|-|event: a\nevent: b\nevent\n\n]"},
    {SLICE("event: a\nevent: b\ndata:x\n\n"), "[b|x|event: a\nevent: b\ndata:x\n\n]"},
    {SLICE("id: 7\nretry: 10\nfoo: bar\ndata: x\ndatax: y\nData: z\n\n"),
     "[|x|id: 7\nretry: 10\nfoo: bar\ndata: x\ndatax: y\nData: z\n\n]"},
    {SLICE("data: a:b: c\n\n"), "[|a:b: c|data: a:b: c\n\n]"},
    {SLICE(" data: a\n\n"), "[|-| data: a\n\n]"},
    /* line ends */
    {SLICE("event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n"),
     "[x|a|event: x\r\ndata: a\r\n\r\n][|b|data: b\r\n\r\n]"},
    {SLICE("data: a\rdata: b\r\rdata: c\r\r"), "[|a\nb|data: a\rdata: b\r\r][|c|data: c\r\r]"},
    {SLICE("data: a\r\n\ndata: b\n\r\n"), "[|a|data: a\r\n\n][|b|data: b\n\r\n]"},
    {SLICE("data: a\n\rdata: b\r\r\n"), "[|a|data: a\n\r][|b|data: b\r\r\n]"},
    {SLICE("data: a\n\n\n\r\n\r\rdata: b\n\n"),
     "[|a|data: a\n\n][|-|\n][|-|\r\n][|-|\r][|-|\r][|b|data: b\n\n]"},
    {SLICE("\n\ndata: a\n\n"), "[|-|\n][|-|\n][|a|data: a\n\n]"},
    /* byte order mark: at the start only, and only when whole */
    {SLICE("\xef\xbb\xbf"
           "data: a\n\ndata: b\n\n"),
     "[|a|\xef\xbb\xbf"
     "data: a\n\n][|b|data: b\n\n]"},
    {SLICE("data: a\n\n\xef\xbb\xbf"
           "data: b\n\n"),
     "[|a|data: a\n\n][|-|\xef\xbb\xbf"
     "data: b\n\n]"},
    {SLICE("\xef\xbb"
           "data: a\n\n"),
     "[|-|\xef\xbb"
     "data: a\n\n]"},
    {SLICE("\xef\n\n"), "[|-|\xef\n\n]"},
    {SLICE("\xef\xbb\xbf\ndata: a\n\n"), "[|-|\xef\xbb\xbf\n][|a|data: a\n\n]"},
    {SLICE("\xef\xbb\xbf\xef\xbb\xbf"
           "data: a\n\n"),
     "[|-|\xef\xbb\xbf\xef\xbb\xbf"
     "data: a\n\n]"},
    /* endings without a blank line */
    {SLICE("data: a\n\ndata: b"), "[|a|data: a\n\n][|b|data: b]"},
    {SLICE("data: a\n\ndata: b\n"), "[|a|data: a\n\n][|b|data: b\n]"},
    {SLICE("data: a\r\n\r"), "[|a|data: a\r\n\r]"},
    {SLICE("data: [DONE]\n\n: bye"), "[|[DONE]|data: [DONE]\n\n][|-|: bye]"},
    /* as a provider sends them, longer than any block of a search */
    {SLICE("event: message_start\ndata: "
           "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_01\",\"usage\":{\"input_tokens\":3,"
           "\"cache_read_input_tokens\":0}}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n"),
     "[message_start|{\"type\":\"message_start\",\"message\":{\"id\":\"msg_01\",\"usage\":{\"input_tokens\":"
     "3,"
     "\"cache_read_input_tokens\":0}}}|event: message_start\ndata: "
     "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_01\","
     "\"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":0}}}\n\n][ping|{\"type\": \"ping\"}|event: "
     "ping\ndata: {\"type\": "
     "\"ping\"}\n\n]"},
};

static void compare(size_t i, const struct log *l, const char *how, size_t a, size_t b)
{
	slice got = slice_make(l->text, l->n);
	if (!slice_eq(got, slice_of(streams[i].want)))
		fail_msg("stream %zu, %s %zu %zu: " SLICE_FMT, i, how, a, b, SLICE_ARG(got));
}

/* Whole, byte by byte, and cut in two and in three at every pair of places. */
static void frames_however_cut(void **state)
{
	(void)state;
	static struct log l; /* large */
	for (size_t i = 0; i < COUNT(streams); i++) {
		slice all = streams[i].stream;
		for (size_t a = 0; a <= all.n; a++)
			for (size_t b = a; b <= all.n; b++) {
				struct sse s;
				sse_init(&s, 1000);
				l.n = l.events = l.inside = 0;
				assert_int_equal(feed(&s, slice_sub(all, 0, a), &l), 0);
				assert_int_equal(feed(&s, slice_sub(all, a, b), &l), 0);
				assert_int_equal(feed(&s, slice_sub(all, b, all.n), &l), 0);
				assert_int_equal(sse_finish(&s, on_event, &l), 0);
				compare(i, &l, "cut at", a, b);
				sse_release(&s);
			}
		struct sse s;
		sse_init(&s, 1000);
		l.n = 0;
		for (size_t a = 0; a < all.n; a++)
			feed(&s, slice_sub(all, a, a + 1), &l);
		sse_finish(&s, on_event, &l);
		compare(i, &l, "byte by byte", 0, 0);
		sse_release(&s);
	}
}

/* Nothing is lost: what was given, what is pending, in order, is what came. */
static void loses_no_byte(void **state)
{
	(void)state;
	static const char *const pieces[] = {"data: x\n", "\n", "\r", "\r\n",         "event: e\n", ": c\n",
	                                     "data",      ":",  " ",  "\xef\xbb\xbf", "a"};
	static struct log l;
	uint64_t x = 99;
	for (int round = 0; round < 3000; round++) {
		char stream[300], seen[400];
		size_t n = 0, fed = 0, k = 0;
		while (n < 250) {
			const char *piece = pieces[next_random(&x) % COUNT(pieces)];
			memcpy(stream + n, piece, strlen(piece));
			n += strlen(piece);
		}
		struct sse s;
		sse_init(&s, 1000);
		l.n = 0;
		while (fed < n) {
			size_t more = 1 + next_random(&x) % 40;
			slice piece = slice_sub(slice_make(stream, n), fed, fed + more);
			feed(&s, piece, &l);
			fed += piece.n;
		}
		/* the raw parts of the log: between the second | and the ] that is followed by [ or the end;
		 * here no piece has | or ] */
		for (size_t i = 0, bars = 0; i < l.n; i++) {
			char c = l.text[i];
			if (c == '|')
				bars++;
			else if (c == ']')
				bars = 0;
			else if (bars == 2)
				seen[k++] = c;
		}
		slice rest = sse_pending(&s);
		memcpy(seen + k, rest.p ? rest.p : "", rest.n);
		assert_int_equal(k + rest.n, n);
		assert_memory_equal(seen, stream, n);
		sse_release(&s);
	}
}

/* Recorded answers: cut anywhere they give the events that they give whole; their data are JSON. */
static int on_recorded(void *arg, const struct sse_event *e)
{
	size_t at = 0;
	if (e->has_data && !slice_eq(e->data, SLICE("[DONE]")))
		assert_null(json_validate(e->data, &at));
	return on_event(arg, e);
}

static void frames_recorded_streams(void **state)
{
	(void)state;
	static struct log whole, cut;
	static char stream[65536];
	glob_t g;
	uint64_t x = 5;
	assert_int_equal(glob("tests/wire/text/*.sse", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 5);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "rb");
		assert_non_null(f);
		slice all = slice_make(stream, fread(stream, 1, sizeof stream, f));
		fclose(f);
		struct sse s;
		sse_init(&s, sizeof stream);
		whole.n = whole.events = 0;
		assert_int_equal(sse_feed(&s, all, on_recorded, &whole), 0);
		assert_int_equal(sse_finish(&s, on_recorded, &whole), 0);
		assert_true(whole.events >= 1);
		for (int round = 0; round < 200; round++) {
			size_t most = 1 + next_random(&x) % 1000, from = 0, to;
			cut.n = cut.events = 0;
			for (; from < all.n; from = to) {
				to = from + 1 + next_random(&x) % most;
				feed(&s, slice_sub(all, from, to), &cut);
			}
			sse_finish(&s, on_event, &cut);
			if (!slice_eq(slice_make(cut.text, cut.n), slice_make(whole.text, whole.n)))
				fail_msg("%s, round %d", g.gl_pathv[i], round);
		}
	}
	globfree(&g);
}

static void copies_only_what_is_cut(void **state)
{
	(void)state;
	static struct log l;
	struct sse s;
	sse_init(&s, 1000);
	feed(&s, SLICE("data: a\n\ndata: b\n\n"), &l);
	assert_int_equal(l.inside, 2);
	assert_null(s.tail);
	feed(&s, SLICE("data: c\n\ndata: d"), &l);
	assert_int_equal(l.inside, 3);
	assert_true(slice_eq(sse_pending(&s), SLICE("data: d")));
	feed(&s, SLICE("\n\ndata: e\n\n"), &l);
	assert_int_equal(l.events, 5);
	assert_int_equal(l.inside, 4);
	assert_int_equal(sse_pending(&s).n, 0);
	sse_release(&s);
	assert_true(sizeof s <= 80);
}

/* Many data lines: the joined text grows several times. */
static void joins_many_lines(void **state)
{
	(void)state;
	static struct log l;
	static char stream[20000], want[20000];
	size_t n = 0, w = 0;
	for (int i = 0; i < 200; i++) {
		n += (size_t)snprintf(stream + n, sizeof stream - n, "data: line %d of this event\n", i);
		w += (size_t)snprintf(want + w, sizeof want - w, "%sline %d of this event", i ? "\n" : "", i);
	}
	stream[n++] = '\n';
	struct sse s;
	sse_init(&s, sizeof stream);
	assert_int_equal(feed(&s, slice_make(stream, n), &l), 0);
	assert_int_equal(l.events, 1);
	assert_memory_equal(l.text, "[|", 2);
	assert_memory_equal(l.text + 2, want, w);
	assert_int_equal(l.text[2 + w], '|');
	sse_release(&s);
}

static void gives_memory_back(void **state)
{
	(void)state;
	static struct log l;
	static char big[20000];
	struct sse s;
	sse_init(&s, 1 << 20);
	memset(big, 'x', sizeof big);
	memcpy(big, "data: ", 6);
	feed(&s, slice_make(big, sizeof big), &l);
	assert_true(s.cap >= sizeof big);
	feed(&s, SLICE("\ndata: more\n\n"), &l);
	assert_int_equal(l.events, 1);
	assert_null(s.tail);
	assert_null(s.joined);
	assert_true(s.cap == 0 && s.joined_cap == 0);
	feed(&s, SLICE("data: 1\ndata: 2\n\ndata: 3"), &l);
	assert_true(s.cap + s.joined_cap <= 1024);
	sse_finish(&s, on_event, &l);
	assert_null(s.tail);
	assert_null(s.joined);
}

/* Events over the cap are left out and counted once, wherever they are cut; those around them come. */
static void skips_what_is_too_large(void **state)
{
	(void)state;
	static struct log l;
	slice all = SLICE(
	    "data: ok\n\ndata: 123456\n\n\ndata: 12345\n\ndata: 12345678901234567890\r\n\r\ndata: ok\n\n");
	for (size_t a = 0; a <= all.n; a++)
		for (size_t b = a; b <= all.n; b++) {
			struct sse s;
			sse_init(&s, 13); /* "data: 12345\n\n" */
			l.n = 0;
			feed(&s, slice_sub(all, 0, a), &l);
			feed(&s, slice_sub(all, a, b), &l);
			feed(&s, slice_sub(all, b, all.n), &l);
			assert_true(s.cap <= 512);
			sse_finish(&s, on_event, &l);
			slice want =
			    SLICE("[|ok|data: ok\n\n][|-|\n][|12345|data: 12345\n\n][|ok|data: ok\n\n]");
			if (!slice_eq(slice_make(l.text, l.n), want) || s.skipped != 2)
				fail_msg("cut at %zu %zu: %llu " SLICE_FMT, a, b, s.skipped,
				         SLICE_ARG(slice_make(l.text, l.n)));
		}
	/* An end within one: nothing to give. */
	struct sse s;
	sse_init(&s, 13);
	l.n = 0;
	feed(&s, SLICE("data: 12345678901234567890"), &l);
	assert_int_equal(sse_finish(&s, on_event, &l), 0);
	assert_true(l.n == 0 && s.skipped == 1);
	feed(&s, SLICE("data: a\n\n"), &l); /* as new */
	assert_true(slice_eq(slice_make(l.text, l.n), SLICE("[|a|data: a\n\n]")));
	sse_release(&s);
}

struct passed {
	char text[256];
	size_t n, stop_at; /* stop_at: refuses what would go over it */
};

static int pass_on(void *arg, slice raw)
{
	struct passed *p = arg;
	if (p->n + raw.n > p->stop_at)
		return -7;
	memcpy(p->text + p->n, raw.p, raw.n);
	p->n += raw.n;
	return 0;
}

static int pass_event(void *arg, const struct sse_event *e)
{
	return pass_on(arg, e->raw);
}

/* With on_skipped every byte comes out, in order, and a refusal of it stops the stream. */
static void gives_skipped_bytes(void **state)
{
	(void)state;
	slice all = SLICE(
	    "data: ok\n\ndata: 123456\n\n\ndata: 12345\n\ndata: 12345678901234567890\r\n\r\ndata: ok\n\n");
	for (size_t a = 0; a <= all.n; a++)
		for (size_t b = a; b <= all.n; b++) {
			struct sse s;
			struct passed p = {.stop_at = sizeof p.text};
			sse_init(&s, 13);
			s.on_skipped = pass_on;
			assert_int_equal(sse_feed(&s, slice_sub(all, 0, a), pass_event, &p), 0);
			assert_int_equal(sse_feed(&s, slice_sub(all, a, b), pass_event, &p), 0);
			assert_int_equal(sse_feed(&s, slice_sub(all, b, all.n), pass_event, &p), 0);
			assert_int_equal(sse_finish(&s, pass_event, &p), 0);
			if (!slice_eq(slice_make(p.text, p.n), all))
				fail_msg("cut at %zu %zu: " SLICE_FMT, a, b,
				         SLICE_ARG(slice_make(p.text, p.n)));
		}
	struct sse s;
	struct passed p = {.stop_at = 20};
	sse_init(&s, 13);
	s.on_skipped = pass_on;
	assert_int_equal(sse_feed(&s, SLICE("data: 12345678901234567890"), pass_event, &p), -7);
	sse_release(&s);
}

static void stops_when_told(void **state)
{
	(void)state;
	static struct log l;
	struct sse s;
	sse_init(&s, 1000);
	l.stop_at = 2;
	assert_int_equal(feed(&s, SLICE("data: a\n\ndata: b\n\ndata: c\n\n"), &l), 42);
	assert_int_equal(l.events, 2);
	assert_int_equal(feed(&s, SLICE("data: d\n\ndata:"), &l), 0);
	l.stop_at = 4;
	assert_int_equal(sse_finish(&s, on_event, &l), 42);
	assert_int_equal(l.events, 4);
	l.stop_at = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_however_cut),      cmocka_unit_test(loses_no_byte),
	    cmocka_unit_test(frames_recorded_streams), cmocka_unit_test(copies_only_what_is_cut),
	    cmocka_unit_test(joins_many_lines),        cmocka_unit_test(gives_memory_back),
	    cmocka_unit_test(skips_what_is_too_large), cmocka_unit_test(gives_skipped_bytes),
	    cmocka_unit_test(stops_when_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
