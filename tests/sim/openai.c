/* OpenAI's errors, and embeddings (https://platform.openai.com/docs/api-reference/embeddings). */
#include "openai.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"

void openai_reported(struct call *c)
{
	c->reported = c->usage;
	c->reported.write_5m = c->reported.write_1h = -1; /* these APIs do not charge for writing */
}

void openai_error(const struct call *c, int status, struct buf *out)
{
	static const struct {
		int status;
		const char *message, *type, *code;
	} table[] = {
	    {400, "We could not parse the JSON body of your request.", "invalid_request_error", "null"},
	    {401, "Incorrect API key provided.", "invalid_request_error", "\"invalid_api_key\""},
	    {402, "You exceeded your current quota.", "insufficient_quota", "\"insufficient_quota\""},
	    {403, "You are not allowed to use this model.", "invalid_request_error",
	     "\"unsupported_country\""},
	    {404, "The model does not exist or you do not have access to it.", "invalid_request_error",
	     "\"model_not_found\""},
	    {413, "Request too large.", "invalid_request_error", "null"},
	    {429, "Rate limit reached for requests. Please try again in 1s.", "requests",
	     "\"rate_limit_exceeded\""},
	    {503, "The engine is currently overloaded, please try again later.", "server_error", "null"},
	    {0, "The server had an error while processing your request. Sorry about that!", "server_error",
	     "null"},
	};
	size_t i = 0;

	(void)c;
	while (table[i].status && table[i].status != status)
		i++;
	buf_fmt(out,
	        "{\n  \"error\": {\n    \"message\": \"%s\",\n    \"type\": \"%s\",\n    \"param\": null,\n"
	        "    \"code\": %s\n  }\n}\n",
	        table[i].message, table[i].type, table[i].code);
}

static bool embeddings_read(struct call *c, const cJSON *root)
{
	const cJSON *input = cJSON_GetObjectItemCaseSensitive(root, "input"), *part;

	if (!cJSON_IsString(input) && !cJSON_IsArray(input))
		return false;
	if (cJSON_IsString(input) || cJSON_IsNumber(input->child))
		ask_segment(&c->ask, input, 0);
	else
		cJSON_ArrayForEach(part, input) ask_segment(&c->ask, part, 0);
	c->usage.input = c->ask.input_tokens;
	return true;
}

/* A made-up vector of length 1, from the text's hash. */
static void add_vector(uint64_t seed, size_t dimensions, bool base64, struct buf *out)
{
	float *v = sim_alloc(dimensions * sizeof *v);
	double sum = 0;

	for (size_t i = 0; i < dimensions; i++) {
		v[i] = (float)((double)(int64_t)(mix64(seed + i) >> 11) / 4503599627370496.0 - 1.0);
		sum += (double)v[i] * (double)v[i];
	}
	for (size_t i = 0; i < dimensions; i++)
		v[i] = (float)((double)v[i] / sqrt(sum > 0 ? sum : 1));
	if (base64) {
		BUF_LIT(out, "\"");
		buf_need(out, dimensions * sizeof *v / 3 * 4 + 8);
		out->len += (size_t)EVP_EncodeBlock((unsigned char *)out->p + out->len, (unsigned char *)v,
		                                    (int)(dimensions * sizeof *v));
		BUF_LIT(out, "\"");
	} else {
		for (size_t i = 0; i < dimensions; i++)
			buf_fmt(out, "%s\n        %.8g", i ? "," : "[", (double)v[i]);
		BUF_LIT(out, "\n      ]");
	}
	free(v);
}

static void embeddings_body(struct call *c, struct buf *out)
{
	const struct ask *a = &c->ask;
	int64_t dimensions = json_int(a->root, "dimensions");
	bool base64 = json_is(a->root, "encoding_format", "base64");

	if (dimensions <= 0 || dimensions > 8192)
		dimensions = strstr(c->model, "large") ? 3072 : 1536;
	BUF_LIT(out, "{\n  \"object\": \"list\",\n  \"data\": [");
	for (size_t i = 0; i < a->nsegments; i++) {
		buf_fmt(out,
		        "%s\n    {\n      \"object\": \"embedding\",\n      \"index\": %zu,\n      "
		        "\"embedding\": ",
		        i ? "," : "", i);
		add_vector(a->segments[i].hash, (size_t)dimensions, base64, out);
		BUF_LIT(out, "\n    }");
	}
	BUF_LIT(out, "\n  ],\n  \"model\": ");
	buf_json(out, str_of(c->model));
	if (!c->d.no_usage) {
		buf_fmt(out,
		        ",\n  \"usage\": {\n    \"prompt_tokens\": %lld,\n    \"total_tokens\": %lld\n  }",
		        (long long)c->usage.input, (long long)c->usage.input);
		c->reported.input = c->usage.input;
	}
	BUF_LIT(out, "\n}\n");
}

const struct dialect dialect_embeddings = {
    .read = embeddings_read,
    .body = embeddings_body,
    .error = openai_error,
    .request_id_header = "x-request-id",
};
