#include "model/body.h"

const char *item_kind_name(enum item_kind k)
{
#define X(id, name) [id] = #name,
	static const char *const names[ITEM_KINDS] = {ITEM_LIST(X)};
#undef X
	return k < ITEM_KINDS ? names[k] : "?";
}

/* --- spans -----------------------------------------------------------------------------------------------
 */

static bool inside(slice part, slice whole)
{
	return part.n && whole.n && part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

/* Each element; or the value itself when it is no array. */
static int spans_of(slice raw, enum body_section section, body_span_fn *on_span, void *arg)
{
	struct body_elements e;
	struct body_span s = {.section = section, .raw = raw};
	if (raw.n == 0)
		return 0;
	if (section == BODY_SYSTEM || !body_elements(raw, &e))
		return on_span(arg, &s);
	int rc = 0;
	for (; rc == 0 && body_next(&e, &s.raw); s.index++)
		rc = on_span(arg, &s);
	return rc;
}

int body_spans(const struct request_view *v, body_span_fn *on_span, void *arg)
{
	int rc = spans_of(v->tools, BODY_TOOLS, on_span, arg);
	/* In some dialects the system's words are those of the first message, and come with it. */
	if (rc == 0 && !inside(v->system, v->messages))
		rc = spans_of(v->system, BODY_SYSTEM, on_span, arg);
	return rc ? rc : spans_of(v->messages, BODY_MESSAGES, on_span, arg);
}

/* --- walkers ---------------------------------------------------------------------------------------------
 */

void body_give(struct body_walk *w, struct body_item *it)
{
	if (w->rc)
		return;
	it->span = w->span;
	it->first = !w->any;
	w->any = true;
	w->rc = w->on_item(w->arg, it);
}

int body_walk(const struct body_span *s, body_reader *read, body_item_fn *on_item, void *arg)
{
	struct body_walk w = {.span = s, .on_item = on_item, .arg = arg};
	read(&w, s->raw);
	if (!w.any) {
		struct body_item none = {.kind = ITEM_OTHER, .raw = s->raw};
		body_give(&w, &none);
	}
	return w.rc;
}

bool body_fields(slice raw, struct wire_words fields, slice *at)
{
	struct json j;
	json_key k;
	if (!body_is_object(raw))
		return false;
	json_init_known(&j, raw);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		int id = wire_word(&k, fields);
		slice value;
		if (json_skip(&j, &value) && id != WIRE_NONE && value.p[0] != 'n')
			at[id] = value;
	}
	return true;
}

bool body_first_key(slice raw, json_key *k)
{
	struct json j;
	if (!body_is_object(raw))
		return false;
	json_init_known(&j, raw);
	return json_object(&j) && json_next_key(&j, k);
}

json_str body_string(slice raw)
{
	if (!body_is_string(raw))
		return (json_str){SLICE_NONE, false};
	slice s = slice_make(raw.p + 1, raw.n - 2); /* of an empty one too: it is there */
	return (json_str){s, slice_find_char(s, '\\') >= 0};
}

bool body_elements(slice raw, struct body_elements *e)
{
	if (!body_is_array(raw))
		return false;
	json_init_known(&e->j, raw);
	return json_array(&e->j);
}

bool body_next(struct body_elements *e, slice *raw)
{
	return json_next(&e->j) && json_skip(&e->j, raw);
}

void body_words(struct body_item *it, slice value)
{
	it->text = body_string(value);
	it->json = it->text.raw.p ? SLICE_NONE : value;
}

void body_address(struct body_item *it, json_str address)
{
	if (!slice_starts(address.raw, SLICE("data:"))) {
		it->url = address;
		return;
	}
	slice rest = slice_sub(address.raw, 5, address.raw.n);
	ptrdiff_t comma = slice_find_char(rest, ','), end = slice_find_char(rest, ';');
	if (comma < 0)
		return;
	if (end < 0 || end > comma)
		end = comma;
	it->media_type = (json_str){slice_sub(rest, 0, (size_t)end), address.escaped};
	it->data = (json_str){slice_sub(rest, (size_t)comma + 1, rest.n), address.escaped};
}
