/* Calling the tools that a client really offers: the name from a list of known ones, arguments by its schema.
 */
#include "script.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"

static const char *const known_tools[][10] = {
    [DEED_SHELL] = {"Bash", "bash", "exec_command", "run_shell_command", "shell", "shell_command",
                    "local_shell", "run_command", "execute_command"},
    [DEED_LIST] = {"LS", "list_directory", "list_dir", "list", "ls"},
    [DEED_READ] = {"Read", "read", "read_file", "view_file"},
    [DEED_WRITE] = {"Write", "write", "write_file", "create_file"},
    [DEED_EDIT] = {"Edit", "edit", "replace", "edit_file"},
    [DEED_AGENT] = {"Agent", "Task", "task", "spawn_agent", "agent", "invoke_agent"},
    [DEED_ANY] = {NULL},
};

static const struct tool *find_tool(const struct ask *a, enum deed deed)
{
	for (size_t k = 0; k < 10 && known_tools[deed][k]; k++)
		for (size_t i = 0; i < a->ntools; i++)
			if (!a->tools[i].custom && str_eq(a->tools[i].name, known_tools[deed][k]))
				return &a->tools[i];
	return NULL;
}

static bool schema_type_is(const cJSON *schema, const char *type)
{
	const cJSON *t = cJSON_GetObjectItemCaseSensitive(schema, "type"), *one;

	if (cJSON_IsString(t))
		return str_eq_nocase(str_of(t->valuestring), type);
	cJSON_ArrayForEach(one, t) if (cJSON_IsString(one) &&
	                               str_eq_nocase(str_of(one->valuestring), type)) return true;
	return false;
}

static bool required(const cJSON *schema, const char *name)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(
	                            schema, "required")) if (cJSON_IsString(one) &&
	                                                     strcmp(one->valuestring, name) == 0) return true;
	return false;
}

static void object_instance(const cJSON *schema, int depth, struct buf *out)
{
	const cJSON *p;
	bool first = true;

	BUF_LIT(out, "{");
	cJSON_ArrayForEach(p, cJSON_GetObjectItemCaseSensitive(schema, "properties"))
	{
		if (!required(schema, p->string))
			continue;
		if (!first)
			BUF_LIT(out, ",");
		first = false;
		buf_json(out, str_of(p->string));
		BUF_LIT(out, ":");
		schema_instance(p, p->string, depth + 1, out);
	}
	BUF_LIT(out, "}");
}

static void number_instance(const cJSON *schema, const char *name, struct buf *out)
{
	int64_t least = json_int(schema, "minimum"), most = json_int(schema, "maximum");
	int64_t v = name && strstr(name, "score") ? 20 : 1;

	if (least >= 0 && v < least)
		v = least;
	if (most >= 0 && v > most)
		v = most;
	buf_int(out, v);
}

void schema_instance(const cJSON *schema, const char *name, int depth, struct buf *out)
{
	const cJSON *options = cJSON_GetObjectItemCaseSensitive(schema, "enum"), *any;
	char *text;

	any = cJSON_GetObjectItemCaseSensitive(schema, "anyOf");
	if (depth > 16) {
		BUF_LIT(out, "null");
	} else if (cJSON_IsArray(options) && options->child) {
		text = cJSON_PrintUnformatted(options->child);
		buf_z(out, text ? text : "null");
		free(text);
	} else if (cJSON_IsArray(any) && any->child) {
		schema_instance(any->child, name, depth + 1, out);
	} else if (schema_type_is(schema, "object") ||
	           cJSON_GetObjectItemCaseSensitive(schema, "properties")) {
		object_instance(schema, depth, out);
	} else if (schema_type_is(schema, "array")) {
		BUF_LIT(out, "[");
		if (json_int(schema, "minItems") > 0)
			schema_instance(cJSON_GetObjectItemCaseSensitive(schema, "items"), name, depth + 1,
			                out);
		BUF_LIT(out, "]");
	} else if (schema_type_is(schema, "boolean")) {
		BUF_LIT(out, "false");
	} else if (schema_type_is(schema, "integer") || schema_type_is(schema, "number")) {
		number_instance(schema, name, out);
	} else {
		BUF_LIT(out, "\"simulated ");
		buf_json_in(out, str_of(name ? name : "text"));
		BUF_LIT(out, "\"");
	}
}

