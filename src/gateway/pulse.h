/* The pulse: what was spent in the last minutes, and by which sessions, kept in memory beside the ledger.
 *
 * Every row that the writer commits is added here once, on its thread: a look-up and a few additions. Who
 * watches (the console's events, `weir top`) reads it as often as they like without a question to the ledger.
 * Times are of a clock that never goes back; money counts when it is booked. Of sessions the PULSE_SESSIONS
 * that spent last are kept. Rows of imports and telemetry come by other ways and are not in it. */
#ifndef WEIR_GATEWAY_PULSE_H
#define WEIR_GATEWAY_PULSE_H

#include "base/clock.h"
#include "store/writer.h"

#define PULSE_SLOTS    30
#define PULSE_SLOT_MS  10000 /* together five minutes */
#define PULSE_SESSIONS 8192

struct pulse;
/* clock must live as long. NULL without memory. */
struct pulse *pulse_new(const struct clock *clock, uint64_t seed);
void pulse_free(struct pulse *p);

/* Hooks for the writer that do what inner does, and tell the pulse. */
struct writer_hook pulse_hook(struct pulse *p, const struct writer_hook *inner);

struct pulse_rate {
	int64_t minute_nanousd;            /* metered, of about the last minute, for a minute */
	int64_t five_nanousd;              /* of the last five minutes, for a minute */
	int64_t slot_nanousd[PULSE_SLOTS]; /* the oldest first; the last one goes on */
	int64_t minute_calls;              /* of the last minute */
};

/* A session that spent lately. Texts are borrowed until the callback returns; n 0: unknown. */
struct pulse_session {
	slice id, key_id, user, team, agent, repo, branch, model;
	int64_t first_ms, last_ms;             /* wall clock, of its rows seen here */
	int64_t nanousd, subscription_nanousd; /* of its rows seen here */
	int64_t calls, refused;
	int64_t context_tokens, turn; /* of its last call; RECORD_ABSENT unknown */
	int64_t minute_nanousd, five_nanousd;
	slice rule, explanation; /* of the last row that names a rule; n 0: none did */
	int64_t rule_ms;
	uint64_t changed; /* rises with every change */
};

/* Of all calls, or (user n > 0) of that user's sessions. */
void pulse_rate_of(struct pulse *p, slice user, struct pulse_rate *out);
struct pulse_total {
	int64_t nanousd, subscription_nanousd, calls, refused; /* since the start */
};
void pulse_total_of(struct pulse *p, struct pulse_total *out);

/* Those that changed after since (0: all), the latest first; on_session nonzero stops. Keeps the writer
 * waiting meanwhile: copy, and be done. Returns the number of the newest change. */
uint64_t pulse_sessions(struct pulse *p, uint64_t since,
                        int (*on_session)(void *arg, const struct pulse_session *s), void *arg);
/* What a session burns now, for a minute, by the last five; 0: nothing, or it is not known here. */
int64_t pulse_burn_of(struct pulse *p, slice id, slice key_id);
/* Something else of the session changed (its state): who watches is told of it again. */
void pulse_touch(struct pulse *p, slice id, slice key_id); /* key_id n 0: of any key */

#endif
