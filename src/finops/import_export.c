#include "finops/import_export.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/money.h"
#include "model/wire.h"

#define HEADER_WITHIN 20 /* records in which the header must be */
#define NAME_MAX      64
#define NUMBER_MAX    64

size_t import_line_at(const struct import_export *x, const char *at)
{
	size_t line = 1;
	const char *p = x->f->text.p, *end = p + x->f->text.n;
	if (at < p || at > end)
		return line;
	for (; (p = memchr(p, '\n', (size_t)(at - p))) != NULL; p++)
		line++;
	return line;
}

void import_bad(struct import_export *x, size_t line, const char *why)
{
	x->n->bad_lines++;
	if (x->o->on_bad)
		x->o->on_bad(x->o->arg, line, why);
}

/* --- tallies ---------------------------------------------------------------------------------------------
 */

void import_tally(const struct import_export *x, struct tally *t, slice provider)
{
	tally_init(t);
	t->source = slice_of(x->source->name);
	t->provider = x->o->provider.n ? x->o->provider : provider;
	t->account = x->o->account;
	t->billing = x->o->billing;
	t->who = x->o->fixed;
	if (x->source->agent)
		import_tally_attr(x, t, ATTR_AGENT, slice_of(x->source->agent));
}

void import_tally_attr(const struct import_export *x, struct tally *t, enum attr a, slice value)
{
	if (x->o->fixed.v[a].n == 0)
		t->who.v[a] = slice_sub(value, 0, ATTR_TEXT_MAX);
}

void import_give_tally(struct import_export *x, const struct tally *t)
{
	if (x->rc)
		return;
	x->n->tallies++;
	if (x->o->on_tally)
		x->rc = x->o->on_tally(x->o->arg, t);
}

/* --- numbers ---------------------------------------------------------------------------------------------
 */

/* The digits, the dot and the sign of a number as people write it. n 0 when it is none. */
static size_t plain_number(slice text, char out[NUMBER_MAX])
{
	size_t n = 0;
	text = slice_trim(text);
	if (slice_ends(text, SLICE("USD")) || slice_starts(text, SLICE("USD")))
		text = slice_ends(text, SLICE("USD")) ? slice_sub(text, 0, text.n - 3)
		                                      : slice_sub(text, 3, text.n);
	text = slice_trim(text);
	bool minus = text.n > 1 && text.p[0] == '(' && text.p[text.n - 1] == ')';
	if (minus)
		text = slice_sub(text, 1, text.n - 1);
	if (text.n && text.p[0] == '-' && !minus) {
		minus = true;
		text = slice_sub(text, 1, text.n);
	}
	if (minus)
		out[n++] = '-';
	if (text.n && text.p[0] == '$')
		text = slice_sub(text, 1, text.n);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == ',')
			continue;
		if (n == NUMBER_MAX)
			return 0;
		out[n++] = text.p[i];
	}
	return n > minus ? n : 0;
}

bool import_amount(slice text, int64_t *nano)
{
	char plain[NUMBER_MAX];
	size_t n = plain_number(text, plain);
	return n && money_decimal(slice_make(plain, n), 9, nano) == 0;
}

bool import_whole(slice text, int64_t *out)
{
	char plain[NUMBER_MAX];
	size_t n = plain_number(text, plain);
	int64_t thousandths;
	if (n == 0 || money_decimal(slice_make(plain, n), 3, &thousandths) != 0 || thousandths < 0 ||
	    thousandths % 1000)
		return false;
	*out = thousandths / 1000;
	return *out <= WIRE_COUNT_MAX;
}

/* "9/5/26", "09/05/2026": month, day, year. */
static bool american_day(slice text, int64_t *ms)
{
	slice part[3] = {SLICE_NONE, SLICE_NONE, SLICE_NONE};
	long long v[3];
	char day[16];
	for (int i = 0; i < 3; i++)
		if (!slice_split(&text, '/', &part[i]) || !slice_to_i64(part[i], &v[i]))
			return false;
	if (text.n || v[0] < 1 || v[0] > 12 || v[1] < 1 || v[1] > 31 || v[2] < 0 || v[2] > 9999)
		return false;
	int n = snprintf(day, sizeof day, "%04lld-%02lld-%02lld", part[2].n == 2 ? 2000 + v[2] : v[2], v[0],
	                 v[1]);
	return n == 10 && clock_parse_rfc3339(slice_make(day, 10), ms);
}

bool import_time(slice text, int64_t *ms)
{
	char written[40];
	long long number;
	text = slice_trim(text);
	if (clock_parse_rfc3339(text, ms) || american_day(text, ms))
		return true;
	if (slice_to_i64(text, &number)) {
		if (number < INT64_C(100000000) || number > INT64_C(253402300799999))
			return false;
		*ms = number > INT64_C(100000000000) ? number : number * 1000;
		return true;
	}
	if (slice_ends(text, SLICE(" UTC")))
		text = slice_sub(text, 0, text.n - 4);
	if (text.n < 16 || text.n > 30 || text.p[10] != ' ')
		return false;
	int n = snprintf(written, sizeof written, SLICE_FMT "T" SLICE_FMT "%sZ",
	                 SLICE_ARG(slice_sub(text, 0, 10)), SLICE_ARG(slice_sub(text, 11, text.n)),
	                 text.n == 16 ? ":00" : "");
	return n > 0 && clock_parse_rfc3339(slice_make(written, (size_t)n), ms);
}

