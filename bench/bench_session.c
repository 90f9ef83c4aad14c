/* Sessions: are all turns in their right one, and what does it cost?
 *
 * usage: bench_session                 microseconds added to a turn by sessions and storms, memory of 100,000
 * live sessions bench_session FOLDER...       the recorded requests of the .jsonl files in FOLDER, one a
 * line:
 * {"method", "path", "headers", "body"}, with "session" for the right one (else the id that the client sends,
 * else the file is one session); taken in with the clients' own ids and without, and compared. Exit status 1
 * when a turn is in a wrong session. */
#include "bench.h"

#include <cjson/cJSON.h>
#include <glob.h>

#include "base/buf.h"
#include "codec/registry.h"
#include "policy/attribution.h"
#include "policy/session.h"
#include "policy/storm_table.h"

enum { HEADERS = 64, MANY = 100000 };

static void die(const char *what)
{
	fprintf(stderr, "bench_session: %s\n", what);
	exit(2);
}

/* --- one request, as the gateway has it ------------------------------------------------------- */

struct request {
	struct header header[HEADERS];
	struct headers headers;
	slice method, path, body;
	char right[128]; /* the session it belongs to */
	bool comes_back; /* its answer asks for tools, and a later request brings their results */
	struct arena mem;
	struct target target;
	const struct codec_ops *codec;
	struct request_view view;
	struct attribution who;
};

static bool read_request(struct request *r, bool ids)
{
	struct error e;
	arena_init(&r->mem, (size_t)64 << 20);
	if (registry_route(r->method, r->path, &r->headers, &r->mem, &r->target) != ROUTE_OK)
		return false;
	r->codec = registry_codec(r->target.api);
	if (r->codec == NULL || r->codec->items == NULL || !api_is_metered(r->target.api))
		return false;
	if (r->codec->request(&r->target, r->body, &r->mem, &r->view, &e))
		return false;
	struct principal anybody = {.anonymous = true};
	struct attribution_in in = {NULL, &anybody, &r->headers, &r->view};
	attribution_read(&in, &r->mem, &r->who);
	if (r->right[0] == '\0')
		snprintf(r->right, sizeof r->right, SLICE_FMT, SLICE_ARG(r->who.v[ATTR_SESSION]));
	if (!ids)
		r->who.v[ATTR_SESSION] = r->who.v[ATTR_SUBAGENT] = SLICE_NONE;
	return true;
}

/* What is new goes to the storm detector, as the gateway hands it on. */
struct fresh {
	struct body_item at[256];
	size_t n;
};

static int take_item(void *arg, const struct body_item *it)
{
	struct fresh *f = arg;
	bool wanted =
	    it->kind == ITEM_TOOL_CALL || it->kind == ITEM_TOOL_RESULT || it->kind == ITEM_USER_TEXT;
	if (wanted && f->n < sizeof f->at / sizeof f->at[0])
		f->at[f->n++] = *it;
	return 0;
}

static void watch(struct storm_table *storms, const struct session_turn *turn, const struct fresh *f,
                  int64_t now_ms)
{
	struct storm_finding found;
	struct storm_request r = {.thread = turn->thread,
	                          .items = f->at,
	                          .items_n = f->n,
	                          .compacted = turn->how == SESSION_COMPACTED,
	                          .retry = turn->how == SESSION_RETRY,
	                          .begins = turn->how == SESSION_NEW,
	                          .scope = SLICE("key"),
	                          .now_ms = now_ms,
	                          .fan_out = turn->tree,
	                          .depth = turn->depth};
	(void)storm_watch(storms, &r, &storm_limits_usual, 20, 5, &found);
}

/* storms: NULL, they are not looked for. */
static bool take_in(struct session_table *t, struct storm_table *storms, struct request *r, int64_t now_ms,
                    struct session_turn *turn)
{
	char id[27];
	struct fresh fresh;
	fresh.n = 0;
	snprintf(id, sizeof id, "01TEST%020lld", (long long)now_ms);
	struct session_in in = {.view = &r->view,
	                        .items = r->codec->items,
	                        .session = r->who.v[ATTR_SESSION],
	                        .subagent = r->who.v[ATTR_SUBAGENT],
	                        .agent = r->who.v[ATTR_AGENT],
	                        .directory = attribution_directory(&r->who, &r->mem),
	                        .call = id,
	                        .now_ms = now_ms,
	                        .on_new = storms ? take_item : NULL,
	                        .on_new_arg = &fresh};
	if (session_open(t, &in, &r->mem, turn))
		return false;
	if (storms)
		watch(storms, turn, &fresh, now_ms);
	struct session_end end = {.answered = true,
	                          .tool_calls = r->comes_back,
	                          .cost_nanousd = 0,
	                          .now_ms = now_ms + 1000,
	                          .duration_ms = 1000};
	session_close(t, turn, &end);
	return true;
}

