/* The words that the shapes of the API's answers are written in (JSON Schema), and the larger shapes. */
#ifndef WEIR_GATEWAY_ADMIN_SHAPES_H
#define WEIR_GATEWAY_ADMIN_SHAPES_H

/* clang-format off */
#define T              "{\"type\":\"string\"}"
#define TEXT           "{\"type\":[\"string\",\"null\"]}"
#define NUMBER         "{\"type\":\"integer\"}"
#define N_OR_NULL      "{\"type\":[\"integer\",\"null\"]}"
#define NUMBER_OR_NULL "{\"type\":[\"number\",\"null\"]}"
#define BOOLEAN        "{\"type\":\"boolean\"}"
#define ANY_OBJECT     "{\"type\":\"object\"}"
#define ARRAY_OF(item) "{\"type\":\"array\",\"items\":" item "}"
#define OBJECT_WITH(required, properties) \
	"{\"type\":\"object\",\"required\":[" required "],\"properties\":{" properties "}}"
#define LIST_OF(name, item) OBJECT_WITH("\"" name "\"", "\"" name "\":" ARRAY_OF(item))

/* --- sign-in --------------------------------------------------------------------------------------------- */

#define SIGNED_SHAPE OBJECT_WITH("\"signed_in\"", "\"signed_in\":" BOOLEAN)
#define SIGNIN_SHAPE OBJECT_WITH("\"signed_in\",\"needed\",\"issuers\"", \
	"\"signed_in\":" BOOLEAN ",\"user\":" TEXT ",\"role\":" TEXT ",\"needed\":" BOOLEAN \
	",\"issuers\":" ARRAY_OF(OBJECT_WITH("\"name\",\"url\"", "\"name\":" T ",\"url\":" T)))

/* --- live ------------------------------------------------------------------------------------------------ */

#define LIVE_SESSION OBJECT_WITH("\"id\",\"state\",\"five_minutes_nanousd\"", \
	"\"id\":" T ",\"key_id\":" TEXT ",\"user\":" TEXT ",\"team\":" TEXT ",\"agent\":" TEXT ",\"repo\":" TEXT \
	",\"branch\":" TEXT ",\"model\":" TEXT ",\"state\":" T ",\"since\":" TEXT ",\"seen\":" TEXT ",\"calls\":" NUMBER \
	",\"refused\":" NUMBER ",\"turn\":" N_OR_NULL ",\"context_tokens\":" N_OR_NULL ",\"spent_nanousd\":" NUMBER \
	",\"subscription_nanousd\":" NUMBER ",\"minute_nanousd\":" NUMBER ",\"five_minutes_nanousd\":" NUMBER \
	",\"loop\":" BOOLEAN ",\"rule\":" TEXT ",\"explanation\":" TEXT ",\"rule_time\":" TEXT)
#define LIVE_BUDGET OBJECT_WITH("\"budget\",\"for\",\"unit\",\"limit\",\"settled\",\"held\"", \
	"\"budget\":" T ",\"for\":" TEXT ",\"unit\":" T ",\"limit\":" NUMBER ",\"settled\":" NUMBER ",\"held\":" NUMBER \
	",\"lifted\":" NUMBER ",\"share_ppm\":" NUMBER ",\"until\":" TEXT)
#define BURN \
	"\"burn\":" OBJECT_WITH("\"minute_nanousd\",\"five_minutes_nanousd\",\"slot_ms\",\"slots_nanousd\"", \
	"\"minute_nanousd\":" NUMBER ",\"five_minutes_nanousd\":" NUMBER ",\"minute_calls\":" N_OR_NULL \
	",\"slot_ms\":" NUMBER ",\"slots_nanousd\":" ARRAY_OF(NUMBER)) ",\"calls_in_flight\":" N_OR_NULL \
	",\"alerts\":{\"type\":[\"object\",\"null\"],\"properties\":{\"open\":" NUMBER ",\"critical\":" NUMBER ",\"changes\":" NUMBER "}}"
