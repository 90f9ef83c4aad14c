/* Base64 with the standard alphabet (RFC 4648 section 4), as JSON carries bytes. */
#ifndef WEIR_BASE_BASE64_H
#define WEIR_BASE_BASE64_H

#include "base/slice.h"

/* Bytes that n characters can stand for, at most. */
static inline size_t base64_room(size_t n)
{
	return n / 4 * 3 + 3;
}
/* Decodes into out, of base64_room(in.n) bytes. False when a character is none of the alphabet's, or the text
 * is not whole; padding may be missing. */
bool base64_decode(slice in, char *out, size_t *n);

static inline size_t base64_coded(size_t n)
{
	return (n + 2) / 3 * 4;
}
/* Encodes into out, of base64_coded(in.n) bytes, padded. */
void base64_encode(slice in, char *out);

#endif
