/* `weir top`: what the agents of a gateway spend just now, and a hand on the brake. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/remote.h"
#include "cli/top_poll.h"
#include "cli/top_term.h"
#include "text/jsonw.h"

#define ANSWER_MAX  ((size_t)8 << 20)
#define EVERY_USUAL 2
#define EVERY_MOST  60
#define WIDTH_USUAL 120
#define ONCE_ROWS   40
#define WHY_MAX     400

static int run_top(struct cli *c, int argc, char **argv);

const struct command command_top = {
    "top", "what the agents of a gateway spend just now, live in the terminal",
    "weir top [options]\n\n"
    "Shows a running gateway: what is burnt a minute, the fullest budgets, and the sessions that spend, the "
    "dearest\n"
    "first, those that go round in circles flagged. Keys inspect, pause, resume and stop a session, freeze "
    "its user,\n"
    "sort and filter; ? lists them. A developer's key shows and holds what is their own.\n\n"
    "  --every SECONDS  how often the gateway is asked (else 2)\n"
    "  --once           one picture as text, and no more; so it is too where the output is no terminal\n",
    run_top};

/* What a prompt asks for. */
enum wish { WISH_NONE, WISH_FILTER, WISH_PAUSE, WISH_RESUME, WISH_STOP, WISH_FREEZE, WISH_UNFREEZE };

struct top {
	struct cli *c;
	struct top_poll *poll;
	struct top_data data;
	struct top_view view;
	struct top_canvas canvas;
	struct buf inspected;
	char chosen[300], user[300]; /* of the session under the cursor */
	char filter[TOP_INPUT_MAX], input[TOP_INPUT_MAX], message[WHY_MAX + 64];
	enum wish wish;
	bool quit;
};

/* --- what is under the cursor
 * ------------------------------------------------------------------------------- */

static void choose(struct top *t, const struct top_session *s)
{
	snprintf(t->chosen, sizeof t->chosen, SLICE_FMT, SLICE_ARG(s ? s->id : SLICE_NONE));
	snprintf(t->user, sizeof t->user, SLICE_FMT, SLICE_ARG(s ? s->user : SLICE_NONE));
}

/* By so many lines; the first one when it is not there any more. */
static void move_by(struct top *t, int by)
{
	unsigned short order[TOP_SESSIONS];
	size_t n = top_data_order(&t->data, t->view.sort, slice_of(t->filter), order);
	int at = -1;
	for (size_t i = 0; i < n; i++)
		if (slice_eq(t->data.sessions[order[i]].id, slice_of(t->chosen)))
			at = (int)i;
	at = at < 0 ? 0 : at + by;
	at = at >= (int)n ? (int)n - 1 : at;
	choose(t, n ? &t->data.sessions[order[at < 0 ? 0 : at]] : NULL);
}

/* --- asking the gateway
 * --------------------------------------------------------------------------------------- */

static void tell(struct top *t, bool bad, const char *before, const char *what, const char *after)
{
	snprintf(t->message, sizeof t->message, "%s%.300s%s", before, what, after);
	t->view.bad = bad;
}

static bool path_of_session(struct top *t, const char *after, struct buf *out)
{
	struct buf word;
	buf_init(&word, 4096);
	int rc = remote_word(&word, SLICE_NONE, slice_of(t->chosen)); /* "?=" and the escaped id */
	slice id = slice_sub(buf_slice(&word), 2, buf_slice(&word).n);
	if (rc == 0)
		rc = buf_printf(out, "/api/v1/sessions/" SLICE_FMT "%s", SLICE_ARG(id), after);
	buf_release(&word);
	return rc == 0;
}

