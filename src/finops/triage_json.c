#include <stdio.h>

#include "base/clock.h"
#include "finops/triage_impl.h"
#include "text/jsonw.h"

static void put_time(struct jsonw *w, const char *key, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	size_t n = clock_format_rfc3339(ms, text);
	jsonw_put_string(w, slice_of(key), ms ? slice_make(text, n) : SLICE_NONE);
}

static void put_known(struct jsonw *w, const char *key, int64_t v)
{
	if (v == RECORD_ABSENT)
		jsonw_put_null(w, slice_of(key));
	else
		jsonw_put_i64(w, slice_of(key), v);
}

/* A figure that is no money. */
static void put_number(struct jsonw *w, const char *key, double v, bool known)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%.6g", v);
	if (known && v == v && v < 1e300 && v > -1e300)
		jsonw_put_raw(w, slice_of(key), slice_make(text, (size_t)n));
	else
		jsonw_put_null(w, slice_of(key));
}

static void put_text(struct jsonw *w, const char *key, slice text)
{
	jsonw_put_string(w, slice_of(key), text.n ? text : SLICE_NONE);
}

static void open_list(struct jsonw *w, const char *key)
{
	jsonw_key(w, slice_of(key));
	jsonw_array(w);
}

static void put_moneys(struct jsonw *w, int64_t after, int64_t before)
{
	jsonw_put_i64(w, SLICE("cost_nanousd"), after);
	jsonw_put_i64(w, SLICE("usual_nanousd"), before);
	jsonw_put_i64(w, SLICE("rise_nanousd"), after - before);
}

