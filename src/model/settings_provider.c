/* Readers of what a provider is made of, and of teams. */
#include "model/settings_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "model/vendors.h"

/* --- secrets ----------------------------------------------------------------- */

slice settings_secret(struct reader *r, slice text)
{
	struct snapshot *s = r->snap;
	slice *more = realloc(s->secrets, (s->secrets_n + 1) * sizeof *more);
	if (more == NULL)
		return SLICE_NONE;
	s->secrets = more;
	char *copy = malloc(text.n + 1);
	if (copy == NULL)
		return SLICE_NONE;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return s->secrets[s->secrets_n++] = (slice){copy, text.n};
}

/* One line, no blanks: what fits in a header. */
static bool is_secret(slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= 0x20 || (unsigned char)text.p[i] >= 0x7F)
			return false;
	return text.n > 0;
}

static bool keep_secret(struct reader *r, const struct option *o, const struct yaml_node *n, slice text,
                        slice *out)
{
	if (!is_secret(text)) {
		settings_fault(r, n,
		               "%s: what stands in " SLICE_FMT " is no key: one line of printable characters "
		               "without blanks is wanted",
		               o->key, SLICE_ARG(n->text));
		return false;
	}
	*out = settings_secret(r, text);
	if (out->p == NULL)
		settings_fault(r, n, "memory is spent");
	return out->p != NULL;
}

static bool secret_of_env(struct reader *r, const struct option *o, const struct yaml_node *n, slice name,
                          slice *out)
{
	char zname[128];
	if (name.n == 0 || name.n >= sizeof zname || slice_find_char(name, '=') >= 0) {
		settings_fault(r, n, "%s: env: wants the name of a variable: env:ANTHROPIC_API_KEY", o->key);
		return false;
	}
	snprintf(zname, sizeof zname, SLICE_FMT, SLICE_ARG(name));
	if (r->flags & SETTINGS_NO_SECRETS)
		return true;
	const char *value = getenv(zname);
	if (value && *value)
		return keep_secret(r, o, n, slice_trim(slice_of(value)), out);
	settings_fault(r, n,
	               "%s: the variable %s is not set: set it where weir starts (export %s=…), or write "
	               "passthrough to use the client's own",
	               o->key, zname, zname);
	return false;
}

static bool secret_of_file(struct reader *r, const struct option *o, const struct yaml_node *n, slice path,
                           slice *out)
{
	char text[SETTINGS_SECRET_MAX];
	struct option named = *o;
	struct yaml_node inner = *n;
	slice full = SLICE_NONE;
	inner.text = path;
	read_path(r, &named, &inner, &full);
	if (full.p == NULL)
		return false;
	if (r->flags & SETTINGS_NO_SECRETS)
		return true;
	int fd = open(full.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text);
	int saved = errno;
	if (fd >= 0)
		close(fd);
	bool done = false;
	if (got < 0)
		settings_fault(r, n, "%s: " SLICE_FMT " cannot be read: %s", o->key, SLICE_ARG(full),
		               strerror(saved));
	else
		done = keep_secret(r, o, n, slice_trim(slice_make(text, (size_t)got)), out);
	crypto_zero(text, sizeof text);
	return done;
}

bool settings_read_secret(struct reader *r, const struct option *o, const struct yaml_node *n, slice *out,
                          bool *neither)
{
	slice t = n->text;
	*neither = false;
	if (slice_starts(t, SLICE("env:")))
		return secret_of_env(r, o, n, slice_sub(t, 4, t.n), out);
	if (slice_starts(t, SLICE("file:")))
		return secret_of_file(r, o, n, slice_sub(t, 5, t.n), out);
	*neither = true;
	return false;
}

void read_credential(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct provider *p = field;
	bool neither;
	if (n->kind != YAML_SCALAR) {
		settings_fault(r, n, "%s: write %s", o->key, o->type);
		return;
	}
	if (slice_eq(n->text, SLICE("passthrough"))) {
		p->credential = CREDENTIAL_PASSTHROUGH;
	} else if (slice_eq(n->text, SLICE("none"))) {
		p->credential = CREDENTIAL_NONE;
	} else if (settings_read_secret(r, o, n, &p->secret, &neither)) {
		p->credential = CREDENTIAL_SECRET;
	} else if (neither) { /* may be the secret itself: not shown */
		settings_fault(r, n,
		               "%s: a secret does not stand in the file itself: write env:NAME (a variable), "
		               "file:PATH, passthrough (the client's own) or none",
		               o->key);
	}
}

