#include "gateway/foresee.h"

#include <xxhash.h>

/* The same model's tokens are told differently by each provider. */
static void set_place(struct exchange *ex)
{
	if (ex->view.place == 0 && ex->provider)
		ex->view.place = XXH3_64bits(ex->provider->name.p, ex->provider->name.n) | 1;
}

const struct prediction *foresee(struct exchange *ex)
{
	struct worker *w = ex->w;
	if (ex->foreseen)
		return &ex->predicted;
	if (!ex->codec || !ex->codec->items || !ex->view.body.n || !w->shared->predictor || !w->counting)
		return NULL;
	set_place(ex);
	predict_request(w->shared->predictor, w->counting, &ex->view, ex->codec->items, &ex->predicted);
	ex->foreseen = true;
	return &ex->predicted;
}

void foresee_sample(struct exchange *ex)
{
	struct predictor *p = ex->w->shared->predictor;
	if (!p || !ex->price || ex->meter.mode != METER_PASS)
		return;
	set_place(ex);
	ex->sampled = predict_wants(p, &ex->view);
	if (ex->sampled)
		foresee(ex);
}

int64_t foresee_input(struct exchange *ex)
{
	if (ex->foreseen)
		return ex->predicted.tokens;
	if (!ex->w->shared->predictor)
		return meter_estimate((int64_t)ex->body_n);
	return predict_from_bytes(ex->w->shared->predictor, &ex->view, ex->body_n);
}

void foresee_learn(struct exchange *ex, const struct usage *reported)
{
	struct predictor *p = ex->w->shared->predictor;
	const struct answer *a = &ex->meter.answer;
	int64_t input = predict_input_of(reported);
	if (!p || a->server_tool_calls > 0 || a->parts_n > 0)
		return;
	predict_learn_call(p, &ex->view, ex->body_n, input,
	                   a->thinking_bytes == 0 ? reported->m[METER_REASONING] : TOKENS_ABSENT);
	if (ex->foreseen)
		predict_learn(p, &ex->view, &ex->predicted, input);
	/* What was thought may be told in a summary only. */
	if (ex->sampled && a->thinking_bytes == 0 && reported->m[METER_REASONING] <= 0)
		predict_learn_output(p, &ex->view, meter_count(&ex->meter), reported->m[METER_OUTPUT]);
}
