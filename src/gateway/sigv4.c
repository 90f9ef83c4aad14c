#include "gateway/sigv4.h"

#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/crypto.h"

#define TEXT_MAX (256 * 1024) /* of a canonical request */
#define HEX      (2 * CRYPTO_SHA256_BYTES + 1)

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-encodes s, but for unreserved bytes and those of keep. */
static int encode(struct buf *b, slice s, const char *keep)
{
	int rc = 0;
	for (size_t i = 0; i < s.n && !rc; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (unreserved(c) || (c && strchr(keep, c)))
			rc = buf_append(b, slice_sub(s, i, i + 1));
		else
			rc = buf_printf(b, "%%%02X", c);
	}
	return rc;
}

/* A part of a query, encoded the one way that is canonical. */
static slice canonical(struct arena *mem, slice s)
{
	char *out = arena_alloc(mem, 3 * s.n + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		int high = c == '%' && i + 2 < s.n ? hex_of(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_of(s.p[i + 2]) : -1;
		if (low >= 0) {
			c = (unsigned char)(high << 4 | low);
			i += 2;
		}
		if (unreserved(c))
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, 4, "%%%02X", c);
	}
	return out ? slice_make(out, n) : SLICE_NONE;
}

struct pair {
	slice name, value;
};

static int compare(const struct pair *a, const struct pair *b, bool values)
{
	int c = slice_cmp(a->name, b->name);
	return c || !values ? c : slice_cmp(a->value, b->value);
}

/* Few, and in order already as a rule. */
static void sort(struct pair *at, size_t n, bool values)
{
	for (size_t i = 1; i < n; i++) {
		struct pair p = at[i];
		size_t k = i;
		for (; k > 0 && compare(&p, &at[k - 1], values) < 0; k--)
			at[k] = at[k - 1];
		at[k] = p;
	}
}

static int add_query(struct buf *b, slice query, struct arena *mem)
{
	struct pair pairs[SIGV4_HEADERS_MAX];
	slice rest = query, part, name;
	size_t n = 0;
	while (query.n && slice_split(&rest, '&', &part)) {
		if (n == SIGV4_HEADERS_MAX)
			return ERR_FULL;
		slice value = part;
		slice_split(&value, '=', &name);
		pairs[n] = (struct pair){canonical(mem, name), canonical(mem, value)};
		if (pairs[n].name.p == NULL || pairs[n].value.p == NULL)
			return ERR_NOMEM;
		n++;
	}
	sort(pairs, n, true);
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i++)
		rc = buf_printf(b, "%s" SLICE_FMT "=" SLICE_FMT, i ? "&" : "", SLICE_ARG(pairs[i].name),
		                SLICE_ARG(pairs[i].value));
	return rc;
}

/* Without spaces around it, and with one where there are several within. */
static slice trimmed(struct arena *mem, slice value)
{
	value = slice_trim(value);
	char *out = arena_alloc(mem, value.n + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < value.n; i++)
		if (value.p[i] != ' ' || value.p[i - 1] != ' ')
			out[n++] = value.p[i];
	return out ? slice_make(out, n) : SLICE_NONE;
}

static slice lowered(struct arena *mem, slice name)
{
	char *out = arena_alloc(mem, name.n + 1);
	for (size_t i = 0; out && i < name.n; i++)
		out[i] = lower(name.p[i]);
	return out ? slice_make(out, name.n) : SLICE_NONE;
}

struct signing {
	struct arena *mem;
	struct pair headers[SIGV4_HEADERS_MAX];
	size_t n;
	int error;
};

static void add_header(struct signing *s, slice name, slice value)
{
	if (s->n == SIGV4_HEADERS_MAX) {
		s->error = ERR_FULL;
		return;
	}
	struct pair p = {lowered(s->mem, name), trimmed(s->mem, value)};
	if (p.name.p == NULL || p.value.p == NULL)
		s->error = ERR_NOMEM;
	else
		s->headers[s->n++] = p;
}

bool sigv4_is_signature_header(slice name)
{
	static const slice names[] = {{"x-amz-date", 10},
	                              {"x-amz-security-token", 20},
	                              {"x-amz-content-sha256", 20},
	                              {"authorization", 13}};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_eq_nocase(name, names[i]))
			return true;
	return false;
}

static void choose_headers(struct signing *s, const struct sigv4_request *r, const struct sigv4 *out)
{
	add_header(s, SLICE("host"), r->host);
	add_header(s, SLICE("x-amz-date"), out->date);
	if (out->token.n)
		add_header(s, SLICE("x-amz-security-token"), out->token);
	for (size_t i = 0; i < r->headers->n; i++) {
		const struct header *h = &r->headers->at[i];
		if (sigv4_is_signature_header(h->name))
			continue;
		if (slice_starts_nocase(h->name, SLICE("x-amz")) ||
		    slice_eq_nocase(h->name, SLICE("content-type")))
			add_header(s, h->name, h->value);
	}
	sort(s->headers, s->n, false);
}

