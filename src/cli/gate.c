/* `weir gate`: before an agent is started in a CI job, whether it may be. The diff is computed here, by git;
 * the gateway decides, and signs what it was told into a token that its calls carry. */
#include <stdlib.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "cli/ci.h"
#include "cli/cli.h"
#include "cli/git_diff.h"
#include "cli/remote.h"
#include "gateway/gate_job.h"
#include "model/attr_text.h"
#include "text/json.h"

#define ANSWER_MAX (1u << 20)
#define MEM_MAX    (128u << 20)
#define PATHS_SENT (100u << 10) /* bytes of names sent: those beyond are left out, and told */

static int run_gate(struct cli *c, int argc, char **argv);

const struct command command_gate = {
    "gate", "in CI: may an agent run in this job?",
    "weir gate [options]\n\n"
    "Reads what the CI system says of the job, has git compute the diff, asks the gateway (--server or "
    "WEIR_URL, the\n"
    "console's address) by its gates, and says why. Exit 0: admitted, and the token for the job's calls "
    "stands on the\n"
    "output (set it as the agent's API key); exit 3: refused. The job's identity is WEIR_KEY, WEIR_ID_TOKEN, "
    "or on "
    "GitHub\n"
    "Actions the job's own OIDC token (permissions: id-token: write). Without a gateway the gates of "
    "--config decide, and\n"
    "there is no token.\n\n"
    "  --base REF        what HEAD is compared with; default the target of the pull request, else "
    "origin/HEAD\n"
    "  --audience NAME   of the OIDC token that is asked of GitHub; default weir\n"
    "  --set K=V         repo, branch, commit, workflow, trigger, pr, task or author, where the CI system "
    "does not\n"
    "                    tell; may stand several times\n",
    run_gate};

/* What is asked about. */
struct job {
	struct cli *c;
	struct arena mem;
	struct launch l;
	const char *ci, *base, *audience;
	struct git_diff diff;
	slice fields[8]; /* in order of FIELDS */
	bool diff_known;
};

static const struct {
	const char *name, *header;
	const char *variables[6];
} FIELDS[8] = {
    {"repo", "x-weir-repo", {NULL}},
    {"branch", "x-weir-branch", {NULL}},
    {"commit", "x-weir-commit", {NULL}},
    {"workflow", "x-weir-workflow", {NULL}},
    {"trigger", "x-weir-trigger", {NULL}},
    {"pr", "x-weir-pr", {NULL}},
    {"task",
     NULL,
     {"GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILDKITE_BUILD_ID", "CIRCLE_WORKFLOW_ID", "BUILD_TAG"}},
    {"author",
     NULL,
     {"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_AUTHOR", "CIRCLE_USERNAME", "CHANGE_AUTHOR"}},
};

static const char *first_set(const struct cli *c, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n && names[i]; i++)
		if (cli_env(c, names[i]))
			return cli_env(c, names[i]);
	return NULL;
}

static void read_ci(struct job *j)
{
	j->ci = ci_headers(&j->l);
	for (size_t i = 0; i < 8; i++) {
		if (j->fields[i].n)
			continue; /* by --set */
		const char *value = first_set(j->c, FIELDS[i].variables, 6);
		j->fields[i] =
		    FIELDS[i].header ? launch_header_get(&j->l, FIELDS[i].header) : slice_of(value);
	}
}

/* The target of the pull request, as the CI system has it. */
static const char *base_of(struct job *j)
{
	static const char *const branches[] = {"GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
	                                       "BUILDKITE_PULL_REQUEST_BASE_BRANCH", "CHANGE_TARGET"};
	const char *commit = cli_env(j->c, "CI_MERGE_REQUEST_DIFF_BASE_SHA");
	const char *branch = first_set(j->c, branches, 4);
	if (j->base || commit)
		return j->base ? j->base : commit;
	return branch ? launch_text(&j->l, "origin/%s", branch) : NULL;
}

