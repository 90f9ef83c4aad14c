/* The rows of storms: for model/settings_table.c alone. */
#ifndef WEIR_MODEL_SETTINGS_STORMS_H
#define WEIR_MODEL_SETTINGS_STORMS_H

#include "model/settings_read.h"

#define IN_ST(field) offsetof(struct storm_rule, field)
extern const char *const settings_storm_actions[];
#define STORM_HOUR_MS (INT64_C(3600) * 1000)

#define STORM_ROWS                                                                                           \
	{.key = "storms",                                                                                    \
	 .type = "mapping, or list of mappings",                                                             \
	 .text = "when an agent that goes round in circles is stopped; of several the first that applies "   \
	         "to the "                                                                                   \
	         "call is the one",                                                                          \
	 .read = read_storms,                                                                                \
	 .joined = true},                                                                                    \
	    RULE_ROWS("storms[]", "storm rule", read_where, "which sessions it is for; default all"),        \
	    {.key = "storms[].repeat_calls",                                                                 \
	     .type = "number",                                                                               \
	     .text = "the same call with the same result, with nothing done in between; 0: not looked for; " \
	             "default 6",                                                                            \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.repeat_calls),                                                           \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].cycles",                                                                       \
	     .type = "number",                                                                               \
	     .text =                                                                                         \
	         "the same in a row: one call, or up to 8 in the same order; 0: not looked for; default 3",  \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.cycles),                                                                 \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].same_error",                                                                   \
	     .type = "number",                                                                               \
	     .text = "calls that fail the same way; 0: not looked for; default 4",                           \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.same_error),                                                             \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].invalid_calls",                                                                \
	     .type = "number",                                                                               \
	     .text = "calls to tools that are not offered, or with arguments that are no JSON; 0: not "      \
	             "looked for; "                                                                          \
	             "default 5",                                                                            \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.invalid_calls),                                                          \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].near_duplicates",                                                              \
	     .type = "number",                                                                               \
	     .text = "results of one tool that hardly differ; 0: not looked for; default 12",                \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.near_duplicates),                                                        \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].reads",                                                                        \
	     .type = "number",                                                                               \
	     .text = "reads and searches without an edit; 0: not looked for; default 80",                    \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.reads),                                                                  \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].compactions",                                                                  \
	     .type = "number",                                                                               \
	     .text = "compactions without an edit between; 0: not looked for; default 4",                    \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.compactions),                                                            \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].turns",                                                                        \
	     .type = "number",                                                                               \
	     .text = "turns of the whole tree of agents since a human last spoke; 0: no limit; default 200", \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.turns),                                                                  \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].runtime",                                                                      \
	     .type = "duration",                                                                             \
	     .text = "how long the tree may work since a human last spoke; 0s: no limit; default 2h",        \
	     .read = read_duration,                                                                          \
	     .offset = IN_ST(limits.runtime_ms),                                                             \
	     .least = 0,                                                                                     \
	     .most = 30 * 24 * STORM_HOUR_MS},                                                               \
	    {.key = "storms[].fan_out",                                                                      \
	     .type = "number",                                                                               \
	     .text = "subagents of a tree; 0: no limit; default 20",                                         \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.fan_out),                                                                \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].depth",                                                                        \
	     .type = "number",                                                                               \
	     .text = "how deep subagents start subagents; 0: no limit; default 4",                           \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.depth),                                                                  \
	     .least = 0,                                                                                     \
	     .most = 1000},                                                                                  \
	    {.key = "storms[].retry_budget",                                                                 \
	     .type = "mapping",                                                                              \
	     .text = "the very same request sent again by the client",                                       \
	     .group = true},                                                                                 \
	    {.key = "storms[].retry_budget.calls",                                                           \
	     .type = "number",                                                                               \
	     .text = "how often in a tree; 0: no limit; default 20",                                         \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(limits.retry_calls),                                                            \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].retry_budget.usd",                                                             \
	     .type = "USD",                                                                                  \
	     .text = "what that may cost in a tree; 0: no limit; default 5",                                 \
	     .read = read_dollars,                                                                           \
	     .offset = IN_ST(limits.retry_nanousd)},                                                         \
	    {.key = "storms[].burn",                                                                         \
	     .type = "USD a minute",                                                                         \
	     .text = "how fast a thread may spend, or all sessions of a key that begin with the same "       \
	             "words: 2 USD/minute, or 60 USD/hour; 0: any; default 5 USD/minute for the latter",     \
	     .read = read_money_rate,                                                                        \
	     .offset = IN_ST(limits)},                                                                       \
	    {.key = "storms[].fresh_sessions",                                                               \
	     .type = "number",                                                                               \
	     .text = "sessions of a key that begin with the same words within an hour (a script that "       \
	             "starts anew "                                                                          \
	             "each time); 0: not looked for; default 20",                                            \
	     .read = read_count,                                                                             \
	     .offset = IN_ST(fresh_sessions),                                                                \
	     .least = 0,                                                                                     \
	     .most = 1000000},                                                                               \
	    {.key = "storms[].action",                                                                       \
	     .type = "alert, advise, slow, pause or stop",                                                   \
	     .text =                                                                                         \
	         "what is done: alert only tells; advise also tells the model, once; slow lets each call "   \
	         "wait; "                                                                                    \
	         "pause refuses the session's calls until a human resumes it; stop for good; default pause", \
	     .read = read_choice,                                                                            \
	     .offset = IN_ST(action),                                                                        \
	     .choices = settings_storm_actions},                                                             \
	    {.key = "storms[].handoff",                                                                      \
	     .type = "mapping",                                                                              \
	     .text = "who is asked about a paused session",                                                  \
	     .group = true},                                                                                 \
	    {.key = "storms[].handoff.to",                                                                   \
	     .type = "word",                                                                                 \
	     .text = "a user, or the name of an alert's channel; the refusal names it",                      \
	     .read = read_name,                                                                              \
	     .offset = IN_ST(handoff_to)},                                                                   \
	    {.key = "storms[].handoff.timeout",                                                              \
	     .type = "duration",                                                                             \
	     .text = "a session paused for longer is stopped; default it waits",                             \
	     .read = read_duration,                                                                          \
	     .offset = IN_ST(handoff_ms),                                                                    \
	     .least = 60000,                                                                                 \
	     .most = 30 * 24 * STORM_HOUR_MS},                                                               \
	{                                                                                                    \
		.key = "storms[].allowance", .type = "number",                                               \
		.text = "what a resume adds to the limit that was reached; default 5", .read = read_count,   \
		.offset = IN_ST(allowance), .least = 0, .most = 1000000                                      \
	}

#endif
