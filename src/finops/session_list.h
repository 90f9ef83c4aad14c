/* The list of sessions, searched, sorted and paged: for thousands of them. */
#ifndef WEIR_FINOPS_SESSION_LIST_H
#define WEIR_FINOPS_SESSION_LIST_H

#include "finops/session_view.h"

#define SESSION_LIST_MOST 20000 /* that are looked at: the latest */

#define SESSION_SORT_LIST(X)                                                                                 \
	X(SORT_SEEN, seen)                                                                                   \
	X(SORT_BURN, burn)                                                                                   \
	X(SORT_COST, cost) X(SORT_CALLS, calls) X(SORT_TURNS, turns) X(SORT_STARTED, started)
#define X(id, name) id,
enum session_sort { SESSION_SORT_LIST(X) SESSION_SORTS };
#undef X
enum session_sort session_sort_from_name(slice name); /* SESSION_SORTS when unknown */

struct session_list {
	int64_t since_ms;
	enum session_sort sort; /* the most or the latest first */
	slice search; /* in id, user, agent, repo, branch, model, directory; ASCII case is folded; n 0: any */
	slice state;  /* n 0: any */
	size_t offset, limit;
	/* What a session burns now, in nano-dollars a minute; may be NULL. */
	int64_t (*burn)(void *arg, slice id, slice scope);
	void *burn_arg;
};

/* {"sessions": [...], "total": n, "offset": n, "more": bool}: the members of session_view_list's, and
 * "burn_nanousd" (a minute; null without burn). more: there are sessions beyond SESSION_LIST_MOST. */
int session_list_json(const struct session_view *v, const struct session_list *ask, struct buf *out,
                      struct error *e) WARN_UNUSED;

#endif
