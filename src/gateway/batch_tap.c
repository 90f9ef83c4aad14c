#include "gateway/batch_tap.h"

#include "base/num.h"
#include "gateway/batch_text.h"
#include "gateway/cache_tap.h"
#include "gateway/exchange.h"
#include "text/multipart.h"

#define LINE_MEM (64 * 1024)

static bool refuse(struct exchange *ex, enum refusal_kind kind, const char *rule, slice message)
{
	exchange_refuse(ex, kind, rule, message);
	return false;
}

static bool is(slice a, const char *b)
{
	return slice_eq(a, slice_of(b));
}

/* --- admission -------------------------------------------------------------------------------- */

/* What stands behind /v1/messages/batches, /v1/batches or /v1/files: the id and what is asked of it. */
static void split_path(const struct exchange *ex, slice *id, slice *action)
{
	slice rest = ex->target.rest;
	size_t n = ex->target.api == API_ANTHROPIC_BATCH ? 20
	           : ex->target.api == API_OPENAI_BATCH  ? 11
	           : ex->target.api == API_GEMINI_CACHES ? 22
	                                                 : 9;
	rest = slice_sub(rest, n, rest.n);
	*id = *action = SLICE_NONE;
	if (rest.n < 2)
		return;
	rest = slice_sub(rest, 1, rest.n);
	slice_split(&rest, '/', id);
	*action = rest;
}

static enum batch_kind kind_of(const struct exchange *ex, slice id, slice action)
{
	bool post = is(ex->method, "POST"), get = is(ex->method, "GET");
	bool files = ex->target.api == API_OPENAI_FILES;
	if (id.n == 0)
		return !post ? BATCH_CALL_NONE : files ? BATCH_CALL_UPLOAD : BATCH_CALL_CREATE;
	if (get && is(action, files ? "content" : "results"))
		return BATCH_CALL_RESULTS;
	if (files || action.n)
		return BATCH_CALL_NONE;
	return get ? BATCH_CALL_STATUS : is(ex->method, "DELETE") ? BATCH_CALL_DELETE : BATCH_CALL_NONE;
}

static int first_model(void *arg, const struct batch_item *item, struct error *e)
{
	struct exchange *ex = arg;
	(void)e;
	if (ex->view.model.n == 0)
		ex->view.model = batch_model(item->body, &ex->mem);
	return 0;
}

/* The requests of an upload; p NULL when it is no multipart body with a file. */
static slice uploaded(const struct exchange *ex)
{
	slice boundary = multipart_boundary(headers_get(&ex->headers, SLICE("content-type")));
	slice body = slice_make(ex->body.p, ex->body.n), file;
	return boundary.n && multipart_part(body, boundary, SLICE("file"), &file) ? file : SLICE_NONE;
}

static bool is_for_batches(const struct exchange *ex)
{
	slice boundary = multipart_boundary(headers_get(&ex->headers, SLICE("content-type"))), purpose;
	return boundary.n &&
	       multipart_part(slice_make(ex->body.p, ex->body.n), boundary, SLICE("purpose"), &purpose) &&
	       is(slice_trim(purpose), "batch");
}

/* The model that the first request names decides on the provider, as it would for the request alone. */
static void read_first_model(struct exchange *ex)
{
	struct error e = {0};
	slice body = slice_make(ex->body.p, ex->body.n), line, lines;
	if (ex->batch.kind == BATCH_CALL_UPLOAD) {
		lines = uploaded(ex);
		while (ex->view.model.n == 0 && slice_split(&lines, '\n', &line))
			if (batch_item_line(slice_trim(line), first_model, ex, &e))
				break;
	} else if (ex->target.api == API_ANTHROPIC_BATCH && batch_items(body, first_model, ex, &e)) {
		return; /* told when the hold is made */
	}
}

