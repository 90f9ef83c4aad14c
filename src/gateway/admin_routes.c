/* What there is to ask, who may, and the shapes: the OpenAPI document is made from this table. */
#include "gateway/admin.h"
#include "gateway/admin_shapes.h"

#define KEEPERS  (ROLE_BIT(ROLE_OPERATOR) | ROLE_BIT(ROLE_OWNER))
#define WATCHERS (KEEPERS | ROLE_BIT(ROLE_VIEWER))
#define PEOPLE   (WATCHERS | ROLE_BIT(ROLE_DEVELOPER))
#define MAKERS   (KEEPERS | ROLE_BIT(ROLE_DEVELOPER))
#define OWNER    ROLE_BIT(ROLE_OWNER)

#define KEY_SHAPE                                                                                            \
	OBJECT_WITH(                                                                                         \
	    "\"id\",\"user\",\"team\",\"role\",\"state\",\"created\",\"expires\",\"revoked\","               \
	    "\"attributes\"",                                                                                \
	    "\"id\":{\"type\":\"string\"},\"user\":" TEXT ",\"team\":" TEXT                                  \
	    ",\"role\":{\"type\":\"string\"},\"state\":{\"enum\":[\"active\",\"expired\",\"revoked\""        \
	    "]},\"created\":" TEXT ",\"expires\":" TEXT ",\"revoked\":" TEXT                                 \
	    ",\"attributes\":{\"type\":\"object\"}")
#define NEW_KEY_SHAPE                                                                                        \
	OBJECT_WITH("\"id\",\"key\",\"role\"",                                                               \
	            "\"id\":{\"type\":\"string\"},\"key\":{\"type\":\"string\"},\"user\":" TEXT              \
	            ",\"role\":{\"type\":\"string\"},\"expires\":" TEXT)
#define NEW_KEY_BODY                                                                                         \
	OBJECT_WITH("\"user\"",                                                                              \
	            "\"user\":{\"type\":\"string\"},\"team\":{\"type\":\"string\"},\"role\":{\"enum\":["     \
	            "\"agent\",\"developer\",\"viewer\",\"operator\",\"owner\"]},\"attributes\":{\"type\":"  \
	            "\"object\"},\"expires\":{\"type\":\"string\"}")
#define TEAM_SHAPE                                                                                           \
	OBJECT_WITH("\"name\",\"cost_centre\",\"members\",\"source\"",                                       \
	            "\"name\":{\"type\":\"string\"},\"cost_centre\":" TEXT                                   \
	            ",\"members\":{\"type\":\"array\""                                                       \
	            ",\"items\":{\"type\":\"string\"}},\"source\":{\"enum\":[\"file\",\"api\"]}")
#define TEAM_BODY                                                                                            \
	OBJECT_WITH("", "\"cost_centre\":{\"type\":\"string\"},\"members\":{\"type\":\"array\",\"items\":"   \
	                "{\"type\":\"string\"}}")
#define BUDGET_BODY                                                                                          \
	OBJECT_WITH(                                                                                         \
	    "\"window\",\"limit\"",                                                                          \
	    "\"window\":{\"type\":\"string\"},\"limit\":{\"type\":\"string\"},\"each\":{},\"where\":{"       \
	    "\"type\":\"object\"},\"action\":{\"type\":\"string\"},\"mode\":{\"type\":\"string\"},"          \
	    "\"override\":{\"type\":\"object\"}")
#define RULE_SHAPE                                                                                           \
	OBJECT_WITH("\"name\",\"source\"", "\"name\":{\"type\":\"string\"},\"source\":{\"enum\":[\"api\"]}")
#define GONE_SHAPE                                                                                           \
	OBJECT_WITH("\"name\",\"deleted\"",                                                                  \
	            "\"name\":{\"type\":\"string\"},\"deleted\":{\"type\":\"boolean\"}")
#define ME_SHAPE                                                                                             \
	OBJECT_WITH(                                                                                         \
	    "\"user\",\"team\",\"key\",\"role\",\"sees_all\",\"timezone\",\"simulated\",\"gateway\"",        \
	    "\"user\":" TEXT ",\"team\":" TEXT ",\"key\":" TEXT                                              \
	    ",\"role\":{\"type\":\"string\"},\"sees_all\":{\"type\":\"boolean\"},\"timezone\":{\"type\":"    \
	    "\"string\"},\"simulated\":{\"type\":\"boolean\"},\"gateway\":{\"type\":\"string\"}")
