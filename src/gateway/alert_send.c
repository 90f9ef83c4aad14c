#include "gateway/alert_send.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/version.h"
#include "finops/alert_shape.h"
#include "gateway/alert_command.h"

#define ANSWER_MAX   4096
#define URL_MAX      2048
#define WHY_MAX      200
#define CONNECT_MS   5000L
#define POLL_MS      50
#define HEADERS_ROOM 256

struct sending {
	bool on;
	struct alert_message message;
	struct alert_command command;
	int64_t until_ms; /* of a command */
	bool is_command;
	CURL *curl;                 /* owned */
	struct curl_slist *headers; /* owned */
	struct curl_slist *to;      /* owned; of mail */
	struct buf body, answer;
	size_t read; /* of the body, by mail */
	char error[CURL_ERROR_SIZE], why[WHY_MAX];
	int64_t retry_after_ms;
	bool failed; /* it could not even be started */
};

struct alert_sender {
	CURLM *multi; /* owned */
	struct sending at[ALERT_TARGETS_MAX];
};

struct alert_sender *alert_sender_new(void)
{
	struct alert_sender *s = calloc(1, sizeof *s);
	if (s && (s->multi = curl_multi_init()) == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

static void end(struct alert_sender *s, struct sending *g)
{
	if (g->curl) {
		curl_multi_remove_handle(s->multi, g->curl);
		curl_easy_cleanup(g->curl);
	}
	curl_slist_free_all(g->headers);
	curl_slist_free_all(g->to);
	alert_command_kill(&g->command);
	if (g->body.data)
		crypto_zero(g->body.data, g->body.cap); /* PagerDuty's key stands in it */
	buf_release(&g->body);
	buf_release(&g->answer);
	memset(g, 0, sizeof *g);
}

void alert_sender_free(struct alert_sender *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < ALERT_TARGETS_MAX; i++)
		if (s->at[i].on)
			end(s, &s->at[i]);
	curl_multi_cleanup(s->multi);
	free(s);
}

size_t alert_sender_busy(const struct alert_sender *s)
{
	size_t n = 0;
	for (size_t i = 0; i < ALERT_TARGETS_MAX; i++)
		n += s->at[i].on;
	return n;
}

/* --- by curl ----------------------------------------------------------------------------- */

/* The beginning of the answer is kept, for what it says; the rest is read and dropped up to a limit. */
static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct sending *g = arg;
	slice piece = slice_make(p, size * n);
	size_t room = buf_room(&g->answer);
	if (room && buf_append(&g->answer, slice_sub(piece, 0, room)))
		return 0;
	return room || piece.n == 0 ? size * n : 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct sending *g = arg;
	slice value = slice_make(p, size * n), name;
	long long seconds;
	slice_split(&value, ':', &name);
	if (value.p && slice_eq_nocase(name, SLICE("retry-after")) &&
	    slice_to_i64(slice_trim(value), &seconds) && seconds > 0 && seconds < 86400)
		g->retry_after_ms = seconds * 1000;
	return size * n;
}

static size_t on_read(char *p, size_t size, size_t n, void *arg)
{
	struct sending *g = arg;
	slice left = slice_sub(buf_slice(&g->body), g->read, g->body.n);
	slice piece = slice_sub(left, 0, size * n);
	if (piece.n)
		memcpy(p, piece.p, piece.n);
	g->read += piece.n;
	return piece.n;
}

static bool add_header(struct curl_slist **list, const char *text)
{
	struct curl_slist *more = curl_slist_append(*list, text);
	if (more)
		*list = more;
	return more != NULL;
}

static bool set_text(CURL *h, CURLoption o, slice value)
{
	char text[URL_MAX];
	int n = snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(value));
	bool good = n >= 0 && (size_t)n < sizeof text && curl_easy_setopt(h, o, text) == CURLE_OK;
	crypto_zero(text, sizeof text);
	return good;
}

static bool set_common(struct sending *g, const char *protocols)
{
	const struct alert_target *t = g->message.target;
	CURL *h = g->curl = curl_easy_init();
	if (h == NULL)
		return false;
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, g->error);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, g);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L); /* a name that is still looked up holds up no end */
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
	curl_easy_setopt(h, CURLOPT_PRIVATE, g);
	return t->ca_file.n == 0 || set_text(h, CURLOPT_CAINFO, t->ca_file);
}

