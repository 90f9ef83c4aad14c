/* The record as JSON, with the names and the nesting of the product's list of fields: one object, for the
 * export, the console and what is kept aside. */
#ifndef WEIR_STORE_RECORD_JSON_H
#define WEIR_STORE_RECORD_JSON_H

#include "base/buf.h"
#include "model/types.h"
#include "text/jsonw.h"

/* Writes the object; what is unknown is null. */
void record_jsonw(struct jsonw *w, const struct record *r);
/* The same, appended to out; ERR_FULL, ERR_NOMEM. */
int record_json(struct buf *out, const struct record *r) WARN_UNUSED;

#endif