/* Paths that name a batch or a file, and no provider: the batch's own, else the first of the dialect. */
static void name_provider(struct exchange *ex)
{
	const struct settings *s = ex->settings;
	struct batch_status st;
	struct batch_file f;
	if (ex->target.provider.n)
		return;
	if (ex->batch.of) {
		ex->target.provider = ex->batch.of->provider;
		return;
	}
	if (ex->batch.kind == BATCH_CALL_CREATE && ex->target.api == API_OPENAI_BATCH) {
		batch_read_status(slice_make(ex->body.p, ex->body.n), &st);
		if (batches_file(ex->w->shared->batches, name_get(&st.input), &f)) {
			ex->target.provider = arena_copy(&ex->mem, name_get(&f.provider));
			return;
		}
	}
	if (ex->view.model.n || settings_provider(s, ex->target.dialect, SLICE_NONE, SLICE_NONE))
		return;
	for (size_t i = 0; i < s->providers_n && ex->target.provider.n == 0; i++)
		if (s->providers[i].dialect == ex->target.dialect)
			ex->target.provider = s->providers[i].name;
}

bool batch_tap_admit(struct exchange *ex)
{
	slice id, action;
	enum api api = ex->target.api;
	if (api != API_ANTHROPIC_BATCH && api != API_OPENAI_BATCH && api != API_OPENAI_FILES &&
	    api != API_GEMINI_CACHES)
		return true;
	struct batches *t = ex->w->shared->batches;
	split_path(ex, &id, &action);
	if (api == API_GEMINI_CACHES) {
		cache_tap_admit(ex, id, action);
		if (ex->batch.kind == BATCH_CALL_CACHE && batches_full(t))
			return refuse(
			    ex, REFUSAL_OVERLOAD, "batches",
			    SLICE("too many caches and message batches are open at once; delete one "
			          "that is not needed"));
		name_provider(ex);
		return true;
	}
	ex->batch.kind = kind_of(ex, id, action);
	if (ex->batch.kind == BATCH_CALL_UPLOAD && !is_for_batches(ex))
		ex->batch.kind = BATCH_CALL_NONE;
	if (id.n)
		ex->batch.of = api == API_OPENAI_FILES ? batches_by_file(t, id) : batches_find(t, id);
	if (ex->batch.kind == BATCH_CALL_RESULTS)
		ex->codec = NULL; /* they pass, and are read line by line */
	if (ex->batch.kind == BATCH_CALL_CREATE && batches_full(t))
		return refuse(
		    ex, REFUSAL_OVERLOAD, "batches",
		    SLICE("too many message batches are open at once; try again when one has ended"));
	read_first_model(ex);
	name_provider(ex);
	return true;
}

/* The file's hold, as it was when the file came by. */
static bool hold_of_file(struct exchange *ex)
{
	struct batch_status st;
	struct batch_file f;
	batch_read_status(slice_make(ex->body.p, ex->body.n), &st);
	if (batches_file(ex->w->shared->batches, name_get(&st.input), &f)) {
		ex->record.hold_nanousd = ex->batch.worst = f.hold_nanousd;
		return true;
	}
	if (ex->settings->unmetered == UNMETERED_ALLOW)
		return true;
	return refuse(
	    ex, REFUSAL_UNMETERED, "unmetered",
	    SLICE("the batch's input file did not come through this gateway since it was started, so "
	          "what the batch can cost is not known: upload the file again with purpose \"batch\", "
	          "or set `unmetered: allow` in Weir's settings"));
}

bool batch_tap_hold(struct exchange *ex)
{
	struct error e = {0};
	slice model = SLICE_NONE;
	int64_t hold = 0;
	int rc;
	if (ex->target.api == API_GEMINI_CACHES)
		return cache_tap_hold(ex);
	if (ex->batch.kind == BATCH_CALL_CREATE && ex->target.api == API_OPENAI_BATCH)
		return hold_of_file(ex);
	if (ex->batch.kind == BATCH_CALL_CREATE)
		rc = batch_hold_body(ex->settings, ex->provider, ex->record.time_ms,
		                     slice_make(ex->body.p, ex->body.n), &ex->mem, &hold, &model, &e);
	else if (ex->batch.kind == BATCH_CALL_UPLOAD)
		rc = batch_hold_file(ex->settings, ex->provider, ex->record.time_ms, uploaded(ex), &ex->mem,
		                     &hold, &model, &e);
	else
		return true;
	if (rc == ERR_NOT_FOUND)
		return refuse(ex, REFUSAL_UNPRICED, "unpriced",
		              catalog_unknown_message(&ex->mem, ex->provider->vendor, model));
	if (rc)
		return refuse(ex, REFUSAL_REQUEST, "request",
		              arena_printf(&ex->mem, "the batch cannot be read: %s", e.text));
	if (ex->batch.kind == BATCH_CALL_UPLOAD)
		ex->batch.file_hold = hold;
	else
		ex->record.hold_nanousd = ex->batch.worst = hold;
	return true;
}

