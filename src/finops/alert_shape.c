#include "finops/alert_shape.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/utf8.h"

#define SCRATCH     ((size_t)256 * 1024)
#define MAIL_LINE   57 /* bytes in a line of base64 */
#define WORD_BYTES  42 /* of an encoded word (RFC 2047: 75 characters in all) */
#define SUBJECT_MAX 180
#define ENCODED(n)  (((n) + 2) / 3 * 4)

/* --- our own ----------------------------------------------------------------------------- */

static void put_time(struct jsonw *w, slice key, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	if (ms > 0)
		jsonw_put_string(w, key, slice_make(text, clock_format_rfc3339(ms, text)));
	else
		jsonw_put_null(w, key);
}

static slice some(slice s)
{
	return s.n ? s : SLICE_NONE;
}

int alert_shape_told(struct jsonw *w, const struct alert_told *t)
{
	struct arena mem;
	struct alert_cause c = {0};
	char event[64];
	arena_init(&mem, SCRATCH);
	int rc = alert_body_read(t->body, &mem, &c);
	snprintf(event, sizeof event, SLICE_FMT "/%lld", SLICE_ARG(t->id), (long long)t->seq);
	jsonw_object(w);
	jsonw_put_string(w, SLICE("id"), t->id);
	if (t->event < ALERT_EVENTS) {
		jsonw_put_string(w, SLICE("event"), slice_of(alert_event_name(t->event)));
		jsonw_put_string(w, SLICE("event_id"), slice_of(event));
	}
	jsonw_put_string(w, SLICE("kind"), slice_of(alert_kind_name(t->kind)));
	jsonw_put_string(w, SLICE("severity"), t->severity);
	jsonw_put_string(w, SLICE("state"), t->resolved_ms ? SLICE("resolved") : SLICE("open"));
	jsonw_put_string(w, SLICE("title"), some(c.title));
	jsonw_put_string(w, SLICE("text"), some(c.text));
	jsonw_put_string(w, SLICE("evidence"), some(c.evidence));
	jsonw_put_string(w, SLICE("look"), some(c.look));
	jsonw_put_string(w, SLICE("contain"), some(c.contain));
	jsonw_key(w, SLICE("labels"));
	jsonw_object(w);
	for (size_t i = 0; i < c.labels_n; i++)
		jsonw_put_string(w, c.labels[i].name, c.labels[i].value);
	jsonw_object_end(w);
	put_time(w, SLICE("since"), t->since_ms);
	put_time(w, SLICE("raised"), t->raised_ms);
	put_time(w, SLICE("resolved"), t->resolved_ms);
	jsonw_put_i64(w, SLICE("count"), t->count);
	arena_release(&mem);
	return rc;
}

int alert_shape_json(const struct alert_shape *s, struct buf *out)
{
	const struct alert_message *m = s->message;
	struct jsonw w;
	char id[24];
	int rc = 0;
	snprintf(id, sizeof id, "%lld", (long long)m->id);
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_put_i64(&w, SLICE("version"), 1);
	jsonw_put_string(&w, SLICE("message"), slice_of(id));
	jsonw_put_string(&w, SLICE("target"), m->target->name);
	jsonw_put_string(&w, SLICE("node"), some(s->node));
	put_time(&w, SLICE("sent"), s->now_ms);
	jsonw_key(&w, SLICE("alerts"));
	jsonw_array(&w);
	for (size_t i = 0; i < m->n; i++) {
		int r = alert_shape_told(&w, &m->told[i]);
		jsonw_object_end(&w);
		rc = rc ? rc : r;
	}
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	return rc ? rc : jsonw_end(&w);
}

