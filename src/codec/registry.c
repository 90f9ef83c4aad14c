/* Paths to APIs. A path is matched on its raw bytes: what is percent-encoded in the API part is not decoded
 * and so matches nothing, which is refused rather than passed on under another name. */
#include "codec/registry.h"

enum matching {
	MATCH_EXACT,
	MATCH_UNDER,  /* the pattern, '/' and more */
	MATCH_ENDING, /* anything before the pattern; only behind /p/{provider} */
};

struct route {
	slice pattern;
	enum matching matching;
	bool post; /* else GET and HEAD */
	enum api api;
};

/* GET /v1/models and /v1/models/{id} are shared by two dialects: see shared_models. */
static const struct route routes[] = {
    {{"/v1/messages", 12}, MATCH_EXACT, true, API_ANTHROPIC_MESSAGES},
    {{"/v1/messages/count_tokens", 25}, MATCH_EXACT, true, API_ANTHROPIC_COUNT_TOKENS},
    {{"/v1/chat/completions", 20}, MATCH_EXACT, true, API_OPENAI_CHAT},
    {{"/v1/responses", 13}, MATCH_EXACT, true, API_OPENAI_RESPONSES},
    {{"/v1/responses/compact", 21}, MATCH_EXACT, true, API_OPENAI_RESPONSES},
    {{"/v1/embeddings", 14}, MATCH_EXACT, true, API_OPENAI_EMBEDDINGS},
    {{"/v1/completions", 15}, MATCH_EXACT, true, API_OPENAI_COMPLETIONS},
    {{"/v1beta/interactions", 20}, MATCH_EXACT, true, API_GEMINI_INTERACTIONS},
    {{"/v2/chat", 8}, MATCH_EXACT, true, API_COHERE_CHAT},
    {{"/v1/chat", 8}, MATCH_EXACT, true, API_COHERE_CHAT},
    {{"/v1/generate", 12}, MATCH_EXACT, true, API_COHERE_CHAT},
    {{"/v2/embed", 9}, MATCH_EXACT, true, API_COHERE_EMBED},
    {{"/v1/embed", 9}, MATCH_EXACT, true, API_COHERE_EMBED},
    {{"/v1/tokenize", 12}, MATCH_EXACT, true, API_COHERE_MODELS},
    {{"/api/chat", 9}, MATCH_EXACT, true, API_OLLAMA_CHAT},
    {{"/api/generate", 13}, MATCH_EXACT, true, API_OLLAMA_GENERATE},
    {{"/api/embed", 10}, MATCH_EXACT, true, API_OLLAMA_EMBED},
    {{"/api/embeddings", 15}, MATCH_EXACT, true, API_OLLAMA_EMBED},
    {{"/api/show", 9}, MATCH_EXACT, true, API_OLLAMA_MODELS},
    {{"/api/tags", 9}, MATCH_EXACT, false, API_OLLAMA_MODELS},
    {{"/api/ps", 7}, MATCH_EXACT, false, API_OLLAMA_MODELS},
    {{"/api/version", 12}, MATCH_EXACT, false, API_OLLAMA_MODELS},
    {{"/v1/messages/batches", 20}, MATCH_EXACT, true, API_ANTHROPIC_BATCH},
    {{"/v1/messages/batches", 20}, MATCH_EXACT, false, API_ANTHROPIC_BATCH},
    {{"/v1/messages/batches", 20}, MATCH_UNDER, true, API_ANTHROPIC_BATCH},
    {{"/v1/messages/batches", 20}, MATCH_UNDER, false, API_ANTHROPIC_BATCH},
    {{"/v1/batches", 11}, MATCH_EXACT, true, API_OPENAI_BATCH},
    {{"/v1/batches", 11}, MATCH_EXACT, false, API_OPENAI_BATCH},
    {{"/v1/batches", 11}, MATCH_UNDER, true, API_OPENAI_BATCH},
    {{"/v1/batches", 11}, MATCH_UNDER, false, API_OPENAI_BATCH},
    {{"/v1/files", 9}, MATCH_EXACT, true, API_OPENAI_FILES},
    {{"/v1/files", 9}, MATCH_EXACT, false, API_OPENAI_FILES},
    {{"/v1/files", 9}, MATCH_UNDER, false, API_OPENAI_FILES},
    {{"/v1beta/cachedContents", 22}, MATCH_EXACT, true, API_GEMINI_CACHES},
    {{"/v1beta/cachedContents", 22}, MATCH_EXACT, false, API_GEMINI_CACHES},
    {{"/v1beta/cachedContents", 22}, MATCH_UNDER, false, API_GEMINI_CACHES},
    {{"/v1/models", 10}, MATCH_EXACT, false, API_OPENAI_MODELS},
    {{"/v1/models", 10}, MATCH_UNDER, false, API_OPENAI_MODELS},
    {{"/v1beta/models", 14}, MATCH_EXACT, false, API_GEMINI_MODELS},
    {{"/v1beta/models", 14}, MATCH_UNDER, false, API_GEMINI_MODELS},
    {{"/chat/completions", 17}, MATCH_ENDING, true, API_OPENAI_CHAT},
    {{"/responses", 10}, MATCH_ENDING, true, API_OPENAI_RESPONSES},
    {{"/responses/compact", 18}, MATCH_ENDING, true, API_OPENAI_RESPONSES},
    {{"/embeddings", 11}, MATCH_ENDING, true, API_OPENAI_EMBEDDINGS},
    {{"/completions", 12}, MATCH_ENDING, true, API_OPENAI_COMPLETIONS},
    {{"/v1/messages", 12}, MATCH_ENDING, true, API_ANTHROPIC_MESSAGES},
    {{"/v1/messages/count_tokens", 25}, MATCH_ENDING, true, API_ANTHROPIC_COUNT_TOKENS},
    {{"/models", 7}, MATCH_ENDING, false, API_OPENAI_MODELS},
};

