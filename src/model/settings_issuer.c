/* Readers of what an issuer of tokens is made of, and of the gate's secret. */
#include "model/settings_read.h"

#include <stddef.h>

#include "text/nearest.h"

#define SECRET_LEAST 16 /* bytes of the gate's secret */

_Static_assert(offsetof(struct issuer, audiences) == offsetof(struct issuer, audiences_n) + sizeof(size_t) &&
                   offsetof(struct issuer, claims) == offsetof(struct issuer, claims_n) + sizeof(size_t) &&
                   offsetof(struct issuer, set) == offsetof(struct issuer, set_n) + sizeof(size_t) &&
                   offsetof(struct issuer, roles) == offsetof(struct issuer, roles_n) + sizeof(size_t),
               "lists stand behind their lengths");

struct pairs {
	size_t n;
	struct issuer_pair *at;
};

/* The attribute of a key; ATTR_N after a fault. */
static enum attr attr_of(struct reader *r, const struct option *o, const struct yaml_node *key)
{
	enum attr a = attr_from_name(key->text);
	if (a != ATTR_N)
		return a;
	struct nearest near;
	nearest_init(&near, slice_sub(key->text, 0, 60));
	for (int i = 0; i < ATTR_N; i++)
		nearest_offer(&near, slice_of(attr_name((enum attr)i)));
	if (near.best.n)
		settings_fault(r, key, "%s: there is no field " SLICE_FMT "; did you mean " SLICE_FMT "?",
		               o->key, SLICE_ARG(slice_sub(key->text, 0, 60)), SLICE_ARG(near.best));
	else
		settings_fault(r, key,
		               "%s: there is no field " SLICE_FMT
		               "; those of the ledger are meant: user, repo, branch, workflow, trigger, …",
		               o->key, SLICE_ARG(slice_sub(key->text, 0, 60)));
	return ATTR_N;
}

void read_issuer_pairs(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct pairs out = {0};
	if (n->kind != YAML_MAP || n->n == 0) {
		settings_fault(r, n, "%s: a mapping is wanted: {repo: …, branch: …}", o->key);
		return;
	}
	out.at = settings_alloc(r, n->n * sizeof *out.at);
	for (size_t i = 0; out.at && i < n->n; i++) {
		const struct yaml_node *key = &n->at[2 * i], *value = &n->at[2 * i + 1];
		enum attr a = attr_of(r, o, key);
		if (a == ATTR_N)
			continue;
		if (value->kind != YAML_SCALAR || value->text.n == 0 || value->text.n > ATTR_TEXT_MAX) {
			settings_fault(r, value, "%s." SLICE_FMT ": a text of at most %d bytes is wanted",
			               o->key, SLICE_ARG(key->text), ATTR_TEXT_MAX);
			continue;
		}
		out.at[out.n++] = (struct issuer_pair){a, settings_copy(r, value->text)};
	}
	memcpy(field, &out, sizeof out);
}

void read_issuer_roles(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct {
		size_t n;
		struct issuer_role *at;
	} out = {0};
	if (n->kind != YAML_MAP || n->n == 0) {
		settings_fault(r, n, "%s: a mapping is wanted: {platform: operator, finance: viewer}",
		               o->key);
		return;
	}
	out.at = settings_alloc(r, n->n * sizeof *out.at);
	for (size_t i = 0; out.at && i < n->n; i++) {
		const struct yaml_node *key = &n->at[2 * i], *value = &n->at[2 * i + 1];
		enum role role = value->kind == YAML_SCALAR ? role_from_name(value->text) : ROLE_N;
		if (role == ROLE_N)
			settings_fault(r, value,
			               "%s." SLICE_FMT
			               ": a role is wanted: agent, developer, viewer, operator or owner",
			               o->key, SLICE_ARG(slice_sub(key->text, 0, 60)));
		else
			out.at[out.n++] = (struct issuer_role){settings_copy(r, key->text), role};
	}
	memcpy(field, &out, sizeof out);
}

void read_issuer_url(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	bool insecure = false;
	slice *out = field;
	if (!settings_read_http_url(r, o, n, out, &insecure))
		return;
	if (insecure)
		settings_fault(r, n,
		               "%s: https is wanted: whoever sits between could hand out keys of their own",
		               o->key);
	*out = settings_copy(r, n->text); /* letter for letter, slashes at the end too */
}

void read_gate_secret(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	slice *out = field;
	bool neither = n->kind != YAML_SCALAR;
	if (!neither && settings_read_secret(r, o, n, out, &neither)) {
		if (out->n < SECRET_LEAST && !(r->flags & SETTINGS_NO_SECRETS))
			settings_fault(r, n, "%s: at least %d characters are wanted, random ones", o->key,
			               SECRET_LEAST);
	} else if (neither) {
		settings_fault(r, n,
		               "%s: write env:NAME or file:PATH: a secret does not stand in the file itself",
		               o->key);
	}
}

static void start_issuer(void *element)
{
	struct issuer *i = element;
	*i = (struct issuer){.role = ROLE_AGENT, .skew_ms = 60000, .refresh_ms = 600000, .retry_ms = 10000};
}

static void finish_issuer(struct reader *r, const struct yaml_node *n, void *element, const void *before,
                          size_t before_n)
{
	static const char *const needed[] = {"name", "issuer", "audience"};
	const struct issuer *i = element, *others = before;
	for (size_t k = 0; k < sizeof needed / sizeof *needed; k++)
		if (yaml_get(n, slice_of(needed[k])) == NULL)
			settings_fault(r, n, "issuers[].%s is missing", needed[k]);
	for (size_t k = 0; k < before_n; k++) {
		if (i->name.n && slice_eq(others[k].name, i->name))
			settings_fault(r, yaml_get(n, SLICE("name")),
			               "issuers[].name: there are two issuers \"" SLICE_FMT "\"",
			               SLICE_ARG(i->name));
		if (i->issuer.n && slice_eq(others[k].issuer, i->issuer))
			settings_fault(r, yaml_get(n, SLICE("issuer")),
			               "issuers[].issuer: " SLICE_FMT
			               " stands twice: several audiences are a list in one entry",
			               SLICE_ARG(i->issuer));
	}
	if (i->keys_url.n && i->keys_file.n)
		settings_fault(r, yaml_get(n, SLICE("keys_file")),
		               "issuers[].keys_file: keys come from a URL or from a file, not from both");
}

void read_issuers(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	static const struct settings_list list = {"issuers[].", sizeof(struct issuer), SETTINGS_ISSUERS_MAX,
	                                          start_issuer, finish_issuer};
	struct settings *s = field;
	void *all = s->issuers;
	(void)o;
	settings_read_list(r, n, &list, &all, &s->issuers_n);
	s->issuers = all;
}
