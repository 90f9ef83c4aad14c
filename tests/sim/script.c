#include "script.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"

/* One's own script, read once at the start and then only looked at. */
static struct {
	cJSON *root;
	const cJSON *turns;
} own;

/* A text that lives as long as the call: plan blocks copy it. */
struct scratch {
	char text[512];
};

static void say_and_do(struct call *c, const struct step *s)
{
	if (s->say)
		plan_add_text(c, s->say);
	if (s->deed != DEED_NONE && tool_call_add(c, s))
		c->plan.stop = STOP_TOOL;
	else if (!s->say)
		plan_add_text(c, "There is no tool for this step.");
}

static void tool_script(struct call *c, int64_t n)
{
	struct scratch cmd;

	if (c->ask.turns >= n) {
		say_and_do(c, &(struct step){.say = "Done: the command ran and said hello."});
		return;
	}
	snprintf(cmd.text, sizeof cmd.text, "echo hello from step %lld", (long long)c->ask.turns + 1);
	say_and_do(c,
	           &(struct step){.say = "I will run a command.", .deed = DEED_SHELL, .command = cmd.text});
}

static void parallel_script(struct call *c, int64_t n)
{
	if (c->ask.turns >= n) {
		say_and_do(c, &(struct step){.say = "Done: all commands ran."});
		return;
	}
	plan_add_text(c, "I will run these commands together.");
	for (int64_t i = 0; i < n && c->plan.n < SIM_MAX_BLOCKS; i++) {
		struct scratch cmd;

		snprintf(cmd.text, sizeof cmd.text, "echo together %lld", (long long)i + 1);
		if (tool_call_add(c, &(struct step){.deed = DEED_SHELL, .command = cmd.text}))
			c->plan.stop = STOP_TOOL;
	}
}

static void stuck_script(struct call *c, int64_t n)
{
	if (c->ask.turns >= n)
		say_and_do(c, &(struct step){.say = "The test still fails; I stop here."});
	else
		say_and_do(c,
		           &(struct step){.say = "Running the test again.",
		                          .deed = DEED_SHELL,
		                          .command = "echo 'FAIL: test_widget: expected 3, got 4'; exit 2"});
}

/* Look around, write, read, edit, check; then command after command with ever more output. */
static void task_script(struct call *c, int64_t n)
{
	static const struct step steps[] = {
	    {.say = "First I look at what is there.", .deed = DEED_LIST, .command = "ls -la", .path = "."},
	    {.say = "I note the plan in a file.",
	     .deed = DEED_WRITE,
	     .path = "sim-notes.txt",
	     .content = "plan for the simulated task\nstatus: open\n",
	     .command = "printf 'plan for the simulated task\\nstatus: open\\n' > sim-notes.txt"},
	    {.say = "I read it again before I change it.",
	     .deed = DEED_READ,
	     .path = "sim-notes.txt",
	     .command = "cat sim-notes.txt"},
	    {.say = "Now I mark it done.",
	     .deed = DEED_EDIT,
	     .path = "sim-notes.txt",
	     .old_text = "status: open",
	     .new_text = "status: closed",
	     .command = "sed -i 's/status: open/status: closed/' sim-notes.txt"},
	    {.say = "And I check the change.",
	     .deed = DEED_SHELL,
	     .command = "grep -n 'status: closed' sim-notes.txt && echo PASS"},
	};
	int64_t turn = c->ask.turns;
	struct scratch cmd, say;

	if (turn >= n) {
		say_and_do(c, &(struct step){
		                  .say = "The task is done: the notes are written, changed and checked."});
		return;
	}
	if (turn < (int64_t)(sizeof steps / sizeof *steps)) {
		say_and_do(c, &steps[turn]);
		return;
	}
	snprintf(say.text, sizeof say.text, "Step %lld: one more check, with more output than before.",
	         (long long)turn + 1);
	snprintf(cmd.text, sizeof cmd.text,
	         "i=0; while [ $i -lt %lld ]; do i=$((i+1)); echo \"check %lld.$i: ok, nothing to mend "
	         "here\"; done",
	         (long long)turn * 3, (long long)turn + 1);
	say_and_do(c, &(struct step){.say = say.text, .deed = DEED_SHELL, .command = cmd.text});
}

