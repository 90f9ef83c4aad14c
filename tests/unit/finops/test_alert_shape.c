/* The shapes of a message: valid whatever the names are, within their receivers' limits, signed as told. */
#include "finops/alert_shape.h"
#include "unit/unit.h"

#define T0 INT64_C(1764000000000) /* 2025-11-24T16:00:00Z, a Monday */

static const char hostile[] = "a<!channel>&`*_[x](http://e)\"\\\r\nBcc: eve@example.com\xff\xe2\x80\xae";

struct made {
	struct alert_target target;
	struct alert_message message;
	struct alert_shape shape;
	struct buf bodies[ALERT_JOINED_MAX], out;
};

static void make(struct made *m, size_t n, slice name)
{
	memset(m, 0, sizeof *m);
	m->target = (struct alert_target){.name = SLICE("chat"), .secret = SLICE("0123456789abcdef")};
	m->target.mail.from = SLICE("weir@example.com");
	static slice to[] = {{"a@example.com", 13}, {"b@example.com", 13}};
	m->target.mail.to = to;
	m->target.mail.to_n = 2;
	m->message = (struct alert_message){.id = 7, .target = &m->target, .n = n};
	for (size_t i = 0; i < n; i++) {
		struct alert_cause c = {.key = SLICE("k"),
		                        .kind = ALERT_STORM,
		                        .severity = ALERT_CRITICAL,
		                        .title = name,
		                        .text = name,
		                        .evidence = SLICE("it did it 3 times"),
		                        .look = name,
		                        .contain = name};
		alert_label_add(&c, "user", name);
		buf_init(&m->bodies[i], ALERT_BODY_MAX);
		assert_int_equal(alert_body_write(&c, &m->bodies[i]), 0);
		m->message.told[i] = (struct alert_told){.id = SLICE("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
		                                         .severity = SLICE("critical"),
		                                         .body = buf_slice(&m->bodies[i]),
		                                         .kind = ALERT_STORM,
		                                         .seq = 7 + (int64_t)i,
		                                         .since_ms = T0,
		                                         .raised_ms = T0 + 1000,
		                                         .count = 1};
	}
	m->shape = (struct alert_shape){&m->message, SLICE("node"), T0 + 2000};
	buf_init(&m->out, ALERT_SHAPE_MAX);
}

static void release(struct made *m)
{
	for (size_t i = 0; i < m->message.n; i++)
		buf_release(&m->bodies[i]);
	buf_release(&m->out);
}

static bool has(const struct buf *b, const char *text)
{
	return slice_find(buf_slice(b), slice_of(text)) >= 0;
}

static size_t count_of(const struct buf *b, const char *text)
{
	slice rest = buf_slice(b);
	size_t n = 0;
	for (ptrdiff_t at; (at = slice_find(rest, slice_of(text))) >= 0; n++)
		rest = slice_sub(rest, (size_t)at + 1, rest.n);
	return n;
}

typedef int shape_fn(const struct alert_shape *s, struct buf *out);

static int pager(const struct alert_shape *s, struct buf *out)
{
	return alert_shape_pagerduty(s, SLICE("key"), out);
}

static void every_shape_is_json_whatever_the_names(void **state)
{
	(void)state;
	shape_fn *const shapes[] = {alert_shape_json, alert_shape_slack, alert_shape_teams, pager};
	const size_t most[] = {ALERT_JOINED_MAX, ALERT_JOINED_MAX, ALERT_JOINED_MAX, 1};
	for (size_t i = 0; i < COUNT(shapes); i++) {
		size_t at;
		struct made m;
		make(&m, most[i], slice_make(hostile, sizeof hostile - 1));
		assert_int_equal(shapes[i](&m.shape, &m.out), 0);
		assert_null(json_validate(buf_slice(&m.out), &at));
		release(&m);
	}
}

static void slack_shows_some_and_counts_the_rest(void **state)
{
	(void)state;
	struct made m;
	make(&m, 14, slice_make(hostile, sizeof hostile - 1));
	assert_int_equal(alert_shape_slack(&m.shape, &m.out), 0);
	assert_false(has(&m.out, "<!"));
	assert_int_equal(count_of(&m.out, "\"type\":\"header\""), ALERT_SHAPE_SHOWN);
	assert_true(has(&m.out, "and 4 more: weir alert list"));
	release(&m);
}

static void a_card_has_28_kb_at_most(void **state)
{
	(void)state;
	struct made m;
	static char longest[4000];
	memset(longest, '\\', sizeof longest);
	make(&m, 50, slice_make(longest, sizeof longest));
	assert_int_equal(alert_shape_teams(&m.shape, &m.out), 0);
	assert_true(m.out.n < 28 * 1024);
	assert_int_equal(count_of(&m.out, "TextBlock\""), count_of(&m.out, "\"RichTextBlock\""));
	release(&m);
}

static void an_incident_is_triggered_and_resolved_by_its_alert(void **state)
{
	(void)state;
	struct made m;
	make(&m, 1, SLICE("Storm: session x"));
	assert_int_equal(pager(&m.shape, &m.out), 0);
	assert_true(has(&m.out, "\"routing_key\":\"key\",\"event_action\":\"trigger\",\"dedup_key\":"
	                        "\"01ARZ3NDEKTSV4RRFFQ69G5FAV\""));
	assert_true(
	    has(&m.out, "\"summary\":\"Storm: session x\",\"source\":\"node\",\"severity\":\"critical\""));
	buf_clear(&m.out);
	m.message.told[0].resolved_ms = T0 + 5000;
	assert_int_equal(pager(&m.shape, &m.out), 0);
	assert_true(slice_eq(buf_slice(&m.out),
	                     SLICE("{\"routing_key\":\"key\",\"event_action\":\"resolve\",\"dedup_key\":"
	                           "\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}")));
	release(&m);
}

static void a_mail_has_its_own_headers_alone(void **state)
{
	(void)state;
	struct made m;
	make(&m, 1, slice_make(hostile, sizeof hostile - 1));
	assert_int_equal(alert_shape_mail(&m.shape, &m.out), 0);
	slice text = buf_slice(&m.out);
	ptrdiff_t end = slice_find(text, SLICE("\r\n\r\n"));
	assert_true(end > 0);
	slice head = slice_sub(text, 0, (size_t)end);
	assert_true(slice_starts(
	    head, SLICE("Date: Mon, 24 Nov 2025 16:00:02 +0000\r\nFrom: Weir <weir@example.com>\r\n"
	                "To: <a@example.com>,\r\n <b@example.com>\r\nSubject: =?UTF-8?B?")));
	assert_true(slice_find(head, SLICE("Bcc")) < 0);
	slice rest = text, line;
	while (rest.n && slice_split(&rest, '\n', &line)) {
		assert_true(line.n <= 78);
		assert_true(line.n == 0 || slice_ends(line, SLICE("\r")));
	}
	release(&m);
}

static void a_signature_is_of_the_time_and_the_body(void **state)
{
	(void)state;
	char out[ALERT_SIGNATURE_MAX];
	/* printf '%s' '1764000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef */
	assert_int_equal(alert_sign(SLICE("0123456789abcdef"), 1764000000, SLICE("{\"a\":1}"), out), 0);
	assert_string_equal(out, "v1=19b692a3b3faad0515d4b643aa46cb06d55d8258053f2ffb472c2134aa59171c");
}

static void text_for_people_says_what_to_do(void **state)
{
	(void)state;
	struct made m;
	char subject[300];
	make(&m, 2, SLICE("Storm: session x"));
	assert_int_equal(alert_shape_text(&m.shape, &m.out), 0);
	assert_true(has(
	    &m.out, "Storm: session x\nStorm: session x\nseverity  critical, since 2025-11-24T16:00Z\n"
	            "evidence  it did it 3 times\nlook      Storm: session x\ncontain   Storm: session x\n"));
	alert_shape_subject(&m.shape, subject, sizeof subject);
	assert_string_equal(subject, "[weir critical] Storm: session x (and 1 more)");
	m.message.told[0].resolved_ms = T0 + 60000;
	buf_clear(&m.out);
	m.message.n = 1;
	assert_int_equal(alert_shape_text(&m.shape, &m.out), 0);
	assert_true(has(&m.out, "Over: Storm: session x\n"));
	assert_false(has(&m.out, "contain"));
	m.message.n = 2;
	release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_shape_is_json_whatever_the_names),
	    cmocka_unit_test(slack_shows_some_and_counts_the_rest),
	    cmocka_unit_test(a_card_has_28_kb_at_most),
	    cmocka_unit_test(an_incident_is_triggered_and_resolved_by_its_alert),
	    cmocka_unit_test(a_mail_has_its_own_headers_alone),
	    cmocka_unit_test(a_signature_is_of_the_time_and_the_body),
	    cmocka_unit_test(text_for_people_says_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
