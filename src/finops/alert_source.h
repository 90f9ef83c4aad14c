/* What is so now that people should know, by source: budgets, sessions, the kill switch, limits lifted, the
 * ledger, providers, forecasts, anomalies, and the events that the ledger's writer noted. Each gives causes
 * (finops/alert.h) to on_cause. Asked of the ledger, and of the counters in memory, by a thread in the
 * background with a connection of its own.
 *
 * ERR_FULL: there were more than ALERT_SOURCE_MAX: what was not given may be so all the same. */
#ifndef WEIR_FINOPS_ALERT_SOURCE_H
#define WEIR_FINOPS_ALERT_SOURCE_H

#include "finops/alert.h"
#include "model/settings.h"
#include "policy/budget.h"
#include "store/journal.h"
#include "store/ledger.h"
#include "store/writer.h"

#define ALERT_SOURCE_MAX 2000 /* causes that one source gives in a turn */
#define ALERT_COMMAND    600  /* bytes of a command that is told */

/* How far counters of windows that never end (`each: session`, `window: total`) have been seen: those are
 * told when they pass a threshold, and not for ever. Counters that are there when it is first looked are no
 * news. */
struct alert_levels;
struct alert_levels *alert_levels_new(void); /* NULL without memory */
void alert_levels_free(struct alert_levels *l);

struct alert_source {
	const struct ledger_ops *ops;
	struct ledger *ledger; /* read-only will do */
	const struct settings *settings;
	struct budgets *budgets;     /* NULL: none */
	struct alert_levels *levels; /* not owned */
	int64_t now_ms;
	int (*on_cause)(void *arg, const struct alert_cause *c); /* not 0 stops, and is returned */
	void *arg;
};

int alert_source_budgets(const struct alert_source *s) WARN_UNUSED;
/* Sessions that are paused: by a storm's rule, or by a person. */
int alert_source_sessions(const struct alert_source *s, struct error *e) WARN_UNUSED;
int alert_source_freezes(const struct alert_source *s, struct error *e) WARN_UNUSED;
int alert_source_overrides(const struct alert_source *s, struct error *e) WARN_UNUSED;
int alert_source_forecasts(const struct alert_source *s, struct error *e) WARN_UNUSED;
int alert_source_anomalies(const struct alert_source *s, struct error *e) WARN_UNUSED;
/* Of the record of changes, behind *seq (0: the last hour), which moves on. */
int alert_source_changes(const struct alert_source *s, int64_t *seq, struct error *e) WARN_UNUSED;

struct alert_ledger {
	struct journal_stats journal;
	int64_t failing_since_ms; /* 0: it takes rows */
	unsigned long long rejected;
};
int alert_source_ledger(const struct alert_source *s, const struct alert_ledger *l) WARN_UNUSED;

/* Of the last minutes. */
struct alert_provider {
	char name[64];
	int64_t calls, errors;
	bool told; /* set and read by alert_source_providers: it ends at a lower share than it begins */
};
#define ALERT_PROVIDER_MINUTES 5
int alert_source_providers(const struct alert_source *s, struct alert_provider *at, size_t n,
                           struct error *e) WARN_UNUSED;

/* --- the writer's events ----------------------------------------------------------------- */

/* Is the row one that people should know of by itself? Writes its event's body; the kind's name, or n 0. */
slice alert_event_of(const struct settings *s, const struct record *r, struct buf *body);
/* Is its ending an error of the provider's (not the client's)? */
bool alert_provider_erred(const struct record *r);
int alert_source_event(const struct alert_source *s, const struct ledger_alert_event *ev) WARN_UNUSED;

/* --- parts, for the sources and their tests ---------------------------------------------- */

/* A word for a shell, quoted where it must be; NUL-terminated, cut to cap. */
void alert_quote(slice word, char *out, size_t cap);
/* "weir triage --since 2026-11-24T14:00:00Z --where user=ana": from an hour before on. */
void alert_look(char out[ALERT_COMMAND], int64_t since_ms, const char *field, slice value);

#endif
