/* `weir gate` asks here: the gates decide on the job, and an admitted one gets its token. */
#include "gateway/admin.h"
#include "gateway/gate_job.h"
#include "model/attr_text.h"
#include "policy/attribution.h"

#define PATHS_MAX (128 * 1024) /* bytes of all names together */

/* A JSON list of texts as lines; false when it is none. What is beyond PATHS_MAX is left out: a gate on paths
 * sees the first. */
static bool read_paths(struct admin *a, slice list, slice *out)
{
	struct json j;
	json_str s;
	char *text = list.n ? arena_alloc(&a->mem, list.n < PATHS_MAX ? list.n + 1 : PATHS_MAX + 1) : NULL;
	size_t n = 0, cap = list.n < PATHS_MAX ? list.n : PATHS_MAX;
	*out = SLICE_NONE;
	if (list.n == 0)
		return true;
	json_init(&j, list);
	if (text == NULL || !json_array(&j))
		return false;
	while (json_next(&j)) {
		if (!json_string(&j, &s))
			return false;
		size_t one = n + s.raw.n + 1 <= cap ? json_unescape(&s, text + n, cap - n) : 0;
		for (size_t i = 0; i < one; i++)
			if (text[n + i] == '\n')
				text[n + i] = '?';
		n += one;
		if (one)
			text[n++] = '\n';
	}
	*out = slice_make(text, n ? n - 1 : 0);
	return json_end(&j);
}

static void set(struct admin *a, struct attribution *who, enum attr at, slice text)
{
	if (who->v[at].n == 0 && text.n)
		who->v[at] = attr_clean(text, &a->mem);
}

/* The job: what the identity fixes, then what the job says of itself. An issuer's token has told trigger and
 * pull request already. False after a refusal, in *r. */
static bool read_job(struct admin *a, struct gate_job *job, int *r)
{
	slice repo, branch, commit, workflow, trigger, pr, task, author, diff_lines, paths;
	const struct admin_field fields[] = {
	    {"repo", &repo, false},         {"branch", &branch, false},   {"commit", &commit, false},
	    {"workflow", &workflow, false}, {"trigger", &trigger, false}, {"pr", &pr, false},
	    {"task", &task, false},         {"author", &author, false},   {"diff_lines", &diff_lines, true},
	    {"paths", &paths, true},
	};
	const struct principal *p = a->who->principal;
	if (!admin_body(a, fields, sizeof fields / sizeof *fields, r))
		return false;
	*job = (struct gate_job){.who = p->fixed, .ci = p->ci, .key_id = p->key_id, .role = p->role};
	if (a->who->anonymous)
		job->who.v[ATTR_ENVIRONMENT] = SLICE("ci");
	struct attribution *who = &job->who;
	slice known = attribution_repo(repo, &a->mem);
	set(a, who, ATTR_REPO, known.n ? known : repo);
	set(a, who, ATTR_BRANCH, branch);
	set(a, who, ATTR_COMMIT, commit);
	set(a, who, ATTR_WORKFLOW, workflow);
	set(a, who, ATTR_TASK, task);
	if (!p->by_token) {
		set(a, who, ATTR_TRIGGER, trigger);
		set(a, who, ATTR_PR, pr);
	}
	if (job->ci.author.n == 0)
		job->ci.author = attr_clean(author, &a->mem);
	if (diff_lines.n && (!json_number_i64(diff_lines, &job->ci.diff_lines) || job->ci.diff_lines < 0)) {
		*r = admin_refuse(a, 400, "\"diff_lines\" is a number, from 0");
		return false;
	}
	if (!read_paths(a, paths, &job->ci.paths)) {
		*r = admin_refuse(a, 400, "\"paths\" is a list of texts");
		return false;
	}
	return true;
}

static void put_answer(struct admin *a, const struct gate_answer *g)
{
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("decision"), g->refused ? SLICE("refused") : SLICE("admitted"));
	jsonw_put_string(&a->w, SLICE("gate"), g->gate.n ? g->gate : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("reason"), g->refused ? g->reason : SLICE_NONE);
	jsonw_put_string(&a->w, SLICE("shadow"), g->shadow.n ? g->shadow : SLICE_NONE);
	jsonw_key(&a->w, SLICE("later"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < g->later_n; i++)
		jsonw_string(&a->w, g->later[i]);
	jsonw_array_end(&a->w);
}

int admin_gate(struct admin *a)
{
	struct gate_job job;
	struct gate_answer answer;
	struct error e = {0};
	struct buf token;
	int64_t expires_ms = 0;
	int r;
	if (!read_job(a, &job, &r))
		return r;
	if (!slice_eq(job.who.v[ATTR_ENVIRONMENT], SLICE("ci")))
		return admin_refuse(
		    a, 403,
		    "this key is not one of CI: make one by `weir key create --user USER --role agent "
		    "--set environment=ci`, or let the CI system's own token say so (issuers: in Weir's "
		    "settings)");
	gate_job_decide(a->settings, &job, a->now_ms, &a->mem, &answer);
	buf_init(&token, GATE_TOKEN_MAX);
	if (!answer.refused && job.key_id.n)
		r = gate_job_token(a->settings, &job, a->who->gate_secret, a->now_ms, &token, &expires_ms,
		                   &e);
	else
		r = 0;
	if (r) {
		buf_release(&token);
		return admin_refuse(a, 400, "%s", e.text);
	}
	put_answer(a, &answer);
	jsonw_put_string(&a->w, SLICE("token"), buf_slice(&token).n ? buf_slice(&token) : SLICE_NONE);
	admin_put_time(a, SLICE("expires"), expires_ms);
	jsonw_object_end(&a->w);
	buf_release(&token);
	return admin_end(a);
}
