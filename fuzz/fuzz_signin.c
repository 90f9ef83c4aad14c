/* What a browser sends to sign in: a Cookie header, and the page to go on with. Whatever comes, a cookie is a
 * part of the header, and a path leads to this site and can stand in a page. The first line is the path, the
 * rest the header. */
#include <stdint.h>
#include <stdlib.h>

#include "gateway/signin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	slice header = slice_make(data, size), line;
	slice_split(&header, '\n', &line);
	slice to = signin_path(line), cookie = signin_cookie(header, "weir_session_8788");
	must(to.n > 0 && to.n < SIGNIN_TO_MAX && to.p[0] == '/');
	must(to.n == 1 || (to.p[1] != '/' && to.p[1] != '\\'));
	for (size_t i = 0; i < to.n; i++)
		must((unsigned char)to.p[i] > 0x20 && (unsigned char)to.p[i] < 0x7f &&
		     strchr("<>\"'\\#", to.p[i]) == NULL);
	must(cookie.n == 0 || (cookie.p >= header.p && cookie.p + cookie.n <= header.p + header.n));
	must(slice_find_char(cookie, ';') < 0);
	return 0;
}
