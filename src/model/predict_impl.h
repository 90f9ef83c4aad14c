/* Inside of model/predict*.c. Not for others. */
#ifndef WEIR_MODEL_PREDICT_IMPL_H
#define WEIR_MODEL_PREDICT_IMPL_H

#include <pthread.h>

#include "model/predict.h"

enum predict_family { FAMILY_OPENAI, FAMILY_CLAUDE, FAMILY_GEMINI, FAMILY_OTHER, FAMILIES };

/* --- counting (predict_count.c) */

enum { SPAN_FEATURES = FEATURE_WITH_SYSTEM }; /* those that a span has by itself */

struct span_counts {
	uint32_t at[SPAN_FEATURES];
	uint32_t media_more; /* what its media may cost beyond FEATURE_IMAGES */
	uint32_t breakpoints;
	bool open;
	bool begins;    /* a turn: the user's own words, no result among them */
	bool instructs; /* a system's message */
	bool assistant; /* said by the model */
};

struct predict_scratch {
	struct bpe_scratch bpe;
	char plain[16 * 1024];
	char shown[4 * 1024];
	size_t n;        /* in shown, not counted yet */
	uint32_t tokens; /* of what was put there before */
	/* of the request being counted */
	const struct bpe *encoding;
	enum predict_family family;
	slice model;
	struct span_counts *into;
	size_t budget; /* bytes that may still be counted */
};

enum predict_family predict_family_of(const struct request_view *v);
/* Counts a span; false when it goes over the budget, and nothing was counted. */
bool predict_count_span(struct predict_scratch *s, const struct request_view *v, const struct body_span *span,
                        predict_items *items, struct span_counts *out);
uint32_t predict_count_text(struct predict_scratch *s, json_str text);
/* What stands beside the sections (predict_beside.c): its features, and a hash over it. */
struct beside {
	float at[FEATURES];
	bool open;
	uint64_t hash;
};
void predict_count_beside(struct predict_scratch *s, const struct request_view *v, struct beside *out);

/* Text put together to be counted: predict_flush adds what is left to s->tokens. */
void predict_put(struct predict_scratch *s, slice text);
void predict_flush(struct predict_scratch *s);
/* A JSON value without white space, as providers write it again; of a schema
 * without `required` and the like, which OpenAI leaves out. */
uint32_t predict_count_json(struct predict_scratch *s, slice json);
uint32_t predict_count_schema(struct predict_scratch *s, slice schema);

/* A definition as a type (predict_tools.c). */
uint32_t predict_count_tool(struct predict_scratch *s, const struct body_item *it, uint32_t *titles);

/* --- images (predict_image.c) */

struct image_size {
	uint32_t w, h; /* 0: not known */
};
/* Out of the head of a PNG, JPEG, GIF or WebP, base64 as it stands. */
struct image_size predict_image_size(slice base64);
/* Tokens by the provider's formula; *most: the most that it can be, the size being unknown. */
uint32_t predict_image_tokens(enum predict_family f, slice model, const struct body_item *it, uint32_t *most);

/* --- what was learnt of a model (predict_learn.c) */

struct learnt {
	uint64_t model;        /* hash; 0: free */
	uint32_t calls;        /* learnt from */
	uint32_t seen;         /* asked for since, for sampling */
	float worst;           /* reported / predicted, the worst of late, of fresh predictions */
	float most;            /* reported - predicted, likewise */
	uint8_t met[FEATURES]; /* calls that had the feature, up to 255 */
	float output_ratio;
	uint32_t output_calls;
	float by_bytes; /* input tokens for each byte of a body; 0: not seen yet */
	float hidden;   /* tokens of an answer that were thought and not shown */
	float weight[FEATURES];
	float spread[FEATURES][FEATURES]; /* covariance */
};

void learnt_init(struct learnt *l, uint64_t model, enum predict_family f);
/* A new model's begins as that of a like one, less sure. */
void learnt_begin_as(struct learnt *l, const struct learnt *like);
double learnt_predict(const struct learnt *l, const float at[FEATURES]);
void learnt_update(struct learnt *l, const float at[FEATURES], double reported);
/* The most that at can be, given what was learnt. */
double learnt_bound(const struct learnt *l, const float at[FEATURES]);

#endif
