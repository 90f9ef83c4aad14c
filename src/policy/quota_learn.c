/* What a provider's answers say of its limits: Anthropic's anthropic-ratelimit-*, OpenAI's x-ratelimit-*,
 * Retry-After (RFC 9110 section 10.2.3) and retry-after-ms, and the status 429 (529 and 503 when they say for
 * how long).
 *
 * What is left grows back linearly until the reset that the headers tell, which is how both describe their
 * buckets. After a 429 the station takes half the calls that flew, and one more with each that succeeds. */
#include "base/clock.h"
#include "base/money.h"
#include "base/num.h"
#include "policy/quota_impl.h"

#define SECOND_US   INT64_C(1000000)
#define BLOCK_MOST  (600 * SECOND_US) /* what is believed of a Retry-After */
#define RESET_MOST  (300 * SECOND_US) /* and of a reset */
#define BACKOFF_TOP 6                 /* 64 s without a Retry-After */
#define CALM_US     (60 * SECOND_US)  /* so long after the last 429 the window opens again */

/* "1.5" seconds as microseconds; -1. */
static int64_t seconds_us(slice text)
{
	int64_t nano;
	return text.n && money_parse(text, &nano) == 0 && nano >= 0 ? nano / 1000 : -1;
}

/* OpenAI's "6m0s", "1s", "120ms", "1h2m3.5s"; -1. */
static int64_t span_us(slice text)
{
	static const struct {
		const char *unit;
		int64_t us;
	} units[] = {{"ms", 1000}, {"h", 3600 * SECOND_US}, {"m", 60 * SECOND_US}, {"s", SECOND_US}};
	int64_t sum = 0;
	while (text.n) {
		size_t digits = 0, u = 0;
		while (digits < text.n &&
		       ((text.p[digits] >= '0' && text.p[digits] <= '9') || text.p[digits] == '.'))
			digits++;
		slice rest = slice_sub(text, digits, text.n);
		while (u < 4 && !slice_starts(rest, slice_of(units[u].unit)))
			u++;
		int64_t part = seconds_us(slice_sub(text, 0, digits)), us;
		if (u == 4 || part < 0 || !num_mul_i64(part, units[u].us, &us))
			return -1;
		sum = num_sat_add_i64(sum, us / SECOND_US);
		text = slice_sub(rest, strlen(units[u].unit), rest.n);
	}
	return sum;
}

/* A reset as an instant (Anthropic) or a span (OpenAI), in microseconds from now; -1. */
static int64_t reset_us(slice text, int64_t wall_ms)
{
	int64_t at_ms;
	if (text.n == 0)
		return -1;
	if (clock_parse_rfc3339(text, &at_ms))
		return num_max_i64(0, at_ms - wall_ms) * 1000;
	int64_t us = span_us(text);
	return us >= 0 ? us : seconds_us(text);
}

static int64_t count_of(const struct headers *h, slice name)
{
	long long n;
	return slice_to_i64(slice_trim(headers_get(h, name)), &n) && n >= 0 ? n : -1;
}

/* The names of one limit at one provider. */
static const struct limit_names {
	slice limit, left, reset;
	bool tokens;
} LIMITS[] = {
    {SLICE("anthropic-ratelimit-requests-limit"), SLICE("anthropic-ratelimit-requests-remaining"),
     SLICE("anthropic-ratelimit-requests-reset"), false},
    {SLICE("anthropic-ratelimit-tokens-limit"), SLICE("anthropic-ratelimit-tokens-remaining"),
     SLICE("anthropic-ratelimit-tokens-reset"), true},
    {SLICE("anthropic-ratelimit-input-tokens-limit"), SLICE("anthropic-ratelimit-input-tokens-remaining"),
     SLICE("anthropic-ratelimit-input-tokens-reset"), true},
    {SLICE("x-ratelimit-limit-requests"), SLICE("x-ratelimit-remaining-requests"),
     SLICE("x-ratelimit-reset-requests"), false},
    {SLICE("x-ratelimit-limit-tokens"), SLICE("x-ratelimit-remaining-tokens"),
     SLICE("x-ratelimit-reset-tokens"), true},
};

/* Calls that are on their way were not counted yet when this answer was made: they are taken off. */
static void learn_limit(struct quota_station *s, const struct limit_names *names, const struct headers *h,
                        int64_t estimated, int64_t now_us, int64_t wall_ms)
{
	struct learnt *l = names->tokens ? &s->tokens : &s->requests;
	int64_t limit = count_of(h, names->limit), left = count_of(h, names->left),
	        reset = reset_us(slice_trim(headers_get(h, names->reset)), wall_ms);
	if (limit <= 0 || left < 0 || left > limit || reset < 0)
		return;
	int64_t flying = num_min_i64(s->unanswered, limit);
	left -= names->tokens ? num_min_i64(num_min_i64(estimated, limit) * flying, limit) : flying;
	l->limit = limit;
	l->left = num_max_i64(left, -limit);
	l->at_us = now_us;
	l->full_us = now_us + num_min_i64(reset, RESET_MOST);
}

static int64_t retry_after_us(const struct headers *h)
{
	int64_t ms = seconds_us(slice_trim(headers_get(h, SLICE("retry-after-ms"))));
	if (ms >= 0)
		return ms / 1000;
	return seconds_us(slice_trim(headers_get(h, SLICE("retry-after"))));
}

static void throttled(struct quota_station *s, int64_t wait_us, int64_t now_us)
{
	if (wait_us < 0)
		wait_us = SECOND_US << (s->failures < BACKOFF_TOP ? s->failures : BACKOFF_TOP);
	s->failures++;
	s->blocked_until_us = num_max_i64(s->blocked_until_us, now_us + num_min_i64(wait_us, BLOCK_MOST));
	s->window = num_max_i64(1, s->flying / 2);
	s->throttled_us = now_us;
}

static void succeeded(struct quota_station *s, int64_t now_us)
{
	s->failures = 0;
	if (s->window)
		s->window++;
	if (s->window && s->waiting == 0 && now_us - s->throttled_us > CALM_US)
		s->window = 0;
}

void quota_learn(struct quota_ticket *t, int status, const struct headers *h, int64_t now_us, int64_t wall_ms)
{
	if (t->q == NULL || t->n == 0 || t->takes[t->n - 1].rule || !t->takes[t->n - 1].taken || t->answered)
		return;
	struct quota_station *s = t->takes[t->n - 1].station;
	struct quota_shard *shard = quota_shard_of(t->q, s);
	int64_t wait = retry_after_us(h);
	pthread_mutex_lock(&shard->lock);
	t->answered = true;
	if (s->unanswered > 0)
		s->unanswered--;
	for (size_t i = 0; i < sizeof LIMITS / sizeof *LIMITS; i++)
		learn_limit(s, &LIMITS[i], h, t->tokens, now_us, wall_ms);
	if (status == 429 || ((status == 529 || status == 503) && wait >= 0)) {
		throttled(s, wait, now_us);
		shard->throttled++;
	} else if (status < 400) {
		succeeded(s, now_us);
	}
	station_serve(s, now_us, NULL);
	pthread_mutex_unlock(&shard->lock);
}
