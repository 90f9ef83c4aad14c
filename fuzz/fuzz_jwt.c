/* Tokens and key sets of any bytes: each is read or refused with a sentence; a key that was read is found by
 * its id and verifies nothing that was not signed; attributes are clean texts. First line: the token, the
 * rest: the set. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/identity.h"
#include "policy/identity_jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_attributes(const struct jwt *t, const struct issuer *i, struct arena *mem)
{
	struct attribution a;
	jwt_attributes(t, i, mem, &a);
	for (int k = 0; k < ATTR_N; k++) {
		must(a.v[k].n <= ATTR_TEXT_MAX);
		for (size_t c = 0; c < a.v[k].n; c++)
			must((unsigned char)a.v[k].p[c] >= 0x20);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = {0};
	struct arena mem;
	struct jwt t;
	slice rest = slice_make(data, size), token;
	arena_init(&mem, 1 << 20);
	slice_split(&rest, '\n', &token);
	struct jwks *keys = jwks_read(rest, &e);
	must(keys ? jwks_count(keys) > 0 : e.code < 0 && e.text[0]);
	e = (struct error){0};
	int r = jwt_read(token, &mem, &t, &e);
	must(r == 0 || (r < 0 && e.text[0]));
	if (r == 0) {
		slice audience = SLICE("weir");
		struct issuer i = {.name = SLICE("f"),
		                   .issuer = t.issuer,
		                   .audiences_n = 1,
		                   .audiences = &audience,
		                   .skew_ms = 60000};
		r = jwt_check(&t, &i, keys, "", 1795308465000, &e);
		must(r < 0 && e.text[0]); /* no corpus file is signed by a key that it brings, and in time */
		check_attributes(&t, &i, &mem);
	}
	must(!identity_is_ours(NULL, token, &mem) || identity_is_weir_key(token));
	jwks_unref(keys);
	arena_release(&mem);
	return 0;
}
