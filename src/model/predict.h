/* How many input tokens a request will be billed for, told before it is made, and a figure that it will not
 * be above.
 *
 * What the request is made of is counted with a public encoding (the model's own where that is public), by
 * kind of content: system, definitions, text, calls, results, thinking, images by each provider's formula.
 * What the model makes of each kind, and what it adds to each message, tool and call, is learnt from the
 * usage that the provider reports (a linear model for each model's name, by recursive least squares from a
 * prior of its family, so that the first calls have a sane figure too).
 *
 * Agents' contexts only grow, so two things are remembered in tables of fixed size: the counts of each span,
 * by a hash of its bytes, so that a next turn counts only what is new; and what a whole context was reported
 * to be, by a hash over its spans, so that a next turn estimates only what is new. A moved cache breakpoint
 * does not make a span another one.
 *
 * The tables are shared by all threads (locks by shard, held for some copies of a few bytes); each thread
 * brings its own scratch. */
#ifndef WEIR_MODEL_PREDICT_H
#define WEIR_MODEL_PREDICT_H

#include "base/buf.h"
#include "model/body.h"
#include "text/bpe.h"

/* What a request's tokens are made of: counted in tokens of the base encoding, or in pieces. */
enum feature {
	FEATURE_SYSTEM,
	FEATURE_TOOLS,       /* as the JSON that they stand in, without white space */
	FEATURE_TOOLS_SHOWN, /* as types, the way OpenAI shows them to its models */
	FEATURE_TITLES,      /* of what stands in their schemas */
	FEATURE_TEXT,
	FEATURE_CALLS,
	FEATURE_RESULTS,
	FEATURE_THINKING, /* of the turn that the request is part of: most providers drop it of earlier ones
	                   */
	FEATURE_THINKING_BEFORE,
	FEATURE_SEALED, /* thoughts as a text that only the provider reads, each 8 bytes; likewise */
	FEATURE_SEALED_BEFORE,
	FEATURE_IMAGES, /* by the provider's formula */
	FEATURE_FILES,  /* each 100 bytes */
	FEATURE_SCHEMA, /* that the answer must have: without what is the same in all */
	FEATURE_MESSAGES_N,
	FEATURE_TOOLS_N,
	FEATURE_CALLS_N,
	FEATURE_RESULTS_N,
	FEATURE_TOGETHER_N,  /* calls that were made together with the one before */
	FEATURE_LATER,       /* messages that brought tools */
	FEATURE_WITH_SYSTEM, /* from here on of the whole: 1 when there is such a thing, else 0 */
	FEATURE_WITH_TOOLS,
	FEATURE_HARMONY, /* tools shown the way that OpenAI's models of gpt-5 and gpt-oss are by chat
	                    completions */
	FEATURE_WITH_SCHEMA,
	FEATURE_JSON,         /* an answer in JSON, of no schema */
	FEATURE_FORCED,       /* a tool must be called */
	FEATURE_ALONE,        /* only one at a time */
	FEATURE_FORCED_ALONE, /* both, instead of the latter */
	FEATURE_REASONS,      /* asked to think */
	FEATURE_ONE,
	FEATURES
};

struct prediction {
	int64_t tokens;      /* all input together: fresh, read from and written to caches */
	int64_t bound;       /* never below what is reported, unless `open` */
	bool open;           /* input that is not in the body, or whose size cannot be known from it */
	int64_t known;       /* tokens of `tokens` that were reported before, for the same beginning */
	bool partly;         /* the body was too large to be counted at once: the rest by its bytes */
	int64_t breakpoints; /* cache breakpoints: fresh input may be billed as written to the cache */
	/* for predict_learn */
	uint64_t context; /* hash over all spans; 0: none */
	uint64_t model;   /* hash of API and model */
	float at[FEATURES];
	float since[FEATURES]; /* of what comes after `known` */
	float media_more;      /* what media may cost beyond the formula's guess */
};

struct predictor;
struct predict_scratch; /* of one thread */

/* memory: bytes for the tables, from 64 KB up. NULL without memory. */
struct predictor *predictor_new(size_t memory);
void predictor_free(struct predictor *p);
struct predict_scratch *predict_scratch_new(void);
void predict_scratch_free(struct predict_scratch *s);

/* items: that of the codec that read v. Bounded work: at most PREDICT_COUNT_MAX bytes are counted anew. */
#define PREDICT_COUNT_MAX (256 * 1024)
typedef int predict_items(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                          void *arg);
void predict_request(struct predictor *p, struct predict_scratch *s, const struct request_view *v,
                     predict_items *items, struct prediction *out);

/* What the provider reported for a request that was predicted; input is all of it. */
void predict_learn(struct predictor *p, const struct request_view *v, const struct prediction *of,
                   int64_t input);
/* All input of a usage; TOKENS_ABSENT when it was not reported. */
int64_t predict_input_of(const struct usage *u);

/* Output: tokens that the model's own tokeniser makes of what the base encoding counts as `counted`; 1 to 1
 * until it has learnt. predict_learn_output: an answer of which all was seen, none of it hidden. */
int64_t predict_output(struct predictor *p, const struct request_view *v, int64_t counted);
void predict_learn_output(struct predictor *p, const struct request_view *v, int64_t counted,
                          int64_t reported);
/* Input by the body's bytes alone, as the model was seen to make of them: of calls that were not predicted.
 */
int64_t predict_from_bytes(struct predictor *p, const struct request_view *v, size_t bytes);
/* Tokens that the model thought and did not show, the mean of late; 0 until it has been seen to. */
int64_t predict_hidden(struct predictor *p, const struct request_view *v);
/* What every reported call tells for those two; hidden: thinking that did not pass, TOKENS_ABSENT: none was
 * told. */
void predict_learn_call(struct predictor *p, const struct request_view *v, size_t bytes, int64_t input,
                        int64_t hidden);
/* A sample of calls is enough to learn from: true for the first of a model and one of some afterwards. */
bool predict_wants(struct predictor *p, const struct request_view *v);

/* What was learnt, as bytes that predictor_load takes back (another version's are refused: ERR_INVALID, and
 * nothing is changed). */
int predictor_save(struct predictor *p, struct buf *out) WARN_UNUSED;
int predictor_load(struct predictor *p, slice saved) WARN_UNUSED;

struct predictor_stats {
	unsigned long long spans, spans_known, learnt, models;
};
void predictor_stats(struct predictor *p, struct predictor_stats *out);

/* The largest n <= max at which raw, a JSON string's inside, may be cut: behind a space, else between escapes
 * and characters. All of it when it is no longer than max. */
size_t predict_cut(slice raw, size_t max);

/* The encoding that a model's texts are counted with: its own, or the nearest public one. */
const struct bpe *predict_encoding(slice model);

#endif
