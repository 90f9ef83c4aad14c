/*
 * A simulated team: people who work with agents in several repositories, and CI jobs, against a
 * gateway. Each conversation is made up here, grows turn by turn and is sent in full each time, with
 * the headers and the shape of the agent it plays; what the model answers only counts as an answer.
 */
#ifndef SIM_TEAM_H
#define SIM_TEAM_H

#include "util.h"

enum agent { AGENT_CLAUDE, AGENT_CODEX, AGENT_GEMINI, AGENT_OPENCODE, AGENT_COUNT };

struct repo {
	const char *host_path; /* github.com/acme/shop */
	const char *name, *language;
};

/* One session of work. */
struct job {
	enum agent agent;
	const char *model, *small_model;
	const struct repo *repo;
	const char *task, *workflow;
	char branch[96], session[48], sub_session[48];
	uint64_t seed;
	int turns;  /* tool calls until it is done */
	int sub_at; /* turn at which another agent is started; -1: never */
	int pr;     /* CI: the pull request; 0: none */
	bool ci, stuck;
};

/* Which call of a job it is. */
struct job_call {
	int turn;    /* tool results so far; -1: the small call at the beginning */
	bool sub;    /* by the other agent */
	bool leaves; /* its human presses Escape in the middle of the answer */
};

#define TEAM_SUB_TURNS 4

/* team_text.c: text of a kind, the same for the same seed. */
uint64_t team_pick(uint64_t *seed, uint64_t n); /* 0 … n - 1 */
void team_uuid(uint64_t seed, char out[40]);
void text_prose(struct buf *b, uint64_t seed, size_t bytes);
void text_code(struct buf *b, uint64_t seed, size_t bytes);
void text_output(struct buf *b, uint64_t seed, size_t bytes);
void text_command(struct buf *b, uint64_t seed);
const char *team_task(uint64_t seed);

/* team_body.c: the request as that agent sends it. */
void team_body(const struct job *j, struct job_call at, struct buf *out);
void team_path(const struct job *j, struct job_call at, struct buf *out);
/* Calls `add` with each header line. */
void team_headers(const struct job *j, struct job_call at, const char *person, const char *key,
                  void (*add)(void *to, const char *line), void *to);

int team_main(int argc, char **argv);

#endif
