/* `weir demo`: a simulated provider, a gateway in front of it and a simulated team, in a folder that goes
 * when it ends. The gateway, the keys, the ledger and the report are the real ones. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/demo_books.h"
#include "cli/demo_place.h"
#include "cli/local.h"
#include "finops/report.h"

#define START_MS  15000
#define WORK_MS   (30 * 60 * 1000)
#define SETTLE_MS 10000
#define STOP_MS   35000 /* longer than the gateway lets calls end in */
#define LINES_MAX 65536
#define JSON_MAX  (64u << 20)

static int run_demo(struct cli *c, int argc, char **argv);

const struct command command_demo = {
    .name = "demo",
    .summary = "shows it all with a simulated provider and no API key",
    .usage =
        "weir demo [options]\n"
        "\n"
        "Starts a simulated provider (weir-sim), a gateway in front of it and a simulated team that works\n"
        "through it with four agents and in CI; prints what that cost, compares the provider's books with\n"
        "Weir's, and keeps the console open until Ctrl-C. Everything lies in a folder of its own that is\n"
        "removed at the end. All of it is simulated: no API key is needed and no money is spent.\n"
        "\n"
        "  --people N     how many people work: 1 to 12 (6); one more comes with a key that has expired\n"
        "  --minutes N    simulated minutes of each one's work: 1 to 480 (30)\n"
        "  --once         ends after the report; so it does when the output is no terminal\n"
        "  --stay         keeps the console open until Ctrl-C, wherever the output goes\n",
    .run = run_demo,
};

struct demo {
	struct cli *c;
	long long people, minutes;
	bool once, stay;
	struct stopper stopper;
	struct demo_place place;
	struct child provider, gateway, team;
	char provider_url[128], gateway_url[160], console_url[160], since[CLOCK_RFC3339_MAX];
	int64_t since_ms;
	struct buf said; /* by the team: its summary, as JSON */
	const struct ledger_ops *ops;
	struct ledger *ledger;
	struct demo_book served, booked;
};

/* --- starting ---------------------------------------------------------------- */

/* EXIT_FAILED with a message, and what the program said last. */
static int failed_child(struct demo *d, struct child *child, const char *log, int why)
{
	char how[96], path[PATH_MAX];
	if (why == ERR_REFUSED)
		return EXIT_FAILED; /* a signal: told at the end */
	child_stop(child, 1000);
	child_how(child, how, sizeof how);
	cli_fail(d->c, "%s %s (%s)%s", child->name,
	         why == ERR_BUSY ? "was not ready in time and was ended" : "ended before its work was done",
	         how, log ? "; it said:" : "");
	if (log && demo_path(&d->place, log, path))
		local_print_tail(d->c, path, 0);
	return EXIT_FAILED;
}

/* Starts a program, with a log in the folder, and reads the lines it prints when it is ready. */
static int start(struct demo *d, struct child *child, const char *name, const char *const *argv,
                 const char *log, int lines, struct buf *b)
{
	struct error e = {0};
	int fd = demo_create(&d->place, log, &e);
	int rc = fd < 0 ? fd : child_start(child, name, argv, fd, &e);
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		return cli_fail(d->c, "%s", e.text);
	rc = child_read(child, &d->stopper, lines, START_MS, b);
	return rc == 0 ? EXIT_DONE : failed_child(d, child, log, rc);
}

/* The first http address of a line that has word in it. */
static void find_url(slice text, slice word, char *url, size_t cap)
{
	slice line;
	url[0] = '\0';
	while (slice_split(&text, '\n', &line)) {
		ptrdiff_t at = slice_find(line, SLICE("127.0.0.1:"));
		if (at >= 0 && slice_find(line, word) >= 0) {
			snprintf(url, cap, "http://" SLICE_FMT,
			         SLICE_ARG(slice_trim(slice_sub(line, (size_t)at, line.n))));
			return;
		}
	}
}

static int start_provider(struct demo *d)
{
	const char *argv[] = {d->place.sim, "--port", "0", NULL};
	struct buf b;
	buf_init(&b, LINES_MAX);
	int status = start(d, &d->provider, "weir-sim, the simulated provider,", argv, "provider.log", 1, &b);
	if (status == EXIT_DONE)
		find_url(buf_slice(&b), SLICE("listening"), d->provider_url, sizeof d->provider_url);
	buf_release(&b);
	return status;
}