#define CHANGE_SHAPE                                                                                         \
	OBJECT_WITH("\"seq\",\"time\",\"actor\",\"action\",\"subject\",\"before\",\"after\",\"reason\"",     \
	            "\"seq\":{\"type\":\"integer\"},\"time\":" TEXT ",\"actor\":" TEXT                       \
	            ",\"action\":{\"type\":\"string\"},\"subject\":" TEXT ",\"detail\":" TEXT                \
	            ",\"before\":{},\"after\":{},\"reason\":" TEXT)

#define FREEZE_BODY                                                                                          \
	OBJECT_WITH(                                                                                         \
	    "", "\"org\":{\"enum\":[true]},\"team\":{\"type\":\"string\"},\"user\":{\"type\":\"string\"},"   \
	        "\"key\":{\"type\":\"string\"},\"session\":{\"type\":\"string\"},\"provider\":{\"type\":"    \
	        "\"string\"},\"reason\":{\"type\":\"string\"}")
#define FREEZE_SHAPE                                                                                         \
	OBJECT_WITH("\"scope\",\"value\",\"by\",\"since\",\"reason\"",                                       \
	            "\"scope\":{\"type\":\"string\"},\"value\":" TEXT ",\"by\":" TEXT ",\"since\":" TEXT     \
	            ",\"reason\":" TEXT)
#define FROZEN_SHAPE                                                                                         \
	OBJECT_WITH("\"scope\",\"value\",\"frozen\"",                                                        \
	            "\"scope\":{\"type\":\"string\"},\"value\":" TEXT ",\"frozen\":{\"type\":\"boolean\"}")

#define GATE_BODY                                                                                            \
	OBJECT_WITH(                                                                                         \
	    "",                                                                                              \
	    "\"repo\":{\"type\":\"string\"},\"branch\":{\"type\":\"string\"},\"commit\":{\"type\":"          \
	    "\"string\"},\"workflow\":{\"type\":\"string\"},\"trigger\":{\"type\":\"string\"},\"pr\":{},"    \
	    "\"task\":{},\"author\":{\"type\":\"string\"},\"diff_lines\":{\"type\":\"integer\"},"            \
	    "\"paths\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}")
#define GATE_SHAPE                                                                                           \
	OBJECT_WITH("\"decision\",\"gate\",\"reason\",\"token\",\"expires\"",                                \
	            "\"decision\":{\"enum\":[\"admitted\",\"refused\"]},\"gate\":" TEXT ",\"reason\":" TEXT  \
	            ",\"shadow\":" TEXT ",\"later\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"   \
	            "\"token\":" TEXT ",\"expires\":" TEXT)

#define COUNTER_FIELDS                                                                                       \
	"\"for\":" TEXT ",\"settled\":" T ",\"held\":" T ",\"lifted\":" T ",\"left\":" T                     \
	",\"amounts\":" ANY_OBJECT ",\"calls\":{\"type\":\"integer\"},\"held_since\":" TEXT                  \
	",\"from\":" TEXT ",\"until\":" TEXT
#define HOLDERS                                                                                              \
	",\"holders\":{\"type\":\"array\",\"items\":" OBJECT_WITH(                                           \
	    "\"call\",\"held\",\"since\"",                                                                   \
	    "\"call\":" T ",\"batch\":" TEXT ",\"user\":" TEXT ",\"team\":" TEXT ",\"repo\":" TEXT           \
	    ",\"agent\":" TEXT ",\"session\":" TEXT ",\"task\":" TEXT ",\"provider\":" TEXT                  \
	    ",\"model\":" TEXT ",\"held\":" TEXT                                                             \
	    ",\"held_tokens\":{\"type\":[\"integer\",\"null\"]},\"since\":" TEXT                             \
	    ",\"age_s\":{\"type\":\"integer\"},\"budgets\":{\"type\":\"array\",\"items\":" OBJECT_WITH(      \
	        "\"budget\",\"for\"",                                                                        \
	        "\"budget\":" T ",\"for\":" TEXT) "}") "},\"more_holders\":{\"type\":\"boolean\"}"
