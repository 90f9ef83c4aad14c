/* Asking a gateway's console from another machine, with the user's own key. */
#ifndef WEIR_CLI_REMOTE_H
#define WEIR_CLI_REMOTE_H

#include "base/buf.h"
#include "cli/cli.h"

/* Without --server: the console of the settings here, written into url. False after a message. */
#define REMOTE_URL_MAX 400
bool remote_find(struct cli *c, char url[REMOTE_URL_MAX]);

/* GET c->server + path (query included) with WEIR_KEY; the body of a 200 is appended to out. EXIT_DONE, or
 * EXIT_FAILED after a message that says what to do. */
int remote_get(const struct cli *c, slice path, struct buf *out);

/* Any method ("POST", "DELETE", …), body a JSON text (n 0: none); likewise, for every status from 200 to 299.
 * What the server says against it is the message; EXIT_POLICY when it is 403, a rule's no. */
int remote_call(const struct cli *c, const char *method, slice path, slice body, struct buf *out);

/* name=value, percent-encoded, behind a '?' or '&'; ERR_FULL, ERR_NOMEM. */
int remote_word(struct buf *query, slice name, slice value) WARN_UNUSED;

#endif