/* Absolute where the agent says where it works. */
static void add_path(const struct call *c, const char *path, struct buf *out)
{
	static const char *const marks[] = {"Primary working directory: ", "<cwd>",
	                                    "Workspace Directories:**\\n  - ", "Working directory: "};
	const struct str raw = c->ask.raw;

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		const char *at = raw.n ? memmem(raw.p, raw.n, marks[i], strlen(marks[i])) : NULL;
		size_t n = 0;

		if (!at)
			continue;
		at += strlen(marks[i]);
		while (at + n < raw.p + raw.n && !strchr("\\\"<\n", at[n]) && n < 400)
			n++;
		if (n && at[0] == '/') {
			buf_add(out, at, n);
			if (strcmp(path, ".") == 0)
				return;
			BUF_LIT(out, "/");
			break;
		}
	}
	buf_z(out, path);
}

static void add_shell(const cJSON *schema, const char *command, struct buf *out)
{
	if (schema && schema_type_is(schema, "array")) {
		BUF_LIT(out, "[\"bash\",\"-lc\",");
		buf_json(out, str_of(command));
		BUF_LIT(out, "]");
	} else {
		buf_json(out, str_of(command));
	}
}

static bool one_of(const char *name, const char *list)
{
	const char *at = strstr(list, name);
	size_t n = strlen(name);

	return at && (at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0');
}

/* The value that a well-known argument has in this step; false: not one of those. */
static bool known_value(const struct call *c, const struct step *s, const struct tool *t, const cJSON *p,
                        struct buf *out)
{
	const char *name = p->string;
	struct buf path = {0};

	if (one_of(name, "command cmd script") && s->command) {
		add_shell(p, s->command, out);
	} else if (one_of(name, "file_path filePath path absolute_path dir_path directory target_file") &&
	           s->path) {
		add_path(c, s->path, &path);
		buf_json(out, (struct str){path.p, path.len});
		buf_free(&path);
	} else if (one_of(name, "content contents file_text") && s->content) {
		buf_json(out, str_of(s->content));
	} else if (one_of(name, "old_string oldString old_str") && s->old_text) {
		buf_json(out, str_of(s->old_text));
	} else if (one_of(name, "new_string newString new_str") && s->new_text) {
		buf_json(out, str_of(s->new_text));
	} else if (one_of(name, "prompt message") && s->prompt) {
		buf_json(out, str_of(s->prompt));
	} else if (one_of(name, "subagent_type agent_name") && s->prompt) {
		buf_json(out, str_eq(t->name, "Agent") || str_eq(t->name, "Task") ? STR("general-purpose")
		                                                                  : STR("general"));
	} else if (one_of(name, "run_in_background is_background")) {
		BUF_LIT(out, "false");
	} else if (one_of(name, "description") && (s->command || s->prompt)) {
		BUF_LIT(out, "\"Run a simulated step\"");
	} else {
		return false;
	}
	return true;
}

static void add_arguments(const struct call *c, const struct step *s, const struct tool *t, struct buf *out)
{
	const cJSON *p;
	bool first = true;

	BUF_LIT(out, "{");
	cJSON_ArrayForEach(p, cJSON_GetObjectItemCaseSensitive(t->schema, "properties"))
	{
		struct buf value = {0};

		if (!known_value(c, s, t, p, &value) && required(t->schema, p->string))
			schema_instance(p, p->string, 0, &value);
		if (value.len) {
			if (!first)
				BUF_LIT(out, ",");
			first = false;
			buf_json(out, str_of(p->string));
			BUF_LIT(out, ":");
			buf_add(out, value.p, value.len);
		}
		buf_free(&value);
	}
	BUF_LIT(out, "}");
}

static const struct tool *forced_tool(const struct ask *a)
{
	for (size_t i = 0; a->force_name.n && i < a->ntools; i++)
		if (a->tools[i].name.n == a->force_name.n &&
		    memcmp(a->tools[i].name.p, a->force_name.p, a->force_name.n) == 0)
			return &a->tools[i];
	return NULL;
}

bool tool_call_add(struct call *c, const struct step *s)
{
	const struct ask *a = &c->ask;
	const struct tool *t = forced_tool(a);
	struct buf arguments = {0};

	if (!t)
		t = find_tool(a, s->deed);
	if (!t && s->command)
		t = find_tool(a, DEED_SHELL);
	for (size_t i = 0; !t && i < a->ntools; i++)
		if (!a->tools[i].custom)
			t = &a->tools[i];
	if (!t)
		return false;
	add_arguments(c, s, t, &arguments);
	plan_add_tool(c, t, &arguments);
	buf_free(&arguments);
	return true;
}
