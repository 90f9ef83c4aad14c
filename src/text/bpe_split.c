/* The encodings' patterns as scanners. As tiktoken 1.0.22 has them (one line each there):
 *
 *	cl100k_base  (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3}
 *	             | ?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+
 *
 *	o200k_base   [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|…)?
 *	             | [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|…)?
 *	             | \p{N}{1,3} | ?[^\s\p{L}\p{N}]+[\r\n/]* | \s*[\r\n]+ | \s+(?!\S) | \s+
 */
#include "text/bpe_split.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/utf8.h"
#include "text/uniclass.h"

/* A set of classes as a mask. */
#define SET(class)  (1u << (class))
#define LETTERS     (SET(UNI_UPPER) | SET(UNI_LOWER) | SET(UNI_CASELESS))
#define HEAD        (SET(UNI_UPPER) | SET(UNI_CASELESS) | SET(UNI_MARK)) /* o200k: before the small letters */
#define TAIL        (SET(UNI_LOWER) | SET(UNI_CASELESS) | SET(UNI_MARK)) /* and from them on */
#define PUNCTUATION (SET(UNI_OTHER) | SET(UNI_MARK))
#define WHITE       (SET(UNI_SPACE) | SET(UNI_NEWLINE))

enum { WIDE = 8 }; /* the first byte of a character beyond ASCII */

#define O UNI_OTHER
#define U UNI_UPPER
#define L UNI_LOWER
#define D UNI_DIGIT
#define S UNI_SPACE
#define N UNI_NEWLINE
#define W WIDE
/* clang-format off */
static const uint8_t class_of_byte[256] = {
	O, O, O, O, O, O, O, O, O, S, N, S, S, N, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
	S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, D, D, D, D, D, D, D, D, D, D, O, O, O, O, O, O,
	O, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, O, O, O, O, O,
	O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
};
/* clang-format on */
#undef O
#undef U
#undef L
#undef D
#undef S
#undef N
#undef W

