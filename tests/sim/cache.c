#include "cache.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "route.h"

#define KEPT       256
#define PREFIX     "/v1beta/cachedContents"
#define DEFAULT_MS 3600000

static struct {
	pthread_mutex_t lock;
	struct cache {
		char id[32], model[96];
		int64_t tokens, made_ms, ends_ms;
	} at[KEPT];
	size_t n;
} caches = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void put_time(struct buf *out, int64_t ms)
{
	time_t s = ms / 1000;
	struct tm tm;
	char text[32];

	gmtime_r(&s, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_fmt(out, "\"%s.%03dZ\"", text, (int)(ms % 1000));
}

static void answer_cache(struct conn *c, const struct cache *x)
{
	struct buf out = {0};

	buf_fmt(&out, "{\"name\":\"cachedContents/%s\",\"model\":\"%s\",\"createTime\":", x->id, x->model);
	put_time(&out, x->made_ms);
	BUF_LIT(&out, ",\"updateTime\":");
	put_time(&out, x->made_ms);
	BUF_LIT(&out, ",\"expireTime\":");
	put_time(&out, x->ends_ms);
	buf_fmt(&out, ",\"usageMetadata\":{\"totalTokenCount\":%lld}}", (long long)x->tokens);
	answer_with(c, 200, "application/json", "", (struct str){out.p, out.len});
	buf_free(&out);
}

static int64_t ttl_ms(const cJSON *root)
{
	const char *ttl = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "ttl"));

	return ttl ? (int64_t)(strtod(ttl, NULL) * 1000) : DEFAULT_MS;
}

static void create(struct conn *c, const cJSON *root)
{
	struct cache *x = &caches.at[caches.n++ % KEPT];

	*x = (struct cache){.made_ms = wall_ms(), .tokens = (int64_t)c->body.len / 4};
	x->ends_ms = x->made_ms + ttl_ms(root);
	snprintf(x->id, sizeof x->id, "c%llx%zu", (unsigned long long)x->made_ms, caches.n);
	str_copy(x->model, sizeof x->model, json_str(root, "model"));
	answer_cache(c, x);
}

static struct cache *find(struct str id)
{
	for (size_t i = 0; i < KEPT; i++)
		if (caches.at[i].id[0] && str_eq(id, caches.at[i].id) && caches.at[i].ends_ms > wall_ms())
			return &caches.at[i];
	return NULL;
}

static void route(struct conn *c, struct str id)
{
	struct cache *x = id.n ? find(id) : NULL;
	cJSON *root = c->body.len ? cJSON_ParseWithLength(c->body.p, c->body.len) : NULL;

	if (!id.n && str_eq(c->req.method, "POST") && root) {
		create(c, root);
	} else if (!x) {
		answer_with(
		    c, 404, "application/json", "",
		    STR("{\"error\":{\"code\":404,\"message\":\"not found\",\"status\":\"NOT_FOUND\"}}"));
	} else if (str_eq(c->req.method, "DELETE")) {
		x->id[0] = '\0';
		answer_with(c, 200, "application/json", "", STR("{}"));
	} else {
		if (str_eq(c->req.method, "PATCH"))
			x->ends_ms = wall_ms() + ttl_ms(root);
		answer_cache(c, x);
	}
	cJSON_Delete(root);
}

bool cache_route(struct conn *c, struct str path)
{
	if (!str_starts(path, PREFIX))
		return false;
	path.p += sizeof PREFIX - 1;
	path.n -= sizeof PREFIX - 1;
	if (path.n) {
		path.p++;
		path.n--;
	}
	pthread_mutex_lock(&caches.lock);
	route(c, path);
	pthread_mutex_unlock(&caches.lock);
	return true;
}