void read_aws_secret(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	bool neither = n->kind != YAML_SCALAR;
	if (!neither)
		settings_read_secret(r, o, n, field, &neither);
	if (neither) /* may be the secret itself: not shown */
		settings_fault(r, n, "%s: write env:NAME (a variable) or file:PATH", o->key);
}

void read_aws_region(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	for (size_t i = 0; n->kind == YAML_SCALAR && i < n->text.n; i++) {
		char c = n->text.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-') || n->text.n > 32) {
			settings_fault(r, n, "%s: a region's name is wanted, such as us-east-1", o->key);
			return;
		}
	}
	read_name(r, o, n, field);
}

/* One key out of the environment, under its usual name. */
static void usual_secret(struct reader *r, const struct yaml_node *n, const char *key, const char *name,
                         slice *out)
{
	const struct option o = {.key = key};
	struct yaml_node at = *n;
	at.text = slice_of(name);
	if (out->n == 0)
		secret_of_env(r, &o, &at, at.text, out);
}

/* After all of `credential: {aws: {…}}` was read. */
static void finish_aws(struct reader *r, const struct yaml_node *n, struct provider *p)
{
	static const char ID[] = "providers[].credential.aws.access_key_id",
	                  SECRET[] = "providers[].credential.aws.secret_access_key";
	const struct yaml_node *aws = yaml_get(n, SLICE("aws"));
	p->credential = CREDENTIAL_AWS;
	if (aws == NULL || aws->kind != YAML_MAP) {
		settings_fault(r, n, "providers[].credential: as a mapping: {aws: {region: us-east-1}}");
		return;
	}
	if (p->dialect != DIALECT_BEDROCK)
		settings_fault(r, aws, "providers[].credential.aws: only for api: bedrock");
	if (yaml_get(aws, SLICE("region")) == NULL)
		settings_fault(r, aws, "providers[].credential.aws.region is missing: such as us-east-1");
	bool usual = !yaml_get(aws, SLICE("access_key_id")) && !yaml_get(aws, SLICE("secret_access_key"));
	const char *token = getenv("AWS_SESSION_TOKEN");
	if (!yaml_get(aws, SLICE("access_key_id")))
		usual_secret(r, aws, ID, "AWS_ACCESS_KEY_ID", &p->aws.key_id);
	if (!yaml_get(aws, SLICE("secret_access_key")))
		usual_secret(r, aws, SECRET, "AWS_SECRET_ACCESS_KEY", &p->aws.secret);
	if (usual && !yaml_get(aws, SLICE("session_token")) && token && *token)
		usual_secret(r, aws, "providers[].credential.aws.session_token", "AWS_SESSION_TOKEN",
		             &p->aws.token);
}

void read_deployments(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct provider *p = field;
	struct deployment *at = n->kind == YAML_MAP && n->n && n->n <= SETTINGS_LIST_MAX
	                            ? settings_alloc(r, n->n * sizeof *at)
	                            : NULL;
	if (at == NULL) {
		settings_fault(r, n, "%s: a mapping is wanted, names to models: {prod-gpt5: gpt-5}", o->key);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct yaml_node *name = &n->at[2 * i], *model = &n->at[2 * i + 1];
		if (model->kind != YAML_SCALAR || model->text.n == 0 || name->text.n == 0) {
			settings_fault(r, model, "%s: a model's name is wanted: {prod-gpt5: gpt-5}", o->key);
			return;
		}
		at[i] = (struct deployment){settings_copy(r, name->text), settings_copy(r, model->text)};
		if (at[i].name.p == NULL || at[i].model.p == NULL)
			return;
	}
	p->deployments = at;
	p->deployments_n = n->n;
}

/* --- URLs -------------------------------------------------------------------- */

static const char *const SCHEMES_HTTP[] = {"https://", "http://", NULL};
static const char *const SCHEMES_PROXY[] = {"https://", "http://", "socks5h://", "socks5://", NULL};