static void put_values(struct jsonw *w, const char *key, const struct triage_value *v, size_t n)
{
	open_list(w, key);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(w);
		jsonw_put_string(w, SLICE("dimension"), slice_of(triage_dim_name(v[i].dim)));
		put_text(w, "value", v[i].text);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_factors(struct jsonw *w, const char *key, const struct split_result *s)
{
	open_list(w, key);
	for (int f = 0; f < SPLIT_N; f++) {
		const struct split_part *p = &s->part[f];
		jsonw_object(w);
		jsonw_put_string(w, SLICE("factor"), slice_of(split_name((enum split)f)));
		jsonw_put_string(w, SLICE("what"), slice_of(split_text((enum split)f)));
		jsonw_put_i64(w, SLICE("rise_nanousd"), p->nanousd);
		put_number(w, "times", p->times, true);
		put_number(w, "before", p->before, p->known);
		put_number(w, "after", p->after, p->known);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_window(struct jsonw *w, const struct triage *t)
{
	jsonw_key(w, SLICE("window"));
	jsonw_object(w);
	put_time(w, "since", t->since_ms);
	put_time(w, "until", t->until_ms);
	jsonw_put_bool(w, SLICE("found"), t->found);
	if (t->found)
		jsonw_put_bool(w, SLICE("unusual"), t->unusual);
	else
		jsonw_put_null(w, SLICE("unusual"));
	jsonw_object_end(w);
	open_list(w, "baseline");
	for (size_t i = 0; i < t->spans_n; i++) {
		jsonw_object(w);
		put_time(w, "since", t->spans[i].since_ms);
		put_time(w, "until", t->spans[i].since_ms + t->until_ms - t->since_ms);
		jsonw_put_i64(w, SLICE("cost_nanousd"), t->spans[i].spent);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_causes(struct jsonw *w, const struct triage *t)
{
	double rise = (double)(t->after - t->before);
	open_list(w, "causes");
	for (size_t i = 0; i < t->causes_n; i++) {
		const struct triage_cause *c = &t->causes[i];
		jsonw_object(w);
		put_values(w, "what", c->what, c->what_n);
		put_values(w, "same", c->same, c->same_n);
		put_moneys(w, c->after, c->before);
		put_number(w, "share", rise > 0 ? (double)(c->after - c->before) / rise : 0, rise > 0);
		put_number(w, "score", c->score, true);
		jsonw_put_bool(w, SLICE("new"), c->new_here);
		jsonw_put_i64(w, SLICE("users"), c->users);
		jsonw_put_i64(w, SLICE("sessions"), c->sessions);
		jsonw_put_i64(w, SLICE("calls"), c->calls);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_dimensions(struct jsonw *w, const struct triage *t)
{
	jsonw_key(w, SLICE("dimensions"));
	jsonw_object(w);
	for (int d = 0; d < TRIAGE_DIMS; d++) {
		open_list(w, triage_dim_name((enum triage_dim)d));
		for (size_t i = 0; i < t->top[d].n; i++) {
			jsonw_object(w);
			put_text(w, "value", t->top[d].at[i].text);
			put_moneys(w, t->top[d].at[i].after, t->top[d].at[i].before);
			jsonw_object_end(w);
		}
		jsonw_array_end(w);
	}
	jsonw_object_end(w);
}

static void put_session(struct jsonw *w, const struct triage_session *s)
{
	jsonw_object(w);
	put_text(w, "session", s->id);
	put_text(w, "user", s->user);
	put_text(w, "team", s->team);
	put_text(w, "key_id", s->key);
	put_text(w, "agent", s->agent);
	put_text(w, "model", s->model);
	put_text(w, "repo", s->repo);
	put_text(w, "workflow", s->workflow);
	put_time(w, "first", s->f.first_ms);
	put_time(w, "last", s->f.last_ms);
	jsonw_put_i64(w, SLICE("calls"), s->f.calls);
	jsonw_put_i64(w, SLICE("retries"), s->f.retries);
	jsonw_put_i64(w, SLICE("storms"), s->f.storms);
	put_text(w, "rule", s->f.rule);
	put_text(w, "evidence", s->f.evidence);
	jsonw_put_i64(w, SLICE("cost_nanousd"), s->f.spent);
	put_known(w, "first_context_tokens", s->f.first_context);
	put_known(w, "last_context_tokens", s->f.last_context);
	put_known(w, "most_context_tokens", s->f.most_context);
	put_number(w, "cache_hit_ratio", (double)s->f.read / (double)(s->f.input ? s->f.input : 1),
	           s->f.input > 0);
	jsonw_object_end(w);
}

static void put_points(struct jsonw *w, const struct triage *t)
{
	jsonw_put_i64(w, SLICE("step_s"), t->step_ms / 1000);
	open_list(w, "timeline");
	for (size_t i = 0; i < t->points_n; i++) {
		jsonw_object(w);
		put_time(w, "time", t->points[i].at_ms);
		jsonw_put_i64(w, SLICE("cost_nanousd"), t->points[i].spent);
		jsonw_put_i64(w, SLICE("usual_nanousd"), t->points[i].usual);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_near(struct jsonw *w, const struct triage *t)
{
	static const char *const kinds[] = {"new", "change", "storm"};
	open_list(w, "near");
	for (size_t i = 0; i < t->near_n; i++) {
		const struct triage_near *n = &t->near[i];
		jsonw_object(w);
		put_time(w, "time", n->at_ms);
		jsonw_put_string(w, SLICE("kind"), slice_of(kinds[n->kind]));
		put_text(w, "dimension",
		         n->kind == NEAR_NEW ? slice_of(triage_dim_name(n->what.dim)) : SLICE_NONE);
		put_text(w, "text", n->kind == NEAR_NEW ? n->what.text : n->text);
		put_text(w, "who", n->who);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_contain(struct jsonw *w, const struct triage *t)
{
	open_list(w, "contain");
	for (size_t i = 0; i < t->contain_n; i++) {
		jsonw_object(w);
		jsonw_put_string(w, t->contain[i].settings ? SLICE("settings") : SLICE("command"),
		                 t->contain[i].command);
		jsonw_put_string(w, SLICE("does"), t->contain[i].does);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

int triage_json(const struct triage *t, struct buf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	put_window(&w, t);
	jsonw_put_string(&w, SLICE("measure"),
	                 t->plan ? SLICE("subscription_nanousd") : SLICE("cost_nanousd"));
	put_moneys(&w, t->after, t->before);
	put_number(&w, "times", (double)t->after / (double)(t->before ? t->before : 1), t->before > 0);
	jsonw_put_i64(&w, SLICE("refused"), t->takings.refused);
	jsonw_put_i64(&w, SLICE("unpriced"), t->takings.unpriced);
	jsonw_put_bool(&w, SLICE("whole"), !t->takings.lumped && !t->takings.events_lost);
	put_causes(&w, t);
	put_factors(&w, "factors", &t->whole);
	put_factors(&w, "cause_factors", &t->of_cause);
	put_dimensions(&w, t);
	open_list(&w, "sessions");
	for (size_t i = 0; i < t->sessions_n; i++)
		put_session(&w, &t->sessions[i]);
	jsonw_array_end(&w);
	put_time(&w, "first", t->first_ms);
	put_points(&w, t);
	put_near(&w, t);
	put_contain(&w, t);
	jsonw_object_end(&w);
	int rc = jsonw_end(&w);
	return rc ? rc : buf_append(out, SLICE("\n"));
}
