/* The option table: every key that this version reads, and the keys of other versions that it refuses. */
#include "model/settings_alerts.h"
#include "model/settings_read.h"
#include "model/settings_retention.h"
#include "model/settings_storms.h"

#define KB INT64_C(1024)
#define MB (1024 * KB)
#define GB (1024 * MB)
#define S  INT64_C(1000)
#define M  (60 * S)
#define H  (60 * M)

static const char *const UNMETERED_NAMES[] = {"refuse", "allow", NULL};
static const char *const BILLING_NAMES[] = {"metered", "subscription", NULL};
static const char *const ABORT_NAMES[] = {"cancel", "drain", NULL};
static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error", NULL};
static const char *const ROLE_NAMES[] = {
#define X(id, name) #name,
    ROLE_LIST(X)
#undef X
        NULL};
static const char *const FORMAT_NAMES[] = {"text", "json", NULL};
static const char *const ACTION_NAMES[] = {"block", "pause", "downgrade", "throttle", "alert", NULL};
static const char *const THROTTLED_NAMES[] = {"hold", "pass", NULL};
static const char *const FAILURE_NAMES[] = {"closed", "open", NULL};

#define IN_S(field) offsetof(struct settings, field)
#define IN_P(field) offsetof(struct provider, field)
#define IN_T(field) offsetof(struct team, field)
#define IN_B(field) offsetof(struct budget_rule, field)
#define IN_Q(field) offsetof(struct quota_rule, field)
#define IN_G(field) offsetof(struct gate_rule, field)
#define IN_C(field) offsetof(struct context_rule, field)
#define IN_I(field) offsetof(struct issuer, field)

#define ADDRESS     "HOST:PORT or a mapping"
#define DURATION    "duration"
#define SIZE        "size"
#define TOKENS      "USD for a million"
#define CALLS       "USD for a thousand"

/* {address:, tls: {…}} of a listener: base is its key, where the struct's field */
#define LISTEN_ROWS(base, where, what, usual)                                                                \
	{.key = base,                                                                                        \
	 .type = ADDRESS,                                                                                    \
	 .text = "where " what " listens; an address alone, or a mapping of the keys below; " usual,         \
	 .read = read_address,                                                                               \
	 .offset = IN_S(where),                                                                              \
	 .group = true},                                                                                     \
	    {.key = base ".address",                                                                         \
	     .type = "HOST:PORT",                                                                            \
	     .text = "IP address and port; port 0 takes any free one",                                       \
	     .read = read_address,                                                                           \
	     .offset = IN_S(where)},                                                                         \
	    {.key = base ".tls",                                                                             \
	     .type = "mapping",                                                                              \
	     .text = "TLS on this listener; needed beyond loopback unless insecure_listen is true",          \
	     .group = true},                                                                                 \
	    {.key = base ".tls.certificate",                                                                 \
	     .type = "file",                                                                                 \
	     .text = "PEM file of the certificate and its chain",                                            \
	     .read = read_file_path,                                                                         \
	     .offset = IN_S(where.certificate)},                                                             \
	    {.key = base ".tls.key",                                                                         \
	     .type = "file",                                                                                 \
	     .text = "PEM file of the certificate's private key",                                            \
	     .read = read_file_path,                                                                         \
	     .offset = IN_S(where.key)},                                                                     \
	{                                                                                                    \
		.key = base ".tls.client_ca", .type = "file",                                                \
		.text = "PEM file of the authorities whose client certificates are asked for and checked",   \
		.read = read_file_path, .offset = IN_S(where.client_ca)                                      \
	}

#define PRICE_ROW(base, name, unit, meter, reader, offset_of, what)                                          \
	{                                                                                                    \
		.key = base "." name, .type = unit, .text = what, .read = reader,                            \
		.offset = (offset_of) + (meter) * sizeof(int64_t)                                            \
	}
