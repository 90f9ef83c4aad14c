#include "gateway/batch_text.h"

#include "model/wire.h"

/* --- requests --------------------------------------------------------------------------------- */

enum { Q_REQUESTS, Q_PARAMS, Q_URL, Q_BODY, Q_MODEL };

struct items {
	batch_item_fn *on_item;
	void *arg;
	struct error *e;
	int rc;
	bool any;
};

static void read_body(struct json *j, int id, void *arg)
{
	(void)id;
	struct batch_item *item = arg;
	if (json_peek(j) == JSON_OBJECT)
		json_skip(j, &item->body);
	else
		json_skip(j, NULL);
}

static void read_request(struct json *j, int index, void *arg)
{
	static const struct wire_word fields[] = {WIRE_WORD("params", Q_PARAMS)};
	struct items *all = arg;
	struct batch_item item = {.api = API_ANTHROPIC_MESSAGES};
	(void)index;
	all->any = true;
	wire_object(j, WIRE_WORDS(fields), read_body, &item);
	if (all->rc == 0 && j->error == NULL)
		all->rc = all->on_item(all->arg, &item, all->e);
}

static void read_requests(struct json *j, int id, void *arg)
{
	(void)id;
	wire_array(j, read_request, arg);
}

int batch_items(slice body, batch_item_fn *on_item, void *arg, struct error *e)
{
	static const struct wire_word fields[] = {WIRE_WORD("requests", Q_REQUESTS)};
	struct items all = {.on_item = on_item, .arg = arg, .e = e};
	struct json j;
	json_init(&j, body);
	wire_object_once(&j, WIRE_WORDS(fields), read_requests, &all);
	if (!json_end(&j)) {
		int rc =
		    error_set(e, ERR_INVALID, "%s", j.error ? j.error : "something stands behind the JSON");
		if (e)
			e->offset = j.error_at;
		return rc;
	}
	if (!all.any)
		return error_set(e, ERR_INVALID, "a batch needs \"requests\", a list of at least one");
	return all.rc;
}

/* What a line's url is of. */
static enum api url_api(slice url)
{
	static const struct {
		slice end;
		enum api api;
	} ends[] = {
	    {{"/chat/completions", 17}, API_OPENAI_CHAT},
	    {{"/responses", 10}, API_OPENAI_RESPONSES},
	    {{"/embeddings", 11}, API_OPENAI_EMBEDDINGS},
	    {{"/completions", 12}, API_OPENAI_COMPLETIONS},
	};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (slice_ends(url, ends[i].end))
			return ends[i].api;
	return API_UNMETERED;
}

static void read_line_field(struct json *j, int id, void *arg)
{
	struct batch_item *item = arg;
	struct name url = {0};
	if (id == Q_BODY) {
		read_body(j, id, arg);
	} else {
		wire_name(j, &url);
		item->api = url_api(name_get(&url));
	}
}

int batch_item_line(slice line, batch_item_fn *on_item, void *arg, struct error *e)
{
	static const struct wire_word fields[] = {WIRE_WORD("url", Q_URL), WIRE_WORD("body", Q_BODY)};
	struct batch_item item = {.api = API_UNMETERED};
	struct json j;
	json_init(&j, line);
	wire_object_once(&j, WIRE_WORDS(fields), read_line_field, &item);
	if (!json_end(&j))
		return error_set(e, ERR_INVALID, "a line is no JSON object: %s", j.error ? j.error : "");
	return on_item(arg, &item, e);
}

struct model_reading {
	struct arena *mem;
	slice model;
};

static void read_model(struct json *j, int id, void *arg)
{
	struct model_reading *r = arg;
	(void)id;
	wire_text(j, r->mem, &r->model);
}

slice batch_model(slice body, struct arena *mem)
{
	static const struct wire_word fields[] = {WIRE_WORD("model", Q_MODEL)};
	struct model_reading r = {.mem = mem};
	struct json j;
	json_init(&j, body);
	wire_object(&j, WIRE_WORDS(fields), read_model, &r);
	return j.error ? SLICE_NONE : r.model;
}

/* --- a batch's state -------------------------------------------------------------------------- */

enum { S_ID, S_STATUS, S_RESULTS, S_ERRORS, S_INPUT };

static void read_status_field(struct json *j, int id, void *arg)
{
	struct batch_status *s = arg;
	struct name *const names[] = {&s->id, &s->status, &s->results, &s->errors, &s->input};
	wire_name(j, names[id]);
}

