/* weir-sim: a simulated model provider, a load generator and a simulated team. See README.md. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "books.h"
#include "load.h"
#include "record.h"
#include "replay.h"
#include "script.h"
#include "server.h"
#include "team.h"

static const char help[] =
    "Usage: weir-sim [serve] [options]   a simulated model provider\n"
    "       weir-sim load [options]      a load generator (weir-sim load --help)\n"
    "       weir-sim team [options]      a simulated team of agents (weir-sim team --help)\n"
    "\n"
    "It speaks Anthropic Messages, OpenAI chat completions, Responses and embeddings, and Gemini,\n"
    "makes up its answers, and keeps its own books of what it served.\n"
    "\n"
    "  --host A          address to listen on (127.0.0.1)\n"
    "  --port N          port; 0 picks one (0)\n"
    "  --threads N       event loops (1)\n"
    "  --tls-cert FILE   serve TLS with this certificate chain\n"
    "  --tls-key FILE    and this private key (default: in the same file)\n"
    "  --books FILE      JSON Lines: a line when a request is there, a line when its call has ended\n"
    "  --requests FILE   JSON Lines: every request as it was received\n"
    "  --script NAME     what to answer by default (plain, tool, stuck, task, …, or a file)\n"
    "  --default K=V;…   x-sim directives for requests that carry none\n"
    "  --fault-rate R    this share of calls meets a fault, chosen by --seed\n"
    "  --seed N\n"
    "  --replay FILE     recorded pairs (JSON Lines): a known request gets its recorded answer\n"
    "  --replay-chunk N  bytes in one HTTP chunk of a replayed stream (an event a chunk)\n"
    "  --max-body N      bytes of a request body accepted (64 MB)\n"
    "  --bench           do not parse bodies; count their bytes only\n"
    "\n"
    "GET /sim/books, GET /sim/calls[?since=SEQ], POST /sim/reset. README.md lists the directives.\n";

enum {
	O_HOST = 256,
	O_PORT,
	O_THREADS,
	O_CERT,
	O_KEY,
	O_BOOKS,
	O_REQUESTS,
	O_SCRIPT,
	O_DEFAULT,
	O_RATE,
	O_SEED,
	O_REPLAY,
	O_RCHUNK,
	O_MAXBODY,
	O_BENCH,
	O_HELP
};

static int64_t number(const char *name, const char *text, int64_t max)
{
	int64_t v = str_int(str_of(text));

	if (v < 0 || v > max)
		sim_die("--%s: not a number from 0 to %lld: %s", name, (long long)max, text);
	return v;
}

static void set_defaults(struct options *o, const char *text)
{
	struct str bad;

	if (!directives_parse(&o->defaults, str_of(text), &bad))
		sim_die("--default: not understood: %.*s", STR_ARG(bad));
}

static void set_script(struct options *o, const char *name)
{
	if (!strchr(name, '/') && !strstr(name, ".json")) {
		str_copy(o->defaults.script, sizeof o->defaults.script, str_of(name));
		return;
	}
	script_load(name);
	str_copy(o->defaults.script, sizeof o->defaults.script, STR("file"));
}

static void apply(struct options *o, int opt, const char *name, const char *arg)
{
	switch (opt) {
	case O_HOST:
		o->host = arg;
		break;
	case O_PORT:
		o->port = (int)number(name, arg, 65535);
		break;
	case O_THREADS:
		o->threads = (int)number(name, arg, 64);
		break;
	case O_CERT:
		o->tls_cert = arg;
		break;
	case O_KEY:
		o->tls_key = arg;
		break;
	case O_BOOKS:
		o->books_path = arg;
		break;
	case O_REQUESTS:
		o->requests_path = arg;
		break;
	case O_SCRIPT:
		o->script = arg;
		break;
	case O_DEFAULT:
		set_defaults(o, arg);
		break;
	case O_RATE:
		o->fault_rate = strtod(arg, NULL);
		break;
	case O_SEED:
		o->seed = (uint64_t)number(name, arg, INT64_MAX);
		break;
	case O_REPLAY:
		o->replay_path = arg;
		break;
	case O_RCHUNK:
		o->replay_chunk = number(name, arg, 1 << 24);
		break;
	case O_MAXBODY:
		o->max_body = number(name, arg, (int64_t)1 << 32);
		break;
	case O_BENCH:
		o->bench = true;
		break;
	case O_HELP:
		fputs(help, stdout);
		exit(0);
	default:
		fputs("weir-sim: see weir-sim --help\n", stderr);
		exit(2);
	}
}

static int serve_main(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"host", 1, NULL, O_HOST},
	    {"port", 1, NULL, O_PORT},
	    {"threads", 1, NULL, O_THREADS},
	    {"tls-cert", 1, NULL, O_CERT},
	    {"tls-key", 1, NULL, O_KEY},
	    {"books", 1, NULL, O_BOOKS},
	    {"requests", 1, NULL, O_REQUESTS},
	    {"script", 1, NULL, O_SCRIPT},
	    {"default", 1, NULL, O_DEFAULT},
	    {"fault-rate", 1, NULL, O_RATE},
	    {"seed", 1, NULL, O_SEED},
	    {"replay", 1, NULL, O_REPLAY},
	    {"replay-chunk", 1, NULL, O_RCHUNK},
	    {"max-body", 1, NULL, O_MAXBODY},
	    {"bench", 0, NULL, O_BENCH},
	    {"help", 0, NULL, O_HELP},
	    {NULL, 0, NULL, 0},
	};
	struct options o = {.host = "127.0.0.1", .threads = 1, .max_body = 64 << 20};
	int opt, at = 0;

	directives_init(&o.defaults);
	while ((opt = getopt_long(argc, argv, "", longs, &at)) != -1)
		apply(&o, opt, opt == '?' ? "" : longs[at].name, optarg);
	if (optind != argc || o.threads < 1) {
		fputs("weir-sim: see weir-sim --help\n", stderr);
		return 2;
	}
	if (o.script)
		set_script(&o, o.script);
	books_open(o.books_path, true);
	if (o.replay_path)
		replay_load(o.replay_path);
	if (o.requests_path)
		record_open(o.requests_path);
	return server_run(&o);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "team") == 0)
		return team_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "load") == 0)
		return load_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return serve_main(argc - 1, argv + 1);
	return serve_main(argc, argv);
}
