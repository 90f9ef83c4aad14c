/* The settings: YAML read through one option table into an immutable snapshot, shared by reference count. A
 * reload makes a new snapshot; calls in flight keep theirs. Every key of the table stands in
 * docs/configuration.md (checked). */
#ifndef WEIR_MODEL_SETTINGS_H
#define WEIR_MODEL_SETTINGS_H

#include "base/err.h"
#include "base/zone.h"
#include "model/alert.h"
#include "model/catalog.h"
#include "model/rules.h"
#include "model/types.h"

struct listen {
	slice host;                        /* "127.0.0.1", "::1", "0.0.0.0" */
	int port;                          /* 0: any free one */
	slice certificate, key, client_ca; /* files; n 0 without TLS */
	bool loopback;                     /* host is a loopback address */
};

enum credential_kind {
	CREDENTIAL_NONE,
	CREDENTIAL_SECRET,
	CREDENTIAL_PASSTHROUGH,
	CREDENTIAL_AWS, /* requests are signed with the keys of struct aws */
};

/* Signing for AWS; the secrets are zeroed when the snapshot goes. */
struct aws {
	slice region;
	slice key_id, secret;
	slice token; /* of a session; n 0: a lasting key */
};

/* A deployment of Azure's, or an inference profile of Bedrock's, by its name, and the model it runs. */
struct deployment {
	slice name, model;
};

enum on_abort { ABORT_CANCEL, ABORT_DRAIN };

struct provider {
	slice name; /* of /p/{name}/ and the ledger */
	enum dialect dialect;
	slice vendor;   /* in the price book; by default that of the row in vendors.h, or the dialect's own */
	slice base_url; /* without a trailing slash: scheme://host[:port][/path] */
	slice host;     /* of base_url, with the port as written */
	enum credential_kind credential;
	slice secret;   /* of CREDENTIAL_SECRET, resolved; zeroed when the snapshot goes */
	struct aws aws; /* of CREDENTIAL_AWS */
	size_t deployments_n;
	struct deployment *deployments;
	enum billing billing;
	int64_t credit_nanousd; /* what one of its credits costs; 0: it does not bill in credits */
	int on_abort;           /* enum on_abort */
	size_t models_n;
	slice *models; /* globs; none: takes any model */
	bool has_price;
	struct price price; /* of `prices:` here; valid when has_price */
	bool bare; /* base_url has all that stands before /chat/completions: no /v1 is put behind it */
	bool usage_unasked; /* streams report usage always, and asking for it is an error */
	int throttled;      /* 1: a 429 of its is passed on, and holds nobody back */
	bool http2;
	slice ca_file; /* PEM bundle beside the system's; n 0 none */
	slice proxy;   /* URL; n 0: the environment's HTTPS_PROXY, HTTP_PROXY, NO_PROXY */
	int64_t connect_ms, first_byte_ms, idle_ms, total_ms; /* time limits of a call */
};

struct team {
	slice name, cost_centre;
	size_t members_n;
	slice *members; /* users */
	bool by_api;    /* not of the file */
};

/* Models that stand for one another, the first that a provider takes is the one (`routes.tiers`). */
struct tier {
	slice name;
	size_t models_n;
	slice *models;
};

/* An attribute and what it is: the name of a claim, or the text itself. */
struct issuer_pair {
	enum attr attr;
	slice text;
};

/* A group of an issuer's people, and what its members may do. */
struct issuer_role {
	slice group;
	int role; /* enum role */
};

#define SETTINGS_ISSUERS_MAX 64

/* Whose tokens are taken for identities (OpenID Connect). */
struct issuer {
	slice name;         /* in messages, and "issuer:NAME" for the key's id */
	slice issuer;       /* the tokens' `iss`, a URL */
	slice keys_url;     /* n 0: told by issuer/.well-known/openid-configuration */
	slice keys_file;    /* instead of asking over the network; n 0 none */
	slice ca_file;      /* PEM bundle beside the system's; n 0 none */
	size_t audiences_n; /* a token is for one of them */
	slice *audiences;
	size_t claims_n; /* attributes told by claims; none: the usual ones */
	struct issuer_pair *claims;
	size_t set_n; /* attributes that every token has */
	struct issuer_pair *set;
	int role;        /* enum role */
	int64_t skew_ms; /* that clocks may differ by */
	/* People sign in to the console there, when there is a client_id. */
	slice client_id, client_secret; /* secret n 0: none, PKCE alone */
	slice scopes, roles_claim;      /* n 0: the usual */
	size_t roles_n;
	struct issuer_role *roles;
	int64_t refresh_ms, retry_ms; /* how old keys may be; least time between two fetches */
};

struct limits {
	int64_t body_bytes;      /* largest request body, 64 MB */
	int64_t bodies_bytes;    /* all request bodies held together */
	int64_t header_bytes;    /* request head, 64 KB at most */
	int64_t answer_bytes;    /* largest unstreamed answer read for its usage; beyond it is counted */
	int64_t event_bytes;     /* largest SSE event read for its usage */
	int64_t connections;     /* open client connections, all workers together */
	int64_t calls;           /* calls in flight, all workers together */
	int64_t budget_counters; /* taken at the start; a change waits for the next */
	int64_t
	    hosted_calls; /* of the provider\'s own tools, that a hold pays for where nothing limits them */
	int64_t hold_back_ms; /* that a call may wait in admission: some clients send again after 66 s */
	int64_t header_ms, body_ms, idle_ms,
	    drain_ms; /* client's time for the head, between body bytes, keep-alive; SIGTERM's drain */
	int64_t abort_bytes, abort_ms; /* on_abort: drain reads so much more of an answer, for so long */
	int64_t devices;               /* that a key may be used from in a day before it is told; 0: any */
	int64_t stream_buffer; /* bytes of an answer held for a slow client before the provider is slowed */
};

