/* The reader against two others: cJSON (what it reads, we read, with the same names and values) and a checker
 * of the grammar written straight from RFC 8259, which says yes or no to texts spoilt at random.
 *
 * Bodies: generated ones; recorded ones in tests/wire/text; and, when WEIR_DATA names a folder, every *.json
 * and *.jsonl in it, strings that hold JSON themselves included. */
#include "unit/unit.h"

#include <cjson/cJSON.h>
#include <ftw.h>
#include <stdlib.h>

#include "exact.h"

#include "text/json.h"

/* --- the grammar, by the letter
 * -------------------------------------------------------------------------------------- */

struct strict {
	const unsigned char *p, *end;
	unsigned depth;
};

static bool is(struct strict *s, char c)
{
	return s->p < s->end && *s->p == (unsigned char)c;
}

static bool eat(struct strict *s, char c)
{
	bool yes = is(s, c);
	s->p += yes;
	return yes;
}

static bool eat_word(struct strict *s, const char *word)
{
	for (; *word; word++)
		if (!eat(s, *word))
			return false;
	return true;
}

static void eat_space(struct strict *s)
{
	while (is(s, ' ') || is(s, '\t') || is(s, '\n') || is(s, '\r'))
		s->p++;
}

static bool eat_digits(struct strict *s)
{
	const unsigned char *from = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from;
}

static bool strict_number(struct strict *s)
{
	eat(s, '-');
	if (!eat(s, '0') && !eat_digits(s))
		return false;
	if (eat(s, '.') && !eat_digits(s))
		return false;
	if (!eat(s, 'e') && !eat(s, 'E'))
		return true;
	if (!eat(s, '+'))
		eat(s, '-');
	return eat_digits(s);
}

static bool strict_character(struct strict *s)
{
	unsigned c = *s->p++, n = c < 0x80   ? 0
	                          : c < 0xc0 ? 9
	                          : c < 0xe0 ? 1
	                          : c < 0xf0 ? 2
	                          : c < 0xf8 ? 3
	                                     : 9;
	static const unsigned least[] = {0, 0x80, 0x800, 0x10000};
	if (n == 0)
		return c >= 0x20;
	if (n == 9 || (size_t)(s->end - s->p) < n)
		return false;
	c &= 0x3fu >> n;
	for (unsigned i = 0; i < n; i++, s->p++) {
		if (*s->p >> 6 != 2)
			return false;
		c = c << 6 | (*s->p & 0x3f);
	}
	return c >= least[n] && c <= 0x10ffff && c >> 11 != 0x1b;
}

static bool strict_string(struct strict *s)
{
	if (!eat(s, '"'))
		return false;
	while (!eat(s, '"')) {
		if (s->p == s->end)
			return false;
		if (!eat(s, '\\')) {
			if (!strict_character(s))
				return false;
			continue;
		}
		unsigned digits = is(s, 'u') ? 4 : 0;
		if (s->p == s->end || *s->p == 0 || !strchr("\"\\/bfnrtu", *s->p++))
			return false;
		for (; digits; digits--, s->p++)
			if (s->p == s->end || *s->p == 0 || !strchr("0123456789abcdefABCDEF", *s->p))
				return false;
	}
	return true;
}

static bool strict_value(struct strict *s);

static bool strict_container(struct strict *s, bool object)
{
	s->p++;
	bool ok = ++s->depth <= JSON_MAX_DEPTH;
	eat_space(s);
	if (ok && eat(s, object ? '}' : ']')) {
		s->depth--;
		return true;
	}
	do {
		eat_space(s);
		if (ok && object) {
			ok = strict_string(s);
			eat_space(s);
			ok = ok && eat(s, ':');
		}
		ok = ok && strict_value(s);
	} while (ok && eat(s, ','));
	s->depth--;
	return ok && eat(s, object ? '}' : ']');
}

