/* Writes JSON into a capped byte buffer, compact, commas by itself. Errors are sticky: after one nothing more
 * is written, and only jsonw_end need be asked.
 *
 *	jsonw_init(&w, &out);
 *	jsonw_object(&w);
 *	jsonw_key(&w, SLICE("model"));
 *	jsonw_string(&w, model);
 *	jsonw_object_end(&w);
 *	if (jsonw_end(&w) < 0) ... */
#ifndef WEIR_TEXT_JSONW_H
#define WEIR_TEXT_JSONW_H

#include <stdint.h>

#include "base/buf.h"
#include "text/json.h"

#define JSONW_MAX_DEPTH 64

struct jsonw {
	struct buf *out;  /* not owned */
	int error;        /* 0, or the first ERR_* */
	unsigned depth;   /* containers open now */
	uint64_t objects; /* a bit a level: 1 object, 0 array */
	bool comma;       /* a value stands before the place of the next one */
	bool keyed;       /* a key was written, its value is due */
};

void jsonw_init(struct jsonw *w, struct buf *out);

/* 0 when exactly one whole value was written; ERR_FULL or ERR_NOMEM of the buffer; ERR_INVALID when the calls
 * did not make a value (a key outside an object, a bracket left open, ...), which is the caller's fault. What
 * the buffer then holds is a torso, to be thrown away. */
int jsonw_end(struct jsonw *w) WARN_UNUSED;

void jsonw_object(struct jsonw *w);
void jsonw_object_end(struct jsonw *w);
void jsonw_array(struct jsonw *w);
void jsonw_array_end(struct jsonw *w);
void jsonw_key(struct jsonw *w, slice key);

/* Characters are escaped as RFC 8259 asks; a byte that belongs to no well-formed UTF-8 sequence becomes
 * U+FFFD. */
void jsonw_string(struct jsonw *w, slice text);
/* A string as the reader gave it: already escaped and valid, so it goes out as it stands. */
void jsonw_str(struct jsonw *w, const json_str *s);
void jsonw_i64(struct jsonw *w, int64_t v);
void jsonw_bool(struct jsonw *w, bool v);
void jsonw_null(struct jsonw *w);
/* Bytes that are one JSON value; not checked. */
void jsonw_raw(struct jsonw *w, slice value);

/* Members: a key and its value. A string whose p is NULL is unknown and written as null. */
void jsonw_put_string(struct jsonw *w, slice key, slice text);
void jsonw_put_i64(struct jsonw *w, slice key, int64_t v);
void jsonw_put_bool(struct jsonw *w, slice key, bool v);
void jsonw_put_null(struct jsonw *w, slice key);
void jsonw_put_raw(struct jsonw *w, slice key, slice value);

#endif
