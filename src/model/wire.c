#include "model/wire.h"

#include "text/jsonw.h"

/* Compared by address. */
static const char no_memory[] = "there is more text than the request's memory holds";
static const char twice[] = "a field stands twice";

int wire_word(const json_str *s, struct wire_words words)
{
	for (size_t i = 0; i < words.n; i++)
		if (s->escaped ? json_str_is(s, words.at[i].text) : slice_eq(s->raw, words.at[i].text))
			return words.at[i].id;
	return WIRE_NONE;
}

void wire_fail(struct json *j, const char *at, const char *sentence)
{
	if (j->error)
		return;
	j->error = sentence;
	j->error_at = (size_t)(at - j->start);
}

static void object(struct json *j, struct wire_words fields, wire_field *read, void *arg, bool once)
{
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return;
	}
	uint32_t seen = 0;
	json_key k;
	json_object(j);
	while (json_next_key(j, &k)) {
		int id = wire_word(&k, fields);
		if (id == WIRE_NONE) {
			json_skip(j, NULL);
			continue;
		}
		uint32_t bit = UINT32_C(1) << (id & 31);
		if (once && (seen & bit))
			wire_fail(j, k.raw.p - 1, twice);
		seen |= bit;
		if (!j->error)
			read(j, id, arg);
	}
}

void wire_object(struct json *j, struct wire_words fields, wire_field *read, void *arg)
{
	object(j, fields, read, arg, false);
}

void wire_object_once(struct json *j, struct wire_words fields, wire_field *read, void *arg)
{
	object(j, fields, read, arg, true);
}

int64_t wire_array(struct json *j, wire_field *read, void *arg)
{
	if (json_peek(j) != JSON_ARRAY) {
		json_skip(j, NULL);
		return 0;
	}
	int64_t n = 0;
	json_array(j);
	while (json_next(j)) {
		read(j, (int)(n & 0x7fffffff), arg);
		n++;
	}
	return n;
}

void wire_name(struct json *j, struct name *out)
{
	json_str s;
	char plain[4 * NAME_MAX_BYTES];
	if (!json_opt_string(j, &s))
		return;
	if (!s.escaped) {
		name_set(out, s.raw);
		return;
	}
	size_t n = json_unescape(&s, plain, sizeof plain);
	name_set(out, n <= sizeof plain ? slice_make(plain, n) : s.raw);
}

void wire_count(struct json *j, int64_t *out)
{
	int64_t v;
	if (json_opt_i64(j, &v) && v >= 0 && v <= WIRE_COUNT_MAX)
		*out = v;
}

void wire_count_or_digits(struct json *j, int64_t *out)
{
	json_str s;
	long long v;
	if (json_peek(j) != JSON_STRING)
		wire_count(j, out);
	else if (json_string(j, &s) && slice_to_i64(s.raw, &v) && v >= 0 && v <= WIRE_COUNT_MAX)
		*out = v;
}

slice wire_unescape(struct json *j, const json_str *s, struct arena *mem)
{
	if (!s->escaped)
		return s->raw;
	char *out = arena_alloc(mem, s->raw.n ? s->raw.n : 1);
	if (!out) {
		wire_fail(j, s->raw.p, no_memory);
		return SLICE_NONE;
	}
	return slice_make(out, json_unescape(s, out, s->raw.n));
}

void wire_text(struct json *j, struct arena *mem, slice *out)
{
	json_str s;
	if (json_opt_string(j, &s))
		*out = wire_unescape(j, &s, mem);
}

void wire_add_bytes(struct json *j, int64_t *sum)
{
	json_str s;
	if (json_opt_string(j, &s))
		*sum += (int64_t)s.raw.n;
}

#define USD_DIGITS 17 /* of a number that are read */

/* mantissa * 10^exponent as a whole number, half up; -1 when it does not fit. */
static int64_t scaled(int64_t mantissa, int exponent)
{
	for (; exponent > 0 && mantissa; exponent--)
		if (__builtin_mul_overflow(mantissa, 10, &mantissa))
			return -1;
	for (; exponent < -1 && mantissa; exponent++)
		mantissa /= 10;
	return exponent == -1 ? mantissa / 10 + (mantissa % 10 >= 5) : mantissa;
}

void wire_usd(struct json *j, int64_t *out)
{
	slice number, tail = SLICE_NONE;
	int64_t mantissa = 0;
	long long written = 0;
	int exponent = 9, digits = 0;
	bool fraction = false;
	if (json_peek(j) != JSON_NUMBER || !json_number(j, &number)) {
		json_skip(j, NULL);
		return;
	}
	for (size_t i = 0; i < number.n && !tail.n; i++) {
		char c = number.p[i];
		if (c == '-')
			return;
		if (c == '.') {
			fraction = true;
		} else if (c == 'e' || c == 'E') {
			tail = slice_sub(number, i + 1, number.n);
		} else if (digits < USD_DIGITS) {
			mantissa = mantissa * 10 + (c - '0');
			digits += mantissa > 0;
			exponent -= fraction;
		} else {
			exponent += !fraction;
		}
	}
	if (tail.n && tail.p[0] == '+')
		tail = slice_sub(tail, 1, tail.n);
	if (tail.n && (!slice_to_i64(tail, &written) || written > 30 || written < -30))
		return;
	int64_t nano = scaled(mantissa, exponent + (int)written);
	if (nano >= 0)
		*out = nano;
}

