/* What stops the first cause, ready to copy: the narrowest first. A name that cannot be pasted safely gets no
 * command. */
#include <stdlib.h>

#include "base/money.h"
#include "finops/shell.h"
#include "finops/triage_impl.h"
#include "text/jsonw.h"

#define COMMAND_MAX 4096
#define MOSTLY      80 /* per cent */
#define PAUSES      3  /* sessions at most */

static int add(struct triage *t, struct buf *command, slice does, bool settings)
{
	slice text = arena_copy(&t->mem, buf_slice(command));
	if (text.p == NULL || does.p == NULL)
		return ERR_NOMEM;
	if (t->contain_n < TRIAGE_CONTAIN)
		t->contain[t->contain_n++] = (struct triage_contain){text, does, settings};
	return 0;
}

/* weir freeze --SCOPE=VALUE --reason triage */
static int add_freeze(struct triage *t, const char *scope, slice value, slice does)
{
	struct buf b, word;
	buf_init(&b, COMMAND_MAX);
	buf_init(&word, COMMAND_MAX);
	int rc = buf_printf(&word, "--%s=" SLICE_FMT, scope, SLICE_ARG(value));
	if (rc == 0)
		rc = buf_append(&b, SLICE("weir freeze"));
	if (rc == 0)
		rc = shell_word(&b, buf_slice(&word));
	if (rc == 0)
		rc = buf_append(&b, SLICE(" --reason 'spend rose: weir triage'"));
	if (rc == 0)
		rc = add(t, &b, does, false);
	buf_release(&b);
	buf_release(&word);
	return rc == ERR_INVALID || rc == ERR_FULL ? 0 : rc;
}

static int add_pause(struct triage *t, slice session)
{
	struct buf b;
	buf_init(&b, COMMAND_MAX);
	int rc = buf_append(&b, SLICE("weir session pause --reason 'spend rose: weir triage' --"));
	if (rc == 0)
		rc = shell_word(&b, session);
	if (rc == 0)
		rc = add(t, &b, SLICE("refuses the session's next calls until it is resumed"), false);
	buf_release(&b);
	return rc == ERR_INVALID || rc == ERR_FULL ? 0 : rc;
}

/* In a rule's `where` these would mean more than themselves. */
static bool is_literal(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '*' || s.p[i] == '?' || s.p[i] == ',' || s.p[i] == '!')
			return false;
	return s.n > 0 && s.p[0] != '<' && s.p[0] != '>';
}

/* Twice what is usual in a day, in whole dollars; one at least. */
static int64_t day_limit(const struct triage *t, int64_t usual)
{
	double days = (double)(t->until_ms - t->since_ms) / (double)DAY_MS;
	double usd = 2 * (double)usual / (days > 1 ? days : 1) / (double)MONEY_NANO_PER_USD;
	return usd > 1 ? (int64_t)usd + 1 : 1;
}

/* Lines of the settings: a budget for these calls alone. */
static int add_budget(struct triage *t, const struct triage_cause *c)
{
	struct buf b;
	struct jsonw w;
	buf_init(&b, COMMAND_MAX);
	int rc = buf_append(&b, SLICE("budgets:\n  - {name: triage, where: "));
	jsonw_init(&w, &b);
	jsonw_object(&w);
	for (size_t i = 0; i < c->what_n; i++)
		if (c->what[i].dim != TRIAGE_MODEL)
			jsonw_put_string(&w, slice_of(triage_dim_name(c->what[i].dim)), c->what[i].text);
	jsonw_object_end(&w);
	if (rc == 0)
		rc = jsonw_end(&w);
	if (rc == 0)
		rc = buf_printf(&b, ", window: day, limit: %lld USD}", (long long)day_limit(t, c->before));
	if (rc == 0)
		rc = add(t, &b, SLICE("in the settings: a limit for these calls, twice what is usual"), true);
	buf_release(&b);
	return rc;
}

/* May a budget's `where` name it? The model of a row is the one that was served, that of a rule the one asked
 * for: it is left out, and where there is nothing else there is no such budget. */
