/* `weir alert`: what needs somebody, silencing it, and whether alerts come where they are to. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/alert_send.h"
#include "cli/ledger_open.h"
#include "cli/remote.h"
#include "finops/alert_view.h"
#include "store/journal.h"
#include "text/json.h"

#define JSON_MAX  (16u << 20)
#define WEEK_MS   (INT64_C(7) * 24 * 3600 * 1000)
#define AWAIT_MS  20000 /* for a test to come, or to fail */
#define LOOK_MS   250
#define STATE_MAX 16

static int run_alert(struct cli *c, int argc, char **argv);

const struct command command_alert = {
    "alert", "what needs somebody: open alerts, silencing them, a test",
    "weir alert list | show ID | test [TARGET] | silence [ID] | unsilence ID [options]\n\n"
    "list shows the alerts that are open and what is silenced; show tells of one what it is about, what to "
    "do,\n"
    "and where it was told. test sends one to TARGET, or to every target of the settings, and waits for how "
    "it\n"
    "went. silence holds back one alert, or all whose labels are so; what is still so when the silence ends "
    "is\n"
    "told then. unsilence ends one (its ID stands in the list).\n\n"
    "  --all          also those that are over\n"
    "  --since WHEN   with --all: how far back (12h, 7d); default 7d\n"
    "  --where L=V    of silence: labels, such as budget=dev-* or user=ana@example.com; may be given again\n"
    "  --for TIME     of silence: how long (30m, 2h, 7d); default 4h\n"
    "  --reason WHY   of silence and unsilence: for the audit\n",
    run_alert};

struct wish {
	const char *what, *id;
	bool all;
	int64_t since_ms;
	char matches[ALERT_MATCHES_MAX], actor[300];
	struct alert_wish w;
};

/* --- the command line -------------------------------------------------------------------- */

static int add_where(struct cli *c, struct wish *w, const char *value)
{
	size_t n = strlen(w->matches);
	int more = snprintf(w->matches + n, sizeof w->matches - n, "%s%s", n ? "," : "", value);
	if (more < 0 || (size_t)more >= sizeof w->matches - n)
		return cli_usage_error(c, &command_alert, "--where: that is too long");
	return EXIT_DONE;
}

static int take_option(struct cli *c, struct wish *w, const char *name, const char *value)
{
	if (strcmp(name, "all") == 0) {
		w->all = true;
	} else if (strcmp(name, "where") == 0) {
		return add_where(c, w, value);
	} else if (strcmp(name, "reason") == 0) {
		w->w.reason = slice_of(value);
	} else {
		int64_t *to = strcmp(name, "for") == 0 ? &w->w.for_ms : &w->since_ms;
		if (!clock_parse_duration(slice_of(value), to) || *to <= 0)
			return cli_usage_error(c, &command_alert, "--%s %s: write a time, such as 2h or 7d",
			                       name, value);
	}
	return EXIT_DONE;
}

static int check_wish(struct cli *c, struct wish *w)
{
	static const char *const words[] = {"list", "show", "test", "silence", "unsilence"};
	bool known = false, silences = strcmp(w->what, "silence") == 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		known = known || strcmp(w->what, words[i]) == 0;
	if (!known)
		return cli_usage_error(c, &command_alert,
		                       "\"%s\": there are list, show, test, silence and unsilence", w->what);
	bool needs = strcmp(w->what, "show") == 0 || strcmp(w->what, "unsilence") == 0;
	if (needs && w->id == NULL)
		return cli_usage_error(c, &command_alert, "which one? `weir alert list` shows them");
	if (strcmp(w->what, "list") == 0 && w->id)
		return cli_usage_error(c, &command_alert,
		                       "list stands alone: `weir alert show %s` tells of one", w->id);
	if (silences && (w->id != NULL) == (w->matches[0] != '\0'))
		return cli_usage_error(c, &command_alert,
		                       "silence wants the ID of one alert, or --where, such as --where "
		                       "budget=dev-day");
	if (!silences && (w->matches[0] || w->w.for_ms))
		return cli_usage_error(c, &command_alert, "--where and --for go with silence");
	if (w->w.reason.n > ALERT_REASON_MAX)
		return cli_usage_error(c, &command_alert, "--reason: at most %d bytes", ALERT_REASON_MAX);
	return EXIT_DONE;
}

