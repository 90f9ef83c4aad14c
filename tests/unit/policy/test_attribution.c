/* Attribution: who outranks whom; what each agent sends (shapes as recorded from the real ones, texts made
 * up); repositories. */
#include "unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "policy/attribution.h"

static struct settings *settings; /* two teams, from a file */

static void show_fault(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static int load_settings(void **state)
{
	(void)state;
	static const char yaml[] =
	    "teams:\n"
	    "  - {name: payments, cost_centre: CC-1204, members: [ana@example.com, bo@example.com]}\n"
	    "  - {name: search, cost_centre: CC-7}\n";
	char path[] = "/tmp/weir-test-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, yaml, sizeof yaml - 1) == sizeof yaml - 1);
	close(fd);
	settings = settings_load(slice_of(path), show_fault, NULL);
	unlink(path);
	return settings ? 0 : -1;
}

static int unload_settings(void **state)
{
	(void)state;
	settings_unref(settings);
	return 0;
}

/* One call and what must come out, all of it: "attr=value" lines in the ledger's order. */
struct call {
	const char *name;
	const char *fixed;                               /* "attr=value\n…" */
	const char *headers;                             /* "name: value\n…" */
	const char *system, *messages, *metadata, *hint; /* of the body; all NULL: no body */
	const char *want;
};

#define CLAUDE_UA "user-agent: claude-cli/2.1.330 (external, sdk-cli)\n"
#define CODEX_UA                                                                                             \
	"user-agent: codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)\noriginator: "   \
	"codex_exec\n"
#define TURN(thread, source)                                                                                 \
	"{\"installation_id\":\"i\",\"session_id\":\"s-1\",\"thread_id\":\"" thread                          \
	"\",\"thread_source\":\"" source "\",\"workspaces\":{\"/home/ana/"                                   \
	"widgets\":{\"associated_remote_urls\":{\"fork\":\"git@git.acme.test:ana/widgets.git\","             \
	"\"origin\":\"git@git.acme.test:acme/"                                                               \
	"widgets.git\"},\"latest_git_commit_hash\":\"afd278a\",\"has_changes\":false}},"                     \
	"\"model\":\"m\"}"

static const struct call calls[] = {
    {.name = "nothing known", .headers = "", .want = ""},
    {.name = "all headers",
     .headers =
         "x-weir-team: t\nx-weir-repo: https://u:p@Git.Acme.Test:8443/acme/widgets.git\nx-weir-branch: b\n"
         "X-Weir-Commit: c0ffee\nx-weir-workflow: w\nx-weir-environment: production\nx-weir-session: "
         "s\nx-weir-task: T-1\n"
         "x-weir-cohort: pilot\nx-weir-tags: a=1, b=2\nx-weir-trigger: push\nx-weir-pr: 17\nx-weir-user: "
         "eve\nx-weir-agent: eve",
     .want = "team=t\nrepo=git.acme.test/acme/"
             "widgets\nbranch=b\ncommit=c0ffee\nworkflow=w\nenvironment=production\n"
             "trigger=push\npr=17\ntask=T-1\ncohort=pilot\ntags={\"a\":\"1\",\"b\":\"2\"}\nsession=s\n"},
    {.name = "what the key fixes stays",
     .fixed = "user=ana\nteam=a\ncost_centre=c\nrepo=r\nbranch=b\nenvironment=ci\nsession=s\nagent=x\ntags={"
              "\"k\":\"v\"}\ntrigger=t",
     .headers =
         CLAUDE_UA "x-weir-team: eve\nx-weir-repo: eve\nx-weir-branch: eve\nx-weir-environment: production\n"
                   "x-weir-session: eve\nx-weir-tags: e=1\nx-weir-trigger: eve\nx-weir-pr: "
                   "5\nx-claude-code-session-id: eve",
     .want = "user=ana\nteam=a\ncost_centre=c\nrepo=r\nbranch=b\nenvironment=ci\ntrigger=t\npr=5\ntags={"
             "\"k\":\"v\"}\nagent=x\n"
             "agent_version=2.1.330\nsession=s\n"},
    {.name = "ci is not a claim",
     .headers = "x-weir-environment: CI\nx-weir-trigger: push",
     .want = "trigger=push\n"},
    {.name = "ci with blanks", .headers = "x-weir-environment: \tci ", .want = ""},
    {.name = "ci with control characters", .headers = "x-weir-environment: c\x01i", .want = ""},
    {.name = "the user's team and its cost centre",
     .fixed = "user=bo@example.com",
     .headers = "",
     .want = "user=bo@example.com\nteam=payments\ncost_centre=CC-1204\n"},
    {.name = "a header outranks the settings",
     .fixed = "user=bo@example.com",
     .headers = "x-weir-team: search",
     .want = "user=bo@example.com\nteam=search\ncost_centre=CC-7\n"},
    {.name = "an unknown team", .headers = "x-weir-team: other", .want = "team=other\n"},
    {.name = "odd texts",
     .headers = "x-weir-task:  a\x1B[31mb \nx-weir-branch: \x80\nx-weir-repo: file:///etc/x@y\nx-weir-tags: "
                "nonsense",
     .want = "branch=\xEF\xBF\xBD\ntask=a[31mb\n"},
    {.name = "never what may be a secret", .headers = "x-weir-repo: secret@host/x", .want = ""},
    {.name = "plain repository names", .headers = "x-weir-repo: my-repo", .want = "repo=my-repo\n"},
    {.name = "the header outranks the agent",
     .headers = CLAUDE_UA "x-claude-code-session-id: s-1\nx-weir-session: s-2",
     .want = "agent=claude-code\nagent_version=2.1.330\nsession=s-2\n"},

    {.name = "Claude Code, main",
     .headers = CLAUDE_UA "x-claude-code-session-id: s-1\nx-app: cli",
     .system = "[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cc_version=2.1.330.c4f;\"}]",
     .messages = "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"<system-reminder>\\n# "
                 "gitStatus\\nCurrent branch: "
                 "feature/T-1\\n\\nMain branch: "
                 "main\\n</system-reminder>\"},{\"type\":\"text\",\"text\":\"Current branch: typed\"}]},"
                 "{\"content\":[{\"type\":\"text\",\"text\":\"# Environment\\n - Primary working directory: "
                 "/home/ana/wid gets\\n - Is a git "
                 "repository: true\"}],\"role\":\"system\"}]",
     .hint = "from-the-body",
     .want = "branch=feature/T-1\ntags={\"cwd\":\"/home/ana/wid "
             "gets\"}\nagent=claude-code\nagent_version=2.1.330\nsession=s-1\n"},
    {.name = "Claude Code, a subagent",
     .headers = CLAUDE_UA "x-claude-code-session-id: s-1\nx-claude-code-agent-id: a4d5e1",
     .want = "agent=claude-code\nagent_version=2.1.330\nsession=s-1\nsubagent=a4d5e1\n"},
    {.name = "Claude Code without the header",
     .headers = "user-agent: claude-code/2.1.330",
     .hint = "s-9",
     .want = "agent=claude-code\nagent_version=2.1.330\nsession=s-9\n"},
    {.name = "Claude Code, older: all in the system prompt; a Windows path",
     .headers = CLAUDE_UA,
     .system = "\"<env>\\nWorking directory: C:\\\\src\\\\w\\nIs directory a git repo: "
               "Yes\\n</env>\\ngitStatus: x\\nCurrent branch: "
               "HEAD\\n\"",
     .want = "tags={\"cwd\":\"C:\\\\src\\\\w\"}\nagent=claude-code\nagent_version=2.1.330\n"},
    {.name = "what a user typed is not read",
     .headers = CLAUDE_UA,
     .messages =
         "[{\"role\":\"user\",\"content\":\"Primary working directory: /typed\\nCurrent branch: typed\"},"
         "{\"role\":\"assistant\",\"content\":\"Current branch: said\"},5,\"x\",[]]",
     .want = "agent=claude-code\nagent_version=2.1.330\n"},
    {.name = "what stands late is not read",
     .headers = CLAUDE_UA,
     .messages = "[{},{},{},{},{\"role\":\"system\",\"content\":\"Current branch: late\"}]",
     .want = "agent=claude-code\nagent_version=2.1.330\n"},
    {.name = "tags and the working directory together",
     .headers = CLAUDE_UA "x-weir-tags: a=1",
     .system = "\"Primary working directory: /w\"",
     .want = "tags={\"a\":\"1\",\"cwd\":\"/w\"}\nagent=claude-code\nagent_version=2.1.330\n"},

    {.name = "Codex",
     .headers = CODEX_UA "session-id: s-1\nthread-id: s-1\nx-codex-turn-metadata: " TURN("s-1", "user"),
     .messages = "[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"<"
                 "environment_context>\\n  "
                 "<cwd>/elsewhere</cwd>\\n</environment_context>\"}]}]",
     .want = "repo=git.acme.test/acme/widgets\ncommit=afd278a\ntags={\"cwd\":\"/home/ana/"
             "widgets\"}\nagent=codex\n"
             "agent_version=0.169.0\nsession=s-1\n"},
    {.name = "Codex, a subagent",
     .headers = CODEX_UA
     "session-id: s-1\nthread-id: t-2\nx-openai-subagent: collab_spawn\nx-codex-parent-thread-id: s-1",
     .want = "agent=codex\nagent_version=0.169.0\nsession=s-1\nsubagent=t-2\n"},
    {.name = "Codex, all in the body",
     .headers = CODEX_UA,
     .messages = "[]",
     .metadata = "{\"thread_id\":\"t-2\",\"x-codex-turn-metadata\":\"{\\\"session_id\\\":\\\"s-1\\\","
                 "\\\"thread_id\\\":\\\"t-2\\\","
                 "\\\"thread_source\\\":\\\"subagent\\\",\\\"workspaces\\\":{\\\"/"
                 "w\\\":{\\\"associated_remote_urls\\\":{\\\"up\\\":"
                 "\\\"https://git.acme.test/a/b\\\"}}}}\"}",
     .hint = "cache-key",
     .want = "repo=git.acme.test/a/b\ntags={\"cwd\":\"/"
             "w\"}\nagent=codex\nagent_version=0.169.0\nsession=s-1\nsubagent=t-2\n"},
    {.name = "Codex without a repository",
     .headers = CODEX_UA
     "session_id: s-1\nx-openai-subagent: review\nx-codex-turn-metadata: {\"workspaces\":{\"/w\":{}}}",
     .messages = "[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"<environment_context><"
                 "cwd>/w2</cwd>\"}]}]",
     .want = "tags={\"cwd\":\"/w\"}\nagent=codex\nagent_version=0.169.0\nsession=s-1\nsubagent=review\n"},
    {.name = "Codex, metadata that is damaged or of another shape",
     .headers = "originator: codex_vscode\nx-codex-turn-metadata: "
                "{\"session_id\":5,\"workspaces\":[1,{}],\"thread_id\":{",
     .metadata = "[]",
     .hint = "cache-key",
     .want = "agent=codex\nsession=cache-key\n"},
    {.name = "Codex, only its <cwd>",
     .headers = CODEX_UA,
     .messages = "[{\"role\":\"user\",\"content\":[{\"text\":\"<environment_context>\\n  <cwd>/w</cwd>\"}]}]",
     .want = "tags={\"cwd\":\"/w\"}\nagent=codex\nagent_version=0.169.0\n"},
    {.name = "another's turn metadata is not read",
     .headers = "user-agent: x/1\nx-codex-turn-metadata: " TURN("s-1", "user"),
     .want = "agent=x\nagent_version=1\n"},

    {.name = "Gemini CLI",
     .headers = "User-Agent: GeminiCLI-tui/0.61.0/gemini-3.1-pro (linux; x64; terminal)\nx-goog-api-client: "
                "google-genai-sdk/1.30.0",
     .system = "{\"parts\":[{\"text\":\"You are Gemini CLI\"}]}",
     .messages = "[{\"parts\":[{\"text\":\"<session_context>\\n- **Workspace Directories:**\\n  - "
                 "/home/ana/w\\n- **Directory "
                 "Structure:**\\n</session_context>\"}],\"role\":\"user\"}]",
     .want = "tags={\"cwd\":\"/home/ana/w\"}\nagent=gemini-cli\nagent_version=0.61.0\n"},
    {.name = "opencode",
     .headers = "user-agent: opencode/1.18.33 ai-sdk/provider-utils/4.0.46 "
                "runtime/bun/1.3.14\nx-session-affinity: ses_1\n"
                "x-session-id: ses_1",
     .system = "[{\"type\":\"text\",\"text\":\"You are\\n<env>\\n  Working directory: /home/ana/w\\n  "
               "Platform: linux\"}]",
     .want = "tags={\"cwd\":\"/home/ana/w\"}\nagent=opencode\nagent_version=1.18.33\nsession=ses_1\n"},
    {.name = "opencode, a subagent",
     .headers = "user-agent: opencode/1.18.33\nx-parent-session-id: ses_1\nx-session-id: "
                "ses_2\nx-session-affinity: ses_2",
     .want = "agent=opencode\nagent_version=1.18.33\nsession=ses_1\nsubagent=ses_2\n"},
    {.name = "Qwen Code",
     .headers = "user-agent: QwenCode/0.24.4 (linux; x64)",
     .messages = "[{\"role\":\"system\",\"content\":\"You are Qwen Code\\ngit: Current branch: b\\ngit: "
                 "Status:\"},{\"role\":\"user\","
                 "\"content\":[{\"type\":\"text\",\"text\":\"<system-reminder>\\nI'm currently working in "
                 "the directory: /w\\nHere\"}]}]",
     .want = "branch=b\ntags={\"cwd\":\"/w\"}\nagent=qwen-code\nagent_version=0.24.4\n"},

    {.name = "SDKs",
     .headers = "user-agent: OpenAI/Python 1.99.7",
     .want = "agent=sdk:openai\nagent_version=1.99.7\n"},
    {.name = "SDKs, async",
     .headers = "user-agent: AsyncOpenAI/JS 6.16.0",
     .want = "agent=sdk:openai\nagent_version=6.16.0\n"},
    {.name = "SDKs, Anthropic",
     .headers = "user-agent: Anthropic/JS 0.71.2",
     .want = "agent=sdk:anthropic\nagent_version=0.71.2\n"},
    {.name = "SDKs, Bedrock",
     .headers = "user-agent: AsyncAnthropicBedrock/Python 1",
     .want = "agent=sdk:anthropic\nagent_version=1\n"},
    {.name = "SDKs, Google",
     .headers = "user-agent: google-genai-sdk/1.57.0 gl-python/3.10.16",
     .want = "agent=sdk:google-genai\nagent_version=1.57.0\n"},
    {.name = "an SDK's system prompt is its user's",
     .headers = "user-agent: OpenAI/JS 6",
     .system = "\"Current branch: x\"",
     .hint = "h",
     .want = "agent=sdk:openai\nagent_version=6\nsession=h\n"},
    {.name = "other programs",
     .headers = "user-agent: Faraday v2.14.3",
     .want = "agent=Faraday\nagent_version=2.14.3\n"},
    {.name = "no version", .headers = "user-agent: some thing", .want = "agent=some\n"},
    {.name = "browsers are no agents", .headers = "user-agent: Mozilla/5.0 (X11; Linux)", .want = ""},
    {.name = "empty", .headers = "user-agent:  ", .want = ""},
    {.name = "no name", .headers = "user-agent: /1.0", .want = ""},
};

static size_t read_headers(const char *text, struct header *at, size_t max)
{
	size_t n = 0;
	slice rest = slice_of(text), line, name;
	while (rest.n && slice_split(&rest, '\n', &line)) {
		assert_true(n < max);
		slice_split(&line, ':', &name);
		at[n++] = (struct header){name, slice_trim(line)};
	}
	return n;
}

static void run_call(const struct call *c)
{
	struct header at[24];
	struct headers h = {at, read_headers(c->headers, at, COUNT(at))};
	struct principal p = {.anonymous = c->fixed == NULL};
	slice rest = slice_of(c->fixed), line, name;
	while (rest.n && slice_split(&rest, '\n', &line)) {
		slice_split(&line, '=', &name);
		enum attr a = attr_from_name(name);
		assert_true(a < ATTR_N);
		p.fixed.v[a] = line;
	}
	struct request_view v = {.system = slice_of(c->system),
	                         .messages = slice_of(c->messages),
	                         .client_metadata = slice_of(c->metadata),
	                         .session_hint = slice_of(c->hint)};
	bool body = c->system || c->messages || c->metadata || c->hint;
	struct attribution_in in = {settings, &p, &h, body ? &v : NULL};
	struct attribution out;
	struct arena mem;
	char got[4096];
	size_t n = 0;
	arena_init(&mem, 1 << 20);
	attribution_read(&in, &mem, &out);
	got[0] = '\0';
	for (int a = 0; a < ATTR_N; a++)
		if (out.v[a].n)
			n += (size_t)snprintf(got + n, sizeof got - n, "%s=" SLICE_FMT "\n",
			                      attr_name((enum attr)a), SLICE_ARG(out.v[a]));
	if (strcmp(got, c->want) != 0)
		fail_msg("%s:\n%s\nwant:\n%s", c->name, got, c->want);
	arena_release(&mem);
}

static void calls_are_attributed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(calls); i++)
		run_call(&calls[i]);
}

