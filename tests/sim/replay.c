#include "replay.h"

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"

static struct {
	bool on;
	struct pair *pairs;
	size_t n, cap;
} tape;

bool replay_on(void)
{
	return tape.on;
}

static uint64_t request_hash(struct str method, struct str path, struct str body)
{
	uint64_t h = hash_bytes(21, method.p, method.n);

	return hash_bytes(hash_bytes(h, path.p, path.n), body.p, body.n);
}

/* The path of a URL, without its query. */
static struct str path_of(struct str url)
{
	const char *at = url.n ? memmem(url.p, url.n, "://", 3) : NULL;

	if (at) {
		const char *slash = memchr(at + 3, '/', (size_t)(url.p + url.n - at) - 3);

		if (!slash)
			return STR("/");
		url = (struct str){slash, (size_t)(url.p + url.n - slash)};
	}
	return str_cut(&url, '?');
}

static void add_headers(struct pair *p, const cJSON *headers, bool stream)
{
	static const char *const skipped[] = {"content-length", "transfer-encoding", "content-encoding",
	                                      "connection", "keep-alive"};
	const cJSON *h;
	bool typed = false;

	cJSON_ArrayForEach(h, headers)
	{
		bool skip = !cJSON_IsString(h);

		for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
			skip = skip || str_eq_nocase(str_of(h->string), skipped[i]);
		if (skip)
			continue;
		typed = typed || str_eq_nocase(str_of(h->string), "content-type");
		buf_fmt(&p->headers, "%s: %s\r\n", h->string, h->valuestring);
	}
	if (!typed)
		buf_z(&p->headers, stream ? "content-type: text/event-stream; charset=utf-8\r\n"
		                          : "content-type: application/json\r\n");
}

static void add_body(struct buf *out, const cJSON *side)
{
	struct str text = json_str(side, "body"), b64 = json_str(side, "body_b64");
	size_t pad = 0;

	if (!b64.p) {
		buf_add(out, text.p, text.n);
		return;
	}
	buf_need(out, b64.n);
	out->len = (size_t)EVP_DecodeBlock((unsigned char *)out->p, (const unsigned char *)b64.p, (int)b64.n);
	while (pad < 2 && pad < b64.n && b64.p[b64.n - 1 - pad] == '=')
		pad++;
	out->len -= pad;
}

static void add_pair(const cJSON *line)
{
	const cJSON *request = cJSON_GetObjectItemCaseSensitive(line, "request");
	const cJSON *response = cJSON_GetObjectItemCaseSensitive(line, "response");
	struct buf asked = {0};
	struct pair *p;

	if (tape.n == tape.cap) {
		tape.cap = tape.cap ? tape.cap * 2 : 256;
		tape.pairs = realloc(tape.pairs, tape.cap * sizeof *tape.pairs);
		if (!tape.pairs)
			sim_die("out of memory");
	}
	p = &tape.pairs[tape.n++];
	*p = (struct pair){.status = (int)json_int(line, "status")};
	p->stream = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "stream"));
	p->id = strdup(json_str(line, "id").p ? json_str(line, "id").p : "");
	p->model = strdup(json_str(line, "model").p ? json_str(line, "model").p : "");
	add_headers(p, cJSON_GetObjectItemCaseSensitive(response, "headers"), p->stream);
	add_body(&p->body, response);
	add_body(&asked, request);
	p->exact = request_hash(json_str(line, "method"), path_of(json_str(line, "url")),
	                        (struct str){asked.p, asked.len});
	buf_free(&asked);
}

void replay_load(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!f)
		sim_die("cannot read %s", path);
	while ((n = getline(&line, &cap, f)) > 0) {
		cJSON *o = cJSON_ParseWithLength(line, (size_t)n);

		if (!cJSON_IsObject(o))
			sim_die("%s: pair %zu is not JSON", path, tape.n + 1);
		add_pair(o);
		cJSON_Delete(o);
	}
	free(line);
	fclose(f);
	tape.on = true;
}

void replay_release(void)
{
	for (size_t i = 0; i < tape.n; i++) {
		free(tape.pairs[i].id);
		free(tape.pairs[i].model);
		buf_free(&tape.pairs[i].headers);
		buf_free(&tape.pairs[i].body);
	}
	free(tape.pairs);
	tape.pairs = NULL;
	tape.n = tape.cap = 0;
}

const struct pair *replay_find(const struct conn *c)
{
	struct str id = http_header(&c->req, "x-sim-pair");
	uint64_t h =
	    request_hash(c->req.method, path_of(c->req.target), (struct str){c->body.p, c->body.len});

	for (size_t i = 0; i < tape.n; i++)
		if (id.p ? str_eq(id, tape.pairs[i].id) : tape.pairs[i].exact == h)
			return &tape.pairs[i];
	return NULL;
}

static void replay_body(struct call *k, struct buf *out)
{
	buf_add(out, k->pair->body.p, k->pair->body.len);
}

static void replay_error(const struct call *k, int status, struct buf *out)
{
	(void)status;
	if (k->pair)
		buf_add(out, k->pair->body.p, k->pair->body.len);
	else
		BUF_LIT(out,
		        "{\"error\":{\"type\":\"not_found_error\",\"message\":\"not in the recording\"}}");
}

/* The end of the event that begins at `at`: after its empty line, or 1 KB of what has none. */
static size_t event_end(const struct buf *b, size_t at)
{
	size_t left = b->len - at;
	const char *from = b->p + at, *lf = memmem(from, left, "\n\n", 2),
	           *crlf = memmem(from, left, "\r\n\r\n", 4);
	const char *end = lf ? lf + 2 : NULL;

	if (crlf && (!end || crlf + 4 < end))
		end = crlf + 4;
	if (end)
		return (size_t)(end - b->p);
	return left > 1024 ? at + 1024 : b->len;
}

static enum ev replay_next(struct call *k, struct buf *out)
{
	const struct buf *b = &k->pair->body;
	size_t at = (size_t)k->at.seq, end;

	if (at >= b->len)
		return EV_END;
	end = event_end(b, at);
	buf_add(out, b->p + at, end - at);
	k->bytes_sent += (int64_t)(end - at);
	k->at.seq = (int64_t)end;
	return EV_DELTA;
}

static void replay_error_event(const struct call *k, struct buf *out)
{
	(void)k;
	BUF_LIT(out, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n");
}

static const struct dialect dialect_replay = {
    .body = replay_body,
    .next = replay_next,
    .error = replay_error,
    .error_event = replay_error_event,
};

void replay_call(struct call *k, const struct pair *p)
{
	k->pair = p;
	k->dialect = &dialect_replay;
	if (k->api == API_NONE)
		k->api = API_REPLAY;
	k->usage = usage_none();
	k->ask.max_output = -1;
	if (!p) {
		k->d.fault = FAULT_STATUS;
		k->d.status = 404;
		return;
	}
	k->ask.stream = p->stream && p->status == 200;
	k->status = p->status;
	str_copy(k->model, sizeof k->model, str_of(p->model));
}
