/* The ground floor's parsers and the redactor. The first byte chooses; the rest is the input.
 *   m  money_parse: what it takes prints and parses back to itself
 *   t  clock_parse_rfc3339: the same        d  clock_parse_duration: never negative
 *   g  slice_glob: pattern NUL text, against a plain recursive matcher
 *   r  log_redact: keeps length, quotes and escapes; idempotent
 *   l  log_write: one line without control characters, valid JSON, no field lost, whatever the value
 *   i  slice_to_i64: prints back */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/money.h"

#define ENSURE(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			__builtin_trap();                                                                    \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_money(slice in)
{
	int64_t nano, back;
	char text[MONEY_TEXT_MAX], human[MONEY_TEXT_MAX];
	if (money_parse(in, &nano))
		return;
	size_t n = money_format_exact(nano, text);
	ENSURE(n == strlen(text) && n < sizeof text);
	ENSURE(money_parse(slice_make(text, n), &back) == 0 && back == nano);
	n = money_format_human(nano, human);
	ENSURE(n == strlen(human) && n < sizeof human);
}

static void fuzz_time(slice in)
{
	int64_t ms, back;
	char text[CLOCK_RFC3339_MAX];
	if (!clock_parse_rfc3339(in, &ms))
		return;
	size_t n = clock_format_rfc3339(ms, text);
	ENSURE(n == strlen(text) && n < sizeof text);
	ENSURE(clock_parse_rfc3339(slice_make(text, n), &back) && back == ms);
}

static void fuzz_duration(slice in)
{
	int64_t ms;
	if (clock_parse_duration(in, &ms))
		ENSURE(ms >= 0);
}

static bool plain_glob(slice s, slice p)
{
	if (p.n == 0)
		return s.n == 0;
	if (p.p[0] == '*')
		return plain_glob(s, slice_sub(p, 1, p.n)) || (s.n && plain_glob(slice_sub(s, 1, s.n), p));
	return s.n && (p.p[0] == '?' || p.p[0] == s.p[0]) &&
	       plain_glob(slice_sub(s, 1, s.n), slice_sub(p, 1, p.n));
}

static void fuzz_glob(slice in)
{
	slice pattern, text = in;
	if (!slice_split(&text, '\0', &pattern) || !text.p)
		return;
	bool match = slice_glob(text, pattern);
	if (text.n <= 12 && pattern.n <= 8)
		ENSURE(match == plain_glob(text, pattern));
}

static void fuzz_redact(slice in)
{
	char *line = malloc(in.n ? in.n : 1), *again = malloc(in.n ? in.n : 1);
	ENSURE(line && again);
	if (in.n)
		memcpy(line, in.p, in.n);
	log_redact(line, in.n);
	for (size_t i = 0; i < in.n; i++)
		ENSURE(line[i] == in.p[i] || line[i] == '*');
	if (in.n)
		memcpy(again, line, in.n);
	log_redact(again, in.n);
	ENSURE(in.n == 0 || memcmp(line, again, in.n) == 0);
	free(line);
	free(again);
}

static void fuzz_log(slice in)
{
	char line[8192];
	int fds[2];
	struct clock clock = clock_fake(0, 0);
	struct log log;
	if (pipe(fds))
		return;
	log_init(&log, fds[1], LOG_INFO, &clock);
	log.format = in.n && in.p[0] & 1 ? LOG_JSON : LOG_TEXT;
	log_event(&log, LOG_INFO, "fuzz", LOG_S("value", in), LOG_I("n", in.n));
	ssize_t n = read(fds[0], line, sizeof line);
	close(fds[0]);
	close(fds[1]);
	ENSURE(n > 1 && n <= 4096 && line[n - 1] == '\n' && log.dropped == 0);
	for (ssize_t i = 0; i < n - 1; i++)
		ENSURE((unsigned char)line[i] >= 0x20 && line[i] != 0x7F);
	if (log.format == LOG_JSON) {
		cJSON *json = cJSON_ParseWithLength(line, (size_t)n);
		ENSURE(json && cJSON_GetObjectItem(json, "value"));
		ENSURE(cJSON_GetObjectItem(json, "n") || cJSON_GetObjectItem(json, "cut"));
		cJSON_Delete(json);
	}
}

static void fuzz_number(slice in)
{
	long long value, back;
	char text[32];
	if (!slice_to_i64(in, &value))
		return;
	int n = snprintf(text, sizeof text, "%lld", value);
	ENSURE(slice_to_i64(slice_make(text, (size_t)n), &back) && back == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		char name;
		void (*run)(slice in);
	} targets[] = {
	    {'m', fuzz_money},  {'t', fuzz_time}, {'d', fuzz_duration}, {'g', fuzz_glob},
	    {'r', fuzz_redact}, {'l', fuzz_log},  {'i', fuzz_number},
	};
	for (size_t i = 0; size && i < sizeof targets / sizeof targets[0]; i++)
		if (targets[i].name == (char)data[0])
			targets[i].run(slice_make(data + 1, size - 1));
	return 0;
}
