#include "gateway/refusal.h"

static const struct {
	const char *name;
	int status, retry_after;
	bool codex, fault;
} kinds[] = {
#define X(id, name, status, codex, wait, fault) [id] = {name, status, wait, codex, fault},
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

bool refusal_is_codex(const struct headers *h)
{
	return slice_starts_nocase(headers_get(h, SLICE("originator")), SLICE("codex_"));
}

int refusal_write(enum refusal_kind k, int status, slice message, const struct codec_ops *codec, bool codex,
                  struct refusal_answer *answer, struct buf *out)
{
	answer->status = status ? status : kinds[k].status;
	answer->retry_after = kinds[k].retry_after;
	answer->fault = kinds[k].fault;
	if (codex && kinds[k].codex) {
		answer->status = 400;
		answer->content_type = "text/plain; charset=utf-8";
		return buf_append(out, message);
	}
	answer->content_type = "application/json";
	struct refusal_text text = {kinds[k].name, answer->status, message};
	return codec->refusal(&text, out);
}
