/* The question: words to a ledger_query, and the measures that an answer has. */
#include "finops/report.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/columns.h"
#include "text/nearest.h"

#define DAY_MS       INT64_C(86400000)
#define DEFAULT_DAYS 30

#define AT(field)    offsetof(struct ledger_measures, field)
#define PER_CALL     0xffff /* of struct measure's per: calls, which lie at 0 */

/* clang-format off */
static const struct measure measures[] = {
    {"calls", MEASURE_COUNT, "calls", AT(calls), true, 0},
    {"refused", MEASURE_COUNT, "refused", AT(refused), true, 0},
    {"sessions", MEASURE_COUNT, "sessions", AT(sessions), true, 0},
    {"active_days", MEASURE_COUNT, "active days", AT(active_days), true, 0},
    {"runtime_s", MEASURE_SECONDS, "runtime", AT(runtime_s), true, 0},
    {"tool_calls", MEASURE_COUNT, "tools", AT(tool_calls), true, 0},
    {"retries", MEASURE_COUNT, "retries", AT(retries), true, 0},
    {"unpriced", MEASURE_COUNT, "unpriced", AT(unpriced), true, 0},
    {"input_tokens", MEASURE_TOKENS, "fresh", AT(meters[METER_INPUT]), true, 0},
    {"cache_read_tokens", MEASURE_TOKENS, "cache read", AT(meters[METER_CACHE_READ]), true, 0},
    {"cache_write_5m_tokens", MEASURE_TOKENS, "write 5m", AT(meters[METER_CACHE_WRITE_5M]), true, 0},
    {"cache_write_1h_tokens", MEASURE_TOKENS, "write 1h", AT(meters[METER_CACHE_WRITE_1H]), true, 0},
    {"output_tokens", MEASURE_TOKENS, "output", AT(meters[METER_OUTPUT]), true, 0},
    {"reasoning_tokens", MEASURE_TOKENS, "reasoning", AT(meters[METER_REASONING]), true, 0},
    {"context_tokens", MEASURE_TOKENS, "input", AT(context_tokens), true, 0},
    {"input_audio_tokens", MEASURE_TOKENS, "audio in", AT(meters[METER_INPUT_AUDIO]), false, 0},
    {"cache_read_audio_tokens", MEASURE_TOKENS, "audio cache", AT(meters[METER_CACHE_READ_AUDIO]), false, 0},
    {"output_audio_tokens", MEASURE_TOKENS, "audio out", AT(meters[METER_OUTPUT_AUDIO]), false, 0},
    {"input_image_tokens", MEASURE_TOKENS, "image in", AT(meters[METER_INPUT_IMAGE]), false, 0},
    {"output_image_tokens", MEASURE_TOKENS, "image out", AT(meters[METER_OUTPUT_IMAGE]), false, 0},
    {"web_searches", MEASURE_COUNT, "searches", AT(meters[METER_WEB_SEARCHES]), false, 0},
    {"hosted_tool_calls", MEASURE_COUNT, "hosted tools", AT(meters[METER_HOSTED_TOOL_CALLS]), false, 0},
    {"file_searches", MEASURE_COUNT, "file searches", AT(meters[METER_FILE_SEARCHES]), false, 0},
    {"code_sessions", MEASURE_COUNT, "code sessions", AT(meters[METER_CODE_SESSIONS]), false, 0},
    {"cache_storage_token_hours", MEASURE_COUNT, "storage h", AT(meters[METER_CACHE_STORAGE]), false, 0},
    {"credits", MEASURE_CREDITS, "credits", AT(credits_nano), false, 0},
    {"cache_hit_ratio", MEASURE_RATIO, "cached", 0, true, 0},
    {"cost_nanousd", MEASURE_MONEY, "cost", AT(cost_nanousd), true, 0},
    {"subscription_nanousd", MEASURE_MONEY, "plan value", AT(subscription_nanousd), true, 0},
    {"cost_per_call_nanousd", MEASURE_MONEY, "a call", AT(cost_nanousd), false, PER_CALL},
    {"cost_per_session_nanousd", MEASURE_MONEY, "a session", AT(cost_nanousd), false, AT(sessions)},
    {"cost_per_active_day_nanousd", MEASURE_MONEY, "an active day", AT(cost_nanousd), false, AT(active_days)},
    {"context_tokens_per_call", MEASURE_TOKENS, "input a call", AT(context_tokens), false, PER_CALL},
#define X(id, name) {"cost_" #name, MEASURE_MONEY, #name, AT(cost_part[id]), false, 0},
    COST_LIST(X)
#undef X
    {"tool_failures", MEASURE_COUNT, "failures", AT(tool_failures), false, 0},
#define X(id, name) {#name "_tokens", MEASURE_TOKENS, #name, AT(part_tokens[id]), false, 0},
    SENT_LIST(X)
#undef X
#define X(id, name) {#name "_nanousd", MEASURE_MONEY, #name " cost", AT(part_nanousd[id]), false, 0},
    SENT_LIST(X)
#undef X
};
/* What a question about the parts of the input gives when no measures are named. */
static const char *const part_usual[] = {"calls", "tool_calls", "tool_failures", "definition_tokens", "argument_tokens",
                                         "result_tokens", "text_tokens", "resent_tokens", "resent_nanousd",
                                         "cost_nanousd", "subscription_nanousd"};
