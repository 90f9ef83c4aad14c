/* What the codecs share in reading JSON bodies: objects by a table of fields, values of a strange type passed
 * over, and faults told with their place. */
#ifndef WEIR_MODEL_WIRE_H
#define WEIR_MODEL_WIRE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/types.h"
#include "text/json.h"

/* A key (or the value of a `type`) and the number its reader knows it by; several spellings may share a
 * number. */
struct wire_word {
	slice text;
	int id;
};
#define WIRE_WORD(lit, id)                                                                                   \
	{                                                                                                    \
		{lit, sizeof(lit) - 1}, id                                                                   \
	}
#define WIRE_NONE (-1)

struct wire_words {
	const struct wire_word *at;
	size_t n;
};
#define WIRE_WORDS(table) ((struct wire_words){(table), sizeof(table) / sizeof(table)[0]})

/* The word's id, or WIRE_NONE. */
int wire_word(const json_str *s, struct wire_words words);

/* Reads one value, exactly, whatever its type: the field `id` of the object being read. */
typedef void wire_field(struct json *j, int id, void *arg);

/* Reads one value: an object field by field, fields not in the table skipped; a value of another type is
 * skipped whole. wire_object_once makes a field of the table that stands twice an error: what Weir reads and
 * what the provider reads must be the same one. Ids are 0 to 31 there. */
void wire_object(struct json *j, struct wire_words fields, wire_field *read, void *arg);
void wire_object_once(struct json *j, struct wire_words fields, wire_field *read, void *arg);

/* Reads one value: an array element by element, each read by `read` with its index as id; another type is
 * skipped whole. Returns the number of elements. */
int64_t wire_array(struct json *j, wire_field *read, void *arg);

/* Each reads one value and leaves *out as it was when the value is of another type.
 * name: a string, cut to fit. count: a whole number from 0 to WIRE_COUNT_MAX, so that sums of some do not
 * overflow. text: a string, its escapes resolved, in the arena or the body itself. */
#define WIRE_COUNT_MAX (INT64_C(1) << 53)
void wire_name(struct json *j, struct name *out);
void wire_count(struct json *j, int64_t *out);
/* As wire_count, but a string of digits counts too (JSON of protocol buffers). */
void wire_count_or_digits(struct json *j, int64_t *out);
void wire_text(struct json *j, struct arena *mem, slice *out);
/* A number of dollars as nano-dollars, half up; one that is negative or past all reason leaves *out. */
void wire_usd(struct json *j, int64_t *out);
/* Adds the size of a string, 0 for another type. */
void wire_add_bytes(struct json *j, int64_t *sum);
/* What the model says: adds its size to the answer's sum for the kind and gives it to who listens. A value of
 * another type than string is passed over by wire_said; answer_said takes bytes that were read already. */
void wire_said(struct json *j, struct answer *a, enum said_kind kind);
void answer_said(struct answer *a, enum said_kind kind, slice raw);
/* The id of a string among words; WIRE_NONE for another type. */
int wire_read_word(struct json *j, struct wire_words words);

/* The string without its escapes, in the arena when it has any; p NULL and an error in j without memory. */
slice wire_unescape(struct json *j, const json_str *s, struct arena *mem);

/* Makes the reader fail at a place of its text; sentence is static. */
void wire_fail(struct json *j, const char *at, const char *sentence);

/* Reads a request's body, an object, by wire_object_once. v is cleared first and v->api, body, choices and
 * the absent values set. 0, or ERR_INVALID with what is wrong and where; ERR_NOMEM when an arena was full. */
int wire_request(struct request_view *v, enum api api, slice body, struct wire_words fields, wire_field *read,
                 void *arg, struct error *e) WARN_UNUSED;
/* The fault of a request without a model. */
int wire_no_model(struct error *e) WARN_UNUSED;

/* The request's fields that all dialects have; each reads one value.
 * model: a string (its range to v->model_raw). limit: the output limit and its range, whatever stands there,
 * so that it can be replaced. range: any value but null. */
void wire_model(struct json *j, struct request_view *v, struct arena *mem);
void wire_limit(struct json *j, struct request_view *v);
void wire_range(struct json *j, slice *out);
/* An array and its range; *out stays absent for another type. Returns the number of elements. */
int64_t wire_elements(struct json *j, slice *out, wire_field *read, void *arg);

/* A row of a dialect's table of errors by HTTP status. */
struct wire_status {
	int status;
	slice text;
};
/* The row's text; `otherwise` when no row has the status. */
slice wire_status_text(const struct wire_status *rows, size_t n, int status, slice otherwise);

/* {"error":{"message","type","code","param":null}}: OpenAI's error body, of chat completions, Responses and
 * embeddings (platform.openai.com/docs/guides/error-codes). code is Weir's kind of refusal: the codes that
 * clients have canned texts for, as insufficient_quota, would hide the message. */
int wire_openai_error(int status, const char *kind, slice message, struct buf *out) WARN_UNUSED;

/* {"KEY": message}: the error body of dialects that have a text there. */
int wire_text_error(slice key, slice message, struct buf *out) WARN_UNUSED;

/* `edits_stream` of a dialect whose streams pass as they are. */
bool wire_edits_nothing(const struct request_view *v);

/* The text in quotes within a body as a slice of that body: its range. */
static inline slice wire_quoted(const json_str *s)
{
	return (slice){s->raw.p - 1, s->raw.n + 2};
}

#endif
