/* `weir key`: who may call. Writes straight to the store, which a running gateway watches. */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "cli/cli.h"
#include "cli/key_remote.h"
#include "cli/ledger_open.h"
#include "gateway/gateway.h"
#include "gateway/key_make.h"
#include "store/journal.h"
#include "text/nearest.h"

#define JSON_MAX   (16u << 20)
#define MEMORY_MAX (64u << 20)
#define KEYS_MAX   100000

static int run_key(struct cli *c, int argc, char **argv);

const struct command command_key = {
    "key", "makes, lists and revokes the keys that say who calls",
    "weir key create --user USER [options] | list [options] | revoke ID | rotate ID\n\n"
    "create   prints a new key, once: Weir keeps its hash only (the key on the output, all else beside it)\n"
    "  --user USER    whose calls they are (an e-mail address)\n"
    "  --team TEAM    the user's team; else the team that the settings name the user in\n"
    "  --role ROLE    agent, developer (default), viewer, operator or owner; the first two call models\n"
    "  --set K=V      fixes an attribute that no header overrides: repo, branch, workflow, environment, "
    "cohort,\n"
    "                 cost_centre, task, tags (tags=a=1,b=2), …; may stand several times\n"
    "  --expires D    a duration (90d) or a date (2027-01-31); default never\n"
    "list     keys that open something; --all shows expired and revoked ones too\n"
    "revoke   shuts a key at once, named by its ID or by the key itself; so does rotate, which makes a new "
    "one\n"
    "         with the same user, team, role, attributes and expiry first\n",
    run_key};

/* --- the store --------------------------------------------------------------- */

struct keys {
	struct cli *c;
	struct cli_ledger l; /* its ledger is NULL when nothing was ever stored */
	struct arena mem;
	size_t n, cap;
	struct ledger_key *at; /* owned; texts in mem */
	bool spent;
	int64_t now_ms;
};

static int keys_open(struct keys *k, struct cli *c, bool writable)
{
	*k = (struct keys){.c = c, .now_ms = clock_wall_ms(clock_real())};
	arena_init(&k->mem, MEMORY_MAX);
	return cli_ledger_open(c, writable, &k->l);
}

static void keys_close(struct keys *k)
{
	cli_ledger_close(&k->l);
	arena_release(&k->mem);
	free(k->at);
}

/* What is said of a key is to be true when the command ends: a gateway that runs on this store has looked by
 * then. */
static void await_gateway(const struct keys *k)
{
	char path[4096];
	struct timespec wait = {0, 2 * GATEWAY_LOOK_MS * 1000000L};
	int n = snprintf(path, sizeof path, SLICE_FMT, SLICE_ARG(k->l.settings->journal));
	if (n > 0 && (size_t)n < sizeof path && journal_is_open(path))
		nanosleep(&wait, NULL);
}

static int take_key(void *arg, const struct ledger_key *from)
{
	struct keys *k = arg;
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 64;
		struct ledger_key *at = k->n < KEYS_MAX ? realloc(k->at, cap * sizeof *at) : NULL;
		if (at == NULL) {
			k->spent = true;
			return ERR_FULL;
		}
		k->at = at;
		k->cap = cap;
	}
	struct ledger_key *to = &k->at[k->n++];
	*to = *from;
	to->id = arena_copy(&k->mem, from->id);
	to->user = arena_copy(&k->mem, from->user);
	to->team = arena_copy(&k->mem, from->team);
	to->attributes = arena_copy(&k->mem, from->attributes);
	k->spent = k->spent || !to->id.p || !to->user.p || !to->team.p || !to->attributes.p;
	return k->spent ? ERR_FULL : 0;
}

static int keys_read(struct keys *k)
{
	struct error e = {0};
	if (k->l.ledger && k->l.ops->keys(k->l.ledger, take_key, k, &e) < 0)
		return cli_fail(k->c, "the keys cannot be read: %s",
		                k->spent ? "there are too many" : e.text);
	return EXIT_DONE;
}

