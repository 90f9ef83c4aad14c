#include "base/base64.h"

#include <stdint.h>

/* A character's six bits; -1 for one that is not of the alphabet. */
static int bits_of(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(slice in, char *out, size_t *n)
{
	uint32_t sum = 0;
	size_t at = 0;
	for (int pads = 0; pads < 2 && in.n && in.p[in.n - 1] == '='; pads++)
		in.n--;
	for (size_t i = 0; i < in.n; i++) {
		int bits = bits_of((unsigned char)in.p[i]);
		if (bits < 0)
			return false;
		sum = sum << 6 | (uint32_t)bits;
		if (i % 4 == 3) {
			out[at++] = (char)(sum >> 16);
			out[at++] = (char)(sum >> 8);
			out[at++] = (char)sum;
			sum = 0;
		}
	}
	switch (in.n % 4) {
	case 1:
		return false;
	case 2:
		out[at++] = (char)(sum >> 4);
		break;
	case 3:
		out[at++] = (char)(sum >> 10);
		out[at++] = (char)(sum >> 2);
		break;
	default:
		break;
	}
	*n = at;
	return true;
}

void base64_encode(slice in, char *out)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)in.p;
	for (size_t i = 0; i < in.n; i += 3) {
		unsigned left = in.n - i < 3 ? (unsigned)(in.n - i) : 3;
		unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
		             (left > 2 ? p[i + 2] : 0);
		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
		*out++ = left > 2 ? alphabet[v & 63] : '=';
	}
}
