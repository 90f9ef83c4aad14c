/* Alerts from bytes of any kind: a body as the ledger holds it, in every shape; a body made of hostile texts;
 * words of a silence. What comes out is JSON, and no text makes a mail's header. */
#include <stdlib.h>

#include "finops/alert_shape.h"
#include "finops/alert_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int rc, const struct buf *out)
{
	size_t at;
	if (rc == 0 && json_validate(buf_slice(out), &at))
		abort();
}

static void shapes(slice body)
{
	static struct alert_message m;
	slice to = SLICE("a@example.com");
	struct alert_target t = {.name = SLICE("t"), .mail = {.from = to, .to = &to, .to_n = 1}};
	struct alert_shape s = {&m, SLICE("node"), INT64_C(1764000000000)};
	struct buf out;
	m = (struct alert_message){.target = &t, .n = 1};
	m.told[0] = (struct alert_told){
	    .id = SLICE("id"), .severity = SLICE("warning"), .body = body, .raised_ms = 1};
	buf_init(&out, ALERT_SHAPE_MAX);
	for (int f = 0; f < ALERT_FORMATS; f++) {
		t.format = f;
		check(alert_shape_write(&s, &out), &out);
		buf_clear(&out);
	}
	if (alert_shape_mail(&s, &out) == 0) {
		slice text = buf_slice(&out);
		ptrdiff_t end = slice_find(text, SLICE("\r\n\r\n"));
		slice head = slice_sub(text, 0, end < 0 ? 0 : (size_t)end);
		size_t lines = 0;
		for (size_t i = 0; i + 1 < head.n; i++)
			lines += head.p[i] == '\n' && head.p[i + 1] != ' ';
		if (end < 0 || lines != 8)
			abort();
	}
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	slice text = slice_make(data, size), half = slice_sub(text, size / 2, size);
	struct alert_label labels[ALERT_WHERE_MAX];
	struct buf body;
	struct error e;
	char word[300];
	size_t n;
	shapes(text);
	struct alert_cause c = {
	    .title = text, .text = half, .evidence = text, .look = half, .contain = text, .target = half};
	alert_label_add(&c, "user", text);
	buf_init(&body, ALERT_BODY_MAX);
	int rc = alert_body_write(&c, &body);
	check(rc, &body);
	if (rc == 0)
		shapes(buf_slice(&body));
	buf_release(&body);
	(void)!alert_matches_read(text, labels, &n, &e);
	alert_quote(text, word, sizeof word);
	return strlen(word) < sizeof word ? 0 : 1;
}
