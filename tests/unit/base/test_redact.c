/* Redaction: in every row, what stands between < and > is a secret that must be overwritten, byte for byte,
 * and all else must stay. (The marks are taken out first.) */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/redact.h"

#define K43 "AAAAbbbbCCCCddddEEEEffffGGGGhhhhIIIIjjjjKKK"

static const char *const rows[] = {
    /* nothing to hide */
    "",
    "2026-11-22T00:47:45.123Z info serve.listening address=127.0.0.1:8787 workers=2",
    "a task-1 about risk-averse sk-learn users asked for wk_ and wk_short",
    "tokens=5 input_tokens=17 max_tokens: 5 secrets are fine, passwords too",
    "basic authentication is not supported; bearer",
    "key=payments-ci user=ana@example.com http://127.0.0.1:8787/v1/models?a=b",
    "eyJ is short, AIzaShort too, ghp_x",
    "{\"input_tokens\":5,\"token\":17,\"password\":null,\"secret\":{\"a\":true}}",
    "api-key-id=5 tokenizer=o200k_base cookies=none",
    "ssh://git@github.com/o/n.git and http://host:8080/p@th and mail a:b@c",
    "ratio://12:30",
    /* tokens by prefix, alone and in sentences */
    "wk_<" K43 ">",
    "key wk_<" K43 ">, created",
    "(wk_<" K43 ">)",
    "x=wk_<" K43 "> y=1",
    "sk-<ant-api03-AbCd_1234-xyz> sk-<proj-AbCdEfGh1234>",
    "sk-<or-v1-0123456789abcdef>\n",
    "AIza<SyA1234567890abcdefghijklmnopqrstuv>",
    "ghp_<0123456789abcdefABCDEF0123456789abcd> github_pat_<11AAAA_bbbbCCCC> glpat-<abcdEFGH_123>",
    "AKIA<ABCDEFGHIJKLMNOP> npm_<0123456789abcdefABCDEF> hf_<abcdefghijklmnopqrst>",
    "xoxb-<123456789-abcdef> gsk_<0123456789abcdef01234> xai-<0123456789abcdef01234>",
    "https://hooks.slack.com/services/<T000/B000/XXXXXXXX> failed",
    "jwt eyJ<hbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl-_x> end",
    "cut eyJ<hbGciOiJSUzI1NiJ9.eyJzdWIi...>\"",
    "\"sk-<abcdefgh12345678>\"",
    "'sk-<abcdefgh12345678>',",
    "a/sk-<abcdefgh12345678>?b",
    "{\"a\":\"line\\nsk-<abcdefgh12345678>\\u000ask-<abcdefgh12345678>\"}",
    "/p?a=%20sk-<abcdefgh12345678>",
    /* schemes */
    "Bearer <abc>",
    "BEARER   <abc.def-ghi_jkl~mno+pqr/stu=>",
    "sent Bearer <some-token-1234>, got 401",
    "Basic <dXNlcjpwYXNz>",
    "\"Bearer <abc>\"",
    "a line\\nBearer <abc>\\r\\nNext: x",
    /* headers */
    "x-api-key: <anything> at all",
    "Authorization: <Bearer abc, def>",
    "authorization: <AWS4-HMAC-SHA256 Credential=AK/x, Signature=abc>\r\nHost: x",
    "Proxy-Authorization: <Basic dXNlcjpwYXNz>\nHost: x",
    "Cookie: <a=b; c=d>\r\nAccept: */*",
    "Set-Cookie: <sid=1; Path=/>",
    "cookie=<sid>; path",
    "authorization=Bearer <abc>",
    "authorization=<abc> user=ana",
    "X-Goog-Api-Key: <hello>",
    "x-weir-key:<hello>",
    "api-key:\t<hello>\r\n",
    "x-amz-security-token: <IQoJb3>",
    "x-hub-signature-256: <sha256=abcdef>",
    /* settings, environment, queries */
    "ANTHROPIC_API_KEY=<hello> run",
    "OPENAI_API_KEY='<hello world>' codex",
    "export AWS_SECRET_ACCESS_KEY=<wJalr/XUtn+FEMI>",
    "password=<hunter2>&user=a",
    "password : <hunter2>",
    "client_secret=<a>,b",
    "/v1beta/models/x:generateContent?key=<hello>&alt=sse",
    "/p?alt=sse&key=<hello>",
    "?access_token=<a-b_c>&x",
    "?X-Amz-Signature=<abcdef>&x",
    "apiKey=<hello> accessToken=<hello>",
    /* JSON, in its middle and inside JSON */
    "{\"a\":1,\"x-api-key\":\"<hello, \\\"world\\\"; } ] \\u00e9 \\\\>\",\"b\":[1,2]}",
    "{\"authorization\" : \"<Bearer abc>\" , \"b\":2}",
    "{\"headers\":{\"x-api-key\":[\"<hello>\"]},\"c\":\"d\"}",
    "{\"password\":\"\",\"b\":\"c\"}",
    "{\"apiKey\":\"<hello>\",\"refreshToken\":\"<hello>\",\"id_token\":\"<hello>\"}",
    "{\"text\":\"say wk_<" K43 "> please\",\"b\":1}",
    "{\"text\":\"{\\\"api_key\\\":\\\"<he\\\\\\\"llo>\\\",\\\"b\\\":\\\"c\\\"}\",\"d\":\"e\"}",
    "{\"text\":\"{\\\"api_key\\\": \\\"<hello\\\\\\\\>\\\", \\\"b\\\":1}\"}",
    "{\"a\":\"{\\\"b\\\":\\\"{\\\\\\\"password\\\\\\\":\\\\\\\"<hello>\\\\\\\",\\\\\\\"c\\\\\\\":1}\\\"}\"}",
    "body=\"{\\\"token\\\":\\\"<hello>\" cut=1",
    "msg=\"password=<a\\\\b> then\"",
    "msg=\"password=<ab>\\nnext line\"",
    "msg=\"Authorization: <Basic abc>\" user=x",
    "{\"token\":\"<ends here>",
    "{\"token\":\"",
    "{\"token\":",
    "token=",
    "token",
    /* URLs */
    "postgresql://weir:<hunter2>@db.example.com:5432/weir?sslmode=require",
    "proxy http://user:<p@ss:w%20rd>@10.0.0.1:3128 refused",
    "\"https://oauth2:<abcdef>@git.example.com/o/n.git\"",
    "https://ghp_<0123456789abcdef0123>@github.com/o/n.git",
    "https://:<abc>@host/",
    "://",
    "a://b:",
};

