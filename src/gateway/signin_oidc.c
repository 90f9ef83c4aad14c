#include "gateway/signin_oidc.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "gateway/oidc.h"
#include "gateway/oidc_fetch.h"
#include "policy/identity_jwt.h"
#include "text/json.h"

#define URL_MAX    4096
#define MEMORY     (256 * 1024)
#define ANSWER_MAX (128 * 1024)
#define REASON_MAX 300

/* One sign-in on its way. */
struct way {
	const struct signin_ask *ask;
	struct signin_answer *a;
	struct settings *settings; /* a reference */
	struct trust *trust;       /* a reference */
	const struct issuer *issuer;
	size_t number; /* of the issuer */
	struct arena mem;
	struct error e;
	atomic_bool never; /* stays false: curl's time limits end it */
};

static void begin(struct way *w, const struct signin_ask *ask, struct signin_answer *a)
{
	struct shared *s = ask->shared;
	*w = (struct way){.ask = ask, .a = a};
	arena_init(&w->mem, MEMORY);
	pthread_mutex_lock(&s->lock);
	w->settings = settings_ref(s->settings);
	w->trust = trust_ref(s->trust);
	pthread_mutex_unlock(&s->lock);
}

static void end(struct way *w)
{
	trust_unref(w->trust);
	settings_unref(w->settings);
	arena_release(&w->mem);
}

static bool find_issuer(struct way *w, slice name)
{
	const struct settings *s = trust_settings(w->trust); /* its numbers are the trust's */
	for (size_t i = 0; i < s->issuers_n; i++)
		if (s->issuers[i].client_id.n && slice_eq(s->issuers[i].name, name)) {
			w->issuer = &s->issuers[i];
			w->number = i;
			return true;
		}
	return false;
}

/* --- pages -----------------------------------------------------------------------------------------------
 */

static int put_escaped(struct buf *out, slice text)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < text.n; i++) {
		char c = text.p[i];
		bool plain =
		    (unsigned char)c >= 0x20 && c != '<' && c != '>' && c != '&' && c != '"' && c != '\'';
		rc = plain ? buf_append(out, slice_make(&c, 1)) : buf_printf(out, "&#%d;", (unsigned char)c);
	}
	return rc;
}

#define HEAD                                                                                                 \
	"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "                              \
	"content=\"width=device-width,initial-scale=1\"><title>Weir</title>"

/* A page of this site leads on, so that the session's cookie, which is for this site alone, goes with it. */
static int lead_on(struct signin_answer *a, slice to)
{
	a->status = 200;
	a->type = "text/html; charset=utf-8";
	int rc = buf_append(a->body, SLICE(HEAD "<meta http-equiv=refresh content=\"0;url="));
	if (rc == 0)
		rc = put_escaped(a->body, to);
	if (rc == 0)
		rc = buf_append(a->body, SLICE("\"><p>You are signed in. <a href=\""));
	if (rc == 0)
		rc = put_escaped(a->body, to);
	return rc ? rc : buf_append(a->body, SLICE("\">Go on</a></p></html>\n"));
}

static int say_no(struct signin_answer *a, int status, const char *reason)
{
	buf_clear(a->body);
	a->status = status;
	a->type = "text/html; charset=utf-8";
	int rc = buf_append(a->body, SLICE(HEAD "<h1>You are not signed in</h1><p>"));
	if (rc == 0)
		rc = put_escaped(a->body, slice_sub(slice_of(reason), 0, REASON_MAX));
	return rc ? rc : buf_append(a->body, SLICE("</p><p><a href=\"/\">Try again</a></p></html>\n"));
}

/* --- the query -------------------------------------------------------------------------------------------
 */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* A parameter, decoded; n 0: it is not there, or malformed. */
static slice parameter(struct way *w, slice name)
{
	slice rest = w->ask->query, pair, key;
	while (slice_split(&rest, '&', &pair)) {
		slice value = pair;
		slice_split(&value, '=', &key);
		if (!slice_eq(key, name))
			continue;
		char *out = arena_alloc(&w->mem, value.n + 1);
		size_t n = 0;
		for (size_t i = 0; out && i < value.n; i++) {
			char c = value.p[i] == '+' ? ' ' : value.p[i];
			if (c == '%') {
				int high = i + 2 < value.n ? hex(value.p[i + 1]) : -1;
				int low = i + 2 < value.n ? hex(value.p[i + 2]) : -1;
				if (high < 0 || low < 0 || high + low == 0)
					return SLICE_NONE;
				c = (char)(high * 16 + low);
				i += 2;
			}
			out[n++] = c;
		}
		return slice_make(out, out ? n : 0);
	}
	return SLICE_NONE;
}

/* "name=value" with what is not plain percent-encoded (RFC 3986 section 2.3). */
static int put_parameter(struct buf *out, const char *name, slice value)
{
	int rc = buf_printf(out, "%s%s=", buf_slice(out).n ? "&" : "", name);
	for (size_t i = 0; rc == 0 && i < value.n; i++) {
		char c = value.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		             c == '-' || c == '.' || c == '_' || c == '~';
		rc = plain ? buf_append(out, slice_make(&c, 1)) : buf_printf(out, "%%%02X", (unsigned char)c);
	}
	return rc;
}

