/* `weir price import`: what public price books say otherwise is taken into the price file that lies over the
 * built-in book. The file is written anew, whole, in our format: its own models as they are, those that were
 * taken with their history before and the new price from a day on. Nothing is written without --apply. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/price.h"
#include "finops/pricebook.h"

#define MARK "imported " /* how the source of a row begins that was not written by hand */

struct importing {
	const struct price_query *q;
	const struct price_book *book; /* the one that is read now */
	struct pricebook rows;
	struct pricebook agreed; /* models whose prices are right already: their names stay where they lead */
	struct catalog *file;    /* owned; what the price file says now; NULL: it is not there */
	const char *path;
	int64_t from_ms; /* the day from which the new prices count */
	char day[16];
	size_t changed, added, same, kept, unfit, left_out;
	struct jsonw w;
	struct buf b;
};

/* --- what one model's change looks like --------------------------------------------------------- */

static void say_meter(struct importing *k, const struct price_difference *d, const char *place)
{
	char ours[MONEY_TEXT_MAX], theirs[MONEY_TEXT_MAX], when[128];
	slice meter = catalog_meter_key(d->meter);
	pricebook_condition(d->when, when);
	if (k->q->c->json) {
		jsonw_object(&k->w);
		jsonw_put_string(&k->w, SLICE("meter"), meter);
		jsonw_put_string(&k->w, SLICE("when"), when[0] ? slice_of(when) : SLICE_NONE);
		if (d->ours == PRICE_ABSENT)
			jsonw_put_null(&k->w, SLICE("nanousd_before"));
		else
			jsonw_put_i64(&k->w, SLICE("nanousd_before"), d->ours);
		jsonw_put_i64(&k->w, SLICE("nanousd"), d->theirs);
		jsonw_object_end(&k->w);
		return;
	}
	price_text(d->ours, ours);
	price_text(d->theirs, theirs);
	fprintf(k->q->c->out, "%s" SLICE_FMT "%s%s %s -> %s", place, SLICE_ARG(meter), when[0] ? " " : "",
	        when, ours, theirs);
}

static void say(struct importing *k, const struct price *ours, const struct price *theirs,
                const struct price_difference *d, size_t n)
{
	if (k->q->c->json) {
		jsonw_object(&k->w);
		jsonw_put_string(&k->w, SLICE("vendor"), theirs->vendor);
		jsonw_put_string(&k->w, SLICE("model"), theirs->model);
		jsonw_put_bool(&k->w, SLICE("new"), ours == NULL);
		jsonw_put_string(&k->w, SLICE("before"), ours ? ours->source : SLICE_NONE);
		jsonw_put_string(&k->w, SLICE("source"), slice_of(k->book->file));
		jsonw_put_string(&k->w, SLICE("from"), slice_of(k->day));
		jsonw_key(&k->w, SLICE("meters"));
		jsonw_array(&k->w);
	} else {
		fprintf(k->q->c->out, SLICE_FMT "/" SLICE_FMT "%s: ", SLICE_ARG(theirs->vendor),
		        SLICE_ARG(theirs->model), ours ? "" : " (new)");
	}
	for (size_t i = 0; i < n; i++)
		say_meter(k, &d[i], i ? ", " : "");
	if (k->q->c->json) {
		jsonw_array_end(&k->w);
		jsonw_object_end(&k->w);
	} else {
		fprintf(k->q->c->out, "  [%s]\n", k->book->file);
	}
}

/* --- rows ------------------------------------------------------------------------------------------ */

static bool of_model(const struct price *p, slice vendor, slice model)
{
	return slice_eq_nocase(p->vendor, vendor) && slice_eq_nocase(p->model, model);
}

static bool has(const struct pricebook *b, slice vendor, slice model)
{
	for (size_t i = 0; i < b->rows_n; i++)
		if (of_model(&b->rows[i], vendor, model))
			return true;
	return false;
}

static const struct price *file_row(const struct importing *k, slice vendor, slice model)
{
	size_t at = 0;
	const struct price *p, *last = NULL;
	while (k->file && (p = catalog_each(k->file, &at)) != NULL)
		if (of_model(p, vendor, model))
			last = p;
	return last;
}