struct url {
	slice scheme, authority, path; /* scheme with "://", path with its leading '/' or empty */
};

static const char *parse_url(slice text, const char *const *schemes, struct url *u)
{
	*u = (struct url){0};
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= 0x20 || (unsigned char)text.p[i] >= 0x7F)
			return "it has blanks or characters that no URL has";
	for (size_t i = 0; schemes[i] && u->scheme.n == 0; i++)
		if (slice_starts_nocase(text, slice_of(schemes[i])))
			u->scheme = slice_of(schemes[i]);
	if (u->scheme.n == 0)
		return "it has to begin with https:// or http://";
	slice rest = slice_sub(text, u->scheme.n, text.n);
	if (slice_find_char(rest, '?') >= 0 || slice_find_char(rest, '#') >= 0)
		return "it must have no ? or # part";
	ptrdiff_t slash = slice_find_char(rest, '/');
	u->authority = slash < 0 ? rest : slice_sub(rest, 0, (size_t)slash);
	u->path = slash < 0 ? SLICE_NONE : slice_sub(rest, (size_t)slash, rest.n);
	while (u->path.n && u->path.p[u->path.n - 1] == '/')
		u->path.n--;
	if (u->authority.n == 0 || u->authority.p[0] == ':')
		return "it names no host";
	return NULL;
}

static bool port_is_good(slice authority)
{
	ptrdiff_t bracket = slice_find_char(authority, ']');
	slice tail = bracket >= 0 ? slice_sub(authority, (size_t)bracket + 1, authority.n) : authority;
	ptrdiff_t colon = slice_find_char(tail, ':');
	long long port;
	if (colon < 0)
		return bracket < 0 || tail.n == 0;
	return slice_to_i64(slice_sub(tail, (size_t)colon + 1, tail.n), &port) && port > 0 && port <= 65535;
}

void read_url(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct provider *p = field;
	struct url u;
	if (n->kind != YAML_SCALAR || n->text.n == 0) {
		settings_fault(r, n, "%s: a URL is wanted, such as https://api.anthropic.com", o->key);
		return;
	}
	slice shown = slice_sub(n->text, 0, 100);
	const char *wrong = parse_url(n->text, SCHEMES_HTTP, &u);
	if (wrong == NULL && slice_find_char(u.authority, '@') >= 0) {
		settings_fault(r, n, "%s: a password does not stand in a URL: use `credential`", o->key);
		return;
	}
	if (wrong == NULL && !port_is_good(u.authority))
		wrong = "its port is none";
	if (wrong) {
		settings_fault(r, n, "%s: \"" SLICE_FMT "\" is no URL to use: %s", o->key, SLICE_ARG(shown),
		               wrong);
		return;
	}
	if (slice_ends(u.path, SLICE("/v1")) || slice_ends(u.path, SLICE("/v1beta"))) {
		size_t cut = slice_ends(u.path, SLICE("/v1")) ? 3 : 7;
		settings_fault(
		    r, n,
		    "%s: the API's version comes with the client's path: write " SLICE_FMT SLICE_FMT
		        SLICE_FMT,
		    o->key, SLICE_ARG(u.scheme), SLICE_ARG(u.authority),
		    SLICE_ARG(slice_sub(u.path, 0, u.path.n - cut)));
		return;
	}
	p->base_url = settings_text(r, SLICE_FMT SLICE_FMT SLICE_FMT, SLICE_ARG(u.scheme),
	                            SLICE_ARG(u.authority), SLICE_ARG(u.path));
	p->host = slice_sub(p->base_url, u.scheme.n, u.scheme.n + u.authority.n);
}

