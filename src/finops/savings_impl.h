/* Between the files of savings. */
#ifndef WEIR_FINOPS_SAVINGS_IMPL_H
#define WEIR_FINOPS_SAVINGS_IMPL_H

#include "base/map.h"
#include "base/num.h"
#include "finops/savings.h"

#define SAVING_NAMES_MAX 8192 /* values of whom a saving is counted for */

/* What was found of a kind, while it is looked for. */
struct finding {
	int64_t nanousd, calls, sessions;
	const char *dimension; /* of its names */
	struct map by_name;    /* to struct finding_name, in the arena */
	int64_t most;          /* of one session */
	slice session;
};

struct finding_name {
	slice name;
	slice instead; /* borrowed: lives as long as the savings */
	int64_t nanousd;
};

struct search {
	struct savings *out;
	const struct savings_ask *ask;
	struct finding of[SAVINGS];
	int rc;
};

/* Adds to a kind, for one name of its dimension (n 0: unknown). */
void finding_add(struct search *x, enum saving_kind k, slice name, int64_t nanousd, int64_t calls);
/* What would do instead of a name that was added. */
void finding_instead(struct search *x, enum saving_kind k, slice name, slice instead);
void finding_session(struct search *x, enum saving_kind k, slice session, int64_t nanousd);
void savings_missing(struct search *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* savings_calls.c: what single calls and threads of calls show. */
int savings_calls(struct search *x, struct error *e) WARN_UNUSED;
/* savings_parts.c: tools, results, seats. */
int savings_parts(struct search *x, struct error *e) WARN_UNUSED;
/* savings_apply.c: what does it. */
int savings_apply(struct search *x, struct saving *s) WARN_UNUSED;

#endif
