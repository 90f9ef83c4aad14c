/* Triage: a rise in spend explained. From a window, or none (then the rise is looked for): against what is
 * usual at these hours, which calls carry it, what about them changed, when it began, what stands near it in
 * time, and what stops it. docs/triage.md tells how. */
#ifndef WEIR_FINOPS_TRIAGE_H
#define WEIR_FINOPS_TRIAGE_H

#include "base/buf.h"
#include "finops/triage_takings.h"
#include "finops/report.h"
#include "finops/triage_split.h"

#define TRIAGE_CAUSES   5
#define TRIAGE_WHAT     2 /* dimensions that name a cause together */
#define TRIAGE_SAME     6
#define TRIAGE_SESSIONS 5
#define TRIAGE_TOP      6  /* values of a dimension */
#define TRIAGE_NEAR     16 /* what stands near in time */
#define TRIAGE_CONTAIN  8  /* ways to stop it */
#define TRIAGE_POINTS   360
#define TRIAGE_LONGEST  (INT64_C(31) * 24 * 3600 * 1000)

struct triage_ask {
	const struct ledger_ops *ops;
	struct ledger *ledger; /* NULL: one that does not exist yet, and has no rows */
	slice timezone;        /* n 0: UTC; calendar days follow it */
	int64_t now_ms;
	int64_t since_ms, until_ms; /* since 0: the rise is looked for */
	const struct ledger_filter *filters;
	size_t filters_n;
	bool changes;  /* the reader may see the record of changes */
	uint64_t seed; /* random, for the tables of names from outside */
};

struct triage_value {
	enum triage_dim dim;
	slice text;
};

struct triage_cause {
	size_t what_n; /* 0: nothing stands out, all of it rose alike */
	struct triage_value what[TRIAGE_WHAT];
	size_t same_n; /* other names of the very same calls */
	struct triage_value same[TRIAGE_SAME];
	int64_t after, before; /* nano-dollars in the window, and usual */
	bool new_here;         /* never in the baseline */
	double score;          /* how unlikely it is as chance, in nats, times the share that it explains */
	int64_t users, sessions, calls; /* in the window */
};

struct triage_session {
	slice id, user, team, agent, model, key, repo, workflow;
	struct takings_session f;
};

struct triage_near {
	int64_t at_ms;
	enum { NEAR_NEW, NEAR_CHANGE, NEAR_STORM } kind;
	struct triage_value what; /* NEAR_NEW: seen for the first time */
	slice text;               /* NEAR_CHANGE: the action and its subject; NEAR_STORM: the evidence */
	slice who;                /* who made the change; the session */
};

struct triage_contain {
	slice command; /* to copy, or lines of the settings */
	slice does;
	bool settings;
};

struct triage_point {
	int64_t at_ms, spent, usual;
};

struct triage {
	struct arena mem; /* owned: every text */
	struct takings takings;
	slice timezone;
	int64_t now_ms, since_ms, until_ms;
	bool found;   /* the window was looked for */
	bool unusual; /* what was looked for is an anomaly */
	bool plan;    /* money is the list value of calls on plans: nothing was spent by the token */
	size_t spans_n;
	struct {
		int64_t since_ms;
		int64_t spent;
	} spans[TAKINGS_SPANS];              /* of the baseline, each as long as the window */
	int64_t after, before;               /* nano-dollars in the window; the baseline's mean, rounded */
	struct split_result whole, of_cause; /* of_cause: of the first cause */
	size_t causes_n;
	struct triage_cause causes[TRIAGE_CAUSES];
	struct {
		size_t n;
		struct triage_top {
			slice text;
			int64_t after, before;
		} at[TRIAGE_TOP];
	} top[TRIAGE_DIMS];
	size_t sessions_n;
	struct triage_session sessions[TRIAGE_SESSIONS];
	int64_t first_ms; /* the first bad moment; 0 unknown */
	int64_t step_ms;  /* of the points */
	size_t points_n;
	struct triage_point points[TRIAGE_POINTS];
	size_t near_n;
	struct triage_near near[TRIAGE_NEAR];
	size_t contain_n;
	struct triage_contain contain[TRIAGE_CONTAIN];
};

/* Fills t, to be released whatever the result. ERR_INVALID: the window is none, or longer than
 * TRIAGE_LONGEST. */
int triage_run(struct triage *t, const struct triage_ask *ask, struct error *e) WARN_UNUSED;
void triage_release(struct triage *t);

/* The answer: {"window", "baseline", "cost_nanousd", …} (docs/triage.md). */
int triage_json(const struct triage *t, struct buf *out) WARN_UNUSED;
/* One screen for people. */
int triage_text(const struct triage *t, const struct report_style *s, struct buf *out) WARN_UNUSED;
/* A post-mortem's draft. */
int triage_markdown(const struct triage *t, struct buf *out) WARN_UNUSED;

#endif