#define BUDGET_SHAPE                                                                                         \
	OBJECT_WITH("\"name\",\"window\",\"limit\",\"each\",\"counters\"",                                   \
	            "\"name\":" T ",\"window\":" T ",\"limit\":" T ",\"unit\":" T                            \
	            ",\"limit_amount\":" NUMBER ",\"each\":{\"type\":\"array\",\"items\":" T                 \
	            "},\"where\":{\"type\":[\"array\",\"null\"]},\"action\":" T ",\"mode\":" T               \
	            ",\"override\":" TEXT ",\"source\":" T                                                   \
	            ",\"counters\":{\"type\":\"array\",\"items\":" OBJECT_WITH(                              \
	                "\"for\",\"settled\",\"held\"", COUNTER_FIELDS) "}" HOLDERS)
#define HOLD_SHAPE OBJECT_WITH("\"budget\",\"for\",\"held\",\"calls\"", "\"budget\":" T "," COUNTER_FIELDS)
#define OVERRIDE_SHAPE                                                                                       \
	OBJECT_WITH("\"id\",\"budget\",\"for\",\"add\",\"state\",\"until\"",                                 \
	            "\"id\":" T ",\"budget\":" T ",\"for\":{\"type\":\"object\"},\"add\":" TEXT              \
	            ",\"state\":{\"enum\":[\"active\",\"waiting\",\"refused\"]},\"until\":" TEXT             \
	            ",\"requested_by\":" TEXT ",\"decided_by\":" TEXT ",\"reason\":" TEXT)
#define OVERRIDE_BODY                                                                                        \
	OBJECT_WITH("\"add\",\"reason\"", "\"add\":" T ",\"reason\":" T ",\"for\":{\"type\":\"object\"}")

#define SESSION_SHAPE                                                                                        \
	OBJECT_WITH("\"id\",\"state\",\"calls\",\"cost_nanousd\"",                                           \
	            "\"id\":" T ",\"key_id\":" TEXT ",\"state\":{\"enum\":[\"running\",\"paused\","          \
	            "\"stopped\"]},\"reason\":" TEXT ",\"agent\":" TEXT ",\"directory\":" TEXT               \
	            ",\"parent\":" TEXT ",\"started\":" TEXT ",\"seen\":" TEXT ",\"turns\":" N_OR_NULL       \
	            ",\"calls\":" NUMBER ",\"retries\":" NUMBER ",\"compactions\":" NUMBER                   \
	            ",\"elapsed_s\":" NUMBER ",\"active_s\":" NUMBER ",\"cost_nanousd\":" N_OR_NULL          \
	            ",\"outcome\":" TEXT ",\"user\":" TEXT ",\"team\":" TEXT ",\"repo\":" TEXT               \
	            ",\"branch\":" TEXT ",\"model\":" TEXT ",\"burn_nanousd\":" N_OR_NULL)
#define SESSIONS_SHAPE                                                                                       \
	"{\"type\":\"object\",\"properties\":{\"sessions\":{\"type\":\"array\",\"items\":" SESSION_SHAPE     \
	"},\"growth\":{\"type\":\"object\",\"properties\":{\"tokens_per_turn\":" N_OR_NULL                   \
	",\"context_tokens\":" N_OR_NULL ",\"context_window\":" N_OR_NULL                                    \
	"}},\"turns\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},\"anatomy\":{\"type\":"           \
	"\"object\"},\"total\":" NUMBER ",\"offset\":" NUMBER ",\"more\":" BOOLEAN ",\"text\":" T "}}"
#define SESSION_STATE_SHAPE OBJECT_WITH("\"id\",\"state\"", "\"id\":" T ",\"state\":" T ",\"reason\":" TEXT)
#define DOC_SHAPE                                                                                            \
	OBJECT_WITH("\"view\",\"since\",\"until\",\"tables\",\"notes\"",                                     \
	            "\"view\":" T ",\"since\":" T ",\"until\":" T ",\"tables\":{\"type\":\"object\"},"       \
	            "\"chart\":{\"type\":\"object\"},\"notes\":{\"type\":\"array\",\"items\":" T "}")
