/* Which public token encoding a model reads with. */
#ifndef WEIR_MODEL_ENCODING_H
#define WEIR_MODEL_ENCODING_H

#include "text/bpe.h"

/* The encoding of an OpenAI model, named as a client or a price book names it ("gpt-5-mini",
 * "openai/gpt-4o-2024-08-06", "ft:gpt-4o-mini:acme::id"). NULL for the models whose tokeniser is not public,
 * or not one of these. Source: tiktoken's model_to_encoding, and OpenAI's word that models since gpt-4o read
 * with o200k_base. */
const struct bpe *encoding_of_model(slice model);

#endif
