/* Message batches: Anthropic's, and OpenAI's of files (docs.anthropic.com/en/api/creating-message-batches,
 * platform.openai.com/docs/api-reference/batch). They live in memory and end a while after they came. */
#ifndef SIM_BATCH_H
#define SIM_BATCH_H

#include "server.h"

/* Answers when the path is one of theirs. */
bool batch_route(struct conn *c, struct str path);

#endif
