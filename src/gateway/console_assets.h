/* The console's page: the files that make built from web/, each compressed twice, put into the program by the
 * assembler. They hold nothing secret, and so they are answered before anybody has said who they are. */
#ifndef WEIR_GATEWAY_CONSOLE_ASSETS_H
#define WEIR_GATEWAY_CONSOLE_ASSETS_H

#include "base/buf.h"
#include "model/types.h"

/* What a browser may do with the page: run and show what this listener has, and speak to it alone. */
#define CONSOLE_PAGE_POLICY                                                                                  \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "              \
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

struct asset {
	const char *path, *type;
	const char *tag; /* entity tag, without quotes */
	bool immutable;  /* its name is made of its content */
	size_t size;     /* bytes, as they are */
	slice gzip, brotli;
};

struct asset_answer {
	int status; /* 200, 304; 503 without memory */
	struct asset asset;
	slice body;           /* static; n 0: what was put into the buffer, when there is something */
	const char *encoding; /* "br", "gzip"; NULL: as it is */
};

/* The file of a path. A page of the console that has none (`/explore`, `/sessions/abc`) is the page itself
 * when a browser asks for it, that is, wants HTML; false, and a->status 0, when it is none of them. */
bool console_asset_answer(slice path, const struct headers *h, struct asset_answer *a, struct buf *plain);
/* False past the end. */
bool console_asset_at(size_t i, struct asset *a);

#endif
