/* People who signed in to the console: a session for each, known by a random token in a cookie that no script
 * can read. The token is kept as its hash alone. What a session may do is asked anew at each request: the key
 * it was begun with must still be good, the issuer still be one of the settings. At most SIGNIN_SESSIONS at a
 * time, the one that was not used for longest goes; after two hours without use, and twelve in all, it is
 * over. docs/console-api.md has the rules. */
#ifndef WEIR_GATEWAY_SIGNIN_H
#define WEIR_GATEWAY_SIGNIN_H

#include "base/clock.h"
#include "model/settings.h"

#define SIGNIN_SESSIONS   1024
#define SIGNIN_IDLE_MS    (INT64_C(2) * 3600 * 1000)
#define SIGNIN_MOST_MS    (INT64_C(12) * 3600 * 1000)
#define SIGNIN_TOKEN_MAX  48  /* characters of a token, NUL included */
#define SIGNIN_COOKIE_MAX 256 /* of a Set-Cookie line, NUL included */
#define SIGNIN_TRIES      10 /* keys that may fail in a minute, from one address; ten times as many from all */
#define SIGNIN_WAYS       30 /* ways to an issuer begun in a minute, likewise */

struct signin;
struct signin *signin_new(const struct clock *clock); /* NULL without memory */
void signin_free(struct signin *s);

/* Who is signed in. */
struct signed_in {
	struct name user, team;
	struct name by; /* the Weir key's id, or "issuer:NAME" */
	bool by_key;
	enum role role; /* of an issuer's word; a key's own is asked of the keys */
};
/* A new session, and its token. */
int signin_begin(struct signin *s, const struct signed_in *who, char token[SIGNIN_TOKEN_MAX]) WARN_UNUSED;
/* The session of that token, which is used by this; false when there is none (any more). */
bool signin_find(struct signin *s, slice token, struct signed_in *out);
void signin_end(struct signin *s, slice token);
size_t signin_count(struct signin *s);

/* --- tries ------------------------------------------------------------------------------------------- */

/* Of keys those that failed are counted; of ways to an issuer, each of which asks it something, all. */
enum signin_try { SIGNIN_KEY, SIGNIN_WAY, SIGNIN_TRY_KINDS };
/* May that address try (peer: a hash of it)? */
bool signin_may_try(struct signin *s, enum signin_try kind, uint64_t peer);
void signin_count_try(struct signin *s, enum signin_try kind, uint64_t peer);

/* --- a sign-in at an issuer that is under way ------------------------------------------------------- */

#define SIGNIN_PENDING    256
#define SIGNIN_PENDING_MS (INT64_C(10) * 60 * 1000)
#define SIGNIN_TO_MAX     512
struct signin_pending {
	char state[SIGNIN_TOKEN_MAX], nonce[SIGNIN_TOKEN_MAX], verifier[SIGNIN_TOKEN_MAX];
	struct name issuer;
	char to[SIGNIN_TO_MAX]; /* the page to go on with */
	int64_t until_ms;
};
/* Makes the three random texts, and keeps it. */
int signin_pend(struct signin *s, struct signin_pending *p) WARN_UNUSED;
/* Takes it out: each can be used once. */
bool signin_take_pending(struct signin *s, slice state, struct signin_pending *out);

/* --- cookies ------------------------------------------------------------------------------------------- */

/* "weir_session_8788": cookies know no ports, and a machine may have several consoles. With TLS the prefix
 * __Host- binds it to this very name. */
void signin_cookie_name(bool tls, int port, const char *what, char out[64]);
/* A cookie's value of the request's Cookie header; n 0: it is not there. */
slice signin_cookie(slice header, const char *name);
/* The Set-Cookie line; token n 0: takes it away. lax: it must come back from another site's page. */
void signin_set_cookie(bool tls, const char *name, slice token, bool lax, int64_t seconds,
                       char out[SIGNIN_COOKIE_MAX]);
/* A path of this console that is safe to go to; "/" for any other text. */
slice signin_path(slice to);

#endif