static void check_row(const char *row)
{
	char text[1024], want[1024];
	size_t n = 0;
	bool secret = false;
	for (const char *p = row; *p; p++) {
		if (*p == '<' || *p == '>') {
			secret = *p == '<';
			continue;
		}
		text[n] = *p;
		want[n++] = secret ? '*' : *p;
	}
	char *exact = malloc(n + 1); /* so that ASan sees a byte read beyond the end */
	assert_non_null(exact);
	memcpy(exact, text, n);
	char *line = realloc(exact, n ? n : 1);
	log_redact(line, n);
	if (memcmp(line, want, n) != 0)
		fail_msg("got  %.*s\n\t\twant %.*s", (int)n, line, (int)n, want);
	log_redact(line, n); /* once more changes nothing */
	assert_memory_equal(line, want, n);
	free(line);
}

static void every_shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(rows[i]);
}

/* Each row in the middle of other text. */
static void every_shape_in_context(void **state)
{
	(void)state;
	static const char *const around[][2] = {
	    {"x ", ""}, {"(", ""}, {"{\"a\":\"b\"} ", ""}, {"\\n", ""}, {"\xC3\xA4 ", ""}, {"\"", ""},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t k = 0; k < COUNT(around); k++) {
			char row[1024];
			snprintf(row, sizeof row, "%s%s%s", around[k][0], rows[i], around[k][1]);
			if (rows[i][0] != '\0' && strchr("a\"'", rows[i][0]) == NULL)
				check_row(row);
		}
}

static void names_of_secrets(void **state)
{
	(void)state;
	static const char *const secret[] = {
	    "token",  "x-api-key", "X-Goog-Api-Key",        "ANTHROPIC_API_KEY", "apiKey",
	    "cookie", "password",  "aws_secret_access_key", "x-weir-key",        "Authorization"};
	static const char *const open[] = {"",           "key",  "tokens",  "key_id",
	                                   "api_key_id", "user", "session", "password_file"};
	for (size_t i = 0; i < COUNT(secret); i++)
		if (!redact_is_secret_name(slice_of(secret[i])))
			fail_msg("%s", secret[i]);
	for (size_t i = 0; i < COUNT(open); i++)
		if (redact_is_secret_name(slice_of(open[i])))
			fail_msg("%s", open[i]);
}

static void hostile_texts_end_in_time(void **state)
{
	(void)state;
	static char text[1 << 18];
	static const char *const patterns[] = {"\\",  "\"",      "://:@",          "password=\\", "api-",
	                                       "eyJ", "Bearer ", "token\\\":\\\"", "://"};
	for (size_t i = 0; i < COUNT(patterns); i++) {
		size_t n = strlen(patterns[i]);
		for (size_t at = 0; at < sizeof text; at++)
			text[at] = patterns[i][at % n];
		log_redact(text, sizeof text);
	}
	log_redact(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_shape),
	    cmocka_unit_test(every_shape_in_context),
	    cmocka_unit_test(names_of_secrets),
	    cmocka_unit_test(hostile_texts_end_in_time),
	};
	return cmocka_run_group_tests_name("base/redact", tests, NULL, NULL);
}
