#include "model/predict_impl.h"

#include <stdlib.h>

#define XXH_STATIC_LINKING_ONLY /* for a state that lies on the stack */
#include <xxhash.h>

#include "base/num.h"

/* --- the tables ------------------------------------------------------------------------------------------
 */

/* Sets of four: a new entry takes the place of the one that was not used for longest. */
enum { WAYS = 4, SHARDS = 16, MODELS = 256 };

struct span_entry {
	uint64_t key[2]; /* XXH3 of its bytes, the model's tokens, and the items' dialect; 0 0: free */
	uint64_t same;   /* hash that a moved cache breakpoint leaves as it is */
	uint32_t used;
	struct span_counts counts;
};
struct context_entry {
	uint64_t key; /* 0: free */
	uint32_t used, input;
};

struct shard {
	pthread_mutex_t lock;
	uint32_t clock;
	unsigned long long spans, spans_known;
	struct span_entry *span;       /* sets * WAYS, owned by the predictor */
	struct context_entry *context; /* the same */
};

struct predictor {
	size_t sets; /* of a shard; a power of two */
	struct shard shard[SHARDS];
	pthread_mutex_t lock; /* of the models */
	unsigned long long learnt;
	struct learnt model[MODELS];
	struct span_entry *spans;       /* owned */
	struct context_entry *contexts; /* owned */
};

struct predictor *predictor_new(size_t memory)
{
	struct predictor *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->sets = 1;
	while (p->sets * 2 * SHARDS * WAYS * (sizeof *p->spans + sizeof *p->contexts) <= memory)
		p->sets *= 2;
	size_t n = p->sets * WAYS;
	p->spans = calloc(n * SHARDS, sizeof *p->spans);
	p->contexts = calloc(n * SHARDS, sizeof *p->contexts);
	if (!p->spans || !p->contexts) {
		free(p->spans);
		free(p->contexts);
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&p->shard[i].lock, NULL);
		p->shard[i].span = p->spans + i * n;
		p->shard[i].context = p->contexts + i * n;
	}
	return p;
}

void predictor_free(struct predictor *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_destroy(&p->shard[i].lock);
	pthread_mutex_destroy(&p->lock);
	free(p->spans);
	free(p->contexts);
	free(p);
}

struct predict_scratch *predict_scratch_new(void)
{
	return malloc(sizeof(struct predict_scratch));
}

void predict_scratch_free(struct predict_scratch *s)
{
	free(s);
}

static struct shard *shard_of(struct predictor *p, uint64_t key)
{
	return &p->shard[key % SHARDS];
}

static size_t set_of(const struct predictor *p, uint64_t key)
{
	return (size_t)(key >> 8) % p->sets * WAYS;
}

static bool span_get(struct predictor *p, const uint64_t key[2], struct span_entry *out)
{
	struct shard *s = shard_of(p, key[0]);
	struct span_entry *e = s->span + set_of(p, key[0]);
	bool found = false;
	pthread_mutex_lock(&s->lock);
	s->spans++;
	for (int i = 0; i < WAYS && !found; i++)
		if (e[i].key[0] == key[0] && e[i].key[1] == key[1]) {
			e[i].used = ++s->clock;
			*out = e[i];
			found = true;
		}
	s->spans_known += found;
	pthread_mutex_unlock(&s->lock);
	return found;
}

static void span_put(struct predictor *p, const struct span_entry *new)
{
	struct shard *s = shard_of(p, new->key[0]);
	struct span_entry *e = s->span + set_of(p, new->key[0]), *to = e;
	pthread_mutex_lock(&s->lock);
	for (int i = 1; i < WAYS; i++)
		if (s->clock - e[i].used > s->clock - to->used)
			to = &e[i];
	*to = *new;
	to->used = ++s->clock;
	pthread_mutex_unlock(&s->lock);
}

