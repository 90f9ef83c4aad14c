/* A tool's definition as OpenAI's models are shown it: as a TypeScript type, not as the JSON it came in
 * (known from what prompts cost: github.com/hmarr/openai-chat-tokens). Other models read JSON or something
 * like it; what each makes of either is learnt. */
#include "model/predict_impl.h"

enum { SCHEMA_DEPTH = 8 };

struct render {
	struct predict_scratch *s;
	slice defs;      /* $defs of the definition's schema */
	uint32_t titles; /* tokens */
};

static void put(struct render *r, slice text)
{
	predict_put(r->s, text);
}

/* A long text is counted apart. */
static void put_string(struct render *r, slice raw)
{
	json_str s = body_string(raw);
	char plain[1024];
	if (!s.escaped) {
		put(r, s.raw);
	} else if (s.raw.n <= sizeof plain) {
		put(r, slice_make(plain, json_unescape(&s, plain, sizeof plain)));
	} else {
		predict_flush(r->s);
		r->s->tokens += predict_count_text(r->s, s);
	}
}

enum {
	S_TYPE,
	S_DESCRIPTION,
	S_PROPERTIES,
	S_REQUIRED,
	S_ENUM,
	S_ITEMS,
	S_ANY,
	S_DEFS,
	S_REF,
	S_DEFAULT,
	S_TITLE,
	S_FIELDS
};
static const struct wire_word schema_fields[] = {
    WIRE_WORD("type", S_TYPE),
    WIRE_WORD("description", S_DESCRIPTION),
    WIRE_WORD("properties", S_PROPERTIES),
    WIRE_WORD("required", S_REQUIRED),
    WIRE_WORD("enum", S_ENUM),
    WIRE_WORD("items", S_ITEMS),
    WIRE_WORD("anyOf", S_ANY),
    WIRE_WORD("oneOf", S_ANY),
    WIRE_WORD("$defs", S_DEFS),
    WIRE_WORD("definitions", S_DEFS),
    WIRE_WORD("$ref", S_REF),
    WIRE_WORD("default", S_DEFAULT),
    WIRE_WORD("title", S_TITLE),
};

static void put_type(struct render *r, slice schema, int depth);

#define TITLE_MARKS 2 /* tokens around one: a comment's */

/* Titles are shown too, by some; their tokens are kept apart. */
static void count_title(struct render *r, slice title)
{
	json_str text = body_string(title);
	if (text.raw.n)
		r->titles +=
		    TITLE_MARKS + (uint32_t)bpe_count(r->s->encoding, &r->s->bpe, text.raw, BPE_ORDINARY);
}

static bool is_required(slice required, const json_key *name)
{
	struct body_elements e;
	slice one;
	if (!body_elements(required, &e))
		return false;
	while (body_next(&e, &one))
		if (slice_eq(body_string(one).raw, name->raw))
			return true;
	return false;
}

static void put_properties(struct render *r, const slice *of, int depth)
{
	struct json j;
	json_key name;
	slice schema;
	json_init(&j, of[S_PROPERTIES]);
	json_object(&j);
	while (json_next_key(&j, &name) && json_skip(&j, &schema)) {
		slice f[S_FIELDS] = {{0}};
		body_fields(schema, WIRE_WORDS(schema_fields), f);
		count_title(r, f[S_TITLE]);
		if (f[S_DESCRIPTION].n && depth < 2) {
			put(r, SLICE("// "));
			put_string(r, f[S_DESCRIPTION]);
			put(r, SLICE("\n"));
		}
		put(r, name.raw);
		put(r, is_required(of[S_REQUIRED], &name) ? SLICE(": ") : SLICE("?: "));
		put_type(r, schema, depth + 1);
		put(r, SLICE(",\n"));
	}
}

static void put_choices(struct render *r, slice list, bool types, int depth)
{
	struct body_elements e;
	slice one;
	bool more = false;
	for (body_elements(list, &e); body_next(&e, &one); more = true) {
		if (more)
			put(r, SLICE(" | "));
		if (types)
			put_type(r, one, depth + 1);
		else
			put(r, one);
	}
}

