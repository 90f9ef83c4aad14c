#include "gateway/gate_job.h"

#include "base/crypto.h"

/* Only a call can tell these. */
static bool is_later(const struct gate_rule *g)
{
	static const enum field fields[] = {
	    FIELD_MODEL,        FIELD_MODEL_REQUESTED, FIELD_PROVIDER,
	    FIELD_API,          FIELD_EFFORT,          FIELD_SPEED,
	    FIELD_SERVICE_TIER, FIELD_BILLING,         FIELD_STREAM,
	    FIELD_TURN,         FIELD_ATTEMPT,         FIELD_TOOL,
	    FIELD_MCP_SERVER,   FIELD_AGENT,           FIELD_SESSION,
	    FIELD_SUBAGENT,     FIELD_AGENT_VERSION,   FIELD_BUDGET,
	    FIELD_TASK_CLASS,
	};
	for (size_t i = 0; g->rule.where && i < sizeof fields / sizeof *fields; i++)
		if (where_uses(g->rule.where, fields[i]))
			return true;
	return false;
}

static void fill_team(const struct settings *s, struct attribution *who)
{
	const struct team *team = who->v[ATTR_USER].n ? settings_team(s, who->v[ATTR_USER]) : NULL;
	if (who->v[ATTR_TEAM].n == 0 && team)
		who->v[ATTR_TEAM] = team->name;
	team = who->v[ATTR_TEAM].n ? settings_team_named(s, who->v[ATTR_TEAM]) : NULL;
	if (who->v[ATTR_COST_CENTRE].n == 0 && team)
		who->v[ATTR_COST_CENTRE] = team->cost_centre;
}

void gate_job_decide(const struct settings *s, struct gate_job *job, int64_t now_ms, struct arena *mem,
                     struct gate_answer *out)
{
	struct record r;
	bool may_be_let_in = false; /* by a gate that is decided later */
	*out = (struct gate_answer){0};
	fill_team(s, &job->who);
	record_init(&r);
	r.time_ms = now_ms;
	r.who = job->who;
	r.text[TEXT_KEY_ID] = job->key_id;
	struct facts f = {.record = &r, .zone = s->zone, .ci = &job->ci};
	for (size_t i = 0; i < s->gates_n && out->gate.n == 0; i++) {
		const struct gate_rule *g = &s->gates[i];
		struct gate_verdict v;
		if (is_later(g) && g->rule.mode != MODE_OFF) {
			may_be_let_in = may_be_let_in || g->allow;
			if (out->later_n < GATE_LATER_MAX)
				out->later[out->later_n++] = g->rule.name;
			continue;
		}
		gate_decide(g, 1, &f, &v);
		if (v.shadow && out->shadow.n == 0)
			out->shadow = gate_shadow_text(v.shadow, mem);
		if (v.gate == NULL)
			continue;
		out->gate = g->rule.name;
		out->refused = v.deny && !may_be_let_in;
		out->reason = v.deny ? gate_deny_text(g, mem) : SLICE_NONE;
	}
}

int gate_job_token(const struct settings *s, const struct gate_job *job,
                   const uint8_t secret[TRUST_SECRET_BYTES], int64_t now_ms, struct buf *out,
                   int64_t *expires_ms, struct error *e)
{
	struct crypto_ids ids = {0};
	char id[CRYPTO_ID_MAX];
	struct gate_token t = {.by = job->key_id,
	                       .role = job->role,
	                       .fixed = job->who,
	                       .ci = job->ci,
	                       .issued_s = now_ms / 1000,
	                       .expires_s = (now_ms + s->gate_token_ms) / 1000};
	*expires_ms = t.expires_s * 1000;
	if (crypto_id(&ids, now_ms, id))
		return error_set(e, ERR_IO, "the machine gives no random numbers");
	t.id = slice_of(id);
	int r = gate_token_make(&t, secret, out);
	return r ? error_set(e, r, "the job's attributes are too long for a token") : 0;
}
