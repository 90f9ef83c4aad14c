/* Classes of characters, as token encodings tell them apart: Unicode's general categories L, M, N and the
 * property White_Space. The table is made by tools/make-unicode.py of Debian's unicode-data. */
#ifndef WEIR_TEXT_UNICLASS_H
#define WEIR_TEXT_UNICLASS_H

#include <stdint.h>

enum uniclass {
	UNI_OTHER,    /* none of these */
	UNI_UPPER,    /* Lu, Lt */
	UNI_LOWER,    /* Ll */
	UNI_CASELESS, /* Lm, Lo */
	UNI_MARK,     /* M */
	UNI_DIGIT,    /* N */
	UNI_SPACE,    /* White_Space, but for */
	UNI_NEWLINE   /* LF and CR */
};

/* The class of c is a nibble: word uniclass_block[c / 128] * 8 + c % 128 / 16 of uniclass_of, nibble c % 16.
 * From uniclass_limit on, all is UNI_OTHER but one run of marks. */
extern const uint32_t uniclass_limit, uniclass_mark_first, uniclass_mark_last;
extern const uint8_t uniclass_block[];
extern const uint64_t uniclass_of[];

static inline enum uniclass uniclass(uint32_t c)
{
	if (c >= uniclass_limit)
		return c >= uniclass_mark_first && c <= uniclass_mark_last ? UNI_MARK : UNI_OTHER;
	return (enum uniclass)(uniclass_of[uniclass_block[c >> 7] * 8u + (c >> 4 & 7)] >> (c & 15) * 4 & 15);
}

#endif
