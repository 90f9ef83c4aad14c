/* The JSON reader over any bytes: reading value by value and validating at once say the same; what is read
 * lies within the text; strings come out of the writer as they went in; edits leave JSON behind. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "text/json.h"
#include "text/json_scan.h"
#include "text/jsonw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

struct run {
	slice text;
	struct json_edits edits;
	struct buf out;
	size_t strings;
};

static bool within(const struct run *r, slice s)
{
	return s.p >= r->text.p && s.p + s.n <= r->text.p + r->text.n;
}

/* Unescape, write, read again: the same. */
static void check_string(struct run *r, const json_str *s)
{
	must(within(r, s->raw));
	if (r->strings++ > 64 || s->raw.n > 4096)
		return;
	char *plain = malloc(s->raw.n + 1), *again = malloc(s->raw.n * 6 + 3);
	must(plain && again);
	size_t n = json_unescape(s, plain, s->raw.n), at;
	must(n <= s->raw.n && json_str_is(s, slice_make(plain, n)));
	struct jsonw w;
	struct json j;
	json_str back;
	buf_clear(&r->out);
	jsonw_init(&w, &r->out);
	jsonw_string(&w, slice_make(plain, n));
	must(jsonw_end(&w) == 0 && json_validate(buf_slice(&r->out), &at) == NULL);
	json_init(&j, buf_slice(&r->out));
	must(json_string(&j, &back) && json_end(&j));
	must(json_unescape(&back, again, s->raw.n * 6 + 3) == n && (n == 0 || memcmp(again, plain, n) == 0));
	free(plain);
	free(again);
}

static void walk(struct run *r, struct json *j)
{
	json_str s = {SLICE_NONE, false};
	slice raw = SLICE_NONE;
	int64_t v;
	bool b;
	switch (json_peek(j)) {
	case JSON_OBJECT:
		must(json_object(j) || j->error);
		while (json_next_key(j, &s)) {
			size_t key = (size_t)(s.raw.p - 1 - r->text.p);
			check_string(r, &s);
			walk(r, j);
			if (!j->error && s.raw.n % 3 == 1) /* a choice that depends on the text only */
				json_edit_remove_member(&r->edits, r->text, key, json_offset(j));
		}
		break;
	case JSON_ARRAY:
		must(json_array(j) || j->error);
		while (json_next(j)) {
			size_t from = json_offset(j);
			walk(r, j);
			if (!j->error && from % 5 == 0)
				json_edit_replace(&r->edits, from, json_offset(j), SLICE("[\"edited\"]"));
		}
		break;
	case JSON_STRING:
		if (json_string(j, &s))
			check_string(r, &s);
		break;
	case JSON_NUMBER:
		if (json_number(j, &raw)) {
			must(within(r, raw) && raw.n > 0);
			json_number_i64(raw, &v);
		}
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		json_bool(j, &b);
		break;
	case JSON_NULL:
		json_null(j);
		break;
	case JSON_NONE:
		must(j->error != NULL);
	}
}

static void check_scanners(slice text)
{
	struct json_scan want, got;
	const char *end = text.p + text.n, *close = json_scan_scalar(text.p, end, &want);
	must(json_scan_plain(text.p, end, &got) == close &&
	     (close ? got.escaped == want.escaped : got.at == want.at));
	must(json_scan_string(text.p, end, &got) == close &&
	     (close ? got.escaped == want.escaped : got.at == want.at));
	const char *known = json_scan_known(text.p, end, &got);
	must(close ? known == close && got.escaped == want.escaped
	           : known == NULL || (known >= text.p && known < end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = {.text = slice_make(data, size)};
	struct json j;
	size_t at = 0;
	json_edits_init(&r.edits);
	buf_init(&r.out, 1 << 20);
	const char *error = json_validate(r.text, &at);
	must(!error || at <= size);
	json_init(&j, r.text);
	walk(&r, &j);
	must(json_end(&j) == (error == NULL));
	must(!error || (j.error == error && j.error_at == at));
	if (!error) {
		size_t n = json_edits_size(&r.edits, r.text);
		char *out = malloc(n + 1);
		must(out != NULL);
		json_edits_apply(&r.edits, r.text, out);
		must(json_validate(slice_make(out, n), &at) == NULL);
		free(out);
	}
	if (size)
		check_scanners(r.text);
	buf_release(&r.out);
	return 0;
}