/* A price: base is its key, where the offset of per_million in its scope */
#define PRICE_ROWS(base, where)                                                                              \
	PRICE_ROW(base, "input", TOKENS, METER_INPUT, read_money, where, "fresh input tokens; needed"),      \
	    PRICE_ROW(base, "output", TOKENS, METER_OUTPUT, read_money, where, "output tokens; needed"),     \
	    PRICE_ROW(base, "cache_read", TOKENS, METER_CACHE_READ, read_money, where,                       \
	              "input tokens read from the prompt cache; as input when not given"),                   \
	    PRICE_ROW(base, "cache_write_5m", TOKENS, METER_CACHE_WRITE_5M, read_money, where,               \
	              "input tokens written to the cache for five minutes; as input when not given"),        \
	    PRICE_ROW(base, "cache_write_1h", TOKENS, METER_CACHE_WRITE_1H, read_money, where,               \
	              "input tokens written to the cache for an hour; as input when not given"),             \
	    PRICE_ROW(base, "input_audio", TOKENS, METER_INPUT_AUDIO, read_money, where,                     \
	              "audio input tokens"),                                                                 \
	    PRICE_ROW(base, "cache_read_audio", TOKENS, METER_CACHE_READ_AUDIO, read_money, where,           \
	              "audio input tokens read from the prompt cache"),                                      \
	    PRICE_ROW(base, "output_audio", TOKENS, METER_OUTPUT_AUDIO, read_money, where,                   \
	              "audio output tokens"),                                                                \
	    PRICE_ROW(base, "input_image", TOKENS, METER_INPUT_IMAGE, read_money, where,                     \
	              "image input tokens"),                                                                 \
	    PRICE_ROW(base, "output_image", TOKENS, METER_OUTPUT_IMAGE, read_money, where,                   \
	              "image output tokens"),                                                                \
	    PRICE_ROW(base, "web_searches", CALLS, METER_WEB_SEARCHES, read_call_money, where,               \
	              "web searches that the provider does"),                                                \
	    PRICE_ROW(base, "hosted_tool_calls", CALLS, METER_HOSTED_TOOL_CALLS, read_call_money, where,     \
	              "calls of other tools that the provider runs")

#define LIMIT_SIZE(name, field, low, high, what)                                                             \
	{                                                                                                    \
		.key = "limits." name, .type = SIZE, .text = what, .read = read_size,                        \
		.offset = IN_S(limits.field), .least = low, .most = high                                     \
	}
#define LIMIT_TIME(name, field, low, high, what)                                                             \
	{                                                                                                    \
		.key = "limits." name, .type = DURATION, .text = what, .read = read_duration,                \
		.offset = IN_S(limits.field), .least = low, .most = high                                     \
	}
#define LIMIT_NUMBER(name, field, low, high, what)                                                           \
	{                                                                                                    \
		.key = "limits." name, .type = "number", .text = what, .read = read_int64,                   \
		.offset = IN_S(limits.field), .least = low, .most = high                                     \
	}
#define PROVIDER_TIME(name, field, low, high, what)                                                          \
	{                                                                                                    \
		.key = "providers[].timeouts." name, .type = DURATION, .text = what, .read = read_duration,  \
		.offset = IN_P(field), .least = low, .most = high                                            \
	}

