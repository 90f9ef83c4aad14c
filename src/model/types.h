/* The structs that the stages of a call hand to one another: plain data, no behaviour beyond names. Stages
 * take earlier stages' structs const and fill their own. Slices point into the exchange's arena or the
 * request's body unless said otherwise. */
#ifndef WEIR_MODEL_TYPES_H
#define WEIR_MODEL_TYPES_H

#include <stdint.h>

#include "base/slice.h"

/* --- dialects and APIs
 * -------------------------------------------------------------------------------------------- */

enum dialect {
	DIALECT_NONE,
	DIALECT_ANTHROPIC,
	DIALECT_OPENAI,
	DIALECT_GEMINI,
	DIALECT_BEDROCK,
	DIALECT_AZURE,  /* OpenAI's APIs under paths of its own */
	DIALECT_VERTEX, /* Gemini's, Anthropic's and OpenAI's under paths of its own */
	DIALECT_COHERE,
	DIALECT_OLLAMA,
	DIALECT_N
};

/* id, the ledger's name, dialect, spends money (is metered). The journal keeps the numbers: new ones go to
 * the end. */
#define API_LIST(X)                                                                                          \
	X(API_ANTHROPIC_MESSAGES, "anthropic.messages", DIALECT_ANTHROPIC, true)                             \
	X(API_ANTHROPIC_COUNT_TOKENS, "anthropic.count_tokens", DIALECT_ANTHROPIC, false)                    \
	X(API_ANTHROPIC_MODELS, "anthropic.models", DIALECT_ANTHROPIC, false)                                \
	X(API_OPENAI_CHAT, "openai.chat", DIALECT_OPENAI, true)                                              \
	X(API_OPENAI_RESPONSES, "openai.responses", DIALECT_OPENAI, true)                                    \
	X(API_OPENAI_EMBEDDINGS, "openai.embeddings", DIALECT_OPENAI, true)                                  \
	X(API_OPENAI_MODELS, "openai.models", DIALECT_OPENAI, false)                                         \
	X(API_GEMINI_GENERATE, "gemini.generate", DIALECT_GEMINI, true)                                      \
	X(API_GEMINI_COUNT_TOKENS, "gemini.count_tokens", DIALECT_GEMINI, false)                             \
	X(API_GEMINI_MODELS, "gemini.models", DIALECT_GEMINI, false)                                         \
	X(API_UNMETERED, "unmetered", DIALECT_NONE, true)                                                    \
	X(API_BEDROCK_INVOKE, "bedrock.invoke", DIALECT_BEDROCK, true)                                       \
	X(API_BEDROCK_CONVERSE, "bedrock.converse", DIALECT_BEDROCK, true)                                   \
	X(API_BEDROCK_COUNT_TOKENS, "bedrock.count_tokens", DIALECT_BEDROCK, false)                          \
	X(API_OPENAI_COMPLETIONS, "openai.completions", DIALECT_OPENAI, true)                                \
	X(API_GEMINI_EMBED, "gemini.embed", DIALECT_GEMINI, true)                                            \
	X(API_GEMINI_INTERACTIONS, "gemini.interactions", DIALECT_GEMINI, true)                              \
	X(API_COHERE_CHAT, "cohere.chat", DIALECT_COHERE, true)                                              \
	X(API_COHERE_EMBED, "cohere.embed", DIALECT_COHERE, true)                                            \
	X(API_COHERE_MODELS, "cohere.models", DIALECT_COHERE, false)                                         \
	X(API_OLLAMA_CHAT, "ollama.chat", DIALECT_OLLAMA, true)                                              \
	X(API_OLLAMA_GENERATE, "ollama.generate", DIALECT_OLLAMA, true)                                      \
	X(API_OLLAMA_EMBED, "ollama.embed", DIALECT_OLLAMA, true)                                            \
	X(API_OLLAMA_MODELS, "ollama.models", DIALECT_OLLAMA, false)                                         \
	X(API_ANTHROPIC_BATCH, "anthropic.batch", DIALECT_ANTHROPIC, false)                                  \
	X(API_OPENAI_BATCH, "openai.batch", DIALECT_OPENAI, false)                                           \
	X(API_OPENAI_FILES, "openai.files", DIALECT_OPENAI, false)                                           \
	X(API_GEMINI_CACHES, "gemini.caches", DIALECT_GEMINI, false)

#define X(id, name, dialect, metered) id,
enum api { API_LIST(X) API_N };
#undef X

