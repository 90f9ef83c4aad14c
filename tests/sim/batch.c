#include "batch.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "books.h"
#include "route.h"

#define KEPT     512
#define ENDS_MS  300 /* after a batch came; `x-sim: delay_ms=` says otherwise */
#define ID_BYTES 48

struct file {
	char id[ID_BYTES];
	struct buf text;
};

struct batch {
	char id[ID_BYTES], input[ID_BYTES], output[ID_BYTES], errors[ID_BYTES];
	bool anthropic, gone;
	int64_t made_ms, ends_ms, good, bad;
};

static struct {
	pthread_mutex_t lock;
	struct file files[KEPT * 3];
	struct batch batches[KEPT];
	size_t files_n, batches_n;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct file *file_new(const char *prefix)
{
	struct file *f = &kept.files[kept.files_n++ % (KEPT * 3)];

	buf_free(&f->text);
	*f = (struct file){0};
	snprintf(f->id, sizeof f->id, "%s_%llx_%zu", prefix,
	         (unsigned long long)mix64((uint64_t)wall_ms() + kept.files_n), kept.files_n);
	return f;
}

static struct file *file_of(struct str id)
{
	for (size_t i = 0; i < KEPT * 3; i++)
		if (kept.files[i].id[0] && str_eq(id, kept.files[i].id))
			return &kept.files[i];
	return NULL;
}

static struct batch *batch_of(struct str id)
{
	for (size_t i = 0; i < KEPT; i++)
		if (kept.batches[i].id[0] && !kept.batches[i].gone && str_eq(id, kept.batches[i].id))
			return &kept.batches[i];
	return NULL;
}

/* --- running ---------------------------------------------------------------------------------- */

static const struct dialect *dialect_of(struct str url, enum api *api)
{
	if (str_has(url, "/chat/completions")) {
		*api = API_CHAT;
		return &dialect_chat;
	}
	*api = str_has(url, "/embeddings") ? API_EMBEDDINGS : API_RESPONSES;
	return *api == API_EMBEDDINGS ? &dialect_embeddings : &dialect_responses;
}

/* Runs one request and books it; its answer goes to out. */
static bool run(const struct options *o, enum api api, const struct dialect *d, const char *id,
                const cJSON *request, struct buf *out)
{
	struct call c = {.api = api, .dialect = d, .status = 200};
	char *text = cJSON_PrintUnformatted(request);
	bool good;

	c.d = o->defaults;
	c.started_ms = c.epoch_ms = wall_ms();
	c.reported = usage_none();
	c.scope = hash_bytes(7, id, strlen(id));
	str_copy(c.tag, sizeof c.tag, str_of(id));
	good = ask_read(&c, text, strlen(text));
	if (good) {
		plan_make(&c);
		usage_whole(&c);
		d->body(&c, out);
		c.ask.stream = false;
		c.api = api == API_ANTHROPIC ? API_ANTHROPIC_BATCH : API_OPENAI_BATCH;
		books_start(&c);
		books_end(&c, FINISH_COMPLETE);
	}
	plan_free(&c.plan);
	ask_free(&c.ask);
	free(text);
	return good;
}

static void run_anthropic(const struct options *o, struct batch *b, const cJSON *item, struct buf *out)
{
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "custom_id"));
	struct buf body = {0};
	bool fails, expires;

	if (!id)
		return;
	fails = strncmp(id, "fail-", 5) == 0;
	expires = strncmp(id, "expire-", 7) == 0;
	if (!fails && !expires)
		fails = !run(o, API_ANTHROPIC, &dialect_anthropic, id,
		             cJSON_GetObjectItemCaseSensitive(item, "params"), &body);
	BUF_LIT(out, "{\"custom_id\":");
	buf_json(out, str_of(id));
	if (expires)
		BUF_LIT(out, ",\"result\":{\"type\":\"expired\"}}\n");
	else if (fails)
		BUF_LIT(out,
		        ",\"result\":{\"type\":\"errored\",\"error\":{\"type\":\"error\",\"error\":{\"type\":"
		        "\"invalid_request_error\",\"message\":\"not understood\"}}}}\n");
	else
		buf_fmt(out, ",\"result\":{\"type\":\"succeeded\",\"message\":%.*s}}\n", (int)body.len,
		        body.p);
	*(fails || expires ? &b->bad : &b->good) += 1;
	buf_free(&body);
}

/* The answers are printed over several lines; a line of the file is one line. */
static void add_one_line(struct buf *out, const struct buf *json)
{
	for (size_t i = 0; i < json->len; i++)
		if (json->p[i] != '\n')
			buf_add(out, &json->p[i], 1);
}

