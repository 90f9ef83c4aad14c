/* Records as text and as JSON: quoting, injection, cutting, redaction, lost lines. JSON is read back with
 * cJSON. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/log.h"

#define STAMP "2026-11-22T00:47:45.123Z"

struct fixture {
	int fds[2]; /* a pipe */
	struct clock clock;
	struct log log;
	char line[8192]; /* what was read last, NUL-terminated */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	assert_int_equal(pipe2(f->fds, O_NONBLOCK), 0);
	f->clock = clock_fake(1795308465123, 0);
	log_init(&f->log, f->fds[1], LOG_INFO, &f->clock);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	close(f->fds[0]);
	close(f->fds[1]);
	free(f);
	return 0;
}

static size_t take(struct fixture *f)
{
	ssize_t n = read(f->fds[0], f->line, sizeof f->line - 1);
	n = n < 0 ? 0 : n;
	f->line[n] = '\0';
	return (size_t)n;
}

static void a_record_as_text(void **state)
{
	struct fixture *f = *state;
	log_event(&f->log, LOG_INFO, "serve.listening", LOG_Z("address", "127.0.0.1:8787"),
	          LOG_I("workers", 2), LOG_S("name", SLICE("two words")), LOG_Z("none", NULL),
	          LOG_I("least", INT64_MIN));
	take(f);
	assert_string_equal(
	    f->line,
	    STAMP " info serve.listening address=127.0.0.1:8787 workers=2 name=\"two words\" none=\"\""
	          " least=-9223372036854775808\n");
	log_write(&f->log, LOG_ERROR, "bare", NULL, 0);
	take(f);
	assert_string_equal(f->line, STAMP " error bare\n");
}

static void a_record_as_json(void **state)
{
	struct fixture *f = *state;
	f->log.format = LOG_JSON;
	log_event(&f->log, LOG_WARN, "a.b", LOG_Z("s", "x\"y"), LOG_I("i", -5), LOG_Z("none", NULL));
	take(f);
	assert_string_equal(f->line, "{\"time\":\"" STAMP
	                             "\",\"level\":\"warn\",\"event\":\"a.b\",\"s\":\"x\\\"y\",\"i\":-5,"
	                             "\"none\":\"\"}\n");
}

