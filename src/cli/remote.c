#include "cli/remote.h"

#include <curl/curl.h>
#include <string.h>

#include "base/crypto.h"
#include "text/json.h"

#define HEADER_MAX 20000 /* an issuer's token may be the key */

bool remote_find(struct cli *c, char url[REMOTE_URL_MAX])
{
	if (c->server)
		return true;
	struct settings *s =
	    cli_settings_with(c, SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER | SETTINGS_NO_PRICES);
	if (s == NULL)
		return false;
	bool v6 = slice_find_char(s->console.host, ':') >= 0;
	snprintf(url, REMOTE_URL_MAX, "%s://%s" SLICE_FMT "%s:%d",
	         s->console.certificate.n ? "https" : "http", v6 ? "[" : "", SLICE_ARG(s->console.host),
	         v6 ? "]" : "", s->console.port);
	c->server = url;
	settings_unref(s);
	return true;
}

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	return buf_append(arg, slice_make(p, size * n)) == 0 ? size * n : 0;
}

/* {"error": {"message": "..."}}, as the console answers a faulty question. */
static bool error_message(slice body, char *out, size_t cap)
{
	struct json j;
	json_key k;
	json_str s;
	bool found = false;
	json_init(&j, body);
	if (!json_object(&j))
		return false;
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, SLICE("error")) || json_peek(&j) != JSON_OBJECT) {
			json_skip(&j, NULL);
			continue;
		}
		json_object(&j);
		while (json_next_key(&j, &k)) {
			if (json_key_is(&k, SLICE("message")) && json_peek(&j) == JSON_STRING &&
			    json_string(&j, &s)) {
				size_t n = s.raw.n < cap ? json_unescape(&s, out, cap - 1) : cap;
				found = n < cap;
				out[found ? n : 0] = '\0';
			} else {
				json_skip(&j, NULL);
			}
		}
	}
	return json_end(&j) && found;
}

static int explain(const struct cli *c, long status, slice body)
{
	char message[1024];
	if (status == 400 && error_message(body, message, sizeof message))
		return cli_fail(c, "%s", message);
	if (status == 403 && error_message(body, message, sizeof message)) {
		cli_fail(c, "%s", message);
		return EXIT_POLICY;
	}
	if (c->key && status == 401 && error_message(body, message, sizeof message))
		return cli_fail(c, "%s refused the key in WEIR_KEY: %s", c->server, message);
	if (status >= 404 && error_message(body, message, sizeof message) &&
	    !slice_starts(slice_of(message), SLICE("no such ")))
		return cli_fail(c, "%s", message);
	if (status == 401 || status == 403)
		return cli_fail(c,
		                c->key ? "%s refused the key in WEIR_KEY: `weir key list` on the gateway's "
		                         "machine shows which "
		                         "are good"
		                       : "%s asks for a key: set WEIR_KEY to yours",
		                c->server);
	if (status == 404)
		return cli_fail(
		    c,
		    "%s knows no such page: --server and WEIR_URL name the gateway's console here "
		    "(port 8788 by default), "
		    "not the port that agents use",
		    c->server);
	return cli_fail(c, "%s answered with status %ld", c->server, status);
}

static long perform(CURL *h, const struct cli *c, const char *method, const char *url, slice body,
                    struct buf *out, char error[CURL_ERROR_SIZE])
{
	char header[HEADER_MAX];
	long status = 0;
	snprintf(header, sizeof header, "x-weir-key: %s", c->key ? c->key : "");
	struct curl_slist *list = c->key ? curl_slist_append(NULL, header) : NULL;
	if (body.n) {
		list = curl_slist_append(list, "content-type: application/json");
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, body.p);
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)body.n);
	}
	curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, out);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, 120000L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	if (curl_easy_perform(h) == CURLE_OK)
		curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(list);
	crypto_zero(header, sizeof header);
	return status;
}

int remote_call(const struct cli *c, const char *method, slice path, slice body, struct buf *out)
{
	char error[CURL_ERROR_SIZE] = "";
	slice server = slice_of(c->server);
	struct buf url;
	if (!slice_starts(server, SLICE("http://")) && !slice_starts(server, SLICE("https://")))
		return cli_fail(c, "\"%s\" is no URL: write http://HOST:8788 or https://HOST", c->server);
	while (slice_ends(server, SLICE("/")))
		server.n--;
	buf_init(&url, 1 << 16);
	CURL *h = curl_easy_init();
	long status = -1;
	if (h && buf_printf(&url, SLICE_FMT SLICE_FMT "%c", SLICE_ARG(server), SLICE_ARG(path), 0) == 0)
		status = perform(h, c, method, buf_slice(&url).p, body, out, error);
	curl_easy_cleanup(h);
	buf_release(&url);
	if (status >= 200 && status < 300)
		return EXIT_DONE;
	if (status > 0)
		return explain(c, status, buf_slice(out));
	return cli_fail(c, "%s cannot be reached: %s. Is the address right, and does `weir serve` run there?",
	                c->server, error[0] ? error : "out of memory");
}

int remote_get(const struct cli *c, slice path, struct buf *out)
{
	return remote_call(c, "GET", path, SLICE_NONE, out);
}

int remote_word(struct buf *query, slice name, slice value)
{
	static const char hex[] = "0123456789ABCDEF";
	int rc = buf_append(query, buf_slice(query).n ? SLICE("&") : SLICE("?"));
	if (rc == 0)
		rc = buf_append(query, name);
	if (rc == 0)
		rc = buf_append(query, SLICE("="));
	for (size_t i = 0; rc == 0 && i < value.n; i++) {
		unsigned char ch = (unsigned char)value.p[i];
		bool plain = (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') ||
		             (ch >= 'a' && ch <= 'z') || memchr("-._~,:", ch, 6) != NULL;
		char escaped[3] = {'%', hex[ch >> 4], hex[ch & 15]};
		rc = buf_append(query, plain ? (slice){value.p + i, 1} : (slice){escaped, 3});
	}
	return rc;
}
