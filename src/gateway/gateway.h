/* The gateway as a whole: its threads, its start, its reloads and its end. */
#ifndef WEIR_GATEWAY_GATEWAY_H
#define WEIR_GATEWAY_GATEWAY_H

#include "base/log.h"
#include "model/settings.h"

/* How often a running gateway looks for changed keys, and for a changed settings file. */
#define GATEWAY_LOOK_MS 50

struct gateway_options {
	slice config;    /* file or folder the settings came from; n 0: defaults, nothing to reload */
	struct log *log; /* not owned */
	/* Called once when calls are taken, with the real addresses. */
	void (*on_ready)(void *arg, const char *gateway_url, const char *console_url);
	void *arg;
};

/* Runs until SIGTERM or SIGINT: takes calls, reloads on SIGHUP or a changed file, then drains, books
 * everything and returns 0; a negative enum err when it could not start. Takes over the reference to
 * settings. Must be called with no other thread running. */
int gateway_run(struct settings *settings, const struct gateway_options *o, struct error *e) WARN_UNUSED;

#endif
