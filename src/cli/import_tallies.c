/* What the exports of one import tell in sum: gathered over its files, put into the ledger at its end, and
 * made rows there. Records of one file that are alike in all but their figures are added up; of two files the
 * later one counts. */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/map.h"
#include "base/num.h"
#include "cli/import.h"

#define TALLIES_MAX ((size_t)1 << 20)
#define MEM_MAX     ((size_t)1 << 30)

struct told {
	struct tally tally;
	struct ledger_tally row;
	uint64_t file;
	struct told *next;
};

struct import_tallies {
	struct arena mem;
	struct map by_key;
	struct told *first, **end;
	uint64_t file;
	int64_t since_ms, until_ms; /* of all spans */
};

static struct import_tallies *begin(struct import_run *run)
{
	struct import_tallies *t = calloc(1, sizeof *t);
	uint64_t seed = 0;
	if (t == NULL)
		return NULL;
	if (crypto_random(&seed, sizeof seed))
		seed = 0;
	arena_init(&t->mem, MEM_MAX);
	map_init(&t->by_key, TALLIES_MAX, seed);
	t->end = &t->first;
	t->since_ms = INT64_MAX;
	t->until_ms = INT64_MIN;
	run->tallies = t;
	return t;
}

void import_tallies_free(struct import_run *run)
{
	if (run->tallies == NULL)
		return;
	map_release(&run->tallies->by_key);
	arena_release(&run->tallies->mem);
	free(run->tallies);
	run->tallies = NULL;
}

void import_tallies_next_file(struct import_run *run)
{
	if (run->tallies)
		run->tallies->file++;
}

/* Its texts are the file's: what is kept is read back from what will be in the ledger. */
static int keep(struct import_tallies *t, struct told *at, int64_t now_ms)
{
	struct ledger_tally *l = &at->row;
	int rc = tally_write(&at->tally, now_ms, &t->mem, l);
	if (rc)
		return rc;
	l->source = arena_copy(&t->mem, l->source);
	l->provider = arena_copy(&t->mem, l->provider);
	l->account = l->account.n ? arena_copy(&t->mem, l->account) : SLICE_NONE;
	if (l->source.p == NULL || l->provider.p == NULL)
		return ERR_NOMEM;
	return tally_read(l, &t->mem, &at->tally);
}

static int take_again(struct import_tallies *t, struct told *at, const struct tally *told, int64_t now_ms)
{
	if (at->file != t->file) {
		at->file = t->file;
		at->tally = *told;
	} else if (!tally_add(&at->tally, told)) {
		return ERR_RANGE;
	}
	return keep(t, at, now_ms);
}

int import_take_tally(void *arg, const struct tally *told)
{
	struct import_run *run = arg;
	struct import_tallies *t = run->tallies ? run->tallies : begin(run);
	struct told *at = t ? arena_zalloc(&t->mem, sizeof *at) : NULL;
	int64_t from, until;
	if (at == NULL)
		return ERR_NOMEM;
	at->tally = *told;
	at->file = t->file;
	int rc = keep(t, at, run->now_ms);
	if (rc)
		return rc;
	struct told *before = map_get(&t->by_key, at->row.key);
	if (before)
		return take_again(t, before, told, run->now_ms);
	rc = map_put(&t->by_key, at->row.key, at, NULL);
	if (rc)
		return rc;
	*t->end = at;
	t->end = &at->next;
	tally_span(told, &from, &until);
	t->since_ms = num_min_i64(t->since_ms, from);
	t->until_ms = num_max_i64(t->until_ms, from + 1);
	return 0;
}

/* --- into the ledger -------------------------------------------------------------------------------------
 */

static int put_all(struct import_run *run, struct error *e)
{
	int rc = run->ops->begin(run->ledger, e);
	if (rc)
		return rc;
	for (const struct told *at = run->tallies->first; at && rc == 0; at = at->next)
		rc = run->ops->tally_put(run->ledger, &at->row, e);
	if (rc == 0)
		rc = run->ops->commit(run->ledger, e);
	if (rc)
		run->ops->rollback(run->ledger);
	return rc;
}

/* The settings' providers of the same vendor, whatever they are called there: "anthropic,anthropic-eu". */
static slice providers_of(void *arg, slice provider, struct arena *mem)
{
	const struct import_run *run = arg;
	const struct settings *s = run->settings;
	slice list = provider;
	for (size_t i = 0; s && i < s->providers_n && list.p; i++)
		if (!slice_eq(s->providers[i].name, provider) && slice_eq(s->providers[i].vendor, provider))
			list = arena_printf(mem, SLICE_FMT "," SLICE_FMT, SLICE_ARG(list),
			                    SLICE_ARG(s->providers[i].name));
	return list;
}

static int settle(struct import_run *run, int64_t since_ms, int64_t until_ms, struct error *e)
{
	const struct tally_book b = {.ops = run->ops,
	                             .ledger = run->ledger,
	                             .catalog = run->options.catalog,
	                             .providers_of = providers_of,
	                             .arg = run};
	return tally_settle(&b, since_ms, until_ms, &run->totals.tallies, e);
}

/* Calls that came in one by one may be told of in sum already: whatever was imported, what the sums have
 * beyond them is seen to. */
int import_tallies_end(struct import_run *run)
{
	struct error e = {0};
	uint64_t removed;
	int rc = 0;
	if (run->ledger == NULL)
		return EXIT_DONE;
	for (bool more = run->totals.added + run->totals.known > 0; more && rc == 0;)
		rc = run->ops->same_sweep(run->ledger, &removed, &more, &e);
	if (rc)
		return cli_fail(run->c, "%s", e.text);
	if (run->tallies && run->tallies->first) {
		rc = put_all(run, &e);
		if (rc == 0)
			rc = settle(run, run->tallies->since_ms, run->tallies->until_ms, &e);
	} else if (run->totals.added) {
		rc = settle(run, INT64_MIN, INT64_MAX, &e);
	}
	return rc ? cli_fail(run->c, "%s", e.text) : EXIT_DONE;
}
