/* Rollout: rules that only record what they would have done, what that was, and who is in which cohort. */
#include <stdlib.h>

#include "base/num.h"
#include "gateway/admin_ask.h"

#define DAY_MS    (INT64_C(24) * 3600 * 1000)
#define RULES_MAX 512
#define USERS_MAX 2000 /* of one rule that are told apart */
#define SHOWN     10
#define ROWS_MAX  200000

/* --- what would have been done ---------------------------------------------------------------------------
 */

struct user_sum {
	slice user;
	int64_t calls, nanousd;
};
struct rule_sum {
	slice kind, name; /* "budget", "team-month" */
	int64_t calls, nanousd, first_ms, last_ms;
	slice example; /* the words of the newest row */
	struct user_sum *users;
	size_t users_n;
};
struct sums {
	struct admin *a;
	struct rule_sum at[RULES_MAX];
	size_t n, rows;
};

/* `budget NAME: would …`, `quota "NAME" would …`, `gate "NAME" would …`, `storm NAME would …`: as those who
 * write the ledger's `shadow` say it. */
static bool read_words(slice words, slice *kind, slice *name)
{
	ptrdiff_t blank = slice_find_char(words, ' ');
	if (blank <= 0)
		return false;
	*kind = slice_sub(words, 0, (size_t)blank);
	slice rest = slice_sub(words, (size_t)blank + 1, words.n);
	bool quoted = rest.n && rest.p[0] == '"';
	ptrdiff_t end = quoted ? slice_find(slice_sub(rest, 1, rest.n), SLICE("\" would "))
	                       : slice_find(rest, SLICE(" would "));
	if (end <= 0)
		return false;
	*name = quoted ? slice_sub(rest, 1, (size_t)end + 1) : slice_sub(rest, 0, (size_t)end);
	if (slice_ends(*name, SLICE(":")))
		name->n--;
	return name->n > 0;
}

static struct rule_sum *rule_of(struct sums *s, slice kind, slice name)
{
	for (size_t i = 0; i < s->n; i++)
		if (slice_eq(s->at[i].kind, kind) && slice_eq(s->at[i].name, name))
			return &s->at[i];
	if (s->n == RULES_MAX)
		return NULL;
	struct rule_sum *r = &s->at[s->n];
	*r = (struct rule_sum){.kind = arena_copy(&s->a->mem, kind), .name = arena_copy(&s->a->mem, name)};
	r->users = calloc(USERS_MAX, sizeof *r->users);
	if (r->kind.p == NULL || r->name.p == NULL || r->users == NULL) {
		free(r->users);
		return NULL;
	}
	s->n++;
	return r;
}

static void add_user(struct admin *a, struct rule_sum *r, slice user, int64_t nanousd)
{
	size_t i = 0;
	while (i < r->users_n && !slice_eq(r->users[i].user, user))
		i++;
	if (i == r->users_n) {
		if (i == USERS_MAX)
			return;
		r->users[r->users_n++] = (struct user_sum){.user = arena_copy(&a->mem, user)};
	}
	r->users[i].calls++;
	r->users[i].nanousd = num_sat_add_i64(r->users[i].nanousd, nanousd);
}

static int take_row(void *arg, const struct record *row)
{
	struct sums *s = arg;
	slice rest = row->text[TEXT_SHADOW], kind, name;
	int64_t spent =
	    row->priced && row->billing == BILLING_METERED && row->cost.total > 0 ? row->cost.total : 0;
	s->rows++;
	while (rest.n) {
		ptrdiff_t at = slice_find(rest, SLICE("; "));
		slice words = at < 0 ? rest : slice_sub(rest, 0, (size_t)at);
		rest = at < 0 ? SLICE_NONE : slice_sub(rest, (size_t)at + 2, rest.n);
		struct rule_sum *r = read_words(words, &kind, &name) ? rule_of(s, kind, name) : NULL;
		if (r == NULL)
			continue;
		if (r->calls++ == 0) { /* the newest comes first */
			r->last_ms = row->time_ms;
			r->example = arena_copy(&s->a->mem, words);
		}
		r->first_ms = row->time_ms;
		r->nanousd = num_sat_add_i64(r->nanousd, spent);
		add_user(s->a, r, row->who.v[ATTR_USER], spent);
	}
	return 0;
}