/* Without a diff nothing is known of its size, and gates on it do not hold: that is told. */
static int read_diff(struct job *j)
{
	static const char *const usual[] = {"origin/HEAD", "origin/main", "origin/master"};
	struct error e = {0};
	const char *base = base_of(j);
	if (base) {
		if (git_diff(".", base, &j->mem, &j->diff, &e) < 0)
			return cli_fail(j->c, "%s", e.text);
		j->diff_known = true;
		return EXIT_DONE;
	}
	for (size_t i = 0; i < 3 && !j->diff_known; i++)
		j->diff_known = git_diff(".", usual[i], &j->mem, &j->diff, &e) == 0;
	if (!j->diff_known)
		fprintf(j->c->err, "weir: the size of the diff is not known (%s)\n", e.text);
	return EXIT_DONE;
}

/* --- who: the job's own token on GitHub ------------------------------------------------------------- */

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	return buf_append(arg, slice_make(p, size * n)) == 0 ? size * n : 0;
}

/* {"value": "eyJ…"} */
static const char *token_value(struct job *j, slice answer)
{
	struct json r;
	json_key k;
	json_str s;
	const char *found = NULL;
	json_init(&r, answer);
	json_object(&r);
	while (json_next_key(&r, &k)) {
		if (!json_key_is(&k, SLICE("value")) || json_peek(&r) != JSON_STRING ||
		    !json_string(&r, &s)) {
			json_skip(&r, NULL);
			continue;
		}
		slice copy = arena_copy(&j->mem, s.raw); /* base64url and dots: nothing is escaped */
		found = copy.p;
	}
	return found;
}

/* docs.github.com "OpenID Connect reference", methods for requesting the OIDC token. */
static const char *github_token(struct job *j)
{
	const char *url = cli_env(j->c, "ACTIONS_ID_TOKEN_REQUEST_URL");
	const char *bearer = cli_env(j->c, "ACTIONS_ID_TOKEN_REQUEST_TOKEN"), *token = NULL;
	struct buf answer;
	long status = 0;
	if (url == NULL || bearer == NULL)
		return NULL;
	buf_init(&answer, 1 << 16);
	CURL *h = curl_easy_init();
	const char *header = launch_text(&j->l, "Authorization: Bearer %s", bearer);
	struct curl_slist *list = curl_slist_append(NULL, header);
	curl_easy_setopt(
	    h, CURLOPT_URL,
	    launch_text(&j->l, "%s%saudience=%s", url, strchr(url, '?') ? "&" : "?", j->audience));
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, &answer);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, 20000L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	if (curl_easy_perform(h) == CURLE_OK)
		curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		token = token_value(j, buf_slice(&answer));
	if (token == NULL)
		fprintf(j->c->err,
		        "weir: GitHub gave no OIDC token (status %ld): does the job have `permissions: "
		        "{id-token: write}`?\n",
		        status);
	curl_slist_free_all(list);
	curl_easy_cleanup(h);
	buf_release(&answer);
	return token;
}

/* --- asking ----------------------------------------------------------------------------------------- */

static void put_paths(struct job *j, struct jsonw *w)
{
	slice rest = j->diff.paths, path;
	size_t sent = 0, left = 0;
	jsonw_key(w, SLICE("paths"));
	jsonw_array(w);
	while (rest.n && slice_split(&rest, '\n', &path)) {
		sent += path.n + 3;
		if (sent > PATHS_SENT)
			left++;
		else
			jsonw_string(w, path);
	}
	jsonw_array_end(w);
	if (left)
		fprintf(j->c->err, "weir: the diff has more files than are asked about; %zu are left out\n",
		        left);
}

