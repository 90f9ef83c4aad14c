/* What a call is for: from the key, the headers, and what real agents send by themselves. */
#ifndef WEIR_POLICY_ATTRIBUTION_H
#define WEIR_POLICY_ATTRIBUTION_H

#include "base/arena.h"
#include "model/settings.h"
#include "model/types.h"

struct attribution_in {
	const struct settings *settings;
	const struct principal *principal;
	const struct headers *headers;
	const struct request_view *view; /* NULL when there is no body */
};

/* In order of rank: what the key fixes; x-weir-* headers; the agent's own headers and body (session,
 * subagent, repository, working directory, branch); the settings (team of a user, cost centre of a team).
 * `environment: ci`, trigger and pr are taken from headers only as what they are worth (not fixed by a key
 * they count as claims: kept, but environment `ci` from a header becomes null). Values are trimmed, control
 * characters removed, cut at ATTR_TEXT_MAX; invalid UTF-8 is replaced. Texts live in mem or longer.
 * The working directory an agent tells has no column: it becomes the tag `cwd` (unless the key fixes the
 * tags). */
void attribution_read(const struct attribution_in *in, struct arena *mem, struct attribution *out);

/* The record's `claimed`: of trigger and pr in who, those that the principal does not fix. A constant. */
slice attribution_claimed(const struct principal *p, const struct attribution *who);

/* The working directory that attribution_read put into the tags; n 0: none. In mem or the tags. */
slice attribution_directory(const struct attribution *a, struct arena *mem);

/* A git remote's URL as host/owner/name: git@github.com:o/n.git, https://user:secret@host/o/n.git, ssh://…,
 * with ports dropped, lower-case host. A slice in mem; n 0 when it is none. */
slice attribution_repo(slice remote_url, struct arena *mem);

#endif