static bool start_webhook(struct sending *g, int64_t now_ms)
{
	const struct alert_target *t = g->message.target;
	char line[HEADERS_ROOM], signature[ALERT_SIGNATURE_MAX];
	if (!set_common(g, "http,https") || !set_text(g->curl, CURLOPT_URL, t->url))
		return false;
	bool good = add_header(&g->headers, "Content-Type: application/json") &&
	            add_header(&g->headers, "Expect:") &&
	            add_header(&g->headers, "User-Agent: weir/" WEIR_VERSION);
	snprintf(line, sizeof line, "X-Weir-Message: %lld", (long long)g->message.id);
	good = good && add_header(&g->headers, line);
	if (good && t->format == ALERT_JSON && t->secret.n) {
		good = alert_sign(t->secret, now_ms / 1000, buf_slice(&g->body), signature) == 0;
		snprintf(line, sizeof line, "X-Weir-Timestamp: %lld", (long long)(now_ms / 1000));
		good = good && add_header(&g->headers, line);
		snprintf(line, sizeof line, "X-Weir-Signature: %s", signature);
		good = good && add_header(&g->headers, line);
	}
	curl_easy_setopt(g->curl, CURLOPT_HTTPHEADER, g->headers);
	curl_easy_setopt(g->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(g->curl, CURLOPT_HEADERDATA, g);
	curl_easy_setopt(g->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)g->body.n);
	curl_easy_setopt(g->curl, CURLOPT_POSTFIELDS, buf_slice(&g->body).p);
	return good;
}

static bool loopback(slice url)
{
	slice host = slice_sub(url, (size_t)slice_find(url, SLICE("//")) + 2, url.n);
	return slice_starts(host, SLICE("127.")) || slice_starts(host, SLICE("[::1]")) ||
	       slice_starts(host, SLICE("localhost"));
}

