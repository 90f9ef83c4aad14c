/* Agents tell the model where they run: Claude Code and Qwen Code in <system-reminder> texts and messages of
 * the role system, Codex in <environment_context>, Gemini CLI in <session_context>, opencode in the system
 * prompt. What a user typed is not read: only the system prompt, the first messages of the role system or
 * developer, and texts that begin with one of those tags. The search runs over the bytes as they stand in the
 * body, escapes included. */
#include "model/wire.h"
#include "policy/attribution_agent.h"

#define MESSAGES_READ 4                 /* the surroundings come first */
#define PARTS_READ    8                 /* of one message */
#define TEXT_READ     ((size_t)1 << 17) /* bytes of one text */
#define DEPTH_READ    4

enum about { ABOUT_DIRECTORY, ABOUT_BRANCH };

/* What stands before the value; the value ends with the line, or at '<'. */
static const struct {
	slice text;
	enum about about;
} marks[] = {
    {SLICE("Primary working directory: "), ABOUT_DIRECTORY},          /* Claude Code */
    {SLICE("Working directory: "), ABOUT_DIRECTORY},                  /* opencode, older Claude Code */
    {SLICE("currently working in the directory: "), ABOUT_DIRECTORY}, /* Qwen Code */
    {SLICE("**Workspace Directories:**\\n  - "), ABOUT_DIRECTORY},    /* Gemini CLI */
    {SLICE("<cwd>"), ABOUT_DIRECTORY},                                /* Codex */
    {SLICE("Current branch: "), ABOUT_BRANCH},                        /* Claude Code, Qwen Code */
};

static const slice tags[] = {
    SLICE("<system-reminder>"),
    SLICE("<environment_context>"),
    SLICE("<session_context>"),
    SLICE("<env>"),
};

/* The rest of the line in a JSON string's raw text. */
static json_str line_of(slice raw)
{
	json_str line = {SLICE_NONE, false};
	size_t n = 0;
	for (; n < raw.n && raw.p[n] != '<'; n++) {
		if (raw.p[n] != '\\')
			continue;
		if (n + 1 >= raw.n || raw.p[n + 1] == 'n' || raw.p[n + 1] == 'r')
			break;
		line.escaped = true;
		n++;
	}
	line.raw = slice_sub(raw, 0, n);
	return line;
}

static void search(slice raw, struct arena *mem, struct agent_facts *out)
{
	raw = slice_sub(raw, 0, TEXT_READ);
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		slice *to = marks[i].about == ABOUT_BRANCH ? &out->branch : &out->directory;
		ptrdiff_t at = to->n ? -1 : slice_find(raw, marks[i].text);
		if (at < 0)
			continue;
		json_str line = line_of(slice_sub(raw, (size_t)at + marks[i].text.n, raw.n));
		char *text = line.raw.n && line.raw.n <= 4096 ? arena_alloc(mem, line.raw.n) : NULL;
		if (text)
			*to = slice_trim(slice_make(text, json_unescape(&line, text, line.raw.n)));
		if (marks[i].about == ABOUT_BRANCH && slice_eq(*to, SLICE("HEAD"))) /* detached: no branch */
			*to = SLICE_NONE;
	}
}

struct walk {
	struct arena *mem;
	struct agent_facts *out;
	bool trusted; /* the agent's own words whatever they begin with */
};

static bool begins_with_tag(slice raw)
{
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		if (slice_starts(raw, tags[i]))
			return true;
	return false;
}

/* A text, an array of them, or an object that has them under text, content or parts. */
static void walk_value(struct json *j, struct walk *w, int depth)
{
	json_type type = depth < DEPTH_READ ? json_peek(j) : JSON_NONE;
	json_str s;
	json_key k;
	size_t n = 0;
	if (type == JSON_STRING && json_string(j, &s)) {
		if (w->trusted || begins_with_tag(s.raw))
			search(s.raw, w->mem, w->out);
	} else if (type == JSON_ARRAY && json_array(j)) {
		while (json_next(j))
			if (n++ < PARTS_READ)
				walk_value(j, w, depth + 1);
			else
				json_skip(j, NULL);
	} else if (type == JSON_OBJECT && json_object(j)) {
		while (json_next_key(j, &k))
			if (json_key_is(&k, SLICE("text")) || json_key_is(&k, SLICE("content")) ||
			    json_key_is(&k, SLICE("parts")))
				walk_value(j, w, depth + 1);
			else
				json_skip(j, NULL);
	} else {
		json_skip(j, NULL);
	}
}

static void walk_text(slice value, struct walk *w)
{
	struct json j;
	json_init(&j, value);
	walk_value(&j, w, 0);
}

/* The role may stand behind the content, so it is read first. */
static bool is_agents_own(slice message)
{
	struct json j;
	json_key k;
	json_str role = {SLICE_NONE, false};
	json_init(&j, message);
	json_object(&j);
	while (json_next_key(&j, &k))
		if (json_key_is(&k, SLICE("role")))
			json_opt_string(&j, &role);
		else
			json_skip(&j, NULL);
	return slice_eq(role.raw, SLICE("system")) || slice_eq(role.raw, SLICE("developer"));
}

void attribution_body(const struct request_view *v, struct arena *mem, struct agent_facts *out)
{
	struct walk w = {.mem = mem, .out = out, .trusted = true};
	struct json j;
	slice message;
	if (v->system.n)
		walk_text(v->system, &w);
	if (v->messages.n == 0 || v->messages.p[0] != '[')
		return;
	json_init(&j, v->messages);
	json_array(&j);
	for (int n = 0; n < MESSAGES_READ && json_next(&j) && json_skip(&j, &message); n++) {
		if (message.n == 0 || message.p[0] != '{')
			continue;
		w.trusted = is_agents_own(message);
		walk_text(message, &w);
	}
}
