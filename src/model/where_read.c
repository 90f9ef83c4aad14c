/* `where` out of YAML. A fault says what was found, what is wanted, and the nearest name that is known. */
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "model/units.h"
#include "model/where_in.h"
#include "text/nearest.h"

#define SHARE_MOST INT64_C(1000000) /* per cent of a budget */

struct reading {
	const struct where_source *from;
	struct arena *mem;
	size_t tests_n; /* of the whole rule */
	bool failed;
};

__attribute__((format(printf, 3, 4))) static bool fault(struct reading *r, const struct yaml_node *at,
                                                        const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	int n = snprintf(text, sizeof text, "%s: ", r->from->key);
	va_start(ap, format);
	if (n > 0 && (size_t)n < sizeof text)
		vsnprintf(text + n, sizeof text - (size_t)n, format, ap);
	va_end(ap);
	r->failed = true;
	r->from->fault(r->from->arg, at, text);
	return false;
}

static bool spent(struct reading *r, const struct yaml_node *at)
{
	return fault(r, at, "memory is spent");
}

static slice shown(slice text)
{
	return slice_sub(text, 0, 60);
}

/* --- fields ------------------------------------------------------------------ */

/* Fields of the ledger that nobody knows before the call was made. */
static bool known_later(slice name)
{
	static const char *const names[] = {
	    "model_served", "status",         "ending",       "stop_reason",       "duration_ms", "ttft_ms",
	    "tool_calls",   "context_tokens", "usage_source", "server_tool_calls", "credits",     "decision",
	    "rule",         "shadow",         "explanation",  "price_id",          "hold_nanousd"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_eq(name, slice_of(names[i])))
			return true;
	for (int m = 0; m < METER_N; m++)
		if (slice_eq(name, slice_of(meter_name((enum meter)m))))
			return true;
	return slice_starts(name, SLICE("cost_")) || slice_starts(name, SLICE("list_cost"));
}

static bool unknown_field(struct reading *r, const struct yaml_node *at, slice name)
{
	struct nearest near;
	if (slice_eq(name, SLICE("model_served")))
		return fault(r, at,
		             "model_served is known only after the call: write model, the one that will be "
		             "called");
	if (known_later(name))
		return fault(r, at,
		             SLICE_FMT " is known only after the call, and rules are decided before it",
		             SLICE_ARG(shown(name)));
	nearest_init(&near, name);
	nearest_offer(&near, SLICE("any"));
	for (int f = 0; f < FIELD_N; f++)
		if (r->from->budget || f != FIELD_BUDGET)
			nearest_offer(&near, slice_of(field_name((enum field)f)));
	if (near.best.n)
		return fault(r, at, "there is no field " SLICE_FMT "; did you mean " SLICE_FMT "?",
		             SLICE_ARG(shown(name)), SLICE_ARG(near.best));
	return fault(r, at,
	             "there is no field " SLICE_FMT
	             "; fields are those of the ledger (user, team, repo, branch, environment, model, …) and "
	             "those that docs/rules.md lists",
	             SLICE_ARG(shown(name)));
}

/* A field by its name, whether it may stand here; "tags.NAME" gives the tag. */
static bool read_field(struct reading *r, const struct yaml_node *at, slice name, struct field_ref *out)
{
	*out = (struct field_ref){FIELD_N, SLICE_NONE};
	if (slice_starts(name, SLICE("tags.")) && name.n > 5) {
		out->field = FIELD_TAGS;
		out->tag = arena_copy(r->mem, slice_sub(name, 5, name.n));
		return out->tag.p ? true : spent(r, at);
	}
	out->field = field_from_name(name);
	if (out->field == FIELD_N || (out->field == FIELD_BUDGET && r->from->budget == NULL))
		return unknown_field(r, at, name);
	if (r->from->rows_only && !field_in_row(out->field))
		return fault(r, at,
		             "%s does not stand in the ledger, from which what was spent is counted again at "
		             "each start: a gate can ask for it, this rule cannot",
		             field_name(out->field));
	return true;
}

/* --- values ------------------------------------------------------------------ */

static bool takes_number(enum field f)
{
	return field_kind_of(f) == FIELD_NUMBER || field_kind_of(f) == FIELD_SHARE;
}

static bool read_number(struct reading *r, const struct yaml_node *at, enum field f, slice text, int64_t *out)
{
	long long n;
	if (f == FIELD_BUDGET)
		return units_percent(text, SHARE_MOST, out) ||
		       fault(r, at,
		             "\"" SLICE_FMT
		             "\" is no share of a budget: write such as \">80%%\", with the per cent sign",
		             SLICE_ARG(shown(at->text)));
	if (!slice_to_i64(text, &n) || n < 0)
		return fault(r, at, "%s: \"" SLICE_FMT "\": a whole number is wanted behind >, <, >= or <=%s",
		             field_name(f), SLICE_ARG(shown(at->text)), takes_number(f) ? ", or alone" : "");
	if (f == FIELD_HOUR && n > 23)
		return fault(r, at, "hour: %lld is none: hours go from 0 to 23", n);
	*out = n;
	return true;
}

