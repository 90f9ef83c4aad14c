#include "gateway/batch_ask.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/crypto.h"

#define LOW_SPEED_S     60 /* an answer that stands still that long is given up */
#define RETRY_AFTER_MAX INT64_C(3600000)

struct asking {
	struct batches *stop;
	bool (*on_body)(void *arg, slice piece);
	void *arg;
	CURL *easy;
};

static size_t on_write(char *p, size_t size, size_t n, void *arg)
{
	struct asking *a = arg;
	long status = 0;
	curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
	/* what an error says is not wanted */
	bool go_on = status != 200 || a->on_body(a->arg, slice_make(p, size * n));
	return go_on ? size * n : 0;
}

/* The gateway is stopping: do not wait for the provider. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return batches_stopping(((struct asking *)arg)->stop);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, slice value)
{
	char text[4096];
	int n = snprintf(text, sizeof text, "%s: " SLICE_FMT, name, SLICE_ARG(value));
	struct curl_slist *more = n > 0 && (size_t)n < sizeof text ? curl_slist_append(list, text) : NULL;
	crypto_zero(text, sizeof text);
	return more ? more : list;
}

static struct curl_slist *headers_for(const struct provider *p)
{
	char bearer[4096];
	if (p->dialect == DIALECT_ANTHROPIC)
		return add_header(add_header(NULL, "anthropic-version", SLICE("2023-06-01")), "x-api-key",
		                  p->secret);
	int n = snprintf(bearer, sizeof bearer, "Bearer " SLICE_FMT, SLICE_ARG(p->secret));
	struct curl_slist *list = add_header(
	    NULL, "authorization", slice_make(bearer, n > 0 && (size_t)n < sizeof bearer ? (size_t)n : 0));
	crypto_zero(bearer, sizeof bearer);
	return list;
}

static void set_provider(CURL *easy, const struct provider *p, slice path, char *text, size_t cap)
{
	slice base = p->base_url;
	if (slice_ends(base, SLICE("/v1")) && slice_starts(path, SLICE("/v1/")))
		path = slice_sub(path, 3, path.n);
	snprintf(text, cap, SLICE_FMT SLICE_FMT, SLICE_ARG(base), SLICE_ARG(path));
	curl_easy_setopt(easy, CURLOPT_URL, text);
	if (p->ca_file.n) {
		snprintf(text, cap, SLICE_FMT, SLICE_ARG(p->ca_file));
		curl_easy_setopt(easy, CURLOPT_CAINFO, text);
	}
	if (p->proxy.n) {
		snprintf(text, cap, SLICE_FMT, SLICE_ARG(p->proxy));
		curl_easy_setopt(easy, CURLOPT_PROXY, text);
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	}
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)p->connect_ms);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	                 p->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
}

void batch_ask(const struct provider *p, slice path, struct batches *stop,
               bool (*on_body)(void *arg, slice piece), void *arg, struct ask_answer *out)
{
	CURL *easy = curl_easy_init();
	char text[4096];
	*out = (struct ask_answer){0};
	if (easy == NULL)
		return;
	struct asking a = {stop, on_body, arg, easy};
	struct curl_slist *headers = headers_for(p);
	char why[CURL_ERROR_SIZE] = "";
	set_provider(easy, p, path, text, sizeof text);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_CAPATH, "/etc/ssl/certs");
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)LOW_SPEED_S);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &a);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &a);
	CURLcode code = curl_easy_perform(easy);
	long status = 0;
	curl_off_t wait = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
	out->status = code == CURLE_OK ? (int)status : 0;
	out->retry_after_ms = wait <= 0 ? 0 : wait > RETRY_AFTER_MAX / 1000 ? RETRY_AFTER_MAX : wait * 1000;
	snprintf(out->error, sizeof out->error, "%s",
	         why[0]             ? why
	         : code != CURLE_OK ? curl_easy_strerror(code)
	                            : "");
	curl_slist_free_all(headers);
	curl_easy_cleanup(easy);
}
