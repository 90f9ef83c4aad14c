/* Made-up text that has the feel of an agent's context: prose, code, output of commands. */
#include "team.h"

#include <stdio.h>
#include <string.h>

static const char *const nouns[] = {"parser",     "cache",   "queue",     "invoice",  "handler", "session",
                                    "retry loop", "index",   "migration", "checkout", "worker",  "schema",
                                    "balance",    "webhook", "scanner",   "timeout",  "ledger",  "basket",
                                    "price list", "token",   "locale"};
static const char *const verbs[] = {"reads",  "drops", "keeps",  "rejects", "renames", "counts", "rounds",
                                    "checks", "holds", "writes", "skips",   "splits",  "joins",  "caches"};
static const char *const hows[] = {"too late",         "twice",       "without a lock", "before the commit",
                                   "in local time",    "as a string", "for every row",  "after a restart",
                                   "when it is empty", "at midnight", "under load",     "only on errors"};
static const char *const files[] = {"src/order.c",         "src/basket.ts",     "app/models/invoice.py",
                                    "lib/retry.go",        "internal/queue.go", "src/parser.rs",
                                    "api/webhook.py",      "web/src/cart.tsx",  "db/migrate/042.sql",
                                    "tests/test_price.py", "pkg/ledger/book.go"};
static const char *const tasks[] = {
    "The nightly import fails on empty lines. Find out why and fix it.",
    "Make the retry loop give up after five tries, with a test.",
    "The invoice total is off by a cent when there are three discounts.",
    "Rename the basket service and everything that uses it.",
    "Add pagination to the orders endpoint.",
    "The webhook handler drops events when the queue is full. Mend it.",
    "Write tests for the price parser; it has none.",
    "Move the session cache behind an interface.",
    "Upgrade the HTTP client and repair what breaks.",
    "Explain how the ledger closes a month, then write it down in docs/.",
    "The checkout page renders twice on a slow phone.",
    "Find the query that makes the report slow and give it an index.",
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

uint64_t team_pick(uint64_t *seed, uint64_t n)
{
	*seed = mix64(*seed);
	return (*seed >> 16) % n;
}

void team_uuid(uint64_t seed, char out[40])
{
	uint64_t a = mix64(seed), b = mix64(a);

	snprintf(out, 40, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff,
	         (unsigned)a & 0xfff, 0x8000 | ((unsigned)(b >> 48) & 0x3fff),
	         (unsigned long long)(b & 0xffffffffffff));
}

const char *team_task(uint64_t seed)
{
	return tasks[mix64(seed) % COUNT(tasks)];
}

void text_prose(struct buf *b, uint64_t seed, size_t bytes)
{
	size_t end = b->len + bytes;

	while (b->len < end) {
		uint64_t shape = team_pick(&seed, 3);
		const char *noun = nouns[team_pick(&seed, COUNT(nouns))],
		           *verb = verbs[team_pick(&seed, COUNT(verbs))];
		const char *other = nouns[team_pick(&seed, COUNT(nouns))],
		           *how = hows[team_pick(&seed, COUNT(hows))];
		const char *file = files[team_pick(&seed, COUNT(files))];

		if (shape == 0)
			buf_fmt(b, "The %s in %s %s the %s %s. ", noun, file, verb, other, how);
		else if (shape == 1)
			buf_fmt(b, "Before you change %s, see whether the %s %s the %s. ", file, noun, verb,
			        other);
		else
			buf_fmt(b, "When the %s %s the %s %s, say so and stop.\n", noun, verb, other, how);
	}
}

void text_code(struct buf *b, uint64_t seed, size_t bytes)
{
	static const char *const names[] = {"order", "basket", "row",   "entry",
	                                    "page",  "item",   "event", "line"};
	size_t end = b->len + bytes;

	for (int n = 1; b->len < end; n++) {
		const char *v = names[team_pick(&seed, COUNT(names))],
		           *w = names[team_pick(&seed, COUNT(names))];

		switch (team_pick(&seed, 5)) {
		case 0:
			buf_fmt(b, "%6d\tstatic int %s_%s(struct %s *%s)\n", n, v,
			        verbs[team_pick(&seed, COUNT(verbs))], v, v);
			break;
		case 1:
			buf_fmt(b, "%6d\t\tif (%s->count > %s_limit)\n", n, v, w);
			break;
		case 2:
			buf_fmt(b, "%6d\t\t\treturn fail(\"%s %s\", %llu);\n", n, v,
			        hows[team_pick(&seed, COUNT(hows))],
			        (unsigned long long)team_pick(&seed, 900) + 100);
			break;
		case 3:
			buf_fmt(b, "%6d\t\t%s->next = %s_of(%s, \"%s\");\n", n, v, w, w, v);
			break;
		default:
			buf_fmt(b, "%6d\t}\n", n);
		}
	}
}

void text_output(struct buf *b, uint64_t seed, size_t bytes)
{
	size_t end = b->len + bytes;

	while (b->len < end) {
		const char *file = files[team_pick(&seed, COUNT(files))];

		if (team_pick(&seed, 8) == 0)
			buf_fmt(b, "FAIL %s: expected %llu, got %llu\n", file,
			        (unsigned long long)team_pick(&seed, 90),
			        (unsigned long long)team_pick(&seed, 90));
		else
			buf_fmt(b, "ok   %s:%llu (%llu ms)\n", file,
			        (unsigned long long)team_pick(&seed, 800) + 1,
			        (unsigned long long)team_pick(&seed, 300));
	}
}

void text_command(struct buf *b, uint64_t seed)
{
	const char *file = files[team_pick(&seed, COUNT(files))];

	switch (team_pick(&seed, 5)) {
	case 0:
		buf_fmt(b, "sed -n '%llu,%llup' %s", (unsigned long long)team_pick(&seed, 200) + 1,
		        (unsigned long long)team_pick(&seed, 200) + 201, file);
		break;
	case 1:
		buf_fmt(b, "grep -rn %s src", verbs[team_pick(&seed, COUNT(verbs))]);
		break;
	case 2:
		buf_fmt(b, "git log --oneline -n %llu -- %s", (unsigned long long)team_pick(&seed, 20) + 3,
		        file);
		break;
	default:
		buf_fmt(b, "make test ARGS=%s", file);
	}
}