static bool start_mail(struct sending *g)
{
	const struct alert_mail *m = &g->message.target->mail;
	char address[300];
	if (!set_common(g, "smtp,smtps") || !set_text(g->curl, CURLOPT_URL, m->url))
		return false;
	bool good = true;
	for (size_t i = 0; i < m->to_n; i++) {
		snprintf(address, sizeof address, "<" SLICE_FMT ">", SLICE_ARG(m->to[i]));
		good = good && add_header(&g->to, address);
	}
	snprintf(address, sizeof address, "<" SLICE_FMT ">", SLICE_ARG(m->from));
	curl_easy_setopt(g->curl, CURLOPT_MAIL_FROM, address);
	curl_easy_setopt(g->curl, CURLOPT_MAIL_RCPT, g->to);
	curl_easy_setopt(g->curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(g->curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(g->curl, CURLOPT_READDATA, g);
	curl_easy_setopt(g->curl, CURLOPT_USE_SSL,
	                 (long)(loopback(m->url) ? CURLUSESSL_TRY : CURLUSESSL_ALL));
	if (good && m->user.n)
		good = set_text(g->curl, CURLOPT_USERNAME, m->user) &&
		       set_text(g->curl, CURLOPT_PASSWORD, m->password);
	return good;
}

/* --- started ----------------------------------------------------------------------------- */

static bool start(struct alert_sender *s, struct sending *g, slice node, int64_t now_ms)
{
	const struct alert_target *t = g->message.target;
	struct alert_shape shape = {&g->message, node, now_ms};
	struct error e = {0};
	bool mail = t->mail.url.n > 0;
	if (mail ? alert_shape_mail(&shape, &g->body) : alert_shape_write(&shape, &g->body)) {
		snprintf(g->why, sizeof g->why, "the message could not be made");
		return false;
	}
	if (t->command_n) {
		g->is_command = true;
		g->until_ms = now_ms + t->timeout_ms;
		if (alert_command_start(&g->command, t->command, t->command_n, buf_slice(&g->body), &e) == 0)
			return true;
		snprintf(g->why, sizeof g->why, "%.190s", e.text);
		return false;
	}
	if ((mail ? start_mail(g) : start_webhook(g, now_ms)) &&
	    curl_multi_add_handle(s->multi, g->curl) == CURLM_OK)
		return true;
	snprintf(g->why, sizeof g->why, "memory is spent, or the address is too long");
	return false;
}

void alert_sender_start(struct alert_sender *s, const struct alert_message *m, slice node, int64_t now_ms)
{
	size_t i = 0;
	while (i < ALERT_TARGETS_MAX && s->at[i].on)
		i++;
	if (i == ALERT_TARGETS_MAX)
		return; /* one for each target, and there are no more of those */
	struct sending *g = &s->at[i];
	memset(g, 0, sizeof *g);
	g->on = true;
	g->message = *m;
	buf_init(&g->body, ALERT_SHAPE_MAX);
	buf_init(&g->answer, ANSWER_MAX);
	g->failed = !start(s, g, node, now_ms);
}

/* --- how it went ------------------------------------------------------------------------- */

/* What the receiver says, one line of it, for the log and the list. */
static void answer_text(const struct sending *g, char *out, size_t cap)
{
	slice text = slice_trim(slice_sub(buf_slice(&g->answer), 0, 100));
	size_t n = 0;
	for (size_t i = 0; i < text.n && n + 1 < cap; i++)
		out[n++] = (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? ' ' : text.p[i];
	out[n] = '\0';
}

static void of_curl(struct sending *g, CURLcode code, struct alert_outcome *o)
{
	long status = 0;
	char said[128];
	bool mail = g->message.target->mail.url.n > 0;
	curl_easy_getinfo(g->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK && (mail || status < 200)) {
		/* curl's own sentence may hold the address: its number's does not */
		snprintf(g->why, sizeof g->why, "%s", curl_easy_strerror(code));
		o->turned_down = mail && status >= 500;
		if (mail && status >= 400)
			snprintf(g->why, sizeof g->why, "the mail server answered %ld", status);
	} else if (mail || (status >= 200 && status < 300)) {
		o->sent = true;
	} else {
		answer_text(g, said, sizeof said);
		snprintf(g->why, sizeof g->why, "it answered %ld%s%s", status, said[0] ? ": " : "", said);
		o->turned_down = status >= 300 && status < 500 && status != 408 && status != 429;
		o->retry_after_ms = g->retry_after_ms;
	}
}

static bool of_command(struct sending *g, int64_t now_ms, struct alert_outcome *o)
{
	if (!alert_command_ended(&g->command)) {
		if (now_ms < g->until_ms)
			return false;
		alert_command_kill(&g->command);
		snprintf(g->why, sizeof g->why, "the command took longer than its timeout, and was killed");
		return true;
	}
	int status = g->command.status;
	o->sent = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!o->sent && WIFSIGNALED(status))
		snprintf(g->why, sizeof g->why, "the command was ended by signal %d", WTERMSIG(status));
	else if (!o->sent)
		snprintf(g->why, sizeof g->why, "the command ended with status %d", WEXITSTATUS(status));
	return true;
}

static void give(struct alert_sender *s, struct sending *g, struct alert_outcome *o,
                 void (*on_done)(void *arg, const struct alert_message *m, const struct alert_outcome *o),
                 void *arg)
{
	if (!o->sent)
		log_redact(g->why, strlen(g->why));
	o->why = slice_of(g->why);
	on_done(arg, &g->message, o);
	end(s, g);
}

void alert_sender_turn(struct alert_sender *s, int wait_ms, int64_t now_ms,
                       void (*on_done)(void *arg, const struct alert_message *m,
                                       const struct alert_outcome *o),
                       void *arg)
{
	int running = 0, left = 0;
	bool commands = false;
	for (size_t i = 0; i < ALERT_TARGETS_MAX; i++)
		commands = commands || (s->at[i].on && (s->at[i].is_command || s->at[i].failed));
	curl_multi_perform(s->multi, &running);
	if (wait_ms > 0 && (running || commands))
		curl_multi_poll(s->multi, NULL, 0, commands && wait_ms > POLL_MS ? POLL_MS : wait_ms, NULL);
	curl_multi_perform(s->multi, &running);
	for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left)) != NULL;) {
		struct sending *g = NULL;
		struct alert_outcome o = {0};
		if (m->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &g) != CURLE_OK || !g)
			continue;
		of_curl(g, m->data.result, &o);
		give(s, g, &o, on_done, arg);
	}
	for (size_t i = 0; i < ALERT_TARGETS_MAX; i++) {
		struct sending *g = &s->at[i];
		struct alert_outcome o = {0};
		if (g->on && (g->failed || (g->is_command && of_command(g, now_ms, &o))))
			give(s, g, &o, on_done, arg);
	}
}
