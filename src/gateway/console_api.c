#include "gateway/console_api.h"

int console_api(struct console_context *c, const struct console_reader *who, slice path, slice query,
                int *status, const char **type, struct buf *out)
{
	(void)c, (void)who, (void)query, (void)status, (void)type, (void)out, (void)path;
	return ERR_NOT_FOUND;
}
