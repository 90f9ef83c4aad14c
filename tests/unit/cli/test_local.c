/* Is a gateway there: asked of servers that answer one thing. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/local.h"
#include "unit/unit.h"

/* A listening socket on a free port of loopback. */
static int listen_free(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void probes(void **state)
{
	static const struct {
		const char *answer; /* NULL: none, and the connection is held */
		enum probe probe;
		const char *text;
	} cases[] = {
	    {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n", PROBE_READY, "ready"},
	    {"HTTP/1.1 503 Service Unavailable\r\n\r\ndraining\n", PROBE_UNREADY, "draining"},
	    {"HTTP/1.1 200 OK\r\n\r\n<html>\n", PROBE_ANSWERS, "<html>"},
	    {"HTTP/1.1 404 Not Found\r\n\r\n", PROBE_ANSWERS, ""},
	    {"SSH-2.0-x\r\n", PROBE_ANSWERS, ""},
	    {NULL, PROBE_TIMEOUT, ""},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[64];
		int port, fd = listen_free(&port);
		pid_t child = fork();
		if (child == 0) {
			char request[512];
			int c = accept(fd, NULL, NULL);
			ssize_t got = recv(c, request, sizeof request, 0);
			if (cases[i].answer && got > 0)
				send(c, cases[i].answer, strlen(cases[i].answer), 0);
			else
				pause();
			_exit(0);
		}
		close(fd);
		enum probe p =
		    probe_ready("127.0.0.1", port, false, cases[i].answer ? 5000 : 50, text, sizeof text);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		assert_int_equal(p, cases[i].probe);
		assert_string_equal(text, cases[i].text);
	}
}

static void absent(void **state)
{
	int port, fd = listen_free(&port);
	(void)state;
	assert_int_equal(probe_ready("127.0.0.1", port, true, 1000, NULL, 0), PROBE_ANSWERS);
	close(fd);
	assert_int_equal(probe_ready("127.0.0.1", port, false, 1000, NULL, 0), PROBE_ABSENT);
}

static void places(void **state)
{
	static const struct {
		const char *url, *host;
		int port;
		bool tls;
	} cases[] = {
	    {"http://127.0.0.1:8787", "127.0.0.1", 8787, false},
	    {"https://weir.example.com", "weir.example.com", 443, true},
	    {"HTTP://h/x", "h", 80, false},
	    {"http://[::1]:99/", "::1", 99, false},
	    {"https://[::1]", "::1", 443, true},
	    {"127.0.0.1:8787", NULL, 0, false},
	    {"ftp://h", NULL, 0, false},
	    {"http://", NULL, 0, false},
	    {"http://h:0", NULL, 0, false},
	    {"http://h:x", NULL, 0, false},
	    {"http://u:p@h", NULL, 0, false},
	    {"http://[::1]x", NULL, 0, false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char host[256];
		int port;
		bool tls, good = url_place(cases[i].url, host, &port, &tls);
		assert_int_equal(good, cases[i].host != NULL);
		if (!good)
			continue;
		assert_string_equal(host, cases[i].host);
		assert_int_equal(port, cases[i].port);
		assert_int_equal(tls, cases[i].tls);
	}
}

static void urls(void **state)
{
	char url[LOCAL_URL_MAX];
	struct listen l = {.host = SLICE("0.0.0.0"), .port = 1};
	(void)state;
	local_url(&l, url);
	assert_string_equal(url, "http://127.0.0.1:1");
	l = (struct listen){.host = SLICE("::"), .port = 2, .certificate = SLICE("x")};
	local_url(&l, url);
	assert_string_equal(url, "https://[::1]:2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(probes), cmocka_unit_test(absent),
	                                   cmocka_unit_test(places), cmocka_unit_test(urls)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
