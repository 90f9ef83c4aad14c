/* Inside of text/json*.c: the scanner of strings, where nearly all bytes of an agent's request body are. Not
 * for others. */
#ifndef WEIR_TEXT_JSON_SCAN_H
#define WEIR_TEXT_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What a scan found; error and at are set only when it failed. */
struct json_scan {
	const char *error; /* static sentence */
	const char *at;    /* the byte at fault, in [p, end] */
	bool escaped;      /* the string has at least one backslash */
};

/* Scans a string from the byte after its opening quote and returns the address of its closing quote, having
 * checked UTF-8 (Unicode 15, table 3-7), escapes (RFC 8259 section 7; lone surrogates pass) and control
 * characters. NULL on a fault, or when there is no closing quote before end. Reads nothing outside [p, end).
 */
const char *json_scan_string(const char *p, const char *end, struct json_scan *r);

/* The same of a string that was scanned before, and found to be good: looks for its end alone. */
const char *json_scan_known(const char *p, const char *end, struct json_scan *r);

/* The same, a byte at a time: the reference, and what tells which byte is at fault. */
const char *json_scan_scalar(const char *p, const char *end, struct json_scan *r);

/* The same, as far as it goes without asking the processor: 16 bytes at a time with SSE2, else 8. */
const char *json_scan_plain(const char *p, const char *end, struct json_scan *r);

#if defined(__x86_64__) && defined(__GNUC__)
#define JSON_SCAN_AVX2 1
/* The same, for processors with AVX2 only. */
const char *json_scan_avx2(const char *p, const char *end, struct json_scan *r);
const char *json_scan_known_avx2(const char *p, const char *end, struct json_scan *r);
#endif

/* Most strings are short and plain: the closing quote of one of at most 15 bytes, or NULL when it is another
 * one. */
static inline const char *json_scan_short(const char *p, const char *end)
{
#if defined(__SSE2__)
	if (end - p < 16)
		return NULL;
	__m128i v = _mm_loadu_si128((const __m128i *)p);
	__m128i special = _mm_or_si128(
	    _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)), /* signed: bytes >= 0x80 too */
	    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
	unsigned bits = (unsigned)_mm_movemask_epi8(special);
	if (bits && p[__builtin_ctz(bits)] == '"')
		return p + __builtin_ctz(bits);
#else
	(void)p, (void)end;
#endif
	return NULL;
}

/* Length of the well-formed UTF-8 sequence at p that begins with a byte >= 0x80; 0 when ill-formed or cut by
 * end. */
static inline unsigned json_utf8_len(const char *s, const char *end)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = (size_t)(end - s);
	if (n >= 3 && (p[0] & 0xf0) == 0xe0) {
		if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		if (p[0] == 0xe0 && p[1] < 0xa0) /* overlong */
			return 0;
		return p[0] == 0xed && p[1] >= 0xa0 ? 0 : 3; /* surrogates */
	}
	if (n >= 2 && p[0] >= 0xc2 && p[0] <= 0xdf)
		return (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (n >= 4 && p[0] >= 0xf0 && p[0] <= 0xf4) {
		if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
			return 0;
		if (p[0] == 0xf0 && p[1] < 0x90) /* overlong */
			return 0;
		return p[0] == 0xf4 && p[1] >= 0x90 ? 0 : 4; /* above U+10FFFF */
	}
	return 0;
}

/* The value of a hexadecimal digit, or -1. */
static inline int json_hex(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
