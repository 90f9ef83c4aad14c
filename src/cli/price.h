/* What the parts of `weir price` share. */
#ifndef WEIR_CLI_PRICE_H
#define WEIR_CLI_PRICE_H

#include "base/money.h"
#include "cli/cli.h"
#include "model/catalog.h"

#define PRICE_JSON_MAX (64u << 20)

struct price_query {
	struct cli *c;
	struct settings *settings;  /* owned by the command */
	slice vendor;               /* n 0: those of the settings' providers; "all": every one */
	slice pattern;              /* a model's name or part of it; n 0: any */
	int64_t at_ms;              /* the time that prices are asked for */
	int64_t older_ms, since_ms; /* of check: how old the book may be; how far back the ledger is read */
	bool dated;                 /* --at was given */
	bool since_given, apply;    /* of reprice */
};

int price_list(struct price_query *q);
int price_show(struct price_query *q);
int price_check(struct price_query *q);
int price_reprice(struct price_query *q);

/* USD for a million units, "3.00"; "-" when absent. */
void price_text(int64_t nano, char out[MONEY_TEXT_MAX]);
/* "2026-03-13"; "" for an open end. */
void price_date(int64_t ms, char out[16]);
/* A row as a JSON object. */
void price_json(struct jsonw *w, const struct price *p);
/* Whether a provider of the settings is billed by this vendor's prices. */
bool price_vendor_used(const struct settings *s, slice vendor);

#endif