static bool strict_value(struct strict *s)
{
	bool ok;
	eat_space(s);
	if (is(s, '{') || is(s, '['))
		ok = strict_container(s, is(s, '{'));
	else if (is(s, '"'))
		ok = strict_string(s);
	else if (is(s, 't') || is(s, 'f') || is(s, 'n'))
		ok = eat_word(s, is(s, 't') ? "true" : is(s, 'f') ? "false" : "null");
	else
		ok = strict_number(s);
	eat_space(s);
	return ok;
}

static bool is_json(slice text)
{
	struct strict s = {(const unsigned char *)text.p, (const unsigned char *)text.p + text.n, 0};
	return strict_value(&s) && s.p == s.end;
}

/* --- the same values as cJSON
 * ------------------------------------------------------------------------------------------ */

static char *unescaped(const json_str *s, size_t *n)
{
	char *out = malloc(s->raw.n + 1);
	assert_non_null(out);
	*n = json_unescape(s, out, s->raw.n);
	assert_true(*n <= s->raw.n);
	out[*n] = 0;
	return out;
}

/* cJSON's strings end at a NUL. */
static void same_string(const json_str *s, const char *want)
{
	size_t n, most = strlen(want);
	char *got = unescaped(s, &n);
	assert_true(most <= n && memcmp(got, want, most) == 0 && got[most] == 0);
	assert_true(json_str_is(s, slice_make(got, n)));
	free(got);
}

static void same_number(slice raw, const cJSON *c)
{
	char digits[64];
	int64_t v;
	assert_true(raw.n < sizeof digits);
	memcpy(digits, raw.p, raw.n);
	digits[raw.n] = 0;
	assert_true(strtod(digits, NULL) == c->valuedouble);
	bool whole = c->valuedouble >= -9e15 && c->valuedouble <= 9e15 &&
	             c->valuedouble == (double)(int64_t)c->valuedouble;
	if (json_number_i64(raw, &v))
		assert_true((double)v == c->valuedouble);
	else
		assert_true(!whole || strchr(digits, '.') || strchr(digits, 'e') || strchr(digits, 'E'));
}

static void same_value(struct json *j, const cJSON *c)
{
	json_str s;
	slice raw;
	bool b;
	assert_non_null(c);
	switch (json_peek(j)) {
	case JSON_OBJECT:
	case JSON_ARRAY: {
		bool object = json_peek(j) == JSON_OBJECT;
		const cJSON *child = c->child;
		assert_true(object ? cJSON_IsObject(c) : cJSON_IsArray(c));
		assert_true(object ? json_object(j) : json_array(j));
		for (; object ? json_next_key(j, &s) : json_next(j); child = child->next) {
			assert_non_null(child);
			if (object)
				same_string(&s, child->string);
			same_value(j, child);
		}
		assert_null(child);
		break;
	}
	case JSON_STRING:
		assert_true(cJSON_IsString(c) && json_string(j, &s));
		same_string(&s, c->valuestring);
		break;
	case JSON_NUMBER:
		assert_true(cJSON_IsNumber(c) && json_number(j, &raw));
		same_number(raw, c);
		break;
	case JSON_NULL:
		assert_true(cJSON_IsNull(c) && json_null(j));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		assert_true(json_bool(j, &b) && (b ? cJSON_IsTrue(c) : cJSON_IsFalse(c)));
		break;
	case JSON_NONE:
		fail_msg("%s at %zu", j->error ? j->error : "nothing", j->error_at);
	}
}

/* cJSON reads at most 63 bytes of a number, and no lone surrogates: those texts are not compared with it. */
static bool beyond_cjson(slice text)
{
	size_t number = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		number = (c >= '0' && c <= '9') || strchr("+-.eE", c) ? number + 1 : 0;
		if (number > 60)
			return true;
		if (c == '\\' && i + 2 < text.n && text.p[i + 1] == 'u' && (text.p[i + 2] | 32) == 'd')
			return true;
	}
	return false;
}

