/* `weir report` and `weir export` as a user meets them: what is printed, on which stream, with which exit
 * status. */
#include "unit/unit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "../store/fixture.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "store/ledger.h"
#include "text/json.h"

const struct command *const cli_commands[] = {&command_report, &command_export, NULL};

static struct folder folder;

static void write_config(const char *name, const char *text)
{
	FILE *f = fopen(folder_file(&folder, name), "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void fill(const char *name, int calls)
{
	struct error e = {0};
	struct ledger *l;
	slice rest;
	const struct ledger_ops *ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	assert_int_equal(ops->open(folder_file(&folder, name), true, &l, &e), 0);
	assert_int_equal(ops->begin(l, &e), 0);
	for (int i = 0; i < calls; i++) {
		struct record r;
		sample_settled(&r, i);
		r.time_ms = clock_wall_ms(clock_real()) - 1000;
		r.who.v[ATTR_TEAM] = i % 2 ? SLICE("search") : SLICE("payments");
		assert_int_equal(ops->add(l, &r, &e), 0);
	}
	assert_int_equal(ops->commit(l, &e), 0);
	ops->close(l);
}

static int make(void **state)
{
	folder_make(&folder);
	write_config("weir.yaml", "store: sqlite:weir.db\n");
	write_config("none.yaml", "store: sqlite:none.db\n");
	write_config("empty.yaml", "store: sqlite:empty.db\n");
	write_config("zone.yaml", "store: sqlite:weir.db\ntimezone: Europe/Berlin\n");
	write_config("diary.yaml", "store: sqlite:weir.yaml\n");
	fill("weir.db", 3);
	fill("empty.db", 0);
	(void)state;
	return 0;
}

static int clear(void **state)
{
	folder_remove(&folder);
	(void)state;
	return 0;
}

struct result {
	int status;
	char *out, *err; /* owned */
};

static struct result run(const char *settings, const char *server, const char *line)
{
	struct result r = {0};
	size_t out_n = 0, err_n = 0;
	char words[256], *argv[24] = {NULL};
	int argc = 0;
	snprintf(words, sizeof words, "%s", line);
	slice rest = slice_of(words), word;
	while (slice_split(&rest, ' ', &word)) {
		words[word.p - words + (ptrdiff_t)word.n] = '\0';
		argv[argc++] = words + (word.p - words);
	}
	char *environment[] = {NULL};
	struct cli c = {.config = folder_file(&folder, settings),
	                .server = server,
	                .key = server ? "wk_test" : NULL,
	                .out = open_memstream(&r.out, &out_n),
	                .err = open_memstream(&r.err, &err_n),
	                .environ_ = environment};
	const struct command *command = strcmp(argv[0], "report") == 0 ? &command_report : &command_export;
	r.status = command->run(&c, argc, argv);
	fclose(c.out);
	fclose(c.err);
	return r;
}

static void what_is_asked_is_answered(void **state)
{
	static const struct {
		const char *settings, *line;
		int status;
		const char *out, *err; /* parts of; "" with nothing else: nothing at all */
	} cases[] = {
	    {"weir.yaml", "report", EXIT_DONE, "total", ""},
	    {"weir.yaml", "report --by team", EXIT_DONE, "payments      2", ""},
	    {"zone.yaml", "report", EXIT_DONE, "(Europe/Berlin)", ""},
	    {"weir.yaml", "report --by team --csv --measures calls", EXIT_DONE,
	     "team,calls\r\npayments,2\r\nsearch,1\r\n", ""},
	    {"weir.yaml", "report --by team --where team=search --json --measures calls", EXIT_DONE,
	     "\"rows\":[{\"team\":\"search\",\"bucket\":null,\"calls\":1}],\"total\":{\"calls\":1}}\n", ""},
	    {"weir.yaml", "report --json --csv", EXIT_USAGE, "", "not both"},
	    {"weir.yaml", "report --by tema", EXIT_USAGE, "",
	     "--by: no dimension \"tema\": did you mean team?"},
	    {"weir.yaml", "report team", EXIT_USAGE, "", "named by --by team"},
	    {"weir.yaml", "report --since tomorrow", EXIT_USAGE, "", "write 7d, 12h"},
	    {"weir.yaml", "report --since 2026-01-02 --until 2026-01-01", EXIT_USAGE, "",
	     "is not before until"},
	    {"weir.yaml", "report --whre team=x", EXIT_USAGE, "", "did you mean --where?"},
	    {"weir.yaml", "report --top many", EXIT_USAGE, "", "top is a number"},
	    {"weir.yaml", "report --where team=nobody", EXIT_DONE, "",
	     "no call matches. The newest in the ledger is of 2"},
	    {"weir.yaml", "report --help", EXIT_DONE, "--by A,B", ""},
	    {"none.yaml", "report", EXIT_DONE, "", "no calls in the ledger yet"},
	    {"empty.yaml", "report", EXIT_DONE, "", "weir run -- claude"},
	    {"none.yaml", "report --json --measures calls", EXIT_DONE, "\"rows\":[],\"total\":{\"calls\":0}}",
	     "no calls"},
	    {"diary.yaml", "report", EXIT_FAILED, "", "not a database (name another file as `store:`"},
	    {"weir.yaml", "export ledger", EXIT_DONE, "{\"id\":\"01TEST00000000000000000000\",\"time\":\"2",
	     ""},
	    {"weir.yaml", "export ledger --where team=search", EXIT_DONE,
	     "{\"id\":\"01TEST00000000000000000001\"", ""},
	    {"weir.yaml", "export ledger --until 2020-01-01", EXIT_DONE, "", ""},
	    {"weir.yaml", "export", EXIT_USAGE, "", "export what?"},
	    {"weir.yaml", "export ldeger", EXIT_USAGE, "", "cannot be exported"},
	    {"weir.yaml", "export ledger more", EXIT_USAGE, "", "not also more"},
	    {"weir.yaml", "export ledger --where who=x", EXIT_USAGE, "", "no field \"who\""},
	    {"none.yaml", "export ledger", EXIT_DONE, "", "no calls in the ledger yet"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct result r = run(cases[i].settings, NULL, cases[i].line);
		bool out = cases[i].out[0] ? strstr(r.out, cases[i].out) != NULL : r.out[0] == '\0';
		bool err = cases[i].err[0] ? strstr(r.err, cases[i].err) != NULL : r.err[0] == '\0';
		if (r.status != cases[i].status || !out || !err)
			fail_msg("weir %s: %d\n%s\n%s", cases[i].line, r.status, r.out, r.err);
		free(r.out);
		free(r.err);
	}
	(void)state;
}

static void every_line_of_the_export_is_json(void **state)
{
	struct result r = run("weir.yaml", NULL, "export ledger");
	slice rest = slice_of(r.out), line;
	int lines = 0;
	while (slice_split(&rest, '\n', &line) && line.n) {
		size_t at;
		assert_null(json_validate(line, &at));
		lines++;
	}
	assert_int_equal(lines, 3);
	free(r.out);
	free(r.err);
	(void)state;
}

/* --- another machine's console --------------------------------------------------------------- */

struct console {
	int fd, port;
	const char *answer;
	char request[2048];
};

static void *serve_once(void *arg)
{
	struct console *c = arg;
	int fd = accept(c->fd, NULL, NULL);
	size_t n = 0;
	ssize_t got;
	while (n + 1 < sizeof c->request && (got = read(fd, c->request + n, sizeof c->request - 1 - n)) > 0) {
		n += (size_t)got;
		c->request[n] = '\0';
		if (strstr(c->request, "\r\n\r\n"))
			break;
	}
	assert_int_equal(write(fd, c->answer, strlen(c->answer)), (ssize_t)strlen(c->answer));
	close(fd);
	return NULL;
}

static void console_open(struct console *c)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(c->fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(c->fd, 1), 0);
	assert_int_equal(getsockname(c->fd, (struct sockaddr *)&at, &n), 0);
	c->port = ntohs(at.sin_port);
}

static void a_console_elsewhere_is_asked(void **state)
{
	static const struct {
		const char *line, *answer, *asks;
		int status;
		const char *out, *err;
	} cases[] = {
	    {"report --by team,model --where user=a+b --since 7d",
	     "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ntable\n",
	     "GET "
	     "/api/v1/"
	     "report?format=table&width=0&top=0&bars=ascii&colour=no&by=team,model&where=user%3Da%2Bb&since="
	     "7d "
	     "HTTP/1.1\r\n",
	     EXIT_DONE, "table\n", ""},
	    {"report --csv", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\r\n", "?format=csv HTTP/1.1\r\n",
	     EXIT_DONE, "a\r\n", ""},
	    {"report", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "x-weir-key: wk_test\r\n", EXIT_DONE,
	     "", ""},
	    {"report --by tema",
	     "HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n{\"error\":{\"message\":\"no dimension "
	     "\\\"tema\\\"\"}}",
	     "by=tema", EXIT_FAILED, "", "weir: no dimension \"tema\"\n"},
	    {"report", "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "", EXIT_FAILED, "",
	     "refused the key in WEIR_KEY"},
	    {"report", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "", EXIT_FAILED, "",
	     "not the port that agents use"},
	    {"report", "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "", EXIT_FAILED, "",
	     "answered with status 500"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct console c = {.answer = cases[i].answer};
		pthread_t thread;
		char url[64];
		console_open(&c);
		assert_int_equal(pthread_create(&thread, NULL, serve_once, &c), 0);
		snprintf(url, sizeof url, "http://127.0.0.1:%d/", c.port);
		struct result r = run("weir.yaml", url, cases[i].line);
		pthread_join(thread, NULL);
		close(c.fd);
		bool err = cases[i].err[0] ? strstr(r.err, cases[i].err) != NULL : r.err[0] == '\0';
		if (r.status != cases[i].status || strcmp(r.out, cases[i].out) != 0 || !err ||
		    !strstr(c.request, cases[i].asks))
			fail_msg("weir %s: %d\n%s\n%s\n%s", cases[i].line, r.status, c.request, r.out, r.err);
		free(r.out);
		free(r.err);
	}
	(void)state;
}

static void a_console_that_is_not_there(void **state)
{
	static const struct {
		const char *server, *line, *err;
	} cases[] = {{"http://127.0.0.1:1", "report", "cannot be reached"},
	             {"127.0.0.1:8788", "report", "is no URL"},
	             {"http://127.0.0.1:1", "export ledger", "exported where it is"}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct result r = run("weir.yaml", cases[i].server, cases[i].line);
		assert_int_equal(r.status, EXIT_FAILED);
		if (!strstr(r.err, cases[i].err))
			fail_msg("%s", r.err);
		free(r.out);
		free(r.err);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_asked_is_answered),
	    cmocka_unit_test(every_line_of_the_export_is_json),
	    cmocka_unit_test(a_console_elsewhere_is_asked),
	    cmocka_unit_test(a_console_that_is_not_there),
	};
	return cmocka_run_group_tests(tests, make, clear);
}