/* The key of an id, or of the key's own text; NULL after a message. */
static const struct ledger_key *find_key(struct keys *k, const char *word)
{
	uint8_t hash[32] = {0};
	bool whole = identity_is_weir_key(slice_of(word));
	if (whole && crypto_sha256(slice_of(word), hash) < 0)
		whole = false;
	for (size_t i = 0; i < k->n; i++)
		if (whole ? crypto_equal(slice_make(hash, 32), slice_make(k->at[i].hash, 32))
		          : slice_eq(k->at[i].id, slice_of(word)))
			return &k->at[i];
	cli_fail(k->c, "there is no %s: `weir key list --all` shows them",
	         whole ? "such key" : "key of this id");
	return NULL;
}

/* --- create ------------------------------------------------------------------ */

struct wish {
	const char *user, *team, *role, *expires;
	struct buf attributes;
	struct jsonw w;
	bool any; /* --set was given */
};

/* Takes in K=V; false after a message. */
static bool add_attribute(struct cli *c, struct wish *wish, const char *text)
{
	slice value = slice_of(text), name;
	slice_split(&value, '=', &name);
	if (value.p == NULL || value.n == 0) {
		cli_usage_error(c, &command_key, "--set %s: write --set NAME=VALUE", text);
		return false;
	}
	enum attr a = attr_from_name(name);
	if (a == ATTR_USER || a == ATTR_TEAM) {
		cli_usage_error(c, &command_key, "--set " SLICE_FMT ": write --" SLICE_FMT, SLICE_ARG(name),
		                SLICE_ARG(name));
		return false;
	}
	if (a == ATTR_N) {
		struct nearest near;
		nearest_init(&near, name);
		for (int i = 0; i < ATTR_N; i++)
			nearest_offer(&near, slice_of(attr_name((enum attr)i)));
		cli_usage_error(c, &command_key,
		                "--set: there is no attribute \"" SLICE_FMT "\"%s" SLICE_FMT "%s",
		                SLICE_ARG(name), near.best.n ? "; did you mean " : "", SLICE_ARG(near.best),
		                near.best.n ? "?" : "");
		return false;
	}
	if (value.n > ATTR_TEXT_MAX) {
		cli_usage_error(c, &command_key, "--set " SLICE_FMT ": at most %d bytes are kept",
		                SLICE_ARG(name), ATTR_TEXT_MAX);
		return false;
	}
	jsonw_put_string(&wish->w, name, value);
	wish->any = true;
	return true;
}

/* A duration from now, or a date; false after a message. */
static bool expiry(struct cli *c, const char *text, int64_t now_ms, int64_t *out)
{
	int64_t ms;
	*out = 0;
	if (text == NULL || strcmp(text, "never") == 0)
		return true;
	if (clock_parse_duration(slice_of(text), &ms) && ms > 0)
		*out = now_ms + ms;
	else if (clock_parse_rfc3339(slice_of(text), &ms))
		*out = ms;
	else
		cli_usage_error(c, &command_key,
		                "--expires %s: write a duration (90d, 12h) or a date (2027-01-31)", text);
	if (*out && *out <= now_ms) {
		cli_usage_error(c, &command_key, "--expires %s: that is past", text);
		*out = 0;
	}
	return *out != 0;
}

static int store_new_key(struct keys *keys, struct ledger_key *k, char key[IDENTITY_KEY_MAX], char id[32])
{
	struct error e = {0};
	k->created_ms = keys->now_ms;
	if (key_make(keys->l.ops, keys->l.ledger, k, key, id, &e) < 0)
		return cli_fail(keys->c, "%s", e.text);
	await_gateway(keys);
	return EXIT_DONE;
}

static const char *date_text(int64_t ms, char out[CLOCK_RFC3339_MAX])
{
	if (ms == 0)
		return "never";
	clock_format_rfc3339(ms, out);
	out[10] = '\0';
	return out;
}

