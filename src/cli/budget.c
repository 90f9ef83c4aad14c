/* `weir budget`: what is left, and lifting a limit with no more than one's own key. It asks a running
 * gateway. */
#include <cjson/cJSON.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/remote.h"

#define ANSWER_MAX (16u << 20)

static int run_budget(struct cli *c, int argc, char **argv);

const struct command command_budget = {
    "budget", "shows what is left, and lifts a limit",
    "weir budget list | show NAME | override NAME --add AMOUNT --reason WHY [--for K=V] | overrides | "
    "approve ID | "
    "refuse ID\n\n"
    "Asks a running gateway (--server or WEIR_URL, else the one on this machine) with WEIR_KEY.\n\n"
    "list        budgets, what is spent and held of each counter you may see, and what is left; show NAME: "
    "one, and who holds in it for how long\n"
    "override    adds to a limit for as long as its window lasts: at once within the bounds that the budget "
    "has for\n"
    "            it, and beyond them when an approver has said yes; each stands in the record of changes\n"
    "  --add AMOUNT  in the budget's unit: \"10 USD\", \"2M tokens\"\n"
    "  --reason WHY  for the record, and for who approves\n"
    "  --for K=V     which counter, where it is not your own: user, team, repo, pr, …; may stand several "
    "times\n"
    "overrides   limits lifted, and those that wait for an approver\n"
    "approve, refuse  decides on one that waits; nobody decides on their own\n",
    run_budget};

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "-";
}

/* --- what was answered ------------------------------------------------------------------------------------
 */

static void print_budget(const struct cli *c, const cJSON *b)
{
	const cJSON *counter;
	fprintf(c->out, "%s: %s (window: %s), %s%s%s\n", text_of(b, "name"), text_of(b, "limit"),
	        text_of(b, "window"), text_of(b, "action"),
	        strcmp(text_of(b, "mode"), "enforce") ? ", only recorded: " : "",
	        strcmp(text_of(b, "mode"), "enforce") ? text_of(b, "mode") : "");
	if (strcmp(text_of(b, "override"), "-"))
		fprintf(c->out, "  may be lifted by %s without asking\n", text_of(b, "override"));
	cJSON_ArrayForEach(counter, cJSON_GetObjectItemCaseSensitive(b, "counters"))
	{
		const char *name = text_of(counter, "for"), *until = text_of(counter, "until");
		const cJSON *calls = cJSON_GetObjectItemCaseSensitive(counter, "calls");
		fprintf(c->out, "  %-32s %s left; %s spent, %s held by %.0f calls",
		        strcmp(name, "-") ? name : "all", text_of(counter, "left"),
		        text_of(counter, "settled"), text_of(counter, "held"),
		        cJSON_IsNumber(calls) ? calls->valuedouble : 0);
		if (strcmp(text_of(counter, "held_since"), "-"))
			fprintf(c->out, " since %s", text_of(counter, "held_since"));
		fprintf(c->out, "%s%s\n", strcmp(until, "-") ? ", begins anew " : "",
		        strcmp(until, "-") ? until : "");
	}
}

/* "ana@example.com, session s1, claude-opus-4-5: 0.30 USD for 12 s (call 01…)" */
static void print_holder(const struct cli *c, const cJSON *h)
{
	static const char *const parts[] = {"user", "team", "repo", "session", "agent", "model"};
	const cJSON *age = cJSON_GetObjectItemCaseSensitive(h, "age_s");
	const char *before = "";
	fputs("    ", c->out);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const char *v = text_of(h, parts[i]);
		if (strcmp(v, "-") == 0)
			continue;
		fprintf(c->out, "%s%s%s", before, strcmp(parts[i], "session") ? "" : "session ", v);
		before = ", ";
	}
	bool batch = strcmp(text_of(h, "batch"), "-") != 0;
	fprintf(c->out, ": %s for %.0f s (%s %s)\n", text_of(h, "held"),
	        cJSON_IsNumber(age) ? age->valuedouble : 0, batch ? "batch" : "call",
	        text_of(h, batch ? "batch" : "call"));
}

