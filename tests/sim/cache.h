/* Gemini's cachedContents (ai.google.dev/api/caching): they live in memory; a token is four bytes of the
 * body. */
#ifndef SIM_CACHE_H
#define SIM_CACHE_H

#include "server.h"

/* Answers when the path is one of theirs. */
bool cache_route(struct conn *c, struct str path);

#endif