#define LIVE_SHAPE OBJECT_WITH("\"time\",\"burn\",\"sessions\"", \
	"\"time\":" TEXT "," BURN ",\"draining\":" BOOLEAN ",\"ledger_failing\":" BOOLEAN ",\"sessions_changed\":" NUMBER \
	",\"sessions\":" ARRAY_OF(LIVE_SESSION) ",\"budgets\":" ARRAY_OF(LIVE_BUDGET) \
	",\"freezes\":" ARRAY_OF(FREEZE_SHAPE))

/* --- overview -------------------------------------------------------------------------------------------- */

#define MEASURES \
	"\"cost_nanousd\":" N_OR_NULL ",\"subscription_nanousd\":" N_OR_NULL ",\"calls\":" NUMBER ",\"refused\":" NUMBER \
	",\"sessions\":" NUMBER ",\"active_days\":" NUMBER ",\"unpriced\":" NUMBER ",\"context_tokens\":" N_OR_NULL \
	",\"output_tokens\":" N_OR_NULL ",\"cache_hit_ppm\":" N_OR_NULL ",\"since\":" TEXT ",\"until\":" TEXT
#define PERIOD OBJECT_WITH("\"cost_nanousd\",\"before\"", \
	MEASURES ",\"before\":" OBJECT_WITH("\"cost_nanousd\"", MEASURES))
#define MOVER OBJECT_WITH("\"by\",\"value\",\"cost_nanousd\",\"before_nanousd\"", \
	"\"by\":" T ",\"value\":" TEXT ",\"cost_nanousd\":" NUMBER ",\"before_nanousd\":" NUMBER)
#define LOOPS OBJECT_WITH("\"sessions\",\"burnt_nanousd\",\"next_hour_nanousd\"", \
	"\"since\":" TEXT ",\"sessions\":" NUMBER ",\"refused\":" NUMBER ",\"burnt_nanousd\":" NUMBER \
	",\"next_hour_nanousd\":" NUMBER)
#define UNALLOCATED OBJECT_WITH("\"cost_nanousd\",\"calls\"", \
	"\"since\":" TEXT ",\"cost_nanousd\":" NUMBER ",\"calls\":" NUMBER)
#define CACHE OBJECT_WITH("\"saved_nanousd\",\"read_tokens\"", \
	"\"since\":" TEXT ",\"saved_nanousd\":" NUMBER ",\"read_tokens\":" NUMBER ",\"unpriced_tokens\":" NUMBER)
#define OVERVIEW_SHAPE OBJECT_WITH( \
	"\"time\",\"today\",\"week\",\"month\",\"movers\",\"loops\",\"unallocated\",\"burn\",\"budgets\"", \
	"\"time\":" TEXT ",\"timezone\":" T ",\"simulated\":" BOOLEAN ",\"today\":" PERIOD ",\"week\":" PERIOD \
	",\"month\":" PERIOD ",\"movers\":" ARRAY_OF(MOVER) ",\"loops\":" LOOPS ",\"unallocated\":" UNALLOCATED ",\"cache\":" CACHE "," BURN \
	",\"budgets\":" ARRAY_OF(LIVE_BUDGET))
/* --- health, prices, set-up ------------------------------------------------------------------------------ */

#define QUANTILES OBJECT_WITH("\"p50\",\"p95\",\"calls\"", \
	"\"p50\":" N_OR_NULL ",\"p95\":" N_OR_NULL ",\"calls\":" NUMBER)
#define PROVIDER_SHAPE OBJECT_WITH("\"name\",\"calls\",\"failed\",\"ttft_ms\",\"duration_ms\"", \
	"\"name\":" T ",\"host\":" TEXT ",\"configured\":" BOOLEAN ",\"calls\":" NUMBER ",\"failed\":" NUMBER \
	",\"throttled\":" NUMBER ",\"refused\":" NUMBER ",\"day_calls\":" NUMBER ",\"day_failed\":" NUMBER \
	",\"last\":" TEXT ",\"ttft_ms\":" QUANTILES ",\"duration_ms\":" QUANTILES)
#define TOLD_SHAPE OBJECT_WITH("\"provider\",\"model\"", \
	"\"provider\":" T ",\"model\":" T ",\"requests\":" N_OR_NULL ",\"requests_left\":" N_OR_NULL \
	",\"tokens\":" N_OR_NULL ",\"tokens_left\":" N_OR_NULL ",\"in_flight\":" NUMBER ",\"waiting\":" NUMBER \
	",\"window\":" N_OR_NULL ",\"blocked_ms\":" NUMBER)
