#include "cli/demo_books.h"

#include <curl/curl.h>

#include "finops/report_cell.h"
#include "text/json.h"

#define ANSWER_MAX (64u << 20)

/* --- the provider's ---------------------------------------------------------- */

static void read_tokens(struct json *j, int64_t tokens[METER_N])
{
	json_key k;
	if (!json_object(j))
		return;
	while (json_next_key(j, &k)) {
		int meter = 0;
		int64_t v;
		while (meter < DEMO_METERS && !json_key_is(&k, slice_of(meter_name((enum meter)meter))))
			meter++;
		if (meter == DEMO_METERS)
			json_skip(j, NULL);
		else if (json_opt_i64(j, &v)) /* null: not told */
			tokens[meter] += v;
	}
}

/* One call; ERR_BUSY when it runs. */
static int read_call(slice line, struct demo_book *out)
{
	struct json j;
	json_key k;
	json_str finished = {0};
	int64_t tokens[METER_N] = {0};
	json_init(&j, line);
	if (json_object(&j))
		while (json_next_key(&j, &k)) {
			if (json_key_is(&k, SLICE("finished")))
				json_opt_string(&j, &finished);
			else if (json_key_is(&k, SLICE("reported")))
				read_tokens(&j, tokens);
			else
				json_skip(&j, NULL);
		}
	if (!json_end(&j) || finished.raw.n == 0)
		return ERR_INVALID;
	out->calls++;
	if (json_str_is(&finished, SLICE("open")))
		return ERR_BUSY;
	if (!json_str_is(&finished, SLICE("complete")))
		return 0;
	out->whole++;
	for (int i = 0; i < DEMO_METERS; i++)
		out->tokens[i] += tokens[i];
	return 0;
}

int demo_book_provider(slice lines, struct demo_book *out, struct error *e)
{
	slice line;
	bool open = false;
	*out = (struct demo_book){0};
	while (slice_split(&lines, '\n', &line)) {
		int rc = slice_trim(line).n ? read_call(line, out) : 0;
		if (rc == ERR_INVALID)
			return error_set(e, rc, "the simulated provider's books cannot be read");
		open = open || rc == ERR_BUSY;
	}
	return open ? error_set(e, ERR_BUSY, "the simulated provider still answers a call") : 0;
}

static size_t take(char *p, size_t size, size_t n, void *to)
{
	return buf_append(to, slice_make(p, size * n)) == 0 ? size * n : 0;
}

int demo_book_ask(const char *url, struct demo_book *out, struct error *e)
{
	struct buf body;
	char target[512];
	CURL *curl = curl_easy_init();
	if (curl == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	buf_init(&body, ANSWER_MAX);
	snprintf(target, sizeof target, "%s/sim/calls", url);
	curl_easy_setopt(curl, CURLOPT_URL, target);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
	CURLcode rc = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	int status = rc == CURLE_OK
	                 ? demo_book_provider(buf_slice(&body), out, e)
	                 : error_set(e, ERR_IO, "the simulated provider's books: %s", curl_easy_strerror(rc));
	buf_release(&body);
	return status;
}

/* --- Weir's ------------------------------------------------------------------ */

static int no_groups(void *arg, const struct ledger_group *g)
{
	(void)arg, (void)g;
	return 0;
}

int demo_book_ledger(const struct ledger_ops *ops, struct ledger *l, int64_t since_ms, struct demo_book *out,
                     struct error *e)
{
	struct ledger_query q = {.since_ms = since_ms};
	struct ledger_measures all, whole;
	*out = (struct demo_book){0};
	int rc = ops->report(l, &q, no_groups, NULL, &all, e);
	q.filters_n = 1;
	q.filters[0].column = SLICE("ending");
	q.filters[0].value = SLICE("complete");
	if (rc == 0)
		rc = ops->report(l, &q, no_groups, NULL, &whole, e);
	if (rc)
		return rc;
	out->calls = all.calls;
	out->whole = whole.calls;
	for (int i = 0; i < DEMO_METERS; i++)
		out->tokens[i] = whole.meters[i] == TOKENS_ABSENT ? 0 : whole.meters[i];
	return 0;
}

int64_t demo_count(const struct ledger_ops *ops, struct ledger *l, int64_t since_ms, const char *column,
                   const char *value)
{
	struct ledger_query q = {.since_ms = since_ms, .filters_n = 1};
	struct ledger_measures m;
	q.filters[0].column = slice_of(column);
	q.filters[0].value = slice_of(value);
	return ops->report(l, &q, no_groups, NULL, &m, NULL) == 0 ? m.calls + m.refused : 0;
}

/* --- both -------------------------------------------------------------------- */

bool demo_books_agree(const struct demo_book *a, const struct demo_book *b)
{
	bool same = a->calls == b->calls && a->whole == b->whole;
	for (int i = 0; i < DEMO_METERS; i++)
		same = same && a->tokens[i] == b->tokens[i];
	return same;
}

void demo_book_json(struct jsonw *w, slice name, const struct demo_book *b)
{
	jsonw_key(w, name);
	jsonw_object(w);
	jsonw_put_i64(w, SLICE("calls"), b->calls);
	jsonw_put_i64(w, SLICE("complete"), b->whole);
	for (int i = 0; i < DEMO_METERS; i++)
		jsonw_put_i64(w, slice_of(meter_name((enum meter)i)), b->tokens[i]);
	jsonw_object_end(w);
}

static void put_count(FILE *out, const char *before, int64_t v, const char *behind)
{
	static const struct measure count = {.kind = MEASURE_COUNT};
	struct cell c = {0};
	cell_measure(&c, &count, v);
	fprintf(out, "%s%.*s%s", before, (int)c.n, c.s, behind);
}

void demo_books_print(FILE *out, const struct demo_book *provider, const struct demo_book *ledger)
{
	static const char *const heads[METER_N] = {
	    [METER_INPUT] = "fresh input",
	    [METER_CACHE_READ] = "read from cache",
	    [METER_CACHE_WRITE_5M] = "cached (5 m)",
	    [METER_CACHE_WRITE_1H] = "cached (1 h)",
	    [METER_OUTPUT] = "output",
	    [METER_REASONING] = "of it reasoning",
	};
	bool agree = demo_books_agree(provider, ledger);
	fputs(agree ? "Two books agree, the provider's own and Weir's ledger:"
	            : "The two books DIFFER (the provider's own against Weir's ledger):",
	      out);
	put_count(out, " ", provider->calls, " calls");
	if (ledger->calls != provider->calls)
		put_count(out, " against ", ledger->calls, "");
	put_count(out, ", ", provider->whole, " answered to the end");
	if (ledger->whole != provider->whole)
		put_count(out, " against ", ledger->whole, "");
	for (int i = 0; i < DEMO_METERS; i++) {
		if (provider->tokens[i] == 0 && ledger->tokens[i] == 0)
			continue;
		fprintf(out, "%s%s", i == 0 ? "; tokens: " : ", ", heads[i]);
		put_count(out, " ", provider->tokens[i], "");
		if (ledger->tokens[i] != provider->tokens[i])
			put_count(out, " against ", ledger->tokens[i], "");
	}
	fputs(".\n", out);
}