/* What "#/$defs/NAME" names, shown where it is used. */
static slice referred(const struct render *r, slice ref)
{
	static const slice roots[] = {{"#/$defs/", 8}, {"#/definitions/", 14}};
	slice name = body_string(ref).raw, found = SLICE_NONE;
	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
		if (slice_starts(name, roots[i])) {
			struct wire_word word = {slice_sub(name, roots[i].n, name.n), 0};
			body_fields(r->defs, (struct wire_words){&word, 1}, &found);
		}
	return found;
}

static void put_type(struct render *r, slice schema, int depth)
{
	slice f[S_FIELDS] = {{0}};
	body_fields(schema, WIRE_WORDS(schema_fields), f);
	if (f[S_REF].n)
		body_fields(referred(r, f[S_REF]), WIRE_WORDS(schema_fields), f);
	if (depth > SCHEMA_DEPTH) {
		put(r, SLICE("any"));
	} else if (body_is_array(f[S_ENUM])) {
		put_choices(r, f[S_ENUM], false, depth);
	} else if (body_is_array(f[S_ANY])) {
		put_choices(r, f[S_ANY], true, depth);
	} else if (body_is_object(f[S_PROPERTIES])) {
		put(r, SLICE("{\n"));
		put_properties(r, f, depth);
		put(r, SLICE("}"));
	} else if (body_is_object(f[S_ITEMS])) {
		put_type(r, f[S_ITEMS], depth + 1);
		put(r, SLICE("[]"));
	} else if (body_is(f[S_TYPE], SLICE("integer"))) {
		put(r, SLICE("number"));
	} else if (body_is_string(f[S_TYPE])) {
		put_string(r, f[S_TYPE]);
	} else {
		put(r, SLICE("any"));
	}
}

uint32_t predict_count_tool(struct predict_scratch *s, const struct body_item *it, uint32_t *titles)
{
	enum { T_DESCRIPTION, T_SCHEMA, T_FIELDS };
	static const struct wire_word fields[] = {
	    WIRE_WORD("description", T_DESCRIPTION), WIRE_WORD("parameters", T_SCHEMA),
	    WIRE_WORD("input_schema", T_SCHEMA),     WIRE_WORD("parametersJsonSchema", T_SCHEMA),
	    WIRE_WORD("inputSchema", T_SCHEMA),
	};
	static const struct wire_word inner[] = {WIRE_WORD("json", 0)};
	struct render r = {.s = s};
	s->tokens = 0;
	slice f[T_FIELDS] = {{0}}, schema[S_FIELDS] = {{0}};
	body_fields(it->json, WIRE_WORDS(fields), f);
	body_fields(f[T_SCHEMA], WIRE_WORDS(inner), &f[T_SCHEMA]); /* Converse puts it in an object */
	body_fields(f[T_SCHEMA], WIRE_WORDS(schema_fields), schema);
	r.defs = schema[S_DEFS];
	if (f[T_DESCRIPTION].n > 2) {
		put(&r, SLICE("// "));
		put_string(&r, f[T_DESCRIPTION]);
		put(&r, SLICE("\n"));
	}
	if (schema[S_DESCRIPTION].n) {
		put(&r, SLICE("// "));
		put_string(&r, schema[S_DESCRIPTION]);
		put(&r, SLICE("\n"));
	}
	put(&r, SLICE("type "));
	put(&r, it->name.raw);
	if (body_is_object(schema[S_PROPERTIES]) && schema[S_PROPERTIES].n > 2) {
		put(&r, SLICE(" = (_: {\n"));
		put_properties(&r, schema, 0);
		put(&r, SLICE("}) => any;\n\n"));
	} else {
		put(&r, SLICE(" = () => any;\n\n"));
	}
	predict_flush(s);
	count_title(&r, schema[S_TITLE]);
	*titles = r.titles;
	return s->tokens;
}
