/* Storms: which stuck agents are stopped, after how many turns, and who is stopped for nothing.
 *
 * usage: bench_storm             what a result of a tool costs to read; the project's own set (bench/storms)
 *        bench_storm FOLDER...   every file below: recorded requests (a .jsonl of {"method", "path",
 * "headers", "body"}; "stuck" in the file's name: it should be stopped), trajectories (SWE-agent's .traj,
 * chat messages, tau-bench, who-and-when; a loop is the same one to four actions with the same observations
 * three times in a row, counted here byte by byte), and transcripts as `weir import --loops` reads them. Each
 * one that is stopped without such a loop is listed with its evidence. Exit status 1 when a recorded stuck
 * run is not stopped within 6 repeats, less than 90 % of the loops are found, or more than 1 % of the
 * transcripts are stopped. */
#include "bench.h"

#include <cjson/cJSON.h>
#include <ftw.h>

#include "base/buf.h"
#include "base/money.h"
#include "codec/registry.h"
#include "finops/hindsight.h"
#include "policy/session.h"
#include "policy/storm.h"
#include "policy/storm_table.h"

enum { HEADERS = 64, FILE_MAX = 64 << 20, PERIODS = 4, ROUNDS = 3, REPEATS = 6 };

static void die(const char *what)
{
	fprintf(stderr, "bench_storm: %s\n", what);
	exit(2);
}

/* --- what is counted ---------------------------------------------------------------------------------------
 */

enum set { STUCK, OTHER_RUNS, SWE_AGENT, CHAT, TAU_BENCH, WHO_AND_WHEN, TRANSCRIPTS, SETS };
static const char *const set_names[] = {"recorded stuck runs", "other recorded runs", "SWE-agent",
                                        "chat messages",       "tau-bench",           "who-and-when",
                                        "transcripts"};

static struct tally {
	size_t sessions, loops, caught, other, stopped;
	uint64_t turns_to; /* of those caught, added up */
	int64_t after;     /* nano-dollars spent behind the finding */
} tally[SETS];
static bool failed;

/* The first finding of a session. */
struct first {
	bool found;
	int64_t turn;
	char text[512];
};

static void count(enum set set, const char *name, bool loop, const struct first *f, int64_t after)
{
	struct tally *t = &tally[set];
	t->sessions++;
	*(loop ? &t->loops : &t->other) += 1;
	if (f->found && loop) {
		t->caught++;
		t->turns_to += (uint64_t)f->turn;
	}
	t->after += f->found ? after : 0;
	if (f->found && !loop) {
		t->stopped++;
		printf("  stopped, %s: %s, turn %lld\n      %s\n", set_names[set], name, (long long)f->turn,
		       f->text);
	} else if (loop && !f->found) {
		printf("  not found, %s: %s\n", set_names[set], name);
	}
}

static int first_loop(void *arg, const struct hindsight_loop *l)
{
	struct first *f = arg;
	if (!f->found) {
		f->turn = l->turn;
		storm_sentence(&l->finding, f->text, sizeof f->text);
	}
	f->found = true;
	return 0;
}

/* --- trajectories: actions and what came of them -----------------------------------------------------------
 */

struct step {
	const char *tool; /* NULL: a human's word, in `action` */
	char *action, *observation;
};
struct steps {
	struct step *at;
	size_t n;
};

static void add_step(struct steps *s, const char *tool, const char *action, const char *observation)
{
	s->at = realloc(s->at, (s->n + 1) * sizeof *s->at);
	char *a = strdup(action ? action : ""), *o = strdup(observation ? observation : "");
	if (s->at == NULL || a == NULL || o == NULL)
		die("out of memory");
	s->at[s->n++] = (struct step){tool, a, o};
}

static void free_steps(struct steps *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->at[i].action);
		free(s->at[i].observation);
	}
	free(s->at);
	*s = (struct steps){0};
}

static bool same_step(const struct step *a, const struct step *b)
{
	return a->tool && b->tool && strcmp(a->tool, b->tool) == 0 && strcmp(a->action, b->action) == 0 &&
	       strcmp(a->observation, b->observation) == 0;
}

