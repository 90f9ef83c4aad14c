/* Which API a request is for, and the answers that are not calls: models, greetings, the books. */
#ifndef SIM_ROUTE_H
#define SIM_ROUTE_H

#include "server.h"

/* Sets api, dialect, model and streaming as far as the target tells. False: no call. */
bool route_call(const struct http_req *r, struct call *c);
/* Answers a request that is not a call, into c->out. */
void route_other(struct conn *c);
/* A whole answer with a length. */
void answer_with(struct conn *c, int status, const char *type, const char *extra, struct str body);

#endif
