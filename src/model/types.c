#include "model/types.h"

#include "base/num.h"

#define NAME_OF(table, i) ((size_t)(i) < sizeof(table) / sizeof(table)[0] ? (table)[i] : "?")

static const struct {
	const char *name;
	enum dialect dialect;
	bool metered;
} apis[] = {
#define X(id, name, dialect, metered) [id] = {name, dialect, metered},
    API_LIST(X)
#undef X
};

const char *api_name(enum api a)
{
	return a < API_N ? apis[a].name : "?";
}

enum dialect api_dialect(enum api a)
{
	return a < API_N ? apis[a].dialect : DIALECT_NONE;
}

bool api_is_metered(enum api a)
{
	return a < API_N && apis[a].metered;
}

static int index_of(slice name, const char *const *names, int n)
{
	int i = 0;
	while (i < n && !slice_eq(name, slice_of(names[i])))
		i++;
	return i;
}

enum api api_from_name(slice name)
{
	int i = 0;
	while (i < API_N && !slice_eq(name, slice_of(apis[i].name)))
		i++;
	return (enum api)i;
}

slice headers_get(const struct headers *h, slice name)
{
	for (size_t i = 0; i < h->n; i++)
		if (slice_eq_nocase(h->at[i].name, name))
			return h->at[i].value;
	return SLICE_NONE;
}

#define X(id, name, ...) [id] = #name,
static const char *const attrs[] = {ATTR_LIST(X)};
static const char *const roles[] = {ROLE_LIST(X)};
static const char *const meters[] = {METER_LIST(X)};
static const char *const cost_parts[] = {COST_LIST(X)};
static const char *const endings[] = {ENDING_LIST(X)};
static const char *const sources[] = {USAGE_SOURCE_LIST(X)};
static const char *const decisions[] = {DECISION_LIST(X)};
static const char *const billings[] = {BILLING_LIST(X)};
static const char *const texts[] = {RECORD_TEXT_LIST(X)};
static const char *const parts[] = {PART_LIST(X)};
#undef X
#define X(id, name, max) [id] = max,
static const unsigned short text_max[] = {RECORD_TEXT_LIST(X)};
#undef X

const char *attr_name(enum attr a)
{
	return NAME_OF(attrs, a);
}

enum attr attr_from_name(slice name)
{
	return (enum attr)index_of(name, attrs, ATTR_N);
}

const char *role_name(enum role r)
{
	return NAME_OF(roles, r);
}

enum role role_from_name(slice name)
{
	return (enum role)index_of(name, roles, ROLE_N);
}

const char *meter_name(enum meter m)
{
	return NAME_OF(meters, m);
}

enum meter meter_from_name(slice name)
{
	return (enum meter)index_of(name, meters, METER_N);
}

const char *cost_part_name(enum cost_part c)
{
	return NAME_OF(cost_parts, c);
}

const char *ending_name(enum ending e)
{
	return NAME_OF(endings, e);
}

const char *usage_source_name(enum usage_source s)
{
	return NAME_OF(sources, s);
}

const char *decision_name(enum decision d)
{
	return NAME_OF(decisions, d);
}

const char *billing_name(enum billing b)
{
	return NAME_OF(billings, b);
}

const char *record_text_name(enum record_text t)
{
	return NAME_OF(texts, t);
}

const char *call_part_name(enum call_part p)
{
	return NAME_OF(parts, p);
}

enum call_part call_part_from_name(slice name)
{
	return (enum call_part)index_of(name, parts, CALL_PART_N);
}

static void add_known(int64_t *sum, int64_t v)
{
	if (v != RECORD_ABSENT)
		*sum = *sum == RECORD_ABSENT ? v : num_sat_add_i64(*sum, v);
}

void record_part_add(struct record_part *sum, const struct record_part *p)
{
	sum->calls += p->calls;
	sum->failures += p->failures;
	for (int i = 0; i < SENT_N; i++) {
		add_known(&sum->tokens[i], p->tokens[i]);
		add_known(&sum->nanousd[i], p->nanousd[i]);
	}
}

size_t record_text_max(enum record_text t)
{
	return t < TEXT_N ? text_max[t] : 0;
}

void name_set(struct name *n, slice s)
{
	if (s.n > NAME_MAX_BYTES)
		s.n = NAME_MAX_BYTES;
	n->n = (unsigned char)s.n;
	if (s.n)
		memcpy(n->s, s.p, s.n);
}

void usage_clear(struct usage *u)
{
	for (int i = 0; i < METER_N; i++)
		u->m[i] = TOKENS_ABSENT;
}

void answer_init(struct answer *a)
{
	memset(a, 0, sizeof *a);
	usage_clear(&a->usage);
	a->charged_nanousd = -1;
}

void record_init(struct record *r)
{
	memset(r, 0, sizeof *r);
	usage_clear(&r->usage);
	r->turn = r->attempt = r->status = r->duration_ms = r->ttft_ms = RECORD_ABSENT;
	r->context_tokens = r->tool_calls = r->server_tool_calls = RECORD_ABSENT;
	r->list_cost_nanousd = r->credits_nano = r->hold_nanousd = r->hold_tokens = RECORD_ABSENT;
}
