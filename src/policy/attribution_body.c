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

/* What stands before the value and where its first ':' is; the value ends with the line, or at '<'. */
#define MARK(lit, about)                                                                                     \
	{                                                                                                    \
		{lit, sizeof(lit) - 1}, sizeof(lit) - 3, about                                               \
	}
static const struct {
	slice text;
	size_t colon;
	enum about about;
} marks[] = {
    MARK("Primary working directory: ", ABOUT_DIRECTORY),              /* Claude Code */
    MARK("Working directory: ", ABOUT_DIRECTORY),                      /* opencode, older Claude Code */
    MARK("currently working in the directory: ", ABOUT_DIRECTORY),     /* Qwen Code */
    {SLICE("**Workspace Directories:**\\n  - "), 23, ABOUT_DIRECTORY}, /* Gemini CLI */
    MARK("Current branch: ", ABOUT_BRANCH),                            /* Claude Code, Qwen Code */
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

static void take(slice raw, size_t from, enum about about, struct arena *mem, struct agent_facts *out)
{
	slice *to = about == ABOUT_BRANCH ? &out->branch : &out->directory;
	json_str line = line_of(slice_sub(raw, from, raw.n));
	char *text = line.raw.n && line.raw.n <= 4096 ? arena_alloc(mem, line.raw.n) : NULL;
	if (text)
		*to = slice_trim(slice_make(text, json_unescape(&line, text, line.raw.n)));
	if (about == ABOUT_BRANCH && slice_eq(*to, SLICE("HEAD"))) /* detached: no branch */
		*to = SLICE_NONE;
}

/* The mark that has its ':' at `at`, if any. */
static void try_marks(slice raw, size_t at, struct arena *mem, struct agent_facts *out)
{
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		size_t before = marks[i].colon;
		const slice *known = marks[i].about == ABOUT_BRANCH ? &out->branch : &out->directory;
		if (known->n == 0 && at >= before &&
		    slice_starts(slice_sub(raw, at - before, raw.n), marks[i].text))
			take(raw, at - before + marks[i].text.n, marks[i].about, mem, out);
	}
}

/* One pass over the colons: these texts are tens of kilobytes, and colons are rare in them. */
static void search(slice raw, struct arena *mem, struct agent_facts *out)
{
	raw = slice_sub(raw, 0, TEXT_READ);
	for (size_t at = 0; at < raw.n && !(out->branch.n && out->directory.n); at++) {
		ptrdiff_t colon = slice_find_char(slice_sub(raw, at, raw.n), ':');
		if (colon < 0)
			break;
		at += (size_t)colon;
		try_marks(raw, at, mem, out);
	}
	if (out->directory.n == 0 && slice_starts(raw, SLICE("<environment_context>"))) { /* Codex */
		ptrdiff_t at = slice_find(raw, SLICE("<cwd>"));
		if (at >= 0)
			take(raw, (size_t)at + 5, ABOUT_DIRECTORY, mem, out);
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
	json_init_known(&j, value);
	walk_value(&j, w, 0);
}

/* One message; its role may stand behind its content. */
static void walk_message(struct json *j, struct walk *w)
{
	json_key k;
	json_str role = {SLICE_NONE, false};
	slice content = SLICE_NONE;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return;
	}
	json_object(j);
	while (json_next_key(j, &k))
		if (json_key_is(&k, SLICE("role")))
			json_opt_string(j, &role);
		else if (json_key_is(&k, SLICE("content")) || json_key_is(&k, SLICE("parts")))
			json_skip(j, &content);
		else
			json_skip(j, NULL);
	w->trusted = slice_eq(role.raw, SLICE("system")) || slice_eq(role.raw, SLICE("developer"));
	if (content.n)
		walk_text(content, w);
}

void attribution_body(const struct request_view *v, struct arena *mem, struct agent_facts *out)
{
	struct walk w = {.mem = mem, .out = out, .trusted = true};
	struct json j;
	if (v->system.n)
		walk_text(v->system, &w);
	if (v->messages.n == 0 || v->messages.p[0] != '[')
		return;
	json_init_known(&j, v->messages);
	json_array(&j);
	for (int n = 0; n < MESSAGES_READ && json_next(&j); n++)
		walk_message(&j, &w);
}