/* {"text": "..."} of the session's table. */
static void inspect(struct top *t)
{
	struct buf path, answer;
	char why[WHY_MAX];
	struct json j;
	json_key k;
	json_str s;
	if (t->chosen[0] == '\0')
		return;
	buf_init(&path, 8192);
	buf_init(&answer, ANSWER_MAX);
	if (!path_of_session(t, "?format=table", &path) ||
	    !top_ask(t->c, "GET", buf_slice(&path), SLICE_NONE, &answer, why, sizeof why)) {
		tell(t, true, why, "", "");
	} else {
		buf_clear(&t->inspected);
		json_init(&j, buf_slice(&answer));
		json_object(&j);
		while (json_next_key(&j, &k)) {
			char *room = NULL;
			if (!json_key_is(&k, SLICE("text")) || json_peek(&j) != JSON_STRING) {
				json_skip(&j, NULL);
				continue;
			}
			if (json_string(&j, &s) && (room = buf_reserve(&t->inspected, s.raw.n + 1)) != NULL)
				buf_commit(&t->inspected, json_unescape(&s, room, s.raw.n));
		}
		t->view.mode = TOP_INSPECT;
		t->view.scroll = 0;
	}
	buf_release(&path);
	buf_release(&answer);
}

static void send_change(struct top *t, slice path, const char *user, const char *done)
{
	struct buf body, answer;
	struct jsonw w;
	char why[WHY_MAX];
	buf_init(&body, 4096);
	buf_init(&answer, ANSWER_MAX);
	jsonw_init(&w, &body);
	jsonw_object(&w);
	if (user)
		jsonw_put_string(&w, SLICE("user"), slice_of(user));
	if (t->input[0] && t->wish != WISH_UNFREEZE)
		jsonw_put_string(&w, SLICE("reason"), slice_of(t->input));
	jsonw_object_end(&w);
	if (jsonw_end(&w) == 0 && top_ask(t->c, "POST", path, buf_slice(&body), &answer, why, sizeof why))
		tell(t, false, user ? "User " : "Session ", user ? user : t->chosen, done);
	else
		tell(t, true, why, "", "");
	buf_release(&body);
	buf_release(&answer);
	top_poll_now(t->poll);
}

static void fulfil(struct top *t)
{
	static const char *const after[] = {
	    [WISH_PAUSE] = "/pause", [WISH_RESUME] = "/resume", [WISH_STOP] = "/stop", [WISH_UNFREEZE] = ""};
	static const char *const done[] = {[WISH_PAUSE] = " is paused.",
	                                   [WISH_RESUME] = " goes on.",
	                                   [WISH_STOP] = " is stopped.",
	                                   [WISH_UNFREEZE] = ""};
	struct buf path;
	if (t->wish == WISH_FILTER) {
		snprintf(t->filter, sizeof t->filter, "%s", t->input);
		move_by(t, 0);
		return;
	}
	if (t->wish == WISH_FREEZE || t->wish == WISH_UNFREEZE) {
		bool freeze = t->wish == WISH_FREEZE;
		send_change(t, freeze ? SLICE("/api/v1/freeze") : SLICE("/api/v1/unfreeze"), t->user,
		            freeze ? " is frozen." : " is not frozen any more.");
		return;
	}
	buf_init(&path, 8192);
	if (path_of_session(t, after[t->wish], &path))
		send_change(t, buf_slice(&path), NULL, done[t->wish]);
	buf_release(&path);
}

/* --- keys
 * ----------------------------------------------------------------------------------------------------- */

static void ask_for(struct top *t, enum wish wish)
{
	static const char *const prompts[] = {
	    [WISH_NONE] = "",
	    [WISH_FILTER] = "Show sessions with:",
	    [WISH_PAUSE] = "Pause the session; why? (enter: go on, esc: no)",
	    [WISH_RESUME] = "Resume the session; why? (needed; esc: no)",
	    [WISH_STOP] = "Stop the session for good; why? (enter: go on, esc: no)",
	    [WISH_FREEZE] = "Freeze the session's user, all of their calls; why? (enter: go on, esc: no)",
	    [WISH_UNFREEZE] = "Unfreeze the session's user? (enter: yes, esc: no)",
	};
	bool user = wish == WISH_FREEZE || wish == WISH_UNFREEZE;
	if (wish != WISH_FILTER && (user ? t->user[0] : t->chosen[0]) == '\0') {
		tell(t, true, user ? "The session's user is not known." : "There is no session to choose.",
		     "", "");
		return;
	}
	t->wish = wish;
	t->view.prompt = prompts[wish];
	t->input[0] = '\0';
}

