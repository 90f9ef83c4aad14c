/* `weir key` on a real store: what is printed, what is stored, what a gateway then makes of it. */
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "cli/cli.h"
#include "policy/identity.h"
#include "store/ledger.h"
#include "unit/unit.h"

struct stand {
	char folder[64], config[96], out[8192], err[8192];
};

static int set_up(void **state)
{
	struct stand *t = calloc(1, sizeof *t);
	snprintf(t->folder, sizeof t->folder, "/tmp/weir-key-XXXXXX");
	if (mkdtemp(t->folder) == NULL)
		return -1;
	snprintf(t->config, sizeof t->config, "%s/t.yaml", t->folder);
	FILE *f = fopen(t->config, "w");
	fputs(
	    "store: sqlite:t.db\nproviders: [{name: a, api: anthropic, credential: env:WEIR_TEST_NOT_SET}]\n",
	    f);
	fclose(f);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct stand *t = *state;
	static const char *const names[] = {"t.yaml", "t.db", "t.db-wal", "t.db-shm"};
	char path[128];
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", t->folder, names[i]);
		unlink(path);
	}
	rmdir(t->folder);
	free(t);
	return 0;
}

/* Runs `weir key` with words parted by '|'. */
static int run(struct stand *t, bool json, const char *line)
{
	char store[1024], *argv[16], *at = store, *out, *err;
	size_t out_n, err_n;
	int argc = 0;
	snprintf(store, sizeof store, "key|%s", line);
	while (at) {
		argv[argc++] = at;
		at = strchr(at, '|');
		if (at)
			*at++ = '\0';
	}
	argv[argc] = NULL;
	struct cli c = {.config = t->config, .json = json, .out = open_memstream(&out, &out_n)};
	c.err = open_memstream(&err, &err_n);
	int status = command_key.run(&c, argc, argv);
	fclose(c.out);
	fclose(c.err);
	snprintf(t->out, sizeof t->out, "%s", out);
	snprintf(t->err, sizeof t->err, "%s", err);
	free(out);
	free(err);
	return status;
}

static int on_key(void *arg, const struct ledger_key *k)
{
	return keyring_add(arg, k->id, k->hash, k->role, k->user, k->team, k->attributes, k->expires_ms,
	                   k->revoked_ms);
}

/* What a gateway on this store answers to a key. */
static enum identity_result ask(struct stand *t, const char *key, struct principal *out,
                                struct keyring **ring)
{
	struct error e;
	struct ledger *l;
	char url[128];
	struct identity id;
	static struct arena mem; /* empty: a key's texts are the ring's */
	snprintf(url, sizeof url, "sqlite:%s/t.db", t->folder);
	slice rest;
	const struct ledger_ops *ops = ledger_for(slice_of(url), &rest, &e);
	*ring = keyring_new();
	assert_int_equal(ops->open(rest.p, false, &l, &e), 0);
	assert_int_equal(ops->keys(l, on_key, *ring, &e), 0);
	ops->close(l);
	struct header h = {SLICE("x-weir-key"), slice_of(key)};
	struct headers all = {&h, 1};
	struct identity_in in = {.keys = *ring, .headers = &all, .loopback = true, .now_ms = 1};
	identity_check(&in, &mem, &id);
	*out = id.who;
	return id.result;
}

static void first_line(const char *text, char out[128])
{
	snprintf(out, 128, "%.*s", (int)strcspn(text, "\n"), text);
}

static void created(void **state)
{
	struct stand *t = *state;
	struct principal p;
	struct keyring *ring;
	char key[128];
	assert_int_equal(
	    run(t, false, "create|--user|ana@example.com|--team=pay|--set|repo=h/o/n|--set|tags=a=1"),
	    EXIT_DONE);
	first_line(t->out, key);
	assert_true(strncmp(key, "wk_", 3) == 0 && strlen(t->out) == strlen(key) + 1);
	assert_non_null(strstr(t->err, "of ana@example.com, developer, team pay, expires: never"));
	assert_non_null(strstr(t->err, "weir run -- claude"));
	assert_int_equal(ask(t, key, &p, &ring), IDENTITY_OK);
	assert_int_equal(p.role, ROLE_DEVELOPER);
	assert_true(slice_eq(p.fixed.v[ATTR_USER], SLICE("ana@example.com")));
	assert_true(slice_eq(p.fixed.v[ATTR_TEAM], SLICE("pay")));
	assert_true(slice_eq(p.fixed.v[ATTR_REPO], SLICE("h/o/n")));
	assert_true(slice_eq(p.fixed.v[ATTR_TAGS], SLICE("{\"a\":\"1\"}")));
	keyring_unref(ring);

	/* the key's text is nowhere in the store */
	char path[128];
	snprintf(path, sizeof path, "%s/t.db", t->folder);
	FILE *f = fopen(path, "rb");
	static char bytes[1 << 20];
	size_t n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	assert_true(n > 0 && slice_find(slice_make(bytes, n), slice_of(key)) < 0);
}

