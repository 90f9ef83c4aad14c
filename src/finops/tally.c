#include "finops/tally.h"

#include <string.h>

#include "base/crypto.h"
#include "model/usage.h"
#include "model/wire.h"
#include "text/jsonw.h"

#define DAY_MS             (INT64_C(24) * 3600 * 1000)
#define BODY_MAX           ((size_t)1 << 16)
#define KEY_BYTES          16 /* of the hash */

#define X(id, name, level) #name,
static const char *const kinds[] = {TALLY_KIND_LIST(X)};
#undef X
#define X(id, name, level) level,
static const int levels[] = {TALLY_KIND_LIST(X)};
#undef X

int tally_level(enum tally_kind k)
{
	return levels[k];
}

void tally_init(struct tally *t)
{
	*t = (struct tally){.calls = RECORD_ABSENT, .credits_nano = RECORD_ABSENT};
	usage_clear(&t->usage);
}

static int64_t day_of(int64_t ms)
{
	int64_t rest = ms % DAY_MS;
	return ms - (rest < 0 ? rest + DAY_MS : rest);
}

bool tally_of_session(const struct tally *t)
{
	return t->kind == TALLY_METRICS && t->who.v[ATTR_SESSION].n;
}

void tally_span(const struct tally *t, int64_t *from_ms, int64_t *until_ms)
{
	*from_ms = day_of(t->from_ms);
	*until_ms = *from_ms + DAY_MS;
	if (t->until_ms > *until_ms || tally_of_session(t)) {
		*from_ms = t->from_ms;
		*until_ms = t->until_ms;
	}
}

bool tally_has_usage(const struct tally *t)
{
	for (int m = 0; m < METER_N; m++)
		if (t->usage.m[m] != TOKENS_ABSENT)
			return true;
	return false;
}

/* a + b where either may be absent. */
static bool add_known(int64_t *to, int64_t n)
{
	if (n < 0)
		return true;
	return !__builtin_add_overflow(*to < 0 ? 0 : *to, n, to);
}

bool tally_add(struct tally *to, const struct tally *t)
{
	struct tally sum = *to;
	for (int m = 0; m < METER_N; m++)
		if (!add_known(&sum.usage.m[m], t->usage.m[m]))
			return false;
	if (!add_known(&sum.calls, t->calls) || !add_known(&sum.credits_nano, t->credits_nano))
		return false;
	for (int p = 0; p < COST_N; p++)
		if (__builtin_add_overflow(sum.cost.part[p], t->cost.part[p], &sum.cost.part[p]))
			return false;
	if (__builtin_add_overflow(sum.cost.total, t->cost.total, &sum.cost.total))
		return false;
	sum.costed = sum.costed || t->costed;
	*to = sum;
	return true;
}

/* --- models ----------------------------------------------------------------------------------------------
 */

static bool is_digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* "-20251101" and "-2025-08-07". */
static size_t without_date(const char *p, size_t n)
{
	if (n > 9 && p[n - 9] == '-' && is_digits(p + n - 8, 8))
		return n - 9;
	if (n > 11 && p[n - 11] == '-' && is_digits(p + n - 10, 4) && p[n - 6] == '-' &&
	    is_digits(p + n - 5, 2) && p[n - 3] == '-' && is_digits(p + n - 2, 2))
		return n - 11;
	return n;
}

