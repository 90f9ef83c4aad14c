/* What `weir top` shows, read from the answer of GET /api/v1/live. */
#ifndef WEIR_CLI_TOP_DATA_H
#define WEIR_CLI_TOP_DATA_H

#include <stdint.h>

#include "base/slice.h"

#define TOP_SESSIONS 500
#define TOP_BUDGETS  24
#define TOP_SLOTS    60
#define TOP_UNKNOWN  INT64_C(-1)

struct cJSON;

struct top_session {
	slice id, user, agent, model, repo, branch, state, rule, explanation; /* in the tree; n 0: unknown */
	int64_t minute, spent, calls, refused, context, turn; /* minute, spent: nano-dollars; TOP_UNKNOWN */
	bool loop;
};

struct top_budget {
	slice name, whose, unit;
	int64_t limit, settled, held, lifted, share_ppm;
};

struct top_data {
	struct cJSON *tree; /* owned; NULL: nothing was read yet */
	slice time;
	int64_t minute, five, calls, in_flight; /* minute, five: nano-dollars a minute; TOP_UNKNOWN */
	int64_t slots[TOP_SLOTS];
	size_t slots_n;
	bool draining, failing;
	size_t sessions_n, sessions_all, budgets_n, freezes_n;
	struct top_session sessions[TOP_SESSIONS];
	struct top_budget budgets[TOP_BUDGETS];
	slice freeze; /* the first: "user ana@example.com" is its scope and value */
	slice freeze_value;
};

/* False when the text is no such answer; then *d is as before. */
bool top_data_read(struct top_data *d, slice json);
void top_data_release(struct top_data *d);

enum top_sort { TOP_BY_BURN, TOP_BY_SPENT, TOP_BY_CALLS, TOP_BY_CONTEXT, TOP_BY_USER, TOP_SORTS };
const char *top_sort_name(enum top_sort s);
/* The indices of those that match the filter (n 0: all), in that order; how many. */
size_t top_data_order(const struct top_data *d, enum top_sort sort, slice filter,
                      unsigned short out[TOP_SESSIONS]);

#endif