static bool context_get(struct predictor *p, uint64_t key, uint32_t *input)
{
	struct shard *s = shard_of(p, key);
	struct context_entry *e = s->context + set_of(p, key);
	bool found = false;
	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < WAYS && !found; i++)
		if (e[i].key == key) {
			e[i].used = ++s->clock;
			*input = e[i].input;
			found = true;
		}
	pthread_mutex_unlock(&s->lock);
	return found;
}

static void context_put(struct predictor *p, uint64_t key, uint32_t input)
{
	struct shard *s = shard_of(p, key);
	struct context_entry *e = s->context + set_of(p, key), *to = e;
	pthread_mutex_lock(&s->lock);
	for (int i = 1; i < WAYS && to->key != key; i++)
		if (e[i].key == key || s->clock - e[i].used > s->clock - to->used)
			to = &e[i];
	*to = (struct context_entry){key, ++s->clock, input};
	pthread_mutex_unlock(&s->lock);
}

static struct learnt *find_row(struct predictor *p, uint64_t key, bool *found)
{
	struct learnt *least = NULL;
	*found = false;
	for (size_t i = 0; i < 8; i++) {
		struct learnt *l = &p->model[(key + i) % MODELS];
		if (l->model == key) {
			*found = true;
			return l;
		}
		if (!least || (least->model && (l->model == 0 || l->calls < least->calls)))
			least = l;
	}
	return least;
}

/* A model's name without its maker, version date and size: what is learnt of one is a beginning for others.
 */
static slice stem_of(slice model)
{
	static const slice sizes[] = {{"-mini", 5},   {"-nano", 5},    {"-lite", 5}, {"-pro", 4},
	                              {"-latest", 7}, {"-preview", 8}, {"-flash", 6}};
	for (ptrdiff_t slash; (slash = slice_find_char(model, '/')) >= 0;)
		model = slice_sub(model, (size_t)slash + 1, model.n);
	size_t n = model.n; /* a date: eight digits, or with dashes */
	while (n > 0 && (model.p[n - 1] == '-' || (model.p[n - 1] >= '0' && model.p[n - 1] <= '9')))
		n--;
	if (model.n - n > 9)
		model.n -= model.p[model.n - 3] == '-' ? 11 : 9;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		if (slice_ends(model, sizes[i])) {
			model.n -= sizes[i].n;
			i = (size_t)-1;
		}
	return model;
}

#define OF_STEM UINT64_C(2) /* the bit that tells a stem's row from a model's */

static uint64_t model_hash(const struct request_view *v)
{
	uint64_t h = XXH3_64bits_withSeed(v->model.p, v->model.n, v->place + (uint64_t)v->api + 1);
	return (h & ~OF_STEM) | 1;
}

static uint64_t stem_hash(const struct request_view *v)
{
	slice stem = stem_of(v->model);
	return XXH3_64bits_withSeed(stem.p, stem.n, ~(uint64_t)v->api) | 1 | OF_STEM;
}

/* The model's row; with the lock held. A row that was used least makes room. A new one begins with what was
 * learnt of its like. */
static struct learnt *model_row(struct predictor *p, uint64_t model, const struct request_view *v)
{
	bool found;
	struct learnt *l = find_row(p, model, &found);
	if (found)
		return l;
	learnt_init(l, model, v ? predict_family_of(v) : FAMILY_OTHER);
	if (v) {
		struct learnt *like = find_row(p, stem_hash(v), &found);
		if (found && like != l)
			learnt_begin_as(l, like);
	}
	return l;
}

/* --- a request -------------------------------------------------------------------------------------------
 */

struct walk {
	struct predictor *p;
	struct predict_scratch *s;
	const struct request_view *v;
	predict_items *items;
	uint64_t seed;                        /* of span hashes */
	uint64_t context;                     /* so far */
	float sum[FEATURES], since[FEATURES]; /* since: after the longest known context */
	float media_more, media_more_since;
	bool open, instructed;
	bool apart;  /* the system's words stand apart from the messages */
	bool called; /* the span before had calls */
	int side;    /* of the message before: 1 the user's, 2 the model's; 0: there is none */
	int64_t breakpoints;
	int64_t known;             /* its tokens; -1: none */
	size_t uncounted, counted; /* bytes */
};

