/* What the console says of the ledger: the JSON API that the page (web/) is made of, too. */
#ifndef WEIR_GATEWAY_CONSOLE_API_H
#define WEIR_GATEWAY_CONSOLE_API_H

#include "base/buf.h"
#include "gateway/context.h"
#include "store/ledger.h"
#include "store/writer.h"

struct events;

struct console_context {
	struct shared *shared;  /* not owned */
	struct worker *workers; /* not owned */
	int workers_n;
	struct writer *writer; /* not owned */
	struct events *events; /* not owned */
	const struct ledger_ops *ops;
	struct ledger *ledger;   /* read-only */
	struct ledger *writable; /* for what people decide */
	pthread_mutex_t *lock;   /* not owned; guards writable: one change at a time */
	slice timezone;          /* of the settings at the start */
	bool simulated;          /* every provider is a simulated one, and the page says so */
};

/* Who looks. */
struct console_reader {
	bool all;         /* sees every row */
	struct name user; /* else this user's only */
	bool anonymous;   /* on loopback, without a key */
	enum role role;   /* without a key: viewer, or owner while there are no keys at all */
	struct name key_id, team;
	const struct principal *principal; /* NULL where none was asked for */
	const uint8_t *gate_secret;        /* of TRUST_SECRET_BYTES */
};

/* Answers a path; ERR_NOT_FOUND when there is no such page. */
int console_api(struct console_context *c, const struct console_reader *who, slice path, slice query,
                int *status, const char **type, struct buf *out) WARN_UNUSED;

/* Appends a text as it may stand within a JSON string; control characters but line feeds become '?'. */
int console_escape(struct buf *out, slice text) WARN_UNUSED;

#endif
