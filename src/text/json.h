/* A JSON pull reader over a slice, in place: it validates (RFC 8259: grammar, UTF-8, escapes, numbers),
 * allocates nothing, caps depth, and gives every value as the exact bytes it stands in, so that what is not
 * changed can be passed on untouched.
 *
 * The caller drives:
 *
 *	struct json j;
 *	json_init(&j, body);
 *	json_key k;
 *	if (json_object(&j))
 *		while (json_next_key(&j, &k)) {
 *			if (json_key_is(&k, SLICE("model"))) json_string(&j, &model);
 *			else json_skip(&j, NULL);
 *		}
 *	if (!json_end(&j)) ... j.error says what, j.error_at where (byte offset)
 *
 * Errors are sticky: after one every call returns false or JSON_NONE, so loops end by themselves and only
 * json_end need be asked. A value that is entered must be read to its end (json_next_* returns false at the
 * closing bracket and eats it). */
#ifndef WEIR_TEXT_JSON_H
#define WEIR_TEXT_JSON_H

#include <stdint.h>

#include "base/slice.h"

#define JSON_MAX_DEPTH 256 /* objects and arrays open at once; deeper text is refused */

typedef enum json_type {
	JSON_NONE = 0, /* nothing more, or an error */
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
} json_type;

struct json {
	const char *start, *p, *end;       /* the text; not owned */
	const char *error;                 /* NULL, or what is wrong, a static sentence */
	size_t error_at;                   /* byte offset of the fault */
	unsigned depth;                    /* containers open now */
	bool first;                        /* the container was just entered */
	bool want;                         /* a value is due where the reader stands */
	bool known;                        /* the text was read before and is valid */
	uint8_t stack[JSON_MAX_DEPTH / 8]; /* a bit a level: 1 object, 0 array */
};

/* A string or a key: the bytes between the quotes as they stand, escapes not resolved. */
typedef struct json_str {
	slice raw;
	bool escaped; /* raw has at least one backslash */
} json_str;
typedef json_str json_key;

void json_init(struct json *j, slice text);
/* A value of a text that was read to its end before, without a fault: strings are only looked through for
 * their end, which takes half the time. Of another text nothing outside of it is read either, but faults in
 * its strings pass. */
void json_init_known(struct json *j, slice value);
/* The same as json_init_known, standing in an array behind one of its elements: rest begins with what follows
 * that. */
void json_init_within(struct json *j, slice rest);

/* The type of the value that comes next, nothing consumed. */
json_type json_peek(struct json *j);

/* Enters an object (array); false and an error when the next value is of another type. */
bool json_object(struct json *j);
bool json_array(struct json *j);

/* In an object: reads the next key and its colon; the value must be read or skipped next. False at '}'
 * (eaten) or error. */
bool json_next_key(struct json *j, json_key *k);

/* In an array: true when one more element follows (read or skip it next). False at ']' (eaten) or error. */
bool json_next(struct json *j);

/* Skips one value of any type, validating it whole; *raw (may be NULL) gets its bytes, quotes or brackets
 * included. */
bool json_skip(struct json *j, slice *raw);

/* Scalars; error when the next value is of another type. */
bool json_string(struct json *j, json_str *s);
bool json_bool(struct json *j, bool *v);
bool json_null(struct json *j);
/* Integers only ("1", "-3", "1e2" and "1.0" too when exactly integral); error when it does not fit. */
bool json_i64(struct json *j, int64_t *v);
/* A number's bytes, for the caller to convert. */
bool json_number(struct json *j, slice *raw);

/* The same integers out of bytes that json_number or json_skip gave for a number; false when it does not fit
 * or is not whole. */
bool json_number_i64(slice raw, int64_t *v);

/* Soft forms for fields that a stranger may have sent with another type: a value of another type is skipped,
 * *v left as it was. True when *v was set; false also on error (which stays). */
bool json_opt_string(struct json *j, json_str *s);
bool json_opt_bool(struct json *j, bool *v);
bool json_opt_i64(struct json *j, int64_t *v);

/* True when the text was one whole valid value with nothing but white space after it. */
bool json_end(struct json *j);

/* Where the next value begins / the reader stands now: byte offset from the text's start. */
size_t json_offset(const struct json *j);

/* The string's characters equal text (UTF-8), escapes resolved while comparing. */
bool json_str_is(const json_str *s, slice text);
#define json_key_is(k, text) json_str_is((k), (text))

/* Resolves escapes into out, of cap bytes; lone surrogates become U+FFFD. Returns the bytes
 * needed (<= s->raw.n always), so a result > cap means nothing usable was written. */
size_t json_unescape(const json_str *s, char *out, size_t cap);

/* Validates a whole text; NULL when valid, else the sentence, and *at where. The fast path the benchmark
 * measures. */
const char *json_validate(slice text, size_t *at);

/* --- one changed field, every other byte as it was ------------------------------------------------ */

#define JSON_EDITS_MAX 16

/* Replacements of byte ranges of one text, kept in order of place; ranges must not overlap. The replacement
 * bytes are not owned and must live until json_edits_apply. */
struct json_edits {
	size_t n;
	struct json_edit {
		size_t from, to; /* [from, to) of the source */
		slice with;
	} at[JSON_EDITS_MAX];
};

void json_edits_init(struct json_edits *e);
/* False when full or overlapping. */
bool json_edit_replace(struct json_edits *e, size_t from, size_t to, slice with);
static inline bool json_edit_insert(struct json_edits *e, size_t at, slice with)
{
	return json_edit_replace(e, at, at, with);
}
/* Removes the member of an object whose key's opening quote is at key_from and whose value ends at value_to
 * in source, with the one comma that goes with it. */
bool json_edit_remove_member(struct json_edits *e, slice source, size_t key_from, size_t value_to);
/* Size of the result; apply writes it to out, of that size. */
size_t json_edits_size(const struct json_edits *e, slice source);
void json_edits_apply(const struct json_edits *e, slice source, char *out);

#endif