static int start_gateway(struct demo *d)
{
	const char *argv[] = {d->place.weir, "serve", "--config", d->place.config, NULL};
	struct buf b;
	buf_init(&b, LINES_MAX);
	int status = start(d, &d->gateway, "the gateway", argv, "gateway.log", 2, &b);
	if (status == EXIT_DONE) {
		find_url(buf_slice(&b), SLICE("listening"), d->gateway_url, sizeof d->gateway_url);
		find_url(buf_slice(&b), SLICE("console"), d->console_url, sizeof d->console_url);
	}
	buf_release(&b);
	return status;
}

static int set_up(struct demo *d)
{
	struct error e = {0};
	int status = start_provider(d);
	if (status != EXIT_DONE)
		return status;
	if (demo_settings(&d->place, d->provider_url, d->stay, &e) < 0)
		return cli_fail(d->c, "%s", e.text);
	slice store = slice_of(d->place.store), path;
	d->ops = ledger_for(store, &path, &e);
	if (d->ops == NULL || d->ops->open(path.p, true, &d->ledger, &e) < 0 ||
	    demo_keys(&d->place, d->ops, d->ledger, (size_t)d->people, &e) < 0)
		return cli_fail(d->c, "%s", e.text);
	d->since_ms = clock_wall_ms(clock_real());
	clock_format_rfc3339(d->since_ms, d->since);
	return start_gateway(d);
}

static void introduce(const struct demo *d)
{
	FILE *out = d->c->out;
	if (d->c->json)
		return;
	fprintf(
	    out,
	    "A demo. Everything in it is simulated: the people, their agents and the provider.\n"
	    "No real model is asked and no money is spent.\n\n"
	    "  provider  %s (weir-sim)\n  gateway   %s\n  console   %s%s\n"
	    "  team      %lld %s and CI jobs, %lld minutes of work each, and one whose key has expired\n\n",
	    d->provider_url, d->gateway_url, d->console_url, d->stay ? "" : " (until the report is out)",
	    d->people, d->people == 1 ? "person" : "people", d->minutes);
	fflush(out);
}

/* --- the work ---------------------------------------------------------------- */

static int work(struct demo *d)
{
	char people[24], minutes[24], keys[PATH_MAX];
	const char *argv[] = {d->place.sim, "team",     "--gateway", d->gateway_url,      "--keys",
	                      keys,         "--people", people,      "--minutes-of-work", minutes,
	                      "--json",     NULL,       NULL};
	struct error e = {0};
	if (!demo_path(&d->place, "keys", keys))
		return cli_fail(d->c, "the folder's name is too long");
	snprintf(people, sizeof people, "%lld", d->people + 1); /* and the one who has left */
	snprintf(minutes, sizeof minutes, "%lld", d->minutes);
	if (!isatty(STDERR_FILENO))
		argv[11] = "--quiet";
	if (child_start(&d->team, "weir-sim, the simulated team,", argv, STDERR_FILENO, &e) < 0)
		return cli_fail(d->c, "%s", e.text);
	int rc = child_read(&d->team, &d->stopper, 0, WORK_MS, &d->said);
	if (rc == 0) {
		child_stop(&d->team, SETTLE_MS); /* it has closed its output: it ends by itself */
		if (d->team.status == 0)
			return EXIT_DONE;
	}
	if (child_ended(&d->gateway))
		return failed_child(d, &d->gateway, "gateway.log", ERR_NOT_FOUND);
	return failed_child(d, &d->team, NULL, rc);
}

/* Both books, once every call has ended in both, or what they say when the time has passed. */
static int compare(struct demo *d)
{
	struct error e = {0};
	int64_t until = clock_mono_us(clock_real()) / 1000 + SETTLE_MS;
	for (;;) {
		int rc = demo_book_ask(d->provider_url, &d->served, &e);
		if (rc == 0)
			rc = demo_book_ledger(d->ops, d->ledger, d->since_ms, &d->booked, &e);
		if (rc < 0 && rc != ERR_BUSY)
			return cli_fail(d->c, "%s", e.text);
		bool done = rc == 0 && d->booked.calls >= d->served.calls;
		if (done || clock_mono_us(clock_real()) / 1000 > until)
			return EXIT_DONE;
		if (stopper_wait(&d->stopper, 50))
			return EXIT_FAILED;
	}
}

/* --- the report -------------------------------------------------------------- */

static const char *const reports[] = {"team,user,agent", "model", "repo"};
#define REPORTS_N (sizeof reports / sizeof *reports)