void answer_said(struct answer *a, enum said_kind kind, slice raw)
{
	int64_t *const sums[SAID_KINDS] = {&a->text_bytes, &a->tool_bytes, &a->thinking_bytes};
	*sums[kind] += (int64_t)raw.n;
	if (a->said && raw.n)
		a->said(a->said_arg, kind, raw);
}

void wire_said(struct json *j, struct answer *a, enum said_kind kind)
{
	json_str s;
	if (json_opt_string(j, &s))
		answer_said(a, kind, s.raw);
}

int wire_read_word(struct json *j, struct wire_words words)
{
	json_str s;
	return json_opt_string(j, &s) ? wire_word(&s, words) : WIRE_NONE;
}

/* The sentence of a fault, with the key it is about where that helps. */
static int fault(const struct json *j, struct error *e)
{
	int code = j->error == no_memory ? ERR_NOMEM : ERR_INVALID;
	slice rest = slice_make(j->start + j->error_at, (size_t)(j->end - j->start) - j->error_at);
	ptrdiff_t close = rest.n ? slice_find_char(slice_sub(rest, 1, rest.n), '"') : -1;
	if (j->error == twice && close >= 0)
		error_set(e, code, "the field \"" SLICE_FMT "\" stands twice",
		          SLICE_ARG(slice_sub(rest, 1, (size_t)close < 64 ? (size_t)close + 1 : 64)));
	else
		error_set(e, code, "%s", j->error);
	if (e)
		e->offset = j->error_at;
	return code;
}

int wire_request(struct request_view *v, enum api api, slice body, struct wire_words fields, wire_field *read,
                 void *arg, struct error *e)
{
	struct json j;
	*v = (struct request_view){.api = api, .body = body, .choices = 1, .max_output = TOKENS_ABSENT};
	json_init(&j, body);
	json_type t = json_peek(&j);
	if (slice_trim(body).n == 0)
		return error_set(e, ERR_INVALID, "the body is empty");
	if (t != JSON_OBJECT && t != JSON_NONE)
		return error_set(e, ERR_INVALID, "the body is not a JSON object");
	wire_object_once(&j, fields, read, arg);
	return json_end(&j) ? 0 : fault(&j, e);
}

int wire_no_model(struct error *e)
{
	return error_set(e, ERR_INVALID, "it names no model");
}

void wire_model(struct json *j, struct request_view *v, struct arena *mem)
{
	json_str s;
	if (!json_opt_string(j, &s))
		return;
	v->model_raw = wire_quoted(&s);
	v->model = wire_unescape(j, &s, mem);
}

void wire_limit(struct json *j, struct request_view *v)
{
	int64_t limit = TOKENS_ABSENT;
	const char *from = (json_peek(j), j->p);
	wire_count_or_digits(j, &limit);
	v->max_output = limit;
	v->max_output_raw = slice_make(from, (size_t)(j->p - from));
}

void wire_range(struct json *j, slice *out)
{
	bool null = json_peek(j) == JSON_NULL;
	json_skip(j, null ? NULL : out);
}

int64_t wire_elements(struct json *j, slice *out, wire_field *read, void *arg)
{
	if (json_peek(j) != JSON_ARRAY) {
		json_skip(j, NULL);
		return 0;
	}
	const char *from = j->p;
	int64_t n = wire_array(j, read, arg);
	*out = slice_make(from, (size_t)(j->p - from));
	return n;
}

slice wire_status_text(const struct wire_status *rows, size_t n, int status, slice otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].status == status)
			return rows[i].text;
	return otherwise;
}

int wire_openai_error(int status, const char *kind, slice message, struct buf *out)
{
	static const struct wire_status types[] = {
	    {401, {"authentication_error", 20}},
	    {402, {"billing_error", 13}},
	    {403, {"permission_error", 16}},
	    {429, {"rate_limit_error", 16}},
	};
	slice otherwise = status < 500 ? SLICE("invalid_request_error") : SLICE("server_error");
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_key(&w, SLICE("error"));
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("message"), message);
	jsonw_put_string(&w, SLICE("type"),
	                 wire_status_text(types, sizeof types / sizeof types[0], status, otherwise));
	jsonw_put_string(&w, SLICE("code"), slice_of(kind));
	jsonw_put_null(&w, SLICE("param"));
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

int wire_text_error(slice key, slice message, struct buf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_put_string(&w, key, message);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

bool wire_edits_nothing(const struct request_view *v)
{
	(void)v;
	return false;
}