static void print_usage_lines(struct cli *c, const struct settings *s, const char *key)
{
	char base[160];
	bool six = slice_find_char(s->listen.host, ':') >= 0;
	bool any = slice_eq(s->listen.host, SLICE("0.0.0.0")) || slice_eq(s->listen.host, SLICE("::"));
	snprintf(base, sizeof base, "%s://%s" SLICE_FMT "%s:%d", s->listen.certificate.n ? "https" : "http",
	         six && !any ? "[" : "", SLICE_ARG(any ? SLICE("THIS-HOST") : s->listen.host),
	         six && !any ? "]" : "", s->listen.port ? s->listen.port : 8787);
	fprintf(
	    c->err,
	    "\nWith any agent, its own login passed through where the provider is `passthrough`:\n"
	    "  export WEIR_URL=%s WEIR_KEY=%s\n  weir run -- claude    (codex, gemini, opencode, qwen, …)\n",
	    base, key);
	fprintf(c->err,
	        "\nOr where the gateway holds the provider's credential, in place of the API key:\n"
	        "  Claude Code  ANTHROPIC_BASE_URL=%s ANTHROPIC_API_KEY=%s claude\n"
	        "  OpenAI       OPENAI_BASE_URL=%s/v1 OPENAI_API_KEY=%s …\n"
	        "  Gemini CLI   GOOGLE_GEMINI_BASE_URL=%s GEMINI_API_KEY=%s gemini\n",
	        base, key, base, key, base, key);
}

static int print_new_key(struct keys *keys, const struct ledger_key *k, const char *key)
{
	struct cli *c = keys->c;
	char date[CLOCK_RFC3339_MAX];
	struct buf b;
	struct jsonw w;
	if (c->json) {
		buf_init(&b, JSON_MAX);
		jsonw_init(&w, &b);
		jsonw_object(&w);
		jsonw_put_string(&w, SLICE("id"), k->id);
		jsonw_put_string(&w, SLICE("key"), slice_of(key));
		jsonw_object_end(&w);
		return cli_print_json(c, &w, &b);
	}
	fprintf(c->err,
	        "Key " SLICE_FMT " of " SLICE_FMT ", %s%s" SLICE_FMT
	        ", expires: %s. It is shown only now:\n\n",
	        SLICE_ARG(k->id), SLICE_ARG(k->user), role_name(k->role), k->team.n ? ", team " : "",
	        SLICE_ARG(k->team), date_text(k->expires_ms, date));
	fflush(c->err);
	fprintf(c->out, "%s\n", key);
	fflush(c->out);
	if (k->role == ROLE_AGENT || k->role == ROLE_DEVELOPER)
		print_usage_lines(c, keys->l.settings, key);
	else
		fprintf(c->err, "\nIts role opens the console and its API, not the models.\n");
	return EXIT_DONE;
}

static int create(struct cli *c, const struct wish *wish, slice attributes)
{
	struct keys keys;
	char key[IDENTITY_KEY_MAX], id[32];
	struct ledger_key k = {
	    .user = slice_of(wish->user), .team = slice_of(wish->team), .attributes = attributes};
	k.role = wish->role ? role_from_name(slice_of(wish->role)) : ROLE_DEVELOPER;
	if (k.role == ROLE_N)
		return cli_usage_error(c, &command_key,
		                       "--role %s: write agent, developer, viewer, operator or owner",
		                       wish->role);
	if (!expiry(c, wish->expires, clock_wall_ms(clock_real()), &k.expires_ms))
		return EXIT_USAGE;
	if (c->server)
		return key_remote_create(c, &k, k.expires_ms ? slice_of(wish->expires) : SLICE_NONE);
	int status = keys_open(&keys, c, true);
	if (status == EXIT_DONE)
		status = store_new_key(&keys, &k, key, id);
	if (status == EXIT_DONE)
		status = print_new_key(&keys, &k, key);
	crypto_zero(key, sizeof key);
	keys_close(&keys);
	return status;
}

static int run_create(struct cli *c, int argc, char **argv, int at)
{
	struct wish wish = {0};
	const char *name, *value;
	int r, status = EXIT_DONE;
	buf_init(&wish.attributes, JSON_MAX);
	jsonw_init(&wish.w, &wish.attributes);
	jsonw_object(&wish.w);
	while (status == EXIT_DONE && (r = cli_next(c, &command_key, argc, argv, &at,
	                                            "user=:team=:role=:set=:expires=", &name, &value)) != 0) {
		if (r < 0)
			status = r == -2 ? -1 : EXIT_USAGE;
		else if (r == 2)
			status = cli_usage_error(c, &command_key,
			                         "%s: what is this? A user stands behind --user", value);
		else if (strcmp(name, "set") == 0)
			status = add_attribute(c, &wish, value) ? EXIT_DONE : EXIT_USAGE;
		else
			*(name[0] == 'u'   ? &wish.user
			  : name[0] == 't' ? &wish.team
			  : name[0] == 'r' ? &wish.role
			                   : &wish.expires) = value;
	}
	jsonw_object_end(&wish.w);
	if (status == EXIT_DONE && (wish.user == NULL || *wish.user == '\0'))
		status = cli_usage_error(c, &command_key, "create wants --user: whose calls they are");
	if (status == EXIT_DONE && jsonw_end(&wish.w) < 0)
		status = cli_fail(c, "the attributes are too many");
	if (status == EXIT_DONE)
		status = create(c, &wish, wish.any ? buf_slice(&wish.attributes) : SLICE_NONE);
	buf_release(&wish.attributes);
	return status == -1 ? EXIT_DONE : status;
}