int alert_sign(slice secret, int64_t unix_s, slice body, char out[ALERT_SIGNATURE_MAX])
{
	uint8_t mac[CRYPTO_SHA256_BYTES];
	struct buf text;
	buf_init(&text, ALERT_SHAPE_MAX + 64);
	int rc = buf_printf(&text, "%lld.", (long long)unix_s);
	if (rc == 0)
		rc = buf_append(&text, body);
	if (rc == 0)
		rc = crypto_hmac_sha256(secret, buf_slice(&text), mac);
	buf_release(&text);
	memcpy(out, "v1=", 4);
	if (rc == 0)
		crypto_hex(mac, sizeof mac, out + 3);
	return rc;
}

int alert_shape_write(const struct alert_shape *s, struct buf *out)
{
	const struct alert_target *t = s->message->target;
	switch ((enum alert_format)t->format) {
	case ALERT_SLACK:
		return alert_shape_slack(s, out);
	case ALERT_TEAMS:
		return alert_shape_teams(s, out);
	case ALERT_PAGERDUTY:
		return alert_shape_pagerduty(s, t->secret, out);
	case ALERT_JSON:
	case ALERT_FORMATS:
		break;
	}
	return alert_shape_json(s, out);
}

/* --- for people -------------------------------------------------------------------------- */

static const char *state_word(const struct alert_told *t)
{
	return t->resolved_ms               ? "Over"
	       : t->event == ALERT_REPEATED ? "Still"
	       : t->event == ALERT_TESTED   ? "Test"
	                                    : NULL;
}

void alert_shape_subject(const struct alert_shape *s, char *out, size_t cap)
{
	const struct alert_message *m = s->message;
	struct arena mem;
	struct alert_cause c = {0};
	arena_init(&mem, SCRATCH);
	out[0] = '\0';
	if (m->n && alert_body_read(m->told[0].body, &mem, &c) == 0) {
		const char *word = state_word(&m->told[0]);
		slice title = slice_sub(c.title, 0, utf8_cut(c.title, SUBJECT_MAX));
		int n =
		    snprintf(out, cap, "[weir " SLICE_FMT "] %s%s" SLICE_FMT, SLICE_ARG(m->told[0].severity),
		             word ? word : "", word ? ": " : "", SLICE_ARG(title));
		if (m->n > 1 && n > 0 && (size_t)n < cap)
			snprintf(out + n, cap - (size_t)n, " (and %zu more)", m->n - 1);
	}
	arena_release(&mem);
}

static int text_line(struct buf *out, const char *name, slice value)
{
	return value.n ? buf_printf(out, "%-9s " SLICE_FMT "\n", name, SLICE_ARG(value)) : 0;
}

static int text_of(struct buf *out, const struct alert_told *t)
{
	struct arena mem;
	struct alert_cause c = {0};
	char since[CLOCK_RFC3339_MAX], until[CLOCK_RFC3339_MAX + 16] = "";
	const char *word = state_word(t);
	arena_init(&mem, SCRATCH);
	int rc = alert_body_read(t->body, &mem, &c);
	clock_format_rfc3339(t->since_ms, since);
	if (t->resolved_ms) {
		char end[CLOCK_RFC3339_MAX];
		clock_format_rfc3339(t->resolved_ms, end);
		snprintf(until, sizeof until, " until %.16sZ", end);
	}
	if (rc == 0)
		rc = buf_printf(out, "%s%s" SLICE_FMT "\n", word ? word : "", word ? ": " : "",
		                SLICE_ARG(c.title));
	if (rc == 0 && c.text.n)
		rc = buf_printf(out, SLICE_FMT "\n", SLICE_ARG(c.text));
	if (rc == 0)
		rc = buf_printf(out, "severity  " SLICE_FMT ", since %.16sZ%s\n", SLICE_ARG(t->severity),
		                since, until);
	if (rc == 0 && !slice_eq(c.evidence, c.text))
		rc = text_line(out, "evidence", c.evidence);
	if (rc == 0)
		rc = text_line(out, "look", c.look);
	if (rc == 0 && !t->resolved_ms)
		rc = text_line(out, "contain", c.contain);
	if (rc == 0)
		rc = text_line(out, "alert", t->id);
	arena_release(&mem);
	return rc;
}

