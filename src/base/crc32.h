/* CRC-32 of IEEE 802.3 (the one of zlib, PNG and AWS event streams). */
#ifndef WEIR_BASE_CRC32_H
#define WEIR_BASE_CRC32_H

#include <stdint.h>

#include "base/slice.h"

/* Of crc's text followed by s; crc 0 to begin. */
uint32_t crc32_of(uint32_t crc, slice s);

#endif
