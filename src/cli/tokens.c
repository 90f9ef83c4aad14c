/* `weir tokens`: how many tokens a text or a request is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "model/encoding.h"
#include "text/json.h"

#define TEXT_MAX ((size_t)64 << 20)

static int run_tokens(struct cli *c, int argc, char **argv);

const struct command command_tokens = {
    "tokens", "counts the tokens of a text or a request",
    "weir tokens [options] [FILE]\n\n"
    "Counts the tokens of FILE, or of what comes on standard input, by OpenAI's public encodings: the ids "
    "are\n"
    "those that tiktoken gives. A request of one of the APIs (JSON with messages, input or contents) is\n"
    "counted part by part: the texts that the model reads, without images and without the few tokens that a\n"
    "provider puts around each.\n\n"
    "  --model M      by the encoding of this model (default: the request's own model, or o200k_base)\n"
    "  --encoding E   o200k_base or cl100k_base\n"
    "  --ids          prints the tokens' ids instead of their number\n"
    "  --special      reads <|endoftext|> and the like as special tokens, not as text\n"
    "  --text         counts a request as the text that it is written in\n",
    run_tokens};

enum part { PART_SYSTEM, PART_TOOLS, PART_MESSAGES, PARTS };

static const char *const part_names[PARTS] = {"system", "tools", "messages"};

static const struct {
	const char *key;
	enum part part;
} part_keys[] = {
    {"system", PART_SYSTEM},
    {"instructions", PART_SYSTEM},
    {"systemInstruction", PART_SYSTEM},
    {"system_instruction", PART_SYSTEM},
    {"tools", PART_TOOLS},
    {"messages", PART_MESSAGES},
    {"input", PART_MESSAGES},
    {"contents", PART_MESSAGES},
};

struct tokens {
	struct cli *c;
	const char *file, *model, *encoding;
	bool ids, plain;
	unsigned flags; /* of bpe_count */
	const struct bpe *bpe;
	bool exact;   /* the model does read with this encoding */
	bool request; /* parts were counted */
	size_t bytes, n, part[PARTS];
	char *room; /* owned; where strings are unescaped */
	struct bpe_scratch scratch;
};

/* --- a request -------------------------------------------------------------------------------------------
 */

/* Strings that name or carry something and are not read as text. */
static const char *const silent[] = {"type",
                                     "role",
                                     "id",
                                     "call_id",
                                     "tool_use_id",
                                     "tool_call_id",
                                     "status",
                                     "signature",
                                     "data",
                                     "url",
                                     "media_type",
                                     "mimeType",
                                     "detail",
                                     "file_id",
                                     "fileUri",
                                     "image_url",
                                     "inlineData",
                                     "cache_control",
                                     "phase",
                                     "thoughtSignature",
                                     "encrypted_content",
                                     NULL};

/* JSON that the model reads as JSON. */
static const char *const written[] = {"input",      "args",         "arguments", "response",
                                      "parameters", "input_schema", "schema",    NULL};

static bool is_one_of(const json_key *key, const char *const names[])
{
	for (size_t i = 0; names[i]; i++)
		if (json_key_is(key, slice_of(names[i])))
			return true;
	return false;
}

static size_t count_string(struct tokens *t, struct json *j)
{
	json_str s;
	if (!json_string(j, &s))
		return 0;
	size_t n = json_unescape(&s, t->room, t->bytes);
	return bpe_count(t->bpe, &t->scratch, slice_make(t->room, n), t->flags);
}

/* The texts in the value at the reader; no deeper than the reader goes. */
static size_t count_value(struct tokens *t, struct json *j)
{
	size_t n = 0;
	json_key key;
	json_type type = json_peek(j);
	if (type == JSON_STRING)
		return count_string(t, j);
	if (type == JSON_ARRAY && json_array(j)) {
		while (json_next(j))
			n += count_value(t, j);
	} else if (type == JSON_OBJECT && json_object(j)) {
		while (json_next_key(j, &key)) {
			slice raw = SLICE_NONE;
			json_type of = json_peek(j);
			if (is_one_of(&key, silent) ||
			    (of != JSON_STRING && of != JSON_ARRAY && of != JSON_OBJECT))
				json_skip(j, NULL);
			else if (of == JSON_OBJECT && is_one_of(&key, written) && json_skip(j, &raw))
				n += bpe_count(t->bpe, &t->scratch, raw, t->flags);
			else
				n += count_value(t, j);
		}
	} else {
		json_skip(j, NULL);
	}
	return n;
}