/* The member that raw has at `at` with the comma that belongs to it: [*from, *to). */
static bool member_at(slice raw, size_t at, size_t name, size_t *from, size_t *to)
{
	struct json j;
	slice value, rest = slice_sub(raw, at + name, raw.n);
	ptrdiff_t colon = slice_find_char(rest, ':');
	if (at < 1 || raw.p[at - 1] == '\\' || colon < 0)
		return false;
	json_init(&j, slice_sub(rest, (size_t)colon + 1, rest.n));
	if (!json_skip(&j, &value))
		return false;
	*from = at;
	*to = (size_t)(value.p + value.n - raw.p);
	if (raw.p[at - 1] == ',')
		--*from;
	else if (*to < raw.n && raw.p[*to] == ',')
		++*to;
	return true;
}

/* A hash of the span without its cache breakpoints: agents move them from turn to turn. */
static uint64_t hash_without_breakpoints(slice raw, uint64_t seed)
{
	static const slice name = SLICE("\"cache_control\"");
	XXH3_state_t state;
	size_t from, to;
	ptrdiff_t at;
	XXH3_64bits_reset_withSeed(&state, seed);
	while ((at = slice_find(raw, name)) >= 0 && member_at(raw, (size_t)at, name.n, &from, &to)) {
		XXH3_64bits_update(&state, raw.p, from);
		raw = slice_sub(raw, to, raw.n);
	}
	XXH3_64bits_update(&state, raw.p, raw.n);
	return XXH3_64bits_digest(&state);
}

static void add(struct walk *w, enum feature f, float n)
{
	w->sum[f] += n;
	w->since[f] += n;
}

static void move(struct walk *w, enum feature from, enum feature to)
{
	float n = w->sum[from];
	add(w, from, -n);
	add(w, to, n);
}

static void add_counts(struct walk *w, const struct span_counts *c)
{
	if (c->begins) { /* what was thought is of an earlier turn now */
		move(w, FEATURE_THINKING, FEATURE_THINKING_BEFORE);
		move(w, FEATURE_SEALED, FEATURE_SEALED_BEFORE);
	}
	for (int f = 0; f < SPAN_FEATURES; f++)
		add(w, (enum feature)f, (float)c->at[f]);
	if (c->at[FEATURE_CALLS_N] && w->called)
		add(w, FEATURE_TOGETHER_N, 1);
	w->called = c->at[FEATURE_CALLS_N] > 0;
	/* Claude's messages of one side that follow each other are made one. */
	if (c->at[FEATURE_MESSAGES_N] && w->s->family == FAMILY_CLAUDE) {
		if (w->side == 1 + c->assistant)
			add(w, FEATURE_MESSAGES_N, -1);
		w->side = 1 + c->assistant;
	}
	w->media_more += (float)c->media_more;
	w->media_more_since += (float)c->media_more;
	w->breakpoints += c->breakpoints;
	w->open = w->open || c->open;
	w->instructed = w->instructed || c->instructs;
}

static int add_span(void *arg, const struct body_span *span)
{
	struct walk *w = arg;
	struct span_entry e = {.used = 0};
	XXH128_hash_t h = XXH3_128bits_withSeed(span->raw.p, span->raw.n, w->seed + span->section);
	uint64_t key[2] = {h.low64, h.high64};
	if (!span_get(w->p, key, &e)) {
		e.key[0] = key[0];
		e.key[1] = key[1];
		if (!predict_count_span(w->s, w->v, span, w->items, &e.counts)) {
			w->uncounted += span->raw.n;
			w->context = 0;
			return 0;
		}
		e.same = e.counts.breakpoints ? hash_without_breakpoints(span->raw, w->seed)
		                              : XXH3_64bits_withSeed(span->raw.p, span->raw.n, w->seed);
		span_put(w->p, &e);
	}
	w->counted += span->raw.n;
	add_counts(w, &e.counts);
	w->apart = w->apart || span->section == BODY_SYSTEM;
	if (w->context == 0)
		return 0;
	uint64_t link[2] = {w->context, e.same};
	w->context = XXH3_64bits(link, sizeof link) | 1;
	uint32_t input;
	if (span->section == BODY_MESSAGES && context_get(w->p, w->context, &input)) {
		w->known = input;
		memset(w->since, 0, sizeof w->since);
		w->media_more_since = 0;
	}
	return 0;
}

