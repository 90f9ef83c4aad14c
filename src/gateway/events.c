#include "gateway/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/admin.h"

#define TOPICS_MAX       EVENTS_CLIENTS
#define MESSAGE_MAX      ((size_t)4 << 20)
#define EVERY_MS         1000
#define BEAT_MS          15000
#define STREAM_US        (INT64_C(5) * 60 * 1000000)
#define SESSIONS_CHANGED 40
#define SESSIONS_STATE   500
#define READ_BLOCK       20480
#define PIECE_MAX        ((size_t)512 * 1024)

struct message {
	uint64_t id;
	struct buf text; /* ready to be sent */
};

struct topic {
	bool used, all;
	uint64_t made; /* which topic this place holds */
	struct name user, team;
	unsigned clients;
	uint64_t seen; /* of the pulse */
	uint64_t last; /* id of the newest message */
	struct message kept[EVENTS_KEPT];
	uint64_t budgets, freezes; /* hashes of what was said last */
	int64_t left_us;           /* when its last client went */
};

struct client {
	struct client *next;
	struct events *v;
	struct MHD_Connection *connection;
	struct topic *topic;
	uint64_t next_id; /* of the message it gets next */
	struct buf out;   /* what it is being sent */
	int64_t until_us; /* then it is ended, and who comes again is looked at again */
	bool suspended, beat, over, ended;
};

struct events {
	struct console_context *c; /* not owned */
	pthread_mutex_t lock;      /* guards what follows */
	pthread_cond_t wake;
	pthread_t thread;
	bool closing;
	uint64_t epoch; /* in the ids, so that another process's are known for what they are */
	struct topic topics[TOPICS_MAX];
	struct client *clients; /* owned by the library's responses */
	unsigned clients_n;
	unsigned long long dropped, made;
};

/* --- messages --------------------------------------------------------------------------------------------
 */

static struct console_reader reader_of(const struct topic *t)
{
	return (struct console_reader){
	    .all = t->all, .user = t->user, .team = t->team, .role = t->all ? ROLE_VIEWER : ROLE_DEVELOPER};
}

static void say(struct buf *out, uint64_t epoch, uint64_t id, const char *event, slice json, int *rc)
{
	*rc = buf_printf(out, "id: %" PRIx64 "-%" PRIu64 "\nevent: %s\ndata: ", epoch, id, event);
	if (*rc == 0)
		*rc = buf_append(out, slice_trim(json));
	if (*rc == 0)
		*rc = buf_append(out, SLICE("\n\n"));
}

/* What such a reader sees now, as JSON on one line. */
static int compose(struct events *v, const struct console_reader *who, struct live_change *change,
                   struct buf *out)
{
	struct admin a = {0};
	admin_begin(&a, v->c, who, out);
	admin_live_put(&a, change);
	int rc = admin_end(&a);
	admin_release(&a);
	return rc;
}

/* A change for everyone who listens to the topic. */
static void publish(struct topic *t, uint64_t epoch, slice json)
{
	struct message *m = &t->kept[(t->last + 1) % EVENTS_KEPT];
	int rc;
	buf_release(&m->text);
	buf_init(&m->text, MESSAGE_MAX);
	say(&m->text, epoch, t->last + 1, "change", json, &rc);
	if (rc) {
		buf_release(&m->text);
		return;
	}
	m->id = ++t->last;
}

static void resume(struct client *k)
{
	if (!k->suspended)
		return;
	k->suspended = false;
	MHD_resume_connection(k->connection);
}

static void turn_topic(struct events *v, struct topic *t)
{
	struct buf json;
	struct live_change change = {
	    .since = t->seen, .sessions = SESSIONS_CHANGED, .budgets = t->budgets, .freezes = t->freezes};
	struct console_reader who = reader_of(t);
	uint64_t made = t->made;
	buf_init(&json, MESSAGE_MAX);
	pthread_mutex_unlock(&v->lock);
	int rc = compose(v, &who, &change, &json);
	pthread_mutex_lock(&v->lock);
	if (rc == 0 && t->made == made && t->clients && !v->closing) {
		t->seen = change.since;
		t->budgets = change.budgets;
		t->freezes = change.freezes;
		publish(t, v->epoch, buf_slice(&json));
		for (struct client *k = v->clients; k; k = k->next)
			if (k->topic == t)
				resume(k);
	}
	buf_release(&json);
}

/* A line that says nothing, so that a client that has gone is noticed and what lies between stays open. */
static void beat(struct events *v)
{
	int64_t now = clock_mono_us(v->c->shared->clock);
	for (struct client *k = v->clients; k; k = k->next) {
		k->beat = true;
		k->over = now >= k->until_us;
		resume(k);
	}
}

