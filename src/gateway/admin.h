/* The part of the console's API that Weir is administered by: keys, teams, budgets, limits lifted, freezes,
 * the record of changes. One table of routes says what there is, who may ask it, and in which shapes; the
 * OpenAPI document is made from it. Every change is recorded in the transaction that makes it. */
#ifndef WEIR_GATEWAY_ADMIN_H
#define WEIR_GATEWAY_ADMIN_H

#include "gateway/console_api.h"
#include "model/rules.h"
#include "text/jsonw.h"

#define ADMIN_BODY_MAX (256 * 1024)

/* One question. */
struct admin {
	struct console_context *c;
	const struct console_reader *who;
	slice query, body;
	slice param;               /* the {…} of the path */
	struct settings *settings; /* a reference */
	struct arena mem;
	int64_t now_ms;
	int *status;
	struct buf *out;
	struct jsonw w; /* into out */
};

#define ROLE_BIT(r) (1u << (r))
#define ALL_ROLES   ((1u << ROLE_N) - 1)

struct admin_route {
	const char *method, *path; /* "/api/v1/keys/{id}" */
	unsigned roles;            /* who may: bits of enum role */
	int (*run)(struct admin *a);
	const char *summary;
	const char *query;  /* names of its parameters, comma between; "" none */
	const char *body;   /* JSON Schema of what is sent; NULL: nothing */
	const char *answer; /* JSON Schema of a good answer */
};

extern const struct admin_route admin_routes[];
extern const size_t admin_routes_n;

/* Answers; ERR_NOT_FOUND when the path is none of these. */
int admin_api(struct console_context *c, const struct console_reader *who, slice method, slice path,
              slice query, slice body, int *status, struct buf *out) WARN_UNUSED;

/* A question that comes from no request: of who, answered into out. */
void admin_begin(struct admin *a, struct console_context *c, const struct console_reader *who,
                 struct buf *out);
void admin_release(struct admin *a);

/* --- for the handlers ------------------------------------------------------------------------------ */

/* Ends what was written into a->w. */
int admin_end(struct admin *a) WARN_UNUSED;
/* {"error": {"message": …}} in place of what was written. */
int admin_refuse(struct admin *a, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4))) WARN_UNUSED;
/* The answer to a fault of the store: 404, 503 or 500 with its text. */
int admin_fault(struct admin *a, const struct error *e) WARN_UNUSED;

/* A member of the body: a text, or with raw set any JSON value as it stands. */
struct admin_field {
	const char *name;
	slice *to; /* p NULL when it was not sent */
	bool raw;
};
/* Reads the body, a JSON object of these members alone; false after a refusal, whose result is in *r. */
bool admin_body(struct admin *a, const struct admin_field *fields, size_t n, int *r);
/* A parameter of the query, decoded; p NULL when it is not there. */
slice admin_query(struct admin *a, slice name);

/* "ana@example.com (k_…)": who stands in the record of changes. */
slice admin_actor(struct admin *a);
bool admin_is(const struct admin *a, enum role r);
/* Is that the caller's own user? Never true of a caller without one. */
bool admin_is_self(const struct admin *a, slice user);
/* A change has been stored: it is to hold before the answer goes out. */
void admin_changed(struct admin *a);
/* RFC 3339, or null for 0 and for the end of time. */
void admin_put_time(struct admin *a, slice key, int64_t ms);

/* Of a path that console_api answers; it stands in the table for the document. */
int admin_elsewhere(struct admin *a);
/* admin_openapi.c */
int admin_openapi(struct admin *a);
/* admin_keys.c */
int admin_keys_list(struct admin *a);
int admin_keys_create(struct admin *a);
int admin_keys_revoke(struct admin *a);
int admin_keys_rotate(struct admin *a);
/* admin_rules.c */
int admin_teams_list(struct admin *a);
int admin_teams_put(struct admin *a);
int admin_teams_delete(struct admin *a);
int admin_budgets_put(struct admin *a);
int admin_budgets_delete(struct admin *a);
/* admin_record.c */
int admin_me(struct admin *a);
int admin_audit(struct admin *a);
/* admin_live.c */
int admin_live(struct admin *a);
int admin_events(struct admin *a);
/* What was said before, and what is said now. All 0 and a number of sessions: everything. */
struct live_change {
	uint64_t since;  /* of the pulse: only sessions that changed later, the dearest first, … */
	size_t sessions; /* … and at most so many */
	uint64_t budgets, freezes; /* of what was said of them last: it is left out when it is the same */
};
/* What goes on, as one object into a->w; *change then holds what has been said. */
void admin_live_put(struct admin *a, struct live_change *change);
void admin_put_burn(struct admin *a); /* members "burn", "calls_in_flight" */
void admin_put_alerts(
    struct admin *a); /* member "alerts": how many are open; null where others' are not seen */
void admin_put_levels(struct admin *a); /* an array: the fullest budgets */
/* admin_overview.c */
int admin_overview(struct admin *a);
/* admin_health.c */
int admin_health(struct admin *a);
int admin_prices(struct admin *a);
/* admin_setup.c */
int admin_setup(struct admin *a);
/* admin_shadow.c */
int admin_shadow(struct admin *a);
/* admin_history.c */
int admin_budget_history(struct admin *a);
/* admin_preview.c */
int admin_budget_preview(struct admin *a);
/* admin_freeze.c */
void admin_put_freezes(struct admin *a); /* an array */
int admin_freezes(struct admin *a);
int admin_freeze(struct admin *a);
int admin_unfreeze(struct admin *a);
/* admin_sessions.c */
int admin_sessions_list(struct admin *a);
int admin_sessions_show(struct admin *a);
int admin_session_pause(struct admin *a);
int admin_session_resume(struct admin *a);
int admin_session_stop(struct admin *a);
int admin_session_escalate(struct admin *a);
/* admin_gate.c */
int admin_gate(struct admin *a);
/* admin_override.c */
int admin_override(struct admin *a);
int admin_overrides(struct admin *a);
int admin_override_approve(struct admin *a);
int admin_override_refuse(struct admin *a);
/* n of a limit's unit, for people: "10.00 USD", "2000 output_tokens". */
slice admin_amount(struct admin *a, const struct amount *like, int64_t n);
/* What a number of it counts, for programs: "nanousd", "tokens", "output_tokens", "requests", "nanocredits".
 */
slice admin_unit(const struct amount *a);
/* admin_budgets.c */
/* Is that counter (its label: the values of `each`) the caller's own user's or team's? */
bool admin_owns_counter(const struct admin *a, const struct budget_rule *rule, slice label);
int admin_budgets_list(struct admin *a);
int admin_budgets_show(struct admin *a);
int admin_holds(struct admin *a);
/* admin_holds.c: "holders", the oldest first, and "more_holders": the calls and batches that hold in the
 * budget; rule NULL: in any, with which. */
void admin_put_holders(struct admin *a, const struct budget_rule *rule);
/* admin_alerts.c */
int admin_alerts_list(struct admin *a);
int admin_alerts_show(struct admin *a);
int admin_alerts_silence(struct admin *a);
int admin_alerts_unsilence(struct admin *a);
int admin_alerts_test(struct admin *a);

#endif
