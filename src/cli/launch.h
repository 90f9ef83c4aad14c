/* What `weir run` starts: a command line, an environment, and the attribution it sends along. */
#ifndef WEIR_CLI_LAUNCH_H
#define WEIR_CLI_LAUNCH_H

#include "base/arena.h"
#include "base/err.h"
#include "model/types.h"

#define LAUNCH_WORDS_MAX   4096
#define LAUNCH_ENV_MAX     8192
#define LAUNCH_HEADERS_MAX 24
#define LAUNCH_NOTES_MAX   16

struct launch {
	struct arena mem; /* of all texts made here */
	size_t argc, envc, headers_n, notes_n;
	const char *argv[LAUNCH_WORDS_MAX + 1]; /* argv[0] is the command; NULL-ended */
	const char *env[LAUNCH_ENV_MAX + 1];    /* NAME=VALUE; NULL-ended */
	struct launch_header {
		const char *name; /* "x-weir-repo" */
		slice value;      /* what launch_clean makes of it */
	} headers[LAUNCH_HEADERS_MAX];
	const char *notes[LAUNCH_NOTES_MAX]; /* sentences for the user, without "weir: " */
	bool failed;                         /* a cap was passed, or memory is spent */
};

/* 0, or ERR_FULL. argv and environ_ must live as long as l. */
int launch_init(struct launch *l, int argc, char **argv, char **environ_) WARN_UNUSED;
void launch_release(struct launch *l);

/* The value of a variable; NULL when it is not set or empty. */
const char *launch_get(const struct launch *l, const char *name);
void launch_set(struct launch *l, const char *name, const char *value);
/* Words put behind argv[at]. */
void launch_words(struct launch *l, size_t at, const char *const *words, size_t n);

/* An attribution header; a name that is there already keeps its value (the first one wins). Empty values are
 * left out. */
void launch_header(struct launch *l, const char *name, slice value);
slice launch_header_get(const struct launch *l, const char *name);

void launch_note(struct launch *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fit for a header of any client: one line of ASCII, control characters left out, other bytes and '%' as %XX,
 * at most ATTR_TEXT_MAX bytes. p NULL without memory. */
slice launch_clean(struct launch *l, slice value);

/* printf into the launch's memory; "" and l->failed without memory. */
const char *launch_text(struct launch *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The value of a JSON string: escaped, without quotes; fits a TOML basic string too. */
const char *launch_quoted(struct launch *l, slice value);

#endif