static void print_holders(const struct cli *c, const cJSON *b)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(b, "holders"), *h;
	if (cJSON_GetArraySize(all) > 0)
		fputs("  held by (the oldest first; in USD, whatever the budget counts):\n", c->out);
	cJSON_ArrayForEach(h, all) print_holder(c, h);
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(b, "more_holders")))
		fputs("    and others\n", c->out);
}

static void print_override(const struct cli *c, const cJSON *o)
{
	const cJSON *scope = cJSON_GetObjectItemCaseSensitive(o, "for"), *v;
	const char *state = text_of(o, "state");
	fprintf(c->out, "%s  %s + %s", text_of(o, "id"), text_of(o, "budget"), text_of(o, "add"));
	cJSON_ArrayForEach(v, scope)
	    fprintf(c->out, ", %s %s", v->string, cJSON_IsString(v) ? v->valuestring : "");
	fprintf(c->out, ": %s", state);
	if (strcmp(text_of(o, "until"), "-") && strcmp(state, "active") == 0)
		fprintf(c->out, " until %s", text_of(o, "until"));
	fprintf(c->out, " (%s: %s)\n", text_of(o, "requested_by"), text_of(o, "reason"));
	if (strcmp(state, "waiting") == 0)
		fprintf(c->err, "An approver says yes by: weir budget approve %s\n", text_of(o, "id"));
}

static int print_answer(const struct cli *c, slice answer)
{
	cJSON *all = cJSON_ParseWithLength(answer.p, answer.n);
	const cJSON *budgets = cJSON_GetObjectItemCaseSensitive(all, "budgets"), *o;
	const cJSON *overrides = cJSON_GetObjectItemCaseSensitive(all, "overrides");
	if (all == NULL)
		return cli_fail(c, "%s gave no answer to understand", c->server);
	cJSON_ArrayForEach(o, budgets) print_budget(c, o);
	cJSON_ArrayForEach(o, overrides) print_override(c, o);
	if (cJSON_IsArray(budgets) && cJSON_GetArraySize(budgets) == 0)
		fputs("There is no budget (budgets: in the settings).\n", c->err);
	if (cJSON_IsArray(overrides) && cJSON_GetArraySize(overrides) == 0)
		fputs("No limit is lifted, and none waits.\n", c->err);
	if (cJSON_HasObjectItem(all, "counters"))
		print_budget(c, all);
	print_holders(c, all);
	if (cJSON_HasObjectItem(all, "state"))
		print_override(c, all);
	cJSON_Delete(all);
	return EXIT_DONE;
}

/* --- asking -----------------------------------------------------------------------------------------------
 */

/* A path of the API with a name as one segment of it, escaped. */
static int make_path(struct buf *out, const char *before, const char *name, const char *after)
{
	struct buf word;
	buf_init(&word, 4096);
	int r = remote_word(&word, SLICE_NONE, slice_of(name)); /* "?=" and the escaped name */
	slice escaped = slice_sub(buf_slice(&word), 2, buf_slice(&word).n);
	if (r == 0)
		r = buf_printf(out, "/api/v1/%s" SLICE_FMT "%s", before, SLICE_ARG(escaped), after);
	buf_release(&word);
	return r;
}

struct wish {
	const char *what, *name, *add, *reason;
	cJSON *scope; /* owned */
};

static int ask(struct cli *c, const char *method, slice path, slice body)
{
	struct buf answer;
	buf_init(&answer, ANSWER_MAX);
	int status = remote_call(c, method, path, body, &answer);
	if (status == EXIT_DONE && c->json)
		fprintf(c->out, SLICE_FMT "\n", SLICE_ARG(slice_trim(buf_slice(&answer))));
	else if (status == EXIT_DONE)
		status = print_answer(c, buf_slice(&answer));
	buf_release(&answer);
	return status;
}

