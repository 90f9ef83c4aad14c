/* What a model makes of each feature: weights, and how sure they are, by a Kalman filter (recursive least
 * squares) from a prior of the model's family. A report far from what was thought pulls less the farther it
 * is, so that a provider's slip does not spoil what was learnt. */
#include "model/predict_impl.h"

struct prior {
	float weight, spread; /* mean and standard deviation */
};

static const struct prior priors[FAMILIES][FEATURES] = {
    [FAMILY_OPENAI] = {[FEATURE_SYSTEM] = {1, 0.01f},
                       [FEATURE_TOOLS] = {0, 0.03f},
                       [FEATURE_TOOLS_SHOWN] = {1, 0.05f},
                       [FEATURE_TITLES] = {0.8f, 0.5f},
                       [FEATURE_TEXT] = {1, 0.003f},
                       [FEATURE_CALLS] = {1, 0.15f},
                       [FEATURE_RESULTS] = {1, 0.02f},
                       [FEATURE_THINKING] = {0, 0.2f},
                       [FEATURE_THINKING_BEFORE] = {0, 0.1f},
                       [FEATURE_SEALED] = {0.6f, 0.5f},
                       [FEATURE_SEALED_BEFORE] = {0, 0.2f},
                       [FEATURE_IMAGES] = {1, 0.3f},
                       [FEATURE_FILES] = {1, 2},
                       [FEATURE_SCHEMA] = {1, 0.05f},
                       [FEATURE_MESSAGES_N] = {4, 0.2f},
                       [FEATURE_TOOLS_N] = {0, 1},
                       [FEATURE_CALLS_N] = {3, 3},
                       [FEATURE_RESULTS_N] = {0, 2},
                       [FEATURE_TOGETHER_N] = {10, 8},
                       [FEATURE_LATER] = {80, 40},
                       [FEATURE_WITH_SYSTEM] = {0, 1},
                       [FEATURE_WITH_TOOLS] = {6, 3},
                       [FEATURE_HARMONY] = {81, 8},
                       [FEATURE_WITH_SCHEMA] = {6, 5},
                       [FEATURE_JSON] = {0, 2},
                       [FEATURE_FORCED] = {0, 3},
                       [FEATURE_ALONE] = {18, 10},
                       [FEATURE_FORCED_ALONE] = {18, 10},
                       [FEATURE_REASONS] = {0, 2},
                       [FEATURE_ONE] = {3, 0.5f}},
    [FAMILY_CLAUDE] = {[FEATURE_SYSTEM] = {1.15f, 0.1f},
                       [FEATURE_TOOLS] = {1.2f, 0.15f},
                       [FEATURE_TOOLS_SHOWN] = {0, 0.1f},
                       [FEATURE_TITLES] = {0, 0.1f},
                       [FEATURE_TEXT] = {1.15f, 0.1f},
                       [FEATURE_CALLS] = {1.2f, 0.3f},
                       [FEATURE_RESULTS] = {1.15f, 0.2f},
                       [FEATURE_THINKING] = {0.3f, 0.5f},
                       [FEATURE_THINKING_BEFORE] = {0, 0.03f},
                       [FEATURE_SEALED] = {0.2f, 0.4f},
                       [FEATURE_SEALED_BEFORE] = {0, 0.03f},
                       [FEATURE_IMAGES] = {1, 0.2f},
                       [FEATURE_FILES] = {1, 2},
                       [FEATURE_SCHEMA] = {1.2f, 0.5f},
                       [FEATURE_MESSAGES_N] = {4, 1},
                       [FEATURE_TOOLS_N] = {0, 5},
                       [FEATURE_CALLS_N] = {30, 15},
                       [FEATURE_RESULTS_N] = {10, 10},
                       [FEATURE_TOGETHER_N] = {0, 20},
                       [FEATURE_LATER] = {0, 50},
                       [FEATURE_WITH_SYSTEM] = {0, 5},
                       [FEATURE_WITH_TOOLS] = {400, 150},
                       [FEATURE_HARMONY] = {0, 1},
                       [FEATURE_WITH_SCHEMA] = {100, 60},
                       [FEATURE_JSON] = {0, 10},
                       [FEATURE_FORCED] = {60, 60},
                       [FEATURE_ALONE] = {-190, 60},
                       [FEATURE_FORCED_ALONE] = {0, 60},
                       [FEATURE_REASONS] = {28, 5},
                       [FEATURE_ONE] = {4, 2}},
    [FAMILY_GEMINI] = {[FEATURE_SYSTEM] = {1.02f, 0.05f},
                       [FEATURE_TOOLS] = {1, 0.2f},
                       [FEATURE_TOOLS_SHOWN] = {0, 0.2f},
                       [FEATURE_TITLES] = {0, 0.2f},
                       [FEATURE_TEXT] = {1.02f, 0.05f},
                       [FEATURE_CALLS] = {1, 0.3f},
                       [FEATURE_RESULTS] = {1, 0.2f},
                       [FEATURE_THINKING] = {1, 0.3f},
                       [FEATURE_THINKING_BEFORE] = {1, 0.3f},
                       [FEATURE_SEALED] = {0.5f, 0.7f},
                       [FEATURE_SEALED_BEFORE] = {0, 0.2f},
                       [FEATURE_IMAGES] = {1, 0.3f},
                       [FEATURE_FILES] = {1, 2},
                       [FEATURE_SCHEMA] = {0, 0.2f},
                       [FEATURE_MESSAGES_N] = {0, 0.5f},
                       [FEATURE_TOOLS_N] = {2, 5},
                       [FEATURE_CALLS_N] = {5, 8},
                       [FEATURE_RESULTS_N] = {5, 8},
                       [FEATURE_TOGETHER_N] = {0, 10},
                       [FEATURE_LATER] = {0, 10},
                       [FEATURE_WITH_SYSTEM] = {0, 1},
                       [FEATURE_WITH_TOOLS] = {0, 10},
                       [FEATURE_HARMONY] = {0, 1},
                       [FEATURE_WITH_SCHEMA] = {0, 5},
                       [FEATURE_JSON] = {0, 3},
                       [FEATURE_FORCED] = {0, 10},
                       [FEATURE_ALONE] = {0, 10},
                       [FEATURE_FORCED_ALONE] = {0, 10},
                       [FEATURE_REASONS] = {0, 3},
                       [FEATURE_ONE] = {0, 1}},
    [FAMILY_OTHER] = {[FEATURE_SYSTEM] = {1.1f, 0.15f},
                      [FEATURE_TOOLS] = {0.9f, 0.4f},
                      [FEATURE_TOOLS_SHOWN] = {0, 0.4f},
                      [FEATURE_TITLES] = {0, 0.4f},
                      [FEATURE_TEXT] = {1.1f, 0.15f},
                      [FEATURE_CALLS] = {1.1f, 0.4f},
                      [FEATURE_RESULTS] = {1.1f, 0.2f},
                      [FEATURE_THINKING] = {0.3f, 0.5f},
                      [FEATURE_THINKING_BEFORE] = {0, 0.3f},
                      [FEATURE_SEALED] = {0.2f, 0.5f},
                      [FEATURE_SEALED_BEFORE] = {0, 0.3f},
                      [FEATURE_IMAGES] = {1, 1},
                      [FEATURE_FILES] = {1, 2},
                      [FEATURE_SCHEMA] = {0.2f, 0.5f},
                      [FEATURE_MESSAGES_N] = {4, 3},
                      [FEATURE_TOOLS_N] = {20, 25},
                      [FEATURE_CALLS_N] = {15, 15},
                      [FEATURE_RESULTS_N] = {5, 10},
                      [FEATURE_TOGETHER_N] = {0, 15},
                      [FEATURE_LATER] = {0, 40},
                      [FEATURE_WITH_SYSTEM] = {0, 15},
                      [FEATURE_WITH_TOOLS] = {100, 150},
                      [FEATURE_HARMONY] = {0, 40},
                      [FEATURE_WITH_SCHEMA] = {0, 50},
                      [FEATURE_JSON] = {0, 50},
                      [FEATURE_FORCED] = {0, 50},
                      [FEATURE_ALONE] = {0, 30},
                      [FEATURE_FORCED_ALONE] = {0, 30},
                      [FEATURE_REASONS] = {0, 15},
                      [FEATURE_ONE] = {8, 25}},
};

