/* Calls that end while a budget's counters are being made of the ledger: whether their rows are among those
 * that the counters are made of only the reader of the ledger can tell. So they wait here, by the row's id,
 * until it has; then each is counted once. The list is short-lived (a reload), and empty at all other times.
 */
#include "policy/budget_impl.h"

#include <stdlib.h>

#define LATE_MAX 65536 /* beyond it a call counts at once, and may count twice until the next start */

struct budget_late {
	struct budget_late *next;
	uint64_t shape;
	int64_t time_ms; /* of the row */
	char id[sizeof((struct record *)0)->id];
	int64_t from_ms, amount; /* as in struct budget_entry */
	size_t key_n;
	char key[]; /* key_n */
};

static struct budget_late *late_of(const struct budget_rule *rule, const struct record *r,
                                   const struct budget_entry *e)
{
	struct budget_late *l = malloc(sizeof *l + e->key_n);
	if (l == NULL)
		return NULL;
	*l = (struct budget_late){.shape = rule->shape,
	                          .time_ms = r->time_ms,
	                          .from_ms = e->from_ms,
	                          .amount = e->amount,
	                          .key_n = e->key_n};
	memcpy(l->id, r->id, sizeof l->id);
	memcpy(l->key, e->key, e->key_n);
	return l;
}

bool budget_late_add(struct budgets *b, const struct budget_rule *rule, const struct facts *f,
                     struct budget_clock *clock)
{
	struct budget_entry e;
	struct budget_late *l = NULL;
	if (budget_is_loaded(b, rule))
		return false;
	bool counts = budget_entry_of(rule, f, clock, &e);
	if (counts && (l = late_of(rule, f->record, &e)) == NULL)
		return false;
	pthread_mutex_lock(&b->late_lock);
	bool waits = !budget_is_loaded(b, rule) && b->late_n < LATE_MAX;
	if (waits && l) {
		l->next = b->late;
		b->late = l;
		b->late_n++;
		l = NULL;
	}
	pthread_mutex_unlock(&b->late_lock);
	free(l);
	return waits;
}

/* Those of the shape, out of the list; when there is none the budget's counters are whole from here on. */
static struct budget_late *late_take(struct budgets *b, const struct budget_rule *rule)
{
	struct budget_late *mine = NULL, **at = &b->late;
	pthread_mutex_lock(&b->late_lock);
	while (*at) {
		struct budget_late *l = *at;
		if (l->shape != rule->shape) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		l->next = mine;
		mine = l;
		b->late_n--;
	}
	if (mine == NULL)
		budget_set_loaded(b, rule);
	pthread_mutex_unlock(&b->late_lock);
	return mine;
}

static int late_load(struct budgets *b, const struct budget_rule *rule, const struct budget_late *l,
                     struct budget_clock *clock)
{
	struct budget_entry e = {.from_ms = l->from_ms, .amount = l->amount, .key_n = l->key_n};
	memcpy(e.key, l->key, l->key_n);
	return budget_load(b, rule, &e, clock);
}

int budget_load_late(struct budgets *b, const struct budget_rule *rule, struct budget_clock *clock,
                     int (*has_row)(void *arg, const char *id, int64_t time_ms), void *arg)
{
	struct budget_late *l;
	int full = 0;
	while ((l = late_take(b, rule)) != NULL)
		while (l) {
			struct budget_late *next = l->next;
			/* what cannot be asked counts: more than was spent, never less */
			if (has_row(arg, l->id, l->time_ms) <= 0 && late_load(b, rule, l, clock))
				full = ERR_FULL;
			free(l);
			l = next;
		}
	return full;
}

void budget_late_free(struct budgets *b)
{
	for (struct budget_late *next; b->late; b->late = next) {
		next = b->late->next;
		free(b->late);
	}
	pthread_mutex_destroy(&b->late_lock);
}
