#include "store/columns.h"

#define ATTR(a, name)     {name, COLUMN_ATTR, a, true},
#define TEXT(t, name)     {name, COLUMN_TEXT, t, true},
#define NOTE(t, name)     {name, COLUMN_TEXT, t, false},
#define ENUM(e, name)     {name, COLUMN_ENUM, e, true},
#define INT(field, dim)   {#field, COLUMN_INT, offsetof(struct record, field), dim},
#define COST(field, name) {name, COLUMN_COST, offsetof(struct record, field), false},

/* clang-format off */
/* The order of the product's own list of fields. */
static const struct column columns[] = {
    {"id", COLUMN_ID, 0, false},
    {"time_ms", COLUMN_TIME, offsetof(struct record, time_ms), false},
    TEXT(TEXT_NODE, "node") TEXT(TEXT_SOURCE, "source") TEXT(TEXT_PROVIDER, "provider") ENUM(ENUM_API, "api")
    TEXT(TEXT_MODEL_REQUESTED, "model_requested") TEXT(TEXT_MODEL_SERVED, "model_served")
    TEXT(TEXT_EFFORT, "effort") TEXT(TEXT_SPEED, "speed") TEXT(TEXT_SERVICE_TIER, "service_tier")
#define X(id, name) ATTR(id, #name)
    ATTR_LIST(X)
#undef X
    INT(turn, true) INT(attempt, true) NOTE(TEXT_RETRY_OF, "retry_of") TEXT(TEXT_KEY_ID, "key_id")
    INT(status, true) ENUM(ENUM_ENDING, "ending") TEXT(TEXT_STOP_REASON, "stop_reason")
    {"stream", COLUMN_BOOL, offsetof(struct record, stream), true},
    INT(duration_ms, false) INT(ttft_ms, false)
#define X(id, name) {#name, COLUMN_INT, offsetof(struct record, usage.m[id]), false},
    METER_LIST(X)
#undef X
    INT(context_tokens, false) INT(tool_calls, false) INT(server_tool_calls, false)
    COST(cost.total, "cost_nanousd")
#define X(id, name) COST(cost.part[id], "cost_" #name)
    COST_LIST(X)
#undef X
    INT(list_cost_nanousd, false) ENUM(ENUM_BILLING, "billing") TEXT(TEXT_PRICE_ID, "price_id")
    ENUM(ENUM_USAGE_SOURCE, "usage_source") ENUM(ENUM_DECISION, "decision") TEXT(TEXT_RULE, "rule")
    NOTE(TEXT_SHADOW, "shadow") INT(hold_nanousd, false) NOTE(TEXT_EXPLANATION, "explanation")
    NOTE(TEXT_CALL_KEY, "call_key")
    NOTE(TEXT_CLAIMED, "claimed")
    INT(credits_nano, false) TEXT(TEXT_BATCH, "batch") NOTE(TEXT_CORRECTS, "corrects") TEXT(TEXT_REGION, "region")
    INT(hold_tokens, false) TEXT(TEXT_MODEL_CALLED, "model_called")
};
/* clang-format on */
#define COLUMNS           (sizeof columns / sizeof columns[0])

const struct column *column_at(size_t i)
{
	return i < COLUMNS ? &columns[i] : NULL;
}

size_t columns_n(void)
{
	return COLUMNS;
}

const struct column *column_find(slice name)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (slice_eq(name, slice_of(columns[i].name)))
			return &columns[i];
	return NULL;
}

bool column_is_text(const struct column *c)
{
	return c->kind == COLUMN_ID || c->kind == COLUMN_ATTR || c->kind == COLUMN_TEXT ||
	       c->kind == COLUMN_ENUM;
}

bool column_is_tag(slice name)
{
	return slice_starts(name, SLICE("tags.")) && name.n > 5 && slice_find_char(name, '"') < 0;
}

static const char *const part_columns[] = {"tool", "mcp_server", "part"};
#define PART_COLUMNS (sizeof part_columns / sizeof part_columns[0])

bool column_is_part(slice name)
{
	for (size_t i = 0; i < PART_COLUMNS; i++)
		if (slice_eq(name, slice_of(part_columns[i])))
			return true;
	return false;
}

bool column_may_group(slice name)
{
	const struct column *c = column_find(name);
	return (c && c->dimension) || slice_eq(name, SLICE(COLUMN_MODEL)) || column_is_tag(name) ||
	       column_is_part(name);
}

bool column_may_filter(slice name)
{
	return column_find(name) || slice_eq(name, SLICE(COLUMN_MODEL)) || column_is_tag(name) ||
	       column_is_part(name);
}

const char *column_group_name(size_t i)
{
	for (size_t at = 0; at < COLUMNS; at++)
		if (columns[at].dimension && i-- == 0)
			return columns[at].name;
	if (i < PART_COLUMNS)
		return part_columns[i];
	i -= PART_COLUMNS;
	return i == 0 ? COLUMN_MODEL : i == 1 ? "tags.NAME" : NULL;
}

