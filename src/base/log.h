/* Structured log to a descriptor, one line a record, secrets redacted: "TIME LEVEL EVENT key=value
 * key="quoted value"". */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/clock.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

struct log {
	int fd;               /* not owned; -1 drops everything */
	enum log_level least; /* records below are dropped */
	enum log_format format;
	const struct clock *clock;
	unsigned long long
	    dropped; /* lines that could not be written (EAGAIN, short writes); changed atomically */
};

/* A field: LOG_S("key", slice), LOG_Z("key", "c string"), LOG_I("key", 64-bit integer). */
struct log_field {
	const char *key;
	slice text;
	long long number;
	bool is_number;
};
#define LOG_S(k, s) ((struct log_field){(k), (s), 0, false})
#define LOG_Z(k, z) ((struct log_field){(k), slice_of(z), 0, false})
#define LOG_I(k, i) ((struct log_field){(k), SLICE_NONE, (long long)(i), true})

void log_init(struct log *l, int fd, enum log_level least, const struct clock *clock);
/* event: a short dotted name ("serve.listening"). One write(2); never blocks the caller on a lock. */
void log_write(struct log *l, enum log_level level, const char *event, const struct log_field *fields,
               size_t n);
#define log_event(l, level, event, ...)                                                                      \
	log_write((l), (level), (event), (const struct log_field[]){__VA_ARGS__},                            \
	          sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* Overwrites what looks like a secret with "***", in place: wk_…, sk-…, Bearer …, x-api-key values, AIza…,
 * JWTs, URL passwords. Used on every value before it is written; public for other texts that leave the
 * process. */
void log_redact(char *line, size_t n);

#endif
