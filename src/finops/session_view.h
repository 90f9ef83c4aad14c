/* A session as people see it: the list, and of one its turns, how its context grew, and its anatomy. The
 * command line and the console's API show the same. */
#ifndef WEIR_FINOPS_SESSION_VIEW_H
#define WEIR_FINOPS_SESSION_VIEW_H

#include "base/buf.h"
#include "model/catalog.h"
#include "store/ledger.h"
#include "text/jsonw.h"

#define SESSION_VIEW_MOST 5000 /* sessions of a list */

struct session_view {
	const struct ledger_ops *ops;
	struct ledger *ledger; /* NULL: one that does not exist yet */
	slice timezone;
	int64_t now_ms;
	bool json;                     /* else for people */
	const struct catalog *catalog; /* NULL: windows are not known */
	/* Whether sessions of that key are shown; NULL: all are. */
	bool (*may_see)(void *arg, slice scope);
	void *arg;
	slice user; /* n 0: everybody's calls; else that user's only */
};

/* {"sessions": [...]}: those seen since, the newest first. *n: how many. */
int session_view_list(const struct session_view *v, int64_t since_ms, size_t limit, struct buf *out,
                      size_t *n, struct error *e) WARN_UNUSED;
/* Its members, into an object that is open. */
void session_view_put(struct jsonw *w, const struct ledger_session *s);
/* {"sessions", "growth", "turns", "anatomy"}. ERR_NOT_FOUND: none of that id that may be seen. */
int session_view_show(const struct session_view *v, slice id, struct buf *out, struct error *e) WARN_UNUSED;

#endif
