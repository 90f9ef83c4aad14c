/* Sessions out of requests as clients send them: each case is a conversation, told by what a request is taken
 * for. */
#include "policy/session.h"

#include "codec/registry.h"
#include "model/usage.h"
#include "unit/unit.h"

#include <stdlib.h>

#define START INT64_C(1700000000000)

struct world {
	struct session_table *table;
	struct arena mem;
	int64_t now_ms;
	int calls;
	const char *scope, *agent, *directory;
	int64_t tool_calls; /* of the next answer */
	bool failed;        /* the next answer is none */
};

static void begin(struct world *w)
{
	*w = (struct world){.now_ms = START, .agent = "claude-code", .directory = "/src/a", .scope = "key1"};
	w->table = session_table_new(1000, 7);
	assert_non_null(w->table);
	arena_init(&w->mem, (size_t)64 << 20);
}

static void end(struct world *w)
{
	session_table_free(w->table);
	arena_release(&w->mem);
}

/* A Messages request of these messages, and how it was taken. */
static struct session_turn ask(struct world *w, const char *session, const char *subagent, const char *tools,
                               const char *messages)
{
	char id[27];
	struct error e;
	struct session_turn turn;
	struct request_view view;
	struct target target = {.api = API_ANTHROPIC_MESSAGES, .dialect = DIALECT_ANTHROPIC};
	const struct codec_ops *codec = registry_codec(target.api);
	slice body = arena_printf(&w->mem, "{\"model\":\"m\",\"max_tokens\":1,%s%s%s\"messages\":[%s]}",
	                          tools ? "\"tools\":" : "", tools ? tools : "", tools ? "," : "", messages);
	if (codec->request(&target, body, &w->mem, &view, &e))
		fail_msg("%s", e.text);
	snprintf(id, sizeof id, "01CALL%020d", ++w->calls);
	struct session_in in = {.view = &view,
	                        .items = codec->items,
	                        .scope = slice_of(w->scope),
	                        .session = slice_of(session),
	                        .subagent = slice_of(subagent),
	                        .agent = slice_of(w->agent),
	                        .directory = slice_of(w->directory),
	                        .call = id,
	                        .now_ms = w->now_ms};
	assert_int_equal(session_open(w->table, &in, &w->mem, &turn), 0);
	struct session_end done = {.answered = !w->failed,
	                           .tool_calls = w->tool_calls,
	                           .now_ms = w->now_ms + 500,
	                           .duration_ms = 500};
	session_close(w->table, &turn, &done);
	w->now_ms += 1000;
	return turn;
}

#define TOOLS      "[{\"name\":\"Bash\",\"input_schema\":{}},{\"name\":\"Task\",\"input_schema\":{}}]"
#define FEWER      "[{\"name\":\"Bash\",\"input_schema\":{}}]"
#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define CALL(id, name, args)                                                                                 \
	",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"I do "                          \
	"it.\"},{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":" args "}]}"
#define RESULT(id, text, more)                                                                               \
	",{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"" id                   \
	"\",\"content\":\"" text "\"" more "}]}"
#define ONE USER("Mend the failing test, please")
#define TWO                                                                                                  \
	ONE CALL("t1", "Bash", "{\"command\":\"make test\"}") RESULT("t1", "2 failed", ",\"is_error\":true")
#define THREE TWO CALL("t2", "Bash", "{\"command\":\"make\"}") RESULT("t2", "fine", "")
#define FOUR  THREE CALL("t3", "Bash", "{\"command\":\"ls\"}") RESULT("t3", "a b", "")

static void assert_turn(struct session_turn t, enum session_how how, int64_t turn, int64_t attempt)
{
	assert_string_equal(session_how_name(t.how), session_how_name(how));
	assert_int_equal(t.turn, turn);
	assert_int_equal(t.attempt, attempt);
}