bool settings_read_http_url(struct reader *r, const struct option *o, const struct yaml_node *n, slice *out,
                            bool *insecure)
{
	struct url u = {0};
	const char *wrong = n->kind == YAML_SCALAR ? parse_url(n->text, SCHEMES_HTTP, &u) : "it is no text";
	if (wrong == NULL && slice_find_char(u.authority, '@') >= 0)
		wrong = "a user or password has no place in it";
	if (wrong == NULL && !port_is_good(u.authority))
		wrong = "its port is none";
	if (wrong) {
		settings_fault(r, n, "%s: this is no URL to use: %s", o->key, wrong);
		return false;
	}
	slice rest = u.authority, host = u.authority;
	if (rest.p[0] == '[')
		host = slice_sub(rest, 0, (size_t)(slice_find_char(rest, ']') + 1));
	else
		slice_split(&rest, ':', &host);
	*insecure = slice_eq(u.scheme, SLICE("http://")) && !slice_eq(host, SLICE("127.0.0.1")) &&
	            !slice_eq(host, SLICE("[::1]")) && !slice_eq_nocase(host, SLICE("localhost"));
	*out = settings_text(r, SLICE_FMT SLICE_FMT SLICE_FMT, SLICE_ARG(u.scheme), SLICE_ARG(u.authority),
	                     SLICE_ARG(u.path));
	return out->p != NULL;
}

void read_proxy(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct url u;
	slice *out = field;
	bool neither;
	if (n->kind != YAML_SCALAR || n->text.n == 0) {
		settings_fault(r, n, "%s: a URL is wanted, such as http://proxy.example.com:3128", o->key);
		return;
	}
	if (!settings_read_secret(r, o, n, out, &neither)) {
		if (!neither)
			return;
		*out = settings_copy(r, n->text);
		if (parse_url(*out, SCHEMES_PROXY, &u) == NULL && slice_find_char(u.authority, '@') >= 0) {
			settings_fault(r, n,
			               "%s: a password does not stand in the file itself: write env:NAME or "
			               "file:PATH for the whole URL",
			               o->key);
			return;
		}
	}
	const char *wrong = out->n ? parse_url(*out, SCHEMES_PROXY, &u) : NULL;
	if (wrong)
		settings_fault(r, n, "%s: this is no proxy's URL: %s", o->key, wrong);
}

/* --- providers --------------------------------------------------------------- */

static const struct {
	const char *api, *vendor, *base_url; /* base_url NULL: no public one */
	enum dialect dialect;
} APIS[] = {
    {"anthropic", "anthropic", "https://api.anthropic.com", DIALECT_ANTHROPIC},
    {"openai", "openai", "https://api.openai.com", DIALECT_OPENAI},
    {"gemini", "google", "https://generativelanguage.googleapis.com", DIALECT_GEMINI},
    {"bedrock", "bedrock", NULL, DIALECT_BEDROCK},
    {"azure", "azure", NULL, DIALECT_AZURE},
    {"vertex", "vertex", NULL, DIALECT_VERTEX},
    {"cohere", "cohere", "https://api.cohere.com", DIALECT_COHERE},
    {"ollama", "ollama", "http://127.0.0.1:11434", DIALECT_OLLAMA},
};
#define APIS_N (sizeof APIS / sizeof *APIS)

void read_api(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct provider *p = field;
	for (size_t i = 0; i < APIS_N && n->kind == YAML_SCALAR; i++) {
		if (!slice_eq(n->text, slice_of(APIS[i].api)))
			continue;
		p->dialect = APIS[i].dialect;
		return;
	}
	settings_fault(r, n, "%s: write %s", o->key, o->type);
}

static void default_provider(struct provider *p)
{
	*p = (struct provider){
	    .connect_ms = 10000, .first_byte_ms = 600000, .idle_ms = 300000, .total_ms = 3600000};
	for (int m = 0; m < METER_N; m++)
		p->price.per_million[m] = PRICE_ABSENT;
}

static void put_base_url(struct provider *p, const char *url)
{
	p->base_url = slice_of(url);
	size_t scheme = (size_t)slice_find(p->base_url, SLICE("://")) + 3;
	slice rest = slice_sub(p->base_url, scheme, p->base_url.n);
	ptrdiff_t slash = slice_find_char(rest, '/');
	p->host = slash < 0 ? rest : slice_sub(rest, 0, (size_t)slash);
}

static bool is_version(slice segment)
{
	return segment.n >= 2 && segment.p[0] == 'v' && segment.p[1] >= '0' && segment.p[1] <= '9';
}

/* A base URL whose path ends with the API's version, or with that and /openai: a client's own /v1 is not put
 * behind it. */