#define REPORT_SHAPE                                                                                         \
	OBJECT_WITH("", "\"view\":" T ",\"tables\":{\"type\":\"object\"},\"chart\":{\"type\":\"object\"},"   \
	                "\"notes\":{\"type\":\"array\",\"items\":" T "},"                                    \
	                "\"by\":{\"type\":\"array\",\"items\":" T "},\"per\":" TEXT ",\"since\":" TEXT       \
	                ",\"until\":" TEXT ",\"rows\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}," \
	                "\"total\":{\"type\":\"object\"}")
#define SAVINGS_SHAPE                                                                                        \
	OBJECT_WITH("\"since\",\"until\",\"cost_nanousd\",\"month_nanousd\",\"savings\",\"missing\"",        \
	            "\"since\":" TEXT ",\"until\":" TEXT ",\"days\":" NUMBER ",\"cost_nanousd\":" NUMBER     \
	            ",\"month_nanousd\":" NUMBER ",\"savings\":" T_LIST                                      \
	            ",\"missing\":{\"type\":\"array\",\"items\":" T "}")
#define TRIAGE_SHAPE                                                                                         \
	OBJECT_WITH(                                                                                         \
	    "\"window\",\"baseline\",\"cost_nanousd\",\"usual_nanousd\",\"rise_nanousd\",\"causes\","        \
	    "\"factors\",\"sessions\",\"timeline\",\"near\",\"contain\"",                                    \
	    "\"window\":{\"type\":\"object\"},\"measure\":" T ",\"cost_nanousd\":" NUMBER                    \
	    ",\"usual_nanousd\":" NUMBER ",\"rise_nanousd\":" NUMBER ",\"first\":" TEXT                      \
	    ",\"dimensions\":{\"type\":\"object\"},\"baseline\":" T_LIST ",\"causes\":" T_LIST               \
	    ",\"times\":" NUMBER_OR_NULL ",\"refused\":" NUMBER ",\"unpriced\":" NUMBER                      \
	    ",\"whole\":{\"type\":\"boolean\"},\"step_s\":" NUMBER ",\"factors\":" T_LIST                    \
	    ",\"cause_factors\":" T_LIST ",\"sessions\":" T_LIST ",\"timeline\":" T_LIST ",\"near\":" T_LIST \
	    ",\"contain\":" T_LIST)
#define T_LIST        "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"
#define REASON_BODY   OBJECT_WITH("", "\"reason\":" T)
#define RESUME_BODY   OBJECT_WITH("\"reason\"", "\"reason\":" T)
#define ESCALATE_BODY OBJECT_WITH("\"to\"", "\"to\":" T ",\"reason\":" T)

#define ALERT_SHAPE                                                                                          \
	OBJECT_WITH(                                                                                         \
	    "\"id\",\"kind\",\"severity\",\"state\",\"title\",\"labels\",\"raised\"",                        \
	    "\"id\":" T ",\"kind\":" T ",\"severity\":{\"enum\":[\"info\",\"warning\",\"critical\"]}"        \
	    ",\"state\":{\"enum\":[\"open\",\"resolved\"]},\"title\":" TEXT ",\"text\":" TEXT                \
	    ",\"evidence\":" TEXT ",\"look\":" TEXT ",\"contain\":" TEXT                                     \
	    ",\"labels\":{\"type\":\"object\"},\"since\":" TEXT ",\"raised\":" TEXT ",\"resolved\":" TEXT    \
	    ",\"told\":" TEXT ",\"silence\":" TEXT ",\"count\":{\"type\":\"integer\"}")
#define ALERTS_SHAPE                                                                                         \
	"{\"type\":\"object\",\"properties\":{\"alerts\":{\"type\":\"array\",\"items\":" ALERT_SHAPE         \
	"},\"silences\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},\"text\":" T "}}"
#define ALERT_ONE_SHAPE                                                                                      \
	"{\"type\":\"object\",\"properties\":{\"alert\":" ALERT_SHAPE                                        \
	",\"acknowledged\":{\"type\":\"object\"},\"deliveries\":{\"type\":\"array\",\"items\":{\"type\":"    \
	"\"object\"}},\"text\":" T "}}"
