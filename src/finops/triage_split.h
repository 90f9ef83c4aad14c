/* A rise split into causes that multiply out: a logarithmic mean Divisia index (LMDI-I; B. W. Ang, "The LMDI
 * approach to decomposition analysis", Energy Policy 33, 2005). Spend is seen as
 *
 *	users * sessions/user * turns/session * calls/turn * sum over models of
 *	    share of calls * (input/call * sum over kinds of input of (share * price) + output/call * price +
 *rest)
 *
 * Each factor's part is what the rise is by that factor's change, in money; the parts are together exactly
 * the rise. The factors' ratios multiplied are how many times the spend has risen. Estimates in floating
 * point, rounded once; what the rounding leaves goes to the greatest part. */
#ifndef WEIR_FINOPS_TRIAGE_SPLIT_H
#define WEIR_FINOPS_TRIAGE_SPLIT_H

#include "finops/triage_takings.h"

/* id, name, what it is */
#define SPLIT_LIST(X)                                                                                        \
	X(SPLIT_USERS, users, "active users")                                                                \
	X(SPLIT_SESSIONS, sessions, "sessions each")                                                         \
	X(SPLIT_TURNS, turns, "calls a session")                                                             \
	X(SPLIT_LOOPS, loops, "retries and loops")                                                           \
	X(SPLIT_CONTEXT, context, "input a call")                                                            \
	X(SPLIT_CACHE, cache, "cached or fresh")                                                             \
	X(SPLIT_OUTPUT, output, "output a call")                                                             \
	X(SPLIT_MIX, model_mix, "models used")                                                               \
	X(SPLIT_PRICE, price, "price a token")                                                               \
	X(SPLIT_OTHER, other, "tools and the rest")
#define X(id, name, text) id,
enum split { SPLIT_LIST(X) SPLIT_N };
#undef X
const char *split_name(enum split s);
const char *split_text(enum split s);

#define SPLIT_MODELS 64 /* those beyond are taken as one */

/* What is compared: sums of a time, by model. Counts may be means, and so no whole numbers. */
struct split_side {
	double users, sessions;
	size_t models_n;
	struct split_model {
		double calls, again, tokens[TAKINGS_INPUTS], money[TAKINGS_INPUTS], output, output_money,
		    spent;
	} models[SPLIT_MODELS]; /* the same model at the same place on both sides */
	int64_t spent;          /* exactly, of all models */
};

struct split_result {
	struct split_part {
		int64_t nanousd;
		double times; /* its ratio; together they are spent after over spent before */
		bool known;   /* the figures below are */
		double before,
		    after; /* users; sessions each; calls a session without those again; calls for each
		              of those; tokens a call; share read from the cache; tokens a call */
	} part[SPLIT_N];
};

void split_rise(const struct split_side *before, const struct split_side *after, struct split_result *out);

#endif
