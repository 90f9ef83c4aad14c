#include "load.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "Usage: weir-sim load --url URL [options]\n"
    "\n"
    "  --url URL          http://HOST:PORT[/base]; a base without an API path gets the path of --api\n"
    "  --api NAME         anthropic (default), chat, responses, gemini, embeddings\n"
    "  --model NAME       (claude-haiku-4-5, gpt-5-mini, gemini-2.5-flash by --api)\n"
    "  --connections N    connections, and so calls under way at most (16)\n"
    "  --requests N       stop after N calls   --seconds S   start no call after S seconds (5)\n"
    "  --rate R           open loop: R calls a second, latency counted from when each was due\n"
    "  --ramp S           open the connections over S seconds (0; 1 for streams)\n"
    "  --warmup S         leave the first S seconds out of the latencies\n"
    "  --timeout S        give a call up after S seconds (60)\n"
    "  --stream           ask for a stream\n"
    "  --body FILE        send this body   --body-size N   make one of N bytes (600)\n"
    "  --max-tokens N     in the body made (1024)\n"
    "  --sim K=V;…        x-sim directives (events=200;rate=20;stamp=1)\n"
    "  --header 'K: V'    add a header; %d becomes the number of the call\n"
    "  --tag NAME         x-sim-call: NAME-0, NAME-1, …\n"
    "  --fresh            a new connection for each call\n"
    "  --keep-going       when nobody listens, try again until somebody does\n"
    "  --calls FILE       JSON Lines: what each call received\n"
    "  --ca FILE          check the server's certificate (https)\n"
    "\n"
    "Prints one JSON object. Exit status 1 when no call was answered.\n";

void samples_add(struct samples *s, double ms)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 4096;
		s->v = realloc(s->v, s->cap * sizeof *s->v);
		if (!s->v)
			sim_die("out of memory");
	}
	s->v[s->n++] = (float)ms;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static double quantile(const struct samples *s, double q)
{
	size_t i = (size_t)(q * (double)s->n);

	return (double)s->v[i < s->n ? i : s->n - 1];
}

static void add_samples(struct buf *out, const char *name, struct samples *s)
{
	double sum = 0;

	if (!s->n) {
		buf_fmt(out, ",\"%s\":null", name);
		return;
	}
	qsort(s->v, s->n, sizeof *s->v, by_value);
	for (size_t i = 0; i < s->n; i++)
		sum += (double)s->v[i];
	buf_fmt(out,
	        ",\"%s\":{\"n\":%zu,\"mean\":%.4f,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"p999\":%.4f,"
	        "\"max\":%.4f}",
	        name, s->n, sum / (double)s->n, quantile(s, .5), quantile(s, .9), quantile(s, .99),
	        quantile(s, .999), (double)s->v[s->n - 1]);
}

void load_report(const struct load_options *o, struct load_stats *st, struct buf *out)
{
	bool first = true;

	buf_fmt(out, "{\"loop\":\"%s\",\"connections\":%d,\"body_bytes\":%zu,\"stream\":%s,\"seconds\":%.3f",
	        o->rate > 0 ? "open" : "closed", o->connections, o->body.len, o->stream ? "true" : "false",
	        st->seconds);
	buf_fmt(
	    out,
	    ",\"sent\":%lld,\"ok\":%lld,\"http_errors\":%lld,\"cut\":%lld,\"refused\":%lld,\"timeouts\":%lld,"
	    "\"connects\":%lld,\"statuses\":{",
	    (long long)st->sent, (long long)st->ok, (long long)st->http_errors, (long long)st->cut,
	    (long long)st->refused, (long long)st->timeouts, (long long)st->connects);
	for (int i = 0; i < 600; i++) {
		if (!st->by_status[i])
			continue;
		buf_fmt(out, "%s\"%d\":%lld", first ? "" : ",", i, (long long)st->by_status[i]);
		first = false;
	}
	buf_fmt(out, "},\"requests_per_s\":%.1f,\"body_bytes_per_s\":%.0f,\"cpu_seconds\":%.3f",
	        (double)(st->ok + st->http_errors) / st->seconds, (double)st->bytes / st->seconds,
	        st->cpu_seconds);
	add_samples(out, "latency_ms", &st->latency);
	add_samples(out, "first_byte_ms", &st->first_byte);
	buf_fmt(out, ",\"events\":%lld,\"events_lost\":%lld", (long long)st->events, (long long)st->lost);
	add_samples(out, "event_delay_ms", &st->delay);
	BUF_LIT(out, "}\n");
}

