/* The one place where a fault's sentence is written down. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

#define ASIDE (ERR_TEXT_MAX + 4) /* a character more than is kept, to see where one ends */

/* Appends as much of z as there is room for. */
static void append(char text[ASIDE], const char *z)
{
	size_t n = strlen(text), more = strlen(z), room = ASIDE - 1 - n;
	size_t taken = more < room ? more : room;
	memcpy(text + n, z, taken);
	text[n + taken] = '\0';
}

/* The arguments may lie in e->text itself (a fault wrapped in a longer sentence), so the text is made aside.
 */
static void error_fill(struct error *e, int code, const char *behind, const char *format, va_list ap)
    __attribute__((format(printf, 4, 0)));
static void error_fill(struct error *e, int code, const char *behind, const char *format, va_list ap)
{
	char text[ASIDE] = "";
	vsnprintf(text, sizeof text, format, ap);
	if (behind) {
		append(text, ": ");
		append(text, behind);
	}
	size_t n = utf8_cut(slice_of(text), ERR_TEXT_MAX - 1);
	e->code = code;
	memcpy(e->text, text, n);
	e->text[n] = '\0';
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
