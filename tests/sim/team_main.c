/* The people, their sessions and the calls, on libcurl's multi interface. */
#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "team.h"

#define MAX_PEOPLE   200
#define TURN_SECONDS 20 /* of simulated work for one call */
#define MAX_TRIES    3

static const char help[] =
    "Usage: weir-sim team --gateway URL [options]\n"
    "\n"
    "A simulated team works through a gateway: people with Claude Code, Codex, Gemini CLI and opencode\n"
    "in several repositories, and CI jobs. Conversations are made up; a simulated provider answers.\n"
    "\n"
    "  --gateway URL        where the agents are pointed to\n"
    "  --keys FILE          a Weir key a line: JSON with `key` and `user`, or KEY [USER]; none: no key is "
    "sent;\n"
    "                       one with `\"use\":\"ci\"` is that of all CI jobs\n"
    "  --people N           people (6); more people than keys share them\n"
    "  --minutes-of-work M  simulated minutes of each one's work (30); a call takes twenty seconds of it\n"
    "  --speed X            simulated seconds in a real one; 0: as fast as it goes (0)\n"
    "  --seed N             the same seed, the same team and work (1)\n"
    "  --quiet              no progress\n"
    "  --json               the summary as JSON\n";

struct person {
	char name[64], key[160];
	bool has_key, done;
	int64_t work_left;          /* simulated seconds */
	uint64_t habit, seed, wake; /* wake: when the next call may go, in monotonic ns */
	int sessions;
	struct job job;
	struct job_call at;
	bool in_job;
	int tries;
	CURL *curl;
	bool busy;
	struct curl_slist *headers;
	struct buf url, body;
	char refusal[32];
	long retry_after;
	size_t received;
};

struct team {
	struct person people[MAX_PEOPLE];
	int n;
	const char *gateway;
	char ci_key[160]; /* of the CI's jobs; "": that of who started them */
	double speed;
	CURLM *multi;
	int64_t calls, ok, errors, retried, left, sessions, refused, turned_away;
	bool quiet;
	uint64_t shown;
};

static const struct repo repos[] = {
    {"github.com/acme/shop", "shop", "TypeScript"},
    {"github.com/acme/ledger", "ledger", "Go"},
    {"github.com/acme/importer", "importer", "Python"},
    {"gitlab.com/acme/edge-parser", "edge-parser", "C"},
};

static const char *const people_names[] = {"ana",   "bo",   "chen", "dora",  "emil", "fatima",
                                           "goran", "hana", "ines", "jonas", "kofi", "lena"};