/* And what of the others it can give. */
static const char *const part_too[] = {"sessions", "active_days"};
/* clang-format on */
#define MEASURES     (sizeof measures / sizeof measures[0])
_Static_assert(MEASURES <= REPORT_MEASURES_MAX, "REPORT_MEASURES_MAX is too small");

const struct measure *report_measure_at(size_t i)
{
	return i < MEASURES ? &measures[i] : NULL;
}

/* Cache reads among all input that can be cached; unknown when nobody said how much was read. */
static int64_t cache_hit_ratio(const struct ledger_measures *m)
{
	static const enum meter input[] = {METER_INPUT, METER_CACHE_READ, METER_CACHE_WRITE_5M,
	                                   METER_CACHE_WRITE_1H};
	__int128 read = m->meters[METER_CACHE_READ], all = 0;
	for (size_t i = 0; i < sizeof input / sizeof input[0]; i++)
		if (m->meters[input[i]] != TOKENS_ABSENT)
			all += m->meters[input[i]];
	return read < 0 || all <= 0 ? RECORD_ABSENT : (int64_t)((read * 10000 + all / 2) / all);
}

int64_t report_measure(const struct measure *m, const struct ledger_measures *of)
{
	int64_t v;
	if (m->kind == MEASURE_RATIO)
		return cache_hit_ratio(of);
	memcpy(&v, (const char *)of + m->at, sizeof v);
	if (m->per && v != RECORD_ABSENT) {
		int64_t by;
		memcpy(&by, (const char *)of + (m->per == PER_CALL ? AT(calls) : m->per), sizeof by);
		return by > 0 ? v / by : RECORD_ABSENT;
	}
	return v;
}

/* --- words ----------------------------------------------------------------------------------- */

int report_init(struct report *r, slice timezone, int64_t now_ms, struct error *e)
{
	memset(r, 0, sizeof *r);
	r->q.timezone = timezone;
	r->now_ms = now_ms;
	r->zone = zone_load(timezone, e);
	return r->zone ? 0 : ERR_NOT_FOUND;
}

void report_release(struct report *r)
{
	zone_free(r->zone);
	r->zone = NULL;
}

/* no X "word": did you mean NEAR? There are a, b, c */
static int no_such(struct error *e, const char *what, slice word, const char *(*name_at)(size_t))
{
	char list[ERR_TEXT_MAX] = "";
	size_t n = 0;
	struct nearest near;
	nearest_init(&near, word);
	for (size_t i = 0; name_at(i); i++) {
		int len = snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", name_at(i));
		if (len > 0 && (size_t)len < sizeof list - n)
			n += (size_t)len;
		nearest_offer(&near, slice_of(name_at(i)));
	}
	if (near.best.n)
		return error_set(e, ERR_INVALID,
		                 "no %s \"" SLICE_FMT "\": did you mean " SLICE_FMT "? There are %s", what,
		                 SLICE_ARG(word), SLICE_ARG(near.best), list);
	return error_set(e, ERR_INVALID, "no %s \"" SLICE_FMT "\": there are %s", what, SLICE_ARG(word),
	                 list);
}