/* --- recorded requests ------------------------------------------------------------------------- */

struct recorded {
	cJSON *line;
	char *body;
	char file[64];
	double at;
	size_t spans;
	bool comes_back;
};

static const cJSON *messages_of(const cJSON *line)
{
	const cJSON *b = cJSON_GetObjectItemCaseSensitive(line, "body");
	const char *const names[] = {"messages", "input", "contents"};
	for (size_t i = 0; i < 3; i++)
		if (cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(b, names[i])))
			return cJSON_GetObjectItemCaseSensitive(b, names[i]);
	return NULL;
}

/* The words of the first message without marks of caching: the same in all requests of a conversation. */
static char *opening_of(const cJSON *line)
{
	const cJSON *m = messages_of(line);
	char *text = m && m->child ? cJSON_PrintUnformatted(m->child) : NULL, *at;
	while (text && (at = strstr(text, ",\"cache_control\":{\"type\":\"ephemeral\"}")) != NULL)
		memmove(at, at + 37, strlen(at + 37) + 1);
	return text;
}

/* No answers were recorded; what they asked for stands in the next request of the conversation. */
static void find_answers(struct recorded *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *mine = opening_of(r[i].line);
		for (size_t k = i + 1; mine && k < n && !r[i].comes_back; k++) {
			char *other = strcmp(r[k].file, r[i].file) == 0 && r[k].spans > r[i].spans
			                  ? opening_of(r[k].line)
			                  : NULL;
			if (other && strcmp(mine, other) == 0)
				for (const cJSON *m =
				         cJSON_GetArrayItem(messages_of(r[k].line), (int)r[i].spans);
				     m; m = m->next) {
					char *said = cJSON_PrintUnformatted(m);
					r[i].comes_back = r[i].comes_back || strstr(said, "\"tool_use\"") ||
					                  strstr(said, "\"function_call\"") ||
					                  strstr(said, "\"tool_calls\"") ||
					                  strstr(said, "\"functionCall\"");
					free(said);
				}
			free(other);
		}
		free(mine);
	}
}

static size_t read_file(const char *path, struct recorded **all, size_t n)
{
	FILE *f = fopen(path, "rb");
	char *line = NULL;
	size_t room = 0;
	if (f == NULL)
		die(path);
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	while (getline(&line, &room, f) > 0) {
		cJSON *j = cJSON_Parse(line);
		const cJSON *body = cJSON_GetObjectItemCaseSensitive(j, "body");
		if (!cJSON_IsObject(body) || messages_of(j) == NULL) {
			cJSON_Delete(j);
			continue;
		}
		*all = realloc(*all, (n + 1) * sizeof **all);
		if (*all == NULL)
			die("out of memory");
		struct recorded *r = &(*all)[n++];
		memset(r, 0, sizeof *r);
		r->line = j;
		r->body = cJSON_PrintUnformatted(body);
		r->spans = (size_t)cJSON_GetArraySize(messages_of(j));
		r->at = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(j, "t_ms"));
		snprintf(r->file, sizeof r->file, "%s", name);
	}
	free(line);
	fclose(f);
	return n;
}

static void set_headers(struct request *q, const cJSON *headers)
{
	for (const cJSON *h = headers ? headers->child : NULL; h && q->headers.n < HEADERS; h = h->next) {
		const cJSON *pair = cJSON_IsArray(h) ? h->child : NULL;
		const char *name = pair ? cJSON_GetStringValue(pair) : h->string;
		const char *value = cJSON_GetStringValue(pair ? pair->next : h);
		if (name && value)
			q->header[q->headers.n++] = (struct header){slice_of(name), slice_of(value)};
	}
	q->headers.at = q->header;
}

struct score {
	size_t turns, right, sessions, wrong_turns;
};

/* Two sessions are the same one when they have their turns in common: each session found counts for the right
 * one of its first turn, and each right one for the session found first. */
struct seen {
	char right[200], found[200];
};

static void score_turn(struct score *s, struct seen *seen, size_t *n, const char *right, slice found,
                       const char *what)
{
	bool wrong = false, known = false;
	for (size_t i = 0; i < *n; i++) {
		bool same_right = strcmp(seen[i].right, right) == 0;
		bool same_found = slice_eq(slice_of(seen[i].found), found);
		wrong = wrong || same_right != same_found;
		known = known || (same_right && same_found);
	}
	if (!known && !wrong) {
		snprintf(seen[*n].right, sizeof seen[0].right, "%s", right);
		snprintf(seen[*n].found, sizeof seen[0].found, SLICE_FMT, SLICE_ARG(found));
		++*n;
		s->sessions++;
	}
	s->turns++;
	s->right += !wrong;
	if (wrong)
		printf("  wrong session: %s: right %s, found " SLICE_FMT "\n", what, right, SLICE_ARG(found));
}