const char *api_name(enum api a);
enum dialect api_dialect(enum api a);
bool api_is_metered(enum api a);
/* From the ledger's name; API_N when unknown. */
enum api api_from_name(slice name);

/* --- headers
 * ------------------------------------------------------------------------------------------------------- */

struct header {
	slice name, value;
};
struct headers {
	const struct header *at;
	size_t n;
};
/* The first value of that name (case folded); p NULL when absent. */
slice headers_get(const struct headers *h, slice name);

/* --- attribution: who and what
 * ------------------------------------------------------------------------------------- */

/* id, ledger column */
#define ATTR_LIST(X)                                                                                         \
	X(ATTR_USER, user)                                                                                   \
	X(ATTR_TEAM, team)                                                                                   \
	X(ATTR_COST_CENTRE, cost_centre)                                                                     \
	X(ATTR_REPO, repo)                                                                                   \
	X(ATTR_BRANCH, branch)                                                                               \
	X(ATTR_COMMIT, commit)                                                                               \
	X(ATTR_WORKFLOW, workflow)                                                                           \
	X(ATTR_ENVIRONMENT, environment)                                                                     \
	X(ATTR_TRIGGER, trigger)                                                                             \
	X(ATTR_PR, pr)                                                                                       \
	X(ATTR_TASK, task)                                                                                   \
	X(ATTR_TASK_CLASS, task_class)                                                                       \
	X(ATTR_COHORT, cohort)                                                                               \
	X(ATTR_TAGS, tags) /* a JSON object text */                                                          \
	X(ATTR_AGENT, agent)                                                                                 \
	X(ATTR_AGENT_VERSION, agent_version)                                                                 \
	X(ATTR_SESSION, session)                                                                             \
	X(ATTR_SUBAGENT, subagent)

#define X(id, column) id,
enum attr { ATTR_LIST(X) ATTR_N };
#undef X

#define ATTR_TEXT_MAX 256 /* longer values are cut at a character's border */

const char *attr_name(enum attr a);
enum attr attr_from_name(slice name); /* ATTR_N when unknown */

struct attribution {
	slice v[ATTR_N]; /* n 0: unknown (null in the ledger) */
};

/* --- principal: who may
 * --------------------------------------------------------------------------------------------- */

#define ROLE_LIST(X)                                                                                         \
	X(ROLE_AGENT, agent)                                                                                 \
	X(ROLE_DEVELOPER, developer) X(ROLE_VIEWER, viewer) X(ROLE_OPERATOR, operator) X(ROLE_OWNER, owner)
#define X(id, name) id,
enum role { ROLE_LIST(X) ROLE_N };
#undef X
const char *role_name(enum role r);
enum role role_from_name(slice name); /* ROLE_N when unknown */

/* What CI proves of a job by a signed token, beside the attributes that it fixes. Set up by ci_proof_none. */
struct ci_proof {
	int64_t diff_lines; /* that the diff adds and removes; negative when unknown */
	slice author;
	slice paths; /* of the files changed, a line each; n 0 when unknown */
};
static inline struct ci_proof ci_proof_none(void)
{
	return (struct ci_proof){.diff_lines = -1};
}

struct principal {
	bool anonymous; /* loopback without a key */
	slice key_id;   /* the Weir key's public id, or "issuer:NAME"; n 0 when anonymous */
	enum role role;
	struct attribution fixed; /* what the key fixes: no header overrides it */
	/* The client's own provider credential, to be passed on for `passthrough`; its value is never copied.
	 */
	bool own_credential;
	struct ci_proof ci;
	/* By a token of an issuer or of the gate: what it does not say of the CI job, no header says either.
	 */
	bool by_token;
};

/* --- view of a request
 * ------------------------------------------------------------------------------------------------ */

#define TOKENS_ABSENT INT64_C(-1)

struct request_view {
	enum api api;
	slice body;  /* the JSON text all ranges below lie in */
	slice model; /* unescaped */
	slice
	    model_raw; /* its value's range in body (quotes included); n 0 when it is in the path (Gemini) */
	bool stream;
	int64_t max_output;   /* the client's output limit, TOKENS_ABSENT when not given */
	slice max_output_raw; /* its value's range in body; n 0 when absent */
	int64_t choices;      /* `n` / candidateCount, 1 by default: output is paid this many times */
	slice system, tools, messages; /* values' ranges in body; n 0 when absent */
	int64_t message_count, tool_count;
	slice user_id;      /* anthropic metadata.user_id, openai user: unescaped */
	slice session_hint; /* a session id the body carries (prompt_cache_key, client_metadata,
	                       metadata.user_id) */
	slice effort, speed, service_tier; /* as requested; unescaped; n 0 when absent */
	slice mcp_servers;                 /* the value's range: servers that the provider asks itself */
	slice client_metadata;             /* Responses client_metadata / metadata value's range */
	bool wants_usage;                  /* chat: stream_options.include_usage was true in the request */
	slice stream_options;              /* its value's range; n 0 when absent */
	uint64_t place;    /* which provider it goes to, a hash; 0: not known. Not read from the body */
	bool hidden_input; /* previous_response_id, file ids, cached content: input that is not in the body */
};

