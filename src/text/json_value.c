/* What a string or a number stands for: escapes resolved, integers computed. */
#include "text/json.h"

#include "text/json_scan.h"

static unsigned put_utf8(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | (c >> 6));
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | (c >> 12));
		out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (c >> 18));
	out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
	out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The code unit of the \uXXXX at p, or -1 when there is none. */
static int32_t code_unit(const char *p, const char *end)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	int32_t c = 0;
	for (int i = 2; i < 6; i++) {
		int h = json_hex((unsigned char)p[i]);
		if (h < 0)
			return -1;
		c = c << 4 | h;
	}
	return c;
}

/* Resolves the escape at *p (a backslash) into out (4 bytes), steps over it and returns the bytes written.
 * What is not an escape, which a reader never lets through, stands for itself. */
static unsigned escape(const char **p, const char *end, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *s = *p;
	int32_t c = code_unit(s, end);
	if (c < 0) {
		const char *hit = end - s >= 2 && s[1] ? strchr(from, s[1]) : NULL;
		out[0] = hit ? to[hit - from] : '\\';
		*p += hit ? 2 : 1;
		return 1;
	}
	*p += 6;
	if (c >= 0xd800 && c <= 0xdfff) {
		int32_t low = c < 0xdc00 ? code_unit(s + 6, end) : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return put_utf8(0xfffd, out);
		*p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return put_utf8((uint32_t)c, out);
}

bool json_str_is(const json_str *s, slice text)
{
	if (!s->escaped)
		return slice_eq(s->raw, text);
	const char *p = s->raw.p, *end = p + s->raw.n, *t = text.p, *tend = t + text.n;
	while (p < end) {
		char one[4] = {*p};
		unsigned n = 1;
		if (*p == '\\')
			n = escape(&p, end, one);
		else
			p++;
		if ((size_t)(tend - t) < n || memcmp(t, one, n) != 0)
			return false;
		t += n;
	}
	return t == tend;
}

size_t json_unescape(const json_str *s, char *out, size_t cap)
{
	const char *p = s->raw.p, *end = p + s->raw.n;
	size_t n = 0;
	while (p < end) {
		const char *back = s->escaped ? memchr(p, '\\', (size_t)(end - p)) : NULL;
		size_t run = (size_t)((back ? back : end) - p);
		if (n <= cap && cap - n >= run && run)
			memcpy(out + n, p, run);
		n += run;
		p += run;
		while (p < end && *p == '\\') {
			char one[4];
			unsigned k = escape(&p, end, one);
			if (n <= cap && cap - n >= k)
				memcpy(out + n, one, k);
			n += k;
		}
	}
	return n;
}

/* A number's digits without the point: where they are, and the power of ten they are to be multiplied with.
 */
struct decimal {
	const char *p, *end; /* first digit that counts, behind the last one; the point may be among them */
	long long exp;
	bool negative;
};

static long long exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	long long e = 0;
	for (; p < end && e < 4000000000000; p++) /* more than any text can make up for */
		e = e * 10 + (*p - '0');
	return negative ? -e : e;
}

static struct decimal decimal_of(slice raw)
{
	struct decimal d = {.p = raw.p, .end = raw.p + raw.n};
	d.negative = *d.p == '-';
	d.p += d.negative;
	const char *e = d.p, *point = NULL;
	for (; e < d.end && *e != 'e' && *e != 'E'; e++)
		if (*e == '.')
			point = e;
	if (e < d.end)
		d.exp = exponent(e + 1, d.end);
	if (point)
		d.exp -= e - (point + 1);
	d.end = e;
	while (d.p < d.end && (*d.p == '0' || *d.p == '.'))
		d.p++;
	for (; d.p < d.end && (d.end[-1] == '0' || d.end[-1] == '.'); d.end--)
		d.exp += d.end[-1] == '0';
	return d;
}

bool json_number_i64(slice raw, int64_t *v)
{
	struct decimal d = decimal_of(raw);
	uint64_t max = d.negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX, n = 0;
	if (d.p < d.end && (d.exp < 0 || d.exp > 18))
		return false;
	for (const char *p = d.p; p < d.end; p++) {
		if (*p == '.')
			continue;
		if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return false;
	}
	for (long long i = 0; n && i < d.exp; i++)
		if (__builtin_mul_overflow(n, 10u, &n))
			return false;
	if (n > max)
		return false;
	*v = d.negative ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}