const struct option settings_options[] = {
    LISTEN_ROWS("listen", listen, "the gateway", "default 127.0.0.1:8787"),
    {.key = "console", .type = "mapping", .text = "the console and its API", .group = true},
    LISTEN_ROWS("console.listen", console, "the console", "default 127.0.0.1:8788"),
    {.key = "hosts",
     .type = "list of names",
     .text = "further names that clients may call this machine by (the Host header); the addresses listened "
             "on and localhost are always among them",
     .read = read_hosts,
     .offset = IN_S(hosts_n),
     .joined = true},
    {.key = "insecure_listen",
     .type = "true or false",
     .text = "listens beyond loopback without TLS, keys and prompts readable on the wire; default false",
     .read = read_bool,
     .offset = IN_S(insecure_listen)},
    {.key = "store",
     .type = "sqlite:PATH",
     .text = "the ledger; default weir.db in $XDG_DATA_HOME/weir (~/.local/share/weir)",
     .read = read_store,
     .offset = IN_S(store)},
    {.key = "journal", .type = "mapping", .text = "where calls in flight survive a crash", .group = true},
    {.key = "journal.file",
     .type = "path",
     .text = "its file, on a local disk; default beside the store (weir.journal for weir.db)",
     .read = read_path,
     .offset = IN_S(journal)},
    {.key = "journal.slots",
     .type = "number",
     .text = "calls in flight and waiting for the ledger together, 4 KB of disk each; 64 to 1048576, default "
             "16384",
     .read = read_int64,
     .offset = IN_S(journal_slots),
     .least = 64,
     .most = 1048576},
    RETENTION_ROWS,
    {.key = "timezone",
     .type = "name of a zone",
     .text = "where days and months begin (Europe/Berlin); default the machine's",
     .read = read_timezone,
     .offset = IN_S(timezone)},
    {.key = "workers",
     .type = "number",
     .text = "event loops, 1 to 256; default one for each core",
     .read = read_int,
     .offset = IN_S(workers),
     .least = 1,
     .most = 256},
    {.key = "unmetered",
     .type = "refuse or allow",
     .text = "paths that may cost money but that Weir cannot meter; default refuse",
     .read = read_choice,
     .offset = IN_S(unmetered),
     .choices = UNMETERED_NAMES},
    {.key = "batches",
     .type = "mapping",
     .text = "message batches, followed to their results",
     .group = true},
    {.key = "batches.poll",
     .type = DURATION,
     .text = "how soon the provider is asked about a new batch, then less and less often, up to every ten "
             "minutes; default 1m",
     .read = read_duration,
     .offset = IN_S(batches_poll_ms),
     .least = 100,
     .most = H},
    {.key = "prices", .type = "mapping", .text = "the price book", .group = true},
    {.key = "prices.file",
     .type = "file",
     .text = "a price book instead of the built-in one",
     .read = read_file_path,
     .offset = IN_S(price_file)},
    {.key = "prices.unknown",
     .type = "refuse or a price",
     .text = "a model that has no price: its calls are refused, or priced by the keys below and flagged; "
             "default refuse",
     .read = read_unknown_price,
     .offset = 0,
     .group = true},
    PRICE_ROWS("prices.unknown", IN_S(fallback_price.per_million)),
    {.key = "providers",
     .type = "list of mappings",
     .text = "where calls go; default anthropic, openai, gemini and (for a ChatGPT login) chatgpt, all "
             "passthrough",
     .read = read_providers,
     .joined = true},
    {.key = "providers[].name",
     .type = "word",
     .text = "its name in the ledger and in /p/NAME/; needed",
     .read = read_name,
     .offset = IN_P(name)},
    {.key = "providers[].api",
     .type = "anthropic, openai, gemini, bedrock, azure, vertex, cohere or ollama",
     .text = "the dialect it speaks; needed",
     .read = read_api},
    {.key = "providers[].base_url",
     .type = "URL",
     .text = "scheme://host[:port][/path] without the API's own /v1; default the vendor's or the api's "
             "public one "
             "(bedrock: that of its region; azure and vertex have none)",
     .read = read_url},
    {.key = "providers[].credential",
     .type = "env:NAME, file:PATH, passthrough, none or aws",
     .text = "what Weir sends as the API key: a secret, or the client's own; a mapping with aws signs for "
             "Bedrock; default none",
     .read = read_credential,
     .group = true},
    {.key = "providers[].credential.aws",
     .type = "mapping",
     .text = "keys that requests to Bedrock are signed with (Signature Version 4)",
     .group = true},
    {.key = "providers[].credential.aws.region",
     .type = "word",
     .text = "the region that is asked (us-east-1); needed",
     .read = read_aws_region,
     .offset = IN_P(aws.region)},
    {.key = "providers[].credential.aws.access_key_id",
     .type = "env:NAME or file:PATH",
     .text = "default env:AWS_ACCESS_KEY_ID",
     .read = read_aws_secret,
     .offset = IN_P(aws.key_id)},
    {.key = "providers[].credential.aws.secret_access_key",
     .type = "env:NAME or file:PATH",
     .text = "default env:AWS_SECRET_ACCESS_KEY",
     .read = read_aws_secret,
     .offset = IN_P(aws.secret)},
    {.key = "providers[].credential.aws.session_token",
     .type = "env:NAME or file:PATH",
     .text = "default env:AWS_SESSION_TOKEN when neither key is given here and it is set",
     .read = read_aws_secret,
     .offset = IN_P(aws.token)},
    {.key = "providers[].deployments",
     .type = "mapping of names to models",
     .text = "the model that each deployment (Azure) or inference profile (Bedrock) runs, for its price; a "
             "name that is not here is taken for a model's own",
     .read = read_deployments},
    {.key = "providers[].models",
     .type = "list of globs",
     .text = "the models it takes when the path names no provider (gpt-*); default any",
     .read = read_texts,
     .offset = IN_P(models_n)},
    {.key = "providers[].vendor",
     .type = "word",
     .text = "who it is, and with that whose prices apply (docs/providers.md); default by base_url's host, "
             "by the "
             "provider's name, else the api's own",
     .read = read_name,
     .offset = IN_P(vendor)},
    {.key = "providers[].billing",
     .type = "metered or subscription",
     .text = "subscription: list value is recorded, not spent; default metered",
     .read = read_choice,
     .offset = IN_P(billing),
     .choices = BILLING_NAMES},
    {.key = "providers[].credit",
     .type = "USD",
     .text = "what one credit costs at a provider that bills in credits (0.01 with Copilot and Codex); its "
             "calls then have `credits` beside dollars; default none",
     .read = read_money,
     .offset = IN_P(credit_nanousd)},
    {.key = "providers[].prices",
     .type = "mapping",
     .text = "one price for all its models, instead of the price book's",
     .group = true},
    PRICE_ROWS("providers[].prices", IN_P(price.per_million)),
    {.key = "providers[].on_abort",
     .type = "cancel or drain",
     .text = "when the client goes away: cancel the provider's call and count what passed; or drain, read "
             "the rest of the answer within limits.abort_bytes and limits.abort_time, so that the usage "
             "is reported (for providers that bill a cancelled call whole); default cancel",
     .read = read_choice,
     .offset = IN_P(on_abort),
     .choices = ABORT_NAMES},
    {.key = "providers[].throttled",
     .type = "hold or pass",
     .text = "when it says that it is too much (429): hold back all that would go there, as it asks, or pass "
             "that on to each client and go on; default hold",
     .read = read_choice,
     .offset = IN_P(throttled),
     .choices = THROTTLED_NAMES},
    {.key = "providers[].http2",
     .type = "true or false",
     .text = "HTTP/2 to this provider; default false (HTTP/1.1)",
     .read = read_bool,
     .offset = IN_P(http2)},
    {.key = "providers[].ca_file",
     .type = "file",
     .text = "PEM file of authorities trusted for it beside the system's",
     .read = read_file_path,
     .offset = IN_P(ca_file)},
    {.key = "providers[].proxy",
     .type = "URL, env:NAME or file:PATH",
     .text = "the proxy to reach it by; default HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment",
     .read = read_proxy,
     .offset = IN_P(proxy)},
    {.key = "providers[].timeouts", .type = "mapping", .text = "time limits of a call to it", .group = true},
    PROVIDER_TIME("connect", connect_ms, 100, 5 * M, "until the connection stands; default 10s"),
    PROVIDER_TIME("first_byte", first_byte_ms, 1 * S, 24 * H, "until the answer begins; default 10m"),
    PROVIDER_TIME("idle", idle_ms, 1 * S, 24 * H, "between two pieces of an answer; default 5m"),
    PROVIDER_TIME("total", total_ms, 1 * S, 24 * H, "the whole call; default 1h"),
    {.key = "teams",
     .type = "list of mappings",
     .text = "who belongs together",
     .read = read_teams,
     .joined = true},
    {.key = "teams[].name",
     .type = "word",
     .text = "the team's name in reports; needed",
     .read = read_name,
     .offset = IN_T(name)},
    {.key = "teams[].cost_centre",
     .type = "text",
     .text = "the cost centre its spend is booked on",
     .read = read_text,
     .offset = IN_T(cost_centre)},
    {.key = "teams[].members",
     .type = "list of users",
     .text = "users as their keys name them; a user is in one team",
     .read = read_members,
     .offset = IN_T(members_n)},
    {.key = "limits", .type = "mapping", .text = "what the gateway takes before it refuses", .group = true},
    LIMIT_SIZE("body", body_bytes, 4 * KB, GB, "largest request body (413 beyond); default 64MB"),
    LIMIT_SIZE("bodies", bodies_bytes, MB, 1024 * GB,
               "all request bodies in flight together (503 beyond); default 512MB"),
    LIMIT_SIZE("headers", header_bytes, 4 * KB, 64 * KB, "request line and headers; default 24KB"),
    LIMIT_SIZE("answer", answer_bytes, 64 * KB, GB,
               "largest unstreamed answer read for its usage; beyond it usage is counted; default 16MB"),
    LIMIT_SIZE("event", event_bytes, 4 * KB, 64 * MB,
               "largest event of a stream read for its usage; beyond it usage is counted; default 8MB"),
    LIMIT_SIZE(
        "abort_bytes", abort_bytes, 4 * KB, GB,
        "bytes of an answer read for its usage after the client has gone (on_abort: drain); default 8MB"),
    LIMIT_TIME("abort_time", abort_ms, 1 * S, 1 * H,
               "how long an answer is read after the client has gone; default 120s"),
    LIMIT_SIZE("stream_buffer", stream_buffer, 16 * KB, 64 * MB,
               "bytes of an answer held for a slow client before the provider is slowed; default 256KB"),
    LIMIT_NUMBER("connections", connections, 1, 1000000, "open client connections; default 8192"),
    LIMIT_NUMBER("calls", calls, 1, 1000000, "calls in flight (503 beyond); default 4096"),
    LIMIT_NUMBER(
        "budget_counters", budget_counters, 1024, 4000000,
        "counters of budgets, one for each value of `each` in each window; beyond it `on_failure` of the "
        "budget decides; default 262144"),
    LIMIT_NUMBER(
        "hosted_calls", hosted_calls, 1, 1000,
        "calls of the provider's own tools (web searches and the like, billed by call) that a budget's hold "
        "pays for where the request sets no limit; default 10"),
    LIMIT_NUMBER("devices", devices, 0, 32,
                 "devices that a key may be used from in a day before the log says so; 0: any; default 5"),
    LIMIT_TIME("header_timeout", header_ms, 100, 5 * M, "for a client to send its headers; default 10s"),
    LIMIT_TIME("body_timeout", body_ms, 100, H, "between two pieces of a request body; default 30s"),
    LIMIT_TIME("idle_timeout", idle_ms, 100, H, "of a connection with no call; default 75s"),
    LIMIT_TIME(
        "hold_back", hold_back_ms, 0, 45 * S,
        "that a call may wait for a quota or a budget that slows, before it is answered 429; 0: it does "
        "not wait; default 45s, since some clients send again after a minute"),
    LIMIT_TIME("drain", drain_ms, 0, H, "for calls in flight to end after SIGTERM; default 30s"),
    {.key = "log", .type = "mapping", .text = "what the gateway tells on its error output", .group = true},
    {.key = "log.level",
     .type = "debug, info, warn or error",
     .text = "the least grave that is told; default info",
     .read = read_choice,
     .offset = IN_S(log_level),
     .choices = LEVEL_NAMES},
    {.key = "log.format",
     .type = "text or json",
     .text = "one line a record either way; default text",
     .read = read_choice,
     .offset = IN_S(log_format),
     .choices = FORMAT_NAMES},
    {.key = "budgets",
     .type = "list of mappings",
     .text = "what may be spent; every budget that matches a call must have room for it",
     .read = read_budgets,
     .joined = true},
    RULE_ROWS("budgets[]", "budget", read_row_where, "which calls count; default all"),
    {.key = "budgets[].each",
     .type = "field or list of fields",
     .text = "a counter for each value of it (user), or for each combination ([repo, pr]); default one for "
             "all calls",
     .read = read_each,
     .offset = IN_B(each_n)},
    {.key = "budgets[].window",
     .type = "hour, day, week, month, quarter, total, or rolling 24h",
     .text = "when it begins anew, on the calendar of timezone; rolling counts back from now; needed",
     .read = read_window,
     .offset = IN_B(window)},
    {.key = "budgets[].limit",
     .type = "amount",
     .text = "25 USD, 2M tokens, 500k output_tokens (or any meter), 100 requests, 50 credits; needed",
     .read = read_amount,
     .offset = IN_B(limit)},
    {.key = "budgets[].action",
     .type = "block, pause, downgrade, throttle or alert",
     .text = "what happens to a call that does not fit; default block",
     .read = read_choice,
     .offset = IN_B(action),
     .choices = ACTION_NAMES},
    {.key = "budgets[].to",
     .type = "word",
     .text = "the tier of routes.tiers that action: downgrade goes to",
     .read = read_tier,
     .offset = IN_B(downgrade)},
    {.key = "budgets[].on_failure",
     .type = "closed or open",
     .text = "when it cannot be told what was spent: calls are refused, or let through; default closed",
     .read = read_choice,
     .offset = IN_B(on_failure),
     .choices = FAILURE_NAMES},
    {.key = "budgets[].include",
     .type = "[all]",
     .text = "imported, telemetry and corrected rows count too; default only calls that pass the gateway",
     .read = read_include},
    {.key = "budgets[].override",
     .type = "mapping",
     .text = "how developers lift the limit by themselves (`weir budget override`)",
     .group = true},
    {.key = "budgets[].override.up_to",
     .type = "amount",
     .text = "how much may be added in all without asking anyone; needed",
     .read = read_amount,
     .offset = IN_B(override_up_to)},
    {.key = "budgets[].override.per",
     .type = "hour, day, week, month, quarter, total, or rolling 24h",
     .text = "the time in which that may be added; default the budget's own window",
     .read = read_window,
     .offset = IN_B(override_per)},
    {.key = "budgets[].override.approved_up_to",
     .type = "amount",
     .text = "how much an approver may add in all in that time; default any amount",
     .read = read_amount,
     .offset = IN_B(approve_up_to)},
    {.key = "budgets[].override.approvers",
     .type = "list of users",
     .text = "who approves what goes beyond up_to; default every operator and owner",
     .read = read_texts,
     .offset = IN_B(approvers_n)},
    {.key = "budgets[].alerts",
     .type = "list of per cents, forecast",
     .text = "shares of the limit at which people are told ([50%, 80%, 100%]); forecast, when it will be "
             "passed before the window ends",
     .read = read_alerts},
    {.key = "routes",
     .type = "mapping",
     .text = "models by what they are good for (`routes.rules` is of a later version, and refused)",
     .group = true},
    {.key = "routes.tiers",
     .type = "mapping of names to lists of models",
     .text = "{small: [claude-haiku-4-5, gpt-5-mini], large: […]}: for `to:` of a budget; of a tier the "
             "first model is taken that the call's provider takes and that has a price",
     .read = read_tiers},
    {.key = "quotas",
     .type = "list of mappings",
     .text = "how fast: what passes them is held back for up to `limits.hold_back`, then answered 429",
     .read = read_quotas,
     .joined = true},
    RULE_ROWS("quotas[]", "quota", read_where, "which calls count; default all"),
    {.key = "quotas[].each",
     .type = "field or list of fields",
     .text = "a bucket for each value of it (key, user, team, model, provider), or for each combination; "
             "default one for all calls",
     .read = read_each,
     .offset = IN_Q(each_n)},
    {.key = "quotas[].requests",
     .type = "rate",
     .text = "requests: 120/minute, 10/second, 5000/hour, 20000/day",
     .read = read_rate,
     .offset = IN_Q(requests)},
    {.key = "quotas[].tokens",
     .type = "rate",
     .text = "input and output tokens together: 2M/minute",
     .read = read_rate,
     .offset = IN_Q(tokens)},
    {.key = "quotas[].concurrent",
     .type = "number",
     .text = "calls in flight at once",
     .read = read_count,
     .offset = IN_Q(concurrent),
     .least = 1,
     .most = 1000000},
    {.key = "quotas[].burst",
     .type = "duration",
     .text = "how much of a rate may come at once, as the time it is for (10s of 120/minute are 20 "
             "requests); default the rate's own period",
     .read = read_duration,
     .offset = IN_Q(burst_ms),
     .least = 100,
     .most = 24 * H},
    {.key = "gates",
     .type = "list of mappings",
     .text = "which calls may be made at all; the first that matches decides",
     .read = read_gates,
     .joined = true},
    RULE_ROWS("gates[]", "gate", read_where, "which calls it decides; default all"),
    {.key = "gates[].deny",
     .type = "text",
     .text = "refuses the call (402), for this reason, which people are told",
     .read = read_text,
     .offset = IN_G(deny)},
    {.key = "gates[].allow",
     .type = "true",
     .text = "lets the call through, past the gates behind it",
     .read = read_bool,
     .offset = IN_G(allow)},
    STORM_ROWS,
    {.key = "context",
     .type = "mapping, or list of mappings",
     .text = "how large a request's context may be; of several each that applies must hold",
     .read = read_context,
     .joined = true},
    RULE_ROWS("context[]", "context rule", read_where, "which calls it is for; default all"),
    {.key = "context[].limits", .type = "mapping", .text = "what a request may bring", .group = true},
    {.key = "context[].limits.tokens",
     .type = "number",
     .text = "input tokens of one request, as foreseen; more is refused (402), but for the request in "
             "which an agent shortens its conversation",
     .read = read_count,
     .offset = IN_C(tokens),
     .least = 1,
     .most = INT64_C(100000000)},
    {.key = "issuers",
     .type = "list of mappings",
     .text = "whose OpenID Connect tokens are taken for identities: jobs of a CI system, people of a company",
     .read = read_issuers,
     .joined = true},
    {.key = "issuers[].name",
     .type = "word",
     .text = "its name in messages and in the ledger's key_id (issuer:NAME); needed",
     .read = read_name,
     .offset = IN_I(name)},
    {.key = "issuers[].issuer",
     .type = "URL",
     .text = "the tokens' iss, letter for letter; https but for 127.0.0.1 and localhost; needed",
     .read = read_issuer_url,
     .offset = IN_I(issuer)},
    {.key = "issuers[].audience",
     .type = "text or list of texts",
     .text = "the tokens' aud: one of them; needed",
     .read = read_texts,
     .offset = IN_I(audiences_n)},
    {.key = "issuers[].claims",
     .type = "mapping of fields to claims",
     .text = "which claim tells which attribute (repo: repository); default those of GitHub Actions and "
             "GitLab",
     .read = read_issuer_pairs,
     .offset = IN_I(claims_n)},
    {.key = "issuers[].set",
     .type = "mapping of fields to texts",
     .text = "attributes that each of its tokens has (environment: ci)",
     .read = read_issuer_pairs,
     .offset = IN_I(set_n)},
    {.key = "issuers[].role",
     .type = "agent, developer, viewer, operator or owner",
     .text = "what its tokens may do, as a key's role; default agent",
     .read = read_choice,
     .offset = IN_I(role),
     .choices = ROLE_NAMES},
    {.key = "issuers[].client_id",
     .type = "text",
     .text =
         "people sign in to the console there, as this client; redirect URI: the console's /signin/callback",
     .read = read_text,
     .offset = IN_I(client_id)},
    {.key = "issuers[].client_secret",
     .type = "env:NAME or file:PATH",
     .text = "of that client, where the issuer wants one",
     .read = read_aws_secret,
     .offset = IN_I(client_secret)},
    {.key = "issuers[].scopes",
     .type = "text",
     .text = "asked for when people sign in; default openid email profile",
     .read = read_text,
     .offset = IN_I(scopes)},
    {.key = "issuers[].roles_claim",
     .type = "word",
     .text = "the claim that lists a person's groups; default groups",
     .read = read_text,
     .offset = IN_I(roles_claim)},
    {.key = "issuers[].roles",
     .type = "mapping of groups to roles",
     .text = "what members of a group may do in the console (platform: operator); the highest counts",
     .read = read_issuer_roles,
     .offset = IN_I(roles_n)},
    {.key = "issuers[].keys_url",
     .type = "URL",
     .text = "its JSON Web Key Set; default what issuer/.well-known/openid-configuration says",
     .read = read_issuer_url,
     .offset = IN_I(keys_url)},
    {.key = "issuers[].keys_file",
     .type = "file",
     .text = "its JSON Web Key Set as a file, where the issuer cannot be asked; read again when it changes",
     .read = read_file_path,
     .offset = IN_I(keys_file)},
    {.key = "issuers[].ca_file",
     .type = "file",
     .text = "PEM file of authorities trusted for it beside the system's",
     .read = read_file_path,
     .offset = IN_I(ca_file)},
    {.key = "issuers[].skew",
     .type = "duration",
     .text = "that its clock and this one may differ by; default 60s",
     .read = read_duration,
     .offset = IN_I(skew_ms),
     .least = 0,
     .most = 10 * M},
    {.key = "issuers[].refresh",
     .type = "duration",
     .text = "how old its keys may be before they are fetched again; default 10m",
     .read = read_duration,
     .offset = IN_I(refresh_ms),
     .least = 1 * S,
     .most = 24 * H},
    {.key = "issuers[].retry",
     .type = "duration",
     .text =
         "at most so often are they fetched when one is missing or the issuer does not answer; default 10s",
     .read = read_duration,
     .offset = IN_I(retry_ms),
     .least = 100,
     .most = H},
    {.key = "gate_token", .type = "mapping", .text = "the tokens that `weir gate` gets in CI", .group = true},
    {.key = "gate_token.secret",
     .type = "env:NAME or file:PATH",
     .text =
         "signs them, the same for all gateways that take them; default one of this store's own, in a file "
         "beside it",
     .read = read_gate_secret,
     .offset = IN_S(gate_secret)},
    {.key = "gate_token.lifetime",
     .type = "duration",
     .text = "how long such a token opens; default 1h",
     .read = read_duration,
     .offset = IN_S(gate_token_ms),
     .least = M,
     .most = 24 * H},
    ALERT_ROWS,
};

const size_t settings_options_n = sizeof settings_options / sizeof *settings_options;

_Static_assert(sizeof settings_options / sizeof *settings_options <= SETTINGS_OPTIONS_MAX, "raise it");
_Static_assert(sizeof(enum unmetered) == sizeof(int) && sizeof(enum billing) == sizeof(int),
               "read_choice writes ints");

/* Keys of the full configuration that this version does not carry out. */
static const struct {
	const char *key, *why;
} REFUSED[] = {
    {"routes.rules", "nothing would be routed"},
    {"context[].limits.tool_result", "no result would be shortened"},
    {"context[].cache", "no cache breakpoint would be set"},
    {"context[].prune", "nothing would be pruned"},
    {"outcomes", "no outcome would be valued"},
    {"record", "no body would be recorded"},
};

const char *settings_refused_key(slice key)
{
	for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++)
		if (slice_eq(slice_of(REFUSED[i].key), key))
			return REFUSED[i].why;
	return NULL;
}

bool settings_option(size_t *at, const char **key, const char **type, const char **text)
{
	if (*at >= settings_options_n)
		return false;
	const struct option *o = &settings_options[(*at)++];
	*key = o->key;
	*type = o->type;
	*text = o->text;
	return true;
}