static void quoting(void **state)
{
	struct fixture *f = *state;
	static const struct {
		slice value;
		const char *text, *json;
	} cases[] = {
	    {SLICE("plain-value_1.2/3:4,5;{}[]'"), "plain-value_1.2/3:4,5;{}[]'",
	     "\"plain-value_1.2/3:4,5;{}[]'\""},
	    {SLICE(""), "\"\"", "\"\""},
	    {SLICE("a=b"), "\"a=b\"", "\"a=b\""},
	    {SLICE("say \"hi\" \\ there"), "\"say \\\"hi\\\" \\\\ there\"", "\"say \\\"hi\\\" \\\\ there\""},
	    /* a second record, smuggled in */
	    {SLICE("x\n" STAMP " info faked=1"), "\"x\\n" STAMP " info faked=1\"",
	     "\"x\\n" STAMP " info faked=1\""},
	    {SLICE("a\r\n\tb"), "\"a\\r\\n\\tb\"", "\"a\\r\\n\\tb\""},
	    {SLICE("\x1B[31mred\x1B]0;title\x07"), "\"\\u001b[31mred\\u001b]0;title\\u0007\"",
	     "\"\\u001b[31mred\\u001b]0;title\\u0007\""},
	    {SLICE("\0nul\x7F"), "\"\\u0000nul\\u007f\"", "\"\\u0000nul\\u007f\""},
	    {SLICE("\xC2\x9B"
	           "31m"),
	     "\"\\u009b31m\"", "\"\\u009b31m\""}, /* CSI of the C1 controls */
	    {SLICE("\xE2\x80\xAE"
	           "evil\xE2\x80\xA8\xEF\xBB\xBF"),
	     "\"\\u202eevil\\u2028\\ufeff\"", "\"\\u202eevil\\u2028\\ufeff\""},
	    {SLICE("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"",
	     "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\""},
	    /* malformed UTF-8: alone, overlong, a surrogate, cut off, beyond U+10FFFF */
	    {SLICE("a\x80z"), "\"a\\ufffdz\"", "\"a\\ufffdz\""},
	    {SLICE("\xC0\xAF"), "\"\\ufffd\\ufffd\"", "\"\\ufffd\\ufffd\""},
	    {SLICE("\xE0\x80\xAF"), "\"\\ufffd\\ufffd\\ufffd\"", "\"\\ufffd\\ufffd\\ufffd\""},
	    {SLICE("\xED\xA0\x80"), "\"\\ufffd\\ufffd\\ufffd\"", "\"\\ufffd\\ufffd\\ufffd\""},
	    {SLICE("a\xE2\x82"), "\"a\\ufffd\\ufffd\"", "\"a\\ufffd\\ufffd\""},
	    {SLICE("\xF4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"",
	     "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char want[512];
		f->log.format = LOG_TEXT;
		log_event(&f->log, LOG_INFO, "e", LOG_S("v", cases[i].value));
		take(f);
		snprintf(want, sizeof want, STAMP " info e v=%s\n", cases[i].text);
		assert_string_equal(f->line, want);
		f->log.format = LOG_JSON;
		log_event(&f->log, LOG_INFO, "e", LOG_S("v", cases[i].value));
		take(f);
		snprintf(want, sizeof want,
		         "{\"time\":\"" STAMP "\",\"level\":\"info\",\"event\":\"e\",\"v\":%s}\n",
		         cases[i].json);
		assert_string_equal(f->line, want);
	}
}

/* Names come from the program; should one ever not, it still cannot end itself. */
static void names_cannot_break_out(void **state)
{
	struct fixture *f = *state;
	log_event(&f->log, LOG_INFO, "a b\nc", LOG_I("k=\"\n\x1B", 1));
	take(f);
	assert_string_equal(f->line, STAMP " info a_b_c k____=1\n");
}

static void every_byte_survives_json(void **state)
{
	struct fixture *f = *state;
	f->log.format = LOG_JSON;
	for (int a = 0; a < 256; a++) {
		char value[] = {'x', (char)a, (char)(a ^ 0x55), 'y'};
		log_event(&f->log, LOG_INFO, "e", LOG_S("v", slice_make(value, sizeof value)));
		size_t n = take(f);
		assert_ptr_equal(memchr(f->line, '\n', n), f->line + n - 1); /* one line */
		for (size_t i = 0; i + 1 < n; i++)
			assert_true((unsigned char)f->line[i] >= 0x20 && f->line[i] != 0x7F);
		cJSON *json = cJSON_Parse(f->line);
		assert_non_null(json);
		if (a > 0 && a < 128 && (a ^ 0x55) > 0) {
			const char *back = cJSON_GetObjectItem(json, "v")->valuestring;
			assert_int_equal(strlen(back), sizeof value);
			assert_memory_equal(back, value, sizeof value);
		}
		cJSON_Delete(json);
	}
}

static void secrets_are_redacted(void **state)
{
	struct fixture *f = *state;
	static const enum log_format formats[] = {LOG_TEXT, LOG_JSON};
	static const char *const secrets[] = {
	    "wk_AAAAbbbbCCCCddddEEEEffffGGGGhhhh",
	    "{\"headers\":{\"x-api-key\":\"AAAAbbbb \\\"CCCC\"},\"n\":1}",
	    "Authorization: Bearer AAAAbbbbCCCC",
	    "first line\nsk-AAAAbbbbCCCC",
	    "postgresql://weir:AAAA@db/weir",
	    "AIzaAAAAbbbbCCCCddddEEEE",
	    "eyJAAAAbbbbCCCC.AAAAbbbb.AAAA",
	};
	for (size_t i = 0; i < COUNT(secrets); i++)
		for (size_t k = 0; k < COUNT(formats); k++) {
			f->log.format = formats[k];
			log_event(&f->log, LOG_INFO, "e", LOG_Z("text", secrets[i]), LOG_Z("after", "seen"));
			take(f);
			assert_null(strstr(f->line, "AAAA"));
			assert_null(strstr(f->line, "CCCC"));
			assert_non_null(strstr(f->line, "***"));
			assert_non_null(strstr(f->line, "seen"));
			if (formats[k] == LOG_JSON) {
				cJSON *json = cJSON_Parse(f->line);
				assert_non_null(json);
				cJSON_Delete(json);
			}
		}
	f->log.format = LOG_JSON;
	log_event(&f->log, LOG_INFO, "e", LOG_Z("token", "a b\"c"), LOG_I("secret", 5));
	take(f);
	assert_non_null(strstr(f->line, "\"token\":\"******\",\"secret\":5}"));
	/* the redactor takes \" for an opening quote, and must not look for the closing one beyond the value
	 */
	log_event(&f->log, LOG_INFO, "e", LOG_Z("v", "password=\"a\\"), LOG_Z("user", "ana"));
	take(f);
	assert_non_null(strstr(f->line, "\"v\":\"password=\\\"***\",\"user\":\"ana\"}"));
}

static void long_records_are_cut(void **state)
{
	struct fixture *f = *state;
	static char value[6000];
	static const char *const fill[] = {"x", "\n", "\x01", "\xE2\x82\xAC", "\\"};
	for (size_t k = 0; k < COUNT(fill); k++) {
		size_t size = strlen(fill[k]), n = 0;
		for (; n + size <= sizeof value; n += size)
			memcpy(value + n, fill[k], size);
		for (size_t len = k ? 0 : 3900; len <= n; len += k ? 97 * size : 1) {
			f->log.format = len % 2 ? LOG_TEXT : LOG_JSON;
			log_event(&f->log, LOG_INFO, "e", LOG_S("v", slice_make(value, len)),
			          LOG_I("last", 7));
			size_t got = take(f);
			assert_in_range(got, 1, 4096);
			assert_int_equal(f->line[got - 1], '\n');
			if (got == 1)
				continue;
			bool cut =
			    strstr(f->line, f->log.format == LOG_JSON ? ",\"cut\":1}\n" : " cut=1\n") != NULL;
			bool whole = strstr(f->line, "last") != NULL;
			assert_true(cut != whole);
			if (f->log.format == LOG_JSON) {
				cJSON *json = cJSON_Parse(f->line);
				assert_non_null(json);
				cJSON_Delete(json);
			}
		}
	}
	struct log_field many[400];
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = LOG_I("a_rather_long_key", 1234567890);
	log_write(&f->log, LOG_INFO, "e", many, COUNT(many));
	assert_in_range(take(f), 3900, 4096);
	assert_non_null(strstr(f->line, "cut"));
}

static void levels_and_lost_lines(void **state)
{
	struct fixture *f = *state;
	log_write(&f->log, LOG_DEBUG, "quiet", NULL, 0);
	assert_int_equal(take(f), 0);
	f->log.least = LOG_DEBUG;
	log_write(&f->log, LOG_DEBUG, "loud", NULL, 0);
	take(f);
	assert_string_equal(f->line, STAMP " debug loud\n");
	int size = fcntl(f->fds[1], F_SETPIPE_SZ, 4096);
	assert_true(size >= 4096);
	for (int i = 0; i < size / 32 + 1; i++) /* nobody reads: it must not block, and count what is lost */
		log_write(&f->log, LOG_INFO, "fill", NULL, 0);
	assert_true(f->log.dropped > 0);
	unsigned long long before = f->log.dropped;
	struct log none;
	log_init(&none, -1, LOG_DEBUG, &f->clock);
	log_write(&none, LOG_ERROR, "nowhere", NULL, 0);
	assert_int_equal(none.dropped, 0);
	log_init(&none, f->fds[0], LOG_DEBUG, NULL); /* cannot be written; the real clock */
	log_write(&none, LOG_ERROR, "refused", NULL, 0);
	assert_int_equal(none.dropped, 1);
	assert_int_equal(f->log.dropped, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_record_as_text, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_record_as_json, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(quoting, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_cannot_break_out, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(every_byte_survives_json, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(secrets_are_redacted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(long_records_are_cut, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(levels_and_lost_lines, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