static void check_text(slice text, bool must_be_json)
{
	struct exact e = exact_copy(text);
	size_t at = 0;
	const char *error = json_validate(e.s, &at), *stop = NULL;
	if ((error == NULL) != is_json(e.s) || (must_be_json && error))
		fail_msg("%s at %zu: " SLICE_FMT, error ? error : "accepted", at,
		         (int)(text.n < 2000 ? text.n : 2000), text.p);
	if (!error && !beyond_cjson(text)) {
		cJSON *c = cJSON_ParseWithLengthOpts(e.s.p, e.s.n, &stop, 0);
		struct json j;
		if (!c)
			fail_msg("cJSON refuses: " SLICE_FMT, SLICE_ARG(text));
		json_init(&j, e.s);
		same_value(&j, c);
		assert_true(json_end(&j));
		cJSON_Delete(c);
	}
	exact_free(&e);
}

/* --- bodies
 * --------------------------------------------------------------------------------------------------------------
 */

struct text {
	char at[8192];
	size_t n;
	uint64_t x;
};

static unsigned pick(struct text *t, unsigned n)
{
	return (unsigned)(next_random(&t->x) >> 20) % n;
}

static void add(struct text *t, const char *s)
{
	assert_true(t->n + strlen(s) < sizeof t->at);
	memcpy(t->at + t->n, s, strlen(s));
	t->n += strlen(s);
}

static void add_space(struct text *t)
{
	static const char *const spaces[] = {"", "", "", "", " ", "\n", "\r\n\t", "   "};
	add(t, spaces[pick(t, COUNT(spaces))]);
}

static void add_string(struct text *t)
{
	static const char *const parts[] = {"a",
	                                    "key",
	                                    "some longer text that fills a block or two ",
	                                    "\\n",
	                                    "\\\"",
	                                    "\\\\",
	                                    "\\/",
	                                    "\\b\\f\\r\\t",
	                                    "\\u0041",
	                                    "\\u00e9",
	                                    "\\u4E2d",
	                                    "\\ud83d\\ude00",
	                                    "\xc3\xa9",
	                                    "\xe4\xb8\xad",
	                                    "\xf0\x9f\x98\x80",
	                                    "\x7f",
	                                    "{\\\"a\\\":[1]}",
	                                    "\\u0000",
	                                    "/",
	                                    "'"};
	unsigned n = pick(t, 4) ? pick(t, 4) : pick(t, 40);
	add(t, "\"");
	while (n--)
		add(t, parts[pick(t, COUNT(parts))]);
	add(t, "\"");
}

static void add_value(struct text *t, unsigned depth)
{
	static const char *const words[] = {"null",
	                                    "true",
	                                    "false",
	                                    "0",
	                                    "-0",
	                                    "1",
	                                    "-12",
	                                    "1.5",
	                                    "1e3",
	                                    "-0.25E-2",
	                                    "9007199254740993",
	                                    "12345678901234567890",
	                                    "1E400",
	                                    "100.0",
	                                    "3.000e2"};
	unsigned kind = depth && t->n < 3000 ? pick(t, 6) : pick(t, 4);
	add_space(t);
	if (kind < 2) {
		add(t, words[pick(t, COUNT(words))]);
	} else if (kind < 4) {
		add_string(t);
	} else {
		unsigned n = pick(t, 5);
		add(t, kind == 4 ? "[" : "{");
		add_space(t);
		for (unsigned i = 0; i < n; i++) {
			add(t, i ? "," : "");
			add_space(t);
			if (kind == 5) {
				add_string(t);
				add_space(t);
				add(t, ":");
			}
			add_value(t, depth - 1);
		}
		add(t, kind == 4 ? "]" : "}");
	}
	add_space(t);
}

static void generated(void **state)
{
	(void)state;
	static struct text t = {.x = 0x9e3779b97f4a7c15};
	for (int round = 0; round < 4000; round++) {
		t.n = 0;
		add_value(&t, 6);
		check_text(slice_make(t.at, t.n), true);
	}
}

