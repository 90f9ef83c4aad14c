/* What does it: a command to copy, lines of the settings, or what is to be done by hand. */
#include "finops/savings_impl.h"
#include "finops/shell.h"
#include "text/jsonw.h"

#define COMMAND_MAX 4096

/* text with a word of a shell in place of each of the words' ends: what stands before it, then the word. */
static int command(struct search *x, const char *before, slice word, const char *behind, slice *out)
{
	struct buf b;
	buf_init(&b, COMMAND_MAX);
	int rc = buf_append(&b, slice_of(before));
	if (rc == 0 && word.n)
		rc = shell_word(&b, word);
	if (rc == 0)
		rc = buf_append(&b, slice_of(behind));
	if (rc == 0) {
		*out = arena_copy(&x->out->mem, buf_slice(&b));
		rc = out->p ? 0 : ERR_NOMEM;
	}
	buf_release(&b);
	return rc == ERR_INVALID || rc == ERR_FULL ? 0 : rc; /* a name that nobody should paste */
}

/* FIELD=value as one word. */
static slice field(struct search *x, const char *name, slice value)
{
	return arena_printf(&x->out->mem, "%s=" SLICE_FMT, name, SLICE_ARG(value));
}

static bool is_literal(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("*?,!<>", s.p[i]) || !s.p[i])
			return false;
	return s.n > 0;
}

/* A gate in shadow: what it would refuse is in the ledger before anybody is stopped. */
static int gate(struct search *x, struct saving *s, slice model)
{
	struct buf b;
	struct jsonw w;
	slice why = arena_printf(&x->out->mem, "subagents use " SLICE_FMT, SLICE_ARG(s->instead));
	if (!is_literal(model) || !is_literal(s->instead) || why.p == NULL)
		return why.p ? 0 : ERR_NOMEM;
	buf_init(&b, COMMAND_MAX);
	int rc = buf_append(&b, SLICE("gates:\n  - {name: small-subagents, mode: shadow, where: "));
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("subagent"), SLICE("*"));
	jsonw_put_string(&w, SLICE("model"), model);
	jsonw_object_end(&w);
	rc = rc ? rc : jsonw_end(&w);
	if (rc == 0)
		rc = buf_append(&b, SLICE(", deny: "));
	jsonw_init(&w, &b);
	jsonw_string(&w, why);
	rc = rc ? rc : jsonw_end(&w);
	if (rc == 0)
		rc = buf_append(&b, SLICE("}"));
	if (rc == 0) {
		s->settings = arena_copy(&x->out->mem, buf_slice(&b));
		rc = s->settings.p ? 0 : ERR_NOMEM;
	}
	buf_release(&b);
	return rc;
}

/* A budget that goes on with the smaller model when the dear one has had its share of the day. */
static int downgrade(struct search *x, struct saving *s, slice model)
{
	struct buf b;
	struct jsonw w;
	if (!is_literal(model) || !is_literal(s->instead))
		return 0;
	buf_init(&b, COMMAND_MAX);
	int rc = buf_append(&b, SLICE("routes: {tiers: {small: ["));
	jsonw_init(&w, &b);
	jsonw_string(&w, s->instead);
	rc = rc ? rc : jsonw_end(&w);
	if (rc == 0)
		rc = buf_append(&b, SLICE("]}}\nbudgets:\n  - {name: large-model-day, each: user, where: "));
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("model"), model);
	jsonw_object_end(&w);
	rc = rc ? rc : jsonw_end(&w);
	if (rc == 0)
		rc = buf_append(&b, SLICE(", window: day, limit: 10 USD, action: downgrade, to: small}"));
	if (rc == 0) {
		s->settings = arena_copy(&x->out->mem, buf_slice(&b));
		rc = s->settings.p ? 0 : ERR_NOMEM;
	}
	buf_release(&b);
	return rc;
}

int savings_apply(struct search *x, struct saving *s)
{
	slice first = s->who_n ? s->who[0].value : SLICE_NONE;
	switch (s->kind) {
	case SAVING_LOOPS:
		s->settings = SLICE("storms: {action: pause}");
		s->does = SLICE("pauses a session when it loops, and tells its agent how to go on");
		return 0;
	case SAVING_LOST:
		s->does = SLICE(
		    "shows which endings cost, to mend the provider's time limits and the client's retries");
		return command(x, "weir report --by provider,ending,attempt --measures calls,cost_nanousd",
		               SLICE_NONE, "", &s->command);
	case SAVING_CACHE:
		s->does = SLICE(
		    "shows turn by turn where the cache was not read: look for what changed at the front of "
		    "the prompt then (tools, system prompt, a date, the agent's version)");
		return command(x, "weir session show --", s->session, "", &s->command);
	case SAVING_SUBAGENTS:
		s->does = SLICE(
		    "tells in the ledger which subagents would be refused; `mode: enforce` refuses them. In "
		    "Claude Code the variable CLAUDE_CODE_SUBAGENT_MODEL names their model");
		return gate(x, s, first);
	case SAVING_ROUTINE:
		s->does = SLICE(
		    "goes on with the smaller model when a person's day on the large one is spent; set the "
		    "limit to what hard work takes");
		return downgrade(x, s, first);
	case SAVING_HOUR:
		s->does = SLICE("shows the writes; let the agent ask for caches of an hour (`ttl: 1h`)");
		return command(
		    x, "weir report --measures cost_nanousd,cache_write_5m_tokens,cache_read_tokens --where",
		    field(x, "agent", first), "", &s->command);
	case SAVING_TOOLS:
		s->does = SLICE("shows them; take the server or the tool out of the agents' settings "
		                "(`claude mcp remove`, "
		                "`codex mcp remove`)");
		return command(
		    x, "weir report --by mcp_server,tool,agent --measures calls,tool_calls,cost_nanousd",
		    SLICE_NONE, "", &s->command);
	case SAVING_RESULTS:
		s->does = SLICE("shows them; let the tool return less: a filter, a limit of lines, a page");
		return command(
		    x, "weir report --by agent,user --measures tool_calls,result_tokens,cost_nanousd --where",
		    field(x, "tool", first), "", &s->command);
	case SAVING_SEATS:
		s->does = SLICE("shows what each did; give the seat back, or pay these by the token");
		return command(x, "weir report --by user --where billing=subscription", SLICE_NONE, "",
		               &s->command);
	case SAVINGS:
		break;
	}
	return 0;
}