/* Which part a key of the request is; PARTS for the others. */
static enum part part_of(const json_key *key)
{
	for (size_t i = 0; i < sizeof part_keys / sizeof part_keys[0]; i++)
		if (json_key_is(key, slice_of(part_keys[i].key)))
			return part_keys[i].part;
	return PARTS;
}

/* Whether text is a request; its model's name (as long as text lives, escapes not resolved). */
static bool is_request(slice text, slice *model)
{
	struct json j;
	json_key key;
	bool messages = false;
	json_init(&j, text);
	if (json_peek(&j) != JSON_OBJECT || !json_object(&j))
		return false;
	while (json_next_key(&j, &key)) {
		json_str s = {SLICE_NONE, false};
		messages = messages || part_of(&key) == PART_MESSAGES;
		if (!json_key_is(&key, SLICE("model")))
			json_skip(&j, NULL);
		else if (json_opt_string(&j, &s))
			*model = s.raw;
	}
	messages = json_end(&j) && messages;
	if (!messages)
		*model = SLICE_NONE;
	return messages;
}

static void count_request(struct tokens *t, slice text)
{
	struct json j;
	json_key key;
	json_init(&j, text);
	json_object(&j);
	while (json_next_key(&j, &key)) {
		enum part part = part_of(&key);
		if (part == PARTS)
			json_skip(&j, NULL);
		else
			t->part[part] += count_value(t, &j);
	}
	for (size_t i = 0; i < PARTS; i++)
		t->n += t->part[i];
}

/* --- what is said ----------------------------------------------------------------------------------------
 */

static int print_json(struct tokens *t, slice text, const uint32_t *ids)
{
	struct buf b;
	struct jsonw w;
	buf_init(&b, (size_t)1 << 30);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("encoding"), slice_of(bpe_name(t->bpe)));
	jsonw_put_bool(&w, SLICE("exact"), t->exact);
	jsonw_put_i64(&w, SLICE("bytes"), (int64_t)text.n);
	jsonw_put_i64(&w, SLICE("tokens"), (int64_t)t->n);
	if (t->request) {
		jsonw_key(&w, SLICE("parts"));
		jsonw_object(&w);
		for (size_t i = 0; i < PARTS; i++)
			jsonw_put_i64(&w, slice_of(part_names[i]), (int64_t)t->part[i]);
		jsonw_object_end(&w);
	}
	if (ids) {
		jsonw_key(&w, SLICE("ids"));
		jsonw_array(&w);
		for (size_t i = 0; i < t->n; i++)
			jsonw_i64(&w, ids[i]);
		jsonw_array_end(&w);
	}
	jsonw_object_end(&w);
	return cli_print_json(t->c, &w, &b);
}

static int print_text(const struct tokens *t, slice text, const uint32_t *ids)
{
	FILE *out = t->c->out;
	if (ids) {
		for (size_t i = 0; i < t->n; i++)
			fprintf(out, "%u\n", ids[i]);
		return EXIT_DONE;
	}
	for (size_t i = 0; t->request && i < PARTS; i++)
		fprintf(out, "%10zu  %s\n", t->part[i], part_names[i]);
	fprintf(out, t->request ? "%10zu  tokens of %s\n" : "%zu tokens of %s", t->n, bpe_name(t->bpe));
	if (!t->request)
		fprintf(out, ", %zu bytes\n", text.n);
	return EXIT_DONE;
}

/* --- the command line ------------------------------------------------------------------------------------
 */

