/* The rows of alerts: for model/settings_table.c alone. */
#ifndef WEIR_MODEL_SETTINGS_ALERTS_H
#define WEIR_MODEL_SETTINGS_ALERTS_H

#include <stddef.h>

#include "model/settings_read.h"

#define IN_A(field)   offsetof(struct alert_target, field)
#define ALERT_HOUR_MS (INT64_C(3600) * 1000)
extern const char *const settings_alert_formats[], *const settings_alert_severities[],
                                                       *const settings_alert_resolved[];
option_read read_alert_targets;                   /* struct settings */
option_read read_alert_url, read_alert_kinds;     /* struct alert_target */
option_read read_alert_where, read_alert_command; /* struct alert_target */
option_read read_alert_smtp, read_alert_address;  /* slice */
option_read read_alert_addresses;                 /* size_t n and behind it slice * */
option_read read_alert_secret;                    /* slice */

#define ALERT_ROWS                                                                                           \
	{.key = "alerts",                                                                                    \
	 .type = "list of mappings",                                                                         \
	 .text = "where people are told of what needs them; alerts are kept, and listed by `weir alert`, "   \
	         "without any",                                                                              \
	 .read = read_alert_targets,                                                                         \
	 .joined = true},                                                                                    \
	    {.key = "alerts[].name",                                                                         \
	     .type = "word",                                                                                 \
	     .text = "its name in the log, in metrics and as a storm's handoff.to; needed",                  \
	     .read = read_name,                                                                              \
	     .offset = IN_A(name)},                                                                          \
	    {.key = "alerts[].url",                                                                          \
	     .type = "env:NAME, file:PATH or URL",                                                           \
	     .text = "a webhook; where its address is a secret, as Slack's is, env: or file:; of pagerduty " \
	             "only where it is not the public one",                                                  \
	     .read = read_alert_url},                                                                        \
	    {.key = "alerts[].format",                                                                       \
	     .type = "json, slack, teams or pagerduty",                                                      \
	     .text = "what the webhook takes; teams: an Adaptive Card; pagerduty: Events v2; default json",  \
	     .read = read_choice,                                                                            \
	     .offset = IN_A(format),                                                                         \
	     .choices = settings_alert_formats},                                                             \
	    {.key = "alerts[].secret",                                                                       \
	     .type = "env:NAME or file:PATH",                                                                \
	     .text = "of json: signs each message (HMAC-SHA256); of pagerduty: the routing key, needed",     \
	     .read = read_alert_secret,                                                                      \
	     .offset = IN_A(secret)},                                                                        \
	    {.key = "alerts[].ca_file",                                                                      \
	     .type = "file",                                                                                 \
	     .text = "PEM bundle of authorities for this target",                                            \
	     .read = read_file_path,                                                                         \
	     .offset = IN_A(ca_file)},                                                                       \
	    {.key = "alerts[].mail", .type = "mapping", .text = "sends mail", .group = true},                \
	    {.key = "alerts[].mail.to",                                                                      \
	     .type = "address, or list of them",                                                             \
	     .text = "who gets it; needed",                                                                  \
	     .read = read_alert_addresses,                                                                   \
	     .offset = IN_A(mail.to_n)},                                                                     \
	    {.key = "alerts[].mail.from",                                                                    \
	     .type = "address",                                                                              \
	     .text = "whom it is from; needed",                                                              \
	     .read = read_alert_address,                                                                     \
	     .offset = IN_A(mail.from)},                                                                     \
	    {.key = "alerts[].mail.url",                                                                     \
	     .type = "smtp://HOST:PORT or smtps://HOST:PORT",                                                \
	     .text = "the mail server; smtp:// to another machine demands STARTTLS; needed",                 \
	     .read = read_alert_smtp,                                                                        \
	     .offset = IN_A(mail.url)},                                                                      \
	    {.key = "alerts[].mail.user",                                                                    \
	     .type = "text",                                                                                 \
	     .text = "logs in there",                                                                        \
	     .read = read_text,                                                                              \
	     .offset = IN_A(mail.user)},                                                                     \
	    {.key = "alerts[].mail.password",                                                                \
	     .type = "env:NAME or file:PATH",                                                                \
	     .text = "likewise",                                                                             \
	     .read = read_alert_secret,                                                                      \
	     .offset = IN_A(mail.password)},                                                                 \
	    {.key = "alerts[].command",                                                                      \
	     .type = "list of texts",                                                                        \
	     .text = "a program and its arguments, started without a shell, the message as JSON on its "     \
	             "input; its exit status says whether it was told",                                      \
	     .read = read_alert_command},                                                                    \
	    {.key = "alerts[].kinds",                                                                        \
	     .type = "list of kinds",                                                                        \
	     .text = "only alerts of these kinds; default all",                                              \
	     .read = read_alert_kinds},                                                                      \
	    {.key = "alerts[].severity",                                                                     \
	     .type = "info, warning or critical",                                                            \
	     .text = "the least that is sent there; default warning",                                        \
	     .read = read_choice,                                                                            \
	     .offset = IN_A(severity),                                                                       \
	     .choices = settings_alert_severities},                                                          \
	    {.key = "alerts[].where",                                                                        \
	     .type = "mapping of labels to values",                                                          \
	     .text = "only alerts whose labels are so (team: payments, budget: \"dev-*\")",                  \
	     .read = read_alert_where},                                                                      \
	    {.key = "alerts[].repeat",                                                                       \
	     .type = "duration",                                                                             \
	     .text = "told again while it lasts; 0s: never; default 4h",                                     \
	     .read = read_duration,                                                                          \
	     .offset = IN_A(repeat_ms),                                                                      \
	     .least = 0,                                                                                     \
	     .most = 30 * 24 * ALERT_HOUR_MS},                                                               \
	    {.key = "alerts[].group",                                                                        \
	     .type = "duration",                                                                             \
	     .text = "of what belongs together (a kind, a rule) one message in this time; default 30s",      \
	     .read = read_duration,                                                                          \
	     .offset = IN_A(group_ms),                                                                       \
	     .least = 0,                                                                                     \
	     .most = ALERT_HOUR_MS},                                                                         \
	    {.key = "alerts[].rate",                                                                         \
	     .type = "number",                                                                               \
	     .text = "messages in an hour at most; what is beyond waits, and comes in one; default 60",      \
	     .read = read_count,                                                                             \
	     .offset = IN_A(rate),                                                                           \
	     .least = 1,                                                                                     \
	     .most = 100000},                                                                                \
	    {.key = "alerts[].timeout",                                                                      \
	     .type = "duration",                                                                             \
	     .text = "of one attempt; default 10s",                                                          \
	     .read = read_duration,                                                                          \
	     .offset = IN_A(timeout_ms),                                                                     \
	     .least = 500,                                                                                   \
	     .most = 60000},                                                                                 \
	{                                                                                                    \
		.key = "alerts[].resolved", .type = "tell or quiet",                                         \
		.text = "whether it is told there that something is over; default tell",                     \
		.read = read_choice, .offset = IN_A(quiet), .choices = settings_alert_resolved               \
	}

#endif
