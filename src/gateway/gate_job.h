/* The gates asked ahead of a job's first call: may an agent run here at all? What only a call can tell (its
 * model, its tools, the agent) is decided at each call; the token that an admitted job gets carries the rest
 * there. */
#ifndef WEIR_GATEWAY_GATE_JOB_H
#define WEIR_GATEWAY_GATE_JOB_H

#include "model/settings.h"
#include "policy/gate.h"
#include "policy/identity_gate.h"

#define GATE_LATER_MAX 16

struct gate_job {
	struct attribution who;
	struct ci_proof ci;
	slice key_id;
	enum role role;
};

struct gate_answer {
	bool refused;
	slice gate, reason; /* that decided; n 0: none did */
	slice shadow;       /* what gates in shadow would have done; n 0 nothing */
	size_t later_n;     /* gates that are decided at each call */
	slice later[GATE_LATER_MAX];
};

/* Fills in the team and cost centre from the settings, and decides. */
void gate_job_decide(const struct settings *s, struct gate_job *job, int64_t now_ms, struct arena *mem,
                     struct gate_answer *out);
/* The job's token; *expires_ms when it ends. ERR_* with a sentence. */
int gate_job_token(const struct settings *s, const struct gate_job *job,
                   const uint8_t secret[TRUST_SECRET_BYTES], int64_t now_ms, struct buf *out,
                   int64_t *expires_ms, struct error *e) WARN_UNUSED;

#endif
