/* What the bodies around message batches say: of requests, of a batch's state, of a line of its results
 * (docs.anthropic.com/en/api/creating-message-batches, platform.openai.com/docs/api-reference/batch). */
#ifndef WEIR_GATEWAY_BATCH_TEXT_H
#define WEIR_GATEWAY_BATCH_TEXT_H

#include "base/arena.h"
#include "base/err.h"
#include "model/types.h"

/* One request of a batch. Slices lie in the body. */
struct batch_item {
	slice body; /* the JSON object that would be sent by itself; n 0 when there is none */
	enum api api;
};
/* Nonzero stops. */
typedef int batch_item_fn(void *arg, const struct batch_item *item, struct error *e);

/* {"requests": [{"custom_id", "params"}…]} of Anthropic. ERR_INVALID when it is none; what on_item stopped
 * with. */
int batch_items(slice body, batch_item_fn *on_item, void *arg, struct error *e) WARN_UNUSED;
/* A line of OpenAI's input file: {"custom_id", "method", "url", "body"}. */
int batch_item_line(slice line, batch_item_fn *on_item, void *arg, struct error *e) WARN_UNUSED;
/* "model" at the top of a request's body; n 0 when there is none. */
slice batch_model(slice body, struct arena *mem);

/* The object that tells of a batch or a file, of either vendor. */
struct batch_status {
	struct name id, status, results, errors, input; /* status: processing_status or status */
};
void batch_read_status(slice body, struct batch_status *out);
/* Nothing more will be run: Anthropic's "ended", OpenAI's completed, failed, expired, cancelled. */
bool batch_has_ended(const struct batch_status *s);

/* A line of the results of either vendor. Slices lie in the line or in mem. */
struct batch_result {
	slice custom_id;    /* unescaped */
	slice body;         /* the answer, JSON; n 0 when there is none */
	struct name type;   /* succeeded, errored, canceled, expired; OpenAI: n 0 */
	struct name error;  /* its type or code */
	int64_t status;     /* HTTP, where it is told; RECORD_ABSENT otherwise */
	struct name object; /* the answer's "object" */
};
/* False when it is no line of results. */
bool batch_read_result(slice line, struct arena *mem, struct batch_result *out);

#endif
