/* Slack, Teams and PagerDuty. */
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "finops/alert_shape.h"

#define SCRATCH       ((size_t)256 * 1024)
#define HEADER_BYTES  110 /* Slack: 150 characters, escapes among them */
#define CODE_BYTES    700
#define SUMMARY_BYTES 1000 /* PagerDuty: 1024 characters */
#define TEAMS_SHOWN   4    /* a card has 28 KB: 6 KB for each, all escaped */
#define TEAMS_COMMAND 500

struct shaping {
	const struct alert_shape *s;
	struct jsonw w;
	struct arena mem; /* of one alert */
	struct alert_cause c;
	const struct alert_told *t;
};

static bool next(struct shaping *x, size_t i)
{
	x->t = &x->s->message->told[i];
	arena_reset(&x->mem);
	x->c = (struct alert_cause){0};
	return alert_body_read(x->t->body, &x->mem, &x->c) == 0;
}

static slice cut(slice text, size_t most)
{
	return slice_sub(text, 0, utf8_cut(text, most));
}

static slice title_of(struct shaping *x, size_t most)
{
	const char *word = x->t->resolved_ms               ? "Over: "
	                   : x->t->event == ALERT_REPEATED ? "Still: "
	                   : x->t->event == ALERT_TESTED   ? "Test: "
	                                                   : "";
	slice all = arena_printf(&x->mem, "%s" SLICE_FMT, word, SLICE_ARG(x->c.title));
	return cut(all, most);
}

/* "warning, since 2026-11-24T14:03Z, user ana@example.com" */
static slice facts_of(struct shaping *x)
{
	char since[CLOCK_RFC3339_MAX];
	slice user = alert_label_get(&x->c, SLICE("user")), team = alert_label_get(&x->c, SLICE("team"));
	clock_format_rfc3339(x->t->since_ms, since);
	return arena_printf(&x->mem,
	                    SLICE_FMT ", since %.16sZ%s" SLICE_FMT "%s" SLICE_FMT ", alert " SLICE_FMT,
	                    SLICE_ARG(x->t->severity), since, user.n ? ", user " : "", SLICE_ARG(user),
	                    team.n ? ", team " : "", SLICE_ARG(team), SLICE_ARG(x->t->id));
}

static slice words_of(struct shaping *x)
{
	bool both = x->c.text.n && x->c.evidence.n && !slice_eq(x->c.text, x->c.evidence);
	if (!both)
		return x->c.text.n ? x->c.text : x->c.evidence;
	return arena_printf(&x->mem, SLICE_FMT "\n" SLICE_FMT, SLICE_ARG(x->c.text),
	                    SLICE_ARG(x->c.evidence));
}

static void put_type(struct jsonw *w, const char *type)
{
	jsonw_put_string(w, SLICE("type"), slice_of(type));
}

/* --- Slack ------------------------------------------------------------------------------- */

/* The three characters that Slack asks to be escaped; a backtick would end a code span. */
static slice slack_escape(struct arena *mem, slice text, bool code)
{
	char *out = arena_alloc(mem, text.n * 5 + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < text.n; i++) {
		const char *as = text.p[i] == '&'   ? "&amp;"
		                 : text.p[i] == '<' ? "&lt;"
		                 : text.p[i] == '>' ? "&gt;"
		                                    : NULL;
		if (as) {
			memcpy(out + n, as, strlen(as));
			n += strlen(as);
		} else {
			out[n++] = code && text.p[i] == '`' ? '\'' : text.p[i];
		}
	}
	return slice_make(out, out ? n : 0);
}

static void slack_plain(struct shaping *x, slice text)
{
	struct jsonw *w = &x->w;
	slice safe = slack_escape(&x->mem, text, false);
	jsonw_object(w);
	put_type(w, "plain_text");
	jsonw_put_string(w, SLICE("text"), safe.n ? safe : SLICE(" "));
	jsonw_put_bool(w, SLICE("emoji"), false);
	jsonw_object_end(w);
}

static void slack_block(struct shaping *x, const char *type, slice text)
{
	struct jsonw *w = &x->w;
	jsonw_object(w);
	put_type(w, type);
	jsonw_key(w, SLICE("text"));
	slack_plain(x, text);
	jsonw_object_end(w);
}

static void slack_command(struct shaping *x, const char *name, slice command)
{
	if (command.n == 0)
		return;
	slice text = arena_printf(&x->mem, "%s `" SLICE_FMT "`", name,
	                          SLICE_ARG(slack_escape(&x->mem, cut(command, CODE_BYTES), true)));
	jsonw_object(&x->w);
	put_type(&x->w, "section");
	jsonw_key(&x->w, SLICE("text"));
	jsonw_object(&x->w);
	put_type(&x->w, "mrkdwn");
	jsonw_put_string(&x->w, SLICE("text"), text);
	jsonw_put_bool(&x->w, SLICE("verbatim"), true);
	jsonw_object_end(&x->w);
	jsonw_object_end(&x->w);
}

