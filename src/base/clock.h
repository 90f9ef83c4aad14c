/* Time comes in as a parameter, so that tests fake it. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct clock {
	int64_t (*wall_ms)(const struct clock *c); /* milliseconds since 1970-01-01 UTC; may jump */
	int64_t (*mono_us)(const struct clock *c); /* microseconds, never goes back */
	int64_t fake_wall_ms, fake_mono_us;        /* of a fake clock */
};

const struct clock *clock_real(void);
/* A clock that stands until its fake_* fields are moved. */
struct clock clock_fake(int64_t wall_ms, int64_t mono_us);

static inline int64_t clock_wall_ms(const struct clock *c)
{
	return c->wall_ms(c);
}
static inline int64_t clock_mono_us(const struct clock *c)
{
	return c->mono_us(c);
}

#define CLOCK_RFC3339_MAX 32
/* RFC 3339 in UTC with milliseconds: 2026-11-22T00:47:45.123Z, years 0 to 9999 (the nearest end beyond).
 * Returns the length; NUL-terminated. */
size_t clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_MAX]);
/* RFC 3339 with Z or an offset, or a date alone (midnight UTC); false when malformed. */
bool clock_parse_rfc3339(slice text, int64_t *wall_ms);
/* "250ms", "90s", "5m", "2h", "7d", "2w" -> milliseconds; false when malformed or too large. */
bool clock_parse_duration(slice text, int64_t *ms);

#endif
