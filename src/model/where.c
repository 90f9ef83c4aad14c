#include "model/where_in.h"

#include "base/map.h"
#include "text/json.h"

static const struct {
	const char *name;
	enum field_kind kind;
	bool row;
} FIELDS[] = {
#define X(id, name, kind, row) {#name, kind, row},
    FIELD_LIST(X)
#undef X
};

const char *field_name(enum field f)
{
	return f < FIELD_N ? FIELDS[f].name : "";
}

enum field field_from_name(slice name)
{
	for (size_t i = 0; i < FIELD_N; i++)
		if (slice_eq(name, slice_of(FIELDS[i].name)))
			return (enum field)i;
	return slice_eq(name, SLICE("key_id")) ? FIELD_KEY : FIELD_N; /* the ledger's name of it */
}

enum field_kind field_kind_of(enum field f)
{
	return FIELDS[f].kind;
}

bool field_in_row(enum field f)
{
	return FIELDS[f].row;
}

/* --- values ------------------------------------------------------------------ */

/* The first fields are the attributes, in their order. */
_Static_assert((int)FIELD_USER == (int)ATTR_USER && (int)FIELD_TAGS == (int)ATTR_TAGS &&
                   (int)FIELD_SUBAGENT == (int)ATTR_SUBAGENT && (int)ATTR_SUBAGENT == ATTR_N - 1,
               "fields begin with the attributes");

/* A header may say so of any call. */
static bool is_claim(const struct record *r, enum field f)
{
	slice rest = r->text[TEXT_CLAIMED], name;
	while (rest.n && slice_split(&rest, ',', &name))
		if (slice_eq(name, slice_of(field_name(f))))
			return true;
	return false;
}

static int64_t local_s(const struct facts *f)
{
	int64_t s = f->record->time_ms / 1000;
	return f->zone ? s + zone_offset(f->zone, s) : s;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static slice weekday(const struct facts *f)
{
	static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	int64_t day = floor_div(local_s(f), 86400) + 3; /* 1970-01-01 was a Thursday */
	return slice_of(names[(day % 7 + 7) % 7]);
}

/* The tag's text; n 0 when there is none of that name, or it is no text. */
static slice tag_text(slice tags, slice name, char buf[ATTR_TEXT_MAX])
{
	struct json j;
	json_key k;
	json_str v;
	json_init(&j, tags);
	if (tags.n == 0 || json_peek(&j) != JSON_OBJECT || !json_object(&j))
		return SLICE_NONE;
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, name)) {
			json_skip(&j, NULL);
			continue;
		}
		if (!json_opt_string(&j, &v))
			return SLICE_NONE;
		size_t n = v.escaped ? json_unescape(&v, buf, ATTR_TEXT_MAX) : v.raw.n;
		if (n > ATTR_TEXT_MAX)
			return SLICE_NONE;
		return v.escaped ? slice_make(buf, n) : v.raw;
	}
	return SLICE_NONE;
}

slice facts_text(const struct facts *f, const struct field_ref *ref, char buf[ATTR_TEXT_MAX])
{
	static const enum record_text texts[FIELD_N] = {
	    [FIELD_KEY] = TEXT_KEY_ID,
	    [FIELD_PROVIDER] = TEXT_PROVIDER,
	    [FIELD_MODEL_REQUESTED] = TEXT_MODEL_REQUESTED,
	    [FIELD_EFFORT] = TEXT_EFFORT,
	    [FIELD_SPEED] = TEXT_SPEED,
	    [FIELD_SERVICE_TIER] = TEXT_SERVICE_TIER,
	    [FIELD_SOURCE] = TEXT_SOURCE,
	    [FIELD_NODE] = TEXT_NODE,
	};
	const struct record *r = f->record;
	if (ref->field == FIELD_TAGS)
		return tag_text(r->who.v[ATTR_TAGS], ref->tag, buf);
	if (ref->field == FIELD_TRIGGER || ref->field == FIELD_PR)
		return is_claim(r, ref->field) ? SLICE_NONE : r->who.v[ref->field];
	if ((int)ref->field < ATTR_N)
		return r->who.v[ref->field];
	if (ref->field == FIELD_API)
		return slice_of(api_name(r->api));
	if (ref->field == FIELD_MODEL)
		return f->model.n                     ? f->model
		       : r->text[TEXT_MODEL_CALLED].n ? r->text[TEXT_MODEL_CALLED]
		                                      : r->text[TEXT_MODEL_REQUESTED];
	if (ref->field == FIELD_BILLING)
		return slice_of(billing_name(r->billing));
	if (ref->field == FIELD_STREAM)
		return r->stream ? SLICE("true") : SLICE("false");
	if (ref->field == FIELD_WEEKDAY)
		return weekday(f);
	if (ref->field == FIELD_AUTHOR)
		return f->ci ? f->ci->author : SLICE_NONE;
	return field_kind_of(ref->field) == FIELD_TEXT ? r->text[texts[ref->field]] : SLICE_NONE;
}

/* False when it is not known. */
static bool number_of(const struct facts *f, const struct where_cond *c, int64_t *out)
{
	int64_t v = -1;
	if (c->ref.field == FIELD_HOUR) {
		int64_t s = local_s(f);
		v = (s - floor_div(s, 86400) * 86400) / 3600;
	} else if (c->ref.field == FIELD_TURN) {
		v = f->record->turn;
	} else if (c->ref.field == FIELD_ATTEMPT) {
		v = f->record->attempt;
	} else if (c->ref.field == FIELD_DIFF_LINES) {
		v = f->ci ? f->ci->diff_lines : -1;
	} else if (c->ref.field == FIELD_BUDGET && f->budget_used) {
		v = f->budget_used(f->budget_arg, c->ref.tag, f);
	}
	*out = v;
	return v >= 0;
}

