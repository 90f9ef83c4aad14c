/* The snapshot: its defaults, its life, and what is looked up in it. */
#include "model/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "model/settings_read.h"

#define KB INT64_C(1024)
#define MB (1024 * KB)

static int cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > 256 ? 256 : (int)n;
}

/* The zone of TZ or /etc/localtime, when it is one by name; else UTC. */
static slice machine_zone(struct arena *mem)
{
	static const char ROOT[] = "/zoneinfo/";
	char target[512], path[600];
	const char *name = getenv("TZ");
	if (name == NULL || *name == '\0') {
		ssize_t n = readlink("/etc/localtime", target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		const char *at = strstr(target, ROOT);
		name = at ? at + sizeof ROOT - 1 : "UTC";
	}
	name += *name == ':';
	snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
	struct stat st;
	bool known = *name && *name != '/' && strstr(name, "..") == NULL && strlen(name) <= 64 &&
	             stat(path, &st) == 0 && S_ISREG(st.st_mode);
	return arena_copy(mem, known ? slice_of(name) : SLICE("UTC"));
}

static void set_defaults(struct snapshot *snap)
{
	struct settings *s = &snap->s;
	s->listen = (struct listen){.host = SLICE("127.0.0.1"), .port = 8787, .loopback = true};
	s->console = (struct listen){.host = SLICE("127.0.0.1"), .port = 8788, .loopback = true};
	s->journal_slots = 16384;
	s->batches_poll_ms = 60000;
	s->workers = cores();
	s->timezone = machine_zone(&snap->mem);
	s->unknown_price = UNKNOWN_PRICE_FALLBACK; /* settings_check makes it refuse when nothing was read */
	for (int m = 0; m < METER_N; m++)
		s->fallback_price.per_million[m] = PRICE_ABSENT;
	s->limits = (struct limits){
	    .body_bytes = 64 * MB,
	    .bodies_bytes = 512 * MB,
	    .header_bytes = 24 * KB,
	    .answer_bytes = 16 * MB,
	    .event_bytes = 8 * MB,
	    .abort_bytes = 8 * MB,
	    .abort_ms = 120000,
	    .stream_buffer = 256 * KB,
	    .devices = 5,
	    .connections = 8192,
	    .calls = 4096,
	    .budget_counters = 262144,
	    .hosted_calls = 10,
	    .header_ms = 10000,
	    .body_ms = 30000,
	    .idle_ms = 75000,
	    .hold_back_ms = 45000,
	    .drain_ms = 30000,
	};
	s->gate_token_ms = 3600000;
	s->log_level = LOG_INFO;
	s->log_format = LOG_TEXT;
}

struct snapshot *settings_new(void)
{
	struct snapshot *snap = calloc(1, sizeof *snap);
	uint64_t seed = 0;
	if (snap == NULL)
		return NULL;
	if (crypto_random(&seed, sizeof seed) < 0) {
		free(snap);
		return NULL;
	}
	snap->refs = 1;
	arena_init(&snap->mem, SETTINGS_MEMORY_MAX);
	map_init(&snap->members, SETTINGS_TEAMS_MAX * SETTINGS_LIST_MAX, seed);
	set_defaults(snap);
	if (snap->s.timezone.p == NULL) {
		settings_unref(&snap->s);
		return NULL;
	}
	return snap;
}

struct settings *settings_ref(struct settings *s)
{
	if (s)
		__atomic_add_fetch(&((struct snapshot *)(void *)s)->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void settings_unref(struct settings *s)
{
	struct snapshot *snap = (struct snapshot *)(void *)s;
	if (s == NULL || __atomic_sub_fetch(&snap->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (size_t i = 0; i < snap->secrets_n; i++) {
		char *secret = (char *)snap->secrets[i].p;
		crypto_zero(secret, snap->secrets[i].n);
		free(secret);
	}
	free(snap->secrets);
	map_release(&snap->members);
	arena_release(&snap->mem);
	catalog_unref(s->catalog);
	zone_free(s->zone);
	free(snap);
}

static bool takes(const struct provider *p, slice model)
{
	for (size_t i = 0; i < p->models_n; i++)
		if (slice_glob(model, p->models[i]))
			return true;
	return false;
}

bool provider_takes(const struct provider *p, slice model)
{
	return p->models_n == 0 || takes(p, model);
}

/* Ollama takes the dialects of others too, but only for models that it is said to have. */
static bool speaks(const struct provider *p, enum dialect d)
{
	return p->dialect == d || (p->dialect == DIALECT_OLLAMA && p->models_n &&
	                           (d == DIALECT_OPENAI || d == DIALECT_ANTHROPIC));
}

const struct provider *settings_provider(const struct settings *s, enum dialect d, slice name, slice model)
{
	const struct provider *any = NULL;
	for (size_t i = 0; i < s->providers_n; i++) {
		const struct provider *p = &s->providers[i];
		if (name.n) {
			if (slice_eq(p->name, name))
				return p;
			continue;
		}
		if (!speaks(p, d))
			continue;
		if (p->models_n && takes(p, model))
			return p;
		if (p->models_n == 0 && any == NULL)
			any = p;
	}
	return any;
}

const struct budget_rule *settings_budget(const struct settings *s, slice name)
{
	for (size_t i = 0; i < s->budgets_n; i++)
		if (slice_eq(s->budgets[i].rule.name, name))
			return &s->budgets[i];
	return NULL;
}

const struct tier *settings_tier(const struct settings *s, slice name)
{
	for (size_t i = 0; i < s->tiers_n; i++)
		if (slice_eq(s->tiers[i].name, name))
			return &s->tiers[i];
	return NULL;
}

const struct team *settings_team(const struct settings *s, slice user)
{
	return user.n ? map_get(&((const struct snapshot *)(const void *)s)->members, user) : NULL;
}

const struct team *settings_team_named(const struct settings *s, slice name)
{
	for (size_t i = 0; i < s->teams_n && name.n; i++)
		if (slice_eq(s->teams[i].name, name))
			return &s->teams[i];
	return NULL;
}

slice provider_model(const struct provider *p, slice name)
{
	for (size_t i = 0; i < p->deployments_n; i++)
		if (slice_eq(p->deployments[i].name, name))
			return p->deployments[i].model;
	/* Vertex's OpenAI dialect names the publisher too, and the price book does not for Google's own */
	if (p->dialect == DIALECT_VERTEX && slice_starts(name, SLICE("google/")))
		return slice_sub(name, 7, name.n);
	if (p->dialect != DIALECT_BEDROCK || !slice_starts(name, SLICE("arn:")))
		return name;
	for (size_t i = name.n; i > 0; i--)
		if (name.p[i - 1] == '/')
			return slice_sub(name, i, name.n);
	return name;
}

const struct price *settings_price(const struct settings *s, const struct provider *p, slice model,
                                   int64_t wall_ms, bool *fallback)
{
	*fallback = false;
	if (p->has_price)
		return &p->price;
	model = provider_model(p, model);
	const struct price *found = s->catalog ? catalog_price(s->catalog, p->vendor, model, wall_ms) : NULL;
	if (found == NULL && s->unknown_price == UNKNOWN_PRICE_FALLBACK) {
		*fallback = true;
		return &s->fallback_price;
	}
	return found;
}