static void run_openai(const struct options *o, struct batch *b, const cJSON *item, struct buf *out,
                       struct buf *errors)
{
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "custom_id"));
	enum api api;
	const struct dialect *d = dialect_of(json_str(item, "url"), &api);
	struct buf body = {0};

	if (!id)
		return;
	if (strncmp(id, "fail-", 5) != 0 &&
	    run(o, api, d, id, cJSON_GetObjectItemCaseSensitive(item, "body"), &body)) {
		BUF_LIT(out, "{\"id\":\"batch_req_1\",\"custom_id\":");
		buf_json(out, str_of(id));
		BUF_LIT(out, ",\"response\":{\"status_code\":200,\"request_id\":\"r\",\"body\":");
		add_one_line(out, &body);
		BUF_LIT(out, "},\"error\":null}\n");
		b->good++;
	} else {
		BUF_LIT(errors, "{\"id\":\"batch_req_1\",\"custom_id\":");
		buf_json(errors, str_of(id));
		BUF_LIT(errors, ",\"response\":{\"status_code\":400,\"request_id\":\"r\",\"body\":{\"error\":"
		                "{\"message\":"
		                "\"not understood\",\"type\":\"invalid_request_error\"}}},\"error\":null}\n");
		b->bad++;
	}
	buf_free(&body);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void not_found(struct conn *c)
{
	answer_with(c, 404, "application/json", "",
	            STR("{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"no such "
	                "batch\"}}"));
}

static void answer_buf(struct conn *c, struct buf *b, const char *type)
{
	answer_with(c, 200, type, "request-id: req_batch\r\n", (struct str){b->p, b->len});
	buf_free(b);
}

static void answer_batch(struct conn *c, const struct batch *b)
{
	bool ended = wall_ms() >= b->ends_ms;
	struct buf out = {0};

	if (b->anthropic)
		buf_fmt(
		    &out,
		    "{\"id\":\"%s\",\"type\":\"message_batch\",\"processing_status\":\"%s\",\"request_"
		    "counts\":{"
		    "\"processing\":%lld,\"succeeded\":%lld,\"errored\":%lld,\"canceled\":0,\"expired\":0},"
		    "\"ended_at\":null,\"created_at\":\"2026-11-24T00:00:00Z\",\"expires_at\":"
		    "\"2026-11-25T00:00:00Z\",\"archived_at\":null,\"cancel_initiated_at\":null,\"results_"
		    "url\":%s%s%s}",
		    b->id, ended ? "ended" : "in_progress", ended ? 0LL : (long long)(b->good + b->bad),
		    ended ? (long long)b->good : 0LL, ended ? (long long)b->bad : 0LL,
		    ended ? "\"http://provider/v1/messages/batches/" : "null", ended ? b->id : "",
		    ended ? "/results\"" : "");
	else
		buf_fmt(
		    &out,
		    "{\"id\":\"%s\",\"object\":\"batch\",\"endpoint\":\"/v1/chat/"
		    "completions\",\"errors\":null,"
		    "\"input_file_id\":\"%s\",\"completion_window\":\"24h\",\"status\":\"%s\",\"output_file_"
		    "id\":%s%s%s,"
		    "\"error_file_id\":%s%s%s,\"created_at\":1764000000,\"request_counts\":{\"total\":%lld,"
		    "\"completed\":%lld,\"failed\":%lld},\"metadata\":null}",
		    b->id, b->input, ended ? "completed" : "in_progress", ended && b->good ? "\"" : "null",
		    ended && b->good ? b->output : "", ended && b->good ? "\"" : "",
		    ended && b->bad ? "\"" : "null", ended && b->bad ? b->errors : "",
		    ended && b->bad ? "\"" : "", (long long)(b->good + b->bad), (long long)b->good,
		    (long long)b->bad);
	answer_buf(c, &out, "application/json");
}

static struct batch *batch_new(struct conn *c, const char *prefix)
{
	struct batch *b = &kept.batches[kept.batches_n++ % KEPT];
	struct directives d;
	struct str sim = http_header(&c->req, "x-sim"), bad;

	directives_init(&d);
	if (sim.p)
		directives_parse(&d, sim, &bad);
	*b = (struct batch){.made_ms = wall_ms()};
	b->ends_ms = b->made_ms + (d.delay_ms > 0 ? d.delay_ms : ENDS_MS);
	snprintf(b->id, sizeof b->id, "%s_%llx%zu", prefix,
	         (unsigned long long)mix64((uint64_t)b->made_ms + kept.batches_n), kept.batches_n);
	return b;
}