/* --- JSON ------------------------------------------------------------------------------------------------
 */

bool import_is_json(slice text)
{
	if (slice_starts(text, SLICE("\xef\xbb\xbf")))
		text = slice_sub(text, 3, text.n);
	text = slice_trim(text);
	return text.n && (text.p[0] == '{' || text.p[0] == '[');
}

static void read_document(struct import_export *x, slice text,
                          void (*read)(struct import_export *, struct json *))
{
	struct json j;
	json_init(&j, text);
	if (json_peek(&j) == JSON_ARRAY && json_array(&j))
		while (json_next(&j))
			read(x, &j);
	else
		read(x, &j);
	if (!json_end(&j) && x->rc == 0)
		x->rc = ERR_NOMEM; /* the text was valid */
}

void import_documents(struct import_export *x, void (*read)(struct import_export *x, struct json *j))
{
	slice rest = x->f->text, document;
	if (slice_starts(rest, SLICE("\xef\xbb\xbf")))
		rest = slice_sub(rest, 3, rest.n);
	while (x->rc == 0 && slice_trim(rest).n) {
		struct json j;
		json_init(&j, rest);
		if (!json_skip(&j, &document)) {
			import_bad(x, import_line_at(x, rest.p + j.error_at), j.error ? j.error : "no JSON");
			return;
		}
		read_document(x, document, read);
		rest = slice_sub(rest, (size_t)(document.p + document.n - rest.p), rest.n);
	}
}

void import_list(struct import_export *x, struct json *j, slice name,
                 void (*read)(struct json *j, int id, void *x))
{
	struct json look = *j;
	json_key k;
	bool list = false;
	if (json_peek(j) == JSON_OBJECT && json_object(&look))
		while (!list && json_next_key(&look, &k)) {
			list = json_str_is(&k, name);
			json_skip(&look, NULL);
		}
	if (!list) {
		read(j, 0, x);
		return;
	}
	json_object(j);
	while (json_next_key(j, &k)) {
		if (json_str_is(&k, name))
			wire_array(j, read, x);
		else
			json_skip(j, NULL);
	}
}

/* --- tables ----------------------------------------------------------------------------------------------
 */

/* "Input (w/o Cache Write)" is inputwocachewrite. */
static slice bare_name(slice name, char out[NAME_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < name.n && n < NAME_MAX; i++) {
		char c = name.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = c;
	}
	return slice_make(out, n);
}

static bool same_name(slice a, slice b)
{
	char x[NAME_MAX], y[NAME_MAX];
	return slice_eq(bare_name(a, x), bare_name(b, y));
}

/* Which name of the file the caller says a column has; n 0: none. */
static slice mapped_to(slice mapped, const struct import_column *c)
{
	slice names = slice_of(c->names), ours = SLICE_NONE, pair;
	slice_split(&names, ' ', &ours);
	while (slice_split(&mapped, ',', &pair)) {
		slice name = SLICE_NONE;
		slice_split(&pair, '=', &name);
		if (same_name(name, ours))
			return pair;
	}
	return SLICE_NONE;
}

static bool is_column(const struct import_column *c, slice mapped, slice header)
{
	slice names = slice_of(c->names), name, told = mapped_to(mapped, c);
	char bare[NAME_MAX];
	if (told.n)
		return same_name(told, header);
	header = bare_name(header, bare);
	while (slice_split(&names, ' ', &name))
		if (header.n && slice_eq(name, header))
			return true;
	return false;
}

static uint32_t find_columns(struct import_table *t, const struct import_column *columns, size_t n,
                             slice mapped)
{
	uint32_t found = 0;
	for (int i = 0; i < IMPORT_COLUMNS; i++)
		t->at[i] = -1;
	for (size_t c = 0; c < n; c++)
		for (size_t f = 0; f < t->record.n; f++)
			if (t->at[columns[c].id] < 0 && is_column(&columns[c], mapped, t->record.field[f])) {
				t->at[columns[c].id] = (int)f;
				found |= UINT32_C(1) << columns[c].id;
			}
	return found;
}

bool import_table_open(struct import_table *t, const struct import_export *x,
                       const struct import_column *columns, size_t n, uint32_t needed, slice mapped)
{
	csv_init(&t->csv, x->f->text);
	for (int i = 0; i < HEADER_WITHIN && csv_next(&t->csv, x->f->mem, &t->record); i++)
		if ((find_columns(t, columns, n, mapped) & needed) == needed)
			return true;
	return false;
}

bool import_table_next(struct import_table *t, struct import_export *x)
{
	while (x->rc == 0 && csv_next(&t->csv, x->f->mem, &t->record)) {
		if (t->record.fault == NULL)
			return true;
		import_bad(x, t->csv.line, t->record.fault);
	}
	return false;
}

slice import_table_text(const struct import_table *t, int id)
{
	int at = t->at[id];
	return at >= 0 && (size_t)at < t->record.n ? slice_trim(t->record.field[at]) : SLICE_NONE;
}
