/* How much of an answer is held at a time. */
#include "policy/budget.h"

#include "base/num.h"

#define SCALE 256 /* of what is learnt */

int64_t budget_output_first(const struct budget_output *o, int64_t usual)
{
	return num_min_i64(o->most, num_max_i64(usual, BUDGET_SLICE_LEAST) + BUDGET_SLICE_ROOM);
}

/* Of sizes that fall off exponentially one in ten thousand is above four times what nine of ten are below. */
int64_t budget_output_share(int64_t room, int64_t usual)
{
	int64_t ample;
	if (usual <= 0 || !num_mul_i64(num_max_i64(usual, BUDGET_SLICE_LEAST), 4, &ample))
		return room;
	return num_min_i64(room, ample);
}

int64_t budget_output_next(const struct budget_output *o, int64_t passed)
{
	int64_t least = num_sat_add_i64(passed, BUDGET_SLICE_ROOM);
	if (o->held >= o->most || least <= o->held)
		return o->held;
	return num_min_i64(o->most, num_sat_add_i64(least, num_max_i64(o->slice, BUDGET_SLICE_LEAST)));
}

int64_t budget_sizes_usual(const struct budget_sizes *s, uint64_t model)
{
	size_t i = model % BUDGET_SIZES;
	if (s->at[i].model != model || s->at[i].mean == 0)
		return 0;
	/* Of sizes that fall off exponentially nine of ten are below 2.3 means, and the mean distance is 0.74
	 * of the mean. */
	return (s->at[i].mean + s->at[i].spread * 7 / 4) / SCALE;
}

void budget_sizes_learn(struct budget_sizes *s, uint64_t model, int64_t output)
{
	size_t i = model % BUDGET_SIZES;
	int64_t n = num_min_i64(num_max_i64(output, 0), INT64_C(1) << 40) * SCALE;
	if (s->at[i].model != model || s->at[i].mean == 0) {
		s->at[i].model = model;
		s->at[i].mean = num_max_i64(n, 1);
		s->at[i].spread = n / 2;
		return;
	}
	int64_t off = n - s->at[i].mean;
	s->at[i].mean = num_max_i64(s->at[i].mean + off / 16, 1);
	s->at[i].spread += ((off < 0 ? -off : off) - s->at[i].spread) / 16;
}
