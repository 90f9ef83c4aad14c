/* What stands beside the three sections of a request and reaches the model: the schema of the answer, how
 * tools are to be used, whether it is to think. */
#include "model/predict_impl.h"

#include <xxhash.h>

enum { SEARCH_DEPTH = 5 };

enum {
	BESIDE_FORMAT, /* has a schema somewhere in it */
	BESIDE_SCHEMA, /* is one, or the word "json" */
	BESIDE_CHOICE,
	BESIDE_PARALLEL,
	BESIDE_REASONS,
	BESIDE_OTHER,
};

static const struct wire_word read_by_model[] = {
    WIRE_WORD("response_format", BESIDE_FORMAT),
    WIRE_WORD("responseFormat", BESIDE_FORMAT),
    WIRE_WORD("text", BESIDE_FORMAT),
    WIRE_WORD("output_config", BESIDE_FORMAT),
    WIRE_WORD("output_format", BESIDE_FORMAT),
    WIRE_WORD("outputConfig", BESIDE_FORMAT),
    WIRE_WORD("generationConfig", BESIDE_FORMAT),
    WIRE_WORD("generation_config", BESIDE_FORMAT),
    WIRE_WORD("format", BESIDE_SCHEMA),
    WIRE_WORD("tool_choice", BESIDE_CHOICE),
    WIRE_WORD("toolConfig", BESIDE_CHOICE),
    WIRE_WORD("tool_config", BESIDE_CHOICE),
    WIRE_WORD("parallel_tool_calls", BESIDE_PARALLEL),
    WIRE_WORD("thinking", BESIDE_REASONS),
    WIRE_WORD("reasoning", BESIDE_REASONS),
    WIRE_WORD("reasoning_effort", BESIDE_REASONS),
    WIRE_WORD("think", BESIDE_REASONS),
    WIRE_WORD("additionalModelRequestFields", BESIDE_OTHER),
};

enum { F_SCHEMA, F_NAME, F_DESCRIPTION, F_TYPE, F_FIELDS };
static const struct wire_word format_fields[] = {
    WIRE_WORD("schema", F_SCHEMA),
    WIRE_WORD("responseSchema", F_SCHEMA),
    WIRE_WORD("response_schema", F_SCHEMA),
    WIRE_WORD("responseJsonSchema", F_SCHEMA),
    WIRE_WORD("response_json_schema", F_SCHEMA),
    WIRE_WORD("_responseJsonSchema", F_SCHEMA),
    WIRE_WORD("name", F_NAME),
    WIRE_WORD("description", F_DESCRIPTION),
    WIRE_WORD("type", F_TYPE),
    WIRE_WORD("responseMimeType", F_TYPE),
    WIRE_WORD("response_mime_type", F_TYPE),
};

static void add_schema(struct predict_scratch *s, struct beside *c, const slice *f)
{
	json_str text = body_string(f[F_SCHEMA]); /* Converse has it as a text */
	c->at[FEATURE_WITH_SCHEMA] = 1;
	uint32_t tokens = text.raw.p ? predict_count_text(s, text) : predict_count_schema(s, f[F_SCHEMA]);
	if (f[F_NAME].n)
		tokens += predict_count_text(s, body_string(f[F_NAME]));
	if (f[F_DESCRIPTION].n)
		tokens += predict_count_text(s, body_string(f[F_DESCRIPTION])) + 1;
	c->at[FEATURE_SCHEMA] += (float)tokens;
}

/* The schema that stands somewhere in raw. */
static void find_schema(struct predict_scratch *s, struct beside *c, slice raw, int depth)
{
	slice f[F_FIELDS] = {{0}}, value;
	struct json j;
	json_key k;
	if (depth > SEARCH_DEPTH || !body_fields(raw, WIRE_WORDS(format_fields), f))
		return;
	if (f[F_SCHEMA].n) {
		add_schema(s, c, f);
		return;
	}
	if (body_is(f[F_TYPE], SLICE("json_object")) || body_is(f[F_TYPE], SLICE("application/json")))
		c->at[FEATURE_JSON] = 1;
	json_init_known(&j, raw);
	json_object(&j);
	while (json_next_key(&j, &k) && json_skip(&j, &value))
		find_schema(s, c, value, depth + 1);
}

