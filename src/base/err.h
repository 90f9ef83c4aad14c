/* Errors: functions return 0 or a negative enum err; the sentence and the place stand in a caller-owned
 * struct, set once where the fault is known and passed on unmasked. */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include <stddef.h>
#include <stdint.h>

#define WARN_UNUSED __attribute__((warn_unused_result))

enum err {
	ERR_OK = 0,
	ERR_NOMEM = -1,   /* an allocation failed */
	ERR_FULL = -2,    /* a cap was reached */
	ERR_RANGE = -3,   /* arithmetic would overflow, or a value is out of its range */
	ERR_INVALID = -4, /* bad input from outside */
	ERR_NOT_FOUND = -5,
	ERR_IO = -6,   /* the operating system or a database said no; errno or its text is in the message */
	ERR_BUSY = -7, /* locked by someone else, or try again later */
	ERR_REFUSED = -8, /* by policy */
	ERR_UNSUPPORTED = -9,
};

#define ERR_TEXT_MAX 512

struct error {
	int code;                /* an enum err */
	int line, column;        /* from 1 in a file, 0 when there is no place */
	size_t offset;           /* bytes into a body */
	char text[ERR_TEXT_MAX]; /* a sentence for a human, NUL-terminated, cut when too long */
};

/* Sets *e (may be NULL) and returns code, so that a fault is reported in one line. */
int error_set(struct error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same, with ": " and strerror(errno_value) behind. */
int error_errno(struct error *e, int code, int errno_value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