/* By the letter: one to four steps, three times one behind the other. */
static bool has_loop(const struct steps *s)
{
	for (size_t p = 1; p <= PERIODS; p++)
		for (size_t i = p, run = 0; i < s->n; i++) {
			run = same_step(&s->at[i], &s->at[i - p]) ? run + 1 : 0;
			if (run >= p * (ROUNDS - 1))
				return true;
		}
	return false;
}

/* A text as it stands in JSON, without its quotes; *owned is the whole. */
static json_str as_json(const char *text, char **owned)
{
	cJSON *j = cJSON_CreateString(text);
	*owned = j ? cJSON_PrintUnformatted(j) : NULL;
	cJSON_Delete(j);
	if (*owned == NULL)
		die("out of memory");
	slice raw = slice_sub(slice_of(*owned), 1, strlen(*owned) - 1);
	return (json_str){raw, slice_find_char(raw, '\\') >= 0};
}

static void give_step(struct hindsight *h, const struct import_moment *m, const struct step *s, size_t i)
{
	char *action = NULL, *observation = NULL, id[24];
	snprintf(id, sizeof id, "c%zu", i);
	struct body_item it = {.kind = ITEM_USER_TEXT, .text = as_json(s->action, &action)};
	if (s->tool) {
		it.kind = ITEM_TOOL_CALL;
		it.assistant = true;
		it.name = body_literal(slice_of(s->tool));
		it.call_id = body_literal(slice_of(id));
	}
	(void)hindsight_item(h, m, &it);
	if (s->tool) {
		struct body_item out = {.kind = ITEM_TOOL_RESULT,
		                        .call_id = it.call_id,
		                        .text = as_json(s->observation, &observation)};
		(void)hindsight_item(h, m, &out);
	}
	free(action);
	free(observation);
}

/* usd: of the whole session; a step is taken to have cost its part of it. */
static void judge(enum set set, const char *name, const struct steps *s, double usd)
{
	struct hindsight h;
	struct first f = {0};
	if (s->n == 0)
		return;
	hindsight_init(&h, &storm_limits_usual);
	h.on_loop = first_loop;
	h.arg = &f;
	struct import_moment m = {.session = SLICE("s")};
	for (size_t i = 0; i < s->n; i++) {
		m.time_ms = INT64_C(1700000000000) + (int64_t)i * 20000;
		m.cost_nanousd = (int64_t)(usd * 1e9 * (double)(i + 1) / (double)s->n);
		give_step(&h, &m, &s->at[i], i);
	}
	/* The last results go out in a request too. */
	struct body_item end = {.kind = ITEM_ASSISTANT_TEXT, .assistant = true};
	(void)hindsight_item(&h, &m, &end);
	hindsight_end_file(&h);
	count(set, name, has_loop(s), &f, h.after_nanousd);
}

static const char *text_of(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	for (const cJSON *p = cJSON_IsArray(v) ? v->child : NULL; p; p = p->next)
		if (cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(p, "text")))
			return text_of(p, "text");
	return cJSON_GetStringValue(v);
}

static double cost_of(const cJSON *file)
{
	const cJSON *info = cJSON_GetObjectItemCaseSensitive(file, "info");
	const cJSON *stats = cJSON_GetObjectItemCaseSensitive(info, "model_stats");
	const cJSON *usd = cJSON_GetObjectItemCaseSensitive(stats, "instance_cost");
	return cJSON_IsNumber(usd) && usd->valuedouble > 0 ? usd->valuedouble : 0;
}

static void read_swe_agent(const cJSON *steps, struct steps *s)
{
	for (const cJSON *e = steps->child; e; e = e->next)
		add_step(s, "bash", text_of(e, "action"), text_of(e, "observation"));
}

