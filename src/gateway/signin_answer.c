#include "gateway/signin_answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/notices.h"
#include "gateway/signin_oidc.h"
#include "text/json.h"
#include "text/jsonw.h"

#define IDENTITY_MEM (64 * 1024)
#define KEY_TEXT_MAX 16384

/* --- who is signed in ------------------------------------------------------------------------------------
 */

static slice token_of(const struct signin_ask *ask)
{
	char name[64];
	signin_cookie_name(ask->tls, ask->port, "session", name);
	return signin_cookie(headers_get(ask->headers, SLICE("cookie")), name);
}

static bool still_trusted(const struct settings *s, slice by)
{
	slice name = slice_sub(by, sizeof "issuer:" - 1, by.n);
	for (size_t i = 0; i < s->issuers_n; i++)
		if (s->issuers[i].client_id.n && slice_eq(s->issuers[i].name, name))
			return true;
	return false;
}

bool signin_identify(const struct signin_ask *ask, const struct keyring *keys,
                     const struct settings *settings, int64_t now_ms, struct arena *mem,
                     struct principal *out)
{
	struct signed_in who;
	slice token = token_of(ask);
	if (token.n == 0 || !signin_find(ask->table, token, &who))
		return false;
	*out = (struct principal){.role = who.role, .ci = ci_proof_none()};
	if (who.by_key)
		return keyring_find(keys, name_get(&who.by), now_ms, out);
	out->key_id = arena_copy(mem, name_get(&who.by));
	out->fixed.v[ATTR_USER] = arena_copy(mem, name_get(&who.user));
	out->fixed.v[ATTR_TEAM] = who.team.n ? arena_copy(mem, name_get(&who.team)) : SLICE_NONE;
	return out->key_id.p && out->fixed.v[ATTR_USER].p && still_trusted(settings, out->key_id);
}

/* --- answers ---------------------------------------------------------------------------------------------
 */

static int refuse(struct signin_answer *a, int status, const char *message)
{
	struct jsonw w;
	a->status = status;
	a->type = "application/json";
	buf_clear(a->body);
	jsonw_init(&w, a->body);
	jsonw_object(&w);
	jsonw_key(&w, SLICE("error"));
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("message"), slice_of(message));
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

static struct settings *settings_now(const struct signin_ask *ask)
{
	pthread_mutex_lock(&ask->shared->lock);
	struct settings *s = settings_ref(ask->shared->settings);
	pthread_mutex_unlock(&ask->shared->lock);
	return s;
}

static struct keyring *keys_now(const struct signin_ask *ask)
{
	pthread_mutex_lock(&ask->shared->lock);
	struct keyring *k = keyring_ref(ask->shared->keys);
	pthread_mutex_unlock(&ask->shared->lock);
	return k;
}

static void put_issuers(struct jsonw *w, const struct settings *s)
{
	char url[256];
	jsonw_key(w, SLICE("issuers"));
	jsonw_array(w);
	for (size_t i = 0; i < s->issuers_n; i++) {
		if (s->issuers[i].client_id.n == 0)
			continue;
		snprintf(url, sizeof url, "/signin/oidc?issuer=" SLICE_FMT, SLICE_ARG(s->issuers[i].name));
		jsonw_object(w);
		jsonw_put_string(w, SLICE("name"), s->issuers[i].name);
		jsonw_put_string(w, SLICE("url"), slice_of(url));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static int answer_state(const struct signin_ask *ask, struct signin_answer *a)
{
	struct settings *s = settings_now(ask);
	struct keyring *keys = keys_now(ask);
	struct principal who;
	struct arena mem;
	struct jsonw w;
	arena_init(&mem, IDENTITY_MEM);
	bool in = signin_identify(ask, keys, s, clock_wall_ms(ask->shared->clock), &mem, &who);
	slice user = in ? who.fixed.v[ATTR_USER] : SLICE_NONE;
	a->status = 200;
	a->type = "application/json";
	jsonw_init(&w, a->body);
	jsonw_object(&w);
	jsonw_put_bool(&w, SLICE("signed_in"), in);
	jsonw_put_string(&w, SLICE("user"), user.n ? user : SLICE_NONE);
	jsonw_put_string(&w, SLICE("role"), in ? slice_of(role_name(who.role)) : SLICE_NONE);
	jsonw_put_bool(&w, SLICE("needed"), !ask->loopback);
	put_issuers(&w, s);
	jsonw_object_end(&w);
	int rc = jsonw_end(&w);
	arena_release(&mem);
	keyring_unref(keys);
	settings_unref(s);
	return rc;
}

static void keep(const struct signin_ask *ask, const struct signed_in *who, const char *action)
{
	struct shared *s = ask->shared;
	notices_add(s->notices, action, name_get(&who->by), name_get(&who->user), clock_wall_ms(s->clock));
	log_event(s->log, LOG_INFO, action, LOG_S("user", name_get(&who->user)),
	          LOG_S("by", name_get(&who->by)));
}

int signin_welcome(const struct signin_ask *ask, struct signin_answer *a, const struct signed_in *who)
{
	char token[SIGNIN_TOKEN_MAX], name[64];
	int rc = signin_begin(ask->table, who, token);
	if (rc)
		return rc;
	signin_cookie_name(ask->tls, ask->port, "session", name);
	signin_set_cookie(ask->tls, name, slice_of(token), false, SIGNIN_MOST_MS / 1000, a->cookies[0]);
	crypto_zero(token, sizeof token);
	keep(ask, who, "console.signin");
	return 0;
}

/* --- by key ----------------------------------------------------------------------------------------------
 */

/* The body's {"key": "..."}, unescaped. */
static slice key_of(slice body, struct arena *mem)
{
	struct json j;
	json_key k;
	json_str s;
	slice key = SLICE_NONE;
	json_init(&j, body);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, SLICE("key")) || json_peek(&j) != JSON_STRING) {
			json_skip(&j, NULL);
			continue;
		}
		char *out =
		    json_string(&j, &s) && s.raw.n <= KEY_TEXT_MAX ? arena_alloc(mem, s.raw.n + 1) : NULL;
		if (out)
			key = slice_make(out, json_unescape(&s, out, s.raw.n + 1));
	}
	return json_end(&j) ? slice_trim(key) : SLICE_NONE;
}