static void wait_ms(struct events *v, int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t ns = until.tv_nsec + ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	int r = 0;
	while (!v->closing && r == 0)
		r = pthread_cond_timedwait(&v->wake, &v->lock, &until);
}

static void *events_main(void *arg)
{
	struct events *v = arg;
	const struct clock *clock = v->c->shared->clock;
	int64_t beat_us = clock_mono_us(clock);
	pthread_mutex_lock(&v->lock);
	while (!v->closing) {
		if (v->clients_n == 0) {
			pthread_cond_wait(&v->wake, &v->lock);
			continue;
		}
		wait_ms(v, EVERY_MS);
		for (size_t i = 0; i < TOPICS_MAX && !v->closing; i++)
			if (v->topics[i].used && v->topics[i].clients)
				turn_topic(v, &v->topics[i]);
		if (clock_mono_us(clock) - beat_us >= BEAT_MS * INT64_C(1000)) {
			beat_us = clock_mono_us(clock);
			beat(v);
		}
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

/* --- clients: on the library's thread ------------------------------------------------------------------- */

/* The next thing for the client, in its own buffer; false when there is nothing yet. */
static bool fetch(struct client *k)
{
	struct topic *t = k->topic;
	buf_clear(&k->out);
	if (k->next_id <= t->last) {
		const struct message *m = &t->kept[k->next_id % EVENTS_KEPT];
		if (m->id != k->next_id) { /* it did not keep up */
			k->ended = true;
			k->v->dropped++;
			return true;
		}
		k->next_id++;
		if (buf_append(&k->out, buf_slice(&m->text)))
			k->ended = true;
		return true;
	}
	if (k->over) {
		k->ended = true;
		return true;
	}
	if (k->beat && buf_append(&k->out, SLICE(":\n\n")) == 0) {
		k->beat = false;
		return true;
	}
	return false;
}

static ssize_t read_client(void *cls, uint64_t pos, char *out, size_t max)
{
	struct client *k = cls;
	ssize_t n = 0;
	(void)pos;
	pthread_mutex_lock(&k->v->lock);
	if (k->v->closing)
		k->ended = true;
	if (!k->ended && buf_slice(&k->out).n == 0 && !fetch(k)) {
		k->suspended = true;
		MHD_suspend_connection(k->connection);
	} else if (k->ended) {
		n = MHD_CONTENT_READER_END_OF_STREAM;
	} else {
		slice piece = slice_sub(buf_slice(&k->out), 0, max);
		memcpy(out, piece.p, piece.n);
		buf_consume(&k->out, piece.n);
		k->beat = false;
		n = (ssize_t)piece.n;
	}
	pthread_mutex_unlock(&k->v->lock);
	return n;
}

static void free_client(void *cls)
{
	struct client *k = cls;
	struct events *v = k->v;
	pthread_mutex_lock(&v->lock);
	for (struct client **at = &v->clients; *at; at = &(*at)->next)
		if (*at == k) {
			*at = k->next;
			v->clients_n--;
			break;
		}
	k->topic->left_us = clock_mono_us(v->c->shared->clock);
	k->topic->clients--;
	pthread_mutex_unlock(&v->lock);
	buf_release(&k->out);
	free(k);
}

static void clear_topic(struct topic *t)
{
	for (int i = 0; i < EVENTS_KEPT; i++)
		buf_release(&t->kept[i].text);
	*t = (struct topic){0};
}

/* The topic of what they may see: a new one in place of the one that nobody has listened to for longest. */
static struct topic *topic_for(struct events *v, const struct console_reader *who)
{
	struct topic *free_one = NULL;
	for (size_t i = 0; i < TOPICS_MAX; i++) {
		struct topic *t = &v->topics[i];
		if (t->used && t->all == who->all &&
		    (t->all || (slice_eq(name_get(&t->user), name_get(&who->user)) &&
		                slice_eq(name_get(&t->team), name_get(&who->team)))))
			return t;
		if (!t->used ||
		    (t->clients == 0 && (!free_one || (free_one->used && t->left_us < free_one->left_us))))
			free_one = free_one && !free_one->used ? free_one : t;
	}
	if (free_one == NULL)
		return NULL;
	clear_topic(free_one);
	free_one->used = true;
	free_one->made = ++v->made;
	free_one->all = who->all;
	if (!who->all) {
		free_one->user = who->user;
		free_one->team = who->team;
	}
	return free_one;
}

/* The message behind that of Last-Event-ID; 0 when it is not kept any more, or another process's. */
static uint64_t after(const struct events *v, const struct topic *t, slice last)
{
	char epoch[24];
	long long id;
	slice head;
	snprintf(epoch, sizeof epoch, "%" PRIx64, v->epoch);
	if (!slice_split(&last, '-', &head) || !slice_eq(head, slice_of(epoch)) || !slice_to_i64(last, &id) ||
	    id < 1 || (uint64_t)id > t->last)
		return 0;
	uint64_t next = (uint64_t)id + 1;
	return next > t->last || t->kept[next % EVENTS_KEPT].id == next ? next : 0;
}

/* All there is, as the client's first message; the changes that follow it are those after it. */
static int begin_state(struct events *v, struct client *k)
{
	struct topic *t = k->topic;
	struct buf json;
	struct live_change change = {.sessions = SESSIONS_STATE};
	int rc;
	buf_init(&json, MESSAGE_MAX);
	k->next_id = t->last + 1;
	if (t->clients == 0) /* nobody was told of what was before */
		t->seen = UINT64_MAX;
	struct console_reader who = reader_of(t);
	rc = compose(v, &who, &change, &json);
	if (t->seen == UINT64_MAX) {
		t->seen = change.since;
		t->budgets = change.budgets;
		t->freezes = change.freezes;
	}
	if (rc == 0)
		say(&k->out, v->epoch, t->last, "state", buf_slice(&json), &rc);
	buf_release(&json);
	return rc;
}

struct MHD_Response *events_open(struct events *v, struct MHD_Connection *connection,
                                 const struct console_reader *who, slice last, const char **why)
{
	struct client *k = calloc(1, sizeof *k);
	struct MHD_Response *r = NULL;
	*why = "too many consoles listen: close one, or ask GET /api/v1/live now and then";
	if (k == NULL)
		return NULL;
	*k = (struct client){
	    .v = v, .connection = connection, .until_us = clock_mono_us(v->c->shared->clock) + STREAM_US};
	buf_init(&k->out, MESSAGE_MAX);
	pthread_mutex_lock(&v->lock);
	if (v->clients_n < EVENTS_CLIENTS && !v->closing)
		k->topic = topic_for(v, who);
	if (k->topic) {
		k->next_id = after(v, k->topic, last);
		if (k->next_id || begin_state(v, k) == 0)
			r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, READ_BLOCK, read_client, k,
			                                      free_client);
		if (r) {
			k->topic->clients++;
			k->next = v->clients;
			v->clients = k;
			v->clients_n++;
			pthread_cond_signal(&v->wake);
		}
	}
	pthread_mutex_unlock(&v->lock);
	if (r)
		return r;
	buf_release(&k->out);
	free(k);
	return NULL;
}

void events_stats(struct events *v, unsigned *clients, unsigned long long *dropped)
{
	pthread_mutex_lock(&v->lock);
	*clients = v->clients_n;
	*dropped = v->dropped;
	pthread_mutex_unlock(&v->lock);
}

/* --- start and end ---------------------------------------------------------------------------------------
 */

struct events *events_start(struct console_context *c, struct error *e)
{
	struct events *v = calloc(1, sizeof *v);
	pthread_condattr_t attr;
	if (v == NULL)
		return error_set(e, ERR_NOMEM, "out of memory"), NULL;
	v->c = c;
	pthread_mutex_init(&v->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&v->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (crypto_random(&v->epoch, sizeof v->epoch) == 0 &&
	    pthread_create(&v->thread, NULL, events_main, v) == 0) {
		pthread_setname_np(v->thread, "weir-events");
		return v;
	}
	error_set(e, ERR_NOMEM, "cannot start a thread");
	pthread_cond_destroy(&v->wake);
	pthread_mutex_destroy(&v->lock);
	free(v);
	return NULL;
}

void events_close(struct events *v)
{
	pthread_mutex_lock(&v->lock);
	v->closing = true;
	pthread_cond_broadcast(&v->wake);
	pthread_mutex_unlock(&v->lock);
	pthread_join(v->thread, NULL);
	pthread_mutex_lock(&v->lock);
	for (struct client *k = v->clients; k; k = k->next)
		resume(k);
	pthread_mutex_unlock(&v->lock);
}

void events_stop(struct events *v)
{
	for (size_t i = 0; i < TOPICS_MAX; i++)
		clear_topic(&v->topics[i]);
	pthread_cond_destroy(&v->wake);
	pthread_mutex_destroy(&v->lock);
	free(v);
}
