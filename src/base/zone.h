/* Time zones by their IANA names, without the process-wide TZ of libc, so that every thread may use its own:
 * the system's compiled files (TZif, RFC 8536) and the rule for the years after them (POSIX TZ string in
 * their footer). */
#ifndef WEIR_BASE_ZONE_H
#define WEIR_BASE_ZONE_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct zone;

/* name: "Europe/Berlin"; n 0 or "UTC": UTC, which needs no file. NULL: ERR_INVALID (not a name),
 * ERR_NOT_FOUND (no such file: misspelt, or tzdata is not installed; the message says so), ERR_IO. Immutable:
 * threads may share it. */
struct zone *zone_load(slice name, struct error *e);
/* The same from the bytes of a TZif file; ERR_INVALID when they are none. */
struct zone *zone_parse(slice tzif, struct error *e);
void zone_free(struct zone *z);

/* Seconds east of UTC that hold at an instant (seconds since 1970-01-01 UTC). */
int32_t zone_offset(const struct zone *z, int64_t unix_s);

enum zone_unit { ZONE_HOUR, ZONE_DAY, ZONE_WEEK, ZONE_MONTH, ZONE_UNIT_N };

/* The calendar unit that holds at wall_ms: the instants [*from_ms, *to_ms). Weeks begin on Monday (ISO 8601).
 * A day begins at the first instant whose local time is not before its midnight, so units touch and never
 * overlap, and may have 23 or 25 hours. An hour that comes twice is two. */
void zone_span(const struct zone *z, enum zone_unit unit, int64_t wall_ms, int64_t *from_ms, int64_t *to_ms);

/* Midnight at the beginning of a local date, as the instant when that day begins (milliseconds). */
int64_t zone_day_begins(const struct zone *z, int64_t year, int month, int day);

/* The unit that begins at from_ms, as people and ISO 8601 write it: "2026-11-22T03:00" (with the offset
 * behind when that hour comes twice), "2026-11-22", "2026-W47", "2026-11". Returns the length;
 * NUL-terminated. */
#define ZONE_LABEL_MAX 40
size_t zone_label(const struct zone *z, enum zone_unit unit, int64_t from_ms, char out[ZONE_LABEL_MAX]);

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back. */
int64_t zone_days_of(int64_t year, int month, int day);
void zone_date_of(int64_t days, int64_t *year, int *month, int *day);

#endif