static void a_conversation_goes_on(void **state)
{
	static const char *const ids[] = {"the-clients-id", NULL};
	struct world w;
	for (int i = 0; i < 2; i++) {
		begin(&w);
		struct session_turn t1 = ask(&w, ids[i], NULL, TOOLS, ONE),
		                    t2 = ask(&w, ids[i], NULL, TOOLS, TWO);
		struct session_turn t3 = ask(&w, ids[i], NULL, TOOLS, THREE),
		                    t4 = ask(&w, ids[i], NULL, TOOLS, FOUR);
		assert_turn(t1, SESSION_NEW, 1, 1);
		assert_turn(t2, SESSION_CONTINUED, 2, 1);
		assert_turn(t3, SESSION_CONTINUED, 3, 1);
		assert_turn(t4, SESSION_CONTINUED, 4, 1);
		assert_true(slice_eq(t1.session, t4.session));
		assert_true(
		    slice_eq(t1.session, ids[i] ? slice_of(ids[i]) : SLICE("ws_01CALL00000000000000000001")));
		end(&w);
	}
	(void)state;
}

/* Clients move their cache marks, turn texts into blocks, drop old thinking and put reminders in. */
static void the_form_of_messages_does_not_matter(void **state)
{
	struct world w;
	begin(&w);
	ask(&w, NULL, NULL, TOOLS, ONE);
	struct session_turn t = ask(
	    &w, NULL, NULL, TOOLS,
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"<system-reminder>a</"
	    "system-reminder>\"},{\"type\":"
	    "\"text\",\"text\":\"Mend the failing test, "
	    "please\",\"cache_control\":{\"type\":\"ephemeral\"}}]}"
	    ",{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":"
	    "\"x\"},"
	    "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\",\"input\":{}}]}" RESULT("t1", "x", ""));
	assert_turn(t, SESSION_CONTINUED, 2, 1);
	end(&w);
	(void)state;
}

static void the_same_request_again_is_a_retry(void **state)
{
	struct world w;
	begin(&w);
	ask(&w, NULL, NULL, TOOLS, ONE);
	ask(&w, NULL, NULL, TOOLS, TWO);
	struct session_turn t = ask(&w, NULL, NULL, TOOLS, TWO);
	assert_turn(t, SESSION_RETRY, 2, 2);
	assert_true(slice_eq(t.retry_of, SLICE("01CALL00000000000000000002")));
	assert_int_equal(t.runs_old, t.runs_n);
	assert_turn(ask(&w, NULL, NULL, TOOLS, THREE), SESSION_CONTINUED, 3, 1);
	end(&w);
	(void)state;
}

/* The same first prompt, once answered, is a new piece of work: a loop of fresh sessions must be seen as
 * that. */
static void the_same_opening_again_is_a_new_session(void **state)
{
	struct world w;
	begin(&w);
	struct session_turn a = ask(&w, NULL, NULL, TOOLS, ONE), b = ask(&w, NULL, NULL, TOOLS, ONE);
	assert_turn(b, SESSION_NEW, 1, 1);
	assert_false(slice_eq(a.session, b.session));
	w.failed = true;
	struct session_turn c = ask(&w, NULL, NULL, TOOLS, ONE);
	struct session_turn d = ask(&w, NULL, NULL, TOOLS, ONE);
	assert_turn(d, SESSION_RETRY, 1, 2);
	assert_true(slice_eq(c.session, d.session));
	end(&w);
	(void)state;
}

static void another_key_or_folder_is_another_session(void **state)
{
	struct world w;
	begin(&w);
	struct session_turn a = ask(&w, NULL, NULL, TOOLS, ONE);
	w.scope = "key2";
	struct session_turn b = ask(&w, NULL, NULL, TOOLS, TWO);
	assert_turn(b, SESSION_NEW, 1, 1);
	assert_false(slice_eq(a.session, b.session));
	w.scope = "key1";
	w.directory = "/src/b";
	assert_turn(ask(&w, NULL, NULL, TOOLS, TWO), SESSION_NEW, 1, 1);
	w.directory = "/src/a";
	assert_turn(ask(&w, NULL, NULL, TOOLS, ONE CALL("t9", "Bash", "{}") RESULT("t9", "x", "")),
	            SESSION_CONTINUED, 2, 1);
	/* The model's own words prove it wherever the agent is by now. */
	w.directory = "/src/c";
	assert_turn(ask(&w, NULL, NULL, TOOLS, THREE), SESSION_CONTINUED, 2, 1);
	end(&w);
	(void)state;
}

