/* opencode: storage/message/SESSION/MESSAGE.json, an object for each message with its usage; newer versions
 * keep the same objects in opencode.db, which is read by cli/import_opencode_db.c and given here row by row.
 * `input` excludes what was cached; reasoning is beside output. */
#include "finops/import.h"
#include "model/wire.h"

enum {
	M_ID,
	M_SESSION,
	M_ROLE,
	M_MODEL,
	M_PROVIDER,
	M_TEXTS,
	M_TIME = M_TEXTS,
	M_PATH,
	M_TOKENS,
	M_MODEL_OBJECT
};

enum { T_INPUT, T_OUTPUT, T_REASONING, T_CACHE, T_READ, T_WRITE, T_N };

struct message {
	json_str texts[M_TEXTS], cwd;
	int64_t created_ms, completed_ms;
	int64_t tokens[T_N];
	bool has_tokens;
};

static const struct wire_word cache_fields[] = {WIRE_WORD("read", T_READ), WIRE_WORD("write", T_WRITE)};
static const struct wire_word token_fields[] = {
    WIRE_WORD("input", T_INPUT),
    WIRE_WORD("output", T_OUTPUT),
    WIRE_WORD("reasoning", T_REASONING),
    WIRE_WORD("cache", T_CACHE),
};

static void read_token_field(struct json *j, int id, void *arg)
{
	struct message *m = arg;
	m->has_tokens = true;
	if (id == T_CACHE)
		wire_object(j, WIRE_WORDS(cache_fields), read_token_field, m);
	else
		wire_count(j, &m->tokens[id]);
}

static const struct wire_word time_fields[] = {WIRE_WORD("created", 0), WIRE_WORD("completed", 1)};

static void read_time_field(struct json *j, int id, void *arg)
{
	struct message *m = arg;
	wire_count(j, id ? &m->completed_ms : &m->created_ms);
}

static const struct wire_word path_fields[] = {WIRE_WORD("cwd", 0)};

static void read_path_field(struct json *j, int id, void *arg)
{
	(void)id;
	json_opt_string(j, &((struct message *)arg)->cwd);
}

static const struct wire_word model_fields[] = {WIRE_WORD("modelID", M_MODEL),
                                                WIRE_WORD("providerID", M_PROVIDER)};
static const struct wire_word message_fields[] = {
    WIRE_WORD("id", M_ID),         WIRE_WORD("sessionID", M_SESSION),   WIRE_WORD("role", M_ROLE),
    WIRE_WORD("modelID", M_MODEL), WIRE_WORD("providerID", M_PROVIDER), WIRE_WORD("time", M_TIME),
    WIRE_WORD("path", M_PATH),     WIRE_WORD("tokens", M_TOKENS),       WIRE_WORD("model", M_MODEL_OBJECT),
};

static void read_message_field(struct json *j, int id, void *arg)
{
	struct message *m = arg;
	if (id < M_TEXTS)
		json_opt_string(j, &m->texts[id]);
	else if (id == M_TIME)
		wire_object(j, WIRE_WORDS(time_fields), read_time_field, m);
	else if (id == M_PATH)
		wire_object(j, WIRE_WORDS(path_fields), read_path_field, m);
	else if (id == M_TOKENS)
		wire_object(j, WIRE_WORDS(token_fields), read_token_field, m);
	else
		wire_object(j, WIRE_WORDS(model_fields), read_message_field, m);
}

static slice text_of(const struct message *m, int which, struct arena *mem)
{
	struct json j = {0};
	return m->texts[which].raw.n ? wire_unescape(&j, &m->texts[which], mem) : SLICE_NONE;
}

static void set_usage(struct record *rec, const struct message *m)
{
	rec->usage.m[METER_INPUT] = m->tokens[T_INPUT];
	rec->usage.m[METER_CACHE_READ] = m->tokens[T_READ];
	rec->usage.m[METER_CACHE_WRITE_5M] = m->tokens[T_WRITE];
	rec->usage.m[METER_OUTPUT] = m->tokens[T_OUTPUT] + m->tokens[T_REASONING];
	rec->usage.m[METER_REASONING] = m->tokens[T_REASONING];
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct message m = {0};
	struct record rec;
	struct json j;
	json_init(&j, f->text);
	wire_object(&j, WIRE_WORDS(message_fields), read_message_field, &m);
	if (!json_end(&j)) {
		n->bad_lines++;
		return 0;
	}
	bool used = m.tokens[T_INPUT] || m.tokens[T_OUTPUT] || m.tokens[T_READ] || m.tokens[T_WRITE] ||
	            m.tokens[T_REASONING];
	if (!json_str_is(&m.texts[M_ROLE], SLICE("assistant")) || !m.has_tokens || !used ||
	    m.texts[M_ID].raw.n == 0)
		return 0;
	if (m.completed_ms == 0 && f->growing) {
		n->open++;
		return 0;
	}
	slice id = text_of(&m, M_ID, f->mem);
	import_record(&rec, &import_opencode, o, m.created_ms, id);
	set_usage(&rec, &m);
	rec.api = API_OPENAI_CHAT;
	rec.stream = true;
	if (m.completed_ms >= m.created_ms && m.created_ms > 0)
		rec.duration_ms = m.completed_ms - m.created_ms;
	rec.text[TEXT_PROVIDER] = text_of(&m, M_PROVIDER, f->mem);
	rec.text[TEXT_MODEL_SERVED] = text_of(&m, M_MODEL, f->mem);
	rec.text[TEXT_CALL_KEY] = id;
	import_attr(&rec, o, ATTR_SESSION, text_of(&m, M_SESSION, f->mem));
	if (m.cwd.raw.n)
		import_folder(&rec, o, wire_unescape(&j, &m.cwd, f->mem), f->mem);
	return import_give(o, &rec, NULL, n);
}

const struct import_source import_opencode = {
    .name = "opencode",
    .agent = "opencode",
    .title = "opencode",
    .endings = {".json", ".db"},
    .places = {{"XDG_DATA_HOME", ".local/share", "opencode/storage/message"},
               {"XDG_DATA_HOME", ".local/share", "opencode"}},
    .read = read_file,
};