/* --- results as they pass --------------------------------------------------------------------- */

void batch_tap_head(struct exchange *ex, int status)
{
	if (ex->batch.kind != BATCH_CALL_RESULTS || ex->batch.of == NULL || status != 200 ||
	    !is(ex->method, "GET"))
		return;
	lines_init(&ex->batch.lines, (size_t)ex->settings->limits.event_bytes);
	ex->batch.reading = true;
}

static void book_row(struct exchange *ex, const struct record *r)
{
	if (journal_refusal(ex->w->shared->journal, ex->w->index, r))
		ex->batch.lost = true; /* the batch stays open: the line comes again */
}

static void on_line(void *arg, slice line)
{
	struct exchange *ex = arg;
	struct record r;
	struct arena mem;
	arena_init(&mem, LINE_MEM + line.n);
	if (batch_line(ex->batch.of, ex->settings, line, &mem, &r) == 0) {
		batch_used_add(&ex->batch.used, &r);
		book_row(ex, &r);
	} else {
		ex->batch.lost = true;
	}
	arena_release(&mem);
}

/* Half of the journal is left to calls. */
static bool has_room(const struct exchange *ex, size_t part)
{
	struct journal_stats s;
	journal_stats_get(ex->w->shared->journal, &s);
	return s.settled + s.in_flight < s.slots / part;
}

bool batch_tap_piece(struct exchange *ex, slice piece)
{
	if (!ex->batch.reading)
		return true;
	if (!has_room(ex, 2)) {
		ex->batch.waits = true;
		return false;
	}
	ex->batch.waits = false;
	lines_feed(&ex->batch.lines, piece, on_line, ex);
	return true;
}

void batch_tap_tick(struct exchange *ex)
{
	if (ex->batch.waits && ex->call && has_room(ex, 4)) {
		ex->batch.waits = false;
		upstream_resume(ex->call);
	}
}

static void end_results(struct exchange *ex)
{
	struct name results, errors;
	lines_finish(&ex->batch.lines, on_line, ex);
	if (ex->batch.lost || ex->batch.lines.skipped)
		return;
	/* of OpenAI's two files, the one of errors costs nothing and may be left unread */
	batch_files(ex->w->shared->batches, ex->batch.of, &results, &errors);
	if (results.n == 0 || slice_find(ex->target.rest, name_get(&results)) >= 0)
		batch_close(ex->w->shared, ex->batch.of, BATCH_BOOKED, &ex->batch.used);
}

/* --- where results are fetched ---------------------------------------------------------------- */

/* A client fetches results from the URL that the batch names: the provider's, past this gateway and with a
 * Weir key that it does not know. So the URL's origin becomes the one that the client came to. */
static bool write_results_urls(struct exchange *ex, slice body, struct buf *out)
{
	static const slice key = SLICE("\"results_url\""), path = SLICE("/v1/messages/batches/");
	slice host = headers_get(&ex->headers, SLICE("host"));
	slice prefix = slice_sub(ex->target.path, 0, ex->target.path.n - ex->target.rest.n);
	ptrdiff_t at;
	bool any = false;
	while ((at = slice_find(body, key)) >= 0) {
		size_t from = (size_t)at + key.n;
		while (from < body.n && strchr(" :\t\r\n", body.p[from]) && body.p[from] != '\0')
			from++;
		slice value = slice_sub(body, from + 1, body.n);
		value = slice_sub(value, 0, (size_t)num_max_i64(slice_find_char(value, '"'), 0));
		ptrdiff_t origin = slice_find(value, path);
		if (from >= body.n || body.p[from] != '"' || origin <= 0) {
			if (buf_append(out, slice_sub(body, 0, from)))
				return false;
			body = slice_sub(body, from, body.n);
			continue;
		}
		if (buf_append(out, slice_sub(body, 0, from + 1)) ||
		    buf_printf(out, "%s://" SLICE_FMT SLICE_FMT,
		               ex->settings->listen.certificate.n ? "https" : "http", SLICE_ARG(host),
		               SLICE_ARG(prefix)))
			return false;
		body = slice_sub(body, from + 1 + (size_t)origin, body.n);
		any = true;
	}
	return any && buf_append(out, body) == 0;
}

