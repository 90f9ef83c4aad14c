/* What real agents send by themselves, in headers and bodies. Facts about foreign programs, which change:
 * each stands in a table of attribution_agent.c or attribution_body.c, and in a test. Nothing of it is
 * authenticated. */
#ifndef WEIR_POLICY_ATTRIBUTION_AGENT_H
#define WEIR_POLICY_ATTRIBUTION_AGENT_H

#include "base/arena.h"
#include "model/types.h"

/* Texts as they were sent, not cleaned; n 0 when unknown. They point into the headers, the body, mem or
 * constants. */
struct agent_facts {
	slice agent, version;
	slice session, subagent;
	slice remote, commit, branch; /* remote: a git URL */
	slice directory;              /* the working directory */
	bool tells_in_body;           /* the agent puts its surroundings into the prompt */
};

void attribution_agent(const struct headers *h, const struct request_view *v, struct arena *mem,
                       struct agent_facts *out);

/* Working directory and branch, out of the texts that the agent itself puts before the conversation; fields
 * that are set stay. */
void attribution_body(const struct request_view *v, struct arena *mem, struct agent_facts *out);

#endif
