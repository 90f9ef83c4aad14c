/* One station: its buckets, its window, and whose turn it is. */
#include <stdlib.h>

#include "base/num.h"
#include "policy/quota_impl.h"

#define NS       INT64_C(1000)
#define ALWAYS_N INT64_C(1000000) /* concurrent calls beyond which there is no limit */

__extension__ typedef __int128 i128;

/* --- buckets ------------------------------------------------------------------ */

int64_t quota_rate_ns(const struct rate *rate, int64_t n)
{
	if (rate->n <= 0 || n <= 0)
		return 0;
	i128 ns = ((i128)n * rate->period_ms * 1000000 + rate->n - 1) / rate->n;
	return ns > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)ns;
}

int64_t quota_bucket_ready(int64_t tat_ns, int64_t burst_ns, int64_t cost_ns, int64_t now_ns)
{
	int64_t cost = num_min_i64(cost_ns, burst_ns);
	return num_max_i64(now_ns, num_sat_add_i64(tat_ns, cost - burst_ns));
}

static int64_t burst_ns(const struct quota_rule *q, const struct rate *rate)
{
	int64_t ms = q->burst_ms ? q->burst_ms : rate->period_ms;
	/* one request at least, or none would ever pass */
	return num_max_i64(ms * 1000000, quota_rate_ns(rate, 1));
}

static int64_t taken_tat(int64_t tat_ns, int64_t cost_ns, int64_t now_ns)
{
	return num_sat_add_i64(num_max_i64(tat_ns, now_ns), cost_ns);
}

/* --- what a provider tells ---------------------------------------------------- */

int64_t learnt_left(const struct learnt *l, int64_t now_us)
{
	if (now_us >= l->full_us)
		return l->limit;
	if (now_us <= l->at_us)
		return l->left;
	i128 more = (i128)(l->limit - l->left) * (now_us - l->at_us) / (l->full_us - l->at_us);
	return l->left + (int64_t)more;
}

int64_t learnt_ready_us(const struct learnt *l, int64_t n, int64_t now_us)
{
	int64_t want = num_min_i64(n, l->limit);
	if (l->limit <= 0 || now_us >= l->full_us || learnt_left(l, now_us) >= want)
		return now_us;
	i128 wait = ((i128)(want - l->left) * (l->full_us - l->at_us) + (l->limit - l->left) - 1) /
	            (l->limit - l->left);
	return num_max_i64(now_us + 1, l->at_us + (int64_t)wait);
}

void learnt_take(struct learnt *l, int64_t n, int64_t now_us)
{
	if (l->limit <= 0)
		return;
	if (now_us >= l->full_us) { /* what comes after is not known */
		l->limit = 0;
		return;
	}
	int64_t left = learnt_left(l, now_us), at_us = num_max_i64(now_us, l->at_us);
	if (left < l->limit) /* it comes back as fast as before, so that all of it is there later */
		l->full_us = num_sat_add_i64(l->full_us,
		                             (int64_t)((i128)n * (l->full_us - at_us) / (l->limit - left)));
	l->left = left - n;
	l->at_us = at_us;
}

/* --- room --------------------------------------------------------------------- */

static int64_t window_of(const struct quota_station *s, const struct quota_rule *rule)
{
	int64_t window = rule ? rule->concurrent : s->window;
	return window > 0 ? window : ALWAYS_N;
}

int64_t station_ready_us(const struct quota_station *s, const struct quota_rule *rule, int64_t tokens,
                         int64_t now_us)
{
	int64_t at = now_us;
	if (rule == NULL) {
		at = num_max_i64(at, s->blocked_until_us);
		at = num_max_i64(at, learnt_ready_us(&s->requests, 1, now_us));
		at = num_max_i64(at, learnt_ready_us(&s->tokens, tokens, now_us));
	}
	if (rule && rule->requests.n)
		at = num_max_i64(at, (quota_bucket_ready(s->requests_tat_ns, burst_ns(rule, &rule->requests),
		                                         quota_rate_ns(&rule->requests, 1), now_us * NS) +
		                      NS - 1) /
		                         NS);
	if (rule && rule->tokens.n)
		at = num_max_i64(at, (quota_bucket_ready(s->tokens_tat_ns, burst_ns(rule, &rule->tokens),
		                                         quota_rate_ns(&rule->tokens, tokens), now_us * NS) +
		                      NS - 1) /
		                         NS);
	if (s->flying >= window_of(s, rule))
		at = num_max_i64(at, now_us + ASK_AGAIN_US);
	return at;
}

static void take(struct quota_station *s, struct quota_take *t, int64_t tokens, int64_t now_us)
{
	const struct quota_rule *rule = t->rule;
	if (rule && rule->requests.n)
		s->requests_tat_ns =
		    taken_tat(s->requests_tat_ns, quota_rate_ns(&rule->requests, 1), now_us * NS);
	if (rule && rule->tokens.n)
		s->tokens_tat_ns =
		    taken_tat(s->tokens_tat_ns, quota_rate_ns(&rule->tokens, tokens), now_us * NS);
	if (rule == NULL) {
		learnt_take(&s->requests, 1, now_us);
		learnt_take(&s->tokens, tokens, now_us);
		s->unanswered++;
	}
	s->flying++;
	t->taken = t->charged = true;
}

