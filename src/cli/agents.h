/* How each agent is told its base URL, its extra headers and its key: by its own mechanism. */
#ifndef WEIR_CLI_AGENTS_H
#define WEIR_CLI_AGENTS_H

#include "cli/launch.h"
#include "model/settings.h"

struct agent_gateway {
	const char *base;                /* "http://127.0.0.1:8787", without a trailing slash */
	const char *key;                 /* the Weir key, or NULL */
	const struct settings *settings; /* of a gateway on this machine, or NULL */
	bool dry;                        /* only to be shown: no file is written */
};

/* Which agent a command line starts ("claude", "npx @openai/codex"): its name ("claude-code", …), or NULL
 * when it is none that is known. *at: the index of the word that names it. */
const char *agent_of(size_t argc, const char *const *argv, size_t *at);

/* The same name for what --agent says: "claude", "claude-code", … NULL when unknown. */
const char *agent_named(const char *word);

/* Changes l so that the agent (NULL: any other program) calls the gateway and sends l's headers; adds notes
 * on what was overridden and on what stands in the way. */
void agent_prepare(struct launch *l, const char *agent, size_t at, const struct agent_gateway *g);

/* What keeps an agent's calls from going where its base URL says: settings files and variables. Adds notes.
 */
void agent_obstacles(struct launch *l, const char *agent);

/* The folder of an agent's files: VARIABLE, else ~/below; "" when there is no home. */
const char *agent_folder(struct launch *l, const char *variable, const char *below);

#endif
