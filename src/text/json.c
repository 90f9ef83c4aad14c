/* The pull reader (json.h). One rule keeps the state small: `want` is set when exactly one value is due at
 * the place the reader stands at (at the start, after a key's colon, after '[' or a comma) and cleared when
 * that value has been read. */
#include "text/json.h"

#include "text/json_scan.h"

static bool fail_at(struct json *j, const char *at, const char *error)
{
	if (!j->error) {
		j->error = error;
		j->error_at = (size_t)(at - j->start);
	}
	j->want = false;
	return false;
}

static bool fail(struct json *j, const char *error)
{
	return fail_at(j, j->p, j->p < j->end ? error : "the text ends too early");
}

static inline bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline const char *skip_space(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p <= ' ' && is_space(*p))
		p++;
	return p;
}

static inline void space(struct json *j)
{
	j->p = skip_space(j->p, j->end);
}

static inline bool in_object(const struct json *j)
{
	unsigned d = j->depth - 1;
	return j->stack[d >> 3] & (1u << (d & 7));
}

static bool push(struct json *j, bool object)
{
	unsigned d = j->depth;
	if (d >= JSON_MAX_DEPTH)
		return fail(j, "too many objects and arrays inside one another");
	uint8_t bit = (uint8_t)(1u << (d & 7));
	j->stack[d >> 3] = (uint8_t)(object ? j->stack[d >> 3] | bit : j->stack[d >> 3] & ~bit);
	j->depth = d + 1;
	j->p++;
	j->first = true;
	j->want = false;
	return true;
}

static inline void pop(struct json *j)
{
	j->p++;
	j->depth--;
	j->first = false;
	j->want = false;
}

void json_init(struct json *j, slice text)
{
	j->start = j->p = text.n ? text.p : "";
	j->end = j->start + text.n;
	j->error = NULL;
	j->error_at = 0;
	j->depth = 0;
	j->first = false;
	j->want = true;
	j->known = false;
}

void json_init_known(struct json *j, slice value)
{
	json_init(j, value);
	j->known = true;
}

void json_init_within(struct json *j, slice rest)
{
	json_init_known(j, rest);
	j->stack[0] = 0;
	j->depth = 1;
	j->want = false;
}

static json_type type_of(char c)
{
	switch (c) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	default:
		return c == '-' || (c >= '0' && c <= '9') ? JSON_NUMBER : JSON_NONE;
	}
}

json_type json_peek(struct json *j)
{
	if (j->error || !j->want)
		return JSON_NONE;
	space(j);
	json_type t = j->p < j->end ? type_of(*j->p) : JSON_NONE;
	if (t == JSON_NONE)
		fail(j, "a value is missing or malformed");
	return t;
}

/* The next value is of type t; else the error is noted. */
static bool expect(struct json *j, json_type t, const char *error)
{
	json_type is = json_peek(j);
	if (is == t)
		return true;
	if (!j->error)
		fail(j, is == JSON_NONE ? "a value is read where none is due" : error);
	return false;
}

bool json_object(struct json *j)
{
	return expect(j, JSON_OBJECT, "an object is expected here") && push(j, true);
}

bool json_array(struct json *j)
{
	return expect(j, JSON_ARRAY, "an array is expected here") && push(j, false);
}

/* The string at j->p (a quote); *s may be NULL. */
static bool read_string(struct json *j, json_str *s)
{
	struct json_scan r = {.escaped = false};
	const char *from = j->p + 1;
	const char *close = json_scan_short(from, j->end);
	if (!close && j->known)
		close = json_scan_known(from, j->end, &r);
	else if (!close)
		close = json_scan_string(from, j->end, &r);
	if (!close)
		return fail_at(j, r.at, r.error);
	if (s) {
		s->raw = slice_make(from, (size_t)(close - from));
		s->escaped = r.escaped;
	}
	j->p = close + 1;
	return true;
}

/* A key and its colon, from j->p on, which is where the key must begin. */
static bool read_key(struct json *j, json_key *k)
{
	if (j->p >= j->end || *j->p != '"')
		return fail(j, "a key in quotes is expected here");
	if (!read_string(j, k))
		return false;
	space(j);
	if (j->p >= j->end || *j->p != ':')
		return fail(j, "a colon is expected after a key");
	j->p++;
	space(j);
	j->want = true;
	return true;
}

/* Steps to the next member or element; false at the closing bracket (eaten) or on error. */
static bool next(struct json *j, bool object)
{
	if (j->error)
		return false;
	if (j->depth == 0 || in_object(j) != object)
		return fail(j, object ? "a key is asked for outside an object"
		                      : "an element is asked for outside an array");
	if (j->want)
		return fail(j, "a value is left unread");
	space(j);
	char close = object ? '}' : ']';
	if (j->p < j->end && *j->p == close) {
		pop(j);
		return false;
	}
	if (!j->first) {
		if (j->p >= j->end || *j->p != ',')
			return fail(j, object ? "a comma or } is expected here"
			                      : "a comma or ] is expected here");
		j->p++;
		space(j);
		if (j->p < j->end && *j->p == close)
			return fail(j, "nothing follows the comma");
	}
	if (j->p >= j->end)
		return fail(j, "");
	j->first = false;
	return true;
}

bool json_next_key(struct json *j, json_key *k)
{
	return next(j, true) && read_key(j, k);
}

bool json_next(struct json *j)
{
	if (!next(j, false))
		return false;
	j->want = true;
	return true;
}

