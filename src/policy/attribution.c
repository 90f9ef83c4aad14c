#include "policy/attribution.h"

#include "model/attr_text.h"
#include "model/wire.h"
#include "policy/attribution_agent.h"

/* Headers that a client may set, and what they claim. What the key fixes, they do not change. */
static const struct {
	slice header;
	enum attr attr;
} claims[] = {
    {SLICE("x-weir-team"), ATTR_TEAM},
    {SLICE("x-weir-repo"), ATTR_REPO},
    {SLICE("x-weir-branch"), ATTR_BRANCH},
    {SLICE("x-weir-commit"), ATTR_COMMIT},
    {SLICE("x-weir-workflow"), ATTR_WORKFLOW},
    {SLICE("x-weir-environment"), ATTR_ENVIRONMENT},
    {SLICE("x-weir-session"), ATTR_SESSION},
    {SLICE("x-weir-task"), ATTR_TASK},
    {SLICE("x-weir-cohort"), ATTR_COHORT},
    {SLICE("x-weir-trigger"), ATTR_TRIGGER},
    {SLICE("x-weir-pr"), ATTR_PR},
};

/* --- a git remote ------------------------------------------------------------------------------------ */

/* The part of "user:secret@host" behind the last '@'. */
static slice without_user(slice authority)
{
	for (size_t i = authority.n; i > 0; i--)
		if (authority.p[i - 1] == '@')
			return slice_sub(authority, i, authority.n);
	return authority;
}

/* Takes host and path apart: scheme://authority/path, [user@]host:path (scp), host/path. False when it is
 * none of them. */
static bool split_remote(slice url, slice *host, slice *path)
{
	static const slice schemes[] = {SLICE("https"),   SLICE("http"),      SLICE("ssh"),    SLICE("git"),
	                                SLICE("git+ssh"), SLICE("git+https"), SLICE("ssh+git")};
	ptrdiff_t at = slice_find(url, SLICE("://"));
	bool scheme = at >= 0;
	if (scheme) {
		bool known = false;
		for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
			known = known || slice_eq_nocase(slice_sub(url, 0, (size_t)at), schemes[i]);
		if (!known)
			return false;
		url = slice_sub(url, (size_t)at + 3, url.n);
	}
	at = slice_find_char(url, '/');
	slice authority = at < 0 ? url : slice_sub(url, 0, (size_t)at);
	slice rest = at < 0 ? SLICE_NONE : slice_sub(url, (size_t)at, url.n);
	bool user = slice_find_char(authority, '@') >= 0;
	authority = without_user(authority);
	ptrdiff_t colon = slice_find_char(authority, ':');
	*host = colon < 0 ? authority : slice_sub(authority, 0, (size_t)colon);
	*path = rest;
	if (!scheme && colon >= 0) /* scp: the path begins behind the colon, and goes on behind the slash */
		*path =
		    slice_make(authority.p + colon + 1, (size_t)(url.p + url.n - (authority.p + colon + 1)));
	else if (!scheme && (user || slice_find_char(*host, '.') <= 0))
		return false; /* a folder */
	return host->n > 1;   /* one letter is a drive */
}

static bool is_host(slice host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		            c == '-' || c == '.' || c == '_';
		if (!fine)
			return false;
	}
	return host.n > 0 && host.n <= 253 && host.p[0] != '.'; /* RFC 1035 section 2.3.4 */
}

slice attribution_repo(slice remote_url, struct arena *mem)
{
	char out[ATTR_TEXT_MAX * 2];
	slice host, path, part, url = slice_trim(remote_url);
	size_t n = 0;
	if (url.n > sizeof out - 2 || !split_remote(url, &host, &path) || !is_host(host))
		return SLICE_NONE;
	for (; n < host.n; n++)
		out[n] = host.p[n] >= 'A' && host.p[n] <= 'Z' ? (char)(host.p[n] + 32) : host.p[n];
	ptrdiff_t query = slice_find_char(path, '?'), fragment = slice_find_char(path, '#');
	if (fragment >= 0)
		path = slice_sub(path, 0, (size_t)fragment);
	if (query >= 0)
		path = slice_sub(path, 0, (size_t)query);
	while (slice_ends(path, SLICE("/")))
		path.n--;
	if (slice_ends(path, SLICE(".git")))
		path.n -= 4;
	while (slice_split(&path, '/', &part)) {
		if (slice_eq(part, SLICE("..")))
			return SLICE_NONE;
		if (part.n == 0 || slice_eq(part, SLICE(".")))
			continue;
		out[n++] = '/';
		memcpy(out + n, part.p, part.n);
		n += part.n;
	}
	return n > host.n ? attr_clean(slice_make(out, n), mem) : SLICE_NONE;
}

