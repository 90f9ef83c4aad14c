#include "store/rollup.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/num.h"
#include "store/columns.h"

static const char *const dims[ROLLUP_DIMS] = {
    "user",         "session",  "team",   "repo",   "branch",        COLUMN_MODEL,   "model_requested",
    "model_served", "provider", "api",    "agent",  "agent_version", "subagent",     "workflow",
    "environment",  "trigger",  "pr",     "task",   "task_class",    "cohort",       "cost_centre",
    "commit",       "tags",     "node",   "source", "effort",        "speed",        "service_tier",
    "key_id",       "attempt",  "status", "ending", "stream",        "billing",      "price_id",
    "usage_source", "decision", "rule",   "batch",  "region",        "model_called", "claimed",
};

const char *rollup_dim_name(size_t i)
{
	return i < ROLLUP_DIMS ? dims[i] : NULL;
}

size_t rollup_dim_find(slice name)
{
	size_t i = 0;
	while (i < ROLLUP_DIMS && !slice_eq(name, slice_of(dims[i])))
		i++;
	return i;
}

/* --- sums ------------------------------------------------------------------------------------ */

static void set(struct rollup_sums *s, int m, int64_t v)
{
	s->v[m] = v;
	s->known |= UINT64_C(1) << m;
}

static void set_known(struct rollup_sums *s, int m, int64_t v)
{
	_Static_assert(RECORD_ABSENT == TOKENS_ABSENT, "one test for both");
	if (v != RECORD_ABSENT)
		set(s, m, v);
}

/* A call that was never told of is taken for all that it held, or for what passed when that is more. */
static void set_hold(const struct record *r, struct rollup_sums *s)
{
	int64_t tokens = 0;
	if (r->usage_source != SOURCE_HOLD)
		return;
	for (int m = 0; m <= METER_OUTPUT_IMAGE; m++)
		if (m != METER_REASONING && r->usage.m[m] > 0)
			tokens = num_sat_add_i64(tokens, r->usage.m[m]);
	set(s, RM_HOLD, num_max_i64(tokens, r->hold_tokens));
}

static void set_money(const struct record *r, struct rollup_sums *s)
{
	if (r->billing == BILLING_SUBSCRIPTION) {
		if (r->list_cost_nanousd != RECORD_ABSENT)
			set(s, RM_SUBSCRIPTION, r->list_cost_nanousd);
		else if (r->priced)
			set(s, RM_SUBSCRIPTION, r->cost.total);
		return;
	}
	if (!r->priced)
		return;
	set(s, RM_COST, r->cost.total);
	if (r->cost.total < 0)
		set(s, RM_BACK, r->cost.total);
	for (int i = 0; i < COST_N; i++)
		set(s, RM_COST_PART + i, r->cost.part[i]);
}

void rollup_sums_of(const struct record *r, bool unpriced, struct rollup_sums *out)
{
	bool refused = r->ending == ENDING_REFUSED;
	bool call = !refused && !slice_eq(r->text[TEXT_SOURCE], SLICE("correction"));
	memset(out, 0, sizeof *out);
	set(out, RM_ROWS, 1);
	set(out, RM_CALLS, call);
	set(out, RM_REFUSED, refused);
	set(out, RM_RETRIES, call && (r->attempt > 1 || r->text[TEXT_RETRY_OF].n));
	set(out, RM_UNPRICED, unpriced && r->billing == BILLING_METERED);
	set(out, RM_UNPRICED_SUBSCRIPTION, unpriced && r->billing == BILLING_SUBSCRIPTION);
	if (call)
		set_known(out, RM_RUNTIME_MS, r->duration_ms);
	set_known(out, RM_TOOL_CALLS, r->tool_calls);
	set_known(out, RM_CONTEXT, r->context_tokens);
	set_known(out, RM_CREDITS, r->credits_nano);
	if (r->credits_nano < 0 && r->credits_nano != RECORD_ABSENT)
		set(out, RM_CREDITS_BACK, r->credits_nano);
	set_hold(r, out);
	for (int i = 0; i < METER_N; i++)
		set_known(out, RM_METER + i, r->usage.m[i]);
	set_money(r, out);
}

bool rollup_sums_add(struct rollup_sums *to, const struct rollup_sums *from)
{
	bool fits = true;
	to->known |= from->known;
	for (int i = 0; i < RM_N; i++)
		fits &= num_add_i64(to->v[i], from->v[i], &to->v[i]);
	return fits;
}