static int read_text(struct tokens *t, struct buf *b)
{
	bool from_stdin = t->file == NULL || strcmp(t->file, "-") == 0;
	FILE *f = from_stdin ? stdin : fopen(t->file, "rb");
	if (f == NULL)
		return cli_fail(t->c, "%s cannot be read: %s", t->file, strerror(errno));
	int rc = 0;
	char part[65536];
	for (size_t n; rc == 0 && (n = fread(part, 1, sizeof part, f)) > 0;)
		rc = buf_append(b, slice_make(part, n));
	bool failed = ferror(f);
	if (!from_stdin)
		fclose(f);
	if (failed)
		return cli_fail(t->c, "%s cannot be read", from_stdin ? "standard input" : t->file);
	if (rc < 0)
		return cli_fail(t->c, "%s is too large: at most 64 MB are counted",
		                from_stdin ? "the text" : t->file);
	return EXIT_DONE;
}

/* Which encoding: the one named, or that of the model named, or of the request's. */
static int choose(struct tokens *t, slice model)
{
	t->exact = true;
	if (t->encoding) {
		t->bpe = bpe_by_name(slice_of(t->encoding));
		return t->bpe
		           ? EXIT_DONE
		           : cli_usage_error(t->c, &command_tokens,
		                             "there is no encoding %s; there are o200k_base and cl100k_base",
		                             t->encoding);
	}
	if (t->model)
		model = slice_of(t->model);
	t->bpe = model.n ? encoding_of_model(model) : bpe_o200k_base();
	if (t->bpe == NULL) {
		t->bpe = bpe_o200k_base();
		t->exact = false;
		fprintf(t->c->err,
		        "weir: the tokeniser of " SLICE_FMT
		        " is not public; counted by o200k_base, which is near but not exact\n",
		        SLICE_ARG(model));
	}
	return EXIT_DONE;
}

static int count(struct tokens *t, slice text)
{
	slice model = SLICE_NONE;
	uint32_t *ids = NULL;
	t->request = !t->plain && !t->ids && is_request(text, &model);
	t->bytes = text.n;
	int rc = choose(t, model);
	if (rc != EXIT_DONE)
		return rc;
	if (t->request) {
		t->room = malloc(text.n + 1);
		if (!t->room)
			return cli_fail(t->c, "out of memory");
		count_request(t, text);
		free(t->room);
	} else {
		t->n = bpe_count(t->bpe, &t->scratch, text, t->flags);
	}
	if (t->ids) {
		ids = calloc(t->n + 1, sizeof *ids);
		if (!ids)
			return cli_fail(t->c, "out of memory");
		bpe_encode(t->bpe, &t->scratch, text, t->flags, ids, t->n);
	}
	rc = t->c->json ? print_json(t, text, ids) : print_text(t, text, ids);
	free(ids);
	return rc;
}

/* -1 to go on, or an exit status. */
static int options(struct tokens *t, int argc, char **argv)
{
	const char *name, *value;
	int at = 1, r;
	while ((r = cli_next(t->c, &command_tokens, argc, argv, &at, "model=:encoding=:ids:special:text",
	                     &name, &value)) > 0) {
		if (r == 2 && t->file)
			return cli_usage_error(t->c, &command_tokens, "one file, not also %s", value);
		if (r == 2)
			t->file = value;
		else if (strcmp(name, "model") == 0)
			t->model = value;
		else if (strcmp(name, "encoding") == 0)
			t->encoding = value;
		else if (strcmp(name, "ids") == 0)
			t->ids = true;
		else if (strcmp(name, "special") == 0)
			t->flags |= BPE_SPECIAL;
		else
			t->plain = true;
	}
	if (r == 0 && t->model && t->encoding)
		return cli_usage_error(t->c, &command_tokens, "--model or --encoding, not both");
	return r == 0 ? -1 : r == -2 ? EXIT_DONE : EXIT_USAGE;
}

static int run_tokens(struct cli *c, int argc, char **argv)
{
	struct buf text;
	struct tokens *t = calloc(1, sizeof *t);
	if (!t)
		return cli_fail(c, "out of memory");
	t->c = c;
	buf_init(&text, TEXT_MAX);
	int rc = options(t, argc, argv);
	bool go = rc < 0;
	if (go)
		rc = read_text(t, &text);
	if (go && rc == EXIT_DONE)
		rc = count(t, buf_slice(&text));
	buf_release(&text);
	free(t);
	return rc;
}
