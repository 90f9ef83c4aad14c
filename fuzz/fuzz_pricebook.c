/* A public price book of any bytes: it is refused with a sentence, or it becomes a price book of ours, which
 * differs from itself in nothing. */
#include <stdint.h>

#include "finops/pricebook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = {0};
	const char *format;
	size_t left, at = 0;
	struct price_difference d[PRICE_DIFFERENCES_MAX];
	struct catalog *c =
	    pricebook_catalog(slice_make((const char *)data, size), SLICE("fuzz"), &format, &left, &e);
	if (c == NULL) {
		if (e.code == 0 || e.text[0] == '\0')
			__builtin_trap();
		return 0;
	}
	for (const struct price *p; (p = catalog_each(c, &at)) != NULL;)
		if (pricebook_compare(p, p, d) != 0)
			__builtin_trap();
	catalog_unref(c);
	return 0;
}
