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
	",\"slot_ms\":" NUMBER ",\"slots_nanousd\":" ARRAY_OF(NUMBER)) ",\"calls_in_flight\":" N_OR_NULL
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
#define OVERVIEW_SHAPE OBJECT_WITH( \
	"\"time\",\"today\",\"week\",\"month\",\"movers\",\"loops\",\"unallocated\",\"burn\",\"budgets\"", \
	"\"time\":" TEXT ",\"timezone\":" T ",\"simulated\":" BOOLEAN ",\"today\":" PERIOD ",\"week\":" PERIOD \
	",\"month\":" PERIOD ",\"movers\":" ARRAY_OF(MOVER) ",\"loops\":" LOOPS ",\"unallocated\":" UNALLOCATED "," BURN \
	",\"budgets\":" ARRAY_OF(LIVE_BUDGET))
/* clang-format on */

#endif