static const char *measure_name(size_t i)
{
	return i < MEASURES ? measures[i].name : NULL;
}

static int set_by(struct report *r, slice value, struct error *e)
{
	slice part;
	r->by_given = true;
	r->q.by_n = 0;
	while (slice_split(&value, ',', &part)) {
		part = slice_trim(part);
		if (part.n == 0)
			continue;
		if (!column_may_group(part))
			return no_such(e, "dimension", part, column_group_name);
		if (r->q.by_n == LEDGER_BY_MAX)
			return error_set(e, ERR_INVALID, "a report has at most %d dimensions", LEDGER_BY_MAX);
		for (size_t i = 0; i < r->q.by_n; i++)
			if (slice_eq(r->q.by[i], part))
				return error_set(e, ERR_INVALID, "the dimension " SLICE_FMT " stands twice",
				                 SLICE_ARG(part));
		r->q.by[r->q.by_n++] = part;
	}
	return 0;
}

static const char *const pers[] = {"hour", "day", "week", "month"}; /* enum ledger_per from PER_HOUR on */

static const char *per_name(size_t i)
{
	return i < sizeof pers / sizeof pers[0] ? pers[i] : NULL;
}

static int set_per(struct report *r, slice value, struct error *e)
{
	for (size_t i = 0; per_name(i); i++)
		if (slice_eq(value, slice_of(pers[i]))) {
			r->q.per = (enum ledger_per)(PER_HOUR + i);
			return 0;
		}
	return no_such(e, "period", value, per_name);
}

static int set_measures(struct report *r, slice value, struct error *e)
{
	slice part;
	r->measures_given = true;
	r->measures_n = 0;
	while (slice_split(&value, ',', &part)) {
		size_t i = 0;
		part = slice_trim(part);
		if (part.n == 0)
			continue;
		while (i < MEASURES && !slice_eq(part, slice_of(measures[i].name)))
			i++;
		if (i == MEASURES)
			return no_such(e, "measure", part, measure_name);
		if (r->measures_n == REPORT_MEASURES_MAX)
			return error_set(e, ERR_INVALID, "a report has at most %d measures",
			                 REPORT_MEASURES_MAX);
		r->measures[r->measures_n++] = (unsigned char)i;
	}
	return r->measures_n ? 0 : error_set(e, ERR_INVALID, "no measures are named");
}

static int set_where(struct report *r, slice value, struct error *e)
{
	slice rest = value, name;
	if (slice_find_char(value, '=') < 0)
		return error_set(e, ERR_INVALID, "\"" SLICE_FMT "\": write FIELD=VALUE, like team=payments",
		                 SLICE_ARG(value));
	slice_split(&rest, '=', &name);
	name = slice_trim(name);
	if (!column_may_filter(name))
		return no_such(e, "field", name, column_group_name);
	if (r->q.filters_n == LEDGER_FILTERS_MAX)
		return error_set(e, ERR_INVALID, "a report has at most %d filters", LEDGER_FILTERS_MAX);
	r->q.filters[r->q.filters_n++] = (struct ledger_filter){.column = name, .value = slice_trim(rest)};
	return 0;
}

/* The beginning of the local day that lies so many days before today. */
static int64_t day_begins(const struct report *r, int64_t days_back)
{
	int64_t from, to, year;
	int month, day;
	zone_span(r->zone, ZONE_DAY, r->now_ms, &from, &to);
	int64_t noon = (from + (to - from) / 2) / 1000;
	int64_t local = noon + zone_offset(r->zone, noon);
	zone_date_of(local / 86400 - days_back, &year, &month, &day);
	return zone_day_begins(r->zone, year, month, day);
}

/* 2026-11-01, as a local date. */
static bool local_date(const struct report *r, slice s, int64_t *out)
{
	int64_t ms, year;
	int month, day;
	if (s.n != 10 || !clock_parse_rfc3339(s, &ms))
		return false;
	zone_date_of(ms / DAY_MS - (ms % DAY_MS < 0), &year, &month, &day);
	*out = zone_day_begins(r->zone, year, month, day);
	return true;
}

