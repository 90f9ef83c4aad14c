#include "fixture.h"
#include "store/pack_parts.h"

#define ROOM 2048

static void sample_parts(struct record_part *p, size_t n, char names[][PART_TOOL_MAX + 40])
{
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof names[i], "mcp__server%zu__tool_number_%zu", i % 3, i);
		p[i] = (struct record_part){.part = i ? CALL_PART_TOOL : CALL_PART_SYSTEM,
		                            .tool = i ? slice_of(names[i]) : SLICE_NONE,
		                            .mcp_server = i ? slice_make(names[i] + 5, 7) : SLICE_NONE,
		                            .calls = (int64_t)i,
		                            .failures = i % 2};
		for (int k = 0; k < SENT_N; k++) {
			p[i].tokens[k] = k == 2 ? RECORD_ABSENT : (int64_t)(i * 1000 + (size_t)k);
			p[i].nanousd[k] = k == 3 ? RECORD_ABSENT : (int64_t)(i * 100000) * k;
		}
	}
}

static void parts_come_back(void **state)
{
	static char names[8][PART_TOOL_MAX + 40];
	struct record_part in[8], out[RECORD_PARTS_MAX + 1];
	unsigned char bytes[ROOM];
	size_t n;
	sample_parts(in, 8, names);
	size_t used = parts_pack(in, 8, bytes, sizeof bytes);
	assert_true(parts_unpack(slice_make(bytes, used), out, &n));
	assert_int_equal(n, 8);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(out[i].part, in[i].part);
		assert_true(slice_eq(out[i].tool, in[i].tool));
		assert_true(slice_eq(out[i].mcp_server, in[i].mcp_server));
		assert_int_equal(out[i].calls, in[i].calls);
		assert_int_equal(out[i].failures, in[i].failures);
		assert_memory_equal(out[i].tokens, in[i].tokens, sizeof in[i].tokens);
		assert_memory_equal(out[i].nanousd, in[i].nanousd, sizeof in[i].nanousd);
	}
	(void)state;
}

/* What has no room is added up, and no token or dollar is lost. */
static void sums_stay_when_tools_do_not_fit(void **state)
{
	static char names[200][PART_TOOL_MAX + 40];
	static struct record_part in[200], out[RECORD_PARTS_MAX + 1];
	unsigned char bytes[ROOM];
	size_t n;
	int64_t before = 0, after = 0, calls = 0, calls_after = 0;
	sample_parts(in, 200, names);
	size_t used = parts_pack(in, 200, bytes, sizeof bytes);
	assert_in_range(used, ROOM / 2, ROOM);
	assert_true(parts_unpack(slice_make(bytes, used), out, &n));
	assert_in_range(n, 10, RECORD_PARTS_MAX + 1);
	assert_true(slice_eq(out[n - 1].tool, SLICE(PART_OTHER_TOOLS)));
	for (size_t i = 0; i < 200; i++) {
		before += in[i].tokens[0] + in[i].nanousd[4];
		calls += in[i].calls;
	}
	for (size_t i = 0; i < n; i++) {
		after += out[i].tokens[0] + out[i].nanousd[4];
		calls_after += out[i].calls;
	}
	assert_int_equal(before, after);
	assert_int_equal(calls, calls_after);
	assert_int_equal(out[n - 1].tokens[2], RECORD_ABSENT);
	(void)state;
}

static void long_names_are_cut_at_a_character(void **state)
{
	static char name[PART_TOOL_MAX * 2];
	struct record_part in = {.part = CALL_PART_TOOL}, out[RECORD_PARTS_MAX + 1];
	unsigned char bytes[ROOM];
	size_t n;
	name[0] = 'x';
	for (size_t i = 1; i + 1 < sizeof name; i += 2)
		memcpy(name + i, "\xc3\xa4", 2);
	in.tool = slice_make(name, sizeof name - 1);
	size_t used = parts_pack(&in, 1, bytes, sizeof bytes);
	assert_true(parts_unpack(slice_make(bytes, used), out, &n));
	assert_int_equal(out[0].tool.n, PART_TOOL_MAX - 1);
	(void)state;
}

/* A journal's bytes may be anything after a crash of the machine. */
static void other_bytes_are_refused(void **state)
{
	static char names[8][PART_TOOL_MAX + 40];
	struct record_part in[8], out[RECORD_PARTS_MAX + 1];
	unsigned char bytes[ROOM];
	size_t n;
	sample_parts(in, 8, names);
	size_t used = parts_pack(in, 8, bytes, sizeof bytes);
	for (size_t i = 1; i < used; i++)
		assert_false(parts_unpack(slice_make(bytes, i), out, &n));
	bytes[0] = RECORD_PARTS_MAX + 2;
	assert_false(parts_unpack(slice_make(bytes, used), out, &n));
	bytes[0] = 8;
	bytes[1] = CALL_PART_N;
	assert_false(parts_unpack(slice_make(bytes, used), out, &n));
	assert_true(parts_unpack(SLICE_NONE, out, &n));
	assert_int_equal(n, 0);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_come_back),
	    cmocka_unit_test(sums_stay_when_tools_do_not_fit),
	    cmocka_unit_test(long_names_are_cut_at_a_character),
	    cmocka_unit_test(other_bytes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