static const struct {
	const char *name, *path, *model, *before, *after;
} apis[] = {
    {"anthropic", "/v1/messages", "claude-haiku-4-5", "\"messages\":[{\"role\":\"user\",\"content\":\"",
     "\"}]}"},
    {"chat", "/v1/chat/completions", "gpt-5-mini", "\"messages\":[{\"role\":\"user\",\"content\":\"",
     "\"}]}"},
    {"responses", "/v1/responses", "gpt-5-mini", "\"input\":[{\"role\":\"user\",\"content\":\"", "\"}]}"},
    {"gemini", "/v1beta/models/", "gemini-2.5-flash",
     "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"", "\"}]}]}"},
    {"embeddings", "/v1/embeddings", "text-embedding-3-small", "\"input\":[\"", "\"]}"},
};

static size_t api_of(const struct load_options *o)
{
	for (size_t i = 0; i < sizeof apis / sizeof *apis; i++)
		if (strcmp(apis[i].name, o->api) == 0)
			return i;
	sim_die("--api: one of anthropic, chat, responses, gemini, embeddings");
}

static void parse_url(struct load_options *o, size_t api)
{
	struct str rest = str_of(o->url), host;
	int64_t port;

	o->https = str_starts(rest, "https://");
	if (!o->https && !str_starts(rest, "http://"))
		sim_die("--url: http:// or https://");
	rest.p += o->https ? 8 : 7;
	rest.n -= o->https ? 8 : 7;
	host = str_cut(&rest, '/');
	if (rest.p > host.p + host.n) /* there was a slash */
		rest = (struct str){rest.p - 1, rest.n + 1};
	str_copy(o->host, sizeof o->host, str_cut(&host, ':'));
	port = host.n ? str_int(host) : o->https ? 443 : 80;
	if (port <= 0 || port > 65535)
		sim_die("--url: bad port");
	o->port = (int)port;
	if (str_has(rest, "/v1")) {
		str_copy(o->path, sizeof o->path, rest);
		return;
	}
	while (rest.n && rest.p[rest.n - 1] == '/')
		rest.n--;
	snprintf(o->path, sizeof o->path, "%.*s%s%s%s", STR_ARG(rest), apis[api].path,
	         api == 3 ? o->model : "",
	         api != 3    ? ""
	         : o->stream ? ":streamGenerateContent?alt=sse"
	                     : ":generateContent");
}

/* Text as an agent's context has it: code, so that a reader of JSON meets escapes. */
static void add_filler(struct buf *b, size_t upto)
{
	static const char code[] =
	    "static int widget_count(const struct shop *s)\\n{\\n\\treturn s ? s->n : 0; /* "
	    "none */\\n}\\n\\nprintf(\\\"%d\\\\n\\\", n);\\n";

	while (b->len + sizeof code - 1 <= upto)
		buf_add(b, code, sizeof code - 1);
	while (b->len < upto)
		BUF_LIT(b, "x");
}

static void make_body(struct load_options *o, size_t api)
{
	struct buf *b = &o->body;
	size_t size = o->body_size > 0 ? (size_t)o->body_size : 600, after = strlen(apis[api].after);

	BUF_LIT(b, "{");
	if (api != 3)
		buf_fmt(b, "\"model\":\"%s\",", o->model);
	if (api < 2)
		buf_fmt(b, "\"max_tokens\":%lld,", (long long)o->max_tokens);
	if (o->stream && api < 3)
		BUF_LIT(b, "\"stream\":true,");
	buf_z(b, apis[api].before);
	if (b->len + after < size)
		add_filler(b, size - after);
	buf_z(b, apis[api].after);
}

static void read_body(struct load_options *o)
{
	int fd = open(o->body_file, O_RDONLY | O_CLOEXEC);
	struct stat s;

	if (fd < 0 || fstat(fd, &s))
		sim_die("cannot read %s", o->body_file);
	buf_need(&o->body, (size_t)s.st_size + 1);
	while (o->body.len < (size_t)s.st_size) {
		ssize_t n = read(fd, o->body.p + o->body.len, (size_t)s.st_size - o->body.len);

		if (n <= 0)
			sim_die("cannot read %s", o->body_file);
		o->body.len += (size_t)n;
	}
	close(fd);
}

void load_prepare(struct load_options *o)
{
	size_t api = api_of(o);

	if (!o->url)
		sim_die("load: --url is missing (see weir-sim load --help)");
	if (!o->model)
		o->model = apis[api].model;
	parse_url(o, api);
	if (o->body_file)
		read_body(o);
	else
		make_body(o, api);
	if (o->ramp < 0)
		o->ramp = o->stream ? 1 : 0;
	if (o->seconds < 0)
		o->seconds = o->requests > 0 ? 0 : 5;
}

