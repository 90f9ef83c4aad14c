/*
 * The load generator: many connections on one epoll, requests back to back (closed loop) or at a
 * fixed rate (open loop, latency counted from the moment a request was due). Streams of weir-sim
 * with `stamp=1` carry the time each event was sent and its number: what passed in between is the
 * delay added on the way, and a gap in the numbers is a lost event.
 */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "http.h"

#define LOAD_MAX_HEADERS 32

struct load_options {
	const char *url, *api, *model, *body_file, *sim, *tag, *calls_path, *ca_file;
	const char *headers[LOAD_MAX_HEADERS]; /* %d becomes the number of the call */
	size_t nheaders;
	int connections;
	int64_t requests; /* 0: as long as `seconds` */
	double seconds, rate, ramp, warmup, timeout;
	int64_t body_size, max_tokens;
	bool stream, fresh, keep_going, pretty;
	/* made from these: */
	bool https;
	char host[128], path[512];
	int port;
	struct buf body;
};

/* A growing list of milliseconds. */
struct samples {
	float *v;
	size_t n, cap;
};

struct load_stats {
	struct samples latency, first_byte, delay;
	int64_t sent, ok, http_errors, cut, refused, timeouts, connects, events, lost, bytes;
	int64_t by_status[600];
	double seconds, cpu_seconds;
};

void samples_add(struct samples *s, double ms);
void load_prepare(struct load_options *o);
void load_run(const struct load_options *o, struct load_stats *st);
void load_report(const struct load_options *o, struct load_stats *st, struct buf *out);
int load_main(int argc, char **argv);

#endif
