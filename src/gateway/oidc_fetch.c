#include "gateway/oidc_fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "gateway/files.h"
#include "text/json.h"

#define URL_MAX      2048
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

/* GET of a URL into out; no redirects: the issuer's name in the certificate is what is trusted. */
static int get(const struct issuer *i, const char *url, atomic_bool *stop, struct buf *out, struct error *e)
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

/* The URL of the keys, by the issuer's word. The document must be that of the issuer that was asked
 * (Discovery section 4.3), and must not lead from https to http. */
static int discover(const struct issuer *i, atomic_bool *stop, char url[URL_MAX], struct error *e)
{
	char said[URL_MAX];
	struct buf document;
	slice base = i->issuer;
	while (slice_ends(base, SLICE("/")))
		base.n--;
	int n = snprintf(url, URL_MAX, SLICE_FMT "/.well-known/openid-configuration", SLICE_ARG(base));
	if (n < 0 || n >= URL_MAX)
		return error_set(e, ERR_RANGE, "the issuer's URL is too long");
	buf_init(&document, DOCUMENT_MAX);
	int r = get(i, url, stop, &document, e);
	if (r == 0 &&
	    (!member(buf_slice(&document), SLICE("issuer"), said) || !slice_eq(slice_of(said), i->issuer)))
		r = error_set(e, ERR_INVALID, "%s is not of the issuer " SLICE_FMT, url,
		              SLICE_ARG(i->issuer));
	if (r == 0) {
		char from[URL_MAX];
		memcpy(from, url, sizeof from);
		if (!member(buf_slice(&document), SLICE("jwks_uri"), url))
			r = error_set(e, ERR_INVALID, "%s names no jwks_uri", from);
	}
	buf_release(&document);
	if (r == 0 && slice_starts(i->issuer, SLICE("https://")) &&
	    !slice_starts(slice_of(url), SLICE("https://")))
		r = error_set(e, ERR_INVALID, "its keys are not on https: %s", url);
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
	if (i->keys_url.n == 0 && discover(i, stop, url, e))
		return NULL;
	buf_init(&text, JWKS_BYTES_MAX);
	struct jwks *keys = NULL;
	if (get(i, url, stop, &text, e) == 0) {
		keys = jwks_read(buf_slice(&text), e);
	}
	buf_release(&text);
	return keys;
}
