/* What `weir doctor` finds: its list, and the files that look. */
#ifndef WEIR_CLI_DOCTOR_H
#define WEIR_CLI_DOCTOR_H

#include "cli/cli.h"
#include "cli/launch.h"

#define FINDINGS_MAX 256

enum finding_state { FINDING_OK, FINDING_NOTE, FINDING_FAULT };

struct doctor {
	struct cli *c;
	struct arena mem;
	bool online;        /* --online: providers are asked too */
	bool gateway_ready; /* one answers on this machine, or at --server */
	size_t n;
	struct finding {
		enum finding_state state;
		const char *about; /* "store", "provider anthropic" */
		const char *text;  /* what was found */
		const char *mend;  /* what to do; NULL: nothing */
	} findings[FINDINGS_MAX];
};

/* One finding; mend (may be NULL) is a whole sentence. Returns where text and mend are printf'd. */
void doctor_find(struct doctor *d, enum finding_state state, const char *about, const char *mend,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
const char *doctor_text(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* This machine's gateway and its files. */
void doctor_gateway(struct doctor *d, const struct settings *s);
void doctor_store(struct doctor *d, const struct settings *s);
void doctor_clock(struct doctor *d, const struct settings *s);
void doctor_limits(struct doctor *d, const struct settings *s);
void doctor_rules(struct doctor *d, const struct settings *s);

/* This user's side: the agents, their variables and settings, the proxies, the key. s NULL: of a gateway
 * elsewhere, at base. */
void doctor_agents(struct doctor *d, const char *base);
void doctor_key(struct doctor *d, const struct settings *s);

/* Over the network. */
void doctor_server(struct doctor *d);
void doctor_providers(struct doctor *d, const struct settings *s);

#endif
