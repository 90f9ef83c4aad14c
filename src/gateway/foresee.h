/* What a call's input will be, asked of the predictor at most once a call, and told to it afterwards. */
#ifndef WEIR_GATEWAY_FORESEE_H
#define WEIR_GATEWAY_FORESEE_H

#include "gateway/exchange.h"

/* The request's prediction; NULL when its API has no content to read. It costs what of the request was not
 * counted before: for whoever has a hold to make. Only while the request's body is here (until the call
 * starts), later only what was foreseen then. */
const struct prediction *foresee(struct exchange *ex);
/* Of some calls, so that there is something to learn from; before the call starts. */
void foresee_sample(struct exchange *ex);
/* Input tokens of a request that was sent, for calls whose provider did not tell: as foreseen, else by what
 * its model was seen to make of a body's bytes. */
int64_t foresee_input(struct exchange *ex);
/* At the settlement of a call whose usage was reported. */
void foresee_learn(struct exchange *ex, const struct usage *reported);

#endif
