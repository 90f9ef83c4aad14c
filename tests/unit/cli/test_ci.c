/* The variables of each CI system, as its documentation gives them. */
#include <stdlib.h>

#include "cli/ci.h"
#include "unit/unit.h"

static const struct {
	const char *env[12], *system, *headers[8];
} CASES[] = {
    {{"GITHUB_ACTIONS=true", "GITHUB_SERVER_URL=https://github.com", "GITHUB_REPOSITORY=acme/shop",
      "GITHUB_HEAD_REF=fix-it", "GITHUB_REF_NAME=17/merge", "GITHUB_REF=refs/pull/17/merge", "GITHUB_SHA=abc",
      "GITHUB_WORKFLOW=CI", "GITHUB_EVENT_NAME=pull_request"},
     "GitHub Actions",
     {"x-weir-repo=github.com/acme/shop", "x-weir-pr=17", "x-weir-branch=fix-it", "x-weir-commit=abc",
      "x-weir-workflow=CI", "x-weir-trigger=pull_request", "x-weir-environment=ci"}},
    {{"GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=acme/shop", "GITHUB_HEAD_REF=", "GITHUB_REF_NAME=main",
      "GITHUB_REF=refs/heads/main", "GITHUB_EVENT_NAME=push"},
     "GitHub Actions",
     {"x-weir-repo=github.com/acme/shop", "x-weir-branch=main", "x-weir-trigger=push",
      "x-weir-environment=ci"}},
    {{"GITLAB_CI=true", "CI_PROJECT_URL=https://gitlab.example.com/grp/sub/shop",
      "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME=fix", "CI_COMMIT_REF_NAME=x", "CI_COMMIT_SHA=abc",
      "CI_JOB_NAME=review", "CI_PIPELINE_SOURCE=merge_request_event", "CI_MERGE_REQUEST_IID=4"},
     "GitLab CI",
     {"x-weir-repo=gitlab.example.com/grp/sub/shop", "x-weir-branch=fix", "x-weir-commit=abc",
      "x-weir-workflow=review", "x-weir-pr=4", "x-weir-trigger=merge_request_event",
      "x-weir-environment=ci"}},
    {{"BUILDKITE=true", "BUILDKITE_REPO=git@github.com:acme/shop.git", "BUILDKITE_BRANCH=main",
      "BUILDKITE_COMMIT=abc", "BUILDKITE_PIPELINE_SLUG=shop", "BUILDKITE_SOURCE=webhook",
      "BUILDKITE_PULL_REQUEST=false"},
     "Buildkite",
     {"x-weir-repo=github.com/acme/shop", "x-weir-branch=main", "x-weir-commit=abc", "x-weir-workflow=shop",
      "x-weir-trigger=webhook", "x-weir-environment=ci"}},
    {{"CIRCLECI=true", "CIRCLE_REPOSITORY_URL=git@github.com:acme/shop.git", "CIRCLE_BRANCH=b",
      "CIRCLE_SHA1=abc", "CIRCLE_JOB=test", "CIRCLE_PULL_REQUEST=https://github.com/acme/shop/pull/9"},
     "CircleCI",
     {"x-weir-repo=github.com/acme/shop", "x-weir-branch=b", "x-weir-commit=abc", "x-weir-workflow=test",
      "x-weir-pr=9", "x-weir-trigger=pull_request", "x-weir-environment=ci"}},
    {{"JENKINS_URL=https://ci/", "GIT_URL=https://u:p@git.example.com/o/n.git", "GIT_BRANCH=origin/main",
      "GIT_COMMIT=abc", "JOB_NAME=folder/job"},
     "Jenkins",
     {"x-weir-repo=git.example.com/o/n", "x-weir-branch=main", "x-weir-commit=abc",
      "x-weir-workflow=folder/job", "x-weir-environment=ci"}},
    {{"CI=true", "GITHUB_SHA=abc"}, NULL, {NULL}},
};

static void systems(void **state)
{
	(void)state;
	struct launch *l = malloc(sizeof *l);
	for (size_t i = 0; i < COUNT(CASES); i++) {
		size_t n = 0;
		assert_int_equal(launch_init(l, 0, NULL, (char **)CASES[i].env), 0);
		const char *system = ci_headers(l);
		if (CASES[i].system)
			assert_string_equal(system, CASES[i].system);
		else
			assert_null(system);
		for (; CASES[i].headers[n]; n++) {
			char got[300];
			assert_true(n < l->headers_n);
			snprintf(got, sizeof got, "%s=" SLICE_FMT, l->headers[n].name,
			         SLICE_ARG(l->headers[n].value));
			assert_string_equal(got, CASES[i].headers[n]);
		}
		assert_int_equal(l->headers_n, n);
		assert_false(l->failed);
		launch_release(l);
	}
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(systems)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