/* The observation of a call: the `tool` message that answers its id. */
static const char *answer_to(const cJSON *message, const char *id)
{
	for (const cJSON *m = message->next; m; m = m->next) {
		const char *role = text_of(m, "role"), *to = text_of(m, "tool_call_id");
		if (role && strcmp(role, "tool") == 0 && (id == NULL || to == NULL || strcmp(id, to) == 0))
			return text_of(m, "content");
		if (role && strcmp(role, "assistant") == 0)
			break;
	}
	return NULL;
}

/* Chat messages with calls of tools; without any, agents that act by what they write: the user's next message
 * is what came of it. */
static void read_chat(const cJSON *messages, struct steps *s)
{
	bool calls = false, opened = false;
	for (const cJSON *m = messages->child; m; m = m->next)
		calls = calls || cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(m, "tool_calls"));
	for (const cJSON *m = messages->child; m; m = m->next) {
		const char *role = text_of(m, "role");
		const cJSON *c = cJSON_GetObjectItemCaseSensitive(m, "tool_calls");
		if (role && strcmp(role, "user") == 0 && (calls || !opened)) {
			add_step(s, NULL, text_of(m, "content"), NULL);
			opened = true;
		} else if (role && strcmp(role, "assistant") == 0 && !calls && m->next) {
			add_step(s, "bash", text_of(m, "content"), text_of(m->next, "content"));
		}
		for (c = cJSON_IsArray(c) ? c->child : NULL; c; c = c->next) {
			const cJSON *fn = cJSON_GetObjectItemCaseSensitive(c, "function");
			const char *name = text_of(fn, "name"), *args = text_of(fn, "arguments");
			add_step(s, name ? name : "?", args, answer_to(m, text_of(c, "id")));
		}
	}
}

/* Agents that talk to one another: what one says is an action, what the next one says is what came of it. */
static void read_history(const cJSON *history, struct steps *s)
{
	for (const cJSON *m = history->child; m && m->next; m = m->next) {
		const char *who = text_of(m, "name") ? text_of(m, "name") : text_of(m, "role");
		if (m == history->child || who == NULL || strcmp(who, "human") == 0)
			add_step(s, NULL, text_of(m, "content"), NULL);
		else
			add_step(s, who, text_of(m, "content"), text_of(m->next, "content"));
	}
}

static void judge_tau(const char *name, const cJSON *all)
{
	for (const cJSON *e = all->child; e; e = e->next) {
		struct steps s = {0};
		char what[512];
		const cJSON *number = cJSON_GetObjectItemCaseSensitive(e, "task_id");
		read_chat(cJSON_GetObjectItemCaseSensitive(e, "traj"), &s);
		snprintf(what, sizeof what, "%s, task %d", name, number ? number->valueint : -1);
		judge(TAU_BENCH, what, &s, 0);
		free_steps(&s);
	}
}

static bool read_trajectory(const char *name, slice text)
{
	cJSON *j = cJSON_ParseWithLength(text.p, text.n);
	struct steps s = {0};
	enum set set = SETS;
	const cJSON *t = cJSON_GetObjectItemCaseSensitive(j, "trajectory");
	const cJSON *h = cJSON_GetObjectItemCaseSensitive(j, "history");
	const cJSON *m = cJSON_IsArray(j) ? j : cJSON_GetObjectItemCaseSensitive(j, "messages");
	const cJSON *first = m ? m->child : NULL;
	if (cJSON_IsArray(t) && t->child && cJSON_HasObjectItem(t->child, "observation"))
		set = SWE_AGENT, read_swe_agent(t, &s);
	else if (first && cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(first, "traj")))
		set = TAU_BENCH, judge_tau(name, m);
	else if (first && cJSON_HasObjectItem(first, "role") && cJSON_HasObjectItem(first, "content"))
		set = CHAT, read_chat(m, &s);
	else if (cJSON_IsArray(h) && h->child && cJSON_HasObjectItem(h->child, "content"))
		set = WHO_AND_WHEN, read_history(h, &s);
	if (set != SETS)
		judge(set, name, &s, cost_of(j));
	free_steps(&s);
	cJSON_Delete(j);
	return set != SETS;
}

/* --- recorded requests -------------------------------------------------------------------------------------
 */