static const struct {
	enum agent agent;
	const char *model, *small_model;
} tools[] = {
    {AGENT_CLAUDE, "claude-opus-4-5", "claude-haiku-4-5"},
    {AGENT_CLAUDE, "claude-sonnet-4-5", "claude-haiku-4-5"},
    {AGENT_CODEX, "gpt-5-codex", "gpt-5-mini"},
    {AGENT_CLAUDE, "claude-sonnet-4-5", "claude-haiku-4-5"},
    {AGENT_GEMINI, "gemini-2.5-pro", "gemini-2.5-flash-lite"},
    {AGENT_OPENCODE, "claude-sonnet-4-5", "claude-haiku-4-5"},
    {AGENT_CODEX, "gpt-5", "gpt-5-mini"},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* What the person does next: mostly a task of some length; now and then CI, a subagent, a runaway. */
static void new_job(struct person *p)
{
	struct job *j = &p->job;
	size_t tool = (size_t)((p->habit + team_pick(&p->seed, 3) / 2) % COUNT(tools));

	*j = (struct job){
	    .agent = tools[tool].agent, .model = tools[tool].model, .small_model = tools[tool].small_model};
	j->seed = mix64(p->seed);
	j->repo = &repos[(p->habit / 2 + team_pick(&p->seed, 2)) % COUNT(repos)];
	j->task = team_task(j->seed);
	j->ci = team_pick(&p->seed, 6) == 0;
	j->stuck = !j->ci && team_pick(&p->seed, 12) == 0;
	j->turns = j->ci ? 3 + (int)team_pick(&p->seed, 5) : j->stuck ? 25 : 4 + (int)team_pick(&p->seed, 22);
	j->sub_at = !j->stuck && j->agent != AGENT_GEMINI && team_pick(&p->seed, 5) == 0 ? 2 : -1;
	team_uuid(j->seed, j->session);
	team_uuid(j->seed + 1, j->sub_session);
	snprintf(j->branch, sizeof j->branch, "%s/SHOP-%llu", j->ci ? "pr" : "feature",
	         (unsigned long long)team_pick(&p->seed, 400) + 100);
	if (j->ci) {
		j->workflow = team_pick(&p->seed, 2) ? "review" : "fix-flaky-tests";
		j->pr = 800 + (int)team_pick(&p->seed, 90);
		j->agent = AGENT_CLAUDE;
		j->model = "claude-sonnet-4-5";
		j->small_model = "claude-haiku-4-5";
		j->sub_at = -1;
	}
	p->at = (struct job_call){.turn = j->agent == AGENT_CODEX || j->ci ? 0 : -1};
	p->in_job = true;
	p->sessions++;
	p->tries = 0;
}

static void add_header(void *to, const char *line)
{
	struct curl_slist **list = to;

	*list = curl_slist_append(*list, line);
}

static size_t on_body(char *p, size_t size, size_t n, void *to)
{
	struct person *who = to;

	(void)p;
	who->received += size * n;
	return who->at.leaves && who->received > 1500 ? 0 : size * n;
}

static size_t on_header(char *p, size_t size, size_t n, void *to)
{
	struct person *who = to;
	struct str value = {p, size * n}, name = str_cut(&value, ':');

	while (value.n && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\n'))
		value.n--;
	value = str_trim(value);
	if (str_eq_nocase(name, "x-weir-refusal"))
		str_copy(who->refusal, sizeof who->refusal, value);
	else if (str_eq_nocase(name, "retry-after"))
		who->retry_after = (long)str_int(value);
	return size * n;
}

static void send_call(struct team *t, struct person *p)
{
	p->headers = NULL;
	p->body.len = p->url.len = 0;
	p->refusal[0] = '\0';
	p->retry_after = -1;
	p->received = 0;
	p->at.leaves = p->at.turn >= 0 && p->tries == 0 && team_pick(&p->seed, 60) == 0;
	const char *key = p->job.ci && t->ci_key[0] ? t->ci_key : p->has_key ? p->key : NULL;

	team_headers(&p->job, p->at, p->name, key, add_header, &p->headers);
	team_body(&p->job, p->at, &p->body);
	buf_z(&p->url, t->gateway);
	team_path(&p->job, p->at, &p->url);
	buf_add(&p->url, "", 1);
	curl_easy_setopt(p->curl, CURLOPT_URL, p->url.p);
	curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, p->body.p);
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->body.len);
	curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(p->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(p->curl, CURLOPT_HEADERDATA, p);
	curl_easy_setopt(p->curl, CURLOPT_PRIVATE, p);
	curl_easy_setopt(p->curl, CURLOPT_TIMEOUT, 300L);
	curl_easy_setopt(p->curl, CURLOPT_NOPROXY, "*");
	curl_multi_add_handle(t->multi, p->curl);
	p->busy = true;
	t->calls++;
}

/* The job's next call; ends the job when it has none. */
static void advance(struct person *p)
{
	struct job *j = &p->job;

	p->tries = 0;
	p->work_left -= TURN_SECONDS;
	if (p->at.sub && p->at.turn == TEAM_SUB_TURNS) {
		p->at = (struct job_call){.turn = j->sub_at + 1};
		j->sub_at = -1;
	} else if (!p->at.sub && p->at.turn == j->sub_at && j->sub_at >= 0) {
		p->at = (struct job_call){.turn = 0, .sub = true};
	} else if (!p->at.sub && p->at.turn >= j->turns) {
		p->in_job = false;
	} else {
		p->at.turn++;
	}
}

static void call_ended(struct team *t, struct person *p, CURLcode rc)
{
	long status = 0;
	uint64_t pause = 0;

	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(t->multi, p->curl);
	curl_slist_free_all(p->headers);
	p->busy = false;
	if (rc == CURLE_OK && status == 200) {
		t->ok++;
		advance(p);
	} else if (p->at.leaves) {
		t->left++;
		p->in_job = false;
		p->work_left -= TURN_SECONDS * 2;
	} else if (p->refusal[0] && status != 429 && status != 503) {
		t->refused++; /* the agent stops, its human goes on with something else */
		p->in_job = false;
		p->work_left -= TURN_SECONDS * 6;
	} else if (rc == CURLE_OK && status != 429 && status < 500) {
		t->turned_away++;
		p->in_job = false;
		p->work_left -= TURN_SECONDS * 6;
	} else if (++p->tries < MAX_TRIES) {
		t->retried++;
		pause = p->retry_after > 0 ? (uint64_t)p->retry_after * 1000000000u : 200000000u;
	} else {
		t->errors++;
		p->in_job = false;
		p->work_left -= TURN_SECONDS;
	}
	if (t->speed > 0)
		pause += (uint64_t)((double)(TURN_SECONDS / 2 + team_pick(&p->seed, TURN_SECONDS)) * 1e9 /
		                    t->speed);
	p->wake = now_ns() + pause;
}

static void progress(struct team *t, bool last)
{
	uint64_t now = now_ns();

	if (t->quiet || !isatty(STDERR_FILENO) || (!last && now - t->shown < 200000000u))
		return;
	t->shown = now;
	t->sessions = 0;
	for (int i = 0; i < t->n; i++)
		t->sessions += t->people[i].sessions;
	fprintf(stderr, "\r[simulated] %d people, %lld sessions, %lld calls, %lld refused%s", t->n,
	        (long long)t->sessions, (long long)t->calls, (long long)t->refused, last ? "\n" : "  ");
}

/* Starts the calls that are due; false: all work is done. */
static bool work(struct team *t, int *wait_ms)
{
	uint64_t now = now_ns();
	bool any = false;

	*wait_ms = 500;
	for (int i = 0; i < t->n; i++) {
		struct person *p = &t->people[i];

		if (p->busy) {
			any = true;
			continue;
		}
		if (!p->in_job && p->work_left <= 0)
			continue;
		any = true;
		if (p->wake > now) {
			int ms = (int)((p->wake - now) / 1000000u) + 1;

			if (ms < *wait_ms)
				*wait_ms = ms;
			continue;
		}
		if (!p->in_job)
			new_job(p);
		send_call(t, p);
	}
	return any;
}

static void run(struct team *t)
{
	int wait_ms;

	while (work(t, &wait_ms)) {
		int running, left;
		CURLMsg *m;

		curl_multi_perform(t->multi, &running);
		while ((m = curl_multi_info_read(t->multi, &left)) != NULL) {
			char *who = NULL;

			if (m->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &who);
			call_ended(t, (struct person *)(void *)who, m->data.result);
			wait_ms = 0;
		}
		progress(t, false);
		if (wait_ms)
			curl_multi_poll(t->multi, NULL, 0, wait_ms, NULL);
	}
	progress(t, true);
}

static struct str json_field(struct str line, const char *key)
{
	char wanted[32];
	const char *at;
	struct str rest;

	snprintf(wanted, sizeof wanted, "\"%s\"", key);
	at = line.n ? memmem(line.p, line.n, wanted, strlen(wanted)) : NULL;
	if (!at)
		return (struct str){NULL, 0};
	rest = (struct str){at + strlen(wanted), (size_t)(line.p + line.n - at) - strlen(wanted)};
	str_cut(&rest, '"');
	return str_cut(&rest, '"');
}

/* Keys in the order of the file, handed out in turn. */
static void read_keys(struct team *t, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int keys = 0;

	if (!f)
		sim_die("team: cannot read %s", path);
	while (keys < t->n && (n = getline(&line, &cap, f)) > 0) {
		struct person *p = &t->people[keys];
		struct str rest = {line, (size_t)n}, key, user;

		while (rest.n && (rest.p[rest.n - 1] == '\n' || rest.p[rest.n - 1] == '\r'))
			rest.n--;
		rest = str_trim(rest);
		if (!rest.n || rest.p[0] == '#')
			continue;
		key = json_field(rest, "key");
		user = json_field(rest, "user");
		if (rest.p[0] != '{') {
			key = str_cut(&rest, ' ');
			user = str_trim(rest);
		}
		if (!key.n)
			sim_die("team: %s: no key in line %d", path, keys + 1);
		if (rest.p[0] == '{' && str_eq(json_field(rest, "use"), "ci")) {
			str_copy(t->ci_key, sizeof t->ci_key, key);
			continue;
		}
		str_copy(p->key, sizeof p->key, key);
		if (user.n)
			str_copy(p->name, sizeof p->name, user);
		p->has_key = true;
		keys++;
	}
	if (!keys)
		sim_die("team: %s: no keys", path);
	for (int i = keys; i < t->n; i++) {
		struct person *p = &t->people[i], *other = &t->people[i % keys];

		memcpy(p->key, other->key, sizeof p->key);
		p->has_key = true;
	}
	free(line);
	fclose(f);
}

static void summary(struct team *t, double seconds, bool json)
{
	t->sessions = 0;
	for (int i = 0; i < t->n; i++)
		t->sessions += t->people[i].sessions;
	if (json)
		printf(
		    "{\"simulated\":true,\"people\":%d,\"sessions\":%lld,\"calls\":%lld,\"ok\":%lld,"
		    "\"refused\":%lld,"
		    "\"turned_away\":%lld,\"left\":%lld,\"retried\":%lld,\"errors\":%lld,\"seconds\":%.2f}\n",
		    t->n, (long long)t->sessions, (long long)t->calls, (long long)t->ok,
		    (long long)t->refused, (long long)t->turned_away, (long long)t->left,
		    (long long)t->retried, (long long)t->errors, seconds);
	else
		printf("Simulated: %d people, %lld sessions, %lld calls in %.1f s; %lld refused by Weir, "
		       "%lld turned away, %lld "
		       "failed.\n",
		       t->n, (long long)t->sessions, (long long)t->calls, seconds, (long long)t->refused,
		       (long long)t->turned_away, (long long)t->errors);
}

static void make_people(struct team *t, int64_t minutes, uint64_t seed)
{
	for (int i = 0; i < t->n; i++) {
		struct person *p = &t->people[i];

		snprintf(p->name, sizeof p->name, "%s%.0d", people_names[(size_t)i % COUNT(people_names)],
		         i / (int)COUNT(people_names));
		p->habit = (uint64_t)i;
		p->work_left = minutes * 60;
		p->seed = mix64(seed * 1000 + (uint64_t)i);
		p->curl = curl_easy_init();
		if (t->speed > 0)
			p->wake = now_ns() + (uint64_t)((double)team_pick(&p->seed, 60) * 1e9 / t->speed);
	}
}

enum { T_GATEWAY = 256, T_KEYS, T_PEOPLE, T_MINUTES, T_SPEED, T_SEED, T_QUIET, T_JSON, T_HELP };

static const struct option longs[] = {
    {"gateway", 1, NULL, T_GATEWAY}, {"keys", 1, NULL, T_KEYS},
    {"people", 1, NULL, T_PEOPLE},   {"minutes-of-work", 1, NULL, T_MINUTES},
    {"speed", 1, NULL, T_SPEED},     {"seed", 1, NULL, T_SEED},
    {"quiet", 0, NULL, T_QUIET},     {"json", 0, NULL, T_JSON},
    {"help", 0, NULL, T_HELP},       {NULL, 0, NULL, 0},
};

static int64_t whole(const char *name, const char *arg, int64_t least, int64_t most)
{
	int64_t v = str_int(str_of(arg));

	if (v < least || v > most)
		sim_die("team: --%s: a number from %lld to %lld", name, (long long)least, (long long)most);
	return v;
}

struct team_options {
	const char *keys;
	int64_t minutes, seed;
	bool json;
};

/* -1: go on; else the exit status. */
static int parse(struct team *t, struct team_options *o, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (opt) {
		case T_GATEWAY:
			t->gateway = optarg;
			break;
		case T_KEYS:
			o->keys = optarg;
			break;
		case T_PEOPLE:
			t->n = (int)whole("people", optarg, 1, MAX_PEOPLE);
			break;
		case T_MINUTES:
			o->minutes = whole("minutes-of-work", optarg, 1, 100000);
			break;
		case T_SPEED:
			t->speed = strtod(optarg, NULL);
			break;
		case T_SEED:
			o->seed = whole("seed", optarg, 0, INT64_MAX);
			break;
		case T_QUIET:
			t->quiet = true;
			break;
		case T_JSON:
			o->json = true;
			break;
		case T_HELP:
			fputs(help, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (t->gateway && optind == argc)
		return -1;
	fputs("weir-sim: see weir-sim team --help\n", stderr);
	return 2;
}

static int play(struct team *t, const struct team_options *o)
{
	uint64_t start;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	t->multi = curl_multi_init();
	make_people(t, o->minutes, (uint64_t)o->seed);
	if (o->keys)
		read_keys(t, o->keys);
	start = now_ns();
	run(t);
	summary(t, (double)(now_ns() - start) / 1e9, o->json);
	for (int i = 0; i < t->n; i++) {
		curl_easy_cleanup(t->people[i].curl);
		buf_free(&t->people[i].url);
		buf_free(&t->people[i].body);
	}
	curl_multi_cleanup(t->multi);
	curl_global_cleanup();
	return t->ok > 0 ? 0 : 1;
}

int team_main(int argc, char **argv)
{
	struct team *t = sim_alloc(sizeof *t);
	struct team_options o = {.minutes = 30, .seed = 1};
	int status;

	t->n = 6;
	status = parse(t, &o, argc, argv);
	if (status < 0)
		status = play(t, &o);
	free(t);
	return status;
}
