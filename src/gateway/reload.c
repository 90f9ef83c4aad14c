#include "gateway/reload.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "gateway/rules_more.h"

#define FILES_EVERY_US (INT64_C(1000) * 1000)

struct reload {
	struct shared *s;
	const struct ledger_ops *ops;
	slice store;
	char config[4096];
	void (*on_change)(void *arg);
	void *arg;
	struct ledger *ledger; /* owned; read-only; NULL until it can be opened */
	pthread_mutex_t lock;  /* guards all below */
	int64_t keys_version, rules_version;
	uint64_t files; /* what the settings' files looked like */
	int64_t next_files_us;
	bool keys_failed;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
}

static uint64_t stat_mark(uint64_t h, const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return mix(h, 1);
	h = mix(h, (uint64_t)st.st_mtim.tv_sec * UINT64_C(1000000000) + (uint64_t)st.st_mtim.tv_nsec);
	return mix(mix(h, (uint64_t)st.st_size), st.st_ino);
}

/* Of the file, or of the folder and every YAML file in it. */
static uint64_t files_mark(const char *path)
{
	uint64_t h = stat_mark(0, path);
	DIR *d = opendir(path);
	struct dirent *entry;
	uint64_t all = 0;
	while (d && (entry = readdir(d)) != NULL) {
		slice name = slice_of(entry->d_name);
		char file[4096 + 300];
		if (!slice_ends(name, SLICE(".yaml")) && !slice_ends(name, SLICE(".yml")))
			continue;
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		all += stat_mark(mix(0, name.n), file); /* in any order */
	}
	if (d)
		closedir(d);
	return mix(h, all);
}

struct reload *reload_new(struct shared *s, slice config, const struct ledger_ops *ops, slice store,
                          void (*on_change)(void *arg), void *arg, struct error *e)
{
	struct reload *r = calloc(1, sizeof *r);
	if (r == NULL || config.n >= sizeof r->config) {
		free(r);
		error_set(e, ERR_NOMEM, "out of memory, or the config's name is too long");
		return NULL;
	}
	r->s = s;
	r->ops = ops;
	r->store = store;
	r->on_change = on_change;
	r->arg = arg;
	r->keys_version = -1;
	r->rules_version = 1; /* of a store that never had any */
	pthread_mutex_init(&r->lock, NULL);
	memcpy(r->config, config.n ? config.p : "", config.n);
	if (config.n)
		r->files = files_mark(r->config);
	return r;
}

void reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	if (r->ledger)
		r->ops->close(r->ledger);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void publish(struct reload *r, struct settings *settings, struct keyring *keys)
{
	struct shared *s = r->s;
	pthread_mutex_lock(&s->lock);
	struct settings *old_settings = settings ? s->settings : NULL;
	struct keyring *old_keys = keys ? s->keys : NULL;
	if (settings)
		s->settings = settings;
	if (keys)
		s->keys = keys;
	pthread_mutex_unlock(&s->lock);
	atomic_fetch_add_explicit(&s->generation, 1, memory_order_release);
	if (old_settings)
		settings_unref(old_settings);
	if (old_keys)
		keyring_unref(old_keys);
	r->on_change(r->arg);
}

static int add_key(void *arg, const struct ledger_key *k)
{
	return keyring_add(arg, k->id, k->hash, k->role, k->user, k->team, k->attributes, k->expires_ms,
	                   k->revoked_ms);
}

static int read_keys(struct reload *r, struct error *e)
{
	int64_t version = 0;
	int code = r->ops->keys_version(r->ledger, &version, e);
	if (code || version == r->keys_version)
		return code;
	struct keyring *keys = keyring_new();
	if (keys == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	code = r->ops->keys(r->ledger, add_key, keys, e);
	if (code) {
		keyring_unref(keys);
		return code;
	}
	r->keys_version = version;
	publish(r, NULL, keys);
	return 0;
}

static void on_error_line(void *arg, const char *line)
{
	struct reload *r = arg;
	log_event(r->s->log, LOG_ERROR, "settings.bad", LOG_Z("message", line));
}

static bool listens_alike(const struct listen *a, const struct listen *b)
{
	return slice_eq(a->host, b->host) && a->port == b->port && slice_eq(a->certificate, b->certificate);
}

/* The file's settings with the rules that the API made; when those do not fit the file any more, the file's
 * alone. */
static struct settings *load(struct reload *r)
{
	slice path = slice_of(r->config);
	if (r->ledger == NULL)
		return settings_load(path, on_error_line, r);
	struct settings *s = rules_load(path, r->ops, r->ledger, NULL, on_error_line, r);
	if (s || (s = settings_load(path, on_error_line, r)) == NULL)
		return s;
	log_event(r->s->log, LOG_ERROR, "rules.left_out",
	          LOG_Z("message",
	                "teams and budgets that the API made do not go with the settings file, which "
	                "wins: they are left out until they do (the lines before say why)"));
	return s;
}

static void reload_settings(struct reload *r)
{
	struct settings *old = r->s->settings, *s = load(r);
	if (s == NULL) {
		log_event(r->s->log, LOG_ERROR, "settings.kept",
		          LOG_Z("message", "the changed settings are faulty; the ones before stay in force. "
		                           "`weir check` lists every error"));
		return;
	}
	if (!listens_alike(&s->listen, &old->listen) || !listens_alike(&s->console, &old->console) ||
	    !slice_eq(s->store, old->store) || !slice_eq(s->journal, old->journal) ||
	    s->workers != old->workers || s->journal_slots != old->journal_slots)
		log_event(r->s->log, LOG_WARN, "settings.restart",
		          LOG_Z("message", "listen, console, store, journal and workers take effect at the "
		                           "next start; all else is in force now"));
	publish(r, s, NULL);
	log_event(r->s->log, LOG_INFO, "settings.loaded", LOG_Z("from", r->config));
}

static int read_rules(struct reload *r, struct error *e)
{
	int64_t version = 0;
	int code = r->ops->version(r->ledger, SLICE("rules"), &version, e);
	if (code || version == r->rules_version)
		return code;
	r->rules_version = version;
	reload_settings(r);
	return 0;
}

static int read_stored(struct reload *r, struct error *e)
{
	if (r->ledger == NULL && r->ops->open(r->store.p, false, &r->ledger, e))
		return e->code;
	int code = read_keys(r, e);
	return code ? code : read_rules(r, e);
}

int reload_stored(struct reload *r, struct error *e)
{
	pthread_mutex_lock(&r->lock);
	int code = read_stored(r, e);
	pthread_mutex_unlock(&r->lock);
	return code;
}

void reload_turn(struct reload *r, bool asked)
{
	struct error e = {0};
	pthread_mutex_lock(&r->lock);
	int code = read_stored(r, &e);
	if (code && !r->keys_failed)
		log_event(r->s->log, LOG_ERROR, "keys.unreadable", LOG_Z("message", e.text));
	r->keys_failed = code != 0;
	int64_t now = clock_mono_us(r->s->clock);
	if (r->config[0] && (asked || now >= r->next_files_us)) {
		r->next_files_us = now + FILES_EVERY_US;
		uint64_t files = files_mark(r->config);
		bool changed = asked || files != r->files;
		r->files = files;
		if (changed)
			reload_settings(r);
	}
	pthread_mutex_unlock(&r->lock);
}