/* What is of the whole request. OpenAI's tools and schemas stand in a system's message: the client's, or one
 * for them alone. */
static void add_whole(struct walk *w)
{
	bool more = w->sum[FEATURE_TOOLS_N] > 0 || w->sum[FEATURE_WITH_SCHEMA] > 0;
	bool message = w->s->family == FAMILY_OPENAI && (w->apart || (more && !w->instructed));
	w->sum[FEATURE_MESSAGES_N] += message;
	w->sum[FEATURE_WITH_TOOLS] = w->sum[FEATURE_TOOLS_N] > 0;
	w->sum[FEATURE_HARMONY] =
	    w->sum[FEATURE_WITH_TOOLS] > 0 && w->v->api == API_OPENAI_CHAT &&
	    (slice_find(w->v->model, SLICE("gpt-5")) >= 0 || slice_find(w->v->model, SLICE("gpt-oss")) >= 0);
	w->sum[FEATURE_WITH_SYSTEM] = w->instructed;
	w->sum[FEATURE_ONE] = 1;
	if (w->sum[FEATURE_FORCED] > 0 && w->sum[FEATURE_ALONE] > 0)
		move(w, FEATURE_ALONE, FEATURE_FORCED_ALONE);
}

/* What was learnt applied to what was counted. */
static void conclude(const struct walk *w, const struct learnt *l, struct prediction *out)
{
	memcpy(out->since, w->since, sizeof out->since);
	memcpy(out->at, w->sum, sizeof out->at);
	bool known = w->known >= 0;
	double of = learnt_predict(l, known ? out->since : out->at);
	double most = learnt_bound(l, known ? out->since : out->at) +
	              (double)(known ? w->media_more_since : w->media_more);
	double share = w->counted ? (double)w->uncounted / (double)w->counted : 0;
	of += of * share;
	most += (double)w->uncounted; /* no more tokens than bytes */
	if (w->uncounted && !w->counted)
		of = (double)w->uncounted / 4;
	of = !known && of < 1 ? 1 : of; /* there is always a token */
	out->known = known ? w->known : 0;
	out->tokens = num_sat_add_i64(out->known, (int64_t)(of + 0.5));
	out->bound = num_sat_add_i64(out->known, (int64_t)most + 1);
}

void predict_request(struct predictor *p, struct predict_scratch *s, const struct request_view *v,
                     predict_items *items, struct prediction *out)
{
	struct learnt l;
	struct beside beside;
	struct walk w = {.p = p, .s = s, .v = v, .items = items, .known = -1};
	memset(out, 0, sizeof *out);
	s->encoding = predict_encoding(v->model);
	s->family = predict_family_of(v);
	s->model = v->model;
	s->budget = PREDICT_COUNT_MAX;
	out->model = model_hash(v);
	w.seed = out->model;
	predict_count_beside(s, v, &beside);
	memcpy(w.sum, beside.at, sizeof w.sum);
	w.open = beside.open;
	w.context = (out->model ^ beside.hash) | 1;
	body_spans(v, add_span, &w);
	add_whole(&w);
	pthread_mutex_lock(&p->lock);
	l = *model_row(p, out->model, v);
	pthread_mutex_unlock(&p->lock);
	conclude(&w, &l, out);
	out->context = w.sum[FEATURE_MESSAGES_N] > 0 ? w.context : 0;
	out->open = w.open || v->hidden_input;
	out->partly = w.uncounted > 0;
	out->breakpoints = w.breakpoints;
	out->media_more = w.media_more;
}