bool station_pass(struct quota_station *s, struct quota_take *t, int64_t tokens, int64_t now_us)
{
	if (s->waiting || station_ready_us(s, t->rule, tokens, now_us) > now_us)
		return false;
	take(s, t, tokens, now_us);
	return true;
}

bool station_note(struct quota_station *s, struct quota_take *t, int64_t tokens, int64_t now_us)
{
	bool fits = station_ready_us(s, t->rule, tokens, now_us) <= now_us;
	if (fits) {
		take(s, t, tokens, now_us);
		return true;
	}
	s->flying++; /* it flies all the same, but what is over the rate would not have been made */
	t->taken = true;
	return false;
}

void station_leave(struct quota_station *s, struct quota_take *t, int64_t estimated, bool left, int64_t used,
                   bool answered, int64_t now_us)
{
	const struct quota_rule *rule = t->rule;
	bool charged = rule && t->charged;
	t->taken = t->charged = false;
	s->flying--;
	if (rule == NULL && !answered && s->unanswered > 0)
		s->unanswered--;
	if (charged && rule->requests.n && !left)
		s->requests_tat_ns -= quota_rate_ns(&rule->requests, 1);
	if (charged && rule->tokens.n && (!left || used >= 0)) {
		int64_t more = left ? used : 0;
		s->tokens_tat_ns = num_sat_add_i64(num_max_i64(s->tokens_tat_ns, 0),
		                                   quota_rate_ns(&rule->tokens, more) -
		                                       quota_rate_ns(&rule->tokens, estimated));
	}
	station_serve(s, now_us, NULL);
}

/* --- whose turn it is --------------------------------------------------------- */

static struct quota_user *find_user(struct quota_user *round, uint64_t id)
{
	struct quota_user *u = round;
	if (u == NULL)
		return NULL;
	do {
		if (u->id == id)
			return u;
		u = u->next;
	} while (u != round);
	return NULL;
}

bool station_queue(struct quota_station *s, struct quota_waiter *w, uint64_t user)
{
	struct quota_user **round = &s->round[w->ci ? CLASS_CI : CLASS_INTERACTIVE];
	struct quota_user *u = find_user(*round, user);
	if (u == NULL) {
		u = calloc(1, sizeof *u);
		if (u == NULL)
			return false;
		u->id = user;
		if (*round == NULL) {
			*round = u->prev = u->next = u;
		} else { /* behind all others */
			u->next = *round;
			u->prev = (*round)->prev;
			u->prev->next = u->next->prev = u;
		}
	}
	w->user = u;
	w->next = NULL;
	w->prev = u->last;
	if (u->last)
		u->last->next = w;
	else
		u->first = w;
	u->last = w;
	s->waiting++;
	return true;
}

static void drop_user(struct quota_station *s, struct quota_user *u)
{
	for (int c = 0; c < CLASSES; c++)
		if (s->round[c] == u)
			s->round[c] = u->next == u ? NULL : u->next;
	u->prev->next = u->next;
	u->next->prev = u->prev;
	free(u);
}

void station_unqueue(struct quota_station *s, struct quota_waiter *w)
{
	struct quota_user *u = w->user;
	if (u == NULL)
		return;
	if (w->prev)
		w->prev->next = w->next;
	else
		u->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		u->last = w->prev;
	w->user = NULL;
	s->waiting--;
	if (u->first == NULL)
		drop_user(s, u);
}

static int64_t cost_of(const struct quota_waiter *w)
{
	return num_max_i64(1, num_min_i64(w->tokens, COST_MAX));
}

/* Deficit round robin (Shreedhar and Varghese, 1995): the same answer until that one is served or gives up.
 * Each turn round adds a quantum, and no call counts more than eight, so it ends. */
static struct quota_waiter *next_of(struct quota_user **round)
{
	struct quota_user *u = *round;
	if (u == NULL)
		return NULL;
	while (u->deficit < cost_of(u->first)) {
		u->deficit += QUANTUM;
		if (u->deficit >= cost_of(u->first))
			break;
		*round = u = u->next;
	}
	return u->first;
}

/* Served: charged, and when what is left of the turn does not pay the next of theirs, the round goes on. */
static void charge(struct quota_user **round, struct quota_waiter *w)
{
	struct quota_user *u = w->user;
	u->deficit -= cost_of(w);
	if (u == *round && w->next && u->deficit < cost_of(w->next))
		*round = u->next;
}

int64_t station_serve(struct quota_station *s, int64_t now_us, const struct quota_waiter *but)
{
	while (s->waiting) {
		int c = s->round[CLASS_INTERACTIVE] ? CLASS_INTERACTIVE : CLASS_CI;
		struct quota_waiter *w = next_of(&s->round[c]);
		int64_t ready = station_ready_us(s, w->take->rule, w->tokens, now_us);
		if (ready > now_us)
			return ready;
		take(s, w->take, w->tokens, now_us);
		charge(&s->round[c], w);
		station_unqueue(s, w);
		if (w != but && w->wake)
			w->wake(w->wake_arg);
	}
	return now_us;
}