static void a_summary_continues_without_ids(void **state)
{
	struct world w;
	begin(&w);
	struct session_turn a = ask(&w, NULL, NULL, TOOLS, ONE);
	ask(&w, NULL, NULL, TOOLS, TWO);
	struct session_turn t =
	    ask(&w, NULL, NULL, TOOLS,
	        USER("This session is being continued from a previous conversation that ran out."));
	assert_turn(t, SESSION_COMPACTED, 3, 1);
	assert_true(slice_eq(t.session, a.session));
	end(&w);
	(void)state;
}

static void a_shorter_past_is_a_compaction_and_an_earlier_one_a_rewind(void **state)
{
	struct world w;
	begin(&w);
	ask(&w, "id", NULL, TOOLS, ONE);
	ask(&w, "id", NULL, TOOLS, TWO);
	ask(&w, "id", NULL, TOOLS, THREE);
	ask(&w, "id", NULL, TOOLS, FOUR);
	struct session_turn t = ask(&w, "id", NULL, TOOLS, TWO "," USER("no, otherwise"));
	assert_turn(t, SESSION_REWOUND, 5, 1);
	t = ask(&w, "id", NULL, TOOLS, USER("This is what happened so far: a summary"));
	assert_turn(t, SESSION_COMPACTED, 6, 1);
	end(&w);
	(void)state;
}

static void subagents_are_threads_of_their_session(void **state)
{
	struct world w;
	begin(&w);
	struct session_turn main_ = ask(&w, "id", NULL, TOOLS, ONE);
	struct session_turn sub = ask(&w, "id", "agent-7", FEWER, USER("Look for it"));
	assert_turn(sub, SESSION_SUBAGENT, 1, 1);
	assert_true(slice_eq(sub.session, main_.session));
	assert_true(slice_eq(sub.subagent, SLICE("agent-7")));
	assert_turn(ask(&w, "id", NULL, TOOLS, TWO), SESSION_CONTINUED, 2, 1);
	end(&w);
	(void)state;
}

/* Without ids: the prompt is what the thread handed to a tool; or the thread waits, and its agent has fewer
 * tools. */
static void subagents_without_ids(void **state)
{
	struct world w;
	begin(&w);
	struct session_turn a = ask(&w, NULL, NULL, TOOLS, ONE);
	ask(&w, NULL, NULL, TOOLS,
	    ONE CALL("t1", "Task", "{\"d\":\"x\",\"prompt\":\"Find \\u0061ll callers of f\"}")
	        RESULT("t1", "started", ""));
	struct session_turn t = ask(&w, NULL, NULL, TOOLS, USER("Find all callers of f"));
	assert_turn(t, SESSION_SUBAGENT, 1, 1);
	assert_true(slice_eq(t.session, a.session));
	assert_true(slice_eq(t.subagent, SLICE("s1")));
	end(&w);

	begin(&w);
	w.tool_calls = 1;
	a = ask(&w, NULL, NULL, TOOLS, ONE);
	w.tool_calls = 0;
	t = ask(&w, NULL, NULL, FEWER, USER("Something else that nobody saw"));
	assert_turn(t, SESSION_SUBAGENT, 1, 1);
	assert_true(slice_eq(t.session, a.session));
	end(&w);
	(void)state;
}

static void a_title_is_beside_its_conversation(void **state)
{
	struct world w;
	begin(&w);
	struct session_turn a =
	    ask(&w, NULL, NULL, NULL, USER("Make a title") "," USER("Mend the failing test, please"));
	struct session_turn b = ask(&w, NULL, NULL, TOOLS, ONE);
	assert_turn(b, SESSION_BESIDE, 1, 1);
	assert_true(slice_eq(a.session, b.session));
	assert_turn(ask(&w, NULL, NULL, TOOLS, TWO), SESSION_CONTINUED, 2, 1);
	end(&w);
	(void)state;
}

/* An agent started from another's shell, in its folder or below, while that one waits for its tool. */
static void a_shells_agent_has_a_parent(void **state)
{
	struct world w;
	begin(&w);
	w.tool_calls = 1;
	struct session_turn a = ask(&w, "parent", NULL, TOOLS, ONE);
	w.agent = "codex";
	w.directory = "/src/a/sub";
	struct session_turn b = ask(&w, "child", NULL, TOOLS, USER("another prompt of its own"));
	assert_turn(b, SESSION_NEW, 1, 1);
	assert_true(slice_eq(b.parent, a.session));
	w.directory = "/elsewhere";
	assert_int_equal(ask(&w, "stranger", NULL, TOOLS, USER("what else")).parent.n, 0);
	end(&w);
	(void)state;
}

