#include "base/utf8.h"

size_t utf8_next(slice s, size_t at, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char)s.p[at];
	size_t n = lead < 0x80   ? 1
	           : lead < 0xC2 ? 0
	           : lead < 0xE0 ? 2
	           : lead < 0xF0 ? 3
	           : lead < 0xF5 ? 4
	                         : 0;
	*c = lead;
	if (n < 2 || n > s.n - at)
		return n == 1;
	uint32_t whole = lead & (0x7Fu >> n);
	for (size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)s.p[at + i];
		if ((next & 0xC0) != 0x80)
			return 0;
		whole = whole << 6 | (next & 0x3F);
	}
	if (whole < least[n] || (whole >= 0xD800 && whole < 0xE000) || whole > 0x10FFFF)
		return 0;
	*c = whole;
	return n;
}

size_t utf8_cut(slice s, size_t max)
{
	if (s.n <= max)
		return s.n;
	for (size_t back = 0; back < 4 && back <= max; back++)
		if (((unsigned char)s.p[max - back] & 0xC0) != 0x80)
			return max - back;
	return max; /* no character at all */
}