enum {
	L_URL = 256,
	L_API,
	L_MODEL,
	L_CONNS,
	L_REQS,
	L_SECS,
	L_RATE,
	L_RAMP,
	L_WARM,
	L_TIMEOUT,
	L_STREAM,
	L_BODY,
	L_SIZE,
	L_MAXTOK,
	L_SIM,
	L_HEADER,
	L_TAG,
	L_FRESH,
	L_KEEP,
	L_CALLS,
	L_CA,
	L_HELP
};

static const struct option longs[] = {
    {"url", 1, NULL, L_URL},
    {"api", 1, NULL, L_API},
    {"model", 1, NULL, L_MODEL},
    {"connections", 1, NULL, L_CONNS},
    {"requests", 1, NULL, L_REQS},
    {"seconds", 1, NULL, L_SECS},
    {"rate", 1, NULL, L_RATE},
    {"ramp", 1, NULL, L_RAMP},
    {"warmup", 1, NULL, L_WARM},
    {"timeout", 1, NULL, L_TIMEOUT},
    {"stream", 0, NULL, L_STREAM},
    {"body", 1, NULL, L_BODY},
    {"body-size", 1, NULL, L_SIZE},
    {"max-tokens", 1, NULL, L_MAXTOK},
    {"sim", 1, NULL, L_SIM},
    {"header", 1, NULL, L_HEADER},
    {"tag", 1, NULL, L_TAG},
    {"fresh", 0, NULL, L_FRESH},
    {"keep-going", 0, NULL, L_KEEP},
    {"calls", 1, NULL, L_CALLS},
    {"ca", 1, NULL, L_CA},
    {"help", 0, NULL, L_HELP},
    {NULL, 0, NULL, 0},
};

static double decimal(const char *arg)
{
	char *end;
	double v = strtod(arg, &end);

	if (end == arg || *end || v < 0)
		sim_die("not a number: %s", arg);
	return v;
}

/* Options whose value is a text or nothing; false: another kind. */
static bool set_text(struct load_options *o, int opt, const char *arg)
{
	switch (opt) {
	case L_URL:
		return o->url = arg, true;
	case L_API:
		return o->api = arg, true;
	case L_MODEL:
		return o->model = arg, true;
	case L_BODY:
		return o->body_file = arg, true;
	case L_SIM:
		return o->sim = arg, true;
	case L_TAG:
		return o->tag = arg, true;
	case L_CALLS:
		return o->calls_path = arg, true;
	case L_CA:
		return o->ca_file = arg, true;
	case L_STREAM:
		return o->stream = true, true;
	case L_FRESH:
		return o->fresh = true, true;
	case L_KEEP:
		return o->keep_going = true, true;
	case L_HEADER:
		if (o->nheaders == LOAD_MAX_HEADERS)
			sim_die("too many --header");
		return o->headers[o->nheaders++] = arg, true;
	default:
		return false;
	}
}

static void set_option(struct load_options *o, int opt, const char *arg)
{
	if (set_text(o, opt, arg))
		return;
	switch (opt) {
	case L_CONNS:
		o->connections = (int)decimal(arg);
		break;
	case L_REQS:
		o->requests = (int64_t)decimal(arg);
		break;
	case L_SECS:
		o->seconds = decimal(arg);
		break;
	case L_RATE:
		o->rate = decimal(arg);
		break;
	case L_RAMP:
		o->ramp = decimal(arg);
		break;
	case L_WARM:
		o->warmup = decimal(arg);
		break;
	case L_TIMEOUT:
		o->timeout = decimal(arg);
		break;
	case L_SIZE:
		o->body_size = (int64_t)decimal(arg);
		break;
	case L_MAXTOK:
		o->max_tokens = (int64_t)decimal(arg);
		break;
	case L_HELP:
		fputs(help, stdout);
		exit(0);
	default:
		fputs("weir-sim: see weir-sim load --help\n", stderr);
		exit(2);
	}
}

int load_main(int argc, char **argv)
{
	struct load_options o = {.api = "anthropic",
	                         .connections = 16,
	                         .seconds = -1,
	                         .ramp = -1,
	                         .timeout = 60,
	                         .max_tokens = 1024};
	struct load_stats *st = sim_alloc(sizeof *st);
	struct buf out = {0};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1)
		set_option(&o, opt, optarg);
	if (optind != argc || o.connections < 1) {
		fputs("weir-sim: see weir-sim load --help\n", stderr);
		return 2;
	}
	load_prepare(&o);
	load_run(&o, st);
	load_report(&o, st, &out);
	fwrite(out.p, 1, out.len, stdout);
	status = st->ok + st->http_errors > 0 ? 0 : 1;
	buf_free(&out);
	buf_free(&o.body);
	free(st->latency.v);
	free(st->first_byte.v);
	free(st->delay.v);
	free(st);
	return status;
}
