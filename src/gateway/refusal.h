/* Refusals: the kinds, and the answer each client understands and stops at. */
#ifndef WEIR_GATEWAY_REFUSAL_H
#define WEIR_GATEWAY_REFUSAL_H

#include "base/buf.h"
#include "codec/codec.h"
#include "model/types.h"

/* id, name, HTTP status, agents of REFUSAL_FOR_AGENT get 402, Codex gets 400 text/plain, Retry-After in
 * seconds (0 none), it is a fault on the way and no decision: the client may try again by itself.
 * docs/refusals.md has them for people. */
#define REFUSAL_LIST(X)                                                                                      \
	X(REFUSAL_BUDGET, "budget", 402, false, true, 0, false)                                              \
	X(REFUSAL_GATE, "gate", 402, false, true, 0, false)                                                  \
	X(REFUSAL_STORM, "storm", 402, false, true, 0, false)                                                \
	X(REFUSAL_FROZEN, "frozen", 402, false, true, 0, false)                                              \
	X(REFUSAL_CONTEXT, "context", 402, false, true, 0, false)                                            \
	X(REFUSAL_QUOTA, "quota", 429, false, false, 30, false)                                              \
	X(REFUSAL_UNPRICED, "unpriced", 402, false, true, 0, false)                                          \
	X(REFUSAL_UNMETERED, "unmetered", 402, false, true, 0, false)                                        \
	X(REFUSAL_IDENTITY, "identity", 401, false, true, 0, false)                                          \
	X(REFUSAL_OVERLOAD, "overload", 503, false, false, 5, false)                                         \
	X(REFUSAL_SIZE, "size", 413, true, true, 0, false)                                                   \
	X(REFUSAL_ENCODING, "encoding", 415, false, true, 0, false)                                          \
	X(REFUSAL_REQUEST, "request", 400, false, true, 0, false)                                            \
	X(REFUSAL_MALFORMED, "malformed", 400, false, false, 0, false)                                       \
	X(REFUSAL_NOT_FOUND, "not-found", 404, false, false, 0, false)                                       \
	X(REFUSAL_METHOD, "method", 405, false, false, 0, false)                                             \
	X(REFUSAL_UPGRADE, "upgrade", 426, false, false, 0, false)                                           \
	X(REFUSAL_PROVIDER, "provider", 502, false, false, 0, true)                                          \
	X(REFUSAL_TIMEOUT, "timeout", 504, false, false, 0, true)

#define X(id, name, status, agent, codex, wait, fault) id,
enum refusal_kind { REFUSAL_LIST(X) REFUSAL_N };
#undef X

const char *refusal_name(enum refusal_kind k);
int refusal_status(enum refusal_kind k);

struct refusal_answer {
	int status;
	const char *content_type;
	int retry_after; /* seconds; 0: no header */
	bool fault;      /* x-weir-fault; else x-weir-refusal and x-should-retry: false */
};

/* Whom it is for. Agents read some statuses as something else than they say: at 413 Claude Code shows words
 * of its own about images, opencode shortens the conversation and sends again without end. 402 they all stop
 * at. */
enum refusal_reader {
	REFUSAL_FOR_ALL,
	REFUSAL_FOR_AGENT, /* `user-agent: claude-cli/…`, `opencode/…` */
	REFUSAL_FOR_CODEX, /* `originator: codex_…` */
};
enum refusal_reader refusal_reader(const struct headers *h);

/* Writes the answer's body into out. status: instead of the kind's own, 0 for that. */
int refusal_write(enum refusal_kind k, int status, slice message, const struct codec_ops *codec,
                  enum refusal_reader reader, struct refusal_answer *answer, struct buf *out) WARN_UNUSED;

/* Claude Code stops at a Retry-After of more than a minute. */
#define REFUSAL_RETRY_AFTER_MAX 60

#endif