/* EXIT_DONE, or another exit status; -1 after --help. */
static int read_wish(struct cli *c, int argc, char **argv, struct wish *w)
{
	const char *name, *value;
	int at = 1, r, status = EXIT_DONE;
	*w = (struct wish){.since_ms = WEEK_MS};
	while (status == EXIT_DONE && (r = cli_next(c, &command_alert, argc, argv, &at,
	                                            "all:since=:where=:for=:reason=", &name, &value)) != 0) {
		if (r < 0)
			return r == -2 ? -1 : EXIT_USAGE;
		if (r == 1)
			status = take_option(c, w, name, value);
		else if (w->what == NULL)
			w->what = value;
		else if (w->id == NULL)
			w->id = value;
		else
			status = cli_usage_error(c, &command_alert, "%s: one at a time", value);
	}
	if (status != EXIT_DONE)
		return status;
	if (w->what == NULL)
		w->what = "list";
	const char *user = cli_env(c, "USER");
	if (user)
		snprintf(w->actor, sizeof w->actor, "%.*s", ATTR_TEXT_MAX, user);
	else
		snprintf(w->actor, sizeof w->actor, "uid:%u", (unsigned)getuid());
	w->w.by = slice_of(w->actor);
	w->w.now_ms = clock_wall_ms(clock_real());
	w->w.matches = slice_of(w->matches);
	w->w.alert = w->id ? slice_of(w->id) : SLICE_NONE;
	return check_wish(c, w);
}

/* --- where it is done: the store, or a running gateway's API ----------------------------- */

struct place {
	struct cli *c;
	struct cli_ledger l; /* without --server */
};

static int view(struct place *p, const struct wish *w, const char *id, bool json, struct buf *out, size_t *n)
{
	struct error e = {0};
	int64_t now = clock_wall_ms(clock_real());
	struct alert_view v = {.ops = p->l.ops,
	                       .ledger = p->l.ledger,
	                       .now_ms = now,
	                       .json = json,
	                       .all = w->all,
	                       .since_ms = now - w->since_ms};
	*n = 1;
	int rc = id ? alert_view_show(&v, slice_of(id), out, &e) : alert_view_list(&v, out, n, &e);
	return rc ? cli_fail(p->c, "%s", e.text) : EXIT_DONE;
}

static int path_of(const struct wish *w, const char *id, bool json, struct buf *path)
{
	struct buf word;
	buf_init(&word, 4096);
	int rc = remote_word(&word, SLICE("id"), slice_of(id ? id : ""));
	slice escaped = slice_sub(buf_slice(&word), sizeof "?id=" - 1, word.n);
	if (rc == 0 && id)
		rc = buf_printf(path, "/api/v1/alerts/" SLICE_FMT "?format=%s", SLICE_ARG(escaped),
		                json ? "json" : "table");
	else if (rc == 0)
		rc = buf_printf(path, "/api/v1/alerts?format=%s%s&since=%llds", json ? "json" : "table",
		                w->all ? "&all=true" : "", (long long)(w->since_ms / 1000));
	buf_release(&word);
	return rc;
}

/* The text of {"text": "..."} in place of the answer. */
static int unwrap(struct cli *c, struct buf *out)
{
	struct json j;
	json_key k;
	json_str s;
	char *text = NULL;
	size_t n = 0;
	json_init(&j, buf_slice(out));
	json_object(&j);
	while (json_next_key(&j, &k)) {
		if (text || !json_key_is(&k, SLICE("text")) || json_peek(&j) != JSON_STRING ||
		    !json_string(&j, &s)) {
			json_skip(&j, NULL);
			continue;
		}
		text = malloc(s.raw.n + 1);
		n = text ? json_unescape(&s, text, s.raw.n + 1) : 0;
	}
	buf_clear(out);
	int rc = text && n ? buf_append(out, slice_make(text, n)) : 0;
	free(text);
	return rc ? cli_fail(c, "memory is spent") : EXIT_DONE;
}

static int fetch(struct place *p, const struct wish *w, const char *id, bool json, struct buf *out, size_t *n)
{
	struct buf path;
	if (p->c->server == NULL)
		return view(p, w, id, json, out, n);
	buf_init(&path, 8192);
	int status = path_of(w, id, json, &path) ? cli_fail(p->c, "the id is too long")
	                                         : remote_get(p->c, buf_slice(&path), out);
	buf_release(&path);
	if (status == EXIT_DONE && !json)
		status = unwrap(p->c, out);
	*n = out->n;
	return status;
}

static int show(struct place *p, const struct wish *w)
{
	struct buf out;
	size_t n = 0;
	buf_init(&out, JSON_MAX);
	const char *id = strcmp(w->what, "show") == 0 ? w->id : NULL;
	int status = fetch(p, w, id, p->c->json, &out, &n);
	if (status == EXIT_DONE && out.n)
		fprintf(p->c->out, SLICE_FMT, SLICE_ARG(buf_slice(&out)));
	if (status == EXIT_DONE && n == 0 && !p->c->json)
		fprintf(p->c->err, w->all ? "No alerts in that time.\n" : "Nothing is open.\n");
	buf_release(&out);
	return status;
}

