/* A ledger with calls of any time and cost, and settings, for tests of questions over weeks. */
#ifndef WEIR_TEST_FINOPS_BOOKS_H
#define WEIR_TEST_FINOPS_BOOKS_H

#include "../store/fixture.h"
#include "model/settings.h"
#include "store/ledger.h"

#define USD  INT64_C(1000000000)
#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)

struct books {
	struct folder folder;
	const struct ledger_ops *ops;
	struct ledger *ledger;
	int64_t n; /* calls so far */
};

static inline void books_open(struct books *b)
{
	struct error e = {0};
	slice rest;
	memset(b, 0, sizeof *b);
	folder_make(&b->folder);
	b->ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	assert_int_equal(b->ops->open(folder_file(&b->folder, "weir.db"), true, &b->ledger, &e), 0);
	assert_int_equal(b->ops->begin(b->ledger, &e), 0);
}

/* No more calls come. */
static inline void books_done(struct books *b)
{
	struct error e = {0};
	assert_int_equal(b->ops->commit(b->ledger, &e), 0);
}

static inline void books_close(struct books *b)
{
	b->ops->close(b->ledger);
	folder_remove(&b->folder);
}

/* A call of the gateway's at a time, by a user of a team, that cost so much; to be changed and added. */
static inline void books_call(struct books *b, struct record *r, int64_t ms, const char *user,
                              const char *team, int64_t nanousd)
{
	sample_settled(r, b->n++);
	r->time_ms = ms;
	r->who.v[ATTR_USER] = slice_of(user);
	r->who.v[ATTR_TEAM] = slice_of(team);
	memset(&r->cost, 0, sizeof r->cost);
	r->cost.part[COST_INPUT] = r->cost.total = r->list_cost_nanousd = nanousd;
}

static inline void books_add(struct books *b, const struct record *r)
{
	struct error e = {0};
	if (b->ops->add(b->ledger, r, &e) != 0)
		fail_msg("%s", e.text);
}

static inline void books_spend(struct books *b, int64_t ms, const char *user, const char *team,
                               int64_t nanousd)
{
	struct record r;
	books_call(b, &r, ms, user, team, nanousd);
	books_add(b, &r);
}

static inline void books_fault(void *arg, const char *line)
{
	(void)arg;
	print_error("%s\n", line);
}

static inline struct settings *books_settings(struct books *b, const char *yaml)
{
	const char *path = folder_file(&b->folder, "weir.yaml");
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(yaml, f);
	fclose(f);
	struct settings *s =
	    settings_load_with(slice_of(path), SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER, books_fault, NULL);
	assert_non_null(s);
	return s;
}

#endif
