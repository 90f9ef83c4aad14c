/* One case for each shape that request smuggling and DNS rebinding come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/strict.h"

#define MAX 8
struct shape {
	const char *what;
	int status; /* 0: goes on */
	const char *method, *target, *version;
	struct {
		const char *name, *value;
	} h[MAX];
	int slack; /* bytes by which the head is longer than its parts */
};

#define HOST                                                                                                 \
	{                                                                                                    \
		"Host", "127.0.0.1:8787"                                                                     \
	}

static const struct shape shapes[] = {
    {"plain", 0, "POST", "/v1/messages", "HTTP/1.1", {HOST, {"Content-Length", "10"}}, 0},
    {"chunked", 0, "POST", "/v1/messages", "HTTP/1.1", {HOST, {"Transfer-Encoding", "chunked"}}, 0},
    {"chunked, any case", 0, "POST", "/v1/messages", "HTTP/1.1", {HOST, {"transfer-encoding", "Chunked"}}, 0},
    {"no body", 0, "GET", "/v1/models?limit=1", "HTTP/1.1", {HOST}, 0},
    {"localhost by name", 0, "GET", "/", "HTTP/1.1", {{"Host", "localhost:1"}}, 0},
    {"v6 literal", 0, "GET", "/", "HTTP/1.1", {{"Host", "[::1]:8787"}}, 0},
    {"configured name", 0, "GET", "/", "HTTP/1.1", {{"Host", "weir.example.com"}}, 0},
    {"websocket is for the router",
     0,
     "GET",
     "/v1/responses",
     "HTTP/1.1",
     {HOST, {"Upgrade", "websocket"}},
     0},
    {"own origin", 0, "POST", "/", "HTTP/1.1", {HOST, {"Origin", "http://localhost:3000"}}, 0},
    {"length and chunked",
     400,
     "POST",
     "/",
     "HTTP/1.1",
     {HOST, {"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}},
     0},
    {"chunked and length",
     400,
     "POST",
     "/",
     "HTTP/1.1",
     {HOST, {"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}},
     0},
    {"two lengths that differ",
     400,
     "POST",
     "/",
     "HTTP/1.1",
     {HOST, {"Content-Length", "5"}, {"Content-Length", "6"}},
     0},
    {"two lengths alike",
     400,
     "POST",
     "/",
     "HTTP/1.1",
     {HOST, {"Content-Length", "5"}, {"Content-Length", "5"}},
     0},
    {"length list", 400, "POST", "/", "HTTP/1.1", {HOST, {"Content-Length", "5, 5"}}, 0},
    {"length with sign", 400, "POST", "/", "HTTP/1.1", {HOST, {"Content-Length", "+5"}}, 0},
    {"negative length", 400, "POST", "/", "HTTP/1.1", {HOST, {"Content-Length", "-5"}}, 0},
    {"hex length", 400, "POST", "/", "HTTP/1.1", {HOST, {"Content-Length", "0x10"}}, 0},
    {"empty length", 400, "POST", "/", "HTTP/1.1", {HOST, {"Content-Length", ""}}, 0},
    {"length past 64 bits",
     400,
     "POST",
     "/",
     "HTTP/1.1",
     {HOST, {"Content-Length", "99999999999999999999"}},
     0},
    {"two codings",
     400,
     "POST",
     "/",
     "HTTP/1.1",
     {HOST, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "identity"}},
     0},
    {"coding list", 501, "POST", "/", "HTTP/1.1", {HOST, {"Transfer-Encoding", "gzip, chunked"}}, 0},
    {"coding with a mark", 501, "POST", "/", "HTTP/1.1", {HOST, {"Transfer-Encoding", "chunked;q=1"}}, 0},
    {"coding misspelt", 501, "POST", "/", "HTTP/1.1", {HOST, {"Transfer-Encoding", "xchunked"}}, 0},
    {"chunked in 1.0", 400, "POST", "/", "HTTP/1.0", {HOST, {"Transfer-Encoding", "chunked"}}, 0},
    {"no host", 400, "GET", "/", "HTTP/1.1", {{"Accept", "*/*"}}, 0},
    {"two hosts", 400, "GET", "/", "HTTP/1.1", {HOST, HOST}, 0},
    {"foreign host (rebinding)", 421, "GET", "/", "HTTP/1.1", {{"Host", "attacker.example"}}, 0},
    {"foreign host with our port",
     421,
     "GET",
     "/",
     "HTTP/1.1",
     {{"Host", "127.0.0.1.attacker.example:8787"}},
     0},
    {"empty host", 421, "GET", "/", "HTTP/1.1", {{"Host", ""}}, 0},
    {"foreign origin", 403, "POST", "/", "HTTP/1.1", {HOST, {"Origin", "https://attacker.example"}}, 0},
    {"null origin", 403, "POST", "/", "HTTP/1.1", {HOST, {"Origin", "null"}}, 0},
    {"origin of another address", 403, "POST", "/", "HTTP/1.1", {HOST, {"Origin", "http://192.0.2.1"}}, 0},
    {"space before the colon", 400, "POST", "/", "HTTP/1.1", {HOST, {"Content-Length ", "5"}}, 0},
    {"empty name", 400, "POST", "/", "HTTP/1.1", {HOST, {"", "x"}}, 0},
    {"control in a name", 400, "POST", "/", "HTTP/1.1", {HOST, {"X\x01Y", "x"}}, 0},
    {"bare CR in a value", 400, "POST", "/", "HTTP/1.1", {HOST, {"X", "a\rTransfer-Encoding: chunked"}}, 0},
    {"LF in a value", 400, "POST", "/", "HTTP/1.1", {HOST, {"X", "a\nb"}}, 0},
    {"folded line (dropped bytes)", 400, "POST", "/", "HTTP/1.1", {HOST, {"X", "a b"}}, 2},
    {"bare LF line end (missing byte)", 400, "POST", "/", "HTTP/1.1", {HOST, {"X", "a"}}, -1},
    {"a line the parser dropped", 400, "POST", "/", "HTTP/1.1", {HOST}, 26},
    {"absolute target", 400, "GET", "http://127.0.0.1/v1/models", "HTTP/1.1", {HOST}, 0},
    {"asterisk target", 400, "OPTIONS", "*", "HTTP/1.1", {HOST}, 0},
    {"space in the target", 400, "GET", "/v1 /models", "HTTP/1.1", {HOST}, 0},
    {"fragment in the target", 400, "GET", "/v1/models#x", "HTTP/1.1", {HOST}, 0},
    {"method not a token", 400, "GE(T", "/", "HTTP/1.1", {HOST}, 0},
    {"other version", 505, "GET", "/", "HTTP/2.0", {HOST}, 0},
    {"h2c upgrade", 400, "GET", "/", "HTTP/1.1", {HOST, {"Upgrade", "h2c"}}, 0},
    {"odd expectation", 417, "POST", "/", "HTTP/1.1", {HOST, {"Expect", "200-ok"}}, 0},
};

static void check(const struct shape *s, struct strict_out *out)
{
	static const slice hosts[] = {SLICE("weir.example.com")};
	struct header at[MAX];
	struct headers h = {at, 0};
	size_t head = strlen(s->method) + 1 + strlen(s->target) + 1 + strlen(s->version) + 4;
	for (; h.n < MAX && s->h[h.n].name; h.n++) {
		at[h.n] = (struct header){slice_of(s->h[h.n].name), slice_of(s->h[h.n].value)};
		head += at[h.n].name.n + at[h.n].value.n + 4;
	}
	struct strict_in in = {slice_of(s->method),
	                       slice_of(s->target),
	                       slice_of(s->version),
	                       &h,
	                       head + (size_t)s->slack,
	                       hosts,
	                       1};
	strict_check(&in, out);
}

static void every_shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct strict_out out;
		check(&shapes[i], &out);
		if (out.status != shapes[i].status)
			fail_msg("%s: %d, expected %d", shapes[i].what, out.status, shapes[i].status);
		assert_true(out.status == 0 || out.message != NULL);
	}
}

static void framing_is_told(void **state)
{
	(void)state;
	struct strict_out out;
	check(&shapes[0], &out);
	assert_int_equal(out.content_length, 10);
	assert_false(out.chunked);
	check(&shapes[1], &out);
	assert_true(out.chunked);
	assert_int_equal(out.content_length, -1);
	check(&shapes[7], &out);
	assert_true(out.upgrade);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_shape), cmocka_unit_test(framing_is_told)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
