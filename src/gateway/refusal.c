#include "gateway/refusal.h"

#define STOPS_ALL 402 /* what every agent but Codex stops at, showing the words */

static const struct {
	const char *name;
	int status, retry_after;
	bool agent, codex, fault;
} kinds[] = {
#define X(id, name, status, agent, codex, wait, fault) [id] = {name, status, wait, agent, codex, fault},
    REFUSAL_LIST(X)
#undef X
};

const char *refusal_name(enum refusal_kind k)
{
	return k < REFUSAL_N ? kinds[k].name : "?";
}

int refusal_status(enum refusal_kind k)
{
	return k < REFUSAL_N ? kinds[k].status : 500;
}

enum refusal_reader refusal_reader(const struct headers *h)
{
	static const slice agents[] = {SLICE("claude-cli/"), SLICE("opencode/")};
	slice is = headers_get(h, SLICE("user-agent"));
	if (slice_starts_nocase(headers_get(h, SLICE("originator")), SLICE("codex_")))
		return REFUSAL_FOR_CODEX;
	for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
		if (slice_starts_nocase(is, agents[i]))
			return REFUSAL_FOR_AGENT;
	return REFUSAL_FOR_ALL;
}

int refusal_write(enum refusal_kind k, int status, slice message, const struct codec_ops *codec,
                  enum refusal_reader reader, struct refusal_answer *answer, struct buf *out)
{
	answer->status = status ? status : kinds[k].status;
	answer->retry_after = kinds[k].retry_after;
	answer->fault = kinds[k].fault;
	if (reader == REFUSAL_FOR_CODEX && kinds[k].codex) {
		answer->status = 400;
		answer->content_type = "text/plain; charset=utf-8";
		return buf_append(out, message);
	}
	if (reader == REFUSAL_FOR_AGENT && kinds[k].agent)
		answer->status = STOPS_ALL;
	answer->content_type = "application/json";
	struct refusal_text text = {kinds[k].name, answer->status, message};
	return codec->refusal(&text, out);
}