static bool has_version(slice url)
{
	slice last = SLICE_NONE, before = SLICE_NONE, part;
	while (slice_split(&url, '/', &part)) {
		before = last;
		last = part;
	}
	return is_version(last) || (slice_eq(last, SLICE("openai")) && is_version(before));
}

/* What the vendor's row and the dialect give where nothing was written. A row is found by the vendor that was
 * written, else by the host, else by the provider's name; only for dialects that others speak. */
static void fill_provider(struct provider *p)
{
	bool spoken = p->dialect == DIALECT_OPENAI || p->dialect == DIALECT_ANTHROPIC;
	const struct vendor *row = p->vendor.n ? vendor_named(p->vendor) : vendor_at(p->host);
	if (row == NULL && p->vendor.n == 0)
		row = vendor_named(p->name);
	if (row && (spoken || p->vendor.n))
		p->vendor = slice_of(row->prices);
	if (row && p->dialect == DIALECT_OPENAI) {
		if (p->base_url.n == 0 && row->base_url)
			put_base_url(p, row->base_url);
		p->bare = row->bare;
		p->usage_unasked = row->usage_unasked;
	}
	for (size_t i = 0; i < APIS_N; i++) {
		if (APIS[i].dialect != p->dialect)
			continue;
		if (p->vendor.n == 0)
			p->vendor = slice_of(APIS[i].vendor);
		if (p->base_url.n == 0 && APIS[i].base_url)
			put_base_url(p, APIS[i].base_url);
	}
	p->bare = p->bare || (spoken && has_version(p->base_url));
}

void settings_default_providers(struct reader *r)
{
	struct provider *p = settings_alloc(r, 4 * sizeof *p);
	if (p == NULL)
		return;
	for (size_t i = 0; i < 4; i++) {
		default_provider(&p[i]);
		p[i].name = i < 3 ? slice_of(APIS[i].api) : SLICE("chatgpt");
		p[i].dialect = i < 3 ? APIS[i].dialect : DIALECT_OPENAI;
		p[i].credential = CREDENTIAL_PASSTHROUGH;
		if (i == 3) { /* where Codex goes with a ChatGPT login: only by its name, /p/chatgpt/ */
			p[i].base_url = SLICE("https://chatgpt.com/backend-api/codex");
			p[i].host = slice_sub(p[i].base_url, 8, 19);
			p[i].billing = BILLING_SUBSCRIPTION;
		}
		fill_provider(&p[i]);
	}
	r->snap->s.providers = p;
	r->snap->s.providers_n = 4;
}

bool settings_finish_price(struct reader *r, struct place at, const char *key, slice id, struct price *price)
{
	int64_t per_million[METER_N];
	memcpy(per_million, price->per_million, sizeof per_million);
	if (per_million[METER_INPUT] == PRICE_ABSENT || per_million[METER_OUTPUT] == PRICE_ABSENT) {
		settings_fault_at(r, at, "%s: needs both input and output, USD for a million tokens", key);
		return false;
	}
	price_from_settings(price, id, per_million);
	return true;
}

/* Where there is no public address of all. */
static void finish_base_url(struct reader *r, const struct yaml_node *n, struct provider *p)
{
	if (p->base_url.n || yaml_get(n, SLICE("base_url")))
		return;
	if (p->dialect == DIALECT_BEDROCK && p->aws.region.n) {
		p->base_url = settings_text(r, "https://bedrock-runtime." SLICE_FMT ".amazonaws.com",
		                            SLICE_ARG(p->aws.region));
		if (p->base_url.n)
			p->host = slice_sub(p->base_url, 8, p->base_url.n);
	} else if (p->dialect == DIALECT_BEDROCK && p->credential != CREDENTIAL_AWS) {
		settings_fault(r, n,
		               "providers[].base_url is missing: such as "
		               "https://bedrock-runtime.us-east-1.amazonaws.com");
	} else if (p->dialect == DIALECT_AZURE) {
		settings_fault(r, n,
		               "providers[].base_url is missing: such as "
		               "https://NAME.openai.azure.com");
	} else if (p->dialect == DIALECT_VERTEX) {
		settings_fault(r, n,
		               "providers[].base_url is missing: that of the location, such as "
		               "https://aiplatform.googleapis.com (global) or "
		               "https://us-east5-aiplatform.googleapis.com");
	}
}

