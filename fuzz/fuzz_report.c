/* A report's query string, as the console takes it from anybody who may look: whatever it says, it is refused
 * with a sentence, or the ledger answers it; an error of SQL would be a hole. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "finops/report.h"
#include "text/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1764072000000)

static const struct ledger_ops *ops;
static struct ledger *ledger;

/* One row, in a file that is gone from its folder as soon as it is open. */
static void open_ledger(void)
{
	char folder[] = "/tmp/weir-fuzz-XXXXXX", path[64];
	struct error e = {0};
	struct record r;
	slice rest;
	static const char *const behind[] = {"", "-wal", "-shm"};
	ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	record_init(&r);
	memset(r.id, '0', 26);
	r.time_ms = NOW - 1000;
	r.who.v[ATTR_USER] = SLICE("ana");
	r.who.v[ATTR_TAGS] = SLICE("{\"a\":\"1\"}");
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof path, "%s/weir.db", folder);
	if (ops->open(path, true, &ledger, &e) != 0 || ops->begin(ledger, &e) != 0 ||
	    ops->add(ledger, &r, &e) != 0 || ops->commit(ledger, &e) != 0)
		abort();
	for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
		snprintf(path, sizeof path, "%s/weir.db%s", folder, behind[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void answer(struct report *r)
{
	struct buf out;
	struct error e = {0};
	size_t at;
	buf_init(&out, 1 << 20);
	int rc = report_answer(ops, ledger, r, &out, NULL, &e);
	if (rc == ERR_IO || (rc != 0 && e.text[0] == '\0'))
		abort();
	if (rc == 0 && r->format == REPORT_JSON && json_validate(buf_slice(&out), &at) != NULL)
		abort();
	buf_clear(&out);
	rc = report_calls_json(ops, ledger, r, &out, &e);
	if (rc == ERR_IO || (rc == 0 && json_validate(buf_slice(&out), &at) != NULL))
		abort();
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena mem;
	struct report r;
	struct error e = {0};
	if (ledger == NULL)
		open_ledger();
	arena_init(&mem, 1 << 16);
	if (report_init(&r, SLICE("Europe/Berlin"), NOW, &e) != 0)
		abort();
	int rc = report_set_query(&r, (slice){(const char *)data, size}, &mem, &e);
	if (rc == 0)
		rc = report_ready(&r, &e);
	if (rc == 0)
		answer(&r);
	else if (e.text[0] == '\0')
		abort();
	report_release(&r);
	arena_release(&mem);
	return 0;
}
