#include "policy/identity_trust.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"

struct trust {
	unsigned refs;             /* changed atomically */
	struct settings *settings; /* owned reference */
	uint8_t secret[TRUST_SECRET_BYTES];
	size_t n;
	struct source {
		struct jwks *keys; /* owned reference; NULL: none yet */
		char why[TRUST_WHY_MAX];
	} at[]; /* in order of settings->issuers */
};

static bool same_issuer(const struct issuer *a, const struct issuer *b)
{
	return slice_eq(a->issuer, b->issuer) && slice_eq(a->keys_url, b->keys_url) &&
	       slice_eq(a->keys_file, b->keys_file);
}

static void take_over(struct trust *t, const struct trust *before)
{
	for (size_t i = 0; before && i < t->n; i++)
		for (size_t k = 0; k < before->n; k++)
			if (same_issuer(&t->settings->issuers[i], &before->settings->issuers[k])) {
				t->at[i].keys = jwks_ref(before->at[k].keys);
				memcpy(t->at[i].why, before->at[k].why, sizeof t->at[i].why);
			}
}

struct trust *trust_new(struct settings *s, const uint8_t secret[TRUST_SECRET_BYTES],
                        const struct trust *before)
{
	struct trust *t = calloc(1, sizeof *t + s->issuers_n * sizeof *t->at);
	if (t == NULL)
		return NULL;
	t->refs = 1;
	t->settings = settings_ref(s);
	t->n = s->issuers_n;
	memcpy(t->secret, secret, sizeof t->secret);
	take_over(t, before);
	return t;
}

struct trust *trust_ref(struct trust *t)
{
	if (t)
		__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
	return t;
}

void trust_unref(struct trust *t)
{
	if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (size_t i = 0; i < t->n; i++)
		jwks_unref(t->at[i].keys);
	settings_unref(t->settings);
	crypto_zero(t->secret, sizeof t->secret);
	free(t);
}

void trust_set(struct trust *t, size_t i, struct jwks *keys, const char *why)
{
	if (keys) {
		jwks_unref(t->at[i].keys);
		t->at[i].keys = jwks_ref(keys);
	}
	snprintf(t->at[i].why, sizeof t->at[i].why, "%s", why);
}

const struct settings *trust_settings(const struct trust *t)
{
	return t->settings;
}

size_t trust_issuers(const struct trust *t)
{
	return t->n;
}

const struct jwks *trust_keys(const struct trust *t, size_t i)
{
	return t->at[i].keys;
}

const char *trust_why(const struct trust *t, size_t i)
{
	return t->at[i].why;
}

int trust_find(const struct trust *t, slice issuer)
{
	for (size_t i = 0; i < t->n; i++)
		if (slice_eq(t->settings->issuers[i].issuer, issuer))
			return (int)i;
	return -1;
}

const uint8_t *trust_secret(const struct trust *t)
{
	return t->secret;
}
