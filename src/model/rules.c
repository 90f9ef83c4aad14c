#include "model/rules.h"

#include "base/map.h"

/* Not secret: who is in a share must be the same after a restart and on every node. */
#define SHARE_SEED UINT64_C(0x77656972)

static bool in_share(const struct rule *r, slice user)
{
	if (r->cohort.ppm >= PPM)
		return true;
	if (user.n == 0)
		return false;
	uint64_t place = map_hash(user, map_hash(r->name, SHARE_SEED));
	return (int64_t)(place % (uint64_t)PPM) < r->cohort.ppm;
}

bool rule_applies(const struct rule *r, const struct facts *f)
{
	const struct attribution *who = &f->record->who;
	if (r->mode == MODE_OFF)
		return false;
	if (r->cohort.kind == COHORT_NAMED && !slice_eq(who->v[ATTR_COHORT], r->cohort.name))
		return false;
	if (r->cohort.kind == COHORT_SHARE && !in_share(r, who->v[ATTR_USER]))
		return false;
	return where_match(r->where, f);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return map_hash(slice_make(&v, sizeof v), h);
}

uint64_t budget_rule_shape(const struct budget_rule *r, slice timezone)
{
	uint64_t h = map_hash(r->rule.name, where_hash(r->rule.where, SHARE_SEED));
	for (size_t i = 0; i < r->each_n; i++)
		h = map_hash(r->each[i].tag, mix(h, (uint64_t)r->each[i].field + 1));
	h = mix(mix(h, (uint64_t)r->window.kind), (uint64_t)r->window.rolling_ms);
	h = mix(mix(h, (uint64_t)r->limit.unit), (uint64_t)r->limit.meter);
	h = map_hash(r->rule.cohort.name, mix(h, (uint64_t)r->rule.cohort.kind));
	h = mix(mix(h, (uint64_t)r->rule.cohort.ppm), r->include);
	h = map_hash(timezone, h);
	return h ? h : 1;
}