int64_t rollup_time(int64_t ms)
{
	return ms / ROLLUP_CELL_MS - (ms % ROLLUP_CELL_MS < 0);
}

int64_t rollup_day(int64_t time)
{
	return time / ROLLUP_CELLS - (time % ROLLUP_CELLS < 0);
}

/* --- a set ----------------------------------------------------------------------------------- */

#define SLOTS_MIN 1024

void rollup_set_init(struct rollup_set *s, size_t max_cells)
{
	memset(s, 0, sizeof *s);
	s->max = max_cells;
}

void rollup_set_release(struct rollup_set *s)
{
	free(s->lines);
	free(s->cells);
	free(s->slots);
	rollup_set_init(s, s->max);
}

void rollup_set_clear(struct rollup_set *s)
{
	s->lines_n = s->cells_n = 0;
	if (s->slots)
		memset(s->slots, 0, s->slots_n * sizeof *s->slots);
}

/* Room for one more; NULL: there is none, and the array stays. */
static void *more(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	size_t wanted = *cap ? *cap * 2 : 256;
	void *p = realloc(array, wanted * size);
	if (p)
		*cap = wanted;
	return p;
}

static uint64_t hash_of(int32_t day, const uint32_t dim[ROLLUP_DIMS])
{
	return XXH3_64bits_withSeed(dim, ROLLUP_DIMS * sizeof *dim, (uint64_t)(int64_t)day);
}

static uint32_t *slot_of(const struct rollup_set *s, int32_t day, const uint32_t dim[ROLLUP_DIMS])
{
	size_t at = hash_of(day, dim) & (s->slots_n - 1);
	for (; s->slots[at]; at = (at + 1) & (s->slots_n - 1)) {
		const struct rollup_line *l = &s->lines[s->slots[at] - 1];
		if (l->day == day && memcmp(l->dim, dim, sizeof l->dim) == 0)
			break;
	}
	return &s->slots[at];
}

static int grow_slots(struct rollup_set *s)
{
	if (s->slots && s->lines_n * 2 < s->slots_n)
		return 0;
	size_t n = s->slots ? s->slots_n * 2 : SLOTS_MIN;
	uint32_t *slots = calloc(n, sizeof *slots);
	if (slots == NULL)
		return ERR_NOMEM;
	free(s->slots);
	s->slots = slots;
	s->slots_n = n;
	for (size_t i = 0; i < s->lines_n; i++)
		*slot_of(s, s->lines[i].day, s->lines[i].dim) = (uint32_t)i + 1;
	return 0;
}

static int line_of(struct rollup_set *s, int32_t day, const uint32_t dim[ROLLUP_DIMS],
                   struct rollup_line **out)
{
	int rc = grow_slots(s);
	if (rc != 0)
		return rc;
	uint32_t *slot = slot_of(s, day, dim);
	if (*slot == 0) {
		struct rollup_line *lines = more(s->lines, s->lines_n, &s->lines_cap, sizeof *lines);
		if (lines == NULL)
			return ERR_NOMEM;
		s->lines = lines;
		struct rollup_line *l = &lines[s->lines_n++];
		*l = (struct rollup_line){.day = day};
		memcpy(l->dim, dim, sizeof l->dim);
		*slot = (uint32_t)s->lines_n;
	}
	*out = &s->lines[*slot - 1];
	return 0;
}

int rollup_set_add(struct rollup_set *s, const uint32_t dim[ROLLUP_DIMS], int64_t time,
                   const struct rollup_sums *sums)
{
	struct rollup_line *l;
	int64_t day = rollup_day(time);
	if (day < INT32_MIN || day > INT32_MAX)
		return ERR_RANGE;
	int rc = line_of(s, (int32_t)day, dim, &l);
	if (rc != 0)
		return rc;
	for (uint32_t at = l->newest; at; at = s->cells[at - 1].older)
		if (s->cells[at - 1].time == time)
			return rollup_sums_add(&s->cells[at - 1].sums, sums) ? 0 : ERR_RANGE;
	if (s->cells_n == s->max)
		return ERR_FULL;
	struct rollup_cell *cells = more(s->cells, s->cells_n, &s->cells_cap, sizeof *cells);
	if (cells == NULL)
		return ERR_NOMEM;
	s->cells = cells;
	cells[s->cells_n++] = (struct rollup_cell){time, l->newest, *sums};
	l->newest = (uint32_t)s->cells_n;
	l->cells++;
	return 0;
}