/* --- silences ---------------------------------------------------------------------------- */

static int put_question(const struct wish *w, bool ends, struct buf *body)
{
	struct jsonw j;
	jsonw_init(&j, body);
	jsonw_object(&j);
	if (ends)
		jsonw_put_string(&j, SLICE("id"), slice_of(w->id));
	else if (w->id)
		jsonw_put_string(&j, SLICE("alert"), slice_of(w->id));
	else
		jsonw_put_string(&j, SLICE("where"), slice_of(w->matches));
	if (!ends && w->w.for_ms) {
		char span[32];
		snprintf(span, sizeof span, "%llds", (long long)(w->w.for_ms / 1000));
		jsonw_put_string(&j, SLICE("for"), slice_of(span));
	}
	if (w->w.reason.n)
		jsonw_put_string(&j, SLICE("reason"), w->w.reason);
	jsonw_object_end(&j);
	return jsonw_end(&j);
}

static int ask_silence(struct place *p, const struct wish *w, bool ends, struct buf *answer)
{
	struct buf body;
	buf_init(&body, 8192);
	int status = put_question(w, ends, &body) ? cli_fail(p->c, "memory is spent")
	                                          : remote_call(p->c, "POST",
	                                                        ends ? SLICE("/api/v1/alerts/unsilence")
	                                                             : SLICE("/api/v1/alerts/silence"),
	                                                        buf_slice(&body), answer);
	buf_release(&body);
	return status;
}

static int do_silence(struct place *p, const struct wish *w, bool ends, struct buf *answer)
{
	char id[CRYPTO_ID_MAX];
	struct error e = {0};
	int rc = ends ? alert_unsilence(p->l.ops, p->l.ledger, slice_of(w->id), &w->w, &e)
	              : alert_silence(p->l.ops, p->l.ledger, &w->w, id, &e);
	if (rc)
		return cli_fail(p->c, "%s", e.text);
	rc = buf_printf(answer, "{\"id\":\"%s\"}", ends ? w->id : id);
	return rc ? cli_fail(p->c, "memory is spent") : EXIT_DONE;
}

/* The member "id" of an object; false when there is none. */
static bool id_of(slice object, char out[CRYPTO_ID_MAX])
{
	struct json j;
	json_key k;
	json_str s;
	out[0] = '\0';
	json_init(&j, object);
	json_object(&j);
	while (json_next_key(&j, &k))
		if (json_key_is(&k, SLICE("id")) && json_peek(&j) == JSON_STRING && json_string(&j, &s)) {
			size_t n = s.raw.n < CRYPTO_ID_MAX ? json_unescape(&s, out, CRYPTO_ID_MAX - 1) : 0;
			out[n] = '\0';
		} else {
			json_skip(&j, NULL);
		}
	return out[0] != '\0';
}

static int silence(struct place *p, const struct wish *w)
{
	bool ends = strcmp(w->what, "unsilence") == 0;
	char id[CRYPTO_ID_MAX], span[ALERT_SPAN_MAX];
	struct buf answer;
	buf_init(&answer, JSON_MAX);
	int status = p->c->server ? ask_silence(p, w, ends, &answer) : do_silence(p, w, ends, &answer);
	if (status == EXIT_DONE && p->c->json)
		fprintf(p->c->out, SLICE_FMT "\n", SLICE_ARG(slice_trim(buf_slice(&answer))));
	id_of(buf_slice(&answer), id);
	alert_span(w->w.for_ms ? w->w.for_ms : ALERT_SILENCE_MS, span);
	if (status == EXIT_DONE && ends)
		fprintf(p->c->err, "Silence %s is over: what is still so is told now.\n", w->id);
	else if (status == EXIT_DONE)
		fprintf(p->c->err, "Silenced for %s. `weir alert unsilence %s` ends it.\n", span, id);
	buf_release(&answer);
	return status;
}

/* --- a test ------------------------------------------------------------------------------ */

struct told {
	size_t waiting, failed;
	char target[64], state[STATE_MAX], error[256];
};

static void take_text(struct json *j, char *out, size_t cap)
{
	json_str s;
	size_t n = 0;
	if (json_peek(j) == JSON_STRING && json_string(j, &s))
		n = s.raw.n < cap ? json_unescape(&s, out, cap - 1) : 0;
	else
		json_skip(j, NULL);
	out[n] = '\0';
}

static void take_delivery(struct json *j, struct told *t)
{
	json_key k;
	json_object(j);
	t->target[0] = t->state[0] = t->error[0] = '\0';
	while (json_next_key(j, &k))
		if (json_key_is(&k, SLICE("target")))
			take_text(j, t->target, sizeof t->target);
		else if (json_key_is(&k, SLICE("state")))
			take_text(j, t->state, sizeof t->state);
		else if (json_key_is(&k, SLICE("error")))
			take_text(j, t->error, sizeof t->error);
		else
			json_skip(j, NULL);
}

