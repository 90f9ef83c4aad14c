/* Keys by the API. An owner makes and ends any, an operator those of agents and developers, a developer sees,
 * renews and ends their own. */
#include "base/crypto.h"
#include "gateway/admin.h"
#include "gateway/key_make.h"

static const char *state_of(const struct admin *a, const struct ledger_key *k)
{
	if (k->revoked_ms)
		return "revoked";
	return k->expires_ms && k->expires_ms <= a->now_ms ? "expired" : "active";
}

/* May the caller see (or, to change it, touch) this key? */
static bool may_see(const struct admin *a, const struct ledger_key *k)
{
	return a->who->all || admin_is_self(a, k->user);
}

static bool may_change(const struct admin *a, enum role of, slice user)
{
	if (admin_is(a, ROLE_OWNER))
		return true;
	if (admin_is(a, ROLE_OPERATOR))
		return of == ROLE_AGENT || of == ROLE_DEVELOPER;
	return admin_is_self(a, user) && (of == ROLE_AGENT || of == ROLE_DEVELOPER);
}

static void put_key(struct admin *a, const struct ledger_key *k)
{
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("id"), k->id);
	jsonw_put_string(&a->w, SLICE("user"), k->user.n ? k->user : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("team"), k->team.n ? k->team : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("role"), slice_of(role_name(k->role)));
	jsonw_put_string(&a->w, SLICE("state"), slice_of(state_of(a, k)));
	admin_put_time(a, SLICE("created"), k->created_ms);
	admin_put_time(a, SLICE("expires"), k->expires_ms);
	admin_put_time(a, SLICE("revoked"), k->revoked_ms);
	jsonw_put_raw(&a->w, SLICE("attributes"), k->attributes.n ? k->attributes : SLICE("{}"));
	jsonw_object_end(&a->w);
}

static int list_one(void *arg, const struct ledger_key *k)
{
	struct admin *a = arg;
	if (may_see(a, k))
		put_key(a, k);
	return 0;
}

