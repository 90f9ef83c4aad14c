/*
 * One call as the simulated provider sees it: what was asked (ask), how it is to behave
 * (directives), what it answers (plan), what that is worth (usage) and how far it got (cursor).
 */
#ifndef SIM_CALL_H
#define SIM_CALL_H

#include "http.h"

struct cJSON;

/* id, name in the books */
#define SIM_APIS(X)                                                                                          \
	X(NONE, "none")                                                                                      \
	X(ANTHROPIC, "anthropic.messages")                                                                   \
	X(ANTHROPIC_COUNT, "anthropic.count_tokens")                                                         \
	X(CHAT, "openai.chat")                                                                               \
	X(RESPONSES, "openai.responses")                                                                     \
	X(EMBEDDINGS, "openai.embeddings")                                                                   \
	X(GEMINI, "gemini.generate")                                                                         \
	X(GEMINI_COUNT, "gemini.count_tokens")                                                               \
	X(BEDROCK_INVOKE, "bedrock.invoke")                                                                  \
	X(BEDROCK_CONVERSE, "bedrock.converse")                                                              \
	X(ANTHROPIC_BATCH, "anthropic.batch")                                                                \
	X(OPENAI_BATCH, "openai.batch")                                                                      \
	X(REPLAY, "replay")

enum api {
#define X(id, name) API_##id,
	SIM_APIS(X)
#undef X
};
extern const char *const api_names[];

#define SIM_FAULTS(X)                                                                                        \
	X(NONE, "none")                                                                                      \
	X(STATUS, "status")           /* an error answer of that status */                                   \
	X(CUT, "cut")                 /* connection closed at event k, no end */                             \
	X(RESET, "reset")             /* connection reset at event k */                                      \
	X(STALL, "stall")             /* silence from event k on */                                          \
	X(GARBAGE, "garbage")         /* bytes that are no event, at event k */                              \
	X(HUGE, "huge")               /* one event of `huge` bytes at event k */                             \
	X(HALF, "half")               /* half of a JSON body, then a clean close */                          \
	X(ERROR_EVENT, "error_event") /* HTTP 200, then the dialect's error event at event k */              \
	X(CLOSE, "close")             /* connection closed without an answer */

enum fault {
#define X(id, name) FAULT_##id,
	SIM_FAULTS(X)
#undef X
};
extern const char *const fault_names[];

#define SIM_FINISHES(X)                                                                                      \
	X(OPEN, "open")                                                                                      \
	X(COMPLETE, "complete")                                                                              \
	X(GONE, "client_gone")                                                                               \
	X(CUT, "cut")                                                                                        \
	X(ERROR, "error")

enum finish {
#define X(id, name) FINISH_##id,
	SIM_FINISHES(X)
#undef X
};

/* How a call is to behave: from `x-sim`, else the command line. -1: not said. */
/* id, name: providers that tell usage otherwise than OpenAI does */
#define SIM_QUIRKS(X)                                                                                        \
	X(QUIRK_NONE, "openai")                                                                              \
	X(QUIRK_GROQ, "groq")             /* of a stream that was not asked: x_groq.usage */                 \
	X(QUIRK_MISTRAL, "mistral")       /* always, in the last chunk with choices; asking is an error */   \
	X(QUIRK_DEEPSEEK, "deepseek")     /* likewise, with prompt_cache_hit_tokens; asking is none */       \
	X(QUIRK_MOONSHOT, "moonshot")     /* in the choice, with cached_tokens */                            \
	X(QUIRK_XAI, "xai")               /* reasoning beside completion_tokens */                           \
	X(QUIRK_CLOUDFLARE, "cloudflare") /* a running sum in each chunk */
#define X(id, name) id,
enum quirk { SIM_QUIRKS(X) };
#undef X

struct directives {
	enum fault fault;
	int status;         /* of FAULT_STATUS */
	int64_t at;         /* event index at which a stream's fault strikes; turn for a status */
	int64_t times;      /* a status fault strikes only the first `times` tries of the same body */
	int64_t delay_ms;   /* before the first byte */
	int64_t stall_ms;   /* 0: for ever */
	int64_t events;     /* text deltas of the answer */
	int64_t rate;       /* deltas a second; 0: as fast as they go */
	int64_t size;       /* bytes of the answer's text */
	int64_t event_size; /* bytes of one delta's text */
	int64_t reply_tokens;
	int64_t reasoning;   /* tokens */
	int64_t retry_after; /* seconds */
	int64_t huge;        /* bytes */
	int64_t chunk;       /* HTTP chunks of that many bytes */
	int64_t early;       /* answered with that status before the body is read */
	int64_t seed;        /* ids and times made from it alone: the same call, the same bytes */
	bool stamp, no_usage, bench, script_by_header;
	enum quirk quirk; /* of chat completions: where and how usage is told */
	char script[64];
	char text[256];
};

/* Tokens by meter. `input` is fresh input: cache apart; reasoning is inside output. -1: absent. */
struct usage {
	int64_t input, cache_read, write_5m, write_1h, output, reasoning;
};