/* --- states ----------------------------------------------------------------------------------------------
 */

static void states_change_by_the_table(void **state)
{
	struct world w;
	begin(&w);
	ask(&w, "id", NULL, TOOLS, ONE);
	assert_int_equal(session_act(w.table, SLICE("other"), SESSION_PAUSE, SLICE("why"), 1), ERR_NOT_FOUND);
	assert_int_equal(session_act(w.table, SLICE("id"), SESSION_PAUSE, SLICE("stuck"), 1), 0);
	struct session_turn t = ask(&w, "id", NULL, TOOLS, TWO);
	assert_int_equal(t.state, SESSION_PAUSED);
	assert_true(slice_eq(t.reason, SLICE("stuck")));
	assert_int_equal(session_act(w.table, SLICE("id"), SESSION_RESUME, SLICE("mended"), 2), 0);
	assert_int_equal(ask(&w, "id", NULL, TOOLS, TWO).state, SESSION_RUNNING);
	assert_int_equal(session_act(w.table, SLICE("id"), SESSION_STOP, SLICE("enough"), 3), 0);
	assert_int_equal(session_act(w.table, SLICE("id"), SESSION_RESUME, SLICE("no"), 4), ERR_REFUSED);
	assert_int_equal(ask(&w, "id", NULL, TOOLS, TWO).state, SESSION_STOPPED);
	end(&w);
	(void)state;
}

static void an_id_is_found_under_every_key(void **state)
{
	struct world w;
	begin(&w);
	ask(&w, "id", NULL, TOOLS, ONE);
	w.scope = "key2";
	ask(&w, "id", NULL, TOOLS, ONE);
	ask(&w, "another", NULL, TOOLS, ONE);
	assert_int_equal(session_act(w.table, SLICE("id"), SESSION_PAUSE, SLICE("stuck"), 1), 0);
	assert_int_equal(ask(&w, "id", NULL, TOOLS, TWO).state, SESSION_PAUSED);
	assert_int_equal(ask(&w, "another", NULL, TOOLS, TWO).state, SESSION_RUNNING);
	w.scope = "key1";
	assert_int_equal(ask(&w, "id", NULL, TOOLS, TWO).state, SESSION_PAUSED);
	end(&w);
	(void)state;
}

/* --- what is kept ----------------------------------------------------------------------------------------
 */

static void a_session_goes_on_after_a_restart(void **state)
{
	struct world w;
	struct session_row row;
	begin(&w);
	ask(&w, NULL, NULL, TOOLS, ONE);
	struct session_turn before = ask(&w, NULL, NULL, TOOLS, TWO);
	assert_int_equal(session_act(w.table, before.session, SESSION_PAUSE, SLICE("looked at"), 5), 0);
	assert_true(session_take_changed(w.table, &w.mem, &row));
	assert_int_equal(row.calls, 2);
	struct session_row none;
	assert_false(session_take_changed(w.table, &w.mem, &none));
	session_table_free(w.table);
	w.table = session_table_new(1000, 7);
	assert_int_equal(session_restore(w.table, &row), 0);
	struct session_turn t = ask(&w, NULL, NULL, TOOLS, THREE);
	assert_turn(t, SESSION_CONTINUED, 3, 1);
	assert_true(slice_eq(t.session, before.session));
	assert_int_equal(t.state, SESSION_PAUSED);
	assert_int_equal(session_act(w.table, t.session, SESSION_RESUME, SLICE("mended"), 6), 0);
	/* What was sent before the restart is not counted again. */
	assert_int_equal(t.tools[0].calls, 1);
	struct session_table *other = session_table_new(1000, 8);
	assert_int_equal(session_restore(other, &row), ERR_INVALID);
	row.image.n--;
	assert_int_equal(session_restore(w.table, &row), ERR_INVALID);
	session_table_free(other);
	end(&w);
	(void)state;
}

