#include "cli/top_data.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static slice text(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? slice_of(v->valuestring) : SLICE_NONE;
}

static int64_t number(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : TOP_UNKNOWN;
}

static bool truth(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static void read_sessions(struct top_data *d, const cJSON *list)
{
	const cJSON *o;
	cJSON_ArrayForEach(o, list)
	{
		if (d->sessions_n == TOP_SESSIONS)
			break;
		d->sessions[d->sessions_n++] =
		    (struct top_session){.id = text(o, "id"),
		                         .user = text(o, "user"),
		                         .agent = text(o, "agent"),
		                         .model = text(o, "model"),
		                         .repo = text(o, "repo"),
		                         .branch = text(o, "branch"),
		                         .state = text(o, "state"),
		                         .rule = text(o, "rule"),
		                         .explanation = text(o, "explanation"),
		                         .minute = number(o, "five_minutes_nanousd"),
		                         .spent = number(o, "spent_nanousd"),
		                         .calls = number(o, "calls"),
		                         .refused = number(o, "refused"),
		                         .context = number(o, "context_tokens"),
		                         .turn = number(o, "turn"),
		                         .loop = truth(o, "loop")};
	}
}

static void read_budgets(struct top_data *d, const cJSON *list)
{
	const cJSON *o;
	cJSON_ArrayForEach(o, list)
	{
		if (d->budgets_n == TOP_BUDGETS)
			break;
		d->budgets[d->budgets_n++] = (struct top_budget){.name = text(o, "budget"),
		                                                 .whose = text(o, "for"),
		                                                 .unit = text(o, "unit"),
		                                                 .limit = number(o, "limit"),
		                                                 .settled = number(o, "settled"),
		                                                 .held = number(o, "held"),
		                                                 .lifted = number(o, "lifted"),
		                                                 .share_ppm = number(o, "share_ppm")};
	}
}

static void read_burn(struct top_data *d, const cJSON *burn)
{
	const cJSON *v, *slots = cJSON_GetObjectItemCaseSensitive(burn, "slots_nanousd");
	d->minute = number(burn, "minute_nanousd");
	d->five = number(burn, "five_minutes_nanousd");
	d->calls = number(burn, "minute_calls");
	cJSON_ArrayForEach(v, slots)
	{
		if (d->slots_n == TOP_SLOTS)
			break;
		d->slots[d->slots_n++] = (int64_t)v->valuedouble;
	}
}

bool top_data_read(struct top_data *d, slice json)
{
	cJSON *tree = cJSON_ParseWithLength(json.n ? json.p : "", json.n);
	const cJSON *burn = cJSON_GetObjectItemCaseSensitive(tree, "burn");
	if (!cJSON_IsObject(burn)) {
		cJSON_Delete(tree);
		return false;
	}
	top_data_release(d);
	d->tree = tree;
	d->time = text(tree, "time");
	d->in_flight = number(tree, "calls_in_flight");
	d->draining = truth(tree, "draining");
	d->failing = truth(tree, "ledger_failing");
	read_burn(d, burn);
	read_sessions(d, cJSON_GetObjectItemCaseSensitive(tree, "sessions"));
	read_budgets(d, cJSON_GetObjectItemCaseSensitive(tree, "budgets"));
	int64_t all = number(tree, "sessions_changed");
	d->sessions_all = all > 0 ? (size_t)all : d->sessions_n;
	const cJSON *freezes = cJSON_GetObjectItemCaseSensitive(tree, "freezes");
	int frozen = cJSON_GetArraySize(freezes);
	d->freezes_n = frozen > 0 ? (size_t)frozen : 0;
	d->freeze = frozen > 0 ? text(cJSON_GetArrayItem(freezes, 0), "scope") : SLICE_NONE;
	d->freeze_value = frozen > 0 ? text(cJSON_GetArrayItem(freezes, 0), "value") : SLICE_NONE;
	return true;
}

void top_data_release(struct top_data *d)
{
	cJSON_Delete(d->tree);
	*d = (struct top_data){.tree = NULL};
}

/* --- order ------------------------------------------------------------------------------------------------
 */

const char *top_sort_name(enum top_sort s)
{
	static const char *const names[] = {"burn", "spent", "calls", "context", "user"};
	return s < TOP_SORTS ? names[s] : "?";
}

static char folded(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool contains(slice in, slice word)
{
	for (size_t i = 0; i + word.n <= in.n; i++) {
		size_t k = 0;
		while (k < word.n && folded(in.p[i + k]) == folded(word.p[k]))
			k++;
		if (k == word.n)
			return true;
	}
	return false;
}

static bool matches(const struct top_session *s, slice filter)
{
	const slice in[] = {s->id, s->user, s->agent, s->model, s->repo, s->branch, s->state};
	for (size_t i = 0; i < sizeof in / sizeof *in; i++)
		if (contains(in[i], filter))
			return true;
	return filter.n == 0;
}

static int compare(const struct top_session *a, const struct top_session *b, enum top_sort sort)
{
	int64_t x = sort == TOP_BY_SPENT     ? a->spent
	            : sort == TOP_BY_CALLS   ? a->calls
	            : sort == TOP_BY_CONTEXT ? a->context
	                                     : a->minute;
	int64_t y = sort == TOP_BY_SPENT     ? b->spent
	            : sort == TOP_BY_CALLS   ? b->calls
	            : sort == TOP_BY_CONTEXT ? b->context
	                                     : b->minute;
	int users = sort == TOP_BY_USER ? slice_cmp(a->user, b->user) : 0;
	return users ? users : x != y ? (x < y ? 1 : -1) : slice_cmp(a->id, b->id);
}

size_t top_data_order(const struct top_data *d, enum top_sort sort, slice filter,
                      unsigned short out[TOP_SESSIONS])
{
	size_t n = 0;
	for (size_t i = 0; i < d->sessions_n; i++) {
		if (!matches(&d->sessions[i], filter))
			continue;
		size_t at = n++;
		for (; at > 0 && compare(&d->sessions[out[at - 1]], &d->sessions[i], sort) > 0; at--)
			out[at] = out[at - 1];
		out[at] = (unsigned short)i;
	}
	return n;
}
