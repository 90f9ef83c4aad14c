#include "books.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT     32768u
#define MAX_ROWS 1024

static const char *const finish_names[] = {
#define X(id, name) name,
    SIM_FINISHES(X)
#undef X
};

#define FINISH_COUNT (sizeof finish_names / sizeof *finish_names)

struct entry {
	uint64_t seq;
	enum api api;
	enum finish finish;
	int status;
	bool stream;
	char tag[96], model[128];
	int64_t started_ms, ended_ms, events, body_bytes, text_bytes, wire_bytes;
	double ms;
	struct usage reported, served;
};

struct row {
	enum api api;
	char model[128];
	int64_t calls, finish[FINISH_COUNT], events;
	struct usage reported, served;
};

static struct {
	pthread_mutex_t lock;
	int fd;
	struct entry *kept; /* ring by seq; NULL when not kept */
	struct row rows[MAX_ROWS];
	size_t nrows;
	uint64_t started;
} books = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static atomic_ullong next_seq = 1;

void books_open(const char *path, bool keep_calls)
{
	if (path) {
		books.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (books.fd < 0)
			sim_die("cannot write %s", path);
	}
	if (keep_calls)
		books.kept = sim_alloc(KEPT * sizeof *books.kept);
}

static void add_meter(struct buf *out, const char *name, int64_t v)
{
	buf_fmt(out, "\"%s\":", name);
	if (v < 0)
		BUF_LIT(out, "null");
	else
		buf_int(out, v);
}

static void add_usage(struct buf *out, const struct usage *u)
{
	BUF_LIT(out, "{");
	add_meter(out, "input_tokens", u->input);
	BUF_LIT(out, ",");
	add_meter(out, "cache_read_tokens", u->cache_read);
	BUF_LIT(out, ",");
	add_meter(out, "cache_write_5m_tokens", u->write_5m);
	BUF_LIT(out, ",");
	add_meter(out, "cache_write_1h_tokens", u->write_1h);
	BUF_LIT(out, ",");
	add_meter(out, "output_tokens", u->output);
	BUF_LIT(out, ",");
	add_meter(out, "reasoning_tokens", u->reasoning);
	BUF_LIT(out, "}");
}

static void add_common(struct buf *out, const struct entry *e)
{
	buf_fmt(out, "\"seq\":%llu,\"call\":", (unsigned long long)e->seq);
	if (e->tag[0])
		buf_json(out, str_of(e->tag));
	else
		BUF_LIT(out, "null");
	buf_fmt(out, ",\"api\":\"%s\",\"model\":", api_names[e->api]);
	buf_json(out, str_of(e->model));
	buf_fmt(out, ",\"stream\":%s,\"started_ms\":%lld,\"request_bytes\":%lld",
	        e->stream ? "true" : "false", (long long)e->started_ms, (long long)e->body_bytes);
}

static void add_end(struct buf *out, const struct entry *e)
{
	add_common(out, e);
	buf_fmt(out,
	        ",\"ended_ms\":%lld,\"ms\":%.3f,\"status\":%d,\"finished\":\"%s\",\"events\":%lld,\"text_"
	        "bytes\":%lld,"
	        "\"wire_bytes\":%lld",
	        (long long)e->ended_ms, e->ms, e->status, finish_names[e->finish], (long long)e->events,
	        (long long)e->text_bytes, (long long)e->wire_bytes);
	BUF_LIT(out, ",\"reported\":");
	add_usage(out, &e->reported);
	BUF_LIT(out, ",\"served\":");
	add_usage(out, &e->served);
}

static void write_line(struct buf *line)
{
	BUF_LIT(line, "}\n");
	if (write(books.fd, line->p, line->len) != (ssize_t)line->len)
		sim_die("cannot write the books");
	buf_free(line);
}

static void entry_of(struct entry *e, const struct call *c)
{
	*e = (struct entry){.seq = c->seq,
	                    .api = c->api,
	                    .status = c->status,
	                    .stream = c->ask.stream,
	                    .started_ms = c->started_ms,
	                    .body_bytes = c->body_bytes,
	                    .events = c->events_sent,
	                    .text_bytes = c->bytes_sent,
	                    .wire_bytes = c->wire_bytes,
	                    .reported = usage_none(),
	                    .served = usage_none()};
	memcpy(e->tag, c->tag, sizeof e->tag);
	memcpy(e->model, c->model, sizeof e->model);
}

void books_start(struct call *c)
{
	struct entry e;

	c->seq = atomic_fetch_add(&next_seq, 1);
	if (books.kept || books.fd >= 0)
		entry_of(&e, c);
	if (books.fd >= 0) {
		struct buf line = {0};

		BUF_LIT(&line, "{\"ev\":\"start\",");
		add_common(&line, &e);
		write_line(&line);
	}
	pthread_mutex_lock(&books.lock);
	books.started++;
	if (books.kept)
		books.kept[c->seq % KEPT] = e;
	pthread_mutex_unlock(&books.lock);
}

static struct row *row_of(const struct call *c)
{
	struct row *r;

	for (size_t i = 0; i < books.nrows; i++)
		if (books.rows[i].api == c->api && strcmp(books.rows[i].model, c->model) == 0)
			return &books.rows[i];
	if (books.nrows == MAX_ROWS)
		sim_die("more than %d models", MAX_ROWS);
	r = &books.rows[books.nrows++];
	memset(r, 0, sizeof *r);
	r->api = c->api;
	memcpy(r->model, c->model, sizeof r->model);
	return r;
}

