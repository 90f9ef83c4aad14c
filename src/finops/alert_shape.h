/* A message of alerts in the shape its target takes: JSON of our own, signed; Slack's blocks; Teams' Adaptive
 * Card; PagerDuty's Events API v2; a mail. Names and evidence come from outside: in each shape they stand
 * where nothing in them has a meaning, or are escaped. */
#ifndef WEIR_FINOPS_ALERT_SHAPE_H
#define WEIR_FINOPS_ALERT_SHAPE_H

#include "finops/alert_book.h"

#define ALERT_SHAPE_MAX   (256 * 1024) /* bytes of a message */
#define ALERT_SHAPE_SHOWN 10           /* alerts that a message for people shows; the rest are counted */

struct alert_shape {
	const struct alert_message *message;
	slice node;     /* this machine's name */
	int64_t now_ms; /* when it is sent */
};

/* Our own: {"version": 1, "message", "target", "sent", "alerts": [{…}]}. All alerts of the message. */
int alert_shape_json(const struct alert_shape *s, struct buf *out) WARN_UNUSED;
/* One alert of it, also for the API: an object. */
int alert_shape_told(struct jsonw *w, const struct alert_told *t) WARN_UNUSED;
/* https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, Block Kit */
int alert_shape_slack(const struct alert_shape *s, struct buf *out) WARN_UNUSED;
/* A message with an Adaptive Card 1.4, as Teams' workflows take it */
int alert_shape_teams(const struct alert_shape *s, struct buf *out) WARN_UNUSED;
/* Events API v2, one alert; trigger or resolve, its id as the dedup_key */
int alert_shape_pagerduty(const struct alert_shape *s, slice routing_key, struct buf *out) WARN_UNUSED;
/* Plain text for people. */
int alert_shape_text(const struct alert_shape *s, struct buf *out) WARN_UNUSED;
/* A whole message of RFC 5322 in UTF-8, lines ended by CRLF. */
int alert_shape_mail(const struct alert_shape *s, struct buf *out) WARN_UNUSED;

/* What the target takes, but mail. */
int alert_shape_write(const struct alert_shape *s, struct buf *out) WARN_UNUSED;

/* "v1=" and the hex HMAC-SHA256 of "TIMESTAMP.BODY": x-weir-signature, with x-weir-timestamp beside it. */
#define ALERT_SIGNATURE_MAX (3 + 2 * CRYPTO_SHA256_BYTES + 1)
int alert_sign(slice secret, int64_t unix_s, slice body, char out[ALERT_SIGNATURE_MAX]) WARN_UNUSED;

/* "2 alerts: Budget dev-day of ana: 80% used, … and 1 more": NUL-terminated, cut to cap. */
void alert_shape_subject(const struct alert_shape *s, char *out, size_t cap);

#endif