/* What stands behind the colon of /v1beta/models/{model}:… */
static const struct gemini_method {
	slice name;
	enum api api;
	bool stream;
} gemini_methods[] = {
    {{"generateContent", 15}, API_GEMINI_GENERATE, false},
    {{"streamGenerateContent", 21}, API_GEMINI_GENERATE, true},
    {{"countTokens", 11}, API_GEMINI_COUNT_TOKENS, false},
    {{"embedContent", 12}, API_GEMINI_EMBED, false},
    {{"batchEmbedContents", 18}, API_GEMINI_EMBED, false},
};

static const slice gemini_prefixes[] = {{"/v1beta/models/", 15}, {"/v1/models/", 11}};

/* What stands behind the colon at Vertex beside those: bodies in the dialect of the model's publisher. */
static const struct raw_method {
	slice name;
	bool stream;
} raw_methods[] = {
    {{"rawPredict", 10}, false},
    {{"streamRawPredict", 16}, true},
};

/* What stands behind /model/{id}/ of Bedrock. */
static const struct bedrock_method {
	slice name;
	enum api api;
	bool stream;
} bedrock_methods[] = {
    {{"invoke", 6}, API_BEDROCK_INVOKE, false},
    {{"invoke-with-response-stream", 27}, API_BEDROCK_INVOKE, true},
    {{"converse", 8}, API_BEDROCK_CONVERSE, false},
    {{"converse-stream", 15}, API_BEDROCK_CONVERSE, true},
    {{"count-tokens", 12}, API_BEDROCK_COUNT_TOKENS, false},
};