static int write_question(struct job *j, struct buf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	for (size_t i = 0; i < 8; i++)
		if (j->fields[i].n)
			jsonw_put_string(&w, slice_of(FIELDS[i].name), j->fields[i]);
	if (j->diff_known) {
		jsonw_put_i64(&w, SLICE("diff_lines"), j->diff.lines);
		put_paths(j, &w);
	}
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

static void tell_job(const struct job *j)
{
	fprintf(j->c->err, "weir: %s", j->ci ? j->ci : "no CI system is recognised");
	static const size_t shown[] = {0, 4, 5, 1};
	for (size_t i = 0; i < 4; i++)
		if (j->fields[shown[i]].n)
			fprintf(j->c->err, ", %s " SLICE_FMT, FIELDS[shown[i]].name,
			        SLICE_ARG(j->fields[shown[i]]));
	if (j->diff_known)
		fprintf(j->c->err, "; %lld lines in %zu files changed since %.12s", (long long)j->diff.lines,
		        j->diff.files, j->diff.base.p);
	fputc('\n', j->c->err);
}

/* What the gateway said: each a text, n 0 for null. */
struct verdict {
	slice decision, gate, reason, shadow, token, expires;
};

static bool read_verdict(struct job *j, slice answer, struct verdict *v)
{
	struct json r;
	json_key k;
	json_str s;
	const struct {
		const char *name;
		slice *to;
	} members[] = {{"decision", &v->decision}, {"gate", &v->gate},   {"reason", &v->reason},
	               {"shadow", &v->shadow},     {"token", &v->token}, {"expires", &v->expires}};
	*v = (struct verdict){0};
	json_init(&r, answer);
	json_object(&r);
	while (json_next_key(&r, &k)) {
		slice *to = NULL;
		for (size_t i = 0; i < sizeof members / sizeof *members; i++)
			if (json_key_is(&k, slice_of(members[i].name)))
				to = members[i].to;
		if (to == NULL || json_peek(&r) != JSON_STRING || !json_string(&r, &s)) {
			json_skip(&r, NULL);
			continue;
		}
		char *text = arena_alloc(&j->mem, s.raw.n + 1);
		*to = text ? slice_make(text, json_unescape(&s, text, s.raw.n + 1)) : SLICE_NONE;
	}
	return json_end(&r) && v->decision.n;
}

static int say(struct job *j, const struct verdict *v)
{
	bool refused = slice_eq(v->decision, SLICE("refused"));
	if (v->shadow.n)
		fprintf(j->c->err, "weir: in shadow: " SLICE_FMT "\n", SLICE_ARG(v->shadow));
	if (refused)
		fprintf(j->c->err, "weir: refused. " SLICE_FMT "\n", SLICE_ARG(v->reason));
	else if (v->gate.n)
		fprintf(j->c->err, "weir: admitted by gate \"" SLICE_FMT "\"\n", SLICE_ARG(v->gate));
	else
		fprintf(j->c->err, "weir: admitted: no gate is against it\n");
	if (v->token.n && v->expires.n)
		fprintf(j->c->err, "weir: the token is good until " SLICE_FMT "\n", SLICE_ARG(v->expires));
	if (v->token.n && !j->c->json)
		fprintf(j->c->out, SLICE_FMT "\n", SLICE_ARG(v->token));
	return refused ? EXIT_POLICY : EXIT_DONE;
}

static int ask_gateway(struct job *j)
{
	struct buf question, answer;
	struct verdict v;
	buf_init(&question, ANSWER_MAX);
	buf_init(&answer, ANSWER_MAX);
	if (j->c->key == NULL)
		j->c->key = cli_env(j->c, "WEIR_ID_TOKEN");
	if (j->c->key == NULL)
		j->c->key = github_token(j);
	int status = write_question(j, &question)
	                 ? cli_fail(j->c, "the job has too much to say")
	                 : remote_call(j->c, "POST", SLICE("/api/v1/gate"), buf_slice(&question), &answer);
	if (status == EXIT_DONE && !read_verdict(j, buf_slice(&answer), &v))
		status =
		    cli_fail(j->c, "%s gave no answer to understand: is it Weir's console?", j->c->server);
	else if (status == EXIT_DONE) {
		if (j->c->json)
			fprintf(j->c->out, SLICE_FMT "\n", SLICE_ARG(slice_trim(buf_slice(&answer))));
		status = say(j, &v);
	}
	buf_release(&question);
	buf_release(&answer);
	return status;
}

/* By the gates of the settings here: a decision, and no token. */
static int ask_settings(struct job *j)
{
	static const enum attr attrs[7] = {ATTR_REPO,    ATTR_BRANCH, ATTR_COMMIT, ATTR_WORKFLOW,
	                                   ATTR_TRIGGER, ATTR_PR,     ATTR_TASK};
	struct settings *s = cli_settings_with(j->c, SETTINGS_NO_SECRETS);
	struct gate_answer a;
	struct gate_job job = {.ci = ci_proof_none(), .role = ROLE_AGENT};
	if (s == NULL)
		return EXIT_FAILED;
	for (size_t i = 0; i < 7; i++)
		job.who.v[attrs[i]] = attr_clean(j->fields[i], &j->mem);
	job.who.v[ATTR_ENVIRONMENT] = SLICE("ci");
	job.ci.author = attr_clean(j->fields[7], &j->mem);
	if (j->diff_known) {
		job.ci.diff_lines = j->diff.lines;
		job.ci.paths = j->diff.paths;
	}
	gate_job_decide(s, &job, clock_wall_ms(clock_real()), &j->mem, &a);
	struct verdict v = {.decision = a.refused ? SLICE("refused") : SLICE("admitted"),
	                    .gate = a.gate,
	                    .reason = a.reason,
	                    .shadow = a.shadow};
	if (j->c->json)
		fprintf(j->c->out, "{\"decision\":\"" SLICE_FMT "\",\"gate\":%s%s%s,\"token\":null}\n",
		        SLICE_ARG(v.decision), a.gate.n ? "\"" : "", a.gate.n ? a.gate.p : "null",
		        a.gate.n ? "\"" : "");
	int status = say(j, &v);
	settings_unref(s);
	return status;
}

static bool take_set(struct job *j, const char *text)
{
	slice value = slice_of(text), name;
	slice_split(&value, '=', &name);
	for (size_t i = 0; i < 8 && value.n; i++)
		if (slice_eq(name, slice_of(FIELDS[i].name))) {
			j->fields[i] = value;
			return true;
		}
	cli_usage_error(
	    j->c, &command_gate,
	    "--set %s: write NAME=VALUE, with repo, branch, commit, workflow, trigger, pr, task or author",
	    text);
	return false;
}

static int run_gate(struct cli *c, int argc, char **argv)
{
	const char *name, *value;
	int at = 1, r, status = EXIT_USAGE;
	struct job *j = calloc(1, sizeof *j);
	if (j == NULL || launch_init(&j->l, 0, argv, c->environ_)) {
		free(j);
		return cli_fail(c, "memory is spent");
	}
	j->c = c;
	j->audience = "weir";
	arena_init(&j->mem, MEM_MAX);
	while ((r = cli_next(c, &command_gate, argc, argv, &at, "base=:audience=:set=", &name, &value)) > 0) {
		if (r == 2)
			r = (cli_usage_error(c, &command_gate, "it wants no %s", value), -1);
		else if (strcmp(name, "base") == 0)
			j->base = value;
		else if (strcmp(name, "audience") == 0)
			j->audience = value;
		else if (!take_set(j, value))
			r = -1;
		if (r < 0)
			break;
	}
	if (r == 0) {
		read_ci(j);
		status = read_diff(j);
		if (status == EXIT_DONE) {
			tell_job(j);
			status = c->server ? ask_gateway(j) : ask_settings(j);
		}
	} else if (r == -2) {
		status = EXIT_DONE;
	}
	launch_release(&j->l);
	arena_release(&j->mem);
	free(j);
	return status;
}
