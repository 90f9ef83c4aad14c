/* The rules of the settings as they were read: plain, immutable, living in the snapshot. */
#ifndef WEIR_MODEL_RULES_H
#define WEIR_MODEL_RULES_H

#include "model/storm.h"
#include "model/units.h"
#include "model/where.h"

/* --- what every rule has ------------------------------------------------------ */

enum rule_mode {
	MODE_ENFORCE,
	MODE_SHADOW, /* what it would have done is recorded, and nothing done */
	MODE_OFF,
};

enum cohort_kind {
	COHORT_ALL,
	COHORT_NAMED, /* the call's cohort is that */
	COHORT_SHARE, /* a share of the users, the same ones at every call */
};
struct cohort {
	enum cohort_kind kind;
	slice name;
	int64_t ppm;
};

/* Where a rule stands, for messages. */
struct rule_place {
	int line, column;
	slice file;
};

/* The first member of every rule. */
struct rule {
	slice name; /* unique among its kind */
	const struct where *where;
	int mode; /* enum rule_mode */
	struct cohort cohort;
	struct rule_place place;
};

/* Is the call one that the rule is for: its where holds, the user is in its cohort, and it is not off?
 * Enforce or shadow is the caller's matter. A share of the users takes none that is not known (below 100 %),
 * and each rule draws its own, by its name: raising the share keeps those who are in. */
bool rule_applies(const struct rule *r, const struct facts *f);

/* --- budgets ------------------------------------------------------------------ */

enum limit_unit {
	LIMIT_USD,     /* nano-dollars */
	LIMIT_TOKENS,  /* all input and output together */
	LIMIT_METER,   /* tokens of one meter */
	LIMIT_CALLS,   /* calls that reach a provider */
	LIMIT_CREDITS, /* billionths of a credit */
};
struct amount {
	enum limit_unit unit;
	enum meter meter; /* of LIMIT_METER */
	int64_t n;        /* in the unit above */
};

/* "25 USD", "2M tokens", "500k output_tokens", "100 requests", "50 credits"; false when it is none. */
bool amount_parse(slice text, struct amount *out);

enum window_kind {
	WINDOW_NONE, /* not given */
	WINDOW_HOUR,
	WINDOW_DAY,
	WINDOW_WEEK,
	WINDOW_MONTH,
	WINDOW_QUARTER,
	WINDOW_TOTAL,   /* for ever */
	WINDOW_ROLLING, /* the last rolling_ms */
};
struct window {
	enum window_kind kind;
	int64_t rolling_ms;
};

enum budget_action { ACTION_BLOCK, ACTION_PAUSE, ACTION_DOWNGRADE, ACTION_THROTTLE, ACTION_ALERT };

#define EACH_MAX             6
#define BUDGET_ALERTS_MAX    16
#define BUDGET_APPROVERS_MAX 64

struct budget_rule {
	struct rule rule; /* first; its where looks at fields of the ledger's row only */
	size_t each_n;    /* none: one counter for all */
	struct field_ref *each;
	struct window window;
	struct amount limit;
	int action;      /* enum budget_action */
	slice downgrade; /* the tier that ACTION_DOWNGRADE goes to */
	int on_failure;  /* 1: open */
	bool include;    /* include: [all]: imported, telemetry and corrected rows count too */
	bool has_override;
	struct amount override_up_to; /* what a developer may add, of the limit's unit, … */
	struct window override_per;   /* … in this; WINDOW_NONE: in the budget's own window */
	struct amount approve_up_to;  /* what an approver may add; n 0: anything */
	size_t approvers_n;           /* users; none: every operator and owner */
	slice *approvers;
	size_t alerts_n;
	int64_t *alerts;     /* millionths of the limit, rising */
	bool alert_forecast; /* when the limit will be passed before the window ends */
	uint64_t shape;      /* budget_rule_shape; set when the settings are read */
};

/* A number that changes when what a budget counts does (name, where, each, window, unit, cohort, include,
 * time zone), but not with its limit or its action: sums that were kept under another number are not this
 * budget's. Never 0. The same in every process. */
uint64_t budget_rule_shape(const struct budget_rule *r, slice timezone);

/* --- quotas ------------------------------------------------------------------- */

struct quota_rule {
	struct rule rule; /* first */
	size_t each_n;
	struct field_ref *each;
	struct rate requests, tokens; /* n 0: no limit */
	int64_t concurrent;           /* 0: no limit */
	int64_t burst_ms;             /* how much of a rate may come at once; 0: its period's worth */
};

/* --- gates -------------------------------------------------------------------- */

struct gate_rule {
	struct rule rule; /* first */
	bool allow;       /* lets the call through, past the gates behind it */
	slice deny;       /* else why it is refused, for people */
};

/* --- storms ------------------------------------------------------------------- */

struct storm_rule {
	struct rule rule; /* first */
	struct storm_limits limits;
	int64_t fresh_sessions; /* that begin with the same words within an hour; 0: not looked for */
	int action;             /* enum storm_action */
	slice handoff_to;       /* whom a paused session waits for; n 0: whoever may resume it */
	int64_t handoff_ms;     /* then it is stopped; 0: it waits for ever */
	int64_t allowance;      /* what a resume adds to the signal's limit */
};

/* --- contexts ----------------------------------------------------------------- */

struct context_rule {
	struct rule rule; /* first */
	int64_t tokens;   /* of input that a request may have */
};

#endif