#define SILENCE_BODY  OBJECT_WITH("", "\"alert\":" T ",\"where\":" T ",\"for\":" T ",\"reason\":" T)
#define SILENCE_SHAPE OBJECT_WITH("\"id\"", "\"id\":" T ",\"until\":" TEXT)

const struct admin_route admin_routes[] = {
    {"GET", "/api/v1/openapi.json", ALL_ROLES, admin_openapi, "This document", "", NULL,
     OBJECT_WITH("\"openapi\",\"paths\"", "\"openapi\":{\"type\":\"string\"},\"paths\":{\"type\":\"object\"},"
                                          "\"info\":{},\"security\":{},\"components\":{}")},
    {"GET", "/api/v1/me", ALL_ROLES, admin_me, "Who asks, and what they may see", "", NULL, ME_SHAPE},
    {"GET", "/api/v1/signin", ALL_ROLES, admin_elsewhere,
     "Is this browser signed in, and where can one sign in; open to everybody", "", NULL, SIGNIN_SHAPE},
    {"POST", "/api/v1/signin", ALL_ROLES, admin_elsewhere,
     "Signs a browser in by a Weir key: the answer sets the session's cookie", "",
     OBJECT_WITH("\"key\"", "\"key\":" T), SIGNED_SHAPE},
    {"POST", "/api/v1/signout", ALL_ROLES, admin_elsewhere, "Signs it out", "", NULL, SIGNED_SHAPE},
    {"GET", "/api/v1/keys", PEOPLE, admin_keys_list, "The keys; a developer's own only", "", NULL,
     LIST_OF("keys", KEY_SHAPE)},
    {"POST", "/api/v1/keys", KEEPERS, admin_keys_create,
     "A new key, shown this once; an operator makes those of agents and developers", "", NEW_KEY_BODY,
     NEW_KEY_SHAPE},
    {"DELETE", "/api/v1/keys/{id}", MAKERS, admin_keys_revoke, "Shuts a key at once", "", NULL, KEY_SHAPE},
    {"POST", "/api/v1/keys/{id}/rotate", MAKERS, admin_keys_rotate,
     "A new key in place of this one, which is shut", "", NULL, NEW_KEY_SHAPE},
    {"GET", "/api/v1/teams", PEOPLE, admin_teams_list, "The teams; a developer's own only", "", NULL,
     LIST_OF("teams", TEAM_SHAPE)},
    {"PUT", "/api/v1/teams/{name}", KEEPERS, admin_teams_put,
     "Makes or replaces a team; one that stands in the settings file is changed there", "", TEAM_BODY,
     RULE_SHAPE},
    {"DELETE", "/api/v1/teams/{name}", KEEPERS, admin_teams_delete, "Ends a team that the API made", "", NULL,
     GONE_SHAPE},
    {"PUT", "/api/v1/budgets/{name}", OWNER, admin_budgets_put,
     "Makes or replaces a budget, with the keys it has in the settings; one that stands in the settings file "
     "is "
     "changed there",
     "", BUDGET_BODY, RULE_SHAPE},
    {"DELETE", "/api/v1/budgets/{name}", OWNER, admin_budgets_delete, "Ends a budget that the API made", "",
     NULL, GONE_SHAPE},
    {"GET", "/api/v1/budgets", ALL_ROLES, admin_budgets_list,
     "The budgets and their counters; of the counters a developer's own only", "", NULL,
     LIST_OF("budgets", BUDGET_SHAPE)},
    {"GET", "/api/v1/budgets/{name}", ALL_ROLES, admin_budgets_show, "One of them", "", NULL, BUDGET_SHAPE},
    {"GET", "/api/v1/budgets/{name}/history", ALL_ROLES, admin_budget_history,
     "What its counters came to in the windows that began in the last days (92)", "days", NULL,
     HISTORY_SHAPE},
    {"GET", "/api/v1/holds", ALL_ROLES, admin_holds,
     "What calls under way hold, whose they are and since when", "", NULL,
     OBJECT_WITH("\"holds\",\"holders\"", "\"holds\":{\"type\":\"array\",\"items\":" HOLD_SHAPE "}" HOLDERS)},
    {"POST", "/api/v1/budgets/{name}/override", MAKERS, admin_override,
     "Lifts a limit for as long as its window lasts: at once within the budget's bounds, beyond them it "
     "waits for an "
     "approver",
     "", OVERRIDE_BODY, OVERRIDE_SHAPE},
    {"GET", "/api/v1/overrides", PEOPLE, admin_overrides,
     "Limits lifted, and those that wait; a developer's own", "", NULL, LIST_OF("overrides", OVERRIDE_SHAPE)},
    {"POST", "/api/v1/overrides/{id}/approve", MAKERS, admin_override_approve,
     "Puts one that waits in force; by an approver, never by who asked for it", "", NULL, OVERRIDE_SHAPE},
    {"POST", "/api/v1/overrides/{id}/refuse", MAKERS, admin_override_refuse, "Turns one that waits down", "",
     NULL, OVERRIDE_SHAPE},
    {"GET", "/api/v1/audit", WATCHERS, admin_audit, "Every change, who made it and when, the newest first",
     "limit,before", NULL, LIST_OF("changes", CHANGE_SHAPE)},
    {"GET", "/api/v1/freezes", PEOPLE, admin_freezes, "What is frozen; a developer sees what stops them", "",
     NULL, LIST_OF("freezes", FREEZE_SHAPE)},
    {"POST", "/api/v1/freeze", MAKERS, admin_freeze,
     "Stops calls at once, running ones too; a developer freezes their own user only", "", FREEZE_BODY,
     FROZEN_SHAPE},
    {"POST", "/api/v1/unfreeze", MAKERS, admin_unfreeze,
     "Lifts a freeze; a developer one of their own making", "", FREEZE_BODY, FROZEN_SHAPE},
    {"POST", "/api/v1/gate", KEEPERS | ROLE_BIT(ROLE_DEVELOPER) | ROLE_BIT(ROLE_AGENT), admin_gate,
     "May an agent run in this CI job? An admitted job gets the token for its calls", "", GATE_BODY,
     GATE_SHAPE},
    {"GET", "/api/v1/report", ALL_ROLES, admin_elsewhere,
     "Calls added up by dimensions and time, as `weir report`; one's own where the role sees no others'",
     "view,by,per,since,until,where,measures,compare,chart,format", NULL, REPORT_SHAPE},
    {"GET", "/api/v1/triage", ALL_ROLES, admin_elsewhere,
     "Why spend rose, as `weir triage`: what carries it, what changed, since when, what stops it; of one's "
     "own "
     "calls where the role sees no others'",
     "since,until,where,alert,format", NULL, TRIAGE_SHAPE},
    {"GET", "/api/v1/forecast", ALL_ROLES, admin_elsewhere,
     "What spend will come to, and when budgets are spent, as `weir forecast`; of one's own where the role "
     "sees no "
     "others'",
     "by,where,budget,tokens,model,calls,output,cached,format", NULL, DOC_SHAPE},
    {"GET", "/api/v1/anomalies", ALL_ROLES, admin_elsewhere,
     "Hours of spend that are out of the usual, as `weir anomaly`; of one's own where the role sees no "
     "others'",
     "by,since,until,where,least,format", NULL, DOC_SHAPE},
    {"GET", "/api/v1/savings", ALL_ROLES, admin_elsewhere,
     "What could be saved a month and what does it, as `weir savings`; of one's own calls where the role "
     "sees no "
     "others'",
     "since,until,where,seat,format", NULL, SAVINGS_SHAPE},
    {"GET", "/api/v1/calls", ALL_ROLES, admin_elsewhere, "The newest calls with all that is known of each",
     "since,until,where,limit", NULL, LIST_OF("rows", "{\"type\":\"object\"}")},
    {"GET", "/api/v1/overview", PEOPLE, admin_overview,
     "The first look: today, the week and the month against the same stretch before, the week's movers, "
     "loops "
     "stopped and what they burnt, what no team is booked for, the fullest budgets; a developer's own",
     "", NULL, OVERVIEW_SHAPE},
    {"GET", "/api/v1/health", PEOPLE, admin_health,
     "Providers: calls, failures and times of the last hour, and what they told of their own limits", "",
     NULL, HEALTH_SHAPE},
    {"GET", "/api/v1/prices", PEOPLE, admin_prices,
     "The price book: what was used in the last 30 days; all=true: all of it", "all", NULL, PRICES_SHAPE},
    {"GET", "/api/v1/setup", PEOPLE, admin_setup,
     "How each agent is pointed at this gateway, and how many of its calls came in the last 30 days", "",
     NULL, SETUP_SHAPE},
    {"GET", "/api/v1/shadow", PEOPLE, admin_shadow,
     "Rules in shadow and in cohorts, what they would have done in the last days (30), and what cohorts cost",
     "days", NULL, SHADOW_SHAPE},
    {"POST", "/api/v1/budgets/{name}/preview", WATCHERS, admin_budget_preview,
     "Whom a budget of this body would have stopped in the last days (30); nothing is changed", "days",
     BUDGET_BODY, PREVIEW_SHAPE},
    {"GET", "/api/v1/live", PEOPLE, admin_live,
     "What goes on just now: the burn rate, the sessions that spend (of the last minutes, the dearest "
     "first), the "
     "fullest budgets, what is frozen; a developer's own",
     "limit", NULL, LIVE_SHAPE},
    {"GET", "/api/v1/events", PEOPLE, admin_events,
     "The same as server-sent events, one a second at most: first `state`, then `change` with the sessions "
     "that "
     "changed, and budgets and freezes when they did",
     "", NULL, LIVE_SHAPE},
    {"GET", "/api/v1/sessions", PEOPLE, admin_sessions_list,
     "The sessions of the last week, the latest first; a developer's own. sort: seen, burn, cost, calls, "
     "turns, started; search: in id, user, team, agent, repo, branch, model, directory; state: running, "
     "paused, "
     "stopped. format=table: {\"text\"} for people",
     "limit,offset,sort,search,state,format", NULL, SESSIONS_SHAPE},
    {"GET", "/api/v1/sessions/{id}", PEOPLE, admin_sessions_show,
     "One, those it started, its turns and what its context is made of", "format", NULL, SESSIONS_SHAPE},
    {"POST", "/api/v1/sessions/{id}/pause", MAKERS, admin_session_pause,
     "Refuses its calls until it is resumed; a developer their own", "", REASON_BODY, SESSION_STATE_SHAPE},
    {"POST", "/api/v1/sessions/{id}/resume", MAKERS, admin_session_resume,
     "Lets a paused one go on; with a reason, for the audit", "", RESUME_BODY, SESSION_STATE_SHAPE},
    {"POST", "/api/v1/sessions/{id}/stop", MAKERS, admin_session_stop, "Refuses its calls for good", "",
     REASON_BODY, SESSION_STATE_SHAPE},
    {"POST", "/api/v1/sessions/{id}/escalate", MAKERS, admin_session_escalate,
     "Pauses it and hands it to somebody, whom its refusals name", "", ESCALATE_BODY, SESSION_STATE_SHAPE},
    {"GET", "/api/v1/alerts", PEOPLE, admin_alerts_list,
     "What needs somebody: alerts that are open (all=true: also those over since), and what is silenced; a "
     "developer's own. format=table: {\"text\"} for people",
     "all,since,limit,format", NULL, ALERTS_SHAPE},
    {"GET", "/api/v1/alerts/{id}", PEOPLE, admin_alerts_show, "One, and where it was told, or will be",
     "format", NULL, ALERT_ONE_SHAPE},
    {"POST", "/api/v1/alerts/silence", MAKERS, admin_alerts_silence,
     "Holds back one alert, or those whose labels are so, for a time (4h when it is not said); a developer "
     "their own",
     "", SILENCE_BODY, SILENCE_SHAPE},
    {"POST", "/api/v1/alerts/unsilence", MAKERS, admin_alerts_unsilence, "Ends a silence", "",
     OBJECT_WITH("\"id\"", "\"id\":" T ",\"reason\":" T), SILENCE_SHAPE},
    {"POST", "/api/v1/alerts/test", KEEPERS, admin_alerts_test,
     "Sends a test to a target, or to all; GET alerts/{id} tells how it went", "",
     OBJECT_WITH("", "\"target\":" T), SILENCE_SHAPE},
};

const size_t admin_routes_n = sizeof admin_routes / sizeof *admin_routes;
