/* What a model makes of each feature: weights, and how sure they are, by a Kalman filter (recursive least
 * squares) from a prior of the model's family. A report far from what was thought pulls less the farther it
 * is, so that a provider's slip does not spoil what was learnt. */
#include "model/predict_impl.h"

struct prior {
	float weight, spread; /* mean and standard deviation */
};

static const struct prior priors[FAMILIES][FEATURES] = {
    [FAMILY_OPENAI] = {[FEATURE_SYSTEM] = {1, 0.01f},
                       [FEATURE_TOOLS] = {0.02f, 0.05f},
                       [FEATURE_TOOLS_SHOWN] = {0.97f, 0.08f},
                       [FEATURE_TEXT] = {1, 0.003f},
                       [FEATURE_CALLS] = {1, 0.2f},
                       [FEATURE_RESULTS] = {1, 0.02f},
                       [FEATURE_THINKING] = {0.2f, 0.4f},
                       [FEATURE_IMAGES] = {1, 0.3f},
                       [FEATURE_FILES] = {1, 2},
                       [FEATURE_REST] = {0.5f, 0.5f},
                       [FEATURE_MESSAGES_N] = {4, 0.5f},
                       [FEATURE_TOOLS_N] = {0, 2},
                       [FEATURE_CALLS_N] = {4, 4},
                       [FEATURE_WITH_TOOLS] = {9, 10},
                       [FEATURE_ONE] = {3, 1}},
    [FAMILY_CLAUDE] = {[FEATURE_SYSTEM] = {1.15f, 0.15f},
                       [FEATURE_TOOLS] = {0.95f, 0.3f},
                       [FEATURE_TOOLS_SHOWN] = {0, 0.3f},
                       [FEATURE_TEXT] = {1.15f, 0.15f},
                       [FEATURE_CALLS] = {1.2f, 0.3f},
                       [FEATURE_RESULTS] = {1.15f, 0.2f},
                       [FEATURE_THINKING] = {0.3f, 0.5f},
                       [FEATURE_IMAGES] = {1, 0.2f},
                       [FEATURE_FILES] = {1, 2},
                       [FEATURE_REST] = {0.5f, 0.8f},
                       [FEATURE_MESSAGES_N] = {4, 2},
                       [FEATURE_TOOLS_N] = {20, 25},
                       [FEATURE_CALLS_N] = {20, 15},
                       [FEATURE_WITH_TOOLS] = {330, 120},
                       [FEATURE_ONE] = {4, 3}},
    [FAMILY_GEMINI] = {[FEATURE_SYSTEM] = {1.02f, 0.1f},
                       [FEATURE_TOOLS] = {0.1f, 0.2f},
                       [FEATURE_TOOLS_SHOWN] = {0.8f, 0.3f},
                       [FEATURE_TEXT] = {1.02f, 0.1f},
                       [FEATURE_CALLS] = {1, 0.3f},
                       [FEATURE_RESULTS] = {1, 0.2f},
                       [FEATURE_THINKING] = {0.3f, 0.5f},
                       [FEATURE_IMAGES] = {1, 0.3f},
                       [FEATURE_FILES] = {1, 2},
                       [FEATURE_REST] = {0.1f, 0.4f},
                       [FEATURE_MESSAGES_N] = {0.5f, 1},
                       [FEATURE_TOOLS_N] = {5, 10},
                       [FEATURE_CALLS_N] = {5, 8},
                       [FEATURE_WITH_TOOLS] = {0, 20},
                       [FEATURE_ONE] = {0.3f, 1}},
    [FAMILY_OTHER] = {[FEATURE_SYSTEM] = {1.1f, 0.15f},
                      [FEATURE_TOOLS] = {0.9f, 0.4f},
                      [FEATURE_TOOLS_SHOWN] = {0, 0.4f},
                      [FEATURE_TEXT] = {1.1f, 0.15f},
                      [FEATURE_CALLS] = {1.1f, 0.4f},
                      [FEATURE_RESULTS] = {1.1f, 0.2f},
                      [FEATURE_THINKING] = {0.3f, 0.5f},
                      [FEATURE_IMAGES] = {1, 1},
                      [FEATURE_FILES] = {1, 2},
                      [FEATURE_REST] = {0.2f, 0.5f},
                      [FEATURE_MESSAGES_N] = {4, 3},
                      [FEATURE_TOOLS_N] = {20, 25},
                      [FEATURE_CALLS_N] = {15, 15},
                      [FEATURE_WITH_TOOLS] = {100, 150},
                      [FEATURE_ONE] = {8, 25}},
};