/* A row of another catalog, in this book, of this name: texts are copied, since that catalog goes first. */
static bool copy_row(struct importing *k, const struct price *p, slice vendor, slice model)
{
	struct arena *mem = &k->rows.mem;
	slice v = arena_copy(mem, vendor), m = arena_copy(mem, model), source = arena_copy(mem, p->source);
	struct price *row = v.p && m.p && source.p ? pricebook_add(&k->rows, v, m) : NULL;
	if (row == NULL)
		return false;
	row->source = source;
	row->from_ms = p->from_ms;
	row->until_ms = p->until_ms;
	row->context_window = p->context_window;
	row->max_output = p->max_output;
	memcpy(row->per_million, p->per_million, sizeof row->per_million);
	for (size_t i = 0; i < p->modifiers_n; i++) {
		struct price_modifier *to = pricebook_modifier(&k->rows);
		if (to == NULL)
			return false;
		*to = p->modifiers[i];
		to->service_tier = arena_copy(mem, to->service_tier);
		to->speed = arena_copy(mem, to->speed);
		to->region = arena_copy(mem, to->region);
	}
	return true;
}

/* The rows of a model that began before the day, or that begin behind it. */
static bool copy_rows(struct importing *k, const struct catalog *c, const struct price *like, bool behind,
                      slice model, size_t *n)
{
	size_t at = 0;
	for (const struct price *p; (p = catalog_each(c, &at)) != NULL;) {
		if (!of_model(p, like->vendor, like->model) || p->from_ms == k->from_ms ||
		    (p->from_ms > k->from_ms) != behind)
			continue;
		if (!copy_row(k, p, like->vendor, model))
			return false;
		++*n;
	}
	return true;
}

/* The whole of a model: what held before, the book's price, and what is announced for later, by the book or
 * else by us. */
static bool build(struct importing *k, const struct price *ours, const struct price *theirs)
{
	size_t before = 0, later = 0, first = k->rows.rows_n;
	const struct catalog *mine = k->q->settings->catalog;
	slice source = arena_printf(&k->rows.mem, MARK "%s from " SLICE_FMT " (%s)", k->day,
	                            SLICE_ARG(slice_of(k->book->file)), k->book->format);
	if (slice_eq(slice_of(k->book->format), SLICE("Weir")))
		source = arena_printf(&k->rows.mem, MARK "%s from %s: " SLICE_FMT, k->day, k->book->file,
		                      SLICE_ARG(theirs->source));
	bool good = source.p != NULL;
	if (good && ours)
		good = copy_rows(k, mine, ours, false, theirs->model, &before);
	struct price *row =
	    good ? pricebook_follow(&k->rows, ours, theirs, ours ? k->from_ms : theirs->from_ms, source)
	         : NULL;
	good = row != NULL;
	if (good) {
		struct price copy = *row;
		k->rows.rows_n--;
		good = copy_row(k, &copy, theirs->vendor, theirs->model);
	}
	if (good)
		good = copy_rows(k, k->book->catalog, theirs, true, theirs->model, &later);
	if (good && ours && later == 0)
		good = copy_rows(k, mine, ours, true, theirs->model, &later);
	if (!good)
		k->rows.rows_n = first; /* all of it or nothing */
	return good;
}

static void take_row(struct importing *k, const struct price *theirs)
{
	struct price_difference d[PRICE_DIFFERENCES_MAX];
	const struct price_query *q = k->q;
	const struct price *hand = file_row(k, theirs->vendor, theirs->model), nothing = {.modifiers_n = 0};
	const struct price *ours =
	    catalog_price(q->settings->catalog, theirs->vendor, theirs->model, q->at_ms);
	struct price blank = nothing;
	for (int m = 0; m < METER_N; m++)
		blank.per_million[m] = PRICE_ABSENT;
	if (has(&k->rows, theirs->vendor, theirs->model) || has(&k->agreed, theirs->vendor, theirs->model))
		return;
	size_t n = pricebook_compare(ours ? ours : &blank, theirs, d);
	if (n == 0) {
		k->same++;
		pricebook_add(&k->agreed, arena_copy(&k->agreed.mem, theirs->vendor),
		              arena_copy(&k->agreed.mem, theirs->model));
		return;
	}
	if (hand && !slice_starts(hand->source, SLICE(MARK)) && !q->replace) {
		k->kept++;
		return;
	}
	if (!build(k, ours, theirs)) {
		k->unfit++;
		return;
	}
	*(ours ? &k->changed : &k->added) += 1;
	say(k, ours, theirs, d, n);
}

