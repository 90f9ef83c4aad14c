/* `where`: which calls a rule is for. A mapping of fields to what they have to be, compiled when the settings
 * are read and matched on the hot path without an allocation.
 *
 *	{team: payments, branch: [main, rel-*], user: "!bot-*", diff_lines: ">3000",
 *	 any: [{agent: codex}, {tags.customer: acme}]}
 *
 * All must hold. A value is a text (a glob: '*' any run, '?' any one byte), "!…" (not that), ">n", "<n",
 * ">=n", "<=n" (whole numbers; of a text that is a number too), or null (not known). In a list one of the
 * plain values has to hold and all of those with "!"; a list of "!" alone means none of them. `any` holds
 * when one of its mappings does.
 *
 * What is not known equals nothing, is neither above nor below any number, and is "not" everything. A field
 * of many values (path, tool, mcp_server) holds when one of its values does: mcp_server: "!approved-*" means
 * that one is offered that is not approved, and with none offered it does not hold.
 *
 * What only CI can tell (trigger, pr, diff_lines, author, path) counts when a key, an OIDC token or the token
 * of `weir gate` says it. A trigger or pr that a header alone claims stands in the record, and in its
 * `claimed`, and is here not known: so that a row of the ledger counts as the call did. */
#ifndef WEIR_MODEL_WHERE_H
#define WEIR_MODEL_WHERE_H

#include "base/arena.h"
#include "base/zone.h"
#include "model/types.h"
#include "text/yaml.h"

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_MANY, FIELD_TAG, FIELD_SHARE };

/* id, name, kind, stands in the ledger's row as it is before the call (so that a budget's counters can be
 * rebuilt from rows) */
#define FIELD_LIST(X)                                                                                        \
	X(FIELD_USER, user, FIELD_TEXT, true)                                                                \
	X(FIELD_TEAM, team, FIELD_TEXT, true)                                                                \
	X(FIELD_COST_CENTRE, cost_centre, FIELD_TEXT, true)                                                  \
	X(FIELD_REPO, repo, FIELD_TEXT, true)                                                                \
	X(FIELD_BRANCH, branch, FIELD_TEXT, true)                                                            \
	X(FIELD_COMMIT, commit, FIELD_TEXT, true)                                                            \
	X(FIELD_WORKFLOW, workflow, FIELD_TEXT, true)                                                        \
	X(FIELD_ENVIRONMENT, environment, FIELD_TEXT, true)                                                  \
	X(FIELD_TRIGGER, trigger, FIELD_TEXT, true)                                                          \
	X(FIELD_PR, pr, FIELD_TEXT, true)                                                                    \
	X(FIELD_TASK, task, FIELD_TEXT, true)                                                                \
	X(FIELD_TASK_CLASS, task_class, FIELD_TEXT, true)                                                    \
	X(FIELD_COHORT, cohort, FIELD_TEXT, true)                                                            \
	X(FIELD_TAGS, tags, FIELD_TAG, true) /* tags.NAME */                                                 \
	X(FIELD_AGENT, agent, FIELD_TEXT, true)                                                              \
	X(FIELD_AGENT_VERSION, agent_version, FIELD_TEXT, true)                                              \
	X(FIELD_SESSION, session, FIELD_TEXT, true)                                                          \
	X(FIELD_SUBAGENT, subagent, FIELD_TEXT, true)                                                        \
	X(FIELD_KEY, key, FIELD_TEXT, true)                                                                  \
	X(FIELD_PROVIDER, provider, FIELD_TEXT, true)                                                        \
	X(FIELD_API, api, FIELD_TEXT, true)                                                                  \
	X(FIELD_MODEL, model, FIELD_TEXT, true) /* the one that will be called */                            \
	X(FIELD_MODEL_REQUESTED, model_requested, FIELD_TEXT, true)                                          \
	X(FIELD_EFFORT, effort, FIELD_TEXT, true)                                                            \
	X(FIELD_SPEED, speed, FIELD_TEXT, true)                                                              \
	X(FIELD_SERVICE_TIER, service_tier, FIELD_TEXT, true)                                                \
	X(FIELD_BILLING, billing, FIELD_TEXT, true)                                                          \
	X(FIELD_SOURCE, source, FIELD_TEXT, true)                                                            \
	X(FIELD_NODE, node, FIELD_TEXT, true)                                                                \
	X(FIELD_STREAM, stream, FIELD_TEXT, true)     /* true or false */                                    \
	X(FIELD_WEEKDAY, weekday, FIELD_TEXT, true)   /* mon … sun, in the settings' time zone */          \
	X(FIELD_HOUR, hour, FIELD_NUMBER, true)       /* 0 … 23, likewise */                               \
	X(FIELD_TURN, turn, FIELD_NUMBER, true)       /* of the session, from 1 */                           \
	X(FIELD_ATTEMPT, attempt, FIELD_NUMBER, true) /* from 1 */                                           \
	X(FIELD_DIFF_LINES, diff_lines, FIELD_NUMBER, false)                                                 \
	X(FIELD_AUTHOR, author, FIELD_TEXT, false)                                                           \
	X(FIELD_PATH, path, FIELD_MANY, false)             /* files that the diff changes */                 \
	X(FIELD_TOOL, tool, FIELD_MANY, false)             /* names of the tools offered to the model */     \
	X(FIELD_MCP_SERVER, mcp_server, FIELD_MANY, false) /* servers of those that come by MCP */           \
	X(FIELD_BUDGET, budget, FIELD_SHARE, false)        /* {NAME: ">80%"}: how much of it is used */

