/* Telling a storm by its sentence: the ledger keeps the evidence, and no more. */
#ifndef WEIR_FINOPS_STORM_TEXT_H
#define WEIR_FINOPS_STORM_TEXT_H

#include <stdbool.h>

#include "base/slice.h"

/* Does an explanation hold the sentence of one of model/storm.h's findings? */
bool storm_is_told(slice explanation);

#endif
