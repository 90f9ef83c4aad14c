/* The stage of admission that holds calls back: quotas, and what is learnt of the providers' own limits. */
#include "base/map.h"
#include "base/num.h"
#include "gateway/admit.h"
#include "gateway/refusal_text.h"
#include "gateway/worker.h"

#define BYTES_OF_TOKEN 4 /* of JSON, about: corrected when the call has ended */

/* From any thread. */
static void wake(void *arg)
{
	struct worker *w = arg;
	atomic_store_explicit(&w->retry_held, true, memory_order_release);
	worker_wake(w);
}

/* Of the credential that the client brings: its provider counts by that. */
static uint64_t account_of(const struct exchange *ex)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < ex->headers.n; i++)
		if (identity_is_credential_header(ex->headers.at[i].name) &&
		    !slice_starts_nocase(ex->headers.at[i].name, SLICE("x-weir-")) &&
		    !identity_is_weir_key(ex->headers.at[i].value))
			hash ^= map_hash(ex->headers.at[i].value, 1);
	return hash;
}

static slice fair_to(const struct exchange *ex)
{
	const struct attribution *who = &ex->record.who;
	if (who->v[ATTR_USER].n)
		return who->v[ATTR_USER];
	return ex->who.key_id.n ? ex->who.key_id : who->v[ATTR_SESSION];
}

static void fill_ask(struct exchange *ex, struct quota_ask *a)
{
	bool own = ex->provider && (!provider_has_credential(ex->provider) || ex->who.anonymous);
	*a = (struct quota_ask){.rules = ex->settings->quotas,
	                        .rules_n = ex->settings->quotas_n,
	                        .facts = &ex->facts,
	                        .user = fair_to(ex),
	                        .ci = slice_eq(ex->record.who.v[ATTR_ENVIRONMENT], SLICE("ci")),
	                        .tokens = (int64_t)ex->body_n / BYTES_OF_TOKEN,
	                        .provider = ex->provider && !ex->provider->throttled ? ex->provider->name
	                                                                             : SLICE_NONE,
	                        .model = ex->view.model,
	                        .account = own ? account_of(ex) : 0,
	                        .own = own,
	                        .wake = wake,
	                        .wake_arg = ex->w};
}

static enum admit_next refuse(struct exchange *ex, const struct quota_ask *a, int64_t now_us)
{
	struct quota_why why;
	quota_why(&ex->quota, a, &ex->mem, now_us, &why);
	int64_t retry_s = num_min_i64((why.retry_us + 999999) / 1000000, REFUSAL_RETRY_AFTER_MAX);
	struct refusal_words words = refusal_words(why.what);
	words.now_ms = clock_wall_ms(ex->w->shared->clock);
	words.resets_ms = why.retry_us > 0 ? words.now_ms + why.retry_us / 1000 : 0;
	words.zone = ex->settings->zone;
	words.zone_name = ex->settings->timezone;
	ex->retry_after_s = (int)num_max_i64(1, retry_s);
	exchange_refuse(ex, REFUSAL_QUOTA, why.rule, refusal_compose(&words, &ex->mem));
	return ADMIT_REFUSED;
}

static void note_wait(struct exchange *ex, int64_t now_us)
{
	int64_t ms = ex->wait.since_us ? (now_us - ex->wait.since_us) / 1000 : 0;
	if (ms > 0 && ex->record.text[TEXT_EXPLANATION].n == 0)
		ex->record.text[TEXT_EXPLANATION] = arena_printf(
		    &ex->mem, "held back %lld.%lld s", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
}

enum admit_next admit_quotas(struct exchange *ex)
{
	struct quota_ask a;
	int64_t now_us = clock_mono_us(ex->w->shared->clock), until_us;
	if (ex->body_n == 0)
		return ADMIT_ON; /* lists of models */
	if (ex->wait.since_us && admit_frozen(ex) != ADMIT_ON)
		return ADMIT_REFUSED; /* while it waited */
	fill_ask(ex, &a);
	if (quota_ask(ex->w->shared->quota, &ex->quota, &a, &ex->mem, now_us, &until_us) == QUOTA_ON) {
		if (ex->quota.shadow.n)
			admit_shadow(ex, ex->quota.shadow);
		note_wait(ex, now_us);
		return ADMIT_ON;
	}
	return exchange_hold_back(ex, until_us) ? ADMIT_HELD : refuse(ex, &a, now_us);
}

void admit_quota_learn(struct exchange *ex, int status, const struct headers *h)
{
	const struct clock *c = ex->w->shared->clock;
	quota_learn(&ex->quota, status, h, clock_mono_us(c), clock_wall_ms(c));
}

void admit_quota_end(struct exchange *ex)
{
	const struct usage *u = &ex->record.usage;
	int64_t used = -1;
	if (ex->quota.q == NULL)
		return;
	if (ex->record.context_tokens >= 0)
		used = num_sat_add_i64(ex->record.context_tokens, num_max_i64(0, u->m[METER_OUTPUT]));
	quota_end(&ex->quota, ex->left, used, clock_mono_us(ex->w->shared->clock));
}
