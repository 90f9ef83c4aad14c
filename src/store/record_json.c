#include "store/record_json.h"

#include "base/clock.h"
#include "base/money.h"
#include "store/columns.h"

static void put_value(struct jsonw *w, const struct column *c, const struct record *r)
{
	struct value v = column_get(c, r);
	if (v.kind == VALUE_NULL)
		jsonw_null(w);
	else if (v.kind == VALUE_TEXT)
		jsonw_string(w, v.text);
	else if (c->kind == COLUMN_BOOL)
		jsonw_bool(w, v.number != 0);
	else
		jsonw_i64(w, v.number);
}

static void put_time(struct jsonw *w, const struct record *r)
{
	char text[CLOCK_RFC3339_MAX];
	size_t n = clock_format_rfc3339(r->time_ms, text);
	jsonw_put_string(w, SLICE("time"), slice_make(text, n));
}

static void put_mode(struct jsonw *w, const struct record *r)
{
	static const enum record_text parts[] = {TEXT_EFFORT, TEXT_SPEED, TEXT_SERVICE_TIER};
	jsonw_key(w, SLICE("mode"));
	jsonw_object(w);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		slice s = r->text[parts[i]];
		jsonw_put_string(w, slice_of(record_text_name(parts[i])), s.n ? s : SLICE_NONE);
	}
	jsonw_object_end(w);
}

static void put_cost(struct jsonw *w, const struct record *r)
{
	if (!r->priced) {
		jsonw_put_null(w, SLICE("cost"));
		return;
	}
	jsonw_key(w, SLICE("cost"));
	jsonw_object(w);
	for (int i = 0; i < COST_N; i++)
		jsonw_put_i64(w, slice_of(cost_part_name((enum cost_part)i)), r->cost.part[i]);
	jsonw_object_end(w);
}

/* A decimal number of credits, exact; beside the cost at list price. */
static void put_credits(struct jsonw *w, const struct record *r)
{
	char text[MONEY_TEXT_MAX];
	if (r->credits_nano == RECORD_ABSENT)
		jsonw_put_null(w, SLICE("credits"));
	else
		jsonw_put_raw(w, SLICE("credits"),
		              slice_make(text, money_format_exact(r->credits_nano, text)));
}

/* An object when it is one, so that the whole stays JSON whatever a client sent. */
static void put_tags(struct jsonw *w, slice tags)
{
	size_t at;
	if (tags.n == 0)
		jsonw_put_null(w, SLICE("tags"));
	else if (tags.p[0] == '{' && json_validate(tags, &at) == NULL)
		jsonw_put_raw(w, SLICE("tags"), tags);
	else
		jsonw_put_string(w, SLICE("tags"), tags);
}

/* Fields that stand nested under another name; the first of each group writes the whole group. */
static bool put_nested(struct jsonw *w, const struct column *c, const struct record *r)
{
	if (c->kind == COLUMN_TIME) {
		put_time(w, r);
	} else if (c->kind == COLUMN_ATTR && c->at == ATTR_TAGS) {
		put_tags(w, r->who.v[ATTR_TAGS]);
	} else if (c->kind == COLUMN_COST && c->at != offsetof(struct record, cost.total)) {
		if (c->at == offsetof(struct record, cost.part[0]))
			put_cost(w, r);
	} else if (c->kind == COLUMN_TEXT &&
	           (c->at == TEXT_EFFORT || c->at == TEXT_SPEED || c->at == TEXT_SERVICE_TIER)) {
		if (c->at == TEXT_EFFORT)
			put_mode(w, r);
	} else {
		return c->kind == COLUMN_INT && c->at == offsetof(struct record, credits_nano);
	}
	return true;
}

void record_jsonw(struct jsonw *w, const struct record *r)
{
	jsonw_object(w);
	for (size_t i = 0; i < columns_n(); i++) {
		const struct column *c = column_at(i);
		if (put_nested(w, c, r))
			continue;
		jsonw_key(w, slice_of(c->name));
		put_value(w, c, r);
		if (c->kind == COLUMN_INT && c->at == offsetof(struct record, list_cost_nanousd))
			put_credits(w, r);
	}
	jsonw_object_end(w);
}

int record_json(struct buf *out, const struct record *r)
{
	struct jsonw w;
	jsonw_init(&w, out);
	record_jsonw(&w, r);
	return jsonw_end(&w);
}
