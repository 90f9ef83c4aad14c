/* Teams and budgets by the API. What stands in the settings file is changed there: the file wins. */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "gateway/admin_rules.h"
#include "gateway/rules_more.h"

#define FAULTS_MAX 900

int admin_teams_list(struct admin *a)
{
	const struct settings *s = a->settings;
	jsonw_object(&a->w);
	jsonw_key(&a->w, SLICE("teams"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < s->teams_n; i++) {
		const struct team *t = &s->teams[i];
		if (!a->who->all && !slice_eq(t->name, name_get(&a->who->team)))
			continue;
		jsonw_object(&a->w);
		jsonw_put_string(&a->w, SLICE("name"), t->name);
		jsonw_put_string(&a->w, SLICE("cost_centre"), t->cost_centre.n ? t->cost_centre : SLICE_NONE);
		jsonw_key(&a->w, SLICE("members"));
		jsonw_array(&a->w);
		for (size_t m = 0; m < t->members_n; m++)
			jsonw_string(&a->w, t->members[m]);
		jsonw_array_end(&a->w);
		jsonw_put_string(&a->w, SLICE("source"), t->by_api ? SLICE("api") : SLICE("file"));
		jsonw_object_end(&a->w);
	}
	jsonw_array_end(&a->w);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

/* Is the rule one of the file's? */
static bool in_file(const struct admin *a, slice kind)
{
	const struct settings *s = a->settings;
	const struct team *t = settings_team_named(s, a->param);
	if (slice_eq(kind, SLICE("team")))
		return t && !t->by_api;
	for (size_t i = 0; i < s->budgets_n; i++)
		if (slice_eq(s->budgets[i].rule.name, a->param))
			return !slice_eq(s->budgets[i].rule.place.file, SLICE(SETTINGS_MORE_NAME));
	return false;
}

static int refuse_file(struct admin *a, slice kind)
{
	return admin_refuse(a, 409,
	                    "the " SLICE_FMT " \"" SLICE_FMT
	                    "\" stands in the settings file, which wins: change it there",
	                    SLICE_ARG(kind), SLICE_ARG(a->param));
}

struct faults {
	char text[FAULTS_MAX];
	size_t n;
};

static void on_fault(void *arg, const char *line)
{
	struct faults *f = arg;
	if (f->n < sizeof f->text)
		f->n +=
		    (size_t)snprintf(f->text + f->n, sizeof f->text - f->n, "%s%s", f->n ? "; " : "", line);
}

/* The body as it is kept: one line, with the name of the path, or as. NULL when it is no object, or has
 * another name. */
static char *body_of(struct admin *a, slice as)
{
	cJSON *o = cJSON_ParseWithLength(a->body.p ? a->body.p : "", a->body.n);
	slice name = arena_copy(&a->mem, a->param);
	const cJSON *told = cJSON_GetObjectItemCaseSensitive(o, "name");
	bool good = cJSON_IsObject(o) && name.p && strlen(name.p) == name.n;
	if (good && told)
		good = cJSON_IsString(told) && strcmp(told->valuestring, name.p) == 0;
	else if (good)
		good = cJSON_AddStringToObject(o, "name", name.p) != NULL;
	if (good && !slice_eq(as, name)) {
		cJSON_DeleteItemFromObjectCaseSensitive(o, "name");
		slice other = arena_copy(&a->mem, as);
		good = other.p && cJSON_AddStringToObject(o, "name", other.p) != NULL;
	}
	char *text = good ? cJSON_PrintUnformatted(o) : NULL;
	cJSON_Delete(o);
	return text;
}

static int refuse_body(struct admin *a)
{
	return admin_refuse(
	    a, 400,
	    "a JSON object with the keys of the settings is wanted as the request's body; its "
	    "\"name\" is that of the path");
}

struct settings *admin_try_budget(struct admin *a, const struct budget_rule **out, int *r)
{
	struct faults faults = {.n = 0};
	bool file = in_file(a, SLICE("budget"));
	slice name = file ? arena_printf(&a->mem, SLICE_FMT ".preview", SLICE_ARG(slice_sub(a->param, 0, 50)))
	                  : a->param;
	char *body = body_of(a, name);
	if (body == NULL) {
		*r = refuse_body(a);
		return NULL;
	}
	struct ledger_rule rule = {.kind = SLICE("budget"), .name = name, .body = slice_of(body)};
	struct settings *tried =
	    rules_load(a->settings->source, a->c->ops, a->c->ledger, &rule, on_fault, &faults);
	*out = tried ? settings_budget(tried, name) : NULL;
	cJSON_free(body);
	if (*out)
		return tried;
	settings_unref(tried);
	*r = admin_refuse(a, 400, "%s", faults.n ? faults.text : "it is no such rule");
	return NULL;
}

static int put(struct admin *a, slice kind)
{
	struct faults faults = {.n = 0};
	struct error e = {0};
	if (in_file(a, kind))
		return refuse_file(a, kind);
	char *body = body_of(a, a->param);
	if (body == NULL)
		return refuse_body(a);
	struct ledger_rule r = {
	    .kind = kind, .name = a->param, .body = slice_of(body), .by = admin_actor(a), .at_ms = a->now_ms};
	struct settings *tried =
	    rules_load(a->settings->source, a->c->ops, a->c->writable, &r, on_fault, &faults);
	int code;
	if (tried == NULL) {
		code = admin_refuse(a, 400, "%s", faults.n ? faults.text : "it is no such rule");
	} else if (a->c->ops->rule_put(a->c->writable, &r, &e) < 0) {
		code = admin_fault(a, &e);
	} else {
		admin_changed(a);
		jsonw_object(&a->w);
		jsonw_put_string(&a->w, SLICE("name"), a->param);
		jsonw_put_string(&a->w, SLICE("source"), SLICE("api"));
		jsonw_object_end(&a->w);
		code = admin_end(a);
	}
	settings_unref(tried);
	cJSON_free(body);
	return code;
}

static int drop(struct admin *a, slice kind)
{
	struct error e = {0};
	struct ledger_rule r = {.kind = kind, .name = a->param, .at_ms = a->now_ms};
	if (in_file(a, kind))
		return refuse_file(a, kind);
	if (a->c->ops->rule_delete(a->c->writable, &r, &e) < 0)
		return admin_fault(a, &e);
	admin_changed(a);
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("name"), a->param);
	jsonw_put_bool(&a->w, SLICE("deleted"), true);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

int admin_teams_put(struct admin *a)
{
	return put(a, SLICE("team"));
}

int admin_teams_delete(struct admin *a)
{
	return drop(a, SLICE("team"));
}

int admin_budgets_put(struct admin *a)
{
	return put(a, SLICE("budget"));
}

int admin_budgets_delete(struct admin *a)
{
	return drop(a, SLICE("budget"));
}
