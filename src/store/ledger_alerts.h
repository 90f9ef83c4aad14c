/* What the ledger keeps of alerts: each with its state, the queue of what is to be told to whom, silences,
 * and events that the writer noted in the transaction of a call's own row. What commit has answered with 0 is
 * on the disk, so that no restart or crash loses what was queued. */
#ifndef WEIR_STORE_LEDGER_ALERTS_H
#define WEIR_STORE_LEDGER_ALERTS_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>

struct ledger;

struct ledger_alert {
	slice id;
	slice cause; /* what it is about: of those that are open no two have the same */
	slice kind, severity;
	slice user;                /* whose it is; n 0: nobody's in particular */
	slice body;                /* a JSON object: what it says (finops/alert.h) */
	slice silence;             /* the id of the silence that holds it; n 0 none */
	int64_t level, told_level; /* of a cause that grows; told -1: nobody was told yet */
	int64_t since_ms, raised_ms, seen_ms;
	int64_t told_ms, resolved_ms; /* 0: not yet */
	int64_t hold_ms; /* it is over when nothing was seen for so long; 0: when it is not so any more */
	int64_t count;   /* how often it was seen anew */
};

struct ledger_delivery {
	int64_t seq; /* given by the ledger; 0: a new one */
	slice alert, target;
	slice event;   /* raised, risen, repeated, resolved, test */
	slice state;   /* waiting, sent, failed, silenced, unwanted */
	slice message; /* the id of the message that it went in; n 0 none yet */
	slice error;   /* why the last attempt failed; n 0 */
	int64_t made_ms, due_ms, done_ms, tries;
};

struct ledger_silence {
	slice id, matches; /* "budget=x,user=ana@*": of the alerts it holds */
	slice by, reason;
	int64_t from_ms, until_ms;
};

struct ledger_alert_event {
	int64_t seq; /* given by the ledger */
	int64_t at_ms;
	slice kind, body; /* a JSON object */
};

/* A paused session: by whom, whose, and by which rule. */
struct ledger_held {
	slice id, agent, reason, actor, rule; /* actor n 0: not by a person; rule n 0: not by a rule */
	slice user, team, repo, workflow;
	int64_t state_ms, calls, cost_nanousd; /* cost RECORD_ABSENT: unknown */
};

struct ledger_alert_query {
	slice id, cause;  /* n 0: any */
	slice user;       /* n 0: anybody's */
	bool open;        /* only those that are */
	int64_t since_ms; /* raised, or resolved, since; those that are open whenever they began */
	size_t limit;     /* 0: all; the newest first */
};

struct ledger_delivery_query {
	slice alert;           /* n 0: any */
	int64_t after_seq;     /* those behind it */
	bool waiting;          /* only those */
	int64_t done_since_ms; /* only those sent since; 0: any */
};

struct ledger_alert_ops {
	/* Within begin and commit: as it is now, new or not. A new one whose cause is open already: ERR_BUSY.
	 */
	int (*put)(struct ledger *l, const struct ledger_alert *a, struct error *e);
	int (*delivery_put)(struct ledger *l, struct ledger_delivery *d, struct error *e); /* gives seq */
	/* With an audit row, and a transaction of its own; an until_ms that is past ends it. */
	int (*silence_put)(struct ledger *l, const struct ledger_silence *s, int64_t at_ms, struct error *e);
	int (*event_add)(struct ledger *l, const struct ledger_alert_event *ev, struct error *e);
	int (*events_drop)(struct ledger *l, int64_t upto_seq, struct error *e);
	/* Those that were over before, with their deliveries, and silences that ended before. */
	int (*trim)(struct ledger *l, int64_t before_ms, struct error *e);
	/* Running gateways are to look: within begin and commit. */
	int (*changed)(struct ledger *l, struct error *e);

	int (*list)(struct ledger *l, const struct ledger_alert_query *q,
	            int (*on_alert)(void *arg, const struct ledger_alert *a), void *arg, struct error *e);
	int (*deliveries)(struct ledger *l, const struct ledger_delivery_query *q,
	                  int (*on_delivery)(void *arg, const struct ledger_delivery *d), void *arg,
	                  struct error *e);
	/* Those that end after live_ms. */
	int (*silences)(struct ledger *l, int64_t live_ms,
	                int (*on_silence)(void *arg, const struct ledger_silence *s), void *arg,
	                struct error *e);
	int (*events)(struct ledger *l, int64_t after_seq, size_t limit,
	              int (*on_event)(void *arg, const struct ledger_alert_event *ev), void *arg,
	              struct error *e);
	/* Sessions that were paused since, and are. */
	int (*held)(struct ledger *l, int64_t since_ms, size_t limit,
	            int (*on_held)(void *arg, const struct ledger_held *h), void *arg, struct error *e);
	/* From any thread while the connection is open: what it is asking ends with ERR_BUSY. */
	void (*interrupt)(struct ledger *l);
};

#endif