static int ask_rows(struct admin *a, struct sums *s, int64_t since, int *r, struct error *e)
{
	static const char *const only[] = {"id",           "time_ms", "user",  "shadow",
	                                   "cost_nanousd", "billing", "ending"};
	struct ledger_query q;
	if (!admin_ask_begin(a, since, a->now_ms + 1, &q, r))
		return ERR_REFUSED;
	admin_ask_where(&q, "shadow", SLICE("!"), false);
	q.newest_first = true;
	q.limit = ROWS_MAX;
	q.only_n = sizeof only / sizeof *only;
	for (size_t i = 0; i < q.only_n; i++)
		q.only[i] = only[i];
	return a->c->ops->rows(a->c->ledger, &q, take_row, s, e);
}

/* --- the rules -------------------------------------------------------------------------------------------
 */

static int by_spent(const void *a, const void *b)
{
	const struct user_sum *x = a, *y = b;
	if (x->nanousd != y->nanousd)
		return x->nanousd < y->nanousd ? 1 : -1;
	return x->calls != y->calls ? (x->calls < y->calls ? 1 : -1) : slice_cmp(x->user, y->user);
}

static void put_sum(struct admin *a, const struct rule_sum *r)
{
	jsonw_put_i64(&a->w, SLICE("calls"), r ? r->calls : 0);
	jsonw_put_i64(&a->w, SLICE("cost_nanousd"), r ? r->nanousd : 0);
	jsonw_put_i64(&a->w, SLICE("users"), r ? (int64_t)r->users_n : 0);
	admin_put_time(a, SLICE("first"), r ? r->first_ms : 0);
	admin_put_time(a, SLICE("last"), r ? r->last_ms : 0);
	admin_put_text(a, SLICE("example"), r ? r->example : SLICE_NONE);
	jsonw_key(&a->w, SLICE("affected"));
	jsonw_array(&a->w);
	if (r)
		qsort(r->users, r->users_n, sizeof *r->users, by_spent);
	for (size_t i = 0; r && i < r->users_n && i < SHOWN; i++) {
		jsonw_object(&a->w);
		admin_put_text(a, SLICE("user"), r->users[i].user);
		jsonw_put_i64(&a->w, SLICE("calls"), r->users[i].calls);
		jsonw_put_i64(&a->w, SLICE("cost_nanousd"), r->users[i].nanousd);
		jsonw_object_end(&a->w);
	}
	jsonw_array_end(&a->w);
}

static slice cohort_text(struct admin *a, const struct cohort *c)
{
	if (c->kind == COHORT_NAMED)
		return c->name;
	if (c->kind == COHORT_SHARE && c->ppm % 10000 == 0)
		return arena_printf(&a->mem, "%lld%%", (long long)c->ppm / 10000);
	if (c->kind == COHORT_SHARE)
		return arena_printf(&a->mem, "%lld.%04lld%%", (long long)c->ppm / 10000,
		                    (long long)c->ppm % 10000);
	return SLICE_NONE;
}

/* rule NULL: it stands in rows, and in the settings no more. */
static void put_rule(struct admin *a, slice kind, slice name, const struct rule *rule, struct rule_sum *sum)
{
	static const char *const modes[] = {"enforce", "shadow", "off"};
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("kind"), kind);
	jsonw_put_string(&a->w, SLICE("name"), name);
	jsonw_put_string(&a->w, SLICE("mode"), rule ? slice_of(modes[rule->mode]) : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("cohort"), rule ? cohort_text(a, &rule->cohort) : SLICE_NONE);
	put_sum(a, sum);
	jsonw_object_end(&a->w);
	if (sum) { /* told */
		free(sum->users);
		sum->users = NULL;
	}
}