/* This console as the browser calls it: Host was checked against the names that are ours. */
static slice callback_url(struct way *w)
{
	slice host = headers_get(w->ask->headers, SLICE("host"));
	return arena_printf(&w->mem, "%s://" SLICE_FMT "/signin/callback", w->ask->tls ? "https" : "http",
	                    SLICE_ARG(host));
}

/* --- away ------------------------------------------------------------------------------------------------
 */

static int challenge(const char *verifier, char out[SIGNIN_TOKEN_MAX])
{
	uint8_t hash[CRYPTO_SHA256_BYTES];
	int rc = crypto_sha256(slice_of(verifier), hash);
	if (rc == 0)
		crypto_base64url(hash, sizeof hash, out);
	return rc;
}

static int put_question(struct way *w, struct buf *out, const struct signin_pending *p)
{
	char hash[SIGNIN_TOKEN_MAX];
	int rc = challenge(p->verifier, hash);
	const struct {
		const char *name;
		slice value;
	} all[] = {{"response_type", SLICE("code")},
	           {"client_id", w->issuer->client_id},
	           {"redirect_uri", callback_url(w)},
	           {"scope", w->issuer->scopes.n ? w->issuer->scopes : SLICE("openid email profile")},
	           {"state", slice_of(p->state)},
	           {"nonce", slice_of(p->nonce)},
	           {"code_challenge", slice_of(hash)},
	           {"code_challenge_method", SLICE("S256")}};
	for (size_t i = 0; rc == 0 && i < sizeof all / sizeof *all; i++)
		rc = put_parameter(out, all[i].name, all[i].value);
	return rc;
}

static int leave(struct way *w)
{
	struct oidc_endpoints at;
	struct signin_pending p = {.until_ms = 0};
	struct buf query;
	char name[64];
	if (!find_issuer(w, parameter(w, SLICE("issuer"))))
		return say_no(
		    w->a, 404,
		    "There is no such issuer to sign in at; the settings name them (issuers[].client_id).");
	if (!signin_may_try(w->ask->table, SIGNIN_WAY, w->ask->peer)) {
		w->a->retry_s = 60;
		return say_no(w->a, 429, "Too many sign-ins were begun from here: wait a minute.");
	}
	signin_count_try(w->ask->table, SIGNIN_WAY, w->ask->peer);
	if (oidc_endpoints(w->issuer, &w->never, &at, &w->e))
		return say_no(w->a, 502, w->e.text);
	slice to = signin_path(parameter(w, SLICE("to")));
	snprintf(p.to, sizeof p.to, SLICE_FMT, SLICE_ARG(to));
	name_set(&p.issuer, w->issuer->name);
	int rc = signin_pend(w->ask->table, &p);
	buf_init(&query, URL_MAX);
	if (rc == 0)
		rc = put_question(w, &query, &p);
	slice url = arena_printf(&w->mem, "%s%c" SLICE_FMT, at.authorize,
	                         strchr(at.authorize, '?') ? '&' : '?', SLICE_ARG(buf_slice(&query)));
	buf_release(&query);
	w->a->location = url.p && rc == 0 ? strndup(url.p, url.n) : NULL;
	if (w->a->location == NULL)
		return rc ? rc : ERR_NOMEM;
	signin_cookie_name(w->ask->tls, w->ask->port, "signin", name);
	signin_set_cookie(w->ask->tls, name, slice_of(p.state), true, SIGNIN_PENDING_MS / 1000,
	                  w->a->cookies[0]);
	w->a->status = 302;
	w->a->type = "text/plain; charset=utf-8";
	return buf_append(w->a->body, SLICE("to the issuer\n"));
}

int signin_oidc_leave(const struct signin_ask *ask, struct signin_answer *a)
{
	struct way w;
	begin(&w, ask, a);
	int rc = leave(&w);
	end(&w);
	return rc;
}

/* --- and back --------------------------------------------------------------------------------------------
 */

/* The code for a token (OpenID Connect Core section 3.1.3). */
static slice exchange(struct way *w, const struct signin_pending *p, slice code)
{
	struct oidc_endpoints at;
	struct buf form, answer;
	slice token = SLICE_NONE;
	if (oidc_endpoints(w->issuer, &w->never, &at, &w->e))
		return SLICE_NONE;
	buf_init(&form, URL_MAX * 2);
	buf_init(&answer, ANSWER_MAX);
	int rc = put_parameter(&form, "grant_type", SLICE("authorization_code"));
	if (rc == 0)
		rc = put_parameter(&form, "code", code);
	if (rc == 0)
		rc = put_parameter(&form, "redirect_uri", callback_url(w));
	if (rc == 0)
		rc = put_parameter(&form, "client_id", w->issuer->client_id);
	if (rc == 0)
		rc = put_parameter(&form, "code_verifier", slice_of(p->verifier));
	if (rc == 0 && w->issuer->client_secret.n)
		rc = put_parameter(&form, "client_secret", w->issuer->client_secret);
	if (rc == 0)
		rc = oidc_post(w->issuer, at.token, buf_slice(&form), &w->never, &answer, &w->e);
	else
		error_set(&w->e, rc, "the question to the issuer is too long");
	if (rc == 0 && !oidc_member(buf_slice(&answer), SLICE("id_token"), &w->mem, &token))
		error_set(&w->e, ERR_INVALID, "The issuer's answer has no id_token.");
	if (form.data)
		crypto_zero(form.data, form.cap);
	buf_release(&form);
	buf_release(&answer);
	return token;
}