/* Damaged bodies, memory that runs out: less is known, nothing breaks. */
static void damage_costs_knowledge_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(calls); i++) {
		struct header at[24];
		struct headers h = {at, read_headers(calls[i].headers, at, COUNT(at))};
		const char *const texts[] = {calls[i].system, calls[i].messages, calls[i].metadata};
		for (size_t k = 0; k < COUNT(texts); k++) {
			size_t whole = texts[k] ? strlen(texts[k]) : 0;
			for (size_t n = 0; n < whole; n++) {
				struct request_view v = {0};
				slice *to[] = {&v.system, &v.messages, &v.client_metadata};
				struct attribution_in in = {NULL, NULL, &h, &v};
				struct attribution out;
				struct arena mem;
				*to[k] = slice_make(texts[k], n);
				arena_init(&mem, n * 7 % 300);
				attribution_read(&in, &mem, &out);
				for (int a = 0; a < ATTR_N; a++)
					assert_true(out.v[a].n <= ATTR_TEXT_MAX);
				arena_release(&mem);
			}
		}
	}
}

static void repositories(void **state)
{
	(void)state;
	static const struct {
		const char *url, *repo;
	} cases[] = {
	    {"git@github.com:o/n.git", "github.com/o/n"},
	    {"github.com:o/n", "github.com/o/n"},
	    {"https://github.com/o/n.git", "github.com/o/n"},
	    {"https://github.com/o/n/", "github.com/o/n"},
	    {"https://GitHub.COM/Owner/Name.git", "github.com/Owner/Name"},
	    {"https://user:secret@host.test/o/n.git", "host.test/o/n"},
	    {"https://user:se@cr:et@host.test:8443/o/n", "host.test/o/n"},
	    {"https://ghp_token@github.com/o/n", "github.com/o/n"},
	    {"oauth2:secret@host.test:o/n.git", "host.test/o/n"},
	    {"oauth2:secret@host.test/o/n.git", ""},
	    {"ssh://git@host.test:2222/group/sub/n.git", "host.test/group/sub/n"},
	    {"SSH://git@localhost/n", "localhost/n"},
	    {"git://host.test/n.git", "host.test/n"},
	    {"git+ssh://git@host.test/o/n", "host.test/o/n"},
	    {"git@host.test:/srv/git/n.git", "host.test/srv/git/n"},
	    {"git@ssh.dev.azure.com:v3/org/project/n", "ssh.dev.azure.com/v3/org/project/n"},
	    {"https://host.test//o/./n?x=1#y", "host.test/o/n"},
	    {"  git@github.com:o/n.git\n", "github.com/o/n"},
	    {"github.com/o/n", "github.com/o/n"},
	    {"host.test/n.git", "host.test/n"},
	    {"", ""},
	    {"/srv/git/n.git", ""},
	    {"../n.git", ""},
	    {"./n", ""},
	    {"n", ""},
	    {"o/n", ""},
	    {"file:///srv/n.git", ""},
	    {"C:\\src\\n", ""},
	    {"C:/src/n", ""},
	    {"https://", ""},
	    {"https://host.test", ""},
	    {"https://host.test/", ""},
	    {"https://user:pw@/o/n", ""},
	    {"https://ho st/o/n", ""},
	    {"https://host.test/../etc", ""},
	    {"javascript://host.test/o", ""},
	    {"git@:o/n", ""},
	    {"://host.test/o", ""},
	};
	struct arena mem;
	arena_init(&mem, 1 << 20);
	for (size_t i = 0; i < COUNT(cases); i++) {
		slice got = attribution_repo(slice_of(cases[i].url), &mem);
		if (!slice_eq(got, slice_of(cases[i].repo)))
			fail_msg("%s: " SLICE_FMT, cases[i].url, SLICE_ARG(got));
	}
	char longer[2000];
	memset(longer, 'x', sizeof longer);
	memcpy(longer, "https://h.test/", 15);
	for (size_t n = 15; n < sizeof longer; n++)
		assert_true(attribution_repo(slice_make(longer, n), &mem).n <= ATTR_TEXT_MAX);
	arena_release(&mem);
}

/* What a header says of CI is told apart from what the key fixes. */
static void claimed(void **state)
{
	struct principal key = {0};
	struct attribution who = {0};
	(void)state;
	assert_int_equal(attribution_claimed(&key, &who).n, 0);
	who.v[ATTR_PR] = SLICE("7");
	assert_true(slice_eq(attribution_claimed(&key, &who), SLICE("pr")));
	who.v[ATTR_TRIGGER] = SLICE("push");
	assert_true(slice_eq(attribution_claimed(&key, &who), SLICE("trigger,pr")));
	key.fixed.v[ATTR_PR] = SLICE("7");
	assert_true(slice_eq(attribution_claimed(&key, &who), SLICE("trigger")));
	key.fixed.v[ATTR_TRIGGER] = SLICE("push");
	assert_int_equal(attribution_claimed(&key, &who).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(calls_are_attributed),
	    cmocka_unit_test(damage_costs_knowledge_only),
	    cmocka_unit_test(repositories),
	    cmocka_unit_test(claimed),
	};
	return cmocka_run_group_tests_name("policy/attribution", tests, load_settings, unload_settings);
}
