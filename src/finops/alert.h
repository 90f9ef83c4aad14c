/* An alert as its source says it: what is so, how much, since when, who, the evidence, and the two commands:
 * to look, and to contain. Written as a JSON object into the ledger (struct ledger_alert's body), and read
 * from there for every message and view. */
#ifndef WEIR_FINOPS_ALERT_H
#define WEIR_FINOPS_ALERT_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/alert.h"
#include "text/jsonw.h"

#define ALERT_LABELS_MAX 14
#define ALERT_TITLE_MAX  200 /* bytes; longer ones are cut at a character */
#define ALERT_TEXT_MAX   1200
#define ALERT_BODY_MAX   16384
#define ALERT_CAUSE_MAX  512

struct alert_cause {
	slice key; /* what it is about: "budget/dev-day/ana@example.com/1764000000000" */
	enum alert_kind kind;
	enum alert_severity severity;
	int64_t level;       /* of a cause that grows (a budget's thresholds); told again when it rises */
	int64_t since_ms;    /* 0: now */
	int64_t hold_ms;     /* an event: it is over when none came for so long; 0: over when it is not so any
	                        more */
	slice title;         /* one line: what, and how much */
	slice text;          /* more words; n 0 none */
	slice evidence;      /* n 0 none */
	slice look, contain; /* commands; n 0 none */
	slice target;        /* goes there too, whatever that target wants (a hand-over); n 0 */
	size_t labels_n;     /* without kind and severity, which every alert has */
	struct alert_label labels[ALERT_LABELS_MAX];
};

/* Adds a label when the value is known and there is room. */
void alert_label_add(struct alert_cause *c, const char *name, slice value);
/* p NULL when there is none. */
slice alert_label_get(const struct alert_cause *c, slice name);
/* All labels, with kind, severity and (n 0: without) the alert's id, into out of ALERT_LABELS_MAX + 3. */
size_t alert_labels_all(const struct alert_cause *c, slice id, struct alert_label *out);

/* With all its texts in mem; ERR_NOMEM. */
int alert_cause_copy(struct arena *mem, const struct alert_cause *c, struct alert_cause *out) WARN_UNUSED;

/* The JSON object; texts are cut to their most, control characters become blanks (line feeds stay in text and
 * evidence). */
int alert_body_write(const struct alert_cause *c, struct buf *out) WARN_UNUSED;
/* Reads it back; texts in mem. ERR_INVALID, ERR_NOMEM. */
int alert_body_read(slice body, struct arena *mem, struct alert_cause *out) WARN_UNUSED;

/* "budget=dev-*,user=ana@example.com" -> what the labels must be; a value may hold no comma. ERR_INVALID with
 * a sentence. Texts in text. */
int alert_matches_read(slice text, struct alert_label out[ALERT_WHERE_MAX], size_t *n,
                       struct error *e) WARN_UNUSED;

/* "2h 5m", "3 days": how long, for people. */
#define ALERT_SPAN_MAX 32
void alert_span(int64_t ms, char out[ALERT_SPAN_MAX]);

#endif
