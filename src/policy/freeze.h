/* The kill switch: what is frozen, as an immutable set that is replaced as a whole when it changes. */
#ifndef WEIR_POLICY_FREEZE_H
#define WEIR_POLICY_FREEZE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/types.h"

/* id, name (of the option, the API's field and the ledger's column) */
#define FREEZE_SCOPE_LIST(X)                                                                                 \
	X(FREEZE_ORG, org)                                                                                   \
	X(FREEZE_TEAM, team)                                                                                 \
	X(FREEZE_USER, user) X(FREEZE_KEY, key) X(FREEZE_SESSION, session) X(FREEZE_PROVIDER, provider)
#define X(id, name) id,
enum freeze_scope { FREEZE_SCOPE_LIST(X) FREEZE_SCOPE_N };
#undef X
const char *freeze_scope_name(enum freeze_scope s);
enum freeze_scope freeze_scope_from_name(slice name); /* FREEZE_SCOPE_N when unknown */

#define FREEZES_MAX 10000

struct freeze {
	enum freeze_scope scope;
	slice value;      /* the team's name, the key's id, …; n 0 for org */
	slice by, reason; /* who did it, and why; n 0: not told */
	int64_t at_ms;
};

struct freeze_set; /* immutable once published, shared by reference count */
/* seed: random, of the hash. */
struct freeze_set *freeze_set_new(uint64_t seed);
struct freeze_set *freeze_set_ref(struct freeze_set *s);
void freeze_set_unref(struct freeze_set *s); /* NULL: nothing */
/* Copies all; one that is there already is replaced. ERR_INVALID: a scope without its value, or a text that
 * is too long; ERR_FULL over FREEZES_MAX; ERR_NOMEM. */
int freeze_set_add(struct freeze_set *s, const struct freeze *f) WARN_UNUSED;
size_t freeze_set_count(const struct freeze_set *s);
/* The entry of that scope and value, or NULL. */
const struct freeze *freeze_set_find(const struct freeze_set *s, enum freeze_scope scope, slice value);
/* In the order in which they were added; on_freeze nonzero stops and is returned. */
int freeze_set_each(const struct freeze_set *s, int (*on_freeze)(void *arg, const struct freeze *f),
                    void *arg);

/* A call, for the question whether it is frozen; n 0: unknown, which matches nothing. */
struct freeze_call {
	slice value[FREEZE_SCOPE_N]; /* that of FREEZE_ORG is not looked at */
};
/* The widest entry that holds the call; NULL when none does. */
const struct freeze *freeze_set_match(const struct freeze_set *s, const struct freeze_call *c);

/* "Frozen: user ana@example.com, by kim: a loop", with the command that lifts it. */
slice freeze_message(const struct freeze *f, struct arena *mem);

#endif
