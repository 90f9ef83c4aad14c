/*
 * Replay of recorded traffic: JSON Lines, a request/response pair a line, of which these are read:
 * `id`, `method`, `url`, `status`, `stream`, `model`, `request.body`, `response.headers` and
 * `response.body` (or `body_b64`). A request is known by header `x-sim-pair: ID`, or by its method,
 * path and body bytes. The recorded body is served byte for byte; only the framing is new.
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include "server.h"

struct pair {
	char *id, *model;
	struct buf headers; /* as lines, framing left out */
	struct buf body;
	uint64_t exact; /* hash of method, path and body */
	int status;
	bool stream;
};

void replay_load(const char *path);
bool replay_on(void);
void replay_release(void);
/* The pair for a request whose body is whole, or NULL. */
const struct pair *replay_find(const struct conn *c);
/* Makes the call answer with the pair. */
void replay_call(struct call *k, const struct pair *p);

#endif
