/* The way to an issuer and back. */
#ifndef WEIR_GATEWAY_SIGNIN_OIDC_H
#define WEIR_GATEWAY_SIGNIN_OIDC_H

#include "gateway/signin_answer.h"

int signin_oidc_leave(const struct signin_ask *ask, struct signin_answer *a);
int signin_oidc_return(const struct signin_ask *ask, struct signin_answer *a);

/* signin_answer.c: begins a session, and puts its cookie into the answer. */
int signin_welcome(const struct signin_ask *ask, struct signin_answer *a, const struct signed_in *who);

#endif