static struct rule_sum *find_sum(struct sums *s, slice kind, slice name)
{
	for (size_t i = 0; i < s->n; i++)
		if (slice_eq(s->at[i].kind, kind) && slice_eq(s->at[i].name, name))
			return &s->at[i];
	return NULL;
}

/* Rules in shadow or for a cohort, and those that rows tell of. */
static void put_kind(struct admin *a, struct sums *s, const char *kind, const void *rules, size_t n,
                     size_t size)
{
	for (size_t i = 0; i < n; i++) {
		const struct rule *r = (const void *)((const char *)rules + i * size);
		struct rule_sum *sum = find_sum(s, slice_of(kind), r->name);
		if (sum || r->mode == MODE_SHADOW || r->cohort.kind != COHORT_ALL)
			put_rule(a, slice_of(kind), r->name, r, sum);
	}
}

static void put_rules(struct admin *a, struct sums *s)
{
	const struct settings *t = a->settings;
	jsonw_key(&a->w, SLICE("rules"));
	jsonw_array(&a->w);
	put_kind(a, s, "budget", t->budgets, t->budgets_n, sizeof *t->budgets);
	put_kind(a, s, "quota", t->quotas, t->quotas_n, sizeof *t->quotas);
	put_kind(a, s, "gate", t->gates, t->gates_n, sizeof *t->gates);
	put_kind(a, s, "storm", t->storms, t->storms_n, sizeof *t->storms);
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].users)
			put_rule(a, s->at[i].kind, s->at[i].name, NULL, &s->at[i]);
	jsonw_array_end(&a->w);
}

/* --- cohorts ---------------------------------------------------------------------------------------------
 */

static int put_cohort(void *arg, const struct ledger_group *g)
{
	struct admin *a = arg;
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("cohort"), g->key[0]);
	admin_put_measures(a, &g->m);
	jsonw_object_end(&a->w);
	return 0;
}

static int put_cohorts(struct admin *a, int64_t since, int *r, struct error *e)
{
	struct ledger_query q;
	struct ledger_measures total;
	if (!admin_ask_begin(a, since, a->now_ms + 1, &q, r))
		return ERR_REFUSED;
	admin_ask_by(&q, "cohort");
	jsonw_key(&a->w, SLICE("cohorts"));
	jsonw_array(&a->w);
	int rc = a->c->ops->report(a->c->ledger, &q, put_cohort, a, &total, e);
	jsonw_array_end(&a->w);
	return rc;
}

int admin_shadow(struct admin *a)
{
	struct sums *s = arena_zalloc(&a->mem, sizeof *s);
	struct error e = {0};
	long long days = 30;
	int r = 0;
	slice text = admin_query(a, SLICE("days"));
	if ((text.p && !slice_to_i64(text, &days)) || days < 1 || days > 366)
		return admin_refuse(a, 400, "days is a number from 1 to 366");
	if (s == NULL)
		return admin_refuse(a, 503, "out of memory");
	s->a = a;
	int64_t since = a->now_ms - days * DAY_MS;
	int rc = ask_rows(a, s, since, &r, &e);
	if (rc == 0) {
		jsonw_object(&a->w);
		admin_put_time(a, SLICE("since"), since);
		jsonw_put_bool(&a->w, SLICE("complete"), s->rows < ROWS_MAX);
		put_rules(a, s);
		rc = put_cohorts(a, since, &r, &e);
		jsonw_object_end(&a->w);
	}
	for (size_t i = 0; i < s->n; i++)
		free(s->at[i].users);
	return rc == ERR_REFUSED ? r : rc ? admin_fault(a, &e) : admin_end(a);
}