static bool calendar_word(const struct report *r, slice s, int64_t *out)
{
	static const struct {
		slice word;
		enum zone_unit unit;
	} words[] = {{SLICE("today"), ZONE_DAY}, {SLICE("week"), ZONE_WEEK}, {SLICE("month"), ZONE_MONTH}};
	int64_t to;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_eq(s, words[i].word)) {
			zone_span(r->zone, words[i].unit, r->now_ms, out, &to);
			return true;
		}
	if (slice_eq(s, SLICE("now")))
		*out = r->now_ms;
	else if (slice_eq(s, SLICE("yesterday")))
		*out = day_begins(r, 1);
	else
		return false;
	return true;
}

static int parse_time(const struct report *r, slice s, int64_t *out, struct error *e)
{
	int64_t ms;
	if (calendar_word(r, s, out) || local_date(r, s, out) || clock_parse_rfc3339(s, out))
		return 0;
	if (clock_parse_duration(s, &ms) && ms >= 0 && ms <= r->now_ms) {
		bool days = slice_ends(s, SLICE("d")) || slice_ends(s, SLICE("w"));
		*out = days ? day_begins(r, ms / DAY_MS) : r->now_ms - ms;
		return 0;
	}
	return error_set(e, ERR_INVALID,
	                 "\"" SLICE_FMT
	                 "\" is no time: write 7d, 12h, 2026-11-01, 2026-11-01T08:00:00Z, today, yesterday, "
	                 "week or month",
	                 SLICE_ARG(s));
}

static int set_number(slice value, long long least, long long most, const char *what, long long *out,
                      struct error *e)
{
	if (slice_to_i64(value, out) && *out >= least && *out <= most)
		return 0;
	return error_set(e, ERR_INVALID, "%s is a number from %lld to %lld", what, least, most);
}

static int set_limit(struct report *r, slice value, struct error *e)
{
	long long n;
	int rc = set_number(value, 1, REPORT_CALLS_MAX, "limit", &n, e);
	r->q.limit = rc == 0 ? (size_t)n : r->q.limit;
	return rc;
}

static int set_width(struct report *r, slice value, struct error *e)
{
	long long n;
	int rc = set_number(value, 0, 10000, "width", &n, e);
	r->style.width = rc == 0 ? (int)n : r->style.width;
	return rc;
}

static int set_top(struct report *r, slice value, struct error *e)
{
	long long n;
	int rc = set_number(value, 0, INT32_MAX, "top", &n, e);
	r->style.top = rc == 0 ? (size_t)n : r->style.top;
	return rc;
}

/* One of a few words; its place in the list. */
static int set_word(slice value, const char *const *words, const char *what, int *out, struct error *e)
{
	for (int i = 0; words[i]; i++)
		if (slice_eq(value, slice_of(words[i]))) {
			*out = i;
			return 0;
		}
	char list[200];
	size_t n = 0;
	for (int i = 0; words[i] && n < sizeof list; i++) {
		int len = snprintf(list + n, sizeof list - n, "%s%s",
		                   i == 0         ? ""
		                   : words[i + 1] ? ", "
		                                  : " or ",
		                   words[i]);
		n += len > 0 ? (size_t)len : 0;
	}
	return error_set(e, ERR_INVALID, "%s is %s", what, list);
}

static int set_format(struct report *r, slice value, struct error *e)
{
	static const char *const words[] = {"table", "json", "csv", "markdown", "html", NULL};
	int i = 0, rc = set_word(value, words, "format", &i, e);
	r->format = rc == 0 ? (enum report_format)i : r->format;
	return rc;
}

static int set_bars(struct report *r, slice value, struct error *e)
{
	static const char *const words[] = {"ascii", "utf8", NULL};
	int i = 0, rc = set_word(value, words, "bars", &i, e);
	r->style.utf8 = rc == 0 ? i : r->style.utf8;
	return rc;
}

