/* `weir doctor`: what is wrong with this installation, or with this client's settings, and the mend. */
#include "cli/doctor.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>

#include "cli/local.h"

#define MEMORY_MAX (16u << 20)
#define JSON_MAX   (4u << 20)

static int run_doctor(struct cli *c, int argc, char **argv);

const struct command command_doctor = {
    "doctor", "tells what is wrong with an installation, and the mend",
    "weir doctor [options]\n\n"
    "Looks at the settings, the gateway, the files and their room, the clock, the key, and the agents of "
    "this\n"
    "user: do their calls go through Weir? With --server (or WEIR_URL) at that gateway instead of this "
    "machine's\n"
    "files. Exit status 1 when something has to be mended.\n\n"
    "  --online   asks the providers too: are they reached, and is the clock right by theirs\n",
    run_doctor};

/* --- findings ---------------------------------------------------------------- */

const char *doctor_text(struct doctor *d, const char *format, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	slice kept = arena_copy(&d->mem, slice_of(text));
	return kept.p ? kept.p : "";
}

void doctor_find(struct doctor *d, enum finding_state state, const char *about, const char *mend,
                 const char *format, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (d->n == FINDINGS_MAX)
		return;
	d->findings[d->n++] = (struct finding){state, doctor_text(d, "%s", about), doctor_text(d, "%s", text),
	                                       mend ? doctor_text(d, "%s", mend) : NULL};
}

static size_t count(const struct doctor *d, enum finding_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n; i++)
		n += d->findings[i].state == state;
	return n;
}

static void print_findings(const struct doctor *d)
{
	static const char *const marks[] = {"ok   ", "note ", "FAULT"};
	FILE *out = d->c->out;
	size_t faults = count(d, FINDING_FAULT);
	int width = 0;
	for (size_t i = 0; i < d->n; i++)
		if ((int)strlen(d->findings[i].about) > width)
			width = (int)strlen(d->findings[i].about);
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->findings[i];
		fprintf(out, "%s  %-*s  %s\n", marks[f->state], width, f->about, f->text);
		if (f->mend)
			fprintf(out, "       %-*s  -> %s\n", width, "", f->mend);
	}
	if (faults)
		fprintf(out, "\n%zu thing%s to mend.\n", faults, faults == 1 ? "" : "s");
	else
		fputs("\nNothing to mend.\n", out);
}

static int print_json(const struct doctor *d)
{
	static const char *const states[] = {"ok", "note", "fault"};
	struct buf b;
	struct jsonw w;
	buf_init(&b, JSON_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_put_bool(&w, SLICE("ok"), count(d, FINDING_FAULT) == 0);
	jsonw_key(&w, SLICE("findings"));
	jsonw_array(&w);
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->findings[i];
		jsonw_object(&w);
		jsonw_put_string(&w, SLICE("state"), slice_of(states[f->state]));
		jsonw_put_string(&w, SLICE("about"), slice_of(f->about));
		jsonw_put_string(&w, SLICE("text"), slice_of(f->text));
		jsonw_put_string(&w, SLICE("mend"), f->mend ? slice_of(f->mend) : SLICE_NONE);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	return cli_print_json(d->c, &w, &b);
}

/* --- settings ---------------------------------------------------------------- */

static void on_fault(void *arg, const char *line)
{
	doctor_find(arg, FINDING_FAULT, "settings", NULL, "%s", line);
}

static void on_secret(void *arg, const char *line)
{
	struct doctor *d = arg;
	if (d->gateway_ready)
		doctor_find(d, FINDING_NOTE, "settings", "Nothing, if the running gateway has them.",
		            "here, %s", line);
	else
		doctor_find(d, FINDING_FAULT, "settings", NULL, "%s", line);
}

static const char *source_of(const struct settings *s)
{
	return s->source.n ? s->source.p : "the defaults (there is no settings file)";
}

/* The settings without their secrets; NULL after findings. */
static struct settings *load(struct doctor *d, slice path)
{
	size_t before = d->n;
	struct settings *s = settings_load_with(path, SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER, on_fault, d);
	if (s)
		doctor_find(d, FINDING_OK, "settings", NULL, "%s", source_of(s));
	else if (d->n > before)
		d->findings[d->n - 1].mend = "Mend them; `weir check` tells them again. A running gateway "
		                             "keeps its old ones meanwhile.";
	return s;
}

/* With a gateway on this machine to look at. */
static void examine_machine(struct doctor *d)
{
	char found[PATH_MAX], base[LOCAL_URL_MAX];
	slice path = d->c->config ? slice_of(d->c->config) : settings_find(found, sizeof found);
	struct settings *s = load(d, path);
	if (s == NULL) {
		doctor_agents(d, "http://127.0.0.1:8787");
		return;
	}
	doctor_gateway(d, s);
	struct settings *whole =
	    settings_load_with(path, SETTINGS_NO_FOLDER | SETTINGS_NO_PRICES, on_secret, d);
	settings_unref(whole);
	doctor_store(d, s);
	doctor_clock(d, s);
	doctor_limits(d, s);
	doctor_rules(d, s);
	doctor_key(d, s);
	if (d->online)
		doctor_providers(d, s);
	local_url(&s->listen, base);
	doctor_agents(d, base);
	settings_unref(s);
}

static int run_doctor(struct cli *c, int argc, char **argv)
{
	const char *name, *value;
	bool online = false;
	int at = 1, r;
	while ((r = cli_next(c, &command_doctor, argc, argv, &at, "online", &name, &value)) > 0) {
		if (r == 2)
			return cli_usage_error(c, &command_doctor, "what is %s? doctor takes options only",
			                       value);
		online = true;
	}
	if (r < 0)
		return r == -2 ? EXIT_DONE : EXIT_USAGE;
	struct doctor *d = calloc(1, sizeof *d);
	if (d == NULL)
		return cli_fail(c, "memory is spent");
	d->c = c;
	d->online = online;
	arena_init(&d->mem, MEMORY_MAX);
	if (c->server) {
		doctor_server(d);
		doctor_agents(d, c->server);
	} else {
		examine_machine(d);
	}
	int status = EXIT_DONE;
	if (c->json)
		status = print_json(d);
	else
		print_findings(d);
	if (count(d, FINDING_FAULT))
		status = EXIT_FAILED;
	arena_release(&d->mem);
	free(d);
	return status;
}