struct run {
	struct session_table *sessions;
	struct storm_table *storms;
	struct body_item fresh[512];
	size_t fresh_n;
	struct first first;
	uint32_t repeats;
	int64_t requests;
};

static int take_new(void *arg, const struct body_item *it)
{
	struct run *r = arg;
	if (r->fresh_n < sizeof r->fresh / sizeof r->fresh[0])
		r->fresh[r->fresh_n++] = *it;
	return 0;
}

static const char *header_of(const cJSON *h, const char **name)
{
	const cJSON *pair = cJSON_IsArray(h) ? h->child : NULL;
	*name = pair ? cJSON_GetStringValue(pair) : h->string;
	return cJSON_GetStringValue(pair ? pair->next : h);
}

static void send(struct run *r, const struct session_in *in, struct arena *mem)
{
	struct session_turn turn;
	struct storm_finding f;
	r->fresh_n = 0;
	if (session_open(r->sessions, in, mem, &turn))
		die("out of memory");
	struct storm_request q = {.thread = turn.thread,
	                          .items = r->fresh,
	                          .items_n = r->fresh_n,
	                          .compacted = turn.how == SESSION_COMPACTED,
	                          .retry = turn.how == SESSION_RETRY,
	                          .begins = turn.how == SESSION_NEW,
	                          .now_ms = in->now_ms,
	                          .fan_out = turn.tree,
	                          .depth = turn.depth};
	r->requests++;
	if (storm_watch(r->storms, &q, &storm_limits_usual, 20, 5, &f) && !r->first.found) {
		r->first.found = true;
		r->first.turn = r->requests;
		r->repeats = f.count;
		storm_sentence(&f, r->first.text, sizeof r->first.text);
	}
	struct session_end end = {
	    .answered = true, .tool_calls = true, .now_ms = in->now_ms, .duration_ms = 1};
	session_close(r->sessions, &turn, &end);
}

static bool replay_line(struct run *r, const cJSON *line)
{
	struct header at[HEADERS];
	struct headers headers = {.at = at};
	struct arena mem;
	struct target target;
	struct request_view view;
	struct error e;
	const cJSON *h = cJSON_GetObjectItemCaseSensitive(line, "headers");
	const char *method = text_of(line, "method"), *path = text_of(line, "path"), *name;
	char *body = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(line, "body"));
	if (method == NULL || path == NULL || body == NULL) {
		free(body);
		return false;
	}
	for (h = h ? h->child : NULL; h && headers.n < HEADERS; h = h->next) {
		const char *value = header_of(h, &name);
		if (name && value)
			at[headers.n++] = (struct header){slice_of(name), slice_of(value)};
	}
	arena_init(&mem, FILE_MAX);
	slice p = slice_of(path);
	ptrdiff_t v1 = slice_find(p, SLICE("/v1"));
	p = v1 > 0 ? slice_sub(p, (size_t)v1, p.n) : p;
	if (registry_route(slice_of(method), p, &headers, &mem, &target) == ROUTE_OK &&
	    api_is_metered(target.api)) {
		const struct codec_ops *c = registry_codec(target.api);
		if (c && c->items && c->request(&target, slice_of(body), &mem, &view, &e) == 0) {
			struct session_in in = {.view = &view,
			                        .items = c->items,
			                        .call = "01TEST00000000000000000000",
			                        .now_ms = INT64_C(1700000000000) + r->requests * 20000,
			                        .on_new = take_new,
			                        .on_new_arg = r};
			send(r, &in, &mem);
		}
	}
	arena_release(&mem);
	free(body);
	return true;
}