static int set_colour(struct report *r, slice value, struct error *e)
{
	static const char *const words[] = {"no", "yes", NULL};
	int i = 0, rc = set_word(value, words, "colour", &i, e);
	r->style.colour = rc == 0 ? i : r->style.colour;
	return rc;
}

static int set_yes(slice value, const char *what, bool *out, struct error *e)
{
	static const char *const words[] = {"no", "yes", NULL};
	int i = 0, rc = set_word(value, words, what, &i, e);
	*out = rc == 0 ? i : *out;
	return rc;
}

static int set_compare(struct report *r, slice value, struct error *e)
{
	return set_yes(value, "compare", &r->compare, e);
}

static int set_chart(struct report *r, slice value, struct error *e)
{
	return set_yes(value, "chart", &r->chart, e);
}

static int set_view(struct report *r, slice value, struct error *e)
{
	for (size_t i = 0; report_view_name(i); i++)
		if (slice_eq(value, slice_of(report_view_name(i)))) {
			r->view = value;
			return 0;
		}
	return no_such(e, "view", value, report_view_name);
}

static int set_since(struct report *r, slice value, struct error *e)
{
	r->since_given = true;
	return parse_time(r, value, &r->q.since_ms, e);
}

static int set_until(struct report *r, slice value, struct error *e)
{
	r->until_given = true;
	return parse_time(r, value, &r->q.until_ms, e);
}