static void slack_alert(struct shaping *x)
{
	static const char *const colours[] = {"#2f7ed8", "#e0a100", "#d02c2c"};
	enum alert_severity severity = alert_severity_from_name(x->t->severity);
	jsonw_object(&x->w);
	jsonw_put_string(&x->w, SLICE("color"),
	                 x->t->resolved_ms             ? SLICE("#2e9d4f")
	                 : severity < ALERT_SEVERITIES ? slice_of(colours[severity])
	                                               : SLICE("#888888"));
	jsonw_key(&x->w, SLICE("blocks"));
	jsonw_array(&x->w);
	slack_block(x, "header", title_of(x, HEADER_BYTES));
	if (words_of(x).n)
		slack_block(x, "section", words_of(x));
	slack_command(x, "Look:", x->c.look);
	if (!x->t->resolved_ms)
		slack_command(x, "Contain:", x->c.contain);
	jsonw_object(&x->w);
	put_type(&x->w, "context");
	jsonw_key(&x->w, SLICE("elements"));
	jsonw_array(&x->w);
	slack_plain(x, cut(facts_of(x), 2000));
	jsonw_array_end(&x->w);
	jsonw_object_end(&x->w);
	jsonw_array_end(&x->w);
	jsonw_object_end(&x->w);
}

int alert_shape_slack(const struct alert_shape *s, struct buf *out)
{
	struct shaping x = {.s = s};
	char subject[600], more[80];
	size_t n = s->message->n, shown = n < ALERT_SHAPE_SHOWN ? n : ALERT_SHAPE_SHOWN;
	bool whole = true;
	arena_init(&x.mem, SCRATCH);
	jsonw_init(&x.w, out);
	alert_shape_subject(s, subject, sizeof subject);
	jsonw_object(&x.w);
	jsonw_put_string(&x.w, SLICE("text"), slack_escape(&x.mem, slice_of(subject), false));
	jsonw_put_bool(&x.w, SLICE("mrkdwn"), false);
	jsonw_key(&x.w, SLICE("attachments"));
	jsonw_array(&x.w);
	for (size_t i = 0; i < shown; i++) {
		whole = next(&x, i) && whole;
		slack_alert(&x);
	}
	if (n > shown) {
		snprintf(more, sizeof more, "and %zu more: weir alert list", n - shown);
		jsonw_object(&x.w);
		jsonw_key(&x.w, SLICE("blocks"));
		jsonw_array(&x.w);
		slack_block(&x, "section", slice_of(more));
		jsonw_array_end(&x.w);
		jsonw_object_end(&x.w);
	}
	jsonw_array_end(&x.w);
	jsonw_object_end(&x.w);
	arena_release(&x.mem);
	int rc = jsonw_end(&x.w);
	return whole ? rc : ERR_INVALID;
}

/* --- Teams ------------------------------------------------------------------------------- */

/* Text runs know no Markdown, as text blocks do. */
static void teams_line(struct jsonw *w, slice name, slice text, bool title, bool code)
{
	if (text.n == 0)
		return;
	jsonw_object(w);
	put_type(w, "RichTextBlock");
	jsonw_key(w, SLICE("inlines"));
	jsonw_array(w);
	if (name.n) {
		jsonw_object(w);
		put_type(w, "TextRun");
		jsonw_put_string(w, SLICE("text"), name);
		jsonw_put_bool(w, SLICE("isSubtle"), true);
		jsonw_object_end(w);
	}
	jsonw_object(w);
	put_type(w, "TextRun");
	jsonw_put_string(w, SLICE("text"), text);
	if (title) {
		jsonw_put_string(w, SLICE("weight"), SLICE("Bolder"));
		jsonw_put_string(w, SLICE("size"), SLICE("Medium"));
	}
	if (code)
		jsonw_put_string(w, SLICE("fontType"), SLICE("Monospace"));
	jsonw_object_end(w);
	jsonw_array_end(w);
	jsonw_object_end(w);
}

static void teams_alert(struct shaping *x)
{
	static const char *const styles[] = {"accent", "warning", "attention"};
	enum alert_severity severity = alert_severity_from_name(x->t->severity);
	jsonw_object(&x->w);
	put_type(&x->w, "Container");
	jsonw_put_string(&x->w, SLICE("style"),
	                 x->t->resolved_ms             ? SLICE("good")
	                 : severity < ALERT_SEVERITIES ? slice_of(styles[severity])
	                                               : SLICE("default"));
	jsonw_key(&x->w, SLICE("items"));
	jsonw_array(&x->w);
	teams_line(&x->w, SLICE_NONE, title_of(x, HEADER_BYTES * 2), true, false);
	teams_line(&x->w, SLICE_NONE, cut(words_of(x), 1000), false, false);
	teams_line(&x->w, SLICE("Look: "), cut(x->c.look, TEAMS_COMMAND), false, true);
	if (!x->t->resolved_ms)
		teams_line(&x->w, SLICE("Contain: "), cut(x->c.contain, TEAMS_COMMAND), false, true);
	teams_line(&x->w, SLICE_NONE, cut(facts_of(x), 400), false, false);
	jsonw_array_end(&x->w);
	jsonw_object_end(&x->w);
}