static int on_book(void *arg, const struct price_book *b)
{
	struct importing *k = arg;
	size_t at = 0;
	k->book = b;
	k->left_out += b->left_out;
	for (const struct price *p; (p = catalog_each(b->catalog, &at)) != NULL;)
		if (price_listed(k->q, p))
			take_row(k, p);
	return k->rows.full || k->agreed.full ? cli_fail(k->q->c, "the price file would be too large")
	                                      : EXIT_DONE;
}

/* --- the file --------------------------------------------------------------------------------------- */

static slice other_name(void *arg, const struct price *p, size_t i)
{
	struct importing *k = arg;
	const struct catalog *c = k->file;
	const struct price *row = file_row(k, p->vendor, p->model);
	if (row == NULL) {
		c = k->q->settings->catalog;
		row = catalog_price(c, p->vendor, p->model, k->q->at_ms);
		if (row && !of_model(row, p->vendor, p->model))
			return SLICE_NONE;
	}
	for (size_t at = 0; row;) {
		slice name = catalog_name(c, row, at++);
		bool own = has(&k->rows, p->vendor, name) || has(&k->agreed, p->vendor, name);
		if (c != k->file && k->file && !own)
			own = catalog_price(k->file, p->vendor, name, k->q->at_ms) != NULL;
		if (name.n == 0 || (!own && i-- == 0))
			return name;
	}
	return SLICE_NONE;
}

/* Beside the file and then in its place, so that a reader never sees half of it. */
static bool replace_file(const char *path, slice text)
{
	char beside[4096];
	int n = snprintf(beside, sizeof beside, "%s.new", path);
	int fd = n > 0 && (size_t)n < sizeof beside
	             ? open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)
	             : -1;
	bool good = fd >= 0;
	for (size_t at = 0; good && at < text.n;) {
		ssize_t written = write(fd, text.p + at, text.n - at);
		good = written > 0;
		at += good ? (size_t)written : 0;
	}
	good = good && fsync(fd) == 0;
	if (fd >= 0)
		good = close(fd) == 0 && good;
	good = good && rename(beside, path) == 0;
	int why = errno;
	if (!good && fd >= 0)
		unlink(beside);
	errno = why;
	return good;
}

static int write_file(struct importing *k)
{
	struct buf text;
	struct error e = {0};
	size_t at = 0, taken_n = k->rows.rows_n;
	bool good = true;
	for (const struct price *p; good && k->file && (p = catalog_each(k->file, &at)) != NULL;) {
		bool taken = false;
		for (size_t i = 0; !taken && i < taken_n; i++)
			taken = of_model(&k->rows.rows[i], p->vendor, p->model);
		good = taken || copy_row(k, p, p->vendor, p->model);
	}
	buf_init(&text, PRICEBOOK_TEXT_MAX);
	if (!good || pricebook_write(&k->rows, slice_of(k->day), other_name, k, &text) ||
	    buf_append(&text, SLICE("\n"))) {
		buf_release(&text);
		return cli_fail(k->q->c,
		                "the price file would be too large: take less, with --model or --vendor");
	}
	struct catalog *check = catalog_read(buf_slice(&text), &e);
	int status = EXIT_DONE;
	if (check == NULL)
		status = cli_fail(k->q->c, "%s is left as it is: the result would be no price book: %s",
		                  k->path, e.text);
	else if (!replace_file(k->path, buf_slice(&text)))
		status = cli_fail(k->q->c, "%s cannot be written: %s", k->path, strerror(errno));
	catalog_unref(check);
	buf_release(&text);
	return status;
}

