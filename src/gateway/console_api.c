#include "gateway/console_api.h"

#include <pthread.h>

#include "base/crypto.h"
#include "finops/outlook.h"
#include "finops/report.h"
#include "finops/savings_answer.h"
#include "finops/triage_answer.h"

#define QUERY_MEM (256 * 1024)

int console_escape(struct buf *out, slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		const char *as = c == '"'                               ? "\\\""
		                 : c == '\\'                            ? "\\\\"
		                 : c == '\n'                            ? "\\n"
		                 : (unsigned char)c < 0x20 || c == 0x7f ? "?"
		                                                        : NULL;
		int r = as ? buf_append(out, slice_of(as)) : buf_append(out, slice_make(&c, 1));
		if (r)
			return r;
	}
	return 0;
}

/* The settings of now; to be released. */
static struct settings *current(struct console_context *c)
{
	pthread_mutex_lock(&c->shared->lock);
	struct settings *s = settings_ref(c->shared->settings);
	pthread_mutex_unlock(&c->shared->lock);
	return s;
}

static int refuse_json(struct buf *out, int *status, int code, const char *message)
{
	struct buf quoted;
	*status = 400;
	buf_init(&quoted, 4096);
	buf_clear(out);
	int r = console_escape(&quoted, slice_of(message));
	if (r == 0)
		r = buf_printf(out, "{\"error\":{\"message\":\"" SLICE_FMT "\"}}\n",
		               SLICE_ARG(buf_slice(&quoted)));
	buf_release(&quoted);
	return code == ERR_IO ? ERR_IO : r;
}

/* One who may see only their own calls gets that as one more filter, whatever the question says. */
static int own_only(struct report *r, const struct console_reader *who, struct error *e)
{
	if (who->all)
		return 0;
	slice user = name_get(&who->user);
	if (user.n == 0)
		return error_set(e, ERR_REFUSED, "this key has no user, and so no calls of its own to show");
	return report_only(r, SLICE("user"), user, e);
}

typedef int answer_fn(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                      const char **type, struct error *e);

static int calls(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                 const char **type, struct error *e)
{
	*type = "application/json";
	return report_calls_json(ops, l, r, out, e);
}

static int ask(struct console_context *c, const struct console_reader *who, slice query, answer_fn *fn,
               int *status, const char **type, struct buf *out)
{
	struct error e = {0};
	struct arena mem;
	struct report r;
	struct settings *s = settings_ref(c->shared->settings);
	arena_init(&mem, QUERY_MEM);
	int code = report_init(&r, c->timezone, clock_wall_ms(c->shared->clock), &e);
	if (code == 0) {
		r.format = REPORT_JSON;
		r.prices = s->catalog;
		code = report_set_query(&r, query, &mem, &e);
		if (code == 0)
			code = own_only(&r, who, &e);
		if (code == 0)
			code = report_ready(&r, &e);
		if (code == 0)
			code = fn(c->ops, c->ledger, &r, out, type, &e);
		report_release(&r);
	}
	*status = 200;
	if (code) {
		*type = "application/json";
		code = refuse_json(out, status, code, e.text);
	}
	settings_unref(s);
	arena_release(&mem);
	return code;
}

/* The record of changes is shown to those who may read it. */
static bool sees_changes(const struct console_reader *who)
{
	return who->all &&
	       (who->role == ROLE_VIEWER || who->role == ROLE_OPERATOR || who->role == ROLE_OWNER);
}

static int triage(struct console_context *c, const struct console_reader *who, slice query, int *status,
                  const char **type, struct buf *out)
{
	struct error e = {0};
	struct arena mem;
	struct triage_words w;
	uint64_t seed = 0;
	arena_init(&mem, QUERY_MEM);
	int code = crypto_random(&seed, sizeof seed);
	if (code == 0)
		code = triage_words_init(&w, c->timezone, clock_wall_ms(c->shared->clock), &e);
	if (code == 0) {
		w.format = TRIAGE_JSON;
		code = triage_set_query(&w, query, &mem, &e);
		if (code == 0)
			code = own_only(&w.r, who, &e);
		if (code == 0)
			code = triage_answer(&w, c->ops, c->ledger, sees_changes(who), seed, out, type, &e);
		triage_words_release(&w);
	}
	*status = 200;
	if (code) {
		*type = "application/json";
		code = refuse_json(out, status, code, e.text);
	}
	arena_release(&mem);
	return code;
}

static int outlook(struct console_context *c, const struct console_reader *who, enum outlook_kind kind,
                   slice query, int *status, const char **type, struct buf *out)
{
	struct error e = {0};
	struct arena mem;
	struct outlook o;
	struct settings *s = current(c);
	arena_init(&mem, QUERY_MEM);
	int code = outlook_init(&o, kind, s->timezone, clock_wall_ms(c->shared->clock), &e);
	if (code == 0) {
		o.r.format = REPORT_JSON;
		code = outlook_set_query(&o, query, &mem, &e);
		if (code == 0 && !who->all && name_get(&who->user).n == 0)
			code = error_set(&e, ERR_REFUSED,
			                 "this key has no user, and so no calls of its own to show");
		if (code == 0 && !who->all)
			code = outlook_only(&o, name_get(&who->user), &e);
		if (code == 0)
			code = outlook_answer(&o, s, c->ops, c->ledger, out, type, &e);
		outlook_release(&o);
	}
	*status = 200;
	if (code) {
		*type = "application/json";
		code = refuse_json(out, status, code, e.text);
	}
	settings_unref(s);
	arena_release(&mem);
	return code;
}

static int savings(struct console_context *c, const struct console_reader *who, slice query, int *status,
                   const char **type, struct buf *out)
{
	struct error e = {0};
	struct arena mem;
	struct savings_words w;
	uint64_t seed = 0;
	arena_init(&mem, QUERY_MEM);
	int code = crypto_random(&seed, sizeof seed);
	if (code == 0)
		code = savings_words_init(&w, c->timezone, clock_wall_ms(c->shared->clock), &e);
	if (code == 0) {
		struct settings *s = current(c);
		w.json = true;
		code = savings_set_query(&w, query, &mem, &e);
		if (code == 0)
			code = own_only(&w.r, who, &e);
		if (code == 0)
			code = savings_answer(&w, c->ops, c->ledger, s->catalog, seed, out, type, &e);
		settings_unref(s);
		savings_words_release(&w);
	}
	*status = 200;
	if (code) {
		*type = "application/json";
		code = refuse_json(out, status, code, e.text);
	}
	arena_release(&mem);
	return code;
}

int console_api(struct console_context *c, const struct console_reader *who, slice path, slice query,
                int *status, const char **type, struct buf *out)
{
	*type = "application/json";
	if (slice_eq(path, SLICE("/api/v1/report")))
		return ask(c, who, query, report_answer, status, type, out);
	if (slice_eq(path, SLICE("/api/v1/triage")))
		return triage(c, who, query, status, type, out);
	if (slice_eq(path, SLICE("/api/v1/forecast")))
		return outlook(c, who, OUTLOOK_FORECAST, query, status, type, out);
	if (slice_eq(path, SLICE("/api/v1/anomalies")))
		return outlook(c, who, OUTLOOK_ANOMALY, query, status, type, out);
	if (slice_eq(path, SLICE("/api/v1/savings")))
		return savings(c, who, query, status, type, out);
	if (slice_eq(path, SLICE("/api/v1/calls")))
		return ask(c, who, query, calls, status, type, out);
	return ERR_NOT_FOUND;
}