/* A word of a few, misspelt, would hold never or always. */
static bool check_word(struct reading *r, const struct yaml_node *at, enum field f, slice text)
{
	static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};
	static const char *const flags[] = {"true", "false", NULL};
	static const char *const billings[] = {"metered", "subscription", NULL};
	const char *const *of = f == FIELD_WEEKDAY   ? days
	                        : f == FIELD_STREAM  ? flags
	                        : f == FIELD_BILLING ? billings
	                                             : NULL;
	char list[64] = "";
	if (f == FIELD_API && api_from_name(text) == API_N) {
		struct nearest near;
		nearest_init(&near, text);
		for (int a = 0; a < API_N; a++)
			nearest_offer(&near, slice_of(api_name((enum api)a)));
		return fault(r, at, "api: there is no \"" SLICE_FMT "\"; %s" SLICE_FMT "%s",
		             SLICE_ARG(shown(text)),
		             near.best.n ? "did you mean " : "they are as docs/wire.md names them",
		             SLICE_ARG(near.best), near.best.n ? "?" : "");
	}
	for (size_t i = 0; of && of[i]; i++) {
		if (slice_eq(text, slice_of(of[i])))
			return true;
		size_t n = strlen(list);
		snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", of[i]);
	}
	return of == NULL || fault(r, at, "%s: \"" SLICE_FMT "\" is none of %s", field_name(f),
	                           SLICE_ARG(shown(text)), list);
}

static enum where_op comparison(slice *text)
{
	static const struct {
		const char *sign;
		enum where_op op;
	} signs[] = {{">=", OP_AT_LEAST}, {"<=", OP_AT_MOST}, {">", OP_ABOVE}, {"<", OP_BELOW}};
	for (size_t i = 0; i < 4; i++)
		if (slice_starts(*text, slice_of(signs[i].sign))) {
			*text = slice_trim(slice_sub(*text, strlen(signs[i].sign), text->n));
			return signs[i].op;
		}
	return OP_EQUAL;
}

static bool read_pattern(struct reading *r, const struct yaml_node *at, enum field f, slice text,
                         struct where_test *t)
{
	size_t stars = 0, marks = 0;
	for (size_t i = 0; i < text.n; i++) {
		stars += text.p[i] == '*';
		marks += text.p[i] == '?';
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F)
			return fault(r, at, "%s: a text of one line is wanted", field_name(f));
	}
	if (text.n > ATTR_TEXT_MAX)
		return fault(r, at, "%s: texts are %d bytes at most", field_name(f), ATTR_TEXT_MAX);
	t->op = stars + marks ? OP_GLOB : OP_EQUAL;
	if (stars == 1 && marks == 0 && text.p[text.n - 1] == '*') {
		t->op = OP_PREFIX;
		text.n--;
	}
	if (t->op == OP_EQUAL && !check_word(r, at, f, text))
		return false;
	t->text = arena_copy(r->mem, text);
	return t->text.p ? true : spent(r, at);
}

/* One value; *no is whether it begins with "!". */
static bool read_test(struct reading *r, const struct yaml_node *at, enum field f, struct where_test *t,
                      bool *no)
{
	slice text = at->text;
	*t = (struct where_test){.op = OP_UNKNOWN};
	*no = false;
	if (++r->tests_n > WHERE_TESTS_MAX)
		return fault(r, at, "more than %d values in one rule are not taken", WHERE_TESTS_MAX);
	if (at->kind == YAML_NULL)
		return true;
	if (at->kind != YAML_SCALAR || text.n == 0)
		return fault(r, at,
		             "%s: a value is wanted, such as main, \"release/*\", \"!main\", or null for "
		             "what is not known",
		             field_name(f));
	if (text.p[0] == '!') {
		*no = true;
		text = slice_trim(slice_sub(text, 1, text.n));
		if (text.n == 0)
			return fault(r, at, "%s: behind ! stands what it must not be, such as \"!main\"",
			             field_name(f));
	}
	t->op = comparison(&text);
	if (t->op != OP_EQUAL || takes_number(f))
		return read_number(r, at, f, text, &t->number);
	return read_pattern(r, at, f, text, t);
}

static bool read_cond(struct reading *r, const struct field_ref *ref, const struct yaml_node *value,
                      struct where_cond *out)
{
	const struct yaml_node *at = value->kind == YAML_LIST ? value->at : value;
	size_t n = value->kind == YAML_LIST ? value->n : 1;
	*out = (struct where_cond){.ref = *ref};
	if (n == 0)
		return fault(r, value, "%s: an empty list holds never: write a value, or take the key out",
		             field_name(ref->field));
	if (n > WHERE_TESTS_MAX)
		return fault(r, value, "more than %d values in one rule are not taken", WHERE_TESTS_MAX);
	struct where_test *yes = arena_alloc(r->mem, 2 * n * sizeof *yes), *no = yes ? yes + n : NULL;
	if (yes == NULL)
		return spent(r, value);
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		struct where_test t;
		bool negated;
		if (!read_test(r, &at[i], ref->field, &t, &negated))
			good = false;
		else if (negated)
			no[out->no_n++] = t;
		else
			yes[out->yes_n++] = t;
	}
	out->yes = yes;
	out->no = no;
	return good;
}