/* --- usage
 * --------------------------------------------------------------------------------------------------------------
 */

/* Every meter that a price can stand on. Units: tokens, but requests for *_CALLS and *_SEARCHES,
 * containers for CODE_SESSIONS, tokens times hours for CACHE_STORAGE.
 * The meters do not overlap but for REASONING, which is in OUTPUT. INPUT is fresh input: without cache reads
 * and writes, and without the audio and image input that the provider reports apart; OUTPUT likewise without
 * audio and image output reported apart, CACHE_READ without CACHE_READ_AUDIO. Where a price row has no price
 * for audio or images, theirs is that of INPUT, OUTPUT or CACHE_READ. */
#define METER_LIST(X)                                                                                        \
	X(METER_INPUT, input_tokens)                                                                         \
	X(METER_CACHE_READ, cache_read_tokens)                                                               \
	X(METER_CACHE_WRITE_5M, cache_write_5m_tokens)                                                       \
	X(METER_CACHE_WRITE_1H, cache_write_1h_tokens)                                                       \
	X(METER_OUTPUT, output_tokens)                                                                       \
	X(METER_REASONING, reasoning_tokens)                                                                 \
	X(METER_INPUT_AUDIO, input_audio_tokens)                                                             \
	X(METER_CACHE_READ_AUDIO, cache_read_audio_tokens)                                                   \
	X(METER_OUTPUT_AUDIO, output_audio_tokens)                                                           \
	X(METER_INPUT_IMAGE, input_image_tokens)                                                             \
	X(METER_OUTPUT_IMAGE, output_image_tokens)                                                           \
	X(METER_WEB_SEARCHES, web_searches)                                                                  \
	X(METER_HOSTED_TOOL_CALLS, hosted_tool_calls) /* other server-side tools billed by call */           \
	X(METER_FILE_SEARCHES, file_searches)                                                                \
	X(METER_CODE_SESSIONS, code_sessions) /* containers of a code interpreter */                         \
	X(METER_CACHE_STORAGE, cache_storage_token_hours)

#define X(id, name) id,
enum meter { METER_LIST(X) METER_N };
#undef X
const char *meter_name(enum meter m);
enum meter meter_from_name(slice name);

/* What a provider reported, or Weir counted. A meter that was not sent is TOKENS_ABSENT, never 0. */
struct usage {
	int64_t m[METER_N];
};
void usage_clear(struct usage *u); /* all absent */

/* A short text with its own storage, since stream events are gone after the call that gives them. */
#define NAME_MAX_BYTES 95
struct name {
	unsigned char n;
	char s[NAME_MAX_BYTES];
};
void name_set(struct name *n, slice s); /* cut when longer */
static inline slice name_get(const struct name *n)
{
	return (slice){n->s, n->n};
}

#define USAGE_PARTS_MAX   8
#define ANSWER_CONTAINERS 4 /* containers beyond it count once a call: never too few */

/* What a model says, by how it is counted. */
enum said_kind { SAID_TEXT, SAID_ARGUMENTS, SAID_THINKING, SAID_KINDS };

/* What an answer said so far; filled by a codec event by event, or from one JSON body. Set up by answer_init.
 */