void batch_tap_edit(struct exchange *ex)
{
	struct buf out;
	slice host = headers_get(&ex->headers, SLICE("host"));
	if (ex->target.api != API_ANTHROPIC_BATCH || ex->streaming || ex->status >= 300 || host.n == 0 ||
	    ex->whole.n == 0)
		return;
	buf_init(&out, ex->whole.n * 2 + 4096);
	if (write_results_urls(ex, slice_make(ex->whole.p, ex->whole.n), &out) &&
	    block_reserve(&ex->w->blocks, &ex->whole, out.n)) {
		memcpy(ex->whole.p, buf_slice(&out).p, out.n);
		ex->whole.n = out.n;
	}
	buf_release(&out);
}

/* --- whole answers ---------------------------------------------------------------------------- */

static void on_created(struct exchange *ex, const struct batch_status *st)
{
	struct record *r = &ex->record;
	r->text[TEXT_BATCH] = arena_copy(&ex->mem, name_get(&st->id));
	if (st->id.n && batches_add(ex->w->shared->batches, r))
		log_event(ex->w->shared->log, LOG_ERROR, "batch.unfollowed",
		          LOG_S("batch", r->text[TEXT_BATCH]),
		          LOG_Z("effect", "it will be followed after the next start"));
}

static void on_status(struct exchange *ex, const struct batch_status *st)
{
	struct batches *t = ex->w->shared->batches;
	if (ex->batch.of == NULL || !batch_has_ended(st) || ex->target.api != API_OPENAI_BATCH)
		return;
	batch_set_files(t, ex->batch.of, name_get(&st->results), name_get(&st->errors));
	if (st->results.n == 0)
		batch_close(ex->w->shared, ex->batch.of, BATCH_BOOKED, NULL); /* no line was answered */
}

static void on_deleted(struct exchange *ex)
{
	struct record r;
	struct arena mem;
	if (ex->batch.of == NULL || batch_state(ex->w->shared->batches, ex->batch.of) != BATCH_OPEN)
		return;
	arena_init(&mem, LINE_MEM);
	batch_lost_row(ex->batch.of,
	               "the batch was deleted before its results were read: booked at its worst case", &mem,
	               &r);
	book_row(ex, &r);
	batch_used_add(&ex->batch.used, &r);
	arena_release(&mem);
	batch_close(ex->w->shared, ex->batch.of, BATCH_LOST, &ex->batch.used);
}

void batch_tap_end(struct exchange *ex, slice body)
{
	struct batch_status st;
	struct batch_file f;
	if (ex->batch.reading) {
		end_results(ex);
		return;
	}
	if (ex->batch.kind == BATCH_CALL_NONE || ex->status >= 300)
		return;
	batch_read_status(body, &st);
	switch (ex->batch.kind) {
	case BATCH_CALL_CACHE:
	case BATCH_CALL_CACHE_CHANGE:
	case BATCH_CALL_CACHE_END:
		cache_tap_end(ex, body);
		break;
	case BATCH_CALL_CREATE:
		on_created(ex, &st);
		break;
	case BATCH_CALL_UPLOAD:
		f = (struct batch_file){.id = st.id, .hold_nanousd = ex->batch.file_hold};
		name_set(&f.provider, ex->provider->name);
		batches_file_add(ex->w->shared->batches, &f);
		break;
	case BATCH_CALL_STATUS:
		on_status(ex, &st);
		break;
	case BATCH_CALL_DELETE:
		on_deleted(ex);
		break;
	case BATCH_CALL_RESULTS:
	case BATCH_CALL_NONE:
		break;
	}
}

void batch_tap_release(struct exchange *ex)
{
	if (ex->batch.reading)
		lines_release(&ex->batch.lines);
	batch_unref(ex->batch.of);
	ex->batch.of = NULL;
}
