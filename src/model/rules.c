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
