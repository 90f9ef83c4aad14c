#include "record.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

static int fd = -1;

void record_open(const char *path)
{
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		sim_die("cannot write %s", path);
}

static void add_body(struct buf *b, const struct buf *body)
{
	bool text = true;

	for (size_t i = 0; i < body->len; i++)
		text = text && (unsigned char)body->p[i] < 0x7f;
	if (text) {
		BUF_LIT(b, ",\"body\":");
		buf_json(b, (struct str){body->p, body->len});
	} else {
		BUF_LIT(b, ",\"body_b64\":\"");
		buf_need(b, body->len / 3 * 4 + 8);
		b->len += (size_t)EVP_EncodeBlock((unsigned char *)b->p + b->len, (unsigned char *)body->p,
		                                  (int)body->len);
		BUF_LIT(b, "\"");
	}
}

void record_request(const struct conn *c)
{
	struct buf b = {0};

	if (fd < 0 || str_starts(c->req.target, "/sim/"))
		return;
	BUF_LIT(&b, "{\"method\":");
	buf_json(&b, c->req.method);
	BUF_LIT(&b, ",\"target\":");
	buf_json(&b, c->req.target);
	BUF_LIT(&b, ",\"headers\":[");
	for (size_t i = 0; i < c->req.nfields; i++) {
		buf_z(&b, i ? ",[" : "[");
		buf_json(&b, c->req.fields[i].name);
		BUF_LIT(&b, ",");
		buf_json(&b, c->req.fields[i].value);
		BUF_LIT(&b, "]");
	}
	BUF_LIT(&b, "]");
	add_body(&b, &c->body);
	BUF_LIT(&b, "}\n");
	if (write(fd, b.p, b.len) != (ssize_t)b.len)
		sim_die("cannot record a request");
	buf_free(&b);
}
