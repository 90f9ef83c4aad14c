/* UTF-8, one character at a time (RFC 3629). */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include <stdint.h>

#include "base/slice.h"

/* The length of the character at s.p[at] (at < s.n) and the character in *c; 0 when the bytes there are
 * malformed: overlong, a surrogate, beyond U+10FFFF, cut off. *c is then the byte. */
size_t utf8_next(slice s, size_t at, uint32_t *c);

/* The longest n <= max such that s[0, n) does not end inside a character. */
size_t utf8_cut(slice s, size_t max);

#endif
