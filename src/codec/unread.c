/* What codecs of requests that have no body to be read share. */
#include "codec/codec.h"

int codec_request_nothing(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                          struct error *e)
{
	(void)mem;
	(void)e;
	*out = (struct request_view){.api = t->api, .body = body, .choices = 1, .max_output = TOKENS_ABSENT};
	return 0;
}