/* --- ranks ------------------------------------------------------------------------------------------ */

/* Sets what is not set yet. */
static void set(struct attribution *to, enum attr a, slice text, struct arena *mem)
{
	if (to->v[a].n || text.n == 0)
		return;
	if (a == ATTR_REPO) {
		to->v[a] = attribution_repo(text, mem);
		/* a plain name is taken as it is, but never a URL that could have a password */
		if (slice_find_char(text, '@') >= 0 || slice_find_char(text, ':') >= 0)
			return;
	}
	if (to->v[a].n == 0)
		to->v[a] = attr_clean(text, mem);
}

static void read_claims(const struct headers *h, bool by_token, struct arena *mem, struct attribution *to)
{
	for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
		enum attr a = claims[i].attr;
		if (by_token && (a == ATTR_ENVIRONMENT || a == ATTR_TRIGGER || a == ATTR_PR))
			continue; /* a token tells all that is true of its job */
		bool fixed = to->v[a].n > 0;
		set(to, a, headers_get(h, claims[i].header), mem);
		/* anybody could say so: only a key, a token or the gate makes a call one of CI */
		if (a == ATTR_ENVIRONMENT && !fixed && slice_eq_nocase(to->v[a], SLICE("ci")))
			to->v[a] = SLICE_NONE;
	}
}

static void read_tags(const struct headers *h, slice directory, struct arena *mem, struct attribution *to)
{
	struct attr_tags tags;
	if (to->v[ATTR_TAGS].n)
		return;
	attr_tags_init(&tags);
	slice header = headers_get(h, SLICE("x-weir-tags"));
	if (header.n)
		attr_tags_read(&tags, header);
	if (directory.n)
		attr_tags_add(&tags, SLICE("cwd"), directory);
	to->v[ATTR_TAGS] = attr_tags_json(&tags, mem);
}

static void read_facts(const struct agent_facts *f, struct arena *mem, struct attribution *to)
{
	set(to, ATTR_AGENT, f->agent, mem);
	set(to, ATTR_AGENT_VERSION, f->version, mem);
	set(to, ATTR_SESSION, f->session, mem);
	set(to, ATTR_SUBAGENT, f->subagent, mem);
	if (to->v[ATTR_REPO].n == 0)
		to->v[ATTR_REPO] = attribution_repo(f->remote, mem);
	set(to, ATTR_COMMIT, f->commit, mem);
	set(to, ATTR_BRANCH, f->branch, mem);
}

static void read_settings(const struct settings *s, struct arena *mem, struct attribution *to)
{
	if (!s)
		return;
	const struct team *team = to->v[ATTR_USER].n ? settings_team(s, to->v[ATTR_USER]) : NULL;
	if (team)
		set(to, ATTR_TEAM, team->name, mem);
	team = to->v[ATTR_TEAM].n ? settings_team_named(s, to->v[ATTR_TEAM]) : NULL;
	if (team)
		set(to, ATTR_COST_CENTRE, team->cost_centre, mem);
}

void attribution_read(const struct attribution_in *in, struct arena *mem, struct attribution *out)
{
	struct agent_facts facts;
	*out = in->principal ? in->principal->fixed : (struct attribution){0};
	attribution_agent(in->headers, in->view, mem, &facts);
	read_claims(in->headers, in->principal && in->principal->by_token, mem, out);
	read_facts(&facts, mem, out);
	read_tags(in->headers, facts.directory, mem, out);
	read_settings(in->settings, mem, out);
}

slice attribution_claimed(const struct principal *p, const struct attribution *who)
{
	bool trigger = who->v[ATTR_TRIGGER].n && (!p || p->fixed.v[ATTR_TRIGGER].n == 0);
	bool pr = who->v[ATTR_PR].n && (!p || p->fixed.v[ATTR_PR].n == 0);
	if (trigger)
		return pr ? SLICE("trigger,pr") : SLICE("trigger");
	return pr ? SLICE("pr") : SLICE_NONE;
}

static void read_cwd(struct json *j, int id, void *arg)
{
	json_opt_string(j, arg);
	(void)id;
}

slice attribution_directory(const struct attribution *a, struct arena *mem)
{
	static const struct wire_word field[] = {WIRE_WORD("cwd", 0)};
	struct json j;
	json_str s = {SLICE_NONE, false};
	if (a->v[ATTR_TAGS].n == 0)
		return SLICE_NONE;
	json_init(&j, a->v[ATTR_TAGS]);
	wire_object(&j, WIRE_WORDS(field), read_cwd, &s);
	return s.raw.n ? wire_unescape(&j, &s, mem) : SLICE_NONE;
}
