/* weir import --loops: the loops that were, and what they cost. */
#include <unistd.h>

#include "base/clock.h"
#include "base/money.h"
#include "cli/import.h"
#include "finops/hindsight.h"

struct loops {
	struct cli *c;
	struct hindsight h;
	bool any;
	struct buf json;
	struct jsonw w;
};

static int print_loop(void *arg, const struct hindsight_loop *l)
{
	struct loops *a = arg;
	char time[CLOCK_RFC3339_MAX], text[512], usd[MONEY_TEXT_MAX];
	clock_format_rfc3339(l->time_ms, time);
	storm_sentence(&l->finding, text, sizeof text);
	if (a->c->json) {
		jsonw_object(&a->w);
		jsonw_put_string(&a->w, SLICE("time"), slice_of(time));
		jsonw_put_string(&a->w, SLICE("session"), l->session);
		jsonw_put_string(&a->w, SLICE("subagent"), l->subagent.n ? l->subagent : SLICE_NONE);
		jsonw_put_i64(&a->w, SLICE("turn"), l->turn);
		jsonw_put_string(&a->w, SLICE("signal"), slice_of(storm_name(l->finding.signal)));
		jsonw_put_string(&a->w, SLICE("evidence"), slice_of(text));
		jsonw_put_i64(&a->w, SLICE("session_nanousd"), l->cost_nanousd);
		jsonw_object_end(&a->w);
		return 0;
	}
	money_format_human(l->cost_nanousd, usd);
	fprintf(a->c->out, "%.10s %.5s  " SLICE_FMT "%s" SLICE_FMT ", turn %lld, %s by then\n    %s\n", time,
	        time + 11, SLICE_ARG(l->session), l->subagent.n ? " / " : "", SLICE_ARG(l->subagent),
	        (long long)l->turn, usd, text);
	return 0;
}

static int take_item(void *arg, const struct import_moment *m, const struct body_item *it)
{
	struct import_run *r = arg;
	return hindsight_item(&((struct loops *)r->more)->h, m, it);
}

static void end_file(void *run)
{
	hindsight_end_file(&((struct loops *)((struct import_run *)run)->more)->h);
}

static void print_totals(struct loops *a, const struct import_totals *t)
{
	char usd[MONEY_TEXT_MAX];
	if (a->c->json) {
		jsonw_array_end(&a->w);
		jsonw_put_i64(&a->w, SLICE("sessions"), (int64_t)a->h.sessions);
		jsonw_put_i64(&a->w, SLICE("turns"), (int64_t)a->h.turns);
		jsonw_put_i64(&a->w, SLICE("sessions_with_loops"), (int64_t)a->h.stopped);
		jsonw_put_i64(&a->w, SLICE("after_nanousd"), a->h.after_nanousd);
		jsonw_put_i64(&a->w, SLICE("unreadable"), (int64_t)t->unreadable);
		jsonw_object_end(&a->w);
		cli_print_json(a->c, &a->w, &a->json);
		return;
	}
	money_format_human(a->h.after_nanousd, usd);
	fprintf(a->c->out,
	        "%s%llu of %llu sessions and subagents (%llu turns) had a loop; %s was spent in those "
	        "afterwards.\n",
	        a->h.loops ? "\n" : "", (unsigned long long)a->h.stopped, (unsigned long long)a->h.sessions,
	        (unsigned long long)a->h.turns, usd);
}

static int read_source(struct import_run *r, const struct import_source *s, const char *const *paths,
                       size_t n, uint64_t *found)
{
	int status = EXIT_DONE;
	if (!s->tells_items)
		return EXIT_DONE;
	if (n == 0)
		return import_run_places(r, s, found);
	for (size_t i = 0; i < n && status == EXIT_DONE; i++)
		status = import_run_path(r, s, paths[i], found);
	return status;
}

int import_loops(struct cli *c, const struct import_source *source, const char *const *paths, size_t paths_n,
                 const struct catalog *prices)
{
	struct loops a = {.c = c};
	struct import_run r;
	uint64_t found = 0;
	int status = EXIT_DONE;
	if (source && !source->tells_items)
		return cli_fail(
		    c,
		    "the transcripts of %s do not tell what its tools answered; those of Claude Code, "
		    "Codex and Gemini CLI do",
		    source->title);
	hindsight_init(&a.h, &storm_limits_usual);
	a.h.on_loop = print_loop;
	a.h.arg = &a;
	buf_init(&a.json, (size_t)64 << 20);
	jsonw_init(&a.w, &a.json);
	if (c->json) {
		jsonw_object(&a.w);
		jsonw_key(&a.w, SLICE("loops"));
		jsonw_array(&a.w);
	}
	import_run_init(&r, c, NULL, NULL);
	r.options.catalog = prices;
	r.options.on_item = take_item;
	r.file_end = end_file;
	r.more = &a;
	r.open_too = true;
	if (source)
		status = read_source(&r, source, paths, paths_n, &found);
	for (size_t i = 0; source == NULL && import_source_at(i) && status == EXIT_DONE; i++)
		status = read_source(&r, import_source_at(i), paths, paths_n, &found);
	if (status == EXIT_DONE && found == 0)
		status = cli_fail(c, "no transcripts are there: name the folder that the agent writes to");
	if (status == EXIT_DONE)
		print_totals(&a, &r.totals);
	if (!c->json || status != EXIT_DONE)
		buf_release(&a.json);
	return status;
}
