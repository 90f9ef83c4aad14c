#include "gateway/console_pool.h"

#include <stdlib.h>

struct seat {
	struct console_pool *pool;
	struct console_context ctx; /* its ledger is owned */
	pthread_t thread;
	bool started;
};

struct console_pool {
	void (*run)(void *arg, struct console_context *c, void *job);
	void *arg;
	const struct ledger_ops *ops;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	void *jobs[CONSOLE_POOL_WAITING]; /* a ring */
	size_t first, n;
	bool stopping;
	struct seat seats[CONSOLE_POOL_THREADS];
};

static void *seat_main(void *arg)
{
	struct seat *s = arg;
	struct console_pool *p = s->pool;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->n == 0 && !p->stopping)
			pthread_cond_wait(&p->wake, &p->lock);
		if (p->n == 0)
			break;
		void *job = p->jobs[p->first];
		p->first = (p->first + 1) % CONSOLE_POOL_WAITING;
		p->n--;
		pthread_mutex_unlock(&p->lock);
		p->run(p->arg, &s->ctx, job);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int start_seat(struct console_pool *p, struct seat *s, const struct console_context *base, slice store,
                      struct error *e)
{
	s->pool = p;
	s->ctx = *base;
	s->ctx.ledger = NULL;
	int rc = p->ops->open(store.p, false, &s->ctx.ledger, e);
	if (rc)
		return rc;
	if (pthread_create(&s->thread, NULL, seat_main, s))
		return error_set(e, ERR_NOMEM, "cannot start a thread");
	pthread_setname_np(s->thread, "weir-api");
	s->started = true;
	return 0;
}

struct console_pool *console_pool_start(const struct console_context *base, slice store,
                                        void (*run)(void *arg, struct console_context *c, void *job),
                                        void *arg, struct error *e)
{
	struct console_pool *p = calloc(1, sizeof *p);
	if (p == NULL)
		return error_set(e, ERR_NOMEM, "out of memory"), NULL;
	p->run = run;
	p->arg = arg;
	p->ops = base->ops;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	int rc = 0;
	for (int i = 0; rc == 0 && i < CONSOLE_POOL_THREADS; i++)
		rc = start_seat(p, &p->seats[i], base, store, e);
	if (rc == 0)
		return p;
	console_pool_stop(p);
	console_pool_free(p);
	return NULL;
}

bool console_pool_push(struct console_pool *p, void *job)
{
	pthread_mutex_lock(&p->lock);
	bool room = p->n < CONSOLE_POOL_WAITING && !p->stopping;
	if (room) {
		p->jobs[(p->first + p->n++) % CONSOLE_POOL_WAITING] = job;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	return room;
}

void console_pool_stop(struct console_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < CONSOLE_POOL_THREADS; i++) {
		if (p->seats[i].started)
			pthread_join(p->seats[i].thread, NULL);
		if (p->seats[i].ctx.ledger)
			p->ops->close(p->seats[i].ctx.ledger);
	}
}

void console_pool_free(struct console_pool *p)
{
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