static void the_oldest_session_goes_when_there_are_too_many(void **state)
{
	struct world w;
	struct session_row row;
	struct session_stats s;
	begin(&w);
	session_table_free(w.table);
	w.table = session_table_new(3, 7);
	for (int i = 0; i < 6; i++) {
		char id[16];
		snprintf(id, sizeof id, "s%d", i);
		ask(&w, id, NULL, TOOLS, ONE);
		if (i == 0)
			assert_int_equal(session_act(w.table, SLICE("s0"), SESSION_PAUSE, SLICE("kept"), 1),
			                 0);
		while (session_take_changed(w.table, &w.mem, &row))
			;
	}
	session_stats_get(w.table, &s);
	assert_int_equal(s.sessions, 3);
	assert_int_equal(s.evicted, 3);
	assert_turn(ask(&w, "s5", NULL, TOOLS, TWO), SESSION_CONTINUED, 2, 1);
	assert_int_equal(ask(&w, "s0", NULL, TOOLS, TWO).state,
	                 SESSION_PAUSED); /* never one that was paused */
	assert_turn(ask(&w, "s1", NULL, TOOLS, ONE), SESSION_NEW, 1, 1);
	end(&w);
	(void)state;
}

/* --- the parts of the input ------------------------------------------------------------------------------
 */

static void record_of(struct record *r)
{
	record_init(r);
	r->usage.m[METER_INPUT] = 101;
	r->usage.m[METER_CACHE_READ] = 700;
	r->usage.m[METER_CACHE_WRITE_5M] = 203;
	r->context_tokens = usage_context_tokens(&r->usage);
	r->priced = true;
	r->usage_source = SOURCE_REPORTED;
	r->cost.part[COST_INPUT] = 303001;
	r->cost.part[COST_CACHE_READ] = 210007;
	r->cost.part[COST_CACHE_WRITE_5M] = 761;
	r->cost.part[COST_OUTPUT] = 999999;
}

static const struct record_part *part(const struct record_part *p, size_t n, enum call_part kind,
                                      const char *tool)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].part == kind && slice_eq(p[i].tool, slice_of(tool)))
			return &p[i];
	fail_msg("no part of %s", tool ? tool : call_part_name(kind));
	return NULL;
}

static void parts_make_the_whole_exactly(void **state)
{
	static const char *const messages[] = {ONE, TWO, THREE, FOUR};
	struct world w;
	begin(&w);
	for (int i = 0; i < 4; i++) {
		struct session_turn t = ask(&w, NULL, NULL, TOOLS, messages[i]);
		struct record r;
		const struct record_part *p;
		int64_t tokens = 0, money = 0;
		record_of(&r);
		size_t n = session_parts(&t, &r, &w.mem, &p);
		for (size_t k = 0; k < n; k++)
			for (int s = 0; s < SENT_N; s++) {
				tokens += p[k].tokens[s];
				money += p[k].nanousd[s] == RECORD_ABSENT ? 0 : p[k].nanousd[s];
			}
		assert_int_equal(tokens, r.context_tokens);
		assert_int_equal(money, 303001 + 210007 + 761);
		const struct record_part *bash = part(p, n, CALL_PART_TOOL, "Bash"),
		                         *task = part(p, n, CALL_PART_TOOL, "Task");
		const struct record_part *user = part(p, n, CALL_PART_USER, NULL);
		assert_int_equal(bash->calls, i > 0);
		assert_int_equal(bash->failures, i == 1);
		assert_int_equal(task->calls, 0);
		assert_true((bash->tokens[SENT_DEFINITION] > 0) == (i == 0));
		assert_true((bash->tokens[SENT_AGAIN] > 0) == (i > 0));
		assert_true((bash->tokens[SENT_RESULT] > 0) == (i > 0));
		assert_true((user->tokens[SENT_TEXT] > 0) == (i == 0));
		assert_true((user->tokens[SENT_AGAIN] > 0) == (i > 0));
	}
	end(&w);
	(void)state;
}

/* A conversation that this process sees in its middle: only what its request brings is new. */
static void an_unknown_past_was_sent_before(void **state)
{
	struct world w;
	struct record r;
	const struct record_part *p;
	begin(&w);
	struct session_turn t = ask(&w, NULL, NULL, TOOLS, THREE);
	record_of(&r);
	size_t n = session_parts(&t, &r, &w.mem, &p);
	const struct record_part *bash = part(p, n, CALL_PART_TOOL, "Bash");
	assert_int_equal(bash->calls, 1);
	assert_int_equal(bash->failures, 0);
	assert_int_equal(bash->tokens[SENT_DEFINITION], 0);
	assert_true(bash->tokens[SENT_AGAIN] > bash->tokens[SENT_RESULT]);
	end(&w);
	(void)state;
}