struct answer {
	struct usage usage; /* the whole answer's */
	size_t parts_n;     /* iterations[] that name a model of their own: usage excludes them */
	struct usage_part {
		struct name model;
		struct usage usage;
	} parts[USAGE_PARTS_MAX];
	bool parts_lost;   /* more than USAGE_PARTS_MAX */
	struct name model; /* model served, as the answer says */
	struct name stop_reason;
	struct name service_tier, speed, region; /* what the answer says was billed */
	struct name id;
	bool has_usage;          /* final usage was reported */
	int64_t charged_nanousd; /* what the provider says it took for the call; -1 when it does not say */
	bool output_told;        /* the output side of usage is final, though the input was not reported */
	bool ended; /* the dialect's last word was seen (message_stop, [DONE], response.completed,
	               finishReason…) */
	bool error; /* the body or an event is the dialect's error */
	struct name error_type;
	int64_t tool_calls; /* client-side tool calls asked for by the model */
	int64_t server_tool_calls;
	uint64_t containers[ANSWER_CONTAINERS]; /* hashes of the code interpreter's containers seen */
	int64_t text_bytes, thinking_bytes,
	    tool_bytes; /* output that passed (unescaped size may differ a little), for counting */
	/* Gets each piece of the output as it stands in its quotes, or as the JSON value it is, in order;
	 * NULL: nobody listens. What the three sums above have beyond that could not be read as text. */
	void (*said)(void *arg, enum said_kind kind, slice raw);
	void *said_arg;
};
void answer_init(struct answer *a);

/* --- cost
 * -----------------------------------------------------------------------------------------------------------------
 */

#define COST_LIST(X)                                                                                         \
	X(COST_INPUT, input)                                                                                 \
	X(COST_CACHE_READ, cache_read)                                                                       \
	X(COST_CACHE_WRITE_5M, cache_write_5m)                                                               \
	X(COST_CACHE_WRITE_1H, cache_write_1h)                                                               \
	X(COST_OUTPUT, output) X(COST_TOOLS, tools) X(COST_OTHER, other)
#define X(id, name) id,
enum cost_part { COST_LIST(X) COST_N };
#undef X
const char *cost_part_name(enum cost_part c);

struct cost {
	int64_t part[COST_N]; /* nano-dollars */
	int64_t total;        /* their sum */
};

/* --- the ledger's record
 * ------------------------------------------------------------------------------------------------------ */

#define ENDING_LIST(X)                                                                                       \
	X(ENDING_COMPLETE, complete)                                                                         \
	X(ENDING_CLIENT_GONE, client_gone)                                                                   \
	X(ENDING_PROVIDER_GONE, provider_gone)                                                               \
	X(ENDING_PROVIDER_ERROR, provider_error)                                                             \
	X(ENDING_TIMEOUT, timeout)                                                                           \
	X(ENDING_TRUNCATED, truncated) X(ENDING_REFUSED, refused) X(ENDING_CRASH, crash)
#define USAGE_SOURCE_LIST(X)                                                                                 \
	X(SOURCE_NONE, none) X(SOURCE_REPORTED, reported) X(SOURCE_COUNTED, counted) X(SOURCE_HOLD, hold)
#define DECISION_LIST(X)                                                                                     \
	X(DECISION_ADMITTED, admitted)                                                                       \
	X(DECISION_REFUSED, refused) X(DECISION_PAUSED, paused) X(DECISION_TRUNCATED, truncated)
#define BILLING_LIST(X) X(BILLING_METERED, metered) X(BILLING_SUBSCRIPTION, subscription)
#define X(id, name)     id,
enum ending { ENDING_LIST(X) ENDING_N };
enum usage_source {
	USAGE_SOURCE_LIST(X) SOURCE_N
}; /* SOURCE_NONE: null, nothing was used (refusals, errors before the model ran) */
enum decision { DECISION_LIST(X) DECISION_N };
enum billing { BILLING_LIST(X) BILLING_N };
#undef X
const char *ending_name(enum ending e);
const char *usage_source_name(enum usage_source s); /* "none" is null in the ledger */
const char *decision_name(enum decision d);
const char *billing_name(enum billing b);

/* Texts of the record beside attribution: id, column, bytes kept */
#define RECORD_TEXT_LIST(X)                                                                                  \
	X(TEXT_NODE, node, 64)                                                                               \
	X(TEXT_SOURCE, source, 64) /* gateway, otlp, import:NAME, correction */                              \
	X(TEXT_PROVIDER, provider, 64)                                                                       \
	X(TEXT_MODEL_REQUESTED, model_requested, 128)                                                        \
	X(TEXT_MODEL_SERVED, model_served, 128)                                                              \
	X(TEXT_EFFORT, effort, 32)                                                                           \
	X(TEXT_SPEED, speed, 32)                                                                             \
	X(TEXT_SERVICE_TIER, service_tier, 32)                                                               \
	X(TEXT_STOP_REASON, stop_reason, 64)                                                                 \
	X(TEXT_PRICE_ID, price_id, 96)                                                                       \
	X(TEXT_KEY_ID, key_id, 32)                                                                           \
	X(TEXT_RETRY_OF, retry_of, 32)                                                                       \
	X(TEXT_RULE, rule, 96)                                                                               \
	X(TEXT_SHADOW, shadow, 256)                                                                          \
	X(TEXT_EXPLANATION, explanation, 384)                                                                \
	X(TEXT_CALL_KEY, call_key, 96) /* the call itself, whoever tells of it: the provider's id of its     \
	                                  answer, else the session's id and what the source counts by */     \
	X(TEXT_CLAIMED, claimed,                                                                             \
	  32)                    /* of trigger and pr, those that only a header says: no rule counts them */ \
	X(TEXT_BATCH, batch, 96) /* of message batches: the provider's id of the batch */                    \
	X(TEXT_CORRECTS, corrects, 32) /* of corrections: the row's id whose cost this one mends */          \
	X(TEXT_REGION, region, 32)     /* where it ran, as it is billed: inference_geo, a location */        \
	X(TEXT_MODEL_CALLED, model_called, 128) /* where Weir called another one than was asked for */
