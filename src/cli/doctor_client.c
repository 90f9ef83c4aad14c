/* This user's side: agents, their variables and settings, proxies, the key; and what only the network tells.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "cli/agents.h"
#include "cli/doctor.h"
#include "cli/local.h"
#include "policy/identity.h"
#include "store/ledger.h"

#define SKEW_MS INT64_C(60000)

/* --- agents ------------------------------------------------------------------ */

static const struct {
	const char *command, *agent, *variable, *suffix; /* variable NULL: set by no variable */
} AGENTS[] = {
    {"claude", "claude-code", "ANTHROPIC_BASE_URL", ""},    {"codex", "codex", NULL, ""},
    {"gemini", "gemini-cli", "GOOGLE_GEMINI_BASE_URL", ""}, {"opencode", "opencode", NULL, ""},
    {"qwen", "qwen-code", "OPENAI_BASE_URL", "/v1"},
};

static bool on_path(const char *path, const char *command)
{
	char file[4200];
	slice rest = slice_of(path ? path : "/usr/local/bin:/usr/bin:/bin"), folder;
	while (slice_split(&rest, ':', &folder)) {
		snprintf(file, sizeof file, SLICE_FMT "/%s", SLICE_ARG(folder), command);
		if (folder.n && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* Does the variable send calls to the gateway? With localhost for 127.0.0.1, and a trailing slash or not. */
static bool points_to(const char *value, const char *base, const char *suffix)
{
	char host[256], base_host[256];
	int port, base_port;
	bool tls, base_tls;
	slice v = slice_of(value);
	while (v.n && v.p[v.n - 1] == '/')
		v.n--;
	if (!url_place(value, host, &port, &tls) || !url_place(base, base_host, &base_port, &base_tls))
		return false;
	bool same_host = strcmp(host, base_host) == 0 ||
	                 (strcmp(host, "localhost") == 0 && strcmp(base_host, "127.0.0.1") == 0);
	return same_host && port == base_port && tls == base_tls && slice_ends(v, slice_of(suffix));
}

static void examine_agent(struct doctor *d, struct launch *l, size_t i, const char *base)
{
	char about[64];
	const char *value = AGENTS[i].variable ? launch_get(l, AGENTS[i].variable) : NULL;
	snprintf(about, sizeof about, "agent %s", AGENTS[i].command);
	if (value && points_to(value, base, AGENTS[i].suffix))
		doctor_find(d, FINDING_OK, about, NULL, "%s sends its calls through Weir",
		            AGENTS[i].variable);
	else if (value)
		doctor_find(d, FINDING_FAULT, about,
		            doctor_text(d, "export %s=%s%s, or start it by `weir run -- %s`",
		                        AGENTS[i].variable, base, AGENTS[i].suffix, AGENTS[i].command),
		            "%s=%s leads past Weir", AGENTS[i].variable, value);
	else
		doctor_find(d, FINDING_OK, about, NULL,
		            "is there; `weir run -- %s` sends its calls through Weir", AGENTS[i].command);
	l->notes_n = 0;
	launch_set(l, "ANTHROPIC_BASE_URL", base); /* as weir run would have it */
	agent_obstacles(l, AGENTS[i].agent);
	for (size_t n = 0; n < l->notes_n; n++)
		doctor_find(d, FINDING_FAULT, about, NULL, "%s", l->notes[n]);
}

static void examine_proxies(struct doctor *d, const struct launch *l, const char *base)
{
	static const char *const names[] = {"HTTP_PROXY",  "http_proxy", "HTTPS_PROXY",
	                                    "https_proxy", "ALL_PROXY",  "all_proxy"};
	const char *found = NULL, *spared = launch_get(l, "NO_PROXY");
	char host[256];
	int port;
	bool tls;
	for (size_t i = 0; i < sizeof names / sizeof *names && found == NULL; i++)
		found = launch_get(l, names[i]) ? names[i] : NULL;
	if (found == NULL || !url_place(base, host, &port, &tls))
		return;
	spared = spared ? spared : launch_get(l, "no_proxy");
	if (spared && (strstr(spared, host) || strcmp(spared, "*") == 0))
		doctor_find(d, FINDING_OK, "proxy", NULL, "%s is set, and NO_PROXY spares %s", found, host);
	else
		doctor_find(d, FINDING_NOTE, "proxy",
		            doctor_text(d, "export NO_PROXY=%s%s%s (`weir run` does it for its agent)",
		                        spared ? spared : "", spared ? "," : "", host),
		            "%s is set: an agent may look for Weir at %s through that proxy", found, host);
}

void doctor_agents(struct doctor *d, const char *base)
{
	struct launch *l = malloc(sizeof *l);
	size_t found = 0;
	if (l == NULL || launch_init(l, 0, NULL, d->c->environ_) < 0) {
		doctor_find(d, FINDING_NOTE, "agents", NULL, "the environment is too large to look at");
		free(l);
		return;
	}
	examine_proxies(d, l, base);
	const char *before = launch_get(l, "ANTHROPIC_BASE_URL");
	for (size_t i = 0; i < sizeof AGENTS / sizeof *AGENTS; i++) {
		if (!on_path(launch_get(l, "PATH"), AGENTS[i].command))
			continue;
		found++;
		if (before)
			launch_set(l, "ANTHROPIC_BASE_URL", before);
		examine_agent(d, l, i, base);
	}
	if (found == 0)
		doctor_find(d, FINDING_NOTE, "agents", "Install one, or point a program's base URL at Weir.",
		            "none of claude, codex, gemini, opencode, qwen is on the PATH");
	launch_release(l);
	free(l);
}

/* --- the key ----------------------------------------------------------------- */

struct lookup {
	uint8_t hash[32];
	bool found;
	enum role role;
	int64_t expires_ms, revoked_ms;
};

static int on_key(void *arg, const struct ledger_key *k)
{
	struct lookup *l = arg;
	if (!l->found && crypto_equal(slice_make(k->hash, 32), slice_make(l->hash, 32))) {
		l->found = true;
		l->role = k->role;
		l->expires_ms = k->expires_ms;
		l->revoked_ms = k->revoked_ms;
	}
	return 0;
}

static void judge_key(struct doctor *d, const struct lookup *l)
{
	const char *mend = "Make a new one: weir key create --user YOU; then export WEIR_KEY=…";
	if (!l->found)
		doctor_find(d, FINDING_FAULT, "key", mend, "WEIR_KEY is none that this store knows");
	else if (l->revoked_ms)
		doctor_find(d, FINDING_FAULT, "key", mend, "WEIR_KEY was revoked");
	else if (l->expires_ms && l->expires_ms <= clock_wall_ms(clock_real()))
		doctor_find(d, FINDING_FAULT, "key", mend, "WEIR_KEY has expired");
	else if (l->role != ROLE_AGENT && l->role != ROLE_DEVELOPER)
		doctor_find(d, FINDING_FAULT, "key", mend, "WEIR_KEY has the role %s, which calls no models",
		            role_name(l->role));
	else
		doctor_find(d, FINDING_OK, "key", NULL, "WEIR_KEY is good");
}

void doctor_key(struct doctor *d, const struct settings *s)
{
	struct lookup l = {0};
	struct ledger *ledger = NULL;
	struct error e;
	slice path;
	if (d->c->key == NULL) {
		if (!s->listen.loopback)
			doctor_find(d, FINDING_NOTE, "key",
			            "weir key create --user YOU; then export WEIR_KEY=…",
			            "WEIR_KEY is not set, and beyond loopback a key is asked for");
		return;
	}
	if (!identity_is_weir_key(slice_of(d->c->key))) {
		doctor_find(d, FINDING_FAULT, "key",
		            "Weir's keys begin with wk_; `weir key create` makes one.",
		            "WEIR_KEY is no Weir key");
		return;
	}
	const struct ledger_ops *ops = ledger_for(s->store, &path, &e);
	if (ops == NULL || crypto_sha256(slice_of(d->c->key), l.hash) < 0)
		return;
	if (ops->open(path.p, false, &ledger, &e) == 0 && ops->keys(ledger, on_key, &l, &e) < 0)
		l.found = false;
	if (ledger)
		ops->close(ledger);
	judge_key(d, &l);
}

/* --- over the network -------------------------------------------------------- */

struct reply {
	long status;
	int64_t date_ms; /* of the Date header; 0 none */
	bool identity;   /* refused for its key */
	char error[CURL_ERROR_SIZE];
};

static size_t on_header(char *text, size_t size, size_t n, void *arg)
{
	struct reply *r = arg;
	char line[256];
	slice all = slice_trim(slice_make(text, size * n)), name;
	if (slice_split(&all, ':', &name) && all.p) {
		snprintf(line, sizeof line, SLICE_FMT, SLICE_ARG(slice_trim(all)));
		time_t when = slice_eq_nocase(name, SLICE("date")) ? curl_getdate(line, NULL) : -1;
		if (when > 0)
			r->date_ms = (int64_t)when * 1000;
		if (slice_eq_nocase(name, SLICE("x-weir-refusal")) && strcmp(line, "identity") == 0)
			r->identity = true;
	}
	return size * n;
}

static size_t drop_body(char *text, size_t size, size_t n, void *arg)
{
	(void)text, (void)arg;
	return size * n;
}

/* GETs url; header (may be NULL) goes along. False when no answer came: r->error says why. */
static bool ask(const char *url, const char *header, const char *proxy, const char *ca, struct reply *r)
{
	*r = (struct reply){0};
	CURL *h = curl_easy_init();
	struct curl_slist *list = header ? curl_slist_append(NULL, header) : NULL;
	if (h == NULL)
		return false;
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, r->error);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, drop_body);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, 10000L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	if (proxy)
		curl_easy_setopt(h, CURLOPT_PROXY, proxy);
	if (ca)
		curl_easy_setopt(h, CURLOPT_CAINFO, ca);
	bool good = curl_easy_perform(h) == CURLE_OK;
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &r->status);
	curl_slist_free_all(list);
	curl_easy_cleanup(h);
	return good;
}

