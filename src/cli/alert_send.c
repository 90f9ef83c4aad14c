#include "cli/alert_send.h"

#include <stdlib.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "finops/alert_view.h"
#include "gateway/alert_send.h"

#define WAIT_MS 50

struct sent {
	struct cli *c;
	size_t failed;
};

static void on_done(void *arg, const struct alert_message *m, const struct alert_outcome *o)
{
	struct sent *s = arg;
	s->failed += !o->sent;
	fprintf(s->c->out, SLICE_FMT ": %s%s" SLICE_FMT "\n", SLICE_ARG(m->target->name),
	        o->sent ? "sent" : "not sent", o->sent ? "" : ": ", SLICE_ARG(o->why));
}

static int send_all(struct cli *c, const struct settings *s, const char *target, slice body)
{
	struct sent sent = {.c = c};
	struct alert_sender *sender = alert_sender_new();
	struct alert_message *m = calloc(1, sizeof *m);
	int64_t now = clock_wall_ms(clock_real());
	size_t n = 0;
	for (size_t i = 0; sender && m && i < s->alerts_n; i++) {
		if (target && !slice_eq(s->alerts[i].name, slice_of(target)))
			continue;
		*m = (struct alert_message){.id = now, .target = &s->alerts[i], .n = 1};
		m->told[0] = (struct alert_told){.id = SLICE("test"),
		                                 .severity = slice_of(alert_severity_name(ALERT_INFO)),
		                                 .body = body,
		                                 .kind = ALERT_TEST,
		                                 .event = ALERT_TESTED,
		                                 .since_ms = now,
		                                 .raised_ms = now,
		                                 .count = 1};
		alert_sender_start(sender, m, SLICE_NONE, now);
		n++;
	}
	while (sender && alert_sender_busy(sender))
		alert_sender_turn(sender, WAIT_MS, clock_wall_ms(clock_real()), on_done, &sent);
	bool memory = sender && m;
	alert_sender_free(sender);
	free(m);
	if (!memory)
		return cli_fail(c, "memory is spent");
	if (n == 0 && s->alerts_n == 0)
		return cli_fail(c, "the settings name no target: write alerts: [{name: chat, url: ...}], as "
		                   "docs/alerts.md shows");
	if (n == 0)
		return cli_fail(c, "there is no target \"%s\" in alerts: of the settings", target);
	return sent.failed ? EXIT_FAILED : EXIT_DONE;
}

int alert_send_test(struct cli *c, const char *target, const char *by)
{
	struct alert_cause cause;
	struct buf body;
	struct settings *s = cli_settings(c);
	if (s == NULL)
		return EXIT_FAILED;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	alert_test_cause(&cause, slice_of(by));
	buf_init(&body, ALERT_BODY_MAX);
	int status = alert_body_write(&cause, &body) ? cli_fail(c, "memory is spent")
	                                             : send_all(c, s, target, buf_slice(&body));
	buf_release(&body);
	settings_unref(s);
	curl_global_cleanup();
	return status;
}