/* --- tests ------------------------------------------------------------------- */

static bool compares(const struct where_test *t, int64_t v)
{
	switch (t->op) {
	case OP_EQUAL:
		return v == t->number;
	case OP_BELOW:
		return v < t->number;
	case OP_AT_MOST:
		return v <= t->number;
	case OP_ABOVE:
		return v > t->number;
	case OP_AT_LEAST:
		return v >= t->number;
	case OP_UNKNOWN:
	case OP_PREFIX:
	case OP_GLOB:
		break;
	}
	return false;
}

static bool text_passes(const struct where_test *t, slice v)
{
	long long number;
	switch (t->op) {
	case OP_UNKNOWN:
		return v.n == 0;
	case OP_EQUAL:
		return v.n && slice_eq(v, t->text);
	case OP_PREFIX:
		return v.n && slice_starts(v, t->text);
	case OP_GLOB:
		return v.n && slice_glob(v, t->text);
	case OP_BELOW:
	case OP_AT_MOST:
	case OP_ABOVE:
	case OP_AT_LEAST:
		break;
	}
	return slice_to_i64(v, &number) && compares(t, number);
}

static bool text_holds(const struct where_cond *c, slice v)
{
	bool yes = c->yes_n == 0;
	for (size_t i = 0; i < c->yes_n && !yes; i++)
		yes = text_passes(&c->yes[i], v);
	for (size_t i = 0; i < c->no_n && yes; i++)
		yes = !text_passes(&c->no[i], v);
	return yes;
}

static bool number_passes(const struct where_test *t, bool known, int64_t v)
{
	return known ? compares(t, v) : t->op == OP_UNKNOWN;
}

static bool number_holds(const struct where_cond *c, bool known, int64_t v)
{
	bool yes = c->yes_n == 0;
	for (size_t i = 0; i < c->yes_n && !yes; i++)
		yes = number_passes(&c->yes[i], known, v);
	for (size_t i = 0; i < c->no_n && yes; i++)
		yes = !number_passes(&c->no[i], known, v);
	return yes;
}

/* No value at all: only null holds. */
static bool nothing_holds(const struct where_cond *c)
{
	for (size_t i = 0; i < c->yes_n; i++)
		if (c->yes[i].op == OP_UNKNOWN)
			return true;
	return false;
}

static bool one_of_holds(const struct where_cond *c, const slice *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_holds(c, at[i]))
			return true;
	return n == 0 && nothing_holds(c);
}

static bool one_line_holds(const struct where_cond *c, slice lines)
{
	slice line;
	bool none = true;
	while (lines.n && slice_split(&lines, '\n', &line)) {
		if (line.n == 0)
			continue;
		none = false;
		if (text_holds(c, line))
			return true;
	}
	return none && nothing_holds(c);
}

static bool many_hold(const struct where_cond *c, const struct facts *f)
{
	if (c->ref.field == FIELD_TOOL)
		return one_of_holds(c, f->tools, f->tools_n);
	if (c->ref.field == FIELD_MCP_SERVER)
		return one_of_holds(c, f->mcp_servers, f->mcp_servers_n);
	return one_line_holds(c, f->ci ? f->ci->paths : SLICE_NONE);
}

static bool holds(const struct where_cond *c, const struct facts *f)
{
	char buf[ATTR_TEXT_MAX];
	int64_t v;
	switch (field_kind_of(c->ref.field)) {
	case FIELD_TEXT:
	case FIELD_TAG:
		return text_holds(c, facts_text(f, &c->ref, buf));
	case FIELD_MANY:
		return many_hold(c, f);
	case FIELD_NUMBER:
	case FIELD_SHARE:
		break;
	}
	bool known = number_of(f, c, &v);
	return number_holds(c, known, v);
}

/* any within any goes WHERE_DEPTH_MAX deep, so the call stack does not grow beyond. */
bool where_match(const struct where *w, const struct facts *f)
{
	if (w == NULL)
		return true;
	for (size_t i = 0; i < w->conds_n; i++)
		if (!holds(&w->conds[i], f))
			return false;
	for (size_t i = 0; i < w->any_n; i++)
		if (where_match(w->any[i], f))
			return true;
	return !w->has_any;
}

uint64_t where_fields(const struct where *w)
{
	return w ? w->fields : 0;
}

bool where_uses(const struct where *w, enum field f)
{
	return where_fields(w) >> f & 1;
}

/* --- a number of what it says --------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	return map_hash(slice_make(&v, sizeof v), h);
}

static uint64_t tests_hash(const struct where_test *t, size_t n, uint64_t h)
{
	h = mix(h, n);
	for (size_t i = 0; i < n; i++)
		h = map_hash(t[i].text, mix(mix(h, (uint64_t)t[i].op), (uint64_t)t[i].number));
	return h;
}

uint64_t where_hash(const struct where *w, uint64_t h)
{
	if (w == NULL)
		return mix(h, 0);
	h = mix(h, w->conds_n + 1);
	for (size_t i = 0; i < w->conds_n; i++) {
		const struct where_cond *c = &w->conds[i];
		h = map_hash(c->ref.tag, mix(h, (uint64_t)c->ref.field));
		h = tests_hash(c->no, c->no_n, tests_hash(c->yes, c->yes_n, h));
	}
	h = mix(h, w->has_any ? w->any_n + 1 : 0);
	for (size_t i = 0; i < w->any_n; i++)
		h = where_hash(w->any[i], h);
	return h;
}