/* What stands behind /openai/deployments/{name}, /openai/v1 or /openai of Azure. */
static const struct azure_path {
	slice rest;
	bool post; /* else GET and HEAD */
	enum api api;
} azure_paths[] = {
    {{"/chat/completions", 17}, true, API_OPENAI_CHAT},
    {{"/responses", 10}, true, API_OPENAI_RESPONSES},
    {{"/responses/compact", 18}, true, API_OPENAI_RESPONSES},
    {{"/embeddings", 11}, true, API_OPENAI_EMBEDDINGS},
    {{"/completions", 12}, true, API_OPENAI_COMPLETIONS},
    {{"/models", 7}, false, API_OPENAI_MODELS},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at p stands for; -1 when it is not of that form. */
static int encoded_byte(const char *p, const char *end)
{
	if (end - p < 3 || p[0] != '%')
		return -1;
	int high = hex(p[1]), low = hex(p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* A segment of dots only ("", ".", "..", "%2e."…) or one with an encoded slash, NUL or broken encoding could
 * be read by a provider as another path than the one matched here. */
static bool segment_is_sound(slice s)
{
	bool only_dots = true;
	for (const char *p = s.p, *end = s.p + s.n; p < end; p++) {
		int c = (unsigned char)*p;
		if (c == '%') {
			c = encoded_byte(p, end);
			p += 2;
			if (c < 0 || c == '/' || c == '\\')
				return false;
		}
		if (c <= ' ' || c == 0x7f || c == '\\')
			return false;
		only_dots = only_dots && c == '.';
	}
	return s.n > 0 && !only_dots;
}

static bool path_is_sound(slice path)
{
	slice part;
	if (path.n < 2 || path.p[0] != '/')
		return false;
	path = slice_sub(path, 1, path.n);
	while (slice_split(&path, '/', &part))
		if (!segment_is_sound(part))
			return false;
	return true;
}

static bool matches(const struct route *r, slice path, bool named)
{
	switch (r->matching) {
	case MATCH_EXACT:
		return slice_eq(path, r->pattern);
	case MATCH_UNDER:
		return path.n > r->pattern.n + 1 && slice_starts(path, r->pattern) &&
		       path.p[r->pattern.n] == '/';
	case MATCH_ENDING:
		return named && slice_ends(path, r->pattern);
	}
	return false;
}

/* The segment percent-decoded into the arena; p NULL without memory. It is sound (segment_is_sound). */
static slice decode(slice s, struct arena *mem)
{
	if (slice_find_char(s, '%') < 0)
		return s;
	char *out = arena_alloc(mem, s.n);
	if (!out)
		return SLICE_NONE;
	size_t n = 0;
	for (const char *p = s.p, *end = s.p + s.n; p < end; p++) {
		int c = encoded_byte(p, end);
		if (c >= 0)
			p += 2;
		out[n++] = c >= 0 ? (char)c : *p;
	}
	return slice_make(out, n);
}

/* raw: a range of the path. */
static void set_model(struct target *t, slice raw, struct arena *mem)
{
	t->model = decode(raw, mem);
	t->model_n = raw.n;
	t->model_behind = (size_t)(t->path.p + t->path.n - (raw.p + raw.n));
}

slice registry_path_with(const struct target *t, slice model, struct arena *mem)
{
	static const char hex[] = "0123456789ABCDEF";
	if (t->model_n == 0)
		return t->rest;
	size_t behind = t->rest.n - t->model_behind, n = behind - t->model_n;
	char *out = arena_alloc(mem, t->rest.n + 3 * model.n);
	if (out == NULL)
		return SLICE_NONE;
	memcpy(out, t->rest.p, n);
	for (size_t i = 0; i < model.n; i++) {
		unsigned char c = (unsigned char)model.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		             (c && strchr("-._~@", c));
		if (!plain) {
			out[n++] = '%';
			out[n++] = hex[c >> 4];
		}
		out[n++] = plain ? (char)c : hex[c & 15];
	}
	memcpy(out + n, t->rest.p + behind, t->model_behind);
	return slice_make(out, n + t->model_behind);
}

static bool is_get(slice method)
{
	return slice_eq(method, SLICE("GET")) || slice_eq(method, SLICE("HEAD"));
}

/* {model}:{method} of one of the Gemini methods; ROUTE_UNKNOWN when it is none. */
static enum route_result gemini_method_route(slice method, slice rest, struct arena *mem, struct target *t)
{
	ptrdiff_t colon = slice_find_char(rest, ':');
	if (colon <= 0 || slice_find_char(rest, '/') >= 0)
		return ROUTE_UNKNOWN;
	slice name = slice_sub(rest, (size_t)colon + 1, rest.n);
	for (size_t i = 0; i < COUNT(gemini_methods); i++) {
		if (!slice_eq(name, gemini_methods[i].name))
			continue;
		if (!slice_eq(method, SLICE("POST")))
			return ROUTE_BAD_METHOD;
		t->api = gemini_methods[i].api;
		t->stream = gemini_methods[i].stream;
		set_model(t, slice_sub(rest, 0, (size_t)colon), mem);
		return t->model.n ? ROUTE_OK : ROUTE_UNKNOWN;
	}
	return ROUTE_UNKNOWN;
}

/* /v1beta/models/{model}:generateContent and its like, under both prefixes, and behind /p/{provider} under
 * any; ROUTE_UNKNOWN when it is none. */
static enum route_result gemini_route(slice method, struct arena *mem, struct target *t)
{
	for (size_t i = 0; i < COUNT(gemini_prefixes); i++) {
		ptrdiff_t at = slice_find(t->rest, gemini_prefixes[i]);
		if (at == 0 || (at > 0 && t->provider.n))
			return gemini_method_route(
			    method, slice_sub(t->rest, (size_t)at + gemini_prefixes[i].n, t->rest.n), mem, t);
	}
	return ROUTE_UNKNOWN;
}

/* A model's id as it is meant: a name, or an ARN, whose slashes are encoded. Anything else in it could be
 * read by AWS as another path. */
static bool model_id_is_sound(slice id)
{
	slice rest = id, part;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && (c == '\0' || !strchr("._:/-", c)))
			return false;
	}
	if (slice_find_char(id, '/') >= 0 && !slice_starts(id, SLICE("arn:")))
		return false;
	while (slice_split(&rest, '/', &part))
		if (!segment_is_sound(part))
			return false;
	return id.n > 0;
}

static bool is_bedrock(slice path)
{
	return slice_starts(path, SLICE("/model/"));
}

/* /model/{id}/invoke and its like; the id is one raw segment. */
static enum route_result bedrock_route(slice method, struct arena *mem, struct target *t)
{
	slice rest = slice_sub(t->rest, 7, t->rest.n);
	ptrdiff_t slash = slice_find_char(rest, '/');
	if (slash <= 0)
		return ROUTE_UNKNOWN;
	slice name = slice_sub(rest, (size_t)slash + 1, rest.n), id = slice_sub(rest, 0, (size_t)slash);
	for (const char *p = id.p, *end = p + id.n; p < end; p++)
		if (*p == '%' && encoded_byte(p, end) < 0)
			return ROUTE_UNKNOWN;
	t->dialect = DIALECT_BEDROCK;
	for (size_t i = 0; i < COUNT(bedrock_methods); i++) {
		if (!slice_eq(name, bedrock_methods[i].name))
			continue;
		if (!slice_eq(method, SLICE("POST")))
			return ROUTE_BAD_METHOD;
		if (!model_id_is_sound(decode(id, mem)))
			return ROUTE_UNKNOWN;
		set_model(t, id, mem);
		t->api = bedrock_methods[i].api;
		t->stream = bedrock_methods[i].stream;
		return ROUTE_OK;
	}
	return ROUTE_UNKNOWN;
}

static bool wants_upgrade(const struct headers *h)
{
	return headers_get(h, SLICE("upgrade")).n > 0;
}

/* Azure's paths; ROUTE_UNKNOWN when it is none of those that are metered. */
static enum route_result azure_route(slice method, const struct headers *h, struct arena *mem,
                                     struct target *t)
{
	static const slice under = SLICE("/openai"), deployments = SLICE("/openai/deployments/"),
	                   v1 = SLICE("/openai/v1/");
	slice rest = slice_sub(t->rest, under.n, t->rest.n), name = SLICE_NONE;
	t->dialect = DIALECT_AZURE;
	if (slice_starts(t->rest, deployments)) {
		rest = slice_sub(t->rest, deployments.n, t->rest.n);
		ptrdiff_t slash = slice_find_char(rest, '/');
		if (slash <= 0)
			return ROUTE_UNKNOWN;
		name = slice_sub(rest, 0, (size_t)slash);
		rest = slice_sub(rest, (size_t)slash, rest.n);
	} else if (slice_starts(t->rest, v1)) {
		rest = slice_sub(t->rest, v1.n - 1, t->rest.n);
	}
	for (size_t i = 0; i < COUNT(azure_paths); i++) {
		const struct azure_path *a = &azure_paths[i];
		if (!slice_eq(rest, a->rest))
			continue;
		if (a->api == API_OPENAI_RESPONSES && slice_eq(method, SLICE("GET")) && wants_upgrade(h))
			return ROUTE_WEBSOCKET;
		if (a->post ? !slice_eq(method, SLICE("POST")) : !is_get(method))
			return ROUTE_BAD_METHOD;
		t->api = a->api;
		if (name.n)
			set_model(t, name, mem);
		return name.n && t->model.n == 0 ? ROUTE_UNKNOWN : ROUTE_OK;
	}
	return ROUTE_UNKNOWN;
}

/* --- Vertex ----------------------------------------------------------------------------------------------
 */

/* Takes one segment that must be `name` off a path that begins with a slash. */
static bool take_word(slice *path, slice name)
{
	if (path->n <= name.n || !slice_starts(slice_sub(*path, 1, path->n), name))
		return false;
	slice rest = slice_sub(*path, 1 + name.n, path->n);
	if (rest.n && rest.p[0] != '/')
		return false;
	*path = rest;
	return true;
}

static slice take_segment(slice *path)
{
	slice rest = slice_sub(*path, 1, path->n);
	ptrdiff_t slash = slice_find_char(rest, '/');
	slice segment = slash < 0 ? rest : slice_sub(rest, 0, (size_t)slash);
	*path = slash < 0 ? SLICE_NONE : slice_sub(rest, (size_t)slash, rest.n);
	return segment;
}

/* A model of another publisher than Google: Anthropic's Messages, else chat completions (Mistral, AI21). Of
 * Anthropic, the model count-tokens counts for the one that the body names. */
static enum route_result raw_route(slice method, slice publisher, slice rest, struct arena *mem,
                                   struct target *t)
{
	bool anthropic = slice_eq(publisher, SLICE("anthropic"));
	ptrdiff_t colon = slice_find_char(rest, ':');
	if (colon <= 0 || slice_find_char(rest, '/') >= 0)
		return ROUTE_UNKNOWN;
	slice name = slice_sub(rest, (size_t)colon + 1, rest.n), model = slice_sub(rest, 0, (size_t)colon);
	for (size_t i = 0; i < COUNT(raw_methods); i++) {
		if (!slice_eq(name, raw_methods[i].name))
			continue;
		if (!slice_eq(method, SLICE("POST")))
			return ROUTE_BAD_METHOD;
		bool counts = anthropic && slice_eq(model, SLICE("count-tokens"));
		t->api = counts      ? API_ANTHROPIC_COUNT_TOKENS
		         : anthropic ? API_ANTHROPIC_MESSAGES
		                     : API_OPENAI_CHAT;
		t->stream = raw_methods[i].stream;
		if (!counts)
			set_model(t, model, mem);
		return counts || t->model.n ? ROUTE_OK : ROUTE_UNKNOWN;
	}
	return ROUTE_UNKNOWN;
}

/* [/v1|/v1beta1]/projects/{p}/locations/{l}/publishers/{publisher}/models/{model}:{method}, the same without
 * project and location (express mode), and /projects/{p}/locations/{l}/endpoints/openapi/chat/completions.
 * *vertex: the path is Vertex's, metered or not. */
static enum route_result vertex_route(slice method, struct arena *mem, struct target *t, bool *vertex)
{
	slice path = t->rest, location = SLICE_NONE;
	bool versioned = take_word(&path, SLICE("v1")) || take_word(&path, SLICE("v1beta1"));
	if (take_word(&path, SLICE("projects"))) {
		take_segment(&path);
		if (!take_word(&path, SLICE("locations")))
			return ROUTE_UNKNOWN;
		location = take_segment(&path);
	} else if (!versioned || !slice_starts(path, SLICE("/publishers/"))) {
		return ROUTE_UNKNOWN;
	}
	*vertex = true;
	t->dialect = DIALECT_VERTEX;
	t->region =
	    location.n == 0 || slice_eq(location, SLICE("global")) ? SLICE("global") : SLICE("regional");
	if (!versioned) { /* a client whose base URL ends before the version */
		t->rest = arena_printf(mem, "/v1" SLICE_FMT, SLICE_ARG(t->rest));
		if (t->rest.n == 0)
			return ROUTE_UNKNOWN;
	}
	if (slice_eq(path, SLICE("/endpoints/openapi/chat/completions"))) {
		t->api = API_OPENAI_CHAT;
		return slice_eq(method, SLICE("POST")) ? ROUTE_OK : ROUTE_BAD_METHOD;
	}
	if (!take_word(&path, SLICE("publishers")))
		return ROUTE_UNKNOWN;
	slice publisher = take_segment(&path);
	if (!take_word(&path, SLICE("models")) || path.n < 2)
		return ROUTE_UNKNOWN;
	path = slice_sub(path, 1, path.n);
	enum route_result r = gemini_method_route(method, path, mem, t);
	return r == ROUTE_UNKNOWN ? raw_route(method, publisher, path, mem, t) : r;
}

/* Batches, files and caches can be deleted, caches changed. */
static bool deletes(const struct route *r, slice method)
{
	if (r->matching == MATCH_UNDER && r->api == API_GEMINI_CACHES)
		return slice_eq(method, SLICE("DELETE")) || slice_eq(method, SLICE("PATCH"));
	return r->matching == MATCH_UNDER && slice_eq(method, SLICE("DELETE")) &&
	       (r->api == API_ANTHROPIC_BATCH || r->api == API_OPENAI_BATCH || r->api == API_OPENAI_FILES);
}

/* The table; ROUTE_UNKNOWN when no row fits. */
static enum route_result table_route(slice method, const struct headers *h, struct target *t)
{
	bool known = false;
	for (size_t i = 0; i < COUNT(routes); i++) {
		const struct route *r = &routes[i];
		if (!matches(r, t->rest, t->provider.n > 0))
			continue;
		/* what is done with one of models/{model} is another kind of path than reading it */
		known = known || r->matching != MATCH_UNDER;
		if (r->post ? !slice_eq(method, SLICE("POST")) : !is_get(method) && !deletes(r, method))
			continue;
		t->api = r->api;
		if (r->api == API_OPENAI_MODELS && headers_get(h, SLICE("anthropic-version")).n)
			t->api = API_ANTHROPIC_MODELS;
		return ROUTE_OK;
	}
	if (known && slice_ends(t->rest, SLICE("/responses")) && slice_eq(method, SLICE("GET")) &&
	    wants_upgrade(h))
		return ROUTE_WEBSOCKET;
	return known ? ROUTE_BAD_METHOD : ROUTE_UNKNOWN;
}

/* Takes /p/{provider} off the path; false when it is malformed. */
static bool take_provider(struct target *t)
{
	t->rest = t->path;
	if (!slice_starts(t->path, SLICE("/p/")))
		return true;
	slice after = slice_sub(t->path, 3, t->path.n);
	ptrdiff_t slash = slice_find_char(after, '/');
	if (slash <= 0 || slice_find_char(slice_sub(after, 0, (size_t)slash), '%') >= 0)
		return false;
	t->provider = slice_sub(after, 0, (size_t)slash);
	if (!segment_is_sound(t->provider))
		return false;
	t->rest = slice_sub(after, (size_t)slash, after.n);
	return true;
}

enum route_result registry_route(slice method, slice target, const struct headers *h, struct arena *mem,
                                 struct target *out)
{
	*out = (struct target){.api = API_UNMETERED, .path = target};
	ptrdiff_t question = slice_find_char(target, '?');
	if (question >= 0) {
		out->path = slice_sub(target, 0, (size_t)question);
		out->query = slice_sub(target, (size_t)question + 1, target.n);
	}
	if (slice_eq(out->path, SLICE("/api/hello")))
		return is_get(method) ? ROUTE_LOCAL_HELLO : ROUTE_BAD_METHOD;
	if (!take_provider(out))
		return ROUTE_UNKNOWN;
	if (is_bedrock(out->rest)) {
		enum route_result b = bedrock_route(method, mem, out);
		if (b != ROUTE_UNKNOWN || !out->provider.n)
			return b;
	}
	if (!path_is_sound(out->path))
		return ROUTE_UNKNOWN;
	enum route_result r = ROUTE_UNKNOWN;
	bool azure = slice_starts(out->rest, SLICE("/openai/")), vertex = false;
	if (azure)
		r = azure_route(method, h, mem, out);
	if (r == ROUTE_UNKNOWN)
		r = vertex_route(method, mem, out, &vertex);
	if (r == ROUTE_UNKNOWN && !vertex)
		r = gemini_route(method, mem, out);
	if (r == ROUTE_UNKNOWN && !vertex)
		r = table_route(method, h, out);
	if (out->dialect == DIALECT_NONE)
		out->dialect = api_dialect(out->api);
	if (r == ROUTE_UNKNOWN &&
	    (out->provider.n || azure || vertex || slice_starts(out->path, SLICE("/v1/")) ||
	     slice_starts(out->path, SLICE("/v1beta/"))))
		return ROUTE_OK;
	return r;
}

const struct codec_ops *registry_codec(enum api a)
{
	static const struct codec_ops *const codecs[API_N] = {
	    [API_ANTHROPIC_MESSAGES] = &codec_anthropic,
	    [API_ANTHROPIC_COUNT_TOKENS] = &codec_anthropic_count,
	    [API_ANTHROPIC_BATCH] = &codec_anthropic_batch,
	    [API_OPENAI_BATCH] = &codec_openai_batch,
	    [API_OPENAI_FILES] = &codec_openai_batch,
	    [API_ANTHROPIC_MODELS] = &codec_anthropic_models,
	    [API_OPENAI_CHAT] = &codec_openai_chat,
	    [API_OPENAI_RESPONSES] = &codec_openai_responses,
	    [API_OPENAI_EMBEDDINGS] = &codec_openai_embeddings,
	    [API_OPENAI_MODELS] = &codec_openai_models,
	    [API_GEMINI_GENERATE] = &codec_gemini,
	    [API_GEMINI_COUNT_TOKENS] = &codec_gemini_count,
	    [API_GEMINI_MODELS] = &codec_gemini_models,
	    [API_BEDROCK_INVOKE] = &codec_bedrock_invoke,
	    [API_BEDROCK_CONVERSE] = &codec_bedrock_converse,
	    [API_BEDROCK_COUNT_TOKENS] = &codec_bedrock_count,
	    [API_OPENAI_COMPLETIONS] = &codec_openai_completions,
	    [API_GEMINI_EMBED] = &codec_gemini_embed,
	    [API_GEMINI_CACHES] = &codec_gemini_caches,
	    [API_GEMINI_INTERACTIONS] = &codec_gemini_interactions,
	    [API_COHERE_CHAT] = &codec_cohere,
	    [API_COHERE_EMBED] = &codec_cohere,
	    [API_COHERE_MODELS] = &codec_cohere_models,
	    [API_OLLAMA_CHAT] = &codec_ollama,
	    [API_OLLAMA_GENERATE] = &codec_ollama,
	    [API_OLLAMA_EMBED] = &codec_ollama,
	    [API_OLLAMA_MODELS] = &codec_ollama_models,
	};
	return a < API_N ? codecs[a] : NULL;
}

struct items {
	const struct codec_ops *codec;
	const struct request_view *v;
	body_item_fn *on_item;
	void *arg;
};

static int on_span(void *arg, const struct body_span *s)
{
	struct items *i = arg;
	return i->codec->items(i->v, s, i->on_item, i->arg);
}

int registry_items(const struct request_view *v, body_item_fn *on_item, void *arg)
{
	struct items i = {registry_codec(v->api), v, on_item, arg};
	return i.codec && i.codec->items ? body_spans(v, on_span, &i) : 0;
}

const struct codec_ops *registry_refuser(slice target, const struct headers *h)
{
	if (is_bedrock(target) ||
	    (slice_starts(target, SLICE("/p/")) && slice_find(target, SLICE("/model/")) > 0))
		return &codec_bedrock_converse;
	if (slice_find(target, SLICE("/v1beta/")) >= 0 ||
	    slice_find(target, SLICE(":generateContent")) >= 0 ||
	    slice_find(target, SLICE(":streamGenerateContent")) >= 0 ||
	    headers_get(h, SLICE("x-goog-api-key")).n)
		return &codec_gemini;
	if (slice_find(target, SLICE("/v1/messages")) >= 0 ||
	    slice_find(target, SLICE("/publishers/anthropic/")) >= 0 ||
	    headers_get(h, SLICE("anthropic-version")).n)
		return &codec_anthropic;
	return &codec_openai_chat;
}
