#include "ask.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

struct str json_str(const cJSON *o, const char *key)
{
	const char *z = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return str_of(z);
}

bool json_is(const cJSON *o, const char *key, const char *value)
{
	struct str s = json_str(o, key);

	return s.p && str_eq(s, value);
}

int64_t json_int(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 1e15 ? (int64_t)v->valuedouble
	                                                                         : -1;
}

void spoken_text(struct spoken *s, struct str text)
{
	struct str t = str_trim(text);

	while (t.n && (t.p[0] == '\n' || t.p[0] == '\r'))
		t.p++, t.n--;
	if (t.n > 1 &&
	    !(t.p[0] == '<' && t.p[1] >= 'a' && t.p[1] <= 'z')) /* <system-reminder> and the like */
		s->text = t;
}

/* A message with tool results goes on with the task; one where only the person speaks starts anew. */
void ask_spoken(struct ask *a, const struct spoken *s)
{
	if (s->results) {
		a->turns += s->results;
	} else if (s->text.n) {
		a->turns = 0;
		a->last_text = s->text;
	}
}

void ask_tool(struct ask *a, struct tool t)
{
	if (!a->tools)
		a->tools = sim_alloc(SIM_MAX_TOOLS * sizeof *a->tools);
	if (a->ntools < SIM_MAX_TOOLS && t.name.n)
		a->tools[a->ntools++] = t;
}

void ask_free(struct ask *a)
{
	cJSON_Delete(a->root);
	free(a->tools);
	free(a->segments);
	*a = (struct ask){0};
}

/* Bench mode: the body's text is not parsed; its length and two fields that are easy to find will do. */
static bool quick_look(struct call *c, const char *body, size_t n)
{
	struct str whole = {body, n};
	const char *m = n ? memmem(body, n < 4096 ? n : 4096, "\"model\":\"", 9) : NULL;

	if (m && !c->model[0]) {
		struct str rest = {m + 9, (size_t)(body + n - m) - 9};

		str_copy(c->model, sizeof c->model, str_cut(&rest, '"'));
	}
	c->ask.max_output = -1;
	c->ask.stream = c->ask.stream || str_has(whole, "\"stream\":true");
	c->ask.include_usage = str_has(whole, "\"include_usage\":true");
	c->ask.input_tokens = tokens_of(c->body_bytes);
	c->usage = (struct usage){.input = c->ask.input_tokens};
	return true;
}

bool ask_read(struct call *c, const char *body, size_t n)
{
	c->usage = (struct usage){0};
	if (c->d.bench)
		return quick_look(c, body, n);
	c->ask.max_output = -1;
	c->ask.raw = (struct str){body, n};
	c->ask.root = cJSON_ParseWithLength(body, n);
	if (!cJSON_IsObject(c->ask.root))
		return false;
	if (!c->model[0])
		str_copy(c->model, sizeof c->model, json_str(c->ask.root, "model"));
	return c->dialect->read(c, c->ask.root);
}
