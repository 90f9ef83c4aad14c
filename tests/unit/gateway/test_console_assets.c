/* The files of the console's page: found, packed as the client takes it, and known again. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "gateway/console_assets.h"
#include "gateway/console_api.h"
#include "unit/store/fixture.h"

struct asked {
	struct header at[3];
	struct headers headers;
	struct asset_answer a;
	struct buf plain;
};

/* Texts NULL: the header is not there. */
static bool ask(struct asked *q, const char *path, const char *accept, const char *coding, const char *known)
{
	static const char *const names[] = {"Accept", "Accept-Encoding", "If-None-Match"};
	const char *const values[] = {accept, coding, known};
	q->headers = (struct headers){.at = q->at};
	for (size_t i = 0; i < 3; i++)
		if (values[i])
			q->at[q->headers.n++] = (struct header){slice_of(names[i]), slice_of(values[i])};
	buf_init(&q->plain, 4 << 20);
	return console_asset_answer(slice_of(path), &q->headers, &q->a, &q->plain);
}

static void which(void **state)
{
	static const struct {
		const char *path, *accept;
		bool page;
	} cases[] = {
	    {"/", NULL, true},
	    {"/", "*/*", true},
	    {"/explore", "text/html,application/xhtml+xml", true},
	    {"/sessions/a%2Fb", "text/html", true},
	    {"/explore", "*/*", false}, /* not a browser: an agent that is lost here is told so */
	    {"/explore", NULL, false},
	    {"/api/v1/nothing", "text/html", false},
	    {"/assets/gone-12345678.js", "text/html", false},
	    {"/v1/traces", "text/html", false},
	};
	struct asked q;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool found = ask(&q, cases[i].path, cases[i].accept, "br", NULL);
		if (found != cases[i].page || q.a.status != (found ? 200 : 0))
			fail_msg("%s", cases[i].path);
		if (found) {
			assert_string_equal(q.a.asset.type, "text/html; charset=utf-8");
			assert_false(q.a.asset.immutable);
		}
		buf_release(&q.plain);
	}
}

static void packed(void **state)
{
	static const struct {
		const char *accepted, *encoding;
	} cases[] = {
	    {"gzip, deflate, br, zstd", "br"},
	    {"gzip", "gzip"},
	    {"GZIP;q=0.5", "gzip"},
	    {"br;q=0, gzip", "gzip"},
	    {"br; q=0.0,gzip;q=0", NULL},
	    {"identity", NULL},
	    {"brotli, gzipped", NULL},
	    {NULL, NULL},
	};
	struct asked q;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(ask(&q, "/", NULL, cases[i].accepted, NULL));
		assert_int_equal(q.a.status, 200);
		if (cases[i].encoding) {
			assert_string_equal(q.a.encoding, cases[i].encoding);
			assert_true(q.a.body.n > 0);
			assert_int_equal(buf_slice(&q.plain).n, 0);
		} else {
			assert_null(q.a.encoding);
			assert_int_equal(q.a.body.n, 0);
			assert_int_equal(buf_slice(&q.plain).n, q.a.asset.size);
			assert_true(slice_find(buf_slice(&q.plain), SLICE("<div id=\"app\">")) > 0);
		}
		buf_release(&q.plain);
	}
}

static void every_file(void **state)
{
	struct asset f;
	struct asked q;
	bool script = false, style = false;
	size_t n = 0;
	(void)state;
	for (; console_asset_at(n, &f); n++) {
		char known[64];
		snprintf(known, sizeof known, "W/\"%s\"", f.tag);
		assert_true(ask(&q, f.path, NULL, "gzip", known));
		assert_int_equal(q.a.status, 304);
		assert_int_equal(q.a.body.n, 0);
		buf_release(&q.plain);
		assert_true(ask(&q, f.path, NULL, NULL, "\"another\""));
		assert_int_equal(q.a.status, 200);
		assert_int_equal(buf_slice(&q.plain).n, f.size);
		/* nothing that the page's policy would refuse: no script or style within it */
		if (strcmp(f.path, "/") == 0) {
			assert_true(slice_find(buf_slice(&q.plain), SLICE("<style")) < 0);
			assert_true(slice_find(buf_slice(&q.plain), SLICE("style=")) < 0);
			assert_true(slice_find(buf_slice(&q.plain), SLICE("<script>")) < 0);
		}
		buf_release(&q.plain);
		assert_true(f.brotli.n > 0 && f.gzip.n > 0 && f.brotli.n < f.size + 64);
		assert_int_equal(f.immutable, slice_starts(slice_of(f.path), SLICE("/assets/")));
		script = script || slice_ends(slice_of(f.path), SLICE(".js"));
		style = style || slice_ends(slice_of(f.path), SLICE(".css"));
	}
	assert_true(n > 3 && script && style);
}

static void escape(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
	    {"plain", "plain"},
	    {"<script>alert(1)</script>", "<script>alert(1)</script>"},
	    {"a\"b", "a\\\"b"},
	    {"back\\slash", "back\\\\slash"},
	    {"two\nlines\t\x1b[31m\x7f", "two\\nlines??[31m?"},
	    {"\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac"},
	    {"", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b;
		buf_init(&b, 1000);
		assert_int_equal(console_escape(&b, slice_of(cases[i].text)), 0);
		assert_slice_equal(buf_slice(&b), slice_of(cases[i].json));
		buf_release(&b);
	}
	struct buf full;
	buf_init(&full, 3);
	assert_int_equal(console_escape(&full, SLICE("\"\"")), ERR_FULL);
	buf_release(&full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(which),
	    cmocka_unit_test(packed),
	    cmocka_unit_test(every_file),
	    cmocka_unit_test(escape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
