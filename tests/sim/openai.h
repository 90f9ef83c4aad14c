/* What OpenAI's three APIs have in common. */
#ifndef SIM_OPENAI_H
#define SIM_OPENAI_H

#include "call.h"

/* The whole usage has just been put on the wire. */
void openai_reported(struct call *c);
void openai_error(const struct call *c, int status, struct buf *out);

#endif
