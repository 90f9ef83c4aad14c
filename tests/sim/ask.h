/* Reading requests: what the four dialects' readers have in common. */
#ifndef SIM_ASK_H
#define SIM_ASK_H

#include "call.h"

/* What one message of the conversation amounts to. */
struct spoken {
	int results;     /* tool results in it */
	struct str text; /* what the person said in it */
};

struct str json_str(const struct cJSON *o, const char *key);
bool json_is(const struct cJSON *o, const char *key, const char *value);
int64_t json_int(const struct cJSON *o, const char *key); /* -1: not there */

/* Text that the agent's harness put into the person's message is not the person's. */
void spoken_text(struct spoken *s, struct str text);
void ask_spoken(struct ask *a, const struct spoken *s);
void ask_tool(struct ask *a, struct tool t);
void ask_free(struct ask *a);

/* Reads the body: with cJSON, or in bench mode by a quick look at its bytes. False: malformed. */
bool ask_read(struct call *c, const char *body, size_t n);

#endif