int alert_shape_text(const struct alert_shape *s, struct buf *out)
{
	const struct alert_message *m = s->message;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < m->n && i < ALERT_SHAPE_SHOWN; i++) {
		rc = i ? buf_append(out, SLICE("\n")) : 0;
		rc = rc ? rc : text_of(out, &m->told[i]);
	}
	if (rc == 0 && m->n > ALERT_SHAPE_SHOWN)
		rc = buf_printf(out, "\nand %zu more: weir alert list\n", m->n - ALERT_SHAPE_SHOWN);
	return rc;
}

/* --- mail -------------------------------------------------------------------------------- */

/* RFC 2047 encoded words, so that nothing of the text can end the line. */
static int put_subject(struct buf *out, slice text)
{
	int rc = buf_append(out, SLICE("Subject:"));
	while (rc == 0 && text.n) {
		char word[ENCODED(WORD_BYTES)];
		size_t n = utf8_cut(text, WORD_BYTES);
		n = n ? n : text.n < WORD_BYTES ? text.n : WORD_BYTES;
		base64_encode(slice_sub(text, 0, n), word);
		text = slice_sub(text, n, text.n);
		rc = buf_printf(out, " =?UTF-8?B?%.*s?=\r\n", (int)base64_coded(n), word);
	}
	return rc;
}

static int put_lines(struct buf *out, slice text)
{
	int rc = 0;
	while (rc == 0 && text.n) {
		char line[ENCODED(MAIL_LINE)];
		size_t n = text.n < MAIL_LINE ? text.n : MAIL_LINE;
		base64_encode(slice_sub(text, 0, n), line);
		text = slice_sub(text, n, text.n);
		rc = buf_printf(out, "%.*s\r\n", (int)base64_coded(n), line);
	}
	return rc;
}

/* RFC 5322 section 3.3, in UTC */
static void mail_date(int64_t ms, char out[40])
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char t[CLOCK_RFC3339_MAX];
	long long month = 1, day = (long long)(ms / 86400000);
	clock_format_rfc3339(ms, t);
	if (!slice_to_i64(slice_make(t + 5, 2), &month) || month < 1 || month > 12)
		month = 1;
	snprintf(out, 40, "%s, %.2s %s %.4s %.8s +0000", days[day % 7], t + 8, months[month - 1], t, t + 11);
}

int alert_shape_mail(const struct alert_shape *s, struct buf *out)
{
	const struct alert_mail *mail = &s->message->target->mail;
	char subject[SUBJECT_MAX * 2], date[40];
	struct buf text;
	buf_init(&text, ALERT_SHAPE_MAX / 2);
	alert_shape_subject(s, subject, sizeof subject);
	mail_date(s->now_ms, date);
	int rc = buf_printf(out, "Date: %s\r\nFrom: Weir <" SLICE_FMT ">\r\n", date, SLICE_ARG(mail->from));
	for (size_t i = 0; rc == 0 && i < mail->to_n; i++)
		rc = buf_printf(out, "%s<" SLICE_FMT ">%s", i ? " " : "To: ", SLICE_ARG(mail->to[i]),
		                i + 1 < mail->to_n ? ",\r\n" : "\r\n");
	if (rc == 0)
		rc = put_subject(out, slice_of(subject));
	if (rc == 0)
		rc = buf_printf(
		    out,
		    "Message-ID: <weir.%lld.%lld@alerts.invalid>\r\nAuto-Submitted: auto-generated\r\n"
		    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n",
		    (long long)s->message->id, (long long)s->message->told[0].raised_ms);
	if (rc == 0)
		rc = alert_shape_text(s, &text);
	if (rc == 0)
		rc = put_lines(out, buf_slice(&text));
	buf_release(&text);
	return rc;
}