#define HEALTH_SHAPE OBJECT_WITH("\"providers\",\"limits\"", \
	"\"draining\":" BOOLEAN ",\"ledger_failing\":" BOOLEAN ",\"providers\":" ARRAY_OF(PROVIDER_SHAPE) \
	",\"limits\":" ARRAY_OF(TOLD_SHAPE))
#define PRICES_SHAPE OBJECT_WITH("\"prices\"", \
	"\"date\":" TEXT ",\"file\":" TEXT ",\"prices\":" ARRAY_OF(OBJECT_WITH("\"id\",\"vendor\",\"model\"", \
	"\"id\":" T ",\"vendor\":" T ",\"model\":" T ",\"source\":" TEXT ",\"from\":" TEXT ",\"until\":" TEXT \
	",\"used\":" BOOLEAN ",\"context_window\":" N_OR_NULL ",\"max_output\":" N_OR_NULL \
	",\"nanousd_per_million\":" ANY_OBJECT)))
#define SETUP_SHAPE OBJECT_WITH("\"gateway\",\"agents\"", \
	"\"gateway\":" T ",\"loopback\":" BOOLEAN ",\"calls\":" NUMBER ",\"other_calls\":" NUMBER \
	",\"agents\":" ARRAY_OF(OBJECT_WITH("\"agent\",\"name\",\"lines\",\"calls\"", \
	"\"agent\":" T ",\"name\":" T ",\"run\":" TEXT ",\"lines\":" TEXT ",\"calls\":" NUMBER)))

/* --- rollout --------------------------------------------------------------------------------------------- */

#define AFFECTED OBJECT_WITH("\"user\",\"calls\"", \
	"\"user\":" TEXT ",\"calls\":" NUMBER ",\"cost_nanousd\":" NUMBER)
#define SHADOW_RULE OBJECT_WITH("\"kind\",\"name\",\"mode\",\"calls\"", \
	"\"kind\":" T ",\"name\":" T ",\"mode\":" TEXT ",\"cohort\":" TEXT ",\"calls\":" NUMBER \
	",\"cost_nanousd\":" NUMBER ",\"users\":" NUMBER ",\"first\":" TEXT ",\"last\":" TEXT ",\"example\":" TEXT \
	",\"affected\":" ARRAY_OF(AFFECTED))
#define SHADOW_SHAPE OBJECT_WITH("\"since\",\"rules\",\"cohorts\"", \
	"\"since\":" TEXT ",\"complete\":" BOOLEAN ",\"rules\":" ARRAY_OF(SHADOW_RULE) \
	",\"cohorts\":" ARRAY_OF(OBJECT_WITH("\"cohort\"", "\"cohort\":" TEXT "," MEASURES)))
#define HISTORY_SHAPE OBJECT_WITH("\"name\",\"unit\",\"limit\",\"windows\"", \
	"\"name\":" T ",\"unit\":" T ",\"limit\":" NUMBER ",\"complete\":" BOOLEAN \
	",\"windows\":" ARRAY_OF(OBJECT_WITH("\"for\",\"from\",\"amount\"", \
	"\"for\":" TEXT ",\"from\":" TEXT ",\"amount\":" NUMBER ",\"text\":" T)))
#define PREVIEW_SHAPE OBJECT_WITH("\"since\",\"limit\",\"stopped\",\"stopped_nanousd\",\"who\"", \
	"\"since\":" TEXT ",\"limit\":" T ",\"complete\":" BOOLEAN ",\"calls\":" NUMBER ",\"counters\":" NUMBER \
	",\"counters_stopped\":" NUMBER ",\"stopped\":" NUMBER ",\"stopped_nanousd\":" NUMBER \
	",\"who\":" ARRAY_OF(OBJECT_WITH("\"for\",\"stopped\"", "\"for\":" TEXT ",\"window\":" TEXT \
	",\"first\":" TEXT ",\"stopped\":" NUMBER ",\"beyond\":" T ",\"stopped_nanousd\":" NUMBER)))
/* clang-format on */

#endif
