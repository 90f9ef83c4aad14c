#include "model/attr_text.h"

#include "base/utf8.h"
#include "text/json.h"

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

/* Cleans into out, of ATTR_TEXT_MAX bytes; returns the bytes used. Blanks in front and behind are left out as
 * they come, so that a text of blanks and control characters is empty. */
static size_t clean_into(char out[ATTR_TEXT_MAX], slice text)
{
	size_t n = 0, solid = 0; /* solid: behind the last character that is no blank */
	for (size_t at = 0; at < text.n;) {
		uint32_t c;
		size_t len = utf8_next(text, at, &c);
		slice character = len ? slice_sub(text, at, at + len) : SLICE("\xEF\xBF\xBD");
		at += len ? len : 1;
		if (len && (is_control(c) || (c == ' ' && n == 0)))
			continue;
		if (n + character.n > ATTR_TEXT_MAX)
			break;
		memcpy(out + n, character.p, character.n);
		n += character.n;
		if (c != ' ')
			solid = n;
	}
	return solid;
}

slice attr_clean(slice text, struct arena *mem)
{
	char out[ATTR_TEXT_MAX];
	size_t n = clean_into(out, text);
	return n ? arena_copy(mem, slice_make(out, n)) : SLICE_NONE;
}

void attr_tags_init(struct attr_tags *t)
{
	t->n = 0;
}

/* A clean text as a JSON string; only quotes and backslashes are left to escape. False when out is full. */
static bool put_string(char *out, size_t *n, size_t cap, slice text)
{
	size_t at = *n;
	if (at >= cap)
		return false;
	out[at++] = '"';
	for (size_t i = 0; i < text.n; i++) {
		bool escape = text.p[i] == '"' || text.p[i] == '\\';
		if (at + escape + 1 >= cap)
			return false;
		if (escape)
			out[at++] = '\\';
		out[at++] = text.p[i];
	}
	if (at >= cap)
		return false;
	out[at++] = '"';
	*n = at;
	return true;
}

/* Whether a member of that name (as a JSON string with its quotes) is there. */
static bool has_name(const struct attr_tags *t, slice quoted)
{
	struct json j;
	json_key k;
	char object[ATTR_TEXT_MAX + 1];
	memcpy(object, t->json, t->n);
	object[t->n] = '}';
	json_init(&j, slice_make(object, t->n + 1));
	if (json_object(&j))
		while (json_next_key(&j, &k)) {
			if (slice_eq(k.raw, slice_sub(quoted, 1, quoted.n - 1)))
				return true;
			json_skip(&j, NULL);
		}
	return false;
}

bool attr_tags_add(struct attr_tags *t, slice name, slice value)
{
	const size_t cap = sizeof t->json - 1; /* the closing brace has its room */
	char clean[ATTR_TEXT_MAX];
	size_t at = t->n;
	t->json[at] = at ? ',' : '{';
	size_t name_at = ++at;
	size_t n = clean_into(clean, name);
	if (n == 0 || !put_string(t->json, &at, cap, slice_make(clean, n)))
		return false;
	if (t->n && has_name(t, slice_make(t->json + name_at, at - name_at)))
		return false;
	if (at >= cap)
		return false;
	t->json[at++] = ':';
	n = clean_into(clean, value);
	if (!put_string(t->json, &at, cap, slice_make(clean, n)))
		return false;
	t->n = at;
	return true;
}

static bool read_object(struct attr_tags *t, slice text)
{
	struct json j;
	json_key k;
	json_str value;
	bool fine = true;
	json_init(&j, text);
	if (json_object(&j))
		while (json_next_key(&j, &k)) {
			char name_text[ATTR_TEXT_MAX], value_text[ATTR_TEXT_MAX];
			if (json_peek(&j) != JSON_STRING) {
				json_skip(&j, NULL);
				fine = false;
				continue;
			}
			if (!json_string(&j, &value))
				break;
			size_t name_n = json_unescape(&k, name_text, sizeof name_text);
			size_t value_n = json_unescape(&value, value_text, sizeof value_text);
			if (name_n <= sizeof name_text && value_n <= sizeof value_text)
				attr_tags_add(t, slice_make(name_text, name_n),
				              slice_make(value_text, value_n));
		}
	return json_end(&j) && fine;
}

bool attr_tags_read(struct attr_tags *t, slice text)
{
	slice pair, name;
	text = slice_trim(text);
	if (slice_starts(text, SLICE("{")))
		return read_object(t, text);
	bool fine = true;
	while (slice_split(&text, ',', &pair)) {
		slice value = slice_trim(pair);
		if (value.n == 0)
			continue;
		slice_split(&value, '=', &name);
		fine = value.p && fine; /* no '=': no pair */
		if (value.p)
			attr_tags_add(t, name, value);
	}
	return fine;
}

slice attr_tags_json(const struct attr_tags *t, struct arena *mem)
{
	char *p = t->n ? arena_alloc(mem, t->n + 1) : NULL;
	if (!p)
		return SLICE_NONE;
	memcpy(p, t->json, t->n);
	p[t->n] = '}';
	return slice_make(p, t->n + 1);
}