/* --- list -------------------------------------------------------------------- */

static const char *state_of(const struct keys *keys, const struct ledger_key *k)
{
	if (k->revoked_ms)
		return "revoked";
	return k->expires_ms && k->expires_ms <= keys->now_ms ? "expired" : "active";
}

static bool is_active(const struct keys *keys, const struct ledger_key *k)
{
	return strcmp(state_of(keys, k), "active") == 0;
}

static void put_time(struct jsonw *w, slice name, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	if (ms == 0)
		jsonw_put_null(w, name);
	else
		jsonw_put_string(w, name, slice_make(text, clock_format_rfc3339(ms, text)));
}

static int list_json(struct keys *keys, bool all)
{
	struct buf b;
	struct jsonw w;
	buf_init(&b, JSON_MAX);
	jsonw_init(&w, &b);
	jsonw_array(&w);
	for (size_t i = 0; i < keys->n; i++) {
		const struct ledger_key *k = &keys->at[i];
		if (!all && !is_active(keys, k))
			continue;
		jsonw_object(&w);
		jsonw_put_string(&w, SLICE("id"), k->id);
		jsonw_put_string(&w, SLICE("user"), k->user);
		jsonw_put_string(&w, SLICE("team"), k->team.n ? k->team : SLICE_NONE);
		jsonw_put_string(&w, SLICE("role"), slice_of(role_name(k->role)));
		jsonw_put_string(&w, SLICE("state"), slice_of(state_of(keys, k)));
		put_time(&w, SLICE("created"), k->created_ms);
		put_time(&w, SLICE("expires"), k->expires_ms);
		put_time(&w, SLICE("revoked"), k->revoked_ms);
		jsonw_put_raw(&w, SLICE("attributes"), k->attributes.n ? k->attributes : SLICE("{}"));
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	return cli_print_json(keys->c, &w, &b);
}

static int widest(int width, slice text)
{
	return text.n > (size_t)width ? (int)(text.n > 60 ? 60 : text.n) : width;
}

static int list_table(struct keys *keys, bool all)
{
	struct cli *c = keys->c;
	size_t shown = 0;
	int user = 4, team = 4;
	for (size_t i = 0; i < keys->n; i++) {
		user = widest(user, keys->at[i].user);
		team = widest(team, keys->at[i].team);
	}
	for (size_t i = 0; i < keys->n; i++) {
		const struct ledger_key *k = &keys->at[i];
		char made[CLOCK_RFC3339_MAX], ends[CLOCK_RFC3339_MAX];
		if (!all && !is_active(keys, k))
			continue;
		if (shown++ == 0)
			fprintf(c->out, "%-14s  %-*s  %-*s  %-9s  %-7s  %-10s  %-10s  %s\n", "ID", user,
			        "USER", team, "TEAM", "ROLE", "STATE", "CREATED", "EXPIRES", "FIXED");
		fprintf(c->out, "%-14.*s  %-*.*s  %-*.*s  %-9s  %-7s  %-10s  %-10s  " SLICE_FMT "\n",
		        SLICE_ARG(k->id), user, SLICE_ARG(k->user), team, SLICE_ARG(k->team),
		        role_name(k->role), state_of(keys, k), date_text(k->created_ms, made),
		        date_text(k->expires_ms, ends), SLICE_ARG(k->attributes));
	}
	if (shown == 0)
		fprintf(c->err, "There is no %skey. Make one: weir key create --user you@example.com\n",
		        keys->n ? "active " : "");
	return EXIT_DONE;
}

static int run_list(struct cli *c, int argc, char **argv, int at)
{
	const char *name, *value;
	struct keys keys;
	bool all = false;
	int r;
	while ((r = cli_next(c, &command_key, argc, argv, &at, "all", &name, &value)) > 0) {
		if (r == 2)
			return cli_usage_error(c, &command_key, "list wants no %s", value);
		all = true;
	}
	if (r < 0)
		return r == -2 ? EXIT_DONE : EXIT_USAGE;
	if (c->server)
		return key_remote_list(c, all);
	int status = keys_open(&keys, c, false);
	if (status == EXIT_DONE)
		status = keys_read(&keys);
	if (status == EXIT_DONE)
		status = c->json ? list_json(&keys, all) : list_table(&keys, all);
	keys_close(&keys);
	return status;
}

/* --- revoke, rotate ---------------------------------------------------------- */

static int revoke(struct keys *keys, const struct ledger_key *k)
{
	struct error e = {0};
	char date[CLOCK_RFC3339_MAX];
	if (k->revoked_ms) {
		fprintf(keys->c->err, "Key " SLICE_FMT " was revoked on %s.\n", SLICE_ARG(k->id),
		        date_text(k->revoked_ms, date));
		return EXIT_DONE;
	}
	if (keys->l.ops->key_revoke(keys->l.ledger, k->id, keys->now_ms, &e) < 0)
		return cli_fail(keys->c, "key " SLICE_FMT " was not revoked: %s", SLICE_ARG(k->id), e.text);
	await_gateway(keys);
	fprintf(keys->c->err, "Key " SLICE_FMT " of " SLICE_FMT " opens nothing from now on.\n",
	        SLICE_ARG(k->id), SLICE_ARG(k->user));
	return EXIT_DONE;
}

static int rotate(struct keys *keys, const struct ledger_key *old)
{
	char key[IDENTITY_KEY_MAX], id[32];
	struct ledger_key fresh = *old;
	if (!is_active(keys, old))
		return cli_fail(keys->c, "key " SLICE_FMT " is %s: make a new one by `weir key create`",
		                SLICE_ARG(old->id), state_of(keys, old));
	int status = store_new_key(keys, &fresh, key, id);
	if (status == EXIT_DONE)
		status = print_new_key(keys, &fresh, key);
	crypto_zero(key, sizeof key);
	return status == EXIT_DONE ? revoke(keys, old) : status;
}

static int run_change(struct cli *c, int argc, char **argv, int at, bool rotating)
{
	const char *name, *value, *id = NULL;
	struct keys keys;
	int r;
	while ((r = cli_next(c, &command_key, argc, argv, &at, "", &name, &value)) > 0) {
		if (id)
			return cli_usage_error(c, &command_key, "one ID, not also %s", value);
		id = value;
	}
	if (r < 0)
		return r == -2 ? EXIT_DONE : EXIT_USAGE;
	if (id == NULL)
		return cli_usage_error(c, &command_key, "%s wants an ID: `weir key list` shows them",
		                       rotating ? "rotate" : "revoke");
	if (c->server)
		return key_remote_change(c, id, rotating);
	int status = keys_open(&keys, c, true);
	if (status == EXIT_DONE)
		status = keys_read(&keys);
	const struct ledger_key *k = status == EXIT_DONE ? find_key(&keys, id) : NULL;
	if (status == EXIT_DONE)
		status = k == NULL ? EXIT_FAILED : rotating ? rotate(&keys, k) : revoke(&keys, k);
	keys_close(&keys);
	return status;
}

static int run_key(struct cli *c, int argc, char **argv)
{
	const char *name, *value;
	int at = 1, r = cli_next(c, &command_key, argc, argv, &at, "", &name, &value);
	if (r < 0)
		return r == -2 ? EXIT_DONE : EXIT_USAGE;
	if (r == 0)
		return cli_usage_error(c, &command_key, "say what to do: create, list, revoke or rotate");
	if (strcmp(value, "create") == 0)
		return run_create(c, argc, argv, at);
	if (strcmp(value, "list") == 0)
		return run_list(c, argc, argv, at);
	if (strcmp(value, "revoke") == 0 || strcmp(value, "rotate") == 0)
		return run_change(c, argc, argv, at, value[1] == 'o');
	return cli_usage_error(c, &command_key, "key cannot \"%s\": create, list, revoke or rotate", value);
}