static struct score replay(struct recorded *all, size_t n, bool ids, bool verbose)
{
	struct session_table *t = session_table_new(MANY, 42);
	struct seen *seen = calloc(n + 1, sizeof *seen);
	struct score s = {0};
	size_t seen_n = 0;
	if (t == NULL || seen == NULL)
		die("out of memory");
	for (size_t i = 0; i < n; i++) {
		struct request *q = calloc(1, sizeof *q);
		struct session_turn turn;
		char what[160], right[200];
		const cJSON *told = cJSON_GetObjectItemCaseSensitive(all[i].line, "session");
		set_headers(q, cJSON_GetObjectItemCaseSensitive(all[i].line, "headers"));
		q->method =
		    slice_of(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(all[i].line, "method")));
		q->path =
		    slice_of(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(all[i].line, "path")));
		ptrdiff_t v1 = slice_find(q->path, SLICE("/v1")); /* recorded behind a prefix of the test's */
		q->path = v1 > 0 ? slice_sub(q->path, (size_t)v1, q->path.n) : q->path;
		q->body = slice_of(all[i].body);
		q->comes_back = all[i].comes_back;
		if (read_request(q, ids)) {
			const char *id = cJSON_IsString(told) ? told->valuestring
			                 : q->right[0]        ? q->right
			                                      : all[i].file;
			snprintf(right, sizeof right, "%s", id);
			snprintf(what, sizeof what, "%s, request %zu", all[i].file, i);
			if (!take_in(t, NULL, q, (int64_t)1700000000000 + (int64_t)i * 2000, &turn))
				die("out of memory");
			score_turn(&s, seen, &seen_n, right, turn.session, what);
			if (verbose)
				printf("  %-24s %-10s turn %lld attempt %lld " SLICE_FMT " / " SLICE_FMT "\n",
				       all[i].file, session_how_name(turn.how), (long long)turn.turn,
				       (long long)turn.attempt, SLICE_ARG(turn.session),
				       SLICE_ARG(turn.subagent));
		}
		arena_release(&q->mem);
		free(q);
	}
	session_table_free(t);
	free(seen);
	return s;
}