static struct value text_value(slice s)
{
	return s.n ? (struct value){VALUE_TEXT, s, 0} : (struct value){VALUE_NULL, SLICE_NONE, 0};
}

static struct value int_value(int64_t v)
{
	return (struct value){VALUE_INT, SLICE_NONE, v};
}

static int64_t number_at(const struct column *c, const struct record *r)
{
	int64_t v;
	memcpy(&v, (const char *)r + c->at, sizeof v);
	return v;
}

static struct value enum_value(enum column_enum which, const struct record *r)
{
	switch (which) {
	case ENUM_API:
		return text_value(r->api < API_N ? slice_of(api_name(r->api)) : SLICE_NONE);
	case ENUM_ENDING:
		return text_value(slice_of(ending_name(r->ending)));
	case ENUM_BILLING:
		return text_value(slice_of(billing_name(r->billing)));
	case ENUM_USAGE_SOURCE:
		return text_value(r->usage_source == SOURCE_NONE
		                      ? SLICE_NONE
		                      : slice_of(usage_source_name(r->usage_source)));
	case ENUM_DECISION:
		return text_value(slice_of(decision_name(r->decision)));
	}
	return text_value(SLICE_NONE);
}

struct value column_get(const struct column *c, const struct record *r)
{
	switch (c->kind) {
	case COLUMN_ID:
		return text_value(slice_of(r->id));
	case COLUMN_TIME:
		return int_value(r->time_ms);
	case COLUMN_ATTR:
		return text_value(r->who.v[c->at]);
	case COLUMN_TEXT:
		return text_value(r->text[c->at]);
	case COLUMN_ENUM:
		return enum_value((enum column_enum)c->at, r);
	case COLUMN_BOOL:
		return int_value(r->stream);
	case COLUMN_INT:
		return number_at(c, r) == RECORD_ABSENT ? text_value(SLICE_NONE) : int_value(number_at(c, r));
	case COLUMN_COST:
		return r->priced ? int_value(number_at(c, r)) : text_value(SLICE_NONE);
	}
	return text_value(SLICE_NONE);
}

/* --- back ------------------------------------------------------------------------------------ */

#define X(id, name, ...) #name,
static const char *const endings[] = {ENDING_LIST(X)};
static const char *const billings[] = {BILLING_LIST(X)};
static const char *const sources[] = {USAGE_SOURCE_LIST(X)};
static const char *const decisions[] = {DECISION_LIST(X)};
#undef X

static int index_of(slice name, const char *const *names, int n)
{
	int i = 0;
	while (i < n && !slice_eq(name, slice_of(names[i])))
		i++;
	return i;
}

static bool set_enum(enum column_enum which, struct record *r, slice name)
{
	int i;
	switch (which) {
	case ENUM_API:
		i = (int)api_from_name(name);
		r->api = (enum api)i;
		return i < API_N;
	case ENUM_ENDING:
		i = index_of(name, endings, ENDING_N);
		r->ending = i < ENDING_N ? (enum ending)i : r->ending;
		return i < ENDING_N;
	case ENUM_BILLING:
		i = index_of(name, billings, BILLING_N);
		r->billing = i < BILLING_N ? (enum billing)i : r->billing;
		return i < BILLING_N;
	case ENUM_USAGE_SOURCE:
		i = name.n ? index_of(name, sources, SOURCE_N) : SOURCE_NONE;
		r->usage_source = i < SOURCE_N ? (enum usage_source)i : r->usage_source;
		return i < SOURCE_N;
	case ENUM_DECISION:
		i = index_of(name, decisions, DECISION_N);
		r->decision = i < DECISION_N ? (enum decision)i : r->decision;
		return i < DECISION_N;
	}
	return false;
}

bool column_set(const struct column *c, struct record *r, struct value v)
{
	switch (c->kind) {
	case COLUMN_ID:
		if (v.text.n >= sizeof r->id)
			return false;
		memset(r->id, 0, sizeof r->id);
		if (v.text.n)
			memcpy(r->id, v.text.p, v.text.n);
		return true;
	case COLUMN_ATTR:
		r->who.v[c->at] = v.text;
		return true;
	case COLUMN_TEXT:
		r->text[c->at] = v.text;
		return true;
	case COLUMN_ENUM:
		return set_enum((enum column_enum)c->at, r, v.text);
	case COLUMN_BOOL:
		r->stream = v.number != 0;
		return true;
	case COLUMN_COST:
		if (v.kind == VALUE_NULL)
			return true;
		r->priced = true;
		memcpy((char *)r + c->at, &v.number, sizeof v.number);
		return true;
	case COLUMN_TIME:
	case COLUMN_INT:
		if (v.kind == VALUE_NULL)
			v.number = c->kind == COLUMN_INT ? RECORD_ABSENT : 0;
		memcpy((char *)r + c->at, &v.number, sizeof v.number);
		return true;
	}
	return false;
}