/* The token is this issuer's, for this client, and of this very sign-in. */
static bool holds(struct way *w, slice text, const struct signin_pending *p, struct jwt *t)
{
	struct issuer as = *w->issuer;
	as.audiences = &as.client_id;
	as.audiences_n = 1;
	if (jwt_read(text, &w->mem, t, &w->e))
		return false;
	int rc = jwt_check(t, &as, trust_keys(w->trust, w->number), trust_why(w->trust, w->number),
	                   clock_wall_ms(w->ask->shared->clock), &w->e);
	if (rc == ERR_NOT_FOUND)
		oidc_refetch(w->ask->shared->oidc, (int)w->number);
	if (rc)
		return false;
	if (!crypto_equal(jwt_claim(t, SLICE("nonce"), &w->mem), slice_of(p->nonce))) {
		error_set(&w->e, ERR_REFUSED,
		          "The issuer's token is of another sign-in (its nonce is not ours).");
		return false;
	}
	return true;
}

/* Whose it is: by the settings' claims, else by what tokens of people have. An address that was not verified
 * is anybody's. */
static slice user_of(struct way *w, const struct jwt *t)
{
	struct attribution who;
	jwt_attributes(t, w->issuer, &w->mem, &who);
	slice verified = jwt_claim(t, SLICE("email_verified"), &w->mem),
	      email = jwt_claim(t, SLICE("email"), &w->mem);
	if (who.v[ATTR_USER].n)
		return who.v[ATTR_USER];
	if (email.n && !slice_eq(verified, SLICE("false")))
		return email;
	slice name = jwt_claim(t, SLICE("preferred_username"), &w->mem);
	return name.n ? name : jwt_claim(t, SLICE("sub"), &w->mem);
}

static enum role role_of(const struct way *w, const struct jwt *t)
{
	enum role best = (enum role)w->issuer->role;
	for (size_t i = 0; i < w->issuer->roles_n; i++) {
		const struct issuer_role *r = &w->issuer->roles[i];
		slice claim = w->issuer->roles_claim.n ? w->issuer->roles_claim : SLICE("groups");
		if (jwt_claim_has(t, claim, r->group) && (int)r->role > (int)best)
			best = (enum role)r->role;
	}
	return best;
}

static int arrive(struct way *w)
{
	struct signin_pending p;
	struct jwt t;
	struct signed_in who = {.by_key = false};
	char name[64];
	signin_cookie_name(w->ask->tls, w->ask->port, "signin", name);
	slice state = parameter(w, SLICE("state")), code = parameter(w, SLICE("code"));
	slice ours = signin_cookie(headers_get(w->ask->headers, SLICE("cookie")), name);
	signin_set_cookie(w->ask->tls, name, SLICE_NONE, true, 0, w->a->cookies[1]);
	if (state.n == 0 || !crypto_equal(state, ours) || !signin_take_pending(w->ask->table, state, &p))
		return say_no(w->a, 400,
		              "This sign-in was not begun in this browser, or more than ten minutes ago.");
	if (!find_issuer(w, name_get(&p.issuer)))
		return say_no(w->a, 400, "The settings do not name this issuer any more.");
	if (code.n == 0) {
		slice why = parameter(w, SLICE("error_description")), kind = parameter(w, SLICE("error"));
		slice text =
		    arena_printf(&w->mem, "The issuer said no: " SLICE_FMT, SLICE_ARG(why.n ? why : kind));
		return say_no(w->a, 403, text.p ? text.p : "The issuer said no.");
	}
	slice token = exchange(w, &p, code);
	if (token.n == 0)
		return say_no(w->a, 502, w->e.text);
	if (!holds(w, token, &p, &t))
		return say_no(w->a, 403, w->e.text);
	struct attribution claims;
	jwt_attributes(&t, w->issuer, &w->mem, &claims);
	name_set(&who.user, user_of(w, &t));
	name_set(&who.team, claims.v[ATTR_TEAM]);
	slice by = arena_printf(&w->mem, "issuer:" SLICE_FMT, SLICE_ARG(w->issuer->name));
	name_set(&who.by, by);
	who.role = role_of(w, &t);
	if (who.user.n == 0 || by.p == NULL)
		return say_no(w->a, 403, "The issuer's token does not say who you are.");
	int rc = signin_welcome(w->ask, w->a, &who);
	return rc ? rc : lead_on(w->a, slice_of(p.to));
}

int signin_oidc_return(const struct signin_ask *ask, struct signin_answer *a)
{
	struct way w;
	begin(&w, ask, a);
	int rc = arrive(&w);
	end(&w);
	return rc;
}