/* How each delivery of {"alert", "deliveries"} stands; printed when say is set. */
static struct told deliveries_of(struct cli *c, slice answer, bool say)
{
	struct told t = {0};
	struct json j;
	json_key k;
	json_init(&j, answer);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, SLICE("deliveries"))) {
			json_skip(&j, NULL);
			continue;
		}
		json_array(&j);
		while (json_next(&j)) {
			take_delivery(&j, &t);
			bool sent = strcmp(t.state, "sent") == 0, waits = strcmp(t.state, "waiting") == 0;
			t.waiting += waits && t.error[0] == '\0';
			t.failed += !sent;
			if (say)
				fprintf(c->out, "%s: %s%s%s\n", t.target,
				        sent    ? "sent"
				        : waits ? "not sent, and tried again"
				                : t.state,
				        t.error[0] ? ": " : "", t.error);
		}
	}
	return t;
}

/* Until each has been sent, or has failed once. */
static int await(struct place *p, const struct wish *w, const char *id)
{
	struct timespec pause = {0, LOOK_MS * 1000000L};
	struct told t = {.waiting = 1};
	struct buf out;
	size_t n;
	int status = EXIT_DONE;
	buf_init(&out, JSON_MAX);
	for (int waited = 0; status == EXIT_DONE && t.waiting && waited < AWAIT_MS; waited += LOOK_MS) {
		nanosleep(&pause, NULL);
		buf_clear(&out);
		status = fetch(p, w, id, true, &out, &n);
		t = deliveries_of(p->c, buf_slice(&out), false);
	}
	if (status == EXIT_DONE && p->c->json)
		fprintf(p->c->out, SLICE_FMT "\n", SLICE_ARG(slice_trim(buf_slice(&out))));
	else if (status == EXIT_DONE)
		deliveries_of(p->c, buf_slice(&out), true);
	buf_release(&out);
	return status == EXIT_DONE && t.failed ? EXIT_FAILED : status;
}

static bool gateway_runs(const struct cli_ledger *l)
{
	char path[4096];
	int n = snprintf(path, sizeof path, SLICE_FMT, SLICE_ARG(l->settings->journal));
	return n > 0 && (size_t)n < sizeof path && journal_is_open(path);
}

static int test(struct place *p, const struct wish *w)
{
	char id[CRYPTO_ID_MAX];
	struct error e = {0};
	struct buf body, answer;
	if (p->c->server == NULL && !gateway_runs(&p->l))
		return alert_send_test(p->c, w->id, w->actor);
	if (p->c->server == NULL) {
		int rc = alert_test(p->l.ops, p->l.ledger, p->l.settings->alerts, p->l.settings->alerts_n,
		                    w->w.alert, w->w.by, w->w.now_ms, id, &e);
		return rc ? cli_fail(p->c, "%s", e.text) : await(p, w, id);
	}
	buf_init(&body, 4096);
	buf_init(&answer, JSON_MAX);
	struct jsonw j;
	jsonw_init(&j, &body);
	jsonw_object(&j);
	if (w->id)
		jsonw_put_string(&j, SLICE("target"), slice_of(w->id));
	jsonw_object_end(&j);
	int status = jsonw_end(&j)
	                 ? cli_fail(p->c, "memory is spent")
	                 : remote_call(p->c, "POST", SLICE("/api/v1/alerts/test"), buf_slice(&body), &answer);
	if (status == EXIT_DONE && !id_of(buf_slice(&answer), id))
		status = cli_fail(p->c, "%s gave no id of the test", p->c->server);
	buf_release(&body);
	buf_release(&answer);
	return status == EXIT_DONE ? await(p, w, id) : status;
}

/* --- run --------------------------------------------------------------------------------- */

static int run_alert(struct cli *c, int argc, char **argv)
{
	struct wish w;
	struct place p = {.c = c};
	int status = read_wish(c, argc, argv, &w);
	if (status != EXIT_DONE)
		return status < 0 ? EXIT_DONE : status;
	bool reads = strcmp(w.what, "list") == 0 || strcmp(w.what, "show") == 0;
	if (c->server == NULL)
		status = cli_ledger_open(c, !reads, &p.l);
	if (status != EXIT_DONE)
		return status;
	status = reads ? show(&p, &w) : strcmp(w.what, "test") == 0 ? test(&p, &w) : silence(&p, &w);
	if (c->server == NULL)
		cli_ledger_close(&p.l);
	return status;
}