static int answer_key(const struct signin_ask *ask, struct signin_answer *a)
{
	struct arena mem;
	struct identity id;
	arena_init(&mem, IDENTITY_MEM);
	struct header header = {SLICE("x-weir-key"), key_of(ask->body, &mem)};
	struct headers headers = {&header, 1};
	struct keyring *keys = keys_now(ask);
	struct identity_in in = {
	    .keys = keys, .headers = &headers, .now_ms = clock_wall_ms(ask->shared->clock)};
	int rc;
	if (!signin_may_try(ask->table, SIGNIN_KEY, ask->peer)) {
		a->retry_s = 60;
		rc = refuse(a, 429, "too many tries from here failed: wait a minute");
	} else if (header.value.n == 0) {
		rc = refuse(a, 400, "send {\"key\": \"wk_...\"}");
	} else {
		identity_check(&in, &mem, &id);
		bool ok = id.result == IDENTITY_OK || id.result == IDENTITY_ROLE;
		if (ok) {
			struct signed_in who = {.by_key = true, .role = id.who.role};
			name_set(&who.by, id.who.key_id);
			name_set(&who.user, id.who.fixed.v[ATTR_USER]);
			rc = signin_welcome(ask, a, &who);
			a->status = 200;
			a->type = "application/json";
			if (rc == 0)
				rc = buf_append(a->body, SLICE("{\"signed_in\":true}\n"));
		} else {
			signin_count_try(ask->table, SIGNIN_KEY, ask->peer);
			rc = refuse(a, 401, id.why);
		}
	}
	keyring_unref(keys);
	arena_release(&mem);
	return rc;
}

static int answer_out(const struct signin_ask *ask, struct signin_answer *a)
{
	char name[64];
	struct signed_in who;
	slice token = token_of(ask);
	if (token.n && signin_find(ask->table, token, &who)) {
		signin_end(ask->table, token);
		keep(ask, &who, "console.signout");
	}
	signin_cookie_name(ask->tls, ask->port, "session", name);
	signin_set_cookie(ask->tls, name, SLICE_NONE, false, 0, a->cookies[0]);
	a->status = 200;
	a->type = "application/json";
	return buf_append(a->body, SLICE("{\"signed_in\":false}\n"));
}

/* --- which -----------------------------------------------------------------------------------------------
 */

bool signin_is_path(slice path)
{
	return slice_eq(path, SLICE("/api/v1/signin")) || slice_eq(path, SLICE("/api/v1/signout")) ||
	       slice_eq(path, SLICE("/signin/oidc")) || slice_eq(path, SLICE("/signin/callback"));
}

bool signin_answer(const struct signin_ask *ask, struct signin_answer *a, int *code)
{
	bool get = slice_eq(ask->method, SLICE("GET")), post = slice_eq(ask->method, SLICE("POST"));
	if (!signin_is_path(ask->path))
		return false;
	if (slice_eq(ask->path, SLICE("/api/v1/signin")) && (get || post))
		*code = get ? answer_state(ask, a) : answer_key(ask, a);
	else if (slice_eq(ask->path, SLICE("/api/v1/signout")) && post)
		*code = answer_out(ask, a);
	else if (slice_eq(ask->path, SLICE("/signin/oidc")) && get)
		*code = signin_oidc_leave(ask, a);
	else if (slice_eq(ask->path, SLICE("/signin/callback")) && get)
		*code = signin_oidc_return(ask, a);
	else
		*code = refuse(a, 405, "this path does not take that method");
	return true;
}