int64_t predict_input_of(const struct usage *u)
{
	static const enum meter meters[] = {METER_CACHE_READ,     METER_CACHE_READ_AUDIO,
	                                    METER_CACHE_WRITE_5M, METER_CACHE_WRITE_1H,
	                                    METER_INPUT_AUDIO,    METER_INPUT_IMAGE};
	int64_t sum = u->m[METER_INPUT];
	if (sum < 0)
		return TOKENS_ABSENT;
	for (size_t i = 0; i < sizeof meters / sizeof meters[0]; i++)
		sum = num_sat_add_i64(sum, num_max_i64(u->m[meters[i]], 0));
	return sum;
}

static bool is_any(const float at[FEATURES])
{
	float sum = 0;
	for (int i = 0; i < FEATURES; i++)
		sum += at[i] > 0 ? at[i] : 0;
	return sum > 0;
}

static void update(struct learnt *l, const struct prediction *of, int64_t input)
{
	if (of->known == 0)
		learnt_update(l, of->at, (double)input);
	else if (input > of->known && is_any(of->since)) /* what is new tells more than the whole */
		learnt_update(l, of->since, (double)(input - of->known));
}

void predict_learn(struct predictor *p, const struct request_view *v, const struct prediction *of,
                   int64_t input)
{
	if (of->open || of->partly || input <= 0 || input > UINT32_MAX || of->model == 0)
		return;
	if (of->context)
		context_put(p, of->context, (uint32_t)input);
	pthread_mutex_lock(&p->lock);
	update(model_row(p, of->model, v), of, input);
	update(model_row(p, stem_hash(v), v), of, input);
	p->learnt++;
	pthread_mutex_unlock(&p->lock);
}

/* --- output ----------------------------------------------------------------------------------------------
 */

int64_t predict_output(struct predictor *p, const struct request_view *v, int64_t counted)
{
	pthread_mutex_lock(&p->lock);
	double ratio = (double)model_row(p, model_hash(v), v)->output_ratio;
	pthread_mutex_unlock(&p->lock);
	return (int64_t)((double)counted * ratio + 0.5);
}

#define OUTPUT_WORTH 20 /* tokens: of fewer, what is added to each answer would be learnt */

void predict_learn_output(struct predictor *p, const struct request_view *v, int64_t counted,
                          int64_t reported)
{
	if (counted < OUTPUT_WORTH || reported < OUTPUT_WORTH || reported > counted * 4 ||
	    counted > reported * 4)
		return;
	pthread_mutex_lock(&p->lock);
	struct learnt *l = model_row(p, model_hash(v), v);
	l->output_calls += l->output_calls < 32;
	double share = 1.0 / (double)l->output_calls;
	l->output_ratio += (float)(((double)reported / (double)counted - (double)l->output_ratio) * share);
	pthread_mutex_unlock(&p->lock);
}

#define SLOWLY 0.1 /* what a new figure counts for in a moving mean */

int64_t predict_from_bytes(struct predictor *p, const struct request_view *v, size_t bytes)
{
	pthread_mutex_lock(&p->lock);
	double by = (double)model_row(p, model_hash(v), v)->by_bytes;
	pthread_mutex_unlock(&p->lock);
	return (int64_t)((double)bytes * (by > 0 ? by : 0.25) + 0.999);
}

int64_t predict_hidden(struct predictor *p, const struct request_view *v)
{
	pthread_mutex_lock(&p->lock);
	double mean = (double)model_row(p, model_hash(v), v)->hidden;
	pthread_mutex_unlock(&p->lock);
	return (int64_t)mean;
}

static float moved(float mean, double by)
{
	return (float)(mean > 0 ? (double)mean * (1 - SLOWLY) + by * SLOWLY : by);
}

