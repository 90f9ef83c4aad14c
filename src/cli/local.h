/* The gateway of this machine: is it there, and starting it when it is not. */
#ifndef WEIR_CLI_LOCAL_H
#define WEIR_CLI_LOCAL_H

#include <sys/types.h>

#include "cli/cli.h"

#define LOCAL_URL_MAX 512

enum probe {
	PROBE_ABSENT,  /* nothing listens there */
	PROBE_TIMEOUT, /* something listens, or does not say no, but gives no answer in time */
	PROBE_ANSWERS, /* a server that is not Weir's console, or one behind TLS that was not asked further */
	PROBE_READY,   /* /readyz says so */
	PROBE_UNREADY, /* a gateway that drains, or whose ledger fails */
};

/* Connects and asks for /readyz; waits at most timeout_ms. *text (may be NULL, of cap bytes) gets the first
 * line of the answer's body. host is numeric or a name. tls: only connects. */
enum probe probe_ready(const char *host, int port, bool tls, int timeout_ms, char *text, size_t cap);

/* A listener's address as clients on this machine call it: "127.0.0.1" for 0.0.0.0. */
slice local_host(const struct listen *l);
/* "http://127.0.0.1:8787" */
void local_url(const struct listen *l, char out[LOCAL_URL_MAX]);

/* Host and port of an http(s) URL; false when it is none. */
bool url_place(const char *url, char host[256], int *port, bool *tls);

/* Makes sure that the gateway of s answers: starts `weir serve` with config (n 0: none) when it does not,
 * apart from this process, and waits until it is ready. EXIT_DONE, or EXIT_FAILED after a message. */
int local_gateway(struct cli *c, const struct settings *s);

/* Where a gateway that was started so writes its log; p of buf. */
slice local_log_path(const struct settings *s, char *buf, size_t cap);
/* The last lines of a log from that byte on, indented, to c->err. */
void local_print_tail(struct cli *c, const char *path, off_t from);

#endif