static void key_of_prompt(struct top *t, int k)
{
	size_t n = strlen(t->input);
	if (k == TOP_KEY_ESCAPE) {
		t->view.prompt = NULL;
	} else if (k == TOP_KEY_ENTER) {
		if (t->wish == WISH_RESUME && slice_trim(slice_of(t->input)).n == 0)
			return;
		t->view.prompt = NULL;
		fulfil(t);
	} else if (k == TOP_KEY_BACK && n) {
		do
			t->input[--n] = '\0';
		while (n && ((unsigned char)t->input[n - 1] & 0xc0) == 0x80);
	} else if (k >= 0x20 && k < 256 && n + 1 < sizeof t->input) {
		t->input[n] = (char)k;
		t->input[n + 1] = '\0';
	}
}

static void key_of_text(struct top *t, int k)
{
	size_t page = t->canvas.h > 2 ? (size_t)t->canvas.h - 2 : 1, *at = &t->view.scroll;
	if (t->view.mode == TOP_HELP || k == 'q' || k == TOP_KEY_ESCAPE || k == TOP_KEY_ENTER)
		t->view.mode = TOP_LIST;
	else if (k == TOP_KEY_DOWN || k == 'j')
		*at += 1;
	else if ((k == TOP_KEY_UP || k == 'k') && *at)
		*at -= 1;
	else if (k == TOP_KEY_PAGE_DOWN || k == ' ')
		*at += page;
	else if (k == TOP_KEY_PAGE_UP)
		*at = *at > page ? *at - page : 0;
	else if (k == TOP_KEY_HOME)
		*at = 0;
}

static void key_of_list(struct top *t, int k)
{
	static const struct {
		int key;
		enum wish wish;
	} wishes[] = {{'/', WISH_FILTER}, {'p', WISH_PAUSE},  {'r', WISH_RESUME},
	              {'s', WISH_STOP},   {'f', WISH_FREEZE}, {'u', WISH_UNFREEZE}};
	static const struct {
		int key, by;
	} moves[] = {{TOP_KEY_DOWN, 1},
	             {'j', 1},
	             {TOP_KEY_UP, -1},
	             {'k', -1},
	             {TOP_KEY_PAGE_DOWN, 10},
	             {TOP_KEY_PAGE_UP, -10},
	             {TOP_KEY_HOME, -TOP_SESSIONS},
	             {TOP_KEY_END, TOP_SESSIONS}};
	t->message[0] = '\0';
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
		if (wishes[i].key == k)
			ask_for(t, wishes[i].wish);
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
		if (moves[i].key == k)
			move_by(t, moves[i].by);
	if (k == 'q')
		t->quit = true;
	else if (k == '?' || k == 'h')
		t->view.mode = TOP_HELP;
	else if (k == 'o')
		t->view.sort = (enum top_sort)((t->view.sort + 1) % TOP_SORTS);
	else if (k == ' ')
		top_poll_now(t->poll);
	else if (k == TOP_KEY_ENTER || k == 'i')
		inspect(t);
}

static void on_key(struct top *t, int k)
{
	if (k == TOP_KEY_RESIZE)
		return;
	if (t->view.prompt)
		key_of_prompt(t, k);
	else if (t->view.mode != TOP_LIST)
		key_of_text(t, k);
	else
		key_of_list(t, k);
}

/* --- live
 * ------------------------------------------------------------------------------------------------------ */

static void draw(struct top *t)
{
	t->view.data = &t->data;
	t->view.filter = slice_of(t->filter);
	t->view.chosen = slice_of(t->chosen);
	t->view.input = slice_of(t->input);
	t->view.inspected = buf_slice(&t->inspected);
	t->view.message = t->message;
	top_draw(&t->canvas, &t->view);
}

static void take_answer(struct top *t)
{
	struct buf answer;
	char why[WHY_MAX];
	buf_init(&answer, ANSWER_MAX);
	bool fresh = top_poll_take(t->poll, &answer, why, sizeof why);
	if (fresh && !top_data_read(&t->data, buf_slice(&answer)))
		tell(t, true,
		     "This is no gateway's console: --server and WEIR_URL name it (port 8788 by default).",
		     "", "");
	if (!fresh && why[0])
		tell(t, true, why, "", "");
	if (fresh)
		move_by(t, 0);
	buf_release(&answer);
}

