/* Gemini's explicit caches, /v1beta/cachedContents (ai.google.dev/api/caching): what is paid is the time that
 * the tokens are kept. The answer of a creation says how many they are and from when until when. */
#include "base/clock.h"
#include "base/money.h"
#include "codec/codec.h"
#include "model/wire.h"

#define HOUR_MS    INT64_C(3600000)
#define DEFAULT_MS HOUR_MS /* without a ttl */

enum { R_MODEL, R_CONTENTS, R_SYSTEM, R_TOOLS };
static const struct wire_word request_fields[] = {
    WIRE_WORD("model", R_MODEL),
    WIRE_WORD("contents", R_CONTENTS),
    WIRE_WORD("systemInstruction", R_SYSTEM),
    WIRE_WORD("system_instruction", R_SYSTEM),
    WIRE_WORD("tools", R_TOOLS),
};

struct reading {
	struct request_view *v;
	struct arena *mem;
};

static void read_request_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	static const slice prefix = {"models/", 7};
	switch (id) {
	case R_MODEL:
		wire_text(j, r->mem, &r->v->model);
		if (slice_starts(r->v->model, prefix))
			r->v->model = slice_sub(r->v->model, prefix.n, r->v->model.n);
		break;
	case R_CONTENTS:
		wire_range(j, &r->v->messages);
		break;
	case R_SYSTEM:
		wire_range(j, &r->v->system);
		break;
	default:
		wire_range(j, &r->v->tools);
	}
}

static int request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                   struct error *e)
{
	struct reading r = {out, mem};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc || !slice_ends(t->path, SLICE("/cachedContents")))
		return rc; /* a change of one that is there names no model */
	out->max_output = 0;
	out->hidden_input = slice_find(out->messages, SLICE("\"fileData\"")) >= 0 ||
	                    slice_find(out->messages, SLICE("\"file_data\"")) >= 0;
	return out->model.n ? 0 : wire_no_model(e);
}

/* --- an object that tells of a cache ------------------------------------------------------------------ */

enum { C_NAME, C_MODEL, C_TTL, C_EXPIRES, C_CREATED, C_USAGE, C_TOKENS, C_ERROR };
static const struct wire_word cache_fields[] = {
    WIRE_WORD("name", C_NAME),
    WIRE_WORD("model", C_MODEL),
    WIRE_WORD("ttl", C_TTL),
    WIRE_WORD("expireTime", C_EXPIRES),
    WIRE_WORD("expire_time", C_EXPIRES),
    WIRE_WORD("createTime", C_CREATED),
    WIRE_WORD("create_time", C_CREATED),
    WIRE_WORD("usageMetadata", C_USAGE),
    WIRE_WORD("usage_metadata", C_USAGE),
    WIRE_WORD("error", C_ERROR),
};
static const struct wire_word usage_fields[] = {WIRE_WORD("totalTokenCount", C_TOKENS),
                                                WIRE_WORD("total_token_count", C_TOKENS)};

struct told {
	struct codec_cache *c;
	struct name ttl, expires, created;
};

static void read_cache_field(struct json *j, int id, void *arg)
{
	struct told *t = arg;
	switch (id) {
	case C_NAME:
		wire_name(j, &t->c->name);
		break;
	case C_MODEL:
		wire_name(j, &t->c->model);
		break;
	case C_TTL:
		wire_name(j, &t->ttl);
		break;
	case C_EXPIRES:
		wire_name(j, &t->expires);
		break;
	case C_CREATED:
		wire_name(j, &t->created);
		break;
	case C_USAGE:
		wire_object(j, WIRE_WORDS(usage_fields), read_cache_field, t);
		break;
	case C_TOKENS:
		wire_count_or_digits(j, &t->c->tokens);
		break;
	default:
		t->c->error = json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
	}
}

/* "300s", "3.5s" */
static int64_t duration_ms(slice text)
{
	int64_t nano;
	if (!slice_ends(text, SLICE("s")) || money_parse(slice_sub(text, 0, text.n - 1), &nano) || nano < 0)
		return TOKENS_ABSENT;
	return nano / 1000000 + (nano % 1000000 != 0);
}

void codec_cache_read(slice body, int64_t now_ms, struct codec_cache *out)
{
	struct told t = {.c = out};
	struct json j;
	int64_t until, from = now_ms;
	*out = (struct codec_cache){
	    .tokens = TOKENS_ABSENT, .lifetime_ms = TOKENS_ABSENT, .left_ms = TOKENS_ABSENT};
	json_init(&j, body);
	wire_object(&j, WIRE_WORDS(cache_fields), read_cache_field, &t);
	out->left_ms = duration_ms(name_get(&t.ttl));
	if (!t.expires.n || !clock_parse_rfc3339(name_get(&t.expires), &until))
		return;
	if (t.created.n && clock_parse_rfc3339(name_get(&t.created), &from) && until >= from)
		out->lifetime_ms = until - from;
	if (out->left_ms == TOKENS_ABSENT && until >= now_ms)
		out->left_ms = until - now_ms;
}

int64_t codec_cache_hours(int64_t tokens, int64_t lifetime_ms)
{
	__extension__ typedef unsigned __int128 u128;
	if (tokens <= 0 || lifetime_ms <= 0)
		return 0;
	u128 n = ((u128)tokens * (u128)lifetime_ms + (u128)HOUR_MS - 1) / (u128)HOUR_MS;
	return n > (u128)INT64_MAX ? INT64_MAX : (int64_t)n;
}

int64_t codec_cache_lifetime(const struct codec_cache *c)
{
	return c->lifetime_ms != TOKENS_ABSENT ? c->lifetime_ms
	       : c->left_ms != TOKENS_ABSENT   ? c->left_ms
	                                       : DEFAULT_MS;
}

/* A change or a look at a cache has the same answer as its creation, and costs nothing by itself: whose
 * answer it is decides in gateway/cache_tap.c. */
static void answer(slice body, struct answer *a)
{
	struct codec_cache c;
	codec_cache_read(body, 0, &c);
	a->ended = true;
	a->error = c.error;
	if (c.error || c.tokens == TOKENS_ABSENT || c.lifetime_ms == TOKENS_ABSENT)
		return;
	slice model = name_get(&c.model);
	name_set(&a->model, slice_starts(model, SLICE("models/")) ? slice_sub(model, 7, model.n) : model);
	a->usage.m[METER_INPUT] = a->usage.m[METER_OUTPUT] = 0;
	a->usage.m[METER_CACHE_STORAGE] = codec_cache_hours(c.tokens, c.lifetime_ms);
	a->has_usage = a->output_told = true;
}

static enum event_action event(const struct sse_event *e, const struct request_view *v, struct answer *a,
                               struct json_edits *edits)
{
	(void)e, (void)v, (void)a, (void)edits;
	return EVENT_PASS;
}

static int refusal(const struct refusal_text *r, struct buf *out)
{
	return codec_gemini.refusal(r, out);
}

const struct codec_ops codec_gemini_caches = {
    .name = "gemini.caches",
    .request = request,
    .answer = answer,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};