static int override(struct cli *c, const struct wish *w, slice path)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "add", w->add);
	cJSON_AddStringToObject(o, "reason", w->reason);
	if (w->scope)
		cJSON_AddItemToObject(o, "for", cJSON_Duplicate(w->scope, true));
	char *body = cJSON_PrintUnformatted(o);
	int status = body ? ask(c, "POST", path, slice_of(body)) : cli_fail(c, "memory is spent");
	cJSON_free(body);
	cJSON_Delete(o);
	return status;
}

static int carry_out(struct cli *c, const struct wish *w)
{
	static const struct {
		const char *what, *method, *before, *after;
		bool named;
	} ways[] = {{"list", "GET", "budgets", "", false},
	            {"show", "GET", "budgets/", "", true},
	            {"override", "POST", "budgets/", "/override", true},
	            {"overrides", "GET", "overrides", "", false},
	            {"approve", "POST", "overrides/", "/approve", true},
	            {"refuse", "POST", "overrides/", "/refuse", true}};
	char url[REMOTE_URL_MAX];
	struct buf path;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		if (strcmp(ways[i].what, w->what))
			continue;
		if (ways[i].named != (w->name != NULL))
			return cli_usage_error(c, &command_budget,
			                       ways[i].named ? "%s wants a name" : "%s wants no name",
			                       w->what);
		bool lifts = strcmp(w->what, "override") == 0;
		if (lifts && (!w->add || !w->reason))
			return cli_usage_error(c, &command_budget,
			                       "override wants --add \"10 USD\" and --reason WHY");
		if (!remote_find(c, url))
			return EXIT_FAILED;
		buf_init(&path, 8192);
		int status = make_path(&path, ways[i].before, w->name ? w->name : "", ways[i].after)
		                 ? cli_fail(c, "the name is too long")
		             : lifts ? override(c, w, buf_slice(&path))
		                     : ask(c, ways[i].method, buf_slice(&path), SLICE_NONE);
		buf_release(&path);
		return status;
	}
	return cli_usage_error(c, &command_budget,
	                       "budget cannot \"%s\": list, show, override, overrides, approve or refuse",
	                       w->what);
}

static bool take_scope(struct cli *c, struct wish *w, const char *text)
{
	char name[64];
	const char *equals = strchr(text, '=');
	if (equals == NULL || equals == text || equals[1] == '\0' || (size_t)(equals - text) >= sizeof name) {
		cli_usage_error(c, &command_budget, "--for %s: write --for NAME=VALUE", text);
		return false;
	}
	memcpy(name, text, (size_t)(equals - text));
	name[equals - text] = '\0';
	if (w->scope == NULL)
		w->scope = cJSON_CreateObject();
	return cJSON_AddStringToObject(w->scope, name, equals + 1) != NULL;
}

static int run_budget(struct cli *c, int argc, char **argv)
{
	const char *name, *value;
	struct wish w = {0};
	int at = 1, r, status = EXIT_USAGE;
	bool good = true;
	while (good &&
	       (r = cli_next(c, &command_budget, argc, argv, &at, "add=:reason=:for=", &name, &value)) > 0) {
		if (r == 2 && w.what == NULL)
			w.what = value;
		else if (r == 2 && w.name == NULL)
			w.name = value;
		else if (r == 2)
			good = (cli_usage_error(c, &command_budget, "one name, not also %s", value), false);
		else if (strcmp(name, "add") == 0)
			w.add = value;
		else if (strcmp(name, "reason") == 0)
			w.reason = value;
		else
			good = take_scope(c, &w, value);
	}
	if (good && r == 0)
		status = w.what ? carry_out(c, &w)
		                : cli_usage_error(
		                      c, &command_budget,
		                      "say what to do: list, show, override, overrides, approve or refuse");
	else if (good && r == -2)
		status = EXIT_DONE;
	cJSON_Delete(w.scope);
	return status;
}
