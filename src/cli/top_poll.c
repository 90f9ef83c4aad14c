#include "cli/top_poll.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/remote.h"

#define ANSWER_MAX ((size_t)8 << 20)
#define WHY_MAX    400
#define PATH       "/api/v1/live?limit=500"

struct top_poll {
	struct cli cli;
	int every_ms, fd;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	bool stop, now, fresh;
	struct buf answer;
	char why[WHY_MAX];
};

bool top_ask(const struct cli *c, const char *method, slice path, slice body, struct buf *out, char *why,
             size_t cap)
{
	struct cli quiet = *c;
	char *said = NULL;
	size_t n = 0;
	why[0] = '\0';
	quiet.err = open_memstream(&said, &n);
	if (quiet.err == NULL)
		return false;
	int status = remote_call(&quiet, method, path, body, out);
	fclose(quiet.err);
	slice line = slice_trim(slice_make(said, n)), first;
	slice_split(&line, '\n', &first);
	if (slice_starts(first, SLICE("weir: ")))
		first = slice_sub(first, 6, first.n);
	snprintf(why, cap, SLICE_FMT, SLICE_ARG(first));
	free(said);
	return status == EXIT_DONE;
}

static void wait_ms(struct top_poll *p, int ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	long ns = until.tv_nsec + ms % 1000 * 1000000L;
	until.tv_sec += ms / 1000 + ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	int r = 0;
	while (!p->stop && !p->now && r == 0)
		r = pthread_cond_timedwait(&p->wake, &p->lock, &until);
	p->now = false;
}

static void *poll_main(void *arg)
{
	struct top_poll *p = arg;
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct buf answer;
		char why[WHY_MAX];
		buf_init(&answer, ANSWER_MAX);
		pthread_mutex_unlock(&p->lock);
		bool good = top_ask(&p->cli, "GET", SLICE(PATH), SLICE_NONE, &answer, why, sizeof why);
		pthread_mutex_lock(&p->lock);
		if (good) {
			buf_release(&p->answer);
			p->answer = answer;
			p->fresh = true;
		} else {
			buf_release(&answer);
		}
		memcpy(p->why, why, sizeof why);
		uint64_t one = 1;
		if (write(p->fd, &one, sizeof one) < 0)
			p->stop = true;
		wait_ms(p, p->every_ms);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct top_poll *top_poll_start(const struct cli *c, int every_ms)
{
	struct top_poll *p = calloc(1, sizeof *p);
	pthread_condattr_t attr;
	if (p == NULL)
		return NULL;
	p->cli = *c;
	p->every_ms = every_ms;
	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	buf_init(&p->answer, ANSWER_MAX);
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (p->fd >= 0 && pthread_create(&p->thread, NULL, poll_main, p) == 0)
		return p;
	if (p->fd >= 0)
		close(p->fd);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

void top_poll_stop(struct top_poll *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	close(p->fd);
	buf_release(&p->answer);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int top_poll_fd(const struct top_poll *p)
{
	return p->fd;
}

bool top_poll_take(struct top_poll *p, struct buf *out, char *why, size_t cap)
{
	uint64_t n;
	pthread_mutex_lock(&p->lock);
	bool fresh = p->fresh;
	if (read(p->fd, &n, sizeof n) < 0 && errno != EAGAIN)
		fresh = false;
	if (fresh) {
		buf_release(out);
		*out = p->answer;
		buf_init(&p->answer, ANSWER_MAX);
		p->fresh = false;
	}
	snprintf(why, cap, "%s", p->why);
	pthread_mutex_unlock(&p->lock);
	return fresh;
}

void top_poll_now(struct top_poll *p)
{
	pthread_mutex_lock(&p->lock);
	p->now = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}
