/* Sources: docs.github.com "Variables reference", docs.gitlab.com "Predefined CI/CD variables",
 * jenkins.io "Using environment variables" and the git and branch-source plugins, buildkite.com "Environment
 * variables", circleci.com "Project values and variables". */
#include "cli/ci.h"

#include <stdio.h>

#include "policy/attribution.h"

/* For each header the variables that may tell it, the first that is set wins. */
struct ci {
	const char *name, *marker; /* marker: set in each of its jobs */
	const char *repo_url;      /* a clone URL */
	const char *branch[3], *commit[2], *workflow[2], *trigger, *pr[2];
};

static const struct ci SYSTEMS[] = {
    {.name = "GitHub Actions",
     .marker = "GITHUB_ACTIONS",
     .branch = {"GITHUB_HEAD_REF", "GITHUB_REF_NAME"},
     .commit = {"GITHUB_SHA"},
     .workflow = {"GITHUB_WORKFLOW"},
     .trigger = "GITHUB_EVENT_NAME"},
    {.name = "GitLab CI",
     .marker = "GITLAB_CI",
     .repo_url = "CI_PROJECT_URL",
     .branch = {"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH", "CI_COMMIT_REF_NAME"},
     .commit = {"CI_COMMIT_SHA"},
     .workflow = {"CI_PIPELINE_NAME", "CI_JOB_NAME"},
     .trigger = "CI_PIPELINE_SOURCE",
     .pr = {"CI_MERGE_REQUEST_IID"}},
    {.name = "Buildkite",
     .marker = "BUILDKITE",
     .repo_url = "BUILDKITE_REPO",
     .branch = {"BUILDKITE_BRANCH"},
     .commit = {"BUILDKITE_COMMIT"},
     .workflow = {"BUILDKITE_PIPELINE_SLUG"},
     .trigger = "BUILDKITE_SOURCE",
     .pr = {"BUILDKITE_PULL_REQUEST"}},
    {.name = "CircleCI",
     .marker = "CIRCLECI",
     .repo_url = "CIRCLE_REPOSITORY_URL",
     .branch = {"CIRCLE_BRANCH"},
     .commit = {"CIRCLE_SHA1"},
     .workflow = {"CIRCLE_JOB"},
     .pr = {"CIRCLE_PULL_REQUEST"}},
    {.name = "Jenkins",
     .marker = "JENKINS_URL",
     .repo_url = "GIT_URL",
     .branch = {"CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"},
     .commit = {"GIT_COMMIT"},
     .workflow = {"JOB_NAME"},
     .pr = {"CHANGE_ID"}},
};

static slice first_of(const struct launch *l, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n && names[i]; i++) {
		const char *value = launch_get(l, names[i]);
		if (value)
			return slice_of(value);
	}
	return SLICE_NONE;
}

/* "17" of "17" or ".../pull/17" or "refs/pull/17/merge"; n 0 of "false" and the like. */
static slice number_in(slice text)
{
	slice part, found = SLICE_NONE;
	long long n;
	while (slice_split(&text, '/', &part))
		if (slice_to_i64(part, &n) && n > 0)
			found = part;
	return found;
}

static void github(struct launch *l)
{
	const char *repo = launch_get(l, "GITHUB_REPOSITORY"), *server = launch_get(l, "GITHUB_SERVER_URL");
	const char *ref = launch_get(l, "GITHUB_REF");
	if (repo) {
		const char *url = launch_text(l, "%s/%s", server ? server : "https://github.com", repo);
		launch_header(l, "x-weir-repo", attribution_repo(slice_of(url), &l->mem));
	}
	if (ref && slice_starts(slice_of(ref), SLICE("refs/pull/")))
		launch_header(l, "x-weir-pr", number_in(slice_of(ref)));
}

const char *ci_headers(struct launch *l)
{
	for (size_t i = 0; i < sizeof SYSTEMS / sizeof *SYSTEMS; i++) {
		const struct ci *ci = &SYSTEMS[i];
		if (launch_get(l, ci->marker) == NULL)
			continue;
		const char *url = ci->repo_url ? launch_get(l, ci->repo_url) : NULL;
		if (url)
			launch_header(l, "x-weir-repo", attribution_repo(slice_of(url), &l->mem));
		if (strcmp(ci->marker, "GITHUB_ACTIONS") == 0)
			github(l);
		slice branch = first_of(l, ci->branch, 3), pr = number_in(first_of(l, ci->pr, 2));
		if (strcmp(ci->marker, "JENKINS_URL") == 0 && slice_starts(branch, SLICE("origin/")))
			branch = slice_sub(branch, 7, branch.n);
		launch_header(l, "x-weir-branch", branch);
		launch_header(l, "x-weir-commit", first_of(l, ci->commit, 2));
		launch_header(l, "x-weir-workflow", first_of(l, ci->workflow, 2));
		launch_header(l, "x-weir-pr", pr);
		if (ci->trigger && launch_get(l, ci->trigger))
			launch_header(l, "x-weir-trigger", slice_of(launch_get(l, ci->trigger)));
		else if (launch_header_get(l, "x-weir-pr").n)
			launch_header(l, "x-weir-trigger", SLICE("pull_request"));
		launch_header(l, "x-weir-environment", SLICE("ci"));
		return ci->name;
	}
	return NULL;
}
