#include "finops/alert.h"

#include <stdio.h>

#include "base/utf8.h"

/* --- labels ------------------------------------------------------------------------------ */

void alert_label_add(struct alert_cause *c, const char *name, slice value)
{
	if (value.n && c->labels_n < ALERT_LABELS_MAX)
		c->labels[c->labels_n++] = (struct alert_label){slice_of(name), value};
}

slice alert_label_get(const struct alert_cause *c, slice name)
{
	for (size_t i = 0; i < c->labels_n; i++)
		if (slice_eq(c->labels[i].name, name))
			return c->labels[i].value;
	return SLICE_NONE;
}

size_t alert_labels_all(const struct alert_cause *c, slice id, struct alert_label *out)
{
	size_t n = 0;
	out[n++] = (struct alert_label){SLICE("kind"), slice_of(alert_kind_name(c->kind))};
	out[n++] = (struct alert_label){SLICE("severity"), slice_of(alert_severity_name(c->severity))};
	if (id.n)
		out[n++] = (struct alert_label){SLICE("alert"), id};
	for (size_t i = 0; i < c->labels_n; i++)
		out[n++] = c->labels[i];
	return n;
}

int alert_cause_copy(struct arena *mem, const struct alert_cause *c, struct alert_cause *out)
{
	*out = *c;
	slice *const texts[] = {&out->key,  &out->title,   &out->text,  &out->evidence,
	                        &out->look, &out->contain, &out->target};
	bool whole = true;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		*texts[i] = arena_copy(mem, *texts[i]);
		whole = whole && texts[i]->p;
	}
	for (size_t i = 0; i < c->labels_n; i++) { /* names too: an anomaly's dimension is its own */
		out->labels[i].name = arena_copy(mem, c->labels[i].name);
		out->labels[i].value = arena_copy(mem, c->labels[i].value);
		whole = whole && out->labels[i].name.p && out->labels[i].value.p;
	}
	return whole ? 0 : ERR_NOMEM;
}

/* --- the body ---------------------------------------------------------------------------- */

/* What comes from outside (names, evidence) says nothing to a terminal or a mail's head. */
static void put_clean(struct jsonw *w, slice key, slice text, size_t most, bool lines)
{
	char clean[ALERT_TEXT_MAX];
	if (text.n == 0)
		return;
	slice kept = slice_sub(text, 0, utf8_cut(text, most < sizeof clean ? most : sizeof clean));
	for (size_t i = 0; i < kept.n; i++) {
		unsigned char c = (unsigned char)kept.p[i];
		bool good = (c >= 0x20 && c != 0x7f) || (lines && c == '\n');
		clean[i] = good ? (char)c : ' ';
	}
	jsonw_put_string(w, key, slice_make(clean, kept.n));
}

int alert_body_write(const struct alert_cause *c, struct buf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	put_clean(&w, SLICE("title"), c->title, ALERT_TITLE_MAX, false);
	put_clean(&w, SLICE("text"), c->text, ALERT_TEXT_MAX, true);
	put_clean(&w, SLICE("evidence"), c->evidence, ALERT_TEXT_MAX, true);
	put_clean(&w, SLICE("look"), c->look, ALERT_TEXT_MAX, false);
	put_clean(&w, SLICE("contain"), c->contain, ALERT_TEXT_MAX, false);
	put_clean(&w, SLICE("target"), c->target, ALERT_TITLE_MAX, false);
	jsonw_key(&w, SLICE("labels"));
	jsonw_object(&w);
	for (size_t i = 0; i < c->labels_n; i++)
		put_clean(&w, c->labels[i].name, c->labels[i].value, ALERT_TITLE_MAX, false);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

static bool take(struct json *j, struct arena *mem, slice *to)
{
	json_str s;
	if (!json_string(j, &s))
		return false;
	char *text = arena_alloc(mem, s.raw.n + 1);
	*to = text ? slice_make(text, json_unescape(&s, text, s.raw.n + 1)) : SLICE_NONE;
	return text != NULL;
}

static bool take_labels(struct json *j, struct arena *mem, struct alert_cause *out)
{
	json_key k;
	json_object(j);
	while (json_next_key(j, &k)) {
		slice name = arena_copy(mem, k.raw), value;
		if (name.p == NULL || !take(j, mem, &value))
			return false;
		if (out->labels_n < ALERT_LABELS_MAX)
			out->labels[out->labels_n++] = (struct alert_label){name, value};
	}
	return true;
}

int alert_body_read(slice body, struct arena *mem, struct alert_cause *out)
{
	const struct {
		const char *name;
		slice *to;
	} texts[] = {{"title", &out->title}, {"text", &out->text},       {"evidence", &out->evidence},
	             {"look", &out->look},   {"contain", &out->contain}, {"target", &out->target}};
	struct json j;
	json_key k;
	bool good = true;
	out->labels_n = 0;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i].to = SLICE_NONE;
	json_init(&j, body);
	json_object(&j);
	while (good && json_next_key(&j, &k)) {
		size_t i = 0;
		while (i < sizeof texts / sizeof *texts && !json_key_is(&k, slice_of(texts[i].name)))
			i++;
		if (i < sizeof texts / sizeof *texts)
			good = take(&j, mem, texts[i].to);
		else if (json_key_is(&k, SLICE("labels")))
			good = take_labels(&j, mem, out);
		else
			json_skip(&j, NULL);
	}
	return good && json_end(&j) ? 0 : ERR_INVALID;
}

/* --- what a silence holds ---------------------------------------------------------------- */

int alert_matches_read(slice text, struct alert_label out[ALERT_WHERE_MAX], size_t *n, struct error *e)
{
	slice rest = text, pair;
	*n = 0;
	while (rest.n && slice_split(&rest, ',', &pair)) {
		slice value = slice_trim(pair), name;
		if (slice_find_char(value, '=') < 0)
			return error_set(e, ERR_INVALID,
			                 "\"" SLICE_FMT "\": write LABEL=VALUE, such as budget=dev-day",
			                 SLICE_ARG(slice_sub(value, 0, 60)));
		slice_split(&value, '=', &name);
		name = slice_trim(name);
		if (!alert_label_known(name))
			return error_set(
			    e, ERR_INVALID,
			    "alerts have no label \"" SLICE_FMT
			    "\"; they have alert, kind, severity, budget, rule, user, team, "
			    "session, agent, repo, workflow, provider, model, key, scope, series",
			    SLICE_ARG(slice_sub(name, 0, 60)));
		if (*n == ALERT_WHERE_MAX)
			return error_set(e, ERR_INVALID, "at most %d labels are taken", ALERT_WHERE_MAX);
		out[(*n)++] = (struct alert_label){name, slice_trim(value)};
	}
	return *n ? 0
	          : error_set(e, ERR_INVALID, "it says nothing: write LABEL=VALUE, such as budget=dev-day");
}

void alert_span(int64_t ms, char out[ALERT_SPAN_MAX])
{
	long long s = ms < 0 ? 0 : (long long)(ms / 1000);
	if (s < 60)
		snprintf(out, ALERT_SPAN_MAX, "%lld s", s);
	else if (s < 3600)
		snprintf(out, ALERT_SPAN_MAX, "%lld min", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, ALERT_SPAN_MAX, "%lld h %lld min", s / 3600, s % 3600 / 60);
	else
		snprintf(out, ALERT_SPAN_MAX, "%lld days", s / 86400);
}
