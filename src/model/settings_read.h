/* Inside of the settings: the option table and the readers of its types. Files of model/settings* only. */
#ifndef WEIR_MODEL_SETTINGS_READ_H
#define WEIR_MODEL_SETTINGS_READ_H

#include "base/arena.h"
#include "base/map.h"
#include "model/settings.h"
#include "text/yaml.h"

#define SETTINGS_FILES_MAX     256
#define SETTINGS_FAULTS_MAX    100 /* told in one run; the rest are counted */
#define SETTINGS_PROVIDERS_MAX 256
#define SETTINGS_TEAMS_MAX     4096
#define SETTINGS_LIST_MAX      10000 /* elements of a list of texts */
#define SETTINGS_MEMORY_MAX    (64u << 20)
#define SETTINGS_SECRET_MAX    65536 /* bytes of a secret's file */
#define SETTINGS_OPTIONS_MAX   512   /* rows of the table */
#define SETTINGS_RULES_MAX     1024  /* of a kind */

struct place {
	int file, line, column; /* file: index into reader.files, from 0; line 0: nowhere */
};

/* The settings with what is theirs alone. */
struct snapshot {
	struct settings s; /* first: a settings pointer is a snapshot pointer */
	unsigned refs;     /* changed atomically */
	struct arena mem;
	struct map members; /* user -> struct team */
	size_t secrets_n;
	slice *secrets; /* owned, each and the array: zeroed before they go */
};

struct reader {
	struct snapshot *snap;
	unsigned flags; /* SETTINGS_* */
	size_t files_n;
	slice files[SETTINGS_FILES_MAX];         /* as told to the user */
	slice more;                              /* YAML of the API's, read behind the files; n 0 none */
	slice folder;                            /* of the file being read, for relative paths */
	int file;                                /* index of the file being read */
	struct place seen[SETTINGS_OPTIONS_MAX]; /* where a top-level option stood, by its row */
	struct map members;                      /* user -> struct place, of all teams read so far */
	struct rule_ref {                        /* budgets that rules name, before all of them are known */
		struct rule_ref *next;
		struct place at;
		slice name;
	} * budget_refs, *tier_refs; /* likewise tiers that budgets name */
	bool unreadable;             /* the folder, or all of it */
	bool spent;                  /* memory was, somewhere: a fault at the end */
	size_t faults_n, faults_more;
	struct fault {
		struct place at;
		slice text;
	} faults[SETTINGS_FAULTS_MAX];
};

struct option;
/* Reads node into the field (of the option's type); tells faults. */
typedef void option_read(struct reader *r, const struct option *o, const struct yaml_node *node, void *field);

struct option {
	const char *key, *type, *text; /* "providers[].name", what is written there, what it is for */
	option_read *read;             /* NULL: only a mapping of further options */
	size_t offset;                 /* of the field in its scope: settings, a provider, a team */
	int64_t least, most;           /* of numbers, sizes (bytes), durations (ms), money */
	const char *const *choices;    /* of a choice: NULL-ended, in order of their enum */
	bool group;                    /* a mapping is read by the rows that begin with "KEY." */
	bool joined;                   /* may stand in several files of a folder: lists are joined */
};

extern const struct option settings_options[];
extern const size_t settings_options_n;

/* Keys of other versions: refused with a reason of their own. NULL when key is none. */
const char *settings_refused_key(slice key);

