/* The redactor's list of names, for who writes names and values apart. log_redact is in log.h. */
#ifndef WEIR_BASE_REDACT_H
#define WEIR_BASE_REDACT_H

#include "base/slice.h"

/* True for x-api-key, ANTHROPIC_API_KEY, password, accessToken…: what stands under it is never shown. */
bool redact_is_secret_name(slice name);

#endif
