/* Alerts as people see them: the list, and of one where it was told; and what people do about them:
 * silencing, and asking for a test. The command line and the console's API do the same. */
#ifndef WEIR_FINOPS_ALERT_VIEW_H
#define WEIR_FINOPS_ALERT_VIEW_H

#include "base/buf.h"
#include "finops/alert_book.h"

#define ALERT_VIEW_MOST   2000
#define ALERT_REASON_MAX  200
#define ALERT_SILENCE_MS  (INT64_C(4) * 3600 * 1000) /* when it is not said */
#define ALERT_SILENCE_MAX (INT64_C(30) * 24 * 3600 * 1000)
#define ALERT_MATCHES_MAX 600

struct alert_view {
	const struct ledger_ops *ops;
	struct ledger *ledger; /* NULL: one that does not exist yet */
	int64_t now_ms;
	bool json;   /* else for people */
	bool all;    /* also those that are over, of the time since */
	slice user;  /* only alerts of this user's own; n 0: all */
	bool nobody; /* may see none: an own view without a user */
	int64_t since_ms;
	size_t limit;
};

/* {"alerts": [...], "silences": [...]}: the newest first. *n: how many alerts. */
int alert_view_list(const struct alert_view *v, struct buf *out, size_t *n, struct error *e) WARN_UNUSED;
/* {"alert": {…}, "deliveries": [...]}. ERR_NOT_FOUND: none of that id that may be seen. */
int alert_view_show(const struct alert_view *v, slice id, struct buf *out, struct error *e) WARN_UNUSED;

/* --- done by people ---------------------------------------------------------------------- */

struct alert_wish {
	slice alert;    /* one alert's id; n 0: by matches */
	slice matches;  /* "budget=dev-day,user=ana@*" */
	int64_t for_ms; /* 0: ALERT_SILENCE_MS */
	slice by, reason;
	slice user; /* of one who may silence only alerts of their own; n 0: any */
	bool nobody;
	int64_t now_ms;
};
/* The silence's id in id. ERR_INVALID, ERR_NOT_FOUND, ERR_REFUSED (another's alerts). */
int alert_silence(const struct ledger_ops *ops, struct ledger *l, const struct alert_wish *w,
                  char id[CRYPTO_ID_MAX], struct error *e) WARN_UNUSED;
/* Ends it. ERR_NOT_FOUND: no such silence holds now. */
int alert_unsilence(const struct ledger_ops *ops, struct ledger *l, slice id, const struct alert_wish *w,
                    struct error *e) WARN_UNUSED;
/* Queues a test alert for a target, or (n 0) for all; a running gateway sends it. Its id in id. */
int alert_test(const struct ledger_ops *ops, struct ledger *l, const struct alert_target *targets, size_t n,
               slice target, slice by, int64_t now_ms, char id[CRYPTO_ID_MAX], struct error *e) WARN_UNUSED;
/* What it says: for those who send it themselves. Texts are static, or by's. */
void alert_test_cause(struct alert_cause *c, slice by);

#endif