int admin_keys_list(struct admin *a)
{
	struct error e = {0};
	jsonw_object(&a->w);
	jsonw_key(&a->w, SLICE("keys"));
	jsonw_array(&a->w);
	if (a->c->ops->keys(a->c->ledger, list_one, a, &e) < 0)
		return admin_fault(a, &e);
	jsonw_array_end(&a->w);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

struct search {
	struct admin *a;
	slice id;
	bool found, spent;
	struct ledger_key key; /* texts in the question's memory */
};

static int find_one(void *arg, const struct ledger_key *k)
{
	struct search *s = arg;
	if (!slice_eq(k->id, s->id))
		return 0;
	struct arena *mem = &s->a->mem;
	s->key = *k;
	s->key.id = arena_copy(mem, k->id);
	s->key.user = arena_copy(mem, k->user);
	s->key.team = arena_copy(mem, k->team);
	s->key.attributes = arena_copy(mem, k->attributes);
	s->spent = !s->key.id.p || !s->key.user.p || !s->key.team.p || !s->key.attributes.p;
	s->found = true;
	return 0;
}

/* The key of the path, when the caller may change it; false after a refusal, in *r. A key that the caller may
 * not see is not there. */
static bool find_key(struct admin *a, struct ledger_key *out, int *r)
{
	struct search s = {.a = a, .id = a->param};
	struct error e = {0};
	if (a->c->ops->keys(a->c->writable, find_one, &s, &e) < 0 || s.spent) {
		*r = s.spent ? admin_refuse(a, 503, "out of memory") : admin_fault(a, &e);
		return false;
	}
	if (!s.found || !may_see(a, &s.key)) {
		*r = admin_refuse(a, 404, "there is no key \"" SLICE_FMT "\"", SLICE_ARG(a->param));
		return false;
	}
	if (!may_change(a, s.key.role, s.key.user)) {
		*r = admin_refuse(a, 403, "a key of the role %s is ended by an owner only",
		                  role_name(s.key.role));
		return false;
	}
	*out = s.key;
	return true;
}

static int answer_new(struct admin *a, const struct ledger_key *k, const char *key)
{
	*a->status = 201;
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("id"), k->id);
	jsonw_put_string(&a->w, SLICE("key"), slice_of(key));
	jsonw_put_string(&a->w, SLICE("user"), k->user.n ? k->user : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("role"), slice_of(role_name(k->role)));
	admin_put_time(a, SLICE("expires"), k->expires_ms);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

/* A duration from now, or a date; false when it is neither, or over. */
static bool parse_expiry(const struct admin *a, slice text, int64_t *out)
{
	int64_t ms;
	if (text.n == 0)
		return true;
	if (clock_parse_duration(text, &ms))
		*out = a->now_ms + ms;
	else if (!clock_parse_rfc3339(text, out))
		return false;
	return *out > a->now_ms;
}

int admin_keys_create(struct admin *a)
{
	slice user, team, role, attributes, expires;
	const struct admin_field fields[] = {{"user", &user, false},
	                                     {"team", &team, false},
	                                     {"role", &role, false},
	                                     {"attributes", &attributes, true},
	                                     {"expires", &expires, false}};
	char key[IDENTITY_KEY_MAX], id[32];
	struct error e = {0};
	int r;
	if (!admin_body(a, fields, sizeof fields / sizeof *fields, &r))
		return r;
	struct ledger_key k = {.user = user, .team = team, .attributes = attributes, .created_ms = a->now_ms};
	k.role = role.n ? role_from_name(role) : ROLE_DEVELOPER;
	if (user.n == 0)
		return admin_refuse(a, 400, "\"user\" is missing: whose calls are they?");
	if (k.role == ROLE_N)
		return admin_refuse(a, 400, "\"role\" is agent, developer, viewer, operator or owner");
	if (!parse_expiry(a, expires, &k.expires_ms))
		return admin_refuse(a, 400,
		                    "\"expires\" is a duration (90d) or a date that is still to come");
	if (!may_change(a, k.role, SLICE_NONE))
		return admin_refuse(a, 403, "a key of the role %s is made by an owner only",
		                    role_name(k.role));
	if (key_make(a->c->ops, a->c->writable, &k, key, id, &e) < 0)
		return admin_fault(a, &e);
	admin_changed(a);
	r = answer_new(a, &k, key);
	crypto_zero(key, sizeof key);
	return r;
}

int admin_keys_revoke(struct admin *a)
{
	struct ledger_key k;
	struct error e = {0};
	int r;
	if (!find_key(a, &k, &r))
		return r;
	if (a->c->ops->key_revoke(a->c->writable, k.id, a->now_ms, &e) < 0)
		return admin_fault(a, &e);
	admin_changed(a);
	if (k.revoked_ms == 0)
		k.revoked_ms = a->now_ms;
	put_key(a, &k);
	return admin_end(a);
}

int admin_keys_rotate(struct admin *a)
{
	struct ledger_key old, fresh;
	char key[IDENTITY_KEY_MAX], id[32];
	struct error e = {0};
	int r;
	if (!find_key(a, &old, &r))
		return r;
	if (old.revoked_ms || (old.expires_ms && old.expires_ms <= a->now_ms))
		return admin_refuse(a, 409, "the key is %s: make a new one", state_of(a, &old));
	fresh = old;
	fresh.created_ms = a->now_ms;
	if (key_make(a->c->ops, a->c->writable, &fresh, key, id, &e) < 0 ||
	    a->c->ops->key_revoke(a->c->writable, old.id, a->now_ms, &e) < 0) {
		crypto_zero(key, sizeof key);
		return admin_fault(a, &e);
	}
	admin_changed(a);
	r = answer_new(a, &fresh, key);
	crypto_zero(key, sizeof key);
	return r;
}
