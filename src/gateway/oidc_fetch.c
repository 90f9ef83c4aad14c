#include "gateway/oidc_fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "gateway/files.h"
#include "text/json.h"

#define URL_MAX      OIDC_URL_MAX
#define FETCH_MS     10000L
#define CONNECT_MS   5000L
#define DOCUMENT_MAX (256 * 1024)

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	return buf_append(arg, slice_make(p, size * n)) == 0 ? size * n : 0;
}

static int stopped(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return atomic_load((atomic_bool *)arg);
}

/* GET of a URL into out, or POST of a form (p not NULL); no redirects: the issuer's name in the certificate
 * is what is trusted. */
static int ask(const struct issuer *i, const char *url, slice form, atomic_bool *stop, struct buf *out,
               struct error *e)
{
	char error[CURL_ERROR_SIZE] = "", ca[4096];
	long status = 0;
	CURL *h = curl_easy_init();
	if (h == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, out);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, FETCH_MS);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, stopped);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, stop);
	if (form.p) {
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)form.n);
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, form.p);
	}
	snprintf(ca, sizeof ca, SLICE_FMT, SLICE_ARG(i->ca_file));
	if (i->ca_file.n)
		curl_easy_setopt(h, CURLOPT_CAINFO, ca);
	CURLcode code = curl_easy_perform(h);
	if (code == CURLE_OK)
		curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(h);
	if (code == CURLE_WRITE_ERROR)
		return error_set(e, ERR_FULL, "%s answered with more than %d KB", url, DOCUMENT_MAX / 1024);
	if (code != CURLE_OK)
		return error_set(e, ERR_IO, "%s cannot be reached: %s", url,
		                 error[0] ? error : curl_easy_strerror(code));
	if (status != 200)
		return error_set(e, ERR_IO, "%s answered with status %ld", url, status);
	return 0;
}

static int get(const struct issuer *i, const char *url, atomic_bool *stop, struct buf *out, struct error *e)
{
	return ask(i, url, SLICE_NONE, stop, out, e);
}

int oidc_post(const struct issuer *i, const char *url, slice form, atomic_bool *stop, struct buf *out,
              struct error *e)
{
	return ask(i, url, form, stop, out, e);
}

bool oidc_member(slice document, slice name, struct arena *mem, slice *out)
{
	struct json j;
	json_key k;
	json_str s;
	*out = SLICE_NONE;
	json_init(&j, document);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, name) || json_peek(&j) != JSON_STRING) {
			json_skip(&j, NULL);
			continue;
		}
		char *text = json_string(&j, &s) ? arena_alloc(mem, s.raw.n + 1) : NULL;
		if (text)
			*out = slice_make(text, json_unescape(&s, text, s.raw.n + 1));
	}
	return json_end(&j) && out->n > 0;
}

/* A string member of the document, NUL-terminated; false when there is none, or it is too long. */
static bool member(slice document, slice name, char out[URL_MAX])
{
	struct json j;
	json_key k;
	json_str s;
	bool found = false;
	json_init(&j, document);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, name) || json_peek(&j) != JSON_STRING) {
			json_skip(&j, NULL);
			continue;
		}
		if (!json_string(&j, &s))
			break;
		size_t n = json_unescape(&s, out, URL_MAX - 1);
		found = n < URL_MAX;
		out[found ? n : 0] = '\0';
	}
	return json_end(&j) && found && strlen(out) > 0;
}

/* The issuer's discovery document. It must be that of the issuer that was asked (Discovery section 4.3). */
static int discover(const struct issuer *i, atomic_bool *stop, struct buf *document, struct error *e)
{
	char url[URL_MAX], said[URL_MAX];
	slice base = i->issuer;
	while (slice_ends(base, SLICE("/")))
		base.n--;
	int n = snprintf(url, URL_MAX, SLICE_FMT "/.well-known/openid-configuration", SLICE_ARG(base));
	if (n < 0 || n >= URL_MAX)
		return error_set(e, ERR_RANGE, "the issuer's URL is too long");
	int r = get(i, url, stop, document, e);
	if (r == 0 &&
	    (!member(buf_slice(document), SLICE("issuer"), said) || !slice_eq(slice_of(said), i->issuer)))
		r = error_set(e, ERR_INVALID, "%s is not of the issuer " SLICE_FMT, url,
		              SLICE_ARG(i->issuer));
	return r;
}

/* One of its addresses, which must not lead from https to http. */
static int address(const struct issuer *i, slice document, const char *name, const char *what,
                   char url[URL_MAX], struct error *e)
{
	if (!member(document, slice_of(name), url))
		return error_set(e, ERR_INVALID, "the discovery document of " SLICE_FMT " names no %s",
		                 SLICE_ARG(i->issuer), name);
	if (slice_starts(i->issuer, SLICE("https://")) && !slice_starts(slice_of(url), SLICE("https://")))
		return error_set(e, ERR_INVALID, "%s not on https: %s", what, url);
	return 0;
}

/* The URL of the keys, by the issuer's word. */
static int find_keys(const struct issuer *i, atomic_bool *stop, char url[URL_MAX], struct error *e)
{
	struct buf document;
	buf_init(&document, DOCUMENT_MAX);
	int r = discover(i, stop, &document, e);
	if (r == 0)
		r = address(i, buf_slice(&document), "jwks_uri", "its keys are", url, e);
	buf_release(&document);
	return r;
}

int oidc_endpoints(const struct issuer *i, atomic_bool *stop, struct oidc_endpoints *out, struct error *e)
{
	struct buf document;
	buf_init(&document, DOCUMENT_MAX);
	int r = discover(i, stop, &document, e);
	if (r == 0)
		r = address(i, buf_slice(&document), "authorization_endpoint", "its sign-in is",
		            out->authorize, e);
	if (r == 0)
		r = address(i, buf_slice(&document), "token_endpoint", "its tokens are", out->token, e);
	buf_release(&document);
	return r;
}

static struct jwks *from_file(const struct issuer *i, struct error *e)
{
	size_t n = 0;
	char *text = files_read(i->keys_file, JWKS_BYTES_MAX, &n, e);
	struct jwks *keys = text ? jwks_read(slice_make(text, n), e) : NULL;
	free(text);
	return keys;
}

struct jwks *oidc_fetch(const struct issuer *i, atomic_bool *stop, struct error *e)
{
	char url[URL_MAX];
	struct buf text;
	if (i->keys_file.n)
		return from_file(i, e);
	int n = snprintf(url, sizeof url, SLICE_FMT, SLICE_ARG(i->keys_url));
	if (n < 0 || n >= URL_MAX) {
		error_set(e, ERR_RANGE, "the URL of its keys is too long");
		return NULL;
	}
	if (i->keys_url.n == 0 && find_keys(i, stop, url, e))
		return NULL;
	buf_init(&text, JWKS_BYTES_MAX);
	struct jwks *keys = NULL;
	if (get(i, url, stop, &text, e) == 0) {
		keys = jwks_read(buf_slice(&text), e);
	}
	buf_release(&text);
	return keys;
}