static bool budget_can(const struct triage_cause *c)
{
	size_t named = 0;
	for (size_t i = 0; i < c->what_n; i++) {
		if (c->what[i].dim == TRIAGE_SESSION || c->what[i].dim == TRIAGE_KEY ||
		    c->what[i].dim == TRIAGE_ATTEMPT || !is_literal(c->what[i].text))
			return false;
		named += c->what[i].dim != TRIAGE_MODEL;
	}
	return named > 0;
}

/* The scope of the kill switch that is this dimension; NULL: there is none. */
static const char *freeze_scope(enum triage_dim d)
{
	return d == TRIAGE_USER       ? "user"
	       : d == TRIAGE_KEY      ? "key"
	       : d == TRIAGE_TEAM     ? "team"
	       : d == TRIAGE_PROVIDER ? "provider"
	                              : NULL;
}

/* The key that makes most of the cause's spend and little else; 0: none. */
static uint32_t own_key(const struct triage *t, const struct triage_cause *c)
{
	const struct takings *f = &t->takings;
	size_t n = f->values_n[TRIAGE_KEY];
	struct {
		int64_t of_cause, all;
	} *sum = calloc(n, sizeof *sum);
	uint32_t best = 0;
	for (size_t i = 0; sum && i < f->cells_n; i++) {
		uint32_t id = f->cells[i]->id[TRIAGE_KEY];
		sum[id].all += f->cells[i]->after.spent;
		if (triage_is_of(t, c, f->cells[i]))
			sum[id].of_cause += f->cells[i]->after.spent;
	}
	for (uint32_t id = 1; sum && id < n; id++)
		if (sum[id].of_cause * 100 >= c->after * MOSTLY &&
		    sum[id].of_cause * 100 >= sum[id].all * MOSTLY)
			best = id;
	free(sum);
	return best;
}

static bool names(const struct triage_cause *c, enum triage_dim d)
{
	for (size_t i = 0; i < c->what_n; i++)
		if (c->what[i].dim == d)
			return true;
	return false;
}

/* Freezes of what the cause is named by; of its other names only those of a person or a key: a team does
 * other work at other hours. */
static int add_freezes(struct triage *t, const struct triage_value *v, size_t n, bool other)
{
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const char *scope = freeze_scope(v[i].dim);
		if (other && v[i].dim != TRIAGE_USER && v[i].dim != TRIAGE_KEY)
			continue;
		bool is_key = v[i].dim != TRIAGE_KEY || slice_starts(v[i].text, SLICE("k_"));
		if (scope && is_key)
			rc = add_freeze(t, scope, v[i].text,
			                SLICE("stops all its calls at once, until `weir unfreeze`"));
	}
	return rc;
}

static bool is_named(const struct triage_cause *c, enum triage_dim d)
{
	for (size_t i = 0; i < c->what_n; i++)
		if (c->what[i].dim == d)
			return true;
	for (size_t i = 0; i < c->same_n; i++)
		if (c->same[i].dim == d)
			return true;
	return false;
}

static int contain_cause(struct triage *t, const struct triage_cause *c)
{
	int rc = 0;
	size_t paused = 0;
	for (size_t i = 0; i < t->sessions_n && rc == 0 && paused < PAUSES; i++) {
		int64_t spent = t->sessions[i].f.spent;
		if (t->sessions[i].id.n == 0 || (!names(c, TRIAGE_SESSION) && spent * 5 < c->after))
			continue;
		rc = add_pause(t, t->sessions[i].id);
		paused++;
	}
	if (rc == 0)
		rc = add_freezes(t, c->what, c->what_n, false);
	if (rc == 0)
		rc = add_freezes(t, c->same, c->same_n, true);
	uint32_t key = own_key(t, c);
	if (rc == 0 && key && !is_named(c, TRIAGE_KEY) &&
	    slice_starts(takings_text(&t->takings, TRIAGE_KEY, key), SLICE("k_")))
		rc = add_freeze(t, "key", takings_text(&t->takings, TRIAGE_KEY, key),
		                SLICE("stops the key that makes most of it, until `weir unfreeze`"));
	if (rc == 0 && budget_can(c))
		rc = add_budget(t, c);
	return rc;
}

int triage_contain(struct triage *t)
{
	if (t->after <= t->before || t->causes_n == 0 || t->causes[0].what_n == 0)
		return 0;
	return contain_cause(t, &t->causes[0]);
}
