/* Ports of loopback that nobody else gets while a test uses them. */
#ifndef WEIR_TESTS_CLI_PORTS_H
#define WEIR_TESTS_CLI_PORTS_H

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket bound to a free port; with reuse another one may be bound to it and listen, so that the port is
 * kept for a server of the test's own. Nobody listens there meanwhile. */
static inline int port_keep(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		_exit(99);
	*port = ntohs(a.sin_port);
	return fd;
}

/* A listening socket on a port that is kept. */
static inline int port_listen(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	a.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 16) != 0)
		_exit(98);
	return fd;
}

#endif