/* One or two bytes changed, put in or taken out. */
static void spoilt(void **state)
{
	(void)state;
	static struct text t = {.x = 0x2545f4914f6cdd1d};
	static const char bytes[] = "{}[],:\"\\/ \n0123456789.eE+-tfnulbrx\x01\x80\xc3\xe4\xf0\xff";
	size_t refused = 0;
	for (int round = 0; round < 30000; round++) {
		if (round % 10 == 0) {
			t.n = 0;
			add_value(&t, 3);
		}
		char was[sizeof t.at];
		size_t n = t.n, at = 0;
		memcpy(was, t.at, n);
		for (unsigned k = 0; k <= pick(&t, 2) && t.n; k++) {
			size_t i = pick(&t, (unsigned)t.n);
			char c = bytes[pick(&t, sizeof bytes)];
			unsigned how = pick(&t, 3);
			if (how == 0)
				memmove(t.at + i, t.at + i + 1, --t.n - i);
			else if (how == 1)
				memmove(t.at + i + 1, t.at + i, t.n++ - i);
			if (how)
				t.at[i] = c;
		}
		check_text(slice_make(t.at, t.n), false);
		refused += json_validate(slice_make(t.at, t.n), &at) != NULL;
		memcpy(t.at, was, n);
		t.n = n;
	}
	assert_true(refused > 5000 && refused < 29000); /* else nothing was compared */
}

static size_t bodies;     /* read from files */
static bool must_be_json; /* a stranger's .json file may hold anything */

/* A recorded text, and what its strings hold when that looks like JSON: recordings keep bodies as strings. */
static void check_body(slice text, unsigned nested)
{
	struct json j;
	check_text(text, must_be_json && nested == 0);
	bodies++;
	/* All strings of the text, found without regard to structure: a quote opens one, the next bare quote
	 * closes it. */
	for (size_t i = 0, from = 0; nested < 2 && i < text.n; i++) {
		if (text.p[i] == '\\') {
			i++;
		} else if (text.p[i] == '"' && !from) {
			from = i + 1;
		} else if (text.p[i] == '"') {
			slice raw = slice_sub(text, from, i);
			json_str s;
			from = 0;
			if (raw.n < 2 || (raw.p[0] != '{' && raw.p[0] != '['))
				continue;
			size_t n;
			json_init(&j, slice_make(raw.p - 1, raw.n + 2));
			assert_true(json_string(&j, &s));
			char *inner = unescaped(&s, &n);
			check_body(slice_make(inner, n), nested + 1);
			free(inner);
		}
	}
}

static int check_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	bool lines = slice_ends(slice_of(path), SLICE(".jsonl"));
	(void)ftw;
	if (type != FTW_F || st->st_size > 200 << 20 ||
	    !(lines || slice_ends(slice_of(path), SLICE(".json"))))
		return 0;
	FILE *f = fopen(path, "rb");
	char *data = malloc((size_t)st->st_size + 1);
	assert_true(f && data);
	slice rest = slice_make(data, fread(data, 1, (size_t)st->st_size, f)), line;
	fclose(f);
	size_t left = 4000; /* lines of one file: enough, and the test stays short */
	if (!lines)
		check_body(slice_trim(rest), 0);
	else
		while (left-- && slice_split(&rest, '\n', &line))
			if (slice_trim(line).n)
				check_body(line, 0);
	free(data);
	return 0;
}

static void recorded(void **state)
{
	(void)state;
	bodies = 0;
	must_be_json = true;
	assert_int_equal(nftw("tests/wire/text", check_file, 8, FTW_PHYS), 0);
	assert_true(bodies >= 6);
}

static void recorded_elsewhere(void **state)
{
	(void)state;
	const char *folder = getenv("WEIR_DATA");
	bodies = 0;
	must_be_json = false;
	if (!folder) {
		print_message("WEIR_DATA names no folder of recorded bodies: only those of tests/wire/text "
		              "were compared\n");
		skip();
	}
	assert_int_equal(nftw(folder, check_file, 8, FTW_PHYS), 0);
	print_message("%zu texts of %s compared with cJSON\n", bodies, folder);
	assert_true(bodies > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(generated),
	    cmocka_unit_test(spoilt),
	    cmocka_unit_test(recorded),
	    cmocka_unit_test(recorded_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
