/* Strings, scanned many bytes at a time. Everything that is not a plain ASCII character (quote, backslash,
 * control, non-ASCII) is "special" and goes through one function, so that the fast and the slow way cannot
 * disagree on what is valid. */
#include "base/slice.h"
#include "text/json_scan.h"

static const char *fault(struct json_scan *r, const char *at, const char *error)
{
	r->error = error;
	r->at = at;
	return NULL;
}

/* Length of the escape at p (which is a backslash), or 0 with the fault noted. */
static unsigned escape_len(const char *p, const char *end, struct json_scan *r)
{
	if (end - p < 2) {
		fault(r, end, "the text ends inside a string");
		return 0;
	}
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return 2;
	case 'u':
		break;
	default:
		fault(r, p, "unknown escape in a string");
		return 0;
	}
	for (int i = 2; i < 6; i++) {
		if (p + i >= end) {
			fault(r, end, "the text ends inside a string");
			return 0;
		}
		if (json_hex((unsigned char)p[i]) < 0) {
			fault(r, p, "\\u needs four hexadecimal digits");
			return 0;
		}
	}
	return 6;
}

/* Steps over the special byte at p, which is not a quote; NULL on a fault. */
static inline const char *step(const char *p, const char *end, struct json_scan *r)
{
	unsigned n;
	if (*p == '\\') {
		r->escaped = true;
		n = escape_len(p, end, r);
		return n ? p + n : NULL;
	}
	if ((unsigned char)*p < 0x20)
		return fault(r, p, "a control character stands unescaped in a string");
	n = json_utf8_len(p, end);
	return n ? p + n : fault(r, p, "the text is not valid UTF-8");
}

static inline bool is_special(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\' || c >= 0x80;
}

static const char *scan_rest(const char *p, const char *end, struct json_scan *r)
{
	while (p < end) {
		if (!is_special((unsigned char)*p)) {
			p++;
			continue;
		}
		if (*p == '"')
			return p;
		p = step(p, end, r);
		if (!p)
			return NULL;
	}
	return fault(r, end, "the text ends inside a string");
}

const char *json_scan_scalar(const char *p, const char *end, struct json_scan *r)
{
	*r = (struct json_scan){0};
	return scan_rest(p, end, r);
}

#if defined(__SSE2__)

const char *json_scan_plain(const char *p, const char *end, struct json_scan *r)
{
	const __m128i quote = _mm_set1_epi8('"'), back = _mm_set1_epi8('\\'), space = _mm_set1_epi8(0x20);
	*r = (struct json_scan){0};
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		/* signed: bytes >= 0x80 are below the space too */
		__m128i m = _mm_or_si128(_mm_cmplt_epi8(v, space),
		                         _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, back)));
		unsigned bits = (unsigned)_mm_movemask_epi8(m);
		if (!bits) {
			p += 16;
			continue;
		}
		p += __builtin_ctz(bits);
		if (*p == '"')
			return p;
		do {
			p = step(p, end, r);
			if (!p)
				return NULL;
		} while (p < end && (*p == '\\' || (unsigned char)*p >= 0x80));
	}
	return scan_rest(p, end, r);
}

#else

/* A fault or not, each byte of a word at once: is one of them below n (at most 128), or equal to c? */
#define EACH(c)     (~(uint64_t)0 / 255 * (c))
#define BELOW(x, n) (((x)-EACH(n)) & ~(x)&EACH(0x80))
#define HAS(x, c)   BELOW((x) ^ EACH(c), 1)

const char *json_scan_plain(const char *p, const char *end, struct json_scan *r)
{
	*r = (struct json_scan){0};
	while (end - p >= 8) {
		uint64_t x;
		memcpy(&x, p, sizeof x);
		if (!((x & EACH(0x80)) | BELOW(x, 0x20) | HAS(x, '"') | HAS(x, '\\'))) {
			p += 8;
			continue;
		}
		while (!is_special((unsigned char)*p))
			p++;
		if (*p == '"')
			return p;
		p = step(p, end, r);
		if (!p)
			return NULL;
	}
	return scan_rest(p, end, r);
}

#endif

const char *json_scan_string(const char *p, const char *end, struct json_scan *r)
{
#ifdef JSON_SCAN_AVX2
	if (__builtin_cpu_supports("avx2"))
		return json_scan_avx2(p, end, r);
#endif
	return json_scan_plain(p, end, r);
}

const char *json_scan_known(const char *p, const char *end, struct json_scan *r)
{
#ifdef JSON_SCAN_AVX2
	if (__builtin_cpu_supports("avx2"))
		return json_scan_known_avx2(p, end, r);
#endif
	return json_scan_plain(p, end, r);
}
