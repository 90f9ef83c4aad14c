/* Sends messages of alerts: to a webhook or by mail (libcurl), or to a command. Several at the same time,
 * none of them waited for; by one thread in the background with a curl handle of its own, never on an event
 * loop. Only to the hosts of the settings: no redirects, http and https (smtp and smtps for mail) alone, a
 * limit on time and on what is read of the answer. Neither URLs nor secrets are ever told. */
#ifndef WEIR_GATEWAY_ALERT_SEND_H
#define WEIR_GATEWAY_ALERT_SEND_H

#include "finops/alert_book.h"

struct alert_sender;
struct alert_sender *alert_sender_new(void); /* NULL without memory */
/* What is under way is broken off, commands are killed. */
void alert_sender_free(struct alert_sender *s);

/* Starts it; the message's target must live until it is done. False: it could not be made (told to on_done
 * by the next turn). */
void alert_sender_start(struct alert_sender *s, const struct alert_message *m, slice node, int64_t now_ms);
/* Moves on what is under way, waiting up to wait_ms for it; gives what is done. */
void alert_sender_turn(struct alert_sender *s, int wait_ms, int64_t now_ms,
                       void (*on_done)(void *arg, const struct alert_message *m,
                                       const struct alert_outcome *o),
                       void *arg);
size_t alert_sender_busy(const struct alert_sender *s);

#endif