void predict_learn_call(struct predictor *p, const struct request_view *v, size_t bytes, int64_t input,
                        int64_t hidden)
{
	pthread_mutex_lock(&p->lock);
	struct learnt *l = model_row(p, model_hash(v), v);
	if (bytes > 0 && input > 0)
		l->by_bytes = moved(l->by_bytes, (double)input / (double)bytes);
	if (hidden >= 0)
		l->hidden = moved(l->hidden, (double)hidden);
	pthread_mutex_unlock(&p->lock);
}

bool predict_wants(struct predictor *p, const struct request_view *v)
{
	enum { FIRST = 32, ONE_OF = 64 };
	pthread_mutex_lock(&p->lock);
	uint32_t n = model_row(p, model_hash(v), v)->seen++;
	pthread_mutex_unlock(&p->lock);
	return n < FIRST || n % ONE_OF == 0;
}

/* --- kept over restarts ----------------------------------------------------------------------------------
 */

static const struct saved_head {
	char magic[8];
	uint32_t row, features;
} saved_head = {{'w', 'e', 'i', 'r', 'l', 'r', 'n', '2'}, sizeof(struct learnt), FEATURES};

int predictor_save(struct predictor *p, struct buf *out)
{
	int rc = buf_append(out, slice_make(&saved_head, sizeof saved_head));
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < MODELS && rc == 0; i++)
		if (p->model[i].model && p->model[i].calls)
			rc = buf_append(out, slice_make(&p->model[i], sizeof p->model[i]));
	pthread_mutex_unlock(&p->lock);
	uint64_t sum = XXH3_64bits(buf_slice(out).p, buf_slice(out).n);
	return rc ? rc : buf_append(out, slice_make(&sum, sizeof sum));
}

static bool is_sane(const struct learnt *l)
{
	for (int i = 0; i < FEATURES; i++) {
		if (!(l->weight[i] > -1e6f && l->weight[i] < 1e6f))
			return false;
		for (int k = 0; k < FEATURES; k++)
			if (!(l->spread[i][k] > -1e9f && l->spread[i][k] < 1e9f))
				return false;
	}
	return l->model && l->by_bytes >= 0 && l->by_bytes < 100 && l->hidden >= 0 && l->hidden < 1e9f &&
	       l->output_ratio > 0.1f && l->output_ratio < 10 && l->worst >= 0 && l->worst < 1e6f &&
	       l->most >= 0 && l->most < 1e9f;
}

int predictor_load(struct predictor *p, slice saved)
{
	uint64_t sum;
	struct learnt row;
	if (saved.n < sizeof saved_head + sizeof sum || memcmp(saved.p, &saved_head, sizeof saved_head) != 0)
		return ERR_INVALID;
	memcpy(&sum, saved.p + saved.n - sizeof sum, sizeof sum);
	if (sum != XXH3_64bits(saved.p, saved.n - sizeof sum))
		return ERR_INVALID;
	slice rows = slice_sub(saved, sizeof saved_head, saved.n - sizeof sum);
	if (rows.n % sizeof row)
		return ERR_INVALID;
	pthread_mutex_lock(&p->lock);
	for (; rows.n; rows = slice_sub(rows, sizeof row, rows.n)) {
		memcpy(&row, rows.p, sizeof row);
		if (is_sane(&row))
			*model_row(p, row.model, NULL) = row;
	}
	pthread_mutex_unlock(&p->lock);
	return 0;
}

void predictor_stats(struct predictor *p, struct predictor_stats *out)
{
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&p->shard[i].lock);
		out->spans += p->shard[i].spans;
		out->spans_known += p->shard[i].spans_known;
		pthread_mutex_unlock(&p->shard[i].lock);
	}
	pthread_mutex_lock(&p->lock);
	out->learnt = p->learnt;
	for (size_t i = 0; i < MODELS; i++)
		out->models += p->model[i].model != 0 && !(p->model[i].model & OF_STEM);
	pthread_mutex_unlock(&p->lock);
}
