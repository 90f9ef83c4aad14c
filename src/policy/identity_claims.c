/* Claims to attributes. The shapes of GitHub Actions and GitLab CI/CD are known by their claims: sources
 * docs.github.com "OpenID Connect reference", docs.gitlab.com "ID token authentication". */

#include "model/attr_text.h"
#include "policy/identity_jwt.h"
#include "text/json.h"

slice jwt_claim(const struct jwt *t, slice name, struct arena *mem)
{
	struct json j;
	json_key k;
	json_str s;
	slice found = SLICE_NONE;
	json_init(&j, t->claims);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		json_type type = json_peek(&j);
		bool wanted = found.p == NULL && json_key_is(&k, name);
		if (wanted && type == JSON_STRING && json_string(&j, &s)) {
			char *out = arena_alloc(mem, s.raw.n + 1);
			found = out ? slice_make(out, json_unescape(&s, out, s.raw.n + 1)) : SLICE_NONE;
		} else if (wanted && (type == JSON_NUMBER || type == JSON_TRUE || type == JSON_FALSE)) {
			json_skip(&j, &found);
		} else {
			json_skip(&j, NULL);
		}
	}
	return found;
}

bool jwt_claim_has(const struct jwt *t, slice name, slice value)
{
	struct json j;
	json_key k;
	json_str s;
	bool found = false;
	json_init(&j, t->claims);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, name)) {
			json_skip(&j, NULL);
		} else if (json_peek(&j) == JSON_ARRAY) {
			json_array(&j);
			while (json_next(&j))
				found = (json_opt_string(&j, &s) && json_str_is(&s, value)) || found;
		} else if (json_opt_string(&j, &s)) {
			found = json_str_is(&s, value) || found;
		}
	}
	return found;
}

/* What is taken where the settings map no claims: the first that the token has. */
static const struct {
	enum attr attr;
	slice claims[3];
} USUAL[] = {
    {ATTR_USER, {SLICE("actor"), SLICE("user_email"), SLICE("user_login")}},
    {ATTR_REPO, {SLICE("repository"), SLICE("project_path")}},
    {ATTR_BRANCH, {SLICE("head_ref"), SLICE("ref")}},
    {ATTR_COMMIT, {SLICE("sha")}},
    {ATTR_WORKFLOW, {SLICE("workflow"), SLICE("ci_config_ref_uri")}},
    {ATTR_TRIGGER, {SLICE("event_name"), SLICE("pipeline_source")}},
};

/* The host that an issuer's repositories are on: GitHub's tokens come from a host of their own. */
static slice host_of(slice issuer)
{
	ptrdiff_t at = slice_find(issuer, SLICE("://"));
	slice rest = at < 0 ? issuer : slice_sub(issuer, (size_t)at + 3, issuer.n), host;
	slice_split(&rest, '/', &host);
	if (slice_eq_nocase(host, SLICE("token.actions.githubusercontent.com")))
		return SLICE("github.com");
	return host;
}

/* "owner/name", as these two claims have it, gets its host. */
static slice repo_of(slice claim, slice text, slice issuer, struct arena *mem)
{
	if (!slice_eq(claim, SLICE("repository")) && !slice_eq(claim, SLICE("project_path")))
		return text;
	slice host = host_of(issuer);
	return arena_printf(mem, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(host), SLICE_ARG(text));
}

/* The number of "refs/pull/17/merge" (GitHub) and "refs/merge-requests/17/head" (GitLab). */
static slice pr_of(slice ref)
{
	static const slice prefixes[] = {SLICE("refs/pull/"), SLICE("refs/merge-requests/")};
	long long n;
	for (size_t i = 0; i < 2; i++) {
		slice rest = slice_sub(ref, prefixes[i].n, ref.n), part;
		if (slice_starts(ref, prefixes[i]) && slice_split(&rest, '/', &part) && rest.p &&
		    slice_to_i64(part, &n) && n > 0)
			return part;
	}
	return SLICE_NONE;
}

/* A branch's own name. Other refs (tags, pull requests) keep theirs whole: none may pass for a branch. */
static slice branch_of(slice ref)
{
	return slice_starts(ref, SLICE("refs/heads/")) ? slice_sub(ref, 11, ref.n) : ref;
}

static void take(const struct jwt *t, const struct issuer *i, enum attr a, slice claim, struct arena *mem,
                 struct attribution *out)
{
	slice text = jwt_claim(t, claim, mem);
	if (out->v[a].n || text.n == 0)
		return;
	if (a == ATTR_REPO)
		text = repo_of(claim, text, i->issuer, mem);
	if (a == ATTR_BRANCH)
		text = branch_of(text);
	if (a == ATTR_PR && pr_of(text).n)
		text = pr_of(text);
	out->v[a] = attr_clean(text, mem);
}

void jwt_attributes(const struct jwt *t, const struct issuer *i, struct arena *mem, struct attribution *out)
{
	*out = (struct attribution){0};
	for (size_t k = 0; k < i->set_n; k++)
		out->v[i->set[k].attr] = i->set[k].text;
	for (size_t k = 0; k < i->claims_n; k++)
		take(t, i, i->claims[k].attr, i->claims[k].text, mem, out);
	for (size_t k = 0; i->claims_n == 0 && k < sizeof USUAL / sizeof *USUAL; k++)
		for (size_t c = 0; c < 3 && USUAL[k].claims[c].n; c++)
			take(t, i, USUAL[k].attr, USUAL[k].claims[c], mem, out);
	if (out->v[ATTR_PR].n == 0)
		out->v[ATTR_PR] = attr_clean(pr_of(jwt_claim(t, SLICE("ref"), mem)), mem);
	/* the run: what a budget for each pipeline run counts by */
	take(t, i, ATTR_TASK, SLICE("run_id"), mem, out);
	take(t, i, ATTR_TASK, SLICE("pipeline_id"), mem, out);
	if (i->claims_n == 0 && i->set_n == 0 && out->v[ATTR_TASK].n)
		out->v[ATTR_ENVIRONMENT] = SLICE("ci");
}

slice jwt_author(const struct jwt *t, struct arena *mem)
{
	for (size_t c = 0; c < 3; c++) {
		slice text = attr_clean(jwt_claim(t, USUAL[0].claims[c], mem), mem);
		if (text.n)
			return text;
	}
	return SLICE_NONE;
}
