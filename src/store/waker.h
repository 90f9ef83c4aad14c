/* Wakes one sleeping thread, and costs the others a load when it does not sleep. */
#ifndef WEIR_STORE_WAKER_H
#define WEIR_STORE_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

struct waker {
	int fd; /* eventfd; owned */
	atomic_bool sleeping;
};

int waker_init(struct waker *w, struct error *e) WARN_UNUSED;
void waker_release(struct waker *w);

/* The sleeper: announces itself, asks has_work once more, and sleeps until waker_wake or for timeout_ms (-1:
 * no limit). */
void waker_sleep(struct waker *w, int timeout_ms, bool (*has_work)(void *arg), void *arg);

/* After the work has been made visible: a system call only when the sleeper has announced itself, and one for
 * each sleep. */
void waker_wake(struct waker *w);

/* Wakes it whether it sleeps or not: the next sleep ends at once. */
void waker_kick(struct waker *w);

#endif