/* The same code as `weir report`, on this folder's ledger. */
static int print_reports(const struct demo *d)
{
	struct cli sub = *d->c;
	sub.config = d->place.config;
	sub.server = NULL;
	sub.rest = false;
	for (size_t i = 0; i < REPORTS_N; i++) {
		char word[] = "report", by[64], since[64];
		char *argv[] = {word, by, since, NULL};
		snprintf(by, sizeof by, "--by=%s", reports[i]);
		snprintf(since, sizeof since, "--since=%s", d->since);
		int status = command_report.run(&sub, 3, argv);
		if (status != EXIT_DONE)
			return status;
		fputc('\n', d->c->out);
	}
	return EXIT_DONE;
}

static const struct {
	const char *name, *column, *value, *what;
} kinds[] = {
    {"left", "ending", "client_gone", "were left in the middle of an answer: Weir counted what had passed"},
    {"subagents", "subagent", "!", "were made by subagents"},
    {"ci", "environment", "ci", "were made by CI jobs, with the CI's own key"},
    {"refused", "ending", "refused",
     "more were refused, because a key had expired: nothing reached the provider"},
};
#define KINDS_N (sizeof kinds / sizeof *kinds)

static int64_t count_kind(const struct demo *d, size_t i)
{
	return demo_count(d->ops, d->ledger, d->since_ms, kinds[i].column, kinds[i].value);
}

static int one_report_json(const struct demo *d, struct jsonw *w, const char *by, struct error *e)
{
	struct report r;
	struct buf b;
	buf_init(&b, JSON_MAX);
	int rc = report_init(&r, SLICE_NONE, clock_wall_ms(clock_real()), e);
	if (rc == 0) {
		rc = report_set(&r, SLICE("by"), slice_of(by), e);
		if (rc == 0)
			rc = report_set(&r, SLICE("since"), slice_of(d->since), e);
		if (rc == 0)
			rc = report_ready(&r, e);
		if (rc == 0)
			rc = report_json(d->ops, d->ledger, &r, &b, e);
		report_release(&r);
	}
	if (rc == 0)
		jsonw_raw(w, slice_trim(buf_slice(&b)));
	buf_release(&b);
	return rc;
}

