/* Requests one after another, of whatever conversations: each has a session, and what is told of it is in
 * bounds; what the ledger is given is taken over by a table of the same seed, and goes on there. Input: a
 * byte for the dialect, then a line for each request: one letter (a, b: a client's id; x: a damaged image;
 * else none), then the body. */
#include <stdint.h>
#include <stdlib.h>

#include "codec/registry.h"
#include "policy/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENSURE(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			__builtin_trap();                                                                    \
	} while (0)

static const struct target targets[] = {
    {.api = API_ANTHROPIC_MESSAGES, .dialect = DIALECT_ANTHROPIC},
    {.api = API_OPENAI_CHAT, .dialect = DIALECT_OPENAI},
    {.api = API_OPENAI_RESPONSES, .dialect = DIALECT_OPENAI},
    {.api = API_GEMINI_GENERATE, .dialect = DIALECT_GEMINI},
};

static void check(const struct session_turn *t)
{
	ENSURE(t->thread && t->session.n && t->turn >= 1 && t->attempt >= 1);
	ENSURE(t->how < SESSION_HOWS && t->state < SESSION_STATES);
	ENSURE(t->runs_old <= t->runs_n && t->root.n && t->state_of.n && t->tree >= 0 && t->depth >= 0);
	for (size_t i = 0; i < t->runs_n; i++)
		if (t->runs[i].kind <= RUN_RESULT && t->runs[i].tool < SESSION_TOOLS_MAX)
			ENSURE(t->runs[i].tool < t->tools_n);
}

static void ask(struct session_table *t, const struct target *target, slice line, int i, struct arena *mem)
{
	static const char *const calls[] = {"01CALL00000000000000000001", "01CALL00000000000000000002"};
	struct request_view view;
	struct session_turn turn;
	struct error e;
	const struct codec_ops *codec = registry_codec(target->api);
	if (line.n == 0 || codec->request(target, slice_sub(line, 1, line.n), mem, &view, &e))
		return;
	bool id = line.p[0] == 'a' || line.p[0] == 'b';
	struct session_in in = {.view = &view,
	                        .items = codec->items,
	                        .scope = SLICE("key"),
	                        .session = id ? (slice){line.p, 1} : SLICE_NONE,
	                        .agent = SLICE("claude-code"),
	                        .directory = SLICE("/src"),
	                        .call = calls[i % 2],
	                        .now_ms = 1700000000000 + i * 1000};
	if (session_open(t, &in, mem, &turn))
		return;
	check(&turn);
	struct session_end end = {.answered = i % 3 != 2, .tool_calls = i % 2, .now_ms = in.now_ms + 500};
	session_close(t, &turn, &end);
	ENSURE(session_act(t, turn.session, SESSION_PAUSE, SLICE("why"), in.now_ms) == 0);
	ENSURE(session_act_on(t, &turn, turn.session, SESSION_RESUME, SLICE("on"), in.now_ms) == 0);
}

/* What was kept of them, whole or with a byte changed, in another table. */
static void restore(struct session_table *from, struct session_table *to, bool damage, struct arena *mem)
{
	struct session_row row;
	while (session_take_changed(from, mem, &row)) {
		char *image = arena_alloc(mem, row.image.n + 1);
		if (image == NULL || row.image.n == 0)
			continue;
		memcpy(image, row.image.p, row.image.n);
		if (damage)
			image[row.image.n / 2] ^= 0x5a;
		row.image.p = image;
		int rc = session_restore(to, &row);
		ENSURE(damage || rc == 0 || rc == ERR_NOMEM);
		ENSURE(rc || session_act(to, row.id, SESSION_STOP, SLICE("why"), INT64_MAX) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct arena mem;
	struct session_table *t = session_table_new(8, 7), *again = session_table_new(8, 7);
	arena_init(&mem, (size_t)64 << 20);
	slice rest = slice_make(data + 1, size - 1), line;
	bool damage = false;
	for (int i = 0; t && again && i < 64 && slice_split(&rest, '\n', &line); i++) {
		damage = damage || slice_starts(line, SLICE("x"));
		ask(t, &targets[data[0] % 4], line, i, &mem);
	}
	if (t && again)
		restore(t, again, damage, &mem);
	session_table_free(t);
	session_table_free(again);
	arena_release(&mem);
	return 0;
}
