#include <string.h>
#include <unistd.h>

#include "load_conn.h"

#define TAIL_KEPT 4096u
#define STAMP_LEN 32u

/* The usage object in the end of the answer, as it came. */
static struct str usage_in(struct str text)
{
	static const char *const keys[] = {"\"usage\":", "\"usageMetadata\":"};
	const char *from = NULL;
	int depth = 0;

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i + strlen(keys[k]) < text.n; i++)
			if (memcmp(text.p + i, keys[k], strlen(keys[k])) == 0)
				from = text.p + i + strlen(keys[k]);
	while (from && from < text.p + text.n && *from == ' ')
		from++;
	if (!from || from == text.p + text.n || *from != '{')
		return STR("null");
	for (size_t i = (size_t)(from - text.p); i < text.n; i++) {
		depth += text.p[i] == '{';
		depth -= text.p[i] == '}';
		if (!depth)
			return (struct str){from, i + 1 - (size_t)(from - text.p)};
	}
	return STR("null");
}

void load_note(struct run *r, const struct lconn *c, const char *ended, uint64_t now)
{
	struct buf b = {0};
	struct str usage = usage_in((struct str){c->text.p, c->text.len});

	if (r->calls_fd < 0)
		return;
	buf_fmt(&b, "{\"n\":%lld,\"call\":", (long long)c->call);
	if (r->o->tag)
		buf_fmt(&b, "\"%s-%lld\"", r->o->tag, (long long)c->call);
	else
		BUF_LIT(&b, "null");
	buf_fmt(&b,
	        ",\"ended\":\"%s\",\"status\":%d,\"bytes\":%lld,\"events\":%lld,\"last_event\":%lld,\"lost\":"
	        "%lld",
	        ended, c->status, (long long)c->bytes, (long long)c->events, (long long)c->last_event,
	        (long long)c->lost);
	buf_fmt(&b, ",\"ms\":%.3f,\"first_byte_ms\":%.3f,\"request_id\":", (double)(now - c->started) / 1e6,
	        c->first_byte ? (double)(c->first_byte - c->started) / 1e6 : -1.0);
	buf_json(&b, str_of(c->request_id));
	BUF_LIT(&b, ",\"session\":");
	buf_json(&b, str_of(c->session));
	buf_fmt(&b, ",\"usage\":%.*s,\"wall_ms\":%lld}\n", STR_ARG(usage), (long long)wall_ms());
	if (write(r->calls_fd, b.p, b.len) != (ssize_t)b.len)
		sim_die("cannot write %s", r->o->calls_path);
	buf_free(&b);
}

/* Stamps look like ~S00000012:00000000001234567890~ . */
static void read_stamp(struct run *r, struct lconn *c, const char *p, uint64_t now)
{
	int64_t index = str_int((struct str){p + 2, 8}), high = str_int((struct str){p + 11, 2});
	int64_t sent = str_int((struct str){p + 13, 18});

	if (index < 0 || high != 0 || sent < 0)
		return;
	if (index > c->next_event)
		c->lost += index - c->next_event;
	c->next_event = index + 1;
	c->last_event = index;
	c->events++;
	r->st->events++;
	if ((uint64_t)sent >= r->warm)
		samples_add(&r->st->delay, (double)((int64_t)now - sent) / 1e6);
}

/* Looks for stamps in what has come in, and keeps the end of it. */
static void scan(struct run *r, struct lconn *c, size_t from, uint64_t now)
{
	const char *p = c->text.p + (from > STAMP_LEN ? from - STAMP_LEN : 0), *end = c->text.p + c->text.len;

	if (c->text.len == from)
		return;
	while ((p = memchr(p, '~', (size_t)(end - p))) != NULL && (size_t)(end - p) >= STAMP_LEN) {
		bool stamp = p[1] == 'S' && p[10] == ':' && p[STAMP_LEN - 1] == '~';

		if (stamp && (size_t)(p - c->text.p) + STAMP_LEN > from)
			read_stamp(r, c, p, now);
		p += stamp ? STAMP_LEN : 1;
	}
	if (c->text.len > TAIL_KEPT * 4)
		buf_consume(&c->text, c->text.len - TAIL_KEPT);
}

static void header_line(struct lconn *c, struct str line)
{
	struct str value = line, name = str_cut(&value, ':');

	value = str_trim(value);
	if (str_eq_nocase(name, "content-length"))
		c->length_left = str_int(value);
	else if (str_eq_nocase(name, "transfer-encoding"))
		c->length_left = -1;
	else if (str_eq_nocase(name, "connection"))
		c->keep_alive = !str_eq_nocase(value, "close");
	else if (str_eq_nocase(name, "x-weir-request-id"))
		str_copy(c->request_id, sizeof c->request_id, value);
	else if (str_eq_nocase(name, "x-weir-session"))
		str_copy(c->session, sizeof c->session, value);
}

/* True: the head is whole and `body_at` tells where the body begins in it. */
static bool parse_head(struct lconn *c, size_t *body_at)
{
	const char *end = memmem(c->head.p, c->head.len, "\r\n\r\n", 4);
	struct str rest, line;

	if (!end)
		return false;
	*body_at = (size_t)(end - c->head.p) + 4;
	rest = (struct str){c->head.p, *body_at - 2};
	line = str_cut(&rest, '\n');
	c->status = line.n > 12 ? (int)str_int((struct str){line.p + 9, 3}) : 0;
	c->length_left = -2;
	c->keep_alive = true;
	c->chunked = (struct chunked){0};
	while (rest.n) {
		line = str_cut(&rest, '\n');
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		header_line(c, line);
	}
	return true;
}

static void take_body(struct run *r, struct lconn *c, const char *p, size_t n, uint64_t now)
{
	size_t from = c->text.len;

	if (c->length_left == -1) {
		if (chunked_feed(&c->chunked, p, n, &c->text) < 0) {
			load_fail(r, c, "malformed", now);
			return;
		}
		c->whole = chunked_done(&c->chunked);
	} else {
		buf_add(&c->text, p, n);
		if (c->length_left >= 0) {
			c->length_left -= (int64_t)n;
			c->whole = c->length_left <= 0;
		}
	}
	c->bytes += (int64_t)(c->text.len - from);
	scan(r, c, from, now);
	if (c->whole)
		load_end(r, c, "complete", now);
}

void load_take(struct run *r, struct lconn *c, const char *p, size_t n, uint64_t now)
{
	size_t body_at;

	if (c->state == L_WRITING)
		c->state = L_HEAD; /* answered before the request was whole */
	if (c->state == L_BODY) {
		take_body(r, c, p, n, now);
		return;
	}
	if (c->state != L_HEAD)
		return;
	if (!c->first_byte)
		c->first_byte = now;
	buf_add(&c->head, p, n);
	while (parse_head(c, &body_at)) {
		if (c->status >= 100 && c->status < 200) {
			buf_consume(&c->head, body_at);
			continue;
		}
		c->state = L_BODY;
		take_body(r, c, c->head.p + body_at, c->head.len - body_at, now);
		return;
	}
}
