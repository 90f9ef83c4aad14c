/* The console's page, over a real store: every text that came from outside is text on it, and nothing else.
 */
#include <stdlib.h>

#include "gateway/console_page.h"
#include "unit/store/fixture.h"

#define PAGE_MAX (1 << 20)

static void escape(void **state)
{
	static const struct {
		const char *text, *html, *json;
	} cases[] = {
	    {"plain", "plain", "plain"},
	    {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;",
	     "<script>alert(1)</script>"},
	    {"a\"b'c&d", "a&quot;b&#39;c&amp;d", "a\\\"b'c&d"},
	    {"back\\slash", "back\\slash", "back\\\\slash"},
	    {"two\nlines\t\x1b[31m\x7f", "two?lines??[31m?", "two\\nlines??[31m?"},
	    {"\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac"},
	    {"", "", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int json = 0; json < 2; json++) {
			struct buf b;
			buf_init(&b, 1000);
			assert_int_equal(console_escape(&b, slice_of(cases[i].text), json), 0);
			assert_slice_equal(buf_slice(&b), slice_of(json ? cases[i].json : cases[i].html));
			buf_release(&b);
		}
	struct buf full;
	buf_init(&full, 5);
	assert_int_equal(console_escape(&full, SLICE("<<"), false), ERR_FULL);
	buf_release(&full);
}

/* --- the page ---------------------------------------------------------------- */

struct fixture {
	struct folder folder;
	struct clock clock;
	struct log log;
	struct shared shared;
	struct console_context c;
	struct ledger *ledger;
	struct buf page;
};

static void set_up(struct fixture *f)
{
	struct error e;
	memset(f, 0, sizeof *f);
	folder_make(&f->folder);
	f->clock = clock_fake(INT64_C(1764000000000) + 3600000, 0);
	log_init(&f->log, -1, LOG_ERROR, &f->clock);
	f->shared.log = &f->log;
	f->shared.clock = &f->clock;
	f->c.shared = &f->shared;
	slice rest;
	f->c.ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	assert_int_equal(f->c.ops->open(folder_file(&f->folder, "weir.db"), true, &f->ledger, &e), 0);
	f->c.ledger = f->ledger;
	buf_init(&f->page, PAGE_MAX);
}

static void tear_down(struct fixture *f)
{
	f->c.ops->close(f->ledger);
	buf_release(&f->page);
	folder_remove(&f->folder);
}

static void put(struct fixture *f, const struct record *r)
{
	struct error e = {0};
	assert_int_equal(f->c.ops->begin(f->ledger, &e), 0);
	assert_int_equal(f->c.ops->add(f->ledger, r, &e), 0);
	assert_int_equal(f->c.ops->commit(f->ledger, &e), 0);
}

/* The page as a text, NUL-terminated; whole at its end. */
static const char *page_for(struct fixture *f, const char *user)
{
	struct console_reader who = {.all = user == NULL};
	if (user)
		name_set(&who.user, slice_of(user));
	buf_clear(&f->page);
	assert_int_equal(console_page(&f->c, &who, &f->page), 0);
	assert_int_equal(buf_append(&f->page, slice_make("", 1)), 0);
	const char *text = buf_slice(&f->page).p;
	assert_non_null(strstr(text, "</html>"));
	return text;
}

static void planted(void **state)
{
	static const char *const evil[] = {"<script>alert(1)</script>",
	                                   "\"><img src=x onerror=alert(2)>",
	                                   "' onmouseover=alert(3) x='",
	                                   "</td></table><iframe src=//x>",
	                                   "&lt;b&gt;",
	                                   "\xe2\x80\xae<svg/onload=alert(4)>"};
	static const enum attr where[] = {ATTR_USER,   ATTR_TEAM,  ATTR_REPO,
	                                  ATTR_BRANCH, ATTR_AGENT, ATTR_SESSION};
	struct fixture f;
	struct record r;
	int64_t n = 0;
	(void)state;
	set_up(&f);
	for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
		sample_settled(&r, n++);
		for (size_t k = 0; k < sizeof where / sizeof *where; k++)
			r.who.v[where[k]] = slice_of(evil[i]);
		r.text[TEXT_MODEL_REQUESTED] = r.text[TEXT_MODEL_SERVED] = slice_of(evil[i]);
		put(&f, &r);
		sample_record(&r, n++); /* and refused */
		r.ending = ENDING_REFUSED;
		r.decision = DECISION_REFUSED;
		r.text[TEXT_EXPLANATION] = slice_of(evil[i]);
		put(&f, &r);
	}
	const char *page = page_for(&f, NULL);
	static const char *const never[] = {"<script", "<img", "<iframe",     "<svg",
	                                    "<b>&",    "x='",  "\xe2\x80\xae"};
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (strstr(page, never[i]))
			fail_msg("on the page: %s", never[i]);
	static const char *const as_text[] = {"&lt;script&gt;alert(1)&lt;/<wbr>script&gt;",
	                                      "&quot;&gt;&lt;img src=x", "&#39; onmouseover",
	                                      "Refused: &lt;script&gt;", "&amp;lt;b&amp;gt;"};
	for (size_t i = 0; i < sizeof as_text / sizeof *as_text; i++)
		if (!strstr(page, as_text[i]))
			fail_msg("not on the page: %s", as_text[i]);
	tear_down(&f);
}

static void says(void **state)
{
	struct fixture f;
	struct record r;
	(void)state;
	set_up(&f);
	const char *page = page_for(&f, NULL);
	assert_non_null(strstr(page, "No calls in the last seven days"));
	assert_null(strstr(page, "simulated"));
	sample_settled(&r, 1);
	put(&f, &r);
	sample_settled(&r, 2);
	r.who.v[ATTR_USER] = SLICE("bo@example.com");
	r.ending = ENDING_CLIENT_GONE;
	put(&f, &r);
	f.c.simulated = true;
	page = page_for(&f, NULL);
	assert_non_null(strstr(page, "All of this is simulated"));
	assert_non_null(strstr(page, "bo<wbr>@example.com"));
	assert_non_null(strstr(page, "The client left"));
	assert_non_null(strstr(page, "$0.0479")); /* of both calls */
	assert_non_null(strstr(page, "github.com/<wbr>acme/<wbr>ledger"));
	/* one who may see only their own */
	page = page_for(&f, "ana@example.com");
	assert_non_null(strstr(page, "ana<wbr>@example.com"));
	assert_null(strstr(page, "bo<wbr>@"));
	assert_null(strstr(page, "$0.0479"));
	assert_null(strstr(page_for(&f, "*"), "ana<wbr>@")); /* a name, not a pattern */
	struct console_reader nobody = {0};
	buf_clear(&f.page);
	assert_true(console_page(&f.c, &nobody, &f.page) < 0);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(escape),
	    cmocka_unit_test(planted),
	    cmocka_unit_test(says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
