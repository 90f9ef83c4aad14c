/* The message batches that were started through this gateway, and what is known of them: a table shared by
 * the event loops, which add to it and read results as they pass, and the thread that asks the providers
 * (batch_follow.h). docs/batches.md tells the states. Every function may be called from any thread. */
#ifndef WEIR_GATEWAY_BATCH_H
#define WEIR_GATEWAY_BATCH_H

#include "base/arena.h"
#include "base/err.h"
#include "model/settings.h"
#include "model/types.h"

#define BATCHES_MAX         4096 /* not booked yet; more are refused */
#define BATCH_FILES         1024 /* input files remembered; the oldest go */

#define BATCH_STATE_LIST(X) X(BATCH_OPEN, open) X(BATCH_BOOKED, booked) X(BATCH_LOST, lost)
#define X(id, name)         id,
enum batch_state { BATCH_STATE_LIST(X) BATCH_STATES };
#undef X
const char *batch_state_name(enum batch_state s);
enum batch_state batch_state_from_name(slice name); /* BATCH_STATES when unknown */

struct batches;

/* Kept as long as somebody has a reference. */
struct batch {
	slice id, provider;
	struct record made; /* the row of the call that created it; texts owned */
};

/* What is known of a file that was uploaded for a batch. */
struct batch_file {
	struct name id, provider;
	int64_t hold_nanousd; /* the most that its lines can cost */
};

struct batches *batches_new(void);
void batches_free(struct batches *t);

/* A batch by the row of its creation (text `batch` is its id). One that is there already stays as it is.
 * ERR_FULL, ERR_NOMEM. */
int batches_add(struct batches *t, const struct record *made) WARN_UNUSED;
bool batches_full(struct batches *t);
/* References, to be given back by batch_unref; NULL when unknown. by_file: of one of its result files. */
struct batch *batches_find(struct batches *t, slice id);
struct batch *batches_by_file(struct batches *t, slice file);
/* The next batch in a walk over all: cursor begins at 0. */
struct batch *batches_each(struct batches *t, size_t *cursor);
void batch_unref(struct batch *b);

enum batch_state batch_state(struct batches *t, const struct batch *b);
/* The one place where a state changes: open to booked or lost; others are left as they are. */
void batch_set_state(struct batches *t, struct batch *b, enum batch_state to);
/* The same, and gives what is held for it to the caller, once; *h NULL: nothing is. */
struct budget_hold;
void batch_leave(struct batches *t, struct batch *b, enum batch_state to, struct budget_hold **h,
                 struct settings **s);
/* Budgets hold this for it (on the heap; taken over with the reference to s). False: it is not open, or has
 * one. */
bool batch_keep_hold(struct batches *t, struct batch *b, struct budget_hold *h, struct settings *s);
/* What is held for it, for a moment that nobody else changes it: fn may replace both. Not when it is not
 * open. */
void batch_with_hold(struct batches *t, struct batch *b,
                     void (*fn)(void *arg, struct budget_hold **h, struct settings **s), void *arg);
/* The files that the results stand in (OpenAI); n 0: not known yet. */
void batch_set_files(struct batches *t, struct batch *b, slice results, slice errors);
void batch_files(struct batches *t, const struct batch *b, struct name *results, struct name *errors);
/* It has changed since it was last asked, and must be saved. */
bool batch_take_changed(struct batches *t, struct batch *b);

void batches_file_add(struct batches *t, const struct batch_file *f);
bool batches_file(struct batches *t, slice id, struct batch_file *out);

/* Sleeps until something was added or changed, timeout_ms passed, or batches_stop was called: then false. */
bool batches_wait(struct batches *t, int64_t timeout_ms);
bool batches_stopping(struct batches *t);
void batches_stop(struct batches *t);

/* The row of a line of a batch's results: priced at batch price by the time of creation, booked to who
 * created it, with an id that is the same each time. Texts lie in mem. ERR_INVALID when it is no line of
 * results. */
int batch_line(const struct batch *b, const struct settings *s, slice line, struct arena *mem,
               struct record *out) WARN_UNUSED;
/* The row of a batch whose results cannot be had: its hold. */
void batch_lost_row(const struct batch *b, const char *why, struct arena *mem, struct record *out);

/* The most that a batch of a provider can cost at batch price. Anthropic's body of creation; a file of
 * OpenAI's input. ERR_NOT_FOUND: a model without a price, *model names it; ERR_INVALID: what is wrong, in e.
 */
int batch_hold_body(const struct settings *s, const struct provider *p, int64_t wall_ms, slice body,
                    struct arena *mem, int64_t *hold, slice *model, struct error *e) WARN_UNUSED;
int batch_hold_file(const struct settings *s, const struct provider *p, int64_t wall_ms, slice lines,
                    struct arena *mem, int64_t *hold, slice *model, struct error *e) WARN_UNUSED;

#endif