/* The headers' lines, those of one name joined, and behind them the names. */
static int add_headers(struct buf *b, const struct signing *s, struct buf *names)
{
	int rc = 0;
	for (size_t i = 0; i < s->n && !rc; i++) {
		const struct pair *h = &s->headers[i];
		if (i && slice_eq(h->name, s->headers[i - 1].name)) {
			rc = buf_printf(b, "," SLICE_FMT, SLICE_ARG(h->value));
			continue;
		}
		rc = buf_printf(b, "%s" SLICE_FMT ":" SLICE_FMT, i ? "\n" : "", SLICE_ARG(h->name),
		                SLICE_ARG(h->value));
		if (!rc)
			rc = buf_printf(names, "%s" SLICE_FMT, i ? ";" : "", SLICE_ARG(h->name));
	}
	return rc ? rc : buf_printf(b, "\n\n" SLICE_FMT "\n", SLICE_ARG(buf_slice(names)));
}

static int hash_hex(slice text, char out[HEX])
{
	uint8_t hash[CRYPTO_SHA256_BYTES];
	int rc = crypto_sha256(text, hash);
	if (!rc)
		crypto_hex(hash, sizeof hash, out);
	return rc;
}

/* The canonical request into b, the signed names into names. */
static int canonical_request(const struct sigv4_request *r, const struct sigv4 *out, struct arena *mem,
                             struct buf *b, struct buf *names)
{
	struct signing *s = arena_zalloc(mem, sizeof *s);
	char body[HEX];
	if (s == NULL)
		return ERR_NOMEM;
	s->mem = mem;
	choose_headers(s, r, out);
	int rc = s->error ? s->error : buf_printf(b, SLICE_FMT "\n", SLICE_ARG(r->method));
	if (!rc)
		rc = encode(b, r->path.n ? r->path : SLICE("/"), "/");
	if (!rc)
		rc = buf_append(b, SLICE("\n"));
	if (!rc)
		rc = add_query(b, r->query, mem);
	if (!rc)
		rc = buf_append(b, SLICE("\n"));
	if (!rc)
		rc = add_headers(b, s, names);
	if (!rc)
		rc = hash_hex(r->body, body);
	return rc ? rc : buf_append(b, slice_of(body));
}

/* The key of a day, region and service, and with it the signature. */
static int sign(const struct sigv4_key *key, slice day, slice text, char out[HEX])
{
	uint8_t k[CRYPTO_SHA256_BYTES];
	const slice steps[] = {day, key->region, key->service, SLICE("aws4_request"), text};
	char first[256];
	int n = snprintf(first, sizeof first, "AWS4" SLICE_FMT, SLICE_ARG(key->secret));
	if (n < 0 || (size_t)n >= sizeof first)
		return ERR_INVALID;
	slice with = slice_make(first, (size_t)n);
	int rc = 0;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0] && !rc; i++) {
		uint8_t next[CRYPTO_SHA256_BYTES];
		rc = crypto_hmac_sha256(with, steps[i], next);
		memcpy(k, next, sizeof k);
		crypto_zero(next, sizeof next);
		with = slice_make(k, sizeof k);
	}
	if (!rc)
		crypto_hex(k, sizeof k, out);
	crypto_zero(first, sizeof first);
	crypto_zero(k, sizeof k);
	return rc;
}

static int authorize(const struct sigv4_key *key, slice names, slice request, struct arena *mem,
                     struct sigv4 *out)
{
	char hash[HEX], signature[HEX];
	slice day = slice_sub(out->date, 0, 8);
	int rc = hash_hex(request, hash);
	if (rc)
		return rc;
	slice scope = arena_printf(mem, SLICE_FMT "/" SLICE_FMT "/" SLICE_FMT "/aws4_request", SLICE_ARG(day),
	                           SLICE_ARG(key->region), SLICE_ARG(key->service));
	slice text = arena_printf(mem, "AWS4-HMAC-SHA256\n" SLICE_FMT "\n" SLICE_FMT "\n%s",
	                          SLICE_ARG(out->date), SLICE_ARG(scope), hash);
	if (scope.p == NULL || text.p == NULL)
		return ERR_NOMEM;
	rc = sign(key, day, text, signature);
	if (rc)
		return rc;
	out->authorization = arena_printf(mem,
	                                  "AWS4-HMAC-SHA256 Credential=" SLICE_FMT "/" SLICE_FMT
	                                  ", SignedHeaders=" SLICE_FMT ", Signature=%s",
	                                  SLICE_ARG(key->id), SLICE_ARG(scope), SLICE_ARG(names), signature);
	return out->authorization.p ? 0 : ERR_NOMEM;
}

int sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *r, struct arena *mem,
               struct sigv4 *out)
{
	struct buf request, names;
	struct tm tm;
	char date[24];
	time_t seconds = (time_t)(r->wall_ms / 1000);
	if (gmtime_r(&seconds, &tm) == NULL || strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &tm) != 16)
		return ERR_INVALID;
	*out = (struct sigv4){.date = arena_copy(mem, slice_of(date)), .token = key->token};
	if (out->date.p == NULL)
		return ERR_NOMEM;
	buf_init(&request, TEXT_MAX);
	buf_init(&names, TEXT_MAX);
	int rc = canonical_request(r, out, mem, &request, &names);
	if (!rc)
		rc = authorize(key, buf_slice(&names), buf_slice(&request), mem, out);
	buf_release(&request);
	buf_release(&names);
	return rc;
}