#define X(id, column, max) id,
enum record_text { RECORD_TEXT_LIST(X) TEXT_N };
#undef X
const char *record_text_name(enum record_text t);
size_t record_text_max(enum record_text t);

#define RECORD_ABSENT INT64_C(-1)

/* What a call's input is made of: one part for each tool, and one for each kind of words. */
#define PART_LIST(X)                                                                                         \
	X(CALL_PART_TOOL, tool)                                                                              \
	X(CALL_PART_SYSTEM, system)                                                                          \
	X(CALL_PART_USER, user)                                                                              \
	X(CALL_PART_ASSISTANT, assistant) X(CALL_PART_THINKING, thinking) X(CALL_PART_OTHER, other)
/* In which way: a tool's definition, arguments and results, or words, when they are sent for the first time;
 * any of them again. */
#define SENT_LIST(X)                                                                                         \
	X(SENT_DEFINITION, definition)                                                                       \
	X(SENT_ARGUMENT, argument) X(SENT_RESULT, result) X(SENT_TEXT, text) X(SENT_AGAIN, resent)
#define X(id, name) id,
enum call_part { PART_LIST(X) CALL_PART_N };
enum sent_as { SENT_LIST(X) SENT_N };
#undef X
const char *call_part_name(enum call_part p);
enum call_part call_part_from_name(slice name); /* CALL_PART_N when unknown */

/* Counts and sums of one part of one call; texts are borrowed. The tokens of all parts make the call's
 * context_tokens, their money what its input cost. */
struct record_part {
	enum call_part part;
	slice tool, mcp_server;  /* of CALL_PART_TOOL; n 0: none */
	int64_t calls, failures; /* of the tool, told by this call's request for the first time */
	int64_t tokens[SENT_N];  /* RECORD_ABSENT when unknown */
	int64_t nanousd[SENT_N]; /* likewise */
};
#define RECORD_PARTS_MAX 64
#define PART_TOOL_MAX    128       /* bytes of a tool's or server's name; longer ones are cut */
#define PART_OTHER_TOOLS "(other)" /* what has no room of its own */
void record_part_add(struct record_part *sum, const struct record_part *p);

/* One row: a call that reached a provider, or a refusal. Texts are borrowed. */
struct record {
	char id[27];     /* sortable (crypto_id), NUL-terminated */
	int64_t time_ms; /* wall clock when the call arrived */
	enum api api;
	struct attribution who;
	slice text[TEXT_N];
	int64_t turn, attempt; /* from 1; RECORD_ABSENT when unknown */
	int64_t status;        /* HTTP status sent to the client; RECORD_ABSENT when none was */
	enum ending ending;
	bool stream;
	int64_t duration_ms, ttft_ms; /* RECORD_ABSENT when unknown */
	struct usage usage;
	int64_t context_tokens, tool_calls, server_tool_calls; /* RECORD_ABSENT when unknown */
	bool priced;                                           /* cost below is known */
	struct cost cost;
	int64_t list_cost_nanousd; /* at list price; RECORD_ABSENT when unknown */
	int64_t credits_nano;      /* thousand millionths of the provider's credits; RECORD_ABSENT: not billed
	                              in credits */
	enum billing billing;
	enum usage_source usage_source;
	enum decision decision;
	int64_t hold_nanousd;            /* worst case reserved; RECORD_ABSENT when none was */
	int64_t hold_tokens;             /* likewise, input and output together */
	const struct record_part *parts; /* of the input; borrowed; the weightiest first */
	size_t parts_n;                  /* at most RECORD_PARTS_MAX; 0: unknown */
};
void record_init(struct record *r);

#endif