/* --- mappings ---------------------------------------------------------------- */

/* {customer: acme} below tags, {team-month: ">80%"} below budget: a condition for each name. */
static void read_named(struct reading *r, enum field f, const struct yaml_node *value, struct where *w,
                       struct where_cond *conds)
{
	if (value->kind != YAML_MAP || value->n == 0) {
		fault(r, value, "%s: a mapping of names is wanted: %s", field_name(f),
		      f == FIELD_BUDGET ? "{team-month: \">80%\"}"
		                        : "{customer: acme}, or the key tags.customer");
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		const struct yaml_node *name = &value->at[2 * i];
		struct field_ref ref = {f, arena_copy(r->mem, name->text)};
		if (ref.tag.p == NULL) {
			spent(r, name);
			return;
		}
		if (f == FIELD_BUDGET)
			r->from->budget(r->from->arg, name, ref.tag);
		w->conds_n += read_cond(r, &ref, &value->at[2 * i + 1], &conds[w->conds_n]);
	}
}

static struct where *read_map(struct reading *r, const struct yaml_node *node, unsigned depth);

static void read_any(struct reading *r, const struct yaml_node *value, struct where *w, unsigned depth)
{
	if (value->kind != YAML_LIST || value->n == 0) {
		fault(r, value, "any: a list of mappings is wanted: any: [{branch: main}, {pr: \"*\"}]");
		return;
	}
	if (depth == WHERE_DEPTH_MAX) {
		fault(r, value, "any within any goes %d deep at most", WHERE_DEPTH_MAX);
		return;
	}
	const struct where **any = arena_alloc(r->mem, value->n * sizeof *any);
	if (any == NULL) {
		spent(r, value);
		return;
	}
	w->has_any = true;
	w->any = any;
	for (size_t i = 0; i < value->n; i++) {
		const struct where *one = read_map(r, &value->at[i], depth + 1);
		if (one == NULL)
			continue;
		w->fields |= one->fields;
		any[w->any_n++] = one;
	}
}

static size_t conds_room(const struct yaml_node *node)
{
	size_t n = 0;
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *value = &node->at[2 * i + 1];
		n += value->kind == YAML_MAP ? value->n : 1;
	}
	return n;
}

static struct where *read_map(struct reading *r, const struct yaml_node *node, unsigned depth)
{
	if (node->kind != YAML_MAP || node->n == 0) {
		fault(r, node, "a mapping of fields to values is wanted, such as {team: payments}%s",
		      depth ? "" : "; a rule for every call has no where");
		return NULL;
	}
	struct where *w = arena_zalloc(r->mem, sizeof *w);
	struct where_cond *conds = arena_alloc(r->mem, conds_room(node) * sizeof *conds + 1);
	if (w == NULL || conds == NULL) {
		spent(r, node);
		return NULL;
	}
	w->conds = conds;
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *key = &node->at[2 * i], *value = &node->at[2 * i + 1];
		struct field_ref ref;
		if (slice_eq(key->text, SLICE("any"))) {
			read_any(r, value, w, depth);
			continue;
		}
		if (!read_field(r, key, key->text, &ref))
			continue;
		w->fields |= UINT64_C(1) << ref.field;
		if (ref.tag.n == 0 && (ref.field == FIELD_TAGS || ref.field == FIELD_BUDGET))
			read_named(r, ref.field, value, w, conds);
		else
			w->conds_n += read_cond(r, &ref, value, &conds[w->conds_n]);
	}
	return w;
}

const struct where *where_read(const struct where_source *from, const struct yaml_node *node,
                               struct arena *mem)
{
	struct reading r = {.from = from, .mem = mem};
	const struct where *w = read_map(&r, node, 0);
	return r.failed ? NULL : w;
}

bool where_read_field(const struct where_source *from, const struct yaml_node *node, struct arena *mem,
                      struct field_ref *out)
{
	struct reading r = {.from = from, .mem = mem};
	if (node->kind != YAML_SCALAR)
		return fault(&r, node, "the name of a field is wanted, such as user");
	if (!read_field(&r, node, node->text, out))
		return false;
	if (field_kind_of(out->field) == FIELD_TEXT && field_in_row(out->field))
		return true;
	if (out->field == FIELD_TAGS && out->tag.n)
		return true;
	return fault(&r, node, SLICE_FMT " parts nothing: write a field that is a text, such as user or %s",
	             SLICE_ARG(shown(node->text)), out->field == FIELD_TAGS ? "tags.NAME" : "session");
}