void batch_read_status(slice body, struct batch_status *out)
{
	static const struct wire_word fields[] = {
	    WIRE_WORD("id", S_ID),
	    WIRE_WORD("processing_status", S_STATUS),
	    WIRE_WORD("status", S_STATUS),
	    WIRE_WORD("output_file_id", S_RESULTS),
	    WIRE_WORD("error_file_id", S_ERRORS),
	    WIRE_WORD("input_file_id", S_INPUT),
	};
	struct json j;
	*out = (struct batch_status){0};
	json_init(&j, body);
	wire_object(&j, WIRE_WORDS(fields), read_status_field, out);
}

bool batch_has_ended(const struct batch_status *s)
{
	static const slice ends[] = {SLICE("ended"), SLICE("completed"), SLICE("failed"), SLICE("expired"),
	                             SLICE("cancelled")};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (slice_eq(name_get(&s->status), ends[i]))
			return true;
	return false;
}

/* --- a line of results ------------------------------------------------------------------------ */

enum { R_CUSTOM, R_RESULT, R_RESPONSE, R_ERROR, R_TYPE, R_MESSAGE, R_STATUS, R_BODY, R_CODE, R_OBJECT };

struct result_reading {
	struct arena *mem;
	struct batch_result *out;
	bool told; /* it has a result, a response or an error */
};

static void read_error_name(struct json *j, int id, void *arg)
{
	struct result_reading *r = arg;
	(void)id;
	wire_name(j, &r->out->error);
}

/* {"code"}, {"type"}, or one of them within an "error" of its own. */
static void read_error(struct json *j, int id, void *arg)
{
	static const struct wire_word inner[] = {WIRE_WORD("type", R_TYPE), WIRE_WORD("code", R_CODE)};
	if (id == R_ERROR)
		wire_object(j, WIRE_WORDS(inner), read_error_name, arg);
	else
		read_error_name(j, id, arg);
}

static const struct wire_word error_fields[] = {WIRE_WORD("error", R_ERROR), WIRE_WORD("code", R_CODE),
                                                WIRE_WORD("type", R_TYPE)};

static void read_result_field(struct json *j, int id, void *arg)
{
	struct result_reading *r = arg;
	switch (id) {
	case R_TYPE:
		wire_name(j, &r->out->type);
		break;
	case R_STATUS:
		wire_count(j, &r->out->status);
		break;
	case R_ERROR:
		wire_object(j, WIRE_WORDS(error_fields), read_error, r);
		break;
	default: /* message, body */
		if (json_peek(j) == JSON_OBJECT)
			json_skip(j, &r->out->body);
		else
			json_skip(j, NULL);
	}
}

static void read_result_line(struct json *j, int id, void *arg)
{
	static const struct wire_word result[] = {WIRE_WORD("type", R_TYPE), WIRE_WORD("message", R_MESSAGE),
	                                          WIRE_WORD("error", R_ERROR)};
	static const struct wire_word response[] = {WIRE_WORD("status_code", R_STATUS),
	                                            WIRE_WORD("body", R_BODY)};
	struct result_reading *r = arg;
	if (id == R_CUSTOM) {
		wire_text(j, r->mem, &r->out->custom_id);
		return;
	}
	r->told = r->told || json_peek(j) == JSON_OBJECT;
	if (id == R_RESULT)
		wire_object(j, WIRE_WORDS(result), read_result_field, r);
	else if (id == R_RESPONSE)
		wire_object(j, WIRE_WORDS(response), read_result_field, r);
	else
		wire_object(j, WIRE_WORDS(error_fields), read_error, r);
}

static void read_object(struct json *j, int id, void *arg)
{
	(void)id;
	wire_name(j, arg);
}

bool batch_read_result(slice line, struct arena *mem, struct batch_result *out)
{
	static const struct wire_word fields[] = {
	    WIRE_WORD("custom_id", R_CUSTOM), WIRE_WORD("result", R_RESULT),
	    WIRE_WORD("response", R_RESPONSE), WIRE_WORD("error", R_ERROR)};
	static const struct wire_word object[] = {WIRE_WORD("object", R_OBJECT)};
	struct result_reading r = {.mem = mem, .out = out};
	struct json j;
	*out = (struct batch_result){.status = RECORD_ABSENT};
	json_init(&j, line);
	wire_object(&j, WIRE_WORDS(fields), read_result_line, &r);
	if (!json_end(&j) || out->custom_id.n == 0 || !r.told)
		return false;
	if (out->body.n) {
		json_init(&j, out->body);
		wire_object(&j, WIRE_WORDS(object), read_object, &out->object);
	}
	return true;
}