static void subagent_script(struct call *c, int64_t n)
{
	(void)n;
	if (c->ask.turns > 0)
		say_and_do(c, &(struct step){.say = "The other agent has done it."});
	else
		say_and_do(c,
		           &(struct step){.say = "I hand this to another agent.",
		                          .deed = DEED_AGENT,
		                          .prompt = "[sim:tool] Run one command and say what it printed."});
}

static const char *text_of(const cJSON *o, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static void own_script(struct call *c, int64_t n)
{
	static const char *const deeds[] = {"", "shell", "list", "read", "write", "edit", "agent", "any"};
	int64_t last = cJSON_GetArraySize(own.turns) - 1, turn = c->ask.turns < last ? c->ask.turns : last;
	const cJSON *t = cJSON_GetArrayItem(own.turns, (int)turn);
	const char *tool = text_of(t, "tool");
	struct step s = {.say = text_of(t, "say"),
	                 .command = text_of(t, "command"),
	                 .path = text_of(t, "path"),
	                 .content = text_of(t, "content"),
	                 .old_text = text_of(t, "old"),
	                 .new_text = text_of(t, "new"),
	                 .prompt = text_of(t, "prompt")};

	(void)n;
	for (size_t i = 1; tool && i < sizeof deeds / sizeof *deeds; i++)
		if (strcmp(tool, deeds[i]) == 0)
			s.deed = (enum deed)i;
	say_and_do(c, &s);
}

void script_load(const char *path)
{
	struct buf b = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		sim_die("cannot read script %s", path);
	do {
		buf_need(&b, 65536);
		n = read(fd, b.p + b.len, 65536);
		b.len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	close(fd);
	own.root = cJSON_ParseWithLength(b.p, b.len);
	own.turns = cJSON_GetObjectItemCaseSensitive(own.root, "turns");
	if (!cJSON_IsArray(own.turns) || !own.turns->child)
		sim_die("script %s: a JSON object with a list `turns` is wanted", path);
	buf_free(&b);
}

void script_release(void)
{
	cJSON_Delete(own.root);
	own.root = NULL;
	own.turns = NULL;
}

static const struct {
	const char *name;
	void (*run)(struct call *c, int64_t n);
	int64_t n;
} scripts[] = {
    {"plain", NULL, 0},          {"tool", tool_script, 1},  {"parallel", parallel_script, 2},
    {"stuck", stuck_script, 30}, {"task", task_script, 12}, {"subagent", subagent_script, 0},
    {"file", own_script, 0},
};

static bool run_named(struct call *c, struct str text)
{
	struct str count = text, name = str_cut(&count, ':');
	int64_t n = str_int(count);

	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		if (!str_eq(name, scripts[i].name))
			continue;
		if (!scripts[i].run || (scripts[i].run == own_script && !own.turns))
			return false;
		scripts[i].run(c, n > 0 ? n : scripts[i].n);
		return true;
	}
	return false;
}

/* A prompt can choose for itself: `[sim:NAME]` in what the person said last. */
static struct str named_in_prompt(const struct call *c)
{
	struct str t = c->ask.last_text, rest;
	const char *at = t.n ? memmem(t.p, t.n, "[sim:", 5) : NULL;

	if (!at)
		return (struct str){NULL, 0};
	rest = (struct str){at + 5, (size_t)(t.p + t.n - at) - 5};
	return str_cut(&rest, ']');
}

/* A structured answer: by its schema when there is one. */
static void json_answer(struct call *c)
{
	struct buf b = {0};

	if (c->ask.json_schema)
		schema_instance(c->ask.json_schema, NULL, 0, &b);
	else
		BUF_LIT(&b, "{\"answer\":\"simulated\"}");
	buf_add(&b, "", 1);
	plan_add_exact(c, b.p);
	buf_free(&b);
}

bool script_plan(struct call *c)
{
	struct ask *a = &c->ask;
	struct str prompt = named_in_prompt(c);

	if (c->d.bench)
		return false;
	if (a->wants_json) {
		json_answer(c);
		return true;
	}
	if (!a->ntools) {
		if (!str_has(a->system_text, "title"))
			return false;
		plan_add_text(c, "A simulated task");
		return true;
	}
	if (a->force_tool && !a->turns) {
		say_and_do(c, &(struct step){.deed = DEED_ANY});
		return true;
	}
	if (c->d.script_by_header && run_named(c, str_of(c->d.script)))
		return true;
	if (prompt.n && run_named(c, prompt))
		return true;
	return run_named(c, str_of(c->d.script));
}