static void finish_provider(struct reader *r, const struct yaml_node *n, struct provider *p)
{
	const struct settings *s = &r->snap->s;
	const struct yaml_node *name = yaml_get(n, SLICE("name")), *prices = yaml_get(n, SLICE("prices"));
	if (name == NULL)
		settings_fault(r, n, "providers[].name is missing: a name for the ledger and for /p/NAME/");
	if (yaml_get(n, SLICE("api")) == NULL)
		settings_fault(r, n,
		               "providers[].api is missing: write anthropic, openai, gemini, bedrock, azure, "
		               "vertex, cohere "
		               "or ollama");
	for (size_t i = 0; i < s->providers_n && p->name.n; i++)
		if (slice_eq(s->providers[i].name, p->name))
			settings_fault(r, name, "providers[].name: there are two providers \"" SLICE_FMT "\"",
			               SLICE_ARG(p->name));
	const struct yaml_node *credential = yaml_get(n, SLICE("credential"));
	if (credential && credential->kind == YAML_MAP)
		finish_aws(r, credential, p);
	fill_provider(p);
	finish_base_url(r, n, p);
	if (prices && prices->kind == YAML_MAP) {
		slice id = settings_text(r, "settings:" SLICE_FMT, SLICE_ARG(p->name));
		p->has_price = settings_finish_price(r, (struct place){r->file, prices->line, prices->column},
		                                     "providers[].prices", id, &p->price);
	}
}

/* An array of n elements of size bytes, and room for more; NULL after a fault. */
static void *grown(struct reader *r, const struct yaml_node *at, void *old, size_t n, size_t more,
                   size_t size, size_t most)
{
	void *made = n + more <= most ? settings_alloc(r, (n + more) * size + 1) : NULL;
	if (made == NULL)
		settings_fault(r, at, "more than %zu are not taken", most);
	else if (n)
		memcpy(made, old, n * size);
	return made;
}

static bool list_of_maps(struct reader *r, const struct option *o, const struct yaml_node *n)
{
	if (n->kind == YAML_LIST && n->n)
		return true;
	settings_fault(r, n, "%s: a list is wanted, an entry a line: - {name: …}", o->key);
	return false;
}

void read_providers(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct settings *s = field;
	if (!list_of_maps(r, o, n))
		return;
	struct provider *all =
	    grown(r, n, s->providers, s->providers_n, n->n, sizeof *all, SETTINGS_PROVIDERS_MAX);
	if (all == NULL)
		return;
	s->providers = all;
	for (size_t i = 0; i < n->n; i++) {
		struct provider *p = &all[s->providers_n];
		default_provider(p);
		if (n->at[i].kind != YAML_MAP) {
			settings_fault(r, &n->at[i], "providers[]: a mapping is wanted: {name: …, api: …}");
			continue;
		}
		settings_read_map(r, &n->at[i], SLICE("providers[]."), p);
		finish_provider(r, &n->at[i], p);
		s->providers_n++;
	}
}

void read_teams(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct settings *s = field;
	if (!list_of_maps(r, o, n))
		return;
	struct team *all = grown(r, n, s->teams, s->teams_n, n->n, sizeof *all, SETTINGS_TEAMS_MAX);
	if (all == NULL)
		return;
	s->teams = all;
	for (size_t i = 0; i < n->n; i++) {
		struct team *t = &all[s->teams_n];
		const struct yaml_node *name = yaml_get(&n->at[i], SLICE("name"));
		*t = (struct team){0};
		if (n->at[i].kind != YAML_MAP) {
			settings_fault(r, &n->at[i], "teams[]: a mapping is wanted: {name: …, members: […]}");
			continue;
		}
		settings_read_map(r, &n->at[i], SLICE("teams[]."), t);
		t->by_api = slice_eq(r->files[r->file], SLICE(SETTINGS_MORE_NAME));
		if (name == NULL)
			settings_fault(r, &n->at[i], "teams[].name is missing");
		for (size_t k = 0; k < s->teams_n && t->name.n; k++)
			if (slice_eq(all[k].name, t->name))
				settings_fault(r, name, "teams[].name: there are two teams \"" SLICE_FMT "\"",
				               SLICE_ARG(t->name));
		s->teams_n++;
	}
}
