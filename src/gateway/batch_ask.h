/* One question to a provider, on the follower's thread: it may wait. */
#ifndef WEIR_GATEWAY_BATCH_ASK_H
#define WEIR_GATEWAY_BATCH_ASK_H

#include "base/buf.h"
#include "gateway/batch.h"

struct ask_answer {
	int status; /* HTTP; 0: the provider could not be asked, or the answer did not come whole */
	int64_t retry_after_ms; /* 0: not told */
	char error[ERR_TEXT_MAX];
};

/* GET base_url + path. The body goes to on_body, piece by piece; false stops. */
void batch_ask(const struct provider *p, slice path, struct batches *stop,
               bool (*on_body)(void *arg, slice piece), void *arg, struct ask_answer *out);

#endif
