/* The inside of reading public price books: what they call the vendors, and their tiers. */
#ifndef WEIR_FINOPS_PRICEBOOK_IN_H
#define WEIR_FINOPS_PRICEBOOK_IN_H

#include "finops/pricebook.h"

enum book_format { BOOK_MODELS_DEV, BOOK_GENAI, BOOK_LLM, BOOK_LANGFUSE, BOOK_LITELLM };

/* The i-th vendor that a book's provider stands for, and (may be NULL) the prefix that the models' names
 * carry there; of langfuse, which names none, by the model's name. False when there is none (more). */
bool pricebook_vendor(enum book_format f, slice theirs, size_t i, slice *vendor, slice *prefix);

/* Turns the prices of a row's tiers and speeds into factors, and puts its conditions in their order. False
 * when that are more than a row can have. */
bool pricebook_tiers(struct price *p);

#endif
