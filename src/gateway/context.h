/* What the gateway's threads share, and what each worker has for itself. */
#ifndef WEIR_GATEWAY_CONTEXT_H
#define WEIR_GATEWAY_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/crypto.h"
#include "base/log.h"
#include "gateway/block.h"
#include "gateway/held.h"
#include "model/predict.h"
#include "model/settings.h"
#include "policy/device.h"
#include "policy/freeze.h"
#include "policy/budget.h"
#include "policy/identity.h"
#include "policy/quota.h"
#include "policy/session.h"
#include "store/journal.h"

/* Counted by each worker for itself, read by the console without a lock. */
#define COUNTER_LIST(X)                                                                                      \
	X(connections_opened, "Client connections accepted")                                                 \
	X(connections_closed, "Client connections closed")                                                   \
	X(requests, "Requests whose head was read")                                                          \
	X(calls, "Calls given to a provider")                                                                \
	X(calls_ended, "Calls settled")                                                                      \
	X(refused, "Calls refused by Weir")                                                                  \
	X(malformed, "Requests refused before their body: malformed, foreign host or origin")                \
	X(overload, "Calls turned away with 503")                                                            \
	X(client_gone, "Calls whose client left before the end")                                             \
	X(provider_gone, "Calls whose provider could not be reached or left before the end")                 \
	X(provider_errors, "Answers of 400 and above from providers")                                        \
	X(timeouts, "Calls ended by a time limit")                                                           \
	X(bytes_in, "Bytes of request bodies")                                                               \
	X(bytes_out, "Bytes of answers given to clients")                                                    \
	X(events_skipped, "Stream events too large to be metered")                                           \
	X(counted, "Calls whose usage Weir had to count")                                                    \
	X(drained, "Calls whose answer was read to its end after the client had gone")                       \
	X(drain_cut, "Calls whose answer was too long or too slow to be read after the client had gone")     \
	X(pauses, "Times a provider's stream was slowed for a slow client")                                  \
	X(storms, "Findings that an agent goes round in circles, acted on or only told")                     \
	X(sessions_unread, "Calls whose session could not be read for want of memory")                       \
	X(held, "Calls held back before they left")                                                          \
	X(held_ended, "Calls that are held back no more")                                                    \
	X(many_devices, "Times a key was used from more devices in a day than limits.devices")               \
	X(held_gone, "Calls whose client left while they were held back")                                    \
	X(truncated, "Streams ended by Weir as truncated answers")

struct counters {
#define X(name, help) _Atomic unsigned long long name;
	COUNTER_LIST(X)
#undef X
};

#define COUNT(w, name) atomic_fetch_add_explicit(&(w)->counters.name, 1, memory_order_relaxed)
#define COUNT_ADD(w, name, k)                                                                                \
	atomic_fetch_add_explicit(&(w)->counters.name, (unsigned long long)(k), memory_order_relaxed)

struct oidc;
struct reload;
struct overrides;
struct budgets;
struct batches;
struct otlp_intake;
struct alerts;
struct pulse;

struct shared {
	struct log *log;             /* not owned */
	const struct clock *clock;   /* not owned */
	struct journal *journal;     /* owned by the gateway */
	struct batches *batches;     /* owned by the gateway */
	pthread_mutex_t lock;        /* guards the next four */
	struct settings *settings;   /* owned reference: the snapshot for new calls */
	struct keyring *keys;        /* owned reference */
	struct trust *trust;         /* owned reference */
	struct freeze_set *freezes;  /* owned reference */
	atomic_uint generation;      /* moves when one of them was replaced */
	struct reload *reload;       /* owned by the gateway */
	struct budgets *budgets;     /* owned by the gateway */
	struct pulse *pulse;         /* owned by the gateway */
	struct overrides *overrides; /* owned by the gateway */
	struct oidc *oidc;           /* owned by the gateway */
	struct freezer *freezer;     /* owned by the gateway */
	struct quota *quota;         /* owned by the gateway */
	struct devices *devices;     /* owned by the gateway */
	struct notices *notices;     /* owned by the gateway */
	uint64_t device_seed;
	/* A clock that is never set: the wall clock of the start, and the monotonic time of then. */
	int64_t steady_wall_ms, steady_mono_us;
	atomic_bool draining;
	atomic_int calls;            /* in flight, all workers */
	atomic_int connections;      /* open, all workers */
	_Atomic int64_t bodies;      /* bytes of request bodies and whole answers held, all workers */
	struct predictor *predictor; /* owned by the gateway; NULL: nothing is learnt */
	char node[64];               /* this machine's name, for the ledger */
	char url[320];               /* where agents call; set before the console starts */

	/* owned by the gateway; NULL: without memory for it */
	struct session_table *sessions;
	struct storm_table *storms; /* owned by the gateway; NULL: none are looked for */
	struct otlp_intake *otlp;   /* owned by the gateway */
	struct alerts *alerts;      /* owned by the gateway */
};

struct freezer;
struct upstream;
struct exchange;
struct server;

struct worker {
	unsigned index;
	struct shared *shared;      /* not owned */
	struct settings *settings;  /* owned reference */
	struct keyring *keys;       /* owned reference */
	struct trust *trust;        /* owned reference */
	struct freeze_set *freezes; /* owned reference */
	unsigned generation;        /* of the four above */
	int epoll, wake_fd;
	atomic_bool stop;
	struct crypto_ids ids;
	struct upstream *upstream; /* owned */
	struct server *server;     /* owned */
	struct exchange *active;   /* all exchanges of this worker, a doubly linked list */
	size_t active_n;
	int64_t now_us;         /* monotonic, taken once a turn of the loop */
	int64_t answer_us;      /* how soon providers answered of late: a moving mean */
	int64_t trim_us;        /* when the idle blocks are looked through next */
	int64_t awake_until_us; /* the loop does not sleep before; 0: it may */
	struct held held;       /* calls held back */
	atomic_bool retry_held; /* look at all of them again; set from any thread, then worker_wake */
	struct blocks blocks;
	struct predict_scratch *counting; /* owned; NULL without memory */
	struct budget_clock budget_clock;
	struct budget_sizes sizes;   /* of answers, learnt */
	atomic_uint seen_generation; /* the generation taken last, for others to see */
	struct counters counters;
};

static inline int64_t shared_steady_ms(const struct shared *s)
{
	return s->steady_wall_ms + (clock_mono_us(s->clock) - s->steady_mono_us) / 1000;
}

/* Answers that come sooner than this on the average are waited for awake. */
#define AWAKE_US 200

/* What an epoll event of a worker belongs to: 8 bits of kind, 24 of generation, 32 of index or descriptor. */
enum event_kind { EVENT_WAKE, EVENT_SERVER, EVENT_CLIENT, EVENT_UPSTREAM };
static inline uint64_t event_tag(enum event_kind kind, unsigned generation, unsigned index)
{
	return (uint64_t)kind << 56 | (uint64_t)(generation & 0xffffff) << 32 | index;
}
static inline enum event_kind event_kind_of(uint64_t tag)
{
	return (enum event_kind)(tag >> 56);
}
static inline unsigned event_generation(uint64_t tag)
{
	return (unsigned)(tag >> 32) & 0xffffff;
}
static inline unsigned event_index(uint64_t tag)
{
	return (unsigned)tag;
}

#endif
