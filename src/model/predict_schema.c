/* JSON as providers put it before a model: written anew without white space, whatever the client's library
 * put there; and schemas of answers without the members that say the same in all of them. */
#include "model/predict_impl.h"

enum { SCHEMA_DEPTH = 16 };

void predict_flush(struct predict_scratch *s)
{
	s->tokens += (uint32_t)bpe_count(s->encoding, &s->bpe, slice_make(s->shown, s->n), BPE_ORDINARY);
	s->n = 0;
}

void predict_put(struct predict_scratch *s, slice text)
{
	while (text.n) {
		size_t n = sizeof s->shown - s->n;
		n = n < text.n ? n : text.n;
		memcpy(s->shown + s->n, text.p, n);
		s->n += n;
		text = slice_sub(text, n, text.n);
		if (s->n == sizeof s->shown)
			predict_flush(s);
	}
}

/* Past the string that begins at `at`. */
static size_t past_string(slice json, size_t at)
{
	for (at++; at < json.n && json.p[at] != '"'; at++)
		at += json.p[at] == '\\';
	return at < json.n ? at + 1 : json.n;
}

static void put_json(struct predict_scratch *s, slice json)
{
	size_t from = 0, at = 0;
	while (at < json.n) {
		if (json.p[at] == '"') {
			at = past_string(json, at);
		} else if (json.p[at] == ' ' || json.p[at] == '\n' || json.p[at] == '\t' ||
		           json.p[at] == '\r') {
			predict_put(s, slice_sub(json, from, at));
			from = ++at;
		} else {
			at++;
		}
	}
	predict_put(s, slice_sub(json, from, json.n));
}

uint32_t predict_count_json(struct predict_scratch *s, slice json)
{
	s->tokens = 0;
	put_json(s, json);
	predict_flush(s);
	return s->tokens;
}

/* Whether the key's value has names of the schema's author for keys. */
static bool is_map(const json_key *k)
{
	static const struct wire_word maps[] = {WIRE_WORD("properties", 1), WIRE_WORD("$defs", 1),
	                                        WIRE_WORD("definitions", 1)};
	return wire_word(k, WIRE_WORDS(maps)) == 1;
}

static bool is_left_out(const json_key *k)
{
	static const struct wire_word same[] = {
	    WIRE_WORD("required", 1), WIRE_WORD("additionalProperties", 1), WIRE_WORD("propertyOrdering", 1),
	    WIRE_WORD("property_ordering", 1)};
	return wire_word(k, WIRE_WORDS(same)) == 1;
}

static void put_schema(struct predict_scratch *s, slice schema, bool map, int depth)
{
	struct json j;
	json_key k;
	slice value;
	bool more = false;
	if (!body_is_object(schema) || depth > SCHEMA_DEPTH) {
		put_json(s, schema);
		return;
	}
	json_init(&j, schema);
	json_object(&j);
	predict_put(s, SLICE("{"));
	while (json_next_key(&j, &k) && json_skip(&j, &value)) {
		if (!map && is_left_out(&k))
			continue;
		predict_put(s, more ? SLICE(",\"") : SLICE("\""));
		predict_put(s, k.raw);
		predict_put(s, SLICE("\":"));
		put_schema(s, value, !map && is_map(&k), depth + 1);
		more = true;
	}
	predict_put(s, SLICE("}"));
}

uint32_t predict_count_schema(struct predict_scratch *s, slice schema)
{
	s->tokens = 0;
	put_schema(s, schema, false, 0);
	predict_flush(s);
	return s->tokens;
}