static unsigned class_wide(const uint8_t *p, const uint8_t *end, const uint8_t **after)
{
	if (end - p >= 3 && p[0] >= 0xe1 && p[0] <= 0xec && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80) {
		*after = p + 3;
		return uniclass((p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
	}
	if (end - p >= 2 && p[0] >= 0xc2 && p[0] <= 0xdf && (p[1] & 0xc0) == 0x80) {
		*after = p + 2;
		return uniclass((p[0] & 0x1fu) << 6 | (p[1] & 0x3fu));
	}
	uint32_t c;
	size_t n = utf8_next(slice_make(p, (size_t)(end - p)), 0, &c);
	*after = p + (n ? n : 1);
	return n ? uniclass(c) : UNI_OTHER;
}

/* The class of the character at p < end; *after is where the next one begins. */
static inline unsigned class_at(const uint8_t *p, const uint8_t *end, const uint8_t **after)
{
	unsigned class = class_of_byte[*p];
	if (class == WIDE)
		return class_wide(p, end, after);
	*after = p + 1;
	return class;
}

static inline const uint8_t *run(const uint8_t *p, const uint8_t *end, unsigned set)
{
	const uint8_t *after;
	while (p < end && set & SET(class_at(p, end, &after)))
		p = after;
	return p;
}

/* --- what both have --------------------------------------------------------------------------------------
 */

/* The end of (?i:'s|'t|'re|'ve|'m|'ll|'d) at p, or p. U+017F, the long s, is an s of another case. */
static const uint8_t *contraction(const uint8_t *p, const uint8_t *end)
{
	if (end - p < 2 || *p != '\'')
		return p;
	unsigned a = p[1] | 0x20, b = end - p > 2 ? p[2] | 0x20u : 0;
	if (a == 's' || a == 't' || a == 'm' || a == 'd')
		return p + 2;
	if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
		return p + 3;
	return p[1] == 0xc5 && end - p > 2 && p[2] == 0xbf ? p + 3 : p;
}

static const uint8_t *digits(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *after;
	for (int i = 0; i < 3 && p < end && class_at(p, end, &after) == UNI_DIGIT; i++)
		p = after;
	return p;
}

static const uint8_t *white(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start = p, *last = p, *newline = NULL, *after;
	for (unsigned class; p < end && WHITE & SET(class = class_at(p, end, &after)); p = after) {
		last = p;
		if (class == UNI_NEWLINE)
			newline = after;
	}
	if (newline)
		return newline;
	return p < end && last > start ? last : p; /* the last one goes with the word after it */
}

/* --- o200k_base ------------------------------------------------------------------------------------------
 */

/* The two patterns of a word from p on, without what may stand before it. NULL when the first does not match,
 * with the end of the second's in *second, or p. */
static const uint8_t *word(const uint8_t *p, const uint8_t *end, const uint8_t **second)
{
	const uint8_t *caseless = NULL, *after;
	unsigned class = UNI_OTHER;
	*second = p;
	while (p < end && HEAD & SET(class = class_at(p, end, &after))) {
		p = after;
		if (class != UNI_UPPER)
			caseless = p; /* may be the tail as well */
	}
	if (p < end && class == UNI_LOWER)
		return contraction(run(p, end, TAIL), end);
	*second = p;
	return caseless ? contraction(caseless, end) : NULL;
}

const uint8_t *bpe_split_o200k(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *next, *second, *after;
	unsigned class = class_at(p, end, &next);
	if (class == UNI_DIGIT)
		return digits(p, end);
	if (class == UNI_NEWLINE)
		return white(p, end);
	const uint8_t *from = SET(class) & LETTERS ? p : next;
	const uint8_t *first = word(from, end, &second);
	if (first)
		return first;
	if (class == UNI_MARK) /* nothing before it, itself the word */
		return contraction(next, end);
	if (second > from)
		return contraction(second, end);
	if (class == UNI_OTHER || (*p == ' ' && next < end && class_at(next, end, &after) == UNI_OTHER)) {
		p = run(next, end, PUNCTUATION);
		while (p < end && (*p == '\r' || *p == '\n' || *p == '/'))
			p++;
		return p;
	}
	return white(p, end);
}

/* --- cl100k_base -----------------------------------------------------------------------------------------
 */

const uint8_t *bpe_split_cl100k(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *next, *after = contraction(p, end);
	if (after > p)
		return after;
	unsigned class = class_at(p, end, &next);
	if (class == UNI_DIGIT)
		return digits(p, end);
	if (class == UNI_NEWLINE)
		return white(p, end);
	after = run(next, end, LETTERS);
	if (after > next || SET(class) & LETTERS)
		return after;
	unsigned then = next < end && *p == ' ' ? class_at(next, end, &after) : UNI_SPACE;
	if (SET(class) & PUNCTUATION || SET(then) & PUNCTUATION) {
		p = run(next, end, PUNCTUATION);
		while (p < end && (*p == '\r' || *p == '\n'))
			p++;
		return p;
	}
	return white(p, end);
}

/* --- text that arrives in parts ----------------------------------------------------------------------------
 */

/* After a letter, a piece begins at whatever is neither a letter nor a mark nor an apostrophe; after a digit,
 * at whatever is not a digit. What went before has then seen all that it may look at. */
const uint8_t *bpe_split_settled(const uint8_t *from, const uint8_t *end)
{
	const uint8_t *at = end, *after, *next;
	while (at > from) {
		const uint8_t *p = at - 1;
		while (p > from && (*p & 0xc0) == 0x80)
			p--;
		unsigned class = class_at(p, end, &after);
		if (after == at && at < end && SET(class) & (LETTERS | SET(UNI_DIGIT))) {
			unsigned then = class_at(at, end, &next);
			bool whole = class_of_byte[*at] != WIDE || next - at > 1;
			if (whole && class == UNI_DIGIT && then != UNI_DIGIT)
				return at;
			if (whole && class != UNI_DIGIT && !(SET(then) & (LETTERS | SET(UNI_MARK))) &&
			    *at != '\'')
				return at;
		}
		at = p;
	}
	return NULL;
}
