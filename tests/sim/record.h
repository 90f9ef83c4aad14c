/*
 * What the provider received, for tests of pass-through: one JSON line for each request with its
 * number, method, target, headers in wire order, and body (`body`, or `body_b64` when it is not
 * plain ASCII text).
 */
#ifndef SIM_RECORD_H
#define SIM_RECORD_H

#include "server.h"

void record_open(const char *path);
void record_request(const struct conn *c);

#endif