static inline bool is_digit(const struct json *j)
{
	return j->p < j->end && *j->p >= '0' && *j->p <= '9';
}

static bool digits(struct json *j)
{
	if (!is_digit(j))
		return fail(j, "a digit is expected here");
	do
		j->p++;
	while (is_digit(j));
	return true;
}

/* RFC 8259 section 6. */
static bool read_number(struct json *j)
{
	if (*j->p == '-')
		j->p++;
	if (j->p < j->end && *j->p == '0') {
		j->p++;
		if (is_digit(j))
			return fail(j, "a number begins with a needless zero");
	} else if (!digits(j)) {
		return false;
	}
	if (j->p < j->end && *j->p == '.') {
		j->p++;
		if (!digits(j))
			return false;
	}
	if (j->p < j->end && (*j->p == 'e' || *j->p == 'E')) {
		j->p++;
		if (j->p < j->end && (*j->p == '+' || *j->p == '-'))
			j->p++;
		return digits(j);
	}
	return true;
}

static bool read_word(struct json *j, const char *word, size_t n)
{
	if ((size_t)(j->end - j->p) < n) {
		if (memcmp(j->p, word, (size_t)(j->end - j->p)) == 0)
			return fail_at(j, j->end, "the text ends too early");
	} else if (memcmp(j->p, word, n) == 0) {
		j->p += n;
		return true;
	}
	return fail(j, "a value is missing or malformed");
}

/* A string, number or word at j->p. */
static bool read_scalar(struct json *j)
{
	switch (*j->p) {
	case '"':
		return read_string(j, NULL);
	case 't':
		return read_word(j, "true", 4);
	case 'f':
		return read_word(j, "false", 5);
	case 'n':
		return read_word(j, "null", 4);
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return read_number(j);
	default:
		return fail(j, "a value is missing or malformed");
	}
}

/* Skips what is left of the containers opened above depth `base`, the reader standing just behind an opening
 * bracket. */
static bool skip_open(struct json *j, unsigned base)
{
	while (j->depth > base) {
		bool object = in_object(j);
		if (!next(j, object)) {
			if (j->error)
				return false;
			continue;
		}
		if (object && !read_key(j, NULL))
			return false;
		if (j->p >= j->end)
			return fail(j, "");
		if (*j->p == '{' || *j->p == '[') {
			if (!push(j, *j->p == '{'))
				return false;
			continue;
		}
		if (!read_scalar(j))
			return false;
		j->want = false;
	}
	return true;
}

bool json_skip(struct json *j, slice *raw)
{
	json_type t = json_peek(j);
	if (t == JSON_NONE)
		return j->error ? false : fail(j, "a value is read where none is due");
	const char *from = j->p;
	unsigned base = j->depth;
	bool ok = t == JSON_OBJECT || t == JSON_ARRAY ? push(j, t == JSON_OBJECT) && skip_open(j, base)
	                                              : read_scalar(j);
	if (!ok)
		return false;
	j->want = false;
	if (raw)
		*raw = slice_make(from, (size_t)(j->p - from));
	return true;
}

bool json_string(struct json *j, json_str *s)
{
	if (!expect(j, JSON_STRING, "a string is expected here") || !read_string(j, s))
		return false;
	j->want = false;
	return true;
}

bool json_bool(struct json *j, bool *v)
{
	bool is = json_peek(j) == JSON_TRUE;
	if (!is && !expect(j, JSON_FALSE, "true or false is expected here"))
		return false;
	if (!read_scalar(j))
		return false;
	j->want = false;
	*v = is;
	return true;
}

bool json_null(struct json *j)
{
	if (!expect(j, JSON_NULL, "null is expected here") || !read_scalar(j))
		return false;
	j->want = false;
	return true;
}

bool json_number(struct json *j, slice *raw)
{
	return expect(j, JSON_NUMBER, "a number is expected here") && json_skip(j, raw);
}

bool json_i64(struct json *j, int64_t *v)
{
	slice raw;
	if (!json_number(j, &raw))
		return false;
	return json_number_i64(raw, v)
	           ? true
	           : fail_at(j, raw.p, "a whole number of at most 64 bits is expected here");
}

/* A value of another type is skipped. */
static bool is_next(struct json *j, json_type t)
{
	if (json_peek(j) == t)
		return true;
	json_skip(j, NULL);
	return false;
}

bool json_opt_string(struct json *j, json_str *s)
{
	return is_next(j, JSON_STRING) && json_string(j, s);
}

bool json_opt_bool(struct json *j, bool *v)
{
	return (json_peek(j) == JSON_TRUE || is_next(j, JSON_FALSE)) && json_bool(j, v);
}

bool json_opt_i64(struct json *j, int64_t *v)
{
	slice raw;
	return is_next(j, JSON_NUMBER) && json_number(j, &raw) && json_number_i64(raw, v);
}

bool json_end(struct json *j)
{
	if (j->error)
		return false;
	if (j->want)
		return fail(j, "a value is left unread");
	if (j->depth)
		return fail(j, "an object or array is left unread");
	space(j);
	return j->p == j->end || fail(j, "something follows the end of the value");
}

size_t json_offset(const struct json *j)
{
	return (size_t)((j->want ? skip_space(j->p, j->end) : j->p) - j->start);
}

const char *json_validate(slice text, size_t *at)
{
	struct json j;
	json_init(&j, text);
	json_skip(&j, NULL);
	if (json_end(&j))
		return NULL;
	*at = j.error_at;
	return j.error;
}
