/* Providers that speak another's dialect, one row each: how one is recognised, whose prices apply, where it
 * is, and what it does otherwise. docs/providers.md is made from these rows. */
#ifndef WEIR_MODEL_VENDORS_H
#define WEIR_MODEL_VENDORS_H

#include "base/slice.h"

struct vendor {
	const char *name;
	const char *also;   /* other names, parted by blanks; "" none */
	const char *hosts;  /* hosts, or ends of hosts that begin with a dot, parted by blanks; "" none */
	const char *prices; /* in the price book; one that the book does not have is priced by the settings */
	const char *base_url; /* NULL: there is no public one of all */
	bool bare;            /* paths have no /v1 in front */
	bool usage_unasked;   /* streams report usage always, and a request for it is an error */
	const char *note;     /* for the docs: what its usage looks like */
};

/* By a name of its, or its host ("api.groq.com", a port behind it left out); NULL when it has no row. */
const struct vendor *vendor_named(slice name);
const struct vendor *vendor_at(slice host);

/* All rows, in the order of the docs; NULL at the end. */
const struct vendor *vendor_each(size_t *at);

#endif