int report_set(struct report *r, slice word, slice value, struct error *e)
{
	static const struct {
		slice word;
		int (*set)(struct report *r, slice value, struct error *e);
	} words[] = {
	    {SLICE("by"), set_by},       {SLICE("per"), set_per},         {SLICE("since"), set_since},
	    {SLICE("until"), set_until}, {SLICE("where"), set_where},     {SLICE("measures"), set_measures},
	    {SLICE("limit"), set_limit}, {SLICE("format"), set_format},   {SLICE("width"), set_width},
	    {SLICE("view"), set_view},   {SLICE("compare"), set_compare}, {SLICE("chart"), set_chart},
	    {SLICE("top"), set_top},     {SLICE("bars"), set_bars},       {SLICE("colour"), set_colour},
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_eq(word, words[i].word))
			return words[i].set(r, slice_trim(value), e);
	return error_set(e, ERR_NOT_FOUND,
	                 "no parameter \"" SLICE_FMT
	                 "\": there are view, by, per, since, until, where, measures, compare, chart, limit, "
	                 "format",
	                 SLICE_ARG(word));
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* application/x-www-form-urlencoded: '+' is a blank; a '%' that begins no escape stands for itself. */
static slice decoded(struct arena *mem, slice s)
{
	char *out = arena_alloc(mem, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? hex(s.p[i + 1]) : -1,
		    low = high >= 0 ? hex(s.p[i + 2]) : -1;
		if (low >= 0) {
			out[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	return (slice){out, n};
}

bool report_next_word(slice *query, struct arena *mem, slice *word, slice *value, struct error *e)
{
	slice part = SLICE_NONE;
	while (part.n == 0)
		if (!slice_split(query, '&', &part))
			return false;
	slice_split(&part, '=', word);
	*word = decoded(mem, *word);
	*value = decoded(mem, part);
	if (word->p && value->p)
		return true;
	*word = *value = SLICE_NONE;
	error_set(e, ERR_NOMEM, "the query is too long");
	return true;
}

int report_set_query(struct report *r, slice query, struct arena *mem, struct error *e)
{
	slice word, value;
	while (report_next_word(&query, mem, &word, &value, e)) {
		int rc = word.p ? report_set(r, word, value, e) : ERR_NOMEM;
		if (rc != 0)
			return rc;
	}
	return 0;
}

int report_only(struct report *r, slice field, slice value, struct error *e)
{
	if (column_find(field) == NULL || value.n == 0)
		return error_set(e, ERR_INVALID, "no such field, or nothing to look for");
	if (r->q.filters_n == LEDGER_FILTERS_MAX)
		return error_set(e, ERR_INVALID, "a report has at most %d filters", LEDGER_FILTERS_MAX - 1);
	r->q.filters[r->q.filters_n++] = (struct ledger_filter){field, value, true};
	return 0;
}

slice report_where_text(const struct report *r, struct arena *mem)
{
	slice all = SLICE_NONE;
	for (size_t i = 0; i < r->q.filters_n; i++) {
		const struct ledger_filter *f = &r->q.filters[i];
		all = arena_printf(mem, SLICE_FMT "%s" SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(all),
		                   i ? ", " : "", SLICE_ARG(f->column), f->value.n ? "=" : " ",
		                   SLICE_ARG(f->value.n ? f->value : SLICE("unknown")));
	}
	return all;
}

const char *report_content_type(enum report_format f)
{
	static const char *const types[] = {"text/plain; charset=utf-8", "application/json",
	                                    "text/csv; charset=utf-8", "text/markdown; charset=utf-8",
	                                    "text/html; charset=utf-8"};
	return types[f];
}

int report_answer(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                  const char **type, struct error *e)
{
	if (r->view.n || r->compare || r->chart || r->format == REPORT_MARKDOWN || r->format == REPORT_HTML)
		return report_document(ops, l, r, out, type, e);
	if (type)
		*type = report_content_type(r->format);
	if (r->format == REPORT_JSON)
		return report_json(ops, l, r, out, e);
	if (r->format == REPORT_CSV)
		return report_csv(ops, l, r, out, e);
	return report_table(ops, l, r, out, NULL, e);
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Only a question about parts knows it. */
static bool measures_parts(const struct measure *m)
{
	return m->at >= AT(tool_failures) && m->kind != MEASURE_RATIO;
}

/* Whether the question is one about the parts of the input, and what it is asked for then. */
static int settle_parts(struct report *r, struct error *e)
{
	for (size_t i = 0; i < r->q.by_n; i++)
		r->q.parts = r->q.parts || column_is_part(r->q.by[i]);
	for (size_t i = 0; i < r->q.filters_n; i++)
		r->q.parts = r->q.parts || column_is_part(r->q.filters[i].column);
	for (size_t i = 0; r->measures_given && i < r->measures_n; i++)
		r->q.parts = r->q.parts || measures_parts(&measures[r->measures[i]]);
	if (!r->q.parts)
		return 0;
	for (size_t i = 0; r->measures_given && i < r->measures_n; i++) {
		const struct measure *m = &measures[r->measures[i]];
		if (!measures_parts(m) &&
		    !is_one_of(m->name, part_usual, sizeof part_usual / sizeof part_usual[0]) &&
		    !is_one_of(m->name, part_too, sizeof part_too / sizeof part_too[0]))
			return error_set(
			    e, ERR_INVALID,
			    "%s is a measure of whole calls, not of tools: ask for it in a report "
			    "without tool, mcp_server, part and their measures",
			    m->name);
	}
	for (size_t k = 0; !r->measures_given && k < sizeof part_usual / sizeof part_usual[0]; k++)
		for (size_t i = 0; i < MEASURES; i++)
			if (strcmp(measures[i].name, part_usual[k]) == 0)
				r->measures[r->measures_n++] = (unsigned char)i;
	return 0;
}

int report_ready(struct report *r, struct error *e)
{
	if (!r->since_given)
		r->q.since_ms = day_begins(r, DEFAULT_DAYS);
	if (!r->by_given && !r->q.per) {
		r->q.by[r->q.by_n++] = SLICE("agent");
		r->q.by[r->q.by_n++] = SLICE(COLUMN_MODEL);
	}
	int rc = settle_parts(r, e);
	if (rc != 0)
		return rc;
	for (size_t i = 0; !r->q.parts && !r->measures_given && i < MEASURES; i++)
		if (measures[i].usual)
			r->measures[r->measures_n++] = (unsigned char)i;
	int64_t until = r->until_given ? r->q.until_ms : r->now_ms;
	if (r->q.since_ms < until || (r->q.since_ms == until && !r->until_given))
		return 0;
	char since[CLOCK_RFC3339_MAX], end[CLOCK_RFC3339_MAX];
	clock_format_rfc3339(r->q.since_ms, since);
	clock_format_rfc3339(until, end);
	return error_set(e, ERR_INVALID, "since (%s) is not before until (%s)", since, end);
}