static int print_json(const struct demo *d)
{
	struct error e = {0};
	struct jsonw w;
	struct buf b;
	int rc = 0;
	buf_init(&b, JSON_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_put_bool(&w, SLICE("simulated"), true);
	jsonw_put_string(&w, SLICE("gateway"), slice_of(d->gateway_url));
	jsonw_put_string(&w, SLICE("console"), slice_of(d->console_url));
	jsonw_put_raw(&w, SLICE("team"), slice_trim(buf_slice(&d->said)));
	jsonw_key(&w, SLICE("books"));
	jsonw_object(&w);
	jsonw_put_bool(&w, SLICE("agree"), demo_books_agree(&d->served, &d->booked));
	demo_book_json(&w, SLICE("provider"), &d->served);
	demo_book_json(&w, SLICE("ledger"), &d->booked);
	jsonw_object_end(&w);
	jsonw_key(&w, SLICE("kinds"));
	jsonw_object(&w);
	for (size_t i = 0; i < KINDS_N; i++)
		jsonw_put_i64(&w, slice_of(kinds[i].name), count_kind(d, i));
	jsonw_object_end(&w);
	jsonw_key(&w, SLICE("reports"));
	jsonw_array(&w);
	for (size_t i = 0; i < REPORTS_N && rc == 0; i++)
		rc = one_report_json(d, &w, reports[i], &e);
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	if (rc == 0)
		return cli_print_json(d->c, &w, &b);
	buf_release(&b);
	return cli_fail(d->c, "%s", e.text);
}

static int show(struct demo *d)
{
	FILE *out = d->c->out;
	if (d->c->json)
		return print_json(d);
	int status = print_reports(d);
	if (status != EXIT_DONE)
		return status;
	fputs("Of these calls\n", out);
	for (size_t i = 0; i < KINDS_N; i++)
		fprintf(out, "  %4lld  %s\n", (long long)count_kind(d, i), kinds[i].what);
	fputc('\n', out);
	demo_books_print(out, &d->served, &d->booked);
	fputs("All of it is simulated: no real model was asked and no money was spent.\n\n", out);
	return EXIT_DONE;
}

/* --- staying ----------------------------------------------------------------- */

static void say_stay(const struct demo *d)
{
	FILE *out = d->c->out;
	if (!d->c->json)
		fprintf(out,
		        "The console: %s\n"
		        "It stays there until Ctrl-C, which ends the demo and removes what it made. "
		        "Meanwhile, elsewhere:\n"
		        "  %s report --config %s --by repo,branch\n"
		        "  kill -9 %d    (the gateway: it comes back with every call in its ledger)\n",
		        d->console_url, d->place.weir_said, d->place.config, (int)d->gateway.pid);
	fflush(out);
}

/* Until a signal. A gateway that was killed is started again, on the same ledger and the same ports. */
static int stay(struct demo *d)
{
	char how[96];
	say_stay(d);
	while (!stopper_wait(&d->stopper, 200)) {
		if (!child_ended(&d->gateway))
			continue;
		int64_t before = d->booked.calls;
		struct error e = {0};
		child_how(&d->gateway, how, sizeof how);
		child_stop(&d->gateway, 0);
		if (start_gateway(d) != EXIT_DONE)
			return EXIT_FAILED;
		if (demo_book_ledger(d->ops, d->ledger, d->since_ms, &d->booked, &e) < 0)
			return cli_fail(d->c, "%s", e.text);
		fprintf(d->c->err,
		        "weir: the gateway ended (%s) and was started again as process %d: %lld calls were "
		        "in its "
		        "ledger, %lld are\n",
		        how, (int)d->gateway.pid, (long long)before, (long long)d->booked.calls);
	}
	if (!d->c->json)
		fputs("\nThe demo is over, and what it made is removed.\n", d->c->out);
	return EXIT_DONE;
}

/* --- the command ------------------------------------------------------------- */

static int play(struct demo *d)
{
	int status = set_up(d);
	if (status == EXIT_DONE)
		introduce(d);
	if (status == EXIT_DONE)
		status = work(d);
	if (status == EXIT_DONE)
		status = compare(d);
	if (status == EXIT_DONE)
		status = show(d);
	if (status != EXIT_DONE)
		return status;
	if (d->stay)
		status = stay(d);
	else if (!d->c->json)
		fputs("In a terminal, or with --stay, the demo keeps its console open until Ctrl-C.\n",
		      d->c->out);
	if (status == EXIT_DONE && !demo_books_agree(&d->served, &d->booked))
		return cli_fail(d->c, "the two books differ: that is a fault of Weir's, please report it");
	return status;
}

static void end(struct demo *d)
{
	child_stop(&d->team, 1000);
	child_stop(&d->gateway, STOP_MS);
	child_stop(&d->provider, 1000);
	if (d->ledger)
		d->ops->close(d->ledger);
	demo_place_remove(&d->place);
	stopper_release(&d->stopper);
	buf_release(&d->said);
}

/* EXIT_DONE, EXIT_USAGE after a message, -1 after the help. */
static int read_options(struct demo *d, int argc, char **argv)
{
	const char *name, *value;
	int at = 1, r;
	while ((r = cli_next(d->c, &command_demo, argc, argv, &at, "people=:minutes=:once:stay", &name,
	                     &value)) > 0) {
		if (r == 2)
			return cli_usage_error(d->c, &command_demo, "\"%s\": the demo takes options only",
			                       value);
		if (strcmp(name, "once") == 0)
			d->once = true;
		else if (strcmp(name, "stay") == 0)
			d->stay = true;
		else if (!slice_to_i64(slice_of(value), name[0] == 'p' ? &d->people : &d->minutes))
			return cli_usage_error(d->c, &command_demo, "--%s %s: that is no number", name,
			                       value);
	}
	if (r < 0)
		return r == -2 ? -1 : EXIT_USAGE;
	if (d->people < 1 || d->people > DEMO_PEOPLE_MAX)
		return cli_usage_error(d->c, &command_demo, "--people is a number from 1 to %d",
		                       DEMO_PEOPLE_MAX);
	if (d->minutes < 1 || d->minutes > 480)
		return cli_usage_error(d->c, &command_demo, "--minutes is a number from 1 to 480");
	if (d->once && d->stay)
		return cli_usage_error(d->c, &command_demo, "--once or --stay, not both");
	if (!d->once && isatty(fileno(d->c->out)))
		d->stay = true;
	return EXIT_DONE;
}

static int run_demo(struct cli *c, int argc, char **argv)
{
	struct demo d = {.c = c, .people = 6, .minutes = 30, .stopper.fd = -1};
	struct error e = {0};
	d.provider.out = d.gateway.out = d.team.out = -1;
	buf_init(&d.said, LINES_MAX);
	int status = read_options(&d, argc, argv);
	if (status != EXIT_DONE)
		return status < 0 ? EXIT_DONE : status;
	if (stopper_init(&d.stopper, &e) < 0 || demo_place_make(&d.place, c, &e) < 0)
		status = cli_fail(c, "%s", e.text);
	else
		status = play(&d);
	end(&d);
	if (d.stopper.signal && status != EXIT_DONE)
		fputs("\nweir: the demo was ended before its report; what it made is removed.\n", c->err);
	return status;
}
