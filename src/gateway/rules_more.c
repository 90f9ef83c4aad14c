#include "gateway/rules_more.h"

#include "base/buf.h"

#define MORE_MAX (1024 * 1024) /* all rules of the API together: what a settings file may have */

struct gather {
	const struct settings *file;
	const struct ledger_rule *extra;
	struct buf teams, budgets;
	int error;
};

static bool in_file(const struct settings *s, const struct ledger_rule *r)
{
	if (slice_eq(r->kind, SLICE("team")))
		return settings_team_named(s, r->name) != NULL;
	for (size_t i = 0; i < s->budgets_n; i++)
		if (slice_eq(s->budgets[i].rule.name, r->name))
			return true;
	return false;
}

static void add(struct gather *g, const struct ledger_rule *r)
{
	struct buf *to = slice_eq(r->kind, SLICE("team")) ? &g->teams : &g->budgets;
	if (in_file(g->file, r) || g->error)
		return;
	g->error = buf_append(to, buf_slice(to).n ? SLICE(",") : SLICE(""));
	if (g->error == 0)
		g->error = buf_append(to, r->body);
}

static int on_rule(void *arg, const struct ledger_rule *r)
{
	struct gather *g = arg;
	const struct ledger_rule *x = g->extra;
	if (!x || !slice_eq(x->kind, r->kind) || !slice_eq(x->name, r->name))
		add(g, r);
	return 0;
}

/* As a settings file would have them: JSON is YAML. n 0: there are none. */
static int gather(struct gather *g, const struct ledger_ops *ops, struct ledger *l, struct buf *out,
                  struct error *e)
{
	int r = ops->rules(l, on_rule, g, e);
	if (r)
		return r;
	if (g->extra)
		add(g, g->extra);
	slice teams = buf_slice(&g->teams), budgets = buf_slice(&g->budgets);
	if (g->error == 0 && teams.n)
		g->error = buf_printf(out, "teams: [" SLICE_FMT "]\n", SLICE_ARG(teams));
	if (g->error == 0 && budgets.n)
		g->error = buf_printf(out, "budgets: [" SLICE_FMT "]\n", SLICE_ARG(budgets));
	return g->error ? error_set(e, g->error, "the rules that the API made are more than 1 MB together")
	                : 0;
}

struct settings *rules_load(slice path, const struct ledger_ops *ops, struct ledger *l,
                            const struct ledger_rule *extra, void (*on_error)(void *arg, const char *line),
                            void *arg)
{
	struct settings *file = settings_load(path, on_error, arg), *all = NULL;
	if (file == NULL)
		return NULL;
	struct gather g = {.file = file, .extra = extra};
	struct buf more;
	struct error e = {0};
	buf_init(&g.teams, MORE_MAX);
	buf_init(&g.budgets, MORE_MAX);
	buf_init(&more, 2 * MORE_MAX + 64);
	if (gather(&g, ops, l, &more, &e))
		on_error(arg, e.text);
	else if (buf_slice(&more).n == 0)
		all = settings_ref(file);
	else
		all = settings_load_more(path, buf_slice(&more), on_error, arg);
	buf_release(&g.teams);
	buf_release(&g.budgets);
	buf_release(&more);
	settings_unref(file);
	return all;
}
