#include "store/waker.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int waker_init(struct waker *w, struct error *e)
{
	atomic_init(&w->sleeping, false);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return w->fd < 0 ? error_errno(e, ERR_IO, errno, "eventfd") : 0;
}

void waker_release(struct waker *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

void waker_sleep(struct waker *w, int timeout_ms, bool (*has_work)(void *arg), void *arg)
{
	/* Announced first, asked second, and waker_wake looks after the work was made: one of the two sees
	 * the other. */
	atomic_store(&w->sleeping, true);
	if (has_work == NULL || !has_work(arg)) {
		struct pollfd p = {.fd = w->fd, .events = POLLIN};
		poll(&p, 1, timeout_ms);
	}
	atomic_store(&w->sleeping, false);
	eventfd_t count;
	if (eventfd_read(w->fd, &count) != 0)
		return; /* EAGAIN: nobody called */
}

void waker_wake(struct waker *w)
{
	if (atomic_load(&w->sleeping) && atomic_exchange(&w->sleeping, false))
		waker_kick(w);
}

void waker_kick(struct waker *w)
{
	while (eventfd_write(w->fd, 1) != 0 && errno == EINTR)
		;
}
