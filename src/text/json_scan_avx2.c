/* Strings, 64 bytes at a time with no branch for each escape or character: for processors with AVX2, asked
 * for at run time.
 *
 * A block becomes bit masks, one bit a byte. Which backslashes begin an escape and which are escaped
 * themselves follows from runs of backslashes by carrying additions; an escaped byte's kind, and which UTF-8
 * rule a pair of bytes breaks, are found by table look-ups on half bytes. Both methods are published: G.
 * Langdale, D. Lemire, "Parsing Gigabytes of JSON per Second", 2019; J. Keiser, D. Lemire, "Validating UTF-8
 * in less than one instruction per byte", 2021. The code is our own.
 *
 * What is at fault is told by the scalar scanner, which then reads the string once more. */
#include "text/json_scan.h"

#ifdef JSON_SCAN_AVX2

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

struct block {
	__m256i lo, hi; /* bytes 0 to 31, 32 to 63 */
};

/* What the bytes before this block leave to be done in it. */
struct carry {
	uint64_t escaped;   /* 1: its first byte is escaped */
	uint64_t unicode;   /* the u of every \u in the block before */
	uint64_t not_ascii; /* the block before: bytes >= 0x80 */
	__m256i before;     /* the 32 bytes before this block */
};

AVX2 static inline uint64_t mask(__m256i lo, __m256i hi)
{
	return (uint32_t)_mm256_movemask_epi8(lo) | (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
}

AVX2 static inline uint64_t equal(struct block b, char c)
{
	__m256i v = _mm256_set1_epi8(c);
	return mask(_mm256_cmpeq_epi8(b.lo, v), _mm256_cmpeq_epi8(b.hi, v));
}

/* Below the space, or (signed) not ASCII. */
AVX2 static inline uint64_t below_space(struct block b)
{
	__m256i v = _mm256_set1_epi8(0x20);
	return mask(_mm256_cmpgt_epi8(v, b.lo), _mm256_cmpgt_epi8(v, b.hi));
}

/* A table looked up with the low, or the high, half of each byte. */
AVX2 static inline __m256i look_low(const uint8_t table[16], __m256i v)
{
	__m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
	return _mm256_shuffle_epi8(twice, _mm256_and_si256(v, _mm256_set1_epi8(15)));
}

AVX2 static inline __m256i look_high(const uint8_t table[16], __m256i v)
{
	return look_low(table, _mm256_srli_epi16(v, 4));
}

/* Bytes that are escaped: each one after a backslash that is not escaped itself. */
static inline uint64_t escaped_bytes(uint64_t backslash, uint64_t *carry)
{
	const uint64_t odd = 0xaaaaaaaaaaaaaaaa;
	uint64_t begins = backslash & ~*carry; /* may begin an escape */
	/* Subtracting a run's beginnings from their neighbours turns every other bit of the run, from its
	 * start on. */
	uint64_t turned = (((begins << 1) | odd) - begins) ^ odd;
	uint64_t escaped = turned ^ (backslash | *carry);
	*carry = (turned & backslash) >> 63;
	return escaped;
}

/* A bit in both tables: the byte with these half bytes is one of "/\bfnrtu; u has a bit of its own. */
static const uint8_t escape_low[16] = {
    [0x2] = 1 | 4 | 8, [0xf] = 1, [0xc] = 2, [0x6] = 4, [0xe] = 4, [0x4] = 8, [0x5] = 16};
static const uint8_t escape_high[16] = {[0x2] = 1, [0x5] = 2, [0x6] = 4, [0x7] = 8 | 16};

AVX2 static inline __m256i escape_kind(__m256i v)
{
	return _mm256_and_si256(look_low(escape_low, v), look_high(escape_high, v));
}

/* 0 to 9: high half 3, low half 0 to 9; letters: high half 4 or 6, low half 1 to 6. */
static const uint8_t hex_low[16] = {1, 3, 3, 3, 3, 3, 3, 1, 1, 1};
static const uint8_t hex_high[16] = {[0x3] = 1, [0x4] = 2, [0x6] = 2};

AVX2 static inline __m256i not_hex(__m256i v)
{
	__m256i kind = _mm256_and_si256(look_low(hex_low, v), look_high(hex_high, v));
	return _mm256_cmpeq_epi8(kind, _mm256_setzero_si256());
}

/* Faults among the escapes of a block: an unknown one, or what stands where a digit of \u is due. */
AVX2 static inline uint64_t bad_escapes(struct block b, uint64_t escaped, uint64_t *unicode)
{
	__m256i lo = escape_kind(b.lo), hi = escape_kind(b.hi), zero = _mm256_setzero_si256();
	uint64_t bad = escaped & mask(_mm256_cmpeq_epi8(lo, zero), _mm256_cmpeq_epi8(hi, zero));
	uint64_t u = escaped & mask(_mm256_slli_epi16(lo, 3), _mm256_slli_epi16(hi, 3)), was = *unicode;
	*unicode = u;
	if (u | was >> 60) {
		uint64_t due =
		    u << 1 | u << 2 | u << 3 | u << 4 | was >> 63 | was >> 62 | was >> 61 | was >> 60;
		bad |= due & mask(not_hex(b.lo), not_hex(b.hi));
	}
	return bad;
}

/* The byte n places before each byte of v; before holds the 32 bytes in front of v. */
#define EARLIER(v, before, n) _mm256_alignr_epi8(v, _mm256_permute2x128_si256(before, v, 0x21), 16 - (n))

/* What a byte and the one before it can be wrong by, a bit each; a fault is there when the three tables agree
 * on one. */
#define SHORT                 0x01 /* a lead byte, then no continuation */
#define LONG                  0x02 /* ASCII, then a continuation */
#define OVERLONG_3            0x04 /* e0, then 80 to 9f */
#define TOO_LARGE             0x08 /* f4, then 90 or more; f5 and above, then 90 or more */
#define SURROGATE             0x10 /* ed, then a0 or more */
#define OVERLONG_2            0x20 /* c0 or c1, then a continuation */
#define OVERLONG_4            0x40 /* f0, then 80 to 8f; f5 and above, then 80 to 8f */
#define TWO_CONTS             0x80 /* two continuations: a fault unless the second one is due as third or fourth byte */
#define ANY                   (SHORT | LONG | TWO_CONTS) /* faults that do not depend on the first byte's low half */
#define ABOVE_F4              (ANY | TOO_LARGE | OVERLONG_4)

static const uint8_t first_high[16] = {
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    TWO_CONTS,
    TWO_CONTS,
    TWO_CONTS,
    TWO_CONTS,
    SHORT | OVERLONG_2,
    SHORT,
    SHORT | OVERLONG_3 | SURROGATE,
    SHORT | TOO_LARGE | OVERLONG_4,
};
static const uint8_t first_low[16] = {
    ANY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
    ANY | OVERLONG_2,
    ANY,
    ANY,
    ANY | TOO_LARGE,
    ABOVE_F4,
    ABOVE_F4,
    ABOVE_F4,
    ABOVE_F4,
    ABOVE_F4,
    ABOVE_F4,
    ABOVE_F4,
    ABOVE_F4,
    ABOVE_F4 | SURROGATE,
    ABOVE_F4,
    ABOVE_F4,
};
static const uint8_t second_high[16] = {
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | OVERLONG_4,
    LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
    LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
    LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
};

/* Nonzero in each byte by which a fault shows. */
AVX2 static inline __m256i bad_utf8_32(__m256i v, __m256i before)
{
	__m256i one = EARLIER(v, before, 1), two = EARLIER(v, before, 2), three = EARLIER(v, before, 3);
	__m256i pair =
	    _mm256_and_si256(_mm256_and_si256(look_high(first_high, one), look_low(first_low, one)),
	                     look_high(second_high, v));
	/* The byte after e0 to ff by two, or f0 to ff by three, must be the second of two continuations. */
	__m256i third = _mm256_subs_epu8(two, _mm256_set1_epi8((char)(0xe0 - 0x80)));
	__m256i fourth = _mm256_subs_epu8(three, _mm256_set1_epi8((char)(0xf0 - 0x80)));
	__m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
	return _mm256_xor_si256(due, pair);
}

AVX2 static inline uint64_t bad_utf8(struct block b, const struct carry *c)
{
	__m256i zero = _mm256_setzero_si256();
	return ~mask(_mm256_cmpeq_epi8(bad_utf8_32(b.lo, c->before), zero),
	             _mm256_cmpeq_epi8(bad_utf8_32(b.hi, b.lo), zero));
}

/* The 64 bytes at p; zeroes, which are faults in a string, behind end. */
AVX2 static inline struct block load(const char *p, const char *end)
{
	char last[64];
	if (__builtin_expect(end - p < 64, 0)) {
		memset(last, 0, sizeof last);
		memcpy(last, p, (size_t)(end - p));
		p = last;
	}
	return (struct block){_mm256_loadu_si256((const __m256i *)p),
	                      _mm256_loadu_si256((const __m256i *)(p + 32))};
}

AVX2 const char *json_scan_avx2(const char *from, const char *end, struct json_scan *r)
{
	struct carry c = {.before = _mm256_setzero_si256()};
	r->escaped = false;
	for (const char *p = from; p < end; p += 64) {
		struct block b = load(p, end);
		uint64_t quote = equal(b, '"'), backslash = equal(b, '\\'), bad = below_space(b),
		         not_ascii = 0;
		if (bad | c.not_ascii >> 61) {
			not_ascii = mask(b.lo, b.hi);
			bad &= ~not_ascii;
			if (not_ascii | c.not_ascii >> 61)
				bad |= bad_utf8(b, &c);
		}
		if (backslash | c.escaped | c.unicode >> 60) {
			uint64_t escaped = escaped_bytes(backslash, &c.escaped);
			bad |= bad_escapes(b, escaped, &c.unicode);
			quote &= ~escaped;
		}
		uint64_t within = quote ^ (quote - 1); /* up to the closing quote; all when there is none */
		if (bad & within)
			break;
		r->escaped |= (backslash & within) != 0;
		if (quote)
			return p + __builtin_ctzll(quote);
		c.not_ascii = not_ascii;
		c.before = b.hi;
	}
	return json_scan_scalar(from, end, r);
}

AVX2 const char *json_scan_known_avx2(const char *from, const char *end, struct json_scan *r)
{
	uint64_t carry = 0;
	r->escaped = false;
	for (const char *p = from; p < end; p += 64) {
		struct block b = load(p, end);
		uint64_t quote = equal(b, '"'), backslash = equal(b, '\\');
		if (backslash | carry)
			quote &= ~escaped_bytes(backslash, &carry);
		r->escaped |= (backslash & (quote ^ (quote - 1))) != 0;
		if (quote)
			return p + __builtin_ctzll(quote);
	}
	return json_scan_scalar(from, end, r);
}

#endif