/* A fault at a node of the file being read. */
void settings_fault(struct reader *r, const struct yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void settings_fault_at(struct reader *r, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Of the snapshot's memory; NULL (p NULL) and r->spent without any. Texts are NUL-terminated. */
void *settings_alloc(struct reader *r, size_t n);
slice settings_copy(struct reader *r, slice s);
slice settings_text(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads the pairs of a mapping by the rows that begin with prefix ("", "providers[].", …) into base. */
void settings_read_map(struct reader *r, const struct yaml_node *map, slice prefix, void *base);

/* The row of a key, or NULL. */
const struct option *settings_option_row(slice prefix, slice key);
/* env:NAME or file:PATH; false after a fault, or when text is neither (*neither is then true). */
bool settings_read_secret(struct reader *r, const struct option *o, const struct yaml_node *n, slice *out,
                          bool *neither);
/* A URL of http or https with a host and no password, into *out without trailing slashes; *insecure: plain
 * http to another machine. False after a fault. */
bool settings_read_http_url(struct reader *r, const struct option *o, const struct yaml_node *n, slice *out,
                            bool *insecure);

/* Where a top-level option stood; line 0 when it did not. */
struct place settings_seen(const struct reader *r, const char *key);

/* A copy of a secret that is zeroed when the snapshot goes; p NULL after a fault of memory. */
slice settings_secret(struct reader *r, slice text);

/* A snapshot of the defaults that depend on no file, with one reference; NULL without memory. */
struct snapshot *settings_new(void);

/* The providers without any settings: one for each dialect, and ChatGPT's for Codex; all with the client's
 * own credential. */
void settings_default_providers(struct reader *r);

/* Turns per_million as read into a price; false after a fault when input or output is missing. */
bool settings_finish_price(struct reader *r, struct place at, const char *key, slice id, struct price *price);

/* Checks that need more than one value. */
void settings_check(struct reader *r);
void settings_check_rules(struct reader *r);

/* A list of mappings, read by the rows that begin with prefix ("gates[].") and added to *all, which holds *n
 * elements of size bytes: each is zeroed, made ready by start (may be NULL), read, and given to finish with
 * its node and the elements before it. */
struct settings_list {
	const char *prefix;
	size_t size, most;
	void (*start)(void *element);
	void (*finish)(struct reader *r, const struct yaml_node *node, void *element, const void *before,
	               size_t before_n);
};
void settings_read_list(struct reader *r, const struct yaml_node *node, const struct settings_list *list,
                        void **all, size_t *n);
/* Likewise of rules, and one alone may be written as a mapping: without a name it is called by the key. */
void settings_read_rules(struct reader *r, const struct yaml_node *node, const char *key,
                         const struct settings_list *list, void **all, size_t *n);
/* What every rule needs after it was read: its name, and its place. before: those of its kind that were read
 * before it, of size bytes each. */
void settings_finish_rule(struct reader *r, const struct yaml_node *node, const char *prefix,
                          struct rule *rule, const void *before, size_t before_n, size_t size);
/* The rows of what every rule has; the rule stands first in its struct. where: read_where or read_row_where.
 */
#define RULE_ROWS(base, what, where_reader, where_text)                                                      \
	{.key = base ".name",                                                                                \
	 .type = "word",                                                                                     \
	 .text = "its name in refusals, the ledger and alerts, like no other " what "'s; needed",            \
	 .read = read_name,                                                                                  \
	 .offset = offsetof(struct rule, name)},                                                             \
	    {.key = base ".where",                                                                           \
	     .type = "mapping of fields to values",                                                          \
	     .text = where_text,                                                                             \
	     .read = where_reader,                                                                           \
	     .offset = offsetof(struct rule, where)},                                                        \
	    {.key = base ".mode",                                                                            \
	     .type = "enforce, shadow or off",                                                               \
	     .text = "shadow records what it would have done, and does nothing; default enforce",            \
	     .read = read_choice,                                                                            \
	     .offset = offsetof(struct rule, mode),                                                          \
	     .choices = settings_mode_names},                                                                \
	{                                                                                                    \
		.key = base ".cohort", .type = "cohort or per cent",                                         \
		.text = "only for calls of that cohort (pilot), or for a share of the users (10%), the "     \
		        "same ones every time; default all",                                                 \
		.read = read_cohort, .offset = offsetof(struct rule, cohort)                                 \
	}
/* Where nothing was written of storms: they are looked for with the usual limits, and only told. */
void settings_default_storms(struct reader *r);
extern const char *const settings_mode_names[];

/* Readers: field is of the type named first */
option_read read_text, read_path, read_file_path, read_name, read_timezone, read_proxy,
    read_store;                                                                /* slice */
option_read read_int, read_choice;                                             /* int */
option_read read_int64, read_size, read_duration, read_money, read_call_money; /* int64_t */
option_read read_bool;                                                         /* bool */
option_read read_address;                                                      /* struct listen */
option_read read_texts, read_hosts, read_members; /* size_t n and behind it slice *, both in the scope */
option_read read_api, read_url, read_credential, read_aws_secret, read_aws_region,
    read_deployments;        /* struct provider */
option_read read_money_rate; /* struct storm_limits */
option_read read_dollars;    /* int64_t, nano-dollars */
option_read read_unknown_price, read_providers, read_teams, read_budgets, read_quotas, read_gates,
    read_context, read_storms;                 /* struct settings */
option_read read_where, read_row_where;        /* const struct where * */
option_read read_cohort;                       /* struct cohort */
option_read read_each;                         /* size_t n and behind it struct field_ref * */
option_read read_amount;                       /* struct amount */
option_read read_window;                       /* struct window */
option_read read_rate;                         /* struct rate */
option_read read_count;                        /* int64_t: 2000000, 250k, 2M */
option_read read_alerts, read_include;         /* struct budget_rule */
option_read read_tier;                         /* slice, the name of a tier */
option_read read_tiers;                        /* struct settings */
option_read read_issuers;                      /* struct settings */
option_read read_issuer_url, read_gate_secret; /* slice */
option_read read_issuer_pairs;                 /* size_t n and behind it struct issuer_pair * */
option_read read_issuer_roles;                 /* size_t n and behind it struct issuer_role * */

#endif