static int live(struct top *t, int every_s)
{
	t->poll = top_poll_start(t->c, every_s * 1000);
	if (t->poll == NULL)
		return cli_fail(t->c, "out of memory");
	if (!top_term_open(!cli_env(t->c, "NO_COLOR"))) {
		top_poll_stop(t->poll);
		return cli_fail(t->c,
		                "TERM names no terminal that is known here; `weir top --once` needs none");
	}
	while (!t->quit) {
		struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {top_poll_fd(t->poll), POLLIN, 0}};
		top_term_size(&t->canvas);
		draw(t);
		top_term_show(&t->canvas);
		int n = poll(fds, 2, -1);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && fds[0].revents & (POLLHUP | POLLERR))
			break;
		if (n > 0 && fds[1].revents)
			take_answer(t);
		int k;
		while ((k = top_term_key()) != TOP_KEY_NONE && !t->quit)
			on_key(t, k);
	}
	top_term_close();
	top_poll_stop(t->poll);
	return EXIT_DONE;
}

/* --- once
 * ------------------------------------------------------------------------------------------------------- */

static int width_of(const struct cli *c)
{
	struct winsize size;
	long long n;
	const char *columns = cli_env(c, "COLUMNS");
	if (columns && slice_to_i64(slice_of(columns), &n) && n >= 40 && n <= 400)
		return (int)n;
	if (ioctl(fileno(c->out), TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
		return size.ws_col < 400 ? size.ws_col : 400;
	return WIDTH_USUAL;
}

static int once(struct top *t)
{
	struct buf answer;
	buf_init(&answer, ANSWER_MAX);
	int status = remote_get(t->c, SLICE("/api/v1/live?limit=500"), &answer);
	if (status == EXIT_DONE && t->c->json) {
		fprintf(t->c->out, SLICE_FMT, SLICE_ARG(buf_slice(&answer)));
	} else if (status == EXIT_DONE && !top_data_read(&t->data, buf_slice(&answer))) {
		status = cli_fail(t->c, "%s answers, but is no gateway's console", t->c->server);
	} else if (status == EXIT_DONE) {
		t->canvas.w = width_of(t->c);
		t->canvas.h = ONCE_ROWS;
		t->view.once = true;
		draw(t);
		for (int i = 0; i < t->canvas.rows; i++) {
			slice line = slice_make(t->canvas.line[i].text, t->canvas.line[i].n);
			while (slice_ends(line, SLICE(" ")))
				line.n--;
			fprintf(t->c->out, SLICE_FMT "\n", SLICE_ARG(line));
		}
	}
	buf_release(&answer);
	return status;
}

static int run_top(struct cli *c, int argc, char **argv)
{
	const char *name, *value;
	char url[REMOTE_URL_MAX];
	long long every = EVERY_USUAL;
	bool only_once = false;
	int at = 1, r;
	while ((r = cli_next(c, &command_top, argc, argv, &at, "every=:once", &name, &value)) != 0) {
		if (r < 0)
			return r == -2 ? EXIT_DONE : EXIT_USAGE;
		if (r == 2)
			return cli_usage_error(c, &command_top, "%s: there is nothing to name here", value);
		if (strcmp(name, "once") == 0)
			only_once = true;
		else if (!slice_to_i64(slice_of(value), &every) || every < 1 || every > EVERY_MOST)
			return cli_usage_error(c, &command_top, "--every: seconds, from 1 to %d", EVERY_MOST);
	}
	if (!remote_find(c, url))
		return EXIT_FAILED;
	struct top *t = calloc(1, sizeof *t);
	if (t == NULL)
		return cli_fail(c, "out of memory");
	setlocale(LC_CTYPE, "");
	t->c = c;
	t->view.server = c->server;
	t->canvas.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	buf_init(&t->inspected, ANSWER_MAX);
	bool terminal = isatty(fileno(c->out)) && isatty(STDIN_FILENO);
	int status = only_once || c->json || !terminal ? once(t) : live(t, (int)every);
	top_data_release(&t->data);
	buf_release(&t->inspected);
	free(t);
	return status;
}