static void add_to(int64_t *sum, int64_t v)
{
	*sum += v > 0 ? v : 0;
}

static void usage_add(struct usage *sum, const struct usage *u)
{
	add_to(&sum->input, u->input);
	add_to(&sum->cache_read, u->cache_read);
	add_to(&sum->write_5m, u->write_5m);
	add_to(&sum->write_1h, u->write_1h);
	add_to(&sum->output, u->output);
	add_to(&sum->reasoning, u->reasoning);
}

void books_end(struct call *c, enum finish how)
{
	struct usage served =
	    c->status == 200 && !c->pair && c->api != API_ANTHROPIC_COUNT && c->api != API_GEMINI_COUNT
	        ? usage_so_far(c, how == FINISH_COMPLETE)
	        : usage_none();
	struct entry e;
	struct row *r;

	if (books.kept || books.fd >= 0) {
		entry_of(&e, c);
		e.finish = how;
		e.ended_ms = wall_ms();
		e.ms = (double)(now_ns() - c->start_ns) / 1e6;
		e.reported = c->reported;
		e.served = served;
	}
	if (books.fd >= 0) {
		struct buf line = {0};

		BUF_LIT(&line, "{\"ev\":\"end\",");
		add_end(&line, &e);
		write_line(&line);
	}
	pthread_mutex_lock(&books.lock);
	r = row_of(c);
	r->calls++;
	r->finish[how]++;
	r->events += c->events_sent;
	usage_add(&r->reported, &c->reported);
	usage_add(&r->served, &served);
	if (books.kept && books.kept[c->seq % KEPT].seq == c->seq)
		books.kept[c->seq % KEPT] = e;
	pthread_mutex_unlock(&books.lock);
}

void books_reset(void)
{
	pthread_mutex_lock(&books.lock);
	books.nrows = 0;
	books.started = 0;
	if (books.kept)
		memset(books.kept, 0, KEPT * sizeof *books.kept);
	pthread_mutex_unlock(&books.lock);
}

void books_close(void)
{
	if (books.fd >= 0)
		close(books.fd);
	books.fd = -1;
	free(books.kept);
	books.kept = NULL;
}

static void add_row(struct buf *out, const struct row *r)
{
	buf_fmt(out, "\"calls\":%lld,\"events\":%lld", (long long)r->calls, (long long)r->events);
	for (size_t i = FINISH_COMPLETE; i < FINISH_COUNT; i++)
		buf_fmt(out, ",\"%s\":%lld", finish_names[i], (long long)r->finish[i]);
	BUF_LIT(out, ",\"reported\":");
	add_usage(out, &r->reported);
	BUF_LIT(out, ",\"served\":");
	add_usage(out, &r->served);
}

void books_totals(struct buf *out)
{
	struct row sum = {0};

	pthread_mutex_lock(&books.lock);
	for (size_t i = 0; i < books.nrows; i++) {
		const struct row *r = &books.rows[i];

		sum.calls += r->calls;
		sum.events += r->events;
		for (size_t k = 0; k < FINISH_COUNT; k++)
			sum.finish[k] += r->finish[k];
		usage_add(&sum.reported, &r->reported);
		usage_add(&sum.served, &r->served);
	}
	buf_fmt(out, "{\"simulated\":true,\"started\":%llu,\"open\":%llu,\"total\":{",
	        (unsigned long long)books.started,
	        (unsigned long long)books.started - (unsigned long long)sum.calls);
	add_row(out, &sum);
	BUF_LIT(out, "},\"models\":[");
	for (size_t i = 0; i < books.nrows; i++) {
		buf_fmt(out, "%s{\"api\":\"%s\",\"model\":", i ? "," : "", api_names[books.rows[i].api]);
		buf_json(out, str_of(books.rows[i].model));
		BUF_LIT(out, ",");
		add_row(out, &books.rows[i]);
		BUF_LIT(out, "}");
	}
	BUF_LIT(out, "]}\n");
	pthread_mutex_unlock(&books.lock);
}

static int by_seq(const void *a, const void *b)
{
	uint64_t x = (*(const struct entry *const *)a)->seq, y = (*(const struct entry *const *)b)->seq;

	return x < y ? -1 : x > y;
}

void books_calls(struct buf *out, int64_t since)
{
	const struct entry **list = sim_alloc(KEPT * sizeof *list);
	size_t n = 0;

	pthread_mutex_lock(&books.lock);
	for (size_t i = 0; books.kept && i < KEPT; i++)
		if (books.kept[i].seq && (int64_t)books.kept[i].seq > since)
			list[n++] = &books.kept[i];
	qsort(list, n, sizeof *list, by_seq);
	for (size_t i = 0; i < n; i++) {
		BUF_LIT(out, "{");
		if (list[i]->finish == FINISH_OPEN) {
			add_common(out, list[i]);
			BUF_LIT(out, ",\"finished\":\"open\"");
		} else {
			add_end(out, list[i]);
		}
		BUF_LIT(out, "}\n");
	}
	pthread_mutex_unlock(&books.lock);
	free(list);
}