slice tally_model_key(slice model, char out[TALLY_MODEL_MAX])
{
	size_t n = 0;
	model = slice_trim(model);
	if (slice_starts_nocase(model, SLICE("auto:")))
		model = slice_trim(slice_sub(model, 5, model.n));
	if (slice_starts(model, SLICE("models/")))
		model = slice_sub(model, 7, model.n);
	for (size_t i = 0; i < model.n && n < TALLY_MODEL_MAX && model.p[i] != '@'; i++) {
		char c = model.p[i];
		out[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == ' ' || c == '.' ? '-' : c;
	}
	n = without_date(out, n);
	if (slice_ends(slice_make(out, n), SLICE("-latest")))
		n -= 7;
	return slice_make(out, n);
}

/* --- as JSON ---------------------------------------------------------------------------------------------
 */

static void put_known(struct jsonw *w, const char *name, int64_t v)
{
	if (v >= 0)
		jsonw_put_i64(w, slice_of(name), v);
}

static void put_text(struct jsonw *w, const char *name, slice text)
{
	if (text.n)
		jsonw_put_string(w, slice_of(name), text);
}

static void put_body(struct jsonw *w, const struct tally *t)
{
	jsonw_object(w);
	put_text(w, "model", t->model);
	jsonw_put_i64(w, SLICE("from"), t->from_ms);
	jsonw_put_i64(w, SLICE("until"), t->until_ms);
	jsonw_put_bool(w, SLICE("all_models"), t->all_models);
	jsonw_put_bool(w, SLICE("tools"), t->tools);
	jsonw_put_bool(w, SLICE("long_context"), t->long_context);
	jsonw_put_bool(w, SLICE("subscription"), t->billing == BILLING_SUBSCRIPTION);
	jsonw_put_bool(w, SLICE("costed"), t->costed);
	put_text(w, "service_tier", t->service_tier);
	put_text(w, "region", t->region);
	put_text(w, "speed", t->speed);
	put_text(w, "what", t->what);
	put_known(w, "calls", t->calls);
	put_known(w, "credits", t->credits_nano);
	jsonw_key(w, SLICE("who"));
	jsonw_object(w);
	for (int a = 0; a < ATTR_N; a++)
		put_text(w, attr_name((enum attr)a), t->who.v[a]);
	jsonw_object_end(w);
	jsonw_key(w, SLICE("usage"));
	jsonw_object(w);
	for (int m = 0; m < METER_N; m++)
		put_known(w, meter_name((enum meter)m), t->usage.m[m]);
	jsonw_object_end(w);
	jsonw_key(w, SLICE("cost"));
	jsonw_object(w);
	for (int p = 0; p < COST_N; p++)
		if (t->cost.part[p])
			jsonw_put_i64(w, slice_of(cost_part_name((enum cost_part)p)), t->cost.part[p]);
	jsonw_object_end(w);
	jsonw_object_end(w);
}

/* What it is told apart by: the body of a tally without its figures. */
static int make_key(const struct tally *t, const struct ledger_tally *l, struct arena *mem, slice *out)
{
	struct tally bare;
	struct buf text;
	struct jsonw w;
	uint8_t hash[CRYPTO_SHA256_BYTES];
	char hex[2 * CRYPTO_SHA256_BYTES + 1];
	tally_init(&bare);
	bare.model = t->model;
	bare.from_ms = tally_of_session(t) ? 0 : t->from_ms; /* it is one as long as it lasts */
	bare.until_ms = tally_of_session(t) ? 0 : t->until_ms;
	bare.all_models = t->all_models;
	bare.tools = t->tools;
	bare.service_tier = t->service_tier;
	bare.region = t->region;
	bare.speed = t->speed;
	bare.long_context = t->long_context;
	bare.billing = t->billing;
	bare.who = t->who;
	bare.what = t->what;
	buf_init(&text, BODY_MAX);
	jsonw_init(&w, &text);
	put_body(&w, &bare);
	int rc = jsonw_end(&w);
	if (rc == 0)
		rc = buf_printf(&text, "\n" SLICE_FMT "\n" SLICE_FMT "\n" SLICE_FMT "\n" SLICE_FMT,
		                SLICE_ARG(l->source), SLICE_ARG(l->provider), SLICE_ARG(l->kind),
		                SLICE_ARG(l->account));
	if (rc == 0)
		rc = crypto_sha256(buf_slice(&text), hash);
	buf_release(&text);
	if (rc)
		return rc;
	crypto_hex(hash, KEY_BYTES, hex);
	*out = arena_printf(mem, "tally:%s", hex);
	return out->p ? 0 : ERR_NOMEM;
}

int tally_write(const struct tally *t, int64_t told_ms, struct arena *mem, struct ledger_tally *out)
{
	struct buf text;
	struct jsonw w;
	*out = (struct ledger_tally){.source = t->source,
	                             .provider = t->provider,
	                             .kind = slice_of(kinds[t->kind]),
	                             .account = t->account,
	                             .told_ms = told_ms};
	tally_span(t, &out->from_ms, &out->until_ms);
	buf_init(&text, BODY_MAX);
	jsonw_init(&w, &text);
	put_body(&w, t);
	int rc = jsonw_end(&w);
	if (rc == 0) {
		out->body = arena_copy(mem, buf_slice(&text));
		rc = out->body.p ? make_key(t, out, mem, &out->key) : ERR_NOMEM;
	}
	buf_release(&text);
	return rc;
}

/* --- and back --------------------------------------------------------------------------------------------
 */

enum {
	F_MODEL,
	F_TIER,
	F_REGION,
	F_SPEED,
	F_WHAT,
	F_TEXTS,
	F_FROM = F_TEXTS,
	F_UNTIL,
	F_CALLS,
	F_CREDITS,
	F_NUMBERS,
	F_ALL = F_NUMBERS,
	F_TOOLS,
	F_LONG,
	F_SUBSCRIPTION,
	F_COSTED,
	F_FLAGS,
	F_WHO = F_FLAGS,
	F_USAGE,
	F_COST
};
static const struct wire_word fields[] = {
    WIRE_WORD("model", F_MODEL),     WIRE_WORD("service_tier", F_TIER),
    WIRE_WORD("region", F_REGION),   WIRE_WORD("speed", F_SPEED),
    WIRE_WORD("what", F_WHAT),       WIRE_WORD("from", F_FROM),
    WIRE_WORD("until", F_UNTIL),     WIRE_WORD("calls", F_CALLS),
    WIRE_WORD("credits", F_CREDITS), WIRE_WORD("all_models", F_ALL),
    WIRE_WORD("tools", F_TOOLS),     WIRE_WORD("long_context", F_LONG),
    WIRE_WORD("costed", F_COSTED),   WIRE_WORD("subscription", F_SUBSCRIPTION),
    WIRE_WORD("who", F_WHO),         WIRE_WORD("usage", F_USAGE),
    WIRE_WORD("cost", F_COST),
};

struct reading {
	struct tally *t;
	struct arena *mem;
	bool subscription;
};

/* An object whose names are those of a table of the model. */
static void read_named(struct json *j, int id, struct reading *r)
{
	json_key k;
	if (!json_object(j))
		return;
	while (json_next_key(j, &k)) {
		enum attr a = attr_from_name(k.raw);
		enum meter m = meter_from_name(k.raw);
		int p = 0;
		while (p < COST_N && !slice_eq(k.raw, slice_of(cost_part_name((enum cost_part)p))))
			p++;
		if (id == F_WHO && a < ATTR_N)
			wire_text(j, r->mem, &r->t->who.v[a]);
		else if (id == F_USAGE && m < METER_N)
			json_opt_i64(j, &r->t->usage.m[m]);
		else if (id == F_COST && p < COST_N)
			json_opt_i64(j, &r->t->cost.part[p]);
		else
			json_skip(j, NULL);
	}
}

static void read_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	struct tally *t = r->t;
	slice *const texts[] = {&t->model, &t->service_tier, &t->region, &t->speed, &t->what};
	int64_t *const numbers[] = {&t->from_ms, &t->until_ms, &t->calls, &t->credits_nano};
	bool *const flags[] = {&t->all_models, &t->tools, &t->long_context, &r->subscription, &t->costed};
	if (id < F_TEXTS)
		wire_text(j, r->mem, texts[id]);
	else if (id < F_NUMBERS)
		json_opt_i64(j, numbers[id - F_TEXTS]);
	else if (id < F_FLAGS)
		json_opt_bool(j, flags[id - F_NUMBERS]);
	else
		read_named(j, id, r);
}

int tally_read(const struct ledger_tally *l, struct arena *mem, struct tally *out)
{
	struct reading r = {.t = out, .mem = mem};
	struct json j;
	int kind = 0;
	tally_init(out);
	while (kind < TALLY_KINDS && !slice_eq(l->kind, slice_of(kinds[kind])))
		kind++;
	if (kind == TALLY_KINDS)
		return ERR_INVALID;
	out->kind = (enum tally_kind)kind;
	out->source = l->source;
	out->provider = l->provider;
	out->account = l->account;
	json_init(&j, l->body);
	wire_object(&j, WIRE_WORDS(fields), read_field, &r);
	out->billing = r.subscription ? BILLING_SUBSCRIPTION : BILLING_METERED;
	for (int p = 0; p < COST_N; p++)
		if (__builtin_add_overflow(out->cost.total, out->cost.part[p], &out->cost.total))
			return ERR_INVALID;
	return json_end(&j) ? 0 : ERR_INVALID;
}