/* A piece of the prompt, for the simulated prompt cache: everything up to its end. */
struct segment {
	uint64_t hash;  /* of all up to here */
	int64_t tokens; /* of all up to here */
	int ttl;        /* minutes, when a cache breakpoint ends here; else 0 */
};

struct tool {
	struct str name;
	struct str group;           /* Codex's namespaces */
	const struct cJSON *schema; /* of its arguments; may be NULL */
	bool custom;                /* takes free text, not JSON */
};

#define SIM_MAX_TOOLS 200

struct ask {
	struct cJSON *root; /* owned by the call */
	bool stream, include_usage, wants_json;
	const struct cJSON *json_schema;
	int64_t max_output;     /* tokens; -1: none */
	int64_t turns;          /* tool results since the person last spoke */
	int64_t input_tokens;   /* all of them */
	bool thinking;          /* asked for thinking */
	bool thinking_hidden;   /* but not for its text */
	bool gemini_array;      /* streamed as a JSON array */
	struct str last_text;   /* what the person said last */
	struct str system_text; /* first of the system's texts */
	struct str raw;         /* the body, until the plan is made */
	bool force_tool;        /* a tool must be called */
	struct str force_name;  /* and which one, if said */
	struct str session;     /* cache scope the client named */
	struct tool *tools;     /* owned */
	size_t ntools;
	struct segment *segments; /* owned */
	size_t nsegments, segments_cap;
};

enum block_kind { BLOCK_TEXT, BLOCK_THINKING, BLOCK_TOOL };

struct block {
	enum block_kind kind;
	size_t len;      /* bytes of text, or of a tool's arguments */
	uint32_t pieces; /* deltas it is cut into, at least 1 */
	char *text;      /* owned; NULL: generated prose */
	char name[96];   /* tool */
	char group[96];  /* tool's namespace, or "" */
	char id[48];
	bool custom;
};

#define SIM_MAX_BLOCKS 8

enum stop { STOP_END, STOP_TOOL, STOP_LENGTH };

struct plan {
	struct block blocks[SIM_MAX_BLOCKS];
	size_t n;
	enum stop stop;
};

/* Where a stream stands; each dialect uses it as it likes. */
struct cursor {
	int phase;
	size_t block;
	uint32_t piece;
	int64_t seq;
};

enum ev { EV_HEAD, EV_DELTA, EV_END }; /* what was just written: set-up, a paced event, the last one */

struct call;
struct pair;

struct dialect {
	/* Reads the body; false: answer 400. */
	bool (*read)(struct call *c, const struct cJSON *root);
	void (*body)(struct call *c, struct buf *out);
	enum ev (*next)(struct call *c, struct buf *out);
	void (*error)(const struct call *c, int status, struct buf *out);
	void (*error_event)(const struct call *c, struct buf *out);
	const char *request_id_header;
	const char *stream_type; /* content-type of a stream; NULL: server-sent events */
};

struct call {
	bool active;
	uint64_t seq;
	enum api api;
	const struct dialect *dialect;
	const struct pair *pair; /* replayed */
	char tag[96], model[128], path_tail[96];
	struct directives d;
	struct ask ask;
	struct plan plan;
	struct usage usage, reported;
	struct cursor at;
	int status;
	int64_t started_ms, body_bytes;
	int64_t epoch_ms;              /* the time that the answer tells */
	uint64_t due, last_due, scope; /* scope: of the prompt cache */
	uint64_t start_ns;
	int64_t events_sent, bytes_sent, thinking_sent, wire_bytes;
	bool begun, struck, ended;
	enum finish finish;
};

extern const struct dialect dialect_anthropic, dialect_anthropic_count, dialect_chat, dialect_responses,
    dialect_embeddings, dialect_gemini, dialect_gemini_count, dialect_bedrock_invoke,
    dialect_bedrock_converse;

/* tokens.c */
int64_t tokens_of(int64_t bytes);
/* Adds a part of the prompt; `ttl` in minutes marks a cache breakpoint at its end. */
void ask_segment(struct ask *a, const struct cJSON *part, int ttl);
/* Splits the input between fresh, read and written by the simulated cache's memory. */
void cache_explicit(struct call *c);
void cache_automatic(struct call *c, int64_t minimum, int64_t step);
struct usage usage_none(void);
void usage_whole(struct call *c);
/* What the answer was worth when it ended, whether or not it was whole. */
struct usage usage_so_far(const struct call *c, bool complete);

/* plan.c */
void plan_make(struct call *c);
void plan_free(struct plan *p);
/* Writes piece `piece` of a block into `out`, escaped for a JSON string, and counts it as sent. */
void plan_piece(struct call *c, const struct block *b, uint32_t piece, struct buf *out);
/* The whole of a block's text, escaped for a JSON string. */
void plan_text(const struct block *b, struct buf *out);
void call_id(const struct call *c, const char *prefix, uint64_t salt, size_t digits, struct buf *out);

/* directive.c */
void directives_init(struct directives *d);
/* `key=value;…`; returns false and names the culprit when one is not known. */
bool directives_parse(struct directives *d, struct str text, struct str *bad);

#endif
