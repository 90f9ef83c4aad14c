/* The structured log. A record is made in a buffer on the stack, its values redacted there, and written with
 * one write(2). A value that does not fit is cut and the record says "cut"; keys and events come from the
 * program, values from anywhere. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/redact.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES 4096 /* a pipe takes this much in one piece (PIPE_BUF) */
#define TAIL_BYTES     16   /* kept for the end of the record */

struct line {
	char text[LINE_MAX_BYTES];
	size_t n;
	bool cut;
};

static size_t line_room(const struct line *l)
{
	return sizeof l->text - TAIL_BYTES - l->n;
}

static void line_put(struct line *l, slice s)
{
	memcpy(l->text + l->n, s.p, s.n);
	l->n += s.n;
}

/* One character of a name; anything that could end it becomes '_'. */
static char name_char(char c)
{
	bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	            c == '.' || c == '-';
	return fine ? c : '_';
}

static void line_name(struct line *l, slice s)
{
	for (size_t i = 0; i < s.n; i++)
		l->text[l->n++] = name_char(s.p[i]);
}

/* What a terminal or a reader of lines could take for something else: C0 and C1 controls, line and paragraph
 * separators, and the characters that turn the direction of writing (Unicode UAX #9). */
static bool is_treacherous(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x200E || c == 0x200F ||
	       (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

/* The letter of a two-character escape, or NUL. */
static char brief_escape(char c)
{
	return c == '"' || c == '\\' ? c : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : '\0';
}

/* One character as it stands in a JSON string (RFC 8259 section 7); returns how many bytes of s it was. */
static size_t escape_one(slice s, size_t at, char out[8], size_t *out_n)
{
	uint32_t c;
	size_t n = utf8_next(s, at, &c);
	char brief = n == 1 ? brief_escape((char)c) : '\0';
	if (brief) {
		out[0] = '\\';
		out[1] = brief;
		*out_n = 2;
	} else if (n == 0 || is_treacherous(c)) {
		*out_n = (size_t)snprintf(out, 8, "\\u%04x", n ? (unsigned)c & 0xFFFF : 0xFFFD);
	} else {
		memcpy(out, s.p + at, n);
		*out_n = n;
	}
	return n ? n : 1;
}

/* The value between quotes. Both formats use JSON's escapes. The closing quote's room is the caller's care.
 */
static void line_quoted(struct line *l, slice s)
{
	size_t at = 0;
	l->text[l->n++] = '"';
	while (at < s.n) {
		char out[8];
		size_t out_n, step = escape_one(s, at, out, &out_n);
		if (line_room(l) < out_n + 4) {
			line_put(l, SLICE("..."));
			l->cut = true;
			break;
		}
		line_put(l, slice_make(out, out_n));
		at += step;
	}
	l->text[l->n++] = '"';
}

/* Each value by itself, so that whatever it holds, the redactor cannot run over its end into the next field.
 */
static void line_redact(struct line *l, size_t from, size_t to, bool whole)
{
	if (whole)
		memset(l->text + from, '*', to - from);
	else
		log_redact(l->text + from, to - from);
}

static bool is_plain(slice s)
{
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return true;
}

static void line_field(struct line *l, enum log_format format, const struct log_field *f)
{
	char digits[24];
	slice key = slice_of(f->key), value = f->text;
	if (f->is_number)
		value = slice_make(digits, (size_t)snprintf(digits, sizeof digits, "%lld", f->number));
	/* ,"KEY":"" and room for a few bytes of the value, or the whole number */
	if (l->cut || line_room(l) < key.n + 8 + (f->is_number ? value.n : 8)) {
		l->cut = true;
		return;
	}
	line_put(l, format == LOG_JSON ? SLICE(",\"") : SLICE(" "));
	line_name(l, key);
	line_put(l, format == LOG_JSON ? SLICE("\":") : SLICE("="));
	if (f->is_number) {
		line_put(l, value);
		return;
	}
	bool quoted = format == LOG_JSON || !is_plain(value) || value.n > line_room(l);
	size_t from = l->n + quoted;
	if (quoted)
		line_quoted(l, value);
	else
		line_put(l, value);
	line_redact(l, from, l->n - quoted, redact_is_secret_name(key));
}

static slice level_name(enum log_level level)
{
	static const slice names[] = {[LOG_DEBUG] = SLICE("debug"),
	                              [LOG_INFO] = SLICE("info"),
	                              [LOG_WARN] = SLICE("warn"),
	                              [LOG_ERROR] = SLICE("error")};
	return names[level];
}

static void line_head(struct line *l, const struct log *log, enum log_level level, slice event)
{
	char stamp[CLOCK_RFC3339_MAX];
	slice time = slice_make(stamp, clock_format_rfc3339(clock_wall_ms(log->clock), stamp));
	bool json = log->format == LOG_JSON;
	line_put(l, json ? SLICE("{\"time\":\"") : SLICE(""));
	line_put(l, time);
	line_put(l, json ? SLICE("\",\"level\":\"") : SLICE(" "));
	line_put(l, level_name(level));
	line_put(l, json ? SLICE("\",\"event\":\"") : SLICE(" "));
	line_name(l, slice_sub(event, 0, 128));
	line_put(l, json ? SLICE("\"") : SLICE(""));
}

void log_init(struct log *l, int fd, enum log_level least, const struct clock *clock)
{
	*l =
	    (struct log){.fd = fd, .least = least, .format = LOG_TEXT, .clock = clock ? clock : clock_real()};
}

void log_write(struct log *l, enum log_level level, const char *event, const struct log_field *fields,
               size_t n)
{
	struct line line;
	ssize_t written;
	if (l->fd < 0 || level < l->least)
		return;
	line.n = 0;
	line.cut = false;
	line_head(&line, l, level, slice_of(event));
	for (size_t i = 0; i < n; i++)
		line_field(&line, l->format, &fields[i]);
	if (line.cut)
		line_put(&line, l->format == LOG_JSON ? SLICE(",\"cut\":1") : SLICE(" cut=1"));
	if (l->format == LOG_JSON)
		line.text[line.n++] = '}';
	line.text[line.n++] = '\n';
	do
		written = write(l->fd, line.text, line.n);
	while (written < 0 && errno == EINTR);
	if (written != (ssize_t)line.n)
		__atomic_fetch_add(&l->dropped, 1, __ATOMIC_RELAXED);
}
