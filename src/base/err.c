/* The one place where a fault's sentence is written down. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* A sentence that was cut must not end inside a UTF-8 character (RFC 3629 section 3). */
static void trim_partial_utf8(char *text, size_t n)
{
	size_t tail = 0;
	while (tail < 3 && tail < n && ((unsigned char)text[n - 1 - tail] & 0xC0) == 0x80)
		tail++;
	if (tail == n)
		return;
	unsigned char lead = (unsigned char)text[n - 1 - tail];
	size_t want = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
	if (want > tail)
		text[n - 1 - tail] = '\0';
}

/* Appends as much of z as there is room for; false when it was cut. */
static bool append(char text[ERR_TEXT_MAX], const char *z)
{
	size_t n = strlen(text), more = strlen(z), room = ERR_TEXT_MAX - 1 - n;
	size_t taken = more < room ? more : room;
	memcpy(text + n, z, taken);
	text[n + taken] = '\0';
	return taken == more;
}

/* The arguments may lie in e->text itself (a fault wrapped in a longer sentence), so the text is made aside.
 */
static void error_fill(struct error *e, int code, const char *behind, const char *format, va_list ap)
    __attribute__((format(printf, 4, 0)));
static void error_fill(struct error *e, int code, const char *behind, const char *format, va_list ap)
{
	char text[ERR_TEXT_MAX] = "";
	int n = vsnprintf(text, sizeof text, format, ap);
	bool whole = n >= 0 && (size_t)n < sizeof text;
	if (behind)
		whole = append(text, ": ") && append(text, behind) && whole;
	if (!whole)
		trim_partial_utf8(text, strlen(text));
	e->code = code;
	memcpy(e->text, text, sizeof text);
}

int error_set(struct error *e, int code, const char *format, ...)
{
	if (!e)
		return code;
	va_list ap;
	va_start(ap, format);
	error_fill(e, code, NULL, format, ap);
	va_end(ap);
	return code;
}

int error_errno(struct error *e, int code, int errno_value, const char *format, ...)
{
	if (!e)
		return code;
	char reason[128];
	const char *why =
	    strerror_r(errno_value, reason, sizeof reason); /* the GNU one: a pointer, not an int */
	va_list ap;
	va_start(ap, format);
	error_fill(e, code, why, format, ap);
	va_end(ap);
	return code;
}