static void teams_card(struct shaping *x, bool *whole)
{
	struct jsonw *w = &x->w;
	size_t n = x->s->message->n, shown = n < TEAMS_SHOWN ? n : TEAMS_SHOWN;
	char more[80];
	jsonw_object(w);
	jsonw_put_string(w, SLICE("$schema"), SLICE("http://adaptivecards.io/schemas/adaptive-card.json"));
	put_type(w, "AdaptiveCard");
	jsonw_put_string(w, SLICE("version"), SLICE("1.4"));
	jsonw_put_raw(w, SLICE("msteams"), SLICE("{\"width\":\"Full\"}"));
	jsonw_key(w, SLICE("body"));
	jsonw_array(w);
	for (size_t i = 0; i < shown; i++) {
		*whole = next(x, i) && *whole;
		teams_alert(x);
	}
	if (n > shown) {
		snprintf(more, sizeof more, "and %zu more: weir alert list", n - shown);
		teams_line(w, SLICE_NONE, slice_of(more), false, false);
	}
	jsonw_array_end(w);
	jsonw_object_end(w);
}

int alert_shape_teams(const struct alert_shape *s, struct buf *out)
{
	struct shaping x = {.s = s};
	struct jsonw *w = &x.w;
	bool whole = true;
	arena_init(&x.mem, SCRATCH);
	jsonw_init(w, out);
	jsonw_object(w);
	put_type(w, "message");
	jsonw_key(w, SLICE("attachments"));
	jsonw_array(w);
	jsonw_object(w);
	jsonw_put_string(w, SLICE("contentType"), SLICE("application/vnd.microsoft.card.adaptive"));
	jsonw_put_null(w, SLICE("contentUrl"));
	jsonw_key(w, SLICE("content"));
	teams_card(&x, &whole);
	jsonw_object_end(w);
	jsonw_array_end(w);
	jsonw_object_end(w);
	arena_release(&x.mem);
	int rc = jsonw_end(w);
	return whole ? rc : ERR_INVALID;
}

/* --- PagerDuty --------------------------------------------------------------------------- */

static void pagerduty_payload(struct shaping *x)
{
	struct jsonw *w = &x->w;
	char since[CLOCK_RFC3339_MAX];
	size_t n = clock_format_rfc3339(x->t->since_ms, since);
	slice rule = alert_label_get(&x->c, SLICE("budget"));
	rule = rule.n ? rule : alert_label_get(&x->c, SLICE("rule"));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("summary"), cut(x->c.title, SUMMARY_BYTES));
	jsonw_put_string(w, SLICE("source"), x->s->node.n ? x->s->node : SLICE("weir"));
	jsonw_put_string(w, SLICE("severity"), x->t->severity);
	jsonw_put_string(w, SLICE("timestamp"), slice_make(since, n));
	jsonw_put_string(w, SLICE("component"), SLICE("weir"));
	if (rule.n)
		jsonw_put_string(w, SLICE("group"), rule);
	jsonw_put_string(w, SLICE("class"), slice_of(alert_kind_name(x->t->kind)));
	jsonw_key(w, SLICE("custom_details"));
	jsonw_object(w);
	const struct alert_label texts[] = {{SLICE("text"), x->c.text},
	                                    {SLICE("evidence"), x->c.evidence},
	                                    {SLICE("look"), x->c.look},
	                                    {SLICE("contain"), x->c.contain}};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].value.n)
			jsonw_put_string(w, texts[i].name, texts[i].value);
	for (size_t i = 0; i < x->c.labels_n; i++)
		jsonw_put_string(w, x->c.labels[i].name, x->c.labels[i].value);
	jsonw_object_end(w);
	jsonw_object_end(w);
}

int alert_shape_pagerduty(const struct alert_shape *s, slice routing_key, struct buf *out)
{
	struct shaping x = {.s = s};
	struct jsonw *w = &x.w;
	arena_init(&x.mem, SCRATCH);
	jsonw_init(w, out);
	bool whole = s->message->n == 1 && next(&x, 0), over = whole && x.t->resolved_ms > 0;
	jsonw_object(w);
	jsonw_put_string(w, SLICE("routing_key"), routing_key);
	bool acknowledged = whole && x.t->event == ALERT_ACKNOWLEDGED;
	jsonw_put_string(w, SLICE("event_action"),
	                 over           ? SLICE("resolve")
	                 : acknowledged ? SLICE("acknowledge")
	                                : SLICE("trigger"));
	if (whole)
		jsonw_put_string(w, SLICE("dedup_key"), x.t->id);
	if (whole && !over && !acknowledged) {
		jsonw_put_string(w, SLICE("client"), SLICE("Weir"));
		jsonw_key(w, SLICE("payload"));
		pagerduty_payload(&x);
	}
	jsonw_object_end(w);
	arena_release(&x.mem);
	int rc = jsonw_end(w);
	return whole ? rc : ERR_INVALID;
}
