/*
 * Scripts: what the simulated model does in the turns of a task. Where a task stands is read from
 * the request alone (tool results since the person last spoke), so that a restart changes nothing.
 */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include "call.h"

/* What a step wants done, whatever the agent's tool for it is called. */
enum deed { DEED_NONE, DEED_SHELL, DEED_LIST, DEED_READ, DEED_WRITE, DEED_EDIT, DEED_AGENT, DEED_ANY };

struct step {
	const char *say;
	enum deed deed;
	const char *command; /* shell; also what a missing tool's work is done with */
	const char *path;
	const char *content, *old_text, *new_text, *prompt;
};

/* Fills the plan with the script's answer for this turn. False: no script applies, or it is `plain`. */
bool script_plan(struct call *c);
/* A script of one's own, from a JSON file; see README.md. Dies with a message when it is no good. */
void script_load(const char *path);
void script_release(void);

/* toolcall.c: adds the call of a tool that the client offered. False: it offered none. */
bool tool_call_add(struct call *c, const struct step *s);
/* toolcall.c: an instance of a JSON schema, as small as may be. */
void schema_instance(const struct cJSON *schema, const char *name, int depth, struct buf *out);

/* plan.c */
struct block *plan_add_exact(struct call *c, const char *text); /* whatever size the directives want */
struct block *plan_add_text(struct call *c, const char *text);
struct block *plan_add_tool(struct call *c, const struct tool *t, struct buf *arguments);

#endif
