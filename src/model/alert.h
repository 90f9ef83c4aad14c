/* What people are told of, and where to: the alerts of the settings (`alerts:`). docs/alerts.md has them for
 * people. */
#ifndef WEIR_MODEL_ALERT_H
#define WEIR_MODEL_ALERT_H

#include <stdint.h>

#include "base/slice.h"

/* id, name, what it is about. New ones go to the end. */
#define ALERT_KIND_LIST(X)                                                                                   \
	X(ALERT_BUDGET, budget, "a budget has passed a threshold of its alerts, or its limit")               \
	X(ALERT_FORECAST, forecast, "a budget will pass its limit before its window ends")                   \
	X(ALERT_ANOMALY, anomaly, "a series of the spend is far above what it usually is")                   \
	X(ALERT_STORM, storm, "an agent goes round in circles")                                              \
	X(ALERT_PAUSE, pause, "a person paused a session, or handed it to somebody")                         \
	X(ALERT_UNPRICED, unpriced, "a model is asked for that has no price")                                \
	X(ALERT_PROVIDER, provider, "a provider answers with errors more often than it usually does")        \
	X(ALERT_OVERRIDE, override, "a limit was lifted, or waits for somebody to lift it")                  \
	X(ALERT_LEDGER, ledger, "the ledger takes no rows, or its journal fills")                            \
	X(ALERT_FREEZE, freeze, "the kill switch is on")                                                     \
	X(ALERT_KEY, key, "a key is used from many devices")                                                 \
	X(ALERT_TEST, test, "somebody asked for one, to see that it comes")
#define ALERT_SEVERITY_LIST(X) X(ALERT_INFO, info) X(ALERT_WARNING, warning) X(ALERT_CRITICAL, critical)
#define ALERT_FORMAT_LIST(X)                                                                                 \
	X(ALERT_JSON, json)                                                                                  \
	X(ALERT_SLACK, slack)                                                                                \
	X(ALERT_TEAMS, teams) X(ALERT_PAGERDUTY, pagerduty)
#define X(id, ...) id,
enum alert_kind { ALERT_KIND_LIST(X) ALERT_KINDS };
enum alert_severity { ALERT_SEVERITY_LIST(X) ALERT_SEVERITIES };
enum alert_format { ALERT_FORMAT_LIST(X) ALERT_FORMATS };
#undef X

const char *alert_kind_name(enum alert_kind k);
enum alert_kind alert_kind_from_name(slice name); /* ALERT_KINDS when unknown */
const char *alert_severity_name(enum alert_severity s);
enum alert_severity alert_severity_from_name(slice name); /* ALERT_SEVERITIES when unknown */

/* A label of an alert, or what one must be: globs apart by commas, any of them; a leading '!' negates. */
struct alert_label {
	slice name, value;
};

/* The names that labels have: what `where` of a target and of a silence may look at. */
#define ALERT_LABEL_LIST(X)                                                                                  \
	X(kind)                                                                                              \
	X(severity)                                                                                          \
	X(alert)                                                                                             \
	X(budget)                                                                                            \
	X(rule)                                                                                              \
	X(user) X(team) X(session) X(agent) X(repo) X(workflow) X(provider) X(model) X(key) X(scope) X(series)
bool alert_label_known(slice name);
/* Do the labels have all that is wanted? What an alert does not have is the empty text. */
bool alert_labels_match(const struct alert_label *have, size_t have_n, const struct alert_label *want,
                        size_t want_n);

#define ALERT_TARGETS_MAX 32
#define ALERT_WHERE_MAX   8
#define ALERT_COMMAND_MAX 32
#define ALERT_MAIL_MAX    32

/* Where alerts go: exactly one of url, mail and command. */
struct alert_target {
	slice name;
	slice url; /* of a webhook; a secret: zeroed when the snapshot goes, never logged */
	bool insecure_url;
	int format;   /* enum alert_format */
	slice secret; /* signs (json), or PagerDuty's routing key; n 0 none */
	slice ca_file;
	struct alert_mail {
		slice url; /* smtp://host:port or smtps://; n 0: this is no mail */
		size_t to_n;
		slice *to;
		slice from, user, password;
	} mail;
	size_t command_n;
	slice *command; /* the program and its arguments */
	uint64_t kinds; /* a bit each; 0: all */
	int severity;   /* enum alert_severity: what is less is not sent */
	size_t where_n;
	struct alert_label *where;
	int64_t repeat_ms;  /* told again while it lasts; 0: never */
	int64_t group_ms;   /* of what belongs together, one message in this time */
	int64_t rate;       /* messages in an hour, at most */
	int64_t timeout_ms; /* of one attempt */
	int quiet;          /* 1: not told when it is over */
};

/* Does an alert go there? labels include its kind and severity. */
bool alert_target_wants(const struct alert_target *t, enum alert_kind k, enum alert_severity s,
                        const struct alert_label *labels, size_t labels_n);

#endif