/* {"type":"any"}, "required", {"functionCallingConfig":{"mode":"ANY"}}… */
static void read_choice(struct beside *c, slice raw, int depth)
{
	enum { C_TYPE, C_ALONE, C_WITHIN, C_FIELDS };
	static const struct wire_word fields[] = {
	    WIRE_WORD("type", C_TYPE),
	    WIRE_WORD("mode", C_TYPE),
	    WIRE_WORD("disable_parallel_tool_use", C_ALONE),
	    WIRE_WORD("functionCallingConfig", C_WITHIN),
	    WIRE_WORD("function_calling_config", C_WITHIN),
	    WIRE_WORD("toolChoice", C_WITHIN),
	};
	static const struct wire_word forced[] = {WIRE_WORD("any", 1),      WIRE_WORD("ANY", 1),
	                                          WIRE_WORD("required", 1), WIRE_WORD("tool", 1),
	                                          WIRE_WORD("function", 1), WIRE_WORD("validated", 1)};
	slice f[C_FIELDS] = {{0}};
	body_fields(raw, WIRE_WORDS(fields), f);
	json_str word = body_string(f[C_TYPE].n ? f[C_TYPE] : raw);
	json_key key;
	if (!word.raw.p && depth > 0 && body_first_key(raw, &key)) /* Converse: {"any":{}} */
		word = key;
	if (word.raw.p && wire_word(&word, WIRE_WORDS(forced)) == 1)
		c->at[FEATURE_FORCED] = 1;
	if (body_is_true(f[C_ALONE]))
		c->at[FEATURE_ALONE] = 1;
	if (f[C_WITHIN].n && depth < 2)
		read_choice(c, f[C_WITHIN], depth + 1);
}

/* Not when it says that the model shall not. */
static void read_reasons(struct beside *c, slice raw)
{
	enum { R_TYPE, R_MODE, R_FIELDS };
	static const struct wire_word fields[] = {WIRE_WORD("type", R_TYPE), WIRE_WORD("effort", R_TYPE),
	                                          WIRE_WORD("mode", R_MODE)};
	slice f[R_FIELDS] = {{0}};
	body_fields(raw, WIRE_WORDS(fields), f);
	slice word = f[R_TYPE].n ? f[R_TYPE] : raw;
	bool off = body_is(word, SLICE("disabled")) || body_is(word, SLICE("none")) || word.p[0] == 'f';
	if (!off)
		c->at[FEATURE_REASONS] = 1;
	c->open = c->open || f[R_MODE].n > 0; /* it runs several times */
}

static void read_beside(struct predict_scratch *s, struct beside *c, int id, slice value)
{
	if (id == BESIDE_FORMAT)
		find_schema(s, c, value, 0);
	if (id == BESIDE_SCHEMA && body_is_object(value))
		add_schema(s, c, (slice[F_FIELDS]){[F_SCHEMA] = value});
	else if (id == BESIDE_SCHEMA)
		c->at[FEATURE_JSON] = 1;
	if (id == BESIDE_CHOICE)
		read_choice(c, value, 0);
	if (id == BESIDE_PARALLEL && value.p[0] == 'f')
		c->at[FEATURE_ALONE] = 1;
	if (id == BESIDE_REASONS)
		read_reasons(c, value);
}

/* Where the reader stands at a section that is known: over it, without reading it again. */
static bool jump(struct json *j, slice section)
{
	if (section.n == 0 || j->p != section.p)
		return false;
	j->p += section.n;
	j->want = false;
	return true;
}

/* Models that search, or run themselves several times: what they read is not in the body. */
static bool brings_its_own(slice model)
{
	static const char *const patterns[] = {"*compound*", "*sonar*", "*-search*", "*deep-research*",
	                                       "*:online"};
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
		if (slice_glob(model, slice_of(patterns[i])))
			return true;
	return false;
}

void predict_count_beside(struct predict_scratch *s, const struct request_view *v, struct beside *out)
{
	struct json j;
	json_key k;
	memset(out, 0, sizeof *out);
	out->open = brings_its_own(v->model);
	json_init_known(&j, v->body);
	if (json_peek(&j) != JSON_OBJECT)
		return;
	json_object(&j);
	while (json_next_key(&j, &k)) {
		slice value;
		json_peek(&j);
		if (jump(&j, v->messages) || jump(&j, v->tools) || jump(&j, v->system))
			continue;
		int id = wire_word(&k, WIRE_WORDS(read_by_model));
		if (!json_skip(&j, &value) || id == WIRE_NONE || value.n > s->budget || value.p[0] == 'n')
			continue;
		s->budget -= value.n;
		read_beside(s, out, id, value);
		out->hash = XXH3_64bits_withSeed(value.p, value.n, out->hash ^ XXH3_64bits(k.raw.p, k.raw.n));
	}
}
