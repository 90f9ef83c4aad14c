/* What the tests of the store share: a folder of their own, and records to put into it. */
#ifndef WEIR_TEST_STORE_FIXTURE_H
#define WEIR_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/types.h"
#include "store/columns.h"

struct folder {
	char path[32];
	char file[8][96];
	int files;
};

static inline void folder_make(struct folder *f)
{
	memset(f, 0, sizeof *f);
	memcpy(f->path, "/tmp/weir-test-XXXXXX", sizeof "/tmp/weir-test-XXXXXX");
	assert_non_null(mkdtemp(f->path));
}

/* The path of a file in the folder. */
static inline const char *folder_file(struct folder *f, const char *name)
{
	char path[sizeof f->path];
	memcpy(path, f->path, sizeof path);
	for (int i = 0; i < f->files; i++)
		if (strcmp(f->file[i] + strlen(path) + 1, name) == 0)
			return f->file[i];
	assert_true(f->files < 8);
	snprintf(f->file[f->files], sizeof f->file[0], "%s/%s", path, name);
	return f->file[f->files++];
}

/* With all the files in it. */
static inline void folder_remove(struct folder *f)
{
	DIR *d = opendir(f->path);
	for (struct dirent *at; d && (at = readdir(d)) != NULL;)
		unlinkat(dirfd(d), at->d_name, 0);
	if (d)
		closedir(d);
	assert_int_equal(rmdir(f->path), 0);
}

/* A call as a coding agent makes it, number n; texts are static. */
static inline void sample_record(struct record *r, int64_t n)
{
	record_init(r);
	snprintf(r->id, sizeof r->id, "01TEST%020lld", (long long)n);
	r->time_ms = INT64_C(1764000000000) + n * 1000;
	r->api = API_ANTHROPIC_MESSAGES;
	r->who.v[ATTR_USER] = SLICE("ana@example.com");
	r->who.v[ATTR_TEAM] = SLICE("payments");
	r->who.v[ATTR_REPO] = SLICE("github.com/acme/ledger");
	r->who.v[ATTR_BRANCH] = SLICE("feature/settle");
	r->who.v[ATTR_AGENT] = SLICE("claude-code");
	r->who.v[ATTR_AGENT_VERSION] = SLICE("2.1.330");
	r->who.v[ATTR_SESSION] = SLICE("5c1f2f0e-5f6c-4f6e-9a59-5f0c5b7b7a11");
	r->who.v[ATTR_TAGS] = SLICE("{\"ticket\":\"PAY-17\"}");
	r->text[TEXT_NODE] = SLICE("test");
	r->text[TEXT_SOURCE] = SLICE("gateway");
	r->text[TEXT_PROVIDER] = SLICE("anthropic");
	r->text[TEXT_MODEL_REQUESTED] = SLICE("claude-sonnet-4-5");
	r->turn = 3;
	r->attempt = 1;
	r->stream = true;
	r->hold_nanousd = 200000000;
	r->decision = DECISION_ADMITTED;
}

/* The same call when it has ended. */
static inline void sample_settled(struct record *r, int64_t n)
{
	sample_record(r, n);
	r->text[TEXT_MODEL_SERVED] = SLICE("claude-sonnet-4-5-20250929");
	r->text[TEXT_STOP_REASON] = SLICE("tool_use");
	r->text[TEXT_PRICE_ID] = SLICE("anthropic/claude-sonnet-4-5@2025-09-29");
	r->status = 200;
	r->ending = ENDING_COMPLETE;
	r->duration_ms = 2400;
	r->ttft_ms = 310;
	r->usage.m[METER_INPUT] = 12;
	r->usage.m[METER_CACHE_READ] = 40000;
	r->usage.m[METER_CACHE_WRITE_5M] = 1500;
	r->usage.m[METER_OUTPUT] = 420;
	r->context_tokens = 41512;
	r->tool_calls = 1;
	r->priced = true;
	r->cost.part[COST_INPUT] = 36000;
	r->cost.part[COST_CACHE_READ] = 12000000;
	r->cost.part[COST_CACHE_WRITE_5M] = 5625000;
	r->cost.part[COST_OUTPUT] = 6300000;
	r->cost.total = 23961000;
	r->list_cost_nanousd = 23961000;
	r->usage_source = SOURCE_REPORTED;
}

static inline void assert_slice_equal(slice a, slice b)
{
	if (!slice_eq(a, b)) {
		print_error("\"" SLICE_FMT "\" != \"" SLICE_FMT "\"\n", SLICE_ARG(a), SLICE_ARG(b));
		fail();
	}
}

/* Field by field, as the ledger names them. */
static inline void assert_record_equal(const struct record *a, const struct record *b)
{
	for (size_t i = 0; i < columns_n(); i++) {
		struct value x = column_get(column_at(i), a), y = column_get(column_at(i), b);
		if (x.kind != y.kind || x.number != y.number || !slice_eq(x.text, y.text)) {
			print_error("%s: %lld \"" SLICE_FMT "\" != %lld \"" SLICE_FMT "\"\n",
			            column_at(i)->name, (long long)x.number, SLICE_ARG(x.text),
			            (long long)y.number, SLICE_ARG(y.text));
			fail();
		}
	}
}

#endif