static void create_anthropic(struct conn *c, const cJSON *root)
{
	const cJSON *item;
	struct batch *b = batch_new(c, "msgbatch");
	struct file *results = file_new("results");

	b->anthropic = true;
	memcpy(b->output, results->id, sizeof b->output);
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "requests"))
	    run_anthropic(conn_options(c), b, item, &results->text);
	answer_batch(c, b);
}

static void create_openai(struct conn *c, const cJSON *root)
{
	struct str id = json_str(root, "input_file_id");
	struct file *input = file_of(id), *output, *errors;
	struct batch *b;
	struct str rest, line;

	if (!input) {
		not_found(c);
		return;
	}
	b = batch_new(c, "batch");
	output = file_new("file-out");
	errors = file_new("file-err");
	str_copy(b->input, sizeof b->input, id);
	memcpy(b->output, output->id, sizeof b->output);
	memcpy(b->errors, errors->id, sizeof b->errors);
	rest = (struct str){input->text.p, input->text.len};
	while (rest.n) {
		cJSON *item;

		line = str_cut(&rest, '\n');
		item = cJSON_ParseWithLength(line.p, line.n);
		if (item)
			run_openai(conn_options(c), b, item, &output->text, &errors->text);
		cJSON_Delete(item);
	}
	answer_batch(c, b);
}

/* The part of the form that is called `file`. */
static void upload(struct conn *c)
{
	struct file *f = file_new("file-in");
	struct str type = http_header(&c->req, "content-type");
	const char *mark = memmem(type.p, type.n, "boundary=", 9);
	const char *end = c->body.p + c->body.len, *at, *stop;
	char boundary[100] = "\r\n--";
	struct buf out = {0};

	if (mark)
		str_copy(boundary + 4, sizeof boundary - 4,
		         (struct str){mark + 9, (size_t)(type.p + type.n - mark - 9)});
	at = memmem(c->body.p, c->body.len, "name=\"file\"", 11);
	at = at ? memmem(at, (size_t)(end - at), "\r\n\r\n", 4) : NULL;
	stop = at ? memmem(at + 4, (size_t)(end - at - 4), boundary, strlen(boundary)) : NULL;
	if (!mark || !stop) {
		answer_with(c, 400, "application/json", "", STR("{\"error\":{\"message\":\"no file\"}}"));
		return;
	}
	buf_add(&f->text, at + 4, (size_t)(stop - at - 4));
	buf_fmt(&out,
	        "{\"id\":\"%s\",\"object\":\"file\",\"bytes\":%zu,\"created_at\":1764000000,\"filename\":"
	        "\"in.jsonl\","
	        "\"purpose\":\"batch\",\"status\":\"processed\"}",
	        f->id, f->text.len);
	answer_buf(c, &out, "application/json");
}

static void answer_file(struct conn *c, const struct file *f)
{
	if (f)
		answer_with(c, 200, "application/octet-stream", "", (struct str){f->text.p, f->text.len});
	else
		not_found(c);
}

static void route_one(struct conn *c, struct str id, struct str action)
{
	struct batch *b = batch_of(id);

	if (!b) {
		not_found(c);
	} else if (str_eq(action, "results")) {
		if (wall_ms() < b->ends_ms)
			not_found(c);
		else
			answer_file(c, file_of(str_of(b->output)));
	} else if (str_eq(c->req.method, "DELETE")) {
		struct buf out = {0};

		b->gone = true;
		buf_fmt(&out, "{\"id\":\"%s\",\"type\":\"message_batch_deleted\"}", b->id);
		answer_buf(c, &out, "application/json");
	} else {
		answer_batch(c, b);
	}
}

static void route(struct conn *c, struct str path, size_t prefix)
{
	struct str action = {path.p + prefix, path.n - prefix}, id;
	bool post = str_eq(c->req.method, "POST");
	cJSON *root = post ? cJSON_ParseWithLength(c->body.p, c->body.len) : NULL;

	if (action.n)
		action = (struct str){action.p + 1, action.n - 1};
	id = str_cut(&action, '/');
	if (str_starts(path, "/v1/files") && id.n)
		answer_file(c, file_of(id));
	else if (str_starts(path, "/v1/files") && post)
		upload(c);
	else if (id.n)
		route_one(c, id, action);
	else if (!post || !root)
		not_found(c);
	else if (str_starts(path, "/v1/messages"))
		create_anthropic(c, root);
	else
		create_openai(c, root);
	cJSON_Delete(root);
}

bool batch_route(struct conn *c, struct str path)
{
	static const char *const prefixes[] = {"/v1/messages/batches", "/v1/batches", "/v1/files"};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (str_starts(path, prefixes[i])) {
			pthread_mutex_lock(&kept.lock);
			route(c, path, strlen(prefixes[i]));
			pthread_mutex_unlock(&kept.lock);
			return true;
		}
	return false;
}