static void created_json(void **state)
{
	struct stand *t = *state;
	char id[64], key[128], again[256];
	assert_int_equal(run(t, true, "create|--user|bo|--role|agent|--expires|90d"), EXIT_DONE);
	const char *k = strstr(t->out, "\"key\":\"");
	assert_non_null(k);
	snprintf(key, sizeof key, "%.*s", (int)strcspn(k + 7, "\""), k + 7);
	snprintf(id, sizeof id, "%.*s", (int)strcspn(t->out + 7, "\""), t->out + 7);
	snprintf(again, sizeof again, "{\"id\":\"%s\",\"key\":\"%s\"}\n", id, key);
	assert_string_equal(t->out, again);
	assert_int_equal(run(t, true, "list"), EXIT_DONE);
	assert_non_null(strstr(t->out, id));
	assert_null(strstr(t->out, key));
	assert_non_null(
	    strstr(t->out, "\"user\":\"bo\",\"team\":null,\"role\":\"agent\",\"state\":\"active\""));
}

static void revoked(void **state)
{
	struct stand *t = *state;
	struct principal p;
	struct keyring *ring;
	char one[128], two[128], word[160], *id;
	run(t, false, "create|--user|ana");
	first_line(t->out, one);
	run(t, false, "create|--user|bo");
	first_line(t->out, two);
	snprintf(word, sizeof word, "revoke|%s", one); /* by the key itself */
	assert_int_equal(run(t, false, word), EXIT_DONE);
	assert_non_null(strstr(t->err, "of ana opens nothing from now on"));
	assert_int_equal(run(t, false, word), EXIT_DONE);
	assert_non_null(strstr(t->err, "was revoked on"));
	assert_int_equal(ask(t, one, &p, &ring), IDENTITY_REVOKED);
	keyring_unref(ring);
	assert_int_equal(ask(t, two, &p, &ring), IDENTITY_OK);
	keyring_unref(ring);
	assert_int_equal(run(t, false, "list"), EXIT_DONE);
	assert_null(strstr(t->out, "ana"));
	id = strstr(t->out, "k_");
	snprintf(word, sizeof word, "rotate|%.*s", (int)strcspn(id, " "), id);
	assert_int_equal(run(t, false, word), EXIT_DONE);
	first_line(t->out, one);
	assert_int_equal(ask(t, two, &p, &ring), IDENTITY_REVOKED);
	keyring_unref(ring);
	assert_int_equal(ask(t, one, &p, &ring), IDENTITY_OK);
	assert_true(slice_eq(p.fixed.v[ATTR_USER], SLICE("bo")));
	keyring_unref(ring);
	assert_int_equal(run(t, false, word), EXIT_FAILED);
	assert_non_null(strstr(t->err, "is revoked: make a new one"));
	assert_int_equal(run(t, false, "list|--all"), EXIT_DONE);
	assert_non_null(strstr(t->out, "ana"));
}

static void refusals(void **state)
{
	struct stand *t = *state;
	static const struct {
		const char *line;
		int status;
		const char *err;
	} cases[] = {
	    {"list", EXIT_DONE, "There is no key. Make one: weir key create --user you@example.com\n"},
	    {"create", EXIT_USAGE, "weir key: create wants --user: whose calls they are\n"},
	    {"create|--user|", EXIT_USAGE, "weir key: create wants --user: whose calls they are\n"},
	    {"create|ana", EXIT_USAGE, "weir key: ana: what is this? A user stands behind --user\n"},
	    {"create|--user|a|--set|rpo=1", EXIT_USAGE,
	     "weir key: --set: there is no attribute \"rpo\"; did you mean repo?\n"},
	    {"create|--user|a|--set|team=x", EXIT_USAGE, "weir key: --set team: write --team\n"},
	    {"create|--user|a|--set|repo", EXIT_USAGE, "weir key: --set repo: write --set NAME=VALUE\n"},
	    {"create|--user|a|--role|boss", EXIT_USAGE,
	     "weir key: --role boss: write agent, developer, viewer, operator or owner\n"},
	    {"create|--user|a|--expires|2020-01-01", EXIT_USAGE,
	     "weir key: --expires 2020-01-01: that is past\n"},
	    {"create|--user|a|--expires|soon", EXIT_USAGE,
	     "weir key: --expires soon: write a duration (90d, 12h) or a date (2027-01-31)\n"},
	    {"revoke", EXIT_USAGE, "weir key: revoke wants an ID: `weir key list` shows them\n"},
	    {"revoke|k_nope", EXIT_FAILED,
	     "weir: there is no key of this id: `weir key list --all` shows them\n"},
	    {"revoke|a|b", EXIT_USAGE, "weir key: one ID, not also b\n"},
	    {"lst", EXIT_USAGE, "weir key: key cannot \"lst\": create, list, revoke or rotate\n"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(t, false, cases[i].line), cases[i].status);
		assert_string_equal(t->out, "");
		t->err[strcspn(t->err, "\n") + 1] = '\0';
		assert_string_equal(t->err, cases[i].err);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {T(created), T(created_json), T(revoked), T(refusals)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