/* False when the lines are none of recorded requests. */
static bool replay(const char *name, slice text)
{
	static struct run r;
	bool any = false, stuck = strstr(name, "stuck") != NULL;
	slice line;
	r = (struct run){.sessions = session_table_new(1000, 42), .storms = storm_table_new(1000, 42)};
	if (r.sessions == NULL || r.storms == NULL)
		die("out of memory");
	while (import_line(&text, &line)) {
		cJSON *j = cJSON_ParseWithLength(line.p, line.n);
		bool request =
		    cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(j, "body")) && replay_line(&r, j);
		cJSON_Delete(j);
		any = any || request;
		if (!request && !any)
			break;
	}
	session_table_free(r.sessions);
	storm_table_free(r.storms);
	if (!any)
		return false;
	count(stuck ? STUCK : OTHER_RUNS, name, stuck, &r.first, 0);
	if (stuck && r.first.found)
		printf("  %s: request %lld of %lld, %s\n", name, (long long)r.first.turn,
		       (long long)r.requests, r.first.text);
	failed = failed || (stuck && (!r.first.found || r.repeats > REPEATS));
	return true;
}

/* --- transcripts -------------------------------------------------------------------------------------------
 */

struct transcript {
	struct hindsight h;
	struct first first;
	bool any;
};

static int ignore_call(void *arg, const struct record *r)
{
	(void)arg;
	(void)r;
	return 0;
}

static int take_item(void *arg, const struct import_moment *m, const struct body_item *it)
{
	struct transcript *t = arg;
	t->any = true;
	return hindsight_item(&t->h, m, it);
}

static int list_loop(void *arg, const struct hindsight_loop *l)
{
	struct transcript *t = arg;
	char text[512];
	storm_sentence(&l->finding, text, sizeof text);
	printf("  stopped, transcripts: " SLICE_FMT "%s" SLICE_FMT ", turn %lld\n      %s\n",
	       SLICE_ARG(l->session), l->subagent.n ? " / " : "", SLICE_ARG(l->subagent), (long long)l->turn,
	       text);
	return first_loop(&t->first, l);
}

static void read_transcript(const char *name, slice text)
{
	for (size_t i = 0; import_source_at(i); i++) {
		const struct import_source *s = import_source_at(i);
		struct transcript t = {0};
		struct arena mem;
		struct import_counts n = {0};
		if (!s->tells_items)
			continue;
		arena_init(&mem, (size_t)4 * FILE_MAX);
		hindsight_init(&t.h, &storm_limits_usual);
		t.h.on_loop = list_loop;
		t.h.arg = &t;
		struct import_options o = {.on_call = ignore_call, .on_item = take_item, .arg = &t};
		struct import_file f = {.text = text, .path = slice_of(name), .mem = &mem};
		(void)s->read(&o, &f, &n);
		hindsight_end_file(&t.h);
		arena_release(&mem);
		tally[TRANSCRIPTS].sessions += t.h.sessions;
		tally[TRANSCRIPTS].other += t.h.sessions;
		tally[TRANSCRIPTS].stopped += t.h.stopped;
		tally[TRANSCRIPTS].after += t.h.after_nanousd;
		if (t.any)
			return;
	}
}

/* --- files -------------------------------------------------------------------------------------------------
 */

static int take_file(const char *path, const struct stat *st, int type, struct FTW *w)
{
	const char *dot = strrchr(path, '.');
	if (type != FTW_F || dot == NULL || st->st_size == 0 || st->st_size > FILE_MAX)
		return 0;
	bool lines = strcmp(dot, ".jsonl") == 0;
	if (!lines && strcmp(dot, ".traj") != 0 && strcmp(dot, ".json") != 0)
		return 0;
	FILE *f = fopen(path, "rb");
	char *text = f ? malloc((size_t)st->st_size + 1) : NULL;
	if (text == NULL)
		die(path);
	size_t n = fread(text, 1, (size_t)st->st_size, f);
	text[n] = '\0';
	fclose(f);
	const char *name = path + w->base;
	if (!(lines ? replay(name, slice_make(text, n)) : read_trajectory(name, slice_make(text, n))))
		read_transcript(name, slice_make(text, n));
	free(text);
	return 0;
}