#define NOISE_TOKENS 0.5  /* of a report, standard deviation */
#define NOISE_SHARE  0.01 /* and in proportion */
/* What of a feature does not follow from its size, as a share of its tokens. */
static const float unsteady[FEATURES] = {
    [FEATURE_TOOLS] = 0.02f, [FEATURE_CALLS] = 0.05f,  [FEATURE_THINKING] = 0.2f,
    [FEATURE_SEALED] = 0.1f, [FEATURE_IMAGES] = 0.05f, [FEATURE_FILES] = 0.5f};
#define SURPRISE      4.0   /* deviations beyond which a report is trusted less */
#define FORGET        1.002 /* spread grows so much with each report: providers change */
#define SETTLED_CALLS 20    /* learnt from so many, a model is known */

#define LESS          0.998 /* what is left of a bad miss with each call after it */
#define UNLIKE        0.1   /* of the prior's variance: how far one model is from its like */

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

void learnt_begin_as(struct learnt *l, const struct learnt *like)
{
	for (int i = 0; i < FEATURES; i++) {
		double own = (double)l->spread[i][i];
		for (int k = 0; k < FEATURES; k++)
			l->spread[i][k] = like->spread[i][k];
		l->spread[i][i] += (float)(own * UNLIKE);
		l->weight[i] = like->weight[i];
	}
	l->worst = like->worst;
	l->most = like->most;
	l->hidden = like->hidden;
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
		noise += (double)unsteady[i] * (at[i] < 0 ? -(double)at[i] : (double)at[i]);
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
	l->worst = (float)(times > (double)l->worst ? times : 1 + ((double)l->worst - 1) * LESS);
	l->most = (float)(off > (double)l->most ? off : (double)l->most * LESS);
	for (int i = 0; i < FEATURES; i++)
		if (at[i] > 0 && l->met[i] < UINT8_MAX)
			l->met[i]++;
	l->calls += l->calls < UINT32_MAX;
}

static double root(double v)
{
	double r = v > 1 ? v : 1;
	for (int i = 0; i < 40; i++)
		r = (r + v / r) / 2;
	return r;
}

#define UNSEEN 1024 /* tokens that a provider may add without a word: a system prompt of its own, schemas */
#define SEEN   64   /* the same where all that the request is made of was met before */
#define MET    3    /* calls with a thing before it is known what it brings */

static bool has_news(const struct learnt *l, const float at[FEATURES])
{
	for (int i = 0; i < FEATURES; i++)
		if (at[i] > 0 && l->met[i] < MET)
			return true;
	return l->calls < SETTLED_CALLS;
}

double learnt_bound(const struct learnt *l, const float at[FEATURES])
{
	double gain[FEATURES], tokens = learnt_predict(l, at);
	double deviation = root(variance(l, at, gain)), margin = l->calls < SETTLED_CALLS ? 1.1 : 0.12;
	double worst = ((double)l->worst - 1) * 1.5, news = has_news(l, at) ? UNSEEN : SEEN;
	double share = tokens * (worst > margin ? worst : margin), most = (double)l->most * 1.5;
	return tokens + share + 6 * deviation + (news > most ? news : most);
}
