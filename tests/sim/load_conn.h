/* The load generator's inside: connections, and what their answers hold. */
#ifndef SIM_LOAD_CONN_H
#define SIM_LOAD_CONN_H

#include <netinet/in.h>

#include "load.h"

enum lstate { L_IDLE, L_CONNECTING, L_WRITING, L_HEAD, L_BODY, L_WAITING };

struct lconn {
	int fd;
	void *tls;
	enum lstate state;
	bool reused, writable;
	struct buf out, head, text;
	size_t out_at;
	int status;
	int64_t length_left; /* -1: chunked; -2: until the connection closes */
	bool keep_alive, whole;
	struct chunked chunked;
	int64_t call;
	uint64_t due, started, first_byte, retry_at;
	int64_t bytes, events, lost, next_event, last_event;
	char request_id[64], session[64];
};

struct run {
	const struct load_options *o;
	struct load_stats *st;
	int epoll, calls_fd;
	void *tls_context;
	struct sockaddr_in address;
	struct lconn *conns;
	int64_t next_call;
	uint64_t start, end, warm;
	int busy;
	char *scratch;
};

/* load_run.c: the call is over, well or not. */
void load_end(struct run *r, struct lconn *c, const char *ended, uint64_t now);
void load_fail(struct run *r, struct lconn *c, const char *how, uint64_t now);

/* load_answer.c: bytes of an answer; ends the call when it is whole. */
void load_take(struct run *r, struct lconn *c, const char *p, size_t n, uint64_t now);
/* Writes what the call received into the file of --calls. */
void load_note(struct run *r, const struct lconn *c, const char *ended, uint64_t now);

#endif
