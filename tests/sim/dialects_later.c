#include "call.h"
const struct dialect dialect_chat, dialect_responses, dialect_embeddings, dialect_gemini,
    dialect_gemini_count;
