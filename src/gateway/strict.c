#include "gateway/strict.h"

#include <arpa/inet.h>
#include <stdio.h>

/* RFC 9110 section 5.6.2 */
static bool is_tchar(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_tchar((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

static bool value_ok(slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool target_ok(slice s)
{
	if (s.n == 0 || s.p[0] != '/')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\')
			return false;
	}
	return true;
}

/* The host part of "host", "host:port", "[v6]:port"; n 0 when malformed. */
static slice host_name(slice s)
{
	if (s.n && s.p[0] == '[') {
		ptrdiff_t close = slice_find_char(s, ']');
		return close > 1 ? slice_sub(s, 1, (size_t)close) : SLICE_NONE;
	}
	ptrdiff_t colon = slice_find_char(s, ':');
	return colon < 0 ? s : slice_sub(s, 0, (size_t)colon);
}

static bool is_ip_literal(slice name)
{
	char z[64];
	unsigned char bytes[16];
	if (name.n == 0 || name.n >= sizeof z)
		return false;
	memcpy(z, name.p, name.n);
	z[name.n] = '\0';
	return inet_pton(AF_INET, z, bytes) == 1 || inet_pton(AF_INET6, z, bytes) == 1;
}

bool strict_host_ok(slice host, const slice *hosts, size_t hosts_n)
{
	slice name = host_name(host);
	if (name.n == 0)
		return false;
	if (slice_eq_nocase(name, SLICE("localhost")) || is_ip_literal(name))
		return true;
	for (size_t i = 0; i < hosts_n; i++)
		if (slice_eq_nocase(name, hosts[i]))
			return true;
	return false;
}

bool strict_origin_ok(slice origin, const slice *hosts, size_t hosts_n)
{
	ptrdiff_t at = slice_find(origin, SLICE("://"));
	slice name = at < 0 ? SLICE_NONE : host_name(slice_sub(origin, (size_t)at + 3, origin.n));
	if (name.n == 0)
		return false;
	struct in_addr v4;
	char z[16];
	/* An IP literal is only its own page when it is loopback: any site can be served from an address. */
	if (slice_eq_nocase(name, SLICE("localhost")) || slice_eq(name, SLICE("::1")))
		return true;
	if (name.n < sizeof z) {
		memcpy(z, name.p, name.n);
		z[name.n] = '\0';
		if (inet_pton(AF_INET, z, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127)
			return true;
	}
	for (size_t i = 0; i < hosts_n; i++)
		if (slice_eq_nocase(name, hosts[i]))
			return true;
	return false;
}

static int refuse(struct strict_out *out, int status, const char *message)
{
	out->status = status;
	out->message = message;
	return status;
}

struct framing {
	int hosts, lengths, codings, origins;
	slice host, coding, origin;
};

static int check_length(slice value, struct strict_out *out)
{
	long long n = 0;
	if (value.n == 0 || value.n > 18 || value.p[0] == '-' || !slice_to_i64(value, &n))
		return refuse(out, 400, "Content-Length is not a number");
	out->content_length = n;
	return 0;
}

static int check_header(const struct header *h, struct framing *f, struct strict_out *out)
{
	if (!is_token(h->name))
		return refuse(out, 400, "a header's name is empty or has characters that are not allowed");
	if (!value_ok(h->value))
		return refuse(out, 400, "a header's value has control characters");
	if (slice_eq_nocase(h->name, SLICE("host"))) {
		f->hosts++;
		f->host = h->value;
	} else if (slice_eq_nocase(h->name, SLICE("content-length"))) {
		f->lengths++;
		return check_length(h->value, out);
	} else if (slice_eq_nocase(h->name, SLICE("transfer-encoding"))) {
		f->codings++;
		f->coding = h->value;
	} else if (slice_eq_nocase(h->name, SLICE("origin"))) {
		f->origins++;
		f->origin = h->value;
	} else if (slice_eq_nocase(h->name, SLICE("expect"))) {
		if (!slice_eq_nocase(h->value, SLICE("100-continue")))
			return refuse(out, 417, "Expect may only be 100-continue");
		out->expect_continue = true;
	} else if (slice_eq_nocase(h->name, SLICE("upgrade"))) {
		if (!slice_eq_nocase(h->value, SLICE("websocket")))
			return refuse(out, 400, "this server upgrades to no other protocol");
		out->upgrade = true;
	}
	return 0;
}

static int check_framing(const struct strict_in *in, const struct framing *f, struct strict_out *out)
{
	bool v10 = slice_eq(in->version, SLICE("HTTP/1.0"));
	if (f->hosts != 1)
		return refuse(out, 400, "exactly one Host header is needed");
	if (f->lengths > 1 || f->codings > 1)
		return refuse(out, 400, "the body's length is given twice");
	if (f->lengths && f->codings)
		return refuse(out, 400, "Content-Length and Transfer-Encoding do not go together");
	if (f->codings && v10)
		return refuse(out, 400, "HTTP/1.0 has no Transfer-Encoding");
	if (f->codings && !slice_eq_nocase(f->coding, SLICE("chunked")))
		return refuse(out, 501, "the only Transfer-Encoding here is chunked");
	out->chunked = f->codings == 1;
	if (!strict_host_ok(f->host, in->hosts, in->hosts_n))
		return refuse(out, 421,
		              "this Host is not one of Weir's names; when it is meant to be, add it under "
		              "`hosts:` in the settings");
	if (f->origins > 1 || (f->origins && !strict_origin_ok(f->origin, in->hosts, in->hosts_n)))
		return refuse(out, 403,
		              "a page of another site may not call Weir; when it is meant to, add its host "
		              "under `hosts:` in the settings");
	return 0;
}

void strict_check(const struct strict_in *in, struct strict_out *out)
{
	memset(out, 0, sizeof *out);
	out->content_length = -1;
	if (!slice_eq(in->version, SLICE("HTTP/1.1")) && !slice_eq(in->version, SLICE("HTTP/1.0"))) {
		refuse(out, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
		return;
	}
	if (!is_token(in->method) || !target_ok(in->target)) {
		refuse(out, 400, "the request line is malformed");
		return;
	}
	/* method SP target SP version CRLF (name ": " value CRLF)* CRLF */
	size_t sum = in->method.n + 1 + in->target.n + 1 + in->version.n + 2 + 2;
	struct framing f = {0};
	for (size_t i = 0; i < in->headers->n; i++) {
		if (check_header(&in->headers->at[i], &f, out))
			return;
		sum += in->headers->at[i].name.n + 2 + in->headers->at[i].value.n + 2;
	}
	if (check_framing(in, &f, out))
		return;
	if (sum != in->head_bytes)
		refuse(out, 400,
		       "the request's head is not written as HTTP asks: one header a line, \"Name: value\", "
		       "CRLF at its end");
}