enum unmetered { UNMETERED_REFUSE, UNMETERED_ALLOW };

struct settings {
	slice source; /* file or folder they came from; n 0: the defaults */
	struct listen listen, console;
	slice store;   /* "sqlite:/path" made absolute */
	slice journal; /* file; beside the store by default */
	int64_t journal_slots;
	int64_t retention_rows_ms, retention_sums_ms; /* 0: for ever */
	slice timezone;
	struct zone *zone; /* of that name; owned */
	int workers;
	enum unmetered unmetered;
	bool insecure_listen;
	size_t hosts_n;
	slice *hosts; /* further names accepted in Host */
	enum { UNKNOWN_PRICE_REFUSE, UNKNOWN_PRICE_FALLBACK } unknown_price;
	struct price fallback_price; /* of `prices: {unknown: {…}}`; id "fallback" */
	slice price_file;
	int64_t batches_poll_ms; /* how soon a new batch is asked about */
	struct catalog *catalog; /* owned reference */
	size_t providers_n;
	struct provider *providers;
	size_t teams_n;
	struct team *teams;
	struct limits limits;
	int log_level;  /* enum log_level */
	int log_format; /* enum log_format */
	size_t budgets_n;
	struct budget_rule *budgets;
	size_t tiers_n;
	struct tier *tiers;
	size_t quotas_n;
	struct quota_rule *quotas;
	size_t gates_n;
	struct gate_rule *gates; /* in the order in which they decide */
	size_t storms_n;
	struct storm_rule *storms; /* the first that applies to a call is the one */
	size_t contexts_n;
	struct context_rule *contexts; /* each that applies must hold */
	size_t issuers_n;
	struct issuer *issuers;
	slice gate_secret;     /* signs `weir gate` tokens; n 0: a secret of this store's own */
	int64_t gate_token_ms; /* how long such a token opens */
	size_t alerts_n;
	struct alert_target *alerts; /* where people are told */
	uint64_t where_fields;       /* a bit for each field that any rule's where looks at */
};

/* Reads a file, or every *.yaml and *.yml of a folder in order of name (lists of the same key are joined,
 * scalars may stand once). path n 0: the defaults (loopback, SQLite in the user's data folder, providers
 * anthropic, openai, gemini with credential passthrough). Every error of the run is given to on_error as
 * FILE:LINE:COLUMN: message; NULL is returned when there was one. Relative paths are relative to the file's
 * folder. Secrets: env:NAME, file:PATH only. */
struct settings *settings_load(slice path, void (*on_error)(void *arg, const char *line), void *arg);
/* The same for those who do not serve. SETTINGS_NO_SECRETS: env: and file: are not looked up, credentials
 * stay empty. SETTINGS_NO_FOLDER: the default data folder is not created. SETTINGS_NO_PRICES: no catalog is
 * read. */
enum { SETTINGS_NO_SECRETS = 1, SETTINGS_NO_FOLDER = 2, SETTINGS_NO_PRICES = 4 };
struct settings *settings_load_with(slice path, unsigned flags, void (*on_error)(void *arg, const char *line),
                                    void *arg);
/* The same with more YAML behind the files, of what the API made; SETTINGS_MORE_NAME is its file's name in
 * messages and places. */
#define SETTINGS_MORE_NAME "API"
struct settings *settings_load_more(slice path, slice more, void (*on_error)(void *arg, const char *line),
                                    void *arg);
struct settings *settings_ref(struct settings *s);
void settings_unref(struct settings *s);

/* The default file: $WEIR_CONFIG, ./weir.yaml, $XDG_CONFIG_HOME/weir/weir.yaml (or ~/.config/…),
 * /etc/weir/weir.yaml, the first that exists; n 0 when none does. Written into buf. */
slice settings_find(char *buf, size_t cap);

/* The provider of a call: by name (n 0: not named), else the first of the dialect whose models match, else
 * the first of the dialect with no models list. NULL when there is none. */
const struct provider *settings_provider(const struct settings *s, enum dialect d, slice name, slice model);

/* A budget by its name, or NULL. */
const struct budget_rule *settings_budget(const struct settings *s, slice name);

/* A tier of models by its name, or NULL. */
const struct tier *settings_tier(const struct settings *s, slice name);

/* The team a user is a member of, or NULL. */
const struct team *settings_team(const struct settings *s, slice user);
const struct team *settings_team_named(const struct settings *s, slice name);

/* Does Weir hold what this provider is asked with? */
static inline bool provider_has_credential(const struct provider *p)
{
	return p->credential == CREDENTIAL_SECRET || p->credential == CREDENTIAL_AWS;
}

/* What a provider's name for a model stands for in the price book: the model of a deployment, that of a
 * Bedrock ARN (the part behind its last slash), else the name itself. */
slice provider_model(const struct provider *p, slice name);

/* Does its list of models, where it has one, let a model through? */
bool provider_takes(const struct provider *p, slice model);

/* The price of a model at a provider at a time: the provider's own, the catalog's, the fallback (then
 * *fallback is true); NULL when unknown. */
const struct price *settings_price(const struct settings *s, const struct provider *p, slice model,
                                   int64_t wall_ms, bool *fallback);

/* Walks the option table: "providers[].base_url", its type and its one-line text; false at the end. For docs
 * and `weir check --options`. */
bool settings_option(size_t *at, const char **key, const char **type, const char **text);

#endif