static int by_rule(void)
{
	struct bench b;
	size_t loops = 0, caught = 0;
	bench_begin(&b, "storms", "Loops found, and sessions stopped for another reason", "", "set",
	            "sessions", "with a loop", "found", "turns till then", "others", "stopped", "spent after",
	            NULL);
	for (size_t i = 0; i < SETS; i++) {
		const struct tally *t = &tally[i];
		char usd[MONEY_TEXT_MAX];
		if (t->sessions == 0)
			continue;
		money_format_human(t->after, usd);
		bench_cell(&b, 0, "%s", set_names[i]);
		bench_cell(&b, 1, "%zu", t->sessions);
		bench_cell(&b, 2, "%zu", t->loops);
		bench_cell(&b, 3, "%zu", t->caught);
		bench_cell(&b, 4, t->caught ? "%.1f" : "-",
		           t->caught ? (double)t->turns_to / (double)t->caught : 0);
		bench_cell(&b, 5, "%zu", t->other);
		bench_cell(&b, 6, "%zu", t->stopped);
		bench_cell(&b, 7, "%s", t->after ? usd : "-");
		bench_row(&b);
		loops += t->loops;
		caught += t->caught;
	}
	failed = failed || caught * 10 < loops * 9;
	failed = failed || tally[TRANSCRIPTS].stopped * 100 > tally[TRANSCRIPTS].sessions;
	return bench_end(&b) || failed;
}

/* --- what it costs -----------------------------------------------------------------------------------------
 */

struct reading_cost {
	struct storm_state state;
	slice result;
	int n;
};

static void many_gists(void *arg)
{
	struct reading_cost *c = arg;
	for (int i = 0; i < 1000; i++) {
		struct gist g;
		struct gist_mark mark;
		gist_init(&g);
		gist_add_json(&g, c->result);
		gist_end(&g, &mark);
		c->n += mark.at[0];
	}
}

static void many_turns(void *arg)
{
	struct reading_cost *c = arg;
	for (int i = 0; i < 1000; i++, c->n++) {
		char id[24], args[64];
		struct storm_reading r;
		struct storm_finding f;
		struct storm_facts facts = {0};
		snprintf(id, sizeof id, "toolu_%d", c->n);
		snprintf(args, sizeof args, "{\"file_path\":\"src/file%d.c\"}", c->n);
		struct body_item use = {.kind = ITEM_TOOL_CALL,
		                        .assistant = true,
		                        .name = body_literal(SLICE("Read")),
		                        .call_id = body_literal(slice_of(id)),
		                        .json = slice_of(args)};
		struct body_item out = {
		    .kind = ITEM_TOOL_RESULT, .call_id = use.call_id, .text = body_literal(c->result)};
		storm_begin(&r, &c->state, c->n * 1000, 0);
		storm_item(&r, &use, true);
		storm_item(&r, &out, true);
		(void)storm_end(&r, &storm_limits_usual, &facts, &f);
	}
}

static int costs(void)
{
	static const char line[] =
	    "\\tif (value[%06d] == NULL) /* at 0x7ffe%04x */\\n\\t\\treturn error_set(e, ERR_IO);\\n";
	struct reading_cost c = {0};
	struct buf text;
	struct bench b;
	buf_init(&text, 1 << 20);
	for (int i = 0; buf_slice(&text).n < 10000; i++)
		if (buf_printf(&text, line, i, i))
			die("out of memory");
	c.result = buf_slice(&text);
	bench_begin(&b, "storm-cost", "A tool result of 10 KB read for storms", "us", "what", "weir", NULL);
	bench_cell(&b, 0, "gist of the result");
	bench_cell(&b, 1, "%.1f", bench_best(5, many_gists, &c) * 1e3);
	bench_row(&b);
	bench_cell(&b, 0, "a call, its result, and all signals");
	bench_cell(&b, 1, "%.1f", bench_best(5, many_turns, &c) * 1e3);
	bench_row(&b);
	buf_release(&text);
	return bench_end(&b);
}

int main(int argc, char **argv)
{
	int rc = argc < 2 ? costs() : 0;
	for (int i = 1; i < (argc < 2 ? 2 : argc); i++) {
		const char *folder = argc < 2 ? "bench/storms" : argv[i];
		if (nftw(folder, take_file, 16, FTW_PHYS))
			die(folder);
	}
	return by_rule() || rc;
}
