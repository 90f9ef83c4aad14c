#include "gateway/console_assets.h"

#include <string.h>
#include <zlib.h>

/* The Makefile says where they lie (WEB_ASSETS, WEB_PACKED); tools/make-assets.mjs wrote the table. */
#define ASSET(n, path, type, tag, immutable, size)                                                           \
	__asm__(".pushsection .rodata,\"a\",%progbits\n"                                                     \
	        "	.balign 16\n"                                                                              \
	        "weir_asset_" #n "_gz:\n"                                                                    \
	        "	.incbin \"" WEB_PACKED "/" #n ".gz\"\n"                                              \
	        "weir_asset_" #n "_gz_end:\n"                                                                \
	        "weir_asset_" #n "_br:\n"                                                                    \
	        "	.incbin \"" WEB_PACKED "/" #n ".br\"\n"                                              \
	        "weir_asset_" #n "_br_end:\n"                                                                \
	        "	.byte 0\n"                                                                                 \
	        "	.globl weir_asset_" #n "_gz, weir_asset_" #n "_gz_end\n"                             \
	        "	.hidden weir_asset_" #n "_gz, weir_asset_" #n "_gz_end\n"                            \
	        "	.globl weir_asset_" #n "_br, weir_asset_" #n "_br_end\n"                             \
	        "	.hidden weir_asset_" #n "_br, weir_asset_" #n "_br_end\n"                            \
	        "	.popsection\n");                                                                     \
	extern const char weir_asset_##n##_gz[], weir_asset_##n##_gz_end[], weir_asset_##n##_br[],           \
	    weir_asset_##n##_br_end[];
#include WEB_ASSETS
#undef ASSET

/* The slices are set when asked for: an end less a beginning is no constant in C. */
static bool fill(size_t at, struct asset *a)
{
	size_t i = 0;
#define ASSET(n, path_, type_, tag_, immutable_, size_)                                                      \
	if (i++ == at) {                                                                                     \
		*a = (struct asset){                                                                         \
		    .path = path_,                                                                           \
		    .type = type_,                                                                           \
		    .tag = tag_,                                                                             \
		    .immutable = immutable_,                                                                 \
		    .size = size_,                                                                           \
		    .gzip = slice_make(weir_asset_##n##_gz,                                                  \
		                       (size_t)(weir_asset_##n##_gz_end - weir_asset_##n##_gz)),             \
		    .brotli = slice_make(weir_asset_##n##_br,                                                \
		                         (size_t)(weir_asset_##n##_br_end - weir_asset_##n##_br)),           \
		};                                                                                           \
		return true;                                                                                 \
	}
#include WEB_ASSETS
#undef ASSET
	return false;
}

bool console_asset_at(size_t i, struct asset *a)
{
	return fill(i, a);
}

/* Does the client take this coding? "gzip;q=0" says no. */
static bool takes(slice accepted, slice coding)
{
	slice one, name;
	while (slice_split(&accepted, ',', &one)) {
		slice_split(&one, ';', &name);
		if (slice_eq_nocase(slice_trim(name), coding)) {
			slice q = slice_trim(one);
			return !slice_eq(q, SLICE("q=0")) && !slice_eq(q, SLICE("q=0.0")) &&
			       !slice_eq(q, SLICE("q=0.00")) && !slice_eq(q, SLICE("q=0.000"));
		}
	}
	return false;
}

/* For a client that takes no coding. False without memory. */
static bool unpack(const struct asset *a, struct buf *plain)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)a->gzip.p, .avail_in = (uInt)a->gzip.n};
	char *room = buf_reserve(plain, a->size);
	if (room == NULL || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return false;
	z.next_out = (Bytef *)room;
	z.avail_out = (uInt)a->size;
	bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == a->size;
	inflateEnd(&z);
	if (whole)
		buf_commit(plain, a->size);
	return whole;
}

/* "/" is the page; so is what a browser asks for by an address that the page gave itself (web/src/router.ts).
 */
static bool find(slice path, const struct headers *h, struct asset *a)
{
	for (size_t i = 0; fill(i, a); i++)
		if (slice_eq(path, slice_of(a->path)))
			return true;
	static const char *const not_pages[] = {"/api/", "/assets/", "/v1/", "/hooks/"};
	for (size_t i = 0; i < sizeof not_pages / sizeof *not_pages; i++)
		if (slice_starts(path, slice_of(not_pages[i])))
			return false;
	if (slice_find(headers_get(h, SLICE("accept")), SLICE("text/html")) < 0)
		return false;
	for (size_t i = 0; fill(i, a); i++)
		if (strcmp(a->path, "/") == 0)
			return true;
	return false;
}

bool console_asset_answer(slice path, const struct headers *h, struct asset_answer *out, struct buf *plain)
{
	*out = (struct asset_answer){0};
	struct asset *a = &out->asset;
	if (!find(path, h, a))
		return false;
	out->status = 200;
	slice known = headers_get(h, SLICE("if-none-match")),
	      accepted = headers_get(h, SLICE("accept-encoding"));
	if (slice_find(known, slice_of(a->tag)) >= 0) {
		out->status = 304;
	} else if (takes(accepted, SLICE("br"))) {
		out->body = a->brotli;
		out->encoding = "br";
	} else if (takes(accepted, SLICE("gzip"))) {
		out->body = a->gzip;
		out->encoding = "gzip";
	} else if (!unpack(a, plain)) {
		out->status = 503;
	}
	return true;
}