static int by_time(const void *a, const void *b)
{
	const struct recorded *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int turns(int argc, char **argv)
{
	struct recorded *all = NULL;
	size_t n = 0;
	struct bench b;
	bool verbose = getenv("VERBOSE") != NULL, bad = false;
	for (int i = 1; i < argc; i++) {
		char pattern[4096];
		glob_t g;
		snprintf(pattern, sizeof pattern, "%s/*.jsonl", argv[i]);
		if (glob(pattern, 0, NULL, &g) != 0)
			die("no *.jsonl there");
		for (size_t k = 0; k < g.gl_pathc; k++)
			n = read_file(g.gl_pathv[k], &all, n);
		globfree(&g);
	}
	find_answers(all, n);
	bench_begin(&b, "session-turns", "Turns in their right session", "", "requests", "order", "turns",
	            "sessions", "right", "", NULL);
	for (int mixed = 0; mixed < 2; mixed++) {
		if (mixed)
			qsort(all, n, sizeof *all, by_time);
		for (int ids = 1; ids >= 0; ids--) {
			struct score s = replay(all, n, ids, verbose && !mixed);
			bench_cell(&b, 0, ids ? "with the clients' ids" : "without any id");
			bench_cell(&b, 1, mixed ? "all at the same time" : "one after another");
			bench_cell(&b, 2, "%zu", s.turns);
			bench_cell(&b, 3, "%zu", s.sessions);
			bench_cell(&b, 4, "%zu", s.right);
			bench_cell(&b, 5, "%.1f %%", s.turns ? 100.0 * (double)s.right / (double)s.turns : 0);
			bench_row(&b);
			bad = bad || s.right != s.turns || s.turns == 0;
		}
	}
	for (size_t i = 0; i < n; i++) {
		cJSON_Delete(all[i].line);
		free(all[i].body);
	}
	free(all);
	return bench_end(&b) || bad;
}

/* --- what it costs ----------------------------------------------------------------------------- */

/* A Messages request of so many turns, the results of tools `fill` bytes long. */
static void write_body(struct buf *b, int number, int turn_n, size_t fill)
{
	int rc = buf_printf(b, "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":100,\"tools\":[");
	for (int i = 0; i < 12; i++)
		rc |= buf_printf(b,
		                 "%s{\"name\":\"tool_%d\",\"description\":\"%0300d\",\"input_schema\":{"
		                 "\"type\":\"object\"}}",
		                 i ? "," : "", i, i);
	rc |= buf_printf(
	    b,
	    "],\"system\":[{\"type\":\"text\",\"text\":\"%02000d\"}],\"messages\":[{\"role\":\"user\","
	    "\"content\":\"Mend the failing test number %d, please\"}",
	    7, number);
	for (int i = 0; i < turn_n; i++) {
		rc |= buf_printf(b,
		                 ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"I look "
		                 "at it.\"},{\"type\":"
		                 "\"tool_use\",\"id\":\"toolu_%d_%d\",\"name\":\"tool_%d\",\"input\":{"
		                 "\"path\":\"src/file%d.c\"}}]},"
		                 "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
		                 "\"toolu_%d_%d\",\"content\":\"",
		                 number, i, i % 12, i, number, i);
		for (size_t k = 0; k < fill; k += 64)
			rc |= buf_printf(b, "\\tif (value[%06zu] == NULL) return error_set(e, ERR_IO);\\n  ",
			                 k);
		rc |= buf_printf(b, "\"}]}");
	}
	rc |= buf_printf(b, "]}");
	if (rc)
		die("out of memory");
}

static void make_request(struct request *q, struct buf *body, const char *session)
{
	memset(q, 0, sizeof *q);
	q->method = SLICE("POST");
	q->path = SLICE("/v1/messages");
	q->header[q->headers.n++] = (struct header){SLICE("anthropic-version"), SLICE("2023-06-01")};
	if (session)
		q->header[q->headers.n++] = (struct header){SLICE("x-session-id"), slice_of(session)};
	q->headers.at = q->header;
	q->body = buf_slice(body);
	if (!read_request(q, session != NULL))
		die("the request cannot be read");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void measure_turns(struct bench *b)
{
	enum { TURNS = 60 };
	for (int ids = 1; ids >= 0; ids--) {
		struct session_table *t = session_table_new(MANY, 42);
		struct storm_table *storms = storm_table_new(MANY, 42);
		double us[TURNS];
		size_t n = 0, bytes = 0;
		for (int i = 0; i < TURNS; i++) {
			struct buf body;
			struct request q;
			struct session_turn turn;
			buf_init(&body, (size_t)8 << 20);
			write_body(&body, 1, 40 + i, 3300);
			make_request(&q, &body, ids ? "one" : NULL);
			double start = bench_now();
			take_in(t, storms, &q, 1700000000000 + i * 1000, &turn);
			double took = (bench_now() - start) * 1e6;
			if (turn.turn != i + 1)
				die("a turn was not recognised");
			if (i > 0 && body.n < 260000)
				us[n++] = took, bytes = body.n;
			arena_release(&q.mem);
			buf_release(&body);
		}
		qsort(us, n, sizeof us[0], compare);
		bench_cell(b, 0, "one turn more of a conversation, %s", ids ? "client's id" : "no id");
		bench_cell(b, 1, "%zu KB", bytes / 1000);
		bench_cell(b, 2, "%.0f us", us[n / 2]);
		bench_cell(b, 3, "%.0f us", us[n * 95 / 100]);
		bench_cell(b, 4, "50 us");
		bench_row(b);
		storm_table_free(storms);
		session_table_free(t);
	}
}

static long resident_kb(void)
{
	long kb = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static void measure_memory(struct bench *b)
{
	struct session_table *t = session_table_new(MANY, 42);
	struct storm_table *storms = storm_table_new(MANY, 42);
	struct buf body;
	buf_init(&body, (size_t)8 << 20);
	write_body(&body, 10000000, 30, 0);
	char *number = strstr(buf_slice(&body).p, "10000000");
	long before = resident_kb();
	for (int i = 0; i < MANY; i++) {
		struct request q;
		struct session_turn turn;
		char id[40];
		snprintf(id, sizeof id, "session-%08d", 10000000 + i);
		memcpy(number, id + 8, 8);
		make_request(&q, &body, id);
		take_in(t, storms, &q, 1700000000000 + i, &turn);
		arena_release(&q.mem);
	}
	buf_release(&body);
	struct session_stats s;
	session_stats_get(t, &s);
	bench_cell(b, 0, "%zu live sessions of 30 turns", s.sessions);
	bench_cell(b, 1, "12 tools");
	bench_cell(b, 2, "%ld MB", (resident_kb() - before) / 1024);
	bench_cell(b, 3, "-");
	bench_cell(b, 4, "400 MB");
	bench_row(b);
	storm_table_free(storms);
	session_table_free(t);
}

int main(int argc, char **argv)
{
	struct bench b;
	if (argc > 1)
		return turns(argc, argv);
	bench_begin(&b, "session", "Sessions and storms: what they cost", "", "", "of", "median", "95 %",
	            "at most", NULL);
	measure_turns(&b);
	measure_memory(&b);
	return bench_end(&b);
}