void doctor_server(struct doctor *d)
{
	char host[256], url[LOCAL_URL_MAX + 16], header[IDENTITY_KEY_MAX + 32];
	const char *server = d->c->server;
	struct reply r;
	int port;
	bool tls;
	if (!url_place(server, host, &port, &tls) || strlen(server) >= LOCAL_URL_MAX) {
		doctor_find(d, FINDING_FAULT, "gateway", "Write http://HOST:8787 or https://HOST.",
		            "\"%s\" is no URL of a gateway", server);
		return;
	}
	size_t n = strlen(server);
	while (n && server[n - 1] == '/')
		n--;
	snprintf(url, sizeof url, "%.*s/v1/models", (int)n, server);
	snprintf(header, sizeof header, "x-weir-key: %s", d->c->key ? d->c->key : "");
	if (!ask(url, d->c->key ? header : NULL, NULL, NULL, &r)) {
		doctor_find(d, FINDING_FAULT, "gateway",
		            "Is the address right, does `weir serve` run there, and does a firewall or proxy "
		            "stand between?",
		            "%s cannot be reached: %s", server, r.error);
		return;
	}
	d->gateway_ready = true;
	if (r.identity)
		doctor_find(
		    d, FINDING_FAULT, "key",
		    "Ask for one where the gateway runs (weir key create --user YOU), then export WEIR_KEY=…",
		    d->c->key ? "the gateway does not take this WEIR_KEY"
		              : "the gateway asks for a key, and WEIR_KEY is not set");
	else
		doctor_find(d, FINDING_OK, "gateway", NULL, "%s answers%s", server,
		            d->c->key ? ", and takes WEIR_KEY" : "");
}