#define NOISE_TOKENS 0.5   /* of a report, standard deviation */
#define NOISE_SHARE  0.004 /* and in proportion */
/* What of a feature does not follow from its size, as a share of its tokens. */
static const float unsteady[FEATURES] = {
    [FEATURE_TOOLS] = 0.05f, [FEATURE_CALLS] = 0.05f, [FEATURE_THINKING] = 0.2f, [FEATURE_IMAGES] = 0.1f,
    [FEATURE_FILES] = 0.5f,  [FEATURE_REST] = 0.25f,  [FEATURE_CALLS_N] = 1,     [FEATURE_WITH_TOOLS] = 2};
#define SURPRISE      4.0   /* deviations beyond which a report is trusted less */
#define FORGET        1.002 /* spread grows so much with each report: providers change */
#define SETTLED_CALLS 20    /* learnt from so many, a model is known */

void learnt_init(struct learnt *l, uint64_t model, enum predict_family f)
{
	memset(l, 0, sizeof *l);
	l->model = model;
	l->worst = 1;
	l->output_ratio = 1;
	for (int i = 0; i < FEATURES; i++) {
		l->weight[i] = priors[f][i].weight;
		l->spread[i][i] = priors[f][i].spread * priors[f][i].spread;
	}
}

double learnt_predict(const struct learnt *l, const float at[FEATURES])
{
	double sum = 0;
	for (int i = 0; i < FEATURES; i++)
		sum += (double)l->weight[i] * (double)at[i];
	return sum > 0 ? sum : 0;
}

/* The variance of what learnt_predict gives; gain gets spread times at. */
static double variance(const struct learnt *l, const float at[FEATURES], double gain[FEATURES])
{
	double sum = 0;
	for (int i = 0; i < FEATURES; i++) {
		gain[i] = 0;
		for (int k = 0; k < FEATURES; k++)
			gain[i] += (double)l->spread[i][k] * (double)at[k];
		sum += gain[i] * (double)at[i];
	}
	return sum > 0 ? sum : 0;
}

void learnt_update(struct learnt *l, const float at[FEATURES], double reported)
{
	double gain[FEATURES], thought = learnt_predict(l, at), off = reported - thought;
	double of = variance(l, at, gain), noise = NOISE_TOKENS + NOISE_SHARE * reported;
	for (int i = 0; i < FEATURES; i++)
		noise += (double)unsteady[i] * (double)at[i];
	double all = of + noise * noise;
	if (off * off > SURPRISE * SURPRISE * all)
		all += off * off / (SURPRISE * SURPRISE);
	for (int i = 0; i < FEATURES; i++)
		l->weight[i] += (float)(gain[i] * off / all);
	for (int i = 0; i < FEATURES; i++)
		for (int k = 0; k < FEATURES; k++)
			l->spread[i][k] =
			    (float)(((double)l->spread[i][k] - gain[i] * gain[k] / all) * FORGET);
	double times = thought > 1 ? (reported - 16) / thought : 1;
	l->worst = (float)(times > (double)l->worst ? times : 1 + ((double)l->worst - 1) * 0.999);
	l->calls += l->calls < UINT32_MAX;
}

static double root(double v)
{
	double r = v > 1 ? v : 1;
	for (int i = 0; i < 40; i++)
		r = (r + v / r) / 2;
	return r;
}

#define UNSEEN 512 /* tokens that a provider may add without a word: a system prompt of its own, schemas */

double learnt_bound(const struct learnt *l, const float at[FEATURES])
{
	double gain[FEATURES], tokens = learnt_predict(l, at);
	double deviation = root(variance(l, at, gain)), margin = l->calls < SETTLED_CALLS ? 0.5 : 0.12;
	double worst = ((double)l->worst - 1) * 1.5;
	return tokens * (1 + (worst > margin ? worst : margin)) + 6 * deviation + UNSEEN;
}