static void what_is_not_known_stays_unknown(void **state)
{
	struct world w;
	struct record r;
	const struct record_part *p;
	begin(&w);
	struct session_turn t = ask(&w, NULL, NULL, TOOLS, TWO);
	record_init(&r);
	size_t n = session_parts(&t, &r, &w.mem, &p);
	assert_int_equal(n, 1); /* counts alone */
	assert_int_equal(p[0].calls, 1);
	assert_int_equal(p[0].tokens[SENT_RESULT], RECORD_ABSENT);
	record_of(&r);
	r.usage_source = SOURCE_HOLD;
	n = session_parts(&t, &r, &w.mem, &p);
	assert_int_equal(part(p, n, CALL_PART_TOOL, "Bash")->nanousd[SENT_RESULT], RECORD_ABSENT);
	end(&w);
	(void)state;
}

/* However long it grows, the parts stay the whole, and memory stays bounded. */
static void a_long_conversation_is_folded(void **state)
{
	enum { TURNS = 3000 };
	struct world w;
	struct buf b;
	begin(&w);
	buf_init(&b, (size_t)8 << 20);
	assert_int_equal(buf_append(&b, SLICE(ONE)), 0);
	for (int i = 0; i < TURNS; i++) {
		assert_int_equal(
		    buf_printf(
		        &b,
		        ",{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t%d\","
		        "\"name\":"
		        "\"Bash\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
		        "\"tool_use_id\":\"t%d\",\"content\":\"some output\"}]}",
		        i, i),
		    0);
		if (i % 500 != 499)
			continue;
		struct arena keep = w.mem;
		arena_init(&w.mem, (size_t)64 << 20);
		char *text = strndup(buf_slice(&b).p, b.n);
		struct session_turn t = ask(&w, "long", NULL, TOOLS, text);
		struct record r;
		const struct record_part *p;
		int64_t tokens = 0;
		record_of(&r);
		size_t n = session_parts(&t, &r, &w.mem, &p);
		for (size_t k = 0; k < n; k++)
			for (int s = 0; s < SENT_N; s++)
				tokens += p[k].tokens[s];
		assert_int_equal(tokens, r.context_tokens);
		assert_int_equal(part(p, n, CALL_PART_TOOL, "Bash")->calls, i == 499 ? 1 : 500);
		free(text);
		arena_release(&w.mem);
		w.mem = keep;
	}
	struct session_stats s;
	session_stats_get(w.table, &s);
	assert_true(s.bytes < 64 * 1024);
	buf_release(&b);
	end(&w);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_conversation_goes_on),
	    cmocka_unit_test(the_form_of_messages_does_not_matter),
	    cmocka_unit_test(the_same_request_again_is_a_retry),
	    cmocka_unit_test(the_same_opening_again_is_a_new_session),
	    cmocka_unit_test(another_key_or_folder_is_another_session),
	    cmocka_unit_test(a_shorter_past_is_a_compaction_and_an_earlier_one_a_rewind),
	    cmocka_unit_test(a_summary_continues_without_ids),
	    cmocka_unit_test(subagents_are_threads_of_their_session),
	    cmocka_unit_test(subagents_without_ids),
	    cmocka_unit_test(a_title_is_beside_its_conversation),
	    cmocka_unit_test(a_shells_agent_has_a_parent),
	    cmocka_unit_test(states_change_by_the_table),
	    cmocka_unit_test(an_id_is_found_under_every_key),
	    cmocka_unit_test(a_session_goes_on_after_a_restart),
	    cmocka_unit_test(the_oldest_session_goes_when_there_are_too_many),
	    cmocka_unit_test(parts_make_the_whole_exactly),
	    cmocka_unit_test(an_unknown_past_was_sent_before),
	    cmocka_unit_test(what_is_not_known_stays_unknown),
	    cmocka_unit_test(a_long_conversation_is_folded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