#define X(id, name, kind, row) id,
enum field { FIELD_LIST(X) FIELD_N };
#undef X

const char *field_name(enum field f);
enum field field_from_name(slice name); /* FIELD_N when unknown */
enum field_kind field_kind_of(enum field f);
bool field_in_row(enum field f);

/* A field as a rule names it: a tag has a name of its own. */
struct field_ref {
	enum field field;
	slice tag; /* of FIELD_TAGS */
};

struct facts {
	const struct record *record; /* who, key, provider, model requested, time, turn, attempt */
	slice model;                 /* that will be called; n 0: as requested */
	const struct zone *zone;     /* NULL: UTC */
	const struct ci_proof *ci;   /* the principal's; NULL: nothing is proven */
	size_t tools_n, mcp_servers_n;
	const slice *tools, *mcp_servers;
	/* How much of the named budget's counter for this call is used, in millionths; negative when it has
	 * none. May be NULL. */
	int64_t (*budget_used)(void *arg, slice name, const struct facts *f);
	void *budget_arg;
};

/* The text of a field that is one; n 0: not known. A tag is unescaped into buf (of ATTR_TEXT_MAX bytes; what
 * is longer is not known), others point into the record. */
slice facts_text(const struct facts *f, const struct field_ref *ref, char buf[ATTR_TEXT_MAX]);

struct where; /* immutable; lives in the arena it was read into */

/* True when the call is meant. w NULL: any call is. */
bool where_match(const struct where *w, const struct facts *f);
/* Does it look at this field? So that lists that cost something to make are made only when asked for. */
bool where_uses(const struct where *w, enum field f);
uint64_t where_fields(const struct where *w); /* a bit for each */

/* Of what it says; the same in every process. */
uint64_t where_hash(const struct where *w, uint64_t seed);

/* The same as tests of the ledger's columns, as struct ledger_filter has them, all of which must hold; false
 * when that cannot say it (`any`, the calendar, what is only claimed, …), or there are more than cap. */
struct where_filter {
	slice column, value;
};
bool where_filters(const struct where *w, struct arena *mem, struct where_filter *out, size_t cap, size_t *n);

#define WHERE_DEPTH_MAX 8    /* of any within any */
#define WHERE_TESTS_MAX 4096 /* of one rule */

typedef void where_fault_fn(void *arg, const struct yaml_node *at, const char *message);
struct where_source {
	const char *key;       /* "gates[].where", for messages */
	bool rows_only;        /* only fields that stand in the ledger's row */
	where_fault_fn *fault; /* every fault, none of them twice */
	/* A budget is named; NULL: none can be here. The caller knows which there are. */
	void (*budget)(void *arg, const struct yaml_node *at, slice name);
	void *arg;
};
/* Compiles node; NULL after a fault. Texts are copied. */
const struct where *where_read(const struct where_source *from, const struct yaml_node *node,
                               struct arena *mem);

/* A field by name for `each` (tags.NAME too): one that is a text of the row. False after a fault. */
bool where_read_field(const struct where_source *from, const struct yaml_node *node, struct arena *mem,
                      struct field_ref *out);

#endif