static void judge_date(struct doctor *d, const char *about, int64_t date_ms)
{
	int64_t off = clock_wall_ms(clock_real()) - date_ms;
	if (date_ms && (off > SKEW_MS || off < -SKEW_MS))
		doctor_find(d, FINDING_FAULT, "clock",
		            "Set it, best by a time service: timedatectl set-ntp true",
		            "by %s it is %lld seconds %s", about, (long long)((off < 0 ? -off : off) / 1000),
		            off > 0 ? "fast" : "slow");
}

void doctor_providers(struct doctor *d, const struct settings *s)
{
	for (size_t i = 0; i < s->providers_n; i++) {
		const struct provider *p = &s->providers[i];
		struct reply r;
		char about[96], url[2048], proxy[1024], ca[4096];
		snprintf(about, sizeof about, "provider " SLICE_FMT, SLICE_ARG(p->name));
		snprintf(url, sizeof url, SLICE_FMT "/", SLICE_ARG(p->base_url));
		snprintf(proxy, sizeof proxy, SLICE_FMT, SLICE_ARG(p->proxy));
		snprintf(ca, sizeof ca, SLICE_FMT, SLICE_ARG(p->ca_file));
		if (ask(url, NULL, *proxy ? proxy : NULL, *ca ? ca : NULL, &r)) {
			doctor_find(d, FINDING_OK, about, NULL, SLICE_FMT " answers", SLICE_ARG(p->base_url));
			judge_date(d, about, r.date_ms);
			continue;
		}
		doctor_find(d, FINDING_FAULT, about,
		            "Check name and network; behind a corporate proxy set HTTPS_PROXY or the "
		            "provider's `proxy`, "
		            "and its authority as `ca_file`.",
		            SLICE_FMT " cannot be reached: %s", SLICE_ARG(p->base_url), r.error);
	}
}