static int read_file(struct importing *k)
{
	struct error e = {0};
	struct stat st;
	char *text = NULL;
	FILE *f = fopen(k->path, "re");
	if (f == NULL)
		return errno == ENOENT ? EXIT_DONE
		                       : cli_fail(k->q->c, "%s cannot be read: %s", k->path, strerror(errno));
	size_t n = fstat(fileno(f), &st) == 0 && st.st_size > 0 && st.st_size <= PRICEBOOK_TEXT_MAX
	               ? (size_t)st.st_size
	               : 0;
	text = n ? malloc(n) : NULL;
	if (text && fread(text, 1, n, f) == n)
		k->file = catalog_read(slice_make(text, n), &e);
	free(text);
	fclose(f);
	return k->file ? EXIT_DONE : cli_fail(k->q->c, "%s:%d:%d: %s", k->path, e.line, e.column, e.text);
}

/* --- the command -------------------------------------------------------------------------------------- */

static void sum_up(struct importing *k, bool written)
{
	FILE *out = k->q->c->out;
	fprintf(out, "%s%zu prices change, %zu are new, %zu are the same.\n",
	        k->changed + k->added ? "\n" : "", k->changed, k->added, k->same);
	if (k->kept)
		fprintf(out, "%zu were written by hand and stay: --replace takes them too.\n", k->kept);
	if (k->unfit)
		fprintf(out, "%zu have more conditions than a price can have, and were left out.\n",
		        k->unfit);
	if (k->left_out)
		fprintf(out, "%zu entries of the books have no price for input that Weir can count with.\n",
		        k->left_out);
	if (written && k->q->out)
		fprintf(out, "Written to %s. The settings name it with `prices: {file: %s}`.\n", k->path,
		        k->path);
	else if (written)
		fprintf(out,
		        "Written to %s: a gateway that runs takes it with the next reload of its settings.\n",
		        k->path);
	else if (k->changed + k->added)
		fputs("Nothing was written: add --apply to write it.\n", out);
}

static int finish_json(struct importing *k, bool written)
{
	jsonw_array_end(&k->w);
	jsonw_put_string(&k->w, SLICE("file"), slice_of(k->path));
	jsonw_put_bool(&k->w, SLICE("written"), written);
	jsonw_put_i64(&k->w, SLICE("changed"), (int64_t)k->changed);
	jsonw_put_i64(&k->w, SLICE("new"), (int64_t)k->added);
	jsonw_put_i64(&k->w, SLICE("same"), (int64_t)k->same);
	jsonw_put_i64(&k->w, SLICE("kept"), (int64_t)(k->kept + k->unfit));
	jsonw_put_i64(&k->w, SLICE("left_out"), (int64_t)k->left_out);
	jsonw_object_end(&k->w);
	return cli_print_json(k->q->c, &k->w, &k->b);
}

int price_import(struct price_query *q)
{
	struct importing k = {.q = q, .path = q->out ? q->out : q->settings->price_file.p};
	if (k.path == NULL)
		return cli_fail(
		    q->c, "the settings name no price file: write `prices: {file: prices.json}` into them, "
		          "or say where with --out FILE");
	k.from_ms = q->at_ms - q->at_ms % (INT64_C(24) * 3600 * 1000);
	price_date(k.from_ms, k.day);
	pricebook_init(&k.rows);
	pricebook_init(&k.agreed);
	buf_init(&k.b, PRICE_JSON_MAX);
	jsonw_init(&k.w, &k.b);
	if (q->c->json) {
		jsonw_object(&k.w);
		jsonw_key(&k.w, SLICE("changes"));
		jsonw_array(&k.w);
	}
	int status = read_file(&k);
	if (status == EXIT_DONE)
		status = price_books(q, on_book, &k);
	bool write = status == EXIT_DONE && q->apply && k.changed + k.added > 0;
	if (write)
		status = write_file(&k);
	if (status == EXIT_DONE && q->c->json)
		status = finish_json(&k, write);
	else if (status == EXIT_DONE)
		sum_up(&k, write);
	buf_release(&k.b);
	catalog_unref(k.file);
	pricebook_release(&k.rows);
	pricebook_release(&k.agreed);
	return status;
}
