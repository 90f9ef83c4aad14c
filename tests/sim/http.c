#include "http.h"

#include <string.h>

struct str http_header(const struct http_req *r, const char *name)
{
	for (size_t i = 0; i < r->nfields; i++)
		if (str_eq_nocase(r->fields[i].name, name))
			return r->fields[i].value;
	return (struct str){NULL, 0};
}

static bool request_line(struct str line, struct http_req *out, bool *http10)
{
	struct str rest = line;

	out->method = str_cut(&rest, ' ');
	out->target = str_cut(&rest, ' ');
	if (!out->method.n || !out->target.n)
		return false;
	*http10 = str_eq(rest, "HTTP/1.0");
	return *http10 || str_eq(rest, "HTTP/1.1");
}

/* What the framing headers mean for this request; returns 0 or a status. */
static int framing(struct http_req *r, struct http_field *f)
{
	if (str_eq_nocase(f->name, "content-length")) {
		int64_t n = str_int(f->value);

		if (n < 0 || (r->content_length >= 0 && r->content_length != n))
			return 400;
		r->content_length = n;
	} else if (str_eq_nocase(f->name, "transfer-encoding")) {
		if (!str_eq_nocase(f->value, "chunked"))
			return 501;
		r->chunked = true;
	} else if (str_eq_nocase(f->name, "expect")) {
		r->expect = str_eq_nocase(f->value, "100-continue");
	} else if (str_eq_nocase(f->name, "connection")) {
		if (str_eq_nocase(f->value, "close"))
			r->keep_alive = false;
		else if (str_eq_nocase(f->value, "keep-alive"))
			r->keep_alive = true;
	}
	return 0;
}

/* A line without its end; advances `at`. Returns false when no line end is there yet. */
static bool take_line(const char *p, size_t n, size_t *at, struct str *line)
{
	const char *nl = memchr(p + *at, '\n', n - *at);

	if (!nl)
		return false;
	*line = (struct str){p + *at, (size_t)(nl - p) - *at};
	*at = (size_t)(nl - p) + 1;
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

long http_parse_head(const char *p, size_t n, struct http_req *out)
{
	size_t at = 0;
	struct str line;
	bool http10 = false;
	int status;

	if (n > HTTP_MAX_HEAD)
		n = HTTP_MAX_HEAD;
	if (!memmem(p, n, "\r\n\r\n", 4))
		return n == HTTP_MAX_HEAD ? -431 : 0;
	out->nfields = 0;
	out->content_length = -1;
	out->chunked = out->expect = false;
	if (!take_line(p, n, &at, &line) || !request_line(line, out, &http10))
		return -400;
	out->keep_alive = !http10;
	while (take_line(p, n, &at, &line) && line.n) {
		struct http_field *f = &out->fields[out->nfields];
		struct str rest = line;

		if (out->nfields == HTTP_MAX_FIELDS)
			return -431;
		f->name = str_cut(&rest, ':');
		if (!f->name.n || f->name.n == line.n)
			return -400;
		f->value = str_trim(rest);
		out->nfields++;
		status = framing(out, f);
		if (status)
			return -status;
	}
	if (out->chunked && out->content_length >= 0)
		return -400;
	return (long)at;
}

enum {
	CH_SIZE,
	CH_EXT,
	CH_SIZE_LF,
	CH_DATA,
	CH_DATA_CR,
	CH_DATA_LF,
	CH_TRAILER,
	CH_TRAILER_LINE,
	CH_END_LF,
	CH_DONE
};

bool chunked_done(const struct chunked *c)
{
	return c->state == CH_DONE;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* One byte outside chunk data; false for a malformed one. */
static bool chunked_byte(struct chunked *c, char ch)
{
	int hex = hex_value(ch);

	switch (c->state) {
	case CH_SIZE:
		if (hex >= 0 && c->left < (UINT64_C(1) << 40)) {
			c->left = c->left * 16 + (uint64_t)hex;
			return true;
		}
		c->state = ch == '\r' ? CH_SIZE_LF : CH_EXT;
		return ch == '\r' || ch == ';' || ch == ' ';
	case CH_EXT:
		if (ch == '\r')
			c->state = CH_SIZE_LF;
		return true;
	case CH_SIZE_LF:
		c->state = c->left ? CH_DATA : CH_TRAILER;
		return ch == '\n';
	case CH_DATA_CR:
		c->state = CH_DATA_LF;
		return ch == '\r';
	case CH_DATA_LF:
		c->state = CH_SIZE;
		return ch == '\n';
	case CH_TRAILER:
		c->state = ch == '\r' ? CH_END_LF : CH_TRAILER_LINE;
		return true;
	case CH_TRAILER_LINE:
		if (ch == '\n')
			c->state = CH_TRAILER;
		return true;
	case CH_END_LF:
		c->state = CH_DONE;
		return ch == '\n';
	default:
		return false;
	}
}

long chunked_feed(struct chunked *c, const char *p, size_t n, struct buf *body)
{
	size_t i = 0;

	while (i < n && c->state != CH_DONE) {
		if (c->state == CH_DATA) {
			size_t take = n - i < c->left ? n - i : (size_t)c->left;

			buf_add(body, p + i, take);
			i += take;
			c->left -= take;
			if (!c->left)
				c->state = CH_DATA_CR;
		} else if (!chunked_byte(c, p[i++])) {
			return -1;
		}
	}
	return (long)i;
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} table[] = {
	    {200, "OK"},
	    {201, "Created"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {402, "Payment Required"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {413, "Content Too Large"},
	    {426, "Upgrade Required"},
	    {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"},
	    {501, "Not Implemented"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	    {529, "Overloaded"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].status == status)
			return table[i].reason;
	return "Status";
}
